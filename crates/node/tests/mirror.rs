//! The mirror: a log's static tree over real HTTP, honest, growing, torn, and lying.
#![allow(clippy::unwrap_used)]

mod common;

use common::{site::*, *};
use evidence::{
    checkpoint::Checkpoint,
    cosignature,
    digest::FileDigests,
    disclosure::Disclosure,
    merkle,
    note::{Note, Signer},
    record::{Record, Timestamp},
    statement::{Clock, Custody, File, Kind as Recorded, OperatorRelation, Provenance, Software, Statement},
    time::Utc,
};
use ledger::tiles::{Kind, Tree, WIDTH};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    thread,
};

#[test]
fn it_follows_a_growing_log_file_by_file() {
    let (desk, site) = (Desk::new(), Site::new());
    let watcher = Watcher::open(&desk, &site, &signer());
    assert!(watcher.follow().unwrap_err().en.contains("no such file"), "nothing is there yet");
    let all = entries(0..70_000);
    for size in [1, 2, 255, 256, 257, 700, 66_000, 70_000] {
        site.publish(&signer(), &all[..size]);
        watcher.follow().unwrap();
        assert_eq!(watcher.size(), Some(size as u64));
        same_tree(site.dir.path(), &mirror_of(&desk), size as u64);
        let note = Note::parse(&watcher.node.watched()[0].mirrored().unwrap().note).unwrap();
        note.verify_log(&signer().verifier_key()).unwrap();
        let keys = watcher.node.keys().published();
        assert!(cosignature::verify(&note, &keys.mirror[0]).unwrap().is_some());
        assert_eq!(
            cosignature::verify(&note, &keys.witness[0]).unwrap(),
            None,
            "the witness says nothing about copies"
        );
    }
    site.asked();
    watcher.follow().unwrap();
    assert_eq!(site.asked(), ["checkpoint"], "what is held is not fetched again");
    let left = fs::read_dir(mirror_of(&desk).join("tile/entries")).unwrap().flatten();
    let partial: Vec<_> =
        left.filter(|e| e.path().is_dir() && e.file_name().to_string_lossy().ends_with(".p")).collect();
    assert_eq!(partial.len(), 1, "of partial bundles only the last one stays");
    assert!(watcher.said.alarms().is_empty());
}

#[test]
fn where_it_stopped_it_goes_on() {
    let (desk, site) = (Desk::new(), Site::new());
    let all = entries(0..100_000);
    site.publish(&signer(), &all[..90_000]);
    // The last full bundle is missing: it stops there, and has claimed nothing.
    let missing = Tree::new(site.dir.path()).path(Kind::Entries, 350, WIDTH);
    let bytes = fs::read(&missing).unwrap();
    fs::remove_file(&missing).unwrap();
    let watcher = Watcher::open(&desk, &site, &signer());
    assert!(watcher.follow().is_err() && watcher.size().is_none());
    let first = site.asked().into_iter().filter(|path| path.starts_with("tile/entries/")).count();
    assert!(first > 300, "{first}");
    fs::write(&missing, bytes).unwrap();
    drop(watcher);
    // The log has grown meanwhile; the process is another one.
    site.publish(&signer(), &all);
    let watcher = Watcher::open(&desk, &site, &signer());
    watcher.follow().unwrap();
    assert_eq!(watcher.size(), Some(100_000));
    let second = site.asked().into_iter().filter(|path| path.starts_with("tile/entries/")).count();
    assert!(second < 200, "{second} bundles, though {first} were there");
    same_tree(site.dir.path(), &mirror_of(&desk), 100_000);
}

