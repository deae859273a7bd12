//! What a merchant shows so that its name may be looked at, and what came of that.
//!
//! Rules:
//! - Documents are sealed under the merchant's key, and gone as soon as they were decided on; where a legal hold stands,
//!   as soon as that is lifted.
//! - One question is open at a time; a decision is of the question that was looked at.

use crate::{Act, Error, Result, Store, accounts};
use rusqlite::{OptionalExtension, Row, Transaction, TransactionBehavior, params};

/// A document without its bytes.
#[derive(Clone, Debug)]
pub struct Document {
    /// Number.
    pub id: i64,
    /// As it came.
    pub name: String,
    /// From its leading bytes.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// UTC microseconds.
    pub added_at: i64,
}

/// A question to the operator.
#[derive(Clone, Debug)]
pub struct Review {
    /// Number.
    pub id: i64,
    /// `asked`, `approved`, `refused`.
    pub state: String,
    /// The operator's words.
    pub reason: Option<String>,
    /// UTC microseconds.
    pub asked_at: i64,
    /// UTC microseconds.
    pub decided_at: Option<i64>,
    /// Number of the record that says so.
    pub attestation: Option<String>,
}

/// What is decided.
#[derive(Clone, Debug)]
pub struct Decision<'a> {
    /// Whose name.
    pub account: i64,
    /// Which question.
    pub review: i64,
    /// Why, or what was looked at.
    pub reason: &'a str,
    /// Number of the record that establishes the name; `None`: it is refused.
    pub attestation: Option<&'a str>,
    /// What leads from each earlier record to it, by record number.
    pub covered: &'a [(String, Vec<u8>)],
}

const REVIEW: &str = "id, state, reason, asked_at, decided_at, attestation FROM reviews";

