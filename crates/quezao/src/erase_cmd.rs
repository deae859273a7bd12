//! `quezao erase`: what would be lost, a word of confirmation, and it is gone.

use crate::{args, out::Out};
use service::{ErasePlan, Folder, Mode, Sentence, show_path};
use std::{
    io::{self, BufRead, IsTerminal, Read},
    path::Path,
};

/// The keys of a line.
pub(crate) const KEYS: &[&str] = &["id", "status", "records", "lost", "stays"];
/// Longest answer that is read.
const MAX_ANSWER: u64 = 256;

pub(crate) fn erase(out: &Out, a: &args::Erase) -> u8 {
    let mode = if a.dry_run { Mode::Read } else { Mode::Maintain };
    let folder = match Folder::open(&a.data.data, mode) {
        Ok(folder) => folder,
        Err(e) => return out.refuse(&e),
    };
    out.warn(&folder.warnings);
    let plan = match folder.erase_plan(&a.id) {
        Ok(plan) => plan,
        Err(e) => return out.refuse(&e),
    };
    if !a.data.json || !a.dry_run {
        // Under --json the one line on stdout is the acknowledgement.
        tell(out, &plan, a.data.json);
    }
    if a.dry_run {
        if a.data.json {
            print(out, &a.id, "planned", &plan);
        } else {
            out.line(&out.text("erase-planned", &[]));
        }
        return 0;
    }
    if !a.yes && !confirmed(out, &a.id) {
        return out.fail(&out.text("erase-not-confirmed", &[("id", a.id.clone().into())]));
    }
    let done = folder.erase(&a.id).and_then(|plan| folder.close().map(|()| plan));
    match done {
        Ok(plan) if a.data.json => print(out, &a.id, "erased", &plan),
        Ok(_) => out.line(&out.text("erase-done", &[("id", a.id.clone().into())])),
        Err(e) => return out.refuse(&e),
    }
    0
}

fn print(out: &Out, id: &str, status: &str, plan: &ErasePlan) {
    let ErasePlan { records, lost, stays } = plan;
    out.json(&serde_json::json!({
        "id": id, "status": status, "records": records, "lost": lost, "stays": stays, "error": null,
    }));
}

/// What is erased, lost and kept: on stderr where stdout is for the one line.
fn tell(out: &Out, plan: &ErasePlan, aside: bool) {
    let say = |text: &str| if aside { out.note(text) } else { out.line(text) };
    say(&out.text("erase-records", &[]));
    for r in &plan.records {
        let index = r.index.map_or_else(|| "-".to_owned(), |i| i.to_string());
        say(&format!("  {}  {index:>6}  {:<10}  {}", r.id, r.kind, show_path(Path::new(&r.file))));
    }
    let list = |title: &str, sentences: &[Sentence]| {
        say(&out.text(title, &[]));
        sentences.iter().for_each(|s| say(&format!("  - {}", out.pick(&s.zh, &s.en))));
    };
    list("erase-lost", &plan.lost);
    list("erase-stays", &plan.stays);
}

/// Whether the record's number was typed.
pub(crate) fn confirmed(out: &Out, id: &str) -> bool {
    if io::stdin().is_terminal() {
        out.note(&out.text("erase-ask", &[]));
    }
    let mut answer = String::new();
    let read = io::BufReader::new(io::stdin().take(MAX_ANSWER)).read_line(&mut answer);
    read.is_ok() && answer.trim() == id
}
