//! Near copies in the owner's own folder: which registered picture another file looks like.
//!
//! Rules:
//! - Fingerprints are a convenience beside the evidence: no statement, record or package knows of them, and whatever
//!   they say, no verdict changes.
//! - Of a file that is only read (`--digest-only`) no fingerprint stays unless the owner asked for it.
//! - Every registered fingerprint is looked at; distances are those of a comparison (spec/comparison.md).

mod shelf;

pub(crate) use shelf::Shelf;

use crate::{
    Account, DepositLine, Error, Folder, Result, Warnings, beside::side_by_side, custody, error::show_path, intake,
    register::line_of,
};
use evidence::{digest::FileDigests, statement::Custody};
use picture::{Likeness, Limits, Prints, Sieve};
use std::{
    collections::HashSet,
    fs::{self, File},
    path::Path,
};

/// Most bytes of a file that is looked at as a picture.
const MAX_FILE: u64 = 256 << 20;
/// Originals that are looked at before their fingerprints are written.
const GROUP: usize = 64;

/// A registered record that a file is, or looks like.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Near {
    /// The record.
    #[serde(flatten)]
    pub line: DepositLine,
    /// `identical` (these bytes), `close`, `possible`.
    pub similarity: &'static str,
    /// Bytes of the registered file.
    pub size: Option<u64>,
    /// Bits of `dct-256` that differ; `None` of identical files, as the next four.
    pub dct: Option<u32>,
    /// Bits of `gradient-512` that differ.
    pub gradient: Option<u32>,
    /// One is the other turned left to right.
    pub mirrored: Option<bool>,
    /// The part of this file that is alike.
    pub part: Option<&'static str>,
    /// The part of the registered picture that is alike.
    pub registered_part: Option<&'static str>,
}

/// What `find` found of one file.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Nearest first: identical, close, possible.
    pub near: Vec<Near>,
    /// How many there are in all.
    pub all: u64,
    /// What limits this answer, (zh, en).
    pub warnings: Warnings,
}

/// What `admin similar rebuild` did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Rebuilt {
    /// Different files of records of pictures.
    pub pictures: u64,
    /// Fingerprints made from kept originals.
    pub made: u64,
    /// Fingerprints taken over, since no original is kept.
    pub taken_over: u64,
    /// Pictures without one: not kept, damaged, or with too little in them.
    pub without: u64,
}

impl Folder {
    /// Records of exactly this file, and registered pictures that it looks like; `most` of them.
    pub fn find(&self, file: &Path, most: usize) -> Result<Found> {
        let digests = intake::digests(file, &mut |_| ())?;
        let prints = if digests.size > MAX_FILE {
            Err(picture::Error::Bytes(MAX_FILE))
        } else {
            let bytes = fs::read(file).map_err(|e| Error::io(file, &e))?;
            picture::prints(bytes, &Limits::default())
        };
        self.near(Account::default(), &digests, prints, most)
    }

    /// The same of bytes that lie in memory, among an account's records.
    pub fn find_bytes(&self, account: Account, bytes: Vec<u8>, most: usize) -> Result<Found> {
        let digests = FileDigests::of(&bytes);
        self.near(account, &digests, picture::prints(bytes, &Limits::default()), most)
    }

