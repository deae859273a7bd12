//! A ledger and its witnesses: policies that are refused, answers that are refused, and what a portal says of them.
#![allow(clippy::unwrap_used)]

mod court;
mod house;
mod network;

use court::Mode;
use house::House;
use network::*;
use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

#[test]
fn quorum_cut_off_recovery() {
    let network = Network::new();
    let (dir, courts) = (network.dir(), &network.courts);

    // All sign, and the verdict and the certificate name them by the reader's trust.
    let first = network.deposit("data", "first.txt");
    assert_eq!(first["status"], "new");
    let first = first["id"].as_str().unwrap();
    let (code, check, shows, zip) = network.verified(first, "first.txt");
    assert_eq!((code, &check["result"]), (0, &json!("pass")), "{check}");
    assert!(check["zh"].as_str().unwrap().contains("已获 4 个见证密钥签署"), "{check}");
    for (_, name, _) in NAMES {
        assert!(shows.contains(name), "{shows}");
    }
    assert!(!zip.contains("later-01-"));
    cosigned_by(dir, 2, &courts.iter().map(|court| court.key.to_string()).collect::<Vec<_>>());

    // One court cut off: still final, and the missing one is named.
    courts[0].mode(Mode::Away);
    assert_eq!(network.deposit("data", "second.txt")["status"], "new");
    assert_eq!(network.witness("data", "beijing")["state"], "missing");
    assert!(said(dir, &["admin", "policy", "status", "--data", "data"]).contains("没有签署"));

    // Two cut off: sealed all the same, not final, nothing lost.
    courts[1].mode(Mode::Away);
    let third = network.deposit("data", "third.txt");
    assert_eq!(third["status"], "pending");
    assert!(third["index"].is_u64());
    let third = third["id"].as_str().unwrap();
    assert!(said(dir, &["list", "--data", "data"]).contains("已写入账本，等待见证"));
    assert!(said(dir, &["show", "--data", "data", third]).contains("已写入账本，等待见证"));
    let (code, lines) = json(dir, &["export", "--data", "data", "--output", "out", "--wait", "1", third]);
    assert_eq!(code, 3, "{lines:?}");
    assert!(lines[0]["error"].as_str().unwrap().contains("等待见证"));
    ok(dir, &["export", "--data", "data", "--output", "early", "--pending", third]);
    let (code, verdict) = json(dir, &["verify", "--data", "data", &format!("early/{third}.zip"), "third.txt"]);
    assert_eq!((code, &verdict[0]["result"]), (3, &json!("incomplete")));
    assert!(!dir.join(format!("early/{third}.pdf")).exists(), "no certificate without the quorum");
    let state = json(dir, &["admin", "policy", "status", "--data", "data"]);
    assert_eq!((state.0, &state.1[0]["size"], &state.1[0]["final_size"]), (3, &json!(4), &json!(3)));

    // They come back: the next command makes up for it without a new record, and the quorum travels beside the first seal.
    courts[0].mode(Mode::Honest);
    courts[1].mode(Mode::Honest);
    ok(dir, &["stamp", "--data", "data"]);
    let (code, check, shows, zip) = network.verified(third, "third.txt");
    assert_eq!((code, &check["result"]), (0, &json!("pass")), "{check}");
    assert!(zip.contains("later-01-checkpoint.tsr") && zip.contains("later-01-proof.tlog-proof"));
    assert!(shows.contains("4 个见证密钥") && shows.contains("某公证处"), "{shows}");
    assert!(said(dir, &["verify", "--data", "data", &format!("out/{third}.pdf"), "third.txt"]).contains("北京法院"));
    assert_eq!(json(dir, &["admin", "policy", "status", "--data", "data"]).0, 0);
    // The same by the independent reader.
    let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join("../archive/assets/verify.py");
    for (id, file) in [(first, "first.txt"), (third, "third.txt")] {
        let mut command = Command::new("python3");
        command.arg(&reader).args(["--trust", "data/trust", &format!("out/{id}.zip"), file]).current_dir(dir);
        let out = command.output().unwrap();
        assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stdout));
    }
}

