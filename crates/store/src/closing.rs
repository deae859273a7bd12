//! Closing an account: every row of it, in whatever table, and the key without which nothing of it opens.
//!
//! Rules:
//! - One transaction, or nothing. A legal hold is looked at inside it.
//! - Which tables hold rows of an account is read from the database itself: those with a column `account`, and those
//!   that refer to such a row, however far away. A table that comes later is covered by being there; what names a record
//!   or an order without such a key is named here.
//! - Left are the ledger's leaves, a line in `erased` for each record, and the audit log, which names by numbers alone.

use crate::{Act, Error, Result, Store, accounts, erased};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

/// Tables that keep their rows of a closed account.
const KEPT: [&str; 3] = ["accounts", "acts", "erased"];
/// Longest way from a row to its account.
const MAX_STEPS: usize = 6;

impl Store {
    /// Takes every row of an account, its key included. What `erased` says of its files is open until their bytes are
    /// gone ([`Store::end_erasures`]). Gives the uploads whose bytes are still on the disk.
    pub fn close_account(&self, account: i64, act: &Act) -> Result<Vec<String>> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let hold = "SELECT hold FROM merchants WHERE account = ?1";
        let hold: Option<Option<String>> = transaction.query_row(hold, [account], |row| row.get(0)).optional()?;
        match hold {
            None => return Err(Error::NoAccount),
            Some(Some(_)) => return Err(Error::Held),
            Some(None) => {}
        }
        transaction.pragma_update(None, "defer_foreign_keys", "ON")?;
        transaction.execute(
            "INSERT INTO erased(id, account, kind, leaf, record_digest, at, sha256)
             SELECT id, account, kind, leaf, record_digest, ?2, sha256 FROM records WHERE account = ?1
             UNION ALL SELECT id, account, kind, NULL, NULL, ?2, sha256 FROM waiting WHERE account = ?1",
            params![account, act.at],
        )?;
        let uploads = {
            let mut statement = transaction.prepare("SELECT id FROM uploads WHERE account = ?1")?;
            let rows = statement.query_map([account], |row| row.get(0))?;
            rows.collect::<rusqlite::Result<_>>()?
        };
        // These name records and have no key that says so.
        transaction.execute("DELETE FROM seen WHERE id IN (SELECT id FROM erased WHERE account = ?1)", [account])?;
        let noted = "DELETE FROM meta WHERE key IN (SELECT 'discarded ' || id FROM erased WHERE account = ?1)";
        transaction.execute(noted, [account])?;
        let told = "DELETE FROM market_events WHERE number IN (SELECT number FROM market_orders WHERE account = ?1)";
        transaction.execute(told, [account])?;
        for (table, rows) in ways(&transaction)? {
            transaction.execute(&format!("DELETE FROM {table} WHERE {rows}"), [account])?;
        }
        // Earlier releases noted there what tokens, passkeys and providers were called.
        let named = "UPDATE acts SET subject = '' WHERE account = ?1 AND subject GLOB '*[^0-9]*'
                     AND act IN ('add-token', 'add-passkey', 'link-identity')";
        transaction.execute(named, [account])?;
        transaction.execute("UPDATE accounts SET state = 'closed' WHERE id = ?1", [account])?;
        erased::rewind_hooks(&transaction)?;
        accounts::note(&transaction, &Act { subject: account.to_string(), ..act.clone() })?;
        transaction.commit()?;
        Ok(uploads)
    }
}

/// Every table that holds rows of accounts, with the condition that finds those of account `?1`; the furthest from the
/// account first, since its condition reads the nearer ones.
fn ways(transaction: &Transaction<'_>) -> Result<Vec<(String, String)>> {
    let tables =
        strings(transaction, "SELECT name FROM pragma_table_list WHERE schema = ?1 AND type = 'table'", "main")?;
    let tables: Vec<String> =
        tables.into_iter().filter(|t| !t.starts_with("sqlite_") && !KEPT.contains(&&**t)).collect();
    let mut found = Vec::new();
    for table in &tables {
        if let Some((steps, rows)) = way(transaction, table, MAX_STEPS)? {
            found.push((steps, erased::quoted(table), rows));
        }
    }
    found.sort_by_key(|(steps, ..)| std::cmp::Reverse(*steps));
    Ok(found.into_iter().map(|(_, table, rows)| (table, rows)).collect())
}

