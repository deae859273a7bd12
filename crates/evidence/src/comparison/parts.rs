//! By which combination of parts two pictures are alike, and how near.

use super::{CLOSE, POSSIBLE, count, text};
use crate::{
    Error, Result,
    json::{self, Value, json},
};

/// The parts of a picture, in their order.
pub const PARTS: [&str; 10] = [
    "whole",
    "trimmed",
    "inner-95",
    "inner-90",
    "inner-80",
    "square",
    "without-top",
    "without-bottom",
    "without-left",
    "without-right",
];

/// How near two pictures are, nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Similarity {
    /// The same bytes.
    Identical,
    /// Both distances are within [`CLOSE`].
    Close,
    /// Both are within one of [`POSSIBLE`].
    Possible,
}

impl Similarity {
    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identical => "identical",
            Self::Close => "close",
            Self::Possible => "possible",
        }
    }
}

/// Two parts, and the distances between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Part of the page's image.
    pub page_part: String,
    /// Part of the registered one.
    pub registered_part: String,
    /// The registered part is turned left to right.
    pub mirrored: bool,
    /// Bits of `dct-256` that differ.
    pub dct: u64,
    /// Bits of `gradient-512` that differ.
    pub gradient: u64,
}

impl Match {
    /// Close, or else possible. What is neither cannot be read or written.
    pub fn similarity(&self) -> Similarity {
        if self.is_within(CLOSE) { Similarity::Close } else { Similarity::Possible }
    }

    fn is_within(&self, (dct, gradient): (u64, u64)) -> bool {
        self.dct <= dct && self.gradient <= gradient
    }

    /// What orders matches of one word: 2 · dct + gradient.
    pub fn score(&self) -> u64 {
        self.dct.saturating_mul(2).saturating_add(self.gradient)
    }

    pub(super) fn from_value(value: &Value) -> Result<Self> {
        let names = ["page_part", "registered_part", "mirrored", "dct", "gradient"];
        let m = json::closed("match", value, &names)?;
        let mirrored = m["mirrored"].as_bool();
        let found = Self {
            page_part: text("page_part", &m["page_part"])?,
            registered_part: text("registered_part", &m["registered_part"])?,
            mirrored: mirrored.ok_or_else(|| Error::malformed("mirrored", m["mirrored"].to_string(), "true, false"))?,
            dct: count("dct", &m["dct"])?,
            gradient: count("gradient", &m["gradient"])?,
        };
        if !combines(&found.page_part, &found.registered_part, found.mirrored) {
            let shown = format!("{} with {}", found.page_part, found.registered_part);
            return Err(Error::malformed("match", shown, "a combination of parts"));
        }
        let counts = found.is_within(CLOSE) || POSSIBLE.iter().any(|limit| found.is_within(*limit));
        if !counts || found.dct > 256 || found.gradient > 512 {
            let shown = format!("dct {}, gradient {}", found.dct, found.gradient);
            let limits: Vec<String> = POSSIBLE.iter().map(|(d, g)| format!("dct <= {d}, gradient <= {g}")).collect();
            return Err(Error::malformed("match", shown, limits.join("; or ")));
        }
        Ok(found)
    }

    pub(super) fn to_value(&self) -> Value {
        json!({
            "page_part": self.page_part, "registered_part": self.registered_part, "mirrored": self.mirrored,
            "dct": self.dct, "gradient": self.gradient,
        })
    }
}

/// Whether these parts are held against each other.
pub fn combines(page: &str, registered: &str, mirrored: bool) -> bool {
    match page {
        "whole" | "trimmed" => PARTS.contains(&registered),
        "without-top" | "without-bottom" => registered == page,
        "without-left" => registered == if mirrored { "without-right" } else { page },
        "without-right" => registered == if mirrored { "without-left" } else { page },
        _ => false,
    }
}
