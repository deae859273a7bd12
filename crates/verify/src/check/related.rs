//! `related-N`: other records about this one, as they are carried along (spec/package.md, "Later records").
//!
//! A later one names this record first in its `refs`, has the same owner and ledger, a higher index and no earlier time;
//! it adds to what was said and changes nothing. An attestation is bound as spec/attestation.md has it, and may be the
//! earlier one. None is required; a contradiction fails.

mod said;

pub use said::attested;

use super::{
    Walk,
    ledger::Signed,
    stamps::{self, Stamp},
};
use crate::{Check, Outcome, Related};
use evidence::{
    Error, Result,
    attestation::{Covered, NAMED},
    disclosure, hex,
    json::Value,
    record::{Record, leaf_hash},
    statement::{Kind, Ref, Statement, parse_refs},
    time::{SECOND, Utc},
};
use std::collections::BTreeMap;

/// What a reader's clock may be behind.
const SLACK: i64 = 60 * SECOND;

/// On which side of this record the other one stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

impl Walk<'_> {
    pub(super) fn related(&mut self, main: &Result<Signed>, first: &[Stamp]) {
        for n in 1u8..=99 {
            let unit = format!("related-{n:02}");
            if !self.entries.contains_key(&format!("{unit}-record.json")) {
                return;
            }
            let id = format!("related-{n}");
            let check = match self.one_related(&unit, &id, main, first) {
                Ok((related, check)) => {
                    self.facts.related.extend(related);
                    check
                }
                Err(e) => Check::error(&id, &e),
            };
            self.checks.push(check.optional());
        }
    }

    fn one_related(
        &self,
        unit: &str,
        id: &str,
        main: &Result<Signed>,
        first: &[Stamp],
    ) -> Result<(Option<Related>, Check)> {
        let part = |name: &str| self.entry(&format!("{unit}-{name}"));
        let missing = |what: &str| Error::Missing { what: "the first record", missing: what.to_owned() };
        let bytes = part("record.json")?;
        let record = Record::parse(bytes)?;
        let statement = &record.statement;
        let earlier = self.facts.statement.as_ref().ok_or_else(|| missing("a readable statement"))?;
        if !carries(earlier.kind, statement.kind) {
            let expected = format!("one about a record of kind {}", earlier.kind.as_str());
            return Err(Error::mismatch("kind of the later record", statement.kind.as_str(), expected));
        }
        let claims = statement.open(&disclosure::parse_set(part("disclosure.json")?)?)?;
        let side = self.bound(unit, earlier, statement, &claims)?;
        statement.check_told(&claims)?;

        let main = main.as_ref().map_err(Clone::clone)?;
        let signed = Signed::read(part("checkpoint.txt")?, self.trust.policy.as_ref())?;
        let witnessed = signed.evaluation.as_ref();
        if let Some((name, _)) = witnessed.and_then(|e| e.bad.first()) {
            return Err(Error::Signature { what: "cosignature of the later record", key: name.clone() });
        }
        let (one, two) = (&main.checkpoint, &signed.checkpoint);
        if one.origin != two.origin {
            return Err(Error::mismatch("ledger of the later record", &two.origin, &one.origin));
        }
        if one.size == two.size && one.root != two.root {
            return Err(Error::mismatch("root at the same size", hex::encode(&two.root), hex::encode(&one.root)));
        }
        let index = signed.includes(part("proof.tlog-proof")?, bytes)?;
        let own = self.facts.index.ok_or_else(|| missing("its index"))?;
        let (fits, expected) = match side {
            Side::Before => (index < own, format!("< {own}")),
            Side::After => (index > own, format!("> {own}")),
        };
        if !fits {
            return Err(Error::mismatch("index of the later record", index, expected));
        }
        let mut stamps = self.related_stamps(unit, id, &record)?;
        let mut seal = self.related_seal(unit, id, &signed);
        if let Some(failed) = stamps.iter().chain([&seal]).find(|s| s.check.result == Outcome::Fail) {
            return Ok((None, failed.check.clone()));
        }
        self.on_its_side(side, earlier, statement, first, &stamps, &seal)?;
        signed.verify_log()?;
        if let Some(unmet) = witnessed.filter(|e| !e.met) {
            let missing = format!("cosignatures for {}", unmet.quorum);
            return Err(Error::Missing { what: "checkpoint of the later record", missing });
        }
        // No renewal lists a later record.
        stamps.iter_mut().chain([&mut seal]).for_each(|stamp| stamp.age(&[], self.now));
        let t1 = stamps::earliest(&stamps);
        let (Some(t1), Some(t2)) = (t1, seal.verified.clone()) else {
            let open = stamps.iter().chain([&seal]).find(|s| s.verified.is_none());
            return open.map(|s| (None, s.check.clone())).ok_or_else(|| missing("a verified token"));
        };
        let passes = |s: &Stamp| s.check.result == Outcome::Pass;
        let stamped = stamps.iter().any(passes) && passes(&seal);
        // What the platform says of others is its word, unless the reader holds its key to be independent.
        let key = main.evaluation.as_ref().and_then(|e| e.log.as_ref());
        let role = key.and_then(|key| self.trust.role_of_key(key, t1.at));
        let word = !statement.kind.has_provenance() && !role.is_some_and(|line| line.independent);
        let outcome = if stamped && !word { Outcome::Pass } else { Outcome::Limited };
        let operator = self.facts.operator.get("operator_name").and_then(Value::as_str).map(str::to_owned);
        let related = Related { kind: statement.kind, id: statement.id.clone(), index, t1, t2, claims, operator };
        let (zh, en) = related.checked();
        Ok((Some(related), Check::new(id, outcome, zh, en)))
    }

    /// What makes it one about this record, and not about another; its owner is this one's.
    fn bound(
        &self,
        unit: &str,
        earlier: &Statement,
        later: &Statement,
        claims: &BTreeMap<String, Value>,
    ) -> Result<Side> {
        let covered = self.entries.get(&format!("{unit}-covered.json"));
        if later.kind != Kind::Attestation {
            if covered.is_some() {
                return Err(Error::malformed("later record", "covered.json", "one beside an attestation"));
            }
            return self.is_about(earlier, later, claims).map(|()| Side::After);
        }
        same_ledger(earlier, later)?;
        self.same_owner(claims)?;
        let method = self.facts.claims.get("identity_method");
        let named = format!("{NAMED}{}", later.id);
        let missing =
            |missing: &str| Error::Missing { what: "what binds the attestation", missing: missing.to_owned() };
        match (covered, method) {
            (Some(_), Some(method)) if *method == named => {
                Err(Error::malformed("attestation", "covered.json", "none where identity_method names it"))
            }
            (Some(bytes), _) => {
                let root = claims.get("covered_root").ok_or_else(|| missing("covered_root"))?;
                let root = root.as_str().ok_or_else(|| Error::malformed("covered_root", "null", "a root"))?;
                Covered::parse(bytes)?.check(&leaf_hash(self.entry("record.json")?), root)?;
                Ok(Side::After)
            }
            (None, Some(method)) if *method == named => Ok(Side::Before),
            (None, Some(method)) => Err(Error::mismatch("identity_method of this record", method, named)),
            (None, None) => Err(missing("identity_method, or covered.json")),
        }
    }

    /// It names this record first, and its owner is this one's.
    fn is_about(&self, earlier: &Statement, later: &Statement, claims: &BTreeMap<String, Value>) -> Result<()> {
        same_ledger(earlier, later)?;
        let own =
            Ref { ledger: earlier.ledger.clone(), id: earlier.id.clone(), leaf: leaf_hash(self.entry("record.json")?) };
        let undisclosed = |name: &str| Error::Missing { what: "disclosure", missing: name.to_owned() };
        let refs = parse_refs(claims.get("refs").ok_or_else(|| undisclosed("refs of the later record"))?)?;
        let text = |r: &Ref| format!("{} {}", r.id, hex::encode(&r.leaf));
        if refs.first() != Some(&own) {
            let found = refs.first().map_or_else(|| "none".to_owned(), text);
            return Err(Error::mismatch("first of the later record's refs", found, text(&own)));
        }
        self.same_owner(claims)
    }

    fn related_stamps(&self, unit: &str, id: &str, record: &Record) -> Result<Vec<Stamp>> {
        let data = record.statement.to_bytes()?;
        let found = (1..=4).filter(|n| self.entries.contains_key(&format!("{unit}-timestamp-{n}.tsr"))).count();
        if found != record.timestamps.len() {
            return Err(Error::mismatch("tokens of the later record", found, record.timestamps.len()));
        }
        let stamps = (1..).zip(&record.timestamps).map(|(n, named): (u8, _)| {
            let tsr = self.entry(&format!("{unit}-timestamp-{n}.tsr"))?;
            Ok(stamps::check(self.trust, id.to_owned(), tsr, &data, Some(named), &stamps::RELATED))
        });
        let mut stamps = stamps.collect::<Result<Vec<_>>>()?;
        stamps::settle(&mut stamps);
        Ok(stamps)
    }

    fn related_seal(&self, unit: &str, id: &str, signed: &Signed) -> Stamp {
        let tsr = self.entries.get(&format!("{unit}-checkpoint.tsr")).map(Vec::as_slice).unwrap_or_default();
        let mut seal = [stamps::check(self.trust, id.to_owned(), tsr, &signed.bytes, None, &stamps::CHECKPOINT)];
        stamps::settle(&mut seal);
        let [seal] = seal;
        seal
    }

    /// Its times are in order, and none is on the other side of this record's.
    fn on_its_side(
        &self,
        side: Side,
        earlier: &Statement,
        later: &Statement,
        first: &[Stamp],
        stamps: &[Stamp],
        seal: &Stamp,
    ) -> Result<()> {
        let in_order = |what: &'static str, found: Utc, latest: Utc| {
            if found <= latest {
                Ok(())
            } else {
                Err(Error::mismatch(what, found.to_micros(), format!("<= {}", latest.to_micros())))
            }
        };
        match side {
            Side::Before => in_order("received_at of the earlier record", later.received_at, earlier.received_at)?,
            Side::After => {
                in_order("received_at of this record, before the later one's", earlier.received_at, later.received_at)?;
            }
        }
        for token in stamps.iter().filter_map(|s| s.token.as_ref()) {
            let (from, to) = (token.gen_time.plus(-token.accuracy), token.gen_time.plus(token.accuracy));
            in_order("received_at of the later record", later.received_at, to.plus(2 * SECOND))?;
            in_order("genTime of the later record", token.gen_time, self.now.plus(token.accuracy + SLACK))?;
            for one in first.iter().filter_map(|s| s.token.as_ref()) {
                let own = (one.gen_time.plus(-one.accuracy), one.gen_time.plus(one.accuracy));
                match side {
                    Side::Before => in_order("genTime of the earlier record", from, own.1)?,
                    Side::After => in_order("genTime of this record, before the later one's", own.0, to)?,
                }
            }
            if let Some(seal) = &seal.token {
                in_order("genTime of the later record, before its seal", from, seal.gen_time.plus(seal.accuracy))?;
                in_order("genTime of its seal", seal.gen_time, self.now.plus(seal.accuracy + SLACK))?;
            }
        }
        Ok(())
    }
}

/// Whether a record of kind `other` may be carried along with one of kind `own`.
fn carries(own: Kind, other: Kind) -> bool {
    match other {
        Kind::Rights => matches!(own, Kind::Image | Kind::File | Kind::Digest),
        Kind::Revocation | Kind::Confirmation => own == Kind::Licence,
        Kind::Attestation => own.has_owner() && own != Kind::Attestation,
        _ => false,
    }
}

fn same_ledger(earlier: &Statement, later: &Statement) -> Result<()> {
    if later.ledger == earlier.ledger {
        return Ok(());
    }
    Err(Error::mismatch("ledger of the later record", &later.ledger, &earlier.ledger))
}
