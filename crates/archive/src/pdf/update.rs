//! The three revisions that follow the pages: signature, validation material, document time-stamp.
//!
//! They are written in one way only, so a reader writes them again from what varies (Contents, date,
//! certificates, CRLs) and compares: no bit between is free. PAdES: ETSI EN 319 142-1, 5 and 6.

use super::{MAX_PDF, first::First};
use evidence::{Error, Result};

/// Room for Contents, in bytes: the smallest that holds it.
const ROOMS: [usize; 4] = [8 << 10, 16 << 10, 32 << 10, 64 << 10];
const SIGNATURE: &str = "/Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached";
const TIMESTAMP: &str = "/Type/DocTimeStamp/Filter/Adobe.PPKLite/SubFilter/ETSI.RFC3161";
const RANGE: &str = "/ByteRange[0000000000 0000000000 0000000000 0000000000]";

/// A revision that is written but for its Contents.
pub struct Prepared {
    bytes: Vec<u8>,
    /// Where `<` and the byte after `>` stand.
    gap: (usize, usize),
}

impl Prepared {
    /// What is signed or stamped: everything but Contents and its brackets.
    pub fn signed(&self) -> Vec<u8> {
        [&self.bytes[..self.gap.0], &self.bytes[self.gap.1..]].concat()
    }

    /// Bytes of DER that fit.
    pub fn room(&self) -> usize {
        (self.gap.1 - self.gap.0 - 2) / 2
    }

    /// The whole file, with `der` in Contents; what does not need this room, or does not fit, is refused.
    pub fn fill(mut self, der: &[u8]) -> Result<Vec<u8>> {
        if room_for(der.len())? != self.room() {
            return Err(Error::TooLarge { what: "Contents", found: der.len() as u64, limit: self.room() as u64 });
        }
        let hex = evidence::hex::encode(der);
        let from = self.gap.0 + 1;
        self.bytes[from..from + hex.len()].copy_from_slice(hex.as_bytes());
        Ok(self.bytes)
    }
}

/// The room that `length` bytes of DER get.
pub fn room_for(length: usize) -> Result<usize> {
    let limit = ROOMS[ROOMS.len() - 1];
    let room = ROOMS.into_iter().find(|room| *room >= length);
    room.ok_or(Error::TooLarge { what: "Contents", found: length as u64, limit: limit as u64 })
}

/// Writes the revisions after `first`.
#[derive(Clone)]
pub(crate) struct Writer<'f> {
    first: &'f First<'f>,
    bytes: Vec<u8>,
    /// Number of the first object that is not there.
    size: u32,
    startxref: usize,
    validation: Option<u32>,
    placed: Vec<(u32, usize)>,
}

impl<'f> Writer<'f> {
    pub(crate) fn new(first: &'f First<'f>) -> Self {
        let (bytes, size, startxref) = (first.bytes.to_vec(), first.size(), first.startxref);
        Self { first, bytes, size, startxref, validation: None, placed: Vec::new() }
    }

    /// After `bytes`, which this writer made by way of [`Prepared::fill`].
    pub(crate) fn resume(&mut self, bytes: Vec<u8>) {
        self.bytes = bytes;
    }

    /// The signature's revision. `date`: `20261124030612`, UTC.
    pub(crate) fn signature(&mut self, date: &str, room: usize) -> Result<Prepared> {
        let (field, form) = (self.size + 1, self.size + 2);
        self.begin();
        let gap = self.contents(&format!("{SIGNATURE}/M(D:{date}Z)"), room);
        self.widget(field, "Signature");
        self.object(form, format!("<</Fields[{field} 0 R]/SigFlags 3>>").as_bytes());
        self.page(&[field])?;
        self.catalog()?;
        self.finish(form + 1, gap)
    }

    /// The DSS's revision: DER of certificates and CRLs.
    pub(crate) fn validation(&mut self, certificates: &[Vec<u8>], crls: &[Vec<u8>]) -> Result<()> {
        self.begin();
        let mut number = self.size;
        let mut lists = [String::new(), String::new()];
        for (list, items) in lists.iter_mut().zip([certificates, crls]) {
            for der in items {
                let mut stream = format!("<</Length {}>>\nstream\n", der.len()).into_bytes();
                stream.extend_from_slice(der);
                stream.extend_from_slice(b"\nendstream");
                self.object(number, &stream);
                list.push_str(&format!("{}{number} 0 R", if list.is_empty() { "" } else { " " }));
                number += 1;
            }
        }
        self.object(number, format!("<</Type/DSS/Certs[{}]/CRLs[{}]>>", lists[0], lists[1]).as_bytes());
        self.validation = Some(number);
        self.catalog()?;
        self.close(number + 1);
        Ok(())
    }

