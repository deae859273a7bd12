//! Merchants: who an account's records are claimed for.
//!
//! Rules:
//! - Account 1 is the folder's owner, as `init` was told. Every other account has a party of its own, which only its
//!   key opens.
//! - Of a merchant the operator says that he is somebody else: `independent-declared`.

use crate::{Folder, Result, identity::Party};
use evidence::statement::OperatorRelation;
use store::OWNER_ACCOUNT;

impl Folder {
    /// Whose records of this account are.
    pub(crate) fn owner_of(&self, account: i64) -> Result<Party> {
        if account == OWNER_ACCOUNT {
            return Ok(self.owner.clone());
        }
        let party = self.store.party(account)?.ok_or(store::Error::NoAccount)?;
        serde_json::from_slice(&party).map_err(|_| store::Error::Sealed.into())
    }

    /// What the operator says of himself and an account's owner.
    pub(crate) fn relation(&self, account: i64) -> OperatorRelation {
        match account == OWNER_ACCOUNT && self.operator.is_none() {
            true => OperatorRelation::SamePerson,
            false => OperatorRelation::IndependentDeclared,
        }
    }
}
