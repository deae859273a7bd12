//! The node's own copy, held against the evidence: first the record's place, then the root.
//!
//! Rules: a leaf that the copy holds stands under whatever checkpoint the evidence brings, so a larger tree is no way
//! around it; a copy that cannot be read says nothing, and the answer is no better for that. What the log's own key signed
//! and the copy contradicts is an alarm, with what shows it.

use super::{Desk, answer::OwnCopy, appraiser::held};
use crate::{
    Held, Watched,
    alarms::{Alarm, Kind},
};
use evidence::{
    digest, hex,
    merkle::{self, Hash},
    proof::TlogProof,
    record::leaf_hash,
    time::Utc,
};
use verify::Facts;

impl Desk {
    /// What the copy says. A fork that it shows is raised and kept.
    pub(super) fn own_copy(&self, facts: &Facts, evidence: &[u8], now: Utc) -> OwnCopy {
        let (Some((origin, size, root)), Some(index), Some(record)) =
            (&facts.checkpoint, facts.index, facts.record_sha256)
        else {
            return OwnCopy::Unknown { origin: None };
        };
        let Some(watched) = self.node.of_origin(origin) else {
            return OwnCopy::Unknown { origin: Some(origin.clone()) };
        };
        let Some(mirrored) = watched.mirrored() else { return OwnCopy::Unread };
        let size_here = mirrored.checkpoint.size;
        let differs = |expected: String, found: String| OwnCopy::Differs { size: size_here, expected, found };
        let tree = watched.tree();
        let place = index < size_here;
        if place {
            let Ok(leaf) = tree.entry(index, size_here) else { return OwnCopy::Unread };
            let own = digest::sha256(&leaf);
            if own != record {
                self.raise(watched, &mirrored, evidence, index, &leaf, now);
                return differs(hex::encode(&record), hex::encode(&own));
            }
        }
        if *size > size_here {
            return OwnCopy::Behind { size: size_here, place };
        }
        match tree.root_at(*size) {
            Ok(own) if own != *root => differs(hex::encode(root), hex::encode(&own)),
            Ok(_) => OwnCopy::Agrees { size: size_here },
            Err(_) => OwnCopy::Unread,
        }
    }

    /// Keeps both sides where the log itself signed what the copy contradicts; what it did not sign is no fork.
    fn raise(&self, watched: &Watched, own: &Held, evidence: &[u8], index: u64, leaf: &[u8], now: Utc) {
        let entries = held(evidence);
        let entry = |name: &str| entries.iter().find(|(n, _)| n == name).map(|(_, bytes)| bytes.as_slice());
        let Some(seen) = entry("checkpoint.txt").and_then(|note| Held::parse(note, watched.log()).ok()) else { return };
        // A tree no larger than the copy was compared by its root already.
        if seen.checkpoint.size <= own.checkpoint.size {
            return;
        }
        let Some((theirs, record)) = entry("proof.tlog-proof").zip(entry("record.json")) else { return };
        let Ok(theirs) = TlogProof::parse(theirs) else { return };
        let other = leaf_hash(record);
        let size = seen.checkpoint.size;
        if theirs.index != index
            || merkle::verify_inclusion(&other, index, size, &theirs.hashes, &seen.checkpoint.root).is_err()
        {
            return;
        }
        let here = own.checkpoint.size;
        let Ok(ours) = watched.tree().inclusion_proof(index, here, here) else { return };
        let (mine, other) = (merkle::leaf_hash(leaf), other);
        let (found, expected) = (hex::encode(&other), hex::encode(&mine));
        watched.witness.raise(&Alarm {
            kind: Kind::Fork,
            origin: watched.log().origin().to_owned(),
            at: now,
            zh: format!("账本分叉：第 {index} 条，本节点的副本为 {expected}，证据中账本另签的检查点（{size}）为 {found}；两份签名均已留存"),
            en: format!("the ledger forked: leaf {index} is {expected} in this node's copy, and {found} under a checkpoint of {size} leaves that the ledger signed, found in evidence; both are kept"),
            ours: Some(own.note.clone()),
            theirs: Some(seen.note),
            proof: Some(format!(
                "RFC 6962 inclusion proofs of leaf {index}, one under each note\nours.txt\n{}theirs.txt\n{}",
                lines(&mine, &ours),
                lines(&other, &theirs.hashes)
            )),
        });
    }
}

/// The leaf's hash, then the proof.
fn lines(leaf: &Hash, proof: &[Hash]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    format!("leaf {}\n{}", STANDARD.encode(leaf), crate::request::lines(proof))
}
