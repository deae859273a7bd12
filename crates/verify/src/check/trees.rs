//! Whether two proofs can be of one ledger: what both say about the same part of the tree is the same.
//!
//! An inclusion proof gives the hash of every subtree beside the leaf's path, and so of those on it. A subtree of 2ⁿ
//! leaves that is whole at one size of the ledger is the same at every later one (RFC 6962, 2.1).

use super::Entries;
use evidence::{
    Error, Result,
    checkpoint::Checkpoint,
    hex,
    merkle::{Hash, node_hash},
    note::Note,
    proof::TlogProof,
    record::leaf_hash,
};
use std::collections::BTreeMap;

/// Level from the leaves, number among those of its level.
type Place = (u32, u64);

/// Compares what the proofs of two packages say, each about its record and leaf 0. Proofs that are not there or do not
/// parse say nothing; others judge them.
pub(super) fn agree(earlier: &Entries, later: &Entries) -> Result<()> {
    let (earlier, later) = (whole(earlier), whole(later));
    for ((level, number), hash) in &earlier {
        if let Some(other) = later.get(&(*level, *number)).filter(|other| *other != hash) {
            let place = format!("leaves from {}, {} of them: ", number << level, 1u64 << level);
            let text = |h: &Hash| format!("{place}{}", hex::encode(h));
            return Err(Error::mismatch(
                "the ledger with the order and the one with the capture",
                text(hash),
                text(other),
            ));
        }
    }
    Ok(())
}

/// The subtrees that are whole, with their hashes.
fn whole(entries: &Entries) -> BTreeMap<Place, Hash> {
    let mut found = BTreeMap::new();
    for (proof, record) in [("proof.tlog-proof", "record.json"), ("operator-proof.tlog-proof", "operator-record.json")]
    {
        let parsed = entries.get(proof).and_then(|bytes| TlogProof::parse(bytes).ok());
        let (Some(proof), Some(record)) = (parsed, entries.get(record)) else { continue };
        let note = Note::parse(&proof.checkpoint).ok();
        let Some(checkpoint) = note.and_then(|note| Checkpoint::parse(&note.text).ok()) else { continue };
        along(proof.index, checkpoint.size, leaf_hash(record), &proof.hashes, &mut found);
    }
    found
}

/// Walks up from a leaf (RFC 9162, 2.1.3.2).
fn along(index: u64, size: u64, leaf: Hash, path: &[Hash], found: &mut BTreeMap<Place, Hash>) {
    let whole = |(level, number): Place| {
        let end = number.checked_add(1).and_then(|n| n.checked_mul(1u64.checked_shl(level)?));
        end.is_some_and(|end| end <= size)
    };
    let Some(mut last) = size.checked_sub(1).filter(|last| index <= *last) else { return };
    let (mut at, mut level, mut hash) = (index, 0u32, leaf);
    let mut see = |place: Place, hash: Hash| {
        if whole(place) {
            found.insert(place, hash);
        }
    };
    see((0, at), hash);
    for beside in path {
        if at & 1 == 1 || at == last {
            // On the right edge a node goes up until it has one on its left.
            while at & 1 == 0 && at != 0 {
                (at, last, level) = (at >> 1, last >> 1, level + 1);
            }
            let Some(left) = at.checked_sub(1) else { return };
            see((level, left), *beside);
            hash = node_hash(beside, &hash);
        } else {
            see((level, at + 1), *beside);
            hash = node_hash(&hash, beside);
        }
        (at, last, level) = (at >> 1, last >> 1, level + 1);
        see((level, at), hash);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn root(leaves: &[Hash]) -> Hash {
        match leaves {
            [one] => *one,
            many => {
                let (left, right) = many.split_at(many.len().next_power_of_two() / 2);
                node_hash(&root(left), &root(right))
            }
        }
    }

    fn path(leaves: &[Hash], index: usize) -> Vec<Hash> {
        if leaves.len() == 1 {
            return Vec::new();
        }
        let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
        let (mut inner, beside) = match index.checked_sub(left.len()) {
            None => (path(left, index), root(right)),
            Some(index) => (path(right, index), root(left)),
        };
        inner.push(beside);
        inner
    }

    #[test]
    fn every_subtree_that_a_proof_gives_is_that_of_the_tree() {
        let leaves: Vec<Hash> = (0..40u8).map(|n| leaf_hash(&[n])).collect();
        for size in 1..=leaves.len() {
            for index in 0..size {
                let mut found = BTreeMap::new();
                along(index as u64, size as u64, leaves[index], &path(&leaves[..size], index), &mut found);
                assert!(found.contains_key(&(0, index as u64)));
                for ((level, number), hash) in found {
                    let from = (number << level) as usize;
                    assert_eq!(hash, root(&leaves[from..from + (1 << level)]), "{index} of {size}: {level}, {number}");
                }
            }
        }
    }

    /// The order is usually the last leaf of its tree and the capture follows at once: then the order is seen in both.
    #[test]
    fn another_order_in_the_later_tree_is_seen() {
        let leaves: Vec<Hash> = (0..40u8).map(|n| leaf_hash(&[n])).collect();
        for order in 1..39 {
            let mut forked = leaves[..order + 2].to_vec();
            forked[order] = leaf_hash(b"another");
            let (mut earlier, mut later) = (BTreeMap::new(), BTreeMap::new());
            along(order as u64, order as u64 + 1, leaves[order], &path(&leaves[..order + 1], order), &mut earlier);
            along(order as u64 + 1, order as u64 + 2, forked[order + 1], &path(&forked, order + 1), &mut later);
            assert!(earlier.iter().any(|(place, hash)| later.get(place).is_some_and(|h| h != hash)), "{order}");
        }
    }

    #[test]
    fn numbers_out_of_all_bounds_are_no_matter() {
        let path = vec![[7; 32]; 63];
        for (index, size) in [(0, 0), (5, 3), (u64::MAX, u64::MAX), (0, u64::MAX), (1 << 63, u64::MAX), (6, 7)] {
            along(index, size, [1; 32], &path, &mut BTreeMap::new());
        }
    }
}
