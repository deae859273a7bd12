//! The witnesses (C2SP tlog-witness), and when each is asked.
//!
//! Rules:
//! - All that are due are asked at once about one checkpoint, each with the proof from the size that it last cosigned; one
//!   that names another size is asked once more. Nobody is waited for longer than [`Timing::witness_wait`], nor, once
//!   the quorum is met, than [`Timing::witness_grace`].
//! - One that fails rests, longer each time.
//! - A witness's bare number is worth an alarm. A larger or another tree *with our own valid signature* under it stops
//!   the ledger: somebody else signs with this key, or this is an old copy.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use evidence::{
    note::{MAX_LINES, Note, SignatureLine, VerifierKey},
    policy::Policy,
};

use crate::{
    Answer, Error, Event, Prove, Result, Timing, Witness,
    reader::{self, parse_checkpoint},
    tiles::Tree,
};

/// What a witness's thread hands back.
enum Came {
    Lines(Vec<SignatureLine>),
    Failed(String),
    /// It holds another tree than ours: the size that it named, and what it shows for it.
    Other(Option<u64>, Option<Vec<u8>>),
}

pub(crate) struct Council {
    seats: Vec<Seat>,
    timing: Timing,
    /// Not asked again about a tree that is sealed already.
    again: Instant,
    wait: Duration,
}

struct Seat {
    witness: Arc<dyn Witness>,
    /// Not asked before.
    due: Instant,
    /// How long after the next failure.
    retry: Duration,
    /// Still asked about an earlier checkpoint.
    busy: Arc<AtomicBool>,
    /// What it last cosigned, as far as known.
    size: Arc<AtomicU64>,
}

/// What one round brought.
pub(crate) struct Round {
    /// The note with every cosignature that came.
    pub(crate) note: Vec<u8>,
    /// The policy's quorum is met.
    pub(crate) met: bool,
}

impl Council {
    pub(crate) fn new(witnesses: &[Arc<dyn Witness>], timing: Timing) -> Self {
        let now = Instant::now();
        let seat = |witness: &Arc<dyn Witness>| Seat {
            witness: witness.clone(),
            due: now,
            retry: timing.seal_retry,
            busy: Arc::default(),
            size: Arc::default(),
        };
        Self { seats: witnesses.iter().map(seat).collect(), timing, again: now, wait: timing.seal_retry }
    }

    /// How long until a tree that lacks its quorum is worth another round.
    pub(crate) fn early(&self) -> Duration {
        self.again.saturating_duration_since(Instant::now())
    }

    /// One round about a signed note of `size` leaves. `known` judges what a witness shows instead.
    pub(crate) fn ask(
        &mut self,
        (size, checkpoint): (u64, &[u8]),
        policy: &Policy,
        prove: &Prove,
        known: &dyn Fn(&str, &[u8]) -> Result<()>,
        events: &dyn Fn(Event),
    ) -> Result<Round> {
        let asked_at = Instant::now();
        let (send, answers) = mpsc::channel();
        let mut open = Vec::new();
        for (n, seat) in self.seats.iter_mut().enumerate() {
            if seat.due > asked_at || seat.busy.swap(true, Ordering::SeqCst) {
                continue;
            }
            match seat.ask(n, size, checkpoint, prove, &send) {
                Ok(()) => open.push(n),
                Err(e) => seat.failed(&self.timing, size, e.to_string(), events),
            }
        }
        let mut note = Note::parse(checkpoint).map_err(|e| Error::evidence("published checkpoint".as_ref(), e))?;
        let own = note.signatures.clone();
        let origin = note.text.lines().next().unwrap_or_default().to_owned();
        let mut came = vec![Vec::new(); self.seats.len()];
        let mut until = asked_at + self.timing.witness_wait;
        let mut met = false;
        while !open.is_empty() {
            let Ok((n, answer)) = answers.recv_timeout(until.saturating_duration_since(Instant::now())) else { break };
            open.retain(|&waited| waited != n);
            let name = self.seats[n].witness.name().to_owned();
            match answer.unwrap_or_else(|panic| resume_unwind(panic)) {
                Came::Lines(lines) => {
                    came[n] = lines;
                    note.signatures = together(&own, &came);
                    // What is sealed must be read again by everybody: no answer may make it another thing than a note.
                    if let Err(e) = Note::parse(&note.to_bytes()) {
                        came[n].clear();
                        note.signatures = together(&own, &came);
                        self.seats[n].failed(&self.timing, size, format!("its lines are of no use: {e}"), events);
                        continue;
                    }
                    self.seats[n].answered(&self.timing);
                    events(Event::Cosigned { size, witness: name });
                    if !met && policy.evaluate(&note, &origin).met {
                        met = true;
                        until = until.min(Instant::now() + self.timing.witness_grace);
                    }
                }
                Came::Failed(reason) => self.seats[n].failed(&self.timing, size, reason, events),
                Came::Other(found, shown) => {
                    shown.iter().try_for_each(|shown| known(&name, shown))?;
                    let found = found.map_or_else(|| "another tree".to_owned(), |n| format!("{n} leaves"));
                    events(Event::Disagrees { size, witness: name.clone(), found: found.clone() });
                    self.seats[n].failed(&self.timing, size, format!("it holds {found}, asked about {size}"), events);
                }
            }
        }
        for n in open {
            self.seats[n].failed(&self.timing, size, format!("no answer in {:?}", asked_at.elapsed()), events);
        }
        self.wait = if met { self.timing.seal_retry } else { (self.wait * 2).min(self.timing.seal_retry_max) };
        let due = self.seats.iter().map(|seat| seat.due).filter(|due| *due > asked_at).min();
        self.again = (Instant::now() + self.wait / 2).max(due.unwrap_or(asked_at));
        Ok(Round { note: note.to_bytes(), met })
    }
}

