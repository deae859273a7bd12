//! CSV (RFC 4180), its cousins with tab or semicolon, in UTF-8 or GBK.
//!
//! A file does not say how it is encoded, and one that went through two programs may be both. So every cell is looked
//! at: a cell that would be Chinese in UTF-8 and one that cannot be UTF-8 do not stand in one file.

use crate::{
    Encoding, MAX_ROWS, Refusal,
    grid::{Cell, Grid, too_many},
    place::brief,
};

const MARK: &[u8] = b"\xef\xbb\xbf";

/// The cells, and the encoding that was recognised.
pub(crate) fn read(bytes: &[u8], told: Option<Encoding>) -> Result<(Grid, Encoding), Vec<Refusal>> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(vec![Refusal::whole(
            "文件是 UTF-16；请另存为“CSV UTF-8（逗号分隔）”",
            "the file is UTF-16; save it as \"CSV UTF-8 (comma delimited)\"",
        )]);
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return Err(vec![Refusal::whole(
            "内容是 ZIP（多半是 XLSX），不是 CSV；请把扩展名改回 .xlsx",
            "the content is a ZIP (an XLSX perhaps), not CSV; rename it to .xlsx",
        )]);
    }
    let (marked, bytes) = bytes.strip_prefix(MARK).map_or((false, bytes), |rest| (true, rest));
    let records = records(bytes)?;
    let encoding = told.or(marked.then_some(Encoding::Utf8)).unwrap_or_else(|| recognise(&records));
    let mut grid = Grid::default();
    for (number, cells) in records {
        for (column, bytes) in (0..).zip(&cells) {
            grid.put(number, column, cell(bytes, encoding))?;
        }
    }
    Ok((grid, encoding))
}

type Records = Vec<(u32, csv::ByteRecord)>;

/// Rows as a spreadsheet would number them: a value with line breaks stays in its row.
fn records(bytes: &[u8]) -> Result<Records, Vec<Refusal>> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter(bytes)).from_reader(bytes);
    let (mut record, mut out, mut number) = (csv::ByteRecord::new(), Records::new(), 0u32);
    while reader.read_byte_record(&mut record).map_err(|e| vec![Refusal::whole(e.to_string(), e.to_string())])? {
        let start = record.position().map_or(0, |p| usize::try_from(p.byte()).unwrap_or(bytes.len()));
        number = number.saturating_add(1).saturating_add(blank_lines(bytes, start.min(bytes.len())));
        if out.len() > MAX_ROWS as usize {
            return Err(vec![too_many(number)]);
        }
        out.push((number, std::mem::take(&mut record)));
    }
    Ok(out)
}

/// Blank lines at this place: rows of a spreadsheet, but the reader passes over them.
fn blank_lines(bytes: &[u8], start: usize) -> u32 {
    let (before, from) = bytes.split_at(start);
    // The reader leaves the second half of CR LF to the next record.
    let from = if before.ends_with(b"\r") { from.strip_prefix(b"\n").unwrap_or(from) } else { from };
    let blank = from.iter().take_while(|b| matches!(b, b'\r' | b'\n')).filter(|b| **b == b'\n').count();
    u32::try_from(blank).unwrap_or(u32::MAX)
}

/// Comma, semicolon or tab: whichever parts the head into most.
fn delimiter(bytes: &[u8]) -> u8 {
    let head = bytes.split(|b| *b == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let count = |d: u8| head.iter().filter(|b| **b == d).count();
    *b",;\t".iter().max_by_key(|d| (count(**d), **d == b',')).unwrap_or(&b',')
}

fn recognise(records: &Records) -> Encoding {
    let (mut chinese, mut other) = (0u32, 0u32);
    for cell in records.iter().flat_map(|(_, cells)| cells).filter(|c| !c.is_ascii()) {
        match std::str::from_utf8(cell) {
            // A short GBK word is sometimes, by chance, two Latin or Greek letters in UTF-8, never Chinese ones.
            Ok(text) if text.chars().any(|c| c >= '\u{2e80}') => chinese += 1,
            Ok(_) => {}
            Err(_) => other += 1,
        }
    }
    if other > chinese { Encoding::Gbk } else { Encoding::Utf8 }
}

fn cell(bytes: &[u8], encoding: Encoding) -> Cell {
    let utf8 = std::str::from_utf8(bytes);
    let text = match encoding {
        _ if bytes.is_ascii() => String::from_utf8_lossy(bytes).into_owned(),
        Encoding::Utf8 => match utf8 {
            Ok(text) => text.to_owned(),
            Err(_) => {
                let guess = encoding_rs::GB18030.decode_without_bom_handling_and_without_replacement(bytes);
                let guess = guess.map(|g| brief(&g)).unwrap_or_default();
                return Cell::Refused(
                    format!("这一格不是 UTF-8，而其余各格是（按 GBK 读作“{guess}”）；请整个表用同一种编码另存"),
                    format!(
                        "this cell is not UTF-8 while the others are (as GBK it reads \"{guess}\"); save the whole table in one encoding"
                    ),
                );
            }
        },
        Encoding::Gbk => {
            if let Ok(text) = utf8
                && text.chars().any(|c| c >= '\u{2e80}')
            {
                let text = brief(text);
                return Cell::Refused(
                    format!("这一格是 UTF-8（“{text}”），而其余各格是 GBK；请整个表用同一种编码另存"),
                    format!(
                        "this cell is UTF-8 (\"{text}\") while the others are GBK; save the whole table in one encoding"
                    ),
                );
            }
            match encoding_rs::GB18030.decode_without_bom_handling_and_without_replacement(bytes) {
                Some(text) => text.into_owned(),
                None => {
                    return Cell::Refused(
                        "这一格既不是 GBK 也不是 UTF-8；请重新输入".into(),
                        "this cell is neither GBK nor UTF-8; type it again".into(),
                    );
                }
            }
        }
    };
    if text.trim_start().starts_with('=') {
        return Cell::Refused(
            format!("“{}”是公式；请改为值", brief(&text)),
            format!("\"{}\" is a formula; put its value", brief(&text)),
        );
    }
    Cell::Text(text)
}
