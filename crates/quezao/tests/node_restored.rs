//! A node put back from last week's backup, by the program as its keeper runs it: it goes forward from what it finds, says
//! so, and signs no second history; where nothing is left of what it signed, only its keeper's own word lets it begin anew.
#![allow(clippy::unwrap_used)]

mod court;
mod house;
mod network;

use network::*;
use serde_json::{Value, json};
use std::{fs, path::Path, process::Command};

fn copy(dir: &Path, from: &str, to: &str) {
    assert!(Command::new("cp").args(["-a", from, to]).current_dir(dir).status().unwrap().success());
}

/// Kinds of the alarms that nobody dealt with.
fn alarms(dir: &Path) -> Vec<Value> {
    json(dir, &["node", "alarm", "list", "--data", "beijing"]).1.iter().map(|alarm| alarm["kind"].clone()).collect()
}

#[test]
fn last_week_s_copy_goes_forward_and_a_lost_state_waits_for_its_keeper() {
    let network = Network { work: tempfile::tempdir().unwrap(), courts: Vec::new() };
    let dir = network.dir();
    ok(dir, &["init", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚"]);
    let keys = ok(dir, &["admin", "keys", "--data", "data"]);
    let (log, origin) = (keys[0]["ledger_key"].as_str().unwrap(), keys[0]["origin"].as_str().unwrap());
    let ledger = serve(dir.join("data/ledger"), "127.0.0.71");
    let node = Node::start(dir, "beijing", "127.0.0.72:0", &ledger, log);
    let (listen, key) = (node.listen.clone(), node.key(dir));
    let start = |more: &[&str]| Node::with(dir, "beijing", &listen, more);
    let policy = format!("log {log}\nwitness beijing {key} http://{listen}\nquorum beijing\n");
    fs::write(dir.join("policy"), policy).unwrap();
    let role =
        json!([{"key": key, "role": "court", "name": "北京法院", "independent": true, "from": null, "until": null}]);
    fs::write(dir.join("roles.json"), role.to_string()).unwrap();
    ok(dir, &["admin", "policy", "set", "policy", "--data", "data"]);
    assert_eq!(network.deposit("data", "first.txt")["status"], "new");
    let hash = evidence::hex::encode(&evidence::digest::sha256(origin.as_bytes()));
    let mirrored = |node: &Node, size: &str| {
        until("its copy", || {
            node.browser().get(&format!("/mirror/{hash}/checkpoint")).body.lines().nth(1) == Some(size)
        });
    };
    mirrored(&node, "2");

    // The whole machine as it was then: folder, copy, and what is kept outside of both.
    let cut = |mut node: Node| node.cut();
    cut(node);
    copy(dir, "beijing", "week");
    copy(dir, "of-nodes", "week-outside");
    let node = start(&[]);
    assert_eq!(network.deposit("data", "second.txt")["status"], "new");
    assert_eq!(network.deposit("data", "third.txt")["status"], "new");
    mirrored(&node, "4");
    let third = fs::read_to_string(dir.join("data/ledger/checkpoint")).unwrap();
    cut(node);
    // As a portal shows what its witnesses signed.
    copy(dir, "data/sealed/4.txt", "data/ledger/cosigned");
    let restore = |from: &str, to: &str| {
        fs::remove_dir_all(dir.join(to)).unwrap();
        copy(dir, from, to);
    };
    restore("week", "beijing");
    restore("week-outside", "of-nodes");
    let node = start(&[]);
    assert_eq!(node.key(dir), key);
    assert_eq!(alarms(dir), ["old-state"]);
    until("its word", || node.log().contains("old copy"));
    assert_eq!(node.shown(2, &third), 409, "nothing from where last week's copy stands");
    assert_eq!(network.deposit("data", "fourth.txt")["status"], "new");
    mirrored(&node, "5");
    cut(node);

    // Keys, name and ledgers alone, on another machine; and the ledger shows nothing of what was signed.
    for gone in ["beijing/witness", "beijing/mirror", "of-nodes", "beijing/alarms"] {
        fs::remove_dir_all(dir.join(gone)).unwrap();
    }
    fs::remove_file(dir.join("data/ledger/cosigned")).unwrap();
    for _ in 0..2 {
        let node = start(&[]);
        until("its word", || node.log().contains("--begin-anew"));
        assert!(node.browser().get("/readyz").body.contains("degraded"));
        assert_eq!((alarms(dir), json(dir, &["node", "status", "--data", "beijing"]).0), (vec![json!("old-state")], 1));
        let newest = fs::read_to_string(dir.join("data/ledger/checkpoint")).unwrap();
        // 409 where the copy was made again: it says from where a proof would have to be, and signs nothing.
        assert!([409, 503].contains(&node.shown(0, &newest)));
        cut(node);
    }
    let node = start(&[]);
    let waiting = network.deposit("data", "fifth.txt");
    assert_eq!(
        (&waiting["status"], network.witness("data", "beijing")["state"].as_str()),
        (&json!("pending"), Some("missing"))
    );
    cut(node);

    // The keeper compared with other witnesses, and says so once.
    let node = start(&["--begin-anew"]);
    until("its signature", || {
        json(dir, &["stamp", "--data", "data"]);
        network.witness("data", "beijing")["state"] == "cosigning"
    });
    let (code, check, ..) = network.verified(waiting["id"].as_str().unwrap(), "fifth.txt");
    assert_eq!((code, &check["result"]), (0, &json!("pass")), "{check}");
    cut(node);
    let node = start(&[]);
    assert_eq!(network.deposit("data", "sixth.txt")["status"], "new");
    mirrored(&node, "7");
}
