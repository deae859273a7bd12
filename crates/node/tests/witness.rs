//! The witness over real HTTP: what it cosigns, what it refuses and by what name, what it keeps.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use evidence::{
    cosignature, hex,
    note::{Note, SignatureLine},
    time::{SECOND, Utc},
};
use node::request::Request;
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::Command,
};

/// The checkpoint with the lines of an answer.
fn cosigned(log: &Log, size: u64, lines: &str) -> Note {
    let mut note = log.note(size);
    note.signatures.extend(lines.lines().map(|line| SignatureLine::parse(line).unwrap()));
    note
}

#[test]
fn it_cosigns_forward_and_remembers() {
    let (log, desk) = (Log::new(1, 300), Desk::new());
    let (node, said) = desk.start(&log.key());
    let key = node.node().keys().witness.verifier_keys().remove(0);
    assert_eq!(key.name(), "court.example/node/witness");
    let hash = hex::encode(&evidence::digest::sha256(ORIGIN.as_bytes()));
    assert_eq!(get(&node, &format!("/witness/{hash}/checkpoint")).0, 404);

    for (old, new) in [(0, 0), (0, 1), (1, 7), (7, 7), (7, 256), (256, 300)] {
        let (status, _, lines) = post(&node, &log.request(old, new).to_bytes());
        assert_eq!(status, 200, "{old} to {new}: {lines}");
        let note = cosigned(&log, new, &lines);
        assert!(cosignature::verify(&note, &key).unwrap().unwrap().unix_seconds > 1_700_000_000);
        let (status, kind, served) = get(&node, &format!("/witness/{hash}/checkpoint"));
        assert_eq!((status, kind.as_str()), (200, "text/plain; charset=utf-8"));
        let served = Note::parse(served.as_bytes()).unwrap();
        served.verify_log(&log.key()).unwrap();
        assert!(served.text == log.text(new) && cosignature::verify(&served, &key).unwrap().is_some());
    }
    // Who does not know where it stands is told.
    let (status, kind, size) = post(&node, &log.request(0, 300).to_bytes());
    assert_eq!((status, kind.as_str(), size.as_str()), (409, "text/x.tlog.size", "300\n"));
    drop(node);
    let (node, _) = desk.start(&log.key());
    assert_eq!(post(&node, &log.request(256, 300).to_bytes()).2, "300\n");
    assert_eq!(post(&node, &log.request(300, 300).to_bytes()).0, 200);
    assert!(said.alarms().is_empty() && stored(&desk.data()).is_empty());
}

