//! Statements stamped from outside: durable at once, a record when an authority has answered.
//!
//! Rules:
//! - A statement without its token is *pending*, with a number and without an index; it is acknowledged, and survives
//!   whatever happens to this process.
//! - Each authority takes the next statement when it may be asked; one that fails gives it back.
//! - The embedded authority never stands in for a statement: the operator switches, or waits.

use crate::{
    DepositLine, Error, Folder, Result, Warnings,
    authorities::nobody_outside,
    config::{self, Statements},
    folder,
    folder::Writer,
    issuers::LOOK,
    register::line_of,
};
use evidence::{
    record::{Record, Timestamp, record_digest},
    statement::{Kind, Statement},
    token::Token,
};
use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError, TryLockError,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};
use store::{Charge, NewRecord, Record as Row, Waiting};

/// How long a command waits for tokens from outside, seconds.
pub(crate) const OUTSIDE_WAIT: u64 = 60;
/// How long a server asks at a time, so that it can stop.
const A_WHILE: Duration = Duration::from_secs(5);
/// Most records of one transaction.
const BATCH: usize = 64;

/// What `stamp` came to.
#[derive(Clone, Copy, Debug)]
pub struct Stamped {
    /// Records under a seal.
    pub sealed: u64,
    /// Records on the ledger.
    pub size: u64,
    /// Statements without a token.
    pub waiting: u64,
    /// Of those that are not sealed, records that lack only the policy's witnesses.
    pub unwitnessed: u64,
}

impl Folder {
    /// Whether statements wait for a token from outside.
    pub fn statements_external(&self) -> bool {
        self.writer().is_ok_and(|writer| writer.issuers.external)
    }

    /// Whether statements wait for a token from outside; else the embedded authority stamps them at once.
    pub fn set_statements(&self, external: bool) -> Result<()> {
        self.writer()?;
        let mut config = config::read(&self.dir)?;
        if external && config.timestamp.authority.is_empty() {
            return Err(nobody_outside());
        }
        config.timestamp.statements = if external { Statements::External } else { Statements::Embedded };
        config::write(&self.dir, &config)
    }

    /// Waits until every statement is stamped and every record sealed.
    pub fn stamp(&self, wait: Duration, progress: &mut dyn FnMut(u64, u64)) -> Result<Stamped> {
        let (ledger, deadline) = (&self.writer()?.ledger, Instant::now() + wait);
        let waiting = self.catch_up(deadline, None)?;
        ledger.hurry();
        let size = ledger.size();
        loop {
            let step = deadline.saturating_duration_since(Instant::now()).min(Duration::from_millis(500));
            let done = ledger.wait_final(size.saturating_sub(1), step).map_err(|e| folder::ledger_error(&e))?;
            let sealed = if done.is_some() { size } else { ledger.final_size().min(size) };
            progress(sealed, size);
            if done.is_some() || step.is_zero() {
                let unwitnessed = ledger.sealed_size().min(size).saturating_sub(sealed);
                return Ok(Stamped { sealed, size, waiting, unwitnessed });
            }
        }
    }

    /// Has stamped what waits, as far as anybody answers now. Only the one writer calls this.
    pub fn go_on_stamping(&self) -> Result<()> {
        if self.store.waits()? {
            self.catch_up(Instant::now() + A_WHILE, None)?;
        }
        Ok(())
    }

