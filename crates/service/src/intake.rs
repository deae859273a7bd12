//! Bytes in: found, read once, digested, and kept where the owner wants that. The bytes are never re-encoded.

mod patterns;

pub use patterns::Filter;

use crate::{
    Error, Result, Warnings, clock, custody,
    error::show_path,
    keys,
    plan::{self, Due},
};
use evidence::digest::FileDigests;
use sha2::Digest;
use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::JoinHandle,
};
use store::Stamp;

/// Bytes read at a time.
const BLOCK: usize = 256 * 1024;
/// How old the last change must be for a file's looks to tell the next one: times come in steps of a clock tick, or,
/// where they have no fractions, of seconds (nanoseconds).
const STEP: i64 = 100_000_000;
const COARSE_STEP: i64 = 2_100_000_000;
/// From this many bytes on, the two digests are computed side by side.
const LARGE: u64 = 32 << 20;

/// A file that was read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    /// The name that is claimed: the last part of the path, in NFC.
    pub file_name: String,
    /// Both digests and the size.
    pub digests: FileDigests,
    /// From the leading bytes.
    pub media_type: &'static str,
    /// Whether it decoded as a picture.
    pub image: bool,
    /// How it looked while it was read; `None` where a later change might look the same.
    pub stamp: Option<Stamp>,
    /// By which pictures like it are found, where it is one that can be told from others, and that was wanted.
    pub prints: Option<picture::Prints>,
    /// Things worth saying, (zh, en).
    pub warnings: Warnings,
}

/// Reads a file once; with `keep`, a copy lies durably in that folder (by SHA-256) before this returns. A picture is
/// decoded whole where it is kept, or its `prints` are wanted. Once `stop` is set it gives up, and nothing is left of it.
pub(crate) fn take(
    due: &Due,
    keep: Option<&Path>,
    prints: bool,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(u64),
) -> Result<Taken> {
    let path = due.path.as_path();
    let io = |e| Error::io(path, &e);
    let (file_name, mut warnings) = claimed_name(path)?;
    let began = clock::now().0.saturating_mul(1000);
    let mut source = open(path).map_err(io)?;
    let before = source.metadata().map_err(io)?;
    if !before.is_file() {
        return Err(plan::not_a_file(path));
    }
    let before = plan::stamp(&before);
    if !same_bytes(&due.stamp, &before) {
        return Err(replaced(path, due.stamp.size, before.size));
    }
    let mut copy = keep.map(Copy::begin).transpose()?;
    let (digests, head) = digest(path, &mut source, copy.as_mut(), Some(stop), progress)?;
    let media_type = picture::media_type(&head);
    // Where the bytes are only read, registering by digest stays as fast as hashing.
    let (source, limits) = (open(path).map_err(io)?, picture::Limits::default());
    let mut looked = if keep.is_some() || prints {
        picture::look(source, media_type, &limits).map(|looked| looked.prints.ok())
    } else {
        picture::decode(source, media_type, picture::Depth::Header, &limits).map(|_| None)
    };
    let prints = looked.as_mut().ok().and_then(Option::take);
    let after = plan::stamp(&fs::metadata(path).map_err(io)?);
    if !same_bytes(&before, &after) || after.size != digests.size {
        return Err(Error::new(
            format!("{}：读取时文件发生了变化；请等它写完后重试", show_path(path)),
            format!("{}: the file changed while it was read; try again when it is finished", show_path(path)),
        )
        .code("changed"));
    }
    if digests.size == 0 {
        return Err(empty(path));
    }
    let image = match looked {
        Ok(_) => true,
        Err(picture::Error::Format) => {
            warnings.extend(not_decoded(media_type));
            false
        }
        Err(why) => {
            // Most raw files are TIFF, and what no TIFF decoder reads in them is to be expected.
            let (zh, en) = match media_type {
                "image/tiff" => PREVIEW,
                _ => ("", ""),
            };
            warnings.push((
                format!("按“文件”登记：不能作为 {media_type} 图片解码（{why}）{zh}"),
                format!("recorded as a file: it does not decode as {media_type} ({why}){en}"),
            ));
            false
        }
    };
    if let Some(copy) = copy {
        copy.finish(&digests)?;
    }
    let step = if after.ctime_ns % 1_000_000_000 == 0 { COARSE_STEP } else { STEP };
    let stamp = (before == after && after.ctime_ns.saturating_add(step) < began).then_some(after);
    Ok(Taken { file_name, digests, media_type, image, stamp, prints, warnings })
}

