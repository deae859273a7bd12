//! What an honest package shows, to whom, and what no forger gets.
// The other reader is a program: it needs files and has the machine's clock.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::disallowed_types)]

mod common;

use common::*;
use evidence::{cosignature::Cosigner, disclosure::Disclosure, json::json, note::Note};
use verify::{Outcome, Overall, Trust, Verdict, check_package, explain};

fn verdict(entries: &Entries, trust: &Trust, world: &World) -> Verdict {
    check_package(&package(entries), trust, &picture(), world.now())
}

fn outcome(v: &Verdict, id: &str) -> Outcome {
    v.find(id).unwrap_or_else(|| panic!("no check {id}")).result
}

#[track_caller]
fn refused(v: &Verdict, code: u8, by: &str) {
    let because: Vec<_> = v.checks.iter().filter(|c| !matches!(c.result, Outcome::Pass | Outcome::Limited)).collect();
    assert_eq!(v.code(), code, "{because:#?}");
    let wanted = if code == 1 { Outcome::Fail } else { Outcome::NotChecked };
    assert_eq!(outcome(v, by), wanted, "{because:#?}");
}

#[test]
fn an_honest_package_is_verified_and_its_reservations_are_said() {
    let world = World::new(1);
    let entries = world.honest();
    let v = verdict(&entries, &world.trust(), &world);
    assert_eq!(v.result, Overall::Verified, "{:#?}", v.checks);
    assert_eq!(outcome(&v, "policy"), Outcome::Limited);
    assert!(v.has_reservations());
    let own = Trust::from_files(world.trust_files(false)).unwrap();
    let v = verdict(&entries, &own, &world);
    assert_eq!((v.code(), outcome(&v, "statement-token-1")), (0, Outcome::Limited));
    for check in &v.checks {
        assert!(explain(&check.id).is_some(), "{}", check.id);
        assert!(!check.zh.is_empty() && !check.en.is_empty());
    }
    let json: serde_json::Value = serde_json::from_str(&v.to_json()).unwrap();
    assert_eq!(json["result"], "verified");
    assert_eq!(json.as_object().unwrap().len(), 4);
    assert_eq!(json["checks"][0].as_object().unwrap().len(), 7);
    assert_eq!(v.facts.index, Some(1));
    assert_eq!(v.facts.claims["owner_name"], json!("甲"));
}

#[test]
fn what_is_missing_is_incomplete() {
    let world = World::new(1);
    let entries = world.honest();
    let bytes = package(&entries);
    let none = check_package(&bytes, &world.trust(), &[], world.now());
    refused(&none, 3, "file");
    refused(&check_package(&bytes, &Trust::default(), &picture(), world.now()), 3, "log-signature");
    for part in ["policy", "tsa-example.pem"] {
        let files = world.trust_files(true).into_iter().filter(|f| f.0 != part);
        let by = if part == "policy" { "policy" } else { "statement-token-1" };
        refused(&verdict(&entries, &Trust::from_files(files).unwrap(), &world), 3, by);
    }
    let files = world.trust_files(true).into_iter().filter(|f| f.0 != "roles.json");
    let v = verdict(&entries, &Trust::from_files(files).unwrap(), &world);
    assert_eq!((v.code(), outcome(&v, "log-role")), (0, Outcome::Limited));
    let unsealed: Entries = entries.iter().filter(|e| e.0 != "checkpoint.tsr").cloned().collect();
    refused(&verdict(&unsealed, &world.trust(), &world), 3, "sealing-token-1");
    let nameless: Entries = entries.iter().filter(|e| !e.0.starts_with("operator-")).cloned().collect();
    refused(&verdict(&nameless, &world.trust(), &world), 3, "operator");
}

#[test]
fn the_wrong_file_contradicts() {
    let world = World::new(1);
    let bytes = package(&world.honest());
    let mut files = picture();
    files.push(verify::Original { name: "b".into(), digests: evidence::digest::FileDigests::of(b"b") });
    refused(&check_package(&bytes, &world.trust(), &files, world.now()), 1, "file");
}

#[test]
fn an_attacker_with_his_own_keys_is_nobody() {
    let (honest, attacker) = (World::new(1), World::new(2));
    let entries = attacker.honest();
    let v = verdict(&entries, &honest.trust(), &attacker);
    refused(&v, 3, "log-signature");
    assert_eq!(outcome(&v, "policy"), Outcome::NotChecked);
    assert_eq!(outcome(&v, "statement-token-1"), Outcome::NotChecked);
    // The famous origin, signed with another key.
    let mut thief = World::new(2);
    thief.origin = honest.origin.clone();
    thief.signer = evidence::note::Signer::from_seed(&thief.origin, &[2; 32]).unwrap();
    refused(&verdict(&thief.honest(), &honest.trust(), &thief), 3, "log-signature");
}

