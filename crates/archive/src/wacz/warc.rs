//! WARC 1.1 records: headers in one order and spelling, heads of HTTP messages.
//!
//! A header that parses is compared with what would have been written, its id included: `WARC-Record-ID` is a UUID
//! (version 8) from the other fields and the record's number.

use super::{Coding, HeadSource, MAX_HEAD, MAX_URL, NAMES, Truncated};
use evidence::{Error, Result, digest, hex, time::Utc};
use std::net::IpAddr;

/// Most bytes of a record's header: a URL and a few short fields.
pub(super) const MAX_HEADER: usize = MAX_URL + (8 << 10);
/// Before each own artefact's name.
pub(super) const URN: &str = "urn:quezao:";

const WHAT: &str = "WARC header";
const VERSION: &str = "WARC/1.1\r\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Info,
    Request,
    Response,
    Resource,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Info => "warcinfo",
            Self::Request => "request",
            Self::Response => "response",
            Self::Resource => "resource",
        }
    }
}

/// A record's header, its id apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) date: Utc,
    /// Absent in a `warcinfo`.
    pub(super) target: Option<String>,
    /// The id of the request that a response answers.
    pub(super) concurrent: Option<String>,
    pub(super) ip: Option<IpAddr>,
    pub(super) protocols: Vec<String>,
    pub(super) cipher: Option<String>,
    pub(super) block: [u8; 32],
    /// Absent in a `warcinfo`.
    pub(super) payload: Option<[u8; 32]>,
    pub(super) truncated: Option<Truncated>,
    /// Of messages.
    pub(super) source: Option<(HeadSource, Coding)>,
    pub(super) content_type: String,
    pub(super) length: u64,
}

impl Header {
    /// The exact bytes through the empty line, and the id; `number` counts records from 0.
    pub(super) fn encode(&self, number: usize) -> Result<(Vec<u8>, String)> {
        self.check()?;
        let mut rest = String::new();
        let mut field = |name: &str, value: &str| rest.push_str(&format!("{name}: {value}\r\n"));
        field("WARC-Date", &self.date.to_micros());
        self.target.iter().for_each(|t| field("WARC-Target-URI", t));
        self.concurrent.iter().for_each(|id| field("WARC-Concurrent-To", id));
        self.ip.iter().for_each(|ip| field("WARC-IP-Address", &ip.to_string()));
        self.protocols.iter().for_each(|p| field("WARC-Protocol", p));
        self.cipher.iter().for_each(|c| field("WARC-Cipher-Suite", c));
        field("WARC-Block-Digest", &labelled(&self.block));
        self.payload.iter().for_each(|d| field("WARC-Payload-Digest", &labelled(d)));
        self.truncated.iter().for_each(|t| field("WARC-Truncated", truncated(*t)));
        if let Some((head, body)) = self.source {
            field("Quezao-Head", if head == HeadSource::Wire { "wire" } else { "browser" });
            field("Quezao-Body", if body == Coding::Wire { "wire" } else { "decoded" });
        }
        field("Content-Type", &self.content_type);
        field("Content-Length", &self.length.to_string());
        let kind = self.kind.as_str();
        let id = id(&format!("quezao/warc-record/v1\n{number}\n{kind}\n{rest}"));
        let text = format!("{VERSION}WARC-Type: {kind}\r\nWARC-Record-ID: {id}\r\n{rest}\r\n");
        if text.len() > MAX_HEADER {
            return Err(Error::TooLarge { what: WHAT, found: text.len() as u64, limit: MAX_HEADER as u64 });
        }
        Ok((text.into_bytes(), id))
    }

