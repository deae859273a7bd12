//! A backup: a folder that is whole, taken beside whoever works on the data folder, and put back by `restore`.
//!
//! Rules:
//! - Nothing is locked. The database is copied first, as it stood at one moment; of everything else there is copied what
//!   that copy names, none of which changes later.
//! - `backup.jsonl` lists every file with its SHA-256: a head, a line for each file, and a last line that says how many,
//!   so that a backup which was cut is known. It is written last, and the folder gets its name after that.
//! - Private keys are in it under a passphrase, or not at all.

use crate::{
    Error, Folder, Mode, Result, Warnings, clock, custody,
    error::{read_file, show_path},
    folder::{self, ledger_error},
    init::Making,
    intake, keybox,
};
use evidence::hex;
use ledger::HeadRow;
use sha2::Digest;
use std::{
    fs::{self, File},
    io::{BufWriter, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// The `schema` of a backup's head.
pub(crate) const SCHEMA: &str = "quezao/backup/v1";
/// The list.
pub(crate) const LIST: &str = "backup.jsonl";
/// The private keys.
pub(crate) const KEYS: &str = "keys.sealed";
/// What a backup does not take over as it lies in the folder.
const APART: [&str; 9] =
    ["lock", "keys", "ledger", "segment", "sealed", "unpublished", "originals", "similar", "uploads"];

/// What a backup holds.
#[derive(Clone, Debug)]
pub struct Backup {
    /// Files written.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Leaves under its checkpoint.
    pub size: u64,
    /// Where the mirror of the ledger's head lies, which is not in the backup.
    pub mirror: PathBuf,
    /// Things worth saying: kept files that are damaged or gone, and so not in it. (zh, en)
    pub warnings: Warnings,
}

/// How far it is, in bytes.
#[derive(Clone, Copy, Debug)]
pub enum Progress {
    /// All there is to copy.
    Planned(u64),
    /// Copied since the last one.
    Copied(u64),
}

/// First line of the list.
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Head {
    pub(crate) schema: String,
    pub(crate) software: String,
    pub(crate) layout: i64,
    pub(crate) made_at: String,
    pub(crate) origin: String,
    /// Leaves, and their root in hex.
    pub(crate) size: u64,
    pub(crate) root: String,
    pub(crate) originals: bool,
    pub(crate) keys: bool,
}

/// A line of the list: a file below the backup's folder.
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) sha256: String,
}

