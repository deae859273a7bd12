//! What a capture holds: screenshot, text, files, the machine's report of itself, addresses; kept or discarded, and held
//! against the owner's own pictures when he asks.
//!
//! Rules: nothing of a captured page runs here. Texts are escaped, its structure is written anew and shown in a frame
//! without origin, script or request, screenshots are pictures by their leading bytes and sandboxed all the same,
//! everything else is a download.

use super::{
    Shown,
    deposit::{self, file},
    edition,
    layout::{Frame, Nav, draw, error, mark_only, token},
    see,
    sign_in::slow_down,
    words,
};
use crate::{
    app::{App, Compared},
    enter::{IntoAnswer, POLICY},
    form::Form,
    problem,
    visit::Visit,
};
use axum::{
    extract::{Path, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use evidence::{json::Value, statement::Kind};
use maud::{Markup, PreEscaped, html};
use service::{Captured, Feature, Item, Refusal, Report, ReportLine, Search, Why};

/// How long a comparison is waited for before its page says that it goes on.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(8);
/// Lines of the verdict that are about the machine, and about the addresses.
const MACHINE: [&str; 1] = ["capture-environment"];
const ADDRESSES: [&str; 3] = ["capture-path", "capture-order", "capture-contact"];

pub(crate) async fn page(State(app): State<App>, Path(id): Path<String>, visit: Visit) -> Shown {
    show(&app, &visit, &id, None).await
}

async fn show(app: &App, visit: &Visit, id: &str, refusal: Option<&Refusal>) -> Shown {
    let (actor, wanted) = (visit.actor.clone(), id.to_owned());
    let asked = app.work(move |folder| {
        let captured = folder.capture_contents(&actor, &wanted)?;
        let others = Search { kind: Kind::Capture.as_str().into(), page: 1, ..Search::default() };
        let lacks = !folder.has(&actor, Feature::Comparison)?;
        Ok((captured, folder.library(&actor, &others)?.items, folder.makeable(&actor)?, lacks))
    });
    let (captured, others, makeable, lacks) = asked.await.map_err(IntoAnswer::into_answer)?;
    let record = &captured.record;
    let text = |name: &str| record.claims.get(name).and_then(Value::as_str).map(str::to_owned);
    let url = text("url").unwrap_or_default();
    let title = text("page_title").unwrap_or_else(|| url.clone());
    // What stands in the way of a comparison, or how many may still be made.
    let beforehand = html! {
        @if lacks { p.err.warn { (visit.t("compare-lacks")) " " a href="/account/edition" { (visit.t("edition-open")) } } }
        @else { (edition::makeable(visit, makeable.as_ref())) }
    };
    let going = app.comparing(visit.actor.account().unwrap_or_default(), id);
    let body = html! {
        header.page-head {
            p.crumb { a href="/library?kind=capture" { (visit.t("portal-nav-library")) } }
            h1 { (title) }
            p.lead.mono.wrap { (url) }
            div.acts {
                a.btn href=(format!("/deposits/{id}")) { (visit.t("capture-record")) }
                @if captured.record.discarded.is_none() {
                    a.btn.main href=(format!("/deposits/{id}/certificate.pdf?lang={}", visit.pick("zh", "en"))) {
                        svg aria-hidden="true" { use href="#i-down" {} } (visit.t("capture-report"))
                    }
                }
            }
        }
        (ended(visit, &captured))
        @if captured.record.discarded.is_none() {
            (tabs(visit, &captured))
            div.panels {
                (texts(visit, &captured))
                (files(visit, &captured))
                (clean(visit, &captured))
                (addresses(visit, &captured))
                (screenshot(visit, &captured))
            }
        }
        (comparisons(visit, &captured, &others, going.as_ref(), refusal.filter(|r| !of_discarding(r)), &beforehand))
        @if captured.record.discarded.is_none() { (keep(visit, id, refusal.filter(|r| of_discarding(r)))) }
        section.sec.last aria-labelledby="not" {
            h2 id="not" { (visit.t("does-not-title")) }
            ul.plain.measure {
                @for id in ["capture-not-true", "capture-not-whose", "capture-not-others"] { li { (visit.t(id)) } }
            }
        }
    };
    let status = refusal.map_or(StatusCode::OK, problem::status);
    let mut response = draw(visit, Frame { title: &title, nav: Nav::Capture, status }, body);
    if let Ok(policy) = HeaderValue::from_str(&format!("{POLICY}; frame-src 'self'")) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if matches!(going, Some(Compared::Going(..))) {
        // Without a script the page asks again by itself.
        response.headers_mut().insert(HeaderName::from_static("refresh"), HeaderValue::from_static("5"));
    }
    Ok(response)
}

/// How it ended, which is no verdict, and between which two instants its package came to be.
fn ended(visit: &Visit, captured: &Captured) -> Markup {
    let record = &captured.record;
    let facts = record.verdict.as_ref().map(|v| &v.facts);
    let from = facts.and_then(|f| f.order.as_ref()).and_then(|o| o.t2.as_ref());
    let until = facts.and_then(|f| f.t1.as_ref());
    let report = captured.report.as_deref();
    let attempt = report.and_then(|r| r.attempt);
    let outcome = record.claims.get("outcome").and_then(Value::as_str).unwrap_or("complete");
    let (class, mark) = if outcome == "complete" { ("done", "page") } else { ("res", "res") };
    html! {
        div.stack.outcome {
            p.phrase { (mark_only(class, mark)) span { (visit.t(&format!("outcome-{outcome}"))) } }
            @if let Some(at) = captured.record.discarded { p.note { (visit.t("capture-discarded")) " " (words::time(at)) } }
            @if let (Some(from), Some(until)) = (from, until) {
                p {
                    (visit.t("capture-between-1")) (words::time(from.at.plus(-from.accuracy))) (visit.t("capture-between-2")) (words::time(until.by())) (visit.t("capture-between-3"))
                }
                p.small.soft { (visit.t("capture-bounds")) }
            }
            @if let Some((n, discarded, _)) = attempt {
                p.small.soft { (visit.tv("capture-attempt", &[("n", n.to_string().into()), ("discarded", discarded.to_string().into())])) }
            }
            @if let Some(report) = report {
                @let told: Vec<_> = report.reasons.iter().chain(&report.flags).chain(&report.remarks).collect();
                @if !told.is_empty() { ul.plain.measure { @for w in told { li { (visit.pick(&w.zh, &w.en)) } } } }
            }
        }
    }
}

fn tabs(visit: &Visit, captured: &Captured) -> Markup {
    html! {
        nav.tabs aria-label=(visit.t("capture-content")) {
            @for id in ["screenshot", "text", "files", "clean", "addresses"] {
                a href=(format!("#{id}")) {
                    (visit.t(&format!("capture-tab-{id}")))
                    @if id == "files" { b { (locale::grouped(captured.files.len() as u64 + captured.more)) } }
                }
            }
        }
    }
}

fn screenshot(visit: &Visit, captured: &Captured) -> Markup {
    let record = &captured.record;
    let at = |place: usize| format!("/deposits/{}/capture/screenshot/{place}", captured.record.id);
    let copy = visit.t("portal-copy");
    html! {
        section.panel.first id="screenshot" aria-label=(visit.t("capture-tab-screenshot")) {
            div.cols.wide-l {
                figure {
                    @if captured.screenshot.is_empty() {
                        div.frame.none { svg aria-hidden="true" { use href="#i-page" {} } p { (visit.t("capture-no-screenshot")) } }
                    } @else {
                        div.frame.shot tabindex="0" role="group" aria-label=(visit.t("capture-screenshot-alt")) {
                            @for (n, place) in captured.screenshot.iter().enumerate() {
                                img src=(at(*place)) alt=(visit.tv("capture-part", &[("n", (n + 1).to_string().into())])) loading="lazy";
                            }
                        }
                        figcaption {
                            (visit.t("capture-whole"))
                            @for (n, place) in captured.screenshot.iter().enumerate() { " " a href=(at(*place)) { (visit.tv("capture-part", &[("n", (n + 1).to_string().into())])) } }
                        }
                    }
                }
                dl.facts {
                    dt { (visit.t("deposit-id")) } dd.mono { (record.id) }
                    @if let Some(order) = captured.report.as_ref().and_then(|r| r.order.as_ref()) {
                        dt { (visit.t("kind-order")) } dd.mono { a href=(format!("/deposits/{order}")) { (order) } }
                    }
                    dt { (visit.t("claim-purpose")) }
                    dd { @if let Some(purpose) = record.claims.get("purpose").and_then(Value::as_str) { (deposit::claimed(visit, "purpose", purpose)) } }
                    @if let Some(size) = record.size {
                        dt { (visit.t("capture-wacz")) }
                        dd { a href=(format!("/deposits/{}/original", record.id)) { (visit.t("deposit-download")) } span.soft { (visit.tv("deposit-bytes", &[("n", locale::grouped(size).into())])) } }
                    }
                    @if let Some(sha256) = &record.sha256 { dt { "SHA-256" } dd { (words::digest(sha256, &copy)) } }
                }
            }
        }
    }
}

fn texts(visit: &Visit, captured: &Captured) -> Markup {
    let shown = captured.report.as_ref().map(|r| r.shown.as_slice()).unwrap_or_default();
    let own = captured.files.iter().filter(|f| f.own);
    let structure = own.clone().any(|f| f.name == "dom");
    let snapshot = own.filter(|f| ["mhtml", "dom", "pdf", "text"].contains(&f.name.as_str()));
    let inert = format!("/deposits/{}/capture/snapshot", captured.record.id);
    html! {
        section.panel id="text" aria-label=(visit.t("capture-tab-text")) {
            div.cols.wide-l {
                div.stack {
                    h2 { (visit.t("capture-words")) }
                    @match &captured.text {
                        Some((text, goes_on)) => {
                            p.pre.words { (text) }
                            @if *goes_on { p.small.soft { (visit.t("capture-words-on")) } }
                        },
                        None => p.soft { (visit.t("capture-no-words")) },
                    }
                }
                div.stack {
                    @if !shown.is_empty() {
                        h2 { (visit.t("capture-facts")) }
                        dl.facts { @for fact in shown { dt { (visit.pick(&fact.label.zh, &fact.label.en)) } dd.wrap { (fact.value) } } }
                        p.note { (visit.t("capture-facts-note")) }
                    }
                    h2 { (visit.t("capture-snapshot")) }
                    p.small.soft { (visit.t("capture-snapshot-note")) }
                    ul.plain { @for f in snapshot { li { (download(captured, f.place, &visit.t(&format!("artefact-{}", f.name)))) span.m { (bytes(visit, f.size)) } } } }
                }
            }
            @if structure {
                div.stack {
                    h2 { (visit.t("capture-structure")) }
                    p.small.soft { (visit.t("capture-structure-note")) " " a href=(inert) { (visit.t("capture-structure-alone")) } }
                    iframe.snapshot src=(inert) sandbox="" loading="lazy" referrerpolicy="no-referrer" title=(visit.t("capture-structure")) {}
                }
            }
        }
    }
}

fn files(visit: &Visit, captured: &Captured) -> Markup {
    let ours = captured.files.iter().filter(|f| f.own).count();
    let n = [("site", (captured.files.len() - ours).to_string().into()), ("own", ours.to_string().into())];
    let copy = visit.t("portal-copy");
    html! {
        section.panel id="files" aria-label=(visit.t("capture-tab-files")) {
            div.stack {
                p.soft.small { (visit.tv("capture-files-note", &n)) }
                table {
                    thead { tr {
                        th scope="col" { (visit.t("capture-file")) } th scope="col" { (visit.t("capture-type")) }
                        th.num scope="col" { (visit.t("capture-size")) } th scope="col" { "SHA-256" }
                    } }
                    tbody {
                        @for f in &captured.files {
                            tr {
                                td.wrap { (download(captured, f.place, &f.name)) @if let Some(status) = f.status { span.m { (status) } } }
                                td.wrap data-l=(visit.t("capture-type")) { (f.content_type) }
                                td.num data-l=(visit.t("capture-size")) { (locale::grouped(f.size)) }
                                td.dg data-l="SHA-256" { (words::digest(&f.sha256, &copy)) }
                            }
                        }
                    }
                }
                @if captured.more > 0 { p.small.soft { (visit.tv("capture-files-more", &[("n", locale::grouped(captured.more).into())])) } }
            }
        }
    }
}

fn download(captured: &Captured, place: usize, name: &str) -> Markup {
    html! { a href=(format!("/deposits/{}/capture/file/{place}", captured.record.id)) download { (name) } }
}

fn bytes(visit: &Visit, n: u64) -> String {
    visit.tv("deposit-bytes", &[("n", locale::grouped(n).into())])
}

fn clean(visit: &Visit, captured: &Captured) -> Markup {
    let checks = captured.record.verdict.iter().flat_map(|v| &v.checks).filter(|c| MACHINE.contains(&c.id.as_str()));
    let own = captured.files.iter().filter(|f| f.own && (f.name.starts_with("environment-") || f.name == "operations"));
    html! {
        section.panel id="clean" aria-label=(visit.t("capture-tab-clean")) {
            div.stack {
                p.soft.small { (visit.t("capture-clean-note")) }
                ol.checks { @for check in checks { (deposit::answer(visit, check)) } }
                (lines(visit, captured.report.as_deref().map(|r| r.environment.as_slice()).unwrap_or_default()))
                ul.plain { @for f in own { li { (download(captured, f.place, &f.name)) span.m { (bytes(visit, f.size)) } } } }
            }
        }
    }
}

fn lines(visit: &Visit, lines: &[ReportLine]) -> Markup {
    html! {
        dl.facts {
            @for line in lines { dt { (visit.pick(&line.label.zh, &line.label.en)) } dd.wrap { (visit.pick(&line.value.zh, &line.value.en)) } }
        }
    }
}

fn addresses(visit: &Visit, captured: &Captured) -> Markup {
    let none: &[_] = &[];
    let report: Option<&Report> = captured.report.as_deref();
    let checks = captured.record.verdict.iter().flat_map(|v| &v.checks).filter(|c| ADDRESSES.contains(&c.id.as_str()));
    let contact = captured.files.iter().filter(|f| f.own && f.name.split('/').next() == Some("contact"));
    html! {
        section.panel id="addresses" aria-label=(visit.t("capture-tab-addresses")) {
            div.stack-l {
                dl.facts {
                    @if let Some(report) = report {
                        dt { (visit.t("claim-url")) } dd.mono.wrap { (report.url) }
                        @if let Some(url) = &report.final_url { dt { (visit.t("claim-final_url")) } dd.mono.wrap { (url) } }
                        @if report.hops.len() > 1 {
                            dt { (visit.t("capture-hops")) }
                            dd { @for hop in &report.hops { span.block.mono.wrap { @if let Some(status) = hop.status { (status) " " } (hop.url) } } }
                        }
                    }
                    @for l in &captured.lookups {
                        dt { (visit.t("capture-dns")) }
                        dd { span.mono.wrap { (l.name) } span.soft { (l.answers.join(visit.pick("，", ", "))) } span.soft { (l.resolver) } }
                    }
                    @for peer in report.map_or(none, |r| r.peers.as_slice()) {
                        dt { (visit.t("capture-peer")) }
                        dd { span.mono.wrap { (peer.host) } span.soft { (peer.address) " " (if peer.tls { "TLS" } else { "HTTP" }) } }
                    }
                }
                @if let Some(report) = report {
                    @if !report.site.is_empty() { div { h2 { (visit.t("capture-site")) } (lines(visit, &report.site)) } }
                }
                div {
                    h2 { (visit.t("capture-contact")) }
                    p.small.soft { (visit.t("capture-contact-note")) }
                    ol.checks { @for check in checks { (deposit::answer(visit, check)) } }
                    ul.plain { @for f in contact { li { (download(captured, f.place, &f.name)) span.m { (bytes(visit, f.size)) } } } }
                }
            }
        }
    }
}

fn comparisons(
    visit: &Visit,
    captured: &Captured,
    others: &[Item],
    going: Option<&Compared>,
    refusal: Option<&Refusal>,
    beforehand: &Markup,
) -> Markup {
    let others = others.iter().filter(|o| o.id != captured.record.id);
    html! {
        section.sec id="compare" aria-labelledby="compare-h" {
            div.h { h2 id="compare-h" { (visit.t("compare-title")) } p { (visit.t("compare-hint")) } }
            div.stack-l {
                @match going {
                    Some(Compared::Going(done, all)) => div {
                        p role="status" { (visit.tv("compare-going", &[("done", locale::grouped(*done).into()), ("all", locale::grouped(*all).into())])) }
                        progress value=(done) max=((*all).max(1)) aria-label=(visit.t("compare-title")) {}
                    },
                    Some(Compared::Failed(refusal)) => p.err role="alert" { (visit.say(refusal)) },
                    None => {},
                }
                @if let Some(refusal) = refusal { p.err role="alert" { (visit.say(refusal)) } }
                @if !captured.comparisons.is_empty() {
                    ul.rows {
                        @for (id, at) in &captured.comparisons {
                            li { div { a.t href=(format!("/deposits/{id}")) { (visit.t("kind-comparison")) } span.m { (words::time(*at)) } } a.btn.slim href=(format!("/deposits/{id}")) { (visit.t("compare-see")) } }
                        }
                    }
                }
                @if captured.record.discarded.is_none() && !matches!(going, Some(Compared::Going(..))) {
                    (beforehand)
                    form.code-in.measure method="post" action=(format!("/deposits/{}/compare", captured.record.id)) {
                        (token(visit))
                        label { (visit.t("compare-with"))
                            select name="with" {
                                option value="" { (visit.t("compare-own")) }
                                @for o in others { option value=(o.id) { (visit.t("compare-capture")) " " (words::plain(o.received_at)) "　" (o.title) } }
                            }
                        }
                        button.btn type="submit" { (visit.t("compare-begin")) }
                    }
                }
            }
        }
    }
}

/// Which of the page's two forms a refusal answers.
fn of_discarding(refusal: &Refusal) -> bool {
    matches!(refusal.why, Why::Field("password") | Why::Slow(_))
}

fn keep(visit: &Visit, id: &str, refusal: Option<&Refusal>) -> Markup {
    let wrong = refusal.map(|r| visit.say(r));
    html! {
        section.sec id="keep" aria-labelledby="keep-h" {
            div.h { h2 id="keep-h" { (visit.t("keep-title")) } p { (visit.t("keep-hint")) } }
            details.more open[wrong.is_some()] {
                summary { (visit.t("keep-discard")) }
                form.stack method="post" action=(format!("/deposits/{id}/discard")) {
                    (token(visit))
                    p.measure { (visit.t("keep-what")) }
                    label { (visit.t("erasing-password")) input type="password" name="password" maxlength="1024" required autocomplete="current-password" aria-invalid=[wrong.map(|_| "true")] aria-describedby="e-password"; }
                    (error("e-password", wrong))
                    div.acts { button.btn type="submit" { (visit.t("keep-discard")) } }
                }
            }
        }
    }
}

pub(crate) async fn picture(State(app): State<App>, Path((id, place)): Path<(String, usize)>, visit: Visit) -> Shown {
    let actor = visit.actor.clone();
    let shown = app.work(move |folder| folder.screenshot_of(&actor, &id, place)).await;
    let (kind, bytes) = shown.map_err(IntoAnswer::into_answer)?;
    let heads = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "private, max-age=600")];
    Ok(inert((heads, bytes).into_response()))
}

