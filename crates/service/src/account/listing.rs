//! An account's records as the command line lists them: oldest first, a piece at a time, none twice.

use super::{Actor, Answer, Permission, Refusal};
use crate::{DepositLine, Folder, erase, waiting::waiting_line};

/// Most records of one piece.
pub const MAX_LISTED: u32 = 1000;

/// A piece of the list.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Oldest first.
    pub lines: Vec<DepositLine>,
    /// Number behind which the next piece begins; `None` after the last.
    pub next: Option<String>,
}

impl Folder {
    /// The account's records behind the one with the number `after` (empty: from the first), at most `limit`; after the
    /// last what waits, and what was erased.
    pub fn records_of(&self, actor: &Actor, after: &str, limit: u32) -> Answer<Listing> {
        let person = self.allow(actor, Permission::View)?;
        let seen = self.store.account_of(after)? == Some(person.account) && self.sees(person, after)?;
        if !after.is_empty() && !seen {
            return Err(Refusal::field(
                "after",
                "after 不是此账户的记录编号",
                "after is the number of no record of this account",
            ));
        }
        let limit = limit.clamp(1, MAX_LISTED);
        let records = self.store.records_after(person.account, after, limit, person.shops.as_deref())?;
        let full = records.len() == limit as usize;
        let next = records.last().map(|record| record.id.clone()).filter(|_| full);
        let mut lines = self.lines(records.iter())?;
        // What waits and what was erased is told to who sees the whole account.
        if !full && person.shops.is_none() {
            // What waits for a token from outside has no place in the order.
            let waiting = self.store.own_waiting(person.account)?;
            lines.extend(waiting.iter().map(|w| waiting_line(w, w.row.file_name.clone())));
            let erased = self.store.erasures(false)?;
            lines.extend(erased.iter().filter(|e| e.account == person.account).map(erase::line));
        }
        Ok(Listing { lines, next })
    }
}
