//! A table that cannot be used: every place at once, or one sentence where an [`Error`] is wanted.

use super::RightsLine;
use crate::{Error, error::show_path};
use sidecar::Refusal;
use std::path::Path;

/// Most refusals of one sentence.
pub(super) const SHOWN: usize = 20;

/// Why a sidecar cannot be used.
#[derive(Clone, Debug)]
pub struct Refused {
    /// A line for each place; none where the file itself could not be read.
    pub lines: Vec<RightsLine>,
    /// All in one.
    pub error: Error,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self { lines: Vec::new(), error }
    }
}

pub(super) fn refuse(path: &Path, mut wrong: Vec<Refusal>) -> Refused {
    wrong.sort_by_key(|r| (r.place.row(), r.place.column().map(|c| (c.len(), c))));
    let (shown, count) = (show_path(path), wrong.len());
    let list =
        |say: fn(&Refusal) -> String| wrong.iter().take(SHOWN).map(|r| format!("\n  {}", say(r))).collect::<String>();
    let more = |zh: &str, en: &str| match count.saturating_sub(SHOWN) {
        0 => (String::new(), String::new()),
        n => (format!("\n  {zh} {n} 处"), format!("\n  {en} {n} more")),
    };
    let (more_zh, more_en) = more("另有", "and");
    let error = Error::new(
        format!("{shown}：{count} 处不能用，什么都没有登记：{}{more_zh}", list(Refusal::zh)),
        format!("{shown}: {count} places cannot be used, nothing was recorded: {}{more_en}", list(Refusal::en)),
    );
    let lines = wrong.iter().map(|r| RightsLine::refused(&r.place, Error::new(r.zh(), r.en()))).collect();
    Refused { lines, error }
}
