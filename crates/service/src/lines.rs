//! What a run says of each name that it found: one line, whose words are those of spec/report.md.

use crate::{DepositLine, DepositRequest, Error, Event, Passed, Planned, error::show_path, intake, plan::Due};
use evidence::hex;
use std::path::{Path, PathBuf};
use store::Seen;

/// A path as lines carry it.
pub(crate) fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Something that is left out.
pub(crate) fn passed(path: PathBuf, why: Passed) -> Event {
    Event::Passed { absolute: absolute(&path), path, why }
}

/// The line of what cannot be recorded.
pub(crate) fn failed(path: &Path, error: &Error) -> DepositLine {
    DepositLine {
        file: shown(path),
        status: "failed".into(),
        error: Some(error.clone()),
        path: absolute(path),
        ..DepositLine::default()
    }
}

/// Of a file that looks as it did.
pub(crate) fn known(path: &Path, seen: Seen) -> DepositLine {
    use std::{ffi::OsString, os::unix::ffi::OsStringExt};
    DepositLine {
        id: Some(seen.id),
        file: shown(path),
        sha256: Some(hex::encode(&seen.sha256)),
        sm3: Some(hex::encode(&seen.sm3)),
        status: "existing".into(),
        index: seen.index,
        record_sha256: Some(hex::encode(&seen.record_digest)),
        warnings: if seen.differs { vec![other_claims()] } else { Vec::new() },
        path: OsString::from_vec(seen.path).into(),
        size: Some(seen.stamp.size),
        unread: true,
        ..DepositLine::default()
    }
}

/// What would become of a file.
pub(crate) fn dry(due: &Due) -> DepositLine {
    let line = match due.stamp.size {
        0 => failed(&due.path, &intake::empty(&due.path)),
        _ => DepositLine {
            file: shown(&due.path),
            status: if due.changed { "changed" } else { "planned" }.into(),
            ..DepositLine::default()
        },
    };
    DepositLine { path: due.key.clone(), size: Some(due.stamp.size), ..line }
}

/// These bytes are on record with other claims than this run makes.
pub(crate) fn other_claims() -> (String, String) {
    (
        "这些字节此前已登记，声明与这次不同；原记录不变。要另行登记请加 --again".into(),
        "these bytes are recorded already, with other claims; that record stands. Use --again to record them anew"
            .into(),
    )
}

/// No name was left to be registered.
pub(crate) fn nothing(request: &DepositRequest, planned: &Planned) -> Error {
    let shown: Vec<String> = request.paths.iter().map(|p| show_path(p)).collect();
    let passed: u64 = planned.passed.values().sum();
    Error::new(
        format!("在 {} 中没有找到要登记的文件（略过 {passed} 项：隐藏、排除、链接或特殊文件）", shown.join("、")),
        format!(
            "no files were found in {} ({passed} names were left out: hidden, excluded, links or special files)",
            shown.join(", ")
        ),
    )
}
