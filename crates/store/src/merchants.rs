//! Merchants: accounts with a party and a key of their own.

use crate::{Act, Error, NewSignIn, Result, Store, accounts, invitations, reviews};
use rusqlite::{OptionalExtension, Row, TransactionBehavior, params};

/// A merchant as a list has it.
#[derive(Clone, Debug)]
pub struct Merchant {
    /// Its account.
    pub account: i64,
    /// As it was given.
    pub party: Vec<u8>,
    /// Why nothing of it may be erased.
    pub hold: Option<String>,
    /// Signed up, UTC microseconds.
    pub created_at: i64,
    /// The first person's name to sign in with.
    pub login: String,
    /// How many.
    pub records: u64,
}

const MERCHANT: &str = "m.account, m.party, m.hold, a.created_at,
    coalesce((SELECT login FROM sign_ins s WHERE s.account = m.account ORDER BY s.id LIMIT 1), ''),
    (SELECT coalesce(sum(n), 0) FROM record_counts c WHERE c.account = m.account), m.key
    FROM merchants m JOIN accounts a ON a.id = m.account";

impl Store {
    /// A new account with its key, its sealed party and the person who signs in; `None`, and nothing is written, where
    /// somebody has that name to sign in with. An invitation is used up with it, and refused where it is none.
    pub fn add_merchant(&self, party: &str, person: &NewSignIn, invitation: Option<&[u8; 32]>) -> Result<Option<i64>> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Also of who was ended: the name stays his.
        let taken = "SELECT EXISTS (SELECT 1 FROM sign_ins WHERE login = ?1)";
        if transaction.query_row(taken, [&person.login], |row| row.get(0))? {
            return Ok(None);
        }
        if let Some(invitation) = invitation
            && !invitations::take(&transaction, invitation, person.at)?
        {
            return Err(Error::Uninvited);
        }
        transaction.execute("INSERT INTO accounts(state, created_at) VALUES ('open', ?1)", [person.at])?;
        let account = transaction.last_insert_rowid();
        let vault = self.vault()?;
        let key = vault.new_key(account)?;
        let party = vault.seal(&key, account, "party", party.as_bytes())?;
        let sql = "INSERT INTO merchants(account, key, party) VALUES (?1, ?2, ?3)";
        transaction.execute(sql, params![account, key, party])?;
        let sql = "INSERT INTO sign_ins(account, login, name, role, password, created_at)
                   VALUES (?1, ?2, ?3, 'main', ?4, ?5)";
        transaction.execute(sql, params![account, person.login, person.name, person.password, person.at])?;
        let sign_in = Some(transaction.last_insert_rowid());
        let (via, act, subject) = ("visitor".into(), "sign-up", account.to_string());
        accounts::note(&transaction, &Act { at: person.at, account, sign_in, via, act, subject })?;
        transaction.commit()?;
        Ok(Some(account))
    }

    /// A merchant's party; `None`: the account is no merchant's, or closed.
    pub fn party(&self, account: i64) -> Result<Option<Vec<u8>>> {
        let sql = "SELECT key, party FROM merchants WHERE account = ?1";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, Vec<u8>>(0)?, row.get(1)?));
        let found = self.look().prepare_cached(sql)?.query_row([account], read).optional()?;
        found.map(|(key, party)| self.opened(Some(&key), account, "party", party)).transpose()
    }

    /// Merchants with a number below this one, the newest first.
    pub fn merchants(&self, below: i64, limit: u32) -> Result<Vec<Merchant>> {
        self.select_merchants("WHERE m.account < ?1 ORDER BY m.account DESC LIMIT ?2", params![below, limit])
    }

    /// One of them.
    pub fn merchant(&self, account: i64) -> Result<Option<Merchant>> {
        Ok(self.select_merchants("WHERE m.account = ?1", [account])?.pop())
    }

    fn select_merchants(&self, rest: &str, args: impl rusqlite::Params) -> Result<Vec<Merchant>> {
        let connection = self.look();
        let mut statement = connection.prepare_cached(&format!("SELECT {MERCHANT} {rest}"))?;
        let all = statement.query_map(args, merchant)?.collect::<rusqlite::Result<Vec<_>>>()?;
        drop(statement);
        drop(connection);
        let opened = all.into_iter().map(|(found, key)| {
            let party = self.opened(Some(&key), found.account, "party", found.party)?;
            Ok(Merchant { party, ..found })
        });
        opened.collect()
    }

    /// Why nothing of an account may be erased; `None`: no legal hold stands.
    pub fn hold(&self, account: i64) -> Result<Option<String>> {
        let sql = "SELECT hold FROM merchants WHERE account = ?1";
        Ok(self.lock().query_row(sql, [account], |row| row.get(0)).optional()?.flatten())
    }

    /// Sets a legal hold or lifts it, and writes who did; whether there is such a merchant.
    pub fn set_hold(&self, account: i64, reason: Option<&str>, act: &Act) -> Result<bool> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "UPDATE merchants SET hold = ?2 WHERE account = ?1";
        if transaction.execute(sql, params![account, reason])? == 0 {
            return Ok(false);
        }
        if reason.is_none() {
            reviews::drop_kept(&transaction, account)?;
        }
        accounts::note(&transaction, act)?;
        transaction.commit()?;
        Ok(true)
    }

    /// Whether there is a merchant's key that only the master key opens.
    pub fn has_merchants(&self) -> Result<bool> {
        Ok(self.look().query_row("SELECT EXISTS (SELECT 1 FROM merchants)", [], |row| row.get(0))?)
    }
}

