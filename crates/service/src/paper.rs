//! The certificate of a record: drawn from the very entries of its package, then signed.
//!
//! Rules:
//! - The sheet's `file` line holds only where the kept original was read again just now and has the recorded digests.
//!   `--digest-only`, a lost or a damaged original: the sheet says that it awaits the original.
//! - A capture's report is drawn from its own file, screenshot included; who has the file draws every page again.
//! - The thumbnail is made of those same bytes, and only where they were found to be the original's; of a file that is
//!   not decoded here it is the preview that the file carries, and the sheet says so.
//! - The count of earlier records is the operator's: up to the size of the checkpoint on the sheet, this one left out.

use crate::{Error, ExportRequest, Folder, Result, clock, intake, letters, seal};
use archive::wacz::{Source, Wacz};
use certificate::{Likenesses, Locale, Occasion, Pictures};
use evidence::{
    checkpoint::Checkpoint,
    collection::{Line, Manifest},
    comparison::Comparison,
    digest::{self, FileDigests},
    disclosure,
    note::Note,
    statement::Kind,
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};
use store::Record;

/// Largest original of which a thumbnail is made: it is held in memory once.
const MAX_PICTURE: u64 = 256 << 20;
/// Pixels, and bytes, of one tile of a screenshot.
const MAX_TILE: u64 = 4096 * 4096;
const MAX_TILE_BYTES: u64 = 96 << 20;

impl Folder {
    /// The signed certificate over these entries (2 to 7 of the package).
    pub(crate) fn certificate(
        &self,
        record: &Record,
        entries: &[(String, Vec<u8>)],
        request: &ExportRequest,
    ) -> Result<Vec<u8>> {
        let entries: BTreeMap<String, Vec<u8>> = entries.iter().cloned().collect();
        let (original_read, thumbnail) = self.original_again(record)?;
        let occasion = self.occasion(record, &entries, request, original_read)?;
        let pdf = certificate::draw(&entries, &occasion, thumbnail.as_deref(), letters::fonts());
        seal::certificate(self, &pdf.map_err(|e| undrawn(record, &e))?)
    }

    /// The signed report of a capture, or sheet of a comparison, over these entries; `held` is its file, whose digests
    /// were just compared.
    pub(crate) fn report(
        &self,
        record: &Record,
        kind: Kind,
        entries: &[(String, Vec<u8>)],
        request: &ExportRequest,
        held: &mut File,
    ) -> Result<Vec<u8>> {
        let entries: BTreeMap<String, Vec<u8>> = entries.iter().cloned().collect();
        let occasion = self.occasion(record, &entries, request, true)?;
        let fonts = letters::fonts();
        let pdf = if kind == Kind::Comparison {
            let kept = |sha256: &[u8; 32]| self.own_path(record.account, sha256).ok().flatten();
            certificate::draw_comparison(
                &entries,
                held,
                &occasion,
                &mut |document| pair_pictures(document, &kept),
                fonts,
            )
        } else {
            certificate::draw_capture(&entries, held, &occasion, &mut page_pictures, fonts)
        };
        seal::certificate(self, &pdf.map_err(|e| undrawn(record, &e))?)
    }

    /// The signed certificate of a collection over these entries, its list and items among them.
    pub(crate) fn collection(
        &self,
        record: &Record,
        entries: &[(String, Vec<u8>)],
        request: &ExportRequest,
    ) -> Result<Vec<u8>> {
        let entries: BTreeMap<String, Vec<u8>> = entries.iter().cloned().collect();
        let manifest = Manifest::parse(entries.get("manifest.jsonl").map(Vec::as_slice).unwrap_or_default())?;
        let kept = |sha256: &[u8; 32]| self.own_path(record.account, sha256).ok().flatten();
        let occasion = self.occasion(record, &entries, request, true)?;
        let pdf =
            certificate::draw_collection(&entries, &occasion, &contact_sheets(&manifest, &kept), letters::fonts());
        seal::certificate(self, &pdf.map_err(|e| undrawn(record, &e))?)
    }

    /// The signed certificate of a licence, or of what ends or confirms one, over these entries.
    pub(crate) fn licence_sheet(
        &self,
        record: &Record,
        entries: &[(String, Vec<u8>)],
        request: &ExportRequest,
    ) -> Result<Vec<u8>> {
        let entries: BTreeMap<String, Vec<u8>> = entries.iter().cloned().collect();
        let kept = |sha256: &[u8; 32]| self.own_path(record.account, sha256).ok().flatten();
        let occasion = self.occasion(record, &entries, request, true)?;
        let sheets = licence_sheets(&entries, &kept);
        let pdf = certificate::draw_licence(&entries, &occasion, &sheets, letters::fonts());
        seal::certificate(self, &pdf.map_err(|e| undrawn(record, &e))?)
    }

