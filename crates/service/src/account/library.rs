//! An account's records: search, pages, counts, and the whole list piece by piece.

use super::{Actor, Answer, Permission, Refusal};
use crate::{DepositLine, Folder, Result, witness::Reach};
use evidence::{
    hex,
    time::{SECOND, Utc},
};
use std::collections::BTreeMap;
use store::{Shelved, SignIn, Wanted};

/// Records of one page.
pub const SHELF_PAGE: u32 = 24;
/// Rows that are read at once for a list.
const PIECE: u32 = 500;
/// Longest search, in bytes.
const MAX_TEXT: usize = 200;
const DAY: i64 = 24 * 3600 * SECOND;

/// Kinds that a search may ask for.
pub const SHELF_KINDS: [&str; 7] = ["image", "file", "digest", "capture", "comparison", "collection", "rights"];

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// Title, name, number, digest, or a day such as `2026-11-24`.
    pub text: String,
    /// One of [`SHELF_KINDS`]; `waiting` is what no seal covers yet; else all.
    pub kind: String,
    /// `sealed`, `waiting`, or how a capture ended: `complete`, `partial`, `blocked`; else any.
    pub state: String,
    /// First day, `2026-11-24`; empty: from the beginning.
    pub from: String,
    /// Last day.
    pub until: String,
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
    /// Statements that wait for a token from outside, the oldest of them, on the first page of all: number and name.
    pub unstamped: Vec<(String, String)>,
    /// How many there are.
    pub unstamped_total: u64,
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
    /// As shown to the owner.
    pub file_name: String,
    /// UTC.
    pub received_at: Utc,
    /// Bytes of the file.
    pub size: Option<u64>,
    /// Hex.
    pub sha256: Option<String>,
    /// Hex.
    pub sm3: Option<String>,
    /// Hex.
    pub record_sha256: String,
    /// Leaf index.
    pub index: Option<u64>,
    /// A sealed checkpoint covers it, with the quorum that the ledger's policy asks for.
    pub sealed: bool,
    /// It lacks only that quorum.
    pub unwitnessed: bool,
    /// A capture's.
    pub outcome: Option<String>,
    /// Where the list goes on.
    pub place: i64,
}

impl Folder {
    /// A page of what the actor's account has.
    pub fn library(&self, actor: &Actor, search: &Search) -> Answer<Shelf> {
        let person = self.allow(actor, Permission::View)?;
        self.shelve()?;
        let reach = self.reach()?;
        let account = person.account;
        let page = search.page.max(1);
        let offset = (page - 1).saturating_mul(u64::from(SHELF_PAGE)).min(1 << 40);
        let shops = person.shops.clone();
        let wanted = Wanted { limit: SHELF_PAGE, offset, shops: shops.clone(), ..wanted(account, search, reach.last)? };
        let (found, total) = self.store.shelf(&wanted)?;
        let counts = self.store.kinds(account, shops.as_deref())?.into_iter().collect();
        let waiting = Wanted { account, shops, unsealed_from: Some(reach.last), ..Wanted::default() };
        let waiting = self.store.shelf(&waiting)?.1;
        let items = found.into_iter().map(|s| self.called(account, item(s, reach))).collect::<Result<_>>()?;
        let first = page == 1 && search.text.is_empty() && search.from.is_empty() && search.until.is_empty();
        // They are of no shop.
        let (unstamped, unstamped_total) = match first && person.shops.is_none() {
            true => self.store.first_waiting(account, SHELF_PAGE)?,
            false => (Vec::new(), 0),
        };
        let unstamped = unstamped.into_iter().map(|w| (w.row.id, w.row.file_name)).collect();
        let pages = total.div_ceil(u64::from(SHELF_PAGE)).max(1);
        Ok(Shelf { items, total, page, pages, counts, waiting, unstamped, unstamped_total })
    }

    /// The same, with each record's line as `list` prints it.
    pub fn library_lines(&self, actor: &Actor, search: &Search) -> Answer<(Shelf, Vec<DepositLine>)> {
        let shelf = self.library(actor, search)?;
        let records = shelf.items.iter().filter_map(|item| self.store.record(&item.id).transpose());
        let records = records.collect::<store::Result<Vec<_>>>()?;
        let lines = self.lines(records.iter())?;
        Ok((shelf, lines))
    }

    /// The next piece of all that is found, newest first, after `before`; an empty one ends it.
    pub fn library_after(&self, actor: &Actor, search: &Search, before: Option<i64>) -> Answer<Vec<Item>> {
        let person = self.allow(actor, Permission::View)?;
        if before.is_none() {
            self.shelve()?;
        }
        let reach = self.reach()?;
        let shops = person.shops.clone();
        let wanted = Wanted { before, shops, limit: PIECE, ..wanted(person.account, search, reach.last)? };
        Ok(self.store.shelf(&wanted)?.0.into_iter().map(|s| item(s, reach)).collect())
    }

