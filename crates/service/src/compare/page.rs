//! What a capture's file holds that can be compared: images, text, facts.

use archive::wacz::{Entry, Result, Source, Wacz};
use evidence::{
    comparison::{Fact, Image, MAX_FACTS, MAX_IMAGES, MAX_TEXT},
    hex,
    json::check_string,
};
use std::collections::{BTreeMap, BTreeSet};
use unicode_normalization::UnicodeNormalization;

/// Most bytes of an image that is looked at.
const MAX_IMAGE: u64 = 64 << 20;
/// Leading bytes by which a type is known.
const LEADING: u64 = 64;
/// Most bytes of text or facts.
const MAX_LISTS: u64 = 32 << 20;

/// Where the page shows an image, by SHA-256.
pub(super) type Places = BTreeMap<[u8; 32], [i64; 4]>;

/// An image of the page, and where its bytes lie.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) image: Image,
    entry: Entry,
}

impl Found {
    /// Its bytes; `None`: too many to be looked at.
    pub(super) fn bytes(&self, wacz: &Wacz, source: &mut dyn Source) -> Option<Result<Vec<u8>>> {
        (self.entry.payload_size <= MAX_IMAGE).then(|| wacz.payload(source, &self.entry, MAX_IMAGE))
    }
}

/// The page's images.
pub(super) struct Images {
    /// Up to as many as a document lists.
    pub(super) listed: Vec<Found>,
    /// Different ones.
    pub(super) found: u64,
    /// Their SHA-256, those that are not listed too.
    pub(super) digests: Vec<[u8; 32]>,
}

/// What two captures are compared by.
pub(super) struct Content {
    pub(super) lines: Option<Vec<String>>,
    pub(super) images: Vec<[u8; 32]>,
    /// Name and value.
    pub(super) facts: Option<BTreeMap<String, String>>,
}

/// Boxes of `urn:quezao:facts`; empty where there are none.
pub(super) fn places(wacz: &Wacz, source: &mut dyn Source) -> Result<Places> {
    let mut places = Places::new();
    let facts = facts(wacz, source)?.unwrap_or_default();
    for image in facts["images"].as_array().into_iter().flatten() {
        let digest = image["sha256"].as_str().and_then(|d| hex::decode("sha256", d).ok());
        let numbers: Vec<i64> = image["box"].as_array().into_iter().flatten().filter_map(|n| n.as_i64()).collect();
        if let (Some(digest), Ok(place @ [_, _, 0..=i64::MAX, 0..=i64::MAX])) = (digest, <[i64; 4]>::try_from(numbers))
        {
            places.entry(digest).or_insert(place);
        }
    }
    Ok(places)
}

/// Every image that came as a response, each digest once, in the order of the file. Bytes are read when they are looked
/// at, so that never more than one image a thread lies in memory.
pub(super) fn images(wacz: &Wacz, source: &mut dyn Source, places: &Places) -> Result<Images> {
    let mut seen: BTreeMap<[u8; 32], usize> = BTreeMap::new();
    let mut out = Images { listed: Vec::new(), found: 0, digests: Vec::new() };
    for entry in wacz.entries.iter().filter(|e| is_candidate(e)) {
        if let Some(place) = seen.get(&entry.payload_sha256) {
            if let Some(found) = out.listed.get_mut(*place) {
                found.image.occurrences += 1;
            }
            continue;
        }
        // An untyped one is an image only if its bytes say so.
        let leading = wacz.begins(source, entry, LEADING)?;
        let media_type = picture::media_type(&leading);
        if !is_typed(entry) && !is_image(media_type) {
            continue;
        }
        // Past the last that is listed only counts.
        seen.insert(entry.payload_sha256, out.listed.len());
        out.found += 1;
        out.digests.push(entry.payload_sha256);
        if out.listed.len() == MAX_IMAGES {
            continue;
        }
        let image = Image {
            url: Some(entry.target.clone()).filter(|u| is_text(u)),
            sha256: entry.payload_sha256,
            size: entry.payload_size,
            media_type: media_type.into(),
            width: 0,
            height: 0,
            place: places.get(&entry.payload_sha256).copied(),
            occurrences: 1,
            result: "too-large".into(),
        };
        out.listed.push(Found { image, entry: entry.clone() });
    }
    Ok(out)
}

