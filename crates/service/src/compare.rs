//! A captured page against the owner's registered images, or against an earlier capture: a document and a record of
//! its own, made when the owner asks, and told to nobody.
//!
//! Rules:
//! - What is compared was read again just now and has the recorded digest.
//! - Every registered image is looked at, one by one. What could not be compared is counted, with the reason.
//! - The document holds numbers, never a finding; its form sees to that (spec/comparison.md).

mod again;
mod page;
mod scan;

pub use again::distances_again;

use crate::{Account, Error, Folder, Result, clock, folder::ledger_error, intake, show_path};
use archive::wacz::{self, Wacz};
use evidence::{
    comparison::{Against, Captured, Changes, Comparison, Differences, Scan},
    digest::FileDigests,
    hex,
    json::{Value, json},
    merkle,
    record::Record,
    statement::{Custody, File, Kind, Ref},
};
use page::Content;
use std::{collections::BTreeMap, fs, io::BufReader, path::Path, sync::Mutex};
use store::Record as Row;

/// One `compare`.
#[derive(Clone, Debug, Default)]
pub struct CompareRequest {
    /// The capture's record number.
    pub id: String,
    /// Another capture's; without it the owner's registered images.
    pub with: Option<String>,
}

/// What `compare` gives; also the keys of `--json`.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct CompareLine {
    /// The comparison's record number.
    pub id: Option<String>,
    /// The capture in question: of two, the later one.
    pub capture: String,
    /// The earlier capture, where two were compared.
    pub earlier: Option<String>,
    /// The page.
    pub url: Option<String>,
    /// `new`, `failed`.
    pub status: String,
    /// Of `comparison.json`, hex.
    pub sha256: Option<String>,
    /// Different images on the page.
    pub images: Option<u64>,
    /// Images of the page that were compared as pictures.
    pub images_compared: Option<u64>,
    /// Registered records.
    pub registered: Option<u64>,
    /// Registered records that were compared as pictures.
    pub registered_compared: Option<u64>,
    /// As the document lists them, each with its `image` instead of a place in a list.
    pub pairs: Option<Vec<Value>>,
    /// As the document has them.
    pub differences: Option<Value>,
    /// As the document tells of them.
    pub licences: Vec<Value>,
    /// Why it failed.
    pub error: Option<Error>,
    /// The document, for printing: not part of the JSON promise.
    #[serde(skip)]
    pub document: Option<Box<Comparison>>,
}

/// Progress of a comparison.
#[derive(Clone, Copy, Debug)]
pub enum CompareEvent {
    /// So many pictures will be looked at.
    Planned(u64),
    /// One more was.
    Looked,
}

/// A capture, read and found to be what was recorded.
struct Source {
    row: Row,
    file: BufReader<fs::File>,
    wacz: Wacz,
    captured: Captured,
}

impl Folder {
    /// Compares, records, waits a moment for the seal.
    pub fn compare(
        &mut self,
        request: &CompareRequest,
        events: &mut (dyn FnMut(CompareEvent) + Send),
    ) -> Result<CompareLine> {
        self.compare_beside(request, events)
    }

