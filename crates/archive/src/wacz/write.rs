//! The streaming writer. The WARC goes first into the ZIP; its header's size and CRC are filled in when it ends.

use super::{
    About, Body, Coding, Entry, Exchange, MAX_BYTES, MAX_LIST, MAX_RECORDS, MAX_UNPACKED, Message, Page, Resource,
    Result, Summary,
    cdxj::{self, Listed},
    gzip::Packer,
    warc::{self, Header, Kind},
};
use crate::zip::{self, Directory, crc32_more};
use evidence::{Error, time::Utc};
use miniz_oxide::deflate::CompressionLevel;
use sha2::{Digest, Sha256};
use std::io::{Seek, SeekFrom, Write};

/// Writes one WACZ. Records go out as they come; index, pages and package list at the end. After an error the file is
/// of no use.
pub struct Writer<W: Write + Seek> {
    out: Out<W>,
    directory: Directory,
    about: About,
    entries: Vec<Entry>,
    pages: Vec<Page>,
    /// Records written, `warcinfo` included.
    number: usize,
    unpacked: u64,
    targets: u64,
}

impl<W: Write + Seek> Writer<W> {
    /// Starts with the `warcinfo` record. `out` is empty and stands at its start.
    pub fn new(out: W, about: &About) -> Result<Self> {
        let out = Out { out, at: 0, crc: 0, sha256: Sha256::new() };
        let (directory, entries, pages) = (Directory::default(), Vec::new(), Vec::new());
        let about = about.clone();
        let mut writer = Self { out, directory, about, entries, pages, number: 0, unpacked: 0, targets: 0 };
        writer.out.header(cdxj::WARC, 0, 0)?;
        let block = warc::info(&writer.about.software)?;
        let mut header = header(Kind::Info, writer.about.created, "application/warc-fields");
        (header.block, header.length) = (evidence::digest::sha256(&block), block.len() as u64);
        writer.record(&header, &block, &mut Body::empty(), CompressionLevel::DefaultLevel)?;
        Ok(writer)
    }

    /// Two records: `request`, `response` (one if none came).
    pub fn exchange(&mut self, exchange: Exchange) -> Result<()> {
        let Exchange { url, at, request, response, ip_address, protocols, cipher } = exchange;
        let mut header = header(Kind::Request, at, "application/http; msgtype=request");
        header.target = Some(url);
        (header.ip, header.protocols, header.cipher) = (ip_address, protocols, cipher);
        let (id, head) = self.message(header.clone(), request)?;
        if let Some(response) = response {
            let got = head.method.as_deref() == Some("GET");
            (header.kind, header.content_type) = (Kind::Response, "application/http; msgtype=response".into());
            header.concurrent = Some(id);
            self.message(header, response)?;
            self.entries.iter_mut().last().into_iter().for_each(|e| e.indexed = got);
        }
        Ok(())
    }

    /// One record. Each name and label once; `order` without a label.
    pub fn resource(&mut self, resource: Resource) -> Result<()> {
        let Resource { name, label, content_type, at, mut body } = resource;
        let target = label.map_or_else(|| name.clone(), |label| format!("{name}/{label}"));
        let target = format!("{}{target}", warc::URN);
        if self.entries.iter().any(|e| e.target == target) {
            return Err(Error::malformed("resource", target, "each name and label once").into());
        }
        let (sha256, size) = digests(&[], &mut body)?.1;
        let mut header = header(Kind::Resource, at, &content_type);
        header.target = Some(target);
        (header.block, header.payload, header.length) = (sha256, Some(sha256), size);
        let (offset, length, _) = self.record(&header, &[], &mut body, level(Some(&content_type)))?;
        self.keep(&header, offset, length, size, None, Some(content_type));
        self.entries.iter_mut().last().into_iter().for_each(|e| e.indexed = true);
        Ok(())
    }

    /// A page; the first is the main page. At least one.
    pub fn page(&mut self, page: Page) -> Result<()> {
        warc::check_url(&page.url)?;
        self.pages.push(page);
        Ok(())
    }

    /// Index, pages, package list, ZIP directory.
    pub fn finish(mut self) -> Result<(W, Summary)> {
        let main = self.pages.first().cloned();
        let main = main.ok_or_else(|| Error::Missing { what: "WACZ", missing: "a page".into() })?;
        let mut listed = vec![self.patch()?];
        let start = zip::LOCAL_LENGTH + cdxj::WARC.len();
        let index = cdxj::index(&self.entries, start as u64)?;
        listed.push(self.whole(cdxj::INDEX, &index)?);
        let pages = cdxj::pages(&self.pages)?;
        listed.push(self.whole(cdxj::PAGES, &pages)?);
        let package = cdxj::package(&self.about, &main, &listed)?;
        self.whole(cdxj::PACKAGE, &package)?;
        self.whole(cdxj::DIGEST, &cdxj::digest(&package)?)?;
        let at = usize::try_from(self.out.at).unwrap_or(usize::MAX);
        let tail = self.directory.finish(at)?;
        self.out.write(&tail)?;
        self.out.out.flush()?;
        Ok((self.out.out, Summary { size: self.out.at, records: self.number }))
    }

    fn message(&mut self, mut header: Header, message: Message) -> Result<(String, warc::Head)> {
        let Message { head, head_source, mut body, coding, truncated } = message;
        let head = if coding == Coding::Decoded { warc::renamed(&head) } else { head };
        let read = warc::head(&head, header.kind, coding)?;
        let ((block, length), (payload, size)) = digests(&head, &mut body)?;
        (header.block, header.payload, header.length) = (block, Some(payload), length);
        (header.truncated, header.source) = (truncated, Some((head_source, coding)));
        let level = level(read.content_type.as_deref());
        let (offset, length, id) = self.record(&header, &head, &mut body, level)?;
        self.keep(&header, offset, length, size, read.status, read.content_type.clone());
        Ok((id, read))
    }

