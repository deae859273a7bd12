//! Where records of all callers meet: what comes while the disk is busy shares the next transaction and the next append.
//!
//! Rules:
//! - Database first, then ledger: what cannot be made again is durable before a leaf exists.
//! - Whoever finds nobody at work works for all who wait, so there is no thread and no delay for a lone record.
//! - A group that the database refuses is tried again one by one: a caller's failure is his own.
//! - What the ledger did not take stays in the database, and is placed before anything else is recorded.

use crate::{Error, Result, folder};
use std::sync::{
    Arc, Condvar, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};
use store::{Act, NewRecord, Record as Row};

/// Most records of one group, but for a caller who brings more.
const GROUP: usize = folder::APPENDED;

/// The one of a data folder.
#[derive(Default)]
pub(crate) struct Desk {
    queue: Mutex<Queue>,
    /// A group was recorded.
    free: Condvar,
    /// Something stands in the database that the ledger did not take.
    stranded: AtomicBool,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Job>,
    /// Somebody works.
    busy: bool,
}

struct Job {
    records: Vec<NewRecord>,
    acts: Vec<Act>,
    done: Arc<Mutex<Option<Result<Vec<Row>>>>>,
}

impl Desk {
    /// Commits records and the lines of the audit log that tell of them, submits them, and gives them back with their
    /// indices: acknowledged.
    pub(crate) fn submit(
        &self,
        store: &store::Store,
        ledger: &ledger::Ledger,
        records: Vec<NewRecord>,
        acts: Vec<Act>,
    ) -> Result<Vec<Row>> {
        let done = Arc::new(Mutex::new(None));
        let mut queue = lock(&self.queue);
        queue.waiting.push(Job { records, acts, done: done.clone() });
        loop {
            if let Some(done) = lock(&done).take() {
                return done;
            }
            if queue.busy {
                queue = self.free.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            queue.busy = true;
            let group = first(&mut queue.waiting);
            drop(queue);
            let at_work = AtWork(self);
            self.work(store, ledger, group);
            drop(at_work);
            queue = lock(&self.queue);
        }
    }

    /// Runs while nobody else records: `run` makes records durable and places them.
    pub(crate) fn alone<T>(
        &self,
        store: &store::Store,
        ledger: &ledger::Ledger,
        run: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let queue = lock(&self.queue);
        let mut queue = self.free.wait_while(queue, |queue| queue.busy).unwrap_or_else(PoisonError::into_inner);
        queue.busy = true;
        drop(queue);
        let _at_work = AtWork(self);
        self.mended(store, ledger)?;
        // Until it is known to be otherwise.
        self.stranded.store(true, Ordering::SeqCst);
        let done = run();
        self.stranded.store(done.is_err(), Ordering::SeqCst);
        done
    }

    /// Places what a failure left, if there is anything.
    pub(crate) fn mend(&self, store: &store::Store, ledger: &ledger::Ledger) -> Result<()> {
        if self.stranded.load(Ordering::SeqCst) || ledger.stopped().is_some() {
            return self.alone(store, ledger, || Ok(()));
        }
        Ok(())
    }

    /// A ledger that stopped is opened again, and takes what it did not.
    fn mended(&self, store: &store::Store, ledger: &ledger::Ledger) -> Result<()> {
        ledger.reopen().map_err(|e| folder::ledger_error(&e))?;
        if self.stranded.load(Ordering::SeqCst) {
            folder::reconcile(store, ledger)?;
            self.stranded.store(false, Ordering::SeqCst);
        }
        Ok(())
    }

    /// One transaction, one append.
    fn work(&self, store: &store::Store, ledger: &ledger::Ledger, group: Vec<Job>) {
        if let Err(error) = self.mended(store, ledger) {
            return group.into_iter().for_each(|job| job.tell(Err(error.clone())));
        }
        let records = group.iter().flat_map(|job| &job.records);
        let whole = store.insert_noted(records, group.iter().flat_map(|job| &job.acts)).is_ok();
        let mut kept = Vec::new();
        for job in group {
            let inserted = if whole { Ok(()) } else { store.insert_noted(&job.records, &job.acts) };
            match inserted {
                Ok(()) => kept.push(job),
                Err(error) => job.tell(Err(error.into())),
            }
        }
        match folder::place(store, ledger, kept.iter().flat_map(|job| &job.records).map(|new| &new.record)) {
            Ok(indices) => {
                let mut indices = indices.into_iter();
                for mut job in kept {
                    let new = std::mem::take(&mut job.records);
                    let rows = new.into_iter().map(|new| Row { index: indices.next(), ..new.record }).collect();
                    job.tell(Ok(rows));
                }
            }
            Err(error) => {
                self.stranded.store(true, Ordering::SeqCst);
                kept.into_iter().for_each(|job| job.tell(Err(error.clone())));
            }
        }
    }
}

/// Who works; whatever ends it, the desk is free again.
struct AtWork<'a>(&'a Desk);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        lock(&self.0.queue).busy = false;
        self.0.free.notify_all();
    }
}

