//! Authorities that need no account, by name.

use super::WEB_ROOTS;
use crate::{Error, Result, error::read_file};
use evidence::{hex, token::Root};
use std::path::Path;

/// An authority that needs no account: its name, its URL, and SHA-256 of the roots that Debian's `ca-certificates`
/// brings for it (package 20230311; their fingerprints as that package holds them).
pub(super) struct Preset {
    pub(super) name: &'static str,
    pub(super) url: &'static str,
    roots: &'static [&'static str],
}

pub(super) const PRESETS: [Preset; 3] = [
    Preset {
        name: "digicert",
        url: "http://timestamp.digicert.com",
        roots: &[
            "3e9099b5015e8f486c00bcea9d111ee721faba355a89bcf1df69561e3dc6325c",
            "552f7bdcf1a7af9e6ce672017f4f12abf77240c78e761ac203d1d9d20ac89988",
        ],
    },
    Preset {
        name: "globalsign",
        url: "http://timestamp.globalsign.com/tsa/r6advanced1",
        roots: &["2cabeafe37d06ca22aba7391c0033d25982952c453647349763a3ab5ad6ccf69"],
    },
    Preset {
        name: "sectigo",
        url: "http://timestamp.sectigo.com",
        roots: &["e793c9b02fd8aa13e21c31228accb08119643b749c898964b1746d46c3d4cbd2"],
    },
];

/// A preset's roots, found by fingerprint among the system's.
pub(super) fn system_roots(preset: &Preset) -> Result<Vec<Root>> {
    let bundle = read_file(Path::new(WEB_ROOTS))?;
    let text = String::from_utf8_lossy(&bundle);
    let (known, _) = Root::all_in(&text);
    let wanted = |root: &Root| preset.roots.contains(&hex::encode(&root.fingerprint()).as_str());
    let found: Vec<Root> = known.into_iter().filter(wanted).collect();
    if found.is_empty() {
        return Err(Error::new(
            format!("{WEB_ROOTS} 中没有 {} 的根证书；请安装 ca-certificates，或用 --root 给出", preset.name),
            format!("{WEB_ROOTS} has no root of {}; install ca-certificates, or give it with --root", preset.name),
        ));
    }
    Ok(found)
}

pub(super) fn presets() -> String {
    PRESETS.map(|preset| preset.name).join(", ")
}
