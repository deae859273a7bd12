//! A run's report, a row for each name that was found: CSV for spreadsheets, JSON for programs. Either can be given
//! back to `--retry`.
//!
//! Rules:
//! - The file exists whole or not at all; rows are written as they come, so memory does not grow.
//! - No cell begins a formula: what could gets an apostrophe before it, and so does a cell that begins with one.
//! - A path is shown without characters that steer a terminal or a page. Where that is not the exact path, its bytes
//!   stand in hex beside it.

use crate::out::{Out, now};
use serde_json::{Map, Value, json};
use service::{DepositLine, Passed, show_path};
use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, BufWriter, Read, Write},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

/// Columns, and keys of a row; scripts read them.
const COLUMNS: [&str; 12] = [
    "file",
    "status",
    "code",
    "reason_zh",
    "reason_en",
    "size",
    "id",
    "index",
    "sha256",
    "sm3",
    "record_sha256",
    "path_hex",
];
/// What became of a file, as lines, rows and the last words have it; `unchanged` is `existing` by its look alone.
pub(crate) const STATUSES: [&str; 8] =
    ["new", "pending", "existing", "unchanged", "planned", "changed", "failed", "interrupted"];
/// Of a report in JSON.
const SCHEMA: &str = "quezao/report/v1";
/// Largest report that is read again.
const MAX_REPORT: u64 = 1 << 30;
/// A spreadsheet then reads UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// A report that is being written.
pub(crate) struct Report {
    path: PathBuf,
    part: PathBuf,
    rows: Rows,
    written: u64,
    /// First thing that went wrong.
    broken: Option<io::Error>,
}

enum Rows {
    Csv(Box<csv::Writer<BufWriter<File>>>),
    Json(BufWriter<File>),
}

/// How a report's name ends.
fn kind(path: &Path) -> Option<&'static str> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    ["csv", "json"].into_iter().find(|kind| ending == *kind)
}

impl Report {
    /// Begins a report beside its place.
    pub(crate) fn begin(out: &Out, path: &Path) -> Result<Self, String> {
        let Some(kind) = kind(path) else {
            return Err(out.text("report-kind", &[("path", show_path(path).into())]));
        };
        let fail = |e: io::Error| {
            out.text("report-unwritten", &[("path", show_path(path).into()), ("reason", out.reason(&e).into())])
        };
        // A hidden name, so that a report in the folder itself is not registered half-written.
        let mut part = OsString::from(".");
        part.push(path.file_name().unwrap_or_default());
        part.push(".part");
        let part = path.with_file_name(part);
        let mut file = BufWriter::new(File::create(&part).map_err(fail)?);
        let rows = if kind == "csv" {
            file.write_all(BOM).map_err(fail)?;
            let mut writer = writing().from_writer(file);
            writer.write_record(COLUMNS).map_err(|e| fail(e.into()))?;
            Rows::Csv(Box::new(writer))
        } else {
            let head = format!("{{\"schema\":\"{SCHEMA}\",\"began\":\"{}\",\"files\":[", now().to_micros());
            file.write_all(head.as_bytes()).map_err(fail)?;
            Rows::Json(file)
        };
        Ok(Self { path: path.to_owned(), part, rows, written: 0, broken: None })
    }

    /// A file that was come to, or left.
    pub(crate) fn line(&mut self, line: &DepositLine) {
        let reasons =
            |pick: fn(&(String, String)) -> &str| line.warnings.iter().map(pick).collect::<Vec<_>>().join("; ");
        let (zh, en) = match &line.error {
            Some(e) => (e.zh.clone(), e.en.clone()),
            None => (reasons(|w| &w.0), reasons(|w| &w.1)),
        };
        let code = match &line.error {
            Some(e) => e.code,
            None if line.unread => "unchanged",
            None => "",
        };
        let number = |n: Option<u64>| n.map_or(Value::Null, Value::from);
        let text = |s: &Option<String>| s.clone().map_or(Value::Null, Value::from);
        let path = if line.path.as_os_str().is_empty() { Path::new(&line.file) } else { &line.path };
        self.row(
            path,
            [
                json!(line.status),
                json!(code),
                json!(zh),
                json!(en),
                number(line.size),
                text(&line.id),
                number(line.index),
                text(&line.sha256),
                text(&line.sm3),
                text(&line.record_sha256),
            ],
        );
    }

