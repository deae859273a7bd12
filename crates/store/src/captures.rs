//! The queue of pages to capture. Times are UTC microseconds.

use crate::{
    Act, Asked, Charge, Left, Move, Need, Record, Result, Store, Unit, accounts,
    quota::{self, bind_capture, of_capture},
    shelf::titled,
    shops, tokens,
};
use rusqlite::{OptionalExtension, Row, Transaction, TransactionBehavior, params};

/// A page that was asked for.
#[derive(Clone, Debug)]
pub struct Queued {
    /// Number.
    pub id: i64,
    /// Whose.
    pub account: i64,
    /// Who asked.
    pub sign_in: i64,
    /// As asked.
    pub url: String,
    /// Another's page.
    pub other: bool,
    /// In a phone's window.
    pub phone: bool,
    /// `waiting`, `running`, `done`, `failed`.
    pub state: String,
    /// How the page was obtained.
    pub outcome: Option<String>,
    /// The capture's record.
    pub record: Option<String>,
    /// The order's record.
    pub ordered: Option<String>,
    /// Why it failed, (zh, en).
    pub error: Option<(String, String)>,
    /// Asked.
    pub created_at: i64,
}

/// How a capture ended; its records stand in the queue since they were written.
#[derive(Clone, Debug, Default)]
pub struct Ended {
    /// Its outcome.
    pub outcome: String,
    /// Why it failed, (zh, en).
    pub error: Option<(String, String)>,
}

/// The key of a call, and what it is answered once its pages' numbers are known.
pub type Answering<'a> = (&'a str, &'a dyn Fn(&[i64]) -> String);

const QUEUED: &str =
    "id, account, sign_in, url, other, phone, state, outcome, record, zh, en, created_at, ordered FROM capture_queue";

