//! `named`: the records that a licence names, where they are carried along (spec/package.md, "Named records"), and
//! `named-file-N`: the files given along, each held against them.
//!
//! The licence commits to each by its leaf hash, so bytes with that hash are what its parties meant. Where the record stands
//! in the ledger, and since when, is its own package's to show.

use super::Walk;
use crate::{Check, Named, Original, Outcome, words};
use evidence::{
    Error, Result,
    collection::Manifest,
    digest::FileDigests,
    disclosure, hex,
    json::Value,
    record::{Record, leaf_hash},
    statement::{Kind, Ref, parse_refs},
};
use std::collections::BTreeSet;

impl Walk<'_> {
    pub(super) fn licence(&mut self, originals: &[Original]) {
        self.named();
        let checks: Vec<Check> = (1..).zip(originals).map(|(n, given)| self.named_file(n, given)).collect();
        self.checks.extend(checks);
    }

    fn named(&mut self) {
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
        let list = part("manifest.jsonl").ok().map(|bytes| list(bytes, statement.kind, &file.digests)).transpose()?;
        Ok(Named { place, id: statement.id.clone(), kind: statement.kind, digests: file.digests, claims, list })
    }

    /// Which of the named registrations a given file is, or that it is none. Somebody who gives a file asks just this.
    fn named_file(&self, n: usize, given: &Original) -> Check {
        let (id, name) = (format!("named-file-{n}"), &given.name);
        let refs = self.facts.claims.get("refs").and_then(Value::as_array).map_or(0, Vec::len);
        let found = words::digests(&given.digests);
        for named in &self.facts.named {
            let (place, number) = (named.place, &named.id);
            if named.digests == given.digests {
                return Check::new(
                    id,
                    Outcome::Pass,
                    format!("“{name}”就是许可写明的第 {place} 项登记（{number}）的文件：大小、SHA-256、SM3 都一致。"),
                    format!("\"{name}\" is the file of registration {place} that the licence names ({number}): size, SHA-256 and SM3 agree."),
                )
                .values(words::digests(&named.digests), found);
            }
            let lines = named.list.iter().flat_map(|list| (1..).zip(list.lines()));
            if let Some((line, own)) = lines.into_iter().find(|(_, own)| own.digests == given.digests) {
                let picture = &own.id;
                return Check::new(
                    id,
                    Outcome::Pass,
                    format!("“{name}”在许可写明的第 {place} 项合集（{number}）的清单上，是第 {line} 条（{picture}）：大小、SHA-256、SM3 都一致。"),
                    format!("\"{name}\" is line {line} ({picture}) on the list of collection {place} that the licence names ({number}): size, SHA-256 and SM3 agree."),
                )
                .values(words::digests(&own.digests), found);
            }
        }
        let unlisted = |named: &&Named| named.kind == Kind::Collection && named.list.is_none();
        let held = self.facts.named.iter().filter(|named| !unlisted(named)).count();
        if held == 0 || held < refs {
            let left = refs - held;
            let check = Check::new(
                id,
                Outcome::NotChecked,
                format!("“{name}”不是随附的 {held} 项登记的文件；许可写明的另外 {left} 项没有随附，无法比对。"),
                format!(
                    "\"{name}\" is the file of none of the {held} registrations that are carried along; {left} more that the licence names are not, so it cannot be said whether it is one of those."
                ),
            );
            return Check { found: Some(found), ..check };
        }
        Check::new(
            id,
            Outcome::Fail,
            format!("“{name}”不是许可写明的 {refs} 项登记中任何一项的文件。"),
            format!("\"{name}\" is the file of none of the {refs} registrations that the licence names."),
        )
        .values("a file of the named registrations", found)
    }
}

/// A collection's list: the file that its record is about.
fn list(bytes: &[u8], kind: Kind, expected: &FileDigests) -> Result<Manifest> {
    if kind != Kind::Collection {
        return Err(Error::mismatch("kind of a named record with a list", kind.as_str(), "collection"));
    }
    let found = FileDigests::of(bytes);
    if found != *expected {
        return Err(Error::mismatch("list of a named collection", words::digests(&found), words::digests(expected)));
    }
    Manifest::parse(bytes)
}
