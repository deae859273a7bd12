//! What a reader lays on the table, sorted: which of it is the evidence, which the file in question, which is trust.
//!
//! The command line and the browser's verifier both go by this, so that the same files give the same verdict.

use crate::{Container, Original, Trust, Verdict, check_beside, check_certificate_beside, check_package_beside};
use archive::wacz::Source;
use evidence::time::Utc;
use std::collections::BTreeMap;

/// Longest package or certificate that is read into memory, bytes; entries of version 1 are far smaller.
pub const MAX_ARTEFACT: u64 = 256 << 20;
/// Longest file of a trust folder, bytes.
pub const MAX_TRUST: u64 = 1 << 20;
/// Most files of one folder.
pub const MAX_FILES: usize = 4096;

/// What is verified.
#[derive(Clone, Copy, Debug)]
pub enum Artefact<'a> {
    /// A certificate (PDF) or a package (ZIP), whole.
    File(&'a [u8]),
    /// A package's entries, extracted.
    Folder(&'a BTreeMap<String, Vec<u8>>),
}

/// Checks what was given. `beside`: the record's own file where it lies beside the evidence ([`own_file`]); its digests stand
/// in `originals` too.
pub fn check_given(
    artefact: Artefact<'_>,
    trust: &Trust,
    originals: &[Original],
    beside: Option<&mut dyn Source>,
    now: Utc,
) -> Verdict {
    match artefact {
        Artefact::Folder(entries) => check_beside(entries, Container::Folder, trust, originals, beside, now),
        Artefact::File(bytes) if is_certificate(bytes) => {
            check_certificate_beside(bytes, trust, originals, beside, now)
        }
        Artefact::File(bytes) => check_package_beside(bytes, trust, originals, beside, now),
    }
}

/// Whether a file is looked at as a certificate, not as a package.
pub fn is_certificate(head: &[u8]) -> bool {
    head.starts_with(b"%PDF-")
}

/// Of the given files, by their leading bytes, the one that may be the record's own (`capture.wacz`, `comparison.json`).
/// A comparison's sources hold a WACZ too: its own document comes first.
pub fn own_file(heads: &[&[u8]]) -> Option<usize> {
    let first = |lead: &[u8]| heads.iter().position(|head| head.starts_with(lead));
    first(b"{\"").or_else(|| first(b"PK\x03\x04"))
}

/// Whether a trust folder is read for a file of this name; whatever else lies there is nobody's business.
pub fn is_trust(name: &str) -> bool {
    let root = ["tsa-", "signer-", "web-"].iter().any(|kind| name.starts_with(kind)) && name.ends_with(".pem");
    root || name == "policy" || name == "roles.json"
}

/// Whether a folder is read for a file of this name, as extracted entries; the file in question may lie there as `ORIGINAL`.
pub fn is_entry(name: &str) -> bool {
    name != archive::folder::ORIGINAL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_comes_before_a_capture_s_file() {
        assert_eq!(own_file(&[b"\xff\xd8", b"PK\x03\x04", b"{\"a\""]), Some(2));
        assert_eq!(own_file(&[b"\xff\xd8", b"PK\x03\x04"]), Some(1));
        assert_eq!(own_file(&[b"\xff\xd8", b"P"]), None);
    }

    #[test]
    fn a_trust_folder_is_read_for_few_names() {
        for name in ["policy", "roles.json", "tsa-a.pem", "signer-1.pem", "web-x.pem"] {
            assert!(is_trust(name), "{name}");
        }
        for name in ["policy.txt", "tsa-a.crt", "photo.jpg", "xtsa-a.pem", "Roles.json"] {
            assert!(!is_trust(name), "{name}");
        }
    }
}
