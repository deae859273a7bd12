//! Uploads that are under way, and for a while what became of them. Times are UTC microseconds.

use crate::{Result, Store, accounts};
use rusqlite::{OptionalExtension, Row, params};

/// A file on its way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Random: its address.
    pub id: String,
    /// Whose it is.
    pub account: i64,
    /// The file's name, one part.
    pub name: String,
    /// `Upload-Metadata`, as it was sent.
    pub metadata: String,
    /// Bytes that are to come in all.
    pub length: u64,
    /// Bytes that are on the disk.
    pub received: u64,
    /// The record that was made of it.
    pub record: Option<String>,
    /// When it is swept, unless more comes.
    pub expires_at: i64,
}

fn upload(row: &Row<'_>) -> rusqlite::Result<Upload> {
    Ok(Upload {
        id: row.get(0)?,
        account: row.get(1)?,
        name: row.get(2)?,
        metadata: row.get(3)?,
        length: row.get(4)?,
        received: row.get(5)?,
        record: row.get(6)?,
        expires_at: row.get(7)?,
    })
}

const COLUMNS: &str = "SELECT id, account, name, metadata, length, received, record, expires_at FROM uploads";

impl Store {
    /// A new one, of which nothing has come yet.
    pub fn add_upload(&self, new: &Upload) -> Result<()> {
        let sql =
            "INSERT INTO uploads(id, account, name, metadata, length, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let connection = self.lock();
        accounts::still_open(&connection, new.account)?;
        connection.execute(sql, params![new.id, new.account, new.name, new.metadata, new.length, new.expires_at])?;
        Ok(())
    }

    /// An account's upload of this address.
    pub fn upload(&self, account: i64, id: &str) -> Result<Option<Upload>> {
        let connection = self.lock();
        let sql = format!("{COLUMNS} WHERE id = ?1 AND account = ?2");
        Ok(connection.prepare_cached(&sql)?.query_row(params![id, account], upload).optional()?)
    }

    /// How many of an account's are not registered yet, and how many bytes they will have.
    pub fn open_uploads(&self, account: i64) -> Result<(u64, u64)> {
        let sql = "SELECT count(*), coalesce(sum(length), 0) FROM uploads WHERE account = ?1 AND record IS NULL";
        Ok(self.lock().query_row(sql, [account], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }

    /// So many bytes are on the disk.
    pub fn note_received(&self, id: &str, received: u64, expires_at: i64) -> Result<()> {
        let sql = "UPDATE uploads SET received = ?2, expires_at = ?3 WHERE id = ?1";
        self.lock().prepare_cached(sql)?.execute(params![id, received, expires_at]).map(drop)?;
        Ok(())
    }

    /// It became this record.
    pub fn end_upload(&self, id: &str, record: &str) -> Result<()> {
        self.lock().execute("UPDATE uploads SET record = ?2 WHERE id = ?1", [id, record]).map(drop)?;
        Ok(())
    }

    /// Forgets it.
    pub fn drop_upload(&self, id: &str) -> Result<()> {
        self.lock().execute("DELETE FROM uploads WHERE id = ?1", [id]).map(drop)?;
        Ok(())
    }

    /// Forgets it if its time was up before `at`; whether it did.
    pub fn drop_expired(&self, id: &str, at: i64) -> Result<bool> {
        let sql = "DELETE FROM uploads WHERE id = ?1 AND expires_at < ?2";
        Ok(self.lock().execute(sql, params![id, at])? == 1)
    }

    /// All of them.
    pub fn uploads(&self) -> Result<Vec<Upload>> {
        let connection = self.lock();
        let mut statement = connection.prepare(COLUMNS)?;
        let rows = statement.query_map([], upload)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Those whose time was up before `at`.
    pub fn expired_uploads(&self, at: i64) -> Result<Vec<String>> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached("SELECT id FROM uploads WHERE expires_at < ?1")?;
        let rows = statement.query_map([at], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
