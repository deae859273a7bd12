//! Sealed checkpoints: `sealed/<stem>.txt`, the signed note, and over it `<stem>.tsr`, `<stem>-2.tsr` …. A stem is the
//! size; where the same tree was sealed again, since its quorum came later, `<size>+1` and so on.
//!
//! Rules: stems only grow; the note is named last, so a note that stands there has all its tokens. `<stem>.open` says
//! that the quorum was not met. `since`, which is there while a quorum is asked for, names the last stem before that:
//! *final* is what was sealed after it with the quorum. Without `since` every seal is final.

use std::{
    collections::BTreeSet,
    fmt, fs, io,
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
/// Longest `since`.
const MAX_SINCE: u64 = 64;

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

/// Which seal: size, then how often that tree was sealed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stem {
    pub(crate) size: u64,
    pub(crate) turn: u32,
}

impl Stem {
    fn parse(text: &str) -> Option<Self> {
        let (size, turn) = text.split_once('+').map_or((text, None), |(size, turn)| (size, Some(turn)));
        Some(Self { size: size.parse().ok()?, turn: turn.map_or(Ok(0), str::parse).ok()? })
    }
}

impl fmt::Display for Stem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.turn {
            0 => write!(f, "{}", self.size),
            turn => write!(f, "{}+{turn}", self.size),
        }
    }
}

/// The folder and what is known to stand in it.
pub(crate) struct Folder {
    dir: PathBuf,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    all: BTreeSet<Stem>,
    finals: BTreeSet<Stem>,
    /// A quorum is asked for: what was sealed up to this stem is not final.
    since: Option<Option<Stem>>,
}

impl Folder {
    pub(crate) fn open(dir: PathBuf) -> Result<Self> {
        let folder = Self { dir, known: Mutex::default() };
        folder.refresh()?;
        Ok(folder)
    }

    /// Removes tokens whose note was never written: a later try may bring fewer.
    pub(crate) fn clean(&self) -> Result<()> {
        for name in self.names()? {
            let stem = name.strip_suffix(".open").or_else(|| name.strip_suffix(".tsr")?.split('-').next());
            let stem = stem.and_then(Stem::parse);
            if stem.is_some_and(|stem| !self.known(|known| known.all.contains(&stem))) {
                let path = self.dir.join(&name);
                fs::remove_file(&path).map_err(|e| Error::io("remove", &path, e))?;
            }
        }
        Ok(())
    }

    /// Every seal, ascending.
    pub(crate) fn stems(&self) -> Vec<Stem> {
        self.known(|known| known.all.iter().copied().collect())
    }

    /// The newest seal.
    pub(crate) fn last(&self) -> Option<Stem> {
        self.known(|known| known.all.last().copied())
    }

    /// The newest final one.
    pub(crate) fn last_final(&self) -> Option<Stem> {
        self.known(|known| known.finals.last().copied())
    }

    /// The first seal of a size above `index`, as far as known; of the final ones, or of all.
    pub(crate) fn covering(&self, index: u64, of_finals: bool) -> Option<Stem> {
        let above = (Bound::Excluded(Stem { size: index, turn: u32::MAX }), Bound::Unbounded);
        self.known(|known| if of_finals { &known.finals } else { &known.all }.range(above).next().copied())
    }

    /// Looks at the folder again, for what another process sealed.
    pub(crate) fn refresh(&self) -> Result<()> {
        let names = self.names()?;
        let stems = |suffix| names.iter().filter_map(move |name| Stem::parse(name.strip_suffix(suffix)?));
        let (all, open): (BTreeSet<Stem>, BTreeSet<Stem>) = (stems(".txt").collect(), stems(".open").collect());
        let since = self.since()?;
        let is_final = |stem: &&Stem| since.is_none_or(|since| Some(**stem) > since && !open.contains(stem));
        let finals = all.iter().filter(is_final).copied().collect();
        self.known(|known| *known = Known { all, finals, since });
        Ok(())
    }

    pub(crate) fn read(&self, stem: Stem) -> Result<Sealed> {
        let path = self.note_path(stem);
        let absent = |path: &Path| Error::damaged(path, "no such file", "a sealed checkpoint");
        let note = files::read(&path, MAX_NOTE as u64)?.ok_or_else(|| absent(&path))?;
        let mut tokens = Vec::new();
        while tokens.len() < MAX_TOKENS {
            match files::read(&self.token_path(stem, tokens.len()), MAX_TOKEN)? {
                Some(token) => tokens.push(token),
                None => break,
            }
        }
        if tokens.is_empty() {
            return Err(absent(&self.token_path(stem, 0)));
        }
        Ok(Sealed { size: stem.size, note, tokens })
    }

    /// Durable when it returns; `met`: with the quorum, or where none is asked for.
    pub(crate) fn write(&self, scratch: &files::Scratch, stem: Stem, sealed: &Sealed, met: bool) -> Result<()> {
        let mut batch = scratch.batch()?;
        for (n, token) in sealed.tokens.iter().enumerate() {
            batch.put(self.token_path(stem, n), token)?;
        }
        if !met {
            batch.put(self.open_path(stem), b"")?;
        }
        // Renamed in this order, but only a synced folder makes the order hold over a power failure.
        batch.sync()?;
        batch.publish()?;
        let mut batch = scratch.batch()?;
        batch.put(self.note_path(stem), &sealed.note)?;
        batch.sync()?;
        batch.publish()
    }

    /// Makes a written one known.
    pub(crate) fn announce(&self, stem: Stem, met: bool) {
        self.known(|known| {
            known.all.insert(stem);
            if met {
                known.finals.insert(stem);
            }
        });
    }

    /// From now on a quorum is asked for, or none.
    pub(crate) fn ask_quorum(&self, asked: bool) -> Result<()> {
        let path = self.since_path();
        if asked {
            let last = self.last().map_or_else(|| "-".to_owned(), |stem| stem.to_string());
            files::replace(&path, format!("{last}\n").as_bytes())?;
        } else if path.exists() {
            fs::remove_file(&path).map_err(|e| Error::io("remove", &path, e))?;
        }
        self.refresh()
    }

    pub(crate) fn asks_quorum(&self) -> bool {
        self.known(|known| known.since.is_some())
    }

    fn since(&self) -> Result<Option<Option<Stem>>> {
        let path = self.since_path();
        let Some(bytes) = files::read(&path, MAX_SINCE)? else { return Ok(None) };
        let text = String::from_utf8_lossy(&bytes);
        match text.trim_end() {
            "-" => Ok(Some(None)),
            stem => match Stem::parse(stem) {
                Some(stem) => Ok(Some(Some(stem))),
                None => Err(Error::damaged(&path, stem, "a size")),
            },
        }
    }

    pub(crate) fn since_path(&self) -> PathBuf {
        self.dir.join("since")
    }

    pub(crate) fn open_path(&self, stem: Stem) -> PathBuf {
        self.dir.join(format!("{stem}.open"))
    }

    pub(crate) fn note_path(&self, stem: Stem) -> PathBuf {
        self.dir.join(format!("{stem}.txt"))
    }

    pub(crate) fn token_path(&self, stem: Stem, n: usize) -> PathBuf {
        match n {
            0 => self.dir.join(format!("{stem}.tsr")),
            _ => self.dir.join(format!("{stem}-{}.tsr", n + 1)),
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

    /// A panic elsewhere cannot leave the sets half changed.
    fn known<T>(&self, look: impl FnOnce(&mut Known) -> T) -> T {
        look(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
