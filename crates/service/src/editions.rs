//! Editions and packs: data that the operator writes, `editions.toml`; samples where there is none.
//!
//! Rules:
//! - The file is read as a whole and refused as a whole; what is wrong is named with its line, its value and the way out.
//! - What an account was given keeps the terms of that day: a changed file changes what is given from then on.
//! - A month is one of the UTC calendar, counted from the first moment of what was given: what begins on the 31st at noon
//!   goes on at noon of the 31st, or of the last day of a shorter month.

use crate::{Error, Result, error::read_file, show_path};
use evidence::time::Utc;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, ops::Range, path::Path};
use store::{Entitlement, Grant, Unit};
use toml_edit::{ImDocument, Item, Table};

/// In the data folder.
pub const EDITIONS: &str = "editions.toml";
const SAMPLES: &str = include_str!("editions.toml");
/// Longest file, in bytes, and most entries of it.
const MAX_FILE: u64 = 64 << 10;
const MAX_ENTRIES: usize = 64;
/// Most units or seats of an entry.
const MAX_AMOUNT: i64 = 1_000_000_000;
/// Most months of an entry.
pub const MAX_MONTHS: u32 = 120;
/// Most bytes of an entry: 1 EiB.
const MAX_STORAGE: u64 = 1 << 60;

/// What an edition has or lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Feature {
    /// Programs may work for the account.
    Api,
    /// Pages are captured.
    Capture,
    /// Captures are compared with pictures.
    Comparison,
    /// Pages are captured in a phone's window.
    Phone,
}

impl Feature {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Capture, Self::Comparison, Self::Api, Self::Phone];

    /// As the file has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Capture => "capture",
            Self::Comparison => "comparison",
            Self::Phone => "phone",
        }
    }

    /// (zh, en)
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Api => ("程序接口（API）", "API access"),
            Self::Capture => ("网页取证", "page captures"),
            Self::Comparison => ("比对", "comparison"),
            Self::Phone => ("手机窗口取证", "captures in a phone's window"),
        }
    }
}

/// An edition or a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// `edition`: amounts are a month's; `pack`: of the whole time.
    pub kind: String,
    /// Its name in the file.
    pub name: String,
    /// What people call it.
    pub zh: String,
    /// The same in English.
    pub en: String,
    /// Months that it lasts.
    pub months: u32,
    /// Deposits.
    pub deposits: u64,
    /// Captures.
    pub captures: u64,
    /// Bytes that may be held.
    pub storage: u64,
    /// People.
    pub seats: u64,
    /// What it has.
    pub features: Vec<Feature>,
}

/// All that is offered.
#[derive(Clone, Debug, Default)]
pub struct Editions {
    /// Editions, then packs, each in the order of the file.
    pub all: Vec<Terms>,
    /// How to order, (zh, en).
    pub order: Option<(String, String)>,
    /// Whether the operator wrote them.
    pub own: bool,
}

impl Editions {
    /// Those of a data folder, or the samples.
    pub fn of(dir: &Path) -> std::result::Result<Self, Vec<Error>> {
        let path = dir.join(EDITIONS);
        match std::fs::metadata(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Self::parse(Path::new(EDITIONS), SAMPLES, false),
            Err(e) => Err(vec![Error::io(&path, &e)]),
            Ok(file) if file.len() > MAX_FILE => {
                Err(vec![refuse(&path, None, "", &file.len().to_string(), ("不超过 64 KiB", "at most 64 KiB"))])
            }
            Ok(_) => {
                let text = String::from_utf8(read_file(&path).map_err(|e| vec![e])?);
                let text =
                    text.map_err(|e| vec![refuse(&path, None, "", &e.to_string(), ("UTF-8 文字", "UTF-8 text"))])?;
                Self::parse(&path, &text, true)
            }
        }
    }

    /// The entry of this name; editions and packs share their names.
    pub fn named(&self, name: &str) -> Option<&Terms> {
        self.all.iter().find(|terms| terms.name == name)
    }

