//! Nodes that ask each other: two faces of one ledger, a ledger that is gone, and peers that lie.
#![allow(clippy::unwrap_used)]

mod common;

use common::{site::*, *};
use evidence::{
    checkpoint::Checkpoint,
    merkle::{self, Hash},
    note::Note,
};
use ledger::tiles::{Kind, Tree, WIDTH};
use node::{Event, Relation};
use std::{fs, path::Path, sync::Arc, time::Duration};

/// The face that the other node is shown: another entry at 300.
fn other_face(size: usize) -> Vec<Vec<u8>> {
    let mut all = entries(0..size);
    all[300] = b"what others are told".to_vec();
    all
}

/// A node that runs over this site.
fn running(desk: &Desk, site: &Site, peers: &[String]) -> (node::Running, Said) {
    let said = Said::default();
    let heard = said.0.clone();
    let config = node::Config {
        ledgers: vec![format!("http://{}", site.address)],
        peers: peers.to_vec(),
        every: Duration::from_millis(20),
        ..desk.config(&signer().verifier_key())
    };
    (node::start(&config, Arc::new(move |event| heard.lock().unwrap().push(event))).unwrap(), said)
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{what} never came");
}

/// Both signed sides of the fork that is kept here, the smaller one first, each proved to be what the log signed.
fn both_sides(data: &Path) -> [Checkpoint; 2] {
    let kept = stored(data);
    let (_, folder) = kept.iter().find(|(kind, _)| kind == "fork").unwrap();
    let sides = ["ours.txt", "theirs.txt"].map(|name| Note::parse(&fs::read(folder.join(name)).unwrap()).unwrap());
    sides.iter().for_each(|side| side.verify_log(&signer().verifier_key()).unwrap());
    let mut sides = sides.map(|side| Checkpoint::parse(&side.text).unwrap());
    sides.sort_by_key(|side| side.size);
    let [small, large] = &sides;
    // The proof needs neither node nor ledger: under the larger one stands another root of the smaller size.
    let proof = fs::read_to_string(folder.join("proof.txt")).unwrap();
    let hash = |line: &str| -> Hash {
        let text = Checkpoint { origin: "x".into(), size: 1, root: [0; 32] }.to_text();
        Checkpoint::parse(&text.replace(text.lines().nth(2).unwrap(), line)).unwrap().root
    };
    let mut lines = proof.lines().skip(1);
    assert_eq!(lines.next(), Some(format!("old {}", small.size).as_str()));
    let root = hash(lines.next().unwrap().strip_prefix("root ").unwrap());
    let proof: Vec<Hash> = lines.map(hash).collect();
    merkle::verify_consistency(small.size, &root, large.size, &large.root, &proof).unwrap();
    assert_ne!(root, small.root);
    sides
}

#[test]
fn two_faces_are_found_by_both_nodes_and_each_keeps_both_sides() {
    let (one, two) = (Desk::new(), Desk::new());
    let (face, mask) = (Site::new(), Site::new());
    let ours = face.publish(&signer(), &entries(0..600));
    let theirs = mask.publish(&signer(), &other_face(900));
    let (first, first_said) = running(&one, &face, &[]);
    // Each is shown one side alone, so that neither finds anything wrong.
    until("the first copy", || first.node().watched()[0].mirrored().is_some());
    let (second, second_said) = running(&two, &mask, &[format!("http://{}", first.address())]);
    until("the second's alarm", || second_said.alarms().contains(&"fork".to_owned()));
    assert!(first_said.alarms().is_empty(), "who asks nobody cannot know");
    let asked = format!("http://{}/", second.address());
    drop(first);
    let (first, first_said) = running(&one, &face, &[asked]);
    until("the first's alarm", || first_said.alarms().contains(&"fork".to_owned()));
    for data in [one.data(), two.data()] {
        let [small, large] = both_sides(&data);
        assert_eq!([small.to_text(), large.to_text()], [ours.text.clone(), theirs.text.clone()]);
    }
    // What each cosigns afterwards is the history that it knows, and no other.
    let (log, other) = (Log::of(ORIGIN, 1, "entry", 1000), {
        let mut log = Log::of(ORIGIN, 1, "entry", 1000);
        log.leaves[300] = merkle::leaf_hash(b"what others are told");
        log
    });
    assert_eq!(post(&first, &log.request(600, 800).to_bytes()).0, 200);
    assert_eq!(post(&second, &other.request(0, 900).to_bytes()).0, 200);
    assert_eq!(post(&second, &log.request(900, 950).to_bytes()).0, 422);
    assert_eq!(post(&first, &other.request(800, 900).to_bytes()).0, 422);
    face.publish(&signer(), &entries(0..1000));
    until("its own side", || first.node().watched()[0].mirrored().unwrap().checkpoint.size == 1000);
    // Loud, wherever somebody looks.
    let (status, _, ready) = get(&first, "/readyz");
    assert!(status == 200 && ready.starts_with("degraded: alarms "), "{ready}");
    let figures = get(&first, "/metrics").2;
    for line in [
        "quezao_node_alarms{kind=\"fork\"} ",
        "quezao_node_cosigned{origin=\"log.example/a\"} 800",
        "quezao_node_ledger_up{origin=\"log.example/a\"} 1",
        "quezao_node_peer_contradicts{",
    ] {
        assert!(figures.contains(line), "{line}: {figures}");
    }
    assert!(!figures.contains("quezao_node_alarms{kind=\"fork\"} 0"), "{figures}");
}

