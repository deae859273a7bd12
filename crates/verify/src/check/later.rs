//! What was added after the first seal: later checkpoints of the same ledger, and renewals.
//!
//! A later checkpoint has the same origin and index and no smaller size than the one before; a renewal lists
//! every entry before it. None of them is required; a contradiction fails. Their times are `times`' to check.

use super::{
    Walk,
    ledger::Signed,
    stamps::{self, Stamp},
};
use crate::{Check, Outcome};
use evidence::{Error, Result, checkpoint::Checkpoint, hex, json::Value, token::Token};
use sha2::{Digest, Sha512};

/// A later checkpoint that could be read.
pub(crate) struct Later {
    pub(crate) signed: Signed,
    /// Signed by the reader's log key and holds the record: it may meet the policy.
    pub(crate) counts: bool,
    pub(crate) stamp: Stamp,
}

/// What was added, as far as it does not contradict.
#[derive(Default)]
pub(crate) struct Added {
    pub(crate) later: Vec<Later>,
    /// Tokens of both kinds in sequences whose order is known.
    pub(crate) tokens: Vec<Vec<Token>>,
    /// Renewals that verified, in their order.
    pub(super) renewed: Vec<stamps::Renewed>,
    pub(super) checks: Vec<Check>,
}

impl Walk<'_> {
    pub(super) fn added(&self, main: &Result<Signed>) -> Added {
        let mut added = Added { tokens: vec![Vec::new()], ..Added::default() };
        let mut last = main.as_ref().ok().map(|m| m.checkpoint.clone());
        let (order, listed) = self.group();
        let mut kind = "";
        // Id of each that verified, and where those begin that cover it.
        let mut renewals = Vec::new();
        for (at, unit) in order.iter().enumerate() {
            let this = if unit.starts_with("later") { "later" } else { "renewal" };
            if !listed && this != kind {
                added.tokens.push(Vec::new());
            }
            kind = this;
            let n = unit.rsplit('-').next().and_then(|n| n.parse::<u8>().ok()).unwrap_or(0);
            let id = format!("{kind}-{n}");
            let (token, check) = if kind == "later" {
                match self.one_later(main, last.as_ref(), unit, &id) {
                    Ok(later) => {
                        let (token, check) = (later.stamp.token.clone(), later_check(&id, &later));
                        if check.result != Outcome::Fail {
                            last = Some(later.signed.checkpoint.clone());
                            added.later.push(later);
                        }
                        (token, check)
                    }
                    Err(e) => (None, Check::error(&id, &e)),
                }
            } else {
                match self.renewal(unit, &id, listed.then(|| &order[..at])) {
                    Ok(Stamp { check, token, verified }) => {
                        if let (Some(token), Some(seal)) = (&token, &verified) {
                            let by = seal.by();
                            let text = self.entry(&format!("{unit}.txt")).unwrap_or_default();
                            let lists = units_named(&String::from_utf8_lossy(text));
                            let ends = token.signer_ends();
                            added.renewed.push(stamps::Renewed { unit: unit.clone(), lists, by, ends });
                            renewals.push((id.clone(), added.renewed.len()));
                        }
                        (token, check)
                    }
                    Err(e) => (None, Check::error(&id, &e)),
                }
            };
            if let Some(sequence) = added.tokens.last_mut() {
                sequence.extend(token.filter(|_| check.result != Outcome::Fail));
            }
            added.checks.push(check.optional());
        }
        for (id, from) in renewals {
            if let Some(check) = added.checks.iter_mut().find(|check| check.id == id) {
                let own = &added.renewed[from - 1];
                stamps::age(check, Some(&own.unit), own.ends, &added.renewed[from..], self.now);
            }
        }
        added.checks.sort_by_key(|c| c.id.starts_with("renewal"));
        added
    }

    /// Units of group 5 (`later-01`, `renewal-01` …) and whether their order is known from `package.json`.
    fn group(&self) -> (Vec<String>, bool) {
        let unit = |name: &str| {
            let digits = name.strip_prefix("later-").or_else(|| name.strip_prefix("renewal-"))?.get(..2)?;
            Some(format!("{}-{digits}", name.split('-').next()?))
        };
        let listing: Option<Value> = self.entries.get("package.json").and_then(|b| serde_json::from_slice(b).ok());
        let listed = listing.as_ref().and_then(|l| l["files"].as_array());
        let names: Vec<&str> = match listed {
            Some(files) => files.iter().filter_map(|f| f["name"].as_str()).collect(),
            None => self.entries.keys().map(String::as_str).collect(),
        };
        let mut units: Vec<String> = names.into_iter().filter_map(unit).collect();
        units.dedup();
        (units, listed.is_some())
    }

    fn one_later(&self, main: &Result<Signed>, last: Option<&Checkpoint>, unit: &str, id: &str) -> Result<Later> {
        let main = main.as_ref().map_err(Clone::clone)?;
        let bytes = self.entry(&format!("{unit}-checkpoint.txt"))?;
        let signed = Signed::read(bytes, self.trust.policy.as_ref())?;
        let (first, second) = (last.unwrap_or(&main.checkpoint), &signed.checkpoint);
        if first.origin != second.origin {
            return Err(Error::mismatch("origin of the later checkpoint", &second.origin, &first.origin));
        }
        if second.size < first.size {
            return Err(Error::mismatch("size of the later checkpoint", second.size, format!(">= {}", first.size)));
        }
        if second.size == first.size && second.root != first.root {
            let (found, expected) = (hex::encode(&second.root), hex::encode(&first.root));
            return Err(Error::mismatch("root at the same size", found, expected));
        }
        let index = signed.includes(self.entry(&format!("{unit}-proof.tlog-proof"))?, self.entry("record.json")?)?;
        if self.facts.index.is_some_and(|i| i != index) {
            return Err(Error::mismatch("index in the later checkpoint", index, self.facts.index.unwrap_or_default()));
        }
        let counts = match signed.verify_log() {
            Ok(()) => true,
            Err(e) if e.is_incomplete() => false,
            Err(e) => return Err(e),
        };
        if let Some((name, _)) = signed.evaluation.as_ref().and_then(|e| e.bad.first()) {
            return Err(Error::Signature { what: "cosignature", key: name.clone() });
        }
        let tsr = self.entry(&format!("{unit}-checkpoint.tsr"))?;
        let mut stamp = [stamps::check(self.trust, id.to_owned(), tsr, bytes, None, &stamps::LATER)];
        stamps::settle(&mut stamp);
        let [stamp] = stamp;
        // A contradiction in its token takes the whole checkpoint with it.
        let counts = counts && stamp.check.result != Outcome::Fail;
        Ok(Later { signed, counts, stamp })
    }

    fn renewal(&self, unit: &str, id: &str, before: Option<&[String]>) -> Result<Stamp> {
        const WHAT: &str = "renewal";
        let list = self.entry(&format!("{unit}.txt"))?;
        let text = std::str::from_utf8(list).map_err(|_| Error::malformed(WHAT, "not UTF-8", "sha512sum lines"))?;
        let names = match before {
            Some(units) => self.covered(units),
            // The order of the group is not known here: it is the one that the list gives.
            None => self.covered(&units_named(text)),
        };
        let mut expected = String::with_capacity(text.len());
        for name in &names {
            expected.push_str(&format!("{}  {name}\n", hex::encode(&Sha512::digest(self.entry(name)?))));
        }
        if text != expected {
            let differ = text.lines().zip(expected.lines()).find(|(a, b)| a != b);
            let (found, expected) =
                differ.unwrap_or(("another number of lines, or another end", "a line for each entry"));
            return Err(Error::mismatch(WHAT, found, expected));
        }
        let tsr = self.entry(&format!("{unit}.tsr"))?;
        let stamp = stamps::check(self.trust, id.to_owned(), tsr, list, None, &stamps::RENEWAL);
        match &stamp.token {
            Some(token) if token.imprint_algorithm() != "SHA-512" => {
                Err(Error::mismatch("imprint of the renewal", token.imprint_algorithm(), "SHA-512"))
            }
            _ => Ok(stamp),
        }
    }

    /// Entries of groups 2 to 4, then those of these units, in package order.
    fn covered(&self, units: &[String]) -> Vec<String> {
        let numbered = |stem: &str, from: u8| (from..10).map(move |n| format!("{stem}-{n}.tsr")).collect::<Vec<_>>();
        let fixed = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let mut names = [
            fixed(&["statement.json"]),
            numbered("timestamp", 1),
            fixed(&["record.json", "proof.tlog-proof", "checkpoint.txt", "checkpoint.tsr"]),
            numbered("checkpoint", 2),
            fixed(&[
                "disclosure.json",
                "operator-record.json",
                "operator-disclosure.json",
                "operator-proof.tlog-proof",
            ]),
        ]
        .concat();
        names.retain(|name| self.entries.contains_key(name));
        for unit in units {
            let parts: &[&str] = if unit.starts_with("later") {
                &["-proof.tlog-proof", "-checkpoint.txt", "-checkpoint.tsr"]
            } else {
                &[".txt", ".tsr"]
            };
            names.extend(parts.iter().map(|part| format!("{unit}{part}")));
        }
        names
    }
}

/// Units of group 5 in the order in which a list names them.
fn units_named(list: &str) -> Vec<String> {
    let mut units: Vec<String> = list
        .lines()
        .filter_map(|line| line.split_once("  ").map(|(_, name)| name))
        .filter_map(|name| {
            let length = if name.starts_with("later-") { 8 } else { 10 };
            let grouped = name.starts_with("later-") || name.starts_with("renewal-");
            name.get(..length).filter(|_| grouped).map(str::to_owned)
        })
        .collect();
    units.dedup();
    units
}

fn later_check(id: &str, later: &Later) -> Check {
    if later.counts || later.stamp.check.result == Outcome::Fail {
        return later.stamp.check.clone();
    }
    Check::new(
        id,
        Outcome::NotChecked,
        "后来的检查点不是由您信任设置中的账本密钥签署的，未检查。",
        "The later checkpoint is not signed by a ledger key in your trust, so it was not checked.",
    )
}
