//! `verify`: reads package, originals and trust from disk, asks `verify`, prints the verdict.

use crate::{
    args, compare_cmd, near_cmd,
    out::{Out, eights},
    sheets,
};
use archive::wacz::Source;
use evidence::{
    comparison::Comparison,
    digest, hex,
    statement::{Kind, Statement},
    time::Utc,
};
use locale::Locale;
use service::show_path;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};
use verify::{
    Artefact, Check, MAX_ARTEFACT, MAX_FILES, MAX_TRUST, Original, Outcome, Overall, Page, Sentence, Trust, Verdict,
};

/// Files of a collection that were not given, named one by one.
const MOST_OPEN: usize = 20;

pub(crate) fn verify(out: &Out, a: &args::Verify) -> u8 {
    let data = a.data.clone().or_else(|| std::env::var_os("QUEZAO_DATA").filter(|d| !d.is_empty()).map(PathBuf::from));
    let trust_dir = a.trust.clone().or_else(|| data.as_ref().map(|d| d.join("trust")));
    let run = || -> Result<Verdict, String> {
        let trust = match &trust_dir {
            Some(dir) => Trust::from_files(trust_files(out, dir)?).map_err(|e| trust_unusable(out, dir, &e))?,
            None => Trust::default(),
        };
        let originals = a.files.iter().map(|f| original(out, f)).collect::<Result<Vec<_>, _>>()?;
        let mut beside = own_file(&a.files);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros());
        let now = Utc(i64::try_from(now).unwrap_or(i64::MAX));
        let given = beside.as_mut().map(|f| f as &mut dyn Source);
        if a.package.is_dir() {
            let entries = files(out, &a.package, MAX_ARTEFACT, verify::is_entry)?.into_iter().collect();
            return Ok(verify::check_given(Artefact::Folder(&entries), &trust, &originals, given, now));
        }
        let bytes = bounded(out, &a.package, MAX_ARTEFACT)?;
        let verdict = verify::check_given(Artefact::File(&bytes), &trust, &originals, given, now);
        if !a.render {
            return Ok(verdict);
        }
        // Of a report it is the certificate inside whose page can be drawn again.
        let bytes = verify::reported(&bytes).unwrap_or(bytes);
        if verify::is_certificate(&bytes) {
            let beside = beside.as_mut().map(|f| f as &mut dyn Source);
            return Ok(verdict.with_page(page(&bytes, &a.files, beside)));
        }
        let carried = archive::package::read(&bytes).map(|p| p.entries).unwrap_or_default();
        let entry = |name: &str| carried.iter().find(|(n, _)| n == name).map(|(_, bytes)| bytes);
        let Some(pdf) = entry("certificate.pdf") else { return Ok(verdict) };
        let inside = entry("capture.wacz").or_else(|| entry("comparison.json"));
        let mut inside = inside.map(|bytes| archive::wacz::in_memory(bytes));
        let file = match (&mut inside, &mut beside) {
            (Some(bytes), _) => Some(bytes as &mut dyn Source),
            (None, Some(file)) => Some(file as &mut dyn Source),
            (None, None) => None,
        };
        Ok(verdict.with_page(page(pdf, &a.files, file)))
    };
    let verdict = match run() {
        Ok(verdict) => verdict,
        Err(e) => return out.fail(&e),
    };
    let verdict = compare_cmd::again(verdict, &a.files);
    if trust_dir.is_none() {
        out.note(&out.text("trust-hint", &[]));
    }
    // Only the folder's owner, whose trust this is too, is told what lies in it.
    let data = data.filter(|_| a.trust.is_none());
    let words = data.map_or_else(Vec::new, |data| near_cmd::beside_verdict(out, &verdict, &data, &a.files));
    if a.json {
        out.line(&verdict.to_json());
        words.iter().for_each(|word| out.note(word));
    } else {
        print(out, &verdict, trust_dir.as_deref());
        words.iter().for_each(|word| out.line(word));
    }
    verdict.code()
}

