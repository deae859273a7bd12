//! A registered picture on another's page: captured, compared, verified, in words and as JSON.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::PathBuf,
    process::{Command, Output},
};

struct Desk(tempfile::TempDir);

impl Desk {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, args: &[&str], language: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quezao"));
        command.args(args).current_dir(self.0.path()).env("QUEZAO_STATE_DIR", self.path("state"));
        command.env("LC_ALL", language).env_remove("QUEZAO_DATA").output().unwrap()
    }

    fn json(&self, args: &[&str]) -> (Value, i32) {
        let out = self.run(args, "C.UTF-8");
        let value = serde_json::from_slice(&out.stdout);
        let value = value.unwrap_or_else(|_| panic!("{args:?}: {}", String::from_utf8_lossy(&out.stderr)));
        (value, out.status.code().unwrap())
    }
}

/// Blocks of any colour: nobody's picture.
fn picture(seed: u32) -> image::DynamicImage {
    let colour = |n: u32| (n.wrapping_mul(2_654_435_761).wrapping_add(seed.wrapping_mul(40_503)) >> 9) as u8;
    let block = |x: u32, y: u32| (x / 75) + 31 * (y / 60);
    let pixel = |x: u32, y: u32| image::Rgb([block(x, y), block(x, y) + 977, block(x + 20, y)].map(colour));
    image::RgbImage::from_fn(900, 600, pixel).into()
}

fn jpeg(picture: &image::DynamicImage) -> Vec<u8> {
    let mut out = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, 60).encode_image(picture).unwrap();
    out
}

/// A page that shows the picture smaller, recompressed, and another one.
fn site() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (copy, other) = (jpeg(&picture(1).thumbnail(400, 400)), jpeg(&picture(7)));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let first = lines.next().unwrap_or_default();
            while lines.next().is_some_and(|l| !l.is_empty()) {}
            let page = "<!doctype html><title>shop</title><h1>A picture for the wall</h1><p>Price 199, sold 1,024, \
                        sent anywhere.</p><img src=copy.jpg><img src=other.jpg>";
            let (kind, body) = match first.split(' ').nth(1).unwrap_or_default() {
                "/copy.jpg" => ("image/jpeg", copy.as_slice()),
                "/other.jpg" => ("image/jpeg", other.as_slice()),
                "/" => ("text/html", page.as_bytes()),
                _ => ("text/plain", b"".as_slice()),
            };
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let mut stream = stream;
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        }
    });
    port
}

