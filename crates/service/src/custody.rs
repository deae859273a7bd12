//! Whose bytes are kept here: a record answers with a file only where its own statement says that it was left here.
//!
//! Originals lie by their digests, and digests are public: who tells one has not shown that he has the file. So what
//! decides is never that a file of this digest is there, but what a record's statement says of it: `held` (its bytes came
//! with it), `read` (they were read and not kept), `declared` (its digests were told).

use crate::{Folder, Result, intake};
use evidence::{
    digest::FileDigests,
    record,
    statement::{Custody, Statement},
};
use std::path::PathBuf;
use store::{OfFile, Record, Store};

impl Folder {
    /// What a record's, or a waiting statement's, own statement says of its file; `None`: it has none.
    pub(crate) fn custody(&self, row: &Record) -> Result<Option<Custody>> {
        if !row.record.is_empty() {
            return Ok(of(&record::Record::parse(&row.record)?.statement));
        }
        if let Some(waiting) = self.store.waiting_one(&row.id)? {
            return Ok(of(&Statement::parse(&waiting.statement)?));
        }
        // Stamped meanwhile, or erased.
        let stamped = self.store.record(&row.id)?;
        Ok(stamped.map(|row| record::Record::parse(&row.record)).transpose()?.and_then(|r| of(&r.statement)))
    }

    /// Where this record's file is kept, if it was left here with it, was not dropped, and is there.
    pub(crate) fn kept_path(&self, row: &Record) -> Result<Option<PathBuf>> {
        let Some(sha256) = row.sha256 else { return Ok(None) };
        if self.custody(row)? != Some(Custody::Held) || self.discarded(row)? {
            return Ok(None);
        }
        let path = self.original_path(&sha256);
        Ok(path.is_file().then_some(path))
    }

    /// Where an account's own file of this digest is kept.
    pub(crate) fn own_path(&self, account: i64, sha256: &[u8; 32]) -> Result<Option<PathBuf>> {
        let path = self.original_path(sha256);
        Ok((account_keeps(&self.store, account, sha256)? && path.is_file()).then_some(path))
    }

    /// Numbers of the other records whose statements say that these bytes are kept, and whether each is this account's.
    pub(crate) fn also_kept(&self, first: &Record) -> Result<Vec<(String, bool)>> {
        let Some(sha256) = first.sha256 else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for other in self.store.of_file(&sha256)?.into_iter().filter(|other| other.id != first.id) {
            if keeps(&other)? {
                found.push((other.id, other.account == first.account));
            }
        }
        Ok(found)
    }

    /// The account's first record of a file, by which the same again is known: one that keeps it, where it is to be kept.
    pub(crate) fn known_file(&self, account: i64, digests: &FileDigests, kept: bool) -> Result<Option<OfFile>> {
        for row in self.store.of_file(&digests.sha256)?.into_iter().filter(|row| row.account == account) {
            let file = statement(&row)?.file;
            let same = file.as_ref().is_some_and(|file| file.digests == *digests);
            if same && (!kept || keeps(&row)?) {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    fn original_path(&self, sha256: &[u8; 32]) -> PathBuf {
        intake::original_path(&self.dir.join("originals"), sha256)
    }
}

/// Whether anybody's record or waiting statement says that these bytes are kept, and nobody had them dropped.
pub(crate) fn anybody_keeps(store: &Store, sha256: &[u8; 32]) -> Result<bool> {
    any(store, sha256, keeps)
}

/// Whether the bytes came here with anybody's record, kept or only read.
pub(crate) fn anybody_showed(store: &Store, sha256: &[u8; 32]) -> Result<bool> {
    any(store, sha256, |row| Ok(statement(row)?.file.is_some_and(|file| file.custody != Custody::Declared)))
}

/// Whether a record or waiting statement of this account's says so.
pub(crate) fn account_keeps(store: &Store, account: i64, sha256: &[u8; 32]) -> Result<bool> {
    any(store, sha256, |row| Ok(row.account == account && keeps(row)?))
}

fn any(store: &Store, sha256: &[u8; 32], mut is: impl FnMut(&OfFile) -> Result<bool>) -> Result<bool> {
    for row in store.of_file(sha256)? {
        if is(&row)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn keeps(row: &OfFile) -> Result<bool> {
    Ok(!row.discarded && of(&statement(row)?) == Some(Custody::Held))
}

fn statement(row: &OfFile) -> Result<Statement> {
    Ok(if row.stamped { record::Record::parse(&row.said)?.statement } else { Statement::parse(&row.said)? })
}

fn of(statement: &Statement) -> Option<Custody> {
    statement.file.as_ref().map(|file| file.custody)
}
