//! Append → sealed → proof → reopen, and what is refused.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, atomic::Ordering::SeqCst, mpsc},
    time::{Duration, Instant},
};

use common::*;
use evidence::{checkpoint::Checkpoint, merkle, note::Note};
use ledger::*;
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

fn checkpoint(note: &[u8]) -> Checkpoint {
    let note = Note::parse(note).unwrap();
    note.verify_log(&key()).unwrap();
    Checkpoint::parse(&note.text).unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

#[test]
fn a_lone_entry_is_sealed_within_half_a_second_and_proved() {
    let base = tempfile::tempdir().unwrap();
    let (ledger, opened) = Ledger::open(sealing(base.path())).unwrap();
    assert_eq!(opened, Opened { mirror_absent: true, ..Opened::default() });
    assert!(ledger.published().is_none());
    let start = Instant::now();
    assert_eq!(ledger.append(&leaf(0)).unwrap(), 0);
    let sealed = ledger.wait_sealed(0, SECOND).unwrap().unwrap();
    let taken = start.elapsed();
    assert!(taken < Duration::from_millis(500), "{taken:?}");
    let signed = checkpoint(&sealed.note);
    assert_eq!((signed.size, sealed.size), (1, 1));
    assert_eq!(sealed.tokens, [[b"stamped: ", &sealed.note[..]].concat()]);
    let proof = ledger.inclusion_proof(0, 1).unwrap();
    merkle::verify_inclusion(&merkle::leaf_hash(&leaf(0)), 0, 1, &proof, &signed.root).unwrap();
    assert_eq!(fs::read(base.path().join("mirror/head")).unwrap(), sealed.note);
    ledger.flush_and_close().unwrap();
    assert!(matches!(ledger.append(b"late"), Err(Error::Closed)));
}

#[test]
fn the_first_seal_of_an_old_entry_is_found_again_after_reopening() {
    let base = tempfile::tempdir().unwrap();
    let mut first = Vec::new();
    for n in 0..6 {
        let (ledger, _) = Ledger::open(sealing(base.path())).unwrap();
        ledger.append(&leaf(n)).unwrap();
        first.push(ledger.wait_sealed(n, SECOND).unwrap().unwrap());
    }
    let (ledger, opened) = Ledger::open(sealing(base.path())).unwrap();
    assert_eq!(opened, Opened { signed_size: 6, ..Opened::default() });
    let reader = Reader::open(&base.path().join("data"), key()).unwrap();
    for (n, sealed) in first.iter().enumerate() {
        let n = n as u64;
        assert_eq!(sealed.size, n + 1);
        assert_eq!(ledger.sealed_covering(n).unwrap().as_ref(), Some(sealed));
        assert_eq!(reader.sealed_covering(n).unwrap().as_ref(), Some(sealed));
        assert_eq!(ledger.entry(n).unwrap(), leaf(n));
        assert_eq!(reader.entry(n).unwrap(), leaf(n));
    }
    assert!(ledger.sealed_covering(6).unwrap().is_none());
    assert_eq!(
        ledger.entries_from(2).unwrap().map(|e| e.unwrap()).collect::<Vec<_>>(),
        (2..6).map(leaf).collect::<Vec<_>>()
    );
}

#[test]
fn many_callers_share_syncs_and_each_gets_its_own_index() {
    let base = tempfile::tempdir().unwrap();
    let syncs = Arc::new(Mutex::new(0));
    let counted = syncs.clone();
    let faults: Faults = Box::new(move |stage| {
        if stage == Stage::SegmentSync {
            *counted.lock().unwrap() += 1;
        }
        Ok(())
    });
    let (ledger, _) = Ledger::open(Config { faults: Some(faults), ..config(base.path()) }).unwrap();
    std::thread::scope(|scope| {
        for t in 0..16u64 {
            let ledger = &ledger;
            scope.spawn(move || {
                for i in 0..50u64 {
                    let index = ledger.append(&leaf(t * 1000 + i)).unwrap();
                    ledger.wait_published(index).unwrap();
                    assert_eq!(ledger.entry(index).unwrap(), leaf(t * 1000 + i));
                }
            });
        }
    });
    assert_eq!(ledger.size(), 800);
    assert!(*syncs.lock().unwrap() < 800, "syncs are shared");
    let mut all: Vec<_> = ledger.entries_from(0).unwrap().map(|e| e.unwrap()).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 800);
}

