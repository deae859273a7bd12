//! The egress guard: the only way out of a capture.
//!
//! An HTTP proxy on the listener that stands inside the namespace. Rules:
//! - a name is resolved once a capture, by every resolver that the operator named, and refused unless *every* answer is
//!   globally routable;
//! - connections go to the pinned address, ports 80 and 443 only; the operator's loopback exceptions apart;
//! - a tunnel carries bytes, never opened: TLS ends in the browser and at the site;
//! - a plain-HTTP connection carries one request, so that each is checked: whatever the browser sends
//!   after it on the same connection goes nowhere;
//! - its own handshakes (contact proofs) go by the same rules and addresses;
//! - bytes and time are capped, and everything is logged;
//! - the browser's own calls home are refused before a name is asked for.

mod address;
mod contact;
mod dns;
mod host;
mod log;
mod proxy;
mod resolve;

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub use address::refusal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
pub(crate) use contact::Answered;
pub use dns::Dns;
pub use host::{Host, Loopback, authority, host};
pub(crate) use log::Log;
pub use log::{Event, What};
pub use resolve::{Answer, Resolver, Said, Several, System};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// The guard's bounds.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Exceptions that the operator named.
    pub loopback: Vec<Loopback>,
    /// Bytes through the guard in both directions, all connections together.
    pub bytes: u64,
    /// Connections, all together.
    pub connections: u64,
    /// A connection that is silent for so long is closed.
    pub idle: Duration,
    /// For the connection's making.
    pub connect: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            loopback: Vec::new(),
            bytes: 1 << 30,
            connections: 20_000,
            idle: Duration::from_secs(60),
            connect: Duration::from_secs(10),
        }
    }
}

/// Makes the outgoing connections; tests put their own in its place and see what would have left.
pub trait Connect: Send + Sync {
    /// A connection to exactly this address.
    fn connect(&self, to: SocketAddr, wait: Duration) -> io::Result<TcpStream>;
}

/// Connects.
#[derive(Clone, Copy, Debug, Default)]
pub struct Direct;

impl Connect for Direct {
    fn connect(&self, to: SocketAddr, wait: Duration) -> io::Result<TcpStream> {
        TcpStream::connect_timeout(&to, wait)
    }
}

/// Chromium calls home in spite of all flags; no page needs these names.
const BROWSERS_OWN: &[&str] = &[
    "android.clients.google.com",
    "clients1.google.com",
    "clients2.google.com",
    "connectivitycheck.gstatic.com",
    "content-autofill.googleapis.com",
    "edgedl.me.gvt1.com",
    "mtalk.google.com",
    "optimizationguide-pa.googleapis.com",
    "redirector.gvt1.com",
    "safebrowsing.googleapis.com",
    "update.googleapis.com",
];

/// Connections at one moment; Chromium itself keeps to 32 by proxy.
const AT_ONCE: usize = 256;

/// What all of a guard's threads share.
pub struct Guard {
    rules: Rules,
    resolver: Box<dyn Resolver>,
    connect: Box<dyn Connect>,
    log: Log,
    pins: Mutex<BTreeMap<String, Pinned>>,
    bytes: AtomicU64,
    streams: AtomicU64,
    open: AtomicUsize,
    stop: AtomicBool,
    limit: Mutex<Option<&'static str>>,
    /// Marks the guard's own refusals, so that no site can imitate one.
    mark: String,
}

type Pinned = Arc<Mutex<Option<Result<Vec<IpAddr>, String>>>>;

/// A target that may be contacted.
#[derive(Debug)]
pub(crate) struct Permit {
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) loopback: bool,
}

impl Guard {
    /// `mark`: a secret of this capture's, which the recorder knows too.
    pub fn new(
        rules: Rules,
        resolver: Box<dyn Resolver>,
        connect: Box<dyn Connect>,
        started: Instant,
        mark: String,
    ) -> Self {
        Self {
            rules,
            resolver,
            connect,
            log: Log::new(started),
            pins: Mutex::default(),
            bytes: AtomicU64::new(0),
            streams: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            limit: Mutex::new(None),
            mark,
        }
    }

    /// Serves the listener on threads of its own until [`Guard::stop`].
    pub fn serve(self: &Arc<Self>, listener: TcpListener) -> io::Result<()> {
        // Woken now and then: nobody outside of the namespace can connect to it to wake it.
        listener.set_nonblocking(true)?;
        let guard = Arc::clone(self);
        std::thread::Builder::new().name("guard".to_owned()).spawn(move || {
            while !guard.stop.load(Ordering::SeqCst) {
                let tick = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
                let _ = poll(&mut [PollFd::new(&listener, PollFlags::IN)], Some(&tick));
                let Ok((client, _)) = listener.accept() else { continue };
                // Chromium tries again at once what a stopped connection cut off.
                if guard.stop.load(Ordering::SeqCst) {
                    break;
                }
                let stream = guard.streams.fetch_add(1, Ordering::SeqCst) + 1;
                if stream > guard.rules.connections {
                    guard.reached("connections");
                    continue;
                }
                if guard.open.fetch_add(1, Ordering::SeqCst) >= AT_ONCE {
                    guard.open.fetch_sub(1, Ordering::SeqCst);
                    guard
                        .log
                        .push(stream, What::Refused { target: String::new(), reason: "too many at once".to_owned() });
                    continue;
                }
                let one = Arc::clone(&guard);
                let made = std::thread::Builder::new().name("guard-stream".to_owned()).spawn(move || {
                    proxy::serve(&one, stream, client);
                    one.open.fetch_sub(1, Ordering::SeqCst);
                });
                if made.is_err() {
                    guard.open.fetch_sub(1, Ordering::SeqCst);
                }
            }
        })?;
        Ok(())
    }

