//! What a Quezao ledger's own rules say about its entries: looked at behind the mirror, in the node's own copy.
//!
//! Rules: an entry that breaks a rule, or that this version does not understand, is an alarm and never a refusal; the
//! tree stands whatever its leaves say. Looked at are: the form of each record, the ledger that it names, that the
//! operator's record is the first and only there, that no number stands twice, that its tokens' times are neither before
//! it was received nor after now. References to other records are salted in the leaf, so a node sees them only in what is
//! disclosed to it. Numbers lie in a table on the disk, not in memory.

use crate::{
    Error, Result, Shared,
    alarms::{Alarm, Alarms, Kind as Seen},
    copy::Copy,
    folder,
    logs::Log,
    request,
};
use evidence::{
    checkpoint, hex,
    record::Record,
    statement::Kind,
    time::{SECOND, Utc},
};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// Entries that are looked at in one go.
const AT_ONCE: u64 = 16_384;
/// Alarms of one go that are told one by one.
const TOLD: usize = 20;
/// What a token's time may be off: its accuracy, at most a minute, which the leaf does not say, and two seconds of the
/// platform's clock; against this machine's clock another minute (spec/sealing.md, order of times).
const BEFORE: i64 = 62 * SECOND;
const AFTER: i64 = 120 * SECOND;

