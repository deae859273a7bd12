//! C2SP tlog-cosignature: a witness's word that a checkpoint extends what it saw before.
use crate::{
    Result,
    note::{Note, SignatureLine, VerifierKey},
};
/// A cosignature that verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// Seconds since the epoch, as the witness wrote them.
    pub unix_seconds: u64,
}
/// Checks the line of `key` (type 04 or 06) in `note`: `Ok(None)` if there is none.
pub fn verify(note: &Note, key: &VerifierKey) -> Result<Option<Cosigned>> {
    let _ = (note, key);
    todo!()
}
/// An Ed25519 cosigner (type 04).
pub struct Cosigner {/* private fields */}
impl Cosigner {
    /// From a 32-byte RFC 8032 seed.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self> {
        let _ = (name, seed);
        todo!()
    }
    /// The public half.
    pub fn verifier_key(&self) -> VerifierKey {
        todo!()
    }
    /// Cosigns the note's text at a time.
    pub fn cosign(&self, text: &str, unix_seconds: u64) -> SignatureLine {
        let _ = (text, unix_seconds);
        todo!()
    }
}
