//! What a page or a machine does cannot keep a capture from being evidence; and whoever runs it may be anybody.
#![allow(clippy::unwrap_used)]

mod desk;

use desk::{Desk, answer, page, possible, said, shop};
use evidence::time::Utc;
use serde_json::Value;
use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    process::Command,
    time::SystemTime,
};

/// Pages that once ended in a record that nobody could verify, or in none.
fn hostile(path: &str) -> Vec<u8> {
    let script = |title: &str, text: &str| page(title, &format!("<script>{text}</script>"));
    match path.split('?').next().unwrap_or_default() {
        "/title" => page(&"秋日林荫连衣裙".repeat(270), ""),
        "/title-signs" => page("a&#x202e;b &#x1f457; e&#x301; &#x200b;", ""),
        "/address" => script("Address", "history.replaceState(0,'','/shown?'+'x'.repeat(5000))"),
        "/asks" => {
            script("Asks", "fetch('/x?'+'a'.repeat(70000)).catch(()=>0);fetch('/x?'+'a'.repeat(60000)).catch(()=>0)")
        }
        "/blank" => script("Blank", "setTimeout(()=>{location.href='about:blank'},200)"),
        "/line-feeds" => {
            let body = page("Line feeds", "");
            let body = &body[body.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4..];
            let head = format!(
                "HTTP/1.1 200 OK\r\nX-One: a\nContent-Type: text/html; charset=utf-8\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            [head.as_bytes(), body].concat()
        }
        "/version" => {
            let mut answer = page("Version", "");
            answer.splice(0..8, *b"HTTP/1.7");
            answer
        }
        "/fields" => {
            let fields =
                "X-Tab: a\tb\r\nX-Folded: a\r\n b\r\nX-Latin: \u{e9}\u{e8}\r\nX-Empty:\r\nX Space : c\r\nNo-Colon\r\n";
            let mut answer = page("Fields", "");
            let at = answer.windows(2).position(|w| w == b"\r\n").unwrap() + 2;
            answer.splice(at..at, fields.bytes());
            answer
        }
        "/moved" => b"HTTP/1.1 302 Found\r\nLocation: there/.././plain#x\r\nContent-Length: 0\r\n\r\n".to_vec(),
        "/goes-on" => page("Goes on", "<meta http-equiv=refresh content='0;url=/plain'>"),
        "/sets" => page("Sets", "<script>history.pushState(0, '', '/elsewhere?x=1')</script>"),
        "/x" => answer("text/plain", b"x"),
        _ => shop(path),
    }
}

#[test]
fn no_page_can_keep_its_capture_from_being_verified() {
    if !possible() {
        return;
    }
    let desk = Desk::new(hostile);
    let paths = [
        "/plain#price",
        "/spaced path?q=连衣裙#f",
        "/title",
        "/title-signs",
        "/address",
        "/asks",
        "/blank",
        "/line-feeds",
        "/version",
        "/fields",
        "/moved",
        "/goes-on",
        "/sets",
    ];
    let (lines, _) = desk.capture(&paths);
    let trust = desk.trust();
    assert_eq!(lines.len(), paths.len());
    for (path, line) in paths.iter().zip(&lines) {
        println!("{path}: {} {}", line["status"], line["error"]);
        let Some(id) = line["id"].as_str() else {
            // Where there is no page, that is said; nothing else ends without a record.
            assert!(line["status"] == "failed" && !line["error"].as_str().unwrap().contains("WACZ"), "{path}: {line}");
            continue;
        };
        let package = desk.package(id);
        let at = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros() as i64;
        let verdict = verify::check_package(&package, &trust, &[], Utc(at));
        assert_eq!(verdict.code(), 0, "{path}: {}", verdict.to_json());
        let resources = verdict.find("capture-resources").unwrap();
        assert!(resources.en.contains("plain HTTP"), "{path}: {}", resources.en);
        assert!(!resources.en.contains("not compared"), "{path}: {}", resources.en);
        // What the page did by itself only the log tells of.
        let way = verdict.find("capture-path").unwrap();
        let logged = match *path {
            "/goes-on" => Some("/goes-on → "),
            "/sets" => Some("/elsewhere?x=1"),
            _ => None,
        };
        println!("{path}: {:?} {}", way.result, way.en);
        assert!(logged.is_none_or(|part| way.en.contains(part)), "{path}: {}", way.en);
        let expected = if logged.is_some() { verify::Outcome::Limited } else { verify::Outcome::Pass };
        assert!(way.result == expected || matches!(*path, "/address" | "/blank"), "{path}: {}", way.en);
    }
    let complete = |path: &str| lines[paths.iter().position(|p| *p == path).unwrap()]["status"] == "complete";
    for path in ["/plain#price", "/spaced path?q=连衣裙#f", "/title", "/title-signs", "/address"] {
        assert!(complete(path), "{path}");
    }
    // What no claim can hold is refused before an order is on the ledger.
    let long = format!("/{}", "x".repeat(4100));
    let (lines, code) = desk.capture(&[&long]);
    assert_eq!((code, &lines[0]["order"]), (2, &Value::Null), "{lines:?}");
}

/// Namespaces are for everybody; where the kernel says no, we say what to enable.
#[test]
fn an_ordinary_user_captures_as_well_as_root() {
    if !possible() {
        return;
    }
    if fs::metadata("/proc/self").map(|m| std::os::unix::fs::MetadataExt::uid(&m)).unwrap() != 0 {
        return println!("the other tests ran as an ordinary user already");
    }
    const NOBODY: u32 = 65_534;
    let desk = Desk::new(shop);
    // A copy that anybody may read, and a home of his own.
    let open = |path: &std::path::Path| fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    let program = desk.path("quezao");
    fs::copy(env!("CARGO_BIN_EXE_quezao"), &program).unwrap();
    open(&program);
    open(desk.work.path());
    let home = desk.path("home");
    fs::create_dir_all(home.join("tmp")).unwrap();
    for folder in [home.clone(), home.join("tmp")] {
        chown(folder, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let run = |args: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(&program).args(args);
        command.current_dir(&home).env("HOME", &home).env("TMPDIR", home.join("tmp"));
        command.env("QUEZAO_STATE_DIR", home.join("state")).env("LC_ALL", "C.UTF-8").env_remove("QUEZAO_DATA");
        command.output().unwrap()
    };
    let made = run(&["init", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚"]);
    assert!(made.status.success(), "{}", said(&made));
    let (open, url) = (format!("127.0.0.1:{}", desk.site), desk.url("/item"));
    let captured = run(&["capture", "--data", "data", "--allow-loopback", &open, "--json", &url]);
    let line: Value = serde_json::from_slice(&captured.stdout).unwrap();
    if !captured.status.success() {
        let error = line["error"].as_str().unwrap();
        assert!(error.contains("namespaces") && error.contains("doctor"), "{error}");
        return println!("refused to an ordinary user, with advice: {error}");
    }
    let id = line["id"].as_str().unwrap();
    let exported = run(&["export", "--data", "data", "--output", "out", id]);
    assert!(exported.status.success(), "{}", said(&exported));
    let verified = run(&["verify", "--trust", "data/trust", &format!("out/{id}.zip")]);
    assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
    assert_eq!(fs::read_dir(home.join("tmp")).unwrap().count(), 0, "nothing is left");
    println!("captured and verified as an ordinary user");
}
