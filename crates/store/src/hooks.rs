//! Web hooks: who is told, what is still to be said, and what became of it. Times are UTC microseconds.

use crate::{Result, Store, accounts};
use rusqlite::{Row, Transaction, TransactionBehavior, params};

/// An address that is told what has ended.
#[derive(Clone, Debug)]
pub struct Hook {
    /// Number.
    pub id: i64,
    /// Whose.
    pub account: i64,
    /// Where.
    pub url: String,
    /// Words apart by spaces.
    pub events: String,
    /// Signs.
    pub secret: Vec<u8>,
    /// Nothing is sent meanwhile.
    pub paused: bool,
    /// Made.
    pub created_at: i64,
}

/// Something that ended, of which a message can be made.
#[derive(Clone, Debug)]
pub struct Happened {
    /// Record number, or the number in the queue of a capture that failed.
    pub subject: String,
    /// Statement's kind; `capture` of one that failed.
    pub kind: String,
    /// Outcome of a capture.
    pub outcome: Option<String>,
    /// Of the record.
    pub record_digest: Option<[u8; 32]>,
    /// Leaf index.
    pub index: Option<u64>,
    /// Received, or asked for.
    pub received_at: i64,
    /// It has no record.
    pub failed: bool,
}

/// A message that is to be put into the outbox.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// `webhook-id`.
    pub name: String,
    /// Its type.
    pub event: String,
    /// What it is about.
    pub subject: String,
    /// JSON.
    pub body: String,
}

/// A message of the outbox or its log.
#[derive(Clone, Debug)]
pub struct Message {
    /// Number.
    pub id: i64,
    /// To whom.
    pub hook: i64,
    /// `webhook-id`.
    pub name: String,
    /// Its type.
    pub event: String,
    /// What it is about.
    pub subject: String,
    /// JSON.
    pub body: String,
    /// `waiting`, `delivered`, `dead`.
    pub state: String,
    /// So far.
    pub tries: u32,
    /// Not tried before.
    pub due_at: i64,
    /// HTTP status of the last answer.
    pub status: Option<u16>,
    /// Why the last try failed, (zh, en).
    pub error: Option<(String, String)>,
    /// Made.
    pub created_at: i64,
    /// Last tried.
    pub tried_at: Option<i64>,
}

/// What came of a try.
#[derive(Clone, Debug)]
pub struct Tried {
    /// `delivered`, `waiting` (again at `due_at`), `dead`.
    pub state: &'static str,
    /// When again.
    pub due_at: i64,
    /// HTTP status.
    pub status: Option<u16>,
    /// Why it failed, (zh, en).
    pub error: Option<(String, String)>,
}

const HOOK: &str = "id, account, url, events, secret, paused, created_at FROM hooks";
const MESSAGE: &str = "id, hook, name, event, subject, body, state, tries, due_at, status, zh, en, created_at, tried_at FROM hook_messages";

impl Store {
    /// Adds a hook, which hears of what ends from now on; its number.
    pub fn add_hook(&self, account: i64, url: &str, events: &str, secret: &[u8], at: i64) -> Result<i64> {
        let connection = self.lock();
        accounts::still_open(&connection, account)?;
        let sql = "INSERT INTO hooks(account, url, events, secret, seen, created_at)
                   VALUES (?1, ?2, ?3, ?4, (SELECT coalesce(max(seq), 0) FROM records), ?5)";
        connection.execute(sql, params![account, url, events, secret, at])?;
        Ok(connection.last_insert_rowid())
    }

    /// An account's hooks, the newest first.
    pub fn hooks(&self, account: i64) -> Result<Vec<Hook>> {
        self.select_hooks("WHERE account = ?1 ORDER BY id DESC", [account])
    }

    /// Every hook.
    pub fn all_hooks(&self) -> Result<Vec<Hook>> {
        self.select_hooks("ORDER BY id", [])
    }