/// The first who wait, in the order in which they came.
fn first(waiting: &mut Vec<Job>) -> Vec<Job> {
    let mut records = 0;
    let fits = |job: &&Job| {
        let first = records == 0;
        records += job.records.len();
        first || records <= GROUP
    };
    let n = waiting.iter().take_while(fits).count();
    waiting.drain(..n).collect()
}

impl Job {
    fn tell(self, answer: Result<Vec<Row>>) {
        *lock(&self.done) = Some(answer);
    }
}

/// Nobody waits for an answer for ever, not even where whoever worked for him ended in the middle.
impl Drop for Job {
    fn drop(&mut self) {
        lock(&self.done).get_or_insert_with(|| {
            Err(Error::new("登记中断，请重试", "recording ended in the middle of it; try again"))
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use evidence::{hex, note::Signer, record::record_digest};
    use ledger::Stage;

    fn record(n: u8) -> NewRecord {
        let bytes = vec![n + 1; 40];
        let id = hex::encode(&[n; 16]);
        let record = Row {
            id,
            account: store::OWNER_ACCOUNT,
            kind: "file".into(),
            record_digest: record_digest(&bytes),
            record: bytes,
            disclosures: b"[]".to_vec(),
            ..Row::default()
        };
        NewRecord { record, tokens: Vec::new() }
    }

    #[test]
    fn what_a_failing_disk_left_is_placed_by_the_next_caller() {
        let base = tempfile::tempdir().unwrap();
        let store = store::Store::create(&base.path().join("q.db")).unwrap();
        let seed = [7; 32];
        let key = Signer::from_seed("any", &seed).unwrap().verifier_key();
        let origin = evidence::checkpoint::origin("test.local", key.public_key().try_into().unwrap()).unwrap();
        let signer = Signer::from_seed(&origin, &seed).unwrap();
        let (data, mirror) = (base.path().join("data"), base.path().join("head"));
        let mut config = ledger::Config::new(&data, &mirror, signer, &origin, Box::new(store.clone()));
        // One leaf is never written; another is durable, and nobody is told.
        let due = Mutex::new(vec![Stage::Acknowledge, Stage::SegmentWrite]);
        config.faults = Some(Box::new(move |stage| {
            let mut due = lock(&due);
            if due.last() != Some(&stage) {
                return Ok(());
            }
            due.pop();
            Err(std::io::Error::other("no space"))
        }));
        let (ledger, _) = ledger::Ledger::open(config).unwrap();
        let desk = Desk::default();
        let submit = |n| desk.submit(&store, &ledger, vec![record(n)], Vec::new());
        assert!(submit(0).is_err(), "not written");
        assert_eq!(store.record(&record(0).record.id).unwrap().unwrap().index, None);
        // The first is durable now, and nobody knows; so nothing else is taken.
        assert!(submit(1).is_err() && store.record(&record(1).record.id).unwrap().is_none());
        assert_eq!(submit(2).unwrap()[0].index, Some(1));
        let first = store.record(&record(0).record.id).unwrap().unwrap();
        assert_eq!((first.index, ledger.size()), (Some(0), 2), "placed, and once");
    }
}