    /// Has what waits stamped, or only this one, until nothing waits or nobody can be asked before the deadline.
    /// Gives how many still wait.
    pub(crate) fn catch_up(&self, deadline: Instant, only: Option<&str>) -> Result<u64> {
        let writer = self.writer()?;
        // Who has all of it stamped does so alone: two would ask for each token twice.
        let mut alone = None;
        while only.is_none() && alone.is_none() {
            alone = match self.stamping.try_lock() {
                Ok(held) => Some(held),
                Err(TryLockError::Poisoned(held)) => Some(held.into_inner()),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    std::thread::sleep(LOOK / 4);
                    None
                }
                Err(TryLockError::WouldBlock) => return Ok(self.store.waiting()?.len() as u64),
            };
        }
        let queue = VecDeque::from(match only {
            Some(id) => self.store.waiting_one(id)?.into_iter().collect(),
            None => self.store.waiting()?,
        });
        if queue.is_empty() {
            return Ok(0);
        }
        let (send, done) = mpsc::channel();
        if !writer.issuers.external {
            // The operator switched back while these waited.
            for waiting in queue {
                let (tsr, _) = embedded(writer, &waiting.statement)?;
                let _ = send.send((waiting, tsr));
            }
            drop(send);
            self.recorded(writer, done)?;
            return Ok(0);
        }
        let (left, queue) = (AtomicUsize::new(queue.len()), Mutex::new(queue));
        std::thread::scope(|scope| {
            for outside in &writer.issuers.outside {
                let (send, left, queue) = (send.clone(), &left, &queue);
                scope.spawn(move || {
                    loop {
                        let (wait, rest) = (outside.remote.wait(), deadline.saturating_duration_since(Instant::now()));
                        if left.load(Ordering::SeqCst) == 0 || rest.is_zero() || wait > rest {
                            return;
                        }
                        if !wait.is_zero() {
                            std::thread::sleep(wait.min(LOOK));
                            continue;
                        }
                        let Some(waiting) = lock(queue).pop_front() else {
                            // Another authority may give its one back.
                            std::thread::sleep(LOOK / 4);
                            continue;
                        };
                        match outside.stamp(&waiting.statement) {
                            Ok(tsr) => {
                                left.fetch_sub(1, Ordering::SeqCst);
                                if send.send((waiting, tsr)).is_err() {
                                    return;
                                }
                            }
                            Err(_) => lock(queue).push_front(waiting),
                        }
                    }
                });
            }
            drop(send);
            self.recorded(writer, done)
        })?;
        Ok(left.into_inner() as u64)
    }

    /// Puts on the ledger what was stamped, as it comes.
    fn recorded(&self, writer: &Writer, done: mpsc::Receiver<(Waiting, Vec<u8>)>) -> Result<()> {
        while let Ok(first) = done.recv() {
            let more = done.try_iter().take(BATCH - 1);
            let batch = std::iter::once(first).chain(more).map(|(waiting, tsr)| recorded(waiting, tsr));
            let batch = batch.collect::<Result<Vec<_>>>()?;
            let (store, ledger) = (&self.store, &writer.ledger);
            writer.desk.alone(store, ledger, || {
                let batch = store.stamped(batch)?;
                folder::place(store, ledger, batch.iter().map(|new| &new.record))
            })?;
        }
        Ok(())
    }

    /// A record that a command needs at once. An order that nobody stamped is taken back; anything else goes on
    /// waiting, as a row without an index.
    pub(crate) fn stamped_outside(&self, waiting: Waiting, wait: Option<u64>) -> Result<Row> {
        self.store.insert_waiting([&waiting])?;
        let row = self.awaited(waiting.row, wait)?;
        if row.record.is_empty() && row.kind == Kind::Order.as_str() {
            self.store.forget_waiting(&row.id)?;
            return Err(Error::incomplete(
                "外部时间机构没有为取证指令盖时间戳，页面没有打开；请用 quezao admin tsa list 查看原因，稍后重试",
                "no outside authority stamped the order, so the page was not opened; quezao admin tsa list shows why; try again later",
            ));
        }
        Ok(row)
    }

    /// The record that a waiting row becomes within so many seconds, else that row.
    pub(crate) fn awaited(&self, row: Row, wait: Option<u64>) -> Result<Row> {
        let deadline = Instant::now() + Duration::from_secs(wait.unwrap_or(OUTSIDE_WAIT));
        self.catch_up(deadline, Some(&row.id))?;
        Ok(self.store.record(&row.id)?.unwrap_or(row))
    }
}

/// A record, or, where tokens come from outside, a statement that waits for one.
pub(crate) enum Prepared {
    Record(NewRecord),
    Waits(Waiting),
}

impl Prepared {
    /// The same, paid for by somebody.
    pub(crate) fn charged(mut self, charge: Option<Charge>) -> Self {
        match &mut self {
            Self::Record(new) => new.record.charge = charge,
            Self::Waits(waiting) => waiting.row.charge = charge,
        }
        self
    }
}

