//! The process: listens, bounds, stops in order.

use crate::{
    app::App,
    log::Log,
    metrics,
    places::{Busy, Place, Places, Taken},
    routes,
    tls::{self, Pair},
};
use evidence::json::json;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
    service::TowerToHyperService,
};
use service::{CaptureRequest, Error, IdentityProvider, Mail, Network, OpenId, Result, SignUps};
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::Semaphore,
};
use tokio_rustls::TlsAcceptor;

/// Most connections at once.
const CONNECTIONS: usize = 1024;
/// Most of one address.
const OF_ONE: usize = 256;
/// Descriptors that the process needs besides: files, the database, a browser's pipes.
const OTHER_DESCRIPTORS: u64 = 256;
/// Most connections of monitors at once.
const MONITORS: usize = 8;
/// A request's head must be here within; so must a TLS handshake.
const HEAD: Duration = Duration::from_secs(10);
/// Longest head, in bytes.
const HEAD_BYTES: usize = 32 << 10;
/// Requests under way may end within, when the process is asked to stop.
const STOP: Duration = Duration::from_secs(30);
/// How often certificate files are looked at.
const LOOK: Duration = Duration::from_secs(30);

/// What `serve` is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// The data folder; absent or empty where it is still to be set up.
    pub data: PathBuf,
    /// Where to listen.
    pub listen: SocketAddr,
    /// The address that people open, where another program stands in front: `https://…`.
    pub public: Option<String>,
    /// Calls a minute that one API token may make; 0: as many as it likes.
    pub calls: u32,
    /// Certificate and key, PEM, where the portal encrypts by itself.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Who may sign up.
    pub sign_up: SignUps,
    /// Proxies whose word about a request is believed.
    pub trusted_proxies: Vec<Network>,
    /// Where a monitor may ask for figures.
    pub metrics: Option<SocketAddr>,
    /// How events and requests are written down.
    pub log: Log,
    /// Where letters go out, if they do.
    pub mail: Option<Mail>,
    /// By whose word people may sign in, if by anybody's.
    pub openid: Option<OpenId>,
    /// Who is asked whether a merchant's name is right, if anybody is.
    pub identity: Option<IdentityProvider>,
    /// How and where pages are captured; its pages are none.
    pub capture: CaptureRequest,
}

/// What `serve` has to say.
#[derive(Clone, Debug)]
pub enum Event {
    /// It listens; the address to open.
    Listening(String),
    /// A monitor may ask here.
    Metrics(String),
    /// The one-time address of the set-up page.
    SetUp(String),
    /// Something worth saying, (zh, en).
    Warning(String, String),
    /// Certificate and key were read again.
    Renewed,
    /// No new request is taken; those under way end.
    Stopping,
}

/// Serves until SIGTERM or SIGINT. `events` is called from this thread.
pub fn serve(config: &Config, events: &mut dyn FnMut(Event)) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime
        .map_err(|e| Error::new(format!("无法启动服务（{e}）"), format!("the server could not be started ({e})")))?;
    let done = runtime.block_on(listen(config, events));
    // A thread that still waits (a browser, a decode) is not waited for.
    runtime.shutdown_timeout(Duration::from_secs(5));
    done
}

