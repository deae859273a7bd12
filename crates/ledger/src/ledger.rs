//! The open ledger: callers, and the three threads behind them.
//!
//! Rules: the *committer* owns the segment's end, the *checkpointer* owns the tree, the *sealer* owns
//! `sealed/`; they meet only in [`State`], whose one lock is never held over a write, a sync or a stamp.
//! Whatever fails on the disk stops all three, until the ledger is opened again from what is there.

use std::{
    cmp::Ordering,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use evidence::merkle::Hash;

use crate::{
    Config, Entries, Error, Event, Head, Opened, Prove, Result, Stage,
    council::{self, Council, Round},
    open::{self, Log, World},
    panel::Panel,
    sealed::{Sealed, Stem},
    segment::{self, Cursor, MAX_LEAF},
};

/// Most bytes of leaves in one [`Ledger::append_batch`].
pub const MAX_BATCH: usize = 16 << 20;

/// Callers wait while so many bytes wait for the disk, so memory is bounded.
const MAX_QUEUE: usize = 8 << 20;

/// The one writer of a data folder. Shared by reference between threads; closed by dropping it.
pub struct Ledger {
    /// Another one after [`Self::reopen`].
    shared: RwLock<Arc<Shared>>,
    /// Empty once closed.
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Held by who opens it again.
    reopening: Mutex<()>,
}

impl Ledger {
    /// Opens or makes the ledger of a folder. What is durable there is signed and published when this returns.
    pub fn open(config: Config) -> Result<(Self, Opened)> {
        let (shared, log, opened) = Shared::open(Arc::new(config))?;
        let ledger =
            Self { shared: RwLock::new(shared.clone()), threads: Mutex::default(), reopening: Mutex::default() };
        ledger.begin(&shared, log)?;
        Ok((ledger, opened))
    }

    /// Why it stopped.
    pub fn stopped(&self) -> Option<String> {
        self.shared().lock().poison.clone()
    }

    /// Opens a ledger that a failure stopped once more, as another process would: from what is on the disk. One that
    /// runs is left alone. What was not acknowledged may stand, or not: compare the leaves.
    pub fn reopen(&self) -> Result<()> {
        let _alone = self.reopening.lock().unwrap_or_else(PoisonError::into_inner);
        let stopped = self.shared();
        if stopped.lock().poison.is_none() {
            return Ok(());
        }
        self.join();
        // Nobody writes there any more; who still waits in it is told that it stopped.
        stopped.world.segment.release();
        let (fresh, log, _) = Shared::open(stopped.world.config.clone())?;
        *self.shared.write().unwrap_or_else(PoisonError::into_inner) = fresh.clone();
        self.begin(&fresh, log)
    }

    /// Appends one leaf; durable when it returns its index.
    pub fn append(&self, leaf: &[u8]) -> Result<u64> {
        Ok(self.append_batch(&[leaf])?.start)
    }

    /// Appends leaves with consecutive indices; all durable when it returns. At most [`MAX_BATCH`] bytes.
    pub fn append_batch<L: AsRef<[u8]>>(&self, leaves: &[L]) -> Result<Range<u64>> {
        let lengths = leaves.iter().map(|leaf| leaf.as_ref().len());
        if let Some(found) = lengths.clone().find(|length| !(1..=MAX_LEAF).contains(length)) {
            return Err(Error::LeafLength { found, limit: MAX_LEAF });
        }
        let total = lengths.map(|length| length + 2).sum();
        if total > MAX_BATCH {
            return Err(Error::BatchLength { found: total, limit: MAX_BATCH });
        }
        let shared = self.shared();
        let mut state = shared.lock();
        while state.queue.len() > MAX_QUEUE {
            state.check_open()?;
            state = wait(&shared.acknowledged, state);
        }
        state.check_open()?;
        let start = state.next;
        for leaf in leaves {
            segment::push_leaf(&mut state.queue, leaf.as_ref())?;
            state.next += 1;
        }
        let range = start..state.next;
        shared.work.notify_one();
        while state.durable.size < range.end {
            // Acknowledged means durable; a ledger that is closing still commits its queue.
            state.check()?;
            state = wait(&shared.acknowledged, state);
        }
        Ok(range)
    }

    /// The first sealed checkpoint that covers `index`, waiting for it; `None` if there is none in time.
    pub fn wait_sealed(&self, index: u64, timeout: Duration) -> Result<Option<Sealed>> {
        self.wait_covering(index, false, timeout)
    }

    /// As [`Self::wait_sealed`], without waiting.
    pub fn sealed_covering(&self, index: u64) -> Result<Option<Sealed>> {
        self.wait_covering(index, false, Duration::ZERO)
    }

    /// The first seal that covers `index` and meets the quorum asked for, waiting for it; where none is asked for, the
    /// first.
    pub fn wait_final(&self, index: u64, timeout: Duration) -> Result<Option<Sealed>> {
        self.wait_covering(index, true, timeout)
    }

    fn wait_covering(&self, index: u64, of_finals: bool, timeout: Duration) -> Result<Option<Sealed>> {
        let (shared, deadline) = (self.shared(), Instant::now() + timeout);
        let sealed = &shared.world.sealed;
        let mut state = shared.lock();
        loop {
            if let Some(stem) = sealed.covering(index, of_finals) {
                drop(state);
                return sealed.read(stem).map(Some);
            }
            if timeout.is_zero() {
                return Ok(None);
            }
            state.check()?;
            let rest = deadline.saturating_duration_since(Instant::now());
            if rest.is_zero() || state.closing {
                return Ok(None);
            }
            state = wait_at_most(&shared.progress, state, rest);
        }
    }

    /// Says that no more leaves are coming soon: the next checkpoint is signed without waiting for its interval.
    pub fn hurry(&self) {
        let shared = self.shared();
        shared.lock().hurry = true;
        shared.progress.notify_all();
    }

    /// Leaves under the newest sealed checkpoint.
    pub fn sealed_size(&self) -> u64 {
        self.shared().world.sealed.last().map_or(0, |stem| stem.size)
    }

    /// Leaves under the newest seal that meets the quorum asked for.
    pub fn final_size(&self) -> u64 {
        self.shared().world.sealed.last_final().map_or(0, |stem| stem.size)
    }

    /// After the ledger was closed: what is sealed from now on needs a quorum to be final, or needs none. What was
    /// sealed before is then not final by itself.
    pub fn ask_quorum(&self, asked: bool) -> Result<()> {
        self.shared().world.sealed.ask_quorum(asked)
    }

    /// Leaves that are durable: acknowledged, or about to be.
    pub fn size(&self) -> u64 {
        self.shared().lock().durable.size
    }

    /// The last published tree; `None` before the first entry is signed.
    pub fn published(&self) -> Option<Head> {
        self.shared().lock().published.clone()
    }

    /// Waits until a published tree covers `index`; an acknowledged entry is covered within 200 ms.
    pub fn wait_published(&self, index: u64) -> Result<Head> {
        let shared = self.shared();
        let mut state = shared.lock();
        loop {
            state.check()?;
            match &state.published {
                Some(head) if head.size > index => return Ok(head.clone()),
                head if index >= state.next => {
                    let size = head.as_ref().map_or(0, |head| head.size);
                    return Err(Error::OutOfRange { what: "index", found: index, size });
                }
                _ => state = wait(&shared.progress, state),
            }
        }
    }

    /// The published entry at `index`.
    pub fn entry(&self, index: u64) -> Result<Vec<u8>> {
        self.shared().world.tree.entry(index, self.published_size()?)
    }

    /// Published entries from `index` on. Right after [`Self::open`] these are all there are.
    pub fn entries_from(&self, index: u64) -> Result<Entries> {
        Ok(self.shared().world.tree.entries(index, self.published_size()?))
    }

    /// Inclusion proof of `index` in the tree of `size` leaves (RFC 6962, 2.1.1).
    pub fn inclusion_proof(&self, index: u64, size: u64) -> Result<Vec<Hash>> {
        self.shared().world.tree.inclusion_proof(index, size, self.published_size()?)
    }

    /// Consistency proof between two sizes (RFC 6962, 2.1.2).
    pub fn consistency_proof(&self, old: u64, new: u64) -> Result<Vec<Hash>> {
        self.shared().world.tree.consistency_proof(old, new, self.published_size()?)
    }

    /// Takes no more leaves, commits and publishes what was taken, and ends the threads. A sealing that has
    /// begun is finished; one that is missing is made up for after the next opening.
    pub fn flush_and_close(&self) -> Result<()> {
        let shared = self.shared();
        shared.lock().closing = true;
        shared.wake_all();
        self.join();
        shared.lock().check()
    }

    fn join(&self) {
        for thread in std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner)) {
            // A panic was caught inside and poisoned the ledger.
            let _ = thread.join();
        }
    }

    fn published_size(&self) -> Result<u64> {
        let shared = self.shared();
        let state = shared.lock();
        state.check()?;
        Ok(state.published.as_ref().map_or(0, |head| head.size))
    }

    fn shared(&self) -> Arc<Shared> {
        self.shared.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn begin(&self, shared: &Arc<Shared>, log: Log) -> Result<()> {
        self.start(shared, "ledger-commit", commit)?;
        self.start(shared, "ledger-sign", move |shared| sign(shared, log))?;
        if !shared.world.config.stampers.is_empty() {
            self.start(shared, "ledger-seal", seal)?;
        }
        Ok(())
    }

    fn start(
        &self,
        shared: &Arc<Shared>,
        name: &str,
        body: impl FnOnce(&Arc<Shared>) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let shared = shared.clone();
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || shared.run(|| body(&shared)))
            .map_err(|e| Error::io("start a thread", Path::new(name), e))?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        // The reason was given to every caller and to the listener.
        let _ = self.flush_and_close();
    }
}

