//! What a verification says: each check with its result, the verdict computed from them, and two lists.

use crate::Facts;
use evidence::digest::FileDigests;
use serde::{Deserialize, Serialize};

/// The file in question; the caller took its digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// For display only.
    pub name: String,
    /// Both digests and size.
    pub digests: FileDigests,
}

/// Result of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It holds.
    Pass,
    /// It holds, with the reservation that its sentence states.
    Limited,
    /// Something needed for it is missing or unknown.
    NotChecked,
    /// Something contradicts.
    Fail,
}

/// One check. `expected` and `found` are the two values compared, where there are two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// As listed in `spec/`.
    pub id: String,
    /// What came out.
    pub result: Outcome,
    /// Whether exit 0 needs it.
    pub required: bool,
    /// What must stand there.
    pub expected: Option<String>,
    /// What stands there.
    pub found: Option<String>,
    /// One sentence.
    pub zh: String,
    /// The same in English.
    pub en: String,
}

/// The verdict in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overall {
    /// All required checks hold.
    Verified,
    /// Something contradicts.
    NotVerified,
    /// Nothing contradicts, but something required was not checked.
    Incomplete,
}

/// A sentence in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sentence {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// Everything that a verification says. Its JSON has exactly the members `result`, `checks`, `shows`, `does_not_show`.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// The verdict.
    pub result: Overall,
    /// In the order in which a reader asks.
    pub checks: Vec<Check>,
    /// What this shows.
    pub shows: Vec<Sentence>,
    /// What this does not show.
    pub does_not_show: Vec<Sentence>,
    /// What was read on the way, for printing; never a claim by itself.
    #[serde(skip)]
    pub facts: Facts,
}

impl Verdict {
    /// Exit code: 0 verified, 1 not verified, 3 incomplete.
    pub fn code(&self) -> u8 {
        match self.result {
            Overall::Verified => 0,
            Overall::NotVerified => 1,
            Overall::Incomplete => 3,
        }
    }

    /// One line of JSON.
    pub fn to_json(&self) -> String {
        // Strings and booleans only: this cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The check of this id.
    pub fn find(&self, id: &str) -> Option<&Check> {
        self.checks.iter().find(|c| c.id == id)
    }

    /// Whether a required check, or the ledger key's role, is limited: "consistent, with reservations".
    pub fn has_reservations(&self) -> bool {
        self.checks.iter().any(|c| c.result == Outcome::Limited && (c.required || c.id == "log-role"))
    }
}

/// What came of drawing a certificate's pages again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// Byte for byte what is in the file.
    Same,
    /// The same, with a thumbnail that nothing was given to compare with.
    SameButThumbnail,
    /// The same, with thumbnails of which those agree whose originals were given.
    SameAsFarAsGiven,
    /// Something else.
    Differs(Sentence),
    /// It could not be drawn here; contradicts nothing.
    NotDrawn(Sentence),
}

impl Verdict {
    /// The same verdict, with `printed-page` as it was found. Where nothing else is known, the page is not checked.
    pub fn with_page(mut self, page: Page) -> Self {
        let id = "printed-page";
        let check = match page {
            Page::Same => Check::new(
                id,
                Outcome::Pass,
                "页面由所附文件重新绘制，与证书中的逐字节相同。",
                "The page was drawn again from the attached files, and is byte for byte that of the certificate.",
            ),
            Page::SameButThumbnail => Check::new(
                id,
                Outcome::Limited,
                "页面由所附文件重新绘制，与证书中的逐字节相同；没有给出原件，缩略图未比对。",
                "The page was drawn again from the attached files, and is byte for byte that of the certificate; without the original its thumbnail was not compared.",
            ),
            Page::SameAsFarAsGiven => Check::new(
                id,
                Outcome::Limited,
                "页面由所附文件重新绘制，与证书中的逐字节相同；缩略图只按给出的原件比对，未见不符。",
                "The page was drawn again from the attached files, and is byte for byte that of the certificate; its thumbnails were compared as far as originals were given, and none is another picture.",
            ),
            Page::Differs(why) => Check::new(id, Outcome::Fail, why.zh, why.en),
            Page::NotDrawn(why) => Check::new(id, Outcome::NotChecked, why.zh, why.en),
        };
        // Whoever asked for the page and did not get it has no whole answer.
        let undrawn = check.result == Outcome::NotChecked;
        self.checks.retain(|c| c.id != id);
        self.checks.push(if undrawn { check } else { check.optional() });
        self.result = Overall::of(&self.checks);
        if self.result == Overall::NotVerified {
            self.shows.clear();
        }
        self.does_not_show = crate::words::does_not_show(&self.checks, &self.facts);
        self
    }
}

