//! C2SP tlog-proof v1, without the `extra` line.
use crate::{Result, merkle::Hash};
/// Header, index, hashes and the checkpoint verbatim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// Zero-based index of the leaf.
    pub index: u64,
    /// Inclusion proof, the leaf's sibling first; at most 63 hashes.
    pub hashes: Vec<Hash>,
    /// The signed checkpoint's exact bytes.
    pub checkpoint: Vec<u8>,
}
impl TlogProof {
    /// Strict: refuses what [`TlogProof::to_bytes`] would not write.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let _ = bytes;
        todo!()
    }
    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        todo!()
    }
}
