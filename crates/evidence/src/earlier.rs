//! What an `origin` record names: the ledger that this one goes on after, and a checkpoint of it (spec/statement.md).
//!
//! The checkpoint is that ledger's own word: signed by the key that its origin commits to. That no later one exists is
//! the operator's word alone.

use crate::{
    Error, Result,
    checkpoint::{Checkpoint, check_origin},
    json::Value,
    note::{Note, VerifierKey},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::collections::BTreeMap;

/// The claims that every package of an `origin` record discloses.
pub const CLAIMS: [&str; 3] = ["earlier_checkpoint", "earlier_key", "earlier_origin"];

/// A ledger that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// Its key; the key's name is its origin.
    pub key: VerifierKey,
    /// Signed by that key.
    pub checkpoint: Checkpoint,
    /// The note, with the log's own line and no other.
    pub note: Vec<u8>,
}

impl Earlier {
    /// From a signed note of any number of lines.
    pub fn new(key: VerifierKey, note: &[u8]) -> Result<Self> {
        let note = Note::parse(note)?;
        note.verify_log(&key)?;
        let own = note.line_of(&key).cloned().into_iter().collect();
        Self::read(key, Note { text: note.text, signatures: own })
    }

    /// From the disclosed claims of a record on `ledger`.
    pub fn of(claims: &BTreeMap<String, Value>, ledger: &str) -> Result<Self> {
        let text = |name: &str| {
            let found = claims.get(name).and_then(Value::as_str);
            found.ok_or_else(|| Error::Missing { what: "disclosed by the record", missing: name.to_owned() })
        };
        let (checkpoint, key, origin) = (text(CLAIMS[0])?, text(CLAIMS[1])?, text(CLAIMS[2])?);
        let key = VerifierKey::parse(key)?;
        if key.name() != origin {
            return Err(Error::mismatch("name of the earlier key", key.name(), origin));
        }
        if origin == ledger {
            return Err(Error::mismatch("earlier_origin", origin, "another ledger than this one"));
        }
        let bytes = STANDARD.decode(checkpoint);
        let bytes = bytes.map_err(|_| Error::malformed("earlier_checkpoint", checkpoint, "base64"))?;
        Self::read(key, Note::parse(&bytes)?)
    }

    fn read(key: VerifierKey, note: Note) -> Result<Self> {
        check_origin(key.name(), key.public_key())?;
        match note.verify_log(&key) {
            Err(Error::Missing { missing, .. }) => {
                return Err(Error::mismatch("signature of the earlier checkpoint", "none", missing));
            }
            other => other?,
        }
        let checkpoint = Checkpoint::parse(&note.text)?;
        if checkpoint.origin != key.name() {
            return Err(Error::mismatch("origin of the earlier checkpoint", &checkpoint.origin, key.name()));
        }
        Ok(Self { key, checkpoint, note: note.to_bytes() })
    }

    /// The claims, by name.
    pub fn claims(&self) -> [(&'static str, Value); 3] {
        let [checkpoint, key, origin] = CLAIMS;
        [
            (checkpoint, STANDARD.encode(&self.note).into()),
            (key, self.key.to_string().into()),
            (origin, self.key.name().into()),
        ]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::note::Signer;

    fn signed(seed: u8, size: u64) -> (Signer, Vec<u8>) {
        let key = Signer::from_seed("x", &[seed; 32]).unwrap().verifier_key();
        let origin = crate::checkpoint::origin("earlier.example", key.public_key().try_into().unwrap()).unwrap();
        let signer = Signer::from_seed(&origin, &[seed; 32]).unwrap();
        let text = Checkpoint { origin, size, root: [7; 32] }.to_text();
        let signatures = vec![signer.sign(&text)];
        (signer, Note { text, signatures }.to_bytes())
    }

    #[test]
    fn what_is_claimed_is_read_back_and_another_key_is_refused() {
        let (signer, note) = signed(1, 9);
        let earlier = Earlier::new(signer.verifier_key(), &note).unwrap();
        let claims: BTreeMap<String, Value> = earlier.claims().map(|(n, v)| (n.to_owned(), v)).into();
        assert_eq!(Earlier::of(&claims, "another/00").unwrap(), earlier);
        assert_eq!(earlier.checkpoint.size, 9);
        let refused = |name: &str, value: Value| {
            let mut claims = claims.clone();
            claims.insert(name.into(), value);
            Earlier::of(&claims, "another/00").unwrap_err()
        };
        assert!(Earlier::of(&claims, signer.verifier_key().name()).is_err(), "a ledger goes on after another one");
        refused("earlier_key", signed(2, 9).0.verifier_key().to_string().into());
        refused("earlier_origin", "elsewhere/00".into());
        refused("earlier_checkpoint", STANDARD.encode(signed(2, 9).1).into());
        assert!(matches!(refused("earlier_checkpoint", Value::Null), Error::Missing { .. }));
        assert!(Earlier::new(signed(2, 9).0.verifier_key(), &note).is_err());
    }
}