    /// Reads exactly such bytes; also returns the id.
    pub(super) fn parse(bytes: &[u8], number: usize) -> Result<(Self, String)> {
        let text = std::str::from_utf8(bytes).ok().filter(|t| t.is_ascii());
        let text = text.ok_or_else(|| Error::malformed(WHAT, String::from_utf8_lossy(bytes), "ASCII"))?;
        let body = text.strip_prefix(VERSION).and_then(|t| t.strip_suffix("\r\n"));
        let body = body.ok_or_else(|| Error::malformed(WHAT, text, "WARC/1.1, fields, an empty line"))?;
        let mut fields = Fields(body);
        let kind = fields.required("WARC-Type")?;
        let kinds = [Kind::Info, Kind::Request, Kind::Response, Kind::Resource];
        let kind = kinds.into_iter().find(|k| k.as_str() == kind);
        let kind = kind.ok_or_else(|| Error::malformed("WARC-Type", text, "warcinfo, request, response, resource"))?;
        fields.required("WARC-Record-ID")?;
        let date = Utc::parse_micros(fields.required("WARC-Date")?)?;
        let target = fields.optional("WARC-Target-URI").map(str::to_owned);
        let concurrent = fields.optional("WARC-Concurrent-To").map(str::to_owned);
        let ip = fields
            .optional("WARC-IP-Address")
            .map(|t| t.parse().map_err(|_| Error::malformed("WARC-IP-Address", t, "an IP address")));
        let mut protocols = Vec::new();
        while let Some(protocol) = fields.optional("WARC-Protocol") {
            protocols.push(protocol.to_owned());
        }
        let cipher = fields.optional("WARC-Cipher-Suite").map(str::to_owned);
        let block = digest_of(fields.required("WARC-Block-Digest")?)?;
        let payload = fields.optional("WARC-Payload-Digest").map(digest_of).transpose()?;
        let reasons = [Truncated::Length, Truncated::Time, Truncated::Disconnect, Truncated::Unspecified];
        let reason = fields.optional("WARC-Truncated");
        let truncated = reason.and_then(|t| reasons.into_iter().find(|r| truncated(*r) == t));
        let head = fields.optional("Quezao-Head");
        let body = fields.optional("Quezao-Body");
        let source = head.zip(body).map(|(head, body)| {
            (
                if head == "wire" { HeadSource::Wire } else { HeadSource::Browser },
                if body == "wire" { Coding::Wire } else { Coding::Decoded },
            )
        });
        let content_type = fields.required("Content-Type")?.to_owned();
        let length = fields.required("Content-Length")?;
        let length = length.parse().map_err(|_| Error::malformed("Content-Length", length, "a number"))?;
        let ip = ip.transpose()?;
        let header = Self {
            kind,
            date,
            target,
            concurrent,
            ip,
            protocols,
            cipher,
            block,
            payload,
            truncated,
            source,
            content_type,
            length,
        };
        let (expected, id) = header.encode(number)?;
        if bytes != expected {
            let at = bytes.iter().zip(&expected).take_while(|(a, b)| a == b).count();
            let from = at.saturating_sub(30);
            let around = |b: &[u8]| String::from_utf8_lossy(&b[from.min(b.len())..b.len().min(at + 30)]).into_owned();
            return Err(Error::malformed(WHAT, around(bytes), around(&expected)));
        }
        Ok((header, id))
    }

    /// What each kind has, and what a value may be.
    fn check(&self) -> Result<()> {
        let message = matches!(self.kind, Kind::Request | Kind::Response);
        let network =
            self.ip.is_some() || !self.protocols.is_empty() || self.cipher.is_some() || self.truncated.is_some();
        let info = self.kind == Kind::Info;
        let fits = self.target.is_none() == info
            && self.payload.is_none() == info
            && self.source.is_some() == message
            && self.concurrent.is_some() == (self.kind == Kind::Response)
            && (message || !network);
        if !fits {
            return Err(Error::malformed(WHAT, self.kind.as_str(), "the fields of its type, and no other"));
        }
        let content_type = match self.kind {
            Kind::Info => self.content_type == "application/warc-fields",
            Kind::Request => self.content_type == "application/http; msgtype=request",
            Kind::Response => self.content_type == "application/http; msgtype=response",
            Kind::Resource => is_line(&self.content_type) && self.content_type.contains('/'),
        };
        let short = |t: &String, extra: &[u8]| {
            (1..=64).contains(&t.len()) && t.bytes().all(|c| c.is_ascii_alphanumeric() || extra.contains(&c))
        };
        let protocols = self.protocols.len() <= 8 && self.protocols.iter().all(|p| short(p, b"./-"));
        if !content_type || !protocols || !self.cipher.iter().all(|c| short(c, b"_-")) {
            return Err(Error::malformed(WHAT, &self.content_type, "values of their form"));
        }
        match &self.target {
            Some(target) if message => check_url(target),
            Some(target) => check_urn(target),
            None => Ok(()),
        }
    }
}