impl Store {
    /// Keeps a document; `false`: there are `most` already, or a question is open.
    pub fn add_document(&self, account: i64, document: &Document, bytes: &[u8], most: u64) -> Result<bool> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "SELECT (SELECT count(*) FROM documents WHERE account = ?1) < ?2
                   AND NOT EXISTS (SELECT 1 FROM reviews WHERE account = ?1 AND state = 'asked')";
        if !transaction.query_row(sql, params![account, most], |row| row.get(0))? {
            return Ok(false);
        }
        let name = self.sealed(&transaction, account, "document name", document.name.as_bytes())?;
        let bytes = self.sealed(&transaction, account, "document", bytes)?;
        let sql =
            "INSERT INTO documents(account, name, media_type, size, bytes, added_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        transaction
            .execute(sql, params![account, name, document.media_type, document.size, bytes, document.added_at])?;
        transaction.commit()?;
        Ok(true)
    }

    /// An account's documents, oldest first.
    pub fn documents(&self, account: i64) -> Result<Vec<Document>> {
        let connection = self.look();
        let sql = "SELECT id, name, media_type, size, added_at, (SELECT key FROM merchants WHERE account = ?1)
                   FROM documents WHERE account = ?1 ORDER BY id";
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement
            .query_map([account], |row| Ok((document(row)?, row.get(1)?, row.get::<_, Option<Vec<u8>>>(5)?)))?;
        let all = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        drop(statement);
        drop(connection);
        let opened = all.into_iter().map(|(found, name, key)| {
            let name = self.opened(key.as_deref(), account, "document name", name)?;
            Ok(Document { name: String::from_utf8_lossy(&name).into_owned(), ..found })
        });
        opened.collect()
    }

    /// The bytes of one of an account's documents.
    pub fn document(&self, account: i64, id: i64) -> Result<Option<Vec<u8>>> {
        let sql = "SELECT d.bytes, m.key FROM documents d JOIN merchants m ON m.account = d.account
                   WHERE d.account = ?1 AND d.id = ?2";
        let found =
            self.look().query_row(sql, [account, id], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?))).optional()?;
        found.map(|(bytes, key)| self.opened(Some(&key), account, "document", bytes)).transpose()
    }

    /// Takes one back, while no question is open; whether there was one. Not under a legal hold ([`Error::Held`]).
    pub fn drop_document(&self, account: i64, id: i64) -> Result<bool> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let held = "SELECT EXISTS (SELECT 1 FROM merchants WHERE account = ?1 AND hold IS NOT NULL)";
        if transaction.query_row(held, [account], |row| row.get(0))? {
            return Err(Error::Held);
        }
        let sql = "DELETE FROM documents WHERE account = ?1 AND id = ?2
                   AND NOT EXISTS (SELECT 1 FROM reviews WHERE account = ?1 AND state = 'asked')";
        let dropped = transaction.execute(sql, [account, id])? == 1;
        transaction.commit()?;
        Ok(dropped)
    }

    /// Asks that the name be looked at; `false`: there is no document, or that was asked already.
    pub fn ask_review(&self, account: i64, act: &Act) -> Result<bool> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "INSERT INTO reviews(account, state, asked_at) SELECT ?1, 'asked', ?2
                   WHERE EXISTS (SELECT 1 FROM documents WHERE account = ?1)
                   AND NOT EXISTS (SELECT 1 FROM reviews WHERE account = ?1 AND state = 'asked')";
        if transaction.execute(sql, params![account, act.at])? == 0 {
            return Ok(false);
        }
        accounts::note(&transaction, act)?;
        transaction.commit()?;
        Ok(true)
    }

    /// The account's newest question.
    pub fn review(&self, account: i64) -> Result<Option<Review>> {
        let sql = format!("SELECT {REVIEW} WHERE account = ?1 ORDER BY id DESC LIMIT 1");
        Ok(self.lock().query_row(&sql, [account], review).optional()?)
    }

    /// Accounts whose question waits, the longest first.
    pub fn reviews_asked(&self, limit: u32) -> Result<Vec<i64>> {
        let connection = self.lock();
        let sql = "SELECT account FROM reviews WHERE state = 'asked' ORDER BY id LIMIT ?1";
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map([limit], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Number of the record that establishes an account's name.
    pub fn established(&self, account: i64) -> Result<Option<String>> {
        let sql = "SELECT attestation FROM reviews WHERE account = ?1 AND state = 'approved' ORDER BY id DESC LIMIT 1";
        Ok(self.look().prepare_cached(sql)?.query_row([account], |row| row.get(0)).optional()?.flatten())
    }

    /// The record that establishes the name of an earlier record's owner, and what leads from one to the other.
    pub fn attested_path(&self, record: &str) -> Result<Option<(String, Vec<u8>)>> {
        let sql =
            "SELECT c.attestation, c.path, r.account, m.key FROM attested_paths c JOIN records r ON r.id = c.record
                   JOIN merchants m ON m.account = r.account WHERE c.record = ?1";
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, Vec<u8>>(3)?));
        let found = self.look().prepare_cached(sql)?.query_row([record], read).optional()?;
        found.map(|(id, path, account, key)| Ok((id, self.opened(Some(&key), account, "covered", path)?))).transpose()
    }

    /// Writes what was decided and by whom; the documents go, under a legal hold when that is lifted. `false`: another decided meanwhile, or the account is closed.
    pub fn decide(&self, decision: &Decision<'_>, act: &Act) -> Result<bool> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let state = if decision.attestation.is_some() { "approved" } else { "refused" };
        let sql = "UPDATE reviews SET state = ?3, reason = ?4, decided_at = ?5, attestation = ?6
                   WHERE account = ?1 AND id = ?2 AND state = 'asked'";
        let Decision { account, review, reason, attestation, covered } = decision;
        if transaction.execute(sql, params![account, review, state, reason, act.at, attestation])? == 0 {
            return Ok(false);
        }
        drop_documents(&transaction, *account)?;
        if let Some(attestation) = attestation {
            self.cover(&transaction, *account, attestation, covered)?;
        }
        accounts::note(&transaction, act)?;
        transaction.commit()?;
        Ok(true)
    }

    /// Keeps what leads from each earlier record to the one that establishes its owner's name.
    pub(crate) fn cover(
        &self,
        transaction: &Transaction<'_>,
        account: i64,
        attestation: &str,
        covered: &[(String, Vec<u8>)],
    ) -> Result<()> {
        for (record, path) in covered {
            let path = self.sealed(transaction, account, "covered", path)?;
            // Of two attestations the first stays: a record once established is not made to wait for another.
            let sql =
                "INSERT INTO attested_paths(record, attestation, path) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
            transaction.prepare_cached(sql)?.execute(params![record, attestation, path])?;
        }
        Ok(())
    }
}

