//! RFC 6962, section 2.1: Merkle tree hashing, inclusion and consistency proofs.
//!
//! Rules: SHA-256; leaves and nodes are told apart by their prefix; a proof has exactly the number
//! of hashes that index and sizes call for; verifying needs the proof alone, making one needs only
//! the roots of perfect subtrees, which is what tiles hold.

use sha2::{Digest, Sha256};

use crate::{Error, Result, hex};

/// A SHA-256 node.
pub type Hash = [u8; 32];

/// Reads the hash of the perfect subtree of `2^level` leaves numbered `index` at that level.
pub type ReadNode<'a, E> = dyn FnMut(u8, u64) -> std::result::Result<Hash, E> + 'a;

/// `SHA-256(0x00 ‖ leaf)`.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Sha256::new().chain_update([0x00]).chain_update(leaf).finalize().into()
}

/// `SHA-256(0x01 ‖ left ‖ right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([0x01]).chain_update(left).chain_update(right).finalize().into()
}

/// Root of the empty tree: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    Sha256::new().finalize().into()
}

/// Checks that `leaf` (a leaf hash) stands at `index` of the tree of `size` leaves with `root`.
///
/// RFC 9162, section 2.1.3.2, with the proof's length checked before anything is hashed.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> Result<()> {
    if index >= size {
        return Err(Error::mismatch("inclusion proof", format!("index {index}"), format!("an index below {size}")));
    }
    let shape = Shape::new(index, size);
    check_length("inclusion proof", proof.len(), shape.inner + shape.border)?;
    let (inner, border) = proof.split_at(shape.inner);
    let found = chain_right(chain_inner(*leaf, inner, index), border);
    check_root("inclusion proof", &found, root)
}

/// Checks that the tree of `new_size` extends the one of `old_size`.
///
/// RFC 9162, section 2.1.4.2. Equal sizes need equal roots and an empty proof; from the empty tree
/// the proof is empty too, as every tree extends it.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<()> {
    const WHAT: &str = "consistency proof";
    if old_size > new_size {
        return Err(Error::mismatch(WHAT, format!("new size {new_size}"), format!("a size of at least {old_size}")));
    }
    if old_size == 0 || old_size == new_size {
        check_length(WHAT, proof.len(), 0)?;
        if old_size == 0 {
            check_root("root of the empty tree", old_root, &empty_root())?;
        }
        return if old_size == new_size { check_root(WHAT, new_root, old_root) } else { Ok(()) };
    }
    // The proof starts from the largest perfect subtree at the old tree's right edge. Where that is
    // the whole old tree the prover leaves it out, as the verifier knows it.
    let shift = old_size.trailing_zeros();
    let shape = Shape::new(old_size - 1, new_size);
    let inner_count = shape.inner - shift as usize;
    let implied = old_size.is_power_of_two();
    check_length(WHAT, proof.len(), usize::from(!implied) + inner_count + shape.border)?;
    let (seed, rest) = match proof.split_first() {
        Some((first, rest)) if !implied => (first, rest),
        _ => (old_root, proof),
    };
    let (inner, border) = rest.split_at(inner_count);
    let path = (old_size - 1) >> shift;
    let old_found = chain_right(chain_left_only(*seed, inner, path), border);
    check_root("old root in the consistency proof", &old_found, old_root)?;
    let new_found = chain_right(chain_inner(*seed, inner, path), border);
    check_root("new root in the consistency proof", &new_found, new_root)
}

/// Root of the first `size` leaves.
pub fn root<E>(size: u64, read: &mut ReadNode<'_, E>) -> std::result::Result<Hash, E> {
    range(0, size, read)
}

/// Inclusion proof of leaf `index` in the tree of `size`, leaf's sibling first. `index < size` is the caller's promise.
pub fn inclusion_proof<E>(index: u64, size: u64, read: &mut ReadNode<'_, E>) -> std::result::Result<Vec<Hash>, E> {
    // PATH of RFC 6962, section 2.1.1, from the root down.
    let (mut start, mut count, mut m) = (0, size, index);
    let mut proof = Vec::new();
    while count > 1 {
        let k = split(count);
        if m < k {
            proof.push(range(start + k, count - k, read)?);
            count = k;
        } else {
            proof.push(range(start, k, read)?);
            (start, count, m) = (start + k, count - k, m - k);
        }
    }
    proof.reverse();
    Ok(proof)
}

/// Consistency proof between the trees of `old` and `new` leaves; `0 < old <= new`.
pub fn consistency_proof<E>(old: u64, new: u64, read: &mut ReadNode<'_, E>) -> std::result::Result<Vec<Hash>, E> {
    let mut proof = Vec::new();
    if old == 0 || old >= new {
        return Ok(proof);
    }
    // SUBPROOF of RFC 6962, section 2.1.2, from the root down.
    let (mut start, mut count, mut m) = (0, new, old);
    while m < count {
        let k = split(count);
        if m <= k {
            proof.push(range(start + k, count - k, read)?);
            count = k;
        } else {
            proof.push(range(start, k, read)?);
            (start, count, m) = (start + k, count - k, m - k);
        }
    }
    if start != 0 {
        proof.push(range(start, count, read)?);
    }
    proof.reverse();
    Ok(proof)
}