impl Store {
    /// Puts pages at the end of the queue, all or none, each with its line of the audit log: `act`, which says who asked
    /// and when, about the page's number. The numbers, in order; where each is to be paid for (`charged`) and the account
    /// has too few left, what it has. A page's size is not known yet: one byte must be free for it. The answer to a call
    /// with an idempotency key is kept in the same transaction: no call is queued that would not be known again.
    pub fn queue_captures(
        &self,
        act: &Act,
        urls: &[String],
        other: bool,
        phone: bool,
        charged: bool,
        answer: Option<Answering<'_>>,
    ) -> Result<std::result::Result<Vec<i64>, Left>> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "INSERT INTO capture_queue(account, sign_in, url, other, phone, state, created_at) VALUES (?1, ?2, ?3, ?4, ?5, 'waiting', ?6)";
        let mut numbers = Vec::with_capacity(urls.len());
        for url in urls {
            transaction.execute(sql, params![act.account, act.sign_in, url, other, phone, act.at])?;
            let number = transaction.last_insert_rowid();
            if charged {
                let wanted = Need { unit: Unit::Capture, amount: 1, bytes: 1 };
                match quota::reserve(&transaction, act.account, wanted, act.at)? {
                    Asked::Held(reservation) => bind_capture(&transaction, reservation, number)?,
                    // What those before it hold goes with the transaction.
                    Asked::Short(_) => {
                        drop(transaction);
                        return Ok(Err(quota::left(&connection, act.account, act.at)?));
                    }
                }
            }
            accounts::note(&transaction, &Act { subject: number.to_string(), ..act.clone() })?;
            numbers.push(number);
        }
        if let Some((key, answer)) = answer {
            tokens::keep_answer(&transaction, act.account, key, &answer(&numbers))?;
        }
        transaction.commit()?;
        Ok(Ok(numbers))
    }

    /// Takes the page whose turn it is; it is under way from now on. Accounts take turns: of those that wait the one that
    /// was served longest ago is next, with its own first page, so that nobody's hundred pages keep another's one waiting.
    /// One page is never captured twice at the same time, since each order counts those before it.
    pub fn next_capture(&self) -> Result<Option<Queued>> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "SELECT free.id, free.account FROM
                     (SELECT account, min(id) AS id FROM capture_queue WHERE state = 'waiting' AND url NOT IN
                         (SELECT url FROM capture_queue WHERE state = 'running') GROUP BY account) free
                   LEFT JOIN capture_turns t ON t.account = free.account
                   ORDER BY coalesce(t.turn, 0), free.id LIMIT 1";
        let next = transaction.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((id, account)): Option<(i64, i64)> = next else { return Ok(None) };
        transaction.execute("UPDATE capture_queue SET state = 'running', runs = runs + 1 WHERE id = ?1", [id])?;
        let sql = "INSERT INTO capture_turns(account, turn) SELECT ?1, coalesce(max(turn), 0) + 1 FROM capture_turns
                   WHERE true ON CONFLICT(account) DO UPDATE SET turn = excluded.turn";
        transaction.execute(sql, [account])?;
        let taken = transaction.query_row(&format!("SELECT {QUEUED} WHERE id = ?1"), [id], queued)?;
        transaction.commit()?;
        Ok(Some(taken))
    }

    /// How one that is under way ended: it is done where its record stands, else it failed.
    pub fn end_capture(&self, id: i64, ended: &Ended, at: i64) -> Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        end(&transaction, id, ended, at)?;
        Ok(transaction.commit()?)
    }

    /// What a stopped process left under way is done where its record stands. Else it waits again, once; a second time it
    /// has failed, for this reason.
    pub fn take_up_captures(&self, zh: &str, en: &str, at: i64) -> Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "SELECT id, outcome, record FROM capture_queue
                   WHERE state = 'running' AND (record IS NOT NULL OR runs >= 2)";
        let over: Vec<(i64, Option<String>, Option<String>)> = transaction
            .prepare(sql)?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (id, outcome, record) in over {
            let error = record.is_none().then(|| (zh.to_owned(), en.to_owned()));
            end(&transaction, id, &Ended { outcome: outcome.unwrap_or_else(|| "failed".into()), error }, at)?;
        }
        transaction.execute("UPDATE capture_queue SET state = 'waiting' WHERE state = 'running'", [])?;
        Ok(transaction.commit()?)
    }

    /// An account's newest of those whose number is below this one; where `by` is given, that person's alone.
    pub fn queued_captures(&self, account: i64, by: Option<i64>, below: i64, limit: u32) -> Result<Vec<Queued>> {
        let connection = self.lock();
        let sql = format!(
            "SELECT {QUEUED} WHERE account = ?1 AND id < ?2 AND (?4 IS NULL OR sign_in = ?4) ORDER BY id DESC LIMIT ?3"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![account, below, limit, by], queued)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// One of an account's.
    pub fn queued_capture(&self, account: i64, id: i64) -> Result<Option<Queued>> {
        let sql = format!("SELECT {QUEUED} WHERE account = ?1 AND id = ?2");
        Ok(self.lock().query_row(&sql, [account, id], queued).optional()?)
    }

    /// How many are captured before this one, where nothing more is asked for: those under way, its account's own before
    /// it, and those of others whose turns come first. None where it does not wait.
    pub fn captures_before(&self, id: i64) -> Result<u64> {
        let connection = self.lock();
        let sql = "SELECT account FROM capture_queue WHERE id = ?1 AND state = 'waiting'";
        let Some(own): Option<i64> = connection.query_row(sql, [id], |row| row.get(0)).optional()? else {
            return Ok(0);
        };
        let sql = "SELECT q.account, count(*), sum(q.id < ?1), coalesce(t.turn, 0), min(q.id) FROM capture_queue q
                   LEFT JOIN capture_turns t ON t.account = q.account WHERE q.state = 'waiting' GROUP BY q.account";
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map([id], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, u64>(1)?, row.get::<_, u64>(2)?, (row.get(3)?, row.get(4)?)))
        })?;
        let rows = rows.collect::<rusqlite::Result<Vec<(i64, u64, u64, (i64, i64))>>>()?;
        let Some((_, _, rounds, place)) = rows.iter().find(|(account, ..)| *account == own) else { return Ok(0) };
        let others = rows.iter().filter(|(account, ..)| *account != own);
        let others: u64 =
            others.map(|(_, waiting, _, theirs)| (*waiting).min(rounds + u64::from(theirs < place))).sum();
        let sql = "SELECT count(*) FROM capture_queue WHERE state = 'running'";
        let running: u64 = connection.query_row(sql, [], |row| row.get(0))?;
        Ok(running + rounds + others)
    }
}

