//! Establishing a merchant's name: a record of kind `attestation`, bound to what the account has (spec/attestation.md).
//!
//! Rules:
//! - One record upgrades all: of the account's earlier records it commits to a tree of salted leaf hashes, later ones
//!   name it. A salt stands in its own record's package alone.
//! - Nothing is registered for the account between the tree and the line that says it is established, so that no record
//!   is neither earlier nor later. Other accounts do not wait.
//! - It is the operator's word, and says what was looked at, never a document's number or contents.

use crate::{Error, Folder, Result, clock, keeping::Alone, keys, register::Draft};
use evidence::{
    attestation::{Covered, NAMED, Tree, salted},
    json::Value,
    merkle,
    statement::{Kind, OperatorRelation},
    time::{SECOND, Utc},
};
use std::collections::BTreeMap;
use store::Record;

/// What a list shows it as.
const SHOWN: &str = "名称核验 / name established";

/// How a name was established.
pub(crate) enum How<'a> {
    /// The operator looked at documents; what they were.
    Documents(&'a str),
    /// A provider was asked, and said so.
    Provider {
        /// Whose word it is.
        name: &'a str,
        /// How, in its words.
        method: &'a str,
        /// When it says that it was.
        day: Utc,
    },
}

/// A name that was established. Until this is dropped, what came of it noted, nothing is registered for the account.
pub(crate) struct Established<'a> {
    /// Number of the record that says so.
    pub(crate) record: String,
    /// What leads there from each earlier record, by that one's number.
    pub(crate) covered: Vec<(String, Vec<u8>)>,
    _alone: Alone<'a>,
}

impl Folder {
    /// The claims of an account's owner: as declared, and by which record the name was established.
    pub(crate) fn claims_of(&self, account: i64) -> Result<BTreeMap<&'static str, Value>> {
        let mut claims = crate::register::owner_claims(&self.owner_of(account)?);
        if let Some(id) = self.store.established(account)? {
            claims.insert("identity_method", format!("{NAMED}{id}").into());
        }
        Ok(claims)
    }

    /// Records that an account's name was established, and how. Only records under that very name are covered: what was
    /// registered under another one is still that other's.
    pub(crate) fn attest(&self, account: i64, how: &How<'_>) -> Result<Established<'_>> {
        let alone = self.keeping.alone(account);
        let own = crate::register::owner_claims(&self.owner_of(account)?);
        let on_ledger = |r: &Record| {
            r.index.is_some() && Kind::parse(&r.kind).is_ok_and(established) && of_owner(&r.disclosures, &own)
        };
        let earlier: Vec<Record> = self.store.account_records(account)?.into_iter().filter(on_ledger).collect();
        let salts = earlier.iter().map(|_| keys::random::<32>()).collect::<Result<Vec<_>>>()?;
        let leaf = |(record, salt): (&Record, &[u8; 32])| salted(salt, &merkle::leaf_hash(&record.record));
        let hashes: Vec<_> = earlier.iter().zip(&salts).map(leaf).collect();
        let mut leaves = hashes.clone();
        while !leaves.len().is_power_of_two() {
            leaves.push(keys::random()?);
        }
        leaves.sort_unstable();
        let tree = Tree::new(leaves.clone())?;
        let mut covered = Vec::with_capacity(earlier.len());
        for ((record, salt), leaf) in earlier.into_iter().zip(salts).zip(hashes) {
            let place = leaves.binary_search(&leaf).unwrap_or_default() as u64;
            let path = tree.path(place).unwrap_or_default();
            covered.push((record.id, Covered { salt, place, path }.to_bytes()?));
        }
        let (word, by, note, at) = match how {
            How::Documents(note) => ("documents", Value::Null, *note, clock::now()),
            How::Provider { name, method, day } => ("provider", (*name).into(), *method, *day),
        };
        let day = at.plus(8 * 3600 * SECOND).to_micros();
        let mut claims = own;
        claims.extend([
            ("identity_method", Value::Null),
            ("attested_at", day.get(..10).unwrap_or_default().into()),
            ("attested_how", word.into()),
            ("attested_by", by),
            ("attested_note", note.into()),
            ("covered_root", if covered.is_empty() { Value::Null } else { tree.root().into() }),
        ]);
        let draft = Draft {
            account,
            kind: Kind::Attestation,
            ledger: &self.origin,
            file: None,
            relation: Some(OperatorRelation::IndependentDeclared),
            provenance: None,
            claims,
            clock: self.compared_clock()?,
        };
        let row = self.put(draft, SHOWN)?;
        if row.index.is_none() {
            // It is not to come true after it was said to have failed; what was stamped meanwhile has.
            self.store.forget_waiting(&row.id)?;
        }
        if row.index.is_none() && self.store.record(&row.id)?.is_none() {
            return Err(Error::incomplete(
                "外部时间机构还没有为核验记录盖时间戳；请稍后再通过一次",
                "no outside authority has stamped the record yet; approve it again later",
            ));
        }
        Ok(Established { record: row.id, covered, _alone: alone })
    }

    /// The record that establishes the name of this one's owner, with what leads there from an earlier one.
    pub(crate) fn attestation_of(&self, record: &Record) -> Result<Option<(Record, Option<Vec<u8>>)>> {
        if !Kind::parse(&record.kind).is_ok_and(established) {
            return Ok(None);
        }
        let claims = evidence::disclosure::parse_set(&record.disclosures)?;
        let method = claims.iter().find(|d| d.name() == "identity_method").and_then(|d| d.value().as_str());
        let (id, path) = match method.and_then(|method| method.strip_prefix(NAMED)) {
            Some(id) => (id.to_owned(), None),
            None => match self.store.attested_path(&record.id)? {
                Some((id, path)) => (id, Some(path)),
                None => return Ok(None),
            },
        };
        let attestation = self.store.record(&id)?.filter(|a| a.account == record.account);
        Ok(attestation.map(|attestation| (attestation, path)))
    }
}

