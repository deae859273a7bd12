//! A judicial node: it witnesses ledgers and mirrors them, so that nobody has to believe whoever runs them.
//!
//! Rules:
//! - Its keys, its state and its copy are its own; what a ledger says about itself is checked, never believed.
//! - The *witness* cosigns consistency and nothing else (C2SP tlog-witness, tlog-cosignature): a record that it does
//!   not understand, or that breaks a rule, raises an alarm and never a refusal.
//! - What is signed is durable first. What cannot stand beside it is refused, told loudly, and kept for everybody.

pub mod alarms;
mod copy;
pub mod desk;
mod error;
mod examine;
mod folder;
mod keys;
mod logs;
mod mirror;
mod paced;
mod peers;
pub mod request;
mod server;
mod source;
mod state;
mod statement;
mod status;
mod suspects;
mod witness;

use alarms::Alarms;
use evidence::{note::VerifierKey, time::Utc};
use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use ureq::tls::TlsConfig;

pub use error::{Error, Result};
pub use keys::{Cosigners, Keys, Published};
pub use logs::{Log, MAX_LOGS};
pub use mirror::Relation;
pub use peers::{MAX_PEERS, PeerState};
pub use server::{Running, start};
pub use state::{LogState, State};
pub use statement::{sign as sign_statement, text as statement_text};
pub use status::{LogStatus, Status, published, report_roots, status};
pub use witness::{Answer, Held, Witness};

/// What happens; called from any thread.
pub type Events = Arc<dyn Fn(Event) + Send + Sync>;

/// What a node has to say.
#[derive(Clone, Debug)]
pub enum Event {
    /// A checkpoint of this size was cosigned.
    Cosigned {
        /// Of this log.
        origin: String,
        /// Leaves.
        size: u64,
    },
    /// Everything up to a checkpoint of this size is held, durably.
    Mirrored {
        /// Of this log.
        origin: String,
        /// Leaves.
        size: u64,
    },
    /// A request that was not answered with a cosignature: HTTP status and why.
    Refused {
        /// HTTP.
        status: u16,
        /// Why.
        why: Error,
    },
    /// See [`alarms`].
    Alarm {
        /// What was seen.
        kind: alarms::Kind,
        /// Of this log.
        origin: String,
        /// Chinese.
        zh: String,
        /// English.
        en: String,
        /// Where it is kept; else where alarms are.
        folder: PathBuf,
        /// Seen for the first time; of those of a kind and log that find no place, the first.
        new: bool,
        /// Whether it is stored.
        kept: bool,
    },
    /// Worth saying, (zh, en).
    Warning(String, String),
}

/// What a node is started with.
#[derive(Clone)]
pub struct Config {
    /// The node's folder.
    pub data: PathBuf,
    /// Where a copy of what was cosigned is kept, outside the folder.
    pub state: PathBuf,
    /// Addresses of ledgers to add; those of earlier starts are known.
    pub ledgers: Vec<String>,
    /// Keys of those that are new, in the same order.
    pub log_keys: Vec<VerifierKey>,
    /// Addresses of other nodes to add; those of earlier starts are known.
    pub peers: Vec<String>,
    /// The node's name, at the first start.
    pub name: Option<String>,
    /// Whether to sign with ML-DSA-44 too, from now on.
    pub ml_dsa: bool,
    /// Cosign again although what these keys once cosigned is not known any more: the institution's own word.
    pub begin_anew: bool,
    /// Where to listen.
    pub listen: std::net::SocketAddr,
    /// How often a ledger's checkpoint is looked at; peers are asked a tenth as often.
    pub every: Duration,
    /// What opens the desk; `None`: whoever reaches it, which is only possible on this machine.
    pub desk_token: Option<String>,
    /// Whom to believe about hosts of `https`; `None`: no such ledger can be mirrored.
    pub tls: Option<TlsConfig>,
}

/// What all logs of a node share.
pub(crate) struct Shared {
    pub keys: Arc<Cosigners>,
    pub alarms: Arc<Alarms>,
    pub events: Events,
}

impl Shared {
    pub(crate) fn now(&self) -> Utc {
        now()
    }
}

/// One log: what is cosigned of it, and the copy.
pub struct Watched {
    /// The witness.
    pub witness: Witness,
    copy: Arc<copy::Copy>,
    mirror: mirror::Mirror,
    /// Of a Quezao ledger.
    examiner: Option<examine::Examiner>,
    looked: Mutex<Looked>,
}

