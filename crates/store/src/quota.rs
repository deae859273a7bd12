//! Quota: what accounts were given, what acts under way hold of it, what was spent, bytes that are kept.
//!
//! Rules:
//! - Units go one way: granted → held → spent, or back from held. Each step is one transaction, or part of the one that
//!   writes the record, so no crash leaves a unit between two places.
//! - The grant that expires first is held first, and of what an act holds that is spent first.
//! - What is held stays good when its grant expires meanwhile: the act was begun in time.
//! - Holding and giving back are not synced by themselves: what a crash takes of them was about to be given back anyway.
//! - Bytes are a level, not an amount: erasing and discarding lower it.
//!
//! Times are UTC microseconds.

mod together;

pub(crate) use together::Asking;

use crate::{Result, Store, accounts, erased, records::OF_DIGEST, shops::list};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

/// Refusals that an account's ledger keeps; older ones go.
pub const KEPT_REFUSALS: i64 = 1000;

/// What amounts are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// A record of a file or digest.
    Deposit,
    /// A captured page.
    Capture,
}

impl Unit {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deposit => "deposit",
            Self::Capture => "capture",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Deposit, Self::Capture].into_iter().find(|u| u.as_str() == word)
    }
}

/// An edition or a pack that an account has for a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entitlement {
    /// Number; 0 before it has one.
    pub id: i64,
    /// Whose.
    pub account: i64,
    /// `edition` or `pack`.
    pub kind: String,
    /// In the list of editions.
    pub name: String,
    /// Terms as they were when it was given, JSON.
    pub terms: String,
    /// Bytes that may be held with it.
    pub storage: u64,
    /// `code`, `grant`, `promotion`, `order`.
    pub source: String,
    /// The code's or order's number.
    pub reference: String,
    /// Who gave it.
    pub giver: String,
    /// Given, not bought.
    pub gift: bool,
    /// First moment.
    pub begins_at: i64,
    /// First moment no more.
    pub expires_at: i64,
    /// Ended early: when that was done.
    pub ended_at: Option<i64>,
    /// Given.
    pub created_at: i64,
}

/// An amount for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Of what.
    pub unit: Unit,
    /// First moment.
    pub begins_at: i64,
    /// First moment no more.
    pub expires_at: i64,
    /// How many.
    pub amount: u64,
    /// Held by acts under way.
    pub held: u64,
    /// Used up.
    pub spent: u64,
    /// What it belongs to.
    pub entitlement: i64,
}

/// What an account may still use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Deposits.
    pub deposits: u64,
    /// Captures.
    pub captures: u64,
    /// Bytes that may be held.
    pub storage: u64,
    /// Bytes that are held, or reserved.
    pub kept: u64,
}

/// What an act asks for before it begins.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// Of what.
    pub unit: Unit,
    /// How many.
    pub amount: u64,
    /// Bytes that it may come to hold.
    pub bytes: u64,
}

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The reservation's number.
    Held(i64),
    /// There are not as many; nothing was held. What is left.
    Short(Left),
}

/// Who spends: stands with a record on its way into the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// One unit of this reservation.
    pub reservation: i64,
    /// Bytes that stay here.
    pub bytes: u64,
    /// Who acted.
    pub sign_in: i64,
}

/// A line of an account's ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Move {
    /// Its place.
    pub seq: i64,
    /// When.
    pub at: i64,
    /// `granted`, `ended`, `spent`, `freed`, `refused`.
    pub act: String,
    /// `deposit`, `capture`; `None` where it is of bytes alone.
    pub unit: Option<String>,
    /// How many.
    pub amount: u64,
    /// Bytes.
    pub bytes: u64,
    /// The number of a record, a capture or an entitlement; of a refused file its name.
    pub subject: String,
    /// Who, by name.
    pub who: Option<String>,
    /// Why it was refused, (zh, en).
    pub why: Option<(String, String)>,
}

const ENTITLEMENT: &str = "id, account, kind, name, terms, storage, source, reference, giver, gift, begins_at, expires_at, \
                           ended_at, created_at FROM entitlements";
/// Open at ?2.
const OPEN: &str = "begins_at <= ?2 AND expires_at > ?2";