#[test]
fn a_fork_of_equal_size_is_found_without_tiles() {
    let (desk, site, shown) = (Desk::new(), Site::new(), Site::new());
    site.publish(&signer(), &entries(0..600));
    let peer = format!("http://{}", shown.address);
    let watcher = Watcher::beside(&desk, &site, &signer(), std::slice::from_ref(&peer));
    let hash = watcher.node.watched()[0].log().hash();
    // A witness that keeps no copy shows what it cosigned, and nothing else.
    let show = |entries: &[Vec<u8>]| {
        let other = Site::new();
        let note = other.publish(&signer(), entries);
        shown.write(shown.dir.path().join(format!("witness/{hash}/checkpoint")), &note.to_bytes());
    };
    show(&other_face(600));
    watcher.node.ask_peer(0).unwrap();
    let state = |watcher: &Watcher| watcher.node.state().unwrap().peers[0].logs.get(ORIGIN).copied();
    assert_eq!(state(&watcher), Some((600, Relation::Ahead)), "nothing to compare it with yet");
    // Whatever it shows in the meantime, the first one is not forgotten.
    show(&entries(0..2000));
    watcher.node.ask_peer(0).unwrap();
    assert!(watcher.said.alarms().is_empty());
    watcher.follow().unwrap();
    watcher.node.ask_peer(0).unwrap();
    assert_eq!(watcher.said.alarms(), ["fork"]);
    assert_eq!(state(&watcher), Some((2000, Relation::Contradicts)));
}

#[test]
fn where_the_ledger_is_gone_the_copy_goes_on_from_a_peer_s() {
    let (one, two, site) = (Desk::new(), Desk::new(), Site::new());
    let all = entries(0..70_000);
    site.publish(&signer(), &all[..40_000]);
    let (first, _) = running(&one, &site, &[]);
    let watcher = Watcher::beside(&two, &site, &signer(), &[format!("http://{}", first.address())]);
    watcher.follow().unwrap();
    assert_eq!(watcher.size(), Some(40_000));
    site.publish(&signer(), &all[..66_000]);
    until("the first copy", || first.node().watched()[0].mirrored().is_some_and(|h| h.checkpoint.size == 66_000));
    // While the ledger answers, it is the ledger that is followed.
    watcher.node.ask_peer(0).unwrap();
    assert_eq!(watcher.size(), Some(40_000));
    site.gone(true);
    assert!(watcher.follow().is_err());
    watcher.node.ask_peer(0).unwrap();
    assert_eq!(watcher.size(), Some(66_000));
    same_tree(&mirror_of(&one), &mirror_of(&two), 66_000);
    // Back, it goes on from there.
    site.gone(false);
    site.publish(&signer(), &all);
    watcher.follow().unwrap();
    assert_eq!((watcher.size(), watcher.said.alarms()), (Some(70_000), Vec::new()));
    same_tree(site.dir.path(), &mirror_of(&two), 70_000);
}

