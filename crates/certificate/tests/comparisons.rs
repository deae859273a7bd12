//! A comparison's sheet, from the packages that every reader is held against.
#![allow(clippy::unwrap_used, missing_docs)]

#[allow(dead_code)]
mod sheets;

use certificate::{Error, Fonts, Likenesses, Locale, Occasion, draw_comparison, redraw_comparison, shown_pairs};
use evidence::{comparison::Comparison, time::Utc};
use std::{collections::BTreeMap, fs, io::Cursor, path::Path};

/// 2026-12-31, after every vector.
const CHECKED: Utc = Utc(1_798_675_200_000_000);

fn package(name: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/comparison").join(name);
    let bytes = fs::read(folder.join("package.zip")).unwrap();
    archive::package::read(&bytes).unwrap().entries.into_iter().collect()
}

fn liken(document: &Comparison) -> Likenesses {
    let pairs = shown_pairs(document).into_iter().flat_map(|(page, registered)| [page, registered]);
    pairs.map(|sha256| (sha256, sheets::thumbnail(160 + u32::from(sha256[0]), 200))).collect()
}

fn draw(entries: &BTreeMap<String, Vec<u8>>, locale: Locale) -> Result<Vec<u8>, Error> {
    let occasion = Occasion { locale, checked: CHECKED, earlier: Some(0), original_read: true };
    let mut document = Cursor::new(entries["comparison.json"].clone());
    let pdf = draw_comparison(entries, &mut document, &occasion, &mut liken, &Fonts::with_system())?;
    assert!(redraw_comparison(&pdf, entries, &mut document, &mut liken)? == pdf, "another page, drawn again");
    let without = redraw_comparison(&pdf, entries, &mut document, &mut |_| Likenesses::new())?;
    assert_eq!(without == pdf, shown_pairs(&Comparison::parse(&entries["comparison.json"]).unwrap()).is_empty());
    Ok(pdf)
}

#[test]
fn every_good_comparison_has_its_sheet() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/comparison");
    let names = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut good: Vec<String> = names.filter(|n| n.starts_with("good-")).collect();
    good.sort();
    assert!(good.len() >= 3);
    for name in good {
        let entries = package(&name);
        if !entries.contains_key("comparison.json") {
            continue;
        }
        for (locale, wants) in [
            (Locale::Zh, ["比对记录", "相似度由算法给出，不是侵权认定；未发现相似不等于不存在。"]),
            (Locale::En, ["Record of a Comparison", "Similarity by algorithm, not a finding of infringement"]),
        ] {
            let pdf = draw(&entries, locale).unwrap();
            sheets::keep(&format!("comparison-{name}"), locale, &pdf);
            let Some(page) = sheets::text(&pdf) else { continue };
            for want in wants {
                assert!(page.contains(want), "{name}: {want} is not in\n{page}");
            }
            assert!(!page.contains("侵权成立") && !page.contains("infringes a right of"), "{page}");
        }
    }
}

#[test]
fn another_document_has_no_sheet() {
    let mut entries = package("good-01-pairs");
    let document = entries.get_mut("comparison.json").unwrap();
    document.push(b' ');
    let refused = draw(&entries, Locale::Zh).unwrap_err();
    assert!(matches!(refused, Error::Malformed { what: "a comparison's document", .. }), "{refused}");
}
