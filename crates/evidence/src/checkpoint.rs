//! C2SP tlog-checkpoint: origin, size and root, without extension lines.
//!
//! Rules: three lines, each in its one spelling; the origin is also the name of the log's key and
//! commits to that key, so one origin can never have two keys.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    Error, Result, digest, hex,
    merkle::{self, Hash},
    note,
};

/// Longest origin in bytes: an ML-DSA-44 cosignature gives its length one byte.
pub const MAX_ORIGIN: usize = 255;

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
        let refuse = || Error::malformed("checkpoint", text, "three lines: origin, size, root; no extension lines");
        let mut lines = text.strip_suffix('\n').ok_or_else(refuse)?.split('\n');
        let (Some(origin), Some(size), Some(root), None) = (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(refuse());
        };
        note::check_name("checkpoint origin", origin)?;
        if origin.len() > MAX_ORIGIN {
            return Err(Error::TooLarge {
                what: "checkpoint origin",
                found: origin.len() as u64,
                limit: MAX_ORIGIN as u64,
            });
        }
        let checkpoint = Self {
            origin: origin.to_owned(),
            size: decimal("checkpoint size", size)?,
            root: parse_hash("checkpoint root", root)?,
        };
        if checkpoint.size == 0 && checkpoint.root != merkle::empty_root() {
            let (found, expected) = (hex::encode(&checkpoint.root), hex::encode(&merkle::empty_root()));
            return Err(Error::mismatch("root of the empty tree", found, expected));
        }
        Ok(checkpoint)
    }

    /// The note's text.
    pub fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }
}

/// `NAME/` and the first 32 hex digits of SHA-256 of the raw Ed25519 public key.
///
/// `name` comes without the slash. Only `[0-9A-Za-z.:/_-]` is used for a new origin, as it is
/// printed into commands and used as a folder's name; reading is as wide as signed-note.
pub fn origin(name: &str, public_key: &[u8; 32]) -> Result<String> {
    let fits = |c: u8| c.is_ascii_alphanumeric() || b".:/_-".contains(&c);
    if !name.bytes().all(fits) || name.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err(Error::malformed("origin name", name, "segments of [0-9A-Za-z.:_-] joined by single slashes"));
    }
    let origin = format!("{name}/{}", key_segment(public_key));
    if origin.len() > MAX_ORIGIN {
        return Err(Error::TooLarge { what: "origin", found: origin.len() as u64, limit: MAX_ORIGIN as u64 });
    }
    Ok(origin)
}

/// Checks that `origin` was made from this key (last path segment only).
pub fn check_origin(origin: &str, public_key: &[u8]) -> Result<()> {
    let expected = key_segment(public_key);
    match origin.rsplit_once('/') {
        Some((name, found)) if !name.is_empty() && found == expected => Ok(()),
        _ => Err(Error::mismatch("origin", origin, format!("NAME/{expected}"))),
    }
}

fn key_segment(public_key: &[u8]) -> String {
    hex::encode(&digest::sha256(public_key)[..16])
}

/// A number in ASCII decimal, without leading zeroes, below 2⁶³ (other readers' integers are signed).
pub(crate) fn decimal(what: &'static str, text: &str) -> Result<u64> {
    let refuse = || Error::malformed(what, text, "a decimal number below 2^63, without leading zeroes");
    let plain = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if !plain {
        return Err(refuse());
    }
    text.parse::<i64>().ok().and_then(|n| u64::try_from(n).ok()).ok_or_else(refuse)
}

/// 32 bytes in canonical base64 (RFC 4648, section 4).
pub(crate) fn parse_hash(what: &'static str, text: &str) -> Result<Hash> {
    let refuse = || Error::malformed(what, text, "32 bytes in base64, padded, without stray bits");
    if text.len() != 44 {
        return Err(refuse());
    }
    STANDARD.decode(text).ok().and_then(|b| b.try_into().ok()).ok_or_else(refuse)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const ROOT: &str = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";

    #[test]
    fn the_specification_s_example_is_read() {
        let text = format!("example.com/behind-the-sofa\n20852163\n{ROOT}\n");
        let checkpoint = Checkpoint::parse(&text).unwrap();
        assert_eq!((checkpoint.origin.as_str(), checkpoint.size), ("example.com/behind-the-sofa", 20_852_163));
        assert_eq!(checkpoint.to_text(), text);
    }

    #[test]
    fn other_spellings_are_refused() {
        let stray_bits = format!("{}3=", &ROOT[..42]);
        for text in [
            String::new(),
            "\n".into(),
            format!("a\n1\n{ROOT}"),
            format!("\n1\n{ROOT}\n"),
            format!("a\n01\n{ROOT}\n"),
            format!("a\n+1\n{ROOT}\n"),
            format!("a\n-1\n{ROOT}\n"),
            format!("a\n\n{ROOT}\n"),
            format!("a\n 1\n{ROOT}\n"),
            format!("a\n1\r\n{ROOT}\n"),
            format!("a\n１\n{ROOT}\n"),
            format!("a\n9223372036854775808\n{ROOT}\n"),
            format!("a\n18446744073709551616\n{ROOT}\n"),
            format!("a\n1\n{}\n", &ROOT[..43]),
            format!("a\n1\n{ROOT}=\n"),
            format!("a\n1\n{stray_bits}\n"),
            format!("a\n1\n{ROOT}\nextension\n"),
            format!("a\n1\n{ROOT}\n\n"),
            format!("a b\n1\n{ROOT}\n"),
            format!("a+b\n1\n{ROOT}\n"),
            format!("{}\n1\n{ROOT}\n", "a".repeat(256)),
            format!("a\n0\n{ROOT}\n"),
        ] {
            assert!(Checkpoint::parse(&text).is_err(), "{text:?}");
        }
        let largest = format!("a\n9223372036854775807\n{ROOT}\n");
        assert_eq!(Checkpoint::parse(&largest).unwrap().to_text(), largest);
    }

    #[test]
    fn an_origin_has_one_key() {
        let made = origin("quezao.local", &[7; 32]).unwrap();
        assert_eq!(made.len(), "quezao.local/".len() + 32);
        check_origin(&made, &[7; 32]).unwrap();
        assert!(check_origin(&made, &[8; 32]).is_err());
        assert!(check_origin(made.strip_prefix("quezao.local").unwrap(), &[7; 32]).is_err());
        assert!(check_origin(&made.to_uppercase(), &[7; 32]).is_err());
        for bad in ["", "a/", "/a", "a//b", "a/../b", "a b", "a+b", "a\n", "存证", &"a".repeat(223)] {
            assert!(origin(bad, &[7; 32]).is_err(), "{bad}");
        }
        origin(&"a".repeat(222), &[7; 32]).unwrap();
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_would_be_written(text in "[a+ /\u{a0}]{0,3}\n[0-9+]{0,20}\n([A-Za-z0-9+/]{42}[A-Z]=|.{0,46})\n?.{0,3}\n?") {
            if let Ok(checkpoint) = Checkpoint::parse(&text) {
                prop_assert_eq!(checkpoint.to_text(), text);
            }
        }

        #[test]
        fn what_is_written_is_read(size in 1..=i64::MAX as u64, root: [u8; 32]) {
            let checkpoint = Checkpoint { origin: "quezao.local/x".into(), size, root };
            prop_assert_eq!(Checkpoint::parse(&checkpoint.to_text()), Ok(checkpoint));
        }
    }
}