    /// No connection lives on after this.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    /// The log so far, and how many further events were only counted.
    pub fn events(&self) -> (Vec<Event>, u64) {
        self.log.take()
    }

    /// Hosts and ports to which the browser had a tunnel.
    pub(crate) fn tunnels(&self) -> Vec<(String, u16)> {
        self.log.tunnels()
    }

    /// The first pinned address that answers, before `end` where there is one.
    pub(crate) fn reach(&self, addresses: &[SocketAddr], end: Option<Instant>) -> io::Result<(TcpStream, SocketAddr)> {
        let mut last = io::Error::other("no address");
        for address in addresses.iter().take(4) {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match self.connect.connect(*address, left.map_or(self.rules.connect, |left| left.min(self.rules.connect))) {
                Ok(socket) => return Ok((socket, *address)),
                Err(e) => last = e,
            }
        }
        Err(last)
    }

    /// The limit that was reached, if one was.
    pub fn limit(&self) -> Option<&'static str> {
        self.limit.lock().ok().and_then(|limit| *limit)
    }

    fn reached(&self, what: &'static str) {
        if let Ok(mut limit) = self.limit.lock() {
            limit.get_or_insert(what);
        }
    }

    /// Where `host:port` may be contacted, or why not.
    pub(crate) fn permit(&self, stream: u64, authority: &str, default: Option<u16>) -> Result<Permit, String> {
        if let Some(port) = self.exception(authority, default) {
            return Ok(Permit { addresses: vec![(Ipv4Addr::LOCALHOST, port).into()], loopback: true });
        }
        let (host, port) = host::authority(authority, default)?;
        if !matches!(port, 80 | 443) {
            return Err(format!("port {port}: only 80 and 443 are contacted"));
        }
        let addresses = match host {
            Host::Address(address) => match refusal(address) {
                Some(why) => return Err(format!("{address}: {why}")),
                None => vec![address],
            },
            Host::Name(name) if BROWSERS_OWN.contains(&name.as_str()) => {
                return Err("the browser's own call home".to_owned());
            }
            Host::Name(name) => self.pinned(stream, &name)?,
        };
        Ok(Permit { addresses: addresses.into_iter().map(|ip| (ip, port).into()).collect(), loopback: false })
    }

    fn exception(&self, authority: &str, default: Option<u16>) -> Option<u16> {
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !port.is_empty() => {
                (host, port.parse().ok())
            }
            _ => (authority, default),
        };
        let port = port?;
        self.rules.loopback.iter().any(|one| one.port == port && one.host.eq_ignore_ascii_case(host)).then_some(port)
    }

    /// The name's addresses, asked for once; a refusal stays a refusal too.
    fn pinned(&self, stream: u64, name: &str) -> Result<Vec<IpAddr>, String> {
        let slot = {
            let mut pins = self.pins.lock().map_err(|_| "the guard has failed".to_owned())?;
            if pins.len() >= 4096 && !pins.contains_key(name) {
                return Err("too many names in one capture".to_owned());
            }
            Arc::clone(pins.entry(name.to_owned()).or_default())
        };
        let mut slot = slot.lock().map_err(|_| "the guard has failed".to_owned())?;
        slot.get_or_insert_with(|| self.ask(stream, name)).clone()
    }

    /// Every resolver's every address must be globally routable; the first answer that has one is where to go.
    fn ask(&self, stream: u64, name: &str) -> Result<Vec<IpAddr>, String> {
        let (mut answers, mut silent) = (Vec::new(), None);
        for said in self.resolver.ask(name) {
            let (name, resolver) = (name.to_owned(), said.resolver);
            match said.answer {
                Ok(answer) => {
                    let raw = answer.raw.iter().map(|raw| STANDARD.encode(raw)).collect();
                    let shown = answer.addresses.iter().map(ToString::to_string).collect();
                    self.log.push(
                        stream,
                        What::Resolved { name, resolver, answers: shown, raw, note: answer.note.clone() },
                    );
                    answers.push(answer);
                }
                Err(reason) => {
                    silent.get_or_insert_with(|| reason.clone());
                    self.log.push(stream, What::Unanswered { name, resolver, reason });
                }
            }
        }
        for address in answers.iter().flat_map(|answer| &answer.addresses) {
            if let Some(why) = refusal(*address) {
                return Err(format!("{name} has the address {address}: {why}"));
            }
        }
        let note = answers.iter().find_map(|answer| answer.note.clone());
        match answers.into_iter().find(|answer| !answer.addresses.is_empty()) {
            Some(answer) => Ok(answer.addresses),
            None => {
                Err(note.or(silent).map_or_else(|| format!("{name} has no address"), |why| format!("{name}: {why}")))
            }
        }
    }
}
