//! A log in memory, a node that listens, and a client of few words: what this crate's tests share.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

pub mod site;

use evidence::{
    checkpoint::Checkpoint,
    merkle::{self, Hash},
    note::{Note, Signer, VerifierKey},
};
use ledger::tiles::fold;
use node::{Config, Event, Running, request::Request};
use std::{
    convert::Infallible,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

pub const ORIGIN: &str = "log.example/a";

/// A log of leaf hashes.
pub struct Log {
    pub signer: Signer,
    pub leaves: Vec<Hash>,
}

impl Log {
    pub fn new(seed: u8, leaves: u64) -> Self {
        Self::of(ORIGIN, seed, "leaf", leaves)
    }

    pub fn of(origin: &str, seed: u8, word: &str, leaves: u64) -> Self {
        let leaves = (0..leaves).map(|n| merkle::leaf_hash(format!("{word} {n}").as_bytes())).collect();
        Self { signer: Signer::from_seed(origin, &[seed; 32]).unwrap(), leaves }
    }

    /// The same up to here, then others.
    pub fn forked(&self, at: usize, seed: u8) -> Self {
        let mut leaves = self.leaves[..at].to_vec();
        leaves.extend((at..self.leaves.len()).map(|n| merkle::leaf_hash(format!("other {n}").as_bytes())));
        Self { signer: Signer::from_seed(ORIGIN, &[seed; 32]).unwrap(), leaves }
    }

    pub fn key(&self) -> VerifierKey {
        self.signer.verifier_key()
    }

    fn node(&self, level: u8, index: u64) -> Result<Hash, Infallible> {
        let start = (index << level) as usize;
        Ok(fold(&self.leaves[start..start + (1 << level)]))
    }

    pub fn text(&self, size: u64) -> String {
        let root = merkle::root(size, &mut |l, i| self.node(l, i)).unwrap();
        Checkpoint { origin: self.key().name().to_owned(), size, root }.to_text()
    }

    pub fn note(&self, size: u64) -> Note {
        let text = self.text(size);
        Note { signatures: vec![self.signer.sign(&text)], text }
    }

    pub fn request(&self, old: u64, new: u64) -> Request {
        let proof = merkle::consistency_proof(old, new, &mut |l, i| self.node(l, i)).unwrap();
        Request { old, proof, note: self.note(new) }
    }
}

/// What a node said.
#[derive(Clone, Default)]
pub struct Said(pub Arc<Mutex<Vec<Event>>>);

impl Said {
    pub fn alarms(&self) -> Vec<String> {
        let said = self.0.lock().unwrap();
        let kind = |event: &Event| match event {
            Event::Alarm { kind, .. } => Some(kind.as_str().to_owned()),
            _ => None,
        };
        said.iter().filter_map(kind).collect()
    }
}

/// A folder for a node, and one outside it.
pub struct Desk(pub tempfile::TempDir);

impl Desk {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn data(&self) -> PathBuf {
        self.0.path().join("node")
    }

    pub fn config(&self, key: &VerifierKey) -> Config {
        Config {
            data: self.data(),
            state: self.0.path().join("state"),
            ledgers: vec!["http://127.0.0.1:9/ledger".to_owned()],
            peers: Vec::new(),
            log_keys: vec![key.clone()],
            name: Some("court.example/node".to_owned()),
            ml_dsa: false,
            begin_anew: false,
            listen: "127.0.0.1:0".parse().unwrap(),
            every: Duration::from_millis(50),
            desk_token: None,
            tls: None,
        }
    }

    /// A node that watches this log.
    pub fn start(&self, key: &VerifierKey) -> (Running, Said) {
        let said = Said::default();
        let heard = said.0.clone();
        let node = node::start(&self.config(key), Arc::new(move |event| heard.lock().unwrap().push(event)));
        (node.unwrap(), said)
    }
}

/// Status, content type, body.
pub type Reply = (u16, String, String);

pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().new_agent()
}

pub fn post(node: &Running, body: &[u8]) -> Reply {
    reply(agent().post(format!("http://{}/add-checkpoint", node.address())).send(body))
}

pub fn get(node: &Running, path: &str) -> Reply {
    reply(agent().get(format!("http://{}{path}", node.address())).call())
}

fn reply(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Reply {
    let mut answer = answer.unwrap();
    let kind = answer.headers().get("content-type").map(|v| v.to_str().unwrap().to_owned());
    (
        answer.status().as_u16(),
        kind.unwrap_or_default(),
        String::from_utf8_lossy(&answer.body_mut().read_to_vec().unwrap()).into_owned(),
    )
}

/// The stored alarms: kind and folder.
pub fn stored(data: &Path) -> Vec<(String, PathBuf)> {
    let list = node::alarms::list(data).unwrap();
    list.into_iter().map(|alarm| (alarm.text("kind").to_owned(), alarm.folder)).collect()
}