/// How the log answered when it was last asked.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    /// When it last did, by this machine's clock.
    pub answered: Option<Utc>,
    /// Why it did not, the last time.
    pub error: Option<Error>,
}

impl Watched {
    /// The log.
    pub fn log(&self) -> &Log {
        self.witness.log()
    }

    /// Before anybody is answered: whether the log shows more under this node's own cosignature than it remembers.
    pub(crate) fn look_back(&self) -> Result<()> {
        self.mirror.look_back(&self.witness, now())
    }

    /// Ends a step that is on its way, at the next file.
    pub(crate) fn halt(&self) {
        self.mirror.halt();
    }

    /// The checkpoint up to which the copy is complete and durable.
    pub fn mirrored(&self) -> Option<Held> {
        self.copy.held()
    }

    /// Looks at the log once and takes over what is new.
    ///
    /// # Errors
    /// What could not be had this time; what contradicts is an alarm, not an error.
    pub fn follow(&self) -> Result<()> {
        let (at, done) = (now(), self.mirror.step(&self.witness, now()));
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        match &done {
            Ok(()) => *looked = Looked { answered: Some(at), error: None },
            Err(e) => looked.error = Some(e.clone()),
        }
        done
    }

    /// How the log answered last.
    pub fn looked(&self) -> Looked {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What another node was shown of this log; `tiles`: where it serves them.
    pub(crate) fn heard(&self, seen: &Held, tiles: Option<&source::Source>, from: &str, now: Utc) -> Result<Relation> {
        self.witness.learn(seen, from, now)?;
        match (self.witness.compare(seen, now)?, tiles) {
            (Some(true), _) => Ok(Relation::Agrees),
            (Some(false), _) => Ok(Relation::Contradicts),
            (None, Some(source)) => self.mirror.hear(source, seen, &self.witness, now),
            (None, None) => Ok(Relation::Ahead),
        }
    }

    /// What somebody laid before this node, with nothing that would prove it. What the copy has not come to is kept until
    /// it has, also over a restart.
    ///
    /// # Errors
    /// The checkpoint is no note, or what it says of this node's own past could not be stored.
    pub fn laid(&self, seen: &Held, now: Utc) -> Result<Relation> {
        let relation = self.heard(seen, None, "desk", now)?;
        if relation == Relation::Ahead {
            self.witness.remember(seen)?;
        }
        Ok(relation)
    }

    /// Looks at some more entries of the copy, where the ledger is a Quezao one; whether there are more still.
    pub fn examine(&self) -> Result<bool> {
        self.examiner.as_ref().map_or(Ok(false), |examiner| examiner.step(now()))
    }

    /// The copy's files.
    pub(crate) fn tree(&self) -> &ledger::tiles::Tree {
        self.copy.tree()
    }

    /// A file of the copy below `tile/`.
    pub(crate) fn file(&self, path: &str) -> Option<Vec<u8>> {
        self.copy.file(path)
    }
}

/// A node that is open: one process has its folder.
pub struct Node {
    watched: Vec<Watched>,
    peers: Vec<peers::Peer>,
    keys: Arc<Cosigners>,
    alarms: Arc<Alarms>,
    events: Events,
    /// When a refusal of this status was last told.
    told: Mutex<BTreeMap<u16, Instant>>,
    _lock: File,
}

impl Node {
    /// Opens the folder, which is made where it is absent.
    pub fn open(config: &Config, events: Events) -> Result<Self> {
        let data = &config.data;
        folder::make(data)?;
        if data.join("segment").exists() {
            let shown = data.display();
            return Err(Error::new(
                format!("{shown} 是账本的数据文件夹；节点须有自己的文件夹，最好在另一台机器上"),
                format!("{shown} is a ledger's data folder; a node has a folder of its own, best on another machine"),
            ));
        }
        let lock = lock(data)?;
        let before: Vec<String> = logs::known(data)?.iter().map(Log::hash).collect();
        let logs = logs::open(data, &config.ledgers, &config.log_keys)?;
        let begun_anew = witness::begin(data, &logs, &before, keys::is_new(data), config.begin_anew)?;
        if config.begin_anew && !begun_anew {
            events(Event::Warning(
                "此前的启动没有报告过签署状态丢失，--begin-anew 不起作用；请把它从启动参数中去掉，以免日后的丢失无人过问".to_owned(),
                "no earlier start told that what was cosigned is lost, so --begin-anew does nothing; take it out of the service's options, or nobody is asked about a later loss".to_owned(),
            ));
        }
        let keys = Arc::new(Cosigners::open(data, config.name.as_deref(), config.ml_dsa)?);
        let alarms = Arc::new(Alarms::open(data, events.clone())?);
        let peers = peers::open(data, &config.peers)?;
        let shared = Shared { keys: keys.clone(), alarms: alarms.clone(), events: events.clone() };
        for url in logs.iter().map(|log| &log.url).chain(&peers) {
            if url.starts_with("https:") && config.tls.is_none() {
                return Err(Error::new(
                    format!("{url}：没有可用的网站根证书"),
                    format!("{url}: no roots of the web are known"),
                ));
            }
        }
        let hashes: Vec<String> = logs.iter().map(Log::hash).collect();
        let peers = peers.into_iter().map(|url| peers::Peer::new(url, &hashes, config.tls.as_ref())).collect();
        let open = |log: Log| {
            let copy = Arc::new(copy::Copy::open(data, &log, &events)?);
            let witness = Witness::open(data, &config.state, log.clone(), copy.clone(), &shared)?;
            let source = source::Source::new(&log.url, config.tls.clone());
            let examiner = examine::Examiner::open(data, &log, copy.clone(), &shared)?;
            let mirror = mirror::Mirror::open(data, log, source, copy.clone(), &shared)?;
            Ok(Watched { witness, copy, mirror, examiner, looked: Mutex::default() })
        };
        let watched = logs.into_iter().map(open).collect::<Result<_>>()?;
        Ok(Self { watched, peers, keys, alarms, events, told: Mutex::default(), _lock: lock })
    }

