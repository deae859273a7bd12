//! What a collection's sheet says beyond every other one: the listed pictures, in contact sheets and in a list.
//!
//! Rules:
//! - Only a list whose records all hold is printed: names, dates and digests are those of records that were checked.
//! - A contact sheet is a picture and says nothing that is checked with the list; whoever has the originals makes it
//!   again. What could not be drawn is an empty frame there, so the layout does not depend on what was.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::fill::{Beside, Own};
use crate::held::{holds, second};
use crate::instant::Instant;
use crate::report::cut;
use crate::sheet::Sheet;
use locale::grouped;

/// Pictures of one contact sheet.
pub const PER_SHEET: usize = 100;
/// Most bytes of all contact sheets.
pub(crate) const MAX_SHEETS: usize = 16 << 20;
/// Characters of a file's name in the list.
const NAME: usize = 80;

/// A listed picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// The original's name as claimed.
    pub name: Option<String>,
    /// Its record's number.
    pub id: String,
    /// Its leaf.
    pub index: u64,
    /// Bytes.
    pub size: u64,
    /// 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// genTime and accuracy of the token that dates it, `2026-11-24T03:05:00Z`.
    pub at: String,
}

/// Everything that a collection's sheet says beyond every other one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collected {
    /// In the order of the list; the first is number 1.
    pub pictures: Vec<Picture>,
}

impl Collected {
    fn of(collection: &verify::Collection) -> Self {
        let picture = |(line, item): (&evidence::collection::Line, &verify::Collected)| Picture {
            name: item.file_name.as_ref().map(|n| cut(n, NAME)),
            id: line.id.clone(),
            index: line.index,
            size: line.digests.size,
            sha256: evidence::hex::encode(&line.digests.sha256),
            at: second(item.t1.by()),
        };
        Self { pictures: collection.lines.iter().zip(&collection.items).map(picture).collect() }
    }

    /// Contact sheets that its pictures fill.
    pub(crate) fn sheets(&self) -> usize {
        self.pictures.len().div_ceil(PER_SHEET)
    }

    /// Refuses what the layout cannot set.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let (what, found, limit) = ("listed pictures", self.pictures.len(), evidence::collection::MAX_LINES);
        if found > limit {
            return Err(Error::TooLarge { what, found, limit });
        }
        Ok(())
    }

    /// Instants, for the check of their form.
    pub(crate) fn moments(&self) -> impl Iterator<Item = &str> {
        self.pictures.iter().map(|p| p.at.as_str())
    }

    /// Every text, for fonts and bounds.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.pictures.iter().filter_map(|p| p.name.as_deref())
    }

    /// As the template reads it; numbers as text, as everywhere.
    pub(crate) fn data(&self) -> Result<serde_json::Value, Error> {
        let local = |at: &str| Instant::parse("time", at).map(|t| t.local());
        let picture = |p: &Picture| -> Result<serde_json::Value, Error> {
            Ok(serde_json::json!({
                "name": p.name, "id": p.id, "index": p.index.to_string(), "size": grouped(p.size), "sha256": p.sha256,
                "local": local(&p.at)?,
            }))
        };
        let ends = |at: Option<&str>| at.map(local).transpose();
        Ok(serde_json::json!({
            "pictures": self.pictures.iter().map(picture).collect::<Result<Vec<_>, _>>()?,
            "per": PER_SHEET, "sheets": self.sheets(), "count": grouped(self.pictures.len() as u64),
            "first": self.pictures.first().map(|p| p.index.to_string()),
            "last": self.pictures.last().map(|p| p.index.to_string()),
            "earliest": ends(self.moments().min())?, "latest": ends(self.moments().max())?,
        }))
    }
}

impl Sheet {
    /// The sheet of a collection all of whose records hold.
    ///
    /// # Errors
    /// As [`Self::from_verdict`], and [`Error::Malformed`] where a record of the list does not hold.
    pub fn of_collection(verdict: &verify::Verdict, beside: &Beside) -> Result<Self, Error> {
        let held = |c: &&verify::Collection| holds(verdict, "collection-items") && c.items.len() == c.lines.len();
        let collection = verdict.facts.collection.as_deref().filter(held).ok_or_else(|| Error::Malformed {
            what: "a collection's records",
            found: "some that do not hold".into(),
            expected: "those of manifest.jsonl, all of them".into(),
        })?;
        Self::fill(verdict, beside, Own::Collection(Box::new(Collected::of(collection))))
    }
}
