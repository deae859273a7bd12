//! People of an account: invites, who is there, what each may do, and what each asked for. Times are UTC microseconds.

use crate::{Act, NewSignIn, Result, Role, SignIn, Store, accounts};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

/// A person as the main account sees him.
#[derive(Clone, Debug)]
pub struct Person {
    /// Number.
    pub id: i64,
    /// Typed to sign in.
    pub login: String,
    /// Shown.
    pub name: String,
    /// Main account, or sub-account.
    pub role: Role,
    /// Words apart by spaces.
    pub permissions: String,
    /// Numbers of the shops that he is limited to; `None`: to none.
    pub shops: Option<Vec<i64>>,
    /// Joined.
    pub created_at: i64,
    /// A browser of his was last seen.
    pub seen_at: Option<i64>,
}

/// A one-time address that nobody has used yet.
#[derive(Clone, Debug)]
pub struct Invite {
    /// Number: what lists and ends it.
    pub id: i64,
    /// To whose account.
    pub account: i64,
    /// Whom it is meant for.
    pub name: String,
    /// Words apart by spaces.
    pub permissions: String,
    /// Numbers of shops; `None`: no limit.
    pub shops: Option<Vec<i64>>,
    /// Ends by itself.
    pub expires_at: i64,
}

/// An invite that is about to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewInvite<'a> {
    /// SHA-256 of its address.
    pub digest: &'a [u8; 32],
    /// Whom it is meant for.
    pub name: &'a str,
    /// Words apart by spaces.
    pub permissions: &'a str,
    /// Numbers of shops; `None`: no limit.
    pub shops: Option<&'a [i64]>,
    /// Ends by itself.
    pub until: i64,
}

/// How joining by an invite ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joined {
    /// The new person's number.
    New(i64),
    /// Somebody signs in by this name already; the invite is still good.
    Taken,
    /// The invite was used, ended, or is too old.
    Gone,
    /// The account has as many people as it may have now; the invite is still good.
    Full,
}

/// What a sub-account asked for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Number.
    pub id: i64,
    /// Who, as shown.
    pub who: String,
    /// What is missing.
    pub permission: String,
    /// Path and query of the page on which it was refused.
    pub place: String,
    /// His own words.
    pub words: String,
    /// `open`, `granted`, `declined`.
    pub state: String,
    /// When.
    pub created_at: i64,
}

