//! Bodies that are too large, too slow, of another type, too many: each refused by name, none held, and the desk goes on.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::{Config, Node, desk::Patience};
use axum::body::Bytes;
use evidence::note::Signer;
use http_body_util::BodyExt;
use std::{
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Poll},
    time::Duration,
};
use tokio::runtime::{Builder, Runtime};

const FORM: &str = "multipart/form-data; boundary=edge";
const CHUNK: usize = 1 << 20;

fn part(field: &str, name: &str) -> String {
    format!("--edge\r\ncontent-disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\r\n")
}

/// So many MiB after this beginning, then nothing more ever, or the end; counts what was taken.
struct Flood {
    head: Option<Bytes>,
    left: usize,
    ends: bool,
    taken: Arc<AtomicUsize>,
}

impl hyper::body::Body for Flood {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
        if let Some(head) = self.head.take() {
            return Poll::Ready(Some(Ok(hyper::body::Frame::data(head))));
        }
        if self.left == 0 {
            return if self.ends { Poll::Ready(None) } else { Poll::Pending };
        }
        self.left -= 1;
        self.taken.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Some(Ok(hyper::body::Frame::data(Bytes::from_static(&[7; CHUNK])))))
    }
}

/// A desk without trust or copy, which waits as long as this.
fn desk(patience: Patience) -> (tempfile::TempDir, Arc<Desk>, Runtime) {
    let dir = tempfile::tempdir().unwrap();
    let config = Config {
        data: dir.path().join("node"),
        state: dir.path().join("state"),
        ledgers: vec!["http://127.0.0.1:9/ledger".into()],
        log_keys: vec![Signer::from_seed("log.example/a", &[1; 32]).unwrap().verifier_key()],
        peers: Vec::new(),
        name: Some("court.example/node".into()),
        ml_dsa: false,
        begin_anew: false,
        listen: "127.0.0.1:0".parse().unwrap(),
        every: Duration::from_secs(1),
        desk_token: None,
        tls: None,
    };
    let node = Arc::new(Node::open(&config, Arc::new(|_| ())).unwrap());
    let mut desk = Desk::new(node, &config);
    desk.patience = patience;
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    (dir, Arc::new(desk), runtime)
}

const SHORT: Patience = Patience { body: Duration::from_millis(200), place: Duration::from_millis(50) };
const LONG: Patience = Patience { body: Duration::from_secs(600), place: Duration::from_secs(600) };

fn request(kind: &str, body: Body) -> Request {
    let request = Request::post("/api/v1/verifications").header(header::HOST, "127.0.0.1");
    request.header(header::CONTENT_TYPE, kind).body(body).unwrap()
}

fn small(evidence: &[u8]) -> Request {
    let body = [part("evidence", "c.zip").as_bytes(), evidence, b"\r\n--edge--\r\n"].concat();
    request(FORM, Body::from(body))
}

