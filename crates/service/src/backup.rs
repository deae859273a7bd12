//! A copy of a data folder that is whole: taken under the writer's lock, beside readers, and renamed into place when complete.
//!
//! What is copied is the folder as it stands, an interrupted write included: the copy recovers as the folder would.

use crate::{
    Error, Folder, Mode, Result,
    error::show_path,
    folder::{self, ledger_error},
    init::Making,
};
use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// What a backup holds.
#[derive(Clone, Debug)]
pub struct Backup {
    /// Files written.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Leaves under the published checkpoint.
    pub size: u64,
    /// Where the mirror of the ledger's head lies, which is not in the backup.
    pub mirror: PathBuf,
}

/// Copies `dir` to `output`, which must not exist. `progress` is told the bytes of all files, then each file's.
pub fn backup(dir: &Path, output: &Path, originals: bool, progress: &mut dyn FnMut(Progress)) -> Result<Backup> {
    let folder = Folder::open(dir, Mode::Read)?;
    if fs::symlink_metadata(output).is_ok() {
        return Err(Error::new(
            format!("{} 已经存在；备份不覆盖任何东西，请换一个新的名称", show_path(output)),
            format!("{} exists; a backup overwrites nothing, choose a new name", show_path(output)),
        ));
    }
    let parent = output.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(|e| Error::io(parent, &e))?;
    let real = |path: &Path| fs::canonicalize(path).map_err(|e| Error::io(path, &e));
    if real(parent)?.starts_with(real(dir)?) {
        return Err(Error::new(
            format!("{} 在数据文件夹之内；请把备份放到别处", show_path(output)),
            format!("{} is inside the data folder; put the backup elsewhere", show_path(output)),
        ));
    }
    let _lock = folder::lock(dir)?;
    let (checkpoint, _) = folder.reader.published().map_err(|e| ledger_error(&e))?;
    let making = Making::begin(output)?;
    fs::set_permissions(&making.path, fs::Permissions::from_mode(0o700)).map_err(|e| Error::io(&making.path, &e))?;

    let mut files = Vec::new();
    walk(dir, Path::new(""), originals, &making.path, &mut files)?;
    progress(Progress::Planned(files.iter().map(|f| f.1).sum()));
    let mut done = Backup { files: 1, bytes: 0, size: checkpoint.size, mirror: folder::mirror_path(&folder.origin)? };
    let database = making.path.join("quezao.db");
    folder.store.copy_to(&database)?;
    done.bytes += sync(&database)?;
    for (path, size) in files {
        let to = making.path.join(&path);
        fs::copy(dir.join(&path), &to).map_err(|e| Error::io(&to, &e))?;
        done.bytes += sync(&to)?;
        done.files += 1;
        progress(Progress::Copied(size));
    }
    making.finish(output)?;
    File::open(parent).and_then(|f| f.sync_all()).map_err(|e| Error::io(parent, &e))?;
    Ok(done)
}

/// How far a backup is, in bytes.
#[derive(Clone, Copy, Debug)]
pub enum Progress {
    /// All there is to copy.
    Planned(u64),
    /// Copied since the last one.
    Copied(u64),
}

/// Files under `dir` by relative path and size; makes their folders in `target`. The database is copied by
/// itself, the lock is nobody's, half-copied originals are not worth keeping. Links are not followed.
fn walk(dir: &Path, at: &Path, originals: bool, target: &Path, found: &mut Vec<(PathBuf, u64)>) -> Result<()> {
    let here = dir.join(at);
    for entry in fs::read_dir(&here).map_err(|e| Error::io(&here, &e))? {
        let entry = entry.map_err(|e| Error::io(&here, &e))?;
        let path = at.join(entry.file_name());
        let text = path.to_string_lossy();
        let left_out = text == "lock"
            || text.starts_with("quezao.db")
            || text == "originals/incoming"
            || (!originals && text.starts_with("originals/"));
        if left_out {
            continue;
        }
        let meta = entry.metadata().map_err(|e| Error::io(&entry.path(), &e))?;
        if meta.is_dir() {
            let made = target.join(&path);
            fs::create_dir(&made).map_err(|e| Error::io(&made, &e))?;
            fs::set_permissions(&made, meta.permissions()).map_err(|e| Error::io(&made, &e))?;
            walk(dir, &path, originals, target, found)?;
            File::open(&made).and_then(|f| f.sync_all()).map_err(|e| Error::io(&made, &e))?;
        } else if meta.is_file() {
            found.push((path, meta.len()));
        }
    }
    Ok(())
}

/// Makes a file durable; its length.
fn sync(path: &Path) -> Result<u64> {
    let file = File::open(path).map_err(|e| Error::io(path, &e))?;
    file.sync_all().and_then(|()| file.metadata()).map(|m| m.len()).map_err(|e| Error::io(path, &e))
}
