//! A backup put back: every file is held against its digest, and the folder exists whole or not at all.

use crate::{
    Error, Folder, Mode, Progress, Result, Warnings,
    backup::{self, Entry, Head, KEYS, LIST, SCHEMA, Tail},
    error::{read_file, show_path},
    folder::ledger_error,
    init::Making,
    keybox, keys,
};
use evidence::{
    hex,
    note::{Signer, VerifierKey},
};
use ledger::HeadRow;
use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read},
    os::unix::fs::PermissionsExt,
    path::{Component, Path},
};

/// Longest line of the list: a path has 4,096 bytes at most.
const MAX_LINE: u64 = 32 << 10;

/// What was put back.
#[derive(Clone, Debug)]
pub struct Restored {
    /// Files written.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The ledger's origin.
    pub origin: String,
    /// Leaves under its checkpoint.
    pub size: u64,
    /// When the backup was made, UTC.
    pub made_at: String,
    /// Whether the private keys came with it.
    pub keys: bool,
    /// Whether the mirror shows that this origin signed more since, so that the folder can only be read; `None`: there
    /// is no mirror, and nothing here can tell.
    pub old: Option<bool>,
    /// Things worth saying, (zh, en).
    pub warnings: Warnings,
}

/// Puts the backup `from` back as `dir`, which must be absent or empty.
pub fn restore(
    from: &Path,
    dir: &Path,
    passphrase: Option<&str>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Restored> {
    if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) || dir.is_file() {
        return Err(Error::new(
            format!("{} 已有内容；恢复不覆盖任何东西，请换一个新的或空的文件夹", show_path(dir)),
            format!("{} is not empty; a restore overwrites nothing, choose a new or an empty folder", show_path(dir)),
        ));
    }
    let (head, tail) = look(from)?;
    let keys = match (head.keys, passphrase) {
        (false, _) => None,
        (true, Some(passphrase)) => Some(keybox::open(&read_file(&from.join(KEYS))?, passphrase)?),
        (true, None) => {
            return Err(Error::new(
                "备份中的私钥由口令保护；请用 --passphrase-file 或环境变量 QUEZAO_PASSPHRASE 给出口令",
                "the keys in the backup are under a passphrase; give it with --passphrase-file or QUEZAO_PASSPHRASE",
            ));
        }
    };
    progress(Progress::Planned(tail.bytes));
    let making = Making::begin(dir)?;
    fs::set_permissions(&making.path, fs::Permissions::from_mode(0o700)).map_err(|e| Error::io(&making.path, &e))?;
    let whole = File::open(&making.path).map_err(|e| Error::io(&making.path, &e))?;
    for folder in ["keys", "originals", "trust", "authority"] {
        let path = making.path.join(folder);
        fs::create_dir_all(&path).map_err(|e| Error::io(&path, &e))?;
    }
    each(from, &mut |line| {
        let Line::Entry(entry) = line else { return Ok(()) };
        let (source, target) = (from.join(&entry.path), making.path.join(&entry.path));
        if entry.path == KEYS {
            return Ok(());
        }
        let (size, sha256) = backup::copy(&source, &target)?;
        if size != entry.size || hex::encode(&sha256) != entry.sha256 {
            return Err(differs(&source, &hex::encode(&sha256), &entry.sha256));
        }
        progress(Progress::Copied(size));
        Ok(())
    })?;
    for (name, text) in keys.iter().flatten() {
        keys::write_secret(&making.path.join("keys").join(name), text.as_bytes())?;
    }
    agrees(&making.path, &head)?;
    rustix::fs::syncfs(&whole).map_err(|e| Error::io(&making.path, &e.into()))?;
    making.finish(dir)?;
    let parent = dir.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent).and_then(|f| f.sync_all()).map_err(|e| Error::io(parent, &e))?;

    let folder = Folder::open(dir, Mode::Read)?;
    let old = folder.is_old()?;
    let (files, bytes, warnings) = (tail.files, tail.bytes, folder.warnings);
    let Head { origin, size, made_at, .. } = head;
    Ok(Restored { files, bytes, origin, size, made_at, keys: keys.is_some(), old, warnings })
}

/// A line of the list.
enum Line {
    Head(Head),
    Entry(Entry),
    Tail(Tail),
}

/// Head and end of a list that is whole, and whose files are all there with their lengths.
fn look(from: &Path) -> Result<(Head, Tail)> {
    let (mut head, mut tail, mut files, mut bytes) = (None, None, 0, 0);
    each(from, &mut |line| {
        match line {
            Line::Head(line) => head = Some(line),
            Line::Tail(line) => tail = Some(line),
            Line::Entry(entry) => {
                let path = from.join(&entry.path);
                let found = fs::symlink_metadata(&path).map_err(|e| Error::io(&path, &e))?;
                if !found.is_file() || found.len() != entry.size {
                    return Err(differs(&path, &format!("{} bytes", found.len()), &format!("{} bytes", entry.size)));
                }
                (files, bytes) = (files + 1, bytes + entry.size);
            }
        }
        Ok(())
    })?;
    match (head, tail) {
        (Some(head), Some(tail)) if (tail.files, tail.bytes) == (files, bytes) => Ok((head, tail)),
        _ => Err(cut(from)),
    }
}

