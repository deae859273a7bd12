//! What opens the door beside a password: codes, recovery codes, one-time addresses; and how often it was tried.

use crate::{Result, SignIn, Store, accounts::open_person};
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};

/// Tries in a row that cost nothing.
const FREE: i64 = 4;
/// Longest that a name is closed, microseconds.
pub const LONGEST: i64 = 900_000_000;

/// A secret of an authenticator.
#[derive(Clone, Debug)]
pub struct Totp {
    /// Shared with the authenticator.
    pub secret: Vec<u8>,
    /// The last step of time whose code was taken.
    pub step: i64,
}

impl Store {
    /// Counts a try *before* it is judged, so that many at once are as many as one after another. From the fifth in a
    /// row on the name is closed for 30 s, then twice as long each time, [`LONGEST`] at most. Gives what to forgive the
    /// try by; `None`: the name is closed. A name that is closed for longer than that was closed by a clock that has
    /// been set back since, and is open.
    pub fn count_try(&self, id: i64, at: i64) -> Result<Option<i64>> {
        let sql = "UPDATE sign_ins SET failed = failed + 1, locked_until = ?2 +
                       CASE WHEN failed < ?3 THEN 0 ELSE min(30000000 << min(failed - ?3, 5), ?4) END
                   WHERE id = ?1 AND (locked_until <= ?2 OR locked_until > ?2 + ?4) RETURNING locked_until";
        Ok(self.lock().query_row(sql, [id, at, FREE, LONGEST], |row| row.get(0)).optional()?)
    }

    /// Takes back one try that was right, and what it closed; others that were wrong stay counted.
    pub fn forgive(&self, id: i64, tried: i64) -> Result<()> {
        let sql = "UPDATE sign_ins SET failed = max(failed - 1, 0),
                       locked_until = CASE WHEN locked_until = ?2 THEN 0 ELSE locked_until END WHERE id = ?1";
        self.lock().execute(sql, [id, tried])?;
        Ok(())
    }

    /// The person's confirmed secret.
    pub fn totp(&self, id: i64) -> Result<Option<Totp>> {
        let sql = "SELECT totp, totp_step FROM sign_ins WHERE id = ?1 AND totp IS NOT NULL";
        let found = self.lock().query_row(sql, [id], |row| Ok(Totp { secret: row.get(0)?, step: row.get(1)? }));
        Ok(found.optional()?)
    }

    /// The secret that is offered: the one before, where there is one, else this.
    pub fn offer_totp(&self, id: i64, secret: &[u8]) -> Result<Vec<u8>> {
        let sql = "UPDATE sign_ins SET totp_new = coalesce(totp_new, ?2) WHERE id = ?1 RETURNING totp_new";
        Ok(self.lock().query_row(sql, params![id, secret], |row| row.get(0))?)
    }

