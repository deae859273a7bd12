//! One record: picture, verdict line by line, time line, digests, claims, downloads.

use super::{
    Shown, compared,
    layout::{Frame, Nav, draw, mark_only},
    library, licences, share, shops, words,
};
use crate::{
    app::App,
    enter::IntoAnswer,
    problem,
    visit::{Query, Visit},
};
use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use evidence::{
    json::Value,
    statement::{Custody, Kind, RIGHTS},
    time::Utc,
};
use maud::{Markup, html};
use service::{Check, Outcome, Overall, Permission, Shown as Record, Verdict};
use std::collections::BTreeMap;

/// A capture's claims, shown after the rights.
pub(crate) const CAPTURED: &[&str] = &["url", "final_url", "page_title", "purpose", "outcome"];

pub(crate) async fn page(State(app): State<App>, Path(id): Path<String>, visit: Visit) -> Shown {
    show(&app, &visit, &id, None).await
}

/// The page, with what became of its form about links.
pub(crate) async fn show(app: &App, visit: &Visit, id: &str, made: Option<share::Made<'_>>) -> Shown {
    let (actor, wanted) = (visit.actor.clone(), id.to_owned());
    let asked = app.work(move |folder| {
        let record = folder.shown(&actor, &wanted)?;
        let links = match record.verdict.is_some() && folder.can(&actor, Permission::Share) {
            true => {
                Some(share::Links { open: folder.shareable(&actor, &wanted)?, all: folder.links(&actor, &wanted)? })
            }
            false => None,
        };
        let made_for = folder.shops_of(&actor, &wanted)?;
        let shops = if folder.can(&actor, Permission::Account) { folder.shops(&actor)? } else { Vec::new() };
        let licensable = folder.can(&actor, Permission::Licences)
            && ["image", "file", "digest", "collection"].contains(&record.kind.as_str());
        let licensed = match licensable && record.index.is_some() {
            true => Some(folder.licences_naming(&actor, &wanted)?),
            false => None,
        };
        Ok((record, links, made_for, shops, licensed))
    });
    let (record, links, made_for, shops, licensed) = asked.await.map_err(IntoAnswer::into_answer)?;
    let text = |name: &str| record.claims.get(name).and_then(Value::as_str).map(str::to_owned);
    let title = text("title").or_else(|| text("page_title")).unwrap_or_else(|| record.file_name.clone());
    let body = html! {
        header.page-head {
            p.crumb { a href="/library" { (visit.t("portal-nav-library")) } }
            h1 { (title) }
            p.lead { span.nb { (visit.t("deposit-id")) } " " span.mono { (record.id) } }
        }
        div.cols.wide-l.lead-cols {
            (picture(visit, &record))
            div.stack-l {
                @if let Some(verdict) = &record.verdict {
                    (seal(visit, verdict))
                    (times(visit, verdict))
                    p.soft.small { (visit.t("deposit-trust")) " " a href="#checks" { (visit.t("deposit-line-by-line")) } }
                } @else if record.record_sha256.is_none() {
                    p { (visit.t("deposit-unstamped")) }
                } @else {
                    p { (visit.t("deposit-not-yet")) }
                }
                @if let Some(at) = record.discarded { p.note { (visit.t("capture-discarded")) " " (words::time(at)) } }
                div.acts {
                    @if record.kind != "order" && record.verdict.is_some() && record.discarded.is_none() {
                        a.btn.main href=(format!("/deposits/{}/certificate.pdf?lang={}", record.id, visit.pick("zh", "en"))) {
                            svg aria-hidden="true" { use href="#i-down" {} } (visit.t("deposit-certificate"))
                        }
                    }
                    @if record.kind == "capture" { a.btn href=(format!("/deposits/{}/capture", record.id)) { (visit.t("capture-look")) } }
                    @if record.verdict.is_some() && links.is_some() { a.btn href="#share" { (visit.t("share-title")) } }
                }
            }
        }
        @if let Some(verdict) = &record.verdict { (compared::section(visit, verdict)) (line(visit, &record, verdict)) }
        (digests(visit, &record))
        (claims(visit, &record))
        (downloads(visit, &record))
        @if let Some(licensed) = &licensed { (licences::section(visit, &record.id, licensed)) }
        @if let Some(links) = &links { (share::section(visit, &record, links, made)) }
        (shops::section(visit, &record.id, &made_for, &shops))
        @if let Some(verdict) = &record.verdict { (answers(visit, verdict)) }
        p.small { a href=(format!("/deposits/{}/erase", record.id)) { (visit.t("erasing-link")) } }
    };
    let status = made.and_then(|made| made.err()).map_or(StatusCode::OK, problem::status);
    Ok(draw(visit, Frame { title: &title, nav: Nav::Library, status }, body))
}