    /// The same, beside others of this process.
    pub(crate) fn compare_beside(
        &self,
        request: &CompareRequest,
        events: &mut (dyn FnMut(CompareEvent) + Send),
    ) -> Result<CompareLine> {
        self.writer()?;
        let mut capture = self.source(&request.id)?;
        let account = Account(capture.row.account);
        let against = match &request.with {
            None => Against::Registered(self.scan(&mut capture, events)?),
            Some(other) => {
                let mut earlier = self.source(other)?;
                if earlier.row.account != account.0 {
                    return Err(Error::new(
                        format!("{other}：两次取证属于不同的账户，不能相互比对"),
                        format!("{other}: the captures are of different accounts and are not compared"),
                    ));
                }
                if earlier.row.index == capture.row.index {
                    return Err(Error::new(
                        format!("{other}：请给出两次不同的取证"),
                        format!("{other}: name two different captures"),
                    ));
                }
                if earlier.row.index > capture.row.index {
                    std::mem::swap(&mut earlier, &mut capture);
                }
                let differences = differences(&mut earlier, &mut capture)?;
                Against::Earlier(Box::new(earlier.captured), differences)
            }
        };
        let pairs: Vec<&str> = match &against {
            Against::Registered(scan) => scan.pairs.iter().map(|p| p.record.record.id.as_str()).collect(),
            Against::Earlier(..) => Vec::new(),
        };
        let licences = self.told_licences(account.0, capture.captured.url.as_deref(), &pairs)?;
        let licences = Some(licences);
        let document = Comparison { compared_at: clock::now(), capture: capture.captured, against, licences };
        let bytes = document.to_bytes().map_err(|e| {
            Error::new(
                format!("比对文件无法写成（{}）；请检查本机时钟", e.zh()),
                format!("the document could not be written ({e}); check this machine's clock"),
            )
        })?;
        let row = self.compared(account, &document, &bytes)?;
        if let Some(index) = row.index {
            self.writer()?.ledger.wait_final(index, crate::deposit::SEAL_WAIT).map_err(|e| ledger_error(&e))?;
        }
        Ok(line(&row, document, &bytes))
    }

    /// A capture's record and its file, read again.
    fn source(&self, id: &str) -> Result<Source> {
        let row = self.stored(id)?;
        if row.kind != Kind::Capture.as_str() {
            let shown = show_path(Path::new(id));
            return Err(Error::new(
                format!("{shown} 不是网页取证；compare 比对的是网页取证"),
                format!("{shown} is no capture; compare takes captures"),
            ));
        }
        let sha256 = row.sha256.unwrap_or_default();
        let mut file = BufReader::new(self.held(&row)?);
        let wacz = wacz::read(&mut file).map_err(|e| unreadable(id, &e))?;
        let url = wacz.pages.first().map(|p| p.url.clone()).filter(|u| page::is_text(u));
        let (record, statement, gen_time) = self.named(&row)?;
        let captured = Captured { record, received_at: statement.statement.received_at, gen_time, sha256, url };
        Ok(Source { row, file, wacz, captured })
    }

    /// A record as a document names it.
    pub(crate) fn named(&self, row: &Row) -> Result<(Ref, Record, String)> {
        let record = Record::parse(&row.record)?;
        let reference = Ref { ledger: self.origin.clone(), id: row.id.clone(), leaf: merkle::leaf_hash(&row.record) };
        let gen_time = record.timestamps.first().map(|t| t.gen_time.clone()).unwrap_or_default();
        Ok((reference, record, gen_time))
    }

    /// The page's images against every registered record of the account that is on the ledger.
    fn scan(&self, capture: &mut Source, events: &mut (dyn FnMut(CompareEvent) + Send)) -> Result<Scan> {
        let mut registered = Vec::new();
        for row in self.store.account_records(capture.row.account)? {
            let kind = Kind::parse(&row.kind).ok();
            if row.index.is_none() || !matches!(kind, Some(Kind::Image | Kind::File | Kind::Digest)) {
                continue;
            }
            let (reference, record, gen_time) = self.named(&row)?;
            let held = record.statement.file.as_ref().is_some_and(|f| f.custody == Custody::Held);
            registered.push(scan::Known {
                record: evidence::comparison::Registered {
                    record: reference,
                    kind: row.kind.clone(),
                    sha256: row.sha256.unwrap_or_default(),
                    received_at: record.statement.received_at,
                    gen_time,
                },
                held,
            });
        }
        let Source { file, wacz, row, .. } = capture;
        let places = page::places(wacz, file).map_err(|e| unreadable(&row.id, &e))?;
        let images = page::images(wacz, file, &places).map_err(|e| unreadable(&row.id, &e))?;
        let page = scan::Page { images, wacz, source: Mutex::new(file) };
        scan::run(page, registered, &self.dir.join("originals"), events).map_err(|e| unreadable(&row.id, &e))
    }