    fn select_hooks(&self, rest: &str, args: impl rusqlite::Params) -> Result<Vec<Hook>> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(&format!("SELECT {HOOK} {rest}"))?;
        let rows = statement.query_map(args, hook)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Pauses or goes on; whether there is one.
    pub fn pause_hook(&self, account: i64, id: i64, paused: bool) -> Result<bool> {
        let sql = "UPDATE hooks SET paused = ?3 WHERE account = ?1 AND id = ?2";
        Ok(self.lock().execute(sql, params![account, id, paused])? == 1)
    }

    /// Ends one with its log; whether there was one.
    pub fn end_hook(&self, account: i64, id: i64) -> Result<bool> {
        Ok(self.lock().execute("DELETE FROM hooks WHERE account = ?1 AND id = ?2", [account, id])? == 1)
    }

    /// Puts into the outbox what ended since the last time: records under `sealed` leaves, in their order, and captures
    /// that failed. `say` makes the message, or none where the hook does not hear of such. Whether there may be more.
    pub fn fill_outbox(
        &self,
        sealed: u64,
        at: i64,
        say: &mut dyn FnMut(&Hook, &Happened) -> Option<NewMessage>,
    ) -> Result<bool> {
        const AT_ONCE: usize = 200;
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let hooks: Vec<(Hook, i64)> = {
            let sql = "SELECT id, account, url, events, secret, paused, created_at, seen FROM hooks ORDER BY id";
            let mut statement = transaction.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| Ok((hook(row)?, row.get(7)?)))?;
            rows.collect::<rusqlite::Result<_>>()?
        };
        let mut more = false;
        for (hook, seen) in &hooks {
            let ended = sealed_behind(&transaction, hook.account, *seen, sealed, AT_ONCE)?;
            more |= ended.len() == AT_ONCE;
            let Some((last, _)) = ended.last() else { continue };
            for (_, happened) in &ended {
                put(&transaction, hook, say(hook, happened), at)?;
            }
            transaction.execute("UPDATE hooks SET seen = ?2 WHERE id = ?1", [hook.id, *last])?;
        }
        let failed: Vec<(i64, i64, Option<i64>, Happened)> = {
            let sql = "SELECT id, account, ended_at, outcome, created_at FROM capture_queue
                       WHERE state = 'failed' AND told = 0 ORDER BY id LIMIT ?1";
            let mut statement = transaction.prepare_cached(sql)?;
            let rows = statement.query_map([AT_ONCE as i64], |row| {
                let id: i64 = row.get(0)?;
                let happened = Happened {
                    subject: id.to_string(),
                    kind: "capture".into(),
                    outcome: row.get(3)?,
                    record_digest: None,
                    index: None,
                    received_at: row.get(4)?,
                    failed: true,
                };
                Ok((id, row.get(1)?, row.get(2)?, happened))
            })?;
            rows.collect::<rusqlite::Result<_>>()?
        };
        more |= failed.len() == AT_ONCE;
        for (id, account, ended_at, happened) in &failed {
            let hears = |h: &&(Hook, i64)| h.0.account == *account && ended_at.is_some_and(|at| at >= h.0.created_at);
            for (hook, _) in hooks.iter().filter(hears) {
                put(&transaction, hook, say(hook, happened), at)?;
            }
            transaction.execute("UPDATE capture_queue SET told = 1 WHERE id = ?1", [id])?;
        }
        transaction.commit()?;
        Ok(more)
    }

    /// What is due, the oldest of each hook that is not paused.
    pub fn due_messages(&self, at: i64, limit: u32) -> Result<Vec<(Hook, Message)>> {
        let messages = {
            let connection = self.lock();
            let sql = format!(
                "SELECT {MESSAGE} WHERE id IN (
                     SELECT min(m.id) FROM hook_messages m JOIN hooks h ON h.id = m.hook
                     WHERE m.state = 'waiting' AND m.due_at <= ?1 AND h.paused = 0 GROUP BY m.hook)
                 ORDER BY due_at LIMIT ?2"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params![at, limit], message)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()?
        };
        let mut found = Vec::new();
        for message in messages {
            let hook = self.select_hooks("WHERE id = ?1", [message.hook])?.pop();
            found.extend(hook.map(|hook| (hook, message)));
        }
        Ok(found)
    }

    /// Notes what came of a try.
    pub fn tried(&self, id: i64, tried: &Tried, at: i64) -> Result<()> {
        let (zh, en) = tried.error.clone().unzip();
        let sql = "UPDATE hook_messages SET state = ?2, due_at = ?3, status = ?4, zh = ?5, en = ?6, tried_at = ?7,
                   tries = tries + 1 WHERE id = ?1";
        self.lock().execute(sql, params![id, tried.state, tried.due_at, tried.status, zh, en, at])?;
        Ok(())
    }

    /// A hook's newest messages; those that were given up first.
    pub fn messages(&self, hook: i64, limit: u32) -> Result<Vec<Message>> {
        let connection = self.lock();
        let sql = format!("SELECT {MESSAGE} WHERE hook = ?1 ORDER BY state <> 'dead', id DESC LIMIT ?2");
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![hook, limit], message)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Tries a message of this account anew that was given up; whether there was one.
    pub fn requeue(&self, account: i64, id: i64, at: i64) -> Result<bool> {
        let sql = "UPDATE hook_messages SET state = 'waiting', tries = 0, due_at = ?3
                   WHERE id = ?2 AND state = 'dead' AND hook IN (SELECT id FROM hooks WHERE account = ?1)";
        Ok(self.lock().execute(sql, params![account, id, at])? == 1)
    }

    /// Forgets what was delivered before.
    pub fn sweep_messages(&self, before: i64) -> Result<()> {
        let sql = "DELETE FROM hook_messages WHERE state = 'delivered' AND tried_at < ?1";
        self.lock().execute(sql, [before])?;
        Ok(())
    }
}

