//! Cells with a head: what CSV and XLSX have in common.

use crate::{
    ENOUGH, MAX_ATTACHMENTS, MAX_ROWS, Refusal, Row,
    fields::{self, Column},
    place::{Place, brief},
    target,
};
use std::collections::BTreeMap;

/// Most columns.
pub(crate) const MAX_COLUMNS: u32 = 64;

/// Most bytes of all texts, a cell costing some of itself.
const BUDGET: usize = 128 << 20;
const CELL: usize = 64;

/// A table's cells that hold something, by row from 1 and column from 0.
#[derive(Default)]
pub(crate) struct Grid {
    cells: BTreeMap<u32, Vec<(u32, Cell)>>,
    budget: usize,
}

/// What a cell holds.
pub(crate) enum Cell {
    /// Text.
    Text(String),
    /// What a spreadsheet program keeps as a date.
    Date(String),
    /// Something that is no value; why not, in both languages.
    Refused(String, String),
}

impl Grid {
    /// Adds a cell; blanks are none.
    pub(crate) fn put(&mut self, row: u32, column: u32, cell: Cell) -> Result<(), Vec<Refusal>> {
        if matches!(&cell, Cell::Text(text) if text.trim().is_empty()) {
            return Ok(());
        }
        let first = self.cells.keys().next().copied().unwrap_or(row);
        if row > first.saturating_add(MAX_ROWS) {
            return Err(vec![too_many(row)]);
        }
        if column >= MAX_COLUMNS {
            return Err(vec![Refusal::new(
                Place::Cell(row, column, String::new()),
                format!("表中超过 {MAX_COLUMNS} 列"),
                format!("the table has more than {MAX_COLUMNS} columns"),
            )]);
        }
        // One long text that a million cells share would fill the memory.
        self.budget = self.budget.saturating_add(CELL + if let Cell::Text(text) = &cell { text.len() } else { 0 });
        if self.budget > BUDGET {
            return Err(vec![Refusal::whole(
                "表中的内容太多；请分成几个表",
                "there is too much in the table; divide it into several",
            )]);
        }
        self.cells.entry(row).or_default().push((column, cell));
        Ok(())
    }

    /// What the rows say. Everything that is wrong is found at once.
    pub(crate) fn rows(mut self) -> Result<Vec<Row>, Vec<Refusal>> {
        let Some((head_row, head)) = self.cells.pop_first() else { return Ok(Vec::new()) };
        let head = heads(head_row, head)?;
        let (mut rows, mut refusals) = (Vec::new(), Vec::new());
        for (number, cells) in self.cells {
            // A row that begins with # speaks to people.
            if matches!(cells.iter().min_by_key(|c| c.0), Some((_, Cell::Text(t))) if t.trim_start().starts_with('#')) {
                continue;
            }
            match row(number, cells, &head) {
                Ok(row) => rows.push(row),
                Err(wrong) => refusals.extend(wrong),
            }
            if refusals.len() >= ENOUGH {
                break;
            }
        }
        if refusals.is_empty() { Ok(rows) } else { Err(refusals) }
    }
}

type Heads = BTreeMap<u32, (Column, String)>;

fn heads(row: u32, cells: Vec<(u32, Cell)>) -> Result<Heads, Vec<Refusal>> {
    let (mut heads, mut refusals) = (Heads::new(), Vec::new());
    for (n, cell) in cells {
        let word = match cell {
            Cell::Text(text) | Cell::Date(text) => text.trim().to_owned(),
            Cell::Refused(zh, en) => {
                refusals.push(Refusal::new(Place::Cell(row, n, String::new()), zh, en));
                continue;
            }
        };
        let place = Place::Cell(row, n, word.clone());
        match fields::column(&word) {
            None => {
                let names: Vec<&str> = fields::COLUMNS.iter().map(|(_, en, _)| *en).collect();
                let zh: Vec<&str> = fields::COLUMNS.iter().map(|(_, _, zh)| zh[0]).collect();
                refusals.push(Refusal::new(
                    place,
                    format!("没有这一列；可用的列：{}", zh.join("、")),
                    format!("there is no such column; those that there are: {}", names.join(", ")),
                ));
            }
            Some(column) if heads.values().any(|(c, _)| *c == column) => refusals.push(Refusal::new(
                place,
                "这一列出现了两次；请合为一列",
                "this column stands twice; make them one",
            )),
            Some(column) => drop(heads.insert(n, (column, word))),
        }
    }
    if refusals.is_empty() && !heads.values().any(|(c, _)| matches!(c, Column::File | Column::Pattern)) {
        refusals.push(Refusal::new(
            Place::Row(row),
            "表头中没有“文件”或“匹配”列；请用 quezao rights template 取得模板",
            "the head has no column 'file' or 'pattern'; take the template of quezao rights template",
        ));
    }
    if refusals.is_empty() { Ok(heads) } else { Err(refusals) }
}

