//! What a capture holds, to be looked at: screenshot, text, files, the machine's report of itself, addresses.
//!
//! Rules:
//! - A captured page is a stranger's program. Nothing of it is handed out as something that a browser would run: texts
//!   are text, its structure is written anew (`snapshot`), screenshots are pictures by their leading bytes, everything
//!   else is a download.
//! - The lists are those of the report (`certificate`), made from the file that the verdict was made with.
//! - Discarding drops bytes, never the leaf, and is counted in the next order for the same address.

use super::{Actor, Answer, Permission, Refusal, Shown, Why, snapshot};
use crate::{CompareEvent, CompareLine, CompareRequest, Error, Folder, Result, clock};
use archive::wacz::{self, Wacz};
use certificate::{Beside, Pictures, Sheet};
use evidence::{disclosure, hex, json::Value, statement::Kind, time::Utc};
use std::fs::File;
use store::Record;

/// Largest file of a capture that is handed out by itself, in bytes; larger ones are in the WACZ.
pub const MAX_CAPTURED: u64 = 64 << 20;
/// Characters of a page's text that are shown.
const MAX_TEXT: usize = 20_000;
/// Files that are listed.
const MAX_FILES: usize = 500;
/// Most bytes of the text, and of the guard's log.
const MAX_LISTS: u64 = 32 << 20;
/// Names that are listed with what the resolvers answered.
const MAX_NAMES: usize = 60;

/// A capture as its owner looks at it.
#[derive(Clone, Debug)]
pub struct Captured {
    /// Its record and verdict; where its bytes were discarded, most of what follows is empty.
    pub record: Shown,
    /// Everything that the report prints; `None` where the file does not hold.
    pub report: Option<Box<certificate::Report>>,
    /// The page's text, and whether it goes on.
    pub text: Option<(String, bool)>,
    /// What the resolvers said.
    pub lookups: Vec<Lookup>,
    /// Own artefacts and what came over the wire, in the order of the file.
    pub files: Vec<CapturedFile>,
    /// Files that are not listed.
    pub more: u64,
    /// Places of the full screenshot's parts among all entries, from the top.
    pub screenshot: Vec<usize>,
    /// Comparisons of this capture, the newest first: number, and when.
    pub comparisons: Vec<(String, Utc)>,
}

/// What one resolver answered to one name.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// The name.
    pub name: String,
    /// Which resolver.
    pub resolver: String,
    /// Addresses, or why there are none.
    pub answers: Vec<String>,
}

/// One entry of the capture's file.
#[derive(Clone, Debug)]
pub struct CapturedFile {
    /// Its place.
    pub place: usize,
    /// The address, or an own artefact's name.
    pub name: String,
    /// One of ours.
    pub own: bool,
    /// As the site, or we, called it.
    pub content_type: String,
    /// Of the site's answer.
    pub status: Option<u16>,
    /// Bytes.
    pub size: u64,
    /// Hex.
    pub sha256: String,
}

impl Folder {
    /// A capture with its lists.
    pub fn capture_contents(&self, actor: &Actor, id: &str) -> Answer<Captured> {
        let record = self.owned_capture(actor, id, Permission::View)?;
        let mut out = Captured {
            record: self.shown(actor, id)?,
            report: None,
            text: None,
            lookups: Vec::new(),
            files: Vec::new(),
            more: 0,
            screenshot: Vec::new(),
            comparisons: self.comparisons(actor, id)?,
        };
        let Some(path) = self.kept_path(&record)? else { return Ok(out) };
        let Some(verdict) = &out.record.verdict else { return Ok(out) };
        let mut file = File::open(&path).map_err(|e| Error::io(&path, &e))?;
        let beside = Beside { checked: clock::now(), earlier: None, root_file: None };
        let sheet = Sheet::of_capture(verdict, &beside, &mut file, &Pictures::default());
        out.report = sheet.ok().and_then(|sheet| sheet.report).map(Box::new);
        let Some(wacz) = verdict.facts.capture.as_deref() else { return Ok(out) };
        let mut bytes = |name: &str| wacz.find(name).and_then(|e| wacz.payload(&mut file, e, MAX_LISTS).ok());
        out.text = bytes("text").map(|text| cut(&String::from_utf8_lossy(&text)));
        out.lookups = bytes("guard").map(|log| lookups(&log)).unwrap_or_default();
        let kept = |(_, e): &(usize, &wacz::Entry)| e.kind == "resource" || e.kind == "response";
        let listed = wacz.entries.iter().enumerate().filter(kept).map(|(place, e)| {
            let own = e.target.strip_prefix("urn:quezao:");
            CapturedFile {
                place,
                name: own.unwrap_or(&e.target).to_owned(),
                own: own.is_some(),
                content_type: e.content_type.clone().unwrap_or_default(),
                status: e.status,
                size: e.payload_size,
                sha256: hex::encode(&e.payload_sha256),
            }
        });
        let all: Vec<CapturedFile> = listed.collect();
        let mut parts: Vec<(&str, usize)> = all.iter().filter(|f| f.own).map(|f| (f.name.as_str(), f.place)).collect();
        parts.retain(|(name, _)| name.split('/').next() == Some("screenshot-full"));
        parts.sort_unstable();
        out.screenshot = parts.into_iter().map(|(_, place)| place).collect();
        out.more = all.len().saturating_sub(MAX_FILES) as u64;
        out.files = all;
        out.files.truncate(MAX_FILES);
        Ok(out)
    }

