//! Records that were erased.
//!
//! Rules:
//! - One transaction takes every row of the record's account that names it, in whatever table, and leaves a line in
//!   `erased`. What another account wrote is its own, whatever numbers stand in it.
//! - A legal hold is looked at inside it.
//! - The audit log stays: it names a record by its number alone.
//! - A line is open until bytes, fingerprint and what the database's own files still hold are gone too, so that an
//!   erasing that was cut off is known.

use crate::{Act, Error, Result, Store, accounts, closing, quota, records::OF_DIGEST};
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
/// Tables whose rows are of no record, whatever is written in them, are handled by themselves, or are a record of what
/// was done. A test asks of every table whether it is swept or apart.
const APART: [&str; 40] = [
    "accounts",
    "acknowledgements",
    "activation_codes",
    "acts",
    "api_tokens",
    "capture_turns",
    "code_uses",
    "digests",
    "documents",
    "entitlements",
    "erased",
    "head",
    "hooks",
    "identities",
    "identity_checks",
    "invitations",
    "invites",
    "mail",
    "market_events",
    "market_orders",
    "market_periods",
    "market_refusals",
    "merchants",
    "notices",
    "notices_dismissed",
    "passkeys",
    "quota_grants",
    "quota_kept",
    "quota_moves",
    "quota_reservations",
    "quota_reserved",
    "quota_storage",
    "record_counts",
    "records",
    "recovery_codes",
    "resets",
    "sessions",
    "shops",
    "sign_ins",
    "waiting",
];
/// Tables of no account's, in which a record is found by its number alone.
const SHARED: [&str; 2] = ["meta", "seen"];

impl Store {
    /// Takes every row of these records or waiting statements, all or none, and writes who did it when; the act's
    /// subject is each record's number.
    pub fn erase(&self, ids: &[String], act: &Act) -> Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.pragma_update(None, "defer_foreign_keys", "ON")?;
        let tables = tables(&transaction)?;
        for id in ids {
            let account = not_held(&transaction, id)?;
            transaction.execute(
                "INSERT INTO erased(id, account, kind, leaf, record_digest, at, sha256)
                 SELECT id, account, kind, leaf, record_digest, ?2, sha256 FROM records WHERE id = ?1
                 UNION ALL SELECT id, account, kind, NULL, NULL, ?2, sha256 FROM waiting WHERE id = ?1",
                params![id, act.at],
            )?;
            quota::free(&transaction, id, act.at)?;
            let names = names(&transaction, id)?;
            for table in &tables {
                table.sweep(&transaction, id, account, &names)?;
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

    /// Notes that files of an account's open erasings are gone, or are kept for another record.
    pub fn files_gone(&self, account: i64, sha256: &[[u8; 32]]) -> Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for sha256 in sha256 {
            let sql = "UPDATE erased SET sha256 = NULL WHERE done = 0 AND account = ?1 AND sha256 = ?2";
            transaction.execute(sql, params![account, sha256])?;
        }
        Ok(transaction.commit()?)
    }

    /// Brings these open erasings, whose rows were there before [`Self::scrub`] and whose files are gone, to their end.
    /// `false` as there: the log still holds what they were.
    pub fn end_erasures(&self, these: &[Erased]) -> Result<bool> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for Erased { id, .. } in these {
            transaction.execute("UPDATE erased SET done = 1 WHERE id = ?1 AND sha256 IS NULL", [id])?;
        }
        transaction.commit()?;
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

/// Whose a record or waiting statement is; refuses where a legal hold stands on that account.
pub(crate) fn not_held(transaction: &Transaction<'_>, id: &str) -> Result<Option<i64>> {
    let sql = "SELECT r.account, m.hold IS NOT NULL FROM
                   (SELECT account FROM records WHERE id = ?1 UNION ALL SELECT account FROM waiting WHERE id = ?1) r
               LEFT JOIN merchants m ON m.account = r.account LIMIT 1";
    match transaction.query_row(sql, [id], |row| Ok((row.get(0)?, row.get(1)?))).optional()? {
        Some((_, true)) => Err(Error::Held),
        Some((account, false)) => Ok(Some(account)),
        None => Ok(None),
    }
}

/// By what a row of the account's can name a record: its number, and its file's SHA-256 where no other record of the
/// account's is of that file.
fn names(transaction: &Transaction<'_>, id: &str) -> Result<Vec<Vec<u8>>> {
    let mut names = vec![id.as_bytes().to_vec()];
    let sql = "SELECT sha256, account FROM erased WHERE id = ?1 AND sha256 IS NOT NULL";
    let of =
        transaction.query_row(sql, [id], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, i64>(1)?))).optional()?;
    let another = format!(
        "SELECT EXISTS (SELECT 1 FROM records WHERE seq IN ({OF_DIGEST}) AND sha256 = ?1 AND +account = ?2 AND id <> ?3
                        UNION ALL SELECT 1 FROM waiting WHERE sha256 = ?1 AND account = ?2 AND id <> ?3)"
    );
    let stays = |sha256: &[u8], account: i64| {
        transaction.prepare_cached(&another)?.query_row(params![sha256, account, id], |row| row.get(0))
    };
    if let Some((sha256, account)) = of
        && !stays(&sha256, account)?
    {
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
    /// Which of its rows are of account `?1`; `None`: they are of nobody, and a number alone names a record.
    own: Option<String>,
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
        let own = closing::rows_of(connection, &name)?;
        if own.is_none() && !SHARED.contains(&name.as_str()) {
            continue;
        }
        let refers = strings(
            "SELECT \"from\", \"to\" FROM pragma_foreign_key_list(?1) WHERE \"table\" = 'records' COLLATE NOCASE",
            &name,
        )?;
        let columns = strings("SELECT name, upper(type) FROM pragma_table_info(?1)", &name)?;
        let text = |kind: &Option<String>| matches!(kind.as_deref(), Some("TEXT" | "BLOB" | "ANY"));
        tables.push(Table {
            refers: refers.into_iter().map(|(from, to)| (quoted(&from), quoted(&to.unwrap_or("seq".into())))).collect(),
            texts: columns.into_iter().filter(|(_, kind)| text(kind)).map(|(column, _)| quoted(&column)).collect(),
            own,
            name: quoted(&name),
        });
    }
    Ok(tables)
}

