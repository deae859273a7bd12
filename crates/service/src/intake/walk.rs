//! Files under the given paths, in a stable order, without following links inside folders.

use crate::{Error, Result, error::show_path};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// A path to register, or why it cannot be.
pub(crate) type Found = std::result::Result<(PathBuf, u64), (PathBuf, Error)>;

/// Every regular file under `paths`. Hidden names inside folders, links inside folders and the data
/// folder itself are passed over; a path that does not exist is a failure of its own.
pub(crate) fn find(paths: &[PathBuf], data: &Path) -> Result<Vec<Found>> {
    let data = data.canonicalize().map_err(|e| Error::io(data, &e))?;
    let mut found = Vec::new();
    for path in paths {
        match std::fs::metadata(path) {
            Err(e) => found.push(Err((path.clone(), Error::io(path, &e)))),
            Ok(m) if m.is_dir() => folder(path, &data, &mut found),
            Ok(m) => found.push(Ok((path.clone(), m.len()))),
        }
    }
    if found.is_empty() {
        let shown: Vec<String> = paths.iter().map(|p| show_path(p)).collect();
        return Err(Error::new(
            format!("在 {} 中没有找到文件", shown.join("、")),
            format!("no files were found in {}", shown.join(", ")),
        ));
    }
    Ok(found)
}

fn folder(root: &Path, data: &Path, found: &mut Vec<Found>) {
    let hidden = |e: &walkdir::DirEntry| e.depth() > 0 && e.file_name().to_string_lossy().starts_with('.');
    let ours = |e: &walkdir::DirEntry| e.file_type().is_dir() && e.path().canonicalize().is_ok_and(|p| p == *data);
    for entry in WalkDir::new(root).sort_by_file_name().into_iter().filter_entry(|e| !hidden(e) && !ours(e)) {
        match entry {
            Ok(e) if e.file_type().is_file() => match e.metadata() {
                Ok(m) => found.push(Ok((e.into_path(), m.len()))),
                Err(error) => found.push(Err(failed(root, &error))),
            },
            Ok(_) => {}
            Err(error) => found.push(Err(failed(root, &error))),
        }
    }
}

fn failed(root: &Path, error: &walkdir::Error) -> (PathBuf, Error) {
    let path = error.path().unwrap_or(root).to_owned();
    let reason = error.io_error().map_or_else(
        || {
            Error::new(
                format!("{}：链接成环", show_path(&path)),
                format!("{}: the links form a loop", show_path(&path)),
            )
        },
        |e| Error::io(&path, e),
    );
    (path, reason)
}
