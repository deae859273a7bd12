//! A way back in for who lost password or authenticator: a one-time address, made by who manages the account's people for
//! a sub-account, by the operator for everybody.
//!
//! At the machine itself it is made beside a running server, by one short write; whoever can do that can read the whole
//! folder anyway.

use super::{Actor, Answer, Permission, Refusal, Why, people::new_password};
use crate::{Error, Folder, Result, clock, error::show_path, keys};
use evidence::{digest, hex, time::SECOND};
use std::path::Path;

/// How long such an address is good.
pub const RESET_MINUTES: i64 = 60;

/// A one-time token for the person of this name, in place of any earlier one: `…/reset/TOKEN`.
pub fn reset_sign_in(dir: &Path, login: &str) -> Result<String> {
    let database = dir.join("quezao.db");
    if !database.is_file() {
        return Err(Error::new(
            format!("{} 不是数据文件夹；请检查 --data", show_path(dir)),
            format!("{} is not a data folder; check --data", show_path(dir)),
        ));
    }
    let store = store::Store::open_beside(&database)?;
    let token = hex::encode(&keys::random::<32>()?);
    let until = clock::now().0 + RESET_MINUTES * 60 * SECOND;
    if !store.offer_reset(login, &digest::sha256(token.as_bytes()), until)? {
        let login = show_path(Path::new(login));
        return Err(Error::new(
            format!("没有人用“{login}”登录；请检查登录名"),
            format!("nobody signs in as \"{login}\"; check the name"),
        ));
    }
    Ok(token)
}

impl Folder {
    /// A one-time address for a sub-account of the actor's account, by which it chooses a new password.
    pub fn reset_of(&self, actor: &Actor, id: i64) -> Answer<String> {
        let person = self.allow(actor, Permission::People)?;
        let login = self.below(person, id)?.login;
        let token = self.offer_reset(&login)?;
        self.note(actor, person, "offer-reset", &id.to_string())?;
        Ok(token)
    }

    /// The same for whoever signs in by this name, from the folder's operator.
    pub fn reset_by_operator(&self, actor: &Actor, login: &str) -> Answer<String> {
        let person = self.allow(actor, Permission::Operate)?;
        let login = login.trim();
        let Some(other) = self.store.sign_in_named(login)? else {
            let shown = show_path(Path::new(login));
            return Err(Refusal::field(
                "login",
                format!("没有人用“{shown}”登录；请检查登录名"),
                format!("nobody signs in as \"{shown}\"; check the name"),
            ));
        };
        let token = self.offer_reset(&other.login)?;
        self.note(actor, person, "offer-reset", &other.id.to_string())?;
        if other.account != person.account {
            // Whose account it is reads it too.
            let act = store::Act { account: other.account, sign_in: None, ..actor.act(person, "offer-reset", "") };
            self.store.note_act(&store::Act { via: "operator".into(), subject: other.id.to_string(), ..act })?;
        }
        Ok(token)
    }

    fn offer_reset(&self, login: &str) -> Result<String> {
        let token = hex::encode(&keys::random::<32>()?);
        let until = clock::now().0 + RESET_MINUTES * 60 * SECOND;
        self.store.offer_reset(login, &digest::sha256(token.as_bytes()), until)?;
        Ok(token)
    }

    /// Whether this address is still good.
    pub fn is_reset(&self, token: &str) -> Answer<()> {
        let found = self.store.reset(&digest::sha256(token.as_bytes()), clock::now().0)?;
        found.map(|_| ()).ok_or_else(gone)
    }

    /// A new password by such an address: codes end, and so do all sessions.
    pub fn reset_password(&self, token: &str, new: &str) -> Answer<()> {
        let (digest, now) = (digest::sha256(token.as_bytes()), clock::now().0);
        let person = self.store.reset(&digest, now)?.ok_or_else(gone)?;
        let password = new_password(&person.login, new)?;
        if !self.store.use_reset(&digest, now, &password)? {
            return Err(gone());
        }
        Ok(self.note(&Actor::visitor(), &person, "reset-password", "")?)
    }
}

/// A wrong, used or old address reads like any page that is not there.
fn gone() -> Refusal {
    Refusal::new(
        Why::NotFound,
        "这个网址不能用，或已经用过；请运营者重新生成",
        "this address is of no use, or was used; ask the operator for another",
    )
}
