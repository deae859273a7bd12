//! Records: written before the ledger is asked, completed with their index when it has answered.

use crate::{Act, Charge, Result, Store, accounts, captures, quota, shelf::titled, shops::list};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

/// A record: committed before it has an index, completed with it.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Record number.
    pub id: String,
    /// Whose it is.
    pub account: i64,
    /// Statement's kind.
    pub kind: String,
    /// As shown to the owner.
    pub file_name: String,
    /// The file's SHA-256, where there is a file.
    pub sha256: Option<[u8; 32]>,
    /// The file's SM3.
    pub sm3: Option<[u8; 32]>,
    /// The file's bytes.
    pub size: Option<u64>,
    /// UTC microseconds.
    pub received_at: i64,
    /// Exact bytes of `record.json`.
    pub record: Vec<u8>,
    /// SHA-256 of them.
    pub record_digest: [u8; 32],
    /// Every disclosure, as a `disclosure.json`.
    pub disclosures: Vec<u8>,
    /// Its leaf's index, once the ledger has answered.
    pub index: Option<u64>,
    /// Whose quota pays for it, in the transaction that writes the row; never read back.
    pub charge: Option<Charge>,
    /// The page of the queue of which this is the order or the capture; it pays for the capture likewise. Never read back.
    pub page: Option<i64>,
}

impl Record {
    /// Its digest as it is shown. A statement that still waits for a token from outside is no record, and has none.
    pub fn digest_hex(&self) -> Option<String> {
        (!self.record.is_empty()).then(|| evidence::hex::encode(&self.record_digest))
    }
}

/// A record that is about to be submitted to the ledger, with its tokens `timestamp-1.tsr` ….
#[derive(Clone, Debug)]
pub struct NewRecord {
    /// Without an index yet.
    pub record: Record,
    /// In order.
    pub tokens: Vec<Vec<u8>>,
}

/// What a record or a waiting statement says of a file.
#[derive(Clone, Debug)]
pub struct OfFile {
    /// Record number.
    pub id: String,
    /// Whose it is.
    pub account: i64,
    /// Exact bytes of `record.json`, or of `statement.json` while it waits.
    pub said: Vec<u8>,
    /// Whether it is a record.
    pub stamped: bool,
    /// Whether its bytes were dropped.
    pub discarded: bool,
}

const COLUMNS: &str =
    "id, kind, file_name, sha256, sm3, size, received_at, record, record_digest, disclosures, leaf, account,
     (SELECT key FROM merchants WHERE merchants.account = records.account) FROM records";

/// Numbers of the rows of which some digest is `?1`: a part is asked for each 2^19 records (layout 21).
pub(crate) const OF_DIGEST: &str =
    "WITH RECURSIVE parts(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM parts WHERE n < (SELECT max(seq) >> 19 FROM records))
     SELECT d.seq FROM parts CROSS JOIN digests d WHERE d.part = parts.n AND d.digest = ?1";

impl Store {
    /// Commits a batch durably: all of it or nothing.
    pub fn insert(&self, batch: &[NewRecord]) -> Result<()> {
        self.insert_noted(batch, [])
    }

