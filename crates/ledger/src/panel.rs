//! The authorities that seal, and when each may be asked.
//!
//! Rules:
//! - All that are due are asked at once, each within its own time-out and at its own pace.
//! - Once one has answered, the others have [`Timing::seal_grace`]: a slow one delays no seal. Its late token is lost,
//!   as a sealed checkpoint never changes, and that is said. For one whose good token came late a seal waits longer,
//!   [`Timing::seal_patience`], but not again within [`Timing::seal_patience_every`]: so
//!   its tokens stand over the tree as well, if not in every seal.
//! - Tokens stand in the configured order. A last resort is asked alone, where all others that were due failed.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use crate::{Stamper, Timing, sealed::MAX_TOKENS};

/// A token, or why there is none.
type Answer = std::result::Result<Vec<u8>, String>;

pub(crate) struct Panel {
    /// Last resorts stand last.
    seats: Vec<Seat>,
    timing: Timing,
    /// When a seal last waited longer.
    patient: Option<Instant>,
}

struct Seat {
    stamper: Arc<dyn Stamper>,
    /// A last resort, and not the only one there is.
    last: bool,
    /// Not asked before.
    due: Instant,
    /// How long after the next failure.
    retry: Duration,
    /// Still asked about an earlier checkpoint.
    busy: Arc<AtomicBool>,
    /// Its last token was good and came too late.
    late: Arc<AtomicBool>,
}

impl Panel {
    pub(crate) fn new(stampers: &[Arc<dyn Stamper>], timing: Timing) -> Self {
        let alone = stampers.iter().all(|stamper| stamper.last_resort());
        let seat = |stamper: &Arc<dyn Stamper>| Seat {
            stamper: stamper.clone(),
            last: stamper.last_resort() && !alone,
            due: Instant::now(),
            retry: timing.seal_retry,
            busy: Arc::default(),
            late: Arc::default(),
        };
        let mut seats: Vec<_> = stampers.iter().take(MAX_TOKENS).map(seat).collect();
        seats.sort_by_key(|seat| seat.last);
        Self { seats, timing, patient: None }
    }

    /// How long until one may be asked; nobody wakes for a last resort alone.
    pub(crate) fn early(&self) -> Duration {
        let due = self.seats.iter().filter(|seat| !seat.last).map(|seat| seat.due).min();
        due.map_or(Duration::ZERO, |due| due.saturating_duration_since(Instant::now()))
    }

    /// Tokens of those that were due and answered in time. `failed` is told name and reason of the others.
    pub(crate) fn ask(&mut self, checkpoint: &[u8], failed: &mut dyn FnMut(&str, String)) -> Vec<Vec<u8>> {
        let (asked_at, (send, answers)) = (Instant::now(), mpsc::channel());
        let (mut open, mut any) = (Vec::new(), false);
        for (n, seat) in self.seats.iter_mut().enumerate() {
            if seat.due > asked_at || seat.last {
                continue;
            }
            if seat.busy.swap(true, Ordering::SeqCst) {
                seat.due = asked_at + self.timing.seal_retry;
                continue;
            }
            any = true;
            match seat.ask(n, checkpoint, &send) {
                Ok(()) => open.push(n),
                Err(e) => seat.failed(&self.timing, e.to_string(), failed),
            }
        }
        let grace = self.grace(&open);
        let mut tokens = vec![None; self.seats.len()];
        let mut until = None::<Instant>;
        while !open.is_empty() {
            let next = match until {
                None => answers.recv().ok(),
                Some(until) => answers.recv_timeout(until.saturating_duration_since(Instant::now())).ok(),
            };
            let Some((n, answer)) = next else { break };
            open.retain(|&waited| waited != n);
            match answer.unwrap_or_else(|panic| resume_unwind(panic)) {
                Ok(token) => {
                    self.seats[n].answered(&self.timing, asked_at);
                    tokens[n] = Some(token);
                    until.get_or_insert_with(|| Instant::now() + grace);
                }
                Err(reason) => self.seats[n].failed(&self.timing, reason, failed),
            }
        }
        drop(answers);
        let late = format!("no answer {grace:?} after another authority's: the seal did not wait");
        for n in open {
            self.seats[n].failed(&self.timing, late.clone(), failed);
        }
        let mut tokens: Vec<Vec<u8>> = tokens.into_iter().flatten().collect();
        if tokens.is_empty() && any {
            for seat in self.seats.iter_mut().filter(|seat| seat.last && seat.due <= asked_at) {
                match seat.stamper.stamp(checkpoint) {
                    Ok(token) => {
                        seat.answered(&self.timing, asked_at);
                        tokens.push(token);
                        break;
                    }
                    Err(reason) => seat.failed(&self.timing, reason, failed),
                }
            }
        }
        tokens
    }
}

impl Panel {
    /// How long these are waited for once another has answered.
    fn grace(&mut self, asked: &[usize]) -> Duration {
        let rested = self.patient.is_none_or(|at| at.elapsed() >= self.timing.seal_patience_every);
        if rested && asked.iter().any(|&n| self.seats[n].late.load(Ordering::SeqCst)) {
            self.patient = Some(Instant::now());
            return self.timing.seal_grace.max(self.timing.seal_patience);
        }
        self.timing.seal_grace
    }
}

impl Seat {
    /// Asks on a thread of its own, which nobody waits for longer than he likes.
    fn ask(
        &self,
        n: usize,
        checkpoint: &[u8],
        send: &mpsc::Sender<(usize, thread::Result<Answer>)>,
    ) -> std::io::Result<()> {
        let (stamper, busy, late, send) = (self.stamper.clone(), self.busy.clone(), self.late.clone(), send.clone());
        let checkpoint = checkpoint.to_vec();
        let body = move || {
            let answer = catch_unwind(AssertUnwindSafe(|| stamper.stamp(&checkpoint)));
            busy.store(false, Ordering::SeqCst);
            let good = matches!(answer, Ok(Ok(_)));
            if send.send((n, answer)).is_err() && good {
                // Nobody listens any more.
                late.store(true, Ordering::SeqCst);
            }
        };
        let started = thread::Builder::new().name("ledger-ask".to_owned()).spawn(body).map(drop);
        if started.is_err() {
            self.busy.store(false, Ordering::SeqCst);
        }
        started
    }

    fn answered(&mut self, timing: &Timing, asked_at: Instant) {
        self.due = asked_at + self.stamper.pace();
        self.retry = timing.seal_retry;
    }

    fn failed(&mut self, timing: &Timing, reason: String, told: &mut dyn FnMut(&str, String)) {
        told(self.stamper.name(), reason);
        self.due = Instant::now() + self.retry.max(self.stamper.pace());
        self.retry = (self.retry * 2).min(timing.seal_retry_max);
    }
}