/// The condition that finds a table's rows of account `?1`, where they are of accounts.
pub(crate) fn rows_of(connection: &Connection, table: &str) -> Result<Option<String>> {
    Ok(way(connection, table, MAX_STEPS)?.map(|(_, rows)| rows))
}

/// How many steps a table's rows are away from their account, and the condition that finds them.
fn way(connection: &Connection, table: &str, left: usize) -> Result<Option<(usize, String)>> {
    let columns = strings(connection, "SELECT name FROM pragma_table_info(?1)", table)?;
    if columns.iter().any(|c| c == "account") {
        return Ok(Some((0, "account = ?1".into())));
    }
    if left == 0 {
        return Ok(None);
    }
    let sql = "SELECT \"table\", \"from\", coalesce(\"to\", 'rowid') FROM pragma_foreign_key_list(?1)";
    let mut statement = connection.prepare(sql)?;
    let keys = statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let keys = keys.collect::<rusqlite::Result<Vec<(String, String, String)>>>()?;
    let (mut steps, mut any) = (0, Vec::new());
    for (to, own, its) in keys.into_iter().filter(|(to, ..)| to != table && to != "accounts") {
        if let Some((further, rows)) = way(connection, &to, left - 1)? {
            steps = steps.max(further + 1);
            let (to, own, its) = (erased::quoted(&to), erased::quoted(&own), erased::quoted(&its));
            any.push(format!("{own} IN (SELECT {its} FROM {to} WHERE {rows})"));
        }
    }
    Ok((!any.is_empty()).then(|| (steps, format!("({})", any.join(" OR ")))))
}

fn strings(connection: &Connection, sql: &str, arg: &str) -> Result<Vec<String>> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([arg], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Entitlement, MarketEvent, NewSignIn, OrderEvent, Taken, Vault};

    #[test]
    fn a_closed_accounts_orders_and_the_markets_messages_about_them_are_gone() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("q.db")).unwrap();
        store.unlock(Vault::new(&[7; 32]).unwrap());
        let merchant = |login: &str| {
            let person = NewSignIn { account: 1, login: login.into(), name: "x".into(), password: "".into(), at: 1 };
            store.add_merchant("party", &person, None).unwrap().unwrap()
        };
        let (gone, stays) = (merchant("a"), merchant("b"));
        for (id, number, account) in [("e1", "FW-1", gone), ("e2", "FW-1", gone), ("e3", "FW-2", stays)] {
            let (kind, source) = ("pack".into(), "order".into());
            let given = Entitlement { account, kind, source, expires_at: 9, ..Entitlement::default() };
            let event = OrderEvent::Period(Box::new(given), Vec::new());
            let event = MarketEvent { id, digest: &[1; 32], number, account, word: "order.paid", event, at: 1 };
            assert!(matches!(store.take_event(&event).unwrap(), Taken::Answered(_)));
        }
        let act =
            Act { at: 2, account: gone, sign_in: None, via: "x".into(), act: "close-account", subject: "".into() };
        store.close_account(gone, &act).unwrap();
        let numbers =
            |table: &str| strings(&store.lock(), &format!("SELECT number FROM {table} WHERE number > ?1"), "").unwrap();
        for table in ["market_orders", "market_events", "market_periods"] {
            assert_eq!(numbers(table), ["FW-2"], "{table}");
        }
        let event = OrderEvent::Cancelled(5);
        let late = MarketEvent { id: "e1", digest: &[1; 32], number: "FW-1", account: gone, word: "x", event, at: 3 };
        assert_eq!(
            store.take_event(&late).unwrap(),
            Taken::NoAccount,
            "a message that comes again brings nothing back"
        );
    }
}