impl Store {
    /// Gives an account an edition or a pack with its amounts; its number. `sign_in`: by whom, where a person did.
    pub fn entitle(&self, new: &Entitlement, grants: &[Grant], sign_in: Option<i64>) -> Result<i64> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let id = entitle(&transaction, new, grants, sign_in)?;
        transaction.commit()?;
        Ok(id)
    }

    /// Ends one at a moment. Whose it was; `None`: there is none that goes on longer.
    pub fn end_entitlement(&self, id: i64, at: i64, now: i64) -> Result<Option<i64>> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let ended = end_entitlement(&transaction, id, at, now)?;
        transaction.commit()?;
        Ok(ended)
    }

    /// All that an account was given, the newest first.
    pub fn entitlements(&self, account: i64) -> Result<Vec<Entitlement>> {
        let connection = self.door();
        let sql = format!("SELECT {ENTITLEMENT} WHERE account = ?1 ORDER BY id DESC LIMIT 1000");
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map([account], entitlement)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// What an account has at this moment, what ends last first.
    pub fn entitled(&self, account: i64, at: i64) -> Result<Vec<Entitlement>> {
        let connection = self.door();
        let sql = format!("SELECT {ENTITLEMENT} WHERE account = ?1 AND {OPEN} ORDER BY expires_at DESC, id");
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map([account, at], entitlement)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// An account's amounts that are open at this moment, in the order in which they are used.
    pub fn open_grants(&self, account: i64, at: i64) -> Result<Vec<Grant>> {
        let connection = self.look();
        let sql = format!(
            "SELECT unit, begins_at, expires_at, amount, held, spent, entitlement FROM quota_grants
             WHERE account = ?1 AND {OPEN} ORDER BY unit DESC, expires_at, id"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map([account, at], |row| {
            let unit: String = row.get(0)?;
            Ok(Grant {
                unit: Unit::parse(&unit).unwrap_or(Unit::Deposit),
                begins_at: row.get(1)?,
                expires_at: row.get(2)?,
                amount: row.get(3)?,
                held: row.get(4)?,
                spent: row.get(5)?,
                entitlement: row.get(6)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// What an account may still use at this moment.
    pub fn left(&self, account: i64, at: i64) -> Result<Left> {
        left(&self.door(), account, at)
    }

    /// At opening: what acts of a stopped process held is free again. Those that came to a record have spent theirs in
    /// the record's transaction; captures that wait keep theirs. Only the one writer calls this.
    pub fn release_stopped(&self) -> Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "SELECT r.id FROM quota_reservations r LEFT JOIN capture_queue q ON q.id = r.capture
                   WHERE q.state IS NULL OR q.state NOT IN ('waiting', 'running')";
        let stopped: Vec<i64> =
            transaction.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        stopped.into_iter().try_for_each(|id| release(&transaction, id))?;
        Ok(transaction.commit()?)
    }

    /// Keeps in an account's own ledger that something was refused, and why. It costs nothing.
    pub fn note_uncharged(&self, account: i64, new: &Move, sign_in: Option<i64>) -> Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        refused(&transaction, account, new, sign_in)?;
        Ok(transaction.commit()?)
    }

    /// An account's ledger below this place, the newest first.
    /// Of who is limited to shops: what the account was given, what was of those shops' records, what was refused to him.
    pub fn moves(&self, account: i64, below: i64, limit: u32, only: Option<(i64, &[i64])>) -> Result<Vec<Move>> {
        let connection = self.look();
        let only = only.map_or_else(String::new, |(sign_in, shops)| {
            let of = format!("SELECT record FROM shop_records WHERE shop IN ({})", list(shops));
            format!(
                "AND CASE m.act WHEN 'granted' THEN 1 WHEN 'ended' THEN 1
                     WHEN 'refused' THEN m.sign_in IS {sign_in} ELSE m.subject IN ({of}) END"
            )
        });
        let sql = format!(
            "SELECT m.seq, m.at, m.act, m.unit, m.amount, m.bytes, m.subject, s.name, m.zh, m.en FROM quota_moves m
             LEFT JOIN sign_ins s ON s.id = m.sign_in WHERE m.account = ?1 AND m.seq < ?2 {only} ORDER BY m.seq DESC LIMIT ?3"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![account, below, limit], |row| {
            let (zh, en): (Option<String>, Option<String>) = (row.get(8)?, row.get(9)?);
            Ok(Move {
                seq: row.get(0)?,
                at: row.get(1)?,
                act: row.get(2)?,
                unit: row.get(3)?,
                amount: row.get(4)?,
                bytes: row.get(5)?,
                subject: row.get(6)?,
                who: row.get(7)?,
                why: zh.zip(en),
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Notes a named value by which the bytes of a record are dropped, though the record stays. Not under a legal hold.
    pub fn note_discarded(&self, key: &str, value: &str, record: &str, at: i64) -> Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        erased::not_held(&transaction, record)?;
        let sql = "INSERT INTO meta(key, value) VALUES (?1, ?2) ON CONFLICT(key) DO UPDATE SET value = excluded.value";
        transaction.execute(sql, [key, value])?;
        free(&transaction, record, at)?;
        Ok(transaction.commit()?)
    }

    /// Whether an account has a record of a file with this SHA-256.
    pub fn has_file(&self, account: i64, sha256: &[u8; 32]) -> Result<bool> {
        let rows = "SELECT 1 FROM records WHERE seq IN";
        let sql = format!("SELECT EXISTS ({rows} ({OF_DIGEST}) AND sha256 = ?1 AND +account = ?2)");
        Ok(self.look().prepare_cached(&sql)?.query_row(params![sha256, account], |row| row.get(0))?)
    }
}

/// [`Store::entitle`], in the caller's transaction.
pub(crate) fn entitle(
    transaction: &Transaction<'_>,
    new: &Entitlement,
    grants: &[Grant],
    sign_in: Option<i64>,
) -> Result<i64> {
    accounts::still_open(transaction, new.account)?;
    let sql = "INSERT INTO entitlements(account, kind, name, terms, storage, source, reference, giver, gift, begins_at,
               expires_at, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    transaction.prepare_cached(sql)?.execute(params![
        new.account,
        new.kind,
        new.name,
        new.terms,
        new.storage,
        new.source,
        new.reference,
        new.giver,
        new.gift,
        new.begins_at,
        new.expires_at,
        new.created_at
    ])?;
    let id = transaction.last_insert_rowid();
    let sql = "INSERT INTO quota_grants(entitlement, account, unit, begins_at, expires_at, amount) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let mut insert = transaction.prepare_cached(sql)?;
    for grant in grants.iter().filter(|g| g.amount > 0) {
        let unit = grant.unit.as_str();
        insert.execute(params![id, new.account, unit, grant.begins_at, grant.expires_at, grant.amount])?;
    }
    let subject = id.to_string();
    let told = Move { at: new.created_at, act: "granted".into(), bytes: new.storage, subject, ..Move::default() };
    note(transaction, new.account, &told, sign_in)?;
    Ok(id)
}

/// What goes on beyond `at` ends there. Units that acts under way hold stay theirs.
pub(crate) fn end_entitlement(transaction: &Transaction<'_>, id: i64, at: i64, now: i64) -> Result<Option<i64>> {
    let sql = "UPDATE entitlements SET expires_at = max(?2, begins_at), ended_at = ?3 WHERE id = ?1 AND expires_at > max(?2, begins_at)
               RETURNING account";
    let Some(account) = transaction.query_row(sql, [id, at, now], |row| row.get(0)).optional()? else {
        return Ok(None);
    };
    let sql = "UPDATE quota_grants SET expires_at = max(?2, begins_at) WHERE entitlement = ?1 AND expires_at > max(?2, begins_at)";
    transaction.execute(sql, [id, at])?;
    let told = Move { at: now, act: "ended".into(), subject: id.to_string(), ..Move::default() };
    note(transaction, account, &told, None)?;
    Ok(Some(account))
}

/// [`Store::reserve`], in the caller's transaction.
pub(crate) fn reserve(transaction: &Transaction<'_>, account: i64, wanted: Need, at: i64) -> Result<Asked> {
    let Need { unit, amount, bytes } = wanted;
    let now = left(transaction, account, at)?;
    let there = match unit {
        Unit::Deposit => now.deposits,
        Unit::Capture => now.captures,
    };
    if there < amount || now.storage < bytes {
        return Ok(Asked::Short(now));
    }
    let sql = "INSERT INTO quota_reservations(account, bytes) VALUES (?1, ?2)";
    transaction.prepare_cached(sql)?.execute(params![account, bytes])?;
    let reservation = transaction.last_insert_rowid();
    let sql = format!(
        "SELECT id, amount - held - spent FROM quota_grants
         WHERE account = ?1 AND {OPEN} AND unit = ?3 AND held + spent < amount ORDER BY expires_at, id"
    );
    let mut select = transaction.prepare_cached(&sql)?;
    let mut rows = select.query(params![account, at, unit.as_str()])?;
    let (mut rest, mut taken) = (amount, Vec::new());
    while let (true, Some(row)) = (rest > 0, rows.next()?) {
        let (grant, free): (i64, u64) = (row.get(0)?, row.get(1)?);
        taken.push((grant, free.min(rest)));
        rest -= free.min(rest);
    }
    drop(rows);
    for (grant, n) in taken {
        transaction
            .prepare_cached("UPDATE quota_grants SET held = held + ?2 WHERE id = ?1")?
            .execute(params![grant, n])?;
        transaction
            .prepare_cached("INSERT INTO quota_reserved(reservation, grant_id, amount) VALUES (?1, ?2, ?3)")?
            .execute(params![reservation, grant, n])?;
    }
    if bytes > 0 {
        let sql = "INSERT INTO quota_storage(account, reserved) VALUES (?1, ?2)
                   ON CONFLICT(account) DO UPDATE SET reserved = reserved + excluded.reserved";
        transaction.prepare_cached(sql)?.execute(params![account, bytes])?;
    }
    Ok(Asked::Held(reservation))
}

/// Spends one unit of a reservation for a record, in the transaction that writes the record.
pub(crate) fn spend(transaction: &Transaction<'_>, charge: &Charge, record: &str, at: i64) -> Result<()> {
    let Charge { reservation, bytes, sign_in } = *charge;
    let sql = "SELECT h.grant_id, g.unit, g.account FROM quota_reserved h JOIN quota_grants g ON g.id = h.grant_id
               WHERE h.reservation = ?1 ORDER BY g.expires_at, g.id LIMIT 1";
    // None is there: who charges holds as many as it records, so this is a fault, and nothing may be recorded for free.
    let (grant, unit, account): (i64, String, i64) =
        transaction.prepare_cached(sql)?.query_row([reservation], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let take = "UPDATE quota_reserved SET amount = amount - 1 WHERE reservation = ?1 AND grant_id = ?2 AND amount > 1";
    if transaction.prepare_cached(take)?.execute([reservation, grant])? == 0 {
        let last = "DELETE FROM quota_reserved WHERE reservation = ?1 AND grant_id = ?2";
        transaction.prepare_cached(last)?.execute([reservation, grant])?;
    }
    transaction
        .prepare_cached("UPDATE quota_grants SET held = held - 1, spent = spent + 1 WHERE id = ?1")?
        .execute([grant])?;
    keep(transaction, account, reservation, record, bytes)?;
    // What is spent to its end has nothing to give back.
    let end = "DELETE FROM quota_reservations WHERE id = ?1 AND bytes = 0
               AND NOT EXISTS (SELECT 1 FROM quota_reserved WHERE reservation = ?1)";
    transaction.prepare_cached(end)?.execute([reservation])?;
    let told =
        Move { at, act: "spent".into(), unit: Some(unit), amount: 1, bytes, subject: record.into(), ..Move::default() };
    note(transaction, account, &told, Some(sign_in))
}

/// Bytes of a record stay; those of the reservation that were meant for them are reserved no more.
fn keep(transaction: &Transaction<'_>, account: i64, reservation: i64, record: &str, bytes: u64) -> Result<()> {
    if bytes == 0 {
        return Ok(());
    }
    let sql = "SELECT min(bytes, ?2) FROM quota_reservations WHERE id = ?1";
    let meant: u64 = transaction.prepare_cached(sql)?.query_row(params![reservation, bytes], |row| row.get(0))?;
    transaction
        .prepare_cached("UPDATE quota_reservations SET bytes = bytes - ?2 WHERE id = ?1")?
        .execute(params![reservation, meant])?;
    let sql = "INSERT INTO quota_storage(account, kept) VALUES (?1, ?2)
               ON CONFLICT(account) DO UPDATE SET kept = kept + ?2, reserved = reserved - ?3";
    transaction.prepare_cached(sql)?.execute(params![account, bytes, meant])?;
    transaction
        .prepare_cached("INSERT INTO quota_kept(record, account, bytes) VALUES (?1, ?2, ?3)")?
        .execute(params![record, account, bytes])?;
    Ok(())
}

/// Gives back what is left of a reservation, in the caller's transaction.
pub(crate) fn release(transaction: &Transaction<'_>, reservation: i64) -> Result<()> {
    let sql = "UPDATE quota_grants SET held = held - (SELECT amount FROM quota_reserved WHERE reservation = ?1 AND grant_id = id)
               WHERE id IN (SELECT grant_id FROM quota_reserved WHERE reservation = ?1)";
    transaction.prepare_cached(sql)?.execute([reservation])?;
    transaction.prepare_cached("DELETE FROM quota_reserved WHERE reservation = ?1")?.execute([reservation])?;
    let sql = "DELETE FROM quota_reservations WHERE id = ?1 RETURNING account, bytes";
    let bytes: Option<(i64, u64)> =
        transaction.prepare_cached(sql)?.query_row([reservation], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    if let Some((account, bytes)) = bytes.filter(|(_, bytes)| *bytes > 0) {
        let sql = "UPDATE quota_storage SET reserved = reserved - ?2 WHERE account = ?1";
        transaction.prepare_cached(sql)?.execute(params![account, bytes])?;
    }
    Ok(())
}

/// Bytes of a record are kept no longer, in the caller's transaction.
pub(crate) fn free(transaction: &Transaction<'_>, record: &str, at: i64) -> Result<()> {
    let sql = "DELETE FROM quota_kept WHERE record = ?1 RETURNING account, bytes";
    let found: Option<(i64, u64)> =
        transaction.prepare_cached(sql)?.query_row([record], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((account, bytes)) = found else { return Ok(()) };
    transaction
        .prepare_cached("UPDATE quota_storage SET kept = kept - ?2 WHERE account = ?1")?
        .execute(params![account, bytes])?;
    let told = Move { at, act: "freed".into(), bytes, subject: record.into(), ..Move::default() };
    note(transaction, account, &told, None)
}

/// The reservation of a capture; `None` where it needs none.
pub(crate) fn of_capture(transaction: &Transaction<'_>, capture: i64) -> Result<Option<i64>> {
    let sql = "SELECT id FROM quota_reservations WHERE capture = ?1";
    Ok(transaction.prepare_cached(sql)?.query_row([capture], |row| row.get(0)).optional()?)
}

/// From here on a reservation goes with this capture.
pub(crate) fn bind_capture(transaction: &Transaction<'_>, reservation: i64, capture: i64) -> Result<()> {
    let sql = "UPDATE quota_reservations SET capture = ?2 WHERE id = ?1";
    transaction.prepare_cached(sql)?.execute([reservation, capture])?;
    Ok(())
}

/// A line of an account's ledger, in the caller's transaction.
fn note(transaction: &Transaction<'_>, account: i64, new: &Move, sign_in: Option<i64>) -> Result<()> {
    let sql = "INSERT INTO quota_moves(at, account, act, unit, amount, bytes, subject, sign_in, zh, en)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let (zh, en) = new.why.clone().unzip();
    transaction.prepare_cached(sql)?.execute(params![
        new.at,
        account,
        new.act,
        new.unit,
        new.amount,
        new.bytes,
        new.subject,
        sign_in,
        zh,
        en
    ])?;
    Ok(())
}

/// [`Store::note_uncharged`], in the caller's transaction.
pub(crate) fn refused(transaction: &Transaction<'_>, account: i64, new: &Move, sign_in: Option<i64>) -> Result<()> {
    note(transaction, account, &Move { act: "refused".into(), ..new.clone() }, sign_in)?;
    let sql = "DELETE FROM quota_moves WHERE account = ?1 AND act = 'refused' AND seq <=
               (SELECT seq FROM quota_moves WHERE account = ?1 AND act = 'refused' ORDER BY seq DESC LIMIT 1 OFFSET ?2)";
    transaction.prepare_cached(sql)?.execute([account, KEPT_REFUSALS])?;
    Ok(())
}

/// What an account may still use.
pub(crate) fn left(connection: &Connection, account: i64, at: i64) -> Result<Left> {
    let sql = format!(
        "SELECT coalesce(sum(amount - held - spent) FILTER (WHERE unit = 'deposit'), 0),
                coalesce(sum(amount - held - spent) FILTER (WHERE unit = 'capture'), 0)
         FROM quota_grants WHERE account = ?1 AND {OPEN} AND unit IN ('deposit', 'capture') AND held + spent < amount"
    );
    let (deposits, captures) =
        connection.prepare_cached(&sql)?.query_row([account, at], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let sql = format!("SELECT coalesce(sum(storage), 0) FROM entitlements WHERE account = ?1 AND {OPEN}");
    let granted: u64 = connection.prepare_cached(&sql)?.query_row([account, at], |row| row.get(0))?;
    let sql = "SELECT kept + reserved FROM quota_storage WHERE account = ?1";
    let kept: Option<u64> = connection.prepare_cached(sql)?.query_row([account], |row| row.get(0)).optional()?;
    let kept = kept.unwrap_or_default();
    Ok(Left { deposits, captures, storage: granted.saturating_sub(kept), kept })
}

fn entitlement(row: &Row<'_>) -> rusqlite::Result<Entitlement> {
    Ok(Entitlement {
        id: row.get(0)?,
        account: row.get(1)?,
        kind: row.get(2)?,
        name: row.get(3)?,
        terms: row.get(4)?,
        storage: row.get(5)?,
        source: row.get(6)?,
        reference: row.get(7)?,
        giver: row.get(8)?,
        gift: row.get(9)?,
        begins_at: row.get(10)?,
        expires_at: row.get(11)?,
        ended_at: row.get(12)?,
        created_at: row.get(13)?,
    })
}

#[cfg(test)]
mod tests;
