//! A run over files and folders: looked through first, then read on every core, recorded in batches.
//!
//! Rules:
//! - Every file gives exactly one [`Event::Done`], or, where the run ends before it, [`Event::Left`].
//! - A run that is told to stop begins no further file; one that is being read is left untouched, and what was
//!   recorded is acknowledged.

use crate::{
    DepositLine, DepositRequest, Error, Event, Folder, Planned, Result, Warnings,
    folder::ledger_error,
    intake::{self, Taken},
    lines::{dry, failed, known, nothing, other_claims, passed, shown},
    pace::Workers,
    plan::{self, Due, Item},
    register::{self, check_rights, differs, line_of, submit},
    waiting::{FromOutside, Prepared, waiting_line},
};
use std::{
    collections::{HashSet, VecDeque},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};
use store::{Act, NewRecord, Record as Row, Seen};

/// Most records of one database transaction and one ledger submission.
const BATCH: usize = 64;
/// How long a batch waits for more.
const LINGER: Duration = Duration::from_millis(20);
/// How long `deposit` waits for the seal before it says *pending*.
pub(crate) const SEAL_WAIT: Duration = Duration::from_secs(2);
/// Rows of `seen` that share a transaction. They only save reading, so some may be lost.
const SEEN_BATCH: usize = 512;

/// What the workers hand over: the file's place among those due, and what became of it.
enum Step {
    Read(u64),
    Done(usize, Box<Result<Made>>),
}

/// A file that was read, and a record of it unless these bytes are on record already.
struct Made {
    taken: Taken,
    record: Option<Prepared>,
}

impl Folder {
    /// Registers files. Returns the lines of those that were come to, in the order in which they were found.
    pub fn deposit(&mut self, request: &DepositRequest, events: &mut dyn FnMut(Event)) -> Result<Vec<DepositLine>> {
        self.deposit_beside(request, events)
    }

    /// The same, beside others of this process.
    pub(crate) fn deposit_beside(
        &self,
        request: &DepositRequest,
        events: &mut dyn FnMut(Event),
    ) -> Result<Vec<DepositLine>> {
        if !request.dry_run {
            self.writer()?;
        }
        check_rights(&request.rights.claims)?;
        self.attach(request, events)?;
        let _keeping = self.keeping(request.account.0);
        let mut run = Run::new(self, request);
        run.plan(events)?;
        if !request.dry_run {
            run.record(events)?;
        }
        Ok(run.lines.into_iter().flatten().collect())
    }

    /// Registers files that were found and judged before.
    pub(crate) fn deposit_these(
        &mut self,
        request: &DepositRequest,
        due: Vec<Due>,
        events: &mut dyn FnMut(Event),
    ) -> Result<()> {
        self.writer()?;
        check_rights(&request.rights.claims)?;
        self.attach(request, events)?;
        let _keeping = self.keeping(request.account.0);
        let mut run = Run::new(self, request);
        let mut planned = Planned::default();
        due.iter().for_each(|due| planned.count(due));
        run.lines = vec![None; due.len()];
        run.begin(due.into_iter().enumerate().collect(), planned, events)?;
        run.record(events)
    }
}

impl Planned {
    pub(crate) fn count(&mut self, due: &Due) {
        self.files += 1;
        self.bytes += due.stamp.size;
        self.changed += u64::from(due.changed);
    }
}

/// One `deposit` under way.
struct Run<'a> {
    folder: &'a Folder,
    request: &'a DepositRequest,
    /// One a name that was found, in order.
    lines: Vec<Option<DepositLine>>,
    /// Files to be read, each with its place in `lines`.
    due: Arc<[(usize, Due)]>,
    /// Records that wait for the next transaction, and beside them what their lines need: which is due, what it
    /// looked like, warnings.
    batch: Vec<NewRecord>,
    batched: Vec<(usize, Option<store::Stamp>, Warnings)>,
    /// Fingerprints of the batch's pictures.
    prints: Vec<([u8; 32], picture::Prints)>,
    /// Statements that wait for a token from outside.
    outside: FromOutside,
    /// SHA-256 of what this run has put into a batch.
    recorded: HashSet<[u8; 32]>,
    /// Acknowledged, not yet printed: which is due, index, when.
    unsealed: VecDeque<(usize, u64, Instant)>,
    /// Leaves under the newest seal that was seen: it covers every lower index too.
    sealed_size: u64,
    /// Not in the database yet.
    seen: Vec<Seen>,
    /// Whether something was acknowledged for each of `due`.
    ended: Vec<bool>,
}

