//! A page over TLS, from order to verdict: the site's own key signs over the order, and a reader's own roots decide what
//! that is worth.
#![allow(clippy::unwrap_used)]

#[path = "../../capture/tests/tls/mod.rs"]
mod tls;

use serde_json::Value;
use service::{CaptureLine, CaptureRequest, ExportRequest, Folder, InitOptions, Mode};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tls::{Ca, GONE, Leaf, NOW, Server};

struct Desk {
    work: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { work: tempfile::tempdir().unwrap() };
        let (owner_kind, owner_name) = ("individual".into(), "林晚".into());
        Folder::init(&desk.path("data"), &InitOptions { owner_kind, owner_name, ..InitOptions::default() }).unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    /// Captures `https://shop.test:PORT/`; `also`: further ports of other names.
    fn capture(&self, port: u16, keys: &[&Leaf], also: &[(&str, u16)]) -> CaptureLine {
        let mut request = CaptureRequest { urls: vec![format!("https://shop.test:{port}/")], ..Default::default() };
        for (host, port) in also.iter().chain(&[("shop.test", port)]) {
            request.loopback.push(format!("{host}:{port}").parse().unwrap());
        }
        request.machine.own_keys = keys.iter().map(|leaf| leaf.key_pin()).collect();
        self.request(request)
    }

    fn request(&self, mut request: CaptureRequest) -> CaptureLine {
        request.machine.executable = Some(env!("CARGO_BIN_EXE_quezao").into());
        let mut folder = Folder::open(&self.path("data"), Mode::Write).unwrap();
        let lines = folder.capture(&request, &mut |_| ()).unwrap();
        folder.close().unwrap();
        lines.into_iter().next().unwrap()
    }

    /// What `verify` finds, with these roots for web sites in the reader's trust folder.
    fn contact(&self, line: &CaptureLine, roots: &[&Path]) -> Value {
        self.check(line, roots, "capture-contact")
    }