/// Records behind `seen`, up to the first that no seal covers yet: so the order is kept, and none is left out.
fn sealed_behind(
    transaction: &Transaction<'_>,
    account: i64,
    seen: i64,
    sealed: u64,
    limit: usize,
) -> Result<Vec<(i64, Happened)>> {
    let sql = "SELECT r.seq, r.id, r.kind, s.outcome, r.record_digest, r.leaf, r.received_at
               FROM records r LEFT JOIN shelf s ON s.seq = r.seq
               WHERE r.account = ?1 AND r.seq > ?2 ORDER BY r.seq LIMIT ?3";
    let mut statement = transaction.prepare_cached(sql)?;
    let rows = statement.query_map(params![account, seen, limit as i64], |row| {
        let happened = Happened {
            subject: row.get(1)?,
            kind: row.get(2)?,
            outcome: row.get(3)?,
            record_digest: Some(row.get(4)?),
            index: row.get(5)?,
            received_at: row.get(6)?,
            failed: false,
        };
        Ok((row.get(0)?, happened))
    })?;
    let rows = rows.collect::<rusqlite::Result<Vec<(i64, Happened)>>>()?;
    Ok(rows.into_iter().take_while(|(_, r)| r.index.is_some_and(|index| index < sealed)).collect())
}

fn put(transaction: &Transaction<'_>, hook: &Hook, message: Option<NewMessage>, at: i64) -> Result<()> {
    let Some(m) = message else { return Ok(()) };
    let sql = "INSERT INTO hook_messages(hook, name, event, subject, body, state, due_at, created_at)
               VALUES (?1, ?2, ?3, ?4, ?5, 'waiting', ?6, ?6) ON CONFLICT(hook, event, subject) DO NOTHING";
    transaction.execute(sql, params![hook.id, m.name, m.event, m.subject, m.body, at])?;
    Ok(())
}

fn hook(row: &Row<'_>) -> rusqlite::Result<Hook> {
    Ok(Hook {
        id: row.get(0)?,
        account: row.get(1)?,
        url: row.get(2)?,
        events: row.get(3)?,
        secret: row.get(4)?,
        paused: row.get(5)?,
        created_at: row.get(6)?,
    })
}