#[test]
fn a_peer_is_believed_in_nothing() {
    let (desk, site, liar) = (Desk::new(), Site::new(), Site::new());
    site.publish(&signer(), &entries(0..600));
    let watcher = Watcher::beside(&desk, &site, &signer(), &[format!("http://{}", liar.address)]);
    watcher.follow().unwrap();
    site.gone(true);
    assert!(watcher.follow().is_err(), "so that a peer's copy would be taken");
    let hash = watcher.node.watched()[0].log().hash();
    let copy = liar.dir.path().join("mirror").join(&hash);
    let tree = Tree::new(&copy);
    let put = |note: &[u8]| liar.write(tree.checkpoint_path(), note);
    // Nothing, noise, another key's word, another log's, without end.
    watcher.node.ask_peer(0).unwrap();
    let real = Log::of(ORIGIN, 1, "entry", 700);
    let foreign = Log::of(ORIGIN, 9, "entry", 700).note(700);
    let elsewhere = Log::of("log.example/b", 1, "entry", 700).note(700);
    for note in [b"<html>".to_vec(), foreign.to_bytes(), elsewhere.to_bytes(), vec![b'a'; 300_000], Vec::new()] {
        put(&note);
        assert!(watcher.node.ask_peer(0).is_err());
    }
    // What the log did sign, over tiles that are not it: that is the peer's fault.
    let other = Site::new();
    other.publish(&signer(), &other_face(700));
    assert!(
        std::process::Command::new("cp")
            .arg("-r")
            .arg(other.dir.path().join("tile"))
            .arg(&copy)
            .status()
            .unwrap()
            .success()
    );
    put(&real.note(700).to_bytes());
    assert!(watcher.node.ask_peer(0).unwrap_err().en.contains("make up"));
    // Right at the edge, wrong in a bundle.
    let right = Site::new();
    right.publish(&signer(), &entries(0..700));
    fs::remove_dir_all(copy.join("tile")).unwrap();
    assert!(
        std::process::Command::new("cp")
            .arg("-r")
            .arg(right.dir.path().join("tile"))
            .arg(&copy)
            .status()
            .unwrap()
            .success()
    );
    let bundle = tree.path(Kind::Entries, 2, 700 - 2 * WIDTH);
    let mut bytes = fs::read(&bundle).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&bundle, bytes).unwrap();
    assert!(watcher.node.ask_peer(0).is_err());
    assert_eq!((watcher.size(), watcher.said.alarms()), (Some(600), Vec::new()));
    let told = watcher
        .said
        .0
        .lock()
        .unwrap()
        .iter()
        .filter(|e| matches!(e, Event::Warning(zh, _) if zh.contains("相邻节点")))
        .count();
    assert!((5..=8).contains(&told), "each fault once: {told}");
    fs::write(&bundle, fs::read(Tree::new(right.dir.path()).path(Kind::Entries, 2, 700 - 2 * WIDTH)).unwrap()).unwrap();
    watcher.node.ask_peer(0).unwrap();
    assert_eq!(watcher.size(), Some(700), "mended, it is as good as the log's own");
}

#[test]
fn what_was_dealt_with_is_told_no_more_and_all_else_is() {
    let (log, desk) = (Log::new(1, 20), Desk::new());
    let (node, said) = desk.start(&log.key());
    assert_eq!(post(&node, &log.request(0, 10).to_bytes()).0, 200);
    let fork = |at: usize| log.forked(at, 1).request(10, 10).to_bytes();
    assert_eq!(post(&node, &fork(5)).0, 422);
    let alarms = node::alarms::list(&desk.data()).unwrap();
    let id = alarms[0].id.clone();
    let done = |id: &str, note: &str| node::alarms::acknowledge(&desk.data(), id, note, evidence::time::Utc(0));
    for (bad, note) in
        [("fork-00", ""), ("../keys", ""), ("", ""), (id.as_str(), "a\u{202e}b"), (&id, &"长".repeat(1001))]
    {
        assert!(done(bad, note).is_err(), "{bad} {note}");
    }
    assert!(get(&node, "/readyz").2.starts_with("degraded: alarms 1"));
    assert!(done(&id, "已通知运营者").unwrap());
    assert!(!done(&id, "again").unwrap(), "the first word stays");
    // The same again is refused all the same, and told no more, also by another process.
    assert_eq!((post(&node, &fork(5)).0, said.alarms().len()), (422, 1));
    drop(node);
    let (node, said) = desk.start(&log.key());
    assert_eq!((post(&node, &fork(5)).0, said.alarms().len()), (422, 0));
    assert_eq!(post(&node, &fork(7)).0, 422);
    assert_eq!(said.alarms(), ["fork"]);
    let alarms = node::alarms::list(&desk.data()).unwrap();
    let words: Vec<_> = alarms.iter().filter_map(|a| a.acknowledged.as_ref()?["note"].as_str()).collect();
    assert_eq!((alarms.len(), words), (2, vec!["已通知运营者"]));
    assert!(get(&node, "/metrics").2.contains("quezao_node_alarms_acknowledged 1"));
}
