//! C2SP signed-note: a text and the signatures under it.
//!
//! Rules: one spelling; 1 to 16 signature lines, none over 5,000 bytes, no two of one key; a line of
//! an unknown key is kept and never counted. Ed25519 is RFC 8032 without the cofactor: S < L, A and R
//! canonical, A not of small order, so that every reader accepts the same signatures.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer as _, SigningKey, Verifier as _, VerifyingKey};

use crate::{Error, Result, digest, hex};

/// Most signature lines.
pub const MAX_LINES: usize = 16;
/// Longest line in bytes, without its newline.
pub const MAX_LINE: usize = 5_000;
/// Longest note in bytes: sixteen lines of the longest kind and a text of the same order.
pub const MAX_NOTE: usize = 128 * 1024;

const DASH: &str = "— ";

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

impl KeyType {
    /// The signature type identifier byte.
    pub fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Cosignature => 0x04,
            Self::MlDsa44 => 0x06,
            Self::Other(byte) => byte,
        }
    }

    fn from_byte(byte: u8) -> Self {
        match byte {
            0x01 => Self::Ed25519,
            0x04 => Self::Cosignature,
            0x06 => Self::MlDsa44,
            other => Self::Other(other),
        }
    }
}

/// A verifier key (vkey): `name+hex(id)+base64(type ‖ key)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    key_type: KeyType,
    public_key: Vec<u8>,
}

