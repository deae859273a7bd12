//! How accounts come to what they have: codes, acknowledgements, orders of an external market.
//!
//! Rules:
//! - A code's use is counted and what it gives is given in one transaction; of two who come at once with the last use one
//!   is told that it is gone.
//! - What stands of an order follows from the set of its events, not from the order in which they came.
//!
//! Times are UTC microseconds; codes are here as SHA-256 only.

use crate::{
    Entitlement, Grant, Result, Store, accounts,
    quota::{end_entitlement, entitle},
};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

/// An activation code or promotion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Code {
    /// Number.
    pub id: i64,
    /// Its first letters.
    pub hint: String,
    /// `edition` or `pack`.
    pub kind: String,
    /// In the list of editions.
    pub name: String,
    /// Terms as they were when it was made, JSON.
    pub terms: String,
    /// Who gives.
    pub giver: String,
    /// Given, not bought.
    pub gift: bool,
    /// The operator's own words about it.
    pub note: String,
    /// How many accounts may use it.
    pub uses: u64,
    /// How many did.
    pub used: u64,
    /// First moment at which it opens nothing more.
    pub expires_at: i64,
    /// Ended by the operator.
    pub ended_at: Option<i64>,
    /// Made.
    pub created_at: i64,
}

/// What came of using a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeUsed {
    /// The entitlement's number.
    Given(i64),
    /// By this account before.
    Again,
    /// By as many as may.
    Spent,
    /// Too late.
    Expired,
    /// Ended by the operator.
    Ended,
}

/// What a market says of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderEvent {
    /// A period was paid for.
    Period(Box<Entitlement>, Vec<Grant>),
    /// No period that begins after this moment.
    Cancelled(i64),
    /// Nothing from this moment on.
    Refunded(i64),
}

/// A message of a market.
#[derive(Clone, Debug)]
pub struct MarketEvent<'a> {
    /// Its name, the same however often it is sent.
    pub id: &'a str,
    /// SHA-256 of its body.
    pub digest: &'a [u8; 32],
    /// The order's number.
    pub number: &'a str,
    /// Whose order.
    pub account: i64,
    /// Its kind, as it is called.
    pub word: &'a str,
    /// What is said.
    pub event: OrderEvent,
    /// Now.
    pub at: i64,
}

/// What came of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Its answer, now or when it first came.
    Answered(String),
    /// Another message had this name.
    OtherEvent,
    /// The order is another account's.
    OtherAccount,
    /// There is no such account, or it is closed.
    NoAccount,
}

/// An order as the operator sees it.
#[derive(Clone, Debug)]
pub struct Order {
    /// Its number.
    pub number: String,
    /// Whose.
    pub account: i64,
    /// How many periods were paid for.
    pub periods: u64,
    /// Cancelled from.
    pub cancelled_at: Option<i64>,
    /// Refunded from.
    pub refunded_at: Option<i64>,
    /// First heard of.
    pub created_at: i64,
}

const CODE: &str = "id, hint, kind, name, terms, giver, gift, note, uses, used, expires_at, ended_at, created_at \
                    FROM activation_codes";

