//! The audit log of an account: every act with who acted and how, refusals too.

use super::{Actor, Answer, Permission};
use crate::{Folder, Result, clock};
use evidence::time::SECOND;
use store::{Noted, OWNER_ACCOUNT, SignIn};

/// Lines of one page.
pub const AUDIT_PAGE: u32 = 50;
/// Lines that are read at once for a list.
const PIECE: u32 = 500;
/// The same refusal of the same person, and the same download, is noted once in so long.
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

    /// Notes that a request was refused: `how` is its route, status and field, never what was sent. One of nobody who is
    /// known stands in the log of who runs the folder. The caller bounds how often.
    pub fn note_rejected(&self, actor: &Actor, how: &str) -> Result<()> {
        if let Some(person) = actor.person() {
            return self.note(actor, person, "rejected", how);
        }
        let (account, via, subject) = (OWNER_ACCOUNT, "visitor".to_owned(), how.to_owned());
        let at = clock::now().0;
        Ok(self.store.note_act(&store::Act { at, account, sign_in: None, via, act: "rejected", subject })?)
    }

    /// Notes that a record's certificate, package, or a file of it was taken away: a package may be fetched in many parts.
    pub(super) fn note_download(&self, actor: &Actor, id: &str) {
        let Some(person) = actor.person() else { return };
        // A full disk stops recording, not what is here already.
        let _ = self.store.note_once(&actor.act(person, "download", id), clock::now().0 - AGAIN);
    }

    /// Notes that somebody who is known was not permitted something.
    pub(super) fn note_refused(&self, actor: &Actor, person: &SignIn, subject: &str) {
        let act = actor.act(person, "refused", subject);
        // A log that cannot be written to does not turn a refusal into something else.
        let _ = self.store.note_refused(&act, clock::now().0 - AGAIN);
    }
}