impl Folder {
    /// By whom, when and how the name of a record's owner was established, (zh, en), in the words of its certificate;
    /// `None`: it is declared, or the record that establishes it is not sealed yet.
    pub(crate) fn establishing(&self, record: &Record) -> Result<Option<(String, String)>> {
        let Some((attestation, _)) = self.attestation_of(record)? else { return Ok(None) };
        if !self.reach()?.settled(attestation.index) {
            return Ok(None);
        }
        let claims = evidence::disclosure::parse_set(&attestation.disclosures)?;
        let claim = |name: &str| claims.iter().find(|d| d.name() == name)?.value().as_str().map(str::to_owned);
        let operator = &self.operator.as_ref().unwrap_or(&self.owner).name;
        Ok(Some(verify::attested(&claim, Some(operator))))
    }
}

/// Whether a record's owner is this one, by name and number.
fn of_owner(disclosures: &[u8], own: &BTreeMap<&'static str, Value>) -> bool {
    let Ok(claims) = evidence::disclosure::parse_set(disclosures) else { return false };
    let told = |name: &str| claims.iter().find(|d| d.name() == name).map(|d| d.value()).filter(|v| !v.is_null());
    OWNER.iter().all(|name| told(name) == own.get(name).filter(|v| !v.is_null()))
}

/// Claims that say who an owner is.
const OWNER: [&str; 5] = ["owner_kind", "owner_name", "owner_code", "owner_id", "owner_id_masked"];

/// Kinds whose owner an attestation may establish.
fn established(kind: Kind) -> bool {
    kind.has_owner() && kind != Kind::Attestation
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use evidence::disclosure::{Disclosure, set_to_bytes};

    #[test]
    fn a_name_covers_no_record_under_another() {
        let party = |name: &str, code: Option<&str>| crate::identity::Party {
            kind: "enterprise".into(),
            name: name.into(),
            code: code.map(str::to_owned),
            id: None,
        };
        let stored = |party: &crate::identity::Party| {
            let claims = crate::register::owner_claims(party).into_iter().filter(|(_, value)| !value.is_null());
            let set: Vec<_> = claims.map(|(name, value)| Disclosure::new(&[7; 16], name, value).unwrap()).collect();
            set_to_bytes(&set).unwrap()
        };
        let now = crate::register::owner_claims(&party("福州海棠文化有限公司", Some("91350211M0000XUF46")));
        let covers = |name, code| of_owner(&stored(&party(name, code)), &now);
        assert!(covers("福州海棠文化有限公司", Some("91350211M0000XUF46")));
        assert!(!covers("福州海棠贸易有限公司", Some("91350211M0000XUF46")), "before its change of name");
        assert!(!covers("福州海棠文化有限公司", Some("91110000101623741K")), "another company of that name");
        assert!(!covers("福州海棠文化有限公司", None));
        assert!(!of_owner(b"damaged", &now));
    }
}
