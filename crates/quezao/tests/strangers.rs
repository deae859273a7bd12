//! Witnesses that we did not write, built here from their sources and started for real, over our sealing.
#![allow(clippy::unwrap_used)]

mod court;
mod house;
mod network;

use network::*;
use serde_json::json;
use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

#[test]
fn torchwood_s_litewitness_cosigns() {
    let work = tempfile::tempdir().unwrap();
    let dir = work.path();
    ok(dir, &["init", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚"]);
    let keys = ok(dir, &["admin", "keys", "--data", "data"]);
    let (origin, log) = (keys[0]["origin"].as_str().unwrap(), keys[0]["ledger_key"].as_str().unwrap());
    let done = |program: &Path, args: &[&str]| {
        let mut command = Command::new(program);
        let out = command.args(args).current_dir(dir).env("SSH_AUTH_SOCK", "agent.sock").output().unwrap();
        assert!(out.status.success(), "{program:?} {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    };
    // Torchwood's litewitness has its key from an SSH agent.
    let agent =
        Command::new("ssh-agent").args(["-D", "-a", "agent.sock"]).current_dir(dir).stdout(Stdio::null()).spawn();
    let _agent = Ends(agent.expect("openssh-client is needed for this test: see scripts/setup.sh"));
    let deadline = Instant::now() + Duration::from_secs(30);
    while !dir.join("agent.sock").exists() {
        assert!(Instant::now() < deadline, "no agent");
        std::thread::sleep(Duration::from_millis(20));
    }
    done("ssh-keygen".as_ref(), &["-q", "-t", "ed25519", "-N", "", "-f", "key"]);
    done("ssh-add".as_ref(), &["-q", "key"]);
    let fingerprint = done("ssh-keygen".as_ref(), &["-lf", "key.pub"]);
    let fingerprint = fingerprint.split(' ').nth(1).unwrap();
    let control = foreign().join("witnessctl");
    done(&control, &["add-log", "-db", "lite.db", "-origin", origin]);
    done(&control, &["add-key", "-db", "lite.db", "-origin", origin, "-key", log]);
    let free = std::net::TcpListener::bind("127.0.0.21:0").unwrap().local_addr().unwrap().to_string();
    let lite = Command::new(foreign().join("litewitness"))
        .args([
            "-name",
            "lite.example",
            "-db",
            "lite.db",
            "-ssh-agent",
            "agent.sock",
            "-listen",
            &free,
            "-key",
            fingerprint,
        ])
        .current_dir(dir)
        .stderr(Stdio::piped())
        .spawn();
    let mut lite = Ends(lite.unwrap());
    let mut said = BufReader::new(lite.0.stderr.take().unwrap()).lines().map_while(Result::ok);
    let key = said.find_map(|line| Some(line.split("vkey=").nth(1)?.trim_matches('"').to_owned())).unwrap();
    assert!(said.any(|line| line.contains("listening")));
    std::thread::spawn(move || said.for_each(drop));

    asked_alone(dir, log, "Torchwood", &key, &format!("http://{free}"));
}

/// A ledger whose policy is this witness alone: from the empty tree, then by a proof, each in a process of its own.
fn asked_alone(dir: &Path, log: &str, name: &str, key: &str, url: &str) {
    let policy = format!("log {log}\nwitness alone {key} {url}\nquorum alone\n");
    let role = json!([{"key": key, "role": "other", "name": name, "independent": true, "from": null, "until": null}]);
    fs::write(dir.join("policy"), policy).unwrap();
    fs::write(dir.join("roles.json"), role.to_string()).unwrap();
    ok(dir, &["admin", "policy", "set", "policy", "--data", "data"]);
    for n in 1..4 {
        fs::write(dir.join("a.txt"), n.to_string()).unwrap();
        let line = ok(dir, &["deposit", "--data", "data", "a.txt"]).remove(0);
        let state = json(dir, &["admin", "policy", "status", "--data", "data"]);
        assert_eq!((line["status"].as_str(), state.0), (Some("new"), 0), "{state:?}");
        cosigned_by(dir, n + 1, &[key.to_owned()]);
    }
}

/// The crate `witness-log-cli` as crates.io has it; built once a target folder, which takes half a minute.
fn witness_log() -> PathBuf {
    const VERSION: &str = "0.6.1";
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("witness-log");
    let program = root.join("bin/witness-log");
    let known = Command::new(&program).arg("--version").output().ok();
    if !known.is_some_and(|out| String::from_utf8_lossy(&out.stdout).contains(VERSION)) {
        let mut build = Command::new(env!("CARGO"));
        build.args(["install", "--locked", "--debug", "--no-default-features", "--root"]).arg(&root);
        build.args([&format!("witness-log-cli@{VERSION}"), "--target-dir"]).arg(root.join("target"));
        // What this test was built with is not what that is to be built with.
        build.current_dir(std::env::temp_dir()).env_remove("RUSTFLAGS").env_remove("CARGO_TARGET_DIR");
        let out = build.output().unwrap();
        assert!(out.status.success(), "crates.io is needed: {}", String::from_utf8_lossy(&out.stderr));
        fs::remove_dir_all(root.join("target")).unwrap();
    }
    program
}

#[test]
fn witness_log_cosigns_and_refuses_a_second_history() {
    let work = tempfile::tempdir().unwrap();
    let dir = work.path();
    let program = witness_log();
    ok(dir, &["init", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚"]);
    let keys = ok(dir, &["admin", "keys", "--data", "data"]);
    let (origin, log) = (keys[0]["origin"].as_str().unwrap(), keys[0]["ledger_key"].as_str().unwrap());
    let done = |args: &[&str]| {
        let out = Command::new(&program).args(args).current_dir(dir).output().unwrap();
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    };
    let made = done(&["witness", "init", "stranger", "--name", "stranger.example/w", "--org", "Stranger", "--json"]);
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let key = made["vkey"].as_str().unwrap();
    done(&["witness", "add-log", "stranger", origin, log]);
    let child = Command::new(&program)
        .args(["witness", "serve", "stranger", "--listen", "127.0.0.22:0"])
        .current_dir(dir)
        .stderr(Stdio::piped())
        .spawn();
    let mut serving = Ends(child.unwrap());
    let mut said = BufReader::new(serving.0.stderr.take().unwrap()).lines().map_while(Result::ok);
    let url =
        said.find_map(|line| Some(format!("http://{}", line.split("http://").nth(1)?.split(' ').next()?))).unwrap();
    std::thread::spawn(move || said.for_each(drop));
    asked_alone(dir, log, "witness-log", key, &url);

    // An old copy of the folder that signs on all the same: refused by it, and seen by us for what it is.
    assert!(Command::new("cp").args(["-a", "data", "old"]).current_dir(dir).status().unwrap().success());
    fs::write(dir.join("b.txt"), "b").unwrap();
    ok(dir, &["deposit", "--data", "data", "b.txt"]);
    fs::remove_dir_all(dir.join("state")).unwrap();
    fs::write(dir.join("c.txt"), "c").unwrap();
    let (code, lines) = json(dir, &["deposit", "--data", "old", "c.txt"]);
    assert_eq!((code, lines[0]["status"].as_str()), (0, Some("pending")), "{lines:?}");
    let state = json(dir, &["admin", "policy", "status", "--data", "old"]).1.remove(0);
    assert_eq!(state["witnesses"][0]["state"], "disagrees", "{state}");
}
