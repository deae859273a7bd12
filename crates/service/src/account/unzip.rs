//! A ZIP that somebody sent, looked at as a whole before anything of it is written.
//!
//! Rules:
//! - One entry that cannot be taken refuses the ZIP, by the entry's name: encrypted, a link, a path that leads out, packed
//!   in an unusual way, two of one name. Nobody then wonders which half was registered.
//! - Entries, bytes and how much they grow are bounded by what the directory says, and again while unpacking.
//! - Names are UTF-8 where the ZIP says so or they are; else GBK, as Chinese Windows packs (read as GB 18030).
//! - A ZIP in the ZIP is a file like any other. Hidden names and `__MACOSX` are left out.

use super::{Answer, Refusal};
use crate::{Error, show_path};
use flate2::read::DeflateDecoder;
use rawzip::{
    CompressionMethod, FileReader, RECOMMENDED_BUFFER_SIZE, ZipArchive, ZipArchiveEntryWayfinder, ZipFileHeaderRecord,
};
use sha2::Digest;
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// Most entries.
const MAX_ENTRIES: usize = 10_000;
/// Most unpacked bytes.
const MAX_BYTES: u64 = 4 << 30;
/// From this many unpacked bytes on, a ZIP may not grow more than so many times.
const MUCH: u64 = 100 << 20;
const MAX_GROWTH: u64 = 100;
/// Deepest folder, and longest part of a path and longest path in bytes.
const MAX_DEPTH: usize = 32;
const MAX_PART: usize = 250;
const MAX_PATH: usize = 1024;

/// A ZIP that can be unpacked.
pub(super) struct Zip {
    archive: ZipArchive<FileReader>,
    entries: Vec<Entry>,
    /// Unpacked bytes of all entries.
    pub bytes: u64,
    /// Names that are left out.
    pub passed: usize,
}

struct Entry {
    /// Parts apart by `/`.
    name: String,
    size: u64,
    method: CompressionMethod,
    place: ZipArchiveEntryWayfinder,
}

impl Zip {
    /// Looks through the directory.
    pub(super) fn open(path: &Path) -> Answer<Self> {
        let io = |e: io::Error| Error::io(Path::new(path.file_name().unwrap_or_default()), &e);
        let file = File::open(path).map_err(io)?;
        let packed = file.metadata().map_err(io)?.len();
        let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
        let archive = ZipArchive::from_file(file, &mut buffer).map_err(|e| broken(&e))?;
        let (mut entries, mut bytes, mut passed) = (Vec::new(), 0u64, 0);
        let mut names = BTreeSet::new();
        let mut directory = archive.entries(&mut buffer);
        while let Some(entry) = directory.next_entry().map_err(|e| broken(&e))? {
            let name = name_of(&entry)?;
            if entry.is_dir() || name.ends_with('/') {
                continue;
            }
            judge(&name, &entry)?;
            if name.split('/').any(|part| part.starts_with('.') || part == "__MACOSX") {
                passed += 1;
                continue;
            }
            if !names.insert(name.clone()) {
                return Err(refuse(&name, "出现了两次", "stands in it twice"));
            }
            bytes = bytes.saturating_add(entry.uncompressed_size_hint());
            if names.len() > MAX_ENTRIES || bytes > MAX_BYTES || bytes > MUCH && bytes / MAX_GROWTH > packed {
                return Err(too_much(names.len(), bytes, packed));
            }
            let (size, method, place) = (entry.uncompressed_size_hint(), entry.compression_method(), entry.wayfinder());
            entries.push(Entry { name, size, method, place });
        }
        let mut folders = names.iter().flat_map(|name| name.match_indices('/').map(|(at, _)| &name[..at]));
        if let Some(name) = folders.find(|folder| names.contains(*folder)) {
            return Err(refuse(name, "既是文件又是文件夹", "is a file and a folder"));
        }
        if entries.is_empty() {
            let (zh, en) = ("ZIP 中没有可以登记的文件", "there is no file in the ZIP that could be registered");
            return Err(Refusal::field("file", zh, en));
        }
        Ok(Self { archive, entries, bytes, passed })
    }

    /// How many files are in it.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Writes every entry under `folder`, which is empty; paths and SHA-256 in the directory's order.
    pub(super) fn unpack(&self, folder: &Path) -> Answer<Vec<(PathBuf, [u8; 32])>> {
        self.entries.iter().map(|entry| self.write(entry, folder)).collect()
    }

