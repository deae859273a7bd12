//! The one error of this crate: both values that disagree, and the way out.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Why the ledger did not do it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The operating system's word.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was being done.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        source: Arc<io::Error>,
    },
    /// The head row's storage failed.
    #[error("head row: {0}")]
    Storage(String),
    /// Somebody else moved the head row.
    #[error("the head row holds size {found:?}, expected {expected:?}: another writer has this ledger open")]
    HeadMoved {
        /// Size that we last wrote.
        expected: Option<u64>,
        /// Size that stands there.
        found: Option<u64>,
    },
    /// An earlier write or sync failed, so nothing here can be trusted: end the process and open again.
    #[error("the ledger stopped after a failure and must be opened again: {0}")]
    Poisoned(String),
    /// The ledger is closing.
    #[error("the ledger is closed")]
    Closed,
    /// Another process has the folder open for writing.
    #[error("{} is open for writing in another process", .0.display())]
    Locked(PathBuf),
    /// An old copy of the folder: a larger tree was signed before.
    #[error(
        "the folder's tree has {folder_size} entries, but {mirror_size} were already signed according to {}: \
         this is an older copy of the folder; use the newest one, or read this one only",
        mirror.display()
    )]
    Rollback {
        /// Leaves of the head row.
        folder_size: u64,
        /// Leaves of the checkpoint that is ahead of it.
        mirror_size: u64,
        /// Where that checkpoint stands.
        mirror: PathBuf,
    },
    /// Nothing outside the folder says whether it is the newest: no mirror, and too few witnesses answer.
    #[error(
        "no mirror of the head stands at {}, and the witnesses that answered do not make up the quorum \
         (silent: {silent}), so nothing shows whether this folder is the newest copy",
        mirror.display()
    )]
    Unwitnessed {
        /// Where the mirror would be.
        mirror: PathBuf,
        /// The published checkpoint, which becomes the mirror where somebody knows that it is the newest.
        checkpoint: PathBuf,
        /// Names of the witnesses that did not answer.
        silent: String,
    },
    /// Two trees of one size: signing on would fork the log.
    #[error("root of the tree of {size} entries: {what} has {found}, expected {expected}")]
    Fork {
        /// Where `found` comes from.
        what: &'static str,
        /// Leaves.
        size: u64,
        /// Root, hex.
        found: String,
        /// Root, hex.
        expected: String,
    },
    /// The head row's note says something else than the row.
    #[error("head row: {what} is {found}, its signed checkpoint says {expected}")]
    HeadRow {
        /// Field.
        what: &'static str,
        /// In the row.
        found: String,
        /// In the note.
        expected: String,
    },
    /// Acknowledged entries are missing or damaged.
    #[error("segment {}: {what}: found {found}, expected {expected}; restore it from a backup", path.display())]
    Segment {
        /// File.
        path: PathBuf,
        /// What was looked at.
        what: &'static str,
        /// What stands there.
        found: String,
        /// What must stand there.
        expected: String,
    },
    /// A file of the static tree or of `sealed/` is missing or damaged.
    #[error("{}: found {found}, expected {expected}", path.display())]
    Damaged {
        /// File.
        path: PathBuf,
        /// What stands there.
        found: String,
        /// What must stand there.
        expected: String,
    },
    /// A leaf that no entry bundle can hold.
    #[error("a leaf of {found} bytes; 1 to {limit} are possible")]
    LeafLength {
        /// Bytes.
        found: usize,
        /// [`crate::MAX_LEAF`].
        limit: usize,
    },
    /// More leaves at once than one group can hold.
    #[error("a batch of {found} bytes; at most {limit} are possible")]
    BatchLength {
        /// Bytes.
        found: usize,
        /// [`crate::MAX_BATCH`].
        limit: usize,
    },
    /// No such entry or tree.
    #[error("{what} {found}: the published tree has {size} entries")]
    OutOfRange {
        /// Index or size.
        what: &'static str,
        /// The one asked for.
        found: u64,
        /// Leaves.
        size: u64,
    },
    /// Nothing was ever published in this folder.
    #[error("{}: no checkpoint was published yet", .0.display())]
    Empty(PathBuf),
    /// A checkpoint, signature or key that does not hold.
    #[error("{}: {source}", path.display())]
    Evidence {
        /// Where it stands.
        path: PathBuf,
        /// What is wrong with it.
        source: evidence::Error,
    },
}

/// Shorthand.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn io(what: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { what, path: path.to_owned(), source: Arc::new(source) }
    }

    pub(crate) fn damaged(path: &Path, found: impl ToString, expected: impl ToString) -> Self {
        Self::Damaged { path: path.to_owned(), found: found.to_string(), expected: expected.to_string() }
    }

    pub(crate) fn evidence(path: &Path, source: evidence::Error) -> Self {
        Self::Evidence { path: path.to_owned(), source }
    }
}
