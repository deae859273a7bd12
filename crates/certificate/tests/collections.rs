//! A collection's sheet, from the packages that every reader is held against.
#![allow(clippy::unwrap_used, missing_docs)]

#[allow(dead_code)]
mod sheets;

use certificate::{Error, Fonts, Locale, Occasion, draw_collection, pictures_in, redraw_collection};
use evidence::time::Utc;
use std::{collections::BTreeMap, fs, path::Path, process::Command};

/// 2026-12-31, after every vector.
const CHECKED: Utc = Utc(1_798_675_200_000_000);

fn package(name: &str) -> BTreeMap<String, Vec<u8>> {
    let bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors").join(name).join("package.zip"));
    archive::package::read(&bytes.unwrap()).unwrap().entries.into_iter().collect()
}

fn draw(entries: &BTreeMap<String, Vec<u8>>, locale: Locale) -> Result<Vec<u8>, Error> {
    let occasion = Occasion { locale, checked: CHECKED, earlier: Some(0), original_read: true };
    let sheet = vec![sheets::thumbnail(1280, 156)];
    let pdf = draw_collection(entries, &occasion, &sheet, &Fonts::with_system())?;
    let printed: Vec<Vec<u8>> = pictures_in(&pdf).into_iter().map(<[u8]>::to_vec).collect();
    assert!(printed == sheet, "the contact sheet is in the file as it was given");
    assert!(redraw_collection(&pdf, entries, &printed)? == pdf, "another page, drawn again");
    assert!(redraw_collection(&pdf, entries, &[sheets::thumbnail(1280, 155)])? != pdf);
    Ok(pdf)
}

#[test]
fn every_good_collection_has_its_sheet() {
    let verapdf = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/verapdf.sh");
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(verapdf);
    for name in ["collection-manifest/good-01-three", "collection-items/good-02-one", "collection-items/good-03-digest"]
    {
        let entries = package(name);
        for (locale, wants) in [
            (Locale::Zh, ["合集存证证书", "所列记录", "秋季图样"]),
            (Locale::En, ["Certificate of a Collection", "Listed records", "Listed by the operator’s program"]),
        ] {
            let pdf = draw(&entries, locale).unwrap();
            sheets::keep(&name.replace('/', "-"), locale, &pdf);
            let path = folder.path().join(format!("{}-{locale:?}.pdf", name.replace('/', "-")));
            fs::write(&path, &pdf).unwrap();
            command.arg(path);
            let Some(page) = sheets::text(&pdf) else { continue };
            for want in wants {
                assert!(page.contains(want), "{name}: {want} is not in\n{page}");
            }
        }
    }
    let out = command.output().unwrap();
    if out.status.code() == Some(2) {
        eprintln!("veraPDF not run: {}", String::from_utf8_lossy(&out.stderr));
        return;
    }
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
}

#[test]
fn a_list_that_does_not_hold_has_no_sheet() {
    for name in ["collection-items/bad-01-swapped", "collection-manifest/bad-01-order"] {
        let refused = draw(&package(name), Locale::Zh).unwrap_err();
        assert!(matches!(refused, Error::Malformed { what: "a collection's records", .. }), "{refused}");
    }
    let three = package("collection-manifest/good-01-three");
    let occasion = Occasion { locale: Locale::Zh, checked: CHECKED, earlier: None, original_read: true };
    let refused = draw_collection(&three, &occasion, &[], &Fonts::with_system()).unwrap_err();
    assert!(matches!(refused, Error::Mismatch { what: "contact sheets", .. }), "{refused}");
}