    fn write(&self, entry: &Entry, folder: &Path) -> Answer<(PathBuf, [u8; 32])> {
        let target = folder.join(&entry.name);
        let parent = target.parent().unwrap_or(folder);
        let made = fs::create_dir_all(parent).and_then(|()| File::create_new(&target));
        let mut file = made.map_err(|e| super::upload::full(Path::new(&entry.name), &e))?;
        let packed = self.archive.get_entry(entry.place).map_err(|e| broken(&e))?;
        let unpacked: Box<dyn Read> = match entry.method {
            CompressionMethod::STORE => Box::new(packed.reader()),
            _ => Box::new(DeflateDecoder::new(packed.reader())),
        };
        // Length and CRC are compared when it ends; it is ended where it is longer than the directory says.
        let mut checked = packed.verifying_reader(unpacked).take(entry.size + 1);
        let mut buffer = vec![0; 64 << 10];
        let (mut written, mut sum) = (0, sha2::Sha256::new());
        loop {
            let n = match checked.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(_) => return Err(damaged(&entry.name)),
            };
            written += n as u64;
            sum.update(&buffer[..n]);
            file.write_all(&buffer[..n]).map_err(|e| super::upload::full(Path::new(&entry.name), &e))?;
        }
        if written == entry.size { Ok((target, sum.finalize().into())) } else { Err(damaged(&entry.name)) }
    }
}

/// A path as its parts, decoded.
fn name_of(entry: &ZipFileHeaderRecord<'_>) -> Answer<String> {
    let path = entry.file_path();
    let bytes = path.as_bytes();
    let decoded = match std::str::from_utf8(bytes) {
        Ok(name) => Some(name.into()),
        Err(_) if entry.flags().is_utf8() => None,
        Err(_) => encoding_rs::GB18030.decode_without_bom_handling_and_without_replacement(bytes),
    };
    let shown = || String::from_utf8_lossy(bytes).into_owned();
    let name = decoded
        .ok_or_else(|| refuse(&shown(), "的名称既不是 UTF-8 也不是 GBK", "has a name that is neither UTF-8 nor GBK"))?;
    // Old Windows programs write the other one. In GBK it is also half of some characters, so this comes after decoding.
    Ok(name.replace('\\', "/"))
}

/// Whether this entry can be taken.
fn judge(name: &str, entry: &ZipFileHeaderRecord<'_>) -> Answer<()> {
    let flags = entry.flags();
    if flags.is_encrypted() || flags.has_strong_encryption() {
        return Err(refuse(name, "有密码；请去掉密码后重新打包", "is encrypted; pack it again without a password"));
    }
    if entry.mode().is_symlink() {
        return Err(refuse(name, "是符号链接；请打包它所指的文件", "is a symbolic link; pack the file that it means"));
    }
    if !matches!(entry.compression_method(), CompressionMethod::STORE | CompressionMethod::DEFLATE) {
        return Err(refuse(
            name,
            "的压缩方法不常见；请用普通的 ZIP（deflate）重新打包",
            "is packed in an unusual way; pack it again as an ordinary ZIP (deflate)",
        ));
    }
    let parts: Vec<&str> = name.split('/').collect();
    let leads_out = parts.iter().any(|p| p.is_empty() || matches!(*p, "." | ".."))
        || parts.first().is_some_and(|p| p.len() == 2 && p.ends_with(':'));
    let plain = name.len() <= MAX_PATH
        && parts.len() <= MAX_DEPTH
        && parts.iter().all(|p| p.len() <= MAX_PART && !p.chars().any(char::is_control));
    if leads_out || !plain {
        return Err(refuse(
            name,
            "的路径不能用（绝对路径、..、过深、过长或含控制字符）",
            "has a path that cannot be used (absolute, .., too deep, too long or with control characters)",
        ));
    }
    Ok(())
}

fn refuse(name: &str, zh: &str, en: &str) -> Refusal {
    let shown: String = show_path(Path::new(name)).chars().take(120).collect();
    Refusal::field(
        "file",
        format!("ZIP 中的“{shown}”{zh}；没有登记任何文件"),
        format!("\"{shown}\" in the ZIP {en}; nothing was registered"),
    )
}

fn damaged(name: &str) -> Refusal {
    refuse(name, "已损坏（长度或 CRC 不符）", "is damaged (its length or CRC differs)")
}

fn broken(error: &rawzip::Error) -> Refusal {
    Refusal::field(
        "file",
        format!("不是完整的 ZIP（{error}）；可以把它作为一个文件登记"),
        format!("it is no whole ZIP ({error}); it can be registered as a file"),
    )
}

fn too_much(entries: usize, bytes: u64, packed: u64) -> Refusal {
    let (most, growth) = (MAX_BYTES >> 30, MAX_GROWTH);
    Refusal::field(
        "file",
        format!(
            "ZIP 展开后过大（至少 {entries} 个文件、{bytes} 字节，原为 {packed} 字节）；最多 {MAX_ENTRIES} 个文件、{most} GiB、{growth} 倍。请分开打包，或直接拖入文件夹"
        ),
        format!(
            "the ZIP unpacks to too much (at least {entries} files of {bytes} bytes, from {packed}); at most {MAX_ENTRIES} files, {most} GiB, {growth} times. Divide it, or drop the folder itself"
        ),
    )
}
