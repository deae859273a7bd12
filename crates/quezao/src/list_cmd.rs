//! `quezao list`: all records, or those of a time or name; as lines, JSON or a table.

use crate::{
    args::{Where, folders},
    folder_cmd::{print_line, read},
    out::{self, Out},
    remote::records,
    report::{self, Table},
};
use evidence::time::{SECOND, Utc};
use serde_json::json;
use service::{DepositLine, Filter};

/// Columns of `--csv`; scripts read them.
const COLUMNS: [&str; 9] = ["id", "file", "status", "index", "received_at", "size", "sha256", "sm3", "record_sha256"];

pub(crate) fn list(out: &Out, a: folders::List) -> u8 {
    let since = match a.since.as_deref().map(|text| instant(text).ok_or(text)).transpose() {
        Ok(since) => since,
        Err(text) => {
            let value = service::show_path(std::path::Path::new(text));
            return out.fail(&out.text("since-form", &[("value", value.into())]));
        }
    };
    let (patterns, parts): (Vec<String>, Vec<String>) =
        a.named.iter().cloned().partition(|name| name.contains(['*', '?', '[']));
    let parts: Vec<String> = parts.iter().map(|part| part.to_lowercase()).collect();
    let filter = match Filter::new(&patterns, &[]) {
        Ok(filter) => filter,
        Err(e) => return out.refuse(&e),
    };
    let named = |name: &str| {
        let lower = name.to_lowercase();
        parts.iter().any(|part| lower.contains(part)) || (!patterns.is_empty() && filter.names(name))
    };
    let wanted = |line: &DepositLine| {
        let at = line.id.as_deref().and_then(out::received);
        (a.named.is_empty() || named(&line.file)) && since.is_none_or(|since| at.is_some_and(|at| at >= since))
    };
    let json = a.place.json;
    let mut table = a.csv.then(|| Table::new(&COLUMNS));
    let mut take = |lines: Vec<DepositLine>| {
        for line in lines.iter().filter(|line| wanted(line)) {
            let Some(table) = &mut table else {
                print_line(out, line, json);
                continue;
            };
            let at = line.id.as_deref().and_then(out::received).map(Utc::to_micros);
            table.row(&[
                json!(line.id),
                json!(line.file),
                json!(line.status),
                json!(line.index),
                json!(at),
                json!(line.size),
                json!(line.sha256),
                json!(line.sm3),
                json!(line.record_sha256),
            ]);
        }
    };
    let code = match a.place.find(out) {
        Ok(Where::Folder(data)) => read(out, &data, |folder| {
            take(folder.list()?);
            Ok(0)
        }),
        Ok(Where::Server(server)) => records::list(&server, &mut take).map_or_else(|e| out.refuse(&e), |()| 0),
        Err(code) => code,
    };
    if let Some(table) = table.filter(|_| code == 0) {
        out.bytes(&table.into_bytes());
    }
    code
}

/// `2026-01-31`, `2026-01-31 10:00`, with or without seconds: China's time, which has had no summer time since 1991;
/// with `Z` UTC.
pub(crate) fn instant(text: &str) -> Option<Utc> {
    let (text, zone) = match text.strip_suffix('Z') {
        Some(text) => (text, 0),
        None => (text, 8 * 3600 * SECOND),
    };
    let (day, time) = text.split_once([' ', 'T']).unwrap_or((text, "00:00"));
    let seconds = if time.len() == 5 { ":00" } else { "" };
    Utc::parse_micros(&format!("{day}T{time}{seconds}.000000Z")).ok().map(|at| at.plus(-zone))
}

/// Record numbers in what `deposit`, `list` or a report wrote, or in plain lines; each once, in their order.
pub(crate) fn ids(text: &str) -> Vec<String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut seen = std::collections::BTreeSet::new();
    let found = if let Ok(whole) = serde_json::from_str::<report::Ids>(text) {
        whole.files.into_iter().filter_map(|row| row.id).collect()
    } else if text.lines().next().is_some_and(|head| report::cells(head).iter().any(|c| c == "id")) {
        report::column(text, "id")
    } else {
        let plain = |line: &str| match serde_json::from_str::<report::Id>(line) {
            Ok(row) => row.id,
            Err(_) => line.split_whitespace().next().map(str::to_owned),
        };
        text.lines().filter_map(plain).collect::<Vec<_>>()
    };
    found.into_iter().filter(|id| !id.is_empty() && seen.insert(id.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_china_s_unless_they_say_utc() {
        let utc = |text: &str| Utc::parse_micros(text).ok();
        assert_eq!(instant("2026-01-31"), utc("2026-01-30T16:00:00.000000Z"));
        assert_eq!(instant("2026-01-31 10:00"), utc("2026-01-31T02:00:00.000000Z"));
        assert_eq!(instant("2026-01-31T10:00:07Z"), utc("2026-01-31T10:00:07.000000Z"));
        for bad in ["", "yesterday", "2026-13-01", "2026-01-31 25:00", "31.01.2026", "2026-01-31T10:00+08:00"] {
            assert_eq!(instant(bad), None, "{bad}");
        }
    }

    #[test]
    fn record_numbers_are_found_in_every_form() {
        assert_eq!(ids("a\n\n b  7  2026\na\r\n"), ["a", "b"]);
        assert_eq!(ids("{\"id\":\"a\"}\n{\"id\":null}\n{\"id\":\"b\"}\n"), ["a", "b"]);
        assert_eq!(ids("\u{feff}\"file\",\"id\"\r\n\"x,\ny\",\"a\"\r\n\"z\",\"\"\r\n"), ["a"]);
        assert_eq!(ids("{\"schema\":\"s\",\"files\":[\n{\"id\":\"a\"},\n{\"id\":null}\n]}"), ["a"]);
        assert!(ids("").is_empty());
    }
}