#[test]
fn a_token_cannot_be_moved_to_another_owner() {
    let world = World::new(1);
    let (operator, first) = (world.operator(), world.image("甲"));
    let (statement, disclosures) = world.statement(
        evidence::statement::Kind::Image,
        &[("owner_kind", json!("individual")), ("owner_name", json!("贼"))],
    );
    let stolen = made(statement, first.tokens.clone(), disclosures);
    let entries = world.entries(&[operator, first, stolen], 2);
    refused(&verdict(&entries, &world.trust(), &world), 1, "statement-token-1");
}

#[test]
fn a_slot_opens_one_way_only() {
    let world = World::new(1);
    let mut ledger = vec![world.operator(), world.image("甲")];
    let other = Disclosure::new(&[99; 16], "owner_name", json!("乙")).unwrap();
    let at = ledger[1].disclosures.iter().position(|d| d.name() == "owner_name").unwrap();
    ledger[1].disclosures[at] = other.clone();
    refused(&verdict(&world.entries(&ledger, 1), &world.trust(), &world), 1, "disclosures");
    ledger[1].disclosures.push(other);
    refused(&verdict(&world.entries(&ledger, 1), &world.trust(), &world), 1, "disclosures");
}

#[test]
fn a_record_cannot_be_replayed_into_another_ledger() {
    let (first, second) = (World::new(1), World::new(2));
    let record = first.image("甲");
    second.pass(5);
    let mut entries = second.entries(&[second.operator(), record], 1);
    let mut files = second.trust_files(true);
    files.push(("tsa-first.pem".into(), first.root_pem.clone().into_bytes()));
    let trust = Trust::from_files(files).unwrap();
    refused(&verdict(&entries, &trust, &second), 1, "ledger-binding");
    // Nor can leaf 0.
    entries = second.entries(&[first.operator(), second.image("甲")], 1);
    refused(&verdict(&entries, &trust, &second), 1, "operator");
}

#[test]
fn proofs_of_other_trees_and_spliced_packages_contradict() {
    let world = World::new(1);
    let ledger = [world.operator(), world.image("甲"), world.image("乙")];
    let (one, two) = (world.entries(&ledger, 1), world.entries(&ledger[..2], 1));
    for (name, by) in [
        ("proof.tlog-proof", "form"),
        ("checkpoint.txt", "form"),
        ("checkpoint.tsr", "sealing-token-1"),
        ("operator-proof.tlog-proof", "operator"),
    ] {
        let mut spliced = one.clone();
        replace(&mut spliced, name, get(&two, name).to_vec());
        refused(&verdict(&spliced, &world.trust(), &world), 1, by);
    }
    // Proof and checkpoint together, of a tree that never held this record.
    let elsewhere = world.entries(&[ledger[0].clone(), ledger[2].clone()], 1);
    let mut moved = one.clone();
    for name in ["proof.tlog-proof", "checkpoint.txt", "checkpoint.tsr", "operator-proof.tlog-proof"] {
        replace(&mut moved, name, get(&elsewhere, name).to_vec());
    }
    refused(&verdict(&moved, &world.trust(), &world), 1, "inclusion");
    let other = world.entries(&ledger, 2);
    for (name, by) in [
        ("statement.json", "statement"),
        ("timestamp-1.tsr", "statement-token-1"),
        ("record.json", "statement"),
        ("disclosure.json", "disclosures"),
    ] {
        let mut spliced = one.clone();
        replace(&mut spliced, name, get(&other, name).to_vec());
        refused(&verdict(&spliced, &world.trust(), &world), 1, by);
    }
}

