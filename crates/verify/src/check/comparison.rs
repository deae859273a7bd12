//! A comparison's document: its form, and what it and its record say about each other.
//!
//! Nothing is compared anew here: that needs pictures, and this room has none. Who has them hands in what came of it,
//! [`crate::Verdict::with_distances`].

use super::Walk;
use crate::{Check, Original, Outcome, Sentence, verdict::clean};
use archive::wacz::Source;
use evidence::{
    Error, Result,
    comparison::{
        Against, Captured, Comparison, Differences, Ended, Licence, MAX_BYTES, MAX_FACTS, Place, Scan, Similarity,
        State,
    },
    json::Value,
    statement::{Ref, Statement},
};
use std::io::{Read, SeekFrom};

const ID: &str = "comparison";
const DISTANCES: &str = "comparison-distances";

impl Walk<'_> {
    /// The document in the package, or beside it.
    pub(super) fn document(&mut self) -> Result<Comparison> {
        if let Some(bytes) = self.entries.get("comparison.json") {
            return Comparison::parse(bytes);
        }
        let missing = |e: String| Error::Missing { what: "comparison.json", missing: e };
        let Some(source) = self.wacz.as_mut() else { return Err(missing("its bytes".into())) };
        let bytes = all(&mut **source).map_err(|e| missing(format!("its bytes ({e})")))?;
        // What lies beside may be the capture's file, which is a source and not the document.
        if bytes.starts_with(b"PK\x03\x04") {
            return Err(missing("its bytes".into()));
        }
        Comparison::parse(&bytes)
    }

    /// Given files that the document names are its sources, not the record's file.
    pub(super) fn without_sources<'o>(&self, originals: &'o [Original]) -> Vec<&'o Original> {
        let sources = match &self.comparison {
            Some(Ok(document)) => document.sources(),
            _ => Vec::new(),
        };
        originals.iter().filter(|o| !sources.contains(&o.digests.sha256)).collect()
    }

    /// The two checks of a comparison.
    pub(super) fn comparison(&mut self, statement: &Statement) {
        let Some(document) = self.comparison.take() else { return };
        let held = document.and_then(|document| self.agrees(statement, &document).map(|()| document));
        match held {
            Ok(document) => {
                self.checks.push(said(&document));
                self.facts.comparison = Some(Box::new(document));
            }
            Err(e) => self.checks.push(Check::error(ID, &e)),
        }
        let (zh, en) = (
            "没有重新计算：距离需要由取证文件和登记的原件重新得出。",
            "Not computed again: distances take the capture's file and the registered originals.",
        );
        self.checks.push(Check::new(DISTANCES, Outcome::NotChecked, zh, en).optional());
    }

    fn agrees(&self, statement: &Statement, document: &Comparison) -> Result<()> {
        if let Some((record, _)) = document.named().into_iter().find(|(r, _)| r.ledger != statement.ledger) {
            return Err(Error::mismatch("ledger of a compared record", &record.ledger, &statement.ledger));
        }
        if document.compared_at > statement.received_at {
            let expected = format!("<= {} (received_at)", statement.received_at.to_micros());
            return Err(Error::mismatch("compared_at", document.compared_at.to_micros(), expected));
        }
        let refs = Value::Array(document.refs().iter().map(Ref::to_value).collect());
        match self.facts.claims.get("refs") {
            Some(stated) if *stated == refs => {}
            Some(stated) => return Err(Error::mismatch("refs of the comparison", stated, refs)),
            None => return Err(Error::Missing { what: "disclosed by the comparison", missing: "refs".into() }),
        }
        match self.facts.claims.get("url").and_then(Value::as_str) {
            Some(stated) if Some(stated) != document.capture.url.as_deref() => {
                let found = document.capture.url.clone().unwrap_or_else(|| "null".into());
                Err(Error::mismatch("url of the comparison", found, stated))
            }
            _ => Ok(()),
        }
    }
}

