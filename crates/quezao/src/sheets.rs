//! Pages with contact sheets drawn again: text from the attached files, a collection's sheets from the originals that are
//! given.

use crate::verify_cmd::sha256;
use evidence::collection::Manifest;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use verify::{Page, Sentence};

/// A licence's page, or that of its end or confirmation, with the contact sheet that it has.
pub(crate) fn licence(drawn: &[u8], entries: &BTreeMap<String, Vec<u8>>) -> Page {
    let printed: Vec<Vec<u8>> = certificate::pictures_in(drawn).into_iter().map(<[u8]>::to_vec).collect();
    let again = certificate::redraw_licence(drawn, entries, &printed);
    unlike(drawn, again).unwrap_or(if printed.is_empty() { Page::Same } else { Page::SameButThumbnail })
}

/// Why the page that was drawn again does not stand for this one; `None` where it is the same.
fn unlike(drawn: &[u8], again: Result<Vec<u8>, certificate::Error>) -> Option<Page> {
    match again {
        Ok(again) if again == drawn => None,
        Ok(_) => Some(Page::Differs(Sentence::new(
            "由所附文件重新绘制的页面与证书中的页面不同：页面上的文字不可信。",
            "Drawn again from the attached files, the page is another one: what is printed cannot be relied on.",
        ))),
        Err(e) => Some(Page::NotDrawn(Sentence::new(
            format!("此处无法重新绘制页面（{e}）。"),
            format!("The page cannot be drawn again here ({e})."),
        ))),
    }
}

/// The page is as drawn where text and layout come out byte for byte with its own contact sheets, and those show the
/// given originals.
pub(crate) fn page(drawn: &[u8], entries: &BTreeMap<String, Vec<u8>>, originals: &[PathBuf]) -> Page {
    let mut printed: Vec<Vec<u8>> = certificate::pictures_in(drawn).into_iter().map(<[u8]>::to_vec).collect();
    printed.sort_by_key(|jpeg| picture::sheet_number(jpeg));
    if let Some(other) = unlike(drawn, certificate::redraw_collection(drawn, entries, &printed)) {
        return other;
    }
    let Some(manifest) = entries.get("manifest.jsonl").and_then(|bytes| Manifest::parse(bytes).ok()) else {
        return Page::SameButThumbnail;
    };
    let given: BTreeMap<[u8; 32], &Path> =
        originals.iter().filter_map(|path| Some((sha256(path)?, path.as_path()))).collect();
    if !manifest.lines().iter().any(|line| given.contains_key(&line.digests.sha256)) {
        return Page::SameButThumbnail;
    }
    let again = service::contact_sheets(&manifest, &|sha256| given.get(sha256).map(|path| path.to_path_buf()));
    if again == printed {
        return Page::Same;
    }
    let sheets = manifest.lines().chunks(certificate::PER_SHEET);
    for ((printed, again), (n, lines)) in printed.into_iter().zip(again).zip(sheets.enumerate()) {
        let places: Vec<usize> =
            (0..lines.len()).filter(|p| lines.get(*p).is_some_and(|l| given.contains_key(&l.digests.sha256))).collect();
        let number = |place: &usize| n * certificate::PER_SHEET + place + 1;
        match picture::unlike(printed, again, &places, &picture::Limits::default()) {
            Ok(places) if places.is_empty() => {}
            Ok(places) => {
                let numbers = places.iter().map(|p| number(p).to_string()).collect::<Vec<_>>().join(", ");
                return Page::Differs(Sentence::new(
                    format!("页面与所附文件一致，但第 {numbers} 幅缩略图不是由给出的原件生成的。"),
                    format!(
                        "The page agrees with the attached files, but the thumbnails of {numbers} were not made from the given originals."
                    ),
                ));
            }
            Err(e) => {
                return Page::NotDrawn(Sentence::new(
                    format!("缩略图无法比对（{e}）。"),
                    format!("The thumbnails could not be compared ({e})."),
                ));
            }
        }
    }
    Page::SameAsFarAsGiven
}