    /// The keys that it signs with.
    pub fn keys(&self) -> &Cosigners {
        &self.keys
    }

    /// The logs.
    pub fn watched(&self) -> &[Watched] {
        &self.watched
    }

    /// Stored alarms that nobody acknowledged.
    pub(crate) fn open_alarms(&self) -> usize {
        let open = |stored: &alarms::Stored| stored.acknowledged.is_none();
        self.alarms.stored().map_or(0, |stored| stored.iter().filter(|s| open(s)).count())
    }

    /// How many other nodes are asked.
    pub fn peers(&self) -> usize {
        self.peers.len()
    }

    /// Asks the `n`th of them once. `Err`: it did not answer, or not with what can be used.
    pub fn ask_peer(&self, n: usize) -> Result<()> {
        self.peers.get(n).map_or(Ok(()), |peer| peer.ask(self, now()))
    }

    /// The log of this origin, where it is watched.
    pub(crate) fn of_origin(&self, origin: &str) -> Option<&Watched> {
        self.watched.iter().find(|watched| watched.log().origin() == origin)
    }

    /// The log whose origin has this SHA-256, in hex.
    pub(crate) fn of_hash(&self, hash: &str) -> Option<&Watched> {
        self.watched.iter().find(|watched| watched.log().hash() == hash)
    }

    pub(crate) fn tell(&self, event: Event) {
        (self.events)(event);
    }

    /// Anybody may post what is refused: of each status one is told a second.
    fn is_told(&self, status: u16) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let new = told.get(&status).is_none_or(|at: &Instant| at.elapsed() >= Duration::from_secs(1));
        if new {
            told.insert(status, Instant::now());
        }
        new
    }

    /// Answers the body of an `add-checkpoint` request.
    pub fn add_checkpoint(&self, body: &[u8]) -> Answer {
        let answer = match request::Request::parse(body) {
            Err(e) => Answer::Refused(400, e.into()),
            Ok(request) => {
                let origin = request.note.text.split('\n').next().unwrap_or_default();
                match self.watched.iter().find(|w| w.log().origin() == origin) {
                    Some(watched) => watched.witness.add(&request, now()),
                    None => Answer::Refused(
                        404,
                        evidence::Error::mismatch("origin", origin, "a log that this node watches").into(),
                    ),
                }
            }
        };
        if let Answer::Refused(status, why) = &answer
            && self.is_told(*status)
        {
            self.tell(Event::Refused { status: *status, why: why.clone() });
        }
        answer
    }
}

/// One process a folder.
fn lock(data: &Path) -> Result<File> {
    let path = data.join("lock");
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|e| Error::io(&path, &e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let shown = data.display();
            Err(Error::new(
                format!("{shown}：已有一个节点在用这个文件夹；请先停下它"),
                format!("{shown}: another node has this folder open; stop it first"),
            ))
        }
        Err(TryLockError::Error(e)) => Err(Error::io(&path, &e)),
    }
}

/// By this machine's clock.
pub(crate) fn now() -> Utc {
    let micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros());
    Utc(i64::try_from(micros).unwrap_or(i64::MAX))
}
