//! Shops of an account, which records were made for them, and what a sub-account that is limited to some sees.
//!
//! Rules:
//! - Of an account's records a limited sub-account lists, opens, downloads and shares those of its shops; what it
//!   registers or captures is made for all of them.
//! - The same file, registered again, is made for its shops too: who has the bytes has seen them. A digest that is told is
//!   no proof of having the file, so a record that stood before becomes nobody's by telling its digest.

use super::{Actor, Answer, Permission, Refusal, Why};
use crate::{Folder, Result};
use store::{Shop, SignIn};

/// Most shops of an account that are not ended.
pub const MAX_SHOPS: usize = 200;

impl Folder {
    /// The account's shops; of a limited sub-account its own.
    pub fn shops(&self, actor: &Actor) -> Answer<Vec<Shop>> {
        let person = self.allow(actor, Permission::Sessions)?;
        let mut shops = self.store.shops(person.account)?;
        shops.retain(|shop| person.shops.as_ref().is_none_or(|own| own.contains(&shop.id)));
        Ok(shops)
    }

    /// Adds a shop.
    pub fn add_shop(&self, actor: &Actor, platform: &str, name: &str, url: &str) -> Answer<()> {
        let person = self.allow(actor, Permission::Account)?;
        let (platform, name) = (plain("platform", platform)?, plain("shop", name)?);
        let url = url.trim();
        let uri = url.parse::<ureq::http::Uri>().ok().filter(|_| url.len() <= 500);
        let good =
            uri.is_some_and(|u| ["https", "http"].contains(&u.scheme_str().unwrap_or_default()) && u.host().is_some());
        if !url.is_empty() && !good {
            return Err(Refusal::field(
                "url",
                "网址须以 https:// 或 http:// 开头，不超过 500 个字符；没有就留空",
                "an address begins with https:// or http:// and has at most 500 characters; leave it empty if there is none",
            ));
        }
        let act = actor.act(person, "add-shop", "");
        if self.store.add_shop(platform, name, url, MAX_SHOPS, &act)?.is_none() {
            return Err(Refusal::field(
                "shop",
                format!("最多 {MAX_SHOPS} 家店铺；请先终止一些"),
                format!("at most {MAX_SHOPS} shops; end some first"),
            ));
        }
        Ok(())
    }

    /// Ends a shop: it is offered no more; who is limited to it still sees what was made for it.
    pub fn end_shop(&self, actor: &Actor, id: i64) -> Answer<()> {
        let person = self.allow(actor, Permission::Account)?;
        if !self.store.end_shop(id, &actor.act(person, "end-shop", &id.to_string()))? {
            return Err(Refusal::new(Why::NotFound, "没有这家店铺", "there is no such shop"));
        }
        Ok(())
    }

    /// Names of the shops that a record of the actor's was made for.
    pub fn shops_of(&self, actor: &Actor, id: &str) -> Answer<Vec<String>> {
        self.owned_or_waiting(actor, id, Permission::View)?;
        Ok(self.store.shops_of(id)?)
    }

    /// Says that a record was made for a shop.
    pub fn assign(&self, actor: &Actor, id: &str, shop: i64) -> Answer<()> {
        let person = self.allow(actor, Permission::Account)?;
        self.owned(actor, id, Permission::Account)?;
        let open = self.store.shops(person.account)?;
        if !open.iter().any(|s| s.id == shop && s.ended_at.is_none()) {
            return Err(Refusal::field("shop", "没有这家店铺", "there is no such shop"));
        }
        self.store.made_for(id, &[shop])?;
        Ok(self.note(actor, person, "assign", id)?)
    }

    /// Whether a person sees a record of his account.
    pub(super) fn sees(&self, person: &SignIn, record: &str) -> Result<bool> {
        Ok(match &person.shops {
            None => true,
            Some(shops) => self.store.is_for(record, shops)?,
        })
    }

    /// What a limited person registered was made for his shops.
    pub(super) fn made_by(&self, person: &SignIn, record: &str) -> Result<()> {
        match &person.shops {
            None => Ok(()),
            Some(shops) => Ok(self.store.made_for(record, shops)?),
        }
    }
}

/// A short name that can be shown.
fn plain<'t>(field: &'static str, text: &'t str) -> Answer<&'t str> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > 60 || evidence::json::check_string(field, text).is_err() {
        return Err(Refusal::field(field, "请填写，不超过 60 个字", "fill this in, with at most 60 characters"));
    }
    Ok(text)
}