    fn parse(path: &Path, text: &str, own: bool) -> std::result::Result<Self, Vec<Error>> {
        let mut reader = Reader { path, text, wrong: Vec::new() };
        let document = match ImDocument::parse(text) {
            Ok(document) => document,
            Err(e) => {
                let line = e.span().map(|span| reader.line(&span));
                return Err(vec![refuse(path, line, "", e.message(), ("TOML", "TOML"))]);
            }
        };
        let mut editions = Self { own, ..Self::default() };
        let mut seen = BTreeMap::new();
        for (section, item) in document.as_table() {
            match (section, item.as_table()) {
                ("order", Some(table)) => editions.order = reader.order(table),
                ("edition" | "pack", Some(table)) => {
                    for (name, item) in table {
                        let key = format!("{section}.{name}");
                        if seen.insert(name.to_owned(), ()).is_some() {
                            reader.refuse(item, &key, name, ("没有用过的名称", "a name that nothing else has"));
                        } else if let Some(terms) = reader.terms(section, name, item) {
                            editions.all.push(terms);
                        }
                    }
                }
                _ => {
                    // A section that only its parts name has no place of its own.
                    let first = item.as_table().and_then(|table| table.iter().next()).map_or(item, |(_, part)| part);
                    let placed = if item.span().is_some() { item } else { first };
                    reader.refuse(
                        placed,
                        section,
                        section,
                        ("[order]、[edition.名称] 或 [pack.名称]", "[order], [edition.NAME] or [pack.NAME]"),
                    )
                }
            }
        }
        let wrong = |zh, en| refuse(path, None, "", &seen.len().to_string(), (zh, en));
        if seen.len() > MAX_ENTRIES {
            reader.wrong.push(wrong("不超过 64 项", "at most 64 entries"));
        }
        if reader.wrong.is_empty() && !editions.all.iter().any(|terms| terms.kind == "edition") {
            reader.wrong.push(wrong("至少一个 [edition.名称]", "at least one [edition.NAME]"));
        }
        editions.all.sort_by(|a, b| a.kind.cmp(&b.kind));
        if reader.wrong.is_empty() { Ok(editions) } else { Err(reader.wrong) }
    }
}

impl Terms {
    /// Whether amounts begin anew each month.
    pub fn monthly(&self) -> bool {
        self.kind == "edition"
    }

    /// For the database.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Out of it.
    pub(crate) fn of_json(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|e| {
            Error::new(
                format!("数据库中的版本条款损坏（{e}）；请从备份恢复"),
                format!("the terms of an edition in the database are damaged ({e}); restore a backup"),
            )
        })
    }

    /// What it comes to from a moment on: a row of the ledger for each month, or for the whole time of a pack. All are
    /// written at once, so that no clock, wherever it is put, gives a month twice.
    pub(crate) fn given(&self, begins: Utc, months: u32) -> (Entitlement, Vec<Grant>) {
        let ends = months_later(begins, months);
        let spans: Vec<(Utc, Utc)> = if self.monthly() {
            (0..months).map(|n| (months_later(begins, n), months_later(begins, n + 1))).collect()
        } else {
            vec![(begins, ends)]
        };
        let grants = spans.iter().flat_map(|(from, to)| {
            [(Unit::Deposit, self.deposits), (Unit::Capture, self.captures)].map(|(unit, amount)| Grant {
                unit,
                begins_at: from.0,
                expires_at: to.0,
                amount,
                held: 0,
                spent: 0,
                entitlement: 0,
            })
        });
        let entitlement = Entitlement {
            kind: self.kind.clone(),
            name: self.name.clone(),
            terms: self.to_json(),
            storage: self.storage,
            begins_at: begins.0,
            expires_at: ends.0,
            ..Entitlement::default()
        };
        (entitlement, grants.collect())
    }
}

/// The same day and time so many months later, or the last day of a shorter month. Years end with 9999.
pub(crate) fn months_later(begin: Utc, months: u32) -> Utc {
    let text = begin.to_micros();
    let n = |range: Range<usize>| text.get(range).and_then(|t| t.parse::<u32>().ok()).unwrap_or(1);
    let (month, day, rest) = (n(0..4) * 12 + n(5..7) - 1 + months, n(8..10), text.get(10..).unwrap_or_default());
    let date = |day| Utc::parse_micros(&format!("{:04}-{:02}-{day:02}{rest}", month / 12, month % 12 + 1)).ok();
    (1..=day).rev().find_map(date).unwrap_or(Utc(i64::MAX))
}

/// `20 GiB` for people.
pub fn bytes_shown(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let unit = UNITS.into_iter().find(|(_, size)| bytes >= *size);
    let Some((name, size)) = unit else { return format!("{bytes} B") };
    let tenths = u128::from(bytes) * 10 / u128::from(size);
    if tenths % 10 == 0 { format!("{} {name}", tenths / 10) } else { format!("{}.{} {name}", tenths / 10, tenths % 10) }
}

/// Reads one file, and collects what is wrong with it.
struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    wrong: Vec<Error>,
}

