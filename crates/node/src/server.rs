//! The node over HTTP: what is posted to the witness, and what anybody may read.
//!
//! Rules: bodies, heads, connections and waiting are bounded; no request can make the node read or write anything but
//! what is named here. Encryption is a proxy's in front.

use crate::{
    Answer, Config, Error, Event, Events, Held, Node, Result, Watched,
    desk::{self, Desk},
    paced::Paced,
    request::MAX_REQUEST,
    state,
};
use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tokio::{
    net::TcpListener,
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
    sync::Semaphore,
};

/// Most connections at once.
const CONNECTIONS: usize = 256;
/// A request's head must be here within; an idle connection ends after it.
const HEAD: Duration = Duration::from_secs(15);
/// Longest head, in bytes.
const HEAD_BYTES: usize = 16 << 10;
/// A body must be here within.
const BODY: Duration = Duration::from_secs(10);
/// The longest rest of a follower whose log does not answer.
const RESTED: Duration = Duration::from_secs(60);
/// Peers are asked so many times less often than ledgers.
const GOSSIP: u32 = 10;
/// Before the first answer logs are waited for so long.
const LOOK_BACK: Duration = Duration::from_secs(5);
/// A connection's longest life.
const LIFE: Duration = Duration::from_secs(600);
/// An answer's reader must take some of it within.
const READ: Duration = Duration::from_secs(15);
/// What is over is forgotten so often.
const FORGET: Duration = Duration::from_secs(30);
/// Of the connections, those that are kept for `add-checkpoint`'s clients alone: one request each, and others leave them
/// at once.
const RESERVED: usize = 32;
/// There a request's head must be here within.
const HEAD_SCARCE: Duration = Duration::from_secs(3);
/// The longest life of a connection there: a body and its answer.
const LIFE_SCARCE: Duration = Duration::from_secs(20);

/// A node that listens, until it is dropped.
pub struct Running {
    node: Arc<Node>,
    address: SocketAddr,
    runtime: Option<Runtime>,
    /// Dropped to end the followers.
    followers: Option<Vec<(Sender<()>, JoinHandle<()>)>>,
}

