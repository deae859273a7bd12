//! Shops of an account, and which records were made for them. Times are UTC microseconds.

use crate::{Act, Result, Store, accounts};
use rusqlite::{Transaction, TransactionBehavior, params};

/// A shop of an account.
#[derive(Clone, Debug)]
pub struct Shop {
    /// Number.
    pub id: i64,
    /// Where it is: a platform's name.
    pub platform: String,
    /// What it is called there.
    pub name: String,
    /// Its address; may be empty.
    pub url: String,
    /// Added.
    pub created_at: i64,
    /// It is not offered any more.
    pub ended_at: Option<i64>,
}

impl Store {
    /// Adds a shop to `act`'s account; `None`, and nothing is written, where `most` are open already.
    pub fn add_shop(&self, platform: &str, name: &str, url: &str, most: usize, act: &Act) -> Result<Option<i64>> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        accounts::still_open(&transaction, act.account)?;
        let open = "SELECT count(*) FROM shops WHERE account = ?1 AND ended_at IS NULL";
        if transaction.query_row(open, [act.account], |row| row.get::<_, usize>(0))? >= most {
            return Ok(None);
        }
        let sql = "INSERT INTO shops(account, platform, name, url, created_at) VALUES (?1, ?2, ?3, ?4, ?5)";
        transaction.execute(sql, params![act.account, platform, name, url, act.at])?;
        let id = transaction.last_insert_rowid();
        accounts::note(&transaction, &Act { subject: id.to_string(), ..act.clone() })?;
        transaction.commit()?;
        Ok(Some(id))
    }

    /// An account's shops, in order of adding, with those that were ended.
    pub fn shops(&self, account: i64) -> Result<Vec<Shop>> {
        let connection = self.look();
        let mut statement = connection.prepare_cached(
            "SELECT id, platform, name, url, created_at, ended_at FROM shops WHERE account = ?1 ORDER BY id",
        )?;
        let rows = statement.query_map([account], |row| {
            let (id, platform, name) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(Shop { id, platform, name, url: row.get(3)?, created_at: row.get(4)?, ended_at: row.get(5)? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Ends a shop of `act`'s account; whether there was one.
    pub fn end_shop(&self, id: i64, act: &Act) -> Result<bool> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "UPDATE shops SET ended_at = ?3 WHERE id = ?2 AND account = ?1 AND ended_at IS NULL";
        let ended = transaction.execute(sql, params![act.account, id, act.at])? == 1;
        if ended {
            accounts::note(&transaction, act)?;
        }
        transaction.commit()?;
        Ok(ended)
    }

    /// Notes that a record was made for these shops.
    pub fn made_for(&self, record: &str, shops: &[i64]) -> Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        made_for(&transaction, record, shops)?;
        Ok(transaction.commit()?)
    }

    /// Whether a record was made for one of these shops.
    pub fn is_for(&self, record: &str, shops: &[i64]) -> Result<bool> {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM shop_records WHERE record = ?1 AND shop IN ({}))", list(shops));
        Ok(self.look().query_row(&sql, [record], |row| row.get(0))?)
    }

    /// Names of the shops that a record was made for.
    pub fn shops_of(&self, record: &str) -> Result<Vec<String>> {
        let connection = self.look();
        let mut statement = connection.prepare_cached(
            "SELECT s.platform || ' ' || s.name FROM shop_records r JOIN shops s ON s.id = r.shop WHERE r.record = ?1 ORDER BY s.id",
        )?;
        let rows = statement.query_map([record], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// [`Store::made_for`], in the caller's transaction.
pub(crate) fn made_for(transaction: &Transaction<'_>, record: &str, shops: &[i64]) -> Result<()> {
    let sql = "INSERT INTO shop_records(record, shop) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    for shop in shops {
        transaction.prepare_cached(sql)?.execute(params![record, shop])?;
    }
    Ok(())
}

/// Numbers as a list in a statement.
pub(crate) fn list(numbers: &[i64]) -> String {
    numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
}
