//! The library: records by account, newest first, found by title, name, number, digest or day.

use crate::{Result, Store, shops::list};
use rusqlite::{OptionalExtension, Row, ToSql, params};

/// A record that has no title on the shelf yet.
#[derive(Clone, Debug)]
pub struct Unshelved {
    /// Its place.
    pub seq: i64,
    /// Its number.
    pub id: String,
    /// As shown to the owner.
    pub file_name: String,
    /// A `disclosure.json`.
    pub disclosures: Vec<u8>,
}

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Whose.
    pub account: i64,
    /// Only what was made for one of these shops.
    pub shops: Option<Vec<i64>>,
    /// Kinds; none is all but leaf 0, orders and origins.
    pub kinds: Vec<String>,
    /// Part of title, name, number, or digest in hex.
    pub text: Option<String>,
    /// From here on, before there; UTC microseconds.
    pub days: Option<(i64, i64)>,
    /// Only those that this many sealed leaves do not cover.
    pub unsealed_from: Option<u64>,
    /// Only those that this many sealed leaves cover.
    pub sealed_below: Option<u64>,
    /// Only captures that ended so.
    pub outcome: Option<String>,
    /// Only what was recorded before this place: where the last page ended.
    pub before: Option<i64>,
    /// At most.
    pub limit: u32,
    /// Passed over.
    pub offset: u64,
}

/// A record on the shelf.
#[derive(Clone, Debug)]
pub struct Shelved {
    /// Its place.
    pub seq: i64,
    /// Record number.
    pub id: String,
    /// Statement's kind.
    pub kind: String,
    /// Claimed title, else the name.
    pub title: String,
    /// As shown to the owner.
    pub file_name: String,
    /// UTC microseconds.
    pub received_at: i64,
    /// Bytes.
    pub size: Option<u64>,
    /// Its leaf's index.
    pub index: Option<u64>,
    /// A capture's.
    pub outcome: Option<String>,
    /// The file's, where there is one.
    pub sha256: Option<[u8; 32]>,
    /// The file's, where there is one.
    pub sm3: Option<[u8; 32]>,
    /// SHA-256 of `record.json`.
    pub record_digest: [u8; 32],
}

/// What [`shelved`] reads.
const SHELVED: &str = "r.seq, r.id, r.kind, s.title, r.file_name, r.received_at, r.size, r.leaf, s.outcome, r.sha256, \
                       r.sm3, r.record_digest";

/// Both indices of layout 20 are in the order of an account's records: a list is a walk along the two.
const LISTED: &str = "FROM records r INDEXED BY records_listed
                      CROSS JOIN shelf s INDEXED BY shelf_listed ON s.account = r.account AND s.seq = r.seq";

/// What a record's disclosures claim as its title, else its name; and how a capture ended.
pub fn titled(disclosures: &[u8], file_name: &str) -> (String, Option<String>) {
    let claims = evidence::disclosure::parse_set(disclosures).unwrap_or_default();
    let claim = |name: &str| {
        let found = claims.iter().find(|d| d.name() == name)?;
        found.value().as_str().map(str::to_owned)
    };
    (claim("title").or_else(|| claim("page_title")).unwrap_or_else(|| file_name.to_owned()), claim("outcome"))
}

impl Store {
    /// Some of the records that are not on the shelf yet, oldest first.
    pub fn unshelved(&self) -> Result<Vec<Unshelved>> {
        let connection = self.look();
        let mut statement = connection.prepare_cached(
            "SELECT seq, id, file_name, disclosures, account,
                    (SELECT key FROM merchants WHERE merchants.account = records.account) FROM records
             WHERE seq > (SELECT coalesce(max(seq), 0) FROM shelf) ORDER BY seq LIMIT 500",
        )?;
        let rows = statement.query_map([], |row| {
            let disclosures = row.get(3)?;
            let found = Unshelved { seq: row.get(0)?, id: row.get(1)?, file_name: row.get(2)?, disclosures };
            Ok((found, row.get(4)?, row.get::<_, Option<Vec<u8>>>(5)?))
        })?;
        let all = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        // Nobody waits for what is being opened.
        drop(statement);
        drop(connection);
        let opened = all.into_iter().map(|(found, account, key): (Unshelved, i64, _)| {
            let disclosures = self.opened(key.as_deref(), account, &found.id, found.disclosures)?;
            Ok(Unshelved { disclosures, ..found })
        });
        opened.collect()
    }

