//! Uploads that can be resumed: bytes that come in pieces, over several connections and starts of the server, until
//! they are a file.
//!
//! Rules:
//! - What was acknowledged is on the disk: bytes are synced before the row that counts them is written. What lies
//!   behind the count is cut off before the next piece.
//! - One hand writes at a time; a second one is told so.
//! - An upload is its account's, and for others not there. Size, number and life are bounded; who sends nothing for
//!   three days finds it swept.
//! - A registered upload keeps its row, so that an answer that was lost is given again.

use super::{Actor, Answer, Permission, Refusal, Why, deposit::plain_name};
use crate::{
    DepositLine, Error, Folder, MAX_UPLOAD, Result, Rights, clock, keys,
    register::{known, line_of},
};
use evidence::{
    hex,
    time::{SECOND, Utc},
};
use sha2::Digest;
use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use store::Upload as Row;

/// Most unregistered uploads of an account, and most bytes that they may announce together.
const MAX_OPEN: u64 = 1000;
const MAX_OPEN_BYTES: u64 = 64 << 30;
/// Longest metadata, in bytes.
const MAX_METADATA: usize = 4096;
/// An upload of which nothing more comes is swept after this (microseconds).
const LIFE: i64 = 3 * 24 * 3600 * SECOND;
/// Bytes that may be lost when the machine stops.
const SYNC: u64 = 8 << 20;
/// What must stay free on the disk: the ledger has to go on.
const RESERVE: u64 = 64 << 20;

/// Uploads that are being written, by their addresses.
pub(crate) type Hands = Arc<Mutex<BTreeSet<String>>>;

/// An upload as its owner sees it.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Its address.
    pub id: String,
    /// `Upload-Metadata`, as it was sent.
    pub metadata: String,
    /// Bytes in all.
    pub length: u64,
    /// Bytes that are here.
    pub received: u64,
    /// When it is swept.
    pub expires_at: Utc,
}

impl From<Row> for Upload {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            metadata: row.metadata,
            length: row.length,
            received: row.received,
            expires_at: Utc(row.expires_at),
        }
    }
}

/// What a piece must digest to; one that does not is forgotten.
pub enum Checksum {
    /// SHA-1, which the protocol asks for.
    Sha1(sha1::Sha1, Vec<u8>),
    /// SHA-256.
    Sha256(sha2::Sha256, Vec<u8>),
}

impl Checksum {
    /// Of this algorithm, as the protocol calls it; `None` where it is unknown.
    pub fn new(algorithm: &str, wanted: Vec<u8>) -> Option<Self> {
        match algorithm {
            "sha1" => Some(Self::Sha1(sha1::Sha1::new(), wanted)),
            "sha256" => Some(Self::Sha256(sha2::Sha256::new(), wanted)),
            _ => None,
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(sum, _) => sum.update(bytes),
            Self::Sha256(sum, _) => sum.update(bytes),
        }
    }

    fn agrees(self) -> bool {
        match self {
            Self::Sha1(sum, wanted) => sum.finalize()[..] == wanted,
            Self::Sha256(sum, wanted) => sum.finalize()[..] == wanted,
        }
    }
}

/// Nobody else's, while this lives.
pub(super) struct Hand(Hands, String);

impl Hand {
    fn take(hands: &Hands, id: &str) -> Answer<Self> {
        if lock(hands).insert(id.to_owned()) {
            return Ok(Self(hands.clone(), id.to_owned()));
        }
        Err(Refusal::new(
            Why::Busy,
            "这个文件正在另一处上传或登记；请等它结束",
            "this file is being sent or registered elsewhere; wait for that to end",
        ))
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        lock(&self.0).remove(&self.1);
    }
}

fn lock(hands: &Hands) -> MutexGuard<'_, BTreeSet<String>> {
    hands.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A piece on its way in. However it ends, what came of it is kept, unless it has to have a checksum.
pub struct Piece {
    store: store::Store,
    path: PathBuf,
    file: File,
    row: Row,
    /// Written, and not counted yet.
    ahead: u64,
    checksum: Option<Checksum>,
    _hand: Hand,
}

