//! What a comparison's sheet says beyond every other one: pairs of pictures side by side, or what changed on a page.
//!
//! Rules:
//! - A similarity is an algorithm's number. The sheet says so in the document's own fixed words, and marks no pair with
//!   a check's mark.
//! - A picture stands only where the bytes with the document's digest were there to be drawn; else its place says that
//!   it was not.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::error::Error;
use crate::sheet::Words;

/// Pairs with their pictures, and further ones in a list.
pub const MAX_SHOWN: usize = 12;
pub(crate) const MAX_LISTED: usize = 40;
/// Licences that are printed.
pub(crate) const MAX_LICENCES: usize = 12;
/// Lines of text, images and facts that changed, each.
pub(crate) const MAX_CHANGES: usize = 30;

/// A captured page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// Record number of the capture.
    pub id: String,
    /// genTime of its statement's token, `2026-11-24T03:05:00Z`.
    pub at: String,
    /// Its main page.
    pub url: Option<String>,
    /// SHA-256 of its WACZ.
    pub sha256: String,
}

/// What was held against what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Different images of the page, and how many of them were compared as pictures.
    pub images: (u64, u64),
    /// Why the others were not, and how many.
    pub left_images: Vec<(Words, u64)>,
    /// Records of the owner's, and how many were compared as pictures.
    pub records: (u64, u64),
    /// Why those were not, and how many.
    pub others: Vec<(Words, u64)>,
}

/// The page's image and the registered one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Likeness {
    /// `identical`, `close`, `possible`.
    pub similarity: String,
    /// Of the page's image: address, SHA-256, width and height, left, top, width and height of its place, how often.
    pub url: Option<String>,
    /// 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Pixels.
    pub size: (u64, u64),
    /// CSS pixels from the page's upper left corner.
    pub place: Option<[i64; 4]>,
    /// Responses with these bytes.
    pub occurrences: u64,
    /// The registered record's number.
    pub record: String,
    /// genTime of its statement's token.
    pub record_at: String,
    /// SHA-256 of its file.
    pub record_sha256: String,
    /// Which parts are alike, and how near; `None` where the bytes are the same.
    pub found: Option<Near>,
    /// Whether each picture is there to be drawn: the page's, the registered one.
    pub drawn: (bool, bool),
}

/// By which parts two pictures are alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Near {
    /// Part of the page's image, of the registered one.
    pub parts: (Words, Words),
    /// Whether the registered part is turned left to right.
    pub mirrored: bool,
    /// Bits of `dct-256` that differ.
    pub dct: u64,
    /// Bits of `gradient-512` that differ.
    pub gradient: u64,
}

/// What was added, removed, and how many of each there were; how many are unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// The first ones.
    pub added: Vec<String>,
    /// The first ones.
    pub removed: Vec<String>,
    /// All.
    pub found: (u64, u64),
    /// In both.
    pub unchanged: u64,
}

/// A fact that differs: name, earlier and later value.
pub type FactChange = (Words, Option<String>, Option<String>);

/// Everything that a comparison's sheet says beyond every other one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// The platform's own clock.
    pub at: String,
    /// The capture in question.
    pub page: Side,
    /// What it was held against, if it was another capture.
    pub earlier: Option<Side>,
    /// What it was held against, if it was the owner's records.
    pub counts: Option<Counts>,
    /// Licences that speak of the page or of pairs, a sentence each; `None`: the document does not tell.
    pub licences: Option<Vec<Words>>,
    /// How many there were.
    pub licences_found: u64,
    /// The nearest first.
    pub pairs: Vec<Likeness>,
    /// How many there were.
    pub pairs_found: u64,
    /// Lines of text.
    pub text: Option<Changes>,
    /// Images, by digest.
    pub images: Option<Changes>,
    /// Facts as shown.
    pub facts: Option<Vec<FactChange>>,
    /// What the words for a similarity mean.
    pub thresholds: Words,
    /// What a similarity is not, in the document's words.
    pub notice: Words,
}

/// Small JPEGs by the SHA-256 of the file that they were made of.
pub type Likenesses = BTreeMap<[u8; 32], Vec<u8>>;

impl Compared {
    /// Refuses what the layout cannot set.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let changes = |c: &Option<Changes>| c.as_ref().map_or(0, |c| c.added.len().max(c.removed.len()));
        for (what, found, limit) in [
            ("pairs", self.pairs.len(), MAX_LISTED),
            ("licences", self.licences.as_ref().map_or(0, Vec::len), MAX_LICENCES),
            ("changed lines", changes(&self.text), MAX_CHANGES),
            ("changed images", changes(&self.images), MAX_CHANGES),
            ("changed facts", self.facts.as_ref().map_or(0, Vec::len), 64),
        ] {
            if found > limit {
                return Err(Error::TooLarge { what, found, limit });
            }
        }
        Ok(())
    }

    /// Instants, for the check of their form.
    pub(crate) fn moments(&self) -> Vec<&str> {
        let sides = std::iter::once(&self.page).chain(&self.earlier).map(|s| s.at.as_str());
        sides.chain([self.at.as_str()]).chain(self.pairs.iter().map(|p| p.record_at.as_str())).collect()
    }

    /// Every text of a stranger's, each to be written anew by `write`.
    pub(crate) fn foreign(&mut self, write: &mut dyn FnMut(&mut String)) {
        std::iter::once(&mut self.page).chain(&mut self.earlier).for_each(|s| s.url.iter_mut().for_each(&mut *write));
        self.pairs.iter_mut().for_each(|p| p.url.iter_mut().for_each(&mut *write));
        for w in self.licences.iter_mut().flatten() {
            [&mut w.zh, &mut w.en].into_iter().for_each(&mut *write);
        }
        let changes = self.text.iter_mut().chain(&mut self.images);
        changes.for_each(|c| c.added.iter_mut().chain(&mut c.removed).for_each(&mut *write));
        self.facts.iter_mut().flatten().for_each(|(name, a, b)| {
            [&mut name.zh, &mut name.en].into_iter().chain(a).chain(b).for_each(&mut *write);
        });
    }

    /// Every text, for fonts and bounds.
    pub(crate) fn texts(&self) -> Vec<&str> {
        let mut out: Vec<&str> = vec![&self.notice.zh, &self.notice.en, &self.thresholds.zh, &self.thresholds.en];
        out.extend(std::iter::once(&self.page).chain(&self.earlier).flat_map(|s| s.url.as_deref()));
        out.extend(self.pairs.iter().flat_map(|p| p.url.as_deref()));
        out.extend(self.licences.iter().flatten().flat_map(|w| [w.zh.as_str(), w.en.as_str()]));
        let changes = self.text.iter().chain(&self.images);
        out.extend(changes.flat_map(|c| c.added.iter().chain(&c.removed)).map(String::as_str));
        for (name, a, b) in self.facts.iter().flatten() {
            out.extend([name.zh.as_str(), name.en.as_str()].into_iter().chain(a.as_deref()).chain(b.as_deref()));
        }
        out
    }
}