    /// The document among the kept files, and its record on the ledger.
    fn compared(&self, account: Account, document: &Comparison, bytes: &[u8]) -> Result<Row> {
        let _keeping = self.keeping(account.0);
        let mut copy = intake::Copy::begin(&self.dir.join("originals"))?;
        copy.write(bytes)?;
        let digests = FileDigests::of(bytes);
        copy.finish(&digests)?;
        let url = document.capture.url.clone();
        let mut claims: BTreeMap<&str, Value> = self.claims_of(account.0)?;
        claims
            .extend([("url", json!(url)), ("refs", Value::Array(document.refs().iter().map(Ref::to_value).collect()))]);
        let file = File { digests, media_type: "application/json".into(), custody: Custody::Held };
        let name = url.as_deref().unwrap_or(&document.capture.record.id);
        self.record(account, Kind::Comparison, Some(file), claims, name, self.compared_clock()?)
    }
}

/// What the later of two captures has that the earlier has not, and the other way round.
fn differences(earlier: &mut Source, later: &mut Source) -> Result<Differences> {
    let content = |s: &mut Source| page::content(&s.wacz, &mut s.file).map_err(|e| unreadable(&s.row.id, &e));
    let (before, after) = (content(earlier)?, content(later)?);
    let text = before.lines.as_ref().zip(after.lines.as_ref()).map(|(before, after)| changes(before, after));
    let facts = before.facts.as_ref().zip(after.facts.as_ref()).map(|(b, a)| Content::facts_between(b, a));
    Ok(Differences { text, images: changes(&before.images, &after.images), facts })
}

/// As multisets, in the order of the page.
fn changes<T: Clone + Ord>(before: &[T], after: &[T]) -> Changes<T> {
    let only = |these: &[T], others: &[T]| {
        let mut left: BTreeMap<&T, u64> = BTreeMap::new();
        others.iter().for_each(|item| *left.entry(item).or_default() += 1);
        let new = these.iter().filter(|item| match left.get_mut(*item) {
            Some(n) if *n > 0 => {
                *n -= 1;
                false
            }
            _ => true,
        });
        new.cloned().collect::<Vec<T>>()
    };
    let (mut added, mut removed) = (only(after, before), only(before, after));
    let (added_found, removed_found) = (added.len() as u64, removed.len() as u64);
    let unchanged = after.len() as u64 - added_found;
    added.truncate(evidence::comparison::MAX_CHANGES);
    removed.truncate(evidence::comparison::MAX_CHANGES);
    Changes { added, removed, added_found, removed_found, unchanged }
}

fn line(row: &Row, document: Comparison, bytes: &[u8]) -> CompareLine {
    let written: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let mut line = CompareLine {
        id: Some(row.id.clone()),
        capture: document.capture.record.id.clone(),
        url: document.capture.url.clone(),
        status: "new".into(),
        sha256: row.sha256.map(|d| hex::encode(&d)),
        licences: written["licences"].as_array().cloned().unwrap_or_default(),
        ..CompareLine::default()
    };
    match &document.against {
        Against::Registered(scan) => {
            line.images = Some(scan.images_found);
            line.images_compared = Some(scan.images.iter().filter(|i| i.result == "compared").count() as u64);
            line.registered = Some(scan.records);
            line.registered_compared = Some(scan.compared);
            let images = written["images"].as_array().cloned().unwrap_or_default();
            let pairs = written["pairs"].as_array().cloned().unwrap_or_default();
            let whole = pairs.into_iter().zip(&scan.pairs).map(|(mut value, pair)| {
                value["image"] = images.get(pair.image).cloned().unwrap_or_default();
                value
            });
            line.pairs = Some(whole.collect());
        }
        Against::Earlier(earlier, _) => {
            line.earlier = Some(earlier.record.id.clone());
            line.differences = Some(written["differences"].clone());
        }
    }
    line.document = Some(Box::new(document));
    line
}

fn unreadable(id: &str, error: &wacz::Error) -> Error {
    Error::new(
        format!("{id}：取证文件无法读取（{error}）"),
        format!("{id}: the capture's file cannot be read ({error})"),
    )
}

#[cfg(test)]
mod tests;
