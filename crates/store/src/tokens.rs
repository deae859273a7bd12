//! API tokens, and what their creating calls were answered. Times are UTC microseconds.

use crate::{Result, SignIn, Store, accounts};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

/// A token as its owner sees it.
#[derive(Clone, Debug)]
pub struct ApiToken {
    /// Number: what lists and ends it.
    pub id: i64,
    /// What its owner called it.
    pub name: String,
    /// Words apart by spaces.
    pub scopes: String,
    /// Made.
    pub created_at: i64,
    /// Ends by itself.
    pub expires_at: i64,
    /// Last used, to the minute.
    pub used_at: Option<i64>,
}

/// A token with which somebody calls.
#[derive(Clone, Debug)]
pub struct InUse {
    /// Number.
    pub id: i64,
    /// Words apart by spaces.
    pub scopes: String,
    /// When its use was last noted.
    pub used_at: Option<i64>,
    /// Whose it is.
    pub person: SignIn,
}

/// What is known of an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Once {
    /// Nothing: the call is the caller's to make.
    New,
    /// The same request is under way.
    UnderWay,
    /// The same request was answered.
    Answered(String),
    /// Another request had this key.
    Other,
}

impl Store {
    /// Adds a token of a person; its number.
    pub fn add_token(
        &self,
        digest: &[u8; 32],
        sign_in: i64,
        name: &str,
        scopes: &str,
        at: i64,
        until: i64,
    ) -> Result<i64> {
        let sql = "INSERT INTO api_tokens(digest, sign_in, name, scopes, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let connection = self.lock();
        connection.execute(sql, params![digest, sign_in, name, scopes, at, until])?;
        Ok(connection.last_insert_rowid())
    }

    /// The token of this digest, and its person, unless it has ended. Waits for no write and no long search.
    pub fn token(&self, digest: &[u8; 32], at: i64) -> Result<Option<InUse>> {
        let connection = self.door();
        let sql = "SELECT id, sign_in, scopes, used_at FROM api_tokens WHERE digest = ?1 AND expires_at > ?2";
        let found = connection.prepare_cached(sql)?.query_row(params![digest, at], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?, row.get::<_, Option<i64>>(3)?))
        });
        let Some((id, sign_in, scopes, used_at)) = found.optional()? else { return Ok(None) };
        let person = accounts::open_person(&connection, sign_in)?;
        Ok(person.map(|person| InUse { id, scopes, used_at, person }))
    }

    /// Notes when a token was used.
    pub fn note_token_use(&self, id: i64, at: i64) -> Result<()> {
        self.lock().execute("UPDATE api_tokens SET used_at = ?2 WHERE id = ?1", [id, at])?;
        Ok(())
    }

    /// A person's tokens, the newest first.
    pub fn api_tokens(&self, sign_in: i64) -> Result<Vec<ApiToken>> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(
            "SELECT id, name, scopes, created_at, expires_at, used_at FROM api_tokens WHERE sign_in = ?1 ORDER BY id DESC",
        )?;
        let rows = statement.query_map([sign_in], |row| {
            let (id, name, scopes) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(ApiToken { id, name, scopes, created_at: row.get(3)?, expires_at: row.get(4)?, used_at: row.get(5)? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Ends a token of this person; whether there was one.
    pub fn end_token(&self, sign_in: i64, id: i64) -> Result<bool> {
        Ok(self.lock().execute("DELETE FROM api_tokens WHERE id = ?2 AND sign_in = ?1", [sign_in, id])? == 1)
    }

    /// Takes an idempotency key for a request, or says what became of it.
    pub fn begin_once(&self, account: i64, key: &str, request: &[u8; 32], at: i64) -> Result<Once> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql =
            "INSERT INTO idempotency(account, key, request, created_at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
        if transaction.execute(sql, params![account, key, request, at])? == 1 {
            transaction.commit()?;
            return Ok(Once::New);
        }
        let sql = "SELECT request, answer FROM idempotency WHERE account = ?1 AND key = ?2";
        let (earlier, answer) = transaction.query_row(sql, params![account, key], |row| {
            Ok((row.get::<_, [u8; 32]>(0)?, row.get::<_, Option<String>>(1)?))
        })?;
        Ok(match answer {
            _ if earlier != *request => Once::Other,
            Some(answer) => Once::Answered(answer),
            None => Once::UnderWay,
        })
    }

    /// Keeps the answer; without one the key is free again.
    pub fn end_once(&self, account: i64, key: &str, answer: Option<&str>) -> Result<()> {
        let connection = self.lock();
        let Some(answer) = answer else {
            let sql = "DELETE FROM idempotency WHERE account = ?1 AND key = ?2 AND answer IS NULL";
            connection.execute(sql, params![account, key])?;
            return Ok(());
        };
        keep_answer(&connection, account, key, answer)
    }

    /// Frees the keys of calls that a stopped process left under way.
    pub fn free_once(&self) -> Result<()> {
        self.lock().execute("DELETE FROM idempotency WHERE answer IS NULL", [])?;
        Ok(())
    }

    /// Forgets answers to calls that were made before `before`.
    pub fn sweep_once(&self, before: i64) -> Result<()> {
        self.lock().execute("DELETE FROM idempotency WHERE answer IS NOT NULL AND created_at < ?1", [before])?;
        Ok(())
    }
}

/// Keeps the answer, in the caller's transaction.
pub(crate) fn keep_answer(connection: &Connection, account: i64, key: &str, answer: &str) -> Result<()> {
    let sql = "UPDATE idempotency SET answer = ?3 WHERE account = ?1 AND key = ?2";
    connection.execute(sql, params![account, key, answer])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::OWNER_ACCOUNT;

    #[test]
    fn a_key_answers_once_and_only_its_own_request() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("q.db")).unwrap();
        let ask = |key: &str, request: u8| store.begin_once(OWNER_ACCOUNT, key, &[request; 32], 1).unwrap();
        assert_eq!(ask("a", 1), Once::New);
        assert_eq!(ask("a", 1), Once::UnderWay);
        assert_eq!(ask("a", 2), Once::Other);
        store.end_once(OWNER_ACCOUNT, "a", Some("201")).unwrap();
        assert_eq!(ask("a", 1), Once::Answered("201".into()));
        assert_eq!(ask("b", 1), Once::New);
        store.end_once(OWNER_ACCOUNT, "b", None).unwrap();
        assert_eq!(ask("b", 2), Once::New, "a call that failed leaves its key free");
        store.free_once().unwrap();
        assert_eq!(ask("b", 3), Once::New, "so does one that a stopped process left");
        store.sweep_once(1).unwrap();
        assert_eq!(ask("a", 1), Once::Answered("201".into()));
        store.sweep_once(2).unwrap();
        assert_eq!(ask("a", 2), Once::New, "an old answer is forgotten");
        assert_eq!(ask("b", 3), Once::UnderWay, "and nothing that is under way");
    }
}
