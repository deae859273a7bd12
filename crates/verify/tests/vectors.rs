//! Every case under `vectors/`: this verifier finds what the case says, and the files are what they are made from.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::disallowed_types)]

mod common;
mod making;

use evidence::{digest::FileDigests, json::Value, time::Utc};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use verify::{Original, Outcome, Trust, check_package};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors")
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { out.extend(files(&path)) } else { out.push(path) }
    }
    out.sort();
    out
}

fn cases() -> Vec<(PathBuf, Value)> {
    let cases = files(&folder()).into_iter().filter(|p| p.ends_with("case.json"));
    cases
        .map(|p| (p.parent().unwrap().to_owned(), serde_json::from_slice(&std::fs::read(p).unwrap()).unwrap()))
        .collect()
}

#[test]
fn the_files_are_what_they_are_made_from() {
    let made = making::all();
    let name = |p: &Path| p.strip_prefix(folder()).unwrap().to_str().unwrap().to_owned();
    let mut found: BTreeMap<String, Vec<u8>> =
        files(&folder()).iter().map(|p| (name(p), std::fs::read(p).unwrap())).collect();
    found.remove("README.md");
    let differ: Vec<&String> =
        made.keys().chain(found.keys()).filter(|path| made.get(*path) != found.get(*path)).collect();
    assert!(differ.is_empty(), "stale; run `cargo run -p verify --example vectors -- vectors`: {differ:#?}");
}

#[test]
fn each_case_gives_what_it_says() {
    let mut wrong = Vec::new();
    for (dir, case) in cases() {
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        let trust = folder().join(text(&case["trust"]));
        let trust = Trust::from_files(
            files(&trust)
                .iter()
                .map(|p| (p.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(p).unwrap())),
        );
        let originals: Vec<Original> = case["originals"]
            .as_array()
            .unwrap()
            .iter()
            .map(|o| Original {
                name: text(o),
                digests: FileDigests::of(&std::fs::read(folder().join(text(o))).unwrap()),
            })
            .collect();
        let now = Utc::parse_micros(&text(&case["now"])).unwrap();
        let package = std::fs::read(dir.join("package.zip")).unwrap();
        let verdict = check_package(&package, &trust.unwrap(), &originals, now);
        let expected: BTreeMap<String, String> =
            case["checks"].as_object().unwrap().iter().map(|(id, r)| (id.clone(), text(r))).collect();
        let form = verdict.find("form").unwrap().result;
        let found: BTreeMap<String, String> = verdict
            .checks
            .iter()
            .filter(|c| c.result != Outcome::Pass && !matches!(c.id.as_str(), "later-records" | "printed-page"))
            .filter(|c| c.id == "form" || matches!(form, Outcome::Pass | Outcome::Limited))
            .map(|c| (c.id.clone(), serde_json::to_value(c.result).unwrap().as_str().unwrap().to_owned()))
            .collect();
        let exit = u64::from(verdict.code());
        if found != expected || case["exit"].as_u64() != Some(exit) {
            let reasons: Vec<_> = verdict
                .checks
                .iter()
                .filter(|c| found.get(&c.id) != expected.get(&c.id) || c.result == Outcome::Fail)
                .map(|c| format!("{} {:?} {} | {:?} | {:?}", c.id, c.result, c.en, c.found, c.expected))
                .collect();
            wrong.push(format!(
                "{}: exit {exit}\n  found {found:?}\n  expected {expected:?}\n  {}",
                dir.display(),
                reasons.join("\n  ")
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