/// What of a run over files waits for tokens from outside; files are named by their place among those due.
#[derive(Default)]
pub(crate) struct FromOutside {
    /// For the next transaction.
    pub(crate) batch: Vec<(usize, Waiting, Warnings)>,
    /// Durable: record number, and what the line says once that is sealed.
    pub(crate) lines: Vec<(usize, String, &'static str)>,
}

impl FromOutside {
    pub(crate) fn holds(&self, sha256: Option<[u8; 32]>) -> bool {
        self.batch.iter().any(|(_, waiting, _)| waiting.row.sha256 == sha256)
    }

    /// Makes the batch durable, and hands it back for its lines.
    pub(crate) fn commit(&mut self, store: &store::Store) -> Result<Vec<(usize, Waiting, Warnings)>> {
        let batch = std::mem::take(&mut self.batch);
        if !batch.is_empty() {
            store.insert_waiting(batch.iter().map(|(_, waiting, _)| waiting))?;
        }
        self.lines.extend(batch.iter().map(|(n, waiting, _)| (*n, waiting.row.id.clone(), "new")));
        Ok(batch)
    }

    /// Waits for tokens, and for the seal after them. Gives each line's record, where it is one by now, and status.
    pub(crate) fn wait(
        &mut self,
        folder: &Folder,
        seconds: Option<u64>,
    ) -> Result<Vec<(usize, Option<Row>, &'static str)>> {
        if self.lines.is_empty() {
            return Ok(Vec::new());
        }
        let deadline = Instant::now() + Duration::from_secs(seconds.unwrap_or(OUTSIDE_WAIT));
        folder.catch_up(deadline, None)?;
        let ledger = &folder.writer()?.ledger;
        ledger.hurry();
        let until = deadline.max(Instant::now() + crate::deposit::SEAL_WAIT);
        let mut waited = Vec::new();
        for (n, id, sealed) in self.lines.drain(..) {
            let row = folder.store.record(&id)?;
            let rest = until.saturating_duration_since(Instant::now());
            let seal = match row.as_ref().and_then(|row| row.index) {
                Some(index) => ledger.wait_final(index, rest).map_err(|e| folder::ledger_error(&e))?,
                None => None,
            };
            waited.push((n, row, if seal.is_some() { sealed } else { "pending" }));
        }
        Ok(waited)
    }
}

/// A statement and its token, as a record.
pub(crate) fn recorded(waiting: Waiting, tsr: Vec<u8>) -> Result<NewRecord> {
    let token = Token::parse_tsr(&tsr)?;
    record_of(Statement::parse(&waiting.statement)?, waiting.row, tsr, &token)
}

/// The record of a statement, its row, and its token, which was read.
pub(crate) fn record_of(statement: Statement, row: Row, tsr: Vec<u8>, token: &Token) -> Result<NewRecord> {
    let timestamps = vec![Timestamp { gen_time: token.gen_time_text.clone(), token_sha256: token.token_sha256 }];
    let bytes = Record { statement, timestamps }.to_bytes()?;
    let record = Row { record_digest: record_digest(&bytes), record: bytes, ..row };
    Ok(NewRecord { record, tokens: vec![tsr] })
}

/// A token of the embedded authority over a statement, as bytes and read.
pub(crate) fn embedded(writer: &Writer, statement: &[u8]) -> Result<(Vec<u8>, Token)> {
    writer.authority.stamp_read(statement).map_err(|e| {
        Error::new(
            format!("内置时间机构未能签发时间标记（{e}）"),
            format!("the embedded authority did not stamp the statement ({e})"),
        )
    })
}

/// What waits, as a line.
pub(crate) fn waiting_line(waiting: &Waiting, file: String) -> DepositLine {
    line_of(&waiting.row, file, "pending")
}

/// Why nothing can be taken out of what waits.
pub(crate) fn unstamped(id: &str) -> Error {
    Error::incomplete(
        format!("{id}：声明还没有外部时间机构的时间戳；请运行 quezao stamp，原因见 quezao admin tsa list"),
        format!(
            "{id}: no outside authority has stamped the statement yet; run quezao stamp; quezao admin tsa list shows why"
        ),
    )
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