struct Shared {
    world: Arc<World>,
    state: Mutex<State>,
    /// The queue or `closing` changed: for the committer.
    work: Condvar,
    /// `durable` grew or the queue emptied: for those who append.
    acknowledged: Condvar,
    /// Anything else moved forward: for checkpointer, sealer and those who wait for them.
    progress: Condvar,
}

/// What the threads tell each other.
struct State {
    /// Leaves that wait for the committer, in a group's encoding.
    queue: Vec<u8>,
    /// Index of the next leaf: `durable.size`, what the committer holds, and the queue.
    next: u64,
    /// End of the synced segment.
    durable: Cursor,
    published: Option<Head>,
    /// The next checkpoint does not wait for its interval.
    hurry: bool,
    /// No more leaves are taken.
    closing: bool,
    /// The committer has ended: `durable` is final.
    committed: bool,
    poison: Option<String>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            queue: Vec::new(),
            next: 0,
            durable: Cursor::START,
            published: None,
            hurry: false,
            closing: false,
            committed: false,
            poison: None,
        }
    }
}

impl State {
    fn check(&self) -> Result<()> {
        self.poison.clone().map_or(Ok(()), |reason| Err(Error::Poisoned(reason)))
    }

    fn check_open(&self) -> Result<()> {
        self.check()?;
        if self.closing { Err(Error::Closed) } else { Ok(()) }
    }
}

