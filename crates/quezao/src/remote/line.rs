//! A record as a server tells it, looked at before it is believed: its parts are printed, and become file names.

use super::{not_understood, printable};
use evidence::time::Utc;
use serde::Deserialize;
use serde_json::Value;
use service::{DepositLine, Error};

#[derive(Deserialize)]
struct Told {
    id: Option<String>,
    file: String,
    sha256: Option<String>,
    sm3: Option<String>,
    status: String,
    index: Option<u64>,
    record_sha256: Option<String>,
    size: Option<u64>,
    erased_at: Option<String>,
}

/// The line that an answer, or a part of one, tells.
pub(crate) fn line(value: &Value) -> service::Result<DepositLine> {
    let told = Told::deserialize(value).map_err(|_| not_understood())?;
    let digest = |text: &Option<String>| text.as_ref().is_none_or(|t| is_digest(t));
    let known = ["new", "existing", "pending", "erased"].contains(&told.status.as_str());
    if !known
        || told.id.as_deref().is_some_and(|id| !is_id(id))
        || ![&told.sha256, &told.sm3, &told.record_sha256].into_iter().all(digest)
    {
        return Err(not_understood());
    }
    let erased_at = told.erased_at.map(|at| Utc::parse_micros(&at)).transpose().map_err(|_| not_understood())?;
    Ok(DepositLine {
        erased_at,
        id: told.id,
        file: told.file,
        sha256: told.sha256,
        sm3: told.sm3,
        status: told.status,
        index: told.index,
        record_sha256: told.record_sha256,
        size: told.size,
        ..DepositLine::default()
    })
}

/// A record number: a UUID in lower case.
pub(crate) fn is_id(text: &str) -> bool {
    let dash = |n: usize| [8, 13, 18, 23].contains(&n);
    let fits = |(n, b): (usize, u8)| if dash(n) { b == b'-' } else { matches!(b, b'0'..=b'9' | b'a'..=b'f') };
    text.len() == 36 && text.bytes().enumerate().all(fits)
}

/// What the command line says of a number that names no record.
pub(crate) fn no_record(id: &str) -> Error {
    let shown = printable(id);
    Error::new(
        format!("没有编号为 {shown} 的记录；用 quezao list 查看全部"),
        format!("there is no record {shown}; quezao list shows them all"),
    )
}

pub(crate) fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_server_tells_is_looked_at() {
        let good = json!({"id": "01a20d51-07a2-7ef7-9aa6-6128256c1eaf", "file": "a", "sha256": "ab".repeat(32), "sm3": null,
            "status": "new", "index": 7, "record_sha256": null, "size": 1});
        let read = line(&good).expect("a line");
        assert_eq!((read.index, read.size), (Some(7), Some(1)));
        for (name, value) in [
            ("id", json!("../../etc/passwd")),
            ("id", json!("01A20D51-07a2-7ef7-9aa6-6128256c1eaf")),
            ("sha256", json!("\u{1b}")),
            ("status", json!("fine")),
            ("index", json!(-1)),
            ("file", json!(null)),
        ] {
            let mut bad = good.clone();
            bad[name] = value;
            assert!(line(&bad).is_err(), "{name}");
        }
    }
}