/// In the transaction that writes a page's order or capture: the queue names it, it is of the shops of who asked, and the
/// capture spends the page's unit. So a page has its record, and has paid for it, or neither; a second one is refused.
pub(crate) fn made(transaction: &Transaction<'_>, page: i64, made: &Record) -> Result<()> {
    let sql = "SELECT q.sign_in, s.shops FROM capture_queue q JOIN sign_ins s ON s.id = q.sign_in
               WHERE q.id = ?1 AND q.account = ?2 AND q.state = 'running' AND q.record IS NULL";
    let (sign_in, limit): (i64, _) =
        transaction.query_row(sql, params![page, made.account], |row| Ok((row.get(0)?, accounts::shops(row, 1)?)))?;
    shops::made_for(transaction, &made.id, &limit.unwrap_or_default())?;
    if made.kind == "order" {
        transaction.execute("UPDATE capture_queue SET ordered = ?2 WHERE id = ?1", params![page, made.id])?;
        return Ok(());
    }
    let (_, outcome) = titled(&made.disclosures, "");
    let sql = "UPDATE capture_queue SET record = ?2, outcome = ?3 WHERE id = ?1";
    transaction.execute(sql, params![page, made.id, outcome])?;
    if let Some(reservation) = of_capture(transaction, page)? {
        let bytes = made.size.unwrap_or_default();
        quota::spend(transaction, &Charge { reservation, bytes, sign_in }, &made.id, made.received_at)?;
        quota::release(transaction, reservation)?;
    }
    Ok(())
}

