//! Every case under `vectors/`: this verifier finds what the case says, and the files are what they are made from.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::disallowed_types)]

mod common;
mod making;

use evidence::{digest::FileDigests, json::Value, time::Utc};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use verify::{Original, Outcome, Trust, Verdict, check_certificate, check_package};

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
    // A witness's, held by the crate `node`.
    found.retain(|name, _| !name.starts_with("witness/"));
    let differ: Vec<&String> =
        made.keys().chain(found.keys()).filter(|path| made.get(*path) != found.get(*path)).collect();
    assert!(differ.is_empty(), "stale; run `cargo run -p verify --example vectors -- vectors`: {differ:#?}");
}

/// The package or the certificate of a case.
fn check_artefact(dir: &Path, case: &Value, trust: &Trust, originals: &[Original], now: Utc) -> Verdict {
    let file = case["package"].as_str().unwrap();
    let bytes = std::fs::read(dir.join(file)).unwrap();
    let check = if file.ends_with(".pdf") { check_certificate } else { check_package };
    check(&bytes, trust, originals, now)
}

/// Its entries, or the files that it attaches.
fn entries_of(dir: &Path, case: &Value) -> Vec<(String, Vec<u8>)> {
    let file = case["package"].as_str().unwrap();
    let bytes = std::fs::read(dir.join(file)).unwrap();
    match file.ends_with(".pdf") {
        true if verify::reported(&bytes).is_some() => {
            let inside = verify::reported(&bytes).unwrap();
            match verify::is_certificate(&inside) {
                true => archive::pdf::read(&inside).unwrap().attachments,
                false => archive::package::read(&inside).unwrap().entries,
            }
        }
        true => archive::pdf::read(&bytes).unwrap().attachments,
        false => archive::package::read(&bytes).unwrap().entries,
    }
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
        let verdict = check_artefact(&dir, &case, &trust.unwrap(), &originals, now);
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

#[test]
fn a_new_ledger_does_not_speak_for_the_one_that_it_names() {
    let (dir, case) = cases().into_iter().find(|(dir, _)| dir.ends_with("earlier-ledger/good-01-named")).unwrap();
    let trust = files(&folder().join(case["trust"].as_str().unwrap()));
    let name = |p: &Path| p.file_name().unwrap().to_str().unwrap().to_owned();
    let trust = Trust::from_files(trust.iter().map(|p| (name(p), std::fs::read(p).unwrap()))).unwrap();
    let now = Utc::parse_micros(case["now"].as_str().unwrap()).unwrap();
    let verdict = check_artefact(&dir, &case, &trust, &[], now);
    assert!(verdict.find("earlier-ledger").unwrap().en.ends_with("and this record names it."));
    assert!(verdict.does_not_show.iter().any(|s| s.en.contains("anybody who holds its checkpoint can name it")));
}

/// A certificate's attachments are such a folder: what was verified as a package is verified as it lies there.
#[test]
fn packages_taken_apart_are_verified_too() {
    for (dir, case) in cases().into_iter().filter(|c| c.1["exit"] == 0) {
        let trust = files(&folder().join(case["trust"].as_str().unwrap()));
        let name = |p: &Path| p.file_name().unwrap().to_str().unwrap().to_owned();
        let trust = Trust::from_files(trust.iter().map(|p| (name(p), std::fs::read(p).unwrap()))).unwrap();
        let entries = entries_of(&dir, &case).into_iter().filter(|e| e.0 != "package.json").collect();
        let originals = case["originals"].as_array().unwrap().iter().map(|o| {
            let name = o.as_str().unwrap().to_owned();
            let digests = FileDigests::of(&std::fs::read(folder().join(&name)).unwrap());
            Original { name, digests }
        });
        let now = Utc::parse_micros(case["now"].as_str().unwrap()).unwrap();
        let container = verify::Container::Folder;
        let verdict = verify::check(&entries, container, &trust, &originals.collect::<Vec<_>>(), now);
        assert_eq!((verdict.code(), verdict.find("form").unwrap().result), (0, Outcome::Limited), "{}", dir.display());
        let later = |id: &str| id.starts_with("later-0") || id.starts_with("renewal-");
        let named = |id: &str| case["checks"].get(id).is_some();
        let held = verdict.checks.iter().filter(|c| later(&c.id) && !named(&c.id));
        assert!(held.clone().all(|c| c.result == Outcome::Pass), "{}", dir.display());
    }
}

/// A captured page's good case: the reader's trust and clock, and the package's entries without its list.
fn answered() -> (Trust, Utc, Vec<(String, Vec<u8>)>) {
    let dir = folder().join("capture-contact/good-01-answered");
    let case: Value = serde_json::from_slice(&std::fs::read(dir.join("case.json")).unwrap()).unwrap();
    let name = |p: &Path| p.file_name().unwrap().to_str().unwrap().to_owned();
    let trust = files(&folder().join(case["trust"].as_str().unwrap()));
    let trust = Trust::from_files(trust.iter().map(|p| (name(p), std::fs::read(p).unwrap()))).unwrap();
    let now = Utc::parse_micros(case["now"].as_str().unwrap()).unwrap();
    let package = archive::package::read(&std::fs::read(dir.join("package.zip")).unwrap()).unwrap();
    (trust, now, package.entries[1..].to_vec())
}

/// One bit of a capture's file, in a package whose own list is made again: never verified, and the check is named.
#[test]
fn no_bit_of_a_capture_is_free() {
    let (trust, now, mut entries) = answered();
    let place = entries.iter().position(|e| e.0 == "capture.wacz").unwrap();
    let size = entries[place].1.len();
    for at in (0..size).step_by(size / 120) {
        entries[place].1[at] ^= 1 << (at % 8);
        let verdict = check_package(&archive::package::write(&entries).unwrap(), &trust, &[], now);
        assert_eq!(verdict.code(), 1, "byte {at}");
        for id in ["file", "capture-resources"] {
            assert_eq!(verdict.find(id).unwrap().result, Outcome::Fail, "byte {at}: {id}");
        }
        entries[place].1[at] ^= 1 << (at % 8);
    }
}

/// A WACZ too large for its package lies beside it.
#[test]
fn a_capture_beside_its_package_is_checked_too() {
    let (trust, now, mut entries) = answered();
    let wacz = entries.remove(entries.iter().position(|e| e.0 == "capture.wacz").unwrap()).1;
    let bytes = archive::package::write(&entries).unwrap();
    let original = |b: &[u8]| [Original { name: "capture.wacz".into(), digests: FileDigests::of(b) }];

    let alone = check_package(&bytes, &trust, &original(&wacz), now);
    assert_eq!((alone.code(), alone.find("capture-resources").unwrap().result), (3, Outcome::NotChecked));
    let mut file = archive::wacz::in_memory(&wacz);
    let beside = verify::check_package_beside(&bytes, &trust, &original(&wacz), Some(&mut file), now);
    assert_eq!(beside.code(), 0, "{}", beside.to_json());
    assert!(beside.facts.order.is_some() && beside.facts.capture.is_some());
    assert!(beside.shows.iter().any(|s| s.en.starts_with("The order was put on the ledger and sealed first")));
    // The digests are the honest file's, the bytes another's.
    let other = package_of("capture-resources/good-02-artefacts");
    let mut file = archive::wacz::in_memory(&other);
    let swapped = verify::check_package_beside(&bytes, &trust, &original(&wacz), Some(&mut file), now);
    assert_eq!((swapped.code(), swapped.find("capture-resources").unwrap().result), (1, Outcome::Fail));
}

fn package_of(case: &str) -> Vec<u8> {
    let package = std::fs::read(folder().join(case).join("package.zip")).unwrap();
    let entries = archive::package::read(&package).unwrap().entries;
    entries.into_iter().find(|e| e.0 == "capture.wacz").unwrap().1
}

/// Accepted, refused, or of a form that version 1 does not know.
fn read_format(format: &str, bytes: &[u8], key: Option<&str>) -> evidence::Result<()> {
    use evidence::{
        checkpoint::Checkpoint, cosignature, disclosure::Disclosure, json, merkle, note, policy::Policy,
        proof::TlogProof, record::Record, statement::Statement, token::Token,
    };
    let text = || String::from_utf8_lossy(bytes).into_owned();
    let value = || serde_json::from_slice::<Value>(bytes).unwrap();
    let hash = |v: &Value| evidence::hex::decode::<32>("hash", v.as_str().unwrap()).unwrap();
    let hashes = |v: &Value| v.as_array().unwrap().iter().map(hash).collect::<Vec<_>>();
    let number = |v: &Value| v.as_u64().unwrap();
    let key = || note::VerifierKey::parse(key.unwrap());
    match format {
        "json" => json::parse("json", bytes, 1 << 20).map(drop),
        "disclosure" => Disclosure::parse(&text()).map(drop),
        "statement" => Statement::parse(bytes).map(drop),
        "record" => Record::parse(bytes).map(drop),
        "inclusion" => {
            let (v, leaf) = (value(), value()["leaf"].as_str().unwrap().to_owned());
            let leaf: Vec<u8> =
                (0..leaf.len() / 2).map(|n| u8::from_str_radix(&leaf[2 * n..2 * n + 2], 16).unwrap()).collect();
            let (index, size) = (number(&v["index"]), number(&v["size"]));
            merkle::verify_inclusion(&merkle::leaf_hash(&leaf), index, size, &hashes(&v["proof"]), &hash(&v["root"]))
        }
        "consistency" => {
            let v = value();
            let (old, new) = (number(&v["old_size"]), number(&v["new_size"]));
            merkle::verify_consistency(old, &hash(&v["old_root"]), new, &hash(&v["new_root"]), &hashes(&v["proof"]))
        }
        "checkpoint" => Checkpoint::parse(&text()).map(drop),
        "signed-note" => note::Note::parse(bytes)?.verify_log(&key()?),
        "cosignature-04" | "cosignature-06" => {
            cosignature::verify(&note::Note::parse(bytes)?, &key()?).map(|c| assert!(c.is_some()))
        }
        "policy" => Policy::parse(bytes).map(drop),
        "roles" => Trust::from_files([("roles.json".to_owned(), bytes.to_vec())])
            .map(drop)
            .map_err(|e| evidence::Error::malformed("roles.json", e.to_string(), "roles")),
        "tlog-proof" => TlogProof::parse(bytes).map(drop),
        "token" => Token::parse_tsr(bytes)?.check_signature().map(drop),
        "package" => archive::package::read(bytes).map(drop),
        other => panic!("format {other}"),
    }
}

#[test]
fn each_format_takes_the_good_and_refuses_the_bad() {
    let dir = folder().join("formats");
    let index: Vec<Value> = serde_json::from_slice(&std::fs::read(dir.join("index.json")).unwrap()).unwrap();
    let (mut wrong, mut counts) = (Vec::new(), BTreeMap::<String, (usize, usize)>::new());
    for line in &index {
        let (format, file) = (line["format"].as_str().unwrap(), line["file"].as_str().unwrap());
        let found = read_format(format, &std::fs::read(dir.join(file)).unwrap(), line["key"].as_str());
        let result = match &found {
            Ok(()) => "accept",
            Err(e) if e.is_incomplete() => "unknown",
            Err(_) => "refuse",
        };
        if line["result"] != result {
            wrong.push(format!("{file}: {} expected, {result} found: {found:?}", line["result"]));
        }
        let count = counts.entry(format.to_owned()).or_default();
        if result == "accept" { count.0 += 1 } else { count.1 += 1 }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(counts.len(), 15);
    assert!(counts.values().all(|c| c.0 >= 1 && c.1 >= 5), "{counts:?}");
}

/// Ids of `spec/checks.md` whose results may be `fail`.
#[test]
fn every_check_that_can_fail_has_five_bad_cases_and_a_good_one() {
    let spec = std::fs::read_to_string(folder().join("../spec/checks.md")).unwrap();
    // Never by a package alone.
    // Never by a package alone.
    let later = ["printed-page", "comparison-distances"];
    let mut thin = Vec::new();
    for row in spec.lines().filter(|l| l.starts_with("| `")) {
        let columns: Vec<&str> = row.split('|').map(str::trim).collect();
        let id = columns[1].trim_matches('`');
        if !columns[4].contains("fail") || later.contains(&id) {
            continue;
        }
        let count = |kind: &str| {
            let dir = std::fs::read_dir(folder().join(id));
            dir.into_iter()
                .flatten()
                .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with(kind))
                .count()
        };
        if count("good-") == 0 || count("bad-") < 5 {
            thin.push((id.to_owned(), count("good-"), count("bad-")));
        }
    }
    assert!(thin.is_empty(), "good, bad: {thin:?}");
    assert!(cases().iter().filter(|c| c.0.parent().unwrap().ends_with("forged")).all(|c| c.1["exit"] != 0));
    // A bad case is bad in its own check.
    for (dir, case) in cases() {
        let (group, name) = (case["check"].as_str().unwrap(), dir.file_name().unwrap().to_str().unwrap().to_owned());
        let own = |id: &str| group.strip_suffix('N').map_or(id == group, |stem| id.starts_with(stem));
        let broken =
            case["checks"].as_object().unwrap().iter().any(|(id, r)| own(id) && (*r == "fail" || *r == "not_checked"));
        assert!(!name.starts_with("bad-") || broken && case["exit"] != 0, "{group}/{name}");
    }
}