fn picture(visit: &Visit, record: &Record) -> Markup {
    let held = if record.held { "deposit-held" } else { "deposit-not-held" };
    html! {
        figure {
            @if record.kind == "image" && record.held {
                div.frame { img src=(format!("/deposits/{}/picture.jpg", record.id)) alt=(visit.t("deposit-picture")); }
            } @else {
                div.frame.none { svg aria-hidden="true" { use href=(library::icon(&record.kind)) {} } p { (visit.t(&format!("kind-{}", record.kind))) } }
            }
            figcaption {
                (record.file_name)
                @if let Some(size) = record.size { ", " (visit.tv("deposit-bytes", &[("n", locale::grouped(size).into())])) }
                " · " (visit.t(held))
            }
        }
    }
}

/// The large phrase. Three seals that differ by shape.
pub(crate) fn seal(visit: &Visit, verdict: &Verdict) -> Markup {
    let (class, seal, phrase, object) = match verdict.result {
        Overall::Verified if verdict.has_reservations() => ("res", "seal-res", "verdict-reserved", "verdict-object"),
        Overall::Verified => ("ok", "seal-ok", "verdict-consistent", "verdict-object"),
        Overall::NotVerified => ("bad", "seal-bad", "verdict-not-consistent", "verdict-object-bad"),
        Overall::Incomplete => ("wait", "seal-wait", "verdict-lacking", "verdict-object-lacking"),
    };
    html! {
        div.(format!("verdict small {class}")) {
            svg aria-hidden="true" { use href=(format!("#i-{seal}")) {} }
            div { p.phrase { (visit.t(phrase)) } p.object { (visit.t(object)) } }
        }
    }
}

pub(crate) fn times(visit: &Visit, verdict: &Verdict) -> Markup {
    let facts = &verdict.facts;
    html! {
        @if let Some(t2) = &facts.t2 {
            div {
                p.soft.small { (visit.t("deposit-sealed-by")) }
                p.date { (words::time(t2.by())) }
                p.m { (t2.authority) ", " (visit.t(if t2.independent { "authority-independent" } else { "authority-own" })) }
            }
        }
        @if let Some(t1) = &facts.t1 {
            p { (visit.t("deposit-existed-by")) " " (words::time(t1.by())) }
        }
    }
}

/// One step of the time line.
struct Moment {
    at: Option<Utc>,
    /// As a file says it, where nobody knows which zone it means.
    said: Option<String>,
    mark: &'static str,
    title: String,
    note: String,
}

fn line(visit: &Visit, record: &Record, verdict: &Verdict) -> Markup {
    let facts = &verdict.facts;
    let own = |independent: bool| if independent { ("ok", "authority-independent") } else { ("res", "authority-own") };
    let moment = |at: Option<Utc>, mark, title, note| Moment { at, said: None, mark, title, note };
    let said = record.own_dates.iter().map(|(source, said)| Moment {
        said: Some(said.clone()),
        ..moment(None, "wait", visit.t("line-own"), visit.tv("line-own-note", &[("source", source.as_str().into())]))
    });
    let mut moments: Vec<Moment> = said.collect();
    moments.push(moment(Some(record.received_at), "wait", visit.t("line-received"), visit.t("line-received-note")));
    if let Some(t1) = &facts.t1 {
        let (mark, word) = own(t1.independent);
        let note = format!("{}, {}", t1.authority, visit.t(word));
        moments.push(moment(Some(t1.at), mark, visit.t("line-token"), note));
    }
    if let (Some(index), Some((_, size, _))) = (facts.index, &facts.checkpoint) {
        let (index, size) = (locale::grouped(index), locale::grouped(*size));
        let (title, note) = (("index", index.into()), ("size", size.into()));
        moments.push(moment(None, "ok", visit.tv("line-ledger", &[title]), visit.tv("line-ledger-note", &[note])));
    }
    for witness in &facts.witnesses {
        let at = i64::try_from(witness.unix_seconds).ok().map(|s| Utc(s.saturating_mul(evidence::time::SECOND)));
        moments.push(moment(at, "ok", visit.t("line-witness"), witness.name.clone()));
    }
    match &facts.t2 {
        Some(t2) => {
            let (mark, word) = own(t2.independent);
            let note = format!("{}, {}", t2.authority, visit.t(word));
            moments.push(moment(Some(t2.at), mark, visit.t("line-sealed"), note));
        }
        None => moments.push(moment(None, "wait", visit.t("standing-waiting"), visit.t("line-waiting-note"))),
    }
    html! {
        section.sec aria-labelledby="line" {
            div.h { h2 id="line" { (visit.t("line-title")) } p { (visit.t("line-hint")) } }
            ol.line {
                @for m in moments {
                    li {
                        (mark_only(m.mark, m.mark))
                        div {
                            @if let Some(at) = m.at { (words::time(at)) (words::utc(at)) }
                            @if let Some(said) = &m.said { span.said { (said) } span.said.soft { (visit.t("line-own-words")) } }
                        }
                        div { p.t { (m.title) } p.m { (m.note) } }
                    }
                }
            }
        }
    }
}

