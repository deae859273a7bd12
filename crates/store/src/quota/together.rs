//! Holding and giving back: whoever comes to the database first asks for all who wait for it.

use super::{Asked, Need, release, reserve};
use crate::{Result, Store};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

impl Store {
    /// Holds units and bytes for an act, all or none. Whoever comes to the database first asks for all who wait for it.
    pub fn reserve(&self, account: i64, wanted: Need, at: i64) -> Result<Asked> {
        let mine = Arc::new(Asking { account, wanted, at, asked: Mutex::new(None) });
        let waiting = || self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        waiting().push(mine.clone());
        let mut connection = self.lock();
        if let Some(asked) = mine.answer() {
            return Ok(asked);
        }
        let all = std::mem::take(&mut *waiting());
        let together = unsynced(&mut connection, |transaction| {
            all.iter().map(|one| reserve(transaction, one.account, one.wanted, one.at)).collect::<Result<Vec<_>>>()
        });
        // Where it fails, one by one: somebody's failure is his own.
        if let Ok(asked) = together {
            all.iter().zip(asked).for_each(|(one, asked)| *one.told() = Some(asked));
        }
        match mine.answer() {
            Some(asked) => Ok(asked),
            None => unsynced(&mut connection, |transaction| reserve(transaction, account, wanted, at)),
        }
    }

    /// Gives back what is left of a reservation, if anything.
    pub fn release(&self, reservation: i64) -> Result<()> {
        let there = "SELECT EXISTS (SELECT 1 FROM quota_reservations WHERE id = ?1)";
        if !self.door().prepare_cached(there)?.query_row([reservation], |row| row.get(0))? {
            return Ok(());
        }
        unsynced(&mut self.lock(), |transaction| release(transaction, reservation))
    }
}

/// Who waits to hold something.
pub(crate) struct Asking {
    account: i64,
    wanted: Need,
    at: i64,
    asked: Mutex<Option<Asked>>,
}

impl Asking {
    fn told(&self) -> MutexGuard<'_, Option<Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self) -> Option<Asked> {
        self.told().take()
    }
}

/// One transaction without a sync of its own; a later one that is synced makes it durable too.
fn unsynced<T>(connection: &mut Connection, run: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
    let before: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    let done = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(Into::into).and_then(
        |transaction| {
            let done = run(&transaction)?;
            transaction.commit()?;
            Ok(done)
        },
    );
    connection.pragma_update(None, "synchronous", before)?;
    done
}
