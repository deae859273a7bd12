//! A collection: one record, and later one certificate, for many registered pictures (spec/collection.md).
//!
//! Rules:
//! - What is listed is on the ledger already; the list is made from the stored records, never from what is asked.
//! - The same list again is the same collection, unless it gets another title.
//! - The evidence of each picture is gathered at export, under the collection's own checkpoint.

use crate::{Account, Error, Folder, Result, erase, folder::ledger_error, intake, letters, prove::disclosed};
use archive::items::{self, Item};
use evidence::{
    collection::{Line, MAX_LINES, Manifest},
    digest::FileDigests,
    disclosure, hex,
    json::Value,
    statement::{Clock, Custody, File, Kind},
    time::Utc,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};
use store::{OWNER_ACCOUNT, Record as Row};

/// Which records.
#[derive(Clone, Debug)]
pub enum Pick {
    /// These, by number.
    Ids(Vec<String>),
    /// Received at this instant or later, by the platform's own clock.
    Since(Utc),
    /// The newest so many.
    Last(usize),
    /// Every one.
    All,
}

/// One `collect`.
#[derive(Clone, Debug)]
pub struct CollectRequest {
    /// Which records.
    pub pick: Pick,
    /// The collection's name.
    pub title: Option<String>,
    /// More than a list may have becomes several collections.
    pub split: bool,
}

/// A line of `collect`; also the keys of `--json`.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct CollectLine {
    /// The collection's record number.
    pub id: Option<String>,
    /// Pictures on its list.
    pub items: Option<u64>,
    /// Lowest leaf index on the list.
    pub first: Option<u64>,
    /// Highest.
    pub last: Option<u64>,
    /// Of `manifest.jsonl`, hex.
    pub sha256: Option<String>,
    /// `new`, `existing`, `pending`.
    pub status: String,
    /// Leaf index.
    pub index: Option<u64>,
    /// Record digest, hex.
    pub record_sha256: Option<String>,
    /// Why it failed.
    pub error: Option<Error>,
}

impl Folder {
    /// Lists, records, waits a moment for the seal. A line for each collection.
    pub fn collect(&mut self, request: &CollectRequest) -> Result<Vec<CollectLine>> {
        self.collect_beside(request)
    }

    /// The same, beside others of this process.
    pub(crate) fn collect_beside(&self, request: &CollectRequest) -> Result<Vec<CollectLine>> {
        self.writer()?;
        if let Some(title) = &request.title {
            letters::check(title, "合集名称", "the collection's title")?;
        }
        let rows = self.picked(&request.pick)?;
        let parts = rows.len().div_ceil(MAX_LINES);
        if parts > 1 && !request.split {
            let n = rows.len();
            return Err(Error::new(
                format!("选中 {n} 条记录，一份合集最多 {MAX_LINES} 条；加 --split 分成 {parts} 份"),
                format!("{n} records are chosen, a collection has at most {MAX_LINES}; --split makes {parts} of them"),
            ));
        }
        let mut lines = Vec::new();
        for (n, part) in (1..).zip(rows.chunks(MAX_LINES)) {
            let title = match &request.title {
                Some(title) if parts > 1 => Some(format!("{title} {n}/{parts}")),
                other => other.clone(),
            };
            lines.push(self.collected(part, title)?);
        }
        let last = lines.iter().filter_map(|l| l.index).max();
        if let Some(last) = last {
            let seal =
                self.writer()?.ledger.wait_final(last, crate::deposit::SEAL_WAIT).map_err(|e| ledger_error(&e))?;
            let sealed = seal.map_or(0, |s| s.size);
            for line in lines.iter_mut().filter(|l| l.index.is_some_and(|i| i >= sealed)) {
                line.status = "pending".into();
            }
        }
        Ok(lines)
    }

    /// The chosen records, ascending by index, each once.
    fn picked(&self, pick: &Pick) -> Result<Vec<Row>> {
        let listable = |r: &Row| matches!(r.kind.as_str(), "image" | "file" | "digest");
        let mut rows: Vec<Row> = match pick {
            Pick::Ids(ids) => {
                let ids: BTreeSet<&String> = ids.iter().collect();
                let rows = ids.into_iter().map(|id| self.stored(id)).collect::<Result<Vec<_>>>()?;
                if let Some(other) = rows.iter().find(|r| !listable(r)) {
                    let (id, kind) = (&other.id, &other.kind);
                    return Err(Error::new(
                        format!("{id} 的种类是 {kind}；合集只收图片、文件和摘要的记录"),
                        format!("{id} is of kind {kind}; a collection lists records of pictures, files and digests"),
                    ));
                }
                if let Some(other) = rows.iter().find(|r| r.account != rows[0].account) {
                    let id = &other.id;
                    return Err(Error::new(
                        format!("{id} 属于另一个账户；一份合集只收一个账户的记录"),
                        format!("{id} is of another account; a collection lists the records of one"),
                    ));
                }
                if let Some(open) = rows.iter().find(|r| r.index.is_none()) {
                    return Err(Error::incomplete(
                        format!("{}：尚未写入账本；请稍后重试", open.id),
                        format!("{}: not on the ledger yet; try again later", open.id),
                    ));
                }
                rows
            }
            _ => {
                let own = self.store.account_records(OWNER_ACCOUNT)?;
                own.into_iter().filter(|r| listable(r) && r.index.is_some()).collect()
            }
        };
        rows.sort_by_key(|r| r.index);
        match pick {
            Pick::Since(at) => rows.retain(|r| r.received_at >= at.0),
            Pick::Last(n) => drop(rows.drain(..rows.len().saturating_sub(*n))),
            Pick::Ids(_) | Pick::All => {}
        }
        if rows.is_empty() {
            return Err(Error::new(
                "没有选中任何记录；用 quezao list 查看全部",
                "no record is chosen; quezao list shows them all",
            ));
        }
        Ok(rows)
    }

