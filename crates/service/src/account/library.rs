//! An account's records: search, pages, counts.

use super::{Actor, Answer, Permission};
use crate::{DepositLine, Folder, Result, folder::ledger_error};
use evidence::{
    disclosure,
    time::{SECOND, Utc},
};
use std::collections::BTreeMap;
use store::{Shelved, Wanted};

/// Records of one page.
pub const SHELF_PAGE: u32 = 24;
/// Longest search, in bytes.
const MAX_TEXT: usize = 200;
const DAY: i64 = 24 * 3600 * SECOND;

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// Title, name, number, digest, or a day such as `2026-11-24`.
    pub text: String,
    /// `image`, `file`, `digest`, `capture`, `comparison`; `waiting` is what no seal covers yet; else all.
    pub kind: String,
    /// From 1.
    pub page: u64,
}

/// One page of the library.
#[derive(Clone, Debug)]
pub struct Shelf {
    /// Newest first.
    pub items: Vec<Item>,
    /// Found in all.
    pub total: u64,
    /// Which page this is, from 1.
    pub page: u64,
    /// How many there are.
    pub pages: u64,
    /// By kind, whatever was looked for.
    pub counts: BTreeMap<String, u64>,
    /// Not sealed yet, whatever was looked for.
    pub waiting: u64,
}

/// A record in a list.
#[derive(Clone, Debug)]
pub struct Item {
    /// Record number.
    pub id: String,
    /// Statement's kind.
    pub kind: String,
    /// Claimed title, else the name.
    pub title: String,
    /// UTC.
    pub received_at: Utc,
    /// A sealed checkpoint covers it.
    pub sealed: bool,
    /// A capture's.
    pub outcome: Option<String>,
}

impl Folder {
    /// A page of what the actor's account has.
    pub fn library(&self, actor: &Actor, search: &Search) -> Answer<Shelf> {
        let person = self.allow(actor, Permission::View)?;
        self.shelve()?;
        let sealed = self.sealed_leaves()?;
        let account = person.account;
        let text = search.text.trim();
        let days = day(text);
        let text = Some(text.chars().take(MAX_TEXT).collect()).filter(|t: &String| !t.is_empty() && days.is_none());
        let (kinds, unsealed_from) = match search.kind.as_str() {
            "waiting" => (Vec::new(), Some(sealed)),
            kind @ ("image" | "file" | "digest" | "capture" | "comparison") => (vec![kind.to_owned()], None),
            _ => (Vec::new(), None),
        };
        let page = search.page.max(1);
        let offset = (page - 1).saturating_mul(u64::from(SHELF_PAGE));
        let wanted =
            Wanted { account, kinds, text, days, unsealed_from, limit: SHELF_PAGE, offset: offset.min(1 << 40) };
        let (found, total) = self.store.shelf(&wanted)?;
        let counts = self.store.kinds(account)?.into_iter().collect();
        let waiting = Wanted { account, unsealed_from: Some(sealed), ..Wanted::default() };
        let waiting = self.store.shelf(&waiting)?.1;
        let items = found.into_iter().map(|s| item(s, sealed)).collect();
        Ok(Shelf { items, total, page, pages: total.div_ceil(u64::from(SHELF_PAGE)).max(1), counts, waiting })
    }

    /// The same, with each record's line as `list` prints it.
    pub fn library_lines(&self, actor: &Actor, search: &Search) -> Answer<(Shelf, Vec<DepositLine>)> {
        let shelf = self.library(actor, search)?;
        let records = shelf.items.iter().filter_map(|item| self.store.record(&item.id).transpose());
        let records = records.collect::<store::Result<Vec<_>>>()?;
        let lines = self.lines(records.iter())?;
        Ok((shelf, lines))
    }

    /// Titles of what was recorded since, by whomever.
    pub(crate) fn shelve(&self) -> Result<()> {
        loop {
            let records = self.store.unshelved()?;
            if records.is_empty() {
                return Ok(());
            }
            let titled = records.into_iter().map(|r| {
                let claims = disclosure::parse_set(&r.disclosures).unwrap_or_default();
                let claim = |name: &str| {
                    let found = claims.iter().find(|d| d.name() == name)?;
                    found.value().as_str().map(str::to_owned)
                };
                let title = claim("title").or_else(|| claim("page_title")).unwrap_or(r.file_name);
                (r.seq, title, claim("outcome"))
            });
            self.store.shelve(&titled.collect::<Vec<_>>())?;
        }
    }

    /// Leaves under the newest seal.
    pub(crate) fn sealed_leaves(&self) -> Result<u64> {
        match self.writer() {
            Ok(writer) => Ok(writer.ledger.sealed_size()),
            Err(_) => self.reader.sealed_size().map_err(|e| ledger_error(&e)),
        }
    }
}

fn item(s: Shelved, sealed: u64) -> Item {
    Item {
        sealed: s.index.is_some_and(|i| i < sealed),
        received_at: Utc(s.received_at),
        id: s.id,
        kind: s.kind,
        title: s.title,
        outcome: s.outcome,
    }
}

/// `2026-11-24` as the people here count days (UTC+8), or `2026-11`: from, and before.
fn day(text: &str) -> Option<(i64, i64)> {
    let whole = match text.len() {
        10 => text.to_owned(),
        7 => format!("{text}-01"),
        _ => return None,
    };
    let from = Utc::parse_micros(&format!("{whole}T00:00:00.000000Z")).ok()?.0 - 8 * 3600 * SECOND;
    if text.len() == 10 {
        return Some((from, from + DAY));
    }
    let (year, month) = (text.get(..4)?.parse::<u32>().ok()?, text.get(5..)?.parse::<u32>().ok()?);
    let (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    let next = Utc::parse_micros(&format!("{year:04}-{month:02}-01T00:00:00.000000Z")).ok()?;
    Some((from, next.0 - 8 * 3600 * SECOND))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_day_is_a_day_of_the_people_here() {
        let (from, before) = day("2026-11-24").unwrap();
        assert_eq!(Utc(from).to_micros(), "2026-11-23T16:00:00.000000Z");
        assert_eq!(before - from, DAY);
        let (from, before) = day("2026-12").unwrap();
        assert_eq!((before - from) / DAY, 31);
        for no in ["2026-13", "2026-11-31", "20261124", "sunset", "2026-1é"] {
            assert_eq!(day(no), None, "{no}");
        }
    }
}
