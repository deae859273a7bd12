//! Records that were erased.
//!
//! Rules:
//! - One transaction takes every row that names a record, in whatever table, and leaves a line in `erased`.
//! - The audit log stays: it names a record by its number alone.
//! - A line is open until bytes, fingerprint and what the database's own files still hold are gone too, so that an
//!   erasing that was cut off is known.

use crate::{Act, Result, Store, accounts, quota};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use std::{fs, path::Path};

/// What stands of an erased record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    /// Record number.
    pub id: String,
    /// Whose it was.
    pub account: i64,
    /// Statement's kind.
    pub kind: String,
    /// Its leaf's index; `None`: it never reached the ledger.
    pub index: Option<u64>,
    /// SHA-256 of `record.json`; `None`: it never reached the ledger.
    pub record_digest: Option<[u8; 32]>,
    /// When, UTC microseconds.
    pub at: i64,
    /// Of the file, while the erasing is open.
    pub sha256: Option<[u8; 32]>,
}

const COLUMNS: &str = "id, account, kind, leaf, record_digest, at, sha256 FROM erased";
/// Tables whose rows name no record, are handled by themselves, or are a record of what was done.
const APART: [&str; 13] = [
    "records",
    "waiting",
    "erased",
    "acts",
    "head",
    "accounts",
    "sign_ins",
    "sessions",
    "api_tokens",
    "entitlements",
    "quota_moves",
    "activation_codes",
    "market_events",
];

impl Store {
    /// Takes every row of these records or waiting statements, all or none, and writes who did it when; the act's
    /// subject is each record's number.
    pub fn erase(&self, ids: &[String], act: &Act) -> Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.pragma_update(None, "defer_foreign_keys", "ON")?;
        let tables = tables(&transaction)?;
        for id in ids {
            transaction.execute(
                "INSERT INTO erased(id, account, kind, leaf, record_digest, at, sha256)
                 SELECT id, account, kind, leaf, record_digest, ?2, sha256 FROM records WHERE id = ?1
                 UNION ALL SELECT id, account, kind, NULL, NULL, ?2, sha256 FROM waiting WHERE id = ?1",
                params![id, act.at],
            )?;
            quota::free(&transaction, id, act.at)?;
            let names = names(&transaction, id)?;
            for table in &tables {
                table.sweep(&transaction, id, &names)?;
            }
            transaction.execute("DELETE FROM records WHERE id = ?1", [id])?;
            transaction.execute("DELETE FROM waiting WHERE id = ?1", [id])?;
            accounts::note(&transaction, &Act { subject: id.clone(), ..act.clone() })?;
        }
        rewind_hooks(&transaction)?;
        Ok(transaction.commit()?)
    }

    /// What stands of one.
    pub fn erased(&self, id: &str) -> Result<Option<Erased>> {
        let sql = format!("SELECT {COLUMNS} WHERE id = ?1");
        Ok(self.lock().query_row(&sql, [id], read).optional()?)
    }

    /// All of them, by number; or only those whose erasing was not brought to its end.
    pub fn erasures(&self, open: bool) -> Result<Vec<Erased>> {
        let connection = self.lock();
        let condition = if open { "WHERE done = 0" } else { "" };
        let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} {condition} ORDER BY id"))?;
        let rows = statement.query_map([], read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Takes what was ever deleted out of the database's own files: copies that migrations left, free pages, the
    /// write-ahead log. `false`: somebody reads, and the log could not be emptied. Costs time and space of the whole
    /// database, which is written anew: free pages alone would be overwritten by less, but a page that was split or
    /// merged can hold old rows in its gaps, and only a new file has none.
    pub fn scrub(&self, path: &Path) -> Result<bool> {
        let (folder, name) = (path.parent().unwrap_or(Path::new(".")), path.file_name().unwrap_or_default());
        let copies = format!("{}.layout-", name.to_string_lossy());
        for entry in fs::read_dir(folder)?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(&copies) {
                fs::remove_file(entry.path())?;
            }
        }
        let connection = self.lock();
        connection.execute_batch("VACUUM")?;
        emptied(&connection)
    }

    /// Brings open erasings to their end. `false` as for [`Self::scrub`]: they stay open.
    pub fn end_erasures(&self) -> Result<bool> {
        let connection = self.lock();
        connection.execute("UPDATE erased SET done = 1, sha256 = NULL WHERE done = 0", [])?;
        emptied(&connection)
    }
}

