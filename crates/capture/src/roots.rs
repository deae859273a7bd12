//! The system's own roots for web sites: where contact proofs are judged on the capturing machine, and whether every
//! one of them came with the distribution.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use evidence::token::Root;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::spool::hex;

const BUNDLE_MAX: u64 = 16 << 20;
const FILE_MAX: u64 = 256 << 10;

/// What the package of the distribution brought.
const LIST: &str = "/var/lib/dpkg/info/ca-certificates.list";
const FOLDER: &str = "/usr/share/ca-certificates/";

/// The roots that a bundle holds.
#[derive(Debug)]
pub(crate) struct Roots {
    path: PathBuf,
    /// SHA-256 of the bundle, hex; `None` where it cannot be read.
    pub(crate) sha256: Option<String>,
    pub(crate) roots: Vec<Root>,
    /// Blocks that are no certificate.
    unreadable: usize,
}

impl Roots {
    /// Reads a bundle of PEM certificates.
    pub(crate) fn read(path: &Path) -> Self {
        let bytes = read(path, BUNDLE_MAX);
        let text = bytes.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        let (roots, unreadable) = Root::all_in(&text);
        Self {
            path: path.to_path_buf(),
            sha256: bytes.as_deref().map(|bytes| hex(&Sha256::digest(bytes))),
            roots,
            unreadable,
        }
    }

    /// For the report: the bundle, and the certificates in it that the distribution's package did not bring.
    pub(crate) fn report(&self) -> Value {
        let brought = packaged(Path::new(LIST));
        let foreign = brought.map(|brought| {
            let foreign = self.roots.iter().filter(|root| !brought.contains(&root.fingerprint()));
            let shown = foreign.map(|root| json!({ "name": root.name(), "sha256": hex(&root.fingerprint()) }));
            shown.take(200).collect::<Vec<_>>()
        });
        json!({
            "path": self.path.display().to_string(),
            "sha256": self.sha256,
            "certificates": self.roots.len(),
            "unreadable": self.unreadable,
            "not_from_package": foreign,
        })
    }

    /// Which roots these are, in a few words of data.
    pub(crate) fn name(&self) -> Value {
        json!({ "path": self.path.display().to_string(), "sha256": self.sha256, "certificates": self.roots.len() })
    }
}

/// Digests of what the package's list names; `None` where there is no such list.
fn packaged(list: &Path) -> Option<BTreeSet<[u8; 32]>> {
    let list = read(list, BUNDLE_MAX)?;
    let list = String::from_utf8_lossy(&list);
    let files = list.lines().filter(|line| line.starts_with(FOLDER) && line.ends_with(".crt"));
    let mut brought = BTreeSet::new();
    for file in files.take(2000) {
        let text = read(Path::new(file), FILE_MAX).unwrap_or_default();
        let (roots, _) = Root::all_in(&String::from_utf8_lossy(&text));
        brought.extend(roots.iter().map(Root::fingerprint));
    }
    Some(brought)
}

fn read(path: &Path, most: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(most).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_root_that_the_package_did_not_bring_is_named() {
        let ca = concat!(env!("CARGO_MANIFEST_DIR"), "/../evidence/tests/contact/ca.pem");
        let folder = tempfile::tempdir().unwrap();
        let bundle = folder.path().join("bundle.crt");
        let pem = fs::read_to_string(ca).unwrap();
        let none = "-----BEGIN CERTIFICATE-----\nno certificate\n-----END CERTIFICATE-----\n";
        fs::write(&bundle, format!("{none}{pem}")).unwrap();
        let roots = Roots::read(&bundle);
        assert_eq!((roots.roots.len(), roots.unreadable), (1, 1));
        let report = roots.report();
        if Path::new(LIST).exists() {
            assert_eq!(report["not_from_package"][0]["sha256"], hex(&roots.roots[0].fingerprint()));
        } else {
            assert!(report["not_from_package"].is_null());
        }
        assert_eq!(packaged(Path::new("/nowhere")), None);
        assert!(Roots::read(Path::new("/nowhere")).sha256.is_none());
    }
}
