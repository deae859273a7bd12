//! Prints of a whole shop in two flat files, `similar/prints-1` and `similar/waves-1` (docs/near.md).
//!
//! Rules:
//! - An entry is durable before its record is: a record whose entry is missing was never acknowledged. What a crash
//!   leaves beyond the last whole entry is cut off by the next writer; a torn entry has a wrong checksum and no record.
//! - `waves-1` is derived: the part of each entry that a query reads, in the same order. Where it is short, or belongs
//!   to other prints, the prints themselves are read.
//! - Read by position through a small buffer: nothing stays in memory, however large the shop.

use crate::{Error, Result, keys};
use evidence::digest::sha256;
use picture::{Likeness, PRINT_BYTES, Prints, Sieve, WAVE_BYTES};
use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

const MAGIC: &[u8; 16] = b"quezao/similar/1";
/// Magic, the id that both files share (16), bytes of an entry (4), whether every kept picture is in it (1), zeros,
/// and the first eight bytes of the SHA-256 of all that.
const HEADER: usize = 64;
const SIGNED: usize = HEADER - 8;
/// SHA-256 of the picture's file, its prints, SHA-256 of both.
const ENTRY: usize = 32 + PRINT_BYTES + 32;
/// Entries that are read at once.
const BLOCK: u64 = 1024;
/// Entries of the derived file that the writer derives again: more than one batch has.
const TAIL: u64 = 256;
const MAX_WORKERS: usize = 4;

/// Both files, open.
pub(crate) struct Shelf {
    folder: PathBuf,
    prints: File,
    /// A reader goes without it.
    waves: Option<File>,
    header: [u8; HEADER],
    /// Whole entries.
    count: u64,
    /// Those of which the derived file has its part.
    derived: u64,
}

/// What a query found.
#[derive(Debug, Default)]
pub(crate) struct Scanned {
    /// SHA-256 of a picture's file, and how near it is; in no order.
    pub near: Vec<([u8; 32], Likeness)>,
    /// Entries that came into question and have another checksum.
    pub damaged: u64,
}

impl Shelf {
    /// Opens the files of a data folder for reading; `None` where there are none.
    pub(crate) fn open(dir: &Path) -> Result<Option<Self>> {
        let folder = dir.join("similar");
        if !folder.join("prints-1").exists() {
            return Ok(None);
        }
        Self::open_in(folder, false).map(Some)
    }

    /// Opens them for the one writer: made where there are none (`complete` says whether every picture that the folder
    /// keeps will be in them), and set right after a crash.
    pub(crate) fn open_to_write(dir: &Path, complete: impl FnOnce() -> Result<bool>) -> Result<Self> {
        let folder = dir.join("similar");
        if !folder.join("prints-1").exists() {
            fs::create_dir_all(&folder).map_err(|e| Error::io(&folder, &e))?;
            Self::create(&folder, complete()?)?.publish()?;
        }
        let mut shelf = Self::open_in(folder, true)?;
        shelf.prints.set_len(place::<ENTRY>(shelf.count)).map_err(|e| shelf.io(&e))?;
        shelf.derived = shelf.derived.saturating_sub(TAIL);
        shelf.derive()?;
        Ok(shelf)
    }

