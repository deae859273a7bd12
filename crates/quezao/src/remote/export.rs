//! `export` through a server: the package comes whole, is looked at, and only then becomes files.

use super::{
    NOT_FOUND, Server,
    line::{is_id, no_record},
    not_understood, records,
};
use service::{DepositLine, Error, ExportLine, ExportRequest, write_whole};
use std::{
    io::{self, Read, Write},
    path::PathBuf,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

/// Longest package that is taken, in bytes: a capture's file inside has at most 192 MiB.
const MAX_PACKAGE: u64 = 320 << 20;
/// How often a record that waits for its seal is asked for.
const EVERY: Duration = Duration::from_millis(500);

/// Writes each record's files; `done` hears each line.
pub(crate) fn export(
    server: &Server,
    request: &ExportRequest,
    done: &mut dyn FnMut(&ExportLine),
) -> service::Result<()> {
    std::fs::create_dir_all(&request.output).map_err(|e| {
        let shown = service::show_path(&request.output);
        Error::new(format!("{shown}：无法建立（{e}）"), format!("{shown}: it cannot be made ({e})"))
    })?;
    for id in &request.ids {
        if request.stop.as_deref().is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            break;
        }
        match one(server, id, request) {
            Ok(files) => {
                files.into_iter().for_each(|file| done(&ExportLine { id: id.clone(), file: Some(file), error: None }))
            }
            Err(error) if error.code == super::UNUSABLE => return Err(error),
            Err(error) => done(&ExportLine { id: id.clone(), file: None, error: Some(error) }),
        }
    }
    Ok(())
}

fn one(server: &Server, id: &str, request: &ExportRequest) -> service::Result<Vec<PathBuf>> {
    if !is_id(id) {
        return Err(no_record(id));
    }
    let (kind, line) = sealed(server, id, request)?;
    let lang = if request.english { "en" } else { "zh" };
    let disclose = if request.full { "&disclose=full" } else { "" };
    let path = format!("/api/v1/deposits/{id}/package.zip?lang={lang}{disclose}");
    let package = server.bytes(&path, MAX_PACKAGE)?;
    let entries = looked_at(id, &line, &package)?;
    let entry = |name: &str| entries.iter().find(|(n, _)| n == name).map(|(_, bytes)| bytes);
    let full = if request.full { ".full" } else { "" };
    let mut files = Vec::new();
    for (suffix, bytes) in [("pdf", entry("certificate.pdf")), ("zip", Some(&package))] {
        let Some(bytes) = bytes else { continue };
        files.push(write_whole(&request.output.join(format!("{id}{full}.{suffix}")), |f| f.write_all(bytes))?);
    }
    let own = match kind.as_str() {
        "capture" => Some("capture.wacz"),
        "comparison" => Some("comparison.json"),
        _ => None,
    };
    // A larger file travels beside the package.
    if request.originals || own.is_some_and(|name| entry(name).is_none()) {
        files.push(original(server, id, &kind, &line, request)?);
    }
    Ok(files)
}

/// The record's kind and line, once it has its seal, or where none is asked for.
fn sealed(server: &Server, id: &str, request: &ExportRequest) -> service::Result<(String, DepositLine)> {
    let until = Instant::now() + Duration::from_secs(request.wait);
    loop {
        let shown = records::show(server, id)?;
        if shown.line.status != "pending" || request.pending {
            return Ok((shown.kind, shown.line));
        }
        let stopped = request.stop.as_deref().is_some_and(|stop| stop.load(Ordering::Relaxed));
        if stopped || Instant::now() >= until {
            let mut error = Error::new(
                format!("{id}：尚未封存；请稍后重试，或用 --pending 导出未封存的证据包"),
                format!("{id}: not sealed yet; try again later, or use --pending for a package without the seal"),
            );
            error.exit = 3;
            return Err(error);
        }
        std::thread::sleep(EVERY);
    }
}

/// The entries of a package that is about this record and no other, and holds together in itself: who may be trusted
/// is `verify`'s to say, under the reader's own trust.
fn looked_at(id: &str, line: &DepositLine, package: &[u8]) -> service::Result<Vec<(String, Vec<u8>)>> {
    let wrong =
        |zh: &str, en: &str| Error::new(format!("{id}：{zh}，没有写入"), format!("{id}: {en}; nothing was written"));
    let verdict = verify::check_package(package, &verify::Trust::default(), &[], crate::out::now());
    let facts = &verdict.facts;
    let about = facts.statement.as_ref().map(|s| s.id.as_str());
    if about != Some(id) {
        return Err(wrong("服务器给出的证据包不是这条记录的", "the server's package is not about this record"));
    }
    let digest = facts.record_sha256.map(|d| evidence::hex::encode(&d));
    if digest != line.record_sha256 || line.index.is_some_and(|index| facts.index != Some(index)) {
        return Err(wrong(
            "证据包与服务器所列的记录摘要或序号不同",
            "the package has another record digest or index than the server lists",
        ));
    }
    let broken = verdict.checks.iter().find(|c| c.required && c.result == verify::Outcome::Fail);
    if let Some(check) = broken {
        return Err(wrong(
            &format!("证据包自身不一致（{}：{}）", check.id, check.zh),
            &format!("the package does not hold together ({}: {})", check.id, check.en),
        ));
    }
    Ok(archive::package::read(package).map_err(|_| not_understood())?.entries.into_iter().collect())
}

/// The kept file, under the name that `export` gives it on a folder, its digest compared before it has that name.
fn original(
    server: &Server,
    id: &str,
    kind: &str,
    line: &DepositLine,
    request: &ExportRequest,
) -> service::Result<PathBuf> {
    let safe: String = line.file.chars().map(|c| if matches!(c, '/' | '\\' | ':' | '\0') { '_' } else { c }).collect();
    let name = match kind {
        "capture" => format!("{id}.wacz"),
        "comparison" => format!("{id}.comparison.json"),
        "collection" => format!("{id}.manifest.jsonl"),
        _ => format!("{id}-{safe}"),
    };
    let stream = server.stream(&format!("/api/v1/deposits/{id}/original")).map_err(|e| {
        if e.code == NOT_FOUND {
            Error::new(
                format!("{id}：原件未留存（登记时只有摘要）"),
                format!("{id}: the original was not kept (only its digests were taken)"),
            )
        } else {
            e
        }
    })?;
    let size = line.size.unwrap_or_default();
    let mut stream = stream.take(size.saturating_add(1));
    let mut digester = service::Digester::default();
    let wanted = line.sha256.clone();
    write_whole(&request.output.join(name), |file| {
        let mut buffer = vec![0; 256 << 10];
        loop {
            match stream.read(&mut buffer)? {
                0 => break,
                n => {
                    digester.update(&buffer[..n]);
                    file.write_all(&buffer[..n])?;
                }
            }
        }
        let got = std::mem::take(&mut digester).finish("").digests;
        if Some(evidence::hex::encode(&got.sha256)) != wanted || got.size != size {
            return Err(io::Error::other(
                "the server sent other bytes than were recorded · 服务器给出的字节与登记的不同",
            ));
        }
        Ok(())
    })
}