/// Hands out the list line by line: head first, end last, nothing behind it.
fn each(from: &Path, take: &mut dyn FnMut(Line) -> Result<()>) -> Result<()> {
    let path = from.join(LIST);
    let file = File::open(&path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => Error::new(
            format!("{} 不是备份：没有 {LIST}", show_path(from)),
            format!("{} is no backup: there is no {LIST}", show_path(from)),
        ),
        _ => Error::io(&path, &e),
    })?;
    let (mut lines, mut n, mut ended) = (BufReader::new(file), 0u64, false);
    loop {
        let mut line = String::new();
        let read = (&mut lines).take(MAX_LINE).read_line(&mut line).map_err(|e| Error::io(&path, &e))?;
        if read == 0 {
            return if ended { Ok(()) } else { Err(cut(from)) };
        }
        n += 1;
        if ended || !line.ends_with('\n') {
            return Err(cut(from));
        }
        if n == 1 {
            take(Line::Head(known(&line, from)?))?;
        } else if let Ok(entry) = serde_json::from_str::<Entry>(&line) {
            inside(&entry.path)?;
            take(Line::Entry(entry))?;
        } else if let Ok(tail) = serde_json::from_str::<Tail>(&line) {
            ended = true;
            take(Line::Tail(tail))?;
        } else {
            return Err(cut(from));
        }
    }
}

/// The head, of a release that is known.
fn known(line: &str, from: &Path) -> Result<Head> {
    let schema = serde_json::from_str::<serde_json::Value>(line).ok();
    let schema = schema.as_ref().and_then(|v| v["schema"].as_str()).unwrap_or_default();
    let newer = |what: &str| {
        Error::new(
            format!("备份由更新的版本写成（{what}）；请使用更新的 quezao"),
            format!("the backup was written by a newer release ({what}); use a newer quezao"),
        )
    };
    if schema != SCHEMA && schema.starts_with("quezao/backup/") {
        return Err(newer(&crate::show_path(Path::new(schema))));
    }
    let head: Head = serde_json::from_str(line).ok().filter(|h: &Head| h.schema == SCHEMA).ok_or_else(|| cut(from))?;
    if head.layout > store::SCHEMA_VERSION {
        return Err(newer(&format!("layout {}", head.layout)));
    }
    Ok(head)
}

/// Refuses a path that leads out of the folder.
fn inside(path: &str) -> Result<()> {
    if !path.is_empty() && Path::new(path).components().all(|c| matches!(c, Component::Normal(_))) {
        return Ok(());
    }
    let shown = show_path(Path::new(path));
    Err(Error::new(
        format!("备份清单中的路径 {shown} 指向文件夹之外；没有恢复任何内容"),
        format!("the path {shown} in the backup's list leads out of the folder; nothing was restored"),
    ))
}

/// Whether database, ledger and keys are of the origin and show the tree that the head names.
fn agrees(dir: &Path, head: &Head) -> Result<()> {
    let store = store::Store::open(&dir.join("quezao.db"))?;
    let row = store.load().map_err(|e| ledger_error(&e))?;
    let key = VerifierKey::parse(&store.meta("ledger_key")?.unwrap_or_default())?;
    let origin = store.meta("origin")?.unwrap_or_default();
    if origin != head.origin {
        return Err(Error::new(
            format!("备份清单属于账本 {}，数据库属于 {origin}；没有恢复任何内容", head.origin),
            format!(
                "the backup's list is of the ledger {}, its database of {origin}; nothing was restored",
                head.origin
            ),
        ));
    }
    if head.keys {
        let seed = keys::ed25519_from_file(&dir.join("keys/ledger.pem"))?;
        if Signer::from_seed(&origin, &seed)?.verifier_key().to_string() != key.to_string() {
            return Err(Error::new(
                format!("备份中的私钥不是账本 {origin} 的；没有恢复任何内容，请用另一份备份"),
                format!(
                    "the keys in the backup are not those of the ledger {origin}; nothing was restored, use another backup"
                ),
            ));
        }
    }
    let reader = ledger::Reader::open(dir, key).map_err(|e| ledger_error(&e))?;
    let root = reader.root(head.size).map_err(|e| ledger_error(&e))?;
    let published = reader.size().map_err(|e| ledger_error(&e))?;
    let same = row.is_some_and(|row| row.size == head.size && hex::encode(&row.root) == head.root);
    if same && published == head.size && hex::encode(&root) == head.root {
        return Ok(());
    }
    Err(Error::new(
        format!("备份中的数据库、账本与清单不一致（清单 {} 条，账本 {published} 条）；没有恢复任何内容", head.size),
        format!(
            "database, ledger and list of the backup do not agree ({} records listed, {published} in the ledger); nothing was restored",
            head.size
        ),
    ))
}

fn cut(from: &Path) -> Error {
    Error::new(
        format!("{} 不完整：{LIST} 被截断或已损坏；没有恢复任何内容，请用另一份备份", show_path(from)),
        format!(
            "{} is not whole: {LIST} was cut or is damaged; nothing was restored, use another backup",
            show_path(from)
        ),
    )
}

fn differs(path: &Path, found: &str, expected: &str) -> Error {
    let shown = show_path(path);
    Error::new(
        format!("{shown}：与备份清单不符（清单 {expected}，实际 {found}）；没有恢复任何内容，请用另一份备份"),
        format!(
            "{shown}: it differs from the backup's list (listed {expected}, found {found}); nothing was restored, use another backup"
        ),
    )
}