/// How a leaf's path to the root splits: `inner` levels where the sibling may stand on either side,
/// then `border` levels on the tree's right edge, where it stands on the left.
struct Shape {
    inner: usize,
    border: usize,
}

impl Shape {
    /// `index < size`.
    fn new(index: u64, size: u64) -> Self {
        let inner = u64::BITS - (index ^ (size - 1)).leading_zeros();
        let border = index.checked_shr(inner).unwrap_or(0).count_ones();
        Self { inner: inner as usize, border: border as usize }
    }
}

fn chain_inner(seed: Hash, proof: &[Hash], path: u64) -> Hash {
    proof.iter().enumerate().fold(seed, |acc, (level, sibling)| match path >> level & 1 {
        0 => node_hash(&acc, sibling),
        _ => node_hash(sibling, &acc),
    })
}

/// As [`chain_inner`], of the old tree: it has nothing to the right.
fn chain_left_only(seed: Hash, proof: &[Hash], path: u64) -> Hash {
    proof.iter().enumerate().fold(seed, |acc, (level, sibling)| match path >> level & 1 {
        0 => acc,
        _ => node_hash(sibling, &acc),
    })
}

fn chain_right(seed: Hash, proof: &[Hash]) -> Hash {
    proof.iter().fold(seed, |acc, sibling| node_hash(sibling, &acc))
}

fn check_length(what: &'static str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::malformed(what, format!("{found} hashes"), format!("{expected} hashes")))
}

fn check_root(what: &'static str, found: &Hash, expected: &Hash) -> Result<()> {
    if found == expected { Ok(()) } else { Err(Error::mismatch(what, hex::encode(found), hex::encode(expected))) }
}

/// The largest power of two below `count`, which is at least 2.
fn split(count: u64) -> u64 {
    1 << (u64::BITS - 1 - (count - 1).leading_zeros())
}