/// The place of the newest record is given to the next one, of which web hooks have not heard.
pub(crate) fn rewind_hooks(transaction: &Transaction<'_>) -> Result<()> {
    transaction.execute("UPDATE hooks SET seen = min(seen, (SELECT coalesce(max(seq), 0) FROM records))", [])?;
    Ok(())
}

fn emptied(connection: &Connection) -> Result<bool> {
    let busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    Ok(busy == 0)
}

/// By what a row can name a record: its number, and its file's SHA-256 where no other record is of that file.
fn names(transaction: &Transaction<'_>, id: &str) -> Result<Vec<Vec<u8>>> {
    let mut names = vec![id.as_bytes().to_vec()];
    let sql = "SELECT sha256 FROM erased WHERE id = ?1 AND NOT EXISTS (
                   SELECT 1 FROM records r WHERE r.sha256 = erased.sha256 AND r.id <> ?1
                   UNION ALL SELECT 1 FROM waiting w WHERE w.sha256 = erased.sha256 AND w.id <> ?1)";
    let sha256: Option<Option<Vec<u8>>> = transaction.query_row(sql, [id], |row| row.get(0)).optional()?;
    if let Some(sha256) = sha256.flatten() {
        names.push(evidence::hex::encode(&sha256).into_bytes());
        names.push(sha256);
    }
    Ok(names)
}

/// A table whose rows may name a record.
struct Table {
    /// Quoted.
    name: String,
    /// Its columns that refer to `records`, each with the column there.
    refers: Vec<(String, String)>,
    /// Its columns of text and bytes.
    texts: Vec<String>,
}