#[test]
fn go_accepts_the_cosignature() {
    let (log, desk) = (Log::new(1, 9), Desk::new());
    let (node, _) = desk.start(&log.key());
    let lines = post(&node, &log.request(0, 9).to_bytes()).2;
    let key = node.node().keys().witness.verifier_keys().remove(0).to_string();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign/cosignature.go");
    let check = |text: &str, line: &str| {
        let output = Command::new("go").args(["run", source, &key, text, line]).output();
        let output = output.expect("go is needed for this test: see scripts/setup.sh");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    assert_eq!(check(&log.text(9), lines.trim()), "court.example/node/witness verified");
    assert_eq!(check(&log.text(8), lines.trim()), "does not verify");
}

/// Requests that a witness which knows only this log is sent, one after another: file, rule, status, part of the reason.
fn requests(log: &Log) -> Vec<(&'static str, &'static str, Vec<u8>, u16, &'static str)> {
    let change = |old, new, change: &dyn Fn(&mut Request)| {
        let mut request = log.request(old, new);
        change(&mut request);
        request.to_bytes()
    };
    let empty = format!("{ORIGIN}\n0\n{}\n", log.text(1).split('\n').nth(2).unwrap());
    let empty =
        Request { old: 0, proof: Vec::new(), note: Note { signatures: vec![log.signer.sign(&empty)], text: empty } };
    let named =
        |origin: &str| String::from_utf8(log.request(10, 12).to_bytes()).unwrap().replace(ORIGIN, origin).into_bytes();
    let other = Log::new(2, 0).signer;
    vec![
        ("good-01-first", "from nothing to ten leaves", log.request(0, 10).to_bytes(), 200, ""),
        ("good-02-again", "the same tree again", log.request(10, 10).to_bytes(), 200, ""),
        (
            "bad-01-origin",
            "a log that nobody named",
            Log::of("log.example/b", 1, "leaf", 3).request(0, 3).to_bytes(),
            404,
            "log.example/b",
        ),
        ("bad-02-alike", "an origin with a letter that looks alike", named("log.ex\u{430}mple/a"), 404, "origin"),
        ("bad-03-space", "an origin with a space", named("log.example/ a"), 400, "signature line"),
        ("bad-04-plus", "an origin with a plus", named("log.example/+a"), 400, "key name"),
        (
            "bad-05-key",
            "another key under the same name",
            change(10, 12, &|r| r.note.signatures = vec![other.sign(&r.note.text)]),
            403,
            "is missing",
        ),
        (
            "bad-06-signature",
            "a signature that does not hold",
            change(10, 12, &|r| r.note.signatures[0].signature[3] ^= 1),
            403,
            "does not verify",
        ),
        (
            "bad-07-short",
            "a proof without its last hash",
            change(10, 12, &|r| r.proof.truncate(r.proof.len() - 1)),
            422,
            "consistency proof",
        ),
        (
            "bad-08-proof",
            "a proof with another hash",
            change(10, 12, &|r| r.proof[0][0] ^= 1),
            422,
            "root in the consistency proof",
        ),
        (
            "bad-09-long",
            "a proof with a hash too many",
            change(10, 12, &|r| r.proof.push([0; 32])),
            422,
            "consistency proof",
        ),
        (
            "bad-10-empty",
            "the empty tree under a root that is not its own",
            empty.to_bytes(),
            422,
            "root of the empty tree",
        ),
        ("bad-11-backwards", "an old size above the new one", change(10, 9, &|r| r.proof.clear()), 400, "old size"),
        ("bad-12-stale", "an old size that is not the last one", log.request(0, 12).to_bytes(), 409, "10\n"),
        (
            "bad-15-order",
            "a proof whose hashes change places",
            change(10, 12, &|r| r.proof.swap(0, 1)),
            422,
            "root in the consistency proof",
        ),
        (
            "bad-16-lines",
            "a note whose lines change places",
            change(10, 12, &|r| {
                let lines: Vec<&str> = r.note.text.lines().collect();
                r.note.text = format!("{}\n{}\n{}\n", lines[0], lines[2], lines[1]);
                r.note.signatures = vec![log.signer.sign(&r.note.text)];
            }),
            400,
            "checkpoint size",
        ),
        ("bad-13-none", "no request at all", b"hello".to_vec(), 400, "add-checkpoint request"),
        ("bad-14-nothing", "an empty body", Vec::new(), 400, "add-checkpoint request"),
        ("good-03-forward", "ten leaves more: none of it did harm", log.request(10, 20).to_bytes(), 200, ""),
    ]
}

/// The same requests lie in `vectors/witness` for witnesses in any language. `QUEZAO_WRITE_VECTORS` writes them.
#[test]
fn the_vectors_are_these_requests() {
    let (log, folder) = (Log::new(1, 20), Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/witness"));
    let line = |(file, rule, _, status, _): &(&str, &str, Vec<u8>, u16, &str)| serde_json::json!({"file": format!("{file}.txt"), "rule": rule, "status": status});
    let requests = requests(&log);
    let index =
        serde_json::json!({"log": log.key().to_string(), "requests": requests.iter().map(line).collect::<Vec<_>>()});
    let index = serde_json::to_string_pretty(&index).unwrap() + "\n";
    let files = requests.into_iter().map(|(file, _, body, ..)| (format!("{file}.txt"), body));
    let files: Vec<_> = files.chain([("index.json".to_owned(), index.into_bytes())]).collect();
    if std::env::var_os("QUEZAO_WRITE_VECTORS").is_some() {
        fs::create_dir_all(&folder).unwrap();
        files.iter().for_each(|(name, bytes)| fs::write(folder.join(name), bytes).unwrap());
    }
    for (name, bytes) in &files {
        assert!(fs::read(folder.join(name)).unwrap() == *bytes, "{name}: stale; run this with QUEZAO_WRITE_VECTORS=1");
    }
    assert_eq!(fs::read_dir(folder).unwrap().count(), files.len());
}

#[test]
fn what_cannot_be_cosigned_is_refused_by_name() {
    let (log, desk) = (Log::new(1, 20), Desk::new());
    let (node, said) = desk.start(&log.key());
    for (file, rule, body, expected, why) in requests(&log) {
        let (status, _, text) = post(&node, &body);
        assert!(status == expected && text.contains(why), "{file}, {rule}: {status} {text}");
    }
    let (status, _, text) = post(&node, &vec![b'a'; node::request::MAX_REQUEST + 1]);
    assert!(status == 413 && text.contains("more than"), "{text}");
    // A bad proof for a checkpoint that the log did sign is told, once it is larger than what is held.
    assert_eq!(said.alarms(), ["not-extending"], "once");
    assert!(stored(&desk.data()).is_empty(), "whoever posts a bad proof fills nothing");
}

#[test]
fn a_fork_is_refused_and_both_sides_are_kept() {
    let (log, desk) = (Log::new(1, 20), Desk::new());
    let other = log.forked(5, 1);
    let (node, said) = desk.start(&log.key());
    assert_eq!(post(&node, &log.request(0, 10).to_bytes()).0, 200);
    // As large: undeniable, whatever size the request speaks of.
    let (status, _, why) = post(&node, &other.request(10, 10).to_bytes());
    assert!(status == 422 && why.contains("root of the tree of this size"), "{status} {why}");
    assert_eq!(post(&node, &other.request(3, 10).to_bytes()), (409, "text/x.tlog.size".into(), "10\n".into()));
    // Larger, by a proof from its own side.
    assert_eq!(post(&node, &other.request(10, 15).to_bytes()).0, 422);
    assert_eq!(said.alarms(), ["fork", "fork", "not-extending"]);

    let kept = stored(&desk.data());
    assert_eq!(
        kept.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(),
        ["fork"],
        "what nobody has shown is told, not kept"
    );
    let sides = ["ours.txt", "theirs.txt"].map(|name| Note::parse(&fs::read(kept[0].1.join(name)).unwrap()).unwrap());
    for side in &sides {
        side.verify_log(&log.key()).unwrap();
    }
    assert_eq!([&sides[0].text, &sides[1].text], [&log.text(10), &other.text(10)]);
    assert_eq!(post(&node, &log.request(10, 20).to_bytes()).0, 200, "its own side goes on");
}

#[test]
fn two_requests_at_once_never_make_two_histories() {
    let (log, desk) = (Log::new(1, 64), Desk::new());
    let (node, _) = desk.start(&log.key());
    let answers: Vec<Reply> = std::thread::scope(|scope| {
        let ask = |new: u64| {
            (
                new,
                scope.spawn({
                    let (node, log) = (&node, &log);
                    move || post(node, &log.request(0, new).to_bytes())
                }),
            )
        };
        let asked: Vec<_> = (1..=16).map(ask).collect();
        asked.into_iter().map(|(_, thread)| thread.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|answer| answer.0 == 200).count(), 1);
    assert!(answers.iter().all(|answer| answer.0 == 200 || answer.0 == 409));
}

#[test]
fn an_old_or_lost_state_is_noticed_and_carried_forward() {
    let (log, desk) = (Log::new(1, 40), Desk::new());
    let (node, _) = desk.start(&log.key());
    assert_eq!(post(&node, &log.request(0, 10).to_bytes()).0, 200);
    let hash = hex::encode(&evidence::digest::sha256(ORIGIN.as_bytes()));
    let file = desk.data().join("witness").join(hash).join("checkpoint");
    let old = fs::read(&file).unwrap();
    assert_eq!(post(&node, &log.request(10, 30).to_bytes()).0, 200);
    drop(node);
    for lost in [Some(&old), None] {
        match lost {
            Some(old) => fs::write(&file, old).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        let (node, said) = desk.start(&log.key());
        assert_eq!(said.alarms(), ["old-state"]);
        let (status, _, size) = post(&node, &log.request(10, 20).to_bytes());
        assert_eq!((status, size.as_str()), (409, "30\n"), "nothing below what it once cosigned");
    }
    // What is not its own does not start it.
    let mut bent = log.note(40).to_bytes();
    fs::write(&file, &bent).unwrap();
    let no = node::start(&desk.config(&log.key()), std::sync::Arc::new(|_| ())).err().unwrap();
    assert!(no.en.contains("this node's own line"), "{no}");
    bent.truncate(20);
    fs::write(&file, &bent).unwrap();
    assert!(node::start(&desk.config(&log.key()), std::sync::Arc::new(|_| ())).is_err());
}

#[test]
fn what_cannot_be_stored_is_not_cosigned() {
    let (log, desk) = (Log::new(1, 20), Desk::new());
    let (node, _) = desk.start(&log.key());
    assert_eq!(post(&node, &log.request(0, 10).to_bytes()).0, 200);
    let folder = desk.data().join("witness").join(hex::encode(&evidence::digest::sha256(ORIGIN.as_bytes())));
    let aside = desk.data().join("aside");
    fs::rename(&folder, &aside).unwrap();
    fs::write(&folder, "no folder").unwrap();
    let (status, _, why) = post(&node, &log.request(10, 20).to_bytes());
    assert!(status == 503 && !why.contains('—'), "{status} {why}");
    fs::remove_file(&folder).unwrap();
    fs::rename(&aside, &folder).unwrap();
    assert_eq!(post(&node, &log.request(10, 20).to_bytes()).0, 200);
    let no = node::start(&desk.config(&log.key()), std::sync::Arc::new(|_| ())).err().unwrap();
    assert!(no.en.contains("another node"), "{no}");
}

#[test]
fn a_connection_can_be_kept_and_a_slow_one_does_not_stop_others() {
    let (log, desk) = (Log::new(1, 9), Desk::new());
    let (node, _) = desk.start(&log.key());
    let mut slow = TcpStream::connect(node.address()).unwrap();
    slow.write_all(b"POST /add-checkpoint HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nold").unwrap();
    let mut kept = TcpStream::connect(node.address()).unwrap();
    for (old, new) in [(0, 3), (3, 9)] {
        let body = log.request(old, new).to_bytes();
        let head = format!("POST /add-checkpoint HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", body.len());
        kept.write_all(&[head.as_bytes(), &body].concat()).unwrap();
        let mut answer = [0; 4096];
        let n = kept.read(&mut answer).unwrap();
        assert!(answer[..n].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..n]));
    }
}

#[test]
fn a_restored_node_signs_no_second_history() {
    let (log, desk) = (Log::new(1, 40), Desk::new());
    let other = log.forked(5, 1);
    let (node, _) = desk.start(&log.key());
    assert_eq!(post(&node, &log.request(0, 30).to_bytes()).0, 200);
    drop(node);
    let anew = || {
        let said = Said::default();
        let heard = said.0.clone();
        let config = node::Config { begin_anew: true, ..desk.config(&log.key()) };
        let node = node::start(&config, std::sync::Arc::new(move |event| heard.lock().unwrap().push(event)));
        (node.unwrap(), said)
    };
    let warned = |said: &Said| {
        let said = said.0.lock().unwrap();
        said.iter().any(|event| matches!(event, node::Event::Warning(zh, en) if en.contains("--begin-anew does nothing") && zh.contains("--begin-anew")))
    };
    // Put back from keys/, name and logs alone, on another machine.
    fs::remove_dir_all(desk.data().join("witness")).unwrap();
    fs::remove_dir_all(desk.0.path().join("state")).unwrap();
    // The word was left in the service's options: it is for a loss that somebody was told of.
    let (node, said) = anew();
    assert_eq!(post(&node, &other.request(0, 20).to_bytes()).0, 503);
    assert!(warned(&said) && said.alarms() == ["old-state"]);
    drop(node);
    for _ in 0..2 {
        let (node, said) = desk.start(&log.key());
        let (status, _, why) = post(&node, &other.request(0, 20).to_bytes());
        assert!(status == 503 && why.contains("--begin-anew") && !why.contains('—'), "{status} {why}");
        assert_eq!(said.alarms(), ["old-state"]);
    }
    // The institution's own word, once.
    let (node, said) = anew();
    assert!(!warned(&said));
    assert_eq!(post(&node, &log.request(0, 35).to_bytes()).0, 200);
    drop(node);
    let (node, said) = desk.start(&log.key());
    assert_eq!(post(&node, &log.request(35, 40).to_bytes()).0, 200);
    assert!(said.alarms().is_empty());
    drop(node);
    let (_node, said) = anew();
    assert!(warned(&said), "it is said again while it is left there");
}

#[test]
fn strangers_cannot_keep_a_fork_from_being_kept() {
    let (log, desk) = (Log::new(1, 300), Desk::new());
    let (node, said) = desk.start(&log.key());
    assert_eq!(post(&node, &log.request(0, 10).to_bytes()).0, 200);
    // Each of the log's own checkpoints is public; a proof of nothing is anybody's.
    for size in 11..200 {
        let request = Request { proof: vec![[7; 32]], ..log.request(10, size) };
        assert_eq!(post(&node, &request.to_bytes()).0, 422);
    }
    assert!(stored(&desk.data()).is_empty());
    assert!(said.alarms().len() <= 16, "{:?}", said.alarms());
    // One kind's many leave room for others, and nothing is said to be kept that is not.
    for n in 0..node::alarms::MAX_ALARMS + 5 {
        let mut other = log.forked(5, 1);
        other.leaves[6] = evidence::merkle::leaf_hash(&n.to_be_bytes());
        assert_eq!(post(&node, &other.request(10, 10).to_bytes()).0, 422);
    }
    assert_eq!(stored(&desk.data()).len(), node::alarms::MAX_ALARMS);
    let said = said.0.lock().unwrap();
    for event in said.iter() {
        if let node::Event::Alarm { folder, kept, .. } = event {
            assert_eq!((folder.exists(), folder.join("alarm.json").exists()), (true, *kept));
        }
    }
}

/// What an operator with the log's key can make up without end fills its own kind's room and no other, also after a restart.
#[test]
fn a_full_room_of_alarms_stays_full_and_takes_no_other_s() {
    let (log, desk) = (Log::new(1, 300), Desk::new());
    let second = Log::of("log.example/b", 2, "leaf", 300);
    let config = node::Config {
        log_keys: vec![log.key(), second.key()],
        ledgers: vec!["http://127.0.0.1:9/a".to_owned(), "http://127.0.0.1:9/b".to_owned()],
        ..desk.config(&log.key())
    };
    let start = || {
        let said = Said::default();
        let heard = said.0.clone();
        let node = node::start(&config, std::sync::Arc::new(move |event| heard.lock().unwrap().push(event)));
        (node.unwrap(), said)
    };
    let forks = |node: &node::Running, from: usize, many: usize| {
        for n in from..from + many {
            let mut other = log.forked(5, 1);
            other.leaves[6] = evidence::merkle::leaf_hash(&n.to_be_bytes());
            assert_eq!(post(node, &other.request(10, 10).to_bytes()).0, 422);
        }
    };
    let new = |said: &Said| -> Vec<bool> {
        let new = |event: &node::Event| match event {
            node::Event::Alarm { new, .. } => Some(*new),
            _ => None,
        };
        said.0.lock().unwrap().iter().filter_map(new).collect()
    };
    let kept = |kind: &str| stored(&desk.data()).iter().filter(|(found, _)| found == kind).count();
    let (node, _) = start();
    for one in [&log, &second] {
        assert_eq!(post(&node, &one.request(0, 10).to_bytes()).0, 200);
    }
    forks(&node, 0, node::alarms::MAX_ALARMS + 5);
    drop(node);
    let (node, said) = start();
    forks(&node, 1000, 5);
    assert_eq!(kept("fork"), node::alarms::MAX_ALARMS);
    assert_eq!(said.alarms().len(), 5, "told all the same");
    assert_eq!(new(&said), [true, false, false, false, false], "and as one that is seen again");
    // Another log's fork, and another kind of the same log.
    let mut other = Log::of("log.example/b", 2, "leaf", 300);
    other.leaves[3] = evidence::merkle::leaf_hash(b"other");
    assert_eq!(post(&node, &other.request(10, 10).to_bytes()).0, 422);
    assert_eq!(kept("fork"), node::alarms::MAX_ALARMS + 1);
    drop(node);
    fs::remove_dir_all(desk.data().join("witness")).unwrap();
    fs::remove_dir_all(desk.0.path().join("state")).unwrap();
    let (_node, _) = start();
    assert_eq!((kept("fork"), kept("old-state")), (node::alarms::MAX_ALARMS + 1, 2));
}

#[test]
fn many_readers_leave_room_for_the_ledger() {
    let (log, desk) = (Log::new(1, 9), Desk::new());
    let (node, _) = desk.start(&log.key());
    let mut idle: Vec<_> = (0..230).map(|_| TcpStream::connect(node.address()).unwrap()).collect();
    let (status, _, why) = get(&node, "/healthz");
    assert!(status == 503 && why.contains("readers"), "{status} {why}");
    assert_eq!(post(&node, &log.request(0, 5).to_bytes()).0, 200);
    // Who stays is shown out after one answer: more readers than there are places keep none of the last ones.
    for _ in 0..70 {
        let mut reader = TcpStream::connect(node.address()).unwrap();
        reader.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        let mut answer = String::new();
        reader.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("connection: close"), "{answer}");
        idle.push(reader);
    }
    assert_eq!(post(&node, &log.request(5, 9).to_bytes()).0, 200);
    // Nor does who says nothing: 300 are open by now, and as many more wait to be heard.
    idle.extend((0..70).map(|_| TcpStream::connect(node.address()).unwrap()));
    assert_eq!(post(&node, &log.request(9, 9).to_bytes()).0, 200);
}

/// Whoever posts what was signed just now gets the same line: nobody makes a node sign and write without end.
#[test]
fn the_same_again_is_the_same_line_for_a_while() {
    let (log, desk) = (Log::new(1, 9), Desk::new());
    let (node, said) = desk.start(&log.key());
    let (witness, at) = (&node.node().watched()[0].witness, Utc(1_800_000_000_000_000));
    let ask = |old, new, seconds: i64| {
        let answer = witness.add(&log.request(old, new), at.plus(seconds * SECOND));
        let node::Answer::Cosigned(lines) = answer else { panic!("{answer:?}") };
        lines
    };
    let first = ask(0, 5, 0);
    assert_eq!([ask(5, 5, 1), ask(5, 5, 9)], [first.clone(), first.clone()]);
    // A ledger takes one of half a minute; later it is dated anew, and also where the clock was put back.
    let later = ask(5, 5, 15);
    assert_ne!(later, first);
    assert_eq!(ask(5, 5, 20), later);
    assert_ne!(ask(5, 5, 2), later);
    assert_ne!(ask(5, 9, 3), later);
    let sizes = said
        .0
        .lock()
        .unwrap()
        .iter()
        .filter_map(|event| match event {
            node::Event::Cosigned { size, .. } => Some(*size),
            _ => None,
        })
        .collect::<Vec<_>>();
    assert_eq!(sizes, [5, 9], "each tree is told once");
}
