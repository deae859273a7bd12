//! The signed head: the ledger's one compare-and-swap row.

use crate::Store;
use ledger::{Error, Head, HeadRow, Result};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

impl HeadRow for Store {
    fn load(&self) -> Result<Option<Head>> {
        read(&self.lock()).map_err(storage)
    }

    fn swap(&self, expected: Option<&Head>, new: &Head) -> Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(storage)?;
        let found = read(&transaction).map_err(storage)?;
        if found.as_ref() != expected {
            return Err(Error::HeadMoved { expected: expected.map(|h| h.size), found: found.map(|h| h.size) });
        }
        transaction
            .execute(
                "INSERT INTO head(one, size, root, checkpoint, segment_position) VALUES (1, ?1, ?2, ?3, ?4)
                 ON CONFLICT(one) DO UPDATE SET size = excluded.size, root = excluded.root,
                     checkpoint = excluded.checkpoint, segment_position = excluded.segment_position",
                params![new.size, new.root, new.checkpoint, new.segment_position],
            )
            .map_err(storage)?;
        transaction.commit().map_err(storage)
    }
}

fn read(connection: &Connection) -> rusqlite::Result<Option<Head>> {
    let sql = "SELECT size, root, checkpoint, segment_position FROM head WHERE one = 1";
    let row = connection.query_row(sql, [], |row| {
        Ok(Head { size: row.get(0)?, root: row.get(1)?, checkpoint: row.get(2)?, segment_position: row.get(3)? })
    });
    row.optional()
}

fn storage(error: rusqlite::Error) -> Error {
    Error::Storage(error.to_string())
}
