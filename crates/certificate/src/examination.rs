//! A node's verification report (核验报告): what was laid before it, what the rules ask, what the software saw, and what no
//! software can answer. Like a certificate it is drawn deterministically and carries what it speaks of.
//!
//! The caller fills it from a verdict; nothing here decides anything.

use serde::Serialize;

use crate::error::{Error, printable};
use crate::fonts::Fonts;
use crate::instant::Instant;
use crate::lists::{Outcome, Verdict};
use crate::sheet::{MAX_TEXT, Words};
use crate::world::{self, Setting};
use crate::{Locale, Picture};

/// How the rules number their items, and how English does.
pub const ITEMS: [(&str, &str); 8] = [
    ("（一）", "(1)"),
    ("（二）", "(2)"),
    ("（三）", "(3)"),
    ("（四）", "(4)"),
    ("（五）", "(5)"),
    ("（六）", "(6)"),
    ("（七）", "(7)"),
    ("第二款", "§ 2"),
];

/// Lines of all kinds that one report prints at most.
const MAX_LINES: usize = 1_024;

/// Everything that one report says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Examination {
    /// The report's own number.
    pub id: String,
    /// When it was examined, `2026-11-24T03:05:00Z`; the node's clock.
    pub checked: String,
    /// The institution, as its node names itself.
    pub institution: String,
    /// The node's key as it is published (a vkey), where it cosigns.
    pub key: Option<String>,
    /// What was examined, the evidence first.
    pub files: Vec<Examined>,
    /// The verdict and its reservations.
    pub verdict: Verdict,
    /// Whether a required check, or the ledger key's role, is limited.
    pub reserved: bool,
    /// Whose trust was used, and when.
    pub roots: Words,
    /// The record's number, where one was read.
    pub record: Option<String>,
    /// In the order in which a judge decides.
    pub blocks: Vec<Block>,
    /// Under the rules that ask.
    pub articles: Vec<Article>,
    /// Every check, with both values where there are two.
    pub checks: Vec<Seen>,
    /// What this does not show.
    pub nots: Vec<Words>,
    /// Name and version of the program.
    pub software: Words,
}

/// A file that was examined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Examined {
    /// As it was called.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// 64 lower-case hexadecimal digits.
    pub sm3: String,
}

/// What the software saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// The check's id, or a word for what is no check.
    pub id: String,
    /// What came out; `None`: a fact, read and not judged.
    pub result: Option<Outcome>,
    /// One sentence.
    pub text: Words,
    /// What must stand there and what stands there.
    pub values: Option<(String, String)>,
}

/// One of the things that a judge decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Block {
    /// The question.
    pub title: Words,
    /// What was seen.
    pub seen: Vec<Seen>,
    /// What software cannot answer here.
    pub beyond: Vec<Words>,
}

/// A rule and what it asks, in our words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Article {
    /// The rule's name and article.
    pub rule: Words,
    /// Its number and date of publication.
    pub source: Words,
    /// What it asks.
    pub asked: Vec<Asked>,
}

/// One question of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// As the rule numbers it; empty where it does not.
    pub item: String,
    /// The question, in our words.
    pub question: Words,
    /// What was seen.
    pub seen: Vec<Seen>,
    /// What cannot be answered by software.
    pub beyond: Option<Words>,
}