    /// One part of the full screenshot: its media type, which its leading bytes show, and its bytes.
    pub fn screenshot_of(&self, actor: &Actor, id: &str, place: usize) -> Answer<(&'static str, Vec<u8>)> {
        let record = self.owned_capture(actor, id, Permission::View)?;
        let (name, bytes) = self.entry(&record, place)?;
        let media_type = picture::media_type(&bytes);
        let shown = ["image/png", "image/jpeg", "image/webp"].contains(&media_type);
        if !shown || name.split('/').next() != Some("screenshot-full") {
            return Err(no_file());
        }
        Ok((media_type, bytes))
    }

    /// The page's structure with what was drawn of its texts, as the inside of a page that holds nothing of the site's own
    /// markup, and whether it goes on.
    pub fn snapshot_of(&self, actor: &Actor, id: &str) -> Answer<(String, bool)> {
        let record = self.owned_capture(actor, id, Permission::View)?;
        let path = self.kept_path(&record)?.ok_or_else(no_file)?;
        let mut file = File::open(&path).map_err(|e| Error::io(&path, &e))?;
        let wacz = wacz::read(&mut file).map_err(broken)?;
        let entry =
            wacz.find("dom").filter(|entry| entry.payload_size <= snapshot::MAX_SNAPSHOT).ok_or_else(no_file)?;
        let bytes = wacz.payload(&mut file, entry, snapshot::MAX_SNAPSHOT).map_err(broken)?;
        Ok(snapshot::inert(&bytes)?)
    }

    /// One file of a capture, to be downloaded: a name to save it under, and its bytes.
    pub fn captured_file(&self, actor: &Actor, id: &str, place: usize) -> Answer<(String, Vec<u8>)> {
        let record = self.owned_capture(actor, id, Permission::Download)?;
        let (target, bytes) = self.entry(&record, place)?;
        self.note_download(actor, id);
        let path = target.split(['?', '#']).next().unwrap_or_default();
        let last = path.rsplit('/').find(|part| !part.is_empty()).unwrap_or("file");
        Ok((last.chars().take(120).collect(), bytes))
    }

    /// Drops a capture's bytes, for a person who gave the password again: nobody can capture that moment once more. An
    /// upload that is ended asks for none: it is no record yet, and its file is still in its owner's hands.
    pub fn discard_of(&self, actor: &Actor, id: &str, password: &str) -> Answer<()> {
        let person = self.allow(actor, Permission::Discard)?;
        let record = self.owned_capture(actor, id, Permission::Discard)?;
        if self.discarded_at(&record)?.is_some() {
            return Err(Refusal::new(Why::Conflict, "这次取证已经放弃", "this capture was discarded before"));
        }
        self.not_held(person.account)?;
        self.same_person(actor, person, password)?;
        self.discard_beside(id)?;
        Ok(self.note(actor, person, "discard", id)?)
    }

    /// Compares a capture with the account's registered pictures, or with another capture of the account's.
    pub fn compare_of(
        &self,
        actor: &Actor,
        id: &str,
        with: Option<&str>,
        events: &mut (dyn FnMut(CompareEvent) + Send),
    ) -> Answer<CompareLine> {
        let person = self.allow(actor, Permission::Deposit)?;
        if person.shops.is_some() {
            let (zh, en) = (
                "比对会用到整个账户的图片；限定店铺的子账户不能做，请主账户来做",
                "a comparison looks at the whole account's pictures; a sub-account that is limited to shops cannot make one, the main account can",
            );
            return Err(Refusal::new(Why::Forbidden, zh, en));
        }
        self.require(person.account, crate::Feature::Comparison)?;
        self.may_make(person)?;
        self.owned_capture(actor, id, Permission::View)?;
        if let Some(with) = with {
            self.owned_capture(actor, with, Permission::View)?;
        }
        let request = CompareRequest { id: id.to_owned(), with: with.map(str::to_owned) };
        let line = self.compare_beside(&request, events).map_err(|error| Refusal { why: Why::Field("with"), error })?;
        self.note(actor, person, "compare", line.id.as_deref().unwrap_or_default())?;
        Ok(line)
    }

    /// Asks, before anything is begun, whether the actor may compare a capture, and whether there is such a one.
    pub fn may_compare(&self, actor: &Actor, id: &str) -> Answer<()> {
        self.allow(actor, Permission::Deposit)?;
        self.owned_capture(actor, id, Permission::View).map(|_| ())
    }

