//! Statements that wait for a token from outside: durable, and no record yet.

use crate::{NewRecord, Record, Result, Store, captures, quota, records};
use rusqlite::{Row, TransactionBehavior, params};

/// A statement without a token.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The record that it will be: without its bytes, their digest and an index.
    pub row: Record,
    /// Exact bytes of `statement.json`.
    pub statement: Vec<u8>,
}

const COLUMNS: &str = "id, kind, file_name, sha256, sm3, size, received_at, statement, disclosures, account,
                       (SELECT key FROM merchants WHERE merchants.account = waiting.account) FROM waiting";

impl Store {
    /// Commits a batch durably: all of it or nothing.
    pub fn insert_waiting<'w>(&self, batch: impl IntoIterator<Item = &'w Waiting>) -> Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for Waiting { row: w, statement } in batch {
            let disclosures = self.sealed(&transaction, w.account, &w.id, &w.disclosures)?;
            transaction.execute(
                "INSERT INTO waiting(id, kind, file_name, sha256, sm3, size, received_at, statement, disclosures, account)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                params![
                    w.id,
                    w.kind,
                    w.file_name,
                    w.sha256,
                    w.sm3,
                    w.size,
                    w.received_at,
                    statement,
                    disclosures,
                    w.account
                ],
            )?;
            if let Some(charge) = &w.charge {
                quota::spend(&transaction, charge, &w.id, w.received_at)?;
            }
            if let Some(page) = w.page {
                captures::made(&transaction, page, w)?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// What waits becomes records: each is in one table or the other, never in both or none. Gives them back without
    /// those that wait no longer: erased in the meantime, or stamped by somebody else.
    pub fn stamped(&self, mut batch: Vec<NewRecord>) -> Result<Vec<NewRecord>> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let took = batch.iter().map(|new| transaction.execute("DELETE FROM waiting WHERE id = ?1", [&new.record.id]));
        let mut took = took.collect::<rusqlite::Result<Vec<_>>>()?.into_iter();
        batch.retain(|_| took.next() == Some(1));
        records::insert(self, &transaction, &batch)?;
        transaction.commit()?;
        Ok(batch)
    }

    /// Takes an order back that nobody was told of.
    pub fn forget_waiting(&self, id: &str) -> Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute("DELETE FROM waiting WHERE id = ?1", [id])?;
        let named = "UPDATE capture_queue SET ordered = NULL WHERE ordered = ?1 AND state IN ('waiting', 'running')";
        transaction.execute(named, [id])?;
        Ok(transaction.commit()?)
    }

    /// All that waits, oldest first.
    pub fn waiting(&self) -> Result<Vec<Waiting>> {
        self.those("ORDER BY seq", [])
    }

    /// The first of an account's that wait, and how many there are.
    pub fn first_waiting(&self, account: i64, limit: u32) -> Result<(Vec<Waiting>, u64)> {
        let sql = "SELECT count(*) FROM waiting WHERE account = ?1";
        let all = self.look().query_row(sql, [account], |row| row.get(0))?;
        Ok((self.those("WHERE account = ?1 ORDER BY seq LIMIT ?2", params![account, limit])?, all))
    }

    /// Whether anything waits.
    pub fn waits(&self) -> Result<bool> {
        Ok(self.look().query_row("SELECT EXISTS (SELECT 1 FROM waiting)", [], |row| row.get(0))?)
    }

    /// All of an account's that waits, oldest first.
    pub fn own_waiting(&self, account: i64) -> Result<Vec<Waiting>> {
        self.those("WHERE account = ?1 ORDER BY seq", [account])
    }

    /// What waits of a file with this SHA-256, whosever it is, oldest first.
    pub fn waiting_by_sha256(&self, sha256: &[u8; 32]) -> Result<Vec<Waiting>> {
        self.those("WHERE sha256 = ?1 ORDER BY seq", [sha256])
    }

    /// What of an account's waits of a file with this SHA-256, oldest first.
    pub fn own_waiting_by_sha256(&self, account: i64, sha256: &[u8; 32]) -> Result<Vec<Waiting>> {
        self.those("WHERE account = ?1 AND sha256 = ?2 ORDER BY seq", params![account, sha256])
    }

    /// What of an account's waits of a kind and is shown under this name, oldest first.
    pub fn waiting_by_name(&self, account: i64, kind: &str, name: &str) -> Result<Vec<Waiting>> {
        self.those("WHERE account = ?1 AND kind = ?2 AND file_name = ?3 ORDER BY seq", params![account, kind, name])
    }

    /// What of an account's waits of a kind, oldest first.
    pub fn waiting_of_kind(&self, account: i64, kind: &str) -> Result<Vec<Waiting>> {
        self.those("WHERE account = ?1 AND kind = ?2 ORDER BY seq", params![account, kind])
    }

    /// One by its number.
    pub fn waiting_one(&self, id: &str) -> Result<Option<Waiting>> {
        Ok(self.those("WHERE id = ?1", [id])?.pop())
    }

    fn those(&self, rest: &str, args: impl rusqlite::Params) -> Result<Vec<Waiting>> {
        let connection = self.look();
        let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} {rest}"))?;
        let rows = statement.query_map(args, |row| Ok((read(row)?, row.get::<_, Option<Vec<u8>>>(10)?)))?;
        let found = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        drop(statement);
        drop(connection);
        let opened = found
            .into_iter()
            .map(|(Waiting { row, statement }, key)| Ok(Waiting { row: self.open_record((row, key))?, statement }));
        opened.collect()
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Waiting> {
    Ok(Waiting {
        row: Record {
            id: row.get(0)?,
            kind: row.get(1)?,
            file_name: row.get(2)?,
            sha256: row.get(3)?,
            sm3: row.get(4)?,
            size: row.get(5)?,
            received_at: row.get(6)?,
            disclosures: row.get(8)?,
            account: row.get(9)?,
            ..Record::default()
        },
        statement: row.get(7)?,
    })
}
