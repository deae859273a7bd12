//! A WACZ as a capture writes it, held against other people's readers.
#![allow(clippy::unwrap_used)]

use archive::wacz::{self, About, Body, Coding, Exchange, HeadSource, Message, Page, Resource, Truncated, Writer};
use evidence::time::Utc;
use std::{
    fs::File,
    io::{BufReader, Write},
    path::Path,
    process::Command,
};

const AT: Utc = Utc(1_795_489_500_123_456);

fn exchange(url: &str, request: &str, response: Message) -> Exchange {
    Exchange {
        url: url.into(),
        at: AT,
        request: Message::reported(request, [("Host", "shop.example"), ("Accept", "*/*")], Body::empty()),
        response: Some(response),
        ip_address: Some("2001:db8::7".parse().unwrap()),
        protocols: vec!["h2".into(), "tls/1.3".into()],
        cipher: Some("TLS_AES_128_GCM_SHA256".into()),
    }
}

/// All that a capture may write: wire and reported heads, decoded, chunked, cut and empty bodies, redirects, other methods.
fn write(path: &Path) {
    let about = About { software: "quezao 0.1.0".into(), created: AT, title: Some("喜鹊手账贴纸".into()) };
    let mut writer = Writer::new(File::create_new(path).unwrap(), &about).unwrap();
    writer
        .resource(Resource {
            name: "order".into(),
            label: None,
            content_type: "application/zip".into(),
            at: AT,
            body: b"PK".to_vec().into(),
        })
        .unwrap();
    let html = "<p>喜鹊 €5</p>".as_bytes().to_vec();
    let fields = [("Content-Type", "text/html; charset=utf-8"), ("Content-Encoding", "br"), ("Content-Length", "17")];
    let page = Message::reported("HTTP/1.1 200 OK", fields, html.into());
    writer.exchange(exchange("https://www.shop.example/Item/?b=2&a=1", "GET /Item/?b=2&a=1 HTTP/1.1", page)).unwrap();
    let moved = Message::reported(
        "HTTP/1.1 302 Found",
        [("Location", "https://www.shop.example/Item/?b=2&a=1")],
        Body::empty(),
    );
    writer.exchange(exchange("http://shop.example:8080/go", "GET /go HTTP/1.1", moved)).unwrap();
    let post = Message::reported("HTTP/1.1 204 No Content", [("X-A", "b")], Body::empty());
    writer.exchange(exchange("https://shop.example/log", "POST /log HTTP/1.1", post)).unwrap();
    let chunked = Message {
        head: b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(),
        head_source: HeadSource::Wire,
        body: b"5\r\nhello\r\n0\r\n\r\n".to_vec().into(),
        coding: Coding::Wire,
        truncated: None,
    };
    writer.exchange(exchange("https://shop.example/chunked", "GET /chunked HTTP/1.1", chunked)).unwrap();
    let mut large = tempfile::tempfile().unwrap();
    let noise = (0..3_000_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect::<Vec<_>>();
    large.write_all(&noise).unwrap();
    let mut image =
        Message::reported("HTTP/1.1 200 OK", [("Content-Type", "image/png")], Body::Source(Box::new(large)));
    image.truncated = Some(Truncated::Length);
    writer.exchange(exchange("https://shop.example/a.png", "GET /a.png HTTP/1.1", image)).unwrap();
    for (name, label, content_type) in [
        ("screenshot-full", None, "image/png"),
        ("contact", Some("shop-example"), "application/octet-stream"),
        ("text", None, "text/plain; charset=utf-8"),
    ] {
        writer
            .resource(Resource {
                name: name.into(),
                label: label.map(str::to_owned),
                content_type: content_type.into(),
                at: AT,
                body: name.as_bytes().to_vec().into(),
            })
            .unwrap();
    }
    let (title, text) = (Some("喜鹊\n\"手账\"".into()), Some("喜鹊 €5\n下单".into()));
    writer.page(Page { url: "https://www.shop.example/Item/?b=2&a=1".into(), title, at: AT, text }).unwrap();
    writer.finish().unwrap();
}

#[test]
fn a_file_on_disk_is_read_in_pieces() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture.wacz");
    write(&path);
    let mut file = BufReader::new(File::open(&path).unwrap());
    let read = wacz::read(&mut file).unwrap();
    assert_eq!(read.entries.len(), 14);
    let png = read.entries.iter().find(|e| e.target.ends_with(".png")).unwrap().clone();
    assert_eq!((png.kind, png.payload_size), ("request", 0));
    let chunked = read.entries.iter().rfind(|e| e.target.ends_with("/chunked")).unwrap().clone();
    assert_eq!(read.payload(&mut file, &chunked, 100).unwrap(), b"5\r\nhello\r\n0\r\n\r\n");
}

#[test]
fn wacz_and_warcio_accept_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture.wacz");
    write(&path);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/wacz.sh");
    let ask = |path: &Path| Command::new(&script).arg(path).output().unwrap();
    let out = ask(&path);
    if out.status.code() == Some(2) {
        return eprintln!("not run: wacz and warcio are not here");
    }
    let text = |out: &std::process::Output| {
        format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
    };
    assert!(out.status.success(), "{}", text(&out));
    // The script can say no.
    let bytes = std::fs::read(&path).unwrap();
    let bad = folder.path().join("bad.wacz");
    let place = 400; // in a record
    let changed = [&bytes[..place], &[bytes[place] ^ 1], &bytes[place + 1..]].concat();
    std::fs::write(&bad, changed).unwrap();
    assert!(!ask(&bad).status.success());
}

#[test]
fn pywb_replays_it() {
    let folder = tempfile::tempdir().unwrap();
    let (path, served) = (folder.path().join("capture.wacz"), folder.path().join("served"));
    write(&path);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/pywb.sh");
    for (url, body) in
        [("https://www.shop.example/Item/?b=2&a=1", "<p>喜鹊 €5</p>"), ("https://shop.example/chunked", "hello")]
    {
        let out = Command::new(&script).arg(&path).arg(url).arg(&served).output().unwrap();
        if out.status.code() == Some(2) {
            return eprintln!("not run: pywb is not here");
        }
        assert!(
            out.status.success(),
            "{}{}",
            String::from_utf8_lossy(&out.stdout),
            String::from_utf8_lossy(&out.stderr)
        );
        assert_eq!(std::fs::read_to_string(&served).unwrap(), body, "{url}");
    }
}
