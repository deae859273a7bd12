//! From a verdict to what a judge reads: each question beside the checks that speak to it, with both values.
//!
//! Nothing is decided here. A sentence is the check's own; a fact that was read is marked as read; a question that neither
//! checks nor software can answer says so.

use super::rules::{DECISIONS, Decision, Item, Only, Pair, RULES, Stated};
use certificate::{Article, Asked, Block, Outcome, Seen, Words};
use evidence::{json::Value, statement::Kind};
use verify::Verdict;

/// What this node's own copy says about the evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnCopy {
    /// This node follows no ledger of that origin.
    Unknown {
        /// The evidence's origin, where it was read.
        origin: Option<String>,
    },
    /// It follows that ledger, and its copy is not there or cannot be read.
    Unread,
    /// The evidence's checkpoint is larger than the copy, so its root cannot be compared.
    Behind {
        /// Entries of the copy.
        size: u64,
        /// The copy has come to the record's place, and holds the same record there.
        place: bool,
    },
    /// The copy has this record at this place, and this root at this size.
    Agrees {
        /// Entries of the copy.
        size: u64,
    },
    /// It has something else.
    Differs {
        /// Entries of the copy.
        size: u64,
        /// What the evidence says.
        expected: String,
        /// What the copy holds.
        found: String,
    },
}

impl OwnCopy {
    /// As one line among the checks.
    pub fn seen(&self) -> Seen {
        let (result, zh, en, values) = match self {
            Self::Unknown { origin: Some(origin) } => (
                Outcome::NotChecked,
                format!("本节点没有账本 {origin} 的副本。"),
                format!("This node keeps no copy of the ledger {origin}."),
                None,
            ),
            Self::Unknown { origin: None } => (
                Outcome::NotChecked,
                "证据中没有可核对的检查点。".to_owned(),
                "The evidence has no checkpoint to compare with.".to_owned(),
                None,
            ),
            Self::Unread => (
                Outcome::NotChecked,
                "本节点跟随这个账本，但自己的副本目前没有内容或无法读取；副本恢复以后须再核验。".to_owned(),
                "This node follows that ledger, and its own copy is empty or cannot be read just now; verify again once it is there.".to_owned(),
                None,
            ),
            Self::Behind { size, place: false } => (
                Outcome::Limited,
                format!("本节点的副本有 {size} 条，尚未到证据的检查点；副本跟上以后须再核验。"),
                format!(
                    "This node's copy has {size} entries and has not come to the evidence's checkpoint; verify again once it has."
                ),
                None,
            ),
            Self::Behind { size, place: true } => (
                Outcome::Limited,
                format!(
                    "本节点自己的副本（{size} 条）在同一位置是同一条记录，但尚未到证据的检查点；副本跟上以后须再核验。"
                ),
                format!(
                    "This node's own copy ({size} entries) holds the same record at the same place, and has not come to the evidence's checkpoint; verify again once it has."
                ),
                None,
            ),
            Self::Agrees { size } => (
                Outcome::Pass,
                format!("本节点自己的副本（{size} 条）中，同一位置是同一条记录，检查点的根也相同。"),
                format!(
                    "This node's own copy ({size} entries) holds the same record at the same place, and the same root."
                ),
                None,
            ),
            Self::Differs { size, expected, found } => (
                Outcome::Fail,
                format!("本节点自己的副本（{size} 条）与证据不同。"),
                format!("This node's own copy ({size} entries) differs from the evidence."),
                Some((expected.clone(), found.clone())),
            ),
        };
        Seen { id: "own-copy".into(), result: Some(result), text: Words::new(zh, en), values }
    }
}

/// What the node's copy holds after the evidence's checkpoint, which no package can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Later {
    /// Size of the evidence's checkpoint.
    pub after: u64,
    /// Records behind it that were looked at.
    pub looked: u64,
    /// Those that register the same file.
    pub same: u64,
}

impl Later {
    /// In place of the check that a reader without a copy cannot make.
    fn seen(self) -> Seen {
        let Self { after, looked, same } = self;
        let zh = format!(
            "账本第 {after} 条之后，本节点的副本还有 {looked} 条记录，其中 {same} 条登记同一文件；针对这条记录的后来声明只以加盐摘要写入，从账本上看不出。"
        );
        let en = format!(
            "After size {after} this node's copy has {looked} more records, {same} of which register the same file; later claims about this record are salted digests there and cannot be seen."
        );
        Seen { id: "later-records".into(), result: None, text: Words::new(zh, en), values: None }
    }
}

/// What was seen, line by line, what only this node can see last.
pub(super) fn lines(verdict: &Verdict, own: impl Iterator<Item = Seen>, later: Option<Later>) -> Vec<Seen> {
    let known = |c: &&verify::Check| c.id != "later-records" || later.is_none();
    let checks = verdict.checks.iter().filter(known).map(|c| Seen {
        id: c.id.clone(),
        result: Some(outcome(c.result)),
        text: Words::new(c.zh.clone(), c.en.clone()),
        values: c.expected.clone().zip(c.found.clone()),
    });
    checks.chain(later.map(Later::seen)).chain(own).collect()
}

