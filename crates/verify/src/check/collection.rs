//! A collection: its list, the record of each picture on it, and the pictures that are given along.
//!
//! Each picture's record is held against its line, the collection's own checkpoint and the collection's owner; its
//! tokens against the reader's roots, like those of any record.

use super::{Signed, Stamp, Walk, stamps, stamps::Renewed};
use crate::{
    Check, Original, Outcome,
    facts::{Collected, Collection},
    words,
};
use archive::items::{self, Item};
use evidence::{
    Error, Result,
    collection::{Line, Manifest},
    digest, disclosure, hex,
    json::Value,
    record::Record,
    statement::{Kind, Statement},
    time::SECOND,
    token::Token,
};
use std::collections::BTreeMap;

const LIST: &str = "collection-manifest";
const ITEMS: &str = "collection-items";
const OWNER: [(&str, bool); 4] =
    [("owner_kind", true), ("owner_name", true), ("owner_code", false), ("owner_id_masked", false)];

impl Walk<'_> {
    /// The three checks of a collection. `tokens` are those over its statement, `renewed` the renewals of the package.
    pub(super) fn collection(
        &mut self,
        statement: &Statement,
        main: &Result<Signed>,
        (tokens, renewed): (&[Stamp], &[Renewed]),
        originals: &[Original],
    ) {
        let manifest = match self.manifest() {
            Ok(manifest) => manifest,
            Err(e) => {
                self.checks.push(Check::error(LIST, &e));
                let (zh, en) = ("清单不成立，各条记录未检查。", "Not checked, as the list does not hold.");
                self.checks.push(Check::new(ITEMS, Outcome::NotChecked, zh, en));
                return self.files(statement, &[], originals);
            }
        };
        let lines = manifest.lines();
        let (n, first, last) = (lines.len(), lines.first().map_or(0, |l| l.index), lines.last().map_or(0, |l| l.index));
        self.checks.push(Check::new(
            LIST,
            Outcome::Pass,
            format!("清单格式正确，列有 {n} 条记录（账本第 {first} 至 {last} 条），都在本记录之前。"),
            format!("The list has its form: {n} records, leaves {first} to {last}, all before this one."),
        ));
        let (check, items) = self.items(lines, statement, main, (tokens, renewed));
        self.checks.push(check);
        self.files(statement, lines, originals);
        self.facts.collection = Some(Box::new(Collection { lines: lines.to_vec(), items }));
    }

    fn manifest(&self) -> Result<Manifest> {
        let bytes = self.entries.get("manifest.jsonl");
        let bytes = bytes.ok_or_else(|| Error::Missing { what: "manifest.jsonl", missing: "its bytes".into() })?;
        let manifest = Manifest::parse(bytes)?;
        if let (Some(own), Some(line)) = (self.facts.index, manifest.lines().last())
            && line.index >= own
        {
            return Err(Error::mismatch("index in the list", line.index, format!("< {own}")));
        }
        Ok(manifest)
    }

    /// Every record of the list; a contradiction in any comes before what is missing in another.
    fn items(
        &self,
        lines: &[Line],
        statement: &Statement,
        main: &Result<Signed>,
        (tokens, renewed): (&[Stamp], &[Renewed]),
    ) -> (Check, Vec<Collected>) {
        let read = self.entries.get("items.zip");
        let read = read.ok_or_else(|| Error::Missing { what: "items.zip", missing: "its bytes".into() });
        let read = read.and_then(|bytes| items::read(bytes));
        let (items, main) = match (&read, main) {
            (Ok(items), Ok(main)) => (items, main),
            (Err(e), _) | (_, Err(e)) => return (Check::error(ITEMS, e), Vec::new()),
        };
        if items.len() != lines.len() {
            let e = Error::mismatch("items.zip", format!("{} records", items.len()), format!("{}", lines.len()));
            return (Check::error(ITEMS, &e), Vec::new());
        }
        let seals: Vec<&Token> = tokens.iter().filter_map(|s| s.token.as_ref()).collect();
        let (mut open, mut held) = (None, Vec::with_capacity(lines.len()));
        for (n, (line, item)) in (1..).zip(lines.iter().zip(items)) {
            match self.item(line, item, statement, main, (&seals, renewed)) {
                Ok(one) => held.push(one),
                Err(check) => {
                    let check = of_line(n, line, *check);
                    if check.result == Outcome::Fail {
                        return (check, Vec::new());
                    }
                    open.get_or_insert(check);
                }
            }
        }
        match open {
            Some(check) => (check, Vec::new()),
            None => (all_hold(&held), held),
        }
    }

    fn item(
        &self,
        line: &Line,
        item: &Item,
        own: &Statement,
        main: &Signed,
        (seals, renewed): (&[&Token], &[Renewed]),
    ) -> std::result::Result<Collected, Box<Check>> {
        let refuse = |e: Error| Box::new(Check::error(ITEMS, &e));
        let record = agrees(line, item, own).map_err(refuse)?;
        let index = main.includes(&item.proof, &item.record).map_err(refuse)?;
        if index != line.index {
            return Err(refuse(Error::mismatch("index of the record", index, line.index)));
        }
        let opened = disclosure::parse_set(&item.disclosure).and_then(|set| record.statement.open(&set));
        let opened = opened.map_err(refuse)?;
        self.same_owner(&opened).map_err(refuse)?;

        let data = record.statement.to_bytes().map_err(refuse)?;
        let tokens = (0..).zip(&item.tokens);
        let mut stamps: Vec<Stamp> = tokens
            .map(|(n, tsr)| {
                stamps::check(self.trust, ITEMS.into(), tsr, &data, record.timestamps.get(n), &stamps::STATEMENT)
            })
            .collect();
        stamps::settle(&mut stamps);
        if let Some(bad) = stamps.iter().find(|s| s.check.result == Outcome::Fail) {
            return Err(Box::new(bad.check.clone()));
        }
        in_order(&record, &stamps, seals).map_err(refuse)?;
        // The checkpoint, which every renewal lists, holds the record and so the digests of its tokens.
        stamps.iter_mut().for_each(|stamp| stamp.age(renewed, self.now));
        let Some(t1) = stamps::earliest(&stamps) else {
            let open = stamps.into_iter().map(|s| s.check).find(|c| c.result == Outcome::NotChecked);
            let missing = || refuse(Error::Missing { what: "items.zip", missing: "a token".into() });
            return Err(open.map_or_else(missing, Box::new));
        };
        let text = |name: &str| opened.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(Collected {
            kind: record.statement.kind,
            file_name: text("file_name"),
            limited: !stamps.iter().any(|s| s.check.result == Outcome::Pass),
            t1,
        })
    }

    /// The claims of the owner that both disclose are equal; without a name there is nobody to be the same as.
    pub(super) fn same_owner(&self, opened: &BTreeMap<String, Value>) -> Result<()> {
        let own = &self.facts.claims;
        let differs = ["owner_kind", "owner_name", "owner_code", "owner_id_masked", "owner_id"].into_iter();
        let mut pairs = differs.filter_map(|name| Some((name, opened.get(name)?, own.get(name)?)));
        if let Some((name, found, expected)) = pairs.find(|(_, a, b)| a != b) {
            let what = "owner of both records";
            return Err(Error::mismatch(what, format!("{name} {found}"), format!("{name} {expected}")));
        }
        let told = |claim: Option<&Value>, made: bool| claim.is_some_and(|v| !made || !v.is_null());
        match OWNER.iter().find(|(name, made)| !told(opened.get(*name), *made) || !told(own.get(*name), *made)) {
            Some((name, _)) => Err(Error::Missing { what: "disclosed by both records", missing: (*name).into() }),
            None => Ok(()),
        }
    }

    /// A check for each line, once any picture is given; then one for each given file that is on no line.
    fn files(&mut self, statement: &Statement, lines: &[Line], originals: &[Original]) {
        let own = statement.file.as_ref().map(|f| f.digests);
        let given: Vec<&Original> = originals.iter().filter(|o| Some(o.digests) != own).collect();
        if given.is_empty() {
            return;
        }
        let id = |n: usize| format!("collection-file-{n}");
        // A list that is not the one of the statement says nothing about a file.
        let stated = self.checks.iter().any(|c| c.id == "file" && c.holds());
        if lines.is_empty() || !stated {
            for (n, one) in (1..).zip(given) {
                let (zh, en) = (
                    format!("清单不成立，“{}”没有可比对的值。", one.name),
                    format!("As the list does not hold, \"{}\" could not be compared.", one.name),
                );
                self.checks.push(Check::new(id(n), Outcome::NotChecked, zh, en).optional());
            }
            return;
        }
        let mut by_digest: BTreeMap<[u8; 32], Vec<&Original>> = BTreeMap::new();
        for one in &given {
            by_digest.entry(one.digests.sha256).or_default().push(one);
        }
        for (n, line) in (1..).zip(lines) {
            let same = by_digest.get(&line.digests.sha256).into_iter().flatten().find(|o| o.digests == line.digests);
            let check = match same {
                Some(one) => Check::new(
                    id(n),
                    Outcome::Pass,
                    format!("“{}”就是清单第 {n} 条（账本第 {} 条，{}）。", one.name, line.index, line.id),
                    format!("\"{}\" is line {n} of the list (leaf {}, {}).", one.name, line.index, line.id),
                )
                .values(words::digests(&line.digests), words::digests(&one.digests)),
                None => Check {
                    expected: Some(words::digests(&line.digests)),
                    ..Check::new(
                        id(n),
                        Outcome::NotChecked,
                        format!("清单第 {n} 条（{}）的文件没有给出。", line.id),
                        format!("The file of line {n} ({}) was not given.", line.id),
                    )
                },
            };
            self.checks.push(check.optional());
        }
        let listed = |o: &&&Original| lines.iter().any(|l| l.digests == o.digests);
        for (n, other) in (lines.len() + 1..).zip(given.iter().filter(|o| !listed(o))) {
            self.checks.push(
                Check::new(
                    id(n),
                    Outcome::Fail,
                    format!("“{}”不在清单中。", other.name),
                    format!("\"{}\" is on no line of the list.", other.name),
                )
                .values("a file of the list", words::digests(&other.digests))
                .optional(),
            );
        }
    }
}

