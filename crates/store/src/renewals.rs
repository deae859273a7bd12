//! Renewals of a record's evidence: only ever added.

use crate::{Result, Store};
use rusqlite::{TransactionBehavior, params};

/// One renewal of one kind of package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// Of the court's copy, which discloses more.
    pub full: bool,
    /// `renewal-NN.txt`.
    pub list: String,
    /// `renewal-NN.tsr`.
    pub token: Vec<u8>,
}

impl Store {
    /// Adds the next renewal of a record, all of its kinds or none.
    pub fn add_renewal(&self, id: &str, renewals: &[Renewal]) -> Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for renewal in renewals {
            transaction.execute(
                "INSERT INTO renewals(id, whole, n, list, tsr)
                 SELECT ?1, ?2, 1 + coalesce(max(n), 0), ?3, ?4 FROM renewals WHERE id = ?1 AND whole = ?2",
                params![id, renewal.full, renewal.list, renewal.token],
            )?;
        }
        Ok(transaction.commit()?)
    }

    /// Renewals of one kind of a record's package, in order.
    pub fn renewals(&self, id: &str, full: bool) -> Result<Vec<Renewal>> {
        let connection = self.lock();
        let sql = "SELECT list, tsr FROM renewals WHERE id = ?1 AND whole = ?2 ORDER BY n";
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement
            .query_map(params![id, full], |row| Ok(Renewal { full, list: row.get(0)?, token: row.get(1)? }))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
