//! A node's verification report (spec/verification-report.md): who stands for it, and the evidence that it carries.
//!
//! Rules: what the report concludes is its node's. Nothing of it, nor of the trust that it carries, counts here: its
//! evidence is verified as if it had been given alone. A report inside a report is for another run.

use super::{Carried, Entries, Walk, certificate::Paper, check_certificate_beside, check_package_beside, unreadable};
use crate::{Check, Original, Outcome, Overall, Reported, Trust, Verdict, given::is_trust, verdict::clean, words};
use archive::{pdf::CertificatePdf, wacz::Source};
use evidence::{
    Error, Result,
    digest::FileDigests,
    hex,
    time::{SECOND, Utc},
};
use serde::Deserialize;

const ID: &str = "report";
const WHAT: &str = "verification report";
/// Says that the file is one.
const ANSWER: &str = "verification.json";
const EVIDENCE: [&str; 2] = ["evidence.pdf", "evidence.zip"];

const PAPER: Paper = Paper { id: ID, zh: "核验报告", en: "report" };

/// What is read of the answer; its other members are for people and their programs.
#[derive(Deserialize)]
struct Answer {
    report: String,
    checked: String,
    result: Overall,
    files: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    size: u64,
    sha256: String,
    sm3: String,
}

pub(super) fn is_report(read: &CertificatePdf) -> bool {
    read.attachments.iter().any(|(name, _)| name == ANSWER)
}

/// The evidence inside a verification report; `None` where `bytes` are no report, or one that carries none.
pub fn reported(bytes: &[u8]) -> Option<Vec<u8>> {
    let read = archive::pdf::read(bytes).ok().filter(is_report)?;
    read.attachments.into_iter().find(|(name, _)| EVIDENCE.contains(&name.as_str())).map(|(_, bytes)| bytes)
}

/// The evidence by the reader's trust, and beside it the report's own check.
pub(super) fn check(
    bytes: &[u8],
    read: &CertificatePdf,
    trust: &Trust,
    originals: &[Original],
    wacz: Option<&mut dyn Source>,
    now: Utc,
) -> Verdict {
    let evidence = match carried(read) {
        Ok(evidence) => evidence,
        Err(e) => return unreadable(&e, None, trust, now),
    };
    let open = |zh: &str, en: &str| {
        let mut walk = Walk::new(const { &Entries::new() }, trust, now);
        walk.nothing_but(Check::new("form", Outcome::NotChecked, zh, en));
        walk.verdict()
    };
    let mut verdict = match evidence {
        Some((_, inner)) if archive::pdf::read(inner).is_ok_and(|read| is_report(&read)) => open(
            "报告所附的证据本身也是一份核验报告；请用 pdfdetach 取出，单独核验。",
            "The evidence attached to the report is a verification report itself; take it out with pdfdetach and verify it alone.",
        ),
        Some((name, inner)) if name == EVIDENCE[0] => check_certificate_beside(inner, trust, originals, wacz, now),
        Some((_, inner)) => check_package_beside(inner, trust, originals, wacz, now),
        None => open(
            "报告没有附上证据（超过 48 MiB）；请核验证据本身，其摘要在报告的 verification.json 中。",
            "The report carries no evidence (over 48 MiB); verify the evidence itself, whose digests are in the report's verification.json.",
        ),
    };
    let entries: Entries = read.attachments.iter().cloned().collect();
    let mut walk = Walk::new(&entries, trust, now);
    walk.certificate = Some(Carried::Itself(bytes, read));
    let (check, said) = match answer(read, evidence, now) {
        Ok(said) => (walk.paper(bytes, read, &PAPER), Some(said)),
        Err(e) => (Check::error(ID, &e), None),
    };
    verdict.facts.report = said;
    verdict.checks.push(check);
    super::in_order(&mut verdict.checks);
    verdict.result = Overall::of(&verdict.checks);
    if verdict.result == Overall::NotVerified {
        verdict.shows.clear();
    }
    verdict.does_not_show = words::does_not_show(&verdict.checks, &verdict.facts);
    verdict
}

