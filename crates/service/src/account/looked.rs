//! Which of an account's records a picture is, or looks like; and what the public ledger says of a number or digest.

use super::{Account, Actor, Answer, Item, Permission, Refusal};
use crate::{Folder, Near, Warnings};
use evidence::{digest::FileDigests, hex, record::Record, time::Utc};

/// Longest picture that is looked for.
pub const MAX_LOOKED: usize = 64 << 20;
/// Most records that are told.
const MOST: usize = 24;

/// A record that a picture is, or looks like.
#[derive(Clone, Debug)]
pub struct Alike {
    /// As the library lists it.
    pub item: Item,
    /// Distances.
    pub near: Near,
}

/// What a leaf says in clear: anybody may read it in the ledger's tiles.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// Record number.
    pub id: String,
    /// Statement's kind.
    pub kind: String,
    /// The platform's own clock.
    pub received_at: Utc,
    /// genTime of each token over the statement, as the record has it.
    pub stamped: Vec<String>,
    /// Leaf index, once the ledger has answered.
    pub index: Option<u64>,
    /// Whether a sealed checkpoint covers it, with the quorum that the ledger's policy asks for.
    pub sealed: bool,
    /// Whether it lacks only that quorum.
    pub unwitnessed: bool,
    /// SHA-256 of the leaf, hex.
    pub record_sha256: String,
    /// The file's.
    pub file: Option<FileDigests>,
    /// As recorded.
    pub media_type: Option<String>,
}

impl Folder {
    /// Records of the actor's that are these bytes or look like them, nearest first; and what limits the answer.
    pub fn alike(&self, actor: &Actor, bytes: Vec<u8>) -> Answer<(Vec<Alike>, Warnings)> {
        let person = self.allow(actor, Permission::View)?;
        let found = self.find_bytes(Account(person.account), bytes, MOST)?;
        let mut alike = Vec::new();
        for near in found.near {
            let Some(id) = near.line.id.as_deref() else { continue };
            if let Some(item) = self.shelved(person, id)? {
                alike.push(Alike { item, near });
            }
        }
        Ok((alike, found.warnings))
    }

    /// Leaves of this record number, or of this digest (of a file, by either function, or of a record).
    pub fn leaves(&self, typed: &str) -> Answer<Vec<Leaf>> {
        let rows = match Named::of(typed)? {
            Named::Number(id) => self.store.record(&id)?.into_iter().collect(),
            Named::Digest(digest) => self.store.by_any_digest(&digest, MOST as u32)?,
        };
        let reach = self.reach()?;
        let leaf = |row: store::Record| {
            let record = Record::parse(&row.record).map_err(crate::Error::from)?;
            let file = record.statement.file.as_ref();
            Ok(Leaf {
                received_at: record.statement.received_at,
                stamped: record.timestamps.iter().map(|t| t.gen_time.clone()).collect(),
                sealed: reach.settled(row.index),
                unwitnessed: reach.lacks_witnesses(row.index),
                record_sha256: hex::encode(&row.record_digest),
                file: file.map(|f| f.digests),
                media_type: file.map(|f| f.media_type.clone()),
                index: row.index,
                kind: row.kind,
                id: row.id,
            })
        };
        rows.into_iter().map(leaf).collect()
    }
}

/// What was typed from a certificate.
#[derive(Debug, PartialEq, Eq)]
enum Named {
    Number(String),
    Digest([u8; 32]),
}

impl Named {
    /// Spaces and case are the typist's; a digest may stand in groups.
    fn of(typed: &str) -> Answer<Self> {
        let plain: String = typed.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
        if let Ok(digest) = hex::decode("digest", &plain) {
            return Ok(Self::Digest(digest));
        }
        let groups: Vec<usize> = plain.split('-').map(str::len).collect();
        if groups == [8, 4, 4, 4, 12] && plain.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit()) {
            return Ok(Self::Number(plain));
        }
        let (digits, shown) = (plain.chars().count(), crate::show_path(std::path::Path::new(&short(typed))));
        Err(Refusal::field(
            "typed",
            format!("“{shown}”（{digits} 个字符）不是存证编号，也不是 64 位十六进制摘要；请对照证书第一页逐组核对"),
            format!(
                "\"{shown}\" ({digits} characters) is no record number and no digest of 64 hexadecimal digits; compare it \
                 with page one of the certificate, group by group"
            ),
        ))
    }
}

fn short(text: &str) -> String {
    text.trim().chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_retyped_from_paper_may_stand_in_groups() {
        let groups = "D9F2BABB 167353d0 55843c7d 537e6a66\n3023561f 921f8313 69ea1d65 7aa3051a";
        assert!(matches!(Named::of(groups).unwrap(), Named::Digest([0xd9, 0xf2, ..])));
        let number = " 01A20B83-8cfc-7d9f-abab-b167353d0558 ";
        assert_eq!(Named::of(number).unwrap(), Named::Number("01a20b83-8cfc-7d9f-abab-b167353d0558".into()));
        for bad in ["", "d9f2babb", "01a20b83-8cfc-7d9f-abab", "g9f2babb", &"é".repeat(300)] {
            assert!(Named::of(bad).is_err(), "{bad}");
        }
    }
}