/// Opens a file, without waiting for anybody where it is none.
fn open(path: &Path) -> std::io::Result<File> {
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

/// Whether nobody wrote in between. A change of name or rights is none.
pub(crate) fn same_bytes(a: &Stamp, b: &Stamp) -> bool {
    (a.inode, a.mtime_ns, a.size) == (b.inode, b.mtime_ns, b.size)
}

fn replaced(path: &Path, planned: u64, found: u64) -> Error {
    let shown = show_path(path);
    Error::new(
        format!("{shown}：本次运行找到它之后，它被替换或改动了（当时 {planned} 字节，现在 {found} 字节）；请确认后重试"),
        format!(
            "{shown}: it was replaced or changed after this run had found it ({planned} bytes then, {found} bytes now); look at it and try again"
        ),
    )
    .code("replaced")
}

pub(crate) fn empty(path: &Path) -> Error {
    let shown = show_path(path);
    Error::new(
        format!("{shown}：空文件不能存证；请确认文件已完整保存"),
        format!("{shown}: an empty file cannot be deposited; check that it was saved completely"),
    )
    .code("empty")
}

/// That a run was asked to end before this file was read.
pub(crate) fn interrupted(path: &Path) -> Error {
    let shown = show_path(path);
    Error::new(format!("{shown}：中断，尚未登记"), format!("{shown}: interrupted, not recorded yet")).code(INTERRUPTED)
}

/// The word for a file that a run did not come to.
pub const INTERRUPTED: &str = "interrupted";

/// Where a file may carry a small picture of itself.
const PREVIEW: (&str, &str) =
    ("；证书显示文件自带的预览图（如有）", "; the certificate shows the preview that it carries, if any");

/// Of a picture in a format that is not decoded here: what that means.
fn not_decoded(media_type: &str) -> Option<(String, String)> {
    let (zh, en) = match (media_type.starts_with("image/"), picture::is_shown(media_type)) {
        (false, _) => return None,
        (true, true) => PREVIEW,
        (true, false) => ("；证书没有预览图", "; the certificate has no preview"),
    };
    Some((
        format!("按“文件”登记：本机不解码 {media_type}{zh}，也不参与相似查找"),
        format!("recorded as a file: {media_type} is not decoded here{en}, and similar pictures are not looked for"),
    ))
}

/// Where a kept original lies.
pub(crate) fn original_path(originals: &Path, sha256: &[u8; 32]) -> PathBuf {
    let name = evidence::hex::encode(sha256);
    originals.join(&name[..2]).join(name)
}

/// Digests of a file that is only compared, of any size.
pub fn digests(path: &Path, progress: &mut dyn FnMut(u64)) -> Result<FileDigests> {
    let mut file = File::open(path).map_err(|e| Error::io(path, &e))?;
    Ok(digest(path, &mut file, None, None, progress)?.0)
}

fn digest(
    path: &Path,
    source: &mut File,
    mut copy: Option<&mut Copy>,
    stop: Option<&AtomicBool>,
    progress: &mut dyn FnMut(u64),
) -> Result<(FileDigests, Vec<u8>)> {
    let io = |e| Error::io(path, &e);
    let large = source.metadata().map_err(io)?.len() >= LARGE;
    let mut sm3 = if large { Sm3::beside() } else { Sm3::Here(sm3::Sm3::new()) };
    let mut sha256 = sha2::Sha256::new();
    let mut buffer = vec![0; BLOCK];
    let (mut head, mut size) = (Vec::new(), 0u64);
    loop {
        if stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            return Err(interrupted(path));
        }
        let n = source.read(&mut buffer).map_err(io)?;
        if n == 0 {
            break;
        }
        let block = &buffer[..n];
        if head.len() < picture::HEAD {
            head.extend_from_slice(&block[..n.min(picture::HEAD)]);
        }
        sm3.update(block);
        sha256.update(block);
        if let Some(copy) = copy.as_mut() {
            copy.write(block)?;
        }
        size += n as u64;
        progress(n as u64);
    }
    Ok((FileDigests { sha256: sha256.finalize().into(), sm3: sm3.finish()?, size }, head))
}

/// SM3 costs as much as SHA-256: for a large file it has a thread of its own.
enum Sm3 {
    Here(sm3::Sm3),
    Beside(mpsc::SyncSender<Arc<[u8]>>, JoinHandle<[u8; 32]>),
}

impl Sm3 {
    fn beside() -> Self {
        let (send, blocks) = mpsc::sync_channel::<Arc<[u8]>>(8);
        Self::Beside(
            send,
            std::thread::spawn(move || {
                let mut sm3 = sm3::Sm3::new();
                blocks.iter().for_each(|block| sm3.update(&block));
                sm3.finalize().into()
            }),
        )
    }

    fn update(&mut self, block: &[u8]) {
        match self {
            Self::Here(sm3) => sm3.update(block),
            // It only goes away by a panic, which `finish` reports.
            Self::Beside(send, _) => drop(send.send(block.into())),
        }
    }