    fn occasion(
        &self,
        record: &Record,
        entries: &BTreeMap<String, Vec<u8>>,
        request: &ExportRequest,
        original_read: bool,
    ) -> Result<Occasion> {
        Ok(Occasion {
            locale: if request.english { Locale::En } else { Locale::Zh },
            checked: clock::now(),
            earlier: self.earlier(record, entries)?,
            original_read,
        })
    }

    /// Whether the original that was left here with this record still has the recorded digests, and, of a picture that
    /// has, its thumbnail.
    fn original_again(&self, record: &Record) -> Result<(bool, Option<Vec<u8>>)> {
        let (Some(sha256), Some(sm3), Some(size)) = (record.sha256, record.sm3, record.size) else {
            return Ok((false, None));
        };
        let recorded = FileDigests { sha256, sm3, size };
        let Some(held) = self.kept_path(record)? else { return Ok((false, None)) };
        if size > MAX_PICTURE || !shows_something(&held) {
            return Ok((intake::digests(&held, &mut |_| ()).is_ok_and(|found| found == recorded), None));
        }
        // The bytes that were compared are the bytes that are drawn.
        let Some(bytes) = fs::read(&held).ok().filter(|b| FileDigests::of(b) == recorded) else {
            return Ok((false, None));
        };
        Ok((true, picture::thumbnail(bytes, &picture::Limits::default()).ok()))
    }

    fn earlier(&self, record: &Record, entries: &BTreeMap<String, Vec<u8>>) -> Result<Option<u64>> {
        let (Some(sha256), Some(index)) = (record.sha256, record.index) else { return Ok(None) };
        let Some(note) = entries.get("checkpoint.txt") else { return Ok(None) };
        let size = Checkpoint::parse(&Note::parse(note)?.text)?.size;
        let same = self.store.by_sha256(&sha256)?;
        Ok((index < size).then(|| same.iter().filter(|r| r.index.is_some_and(|i| i < index)).count() as u64))
    }
}

/// Whether a file may have a thumbnail: a picture, or one that carries a preview.
fn shows_something(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|f| f.take(picture::HEAD as u64).read_to_end(&mut head));
    read.is_ok() && picture::is_shown(picture::media_type(&head))
}

/// The full screenshot of a capture, cut as its report prints it. A file without one, or with one that does not decode,
/// has no pictures.
pub fn page_pictures(wacz: &Wacz, source: &mut dyn Source) -> Pictures {
    let bounds = picture::Bounds {
        rows: certificate::part_rows,
        width: certificate::MAX_WIDTH,
        parts: certificate::MAX_PARTS,
        bytes: certificate::MAX_PICTURES,
    };
    let limits = picture::Limits { pixels: MAX_TILE, bytes: MAX_TILE_BYTES, ..picture::Limits::default() };
    let mut tiles: Vec<_> =
        wacz.named().filter(|(name, _)| name.split('/').next() == Some("screenshot-full")).collect();
    tiles.sort_by_key(|(name, _)| *name);
    let mut cutter = picture::Cutter::new(bounds);
    for (_, entry) in tiles {
        let tile = wacz.payload(source, entry, MAX_TILE_BYTES).ok();
        if tile.and_then(|tile| cutter.push(tile, &limits).ok()).is_none() {
            return Pictures::default();
        }
    }
    let strip = cutter.finish().unwrap_or_default();
    Pictures {
        width: strip.width,
        height: strip.height,
        parts: strip.parts.into_iter().map(|p| (p.from, p.to, p.jpeg)).collect(),
    }
}