    /// The document time-stamp's revision.
    pub(crate) fn timestamp(&mut self, room: usize) -> Result<Prepared> {
        let (field, form) = (self.size + 1, self.first.size() + 2);
        self.begin();
        let gap = self.contents(TIMESTAMP, room);
        self.widget(field, "Timestamp");
        let signature = self.first.size() + 1;
        self.object(form, format!("<</Fields[{signature} 0 R {field} 0 R]/SigFlags 3>>").as_bytes());
        self.page(&[signature, field])?;
        self.finish(field + 1, gap)
    }

    /// The file so far.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn begin(&mut self) {
        self.placed.clear();
        self.bytes.push(b'\n');
    }

    fn object(&mut self, number: u32, value: &[u8]) {
        self.placed.push((number, self.bytes.len()));
        self.bytes.extend_from_slice(format!("{number} 0 obj\n").as_bytes());
        self.bytes.extend_from_slice(value);
        self.bytes.extend_from_slice(b"\nendobj\n");
    }

    /// The signature dictionary; returns where Contents stands.
    fn contents(&mut self, opening: &str, room: usize) -> (usize, usize) {
        let number = self.size;
        let head = format!("<<{opening}{RANGE}/Contents");
        let from = self.bytes.len() + format!("{number} 0 obj\n").len() + head.len();
        self.object(number, format!("{head}<{}>>>", "0".repeat(2 * room)).as_bytes());
        (from, from + 2 * room + 2)
    }

    /// Nothing to see: the page itself says what is signed. Print and Locked.
    fn widget(&mut self, number: u32, name: &str) {
        let (value, page) = (self.size, self.first.page);
        let text =
            format!("<</Type/Annot/Subtype/Widget/FT/Sig/T({name})/V {value} 0 R/P {page} 0 R/Rect[0 0 0 0]/F 132>>");
        self.object(number, text.as_bytes());
    }

    fn page(&mut self, fields: &[u32]) -> Result<()> {
        let mut page = self.first.open_dictionary(self.first.page)?.to_vec();
        let fields: Vec<String> = fields.iter().map(|f| format!("{f} 0 R")).collect();
        page.extend_from_slice(format!("/Annots[{}]>>", fields.join(" ")).as_bytes());
        self.object(self.first.page, &page);
        Ok(())
    }

    fn catalog(&mut self) -> Result<()> {
        let mut catalog = self.first.open_dictionary(self.first.root)?.to_vec();
        let form = self.first.size() + 2;
        let extension = "/Extensions<</ESIC<</BaseVersion/1.7/ExtensionLevel 1>>>>";
        catalog.extend_from_slice(format!("{extension}/AcroForm {form} 0 R").as_bytes());
        if let Some(number) = self.validation {
            catalog.extend_from_slice(format!("/DSS {number} 0 R").as_bytes());
        }
        catalog.extend_from_slice(b">>");
        self.object(self.first.root, &catalog);
        Ok(())
    }

    /// Cross-reference table (one subsection a run of numbers) and trailer.
    fn close(&mut self, size: u32) {
        let at = self.bytes.len();
        self.placed.sort_unstable();
        let mut table = "xref\n".to_owned();
        for run in self.placed.chunk_by(|a, b| a.0 + 1 == b.0) {
            table.push_str(&format!("{} {}\n", run[0].0, run.len()));
            run.iter().for_each(|(_, offset)| table.push_str(&format!("{offset:010} 00000 n\r\n")));
        }
        table.push_str(&format!("trailer\n<</Size {size}/Root {} 0 R", self.first.root));
        self.bytes.extend_from_slice(table.as_bytes());
        self.bytes.extend_from_slice(self.first.kept);
        let end = format!("/Prev {}>>\nstartxref\n{at}\n%%EOF", self.startxref);
        self.bytes.extend_from_slice(end.as_bytes());
        (self.size, self.startxref) = (size, at);
    }

    fn finish(&mut self, size: u32, gap: (usize, usize)) -> Result<Prepared> {
        self.close(size);
        let total = self.bytes.len();
        if total > MAX_PDF {
            return Err(Error::TooLarge { what: "certificate PDF", found: total as u64, limit: MAX_PDF as u64 });
        }
        let range = format!("/ByteRange[{:010} {:010} {:010} {:010}]", 0, gap.0, gap.1, total - gap.1);
        let from = gap.0 - "/Contents".len() - RANGE.len();
        self.bytes[from..from + RANGE.len()].copy_from_slice(range.as_bytes());
        Ok(Prepared { bytes: self.bytes.clone(), gap })
    }
}