/// Root of `count` leaves from `start`, a multiple of the smallest power of two that is not below `count`.
fn range<E>(start: u64, count: u64, read: &mut ReadNode<'_, E>) -> std::result::Result<Hash, E> {
    let mut rest = count;
    let mut acc = None;
    while rest != 0 {
        let level = rest.trailing_zeros();
        rest &= rest - 1;
        let node = read(level as u8, (start + rest) >> level)?;
        acc = Some(match acc {
            None => node,
            Some(right) => node_hash(&node, &right),
        });
    }
    Ok(acc.unwrap_or_else(empty_root))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    const SIZES: u64 = 70;

    /// MTH, PATH and SUBPROOF as RFC 6962 writes them, over whole lists.
    mod naive {
        use super::super::{Hash, empty_root, leaf_hash, node_hash};

        fn k(n: usize) -> usize {
            (0..).map(|b| 1 << b).take_while(|k| *k < n).last().unwrap()
        }
        pub(super) fn mth(d: &[Vec<u8>]) -> Hash {
            match d {
                [] => empty_root(),
                [one] => leaf_hash(one),
                _ => node_hash(&mth(&d[..k(d.len())]), &mth(&d[k(d.len())..])),
            }
        }
        pub(super) fn path(m: usize, d: &[Vec<u8>]) -> Vec<Hash> {
            if d.len() == 1 {
                return vec![];
            }
            let (left, right) = d.split_at(k(d.len()));
            let (mut p, other) =
                if m < left.len() { (path(m, left), mth(right)) } else { (path(m - left.len(), right), mth(left)) };
            p.push(other);
            p
        }
        pub(super) fn subproof(m: usize, d: &[Vec<u8>], whole: bool) -> Vec<Hash> {
            if m == d.len() {
                return if whole { vec![] } else { vec![mth(d)] };
            }
            let (left, right) = d.split_at(k(d.len()));
            let (mut p, other) = if m <= left.len() {
                (subproof(m, left, whole), mth(right))
            } else {
                (subproof(m - left.len(), right, false), mth(left))
            };
            p.push(other);
            p
        }
    }

    fn leaves(n: u64) -> Vec<Vec<u8>> {
        (0..n).map(|i| format!("leaf {i}").into_bytes()).collect()
    }

    fn reader(d: &[Vec<u8>]) -> impl FnMut(u8, u64) -> std::result::Result<Hash, Infallible> {
        move |level, index| Ok(naive::mth(&d[(index << level) as usize..((index + 1) << level) as usize]))
    }

    #[test]
    fn roots_of_the_reference_tree() {
        // The test vectors of Certificate Transparency's own implementation.
        let inputs =
            ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let d: Vec<Vec<u8>> = inputs
            .iter()
            .map(|h| (0..h.len()).step_by(2).map(|i| u8::from_str_radix(&h[i..i + 2], 16).unwrap()).collect())
            .collect();
        for (n, expected) in roots.iter().enumerate() {
            assert_eq!(hex::encode(&root(n as u64, &mut reader(&d)).unwrap()), *expected, "{n}");
        }
    }

    #[test]
    fn every_inclusion_proof_is_the_naive_one_and_no_other_is_accepted() {
        for n in 1..=SIZES {
            let d = leaves(n);
            let top = naive::mth(&d);
            for i in 0..n {
                let proof = inclusion_proof(i, n, &mut reader(&d)).unwrap();
                assert_eq!(proof, naive::path(i as usize, &d));
                let leaf = leaf_hash(&d[i as usize]);
                verify_inclusion(&leaf, i, n, &proof, &top).unwrap();
                let mut longer = proof.clone();
                longer.push(top);
                assert!(verify_inclusion(&leaf, i, n, &longer, &top).is_err());
                if let Some((_, shorter)) = proof.split_last() {
                    assert!(verify_inclusion(&leaf, i, n, shorter, &top).is_err());
                }
                for other in (0..n + 2).filter(|o| *o != i) {
                    assert!(verify_inclusion(&leaf, other, n, &proof, &top).is_err(), "{other} of {n}");
                }
                for h in 0..proof.len() {
                    let mut bent = proof.clone();
                    bent[h][7] ^= 1;
                    assert!(verify_inclusion(&leaf, i, n, &bent, &top).is_err());
                }
            }
        }
    }

    #[test]
    fn every_consistency_proof_is_the_naive_one_and_no_other_is_accepted() {
        let d = leaves(SIZES);
        let tops: Vec<Hash> = (0..=SIZES).map(|n| naive::mth(&d[..n as usize])).collect();
        for new in 1..=SIZES {
            let new_root = &tops[new as usize];
            for old in 1..=new {
                let proof = consistency_proof(old, new, &mut reader(&d)).unwrap();
                assert_eq!(proof, naive::subproof(old as usize, &d[..new as usize], true));
                let old_root = &tops[old as usize];
                verify_consistency(old, old_root, new, new_root, &proof).unwrap();
                let mut longer = proof.clone();
                longer.push(*new_root);
                assert!(verify_consistency(old, old_root, new, new_root, &longer).is_err());
                if let Some((_, shorter)) = proof.split_last() {
                    assert!(verify_consistency(old, old_root, new, new_root, shorter).is_err());
                }
                let mut bent = *old_root;
                bent[0] ^= 1;
                assert!(verify_consistency(old, &bent, new, new_root, &proof).is_err());
                let mut bent = *new_root;
                bent[0] ^= 1;
                assert!(verify_consistency(old, old_root, new, &bent, &proof).is_err());
                for h in 0..proof.len() {
                    let mut bent = proof.clone();
                    bent[h][31] ^= 0x80;
                    assert!(verify_consistency(old, old_root, new, new_root, &bent).is_err());
                }
                if old < new {
                    assert!(verify_consistency(new, new_root, old, old_root, &proof).is_err(), "a shrunken tree");
                }
            }
        }
    }

    #[test]
    fn the_empty_tree_is_extended_by_every_tree() {
        let any = leaf_hash(b"x");
        verify_consistency(0, &empty_root(), 0, &empty_root(), &[]).unwrap();
        verify_consistency(0, &empty_root(), 9, &any, &[]).unwrap();
        assert!(verify_consistency(0, &any, 9, &any, &[]).is_err(), "the empty tree has one root");
        assert!(verify_consistency(0, &empty_root(), 0, &any, &[]).is_err());
        assert!(verify_consistency(0, &empty_root(), 9, &any, &[any]).is_err());
        assert!(verify_inclusion(&any, 0, 0, &[], &any).is_err());
    }

    proptest! {
        #[test]
        fn hostile_numbers_never_panic(index: u64, a: u64, b: u64, count in 0usize..70) {
            let h = leaf_hash(b"h");
            let proof = vec![h; count];
            prop_assert!(verify_inclusion(&h, index, a, &proof, &empty_root()).is_err());
            let _ = verify_consistency(a, &h, b, &empty_root(), &proof);
            let mut read = |_: u8, _: u64| Ok::<_, Infallible>(h);
            let huge = inclusion_proof(index.min(a), a, &mut read).unwrap();
            prop_assert!(huge.len() <= 64);
            prop_assert!(consistency_proof(a.min(b), a.max(b), &mut read).unwrap().len() <= 65);
        }

        /// A tree whose leaves are all alike needs no leaves: each level has one hash.
        #[test]
        fn proofs_of_huge_trees_verify(size in 1u64.., pick: u64) {
            let mut levels = vec![leaf_hash(b"same")];
            for i in 0..63 {
                levels.push(node_hash(&levels[i], &levels[i]));
            }
            let mut read = |level: u8, _: u64| Ok::<_, Infallible>(levels[level as usize]);
            let (index, old) = (pick % size, pick % size + 1);
            let top = root(size, &mut read).unwrap();
            let proof = inclusion_proof(index, size, &mut read).unwrap();
            verify_inclusion(&levels[0], index, size, &proof, &top).unwrap();
            let old_root = root(old, &mut read).unwrap();
            let proof = consistency_proof(old, size, &mut read).unwrap();
            verify_consistency(old, &old_root, size, &top, &proof).unwrap();
        }
    }
}
