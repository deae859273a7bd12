//! The sheets of a licence, of its end and of its confirmation, from the packages that every reader is held against.
#![allow(clippy::unwrap_used, missing_docs)]

#[allow(dead_code)]
mod sheets;

use certificate::{Error, Fonts, Locale, Occasion, draw_licence, pictures_in, redraw_licence};
use evidence::time::Utc;
use std::{collections::BTreeMap, fs, path::Path, process::Command};

/// 2026-12-31, after every vector.
const CHECKED: Utc = Utc(1_798_675_200_000_000);

fn package(name: &str) -> BTreeMap<String, Vec<u8>> {
    let bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors").join(name).join("package.zip"));
    archive::package::read(&bytes.unwrap()).unwrap().entries.into_iter().collect()
}

/// Drawn, and drawn again from what is attached.
fn draw(entries: &BTreeMap<String, Vec<u8>>, locale: Locale, sheet: &[Vec<u8>]) -> Result<Vec<u8>, Error> {
    let occasion = Occasion { locale, checked: CHECKED, earlier: None, original_read: true };
    let pdf = draw_licence(entries, &occasion, sheet, &Fonts::with_system())?;
    let printed: Vec<Vec<u8>> = pictures_in(&pdf).into_iter().map(<[u8]>::to_vec).collect();
    assert!(printed == sheet, "the contact sheet is in the file as it was given");
    assert!(redraw_licence(&pdf, entries, &printed)? == pdf, "another page, drawn again");
    Ok(pdf)
}

#[test]
fn every_record_about_a_licence_has_its_sheet() {
    let verapdf = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/verapdf.sh");
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(verapdf);
    let contact = [sheets::thumbnail(1280, 156)];
    for (name, sheet, zh, en) in [
        (
            "named/good-01-carried",
            &contact[..],
            ["许可存证证书", "丙店", "商品详情页", "2026-01-06 至 2027-01-05", "喜鹊", "没有终止记录随附"],
            [
                "Certificate of a Licence",
                "丙店",
                "https://shop.example/c/*",
                "both days included",
                "喜鹊",
                "no end is attached",
            ],
        ),
        (
            "related-N/good-21-ended-licence",
            &[],
            ["许可存证证书", "丙店", "其记录未随附", "自 2026-01-20 起终止", "双方同意", "没有被许可方的确认记录随附"],
            [
                "Certificate of a Licence",
                "丙店",
                "not carried along",
                "it ends on 2026-01-20",
                "双方同意",
                "no confirmation",
            ],
        ),
        (
            "related-N/good-22-confirmed-licence",
            &[],
            ["许可存证证书", "丙店", "持有确认链接的人", "以“丙”的名义", "没有终止记录随附", "被许可方"],
            [
                "Certificate of a Licence",
                "丙店",
                "whoever held the link",
                "giving the name",
                "no end is attached",
                "Licensee",
            ],
        ),
        (
            "statement/good-07-revocation",
            &[],
            [
                "许可终止存证证书",
                "所终止的许可",
                "2026-01-20",
                "双方同意",
                "条款见许可自己的证书",
                "不证明被许可方已获知",
            ],
            ["Licence’s End", "Licence that ends", "2026-01-20", "双方同意", "own certificate", "was told"],
        ),
        (
            "statement/good-08-confirmation",
            &[],
            ["许可确认存证证书", "所确认的许可", "所填名称", "丙", "未经核对", "持有确认链接的人"],
            [
                "Certificate of a Confirmation",
                "Licence confirmed",
                "Name given",
                "丙",
                "not checked",
                "whoever held the link",
            ],
        ),
    ] {
        let entries = package(name);
        for (locale, wants) in [(Locale::Zh, zh), (Locale::En, en)] {
            let pdf = draw(&entries, locale, sheet).unwrap();
            sheets::keep(&name.replace('/', "-"), locale, &pdf);
            let path = folder.path().join(format!("{}-{locale:?}.pdf", name.replace('/', "-")));
            fs::write(&path, &pdf).unwrap();
            command.arg(path);
            let Some(page) = sheets::text(&pdf) else { continue };
            let page: String = page.split_whitespace().collect::<Vec<_>>().join(" ");
            for want in wants {
                assert!(page.contains(want), "{name}: {want} is not in\n{page}");
            }
            assert!(!page.contains("owner_id"));
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
fn what_does_not_hold_is_not_printed() {
    // Another picture's record stands for the named one: neither its title nor its digest is on the page.
    let entries = package("named/bad-01-another");
    let pdf = draw(&entries, Locale::Zh, &[]).unwrap();
    if let Some(page) = sheets::text(&pdf) {
        assert!(page.contains("核验不一致") && page.contains("其记录未随附"), "{page}");
    }
    let picture = package("named/good-03-picture");
    assert!(matches!(draw(&picture, Locale::Zh, &[]).unwrap_err(), Error::Malformed { .. }));
    let refused = draw(&package("named/good-01-carried"), Locale::Zh, &[]).unwrap_err();
    assert!(matches!(refused, Error::Mismatch { what: "contact sheets", .. }), "{refused}");
}
