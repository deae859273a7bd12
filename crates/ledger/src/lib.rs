//! The ledger of one data folder: append, acknowledge, sign, publish, seal.
//!
//! Rules, in the order in which a leaf meets them:
//! 1. *segment*: a leaf is acknowledged only after `fdatasync` of the append-only segment, which stays
//!    the source of truth for the entries;
//! 2. *tiles*: what the next checkpoint needs is written and synced before the checkpoint is signed over;
//! 3. *head row*: one compare-and-swap, the only place where a tree becomes ours;
//! 4. *mirror*, outside the folder: written before anything leaves the house, so that an old copy of the
//!    folder is noticed;
//! 5. *publish*: the static tlog-tiles tree (C2SP) under `ledger/`;
//! 6. *seal*: the signed checkpoint is cosigned by the witnesses that answer, then stamped, one at a time, under `sealed/`.
//!
//! A crash between any two leaves a folder that [`Ledger::open`] carries forward from what the steps before
//! made durable; the same entries give the same checkpoint, byte for byte. What does not fit together is
//! refused with both values. A failed write or sync poisons the ledger: after an fsync error the page cache
//! lies, so the process has to end and the folder to be opened again. Nothing is pruned.
//!
//! The world is handed in: key, head row, witnesses, stampers, and where events go. No clock is needed.

mod copy;
mod council;
mod edge;
mod error;
pub mod files;
mod ledger;
mod open;
mod panel;
mod reader;
mod sealed;
mod segment;
pub mod tiles;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use evidence::{
    merkle::Hash,
    note::{SignatureLine, Signer, VerifierKey},
    policy::Policy,
};

pub use copy::copy;
pub use error::{Error, Result};
pub use ledger::{Ledger, MAX_BATCH};
pub use reader::Reader;
pub use sealed::Sealed;
pub use segment::{MAX_LEAF, split_leaf};
pub use tiles::Entries;

/// The last tree that was signed: the ledger's one compare-and-swap row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Leaves.
    pub size: u64,
    /// Root hash of those leaves.
    pub root: Hash,
    /// The signed note, as published.
    pub checkpoint: Vec<u8>,
    /// Bytes of the segment that those leaves take.
    pub segment_position: u64,
}

/// Where the head row lives: apart from the files, with full durability.
pub trait HeadRow: Send + Sync {
    /// The row, or `None` in a new folder. A failure is never `None`.
    fn load(&self) -> Result<Option<Head>>;
    /// Replaces `expected` by `new`, durably when it returns; [`Error::HeadMoved`] where something else stands there.
    fn swap(&self, expected: Option<&Head>, new: &Head) -> Result<()>;
}

/// A time authority, as the ledger sees it.
pub trait Stamper: Send + Sync {
    /// An RFC 3161 answer (`.tsr`) over the signed note, already checked; or why there is none, in words for a person.
    /// It returns in the end: a time-out is the stamper's own. Called on a thread that may outlive the ledger.
    fn stamp(&self, checkpoint_note: &[u8]) -> std::result::Result<Vec<u8>, String>;
    /// For events.
    fn name(&self) -> &str;
    /// The least time between two requests that this authority wishes.
    fn pace(&self) -> Duration {
        Duration::ZERO
    }
    /// Asked only where all others that were due failed; alone it is as any other.
    fn last_resort(&self) -> bool {
        false
    }
}

/// A witness (C2SP tlog-witness), as the ledger sees it.
pub trait Witness: Send + Sync {
    /// Asks for cosignatures on a signed note, `proof` leading from the tree of `old` leaves to it. Lines are already
    /// checked: signature, key, time; or why there are none, in words for a person. It returns in the end: a time-out
    /// is the witness's own. Called on a thread that may outlive the ledger.
    fn cosign(&self, old: u64, proof: &[Hash], checkpoint_note: &[u8]) -> std::result::Result<Answer, String>;
    /// The newest checkpoint of this log that it shows to anybody, unchecked; `None`: it shows none.
    fn shown(&self) -> std::result::Result<Option<Vec<u8>>, String>;
    /// For events.
    fn name(&self) -> &str;
    /// Whether it signs with this key.
    fn owns(&self, key: &VerifierKey) -> bool;
}

/// What a witness answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Its signature lines, checked.
    Cosigned(Vec<SignatureLine>),
    /// It was asked from another size than the one that it last cosigned.
    Holds(u64),
    /// By its word the tree does not extend what it cosigned.
    Inconsistent,
}

/// Consistency proof between two sizes.
pub(crate) type Prove = Arc<dyn Fn(u64, u64) -> Result<Vec<Hash>> + Send + Sync>;

/// What happens in the background.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A checkpoint of this size stands in `ledger/checkpoint`.
    Published {
        /// Leaves.
        size: u64,
    },
    /// The checkpoint of this size is sealed.
    Sealed {
        /// Leaves.
        size: u64,
        /// Number of tokens over it.
        tokens: usize,
        /// It meets the policy's quorum, or none is asked for.
        met: bool,
    },
    /// A witness cosigned the checkpoint of this size.
    Cosigned {
        /// Leaves.
        size: u64,
        /// The witness.
        witness: String,
    },
    /// A witness gave no cosignature; it is asked again.
    WitnessFailed {
        /// Leaves of the checkpoint it was asked about.
        size: u64,
        /// The witness.
        witness: String,
        /// Its or our reason.
        reason: String,
    },
    /// By its word alone a witness holds another tree of this log: an alarm.
    Disagrees {
        /// Leaves of the checkpoint it was asked about.
        size: u64,
        /// The witness.
        witness: String,
        /// What it holds.
        found: String,
    },
    /// An authority gave no token; it is asked again.
    StampFailed {
        /// Leaves of the checkpoint it was asked about.
        size: u64,
        /// The authority.
        authority: String,
        /// Its or our reason.
        reason: String,
    },
    /// The ledger stopped: every later call fails, and the process should end.
    Poisoned {
        /// What failed.
        reason: String,
    },
}