#[test]
fn only_the_reader_s_witnesses_count() {
    let mut world = World::new(1);
    world.witnesses = vec![Cosigner::from_seed("court.example/w", &[7; 32]).unwrap()];
    let entries = world.honest();
    let v = verdict(&entries, &world.trust(), &world);
    assert_eq!(
        (v.code(), outcome(&v, "policy")),
        (0, Outcome::Limited),
        "nobody here is marked independent: {:#?}",
        v.checks
    );
    let trust = world.trust();
    // A sock puppet under the same name.
    world.witnesses = vec![Cosigner::from_seed("court.example/w", &[8; 32]).unwrap()];
    let v = verdict(&world.honest(), &trust, &world);
    refused(&v, 3, "policy");
    assert!(v.facts.witnesses.is_empty() && v.facts.unknown_lines == 1);
    // The court's line, under another text.
    let mut forged = world.honest();
    let court = Note::parse(get(&entries, "checkpoint.txt")).unwrap().signatures[1].clone();
    let mut note = Note::parse(get(&forged, "checkpoint.txt")).unwrap();
    note.signatures[1] = court;
    let ledger = [world.operator(), world.image("甲"), world.image("乙")];
    forged = world.entries_under(&ledger, 1, &note.to_bytes());
    refused(&verdict(&forged, &trust, &world), 1, "policy");
}

#[test]
fn times_out_of_order_contradict() {
    let world = World::new(1);
    let ledger = [world.operator(), world.image("甲")];
    let entries = world.entries(&ledger, 1);
    let early = check_package(&package(&entries), &world.trust(), &picture(), START.plus(-3_600_000_000));
    refused(&early, 1, "times");
    // Sealed before it was stamped: the checkpoint's token is made with the clock set back.
    world.pass(-600);
    let mut back = entries;
    let seal = world.authority.stamp(get(&back, "checkpoint.txt"));
    world.pass(600);
    if let Ok(seal) = seal {
        replace(&mut back, "checkpoint.tsr", seal);
        assert_eq!(verdict(&back, &world.trust(), &world).code(), 1);
    }
    // Received after it was stamped.
    let (statement, disclosures) = world.statement(evidence::statement::Kind::Image, &[]);
    world.pass(-4);
    let token = world.authority.stamp(&statement.to_bytes().unwrap()).unwrap();
    world.pass(4);
    let late = world.entries(&[world.operator(), made(statement, vec![token], disclosures)], 1);
    refused(&verdict(&late, &world.trust(), &world), 1, "times");
}

#[test]
fn later_checkpoints_may_meet_the_policy_and_must_not_contradict() {
    let mut world = World::new(1);
    let ledger = [world.operator(), world.image("甲"), world.image("乙")];
    let first = world.entries(&ledger[..2], 1);
    world.witnesses = vec![Cosigner::from_seed("court.example/w", &[7; 32]).unwrap()];
    let second = world.entries(&ledger, 1);
    let with = |later: &Entries| {
        let mut all = first.clone();
        let at = all.iter().position(|e| e.0 == "trust-policy").unwrap();
        let parts = ["proof.tlog-proof", "checkpoint.txt", "checkpoint.tsr"];
        all.splice(at..at, parts.map(|p| (format!("later-01-{p}"), get(later, p).to_vec())));
        all
    };
    refused(&verdict(&first, &world.trust(), &world), 3, "policy");
    let v = verdict(&with(&second), &world.trust(), &world);
    assert_eq!((v.code(), outcome(&v, "later-1")), (0, Outcome::Pass), "{:#?}", v.checks);
    let smaller = world.entries(&[ledger[0].clone(), ledger[2].clone()], 1);
    refused(&verdict(&with(&smaller), &world.trust(), &world), 1, "later-1");
    let stranger = World::new(2);
    stranger.pass(60);
    refused(&verdict(&with(&stranger.honest()), &world.trust(), &world), 1, "later-1");
}

#[test]
fn no_changed_byte_is_ever_verified() {
    let world = World::new(1);
    let good = package(&world.honest());
    let trust = world.trust();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        assert_ne!(check_package(&bad, &trust, &picture(), world.now()).code(), 0, "byte {at}");
    }
}

#[test]
fn no_changed_byte_of_an_entry_is_verified_even_where_it_is_packed_again() {
    let world = World::new(1);
    let good = world.honest();
    let trust = world.trust();
    let free = ["trust-policy", "trust-roles.json", "VERIFY.txt", "verify.py"];
    for n in (0..good.len()).filter(|n| !free.contains(&good[*n].0.as_str()) && !good[*n].0.starts_with("trust-")) {
        for at in (0..good[n].1.len()).step_by(3) {
            let mut bad: std::collections::BTreeMap<_, _> = good.iter().cloned().collect();
            bad.get_mut(&good[n].0).unwrap()[at] ^= 1 << (at % 8);
            let v = verify::check(&bad, verify::Container::Folder, &trust, &picture(), world.now());
            assert_ne!(v.code(), 0, "{} byte {at}", good[n].0);
        }
    }
}

