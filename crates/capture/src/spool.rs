//! Files of one recording in a private folder, with a cap on their bytes.

use std::fs;
use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::recording::Spooled;

#[derive(Debug)]
pub(crate) struct Spool {
    pub(crate) folder: tempfile::TempDir,
    count: u64,
    left: u64,
    /// Set once something did not fit.
    pub(crate) full: bool,
}

impl Spool {
    /// Mode 0700, removed when dropped.
    pub(crate) fn new(within: Option<&Path>, bytes: u64) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("capture-");
        let folder = match within {
            Some(within) => builder.tempdir_in(within)?,
            None => builder.tempdir()?,
        };
        Ok(Self { folder, count: 0, left: bytes, full: false })
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

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
