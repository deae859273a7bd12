//! Statements stamped from outside: pending until an authority answers, durable meanwhile, and dated independently then.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use testkit::tsa::Second;

fn run(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quezao"));
    command.args(args).current_dir(dir).env("QUEZAO_STATE_DIR", dir.join("state")).env("LC_ALL", "C.UTF-8");
    command.env_remove("QUEZAO_DATA").output().unwrap()
}

/// Exit code, JSON lines, what else was said.
fn json(dir: &Path, args: &[&str]) -> (i32, Vec<Value>, String) {
    let out = run(dir, &[args, &["--data", "data", "--json"]].concat());
    let lines = String::from_utf8_lossy(&out.stdout).lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
    (out.status.code().unwrap(), lines, String::from_utf8(out.stderr).unwrap())
}

#[test]
fn a_statement_waits_for_its_token_and_survives_the_wait() {
    let work = tempfile::tempdir().unwrap();
    let dir = work.path();
    let second = Second::new();
    assert_eq!(json(dir, &["init", "--owner-kind", "individual", "--owner-name", "林晚"]).0, 0);
    // Nobody would ever stamp them.
    assert_eq!(json(dir, &["admin", "tsa", "statements", "external"]).0, 2);
    let add = ["admin", "tsa", "add", "second", "--url", &second.server.url, "--root", &second.root(), "--pace", "0"];
    assert_eq!(json(dir, &add).0, 0);
    assert_eq!(json(dir, &["admin", "tsa", "statements", "external"]).0, 0);
    assert_eq!(json(dir, &["admin", "tsa", "remove", "second"]).0, 2, "the last one");

    // Two files of the same bytes are one record; both lines come, once, sealed.
    for (name, text) in [("a.txt", "a"), ("a2.txt", "a"), ("b.txt", "b")] {
        fs::write(dir.join(name), text).unwrap();
    }
    let (code, lines, said) = json(dir, &["deposit", "a.txt", "a2.txt", "b.txt"]);
    assert_eq!((code, lines.len()), (0, 3), "{lines:?} {said}");
    let line = |file: &str| lines.iter().find(|l| l["file"] == file).unwrap().clone();
    assert_eq!(line("b.txt")["status"], "new", "{lines:?}");
    let same = [line("a.txt"), line("a2.txt")];
    assert_eq!(same[0]["id"], same[1]["id"]);
    assert!(same.iter().any(|l| l["status"] == "new") && same.iter().any(|l| l["status"] == "existing"), "{lines:?}");
    let id = line("a.txt")["id"].as_str().unwrap().to_owned();
    assert_eq!(json(dir, &["export", "--output", "out", &id]).0, 0);
    let (code, verdict, _) = json(dir, &["verify", &format!("out/{id}.zip"), "a.txt"]);
    let check = |id: &str| verdict[0]["checks"].as_array().unwrap().iter().find(|c| c["id"] == id).cloned().unwrap();
    assert_eq!((code, &check("statement-token-1")["result"]), (0, &"pass".into()), "{verdict:?}");

    // Away: kept, numbered, without index and digest; exit 3 and the way on. The same bytes again are the same record.
    second.away(true);
    fs::write(dir.join("c.txt"), "c").unwrap();
    let (code, lines, said) = json(dir, &["deposit", "--wait", "1", "c.txt"]);
    assert_eq!((code, &lines[0]["status"]), (3, &"pending".into()), "{lines:?}");
    assert!(lines[0]["index"].is_null() && lines[0]["record_sha256"].is_null(), "{lines:?}");
    assert!(said.contains("quezao stamp"), "{said}");
    let waits = lines[0]["id"].as_str().unwrap().to_owned();
    let (code, again, _) = json(dir, &["deposit", "--wait", "1", "c.txt"]);
    assert_eq!((code, &again[0]["id"], &again[0]["status"]), (3, &lines[0]["id"], &"pending".into()));
    for command in [vec!["list"], vec!["show", &waits], vec!["find", "c.txt"]] {
        let (code, lines, _) = json(dir, &command);
        let found = lines.iter().find(|l| l["id"] == *waits).unwrap_or_else(|| panic!("{command:?}: {lines:?}"));
        assert_eq!((code, &found["status"]), (0, &"pending".into()));
    }
    assert_eq!(json(dir, &["export", "--output", "out", "--wait", "1", &waits]).0, 3);
    let (code, stamped, _) = json(dir, &["stamp", "--wait", "1"]);
    assert_eq!((code, &stamped[0]["waiting"]), (3, &1.into()), "{stamped:?}");

    // Back: one command catches up; the record keeps its number.
    second.away(false);
    let (code, stamped, _) = json(dir, &["stamp", "--wait", "60"]);
    assert_eq!((code, &stamped[0]["waiting"]), (0, &0.into()), "{stamped:?}");
    assert_eq!(json(dir, &["export", "--output", "out", &waits]).0, 0);
    assert_eq!(json(dir, &["verify", &format!("out/{waits}.zip"), "c.txt"]).0, 0);
    let (_, lines, _) = json(dir, &["list"]);
    assert_eq!(lines.iter().filter(|l| l["id"] == *waits).count(), 1, "{lines:?}");

    // A later claim waits as well; given again it is that one, not another.
    second.away(true);
    let claim = ["rights", "add", &waits, "--author", "林晚", "--wait", "0"];
    let (code, first, said) = json(dir, &claim);
    assert_eq!((code, &first[0]["status"]), (3, &"pending".into()), "{first:?} {said}");
    assert!(first[0]["index"].is_null() && said.contains("quezao stamp"), "{first:?} {said}");
    let (code, again, _) = json(dir, &claim);
    assert_eq!((code, &again[0]["id"], &again[0]["status"]), (3, &first[0]["id"], &"pending".into()), "{again:?}");
    let later = first[0]["id"].as_str().unwrap();
    let shown = run(dir, &["show", "--data", "data", &waits]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains(later), "{shown:?}");
    second.away(false);
    let (code, again, _) = json(dir, &["rights", "add", &waits, "--author", "林晚"]);
    assert_eq!((code, &again[0]["id"], &again[0]["status"]), (0, &first[0]["id"], &"existing".into()), "{again:?}");
    assert!(again[0]["index"].is_u64(), "{again:?}");
    let (_, lines, _) = json(dir, &["list"]);
    assert_eq!(lines.iter().filter(|l| l["file"] == *waits).count(), 1, "{lines:?}");
    assert_eq!(json(dir, &["export", "--output", "with", &waits]).0, 0);
    let (code, verdict, _) = json(dir, &["verify", &format!("with/{waits}.zip"), "c.txt"]);
    let related = verdict[0]["checks"].as_array().unwrap().iter().find(|c| c["id"] == "related-1").unwrap();
    assert_eq!((code, &related["result"]), (0, &"pass".into()), "{verdict:?}");

    // Switched back, what waits is the embedded authority's to stamp.
    second.away(true);
    fs::write(dir.join("d.txt"), "d").unwrap();
    assert_eq!(json(dir, &["deposit", "--wait", "0", "d.txt"]).0, 3);
    assert_eq!(json(dir, &["admin", "tsa", "statements", "embedded"]).0, 0);
    let (_, stamped, _) = json(dir, &["stamp", "--wait", "1"]);
    assert_eq!(stamped[0]["waiting"], 0, "{stamped:?}");
}
