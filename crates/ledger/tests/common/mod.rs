//! What the tests share: a head row in a file, a stamper, a ledger's config.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use evidence::note::{Signer, VerifierKey};
use ledger::{Config, Error, Head, HeadRow, Result, Stamper};

pub const SEED: [u8; 32] = [7; 32];

/// `NAME/` and the digest of the key, as every ledger has it.
pub fn origin(seed: &[u8; 32]) -> String {
    let key = Signer::from_seed("any", seed).unwrap().verifier_key();
    evidence::checkpoint::origin("test.local", key.public_key().try_into().unwrap()).unwrap()
}

pub fn signer() -> Signer {
    Signer::from_seed(&origin(&SEED), &SEED).unwrap()
}

pub fn key() -> VerifierKey {
    signer().verifier_key()
}

/// The folder `data`, and `mirror` and `head` beside it.
pub fn config(base: &Path) -> Config {
    let head = Box::new(FileRow(base.join("head")));
    Config::new(&base.join("data"), &base.join("mirror/head"), signer(), &origin(&SEED), head)
}

pub fn sealing(base: &Path) -> Config {
    Config { stampers: vec![Arc::new(Echo::default())], ..config(base) }
}

/// A head row in a file; every row that was ever offered is kept behind it, for the tests to look at.
pub struct FileRow(pub PathBuf);

impl FileRow {
    /// All rows that were offered, oldest first.
    pub fn history(&self) -> Vec<Head> {
        let mut rest = &fs::read(self.0.with_extension("history")).unwrap_or_default()[..];
        let mut rows = Vec::new();
        while let Some((length, behind)) = rest.split_first_chunk::<8>() {
            // A kill may cut the last one.
            let Some((row, behind)) = behind.split_at_checked(u64::from_be_bytes(*length) as usize) else { break };
            rows.push(decode(row));
            rest = behind;
        }
        rows
    }
}

impl HeadRow for FileRow {
    fn load(&self) -> Result<Option<Head>> {
        match fs::read(&self.0) {
            Ok(bytes) => Ok(Some(decode(&bytes))),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::Storage(e.to_string())),
        }
    }

    fn swap(&self, expected: Option<&Head>, new: &Head) -> Result<()> {
        let found = self.load()?;
        if found.as_ref() != expected {
            return Err(Error::HeadMoved { expected: expected.map(|h| h.size), found: found.map(|h| h.size) });
        }
        let row = encode(new);
        let mut history = File::options().append(true).create(true).open(self.0.with_extension("history")).unwrap();
        history.write_all(&[&(row.len() as u64).to_be_bytes()[..], &row].concat()).unwrap();
        let temporary = self.0.with_extension("tmp");
        fs::write(&temporary, row).unwrap();
        fs::rename(temporary, &self.0).unwrap();
        Ok(())
    }
}

fn encode(head: &Head) -> Vec<u8> {
    [&head.size.to_be_bytes()[..], &head.segment_position.to_be_bytes(), &head.root, &head.checkpoint].concat()
}

fn decode(bytes: &[u8]) -> Head {
    let number = |at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().unwrap());
    Head {
        size: number(0),
        segment_position: number(8),
        root: bytes[16..48].try_into().unwrap(),
        checkpoint: bytes[48..].to_vec(),
    }
}

/// Stamps by answering `stamped: ` and the note; fails while told to.
#[derive(Clone, Default)]
pub struct Echo {
    pub down: Arc<AtomicBool>,
    pub asked: Arc<AtomicUsize>,
}

impl Stamper for Echo {
    fn stamp(&self, checkpoint_note: &[u8]) -> std::result::Result<Vec<u8>, String> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.down.load(Ordering::SeqCst) {
            true => Err("no answer".to_owned()),
            false => Ok([b"stamped: ", checkpoint_note].concat()),
        }
    }
    fn name(&self) -> &str {
        "echo"
    }
}

pub fn leaf(n: u64) -> Vec<u8> {
    format!("{{\"record\":{n}}}").into_bytes()
}
