//! Questions to an identity provider, and what became of each. Times are UTC microseconds.
//!
//! Rules:
//! - An account has one open question at most. Its name (`request`) stays the same however often it is asked.
//! - An answer that establishes the name is written together with what it covers, and answers an open question to the
//!   operator too: its documents go.

use crate::{Act, Result, Store, accounts, reviews};
use rusqlite::{OptionalExtension, Row, Transaction, TransactionBehavior, params};

/// A question to a provider.
#[derive(Clone, Debug)]
pub struct IdentityCheck {
    /// Number.
    pub id: i64,
    /// Whose name.
    pub account: i64,
    /// Names the question.
    pub request: String,
    /// `waiting` (to be asked), `pending` (the provider is at it), `verified`, `refused`, `unclear`, `failed`.
    pub state: String,
    /// So far.
    pub tries: u32,
    /// Not asked before.
    pub due_at: i64,
    /// Whose word it will be, as certificates have it.
    pub provider: String,
    /// How, in the provider's words.
    pub method: String,
    /// What came of the last try, (zh, en).
    pub said: Option<(String, String)>,
    /// Asked by the merchant.
    pub asked_at: i64,
    /// Ended.
    pub answered_at: Option<i64>,
}

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckAsked {
    /// It will be asked.
    Asked,
    /// A question is open.
    Open,
    /// The name is established.
    Established,
    /// Too often.
    Often,
}

/// What came of one try.
#[derive(Clone, Debug)]
pub struct CheckTried<'a> {
    /// The question's number.
    pub id: i64,
    /// The state that it has now.
    pub state: &'a str,
    /// When it is asked again, where it is.
    pub due_at: i64,
    /// In the provider's words.
    pub method: &'a str,
    /// (zh, en).
    pub said: Option<(String, String)>,
}

const CHECK: &str =
    "id, account, request, state, tries, due_at, provider, method, zh, en, asked_at, answered_at FROM identity_checks";

impl Store {
    /// Puts a question, unless one is open, the name is established, or `most` were put since `since`.
    pub fn ask_check(
        &self,
        account: i64,
        request: &str,
        provider: &str,
        since: i64,
        most: u32,
        act: &Act,
    ) -> Result<CheckAsked> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let count = |rest: &str, args: &[&dyn rusqlite::ToSql]| -> rusqlite::Result<u32> {
            transaction.query_row(&format!("SELECT count(*) FROM {rest}"), args, |row| row.get(0))
        };
        if count("reviews WHERE account = ?1 AND state = 'approved'", &[&account])? > 0 {
            return Ok(CheckAsked::Established);
        }
        if count("identity_checks WHERE account = ?1 AND state IN ('waiting', 'pending')", &[&account])? > 0 {
            return Ok(CheckAsked::Open);
        }
        if count("identity_checks WHERE account = ?1 AND asked_at > ?2", &[&account, &since])? >= most {
            return Ok(CheckAsked::Often);
        }
        let sql = "INSERT INTO identity_checks(account, request, state, due_at, provider, asked_at)
                   VALUES (?1, ?2, 'waiting', ?4, ?3, ?4)";
        transaction.execute(sql, params![account, request, provider, act.at])?;
        accounts::note(&transaction, act)?;
        transaction.commit()?;
        Ok(CheckAsked::Asked)
    }

    /// An account's newest question.
    pub fn check(&self, account: i64) -> Result<Option<IdentityCheck>> {
        let sql = format!("SELECT {CHECK} WHERE account = ?1 ORDER BY id DESC LIMIT 1");
        Ok(self.lock().query_row(&sql, [account], check).optional()?)
    }

    /// Questions that are to be asked now, the longest due first.
    pub fn due_checks(&self, at: i64, limit: u32) -> Result<Vec<IdentityCheck>> {
        let connection = self.look();
        let sql = format!(
            "SELECT {CHECK} WHERE state IN ('waiting', 'pending') AND due_at <= ?1 ORDER BY due_at, id LIMIT ?2"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![at, limit], check)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Notes what came of a try; whether the question was still open.
    pub fn tried_check(&self, tried: &CheckTried<'_>, act: Option<&Act>, at: i64) -> Result<bool> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if !note(&transaction, tried, None, at)? {
            return Ok(false);
        }
        if let Some(act) = act {
            accounts::note(&transaction, act)?;
        }
        transaction.commit()?;
        Ok(true)
    }

    /// Writes that a provider established the name, by which record, and what that covers. `words` are for the list of
    /// answers. `false`: the question is open no longer, or the account is closed.
    pub fn establish_check(
        &self,
        account: i64,
        tried: &CheckTried<'_>,
        words: &str,
        attestation: &str,
        covered: &[(String, Vec<u8>)],
        act: &Act,
    ) -> Result<bool> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if !note(&transaction, tried, Some(attestation), act.at)? {
            return Ok(false);
        }
        let sql = "UPDATE reviews SET state = 'approved', reason = ?2, decided_at = ?3, attestation = ?4
                   WHERE account = ?1 AND state = 'asked'";
        if transaction.execute(sql, params![account, words, act.at, attestation])? == 0 {
            let sql = "INSERT INTO reviews(account, state, reason, asked_at, decided_at, attestation)
                       VALUES (?1, 'approved', ?2, ?3, ?3, ?4)";
            transaction.execute(sql, params![account, words, act.at, attestation])?;
        }
        reviews::drop_documents(&transaction, account)?;
        self.cover(&transaction, account, attestation, covered)?;
        accounts::note(&transaction, act)?;
        transaction.commit()?;
        Ok(true)
    }
}

fn note(transaction: &Transaction<'_>, tried: &CheckTried<'_>, attestation: Option<&str>, at: i64) -> Result<bool> {
    let CheckTried { id, state, due_at, method, said } = tried;
    let (zh, en) = said.clone().unzip();
    let ended = (!matches!(*state, "waiting" | "pending")).then_some(at);
    let sql = "UPDATE identity_checks SET state = ?2, due_at = ?3, method = ?4, zh = ?5, en = ?6, answered_at = ?7,
               attestation = ?8, tries = tries + 1 WHERE id = ?1 AND state IN ('waiting', 'pending')";
    Ok(transaction.execute(sql, params![id, state, due_at, method, zh, en, ended, attestation])? == 1)
}

fn check(row: &Row<'_>) -> rusqlite::Result<IdentityCheck> {
    let (zh, en): (Option<String>, Option<String>) = (row.get(8)?, row.get(9)?);
    Ok(IdentityCheck {
        id: row.get(0)?,
        account: row.get(1)?,
        request: row.get(2)?,
        state: row.get(3)?,
        tries: row.get(4)?,
        due_at: row.get(5)?,
        provider: row.get(6)?,
        method: row.get(7)?,
        said: zh.zip(en),
        asked_at: row.get(10)?,
        answered_at: row.get(11)?,
    })
}