async fn listen(config: &Config, events: &mut dyn FnMut(Event)) -> Result<()> {
    let pair = config.tls.as_ref().map(|(certificate, key)| Pair::open(certificate, key)).transpose()?;
    let acceptor = pair.clone().map(tls::acceptor).transpose()?;
    let places = Places::new(room(), OF_ONE);
    let app = App::open(config, pair.clone(), places.clone(), events)?;
    let mut warned = warn(pair.as_deref(), None, events);
    let listener = bind(config.listen, "--listen").await?;
    let at = listener.local_addr().unwrap_or(config.listen);
    let scheme = if acceptor.is_some() { "https" } else { "http" };
    let home = config.public.clone().unwrap_or_else(|| format!("{scheme}://{at}"));
    if let Some(monitored) = config.metrics {
        let listener = bind(monitored, "--metrics").await?;
        let at = listener.local_addr().unwrap_or(monitored);
        tokio::spawn(monitor(listener, app.clone()));
        events(Event::Metrics(format!("http://{at}/metrics")));
    }
    if let Some(token) = app.set_up_token()? {
        events(Event::SetUp(format!("{home}/set-up/{token}")));
    }
    events(Event::Listening(format!("{home}/")));
    app.begin();
    let router = routes::router(app.clone());
    let graceful = GracefulShutdown::new();
    let broken = |e: std::io::Error| {
        Error::new(format!("无法等待停止信号（{e}）"), format!("the signal to stop cannot be awaited ({e})"))
    };
    let mut term = signal(SignalKind::terminate()).map_err(broken)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(broken)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(broken)?;
    let mut look = tokio::time::interval(LOOK);
    loop {
        let renewed = tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, peer)) = accepted else {
                    // Out of descriptors, or a peer that is gone already.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                let proxy = config.trusted_proxies.iter().any(|n| n.contains(peer.ip()));
                // Nobody can be let go: this one is.
                let Some(place) = places.take(peer.ip(), !proxy) else { continue };
                let _ = stream.set_nodelay(true);
                let told = Peer { address: peer, encrypted: acceptor.is_some(), busy: place.busy.clone() };
                let router = router.clone().layer(axum::Extension(told));
                tokio::spawn(speak(stream, acceptor.clone(), router, graceful.watcher(), place));
                continue;
            }
            _ = term.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => pair.as_ref().map(|p| p.refresh(true)),
            _ = look.tick() => pair.as_ref().map(|p| p.refresh(false)),
        };
        match renewed {
            Some(Ok(true)) => events(Event::Renewed),
            Some(Err(e)) => events(Event::Warning(e.zh, e.en)),
            Some(Ok(false)) | None => {}
        }
        warned = warn(pair.as_deref(), warned, events);
    }
    drop(listener);
    app.stop();
    events(Event::Stopping);
    if tokio::time::timeout(STOP, graceful.shutdown()).await.is_err() {
        config.log.line("warn", "cut-off", &[("connections", json!(places.count()))]);
    }
    app.close()
}

/// Says that the certificate ends soon, or has ended: once a day, as the sentence names the days that are left.
fn warn(pair: Option<&Pair>, before: Option<String>, events: &mut dyn FnMut(Event)) -> Option<String> {
    let (zh, en) = pair?.ending()?;
    if before.as_ref() != Some(&en) {
        events(Event::Warning(zh, en.clone()));
    }
    Some(en)
}

async fn bind(at: SocketAddr, flag: &str) -> Result<TcpListener> {
    TcpListener::bind(at).await.map_err(|e| {
        Error::new(
            format!("不能在 {at} 监听（{e}）；请用 {flag} 换一个地址"),
            format!("cannot listen on {at} ({e}); choose another address with {flag}"),
        )
    })
}

/// How many connections the process may have open: it asks for as many descriptors as it is allowed.
fn room() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = CONNECTIONS as u64 + OTHER_DESCRIPTORS;
    let raised = maximum.map_or(wanted, |most| most.min(wanted)).max(current.unwrap_or(wanted));
    let got = match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }) {
        Ok(()) => raised,
        Err(_) => current.unwrap_or(wanted),
    };
    usize::try_from(got.saturating_sub(OTHER_DESCRIPTORS)).unwrap_or(CONNECTIONS).clamp(16, CONNECTIONS)
}

/// One connection, until it has said all, or has to go.
async fn speak(
    stream: tokio::net::TcpStream,
    acceptor: Option<TlsAcceptor>,
    router: axum::Router,
    watcher: Watcher,
    mut place: Place,
) {
    let ended = &mut place.ended;
    match acceptor {
        None => {
            let spoken = converse(stream, router, watcher);
            tokio::select! { () = spoken => {} _ = ended => {} }
        }
        Some(acceptor) => {
            let spoken = async {
                if let Ok(Ok(stream)) = tokio::time::timeout(HEAD, acceptor.accept(stream)).await {
                    converse(stream, router, watcher).await;
                }
            };
            tokio::select! { () = spoken => {} _ = ended => {} }
        }
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin + 'static>(stream: S, router: axum::Router, watcher: Watcher) {
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(Taken::new(stream)), TowerToHyperService::new(router));
    let _ = watcher.watch(connection).await;
}

/// Answers monitors, a few at a time.
async fn monitor(listener: TcpListener, app: App) {
    let (router, places) = (metrics::router(app), Arc::new(Semaphore::new(MONITORS)));
    while let Ok(place) = places.clone().acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let _ = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD)
                .keep_alive(false)
                .serve_connection(TokioIo::new(Taken::new(stream)), service)
                .await;
            drop(place);
        });
    }
}

/// Who is on the other end of the connection.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub address: SocketAddr,
    /// The connection itself is encrypted.
    pub encrypted: bool,
    /// What keeps the connection from being let go.
    pub busy: Busy,
}
