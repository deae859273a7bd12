//! Files that appear whole or not at all.
//!
//! Rules: written under a temporary name, synced, renamed, and the folder synced, so that a name never
//! shows half a file, also after a power failure. Temporary names live in one folder that is emptied at
//! opening, so the published tree holds nothing else than its own files.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{Error, Result};

/// From so many files on, one sync of the whole file system is cheaper than one a file.
const SYNC_ALL_FROM: usize = 64;

/// Bytes that a folder's disk still takes from who is not its owner.
pub fn free_space(dir: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(dir)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// The folder of temporary names.
pub struct Scratch {
    dir: PathBuf,
    next: AtomicU64,
}

impl Scratch {
    /// Makes it, or empties it: what lies there was never published.
    pub fn open(dir: PathBuf) -> Result<Self> {
        match fs::remove_dir_all(&dir) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(Error::io("empty", &dir, e)),
            _ => fs::create_dir_all(&dir).map_err(|e| Error::io("create", &dir, e))?,
        }
        Ok(Self { dir, next: AtomicU64::new(0) })
    }

    /// A set of files that is published together.
    pub fn batch(&self) -> Result<Batch<'_>> {
        // Opened before anything is written, so that `syncfs` reports every failed write since.
        let folder = File::open(&self.dir).map_err(|e| Error::io("open", &self.dir, e))?;
        Ok(Batch { scratch: self, folder, files: Vec::new(), dirs: BTreeSet::new() })
    }

    fn path(&self) -> PathBuf {
        self.dir.join(self.next.fetch_add(1, Ordering::Relaxed).to_string())
    }
}

/// Files on their way: [`Batch::put`] writes, [`Batch::sync`] makes durable, [`Batch::publish`] names.
pub struct Batch<'a> {
    scratch: &'a Scratch,
    folder: File,
    /// Handle (dropped where the whole file system is synced), temporary name, final name.
    files: Vec<(Option<File>, PathBuf, PathBuf)>,
    /// Folders whose entries change.
    dirs: BTreeSet<PathBuf>,
}

impl Batch<'_> {
    /// Writes a file under a temporary name.
    pub fn put(&mut self, target: PathBuf, bytes: &[u8]) -> Result<()> {
        let temporary = self.scratch.path();
        let written = File::create(&temporary).and_then(|mut file| file.write_all(bytes).map(|()| file));
        let file = written.map_err(|e| Error::io("write", &target, e))?;
        let handle = (self.files.len() < SYNC_ALL_FROM).then_some(file);
        if let Some(dir) = target.parent() {
            make_dir(dir, &mut self.dirs)?;
            self.dirs.insert(dir.to_owned());
        }
        self.files.push((handle, temporary, target));
        Ok(())
    }

    /// Makes all of them durable.
    pub fn sync(&mut self) -> Result<()> {
        if self.files.len() > SYNC_ALL_FROM {
            return rustix::fs::syncfs(&self.folder).map_err(|e| Error::io("sync", &self.scratch.dir, e.into()));
        }
        for (handle, _, target) in &self.files {
            if let Some(file) = handle {
                file.sync_all().map_err(|e| Error::io("sync", target, e))?;
            }
        }
        Ok(())
    }

    /// Gives them their names, durably.
    pub fn publish(self) -> Result<()> {
        for (_, temporary, target) in &self.files {
            fs::rename(temporary, target).map_err(|e| Error::io("rename", target, e))?;
        }
        self.dirs.iter().try_for_each(|dir| sync_dir(dir))
    }
}

/// One small file, anywhere, replaced as a whole.
pub fn replace(target: &Path, bytes: &[u8]) -> Result<()> {
    let mut dirs = BTreeSet::new();
    let dir = target.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_dir(dir, &mut dirs)?;
    dirs.insert(dir.to_owned());
    let mut temporary = target.as_os_str().to_owned();
    temporary.push(".tmp");
    let temporary = PathBuf::from(temporary);
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, target)
    };
    write().map_err(|e| Error::io("write", target, e))?;
    dirs.iter().try_for_each(|dir| sync_dir(dir))
}

/// The file's bytes, or `None` if there is no such file; a longer one than `limit` is refused unread.
pub fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|e| Error::io("open", path, e))?,
    };
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|e| Error::io("read", path, e))?;
    if bytes.len() as u64 > limit {
        return Err(Error::damaged(path, "a longer file", format!("at most {limit} bytes")));
    }
    Ok(Some(bytes))
}

/// Makes a folder's entries durable.
pub fn sync_dir(dir: &Path) -> Result<()> {
    File::open(dir).and_then(|d| d.sync_all()).map_err(|e| Error::io("sync folder", dir, e))
}

/// As `create_dir_all`, noting the folders that got a new entry.
fn make_dir(dir: &Path, changed: &mut BTreeSet<PathBuf>) -> Result<()> {
    if dir.as_os_str().is_empty() || dir.is_dir() {
        return Ok(());
    }
    if let Some(parent) = dir.parent() {
        make_dir(parent, changed)?;
        changed.insert(if parent.as_os_str().is_empty() { PathBuf::from(".") } else { parent.to_owned() });
    }
    match fs::create_dir(dir) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(Error::io("create", dir, e)),
        _ => Ok(()),
    }
}