impl<'a> Run<'a> {
    fn new(folder: &'a Folder, request: &'a DepositRequest) -> Self {
        Self {
            folder,
            request,
            lines: Vec::new(),
            due: Arc::default(),
            batch: Vec::new(),
            batched: Vec::new(),
            prints: Vec::new(),
            outside: FromOutside::default(),
            recorded: HashSet::new(),
            unsealed: VecDeque::new(),
            sealed_size: 0,
            seen: Vec::new(),
            ended: Vec::new(),
        }
    }

    /// Looks through the paths; what needs no reading is handed out at once.
    fn plan(&mut self, events: &mut dyn FnMut(Event)) -> Result<()> {
        let (mut planned, mut all) = (Planned::default(), Vec::new());
        plan::walk(Some(self.folder), self.request, &mut |item| {
            match item {
                Item::Due(due) => {
                    planned.count(&due);
                    let line = self.request.dry_run.then(|| dry(&due));
                    line.iter().for_each(|line| events(Event::Done(Box::new(line.clone()))));
                    all.push((self.lines.len(), due));
                    self.lines.push(line);
                }
                Item::Known { path, seen } => {
                    planned.known += 1;
                    let line = known(&path, *seen);
                    events(Event::Done(Box::new(line.clone())));
                    self.lines.push(Some(line));
                }
                Item::Refused { path, error } => {
                    planned.refused += 1;
                    let line = failed(&path, &error);
                    events(Event::Done(Box::new(line.clone())));
                    self.lines.push(Some(line));
                }
                Item::Passed { path, why } => {
                    *planned.passed.entry(why.code()).or_default() += 1;
                    events(passed(path, why));
                }
            }
            Ok(())
        })?;
        if planned.files + planned.known + planned.refused == 0 {
            return Err(nothing(self.request, &planned));
        }
        self.begin(all, planned, events)
    }

    fn begin(&mut self, due: Vec<(usize, Due)>, mut planned: Planned, events: &mut dyn FnMut(Event)) -> Result<()> {
        if !due.is_empty() && !self.request.dry_run {
            // Before anything is read: a clock that is too far off registers nothing.
            self.folder.compared_clock()?;
        }
        self.due = due.into();
        self.ended = vec![false; self.due.len()];
        planned.estimate = self.folder.estimate(self.request, &self.due)?;
        events(Event::Planned(planned));
        Ok(())
    }

    /// Reads and records what is due.
    fn record(&mut self, events: &mut dyn FnMut(Event)) -> Result<()> {
        let ended = self.work(events).and_then(|()| self.finish(events)).and_then(|()| self.save_seen());
        self.leave(ended.as_ref().err(), events);
        ended
    }

