//! What a certificate says, as plain data: the caller fills it from evidence and verdict, the layout prints it.
//!
//! Nothing here is secret by construction: an individual's full id number has no field to stand in.

use serde::{Deserialize, Serialize};

use crate::collected::Collected;
use crate::compared::Compared;
use crate::error::{Error, printable};
use crate::instant::Instant;
use crate::licensed::Licensed;
pub use crate::lists::{Clock, Custody, EventKind, Kind, NumberLabel, Outcome, Provenance, Relation, Verdict};
use crate::report::Report;

/// Characters that one field may hold: a claim has up to 4,096 bytes, a sentence may quote one.
pub(crate) const MAX_TEXT: usize = 8_192;
/// Items that one list may hold.
pub(crate) const MAX_ITEMS: usize = 64;

/// One text in both languages, composed by us. What was recorded is a plain `String` and is printed as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// Simplified Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Words {
    /// Both languages.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }
    /// A name that is the same in both.
    pub fn same(text: impl Into<String>) -> Self {
        let zh = text.into();
        Self { en: zh.clone(), zh }
    }
}

/// Who runs the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// Its name as recorded.
    pub name: String,
    /// Its public code, where it has one.
    pub code: Option<String>,
}

/// The owner's number as it may be printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Number {
    /// What it is.
    pub label: NumberLabel,
    /// The code in full, or the individual's number already masked; a masked value holds at least six `*`.
    pub value: String,
}

/// 存证主体.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The name as recorded.
    pub name: String,
    /// The printed number, if any.
    pub number: Option<Number>,
}

/// T1 or T2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// `2026-11-24T03:05:00Z`, a fraction allowed.
    pub at: String,
    /// The token's own accuracy in microseconds; 0 where it states none.
    pub accuracy_us: u64,
    /// The authority's name, from the trust used.
    pub authority: Words,
    /// Whether the trust used marks it independent. Only then 可信时间戳, and large.
    pub independent: bool,
    /// Of the token's own check: the date is printed only for pass and limited.
    pub result: Outcome,
}

/// One mark on the time line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub what: EventKind,
    /// When, as [`Moment::at`].
    pub at: String,
    /// By whose clock.
    pub clock: Clock,
    /// The clock's owner, where it has a name.
    pub by: Option<Words>,
}

/// A further claim of the owner's, printed as a line of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// What is claimed, such as 作者.
    pub label: Words,
    /// As recorded; a word of a closed list in both languages.
    pub value: Words,
}

/// The file, or what was told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// The original's name.
    pub name: Option<String>,
    /// In bytes.
    pub size: Option<u64>,
    /// Its media type.
    pub mime: Option<String>,
    /// Width and height of a picture.
    pub pixels: Option<(u32, u32)>,
    /// 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// 64 lower-case hexadecimal digits.
    pub sm3: String,
    /// Where the original is.
    pub custody: Custody,
}

/// Where the record stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// `host/` and 32 lower-case hexadecimal digits.
    pub origin: String,
    /// The record's index.
    pub index: u64,
    /// The tree's size at the sealed checkpoint.
    pub size: u64,
    /// SHA-256 of the record, 64 lower-case hexadecimal digits.
    pub record: String,
    /// The tree's root, likewise.
    pub root: String,
}

/// One check of the verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its id in the specification.
    pub id: String,
    /// Whether *verified* needs it.
    pub required: bool,
    /// Its result.
    pub result: Outcome,
    /// A short label; without one the layout's word for the id, or the id.
    pub subject: Option<Words>,
    /// One plain sentence.
    pub text: Words,
}

/// One step of checking it without us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What it shows.
    pub label: Words,
    /// Commands, one a line.
    pub commands: Vec<String>,
}