impl VerifierKey {
    /// Parses a vkey; refuses a key id that does not match, a name with spaces or `+`, weak Ed25519 keys.
    ///
    /// A key of another type is read as it stands: its id and key are that type's own to define.
    pub fn parse(vkey: &str) -> Result<Self> {
        if vkey.len() > MAX_LINE {
            return Err(Error::TooLarge { what: "vkey", found: vkey.len() as u64, limit: MAX_LINE as u64 });
        }
        let refuse = || Error::malformed("vkey", vkey, "name+hex(id)+base64(type, key)");
        // The base64 may itself hold a plus; name and id may not.
        let mut parts = vkey.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(refuse());
        };
        let id: [u8; 4] = hex::decode("vkey id", id)?;
        let key = STANDARD.decode(key).map_err(|_| refuse())?;
        let (key_type, public_key) = key.split_first().ok_or_else(refuse)?;
        let key_type = KeyType::from_byte(*key_type);
        if let KeyType::Other(_) = key_type {
            check_name("vkey name", name)?;
            return Ok(Self { name: name.to_owned(), id, key_type, public_key: public_key.to_vec() });
        }
        let read = Self::new(name, key_type, public_key)?;
        if read.id != id {
            return Err(Error::mismatch("vkey id", hex::encode(&id), hex::encode(&read.id)));
        }
        Ok(read)
    }

    /// A key of a known type, its id computed. Ed25519 keys are 32 bytes, ML-DSA-44 keys 1312.
    pub fn new(name: &str, key_type: KeyType, public_key: &[u8]) -> Result<Self> {
        check_name("vkey name", name)?;
        match key_type {
            KeyType::Ed25519 | KeyType::Cosignature => {
                ed25519_key(public_key)?;
            }
            KeyType::MlDsa44 if public_key.len() == 1312 => {}
            KeyType::MlDsa44 => {
                let found = format!("{} bytes", public_key.len());
                return Err(Error::malformed("ML-DSA-44 public key", found, "1312 bytes"));
            }
            KeyType::Other(byte) => {
                return Err(Error::Unknown { what: "signature type", found: format!("{byte:#04x}") });
            }
        }
        let id = key_id(name, key_type, public_key);
        Ok(Self { name: name.to_owned(), id, key_type, public_key: public_key.to_vec() })
    }

    /// Key name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Key id: first four bytes of SHA-256(name ‖ 0x0A ‖ type ‖ key).
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    /// Type.
    pub fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// Raw public key, without the type byte.
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// Whether a line claims to be this key's.
    pub fn owns(&self, line: &SignatureLine) -> bool {
        line.name == self.name && line.id == self.id
    }

    /// Name and id, printable, for errors: a whole ML-DSA-44 vkey is too long to read.
    pub(crate) fn label(&self) -> String {
        format!("{}+{}", crate::error::printable(&self.name), hex::encode(&self.id))
    }

    /// Ed25519 under this key, as the module's first lines say.
    pub(crate) fn verify_ed25519(&self, what: &'static str, message: &[u8], signature: &[u8]) -> Result<()> {
        let refuse = || Error::Signature { what, key: self.label() };
        let signature = Signature::from_slice(signature).map_err(|_| refuse())?;
        // `verify` recomputes R and compares encodings, so R is canonical, and refuses S >= L.
        // `verify_strict` would also refuse an R of small order, which RFC 8032 and OpenSSL accept.
        ed25519_key(&self.public_key)?.verify(message, &signature).map_err(|_| refuse())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![self.key_type.byte()];
        key.extend_from_slice(&self.public_key);
        write!(f, "{}+{}+{}", self.name, hex::encode(&self.id), STANDARD.encode(key))
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

impl SignatureLine {
    /// Parses one line, given without its newline.
    pub fn parse(line: &str) -> Result<Self> {
        let refuse = || Error::malformed("signature line", line, "— name base64(id, signature)");
        if line.len() > MAX_LINE {
            return Err(Error::malformed(
                "signature line",
                format!("{} bytes", line.len()),
                format!("at most {MAX_LINE} bytes"),
            ));
        }
        let (name, rest) = line.strip_prefix(DASH).and_then(|l| l.split_once(' ')).ok_or_else(refuse)?;
        check_name("key name of a signature line", name)?;
        let bytes = STANDARD.decode(rest).map_err(|_| refuse())?;
        match bytes.split_first_chunk::<4>() {
            Some((id, signature)) if !signature.is_empty() => {
                Ok(Self { name: name.to_owned(), id: *id, signature: signature.to_vec() })
            }
            _ => Err(refuse()),
        }
    }
}

/// The line without its newline.
impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.id[..], &self.signature].concat();
        write!(f, "{DASH}{} {}", self.name, STANDARD.encode(bytes))
    }
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
        const WHAT: &str = "signed note";
        if bytes.len() > MAX_NOTE {
            return Err(Error::TooLarge { what: WHAT, found: bytes.len() as u64, limit: MAX_NOTE as u64 });
        }
        let note = std::str::from_utf8(bytes)
            .map_err(|e| Error::malformed(WHAT, format!("byte {} is not UTF-8", e.valid_up_to()), "UTF-8"))?;
        if let Some(c) = note.chars().find(|c| *c < ' ' && *c != '\n') {
            return Err(Error::malformed(WHAT, c.to_string(), "no control characters but the newline"));
        }
        let refuse =
            || Error::malformed(WHAT, note, "a text, an empty line, signature lines, each ending in a newline");
        let split = note.rfind("\n\n").ok_or_else(refuse)?;
        let (text, lines) = (&note[..=split], &note[split + 2..]);
        if let Some(long) = text.split('\n').find(|l| l.len() > MAX_LINE) {
            let found = format!("a line of {} bytes", long.len());
            return Err(Error::malformed(WHAT, found, format!("lines of at most {MAX_LINE} bytes")));
        }
        let lines: Vec<&str> = lines.strip_suffix('\n').ok_or_else(refuse)?.split('\n').collect();
        if lines.len() > MAX_LINES {
            let found = format!("{} signature lines", lines.len());
            return Err(Error::malformed(WHAT, found, format!("at most {MAX_LINES}")));
        }
        let signatures = lines.into_iter().map(SignatureLine::parse).collect::<Result<Vec<_>>>()?;
        for (n, line) in signatures.iter().enumerate() {
            if signatures[..n].iter().any(|other| other.name == line.name && other.id == line.id) {
                let found = format!("two lines of {} {}", line.name, hex::encode(&line.id));
                return Err(Error::malformed(WHAT, found, "one line of each key"));
            }
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// The exact bytes of the note. As each part has one spelling, they are the bytes that were parsed.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = format!("{}\n", self.text);
        for line in &self.signatures {
            out.push_str(&line.to_string());
            out.push('\n');
        }
        out.into_bytes()
    }

    /// Checks the log's own type 01 line; a note without one is [`crate::Error::Missing`].
    pub fn verify_log(&self, key: &VerifierKey) -> Result<()> {
        const WHAT: &str = "log signature";
        if key.key_type != KeyType::Ed25519 {
            return Err(Error::mismatch(
                "signature type of the log key",
                format!("{:#04x}", key.key_type.byte()),
                "0x01, Ed25519",
            ));
        }
        match self.line_of(key) {
            Some(line) => key.verify_ed25519(WHAT, self.text.as_bytes(), &line.signature),
            None => Err(Error::Missing { what: WHAT, missing: format!("a line of {}", key.label()) }),
        }
    }

    /// The line that claims to be this key's.
    pub fn line_of(&self, key: &VerifierKey) -> Option<&SignatureLine> {
        self.signatures.iter().find(|line| key.owns(line))
    }
}