/// The record is the one of the line, of a picture or file of the same ledger.
fn agrees(line: &Line, item: &Item, own: &Statement) -> Result<Record> {
    let text = |b: &[u8; 32]| hex::encode(b);
    if item.id != line.id {
        return Err(Error::mismatch("record in items.zip", &item.id, &line.id));
    }
    let found = digest::sha256(&item.record);
    if found != line.record_sha256 {
        return Err(Error::mismatch("record digest", text(&found), text(&line.record_sha256)));
    }
    let record = Record::parse(&item.record)?;
    let Statement { id, kind, ledger, file, .. } = &record.statement;
    if *id != line.id {
        return Err(Error::mismatch("id of the statement", id, &line.id));
    }
    if !matches!(kind, Kind::Image | Kind::File | Kind::Digest) {
        return Err(Error::mismatch("kind of a listed record", kind.as_str(), "image, file or digest"));
    }
    if *ledger != own.ledger {
        return Err(Error::mismatch("ledger of a listed record", ledger, &own.ledger));
    }
    let digests = file.as_ref().map(|f| f.digests);
    if digests != Some(line.digests) {
        let found = digests.map_or_else(|| "no file".into(), |d| words::digests(&d));
        return Err(Error::mismatch("file of the statement", found, words::digests(&line.digests)));
    }
    if record.timestamps.len() != item.tokens.len() {
        return Err(Error::mismatch("tokens of the record", item.tokens.len(), record.timestamps.len()));
    }
    Ok(record)
}

