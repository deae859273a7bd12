//! What the page hands in: `u32` little-endian length of a JSON header, the header, then every file's bytes, end to end.
//!
//! The page is ours, but it is held to this form all the same: a wrong request is refused, not guessed at.

use evidence::{digest::FileDigests, hex};
use serde::Deserialize;
use std::collections::BTreeMap;
use verify::{MAX_ARTEFACT, MAX_FILES, MAX_TRUST, Original};

/// A request that does not have its form; says what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid(pub &'static str);

/// What is verified, against what, when.
#[derive(Debug)]
pub struct Request<'a> {
    /// The reader's clock, microseconds since the epoch.
    pub now: i64,
    /// Certificate, package or extracted entries.
    pub artefact: Artefact<'a>,
    /// The reader's trust folder; files of other names are left out here.
    pub trust: Vec<(String, &'a [u8])>,
    /// The files in question, by their digests.
    pub originals: Vec<Original>,
    /// Leading bytes of each original.
    pub heads: Vec<Vec<u8>>,
}

/// The evidence itself.
#[derive(Debug)]
pub enum Artefact<'a> {
    /// One file.
    File(&'a [u8]),
    /// A folder's files.
    Folder(BTreeMap<String, Vec<u8>>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    now: i64,
    /// Name and length of each file; one without a name is a certificate or package.
    artefact: Vec<(String, usize)>,
    folder: bool,
    trust: Vec<(String, usize)>,
    originals: Vec<Given>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    name: String,
    head: String,
    sha256: String,
    sm3: String,
    size: u64,
}

impl<'a> Request<'a> {
    /// Reads a request.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Invalid> {
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or(Invalid("no header"))?;
        let length = u32::from_le_bytes(*length) as usize;
        let (header, mut rest) = rest.split_at_checked(length).ok_or(Invalid("header too short"))?;
        let header: Header = serde_json::from_slice(header).map_err(|_| Invalid("header"))?;
        if header.artefact.len().max(header.trust.len()).max(header.originals.len()) > MAX_FILES {
            return Err(Invalid("too many files"));
        }
        let mut take = |length: usize| {
            let (file, left) = rest.split_at_checked(length).ok_or(Invalid("a file too short"))?;
            rest = left;
            Ok(file)
        };
        let artefact = if header.folder {
            let wanted = header.artefact.into_iter().map(|(name, length)| Ok((name, take(length)?.to_vec())));
            let entries: BTreeMap<_, _> = wanted.collect::<Result<_, _>>()?;
            Artefact::Folder(entries.into_iter().filter(|(name, _)| verify::is_entry(name)).collect())
        } else {
            let [(_, length)] = header.artefact[..] else { return Err(Invalid("one file to verify")) };
            Artefact::File(take(length)?)
        };
        let trust = header.trust.into_iter().map(|(name, length)| Ok((name, take(length)?)));
        let mut trust: Vec<(String, &[u8])> = trust.collect::<Result<_, _>>()?;
        trust.retain(|(name, _)| verify::is_trust(name));
        // As a folder is read.
        trust.sort();
        if !rest.is_empty() {
            return Err(Invalid("bytes left over"));
        }
        let size = match &artefact {
            Artefact::File(bytes) => bytes.len(),
            Artefact::Folder(entries) => entries.values().map(Vec::len).sum(),
        };
        if size as u64 > MAX_ARTEFACT || trust.iter().any(|(_, bytes)| bytes.len() as u64 > MAX_TRUST) {
            return Err(Invalid("too large"));
        }
        let mut heads = Vec::with_capacity(header.originals.len());
        let mut originals = Vec::with_capacity(header.originals.len());
        for given in header.originals {
            let bad = |_| Invalid("digests");
            heads.push(head(&given.head)?);
            let sha256 = hex::decode("sha256", &given.sha256).map_err(bad)?;
            let sm3 = hex::decode("sm3", &given.sm3).map_err(bad)?;
            originals.push(Original { name: given.name, digests: FileDigests { sha256, sm3, size: given.size } });
        }
        Ok(Self { now: header.now, artefact, trust, originals, heads })
    }
}

/// Up to four bytes in hex.
fn head(text: &str) -> Result<Vec<u8>, Invalid> {
    let pair = |i: usize| text.get(2 * i..2 * i + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (0..text.len().div_ceil(2).min(4)).map(|i| pair(i).ok_or(Invalid("head"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(header: &str, files: &[u8]) -> Vec<u8> {
        [&(header.len() as u32).to_le_bytes()[..], header.as_bytes(), files].concat()
    }

    fn refused(bytes: &[u8]) -> &'static str {
        Request::parse(bytes).unwrap_err().0
    }

    #[test]
    fn files_lie_end_to_end_in_the_order_of_the_header() {
        let digest = "0".repeat(64);
        let header = format!(
            r#"{{"now":7,"artefact":[["",3]],"folder":false,"trust":[["tsa-b.pem",1],["notes",1],["policy",2]],
            "originals":[{{"name":"a","head":"504b","sha256":"{digest}","sm3":"{digest}","size":5}}]}}"#
        );
        let bytes = request(&header, b"ZIPbxpp");
        let read = Request::parse(&bytes).unwrap();
        assert!(matches!(read.artefact, Artefact::File(b"ZIP")));
        assert_eq!(read.trust, [("policy".to_owned(), &b"pp"[..]), ("tsa-b.pem".to_owned(), b"b")]);
        assert_eq!((read.now, read.originals[0].digests.size, &read.heads[0][..]), (7, 5, &b"PK"[..]));
    }

    #[test]
    fn a_folder_is_its_entries_without_the_file_in_question() {
        let header =
            r#"{"now":7,"artefact":[["record.json",1],["ORIGINAL",2]],"folder":true,"trust":[],"originals":[]}"#;
        let bytes = request(header, b"roo");
        let Artefact::Folder(entries) = Request::parse(&bytes).unwrap().artefact else { panic!("a folder") };
        assert_eq!(entries.into_iter().collect::<Vec<_>>(), [("record.json".to_owned(), b"r".to_vec())]);
    }

    #[test]
    fn what_does_not_have_its_form_is_refused() {
        let header =
            |artefact: &str| format!(r#"{{"now":7,"artefact":{artefact},"folder":false,"trust":[],"originals":[]}}"#);
        assert_eq!(refused(b""), "no header");
        assert_eq!(refused(b"\xff\xff\xff\xff{}"), "header too short");
        assert_eq!(refused(&request("{}", b"")), "header");
        assert_eq!(refused(&request(&header("[]"), b"")), "one file to verify");
        assert_eq!(refused(&request(&header(r#"[["",2]]"#), b"a")), "a file too short");
        assert_eq!(refused(&request(&header(r#"[["",1]]"#), b"ab")), "bytes left over");
    }
}