    /// Puts them there: place, title, a capture's outcome.
    pub fn shelve(&self, titled: &[(i64, String, Option<String>)]) -> Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        {
            let sql = "INSERT INTO shelf(seq, title, outcome, account)
                       SELECT seq, ?2, ?3, account FROM records WHERE seq = ?1 ON CONFLICT(seq) DO NOTHING";
            let mut insert = transaction.prepare_cached(sql)?;
            for (seq, title, outcome) in titled {
                insert.execute(params![seq, title, outcome])?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// What is wanted, newest first, and how many there are in all; behind a place (`before`) nobody counts.
    pub fn shelf(&self, wanted: &Wanted) -> Result<(Vec<Shelved>, u64)> {
        let (condition, values) = condition(wanted);
        let values: Vec<&dyn ToSql> = values.iter().map(|v| v.as_ref()).collect();
        let connection = self.look();
        // Texts are looked at once: what is found is counted and its page read by place.
        if wanted.before.is_none() && (wanted.text.is_some() || wanted.outcome.is_some()) {
            let mut walk =
                connection.prepare_cached(&format!("SELECT r.seq {LISTED} WHERE {condition} ORDER BY r.seq DESC"))?;
            let places = walk.query_map(values.as_slice(), |row| row.get(0))?;
            let places = places.collect::<rusqlite::Result<Vec<i64>>>()?;
            let sql = format!("SELECT {SHELVED} {LISTED} WHERE r.account = ?1 AND r.seq = ?2");
            let mut one = connection.prepare_cached(&sql)?;
            let page = places.iter().skip(usize::try_from(wanted.offset).unwrap_or(usize::MAX));
            let page = page.take(wanted.limit as usize).map(|seq| one.query_row(params![wanted.account, seq], shelved));
            return Ok((page.collect::<rusqlite::Result<_>>()?, places.len() as u64));
        }
        let count = format!("SELECT count(*) FROM records r INDEXED BY records_listed WHERE {condition}");
        let total = match wanted.before {
            Some(_) => 0,
            None => connection.prepare_cached(&count)?.query_row(values.as_slice(), |row| row.get(0))?,
        };
        let sql = format!(
            "SELECT {SHELVED} {LISTED} WHERE {condition}
             ORDER BY r.seq DESC LIMIT {} OFFSET {}",
            wanted.limit, wanted.offset
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(values.as_slice(), shelved)?;
        Ok((rows.collect::<rusqlite::Result<_>>()?, total))
    }

    /// One of an account's.
    pub fn shelved(&self, account: i64, id: &str) -> Result<Option<Shelved>> {
        let sql =
            format!("SELECT {SHELVED} FROM records r JOIN shelf s ON s.seq = r.seq WHERE r.account = ?1 AND r.id = ?2");
        Ok(self.look().query_row(&sql, params![account, id], shelved).optional()?)
    }

    /// How many records of each kind an account has, or of them were made for these shops.
    pub fn kinds(&self, account: i64, shops: Option<&[i64]>) -> Result<Vec<(String, u64)>> {
        let connection = self.look();
        let sql = match shops {
            None => "SELECT kind, n FROM record_counts WHERE account = ?1 AND n > 0".to_owned(),
            Some(shops) => format!(
                "SELECT r.kind, count(*) FROM records r WHERE r.account = ?1 AND {} GROUP BY r.kind",
                for_shops(shops)
            ),
        };
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map([account], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

fn for_shops(shops: &[i64]) -> String {
    format!("r.id IN (SELECT record FROM shop_records WHERE shop IN ({}))", list(shops))
}

fn condition(wanted: &Wanted) -> (String, Vec<Box<dyn ToSql>>) {
    let mut sql = vec!["r.account = ?1".to_owned()];
    let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(wanted.account)];
    let mut value = |v: Box<dyn ToSql>| {
        values.push(v);
        values.len()
    };
    if let Some(shops) = &wanted.shops {
        sql.push(for_shops(shops));
    }
    if wanted.kinds.is_empty() {
        sql.push("r.kind NOT IN ('operator', 'order', 'origin')".into());
    } else {
        let places: Vec<String> = wanted.kinds.iter().map(|k| format!("?{}", value(Box::new(k.clone())))).collect();
        sql.push(format!("r.kind IN ({})", places.join(", ")));
    }
    if let Some(text) = &wanted.text {
        let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        let n = value(Box::new(format!("%{escaped}%")));
        let like = |what: &str| format!("{what} LIKE ?{n} ESCAPE '\\'");
        let mut any = vec![like("s.title"), like("r.file_name"), like("r.id")];
        if text.len() >= 8 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            any.extend(["hex(r.sha256)", "hex(r.sm3)", "hex(r.record_digest)"].map(like));
        }
        sql.push(format!("({})", any.join(" OR ")));
    }
    if let Some((from, before)) = wanted.days {
        let (from, before) = (value(Box::new(from)), value(Box::new(before)));
        sql.push(format!("r.received_at >= ?{from} AND r.received_at < ?{before}"));
    }
    if let Some(size) = wanted.unsealed_from {
        sql.push(format!("(r.leaf IS NULL OR r.leaf >= ?{})", value(Box::new(size))));
    }
    if let Some(size) = wanted.sealed_below {
        sql.push(format!("r.leaf < ?{}", value(Box::new(size))));
    }
    if let Some(outcome) = &wanted.outcome {
        sql.push(format!("s.outcome = ?{}", value(Box::new(outcome.clone()))));
    }
    if let Some(seq) = wanted.before {
        sql.push(format!("r.seq < ?{}", value(Box::new(seq))));
    }
    (sql.join(" AND "), values)
}

fn shelved(row: &Row<'_>) -> rusqlite::Result<Shelved> {
    Ok(Shelved {
        seq: row.get(0)?,
        id: row.get(1)?,
        kind: row.get(2)?,
        title: row.get(3)?,
        file_name: row.get(4)?,
        received_at: row.get(5)?,
        size: row.get(6)?,
        index: row.get(7)?,
        outcome: row.get(8)?,
        sha256: row.get(9)?,
        sm3: row.get(10)?,
        record_digest: row.get(11)?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{NewRecord, OWNER_ACCOUNT, Record};

    fn record(n: u8, kind: &str, name: &str) -> NewRecord {
        let record = Record {
            id: format!("id-{n}"),
            account: OWNER_ACCOUNT,
            kind: kind.into(),
            file_name: name.into(),
            sha256: Some([n; 32]),
            sm3: None,
            size: Some(1),
            received_at: i64::from(n),
            record: vec![n],
            record_digest: [n; 32],
            disclosures: vec![],
            index: Some(u64::from(n)),
            ..Record::default()
        };
        NewRecord { record, tokens: vec![] }
    }

    #[test]
    fn records_are_found_by_what_people_know_of_them() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("q.db")).unwrap();
        let all = [
            record(0, "operator", ""),
            record(0xab, "image", "a_b.jpg"),
            record(2, "image", "100%.jpg"),
            record(3, "capture", "https://example.cn"),
        ];
        store.insert(&all).unwrap();
        store.set_index(&[([0xab; 32], 1)]).unwrap();
        assert!(store.unshelved().unwrap().is_empty(), "a new record stands there at once");
        // As a folder of an earlier layout had them.
        store.lock().execute("DELETE FROM shelf", []).unwrap();
        store.insert(&[record(4, "order", "later")]).unwrap();
        let titled = store.unshelved().unwrap();
        assert_eq!(titled.len(), 5, "what comes later does not hide what was there");
        let titled: Vec<_> = titled.into_iter().map(|u| (u.seq, format!("画 {}", u.id), None)).collect();
        store.shelve(&titled).unwrap();
        assert!(store.unshelved().unwrap().is_empty());
        let found = |text: &str, kinds: &[&str]| {
            let kinds = kinds.iter().map(|k| (*k).to_owned()).collect();
            let text = Some(text.to_owned()).filter(|t| !t.is_empty());
            let wanted = Wanted { account: OWNER_ACCOUNT, kinds, text, limit: 9, ..Wanted::default() };
            store.shelf(&wanted).unwrap().0.into_iter().map(|s| s.id).collect::<Vec<_>>()
        };
        assert_eq!(found("", &[]), ["id-3", "id-2", "id-171"]);
        assert_eq!(found("100%", &[]), ["id-2"]);
        assert_eq!(found("%", &[]), ["id-2"]);
        assert_eq!(found("a_b", &[]), ["id-171"]);
        assert_eq!(found("画 id-3", &[]), ["id-3"]);
        assert_eq!(found("abababab", &[]), ["id-171"]);
        assert_eq!(found("", &["capture"]), ["id-3"]);
        let mut wanted = Wanted { account: OWNER_ACCOUNT, unsealed_from: Some(3), limit: 9, ..Wanted::default() };
        assert_eq!(store.shelf(&wanted).unwrap().1, 2);
        wanted.days = Some((3, 4));
        assert_eq!(store.shelf(&wanted).unwrap().1, 1);
        let newest = store.shelf(&Wanted { limit: 1, account: OWNER_ACCOUNT, ..Wanted::default() }).unwrap().0;
        let older = Wanted { before: Some(newest[0].seq), limit: 9, account: OWNER_ACCOUNT, ..Wanted::default() };
        assert_eq!(store.shelf(&older).unwrap().0.first().map(|s| s.id.as_str()), Some("id-2"));
        let sealed = Wanted { sealed_below: Some(2), limit: 9, account: OWNER_ACCOUNT, ..Wanted::default() };
        assert_eq!(store.shelf(&sealed).unwrap().1, 1);
        assert!(store.shelved(OWNER_ACCOUNT, "id-2").unwrap().is_some() && store.shelved(2, "id-2").unwrap().is_none());
        wanted.account = 2;
        assert_eq!(store.shelf(&wanted).unwrap().1, 0, "another account sees nothing");
        assert_eq!(store.kinds(2, None).unwrap(), []);
    }
}
