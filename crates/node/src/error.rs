//! The one error of this crate: a sentence in each language, with the value and the way out.

use std::{io, path::Path};

/// Why the node did not do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Chinese.
    pub zh: String,
    /// The same in English.
    pub en: String,
}

/// Shorthand used throughout the crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Of both sentences.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }

    /// A file operation that failed.
    pub(crate) fn io(path: &Path, error: &io::Error) -> Self {
        let shown = path.display().to_string().escape_debug().to_string();
        if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            return Self::new(
                format!("{shown}：磁盘已满；请腾出空间，腾出之前不签署"),
                format!("{shown}: the disk is full; free some space: nothing is cosigned before that"),
            );
        }
        Self::new(
            format!("{shown}：无法读写（{error}）；请检查路径与权限"),
            format!("{shown}: cannot be read or written ({error}); check path and permissions"),
        )
    }

    /// The same about this thing.
    pub(crate) fn about(self, what: &str) -> Self {
        Self { zh: format!("{what}：{}", self.zh), en: format!("{what}: {}", self.en) }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.en)
    }
}

impl std::error::Error for Error {}

impl From<evidence::Error> for Error {
    fn from(e: evidence::Error) -> Self {
        Self::new(e.zh(), e.to_string())
    }
}

impl From<ledger::Error> for Error {
    fn from(e: ledger::Error) -> Self {
        if let ledger::Error::Io { path, source, .. } = &e {
            return Self::io(path, source);
        }
        Self::new(format!("镜像文件：{e}"), format!("the mirror's files: {e}"))
    }
}
