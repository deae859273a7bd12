//! `compare`: a capture against the registered images, or against another capture; and the same figures again for a
//! stranger who verifies.

use crate::{
    args,
    out::{Out, both_times, eights, received},
};
use evidence::comparison::{Against, Comparison, Differences, Image, MAX_FACTS, NOTICE, Pair, Scan};
use service::{CompareEvent, CompareLine, CompareRequest, Folder, Mode, show_path};
use std::path::{Path, PathBuf};
use verify::Verdict;

/// Pairs and lines that are printed; the document has them all.
const MOST: usize = 20;

pub(crate) fn compare(out: &Out, a: args::Compare) -> u8 {
    let mut folder = match Folder::open(&a.data.data, Mode::Write) {
        Ok(folder) => folder,
        Err(e) => return out.refuse(&e),
    };
    out.warn(&folder.warnings);
    let bar = indicatif::ProgressBar::no_length();
    if let Ok(style) = indicatif::ProgressStyle::with_template("{bar:28} {pos}/{len}  {elapsed}  {msg}") {
        bar.set_style(style);
    }
    bar.set_message(out.text("compare-looking", &[]));
    let request = CompareRequest { id: a.id, with: a.with };
    let line = folder.compare(&request, &mut |event| match event {
        CompareEvent::Planned(pictures) => bar.set_length(pictures),
        CompareEvent::Looked => bar.inc(1),
    });
    bar.finish_and_clear();
    match line.and_then(|line| folder.close().map(|()| line)) {
        Ok(line) if a.data.json => out.json(&line),
        Ok(line) => print(out, &line),
        Err(e) => return out.refuse(&e),
    }
    0
}

/// The verdict on a comparison, with its distances computed again from the files that were given.
pub(crate) fn again(verdict: Verdict, files: &[PathBuf]) -> Verdict {
    match &verdict.facts.comparison {
        Some(document) if !files.is_empty() => {
            let found = service::distances_again(document, files);
            verdict.with_distances(found)
        }
        _ => verdict,
    }
}

fn print(out: &Out, line: &CompareLine) {
    let Some(document) = &line.document else { return };
    let url = document.capture.url.as_deref().unwrap_or(&line.capture);
    out.line(&format!("{}  {}", line.id.as_deref().unwrap_or("-"), show_path(Path::new(url))));
    if let Some(sha256) = &line.sha256 {
        out.line(&format!("    comparison.json SHA-256 {}", eights(sha256)));
    }
    match &document.against {
        Against::Registered(scan) => pairs(out, document, scan),
        Against::Earlier(earlier, differences) => changes(out, &earlier.record.id, differences),
    }
    for licence in document.licences.iter().flat_map(|l| &l.listed) {
        let said = verify::licence_words(licence, &document.capture);
        out.line(&format!("    {}", out.pick(&said.zh, &said.en)));
    }
    out.line("");
    out.line(&format!("    {}", out.pick(NOTICE.0, NOTICE.1)));
}

fn pairs(out: &Out, document: &Comparison, scan: &Scan) {
    let compared = scan.images.iter().filter(|i| i.result == "compared").count();
    let args = [
        ("images", scan.images_found.to_string().into()),
        ("compared", compared.to_string().into()),
        ("records", scan.records.to_string().into()),
        ("pictures", scan.compared.to_string().into()),
    ];
    out.line(&format!("    {}", out.text("compare-looked", &args)));
    if scan.pairs.is_empty() {
        return out.line(&format!("    {}", out.text("compare-none", &[])));
    }
    for pair in scan.pairs.iter().take(MOST) {
        if let Some(image) = scan.images.get(pair.image) {
            side_by_side(out, document, image, pair);
        }
    }
    more(out, scan.pairs_found, scan.pairs.len());
}