/// In the order in which a judge decides.
pub(super) fn blocks(verdict: &Verdict, seen: &[Seen]) -> Vec<Block> {
    let of = Of::new(verdict);
    let block = |d: &Decision| Block {
        title: words(d.asks),
        seen: stated(d.stated, verdict).into_iter().chain(speaking(d.checks, seen)).collect(),
        beyond: of.beyond(d.beyond).collect(),
    };
    // A question about what is not there, such as another node's report, is not asked.
    let said = |b: &Block| !(b.seen.is_empty() && b.beyond.is_empty());
    DECISIONS.iter().filter(|d| of.is(d.only)).map(block).filter(said).collect()
}

/// Under the rules that ask.
pub(super) fn articles(verdict: &Verdict, seen: &[Seen]) -> Vec<Article> {
    let of = Of::new(verdict);
    let asked = |i: &Item| {
        let said: Vec<Words> = of.beyond(i.beyond).collect();
        let joined = |text: fn(&Words) -> &str, gap: &str| said.iter().map(text).collect::<Vec<_>>().join(gap);
        Asked {
            item: i.item.to_owned(),
            question: words(i.asks),
            seen: speaking(i.checks, seen).collect(),
            beyond: (!said.is_empty()).then(|| Words::new(joined(|w| &w.zh, ""), joined(|w| &w.en, " "))),
        }
    };
    let article = |r: &super::rules::Rule| Article {
        rule: words(r.name),
        source: words(r.source),
        asked: r.items.iter().map(asked).collect(),
    };
    RULES.iter().map(article).collect()
}

/// What sort of record it is. One that could not be read is asked what a file is asked.
#[derive(Clone, Copy)]
struct Of {
    capture: bool,
    file: bool,
}

impl Of {
    fn new(verdict: &Verdict) -> Self {
        let statement = verdict.facts.statement.as_ref();
        Self {
            capture: statement.is_some_and(|s| s.kind == Kind::Capture),
            file: statement.is_none_or(|s| s.file.is_some()),
        }
    }

    fn is(self, only: Only) -> bool {
        only.fits(self.capture, self.file)
    }

    fn beyond(self, all: &'static [(Only, Pair)]) -> impl Iterator<Item = Words> {
        all.iter().filter(move |(only, _)| self.is(*only)).map(|(_, pair)| words(*pair))
    }
}

fn words((zh, en): Pair) -> Words {
    Words::new(zh, en)
}

/// Of what was seen, the lines of these checks, numbered or not.
fn speaking<'a>(names: &'a [&'a str], seen: &'a [Seen]) -> impl Iterator<Item = Seen> + 'a {
    names.iter().flat_map(move |name| seen.iter().filter(move |s| is(&s.id, name)).cloned())
}

fn is(id: &str, name: &str) -> bool {
    let number = id.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
    id == name || number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// Facts that were read on the way; only where what carries them holds.
fn stated(which: Stated, verdict: &Verdict) -> Vec<Seen> {
    let holds = |id: &str| {
        verdict.find(id).is_some_and(|c| matches!(c.result, verify::Outcome::Pass | verify::Outcome::Limited))
    };
    let Some(statement) = verdict.facts.statement.as_ref().filter(|_| holds("statement")) else { return Vec::new() };
    let claim = |name: &str| {
        verdict.facts.claims.get(name).filter(|_| holds("disclosures")).and_then(Value::as_str).map(str::to_owned)
    };
    let line = |zh: &str, en: &str, value: String| {
        let (said_zh, said_en) = match value.as_str() {
            "self-declared" => ("存证主体自行填写，无人核实", "as the owner entered it, checked by nobody"),
            other => (other, other),
        };
        let text = Words::new(format!("{zh}：{said_zh}"), format!("{en}: {said_en}"));
        Seen { id: "stated".into(), result: None, text, values: None }
    };
    match which {
        Stated::Received => {
            vec![line(
                "平台时钟所记的收到时间",
                "Received, by the platform's clock",
                super::pages::both(statement.received_at),
            )]
        }
        Stated::Owner => [
            ("owner_name", "存证主体", "Owner"),
            ("owner_code", "统一社会信用代码", "Unified social credit code"),
            ("owner_id_masked", "身份证号（隐去）", "Identity number (masked)"),
            ("identity_method", "身份如何确定（运营者的说法）", "How identity was established (the operator's word)"),
            ("acting_account", "办理账号", "Acting account"),
            ("author", "作者（存证主体的说法）", "Author (the owner's word)"),
        ]
        .into_iter()
        .filter_map(|(name, zh, en)| claim(name).map(|value| line(zh, en, value)))
        .collect(),
        Stated::Before => [
            ("completed_at", "完成日期（存证主体的说法）", "Completed (the owner's word)"),
            ("published_at", "首次发表（存证主体的说法）", "First published (the owner's word)"),
            ("published_url", "发表网址（存证主体的说法）", "Published at (the owner's word)"),
        ]
        .into_iter()
        .filter_map(|(name, zh, en)| claim(name).map(|value| line(zh, en, value)))
        .collect(),
        Stated::Nothing => Vec::new(),
    }
}

pub(crate) fn outcome(result: verify::Outcome) -> Outcome {
    match result {
        verify::Outcome::Pass => Outcome::Pass,
        verify::Outcome::Limited => Outcome::Limited,
        verify::Outcome::NotChecked => Outcome::NotChecked,
        verify::Outcome::Fail => Outcome::Fail,
    }
}
