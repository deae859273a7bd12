//! How many rows there are, for a monitor: nothing here reads a record.

use crate::{Result, Store};

/// Numbers of one moment.
#[derive(Clone, Debug)]
pub struct Counts {
    /// Records.
    pub records: u64,
    /// Pages that were asked for, by state.
    pub captures: Vec<(String, u64)>,
    /// Statements without a token, and records that the ledger has not answered for.
    pub pending: u64,
}

impl Store {
    /// Counts.
    pub fn counts(&self) -> Result<Counts> {
        let connection = self.look();
        let one = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, u64>(0));
        let mut captures = connection.prepare_cached("SELECT state, count(*) FROM capture_queue GROUP BY state")?;
        let captures =
            captures.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
        Ok(Counts {
            records: one("SELECT coalesce(sum(n), 0) FROM record_counts")?,
            captures,
            pending: one("SELECT count(*) FROM waiting")? + one("SELECT count(*) FROM records WHERE leaf IS NULL")?,
        })
    }
}
