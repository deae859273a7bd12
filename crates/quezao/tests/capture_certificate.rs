//! A captured page's report in strangers' hands: one capture of a page that tries what it can, looked at by everybody.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::PathBuf,
    process::{Command, Output},
};

/// Taller than one tile of the screenshot and than two printed parts; its words are no one's source.
const PAGE: &str = "<!doctype html><meta charset=utf-8><title>#read(\"/x\") *秋日* $·$ 😀 \u{202e}林荫</title>\
<style>body{margin:0;height:5200px;background:linear-gradient(#fafaf7,#9cc)}h1{margin:80px}</style>\
<h1>连衣裙</h1><p>棉麻，三色，均码。价格 ¥199，月销 1,024 件。包邮，七天无理由退货。</p>";

struct Desk {
    work: tempfile::TempDir,
}

impl Desk {
    fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quezao"));
        command.args(args).current_dir(self.work.path()).env("QUEZAO_STATE_DIR", self.path("state"));
        command.env("LC_ALL", "C.UTF-8").env_remove("QUEZAO_DATA").output().unwrap()
    }

    fn done(&self, args: &[&str]) -> Output {
        let out = self.run(args);
        assert!(out.status.success(), "{args:?}\n{}", String::from_utf8_lossy(&out.stderr));
        out
    }

    /// The result of one check by the reader's trust, and the exit code.
    fn verify(&self, id: &str, files: &[&str]) -> (String, i32) {
        let out = self.run(&[&["verify", "--trust", "data/trust", "--json", "--render"], files].concat());
        let verdict: Value = serde_json::from_slice(&out.stdout).unwrap();
        let check = verdict["checks"].as_array().unwrap().iter().find(|c| c["id"] == id).unwrap();
        (check["result"].as_str().unwrap().to_owned(), out.status.code().unwrap())
    }
}

fn site() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let first = lines.next().unwrap_or_default();
            while lines.next().is_some_and(|l| !l.is_empty()) {}
            let mut stream = stream;
            let (status, more, body) = match first.split(' ').nth(1).unwrap_or_default() {
                "/go" => ("302 Found", "Location: /shop?q=<b>#top\r\n", ""),
                _ => ("200 OK", "", PAGE),
            };
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\n{more}Content-Type: text/html\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        }
    });
    port
}

/// A program that we did not write, where it is here.
fn foreign(program: &str, args: &[&str], desk: &Desk) -> Option<String> {
    let Ok(out) = Command::new(program).args(args).current_dir(desk.work.path()).output() else {
        eprintln!("not run: {program} is not here");
        return None;
    };
    if out.status.code() == Some(2) && program.ends_with(".sh") {
        eprintln!("not run: {}", String::from_utf8_lossy(&out.stderr));
        return None;
    }
    let said = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{program}: {said}");
    Some(said)
}

