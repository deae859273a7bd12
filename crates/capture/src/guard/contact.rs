//! The guard's own handshake with a site: by its own rules, through the addresses that it pinned for the browser.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use evidence::contact::{Contact, MAX_BYTES};

use super::{Guard, What};
use crate::contact::handshake;
use crate::recording::Reason;

/// Both directions of one handshake, with room for what lies around the messages.
const BYTES_MAX: u64 = 2 * MAX_BYTES as u64;

/// A site that answered.
#[derive(Debug)]
pub(crate) struct Answered {
    /// As `evidence::contact` reads it.
    pub(crate) proof: Vec<u8>,
    /// What it shows.
    pub(crate) contact: Contact,
    /// Who answered.
    pub(crate) peer: SocketAddr,
}

impl Guard {
    /// One handshake with `random`, at most `wait` long. The reason says why there is no proof.
    pub(crate) fn contact(&self, host: &str, port: u16, random: [u8; 32], wait: Duration) -> Result<Answered, Reason> {
        let end = Instant::now() + wait;
        let stream = self.streams.fetch_add(1, Ordering::SeqCst) + 1;
        if stream > self.rules.connections {
            self.reached("connections");
            return Err(Reason::new("contact-limit", "守卫的连接数已达上限", "the guard's connections are used up"));
        }
        let target = format!("{host}:{port}");
        let permit = self.permit(stream, &target, None).map_err(|reason| {
            self.log.push(stream, What::Refused { target: format!("contact {target}"), reason: reason.clone() });
            Reason::new("contact-refused", format!("守卫拒绝（{reason}）"), format!("refused by the guard ({reason})"))
        })?;
        let (socket, peer) = self.reach(&permit.addresses, Some(end)).map_err(|e| {
            let reason = e.to_string();
            self.log.push(stream, What::Failed { target: format!("contact {target}"), reason: reason.clone() });
            Reason::new("contact-unreachable", format!("连接未成（{reason}）"), format!("no connection ({reason})"))
        })?;
        let (method, loopback) = ("contact".to_owned(), permit.loopback);
        self.log.push(stream, What::Connected { method, host: host.to_owned(), port, peer, loopback });
        let mut socket = Bounded { guard: self, socket, end, sent: 0, received: 0, limit: None };
        let done = handshake(&mut socket, host, random);
        let Bounded { sent, received, limit, .. } = socket;
        self.log.push(stream, What::Closed { sent, received, limit });
        match (done, limit) {
            (Ok((proof, contact)), _) => Ok(Answered { proof, contact, peer }),
            (Err(_), Some(limit)) => Err(Reason::new(
                "contact-limit",
                format!("握手达到上限（{limit}）"),
                format!("the handshake reached a limit ({limit})"),
            )),
            (Err(reason), None) => Err(reason),
        }
    }
}

/// A socket with an end in time and bytes.
struct Bounded<'g> {
    guard: &'g Guard,
    socket: TcpStream,
    end: Instant,
    sent: u64,
    received: u64,
    limit: Option<&'static str>,
}

impl Bounded<'_> {
    fn left(&mut self) -> io::Result<Duration> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() || self.guard.stop.load(Ordering::SeqCst) {
            self.limit = Some("time");
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(left)
    }

    fn count(&mut self, n: usize) -> io::Result<usize> {
        let bytes = n as u64;
        if self.guard.bytes.fetch_add(bytes, Ordering::SeqCst) + bytes > self.guard.rules.bytes {
            self.guard.reached("bytes");
            self.limit = Some("bytes");
        }
        if self.sent + self.received > BYTES_MAX {
            self.limit = Some("bytes");
        }
        if self.limit.is_some() { Err(io::Error::other("a limit of bytes")) } else { Ok(n) }
    }

    fn waited(&mut self, error: io::Error) -> io::Error {
        if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
            self.limit = Some("time");
        }
        error
    }
}

impl Read for Bounded<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.left()?;
        self.socket.set_read_timeout(Some(left))?;
        let n = self.socket.read(into).map_err(|e| self.waited(e))?;
        self.received += n as u64;
        self.count(n)
    }
}

impl Write for Bounded<'_> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        let left = self.left()?;
        self.socket.set_write_timeout(Some(left))?;
        let n = self.socket.write(from).map_err(|e| self.waited(e))?;
        self.sent += n as u64;
        self.count(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

#[cfg(test)]
mod tests;
