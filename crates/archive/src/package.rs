//! The package: a canonical ZIP of known entries, the first of which lists all others.
//!
//! Rules: what [`read`] accepts, [`write`] would write byte for byte, so no bit is free.

use crate::{names, zip};
use evidence::{Error, Result, digest, hex, json};

/// The `schema` of version 1.
pub const SCHEMA: &str = "quezao/package/v1";
/// First entry.
pub const MANIFEST: &str = "package.json";

/// What a package holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// All entries in order, `package.json` first.
    pub entries: Vec<(String, Vec<u8>)>,
}

/// The package of `entries`, given in their order and without `package.json`, which is made here.
pub fn write(entries: &[(String, Vec<u8>)]) -> Result<Vec<u8>> {
    let mut all = Vec::with_capacity(entries.len() + 1);
    all.push((MANIFEST.to_owned(), manifest(entries)?));
    all.extend_from_slice(entries);
    let listed: Vec<&str> = all.iter().map(|e| e.0.as_str()).collect();
    names::check(&listed, true)?;
    all.iter().try_for_each(|(name, bytes)| names::admit(name, bytes.len() as u64))?;
    check_certificates(entries.iter().map(|e| (e.0.as_str(), e.1.as_slice())))?;
    zip::encode(&all)
}

/// Reads a whole package; an unknown `schema` is [`Error::Unknown`], everything else that differs contradicts.
pub fn read(bytes: &[u8]) -> Result<Package> {
    let mut count = 0;
    let entries = zip::decode(bytes, |name, size| {
        count += 1;
        if count > names::MAX_ENTRIES {
            let (found, limit) = (count as u64, names::MAX_ENTRIES as u64);
            return Err(Error::TooLarge { what: "package entries", found, limit });
        }
        names::admit(name, size)
    })?;
    let Some(((MANIFEST, listed), rest)) = entries.split_first() else {
        let found = entries.first().map_or("no entry", |e| e.0);
        return Err(Error::malformed("package", found, "package.json as the first entry"));
    };
    check_schema(listed)?;
    names::check(&entries.iter().map(|e| e.0).collect::<Vec<_>>(), true)?;
    let expected = manifest(rest)?;
    if *listed != expected {
        return Err(differs(listed, &expected));
    }
    check_certificates(rest.iter().copied())?;
    Ok(Package { entries: entries.into_iter().map(|(n, b)| (n.to_owned(), b.to_vec())).collect() })
}

/// `package.json` of the entries after it: names, digests and sizes, in order.
pub fn manifest<N: AsRef<str>, B: AsRef<[u8]>>(entries: &[(N, B)]) -> Result<Vec<u8>> {
    let line = |(name, bytes): &(N, B)| {
        let bytes = bytes.as_ref();
        json::json!({"name": name.as_ref(), "sha256": hex::encode(&digest::sha256(bytes)), "size": bytes.len()})
    };
    let files: Vec<json::Value> = entries.iter().map(line).collect();
    json::to_bytes(MANIFEST, &json::json!({"schema": SCHEMA, "files": files}))
}

pub(crate) fn check_schema(manifest: &[u8]) -> Result<()> {
    let value = json::parse(MANIFEST, manifest, 1 << 20)?;
    match value.get("schema").and_then(json::Value::as_str).unwrap_or_default() {
        SCHEMA => json::closed(MANIFEST, &value, &["schema", "files"]).map(drop),
        other => Err(Error::Unknown { what: "package schema", found: other.to_owned() }),
    }
}

/// `trust-*-HEX`: HEX begins the DER's SHA-256, and PEM is written one way.
pub(crate) fn check_certificates<'e>(entries: impl Iterator<Item = (&'e str, &'e [u8])>) -> Result<()> {
    const WHAT: &str = "trust certificate";
    for (name, bytes) in entries {
        let Some((_, hex_part)) = name.rsplit_once('-').filter(|_| name.starts_with("trust-") && name.contains('.'))
        else {
            continue;
        };
        let der = match hex_part.split_once('.') {
            Some((_, "pem")) => pem_to_der(bytes)
                .ok_or_else(|| Error::malformed(WHAT, name, "one PEM certificate, LF, lines of 64 columns"))?,
            Some((_, "crl")) => bytes.to_vec(),
            _ => continue,
        };
        let expected = &hex::encode(&digest::sha256(&der))[..16];
        if !hex_part.starts_with(expected) {
            return Err(Error::mismatch(WHAT, name, format!("{expected} in the name")));
        }
    }
    Ok(())
}

/// The DER of a certificate's PEM (RFC 7468, strict), if this is its one spelling.
fn pem_to_der(pem: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(pem).ok()?;
    let body = text.strip_prefix("-----BEGIN CERTIFICATE-----\n")?.strip_suffix("\n-----END CERTIFICATE-----\n")?;
    let lines: Vec<&str> = body.split('\n').collect();
    let (last, full) = lines.split_last()?;
    if full.iter().any(|l| l.len() != 64) || !(1..=64).contains(&last.len()) {
        return None;
    }
    base64(&lines.concat())
}

/// RFC 4648, 4: padded, without stray bits.
fn base64(text: &str) -> Option<Vec<u8>> {
    let value = |c: u8| match c {
        b'A'..=b'Z' => Some(u32::from(c - b'A')),
        b'a'..=b'z' => Some(u32::from(c - b'a') + 26),
        b'0'..=b'9' => Some(u32::from(c - b'0') + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let plain = text.trim_end_matches('=');
    let padding = text.len() - plain.len();
    if !text.len().is_multiple_of(4) || padding > 2 {
        return None;
    }
    let (mut out, mut bits, mut held) = (Vec::with_capacity(text.len() / 4 * 3), 0u32, 0);
    for c in plain.bytes() {
        bits = bits << 6 | value(c)?;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    (bits == 0).then_some(out)
}

pub(crate) fn differs(found: &[u8], expected: &[u8]) -> Error {
    let at = found.iter().zip(expected).take_while(|(a, b)| a == b).count();
    let around =
        |b: &[u8]| String::from_utf8_lossy(&b[at.saturating_sub(40).min(b.len())..b.len().min(at + 24)]).into_owned();
    Error::mismatch(MANIFEST, around(found), around(expected))
}
