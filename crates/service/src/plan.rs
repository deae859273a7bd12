//! What a run would do, before anything is read: every name under the given paths, and what is known of it.
//!
//! Rules:
//! - A file that looks as it did when it was read, and of which nothing else would be claimed, is *known*: it costs
//!   one `stat`. How it looked lies in the database's `seen`.
//! - Nothing that is there is passed over without a word: links, special files, hidden and excluded names are handed
//!   out as such; what cannot be reached is refused by name, and the rest goes on.
//! - Links are followed where a person named them, never inside folders.

use crate::{DepositRequest, Error, Folder, Result, error::show_path, identity::Party, intake, register::owner_claims};
use evidence::{digest::sha256, json::Value};
use std::{
    collections::BTreeMap,
    fs::Metadata,
    os::unix::{
        ffi::OsStrExt,
        fs::{FileTypeExt, MetadataExt},
    },
    path::{Path, PathBuf},
};
use store::{Seen, SeenRows, Stamp};
use walkdir::{DirEntry, WalkDir};

/// Something under the given paths.
pub(crate) enum Item {
    /// To be read.
    Due(Due),
    /// Read before, and not changed since.
    Known { path: PathBuf, seen: Box<Seen> },
    /// Cannot be read.
    Refused { path: PathBuf, error: Error },
    /// Left out on purpose.
    Passed { path: PathBuf, why: Passed },
}

/// A file to be read.
#[derive(Clone, Debug)]
pub(crate) struct Due {
    /// As given, or below what was given.
    pub path: PathBuf,
    /// Absolute, as in `seen`.
    pub key: PathBuf,
    /// How it looks now; what is read must look the same.
    pub stamp: Stamp,
    /// [`claims_key`] of what is to be claimed.
    pub claims: [u8; 32],
    /// Whether it was read before and looks otherwise now.
    pub changed: bool,
}

/// Why something in a folder was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// Its name begins with a dot.
    Hidden,
    /// By a pattern.
    Excluded,
    /// A symbolic link.
    Link,
    /// A pipe, socket or device.
    Special,
    /// The data folder itself.
    Data,
    /// Under watch: its name says that some program is still writing it.
    Unfinished,
    /// The table of rights, or an attachment.
    Apart,
}

impl Passed {
    /// A word for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Hidden => "hidden",
            Self::Excluded => "excluded",
            Self::Link => "link",
            Self::Special => "special",
            Self::Data => "data-folder",
            Self::Unfinished => "unfinished",
            Self::Apart => "apart",
        }
    }

    /// (Chinese, English).
    pub fn sentence(self) -> (&'static str, &'static str) {
        match self {
            Self::Hidden => ("隐藏的名称（以点开头），未登记", "a hidden name (it begins with a dot), not recorded"),
            Self::Excluded => ("被 --exclude 或 --include 排除", "left out by --exclude or --include"),
            Self::Link => (
                "符号链接，未跟随；要登记请直接给出它所指的文件",
                "a symbolic link, not followed; to record the file that it means, name that",
            ),
            Self::Special => ("管道、套接字或设备，不是文件", "a pipe, socket or device, not a file"),
            Self::Data => ("数据文件夹本身，未登记", "the data folder itself, not recorded"),
            Self::Unfinished => (
                "名称表明尚未写完（如 .part），未登记",
                "its name says that it is not finished (such as .part), not recorded",
            ),
            Self::Apart => (
                "是权利声明表或附件，不另作图片登记",
                "the table of rights or an attachment, not recorded as a picture",
            ),
        }
    }
}

/// Digest of all that would be claimed of a file beside its name: when it changes, the file is due again.
pub(crate) fn claims_key(owner: &Party, path: &Path, request: &DepositRequest) -> Result<[u8; 32]> {
    let of_owner: BTreeMap<&str, Value> = owner_claims(owner);
    let (claims, refs) = (request.claims_of(path), request.refs_of(path));
    // A file of which only digests were taken is due again where its bytes are to be kept.
    let mut all = evidence::json::json!({"owner": of_owner, "rights": claims, "kept": !request.digest_only});
    if !refs.is_null() {
        all["refs"] = refs;
    }
    if request.from_file {
        all["from_file"] = true.into();
    }
    Ok(sha256(&evidence::json::to_bytes("claims", &all)?))
}

