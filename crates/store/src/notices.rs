//! Notices of the operator: to all accounts or to one, from a moment to another, until each person has put them away.
//! Times are UTC microseconds.

use crate::{Act, Result, Store, accounts};
use rusqlite::{Row, TransactionBehavior, params};

/// A notice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notice {
    /// Number; 0 before it has one.
    pub id: i64,
    /// Whom it is for; `None`: everybody.
    pub account: Option<i64>,
    /// In Chinese; may be empty where the other is not.
    pub zh: String,
    /// In English.
    pub en: String,
    /// First moment.
    pub begins_at: i64,
    /// First moment no more.
    pub ends_at: i64,
    /// Written.
    pub created_at: i64,
    /// Taken back.
    pub ended_at: Option<i64>,
}

const NOTICE: &str = "id, account, zh, en, begins_at, ends_at, created_at, ended_at FROM notices";

impl Store {
    /// Writes a notice and who did; its number. `None`: the account is not there, or closed.
    pub fn add_notice(&self, new: &Notice, act: &Act) -> Result<Option<i64>> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "INSERT INTO notices(account, zh, en, begins_at, ends_at, created_at)
                   SELECT ?1, ?2, ?3, ?4, ?5, ?6
                   WHERE ?1 IS NULL OR EXISTS (SELECT 1 FROM accounts WHERE id = ?1 AND state = 'open')";
        let Notice { account, zh, en, begins_at, ends_at, created_at, .. } = new;
        if transaction.execute(sql, params![account, zh, en, begins_at, ends_at, created_at])? == 0 {
            return Ok(None);
        }
        let id = transaction.last_insert_rowid();
        let whom = account.map_or_else(|| "all".to_owned(), |account| account.to_string());
        accounts::note(&transaction, &Act { subject: format!("{id} {whom}"), ..act.clone() })?;
        transaction.commit()?;
        Ok(Some(id))
    }

    /// Takes one back early; whether it was still to be shown.
    pub fn end_notice(&self, id: i64, act: &Act) -> Result<bool> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "UPDATE notices SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL AND ends_at > ?2";
        if transaction.execute(sql, [id, act.at])? == 0 {
            return Ok(false);
        }
        accounts::note(&transaction, &Act { subject: id.to_string(), ..act.clone() })?;
        transaction.commit()?;
        Ok(true)
    }

    /// Notices with numbers below this one, the newest first.
    pub fn notices(&self, below: i64, limit: u32) -> Result<Vec<Notice>> {
        self.select_notices("WHERE id < ?1 ORDER BY id DESC LIMIT ?2", params![below, limit])
    }

    /// What is shown to somebody now or later: neither past nor taken back.
    pub fn open_notices(&self, at: i64) -> Result<Vec<Notice>> {
        self.select_notices("WHERE ends_at > ?1 AND ended_at IS NULL ORDER BY id DESC", [at])
    }

    /// What an account was told since it is there, the newest first; what was taken back is not among it.
    pub fn told_notices(&self, account: i64, at: i64, below: i64, limit: u32) -> Result<Vec<Notice>> {
        self.select_notices(
            "WHERE (account IS NULL OR account = ?1) AND begins_at <= ?2 AND ended_at IS NULL AND id < ?3
             AND ends_at > (SELECT a.created_at FROM accounts a WHERE a.id = ?1) ORDER BY id DESC LIMIT ?4",
            params![account, at, below, limit],
        )
    }

    /// Which of them a person has put away.
    pub fn dismissed(&self, sign_in: i64) -> Result<Vec<i64>> {
        let connection = self.door();
        let mut statement = connection.prepare_cached("SELECT notice FROM notices_dismissed WHERE sign_in = ?1")?;
        let rows = statement.query_map([sign_in], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// A person puts one away that his account is told; whether there is one. Again is no mistake.
    pub fn dismiss(&self, account: i64, sign_in: i64, notice: i64, at: i64) -> Result<bool> {
        let sql = "INSERT INTO notices_dismissed(notice, sign_in, at)
                   SELECT id, ?2, ?4 FROM notices WHERE id = ?3 AND (account IS NULL OR account = ?1) AND begins_at <= ?4
                   ON CONFLICT DO UPDATE SET at = at";
        Ok(self.lock().execute(sql, [account, sign_in, notice, at])? == 1)
    }

    fn select_notices(&self, rest: &str, args: impl rusqlite::Params) -> Result<Vec<Notice>> {
        let connection = self.look();
        let mut statement = connection.prepare_cached(&format!("SELECT {NOTICE} {rest}"))?;
        let rows = statement.query_map(args, notice)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

fn notice(row: &Row<'_>) -> rusqlite::Result<Notice> {
    Ok(Notice {
        id: row.get(0)?,
        account: row.get(1)?,
        zh: row.get(2)?,
        en: row.get(3)?,
        begins_at: row.get(4)?,
        ends_at: row.get(5)?,
        created_at: row.get(6)?,
        ended_at: row.get(7)?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{NewSignIn, Vault};

    #[test]
    fn a_notice_is_told_whom_it_is_for_and_put_away_by_each_alone() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("q.db")).unwrap();
        store.unlock(Vault::new(&[7; 32]).unwrap());
        let person =
            |login: &str| NewSignIn { account: 1, login: login.into(), name: "x".into(), password: "".into(), at: 1 };
        let operator = store.first_sign_in(&person("a")).unwrap().unwrap();
        let two = store.add_merchant("party", &person("b"), None).unwrap().unwrap();
        let three = store.add_merchant("party", &person("c"), None).unwrap().unwrap();
        let of = |login| store.sign_in_named(login).unwrap().unwrap().id;
        let act =
            |act, at| Act { at, account: 1, sign_in: Some(operator), via: "x".into(), act, subject: String::new() };
        let new = |account| Notice { account, zh: "停机".into(), begins_at: 5, ends_at: 9, ..Notice::default() };
        assert!(store.add_notice(&new(Some(77)), &act("notice", 1)).unwrap().is_none(), "nobody");
        let all = store.add_notice(&new(None), &act("notice", 1)).unwrap().unwrap();
        let own = store.add_notice(&new(Some(two)), &act("notice", 1)).unwrap().unwrap();
        let told = |account, at| -> Vec<i64> {
            store.told_notices(account, at, i64::MAX, 9).unwrap().iter().map(|n| n.id).collect()
        };
        assert_eq!((told(two, 5), told(three, 5), told(two, 4)), (vec![own, all], vec![all], vec![]));
        assert!(!store.dismiss(three, of("c"), own, 6).unwrap(), "another's");
        assert!(!store.dismiss(two, of("b"), own, 4).unwrap(), "not told yet");
        assert!(store.dismiss(two, of("b"), all, 6).unwrap() && store.dismiss(two, of("b"), all, 7).unwrap());
        assert_eq!((store.dismissed(of("b")).unwrap(), store.dismissed(of("c")).unwrap()), (vec![all], vec![]));
        assert!(store.end_notice(all, &act("end-notice", 8)).unwrap());
        assert!(!store.end_notice(all, &act("end-notice", 8)).unwrap(), "once");
        assert!(!store.end_notice(own, &act("end-notice", 9)).unwrap(), "it is over");
        assert_eq!(told(three, 8), Vec::<i64>::new());
        let close = Act { account: two, sign_in: Some(of("b")), ..act("close-account", 9) };
        store.close_account(two, &close).unwrap();
        assert_eq!(store.notices(i64::MAX, 9).unwrap().len(), 1, "a closed account's are gone with it");
    }
}
