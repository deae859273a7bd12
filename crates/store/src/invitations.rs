//! Addresses by which the operator lets somebody sign up. Of each only the SHA-256 is here, and it goes when it is used.

use crate::{Act, Result, Store, accounts};
use rusqlite::{Transaction, TransactionBehavior, params};

/// One that is open.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// Number.
    pub id: i64,
    /// Whom it is meant for, in the operator's words.
    pub name: String,
    /// UTC microseconds.
    pub expires_at: i64,
}

impl Store {
    /// Adds one, and forgets those that have ended; `false`: there are `most` already.
    pub fn add_invitation(&self, digest: &[u8; 32], name: &str, until: i64, most: u64, act: &Act) -> Result<bool> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute("DELETE FROM invitations WHERE expires_at <= ?1", [act.at])?;
        let sql = "INSERT INTO invitations(digest, name, created_at, expires_at) SELECT ?1, ?2, ?3, ?4
                   WHERE (SELECT count(*) FROM invitations) < ?5";
        if transaction.execute(sql, params![digest, name, act.at, until, most])? == 0 {
            return Ok(false);
        }
        accounts::note(&transaction, act)?;
        transaction.commit()?;
        Ok(true)
    }

    /// Those that are open, the newest first.
    pub fn invitations(&self, at: i64) -> Result<Vec<Invitation>> {
        let connection = self.lock();
        let sql = "SELECT id, name, expires_at FROM invitations WHERE expires_at > ?1 ORDER BY id DESC";
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement
            .query_map([at], |row| Ok(Invitation { id: row.get(0)?, name: row.get(1)?, expires_at: row.get(2)? }))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Whether this one is open.
    pub fn is_invited(&self, digest: &[u8; 32], at: i64) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM invitations WHERE digest = ?1 AND expires_at > ?2)";
        Ok(self.lock().query_row(sql, params![digest, at], |row| row.get(0))?)
    }

    /// Ends one; whether there was one.
    pub fn end_invitation(&self, id: i64) -> Result<bool> {
        Ok(self.lock().execute("DELETE FROM invitations WHERE id = ?1", [id])? == 1)
    }
}

/// Uses one up, in the caller's transaction; whether it was open.
pub(crate) fn take(transaction: &Transaction<'_>, digest: &[u8; 32], at: i64) -> Result<bool> {
    let sql = "DELETE FROM invitations WHERE digest = ?1 AND expires_at > ?2";
    Ok(transaction.execute(sql, params![digest, at])? == 1)
}