/// Everything that one certificate says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sheet {
    /// The record number.
    pub id: String,
    /// What was deposited.
    pub kind: Kind,
    /// Who runs the ledger.
    pub operator: Operator,
    /// How it stands to the owner.
    pub relation: Relation,
    /// Whose record this is.
    pub owner: Owner,
    /// Who established the identity, how, and when.
    pub identity: Words,
    /// The account that acted.
    pub account: Words,
    /// The work's title, as claimed.
    pub title: Option<String>,
    /// Further claims, in their order.
    pub claims: Vec<Claim>,
    /// The file; `None` where the record has none.
    pub file: Option<File>,
    /// How its bytes came.
    pub provenance: Provenance,
    /// *File, owner and claims existed no later than*.
    pub t1: Option<Moment>,
    /// *Sealed no later than*.
    pub t2: Option<Moment>,
    /// The time line, in order: established times only, the machine's clock apart.
    pub events: Vec<Event>,
    /// Where the record stands.
    pub ledger: Ledger,
    /// Earlier records of the same digest, as the operator counted them at `ledger.size`.
    pub earlier: Option<u64>,
    /// When the verdict was made.
    pub checked: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Whose trust roots it used.
    pub roots: Words,
    /// Its checks, in the order that a judge asks.
    pub checks: Vec<Check>,
    /// 软件不能回答.
    pub unanswerable: Vec<Words>,
    /// 本结果不能证明什么, never empty.
    pub does_not_show: Vec<Words>,
    /// 自行核验.
    pub steps: Vec<Step>,
    /// Name and version of the software that drew it.
    pub software: Words,
    /// A capture's own part; there exactly for [`Kind::Capture`].
    pub report: Option<Report>,
    /// A comparison's own part; there exactly for [`Kind::Comparison`].
    pub comparison: Option<Compared>,
    /// A collection's own part; there exactly for [`Kind::Collection`].
    pub collection: Option<Collected>,
    /// A licence's own part, or of what ends or confirms one; there exactly for these.
    pub licence: Option<Licensed>,
}

impl Sheet {
    /// Whether a required check holds only with a reservation.
    pub fn reserved(&self) -> bool {
        self.checks.iter().any(|c| c.required && c.result == Outcome::Limited)
    }

    /// Whether the file itself was compared with the record.
    pub fn compared(&self) -> bool {
        self.checks.iter().any(|c| c.id == "file" && matches!(c.result, Outcome::Pass | Outcome::Limited))
    }

    /// Whether nothing but the comparison with the original is missing.
    pub fn unread(&self) -> bool {
        let open = |c: &&Check| c.required && matches!(c.result, Outcome::NotChecked | Outcome::Fail);
        self.verdict == Verdict::Incomplete
            && self.checks.iter().any(|c| c.id == "file" && c.result == Outcome::NotChecked)
            && self.checks.iter().filter(open).all(|c| c.id == "file")
    }

    /// This sheet with each of `missing` spelled as its number, `[U+20BB7]`: a page that names what it cannot draw.
    pub(crate) fn spelled(self, missing: &[char]) -> Result<Self, Error> {
        if missing.is_empty() {
            return Ok(self);
        }
        let failed = |e: serde_json::Error| Error::Typeset { why: e.to_string() };
        let mut value = serde_json::to_value(&self).map_err(failed)?;
        spell(&mut value, missing);
        serde_json::from_value(value).map_err(failed)
    }