fn digests(visit: &Visit, record: &Record) -> Markup {
    three_digests(visit, record.sha256.as_deref(), record.sm3.as_deref(), record.record_sha256.as_deref())
}

/// The file's two and the record's one.
pub(crate) fn three_digests(visit: &Visit, sha256: Option<&str>, sm3: Option<&str>, record: Option<&str>) -> Markup {
    let copy = visit.t("portal-copy");
    html! {
        section.sec aria-labelledby="digests" {
            h2 id="digests" { (visit.t("digests-title")) }
            dl.facts {
                @if let Some(sha256) = sha256 { dt { "SHA-256" } dd { (words::digest(sha256, &copy)) } }
                @if let Some(sm3) = sm3 { dt { "SM3" } dd { (words::digest(sm3, &copy)) } }
                @if let Some(record) = record {
                    dt { (visit.t("digests-record")) }
                    dd { (words::digest(record, &copy)) span.soft { (visit.t("digests-record-note")) } }
                }
            }
        }
    }
}

/// How an owner's name came to be known, (zh, en) where a record says who established it: nothing else of what the owner
/// said was looked at.
pub(super) fn named(visit: &Visit, established: Option<&(String, String)>) -> Markup {
    html! {
        @match established {
            Some((zh, en)) => span.soft { (visit.tv("claims-owner-established", &[("said", visit.pick(zh, en).into())])) },
            None => span.soft { (visit.t("claims-owner-note")) },
        }
    }
}

/// The same from a verdict.
pub(super) fn named_in(visit: &Visit, verdict: Option<&Verdict>) -> Markup {
    let facts = verdict.map(|verdict| &verdict.facts);
    let attested = facts.and_then(|facts| facts.related.iter().find(|r| r.kind == Kind::Attestation));
    named(visit, attested.map(|attested| attested.said()).as_ref())
}

fn claims(visit: &Visit, record: &Record) -> Markup {
    let text = |name: &str| record.claims.get(name).and_then(Value::as_str);
    let is_page = ["capture", "order"].contains(&record.kind.as_str());
    let rows = RIGHTS.iter().chain(CAPTURED).filter(|name| record.claims.contains_key(**name));
    html! {
        section.sec aria-labelledby="claims" {
            h2 id="claims" { (visit.t("claims-title")) }
            dl.facts {
                dt { (visit.t("claims-owner")) }
                dd {
                    (text("owner_name").unwrap_or_default())
                    @if let Some(code) = text("owner_code").or(text("owner_id_masked")) { "　" span.nb { (code) } }
                    (named_in(visit, record.verdict.as_ref()))
                }
                dt { (visit.t("claims-acting")) }
                dd { @if let Some(name) = text("acting_account") { (name) } @else { span.soft { (visit.t("claims-command-line")) } } }
                @for name in rows {
                    dt { (visit.t(&format!("claim-{name}"))) }
                    @match text(name) {
                        Some(value) => dd.wrap { (claimed(visit, name, value)) },
                        None => dd.soft { (visit.t(if is_page { "claims-none" } else { "claims-undeclared" })) },
                    }
                }
                @if let Some(statement) = record.verdict.as_ref().and_then(|v| v.facts.statement.as_ref()) {
                    @if let Some(file) = &statement.file {
                        dt { (visit.t("claims-custody")) }
                        dd { (visit.t(match file.custody { Custody::Held => "custody-held", Custody::Read => "custody-read", Custody::Declared => "custody-declared" })) "　" span.mono { (file.media_type) } }
                    }
                    dt { (visit.t("home-ledger")) }
                    dd { (visit.runs) span.soft.mono { (statement.ledger) } }
                }
                @if let Some(earlier) = record.earlier {
                    dt { (visit.t("claims-earlier")) }
                    dd {
                        @if earlier == 0 { (visit.t("claims-earlier-none")) } @else { (visit.tv("claims-earlier-some", &[("n", locale::grouped(earlier).into())])) }
                        span.soft { (visit.t("claims-earlier-note")) }
                    }
                }
            }
        }
    }
}

