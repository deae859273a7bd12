//! Looking a number or digest up in the node's own copies, for whoever holds only paper.
//!
//! The copies are read from end to end: no index could be wrong, and a million records take seconds.

use super::Desk;
use crate::{Error, Result};
use evidence::{hex, record};
use std::time::{Duration, Instant};

/// Records that are shown of one search.
pub(super) const MAX_FOUND: usize = 50;
/// A search ends by then.
const PATIENCE: Duration = Duration::from_secs(30);

/// A record of the node's own copy.
pub(super) struct Found {
    pub origin: String,
    pub index: u64,
    pub id: String,
    pub kind: &'static str,
    pub received_at: evidence::time::Utc,
    pub digests: Option<(String, String)>,
    pub record_sha256: String,
}

/// What a search came to.
#[derive(Default)]
pub(super) struct Search {
    pub found: Vec<Found>,
    /// Records that were looked at.
    pub looked: u64,
    /// Ended before the last record.
    pub cut: bool,
    /// Ledgers whose copy is not there just now, so that nothing of them was looked at.
    pub absent: Vec<String>,
}

impl Desk {
    /// Records of this number, digest (SHA-256 or SM3 of the file) or record digest.
    pub(super) fn find(&self, typed: &str) -> Result<Search> {
        let asked = normal(typed)?;
        let (began, mut search) = (Instant::now(), Search::default());
        let quoted = format!("\"{asked}\"");
        for watched in self.node.watched() {
            let Some(held) = watched.mirrored() else {
                search.absent.push(watched.log().origin().to_owned());
                continue;
            };
            for (index, leaf) in (0..).zip(watched.tree().entries(0, held.checkpoint.size)) {
                let leaf = leaf?;
                search.looked += 1;
                let named = std::str::from_utf8(&leaf).is_ok_and(|text| text.contains(&quoted));
                if named || (asked.len() == 64 && hex::encode(&record::record_digest(&leaf)) == asked) {
                    search.found.extend(shown(watched.log().origin(), index, &leaf, &asked));
                }
                if search.found.len() >= MAX_FOUND || (index % 1024 == 0 && began.elapsed() > PATIENCE) {
                    search.cut = true;
                    return Ok(search);
                }
            }
        }
        Ok(search)
    }
}

/// A record whose own number or digest it is; one that only refers to it is left out.
fn shown(origin: &str, index: u64, leaf: &[u8], asked: &str) -> Option<Found> {
    let statement = record::Record::parse(leaf).ok()?.statement;
    let digests = statement.file.as_ref().map(|f| (hex::encode(&f.digests.sha256), hex::encode(&f.digests.sm3)));
    let record_sha256 = hex::encode(&record::record_digest(leaf));
    let own =
        [Some(&statement.id), digests.as_ref().map(|d| &d.0), digests.as_ref().map(|d| &d.1), Some(&record_sha256)];
    own.contains(&Some(&asked.to_owned())).then(|| Found {
        origin: origin.to_owned(),
        index,
        kind: statement.kind.as_str(),
        received_at: statement.received_at,
        id: statement.id,
        digests,
        record_sha256,
    })
}

/// Spaces and case do not matter; a number has 36 characters, a digest 64.
fn normal(typed: &str) -> Result<String> {
    let kept: String = typed.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_lowercase()).take(65).collect();
    let digest = kept.len() == 64 && kept.bytes().all(|b| b.is_ascii_hexdigit());
    let number = kept.len() == 36
        && kept
            .bytes()
            .enumerate()
            .all(|(i, b)| if [8, 13, 18, 23].contains(&i) { b == b'-' } else { b.is_ascii_hexdigit() });
    if digest || number {
        return Ok(kept);
    }
    Err(Error::new(
        "请键入 36 位的存证编号，或 64 位十六进制的摘要（SHA-256、SM3 或记录摘要）",
        "type a record number of 36 characters, or a digest of 64 hexadecimal digits (SHA-256, SM3 or record digest)",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_on_paper_is_read_whatever_its_spaces() {
        assert_eq!(normal(" 01A22E7E-EC26-782d-a007-ef383ac119f5 ").unwrap(), "01a22e7e-ec26-782d-a007-ef383ac119f5");
        assert_eq!(normal(&"ABCDEF01 ".repeat(8)).unwrap(), "abcdef01".repeat(8));
        for bad in ["", "01a2", &"g".repeat(64), &"a".repeat(65), "01a22e7e-ec26-782d-a007_ef383ac119f5", "存证"] {
            assert!(normal(bad).is_err(), "{bad}");
        }
    }
}
