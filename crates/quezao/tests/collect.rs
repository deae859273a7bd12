//! Many pictures under one record: collected, exported, verified file by file, drawn again, read by `verify.py`.
#![allow(clippy::unwrap_used)]

mod desk;

use desk::{Desk, answer, result, said};
use serde_json::Value;
use std::{fs, process::Command};

const NAMES: [&str; 4] = ["shop/a.png", "shop/b.png", "shop/c.jpg", "shop/d.txt"];

/// A desk with three pictures and a file that is none, all registered; their record numbers.
fn shop() -> (Desk, Vec<String>) {
    let desk = Desk::new(|_| answer("text/plain", b""));
    fs::create_dir(desk.path("shop")).unwrap();
    for (n, name) in NAMES.iter().take(3).enumerate() {
        let hue = 70 * n as u8;
        image::RgbImage::from_fn(300 + 90 * n as u32, 200, |x, y| image::Rgb([x as u8 ^ hue, y as u8, hue]))
            .save(desk.path(name))
            .unwrap();
    }
    fs::write(desk.path(NAMES[3]), "no picture").unwrap();
    let lines = desk.lines(&[&["deposit", "--data", "data", "--json"], &NAMES[..]].concat());
    let ids = lines.iter().map(|l| l["id"].as_str().unwrap().to_owned()).collect();
    (desk, ids)
}

/// Of the lines and given files: how many pass, were not checked, fail.
fn files(verdict: &Value) -> [usize; 3] {
    let checks = verdict["checks"].as_array().unwrap();
    let files: Vec<_> = checks.iter().filter(|c| c["id"].as_str().unwrap().starts_with("collection-file-")).collect();
    ["pass", "not_checked", "fail"].map(|result| files.iter().filter(|c| c["result"] == result).count())
}

fn verify(desk: &Desk, args: &[&str]) -> (Value, i32) {
    desk.json(&[&["verify", "--trust", "data/trust", "--json"], args].concat())
}

#[test]
fn one_certificate_answers_a_line_for_each_file() {
    let (desk, _) = shop();
    let collect = ["collect", "--data", "data", "--json", "--all", "--title", "秋季图样"];
    let (line, code) = desk.json(&collect);
    assert_eq!((code, &line["items"], &line["first"], &line["last"]), (0, &4.into(), &1.into(), &4.into()), "{line}");
    let (again, _) = desk.json(&collect);
    assert_eq!((&again["id"], &again["status"]), (&line["id"], &"existing".into()), "nothing is registered twice");
    let id = line["id"].as_str().unwrap();
    for lang in ["zh", "en"] {
        desk.done(&["export", "--data", "data", "--output", "out", "--lang", lang, "--originals", id]);
        let (pdf, zip) = (format!("out/{id}.pdf"), format!("out/{id}.zip"));
        for artefact in [&pdf, &zip] {
            let (verdict, code) = verify(&desk, &[&["--render", artefact], &NAMES[..]].concat());
            assert_eq!(code, 0, "{verdict:#}");
            for check in ["collection-manifest", "collection-file-1", "collection-file-4", "printed-page"] {
                assert_eq!(result(&verdict, check), Some("pass"), "{check} {verdict:#}");
            }
            assert_eq!(result(&verdict, "collection-items"), Some("limited"), "the embedded authority's tokens");
            assert!(result(&verdict, "collection-file-5").is_none());
        }
        // Some of them, none of them, the list itself.
        let (verdict, code) = verify(&desk, &["--render", &pdf, NAMES[1]]);
        assert_eq!((code, files(&verdict)), (0, [1, 3, 0]), "{verdict:#}");
        assert_eq!(result(&verdict, "printed-page"), Some("limited"), "{verdict:#}");
        let (verdict, code) = verify(&desk, &[&pdf, &format!("out/{id}.manifest.jsonl")]);
        assert_eq!((code, files(&verdict)), (0, [0, 0, 0]));
        // A file that is on no line.
        fs::write(desk.path("stranger.png"), [fs::read(desk.path(NAMES[0])).unwrap(), vec![0]].concat()).unwrap();
        let (verdict, code) = verify(&desk, &[&pdf, NAMES[0], "stranger.png"]);
        assert_eq!((code, files(&verdict)), (1, [1, 3, 1]));
        assert_eq!(result(&verdict, "collection-file-5"), Some("fail"), "{verdict:#}");
        if let Ok(output) = Command::new("pdftotext").arg("-layout").arg(desk.path(&pdf)).arg("-").output() {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let title = if lang == "zh" { "合集存证证书" } else { "Certificate of a Collection" };
            for want in [title, "秋季图样", "a.png", "d.txt", id] {
                assert!(text.contains(want), "{want} is not in\n{text}");
            }
        }
        if let Some(folder) = std::env::var_os("QUEZAO_KEEP") {
            let to = std::path::PathBuf::from(folder).join(format!("collection-{lang}.pdf"));
            fs::copy(desk.path(&pdf), to).unwrap();
        }
    }
    // The independent reader, on the package and on what poppler takes out of the certificate.
    let reader = concat!(env!("CARGO_MANIFEST_DIR"), "/../archive/assets/verify.py");
    let read = |artefact: &str, files: &[&str]| {
        let mut command = Command::new("python3");
        command.args([reader, "--json", "--trust", "data/trust", artefact]).args(files).current_dir(desk.work.path());
        let output = command.output().unwrap();
        let verdict: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
        (verdict, output.status.code().unwrap())
    };
    let zip = format!("out/{id}.zip");
    let (verdict, code) = read(&zip, &NAMES);
    assert_eq!((code, result(&verdict, "collection-file-3")), (0, Some("pass")), "{verdict:#}");
    assert_eq!(read(&zip, &["stranger.png"]).1, 1);
    fs::create_dir(desk.path("opened")).unwrap();
    let mut detach = Command::new("pdfdetach");
    detach.args(["-saveall", "-o", "opened", &format!("out/{id}.pdf")]).current_dir(desk.work.path());
    if detach.status().is_ok_and(|s| s.success()) {
        let (verdict, code) = read("opened", &NAMES[..1]);
        assert_eq!((code, result(&verdict, "collection-items")), (0, Some("limited")), "{verdict:#}");
    }
}