    /// New, empty files beside the ones in use; [`Shelf::publish`] puts them in their place.
    pub(crate) fn create(folder: &Path, complete: bool) -> Result<Self> {
        let mut header = [0; HEADER];
        header[..16].copy_from_slice(MAGIC);
        header[16..32].copy_from_slice(&keys::random::<16>()?);
        header[32..36].copy_from_slice(&(ENTRY as u32).to_le_bytes());
        header[36] = u8::from(complete);
        let digest = sha256(&header[..SIGNED]);
        header[SIGNED..].copy_from_slice(&digest[..8]);
        let make = |name: &str| {
            let path = folder.join(name);
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path);
            file.and_then(|f| f.write_all_at(&header, 0).map(|()| f)).map_err(|e| Error::io(&path, &e))
        };
        let (prints, waves) = (make("prints-1.new")?, Some(make("waves-1.new")?));
        Ok(Self { folder: folder.to_owned(), prints, waves, header, count: 0, derived: 0 })
    }

    /// Puts new files in the place of the old ones, durably. Between the two renames, and after a crash there, the
    /// derived file belongs to other prints and is not used.
    pub(crate) fn publish(self) -> Result<()> {
        let done = || {
            self.prints.sync_all()?;
            self.waves.as_ref().map_or(Ok(()), File::sync_all)?;
            fs::rename(self.folder.join("waves-1.new"), self.folder.join("waves-1"))?;
            fs::rename(self.folder.join("prints-1.new"), self.folder.join("prints-1"))?;
            File::open(&self.folder)?.sync_all()
        };
        done().map_err(|e| self.io(&e))
    }

    fn open_in(folder: PathBuf, write: bool) -> Result<Self> {
        let path = folder.join("prints-1");
        let io = |e| Error::io(&path, &e);
        let prints = OpenOptions::new().read(true).write(write).open(&path).map_err(io)?;
        let length = prints.metadata().map_err(io)?.len();
        let mut header = [0; HEADER];
        let whole = prints.read_exact_at(&mut header, 0).is_ok();
        let sound = whole && header.starts_with(MAGIC) && sha256(&header[..SIGNED])[..8] == header[SIGNED..];
        if !sound || header[32..36] != (ENTRY as u32).to_le_bytes() {
            return Err(unusable());
        }
        let path = folder.join("waves-1");
        let waves = match OpenOptions::new().read(true).write(write).create(write).truncate(false).open(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            opened => Some(opened.map_err(|e| Error::io(&path, &e))?),
        };
        let count = length.saturating_sub(HEADER as u64) / ENTRY as u64;
        // Of another length or id: a writer derives it again, a reader does not use it.
        let derived = waves.as_ref().map_or(0, |waves| {
            let mut same = [0; HEADER];
            let same = waves.read_exact_at(&mut same, 0).is_ok() && same == header;
            let length = waves.metadata().map_or(0, |m| m.len()).saturating_sub(HEADER as u64);
            if same { (length / WAVE_BYTES as u64).min(count) } else { 0 }
        });
        Ok(Self { folder, prints, waves, header, count, derived })
    }

    /// Whether every picture that the folder keeps was put in.
    pub(crate) fn is_complete(&self) -> bool {
        self.header[36] == 1
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Puts entries at the end, durably.
    pub(crate) fn append(&mut self, new: &[([u8; 32], Prints)]) -> Result<()> {
        if new.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::with_capacity(new.len() * ENTRY);
        for (key, prints) in new {
            let entry = [&key[..], &prints.to_bytes()].concat();
            let digest = sha256(&entry);
            bytes.extend(entry);
            bytes.extend(digest);
        }
        let written = self.prints.write_all_at(&bytes, place::<ENTRY>(self.count));
        written.and_then(|()| self.prints.sync_data()).map_err(|e| self.io(&e))?;
        self.count += new.len() as u64;
        self.derive()
    }

    /// New files in the place of these, without the entries of some files; nothing is written where there are none.
    pub(crate) fn leave_out(self, keys: &[[u8; 32]]) -> Result<()> {
        let mut any = false;
        for at in 0..self.count {
            any |= self.entry(at)?.is_none_or(|(key, _)| keys.contains(&key));
        }
        if !any {
            return Ok(());
        }
        let mut new = Self::create(&self.folder, self.is_complete())?;
        for from in (0..self.count).step_by(BLOCK as usize) {
            let entries = (from..(from + BLOCK).min(self.count)).map(|at| self.entry(at));
            // A damaged entry cannot say whose it is.
            let entries = entries.collect::<Result<Vec<_>>>()?.into_iter().flatten();
            new.append(&entries.filter(|(key, _)| !keys.contains(key)).collect::<Vec<_>>())?;
        }
        new.publish()
    }

    /// Brings the derived file up to the prints.
    fn derive(&mut self) -> Result<()> {
        let Some(waves) = &self.waves else { return Ok(()) };
        if self.derived == 0 {
            waves.write_all_at(&self.header, 0).map_err(|e| self.io(&e))?;
        }
        let mut derived = self.derived;
        while derived < self.count {
            let to = (derived + BLOCK).min(self.count);
            let column = self.column_of_prints(derived, to)?;
            waves.write_all_at(&column, place::<WAVE_BYTES>(derived)).map_err(|e| self.io(&e))?;
            derived = to;
        }
        let cut = waves.set_len(place::<WAVE_BYTES>(derived)).and_then(|()| waves.sync_data());
        cut.map_err(|e| self.io(&e))?;
        self.derived = derived;
        Ok(())
    }

    /// One entry; `None` where its checksum is another one.
    pub(crate) fn entry(&self, at: u64) -> Result<Option<([u8; 32], Prints)>> {
        let mut bytes = vec![0; ENTRY];
        self.prints.read_exact_at(&mut bytes, place::<ENTRY>(at)).map_err(|e| self.io(&e))?;
        Ok(parse(&bytes))
    }

    fn column_of_prints(&self, from: u64, to: u64) -> Result<Vec<u8>> {
        let mut bytes = vec![0; (to - from) as usize * ENTRY];
        self.prints.read_exact_at(&mut bytes, place::<ENTRY>(from)).map_err(|e| self.io(&e))?;
        // A damaged entry is near nothing: half of a hash's bits are set.
        let waves = |entry: &[u8; ENTRY]| parse(entry).map_or_else(|| vec![0; WAVE_BYTES], |(_, p)| p.waves());
        Ok(bytes.as_chunks::<ENTRY>().0.iter().flat_map(waves).collect())
    }

    /// Every picture that is close to this one, or possibly alike: all are looked at, on all cores.
    pub(crate) fn scan(&self, sieve: &Sieve) -> Result<Scanned> {
        let next = AtomicU64::new(0);
        let found = Mutex::new(Ok(Scanned::default()));
        let work = || {
            let mut buffer = Vec::new();
            loop {
                let from = next.fetch_add(BLOCK, Ordering::Relaxed);
                if from >= self.count {
                    return;
                }
                let block = self.block(sieve, from, (from + BLOCK).min(self.count), &mut buffer);
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                match (found.as_mut(), block) {
                    (Ok(all), Ok(block)) => {
                        all.near.extend(block.near);
                        all.damaged += block.damaged;
                    }
                    (Ok(_), Err(e)) => *found = Err(e),
                    (Err(_), _) => return,
                }
            }
        };
        let workers = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_WORKERS);
        let workers = if self.count <= 2 * BLOCK { 1 } else { workers };
        std::thread::scope(|scope| {
            (1..workers).for_each(|_| drop(scope.spawn(work)));
            work();
        });
        found.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn block(&self, sieve: &Sieve, from: u64, to: u64, buffer: &mut Vec<u8>) -> Result<Scanned> {
        let passed = match &self.waves {
            Some(waves) if to <= self.derived => {
                buffer.resize((to - from) as usize * WAVE_BYTES, 0);
                waves.read_exact_at(buffer, place::<WAVE_BYTES>(from)).map_err(|e| self.io(&e))?;
                sieve.pass(buffer)
            }
            _ => sieve.pass(&self.column_of_prints(from, to)?),
        };
        let mut found = Scanned::default();
        for at in passed {
            match self.entry(from + at as u64)? {
                Some((key, prints)) => found.near.extend(sieve.like(&prints).map(|likeness| (key, likeness))),
                None => found.damaged += 1,
            }
        }
        Ok(found)
    }

    fn io(&self, error: &io::Error) -> Error {
        Error::io(&self.folder.join("prints-1"), error)
    }
}

