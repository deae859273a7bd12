//! The strict reader. One pass, in pieces: what is kept grows with the number of records, never with their bytes.

use super::{
    About, MAX_BYTES, MAX_LIST, MAX_RECORDS, MAX_UNPACKED, Page, Result, Source,
    cdxj::{self, Listed},
    gzip::{Input, Member},
    warc::{self, Header, Kind, MAX_HEADER},
};
use crate::zip::{self, Directory};
use evidence::{Error, time::Utc};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeSet,
    io::{Read, SeekFrom},
};

const WHAT: &str = "WACZ";

/// A WACZ whose form holds.
#[derive(Clone, Debug)]
pub struct Wacz {
    /// In file order, `warcinfo` apart.
    pub entries: Vec<Entry>,
    /// At least one; the first is the main page.
    pub pages: Vec<Page>,
    /// Time and software as it says.
    pub about: About,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `request`, `response` or `resource`.
    pub kind: &'static str,
    /// URL or `urn:quezao:…`.
    pub target: String,
    /// `WARC-Date`.
    pub at: Utc,
    /// Of the whole gzip member, from the file's start.
    pub offset: u64,
    /// Of the whole gzip member.
    pub length: u64,
    /// SHA-256 of the payload: the body of a message, a resource's bytes.
    pub payload_sha256: [u8; 32],
    /// Bytes of the payload.
    pub payload_size: u64,
    /// HTTP status of a response.
    pub status: Option<u16>,
    /// `Location` of a response that redirects (301, 302, 303, 307, 308), as it stands.
    pub location: Option<String>,
    /// Media type, as the head or the record says it.
    pub content_type: Option<String>,
    /// In the index: a response to GET, or an own artefact.
    pub indexed: bool,
}

/// Reads and checks all of it.
pub fn read(source: &mut dyn Source) -> Result<Wacz> {
    let size = source.seek(SeekFrom::End(0))?;
    if size >= MAX_BYTES {
        return Err(Error::TooLarge { what: WHAT, found: size, limit: MAX_BYTES - 1 }.into());
    }
    source.seek(SeekFrom::Start(0))?;
    let mut zip = Zip { source, size, at: 0, directory: Directory::default() };

    let mut records = Records::default();
    let archive = zip.entry(cdxj::WARC, |input, start| records.all(input, start))?;
    let (index, listed_index) = zip.list(cdxj::INDEX)?;
    cdxj::same("CDXJ", &index, &cdxj::index(&records.entries, records.start)?)?;
    let (pages, listed_pages) = zip.list(cdxj::PAGES)?;
    let pages = cdxj::read_pages(&pages)?;
    let (package, _) = zip.list(cdxj::PACKAGE)?;
    let main = pages.first().ok_or_else(|| Error::Missing { what: WHAT, missing: "a page".into() })?;
    let about = cdxj::read_package(&package, main, &[archive, listed_index, listed_pages])?;
    let (digest, _) = zip.list(cdxj::DIGEST)?;
    cdxj::same("datapackage-digest.json", &digest, &cdxj::digest(&package)?)?;
    zip.end()?;

    let info = (evidence::digest::sha256(&warc::info(&about.software)?), about.created);
    if records.info != Some(info) {
        return Err(Error::malformed("warcinfo", "another software or time", "those of datapackage.json").into());
    }
    Ok(Wacz { entries: records.entries, pages, about })
}

impl Wacz {
    /// The resource `urn:quezao:NAME[/LABEL]`, given as `NAME[/LABEL]`.
    pub fn find(&self, name: &str) -> Option<&Entry> {
        self.named().find(|(n, _)| *n == name).map(|(_, e)| e)
    }

    /// All own artefacts: `NAME[/LABEL]` and record, in file order.
    pub fn named(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().filter_map(|e| Some((e.target.strip_prefix(warc::URN)?, e)))
    }

    /// The payload of an entry, at most `limit` bytes.
    pub fn payload(&self, source: &mut dyn Source, entry: &Entry, limit: u64) -> Result<Vec<u8>> {
        if entry.payload_size > limit {
            return Err(Error::TooLarge { what: "payload", found: entry.payload_size, limit }.into());
        }
        let mut payload = Vec::new();
        within(source, entry, entry.payload_size, |bytes| payload.extend_from_slice(bytes))?;
        let found = evidence::digest::sha256(&payload);
        if found != entry.payload_sha256 {
            let (found, expected) = (cdxj::short(&found), cdxj::short(&entry.payload_sha256));
            return Err(Error::mismatch("payload, read again", found, expected).into());
        }
        Ok(payload)
    }

    /// The first bytes of an entry's payload, at most `limit`; compared with nothing.
    pub fn begins(&self, source: &mut dyn Source, entry: &Entry, limit: u64) -> Result<Vec<u8>> {
        let mut payload = Vec::new();
        within(source, entry, entry.payload_size.min(limit), |bytes| payload.extend_from_slice(bytes))?;
        Ok(payload)
    }
}

