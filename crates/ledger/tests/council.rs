//! Witnesses that lie, hang or are not there, and what the ledger makes of them.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc,
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use common::*;
use evidence::{
    cosignature::Cosigner,
    merkle::Hash,
    note::{Note, SignatureLine, VerifierKey},
    policy::Policy,
};
use ledger::*;

const LONG: Duration = Duration::from_secs(20);

type Cosign = Box<dyn Fn(&Cosigner, &[u8]) -> std::result::Result<Answer, String> + Send + Sync>;
type Show = Box<dyn Fn() -> std::result::Result<Option<Vec<u8>>, String> + Send + Sync>;

/// A witness that answers as the test likes.
struct Seat {
    name: &'static str,
    cosigner: Cosigner,
    cosign: Cosign,
    show: Show,
}

impl Seat {
    fn new(name: &'static str, seed: u8, cosign: Cosign, show: Show) -> Arc<Self> {
        Arc::new(Self { name, cosigner: Cosigner::from_seed(name, &[seed; 32]).unwrap(), cosign, show })
    }

    fn honest(name: &'static str, seed: u8) -> Arc<Self> {
        Self::new(
            name,
            seed,
            Box::new(|key, note| Ok(Answer::Cosigned(vec![line(key, note, 0)]))),
            Box::new(|| Ok(None)),
        )
    }
}

impl Witness for Seat {
    fn cosign(&self, _: u64, _: &[Hash], note: &[u8]) -> std::result::Result<Answer, String> {
        (self.cosign)(&self.cosigner, note)
    }

    fn shown(&self) -> std::result::Result<Option<Vec<u8>>, String> {
        (self.show)()
    }

    fn name(&self) -> &str {
        self.name
    }

    fn owns(&self, key: &VerifierKey) -> bool {
        self.cosigner.verifier_key() == *key
    }
}

fn line(key: &Cosigner, note: &[u8], later: u64) -> SignatureLine {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    key.cosign(&Note::parse(note).unwrap().text, now + later)
}

/// A ledger of these witnesses, all of whom the quorum asks for but those named.
fn config_of(base: &std::path::Path, seats: &[Arc<Seat>], needed: &str) -> (Config, Arc<Mutex<Vec<Event>>>) {
    let mut text = format!("log {}\n", key());
    for seat in seats {
        text += &format!("witness {} {}\n", seat.name, seat.cosigner.verifier_key());
    }
    text += &format!("quorum {needed}\n");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = heard.clone();
    let mut config = sealing(base);
    config.policy = Some(Policy::parse(text.as_bytes()).unwrap());
    config.witnesses = seats.iter().map(|seat| seat.clone() as Arc<dyn Witness>).collect();
    config.timing.seal_retry = Duration::from_millis(20);
    config.events = Box::new(move |event| told.lock().unwrap().push(event));
    (config, heard)
}