/// A step that can be made to fail, called just before it happens (see [`Config::faults`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Bytes of a group go to the segment.
    SegmentWrite,
    /// `fdatasync` of the segment.
    SegmentSync,
    /// The group's callers are told.
    Acknowledge,
    /// Tiles and entry bundles are written under temporary names.
    TilesWrite,
    /// They are synced, and get their names.
    TilesSync,
    /// Compare-and-swap of the head row.
    HeadSwap,
    /// The mirror is written.
    Mirror,
    /// The checkpoint is published.
    Publish,
    /// Witnesses and authorities are asked.
    Stamp,
    /// Tokens and sealed checkpoint are written.
    SealWrite,
    /// The sealed checkpoint is announced.
    SealAnnounce,
}

/// Every [`Stage`], in order.
pub const STAGES: [Stage; 11] = [
    Stage::SegmentWrite,
    Stage::SegmentSync,
    Stage::Acknowledge,
    Stage::TilesWrite,
    Stage::TilesSync,
    Stage::HeadSwap,
    Stage::Mirror,
    Stage::Publish,
    Stage::Stamp,
    Stage::SealWrite,
    Stage::SealAnnounce,
];

/// Makes a stage fail, or ends the process there: for tests.
pub type Faults = Box<dyn Fn(Stage) -> io::Result<()> + Send + Sync>;

/// How often.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Least time between the beginnings of two checkpoints. A lone entry does not wait.
    pub checkpoint_interval: Duration,
    /// Wait after the first failed sealing; doubles up to `seal_retry_max`.
    pub seal_retry: Duration,
    /// Longest wait between two tries to seal.
    pub seal_retry_max: Duration,
    /// How long a seal waits for further tokens once it has one.
    pub seal_grace: Duration,
    /// The same, now and then, where one gives good tokens that always come too late.
    pub seal_patience: Duration,
    /// Least time between two such waits.
    pub seal_patience_every: Duration,
    /// How long a checkpoint waits for its witnesses.
    pub witness_wait: Duration,
    /// How long it waits for further ones once the quorum is met.
    pub witness_grace: Duration,
    /// How long an opening waits to hear what its witnesses hold, before anything is signed.
    pub witness_look: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            checkpoint_interval: Duration::from_millis(100),
            seal_retry: Duration::from_millis(500),
            seal_retry_max: Duration::from_secs(30),
            seal_grace: Duration::from_secs(5),
            seal_patience: Duration::from_secs(30),
            seal_patience_every: Duration::from_secs(3600),
            witness_wait: Duration::from_secs(1),
            witness_grace: Duration::from_millis(200),
            witness_look: Duration::from_secs(5),
        }
    }
}

/// What a ledger is opened with.
pub struct Config {
    /// The data folder: holds `segment`, `ledger/`, `sealed/`.
    pub dir: PathBuf,
    /// The mirror of the head: a file outside the data folder.
    pub mirror: PathBuf,
    /// The log's key; its name is `origin`.
    pub signer: Signer,
    /// The log's origin.
    pub origin: String,
    /// The head row.
    pub head: Box<dyn HeadRow>,
    /// Authorities that seal, in the order of their tokens. Without any, nothing is ever sealed.
    pub stampers: Vec<Arc<dyn Stamper>>,
    /// Witnesses that are asked before.
    pub witnesses: Vec<Arc<dyn Witness>>,
    /// Whose signatures make a seal final. Without one, or with `quorum none`, every seal is.
    pub policy: Option<Policy>,
    /// How often.
    pub timing: Timing,
    /// Called from background threads; must not call the ledger.
    pub events: Box<dyn Fn(Event) + Send + Sync>,
    /// Fault injection.
    pub faults: Option<Faults>,
}

impl Config {
    /// With default timing, no authority and nobody who listens.
    pub fn new(dir: &Path, mirror: &Path, signer: Signer, origin: &str, head: Box<dyn HeadRow>) -> Self {
        Self {
            dir: dir.to_owned(),
            mirror: mirror.to_owned(),
            signer,
            origin: origin.to_owned(),
            head,
            stampers: Vec::new(),
            witnesses: Vec::new(),
            policy: None,
            timing: Timing::default(),
            events: Box::new(|_| ()),
            faults: None,
        }
    }

    pub(crate) fn fault(&self, stage: Stage) -> Result<()> {
        match &self.faults {
            Some(faults) => faults(stage).map_err(|e| Error::io("injected fault", Path::new(""), e)),
            None => Ok(()),
        }
    }
}

/// What [`Ledger::open`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// Leaves of the last signed tree before this opening.
    pub signed_size: u64,
    /// Durable entries behind it that a crash had kept from being signed; they are in the tree now.
    pub recovered: u64,
    /// Bytes of a group that was never acknowledged, cut from the segment's end.
    pub torn_bytes: u64,
    /// There was no mirror; it was written. A warning, unless the folder is new.
    pub mirror_absent: bool,
}
