//! PDF/A-3b as a validator sees it that we did not write. About ten seconds; says so where it could not run.
#![allow(clippy::unwrap_used, missing_docs)]

#[allow(dead_code)]
mod sheets;

use certificate::{Fonts, Locale, render};
use std::process::Command;

#[test]
fn verapdf_calls_every_sheet_pdf_a_3b() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/verapdf.sh");
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(script);
    let picture = sheets::thumbnail(450, 282);
    let fonts = Fonts::embedded();
    let cases = [
        ("merchant", sheets::merchant(), Some(&*picture)),
        ("self", sheets::self_made(), Some(&*picture)),
        ("full", sheets::full(), Some(&*picture)),
        ("long", sheets::long(), Some(&*picture)),
        ("digest", sheets::digest(), None),
        ("incomplete", sheets::incomplete(), None),
        ("not-verified", sheets::not_verified(), Some(&*picture)),
    ];
    for (name, sheet, picture) in cases {
        for locale in [Locale::Zh, Locale::En] {
            let path = folder.path().join(format!("{name}-{locale:?}.pdf"));
            std::fs::write(&path, render(&sheet, picture, &sheets::attachments(), locale, &fonts).unwrap()).unwrap();
            command.arg(path);
        }
    }
    let (sheet, pictures) = sheets::capture();
    for locale in [Locale::Zh, Locale::En] {
        let path = folder.path().join(format!("capture-{locale:?}.pdf"));
        let pdf = certificate::render_report(&sheet, &pictures, &sheets::attachments(), locale, &fonts).unwrap();
        std::fs::write(&path, pdf).unwrap();
        command.arg(path);
    }
    let out = command.output().unwrap();
    if out.status.code() == Some(2) {
        eprintln!("not run: {}", String::from_utf8_lossy(&out.stderr));
        return;
    }
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
}