    fn check(&self, line: &CaptureLine, roots: &[&Path], wanted: &str) -> Value {
        let id = line.id.clone().unwrap();
        let (out, trust) = (self.path("out"), tempfile::tempdir().unwrap());
        let mut folder = Folder::open(&self.path("data"), Mode::Read).unwrap();
        let export = ExportRequest { ids: vec![id.clone()], output: out.clone(), wait: 30, ..Default::default() };
        folder.export(&export, &mut |_| ()).unwrap();
        for file in fs::read_dir(self.path("data/trust")).unwrap().flatten() {
            fs::copy(file.path(), trust.path().join(file.file_name())).unwrap();
        }
        for (n, root) in roots.iter().enumerate() {
            fs::copy(root, trust.path().join(format!("web-{n}.pem"))).unwrap();
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_quezao"));
        command.args(["verify", "--json", "--trust"]).arg(trust.path()).arg(out.join(format!("{id}.zip")));
        let done = command.env("LC_ALL", "C.UTF-8").output().unwrap();
        let verdict: Value = serde_json::from_slice(&done.stdout).unwrap();
        assert_eq!((&verdict["result"], done.status.code()), (&"verified".into(), Some(0)), "{verdict:#}");
        verdict["checks"].as_array().unwrap().iter().find(|check| check["id"] == wanted).unwrap().clone()
    }
}

/// A place to capture, and an authority of the test's own; `None` where this machine has neither browser nor openssl.
fn ready() -> Option<(Desk, Ca)> {
    let machine = capture::Machine { executable: Some(env!("CARGO_BIN_EXE_quezao").into()), ..Default::default() };
    if let Err(e) = capture::check(&machine) {
        eprintln!("not run: {e}");
        return None;
    }
    Ca::new().map(|ca| (Desk::new(), ca))
}

fn page(more: &str) -> String {
    format!(
        "<!doctype html><title>秋日</title><h1>连衣裙</h1><p>棉麻，三色，均码。价格 ¥199，月销 1,024 件。</p>{more}"
    )
}

#[test]
fn a_sites_key_signs_over_the_order_and_the_readers_roots_decide() {
    let Some((desk, ca)) = ready() else { return };
    let (shop, pictures) = (ca.leaf("shop.test", NOW), ca.leaf("pictures.test", NOW));
    let other = tls::serve(&pictures, true, page(""));
    let port = tls::serve(&shop, false, page(&format!("<iframe src=https://pictures.test:{other}/></iframe>")));
    let line = desk.capture(port, &[&shop, &pictures], &[("pictures.test", other)]);
    assert_eq!((line.status.as_str(), line.error.is_none()), ("complete", true), "{line:?}");
    let check = desk.contact(&line, &[&ca.root()]);
    assert_eq!(check["result"], "pass", "{check:#}");
    // Both the order's origin, and the further one that served a frame.
    let words = check["en"].as_str().unwrap();
    assert!(words.contains("shop.test (Quezao Test Root)") && words.contains("pictures.test"), "{words}");
    assert_eq!(desk.contact(&line, &[])["result"], "not_checked", "whose key it is, only the reader's roots say");
    let stranger = Ca::new().unwrap();
    assert_eq!(desk.contact(&line, &[&stranger.root()])["result"], "limited");
    // The machine's own judgement, by its own roots, is a warning to the operator.
    assert!(line.warnings.iter().any(|(_, en)| en.contains("does not lead to a root of this system")), "{line:?}");
}

#[test]
fn a_wrong_name_and_a_past_date_are_limited() {
    let Some((desk, ca)) = ready() else { return };
    for leaf in [ca.leaf("other.test", NOW), ca.leaf("shop.test", GONE)] {
        let line = desk.capture(tls::serve(&leaf, false, page("")), &[&leaf], &[]);
        assert_eq!(line.status, "complete", "{line:?}");
        let check = desk.contact(&line, &[&ca.root()]);
        assert_eq!(check["result"], "limited", "{check:#}");
        assert!(line.warnings.iter().any(|(_, en)| en.starts_with("the certificate of https://shop.test")), "{line:?}");
    }
}

#[test]
fn where_there_is_no_tls_1_3_there_is_no_proof_and_nothing_is_claimed() {
    let Some((desk, ca)) = ready() else { return };
    let leaf = ca.leaf("shop.test", NOW);
    let older = Server::start(&leaf, &["-tls1_2"]);
    let line = desk.capture(older.1, &[&leaf], &[]);
    assert!(line.id.is_some(), "{line:?}");
    let check = desk.contact(&line, &[&ca.root()]);
    assert_eq!(check["result"], "not_checked", "{check:#}");
    assert!(check["en"].as_str().unwrap().contains("proves nothing"));
}

/// A time server whose clock is `ahead` of ours, in seconds.
fn time_server(ahead: u64) -> String {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = socket.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut question = [0; 48];
        while let Ok((_, who)) = socket.recv_from(&mut question) {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            let seconds = u32::try_from(now.as_secs() + ahead + 2_208_988_800).unwrap().to_be_bytes();
            let fraction = u32::try_from((u64::from(now.subsec_micros()) << 32) / 1_000_000).unwrap().to_be_bytes();
            let time = [seconds, fraction].concat();
            let answer = [&[0x24, 2][..], &[0; 22], &question[40..], &time, &time].concat();
            let _ = socket.send_to(&answer, who);
        }
    });
    at
}

#[test]
fn the_statement_says_how_the_clock_stood_and_the_verdict_what_the_machine_reports() {
    let Some((desk, ca)) = ready() else { return };
    let leaf = ca.leaf("shop.test", NOW);
    let port = tls::serve(&leaf, false, page(""));
    for (ahead, clock) in [(0, "pass"), (5, "limited")] {
        let mut request = CaptureRequest { urls: vec![format!("https://shop.test:{port}/")], ..Default::default() };
        request.loopback.push(format!("shop.test:{port}").parse().unwrap());
        request.machine.own_keys = vec![leaf.key_pin()];
        request.machine.time_servers = vec![time_server(ahead)];
        let line = desk.request(request);
        let check = desk.check(&line, &[], "clock");
        assert!(check["result"] == clock && check["en"].as_str().unwrap().contains("127.0.0.1:"), "{check:#}");
        let check = desk.check(&line, &[], "capture-environment");
        let words = check["en"].as_str().unwrap();
        assert!(check["result"] == "limited" && words.contains("the browser took 1 keys"), "{check:#}");
        assert_eq!(words.contains("more than a second"), ahead > 1, "{words}");
    }
}

#[test]
fn a_machine_that_cannot_capture_puts_no_order_on_the_ledger() {
    let desk = Desk::new();
    let mut request = CaptureRequest { urls: vec!["https://shop.example/".into()], ..Default::default() };
    request.machine.chromium = "/nowhere/chromium".into();
    let line = desk.request(request);
    assert_eq!((line.status.as_str(), line.order.as_deref()), ("failed", None), "{line:?}");
    assert!(line.error.unwrap().en.contains("Chromium is not at /nowhere/chromium"));
    assert_eq!(Folder::open(&desk.path("data"), Mode::Read).unwrap().check_ledger().unwrap().0, 1, "leaf 0 alone");
}