/// Fields in their order.
struct Fields<'t>(&'t str);

impl<'t> Fields<'t> {
    fn optional(&mut self, name: &str) -> Option<&'t str> {
        let rest = self.0.strip_prefix(name)?.strip_prefix(": ")?;
        let (value, rest) = rest.split_once("\r\n")?;
        self.0 = rest;
        Some(value)
    }

    fn required(&mut self, name: &str) -> Result<&'t str> {
        let found = self.0;
        self.optional(name).ok_or_else(|| Error::malformed(WHAT, found, format!("{name} at this place")))
    }
}

/// http or https, printable ASCII, no fragment.
pub(super) fn check_url(url: &str) -> Result<()> {
    let known = url.starts_with("http://") || url.starts_with("https://");
    let plain = url.bytes().all(|c| c.is_ascii_graphic() && c != b'#');
    if known && plain && url.len() <= MAX_URL {
        return Ok(());
    }
    Err(Error::malformed("URL", url, "http or https, ASCII, no fragment, at most 64 KiB"))
}

/// `urn:quezao:NAME[/LABEL]`, the order without a label.
fn check_urn(urn: &str) -> Result<()> {
    let name = urn.strip_prefix(URN).unwrap_or_default();
    let (name, label) = name.split_once('/').map_or((name, None), |(n, l)| (n, Some(l)));
    let fits = |l: &str| {
        (1..=64).contains(&l.len()) && l.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
    };
    if NAMES.contains(&name) && label.is_none_or(fits) && !(name == "order" && label.is_some()) {
        return Ok(());
    }
    Err(Error::malformed("WARC-Target-URI of a resource", urn, "urn:quezao: and a known name"))
}

/// One line of printable ASCII.
pub(super) fn is_line(text: &str) -> bool {
    (1..=256).contains(&text.len()) && text.bytes().all(|c| (0x20..0x7f).contains(&c)) && text.trim() == text
}

pub(super) fn labelled(digest: &[u8; 32]) -> String {
    format!("sha256:{}", hex::encode(digest))
}

fn digest_of(text: &str) -> Result<[u8; 32]> {
    let digits = text.strip_prefix("sha256:");
    let digits = digits.ok_or_else(|| Error::malformed("WARC digest", text, "sha256: and 64 hex digits"))?;
    hex::decode("WARC digest", digits)
}

fn truncated(reason: Truncated) -> &'static str {
    match reason {
        Truncated::Length => "length",
        Truncated::Time => "time",
        Truncated::Disconnect => "disconnect",
        Truncated::Unspecified => "unspecified",
    }
}

fn id(text: &str) -> String {
    let mut b = digest::sha256(text.as_bytes());
    (b[6], b[8]) = (b[6] & 0x0f | 0x80, b[8] & 0x3f | 0x80);
    let h = hex::encode(&b[..16]);
    format!("<urn:uuid:{}-{}-{}-{}-{}>", &h[..8], &h[8..12], &h[12..16], &h[16..20], &h[20..])
}

/// The block of the `warcinfo` record.
pub(super) fn info(software: &str) -> Result<Vec<u8>> {
    if !is_line(software) {
        return Err(Error::malformed("software", software, "one line of printable ASCII"));
    }
    let conforms = "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/";
    Ok(format!("software: {software}\r\nformat: WARC File Format 1.1\r\nconformsTo: {conforms}\r\n").into_bytes())
}

