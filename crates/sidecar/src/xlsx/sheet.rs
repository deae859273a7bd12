//! One sheet's cells.

use super::{
    broken,
    parts::{Parts, Xml, attribute},
    yes,
};
use crate::{
    ENOUGH, Refusal,
    grid::{Cell, Grid},
    place::{self, Place, brief},
};
use quick_xml::events::{BytesStart, Event};

/// What the numbers in cells mean.
pub(super) struct Meanings {
    pub(super) strings: Vec<String>,
    /// Per cell format: shows a date.
    pub(super) dates: Vec<bool>,
    pub(super) since_1904: bool,
}

/// A cell under way.
#[derive(Default)]
struct Open {
    row: u32,
    column: u32,
    kind: String,
    date: bool,
    formula: bool,
    value: String,
}

pub(super) fn read(parts: &Parts<'_>, part: &str, meanings: &Meanings) -> Result<Grid, Vec<Refusal>> {
    let mut xml = parts.xml(part)?;
    let (mut grid, mut merged_cells) = (Grid::default(), Vec::new());
    let (mut hidden_columns, mut hidden_row) = (Vec::new(), false);
    let (mut row, mut column, mut open, mut text, mut aloud) = (0u32, 0u32, None::<Open>, false, false);
    while let Some(event) = xml.next()? {
        match event {
            Event::Start(e) => match e.local_name().as_ref() {
                "row" => {
                    let number = attribute(&e, "r").map(|r| r.parse().map_err(|_| broken(&r))).transpose()?;
                    (row, column) = (number.unwrap_or(row.saturating_add(1)), 0);
                    hidden_row = attribute(&e, "hidden").is_some_and(|v| yes(&v));
                }
                "col" if attribute(&e, "hidden").is_some_and(|v| yes(&v)) => {
                    let number = |name| attribute(&e, name).and_then(|v| v.parse::<u32>().ok()).unwrap_or(0);
                    hidden_columns.push(number("min")..=number("max"));
                }
                "c" => {
                    let cell = begin(&e, row, column, meanings)?;
                    (row, column) = (cell.row, cell.column + 1);
                    open = Some(cell);
                }
                "f" => {
                    if let Some(cell) = open.as_mut() {
                        cell.formula = true;
                    }
                }
                "rPh" => aloud = true,
                "v" | "t" => text = !aloud,
                "mergeCell" if merged_cells.len() < ENOUGH => {
                    merged_cells.push(merged(&attribute(&e, "ref").unwrap_or_default()));
                }
                _ => {}
            },
            Event::End(e) => match e.local_name().as_ref() {
                "v" | "t" => text = false,
                "rPh" => aloud = false,
                "c" => {
                    let Some(cell) = open.take() else { continue };
                    let (row, column) = (cell.row, cell.column);
                    let hidden = hidden_row || hidden_columns.iter().any(|range| range.contains(&(column + 1)));
                    grid.put(row, column, finish(cell, hidden, meanings)?)?;
                }
                _ => {}
            },
            event => {
                if text && let Some(cell) = open.as_mut() {
                    Xml::text(&event, &mut cell.value)?;
                }
            }
        }
    }
    if merged_cells.is_empty() { Ok(grid) } else { Err(merged_cells) }
}

fn begin(e: &BytesStart<'_>, row: u32, column: u32, meanings: &Meanings) -> Result<Open, Vec<Refusal>> {
    let (row, column) = match attribute(e, "r") {
        Some(reference) => place::cell(&reference).ok_or_else(|| broken(&reference))?,
        None => (row.max(1), column),
    };
    let style = attribute(e, "s").and_then(|s| s.parse::<usize>().ok()).unwrap_or(0);
    let date = meanings.dates.get(style).copied().unwrap_or(false);
    Ok(Open { row, column, kind: attribute(e, "t").unwrap_or_default(), date, ..Open::default() })
}

fn finish(cell: Open, hidden: bool, meanings: &Meanings) -> Result<Cell, Vec<Refusal>> {
    let refused = |zh: String, en: String| Ok(Cell::Refused(zh, en));
    if hidden && !cell.value.trim().is_empty() {
        return refused(
            "在隐藏的行或列中；请先取消隐藏或筛选，看过再登记".into(),
            "it lies in a hidden row or column; show it, or clear the filter, and look at it first".into(),
        );
    }
    if cell.formula {
        return refused(
            "这一格是公式；请“复制 → 选择性粘贴 → 数值”后重试".into(),
            "the cell has a formula; copy it and paste its value".into(),
        );
    }
    let value = cell.value;
    match cell.kind.as_str() {
        "s" => {
            let string = value.trim().parse().ok().and_then(|n: usize| meanings.strings.get(n));
            Ok(Cell::Text(string.cloned().ok_or_else(|| broken(&value))?))
        }
        "inlineStr" | "str" => Ok(Cell::Text(value)),
        "b" => refused("这一格是逻辑值；请改为文字".into(), "the cell has a logical value; put text".into()),
        "e" => refused(
            format!("这一格是错误值 {}；请更正", brief(&value)),
            format!("the cell has the error {}; correct it", brief(&value)),
        ),
        // ISO 8601, as strict files write dates.
        "d" => Ok(Cell::Date(value.strip_suffix("T00:00:00").unwrap_or(&value).to_owned())),
        "" | "n" if value.trim().is_empty() => Ok(Cell::Text(String::new())),
        "" | "n" => match value.trim().parse::<f64>() {
            Ok(number) if cell.date => Ok(match day(number, meanings.since_1904) {
                Some(day) => Cell::Date(day),
                None => Cell::Refused(
                    "不是整日的日期；请写成文字 2026-01-31".into(),
                    "it is not the date of a whole day; write it as text, 2026-01-31".into(),
                ),
            }),
            // What is shown of any other number depends on its format.
            Ok(number) if number.fract() == 0.0 && number.abs() < 1e15 => Ok(Cell::Text(format!("{number:.0}"))),
            _ => refused(
                format!("这一格是数字 {}；请把单元格格式改为“文本”后重新输入", brief(&value)),
                format!("the cell has the number {}; set its format to text and type it again", brief(&value)),
            ),
        },
        other => Err(broken(other)),
    }
}

/// The date of a day number. Excel's 1900 was a leap year: its day 60 never was.
fn day(number: f64, since_1904: bool) -> Option<String> {
    const TO_1970: i64 = 25_569;
    const DAY: i64 = 86_400 * evidence::time::SECOND;
    if number.fract() != 0.0 || !(1.0..2_958_466.0).contains(&number) {
        return None;
    }
    #[allow(clippy::cast_possible_truncation)]
    let number = number as i64;
    let days = match (since_1904, number) {
        (true, n) => n + 1462 - TO_1970,
        (false, 60) => return None,
        (false, n) if n < 60 => n + 1 - TO_1970,
        (false, n) => n - TO_1970,
    };
    Some(evidence::time::Utc(days * DAY).to_micros().chars().take(10).collect())
}

fn merged(range: &str) -> Refusal {
    let (row, column) = range.split(':').next().and_then(place::cell).unwrap_or((1, 0));
    let range = brief(range);
    Refusal::new(
        Place::Cell(row, column, String::new()),
        format!("{range} 是合并单元格；请取消合并，每格各填"),
        format!("{range} is a merged cell; unmerge it and fill in each"),
    )
}
