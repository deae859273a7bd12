//! Judicial nodes in a network, each a process or server of its own at an address of its own: cut off, restored from an
//! old disk, shown two faces of one ledger, with a disk that is full.
#![allow(clippy::unwrap_used)]

mod court;
mod house;
mod network;

use network::*;
use serde_json::{Value, json};
use std::{fs, io::Write, path::Path, process::Command, sync::atomic::Ordering};
use testkit::tsa::Second;

/// One ledger, three courts, one notary office and one time authority, each a process or server of its own at an address
/// of its own: cut off, restored from an old disk, forked. One court signs with keys of both types, and counts once.
#[test]
fn a_network_of_nodes() {
    let network = Network { work: tempfile::tempdir().unwrap(), courts: Vec::new() };
    let dir = network.dir();
    ok(dir, &["init", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚"]);
    let authority = Second::new();
    let (url, root) = (authority.server.url.as_str(), authority.root());
    ok(dir, &["admin", "tsa", "add", "second", "--data", "data", "--url", url, "--root", &root, "--pace", "0"]);
    let keys = ok(dir, &["admin", "keys", "--data", "data"]);
    let log = keys[0]["ledger_key"].as_str().unwrap();
    // What they would mirror is not served here; they cosign all the same.
    let start = |name, listen: &str| Node::start(dir, name, listen, "http://127.0.0.30:9/ledger", log);
    let both = ["--ledger", "http://127.0.0.30:9/ledger", "--log-key", log, "--ml-dsa"];
    let mut nodes: Vec<Node> = vec![Node::with(dir, NAMES[0].0, "127.0.0.31:0", &both)];
    nodes.extend((32..).zip(&NAMES[1..]).map(|(n, (name, ..))| start(*name, &format!("127.0.0.{n}:0"))));
    let keys: Vec<String> = nodes.iter().map(|node| node.key(dir)).collect();
    let ml_dsa = nodes[0].keys(dir, "witness").remove(1);
    council(dir, log, &nodes);
    let policy = ok(dir, &["admin", "policy", "show", "--data", "data"]).remove(0);
    assert_eq!((&policy["institutions"], &policy["cosigners"][1]["key_type"]), (&json!(4), &json!("ML-DSA-44")));

    let first = network.deposit("data", "first.txt");
    assert_eq!(first["status"], "new");
    cosigned_by(dir, 2, &keys);
    ml_dsa_cosigned(dir, "data/sealed/2.txt", &ml_dsa);
    // Five keys of four institutions, in the verdict and by the certificate; the seal's time is the authority's.
    let first = first["id"].as_str().unwrap();
    let (code, check, ..) = network.verified(first, "first.txt");
    assert!(code == 0 && check["zh"].as_str().unwrap().contains("已获 5 个见证密钥签署"), "{check}");
    assert!(
        said(dir, &["verify", "--data", "data", &format!("out/{first}.pdf"), "first.txt"]).contains("5 个见证密钥")
    );
    assert!(authority.server.requests.load(Ordering::Relaxed) > 0);
    let sealed_by_the_authority = |id: &str, file: &str| {
        let verdict = json(dir, &["verify", "--data", "data", &format!("out/{id}.zip"), file]).1.remove(0);
        let seal = verdict["checks"].as_array().unwrap().iter().find(|c| c["id"] == "sealing-token-1").unwrap();
        assert!(seal["result"] == "pass" && seal["en"].as_str().unwrap().contains("second (Second-Root)"), "{seal}");
    };
    sealed_by_the_authority(first, "first.txt");
    assert!(Command::new("cp").args(["-a", "data", "old"]).current_dir(dir).status().unwrap().success());

    // One court cut off, then two.
    nodes[0].cut();
    assert_eq!(network.deposit("data", "second.txt")["status"], "new");
    cosigned_by(dir, 3, &keys[1..]);
    nodes[1].cut();
    let third = network.deposit("data", "third.txt");
    assert_eq!(
        (&third["status"], network.witness("data", "hangzhou")["state"].as_str()),
        (&json!("pending"), Some("missing"))
    );
    let (code, state) = json(dir, &["admin", "policy", "status", "--data", "data"]);
    assert_eq!((code, &state[0]["size"], &state[0]["final_size"]), (3, &json!(4), &json!(3)), "{state:?}");
    let words = said(dir, &["admin", "policy", "status", "--data", "data"]);
    let silent = |name: &str| words.lines().any(|line| line.contains(name) && line.contains("没有签署"));
    assert!(silent("北京法院") && silent("杭州法院") && !silent("广州法院") && !silent("某公证处"), "{words}");
    assert!(cosigners(dir, "data/sealed/4.txt", &keys) < 3, "the third court and the notary at most");
    // Back with the state that they had: what waits becomes final by itself.
    for n in [0, 1] {
        let (name, listen) = (nodes[n].name, nodes[n].listen.clone());
        nodes[n] = start(name, &listen);
    }
    ok(dir, &["stamp", "--data", "data"]);
    let (code, check, shows, zip) = network.verified(third["id"].as_str().unwrap(), "third.txt");
    assert_eq!((code, &check["result"]), (0, &json!("pass")), "{check}");
    assert!(
        shows.contains("北京法院") && shows.contains("某公证处") && zip.contains("later-01-checkpoint.txt"),
        "{shows}"
    );
    assert!(cosigners(dir, "data/sealed/4+1.txt", &keys) >= 3, "two courts and the notary");
    sealed_by_the_authority(third["id"].as_str().unwrap(), "third.txt");

    // The disk of last week refuses to sign, though nothing on its own machine knows better.
    // Whoever hides a history has kept the copy's own mirror too.
    fs::rename(dir.join("state"), dir.join("of-mask")).unwrap();
    fs::write(dir.join("other.txt"), "other").unwrap();
    let (code, lines) = json(dir, &["deposit", "--data", "old", "other.txt"]);
    let error = lines[0]["error"].as_str().unwrap();
    assert!(code == 2 && error.contains("旧副本") && error.contains("witness"), "{error}");
    // An operator who signs a second history with it all the same meets every node: none signs, each keeps both sides.
    fs::write(dir.join("old/trust/policy"), format!("log {log}\nquorum none\n")).unwrap();
    fs::write(dir.join("another.txt"), "another").unwrap();
    let (code, lines) = json(dir, &["deposit", "--data", "old", "other.txt", "another.txt"]);
    assert_eq!(code, 0, "{lines:?}");
    let forked = fs::read_to_string(dir.join("old/ledger/checkpoint")).unwrap();
    assert_eq!(forked.lines().nth(1), Some("4"));
    for node in &nodes {
        assert_eq!(node.shown(4, &forked), 422, "{}", node.name);
        assert_eq!(json(dir, &["node", "status", "--data", node.name]).0, 1, "an alarm");
        let [ours, theirs] = fork(dir, node.name).unwrap();
        assert!(ours != theirs && [&ours, &theirs].iter().any(|side| side.starts_with(&forked)), "{ours}{theirs}");
    }
}

/// The ledger's policy: two of three courts and the notary; of an institution's keys of two types any will do.
fn council(dir: &Path, log: &str, nodes: &[Node]) {
    let (mut policy, mut roles, mut seats) = (format!("log {log}\n"), Vec::new(), Vec::new());
    for (node, (name, institution, role)) in nodes.iter().zip(NAMES) {
        let keys = node.keys(dir, "witness");
        for (key, suffix) in keys.iter().zip(["", ".ml-dsa-44"]) {
            policy += &format!("witness {name}{suffix} {key} http://{}\n", node.listen);
            roles.push(
                json!({"key": key, "role": role, "name": institution, "independent": true, "from": null, "until": null}),
            );
        }
        seats.push(match keys.len() {
            1 => name.to_owned(),
            _ => {
                policy += &format!("group {name}-keys any {name} {name}.ml-dsa-44\n");
                format!("{name}-keys")
            }
        });
    }
    let (courts, notary) = (seats[..3].join(" "), &seats[3]);
    policy += &format!("group courts 2 {courts}\ngroup both all courts {notary}\nquorum both\n");
    fs::write(dir.join("policy"), policy).unwrap();
    fs::write(dir.join("roles.json"), Value::from(roles).to_string()).unwrap();
    ok(dir, &["admin", "policy", "set", "policy", "--data", "data"]);
}

/// The operator shows one history to two courts and the notary, another to the third court: whatever he does, one side at
/// most reaches the quorum; and the nodes, which ask each other, find out, all of them.
#[test]
fn two_faces_for_two_nodes() {
    let network = Network { work: tempfile::tempdir().unwrap(), courts: Vec::new() };
    let dir = network.dir();
    ok(dir, &["init", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚"]);
    let keys_of_log = ok(dir, &["admin", "keys", "--data", "data"]).remove(0);
    let log = keys_of_log["ledger_key"].as_str().unwrap();
    let face = serve(dir.join("data/ledger"), "127.0.0.41");
    let mask = serve(dir.join("old/ledger"), "127.0.0.42");
    let mut nodes: Vec<Node> = (43u8..)
        .zip(NAMES)
        .map(|(n, (name, ..))| {
            let ledger = if name == "guangzhou" { &mask } else { &face };
            Node::start(dir, name, &format!("127.0.0.{n}:0"), ledger, log)
        })
        .collect();
    let keys: Vec<String> = nodes.iter().map(|node| node.key(dir)).collect();
    council(dir, log, &nodes);
    assert_eq!(network.deposit("data", "first.txt")["status"], "new");
    assert!(Command::new("cp").args(["-a", "data", "old"]).current_dir(dir).status().unwrap().success());

    // From here on there are two histories; each is sent only to those who are to see it.
    // Whoever hides a history has kept the copy's own mirror too.
    fs::rename(dir.join("state"), dir.join("of-mask")).unwrap();
    let reach = |data: &str, away: &[usize]| {
        let path = dir.join(data).join("trust/policy");
        let mut policy = fs::read_to_string(&path).unwrap();
        for n in away {
            policy = policy.replace(&format!("http://{}", nodes[*n].listen), &format!("http://127.0.0.{}:9", 50 + n));
        }
        fs::write(&path, policy).unwrap();
    };
    reach("data", &[2]);
    reach("old", &[0, 1, 3]);
    let second = network.deposit("data", "second.txt");
    assert_eq!(second["status"], "new", "two courts and the notary");
    cosigned_by(dir, 3, &[keys[0].clone(), keys[1].clone(), keys[3].clone()]);
    let state = |data: &str| json(dir, &["admin", "policy", "status", "--data", data]).1.remove(0);
    let outside = dir.join("of-mask");
    let masked = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quezao"));
        command.args(args).current_dir(dir).env("QUEZAO_STATE_DIR", &outside).output().unwrap()
    };
    fs::write(dir.join("other.txt"), "other").unwrap();
    let out = masked(&["deposit", "--data", "old", "--json", "other.txt"]);
    let line: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(line["status"], "pending", "{line}: one court is no quorum");
    let forked = state("old");
    assert_eq!((&forked["size"], &forked["final_size"]), (&json!(3), &json!(2)), "{forked}");
    // The other way round: who signed one side signs no other, so the second history never gets its quorum.
    fs::copy(dir.join("policy"), dir.join("old/trust/policy")).unwrap();
    fs::write(dir.join("more.txt"), "more").unwrap();
    let out = masked(&["deposit", "--data", "old", "--json", "more.txt"]);
    assert!(!String::from_utf8_lossy(&out.stdout).contains("\"new\""), "{}", String::from_utf8_lossy(&out.stdout));
    assert!(state("old")["final_size"].as_u64().unwrap() <= 2);

    // Until now Guangzhou has seen one side alone. Each asks the others, and finds both; what it signs stays its own side.
    assert!(fork(dir, "guangzhou").is_none());
    let listens: Vec<String> = nodes.iter().map(|node| node.listen.clone()).collect();
    for node in &mut nodes {
        node.cut();
        let peers: Vec<String> = listens.iter().filter(|l| **l != node.listen).map(|l| format!("http://{l}")).collect();
        let more: Vec<&str> = peers.iter().flat_map(|peer| ["--peer", peer]).collect();
        *node = Node::with(dir, node.name, &node.listen.clone(), &more);
    }
    let sides = ["data", "old"].map(|data| fs::read_to_string(dir.join(data).join("ledger/checkpoint")).unwrap());
    assert_eq!(sides.each_ref().map(|side| side.lines().nth(1).unwrap().to_owned()), ["3", "3"]);
    let text = |note: &String| note.split("\n\n").next().unwrap().to_owned();
    for node in &nodes {
        until(node.name, || fork(dir, node.name).is_some());
        let [ours, theirs] = fork(dir, node.name).unwrap().each_ref().map(text);
        assert_ne!(ours, theirs);
        let (code, status) = json(dir, &["node", "status", "--data", node.name]);
        assert_eq!((code, status[0]["alarms"][0]["kind"].as_str()), (1, Some("fork")), "{status:?}");
    }
    // It is told in the log, on the page and to monitors, until somebody has dealt with it.
    let court = &nodes[0];
    assert!(court.log().contains("ALARM (fork)"), "{}", court.log());
    let page = |path: &str| court.browser().get(path).body;
    assert!(page("/?lang=zh").contains("未处理的警报") && page("/status?lang=en").contains("the ledger forked"));
    assert!(page("/readyz").starts_with("degraded: alarms"));
    let (code, alarms) = json(dir, &["node", "alarm", "list", "--data", court.name]);
    assert_eq!((code, alarms[0]["acknowledged"].is_null()), (1, true));
    let ids: Vec<&str> = alarms.iter().map(|alarm| alarm["id"].as_str().unwrap()).collect();
    let ack = |more: &[&str]| json(dir, &[&["node", "alarm", "ack", "--data", court.name], more].concat());
    let (code, refused) = ack(&[ids[0], "fork-0000"]);
    assert!(code == 2 && refused[0]["error"].as_str().unwrap().contains("fork-0000"), "{refused:?}");
    assert_eq!(json(dir, &["node", "alarm", "list", "--data", court.name]).0, 1, "nothing was noted");
    let (code, done) = ack(&[&ids[..], &["--note", "已报上级"]].concat());
    assert_eq!((code, done[0]["note"].as_str()), (0, Some("已报上级")), "{done:?}");
    assert_eq!(json(dir, &["node", "alarm", "list", "--data", court.name]), (0, Vec::new()));
    assert_eq!(json(dir, &["node", "status", "--data", court.name]).0, 0);
    assert_eq!(json(dir, &["node", "alarm", "list", "--data", court.name, "--all"]).1.len(), ids.len());
    assert!(!page("/?lang=zh").contains("未处理的警报") && page("/status?lang=zh").contains("已报上级"));
    // It goes on witnessing what it knows, and says with its other key that it has the copy.
    assert_eq!(network.deposit("data", "third.txt")["status"], "new");
    let hash = evidence::hex::encode(&evidence::digest::sha256(keys_of_log["origin"].as_str().unwrap().as_bytes()));
    let copied = || court.browser().get(&format!("/mirror/{hash}/checkpoint")).body;
    until("its copy", || copied().lines().nth(1) == Some("4"));
    fs::write(dir.join("copied.txt"), copied()).unwrap();
    assert_eq!(cosigners(dir, "copied.txt", &court.keys(dir, "mirror")), 1);
}

/// A node whose disk is full signs nothing and says so; with room again it goes on by itself, copy and all.
#[test]
fn a_node_s_disk_is_full() {
    let network = Network { work: tempfile::tempdir().unwrap(), courts: Vec::new() };
    let dir = network.dir();
    ok(dir, &["init", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚"]);
    let keys = ok(dir, &["admin", "keys", "--data", "data"]);
    let log = keys[0]["ledger_key"].as_str().unwrap();
    let ledger = serve(dir.join("data/ledger"), "127.0.0.61");
    fs::create_dir(dir.join("beijing")).unwrap();
    let mut small = Command::new("unshare");
    small.args(["-rm", "sh", "-c", "mount -t tmpfs -o size=192m none beijing && cd \"$PWD\" && exec \"$0\" \"$@\""]);
    small.arg(env!("CARGO_BIN_EXE_quezao"));
    if !Command::new("unshare").args(["-rm", "true"]).status().is_ok_and(|s| s.success()) {
        return house::not_run("this machine gives no small disk (unshare -rm)");
    }
    let node = Node::by(small, dir, "beijing", "127.0.0.62:0", &["--ledger", &ledger, "--log-key", log]);
    let disk = format!("/proc/{}/root{}/beijing", node.pid(), dir.canonicalize().unwrap().display());
    let disk = Path::new(&disk);
    until("its key", || node.log().contains("Witness key: "));
    let key = node.log().lines().find_map(|line| line.strip_prefix("Witness key: ").map(str::to_owned)).unwrap();
    fs::write(dir.join("policy"), format!("log {log}\nwitness beijing {key} http://{}\nquorum beijing\n", node.listen))
        .unwrap();
    let role =
        json!([{"key": key, "role": "court", "name": "北京法院", "independent": true, "from": null, "until": null}]);
    fs::write(dir.join("roles.json"), role.to_string()).unwrap();
    ok(dir, &["admin", "policy", "set", "policy", "--data", "data"]);
    assert_eq!(network.deposit("data", "first.txt")["status"], "new");

    // Not one more byte.
    let filler = disk.join("filler");
    let mut out = fs::File::create(&filler).unwrap();
    while out.write_all(&[0; 4096]).is_ok() {}
    drop(out);
    let second = network.deposit("data", "second.txt");
    assert_eq!(second["status"], "pending");
    let state = network.witness("data", "beijing");
    assert!(state["state"] == "missing" && state["reason"].as_str().unwrap().contains("disk is full"), "{state}");
    until("its word", || node.log().contains("disk is full"));
    assert_eq!(node.browser().get("/healthz").status, 200);

    fs::remove_file(&filler).unwrap();
    // What failed rests a moment.
    until("its signature", || {
        json(dir, &["stamp", "--data", "data"]);
        network.witness("data", "beijing")["state"] == "cosigning"
    });
    let (code, check, ..) = network.verified(second["id"].as_str().unwrap(), "second.txt");
    assert_eq!((code, &check["result"]), (0, &json!("pass")), "{check}");
    let origin = keys[0]["origin"].as_str().unwrap();
    let hash = evidence::hex::encode(&evidence::digest::sha256(origin.as_bytes()));
    until("its copy", || node.browser().get(&format!("/mirror/{hash}/checkpoint")).body.lines().nth(1) == Some("3"));
}
