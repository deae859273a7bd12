//! The write-ahead segment: the leaves in order, in the groups in which they were synced.
//!
//! Rules: a 16-byte file header, then groups, each
//! `"QZG1" ‖ index of its first leaf u64 ‖ leaves u32 ‖ payload bytes u32 ‖ CRC-32 u32 ‖ payload`, big-endian,
//! the CRC over everything else in the group, the payload as an entry bundle's (C2SP tlog-tiles): each leaf
//! behind its u16 length. A group is written only after the one before is synced. So a damaged group at the
//! very end was never acknowledged and is cut; one with a whole group behind it was, and is refused.

use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use crate::{Error, Result, files};

/// Longest leaf in bytes (FORMATS, record; an entry bundle's length is a u16).
pub const MAX_LEAF: usize = 65_535;
/// Longest payload of a group in bytes.
pub(crate) const MAX_PAYLOAD: usize = 32 << 20;

const FILE_HEADER: &[u8; 16] = b"quezao-segment1\n";
const MAGIC: &[u8; 4] = b"QZG1";
const HEADER: usize = 24;

/// A place between two groups: so many leaves, in so many bytes of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) size: u64,
    pub(crate) position: u64,
}

impl Cursor {
    /// Before the first group.
    pub(crate) const START: Self = Self { size: 0, position: FILE_HEADER.len() as u64 };
}

/// A synced group's leaves.
pub(crate) struct Group {
    payload: Vec<u8>,
    pub(crate) end: Cursor,
}

impl Group {
    pub(crate) fn leaves(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.payload[..];
        std::iter::from_fn(move || {
            let (leaf, behind) = split_leaf(rest)?;
            rest = behind;
            Some(leaf)
        })
    }
}

/// The open file. Reading and writing are by position, so that both can go on at once.
pub(crate) struct Segment {
    file: File,
    path: PathBuf,
}

