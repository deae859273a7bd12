//! Another history under the log's own key, posted to a witness whose copy is of the first one: signed never, forgotten never.
#![allow(clippy::unwrap_used)]

mod common;

use common::{site::*, *};
use evidence::{checkpoint::Checkpoint, digest, hex, note::Note, time::Utc};
use node::{Answer, Held, Relation};
use std::{fs, path::PathBuf};

/// The log's own history, and one that parts from it at leaf 300 under the same key.
fn both() -> (Log, Log) {
    let log = Log::of(ORIGIN, 1, "entry", 1000);
    let other = log.forked(300, 1);
    (log, other)
}

fn folder(desk: &Desk) -> PathBuf {
    desk.data().join("witness").join(hex::encode(&digest::sha256(ORIGIN.as_bytes())))
}

/// What a request is answered.
fn asked(watcher: &Watcher, log: &Log, old: u64, new: u64) -> Answer {
    watcher.node.add_checkpoint(&log.request(old, new).to_bytes())
}

/// What evidence on the desk carries of this log.
fn laid(watcher: &Watcher, log: &Log, size: u64) -> Relation {
    let (checkpoint, note) = (Checkpoint::parse(&log.text(size)).unwrap(), log.note(size).to_bytes());
    watcher.node.watched()[0].laid(&Held { checkpoint, note }, Utc(1_800_000_000_000_000)).unwrap()
}

/// What is kept until it can be judged.
fn waiting(desk: &Desk) -> usize {
    fs::read_dir(folder(desk).join("suspects")).map_or(0, Iterator::count)
}

/// The stored forks: both notes of each.
fn forks(desk: &Desk) -> Vec<[String; 2]> {
    let side = |folder: &PathBuf, name: &str| Note::parse(&fs::read(folder.join(name)).unwrap()).unwrap().text;
    let kept = stored(&desk.data());
    let forks = kept.iter().filter(|(kind, _)| kind == "fork");
    forks.map(|(_, folder)| ["ours.txt", "theirs.txt"].map(|name| side(folder, name))).collect()
}

#[test]
fn a_running_witness_signs_nothing_that_its_copy_does_not_bear_out() {
    // Never asked before; asked before, and less far than the copy has come since.
    for cosigned in [0, 100] {
        let ((log, other), desk, site) = (both(), Desk::new(), Site::new());
        site.publish(&signer(), &entries(0..600));
        let watcher = Watcher::open(&desk, &site, &signer());
        if cosigned > 0 {
            assert!(matches!(asked(&watcher, &log, 0, cosigned), Answer::Cosigned(_)));
        }
        watcher.follow().unwrap();
        // The empty proof, or one from what was cosigned, is right on the other side; and the copy says nothing of 800.
        assert_eq!(asked(&watcher, &other, cosigned, 800), Answer::Size(600));
        assert!(matches!(asked(&watcher, &other, 600, 800), Answer::Refused(422, _)));
        // Within the copy it is the copy that judges.
        assert!(matches!(asked(&watcher, &other, cosigned, 500), Answer::Refused(422, _)));
        assert!(matches!(asked(&watcher, &other, cosigned, 600), Answer::Refused(422, _)));
        assert!(matches!(asked(&watcher, &log, cosigned, 500), Answer::Cosigned(_)));
        // The log's own history goes on, a step longer.
        assert_eq!(asked(&watcher, &log, 500, 800), Answer::Size(600));
        assert!(matches!(asked(&watcher, &log, 600, 800), Answer::Cosigned(_)));
        assert!(matches!(asked(&watcher, &log, 800, 900), Answer::Cosigned(_)));
    }
}

#[test]
fn a_copy_that_cannot_be_read_judges_nothing_and_nothing_is_signed() {
    let ((log, other), desk, site) = (both(), Desk::new(), Site::new());
    site.publish(&signer(), &entries(0..600));
    let watcher = Watcher::open(&desk, &site, &signer());
    watcher.follow().unwrap();
    let tile = ledger::tiles::Tree::new(&mirror_of(&desk)).path(ledger::tiles::Kind::Hashes(0), 1, 256);
    let aside = desk.data().join("aside");
    fs::rename(&tile, &aside).unwrap();
    let Answer::Refused(503, why) = asked(&watcher, &other, 0, 500) else { panic!() };
    assert!(why.en.contains("copy has 600") && why.zh.contains("副本"), "{why}");
    fs::rename(&aside, &tile).unwrap();
    assert!(matches!(asked(&watcher, &other, 0, 500), Answer::Refused(422, _)));
    assert!(matches!(asked(&watcher, &log, 0, 500), Answer::Cosigned(_)));
}