impl Shared {
    /// From what is on the disk.
    fn open(config: Arc<Config>) -> Result<(Arc<Self>, Log, Opened)> {
        let (log, durable, opened) = open::open(config)?;
        let state = State { durable, next: durable.size, published: log.head().cloned(), ..State::default() };
        let shared = Self {
            world: log.world().clone(),
            state: Mutex::new(state),
            work: Condvar::new(),
            acknowledged: Condvar::new(),
            progress: Condvar::new(),
        };
        Ok((Arc::new(shared), log, opened))
    }

    /// A panic while the lock was held cannot leave [`State`] half changed in a way that matters: it poisons.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_all(&self) {
        self.work.notify_all();
        self.acknowledged.notify_all();
        self.progress.notify_all();
    }

    /// A thread's whole life: its failure or panic stops the ledger.
    fn run(&self, body: impl FnOnce() -> Result<()>) {
        let reason = match catch_unwind(AssertUnwindSafe(body)) {
            // Poisoned: another thread failed first, and has said so.
            Ok(Ok(()) | Err(Error::Poisoned(_))) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "a background thread panicked".to_owned(),
        };
        self.lock().poison.get_or_insert_with(|| reason.clone());
        self.wake_all();
        (self.world.config.events)(Event::Poisoned { reason });
    }
}

/// The committer: what was queued while the last group was synced becomes the next group, so a lone caller
/// never waits and many share one sync.
fn commit(shared: &Arc<Shared>) -> Result<()> {
    let World { config, segment, .. } = &*shared.world;
    loop {
        let mut state = shared.lock();
        while state.queue.is_empty() {
            if state.closing || state.poison.is_some() {
                state.committed = true;
                shared.progress.notify_all();
                return Ok(());
            }
            state = wait(&shared.work, state);
        }
        state.check()?;
        let (payload, at) = (std::mem::take(&mut state.queue), state.durable);
        let count = u32::try_from(state.next - at.size).unwrap_or(u32::MAX);
        drop(state);
        // There is room in the queue again.
        shared.acknowledged.notify_all();

        config.fault(Stage::SegmentWrite)?;
        let end = segment.write_group(at, count, &payload)?;
        config.fault(Stage::SegmentSync)?;
        segment.sync()?;
        config.fault(Stage::Acknowledge)?;
        shared.lock().durable = end;
        shared.acknowledged.notify_all();
        shared.progress.notify_all();
    }
}