/// What is read from a message's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Of a request.
    pub(super) method: Option<String>,
    /// Of a response.
    pub(super) status: Option<u16>,
    /// The first `Content-Type`, as it stands.
    pub(super) content_type: Option<String>,
    /// The first `Location` of a redirect, as it stands.
    pub(super) location: Option<String>,
}

/// Fields that say how the body is coded on the wire.
const CODED: [&str; 3] = ["content-encoding", "transfer-encoding", "content-length"];

/// Start line, fields and one empty line, at the end, CR LF each. HTTP/2 and later are written as HTTP/1.1, as WARC has
/// no other form; the protocol stands in `WARC-Protocol`.
pub(super) fn head(bytes: &[u8], kind: Kind, coding: Coding) -> Result<Head> {
    const FORM: &str = "start line (HTTP/1.0 or 1.1), fields, empty line, CR LF each";
    let refuse = || Error::malformed("HTTP head", String::from_utf8_lossy(bytes), FORM);
    if bytes.len() > MAX_HEAD {
        return Err(Error::TooLarge { what: "HTTP head", found: bytes.len() as u64, limit: MAX_HEAD as u64 });
    }
    let body = bytes.strip_suffix(b"\r\n\r\n").ok_or_else(refuse)?;
    let text = String::from_utf8_lossy(body);
    let mut lines = text.split("\r\n");
    let start = lines.next().unwrap_or_default();
    let plain = |l: &str| !l.is_empty() && !l.contains(['\r', '\n', '\0']);
    let version = |v: &str| matches!(v, "HTTP/1.0" | "HTTP/1.1");
    let (mut method, mut status) = (None, None);
    if !plain(start) {
        return Err(refuse());
    }
    if kind == Kind::Request {
        let mut words = start.split(' ');
        let (verb, target, last) = (words.next(), words.next(), words.next());
        let verb = verb.filter(|v| !v.is_empty() && v.bytes().all(|c| c.is_ascii_uppercase() || c == b'-'));
        let whole = target.is_some_and(|t| !t.is_empty()) && last.is_some_and(version) && words.next().is_none();
        method = Some(verb.filter(|_| whole).ok_or_else(refuse)?.to_owned());
    } else {
        let (protocol, rest) = start.split_once(' ').ok_or_else(refuse)?;
        let digits = rest.get(..3).filter(|d| d.bytes().all(|c| c.is_ascii_digit()));
        let ends = rest.as_bytes().get(3).is_none_or(|c| *c == b' ');
        let code = digits.filter(|_| version(protocol) && ends).and_then(|d| d.parse().ok());
        status = Some(code.filter(|c| (100..=999).contains(c)).ok_or_else(refuse)?);
    }
    let (mut content_type, mut location) = (None, None);
    let redirect = matches!(status, Some(301 | 302 | 303 | 307 | 308));
    for line in lines {
        if !plain(line) {
            return Err(refuse());
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        if content_type.is_none() && name.eq_ignore_ascii_case("content-type") {
            content_type = Some(value.trim().to_owned());
        }
        if redirect && location.is_none() && name.eq_ignore_ascii_case("location") {
            location = Some(value.trim().to_owned()).filter(|l| l.len() <= MAX_URL);
        }
        if coding == Coding::Decoded && CODED.iter().any(|c| name.trim().eq_ignore_ascii_case(c)) {
            return Err(Error::malformed("HTTP head", line, "x-orig- before it, as the body is decoded"));
        }
    }
    Ok(Head { method, status, content_type, location })
}

/// The head of a decoded body: the three fields renamed to `x-orig-…`, everything else as it stands.
pub(super) fn renamed(head: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(head.len() + 32);
    for line in head.split_inclusive(|c| *c == b'\n') {
        let name = line.split(|c| *c == b':').next().unwrap_or_default().trim_ascii();
        if CODED.iter().any(|c| name.eq_ignore_ascii_case(c.as_bytes())) {
            out.extend_from_slice(b"x-orig-");
            out.extend_from_slice(line.trim_ascii_start());
        } else {
            out.extend_from_slice(line);
        }
    }
    out
}
