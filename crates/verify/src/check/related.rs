//! `related-N`: later records about this one, as they are carried along (spec/package.md, "Later records").
//!
//! Of kind `rights` only. It names this record first in its `refs`, has the same owner and ledger, a higher index and
//! no earlier time; it adds claims and changes none. None is required; a contradiction fails.

use super::{
    Walk,
    ledger::Signed,
    stamps::{self, Stamp},
};
use crate::{Check, Outcome, Related, verdict::clean, words};
use evidence::{
    Error, Result, disclosure, hex,
    json::Value,
    record::{Record, leaf_hash},
    statement::{Kind, Ref, Statement, parse_refs},
    time::{SECOND, Utc},
};
use std::collections::BTreeMap;

/// What a reader's clock may be behind.
const SLACK: i64 = 60 * SECOND;

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
        if statement.kind != Kind::Rights {
            return Err(Error::mismatch("kind of the later record", statement.kind.as_str(), Kind::Rights.as_str()));
        }
        let claims = statement.open(&disclosure::parse_set(part("disclosure.json")?)?)?;
        self.is_about(earlier, statement, &claims)?;

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
        if index <= own {
            return Err(Error::mismatch("index of the later record", index, format!("> {own}")));
        }
        let mut stamps = self.related_stamps(unit, id, &record)?;
        let mut seal = self.related_seal(unit, id, &signed);
        if let Some(failed) = stamps.iter().chain([&seal]).find(|s| s.check.result == Outcome::Fail) {
            return Ok((None, failed.check.clone()));
        }
        self.not_before(earlier, statement, first, &stamps, &seal)?;
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
        let outcome = if stamps.iter().any(passes) && passes(&seal) { Outcome::Pass } else { Outcome::Limited };
        let related = Related { id: statement.id.clone(), index, t1, t2, claims };
        let (date, (zh, en)) = (words::date(related.t1.by()), related.said());
        let check = Check::new(
            id,
            outcome,
            format!("同一存证主体后来作出的声明，不晚于 {date} 已存在，账本第 {index} 条：{zh}。本记录本身没有改变。"),
            format!(
                "A later claim by the same owner, which existed no later than {date}, leaf {index}: {en}. This record itself is unchanged."
            ),
        );
        Ok((Some(related), check))
    }

    /// It names this record first, and its owner is this one's.
    fn is_about(&self, earlier: &Statement, later: &Statement, claims: &BTreeMap<String, Value>) -> Result<()> {
        if later.ledger != earlier.ledger {
            return Err(Error::mismatch("ledger of the later record", &later.ledger, &earlier.ledger));
        }
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

    /// Its times are in order, and none is before this record's.
    fn not_before(
        &self,
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
        if later.received_at < earlier.received_at {
            let (found, bound) = (later.received_at.to_micros(), earlier.received_at.to_micros());
            return Err(Error::mismatch("received_at of the later record", found, format!(">= {bound}")));
        }
        for token in stamps.iter().filter_map(|s| s.token.as_ref()) {
            let (from, to) = (token.gen_time.plus(-token.accuracy), token.gen_time.plus(token.accuracy));
            in_order("received_at of the later record", later.received_at, to.plus(2 * SECOND))?;
            in_order("genTime of the later record", token.gen_time, self.now.plus(token.accuracy + SLACK))?;
            for one in first.iter().filter_map(|s| s.token.as_ref()) {
                in_order("genTime of this record, before the later one's", one.gen_time.plus(-one.accuracy), to)?;
            }
            if let Some(seal) = &seal.token {
                in_order("genTime of the later record, before its seal", from, seal.gen_time.plus(seal.accuracy))?;
                in_order("genTime of its seal", seal.gen_time, self.now.plus(seal.accuracy + SLACK))?;
            }
        }
        Ok(())
    }
}

/// Claims of a later record, and what each is called.
const NAMES: [(&str, &str, &str); 9] = [
    ("title", "作品名称", "title"),
    ("author", "作者", "author"),
    ("work_origin", "作品来源", "origin of the work"),
    ("basis", "权利依据", "basis"),
    ("completed_at", "完成日期", "completed"),
    ("completed_place", "完成地点", "completed at"),
    ("published_at", "首次发表日期", "first published"),
    ("published_place", "首次发表地点", "first published at"),
    ("published_url", "首次发表网址", "first published under"),
];

impl Related {
    /// What it claims, (Chinese, English).
    pub fn said(&self) -> (String, String) {
        let said = NAMES.iter().filter_map(|(name, zh, en)| Some((zh, en, self.claims.get(*name)?.as_str()?)));
        let said: Vec<_> = said.map(|(zh, en, value)| (zh, en, clean(value.to_owned()))).collect();
        let zh = said.iter().map(|(zh, _, value)| format!("{zh}“{value}”")).collect::<Vec<_>>().join("，");
        let en = said.iter().map(|(_, en, value)| format!("{en} \"{value}\"")).collect::<Vec<_>>().join(", ");
        if said.is_empty() { ("未披露内容".into(), "nothing disclosed".into()) } else { (zh, en) }
    }
}
