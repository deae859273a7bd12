//! Outside time authorities on a data folder: who seals, what waits while nobody answers, and what a reader sees.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use testkit::tsa::{Openssl, Second, Server, send};

fn run(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quezao"));
    command.args(args).current_dir(dir).env("QUEZAO_STATE_DIR", dir.join("state")).env("LC_ALL", "C.UTF-8");
    command.env_remove("QUEZAO_DATA").output().unwrap()
}

/// Exit code and JSON lines.
fn json(dir: &Path, args: &[&str]) -> (i32, Vec<Value>) {
    let out = run(dir, args);
    let lines = String::from_utf8_lossy(&out.stdout).lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
    (out.status.code().unwrap(), lines)
}

fn ok(dir: &Path, args: &[&str]) -> Vec<Value> {
    let (code, lines) = json(dir, args);
    assert_eq!(code, 0, "{args:?}: {lines:?}");
    lines
}

#[test]
fn an_outside_authority_seals_and_nothing_is_sealed_while_it_is_away() {
    let work = tempfile::tempdir().unwrap();
    let dir = work.path();
    let second = Second::new();
    let (url, root) = (second.server.url.as_str(), second.root());
    ok(dir, &["init", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚", "--json"]);
    let add =
        ["admin", "tsa", "add", "second", "--data", "data", "--url", url, "--root", &root, "--pace", "1", "--json"];
    // Without its root, twice, or under a name that is a path: refused, and nothing is written.
    assert_eq!(json(dir, &["admin", "tsa", "add", "x", "--data", "data", "--url", url]).0, 2);
    assert_eq!(json(dir, &["admin", "tsa", "add", "../x", "--data", "data"]).0, 2);
    assert!(!dir.join("data/quezao.toml").exists());
    ok(dir, &add);
    assert_eq!(json(dir, &add).0, 2);
    // One root cannot be independent and the operator's own; and no secret of an address is repeated.
    let own = ["admin", "tsa", "add", "third", "--data", "data", "--url", url, "--root", &root, "--own"];
    assert_eq!(json(dir, &own).0, 2);
    let secret = run(
        dir,
        &["admin", "tsa", "add", "y", "--data", "data", "--url", "https://bob:S3CRET@a/", "--root", &root, "--json"],
    );
    assert_eq!(secret.status.code(), Some(2));
    assert!(!String::from_utf8_lossy(&[secret.stdout, secret.stderr].concat()).contains("S3CRET"));

    let state = &ok(dir, &["admin", "tsa", "list", "--data", "data", "--json"])[0];
    assert_eq!((&state["state"], &state["independent"]), (&"unused".into(), &true.into()), "{state}");
    let checked = &ok(dir, &["admin", "tsa", "check", "--data", "data", "--json"])[0];
    assert_eq!((&checked["independent"], &checked["policy"]), (&true.into(), &"1.3.6.1.4.1.99999.1".into()));
    assert!(checked["error"].is_null() && checked["gen_time"].is_string());

    fs::write(dir.join("a.txt"), "a").unwrap();
    let first = &ok(dir, &["deposit", "--data", "data", "--json", "a.txt"])[0];
    ok(dir, &["stamp", "--data", "data", "--json"]);
    let id = first["id"].as_str().unwrap();
    ok(dir, &["export", "--data", "data", "--output", "out", "--json", id]);
    let package = format!("out/{id}.zip");
    let (code, verdict) = json(dir, &["verify", "--data", "data", "--json", &package, "a.txt"]);
    assert_eq!(code, 0, "{verdict:?}");
    let seal = verdict[0]["checks"].as_array().unwrap().iter().find(|c| c["id"] == "sealing-token-1").unwrap();
    assert_eq!(seal["result"], "pass", "an independent authority seals: {seal}");
    assert!(
        seal["en"].as_str().unwrap().contains("Second-good") || seal["en"].as_str().unwrap().contains("second"),
        "{seal}"
    );
    // Whoever trusts the operator's own authority alone learns that the seal is unknown to him.
    fs::create_dir(dir.join("trust")).unwrap();
    for entry in fs::read_dir(dir.join("data/trust")).unwrap().flatten() {
        let pem = fs::read(entry.path()).unwrap();
        if pem != fs::read(&root).unwrap() {
            fs::write(dir.join("trust").join(entry.file_name()), pem).unwrap();
        }
    }
    assert_eq!(json(dir, &["verify", "--trust", "trust", "--json", &package, "a.txt"]).0, 3);
    // The commands of VERIFY.txt name the right root for each token.
    ok(dir, &["export", "--data", "data", "--output", "out2", "--json", id]);
    let unzip =
        Command::new("python3").args(["-m", "zipfile", "-e", &package, "unpacked"]).current_dir(dir).status().unwrap();
    assert!(unzip.success());
    let text = fs::read_to_string(dir.join("unpacked/VERIFY.txt")).unwrap();
    let commands: Vec<&str> = text.lines().map(str::trim).filter(|l| l.starts_with("openssl ts")).collect();
    assert!(commands.iter().any(|c| c.contains("checkpoint.tsr")));
    for command in commands {
        let words: Vec<&str> = command.split(' ').collect();
        let done = Command::new(words[0]).args(&words[1..]).current_dir(dir.join("unpacked")).output().unwrap();
        assert!(done.status.success(), "{command}: {}", String::from_utf8_lossy(&done.stderr));
    }
    let python = Command::new("python3")
        .args(["verify.py", "--trust", "../data/trust", ".", "../a.txt"])
        .current_dir(dir.join("unpacked"))
        .output()
        .unwrap();
    assert_eq!(python.status.code(), Some(0), "{}", String::from_utf8_lossy(&python.stdout));

    second.away(true);
    fs::write(dir.join("b.txt"), "b").unwrap();
    let later = &ok(dir, &["deposit", "--data", "data", "--json", "b.txt"])[0];
    assert_eq!(later["status"], "pending", "{later}");
    let (code, line) = json(dir, &["stamp", "--data", "data", "--wait", "1", "--json"]);
    assert_eq!((code, line[0]["sealed"].as_u64() < line[0]["size"].as_u64()), (3, true), "{line:?}");
    assert_eq!(json(dir, &["admin", "tsa", "check", "--data", "data", "--json"]).0, 2);
    // How it fared outlives the command that asked it: it rests, and the reason is there.
    let state = &ok(dir, &["admin", "tsa", "list", "--data", "data", "--json"])[0];
    assert!(state["state"] == "resting" || state["state"] == "failing", "{state}");
    assert!(state["failures"].as_u64() >= Some(1) && state["token_at"].is_string(), "{state}");
    assert!(state["reason"].as_str().unwrap().contains("text/html"), "{state}");
    assert_eq!(state["rests_until"].is_string(), state["state"] == "resting", "{state}");
    // The operator may let his own authority stand in; the reader then sees whose it is.
    ok(dir, &["admin", "tsa", "fallback", "on", "--data", "data", "--json"]);
    ok(dir, &["stamp", "--data", "data", "--wait", "20", "--json"]);
    let id = later["id"].as_str().unwrap();
    ok(dir, &["export", "--data", "data", "--output", "out", "--json", id]);
    let (code, verdict) = json(dir, &["verify", "--data", "data", "--json", &format!("out/{id}.zip"), "b.txt"]);
    let seal = verdict[0]["checks"].as_array().unwrap().iter().find(|c| c["id"] == "sealing-token-1").unwrap();
    assert_eq!((code, &seal["result"]), (0, &"limited".into()), "{seal}");

    ok(dir, &["admin", "tsa", "remove", "second", "--data", "data", "--json"]);
    assert_eq!(json(dir, &["admin", "tsa", "remove", "second", "--data", "data"]).0, 2);
    // What it sealed still verifies.
    assert_eq!(json(dir, &["verify", "--data", "data", "--json", &package, "a.txt"]).0, 0);
}

#[test]
fn an_authority_whose_certificate_was_revoked_no_longer_seals() {
    let work = tempfile::tempdir().unwrap();
    let dir = work.path();
    let served = Arc::new(Mutex::new(None::<Vec<u8>>));
    let serve = served.clone();
    let lists = Server::new(Box::new(move |_, stream| match &*serve.lock().unwrap() {
        Some(list) => send(stream, "application/pkix-crl", list),
        None => send(stream, "text/html", b"not here"),
    }));
    let second = Second::of(Openssl::listed(&lists.url));
    let root = second.root();
    ok(dir, &["init", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚", "--json"]);
    let add = ["admin", "tsa", "add", "second", "--data", "data", "--url", &second.server.url, "--root", &root];
    ok(dir, &[&add[..], &["--pace", "0", "--json"]].concat());

    // No list to be had: said, by the check and by the list, and the token counts.
    let checked = &ok(dir, &["admin", "tsa", "check", "--data", "data", "--json"])[0];
    let list = &checked["revocation"][0];
    assert_eq!((&list["url"], list["until"].is_null()), (&lists.url.as_str().into(), true), "{checked}");
    assert!(list["reason"].as_str().unwrap().contains("CRL"), "{checked}");
    let shown = run(dir, &["admin", "tsa", "check", "--data", "data"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains(&format!("revocation list {}", lists.url)), "{shown:?}");

    // Had: shown, held, and carried by the package of what was sealed.
    *served.lock().unwrap() = Some(second.openssl.list(None));
    fs::remove_dir_all(dir.join("data/revocation")).unwrap();
    fs::write(dir.join("a.txt"), "a").unwrap();
    let first = &ok(dir, &["deposit", "--data", "data", "--json", "a.txt"])[0];
    ok(dir, &["stamp", "--data", "data", "--json"]);
    let state = &ok(dir, &["admin", "tsa", "list", "--data", "data", "--json"])[0];
    let list = &state["revocation"][0];
    assert_eq!((list["until"].is_string(), list["reason"].is_null()), (true, true), "{state}");
    let id = first["id"].as_str().unwrap();
    ok(dir, &["export", "--data", "data", "--output", "out", "--json", id]);
    let package = format!("out/{id}.zip");
    let entries = archive::package::read(&fs::read(dir.join(&package)).unwrap()).unwrap().entries;
    let held = served.lock().unwrap().clone().unwrap();
    assert!(entries.iter().any(|(name, bytes)| name.starts_with("trust-revocation-") && *bytes == held));
    assert_eq!(json(dir, &["verify", "--data", "data", "--json", &package, "a.txt"]).0, 0);

    // Revoked, when the held list has ended (here: is gone): refused with the way out, and nothing is sealed.
    second.openssl.revoke("good");
    *served.lock().unwrap() = Some(second.openssl.list(None));
    fs::remove_dir_all(dir.join("data/revocation")).unwrap();
    fs::write(dir.join("b.txt"), "b").unwrap();
    let later = &ok(dir, &["deposit", "--data", "data", "--json", "b.txt"])[0];
    assert_eq!(later["status"], "pending", "{later}");
    let (code, checked) = json(dir, &["admin", "tsa", "check", "--data", "data", "--json"]);
    let error = checked[0]["error"].as_str().unwrap();
    for part in ["Second-good", "KeyCompromise", &lists.url, "quezao admin tsa remove", "吊销"] {
        assert!(error.contains(part), "{part} in {error}");
    }
    assert_eq!(code, 2);
    let state = &ok(dir, &["admin", "tsa", "list", "--data", "data", "--json"])[0];
    assert!(state["reason"].as_str().unwrap().contains("was revoked on"), "{state}");
    // The operator's fallback works as for any other fault.
    ok(dir, &["admin", "tsa", "fallback", "on", "--data", "data", "--json"]);
    ok(dir, &["stamp", "--data", "data", "--wait", "20", "--json"]);
}
