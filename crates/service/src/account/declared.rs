//! Digests that somebody tells: kind `digest`, custody `declared`. The file itself is not here and was never seen.

use super::{Actor, Answer, Permission, Refusal, Why, deposit::only_rights};
use crate::{
    DepositLine, Error, Folder, Rights,
    folder::ledger_error,
    register::{self, Draft, check_rights, line_of, owner_claims},
};
use evidence::{
    digest::FileDigests,
    json::Value,
    statement::{Custody, File, Kind, Provenance},
};
use std::collections::BTreeMap;
use store::Record as Row;

/// What was told.
#[derive(Clone, Debug)]
pub struct Declared {
    /// Both digests and the size.
    pub digests: FileDigests,
    /// As told: `image/jpeg`.
    pub media_type: String,
    /// As told.
    pub file_name: Option<String>,
}

impl Folder {
    /// Registers told digests. The same again is the same record.
    pub fn declare(&self, actor: &Actor, told: &Declared, rights: &Rights) -> Answer<DepositLine> {
        let person = self.allow(actor, Permission::Deposit)?;
        let named = |field| move |error| Refusal { why: Why::Field(field), error };
        only_rights(&rights.claims)?;
        check_rights(&rights.claims).map_err(named("rights"))?;
        if told.digests.size == 0 {
            return Err(Refusal::field("size", "空文件不能存证", "an empty file cannot be deposited"));
        }
        let name = told.file_name.as_deref().unwrap_or_default();
        if name.len() > 1000 {
            return Err(Refusal::field("file_name", "文件名过长", "the file name is too long"));
        }
        evidence::json::check_string("file name", name).map_err(Error::from).map_err(named("file_name"))?;
        let earlier = self.store.by_sha256(&told.digests.sha256)?;
        let same = |r: &&Row| r.sm3 == Some(told.digests.sm3) && r.size == Some(told.digests.size);
        if let Some(first) = earlier.iter().find(same) {
            return Ok(line_of(first, first.file_name.clone(), "existing"));
        }
        let mut claims: BTreeMap<&str, Value> = owner_claims(&self.owner);
        claims.insert("file_name", told.file_name.clone().map_or(Value::Null, Value::from));
        claims.insert("acting_account", person.name.clone().into());
        claims.extend(rights.claims.iter().map(|(name, value)| (name.as_str(), value.clone().into())));
        let (digests, media_type, custody) = (told.digests, told.media_type.clone(), Custody::Declared);
        let file = Some(File { digests, media_type, custody });
        let (relation, provenance) = (Some(self.relation()), Some(Provenance::UserSupplied));
        let draft = Draft {
            kind: Kind::Digest,
            ledger: &self.origin,
            file,
            relation,
            provenance,
            claims,
            clock: self.compared_clock()?,
        };
        let new = draft.record(self.writer()?, name).map_err(named("media_type"))?;
        let index = register::submit(&self.store, self.writer()?, std::slice::from_ref(&new))?;
        let row = Row { index: index.first().copied(), ..new.record };
        self.note(actor, person, "declare", &row.id)?;
        let ledger = &self.writer()?.ledger;
        ledger.hurry();
        let sealed = ledger.wait_sealed(row.index.unwrap_or_default(), crate::deposit::SEAL_WAIT);
        let status = if sealed.map_err(|e| ledger_error(&e))?.is_some() { "new" } else { "pending" };
        Ok(line_of(&row, name.to_owned(), status))
    }
}