    /// A name that was left out.
    pub(crate) fn passed(&mut self, path: &Path, why: Passed) {
        let (zh, en) = why.sentence();
        let mut cells: [Value; 10] = Default::default();
        cells[..4].clone_from_slice(&[json!("skipped"), json!(why.code()), json!(zh), json!(en)]);
        self.row(path, cells);
    }

    fn row(&mut self, path: &Path, rest: [Value; 10]) {
        let shown = show_path(path);
        let exact = shown.as_bytes() == path.as_os_str().as_bytes();
        let hex = if exact { Value::Null } else { json!(hex(path.as_os_str().as_bytes())) };
        let cells = std::iter::once(json!(shown)).chain(rest).chain([hex]);
        let written = match &mut self.rows {
            Rows::Csv(writer) => writer.write_record(cells.map(|cell| guarded(&cell))).map_err(io::Error::from),
            Rows::Json(file) => {
                let row: Map<String, Value> = COLUMNS.iter().map(|c| (*c).to_owned()).zip(cells).collect();
                let comma = if self.written == 0 { "\n" } else { ",\n" };
                write!(file, "{comma}{}", Value::Object(row))
            }
        };
        self.written += 1;
        if let Err(e) = written {
            self.broken.get_or_insert(e);
        }
    }

    /// Of a run that did not begin there is none.
    pub(crate) fn discard(self) {
        let _ = fs::remove_file(&self.part);
    }

    /// Ends the report and puts it in its place. `counts`: status → files.
    pub(crate) fn end(self, out: &Out, counts: &Value, interrupted: bool) -> Result<PathBuf, String> {
        let Self { path, part, rows, broken, .. } = self;
        let finish = || {
            let file = match rows {
                Rows::Csv(writer) => writer.into_inner().map_err(|e| io::Error::from(e.error().kind()))?,
                Rows::Json(mut file) => {
                    let tail = json!(now().to_micros());
                    write!(file, "\n],\"counts\":{counts},\"interrupted\":{interrupted},\"ended\":{tail}}}\n")?;
                    file
                }
            };
            broken.map_or(Ok(()), Err)?;
            file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
            fs::rename(&part, &path)
        };
        finish().map(|()| path.clone()).map_err(|e| {
            let _ = fs::remove_file(&part);
            out.text("report-unwritten", &[("path", show_path(&path).into()), ("reason", out.reason(&e).into())])
        })
    }
}

/// Paths of an earlier report's files that failed, or that the run did not come to.
pub(crate) fn to_retry(out: &Out, path: &Path) -> Result<Vec<PathBuf>, String> {
    let said = |id: &str, reason: String| out.text(id, &[("path", show_path(path).into()), ("reason", reason.into())]);
    let Some(kind) = kind(path) else {
        return Err(out.text("report-kind", &[("path", show_path(path).into())]));
    };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|f| f.take(MAX_REPORT + 1).read_to_end(&mut bytes))
        .map_err(|e| said("cannot-read", out.reason(&e)))?;
    if bytes.len() as u64 > MAX_REPORT {
        return Err(out
            .text("too-large", &[("path", show_path(path).into()), ("limit", (MAX_REPORT >> 20).to_string().into())]));
    }
    let rows = if kind == "csv" { from_csv(&bytes) } else { from_json(&bytes) };
    rows.map_err(|reason| said("report-unread", reason))
}