/// The page's image above, the registered one below, each with its time.
fn side_by_side(out: &Out, document: &Comparison, image: &Image, pair: &Pair) {
    let word = out.text(&format!("compare-{}", pair.similarity().as_str()), &[]);
    let how = pair.found.as_ref().map_or_else(String::new, |m| {
        let mut parts = String::new();
        if (m.page_part.as_str(), m.registered_part.as_str()) != ("whole", "whole") {
            let args = [("page", m.page_part.clone().into()), ("registered", m.registered_part.clone().into())];
            parts = format!("  {}", out.text("compare-parts", &args));
        }
        if m.mirrored {
            parts += &format!("  {}", out.text("compare-mirrored", &[]));
        }
        format!("dct-256 {}/256, gradient-512 {}/512{parts}", m.dct, m.gradient)
    });
    out.line("");
    out.line(&format!("    {}  {how}", out.paint("1", &word)));
    let place = image.place.map_or_else(
        || out.text("compare-no-place", &[]),
        |[x, y, w, h]| out.text("compare-place", &[("place", format!("{x}, {y}, {w} × {h}").into())]),
    );
    let time = |message: &str, id: &str| {
        let at = received(id).map_or_else(String::new, both_times);
        out.text(message, &[("time", at.into())])
    };
    let url = image.url.as_deref().unwrap_or("-");
    let (page, registered) = (out.text("compare-page", &[]), out.text("compare-registered", &[]));
    out.line(&format!("      {page}  {}", show_path(Path::new(url))));
    out.line(&format!("          {} × {} px, {place}", image.width, image.height));
    out.line(&format!("          SHA-256 {}", eights(&evidence::hex::encode(&image.sha256))));
    out.line(&format!("          {}", time("compare-captured", &document.capture.record.id)));
    out.line(&format!("      {registered}  {}", pair.record.record.id));
    out.line(&format!("          SHA-256 {}", eights(&evidence::hex::encode(&pair.record.sha256))));
    out.line(&format!("          {}", time("compare-recorded", &pair.record.record.id)));
}

fn changes(out: &Out, earlier: &str, differences: &Differences) {
    out.line(&format!("    {}", out.text("compare-against", &[("id", earlier.to_owned().into())])));
    match &differences.text {
        Some(text) => {
            let args = [
                ("added", text.added_found.to_string().into()),
                ("removed", text.removed_found.to_string().into()),
                ("unchanged", text.unchanged.to_string().into()),
            ];
            out.line(&format!("    {}", out.text("compare-lines", &args)));
            for (sign, lines, found) in [("−", &text.removed, text.removed_found), ("+", &text.added, text.added_found)]
            {
                lines.iter().take(MOST).for_each(|l| out.line(&format!("      {sign} {}", show_path(Path::new(l)))));
                more(out, found, lines.len());
            }
        }
        None => out.line(&format!("    {}", out.text("compare-no-text", &[]))),
    }
    let images = &differences.images;
    let args = [
        ("added", images.added_found.to_string().into()),
        ("removed", images.removed_found.to_string().into()),
        ("unchanged", images.unchanged.to_string().into()),
    ];
    out.line(&format!("    {}", out.text("compare-images", &args)));
    for fact in differences.facts.iter().flatten() {
        let shown = |text: &Option<String>| text.as_deref().map_or("-".into(), |t| show_path(Path::new(t)));
        let name = show_path(Path::new(&fact.name));
        out.line(&format!("      {name}: {} → {}", shown(&fact.earlier), shown(&fact.later)));
    }
    if differences.facts.as_ref().is_some_and(|facts| facts.len() == MAX_FACTS) {
        out.line(&format!("      {}", out.text("compare-facts-left", &[("n", MAX_FACTS.to_string().into())])));
    }
}

/// What is not printed here of `found`, and what of that the document does not list either.
fn more(out: &Out, found: u64, listed: usize) {
    let left = found.saturating_sub(listed.min(MOST) as u64);
    let unlisted = found.saturating_sub(listed as u64);
    let args = [("left", left.to_string().into()), ("unlisted", unlisted.to_string().into())];
    match (left, unlisted) {
        (0, _) => {}
        (_, 0) => out.line(&format!("      {}", out.text("compare-more", &args))),
        _ => out.line(&format!("      {}", out.text("compare-list-cut", &args))),
    }
}