#[test]
fn a_witness_that_lies_is_refused_and_named() {
    let network = Network::new();
    let lies = [
        (Mode::Foreign, "no signature by hangzhou.example"),
        (Mode::Wrong, "does not verify"),
        (Mode::Off(-3600), "clock"),
        (Mode::Off(3600), "clock"),
        (Mode::Long, "longer than"),
        (Mode::Noise, "signature line"),
        (Mode::Twice, "two lines of one key"),
        (Mode::Holds(0), "says that it holds 0"),
        (Mode::Slow, "no answer in"),
    ];
    for (n, (mode, expected)) in lies.into_iter().enumerate() {
        network.courts[1].mode(mode);
        assert_eq!(network.deposit("data", &format!("{n}.txt"))["status"], "new", "{mode:?}: two other courts sign");
        let state = network.witness("data", "hangzhou");
        assert!(state["reason"].as_str().unwrap().contains(expected), "{mode:?}: {state}");
        assert_eq!(state["state"], "missing", "{mode:?}");
        // A rest after failures would hide the next lie.
        network.courts[1].mode(Mode::Honest);
        assert_eq!(network.deposit("data", &format!("{n}-after.txt"))["status"], "new");
        assert_eq!(network.witness("data", "hangzhou")["state"], "cosigning", "{mode:?}");
    }
    // A bare number is an alarm, and stops nothing.
    network.courts[1].mode(Mode::Holds(1 << 40));
    assert_eq!(network.deposit("data", "number.txt")["status"], "new");
    let state = network.witness("data", "hangzhou");
    assert_eq!(state["state"], "disagrees", "{state}");
    assert!(state["disagrees"].as_str().unwrap().contains("1099511627776"), "{state}");
}

#[test]
fn an_old_disk_and_a_fork() {
    let network = Network::new();
    let (dir, courts) = (network.dir(), &network.courts);
    network.deposit("data", "a.txt");
    let copy = |to: &str| {
        assert!(Command::new("cp").args(["-a", "data", to]).current_dir(dir).status().unwrap().success());
    };
    copy("old");
    network.deposit("data", "b.txt");

    // The disk of last week, on a machine that has no mirror: only the witnesses know better.
    fs::remove_dir_all(dir.join("state")).unwrap();
    fs::write(dir.join("c.txt"), "c").unwrap();
    let out = run(dir, &["deposit", "--data", "old", "c.txt"]);
    let words = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(2), "{words}");
    assert!(words.contains("旧副本") && words.contains("witness"), "{words}");

    // Two faces, while no witness shows what it cosigned: the other side is refused by each that is asked.
    courts.iter().for_each(|court| court.mode(Mode::Mute));
    let side = network.deposit("old", "c.txt");
    assert_eq!(side["status"], "pending", "the second history has no quorum");
    let state = json(dir, &["admin", "policy", "status", "--data", "old"]).1.remove(0);
    assert!(state["final_size"].as_u64().unwrap() <= 2, "{state}");
    assert!(state["witnesses"].as_array().unwrap().iter().all(|w| w["state"] == "disagrees"), "{state}");
    assert!(courts.iter().all(|court| court.size() == 3));
    // Each that was shown both sides can show both.
    courts.iter().for_each(|court| court.mode(Mode::Honest));
    let (code, lines) = json(dir, &["deposit", "--data", "old", "c.txt"]);
    assert_eq!(code, 2, "signs no more once its own signature is shown: {lines:?}");
}