    /// Reads on every core, records on this thread.
    fn work(&mut self, events: &mut dyn FnMut(Event)) -> Result<()> {
        let begun = Instant::now();
        let originals = self.folder.dir.join("originals");
        let keep = (!self.request.digest_only).then_some(originals.as_path());
        let (next, never, workers) = (AtomicUsize::new(0), AtomicBool::new(false), Workers::default());
        let (folder, request) = (self.folder, self.request);
        let stop: &AtomicBool = request.stop.as_deref().unwrap_or(&never);
        let due = self.due.clone();
        std::thread::scope(|scope| {
            let (send, steps) = mpsc::sync_channel(2 * BATCH);
            for _ in 0..threads() {
                let send = send.clone();
                let (next, workers, due) = (&next, &workers, &due);
                scope.spawn(move || {
                    loop {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        let Some((_, file)) = due.get(n).filter(|_| !stop.load(Ordering::Relaxed)) else { return };
                        let mut read = 0;
                        let taken = workers.read(|| {
                            intake::take(file, keep, request.similar, stop, &mut |n| {
                                read += n;
                                if read >= 4 << 20 {
                                    let _ = send.send(Step::Read(std::mem::take(&mut read)));
                                }
                            })
                        });
                        let made = taken.and_then(|taken| {
                            workers.make(taken.digests.size, || folder.make(&file.path, taken, request))
                        });
                        if send.send(Step::Read(read)).is_err() || send.send(Step::Done(n, Box::new(made))).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(send);
            let result = self.collect(&steps, events);
            next.store(due.len(), Ordering::Relaxed);
            drop(steps);
            result
        })?;
        self.folder.note_pace(self.request.digest_only, &workers, begun.elapsed())
    }

    fn collect(&mut self, steps: &mpsc::Receiver<Step>, events: &mut dyn FnMut(Event)) -> Result<()> {
        loop {
            match steps.recv_timeout(LINGER) {
                Ok(Step::Read(bytes)) => events(Event::Read { bytes }),
                Ok(Step::Done(n, made)) => match *made {
                    Ok(made) => self.prepare(n, made, events)?,
                    Err(error) if error.code == intake::INTERRUPTED => {}
                    Err(error) => {
                        let line = failed(&self.due[n].1.path, &error);
                        self.done(n, line, events);
                    }
                },
                Err(mpsc::RecvTimeoutError::Timeout) => self.flush()?,
                Err(mpsc::RecvTimeoutError::Disconnected) => return self.flush(),
            }
            if self.batch.len() + self.outside.batch.len() >= BATCH {
                self.flush()?;
            }
            self.print_sealed(events)?;
        }
    }

    /// Existing record, or a new one for the batch.
    fn prepare(&mut self, n: usize, Made { mut taken, record }: Made, events: &mut dyn FnMut(Event)) -> Result<()> {
        // Of files with the same bytes each has a record of its own by now; only the first one's is kept.
        let first = self.request.again || self.recorded.insert(taken.digests.sha256);
        let record = match record {
            Some(record) if first => record,
            _ => {
                let same = Some(taken.digests.sha256);
                if self.batch.iter().any(|r| r.record.sha256 == same) || self.outside.holds(same) {
                    self.flush()?;
                }
                if let Some(line) = self.existing(n, &taken)? {
                    if let (true, Some(prints)) = (self.request.similar, &taken.prints) {
                        self.folder.keep_missing(taken.digests.sha256, prints)?;
                    }
                    // These bytes wait already: the line waits with them.
                    if line.status == "pending" {
                        self.outside.lines.push((n, line.id.clone().unwrap_or_default(), "existing"));
                        self.lines[self.due[n].0] = Some(line);
                    } else {
                        self.done(n, line, events);
                    }
                    return Ok(());
                }
                let (record, warnings) = self.folder.record_of(&self.due[n].1.path, &taken, self.request)?;
                taken.warnings.extend(warnings);
                record
            }
        };
        self.prints.extend(taken.prints.map(|prints| (taken.digests.sha256, prints)));
        match record {
            Prepared::Record(record) => {
                self.batch.push(record);
                self.batched.push((n, taken.stamp, taken.warnings));
            }
            Prepared::Waits(waiting) => self.outside.batch.push((n, waiting, taken.warnings)),
        }
        Ok(())
    }

    /// What is recorded of these bytes already. Where they are to be kept, a record by digests alone is not that.
    fn existing(&mut self, n: usize, taken: &Taken) -> Result<Option<DepositLine>> {
        let kept = !self.request.digest_only;
        let Some(first) = self.folder.known_file(self.request.account.0, &taken.digests, kept)? else {
            return Ok(None);
        };
        // In this order: what waits may become a record between the two.
        if let Some(waiting) = self.folder.store.waiting_one(&first.id)? {
            return Ok(Some(waiting_line(&waiting, shown(&self.due[n].1.path))));
        }
        let Some(first) = &self.folder.store.record(&first.id)? else { return Ok(None) };
        let mut line = line_of(first, shown(&self.due[n].1.path), register::known(first));
        line.warnings = taken.warnings.clone();
        let differs = differs(&first.disclosures, self.request, &self.due[n].1.path)?;
        if differs {
            line.warnings.push(other_claims());
        }
        self.note(n, taken.stamp, first, differs);
        Ok(Some(line))
    }

    /// Database first, then ledger: what cannot be made again is durable before a leaf exists.
    fn flush(&mut self) -> Result<()> {
        self.folder.keep_prints(&std::mem::take(&mut self.prints))?;
        for (n, waiting, warnings) in self.outside.commit(&self.folder.store)? {
            let line = waiting_line(&waiting, shown(&self.due[n].1.path));
            self.lines[self.due[n].0] = Some(DepositLine { warnings, ..line });
        }
        if self.batch.is_empty() {
            return Ok(());
        }
        let (batch, batched) = (std::mem::take(&mut self.batch), std::mem::take(&mut self.batched));
        let about = |act: &Act| batch.iter().map(|r| Act { subject: r.record.id.clone(), ..act.clone() }).collect();
        let acts = self.request.act.as_ref().map(about).unwrap_or_default();
        let rows = submit(&self.folder.store, self.folder.writer()?, batch, acts)?;
        let now = Instant::now();
        for ((n, stamp, warnings), row) in batched.into_iter().zip(rows) {
            let line = line_of(&row, shown(&self.due[n].1.path), "new");
            self.note(n, stamp, &row, false);
            self.lines[self.due[n].0] = Some(DepositLine { warnings, noted: self.request.act.is_some(), ..line });
            self.unsealed.extend(row.index.map(|index| (n, index, now)));
        }
        if self.seen.len() >= SEEN_BATCH { self.save_seen() } else { Ok(()) }
    }

    /// Keeps in mind how a file looked whose bytes are on record.
    fn note(&mut self, n: usize, stamp: Option<store::Stamp>, row: &Row, differs: bool) {
        use std::os::unix::ffi::OsStrExt;
        let due = &self.due[n].1;
        let (Some(stamp), Some(sha256), Some(sm3)) = (stamp, row.sha256, row.sm3) else { return };
        self.seen.push(Seen {
            path: due.key.as_os_str().as_bytes().to_vec(),
            stamp,
            claims: due.claims,
            differs,
            id: row.id.clone(),
            sha256,
            sm3,
            record_digest: row.record_digest,
            index: row.index,
        });
    }

    fn save_seen(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.seen);
        if rows.is_empty() { Ok(()) } else { Ok(self.folder.store.note_seen(&rows)?) }
    }

    /// Hands out what the newest seal covers, and, as *pending*, what waited too long.
    fn print_sealed(&mut self, events: &mut dyn FnMut(Event)) -> Result<()> {
        while let Some((n, index, since)) = self.unsealed.front().copied() {
            if index >= self.sealed_size {
                let seal =
                    self.folder.writer()?.ledger.wait_final(index, Duration::ZERO).map_err(|e| ledger_error(&e))?;
                self.sealed_size = seal.map_or(self.sealed_size, |s| s.size);
            }
            let sealed = index < self.sealed_size;
            if !sealed && !self.request.unsealed && since.elapsed() < SEAL_WAIT {
                return Ok(());
            }
            self.unsealed.pop_front();
            if let Some(mut line) = self.lines[self.due[n].0].take() {
                if !sealed {
                    line.status = "pending".into();
                    line.unwitnessed = self.folder.reach()?.lacks_witnesses(Some(index));
                }
                self.done(n, line, events);
            }
        }
        Ok(())
    }

    /// Waits for tokens from outside, and for the last seals.
    fn finish(&mut self, events: &mut dyn FnMut(Event)) -> Result<()> {
        let waited = self.outside.wait(self.folder, self.request.wait)?;
        for (n, row, status) in waited {
            let Some(mut line) = self.lines[self.due[n].0].take() else { continue };
            if let Some(row) = row {
                line = DepositLine { warnings: line.warnings, ..line_of(&row, line.file, status) };
            }
            self.done(n, line, events);
        }
        // Nothing more will share the next checkpoint.
        self.folder.writer()?.ledger.hurry();
        while !self.unsealed.is_empty() {
            if let Some((_, index, _)) = self.unsealed.back().filter(|_| !self.request.unsealed) {
                let wait = Duration::from_millis(100);
                self.folder.writer()?.ledger.wait_final(*index, wait).map_err(|e| ledger_error(&e))?;
            }
            self.print_sealed(events)?;
        }
        Ok(())
    }

    /// Names what the run did not come to, or could not acknowledge.
    fn leave(&mut self, why: Option<&Error>, events: &mut dyn FnMut(Event)) {
        for n in 0..self.due.len() {
            if !self.ended[n] {
                let due = &self.due[n].1;
                let error = why.cloned().unwrap_or_else(|| intake::interrupted(&due.path));
                let line = DepositLine { status: intake::INTERRUPTED.into(), ..failed(&due.path, &error) };
                events(Event::Left(Box::new(self.complete(n, line))));
            }
        }
    }

    fn done(&mut self, n: usize, line: DepositLine, events: &mut dyn FnMut(Event)) {
        let line = self.complete(n, line);
        events(Event::Done(Box::new(line.clone())));
        self.lines[self.due[n].0] = Some(line);
        self.ended[n] = true;
    }

    fn complete(&self, n: usize, line: DepositLine) -> DepositLine {
        let due = &self.due[n].1;
        DepositLine { path: due.key.clone(), size: Some(due.stamp.size), ..line }
    }
}

/// Threads that read.
pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

impl Folder {
    /// Beside a file that was read, its record: signing one takes longer than the collecting thread has.
    fn make(&self, path: &Path, mut taken: Taken, request: &DepositRequest) -> Result<Made> {
        let known =
            !request.again && self.known_file(request.account.0, &taken.digests, !request.digest_only)?.is_some();
        let record = if known { None } else { Some(self.record_of(path, &taken, request)?) };
        let record = record.map(|(record, warnings)| {
            taken.warnings.extend(warnings);
            record
        });
        taken.warnings.extend(self.comparing.unsaid());
        Ok(Made { taken, record })
    }
}