pub(crate) async fn one_file(State(app): State<App>, Path((id, place)): Path<(String, usize)>, visit: Visit) -> Shown {
    let actor = visit.actor.clone();
    let found = app.work(move |folder| folder.captured_file(&actor, &id, place)).await;
    let (name, bytes) = found.map_err(IntoAnswer::into_answer)?;
    Ok(inert(file("application/octet-stream", &name, bytes.into())))
}

/// How [`snapshot`] looks; the policy names it by its digest.
const INERT_STYLE: &str = "body{font:15px/1.6 sans-serif;margin:16px;color:#222;background:#fff;overflow-wrap:anywhere}\
    kbd{font:inherit;color:#555;border:1px solid #bbb;padding:0 .4em}cite{font:13px monospace;color:#555}\
    blockquote{margin:.5em 0;padding-left:.8em;border-left:2px solid #bbb}td,th{border:1px solid #ddd;padding:.2em .5em}\
    pre{white-space:pre-wrap}";

/// The page's structure, for a frame or by itself: our elements and its words alone.
pub(crate) async fn snapshot(State(app): State<App>, Path(id): Path<String>, visit: Visit) -> Shown {
    let actor = visit.actor.clone();
    let (inside, more) =
        app.work(move |folder| folder.snapshot_of(&actor, &id)).await.map_err(IntoAnswer::into_answer)?;
    let page = html! {
        (maud::DOCTYPE)
        html lang=(visit.pick("zh-CN", "en")) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (visit.t("capture-structure")) }
                style { (PreEscaped(INERT_STYLE)) }
            }
            body {
                (PreEscaped(inside))
                @if more { p { kbd { (visit.t("capture-words-on")) } } }
            }
        }
    };
    let style = BASE64_STANDARD.encode(evidence::digest::sha256(INERT_STYLE.as_bytes()));
    let policy = format!("sandbox; default-src 'none'; style-src 'sha256-{style}'; frame-ancestors 'self'");
    let heads = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_DNS_PREFETCH_CONTROL, "off".to_owned()),
    ];
    Ok((heads, page.into_string()).into_response())
}