/// [`Store::end_capture`], in the caller's transaction. A unit that is still held was not spent: it is given back, and the
/// account's ledger says why.
fn end(transaction: &Transaction<'_>, id: i64, ended: &Ended, at: i64) -> Result<()> {
    let (zh, en) = ended.error.clone().unzip();
    let sql = "UPDATE capture_queue SET state = iif(record IS NULL, 'failed', 'done'), outcome = iif(record IS NULL, ?2, outcome),
               zh = ?3, en = ?4, ended_at = ?5 WHERE id = ?1 AND state = 'running' RETURNING account, sign_in";
    let found = transaction
        .query_row(sql, params![id, ended.outcome, zh, en, at], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (Some((account, sign_in)), Some(reservation)) = (found, of_capture(transaction, id)?) else { return Ok(()) };
    let (unit, subject) = (Some(Unit::Capture.as_str().to_owned()), id.to_string());
    let told = Move { at, unit, subject, why: ended.error.clone(), ..Move::default() };
    quota::refused(transaction, account, &told, Some(sign_in))?;
    quota::release(transaction, reservation)
}

fn queued(row: &Row<'_>) -> rusqlite::Result<Queued> {
    let (zh, en): (Option<String>, Option<String>) = (row.get(9)?, row.get(10)?);
    Ok(Queued {
        id: row.get(0)?,
        account: row.get(1)?,
        sign_in: row.get(2)?,
        url: row.get(3)?,
        other: row.get(4)?,
        phone: row.get(5)?,
        state: row.get(6)?,
        outcome: row.get(7)?,
        record: row.get(8)?,
        ordered: row.get(12)?,
        error: zh.zip(en),
        created_at: row.get(11)?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{NewSignIn, OWNER_ACCOUNT, Once};

    #[test]
    fn a_capture_that_was_cut_off_is_taken_up_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("q.db")).unwrap();
        let person =
            NewSignIn { account: OWNER_ACCOUNT, login: "a".into(), name: "a".into(), password: "".into(), at: 0 };
        let person = store.first_sign_in(&person).unwrap().unwrap();
        let (via, subject) = ("x".to_owned(), String::new());
        let act = Act { at: 1, account: OWNER_ACCOUNT, sign_in: Some(person), via, act: "capture", subject };
        let urls = ["https://one.example".to_owned(), "https://two.example".to_owned()];
        let numbers = store.queue_captures(&act, &urls, true, false, false, None).unwrap().unwrap();
        let (one, two) = (numbers[0], numbers[1]);
        assert_eq!(store.captures_before(two).unwrap(), 1);
        assert_eq!(store.next_capture().unwrap().unwrap().id, one);
        store.take_up_captures("停", "stopped", 2).unwrap();
        assert_eq!(store.next_capture().unwrap().unwrap().id, one, "again, and before the others");
        store.take_up_captures("停", "stopped", 3).unwrap();
        let failed = store.queued_capture(OWNER_ACCOUNT, one).unwrap().unwrap();
        assert_eq!((failed.state.as_str(), failed.error.unwrap().1.as_str()), ("failed", "stopped"));
        assert_eq!(store.next_capture().unwrap().unwrap().id, two);
        store.end_capture(two, &Ended { outcome: "failed".into(), error: None }, 4).unwrap();
        assert!(store.next_capture().unwrap().is_none());
        assert_eq!(store.queued_captures(OWNER_ACCOUNT, None, i64::MAX, 9).unwrap().len(), 2);
        assert_eq!(store.queued_captures(OWNER_ACCOUNT, None, two, 9).unwrap().len(), 1);
        assert!(store.queued_capture(2, one).unwrap().is_none(), "another account sees nothing");

        // A server that stops right after the queue has the pages has the answer too.
        assert_eq!(store.begin_once(OWNER_ACCOUNT, "k", &[1; 32], 5).unwrap(), Once::New);
        let answer = |numbers: &[i64]| format!("{numbers:?}");
        let three = store.queue_captures(&act, &urls[..1], true, false, false, Some(("k", &answer))).unwrap().unwrap();
        store.free_once().unwrap();
        assert_eq!(store.begin_once(OWNER_ACCOUNT, "k", &[1; 32], 6).unwrap(), Once::Answered(format!("{three:?}")));
    }

    /// A store with accounts 2 and 3 beside the owner's, each with a person of its own, by account.
    fn three() -> (tempfile::TempDir, Store, Vec<i64>) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("q.db")).unwrap();
        let person = |login: &str| NewSignIn {
            account: OWNER_ACCOUNT,
            login: login.into(),
            name: login.into(),
            password: "".into(),
            at: 0,
        };
        store.unlock(crate::Vault::new(&[7; 32]).unwrap());
        let first = store.first_sign_in(&person("a")).unwrap().unwrap();
        let mut people = vec![0, first];
        for login in ["b", "c"] {
            store.add_merchant("party", &person(login), None).unwrap().unwrap();
            people.push(store.sign_in_named(login).unwrap().unwrap().id);
        }
        (dir, store, people)
    }

    #[test]
    fn accounts_take_turns() {
        let (_dir, store, people) = three();
        let ask = |account: usize, n: usize| {
            let (via, subject) = ("x".to_owned(), String::new());
            let (account, sign_in) = (account as i64, Some(people[account]));
            let act = Act { at: 1, account, sign_in, via, act: "capture", subject };
            let urls: Vec<String> = (0..n).map(|n| format!("https://{account}-{n}.example")).collect();
            store.queue_captures(&act, &urls, true, false, false, None).unwrap().unwrap()
        };
        let many = ask(1, 100);
        let ended = Ended { outcome: "failed".into(), error: None };
        let one = || {
            let page = store.next_capture().unwrap().unwrap();
            store.end_capture(page.id, &ended, 2).unwrap();
            (page.id, page.account)
        };
        assert_eq!((one(), one()), ((many[0], 1), (many[1], 1)));
        let two = ask(2, 1);
        assert_eq!(store.captures_before(two[0]).unwrap(), 0, "who never was served is next");
        assert_eq!(one(), (two[0], 2));
        let three = ask(3, 3);
        ask(2, 1);
        // What each page is told is when it comes, though another asked for a hundred.
        let places: Vec<u64> = three.iter().map(|id| store.captures_before(*id).unwrap()).collect();
        assert_eq!(store.captures_before(many[2]).unwrap(), 1);
        let came: Vec<(i64, i64)> = (0..8).map(|_| one()).collect();
        for (id, place) in three.iter().zip(&places) {
            assert_eq!(came.iter().position(|(c, _)| c == id).map(|p| p as u64), Some(*place), "{places:?} {came:?}");
        }
        assert_eq!(store.captures_before(three[0]).unwrap(), 0, "it has ended");
        assert_eq!(came.iter().map(|(_, account)| *account).collect::<Vec<_>>(), [3, 1, 2, 3, 1, 3, 1, 1]);
        assert_eq!(one(), (many[6], 1), "and one's own in the order of asking");

        // A page that another captures just now is passed over, not what stands behind it.
        let (first, second) = (store.next_capture().unwrap().unwrap(), store.next_capture().unwrap().unwrap());
        assert_eq!((first.id, second.id), (many[7], many[8]));
        let act = |account: usize| Act {
            at: 1,
            account: account as i64,
            sign_in: Some(people[account]),
            via: "x".into(),
            act: "capture",
            subject: String::new(),
        };
        let urls = [first.url.clone(), "https://other.example".to_owned()];
        let asked = store.queue_captures(&act(3), &urls, true, false, false, None).unwrap().unwrap();
        assert_eq!(store.next_capture().unwrap().unwrap().id, asked[1]);
        assert_eq!(store.queue_standing(10).unwrap().len(), 2);
    }
}