fn row(number: u32, cells: Vec<(u32, Cell)>, heads: &Heads) -> Result<Row, Vec<Refusal>> {
    let mut fill = Filling::default();
    for (n, cell) in cells {
        let Some((column, word)) = heads.get(&n) else {
            fill.refusals.push(Refusal::new(
                Place::Cell(number, n, String::new()),
                "这一列没有表头",
                "this column has no head",
            ));
            continue;
        };
        let place = Place::Cell(number, n, word.clone());
        match cell {
            Cell::Refused(zh, en) => fill.refusals.push(Refusal::new(place, zh, en)),
            Cell::Text(text) => fill.put(place, *column, &text),
            Cell::Date(date) if matches!(column, Column::Claim("completed_at" | "published_at")) => {
                fill.put(place, *column, &date);
            }
            Cell::Date(date) => fill.refusals.push(Refusal::new(
                place,
                format!("表格程序把它存成了日期 {date}；请把单元格格式改为“文本”后重新输入"),
                format!("the spreadsheet keeps it as the date {date}; set the cell's format to text and type it again"),
            )),
        }
    }
    fill.finish(Place::Row(number))
}

/// A row under way; the same for every format.
#[derive(Default)]
pub(crate) struct Filling {
    target: Option<(Place, crate::Target)>,
    claims: BTreeMap<&'static str, (Place, String)>,
    attach: Vec<(Place, String)>,
    pub(crate) refusals: Vec<Refusal>,
}

impl Filling {
    pub(crate) fn put(&mut self, place: Place, column: Column, text: &str) {
        if let Err(refusal) = self.take(place, column, text) {
            self.refusals.push(refusal);
        }
    }

    fn take(&mut self, place: Place, column: Column, text: &str) -> Result<(), Refusal> {
        match column {
            Column::Attach => {
                for name in text.split(['|', '\n', '\r']) {
                    let name = crate::clean(&place, name)?.replace('\\', "/");
                    if name.is_empty() {
                        continue;
                    }
                    if self.attach.len() == MAX_ATTACHMENTS {
                        return Err(Refusal::new(
                            place,
                            format!("附件多于 {MAX_ATTACHMENTS} 个"),
                            format!("there are more than {MAX_ATTACHMENTS} attachments"),
                        ));
                    }
                    if self.attach.iter().any(|(_, given)| *given == name) {
                        return Err(Refusal::new(
                            place,
                            format!("附件“{}”写了两次", brief(&name)),
                            format!("the attachment \"{}\" stands twice", brief(&name)),
                        ));
                    }
                    self.attach.push((place.clone(), name));
                }
            }
            Column::File | Column::Pattern => {
                let text = crate::clean(&place, text)?;
                if self.target.is_some() {
                    return Err(Refusal::new(
                        place,
                        "一行只能写“文件”或“匹配”之一",
                        "a row has either a file or a pattern",
                    ));
                }
                self.target = Some(target(place, &text, column == Column::Pattern)?);
            }
            Column::Claim(name) => {
                let value = fields::value(&place, name, text)?;
                self.claims.insert(name, (place, value));
            }
        }
        Ok(())
    }

    pub(crate) fn finish(mut self, place: Place) -> Result<Row, Vec<Refusal>> {
        let named = self.refusals.is_empty().then(|| self.target.take());
        match named {
            Some(Some(target)) => Ok(Row { target, claims: self.claims, attach: self.attach }),
            Some(None) => Err(vec![Refusal::new(
                place,
                "没有写明是哪个文件；请填“文件”或“匹配”列",
                "it does not say for which file; fill in 'file' or 'pattern'",
            )]),
            None => Err(self.refusals),
        }
    }
}

pub(crate) fn too_many(row: u32) -> Refusal {
    Refusal::new(
        Place::Row(row),
        format!("表中超过 {MAX_ROWS} 行；请分成几个表"),
        format!("the table has more than {MAX_ROWS} rows; divide it into several"),
    )
}