fn from_csv(bytes: &[u8]) -> Result<Vec<PathBuf>, String> {
    let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(bytes);
    let headers = reader.headers().map_err(|e| e.to_string())?.clone();
    let column = |name: &str| headers.iter().position(|h| h == name).ok_or_else(|| name.to_owned());
    let (file, status, hex) = (column("file")?, column("status")?, column("path_hex")?);
    let mut paths = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|e| e.to_string())?;
        let cell = |n: usize| row.get(n).unwrap_or_default();
        if due(cell(status)) {
            let shown = cell(file);
            paths.push(exact(shown.strip_prefix('\'').unwrap_or(shown), cell(hex))?);
        }
    }
    Ok(paths)
}

fn from_json(bytes: &[u8]) -> Result<Vec<PathBuf>, String> {
    #[derive(serde::Deserialize)]
    struct Whole {
        schema: String,
        files: Vec<Row>,
    }
    #[derive(serde::Deserialize)]
    struct Row {
        file: String,
        status: String,
        path_hex: Option<String>,
    }
    let whole: Whole = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
    if whole.schema != SCHEMA {
        return Err(whole.schema);
    }
    let failed = whole.files.into_iter().filter(|row| due(&row.status));
    failed.map(|row| exact(&row.file, row.path_hex.as_deref().unwrap_or_default())).collect()
}

fn due(status: &str) -> bool {
    matches!(status, "failed" | "interrupted")
}