#[test]
fn an_acknowledged_entry_is_covered_by_a_checkpoint_within_200_ms() {
    let base = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(config(base.path())).unwrap();
    let mut times: Vec<_> = (0..20)
        .map(|n| {
            let index = ledger.append(&leaf(n)).unwrap();
            let start = Instant::now();
            ledger.wait_published(index).unwrap();
            start.elapsed()
        })
        .collect();
    times.sort();
    assert!(times[10] < Duration::from_millis(200), "{times:?}");
}

#[test]
fn a_silent_authority_is_asked_again_and_an_answering_one_is_enough() {
    let base = tempfile::tempdir().unwrap();
    let (silent, answering) = (Echo::default(), Echo::default());
    silent.down.store(true, SeqCst);
    answering.down.store(true, SeqCst);
    let events = Arc::new(Mutex::new(Vec::new()));
    let heard = events.clone();
    let (ledger, _) = Ledger::open(Config {
        stampers: vec![Arc::new(silent.clone()), Arc::new(answering.clone())],
        timing: Timing { seal_retry: Duration::from_millis(20), ..Timing::default() },
        events: Box::new(move |event| heard.lock().unwrap().push(event)),
        ..config(base.path())
    })
    .unwrap();
    ledger.append(&leaf(0)).unwrap();
    assert!(ledger.wait_sealed(0, Duration::from_millis(300)).unwrap().is_none());
    let failed = Event::StampFailed { size: 1, authority: "echo".into(), reason: "no answer".into() };
    assert!(events.lock().unwrap().iter().filter(|e| **e == failed).count() >= 4);
    answering.down.store(false, SeqCst);
    let sealed = ledger.wait_sealed(0, 5 * SECOND).unwrap().unwrap();
    assert_eq!(sealed.tokens.len(), 1);
    drop(ledger);
    silent.down.store(false, SeqCst);
    let both = vec![Arc::new(silent) as Arc<dyn Stamper>, Arc::new(answering)];
    let (ledger, _) = Ledger::open(Config { stampers: both, ..config(base.path()) }).unwrap();
    ledger.append(&leaf(1)).unwrap();
    assert_eq!(ledger.wait_sealed(1, SECOND).unwrap().unwrap().tokens.len(), 2);
    assert_eq!(ledger.sealed_covering(0).unwrap().unwrap(), sealed);
}

/// Gives its token when it is let go.
struct Held {
    name: &'static str,
    gate: Mutex<mpsc::Receiver<()>>,
}

impl Stamper for Held {
    fn stamp(&self, _: &[u8]) -> std::result::Result<Vec<u8>, String> {
        self.gate.lock().unwrap().recv().map_err(|e| e.to_string())?;
        Ok(self.name.into())
    }
    fn name(&self) -> &str {
        self.name
    }
}

#[test]
fn authorities_are_asked_together_and_their_tokens_stand_in_their_order() {
    /// Lets the first one go: asked one after another, neither would ever answer.
    struct Opens(Mutex<mpsc::Sender<()>>);
    impl Stamper for Opens {
        fn stamp(&self, _: &[u8]) -> std::result::Result<Vec<u8>, String> {
            self.0.lock().unwrap().send(()).unwrap();
            Ok("second".into())
        }
        fn name(&self) -> &str {
            "second"
        }
    }
    let base = tempfile::tempdir().unwrap();
    let (open, gate) = mpsc::channel();
    let first = Held { name: "first", gate: Mutex::new(gate) };
    let stampers: Vec<Arc<dyn Stamper>> = vec![Arc::new(first), Arc::new(Opens(Mutex::new(open)))];
    let (ledger, _) = Ledger::open(Config { stampers, ..config(base.path()) }).unwrap();
    ledger.append(&leaf(0)).unwrap();
    let sealed = ledger.wait_sealed(0, 60 * SECOND).unwrap().unwrap();
    assert_eq!(sealed.tokens, [b"first".to_vec(), b"second".to_vec()]);
}