    /// The offered secret is the person's from now on, with these recovery codes; whether it still was what is offered.
    pub fn begin_totp(&self, id: i64, secret: &[u8], step: i64, recovery: &[[u8; 32]]) -> Result<bool> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "UPDATE sign_ins SET totp = totp_new, totp_new = NULL, totp_step = ?3
                   WHERE id = ?1 AND totp_new = ?2 AND totp IS NULL";
        if transaction.execute(sql, params![id, secret, step])? != 1 {
            return Ok(false);
        }
        for digest in recovery {
            transaction.execute("INSERT INTO recovery_codes(sign_in, digest) VALUES (?1, ?2)", params![id, digest])?;
        }
        transaction.commit()?;
        Ok(true)
    }

    /// Takes the code of a step; whether no code of it or of a later one was taken before.
    pub fn use_step(&self, id: i64, step: i64) -> Result<bool> {
        let sql = "UPDATE sign_ins SET totp_step = ?2 WHERE id = ?1 AND totp_step < ?2";
        Ok(self.lock().execute(sql, [id, step])? == 1)
    }

    /// Takes a recovery code; whether there was one.
    pub fn use_recovery(&self, id: i64, digest: &[u8; 32]) -> Result<bool> {
        let sql = "DELETE FROM recovery_codes WHERE sign_in = ?1 AND digest = ?2";
        Ok(self.lock().execute(sql, params![id, digest])? == 1)
    }

    /// How many recovery codes are left.
    pub fn recovery_left(&self, id: i64) -> Result<u64> {
        let sql = "SELECT count(*) FROM recovery_codes WHERE sign_in = ?1";
        Ok(self.lock().query_row(sql, [id], |row| row.get(0))?)
    }

    /// Ends codes for a person.
    pub fn end_totp(&self, id: i64) -> Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        forget_totp(&transaction, id)?;
        transaction.commit()?;
        Ok(())
    }

    /// A session that waits for a code.
    pub fn begin_half(&self, digest: &[u8; 32], id: i64, agent: &str, at: i64, until: i64) -> Result<()> {
        let sql = "INSERT INTO sessions(digest, sign_in, agent, created_at, seen_at, expires_at, half)
                   VALUES (?1, ?2, ?3, ?4, ?4, ?5, 1)";
        self.lock().execute(sql, params![digest, id, agent, at, until])?;
        Ok(())
    }

    /// Whose code a session waits for.
    pub fn half_session(&self, digest: &[u8; 32], at: i64) -> Result<Option<SignIn>> {
        let connection = self.lock();
        let sql = "SELECT sign_in FROM sessions
                   WHERE digest = ?1 AND half = 1 AND expires_at > ?2 AND created_at <= ?2 + 300000000";
        let found = connection.query_row(sql, params![digest, at], |row| row.get(0)).optional()?;
        found.map_or(Ok(None), |id| open_person(&connection, id))
    }

    /// The session has what it waited for: it ends, and another begins.
    pub fn end_half(&self, digest: &[u8; 32]) -> Result<()> {
        self.lock().execute("DELETE FROM sessions WHERE digest = ?1 AND half = 1", params![digest])?;
        Ok(())
    }

    /// A new password: every other session of the person ends, this one has another token, nothing is closed any more.
    pub fn change_password(&self, id: i64, password: &str, session: i64, digest: &[u8; 32]) -> Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        set_password(&transaction, id, password, session)?;
        transaction.execute("UPDATE sessions SET digest = ?2 WHERE id = ?1", params![session, digest])?;
        transaction.commit()?;
        Ok(())
    }

    /// A one-time address for the person of this name, in place of an earlier one; whether there is such a person.
    pub fn offer_reset(&self, login: &str, digest: &[u8; 32], until: i64) -> Result<bool> {
        let sql = "INSERT INTO resets(sign_in, digest, expires_at) SELECT id, ?2, ?3 FROM sign_ins WHERE login = ?1 AND ended_at IS NULL
                   ON CONFLICT(sign_in) DO UPDATE SET digest = excluded.digest, expires_at = excluded.expires_at";
        Ok(self.lock().execute(sql, params![login, digest, until])? == 1)
    }

    /// Whose address this is, while it is good.
    pub fn reset(&self, digest: &[u8; 32], at: i64) -> Result<Option<SignIn>> {
        let connection = self.lock();
        let sql = "SELECT sign_in FROM resets WHERE digest = ?1 AND expires_at > ?2";
        let found = connection.query_row(sql, params![digest, at], |row| row.get(0)).optional()?;
        found.map_or(Ok(None), |id| open_person(&connection, id))
    }

    /// Uses the address: new password, no codes, passkeys, identities, tokens, invites or sessions. Whether it was still good.
    pub fn use_reset(&self, digest: &[u8; 32], at: i64, password: &str) -> Result<bool> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "DELETE FROM resets WHERE digest = ?1 AND expires_at > ?2 RETURNING sign_in";
        let found = transaction.query_row(sql, params![digest, at], |row| row.get::<_, i64>(0)).optional()?;
        let Some(id) = found else { return Ok(false) };
        set_password(&transaction, id, password, -1)?;
        forget_totp(&transaction, id)?;
        // Whoever lost the password may have lost the device too.
        // And whoever had either may have made ways in of his own.
        for table in ["passkeys", "identities", "api_tokens", "invites"] {
            transaction.execute(&format!("DELETE FROM {table} WHERE sign_in = ?1"), [id])?;
        }
        transaction.commit()?;
        Ok(true)
    }

    /// Who is linked to this identity, of an open account.
    pub fn identity(&self, issuer: &str, subject: &str) -> Result<Option<SignIn>> {
        let connection = self.look();
        let sql = "SELECT sign_in FROM identities WHERE issuer = ?1 AND subject = ?2";
        let found = connection.query_row(sql, [issuer, subject], |row| row.get(0)).optional()?;
        found.map_or(Ok(None), |id| open_person(&connection, id))
    }

    /// Links an identity to a person; whether it is nobody else's.
    pub fn link_identity(&self, issuer: &str, subject: &str, sign_in: i64) -> Result<bool> {
        let sql = "INSERT INTO identities(issuer, subject, sign_in) VALUES (?1, ?2, ?3)
                   ON CONFLICT DO UPDATE SET sign_in = excluded.sign_in WHERE sign_in = excluded.sign_in";
        Ok(self.lock().execute(sql, params![issuer, subject, sign_in])? == 1)
    }

    /// Whether a person is linked to an identity of this issuer.
    pub fn is_linked(&self, issuer: &str, sign_in: i64) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM identities WHERE sign_in = ?2 AND issuer = ?1)";
        Ok(self.look().query_row(sql, params![issuer, sign_in], |row| row.get(0))?)
    }

    /// Ends what a person is linked to; whether there was anything.
    pub fn unlink_identities(&self, sign_in: i64) -> Result<bool> {
        Ok(self.lock().execute("DELETE FROM identities WHERE sign_in = ?1", [sign_in])? > 0)
    }
}