#[test]
fn a_wrong_byte_is_found_in_the_file_that_has_it() {
    let site = Site::new();
    site.publish(&signer(), &entries(0..70_000));
    let tree = Tree::new(site.dir.path());
    let cases = [
        (tree.path(Kind::Entries, 3, WIDTH), "tile 3 at level 0"),
        (tree.path(Kind::Entries, 273, 112), "of the ledger is not the one"),
        (tree.path(Kind::Hashes(1), 0, WIDTH), "tile 0 at level 1"),
        (tree.path(Kind::Hashes(0), 273, 112), "make up"),
        (tree.path(Kind::Hashes(2), 0, 1), "make up"),
    ];
    for (path, why) in cases {
        let desk = Desk::new();
        let whole = fs::read(&path).unwrap();
        let mut bent = whole.clone();
        *bent.last_mut().unwrap() ^= 1;
        fs::write(&path, &bent).unwrap();
        let watcher = Watcher::open(&desk, &site, &signer());
        watcher.follow().unwrap();
        watcher.follow().unwrap();
        assert_eq!((watcher.size(), watcher.said.alarms()), (None, vec!["tiles".to_owned(); 2]), "{why}");
        let kept = stored(&desk.data());
        let said = fs::read_to_string(kept[0].1.join("alarm.json")).unwrap();
        assert!(kept.len() == 1 && said.contains(why), "{said}");
        fs::write(&path, whole).unwrap();
        watcher.follow().unwrap();
        assert_eq!(watcher.size(), Some(70_000), "mended, it goes on");
    }
    // Torn, endless and foreign files are not the log's word; they are tried again.
    let desk = Desk::new();
    let watcher = Watcher::open(&desk, &site, &signer());
    let path = tree.path(Kind::Entries, 3, WIDTH);
    for bytes in [Vec::new(), vec![0xff; 3], vec![1; 17 << 20]] {
        fs::write(&path, bytes).unwrap();
        assert!(watcher.follow().is_err());
    }
    for note in [b"hello\n".to_vec(), vec![b'a'; 200_000], Log::new(9, 3).note(3).to_bytes()] {
        fs::write(tree.checkpoint_path(), note).unwrap();
        assert!(watcher.follow().is_err());
    }
    assert!(watcher.said.alarms().is_empty() && watcher.size().is_none());
}

#[test]
fn a_rewritten_history_is_shown_to_anybody() {
    let (desk, site) = (Desk::new(), Site::new());
    let all = entries(0..1000);
    let ours = site.publish(&signer(), &all[..600]);
    let watcher = Watcher::open(&desk, &site, &signer());
    watcher.follow().unwrap();
    // The same log, signed by the same key, with another past.
    let mut other = all.clone();
    other[400] = b"what is now said".to_vec();
    let theirs = site.publish(&signer(), &other[..900]);
    watcher.follow().unwrap();
    assert_eq!((watcher.size(), watcher.said.alarms()), (Some(600), vec!["fork".to_owned()]));
    let kept = stored(&desk.data());
    let read = |name: &str| Note::parse(&fs::read(kept[0].1.join(name)).unwrap()).unwrap();
    let [a, b] = [read("ours.txt"), read("theirs.txt")];
    assert_eq!([&a.text, &b.text], [&ours.text, &theirs.text]);
    // Both are signed, and the larger one has another root at the size of the smaller one.
    let proof = fs::read_to_string(kept[0].1.join("proof.txt")).unwrap();
    let decode = |line: &str| -> merkle::Hash {
        let text = Checkpoint { origin: "x".into(), size: 1, root: [0; 32] }.to_text();
        let text = text.replace(text.lines().nth(2).unwrap(), line);
        Checkpoint::parse(&text).unwrap().root
    };
    let mut lines = proof.lines().skip(1);
    assert_eq!(lines.next(), Some("old 600"));
    let root = decode(lines.next().unwrap().strip_prefix("root ").unwrap());
    let proof: Vec<_> = lines.map(decode).collect();
    let [a, b] = [a, b].map(|note| Checkpoint::parse(&note.text).unwrap());
    merkle::verify_consistency(600, &root, b.size, &b.root, &proof).unwrap();
    assert_ne!(root, a.root);

    // Smaller: with another past it is a fork, with the same one it went back.
    site.publish(&signer(), &other[..500]);
    watcher.follow().unwrap();
    site.publish(&signer(), &all[..500]);
    // Once or twice it may be a cache that shows what was.
    for alarms in [2, 2, 3] {
        watcher.follow().unwrap();
        assert_eq!(watcher.said.alarms().len(), alarms);
    }
    // As large, another root.
    site.publish(&signer(), &other[..600]);
    watcher.follow().unwrap();
    assert_eq!(watcher.said.alarms(), ["fork", "fork", "rollback", "fork"]);
    assert_eq!(stored(&desk.data()).len(), 4);
    site.publish(&signer(), &all);
    watcher.follow().unwrap();
    assert_eq!(watcher.size(), Some(1000), "its own side goes on");
}

