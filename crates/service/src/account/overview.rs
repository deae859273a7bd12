//! What an account's first page shows.

use super::{Actor, Answer, Permission};
use crate::{Folder, folder::ledger_error};
use evidence::{hex, statement::OperatorRelation};

/// An account and its ledger at a glance.
#[derive(Clone, Debug)]
pub struct Overview {
    /// Legal name of the owner.
    pub owner: String,
    /// Whether the owner runs the ledger himself.
    pub same: bool,
    /// The ledger's origin.
    pub origin: String,
    /// Leaves of the published checkpoint.
    pub size: u64,
    /// Its root, hex.
    pub root: String,
}

impl Folder {
    /// Legal name of whoever runs the ledger.
    pub fn runs(&self) -> &str {
        &self.operator.as_ref().unwrap_or(&self.owner).name
    }

    /// The actor's account at a glance.
    pub fn overview(&self, actor: &Actor) -> Answer<Overview> {
        let person = self.allow(actor, Permission::View)?;
        let (checkpoint, _) = self.reader.published().map_err(|e| ledger_error(&e))?;
        Ok(Overview {
            owner: self.owner_of(person.account)?.name,
            same: self.relation(person.account) == OperatorRelation::SamePerson,
            origin: self.origin.clone(),
            size: checkpoint.size,
            root: hex::encode(&checkpoint.root),
        })
    }
}