impl Segment {
    /// Opens or makes it, as the one writer.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let io = |what| move |e| Error::io(what, path, e);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(io("open segment"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Locked(path.to_owned())),
            Err(TryLockError::Error(e)) => return Err(Error::io("lock segment", path, e)),
        }
        let segment = Self { file, path: path.to_owned() };
        let mut header = [0; FILE_HEADER.len()];
        let length = segment.length()?;
        let start = length.min(header.len() as u64) as usize;
        segment.file.read_exact_at(&mut header[..start], 0).map_err(io("read segment"))?;
        if header[..start] != FILE_HEADER[..start] {
            return Err(segment.refuse("file header", "other bytes", "a segment of this version"));
        }
        if start < header.len() {
            segment.file.write_all_at(FILE_HEADER, 0).map_err(io("write segment"))?;
            segment.sync()?;
            files::sync_dir(path.parent().unwrap_or(Path::new(".")))?;
        }
        Ok(segment)
    }

    /// For reading whole groups beside the writer.
    pub(crate) fn read_only(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::io("open segment", path, e))?;
        Ok(Self { file, path: path.to_owned() })
    }

    pub(crate) fn length(&self) -> Result<u64> {
        Ok(self.file.metadata().map_err(|e| Error::io("stat segment", &self.path, e))?.len())
    }

    /// Writes one group at `at` (not synced); returns the cursor behind it.
    pub(crate) fn write_group(&self, at: Cursor, count: u32, payload: &[u8]) -> Result<Cursor> {
        let mut header = [0; HEADER];
        header[..4].copy_from_slice(MAGIC);
        header[4..12].copy_from_slice(&at.size.to_be_bytes());
        header[12..16].copy_from_slice(&count.to_be_bytes());
        header[16..20].copy_from_slice(&(payload.len() as u32).to_be_bytes());
        let crc = checksum(&header[..20], payload);
        header[20..].copy_from_slice(&crc.to_be_bytes());
        let write = |bytes: &[u8], position| self.file.write_all_at(bytes, position);
        write(&header, at.position)
            .and_then(|()| write(payload, at.position + HEADER as u64))
            .map_err(|e| Error::io("write segment", &self.path, e))?;
        let end = at.position + (HEADER + payload.len()) as u64;
        Ok(Cursor { size: at.size + u64::from(count), position: end })
    }

    pub(crate) fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(|e| Error::io("sync segment", &self.path, e))
    }

    /// The group at `at`; `None` if no whole group of that index stands there.
    pub(crate) fn read_group(&self, at: Cursor) -> Result<Option<Group>> {
        self.group_at(at.position, self.length()?, Some(at.size))
    }

    /// The end of the whole groups from `from` on, and the bytes behind it, which no sync ever covered.
    ///
    /// Refuses a damaged group that has a whole one behind it.
    pub(crate) fn scan(&self, from: Cursor) -> Result<(Cursor, u64)> {
        let length = self.length()?;
        if length < from.position {
            let expected = format!("{} for its {} signed entries", from.position, from.size);
            return Err(self.refuse("length in bytes", length, expected));
        }
        let mut at = from;
        while let Some(group) = self.group_at(at.position, length, Some(at.size))? {
            at = group.end;
        }
        if let Some(position) = self.whole_group_behind(at, length)? {
            let found = format!("damage at byte {} with a whole group at byte {position}", at.position);
            return Err(self.refuse("acknowledged group", found, format!("the group of entry {}", at.size)));
        }
        Ok((at, length - at.position))
    }

    /// Cuts what stands behind `end`, and makes what stands before it durable: a killed process may
    /// have left a whole group that nobody synced.
    pub(crate) fn cut(&self, end: Cursor) -> Result<()> {
        if self.length()? > end.position {
            self.file.set_len(end.position).map_err(|e| Error::io("cut segment", &self.path, e))?;
        }
        self.sync()
    }

    fn group_at(&self, position: u64, length: u64, size: Option<u64>) -> Result<Option<Group>> {
        if length.saturating_sub(position) < HEADER as u64 {
            return Ok(None);
        }
        let mut header = [0; HEADER];
        let read = |bytes: &mut [u8], at| {
            self.file.read_exact_at(bytes, at).map_err(|e| Error::io("read segment", &self.path, e))
        };
        read(&mut header, position)?;
        let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let first = u64::from(word(4)) << 32 | u64::from(word(8));
        let (count, bytes, crc) = (word(12), word(16) as usize, word(20));
        let start = position + HEADER as u64;
        let fits = bytes <= MAX_PAYLOAD && bytes as u64 <= length - start;
        if header[..4] != *MAGIC || size.is_some_and(|size| size != first) || count == 0 || !fits {
            return Ok(None);
        }
        let mut payload = vec![0; bytes];
        read(&mut payload, start)?;
        if checksum(&header[..20], &payload) != crc {
            return Ok(None);
        }
        let Some(size) = first.checked_add(u64::from(count)) else { return Ok(None) };
        let group = Group { payload, end: Cursor { size, position: start + bytes as u64 } };
        let told = group.leaves().count();
        let held: usize = group.leaves().map(|leaf| leaf.len() + 2).sum();
        Ok((told == count as usize && held == bytes).then_some(group))
    }

    /// Looks for a whole group of a later index anywhere behind `at`.
    fn whole_group_behind(&self, at: Cursor, length: u64) -> Result<Option<u64>> {
        const WINDOW: usize = 1 << 20;
        let mut base = at.position + 1;
        let mut window = Vec::new();
        while base < length {
            window.resize(WINDOW.min((length - base) as usize), 0);
            self.file.read_exact_at(&mut window, base).map_err(|e| Error::io("read segment", &self.path, e))?;
            let hits = window.windows(MAGIC.len()).enumerate().filter(|(_, bytes)| bytes == MAGIC);
            for position in hits.map(|(n, _)| base + n as u64) {
                if let Some(group) = self.group_at(position, length, None)?
                    && group.end.size > at.size + 1
                {
                    return Ok(Some(position));
                }
            }
            // The magic may lie across the border.
            base += (window.len().saturating_sub(MAGIC.len() - 1)).max(1) as u64;
        }
        Ok(None)
    }

    fn refuse(&self, what: &'static str, found: impl ToString, expected: impl ToString) -> Error {
        let (found, expected) = (found.to_string(), expected.to_string());
        Error::Segment { path: self.path.clone(), what, found, expected }
    }
}

impl Segment {
    /// Lets another one be opened: this one is written no more.
    pub(crate) fn release(&self) {
        let _ = self.file.unlock();
    }
}

impl Drop for Segment {
    /// Closing would do, were it not for a program that is just being started elsewhere in this process:
    /// until its exec it holds a copy of the handle, and with it the lock.
    fn drop(&mut self) {
        self.release();
    }
}

/// Appends a leaf in an entry bundle's encoding.
pub(crate) fn push_leaf(out: &mut Vec<u8>, leaf: &[u8]) -> Result<()> {
    match u16::try_from(leaf.len()) {
        Ok(length) if length > 0 => {
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(leaf);
            Ok(())
        }
        _ => Err(Error::LeafLength { found: leaf.len(), limit: MAX_LEAF }),
    }
}

/// The first leaf of an entry bundle, and the rest.
pub fn split_leaf(bundle: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bundle.split_first_chunk::<2>()?;
    rest.split_at_checked(u16::from_be_bytes(*length).into())
}

fn checksum(header: &[u8], payload: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(header);
    crc.update(payload);
    crc.finalize()
}

#[cfg(test)]
mod tests;
