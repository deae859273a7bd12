//! Other nodes of the same logs, asked what they were shown: a ledger with two faces is found by whoever sees both.
//!
//! Rules:
//! - Nothing that a peer says is believed. What the log's own key signed is held against this node's copy, or against what
//!   the peer's tiles prove by themselves; all else is that peer's fault, said and no alarm.
//! - What a peer shows never moves what is cosigned. Where a log is away, the copy goes on from a peer's, checked like the
//!   log's own.
//! - Each has a thread and two addresses a log; who is slow or silent delays nobody else.

use crate::{Error, Event, Node, Relation, Result, folder, logs, source::Source, witness::Held};
use evidence::time::Utc;
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, PoisonError},
};
use ureq::tls::TlsConfig;

/// Most peers of one node.
pub const MAX_PEERS: usize = 16;

/// What a peer showed when it was last asked.
#[derive(Clone, Debug, Default)]
pub struct PeerState {
    /// Where it is.
    pub url: String,
    /// When it last answered, by this machine's clock.
    pub answered: Option<Utc>,
    /// Why it did not, or what was wrong, the last time.
    pub error: Option<Error>,
    /// By origin: leaves of the largest checkpoint that it showed, and what came of the comparison.
    pub logs: BTreeMap<String, (u64, Relation)>,
}

/// Another node.
pub(crate) struct Peer {
    url: String,
    /// By the order of the logs: its copy, and what it cosigned.
    sources: Vec<[Source; 2]>,
    state: Mutex<PeerState>,
    /// By the order of the logs: a checkpoint that this node's copy had not come to.
    ahead: Mutex<BTreeMap<usize, Held>>,
}

/// The peers that are known, with these added.
pub(crate) fn open(dir: &Path, urls: &[String]) -> Result<Vec<String>> {
    let path = dir.join("peers");
    let text = folder::read_text(&path)?.unwrap_or_default();
    let mut peers = text.lines().map(|line| logs::address("peers", line)).collect::<Result<Vec<_>>>()?;
    let before = peers.len();
    for url in urls {
        let url = logs::address("--peer", url)?;
        if !peers.contains(&url) {
            peers.push(url);
        }
    }
    if peers.len() > MAX_PEERS {
        let n = peers.len();
        return Err(Error::new(
            format!("{n} 个相邻节点，至多 {MAX_PEERS} 个；请删去 peers 文件中不需要的行"),
            format!("{n} peers; at most {MAX_PEERS} are possible: take lines out of the file `peers`"),
        ));
    }
    if peers.len() > before {
        folder::write(&path, peers.iter().map(|url| format!("{url}\n")).collect::<String>().as_bytes())?;
    }
    Ok(peers)
}

impl Peer {
    /// Of these logs, each by the hash of its origin.
    pub(crate) fn new(url: String, hashes: &[String], tls: Option<&TlsConfig>) -> Self {
        let source = |place: &str, hash: &String| Source::new(&format!("{url}/{place}/{hash}"), tls.cloned());
        let sources = hashes.iter().map(|hash| [source("mirror", hash), source("witness", hash)]).collect();
        let state = Mutex::new(PeerState { url: url.clone(), ..PeerState::default() });
        Self { url, sources, state, ahead: Mutex::default() }
    }

    pub(crate) fn state(&self) -> PeerState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks about every log once; the first thing that went wrong is told where it is news.
    pub(crate) fn ask(&self, node: &Node, now: Utc) -> Result<()> {
        let mut failed = None;
        for n in 0..self.sources.len() {
            match self.ask_about(n, node, now) {
                Ok(seen) => {
                    let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                    state.answered = Some(now);
                    state.logs.extend(seen.map(|seen| (node.watched()[n].log().origin().to_owned(), seen)));
                }
                Err(e) => failed = failed.or(Some(e)),
            }
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let news = failed.as_ref().filter(|e| state.error.as_ref() != Some(*e)).cloned();
        let back = failed.is_none() && state.error.is_some();
        state.error.clone_from(&failed);
        drop(state);
        let url = &self.url;
        match news {
            Some(e) => node.tell(Event::Warning(format!("相邻节点：{}", e.zh), format!("peer: {}", e.en))),
            None if back => {
                node.tell(Event::Warning(format!("相邻节点：{url}：已恢复应答"), format!("peer: {url}: answers again")))
            }
            None => {}
        }
        failed.map_or(Ok(()), Err)
    }

    /// The largest checkpoint that it shows of this log; `None`: it shows none.
    fn ask_about(&self, n: usize, node: &Node, now: Utc) -> Result<Option<(u64, Relation)>> {
        let (watched, [copy, cosigned]) = (&node.watched()[n], &self.sources[n]);
        let mut said = None;
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = ahead.remove(&n) {
            let relation = watched.heard(&before, None, &self.url, now)?;
            said = Some((before.checkpoint.size, relation));
            if relation == Relation::Ahead {
                ahead.insert(n, before);
            }
        }
        for (source, tiles) in [(copy, true), (cosigned, false)] {
            let Some(note) = source.shown()? else { continue };
            let seen = Held::parse(&note, watched.log()).map_err(|e| Error::from(e).about(source.base()))?;
            let size = seen.checkpoint.size;
            let relation = watched.heard(&seen, tiles.then_some(source), source.base(), now)?;
            if relation == Relation::Ahead {
                // The first one stays until it can be compared, however fast the log grows.
                ahead.entry(n).or_insert(seen);
            }
            let worse = |was: Relation| if was == Relation::Contradicts { was } else { relation };
            said = Some(said.map_or((size, relation), |(other, was): (u64, Relation)| (other.max(size), worse(was))));
        }
        Ok(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_remembered_once_and_hold_no_secrets() {
        let dir = tempfile::tempdir().unwrap();
        let open = |urls: &[&str]| open(dir.path(), &urls.iter().map(|u| (*u).to_owned()).collect::<Vec<_>>());
        assert!(open(&[]).unwrap().is_empty());
        assert_eq!(open(&["http://a.example/", "http://a.example"]).unwrap(), ["http://a.example"]);
        assert_eq!(open(&["https://b.example/node"]).unwrap(), ["http://a.example", "https://b.example/node"]);
        assert_eq!(open(&[]).unwrap().len(), 2);
        for bad in ["b.example", "http://u:p@a", "http://a?x=1", ""] {
            assert!(open(&[bad]).unwrap_err().en.contains("--peer"), "{bad}");
        }
        let many: Vec<String> = (0..MAX_PEERS).map(|n| format!("http://{n}.example")).collect();
        assert!(open(&many.iter().map(String::as_str).collect::<Vec<_>>()).unwrap_err().zh.contains("peers"));
        assert_eq!(open(&[]).unwrap().len(), 2, "what is refused changes nothing");
    }
}