/// The record's own file among those that were given, by their leading bytes.
fn own_file(paths: &[PathBuf]) -> Option<File> {
    let head = |path: &PathBuf| {
        let mut found = Vec::new();
        File::open(path).and_then(|file| file.take(4).read_to_end(&mut found)).ok();
        found
    };
    let heads: Vec<Vec<u8>> = paths.iter().map(head).collect();
    let own = verify::own_file(&heads.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
    File::open(&paths[own]).ok()
}

pub(crate) fn sha256(path: &Path) -> Option<[u8; 32]> {
    service::digests(path, &mut |_| ()).ok().map(|d| d.sha256)
}

/// Draws the pages again: a capture's from its file, the screenshot included; an original that is a picture also has its
/// thumbnail made again.
fn page(pdf: &[u8], originals: &[PathBuf], wacz: Option<&mut dyn Source>) -> Page {
    let Ok(read) = archive::pdf::read(pdf) else {
        return Page::NotDrawn(Sentence::new(
            "证书格式不成立，未重新绘制。",
            "Not drawn again, as the form does not hold.",
        ));
    };
    let drawn = &pdf[..read.first];
    let entries: BTreeMap<String, Vec<u8>> = read.attachments.into_iter().collect();
    let statement = entries.get("statement.json").and_then(|b| Statement::parse(b).ok());
    let kind = statement.map(|s| s.kind);
    if kind.is_some_and(|k| matches!(k, Kind::Licence | Kind::Revocation | Kind::Confirmation)) {
        return sheets::licence(drawn, &entries);
    }
    let kind = kind.filter(|k| matches!(k, Kind::Capture | Kind::Comparison | Kind::Collection));
    let mut lacking = false;
    let again = match (kind, wacz) {
        (None, _) => certificate::redraw(drawn, &entries),
        (Some(Kind::Collection), _) => return sheets::page(drawn, &entries, originals),
        (Some(Kind::Comparison), Some(document)) => {
            let given: BTreeMap<[u8; 32], &PathBuf> = originals.iter().filter_map(|p| Some((sha256(p)?, p))).collect();
            let mut liken = |document: &Comparison| {
                let wanted = certificate::shown_pairs(document);
                let named = wanted.iter().map(|pair| pair.1).chain(wanted.first().map(|_| document.capture.sha256));
                lacking = named.into_iter().any(|digest| !given.contains_key(&digest));
                service::pair_pictures(document, &|digest| given.get(digest).map(|p| p.to_path_buf()))
            };
            certificate::redraw_comparison(drawn, &entries, document, &mut liken)
        }
        (Some(_), Some(file)) => certificate::redraw_capture(drawn, &entries, file, &mut service::page_pictures),
        (Some(_), None) => {
            return Page::NotDrawn(Sentence::new(
                "页面由记录自己的文件（capture.wacz 或 comparison.json）绘制；请一并给出。",
                "The pages are drawn from the record's own file (capture.wacz or comparison.json); give it along.",
            ));
        }
    };
    match again {
        Ok(again) if again == drawn => {}
        Ok(_) if lacking => {
            return Page::NotDrawn(Sentence::new(
                "比对页面上的图片由取证文件（WACZ）和登记的原件绘制；没有全部给出。",
                "The pictures on a comparison's pages are drawn from the capture's file (WACZ) and the registered originals; not all were given.",
            ));
        }
        Ok(_) => {
            return Page::Differs(Sentence::new(
                "由所附文件重新绘制的页面与证书中的页面不同：页面上的文字不可信。",
                "Drawn again from the attached files, the page is another one: what is printed cannot be relied on.",
            ));
        }
        Err(e) => {
            return Page::NotDrawn(Sentence::new(
                format!("此处无法重新绘制页面（{e}）。"),
                format!("The page cannot be drawn again here ({e})."),
            ));
        }
    }
    if kind.is_some() {
        return Page::Same;
    }
    let made = |path: &PathBuf| {
        let small = fs::metadata(path).is_ok_and(|m| m.len() <= MAX_ARTEFACT);
        let bytes = small.then(|| fs::read(path).ok()).flatten()?;
        picture::thumbnail(bytes, &picture::Limits::default()).ok()
    };
    let Some(printed) = certificate::thumbnail_in(drawn) else { return Page::Same };
    if originals.is_empty() {
        return Page::SameButThumbnail;
    }
    if originals.iter().any(|path| made(path).as_deref() != Some(printed)) {
        return Page::Differs(Sentence::new(
            "页面与所附文件一致，但缩略图不是由给出的原件生成的。",
            "The page agrees with the attached files, but its thumbnail was not made from the given original.",
        ));
    }
    Page::Same
}

pub(crate) fn explain(out: &Out, a: &args::Explain) -> u8 {
    let Some(e) = verify::explain(&a.check) else {
        return out.fail(&out.text("explain-unknown", &[("check", a.check.clone().into())]));
    };
    if a.json {
        out.json(&serde_json::json!({
            "id": a.check, "proves": {"zh": e.proves_zh, "en": e.proves_en},
            "does_not_prove": {"zh": e.not_zh, "en": e.not_en}, "to_do": {"zh": e.todo_zh, "en": e.todo_en}, "error": null,
        }));
        return 0;
    }
    let parts = [
        ("explain-proves", e.proves_zh, e.proves_en),
        ("explain-not", e.not_zh, e.not_en),
        ("explain-do", e.todo_zh, e.todo_en),
    ];
    for (title, zh, en) in parts {
        out.line(&format!("{}\n  {}", out.text(title, &[]), out.pick(zh, en)));
    }
    0
}

/// What a trust folder is read for.
pub(crate) fn trust_files(out: &Out, dir: &Path) -> Result<Vec<(String, Vec<u8>)>, String> {
    files(out, dir, MAX_TRUST, verify::is_trust)
}

pub(crate) fn trust_unusable(out: &Out, dir: &Path, e: &verify::TrustError) -> String {
    let file = show_path(&dir.join(&e.file));
    let (zh, en) = (e.reason.zh(), e.reason.to_string());
    let reason = show_path(Path::new(out.pick(&zh, &en)));
    out.text("trust-unusable", &[("file", file.into()), ("reason", reason.into())])
}

/// The phrase first, then the questions, then what was and was not shown, then whose trust it was.
fn print(out: &Out, verdict: &Verdict, trust: Option<&Path>) {
    let (mark, colour, phrase) = match verdict.result {
        Overall::Verified if verdict.has_reservations() => ("◪", "33", "verdict-reserved"),
        Overall::Verified => ("✓", "32", "verdict-verified"),
        Overall::NotVerified => ("✗", "31", "verdict-not-verified"),
        Overall::Incomplete => ("☐", "33", "verdict-incomplete"),
    };
    out.line(&out.paint(&format!("1;{colour}"), &format!("{mark} {}", out.text(phrase, &[]))));
    out.line("");
    // Of a long list the first files that were not given are named, the others counted.
    let open = |c: &&Check| c.id.starts_with("collection-file-") && c.result == Outcome::NotChecked;
    let hidden: Vec<&str> = verdict.checks.iter().filter(open).skip(MOST_OPEN).map(|c| c.id.as_str()).collect();
    for check in verdict.checks.iter().filter(|c| !hidden.contains(&c.id.as_str())) {
        print_check(out, check);
    }
    if !hidden.is_empty() {
        out.line(&out.text("collection-more", &[("left", hidden.len().to_string().into())]));
    }
    for (title, sentences) in [("shows", &verdict.shows), ("does-not-show", &verdict.does_not_show)] {
        if !sentences.is_empty() {
            out.line(&format!("\n{}", out.text(title, &[])));
        }
        for s in sentences {
            out.line(&format!("  — {}", out.pick(&s.zh, &s.en)));
        }
    }
    if !verdict.facts.guides.is_empty() {
        out.line("");
    }
    // They tell a reader what to do, so he should know whose words and whose program they are.
    for (name, sha256) in &verdict.facts.guides {
        let own = *name == "verify.py" && *sha256 == digest::sha256(archive::VERIFY_PY);
        let id = if own { "guide-own" } else { "guide" };
        let sha256 = eights(&hex::encode(sha256));
        out.line(&out.text(id, &[("name", name.clone().into()), ("sha256", sha256.into())]));
    }
    let roots =
        trust.map_or_else(|| out.text("trust-none", &[]), |t| out.text("trust-used", &[("path", show_path(t).into())]));
    out.line(&format!("\n{roots}"));
}

fn print_check(out: &Out, check: &Check) {
    let (mark, colour, word) = match check.result {
        Outcome::Pass => ("✓", "32", "result-pass"),
        Outcome::Limited => ("◪", "33", "result-limited"),
        Outcome::NotChecked => ("☐", "33", "result-not-checked"),
        Outcome::Fail => ("✗", "31", "result-fail"),
    };
    let mut word = out.text(word, &[]);
    // Ideographs are as wide as an ideographic space, letters as a space.
    let (fill, width) = if out.locale == Locale::Zh { ('\u{3000}', 3) } else { (' ', 11) };
    word.extend(std::iter::repeat_n(fill, width - word.chars().count().min(width)));
    out.line(&format!("{} {word}  {:<18} {}", out.paint(colour, mark), check.id, out.pick(&check.zh, &check.en)));
    if check.result == Outcome::Fail {
        for (name, value) in [("expected", &check.expected), ("found", &check.found)] {
            if let Some(value) = value {
                out.line(&format!("      {} {}", out.text(name, &[]), grouped(value)));
            }
        }
    }
}

/// A lone digest stands in eights; everything else as it is.
fn grouped(value: &str) -> String {
    let digest = value.len() == 64 && value.bytes().all(|b| b.is_ascii_hexdigit());
    if digest { eights(value) } else { value.to_owned() }
}

/// Regular files directly in a folder, by name, as far as they are wanted.
fn files(out: &Out, dir: &Path, limit: u64, wanted: impl Fn(&str) -> bool) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for entry in fs::read_dir(dir).map_err(|e| cannot_read(out, dir, &e))? {
        let entry = entry.map_err(|e| cannot_read(out, dir, &e))?;
        let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
        if wanted(&name) && path.is_file() {
            found.push((name, path));
        }
        if found.len() > MAX_FILES {
            let args = [("path", show_path(dir).into()), ("limit", MAX_FILES.to_string().into())];
            return Err(out.text("too-many", &args));
        }
    }
    found.sort();
    let mut left = MAX_ARTEFACT;
    let mut read = Vec::with_capacity(found.len());
    for (name, path) in found {
        let bytes = bounded(out, &path, limit.min(left))?;
        left = left.saturating_sub(bytes.len() as u64);
        read.push((name, bytes));
    }
    Ok(read)
}

fn bounded(out: &Out, path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| cannot_read(out, path, &e))?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|e| cannot_read(out, path, &e))?;
    if bytes.len() as u64 > limit {
        let args = [("path", show_path(path).into()), ("limit", (limit >> 20).to_string().into())];
        return Err(out.text("too-large", &args));
    }
    Ok(bytes)
}

/// An original of any size, with a bar where it takes a while.
fn original(out: &Out, path: &Path) -> Result<Original, String> {
    let total = fs::metadata(path).map_err(|e| cannot_read(out, path, &e))?.len();
    let progress = if total > 100 << 20 { out.bar(total) } else { indicatif::ProgressBar::hidden() };
    let digests = service::digests(path, &mut |n| progress.inc(n));
    progress.finish_and_clear();
    let digests = digests.map_err(|e| out.pick(&e.zh, &e.en).to_owned())?;
    Ok(Original { name: show_path(path), digests })
}

fn cannot_read(out: &Out, path: &Path, error: &std::io::Error) -> String {
    let args = [("path", show_path(path).into()), ("reason", out.reason(error).into())];
    out.text("cannot-read", &args)
}