impl Table {
    fn sweep(&self, transaction: &Transaction<'_>, id: &str, account: Option<i64>, names: &[Vec<u8>]) -> Result<()> {
        let Self { name, refers, texts, own } = self;
        for (from, to) in refers {
            let sql = format!("DELETE FROM {name} WHERE {from} = (SELECT {to} FROM records WHERE id = ?1)");
            transaction.prepare_cached(&sql)?.execute([id])?;
        }
        // What refers to a record names it there.
        if !refers.is_empty() || texts.is_empty() {
            return Ok(());
        }
        let any: Vec<String> = texts.iter().map(|t| format!("instr(CAST({t} AS BLOB), ?2) > 0")).collect();
        let (any, names) = (any.join(" OR "), if own.is_some() { names } else { &names[..names.len().min(1)] });
        // A page that is still to be captured is of no record yet, whatever its address is.
        let open =
            if name == "\"capture_queue\"" { " AND (state IN ('done', 'failed') OR record IS NOT NULL)" } else { "" };
        let sql = format!("DELETE FROM {name} WHERE {} AND ({any}){open}", own.as_deref().unwrap_or("?1 IS ?1"));
        for found in names {
            transaction.prepare_cached(&sql)?.execute(params![account, found])?;
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
        assert_eq!(store.erasures(true).unwrap(), std::slice::from_ref(&line));
        assert!(store.scrub(&path).unwrap() && store.end_erasures(std::slice::from_ref(&line)).unwrap());
        assert_eq!(store.erasures(true).unwrap().len(), 1, "its file is still there");
        store.files_gone(OWNER_ACCOUNT, &[[1; 32]]).unwrap();
        assert!(store.scrub(&path).unwrap() && store.end_erasures(&[line]).unwrap());
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
        store.insert(&[one.clone(), two.clone()]).unwrap();
        let hex = evidence::hex::encode(&[1; 32]);
        store.begin_once(OWNER_ACCOUNT, "key", &[0; 32], 1).unwrap();
        store.end_once(OWNER_ACCOUNT, "key", Some(&hex)).unwrap();
        let answers =
            || store.lock().query_row("SELECT count(*) FROM idempotency", [], |r| r.get::<_, i64>(0)).unwrap();
        store.erase(&[one.record.id], &erasing(1)).unwrap();
        assert_eq!(answers(), 1);
        store.erase(&[two.record.id], &erasing(1)).unwrap();
        assert_eq!(answers(), 0);
    }

    fn erasing(account: i64) -> Act {
        Act { at: 1, account, sign_in: None, via: "x".into(), act: "erase", subject: String::new() }
    }

    /// Accounts 2 and 3 are merchants', with a person of the same number each.
    fn two_merchants() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("q.db")).unwrap();
        let rows = "INSERT INTO accounts(id, state, created_at) VALUES (2, 'open', 1), (3, 'open', 1);
                    INSERT INTO merchants(account, key, party) VALUES (2, x'07', x'08'), (3, x'07', x'08');
                    INSERT INTO sign_ins(id, account, login, name, password, created_at)
                    VALUES (2, 2, 'two', 'two', 'p', 1), (3, 3, 'three', 'three', 'p', 1)";
        store.lock().execute_batch(rows).unwrap();
        (dir, store)
    }

    /// A record of an account's, without what opens it.
    fn bare(store: &Store, n: u8, account: i64) -> String {
        let id = record(n, "").record.id;
        let sql =
            "INSERT INTO records(id, kind, file_name, sha256, received_at, record, record_digest, disclosures, account)
                   VALUES (?1, 'digest', 'a', ?3, 1, x'01', ?4, x'', ?2)";
        store.lock().execute(sql, params![id, account, [9u8; 32], [n; 32]]).unwrap();
        id
    }

    #[test]
    fn what_another_account_wrote_of_a_record_stays_and_stops_nothing() {
        let (_dir, store) = two_merchants();
        let (mine, theirs) = (bare(&store, 1, 2), bare(&store, 2, 3));
        let hex = evidence::hex::encode(&[9; 32]);
        // Whatever has words has the victim's number in them, and its file's digest.
        let words = format!(
            "UPDATE merchants SET hold = 'about {mine} {hex}' WHERE account = 3;
             INSERT INTO shops(id, account, platform, name, url, created_at)
             VALUES (1, 3, '{mine}', '{mine}', 'https://x/{mine}/{hex}', 1), (2, 2, '{mine}', '{mine}', '{mine}', 1);
             INSERT INTO shop_records(record, shop) VALUES ('{theirs}', 1), ('{mine}', 2);
             INSERT INTO invitations(digest, name, created_at, expires_at) VALUES (x'01', '{mine}', 1, 2);
             INSERT INTO market_orders(number, account, created_at) VALUES ('{mine}', 3, 1);
             INSERT INTO documents(account, name, media_type, size, bytes, added_at)
             VALUES (3, CAST('{mine}' AS BLOB), '{mine}', 1, CAST('{mine}' AS BLOB), 1);
             INSERT INTO invites(digest, account, sign_in, name, permissions, created_at, expires_at)
             VALUES (x'02', 3, 3, '{mine}', '', 1, 2);
             INSERT INTO hooks(id, account, url, events, secret, seen, created_at)
             VALUES (1, 3, 'https://x/{mine}', '', x'01', 0, 1), (2, 2, 'https://x/{mine}', '', x'01', 0, 1);
             INSERT INTO hook_messages(hook, name, event, subject, body, state, due_at, created_at)
             VALUES (1, 'a', 'e', '{mine}', '{mine}', 'dead', 1, 1), (2, 'b', 'e', '{mine}', '{mine}', 'dead', 1, 1);
             INSERT INTO capture_queue(id, account, sign_in, url, other, phone, state, created_at)
             VALUES (1, 3, 3, 'https://x/{mine}', 0, 0, 'failed', 1), (2, 2, 2, 'https://x/{mine}', 0, 0, 'waiting', 1),
                    (3, 2, 2, 'https://x/{mine}', 0, 0, 'failed', 1);
             INSERT INTO quota_reservations(account, bytes, capture) VALUES (2, 0, 2);
             INSERT INTO idempotency(account, key, request, answer, created_at)
             VALUES (3, 'a', x'01', '{mine} {hex}', 1), (2, 'b', x'01', '{mine}', 1);
             INSERT INTO wishes(account, sign_in, permission, place, words, state, created_at)
             VALUES (3, 3, 'view', '{mine}', '{mine}', 'open', 1), (2, 2, 'view', '{mine}', '{mine}', 'open', 1)"
        );
        store.lock().execute_batch(&words).unwrap();
        store.erase(std::slice::from_ref(&mine), &erasing(2)).unwrap();
        let count = |rows: &str| {
            store.lock().query_row(&format!("SELECT count(*) FROM {rows}"), [], |r| r.get::<_, i64>(0)).unwrap()
        };
        for (rows, stay) in [
            ("merchants", 2),
            ("shops", 2),
            ("shop_records", 1),
            ("invitations", 1),
            ("market_orders", 1),
            ("documents", 1),
            ("invites", 1),
            ("hooks", 2),
            ("hook_messages WHERE hook = 1", 1),
            ("hook_messages WHERE hook = 2", 0),
            ("capture_queue WHERE id < 3", 2),
            ("capture_queue WHERE id = 3", 0),
            ("idempotency WHERE account = 3", 1),
            ("idempotency WHERE account = 2", 0),
            ("wishes WHERE account = 3", 1),
            ("wishes WHERE account = 2", 0),
        ] {
            assert_eq!(count(rows), stay, "{rows}");
        }
        assert!(store.account_of(&mine).unwrap().is_none());
    }

    #[test]
    fn a_legal_hold_is_looked_at_where_the_rows_go() {
        let (_dir, store) = two_merchants();
        let (held, free) = (bare(&store, 1, 2), bare(&store, 2, 3));
        store.lock().execute("UPDATE merchants SET hold = 'court' WHERE account = 2", []).unwrap();
        let both = [free.clone(), held.clone()];
        assert!(matches!(store.erase(&both, &erasing(3)), Err(Error::Held)));
        assert!(matches!(store.note_discarded("discarded", "then", &held, 1), Err(Error::Held)));
        assert_eq!(store.meta("discarded").unwrap(), None);
        for id in &both {
            assert!(store.account_of(id).unwrap().is_some() && store.erased(id).unwrap().is_none(), "all or nothing");
        }
        store.note_discarded("discarded", "then", &free, 1).unwrap();
        store.erase(&[free], &erasing(3)).unwrap();
    }

    /// Of a new table: does a row of it tell of one record, or of its content? Then it is swept, and named here. Else it
    /// belongs to `APART`, and is not even read.
    #[test]
    fn every_table_is_swept_or_apart() {
        const SWEPT: [&str; 15] = [
            "attested_paths",
            "capture_queue",
            "hook_messages",
            "idempotency",
            "licence_links",
            "meta",
            "renewals",
            "reviews",
            "seen",
            "shares",
            "shelf",
            "shop_records",
            "tokens",
            "uploads",
            "wishes",
        ];
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("q.db")).unwrap();
        let connection = store.lock();
        let sql =
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'";
        let mut all = connection.prepare(sql).unwrap();
        let all = all.query_map([], |row| row.get::<_, String>(0)).unwrap().collect::<rusqlite::Result<Vec<_>>>();
        for name in all.unwrap() {
            let (apart, swept) = (APART.contains(&&*name), SWEPT.contains(&&*name));
            assert!(apart != swept, "{name}: swept or apart?");
        }
        let found = tables(&connection).unwrap();
        for name in SWEPT {
            let table = found.iter().find(|t| t.name == quoted(name)).unwrap();
            assert_eq!(table.own.is_none() && table.refers.is_empty(), SHARED.contains(&name), "{name}: whose rows?");
        }
    }
}