/// Status, and the JSON of the answer.
async fn asked(desk: &Arc<Desk>, request: Request) -> (u16, serde_json::Value) {
    // By the routes, whose layers are part of what is bounded.
    let service = hyper_util::service::TowerToHyperService::new(routes(desk.clone()));
    let answer = hyper::service::Service::call(&service, request).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

/// A problem document that says why in both languages.
fn says(problem: &serde_json::Value, zh: &str, en: &str) {
    let text = |name: &str| problem[name].as_str().unwrap_or_default();
    assert!(text("detail_zh").contains(zh) && text("detail").contains(en), "{problem}");
}

#[test]
fn what_is_too_large_is_refused_and_no_more_of_it_is_taken() {
    let (_dir, desk, runtime) = desk(LONG);
    runtime.block_on(async {
        // As much as somebody cares to send.
        for field in ["evidence", "file"] {
            let taken = Arc::new(AtomicUsize::new(0));
            let head = Some(Bytes::from(part(field, "big.bin")));
            let flood = Flood { head, left: 4096, ends: true, taken: taken.clone() };
            let (status, problem) = asked(&desk, request(FORM, Body::new(flood))).await;
            assert_eq!(status, 413, "{problem}");
            says(&problem, "160 MiB", "160 MiB");
            assert!(taken.load(Ordering::Relaxed) <= MAX_BODY / CHUNK + 1, "{taken:?}");
        }
        // A whole form whose evidence is a byte too long.
        let (status, problem) = asked(&desk, small(&vec![7; MAX_EVIDENCE + 1])).await;
        assert_eq!(status, 413, "{problem}");
        says(&problem, "64 MiB", "64 MiB");
        assert_eq!(asked(&desk, small(b"PK nothing")).await.0, 200, "and the desk goes on");
    });
}

#[test]
fn a_slow_body_ends_by_itself_and_its_place_is_free_again() {
    let (_dir, desk, runtime) = desk(SHORT);
    runtime.block_on(async {
        for _ in 0..super::super::BODIES + 1 {
            let head = Some(Bytes::from(part("evidence", "slow.zip")));
            let slow = Flood { head, left: 1, ends: false, taken: Arc::default() };
            let (status, problem) = asked(&desk, request(FORM, Body::new(slow))).await;
            assert_eq!(status, 408, "{problem}");
            says(&problem, "传得太慢", "too slow");
        }
    });
    assert_eq!(desk.bodies.available_permits(), super::super::BODIES);
}

#[test]
fn another_type_and_half_a_form_are_named() {
    let (_dir, desk, runtime) = desk(LONG);
    let half = [part("evidence", "c.zip").as_bytes(), b"PK\x03\x04"].concat();
    let open = b"--edge\r\ncontent-disposition: form-data; name=\"evidence\"\r\n\r\nPK".to_vec();
    for (kind, body, status, zh, en) in [
        ("application/json", b"{}".to_vec(), 415, "multipart/form-data", "multipart/form-data"),
        ("application/zip", b"PK\x03\x04".to_vec(), 415, "multipart/form-data", "multipart/form-data"),
        ("multipart/form-data", Vec::new(), 415, "multipart/form-data", "multipart/form-data"),
        (FORM, half, 413, "不完整", "not whole"),
        (FORM, open, 413, "不完整", "not whole"),
        (FORM, b"--edge--\r\n".to_vec(), 422, "请选择", "choose"),
        (
            FORM,
            part("evidence", "empty.pdf").into_bytes().into_iter().chain(*b"\r\n--edge--\r\n").collect(),
            422,
            "请选择",
            "choose",
        ),
    ] {
        let (found, problem) = runtime.block_on(asked(&desk, request(kind, Body::from(body))));
        assert_eq!(found, status, "{kind}: {problem}");
        says(&problem, zh, en);
    }
    let many: Vec<u8> =
        (0..=MAX_ORIGINALS).flat_map(|n| format!("{}x\r\n", part("file", &format!("{n}.jpg"))).into_bytes()).collect();
    let (status, problem) =
        runtime.block_on(asked(&desk, request(FORM, Body::from([&many[..], b"--edge--\r\n"].concat()))));
    assert_eq!(status, 422, "{problem}");
    says(&problem, "16 个", "16 originals");
}

#[test]
fn of_many_at_once_some_wait_and_are_told_that_the_node_is_busy() {
    let (_dir, desk, runtime) = desk(Patience { place: Duration::from_millis(50), ..LONG });
    runtime.block_on(async {
        // Bodies that never end hold every place for one.
        let taken = Arc::new(AtomicUsize::new(0));
        let held: Vec<_> = (0..super::super::BODIES)
            .map(|_| {
                let (desk, taken) = (desk.clone(), taken.clone());
                let head = Some(Bytes::from(part("evidence", "slow.zip")));
                let body = Body::new(Flood { head, left: 1, ends: false, taken });
                tokio::spawn(async move { asked(&desk, request(FORM, body)).await })
            })
            .collect();
        while taken.load(Ordering::Relaxed) < super::super::BODIES {
            tokio::task::yield_now().await;
        }
        let (status, problem) = asked(&desk, small(b"PK nothing")).await;
        assert_eq!(status, 503, "{problem}");
        says(&problem, "正忙", "busy");
        // Who goes away gives his place back.
        held.iter().for_each(tokio::task::JoinHandle::abort);
        for one in held {
            assert!(one.await.is_err());
        }
        assert_eq!(asked(&desk, small(b"PK nothing")).await.0, 200);

        // Looks have places of their own; a page says the same as the API.
        let looks = desk.places.clone().acquire_many_owned(super::super::AT_ONCE as u32).await.unwrap();
        assert_eq!(asked(&desk, small(b"PK nothing")).await.0, 503);
        let reader = Reader { locale: Locale::Zh, typed: "0".repeat(64), laid: false };
        let page = record(State(desk.clone()), reader).await;
        assert_eq!(page.status(), 503);
        let page = page.into_body().collect().await.unwrap().to_bytes();
        assert!(String::from_utf8_lossy(&page).contains("节点正忙"));
        drop(looks);
        assert_eq!(asked(&desk, small(b"PK nothing")).await.0, 200);
    });
}

/// What was laid down is held for a while, and never more than a few, nor more than is said.
#[test]
fn results_are_kept_in_a_bounded_room() {
    let (_dir, desk, _runtime) = desk(LONG);
    let look = |bytes: usize| {
        let given = Given { name: "c.zip".into(), evidence: vec![7; bytes], originals: Vec::new(), beside: None };
        desk.keep(Arc::new(desk.examine(given, now()).unwrap()), now()).unwrap()
    };
    let kept = || desk.kept.lock().unwrap().iter().map(|k| k.examined.evidence.len()).collect::<Vec<_>>();
    let first = look(1);
    (0..super::super::KEPT).for_each(|_| drop(look(2)));
    assert!(desk.kept(&first, now()).is_none() && kept().len() == super::super::KEPT);
    let large: Vec<String> = (0..4).map(|_| look(40 << 20)).collect();
    assert!(kept().iter().sum::<usize>() <= super::super::KEPT_BYTES, "{:?}", kept());
    assert!(desk.kept(&large[3], now()).is_some());
    desk.forget(now().plus(super::super::KEPT_FOR));
    assert!(kept().is_empty());
}

/// What the desk takes, its report carries and says so, and a reader finds it there.
#[test]
fn a_report_carries_evidence_that_no_certificate_could() {
    let (_dir, desk, _runtime) = desk(LONG);
    for (mebibytes, carried) in [(20, true), (49, false)] {
        let evidence = [b"PK".as_slice(), &vec![7; mebibytes << 20]].concat();
        let given = Given { name: "c.zip".into(), evidence: evidence.clone(), originals: Vec::new(), beside: None };
        let report = desk.report(&desk.examine(given, now()).unwrap(), Locale::En).unwrap();
        assert_eq!(verify::reported(&report), carried.then_some(evidence));
        let verdict = verify::check_certificate(&report, &verify::Trust::default(), &[], now());
        let said = |id: &str| verdict.find(id).map(|check| check.result);
        assert_eq!(said("report"), Some(verify::Outcome::NotChecked), "its signer is not this reader's");
        let form = if carried { verify::Outcome::Fail } else { verify::Outcome::NotChecked };
        assert_eq!(said("form"), Some(form), "{}", verdict.to_json());
    }
}
