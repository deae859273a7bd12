//! A comparison's document on its record's page: numbers, never a finding.

use super::{
    layout::{mark_only, state as mark_with},
    words,
};
use crate::visit::Visit;
use evidence::{
    comparison::{Against, Changes, Comparison, Differences, MAX_FACTS, Pair, Scan, Similarity, State},
    hex,
};
use maud::{Markup, html};
use service::Verdict;

/// Pairs, or lines of a list of changes, that a page shows; the document has all.
const SHOWN: usize = 100;

/// Of a comparison whose document holds; else nothing.
pub(crate) fn section(visit: &Visit, verdict: &Verdict) -> Markup {
    let Some(document) = verdict.facts.comparison.as_deref() else { return html! {} };
    let capture = &document.capture.record.id;
    html! {
        section.sec aria-labelledby="compared" {
            div.h { h2 id="compared" { (visit.t("compare-found")) } p { (visit.t("compare-numbers")) } }
            div.stack-l {
                dl.facts {
                    dt { (visit.t("kind-capture")) }
                    dd { a.mono href=(format!("/deposits/{capture}/capture")) { (capture) } @if let Some(url) = &document.capture.url { span.soft.wrap { (url) } } }
                    dt { (visit.t("compare-at")) } dd { (words::time(document.compared_at)) }
                }
                @match &document.against {
                    Against::Registered(scan) => { (registered(visit, document, scan)) },
                    Against::Earlier(earlier, differences) => {
                        p { (visit.t("compare-earlier")) " " a.mono href=(format!("/deposits/{}/capture", earlier.record.id)) { (earlier.record.id) } }
                        (licences(visit, document))
                        (changed(visit, differences))
                    },
                }
            }
        }
    }
}

/// Licences that the document tells of, in the order of their records; nothing where it does not tell.
fn licences(visit: &Visit, document: &Comparison) -> Markup {
    let Some(licences) = &document.licences else { return html! {} };
    let more = licences.found.saturating_sub(licences.listed.len() as u64);
    html! {
        div {
            h3 { (visit.t("compare-licences")) }
            p.small.soft { (visit.t("compare-licences-hint")) }
            @if licences.listed.is_empty() { p { (visit.t("compare-no-licences")) } }
            ul.rows {
                @for licence in &licences.listed {
                    @let said = service::licence_words(licence, &document.capture);
                    @let state = licence.state(&document.capture);
                    @let (class, mark) = if state == State::Valid { ("ok", "ok") } else { ("low", "no") };
                    li {
                        div { a.t href=(format!("/licences/{}", licence.record.id)) { (licence.licensee) } span.m.wrap { (visit.pick(&said.zh, &said.en)) } }
                        (mark_with(class, mark, &visit.t(&format!("licence-{}", state.as_str()))))
                    }
                }
            }
            @if more > 0 { p.soft { (visit.tv("compare-licences-more", &[("n", locale::grouped(more).into())])) } }
        }
    }
}

fn registered(visit: &Visit, document: &Comparison, scan: &Scan) -> Markup {
    let compared = scan.images.iter().filter(|i| i.result == "compared").count() as u64;
    let counts = [
        ("images", locale::grouped(scan.images_found).into()),
        ("compared", locale::grouped(compared).into()),
        ("records", locale::grouped(scan.records).into()),
        ("registered", locale::grouped(scan.compared).into()),
    ];
    let n = [("n", locale::grouped(scan.pairs_found).into())];
    html! {
        (licences(visit, document))
        p { (visit.tv("compare-counts", &counts)) }
        @if scan.pairs.is_empty() { p { (visit.t("compare-no-pairs")) } }
        @else {
            p { (visit.tv("compare-pairs", &n)) }
            ul.rows.pic { @for pair in scan.pairs.iter().take(SHOWN) { (one(visit, document, scan, pair)) } }
            (left_out(visit, scan.pairs_found, scan.pairs.len().min(SHOWN), scan.pairs.len()))
        }
    }
}