#[test]
fn policies_that_protect_nobody_are_refused_with_line_and_value() {
    let network = Network::new();
    let (dir, good) = (network.dir(), network.policy());
    let check = |policy: &str, roles: &Value| {
        network.write(policy, roles);
        let (code, lines) = json(dir, &["admin", "policy", "check", "policy", "--data", "data"]);
        (code, lines[0].clone())
    };
    let (code, report) = check(&good, &network.roles());
    assert_eq!((code, report["quorum"].as_str()), (0, Some("2 of 2 (both: 2 of 3 (courts))")), "{report}");
    let cosigner = |n: usize| report["cosigners"][n].clone();
    assert_eq!((&cosigner(0)["needed"], &cosigner(3)["needed"]), (&json!(false), &json!(true)));
    assert_eq!(cosigner(0)["forks"], false);

    let refused = |policy: &str, roles: &Value, expected: &[&str]| {
        let (code, line) = check(policy, roles);
        let error = line["error"].as_str().unwrap_or_else(|| panic!("passed: {policy}"));
        assert_eq!(code, 2, "{error}");
        expected.iter().for_each(|word| assert!(error.contains(word), "{word}: {error}"));
    };
    let changed = |from: &str, to: &str| good.replacen(from, to, 1);
    let with = |n: usize, name: &str, value: Value| {
        let mut roles = network.roles();
        roles[n][name] = value;
        roles
    };
    let roles = &network.roles();
    // Two quorums without a common institution; one institution twice; the operator's own keys.
    refused(
        &changed("group both all courts notary\nquorum both", "quorum courts").replace("courts 2", "courts any"),
        roles,
        &["北京法院", "杭州法院", "share no institution"],
    );
    refused(&good, &with(1, "name", "北京法院".into()), &["北京法院", "line 3", "any"]);
    refused(&changed("quorum both", "quorum courts"), &with(1, "independent", false.into()), &["share no institution"]);
    refused(&changed("quorum both", "quorum courts"), &with(1, "role", "platform".into()), &["share no institution"]);
    refused(&changed("quorum both", "quorum courts"), &with(1, "name", "林晚".into()), &["share no institution"]);
    // Names that look alike, among keys, witnesses and institutions.
    refused(&good.replace(" hangzhou ", " bеijing "), roles, &["line 3", "alike"]);
    refused(&good, &with(1, "name", "北京 法院".into()), &["line 3", "alike"]);
    // Two institutions on one machine, whatever path is asked there.
    let one_machine = good.replace(&format!("{}/", network.courts[1].url), &format!("{}/b", network.courts[0].url));
    refused(&one_machine, roles, &["line 3", "北京法院", "杭州法院", "one address"]);
    // One key twice, a key that is none, no address, an address with a secret, no role, another ledger.
    refused(
        &changed("witness hangzhou", &format!("witness twin {}\nwitness hangzhou", network.courts[0].key)),
        roles,
        &["line 3", "no other line"],
    );
    refused(&changed("+", "+0"), roles, &["line 1"]);
    refused(&changed(&format!(" {}/", network.courts[2].url), ""), roles, &["line 4", "no address"]);
    refused(&changed("http://127", "http://bob:S3CRET@127"), roles, &["line 2", "no user, password"]);
    let (_, line) = check(&changed("http://127", "http://bob:S3CRET@127"), roles);
    assert!(!line.to_string().contains("S3CRET"), "{line}");
    refused(&good, &json!([]), &["line 2", "roles.json"]);
    refused(&good.replace("log ", "# log "), roles, &["does not list this ledger"]);
    refused(&changed("quorum both\n", "quorum both\nquorum both\n"), roles, &["line 9"]);
    refused(&changed("quorum both\n", "quorum both\nextension x\n"), roles, &["line 9", "extension x"]);
    refused(&good, &json!([{"key": 1}]), &["roles.json"]);
    let (code, lines) = json(dir, &["admin", "policy", "check", "absent", "--data", "data"]);
    assert_eq!(code, 2, "{lines:?}");
    // Nobody is asked any more, and what waits waits no longer.
    network.courts.iter().for_each(|court| court.mode(Mode::Away));
    assert_eq!(network.deposit("data", "waits.txt")["status"], "pending");
    network.write(&format!("{}quorum none\n", good.split_inclusive('\n').next().unwrap()), &json!([]));
    ok(dir, &["admin", "policy", "set", "policy", "--data", "data"]);
    assert_eq!(ok(dir, &["list", "--data", "data"])[0]["status"], "existing");
    // Written by hand it is used, and said.
    network.courts.iter().for_each(|court| court.mode(Mode::Honest));
    fs::write(dir.join("data/trust/policy"), one_machine).unwrap();
    fs::write(dir.join("by-hand.txt"), "by hand").unwrap();
    let words = said(dir, &["deposit", "--data", "data", "by-hand.txt"]);
    assert!(words.contains("通不过检查") && words.contains("同一地址"), "{words}");
}

/// A portal goes on without its witnesses, says so to monitors and to its operator, and recovers by itself.
#[test]
fn the_portal_is_degraded_not_down() {
    let (house, mut owner) = House::set_up_with(&["--metrics", "127.0.0.1:0"]);
    let network = Network::over(house.stop().0);
    let cut = |mode| network.courts[..2].iter().for_each(|court| court.mode(mode));
    cut(Mode::Away);
    assert_eq!(network.deposit("data", "waits.txt")["status"], "pending");
    let Network { work, courts } = network;
    let cut = |mode| courts[..2].iter().for_each(|court| court.mode(mode));
    let house = House::open_with(work, &["--metrics", "127.0.0.1:0"]);
    owner.address = house.address;
    let ready = owner.get("/readyz");
    assert_eq!((ready.status, ready.body.trim()), (200, "degraded: beijing hangzhou"));
    let figures = |house: &House| {
        let metrics =
            house::Browser { address: house.metrics().parse().unwrap(), ..house.browser() }.get("/metrics").body;
        metrics.lines().filter(|line| line.starts_with("quezao_witness")).collect::<Vec<_>>().join("\n")
    };
    let said = figures(&house);
    assert!(said.contains("quezao_witness{name=\"beijing\",state=\"missing\"} 1"), "{said}");
    assert!(said.contains("quezao_witness_lag{name=\"guangzhou\"} 0"), "{said}");
    assert!(owner.get("/library").body.contains("已写入账本，等待见证"));
    let room = owner.get("/operator").body;
    assert!(room.contains("北京法院") && room.contains("没有签署"), "{room}");

    cut(Mode::Honest);
    let deadline = Instant::now() + Duration::from_secs(90);
    while owner.get("/readyz").body.trim() != "ready" {
        assert!(Instant::now() < deadline, "{}", figures(&house));
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(figures(&house).contains("quezao_witness{name=\"beijing\",state=\"cosigning\"} 1"));
    assert!(!owner.get("/library").body.contains("等待见证"));
    // It is said by whoever looks at the witnesses next.
    while !house.log().contains("witness beijing cosigns again") {
        assert!(Instant::now() < deadline, "{}", house.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}