fn message(row: &Row<'_>) -> rusqlite::Result<Message> {
    let (zh, en): (Option<String>, Option<String>) = (row.get(10)?, row.get(11)?);
    Ok(Message {
        id: row.get(0)?,
        hook: row.get(1)?,
        name: row.get(2)?,
        event: row.get(3)?,
        subject: row.get(4)?,
        body: row.get(5)?,
        state: row.get(6)?,
        tries: row.get(7)?,
        due_at: row.get(8)?,
        status: row.get(9)?,
        error: zh.zip(en),
        created_at: row.get(12)?,
        tried_at: row.get(13)?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Act, NewRecord, OWNER_ACCOUNT, Record};

    fn record(n: u8) -> NewRecord {
        let record = Record {
            id: format!("id-{n}"),
            account: OWNER_ACCOUNT,
            kind: "image".into(),
            file_name: String::new(),
            sha256: Some([n; 32]),
            sm3: None,
            size: Some(1),
            received_at: 7,
            record: vec![n],
            record_digest: [n; 32],
            disclosures: vec![],
            index: None,
            ..Record::default()
        };
        NewRecord { record, tokens: vec![] }
    }

    #[test]
    fn each_end_is_put_into_the_outbox_once_and_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("q.db");
        let store = Store::create(&path).unwrap();
        store.insert(&[record(1)]).unwrap();
        let hook = store.add_hook(OWNER_ACCOUNT, "https://a.example", "deposit", b"key", 1).unwrap();
        store.insert(&[record(2), record(3), record(4)]).unwrap();
        store.set_index(&[([1; 32], 1), ([2; 32], 2), ([4; 32], 4)]).unwrap();
        let fill = |store: &Store, sealed| {
            let mut n = 0;
            let mut say = |_: &Hook, h: &Happened| {
                n += 1;
                let (name, event) = (format!("msg-{}", h.subject), "deposit".to_owned());
                Some(NewMessage { name, event, subject: h.subject.clone(), body: "{}".into() })
            };
            store.fill_outbox(sealed, 5, &mut say).unwrap();
            n
        };
        assert_eq!(fill(&store, 2), 0, "what was there before it is not told, what is not sealed waits");
        assert_eq!(fill(&store, 5), 1, "the second; the third has no leaf yet, and the fourth waits for it");
        drop(store);
        let store = Store::open(&path).unwrap();
        assert_eq!(fill(&store, 5), 0, "a restart says nothing twice");
        store.set_index(&[([3; 32], 3)]).unwrap();
        assert_eq!(fill(&store, 5), 2);
        let act = Act {
            at: 5,
            account: OWNER_ACCOUNT,
            sign_in: None,
            via: "test".into(),
            act: "erase",
            subject: String::new(),
        };
        store.erase(&["id-4".into()], &act).unwrap();
        store.insert(&[record(5)]).unwrap();
        store.set_index(&[([5; 32], 5)]).unwrap();
        assert_eq!(fill(&store, 6), 1, "it stands where the erased one stood, and is told all the same");
        let due = store.due_messages(5, 9).unwrap();
        assert_eq!((due.len(), due[0].1.subject.as_str()), (1, "id-2"), "one of a hook at a time, the oldest");
        let tried = |state, due_at| Tried { state, due_at, status: Some(500), error: None };
        store.tried(due[0].1.id, &tried("waiting", 9), 6).unwrap();
        assert_eq!(store.due_messages(6, 9).unwrap()[0].1.subject, "id-3", "it does not hold up the others");
        store.tried(due[0].1.id, &tried("dead", 0), 7).unwrap();
        assert!(!store.requeue(2, due[0].1.id, 8).unwrap(), "another account's is not there");
        assert!(store.requeue(OWNER_ACCOUNT, due[0].1.id, 8).unwrap());
        assert!(!store.requeue(OWNER_ACCOUNT, due[0].1.id, 8).unwrap());
        assert!(store.pause_hook(OWNER_ACCOUNT, hook, true).unwrap());
        assert!(store.due_messages(99, 9).unwrap().is_empty());
        assert!(!store.end_hook(2, hook).unwrap() && store.end_hook(OWNER_ACCOUNT, hook).unwrap());
        assert!(store.messages(hook, 9).unwrap().is_empty(), "its log ends with it");
    }
}