    /// The same, with the lines of the audit log that tell of them.
    pub fn insert_noted<'r>(
        &self,
        batch: impl IntoIterator<Item = &'r NewRecord>,
        acts: impl IntoIterator<Item = &'r Act>,
    ) -> Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        insert(self, &transaction, batch)?;
        for act in acts {
            accounts::note(&transaction, act)?;
        }
        Ok(transaction.commit()?)
    }

    /// Notes the indices that the ledger gave, by record digest. Not synced by itself: the ledger has them, and tells
    /// them again after a crash.
    pub fn set_index(&self, placed: &[([u8; 32], u64)]) -> Result<()> {
        let mut connection = self.lock();
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        let noted = set_index(&mut connection, placed);
        connection.pragma_update(None, "synchronous", "FULL")?;
        noted
    }

    /// All records, oldest first.
    pub fn records(&self) -> Result<Vec<Record>> {
        self.select("ORDER BY seq", [])
    }

    /// Records of an account behind the one with this number (empty: from the first), oldest first, without leaf 0; only
    /// what was made for these shops, where some are named.
    pub fn records_after(&self, account: i64, after: &str, limit: u32, shops: Option<&[i64]>) -> Result<Vec<Record>> {
        let only = shops.map_or_else(
            || "1".to_owned(),
            |shops| format!("id IN (SELECT record FROM shop_records WHERE shop IN ({}))", list(shops)),
        );
        let rest = format!(
            "WHERE account = ?1 AND kind <> 'operator' AND {only}
             AND seq > coalesce((SELECT seq FROM records WHERE id = ?2), 0) ORDER BY seq LIMIT ?3"
        );
        self.select(&rest, params![account, after, limit])
    }

    /// Records that the ledger has not answered for, oldest first.
    pub fn unplaced(&self) -> Result<Vec<Record>> {
        self.select("WHERE leaf IS NULL ORDER BY seq", [])
    }

    /// Records of a file with this SHA-256, whosever they are, oldest first.
    pub fn by_sha256(&self, sha256: &[u8; 32]) -> Result<Vec<Record>> {
        self.select(&format!("WHERE seq IN ({OF_DIGEST}) AND sha256 = ?1 ORDER BY seq"), [sha256])
    }

    /// An account's records of a file with this SHA-256, oldest first.
    pub fn own_by_sha256(&self, account: i64, sha256: &[u8; 32]) -> Result<Vec<Record>> {
        // The plus keeps the planner from walking the whole account.
        let rest = format!("WHERE seq IN ({OF_DIGEST}) AND sha256 = ?1 AND +account = ?2 ORDER BY seq");
        self.select(&rest, params![sha256, account])
    }

    /// What records and waiting statements of a file with this SHA-256 say of it, whosever they are.
    pub fn of_file(&self, sha256: &[u8; 32]) -> Result<Vec<OfFile>> {
        // In one statement: what waits may become a record between two.
        let sql = format!(
            "SELECT id, account, record, 1, EXISTS (SELECT 1 FROM meta WHERE key = 'discarded ' || id) FROM records
             WHERE seq IN ({OF_DIGEST}) AND sha256 = ?1
             UNION ALL SELECT id, account, statement, 0, 0 FROM waiting WHERE sha256 = ?1"
        );
        let connection = self.lock();
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map([sha256], |row| {
            let (id, account, said) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(OfFile { id, account, said, stamped: row.get(3)?, discarded: row.get(4)? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Records whose file or leaf has this digest, by whichever function, oldest first.
    pub fn by_any_digest(&self, digest: &[u8; 32], limit: u32) -> Result<Vec<Record>> {
        self.select(&format!("WHERE seq IN ({OF_DIGEST}) ORDER BY seq LIMIT ?2"), params![digest, limit])
    }

    /// An account's records of a kind that are shown under this name, oldest first.
    pub fn by_name(&self, account: i64, kind: &str, name: &str) -> Result<Vec<Record>> {
        let rest = format!("WHERE account = ?1 AND kind = ?2 AND file_name = ?3{} ORDER BY seq", named(kind));
        self.select(&rest, params![account, kind, name])
    }

    /// An account's records, oldest first.
    pub fn account_records(&self, account: i64) -> Result<Vec<Record>> {
        self.select("WHERE account = ?1 ORDER BY seq", [account])
    }

    /// An account's records of a kind, oldest first.
    pub fn records_of(&self, account: i64, kind: &str) -> Result<Vec<Record>> {
        self.select(&format!("WHERE account = ?1 AND kind = ?2{} ORDER BY seq", named(kind)), params![account, kind])
    }

    /// How many collections and comparisons of an account's came after this moment.
    pub fn made_since(&self, account: i64, after: i64) -> Result<u64> {
        let sql = format!(
            "SELECT count(*) FROM records WHERE account = ?1 AND kind IN ('collection', 'comparison'){} AND received_at > ?2",
            named("collection")
        );
        Ok(self.look().prepare_cached(&sql)?.query_row(params![account, after], |row| row.get(0))?)
    }

    /// SHA-256 of the files of records of pictures, each once, in the order of their first record.
    pub fn picture_files(&self) -> Result<Vec<[u8; 32]>> {
        let connection = self.lock();
        let sql = "SELECT sha256 FROM records WHERE kind = 'image' GROUP BY sha256 ORDER BY min(seq)";
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Whether there is a record of a picture.
    pub fn has_pictures(&self) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM record_counts WHERE kind = 'image' AND n > 0)";
        Ok(self.look().query_row(sql, [], |row| row.get(0))?)
    }

    /// SHA-256 and bytes of every file that a record or a waiting statement is of, each once.
    pub fn kept_files(&self) -> Result<Vec<([u8; 32], u64)>> {
        let connection = self.lock();
        let sql = "SELECT sha256, max(size) FROM (SELECT sha256, size FROM records UNION ALL SELECT sha256, size FROM waiting)
                   WHERE sha256 IS NOT NULL AND size IS NOT NULL GROUP BY sha256";
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// One record by its number.
    pub fn record(&self, id: &str) -> Result<Option<Record>> {
        Ok(self.select("WHERE id = ?1", [id])?.pop())
    }

    /// One record by its leaf's index.
    pub fn at_index(&self, index: u64) -> Result<Option<Record>> {
        Ok(self.select("WHERE leaf = ?1", [index])?.pop())
    }

    /// Highest index that is known here.
    pub fn last_index(&self) -> Result<Option<u64>> {
        Ok(self.lock().query_row("SELECT max(leaf) FROM records", [], |row| row.get(0)).optional()?.flatten())
    }

    /// The tokens of a record, in order.
    pub fn tokens(&self, id: &str) -> Result<Vec<Vec<u8>>> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached("SELECT tsr FROM tokens WHERE id = ?1 ORDER BY n")?;
        let rows = statement.query_map([id], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn select(&self, rest: &str, args: impl rusqlite::Params) -> Result<Vec<Record>> {
        let connection = self.look();
        let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} {rest}"))?;
        let rows = statement.query_map(args, |row| Ok((read(row)?, row.get::<_, Option<Vec<u8>>>(12)?)))?;
        let found = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        // Nobody waits for what is being opened.
        drop(statement);
        drop(connection);
        found.into_iter().map(|row| self.open_record(row)).collect()
    }

    /// With its disclosures as they are read.
    pub(crate) fn open_record(&self, (mut record, key): (Record, Option<Vec<u8>>)) -> Result<Record> {
        let sealed = std::mem::take(&mut record.disclosures);
        record.disclosures = self.opened(key.as_deref(), record.account, &record.id, sealed)?;
        Ok(record)
    }
}

/// The condition of the index `records_named`, where it holds for this kind.
fn named(kind: &str) -> &'static str {
    match kind {
        "image" | "file" | "digest" => "",
        _ => " AND kind <> 'image' AND kind <> 'file' AND kind <> 'digest'",
    }
}

fn set_index(connection: &mut Connection, placed: &[([u8; 32], u64)]) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        // Left to itself it walks through all that have no leaf.
        let sql = "UPDATE records INDEXED BY records_unplaced SET leaf = ?2 WHERE record_digest = ?1 AND leaf IS NULL";
        let mut update = transaction.prepare_cached(sql)?;
        for (digest, index) in placed {
            update.execute(params![digest, index])?;
        }
    }
    Ok(transaction.commit()?)
}

/// Records and their tokens, in the caller's transaction.
pub(crate) fn insert<'r>(
    store: &Store,
    transaction: &Transaction<'_>,
    batch: impl IntoIterator<Item = &'r NewRecord>,
) -> Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO records(id, kind, file_name, sha256, sm3, size, received_at, record, record_digest, disclosures, account)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    // Its title, unless earlier records still wait for theirs: then it waits with them.
    let mut shelve = transaction.prepare_cached(
        "INSERT INTO shelf(seq, title, outcome, account) SELECT ?1, ?2, ?3, ?4
         WHERE (SELECT coalesce(max(seq), 0) FROM shelf) >= (SELECT coalesce(max(seq), 0) FROM records WHERE seq < ?1)",
    )?;
    let mut token = transaction.prepare_cached("INSERT INTO tokens(id, n, tsr) VALUES (?1, ?2, ?3)")?;
    for NewRecord { record: r, tokens } in batch {
        insert.execute(params![
            r.id,
            r.kind,
            r.file_name,
            r.sha256,
            r.sm3,
            r.size,
            r.received_at,
            r.record,
            r.record_digest,
            store.sealed(transaction, r.account, &r.id, &r.disclosures)?,
            r.account,
        ])?;
        let (title, outcome) = titled(&r.disclosures, &r.file_name);
        shelve.execute(params![transaction.last_insert_rowid(), title, outcome, r.account])?;
        for (n, tsr) in (1i64..).zip(tokens) {
            token.execute(params![r.id, n, tsr])?;
        }
        if let Some(charge) = &r.charge {
            quota::spend(transaction, charge, &r.id, r.received_at)?;
        }
        if let Some(page) = r.page {
            captures::made(transaction, page, r)?;
        }
    }
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Record> {
    Ok(Record {
        id: row.get(0)?,
        kind: row.get(1)?,
        file_name: row.get(2)?,
        sha256: row.get(3)?,
        sm3: row.get(4)?,
        size: row.get(5)?,
        received_at: row.get(6)?,
        record: row.get(7)?,
        record_digest: row.get(8)?,
        disclosures: row.get(9)?,
        index: row.get(10)?,
        account: row.get(11)?,
        charge: None,
        page: None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Act, OWNER_ACCOUNT, migrate};
    use rusqlite::Connection;

    fn digest(n: u8) -> [u8; 32] {
        let mut digest = [7; 32];
        digest[31] = n;
        digest
    }

    fn record(n: u8) -> NewRecord {
        let record = Record {
            id: format!("id-{n}"),
            account: OWNER_ACCOUNT,
            kind: "image".into(),
            file_name: format!("{n}.jpg"),
            sha256: Some(digest(n)),
            sm3: Some(digest(100 + n)),
            size: Some(1),
            received_at: i64::from(n),
            record: vec![n],
            record_digest: digest(200 + n),
            disclosures: b"{}".to_vec(),
            index: None,
            charge: None,
            page: None,
        };
        NewRecord { record, tokens: vec![vec![n]] }
    }

    fn ids(found: Result<Vec<Record>>) -> Vec<String> {
        found.unwrap().into_iter().map(|r| r.id).collect()
    }

    #[test]
    fn a_digest_is_found_in_whichever_part_it_stands_and_no_longer_once_its_record_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("q.db")).unwrap();
        store.insert(&[record(1), record(2)]).unwrap();
        // As many records lie between as a part has.
        let far = "UPDATE records SET seq = (3 << 19) + 5 WHERE id = 'id-2'";
        let deferred = "PRAGMA foreign_keys = OFF; UPDATE digests SET part = 3, seq = (3 << 19) + 5 WHERE seq = 2;
                        UPDATE shelf SET seq = (3 << 19) + 5 WHERE seq = 2;";
        store.lock().execute_batch(&format!("{deferred} {far}; PRAGMA foreign_keys = ON")).unwrap();
        store.insert(&[record(3)]).unwrap();
        for n in 1..=3 {
            let only = [format!("id-{n}")];
            for digest in [digest(n), digest(100 + n), digest(200 + n)] {
                assert_eq!(ids(store.by_any_digest(&digest, 10)), only);
            }
            assert_eq!(ids(store.by_sha256(&digest(n))), only);
            assert_eq!(ids(store.own_by_sha256(OWNER_ACCOUNT, &digest(n))), only);
            assert!(store.own_by_sha256(OWNER_ACCOUNT + 1, &digest(n)).unwrap().is_empty());
            assert_eq!(store.of_file(&digest(n)).unwrap().len(), 1);
            assert!(store.has_file(OWNER_ACCOUNT, &digest(n)).unwrap());
        }
        assert!(store.by_any_digest(&digest(50), 10).unwrap().is_empty(), "of nothing");
        assert!(store.by_sha256(&digest(101)).unwrap().is_empty(), "another function's digest");

        let act = Act {
            at: 9,
            account: OWNER_ACCOUNT,
            sign_in: None,
            via: "session".into(),
            act: "erase",
            subject: String::new(),
        };
        store.erase(&["id-2".into()], &act).unwrap();
        assert!(store.by_any_digest(&digest(202), 10).unwrap().is_empty());
        let left: i64 = store.lock().query_row("SELECT count(*) FROM digests", [], |row| row.get(0)).unwrap();
        assert_eq!(left, 6, "of the two that stay");
    }

    #[test]
    fn records_of_the_layout_before_are_found_by_their_digests() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("q.db");
        let connection = Connection::open(&path).unwrap();
        crate::configure(&connection).unwrap();
        connection.execute_batch(include_str!("schema.sql")).unwrap();
        let before = crate::MIGRATIONS.iter().position(|(to, _)| *to == 21).unwrap();
        migrate(&connection, &path, &crate::MIGRATIONS[..before]).unwrap();
        connection.execute_batch("INSERT INTO meta(key, value) VALUES ('origin', 'here')").unwrap();
        Store::from(connection).insert(&[record(1), record(2)]).unwrap();
        let store = Store::open(&path).unwrap();
        assert_eq!(ids(store.by_any_digest(&digest(102), 10)), ["id-2"]);
        assert_eq!(ids(store.by_sha256(&digest(1))), ["id-1"]);
        assert_eq!(store.tokens("id-2").unwrap(), [[2]]);
        let broken: i64 =
            store.lock().query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0)).unwrap();
        assert_eq!((broken, store.lock().pragma_query_value(None, "foreign_keys", |row| row.get(0)).unwrap()), (0, 1));
        assert_eq!(store.unplaced().unwrap().len(), 2);
        store.set_index(&[(digest(201), 7)]).unwrap();
        assert_eq!(store.at_index(7).unwrap().unwrap().id, "id-1");
    }
}