#[test]
fn the_copy_tells_the_witness_and_the_witness_the_copy() {
    let (desk, site) = (Desk::new(), Site::new());
    let log = Log::of(ORIGIN, 1, "entry", 1000);
    let other = log.forked(300, 1);
    site.publish(&signer(), &entries(0..600));
    let watcher = Watcher::open(&desk, &site, &signer());
    watcher.follow().unwrap();
    // The copy has 600; a request about 400 of another history finds that out.
    let answer = watcher.node.add_checkpoint(&other.request(0, 400).to_bytes());
    assert!(matches!(answer, node::Answer::Refused(422, _)), "{answer:?}");
    // What is larger than the copy must extend the copy, whatever was cosigned before.
    assert_eq!(watcher.node.add_checkpoint(&log.request(0, 800).to_bytes()), node::Answer::Size(600));
    assert!(matches!(watcher.node.add_checkpoint(&log.request(600, 800).to_bytes()), node::Answer::Cosigned(_)));
    // The log shows what does not extend the 800 that were cosigned.
    let mut past = entries(0..1000);
    past[700] = b"what is now said".to_vec();
    site.publish(&signer(), &past);
    watcher.follow().unwrap();
    assert_eq!((watcher.size(), watcher.said.alarms()), (Some(600), vec!["fork".to_owned(); 2]));
}

#[test]
fn what_the_ledger_shows_under_its_own_cosignature_carries_an_old_state_forward() {
    let (desk, site) = (Desk::new(), Site::new());
    let log = Log::of(ORIGIN, 1, "entry", 1000);
    let watcher = Watcher::open(&desk, &site, &signer());
    let node::Answer::Cosigned(lines) = watcher.node.add_checkpoint(&log.request(0, 900).to_bytes()) else { panic!() };
    drop(watcher);
    // The state is lost, here and outside.
    fs::remove_dir_all(desk.data().join("witness")).unwrap();
    fs::remove_dir_all(desk.0.path().join("state")).unwrap();
    let mut note = site.publish(&signer(), &entries(0..900));
    note.signatures.extend(lines.lines().map(|line| evidence::note::SignatureLine::parse(line).unwrap()));
    site.write(Tree::new(site.dir.path()).checkpoint_path(), &note.to_bytes());
    let watcher = Watcher::open(&desk, &site, &signer());
    watcher.follow().unwrap();
    // That it was lost, and what was found again.
    assert_eq!(watcher.said.alarms(), ["old-state"; 2]);
    assert_eq!(watcher.node.add_checkpoint(&log.request(0, 500).to_bytes()), node::Answer::Size(900));
}

#[test]
fn the_copy_is_served_to_others_who_mirror_it() {
    let (desk, site) = (Desk::new(), Site::new());
    site.publish(&signer(), &entries(0..70_000));
    let config =
        node::Config { ledgers: vec![format!("http://{}", site.address)], ..desk.config(&signer().verifier_key()) };
    let first = node::start(&config, Arc::new(|_| ())).unwrap();
    let wait = |node: &node::Running, size: u64| {
        while node.node().watched()[0].mirrored().is_none_or(|held| held.checkpoint.size < size) {
            thread::sleep(std::time::Duration::from_millis(20));
        }
    };
    wait(&first, 70_000);
    site.gone(true);
    let other = Desk::new();
    let hash = first.node().watched()[0].log().hash();
    let base = format!("http://{}/mirror/{hash}", first.address());
    let config = node::Config { ledgers: vec![base], ..other.config(&signer().verifier_key()) };
    let second = node::start(&config, Arc::new(|_| ())).unwrap();
    wait(&second, 70_000);
    same_tree(site.dir.path(), &mirror_of(&other), 70_000);
    // Narrower than what is kept, still served; wider than the tree, never.
    let mirrored = |path: &str| get(&first, &format!("/mirror/{hash}/{path}")).0;
    assert_eq!(["tile/0/273.p/100", "tile/0/272", "tile/entries/273.p/1"].map(mirrored), [200; 3]);
    assert_eq!(
        ["tile/0/273.p/113", "tile/0/273", "tile/0/000.p/256", "tile/../../keys/mirror.pem"].map(mirrored),
        [404; 4]
    );
}