fn wait_for(heard: &Mutex<Vec<Event>>, what: impl Fn(&Event) -> bool) {
    for _ in 0..2000 {
        if heard.lock().unwrap().iter().any(&what) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("not told: {:?}", heard.lock().unwrap());
}

#[test]
fn two_lines_of_one_key_do_not_make_a_seal_unreadable() {
    let base = tempfile::tempdir().unwrap();
    let twice: Cosign = Box::new(|key, note| Ok(Answer::Cosigned(vec![line(key, note, 0), line(key, note, 1)])));
    let flood: Cosign = Box::new(|_, note| {
        let others = (0..15).map(|n| Cosigner::from_seed(&format!("x{n}.example"), &[n; 32]).unwrap());
        Ok(Answer::Cosigned(others.map(|key| line(&key, note, 0)).collect()))
    });
    let seats = [
        Seat::new("twice.example", 1, twice, Box::new(|| Ok(None))),
        Seat::new("flood.example", 2, flood, Box::new(|| Ok(None))),
        Seat::honest("court.example", 3),
    ];
    let (config, heard) = config_of(base.path(), &seats, "court.example");
    let (ledger, _) = Ledger::open(config).unwrap();
    for n in 0..3 {
        ledger.append(&leaf(n)).unwrap();
        let sealed = ledger.wait_final(n, LONG).unwrap().unwrap();
        let note = Note::parse(&sealed.note).unwrap();
        assert!(note.line_of(&seats[2].cosigner.verifier_key()).is_some(), "{note:?}");
        assert!(note.line_of(&seats[0].cosigner.verifier_key()).is_none());
    }
    wait_for(
        &heard,
        |e| matches!(e, Event::WitnessFailed { witness, reason, .. } if witness == "twice.example" && reason.contains("two lines")),
    );
}

#[test]
fn its_own_newest_checkpoint_does_not_stop_a_ledger() {
    let base = tempfile::tempdir().unwrap();
    let lies = Arc::new(AtomicBool::new(false));
    let (asked, row) = (lies.clone(), FileRow(base.path().join("head")));
    let cosign: Cosign =
        Box::new(move |_, _| if asked.load(SeqCst) { Ok(Answer::Holds(2)) } else { Err("later".into()) });
    let show: Show = Box::new(move || Ok(row.load().unwrap().map(|head| head.checkpoint)));
    let seats = [Seat::new("court.example", 1, cosign, show)];
    let (mut config, heard) = config_of(base.path(), &seats, "court.example");
    // The signer stands still between the head row and what the threads know.
    let (go, gate) = mpsc::channel::<()>();
    let (gate, shut) = (Mutex::new(gate), Arc::new(AtomicBool::new(false)));
    let closed = shut.clone();
    config.faults = Some(Box::new(move |stage| {
        if stage == Stage::Publish && closed.load(SeqCst) {
            let _ = gate.lock().unwrap().recv();
        }
        Ok(())
    }));
    let (ledger, _) = Ledger::open(config).unwrap();
    ledger.append(&leaf(0)).unwrap();
    ledger.wait_sealed(0, LONG).unwrap().unwrap();
    shut.store(true, SeqCst);
    ledger.append(&leaf(1)).unwrap();
    let row = FileRow(base.path().join("head"));
    while row.load().unwrap().unwrap().size < 2 {
        std::thread::sleep(Duration::from_millis(5));
    }
    lies.store(true, SeqCst);
    wait_for(&heard, |e| matches!(e, Event::Disagrees { size: 1, .. }));
    assert_eq!(ledger.stopped(), None);
    shut.store(false, SeqCst);
    drop(go);
    ledger.append(&leaf(2)).unwrap();
    ledger.wait_published(2).unwrap();
    assert_eq!(ledger.stopped(), None);
}

#[test]
fn a_folder_without_a_mirror_is_not_signed_on_unheard() {
    let base = tempfile::tempdir().unwrap();
    let away = Arc::new(AtomicBool::new(false));
    let gone = away.clone();
    let show: Show = Box::new(move || if gone.load(SeqCst) { Err("no answer".into()) } else { Ok(None) });
    let cosign: Cosign = Box::new(|key, note| Ok(Answer::Cosigned(vec![line(key, note, 0)])));
    let seats = [Seat::new("court.example", 1, cosign, show)];
    let open = || Ledger::open(config_of(base.path(), &seats, "court.example").0);
    // A new folder has nothing to lose.
    away.store(true, SeqCst);
    let (ledger, _) = open().unwrap();
    ledger.append(&leaf(0)).unwrap();
    ledger.wait_final(0, LONG).unwrap().unwrap();
    drop(ledger);
    // The mirror says that it is the newest: a silent court changes nothing.
    drop(open().unwrap());
    let mirror = base.path().join("mirror/head");
    let kept = fs::read(&mirror).unwrap();
    fs::remove_file(&mirror).unwrap();
    let Err(Error::Unwitnessed { silent, checkpoint, .. }) = open() else { panic!("signed on") };
    assert_eq!((silent.as_str(), fs::read(&checkpoint).unwrap()), ("court.example", kept));
    assert!(!mirror.exists());
    // Either the court answers, or somebody says that this is the newest.
    away.store(false, SeqCst);
    drop(open().unwrap());
    fs::remove_file(&mirror).unwrap();
    away.store(true, SeqCst);
    fs::copy(&checkpoint, &mirror).unwrap();
    drop(open().unwrap());
}
