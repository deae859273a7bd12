//! What was added after the first seal: later checkpoints of the same ledger, and renewals.
//!
//! A later checkpoint has the same origin and index and no smaller size; a renewal lists every entry
//! before it. Their tokens do not go back in time. None of them is required; a contradiction fails.

use super::{
    Walk,
    ledger::Signed,
    stamps::{self, Stamp},
};
use crate::{Check, Outcome};
use evidence::{Error, Result, hex, json::Value, time::Utc};
use sha2::{Digest, Sha512};
use std::collections::BTreeSet;

/// A later checkpoint that could be read.
pub(crate) struct Later {
    pub(crate) signed: Signed,
    /// Signed by the reader's log key and holds the record: it may meet the policy.
    pub(crate) counts: bool,
    pub(crate) stamp: Stamp,
}

impl Walk<'_> {
    pub(super) fn later(&self, main: &Result<Signed>, at: Utc) -> (Vec<Later>, Vec<Check>) {
        let _ = at;
        let (mut read, mut checks, mut last) = (Vec::new(), Vec::new(), None);
        let (order, listed) = self.group();
        let mut kind = "";
        for unit in &order {
            let this = unit.split('-').next().unwrap_or_default();
            if !listed && this != kind {
                last = None;
            }
            kind = if this == "later" { "later" } else { "renewal" };
            let n = unit.rsplit('-').next().and_then(|n| n.parse::<u8>().ok()).unwrap_or(0);
            let id = format!("{kind}-{n}");
            let mut check = if kind == "later" {
                match self.one_later(main, unit, &id) {
                    Ok(later) => {
                        let check =
                            back_in_time(&id, &later.stamp, &mut last).unwrap_or_else(|| later_check(&id, &later));
                        if check.result != Outcome::Fail {
                            read.push(later);
                        }
                        check
                    }
                    Err(e) => Check::error(&id, &e),
                }
            } else {
                match self.renewal(unit, &id, listed.then_some(&order)) {
                    Ok(stamp) => back_in_time(&id, &stamp, &mut last).unwrap_or(stamp.check),
                    Err(e) => Check::error(&id, &e),
                }
            };
            check.required = false;
            checks.push(check);
        }
        checks.sort_by_key(|c| c.id.starts_with("renewal"));
        (read, checks)
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

    fn one_later(&self, main: &Result<Signed>, unit: &str, id: &str) -> Result<Later> {
        let main = main.as_ref().map_err(Clone::clone)?;
        let bytes = self.entry(&format!("{unit}-checkpoint.txt"))?;
        let signed = Signed::read(bytes, self.trust.policy.as_ref())?;
        let (first, second) = (&main.checkpoint, &signed.checkpoint);
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
        let stamp = stamps::check(self.trust, id.to_owned(), tsr, bytes, None, &stamps::LATER);
        // A contradiction in its token takes the whole checkpoint with it.
        let counts = counts && stamp.check.result != Outcome::Fail;
        Ok(Later { signed, counts, stamp })
    }

    fn renewal(&self, unit: &str, id: &str, order: Option<&Vec<String>>) -> Result<Stamp> {
        const WHAT: &str = "renewal";
        let list = self.entry(&format!("{unit}.txt"))?;
        let text = std::str::from_utf8(list).map_err(|_| Error::malformed(WHAT, "not UTF-8", "sha512sum lines"))?;
        let body = text
            .strip_suffix('\n')
            .ok_or_else(|| Error::malformed(WHAT, "no newline at the end", "sha512sum lines"))?;
        let mut listed = BTreeSet::new();
        for line in body.split('\n') {
            let (found, name) =
                line.split_once("  ").ok_or_else(|| Error::malformed(WHAT, line, "a digest, two spaces, a name"))?;
            let expected = hex::encode(&Sha512::digest(
                self.entry(name)
                    .map_err(|_| Error::malformed(WHAT, format!("{name} is absent"), "every listed entry"))?,
            ));
            if found != expected {
                return Err(Error::mismatch("SHA-512 in the renewal", format!("{name} {found}"), expected));
            }
            if !listed.insert(name) {
                return Err(Error::malformed(WHAT, format!("{name} twice"), "each entry once"));
            }
        }
        let before: Option<&[String]> = order.and_then(|o| o.iter().position(|u| u == unit).map(|at| &o[..at]));
        for name in self.entries.keys().map(String::as_str) {
            let grouped = name.starts_with("later-") || name.starts_with("renewal-");
            let covered = match (grouped, before) {
                (true, Some(before)) => before.iter().any(|u| name.starts_with(u.as_str())),
                // The order of the group is not known: what is listed counts.
                (true, None) => listed.contains(name),
                (false, _) => covered_by_renewal(name),
            };
            if covered != listed.contains(name) {
                let found = if covered { "is not listed" } else { "is listed" };
                return Err(Error::malformed(
                    WHAT,
                    format!("{name} {found}"),
                    "every entry of 2 to 5 before it, and no other",
                ));
            }
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
}

/// Groups 2 to 4.
fn covered_by_renewal(name: &str) -> bool {
    let fixed =
        ["statement.json", "record.json", "proof.tlog-proof", "checkpoint.txt", "checkpoint.tsr", "disclosure.json"];
    fixed.contains(&name) || ["timestamp-", "checkpoint-", "operator-"].iter().any(|p| name.starts_with(p))
}

fn back_in_time(id: &str, stamp: &Stamp, last: &mut Option<Utc>) -> Option<Check> {
    let at = stamp.token.as_ref()?.gen_time;
    match last.replace(at) {
        Some(before) if at < before => Some(Check::error(
            id,
            &Error::mismatch("genTime of what was added later", at.to_micros(), format!(">= {}", before.to_micros())),
        )),
        _ => None,
    }
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