    /// Makes the file of fingerprints anew, from the kept originals. `looked` is told pictures done and all.
    pub fn rebuild_similar(&self, looked: &mut (dyn FnMut(u64, u64) + Send)) -> Result<Rebuilt> {
        self.writer()?;
        let pictures = self.store.picture_files()?;
        let folder = self.dir.join("similar");
        fs::create_dir_all(&folder).map_err(|e| Error::io(&folder, &e))?;
        let mut shelf = Shelf::create(&folder, true)?;
        let mut rebuilt = Rebuilt { pictures: pictures.len() as u64, ..Rebuilt::default() };
        let mut made = HashSet::new();
        let originals = self.dir.join("originals");
        let mut done = 0;
        for group in pictures.chunks(GROUP) {
            let look = |sha256: [u8; 32]| Some((sha256, original(&originals, &sha256)?));
            let prints = side_by_side(group.to_vec(), look, &mut || {
                done += 1;
                looked(done, rebuilt.pictures);
            });
            let prints: Vec<_> = prints.into_iter().flatten().collect();
            made.extend(prints.iter().map(|(key, _)| *key));
            shelf.append(&prints)?;
        }
        rebuilt.made = made.len() as u64;
        // What a file that was only read left behind cannot be made again.
        if let Ok(Some(old)) = Shelf::open(&self.dir) {
            for at in 0..old.count() {
                if let Some((key, prints)) = old.entry(at)?
                    && custody::anybody_showed(&self.store, &key)?
                    && made.insert(key)
                {
                    shelf.append(&[(key, prints)])?;
                    rebuilt.taken_over += 1;
                }
            }
        }
        rebuilt.without = rebuilt.pictures.saturating_sub(made.len() as u64);
        shelf.publish()?;
        Ok(rebuilt)
    }

    /// Reads every fingerprint: how many there are, how many of them are damaged, whether all kept pictures have one.
    pub fn check_similar(&self) -> Result<(u64, u64, bool)> {
        let Some(shelf) = Shelf::open(&self.dir)? else { return Ok((0, 0, !self.store.has_pictures()?)) };
        let mut damaged = 0;
        for at in 0..shelf.count() {
            damaged += u64::from(shelf.entry(at)?.is_none());
        }
        Ok((shelf.count(), damaged, shelf.is_complete()))
    }

    /// For the writer, at the start: the files are made, or set right after a crash. They never stop him.
    pub(crate) fn ready_similar(&mut self) {
        let complete = || Ok(!self.store.has_pictures()?);
        if let Err(e) = Shelf::open_to_write(&self.dir, complete) {
            self.warnings.push((e.zh, e.en));
        }
    }

    /// Fingerprints of files whose records are about to be committed. A file that cannot be used was named at the start.
    pub(crate) fn keep_prints(&self, new: &[([u8; 32], Prints)]) -> Result<()> {
        if new.is_empty() {
            return Ok(());
        }
        match Shelf::open_to_write(&self.dir, || Ok(false)) {
            Ok(mut shelf) => shelf.append(new),
            Err(_) => Ok(()),
        }
    }

    /// A fingerprint of a file that is on record already, where it has none.
    pub(crate) fn keep_missing(&self, sha256: [u8; 32], prints: &Prints) -> Result<()> {
        let Ok(Some(shelf)) = Shelf::open(&self.dir) else { return Ok(()) };
        let known = shelf.scan(&Sieve::new(prints.clone()))?.near.iter().any(|(key, _)| *key == sha256);
        if known { Ok(()) } else { self.keep_prints(&[(sha256, prints.clone())]) }
    }

    /// Takes the fingerprints of these files away. Files that are of no use are made anew without any, since what is in
    /// them cannot be told.
    pub(crate) fn forget_prints(&self, sha256: &[[u8; 32]]) -> Result<()> {
        if sha256.is_empty() || !self.dir.join("similar/prints-1").exists() {
            return Ok(());
        }
        match Shelf::open_to_write(&self.dir, || Ok(false)) {
            Ok(shelf) => shelf.leave_out(sha256),
            Err(_) => Shelf::create(&self.dir.join("similar"), false)?.publish(),
        }
    }

