//! The court's desk: evidence is laid before it, and verified by the node's own copy and the institution's own trust.
//!
//! Rules:
//! - `DIR/trust/` is the institution's. Nothing that evidence carries or a ledger says is added to it; without it only the
//!   keys that the node was started with count, as logs, and nothing else does.
//! - What is laid down is digested, verified and forgotten: a result stays in memory for a quarter of an hour, so that
//!   its report can be fetched, and nothing of it is written but a checkpoint that contradicts the node's own copy.
//! - Bounded: 64 MiB of evidence, two looks at once, a few results.
//! - It opens by the institution's token; without one only where nobody but this machine can reach it.

mod access;
mod answer;
mod appraiser;
mod copy;
mod examine;
mod find;
mod health;
mod held;
mod pages;
mod paper;
mod rules;
mod web;

pub use access::{MIN_TOKEN, check_token};
pub use answer::OwnCopy;
pub use examine::{Examined, Given};
pub(crate) use paper::{published, roots};
pub(crate) use web::routes;

use crate::{Config, Error, Node, Result, folder};
use certificate::Fonts;
use evidence::time::Utc;
use std::{
    collections::VecDeque,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};
use tokio::sync::Semaphore;
use verify::{MAX_FILES, MAX_TRUST, Trust, is_trust};

/// Results that can be fetched, and the bytes of evidence that they hold together.
const KEPT: usize = 32;
const KEPT_BYTES: usize = 128 << 20;
/// For so long, microseconds.
const KEPT_FOR: i64 = 900_000_000;
/// Verified, drawn or searched at once.
const AT_ONCE: usize = 2;
/// Bodies that are read at once.
const BODIES: usize = 4;

/// The desk of one node.
pub(crate) struct Desk {
    node: Arc<Node>,
    data: PathBuf,
    door: access::Door,
    fonts: OnceLock<Fonts>,
    /// Held while the desk's keys are made.
    keys: Mutex<()>,
    places: Arc<Semaphore>,
    bodies: Semaphore,
    patience: Patience,
    kept: Mutex<VecDeque<Kept>>,
}

/// How long is waited, at most.
#[derive(Clone, Copy)]
struct Patience {
    /// For a body, from its first byte to its last.
    body: Duration,
    /// For a place where all are taken.
    place: Duration,
}

/// A court's line may be slow: 160 MiB in five minutes are 4.5 Mbit/s.
const PATIENCE: Patience = Patience { body: Duration::from_secs(300), place: Duration::from_secs(60) };

/// Names and bytes.
type TrustFiles = Vec<(String, Vec<u8>)>;

struct Kept {
    name: String,
    at: Utc,
    examined: Arc<Examined>,
}

impl Desk {
    pub(crate) fn new(node: Arc<Node>, config: &Config) -> Self {
        Self {
            node,
            data: config.data.clone(),
            door: access::Door::new(config),
            fonts: OnceLock::new(),
            keys: Mutex::new(()),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            bodies: Semaphore::new(BODIES),
            patience: PATIENCE,
            kept: Mutex::default(),
        }
    }

    /// Whether somebody signs in here.
    fn has_token(&self) -> bool {
        self.door.has_token()
    }

    /// The institution, as its node is called.
    fn institution(&self) -> String {
        let name = self.node.keys().name();
        name.strip_suffix("/witness").unwrap_or(&name).to_owned()
    }

    /// The institution's trust, how many files it is made of (0: only the node's own logs), and these.
    fn trust(&self) -> Result<(Trust, usize, TrustFiles)> {
        let files = trust_files(&self.data.join("trust"))?;
        let count = files.len();
        if count > 0 {
            return Ok((trust_of(files.clone())?, count, files));
        }
        let logs: String = self.node.watched().iter().map(|w| format!("log {}\n", w.log().key)).collect();
        let files = vec![("policy".to_owned(), format!("{logs}quorum none\n").into_bytes())];
        Ok((trust_of(files.clone())?, 0, files))
    }

    fn fonts(&self) -> &Fonts {
        self.fonts.get_or_init(Fonts::with_system)
    }

    /// Forgets what has been kept for long enough.
    pub(crate) fn forget(&self, now: Utc) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|k| (now.0 - k.at.0).abs() < KEPT_FOR);
    }

    /// Keeps a result for a while; gives what it is fetched by.
    fn keep(&self, examined: Arc<Examined>, now: Utc) -> Result<String> {
        let name = evidence::hex::encode(&crate::keys::random::<16>()?);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(Kept { name: name.clone(), at: now, examined });
        let over = |kept: &VecDeque<Kept>| kept.iter().map(|k| k.examined.evidence.len()).sum::<usize>() > KEPT_BYTES;
        while kept.len() > 1 && (kept.len() > KEPT || over(&kept)) {
            kept.pop_front();
        }
        Ok(name)
    }

    /// The result of this name, while it is kept.
    fn kept(&self, name: &str, now: Utc) -> Option<Arc<Examined>> {
        self.forget(now);
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|k| k.name == name).map(|k| k.examined.clone())
    }
}

fn trust_files(dir: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    // A folder that cannot be read is not the same as none: what it forbids would be allowed.
    let listed = match fs::read_dir(dir) {
        Ok(listed) => listed,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io(dir, &e)),
    };
    let mut files = Vec::new();
    for entry in listed {
        let entry = entry.map_err(|e| Error::io(dir, &e))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !is_trust(&name) {
            continue;
        }
        if files.len() == MAX_FILES {
            let shown = dir.display();
            return Err(Error::new(
                format!("{shown}：信任文件超过 {MAX_FILES} 个"),
                format!("{shown}: more than {MAX_FILES} files of trust"),
            ));
        }
        let path = entry.path();
        let bytes = folder::read(&path, MAX_TRUST)?;
        files.extend(bytes.map(|bytes| (name, bytes)));
    }
    files.sort();
    Ok(files)
}

fn trust_of(files: Vec<(String, Vec<u8>)>) -> Result<Trust> {
    Trust::from_files(files).map_err(|e| {
        Error::new(
            format!("节点的 trust/{} 不能用（{}）；请改正后重试", e.file, e.reason.zh()),
            format!("the node's trust/{} is of no use ({}); correct it and try again", e.file, e.reason),
        )
    })
}