fn exact(shown: &str, hex: &str) -> Result<PathBuf, String> {
    if hex.is_empty() {
        return Ok(PathBuf::from(shown));
    }
    let digits = |i: usize| hex.get(i..i + 2).and_then(|d| u8::from_str_radix(d, 16).ok());
    let bytes: Option<Vec<u8>> = (0..hex.len()).step_by(2).map(digits).collect();
    bytes.map(|b| OsString::from_vec(b).into()).ok_or_else(|| format!("path_hex {hex}"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// A table in memory: CSV as a report is.
pub(crate) struct Table(csv::Writer<Vec<u8>>);

impl Table {
    pub(crate) fn new(columns: &[&str]) -> Self {
        let mut table = Self(writing().from_writer(BOM.to_vec()));
        table.put(columns.iter().map(|c| (*c).to_owned()));
        table
    }

    pub(crate) fn row(&mut self, cells: &[Value]) {
        self.put(cells.iter().map(guarded));
    }

    /// Writing into memory does not fail.
    fn put(&mut self, cells: impl Iterator<Item = String>) {
        let _ = self.0.write_record(cells);
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap_or_default()
    }
}

fn writing() -> csv::WriterBuilder {
    let mut builder = csv::WriterBuilder::new();
    builder.quote_style(csv::QuoteStyle::Always).terminator(csv::Terminator::CRLF);
    builder
}

/// Record numbers of a report in JSON.
#[derive(serde::Deserialize)]
pub(crate) struct Ids {
    pub files: Vec<Id>,
}

/// Record number of a line in JSON.
#[derive(serde::Deserialize)]
pub(crate) struct Id {
    pub id: Option<String>,
}

/// Cells of one line of CSV.
pub(crate) fn cells(line: &str) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
    let record = reader.records().next().and_then(Result::ok).unwrap_or_default();
    record.iter().map(str::to_owned).collect()
}

/// One column of CSV with a header, as far as it can be read.
pub(crate) fn column(text: &str, name: &str) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let at = reader.headers().ok().and_then(|h| h.iter().position(|h| h == name));
    let rows = reader.records().map_while(Result::ok);
    rows.filter_map(|row| row.get(at?).map(str::to_owned)).collect()
}

/// A cell that no spreadsheet computes.
pub(crate) fn guarded(cell: &Value) -> String {
    let text = match cell {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let starts = |c: char| matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '\'' | '＝' | '＋' | '－' | '＠');
    if text.starts_with(starts) { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use locale::Locale;

    fn line(file: &[u8], status: &str) -> DepositLine {
        let path: PathBuf = OsString::from_vec(file.to_vec()).into();
        let file = path.to_string_lossy().into_owned();
        DepositLine { file, path, status: status.into(), ..DepositLine::default() }
    }

    #[test]
    fn what_failed_is_read_back_exactly_from_either_form() {
        let dir = tempfile::tempdir().unwrap();
        let out = Out::new(Locale::En);
        let names: [&[u8]; 6] = [
            b"/s/a.jpg",
            b"=cmd|' /C calc'!A0",
            b"'quoted",
            b"/s/a\nb",
            b"/s/\xff\xfe",
            "/s/\u{202e}x,\"杯\"".as_bytes(),
        ];
        for ending in ["csv", "json"] {
            let path = dir.path().join(format!("report.{ending}"));
            let mut report = Report::begin(&out, &path).unwrap();
            for name in names {
                report.line(&line(name, "failed"));
                report.line(&line(b"/s/good", "new"));
            }
            report.line(&line(b"/s/left", "interrupted"));
            report.passed(Path::new("/s/link"), Passed::Link);
            assert!(!path.exists(), "whole or not at all");
            report.end(&out, &json!({"failed": 6}), true).unwrap();
            let expected: Vec<PathBuf> =
                names.iter().chain([&b"/s/left"[..]].iter()).map(|n| OsString::from_vec(n.to_vec()).into()).collect();
            assert_eq!(to_retry(&out, &path).unwrap(), expected, "{ending}");
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
        let text = fs::read_to_string(dir.path().join("report.csv")).unwrap();
        assert!(text.starts_with('\u{feff}') && text.contains("\"'=cmd|") && !text.contains('\u{202e}'), "{text}");
        let whole: Value = serde_json::from_slice(&fs::read(dir.path().join("report.json")).unwrap()).unwrap();
        assert_eq!((&whole["interrupted"], &whole["files"][13]["code"]), (&json!(true), &json!("link")));
    }

    #[test]
    fn the_words_are_those_of_the_specification() {
        let spec = include_str!("../../../spec/report.md");
        let row = |line: &str| line.strip_prefix("| `")?.split_once('`').map(|(word, _)| word.to_owned());
        let (first, codes) = spec.split_once("| status | code |").unwrap();
        let mut words: Vec<String> = first.lines().filter_map(row).collect();
        words.sort();
        let mut ours: Vec<&str> =
            STATUSES.into_iter().filter(|s| *s != "unchanged").chain(["skipped", "erased"]).collect();
        ours.sort_unstable();
        assert_eq!(words, ours);
        use Passed::*;
        for why in [Hidden, Excluded, Link, Special, Data, Unfinished, Apart] {
            assert!(codes.contains(&format!("`{}`", why.code())), "{}", why.code());
        }
        COLUMNS.iter().for_each(|c| assert!(first.contains(&format!("`{c}`")), "{c}"));
    }

    #[test]
    fn no_cell_begins_a_formula() {
        for bad in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1", "'x"] {
            assert!(guarded(&json!(bad)).starts_with('\''), "{bad}");
        }
        assert_eq!(guarded(&json!("a=1")), "a=1");
        assert_eq!((guarded(&json!(7)), guarded(&Value::Null)), ("7".into(), String::new()));
    }

    #[test]
    fn what_is_no_report_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let out = Out::new(Locale::En);
        for (name, text) in
            [("a.csv", "x,y\n1,2\n"), ("b.json", "{}"), ("c.txt", ""), ("d.csv", "file,status,path_hex\na\n")]
        {
            fs::write(dir.path().join(name), text).unwrap();
            assert!(to_retry(&out, &dir.path().join(name)).is_err(), "{name}");
        }
        assert!(to_retry(&out, &dir.path().join("absent.csv")).is_err());
        assert!(Report::begin(&out, &dir.path().join("report.txt")).is_err());
    }
}
