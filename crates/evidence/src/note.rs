//! C2SP signed-note: a text and the signatures under it.
use crate::Result;
/// What kind of key signs (C2SP signed-note, signature types).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// 0x01: Ed25519 over the note text.
    Ed25519,
    /// 0x04: Ed25519 cosignature (C2SP tlog-cosignature).
    Cosignature,
    /// 0x06: ML-DSA-44 cosignature.
    MlDsa44,
    /// Any other: ignored in a note, refused in a policy.
    Other(u8),
}
/// A verifier key (vkey): `name+hex(id)+base64(type ‖ key)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VerifierKey {/* private fields */}
impl VerifierKey {
    /// Parses a vkey; refuses a key id that does not match, a name with spaces or `+`, weak Ed25519 keys.
    pub fn parse(vkey: &str) -> Result<Self> {
        let _ = vkey;
        todo!()
    }
    /// Key name.
    pub fn name(&self) -> &str {
        todo!()
    }
    /// Key id: first four bytes of SHA-256(name ‖ 0x0A ‖ type ‖ key).
    pub fn id(&self) -> [u8; 4] {
        todo!()
    }
    /// Type.
    pub fn key_type(&self) -> KeyType {
        todo!()
    }
    /// Raw public key, without the type byte.
    pub fn public_key(&self) -> &[u8] {
        todo!()
    }
}
impl std::fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let _ = f;
        todo!()
    }
}
/// One signature line: `— name base64(id ‖ signature)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureLine {
    /// Key name.
    pub name: String,
    /// Key id.
    pub id: [u8; 4],
    /// The bytes after the key id.
    pub signature: Vec<u8>,
}
/// A parsed note. Parsing says nothing about the signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The signed text, with its final newline.
    pub text: String,
    /// The lines, in order.
    pub signatures: Vec<SignatureLine>,
}
impl Note {
    /// Strict: UTF-8, no control characters but LF, 1 to 16 lines, no line over 5 kB, no two lines of equal name and id.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let _ = bytes;
        todo!()
    }
    /// The exact bytes of the note.
    pub fn to_bytes(&self) -> Vec<u8> {
        todo!()
    }
    /// Checks the log's own type 01 line; a note without one is [`crate::Error::Missing`].
    pub fn verify_log(&self, key: &VerifierKey) -> Result<()> {
        let _ = key;
        todo!()
    }
}
/// An Ed25519 signing key with its name (type 01).
pub struct Signer {/* private fields */}
impl Signer {
    /// From a 32-byte RFC 8032 seed.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self> {
        let _ = (name, seed);
        todo!()
    }
    /// The public half.
    pub fn verifier_key(&self) -> VerifierKey {
        todo!()
    }
    /// Signs `text` (which must end in a newline).
    pub fn sign(&self, text: &str) -> SignatureLine {
        let _ = text;
        todo!()
    }
}
