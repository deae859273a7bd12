//! The operator's room: what it takes to run this folder for everybody else, at a glance.

use super::{Actor, Answer, Permission};
use crate::{Folder, QuorumState};

/// The folder as its operator sees it.
#[derive(Clone, Debug)]
pub struct House {
    /// Accounts that are open.
    pub accounts: u64,
    /// People who can sign in.
    pub people: u64,
    /// The ledger's origin.
    pub origin: String,
    /// Published leaves, the quorum, and how each witness fares.
    pub quorum: QuorumState,
    /// Records that no seal with that quorum covers yet.
    pub waiting: u64,
    /// Bytes that are free on the folder's disk.
    pub free: u64,
    /// Names that wait to be verified.
    pub asked: u64,
    /// Pages that wait to be captured.
    pub queued: u64,
    /// Messages to web hooks that were given up.
    pub dead: u64,
}

impl Folder {
    /// The folder at a glance, for its operator alone.
    pub fn house(&self, actor: &Actor) -> Answer<House> {
        self.allow(actor, Permission::Operate)?;
        let quorum = self.quorum_state()?;
        let (accounts, people) = self.store.house()?;
        let free = rustix::fs::statvfs(&self.dir).map_or(0, |s| s.f_bavail.saturating_mul(s.f_frsize));
        let (asked, queued, dead) = self.store.room_counts()?;
        let waiting = quorum.size.saturating_sub(quorum.final_size);
        Ok(House { accounts, people, origin: self.origin.clone(), quorum, waiting, free, asked, queued, dead })
    }
}
