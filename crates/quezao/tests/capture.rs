//! A page becomes evidence: ordered first, captured by an isolated browser, verified like any other record.
#![allow(clippy::unwrap_used)]

mod desk;

use desk::{Desk, answer, possible, result};
use serde_json::Value;
use std::{fs, process::Command};

/// A shop's page with a picture, and a page that asks for sign-in.
fn answers(path: &str) -> Vec<u8> {
    match path {
        "/shop" => answer(
            "text/html; charset=utf-8",
            "<!doctype html><title>秋日·林荫</title><h1>连衣裙</h1><p>棉麻，三色，均码。价格 ¥199，月销 1,024 件。</p><img src=/a.svg width=300>".as_bytes(),
        ),
        "/a.svg" => desk::shop(path),
        "/login" => answer(
            "text/html; charset=utf-8",
            "<!doctype html><title>登录</title><h1>请登录</h1><form><input name=user><input type=password name=pass><button>登录</button></form>".as_bytes(),
        ),
        _ => answer("text/plain", b"nothing"),
    }
}

fn capture(desk: &Desk, path: &str) -> (Value, i32) {
    let (mut lines, code) = desk.capture(&[path]);
    assert_eq!(lines.len(), 1, "{lines:?}");
    (lines.remove(0), code)
}

fn verify(desk: &Desk, package: &str) -> (Value, i32) {
    desk.json(&["verify", "--trust", "data/trust", "--json", package])
}

#[test]
fn a_captured_page_is_ordered_first_and_verified_by_both_readers() {
    if !possible() {
        return;
    }
    let desk = Desk::new(answers);
    let (line, code) = capture(&desk, "/shop");
    assert_eq!((code, &line["status"]), (0, &Value::from("complete")), "{line}");
    assert_eq!(
        line.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["error", "id", "order", "sha256", "status", "url"]
    );
    let id = line["id"].as_str().unwrap();
    let out = desk.run(&["export", "--data", "data", "--output", "out", "--originals", id]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let package = format!("out/{id}.zip");
    let (verdict, code) = verify(&desk, &package);
    assert_eq!(code, 0, "{verdict:#}");
    // The site on loopback has no TLS, which is said.
    assert_eq!((result(&verdict, "capture-resources"), result(&verdict, "file")), (Some("limited"), Some("pass")));
    assert!(["pass", "limited"].contains(&result(&verdict, "capture-order").unwrap()));
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
    assert_eq!(verify(&desk, "changed.zip").1, 1);

    // Discarded: the bytes are gone, the leaf stays, and the next order says so.
    assert_eq!(desk.run(&["discard", "--data", "data", id]).status.code(), Some(2), "nobody typed its number");
    assert!(desk.run(&["export", "--data", "data", "--output", "kept", id]).status.success());
    assert!(desk.run(&["discard", "--data", "data", "--yes", id]).status.success());
    assert_eq!(desk.run(&["export", "--data", "data", "--output", "again", id]).status.code(), Some(2));
    let (second, _) = capture(&desk, "/shop");
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
    let desk = Desk::new(answers);
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
    let (line, code) = capture(&desk, "/login");
    assert_eq!((code, &line["status"]), (3, &Value::from("blocked")), "{line}");
    assert!(line["id"].is_string(), "the wall itself is kept: {line}");
}
