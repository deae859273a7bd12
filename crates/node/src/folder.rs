//! The node's files: each appears whole or not at all, and is read within a limit.

use crate::{Error, Result};
use std::{fs, path::Path};

/// Longest small file of the node's own, in bytes.
const MAX_TEXT: u64 = 1 << 20;

pub(crate) fn make(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).map_err(|e| Error::io(dir, &e))
}

/// Durable when it returns.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    Ok(ledger::files::replace(path, bytes)?)
}

/// `None`: there is no such file.
pub(crate) fn read(path: &Path, most: u64) -> Result<Option<Vec<u8>>> {
    Ok(ledger::files::read(path, most)?)
}

/// Without the newline at its end.
pub(crate) fn read_text(path: &Path) -> Result<Option<String>> {
    let Some(bytes) = read(path, MAX_TEXT)? else { return Ok(None) };
    let text = String::from_utf8(bytes).map_err(|_| {
        let shown = path.display();
        Error::new(format!("{shown}：不是文本；请从备份恢复"), format!("{shown}: not text; restore it from a backup"))
    })?;
    Ok(Some(text.strip_suffix('\n').map_or(text.clone(), str::to_owned)))
}

/// A folder that nobody else may look into.
pub(crate) fn make_private(dir: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| Error::io(dir, &e))
}