/// The log's own lines, then the first of each seat, then the second: where there is no room for all, none is squeezed
/// out by another seat's many.
fn together(own: &[SignatureLine], came: &[Vec<SignatureLine>]) -> Vec<SignatureLine> {
    let most = came.iter().map(Vec::len).max().unwrap_or(0);
    let turns = (0..most).flat_map(|turn| came.iter().filter_map(move |lines| lines.get(turn)));
    own.iter().chain(turns).take(MAX_LINES).cloned().collect()
}

impl Seat {
    /// Asks on a thread of its own, which nobody waits for longer than he likes.
    fn ask(
        &self,
        n: usize,
        size: u64,
        checkpoint: &[u8],
        prove: &Prove,
        send: &mpsc::Sender<(usize, thread::Result<Came>)>,
    ) -> std::io::Result<()> {
        let (witness, busy, last) = (self.witness.clone(), self.busy.clone(), self.size.clone());
        let (send, prove, checkpoint) = (send.clone(), prove.clone(), checkpoint.to_vec());
        let body = move || {
            let answer = catch_unwind(AssertUnwindSafe(|| cosigned(&*witness, &last, size, &checkpoint, &prove)));
            busy.store(false, Ordering::SeqCst);
            // Late: nobody listens.
            let _ = send.send((n, answer));
        };
        let started = thread::Builder::new().name("ledger-cosign".to_owned()).spawn(body).map(drop);
        if started.is_err() {
            self.busy.store(false, Ordering::SeqCst);
        }
        started
    }

    fn answered(&mut self, timing: &Timing) {
        self.due = Instant::now();
        self.retry = timing.seal_retry;
    }

    fn failed(&mut self, timing: &Timing, size: u64, reason: String, told: &dyn Fn(Event)) {
        told(Event::WitnessFailed { size, witness: self.witness.name().to_owned(), reason });
        self.due = Instant::now() + self.retry;
        self.retry = (self.retry * 2).min(timing.seal_retry_max);
    }
}

/// At most two requests: the second from the size that the first was told.
fn cosigned(witness: &dyn Witness, last: &AtomicU64, size: u64, checkpoint: &[u8], prove: &Prove) -> Came {
    let other = |found| Came::Other(found, witness.shown().ok().flatten());
    let mut old = last.load(Ordering::SeqCst);
    // It may have been told of a newer tree after it was too late for the seal.
    if old > size {
        return Came::Failed(format!("it has cosigned {old} leaves already"));
    }
    for again in [false, true] {
        let proof = match prove(old, size) {
            Ok(proof) => proof,
            Err(e) => return Came::Failed(e.to_string()),
        };
        match witness.cosign(old, &proof, checkpoint) {
            Ok(Answer::Cosigned(lines)) => {
                last.store(size, Ordering::SeqCst);
                return Came::Lines(lines);
            }
            Ok(Answer::Holds(found)) if found > size => return other(Some(found)),
            Ok(Answer::Holds(found)) if again || found == old => {
                return Came::Failed(format!("it was asked from {old} leaves and says that it holds {found}"));
            }
            Ok(Answer::Holds(found)) => old = found,
            Ok(Answer::Inconsistent) => return other(None),
            Err(reason) => return Came::Failed(reason),
        }
    }
    Came::Failed("it changed its mind twice".to_owned())
}

/// Before anything is signed: what each witness shows of this log. Refuses a tree that does not extend one of those.
/// Gives the names of those that did not say what they hold.
pub(crate) fn look(
    witnesses: &[Arc<dyn Witness>],
    timing: &Timing,
    size: u64,
    known: &dyn Fn(&str, &[u8]) -> Result<()>,
    events: &dyn Fn(Event),
) -> Result<Vec<String>> {
    let mut silent = Vec::new();
    let (send, answers) = mpsc::channel();
    let mut open: Vec<&str> = Vec::new();
    for witness in witnesses {
        let (asked, send) = (witness.clone(), send.clone());
        let started = thread::Builder::new().name("ledger-look".to_owned()).spawn(move || {
            // Late: nobody listens.
            let _ = send.send((asked.name().to_owned(), asked.shown()));
        });
        if started.is_ok() {
            open.push(witness.name());
        }
    }
    let until = Instant::now() + timing.witness_look;
    while !open.is_empty() {
        let Ok((name, shown)) = answers.recv_timeout(until.saturating_duration_since(Instant::now())) else { break };
        open.retain(|waited| *waited != name);
        match shown {
            Ok(Some(note)) => known(&name, &note)?,
            Ok(None) => {}
            Err(reason) => {
                silent.push(name.clone());
                events(Event::WitnessFailed { size, witness: name, reason });
            }
        }
    }
    for name in open {
        let reason = format!("no answer in {:?}", timing.witness_look);
        silent.push(name.to_owned());
        events(Event::WitnessFailed { size, witness: name.to_owned(), reason });
    }
    Ok(silent)
}

/// Judges what a witness shows against our tree of `size`. What our key did not sign says nothing, and is told.
pub(crate) fn judge(
    tree: &Tree,
    size: u64,
    key: &VerifierKey,
    events: &dyn Fn(Event),
    witness: &str,
    note: &[u8],
) -> Result<()> {
    match parse_checkpoint(note, key) {
        Ok(seen) => {
            reader::check_known(tree, size, &seen, "the folder's tree", PathBuf::from(format!("witness {witness}")))
        }
        Err(e) => {
            events(Event::Disagrees {
                size,
                witness: witness.to_owned(),
                found: format!("a note that is not ours ({e})"),
            });
            Ok(())
        }
    }
}