impl Piece {
    /// The next bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Answer<()> {
        if self.row.received + self.ahead + bytes.len() as u64 > self.row.length {
            // Nobody knows which of it is the file.
            self.ahead = 0;
            let length = self.row.length;
            return Err(Refusal::new(
                Why::TooLarge("file"),
                format!("收到的内容多于声明的 {length} 字节；请重新上传"),
                format!("more came than the {length} bytes that were announced; send the file again"),
            ));
        }
        self.file.write_all(bytes).map_err(|e| full(&self.path, &e))?;
        let before = self.ahead;
        self.ahead += bytes.len() as u64;
        let look = before / SYNC != self.ahead / SYNC;
        match &mut self.checksum {
            Some(checksum) => checksum.update(bytes),
            None if self.ahead >= SYNC => self.count()?,
            None => {}
        }
        if look { room(self.path.parent().unwrap_or(&self.path), 0) } else { Ok(()) }
    }

    /// The end of the piece.
    pub fn end(mut self) -> Answer<Upload> {
        if let Some(checksum) = self.checksum.take()
            && !checksum.agrees()
        {
            self.ahead = 0;
            let (zh, en) =
                ("这一段的校验和不符，已丢弃；请重传", "the piece's checksum differs; it was forgotten, send it again");
            return Err(Refusal::new(Why::Checksum, zh, en));
        }
        self.count()?;
        Ok(self.row.clone().into())
    }

    /// Counts what was written, once it is on the disk.
    fn count(&mut self) -> Answer<()> {
        self.file.sync_data().map_err(|e| full(&self.path, &e))?;
        let received = self.row.received + std::mem::take(&mut self.ahead);
        self.row.expires_at = clock::now().0 + LIFE;
        self.store.note_received(&self.row.id, received, self.row.expires_at).map_err(Error::from)?;
        self.row.received = received;
        Ok(())
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        if self.ahead > 0 && self.checksum.is_none() {
            // Who sent it is gone: there is nobody to be told.
            let _ = self.count();
        }
    }
}

impl Folder {
    /// A place for a file of `length` bytes.
    pub fn begin_upload(&self, actor: &Actor, name: &str, length: u64, metadata: &str) -> Answer<Upload> {
        let person = self.allow(actor, Permission::Deposit)?;
        let name = plain_name(name)?;
        if metadata.len() > MAX_METADATA {
            return Err(Refusal::field("upload-metadata", "Upload-Metadata 过长", "Upload-Metadata is too long"));
        }
        if length == 0 {
            return Err(Refusal::field("file", "空文件不能存证", "an empty file cannot be deposited"));
        }
        if length > MAX_UPLOAD {
            let most = MAX_UPLOAD >> 30;
            return Err(Refusal::new(
                Why::TooLarge("file"),
                format!("文件超过 {most} GiB；更大的文件请用命令行登记"),
                format!("the file is longer than {most} GiB; register it on the command line"),
            ));
        }
        self.sweep_expired_uploads()?;
        self.has_left(person, 1, length, 0)?;
        let (open, bytes) = self.store.open_uploads(person.account)?;
        if open >= MAX_OPEN || bytes + length > MAX_OPEN_BYTES {
            return Err(Refusal::new(
                Why::Slow(60),
                "未登记的上传过多；请先登记或删除其中一些",
                "too many uploads wait to be registered; register or remove some first",
            ));
        }
        self.has_room(length)?;
        let id = hex::encode(&keys::random::<16>()?);
        let folder = self.uploads().join(&id);
        let made = fs::create_dir_all(&folder).and_then(|()| File::create_new(folder.join(name)));
        let made =
            made.and_then(|file| file.sync_all()).and_then(|()| synced(&folder)).and_then(|()| synced(&self.uploads()));
        made.map_err(|e| full(&folder, &e))?;
        let row = Row {
            id,
            account: person.account,
            name: name.to_owned(),
            metadata: metadata.to_owned(),
            length,
            received: 0,
            record: None,
            expires_at: clock::now().0 + LIFE,
        };
        self.store.add_upload(&row)?;
        Ok(row.into())
    }

    /// How far an upload is.
    pub fn upload(&self, actor: &Actor, id: &str) -> Answer<Upload> {
        Ok(self.uploaded(actor, id)?.into())
    }

