//! Identities of a provider (OpenID Connect): linked by who is signed in and gives the password again, then a way in.

use super::{Actor, Answer, Permission, Refusal, SignedIn, Why};
use crate::{Folder, OpenIdentity, clock};

impl Folder {
    /// Asks for the password before somebody is sent to the provider to be linked.
    pub fn may_link(&self, actor: &Actor, password: &str) -> Answer<()> {
        let person = self.allow(actor, Permission::Secrets)?;
        self.same_person(actor, person, password)
    }

    /// Links who came back from the provider.
    pub fn link_identity(&self, actor: &Actor, identity: &OpenIdentity) -> Answer<()> {
        let person = self.allow(actor, Permission::Secrets)?;
        if !self.store.link_identity(&identity.issuer, &identity.subject, person.id)? {
            return Err(Refusal::new(
                Why::Conflict,
                "这个身份已与另一个登录名相连；请先在那里断开",
                "this identity is linked to another name to sign in with; end that first",
            ));
        }
        Ok(self.note(actor, person, "link-identity", "")?)
    }

    /// Whether the actor is linked to this provider.
    pub fn is_linked(&self, actor: &Actor, issuer: &str) -> Answer<bool> {
        let person = self.allow(actor, Permission::Secrets)?;
        Ok(self.store.is_linked(issuer, person.id)?)
    }

    /// Ends the actor's link.
    pub fn unlink_identity(&self, actor: &Actor) -> Answer<()> {
        let person = self.allow(actor, Permission::Secrets)?;
        if !self.store.unlink_identities(person.id)? {
            return Err(Refusal::new(Why::NotFound, "没有相连的身份", "no identity is linked"));
        }
        Ok(self.note(actor, person, "unlink-identity", "")?)
    }

    /// A session for whom the provider knows; a code is asked for where the person has one, as beside a password.
    pub fn sign_in_by(&self, identity: &OpenIdentity, agent: &str) -> Answer<SignedIn> {
        let Some(person) = self.store.identity(&identity.issuer, &identity.subject)? else {
            return Err(Refusal::new(
                Why::Forbidden,
                "这个身份还没有与登录名相连；请先用密码登录，在账户页相连",
                "this identity is not linked yet; sign in by password and link it on the account page",
            ));
        };
        self.let_in(person, agent, clock::now().0)
    }
}