/// A record of a file, as a platform of this origin would write it.
fn record(origin: &str, kind: Recorded, n: u64) -> Vec<u8> {
    let at = 0x019a_b3c1_e6f0;
    let operator = kind == Recorded::Operator;
    let claims = kind.claims().into_iter().map(|name| {
        let disclosure = Disclosure::new(&[7; 16], name, serde_json::Value::Null).unwrap();
        (name.to_owned(), disclosure.digest())
    });
    let statement = Statement {
        kind,
        id: format!("019ab3c1-e6f0-7c4e-9f20-{n:012x}"),
        ledger: origin.to_owned(),
        received_at: Utc(at * 1000),
        clock: Clock::Unchecked,
        provenance: (!operator).then_some(Provenance::UserSupplied),
        operator_relation: (!operator).then_some(OperatorRelation::SamePerson),
        software: Software { name: "quezao".into(), version: "0".into(), commit: "0".into() },
        file: (!operator).then(|| File {
            digests: FileDigests::of(b"picture"),
            media_type: "image/jpeg".into(),
            custody: Custody::Held,
        }),
        claims: claims.collect(),
    };
    let token = Timestamp { gen_time: "20251124024700Z".into(), token_sha256: [1; 32] };
    Record { statement, timestamps: vec![token] }.to_bytes().unwrap()
}

/// The same, with a token of another time.
fn dated(origin: &str, n: u64, gen_time: &str) -> Vec<u8> {
    let mut record = Record::parse(&record(origin, Recorded::Image, n)).unwrap();
    record.timestamps[0].gen_time = gen_time.to_owned();
    record.to_bytes().unwrap()
}

/// A log whose origin names its key, as a Quezao ledger's does.
fn quezao() -> (Signer, String) {
    let signer = Signer::from_seed("x", &[1; 32]).unwrap();
    let public: [u8; 32] = signer.verifier_key().public_key().try_into().unwrap();
    let origin = evidence::checkpoint::origin("quezao.local", &public).unwrap();
    (Signer::from_seed(&origin, &[1; 32]).unwrap(), origin)
}

#[test]
fn entries_that_break_a_rule_are_told_and_nothing_is_refused_for_them() {
    let (signer, origin) = quezao();
    let good = |n| record(&origin, Recorded::Image, n);
    let mut entries = vec![record(&origin, Recorded::Operator, 0), good(1), good(2), good(3)];
    let (desk, site) = (Desk::new(), Site::new());
    site.publish_as(&origin, &signer, &entries);
    let watcher = Watcher::open(&desk, &site, &signer);
    let watched = &watcher.node.watched()[0];
    watcher.follow().unwrap();
    while watched.examine().unwrap() {}
    assert!(watcher.said.alarms().is_empty());
    entries.extend([
        good(2),
        b"hello".to_vec(),
        record(&origin, Recorded::Operator, 9),
        record("quezao.local/00", Recorded::Image, 10),
        good(11),
        dated(&origin, 12, "20251124024557Z"),
        dated(&origin, 13, "20251124024600Z"),
        dated(&origin, 14, "20990101000000Z"),
    ]);
    site.publish_as(&origin, &signer, &entries);
    watcher.follow().unwrap();
    while watched.examine().unwrap() {}
    assert_eq!((watcher.size(), watcher.said.alarms()), (Some(12), vec!["record".to_owned(); 6]));
    let kept = stored(&desk.data());
    let said: String = kept.iter().map(|(_, path)| fs::read_to_string(path.join("alarm.json")).unwrap()).collect();
    for why in ["entry 4", "stands in entry 2 already", "entry 5", "entry 6", "entry 7", "entry 9", "entry 11"] {
        assert!(said.contains(why), "{why}: {said}");
    }
    let proof = fs::read_to_string(kept[0].1.join("proof.txt")).unwrap();
    assert!(proof.contains("index ") && proof.contains("entry "), "{proof}");
    // Looked at once, also by another process; any other log's entries are anything.
    drop(watcher);
    let watcher = Watcher::open(&desk, &site, &signer);
    assert!(!watcher.node.watched()[0].examine().unwrap() && watcher.said.alarms().is_empty());
}