/// What came of computing a comparison's distances again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Distances {
    /// All of them agree.
    Same {
        /// Pairs that were computed again.
        pairs: usize,
    },
    /// Those that could be computed agree.
    SameAsFarAsGiven {
        /// Pairs that were computed again.
        pairs: usize,
        /// Pairs that were not.
        left: usize,
    },
    /// One does not, and no decoder can be the reason.
    Differs(Sentence),
    /// Nothing could be computed here, or another decoder may be the reason; contradicts nothing.
    NotComputed(Sentence),
}

impl Verdict {
    /// The same verdict, with `comparison-distances` as it was found. Only where there is a comparison that holds.
    pub fn with_distances(mut self, distances: Distances) -> Self {
        let id = "comparison-distances";
        let Some(place) = self.checks.iter().position(|c| c.id == id) else { return self };
        if self.facts.comparison.is_none() {
            return self;
        }
        let check = match distances {
            Distances::Same { pairs } => Check::new(
                id,
                Outcome::Pass,
                format!("由给出的取证文件和原件重新计算，{pairs} 对的摘要与距离都相同。"),
                format!(
                    "Computed again from the given capture and originals, digests and distances of all {pairs} pairs are the same."
                ),
            ),
            Distances::SameAsFarAsGiven { pairs, left } => Check::new(
                id,
                Outcome::Limited,
                format!("由给出的文件重新计算，{pairs} 对的摘要与距离相同；另有 {left} 对没有给出原件，未重新计算。"),
                format!(
                    "Computed again from the given files, digests and distances of {pairs} pairs are the same; {left} more were not computed, as their originals were not given."
                ),
            ),
            Distances::Differs(why) => Check::new(id, Outcome::Fail, why.zh, why.en),
            Distances::NotComputed(why) => Check::new(id, Outcome::NotChecked, why.zh, why.en),
        };
        self.checks[place] = check.optional();
        self.result = Overall::of(&self.checks);
        if self.result == Overall::NotVerified {
            self.shows.clear();
        }
        self
    }
}

impl Overall {
    pub(crate) fn of(checks: &[Check]) -> Self {
        if checks.iter().any(|c| c.result == Outcome::Fail) {
            Self::NotVerified
        } else if checks.iter().any(|c| c.required && c.result == Outcome::NotChecked) {
            Self::Incomplete
        } else {
            Self::Verified
        }
    }
}

impl Sentence {
    /// Control characters in names are replaced.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: clean(zh.into()), en: clean(en.into()) }
    }
}

impl Check {
    /// A check without values; required.
    pub(crate) fn new(id: impl Into<String>, result: Outcome, zh: impl Into<String>, en: impl Into<String>) -> Self {
        let (zh, en) = (clean(zh.into()), clean(en.into()));
        Self { id: id.into(), result, required: true, expected: None, found: None, zh, en }
    }

    /// Fail, or not checked where nothing contradicts.
    pub(crate) fn error(id: impl Into<String>, error: &evidence::Error) -> Self {
        use evidence::Error as E;
        let result = if error.is_incomplete() { Outcome::NotChecked } else { Outcome::Fail };
        let what = match error {
            E::Malformed { what, .. } | E::Mismatch { what, .. } | E::Signature { what, .. } => what,
            E::Unknown { what, .. } | E::Missing { what, .. } | E::TooLarge { what, .. } => what,
        };
        let zh = match error {
            E::Malformed { .. } => format!("格式不符（{what}）。"),
            E::Mismatch { .. } => format!("两个值应当一致而不一致（{what}）。"),
            E::Signature { .. } => format!("签名与已知密钥不符（{what}）。"),
            E::Unknown { .. } => format!("本版本不认识，需要更新的核验程序（{what}）。"),
            E::Missing { missing, .. } => format!("缺少所需的内容（{what}：{missing}）。"),
            E::TooLarge { .. } => format!("超出限制（{what}）。"),
        };
        let check = Self::new(id, result, zh, format!("{error}."));
        match error {
            E::Malformed { found, expected, .. } | E::Mismatch { found, expected, .. } => check.values(expected, found),
            E::TooLarge { found, limit, .. } => check.values(format!("<= {limit}"), found),
            E::Unknown { found, .. } => Self { found: Some(clean(found.clone())), ..check },
            E::Missing { missing, .. } => Self { expected: Some(clean(missing.clone())), ..check },
            E::Signature { key, .. } => Self { expected: Some(clean(key.clone())), ..check },
        }
    }

    pub(crate) fn values(self, expected: impl ToString, found: impl ToString) -> Self {
        Self { expected: Some(clean(expected.to_string())), found: Some(clean(found.to_string())), ..self }
    }

    pub(crate) fn optional(self) -> Self {
        Self { required: false, ..self }
    }

    pub(crate) fn holds(&self) -> bool {
        matches!(self.result, Outcome::Pass | Outcome::Limited)
    }
}

/// Names come from certificates and claims: nothing in them may steer a terminal or turn a line around.
pub(crate) fn clean(text: String) -> String {
    let steers = |c: char| {
        c.is_control() || matches!(u32::from(c), 0x061C | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF)
    };
    text.chars().map(|c| if steers(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
