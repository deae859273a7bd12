//! Where in a table something stands, as its author sees it.

use std::fmt;

/// A place that a person can go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The table itself.
    Whole,
    /// A row, counted from 1 with the head.
    Row(u32),
    /// A cell: row from 1, column from 0, the head's word as written.
    Cell(u32, u32, String),
    /// A line of a TOML file, from 1, and the key.
    Line(u32, String),
}

impl Place {
    /// 第 7 行 D 列“作者”.
    pub fn zh(&self) -> String {
        match self {
            Self::Whole => "整个表".into(),
            Self::Row(row) => format!("第 {row} 行"),
            Self::Cell(row, column, name) if name.is_empty() => format!("第 {row} 行 {} 列", letters(*column)),
            Self::Cell(row, column, name) => format!("第 {row} 行 {} 列“{}”", letters(*column), shown(name)),
            Self::Line(line, name) if name.is_empty() => format!("第 {line} 行"),
            Self::Line(line, name) => format!("第 {line} 行“{}”", shown(name)),
        }
    }

    /// row 7, column D 'author'.
    pub fn en(&self) -> String {
        match self {
            Self::Whole => "the table".into(),
            Self::Row(row) => format!("row {row}"),
            Self::Cell(row, column, name) if name.is_empty() => format!("row {row}, column {}", letters(*column)),
            Self::Cell(row, column, name) => format!("row {row}, column {} '{}'", letters(*column), shown(name)),
            Self::Line(line, name) if name.is_empty() => format!("line {line}"),
            Self::Line(line, name) => format!("line {line}, '{}'", shown(name)),
        }
    }

    /// Row or line, where it has one.
    pub fn row(&self) -> Option<u32> {
        match self {
            Self::Whole => None,
            Self::Row(n) | Self::Cell(n, ..) | Self::Line(n, _) => Some(*n),
        }
    }

    /// Column letter, where it is a cell.
    pub fn column(&self) -> Option<String> {
        match self {
            Self::Cell(_, column, _) => Some(letters(*column)),
            _ => None,
        }
    }
}

/// What is wrong, and where; each sentence names the value and the way out.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Where.
    pub place: Place,
    /// Chinese, without the place.
    pub zh: String,
    /// English, without the place.
    pub en: String,
}

impl Refusal {
    /// What is wrong at a place.
    pub fn new(place: Place, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { place, zh: shown(&zh.into()), en: shown(&en.into()) }
    }

    /// What is wrong with the table as such.
    pub(crate) fn whole(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::new(Place::Whole, zh, en)
    }

    /// Chinese, with the place.
    pub fn zh(&self) -> String {
        format!("{}：{}", self.place.zh(), self.zh)
    }

    /// English, with the place.
    pub fn en(&self) -> String {
        format!("{}: {}", self.place.en(), self.en)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en())
    }
}

/// 0 → A, 25 → Z, 26 → AA.
fn letters(column: u32) -> String {
    let (mut n, mut out) = (column + 1, Vec::new());
    while n > 0 {
        n -= 1;
        out.insert(0, char::from(b'A' + u8::try_from(n % 26).unwrap_or_default()));
        n /= 26;
    }
    out.into_iter().collect()
}

/// AB12 → (row 12, column 27); `None` for what is no cell.
pub(crate) fn cell(reference: &str) -> Option<(u32, u32)> {
    let split = reference.find(|c: char| c.is_ascii_digit())?;
    let (letters, digits) = reference.split_at(split);
    if letters.is_empty() || letters.len() > 3 || !letters.bytes().all(|b| b.is_ascii_uppercase()) || digits.len() > 7 {
        return None;
    }
    let column = letters.bytes().fold(0, |n, b| n * 26 + u32::from(b - b'A') + 1);
    Some((digits.parse().ok().filter(|row| *row > 0)?, column - 1))
}

/// Somebody else's text in a sentence: of bounded length, and nothing of it steers a terminal.
pub(crate) fn shown(text: &str) -> String {
    const MOST: usize = 400;
    let mut out = String::new();
    for (n, c) in text.chars().enumerate() {
        if n == MOST {
            out.push('…');
            break;
        }
        if evidence::json::check_string("text", c.encode_utf8(&mut [0; 4])).is_err() {
            out.push_str(&format!("\\u{{{:x}}}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

/// A value in a sentence.
pub(crate) fn brief(text: &str) -> String {
    let mut out: String = text.chars().take(40).collect();
    if out.len() < text.len() {
        out.push('…');
    }
    shown(&out)
}
