//! The signed head: the ledger's one compare-and-swap row.

use crate::{Error, Result, Store};
use ledger::{Head, HeadRow};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

impl HeadRow for Store {
    fn load(&self) -> std::result::Result<Option<Head>, String> {
        read(&self.lock()).map_err(|e| e.to_string())
    }

    fn swap(&self, expected: Option<&Head>, new: &Head) -> std::result::Result<(), String> {
        self.swap_head(expected, new).map_err(|e| e.to_string())
    }
}

impl Store {
    fn swap_head(&self, expected: Option<&Head>, new: &Head) -> Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let stands = read(&transaction)?;
        let same = match (&stands, expected) {
            (None, None) => true,
            (Some(a), Some(b)) => a.size == b.size && a.root == b.root && a.checkpoint == b.checkpoint,
            _ => false,
        };
        if !same {
            let size = |h: Option<&Head>| h.map_or(-1, |h| i64::try_from(h.size).unwrap_or(i64::MAX));
            return Err(Error::HeadMoved { expected: size(expected), found: size(stands.as_ref()) });
        }
        transaction.execute(
            "INSERT INTO head(one, size, root, checkpoint, segment_position) VALUES (1, ?1, ?2, ?3, ?4)
             ON CONFLICT(one) DO UPDATE SET size = excluded.size, root = excluded.root,
                 checkpoint = excluded.checkpoint, segment_position = excluded.segment_position",
            params![new.size, new.root, new.checkpoint, new.segment_position],
        )?;
        Ok(transaction.commit()?)
    }
}

fn read(connection: &Connection) -> Result<Option<Head>> {
    let sql = "SELECT size, root, checkpoint, segment_position FROM head WHERE one = 1";
    let row = connection.query_row(sql, [], |row| {
        Ok(Head { size: row.get(0)?, root: row.get(1)?, checkpoint: row.get(2)?, segment_position: row.get(3)? })
    });
    Ok(row.optional()?)
}