impl Store {
    /// Adds codes, all or none; `digest` of each beside it.
    pub fn add_codes(&self, codes: &[([u8; 32], Code)]) -> Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "INSERT INTO activation_codes(digest, hint, kind, name, terms, giver, gift, note, uses, expires_at, created_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        for (digest, c) in codes {
            transaction.prepare_cached(sql)?.execute(params![
                digest,
                c.hint,
                c.kind,
                c.name,
                c.terms,
                c.giver,
                c.gift,
                c.note,
                c.uses,
                c.expires_at,
                c.created_at
            ])?;
        }
        Ok(transaction.commit()?)
    }

    /// The code of this digest.
    pub fn code(&self, digest: &[u8; 32]) -> Result<Option<Code>> {
        let sql = format!("SELECT {CODE} WHERE digest = ?1");
        Ok(self.look().query_row(&sql, [digest], code).optional()?)
    }

    /// Codes below this number, the newest first.
    pub fn codes(&self, below: i64, limit: u32) -> Result<Vec<Code>> {
        let connection = self.look();
        let sql = format!("SELECT {CODE} WHERE id < ?1 ORDER BY id DESC LIMIT ?2");
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![below, limit], code)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Ends a code; whether it was one that could still be used.
    pub fn end_code(&self, id: i64, at: i64) -> Result<bool> {
        let sql = "UPDATE activation_codes SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL AND used < uses";
        Ok(self.lock().execute(sql, [id, at])? == 1)
    }

    /// Uses a code for what it gives, and notes the acknowledgement that came with it. A closed account uses none
    /// ([`crate::Error::NoAccount`]).
    pub fn use_code(&self, id: i64, given: &Entitlement, grants: &[Grant], sign_in: i64) -> Result<CodeUsed> {
        let (account, at) = (given.account, given.created_at);
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "SELECT EXISTS (SELECT 1 FROM code_uses WHERE code = ?1 AND account = ?2)";
        if transaction.query_row(sql, [id, account], |row| row.get(0))? {
            return Ok(CodeUsed::Again);
        }
        let found = transaction.query_row(&format!("SELECT {CODE} WHERE id = ?1"), [id], code)?;
        if found.ended_at.is_some() {
            return Ok(CodeUsed::Ended);
        }
        if found.used >= found.uses {
            return Ok(CodeUsed::Spent);
        }
        if found.expires_at <= at {
            return Ok(CodeUsed::Expired);
        }
        transaction.execute("UPDATE activation_codes SET used = used + 1 WHERE id = ?1", [id])?;
        let entitlement = entitle(&transaction, given, grants, Some(sign_in))?;
        let sql = "INSERT INTO code_uses(code, account, entitlement, at) VALUES (?1, ?2, ?3, ?4)";
        transaction.execute(sql, [id, account, entitlement, at])?;
        acknowledge(&transaction, account, sign_in, at)?;
        transaction.commit()?;
        Ok(CodeUsed::Given(entitlement))
    }

    /// Notes that somebody of an account acknowledged what the service does; the first time counts.
    pub fn acknowledge(&self, account: i64, sign_in: i64, at: i64) -> Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        accounts::still_open(&transaction, account)?;
        acknowledge(&transaction, account, sign_in, at)?;
        Ok(transaction.commit()?)
    }

    /// When an account acknowledged.
    pub fn acknowledged(&self, account: i64) -> Result<Option<i64>> {
        let sql = "SELECT at FROM acknowledgements WHERE account = ?1";
        Ok(self.door().prepare_cached(sql)?.query_row([account], |row| row.get(0)).optional()?)
    }

    /// Whether there is an account of this number, and it is open.
    pub fn account_open(&self, account: i64) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM accounts WHERE id = ?1 AND state = 'open')";
        Ok(self.look().query_row(sql, [account], |row| row.get(0))?)
    }

    /// Takes a market's message: once, whatever came before or will come after it.
    pub fn take_event(&self, event: &MarketEvent<'_>) -> Result<Taken> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Some(known) = taken_before(&transaction, event.id, event.digest)? {
            return Ok(known);
        }
        let sql = "SELECT account FROM market_orders WHERE number = ?1";
        let account: Option<i64> = transaction.query_row(sql, [event.number], |row| row.get(0)).optional()?;
        if account.is_some_and(|account| account != event.account) {
            return Ok(Taken::OtherAccount);
        }
        if account.is_none() {
            let sql = "INSERT INTO market_orders(number, account, created_at)
                       SELECT ?1, id, ?3 FROM accounts WHERE id = ?2 AND state = 'open'";
            if transaction.execute(sql, params![event.number, event.account, event.at])? == 0 {
                return Ok(Taken::NoAccount);
            }
        }
        apply(&transaction, event)?;
        let answer = standing(&transaction, event.number)?;
        let sql = "INSERT INTO market_events(id, digest, number, event, answer, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        transaction.execute(sql, params![event.id, event.digest, event.number, event.word, answer, event.at])?;
        transaction.commit()?;
        Ok(Taken::Answered(answer))
    }

    /// What came of a message of this name, if there was one.
    pub fn event_taken(&self, id: &str, digest: &[u8; 32]) -> Result<Option<Taken>> {
        taken_before(&self.lock(), id, digest)
    }

    /// Orders, the newest first.
    pub fn orders(&self, limit: u32) -> Result<Vec<Order>> {
        let connection = self.look();
        let sql =
            "SELECT number, account, (SELECT count(*) FROM market_periods p WHERE p.number = o.number), cancelled_at,
                   refunded_at, created_at FROM market_orders o ORDER BY created_at DESC, number LIMIT ?1";
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map([limit], |row| {
            Ok(Order {
                number: row.get(0)?,
                account: row.get(1)?,
                periods: row.get(2)?,
                cancelled_at: row.get(3)?,
                refunded_at: row.get(4)?,
                created_at: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

fn acknowledge(transaction: &Transaction<'_>, account: i64, sign_in: i64, at: i64) -> Result<()> {
    let sql = "INSERT INTO acknowledgements(account, sign_in, at) VALUES (?1, ?2, ?3) ON CONFLICT(account) DO NOTHING";
    transaction.execute(sql, [account, sign_in, at])?;
    Ok(())
}

fn apply(transaction: &Transaction<'_>, event: &MarketEvent<'_>) -> Result<()> {
    let number = event.number;
    match &event.event {
        OrderEvent::Period(given, grants) => {
            let sql = "SELECT EXISTS (SELECT 1 FROM market_periods WHERE number = ?1 AND begins_at = ?2)";
            if !transaction.query_row(sql, params![number, given.begins_at], |row| row.get(0))? {
                let id = entitle(transaction, given, grants, None)?;
                let sql = "INSERT INTO market_periods(number, begins_at, entitlement) VALUES (?1, ?2, ?3)";
                transaction.execute(sql, params![number, given.begins_at, id])?;
            }
        }
        // Of several the earliest stands.
        OrderEvent::Cancelled(at) => {
            let sql = "UPDATE market_orders SET cancelled_at = min(coalesce(cancelled_at, ?2), ?2) WHERE number = ?1";
            transaction.execute(sql, params![number, at])?;
        }
        OrderEvent::Refunded(at) => {
            let sql = "UPDATE market_orders SET refunded_at = min(coalesce(refunded_at, ?2), ?2) WHERE number = ?1";
            transaction.execute(sql, params![number, at])?;
        }
    }
    // Ends hold for periods that come later than they do, too.
    let sql = "SELECT p.entitlement, p.begins_at, o.cancelled_at, o.refunded_at FROM market_periods p
               JOIN market_orders o ON o.number = p.number WHERE p.number = ?1";
    let mut statement = transaction.prepare_cached(sql)?;
    let rows = statement.query_map([number], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    for row in rows.collect::<rusqlite::Result<Vec<(i64, i64, Option<i64>, Option<i64>)>>>()? {
        let (entitlement, begins_at, cancelled_at, refunded_at) = row;
        let cancelled = cancelled_at.filter(|at| begins_at > *at).map(|_| begins_at);
        if let Some(end) = [cancelled, refunded_at].into_iter().flatten().min() {
            end_entitlement(transaction, entitlement, end, event.at)?;
        }
    }
    Ok(())
}

/// What stands of an order: `active` while it has a period that was not ended early, with that period's end.
fn standing(transaction: &Transaction<'_>, number: &str) -> Result<String> {
    let sql = "SELECT count(*), max(e.expires_at) FROM market_periods p JOIN entitlements e ON e.id = p.entitlement
               WHERE p.number = ?1 AND e.expires_at > e.begins_at";
    let (periods, until): (i64, Option<i64>) =
        transaction.query_row(sql, [number], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let sql = "SELECT refunded_at IS NOT NULL, cancelled_at IS NOT NULL FROM market_orders WHERE number = ?1";
    let (refunded, cancelled): (bool, bool) =
        transaction.query_row(sql, [number], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let state = match (refunded, cancelled) {
        (true, _) => "refunded",
        (_, true) => "cancelled",
        _ => "active",
    };
    Ok(format!("{state} {periods} {}", until.unwrap_or_default()))
}

fn code(row: &Row<'_>) -> rusqlite::Result<Code> {
    Ok(Code {
        id: row.get(0)?,
        hint: row.get(1)?,
        kind: row.get(2)?,
        name: row.get(3)?,
        terms: row.get(4)?,
        giver: row.get(5)?,
        gift: row.get(6)?,
        note: row.get(7)?,
        uses: row.get(8)?,
        used: row.get(9)?,
        expires_at: row.get(10)?,
        ended_at: row.get(11)?,
        created_at: row.get(12)?,
    })
}

fn taken_before(connection: &Connection, id: &str, digest: &[u8; 32]) -> Result<Option<Taken>> {
    let sql = "SELECT digest, answer FROM market_events WHERE id = ?1";
    let known: Option<([u8; 32], String)> =
        connection.query_row(sql, [id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(known.map(|(known, answer)| if known == *digest { Taken::Answered(answer) } else { Taken::OtherEvent }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Act, NewInvite, Unit, Upload};
    use std::sync::Barrier;

    fn given(account: i64, begins_at: i64, expires_at: i64) -> (Entitlement, Vec<Grant>) {
        let (kind, name, source) = ("edition".into(), "e".into(), "order".into());
        let given =
            Entitlement { account, kind, name, source, begins_at, expires_at, storage: 5, ..Entitlement::default() };
        let grant = Grant { unit: Unit::Deposit, begins_at, expires_at, amount: 3, held: 0, spent: 0, entitlement: 0 };
        (given, vec![grant])
    }

    fn accounts(store: &Store) {
        store
            .lock()
            .execute_batch("INSERT INTO accounts VALUES (2, 'open', 0), (3, 'open', 0), (4, 'closed', 0)")
            .unwrap();
    }

    #[test]
    fn a_closed_account_is_given_nothing_and_keeps_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("q.db")).unwrap();
        accounts(&store);
        store
            .add_codes(&[([7; 32], Code { kind: "pack".into(), uses: 1, expires_at: 100, ..Code::default() })])
            .unwrap();
        let id = store.code(&[7; 32]).unwrap().unwrap().id;
        let (given, grants) = given(4, 0, 10);
        let act = Act { at: 1, account: 4, sign_in: None, via: String::new(), act: "x", subject: String::new() };
        let invite = NewInvite { digest: &[1; 32], name: "陈岚", permissions: "view", shops: None, until: 100 };
        let upload = Upload {
            id: "u".into(),
            account: 4,
            name: "陈岚.jpg".into(),
            metadata: String::new(),
            length: 7,
            received: 0,
            record: None,
            expires_at: 100,
        };
        let gone = [
            store.use_code(id, &given, &grants, 1).map(drop),
            store.entitle(&given, &grants, None).map(drop),
            store.acknowledge(4, 1, 1),
            store.add_shop("天猫", "海棠", "https://shop.example/", 9, &act).map(drop),
            store.add_invite(&invite, 9, &act).map(drop),
            store.add_hook(4, "https://shop.example/", "deposit", &[1], 1).map(drop),
            store.add_upload(&upload),
        ];
        assert!(gone.iter().all(|done| matches!(done, Err(crate::Error::NoAccount))), "{gone:?}");
        assert_eq!(store.code(&[7; 32]).unwrap().unwrap().used, 0, "the code is still good for another");
        assert!(store.entitlements(4).unwrap().is_empty() && store.shops(4).unwrap().is_empty());
        assert!(store.invites(4, 1).unwrap().is_empty() && store.upload(4, "u").unwrap().is_none());
        assert!(store.hooks(4).unwrap().is_empty() && store.acknowledged(4).unwrap().is_none());
    }

    #[test]
    fn of_two_who_use_a_code_at_once_one_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("q.db")).unwrap();
        accounts(&store);
        let new = Code { kind: "edition".into(), uses: 1, expires_at: 100, ..Code::default() };
        store.add_codes(&[([7; 32], new)]).unwrap();
        let id = store.code(&[7; 32]).unwrap().unwrap().id;
        let start = Barrier::new(2);
        let used: Vec<_> = std::thread::scope(|scope| {
            let both = [2, 3].map(|account| {
                let (store, start) = (&store, &start);
                scope.spawn(move || {
                    let (given, grants) = given(account, 0, 50);
                    start.wait();
                    store.use_code(id, &given, &grants, 1).unwrap()
                })
            });
            both.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(used.iter().filter(|u| matches!(u, CodeUsed::Given(_))).count(), 1, "{used:?}");
        assert!(used.contains(&CodeUsed::Spent), "{used:?}");
        let had = [2, 3].map(|account| store.left(account, 1).unwrap().deposits);
        assert_eq!(had.iter().sum::<u64>(), 3);
        let winner = if had[0] > 0 { 2 } else { 3 };
        assert_eq!(store.use_code(id, &given(winner, 0, 50).0, &[], 1).unwrap(), CodeUsed::Again);
        assert_eq!(store.acknowledged(winner).unwrap(), Some(0));
        assert_eq!(store.acknowledged(5 - winner).unwrap(), None);
    }

    #[test]
    fn a_code_opens_nothing_after_its_end_or_once_it_was_ended() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("q.db")).unwrap();
        accounts(&store);
        let new = Code { kind: "edition".into(), uses: 9, expires_at: 100, ..Code::default() };
        store.add_codes(&[([1; 32], new.clone()), ([2; 32], new)]).unwrap();
        let late = Entitlement { created_at: 100, ..given(2, 100, 200).0 };
        let [one, two] = [[1; 32], [2; 32]].map(|digest| store.code(&digest).unwrap().unwrap().id);
        assert_eq!(store.use_code(one, &late, &[], 1).unwrap(), CodeUsed::Expired);
        assert!(store.end_code(two, 5).unwrap() && !store.end_code(two, 6).unwrap());
        assert_eq!(store.use_code(two, &given(2, 0, 50).0, &[], 1).unwrap(), CodeUsed::Ended);
        assert_eq!(store.left(2, 120).unwrap().deposits, 0);
    }

    #[test]
    fn an_order_stands_the_same_in_whatever_order_its_events_come() {
        let periods = [(0, 10), (10, 20), (20, 30)];
        let mut events: Vec<OrderEvent> = periods
            .iter()
            .map(|(begin, end)| {
                let (entitlement, grants) = given(2, *begin, *end);
                OrderEvent::Period(Box::new(entitlement), grants)
            })
            .collect();
        events.extend([OrderEvent::Cancelled(15), OrderEvent::Refunded(12), OrderEvent::Refunded(14)]);
        let mut expected = None;
        for turn in 0..720usize {
            // Each of the 720 orders, by its number in mixed radix.
            let (mut rest, mut number, mut order) = (events.clone(), turn, Vec::new());
            while !rest.is_empty() {
                let place = number % rest.len();
                number /= rest.len();
                order.push(rest.remove(place));
            }
            if turn % 12 != 0 {
                continue;
            }
            let dir = tempfile::tempdir().unwrap();
            let store = Store::create(&dir.path().join("q.db")).unwrap();
            accounts(&store);
            for (n, event) in order.into_iter().enumerate() {
                let id = format!("e{n}");
                let event = MarketEvent { id: &id, digest: &[0; 32], number: "1", account: 2, word: "", event, at: 50 };
                for _ in 0..2 {
                    assert!(matches!(store.take_event(&event).unwrap(), Taken::Answered(_)), "twice is once");
                }
            }
            let at = [0, 5, 11, 12, 13, 25].map(|at| store.left(2, at).unwrap().deposits);
            assert_eq!(at, [3, 3, 3, 0, 0, 0]);
            let connection = store.lock();
            let stands = standing(&connection.unchecked_transaction().unwrap(), "1").unwrap();
            assert_eq!(*expected.get_or_insert(stands.clone()), stands);
        }
        assert_eq!(expected.unwrap(), "refunded 2 12");
    }

    #[test]
    fn a_message_is_taken_once_and_only_for_its_own_account() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("q.db")).unwrap();
        accounts(&store);
        let (entitlement, grants) = given(2, 0, 10);
        let event = OrderEvent::Period(Box::new(entitlement), grants);
        let event = MarketEvent { id: "e", digest: &[1; 32], number: "1", account: 2, word: "paid", event, at: 1 };
        let take = |event: &MarketEvent<'_>| store.take_event(event).unwrap();
        assert_eq!(take(&event), Taken::Answered("active 1 10".into()));
        assert_eq!(take(&MarketEvent { digest: &[2; 32], ..event.clone() }), Taken::OtherEvent);
        assert_eq!(take(&MarketEvent { id: "f", account: 3, ..event.clone() }), Taken::OtherAccount);
        assert_eq!(take(&MarketEvent { id: "g", number: "2", account: 4, ..event.clone() }), Taken::NoAccount);
        assert_eq!(take(&MarketEvent { id: "h", number: "2", account: 9, ..event.clone() }), Taken::NoAccount);
        assert_eq!(take(&MarketEvent { id: "i", ..event }), Taken::Answered("active 1 10".into()), "paid for once");
        assert_eq!(store.left(2, 1).unwrap().deposits, 3);
        assert_eq!(store.orders(9).unwrap().len(), 1);
    }
}