fn one(visit: &Visit, document: &Comparison, scan: &Scan, pair: &Pair) -> Markup {
    let id = &pair.record.record.id;
    let image = scan.images.get(pair.image);
    let word = match pair.similarity() {
        Similarity::Identical => "alike-identical",
        Similarity::Close => "alike-close",
        Similarity::Possible => "alike-possible",
    };
    // Where the capture is another ledger's, its pictures are not here.
    let own = document.capture.record.ledger == pair.record.record.ledger;
    html! {
        li {
            @if pair.record.kind == "image" && own {
                img src=(format!("/deposits/{id}/picture.jpg")) alt=(visit.t("compared-registered")) width="72" height="54" loading="lazy";
            } @else { span.pageicon { svg aria-hidden="true" { use href="#i-hash" {} } } }
            div {
                a.t.mono href=(format!("/deposits/{id}")) { (id) }
                span.m { (visit.t(word)) @if let Some(found) = &pair.found {
                    (visit.pick("，", ", ")) (visit.tv("alike-distance", &[("dct", found.dct.to_string().into()), ("gradient", found.gradient.to_string().into())]))
                    @if found.mirrored { (visit.pick("，", ", ")) (visit.t("alike-mirrored")) }
                } }
                @if let Some(image) = image {
                    span.m.wrap { (visit.t("compare-on-page")) " " @match &image.url { Some(url) => (url), None => span.mono { (hex::encode(&image.sha256)) } } }
                }
            }
        }
    }
}

fn changed(visit: &Visit, differences: &Differences) -> Markup {
    html! {
        @if let Some(text) = &differences.text { (list(visit, "compare-text", text, Clone::clone)) }
        (list(visit, "compared-images", &differences.images, |sha256| hex::encode(sha256)))
        @if let Some(facts) = &differences.facts {
            div {
                h3 { (visit.t("capture-facts")) }
                @if facts.is_empty() { p.soft { (visit.t("compare-same")) } }
                dl.facts { @for fact in facts.iter().take(SHOWN) {
                    dt { (fact.name) }
                    dd.wrap { (fact.earlier.as_deref().unwrap_or("—")) " → " (fact.later.as_deref().unwrap_or("—")) }
                } }
                @if facts.len() == MAX_FACTS { p.small.soft { (visit.tv("compare-facts-cut", &[("n", MAX_FACTS.to_string().into())])) } }
            }
        }
    }
}

fn list<T>(visit: &Visit, name: &str, changes: &Changes<T>, text: impl Fn(&T) -> String) -> Markup {
    let n = [
        ("added", locale::grouped(changes.added_found).into()),
        ("removed", locale::grouped(changes.removed_found).into()),
        ("unchanged", locale::grouped(changes.unchanged).into()),
    ];
    let listed = changes.added.len() + changes.removed.len();
    let lines = changes.added.iter().map(|l| ("ok", "add", l)).chain(changes.removed.iter().map(|l| ("bad", "no", l)));
    html! {
        div {
            h3 { (visit.t(name)) }
            p.small.soft { (visit.tv("compare-changes", &n)) }
            ul.changes { @for (class, mark, line) in lines.take(SHOWN) {
                li.wrap { (mark_only(class, mark)) span.sr { (visit.t(&format!("compare-{mark}"))) } span { (text(line)) } }
            } }
            (left_out(visit, changes.added_found.saturating_add(changes.removed_found), listed.min(SHOWN), listed))
        }
    }
}

/// How many are not on the page, and how many of them are not in the document either.
fn left_out(visit: &Visit, found: u64, shown: usize, listed: usize) -> Markup {
    let n = [
        ("left", locale::grouped(found.saturating_sub(shown as u64)).into()),
        ("unlisted", locale::grouped(found.saturating_sub(listed as u64)).into()),
    ];
    html! {
        @if found > listed as u64 { p.small.soft { (visit.tv("compare-cut", &n)) } }
        @else if found > shown as u64 { p.small.soft { (visit.tv("compare-left", &n)) } }
    }
}