const KEYS: [&str; 8] = ["zh", "en", "months", "deposits", "captures", "storage", "seats", "features"];

impl Reader<'_> {
    fn line(&self, span: &Range<usize>) -> usize {
        self.text.as_bytes().iter().take(span.start).filter(|b| **b == b'\n').count() + 1
    }

    fn refuse(&mut self, item: &Item, key: &str, value: &str, must: (&str, &str)) {
        let line = item.span().map(|span| self.line(&span));
        self.wrong.push(refuse(self.path, line, key, value, must));
    }

    fn order(&mut self, table: &Table) -> Option<(String, String)> {
        self.unknown("order", table, &["zh", "en"]);
        let whole = Item::Table(table.clone());
        Some((self.words("order", table, &whole, "zh", 2000)?, self.words("order", table, &whole, "en", 2000)?))
    }

    fn terms(&mut self, kind: &str, name: &str, item: &Item) -> Option<Terms> {
        let (key, before) = (format!("{kind}.{name}"), self.wrong.len());
        let Some(table) = item.as_table() else {
            self.refuse(item, &key, &item.to_string(), ("一节（[edition.名称]）", "a section ([edition.NAME])"));
            return None;
        };
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=40).contains(&name.len()) || !name.bytes().all(plain) {
            self.refuse(item, &key, name, ("1 至 40 个小写字母、数字或 -", "1 to 40 small letters, digits or -"));
        }
        self.unknown(&key, table, &KEYS);
        let needed = kind == "edition";
        let (zh, en) = (self.words(&key, table, item, "zh", 60), self.words(&key, table, item, "en", 60));
        let months = self.number(&key, table, item, "months", 1, i64::from(MAX_MONTHS), true);
        let deposits = self.number(&key, table, item, "deposits", 0, MAX_AMOUNT, needed);
        let captures = self.number(&key, table, item, "captures", 0, MAX_AMOUNT, needed);
        let storage = self.storage(&key, table, item, needed);
        let seats = self.number(&key, table, item, "seats", i64::from(needed), MAX_AMOUNT, needed);
        let features = self.features(&key, table, item, needed);
        let terms = Terms {
            kind: kind.to_owned(),
            name: name.to_owned(),
            zh: zh.unwrap_or_default(),
            en: en.unwrap_or_default(),
            months: u32::try_from(months).unwrap_or_default(),
            deposits,
            captures,
            storage,
            seats,
            features,
        };
        if self.wrong.len() == before {
            if needed && captures > 0 && !terms.features.contains(&Feature::Capture) {
                let must = ("0，或 features 里有 capture", "0, or features has capture");
                self.refuse(
                    table.get("captures").unwrap_or(item),
                    &format!("{key}.captures"),
                    &captures.to_string(),
                    must,
                );
            }
            if deposits + captures + storage + seats == 0 && terms.features.is_empty() {
                self.refuse(item, &key, name, ("有所给予", "something that gives anything"));
            }
        }
        (self.wrong.len() == before).then_some(terms)
    }

    fn unknown(&mut self, key: &str, table: &Table, known: &[&str]) {
        for (name, item) in table {
            if !known.contains(&name) {
                let list = known.join(", ");
                self.refuse(item, key, name, (&format!("这些之一：{list}"), &format!("one of {list}")));
            }
        }
    }

    fn words(&mut self, key: &str, table: &Table, whole: &Item, name: &str, most: usize) -> Option<String> {
        let found = table.get(name);
        let text = found.and_then(Item::as_str).map(str::trim).unwrap_or_default();
        let fits = (1..=most).contains(&text.chars().count()) && evidence::json::check_string("name", text).is_ok();
        if !fits {
            let shown = found.map_or("-".to_owned(), |item| item.to_string().trim().to_owned());
            let must = (format!("1 至 {most} 个可见的字"), format!("visible text of 1 to {most} characters"));
            self.refuse(found.unwrap_or(whole), &format!("{key}.{name}"), &shown, (&must.0, &must.1));
        }
        fits.then(|| text.to_owned())
    }

    #[allow(clippy::too_many_arguments)]
    fn number(
        &mut self,
        key: &str,
        table: &Table,
        whole: &Item,
        name: &str,
        least: i64,
        most: i64,
        needed: bool,
    ) -> u64 {
        let found = table.get(name);
        if found.is_none() && !needed {
            return 0;
        }
        match found.and_then(Item::as_integer).filter(|n| (least..=most).contains(n)) {
            Some(n) => u64::try_from(n).unwrap_or_default(),
            None => {
                let shown = found.map_or("-".to_owned(), |item| item.to_string().trim().to_owned());
                let must = (format!("{least} 至 {most} 的整数"), format!("a whole number from {least} to {most}"));
                self.refuse(found.unwrap_or(whole), &format!("{key}.{name}"), &shown, (&must.0, &must.1));
                0
            }
        }
    }

    fn storage(&mut self, key: &str, table: &Table, whole: &Item, needed: bool) -> u64 {
        let found = table.get("storage");
        if found.is_none() && !needed {
            return 0;
        }
        match found.and_then(Item::as_str).and_then(parse_bytes) {
            Some(bytes) => bytes,
            None => {
                let shown = found.map_or("-".to_owned(), |item| item.to_string().trim().to_owned());
                let must = ("如 \"20 GiB\"（MiB、GiB、TiB）", "as \"20 GiB\" (MiB, GiB, TiB)");
                self.refuse(found.unwrap_or(whole), &format!("{key}.storage"), &shown, must);
                0
            }
        }
    }

    fn features(&mut self, key: &str, table: &Table, whole: &Item, needed: bool) -> Vec<Feature> {
        let Some(found) = table.get("features") else {
            if needed {
                self.refuse(
                    whole,
                    &format!("{key}.features"),
                    "-",
                    ("一个列表，可以为空", "a list, which may be empty"),
                );
            }
            return Vec::new();
        };
        let words = Feature::ALL.map(Feature::word).join(", ");
        let Some(list) = found.as_array() else {
            let must = (format!("一个列表，取自 {words}"), format!("a list of {words}"));
            self.refuse(found, &format!("{key}.features"), found.to_string().trim(), (&must.0, &must.1));
            return Vec::new();
        };
        let mut features = Vec::new();
        for value in list {
            let feature = Feature::ALL.into_iter().find(|f| Some(f.word()) == value.as_str());
            match feature.filter(|f| !features.contains(f)) {
                Some(feature) => features.push(feature),
                None => {
                    let must = (format!("{words}，各一次"), format!("{words}, each once"));
                    let item = Item::Value(value.clone());
                    self.refuse(&item, &format!("{key}.features"), value.to_string().trim(), (&must.0, &must.1));
                }
            }
        }
        features.sort_unstable();
        features
    }
}