#[test]
fn of_many_broken_entries_some_are_told_and_the_rest_counted() {
    let ((signer, origin), desk, site) = (quezao(), Desk::new(), Site::new());
    let mut entries = vec![record(&origin, Recorded::Operator, 0)];
    entries.extend((0..50).map(|n| format!("broken {n}").into_bytes()));
    site.publish_as(&origin, &signer, &entries);
    let watcher = Watcher::open(&desk, &site, &signer);
    watcher.follow().unwrap();
    assert!(!watcher.node.watched()[0].examine().unwrap());
    let said: Vec<_> = node::alarms::list(&desk.data()).unwrap().iter().map(|a| a.text("en").to_owned()).collect();
    assert_eq!(said.len(), 21, "{said:?}");
    assert!(said.iter().any(|en| en.contains("30 more entries of 0 to 51")), "{said:?}");
}

#[test]
fn what_is_mirrored_is_looked_at_also_while_the_ledger_is_away() {
    let ((signer, origin), desk, site) = (quezao(), Desk::new(), Site::new());
    site.publish_as(&origin, &signer, &[record(&origin, Recorded::Operator, 0), b"hello".to_vec()]);
    let watcher = Watcher::open(&desk, &site, &signer);
    watcher.follow().unwrap();
    assert!(watcher.said.alarms().is_empty());
    drop(watcher);
    site.gone(true);
    let said = Said::default();
    let heard = said.0.clone();
    let ledgers = vec![format!("http://{}", site.address)];
    let config = node::Config { ledgers, ..desk.config(&signer.verifier_key()) };
    let node = node::start(&config, Arc::new(move |event| heard.lock().unwrap().push(event))).unwrap();
    while said.alarms() != ["record"] {
        thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(node.node().watched()[0].looked().answered.is_none());
}

/// A log that this project did not write publishes what our witness cosigned, and our mirror holds it.
#[test]
fn tessera_s_log_is_witnessed_and_mirrored() {
    let work = tempfile::tempdir().unwrap();
    let (program, dir) = (work.path().join("tessera"), work.path().join("log"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tessera");
    let built = Command::new("go").args(["build", "-o"]).arg(&program).arg(".").current_dir(source).output();
    let built = built.expect("go is needed for this test: see scripts/setup.sh");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let mut log = Command::new(&program).arg(&dir).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut tell, mut hear) = (log.stdin.take().unwrap(), BufReader::new(log.stdout.take().unwrap()));
    let mut heard = || {
        let mut line = String::new();
        hear.read_line(&mut line).unwrap();
        line.trim().to_owned()
    };
    let said = heard();
    let (address, key) = said.split_once(' ').unwrap();
    let key = evidence::note::VerifierKey::parse(key).unwrap();
    let desk = Desk::new();
    let config = node::Config { ledgers: vec![format!("http://{address}")], ..desk.config(&key) };
    let node = node::start(&config, Arc::new(|_| ())).unwrap();
    let witness = node.node().keys().published().witness.remove(0);
    writeln!(tell, "http://{} {witness}", node.address()).unwrap();
    for (more, size) in [(1, "1"), (300, "301"), (40, "341")] {
        writeln!(tell, "{more}").unwrap();
        assert_eq!(heard(), size);
    }
    let published = Note::parse(&fs::read(dir.join("checkpoint")).unwrap()).unwrap();
    published.verify_log(&key).unwrap();
    assert!(cosignature::verify(&published, &witness).unwrap().is_some());
    let watched = &node.node().watched()[0];
    while watched.mirrored().is_none_or(|held| held.checkpoint.size < 341) {
        thread::sleep(std::time::Duration::from_millis(20));
    }
    let copy = desk.data().join("mirror").join(watched.log().hash());
    same_tree(&dir, &copy, 341);
    assert!(stored(&desk.data()).is_empty());
    log.kill().unwrap();
    log.wait().unwrap();
}

#[test]
fn the_copy_follows_what_the_witness_cosigned_and_no_other_history() {
    let (desk, site) = (Desk::new(), Site::new());
    let log = Log::of(ORIGIN, 1, "entry", 1000);
    site.publish(&signer(), &entries(0..600));
    let watcher = Watcher::open(&desk, &site, &signer());
    watcher.follow().unwrap();
    assert!(matches!(watcher.node.add_checkpoint(&log.request(600, 900).to_bytes()), node::Answer::Cosigned(_)));
    // To readers the log shows another history, smaller than what it had cosigned.
    let mut other = entries(0..1000);
    other[650] = b"what is now said".to_vec();
    let shown = site.publish(&signer(), &other[..700]);
    for _ in 0..4 {
        let _ = watcher.follow();
    }
    assert_eq!(watcher.size(), Some(600), "nothing is signed below the 900 that nobody proved");
    let kept = stored(&desk.data());
    assert!(kept.iter().any(|(kind, folder)| {
        let theirs = fs::read(folder.join("theirs.txt")).unwrap();
        ["rollback", "tiles", "fork"].contains(&kind.as_str()) && Note::parse(&theirs).unwrap().text == shown.text
    }));
    // Its own side, whole: the copy goes to what was cosigned, though the log shows less.
    site.publish(&signer(), &entries(0..900));
    let less = Tree::new(site.dir.path()).checkpoint_path();
    fs::write(less, log.note(700).to_bytes()).unwrap();
    watcher.follow().unwrap();
    assert_eq!(watcher.size(), Some(900));
}

#[test]
fn nothing_is_called_complete_that_is_not_there() {
    let (desk, site) = (Desk::new(), Site::new());
    site.publish(&signer(), &entries(0..70_000));
    let watcher = Watcher::open(&desk, &site, &signer());
    watcher.follow().unwrap();
    drop(watcher);
    let mirror = mirror_of(&desk);
    let tree = Tree::new(&mirror);
    type Break = fn(&Path, &Tree);
    let breaks: [Break; 4] = [
        |mirror, _| fs::remove_dir_all(mirror).unwrap(),
        |_, tree| fs::remove_file(tree.path(Kind::Entries, 7, WIDTH)).unwrap(),
        |_, tree| fs::remove_file(tree.path(Kind::Hashes(1), 0, WIDTH)).unwrap(),
        |_, tree| fs::remove_file(tree.path(Kind::Hashes(2), 0, 1)).unwrap(),
    ];
    for breaks in breaks {
        breaks(&mirror, &tree);
        let watcher = Watcher::open(&desk, &site, &signer());
        assert_eq!(watcher.size(), None);
        watcher.follow().unwrap();
        assert_eq!(watcher.size(), Some(70_000));
        same_tree(site.dir.path(), &mirror, 70_000);
    }
}

#[test]
fn the_copy_is_the_floor_of_a_state_that_is_older() {
    let (desk, site) = (Desk::new(), Site::new());
    let log = Log::of(ORIGIN, 1, "entry", 1000);
    site.publish(&signer(), &entries(0..600));
    let watcher = Watcher::open(&desk, &site, &signer());
    assert!(matches!(watcher.node.add_checkpoint(&log.request(0, 100).to_bytes()), node::Answer::Cosigned(_)));
    watcher.follow().unwrap();
    drop(watcher);
    // The state is of last week; the copy knows better.
    let watcher = Watcher::open(&desk, &site, &signer());
    let other = log.forked(300, 1);
    assert_eq!(watcher.node.add_checkpoint(&other.request(100, 800).to_bytes()), node::Answer::Size(600));
    assert!(matches!(watcher.node.add_checkpoint(&other.request(600, 800).to_bytes()), node::Answer::Refused(422, _)));
    assert!(matches!(watcher.node.add_checkpoint(&log.request(600, 800).to_bytes()), node::Answer::Cosigned(_)));
    // What was posted with a proof that does not hold is judged by the log's own files.
    assert_eq!(watcher.said.alarms(), ["not-extending"]);
    site.publish(&signer(), &entries(0..1000));
    watcher.follow().unwrap();
    watcher.follow().unwrap();
    assert_eq!(stored(&desk.data()).iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), ["fork"]);
}