#[test]
fn a_registered_picture_is_found_on_a_captured_page() {
    let executable = Some(env!("CARGO_BIN_EXE_quezao").into());
    if let Err(e) = capture::check(&capture::Machine { executable, ..Default::default() }) {
        return eprintln!("not run: {e}");
    }
    let desk = Desk(tempfile::tempdir().unwrap());
    let made = desk.run(&["init", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚"], "C.UTF-8");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    fs::create_dir(desk.path("shop")).unwrap();
    for seed in 1..4 {
        picture(seed).save(desk.path(&format!("shop/{seed}.png"))).unwrap();
    }
    let deposited =
        desk.run(&["deposit", "--data", "data", "--json", "shop/1.png", "shop/2.png", "shop/3.png"], "C.UTF-8");
    let lines = String::from_utf8(deposited.stdout).unwrap();
    let lines: Vec<Value> = lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let registered = lines.iter().find(|l| l["file"] == "shop/1.png").unwrap()["id"].clone();

    let port = site();
    let (open, url) = (format!("127.0.0.1:{port}"), format!("http://127.0.0.1:{port}/"));
    let (captured, code) = desk.json(&["capture", "--data", "data", "--allow-loopback", &open, "--json", &url]);
    assert_eq!(code, 0, "{captured}");
    let capture = captured["id"].as_str().unwrap();

    let (line, code) = desk.json(&["compare", "--data", "data", "--json", capture]);
    assert_eq!((code, &line["status"], &line["images"], &line["registered"]), (0, &"new".into(), &2.into(), &3.into()));
    let pairs = line["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 1, "{pairs:?}");
    assert_eq!((&pairs[0]["record"]["id"], &pairs[0]["similarity"]), (&registered, &"close".into()));
    assert_eq!(pairs[0]["image"]["url"], format!("{url}copy.jpg"));
    let place: Vec<i64> = serde_json::from_value(pairs[0]["image"]["box"].clone()).unwrap();
    assert_eq!((place.len(), place[2]), (4, 400), "where the page shows it");

    let id = line["id"].as_str().unwrap();
    let exported = desk.run(&["export", "--data", "data", "--output", "out", "--originals", id, capture], "C.UTF-8");
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let (package, wacz) = (format!("out/{id}.zip"), format!("out/{capture}.wacz"));
    assert!(desk.path(&format!("out/{id}.comparison.json")).is_file());
    let result = |verdict: &Value, id: &str| {
        let checks = verdict["checks"].as_array().unwrap();
        checks.iter().find(|c| c["id"] == id).map(|c| c["result"].as_str().unwrap().to_owned())
    };
    let (verdict, code) = desk.json(&["verify", "--trust", "data/trust", "--json", &package]);
    assert_eq!((code, result(&verdict, "comparison").as_deref()), (0, Some("pass")), "{verdict}");
    assert_eq!(result(&verdict, "comparison-distances").as_deref(), Some("not_checked"));
    let given = ["verify", "--trust", "data/trust", "--json", &package, &wacz, "shop/1.png"];
    let (verdict, code) = desk.json(&given);
    assert_eq!((code, result(&verdict, "comparison-distances").as_deref()), (0, Some("pass")), "{verdict}");
    // The certificate beside its document; without it the comparison is not checked.
    let (certificate, document) = (format!("out/{id}.pdf"), format!("out/{id}.comparison.json"));
    let (verdict, code) = desk.json(&["verify", "--trust", "data/trust", "--json", &certificate, &document]);
    assert_eq!((code, result(&verdict, "comparison").as_deref()), (0, Some("pass")), "{verdict}");
    let (verdict, code) = desk.json(&["verify", "--trust", "data/trust", "--json", &certificate]);
    assert_eq!((code, result(&verdict, "comparison").as_deref()), (3, Some("not_checked")), "{verdict}");
    // Its sheet, the two pictures on it: drawn again from document, WACZ and original; without them nothing is said.
    let sheet = certificate;
    let render = |files: &[&str]| {
        let arguments = [&["verify", "--trust", "data/trust", "--json", "--render"], files].concat();
        let (verdict, code) = desk.json(&arguments);
        (result(&verdict, "printed-page").unwrap(), code)
    };
    assert_eq!(render(&[&sheet, &document, &wacz, "shop/1.png"]), ("pass".into(), 0));
    assert_eq!(render(&[&package, &wacz, "shop/1.png"]), ("pass".into(), 0));
    assert_eq!(render(&[&package]), ("not_checked".into(), 3), "asked for, and not drawn");
    assert_eq!(render(&[&sheet]), ("not_checked".into(), 3));
    if let Some(folder) = std::env::var_os("QUEZAO_KEEP") {
        std::fs::copy(desk.path(&sheet), std::path::PathBuf::from(folder).join("comparison.pdf")).unwrap();
    }
    // Words in both languages, the neutral sentence among them.
    for (language, sentence) in [("C.UTF-8", "not a finding of infringement"), ("zh_CN.UTF-8", "不是侵权认定")] {
        let out = desk.run(&["compare", "--data", "data", capture], language);
        let text = String::from_utf8(out.stdout).unwrap();
        assert!(text.contains(sentence) && text.contains("copy.jpg") && text.contains("gradient-512"), "{text}");
    }
    // Two captures of one page: nothing changed. Not a capture: a sentence, exit 2.
    let (again, _) = desk.json(&["capture", "--data", "data", "--allow-loopback", &open, "--json", &url]);
    let again = again["id"].as_str().unwrap();
    let (line, code) = desk.json(&["compare", "--data", "data", "--json", again, capture]);
    assert_eq!((code, &line["earlier"]), (0, &capture.into()), "{line}");
    assert_eq!(
        (&line["differences"]["images"]["added_found"], &line["differences"]["text"]["added_found"]),
        (&0.into(), &0.into())
    );
    let (line, code) = desk.json(&["compare", "--data", "data", "--json", registered.as_str().unwrap()]);
    assert!(code == 2 && line["id"].is_null() && !line["error"].is_null(), "{line}");
}