    /// When a capture's bytes were dropped.
    pub(super) fn discarded_at(&self, record: &Record) -> Result<Option<Utc>> {
        if record.kind != Kind::Capture.as_str() {
            return Ok(None);
        }
        let at = self.store.meta(&crate::capture::discard_key(&record.id))?;
        Ok(at.and_then(|at| Utc::parse_micros(&at).ok()))
    }

    /// Comparisons in which this capture is named.
    fn comparisons(&self, actor: &Actor, id: &str) -> Answer<Vec<(String, Utc)>> {
        let person = self.allow(actor, Permission::View)?;
        let mut found = Vec::new();
        for row in self.store.records_of(person.account, Kind::Comparison.as_str())? {
            if !self.sees(person, &row.id)? {
                continue;
            }
            let claims = disclosure::parse_set(&row.disclosures).map_err(Error::from)?;
            let refs = claims.iter().find(|d| d.name() == "refs").and_then(|d| d.value().as_array());
            // The capture, and the earlier one, stand before the registered pictures.
            if refs.into_iter().flatten().take(2).any(|r| r["id"] == id) {
                found.push((row.id, Utc(row.received_at)));
            }
        }
        found.reverse();
        Ok(found)
    }

    fn owned_capture(&self, actor: &Actor, id: &str, permission: Permission) -> Answer<Record> {
        let record = self.owned(actor, id, permission)?;
        if record.kind != Kind::Capture.as_str() {
            let (zh, en) = ("这条记录不是网页取证", "this record is no capture");
            return Err(Refusal::new(Why::NotFound, zh, en));
        }
        Ok(record)
    }

    /// The name and payload of one entry.
    fn entry(&self, record: &Record, place: usize) -> Answer<(String, Vec<u8>)> {
        let path = self.kept_path(record)?.ok_or_else(no_file)?;
        let mut file = File::open(&path).map_err(|e| Error::io(&path, &e))?;
        let wacz: Wacz = wacz::read(&mut file).map_err(broken)?;
        let entry = wacz.entries.get(place).ok_or_else(no_file)?;
        if entry.payload_size > MAX_CAPTURED {
            let most = MAX_CAPTURED >> 20;
            return Err(Refusal::field(
                "file",
                format!("文件超过 {most} MiB；请下载整个取证文件"),
                format!("the file is longer than {most} MiB; download the whole capture"),
            ));
        }
        let name = entry.target.strip_prefix("urn:quezao:").unwrap_or(&entry.target).to_owned();
        Ok((name, wacz.payload(&mut file, entry, MAX_CAPTURED).map_err(broken)?))
    }
}

fn broken(e: wacz::Error) -> Error {
    Error::new(format!("取证文件无法读取（{e}）"), format!("the capture's file cannot be read ({e})"))
}

fn no_file() -> Refusal {
    Refusal::new(Why::NotFound, "取证中没有这个文件", "the capture has no such file")
}

/// A page's text as it is shown, and whether it goes on.
fn cut(text: &str) -> (String, bool) {
    let mut rest = text.chars();
    let shown: String = rest.by_ref().take(MAX_TEXT).filter(|c| *c == '\n' || !c.is_control()).collect();
    (shown, rest.next().is_some())
}

/// What the guard's log says of names, each name and resolver once.
fn lookups(log: &[u8]) -> Vec<Lookup> {
    let mut out: Vec<Lookup> = Vec::new();
    for event in log.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok()) {
        let text = |name: &str| event[name].as_str().unwrap_or_default().chars().take(240).collect::<String>();
        let answers = match event["event"].as_str() {
            Some("resolved") => {
                let said = event["answers"].as_array().into_iter().flatten().filter_map(Value::as_str);
                let mut said: Vec<String> = said.take(16).map(|a| a.chars().take(80).collect()).collect();
                said.extend(Some(text("note")).filter(|note| !note.is_empty()));
                said
            }
            Some("unanswered") => vec![text("reason")],
            _ => continue,
        };
        let lookup = Lookup { name: text("name"), resolver: text("resolver"), answers };
        if out.len() < MAX_NAMES && !out.iter().any(|l| l.name == lookup.name && l.resolver == lookup.resolver) {
            out.push(lookup);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guards_log_gives_each_name_once() {
        let log =
            br#"{"at":1,"event":"resolved","name":"shop.example","resolver":"dns 1","answers":["192.0.2.1"],"raw":[]}
not json
{"at":2,"event":"unanswered","name":"shop.example","resolver":"dns 2","reason":"timed out"}
{"at":3,"event":"resolved","name":"shop.example","resolver":"dns 1","answers":["192.0.2.9"],"raw":[]}
{"at":4,"event":"connected","host":"shop.example"}"#;
        let found = lookups(log);
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].answers.as_slice(), found[1].answers[0].as_str()),
            (&["192.0.2.1".to_owned()][..], "timed out")
        );
        assert_eq!(cut("a\u{7}b\nc"), ("ab\nc".to_owned(), false));
        assert!(cut(&"长".repeat(MAX_TEXT + 1)).1);
    }
}