/// How a file looks.
pub(crate) fn stamp(m: &Metadata) -> Stamp {
    let nanos = |seconds: i64, nanos: i64| seconds.saturating_mul(1_000_000_000).saturating_add(nanos);
    Stamp {
        size: m.len(),
        mtime_ns: nanos(m.mtime(), m.mtime_nsec()),
        ctime_ns: nanos(m.ctime(), m.ctime_nsec()),
        inode: m.ino(),
    }
}

/// Hands out every name under the request's paths, each folder's in ascending order. Without a data folder nothing is
/// known of any file: all are due.
pub(crate) fn walk(
    folder: Option<&Folder>,
    request: &DepositRequest,
    take: &mut dyn FnMut(Item) -> Result<()>,
) -> Result<()> {
    let data = folder.map(|f| std::fs::metadata(&f.dir).map_err(|e| Error::io(&f.dir, &e))).transpose()?;
    // Without a table it is the same for every file.
    let claims = match (folder, &request.sidecar) {
        (Some(folder), None) => Some(claims_key(&folder.owner_of(request.account.0)?, Path::new(""), request)?),
        _ => None,
    };
    let walk = Walk { folder, request, data: data.map(|m| (m.dev(), m.ino())), claims };
    for path in &request.paths {
        match std::fs::metadata(path) {
            Err(e) => take(Item::Refused { path: path.clone(), error: Error::io(path, &e) })?,
            Ok(m) if m.is_dir() => walk.folder(path, take)?,
            Ok(m) => take(walk.named(path, &m)?)?,
        }
    }
    Ok(())
}

struct Walk<'a> {
    folder: Option<&'a Folder>,
    request: &'a DepositRequest,
    /// Device and number of the data folder.
    data: Option<(u64, u64)>,
    claims: Option<[u8; 32]>,
}

