//! The attacker's walk: each forgery is refused where it has to be, by this verifier and by the independent reader.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn demo(work: &Path, locale: &str, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quezao"));
    command.arg("demo").args(args).current_dir(work).env("QUEZAO_STATE_DIR", work.join("state"));
    command.env("LC_ALL", locale).env("TMPDIR", work).output().unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

fn verify_py(trust: &Path, package: &Path, picture: &Path) -> i32 {
    let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join("../archive/assets/verify.py");
    let output = Command::new("python3").arg(reader).arg("--trust").args([trust, package, picture]).output().unwrap();
    output.status.code().unwrap()
}

#[test]
fn every_forgery_is_refused_by_both_readers_and_the_honest_ones_hold() {
    let work = tempfile::tempdir().unwrap();
    let lines = lines(&demo(work.path(), "C.UTF-8", &["--forge", "--json", "walk"]));
    let (honest, forged): (Vec<&Value>, Vec<&Value>) = lines.iter().partition(|l| l["name"] == "honest");
    assert!(honest.len() == 4 && forged.len() >= 24, "{lines:?}");
    let names: BTreeSet<&str> = forged.iter().map(|l| l["name"].as_str().unwrap()).collect();
    for wanted in [
        "changed-pixel",
        "token-removed",
        "token-moved",
        "replayed",
        "spliced",
        "from-scratch",
        "sock-puppet",
        "order-afterwards",
    ] {
        assert!(names.contains(wanted), "{wanted}");
    }
    for line in &lines {
        assert_eq!(line["error"], Value::Null, "{line}");
        let path = |key: &str| work.path().join(line[key].as_str().unwrap());
        let exit = i32::try_from(line["exit"].as_i64().unwrap()).unwrap();
        assert_eq!(exit == 0, line["name"] == "honest", "{line}");
        // `verify.py` reads packages; certificates are read by other people's tools in their own tests. Orders inside
        // captures it does not read.
        if path("package").extension().is_some_and(|e| e == "zip") && line["check"] != "capture-order" {
            assert_eq!(verify_py(&path("trust"), &path("package"), &path("picture")), exit, "{line}");
        }
        for language in ["zh", "en"] {
            let story = line[language].as_str().unwrap();
            assert!(!story.starts_with("forge-") && !story.is_empty(), "{line}");
        }
    }
}

#[test]
fn the_account_is_readable_in_both_languages_and_given_pictures_are_used() {
    let work = tempfile::tempdir().unwrap();
    image::RgbImage::from_pixel(9, 9, image::Rgb([9, 8, 7])).save(work.path().join("mine.jpg")).unwrap();
    for (locale, said) in [("zh_CN.UTF-8", "本结果不能证明什么"), ("C.UTF-8", "What this does not show")] {
        let output = demo(work.path(), locale, &["--picture", "mine.jpg"]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{text}");
        assert!(text.contains(said) && text.contains("quezao verify --data ") && text.contains("mine.jpg"), "{text}");
        let fresh: Vec<PathBuf> = std::fs::read_dir(work.path())
            .unwrap()
            .map(|e| e.unwrap().path())
            .filter(|p| p.file_name().unwrap().to_string_lossy().starts_with("quezao-demo-"))
            .collect();
        assert!(fresh.iter().any(|f| text.contains(f.to_str().unwrap())), "{text}");
    }
}

#[test]
fn a_folder_with_something_in_it_is_left_alone() {
    let work = tempfile::tempdir().unwrap();
    std::fs::create_dir(work.path().join("mine")).unwrap();
    std::fs::write(work.path().join("mine/letter"), "x").unwrap();
    let output = demo(work.path(), "C.UTF-8", &["--json", "mine"]);
    assert_eq!(output.status.code(), Some(2));
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(line["error"].as_str().unwrap().contains("not empty"), "{line}");
    assert_eq!(std::fs::read_dir(work.path().join("mine")).unwrap().count(), 1);
}