impl Store {
    /// Everybody who was not ended, in order of joining.
    pub fn people(&self, account: i64) -> Result<Vec<Person>> {
        let connection = self.look();
        let mut statement = connection.prepare_cached(
            "SELECT id, login, name, role, permissions, shops, created_at,
                    (SELECT max(seen_at) FROM sessions WHERE sign_in = s.id AND half = 0)
             FROM sign_ins s WHERE account = ?1 AND ended_at IS NULL ORDER BY id",
        )?;
        let rows = statement.query_map([account], |row| {
            Ok(Person {
                id: row.get(0)?,
                login: row.get(1)?,
                name: row.get(2)?,
                role: accounts::role(row, 3)?,
                permissions: row.get(4)?,
                shops: accounts::shops(row, 5)?,
                created_at: row.get(6)?,
                seen_at: row.get(7)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Adds an invite to the account of `act`; `None`, and nothing is written, where `most` people and good invites are
    /// there already.
    pub fn add_invite(&self, new: &NewInvite<'_>, most: usize, act: &Act) -> Result<Option<i64>> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        accounts::still_open(&transaction, act.account)?;
        transaction.execute("DELETE FROM invites WHERE account = ?1 AND expires_at <= ?2", [act.account, act.at])?;
        let sql = "SELECT (SELECT count(*) FROM sign_ins WHERE account = ?1 AND ended_at IS NULL)
                        + (SELECT count(*) FROM invites WHERE account = ?1)";
        if transaction.query_row(sql, [act.account], |row| row.get::<_, usize>(0))? >= most {
            return Ok(None);
        }
        let NewInvite { digest, name, permissions, shops, until } = new;
        let sql = "INSERT INTO invites(digest, account, sign_in, name, permissions, shops, created_at, expires_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let shops = shops.map(words);
        transaction.execute(sql, params![digest, act.account, act.sign_in, name, permissions, shops, act.at, until])?;
        let id = transaction.last_insert_rowid();
        accounts::note(&transaction, &Act { subject: id.to_string(), ..act.clone() })?;
        transaction.commit()?;
        Ok(Some(id))
    }

    /// An account's good invites, the newest first.
    pub fn invites(&self, account: i64, at: i64) -> Result<Vec<Invite>> {
        let connection = self.look();
        let sql = format!("SELECT {INVITE} WHERE i.account = ?1 AND i.expires_at > ?2 ORDER BY i.id DESC");
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map([account, at], invite)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The invite of this address, while it is good and its account open.
    pub fn invite(&self, digest: &[u8; 32], at: i64) -> Result<Option<Invite>> {
        good_invite(&self.look(), digest, at)
    }

    /// Ends an invite of this account; whether there was one.
    pub fn end_invite(&self, id: i64, act: &Act) -> Result<bool> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let ended = transaction.execute("DELETE FROM invites WHERE id = ?2 AND account = ?1", [act.account, id])? == 1;
        if ended {
            accounts::note(&transaction, act)?;
        }
        transaction.commit()?;
        Ok(ended)
    }

    /// Uses an invite: a new sub-account with what the invite permits. `new.account` is not looked at.
    pub fn join(&self, digest: &[u8; 32], new: &NewSignIn, most: usize) -> Result<Joined> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let Some(found) = good_invite(&transaction, digest, new.at)? else { return Ok(Joined::Gone) };
        let taken = "SELECT EXISTS (SELECT 1 FROM sign_ins WHERE login = ?1)";
        if transaction.query_row(taken, [&new.login], |row| row.get(0))? {
            return Ok(Joined::Taken);
        }
        // The edition may have ended since the invitation.
        let people = "SELECT count(*) FROM sign_ins WHERE account = ?1 AND ended_at IS NULL";
        if transaction.query_row(people, [found.account], |row| row.get::<_, usize>(0))? >= most {
            return Ok(Joined::Full);
        }
        let sql = "INSERT INTO sign_ins(account, login, name, role, password, permissions, shops, created_at)
                   VALUES (?1, ?2, ?3, 'sub', ?4, ?5, ?6, ?7)";
        let shops = found.shops.as_deref().map(words);
        let NewSignIn { login, name, password, at, .. } = new;
        transaction.execute(sql, params![found.account, login, name, password, found.permissions, shops, at])?;
        let id = transaction.last_insert_rowid();
        transaction.execute("DELETE FROM invites WHERE id = ?1", [found.id])?;
        let (via, subject) = (format!("invite {}", found.id), String::new());
        let act = Act { at: *at, account: found.account, sign_in: Some(id), via, act: "join", subject };
        accounts::note(&transaction, &act)?;
        transaction.commit()?;
        Ok(Joined::New(id))
    }

    /// Sets what a sub-account of this account may do; whether there is one.
    pub fn permit(&self, id: i64, permissions: &str, shops: Option<&[i64]>, act: &Act) -> Result<bool> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "UPDATE sign_ins SET permissions = ?3, shops = ?4
                   WHERE id = ?2 AND account = ?1 AND role = 'sub' AND ended_at IS NULL";
        let changed = transaction.execute(sql, params![act.account, id, permissions, shops.map(words)])? == 1;
        if changed {
            end_invites_beyond(&transaction, id)?;
            accounts::note(&transaction, act)?;
        }
        transaction.commit()?;
        Ok(changed)
    }

    /// Ends a sub-account of this account with everything that it is signed in by and the ways in that it made for others;
    /// whether there was one.
    pub fn end_person(&self, id: i64, act: &Act) -> Result<bool> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "UPDATE sign_ins SET ended_at = ?3, password = '', totp = NULL, totp_new = NULL
                   WHERE id = ?2 AND account = ?1 AND role = 'sub' AND ended_at IS NULL";
        let ended = transaction.execute(sql, params![act.account, id, act.at])? == 1;
        if ended {
            for table in ["sessions", "api_tokens", "resets", "recovery_codes", "identities", "passkeys"] {
                transaction.execute(&format!("DELETE FROM {table} WHERE sign_in = ?1"), [id])?;
            }
            transaction.execute("DELETE FROM wishes WHERE sign_in = ?1 AND state = 'open'", [id])?;
            transaction.execute("DELETE FROM invites WHERE sign_in = ?1", [id])?;
            // Of whoever's way back in he may have kept the address.
            let sql =
                "DELETE FROM resets WHERE sign_in IN (SELECT id FROM sign_ins WHERE account = ?1 AND role = 'sub')";
            transaction.execute(sql, [act.account])?;
            accounts::note(&transaction, act)?;
        }
        transaction.commit()?;
        Ok(ended)
    }

    /// Notes a wish of `act`'s person, in place of the one for the same permission that is still open.
    pub fn wish(&self, permission: &str, place: &str, words: &str, act: &Act) -> Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "INSERT INTO wishes(account, sign_in, permission, place, words, state, created_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, 'open', ?6)
                   ON CONFLICT(sign_in, permission) WHERE state = 'open'
                   DO UPDATE SET place = excluded.place, words = excluded.words, created_at = excluded.created_at";
        transaction.execute(sql, params![act.account, act.sign_in, permission, place, words, act.at])?;
        accounts::note(&transaction, act)?;
        Ok(transaction.commit()?)
    }

    /// An account's wishes: the open ones, then the newest that were answered.
    pub fn wishes(&self, account: i64, limit: u32) -> Result<Vec<Wish>> {
        let connection = self.look();
        let mut statement = connection.prepare_cached(
            "SELECT w.id, s.name, w.permission, w.place, w.words, w.state, w.created_at
             FROM wishes w JOIN sign_ins s ON s.id = w.sign_in WHERE w.account = ?1
             ORDER BY w.state <> 'open', w.id DESC LIMIT ?2",
        )?;
        let rows = statement.query_map(params![account, limit], |row| {
            Ok(Wish {
                id: row.get(0)?,
                who: row.get(1)?,
                permission: row.get(2)?,
                place: row.get(3)?,
                words: row.get(4)?,
                state: row.get(5)?,
                created_at: row.get(6)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// What an open wish of this account is for: the permission, and whose it is.
    pub fn open_wish(&self, account: i64, id: i64) -> Result<Option<(String, i64)>> {
        let sql = "SELECT permission, sign_in FROM wishes WHERE id = ?2 AND account = ?1 AND state = 'open'";
        Ok(self.look().query_row(sql, [account, id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
    }

    /// Answers an open wish of `act`'s account; one that is granted is a permission from now on. Whether it was open.
    pub fn answer_wish(&self, id: i64, granted: bool, act: &Act) -> Result<bool> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "UPDATE wishes SET state = ?3, answered_at = ?4, answered_by = ?5
                   WHERE id = ?2 AND account = ?1 AND state = 'open' RETURNING sign_in, permission";
        let state = if granted { "granted" } else { "declined" };
        let answered = transaction
            .query_row(sql, params![act.account, id, state, act.at, act.sign_in], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
            })
            .optional()?;
        let Some((person, permission)) = answered else { return Ok(false) };
        if granted {
            let sql = "UPDATE sign_ins SET permissions = trim(permissions || ' ' || ?2) WHERE id = ?1
                       AND role = 'sub' AND instr(' ' || permissions || ' ', ' ' || ?2 || ' ') = 0";
            transaction.execute(sql, params![person, permission])?;
        }
        accounts::note(&transaction, act)?;
        transaction.commit()?;
        Ok(true)
    }

    /// How many wishes of an account are open.
    pub fn open_wishes(&self, account: i64) -> Result<u64> {
        let sql = "SELECT count(*) FROM wishes WHERE account = ?1 AND state = 'open'";
        Ok(self.look().query_row(sql, [account], |row| row.get(0))?)
    }
}

const INVITE: &str = "i.id, i.account, i.name, i.permissions, i.shops, i.expires_at FROM invites i";

/// The invite of this address, while its account is open and who made it may still hand on what it holds.
fn good_invite(connection: &Connection, digest: &[u8; 32], at: i64) -> Result<Option<Invite>> {
    let sql = "SELECT i.id, i.account, i.name, i.permissions, i.shops, i.expires_at, i.sign_in FROM invites i
               JOIN accounts a ON a.id = i.account WHERE i.digest = ?1 AND i.expires_at > ?2 AND a.state = 'open'";
    let read = |row: &Row<'_>| Ok((invite(row)?, row.get(6)?));
    let Some((found, by)) = connection.query_row(sql, params![digest, at], read).optional()? else { return Ok(None) };
    let maker = accounts::open_person(connection, by)?;
    Ok(maker.is_some_and(|maker| hands_on(&maker, &found)).then_some(found))
}

/// Whether this person may let somebody in with so much.
fn hands_on(person: &SignIn, invite: &Invite) -> bool {
    if person.account != invite.account || person.role == Role::Main {
        return person.account == invite.account;
    }
    let has = |word: &str| person.permissions.split(' ').any(|own| own == word);
    let sees = |own: &Vec<i64>| invite.shops.as_ref().is_some_and(|shops| shops.iter().all(|id| own.contains(id)));
    has("people") && invite.permissions.split_whitespace().all(has) && person.shops.as_ref().is_none_or(sees)
}

/// Ends those of a person's invites that hold more than he may hand on now.
fn end_invites_beyond(transaction: &Transaction<'_>, sign_in: i64) -> Result<()> {
    let Some(person) = accounts::open_person(transaction, sign_in)? else { return Ok(()) };
    let mut statement = transaction.prepare_cached(&format!("SELECT {INVITE} WHERE i.sign_in = ?1"))?;
    let all = statement.query_map([sign_in], invite)?.collect::<rusqlite::Result<Vec<_>>>()?;
    for beyond in all.iter().filter(|invite| !hands_on(&person, invite)) {
        transaction.execute("DELETE FROM invites WHERE id = ?1", [beyond.id])?;
    }
    Ok(())
}

fn invite(row: &Row<'_>) -> rusqlite::Result<Invite> {
    Ok(Invite {
        id: row.get(0)?,
        account: row.get(1)?,
        name: row.get(2)?,
        permissions: row.get(3)?,
        shops: accounts::shops(row, 4)?,
        expires_at: row.get(5)?,
    })
}

/// Numbers as a column has them.
fn words(numbers: &[i64]) -> String {
    numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::OWNER_ACCOUNT;

    fn person(login: &str, at: i64) -> NewSignIn {
        let (name, password) = ("陈岚".into(), "$argon2id$".into());
        NewSignIn { account: OWNER_ACCOUNT, login: login.into(), name, password, at }
    }

    fn act(by: i64, at: i64) -> Act {
        let (via, subject) = ("session 1".to_owned(), String::new());
        Act { at, account: OWNER_ACCOUNT, sign_in: Some(by), via, act: "test", subject }
    }

    #[test]
    fn an_invite_is_good_once_and_a_wish_is_answered_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("q.db")).unwrap();
        let main = store.first_sign_in(&person("linwan", 1)).unwrap().unwrap();
        let new = |digest| NewInvite { digest, name: "陈岚", permissions: "view", shops: Some(&[7, 8]), until: 50 };
        store.add_invite(&new(&[1; 32]), 3, &act(main, 10)).unwrap().unwrap();
        let second = store.add_invite(&new(&[2; 32]), 3, &act(main, 10)).unwrap().unwrap();
        assert_eq!(store.add_invite(&new(&[3; 32]), 3, &act(main, 10)).unwrap(), None, "no seat is left");
        assert_eq!(store.join(&[1; 32], &person("LinWan", 11), 9).unwrap(), Joined::Taken);
        assert_eq!(store.join(&[1; 32], &person("chenlan", 11), 1).unwrap(), Joined::Full);
        let Joined::New(sub) = store.join(&[1; 32], &person("chenlan", 11), 2).unwrap() else { panic!("not joined") };
        assert_eq!(store.join(&[1; 32], &person("mallory", 12), 9).unwrap(), Joined::Gone);
        assert_eq!(store.join(&[2; 32], &person("mallory", 50), 9).unwrap(), Joined::Gone, "too old");
        assert!(
            store.end_invite(second, &act(main, 12)).unwrap() && !store.end_invite(second, &act(main, 12)).unwrap()
        );
        let standing = store.standing(sub).unwrap().unwrap();
        assert_eq!(
            (standing.role, standing.permissions.as_str(), standing.shops),
            (Role::Sub, "view", Some(vec![7, 8]))
        );

        store.wish("capture", "/captures", "", &act(sub, 13)).unwrap();
        store.wish("capture", "/captures", "for the sale", &act(sub, 14)).unwrap();
        let wishes = store.wishes(OWNER_ACCOUNT, 9).unwrap();
        assert_eq!((wishes.len(), wishes[0].words.as_str()), (1, "for the sale"), "one open wish a permission");
        assert!(!store.answer_wish(wishes[0].id, true, &Act { account: 2, ..act(main, 15) }).unwrap());
        assert!(store.answer_wish(wishes[0].id, true, &act(main, 15)).unwrap());
        assert!(!store.answer_wish(wishes[0].id, false, &act(main, 15)).unwrap(), "answered before");
        assert_eq!(store.standing(sub).unwrap().unwrap().permissions, "view capture");
        store.wish("capture", "/captures", "", &act(sub, 16)).unwrap();
        let again = store.wishes(OWNER_ACCOUNT, 9).unwrap()[0].id;
        assert!(store.answer_wish(again, true, &act(main, 17)).unwrap());
        assert_eq!(store.standing(sub).unwrap().unwrap().permissions, "view capture", "once");

        // What a manager lets in ends with what he may hand on.
        let join = |digest: u8, login: &str| store.join(&[digest; 32], &person(login, 18), 9).unwrap();
        assert!(store.permit(sub, "people view", Some(&[7]), &act(main, 18)).unwrap());
        for (digest, permissions, shops) in [(4, "view", Some(&[7][..])), (5, "people", Some(&[7])), (6, "", None)] {
            let new = NewInvite { digest: &[digest; 32], name: "李", permissions, shops, until: 50 };
            store.add_invite(&new, 9, &act(sub, 18)).unwrap().unwrap();
        }
        assert_eq!(join(6, "mallory"), Joined::Gone, "sees more than who made it");
        assert!(store.permit(sub, "people", Some(&[7]), &act(main, 18)).unwrap());
        assert_eq!(join(4, "mallory"), Joined::Gone, "its maker may not look himself any more");
        assert_eq!(store.invites(OWNER_ACCOUNT, 18).unwrap().len(), 1, "and it is listed no longer");
        store.offer_reset("chenlan", &[7; 32], 60).unwrap();
        assert!(store.permit(sub, "people view", Some(&[7]), &act(main, 18)).unwrap());

        assert!(!store.permit(main, "view", None, &act(main, 18)).unwrap(), "a main account has no permissions");
        store.begin_session(&[9; 32], sub, "", 18, 99, 100).unwrap();
        assert!(!store.end_person(main, &act(main, 19)).unwrap() && store.end_person(sub, &act(main, 19)).unwrap());
        assert!(
            store.session(&[9; 32], 19, 100).unwrap().is_none() && store.sign_in_named("chenlan").unwrap().is_none()
        );
        assert_eq!(join(5, "mallory"), Joined::Gone, "nobody comes back by what he made before");
        assert_eq!(store.people(OWNER_ACCOUNT).unwrap().len(), 1);
        assert_eq!(store.name_of(sub).unwrap().as_deref(), Some("陈岚"), "records go on naming him");
        let noted = store.acts(OWNER_ACCOUNT, i64::MAX, None, 100).unwrap();
        assert!(noted.iter().all(|a| a.who.is_some()) && noted.len() > 8);
    }
}