    fn near(
        &self,
        Account(account): Account,
        digests: &FileDigests,
        prints: std::result::Result<Prints, picture::Error>,
        most: usize,
    ) -> Result<Found> {
        let mut found = Found::default();
        let sealed = self.reader.final_size().map_err(|e| crate::folder::ledger_error(&e))?;
        let add = |found: &mut Found, row: &store::Record, like: Option<Likeness>| {
            found.all += 1;
            if found.near.len() < most {
                let status = if row.index.is_some_and(|i| i < sealed) { "existing" } else { "pending" };
                found.near.push(Near {
                    line: line_of(row, row.file_name.clone(), status),
                    similarity: like.map_or("identical", |l| if l.is_close() { "close" } else { "possible" }),
                    size: row.size,
                    dct: like.map(|l| l.dct),
                    gradient: like.map(|l| l.gradient),
                    mirrored: like.map(|l| l.mirrored),
                    part: like.map(|l| l.page.as_str()),
                    registered_part: like.map(|l| l.registered.as_str()),
                });
            }
        };
        for row in self.store.own_by_sha256(account, &digests.sha256)? {
            if row.sm3 == Some(digests.sm3) && row.size == Some(digests.size) {
                add(&mut found, &row, None);
            }
        }
        for waiting in self.store.own_waiting_by_sha256(account, &digests.sha256)? {
            if waiting.row.sm3 == Some(digests.sm3) && waiting.row.size == Some(digests.size) {
                add(&mut found, &waiting.row, None);
            }
        }
        let prints = match prints {
            Ok(prints) => prints,
            Err(why) => {
                found.warnings.push(only_exact(&why));
                return Ok(found);
            }
        };
        let Some(shelf) = Shelf::open(&self.dir)? else {
            found.warnings.push(incomplete());
            return Ok(found);
        };
        let mut scanned = shelf.scan(&Sieve::new(prints))?;
        scanned.near.sort_by_key(|(key, l)| (!l.is_close(), 2 * l.dct + l.gradient, *key));
        scanned.near.dedup_by_key(|(key, _)| *key);
        for (key, likeness) in scanned.near.iter().filter(|(key, _)| *key != digests.sha256) {
            for row in self.store.own_by_sha256(account, key)? {
                // Of told digests nobody here knows what they show: the fingerprint is of somebody else's file.
                if self.custody(&row)?.is_some_and(|custody| custody != Custody::Declared) {
                    add(&mut found, &row, Some(*likeness));
                }
            }
        }
        if !shelf.is_complete() {
            found.warnings.push(incomplete());
        }
        if scanned.damaged > 0 {
            found.warnings.push((
                format!("{} 个图片指纹已损坏，未参与比较；请运行 quezao admin similar rebuild", scanned.damaged),
                format!(
                    "{} fingerprints are damaged and were not compared; run quezao admin similar rebuild",
                    scanned.damaged
                ),
            ));
        }
        Ok(found)
    }
}

/// The prints of a kept original that still has its digest.
fn original(originals: &Path, sha256: &[u8; 32]) -> Option<Prints> {
    let path = intake::original_path(originals, sha256);
    let size = File::open(&path).and_then(|f| f.metadata()).ok()?.len();
    let bytes = (size <= MAX_FILE).then(|| fs::read(&path).ok()).flatten()?;
    if evidence::digest::sha256(&bytes) != *sha256 {
        return None;
    }
    picture::prints(bytes, &Limits::default()).ok()
}

fn only_exact(why: &picture::Error) -> (String, String) {
    use picture::Error as E;
    let (zh, en) = match why {
        E::Format => ("不是可解码的图片格式".to_owned(), "it is not a format that is decoded".to_owned()),
        E::Small { width, height } => {
            (format!("{width} × {height} 像素太小"), format!("{width} × {height} pixels are too few"))
        }
        E::Flat { .. } => ("画面内容太少".to_owned(), "there is too little in it".to_owned()),
        E::Pixels { .. } | E::Bytes(_) | E::Time(_) => ("图片太大".to_owned(), "it is too large".to_owned()),
        E::Decoder(reason) => {
            let reason = show_path(Path::new(reason));
            (format!("无法解码（{reason}）"), format!("it does not decode ({reason})"))
        }
    };
    (
        format!("只查找了完全相同的文件，未比较相似图片：{zh}"),
        format!("only exactly this file was looked for, not pictures like it: {en}"),
    )
}

fn incomplete() -> (String, String) {
    (
        "较早登记的图片还没有指纹，未参与相似比较；请运行 quezao admin similar rebuild".into(),
        "pictures that were registered earlier have no fingerprint and were not compared; run quezao admin similar rebuild"
            .into(),
    )
}
