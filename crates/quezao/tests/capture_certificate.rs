//! A captured page's report in strangers' hands: one capture of a page that tries what it can, looked at by everybody.
#![allow(clippy::unwrap_used)]

mod desk;

use desk::{Desk, answer, possible, result};
use serde_json::Value;
use std::{fs, path::PathBuf, process::Command};

/// Taller than one tile of the screenshot and than two printed parts; its words are no one's source.
const PAGE: &str = "<!doctype html><meta charset=utf-8><title>#read(\"/x\") *秋日* $·$ 😀 \u{202e}林荫</title>\
<style>body{margin:0;height:5200px;background:linear-gradient(#fafaf7,#9cc)}h1{margin:80px}</style>\
<h1>连衣裙</h1><p>棉麻，三色，均码。价格 ¥199，月销 1,024 件。包邮，七天无理由退货。</p>";

fn answers(path: &str) -> Vec<u8> {
    match path {
        "/go" => b"HTTP/1.1 302 Found\r\nLocation: /shop?q=<b>#top\r\nContent-Type: text/html\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec(),
        _ => answer("text/html", PAGE.as_bytes()),
    }
}

/// The result of one check by the reader's trust, and the exit code.
fn verify(desk: &Desk, id: &str, files: &[&str]) -> (String, i32) {
    let (verdict, code) = desk.json(&[&["verify", "--trust", "data/trust", "--json", "--render"], files].concat());
    (result(&verdict, id).unwrap().to_owned(), code)
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
    if !possible() {
        return;
    }
    let desk = Desk::new(answers);
    let (open, url) = (format!("127.0.0.1:{}", desk.site), desk.url("/go"));
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
    assert_eq!(verify(&desk, "printed-page", &[&pdf, &wacz]), ok("pass", 0));
    assert_eq!(verify(&desk, "printed-page", &[&format!("en/{id}.pdf"), &wacz]), ok("pass", 0));
    assert_eq!(verify(&desk, "printed-page", &[&zip]), ok("pass", 0));
    assert_eq!(verify(&desk, "certificate-signature", &[&zip]), ok("pass", 0));
    assert_eq!(verify(&desk, "printed-page", &[&pdf]), ok("not_checked", 3));
    // Over plain HTTP, so with a reservation.
    assert_eq!(verify(&desk, "capture-resources", &[&pdf, &wacz]), ok("limited", 0));

    // A package without the file, as of one that is too large: complete with the file beside it, not without.
    let mut entries = archive::package::read(&fs::read(desk.path(&zip)).unwrap()).unwrap().entries;
    entries.retain(|e| !["package.json", "capture.wacz"].contains(&e.0.as_str()));
    fs::write(desk.path("small.zip"), archive::package::write(&entries).unwrap()).unwrap();
    assert_eq!(verify(&desk, "capture-order", &["small.zip", &wacz]).1, 0);
    assert_eq!(verify(&desk, "capture-resources", &["small.zip"]), ok("not_checked", 3));
    let mut bytes = fs::read(desk.path(&wacz)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(desk.path("changed.wacz"), bytes).unwrap();
    for artefact in [pdf.as_str(), "small.zip"] {
        assert_eq!(verify(&desk, "file", &[artefact, "changed.wacz"]), ok("fail", 1));
        assert_eq!(verify(&desk, "capture-resources", &[artefact, "changed.wacz"]), ok("fail", 1));
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
