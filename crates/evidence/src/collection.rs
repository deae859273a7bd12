//! `manifest.jsonl`: the pictures that a collection names, a line each (spec/collection.md).
//!
//! Each line is canonical JSON and ends with LF; lines ascend by leaf index. So one list has one spelling, and what
//! [`Manifest::parse`] takes, [`Manifest::to_bytes`] writes.

use crate::{Error, Result, digest::FileDigests, hex, json, statement};
use std::collections::BTreeSet;

/// Most lines.
pub const MAX_LINES: usize = 1_000;
/// Most bytes of a line, its LF included.
pub const MAX_LINE: usize = 512;

const WHAT: &str = "manifest.jsonl";
const MEMBERS: [&str; 6] = ["id", "index", "record_sha256", "sha256", "size", "sm3"];

/// One picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its record number.
    pub id: String,
    /// Its leaf's index, from 1.
    pub index: u64,
    /// SHA-256 of its `record.json`.
    pub record_sha256: [u8; 32],
    /// As its statement names the file.
    pub digests: FileDigests,
}

/// A list that obeys every rule of its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest(Vec<Line>);

impl Manifest {
    /// The list of these lines, which ascend by index.
    ///
    /// # Errors
    /// No line or more than [`MAX_LINES`]; an index or record number that is out of order, twice, or out of bounds.
    pub fn new(lines: Vec<Line>) -> Result<Self> {
        if lines.len() > MAX_LINES {
            return Err(Error::TooLarge { what: WHAT, found: lines.len() as u64, limit: MAX_LINES as u64 });
        }
        if lines.is_empty() {
            return Err(Error::malformed(WHAT, "no line", "one or more"));
        }
        let mut ids = BTreeSet::new();
        let mut before = 0;
        for line in &lines {
            statement::id_millis(&line.id)?;
            if line.index <= before {
                let found = format!("index {} after {before}", line.index);
                return Err(Error::malformed(WHAT, found, "lines ascending by index, from 1"));
            }
            if !ids.insert(&line.id) {
                return Err(Error::malformed(WHAT, format!("{} twice", line.id), "each record once"));
            }
            let most = json::MAX_INTEGER as u64;
            if line.index > most || !(1..=most).contains(&line.digests.size) {
                let found = format!("index {}, size {}", line.index, line.digests.size);
                return Err(Error::malformed(WHAT, found, "1 to 2^53-1"));
            }
            before = line.index;
        }
        Ok(Self(lines))
    }

    /// Reads the exact bytes of `manifest.jsonl`.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a member that version 1 does not know; all else malformed.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let limit = MAX_LINES * MAX_LINE;
        if bytes.len() > limit {
            return Err(Error::TooLarge { what: WHAT, found: bytes.len() as u64, limit: limit as u64 });
        }
        let Some(body) = bytes.strip_suffix(b"\n") else {
            return Err(Error::malformed(WHAT, "no LF at the end", "lines, each ending with LF"));
        };
        Self::new(body.split(|b| *b == b'\n').map(Line::parse).collect::<Result<_>>()?)
    }

    /// The exact bytes of `manifest.jsonl`.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        for line in &self.0 {
            out.extend(line.to_bytes()?);
            out.push(b'\n');
        }
        Ok(out)
    }

    /// In their order.
    pub fn lines(&self) -> &[Line] {
        &self.0
    }
}

impl Line {
    fn parse(bytes: &[u8]) -> Result<Self> {
        let value = json::parse(WHAT, bytes, MAX_LINE - 1)?;
        let members = json::closed(WHAT, &value, &MEMBERS)?;
        let text = |name: &'static str| json::string(name, &members[name]);
        let number = |name: &'static str| {
            let value = &members[name];
            value.as_u64().ok_or_else(|| Error::malformed(name, value.to_string(), "an integer from 1"))
        };
        Ok(Self {
            id: text("id")?.to_owned(),
            index: number("index")?,
            record_sha256: hex::decode("record_sha256", text("record_sha256")?)?,
            digests: FileDigests {
                sha256: hex::decode("sha256", text("sha256")?)?,
                sm3: hex::decode("sm3", text("sm3")?)?,
                size: number("size")?,
            },
        })
    }

    fn to_bytes(&self) -> Result<Vec<u8>> {
        let value = json::json!({
            "id": self.id, "index": self.index, "record_sha256": hex::encode(&self.record_sha256),
            "sha256": hex::encode(&self.digests.sha256), "size": self.digests.size,
            "sm3": hex::encode(&self.digests.sm3),
        });
        json::to_bytes(WHAT, &value)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn line(index: u64, n: u64) -> Line {
        let digests = FileDigests { size: 1 + n, ..FileDigests::of(&n.to_be_bytes()) };
        Line {
            id: format!("019b8f3c-0000-7000-8000-{:012x}", n & 0xffff_ffff_ffff),
            index,
            record_sha256: crate::digest::sha256(&index.to_be_bytes()),
            digests,
        }
    }

    #[test]
    fn the_longest_list_fits() {
        let most = json::MAX_INTEGER as u64;
        let lines: Vec<Line> = (0..1_000).map(|n| line(most - 999 + n, most - 1 - n)).collect();
        let bytes = Manifest::new(lines.clone()).unwrap().to_bytes().unwrap();
        assert_eq!(Manifest::parse(&bytes).unwrap().lines(), lines);
        assert!(Manifest::new((1..=1_001).map(|n| line(n, n)).collect()).is_err());
    }

    #[test]
    fn what_is_not_the_one_spelling_is_refused() {
        let good = String::from_utf8(Manifest::new(vec![line(3, 1), line(7, 2)]).unwrap().to_bytes().unwrap()).unwrap();
        let (first, second) = good.trim_end().split_once('\n').unwrap();
        for bad in [
            String::new(),
            "\n".into(),
            good.trim_end().into(),
            format!("{good}\n"),
            good.replace('\n', "\r\n"),
            format!("{second}\n{first}\n"),
            format!("{first}\n{first}\n"),
            good.replace("\"index\":7", "\"index\":3"),
            good.replace("\"index\":3", "\"index\":0"),
            good.replace("\"index\":3", "\"index\":3.0"),
            good.replace("\"size\":2", "\"size\":0"),
            good.replace("-7000-", "-4000-"),
            good.replace("000000000002", "000000000001"),
            good.replace("\"sm3\"", "\"sm4\""),
            good.replace(",\"index\"", ", \"index\""),
            good.to_uppercase(),
        ] {
            assert!(Manifest::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        let more = good.replace(",\"sm3\"", ",\"sm2\":1,\"sm3\"");
        assert!(Manifest::parse(more.as_bytes()).unwrap_err().is_incomplete());
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_would_be_written(bytes: Vec<u8>) {
            if let Ok(manifest) = Manifest::parse(&bytes) {
                prop_assert_eq!(manifest.to_bytes().unwrap(), bytes);
            }
        }

        #[test]
        fn a_changed_byte_is_another_list_or_none(steps in prop::collection::vec(1u64..1000, 1..6), at: usize, to: u8) {
            let mut index = 0;
            let lines = steps.iter().enumerate().map(|(n, step)| { index += step; line(index, n as u64) }).collect();
            let bytes = Manifest::new(lines).unwrap().to_bytes().unwrap();
            let mut other = bytes.clone();
            let at = at % bytes.len();
            other[at] = to;
            if let Ok(read) = Manifest::parse(&other) {
                prop_assert_eq!(read.to_bytes().unwrap(), other);
            }
        }
    }
}
