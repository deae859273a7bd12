//! How a node that runs fares, for whoever watches over it: as values, and as figures for a monitor.
//!
//! Rules: labels are names that the node's own operator gave; an alarm that nobody acknowledged is in every form.

use crate::{Looked, Node, PeerState, Relation, Result, alarms::Stored};
use evidence::{cosignature, note::Note};
use std::{collections::BTreeMap, fmt::Write};

/// One log.
#[derive(Clone, Debug)]
pub struct LogState {
    /// Its origin.
    pub origin: String,
    /// Where its tiles are.
    pub url: String,
    /// Leaves of the checkpoint that was cosigned last, and when, in Unix time.
    pub cosigned: Option<(u64, u64)>,
    /// Leaves of the checkpoint up to which the copy is complete.
    pub mirrored: Option<u64>,
    /// Entries of the copy that were looked at, of a Quezao ledger.
    pub examined: Option<u64>,
    /// How it answered last.
    pub looked: Looked,
}

/// A node.
#[derive(Clone, Debug)]
pub struct State {
    /// In the order in which they were added.
    pub logs: Vec<LogState>,
    /// The same.
    pub peers: Vec<PeerState>,
    /// Oldest first.
    pub alarms: Vec<Stored>,
}

impl State {
    /// Alarms that nobody acknowledged.
    pub fn open(&self) -> impl Iterator<Item = &Stored> {
        self.alarms.iter().filter(|alarm| alarm.acknowledged.is_none())
    }
}

impl Node {
    /// How it fares just now.
    pub fn state(&self) -> Result<State> {
        let logs = self.watched.iter().map(|watched| {
            let cosigned = watched.witness.held().map(|held| {
                let at = Note::parse(&held.note).ok().and_then(|note| {
                    let keys = self.keys.witness.verifier_keys();
                    keys.iter().find_map(|key| cosignature::verify(&note, key).ok().flatten())
                });
                (held.checkpoint.size, at.map_or(0, |word| word.unix_seconds))
            });
            Ok(LogState {
                origin: watched.log().origin().to_owned(),
                url: watched.log().url.clone(),
                cosigned,
                mirrored: watched.mirrored().map(|held| held.checkpoint.size),
                examined: watched.examiner.as_ref().map(crate::examine::Examiner::looked).transpose()?,
                looked: watched.looked(),
            })
        });
        Ok(State {
            logs: logs.collect::<Result<_>>()?,
            peers: self.peers.iter().map(crate::peers::Peer::state).collect(),
            alarms: self.alarms.stored()?,
        })
    }
}

/// `ready`, or what somebody should look at.
pub(crate) fn ready(state: &State) -> String {
    let alarms = state.open().count();
    let away = state.logs.iter().filter(|log| log.looked.error.is_some()).map(|log| format!("away {}", log.origin));
    let words: Vec<String> = (alarms > 0).then(|| format!("alarms {alarms}")).into_iter().chain(away).collect();
    if words.is_empty() { "ready\n".to_owned() } else { format!("degraded: {}\n", words.join(", ")) }
}

/// In Prometheus' text format (0.0.4).
pub(crate) fn figures(state: &State) -> String {
    let mut out = String::new();
    let mut gauge = |name: &str, help: &str, values: &[(String, u64)]| {
        let _ = writeln!(out, "# HELP quezao_node_{name} {help}\n# TYPE quezao_node_{name} gauge");
        values.iter().for_each(|(labels, value)| {
            let _ = writeln!(out, "quezao_node_{name}{labels} {value}");
        });
    };
    let of = |log: &LogState| format!("{{origin=\"{}\"}}", label(&log.origin));
    let each = |value: fn(&LogState) -> u64| state.logs.iter().map(|log| (of(log), value(log))).collect::<Vec<_>>();
    gauge("cosigned", "Leaves of the checkpoint cosigned last.", &each(|log| log.cosigned.map_or(0, |(size, _)| size)));
    gauge(
        "cosigned_seconds",
        "When that was, in Unix time; 0 for never.",
        &each(|log| log.cosigned.map_or(0, |(_, at)| at)),
    );
    gauge("mirrored", "Leaves up to which the copy is complete.", &each(|log| log.mirrored.unwrap_or(0)));
    gauge("examined", "Entries of the copy that were looked at.", &each(|log| log.examined.unwrap_or(0)));
    gauge(
        "ledger_up",
        "Whether the ledger answered when last asked.",
        &each(|log| u64::from(log.looked.error.is_none())),
    );
    let mut kinds: BTreeMap<&str, u64> = crate::alarms::KINDS.map(|kind| (kind.as_str(), 0)).into();
    state.open().for_each(|alarm| *kinds.entry(alarm.text("kind")).or_default() += 1);
    let kinds: Vec<_> = kinds.into_iter().map(|(kind, n)| (format!("{{kind=\"{}\"}}", label(kind)), n)).collect();
    gauge("alarms", "Stored alarms that nobody acknowledged, by kind.", &kinds);
    let done = state.alarms.len() - state.open().count();
    gauge("alarms_acknowledged", "Stored alarms that were acknowledged.", &[(String::new(), done as u64)]);
    let named = |peer: &PeerState| format!("{{peer=\"{}\"}}", label(&peer.url));
    let up: Vec<_> =
        state.peers.iter().map(|p| (named(p), u64::from(p.error.is_none() && p.answered.is_some()))).collect();
    gauge("peer_up", "Whether another node answered when last asked.", &up);
    let (mut sizes, mut contradicts) = (Vec::new(), Vec::new());
    for (peer, origin, (size, relation)) in
        state.peers.iter().flat_map(|p| p.logs.iter().map(move |(origin, seen)| (p, origin, *seen)))
    {
        let labels = format!("{{peer=\"{}\",origin=\"{}\"}}", label(&peer.url), label(origin));
        sizes.push((labels.clone(), size));
        contradicts.push((labels, u64::from(relation == Relation::Contradicts)));
    }
    gauge("peer_size", "Leaves of the checkpoint that another node showed.", &sizes);
    gauge("peer_contradicts", "Whether that cannot stand beside this node's copy.", &contradicts);
    out
}

fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