/// The checkpointer: a lone entry is signed at once, a stream of them every interval.
fn sign(shared: &Arc<Shared>, mut log: Log) -> Result<()> {
    let interval = shared.world.config.timing.checkpoint_interval;
    let mut due = Instant::now();
    loop {
        let mut state = shared.lock();
        loop {
            state.check()?;
            let signed = state.published.as_ref().map_or(0, |head| head.size);
            let early = due.saturating_duration_since(Instant::now());
            state = match (state.durable.size > signed, state.committed) {
                (true, committed) if committed || state.closing || state.hurry || early.is_zero() => break,
                (true, _) => wait_at_most(&shared.progress, state, early),
                (false, true) => {
                    drop(state);
                    log.settle();
                    return Ok(());
                }
                (false, false) => wait(&shared.progress, state),
            };
        }
        let target = state.durable;
        state.hurry = false;
        drop(state);
        due = Instant::now() + interval;
        let head = log.advance(target)?;
        shared.lock().published = Some(head);
        shared.progress.notify_all();
    }
}

/// The sealer: always the newest published checkpoint, one at a time; the same one again where its quorum came late.
fn seal(shared: &Arc<Shared>) -> Result<()> {
    let World { config, tree, sealed, scratch, .. } = &*shared.world;
    let mut panel = Panel::new(&config.stampers, config.timing);
    let mut council = Council::new(&config.witnesses, config.timing);
    let witnessed = config.policy.as_ref().filter(|_| !config.witnesses.is_empty());
    let key = config.signer.verifier_key();
    let proving = shared.clone();
    let prove: Prove = Arc::new(move |old, new| {
        let published = proving.lock().published.as_ref().map_or(0, |head| head.size);
        proving.world.tree.consistency_proof(old, new, published)
    });
    let judge = |name: &str, note: &[u8]| {
        // By the head row, which is written before anything is shown to anybody: what the threads know of may be older.
        let signed = config.head.load()?.map_or(0, |head| head.size);
        council::judge(tree, signed, &key, &config.events, name, note)
    };
    loop {
        let mut state = shared.lock();
        let (head, last) = loop {
            if state.closing || state.poison.is_some() {
                return Ok(());
            }
            let last = sealed.last();
            // Sealed, and not final: only witnesses can change that.
            let open = witnessed.is_some() && sealed.asks_quorum() && last != sealed.last_final();
            let early = match state.published.as_ref().map(|head| Some(head.size).cmp(&last.map(|last| last.size))) {
                Some(Ordering::Greater) => Some(panel.early()),
                Some(Ordering::Equal) if open => Some(panel.early().max(council.early())),
                _ => None,
            };
            state = match (early, state.published.clone()) {
                (Some(Duration::ZERO), Some(head)) => break (head, last),
                (Some(early), _) => wait_at_most(&shared.progress, state, early),
                (None, _) => wait(&shared.progress, state),
            };
        };
        drop(state);
        config.fault(Stage::Stamp)?;
        let round = match witnessed {
            Some(policy) => council.ask((head.size, &head.checkpoint), policy, &prove, &judge, &config.events)?,
            None => Round { note: head.checkpoint.clone(), met: true },
        };
        let stem = match last {
            Some(last) if last.size == head.size => Stem { turn: last.turn + 1, ..last },
            _ => Stem { size: head.size, turn: 0 },
        };
        if stem.turn > 0 && !round.met {
            continue;
        }
        let tokens = panel.ask(&round.note, &mut |authority, reason| {
            (config.events)(Event::StampFailed { size: head.size, authority: authority.to_owned(), reason });
        });
        if tokens.is_empty() {
            continue;
        }
        let count = tokens.len();
        let met = round.met || !sealed.asks_quorum();
        config.fault(Stage::SealWrite)?;
        sealed.write(scratch, stem, &Sealed { size: head.size, note: round.note, tokens }, met)?;
        config.fault(Stage::SealAnnounce)?;
        // Under the lock, so that nobody who just looked goes to sleep.
        let state = shared.lock();
        sealed.announce(stem, met);
        drop(state);
        shared.progress.notify_all();
        (config.events)(Event::Sealed { size: head.size, tokens: count, met });
    }
}

fn wait<'a>(condition: &Condvar, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    condition.wait(state).unwrap_or_else(PoisonError::into_inner)
}

fn wait_at_most<'a>(condition: &Condvar, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
    condition.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
}
