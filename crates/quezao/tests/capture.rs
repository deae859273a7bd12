//! A page becomes evidence: ordered first, captured by an isolated browser, verified like any other record.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::PathBuf,
    process::{Command, Output},
};

struct Desk {
    work: tempfile::TempDir,
    site: u16,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { work: tempfile::tempdir().unwrap(), site: site() };
        let made = desk.run(&["init", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚"]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quezao"));
        command.args(args).current_dir(self.work.path()).env("QUEZAO_STATE_DIR", self.path("state"));
        command.env("LC_ALL", "C.UTF-8").env_remove("QUEZAO_DATA").output().unwrap()
    }

    fn capture(&self, path: &str) -> (Value, i32) {
        let (open, url) = (format!("127.0.0.1:{}", self.site), format!("http://127.0.0.1:{}{path}", self.site));
        let out = self.run(&["capture", "--data", "data", "--allow-loopback", &open, "--json", &url]);
        (serde_json::from_slice(&out.stdout).unwrap(), out.status.code().unwrap())
    }

    fn verify(&self, package: &str) -> (Value, i32) {
        let out = self.run(&["verify", "--trust", "data/trust", "--json", package]);
        (serde_json::from_slice(&out.stdout).unwrap(), out.status.code().unwrap())
    }
}

/// A shop's page with a picture, and a page that asks for sign-in.
fn site() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let first = lines.next().unwrap_or_default();
                while lines.next().is_some_and(|l| !l.is_empty()) {}
                let (kind, body) = match first.split(' ').nth(1).unwrap_or_default() {
                    "/shop" => (
                        "text/html; charset=utf-8",
                        "<!doctype html><title>秋日·林荫</title><h1>连衣裙</h1><p>棉麻，三色，均码。价格 ¥199，月销 1,024 件。</p><img src=/a.svg width=300>",
                    ),
                    "/a.svg" => (
                        "image/svg+xml",
                        "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><rect width='9' height='9' fill='teal'/></svg>",
                    ),
                    "/login" => (
                        "text/html; charset=utf-8",
                        "<!doctype html><title>登录</title><h1>请登录</h1><form><input name=user><input type=password name=pass><button>登录</button></form>",
                    ),
                    _ => ("text/plain", "nothing"),
                };
                let mut stream = stream;
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
            });
        }
    });
    port
}

fn result<'v>(verdict: &'v Value, id: &str) -> &'v Value {
    &verdict["checks"].as_array().unwrap().iter().find(|c| c["id"] == id).unwrap()["result"]
}

/// Whether this machine lets a browser run in namespaces of its own.
fn possible() -> bool {
    let can = capture::check(&capture::Machine {
        executable: Some(env!("CARGO_BIN_EXE_quezao").into()),
        ..Default::default()
    });
    if let Err(e) = &can {
        eprintln!("not run: {e}");
    }
    can.is_ok()
}

#[test]
fn a_captured_page_is_ordered_first_and_verified_by_both_readers() {
    if !possible() {
        return;
    }
    let desk = Desk::new();
    let (line, code) = desk.capture("/shop");
    assert_eq!((code, &line["status"]), (0, &Value::from("complete")), "{line}");
    assert_eq!(
        line.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["error", "id", "order", "sha256", "status", "url"]
    );
    let id = line["id"].as_str().unwrap();
    let out = desk.run(&["export", "--data", "data", "--output", "out", "--originals", id]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let package = format!("out/{id}.zip");
    let (verdict, code) = desk.verify(&package);
    assert_eq!(code, 0, "{verdict:#}");
    // The site on loopback has no TLS, which is said.
    assert_eq!((result(&verdict, "capture-resources"), result(&verdict, "file")), (&"limited".into(), &"pass".into()));
    assert!(["pass", "limited"].contains(&result(&verdict, "capture-order").as_str().unwrap()));
    let mut python = Command::new("python3");
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../archive/assets/verify.py"));
    let status = python.arg("--trust").arg(desk.path("data/trust")).arg(desk.path(&package)).status().unwrap();
    assert_eq!(status.code(), Some(0));

    // The file beside the package is the WACZ itself.
    assert_eq!(fs::read(desk.path(&format!("out/{id}.wacz"))).unwrap()[..4], *b"PK\x03\x04");
    let mut bytes = fs::read(desk.path(&package)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(desk.path("changed.zip"), bytes).unwrap();
    assert_eq!(desk.verify("changed.zip").1, 1);

    // Discarded: the bytes are gone, the leaf stays, and the next order says so.
    assert!(desk.run(&["discard", "--data", "data", id]).status.success());
    assert_eq!(desk.run(&["export", "--data", "data", "--output", "again", id]).status.code(), Some(2));
    let (second, _) = desk.capture("/shop");
    let order = second["order"].as_str().unwrap();
    assert!(desk.run(&["export", "--data", "data", "--output", "order", order]).status.success());
    let entries = archive::package::read(&fs::read(desk.path(&format!("order/{order}.zip"))).unwrap()).unwrap().entries;
    let disclosed = &entries.iter().find(|(name, _)| name == "disclosure.json").unwrap().1;
    let claims = evidence::disclosure::parse_set(disclosed).unwrap();
    let claim = |name: &str| claims.iter().find(|d| d.name() == name).unwrap().value().clone();
    assert_eq!((claim("attempt"), claim("discarded_before")), (2.into(), 1.into()));
}

#[test]
fn a_wall_is_blocked_and_what_may_not_be_opened_is_refused_before_an_order() {
    let desk = Desk::new();
    for url in [
        "ftp://example.com/",
        "http://user:x@example.com/",
        "http://10.0.0.1/",
        "http://127.0.0.1:8080/",
        "http://2130706433/",
        "file:///etc/passwd",
    ] {
        let out = desk.run(&["capture", "--data", "data", "--json", url]);
        let line: Value = serde_json::from_slice(&out.stdout).unwrap();
        assert_eq!(
            (out.status.code(), &line["status"], &line["order"]),
            (Some(2), &"failed".into(), &Value::Null),
            "{line}"
        );
        assert!(line["error"].is_string(), "{line}");
    }
    if !possible() {
        return;
    }
    let (line, code) = desk.capture("/login");
    assert_eq!((code, &line["status"]), (3, &Value::from("blocked")), "{line}");
    assert!(line["id"].is_string(), "the wall itself is kept: {line}");
}