impl Walk<'_> {
    /// A file that a person named.
    fn named(&self, path: &Path, m: &Metadata) -> Result<Item> {
        let name = path.file_name().unwrap_or_default();
        if !self.request.filter.takes(Path::new(name)) {
            return Ok(Item::Passed { path: path.to_owned(), why: Passed::Excluded });
        }
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let key = match parent.canonicalize() {
            Ok(parent) => parent.join(name),
            Err(e) => return Ok(Item::Refused { path: path.to_owned(), error: Error::io(path, &e) }),
        };
        if !m.is_file() {
            return Ok(Item::Refused { path: path.to_owned(), error: not_a_file(path) });
        }
        let seen = self.folder.map(|f| f.store.seen(&key)).transpose()?.flatten();
        self.judge(path.to_owned(), key, m, seen)
    }

    /// A folder that a person named.
    fn folder(&self, root: &Path, take: &mut dyn FnMut(Item) -> Result<()>) -> Result<()> {
        let base = match root.canonicalize() {
            Ok(base) => base,
            Err(e) => return take(Item::Refused { path: root.to_owned(), error: Error::io(root, &e) }),
        };
        let mut seen = self.folder.map(|f| f.store.seen_under(&base));
        let mut entries = WalkDir::new(root).sort_by(in_path_order).into_iter();
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(e) => {
                    let path = e.path().unwrap_or(root).to_owned();
                    let error = e.io_error().map_or_else(|| looped(&path), |io| Error::io(&path, io));
                    take(Item::Refused { path, error })?;
                    continue;
                }
            };
            let is_folder = entry.file_type().is_dir();
            let item = self.entry(root, &base, entry, seen.as_mut())?;
            if is_folder && item.is_some() {
                entries.skip_current_dir();
            }
            if let Some(item) = item {
                take(item)?;
            }
        }
        Ok(())
    }

    /// `None` is a folder to be entered.
    fn entry(
        &self,
        root: &Path,
        base: &Path,
        entry: DirEntry,
        seen: Option<&mut SeenRows<'_>>,
    ) -> Result<Option<Item>> {
        let below = entry.path().strip_prefix(root).unwrap_or(entry.path());
        let passed = |why| Ok(Some(Item::Passed { path: entry.path().to_owned(), why }));
        let kind = entry.file_type();
        if entry.depth() > 0 && entry.file_name().as_bytes().starts_with(b".") {
            return passed(Passed::Hidden);
        }
        if kind.is_dir() {
            if entry.metadata().is_ok_and(|m| Some((m.dev(), m.ino())) == self.data) {
                return passed(Passed::Data);
            }
            return if entry.depth() > 0 && self.request.filter.excludes(below) {
                passed(Passed::Excluded)
            } else {
                Ok(None)
            };
        }
        if !self.request.filter.takes(below) {
            return passed(Passed::Excluded);
        }
        if kind.is_symlink() {
            return passed(Passed::Link);
        }
        if kind.is_fifo() || kind.is_socket() || kind.is_char_device() || kind.is_block_device() {
            return passed(Passed::Special);
        }
        let key = base.join(below);
        let found = seen.map(|rows| rows.get(&key)).transpose()?.flatten();
        let m = match entry.metadata() {
            Ok(m) => m,
            Err(e) => {
                let path = entry.into_path();
                let error = e.io_error().map_or_else(|| looped(&path), |io| Error::io(&path, io));
                return Ok(Some(Item::Refused { path, error }));
            }
        };
        self.judge(entry.into_path(), key, &m, found).map(Some)
    }

    fn judge(&self, path: PathBuf, key: PathBuf, m: &Metadata, seen: Option<Seen>) -> Result<Item> {
        if self.request.sidecar.as_ref().is_some_and(|sidecar| sidecar.is_apart(&path)) {
            return Ok(Item::Passed { path, why: Passed::Apart });
        }
        let stamp = stamp(m);
        let claims = match (self.claims, self.folder) {
            (Some(claims), _) => claims,
            (None, Some(folder)) => claims_key(&folder.owner_of(self.request.account.0)?, &path, self.request)?,
            // They are only compared with what is known.
            (None, None) => [0; 32],
        };
        // A fingerprint is made of bytes.
        let again = self.request.again || self.request.rehash || self.request.similar;
        Ok(match seen {
            Some(seen) if !again && seen.stamp == stamp && seen.claims == claims => {
                Item::Known { path, seen: Box::new(seen) }
            }
            seen => {
                if let Err(error) = intake::claimed_name(&path) {
                    return Ok(Item::Refused { path, error });
                }
                let changed = seen.is_some_and(|s| s.stamp != stamp);
                Item::Due(Due { path, key, stamp, claims, changed })
            }
        })
    }
}

/// Ascending order of whole paths: a folder's name counts as if it ended in `/`.
fn in_path_order(a: &DirEntry, b: &DirEntry) -> std::cmp::Ordering {
    let bytes = |e: &DirEntry| e.file_type().is_dir();
    let (x, y) = (a.file_name().as_bytes(), b.file_name().as_bytes());
    let end = |is_dir: bool| is_dir.then_some(&b'/');
    x.iter().chain(end(bytes(a))).cmp(y.iter().chain(end(bytes(b))))
}

/// Neither file nor folder.
pub(crate) fn not_a_file(path: &Path) -> Error {
    let shown = show_path(path);
    Error::new(
        format!("{shown}：不是普通文件；请给出文件或文件夹"),
        format!("{shown}: not a regular file; name a file or a folder"),
    )
    .code("not-a-file")
}

fn looped(path: &Path) -> Error {
    let shown = show_path(path);
    Error::new(format!("{shown}：链接成环"), format!("{shown}: the links form a loop")).code("loop")
}
