//! Merchants: accounts with a party and a key of their own.

use crate::{Act, NewSignIn, Result, Store, accounts};
use rusqlite::{OptionalExtension, TransactionBehavior, params};

impl Store {
    /// A new account with its key, its sealed party and the person who signs in; `None`, and nothing is written, where
    /// somebody has that name to sign in with.
    pub fn add_merchant(&self, party: &str, person: &NewSignIn) -> Result<Option<i64>> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if accounts::named(&transaction, &person.login)?.is_some() {
            return Ok(None);
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

    /// Whether there is a merchant's key that only the master key opens.
    pub fn has_merchants(&self) -> Result<bool> {
        Ok(self.look().query_row("SELECT EXISTS (SELECT 1 FROM merchants)", [], |row| row.get(0))?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Error, NewRecord, Record, Vault};

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
        assert!(matches!(store.add_merchant("party", &person("a")), Err(Error::NoMasterKey)));
        assert!(store.sign_in_named("a").unwrap().is_none(), "all or nothing");
        store.unlock(Vault::new(&[7; 32]).unwrap());
        let two = store.add_merchant("海棠文化有限公司", &person("a")).unwrap().unwrap();
        assert!(store.add_merchant("other", &person("A")).unwrap().is_none(), "the name is taken");
        let three = store.add_merchant("party", &person("b")).unwrap().unwrap();
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