#[test]
fn which_records_are_listed_is_said_in_one_way_and_wrong_ones_are_named() {
    let (desk, ids) = shop();
    let collect = |more: &[&str]| desk.json(&[&["collect", "--data", "data", "--json"], more].concat());
    let (line, code) = collect(&[&ids[2], &ids[0], &ids[2]]);
    assert_eq!((code, &line["items"]), (0, &2.into()), "each once: {line}");
    let collection = line["id"].as_str().unwrap().to_owned();
    let (line, _) = collect(&["--last", "3"]);
    assert_eq!((&line["items"], &line["last"]), (&3.into(), &4.into()));
    let (line, _) = collect(&["--since", "2020-01-01"]);
    assert_eq!(line["items"], 4, "collections are not listed: {line}");
    for bad in [
        &["--since", "2100-01-01"][..],
        &["--since", "yesterday"],
        &["--last", "0"],
        &["--all", "--last", "2"],
        &[&collection],
        &["019b8f3c-0000-7000-8000-000000000001"],
        &[],
    ] {
        let (line, code) = collect(bad);
        assert!(code == 2 && line["id"].is_null() && !line["error"].is_null(), "{bad:?}: {line}");
    }
    for (language, word) in [("C.UTF-8", "pictures, leaves 1 to 4"), ("zh_CN.UTF-8", "共 4 幅")] {
        let out = desk.command(&["collect", "--data", "data", "--all"]).env("LC_ALL", language).output().unwrap();
        assert!(said(&out).contains(word), "{}", said(&out));
    }
}

#[test]
fn a_longer_list_is_refused_or_split() {
    let desk = Desk::new(|_| answer("text/plain", b""));
    fs::create_dir(desk.path("many")).unwrap();
    for n in 0..1_003 {
        fs::write(desk.path(&format!("many/{n:04}.txt")), format!("file {n}")).unwrap();
    }
    desk.done(&["deposit", "--data", "data", "--json", "many"]);
    let (line, code) = desk.json(&["collect", "--data", "data", "--json", "--all"]);
    assert!(code == 2 && line["error"].to_string().contains("--split"), "{line}");
    let lines = desk.lines(&["collect", "--data", "data", "--json", "--all", "--split", "--title", "Autumn"]);
    let counts: Vec<_> = lines.iter().map(|l| (l["items"].clone(), l["first"].clone(), l["last"].clone())).collect();
    assert_eq!(counts, [(1_000.into(), 1.into(), 1_000.into()), (3.into(), 1_001.into(), 1_003.into())]);
    let second = lines[1]["id"].as_str().unwrap();
    let shown = said(&desk.done(&["show", "--data", "data", second]));
    assert!(shown.contains("Autumn 2/2"), "{shown}");
}
