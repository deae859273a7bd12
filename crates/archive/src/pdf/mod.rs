//! The certificate file: PDF/A-3b pages with attached files, a PAdES signature, its validation material, and a
//! document time-stamp over all of it (PAdES B-LTA, ETSI EN 319 142-1).
//!
//! - The profile is closed. Of the first revision every byte is accounted for; the three that may follow are
//!   written in one way, so [`read`] writes them again and compares.
//! - Files are taken from the first revision, which every signature covers: what is appended later shadows nothing.
//! - Only form is looked at here; signatures are `evidence`'s.

mod first;
mod syntax;
mod update;

pub use update::{Prepared, room_for};

use evidence::{Error, Result};
use first::First;
use std::collections::BTreeSet;
use update::Writer;

/// Longest certificate.
pub const MAX_PDF: usize = 96 << 20;

/// A certificate file, read.
#[derive(Clone, Debug)]
pub struct CertificatePdf {
    /// Attached files, by name ascending.
    pub attachments: Vec<(String, Vec<u8>)>,
    /// The pages' language, as the catalog has it: `zh-CN`, `en-GB`.
    pub language: String,
    /// Length of the first revision: the pages as they were drawn.
    pub first: usize,
    /// The signature, where there is one.
    pub signature: Option<Signed>,
    /// What the signature's validity can be checked with later.
    pub validation: Option<Validation>,
    /// The document time-stamp; `None` where validation material or the stamp is not as the profile wants it.
    pub timestamp: Option<Signed>,
    /// Where bytes begin that are none of these revisions.
    pub foreign: Option<usize>,
}

/// Contents of a signature or time-stamp, and what it covers.
#[derive(Clone, Debug)]
pub struct Signed {
    /// DER, without padding.
    pub der: Vec<u8>,
    /// The bytes that are signed: `..gap.0` and `gap.1..end`.
    pub gap: (usize, usize),
    /// Where the revision ends.
    pub end: usize,
    /// The date that the signature dictionary claims: `20261124030612`, UTC. Empty for a time-stamp.
    pub date: String,
}

/// The document security store.
#[derive(Clone, Debug, Default)]
pub struct Validation {
    /// DER of certificates.
    pub certificates: Vec<Vec<u8>>,
    /// DER of certificate revocation lists.
    pub crls: Vec<Vec<u8>>,
}

impl Signed {
    /// The signed bytes of `file`, joined.
    pub fn covered(&self, file: &[u8]) -> Vec<u8> {
        [&file[..self.gap.0], &file[self.gap.1..self.end]].concat()
    }
}

/// Reads a certificate file.
///
/// # Errors
/// What is not of the profile: [`Error::Malformed`], [`Error::Mismatch`], [`Error::TooLarge`]. Bytes after a
/// signature that are not the revisions that belong there are no error, but [`CertificatePdf::foreign`].
pub fn read(bytes: &[u8]) -> Result<CertificatePdf> {
    if bytes.len() > MAX_PDF {
        return Err(Error::TooLarge { what: WHAT, found: bytes.len() as u64, limit: MAX_PDF as u64 });
    }
    let first = First::read(bytes)?;
    let mut certificate = CertificatePdf {
        attachments: first.attachments()?,
        language: first.language()?,
        first: first.bytes.len(),
        signature: None,
        validation: None,
        timestamp: None,
        foreign: None,
    };
    if bytes.len() == certificate.first {
        return Ok(certificate);
    }
    let mut writer = Writer::new(&first);
    let signature = signature(&mut writer, bytes, certificate.first)?;
    let mut end = signature.end;
    certificate.signature = Some(signature);
    if let Some(validation) = validation(&mut writer, bytes, end) {
        end += validation.1;
        certificate.validation = Some(validation.0);
        certificate.timestamp = timestamp(&mut writer, bytes, end)?;
        end = certificate.timestamp.as_ref().map_or(end, |t| t.end);
    }
    certificate.foreign = (end < bytes.len()).then_some(end);
    Ok(certificate)
}

/// Prepares the signature's revision after the first one, `pdf`. `date`: `20261124030612`, UTC.
pub fn prepare_signature(pdf: &[u8], date: &str, room: usize) -> Result<Prepared> {
    let first = whole_first(pdf)?;
    first.attachments()?;
    Writer::new(&first).signature(date, room)
}

/// Adds validation material to a signed file and prepares the document time-stamp.
pub fn prepare_timestamp(signed: &[u8], validation: &Validation, room: usize) -> Result<Prepared> {
    let first = First::read(signed)?;
    let mut writer = Writer::new(&first);
    let signature = signature(&mut writer, signed, first.bytes.len())?;
    if signature.end != signed.len() {
        return Err(malformed("bytes after the signature", "a file that ends with it"));
    }
    writer.validation(&validation.certificates, &validation.crls)?;
    writer.timestamp(room)
}

const WHAT: &str = "certificate PDF";
/// Most certificates and revocation lists in the security store, together.
const MAX_VALIDATION: usize = 64;

