//! TOML: `[[rights]]`, each with `file` or `pattern`, claims, and `attach` as a list.

use crate::{
    ENOUGH, MAX_ROWS, Refusal, Row,
    fields::{self, Column},
    grid::{Filling, too_many},
    place::Place,
};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::{Spanned, Value};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    rights: Vec<Spanned<BTreeMap<Spanned<String>, Spanned<Value>>>>,
}

pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Row>, Vec<Refusal>> {
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let line = line(bytes, e.valid_up_to());
        vec![Refusal::new(
            Place::Line(line, String::new()),
            "不是 UTF-8；请以 UTF-8 另存",
            "it is not UTF-8; save it as UTF-8",
        )]
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let document: Document = toml::from_str(text).map_err(|e| {
        let place = e.span().map_or(Place::Whole, |s| Place::Line(line(text.as_bytes(), s.start), String::new()));
        let reason = e.message().to_owned();
        vec![Refusal::new(
            place,
            format!("TOML 不能理解（{reason}）；请对照 quezao rights template --format toml"),
            format!("the TOML cannot be understood ({reason}); compare quezao rights template --format toml"),
        )]
    })?;
    if document.rights.len() > MAX_ROWS as usize {
        return Err(vec![too_many(MAX_ROWS + 1)]);
    }
    let lines = Lines::of(text);
    let (mut rows, mut refusals) = (Vec::new(), Vec::new());
    for table in document.rights {
        let place = Place::Line(lines.at(table.span().start), String::new());
        let mut fill = Filling::default();
        for (key, value) in table.into_inner() {
            let place = Place::Line(lines.at(key.span().start), key.get_ref().clone());
            entry(&mut fill, place, key.get_ref(), value.into_inner());
        }
        match fill.finish(place) {
            Ok(row) => rows.push(row),
            Err(wrong) => refusals.extend(wrong),
        }
        if refusals.len() >= ENOUGH {
            break;
        }
    }
    if refusals.is_empty() { Ok(rows) } else { Err(refusals) }
}

fn entry(fill: &mut Filling, place: Place, key: &str, value: Value) {
    let Some(column) = fields::column(key) else {
        let names: Vec<&str> = fields::COLUMNS.iter().map(|(_, en, _)| *en).collect();
        fill.refusals.push(Refusal::new(
            place,
            format!("没有这一项；可用的有 {}", names.join("、")),
            format!("there is no such key; those that there are: {}", names.join(", ")),
        ));
        return;
    };
    match value {
        Value::String(text) => fill.put(place, column, &text),
        Value::Datetime(date) if matches!(column, Column::Claim("completed_at" | "published_at")) => {
            fill.put(place, column, &date.to_string());
        }
        Value::Array(items) if column == Column::Attach => {
            for item in items {
                match item {
                    Value::String(name) => fill.put(place.clone(), column, &name),
                    other => fill.refusals.push(wrong(place.clone(), other.type_str())),
                }
            }
        }
        other => fill.refusals.push(wrong(place, other.type_str())),
    }
}

fn wrong(place: Place, kind: &str) -> Refusal {
    Refusal::new(
        place,
        format!("这里要写带引号的文字，不能是 {kind}"),
        format!("a text in quotes is wanted here, not a value of type {kind}"),
    )
}

fn line(bytes: &[u8], at: usize) -> u32 {
    let before = &bytes[..at.min(bytes.len())];
    u32::try_from(before.iter().filter(|b| **b == b'\n').count()).unwrap_or(u32::MAX).saturating_add(1)
}

/// Where the lines begin: a table of many thousand entries asks often.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(n, _)| n).collect())
    }

    fn at(&self, byte: usize) -> u32 {
        u32::try_from(self.0.partition_point(|end| *end < byte)).unwrap_or(u32::MAX).saturating_add(1)
    }
}