/// Opens the node and listens.
pub fn start(config: &Config, events: Events) -> Result<Running> {
    let node = Arc::new(Node::open(config, events)?);
    let no = |e: std::io::Error| {
        let at = config.listen;
        Error::new(
            format!("不能在 {at} 监听（{e}）；请用 --listen 换一个地址"),
            format!("cannot listen on {at} ({e}); choose another address with --listen"),
        )
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(no)?;
    let listener = runtime.block_on(TcpListener::bind(config.listen)).map_err(no)?;
    let address = listener.local_addr().map_err(no)?;
    look_back(&node);
    let followers = (0..node.watched().len()).map(|n| {
        let (node, every) = (node.clone(), config.every);
        spawn(move |stopped| follow(&node, n, every, stopped))
    });
    let gossip = (0..node.peers()).map(|n| {
        let (node, every) = (node.clone(), config.every * GOSSIP);
        spawn(move |stopped| {
            // Who does not answer was told by `ask_peer`.
            repeat(every, stopped, || if node.ask_peer(n).is_ok() { Some(every) } else { None });
        })
    });
    let followers = followers.chain(gossip).collect();
    let desk = Arc::new(Desk::new(node.clone(), config));
    // Made now, so that who is told the node's keys is told who signs its reports.
    if let Err(e) = desk.signer() {
        node.tell(Event::Warning(e.zh, e.en));
    }
    runtime.spawn(forget(desk.clone()));
    let all = router(node.clone()).merge(desk::routes(desk));
    runtime.spawn(listen(listener, all, witness_alone(node.clone())));
    Ok(Running { node, address, runtime: Some(runtime), followers: Some(followers) })
}

/// Before anybody is answered, for a short while: what each log shows under this node's own cosignature.
fn look_back(node: &Arc<Node>) {
    let (send, done) = std::sync::mpsc::channel();
    for n in 0..node.watched().len() {
        let (node, send) = (node.clone(), send.clone());
        thread::spawn(move || {
            // A log that does not answer is told by its follower.
            let _ = node.watched()[n].look_back();
            let _ = send.send(());
        });
    }
    drop(send);
    let until = Instant::now() + LOOK_BACK;
    while done.recv_timeout(until.saturating_duration_since(Instant::now())).is_ok() {}
}

/// A thread, and what ends it.
fn spawn(work: impl FnOnce(&Receiver<()>) + Send + 'static) -> (Sender<()>, JoinHandle<()>) {
    let (stop, stopped) = std::sync::mpsc::channel();
    (stop, thread::spawn(move || work(&stopped)))
}

/// Looks at one log again and again; one that does not answer is said once, and what is mirrored of it is examined all
/// the same.
fn follow(node: &Node, n: usize, every: Duration, stopped: &Receiver<()>) {
    let (watched, mut said) = (&node.watched()[n], None);
    repeat(every, stopped, || {
        let (followed, examined) = (watched.follow(), watched.examine());
        let more = examined == Ok(true);
        match followed.and(examined) {
            Ok(_) => {
                said = None;
                Some(if more { Duration::ZERO } else { every })
            }
            Err(e) => {
                if said.as_ref() != Some(&e) {
                    node.tell(Event::Warning(e.zh.clone(), e.en.clone()));
                }
                said = Some(e);
                more.then_some(every)
            }
        }
    });
}

/// `look` again and again, after as long as it says; where it says nothing, after longer each time.
fn repeat(every: Duration, stopped: &Receiver<()>, mut look: impl FnMut() -> Option<Duration>) {
    let mut wait = every;
    loop {
        wait = look().unwrap_or_else(|| (wait * 2).clamp(every, RESTED.max(every)));
        if !matches!(stopped.recv_timeout(wait), Err(RecvTimeoutError::Timeout)) {
            return;
        }
    }
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The node.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Waits for SIGTERM or SIGINT; `ready` is called once neither ends the process any more.
    pub fn until_told(&self, ready: impl FnOnce()) -> Result<()> {
        let Some(runtime) = &self.runtime else { return Ok(()) };
        let wait = async {
            let (mut term, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
            ready();
            tokio::select! { _ = term.recv() => {} _ = interrupt.recv() => {} }
            Ok::<(), std::io::Error>(())
        };
        runtime.block_on(wait).map_err(|e| {
            Error::new(format!("无法等待停止信号（{e}）"), format!("the signal to stop cannot be awaited ({e})"))
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let (stops, threads): (Vec<_>, Vec<_>) = self.followers.take().into_iter().flatten().unzip();
        drop(stops);
        self.node.watched().iter().for_each(crate::Watched::halt);
        threads.into_iter().for_each(|thread| drop(thread.join()));
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }
}

/// Nothing that was laid on the desk stays longer than is said, also where nobody comes any more.
async fn forget(desk: Arc<Desk>) {
    loop {
        tokio::time::sleep(FORGET).await;
        desk.forget(crate::now());
    }
}

fn router(node: Arc<Node>) -> Router {
    Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/witness/{hash}/checkpoint", get(witnessed))
        .route("/mirror/{hash}/checkpoint", get(mirrored))
        .route("/mirror/{hash}/tile/{*path}", get(tile))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(node)
}

/// What is answered where places are scarce: the ledger, and nobody who reads.
fn witness_alone(node: Arc<Node>) -> Router {
    let busy = async || text(503, "too many readers at once; try again later\n".to_owned());
    Router::new().route("/add-checkpoint", post(add_checkpoint)).fallback(busy).with_state(node)
}

async fn listen(listener: TcpListener, all: Router, witness: Router) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    while let Ok(place) = places.clone().acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, or a peer that is gone already.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let scarce = places.available_permits() < RESERVED;
        let service = TowerToHyperService::new(if scarce { witness.clone() } else { all.clone() });
        let (head, life) = if scarce { (HEAD_SCARCE, LIFE_SCARCE) } else { (HEAD, LIFE) };
        tokio::spawn(async move {
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(head)
                .keep_alive(!scarce)
                .max_buf_size(HEAD_BYTES)
                .serve_connection(TokioIo::new(Paced::new(stream, READ)), service);
            let _ = tokio::time::timeout(life, connection).await;
            drop(place);
        });
    }
}

async fn add_checkpoint(State(node): State<Arc<Node>>, body: Body) -> Response {
    let body = match tokio::time::timeout(BODY, Limited::new(body, MAX_REQUEST).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(e)) if e.is::<LengthLimitError>() => {
            return text(413, format!("a body of more than {MAX_REQUEST} bytes\n"));
        }
        Ok(Err(_)) => return text(400, "the body ended early\n".to_owned()),
        Err(_) => return text(408, format!("the body was not here within {} s\n", BODY.as_secs())),
    };
    let answered = tokio::task::spawn_blocking(move || node.add_checkpoint(&body)).await;
    match answered {
        Ok(Answer::Cosigned(lines)) => text(200, lines),
        Ok(Answer::Size(size)) => {
            let mut response = text(409, format!("{size}\n"));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/x.tlog.size"));
            response
        }
        Ok(Answer::Refused(status, why)) => text(status, format!("{}\n", why.en)),
        Err(_) => text(500, "the request could not be answered\n".to_owned()),
    }
}

/// The last checkpoint that was cosigned (tlog-witness, monitoring prefix `/witness`).
async fn witnessed(State(node): State<Arc<Node>>, Path(hash): Path<String>) -> Response {
    note(node.of_hash(&hash).and_then(|watched| watched.witness.held()))
}

/// The checkpoint of the copy, with the mirror's own line (tlog-mirror, monitoring prefix `/mirror`).
async fn mirrored(State(node): State<Arc<Node>>, Path(hash): Path<String>) -> Response {
    note(node.of_hash(&hash).and_then(Watched::mirrored))
}

fn note(held: Option<Held>) -> Response {
    match held {
        Some(held) => answer(held.note, "text/plain; charset=utf-8", "no-cache"),
        None => text(404, "this node has no checkpoint of such a log\n".to_owned()),
    }
}

async fn tile(State(node): State<Arc<Node>>, Path((hash, path)): Path<(String, String)>) -> Response {
    let read = move || node.of_hash(&hash).and_then(|watched| watched.file(&path));
    match tokio::task::spawn_blocking(read).await.ok().flatten() {
        Some(bytes) => answer(bytes, "application/octet-stream", "public, max-age=31536000, immutable"),
        None => text(404, "the copy has no such file\n".to_owned()),
    }
}

/// 200 whatever it says: it witnesses all the same.
async fn ready(State(node): State<Arc<Node>>) -> Response {
    read(node, state::ready).await
}

async fn metrics(State(node): State<Arc<Node>>) -> Response {
    read(node, state::figures).await
}

async fn read(node: Arc<Node>, word: fn(&state::State) -> String) -> Response {
    match tokio::task::spawn_blocking(move || node.state()).await {
        Ok(Ok(state)) => text(200, word(&state)),
        Ok(Err(e)) => text(500, format!("{}\n", e.en)),
        Err(_) => text(500, "the node's state could not be read\n".to_owned()),
    }
}

fn answer(bytes: Vec<u8>, kind: &'static str, cache: &'static str) -> Response {
    let heads = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, cache),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    (heads, bytes).into_response()
}

fn text(status: u16, text: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")], text)
        .into_response()
}
