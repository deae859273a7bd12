//! Passkeys: public keys by which people sign in. Times are UTC microseconds.

use crate::{Result, SignIn, Store, accounts::open_person};
use rusqlite::{OptionalExtension, params};

/// A passkey as its owner sees it.
#[derive(Clone, Debug)]
pub struct Passkey {
    /// Number: what lists and ends it.
    pub id: i64,
    /// What its owner called it.
    pub name: String,
    /// Made.
    pub created_at: i64,
    /// Last used.
    pub used_at: Option<i64>,
}

/// A passkey that is about to be one.
#[derive(Clone, Copy, Debug)]
pub struct NewPasskey<'a> {
    /// The device's name for it.
    pub credential: &'a [u8],
    /// Whose.
    pub sign_in: i64,
    /// SubjectPublicKeyInfo.
    pub key: &'a [u8],
    /// The device's count.
    pub uses: u32,
    /// What its owner called it.
    pub name: &'a str,
    /// Now.
    pub at: i64,
}

impl Store {
    /// Adds a passkey; its number, where its credential is new and its person has fewer than `most`.
    pub fn add_passkey(&self, new: &NewPasskey<'_>, most: u32) -> Result<Option<i64>> {
        let NewPasskey { credential, sign_in, key, uses, name, at } = new;
        let sql = "INSERT INTO passkeys(credential, sign_in, key, uses, name, created_at) SELECT ?1, ?2, ?3, ?4, ?5, ?6
                   WHERE (SELECT count(*) FROM passkeys WHERE sign_in = ?2) < ?7 ON CONFLICT DO NOTHING";
        let connection = self.lock();
        let added = connection.execute(sql, params![credential, sign_in, key, uses, name, at, most])? == 1;
        Ok(added.then(|| connection.last_insert_rowid()))
    }

    /// A person's passkeys, the newest first.
    pub fn passkeys(&self, sign_in: i64) -> Result<Vec<Passkey>> {
        let connection = self.look();
        let mut statement = connection
            .prepare_cached("SELECT id, name, created_at, used_at FROM passkeys WHERE sign_in = ?1 ORDER BY id DESC")?;
        let rows = statement.query_map([sign_in], |row| {
            Ok(Passkey { id: row.get(0)?, name: row.get(1)?, created_at: row.get(2)?, used_at: row.get(3)? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Number, key and person of this credential, of an open account.
    pub fn passkey(&self, credential: &[u8]) -> Result<Option<(i64, Vec<u8>, SignIn)>> {
        let connection = self.look();
        let sql = "SELECT id, key, sign_in FROM passkeys WHERE credential = ?1";
        let found = connection.query_row(sql, params![credential], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, i64>(2)?))
        });
        let Some((id, key, sign_in)) = found.optional()? else { return Ok(None) };
        Ok(open_person(&connection, sign_in)?.map(|person| (id, key, person)))
    }

    /// Notes a use; whether the device's count went up, or it keeps none. One that went back is a copy's.
    pub fn use_passkey(&self, id: i64, uses: u32, at: i64) -> Result<bool> {
        let sql = "UPDATE passkeys SET uses = ?2, used_at = ?3 WHERE id = ?1 AND (uses < ?2 OR (uses = 0 AND ?2 = 0))";
        Ok(self.lock().execute(sql, params![id, uses, at])? == 1)
    }

    /// Ends a passkey of this person; whether there was one.
    pub fn end_passkey(&self, sign_in: i64, id: i64) -> Result<bool> {
        Ok(self.lock().execute("DELETE FROM passkeys WHERE id = ?2 AND sign_in = ?1", [sign_in, id])? == 1)
    }
}