    /// One gzip member: header, `head`, `body`, two empty lines. Returns its place, its length and the record's id.
    fn record(
        &mut self,
        header: &Header,
        head: &[u8],
        body: &mut Body,
        level: CompressionLevel,
    ) -> Result<(u64, u64, String)> {
        let (text, id) = header.encode(self.number)?;
        self.number += 1;
        self.targets += header.target.as_ref().map_or(0, |t| t.len() as u64);
        self.unpacked = self.unpacked.saturating_add(text.len() as u64 + header.length + 4);
        limit("WARC records", self.number as u64, MAX_RECORDS as u64)?;
        limit("URLs", self.targets, MAX_LIST)?;
        limit("unpacked records", self.unpacked, MAX_UNPACKED)?;
        let (from, out) = (self.out.at, &mut self.out);
        let mut put = |bytes: &[u8]| out.write(bytes);
        let mut packer = Packer::begin(level, &mut put)?;
        packer.write(&text, &mut put)?;
        packer.write(head, &mut put)?;
        let mut size = head.len() as u64;
        body.each(|bytes| {
            size += bytes.len() as u64;
            packer.write(bytes, &mut put)
        })?;
        if size != header.length {
            return Err(Error::mismatch("bytes of a body, read again", size, header.length).into());
        }
        packer.write(b"\r\n\r\n", &mut put)?;
        packer.finish(&mut put)?;
        Ok((from, self.out.at - from, id))
    }

    fn keep(
        &mut self,
        header: &Header,
        offset: u64,
        length: u64,
        payload_size: u64,
        status: Option<u16>,
        content_type: Option<String>,
    ) {
        self.entries.push(Entry {
            kind: header.kind.as_str(),
            target: header.target.clone().unwrap_or_default(),
            at: header.date,
            offset,
            length,
            payload_sha256: header.payload.unwrap_or_default(),
            payload_size,
            status,
            location: None,
            content_type,
            indexed: false,
        });
    }

    /// The WARC has ended: its local header gets what is known now.
    fn patch(&mut self) -> Result<Listed> {
        let size = self.out.at - (zip::LOCAL_LENGTH + cdxj::WARC.len()) as u64;
        let (crc, sha256) = self.out.taken();
        let entry = zip::Entry { name: cdxj::WARC, crc, size: size as u32 };
        self.out.out.seek(SeekFrom::Start(0))?;
        self.out.out.write_all(&entry.local())?;
        self.out.out.seek(SeekFrom::Start(self.out.at))?;
        self.directory.add(&entry, 0)?;
        Ok(Listed { size, sha256 })
    }

    fn whole(&mut self, name: &str, bytes: &[u8]) -> Result<Listed> {
        let at = usize::try_from(self.out.at).unwrap_or(usize::MAX);
        let entry = zip::Entry { name, crc: zip::crc32(bytes), size: bytes.len() as u32 };
        self.out.header(name, entry.crc, entry.size)?;
        self.out.write(bytes)?;
        self.directory.add(&entry, at)?;
        Ok(Listed { size: bytes.len() as u64, sha256: self.out.taken().1 })
    }
}

/// The file, and what has gone into the entry that is being written.
struct Out<W> {
    out: W,
    at: u64,
    crc: u32,
    sha256: Sha256,
}

impl<W: Write + Seek> Out<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.at += bytes.len() as u64;
        limit("WACZ", self.at, MAX_BYTES - 1)?;
        self.crc = crc32_more(self.crc, bytes);
        self.sha256.update(bytes);
        Ok(self.out.write_all(bytes)?)
    }

    fn header(&mut self, name: &str, crc: u32, size: u32) -> Result<()> {
        self.write(&zip::Entry { name, crc, size }.local())?;
        self.taken();
        Ok(())
    }

    /// CRC-32 and SHA-256 since the last header.
    fn taken(&mut self) -> (u32, [u8; 32]) {
        (std::mem::take(&mut self.crc), std::mem::replace(&mut self.sha256, Sha256::new()).finalize().into())
    }
}

fn header(kind: Kind, date: Utc, content_type: &str) -> Header {
    Header {
        kind,
        date,
        target: None,
        concurrent: None,
        ip: None,
        protocols: Vec::new(),
        cipher: None,
        block: [0; 32],
        payload: None,
        truncated: None,
        source: None,
        content_type: content_type.to_owned(),
        length: 0,
    }
}

type Sized = ([u8; 32], u64);

/// Of `head` and body together, and of the body.
fn digests(head: &[u8], body: &mut Body) -> Result<(Sized, Sized)> {
    let (mut block, mut payload, mut size) = (Sha256::new(), Sha256::new(), 0);
    block.update(head);
    body.each(|bytes| {
        block.update(bytes);
        payload.update(bytes);
        size += bytes.len() as u64;
        Ok(())
    })?;
    Ok(((block.finalize().into(), head.len() as u64 + size), (payload.finalize().into(), size)))
}

/// What is packed already is stored.
fn level(content_type: Option<&str>) -> CompressionLevel {
    let media = content_type.unwrap_or_default().to_ascii_lowercase();
    let packed = ["image/", "video/", "audio/", "font/", "application/zip", "application/pdf"];
    if packed.iter().any(|p| media.starts_with(p)) && !media.starts_with("image/svg") {
        return CompressionLevel::NoCompression;
    }
    CompressionLevel::BestSpeed
}

fn limit(what: &'static str, found: u64, limit: u64) -> Result<()> {
    if found <= limit { Ok(()) } else { Err(Error::TooLarge { what, found, limit }.into()) }
}