/// Last line of the list.
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Tail {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

/// Copies `dir` to `output`, which must not exist. Without a passphrase the keys are left out.
pub fn backup(
    dir: &Path,
    output: &Path,
    originals: bool,
    passphrase: Option<&str>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Backup> {
    passphrase.map(keybox::check).transpose()?;
    let folder = Folder::open(dir, Mode::Read)?;
    let parent = place(dir, output)?;
    let making = Making::begin(output)?;
    fs::set_permissions(&making.path, fs::Permissions::from_mode(0o700)).map_err(|e| Error::io(&making.path, &e))?;
    // Opened before anything is written, so that every failed write since is reported.
    let whole = File::open(&making.path).map_err(|e| Error::io(&making.path, &e))?;

    let database = making.path.join("quezao.db");
    folder.store.copy_to(&database)?;
    let snapshot = store::Store::open_read_only(&database)?;
    let head = snapshot.load().map_err(|e| ledger_error(&e))?.ok_or_else(|| {
        Error::new("账本还没有签署过检查点；无可备份", "the ledger has signed nothing yet; there is nothing to back up")
    })?;
    let leaves = snapshot.last_index()?.map_or(0, |last| last + 1);
    let kept = if originals { snapshot.kept_files()? } else { Vec::new() };
    drop(snapshot);
    for left in ["quezao.db-wal", "quezao.db-shm"] {
        let _ = fs::remove_file(making.path.join(left));
    }

    let length = |path: &Path| fs::metadata(path).map_or(0, |m| m.len());
    let evidence = length(&database) + head.segment_position;
    progress(Progress::Planned(evidence + kept.iter().map(|(_, size)| size).sum::<u64>()));
    ledger::copy(dir, &head, leaves, &making.path).map_err(|e| ledger_error(&e))?;
    rest(dir, &making.path)?;
    if dir.join("similar/prints-1").is_file() {
        copy(&dir.join("similar/prints-1"), &making.path.join("similar/prints-1"))?;
    }
    if let Some(passphrase) = passphrase {
        let sealed = keybox::seal(&dir.join("keys"), passphrase)?;
        fs::write(making.path.join(KEYS), sealed).map_err(|e| Error::io(&making.path, &e))?;
    }
    progress(Progress::Copied(evidence));

    let mut list = List::begin(
        &making.path,
        &Head {
            schema: SCHEMA.into(),
            software: crate::SOFTWARE.1.into(),
            layout: store::SCHEMA_VERSION,
            made_at: clock::now().to_micros(),
            origin: folder.origin.clone(),
            size: head.size,
            root: hex::encode(&head.root),
            originals,
            keys: passphrase.is_some(),
        },
    )?;
    list.walk(Path::new(""))?;
    let mut warnings = Warnings::new();
    for (sha256, size) in kept {
        let path = intake::original_path(Path::new("originals"), &sha256);
        let (from, to) = (dir.join(&path), making.path.join(&path));
        match copy(&from, &to) {
            Ok((copied, found)) if found == sha256 => list.add(&path, copied, &found)?,
            Ok(_) => {
                fs::remove_file(&to).map_err(|e| Error::io(&to, &e))?;
                warnings.push(damaged(&from));
            }
            // Dropped by `discard`, erased since, or never kept: what the copy's rows say of it holds all the same.
            Err(_) if !from.exists() => {
                if custody::anybody_keeps(&folder.store, &sha256)? {
                    warnings.push(gone(&from));
                }
            }
            Err(e) => return Err(e),
        }
        progress(Progress::Copied(size));
    }
    let (files, bytes) = list.end()?;
    rustix::fs::syncfs(&whole).map_err(|e| Error::io(&making.path, &e.into()))?;
    making.finish(output)?;
    File::open(&parent).and_then(|f| f.sync_all()).map_err(|e| Error::io(&parent, &e))?;
    Ok(Backup { files, bytes, size: head.size, mirror: folder::mirror_path(&folder.origin)?, warnings })
}

/// Refuses a place that is taken, or inside the folder; gives the folder that it lies in, which is made.
fn place(dir: &Path, output: &Path) -> Result<PathBuf> {
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
    Ok(parent.to_owned())
}

/// Everything that has no rule of its own: authority, trust, settings. Links are not followed.
fn rest(dir: &Path, to: &Path) -> Result<()> {
    let apart = |name: &str| APART.contains(&name) || name.starts_with("quezao.db");
    let entries = walkdir::WalkDir::new(dir).min_depth(1).sort_by_file_name().into_iter();
    for entry in entries.filter_entry(|e| e.depth() != 1 || !apart(&e.file_name().to_string_lossy())) {
        let entry = entry.map_err(|e| {
            let path = e.path().unwrap_or(dir).to_owned();
            Error::io(&path, &e.into())
        })?;
        let below = entry.path().strip_prefix(dir).unwrap_or(entry.path());
        if entry.file_type().is_file() {
            copy(entry.path(), &to.join(below))?;
        } else if entry.file_type().is_dir() {
            let made = to.join(below);
            fs::create_dir_all(&made).map_err(|e| Error::io(&made, &e))?;
        }
    }
    Ok(())
}

fn damaged(path: &Path) -> (String, String) {
    let shown = show_path(path);
    (
        format!("{shown}：留存的文件已损坏（摘要不符），未写入备份；请从更早的备份恢复它"),
        format!(
            "{shown}: the kept file is damaged (its digest differs) and is not in the backup; restore it from an earlier one"
        ),
    )
}

fn gone(path: &Path) -> (String, String) {
    let shown = show_path(path);
    (
        format!("{shown}：留存的文件不见了，未写入备份；请从更早的备份恢复它"),
        format!("{shown}: the kept file is gone and is not in the backup; restore it from an earlier one"),
    )
}

/// Copies a file, its folder made; its length and SHA-256 as copied.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(u64, [u8; 32])> {
    let mut source = File::open(from).map_err(|e| Error::io(from, &e))?;
    let folder = to.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|e| Error::io(folder, &e))?;
    let mut target = File::create(to).map_err(|e| Error::io(to, &e))?;
    let (mut sha256, mut size, mut block) = (sha2::Sha256::new(), 0, vec![0; 256 << 10]);
    loop {
        let n = source.read(&mut block).map_err(|e| Error::io(from, &e))?;
        if n == 0 {
            return Ok((size, sha256.finalize().into()));
        }
        sha256.update(&block[..n]);
        target.write_all(&block[..n]).map_err(|e| Error::io(to, &e))?;
        size += n as u64;
    }
}