/// An Ed25519 signing key with its name (type 01).
pub struct Signer {
    key: SigningKey,
    verifier: VerifierKey,
}

impl Signer {
    /// From a 32-byte RFC 8032 seed.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self> {
        Self::of_type(name, KeyType::Ed25519, seed)
    }

    /// The public half.
    pub fn verifier_key(&self) -> VerifierKey {
        self.verifier.clone()
    }

    /// Signs `text` (which must end in a newline).
    pub fn sign(&self, text: &str) -> SignatureLine {
        self.line(self.raw(text.as_bytes()).to_vec())
    }

    pub(crate) fn of_type(name: &str, key_type: KeyType, seed: &[u8; 32]) -> Result<Self> {
        let key = SigningKey::from_bytes(seed);
        let verifier = VerifierKey::new(name, key_type, key.verifying_key().as_bytes())?;
        Ok(Self { key, verifier })
    }

    pub(crate) fn raw(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }

    pub(crate) fn line(&self, signature: Vec<u8>) -> SignatureLine {
        SignatureLine { name: self.verifier.name.clone(), id: self.verifier.id, signature }
    }
}

/// A key name: not empty, no Unicode spaces, no plus, and nothing that a note cannot hold.
pub(crate) fn check_name(what: &'static str, name: &str) -> Result<()> {
    if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c == '+' || c < ' ') {
        return Err(Error::malformed(what, name, "a name without spaces, plus and control characters"));
    }
    Ok(())
}

fn key_id(name: &str, key_type: KeyType, public_key: &[u8]) -> [u8; 4] {
    let hash = digest::sha256(&[name.as_bytes(), b"\n", &[key_type.byte()], public_key].concat());
    [hash[0], hash[1], hash[2], hash[3]]
}

/// A point in its one encoding that is not of small order.
fn ed25519_key(bytes: &[u8]) -> Result<VerifyingKey> {
    let refuse = |expected| Error::malformed("Ed25519 public key", hex::encode(bytes), expected);
    let array: &[u8; 32] = bytes.try_into().map_err(|_| refuse("32 bytes"))?;
    // The library reads y as ZIP-215 does, also from p up; y < p = 2^255 - 19 is checked here. The
    // other double encoding, x = 0 with the sign set, is of small order.
    let beyond_p = array[0] >= 0xed && array[1..31].iter().all(|b| *b == 0xff) && array[31] & 0x7f == 0x7f;
    if beyond_p {
        return Err(refuse("the canonical encoding of a point"));
    }
    let key = VerifyingKey::from_bytes(array).map_err(|_| refuse("a point of the curve"))?;
    if key.is_weak() {
        return Err(refuse("a point that is not of small order"));
    }
    Ok(key)
}

#[cfg(test)]
mod tests;