/// A stranger's bytes: no origin, no script, no request, whatever a browser makes of them.
fn inert(mut response: Response) -> Response {
    let policy = HeaderValue::from_static("sandbox; default-src 'none'; frame-ancestors 'none'");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

pub(crate) async fn discard(State(app): State<App>, Path(id): Path<String>, visit: Visit, form: Form) -> Shown {
    if let Err(refusal) = slow_down(&app, &visit) {
        return show(&app, &visit, &id, Some(&refusal)).await;
    }
    let (actor, wanted, password) = (visit.actor.clone(), id.clone(), form.get("password").to_owned());
    match app.ask_secret(move |folder| folder.discard_of(&actor, &wanted, &password)).await {
        Ok(()) => Ok(see(&format!("/deposits/{id}/capture"))),
        Err(refusal) if of_discarding(&refusal) => show(&app, &visit, &id, Some(&refusal)).await,
        Err(refusal) => Err(refusal.into_answer()),
    }
}

/// Begins a comparison; one that is short is waited for.
pub(crate) async fn compare(State(app): State<App>, Path(id): Path<String>, visit: Visit, form: Form) -> Shown {
    let ending = match app.compare(visit.actor.clone(), &id, form.typed("with")).await {
        Ok(ending) => ending,
        Err(refusal) if matches!(refusal.why, Why::Field(_) | Why::Conflict) => {
            return show(&app, &visit, &id, Some(&refusal)).await;
        }
        Err(refusal) => return Err(refusal.into_answer()),
    };
    match tokio::time::timeout(PATIENCE, ending).await {
        Ok(Ok(Ok(made))) => Ok(see(&format!("/deposits/{made}"))),
        Ok(Ok(Err(refusal))) if matches!(refusal.why, Why::Field(_)) => show(&app, &visit, &id, Some(&refusal)).await,
        Ok(Ok(Err(refusal))) => Err(refusal.into_answer()),
        // It goes on; the capture's page tells.
        _ => Ok(see(&format!("/deposits/{id}/capture#compare"))),
    }
}
