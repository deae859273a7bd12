//! Sidecars: tables in which people write down the rights to the pictures of a folder.
//!
//! Bytes in, rows out: no files, no clock. A table comes from a spreadsheet program, an export of another shop system,
//! or a hand in a hurry, so everything about it is checked here, and each refusal names its cell. Bounds: 16 MiB of
//! file, 64 MiB of any unpacked part, 100,000 rows, 64 columns, 4,096 bytes a value, ten attachments a row.
//!
//! What the columns mean is [`spec/statement.md`]'s *rights*; how a table is laid out is `docs/rights.md`.

mod delimited;
mod fields;
mod grid;
mod handwritten;
mod place;
mod template;
mod xlsx;

pub use place::{Place, Refusal};
pub use template::{Format, template};

use evidence::json::check_string;
use glob::{MatchOptions, PatternError};
use std::collections::BTreeMap;

/// Most bytes of a sidecar.
pub const MAX_BYTES: u64 = 16 << 20;
/// Most rows beneath the head.
pub const MAX_ROWS: u32 = 100_000;
/// Most attachments of a picture.
pub const MAX_ATTACHMENTS: usize = 10;
/// Most patterns: each is tried for every file.
const MAX_PATTERNS: usize = 1000;
/// Refusals after which reading stops: whoever sees these has the wrong table.
const ENOUGH: usize = 1000;

/// How the text of a table is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without its mark.
    Utf8,
    /// GBK, read as GB 18030, which contains it.
    Gbk,
}

/// A table that was understood as a whole.
#[derive(Debug)]
pub struct Sheet {
    /// In the table's order.
    pub rows: Vec<Row>,
    /// How its text was encoded; `None` where the format fixes that.
    pub encoding: Option<Encoding>,
}

/// What one row says.
#[derive(Debug)]
pub struct Row {
    /// Which files it is about, and where that stands.
    pub target: (Place, Target),
    /// Claim name → where it stands, and its value as the statement will have it.
    pub claims: BTreeMap<&'static str, (Place, String)>,
    /// Attachments, as written.
    pub attach: Vec<(Place, String)>,
}

/// Which files a row is about. Names are relative to the folder, parts apart by `/`, in normalisation form C.
#[derive(Debug)]
pub enum Target {
    /// One file.
    File(String),
    /// Every file that fits.
    Pattern(Pattern),
}

/// `*` and `?` stop at `/`, a part `**` does not; `[ab]` are alternatives; the case of Latin letters makes no
/// difference. Without `/` it is about a name in whatever folder, with `/` about the path from the folder on: as
/// `deposit --include` has it.
#[derive(Debug)]
pub struct Pattern {
    /// As written.
    pub text: String,
    glob: glob::Pattern,
}

impl Pattern {
    fn new(text: &str) -> Result<Self, PatternError> {
        Ok(Self { text: text.to_owned(), glob: glob::Pattern::new(text)? })
    }

    /// Whether it is about this file.
    pub fn is_about(&self, name: &str) -> bool {
        const OPTIONS: MatchOptions =
            MatchOptions { case_sensitive: false, require_literal_separator: true, require_literal_leading_dot: false };
        let of_name = || name.rsplit('/').next().unwrap_or(name);
        self.glob.matches_with(if self.text.contains('/') { name } else { of_name() }, OPTIONS)
    }
}

/// Reads a table. The last part of `name` says of what kind it is: `.csv`, `.tsv`, `.txt`, `.toml`, `.xlsx`.
/// With an `encoding`, a delimited text is held to that one; else it is recognised.
pub fn read(name: &str, bytes: &[u8], encoding: Option<Encoding>) -> Result<Sheet, Vec<Refusal>> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(vec![Refusal::whole(
            format!("文件有 {} 字节，超过 {MAX_BYTES} 字节；请分成几个表", bytes.len()),
            format!("the file has {} bytes, more than {MAX_BYTES}; divide it into several", bytes.len()),
        )]);
    }
    let ending = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let (rows, encoding) = match ending.as_str() {
        "toml" => (handwritten::read(bytes)?, None),
        "csv" | "tsv" | "txt" => {
            let (grid, encoding) = delimited::read(bytes, encoding)?;
            (grid.rows()?, Some(encoding))
        }
        "xlsx" => (xlsx::read(bytes)?.rows()?, None),
        _ => return Err(vec![xlsx::not_a_table(&ending)]),
    };
    let patterns = rows.iter().filter(|row| matches!(row.target.1, Target::Pattern(_)));
    if let Some(row) = patterns.clone().nth(MAX_PATTERNS) {
        return Err(vec![Refusal::new(
            row.target.0.clone(),
            format!("匹配式多于 {MAX_PATTERNS} 个；请合并，或逐个文件写"),
            format!("there are more than {MAX_PATTERNS} patterns; put some together, or write files"),
        )]);
    }
    if rows.is_empty() {
        return Err(vec![Refusal::whole("表中没有任何行", "there is no row in the table")]);
    }
    Ok(Sheet { rows, encoding })
}

/// A row's `file` or `pattern`.
fn target(place: Place, value: &str, pattern: bool) -> Result<(Place, Target), Refusal> {
    let value = value.replace('\\', "/");
    let value = value.strip_prefix("./").unwrap_or(&value);
    let plain = !value.split('/').any(|part| part.is_empty() || part == "." || part == "..");
    if !plain {
        return Err(Refusal::new(
            place,
            format!("“{value}”不是文件夹之内的相对路径；请写成 子文件夹/文件名"),
            format!("\"{value}\" is not a relative path inside the folder; write it as subfolder/name"),
        ));
    }
    if !pattern {
        return Ok((place, Target::File(value.to_owned())));
    }
    match Pattern::new(value) {
        Ok(pattern) => Ok((place, Target::Pattern(pattern))),
        Err(e) => Err(Refusal::new(
            place,
            format!("“{value}”不是可用的匹配式（{}）", e.msg),
            format!("\"{value}\" is not a usable pattern ({})", e.msg),
        )),
    }
}

/// A value as people type it, composed and without blanks around it. What no statement can carry is refused.
fn clean(place: &Place, text: &str) -> Result<String, Refusal> {
    use unicode_normalization::UnicodeNormalization;
    let text: String = text.trim_matches(|c: char| c.is_whitespace()).nfc().collect();
    if text.len() > evidence::statement::MAX_TEXT {
        return Err(Refusal::new(
            place.clone(),
            format!("值有 {} 字节，最多 {} 字节", text.len(), evidence::statement::MAX_TEXT),
            format!("the value has {} bytes; the most is {}", text.len(), evidence::statement::MAX_TEXT),
        ));
    }
    check_string("value", &text).map_err(|e| {
        Refusal::new(
            place.clone(),
            format!("值中有不能登记的字符（{}）；请删去后重试", e.zh()),
            format!("the value has a character that cannot be recorded ({e}); delete it and try again"),
        )
    })?;
    Ok(text)
}

#[cfg(test)]
mod tests;
