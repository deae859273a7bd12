//! The operator's list of merchants, and the legal hold on one.

use super::{Actor, Answer, Permission, Refusal, Why};
use crate::{Folder, Result, identity::Party};
use evidence::time::Utc;
use store::Merchant;

/// Merchants of one page.
pub const MERCHANTS_PAGE: u32 = 50;
/// Longest reason of a hold, in characters.
const MAX_REASON: usize = 500;

/// A merchant as the operator sees it.
#[derive(Clone, Debug)]
pub struct MerchantShown {
    /// Account number.
    pub id: i64,
    /// `individual` or `enterprise`.
    pub kind: String,
    /// As declared.
    pub name: String,
    /// A company's code; of an individual's number the first and last character.
    pub number: String,
    /// The first main account's name to sign in with.
    pub login: String,
    /// Signed up.
    pub created_at: Utc,
    /// How many.
    pub records: u64,
    /// Why nothing may be erased.
    pub hold: Option<String>,
}

impl Folder {
    /// Open merchants with a number below this one, the newest first, a page of them.
    pub fn merchants(&self, actor: &Actor, below: i64) -> Answer<Vec<MerchantShown>> {
        self.allow(actor, Permission::Operate)?;
        let found = self.store.merchants(below, MERCHANTS_PAGE)?;
        Ok(found.into_iter().map(shown).collect::<Result<_>>()?)
    }

    /// One of them.
    pub fn merchant(&self, actor: &Actor, id: i64) -> Answer<MerchantShown> {
        self.allow(actor, Permission::Operate)?;
        Ok(shown(self.store.merchant(id)?.ok_or_else(none)?)?)
    }

    /// Sets a legal hold, or lifts it, for a reason that the audit log keeps.
    pub fn set_hold(&self, actor: &Actor, id: i64, on: bool, reason: &str) -> Answer<()> {
        let person = self.allow(actor, Permission::Operate)?;
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > MAX_REASON || evidence::json::check_string("", reason).is_err()
        {
            return Err(Refusal::field(
                "reason",
                format!("请写明理由，一行，不超过 {MAX_REASON} 个字"),
                format!("give the reason in one line of at most {MAX_REASON} characters"),
            ));
        }
        let act = actor.act(person, if on { "hold" } else { "release" }, &format!("{id} {reason}"));
        if !self.store.set_hold(id, on.then_some(reason), &act)? {
            return Err(none());
        }
        Ok(())
    }
}

pub(super) fn none() -> Refusal {
    Refusal::new(Why::NotFound, "没有这个商户，或它已经注销", "there is no such merchant, or it is closed")
}

pub(super) fn shown(merchant: Merchant) -> Result<MerchantShown> {
    let party: Party = serde_json::from_slice(&merchant.party).map_err(|_| store::Error::Sealed)?;
    Ok(MerchantShown {
        id: merchant.account,
        number: party.masked_id().or(party.code).unwrap_or_default(),
        kind: party.kind,
        name: party.name,
        login: merchant.login,
        created_at: Utc(merchant.created_at),
        records: merchant.records,
        hold: merchant.hold,
    })
}