    /// One record that a person sees, as a list has it.
    pub(super) fn shelved(&self, person: &SignIn, id: &str) -> Result<Option<Item>> {
        if !self.sees(person, id)? {
            return Ok(None);
        }
        self.shelve()?;
        let reach = self.reach()?;
        self.store.shelved(person.account, id)?.map(|s| self.called(person.account, item(s, reach))).transpose()
    }

    /// What is about another record has that one's number for a name, and is shown with its title.
    fn called(&self, account: i64, mut item: Item) -> Result<Item> {
        if item.sha256.is_none()
            && item.title == item.file_name
            && let Some(other) = self.store.shelved(account, &item.title)?
        {
            item.title = other.title;
        }
        Ok(item)
    }

    /// Titles of what an earlier release recorded, by whomever; a new record has its own from the beginning.
    pub(crate) fn shelve(&self) -> Result<()> {
        loop {
            let records = self.store.unshelved()?;
            if records.is_empty() {
                return Ok(());
            }
            let titled = records.into_iter().map(|r| {
                let (title, outcome) = store::titled(&r.disclosures, &r.file_name);
                (r.seq, title, outcome)
            });
            self.store.shelve(&titled.collect::<Vec<_>>())?;
        }
    }
}

/// A search as the database is asked.
fn wanted(account: i64, search: &Search, sealed: u64) -> Answer<Wanted> {
    let text = search.text.trim();
    let typed = day(text);
    let mut wanted = Wanted { account, ..Wanted::default() };
    wanted.text = Some(text.chars().take(MAX_TEXT).collect()).filter(|t: &String| !t.is_empty() && typed.is_none());
    let limit = |field, text: &str| match text.trim() {
        "" => Ok(None),
        text => day(text).map(Some).ok_or_else(|| {
            let shown = crate::show_path(std::path::Path::new(text));
            let (zh, en) = (
                format!("“{shown}”不是日期；请写作 2026-11-24"),
                format!("\"{shown}\" is no date; write it as 2026-11-24"),
            );
            Refusal::field(field, zh, en)
        }),
    };
    let (from, until) = (limit("from", &search.from)?, limit("until", &search.until)?);
    let spans = [typed, from.map(|(from, _)| (from, i64::MAX)), until.map(|(_, before)| (i64::MIN, before))];
    // All of them at once.
    wanted.days = spans.into_iter().flatten().reduce(|a, b| (a.0.max(b.0), a.1.min(b.1)));
    match search.kind.as_str() {
        "waiting" => wanted.unsealed_from = Some(sealed),
        kind if SHELF_KINDS.contains(&kind) => wanted.kinds = vec![kind.to_owned()],
        _ => {}
    }
    match search.state.as_str() {
        "waiting" => wanted.unsealed_from = Some(sealed),
        "sealed" => wanted.sealed_below = Some(sealed),
        outcome @ ("complete" | "partial" | "blocked") => wanted.outcome = Some(outcome.to_owned()),
        _ => {}
    }
    Ok(wanted)
}

fn item(s: Shelved, reach: Reach) -> Item {
    Item {
        sealed: reach.settled(s.index),
        unwitnessed: reach.lacks_witnesses(s.index),
        received_at: Utc(s.received_at),
        size: s.size,
        sha256: s.sha256.map(|d| hex::encode(&d)),
        sm3: s.sm3.map(|d| hex::encode(&d)),
        record_sha256: hex::encode(&s.record_digest),
        index: s.index,
        id: s.id,
        kind: s.kind,
        title: s.title,
        file_name: s.file_name,
        outcome: s.outcome,
        place: s.seq,
    }
}

/// `2026-11-24` as the people here count days (UTC+8), or `2026-11`: from, and before.
pub(super) fn day(text: &str) -> Option<(i64, i64)> {
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
    use crate::account::Why;

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

    #[test]
    fn days_from_and_until_are_both_whole() {
        let of = |text: &str, from: &str, until: &str| {
            let search = Search { text: text.into(), from: from.into(), until: until.into(), ..Search::default() };
            wanted(1, &search, 9).map(|w| w.days)
        };
        let (first, last) = (day("2026-11-24").unwrap(), day("2026-11-26").unwrap());
        assert_eq!(of("", "2026-11-24", "2026-11-26").unwrap(), Some((first.0, last.1)));
        assert_eq!(of("2026-11-26", "2026-11-24", "").unwrap(), Some(last), "what is typed narrows it further");
        assert_eq!(of("", "", " ").unwrap(), None);
        assert_eq!(of("", "", "soon").map_err(|r| r.why), Err(Why::Field("until")));
    }
}