pub(crate) fn malformed(found: impl Into<String>, expected: &str) -> Error {
    Error::malformed(WHAT, found.into(), expected)
}

fn whole_first(pdf: &[u8]) -> Result<First<'_>> {
    let first = First::read(pdf)?;
    if first.bytes.len() == pdf.len() {
        return Ok(first);
    }
    Err(malformed("bytes after the first revision", "a file that was not signed yet"))
}

/// The signature's revision, which begins at `at`: it must be ours to the byte.
fn signature(writer: &mut Writer<'_>, bytes: &[u8], at: usize) -> Result<Signed> {
    let refuse = || malformed("another update after the first revision", "the one signature of this profile");
    let rest = &bytes[at..];
    let marker = b"/M(D:";
    let date = find(rest, marker, 256).and_then(|i| rest.get(i + marker.len()..)?.get(..14)).ok_or_else(refuse)?;
    let date = std::str::from_utf8(date).ok().filter(|d| d.bytes().all(|b| b.is_ascii_digit())).ok_or_else(refuse)?;
    let signed = filled(bytes, at, date, |room| writer.signature(date, room))?.ok_or_else(refuse)?;
    writer.resume(bytes[..signed.end].to_vec());
    Ok(signed)
}

/// Validation material at `at`, and its length; `None` where anything else stands there.
fn validation(writer: &mut Writer<'_>, bytes: &[u8], at: usize) -> Option<(Validation, usize)> {
    let mut cursor = syntax::Cursor::new(bytes, at);
    let mut blobs: Vec<Vec<u8>> = Vec::new();
    cursor.expect(b"\n").ok()?;
    let certificates = loop {
        cursor.number().ok()?;
        cursor.expect(b" 0 obj\n").ok()?;
        let value = cursor.value().ok()?;
        if let Some(certificates) = value.get("Certs") {
            break certificates.array()?.len();
        }
        let length = usize::try_from(value.get("Length")?.integer()?).ok()?;
        cursor.expect(b"\nstream\n").ok()?;
        if blobs.len() >= MAX_VALIDATION {
            return None;
        }
        blobs.push(cursor.take(length).ok()?.to_vec());
        cursor.expect(b"\nendstream\nendobj\n").ok()?;
    };
    let distinct: BTreeSet<&Vec<u8>> = blobs.iter().collect();
    if certificates > blobs.len() || blobs.len() > MAX_VALIDATION || distinct.len() != blobs.len() {
        return None;
    }
    let crls = blobs.split_off(certificates);
    let validation = Validation { certificates: blobs, crls };
    let mut trial = writer.clone();
    trial.validation(&validation.certificates, &validation.crls).ok()?;
    let expected = trial.bytes();
    if !bytes.starts_with(expected) {
        return None;
    }
    let length = expected.len() - at;
    *writer = trial;
    Some((validation, length))
}

/// The document time-stamp's revision at `at`; `None` where anything else stands there.
fn timestamp(writer: &mut Writer<'_>, bytes: &[u8], at: usize) -> Result<Option<Signed>> {
    filled(bytes, at, "", |room| writer.timestamp(room))
}

/// A revision at `at` whose only freedom is its Contents: hexadecimal DER, padded with zeros to its room.
fn filled(
    bytes: &[u8],
    at: usize,
    date: &str,
    mut prepare: impl FnMut(usize) -> Result<Prepared>,
) -> Result<Option<Signed>> {
    let marker = b"/Contents<";
    let Some(start) = find(&bytes[at..], marker, 512) else { return Ok(None) };
    let start = at + start + marker.len();
    let digits = bytes[start..].iter().take_while(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')).count();
    let Some(der) = unpadded(&bytes[start..start + digits]) else { return Ok(None) };
    if room_for(der.len()).ok() != Some(digits / 2) {
        return Ok(None);
    }
    let Ok(expected) = prepare(digits / 2)?.fill(&der) else { return Ok(None) };
    if !bytes.starts_with(&expected) {
        return Ok(None);
    }
    Ok(Some(Signed { der, gap: (start - 1, start + digits + 1), end: expected.len(), date: date.to_owned() }))
}

/// The DER value that the digits begin with; the rest must be zeros.
fn unpadded(digits: &[u8]) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let nibble = |b: u8| (b as char).to_digit(16).map(|d| d as u8);
    let all: Option<Vec<u8>> = digits.chunks(2).map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?)).collect();
    let mut all = all?;
    let (head, length) = match all.get(1)? {
        n @ 0..=0x7f => (2, usize::from(*n)),
        0x81 => (3, usize::from(*all.get(2)?)),
        0x82 => (4, usize::from(*all.get(2)?) << 8 | usize::from(*all.get(3)?)),
        _ => return None,
    };
    let end = head + length;
    if all[0] != 0x30 || end > all.len() || all[end..].iter().any(|b| *b != 0) {
        return None;
    }
    all.truncate(end);
    Some(all)
}

fn find(bytes: &[u8], marker: &[u8], within: usize) -> Option<usize> {
    bytes[..bytes.len().min(within)].windows(marker.len()).position(|w| w == marker)
}
