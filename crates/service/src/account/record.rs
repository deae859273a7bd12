//! One record: what it says, its verdict made just now, and everything that can be taken away.

use super::{Actor, Answer, Permission, Refusal, Why};
use crate::{DepositLine, Error, ExportRequest, Folder, Result, clock, erase, error::read_file, intake};
use evidence::{disclosure, hex, json::Value, statement::Kind, time::Utc};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Seek},
    path::Path,
};
use store::Record;
use verify::{Original, Trust, Verdict};

/// Largest original of which a picture is shown.
const MAX_PICTURE: u64 = 256 << 20;
/// Longest file of the trust folder.
const MAX_TRUST: u64 = 1 << 20;

/// A record as its owner sees it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Record number.
    pub id: String,
    /// Statement's kind.
    pub kind: String,
    /// As shown to the owner.
    pub file_name: String,
    /// The platform's own clock.
    pub received_at: Utc,
    /// The file's bytes.
    pub size: Option<u64>,
    /// Hex.
    pub sha256: Option<String>,
    /// Hex.
    pub sm3: Option<String>,
    /// Hex; `None`: no record yet, the statement waits for a token from outside.
    pub record_sha256: Option<String>,
    /// Leaf index.
    pub index: Option<u64>,
    /// Whether the bytes came with this record and are in the folder.
    pub held: bool,
    /// Every claim.
    pub claims: BTreeMap<String, Value>,
    /// Made just now from the entries of its package, with the folder's own trust; `None` before it is on the ledger.
    pub verdict: Option<Verdict>,
    /// Names of the package's entries.
    pub parts: Vec<String>,
    /// When the file says that it was made, and where it says so: its own words, as they stand, for the owner's eyes.
    pub own_dates: Vec<(String, String)>,
    /// Earlier records of the same file, of whatever account.
    pub earlier: Option<u64>,
    /// When a capture's bytes were dropped.
    pub discarded: Option<Utc>,
}

/// A record as the command line shows it.
#[derive(Clone, Debug)]
pub struct Told {
    /// Statement's kind.
    pub kind: String,
    /// As listed.
    pub line: DepositLine,
    /// Every claim.
    pub claims: BTreeMap<String, Value>,
    /// The kept picture's own, for its owner's eyes.
    pub exif: Vec<(String, String)>,
    /// Later claims about it.
    pub later: Vec<DepositLine>,
}

/// The bytes of a kept file, and what to call it.
pub struct Kept {
    /// From its start.
    pub file: File,
    /// Bytes.
    pub size: u64,
    /// As it was given, made safe.
    pub name: String,
}

impl Folder {
    /// A record with its verdict.
    pub fn shown(&self, actor: &Actor, id: &str) -> Answer<Shown> {
        let record = self.owned_or_waiting(actor, id, Permission::View)?;
        let claims = disclosure::parse_set(&record.disclosures).map_err(Error::from)?;
        let claims = claims.iter().map(|d| (d.name().to_owned(), d.value().clone())).collect();
        let (verdict, parts) = match record.index {
            Some(_) => {
                let request = ExportRequest { pending: true, ..ExportRequest::default() };
                self.verdict(&record, &request).map(|(verdict, parts)| (Some(verdict), parts)).map_err(later)?
            }
            None => (None, Vec::new()),
        };
        let held = self.kept_path(&record)?;
        let same = record.sha256.map(|sha256| self.store.by_sha256(&sha256)).transpose()?;
        let before = |r: &&Record| r.index.is_some_and(|other| record.index.is_none_or(|own| other < own));
        Ok(Shown {
            own_dates: held.as_deref().map(own_dates).unwrap_or_default(),
            earlier: same.map(|same| same.iter().filter(before).count() as u64),
            discarded: self.discarded_at(&record)?,
            held: held.is_some(),
            received_at: Utc(record.received_at),
            size: record.size,
            sha256: record.sha256.map(|d| hex::encode(&d)),
            sm3: record.sm3.map(|d| hex::encode(&d)),
            record_sha256: record.digest_hex(),
            index: record.index,
            id: record.id,
            kind: record.kind,
            file_name: record.file_name,
            claims,
            verdict,
            parts,
        })
    }

    /// A record without a verdict, as the command line shows it.
    pub fn told(&self, actor: &Actor, id: &str) -> Answer<Told> {
        let kind = self.owned_or_waiting(actor, id, Permission::View)?.kind;
        let (line, claims) = self.show(id)?;
        Ok(Told { kind, line, claims, exif: self.exif(id)?, later: self.later_rights(id)? })
    }

