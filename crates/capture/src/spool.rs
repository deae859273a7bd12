//! Files of one recording in a private folder, with a cap on their bytes.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::recording::Spooled;

/// A recording's private folder: removed with it, and left alone by other captures as long as it lives.
#[derive(Debug)]
pub struct Folder {
    within: tempfile::TempDir,
    _lock: fs::File,
}

impl Folder {
    /// Where it is.
    pub fn path(&self) -> &Path {
        self.within.path()
    }
}

#[derive(Debug)]
pub(crate) struct Spool {
    pub(crate) folder: Folder,
    count: u64,
    left: u64,
    /// Set once something did not fit.
    pub(crate) full: bool,
}

pub(crate) const PREFIX: &str = "quezao-capture-";
const LOCK: &str = "lock";

impl Spool {
    /// Mode 0700, removed when dropped. What a killed process left in the same place is removed first.
    pub(crate) fn new(within: Option<&Path>, bytes: u64) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX);
        let within = within.map_or_else(std::env::temp_dir, Path::to_path_buf);
        sweep(&within);
        let within = builder.tempdir_in(within)?;
        let lock = lock(within.path())?;
        Ok(Self { folder: Folder { within, _lock: lock }, count: 0, left: bytes, full: false })
    }

    /// As [`Spool::put`], of what is not in memory.
    pub(crate) fn put_from(&mut self, mut from: impl Read) -> Option<Spooled> {
        let file = self.folder.path().join(format!("{:06}", self.count + 1));
        let written = (|| {
            let mut out = fs::File::create(&file)?;
            let (mut digest, mut size, mut block) = (Sha256::new(), 0, vec![0; 1 << 18]);
            loop {
                let n = match from.read(&mut block) {
                    Ok(0) => return Ok((size, digest.finalize())),
                    Ok(n) => n,
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                    Err(e) => return Err(e),
                };
                size += n as u64;
                if size > self.left {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                digest.update(&block[..n]);
                out.write_all(&block[..n])?;
            }
        })();
        match written {
            Ok((size, digest)) => {
                self.count += 1;
                self.left -= size;
                Some(Spooled { file, size, sha256: hex(&digest) })
            }
            Err(_) => {
                let _ = fs::remove_file(&file);
                self.full = true;
                None
            }
        }
    }

    /// Removes a file that is not to be kept.
    pub(crate) fn forget(&mut self, spooled: &Spooled) {
        if fs::remove_file(&spooled.file).is_ok() {
            self.left += spooled.size;
        }
    }

    /// `None`: over the cap, or the disk refused.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Option<Spooled> {
        let size = bytes.len() as u64;
        if size > self.left {
            self.full = true;
            return None;
        }
        self.count += 1;
        let file = self.folder.path().join(format!("{:06}", self.count));
        if fs::write(&file, bytes).is_err() {
            self.full = true;
            return None;
        }
        self.left -= size;
        Some(Spooled { file, size, sha256: hex(&Sha256::digest(bytes)) })
    }
}

/// Says that a folder is lived in. Held before it has its name: another capture's sweep must not come between.
pub(crate) fn lock(within: &Path) -> io::Result<fs::File> {
    let unnamed = within.join("lock-new");
    let lock = fs::File::create(&unnamed)?;
    lock.try_lock().map_err(io::Error::from)?;
    fs::rename(unnamed, within.join(LOCK))?;
    Ok(lock)
}

/// Removes the folders whose lock nobody holds; others' folders cannot be removed and are left.
fn sweep(within: &Path) {
    for entry in fs::read_dir(within).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if !ours || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        // Without a lock file yet, it is just being made.
        if let Ok(lock) = fs::File::open(entry.path().join(LOCK))
            && lock.try_lock().is_ok()
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_a_killed_process_left_is_removed_and_the_living_are_not() {
        let within = tempfile::tempdir().unwrap();
        let living = Spool::new(Some(within.path()), 10).unwrap();
        let dead = within.path().join("quezao-capture-dead");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join(LOCK), b"").unwrap();
        fs::write(dead.join("000001"), b"body").unwrap();
        // A recording outlives its spool.
        let living = living.folder;
        let other = Spool::new(Some(within.path()), 10).unwrap();
        assert!(!dead.exists() && living.path().exists() && other.folder.path().exists());
    }

    #[test]
    fn the_cap_is_kept_and_said() {
        let mut spool = Spool::new(None, 10).unwrap();
        assert_eq!(spool.put(b"12345").unwrap().size, 5);
        assert!(spool.put(b"123456").is_none() && spool.full);
        assert!(spool.put(b"12345").is_some());
        let mut spool = Spool::new(None, 10).unwrap();
        let kept = spool.put_from(&b"12345"[..]).unwrap();
        assert_eq!((kept.size, fs::read(&kept.file).unwrap()), (5, b"12345".to_vec()));
        assert_eq!(kept.sha256, hex(&Sha256::digest(b"12345")));
        assert!(spool.put_from(&b"123456"[..]).is_none() && spool.full);
        assert_ne!(spool.put(b"1").unwrap().file, kept.file);
    }
}
