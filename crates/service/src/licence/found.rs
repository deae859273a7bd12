//! Licences and what is recorded about them, found also while they wait for a token from outside.

use crate::{Error, Folder, Result, show_path};
use evidence::statement::Kind;
use std::path::Path;
use store::Record;

/// Later records about a licence.
const ABOUT: [Kind; 2] = [Kind::Revocation, Kind::Confirmation];

impl Folder {
    /// Later records about a licence, in the order of the ledger, then what of `waits` is about it.
    pub(crate) fn about_licence(&self, licence: &Record, waits: &[Record]) -> Result<Vec<Record>> {
        let mut rows = Vec::new();
        for kind in ABOUT {
            let known = self.store.by_name(licence.account, kind.as_str(), &licence.id)?;
            rows.extend(with(waits, known, kind, &licence.id));
        }
        rows.sort_by_key(|row| (row.index.is_none(), row.index));
        Ok(rows)
    }

    /// An account's licences, their ends and confirmations that wait for a token from outside, oldest first of each kind.
    /// To be read before records are: what becomes one meanwhile is seen in both, never in neither.
    pub(crate) fn licences_waiting(&self, account: i64) -> Result<Vec<Record>> {
        let mut rows = Vec::new();
        if self.store.waits()? {
            for kind in [Kind::Licence].into_iter().chain(ABOUT) {
                rows.extend(self.store.waiting_of_kind(account, kind.as_str())?.into_iter().map(|waiting| waiting.row));
            }
        }
        Ok(rows)
    }

    /// A licence of this account, or the one that a waiting statement will be.
    pub(crate) fn licence_row(&self, account: i64, id: &str) -> Result<Option<Record>> {
        let waiting = self.store.waiting_one(id)?.map(|waiting| waiting.row);
        let row = self.store.record(id)?.or(waiting);
        Ok(row.filter(|row| row.account == account && row.kind == Kind::Licence.as_str()))
    }

    /// The same; its absence is an error.
    pub(super) fn known_licence(&self, account: i64, id: &str) -> Result<Record> {
        self.licence_row(account, id)?.ok_or_else(|| {
            let shown = show_path(Path::new(id));
            Error::new(format!("没有许可 {shown}"), format!("there is no licence {shown}")).code("no-licence")
        })
    }
}

/// Records, then what of `waits` is of this kind, is shown under this name, and is not among them.
pub(super) fn with(waits: &[Record], mut rows: Vec<Record>, kind: Kind, name: &str) -> Vec<Record> {
    add(&mut rows, waits.iter().filter(|row| row.kind == kind.as_str() && row.file_name == name));
    rows
}

/// Adds those that are not there yet.
pub(super) fn add<'r>(rows: &mut Vec<Record>, more: impl Iterator<Item = &'r Record>) {
    let known = rows.len();
    for row in more {
        if rows[..known].iter().all(|other| other.id != row.id) {
            rows.push(row.clone());
        }
    }
}