/// The list, on its way.
struct List<'a> {
    folder: &'a Path,
    out: BufWriter<File>,
    files: u64,
    bytes: u64,
}

impl<'a> List<'a> {
    fn begin(folder: &'a Path, head: &Head) -> Result<Self> {
        let path = folder.join(LIST);
        let out = BufWriter::new(File::create(&path).map_err(|e| Error::io(&path, &e))?);
        let mut list = Self { folder, out, files: 0, bytes: 0 };
        list.line(head)?;
        Ok(list)
    }

    /// Every file that lies there now.
    fn walk(&mut self, at: &Path) -> Result<()> {
        let here = self.folder.join(at);
        let entries = fs::read_dir(&here).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
        let mut entries = entries.map_err(|e| Error::io(&here, &e))?;
        entries.sort_by_key(|entry| entry.file_name());
        for entry in entries {
            let path = at.join(entry.file_name());
            if entry.path().is_dir() {
                self.walk(&path)?;
            } else if path != Path::new(LIST) {
                let bytes = intake::digests(&entry.path(), &mut |_| ())?;
                self.add(&path, bytes.size, &bytes.sha256)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, path: &Path, size: u64, sha256: &[u8; 32]) -> Result<()> {
        let path = path.to_str().ok_or_else(|| {
            let shown = show_path(path);
            Error::new(
                format!("{shown}：文件名不是 UTF-8；请把它移出数据文件夹"),
                format!("{shown}: the name is not UTF-8; move the file out of the data folder"),
            )
        })?;
        (self.files, self.bytes) = (self.files + 1, self.bytes + size);
        self.line(&Entry { path: path.to_owned(), size, sha256: hex::encode(sha256) })
    }

    fn end(mut self) -> Result<(u64, u64)> {
        let (files, bytes) = (self.files, self.bytes);
        self.line(&Tail { files, bytes })?;
        self.out.flush().map_err(|e| Error::io(&self.folder.join(LIST), &e))?;
        Ok((files, bytes))
    }

    fn line(&mut self, line: &impl serde::Serialize) -> Result<()> {
        let written = serde_json::to_writer(&mut self.out, line).map_err(Into::into);
        written.and_then(|()| self.out.write_all(b"\n")).map_err(|e| Error::io(&self.folder.join(LIST), &e))
    }
}

/// Longest that is read for a passphrase.
const MAX_PASSPHRASE: u64 = 4096;

/// A passphrase from the first line of a file; `-` is what comes on the standard input.
pub fn passphrase_of(path: &Path) -> Result<String> {
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        let read = std::io::stdin().lock().take(MAX_PASSPHRASE).read_to_end(&mut bytes);
        read.map_err(|e| Error::io(path, &e))?;
        bytes
    } else {
        read_file(path)?
    };
    let text = String::from_utf8(bytes).unwrap_or_default();
    let line = text.lines().next().unwrap_or_default().to_owned();
    keybox::check(&line)?;
    Ok(line)
}