    /// Takes a piece that begins at `offset`.
    pub fn write_upload(&self, actor: &Actor, id: &str, offset: u64, checksum: Option<Checksum>) -> Answer<Piece> {
        self.uploaded(actor, id)?;
        let hand = Hand::take(&self.hands, id)?;
        // Asked again: by now nobody else writes.
        let row = self.uploaded(actor, id)?;
        if offset != row.received {
            let here = row.received;
            return Err(Refusal::new(
                Why::Conflict,
                format!("已收到 {here} 字节，这一段却从 {offset} 开始；请从 {here} 继续"),
                format!("{here} bytes are here, but the piece begins at {offset}; go on from {here}"),
            ));
        }
        let path = self.uploads().join(&row.id).join(&row.name);
        self.has_room(0)?;
        let opened = OpenOptions::new().write(true).open(&path).and_then(|mut file| {
            file.set_len(row.received)?;
            file.seek(SeekFrom::Start(row.received)).map(|_| file)
        });
        let file = opened.map_err(|e| full(&path, &e))?;
        Ok(Piece { store: self.store.clone(), path, file, row, ahead: 0, checksum, _hand: hand })
    }

    /// Forgets an upload and its bytes.
    pub fn drop_upload(&self, actor: &Actor, id: &str) -> Answer<()> {
        self.uploaded(actor, id)?;
        let _hand = Hand::take(&self.hands, id)?;
        Ok(self.forget_upload(id)?)
    }

    /// Registers what was uploaded as one file, with the records of its attachments.
    pub fn register_upload(
        &self,
        actor: &Actor,
        id: &str,
        rights: &Rights,
        attachments: &[String],
    ) -> Answer<DepositLine> {
        let (row, path, hand) = match self.whole_upload(actor, id)? {
            Whole::Registered(line) => return Ok(*line),
            Whole::Waits(row, path, hand) => (row, path, hand),
        };
        let refs = self.attached(actor, attachments)?;
        let line = self.register_file(actor, &path, sha256_of(&path)?, rights, refs)?;
        self.end_upload(&row, &line)?;
        drop(hand);
        Ok(line)
    }

    /// Refuses a finished upload that is not the file of this SHA-256, and forgets it: of a file that was changed
    /// while it was sent in two goes there are parts of both.
    pub fn hold_upload_to(&self, actor: &Actor, id: &str, sha256: &[u8; 32]) -> Answer<()> {
        let same = match self.whole_upload(actor, id)? {
            Whole::Registered(line) => line.sha256.is_none_or(|found| found == hex::encode(sha256)),
            Whole::Waits(_, path, _hand) => {
                let same = sha256_of(&path)? == *sha256;
                if !same {
                    self.forget_upload(id)?;
                }
                same
            }
        };
        if same {
            return Ok(());
        }
        Err(Refusal::new(
            Why::Checksum,
            "上传的内容与这个文件不是同一份（两次上传之间文件有改动？）；已丢弃，请重新上传",
            "what was sent is not this file (was it changed between two goes?); it was forgotten, send the file again",
        ))
    }

    /// A finished upload, and nobody else's hand on it.
    pub(super) fn whole_upload(&self, actor: &Actor, id: &str) -> Answer<Whole> {
        self.uploaded(actor, id)?;
        let hand = Hand::take(&self.hands, id)?;
        let row = self.uploaded(actor, id)?;
        if let Some(record) = &row.record {
            let line = match self.store.record(record)? {
                Some(found) => line_of(&found, row.name.clone(), known(&found)),
                // Its statement waits for a token from outside.
                None => DepositLine {
                    id: Some(record.clone()),
                    file: row.name.clone(),
                    status: "pending".into(),
                    ..DepositLine::default()
                },
            };
            return Ok(Whole::Registered(Box::new(line)));
        }
        if row.received < row.length {
            return Err(Refusal::new(
                Why::Conflict,
                format!("只收到 {} 字节，共 {} 字节；请先传完", row.received, row.length),
                format!("{} of {} bytes are here; send the rest first", row.received, row.length),
            ));
        }
        let path = self.uploads().join(&row.id).join(&row.name);
        Ok(Whole::Waits(row, path, hand))
    }

    /// The record stands: the bytes lie with the originals now.
    fn end_upload(&self, row: &Row, line: &DepositLine) -> Result<()> {
        self.store.end_upload(&row.id, line.id.as_deref().unwrap_or_default())?;
        remove(&self.uploads().join(&row.id))
    }