    /// The certificate (PDF), in one language.
    pub fn certificate_of(&self, actor: &Actor, id: &str, english: bool) -> Answer<Vec<u8>> {
        let record = self.owned(actor, id, Permission::Download)?;
        self.drawn(&record, english).inspect(|_| self.note_download(actor, id))
    }

    /// A record's certificate, for whoever was let in.
    pub(super) fn drawn(&self, record: &Record, english: bool) -> Answer<Vec<u8>> {
        let made = self.made(record, &ExportRequest { english, ..ExportRequest::default() }).map_err(later)?;
        made.certificate.ok_or_else(|| {
            let (zh, en) = ("这条记录没有证书", "there is no certificate of this record");
            Refusal::new(Why::NotFound, zh, en)
        })
    }

    /// The package (ZIP), certificate in one language inside; `full` is the court's copy.
    pub fn package_of(&self, actor: &Actor, id: &str, english: bool, full: bool) -> Answer<Vec<u8>> {
        let record = self.owned(actor, id, Permission::Download)?;
        let request = ExportRequest { english, full, pending: true, ..ExportRequest::default() };
        let made = self.made(&record, &request).map_err(later)?;
        self.note_download(actor, id);
        Ok(made.package)
    }

    /// One entry of the package, by its name there.
    pub fn part_of(&self, actor: &Actor, id: &str, name: &str) -> Answer<Vec<u8>> {
        let record = self.owned(actor, id, Permission::Download)?;
        let request = ExportRequest { pending: true, ..ExportRequest::default() };
        let entries = self.package_entries(&record, &request).map_err(later)?;
        let found = entries.into_iter().find(|(n, _)| n == name).map(|(_, bytes)| bytes);
        found
            .inspect(|_| self.note_download(actor, id))
            .ok_or_else(|| Refusal::new(Why::NotFound, "证据包中没有这个文件", "the package has no such file"))
    }

    /// The kept file, its digests compared just now.
    pub fn original_of(&self, actor: &Actor, id: &str) -> Answer<Kept> {
        let kept = self.kept(&self.owned_or_waiting(actor, id, Permission::Download)?);
        kept.inspect(|_| self.note_download(actor, id))
    }

    /// A record's kept file, for whoever was let in.
    pub(super) fn kept(&self, record: &Record) -> Answer<Kept> {
        if self.kept_path(record)?.is_none() {
            let (zh, en) = ("原件不在这里", "the original is not kept here");
            return Err(Refusal::new(Why::NotFound, zh, en));
        }
        let mut file = self.held(record)?;
        file.rewind().map_err(|e| Error::io(&self.dir, &e))?;
        let id = &record.id;
        let name = match record.kind.as_str() {
            "capture" => format!("{id}.wacz"),
            "comparison" => format!("{id}.comparison.json"),
            "collection" => format!("{id}.manifest.jsonl"),
            _ => record.file_name.chars().map(|c| if matches!(c, '/' | '\\' | ':') { '_' } else { c }).collect(),
        };
        Ok(Kept { file, size: record.size.unwrap_or_default(), name })
    }

    /// A small JPEG of a registered picture, made of the kept bytes; `None` where there is none.
    pub fn picture_of(&self, actor: &Actor, id: &str) -> Answer<Option<Vec<u8>>> {
        Ok(self.small_picture(&self.owned_or_waiting(actor, id, Permission::View)?)?)
    }

    /// The same, for whoever was let in.
    pub(super) fn small_picture(&self, record: &Record) -> Result<Option<Vec<u8>>> {
        let Some(path) = self.kept_path(record)?.filter(|_| record.kind == "image") else { return Ok(None) };
        let Ok(file) = File::open(&path) else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(MAX_PICTURE + 1).read_to_end(&mut bytes).map_err(|e| Error::io(&path, &e))?;
        if bytes.len() as u64 > MAX_PICTURE {
            return Ok(None);
        }
        Ok(picture::thumbnail(bytes, &picture::Limits::default()).ok())
    }

    /// A record of the actor's account. Another account's is not there.
    pub(crate) fn owned(&self, actor: &Actor, id: &str, permission: Permission) -> Answer<Record> {
        let person = self.allow(actor, permission)?;
        let none = || Refusal::new(Why::NotFound, "没有这条记录", "there is no such record");
        if self.store.account_of(id)? != Some(person.account) {
            let erased = self.store.erased(id)?.filter(|e| e.account == person.account && person.shops.is_none());
            return Err(erased.map_or_else(none, |e| Refusal { why: Why::NotFound, error: erase::gone(&e) }));
        }
        if !self.sees(person, id)? {
            return Err(none());
        }
        let record = self.store.record(id)?.ok_or_else(none)?;
        // Leaf 0 travels in every package and has none of its own.
        if record.kind == Kind::Operator.as_str() { Err(none()) } else { Ok(record) }
    }