/// Small pictures of the pairs that a comparison's sheet shows. `file` says where the file of a digest may lie: the
/// capture's WACZ, registered originals. What is not there, or is another file, has no picture.
pub fn pair_pictures(document: &Comparison, file: &dyn Fn(&[u8; 32]) -> Option<PathBuf>) -> Likenesses {
    let pairs = certificate::shown_pairs(document);
    let mut pictures = Likenesses::new();
    let mut add = |sha256: [u8; 32], bytes: Vec<u8>| {
        let made = picture::thumbnail(bytes, &picture::Limits::default()).ok();
        pictures.extend(made.map(|jpeg| (sha256, jpeg)));
    };
    let pages: BTreeSet<[u8; 32]> = pairs.iter().map(|p| p.0).collect();
    let registered: BTreeSet<[u8; 32]> = pairs.iter().map(|p| p.1).collect();
    for sha256 in &registered {
        let path = file(sha256).filter(|p| fs::metadata(p).is_ok_and(|m| m.len() <= MAX_PICTURE));
        let bytes = path.and_then(|p| fs::read(p).ok()).filter(|b| digest::sha256(b) == *sha256);
        bytes.into_iter().for_each(|b| add(*sha256, b));
    }
    let capture = document.capture.sha256;
    let same = |p: &PathBuf| intake::digests(p, &mut |_| ()).is_ok_and(|d| d.sha256 == capture);
    let opened = file(&capture).filter(|p| !pages.is_empty() && same(p)).and_then(|p| File::open(p).ok());
    let Some(mut source) = opened else { return pictures };
    let Ok(wacz) = archive::wacz::read(&mut source) else { return pictures };
    for sha256 in pages.difference(&registered) {
        let entry = wacz.entries.iter().find(|e| e.kind == "response" && e.payload_sha256 == *sha256);
        let bytes = entry.and_then(|e| wacz.payload(&mut source, e, MAX_TILE_BYTES).ok());
        bytes.into_iter().for_each(|b| add(*sha256, b));
    }
    pictures
}

/// The contact sheets of a collection. `file` says where the file of a digest may lie; what is not there, is another
/// file, or does not decode, leaves its frame empty.
pub fn contact_sheets(manifest: &Manifest, file: &(dyn Fn(&[u8; 32]) -> Option<PathBuf> + Sync)) -> Vec<Vec<u8>> {
    let limits = picture::Limits::default();
    let draw = |(n, lines): (usize, &[Line])| {
        let mut sheet = picture::ContactSheet::new(n + 1, lines.len());
        for (place, line) in lines.iter().enumerate().filter(|(_, l)| l.digests.size <= MAX_PICTURE) {
            let bytes = file(&line.digests.sha256).and_then(|path| fs::read(path).ok());
            if let Some(bytes) = bytes.filter(|b| FileDigests::of(b) == line.digests) {
                // A file that is no picture leaves its frame empty.
                let _ = sheet.put(place, bytes, &limits);
            }
        }
        sheet.finish().unwrap_or_default()
    };
    let work: Mutex<VecDeque<(usize, &[Line])>> =
        Mutex::new(manifest.lines().chunks(certificate::PER_SHEET).enumerate().collect());
    let done: Mutex<BTreeMap<usize, Vec<u8>>> = Mutex::default();
    let next = || work.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(part) = next() {
                    let drawn = draw(part);
                    done.lock().unwrap_or_else(PoisonError::into_inner).insert(part.0, drawn);
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

/// The pictures that a licence names and its entries carry along: their places among all, from 0, and digests.
fn licensed_pictures(entries: &BTreeMap<String, Vec<u8>>) -> (Vec<(usize, FileDigests)>, usize) {
    let refs = || {
        let set = disclosure::parse_set(entries.get("disclosure.json")?).ok()?;
        set.iter().find(|d| d.name() == "refs").and_then(|d| Some(d.value().as_array()?.len()))
    };
    let named = |place: usize| {
        let bytes = entries.get(&format!("related-named-{place:02}-record.json"))?;
        let statement = evidence::record::Record::parse(bytes).ok()?.statement;
        let digests = statement.file.filter(|_| statement.kind == Kind::Image)?.digests;
        Some((place - 1, digests))
    };
    let all = refs().unwrap_or(0);
    ((1..=all).filter_map(named).collect(), all)
}

/// The contact sheet of a licence's pictures: one where it names any that its package carries along. `file` as for
/// [`contact_sheets`].
pub fn licence_sheets(
    entries: &BTreeMap<String, Vec<u8>>,
    file: &dyn Fn(&[u8; 32]) -> Option<PathBuf>,
) -> Vec<Vec<u8>> {
    let (pictures, all) = licensed_pictures(entries);
    if pictures.is_empty() {
        return Vec::new();
    }
    let mut sheet = picture::ContactSheet::new(1, all);
    for (place, digests) in pictures.iter().filter(|(_, d)| d.size <= MAX_PICTURE) {
        let bytes = file(&digests.sha256).and_then(|path| fs::read(path).ok());
        if let Some(bytes) = bytes.filter(|b| FileDigests::of(b) == *digests) {
            // A file that is no picture leaves its frame empty.
            let _ = sheet.put(*place, bytes, &picture::Limits::default());
        }
    }
    vec![sheet.finish().unwrap_or_default()]
}

fn undrawn(record: &Record, e: &certificate::Error) -> Error {
    Error::new(
        format!("{}：证书无法绘制（{e}）；证据本身不受影响", record.id),
        format!("{}: the certificate could not be drawn ({e}); the evidence itself is unharmed", record.id),
    )
}
