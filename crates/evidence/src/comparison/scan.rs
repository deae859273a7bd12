//! A page's images against registered records.

use super::{MAX_IMAGES, MAX_PAIRS, Match, Similarity, count, digest, listed, named, optional, record_of, text};
use crate::{
    Error, Result, hex,
    json::{self, Value, json},
    statement::Ref,
    time::Utc,
};
use std::collections::BTreeSet;

/// Why an image of the page was not compared as a picture, besides `compared`.
pub const IMAGE_RESULTS: [&str; 6] = ["compared", "format", "broken", "too-large", "small", "flat"];
/// Why a registered record was not compared as a picture.
pub const NOT_COMPARED: [&str; 8] =
    ["not-image", "not-held", "damaged", "format", "broken", "too-large", "small", "flat"];

/// A page's images, and what is like them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// In the order of the WACZ, each digest once.
    pub images: Vec<Image>,
    /// How many different ones there were.
    pub images_found: u64,
    /// Records of the owner.
    pub records: u64,
    /// Records that were compared as pictures.
    pub compared: u64,
    /// Records that were not, by the words of [`NOT_COMPARED`], in that order.
    pub not_compared: [u64; 8],
    /// Strongest first.
    pub pairs: Vec<Pair>,
    /// How many there were.
    pub pairs_found: u64,
}

/// An image of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Of the first response with these bytes; `None` if longer than a text.
    pub url: Option<String>,
    /// Of the body.
    pub sha256: [u8; 32],
    /// Bytes of it.
    pub size: u64,
    /// By the leading bytes.
    pub media_type: String,
    /// Pixels, 0 where it was not decoded.
    pub width: u64,
    /// Pixels, 0 where it was not decoded.
    pub height: u64,
    /// Where the page shows it: x, y, width, height in CSS pixels.
    pub place: Option<[i64; 4]>,
    /// Responses with these bytes.
    pub occurrences: u64,
    /// One of [`IMAGE_RESULTS`].
    pub result: String,
}

/// An image of the page, and a registered record that is like it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Place in [`Scan::images`].
    pub image: usize,
    /// The registered one.
    pub record: Registered,
    /// By which combination, and how near; `None`: the same bytes.
    pub found: Option<Match>,
}

/// A registered record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Where it is.
    pub record: Ref,
    /// `image`, `file` or `digest`.
    pub kind: String,
    /// Of the file.
    pub sha256: [u8; 32],
    /// Of its statement.
    pub received_at: Utc,
    /// Of its first statement token, character for character.
    pub gen_time: String,
}

impl Pair {
    /// The word for how near the two are.
    pub fn similarity(&self) -> Similarity {
        self.found.as_ref().map_or(Similarity::Identical, Match::similarity)
    }

    /// What orders pairs, strongest first.
    pub fn rank(&self) -> (Similarity, u64, usize, &str) {
        (self.similarity(), self.found.as_ref().map_or(0, Match::score), self.image, &self.record.record.id)
    }
}

impl Scan {
    /// Adds what stands in `registered`.
    pub(super) fn of(self, value: &Value) -> Result<Self> {
        let m = json::closed("registered", value, &["records", "compared", "not_compared"])?;
        let reasons = json::closed("not_compared", &m["not_compared"], &NOT_COMPARED)?;
        let mut not_compared = [0; 8];
        for (place, name) in not_compared.iter_mut().zip(NOT_COMPARED) {
            *place = count("not_compared", &reasons[name])?;
        }
        let (records, compared) = (count("records", &m["records"])?, count("compared", &m["compared"])?);
        let total = not_compared.iter().fold(compared, |sum, n| sum.saturating_add(*n));
        if total != records {
            return Err(Error::mismatch("registered records", total, records));
        }
        Ok(Self { records, compared, not_compared, ..self })
    }

    pub(super) fn registered(&self) -> Value {
        let reasons = NOT_COMPARED.iter().zip(self.not_compared).map(|(name, n)| ((*name).to_owned(), n.into()));
        json!({
            "records": self.records, "compared": self.compared,
            "not_compared": Value::Object(reasons.collect::<json::Map<_, _>>()),
        })
    }

