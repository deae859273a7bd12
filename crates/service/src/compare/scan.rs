//! Every image of a page against every registered record: digests first, then pictures, on all cores.

use super::{
    CompareEvent,
    page::{Found, Images},
};
use crate::beside::side_by_side;
use archive::wacz::{self, Source, Wacz};
use evidence::comparison::{Image, Match, NOT_COMPARED, Pair, Registered, Scan};
use picture::{Likeness, Limits, Prints};
use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Mutex, PoisonError},
};

/// Most bytes of a registered file that is looked at.
const MAX_FILE: u64 = 256 << 20;

/// A registered record, and whether the platform keeps its file.
pub(super) struct Known {
    pub(super) record: Registered,
    pub(super) held: bool,
}

/// A page's images and the file that holds them.
pub(super) struct Page<'w, S> {
    pub(super) images: Images,
    pub(super) wacz: &'w Wacz,
    pub(super) source: Mutex<&'w mut S>,
}

/// What became of one registered file.
type Looked = Result<Vec<(usize, Likeness)>, &'static str>;

/// Looks at everything once. Bytes are let go as soon as they were looked at.
pub(super) fn run<S: Source + Send>(
    page: Page<'_, S>,
    registered: Vec<Known>,
    originals: &Path,
    events: &mut (dyn FnMut(CompareEvent) + Send),
) -> wacz::Result<Scan> {
    // One look for all records of the same bytes.
    let mut by_bytes: BTreeMap<[u8; 32], Vec<&Known>> = BTreeMap::new();
    registered.iter().for_each(|known| by_bytes.entry(known.record.sha256).or_default().push(known));
    let pictures: Vec<[u8; 32]> =
        by_bytes.iter().filter(|(_, known)| known.iter().any(|k| refused(k).is_none())).map(|(d, _)| *d).collect();
    let Page { images: Images { listed, found, .. }, wacz, source } = page;
    events(CompareEvent::Planned((listed.len() + pictures.len()) as u64));

    let look = |found: Found| {
        // Read one by one, looked at side by side.
        let bytes = found.bytes(wacz, &mut **source.lock().unwrap_or_else(PoisonError::into_inner)).transpose()?;
        Ok(look_at_image(found.image, bytes))
    };
    let looked: wacz::Result<Vec<_>> =
        side_by_side(listed, look, &mut || events(CompareEvent::Looked)).into_iter().collect();
    let (images, prints): (Vec<_>, Vec<_>) = looked?.into_iter().unzip();
    let look = |sha256: [u8; 32]| (sha256, look_at_registered(originals, &sha256, &prints));
    let looked: BTreeMap<[u8; 32], Looked> =
        side_by_side(pictures, look, &mut || events(CompareEvent::Looked)).into_iter().collect();

    let mut scan = Scan { images, images_found: found, records: registered.len() as u64, ..Scan::default() };
    let places: BTreeMap<[u8; 32], usize> = scan.images.iter().enumerate().map(|(n, i)| (i.sha256, n)).collect();
    for known in &registered {
        let same = places.get(&known.record.sha256).copied();
        scan.pairs.extend(same.map(|image| Pair { image, record: known.record.clone(), found: None }));
        match refused(known).map_or_else(|| looked.get(&known.record.sha256), |_| None) {
            Some(Ok(alike)) => {
                scan.compared += 1;
                let others = alike.iter().filter(|(image, _)| Some(*image) != same);
                scan.pairs.extend(others.map(|(image, likeness)| Pair {
                    image: *image,
                    record: known.record.clone(),
                    found: Some(matched(likeness)),
                }));
            }
            Some(Err(reason)) => count(&mut scan, reason),
            None => count(&mut scan, refused(known).unwrap_or("damaged")),
        }
    }
    scan.pairs.sort_by(|a, b| a.rank().cmp(&b.rank()));
    scan.pairs_found = scan.pairs.len() as u64;
    scan.pairs.truncate(evidence::comparison::MAX_PAIRS);
    Ok(scan)
}

pub(super) fn matched(likeness: &Likeness) -> Match {
    Match {
        page_part: likeness.page.as_str().into(),
        registered_part: likeness.registered.as_str().into(),
        mirrored: likeness.mirrored,
        dct: likeness.dct.into(),
        gradient: likeness.gradient.into(),
    }
}

/// Why a record's file is not even opened.
fn refused(known: &Known) -> Option<&'static str> {
    match (known.record.kind.as_str(), known.held) {
        ("file", _) => Some("not-image"),
        (_, false) => Some("not-held"),
        _ => None,
    }
}

fn count(scan: &mut Scan, reason: &str) {
    if let Some(place) = NOT_COMPARED.iter().position(|r| *r == reason) {
        scan.not_compared[place] += 1;
    }
}

fn look_at_image(mut image: Image, bytes: Option<Vec<u8>>) -> (Image, Option<Prints>) {
    let Some(bytes) = bytes else { return (image, None) };
    let result = picture::prints(bytes, &Limits::default());
    let (reason, width, height) = match &result {
        Ok(prints) => ("compared", prints.width, prints.height),
        Err(why) => refusal(why),
    };
    (image.result, image.width, image.height) = (reason.into(), width.into(), height.into());
    (image, result.ok())
}

fn look_at_registered(originals: &Path, sha256: &[u8; 32], images: &[Option<Prints>]) -> Looked {
    let path = crate::intake::original_path(originals, sha256);
    let size = fs::metadata(&path).map_err(|_| "damaged")?.len();
    if size > MAX_FILE {
        return Err("too-large");
    }
    let bytes = fs::read(&path).map_err(|_| "damaged")?;
    if evidence::digest::sha256(&bytes) != *sha256 {
        return Err("damaged");
    }
    let registered = picture::prints(bytes, &Limits::default()).map_err(|why| refusal(&why).0)?;
    let alike = images.iter().enumerate().filter_map(|(n, page)| Some((n, page.as_ref()?.like(&registered)?)));
    Ok(alike.collect())
}

/// The document's word for why a picture was not compared, and its size where that is known.
pub(super) fn refusal(why: &picture::Error) -> (&'static str, u32, u32) {
    use picture::Error as E;
    match why {
        E::Format => ("format", 0, 0),
        E::Pixels { width: 0, .. } | E::Pixels { height: 0, .. } | E::Decoder(_) => ("broken", 0, 0),
        E::Pixels { .. } | E::Bytes(_) | E::Time(_) => ("too-large", 0, 0),
        E::Small { width, height } => ("small", *width, *height),
        E::Flat { width, height } => ("flat", *width, *height),
    }
}