fn set_password(transaction: &Transaction<'_>, id: i64, password: &str, but: i64) -> Result<()> {
    let sql = "UPDATE sign_ins SET password = ?2, failed = 0, locked_until = 0 WHERE id = ?1";
    transaction.execute(sql, params![id, password])?;
    transaction.execute("DELETE FROM sessions WHERE sign_in = ?1 AND id <> ?2", [id, but])?;
    transaction.execute("DELETE FROM resets WHERE sign_in = ?1", [id])?;
    Ok(())
}

fn forget_totp(transaction: &Transaction<'_>, id: i64) -> Result<()> {
    transaction.execute("UPDATE sign_ins SET totp = NULL, totp_new = NULL WHERE id = ?1", [id])?;
    transaction.execute("DELETE FROM recovery_codes WHERE sign_in = ?1", [id])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{NewSignIn, OWNER_ACCOUNT};

    const SECOND: i64 = 1_000_000;

    fn somebody() -> (tempfile::TempDir, Store, i64) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("q.db")).unwrap();
        let (login, name, password) = ("linwan".into(), "林晚".into(), "$argon2id$".into());
        let new = NewSignIn { account: OWNER_ACCOUNT, login, name, password, at: 1 };
        let id = store.first_sign_in(&new).unwrap().unwrap();
        (dir, store, id)
    }

    #[test]
    fn tries_are_counted_before_they_are_judged() {
        let (_dir, store, id) = somebody();
        let now = 1000 * SECOND;
        let tried: Vec<i64> = (0..5).map(|_| store.count_try(id, now).unwrap().unwrap()).collect();
        assert_eq!(tried[4], now + 30 * SECOND);
        assert_eq!(store.count_try(id, now).unwrap(), None, "closed");
        // One that was right opens only what it closed itself.
        store.forgive(id, tried[0]).unwrap();
        assert_eq!(store.count_try(id, now + 29 * SECOND).unwrap(), None);
        store.forgive(id, tried[4]).unwrap();
        assert!(store.count_try(id, now).unwrap().is_some());
        // A clock that was set back by a year closes nothing for a year.
        let year = 365 * 24 * 3600 * SECOND;
        while store.count_try(id, now + year).unwrap().is_some() {}
        assert!(store.count_try(id, now).unwrap().is_some());
    }

    #[test]
    fn a_code_and_an_address_are_good_once() {
        let (_dir, store, id) = somebody();
        let secret = store.offer_totp(id, &[7; 20]).unwrap();
        assert_eq!(store.offer_totp(id, &[8; 20]).unwrap(), secret, "the page loaded again shows the same");
        assert!(!store.begin_totp(id, &[8; 20], 5, &[]).unwrap());
        assert!(store.begin_totp(id, &secret, 5, &[[1; 32], [2; 32]]).unwrap());
        assert!(!store.use_step(id, 5).unwrap() && store.use_step(id, 6).unwrap() && !store.use_step(id, 6).unwrap());
        assert!(!store.use_step(id, 4).unwrap(), "an earlier one");
        assert!(store.use_recovery(id, &[1; 32]).unwrap() && !store.use_recovery(id, &[1; 32]).unwrap());
        assert_eq!(store.recovery_left(id).unwrap(), 1);

        store.begin_half(&[3; 32], id, "", 10, 20).unwrap();
        assert!(store.session(&[3; 32], 11, 100).unwrap().is_none(), "half a session is none");
        assert!(store.half_session(&[3; 32], 11).unwrap().is_some());
        assert!(store.half_session(&[3; 32], 20).unwrap().is_none());

        store.begin_session(&[4; 32], id, "", 10, 99, 100).unwrap();
        store.add_token(&[5; 32], id, "shop", "read", 10, 99).unwrap();
        assert!(!store.offer_reset("nobody", &[9; 32], 50).unwrap());
        assert!(
            store.offer_reset("LinWan", &[9; 32], 50).unwrap() && store.offer_reset("linwan", &[8; 32], 50).unwrap()
        );
        assert!(store.reset(&[9; 32], 11).unwrap().is_none(), "the newer address ends the earlier");
        assert!(!store.use_reset(&[8; 32], 50, "x").unwrap());
        assert!(store.use_reset(&[8; 32], 49, "new").unwrap() && !store.use_reset(&[8; 32], 49, "x").unwrap());
        let person = store.sign_in_named("linwan").unwrap().unwrap();
        assert!(person.password == "new" && !person.codes);
        assert!(store.session(&[4; 32], 11, 100).unwrap().is_none() && store.recovery_left(id).unwrap() == 0);
        assert!(store.token(&[5; 32], 11).unwrap().is_none(), "what programs got in by");
    }
}
