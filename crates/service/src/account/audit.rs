//! The audit log of an account: every act with who acted and how, refusals too.

use super::{Actor, Answer, Permission};
use crate::{Folder, clock};
use evidence::time::SECOND;
use store::{Noted, SignIn};

/// Lines of one page.
pub const AUDIT_PAGE: u32 = 50;
/// Lines that are read at once for a list.
const PIECE: u32 = 500;
/// The same refusal of the same person is noted once in so long.
const AGAIN: i64 = 60 * SECOND;

impl Folder {
    /// A page of the log, the newest first, of what was before `before`; of one person where `who` is given.
    pub fn audit(&self, actor: &Actor, before: i64, who: Option<i64>) -> Answer<Vec<Noted>> {
        let person = self.allow(actor, Permission::People)?;
        Ok(self.store.acts(person.account, before, who, AUDIT_PAGE)?)
    }

    /// The next piece of the whole log; an empty one ends it.
    pub fn audit_after(&self, actor: &Actor, before: i64, who: Option<i64>) -> Answer<Vec<Noted>> {
        let person = self.allow(actor, Permission::People)?;
        Ok(self.store.acts(person.account, before, who, PIECE)?)
    }

    /// Notes that somebody who is known was refused.
    pub(super) fn note_refused(&self, actor: &Actor, person: &SignIn, subject: &str) {
        let act = actor.act(person, "refused", subject);
        // A log that cannot be written to does not turn a refusal into something else.
        let _ = self.store.note_refused(&act, clock::now().0 - AGAIN);
    }
}