/// Received, stamped, and only then listed.
fn in_order(record: &Record, stamps: &[Stamp], seals: &[&Token]) -> Result<()> {
    for token in stamps.iter().filter_map(|s| s.token.as_ref()) {
        let latest = token.gen_time.plus(token.accuracy + 2 * SECOND);
        let received = record.statement.received_at;
        if received > latest {
            let bound = format!("<= {}", latest.to_micros());
            return Err(Error::mismatch("received_at of a listed record", received.to_micros(), bound));
        }
        let earliest = token.gen_time.plus(-token.accuracy);
        if let Some(seal) = seals.iter().find(|s| earliest > s.gen_time.plus(s.accuracy)) {
            let bound = format!("<= {} (over the collection)", seal.gen_time.plus(seal.accuracy).to_micros());
            return Err(Error::mismatch("genTime of a listed record", earliest.to_micros(), bound));
        }
    }
    Ok(())
}

fn of_line(n: usize, line: &Line, check: Check) -> Check {
    let (zh, en) = (format!("清单第 {n} 条（{}）：{}", line.id, check.zh), check.en);
    Check { id: ITEMS.into(), zh, en: format!("Line {n} of the list ({}): {en}", line.id), ..check }
}

fn all_hold(held: &[Collected]) -> Check {
    let (n, limited) = (held.len(), held.iter().filter(|h| h.limited).count());
    let date = |at: Option<evidence::time::Utc>| at.map_or_else(String::new, words::date);
    let times = held.iter().map(|h| h.t1.by());
    let (first, last) = (date(times.clone().min()), date(times.max()));
    let (zh, en) = (
        format!("清单所列 {n} 条记录都在本检查点之内，存证主体相同，时间戳有效：最早 {first}，最晚 {last}"),
        format!(
            "The {n} listed records are all under this checkpoint, of the same owner, their tokens valid: the earliest {first}, the latest {last}"
        ),
    );
    if limited == 0 {
        return Check::new(ITEMS, Outcome::Pass, format!("{zh}。"), format!("{en}."));
    }
    Check::new(
        ITEMS,
        Outcome::Limited,
        format!("{zh}；其中 {limited} 条的时间戳没有未附保留的独立机构。"),
        format!("{en}; {limited} of them have no token of an independent authority without reservation."),
    )
}
