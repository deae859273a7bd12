//! C2SP tlog-policy: whose signatures make a checkpoint valid, by the reader's own word.
use crate::{
    Result,
    note::{Note, VerifierKey},
};
/// A parsed policy.
#[derive(Clone, Debug)]
pub struct Policy {/* private fields */}
/// What a policy found under one checkpoint.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The log key of the checkpoint's origin, if the policy lists one.
    pub log: Option<VerifierKey>,
    /// Witnesses of the policy whose cosignatures verified, with their policy name and time in seconds.
    pub cosigned: Vec<(String, VerifierKey, u64)>,
    /// Witnesses of the policy whose line is there but does not verify: a contradiction.
    pub bad: Vec<(String, VerifierKey)>,
    /// Whether the quorum is met.
    pub met: bool,
    /// Signature lines that no key of the policy explains.
    pub unknown_lines: usize,
    /// The quorum in words, for example `2 of 3 (courts)` or `none`.
    pub quorum: String,
}
impl Policy {
    /// Strict: a line that is not understood fails, and so does a public key on two lines.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let _ = bytes;
        todo!()
    }
    /// Log keys, in order.
    pub fn logs(&self) -> &[VerifierKey] {
        todo!()
    }
    /// Witnesses: policy name and key, in order.
    pub fn witnesses(&self) -> &[(String, VerifierKey)] {
        todo!()
    }
    /// Evaluates the policy on a note whose origin is `origin`. The log's own signature is `Note::verify_log`'s to check.
    pub fn evaluate(&self, note: &Note, origin: &str) -> Evaluation {
        let _ = (note, origin);
        todo!()
    }
}
