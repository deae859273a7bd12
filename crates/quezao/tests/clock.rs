//! The platform's clock against time servers: in the statement, beyond the limit, among liars.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::Ordering;
use testkit::ntp::Server;

fn run(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quezao"));
    command.args(args).current_dir(dir).env("QUEZAO_STATE_DIR", dir.join("state")).env("LC_ALL", "C.UTF-8");
    command.env_remove("QUEZAO_DATA").output().unwrap()
}

fn json(out: &Output) -> Value {
    serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out:?}"))
}

fn deposit(dir: &Path, name: &str) -> (i32, Value, String) {
    fs::write(dir.join(name), name).unwrap();
    let out = run(dir, &["deposit", "--data", "data", "--json", name]);
    (out.status.code().unwrap(), json(&out), String::from_utf8(out.stderr).unwrap())
}

/// The statement's `clock` as a stranger finds it in the package, and the verdict's word on it.
fn clock(dir: &Path, id: &str) -> (Value, String) {
    assert!(run(dir, &["export", "--data", "data", "--output", "out", id]).status.success());
    let package = dir.join(format!("out/{id}.zip"));
    let python = "import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read('statement.json'))";
    let statement = json(&Command::new("python3").args(["-c", python]).arg(&package).output().unwrap());
    let verdict = json(&run(dir, &["verify", "--data", "data", "--json", package.to_str().unwrap()]));
    let check = verdict["checks"].as_array().unwrap().iter().find(|c| c["id"] == "clock").unwrap().clone();
    (statement["clock"].clone(), check["result"].as_str().unwrap().to_owned())
}

#[test]
fn a_deposit_says_how_the_clock_stood_and_is_refused_beyond_the_limit() {
    let work = tempfile::tempdir().unwrap();
    let dir = work.path();
    let (right, second, liar) =
        (Server::new(0, |_| ()), Server::new(-10_000_000, |_| ()), Server::new(90_000_000, |_| ()));
    let init = ["init", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚"];
    assert!(run(dir, &init).status.success());
    // Settings that cannot work are refused, and nothing is written.
    for bad in [["--server", "a b"], ["--limit-ms", "0"], ["--every-minutes", "0"]] {
        let refused = run(dir, &[&["admin", "clock", "--data", "data", "--json"], &bad[..]].concat());
        assert_eq!(refused.status.code(), Some(2), "{bad:?}");
    }
    assert!(!dir.join("data/quezao.toml").exists());

    let set = ["admin", "clock", "--data", "data", "--json", "--limit-ms", "5000", "--server", &right.at];
    let set = run(dir, &[&set[..], &["--server", &second.at, "--server", &liar.at]].concat());
    let checked = json(&set);
    // Three that say three things: no majority, and the nearest is not beyond the limit.
    assert_eq!((set.status.code(), &checked["source"]), (Some(2), &Value::Null), "{checked}");
    assert!(checked["error"].as_str().unwrap().contains("no majority"), "{checked}");
    let (code, line, said) = deposit(dir, "a.txt");
    assert_eq!((code, line["status"].as_str()), (0, Some("new")), "{line}");
    assert!(said.contains("no majority") && said.contains(&liar.at), "{said}");
    assert_eq!(clock(dir, line["id"].as_str().unwrap()), (serde_json::json!({"checked": false}), "limited".into()));

    // Two agree: the third is told of, and not believed.
    second.ahead.store(0, Ordering::Relaxed);
    let checked = run(dir, &["admin", "clock", "--data", "data", "--json"]);
    assert_eq!((checked.status.code(), &json(&checked)["servers"][2]["agrees"]), (Some(0), &false.into()));
    let (code, line, said) = deposit(dir, "b.txt");
    assert_eq!(code, 0, "{line}");
    assert!(said.contains("disagree") && said.contains(&liar.at), "{said}");
    let (found, result) = clock(dir, line["id"].as_str().unwrap());
    assert_eq!((&found["checked"], result.as_str()), (&true.into(), "pass"), "{found}");
    assert!([&right.at, &second.at].iter().any(|at| found["source"] == at.as_str()), "{found}");
    // The comparison serves for an hour.
    let asked = right.questions.load(Ordering::Relaxed);
    assert_eq!(deposit(dir, "c.txt").0, 0);
    assert_eq!(right.questions.load(Ordering::Relaxed), asked);

    // Another server: asked anew. Beyond the limit nothing is registered, not even read.
    let set = ["admin", "clock", "--data", "data", "--server", &liar.at];
    assert_eq!(run(dir, &set).status.code(), Some(2));
    fs::write(dir.join("d.txt"), "d").unwrap();
    let refused = run(dir, &["deposit", "--data", "data", "--json", "d.txt"]);
    assert_eq!(refused.status.code(), Some(2));
    let error = json(&refused)["error"].as_str().unwrap().to_owned();
    assert!(error.contains("behind") && error.contains("5000 ms") && error.contains("limit_ms"), "{error}");
    assert!(error.contains("89.") || error.contains("90."), "the value: {error}");
    let listed = run(dir, &["find", "--data", "data", "--json", "d.txt"]);
    assert!(listed.stdout.is_empty(), "{listed:?}");

    // Nobody answers: said, and the statement does not claim a comparison.
    let gone = Server::new(0, |answer| answer[1] = 0);
    assert_eq!(run(dir, &["admin", "clock", "--data", "data", "--server", &gone.at]).status.code(), Some(2));
    let (code, line, said) = deposit(dir, "d.txt");
    assert_eq!((code, said.contains("no time server answered")), (0, true), "{line} {said}");
    assert_eq!(clock(dir, line["id"].as_str().unwrap()).0, serde_json::json!({"checked": false}));

    assert!(run(dir, &["admin", "clock", "--data", "data", "--off"]).status.success());
    let (code, _, said) = deposit(dir, "e.txt");
    assert_eq!((code, said.as_str()), (0, ""));
}
