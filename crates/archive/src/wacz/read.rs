//! The strict reader.

use super::{Page, Result, Source};
use evidence::time::Utc;

/// A WACZ whose form holds.
#[derive(Clone, Debug)]
pub struct Wacz {
    /// In file order, `warcinfo` apart.
    pub entries: Vec<Entry>,
    /// At least one.
    pub pages: Vec<Page>,
    /// Time and software as it says.
    pub about: super::About,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `request`, `response` or `resource`.
    pub kind: &'static str,
    /// URL or `urn:quezao:…`.
    pub target: String,
    /// `WARC-Date`.
    pub at: Utc,
    /// Of the whole gzip member, from the file's start.
    pub offset: u64,
    /// Of the whole gzip member.
    pub length: u64,
    /// SHA-256 of the payload: the body of a message, a resource's bytes.
    pub payload_sha256: [u8; 32],
    /// Bytes of the payload.
    pub payload_size: u64,
    /// HTTP status of a response.
    pub status: Option<u16>,
    /// Media type, as the head or the record says it.
    pub content_type: Option<String>,
}

/// Reads and checks all of it.
pub fn read(source: &mut dyn Source) -> Result<Wacz> {
    let _ = source;
    todo!()
}

impl Wacz {
    /// The resource `urn:quezao:NAME[/LABEL]`, given as `NAME[/LABEL]`.
    pub fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|e| e.target.strip_prefix("urn:quezao:") == Some(name))
    }

    /// The payload of an entry, at most `limit` bytes.
    pub fn payload(&self, source: &mut dyn Source, entry: &Entry, limit: u64) -> Result<Vec<u8>> {
        let _ = (source, entry, limit);
        todo!()
    }
}