    fn finish(self) -> Result<[u8; 32]> {
        match self {
            Self::Here(sm3) => Ok(sm3.finalize().into()),
            Self::Beside(send, thread) => {
                drop(send);
                thread.join().map_err(|_| Error::new("计算 SM3 时出错；请重试", "computing SM3 failed; try again"))
            }
        }
    }
}

/// The last part of the path as a claim. macOS writes names decomposed; those are composed, with a word.
pub(crate) fn claimed_name(path: &Path) -> Result<(String, Warnings)> {
    use unicode_normalization::UnicodeNormalization;
    let shown = show_path(path);
    let Some(name) = path.file_name().and_then(|n| n.to_str()) else {
        return Err(Error::new(
            format!("{shown}：文件名不是 UTF-8；请改名后重试"),
            format!("{shown}: the file name is not UTF-8; rename the file and try again"),
        )
        .code("name"));
    };
    let composed: String = name.nfc().collect();
    evidence::json::check_string("file name", &composed).map_err(|e| {
        Error::new(
            format!("{shown}：文件名含有不能登记的字符（{e}）；请改名后重试"),
            format!("{shown}: the file name cannot be recorded ({e}); rename the file and try again"),
        )
        .code("name")
    })?;
    let mut warnings = Vec::new();
    if composed != name {
        warnings.push((
            "文件名已按 Unicode NFC 规范化后登记".to_owned(),
            "the file name was recorded in Unicode normalisation form C".to_owned(),
        ));
    }
    Ok((composed, warnings))
}

/// A copy that exists only whole: temporary until its digest is known, then renamed.
pub(crate) struct Copy {
    originals: PathBuf,
    temporary: PathBuf,
    file: File,
    finished: bool,
}

impl Copy {
    pub(crate) fn begin(originals: &Path) -> Result<Self> {
        let folder = originals.join("incoming");
        fs::create_dir_all(&folder).map_err(|e| Error::io(&folder, &e))?;
        let temporary = folder.join(evidence::hex::encode(&keys::random::<16>()?));
        let file = File::create_new(&temporary).map_err(|e| Error::io(&temporary, &e))?;
        Ok(Self { originals: originals.to_owned(), temporary, file, finished: false })
    }

    /// Where it lies until then.
    pub(crate) fn path(&self) -> &Path {
        &self.temporary
    }

    /// To be written from its start.
    pub(crate) fn file(&self) -> std::io::Result<File> {
        self.file.try_clone()
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|e| Error::io(&self.temporary, &e))
    }

    /// For a file that nobody has asked to keep: until the note is settled, `clean` takes it away where no record
    /// names it.
    pub(crate) fn note(&self, digests: &FileDigests) -> Result<Note> {
        let name = format!("{}{NOTE}", evidence::hex::encode(&digests.sha256));
        let path = self.originals.join("incoming").join(name);
        File::create(&path).and_then(|f| f.sync_all()).map_err(|e| Error::io(&path, &e))?;
        Ok(Note(path))
    }

    pub(crate) fn finish(mut self, digests: &FileDigests) -> Result<()> {
        let target = original_path(&self.originals, &digests.sha256);
        let io = |e| Error::io(&target, &e);
        let folder = target.parent().unwrap_or(&self.originals);
        if target.exists() {
            return Ok(());
        }
        fs::create_dir_all(folder).map_err(io)?;
        self.file.sync_all().map_err(io)?;
        fs::rename(&self.temporary, &target).map_err(io)?;
        self.finished = true;
        File::open(folder).and_then(|f| f.sync_all()).map_err(io)?;
        File::open(&self.originals).and_then(|f| f.sync_all()).map_err(io)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        if !self.finished {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// How the name of a note ends.
const NOTE: &str = ".kept";

/// That a file is kept whose record is still to come.
#[must_use]
pub(crate) struct Note(PathBuf);

impl Note {
    /// The record is there.
    pub(crate) fn settle(self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Removes what an interrupted command left half-copied, or kept for a record that never came. Only the one writer
/// calls this.
pub(crate) fn clean(originals: &Path, store: &store::Store) -> Result<()> {
    let Ok(entries) = fs::read_dir(originals.join("incoming")) else { return Ok(()) };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let digits = name.to_str().and_then(|n| n.strip_suffix(NOTE));
        if let Some(Ok(sha256)) = digits.map(|digits| evidence::hex::decode("a note", digits))
            && !custody::anybody_keeps(store, &sha256)?
        {
            let _ = fs::remove_file(original_path(originals, &sha256));
        }
        let _ = fs::remove_file(entry.path()).or_else(|_| fs::remove_dir_all(entry.path()));
    }
    Ok(())
}