/// Both readers, on the same evidence: exit code, and result of every check.
#[test]
fn the_independent_reader_agrees() {
    let mut world = World::new(1);
    let mut cases = vec![("honest", world.honest(), world.trust_files(true))];
    let attacker = World::new(2);
    cases.push(("own keys", attacker.honest(), world.trust_files(true)));
    cases.push(("own authority", world.honest(), world.trust_files(false)));
    cases.push(("no trust", world.honest(), Vec::new()));
    let without = |p: &str| world.honest().into_iter().filter(|e| !e.0.starts_with(p)).collect::<Entries>();
    cases.push(("no seal", without("checkpoint.tsr"), world.trust_files(true)));
    cases.push(("no operator", without("operator-"), world.trust_files(true)));
    let mut spliced = world.honest();
    replace(&mut spliced, "checkpoint.txt", get(&world.honest(), "checkpoint.txt").to_vec());
    cases.push(("spliced", spliced, world.trust_files(true)));
    let ledger = [world.operator(), world.image("甲"), world.image("乙")];
    let first = world.entries(&ledger[..2], 1);
    let other = world.entries(&ledger, 2);
    let names = [
        "statement.json",
        "timestamp-1.tsr",
        "record.json",
        "disclosure.json",
        "checkpoint.tsr",
        "operator-record.json",
        "operator-disclosure.json",
        "operator-proof.tlog-proof",
        "proof.tlog-proof",
        "trust-policy",
    ];
    for name in names {
        let mut spliced = first.clone();
        replace(&mut spliced, name, get(&other, name).to_vec());
        cases.push((name, spliced, world.trust_files(true)));
        let mut broken = first.clone();
        let middle = get(&broken, name).len() / 2;
        broken.iter_mut().find(|e| e.0 == name).unwrap().1[middle] ^= 1;
        cases.push((name, broken, world.trust_files(true)));
    }
    world.witnesses = vec![Cosigner::from_seed("court.example/w", &[7; 32]).unwrap()];
    cases.push(("quorum unmet", first.clone(), world.trust_files(true)));
    let (second, mut later) = (world.entries(&ledger, 1), first);
    cases.push(("witnessed", second.clone(), world.trust_files(true)));
    let at = later.iter().position(|e| e.0 == "trust-policy").unwrap();
    let parts = ["proof.tlog-proof", "checkpoint.txt", "checkpoint.tsr"];
    later.splice(at..at, parts.map(|p| (format!("later-01-{p}"), get(&second, p).to_vec())));
    cases.push(("later", later, world.trust_files(true)));
    let now = evidence::time::Utc(
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() as i64,
    );
    let mut differences = Vec::new();
    for (what, entries, trust) in cases {
        let dir = tempfile::tempdir().unwrap();
        let path = |n: &str| dir.path().join(n);
        std::fs::write(path("p.zip"), package(&entries)).unwrap();
        std::fs::write(path("magpie.jpg"), PICTURE).unwrap();
        std::fs::write(path("verify.py"), archive::VERIFY_PY).unwrap();
        std::fs::create_dir(path("trust")).unwrap();
        for (name, bytes) in &trust {
            std::fs::write(path("trust").join(name), bytes).unwrap();
        }
        let run = std::process::Command::new("python3")
            .arg(path("verify.py"))
            .args(["--json", "--trust"])
            .arg(path("trust"))
            .args([path("p.zip"), path("magpie.jpg")])
            .output()
            .unwrap();
        let ours = check_package(&package(&entries), &Trust::from_files(trust).unwrap(), &picture(), now);
        let theirs: serde_json::Value = serde_json::from_slice(&run.stdout)
            .unwrap_or_else(|e| panic!("{what}: {e} {}", String::from_utf8_lossy(&run.stderr)));
        let list = |v: &serde_json::Value| -> Vec<String> {
            let line = |c: &serde_json::Value| format!("{} {} {}", c["id"], c["result"], c["required"]);
            let mut all: Vec<String> = v["checks"].as_array().unwrap().iter().map(line).collect();
            all.sort();
            all
        };
        let (ours_listed, theirs) = (list(&serde_json::from_str(&ours.to_json()).unwrap()), list(&theirs));
        let only = |a: &[String], b: &[String]| a.iter().filter(|l| !b.contains(l)).cloned().collect::<Vec<_>>();
        if ours_listed != theirs || run.status.code() != Some(i32::from(ours.code())) {
            differences.push((what, only(&ours_listed, &theirs), only(&theirs, &ours_listed)));
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
}
