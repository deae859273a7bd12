//! Where records of all callers meet: what comes while the disk is busy shares the next transaction and the next append.
//!
//! Rules:
//! - Database first, then ledger: what cannot be made again is durable before a leaf exists.
//! - Whoever finds nobody at work works for all who wait, so there is no thread and no delay for a lone record.
//! - A group that the database refuses is tried again one by one: a caller's failure is his own.

use crate::{Error, Result, folder};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use store::{Act, NewRecord, Record as Row};

/// Most records of one group, but for a caller who brings more.
const GROUP: usize = folder::APPENDED;

/// The one of a data folder.
#[derive(Default)]
pub(crate) struct Desk {
    queue: Mutex<Queue>,
    /// A group was recorded.
    free: Condvar,
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
            work(store, ledger, group);
            drop(at_work);
            queue = lock(&self.queue);
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

/// One transaction, one append.
fn work(store: &store::Store, ledger: &ledger::Ledger, group: Vec<Job>) {
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
        Err(error) => kept.into_iter().for_each(|job| job.tell(Err(error.clone()))),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
