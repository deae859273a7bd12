//! What a verification read on the way. Each value holds only as far as the checks beside it hold.

use evidence::{json::Value, merkle::Hash, statement::Statement, time::Utc};
use std::collections::BTreeMap;

/// Values for printing.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The statement, where it was read.
    pub statement: Option<Statement>,
    /// Opened claims of the record.
    pub claims: BTreeMap<String, Value>,
    /// Opened claims of leaf 0.
    pub operator: BTreeMap<String, Value>,
    /// SHA-256 of `record.json`.
    pub record_sha256: Option<[u8; 32]>,
    /// Leaf index.
    pub index: Option<u64>,
    /// Origin, size and root of the checkpoint.
    pub checkpoint: Option<(String, u64, Hash)>,
    /// Name of the ledger's key in the reader's roles, where it has a role.
    pub platform: Option<String>,
    /// Earliest verified statement token of an independent authority, else the earliest.
    pub t1: Option<Seal>,
    /// The same over the checkpoint.
    pub t2: Option<Seal>,
    /// Cosignatures valid under the reader's policy.
    pub witnesses: Vec<Witness>,
    /// Leaves of the checkpoint that they cosigned: the first, or one added later.
    pub witnessed_size: Option<u64>,
    /// Signature lines that could not be checked; never witnesses.
    pub unknown_lines: usize,
    /// Quorum of the reader's policy, in words.
    pub quorum: Option<String>,
    /// Entries that are present and were not checked.
    pub unchecked_entries: Vec<String>,
    /// What a capture's file says of its own end: `detail` of the last result in `operations`.
    pub ended: Option<Value>,
    /// What a capture's file holds, where its form holds.
    pub capture: Option<Box<archive::wacz::Wacz>>,
    /// A comparison's document, where it holds.
    pub comparison: Option<Box<evidence::comparison::Comparison>>,
    /// A collection's list, where it holds.
    pub collection: Option<Box<Collection>>,
    /// The ledger that an `origin` record says it goes on after, where it signed the checkpoint named.
    pub earlier: Option<Box<evidence::earlier::Earlier>>,
    /// The same facts of a capture's order, where it holds.
    pub order: Option<Box<Facts>>,
    /// Other records about this one, where they hold.
    pub related: Vec<Related>,
    /// What a licence names, as far as it is carried along and holds; ascending by place.
    pub named: Vec<Named>,
    /// What a verification report says of itself, where the evidence came in one.
    pub report: Option<Reported>,
    /// SHA-256 of `VERIFY.txt` and `verify.py`, to be shown.
    pub guides: Vec<(String, [u8; 32])>,
}

/// What a collection lists.
#[derive(Clone, Debug)]
pub struct Collection {
    /// A picture each.
    pub lines: Vec<evidence::collection::Line>,
    /// What the record of each line says; empty where not all of them hold.
    pub items: Vec<Collected>,
}

/// A listed record that holds.
#[derive(Clone, Debug)]
pub struct Collected {
    /// `image`, `file` or `digest`.
    pub kind: evidence::statement::Kind,
    /// As disclosed.
    pub file_name: Option<String>,
    /// As of a record's own T1.
    pub t1: Seal,
    /// Each of its tokens has a reservation.
    pub limited: bool,
}

/// A verified time-stamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// genTime.
    pub at: Utc,
    /// Microseconds.
    pub accuracy: i64,
    /// By the reader's roles, else the signing certificate's name.
    pub authority: String,
    /// Only by the reader's roles.
    pub independent: bool,
}

impl Seal {
    /// No later than this: genTime and the accuracy that the token states.
    pub fn by(&self) -> Utc {
        self.at.plus(self.accuracy)
    }
}

/// Another record about this one that holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Related {
    /// `rights`, `revocation`, `confirmation`, `attestation`.
    pub kind: evidence::statement::Kind,
    /// Record number.
    pub id: String,
    /// Leaf index.
    pub index: u64,
    /// As of the first record.
    pub t1: Seal,
    /// Over its own checkpoint.
    pub t2: Seal,
    /// Opened claims.
    pub claims: BTreeMap<String, Value>,
    /// Who runs the ledger, as leaf 0 says, where that holds.
    pub operator: Option<String>,
}

/// A record that a licence names, bound to it by its leaf hash. Its place in the ledger and its times were not checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// Place in the licence's `refs`, from 1.
    pub place: usize,
    /// Record number.
    pub id: String,
    /// `image`, `file`, `digest`, `collection`.
    pub kind: evidence::statement::Kind,
    /// Of its file.
    pub digests: evidence::digest::FileDigests,
    /// Opened claims.
    pub claims: BTreeMap<String, Value>,
    /// A collection's list, where it is carried along.
    pub list: Option<evidence::collection::Manifest>,
}

/// What a node's verification report says of itself: its maker's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// Its number.
    pub number: String,
    /// By the node's clock.
    pub checked: Utc,
    /// What it came to.
    pub result: crate::Overall,
}

/// A verified cosignature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// By the reader's roles, else the policy's name.
    pub name: String,
    /// By the reader's roles.
    pub role: Option<crate::Role>,
    /// Only by the reader's roles.
    pub independent: bool,
    /// Seconds since the epoch.
    pub unix_seconds: u64,
}

impl Facts {
    /// Seconds from the platform's own clock to T1: "the platform's clock, N s before".
    pub fn seconds_before_t1(&self) -> Option<i64> {
        let received = self.statement.as_ref()?.received_at;
        Some((self.t1.as_ref()?.at.0 - received.0).div_euclid(evidence::time::SECOND))
    }
}
