//! The certificate of a record: drawn from the very entries of its package, then signed.
//!
//! Rules:
//! - The sheet's `file` line holds only where the kept original was read again just now and has the recorded digests.
//!   `--digest-only`, a lost or a damaged original: the sheet says that it awaits the original.
//! - The thumbnail is made of those same bytes, and only where they were found to be the original's.
//! - The count of earlier records is the operator's: up to the size of the checkpoint on the sheet, this one left out.

use crate::{Error, ExportRequest, Folder, Result, clock, intake, letters, seal};
use certificate::{Locale, Occasion};
use evidence::{checkpoint::Checkpoint, digest::FileDigests, note::Note};
use std::{collections::BTreeMap, fs};
use store::Record;

/// Largest original of which a thumbnail is made: it is held in memory once.
const MAX_PICTURE: u64 = 256 << 20;

impl Folder {
    /// The signed certificate over these entries (2 to 7 of the package).
    pub(crate) fn certificate(
        &self,
        record: &Record,
        entries: &[(String, Vec<u8>)],
        request: &ExportRequest,
    ) -> Result<Vec<u8>> {
        let entries: BTreeMap<String, Vec<u8>> = entries.iter().cloned().collect();
        let (original_read, thumbnail) = self.original_again(record);
        let occasion = Occasion {
            locale: if request.english { Locale::En } else { Locale::Zh },
            checked: clock::now(),
            earlier: self.earlier(record, &entries)?,
            original_read,
        };
        let pdf = certificate::draw(&entries, &occasion, thumbnail.as_deref(), letters::fonts()).map_err(|e| {
            Error::new(
                format!("{}：证书无法绘制（{e}）；证据本身不受影响", record.id),
                format!("{}: the certificate could not be drawn ({e}); the evidence itself is unharmed", record.id),
            )
        })?;
        seal::certificate(self, &pdf)
    }

    /// Whether the kept original still has the recorded digests, and, of a picture that has, its thumbnail.
    fn original_again(&self, record: &Record) -> (bool, Option<Vec<u8>>) {
        let (Some(sha256), Some(sm3), Some(size)) = (record.sha256, record.sm3, record.size) else {
            return (false, None);
        };
        let recorded = FileDigests { sha256, sm3, size };
        let held = intake::original_path(&self.dir.join("originals"), &sha256);
        if record.kind != "image" || size > MAX_PICTURE {
            return (intake::digests(&held, &mut |_| ()).is_ok_and(|found| found == recorded), None);
        }
        // The bytes that were compared are the bytes that are drawn.
        let Some(bytes) = fs::read(&held).ok().filter(|b| FileDigests::of(b) == recorded) else {
            return (false, None);
        };
        (true, picture::thumbnail(bytes, &picture::Limits::default()).ok())
    }

    fn earlier(&self, record: &Record, entries: &BTreeMap<String, Vec<u8>>) -> Result<Option<u64>> {
        let (Some(sha256), Some(index)) = (record.sha256, record.index) else { return Ok(None) };
        let Some(note) = entries.get("checkpoint.txt") else { return Ok(None) };
        let size = Checkpoint::parse(&Note::parse(note)?.text)?.size;
        let same = self.store.by_sha256(&sha256)?;
        Ok((index < size).then(|| same.iter().filter(|r| r.index.is_some_and(|i| i < index)).count() as u64))
    }
}
