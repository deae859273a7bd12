//! C2SP tlog-proof v1, without the `extra` line.
//!
//! Rules: one spelling; at most 63 hashes; what follows the empty line is a signed checkpoint,
//! kept byte for byte. Nothing is verified here.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    Error, Result,
    checkpoint::{Checkpoint, decimal, parse_hash},
    merkle::Hash,
    note::Note,
};

/// Most hashes in a proof: a tree has fewer than 2⁶³ leaves.
pub const MAX_HASHES: usize = 63;

const HEADER: &str = "c2sp.org/tlog-proof@v1";

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
        let mut rest = bytes;
        let header = line(&mut rest)?;
        if header != HEADER {
            return Err(Error::malformed("tlog-proof header", header, HEADER));
        }
        let second = line(&mut rest)?;
        let Some(index) = second.strip_prefix("index ") else {
            return Err(Error::malformed("tlog-proof index", second, "`index N` (an `extra` line is not used)"));
        };
        let index = decimal("tlog-proof index", index)?;
        let mut hashes = Vec::new();
        loop {
            let text = line(&mut rest)?;
            if text.is_empty() {
                break;
            }
            if hashes.len() == MAX_HASHES {
                let (found, limit) = (MAX_HASHES as u64 + 1, MAX_HASHES as u64);
                return Err(Error::TooLarge { what: "number of hashes in the tlog-proof", found, limit });
            }
            hashes.push(parse_hash("tlog-proof hash", text)?);
        }
        Checkpoint::parse(&Note::parse(rest)?.text)?;
        Ok(Self { index, hashes, checkpoint: rest.to_vec() })
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{HEADER}\nindex {}\n", self.index);
        for hash in &self.hashes {
            STANDARD.encode_string(hash, &mut text);
            text.push('\n');
        }
        text.push('\n');
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.checkpoint);
        bytes
    }
}

/// Takes one line off `rest`. No line of a proof is longer than 64 bytes.
fn line<'a>(rest: &mut &'a [u8]) -> Result<&'a str> {
    const WHAT: &str = "tlog-proof line";
    let window = &rest[..rest.len().min(65)];
    let Some(end) = window.iter().position(|b| *b == b'\n') else {
        return Err(Error::malformed(WHAT, String::from_utf8_lossy(window), "a short line ending in a newline"));
    };
    let (text, after) = (&rest[..end], &rest[end + 1..]);
    *rest = after;
    std::str::from_utf8(text).map_err(|_| Error::malformed(WHAT, String::from_utf8_lossy(text), "UTF-8"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::note::Signer;

    fn checkpoint() -> Vec<u8> {
        let text = Checkpoint { origin: "example.com/log".into(), size: 9, root: [1; 32] }.to_text();
        let line = Signer::from_seed("example.com/log", &[3; 32]).unwrap().sign(&text);
        Note { text, signatures: vec![line] }.to_bytes()
    }

    fn proof(hashes: usize) -> TlogProof {
        TlogProof { index: 7, hashes: vec![[5; 32]; hashes], checkpoint: checkpoint() }
    }

    #[test]
    fn what_is_written_is_read() {
        for n in [0, 1, 4, 63] {
            assert_eq!(TlogProof::parse(&proof(n).to_bytes()), Ok(proof(n)));
        }
        assert!(matches!(TlogProof::parse(&proof(64).to_bytes()), Err(Error::TooLarge { found: 64, .. })));
    }

    #[test]
    fn other_spellings_are_refused() {
        let good = String::from_utf8(proof(2).to_bytes()).unwrap();
        let replaced = |from: &str, to: &str| {
            assert!(good.contains(from));
            good.replacen(from, to, 1)
        };
        for bad in [
            replaced("@v1", "@v2"),
            replaced("@v1\n", "@v1\nextra AAAA\n"),
            replaced("@v1\n", "@v1\r\n"),
            replaced("index 7", "index 07"),
            replaced("index 7", "index  7"),
            replaced("index 7", "index -7"),
            replaced("index 7", "Index 7"),
            replaced("index 7\n", ""),
            replaced("BQU=", "BQV="),
            replaced("BQU=", "BQU"),
            replaced("BQU=\n", "BQU= \n"),
            replaced("\n\n", "\n"),
            replaced("\n\n", "\n\n\n"),
            good[..good.len() - 1].to_owned(),
            format!("{good}\n"),
            format!("\u{feff}{good}"),
        ] {
            assert!(TlogProof::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            prop_assert!(TlogProof::parse(&bytes).is_err());
        }

        #[test]
        fn a_changed_proof_is_refused_or_written_back(at: prop::sample::Index, byte: u8) {
            let mut bytes = proof(3).to_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(read) = TlogProof::parse(&bytes) {
                prop_assert_eq!(read.to_bytes(), bytes);
            }
        }
    }
}