    fn uploaded(&self, actor: &Actor, id: &str) -> Answer<Row> {
        let person = self.allow(actor, Permission::Deposit)?;
        let found = self.store.upload(person.account, id)?.filter(|row| row.expires_at >= clock::now().0);
        found.ok_or_else(|| {
            Refusal::new(
                Why::NotFound,
                "没有这个上传，或已过期；请重新上传",
                "there is no such upload, or it is too old; send the file again",
            )
        })
    }

    fn uploads(&self) -> PathBuf {
        self.dir.join("uploads")
    }

    /// Whether so many bytes more leave enough for the ledger.
    pub(super) fn has_room(&self, bytes: u64) -> Answer<()> {
        room(&self.dir, bytes)
    }

    fn forget_upload(&self, id: &str) -> Result<()> {
        self.store.drop_upload(id)?;
        remove(&self.uploads().join(id))
    }

    fn sweep_expired_uploads(&self) -> Result<()> {
        let now = clock::now().0;
        for id in self.store.expired_uploads(now)? {
            // One that is being written is alive again in a moment, or has been since it was listed.
            if let Ok(_hand) = Hand::take(&self.hands, &id)
                && self.store.drop_expired(&id, now)?
            {
                remove(&self.uploads().join(&id))?;
            }
        }
        Ok(())
    }

    /// Takes the bytes of an upload whose row is gone.
    pub(super) fn remove_upload(&self, id: &str) -> Result<()> {
        remove(&self.uploads().join(id))
    }

    /// At start: what expired, rows without bytes (an old copy of the folder), bytes without rows.
    pub(super) fn sweep_resumable(&self) -> Result<()> {
        self.sweep_expired_uploads()?;
        let rows = self.store.uploads()?;
        for row in rows.iter().filter(|row| row.record.is_none()) {
            let here = fs::metadata(self.uploads().join(&row.id).join(&row.name)).map_or(0, |m| m.len());
            if here < row.received || !self.uploads().join(&row.id).is_dir() {
                self.forget_upload(&row.id)?;
            }
        }
        let Ok(entries) = fs::read_dir(self.uploads()) else { return Ok(()) };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if !rows.iter().any(|row| row.record.is_none() && name.to_str() == Some(&row.id)) {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }
}

/// Whether so many bytes more on this disk leave enough for the ledger.
pub(super) fn room(dir: &Path, bytes: u64) -> Answer<()> {
    let free = rustix::fs::statvfs(dir).map_or(u64::MAX, |s| s.f_bavail.saturating_mul(s.f_frsize));
    if free >= bytes.saturating_add(RESERVE) {
        return Ok(());
    }
    let free = free >> 20;
    Err(Refusal::new(
        Why::Full,
        format!(
            "服务器磁盘空间不足（剩余 {free} MB），这个文件没有登记；已登记的和续传中已收到的都保留着，请管理员腾出空间后再试"
        ),
        format!(
            "the server's disk is nearly full ({free} MB left), this file was not registered; what is on record, and what a resumable upload has sent, is kept: try again when its operator has made room"
        ),
    ))
}

/// An upload of which all is here.
pub(super) enum Whole {
    Waits(Row, PathBuf, Hand),
    Registered(Box<DepositLine>),
}

/// By which two who send the same bytes at once are told apart from two who send others.
fn sha256_of(path: &Path) -> Result<[u8; 32]> {
    let io = |e: std::io::Error| Error::io(Path::new(path.file_name().unwrap_or_default()), &e);
    let (mut file, mut sum, mut buffer) = (File::open(path).map_err(io)?, sha2::Sha256::new(), vec![0; 256 << 10]);
    loop {
        match file.read(&mut buffer).map_err(io)? {
            0 => return Ok(sum.finalize().into()),
            n => sum.update(&buffer[..n]),
        }
    }
}

/// Names in it are on the disk.
fn synced(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io(folder, &e)),
        _ => Ok(()),
    }
}

/// A disk that is full is not the sender's fault, nor is anything lost.
pub(super) fn full(path: &Path, error: &std::io::Error) -> Refusal {
    use std::io::ErrorKind as K;
    if matches!(error.kind(), K::StorageFull | K::QuotaExceeded | K::FileTooLarge) {
        return Refusal::new(
            Why::Full,
            "服务器磁盘已满，这个文件没有登记；已登记的和续传中已收到的都保留着，请管理员腾出空间后再试",
            "the server's disk is full, this file was not registered; what is on record, and what a resumable upload has sent, is kept: try again when its operator has made room",
        );
    }
    Error::io(path, error).into()
}
