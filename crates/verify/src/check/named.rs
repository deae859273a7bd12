//! `named`: the records that a licence names, where they are carried along (spec/package.md, "Named records").
//!
//! The licence commits to each by its leaf hash, so bytes with that hash are what its parties meant. Where the record stands
//! in the ledger, and since when, is its own package's to show.

use super::Walk;
use crate::{Check, Named, Outcome};
use evidence::{
    Error, Result, disclosure, hex,
    record::{Record, leaf_hash},
    statement::{Kind, Ref, parse_refs},
};
use std::collections::BTreeSet;

impl Walk<'_> {
    pub(super) fn named(&mut self) {
        let numbers: BTreeSet<String> =
            self.entries.keys().filter_map(|name| archive::named_part(name)).map(|(n, _)| n.to_owned()).collect();
        if numbers.is_empty() {
            return;
        }
        let read = || -> Result<(Vec<Named>, usize)> {
            let undisclosed = || Error::Missing { what: "disclosure", missing: "refs".to_owned() };
            let refs = parse_refs(self.facts.claims.get("refs").ok_or_else(undisclosed)?)?;
            let one = |n: &String| self.one_named(n, &refs);
            Ok((numbers.iter().map(one).collect::<Result<_>>()?, refs.len()))
        };
        let check = match read() {
            Ok((named, all)) => {
                let n = named.len();
                self.facts.named = named;
                Check::new(
                    "named",
                    Outcome::Pass,
                    format!(
                        "许可写明的 {all} 项登记中，{n} 项的记录随附，叶哈希与许可所写一致；它们在账本中的位置和时间未检查。"
                    ),
                    format!(
                        "Of the {all} registrations that the licence names, {n} are carried along and have the leaf hashes that it names; their places in the ledger and their times were not checked."
                    ),
                )
            }
            Err(e) => Check::error("named", &e),
        };
        self.checks.push(check.optional());
    }

    fn one_named(&self, n: &str, refs: &[Ref]) -> Result<Named> {
        let part = |part: &str| self.entry(&format!("related-named-{n}-{part}"));
        let place: usize = n.parse().unwrap_or_default();
        let named = place.checked_sub(1).and_then(|i| refs.get(i)).ok_or_else(|| {
            Error::mismatch("number of a named record", n, format!("1 to {}, as in refs", refs.len()))
        })?;
        let bytes = part("record.json")?;
        let leaf = leaf_hash(bytes);
        if leaf != named.leaf {
            return Err(Error::mismatch("leaf hash of a named record", hex::encode(&leaf), hex::encode(&named.leaf)));
        }
        let statement = Record::parse(bytes)?.statement;
        let (found, expected) = ((&statement.ledger, &statement.id), (&named.ledger, &named.id));
        if found != expected {
            let text = |(ledger, id): (&String, &String)| format!("{ledger} {id}");
            return Err(Error::mismatch("ledger and number of a named record", text(found), text(expected)));
        }
        let file = statement
            .file
            .as_ref()
            .filter(|_| matches!(statement.kind, Kind::Image | Kind::File | Kind::Digest | Kind::Collection));
        let file = file.ok_or_else(|| {
            Error::mismatch("kind of a named record", statement.kind.as_str(), "image, file, digest or collection")
        })?;
        let claims = statement.open(&disclosure::parse_set(part("disclosure.json")?)?)?;
        Ok(Named { place, id: statement.id.clone(), kind: statement.kind, digests: file.digests, claims })
    }
}