    /// Refuses what may not be printed: a form that the layout cannot set, or a claim that the verdict does not hold.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::Mismatch`], [`Error::TooLarge`].
    pub fn check(&self) -> Result<(), Error> {
        for text in self.texts() {
            let found = text.chars().count();
            if found > MAX_TEXT {
                return Err(Error::TooLarge { what: "a text of the sheet, in characters", found, limit: MAX_TEXT });
            }
        }
        for (what, found) in [
            ("claims", self.claims.len()),
            ("events", self.events.len()),
            ("checks", self.checks.len()),
            ("unanswerable", self.unanswerable.len()),
            ("does_not_show", self.does_not_show.len()),
            ("steps", self.steps.len().max(self.steps.iter().map(|s| s.commands.len()).max().unwrap_or(0))),
        ] {
            if found > MAX_ITEMS {
                return Err(Error::TooLarge { what, found, limit: MAX_ITEMS });
            }
        }
        form("id", &self.id, "1 to 64 of a-z, 0-9 and -", |s| {
            (1..=64).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        })?;
        let hex = |n: usize| move |s: &str| s.len() == n && s.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        for (what, value) in [("record digest", &self.ledger.record), ("root", &self.ledger.root)] {
            form(what, value, "64 lower-case hexadecimal digits", hex(64))?;
        }
        for (what, value) in self.file.iter().flat_map(|f| [("sha256", &f.sha256), ("sm3", &f.sm3)]) {
            form(what, value, "64 lower-case hexadecimal digits", hex(64))?;
        }
        let (host, key) = self.origin();
        form("origin", host, "a name, / and 32 hexadecimal digits", |s| !s.is_empty() && s.is_ascii())?;
        form("origin", key, "a name, / and 32 hexadecimal digits", hex(32))?;
        if let Some(n) = self.owner.number.as_ref().filter(|n| n.label == NumberLabel::Masked) {
            // The value is not repeated: if it was not masked, an error message is no place for it either.
            if n.value.matches('*').count() < 6 {
                return Err(Error::Malformed {
                    what: "owner's masked number",
                    found: format!("{} characters, not masked", n.value.chars().count()),
                    expected: "at least six *".into(),
                });
            }
        }
        for at in self.moments() {
            Instant::parse("time", at)?;
        }
        let parts = [self.report.is_some(), self.comparison.is_some(), self.collection.is_some()];
        let expected = [Kind::Capture, Kind::Comparison, Kind::Collection].map(|kind| self.kind == kind);
        if parts != expected {
            let found = format!("report, comparison, collection {parts:?} for {:?}", self.kind);
            let expected = "each exactly for its own kind".into();
            return Err(Error::Mismatch { what: "kind", found, expected });
        }
        let about = matches!(self.kind, Kind::Licence | Kind::Revocation | Kind::Confirmation);
        if (self.licence.is_some(), self.file.is_none()) != (about, about) {
            let found = format!("licence {}, file {} for {:?}", self.licence.is_some(), self.file.is_some(), self.kind);
            let expected = "a licence's part in place of a file, exactly for its kinds".into();
            return Err(Error::Mismatch { what: "kind", found, expected });
        }
        self.report.as_ref().map_or(Ok(()), Report::check)?;
        self.comparison.as_ref().map_or(Ok(()), Compared::check)?;
        self.collection.as_ref().map_or(Ok(()), Collected::check)?;
        self.licence.as_ref().map_or(Ok(()), Licensed::check)?;
        if self.does_not_show.is_empty() {
            return Err(Error::Malformed {
                what: "does_not_show",
                found: "an empty list".into(),
                expected: "what this does not prove".into(),
            });
        }
        for (what, kind, t) in [("T1", EventKind::Content, &self.t1), ("T2", EventKind::Seal, &self.t2)] {
            let stands = t.as_ref().is_some_and(|t| matches!(t.result, Outcome::Pass | Outcome::Limited));
            if !stands && self.events.iter().any(|e| e.what == kind) {
                return Err(Error::Mismatch {
                    what,
                    found: "on the time line alone".into(),
                    expected: "no event, as its token is not established".into(),
                });
            }
        }
        self.check_verdict()
    }