/// Documents go with the decision, unless a legal hold stands on the account; in the caller's transaction.
pub(crate) fn drop_documents(transaction: &Transaction<'_>, account: i64) -> Result<()> {
    let sql = "DELETE FROM documents WHERE account = ?1
               AND NOT EXISTS (SELECT 1 FROM merchants WHERE account = ?1 AND hold IS NOT NULL)";
    transaction.execute(sql, [account])?;
    Ok(())
}

/// What a legal hold kept of documents that were decided on goes when it is lifted; in the caller's transaction.
pub(crate) fn drop_kept(transaction: &Transaction<'_>, account: i64) -> Result<()> {
    let sql = "DELETE FROM documents WHERE account = ?1
               AND added_at <= (SELECT max(decided_at) FROM reviews WHERE account = ?1)
               AND NOT EXISTS (SELECT 1 FROM reviews WHERE account = ?1 AND state = 'asked')";
    transaction.execute(sql, [account])?;
    Ok(())
}

fn document(row: &Row<'_>) -> rusqlite::Result<Document> {
    Ok(Document {
        id: row.get(0)?,
        name: String::new(),
        media_type: row.get(2)?,
        size: row.get(3)?,
        added_at: row.get(4)?,
    })
}

fn review(row: &Row<'_>) -> rusqlite::Result<Review> {
    Ok(Review {
        id: row.get(0)?,
        state: row.get(1)?,
        reason: row.get(2)?,
        asked_at: row.get(3)?,
        decided_at: row.get(4)?,
        attestation: row.get(5)?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{NewSignIn, Vault};

    #[test]
    fn a_legal_hold_keeps_documents_until_it_is_lifted() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("q.db")).unwrap();
        store.unlock(Vault::new(&[7; 32]).unwrap());
        let person = NewSignIn { account: 1, login: "b".into(), name: "x".into(), password: "".into(), at: 1 };
        let account = store.add_merchant("party", &person, None).unwrap().unwrap();
        let act = |act, at| Act { at, account: 1, sign_in: None, via: "x".into(), act, subject: String::new() };
        let add = |at| {
            let new =
                Document { id: 0, name: "a.pdf".into(), media_type: "application/pdf".into(), size: 1, added_at: at };
            assert!(store.add_document(account, &new, b"%PDF-", 6).unwrap());
            store.documents(account).unwrap().last().unwrap().id
        };
        let decide = |at| {
            assert!(store.ask_review(account, &act("ask-review", at)).unwrap());
            let review = store.review(account).unwrap().unwrap().id;
            let decision = Decision { account, review, reason: "看不清", attestation: None, covered: &[] };
            assert!(store.decide(&decision, &act("refuse-name", at)).unwrap());
            store.documents(account).unwrap().len()
        };
        let first = add(2);
        assert!(store.set_hold(account, Some("法院"), &act("hold", 3)).unwrap());
        assert!(matches!(store.drop_document(account, first), Err(Error::Held)));
        assert_eq!(decide(4), 1, "decided on, and kept");
        let later = add(5);
        assert!(store.set_hold(account, None, &act("release", 6)).unwrap());
        let left = store.documents(account).unwrap();
        assert_eq!(left.iter().map(|d| d.id).collect::<Vec<_>>(), [later], "what was decided on goes with the hold");
        assert_eq!(decide(7), 0, "without a hold they go with the decision");
        let last = add(8);
        assert!(store.drop_document(account, last).unwrap());
    }
}