    pub(super) fn check(&self) -> Result<()> {
        listed("images_found", self.images.len(), MAX_IMAGES, self.images_found)?;
        listed("pairs_found", self.pairs.len(), MAX_PAIRS, self.pairs_found)?;
        let mut seen = BTreeSet::new();
        if let Some(twice) = self.images.iter().find(|image| !seen.insert(image.sha256)) {
            return Err(Error::malformed("comparison images", hex::encode(&twice.sha256), "each digest once"));
        }
        let mut pairs = BTreeSet::new();
        for pair in &self.pairs {
            let image = self.images.get(pair.image);
            let image = image.ok_or_else(|| {
                Error::malformed("pair image", pair.image.to_string(), "a place in the list of images")
            })?;
            let same = image.sha256 == pair.record.sha256;
            if same != pair.found.is_none() {
                let expected =
                    if same { "identical: the same SHA-256" } else { "two different digests, so a distance" };
                return Err(Error::malformed("pair similarity", pair.similarity().as_str(), expected));
            }
            if pair.found.is_some() && image.result != "compared" {
                return Err(Error::malformed("pair image", &image.result, "an image that was compared"));
            }
            if !pairs.insert((pair.image, &pair.record.record.id)) {
                return Err(Error::malformed("pair", &pair.record.record.id, "each image and record once"));
            }
        }
        match self.pairs.windows(2).find(|two| two[0].rank() >= two[1].rank()) {
            Some(two) => Err(Error::malformed("comparison pairs", &two[1].record.record.id, "the strongest first")),
            None => Ok(()),
        }
    }
}

impl Image {
    pub(super) fn from_value(value: &Value) -> Result<Self> {
        let names = ["url", "sha256", "size", "media_type", "width", "height", "box", "occurrences", "result"];
        let m = json::closed("comparison image", value, &names)?;
        let number = |name: &'static str| count(name, &m[name]);
        let result = text("result", &m["result"])?;
        if !IMAGE_RESULTS.contains(&result.as_str()) {
            return Err(Error::malformed("image result", result, IMAGE_RESULTS.join(", ")));
        }
        let image = Self {
            url: optional("url", &m["url"])?,
            sha256: digest(&m["sha256"])?,
            size: number("size")?,
            media_type: text("media_type", &m["media_type"])?,
            width: number("width")?,
            height: number("height")?,
            place: place(&m["box"])?,
            occurrences: number("occurrences")?,
            result,
        };
        if image.occurrences == 0 {
            return Err(Error::malformed("occurrences", "0", "1 or more"));
        }
        if image.result == "compared" && (image.width == 0 || image.height == 0) {
            return Err(Error::malformed("image size", format!("{} × {}", image.width, image.height), "pixels"));
        }
        Ok(image)
    }

    pub(super) fn to_value(&self) -> Value {
        json!({
            "url": self.url, "sha256": hex::encode(&self.sha256), "size": self.size, "media_type": self.media_type,
            "width": self.width, "height": self.height, "box": self.place, "occurrences": self.occurrences,
            "result": self.result,
        })
    }
}

impl Pair {
    pub(super) fn from_value(value: &Value) -> Result<Self> {
        let m = json::closed("pair", value, &["image", "record", "similarity", "match"])?;
        let names = ["ledger", "id", "leaf", "kind", "sha256", "received_at", "gen_time"];
        let r = json::closed("pair record", &m["record"], &names)?;
        let (record, received_at, gen_time) = record_of(r)?;
        let kind = text("kind", &r["kind"])?;
        if !["image", "file", "digest"].contains(&kind.as_str()) {
            return Err(Error::malformed("kind of a registered record", kind, "image, file, digest"));
        }
        let found = match &m["match"] {
            Value::Null => None,
            found => Some(Match::from_value(found)?),
        };
        let record = Registered { record, kind, sha256: digest(&r["sha256"])?, received_at, gen_time };
        let image = usize::try_from(count("pair image", &m["image"])?).unwrap_or(usize::MAX);
        let pair = Self { image, record, found };
        let word = json::string("similarity", &m["similarity"])?;
        if word != pair.similarity().as_str() {
            return Err(Error::malformed("pair similarity", word, pair.similarity().as_str()));
        }
        Ok(pair)
    }

    pub(super) fn to_value(&self) -> Value {
        let Registered { record, kind, sha256, received_at, gen_time } = &self.record;
        let mut record = named(record, *received_at, gen_time);
        record["kind"] = json!(kind);
        record["sha256"] = hex::encode(sha256).into();
        json!({
            "image": self.image, "record": record, "similarity": self.similarity().as_str(),
            "match": self.found.as_ref().map(Match::to_value),
        })
    }
}

fn place(value: &Value) -> Result<Option<[i64; 4]>> {
    if value.is_null() {
        return Ok(None);
    }
    let numbers: Vec<i64> = value.as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
    match (numbers.as_slice(), value.as_array().map(Vec::len)) {
        ([x, y, width, height], Some(4)) if *width >= 0 && *height >= 0 => Ok(Some([*x, *y, *width, *height])),
        _ => Err(Error::malformed("image box", value.to_string(), "[x,y,w,h], no negative side")),
    }
}