/// Where an entry of so many bytes begins.
fn place<const N: usize>(at: u64) -> u64 {
    HEADER as u64 + at * N as u64
}

fn parse(bytes: &[u8]) -> Option<([u8; 32], Prints)> {
    let (content, digest) = bytes.split_at_checked(ENTRY - 32)?;
    let (key, prints) = content.split_first_chunk::<32>()?;
    if sha256(content) != *digest {
        return None;
    }
    Some((*key, Prints::from_bytes(prints)?))
}

fn unusable() -> Error {
    Error::new(
        "图片指纹文件（similar/）损坏或由其他版本写成；请运行 quezao admin similar rebuild，证据不受影响",
        "the file of fingerprints (similar/) is damaged or another release's; run quezao admin similar rebuild, evidence is unharmed",
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use picture::{Limits, prints};

    fn some(seed: u32) -> Prints {
        let value = |x: u32, y: u32, n: u32| ((x / 40) * 97 + (y / 40) * 53 * n + seed * 131) as u8;
        let picture = image::RgbImage::from_fn(320, 240, |x, y| image::Rgb([1, 2, 3].map(|n| value(x, y, n))));
        let mut out = io::Cursor::new(Vec::new());
        picture.write_to(&mut out, image::ImageFormat::Png).unwrap();
        prints(out.into_inner(), &Limits::default()).unwrap()
    }

    fn key(n: u64) -> [u8; 32] {
        sha256(&n.to_le_bytes())
    }

    fn filled(dir: &Path, n: u64) -> Shelf {
        let mut shelf = Shelf::open_to_write(dir, || Ok(true)).unwrap();
        let five = [0, 1, 2, 3, 4].map(some);
        let new: Vec<_> = (0..n).map(|n| (key(n), five[(n % 5) as usize].clone())).collect();
        shelf.append(&new).unwrap();
        shelf
    }

    fn found(dir: &Path, prints: &Prints) -> Vec<[u8; 32]> {
        let shelf = Shelf::open(dir).unwrap().unwrap();
        let scanned = shelf.scan(&Sieve::new(prints.clone())).unwrap();
        let mut keys: Vec<_> =
            scanned.near.into_iter().filter(|(_, l)| (l.dct, l.gradient) == (0, 0)).map(|n| n.0).collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn everything_is_looked_at_with_the_derived_file_and_without() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Shelf::open(dir.path()).unwrap().is_none());
        filled(dir.path(), 2_500);
        let mut expected: Vec<_> = (0..2_500).filter(|n| n % 5 == 3).map(key).collect();
        expected.sort_unstable();
        assert_eq!(found(dir.path(), &some(3)), expected);
        let waves = dir.path().join("similar/waves-1");
        let whole = fs::read(&waves).unwrap();
        fs::write(&waves, &whole[..whole.len() / 2]).unwrap();
        assert_eq!(found(dir.path(), &some(3)), expected, "half of it");
        fs::remove_file(&waves).unwrap();
        assert_eq!(found(dir.path(), &some(3)), expected, "none of it");
        Shelf::open_to_write(dir.path(), || Ok(true)).unwrap();
        assert!(fs::read(&waves).unwrap() == whole, "derived again");
    }

    #[test]
    fn what_is_left_out_is_in_neither_file() {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path(), 2_500);
        Shelf::open(dir.path()).unwrap().unwrap().leave_out(&[key(3), key(2_400)]).unwrap();
        let shelf = Shelf::open(dir.path()).unwrap().unwrap();
        assert!(shelf.count() == 2_498 && shelf.derived == 2_498 && shelf.is_complete());
        let found = found(dir.path(), &some(3));
        assert!(found.len() == 499 && !found.contains(&key(3)) && found.contains(&key(8)));
        let bytes = fs::read(dir.path().join("similar/prints-1")).unwrap();
        assert!(!bytes.windows(32).any(|w| w == key(3)));
    }

    #[test]
    fn a_torn_end_is_cut_and_what_follows_is_found() {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path(), 7);
        let path = dir.path().join("similar/prints-1");
        let whole = fs::read(&path).unwrap();
        for cut in [1, ENTRY / 2, ENTRY - 1, ENTRY, ENTRY + 9] {
            fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            let mut shelf = Shelf::open_to_write(dir.path(), || Ok(true)).unwrap();
            assert_eq!(shelf.count(), 7 - cut.div_ceil(ENTRY) as u64);
            shelf.append(&[(key(99), some(9))]).unwrap();
            assert_eq!(found(dir.path(), &some(9)), [key(99)], "{cut}");
        }
    }

    #[test]
    fn a_changed_entry_is_named_and_a_changed_header_refused() {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path(), 3);
        let path = dir.path().join("similar/prints-1");
        let mut bytes = fs::read(&path).unwrap();
        bytes[HEADER + ENTRY + 40] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let shelf = Shelf::open(dir.path()).unwrap().unwrap();
        let scanned = shelf.scan(&Sieve::new(some(1))).unwrap();
        assert!(scanned.damaged == 1 && scanned.near.iter().all(|(k, _)| *k != key(1)));
        for at in [0, 20, 33, 36, HEADER - 1] {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            fs::write(&path, &bytes).unwrap();
            assert!(Shelf::open(dir.path()).is_err(), "{at}");
        }
    }
}
