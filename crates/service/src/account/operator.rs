//! The operator's room: what it takes to run this folder for everybody else, at a glance.

use super::{Actor, Answer, Permission};
use crate::{Folder, folder::ledger_error};

/// The folder as its operator sees it.
#[derive(Clone, Debug)]
pub struct House {
    /// Accounts that are open.
    pub accounts: u64,
    /// People who can sign in.
    pub people: u64,
    /// The ledger's origin.
    pub origin: String,
    /// Leaves of the published checkpoint.
    pub size: u64,
    /// Records that no seal covers yet.
    pub waiting: u64,
    /// Bytes that are free on the folder's disk.
    pub free: u64,
}

impl Folder {
    /// The folder at a glance, for its operator alone.
    pub fn house(&self, actor: &Actor) -> Answer<House> {
        self.allow(actor, Permission::Operate)?;
        let (checkpoint, _) = self.reader.published().map_err(|e| ledger_error(&e))?;
        let (accounts, people) = self.store.house()?;
        let free = rustix::fs::statvfs(&self.dir).map_or(0, |s| s.f_bavail.saturating_mul(s.f_frsize));
        let waiting = checkpoint.size.saturating_sub(self.sealed_leaves()?);
        Ok(House { accounts, people, origin: self.origin.clone(), size: checkpoint.size, waiting, free })
    }
}
