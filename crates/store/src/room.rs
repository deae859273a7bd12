//! What the operator looks at across accounts: queues, letters that were given up, orders, bytes. Accounts by number; who
//! they are stands elsewhere, sealed. Times are UTC microseconds.

use crate::{Act, Order, Result, Store, accounts};
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};

/// Refused messages of a market that are kept.
const KEPT_REFUSALS: i64 = 500;

/// How an account stands in the queue of captures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueOf {
    /// Whose.
    pub account: i64,
    /// Pages that wait.
    pub waiting: u64,
    /// Pages that are captured now.
    pub running: u64,
    /// When the oldest of them was asked for.
    pub oldest: i64,
}

/// A message to a web hook that was given up.
#[derive(Clone, Debug)]
pub struct Dead {
    /// Number.
    pub id: i64,
    /// Whose hook.
    pub account: i64,
    /// Where it goes.
    pub url: String,
    /// Its type.
    pub event: String,
    /// What it is about.
    pub subject: String,
    /// How often it was tried.
    pub tries: u32,
    /// HTTP status of the last answer.
    pub status: Option<u16>,
    /// Why the last try failed, (zh, en).
    pub error: Option<(String, String)>,
    /// Last tried.
    pub tried_at: Option<i64>,
}

/// What an order gave for a time.
#[derive(Clone, Debug)]
pub struct Period {
    /// Terms as they were, JSON.
    pub terms: String,
    /// First moment.
    pub begins_at: i64,
    /// First moment no more.
    pub expires_at: i64,
}

/// An order with what it gave.
#[derive(Clone, Debug)]
pub struct OrderShown {
    /// The order.
    pub order: Order,
    /// In their order.
    pub periods: Vec<Period>,
}

/// A message of a market that was signed by it and refused.
#[derive(Clone, Debug, Default)]
pub struct MarketRefusal {
    /// Its name; empty where it could not be read.
    pub event: String,
    /// Its type.
    pub word: String,
    /// The order's number.
    pub number: String,
    /// As told.
    pub account: i64,
    /// Why.
    pub why: (String, String),
    /// How often it came.
    pub times: u64,
    /// Last.
    pub at: i64,
}

/// Bytes that an account holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageOf {
    /// Whose.
    pub account: i64,
    /// Kept.
    pub kept: u64,
    /// What it may hold now.
    pub allowed: u64,
}