#[test]
fn a_seal_does_not_wait_for_an_authority_that_hangs() {
    let base = tempfile::tempdir().unwrap();
    let (open, gate) = mpsc::channel();
    let events = Arc::new(Mutex::new(Vec::new()));
    let heard = events.clone();
    let (ledger, _) = Ledger::open(Config {
        stampers: vec![Arc::new(Held { name: "hangs", gate: Mutex::new(gate) }), Arc::new(Echo::default())],
        timing: Timing { seal_grace: Duration::from_millis(20), ..Timing::default() },
        events: Box::new(move |event| heard.lock().unwrap().push(event)),
        ..config(base.path())
    })
    .unwrap();
    for n in 0..2 {
        ledger.append(&leaf(n)).unwrap();
        let sealed = ledger.wait_sealed(n, 60 * SECOND).unwrap().unwrap();
        assert_eq!(sealed.tokens.len(), 1, "it is not asked twice at once");
    }
    let told = events
        .lock()
        .unwrap()
        .iter()
        .filter(|e| matches!(e, Event::StampFailed { authority, .. } if authority == "hangs"))
        .count();
    assert_eq!(told, 1);
    // Nor does closing.
    ledger.flush_and_close().unwrap();
    drop(open);
}

#[test]
fn an_authority_that_is_always_late_is_waited_for_now_and_then() {
    struct Late;
    impl Stamper for Late {
        fn stamp(&self, _: &[u8]) -> std::result::Result<Vec<u8>, String> {
            std::thread::sleep(Duration::from_millis(150));
            Ok("late".into())
        }
        fn name(&self) -> &str {
            "late"
        }
    }
    let base = tempfile::tempdir().unwrap();
    let timing = Timing {
        seal_grace: Duration::from_millis(1),
        seal_patience: 60 * SECOND,
        seal_retry: Duration::from_millis(1),
        ..Timing::default()
    };
    let stampers: Vec<Arc<dyn Stamper>> = vec![Arc::new(Late), Arc::new(Echo::default())];
    let (ledger, _) = Ledger::open(Config { stampers, timing, ..config(base.path()) }).unwrap();
    let mut counts = Vec::new();
    // Its first token comes too late; a later seal, over the first record too, waits for it.
    while counts.last() != Some(&2) && counts.len() < 1000 {
        let n = counts.len() as u64;
        ledger.append(&leaf(n)).unwrap();
        let sealed = ledger.wait_sealed(n, 60 * SECOND).unwrap().unwrap();
        counts.push(sealed.tokens.len());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!((counts.first(), counts.last()), (Some(&1), Some(&2)));
    // And then not again for a long while.
    let n = counts.len() as u64;
    ledger.append(&leaf(n)).unwrap();
    assert_eq!(ledger.wait_sealed(n, 60 * SECOND).unwrap().unwrap().tokens.len(), 1);
    ledger.flush_and_close().unwrap();
}

#[test]
fn what_was_never_sealed_is_sealed_after_the_next_opening() {
    let base = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(config(base.path())).unwrap();
    ledger.append(&leaf(0)).unwrap();
    drop(ledger);
    // Tokens whose note was never written do not count.
    fs::create_dir_all(base.path().join("data/sealed")).unwrap();
    fs::write(base.path().join("data/sealed/1-2.tsr"), b"stale").unwrap();
    let (ledger, _) = Ledger::open(sealing(base.path())).unwrap();
    let sealed = ledger.wait_sealed(0, SECOND).unwrap().unwrap();
    assert_eq!((sealed.size, sealed.tokens.len()), (1, 1));
}

#[test]
fn a_failed_sync_stops_the_ledger_until_it_is_opened_again() {
    let base = tempfile::tempdir().unwrap();
    let faults: Faults = Box::new(|stage| match stage {
        Stage::SegmentSync => Err(std::io::Error::other("disk on fire")),
        _ => Ok(()),
    });
    let (ledger, _) = Ledger::open(Config { faults: Some(faults), ..config(base.path()) }).unwrap();
    for _ in 0..2 {
        let error = ledger.append(&leaf(0)).unwrap_err();
        assert!(matches!(&error, Error::Poisoned(reason) if reason.contains("disk on fire")), "{error}");
    }
    assert!(ledger.flush_and_close().is_err());
    drop(ledger);
    let (ledger, _) = Ledger::open(config(base.path())).unwrap();
    assert!(ledger.size() <= 1, "what was not acknowledged may or may not be there");
}

#[test]
fn a_ledger_that_stopped_goes_on_in_the_same_process() {
    let base = tempfile::tempdir().unwrap();
    // Each of these stages fails once, in this order.
    let due = Arc::new(Mutex::new(vec![Stage::Publish, Stage::Acknowledge, Stage::TilesSync, Stage::SegmentWrite]));
    let stages = due.clone();
    let faults: Faults = Box::new(move |stage| {
        let mut due = stages.lock().unwrap();
        let fails = due.last() == Some(&stage);
        if fails { due.pop().map_or(Ok(()), |_| Err(std::io::Error::other("no space"))) } else { Ok(()) }
    });
    let (ledger, _) = Ledger::open(Config { faults: Some(faults), ..sealing(base.path()) }).unwrap();
    for n in 0..8 {
        // As `service` does: what stands is looked for before it is given again. Opening may fail as well.
        for _ in 0..9 {
            if let Some(reason) = ledger.stopped() {
                assert!(reason.contains("no space"));
                assert_eq!(ledger.reopen().is_ok(), ledger.stopped().is_none());
            } else if ledger.size() == n {
                let _ = ledger.append(&leaf(n)).and_then(|index| ledger.wait_published(index));
            }
        }
        assert_eq!((ledger.size(), ledger.stopped()), (n + 1, None), "never twice");
    }
    assert_eq!(due.lock().unwrap().len(), 0);
    let all: Vec<_> = ledger.entries_from(0).unwrap().map(|e| e.unwrap()).collect();
    assert_eq!(all, (0..8).map(leaf).collect::<Vec<_>>());
    assert!(ledger.wait_sealed(7, 5 * SECOND).unwrap().is_some(), "its other threads run too");
}

#[test]
fn a_panicking_authority_stops_the_ledger_instead_of_hanging_it() {
    struct Panics;
    impl Stamper for Panics {
        fn stamp(&self, _: &[u8]) -> std::result::Result<Vec<u8>, String> {
            panic!("a bug in the stamper")
        }
        fn name(&self) -> &str {
            "panics"
        }
    }
    let base = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(Config { stampers: vec![Arc::new(Panics)], ..config(base.path()) }).unwrap();
    let sealed = ledger.append(&leaf(0)).and_then(|index| ledger.wait_sealed(index, 5 * SECOND));
    assert!(matches!(sealed, Err(Error::Poisoned(_))), "{sealed:?}");
}

#[test]
fn an_old_copy_of_the_folder_is_refused_and_still_readable() {
    let base = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(config(base.path())).unwrap();
    ledger.append(&leaf(0)).unwrap();
    drop(ledger);
    let old = tempfile::tempdir().unwrap();
    copy(base.path(), old.path());
    let (ledger, _) = Ledger::open(config(base.path())).unwrap();
    ledger.append(&leaf(1)).unwrap();
    drop(ledger);
    let mirror = base.path().join("mirror/head");
    let refused = Ledger::open(Config { mirror: mirror.clone(), ..config(old.path()) }).map(|_| ());
    assert!(matches!(refused, Err(Error::Rollback { folder_size: 1, mirror_size: 2, .. })), "{refused:?}");
    let reader = Reader::open(&old.path().join("data"), key()).unwrap();
    assert_eq!(reader.entry(0).unwrap(), leaf(0));
    assert!(matches!(reader.check_mirror(&mirror), Err(Error::Rollback { .. })));

    // Only the database is old: the published checkpoint tells.
    fs::copy(old.path().join("head"), base.path().join("head")).unwrap();
    fs::remove_file(&mirror).unwrap();
    let refused = Ledger::open(config(base.path())).map(|_| ());
    assert!(matches!(refused, Err(Error::Rollback { folder_size: 1, mirror_size: 2, .. })), "{refused:?}");
    // The database is gone.
    fs::remove_file(base.path().join("head")).unwrap();
    let refused = Ledger::open(config(base.path())).map(|_| ());
    assert!(matches!(refused, Err(Error::Rollback { folder_size: 0, mirror_size: 2, .. })), "{refused:?}");
}

#[test]
fn another_tree_of_the_same_size_is_refused() {
    let (base, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (base, first) in [(&base, 0), (&other, 100)] {
        let (ledger, _) = Ledger::open(config(base.path())).unwrap();
        ledger.append(&leaf(first)).unwrap();
        ledger.append(&leaf(1)).unwrap();
    }
    let mirror = other.path().join("mirror/head");
    let refused = Ledger::open(Config { mirror, ..config(base.path()) }).map(|_| ());
    assert!(matches!(refused, Err(Error::Fork { size: 2, .. })), "{refused:?}");
}

#[test]
fn a_lost_mirror_is_written_again_and_reported() {
    let base = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(config(base.path())).unwrap();
    ledger.append(&leaf(0)).unwrap();
    drop(ledger);
    let mirror = base.path().join("mirror/head");
    let bytes = fs::read(&mirror).unwrap();
    fs::remove_file(&mirror).unwrap();
    let (_ledger, opened) = Ledger::open(config(base.path())).unwrap();
    assert!(opened.mirror_absent);
    assert_eq!(fs::read(&mirror).unwrap(), bytes);
}

#[test]
fn damage_of_any_kind_is_refused_before_anything_is_signed() {
    let base = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(config(base.path())).unwrap();
    ledger.append_batch(&(0..300).map(leaf).collect::<Vec<_>>()).unwrap();
    drop(ledger);
    let edge = ["data/ledger/tile/0/001.p/44", "data/ledger/tile/1/000.p/1", "data/ledger/tile/entries/001.p/44"];
    let all = edge.iter().chain(&["data/ledger/checkpoint", "data/segment", "head", "mirror/head"]);
    for name in all {
        let path = base.path().join(name);
        let whole = fs::read(&path).unwrap();
        for place in [0, whole.len() / 2, whole.len() - 2] {
            if *name == "data/segment" && place > 0 {
                continue;
            }
            let mut bent = whole.clone();
            bent[place] ^= 4;
            fs::write(&path, &bent).unwrap();
            assert!(Ledger::open(config(base.path())).is_err(), "{name}, byte {place}");
        }
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert!(Ledger::open(config(base.path())).is_err(), "{name} cut short");
        fs::write(&path, &whole).unwrap();
    }
    let other = evidence::note::Signer::from_seed(&origin(&[9; 32]), &[9; 32]).unwrap();
    let foreign = Config { signer: other, origin: origin(&[9; 32]), ..config(base.path()) };
    assert!(matches!(Ledger::open(foreign).map(|_| ()), Err(Error::Evidence { .. })), "signed by another key");
    let (ledger, _) = Ledger::open(config(base.path())).unwrap();
    assert_eq!(ledger.append(&leaf(300)).unwrap(), 300);
}

#[test]
fn the_static_tree_holds_its_files_and_nothing_else() {
    let base = tempfile::tempdir().unwrap();
    for n in [250, 5, 1, 1] {
        let (ledger, _) = Ledger::open(config(base.path())).unwrap();
        let size = ledger.size();
        for i in 0..n {
            let index = ledger.append(&leaf(size + i)).unwrap();
            if i % 50 == 0 {
                ledger.wait_published(index).unwrap();
            }
        }
    }
    drop(Ledger::open(config(base.path())).unwrap());
    fn files(dir: &Path, out: &mut Vec<std::path::PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { files(&path, out) } else { out.push(path) }
        }
    }
    let root = base.path().join("data/ledger");
    let mut found = Vec::new();
    files(&root, &mut found);
    let mut found: Vec<_> = found.iter().map(|p| p.strip_prefix(&root).unwrap().to_str().unwrap().to_owned()).collect();
    found.sort();
    assert_eq!(
        found,
        ["checkpoint", "tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/1"]
    );
}

#[test]
fn a_reader_beside_the_writer_always_gets_an_answer() {
    let base = tempfile::tempdir().unwrap();
    let timing = Timing { checkpoint_interval: Duration::from_millis(1), ..Timing::default() };
    let (ledger, _) = Ledger::open(Config { timing, ..config(base.path()) }).unwrap();
    let first = ledger.append(&leaf(0)).unwrap();
    ledger.wait_published(first).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let reader = Reader::open(&base.path().join("data"), key()).unwrap();
            let mut read = 0;
            while !done.load(SeqCst) {
                let (seen, _) = reader.published().unwrap();
                let index = seen.size - 1;
                assert_eq!(reader.entry(index).unwrap(), leaf(index));
                let proof = reader.inclusion_proof(index, seen.size).unwrap();
                let hash = merkle::leaf_hash(&leaf(index));
                merkle::verify_inclusion(&hash, index, seen.size, &proof, &seen.root).unwrap();
                read += 1;
            }
            read
        });
        for n in 1..600 {
            ledger.append(&leaf(n)).unwrap();
        }
        ledger.wait_published(599).unwrap();
        done.store(true, SeqCst);
        assert!(reading.join().unwrap() > 0);
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Whatever the groups, openings and sizes: every entry, and every proof between any two trees, holds.
    #[test]
    fn every_proof_of_every_tree_verifies(batches in prop::collection::vec((1u64..90, prop::bool::ANY), 1..9), picks: [u64; 16]) {
        let base = tempfile::tempdir().unwrap();
        let mut ledger = Some(Ledger::open(config(base.path())).unwrap().0);
        let mut size = 0;
        for (count, reopen) in batches {
            let open = ledger.as_ref().unwrap();
            let range = open.append_batch(&(size..size + count).map(leaf).collect::<Vec<_>>()).unwrap();
            prop_assert_eq!(range, size..size + count);
            size += count;
            if reopen {
                drop(ledger.take());
                let (again, opened) = Ledger::open(config(base.path())).unwrap();
                prop_assert_eq!(opened, Opened { signed_size: size, ..Opened::default() });
                ledger = Some(again);
            }
        }
        let ledger = ledger.unwrap();
        let head = ledger.wait_published(size - 1).unwrap();
        prop_assert_eq!(head.size, size);
        let hashes: Vec<_> = (0..size).map(|n| merkle::leaf_hash(&leaf(n))).collect();
        let root = |size: u64| merkle::root(size, &mut |level, index| {
            let start = (index << level) as usize;
            Ok::<_, std::convert::Infallible>(fold(&hashes[start..start + (1 << level)]))
        }).unwrap();
        prop_assert_eq!(root(size), head.root);
        for (n, entry) in ledger.entries_from(0).unwrap().enumerate() {
            prop_assert_eq!(entry.unwrap(), leaf(n as u64));
        }
        for index in 0..size {
            let proof = ledger.inclusion_proof(index, size).unwrap();
            merkle::verify_inclusion(&hashes[index as usize], index, size, &proof, &head.root).unwrap();
        }
        for pair in picks.chunks(2) {
            let new = pair[0] % size + 1;
            let old = pair[1] % new + 1;
            let proof = ledger.consistency_proof(old, new).unwrap();
            merkle::verify_consistency(old, &root(old), new, &root(new), &proof).unwrap();
            let proof = ledger.inclusion_proof(old - 1, new).unwrap();
            merkle::verify_inclusion(&hashes[old as usize - 1], old - 1, new, &proof, &root(new)).unwrap();
        }
        prop_assert!(ledger.inclusion_proof(size, size).is_err());
        prop_assert!(ledger.inclusion_proof(0, size + 1).is_err());
        prop_assert!(ledger.entry(size).is_err());
    }
}

fn fold(hashes: &[merkle::Hash]) -> merkle::Hash {
    match hashes {
        [one] => *one,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            merkle::node_hash(&fold(left), &fold(right))
        }
    }
}