/// One licence as a document tells of it, in calm words: what it says, never what somebody did.
pub fn licence_words(licence: &Licence, capture: &Captured) -> Sentence {
    let (who, from) = (clean(licence.licensee.clone()), &licence.from);
    let (until, until_en) = match &licence.until {
        Some(until) => (format!("至 {until}"), format!("until {until}")),
        None => ("，未写明终止日期".to_owned(), "without a stated end".to_owned()),
    };
    let state = licence.state(capture);
    let end = |e: &Ended| (e.from.clone(), e.record.id.clone());
    let (day, by) = licence.ended.as_ref().map(end).unwrap_or_default();
    let (mut zh, mut en) = match state {
        State::Valid => (format!("已许可“{who}”使用{until}"), format!("Licensed to \"{who}\" {until_en}")),
        State::Coming => (
            format!("许可“{who}”自 {from} 起，取证当日尚未开始"),
            format!("Licensed to \"{who}\" from {from}: not yet on the day of the capture"),
        ),
        State::Over => (
            format!("许可“{who}”{until}，取证当日已到期"),
            format!("Licensed to \"{who}\" {until_en}: over on the day of the capture"),
        ),
        State::Ended => (
            format!("对“{who}”的许可已自 {day} 起终止（终止记录 {by}）"),
            format!("The licence to \"{who}\" ended on {day} (record {by})"),
        ),
    };
    match &licence.place {
        Place::Page(pattern) => {
            let pattern = clean(pattern.clone());
            zh.push_str(&format!("；网址相符（{pattern}）"));
            en.push_str(&format!("; its pattern {pattern} fits the page"));
        }
        Place::Any => {
            zh.push_str("；未限网址");
            en.push_str("; it states no address");
        }
        Place::Elsewhere => {
            zh.push_str("；所写网址不含本页");
            en.push_str("; its addresses do not cover this page");
        }
    }
    if licence.pairs.is_empty() {
        zh.push_str("；未写明所列各对中的图片");
        en.push_str("; it names none of the pictures found");
    } else {
        let mut numbers: Vec<String> = licence.pairs.iter().take(12).map(|p| (p + 1).to_string()).collect();
        if licence.pairs.len() > numbers.len() {
            numbers.push("…".to_owned());
        }
        zh.push_str(&format!("；涉及第 {} 对", numbers.join("、")));
        en.push_str(&format!("; it names the pictures of pairs {}", numbers.join(", ")));
    }
    if state != State::Ended && licence.ended.is_some() {
        zh.push_str(&format!("；取证之后自 {day} 起终止（终止记录 {by}）"));
        en.push_str(&format!("; after the capture it ended on {day} (record {by})"));
    }
    let id = &licence.record.id;
    Sentence::new(format!("{zh}（许可 {id}）。"), format!("{en} (licence {id})."))
}

/// What it says of licences, in both languages; nothing where it does not tell.
fn licences(document: &Comparison) -> (String, String) {
    let Some(licences) = &document.licences else { return (String::new(), String::new()) };
    let standing =
        |l: &&Licence| l.state(&document.capture) == State::Valid && matches!(l.place, Place::Page(_) | Place::Any);
    let (found, standing) = (licences.found, licences.listed.iter().filter(standing).count());
    (
        format!("涉及本页或这些图片的许可 {found} 份，取证当日有效且网址相符或不限网址的 {standing} 份。"),
        format!(
            " It tells of {found} licences that speak of the page or of these pictures, {standing} of which stood on the day of the capture and fit its address or state none."
        ),
    )
}

/// What the document says, as its own words: nothing of it was looked at again.
fn said(document: &Comparison) -> Check {
    let (more_zh, more_en) = licences(document);
    let (zh, en) = match &document.against {
        Against::Registered(scan) => {
            let count = |word| scan.pairs.iter().filter(|p| p.similarity() == word).count();
            let (identical, close, possible) =
                (count(Similarity::Identical), count(Similarity::Close), count(Similarity::Possible));
            let (images, records, found, listed) =
                (scan.images_found, scan.records, scan.pairs_found, scan.pairs.len() as u64);
            let of_listed = |zh: &str, en: &str| match found > listed {
                true => (format!("{zh}（列出 {listed} 对）"), format!("{en} ({listed} of them listed)")),
                false => (zh.to_owned(), en.to_owned()),
            };
            let (zh, en) = of_listed(&format!("找到 {found} 对"), &format!("{found} pairs found"));
            let (left_zh, left_en) = left_out(scan);
            (
                format!(
                    "比对文件格式正确，与记录一致。平台所述：页面图像 {images} 幅{left_zh}，登记记录 {records} 条；{zh}：字节相同 {identical} 对，相近 {close} 对，可能相近 {possible} 对。"
                ),
                format!(
                    "The document has its form and agrees with its record. The platform says: {images} images on the page{left_en}, {records} registered records; {en}: of the same bytes {identical}, close {close}, possible {possible}."
                ),
            )
        }
        Against::Earlier(earlier, differences) => {
            let images = &differences.images;
            let lines = differences.text.as_ref().map_or((0, 0), |t| (t.added_found, t.removed_found));
            let id = clean(earlier.record.id.clone());
            let (cut_zh, cut_en) = cut(differences);
            (
                format!(
                    "比对文件格式正确，与记录一致。平台所述：与取证 {id} 相比，文字新增 {} 行、减少 {} 行，图像新增 {} 幅、减少 {} 幅{cut_zh}。",
                    lines.0, lines.1, images.added_found, images.removed_found
                ),
                format!(
                    "The document has its form and agrees with its record. The platform says: against capture {id}, {} lines of text and {} images were added, {} lines and {} images are gone{cut_en}.",
                    lines.0, images.added_found, lines.1, images.removed_found
                ),
            )
        }
    };
    Check::new(ID, Outcome::Pass, format!("{zh}{more_zh}"), format!("{en}{more_en}"))
}

