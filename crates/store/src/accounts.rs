//! People, their sessions and what they did. Times are UTC microseconds; secrets are here as SHA-256 only.

use crate::{Error, Result, Store};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// The account of the folder's owner.
pub const OWNER_ACCOUNT: i64 = 1;

/// How a person stands in an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// May do everything that is the account's.
    Main,
    /// Invited: may do what a main account permits.
    Sub,
}

/// A person who can sign in.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Number.
    pub id: i64,
    /// Whose account.
    pub account: i64,
    /// Typed to sign in.
    pub login: String,
    /// Shown.
    pub name: String,
    /// argon2id, PHC string.
    pub password: String,
    /// Wrong passwords since the last right one.
    pub failed: i64,
    /// No password is looked at before.
    pub locked_until: i64,
    /// A code of an authenticator is asked for beside the password.
    pub codes: bool,
    /// Main account, or sub-account.
    pub role: Role,
    /// Runs this folder for everybody else.
    pub operator: bool,
    /// What a sub-account may do: words apart by spaces.
    pub permissions: String,
    /// Numbers of the shops that a sub-account is limited to; `None`: to none.
    pub shops: Option<Vec<i64>>,
}

/// A person who is about to be able to.
#[derive(Clone, Debug)]
pub struct NewSignIn {
    /// Whose account.
    pub account: i64,
    /// Typed to sign in.
    pub login: String,
    /// Shown.
    pub name: String,
    /// argon2id, PHC string.
    pub password: String,
    /// Now.
    pub at: i64,
}

/// A signed-in browser.
#[derive(Clone, Debug)]
pub struct Session {
    /// Number: what lists and ends it.
    pub id: i64,
    /// Whose.
    pub sign_in: i64,
    /// The browser's own words about itself, cut.
    pub agent: String,
    /// Signed in.
    pub created_at: i64,
    /// Last seen.
    pub seen_at: i64,
    /// Ends by itself.
    pub expires_at: i64,
}

/// One line of the audit log.
#[derive(Clone, Debug)]
pub struct Act {
    /// When.
    pub at: i64,
    /// Whose account.
    pub account: i64,
    /// Who; `None` is nobody who was signed in.
    pub sign_in: Option<i64>,
    /// `session`, `token` …
    pub via: String,
    /// What.
    pub act: &'static str,
    /// On what: a record's number.
    pub subject: String,
}

const SIGN_IN: &str = "s.id, s.account, s.login, s.name, s.password, s.failed, s.locked_until, s.totp IS NOT NULL, s.role, \
                       s.operator, s.permissions, s.shops FROM sign_ins s";
const SESSION: &str = "id, sign_in, agent, created_at, seen_at, expires_at FROM sessions";
/// Of a session that opens something at ?2, having rested for less than ?3. Five minutes are what clocks are put right by.
const OPEN: &str = "half = 0 AND expires_at > ?2 AND seen_at > ?2 - ?3 AND created_at <= ?2 + 300000000";

impl Store {
    /// Adds the first person; `None`, and nothing is written, where there is one already.
    pub fn first_sign_in(&self, new: &NewSignIn) -> Result<Option<i64>> {
        let connection = self.lock();
        // One statement, so that two who set up at once cannot both be first.
        let sql = "INSERT INTO sign_ins(account, login, name, role, operator, password, created_at)
                   SELECT ?1, ?2, ?3, 'main', 1, ?4, ?5 WHERE NOT EXISTS (SELECT 1 FROM sign_ins)";
        let added = connection.execute(sql, params![new.account, new.login, new.name, new.password, new.at])?;
        Ok((added == 1).then(|| connection.last_insert_rowid()))
    }

    /// Whether anybody can sign in.
    pub fn any_sign_in(&self) -> Result<bool> {
        Ok(self.lock().query_row("SELECT EXISTS (SELECT 1 FROM sign_ins)", [], |row| row.get(0))?)
    }

    /// The person of this name, without regard to case.
    pub fn sign_in_named(&self, login: &str) -> Result<Option<SignIn>> {
        named(&self.lock(), login)
    }

