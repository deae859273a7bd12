//! What the node holds beside the evidence: what the record refers to, looked up in the copy, and what it saw of the ledger.

use super::Desk;
use crate::{Held, alarms::Stored};
use certificate::{Outcome, Seen, Words};
use evidence::{
    record::Record,
    statement::{Ref, parse_refs},
    time::Utc,
};
use ledger::tiles::{Kind, WIDTH};
use std::fs;
use verify::Facts;

/// Leaves that are looked through for what is referred to.
const MAX_LOOKED: u64 = 4_000_000;
/// Alarms that say that what the ledger signed cannot all be true.
const GRAVE: [&str; 4] = ["fork", "rollback", "not-extending", "tiles"];

impl Desk {
    /// The record's own references, where the evidence discloses them: each must be an earlier leaf of this ledger. In
    /// the ledger itself they are salted digests, so that nobody else can look them up.
    pub(super) fn references(&self, facts: &Facts) -> Option<Seen> {
        let (origin, ..) = facts.checkpoint.as_ref()?;
        let refs = parse_refs(facts.claims.get("refs").filter(|claim| !claim.is_null())?).ok()?;
        let own: Vec<Ref> = refs.into_iter().filter(|one| one.ledger == *origin).collect();
        let (n, index) = (own.len(), facts.index?);
        if own.is_empty() {
            return None;
        }
        let wrong = own.iter().map(|one| self.wrong(origin, one, index)).find(|wrong| !matches!(wrong, Some(None)));
        let (result, text, values) = match wrong {
            None => (
                Outcome::Pass,
                Words::new(
                    format!("这条记录引用的 {n} 条记录都在本节点的副本中，位置都在它之前。"),
                    format!("The records that it refers to ({n}) are in this node's copy, each before it."),
                ),
                None,
            ),
            Some(Some(Some((text, must, is)))) => (Outcome::Fail, text, Some((must, is))),
            Some(_) => (
                Outcome::NotChecked,
                Words::new(
                    format!("这条记录引用的 {n} 条记录，本节点的副本尚不能核对。"),
                    format!("The records that it refers to ({n}) cannot be looked up in this node's copy yet."),
                ),
                None,
            ),
        };
        Some(Seen { id: "own-refs".into(), result: Some(result), text, values })
    }

    /// What is wrong with one of them: in words, what must be, what is. `None`: it cannot be looked up.
    fn wrong(&self, origin: &str, one: &Ref, index: u64) -> Option<Option<(Words, String, String)>> {
        let watched = self.node.of_origin(origin)?;
        let (tree, size) = (watched.tree(), watched.mirrored()?.checkpoint.size);
        if index >= size || size > MAX_LOOKED {
            return None;
        }
        let id = &one.id;
        for n in 0..size.div_ceil(WIDTH) {
            let bytes = tree.read(Kind::Hashes(0), n, WIDTH.min(size - n * WIDTH)).ok()?;
            let Some(at) = bytes.as_chunks::<32>().0.iter().position(|hash| *hash == one.leaf) else { continue };
            let place = n * WIDTH + at as u64;
            let found = Record::parse(&tree.entry(place, size).ok()?).ok()?.statement.id;
            if place >= index {
                let text = Words::new(
                    format!("引用的记录 {id} 在第 {place} 条，不在这条记录（第 {index} 条）之前。"),
                    format!("The record {id} that it refers to is leaf {place}, not before this one (leaf {index})."),
                );
                return Some(Some((text, format!("< {index}"), place.to_string())));
            }
            let text = Words::new(
                format!("引用的记录在第 {place} 条，编号却不同。"),
                format!("The record that it refers to is leaf {place}, under another number."),
            );
            return Some((found != *id).then(|| (text, id.clone(), found)));
        }
        let text = Words::new(
            format!("引用的记录 {id} 不在本节点的副本中。"),
            format!("The record {id} that it refers to is not in this node's copy."),
        );
        Some(Some((text, id.clone(), "-".to_owned())))
    }

    /// Who lays evidence of another history on the desk has shown this node both sides: where the ledger signed its
    /// checkpoint, that is an alarm, and both signed checkpoints are kept. Nothing else of the evidence is.
    pub(super) fn hear(&self, evidence: &[u8], facts: &Facts, now: Utc) {
        let Some(watched) = facts.checkpoint.as_ref().and_then(|(origin, ..)| self.node.of_origin(origin)) else {
            return;
        };
        for (name, note) in super::appraiser::held(evidence) {
            if name == "checkpoint.txt" || (name.starts_with("later-") && name.ends_with("-checkpoint.txt")) {
                // What the ledger did not sign says nothing about it.
                if let Ok(seen) = Held::parse(&note, watched.log()) {
                    let _ = watched.laid(&seen, now);
                }
            }
        }
    }

    /// What this node saw of the ledger itself, acknowledged or not: evidence that holds may stand on one of two histories.
    pub(super) fn alarmed(&self, facts: &Facts) -> Option<Seen> {
        let (origin, ..) = facts.checkpoint.as_ref()?;
        self.node.of_origin(origin)?;
        let seen = |result, zh: String, en: String| {
            Some(Seen { id: "ledger-alarms".into(), result: Some(result), text: Words::new(zh, en), values: None })
        };
        // Made at the start: where it is not there, what was in it is not known.
        let there = fs::read_dir(self.data.join("alarms")).map_err(|e| crate::Error::io(&self.data.join("alarms"), &e));
        let stored = match there.and_then(|_| self.node.alarms.stored()) {
            Ok(stored) => stored,
            Err(e) => {
                return seen(
                    Outcome::NotChecked,
                    format!("本节点的警报无法读取（{}），不知道是否看到过这个账本分叉。", e.zh),
                    format!(
                        "This node's alarms cannot be read ({}), so whether it saw this ledger fork is not known.",
                        e.en
                    ),
                );
            }
        };
        // One that cannot be read may be about any ledger; its folder's name still says of what kind it is.
        let torn = |a: &Stored| a.text("origin").is_empty();
        let of = |kinds: &[&str]| {
            let kind = |a: &Stored| match torn(a) {
                true => kinds.iter().any(|kind| a.id.strip_prefix(kind).is_some_and(|rest| rest.starts_with('-'))),
                false => a.text("origin") == origin && kinds.contains(&a.text("kind")),
            };
            stored.iter().filter(|a| kind(a)).count()
        };
        let (result, zh, en) = match (of(&GRAVE), of(&["record"])) {
            (0, 0) => (
                Outcome::Pass,
                "本节点没有看到这个账本分叉、倒退或改写。".to_owned(),
                "This node has not seen this ledger fork, go back or rewrite anything.".to_owned(),
            ),
            (0, n) => (
                Outcome::Limited,
                format!("本节点没有看到这个账本分叉；账本中有不合规则的记录（警报 {n} 条，见节点状态）。"),
                format!(
                    "This node has not seen this ledger fork; entries of it break a rule ({n} alarms, see the node's status)."
                ),
            ),
            (n, _) => (
                Outcome::Limited,
                format!(
                    "本节点看到这个账本出示过不能并存的内容（警报 {n} 条，已留存）；其余各项只就本节点所持的一份而言。"
                ),
                format!(
                    "This node saw this ledger show what cannot stand together ({n} alarms, kept); all else is said of the history that this node holds."
                ),
            ),
        };
        seen(result, zh, en)
    }
}