/// Hands on the first `size` bytes of an entry's payload.
fn within(source: &mut dyn Source, entry: &Entry, size: u64, see: impl FnMut(&[u8])) -> Result<()> {
    source.seek(SeekFrom::Start(entry.offset))?;
    let mut reader: &mut dyn Read = source;
    let mut input = Input::new(&mut reader, entry.length);
    let mut member = Member::begin(&mut input, MAX_UNPACKED)?;
    member.head("WARC header", MAX_HEADER)?;
    if entry.kind != Kind::Resource.as_str() {
        member.head("HTTP head", super::MAX_HEAD)?;
    }
    pass(&mut member, size, see)
}

/// The canonical ZIP, walked forward.
struct Zip<'s> {
    source: &'s mut dyn Source,
    size: u64,
    at: u64,
    directory: Directory,
}

impl Zip<'_> {
    /// The entry `name`, which must come next; `read` consumes all of it.
    fn entry(&mut self, name: &str, read: impl FnOnce(&mut Input<'_>, u64) -> Result<()>) -> Result<Listed> {
        let mut header = vec![0; zip::LOCAL_LENGTH + name.len()];
        self.exact(&mut header, name)?;
        let number = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let (crc, size) = (number(14), number(18));
        let entry = zip::Entry { name, crc, size };
        if header != entry.local() {
            let found = String::from_utf8_lossy(&header).into_owned();
            return Err(Error::malformed(WHAT, found, format!("{name} here, in the canonical stored ZIP")).into());
        }
        self.directory.add(&entry, usize::try_from(self.at).unwrap_or(usize::MAX))?;
        let start = self.at + header.len() as u64;
        if start + u64::from(size) > self.size {
            return Err(Error::malformed(WHAT, format!("{name} of {size} bytes"), "no more than there are").into());
        }
        let mut reader: &mut dyn Read = &mut *self.source;
        let mut input = Input::new(&mut reader, u64::from(size));
        read(&mut input, start)?;
        if !input.is_at_end() || input.crc != crc {
            let (found, expected) = (format!("{:08x}", input.crc), format!("{crc:08x}"));
            return Err(Error::mismatch("CRC-32 of a WACZ entry", found, expected).into());
        }
        let sha256 = input.sha256.finalize().into();
        self.at = start + u64::from(size);
        Ok(Listed { size: u64::from(size), sha256 })
    }

    /// A small entry, whole.
    fn list(&mut self, name: &'static str) -> Result<(Vec<u8>, Listed)> {
        let mut bytes = Vec::new();
        let listed = self.entry(name, |input, _| {
            loop {
                let ready = input.ready()?;
                let n = ready.len();
                if n == 0 {
                    return Ok(());
                }
                bytes.extend_from_slice(ready);
                if bytes.len() as u64 > MAX_LIST {
                    return Err(Error::TooLarge { what: name, found: bytes.len() as u64, limit: MAX_LIST }.into());
                }
                input.consume(n);
            }
        })?;
        Ok((bytes, listed))
    }

    fn end(mut self) -> Result<()> {
        let directory = std::mem::take(&mut self.directory);
        let expected = directory.finish(usize::try_from(self.at).unwrap_or(usize::MAX))?;
        let mut found = vec![0; expected.len()];
        self.exact(&mut found, "the directory")?;
        if found != expected || self.at + expected.len() as u64 != self.size {
            let after = self.size.saturating_sub(self.at + expected.len() as u64);
            let found = format!("another directory, or {after} bytes after it");
            return Err(Error::malformed(WHAT, found, "the five entries and their directory, nothing else").into());
        }
        Ok(())
    }

    fn exact(&mut self, buffer: &mut [u8], what: &str) -> Result<()> {
        if self.at + buffer.len() as u64 > self.size {
            return Err(Error::malformed(WHAT, "its end", format!("{what} here")).into());
        }
        Ok(self.source.read_exact(buffer)?)
    }
}

#[derive(Default)]
struct Records {
    /// Where the WARC starts in the file.
    start: u64,
    entries: Vec<Entry>,
    /// Block digest and date of the first record.
    info: Option<([u8; 32], Utc)>,
    /// Own artefacts seen.
    names: BTreeSet<String>,
    /// Of the record before, if it was a request: id, header, method.
    asked: Option<(String, Header, Option<String>)>,
    number: usize,
    unpacked: u64,
    targets: u64,
    locations: u64,
}

impl Records {
    fn all(&mut self, input: &mut Input<'_>, start: u64) -> Result<()> {
        self.start = start;
        while !input.ready()?.is_empty() {
            self.one(input)?;
            self.number += 1;
            if self.number > MAX_RECORDS {
                let (found, limit) = (self.number as u64, MAX_RECORDS as u64);
                return Err(Error::TooLarge { what: "WARC records", found, limit }.into());
            }
        }
        Ok(())
    }