/// Draws the report: PDF/A-3b, tagged, unsigned, with `attachments` (name, bytes) as embedded files.
///
/// What a party wrote never keeps a report from being made: a character that no font has stands as `\u{…}`, a text that
/// is too long ends in `…`.
///
/// # Errors
/// [`Error::Malformed`] and [`Error::TooLarge`] for what it holds, [`Error::Typeset`] if the layout itself fails.
pub fn render_examination(
    report: &Examination,
    attachments: &[(String, Vec<u8>)],
    locale: Locale,
    fonts: &Fonts,
) -> Result<Vec<u8>, Error> {
    let mut report = report.clone();
    let missing = fonts.missing(&report.texts().iter().map(|text| text.as_str()).collect::<String>());
    report.texts().into_iter().for_each(|text| tame(text, &missing));
    let text = report.check()?;
    let attached = world::attached(attachments)?;
    let checked = Instant::parse("checked", &report.checked)?;
    let phrase = match report.verdict {
        Verdict::Verified if report.reserved => "reserved",
        Verdict::Verified => "verified",
        Verdict::NotVerified => "not_verified",
        Verdict::Incomplete => "incomplete",
    };
    if matches!(locale, Locale::En) {
        for asked in report.articles.iter_mut().flat_map(|a| &mut a.asked) {
            if let Some((_, en)) = ITEMS.iter().find(|(zh, _)| *zh == asked.item) {
                (*en).clone_into(&mut asked.item);
            }
        }
    }
    let mut data = serde_json::to_value(&report).map_err(typeset)?;
    let files: Vec<_> = report
        .files
        .iter()
        .map(|f| serde_json::json!({ "name": f.name, "size": locale::grouped(f.size), "sha256": f.sha256, "sm3": f.sm3 }))
        .collect();
    if let Some(members) = data.as_object_mut() {
        members.insert("locale".into(), serde_json::to_value(locale).map_err(typeset)?);
        members.insert("relation".into(), "".into());
        members.insert("verdict".into(), phrase.into());
        members.insert("files".into(), files.into());
        members.insert("local".into(), checked.local().into());
        members.insert("latin".into(), text.chars().any(|c| ('\u{100}'..='\u{24f}').contains(&c)).into());
        members.insert("attachments".into(), serde_json::to_value(&attached).map_err(typeset)?);
    }
    let setting = Setting { main: world::EXAMINATION, id: &report.id, at: &checked, software: &report.software.en };
    let data = serde_json::to_vec(&data).map_err(typeset)?;
    let none: &[Picture<'_>] = &[];
    world::typeset(&setting, data, None, none, attachments, locale, fonts.covering(&text))
}

fn typeset(e: serde_json::Error) -> Error {
    Error::Typeset { why: e.to_string() }
}

/// Printable, and no longer than fits.
fn tame(text: &mut String, missing: &[char]) {
    if text.chars().any(|c| missing.contains(&c)) {
        let shown = |c: char| if missing.contains(&c) { c.escape_unicode().to_string() } else { c.to_string() };
        *text = text.chars().map(shown).collect();
    }
    if let Some((end, _)) = text.char_indices().nth(MAX_TEXT).and_then(|_| text.char_indices().nth(MAX_TEXT - 1)) {
        text.truncate(end);
        text.push('…');
    }
}

impl Examination {
    /// All that is printed and that somebody else may have written.
    fn texts(&mut self) -> Vec<&mut String> {
        let mut out: Vec<&mut String> = vec![&mut self.institution, &mut self.roots.zh, &mut self.roots.en];
        out.extend(&mut self.key);
        out.extend(&mut self.record);
        out.extend(self.files.iter_mut().map(|f| &mut f.name));
        for block in &mut self.blocks {
            block.seen.iter_mut().for_each(|s| s.texts(&mut out));
            block.beyond.iter_mut().for_each(|w| out.extend([&mut w.zh, &mut w.en]));
        }
        for asked in self.articles.iter_mut().flat_map(|a| &mut a.asked) {
            asked.seen.iter_mut().for_each(|s| s.texts(&mut out));
            asked.beyond.iter_mut().for_each(|w| out.extend([&mut w.zh, &mut w.en]));
        }
        self.checks.iter_mut().for_each(|s| s.texts(&mut out));
        self.nots.iter_mut().for_each(|w| out.extend([&mut w.zh, &mut w.en]));
        out
    }

    /// Refuses what is too long, and gives all that is printed.
    fn check(&self) -> Result<String, Error> {
        let digest = |v: &str| v.len() == 64 && v.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        for file in &self.files {
            for value in [&file.sha256, &file.sm3] {
                if !digest(value) {
                    let expected = "64 lower-case hexadecimal digits".into();
                    return Err(Error::Malformed { what: "digest", found: printable(value), expected });
                }
            }
        }
        let mut out: Vec<&str> = vec![&self.id, &self.institution, &self.roots.zh, &self.roots.en, &self.software.zh];
        out.push(&self.software.en);
        out.extend(self.key.as_deref());
        out.extend(self.record.as_deref());
        out.extend(self.files.iter().map(|f| f.name.as_str()));
        for block in &self.blocks {
            both(&mut out, &block.title);
            block.seen.iter().for_each(|s| s.push(&mut out));
            block.beyond.iter().for_each(|w| both(&mut out, w));
        }
        for article in &self.articles {
            both(&mut out, &article.rule);
            both(&mut out, &article.source);
            for asked in &article.asked {
                out.push(&asked.item);
                both(&mut out, &asked.question);
                asked.seen.iter().for_each(|s| s.push(&mut out));
                asked.beyond.iter().for_each(|w| both(&mut out, w));
            }
        }
        self.checks.iter().for_each(|s| s.push(&mut out));
        self.nots.iter().for_each(|w| both(&mut out, w));
        if out.len() > MAX_LINES * 4 {
            return Err(Error::TooLarge { what: "lines of the report", found: out.len(), limit: MAX_LINES * 4 });
        }
        match out.iter().find(|t| t.chars().count() > MAX_TEXT) {
            Some(long) => Err(Error::TooLarge { what: "text", found: long.chars().count(), limit: MAX_TEXT }),
            None => Ok(out.concat()),
        }
    }
}

impl Seen {
    fn texts<'a>(&'a mut self, out: &mut Vec<&'a mut String>) {
        out.extend([&mut self.text.zh, &mut self.text.en]);
        if let Some((expected, found)) = &mut self.values {
            out.extend([expected, found]);
        }
    }

    fn push<'a>(&'a self, out: &mut Vec<&'a str>) {
        out.push(&self.id);
        both(out, &self.text);
        if let Some((expected, found)) = &self.values {
            out.extend([expected.as_str(), found.as_str()]);
        }
    }
}

fn both<'a>(out: &mut Vec<&'a str>, words: &'a Words) {
    out.extend([words.zh.as_str(), words.en.as_str()]);
}