impl Store {
    /// Accounts with pages in the queue, whoever has waited longest first.
    pub fn queue_standing(&self, limit: u32) -> Result<Vec<QueueOf>> {
        let connection = self.look();
        let sql = "SELECT account, sum(state = 'waiting'), sum(state = 'running'), min(created_at) FROM capture_queue
                   WHERE state IN ('waiting', 'running') GROUP BY account ORDER BY min(created_at), account LIMIT ?1";
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map([limit], |row| {
            Ok(QueueOf { account: row.get(0)?, waiting: row.get(1)?, running: row.get(2)?, oldest: row.get(3)? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Messages that were given up, of every account, with numbers below this one, the newest first.
    pub fn dead_messages(&self, below: i64, limit: u32) -> Result<Vec<Dead>> {
        let connection = self.look();
        let sql = "SELECT m.id, h.account, h.url, m.event, m.subject, m.tries, m.status, m.zh, m.en, m.tried_at
                   FROM hook_messages m JOIN hooks h ON h.id = m.hook
                   WHERE m.state = 'dead' AND m.id < ?1 ORDER BY m.id DESC LIMIT ?2";
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![below, limit], |row| {
            let (zh, en): (Option<String>, Option<String>) = (row.get(7)?, row.get(8)?);
            Ok(Dead {
                id: row.get(0)?,
                account: row.get(1)?,
                url: row.get(2)?,
                event: row.get(3)?,
                subject: row.get(4)?,
                tries: row.get(5)?,
                status: row.get(6)?,
                error: zh.zip(en),
                tried_at: row.get(9)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// How many names wait to be verified, pages to be captured, and how many messages and letters were given up.
    pub fn room_counts(&self) -> Result<(u64, u64, u64)> {
        let connection = self.look();
        let sql = "SELECT (SELECT count(*) FROM reviews WHERE state = 'asked'),
                   (SELECT count(*) FROM capture_queue WHERE state = 'waiting'),
                   (SELECT count(*) FROM hook_messages WHERE state = 'dead')
                       + (SELECT count(*) FROM mail WHERE state = 'dead')";
        Ok(connection.prepare_cached(sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?)
    }

    /// How many were given up, and how many are on their way.
    pub fn message_counts(&self) -> Result<(u64, u64)> {
        let connection = self.look();
        let count = |state: &str| {
            let sql = format!("SELECT count(*) FROM hook_messages WHERE state = '{state}'");
            connection.query_row(&sql, [], |row| row.get(0))
        };
        Ok((count("dead")?, count("waiting")?))
    }

    /// Tries a message anew that was given up, or takes it away, and writes who did: into his own account's log and into
    /// that of whose message it was. `false`: it is not there, or was not given up.
    pub fn settle_dead(&self, id: i64, again: bool, act: &Act) -> Result<bool> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "SELECT h.account FROM hook_messages m JOIN hooks h ON h.id = m.hook
                   WHERE m.id = ?1 AND m.state = 'dead'";
        let account: Option<i64> = transaction.query_row(sql, [id], |row| row.get(0)).optional()?;
        let Some(account) = account else { return Ok(false) };
        settle(&transaction, id, again, act.at)?;
        noted(&transaction, account, id, act)?;
        transaction.commit()?;
        Ok(true)
    }

    /// Tries all of them anew, at most so many; how many that were.
    pub fn revive_dead(&self, limit: u32, act: &Act) -> Result<u64> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "SELECT m.id, h.account FROM hook_messages m JOIN hooks h ON h.id = m.hook
                   WHERE m.state = 'dead' ORDER BY m.id LIMIT ?1";
        let dead: Vec<(i64, i64)> = transaction
            .prepare_cached(sql)?
            .query_map([limit], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (id, account) in &dead {
            settle(&transaction, *id, true, act.at)?;
            noted(&transaction, *account, *id, act)?;
        }
        transaction.commit()?;
        Ok(dead.len() as u64)
    }

    /// Orders that were first heard of before this moment, the newest first, with what each gave.
    pub fn orders_before(&self, before: i64, limit: u32) -> Result<Vec<OrderShown>> {
        let connection = self.look();
        let sql = "SELECT number, account, cancelled_at, refunded_at, created_at FROM market_orders
                   WHERE created_at < ?1 ORDER BY created_at DESC, number LIMIT ?2";
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![before, limit], |row| {
            Ok(Order {
                number: row.get(0)?,
                account: row.get(1)?,
                periods: 0,
                cancelled_at: row.get(2)?,
                refunded_at: row.get(3)?,
                created_at: row.get(4)?,
            })
        })?;
        let orders = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        let sql = "SELECT e.terms, e.begins_at, e.expires_at FROM market_periods p
                   JOIN entitlements e ON e.id = p.entitlement WHERE p.number = ?1 ORDER BY p.begins_at LIMIT 100";
        let mut statement = connection.prepare_cached(sql)?;
        let mut shown = Vec::with_capacity(orders.len());
        for order in orders {
            let rows = statement.query_map([&order.number], |row| {
                Ok(Period { terms: row.get(0)?, begins_at: row.get(1)?, expires_at: row.get(2)? })
            })?;
            let periods = rows.collect::<rusqlite::Result<Vec<_>>>()?;
            shown.push(OrderShown { order: Order { periods: periods.len() as u64, ..order }, periods });
        }
        Ok(shown)
    }

    /// Keeps that a market's message was refused, and why; of the same one only how often.
    pub fn note_market_refusal(&self, refused: &MarketRefusal) -> Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "INSERT INTO market_refusals(event, word, number, account, zh, en, at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                   ON CONFLICT(event, number, en) DO UPDATE SET times = times + 1, at = excluded.at";
        let MarketRefusal { event, word, number, account, why: (zh, en), at, .. } = refused;
        transaction.execute(sql, params![event, word, number, account, zh, en, at])?;
        let sql = "DELETE FROM market_refusals WHERE id <= (SELECT max(id) FROM market_refusals) - ?1";
        transaction.execute(sql, [KEPT_REFUSALS])?;
        Ok(transaction.commit()?)
    }

    /// Messages of a market that were refused, the newest first.
    pub fn market_refusals(&self, limit: u32) -> Result<Vec<MarketRefusal>> {
        let connection = self.look();
        let sql = "SELECT event, word, number, account, zh, en, times, at FROM market_refusals
                   ORDER BY at DESC, id DESC LIMIT ?1";
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map([limit], |row| {
            Ok(MarketRefusal {
                event: row.get(0)?,
                word: row.get(1)?,
                number: row.get(2)?,
                account: row.get(3)?,
                why: (row.get(4)?, row.get(5)?),
                times: row.get(6)?,
                at: row.get(7)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Accounts that hold bytes, the most first, with what each may hold at this moment.
    pub fn storage_standing(&self, at: i64, limit: u32) -> Result<Vec<StorageOf>> {
        let connection = self.look();
        let sql = "SELECT s.account, s.kept, coalesce((SELECT sum(e.storage) FROM entitlements e
                       WHERE e.account = s.account AND e.begins_at <= ?1 AND e.expires_at > ?1), 0)
                   FROM quota_storage s WHERE s.kept > 0 ORDER BY s.kept DESC, s.account LIMIT ?2";
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![at, limit], |row| {
            Ok(StorageOf { account: row.get(0)?, kept: row.get(1)?, allowed: row.get(2)? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

fn settle(transaction: &Transaction<'_>, id: i64, again: bool, at: i64) -> Result<()> {
    if again {
        let sql = "UPDATE hook_messages SET state = 'waiting', tries = 0, due_at = ?2 WHERE id = ?1";
        transaction.execute(sql, [id, at])?;
    } else {
        transaction.execute("DELETE FROM hook_messages WHERE id = ?1", [id])?;
    }
    Ok(())
}

/// Who acts is the operator's person, who is nobody in the merchant's account: there it says what he is.
pub(crate) fn noted(transaction: &Transaction<'_>, account: i64, id: i64, act: &Act) -> Result<()> {
    accounts::note(transaction, &Act { subject: format!("{account} {id}"), ..act.clone() })?;
    if account != act.account {
        let (via, subject) = ("operator".to_owned(), id.to_string());
        accounts::note(transaction, &Act { account, sign_in: None, via, subject, ..act.clone() })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{NewSignIn, Vault};

    fn dead(store: &Store, account: i64, n: u8) -> i64 {
        let hook = store.add_hook(account, "https://hooks.example/secret", "deposit", &[n; 32], 1).unwrap();
        let connection = store.lock();
        let sql =
            "INSERT INTO hook_messages(hook, name, event, subject, body, state, tries, due_at, created_at, zh, en)
                   VALUES (?1, ?2, 'deposit.sealed', ?2, '{}', 'dead', 10, 1, 1, '不通', 'no answer')";
        connection.execute(sql, params![hook, format!("m-{n}")]).unwrap();
        connection.last_insert_rowid()
    }

    #[test]
    fn what_was_given_up_goes_on_or_goes_and_both_logs_say_so() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("q.db")).unwrap();
        store.unlock(Vault::new(&[7; 32]).unwrap());
        let person =
            |login: &str| NewSignIn { account: 1, login: login.into(), name: "x".into(), password: "".into(), at: 1 };
        let operator = store.first_sign_in(&person("a")).unwrap().unwrap();
        let account = store.add_merchant("party", &person("b"), None).unwrap().unwrap();
        let (one, two, three) = (dead(&store, account, 1), dead(&store, account, 2), dead(&store, 1, 3));
        let act =
            |act| Act { at: 9, account: 1, sign_in: Some(operator), via: "session 1".into(), act, subject: "".into() };
        assert_eq!(store.message_counts().unwrap(), (3, 0));
        assert_eq!(store.dead_messages(three, 9).unwrap().len(), 2);
        assert!(store.settle_dead(one, true, &act("letter-again")).unwrap());
        assert!(!store.settle_dead(one, false, &act("letter-drop")).unwrap(), "it is on its way");
        assert!(store.settle_dead(two, false, &act("letter-drop")).unwrap());
        assert!(!store.settle_dead(two, true, &act("letter-again")).unwrap());
        let own = store.acts(account, i64::MAX, None, 9).unwrap();
        let said: Vec<_> = own.iter().take(2).map(|l| (l.act.as_str(), l.via.as_str(), l.subject.clone())).collect();
        assert_eq!(said, [("letter-drop", "operator", two.to_string()), ("letter-again", "operator", one.to_string())]);
        assert_eq!(store.revive_dead(9, &act("letter-again")).unwrap(), 1);
        assert_eq!(store.message_counts().unwrap(), (0, 2));
        assert!(store.acts(1, i64::MAX, None, 9).unwrap().iter().any(|l| l.subject == format!("1 {three}")));
    }

    #[test]
    fn a_markets_refusals_are_few() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("q.db")).unwrap();
        for n in 0..KEPT_REFUSALS + 7 {
            let refused = MarketRefusal { event: format!("e-{n}"), account: 9, at: n, ..MarketRefusal::default() };
            store.note_market_refusal(&refused).unwrap();
            store.note_market_refusal(&refused).unwrap();
        }
        let all = store.market_refusals(1000).unwrap();
        assert_eq!((all.len() as i64, all[0].times), (KEPT_REFUSALS, 2));
    }
}