/// The copy came to be while another history was being signed: the state is of one, the copy of the other.
#[test]
fn a_state_beside_a_copy_of_another_history_signs_neither_further() {
    let ((log, other), desk, site) = (both(), Desk::new(), Site::new());
    let watcher = Watcher::open(&desk, &site, &signer());
    assert!(matches!(asked(&watcher, &other, 0, 500), Answer::Cosigned(_)));
    drop(watcher);
    let (state, aside) = (folder(&desk).join("checkpoint"), desk.data().join("aside"));
    fs::rename(&state, &aside).unwrap();
    fs::remove_dir_all(desk.0.path().join("state")).unwrap();
    fs::write(folder(&desk).join("begun"), "").unwrap();
    site.publish(&signer(), &entries(0..600));
    let watcher = Watcher::open(&desk, &site, &signer());
    watcher.follow().unwrap();
    assert_eq!((watcher.size(), forks(&desk).len()), (Some(600), 0));
    drop(watcher);
    fs::rename(&aside, &state).unwrap();
    let watcher = Watcher::open(&desk, &site, &signer());
    for (side, old) in [(&log, 600), (&log, 500), (&other, 500), (&other, 600)] {
        assert!(matches!(asked(&watcher, side, old, 800), Answer::Refused(422, _)), "{old}");
    }
    assert_eq!(forks(&desk), [[log.text(600), other.text(500)]]);
}

#[test]
fn what_was_shown_of_another_history_outlives_a_restart() {
    // Posted with a proof that does not hold, from a size that is not the last one, and laid on the desk.
    let ways: [fn(&Watcher, &Log); 3] = [
        |watcher, other| assert!(matches!(asked(watcher, other, 600, 800), Answer::Refused(422, _))),
        |watcher, other| assert_eq!(asked(watcher, other, 0, 800), Answer::Size(600)),
        |watcher, other| assert_eq!(laid(watcher, other, 800), Relation::Ahead),
    ];
    for show in ways {
        let ((log, other), desk, site) = (both(), Desk::new(), Site::new());
        site.publish(&signer(), &entries(0..600));
        let watcher = Watcher::open(&desk, &site, &signer());
        watcher.follow().unwrap();
        show(&watcher, &other);
        assert_eq!((waiting(&desk), stored(&desk.data()).len()), (1, 0), "what nobody has shown yet is no alarm");
        drop(watcher);
        site.publish(&signer(), &entries(0..1000));
        let watcher = Watcher::open(&desk, &site, &signer());
        watcher.follow().unwrap();
        assert_eq!(forks(&desk), [[log.text(1000), other.text(800)]]);
        assert_eq!(waiting(&desk), 0);
    }
}

#[test]
fn what_is_only_ahead_is_settled_without_a_word_and_fills_nothing() {
    let ((log, _), desk, site) = (both(), Desk::new(), Site::new());
    site.publish(&signer(), &entries(0..600));
    let watcher = Watcher::open(&desk, &site, &signer());
    watcher.follow().unwrap();
    for size in 601..700 {
        assert_eq!(laid(&watcher, &log, size), Relation::Ahead);
        assert_eq!(asked(&watcher, &log, 0, size), Answer::Size(600));
    }
    watcher.follow().unwrap();
    assert_eq!(waiting(&desk), 16);
    site.publish(&signer(), &entries(0..1000));
    watcher.follow().unwrap();
    assert_eq!((waiting(&desk), watcher.said.alarms()), (0, Vec::new()));
}

/// Files that bear one history out today say nothing of what was cosigned beyond it.
#[test]
fn files_of_the_other_side_settle_nothing() {
    let (log, desk, site) = (both().0, Desk::new(), Site::new());
    let other = log.forked(700, 1);
    site.publish(&signer(), &entries(0..600));
    let watcher = Watcher::open(&desk, &site, &signer());
    watcher.follow().unwrap();
    assert!(matches!(asked(&watcher, &log, 600, 900), Answer::Cosigned(_)));
    assert_eq!(laid(&watcher, &other, 800), Relation::Ahead);
    let mut mask = entries(0..700);
    mask.extend((700..800).map(|n| format!("other {n}").into_bytes()));
    site.publish(&signer(), &mask);
    site.write(ledger::tiles::Tree::new(site.dir.path()).checkpoint_path(), &log.note(600).to_bytes());
    assert!(watcher.follow().is_err(), "no files of the 900 that were cosigned");
    assert_eq!((waiting(&desk), forks(&desk).len()), (1, 0));
    site.publish(&signer(), &entries(0..1000));
    watcher.follow().unwrap();
    assert_eq!(forks(&desk), [[log.text(1000), other.text(800)]]);
    assert_eq!(waiting(&desk), 0);
}