    /// A new session; the tries before it are forgotten, and sessions that have ended go. `idle`: microseconds that a
    /// session may rest.
    pub fn begin_session(
        &self,
        digest: &[u8; 32],
        sign_in: i64,
        agent: &str,
        at: i64,
        until: i64,
        idle: i64,
    ) -> Result<i64> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        transaction.execute("UPDATE sign_ins SET failed = 0, locked_until = 0 WHERE id = ?1", [sign_in])?;
        transaction.execute("DELETE FROM sessions WHERE expires_at <= ?1 OR seen_at <= ?1 - ?2", [at, idle])?;
        let sql = "INSERT INTO sessions(digest, sign_in, agent, created_at, seen_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?4, ?5)";
        transaction.execute(sql, params![digest, sign_in, agent, at, until])?;
        let id = transaction.last_insert_rowid();
        transaction.commit()?;
        Ok(id)
    }

    /// The session of this digest and its person, unless it has ended, rested for `idle`, or begins in what is the future
    /// since the clock was set back: it would last too long.
    pub fn session(&self, digest: &[u8; 32], at: i64, idle: i64) -> Result<Option<(Session, SignIn)>> {
        let connection = self.door();
        let sql = format!("SELECT {SESSION} WHERE digest = ?1 AND {OPEN}");
        let Some(found) = connection.query_row(&sql, params![digest, at, idle], session).optional()? else {
            return Ok(None);
        };
        Ok(open_person(&connection, found.sign_in)?.map(|person| (found, person)))
    }

    /// Notes that a session was used; where somebody writes just now, the next use is noted.
    pub fn touch_session(&self, id: i64, at: i64) -> Result<()> {
        let Ok(connection) = self.connection.try_lock() else { return Ok(()) };
        connection.execute("UPDATE sessions SET seen_at = ?2 WHERE id = ?1", [id, at])?;
        Ok(())
    }

    /// A person's sessions, the last used first.
    pub fn sessions(&self, sign_in: i64, at: i64, idle: i64) -> Result<Vec<Session>> {
        let connection = self.lock();
        let sql = format!("SELECT {SESSION} WHERE sign_in = ?1 AND {OPEN} ORDER BY seen_at DESC, id DESC");
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map([sign_in, at, idle], session)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Ends a session of this person; whether there was one.
    pub fn end_session(&self, sign_in: i64, id: i64) -> Result<bool> {
        Ok(self.lock().execute("DELETE FROM sessions WHERE id = ?2 AND sign_in = ?1", [sign_in, id])? == 1)
    }

    /// Writes a line of the audit log.
    pub fn note_act(&self, act: &Act) -> Result<()> {
        note(&self.lock(), act)
    }

    /// How a person stands now; `None`: was ended, or the account was closed.
    pub fn standing(&self, sign_in: i64) -> Result<Option<SignIn>> {
        open_person(&self.door(), sign_in)
    }

    /// Open accounts, and people who can sign in to one.
    pub fn house(&self) -> Result<(u64, u64)> {
        let sql = "SELECT (SELECT count(*) FROM accounts WHERE state = 'open'),
                          (SELECT count(*) FROM sign_ins s JOIN accounts a ON a.id = s.account
                           WHERE s.ended_at IS NULL AND a.state = 'open')";
        Ok(self.look().query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }

    /// What a person is called; `None`: there is no such number.
    pub fn name_of(&self, sign_in: i64) -> Result<Option<String>> {
        let sql = "SELECT name FROM sign_ins WHERE id = ?1";
        Ok(self.lock().query_row(sql, [sign_in], |row| row.get(0)).optional()?)
    }

    /// Whose a record is.
    pub fn account_of(&self, record: &str) -> Result<Option<i64>> {
        let sql = "SELECT account FROM records WHERE id = ?1";
        Ok(self.lock().query_row(sql, [record], |row| row.get(0)).optional()?)
    }
}

/// A line of the audit log, in the caller's transaction.
pub(crate) fn note(connection: &Connection, act: &Act) -> Result<()> {
    let sql = "INSERT INTO acts(at, account, sign_in, via, act, subject) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let Act { at, account, sign_in, via, act, subject } = act;
    connection.prepare_cached(sql)?.execute(params![at, account, sign_in, via, act, subject])?;
    Ok(())
}

/// Refuses to write for an account that was closed meanwhile; in the caller's transaction. For rows that refer to nothing
/// that closing takes away.
pub(crate) fn still_open(connection: &Connection, account: i64) -> Result<()> {
    let sql = "SELECT EXISTS (SELECT 1 FROM accounts WHERE id = ?1 AND state = 'open')";
    let open: bool = connection.prepare_cached(sql)?.query_row([account], |row| row.get(0))?;
    if open { Ok(()) } else { Err(Error::NoAccount) }
}

/// A person by name, without regard to case, who was not ended.
pub(crate) fn named(connection: &Connection, login: &str) -> Result<Option<SignIn>> {
    let sql = format!("SELECT {SIGN_IN} WHERE s.login = ?1 AND s.ended_at IS NULL");
    Ok(connection.query_row(&sql, [login], sign_in).optional()?)
}

/// A person of an open account, who was not ended.
pub(crate) fn open_person(connection: &Connection, id: i64) -> Result<Option<SignIn>> {
    let sql = format!(
        "SELECT {SIGN_IN} JOIN accounts a ON a.id = s.account WHERE s.id = ?1 AND s.ended_at IS NULL AND a.state = 'open'"
    );
    Ok(connection.prepare_cached(&sql)?.query_row([id], sign_in).optional()?)
}

fn sign_in(row: &Row<'_>) -> rusqlite::Result<SignIn> {
    Ok(SignIn {
        id: row.get(0)?,
        account: row.get(1)?,
        login: row.get(2)?,
        name: row.get(3)?,
        password: row.get(4)?,
        failed: row.get(5)?,
        locked_until: row.get(6)?,
        codes: row.get(7)?,
        role: role(row, 8)?,
        operator: row.get(9)?,
        permissions: row.get(10)?,
        shops: shops(row, 11)?,
    })
}

/// A column's role.
pub(crate) fn role(row: &Row<'_>, column: usize) -> rusqlite::Result<Role> {
    Ok(if row.get_ref(column)?.as_str()? == "main" { Role::Main } else { Role::Sub })
}

/// A column's shops.
pub(crate) fn shops(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Vec<i64>>> {
    let words: Option<String> = row.get(column)?;
    Ok(words.map(|words| words.split(' ').flat_map(str::parse).collect()))
}

fn session(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        id: row.get(0)?,
        sign_in: row.get(1)?,
        agent: row.get(2)?,
        created_at: row.get(3)?,
        seen_at: row.get(4)?,
        expires_at: row.get(5)?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn person(login: &str) -> NewSignIn {
        let (name, password) = ("林晚".into(), "$argon2id$".into());
        NewSignIn { account: OWNER_ACCOUNT, login: login.into(), name, password, at: 1 }
    }

    #[test]
    fn only_one_can_be_first() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("q.db")).unwrap();
        assert!(!store.any_sign_in().unwrap());
        let id = store.first_sign_in(&person("linwan")).unwrap().unwrap();
        assert!(store.first_sign_in(&person("mallory")).unwrap().is_none());
        assert_eq!(store.sign_in_named("LinWan").unwrap().unwrap().id, id);
        assert!(store.sign_in_named("mallory").unwrap().is_none());
    }

    #[test]
    fn a_session_ends_at_its_time_or_when_its_owner_says() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("q.db")).unwrap();
        let id = store.first_sign_in(&person("linwan")).unwrap().unwrap();
        store.count_try(id, 5).unwrap();
        let one = store.begin_session(&[1; 32], id, "", 10, 20, 100).unwrap();
        assert_eq!(store.sign_in_named("linwan").unwrap().unwrap().failed, 0);
        assert!(store.session(&[1; 32], 19, 100).unwrap().is_some());
        assert!(store.session(&[1; 32], 20, 100).unwrap().is_none());
        assert!(store.session(&[1; 32], 19, 9).unwrap().is_none(), "rested too long");
        assert!(store.session(&[1; 32], -300_000_000, 100).unwrap().is_none(), "of the future");
        assert!(store.sessions(id, 19, 9).unwrap().is_empty() && store.sessions(id, 19, 100).unwrap().len() == 1);
        assert!(!store.end_session(id + 1, one).unwrap(), "another person's session");
        assert!(store.session(&[1; 32], 11, 100).unwrap().is_some());
        assert!(store.end_session(id, one).unwrap());
        assert!(store.session(&[1; 32], 11, 100).unwrap().is_none());
        store.begin_session(&[2; 32], id, "", 10, 20, 100).unwrap();
        store.lock().execute("UPDATE accounts SET state = 'closed'", []).unwrap();
        assert!(store.session(&[2; 32], 11, 100).unwrap().is_none(), "a closed account's session");
    }

    #[test]
    fn who_calls_waits_for_nobody_and_a_search_for_no_write() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("q.db")).unwrap();
        let id = store.first_sign_in(&person("linwan")).unwrap().unwrap();
        store.add_token(&[5; 32], id, "shop", "read", 10, 99).unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        let run = |what: fn(&Store, i64) -> bool| {
            let (store, tell) = (store.clone(), tell.clone());
            std::thread::spawn(move || tell.send(what(&store, id)));
            // Whoever waits for what is held here would wait for ever.
            told.recv_timeout(std::time::Duration::from_secs(120)).unwrap()
        };
        let (writing, searching) = (store.lock(), store.look());
        assert!(run(|store, id| {
            let house = store.entitled(OWNER_ACCOUNT, 10).unwrap().is_empty()
                && store.entitlements(OWNER_ACCOUNT).unwrap().is_empty()
                && store.acknowledged(OWNER_ACCOUNT).unwrap().is_none();
            store.left(OWNER_ACCOUNT, 10).unwrap();
            house && store.token(&[5; 32], 11).unwrap().is_some() && store.standing(id).unwrap().is_some()
        }));
        drop(searching);
        assert!(run(|store, _| {
            let text = Some("秋".to_owned());
            let wanted = crate::Wanted { account: OWNER_ACCOUNT, text, limit: 9, ..crate::Wanted::default() };
            let none = store.shelf(&wanted).unwrap().0.is_empty() && store.unshelved().unwrap().is_empty();
            none && store.kinds(OWNER_ACCOUNT, None).unwrap().is_empty()
                && store.shelved(OWNER_ACCOUNT, "id").unwrap().is_none()
        }));
        drop(writing);
    }
}
