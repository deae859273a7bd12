//! What binds an attestation to a record of the same account (spec/attestation.md).
//!
//! Equal names are not enough: whoever declares a company's public name and code would be established with it. A later
//! record names the attestation; of earlier ones the attestation commits to a tree of salted leaf hashes, of which each
//! record's package carries its own path, so that nobody learns which other records there are, or how many.

use crate::{
    Error, Result, hex,
    json::{self, Value},
    merkle::{self, Hash},
};

/// What `identity_method` says of a record that was made after the attestation, before its record number.
pub const NAMED: &str = "attestation ";
/// Most hashes of a path.
const MAX_PATH: usize = 32;
/// Most bytes of an encoded path.
pub const MAX_BYTES: usize = 4096;

/// The path of one earlier record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// 32 random bytes, this record's own.
    pub salt: [u8; 32],
    /// Its place in the tree, from 0.
    pub place: u64,
    /// From the leaf up; the tree has 2 to this many leaves.
    pub path: Vec<Hash>,
}

impl Covered {
    /// Reads the exact bytes of `related-NN-covered.json`.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let value = json::parse("covered.json", bytes, MAX_BYTES)?;
        let m = json::closed("covered.json", &value, &["salt", "place", "path"])?;
        let hash = |v: &Value| hex::decode("covered.json", json::string("covered.json", v)?);
        let path = m["path"].as_array().filter(|path| path.len() <= MAX_PATH);
        let path = path.ok_or_else(|| Error::malformed("covered.json", m["path"].to_string(), "up to 32 hashes"))?;
        let path = path.iter().map(hash).collect::<Result<Vec<_>>>()?;
        let place = m["place"].as_u64().filter(|place| *place < 1 << path.len());
        let place = place.ok_or_else(|| Error::malformed("covered.json", m["place"].to_string(), "a place in it"))?;
        Ok(Self { salt: hash(&m["salt"])?, place, path })
    }

    /// The exact bytes. Fails where a path is longer than 32.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let path: Vec<String> = self.path.iter().map(|h| hex::encode(h)).collect();
        let value = json::json!({"salt": hex::encode(&self.salt), "place": self.place, "path": path});
        let bytes = json::to_bytes("covered.json", &value)?;
        Self::parse(&bytes).map(|_| bytes)
    }

    /// Holds the record with this leaf hash against the attestation's `covered_root`.
    pub fn check(&self, leaf: &Hash, root: &str) -> Result<()> {
        let root = hex::decode("covered_root", root)?;
        merkle::verify_inclusion(&salted(&self.salt, leaf), self.place, 1 << self.path.len(), &self.path, &root)
    }
}

/// A leaf of the tree.
pub fn salted(salt: &[u8; 32], leaf: &Hash) -> Hash {
    merkle::leaf_hash(&[&salt[..], leaf].concat())
}

/// The tree over salted leaves: its root, and the path of each place. There are 2ⁿ leaves, at least one; a writer fills
/// up with random ones and sorts all of them, so that a place says nothing.
#[derive(Clone, Debug)]
pub struct Tree(Vec<Vec<Hash>>);

impl Tree {
    /// Fails where the number of leaves is no power of two.
    pub fn new(leaves: Vec<Hash>) -> Result<Self> {
        if !leaves.len().is_power_of_two() {
            return Err(Error::malformed("covered leaves", leaves.len().to_string(), "a power of two"));
        }
        let mut levels = vec![leaves];
        while let Some(last) = levels.last().filter(|level| level.len() > 1) {
            levels.push(last.chunks(2).map(|pair| merkle::node_hash(&pair[0], &pair[1])).collect());
        }
        Ok(Self(levels))
    }

    /// `covered_root`.
    pub fn root(&self) -> String {
        self.0.last().and_then(|level| level.first()).map_or_else(String::new, |root| hex::encode(root))
    }

    /// The hashes beside the way from this place to the root; `None` beyond the leaves.
    pub fn path(&self, place: u64) -> Option<Vec<Hash>> {
        let mut place = usize::try_from(place).ok().filter(|place| *place < self.0[0].len())?;
        let below = &self.0[..self.0.len() - 1];
        let path = below.iter().map(|level| {
            let beside = level[place ^ 1];
            place /= 2;
            beside
        });
        Some(path.collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_path_is_of_one_record_with_its_own_salt() {
        for size in [1u8, 2, 8] {
            let leaf = |n: u8| [n; 32];
            let salt = |n: u8| [n | 0x80; 32];
            let tree = Tree::new((0..size).map(|n| salted(&salt(n), &leaf(n))).collect()).unwrap();
            for n in 0..size {
                let covered = Covered { salt: salt(n), place: n.into(), path: tree.path(n.into()).unwrap() };
                assert_eq!(Covered::parse(&covered.to_bytes().unwrap()).unwrap(), covered);
                covered.check(&leaf(n), &tree.root()).unwrap();
                assert!(covered.check(&leaf(n + 1), &tree.root()).is_err());
                assert!(covered.check(&leaf(n), &hex::encode(&[7; 32])).is_err());
                assert!(Covered { salt: [0; 32], ..covered }.check(&leaf(n), &tree.root()).is_err());
            }
            assert!(tree.path(size.into()).is_none());
        }
        assert!(Tree::new(Vec::new()).is_err() && Tree::new(vec![[0; 32]; 3]).is_err());
        let beyond = br#"{"path":[],"place":1,"salt":"00"}"#;
        assert!(Covered::parse(beyond).is_err());
    }
}