/// What the document had no room to list, in both languages; nothing where it lists all.
fn cut(differences: &Differences) -> (String, String) {
    let sides = |added: usize, removed: usize, found: u64| Some((added + removed) as u64).filter(|n| *n < found);
    let text = differences
        .text
        .as_ref()
        .and_then(|t| sides(t.added.len(), t.removed.len(), t.added_found.saturating_add(t.removed_found)));
    let images = &differences.images;
    let images =
        sides(images.added.len(), images.removed.len(), images.added_found.saturating_add(images.removed_found));
    // Of facts there is no count: a full list may have been cut.
    let facts = differences.facts.as_ref().map(|f| f.len()).filter(|n| *n == MAX_FACTS);
    let parts = [
        text.map(|n| (format!("文字列出 {n} 行"), format!("{n} lines"))),
        images.map(|n| (format!("图像列出 {n} 幅"), format!("{n} images"))),
        facts.map(|n| (format!("商品信息列出 {n} 项，可能不止"), format!("{n} facts of perhaps more"))),
    ];
    let (zh, en): (Vec<_>, Vec<_>) = parts.into_iter().flatten().unzip();
    if zh.is_empty() {
        return (String::new(), String::new());
    }
    (
        format!("（文件未列全：{}）", zh.join("，")),
        format!(" (not all are in the document: {} are listed)", en.join(", ")),
    )
}

/// Images of the page that were not compared as pictures, and why, in both languages; nothing where all were.
fn left_out(scan: &Scan) -> (String, String) {
    const WHY: [(&str, &str, &str); 5] = [
        ("format", "格式不支持", "of another format"),
        ("broken", "损坏", "broken"),
        ("too-large", "过大", "too large"),
        ("small", "过小", "too small"),
        ("flat", "过于单调", "too plain"),
    ];
    let count = |word: &str| scan.images.iter().filter(|i| i.result == word).count() as u64;
    let more = scan.images_found.saturating_sub(scan.images.len() as u64);
    let counted = WHY.map(|(word, zh, en)| (count(word), zh, en));
    let counted = counted.into_iter().chain([(more, "未列出", "not listed")]).filter(|(n, ..)| *n > 0);
    let (zh, en): (Vec<_>, Vec<_>) =
        counted.clone().map(|(n, zh, en)| (format!("{zh} {n}"), format!("{n} {en}"))).unzip();
    match counted.map(|(n, ..)| n).sum::<u64>() {
        0 => (String::new(), String::new()),
        n => (
            format!("（其中 {n} 幅未作为图片比对：{}）", zh.join("，")),
            format!(" ({n} of them not compared as pictures: {})", en.join(", ")),
        ),
    }
}

fn all(source: &mut dyn Source) -> std::io::Result<Vec<u8>> {
    source.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    // One byte more than is allowed, so that the parser sees that it is too many.
    source.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use evidence::comparison::{Changes, Fact};

    #[test]
    fn a_list_that_was_cut_is_said() {
        let lines =
            |n: usize, found| Changes { added: vec!["a".to_owned(); n], added_found: found, ..Changes::default() };
        let whole = Differences { text: Some(lines(2, 2)), ..Differences::default() };
        assert_eq!(cut(&whole), (String::new(), String::new()));
        let fact = Fact { name: "price".into(), earlier: None, later: None };
        let images = Changes { removed: vec![[7; 32]; 500], removed_found: 501, ..Changes::default() };
        let cut_short = Differences { text: Some(lines(500, 900)), images, facts: Some(vec![fact; MAX_FACTS]) };
        let (zh, en) = cut(&cut_short);
        assert_eq!(zh, "（文件未列全：文字列出 500 行，图像列出 500 幅，商品信息列出 64 项，可能不止）");
        assert_eq!(en, " (not all are in the document: 500 lines, 500 images, 64 facts of perhaps more are listed)");
    }
}
