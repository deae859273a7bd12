//! WACZ 1.1.1: what a capture keeps, written canonically and read by writing it again and comparing.
//!
//! - [`Writer`] streams: no body is held in memory. The ZIP is the package's canonical one (stored, no free bit), with
//!   five entries: `archive/data.warc.gz` (one gzip member a record), `indexes/index.cdx`, `pages/pages.jsonl`,
//!   `datapackage.json`, `datapackage-digest.json`.
//! - [`read`] is strict: every byte belongs to a listed, hashed resource, and index, pages and package list are those
//!   that the writer would have written for these records.
//! - Records: `warcinfo` first; of an [`Exchange`] the `request`, then its `response`; a [`Resource`] is one record
//!   `urn:quezao:NAME[/LABEL]`. No other ones.

mod cdxj;
mod gzip;
mod read;
#[cfg(test)]
mod tests;
mod warc;
mod write;

pub use read::{Entry, Wacz, read};
pub use write::Writer;

use evidence::time::Utc;
use std::{
    fmt,
    io::{self, Cursor, Read, Seek, SeekFrom},
    net::IpAddr,
};

/// The version of the WACZ specification that is written.
pub const WACZ_VERSION: &str = "1.1.1";
/// Most bytes of a WACZ: no ZIP64.
pub const MAX_BYTES: u64 = u32::MAX as u64;
/// Most WARC records.
pub const MAX_RECORDS: usize = 100_000;
/// Most bytes of all records together, unpacked.
pub const MAX_UNPACKED: u64 = 8 << 30;
/// Most bytes of a request's or response's head.
pub const MAX_HEAD: usize = 256 << 10;
/// Most bytes of a URL.
pub const MAX_URL: usize = 64 << 10;
/// Most bytes each of index, pages and package list.
pub const MAX_LIST: u64 = 64 << 20;

/// Names of own artefacts, `urn:quezao:NAME[/LABEL]`.
pub const NAMES: [&str; 17] = [
    "order",
    "screenshot-full",
    "screenshot-viewport",
    "dom",
    "mhtml",
    "pdf",
    "film",
    "environment-before",
    "environment-after",
    "operations",
    "guard",
    "console",
    "heads",
    "chains",
    "facts",
    "text",
    "contact",
];

/// What the file says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Program and version, as the statement's `software`: `quezao 0.1.0`.
    pub software: String,
    /// When the capture ended.
    pub created: Utc,
    /// For readers; `None` if the page had none. The main page is the first that is written.
    pub title: Option<String>,
}

/// A request, and the response if one came.
#[derive(Debug)]
pub struct Exchange {
    /// http or https, as requested: ASCII without spaces, no fragment.
    pub url: String,
    /// Wall time of the request.
    pub at: Utc,
    /// The request.
    pub request: Message,
    /// The response; `None`: none came, and only the request is kept.
    pub response: Option<Message>,
    /// The peer, from the guard's log.
    pub ip_address: Option<IpAddr>,
    /// `WARC-Protocol`, one field each: `http/1.1`, `h2`, `tls/1.3`.
    pub protocols: Vec<String>,
    /// `WARC-Cipher-Suite`: `TLS_AES_128_GCM_SHA256`.
    pub cipher: Option<String>,
}

/// Head and body of a request or response.
#[derive(Debug)]
pub struct Message {
    /// Start line and fields through the empty line, CR LF each.
    pub head: Vec<u8>,
    /// Where the head's bytes come from.
    pub head_source: HeadSource,
    /// What follows the head.
    pub body: Body,
    /// Whether that is what was on the wire.
    pub coding: Coding,
    /// Why the body ends early, if it does.
    pub truncated: Option<Truncated>,
}

/// Where a head's bytes come from (`Quezao-Head`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadSource {
    /// `wire`: as the browser sent or received them.
    Wire,
    /// `browser`: put together from the fields that the browser reported.
    Browser,
}

/// Whether a body is as it was on the wire (`Quezao-Body`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// `wire`: nothing was taken off.
    Wire,
    /// `decoded`: content and transfer codings were taken off. The writer renames `Content-Encoding`,
    /// `Transfer-Encoding` and `Content-Length` in the head to `x-orig-…`.
    Decoded,
}

/// `WARC-Truncated` (WARC 1.1, 5.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Truncated {
    Length,
    Time,
    Disconnect,
    Unspecified,
}

/// One own artefact.
#[derive(Debug)]
pub struct Resource {
    /// One of [`NAMES`].
    pub name: String,
    /// `[a-z0-9-]+`, where there are several.
    pub label: Option<String>,
    /// Media type, `image/png`.
    pub content_type: String,
    /// When it was made.
    pub at: Utc,
    /// Its bytes.
    pub body: Body,
}

/// A line of `pages.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Where a replay starts: the page's final URL.
    pub url: String,
    /// As shown; any text.
    pub title: Option<String>,
    /// When it was opened.
    pub at: Utc,
    /// Visible text.
    pub text: Option<String>,
}

/// What the writer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Bytes of the file.
    pub size: u64,
    /// Records, `warcinfo` included.
    pub records: usize,
}

/// Bytes that can be read twice: once for the digests that stand before them, once to be written.
pub trait Source: Read + Seek {}
impl<T: Read + Seek + ?Sized> Source for T {}

/// A body, in memory or anywhere else.
pub enum Body {
    /// In memory.
    Bytes(Vec<u8>),
    /// A file, say; all of it.
    Source(Box<dyn Source + Send>),
}

impl Body {
    /// No bytes.
    pub fn empty() -> Self {
        Self::Bytes(Vec::new())
    }

    /// Everything from the start, twice if need be: rewinds each time.
    fn each(&mut self, mut see: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        match self {
            Self::Bytes(bytes) => see(bytes),
            Self::Source(source) => {
                source.seek(SeekFrom::Start(0))?;
                let mut buffer = vec![0; 64 << 10];
                loop {
                    match source.read(&mut buffer)? {
                        0 => return Ok(()),
                        n => see(&buffer[..n])?,
                    }
                }
            }
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Source(_) => f.write_str("a source"),
        }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl Message {
    /// A message as the browser reports it: start line without CR LF, fields in order. Control characters in them are
    /// refused by the writer.
    pub fn reported<'f>(start: &str, fields: impl IntoIterator<Item = (&'f str, &'f str)>, body: Body) -> Self {
        let mut head = format!("{start}\r\n");
        fields.into_iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        head.push_str("\r\n");
        let (head_source, coding) = (HeadSource::Browser, Coding::Decoded);
        Self { head: head.into_bytes(), head_source, body, coding, truncated: None }
    }
}

/// Whether the writer takes this head of a request or response, as it was on the wire. Where it does not (a line that
/// ends in LF alone, say), [`Message::reported`] makes one from its fields.
pub fn takes_head(head: &[u8], request: bool) -> bool {
    let kind = if request { warc::Kind::Request } else { warc::Kind::Response };
    warc::head(head, kind, Coding::Wire).is_ok()
}

/// Why a WACZ could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not have its form.
    #[error(transparent)]
    Form(#[from] evidence::Error),
    /// The disk's or another source's error.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Shorthand of this module.
pub type Result<T> = std::result::Result<T, Error>;

/// A reader over bytes in memory.
pub fn in_memory(bytes: &[u8]) -> Cursor<&[u8]> {
    Cursor::new(bytes)
}
