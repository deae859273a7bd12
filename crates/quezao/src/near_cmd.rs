//! `find`, `admin similar`, and a word beside a verdict: which registered picture a file is, or looks like.

use crate::{
    args::near::{Find, Similar},
    folder_cmd::print_line,
    out::{self, Out},
};
use service::{Folder, Found, Mode, Near, show_path};
use std::path::{Path, PathBuf};
use verify::{Overall, Verdict};

/// Exit code where a file is none that is registered, nor like one: something is missing, nothing is wrong.
const NOTHING: u8 = 3;

pub(crate) fn find(out: &Out, a: &Find) -> u8 {
    let folder = match Folder::open(&a.data.data, Mode::Read) {
        Ok(folder) => folder,
        Err(e) => return out.refuse(&e),
    };
    out.warn(&folder.warnings);
    let mut codes = Vec::new();
    for (n, path) in a.pictures.iter().enumerate() {
        if a.pictures.len() > 1 && !a.data.json {
            out.line(&format!("{}{}", if n > 0 { "\n" } else { "" }, show_path(path)));
        }
        match folder.find(path, a.limit as usize) {
            Ok(found) => codes.push(print(out, path, &found, a.data.json)),
            Err(e) if a.data.json => {
                let mut line: serde_json::Map<_, _> =
                    KEYS.iter().map(|key| ((*key).to_owned(), serde_json::Value::Null)).collect();
                line.insert("query".into(), path.to_string_lossy().into());
                line.insert("error".into(), serde_json::json!(e));
                out.complain(out.pick(&e.zh, &e.en));
                out.json(&line);
                codes.push(e.exit);
            }
            Err(e) => {
                out.complain(out.pick(&e.zh, &e.en));
                codes.push(e.exit);
            }
        }
    }
    // What failed (2) outranks what was not found (3).
    codes.into_iter().filter(|code| *code > 0).min().unwrap_or(0)
}

/// The keys of a line of `find`.
pub(crate) const KEYS: &[&str] = &[
    "query",
    "id",
    "file",
    "sha256",
    "sm3",
    "status",
    "index",
    "record_sha256",
    "similarity",
    "size",
    "dct",
    "gradient",
    "mirrored",
    "part",
    "registered_part",
];

fn print(out: &Out, path: &Path, found: &Found, json: bool) -> u8 {
    for near in &found.near {
        if json {
            let mut line = serde_json::json!(near);
            line["query"] = path.to_string_lossy().into();
            out.json(&line);
        } else {
            print_line(out, &near.line, false);
            out.line(&format!("    {}", how(out, near)));
        }
    }
    out.warn(&found.warnings);
    let left = found.all.saturating_sub(found.near.len() as u64);
    if left > 0 {
        out.note(&out.text("find-more", &[("left", left.to_string().into())]));
    }
    if found.near.is_empty() {
        out.note(&out.text("find-none", &[]));
        return NOTHING;
    }
    0
}

/// The word, and what it rests on.
fn how(out: &Out, near: &Near) -> String {
    let word = out.paint("1", &out.text(&format!("compare-{}", near.similarity), &[]));
    let (Some(dct), Some(gradient)) = (near.dct, near.gradient) else { return word };
    let mut how = format!("{word}  dct-256 {dct}/256, gradient-512 {gradient}/512");
    if let (Some(part), Some(registered)) = (near.part, near.registered_part)
        && (part, registered) != ("whole", "whole")
    {
        how += &format!("  {}", out.text("find-parts", &[("part", part.into()), ("registered", registered.into())]));
    }
    if near.mirrored == Some(true) {
        how += &format!("  {}", out.text("compare-mirrored", &[]));
    }
    how
}

pub(crate) fn similar(out: &Out, command: &Similar) -> u8 {
    let Similar::Rebuild(a) = command;
    let folder = match Folder::open(&a.data, Mode::Write) {
        Ok(folder) => folder,
        Err(e) => return out.refuse(&e),
    };
    let bar = indicatif::ProgressBar::no_length();
    let rebuilt = folder.rebuild_similar(&mut |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    match rebuilt.and_then(|rebuilt| folder.close().map(|()| rebuilt)) {
        Ok(rebuilt) if a.json => {
            let mut line = serde_json::json!(rebuilt);
            line["error"] = serde_json::Value::Null;
            out.json(&line);
        }
        Ok(r) => {
            let number = |n: u64| n.to_string().into();
            let args = [
                ("pictures", number(r.pictures)),
                ("made", number(r.made)),
                ("kept", number(r.taken_over)),
                ("without", number(r.without)),
            ];
            out.line(&out.text("similar-rebuilt", &args));
        }
        Err(e) => return out.refuse(&e),
    }
    0
}

/// Of files that were given as originals and are not: which registered picture each of them is, or looks like. Nothing
/// but a word for whoever looks for the right file: the verdict stands.
pub(crate) fn beside_verdict(out: &Out, verdict: &Verdict, data: &Path, files: &[PathBuf]) -> Vec<String> {
    let own = verdict.facts.statement.as_ref().map(|s| s.id.as_str());
    if verdict.result != Overall::NotVerified || files.is_empty() || !data.join("quezao.db").is_file() {
        return Vec::new();
    }
    let folder = match Folder::open(data, Mode::Read) {
        Ok(folder) => folder,
        Err(e) => return vec![out.pick(&e.zh, &e.en).to_owned()],
    };
    let word = |path: &PathBuf| {
        let found = folder.find(path, 16).ok()?;
        if found.near.iter().any(|near| near.similarity == "identical" && near.line.id.as_deref() == own) {
            return None;
        }
        let near = found.near.first()?;
        let id = near.line.id.clone().unwrap_or_default();
        let time = out::received(&id).map_or_else(String::new, out::local_time);
        let args = [
            ("path", show_path(path).into()),
            ("name", show_path(Path::new(&near.line.file)).into()),
            ("size", size(near.size.unwrap_or_default()).into()),
            ("time", time.into()),
            ("id", id.into()),
        ];
        Some(out.text(&format!("near-{}", near.similarity), &args))
    };
    files.iter().filter_map(word).collect()
}

/// `3.2 MB`, in powers of a thousand.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{}.{} kB", bytes / 1_000, bytes % 1_000 / 100),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}
