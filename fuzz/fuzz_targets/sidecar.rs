//! A table of rights: rows within their bounds, whose claims a statement can carry, or refusals, of which there is one.
//!
//! The first byte says what the rest is: a file of one of the five kinds in one of three encodings, or three XML parts of
//! a workbook (sheet, shared strings, styles), apart by a zero byte, which are packed here, since no mutation survives a
//! checksum.
#![no_main]

use evidence::{json::check_string, statement};
use sidecar::{Encoding, Target};
use std::io::{Error, Result, Write};

const KINDS: [&str; 5] = ["a.csv", "a.tsv", "a.txt", "a.toml", "a.xlsx"];
const ENCODINGS: [Option<Encoding>; 3] = [None, Some(Encoding::Utf8), Some(Encoding::Gbk)];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let n = usize::from(*first);
    let read = match workbook(rest).ok().filter(|_| n >= 128) {
        Some(packed) => sidecar::read("a.xlsx", &packed, None),
        None => sidecar::read(KINDS[n % 5], rest, ENCODINGS[n / 5 % 3]),
    };
    match read {
        Ok(sheet) => {
            assert!((1..=sidecar::MAX_ROWS as usize).contains(&sheet.rows.len()));
            for row in &sheet.rows {
                assert!(row.attach.len() <= sidecar::MAX_ATTACHMENTS);
                if let Target::File(name) = &row.target.1 {
                    assert!(!name.split('/').any(|part| matches!(part, "" | "." | "..")));
                }
                for (name, (_, value)) in &row.claims {
                    assert!(statement::RIGHTS.contains(name) && !value.is_empty());
                    assert!(value.len() <= statement::MAX_TEXT && check_string("value", value).is_ok());
                }
            }
        }
        Err(refusals) => assert!(!refusals.is_empty()),
    }
});

/// An XLSX of these parts.
fn workbook(parts: &[u8]) -> Result<Vec<u8>> {
    const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let relation = |id: &str, kind: &str, target: &str| {
        format!("<Relationship Id=\"{id}\" Type=\"{RELATIONS}/{kind}\" Target=\"{target}\"/>")
    };
    let book = format!("<workbook xmlns:r=\"{RELATIONS}\"><sheets><sheet name=\"a\" r:id=\"s\"/></sheets></workbook>");
    let top = format!("<Relationships>{}</Relationships>", relation("b", "officeDocument", "xl/workbook.xml"));
    let below = [("s", "worksheet", "s.xml"), ("t", "sharedStrings", "t.xml"), ("y", "styles", "y.xml")];
    let below: String = below.iter().map(|(id, kind, target)| relation(id, kind, target)).collect();
    let below = format!("<Relationships>{below}</Relationships>");
    let mut given = parts.splitn(3, |b| *b == 0);
    let mut next = || given.next().unwrap_or(b"<x/>");
    let files: [(&str, &[u8]); 6] = [
        ("_rels/.rels", top.as_bytes()),
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", below.as_bytes()),
        ("xl/s.xml", next()),
        ("xl/t.xml", next()),
        ("xl/y.xml", next()),
    ];
    let mut out = Vec::new();
    let mut archive = rawzip::ZipArchiveWriter::new(&mut out);
    for (name, bytes) in files {
        let (mut entry, config) = archive.new_file(name).start().map_err(Error::other)?;
        let mut writer = config.wrap(&mut entry);
        writer.write_all(bytes)?;
        let (_, descriptor) = writer.finish().map_err(Error::other)?;
        entry.finish(descriptor).map_err(Error::other)?;
    }
    archive.finish().map_err(Error::other)?;
    Ok(out)
}