/// A claim's value; words of a closed list in the reader's language.
pub(crate) fn claimed(visit: &Visit, name: &str, value: &str) -> String {
    match name {
        "work_origin" => visit.t(&format!("origin-{value}")),
        "purpose" => visit.t(&format!("purpose-{value}")),
        "outcome" => visit.t(&format!("outcome-{value}")),
        _ => value.to_owned(),
    }
}

fn downloads(visit: &Visit, record: &Record) -> Markup {
    let at = |part: &str| format!("/deposits/{}/{part}", record.id);
    let proved = record.verdict.is_some() && record.discarded.is_none();
    let row = |href: String, title: &str, note: &str| {
        html! {
            li { div { a.t href=(href) { (visit.t(title)) } span.m { (visit.t(note)) } } a.btn.slim href=(href) { (visit.t("deposit-download")) } }
        }
    };
    html! {
        section.sec aria-labelledby="downloads" {
            div.h { h2 id="downloads" { (visit.t("downloads-title")) } p { (visit.t("downloads-hint")) } }
            div.stack {
                ul.rows {
                    @if record.kind != "order" && proved {
                        (row(at("certificate.pdf?lang=zh"), "downloads-certificate-zh", "downloads-certificate-note"))
                        (row(at("certificate.pdf?lang=en"), "downloads-certificate-en", "downloads-certificate-note"))
                    }
                    @if proved {
                        (row(at(&format!("package.zip?lang={}", visit.pick("zh", "en"))), "downloads-package", "downloads-package-note"))
                    }
                    @if record.held {
                        (row(at("original"), if record.kind == "capture" { "downloads-wacz" } else { "downloads-original" }, "downloads-original-note"))
                    }
                }
                @if !record.parts.is_empty() {
                    details.parts {
                        summary { (visit.t("downloads-parts")) }
                        ul.plain {
                            @for part in &record.parts { li { a.mono href=(at(&format!("parts/{part}"))) { (part) } } }
                        }
                    }
                }
            }
        }
    }
}

/// The verdict line by line, then what it shows and what it does not.
pub(crate) fn answers(visit: &Visit, verdict: &Verdict) -> Markup {
    html! {
        section.sec aria-labelledby="checks" {
            div.h { h2 id="checks" { (visit.t("checks-title")) } p { (visit.t("checks-hint")) } }
            ol.checks { @for check in &verdict.checks { (answer(visit, check)) } }
        }
        @if !verdict.shows.is_empty() {
            section.sec aria-labelledby="shows" {
                h2 id="shows" { (visit.t("shows-title")) }
                ul.plain.measure { @for s in &verdict.shows { li { (visit.pick(&s.zh, &s.en)) } } }
            }
        }
        section.sec aria-labelledby="cannot" {
            h2 id="cannot" { (visit.t("cannot-title")) }
            ul.plain.measure { li { (visit.t("cannot-operator")) } li { (visit.t("cannot-before")) } }
        }
        section.sec.last aria-labelledby="does-not" {
            h2 id="does-not" { (visit.t("does-not-title")) }
            ul.plain.measure { @for s in &verdict.does_not_show { li { (visit.pick(&s.zh, &s.en)) } } }
        }
    }
}

