//! Links by which a licensee confirms a licence. Times are UTC microseconds; tokens are here as SHA-256 only.

use crate::{Result, Store};
use rusqlite::{OptionalExtension, Row, params};

/// A link.
#[derive(Clone, Debug)]
pub struct LicenceLink {
    /// Number: what lists and ends it.
    pub id: i64,
    /// Whose.
    pub account: i64,
    /// Which licence.
    pub record: String,
    /// Made.
    pub created_at: i64,
    /// Ends by itself.
    pub expires_at: i64,
    /// Was withdrawn.
    pub ended_at: Option<i64>,
    /// Somebody confirmed by it.
    pub used_at: Option<i64>,
    /// How often its page was opened.
    pub opened: u64,
    /// Last opened.
    pub opened_at: Option<i64>,
}

/// A link that is about to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewLicenceLink<'a> {
    /// SHA-256 of its token.
    pub digest: [u8; 32],
    /// Whose.
    pub account: i64,
    /// Who made it.
    pub sign_in: i64,
    /// Which licence.
    pub record: &'a str,
    /// Now.
    pub at: i64,
    /// When it ends.
    pub until: i64,
}

const LINK: &str =
    "id, account, record, created_at, expires_at, ended_at, used_at, opened, opened_at FROM licence_links";

impl Store {
    /// Makes a link: its number.
    pub fn add_licence_link(&self, new: &NewLicenceLink<'_>) -> Result<i64> {
        let connection = self.lock();
        let sql = "INSERT INTO licence_links(digest, account, sign_in, record, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let NewLicenceLink { digest, account, sign_in, record, at, until } = *new;
        connection.execute(sql, params![digest, account, sign_in, record, at, until])?;
        Ok(connection.last_insert_rowid())
    }

    /// The link of this token's digest, ended or not.
    pub fn licence_link(&self, digest: &[u8; 32]) -> Result<Option<LicenceLink>> {
        let sql = format!("SELECT {LINK} WHERE digest = ?1");
        Ok(self.lock().query_row(&sql, [digest], link).optional()?)
    }

    /// Links of an account's licence, the newest first.
    pub fn licence_links(&self, account: i64, record: &str) -> Result<Vec<LicenceLink>> {
        let connection = self.lock();
        let sql = format!("SELECT {LINK} WHERE account = ?1 AND record = ?2 ORDER BY id DESC");
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![account, record], link)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Withdraws a link of this licence; whether there was one that had not been withdrawn.
    pub fn end_licence_link(&self, account: i64, record: &str, id: i64, at: i64) -> Result<bool> {
        let sql = "UPDATE licence_links SET ended_at = ?4 WHERE account = ?1 AND record = ?2 AND id = ?3 AND ended_at IS NULL";
        Ok(self.lock().execute(sql, params![account, record, id, at])? > 0)
    }

    /// Notes that its page was opened.
    pub fn opened_licence_link(&self, id: i64, at: i64) -> Result<()> {
        let sql = "UPDATE licence_links SET opened = opened + 1, opened_at = ?2 WHERE id = ?1";
        self.lock().execute(sql, [id, at])?;
        Ok(())
    }

    /// Notes that somebody confirmed by it.
    pub fn used_licence_link(&self, id: i64, at: i64) -> Result<()> {
        self.lock().execute("UPDATE licence_links SET used_at = ?2 WHERE id = ?1 AND used_at IS NULL", [id, at])?;
        Ok(())
    }
}

fn link(row: &Row<'_>) -> rusqlite::Result<LicenceLink> {
    Ok(LicenceLink {
        id: row.get(0)?,
        account: row.get(1)?,
        record: row.get(2)?,
        created_at: row.get(3)?,
        expires_at: row.get(4)?,
        ended_at: row.get(5)?,
        used_at: row.get(6)?,
        opened: row.get(7)?,
        opened_at: row.get(8)?,
    })
}
