//! The process is ended at every stage, again and again: nothing acknowledged is lost, no size is signed twice
//! with different trees, and what is left behind opens.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write,
    path::Path,
    process::Command,
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    time::Duration,
};

use common::*;
use evidence::{checkpoint::Checkpoint, merkle, note::Note};
use ledger::{Config, Ledger, Opened, Reader, STAGES, Timing};

/// Set in the child: the folder, the stage, and how often that stage is passed before the end.
const CHILD: &str = "LEDGER_CRASH_CHILD";
const THREADS: u64 = 3;

/// Not a test of its own: the process that is ended. It runs only with [`CHILD`] set.
#[test]
fn child() {
    let Ok(job) = std::env::var(CHILD) else { return };
    let [base, stage, passes] = job.split('|').collect::<Vec<_>>()[..] else { panic!("{job}") };
    let (base, passes) = (Path::new(base), passes.parse::<u64>().unwrap());
    let (stage, passed) = (STAGES[stage.parse::<usize>().unwrap()], AtomicU64::new(0));
    let config = Config {
        faults: Some(Box::new(move |at| {
            if at == stage && passed.fetch_add(1, SeqCst) == passes {
                std::process::abort();
            }
            Ok(())
        })),
        timing: Timing { checkpoint_interval: Duration::from_millis(3), ..Timing::default() },
        ..sealing(base)
    };
    let (ledger, _) = Ledger::open(config).unwrap();
    let from = ledger.size();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let ledger = &ledger;
            scope.spawn(move || {
                let log = base.join(format!("acknowledged-{thread}"));
                let mut log = File::options().append(true).create(true).open(log).unwrap();
                for n in 0..100 {
                    let leaf = format!("{from} {thread} {n}");
                    let index = ledger.append(leaf.as_bytes()).unwrap();
                    // In one write, so that the end of the process cannot tear the line.
                    log.write_all(format!("{index} {leaf}\n").as_bytes()).unwrap();
                    if thread == 0 {
                        let _ = ledger.wait_sealed(index, Duration::from_secs(2));
                    }
                }
            });
        }
    });
}

fn run_child(base: &Path, stage: usize, passes: u64) -> bool {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, format!("{}|{stage}|{passes}", base.display()))
        .output()
        .unwrap()
        .status;
    status.success()
}

/// All that was acknowledged so far: index and leaf.
fn acknowledged(base: &Path) -> BTreeMap<u64, String> {
    let mut all = BTreeMap::new();
    for thread in 0..THREADS {
        let log = fs::read_to_string(base.join(format!("acknowledged-{thread}"))).unwrap_or_default();
        for (index, leaf) in log.lines().map(|line| line.split_once(' ').unwrap()) {
            assert!(all.insert(index.parse().unwrap(), leaf.to_owned()).is_none(), "index {index} given twice");
        }
    }
    all
}

/// Every tree that was ever offered to the head row, by size.
fn signed(base: &Path) -> BTreeMap<u64, Vec<u8>> {
    let mut all = BTreeMap::new();
    for head in FileRow(base.join("head")).history() {
        let before = all.insert(head.size, head.checkpoint.clone());
        assert!(before.is_none_or(|b| b == head.checkpoint), "two checkpoints of size {}", head.size);
    }
    all
}

fn check(base: &Path) -> Opened {
    let (ledger, opened) = Ledger::open(sealing(base)).unwrap();
    let entries: Vec<_> = ledger.entries_from(0).unwrap().map(|e| e.unwrap()).collect();
    for (index, leaf) in acknowledged(base) {
        assert_eq!(String::from_utf8_lossy(&entries[index as usize]), leaf, "acknowledged, index {index}");
    }
    let mut unique = entries.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), entries.len(), "one entry for each leaf");
    let Some(head) = ledger.published() else {
        assert!(entries.is_empty());
        return opened;
    };
    for (size, note) in signed(base) {
        let note = Note::parse(&note).unwrap();
        note.verify_log(&key()).unwrap();
        let old = Checkpoint::parse(&note.text).unwrap();
        let proof = ledger.consistency_proof(size, head.size).unwrap();
        merkle::verify_consistency(size, &old.root, head.size, &head.root, &proof).unwrap();
    }
    for index in [0, head.size / 2, head.size - 1] {
        let sealed = ledger.wait_sealed(index, Duration::from_secs(5)).unwrap().unwrap();
        let text = Note::parse(&sealed.note).unwrap().text;
        assert_eq!(Checkpoint::parse(&text).unwrap().size, sealed.size);
        assert_eq!(sealed.tokens, [[b"stamped: ", &sealed.note[..]].concat()]);
    }
    drop(ledger);
    let reader = Reader::open(&base.join("data"), key()).unwrap();
    assert_eq!(reader.published().unwrap().1, fs::read(base.join("mirror/head")).unwrap());
    opened
}

#[test]
fn an_end_at_any_stage_loses_nothing_acknowledged_and_forks_nothing() {
    let mut recovered = 0;
    for (stage, name) in STAGES.iter().enumerate() {
        let base = tempfile::tempdir().unwrap();
        for passes in [0, 1, 4, 2] {
            assert!(!run_child(base.path(), stage, passes), "{name:?} was not passed {passes} times");
            recovered += check(base.path()).recovered;
        }
    }
    assert!(recovered > 0, "some ends left durable entries that nobody had signed");
}

#[test]
fn torture_a_kill_at_a_random_moment_loses_nothing_acknowledged() {
    let full = std::env::var("QUEZAO_TORTURE").is_ok_and(|v| v == "full");
    let base = tempfile::tempdir().unwrap();
    for n in 0..if full { 200 } else { 8 } {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .env(CHILD, format!("{}|0|1000000", base.path().display()))
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(5 + n * 37 % 190));
        child.kill().unwrap();
        child.wait().unwrap();
        check(base.path());
    }
}

#[test]
fn unsynced_bytes_that_vanish_or_arrive_half_were_never_acknowledged() {
    let base = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(sealing(base.path())).unwrap();
    ledger.append_batch(&(0..20).map(leaf).collect::<Vec<_>>()).unwrap();
    drop(ledger);
    let path = base.path().join("data/segment");
    let signed = fs::read(&path).unwrap();
    // A second ledger with the same leaves tells what the next group would have looked like.
    let other = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(config(other.path())).unwrap();
    ledger.append_batch(&(0..20).map(leaf).collect::<Vec<_>>()).unwrap();
    ledger.append_batch(&(20..23).map(leaf).collect::<Vec<_>>()).unwrap();
    drop(ledger);
    let whole = fs::read(other.path().join("data/segment")).unwrap();
    assert_eq!(whole[..signed.len()], signed);
    for length in signed.len()..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let (ledger, opened) = Ledger::open(config(base.path())).unwrap();
        assert_eq!((opened.recovered, opened.torn_bytes), (0, (length - signed.len()) as u64));
        assert_eq!(ledger.size(), 20);
    }
    fs::write(&path, &whole).unwrap();
    let (ledger, opened) = Ledger::open(config(base.path())).unwrap();
    assert_eq!((opened.recovered, ledger.size()), (3, 23));
    assert_eq!(ledger.published(), {
        drop(ledger);
        Ledger::open(config(other.path())).unwrap().0.published()
    });
}