/// One line of a verdict, to be opened.
pub(crate) fn answer(visit: &Visit, check: &Check) -> Markup {
    let (class, mark, word) = match check.result {
        Outcome::Pass => ("ok", "ok", "result-holds"),
        Outcome::Limited => ("res", "res", "result-reserved"),
        Outcome::NotChecked => ("wait", "wait", "result-unchecked"),
        Outcome::Fail => ("bad", "bad", "result-contradicts"),
    };
    html! {
        li.(class) {
            details open[check.result == Outcome::Fail] {
                summary {
                    (mark_only(class, mark))
                    span { span.a { (visit.pick(&check.zh, &check.en)) } }
                    span.w { (visit.t(word)) }
                    svg.tw aria-hidden="true" { use href="#i-chev" {} }
                }
                dl.two {
                    dt { (visit.t("checks-name")) } dd.mono { (check.id) }
                    @if let Some(value) = &check.expected { dt { (visit.t("checks-expected")) } dd { (compared(value)) } }
                    @if let Some(value) = &check.found { dt { (visit.t("checks-found")) } dd { (compared(value)) } }
                }
            }
        }
    }
}

/// A lone digest stands in eights; everything else as it is.
fn compared(value: &str) -> Markup {
    if value.len() == 64 && value.bytes().all(|b| b.is_ascii_hexdigit()) {
        return html! {
            code.digest { @for (i, eight) in value.as_bytes().chunks(8).enumerate() { @if i > 0 { wbr; } span { (String::from_utf8_lossy(eight)) } } }
        };
    }
    html! { (value) }
}

pub(crate) async fn thumbnail(State(app): State<App>, Path(id): Path<String>, visit: Visit) -> Shown {
    let actor = visit.actor.clone();
    let picture = app.work(move |folder| folder.picture_of(&actor, &id)).await.map_err(IntoAnswer::into_answer)?;
    let Some(jpeg) = picture else { return Err(super::nothing().await) };
    // The number never names another picture. Signing out empties the browser's cache.
    let heads = [(header::CONTENT_TYPE, "image/jpeg"), (header::CACHE_CONTROL, "private, max-age=600")];
    Ok((heads, jpeg).into_response())
}

pub(crate) async fn certificate(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(query): Query,
    visit: Visit,
) -> Shown {
    let (actor, english, wanted) = (visit.actor.clone(), english(&query, &visit), id.clone());
    let pdf = app.work(move |folder| folder.certificate_of(&actor, &wanted, english)).await;
    Ok(file("application/pdf", &format!("{id}.pdf"), pdf.map_err(IntoAnswer::into_answer)?.into()))
}

pub(crate) async fn package(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(query): Query,
    visit: Visit,
) -> Shown {
    let (actor, english, wanted) = (visit.actor.clone(), english(&query, &visit), id.clone());
    let full = query.get("disclose").is_some_and(|d| d == "full");
    let zip = app.work(move |folder| folder.package_of(&actor, &wanted, english, full)).await;
    Ok(file("application/zip", &format!("{id}.zip"), zip.map_err(IntoAnswer::into_answer)?.into()))
}

pub(crate) async fn part(State(app): State<App>, Path((id, name)): Path<(String, String)>, visit: Visit) -> Shown {
    let (actor, wanted) = (visit.actor.clone(), name.clone());
    let bytes = app.ask(move |folder| folder.part_of(&actor, &id, &wanted)).await;
    Ok(file("application/octet-stream", &name, bytes.map_err(IntoAnswer::into_answer)?.into()))
}

pub(crate) async fn original(State(app): State<App>, Path(id): Path<String>, visit: Visit) -> Shown {
    let actor = visit.actor.clone();
    let kept = app.ask(move |folder| folder.original_of(&actor, &id)).await.map_err(IntoAnswer::into_answer)?;
    let mut response = file("application/octet-stream", &kept.name, crate::stream::body(kept.file));
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(kept.size));
    Ok(response)
}

pub(crate) fn english(query: &BTreeMap<String, String>, visit: &Visit) -> bool {
    match query.get("lang").map(String::as_str) {
        Some("en") => true,
        Some("zh") => false,
        _ => visit.locale == locale::Locale::En,
    }
}

/// A download: whatever it is, a browser keeps it and does not open it (RFC 6266, RFC 8187).
pub(crate) fn file(kind: &'static str, name: &str, body: Body) -> Response {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' }).collect();
    let mut coded = String::new();
    for b in name.bytes() {
        if b.is_ascii_alphanumeric() || b".-_".contains(&b) {
            coded.push(char::from(b));
        } else {
            coded.push_str(&format!("%{b:02X}"));
        }
    }
    let disposition = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{coded}");
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(value) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}