    /// The list among the kept files, and its record on the ledger, unless both are there.
    fn collected(&self, rows: &[Row], title: Option<String>) -> Result<CollectLine> {
        let manifest = Manifest::new(rows.iter().map(line).collect::<Result<_>>()?)?;
        let bytes = manifest.to_bytes()?;
        let digests = FileDigests::of(&bytes);
        let claim = title.map_or(Value::Null, Value::from);
        let account = rows.first().map_or(Account::default(), |row| Account(row.account));
        for earlier in self.store.own_by_sha256(account.0, &digests.sha256)? {
            let disclosed = disclosure::parse_set(&earlier.disclosures)?;
            let same = disclosed.iter().any(|d| d.name() == "title" && (claim.is_null() || *d.value() == claim));
            if same && earlier.kind == Kind::Collection.as_str() && earlier.sm3 == Some(digests.sm3) {
                return Ok(answer(&earlier, &manifest, crate::register::known(&earlier)));
            }
        }
        let _keeping = self.keeping(account.0);
        let mut copy = intake::Copy::begin(&self.dir.join("originals"))?;
        copy.write(&bytes)?;
        copy.finish(&digests)?;
        let name = claim.as_str().unwrap_or("manifest.jsonl").to_owned();
        let mut claims: BTreeMap<&str, Value> = self.claims_of(account.0)?;
        claims.insert("title", claim);
        let file = File { digests, media_type: "application/jsonl".into(), custody: Custody::Held };
        let row = self.record(account, Kind::Collection, Some(file), claims, &name, Clock::Unchecked)?;
        Ok(answer(&row, &manifest, "new"))
    }

    /// `manifest.jsonl` and `items.zip` of a collection. `proof` is one under its checkpoint, `token` sees each token
    /// that travels along.
    pub(crate) fn listed(
        &self,
        record: &Row,
        full: bool,
        proof: &dyn Fn(u64) -> Result<Vec<u8>>,
        token: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<Vec<(String, Vec<u8>)>> {
        self.held(record)?;
        let path = intake::original_path(&self.dir.join("originals"), &record.sha256.unwrap_or_default());
        let bytes = fs::read(&path).map_err(|e| Error::io(&path, &e))?;
        let mut gathered = Vec::new();
        for line in Manifest::parse(&bytes)?.lines() {
            if let Some(gone) = self.store.erased(&line.id)? {
                return Err(erase::listed(&record.id, &gone));
            }
            let row = self.store.at_index(line.index)?.filter(|row| row.record_digest == line.record_sha256);
            let row = row.ok_or_else(|| {
                Error::new(
                    format!("数据库缺少清单所列的记录 {}；请从备份恢复", line.id),
                    format!("the database lacks record {}, which the list names; restore a backup", line.id),
                )
            })?;
            let tokens = self.store.tokens(&row.id)?;
            tokens.iter().try_for_each(|tsr| token(tsr))?;
            gathered.push(Item {
                id: row.id,
                proof: proof(line.index)?,
                disclosure: disclosed(&row.disclosures, full)?,
                record: row.record,
                tokens,
            });
        }
        Ok(vec![("manifest.jsonl".into(), bytes), ("items.zip".into(), items::write(&gathered)?)])
    }
}

fn line(row: &Row) -> Result<Line> {
    let (Some(index), Some(sha256), Some(sm3), Some(size)) = (row.index, row.sha256, row.sm3, row.size) else {
        return Err(Error::new(format!("{}：记录没有文件", row.id), format!("{}: the record has no file", row.id)));
    };
    let digests = FileDigests { sha256, sm3, size };
    Ok(Line { id: row.id.clone(), index, record_sha256: row.record_digest, digests })
}

fn answer(row: &Row, manifest: &Manifest, status: &str) -> CollectLine {
    CollectLine {
        id: Some(row.id.clone()),
        items: Some(manifest.lines().len() as u64),
        first: manifest.lines().first().map(|l| l.index),
        last: manifest.lines().last().map(|l| l.index),
        sha256: row.sha256.map(|d| hex::encode(&d)),
        status: status.into(),
        index: row.index,
        record_sha256: row.digest_hex(),
        error: None,
    }
}