    /// One member, which is exactly one record.
    fn one(&mut self, input: &mut Input<'_>) -> Result<()> {
        let from = input.at;
        let mut member = Member::begin(input, MAX_UNPACKED - self.unpacked)?;
        let (header, id) = Header::parse(&member.head("WARC header", MAX_HEADER)?, self.number)?;
        let (mut block, mut payload, mut left) = (Sha256::new(), Sha256::new(), header.length);
        let mut head = None;
        if let Some((_, coding)) = header.source {
            let bytes = member.head("HTTP head", super::MAX_HEAD)?;
            head = Some(warc::head(&bytes, header.kind, coding)?);
            block.update(&bytes);
            let shorter = || Error::malformed("Content-Length", header.length.to_string(), "no less than the head");
            left = left.checked_sub(bytes.len() as u64).ok_or_else(shorter)?;
        }
        let size = left;
        pass(&mut member, left, |bytes| {
            block.update(bytes);
            payload.update(bytes);
        })?;
        let mut tail = Vec::new();
        pass(&mut member, 4, |bytes| tail.extend_from_slice(bytes))?;
        if tail != b"\r\n\r\n" || !member.ready()?.is_empty() {
            let found = String::from_utf8_lossy(&tail).into_owned();
            return Err(Error::malformed("WARC record", found, "two empty lines, and the end of its member").into());
        }
        self.unpacked += member.unpacked();
        let (block, payload): ([u8; 32], [u8; 32]) = (block.finalize().into(), payload.finalize().into());
        for (what, found, stated) in
            [("WARC-Block-Digest", block, Some(header.block)), ("WARC-Payload-Digest", payload, header.payload)]
        {
            if let Some(stated) = stated.filter(|s| *s != found) {
                return Err(Error::mismatch(what, cdxj::short(&stated), cdxj::short(&found)).into());
            }
        }
        let method = self.placed(&header, &id, head.as_ref())?;
        let Some(target) = header.target.clone() else { return Ok(()) };
        self.targets += target.len() as u64;
        if self.targets > MAX_LIST {
            return Err(Error::TooLarge { what: "URLs", found: self.targets, limit: MAX_LIST }.into());
        }
        // Beyond what memory may hold, a redirect is one whose target is not known.
        let location = head.as_ref().and_then(|h| h.location.clone()).filter(|l| {
            self.locations += l.len() as u64;
            self.locations <= MAX_LIST
        });
        let resource = header.kind == Kind::Resource;
        let answered = header.kind == Kind::Response && method.as_deref() == Some("GET");
        self.entries.push(Entry {
            kind: header.kind.as_str(),
            target,
            at: header.date,
            offset: self.start + from,
            length: input.at - from,
            payload_sha256: payload,
            payload_size: size,
            status: head.as_ref().and_then(|h| h.status),
            location,
            content_type: if resource { Some(header.content_type) } else { head.and_then(|h| h.content_type) },
            indexed: resource || answered,
        });
        Ok(())
    }

    /// Whether a record may stand here: `warcinfo` first, a response after its request, a name once. Returns the
    /// method that a response answers.
    fn placed(&mut self, header: &Header, id: &str, head: Option<&warc::Head>) -> Result<Option<String>> {
        let asked = self.asked.take();
        let refuse = |found: &str, expected: &str| Err(Error::malformed("WARC records", found, expected).into());
        if (header.kind == Kind::Info) != (self.number == 0) {
            return refuse(header.kind.as_str(), "one warcinfo, first");
        }
        match header.kind {
            Kind::Info => self.info = Some((header.block, header.date)),
            Kind::Request => {
                let method = head.and_then(|h| h.method.clone());
                self.asked = Some((id.to_owned(), header.clone(), method));
            }
            Kind::Response => {
                let Some((asked, request, method)) = asked else {
                    return refuse("a response", "its request before it");
                };
                let same = header.concurrent.as_ref() == Some(&asked)
                    && (&header.target, header.date, header.ip) == (&request.target, request.date, request.ip)
                    && (&header.protocols, &header.cipher) == (&request.protocols, &request.cipher);
                return if same {
                    Ok(method)
                } else {
                    refuse("a response to another request", "that of the one before it")
                };
            }
            Kind::Resource => {
                let target = header.target.clone().unwrap_or_default();
                if !self.names.insert(target.clone()) {
                    return refuse(&target, "each name and label once");
                }
            }
        }
        Ok(None)
    }
}

/// Hands the next `left` bytes on, in pieces.
fn pass(member: &mut Member<'_, '_>, mut left: u64, mut see: impl FnMut(&[u8])) -> Result<()> {
    while left > 0 {
        let ready = member.ready()?;
        let n = ready.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if n == 0 {
            return Err(Error::malformed("WARC record", "the end of its member", format!("{left} more bytes")).into());
        }
        see(&ready[..n]);
        member.consume(n);
        left -= n as u64;
    }
    Ok(())
}
