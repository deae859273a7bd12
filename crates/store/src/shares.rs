//! Links that show some of one record. Times are UTC microseconds; tokens are here as SHA-256 only.

use crate::{Result, Store};
use rusqlite::{OptionalExtension, Row, params};

/// A link.
#[derive(Clone, Debug)]
pub struct Share {
    /// Number: what lists and ends it.
    pub id: i64,
    /// Whose.
    pub account: i64,
    /// Which record.
    pub record: String,
    /// What it shows: words apart by spaces.
    pub shows: String,
    /// Made.
    pub created_at: i64,
    /// Ends by itself.
    pub expires_at: i64,
    /// Was ended.
    pub ended_at: Option<i64>,
    /// How often its page was opened.
    pub opened: u64,
    /// Last opened.
    pub opened_at: Option<i64>,
}

/// A link that is about to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewShare<'a> {
    /// SHA-256 of its token.
    pub digest: [u8; 32],
    /// Whose.
    pub account: i64,
    /// Who made it.
    pub sign_in: i64,
    /// Which record.
    pub record: &'a str,
    /// What it shows: words apart by spaces.
    pub shows: &'a str,
    /// Now.
    pub at: i64,
    /// When it ends.
    pub until: i64,
}

const SHARE: &str = "id, account, record, shows, created_at, expires_at, ended_at, opened, opened_at FROM shares";

impl Store {
    /// Makes a link: its number.
    pub fn add_share(&self, new: &NewShare<'_>) -> Result<i64> {
        let connection = self.lock();
        let sql = "INSERT INTO shares(digest, account, sign_in, record, shows, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let NewShare { digest, account, sign_in, record, shows, at, until } = *new;
        connection.execute(sql, params![digest, account, sign_in, record, shows, at, until])?;
        Ok(connection.last_insert_rowid())
    }

    /// The link of this token's digest, ended or not.
    pub fn share(&self, digest: &[u8; 32]) -> Result<Option<Share>> {
        let sql = format!("SELECT {SHARE} WHERE digest = ?1");
        Ok(self.lock().query_row(&sql, [digest], share).optional()?)
    }

    /// Links of an account's record, the newest first.
    pub fn shares(&self, account: i64, record: &str) -> Result<Vec<Share>> {
        let connection = self.lock();
        let sql = format!("SELECT {SHARE} WHERE account = ?1 AND record = ?2 ORDER BY id DESC");
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![account, record], share)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Ends a link of this record; whether there was one that had not ended.
    pub fn end_share(&self, account: i64, record: &str, id: i64, at: i64) -> Result<bool> {
        let sql = "UPDATE shares SET ended_at = ?4 WHERE account = ?1 AND record = ?2 AND id = ?3 AND ended_at IS NULL";
        Ok(self.lock().execute(sql, params![account, record, id, at])? > 0)
    }

    /// Notes that its page was opened.
    pub fn opened_share(&self, id: i64, at: i64) -> Result<()> {
        self.lock().execute("UPDATE shares SET opened = opened + 1, opened_at = ?2 WHERE id = ?1", [id, at])?;
        Ok(())
    }
}

fn share(row: &Row<'_>) -> rusqlite::Result<Share> {
    Ok(Share {
        id: row.get(0)?,
        account: row.get(1)?,
        record: row.get(2)?,
        shows: row.get(3)?,
        created_at: row.get(4)?,
        expires_at: row.get(5)?,
        ended_at: row.get(6)?,
        opened: row.get(7)?,
        opened_at: row.get(8)?,
    })
}
