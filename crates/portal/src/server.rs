//! The process: listens, bounds, stops in order.

use crate::{app::App, routes};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use service::{CaptureRequest, Error, Result};
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::Semaphore,
};

/// Most connections at once; further ones wait in the system's queue.
const CONNECTIONS: usize = 1024;
/// A request's head must be here within.
const HEAD: Duration = Duration::from_secs(10);
/// Longest head, in bytes.
const HEAD_BYTES: usize = 32 << 10;
/// Requests under way may end within, when the process is asked to stop.
const STOP: Duration = Duration::from_secs(30);

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
    /// How and where pages are captured; its pages are none.
    pub capture: CaptureRequest,
}

/// What `serve` has to say.
#[derive(Clone, Debug)]
pub enum Event {
    /// It listens; the address to open.
    Listening(String),
    /// The one-time address of the set-up page.
    SetUp(String),
    /// Something worth saying, (zh, en).
    Warning(String, String),
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
    let app = App::open(config, events)?;
    let listener = TcpListener::bind(config.listen).await.map_err(|e| {
        let at = config.listen;
        Error::new(
            format!("不能在 {at} 监听（{e}）；请用 --listen 换一个地址"),
            format!("cannot listen on {at} ({e}); choose another address with --listen"),
        )
    })?;
    let at = listener.local_addr().unwrap_or(config.listen);
    let home = config.public.clone().unwrap_or_else(|| format!("http://{at}"));
    if let Some(token) = app.set_up_token()? {
        events(Event::SetUp(format!("{home}/set-up/{token}")));
    }
    events(Event::Listening(format!("{home}/")));
    app.begin();
    let router = routes::router(app.clone());
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let broken = |e: std::io::Error| {
        Error::new(format!("无法等待停止信号（{e}）"), format!("the signal to stop cannot be awaited ({e})"))
    };
    let mut term = signal(SignalKind::terminate()).map_err(broken)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(broken)?;
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = term.recv() => break,
            _ = interrupt.recv() => break,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of descriptors, or a peer that is gone already.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone().layer(axum::Extension(Peer(peer))));
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    app.stop();
    events(Event::Stopping);
    let _ = tokio::time::timeout(STOP, graceful.shutdown()).await;
    app.close()
}

/// Who is on the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub SocketAddr);
