//! C2SP tlog-checkpoint: origin, size and root, without extension lines.
use crate::{Result, merkle::Hash};
/// What the log signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's origin, which is also the name of its key.
    pub origin: String,
    /// Leaves.
    pub size: u64,
    /// Root hash of those leaves.
    pub root: Hash,
}
impl Checkpoint {
    /// Parses a note's text: exactly three lines.
    pub fn parse(text: &str) -> Result<Self> {
        let _ = text;
        todo!()
    }
    /// The note's text.
    pub fn to_text(&self) -> String {
        todo!()
    }
}
/// `NAME/` and the first 32 hex digits of SHA-256 of the raw Ed25519 public key.
pub fn origin(name: &str, public_key: &[u8; 32]) -> Result<String> {
    let _ = (name, public_key);
    todo!()
}
/// Checks that `origin` was made from this key (last path segment only).
pub fn check_origin(origin: &str, public_key: &[u8]) -> Result<()> {
    let _ = (origin, public_key);
    todo!()
}