fn parse_bytes(word: &str) -> Option<u64> {
    let (number, unit) = word.trim().split_once(' ')?;
    let size: u64 = match unit.trim() {
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(size).filter(|bytes| *bytes <= MAX_STORAGE)
}

fn refuse(path: &Path, line: Option<usize>, key: &str, value: &str, (zh, en): (&str, &str)) -> Error {
    let value: String = value.chars().take(80).collect();
    let (shown, value) = (show_path(path), show_path(Path::new(&value)));
    let at = line.map(|n| (format!("第 {n} 行"), format!(", line {n}"))).unwrap_or_default();
    let named = if key.is_empty() { String::new() } else { format!("{key} ") };
    Error::new(
        format!("{shown} {}：{named}不能是“{value}”；应为{zh}", at.0),
        format!("{shown}{}: {named}cannot be \"{value}\"; it must be {en}", at.1),
    )
    .code("editions")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_samples_are_four_editions_that_grow_and_some_packs() {
        let dir = tempfile::tempdir().unwrap();
        let samples = Editions::of(dir.path()).unwrap();
        let names: Vec<&str> = samples.all.iter().filter(|t| t.monthly()).map(|t| t.name.as_str()).collect();
        assert_eq!(names, ["trial", "standard", "professional", "flagship"]);
        assert!(samples.all.windows(2).all(|two| !two[1].monthly() || two[0].deposits < two[1].deposits));
        assert!(samples.all.iter().any(|t| !t.monthly()) && samples.order.is_some() && !samples.own);
        let flagship = samples.named("flagship").unwrap();
        assert_eq!((flagship.storage, flagship.features.len()), (2 << 40, 4));
        assert_eq!(Terms::of_json(&flagship.to_json()).unwrap(), *flagship);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_the_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let good = "[edition.a]\nzh = \"甲\"\nen = \"A\"\nmonths = 1\ndeposits = 1\ncaptures = 0\nstorage = \"1 MiB\"\nseats = 1\nfeatures = []\n";
        let wrong = |text: &str| {
            std::fs::write(dir.path().join(EDITIONS), text).unwrap();
            match Editions::of(dir.path()) {
                Ok(_) => String::new(),
                Err(wrong) => wrong.into_iter().map(|e| e.en).collect::<Vec<_>>().join("\n"),
            }
        };
        assert_eq!(wrong(good), "");
        for (from, to, said) in [
            (
                "deposits = 1",
                "deposits = -3",
                "line 5: edition.a.deposits cannot be \"-3\"; it must be a whole number from 0",
            ),
            ("deposits = 1", "deposits = \"1\"", "line 5: edition.a.deposits"),
            ("deposits = 1\n", "", "line 1: edition.a.deposits cannot be \"-\""),
            (
                "months = 1",
                "months = 121",
                "line 4: edition.a.months cannot be \"121\"; it must be a whole number from 1 to 120",
            ),
            ("\"1 MiB\"", "\"1 MB\"", "line 7: edition.a.storage cannot be \"\"1 MB\"\"; it must be as \"20 GiB\""),
            ("\"1 MiB\"", "\"99999999 TiB\"", "line 7: edition.a.storage"),
            ("seats = 1", "seats = 0", "line 8: edition.a.seats"),
            (
                "features = []",
                "features = [\"fax\"]",
                "line 9: edition.a.features cannot be \"\"fax\"\"; it must be capture, comparison, api, phone",
            ),
            ("features = []", "features = \"api\"", "line 9: edition.a.features"),
            (
                "captures = 0",
                "captures = 2",
                "line 6: edition.a.captures cannot be \"2\"; it must be 0, or features has capture",
            ),
            ("months", "mouths", "line 4: edition.a cannot be \"mouths\"; it must be one of zh, en, months"),
            ("edition.a", "edition.\"A b\"", "line 1: edition.A b cannot be \"A b\""),
            (
                "[edition.a]",
                "[editions.a]",
                "line 1: editions cannot be \"editions\"; it must be [order], [edition.NAME]",
            ),
            ("zh = \"甲\"", "zh = \"\u{202e}\"", "line 2: edition.a.zh"),
            ("[edition.a]", "[edition.a", "line 1: cannot be"),
            ("[edition.a]", "edition = 7\n[pack.a]", "line 1: edition cannot be"),
        ] {
            let text = good.replacen(from, to, 1);
            assert!(wrong(&text).contains(said), "{text}\n{}", wrong(&text));
        }
        assert!(wrong("").contains("at least one [edition.NAME]"));
        assert!(
            wrong(&format!("{good}[pack.a]\nzh = \"乙\"\nen = \"B\"\nmonths = 1\nseats = 1\n"))
                .contains("line 10: pack.a")
        );
        assert!(
            wrong(&format!("{good}[pack.b]\nzh = \"乙\"\nen = \"B\"\nmonths = 1\n")).contains("something that gives")
        );
        assert!(wrong(&format!("{good}#{}", "x".repeat(70_000))).contains("at most 64 KiB"));
    }

    #[test]
    fn a_month_ends_on_its_own_day_or_the_last_one_and_none_is_given_twice() {
        let at = |day: &str| Utc::parse_micros(&format!("{day}T12:00:00.000000Z")).unwrap();
        let later = |day, n| months_later(at(day), n);
        assert_eq!(later("2026-01-31", 1), at("2026-02-28"));
        assert_eq!(later("2026-01-31", 2), at("2026-03-31"));
        assert_eq!(later("2027-12-31", 2), at("2028-02-29"));
        assert_eq!(later("2026-11-30", 120), at("2036-11-30"));
        let dir = tempfile::tempdir().unwrap();
        let samples = Editions::of(dir.path()).unwrap();
        let (given, grants) = samples.named("standard").unwrap().given(at("2026-01-31"), 12);
        let deposits: Vec<&Grant> = grants.iter().filter(|g| g.unit == Unit::Deposit).collect();
        assert_eq!(deposits.len(), 12);
        assert!(deposits.windows(2).all(|two| two[0].expires_at == two[1].begins_at), "no gap, no overlap");
        assert_eq!((deposits[0].begins_at, deposits[11].expires_at), (given.begins_at, given.expires_at));
        let (pack, grants) = samples.named("deposits-1000").unwrap().given(at("2026-01-31"), 12);
        assert_eq!(grants.iter().filter(|g| g.amount > 0).count(), 1);
        assert_eq!(grants[0].expires_at, pack.expires_at);
    }

    #[test]
    fn sizes_are_shown_as_they_are_written() {
        for (bytes, shown) in
            [(0, "0 B"), (1023, "1023 B"), (20 << 30, "20 GiB"), (1536 << 20, "1.5 GiB"), (2 << 40, "2 TiB")]
        {
            assert_eq!(bytes_shown(bytes), shown);
        }
    }
}