fn merchant(row: &Row<'_>) -> rusqlite::Result<(Merchant, Vec<u8>)> {
    let found = Merchant {
        account: row.get(0)?,
        party: row.get(1)?,
        hold: row.get(2)?,
        created_at: row.get(3)?,
        login: row.get(4)?,
        records: row.get(5)?,
    };
    Ok((found, row.get(6)?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{NewRecord, Record, Vault};

    #[test]
    fn a_merchants_rows_open_under_its_key_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("q.db");
        let store = Store::create(&path).unwrap();
        let person = |login: &str| NewSignIn {
            account: 0,
            login: login.into(),
            name: "陈岚".into(),
            password: "$argon2id$".into(),
            at: 1,
        };
        assert!(matches!(store.add_merchant("party", &person("a"), None), Err(Error::NoMasterKey)));
        assert!(store.sign_in_named("a").unwrap().is_none(), "all or nothing");
        store.unlock(Vault::new(&[7; 32]).unwrap());
        let two = store.add_merchant("海棠文化有限公司", &person("a"), None).unwrap().unwrap();
        assert!(store.add_merchant("other", &person("A"), None).unwrap().is_none(), "the name is taken");
        let three = store.add_merchant("party", &person("b"), None).unwrap().unwrap();
        assert!((two, three) == (2, 3) && store.sign_in_named("b").unwrap().unwrap().account == 3);
        let record = |n: u8, account| {
            let (id, kind, file_name) = (format!("id-{n}"), "image".into(), "a.jpg".into());
            let disclosures = b"salts and claims".to_vec();
            let (sha256, record_digest) = (Some([9; 32]), [n; 32]);
            let record =
                Record { id, account, kind, file_name, sha256, record_digest, disclosures, ..Record::default() };
            NewRecord { record, tokens: vec![] }
        };
        store.insert(&[record(1, 1), record(2, two), record(3, three)]).unwrap();
        let opened = |store: &Store, id: &str| store.record(id).map(|r| r.unwrap().disclosures);
        assert!((1..=3).all(|n| opened(&store, &format!("id-{n}")).unwrap() == b"salts and claims"));
        assert_eq!(store.own_by_sha256(two, &[9; 32]).unwrap().len(), 1);
        assert_eq!(store.by_sha256(&[9; 32]).unwrap().len(), 3);
        store.lock().execute("DELETE FROM shelf", []).unwrap();
        assert_eq!(store.unshelved().unwrap()[1].disclosures, b"salts and claims");

        let locked = Store::open(&path).unwrap();
        assert_eq!(opened(&locked, "id-1").unwrap(), b"salts and claims", "the owner's lie in clear");
        assert!(matches!(opened(&locked, "id-2"), Err(Error::NoMasterKey)));
        store.scrub(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let count = |text: &[u8]| bytes.windows(text.len()).filter(|w| *w == text).count();
        assert_eq!((count(b"salts and claims"), count("海棠文化".as_bytes())), (1, 0));
        locked.lock().execute("UPDATE records SET disclosures = (SELECT disclosures FROM records WHERE id = 'id-3') WHERE id = 'id-2'", []).unwrap();
        assert!(matches!(opened(&store, "id-2"), Err(Error::Sealed)), "another's row in its place");
    }
}