/// The one piece of evidence, where there is one; every other file has a report's names.
fn carried(read: &CertificatePdf) -> Result<Option<(&str, &[u8])>> {
    let known = |name: &str| {
        [ANSWER, "node-checkpoint.txt"].contains(&name)
            || EVIDENCE.contains(&name)
            || name.strip_prefix("trust-").is_some_and(is_trust)
    };
    let names = read.attachments.iter().map(|(name, _)| name.as_str());
    if let Some(name) = names.clone().find(|name| !known(name)) {
        return Err(Error::malformed(WHAT, format!("{name} attached"), "a report's files only"));
    }
    let mut pieces = read.attachments.iter().filter(|(name, _)| EVIDENCE.contains(&name.as_str()));
    match (pieces.next(), pieces.next()) {
        (Some(_), Some(_)) => Err(Error::malformed(WHAT, "two pieces of evidence", "one")),
        (one, _) => Ok(one.map(|(name, bytes)| (name.as_str(), bytes.as_slice()))),
    }
}

/// What the report says of itself; it speaks of the evidence that it carries.
fn answer(read: &CertificatePdf, evidence: Option<(&str, &[u8])>, now: Utc) -> Result<Reported> {
    let bytes = read.attachments.iter().find(|(name, _)| name == ANSWER).map(|(_, bytes)| bytes.as_slice());
    let refuse = |found: String, expected: &str| Error::malformed(ANSWER, found, expected);
    let said: Answer = serde_json::from_slice(bytes.unwrap_or_default())
        .map_err(|e| refuse(e.to_string(), "report, checked, result, files"))?;
    let plain = said.report.len() == 36 && said.report.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    if !plain {
        return Err(refuse(clean(said.report.chars().take(80).collect()), "a number of 36 characters"));
    }
    let checked = Utc::parse_micros(&said.checked)?;
    if checked > now.plus(60 * SECOND) {
        let latest = words::date(now.plus(60 * SECOND));
        return Err(Error::mismatch("time of the report and the reader's clock", words::date(checked), latest));
    }
    let first = said.files.first().ok_or_else(|| refuse("no files".into(), "the evidence first"))?;
    if let Some((name, inner)) = evidence {
        let found = FileDigests::of(inner);
        let stated = (first.size, first.sha256.as_str(), first.sm3.as_str());
        if stated != (found.size, &hex::encode(&found.sha256), &hex::encode(&found.sm3)) {
            let stated = clean(format!("{} bytes, SHA-256 {:.64}, SM3 {:.64}", first.size, first.sha256, first.sm3));
            return Err(Error::mismatch(
                if name == EVIDENCE[0] { "evidence.pdf and the report" } else { "evidence.zip and the report" },
                words::digests(&found),
                stated,
            ));
        }
    }
    Ok(Reported { number: said.report, checked, result: said.result })
}

impl Reported {
    /// Whose conclusion it was, and that it is nobody else's.
    pub(crate) fn told(&self) -> [String; 2] {
        let (zh, en) = match self.result {
            Overall::Verified => ("核验一致", "consistent"),
            Overall::NotVerified => ("核验不一致", "not consistent"),
            Overall::Incomplete => ("尚不完整", "incomplete"),
        };
        let (date, number) = (words::date(self.checked), &self.number);
        [
            format!(
                "所给的是一份核验报告（编号 {number}），出具者称于 {date} 核验，结论为“{zh}”。那是出具者按其自己的副本和信任得出的，不是这里的结论；这里核验的是报告所附的证据。报告所附的信任配置和节点检查点未检查。"
            ),
            format!(
                "What was given is a verification report ({number}); whoever made it says that it was made on {date} and came to \"{en}\". That was by its maker's own copy and trust, and is not concluded here: what is verified here is the evidence attached to it. The trust and the node's checkpoint attached to it were not checked."
            ),
        ]
    }
}