    fn check_verdict(&self) -> Result<(), Error> {
        let mismatch = |what, found: &str, expected: &str| {
            Err(Error::Mismatch { what, found: found.to_owned(), expected: expected.to_owned() })
        };
        let fails = self.checks.iter().find(|c| c.result == Outcome::Fail);
        let open = self.checks.iter().find(|c| c.required && c.result == Outcome::NotChecked);
        match (self.verdict, fails, open) {
            (Verdict::Verified, Some(c), _) => {
                mismatch("verdict", "verified", &format!("not_verified: {} fails", c.id))
            }
            (Verdict::Verified, None, Some(c)) => {
                mismatch("verdict", "verified", &format!("incomplete: {} was not checked", c.id))
            }
            (Verdict::Incomplete, Some(c), _) => {
                mismatch("verdict", "incomplete", &format!("not_verified: {} fails", c.id))
            }
            (Verdict::NotVerified, None, _) => mismatch("verdict", "not_verified", "a check that fails"),
            (Verdict::Verified, None, None) if self.checks.is_empty() => {
                mismatch("verdict", "verified", "incomplete: there are no checks")
            }
            (Verdict::Verified, None, None) => {
                for (what, t) in [("T1", &self.t1), ("T2", &self.t2)] {
                    match t {
                        None => return mismatch(what, "absent", "a token, as the sheet is verified"),
                        Some(t) if matches!(t.result, Outcome::NotChecked | Outcome::Fail) => {
                            return mismatch(what, "a token that is not established", "pass or limited");
                        }
                        Some(_) => {}
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Host and hexadecimal part of the origin.
    pub(crate) fn origin(&self) -> (&str, &str) {
        self.ledger.origin.rsplit_once('/').unwrap_or(("", &self.ledger.origin))
    }

    fn moments(&self) -> impl Iterator<Item = &str> {
        let ordered = self.report.iter().filter_map(|r| r.ordered.as_ref());
        let tokens = self.t1.iter().chain(&self.t2).chain(ordered).map(|t| t.at.as_str());
        let compared = self.comparison.iter().flat_map(Compared::moments);
        let listed = self.collection.iter().flat_map(Collected::moments);
        tokens
            .chain(compared)
            .chain(listed)
            .chain(self.events.iter().map(|e| e.at.as_str()))
            .chain([self.checked.as_str()])
    }

    /// Every text that the sheet brings, for fonts and bounds.
    fn texts(&self) -> Vec<&str> {
        let mut out: Vec<&str> = vec![&self.id, &self.operator.name, &self.owner.name, &self.ledger.origin];
        out.extend(self.operator.code.as_deref());
        out.extend(self.owner.number.as_ref().map(|n| n.value.as_str()));
        out.extend(self.title.as_deref());
        out.extend(self.file.iter().flat_map(|f| f.name.as_deref().into_iter().chain(f.mime.as_deref())));
        out.extend(self.checks.iter().map(|c| c.id.as_str()));
        out.extend(self.steps.iter().flat_map(|s| s.commands.iter().map(String::as_str)));
        let mut words = vec![&self.identity, &self.account, &self.roots, &self.software];
        words.extend(self.claims.iter().flat_map(|c| [&c.label, &c.value]));
        words.extend(self.t1.iter().chain(&self.t2).map(|t| &t.authority));
        words.extend(self.events.iter().filter_map(|e| e.by.as_ref()));
        words.extend(self.checks.iter().flat_map(|c| c.subject.iter().chain([&c.text])));
        words.extend(self.unanswerable.iter().chain(&self.does_not_show));
        words.extend(self.steps.iter().map(|s| &s.label));
        out.extend(words.iter().flat_map(|w| [w.zh.as_str(), w.en.as_str()]));
        out.extend(self.report.iter().flat_map(Report::texts));
        out.extend(self.comparison.iter().flat_map(Compared::texts));
        out.extend(self.collection.iter().flat_map(Collected::texts));
        out.extend(self.licence.iter().flat_map(Licensed::texts));
        out
    }

    /// This sheet with each of `missing` in a page's own words as [`crate::MARK`].
    pub(crate) fn marked(mut self, missing: &dyn Fn(char) -> bool) -> Self {
        let mut write = |text: &mut String| {
            if text.contains(missing) {
                *text = text.chars().map(|c| if missing(c) { crate::MARK } else { c }).collect();
            }
        };
        if let Some(report) = &mut self.report {
            self.title.iter_mut().for_each(&mut write);
            report.foreign(&mut write);
            // A check may quote the file.
            self.checks.iter_mut().flat_map(|c| [&mut c.text.zh, &mut c.text.en]).for_each(&mut write);
        }
        self.comparison.iter_mut().for_each(|c| c.foreign(&mut write));
        self
    }

    /// All texts in one, for [`crate::Fonts::missing`].
    pub(crate) fn text(&self) -> String {
        self.texts().concat()
    }
}

/// In texts only: names of fields and of variants are ASCII, and no such character is ever missing.
fn spell(value: &mut serde_json::Value, missing: &[char]) {
    match value {
        serde_json::Value::String(text) if text.contains(missing) => {
            let spelled = |c: char| match missing.contains(&c) {
                true => format!("[{}]", crate::draw::number(c)),
                false => c.to_string(),
            };
            *text = text.chars().map(spelled).collect();
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(|v| spell(v, missing)),
        serde_json::Value::Object(members) => members.values_mut().for_each(|v| spell(v, missing)),
        _ => {}
    }
}

fn form(what: &'static str, value: &str, expected: &str, good: impl Fn(&str) -> bool) -> Result<(), Error> {
    if good(value) {
        return Ok(());
    }
    Err(Error::Malformed { what, found: printable(value), expected: expected.into() })
}