    /// A record of the actor's account, or a statement that waits for a token from outside, as the record that it will
    /// be: such are of no shop.
    pub(crate) fn owned_or_waiting(&self, actor: &Actor, id: &str, permission: Permission) -> Answer<Record> {
        let person = self.allow(actor, permission)?;
        let waiting = if person.shops.is_none() { self.store.waiting_one(id)? } else { None };
        let waiting = waiting.filter(|waiting| waiting.row.account == person.account);
        waiting.map_or_else(|| self.owned(actor, id, permission), |waiting| Ok(waiting.row))
    }

    /// The verdict on the entries of this package, and their names.
    pub(super) fn verdict(&self, record: &Record, request: &ExportRequest) -> Result<(Verdict, Vec<String>)> {
        let entries = self.package_entries(record, request)?;
        let parts = entries.iter().map(|(name, _)| name.clone()).collect();
        let package = archive::package::write(&entries).map_err(|e| {
            Error::new(format!("证据包无法写成（{e}）"), format!("the package could not be written ({e})"))
        })?;
        let path = self.kept_path(record)?;
        let mut originals = Vec::new();
        if let Some(path) = &path {
            let digests = intake::digests(path, &mut |_| ())?;
            // What is not disclosed is in no sentence of the verdict either.
            let name = if request.disclose.is_some() { &record.id } else { &record.file_name };
            originals.push(Original { name: name.clone(), digests });
        }
        let made_here = ["capture", "comparison"].contains(&record.kind.as_str());
        let mut beside = path.filter(|_| made_here).and_then(|p| File::open(p).ok());
        let beside = beside.as_mut().map(|f| f as &mut dyn archive::wacz::Source);
        let verdict = verify::check_package_beside(&package, &self.own_trust()?, &originals, beside, clock::now());
        Ok((verdict, parts))
    }

    /// The files of the folder's own trust, as anybody may copy them, by name.
    pub fn trust_files(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let dir = self.trust_dir();
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&dir).map_err(|e| Error::io(&dir, &e))?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.metadata().is_ok_and(|m| m.is_file() && m.len() <= MAX_TRUST) {
                files.push((name, read_file(&entry.path())?));
            }
        }
        files.sort();
        Ok(files)
    }

    /// The folder's own trust.
    pub(crate) fn own_trust(&self) -> Result<Trust> {
        Trust::from_files(self.trust_files()?).map_err(|e| {
            Error::new(
                format!("信任文件夹中的 {} 不能用（{}）", e.file, e.reason.zh()),
                format!("{} of the trust folder is of no use ({})", e.file, e.reason),
            )
        })
    }
}

/// EXIF's three dates, and the one of XMP or IPTC. Whoever wrote the file wrote these, and any program can write others.
fn own_dates(path: &Path) -> Vec<(String, String)> {
    const FIELDS: [&str; 3] = ["DateTimeOriginal", "DateTimeDigitized", "DateTime"];
    let Ok(mut file) = File::open(path) else { return Vec::new() };
    let mut head = Vec::new();
    let read = file.by_ref().take(picture::HEAD as u64).read_to_end(&mut head);
    let media_type = picture::media_type(&head);
    let Ok(bytes) = read.and_then(|_| picture::beginning(&file, media_type)) else { return Vec::new() };
    let exif = picture::exif(&bytes);
    let zone = exif.iter().find(|(name, _)| name == "OffsetTimeOriginal").map(|(_, zone)| format!(" {zone}"));
    let mut dates: Vec<(String, String)> = FIELDS
        .iter()
        .filter_map(|field| {
            let (name, at) = exif.iter().find(|(name, _)| name == field)?;
            let zone = zone.as_deref().filter(|_| *field == FIELDS[0]).unwrap_or_default();
            Some((format!("EXIF {name}"), format!("{at}{zone}")))
        })
        .collect();
    dates.extend(picture::own_words(&bytes, media_type).created.map(|day| ("XMP, IPTC".to_owned(), day)));
    dates
}

/// What is only not there yet is no failure of ours.
pub(super) fn later(error: Error) -> Refusal {
    let why = if error.exit == 3 { Why::Conflict } else { Why::Failed };
    Refusal { why, error }
}
