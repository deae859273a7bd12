//! The body of `add-checkpoint` (C2SP tlog-witness): what a log asks a witness to cosign.
//!
//! Rules: `old N`, at most 63 hashes in base64, an empty line, the signed note; every line ends in a newline and has
//! one spelling. Pure: bytes in, a request or the reason out.

use base64::{Engine, engine::general_purpose::STANDARD};
use evidence::{
    Error, Result,
    merkle::Hash,
    note::{MAX_NOTE, Note},
};

/// Most hashes of a consistency proof.
pub const MAX_PROOF: usize = 63;
/// Longest body in bytes.
pub const MAX_REQUEST: usize = 32 + MAX_PROOF * 45 + MAX_NOTE;

const WHAT: &str = "add-checkpoint request";

/// A request that was read. Nothing in it is believed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Leaves of the checkpoint that the witness is said to have cosigned last.
    pub old: u64,
    /// From there to the checkpoint.
    pub proof: Vec<Hash>,
    /// The checkpoint with its signatures.
    pub note: Note,
}

impl Request {
    /// Reads the exact bytes of a body.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MAX_REQUEST {
            return Err(Error::TooLarge { what: WHAT, found: bytes.len() as u64, limit: MAX_REQUEST as u64 });
        }
        let expected = "old SIZE, at most 63 hashes, an empty line, a checkpoint";
        let at = bytes.windows(2).position(|pair| pair == b"\n\n");
        let (head, note) = at
            .map(|at| (&bytes[..at], &bytes[at + 2..]))
            .ok_or_else(|| Error::malformed(WHAT, String::from_utf8_lossy(&bytes[..bytes.len().min(80)]), expected))?;
        let head = std::str::from_utf8(head).map_err(|_| Error::malformed(WHAT, "no UTF-8", expected))?;
        let mut lines = head.split('\n');
        let first = lines.next().unwrap_or_default();
        let old = first.strip_prefix("old ").and_then(decimal);
        let old = old.ok_or_else(|| Error::malformed("old size line", first, "old, a space, a decimal below 2^63"))?;
        let proof = lines.map(hash).collect::<Result<Vec<Hash>>>()?;
        if proof.len() > MAX_PROOF {
            return Err(Error::TooLarge { what: "proof lines", found: proof.len() as u64, limit: MAX_PROOF as u64 });
        }
        Ok(Self { old, proof, note: Note::parse(note)? })
    }

    /// The body.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = format!("old {}\n{}\n", self.old, lines(&self.proof)).into_bytes();
        out.extend(self.note.to_bytes());
        out
    }
}

/// Hashes in base64, a line each.
pub(crate) fn lines(proof: &[Hash]) -> String {
    proof.iter().map(|hash| STANDARD.encode(hash) + "\n").collect()
}

fn hash(line: &str) -> Result<Hash> {
    let refuse = || Error::malformed("proof line", line, "32 bytes in base64, padded, without stray bits");
    let bytes = if line.len() == 44 { STANDARD.decode(line).ok() } else { None };
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(refuse)
}

/// A number in its one ASCII spelling, below 2⁶³.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let n: u64 = text.parse().ok()?;
    (n.to_string() == text && i64::try_from(n).is_ok()).then_some(n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence::note::Signer;
    use proptest::prelude::*;

    fn note() -> Note {
        let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        let signer = Signer::from_seed("example.com/behind-the-sofa", &[1; 32]).unwrap();
        Note { text: text.into(), signatures: vec![signer.sign(text)] }
    }

    fn body(head: &str) -> Vec<u8> {
        [head.as_bytes(), b"\n", &note().to_bytes()].concat()
    }

    const HASH: &str = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n";

    #[test]
    fn what_the_specification_shows_is_read() {
        let bytes = body(&format!("old 20852014\n{HASH}{HASH}"));
        let read = Request::parse(&bytes).unwrap();
        assert_eq!((read.old, read.proof.len(), &read.note), (20_852_014, 2, &note()));
        assert_eq!(read.to_bytes(), bytes);
        let none = Request::parse(&body("old 0\n")).unwrap();
        assert!(none.old == 0 && none.proof.is_empty());
        Request::parse(&body(&format!("old 1\n{}", HASH.repeat(63)))).unwrap();
    }

    #[test]
    fn other_spellings_are_refused_by_name() {
        let bad = [
            ("", "old size line"),
            ("old\n", "old size line"),
            ("old  1\n", "old size line"),
            ("old 01\n", "old size line"),
            ("old +1\n", "old size line"),
            ("old -1\n", "old size line"),
            ("old １\n", "old size line"),
            ("old 1\r\n", "old size line"),
            ("old 9223372036854775808\n", "old size line"),
            ("Old 1\n", "old size line"),
            ("old 1\nPlRN\n", "proof line"),
            ("old 1\nPlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkax=\n", "proof line"),
            ("old 1\n PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n", "proof line"),
        ];
        for (head, what) in bad {
            let why = Request::parse(&body(head)).unwrap_err().to_string();
            assert!(why.starts_with(what), "{head:?}: {why}");
        }
        let many = body(&format!("old 1\n{}", HASH.repeat(64)));
        assert!(Request::parse(&many).unwrap_err().to_string().starts_with("proof lines: 64"));
        assert!(
            Request::parse(b"old 1\n").is_err() && Request::parse(b"").is_err() && Request::parse(b"\n\n").is_err()
        );
        assert!(Request::parse(&vec![b'a'; MAX_REQUEST + 1]).unwrap_err().to_string().contains("limit"));
        let cut = body("old 1\n");
        assert!((0..cut.len()).all(|n| Request::parse(&cut[..n]).is_err()), "no beginning is a request");
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_would_be_written(head in "(old [0-9]{1,3}\n){0,1}([A-Za-z0-9+/]{42}[AQgw]=\n){0,2}\n?.{0,2}") {
            let bytes = body(&head);
            if let Ok(read) = Request::parse(&bytes) {
                prop_assert_eq!(read.to_bytes(), bytes);
            }
        }
    }
}
