//! XLSX (ECMA-376): the first sheet's values.
//!
//! Refused rather than guessed at: formulas, whose results nobody signed; merged cells; rows and columns that are
//! hidden, whose author does not see what he claims; error values; macros; passwords. Dates come as numbers with a
//! date's format, as every spreadsheet program keeps them.

mod parts;
mod sheet;

use crate::{Refusal, grid::Grid, place::brief};
use parts::{Parts, Xml, attribute};
use quick_xml::events::Event;

/// The cells of the first sheet.
pub(crate) fn read(bytes: &[u8]) -> Result<Grid, Vec<Refusal>> {
    let parts = Parts::open(bytes)?;
    let workbook = parts.related("", "officeDocument")?.ok_or_else(|| broken("no workbook"))?;
    if parts.has_macros()? {
        return Err(vec![Refusal::whole(
            "表中有宏；请另存为不带宏的 .xlsx",
            "the workbook has macros; save it as .xlsx, without them",
        )]);
    }
    let (first, since_1904) = first_sheet(&parts, &workbook)?;
    let sheet = parts.by_id(&workbook, &first)?.ok_or_else(|| broken("no first sheet"))?;
    let strings = match parts.related(&workbook, "sharedStrings")? {
        Some(part) => strings(&parts, &part)?,
        None => Vec::new(),
    };
    let dates = match parts.related(&workbook, "styles")? {
        Some(part) => dates(&parts, &part)?,
        None => Vec::new(),
    };
    sheet::read(&parts, &sheet, &sheet::Meanings { strings, dates, since_1904 })
}

/// What to say of a file that is no table.
pub(crate) fn not_a_table(ending: &str) -> Refusal {
    let (zh, en) = match ending {
        "xlsm" | "xlsb" | "xltm" => {
            ("带宏的工作簿不读；请另存为 .xlsx", "workbooks with macros are not read; save it as .xlsx")
        }
        "xls" | "ods" | "et" | "numbers" => {
            ("这种格式不读；请另存为 .xlsx 或 .csv", "this format is not read; save it as .xlsx or .csv")
        }
        _ => ("扩展名须为 .csv、.xlsx 或 .toml", "the name must end in .csv, .xlsx or .toml"),
    };
    Refusal::whole(zh, en)
}

/// A file that is not what its name says.
fn broken(what: &str) -> Vec<Refusal> {
    let what = brief(what);
    vec![Refusal::whole(
        format!("文件不是完整的 XLSX（{what}）；请用表格程序重新另存"),
        format!("the file is not a whole XLSX ({what}); save it again from the spreadsheet program"),
    )]
}

/// The relation id of the first sheet that is shown, and whether days are counted from 1904.
fn first_sheet(parts: &Parts<'_>, workbook: &str) -> Result<(String, bool), Vec<Refusal>> {
    let mut xml = parts.xml(workbook)?;
    let (mut first, mut since_1904) = (None, false);
    while let Some(event) = xml.next()? {
        let Event::Start(e) = event else { continue };
        match e.local_name().as_ref() {
            "workbookPr" => since_1904 = attribute(&e, "date1904").is_some_and(|v| yes(&v)),
            "sheet" if first.is_none() && attribute(&e, "state").is_none_or(|s| s == "visible") => {
                first = attribute(&e, "id");
            }
            _ => {}
        }
    }
    Ok((first.ok_or_else(|| broken("no sheet"))?, since_1904))
}

fn yes(value: &str) -> bool {
    matches!(value, "1" | "true")
}

/// The texts that cells share: `si`, whose `t` may lie in runs; how a word is read aloud (`rPh`) is not part of it.
fn strings(parts: &Parts<'_>, part: &str) -> Result<Vec<String>, Vec<Refusal>> {
    let mut xml = parts.xml(part)?;
    let (mut out, mut current, mut wanted, mut aloud) = (Vec::new(), String::new(), false, false);
    while let Some(event) = xml.next()? {
        match event {
            Event::Start(e) => match e.local_name().as_ref() {
                "si" => current.clear(),
                "rPh" => aloud = true,
                "t" => wanted = !aloud,
                _ => {}
            },
            Event::End(e) => match e.local_name().as_ref() {
                "si" => out.push(std::mem::take(&mut current)),
                "rPh" => aloud = false,
                "t" => wanted = false,
                _ => {}
            },
            event if wanted => Xml::text(&event, &mut current)?,
            _ => {}
        }
    }
    Ok(out)
}

/// For each cell format, whether it shows a date.
fn dates(parts: &Parts<'_>, part: &str) -> Result<Vec<bool>, Vec<Refusal>> {
    let mut xml = parts.xml(part)?;
    let (mut custom, mut out, mut inside) = (Vec::new(), Vec::new(), false);
    while let Some(event) = xml.next()? {
        match event {
            Event::Start(e) => match e.local_name().as_ref() {
                "numFmt" => {
                    if let (Some(id), Some(code)) = (attribute(&e, "numFmtId"), attribute(&e, "formatCode")) {
                        custom.push((id, shows_date(&code)));
                    }
                }
                "cellXfs" => inside = true,
                "xf" if inside => {
                    let id = attribute(&e, "numFmtId").unwrap_or_default();
                    let own = custom.iter().find(|(known, _)| *known == id).map(|(_, date)| *date);
                    // Those that ECMA-376 (18.8.30) fixes, East Asian ones among them.
                    let fixed = matches!(id.parse(), Ok(14..=22u32 | 27..=36 | 50..=58));
                    out.push(own.unwrap_or(fixed));
                }
                _ => {}
            },
            Event::End(e) if e.local_name().as_ref() == "cellXfs" => inside = false,
            _ => {}
        }
    }
    Ok(out)
}

/// Whether a format code has a year or a day outside of quotes and brackets.
fn shows_date(code: &str) -> bool {
    let (mut quoted, mut bracket, mut chars) = (false, false, code.chars());
    while let Some(c) = chars.next() {
        match c {
            '\\' | '_' | '*' => drop(chars.next()),
            '"' => quoted = !quoted,
            '[' if !quoted => bracket = true,
            ']' if !quoted => bracket = false,
            'y' | 'Y' | 'd' | 'D' if !quoted && !bracket => return true,
            _ => {}
        }
    }
    false
}
