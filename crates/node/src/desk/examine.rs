//! One look at evidence: the verdict by the institution's trust, the node's own copy beside it, and what both answer.

use super::{
    Desk,
    answer::{self, Later, OwnCopy},
};
use crate::Result;
use certificate::{Article, Block, Examined as File, Outcome, Seen, Verdict as Word, Words};
use evidence::{digest, hex, time::Utc};
use verify::{Artefact, Facts, Original, Overall, Verdict, check_given};

/// Later records that are looked through for one answer.
const MAX_LATER: u64 = 1_000_000;
/// What only a node can look at; it counts beside the verdict.
const OWN: [&str; 3] = ["own-copy", "own-refs", "ledger-alarms"];

/// What was laid on the desk.
pub struct Given {
    /// As it was called.
    pub name: String,
    /// A certificate (PDF) or a package (ZIP), whole.
    pub evidence: Vec<u8>,
    /// Digests of the originals.
    pub originals: Vec<Original>,
    /// An original that may be the record's own file, whole.
    pub beside: Option<Vec<u8>>,
}

/// What came of it.
pub struct Examined {
    /// By the institution's trust.
    pub verdict: Verdict,
    /// The verdict in one word, this node's own copy heard.
    pub word: Word,
    /// The node's own copy.
    pub copy: OwnCopy,
    /// Every line, the node's own last.
    pub seen: Vec<Seen>,
    /// In the order in which a judge decides.
    pub blocks: Vec<Block>,
    /// Under the rules that ask.
    pub articles: Vec<Article>,
    /// The evidence first, then the originals.
    pub files: Vec<File>,
    /// Whose trust.
    pub roots: Words,
    /// By the node's clock.
    pub at: Utc,
    /// The report's number.
    pub id: String,
    /// As it was laid down.
    pub evidence: Vec<u8>,
    /// The files of the trust that was used.
    pub trust: Vec<(String, Vec<u8>)>,
    /// The node's own signed checkpoint that the copy stood at, where it keeps that ledger.
    pub held: Option<Vec<u8>>,
}

impl Examined {
    /// Whether a required check, the ledger key's role or what this node saw of the ledger is limited.
    pub fn reserved(&self) -> bool {
        let own = |s: &Seen| OWN.contains(&s.id.as_str()) && s.result == Some(Outcome::Limited);
        self.verdict.has_reservations() || self.seen.iter().any(own)
    }

    /// What the node's API answers: the verdict as `quezao verify --json` has it, and what the desk adds.
    pub fn to_json(&self) -> serde_json::Value {
        let mut value = serde_json::to_value(&self.verdict).unwrap_or_default();
        let more = serde_json::json!({
            "result": self.word, "own_copy": self.copy.seen(), "decisions": self.blocks, "articles": self.articles,
            "files": self.files, "trust": self.roots, "checked": self.at.to_micros(), "report": self.id,
        });
        if let (Some(members), serde_json::Value::Object(more)) = (value.as_object_mut(), more) {
            members.extend(more);
        }
        value
    }
}

impl Desk {
    /// Verifies what was given.
    pub(super) fn examine(&self, given: Given, now: Utc) -> Result<Examined> {
        let (trust, count, trust_files) = self.trust()?;
        let mut beside = given.beside.map(std::io::Cursor::new);
        let source = beside.as_mut().map(|s| s as &mut dyn archive::wacz::Source);
        let verdict = check_given(Artefact::File(&given.evidence), &trust, &given.originals, source, now);
        // Of a report it is the evidence inside that has a checkpoint.
        let reported = verify::reported(&given.evidence);
        let evidence = reported.as_deref().unwrap_or(&given.evidence);
        self.hear(evidence, &verdict.facts, now);
        let own = verdict.facts.checkpoint.as_ref().and_then(|(origin, ..)| self.node.of_origin(origin));
        let held = own.and_then(crate::Watched::mirrored).map(|held| held.note);
        let copy = self.own_copy(&verdict.facts, evidence, now);
        let own = [Some(copy.seen()), self.references(&verdict.facts), self.alarmed(&verdict.facts)];
        let seen = answer::lines(&verdict, own.into_iter().flatten(), self.later(&verdict.facts, &copy));
        let unknown = seen.iter().any(|s| s.id == "ledger-alarms" && s.result == Some(Outcome::NotChecked));
        let fails = |s: &Seen| OWN.contains(&s.id.as_str()) && s.result == Some(Outcome::Fail);
        let word = match verdict.result {
            _ if seen.iter().any(fails) => Word::NotVerified,
            // Neither a larger tree nor a copy that was taken away keeps what this node holds out of it.
            Overall::Verified if matches!(copy, OwnCopy::Behind { .. } | OwnCopy::Unread) || unknown => {
                Word::Incomplete
            }
            Overall::Verified => Word::Verified,
            Overall::NotVerified => Word::NotVerified,
            Overall::Incomplete => Word::Incomplete,
        };
        let evidence = digest::FileDigests::of(&given.evidence);
        let listed =
            [(given.name, evidence)].into_iter().chain(given.originals.into_iter().map(|o| (o.name, o.digests)));
        let files = listed.map(|(name, d)| File {
            name,
            size: d.size,
            sha256: hex::encode(&d.sha256),
            sm3: hex::encode(&d.sm3),
        });
        let roots = match count {
            0 => Words::new(
                "只有本节点所跟随账本的公钥，没有信任文件夹",
                "only the keys of the ledgers that this node follows; there is no trust folder",
            ),
            n => Words::new(
                format!("{} 自己的信任文件夹（{n} 个文件）", self.institution()),
                format!("{}'s own trust folder ({n} files)", self.institution()),
            ),
        };
        Ok(Examined {
            blocks: answer::blocks(&verdict, &seen),
            articles: answer::articles(&verdict, &seen),
            files: files.collect(),
            word,
            copy,
            seen,
            verdict,
            roots,
            at: now,
            id: report_number(now)?,
            evidence: given.evidence,
            trust: trust_files,
            held,
        })
    }
}

impl Desk {
    /// What the copy holds behind the evidence's checkpoint; `None` where it does not agree, or that is too much to read.
    fn later(&self, facts: &Facts, copy: &OwnCopy) -> Option<Later> {
        let (OwnCopy::Agrees { size }, Some((origin, after, _))) = (copy, &facts.checkpoint) else { return None };
        let looked = size.checked_sub(*after).filter(|n| *n <= MAX_LATER)?;
        let watched = self.node.of_origin(origin)?;
        let file = facts.statement.as_ref()?.file.as_ref().map(|f| format!("\"{}\"", hex::encode(&f.digests.sha256)));
        let mut same = 0;
        for leaf in watched.tree().entries(*after, *size) {
            let leaf = leaf.ok()?;
            let text = std::str::from_utf8(&leaf).unwrap_or_default();
            same += u64::from(file.as_ref().is_some_and(|digest| text.contains(digest)));
        }
        Some(Later { after: *after, looked, same })
    }
}

/// UUIDv7 of the node's clock.
fn report_number(now: Utc) -> Result<String> {
    let millis = u64::try_from(now.0.div_euclid(1000)).unwrap_or_default();
    Ok(uuid::Builder::from_unix_timestamp_millis(millis, &crate::keys::random()?).into_uuid().to_string())
}