/// Text, images and facts of a capture.
pub(super) fn content(wacz: &Wacz, source: &mut dyn Source) -> Result<Content> {
    let text = match wacz.find("text") {
        Some(entry) => Some(wacz.payload(source, entry, MAX_LISTS)?),
        None => None,
    };
    let lines = text.map(|bytes| {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        text.lines().map(|line| fit(line.trim())).filter(|line| !line.is_empty()).collect()
    });
    // All of them: what a document has no room to list is counted nevertheless.
    let images = images(wacz, source, &Places::new())?.digests;
    let facts = facts(wacz, source)?.map(|facts| {
        let mut named: BTreeMap<String, String> = BTreeMap::new();
        for fact in facts["facts"].as_array().into_iter().flatten() {
            let text = |name: &str| fact[name].as_str().unwrap_or_default();
            let (name, value) = (fit(&format!("{}/{}", text("name"), text("source"))), text("value"));
            let joined = named.get(&name).map_or_else(|| value.to_owned(), |before| format!("{before} · {value}"));
            named.insert(name, fit(&joined));
        }
        named
    });
    Ok(Content { lines, images, facts })
}

impl Content {
    /// Facts that differ, ascending by name.
    pub(super) fn facts_between(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<Fact> {
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let both = names.into_iter().map(|name| Fact {
            name: name.clone(),
            earlier: before.get(name).cloned(),
            later: after.get(name).cloned(),
        });
        both.filter(|fact| fact.earlier != fact.later).take(MAX_FACTS).collect()
    }
}

/// Whether a document can hold this as it is.
pub(super) fn is_text(text: &str) -> bool {
    text.len() <= MAX_TEXT && check_string("text", text).is_ok()
}

/// A page's text as a document can hold it: NFC, without characters that it refuses, cut.
fn fit(text: &str) -> String {
    let allowed = |c: &char| check_string("text", c.encode_utf8(&mut [0; 4])).is_ok();
    let mut text: String = text.nfc().collect();
    // Taking a character out may bring two together that compose.
    for _ in 0..3 {
        text = text.chars().filter(allowed).nfc().collect();
    }
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    if check_string("text", &text).is_ok() { text } else { String::new() }
}

fn facts(wacz: &Wacz, source: &mut dyn Source) -> Result<Option<serde_json::Value>> {
    let Some(entry) = wacz.find("facts") else { return Ok(None) };
    let bytes = wacz.payload(source, entry, MAX_LISTS)?;
    Ok(serde_json::from_slice(&bytes).ok().filter(serde_json::Value::is_object))
}

fn is_candidate(entry: &Entry) -> bool {
    let untyped = matches!(media_type(entry).as_str(), "" | "application/octet-stream");
    entry.kind == "response" && entry.payload_size > 0 && (is_typed(entry) || untyped)
}

/// Types that were told from bytes later stay out: who lists a page's images again has the same list.
fn is_image(media_type: &str) -> bool {
    media_type.starts_with("image/") && !media_type.starts_with("image/x-") && media_type != "image/svg+xml"
}

fn is_typed(entry: &Entry) -> bool {
    media_type(entry).starts_with("image/")
}

fn media_type(entry: &Entry) -> String {
    let text = entry.content_type.as_deref().unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_fits() {
        assert_eq!(fit("¥199\u{200b}\u{202e} 包邮"), "¥199 包邮");
        assert_eq!(fit("e\u{200b}\u{301}"), "é");
        let long = "喜鹊".repeat(900);
        assert!(fit(&long).len() <= MAX_TEXT && long.starts_with(&fit(&long)));
        assert!(is_text(&fit(&long)));
    }
}
