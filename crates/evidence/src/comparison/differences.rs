//! What a later capture has that an earlier one has not, and the other way round.

use super::{digest, list, listed, optional, text};
use crate::{
    Error, Result, hex,
    json::{self, Value, json},
};

/// Most lines or images that are listed, a side.
pub const MAX_CHANGES: usize = 500;
/// Most facts that are listed.
pub const MAX_FACTS: usize = 64;

/// Text, images and facts of two captures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// Lines; `None` where a capture has no text.
    pub text: Option<Changes<String>>,
    /// SHA-256 of images.
    pub images: Changes<[u8; 32]>,
    /// Facts that differ, ascending by name; `None` where a capture has none.
    pub facts: Option<Vec<Fact>>,
}

/// What was added and removed, in the page's order, up to [`MAX_CHANGES`] each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes<T> {
    /// In the later one only.
    pub added: Vec<T>,
    /// In the earlier one only.
    pub removed: Vec<T>,
    /// How many were added.
    pub added_found: u64,
    /// How many were removed.
    pub removed_found: u64,
    /// In both.
    pub unchanged: u64,
}

/// A fact as both pages showed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Its name in `urn:quezao:facts`.
    pub name: String,
    /// `None`: not shown.
    pub earlier: Option<String>,
    /// `None`: not shown.
    pub later: Option<String>,
}

impl Differences {
    pub(super) fn from_value(value: &Value) -> Result<Self> {
        let m = json::closed("differences", value, &["text", "images", "facts"])?;
        let lines = match &m["text"] {
            Value::Null => None,
            lines => Some(Changes::from_value(lines, |line| text("line", line))?),
        };
        let facts = match &m["facts"] {
            Value::Null => None,
            facts => Some(list("facts", facts, MAX_FACTS, Fact::from_value)?),
        };
        if let Some(two) = facts.iter().flat_map(|f| f.windows(2)).find(|two| two[0].name >= two[1].name) {
            return Err(Error::malformed("facts", &two[1].name, "each name once, ascending"));
        }
        Ok(Self { text: lines, images: Changes::from_value(&m["images"], digest)?, facts })
    }

    pub(super) fn to_value(&self) -> Value {
        json!({
            "text": self.text.as_ref().map(|lines| lines.to_value(|line| json!(line))),
            "images": self.images.to_value(|sha256| hex::encode(sha256).into()),
            "facts": self.facts.as_ref().map(|facts| facts.iter().map(Fact::to_value).collect::<Vec<_>>()),
        })
    }
}

impl<T> Changes<T> {
    fn from_value(value: &Value, read: impl Fn(&Value) -> Result<T>) -> Result<Self> {
        let m = json::closed("differences", value, &["added", "removed", "added_found", "removed_found", "unchanged"])?;
        let changes = Self {
            added: list("added", &m["added"], MAX_CHANGES, &read)?,
            removed: list("removed", &m["removed"], MAX_CHANGES, &read)?,
            added_found: super::count("added_found", &m["added_found"])?,
            removed_found: super::count("removed_found", &m["removed_found"])?,
            unchanged: super::count("unchanged", &m["unchanged"])?,
        };
        listed("added_found", changes.added.len(), MAX_CHANGES, changes.added_found)?;
        listed("removed_found", changes.removed.len(), MAX_CHANGES, changes.removed_found)?;
        Ok(changes)
    }

    fn to_value(&self, write: impl Fn(&T) -> Value) -> Value {
        json!({
            "added": self.added.iter().map(&write).collect::<Vec<_>>(),
            "removed": self.removed.iter().map(&write).collect::<Vec<_>>(),
            "added_found": self.added_found, "removed_found": self.removed_found, "unchanged": self.unchanged,
        })
    }
}

impl Fact {
    fn from_value(value: &Value) -> Result<Self> {
        let m = json::closed("fact", value, &["name", "earlier", "later"])?;
        let fact = Self {
            name: text("name", &m["name"])?,
            earlier: optional("earlier", &m["earlier"])?,
            later: optional("later", &m["later"])?,
        };
        if fact.earlier == fact.later {
            return Err(Error::malformed("fact", &fact.name, "one that differs"));
        }
        Ok(fact)
    }

    fn to_value(&self) -> Value {
        json!({"name": self.name, "earlier": self.earlier, "later": self.later})
    }
}
