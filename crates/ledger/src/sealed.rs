//! Sealed checkpoints: `sealed/<size>.txt`, the signed note, and over it `<size>.tsr`, `<size>-2.tsr` ….
//!
//! Rules: sizes only grow; the note is named last, so a note that stands there has all its tokens.

use std::{
    collections::BTreeSet,
    fs, io,
    ops::Bound,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use evidence::note::MAX_NOTE;

use crate::{Error, Result, files};

/// Longest token that is read back: a TimeStampToken with a whole certificate path is a few kB.
const MAX_TOKEN: u64 = 1 << 20;
/// Most tokens over one checkpoint.
pub(crate) const MAX_TOKENS: usize = 16;

/// A checkpoint that at least one authority stamped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Leaves.
    pub size: u64,
    /// The signed note, exactly as stamped.
    pub note: Vec<u8>,
    /// RFC 3161 answers over it, in order.
    pub tokens: Vec<Vec<u8>>,
}

/// The folder and what is known to stand in it.
pub(crate) struct Folder {
    dir: PathBuf,
    sizes: Mutex<BTreeSet<u64>>,
}

impl Folder {
    pub(crate) fn open(dir: PathBuf) -> Result<Self> {
        let folder = Self { dir, sizes: Mutex::default() };
        folder.refresh()?;
        Ok(folder)
    }

    /// Removes tokens whose note was never written: a later try may bring fewer.
    pub(crate) fn clean(&self) -> Result<()> {
        for name in self.names()? {
            let size = name.strip_suffix(".tsr").and_then(|stem| stem.split('-').next()?.parse().ok());
            if size.is_some_and(|size| !self.known(|sizes| sizes.contains(&size))) {
                let path = self.dir.join(&name);
                fs::remove_file(&path).map_err(|e| Error::io("remove", &path, e))?;
            }
        }
        Ok(())
    }

    /// Every sealed size, ascending.
    pub(crate) fn sizes(&self) -> Vec<u64> {
        self.known(|sizes| sizes.iter().copied().collect())
    }

    /// The largest sealed size.
    pub(crate) fn last(&self) -> Option<u64> {
        self.known(|sizes| sizes.last().copied())
    }

    /// The smallest sealed size above `index`, as far as known.
    pub(crate) fn first_covering(&self, index: u64) -> Option<u64> {
        self.known(|sizes| sizes.range((Bound::Excluded(index), Bound::Unbounded)).next().copied())
    }

    /// Looks at the folder again, for what another process sealed.
    pub(crate) fn refresh(&self) -> Result<()> {
        let found = self.names()?.iter().filter_map(|name| name.strip_suffix(".txt")?.parse().ok()).collect();
        self.known(|sizes| *sizes = found);
        Ok(())
    }

    pub(crate) fn read(&self, size: u64) -> Result<Sealed> {
        let path = self.note_path(size);
        let absent = |path: &Path| Error::damaged(path, "no such file", "a sealed checkpoint");
        let note = files::read(&path, MAX_NOTE as u64)?.ok_or_else(|| absent(&path))?;
        let mut tokens = Vec::new();
        while tokens.len() < MAX_TOKENS {
            match files::read(&self.token_path(size, tokens.len()), MAX_TOKEN)? {
                Some(token) => tokens.push(token),
                None => break,
            }
        }
        if tokens.is_empty() {
            return Err(absent(&self.token_path(size, 0)));
        }
        Ok(Sealed { size, note, tokens })
    }

    /// Durable when it returns.
    pub(crate) fn write(&self, scratch: &files::Scratch, sealed: &Sealed) -> Result<()> {
        let mut batch = scratch.batch()?;
        for (n, token) in sealed.tokens.iter().enumerate() {
            batch.put(self.token_path(sealed.size, n), token)?;
        }
        // Renamed in this order, but only a synced folder makes the order hold over a power failure.
        batch.sync()?;
        batch.publish()?;
        let mut batch = scratch.batch()?;
        batch.put(self.note_path(sealed.size), &sealed.note)?;
        batch.sync()?;
        batch.publish()
    }

    /// Makes a written one known.
    pub(crate) fn announce(&self, size: u64) {
        self.known(|sizes| sizes.insert(size));
    }

    pub(crate) fn note_path(&self, size: u64) -> PathBuf {
        self.dir.join(format!("{size}.txt"))
    }

    pub(crate) fn token_path(&self, size: u64, n: usize) -> PathBuf {
        match n {
            0 => self.dir.join(format!("{size}.tsr")),
            _ => self.dir.join(format!("{size}-{}.tsr", n + 1)),
        }
    }

    fn names(&self) -> Result<Vec<String>> {
        let io = |e| Error::io("list", &self.dir, e);
        match fs::read_dir(&self.dir) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            entries => entries
                .map_err(io)?
                .map(|entry| Ok(entry.map_err(io)?.file_name().to_string_lossy().into_owned()))
                .collect(),
        }
    }

    /// A panic elsewhere cannot leave the set half changed.
    fn known<T>(&self, look: impl FnOnce(&mut BTreeSet<u64>) -> T) -> T {
        look(&mut self.sizes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
