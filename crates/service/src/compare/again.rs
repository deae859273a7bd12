//! A document's numbers, computed again from files that a reader has: a stranger's check, without a data folder.

use super::{page, scan::matched};
use crate::intake;
use archive::wacz;
use evidence::comparison::{Against, Comparison, Image};
use picture::{Limits, Prints};
use std::{collections::BTreeMap, fs, io::BufReader, path::PathBuf};
use verify::{Distances, Sentence};

/// Most bytes of an original that is held in memory.
const MAX_ORIGINAL: u64 = 256 << 20;

/// Holds the document's images and pairs against these files: the capture's WACZ, registered originals. Files that the
/// document does not name are passed over.
pub fn distances_again(document: &Comparison, files: &[PathBuf]) -> Distances {
    let not = |zh: &str, en: &str| Distances::NotComputed(Sentence::new(zh, en));
    let Against::Registered(scan) = &document.against else {
        return not(
            "两次取证之间的比对没有距离；文字与图像的增减未重新比对。",
            "Between two captures there are no distances; what was added and removed was not compared again.",
        );
    };
    let sources = document.sources();
    let mut given: BTreeMap<[u8; 32], PathBuf> = BTreeMap::new();
    for path in files {
        if let Ok(digests) = intake::digests(path, &mut |_| ())
            && sources.contains(&digests.sha256)
        {
            given.insert(digests.sha256, path.clone());
        }
    }
    let Some(path) = given.get(&document.capture.sha256) else {
        return not(
            "没有给出取证文件（WACZ），未重新计算。",
            "Not computed again: the capture's file (WACZ) was not given.",
        );
    };
    let read = fs::File::open(path).map_err(wacz::Error::from).and_then(|file| {
        let mut source = BufReader::new(file);
        let wacz = wacz::read(&mut source)?;
        let places = page::places(&wacz, &mut source)?;
        let images = page::images(&wacz, &mut source, &places)?;
        Ok((source, wacz, images))
    });
    let (mut source, wacz, images) = match read {
        Ok(read) => read,
        Err(e) => {
            let (zh, en) = (format!("取证文件无法读取（{e}）。"), format!("The capture's file cannot be read ({e})."));
            return Distances::NotComputed(Sentence::new(zh, en));
        }
    };
    let listed: Vec<Image> = images.listed.iter().map(|f| as_received(&f.image)).collect();
    if listed != scan.images.iter().map(as_received).collect::<Vec<_>>() || images.found != scan.images_found {
        return Distances::Differs(Sentence::new(
            "取证文件中的图像与比对文件所列的不同。",
            "The images in the capture's file are not those that the document lists.",
        ));
    }
    let mut pages: BTreeMap<usize, Option<Prints>> = BTreeMap::new();
    let mut originals: BTreeMap<[u8; 32], Option<Prints>> = BTreeMap::new();
    let (mut same, mut left, mut decoder) = (0, 0, None);
    for pair in &scan.pairs {
        let Some(found) = &pair.found else {
            // Both digests were compared: the image's just now, the record's by the document's own form.
            same += 1;
            continue;
        };
        let Some(path) = given.get(&pair.record.sha256) else {
            left += 1;
            continue;
        };
        let page = pages.entry(pair.image).or_insert_with(|| {
            let bytes = images.listed.get(pair.image)?.bytes(&wacz, &mut source)?.ok()?;
            picture::prints(bytes, &Limits::default()).ok()
        });
        let registered = originals.entry(pair.record.sha256).or_insert_with(|| {
            let small = fs::metadata(path).is_ok_and(|m| m.len() <= MAX_ORIGINAL);
            let bytes = small.then(|| fs::read(path).ok()).flatten()?;
            picture::prints(bytes, &Limits::default()).ok()
        });
        let again = page.as_ref().zip(registered.as_ref()).and_then(|(page, registered)| page.like(registered));
        if again.as_ref().map(matched).as_ref() == Some(found) {
            same += 1;
        } else {
            decoder = Some(&pair.record.record.id);
        }
    }
    match decoder {
        // This program is another release than the platform's, or the figure is wrong: which, only that release tells.
        Some(id) => {
            let (zh, en) = (
                format!("与记录 {id} 的距离重新计算后不同：或是解码器版本不同，或是数字有误；请用声明所写的版本再算。"),
                format!(
                    "The distance to record {id} is another one here: another decoder, or a wrong figure; compute it with the release that the statement names."
                ),
            );
            Distances::NotComputed(Sentence::new(zh, en))
        }
        None if left > 0 && same == 0 => not(
            "取证文件中的图像就是比对文件所列的；没有给出登记的原件，距离未重新计算。",
            "The images in the capture's file are those that the document lists; distances were not computed again, as no registered original was given.",
        ),
        None if left > 0 => Distances::SameAsFarAsGiven { pairs: same, left },
        None => Distances::Same { pairs: same },
    }
}

/// What the capture's file alone says of an image.
fn as_received(image: &Image) -> Image {
    Image { media_type: String::new(), width: 0, height: 0, result: String::new(), ..image.clone() }
}