const TABLES: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS progress (one INTEGER PRIMARY KEY CHECK (one = 1), next INTEGER NOT NULL) STRICT;
    INSERT OR IGNORE INTO progress VALUES (1, 0);
    CREATE TABLE IF NOT EXISTS numbers (id BLOB PRIMARY KEY, place INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

/// Looks at the entries of one Quezao ledger.
pub(crate) struct Examiner {
    log: Log,
    copy: Arc<Copy>,
    alarms: Arc<Alarms>,
    table: Mutex<Connection>,
}

impl Examiner {
    /// `None`: the origin does not name its key as a Quezao ledger's does, so its entries are anything.
    pub(crate) fn open(data: &Path, log: &Log, copy: Arc<Copy>, with: &Shared) -> Result<Option<Self>> {
        if checkpoint::check_origin(log.origin(), log.key.public_key()).is_err() {
            return Ok(None);
        }
        folder::make(&data.join("follow"))?;
        let table = Connection::open(path(data, log)).map_err(broken)?;
        table.execute_batch(TABLES).map_err(broken)?;
        Ok(Some(Self { log: log.clone(), copy, alarms: with.alarms.clone(), table: Mutex::new(table) }))
    }

    /// Looks at some more; whether there are more still.
    pub(crate) fn step(&self, now: Utc) -> Result<bool> {
        let Some(held) = self.copy.held() else { return Ok(false) };
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let (from, size) = (next(&table)?, held.checkpoint.size);
        let to = size.min(from.saturating_add(AT_ONCE));
        if from >= to {
            return Ok(false);
        }
        let change = table.transaction().map_err(broken)?;
        // Of many only these are held in memory; of the rest, how many.
        let (mut wrong, mut rest) = (Vec::with_capacity(TOLD), 0u64);
        let mut note = |index, entry, why| match wrong.len() < TOLD {
            true => wrong.push((index, entry, why)),
            false => rest += 1,
        };
        {
            let mut known = change.prepare_cached("SELECT place FROM numbers WHERE id = ?1").map_err(broken)?;
            let mut add = change.prepare_cached("INSERT OR IGNORE INTO numbers VALUES (?1, ?2)").map_err(broken)?;
            for (index, entry) in (from..to).zip(self.copy.tree().entries(from, size)) {
                let entry = entry?;
                match self.look(index, &entry, now) {
                    Err(why) => note(index, entry, why),
                    Ok(id) => {
                        if add.execute(params![id, index]).map_err(broken)? == 0 {
                            let place: Option<u64> =
                                known.query_row([&id], |row| row.get(0)).optional().map_err(broken)?;
                            let place = place.unwrap_or_default();
                            if place != index {
                                note(index, entry, repeats(&id, place));
                            }
                        }
                    }
                }
            }
        }
        change.execute("UPDATE progress SET next = ?1", [to]).map_err(broken)?;
        // Told first: an alarm that is told twice is better than one that is lost.
        for (index, entry, why) in &wrong {
            self.raise(*index, entry, why, now);
        }
        if rest > 0 {
            let (zh, en) = (
                format!("第 {from} 至 {to} 条中另有 {rest} 条不合规则"),
                format!("{rest} more entries of {from} to {to} break a rule"),
            );
            self.alarms.raise(&self.alarm(Error::new(zh, en), now));
        }
        change.commit().map_err(broken)?;
        Ok(to < size)
    }

    /// The record's number, where it keeps the rules that it can be held to alone.
    fn look(&self, index: u64, entry: &[u8], now: Utc) -> Result<[u8; 16]> {
        let Record { statement, timestamps } = Record::parse(entry)?;
        if statement.ledger != self.log.origin() {
            return Err(
                evidence::Error::mismatch("ledger of the statement", &statement.ledger, self.log.origin()).into()
            );
        }
        if (statement.kind == Kind::Operator) != (index == 0) {
            let expected = if index == 0 { "operator" } else { "any kind but operator" };
            return Err(evidence::Error::mismatch("statement kind", statement.kind.as_str(), expected).into());
        }
        for token in &timestamps {
            let (at, received) = (Utc::parse_generalized(&token.gen_time)?, statement.received_at);
            if received > at.plus(BEFORE) {
                let expected = format!("not before it was received, {}", received.to_micros());
                return Err(evidence::Error::mismatch("time of its token", at.to_micros(), expected).into());
            }
            if at > now.plus(AFTER) {
                let expected = format!("no later than this machine's clock, {}", now.to_micros());
                return Err(evidence::Error::mismatch("time of its token", at.to_micros(), expected).into());
            }
        }
        Ok(hex::decode("id", &statement.id.replace('-', ""))?)
    }

    fn raise(&self, index: u64, entry: &[u8], why: &Error, now: Utc) {
        let alarm = self.alarm(
            Error::new(
                format!("账本第 {index} 条不合规则或本版本不识别：{}", why.zh),
                format!("entry {index} of the ledger breaks a rule or is unknown to this version: {}", why.en),
            ),
            now,
        );
        let held = self.copy.held();
        let size = held.as_ref().map_or(0, |held| held.checkpoint.size);
        let proof = self.copy.tree().inclusion_proof(index, size, size).unwrap_or_default();
        let proof = format!(
            "RFC 6962 inclusion proof under ours.txt\nindex {index}\n{}entry {}\n",
            request::lines(&proof),
            hex::encode(entry)
        );
        self.alarms.raise(&Alarm { ours: held.map(|held| held.note), proof: Some(proof), ..alarm });
    }

    /// Entries that were looked at.
    pub(crate) fn looked(&self) -> Result<u64> {
        next(&self.table.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn alarm(&self, said: Error, at: Utc) -> Alarm {
        let origin = self.log.origin().to_owned();
        Alarm { kind: Seen::Record, origin, at, zh: said.zh, en: said.en, ours: None, theirs: None, proof: None }
    }
}

/// Entries of this log that were looked at, as the folder shows it; `None`: none ever were.
pub(crate) fn examined(data: &Path, log: &Log) -> Result<Option<u64>> {
    let path = path(data, log);
    if !path.is_file() {
        return Ok(None);
    }
    let table = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(broken)?;
    next(&table).map(Some)
}

fn path(data: &Path, log: &Log) -> PathBuf {
    data.join("follow").join(format!("{}.numbers", log.hash()))
}

fn next(table: &Connection) -> Result<u64> {
    table.query_row("SELECT next FROM progress", [], |row| row.get(0)).map_err(broken)
}

fn repeats(id: &[u8; 16], place: u64) -> Error {
    let id = hex::encode(id);
    Error::new(format!("编号 {id} 已用于第 {place} 条"), format!("its number {id} stands in entry {place} already"))
}

fn broken(e: rusqlite::Error) -> Error {
    Error::new(
        format!("节点的编号表不能读写（{e}）；删除 follow/ 下的 .numbers 文件后重新查看"),
        format!("the node's table of numbers cannot be used ({e}); delete the .numbers file in follow/ to look again"),
    )
}