fn tables(connection: &Connection) -> Result<Vec<Table>> {
    let strings = |sql: &str, arg: &str| -> Result<Vec<(String, Option<String>)>> {
        let mut statement = connection.prepare(sql)?;
        let rows = statement.query_map([arg], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    };
    let all = strings("SELECT name, NULL FROM pragma_table_list WHERE schema = ?1 AND type = 'table'", "main")?;
    let mut tables = Vec::new();
    for (name, _) in all.into_iter().filter(|(n, _)| !n.starts_with("sqlite_") && !APART.contains(&n.as_str())) {
        let refers = strings(
            "SELECT \"from\", \"to\" FROM pragma_foreign_key_list(?1) WHERE \"table\" = 'records' COLLATE NOCASE",
            &name,
        )?;
        let columns = strings("SELECT name, upper(type) FROM pragma_table_info(?1)", &name)?;
        let text = |kind: &Option<String>| matches!(kind.as_deref(), Some("TEXT" | "BLOB" | "ANY"));
        tables.push(Table {
            refers: refers.into_iter().map(|(from, to)| (quoted(&from), quoted(&to.unwrap_or("seq".into())))).collect(),
            texts: columns.into_iter().filter(|(_, kind)| text(kind)).map(|(column, _)| quoted(&column)).collect(),
            name: quoted(&name),
        });
    }
    Ok(tables)
}

impl Table {
    fn sweep(&self, transaction: &Transaction<'_>, id: &str, names: &[Vec<u8>]) -> Result<()> {
        let Self { name, refers, texts } = self;
        for (from, to) in refers {
            let sql = format!("DELETE FROM {name} WHERE {from} = (SELECT {to} FROM records WHERE id = ?1)");
            transaction.prepare_cached(&sql)?.execute([id])?;
        }
        // What refers to a record names it there.
        if !refers.is_empty() || texts.is_empty() {
            return Ok(());
        }
        let any: Vec<String> = texts.iter().map(|t| format!("instr(CAST({t} AS BLOB), ?1) > 0")).collect();
        let sql = format!("DELETE FROM {name} WHERE {}", any.join(" OR "));
        for found in names {
            transaction.prepare_cached(&sql)?.execute([found])?;
        }
        Ok(())
    }
}

pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Erased> {
    Ok(Erased {
        id: row.get(0)?,
        account: row.get(1)?,
        kind: row.get(2)?,
        index: row.get(3)?,
        record_digest: row.get(4)?,
        at: row.get(5)?,
        sha256: row.get(6)?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{NewRecord, OWNER_ACCOUNT, Record, Renewal, Seen, Stamp};

    const NAME: &str = "海棠-only-this-one.jpg";

    fn record(n: u8, name: &str) -> NewRecord {
        let record = Record {
            id: format!("019ab3c1-e6f0-7c4e-9f20-5d1e8a6b4c{n:02}"),
            account: OWNER_ACCOUNT,
            kind: "image".into(),
            file_name: name.into(),
            sha256: Some([n; 32]),
            sm3: None,
            size: Some(1),
            received_at: 7,
            record: vec![n],
            record_digest: [n; 32],
            disclosures: format!("disclosed {name} {}", "salt".repeat(2000)).into_bytes(),
            ..Record::default()
        };
        NewRecord { record, tokens: vec![vec![n; 9]] }
    }

    fn found(dir: &Path, needle: &[u8]) -> Vec<String> {
        let files = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
        let holds = |p: &std::path::PathBuf| fs::read(p).unwrap().windows(needle.len()).any(|w| w == needle);
        files.filter(holds).map(|p| p.display().to_string()).collect()
    }

    #[test]
    fn no_table_and_no_file_of_the_database_holds_what_was_erased() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("q.db");
        let store = Store::create(&path).unwrap();
        let (gone, stays) = (record(1, NAME), record(2, "b.jpg"));
        store.insert(&[gone.clone(), stays.clone()]).unwrap();
        store.set_index(&[([1; 32], 5)]).unwrap();
        let id = &gone.record.id;
        store
            .shelve(&store.unshelved().unwrap().iter().map(|u| (u.seq, u.file_name.clone(), None)).collect::<Vec<_>>())
            .unwrap();
        store.add_renewal(id, &[Renewal { full: false, list: NAME.into(), token: vec![1] }]).unwrap();
        let (stamp, claims, sm3) = (Stamp::default(), [0; 32], [0; 32]);
        let of = |n: u8, id: &str| Seen {
            path: format!("/shop/{n}-{NAME}").into_bytes(),
            stamp,
            claims,
            differs: false,
            id: id.into(),
            sha256: [n; 32],
            sm3,
            record_digest: [n; 32],
            index: None,
        };
        store.note_seen(&[of(1, id)]).unwrap();
        store.begin_once(OWNER_ACCOUNT, "key", &[0; 32], 1).unwrap();
        store.end_once(OWNER_ACCOUNT, "key", Some(&format!("{{\"id\":\"{id}\",\"file\":\"{NAME}\"}}"))).unwrap();
        store.set_meta(&format!("discarded {id}"), "then").unwrap();
        let act = Act { at: 1, account: 1, sign_in: None, via: "x".into(), act: "deposit", subject: id.clone() };
        store.note_act(&act).unwrap();
        fs::write(dir.path().join("q.db.layout-1"), NAME).unwrap();
        assert!(!found(dir.path(), NAME.as_bytes()).is_empty());

        store.erase(std::slice::from_ref(id), &Act { at: 99, act: "erase", ..act }).unwrap();
        let line = store.erased(id).unwrap().unwrap();
        assert_eq!((line.index, line.at, line.sha256, line.record_digest), (Some(5), 99, Some([1; 32]), Some([1; 32])));
        assert_eq!(store.erasures(true).unwrap(), [line]);
        assert!(store.scrub(&path).unwrap() && store.end_erasures().unwrap());
        assert!(store.erasures(true).unwrap().is_empty());
        assert_eq!(store.erased(id).unwrap().unwrap().sha256, None);
        assert_eq!(found(dir.path(), NAME.as_bytes()), Vec::<String>::new());
        assert!(store.record(id).unwrap().is_none() && store.tokens(id).unwrap().is_empty());
        assert_eq!(store.meta(&format!("discarded {id}")).unwrap(), None);
        assert_eq!(store.record(&stays.record.id).unwrap().unwrap().file_name, "b.jpg");
        assert_eq!(store.tokens(&stays.record.id).unwrap().len(), 1);
        let acts: i64 =
            store.lock().query_row("SELECT count(*) FROM acts WHERE subject = ?1", [id], |r| r.get(0)).unwrap();
        assert_eq!(acts, 2, "the audit log stays");
    }

    #[test]
    fn rows_about_the_same_bytes_stay_while_another_record_is_of_them() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("q.db")).unwrap();
        let (one, mut two) = (record(1, "a"), record(2, "b"));
        two.record.sha256 = Some([1; 32]);
        store.insert(&[one.clone(), two]).unwrap();
        let hex = evidence::hex::encode(&[1; 32]);
        store.set_meta("x", &hex).unwrap();
        let act = Act { at: 1, account: 1, sign_in: None, via: "x".into(), act: "erase", subject: String::new() };
        store.erase(&[one.record.id], &act).unwrap();
        assert_eq!(store.meta("x").unwrap(), Some(hex));
    }
}
