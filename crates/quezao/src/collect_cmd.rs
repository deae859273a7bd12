//! `collect`: many records under one.

use crate::{
    args,
    list_cmd::instant,
    out::{Out, eights},
};
use service::{CollectLine, CollectRequest, Folder, Mode, Pick, show_path};
use std::path::Path;

pub(crate) fn collect(out: &Out, a: args::Collect) -> u8 {
    let pick = match (&a.since, a.last) {
        (Some(text), _) => match instant(text) {
            Some(at) => Pick::Since(at),
            None => return out.fail(&out.text("since-form", &[("value", show_path(Path::new(text)).into())])),
        },
        (None, Some(n)) => Pick::Last(usize::try_from(n).unwrap_or(usize::MAX)),
        (None, None) if a.all => Pick::All,
        (None, None) => Pick::Ids(a.ids),
    };
    let mut folder = match Folder::open(&a.data.data, Mode::Write) {
        Ok(folder) => folder,
        Err(e) => return out.refuse(&e),
    };
    out.warn(&folder.warnings);
    let request = CollectRequest { pick, title: a.collection_title, split: a.split };
    let lines = folder.collect(&request);
    match lines.and_then(|lines| folder.close().map(|()| lines)) {
        Ok(lines) => lines.iter().for_each(|line| if a.data.json { out.json(line) } else { print(out, line) }),
        Err(e) => return out.refuse(&e),
    }
    0
}

fn print(out: &Out, line: &CollectLine) {
    let number = |n: Option<u64>| n.map_or_else(|| "-".to_owned(), |n| n.to_string());
    let args = [
        ("items", number(line.items).into()),
        ("first", number(line.first).into()),
        ("last", number(line.last).into()),
    ];
    let (id, status) = (line.id.as_deref().unwrap_or("-"), out.text(&format!("status-{}", line.status), &[]));
    out.line(&format!("{id}  {:>6}  {status:<8}  {}", number(line.index), out.text("collect-listed", &args)));
    if let Some(sha256) = &line.sha256 {
        out.line(&format!("    manifest.jsonl SHA-256 {}", eights(sha256)));
    }
}