#[test]
fn one_capture_its_report_and_everybody_who_reads_it() {
    let machine =
        capture::Machine { executable: Some(env!("CARGO_BIN_EXE_quezao").into()), ..capture::Machine::default() };
    if let Err(e) = capture::check(&machine) {
        eprintln!("not run: {e}");
        return;
    }
    let desk = Desk { work: tempfile::tempdir().unwrap() };
    desk.done(&["init", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚"]);
    let port = site();
    let (open, url) = (format!("127.0.0.1:{port}"), format!("http://127.0.0.1:{port}/go"));
    let out = desk.run(&["capture", "--data", "data", "--purpose", "other", "--allow-loopback", &open, "--json", &url]);
    let line: Value = serde_json::from_slice(&out.stdout).unwrap();
    let id = line["id"].as_str().unwrap_or_else(|| panic!("{line}"));
    desk.done(&["export", "--data", "data", "--output", "en", "--lang", "en", id]);
    let listed =
        desk.done(&["export", "--data", "data", "--output", "out", "--lang", "zh", "--originals", "--json", id]);
    let written = String::from_utf8(listed.stdout).unwrap();
    let [pdf, zip, wacz] = ["pdf", "zip", "wacz"].map(|kind| format!("out/{id}.{kind}"));
    assert!([&pdf, &zip, &wacz].iter().all(|f| written.contains(f.as_str())), "{written}");

    // Every page is drawn again from the file, given beside or carried; without it nothing is said.
    let ok = |result: &str, code| (result.to_owned(), code);
    assert_eq!(desk.verify("printed-page", &[&pdf, &wacz]), ok("pass", 0));
    assert_eq!(desk.verify("printed-page", &[&format!("en/{id}.pdf"), &wacz]), ok("pass", 0));
    assert_eq!(desk.verify("printed-page", &[&zip]), ok("pass", 0));
    assert_eq!(desk.verify("certificate-signature", &[&zip]), ok("pass", 0));
    assert_eq!(desk.verify("printed-page", &[&pdf]), ok("not_checked", 3));
    // Over plain HTTP, so with a reservation.
    assert_eq!(desk.verify("capture-resources", &[&pdf, &wacz]), ok("limited", 0));

    // A package without the file, as of one that is too large: complete with the file beside it, not without.
    let mut entries = archive::package::read(&fs::read(desk.path(&zip)).unwrap()).unwrap().entries;
    entries.retain(|e| !["package.json", "capture.wacz"].contains(&e.0.as_str()));
    fs::write(desk.path("small.zip"), archive::package::write(&entries).unwrap()).unwrap();
    assert_eq!(desk.verify("capture-order", &["small.zip", &wacz]).1, 0);
    assert_eq!(desk.verify("capture-resources", &["small.zip"]), ok("not_checked", 3));
    let mut bytes = fs::read(desk.path(&wacz)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(desk.path("changed.wacz"), bytes).unwrap();
    for artefact in [pdf.as_str(), "small.zip"] {
        assert_eq!(desk.verify("file", &[artefact, "changed.wacz"]), ok("fail", 1));
        assert_eq!(desk.verify("capture-resources", &[artefact, "changed.wacz"]), ok("fail", 1));
    }

    // Strangers' programs.
    if let Some(said) = foreign("pdfsig", &["-nocert", &pdf], &desk) {
        assert!(said.contains("Signature is Valid"), "{said}");
    }
    if let Some(list) = foreign("pdfdetach", &["-list", &pdf], &desk) {
        assert!(list.contains("statement.json") && !list.contains("capture.wacz") && !list.contains("package.json"));
    }
    for (file, wants) in [
        (pdf.clone(), ["自行固定记录", "网页取证报告", "存证主体自行操作采集", "由运营者在账本规模", "#read("]),
        (
            format!("en/{id}.pdf"),
            ["Self-made Record", "Web Capture Report", "Captured by the owner", "as counted by the operator", "#read("],
        ),
    ] {
        let Some(page) = foreign("pdftotext", &["-layout", &file, "-"], &desk) else { break };
        for want in wants {
            assert!(page.contains(want), "{want} is not in\n{page}");
        }
        assert!(page.contains(&url) && page.contains("5200") && page.contains('□'), "{page}");
        assert!(!page.contains('\u{202e}') && !page.contains("trusted environment") && !page.contains("可信环境"));
    }
    let scripts = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts");
    foreign(&format!("{scripts}/verapdf.sh"), &[&pdf, &format!("en/{id}.pdf")], &desk);
    let roots: Vec<String> = fs::read_dir(desk.path("data/trust"))
        .unwrap()
        .map(|e| format!("data/trust/{}", e.unwrap().file_name().to_str().unwrap()))
        .filter(|name| name.ends_with(".pem"))
        .collect();
    let arguments: Vec<&str> = std::iter::once(pdf.as_str()).chain(roots.iter().map(String::as_str)).collect();
    foreign(&format!("{scripts}/pyhanko.sh"), &arguments, &desk);
    if let Some(folder) = std::env::var_os("QUEZAO_KEEP") {
        fs::create_dir_all(&folder).unwrap();
        for file in [pdf.clone(), format!("en/{id}.pdf")] {
            let name = file.replace('/', "-");
            fs::copy(desk.path(&file), PathBuf::from(&folder).join(name)).unwrap();
        }
    }
}
