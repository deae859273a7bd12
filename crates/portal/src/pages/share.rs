//! Links to one record: made, listed and ended by its owner; and the page that whoever has the address sees.
//!
//! Rules: the public page knows only what `service` hands out for a link. It is not indexed, sends no address on, and is
//! asked for as seldom as a password may be tried.

use super::{
    Shown, deposit,
    layout::{Frame, Nav, draw, state, token},
    library, see, words,
};
use crate::{
    app::App,
    enter::IntoAnswer,
    form::Form,
    throttle::group,
    visit::{Query, Visit},
};
use axum::{
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use evidence::{
    json::Value,
    statement::RIGHTS,
    time::{SECOND, Utc},
};
use maud::{Markup, html};
use service::{Answer, Error, Link, Linked, MAX_SHARE_DAYS, Open, Refusal, SHOWS, Shown as Record, Why};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A day, and how many a link lasts unless another is chosen.
const DAY: i64 = 24 * 3600 * SECOND;
const DAYS: i64 = 30;

/// A record's links, and what they cannot withhold.
pub(crate) struct Links {
    pub open: Open,
    pub all: Vec<Link>,
}

/// What became of the form: the new link's token, told this once, or why there is none.
pub(crate) type Made<'a> = Result<&'a str, &'a Refusal>;

/// The owner's part of a record's page.
pub(crate) fn section(visit: &Visit, record: &Record, links: &Links, made: Option<Made<'_>>) -> Markup {
    let today = day(0);
    let offered = |what: &str| match what {
        "picture" => record.kind == "image" && record.held,
        "certificate" | "package" => record.discarded.is_none(),
        "original" => record.held,
        _ => true,
    };
    let fixed = |what: &str| {
        matches!((what, links.open), ("owner", Open::Owner | Open::Everything) | ("claims", Open::Everything))
    };
    html! {
        section.sec id="share" aria-labelledby="share-h" {
            div.h { h2 id="share-h" { (visit.t("share-title")) } p { (visit.t("share-hint")) } }
            div.stack-l {
                @if let Some(Ok(token)) = made {
                    div.note role="status" {
                        p { (visit.t("share-made")) }
                        p.copyable {
                            a.mono.wrap href=(format!("/s/{token}")) { (visit.home) "/s/" (token) }
                            button.icon-btn type="button" data-copy=(format!("{}/s/{token}", visit.home)) aria-label=(visit.t("portal-copy")) hidden {
                                svg aria-hidden="true" { use href="#i-copy" {} }
                            }
                        }
                    }
                }
                @if !links.all.is_empty() { (list(visit, record, &links.all)) }
                form.stack method="post" action=(format!("/deposits/{}/links", record.id)) {
                    (token(visit))
                    fieldset {
                        legend { (visit.t("share-shows")) }
                        p.small.soft { (visit.t("share-always")) }
                        @for what in SHOWS.into_iter().filter(|what| offered(what)) {
                            label.pick {
                                @if fixed(what) {
                                    input type="checkbox" checked disabled;
                                    input type="hidden" name=(what) value="yes";
                                } @else {
                                    input type="checkbox" name=(what) value="yes" checked[what == "picture"];
                                }
                                (visit.t(&format!("share-{what}")))
                                span.hint { (visit.t(&hint(what, links.open))) }
                            }
                        }
                    }
                    div.code-in.measure {
                        label { (visit.tv("share-until", &[("days", MAX_SHARE_DAYS.to_string().into())]))
                            input type="date" name="until" value=(day(DAYS)) min=(today) max=(day(MAX_SHARE_DAYS)) required; }
                        button.btn type="submit" { (visit.t("share-make")) }
                    }
                    @if let Some(Err(refusal)) = made { p.err role="alert" { (visit.say(refusal)) } }
                }
            }
        }
    }
}

fn hint(what: &str, open: Open) -> String {
    match (what, open) {
        ("owner", Open::Owner) => "share-owner-open".into(),
        ("owner" | "claims", Open::Everything) => "share-capture-open".into(),
        _ => format!("share-{what}-hint"),
    }
}

fn list(visit: &Visit, record: &Record, links: &[Link]) -> Markup {
    html! {
        ul.rows {
            @for link in links {
                li {
                    div {
                        span.t { @if link.shows.is_empty() { (visit.t("share-nothing")) } @else { (shows(visit, &link.shows)) } }
                        span.m {
                            (visit.t("tokens-until")) " " (words::minute(link.until))
                            "　" (visit.tv("share-opened", &[("n", locale::grouped(link.opened).into())]))
                            @if let Some(at) = link.opened_at { "　" (visit.t("account-seen")) " " (words::minute(at)) }
                        }
                    }
                    @if link.open {
                        form method="post" action=(format!("/deposits/{}/links/{}/end", record.id, link.id)) {
                            (token(visit))
                            button.btn.slim type="submit" { (visit.t("account-end")) }
                        }
                    } @else {
                        (state("low", "no", &visit.t(if link.ended.is_some() { "share-ended" } else { "share-expired" })))
                    }
                }
            }
        }
    }
}

fn shows(visit: &Visit, shows: &[String]) -> String {
    let words: Vec<String> = shows.iter().map(|what| visit.t(&format!("share-{what}"))).collect();
    words.join(visit.pick("、", ", "))
}

/// A day so many from today (UTC+8): `2026-12-24`.
pub(super) fn day(after: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros());
    let at = Utc(i64::try_from(now).unwrap_or(0)).plus(8 * 3600 * SECOND + after * DAY);
    at.to_micros().chars().take(10).collect()
}

pub(crate) async fn add(State(app): State<App>, Path(id): Path<String>, visit: Visit, form: Form) -> Shown {
    let (actor, wanted, until) = (visit.actor.clone(), id.clone(), form.get("until").to_owned());
    let shows: Vec<&str> = SHOWS.into_iter().filter(|what| form.get(what) == "yes").collect();
    match app.ask(move |folder| folder.share(&actor, &wanted, &shows, &until)).await {
        Ok(made) => deposit::show(&app, &visit, &id, Some(Ok(&made))).await,
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => {
            deposit::show(&app, &visit, &id, Some(Err(&refusal))).await
        }
        Err(refusal) => Err(refusal.into_answer()),
    }
}

pub(crate) async fn end(
    State(app): State<App>,
    Path((id, number)): Path<(String, i64)>,
    visit: Visit,
    _form: Form,
) -> Shown {
    let (actor, wanted) = (visit.actor.clone(), id.clone());
    app.ask(move |folder| folder.end_share(&actor, &wanted, number)).await.map_err(IntoAnswer::into_answer)?;
    Ok(see(&format!("/deposits/{id}#share")))
}

/// What a link shows.
pub(crate) async fn page(State(app): State<App>, Path(link): Path<String>, visit: Visit) -> Shown {
    allowed(&app, &visit).map_err(IntoAnswer::into_answer)?;
    let wanted = link.clone();
    let shown = match app.work(move |folder| folder.shared(&wanted)).await {
        Ok(shown) => shown,
        Err(refusal) => return Ok(quiet(super::refused(&visit, &refusal))),
    };
    let has = |what: &str| shown.shows.iter().any(|s| s == what);
    let text = |name: &str| shown.claims.get(name).and_then(Value::as_str);
    let title = text("title").or(text("page_title")).or(text("file_name")).map(str::to_owned);
    let title = title.unwrap_or_else(|| visit.t(&format!("kind-{}", shown.kind)));
    let body = html! {
        header.page-head {
            p.crumb { (visit.tv("share-by", &[("name", visit.runs.as_str().into())])) }
            h1 { (title) }
            p.lead { span.nb { (visit.t("deposit-id")) } " " span.mono { (shown.id) } }
        }
        div.cols.wide-l.lead-cols {
            figure {
                @if has("picture") && shown.kind == "image" {
                    div.frame { img src=(format!("/s/{link}/picture.jpg")) alt=(visit.t("deposit-picture")); }
                } @else {
                    div.frame.none { svg aria-hidden="true" { use href=(library::icon(&shown.kind)) {} } p { (visit.t(&format!("kind-{}", shown.kind))) } }
                }
                @if let Some(size) = shown.size {
                    figcaption {
                        @if let Some(name) = text("file_name") { (name) ", " }
                        (visit.tv("deposit-bytes", &[("n", locale::grouped(size).into())]))
                    }
                }
            }
            div.stack-l {
                (deposit::seal(&visit, &shown.verdict))
                (deposit::times(&visit, &shown.verdict))
                p.soft.small { (visit.t("deposit-trust")) " " a href="/verify" { (visit.t("share-verify")) } }
                p.soft.small { (visit.t("share-open-until")) " " (words::time(shown.until)) }
            }
        }
        (deposit::three_digests(&visit, shown.sha256.as_deref(), shown.sm3.as_deref(), Some(&shown.record_sha256)))
        (disclosed(&visit, &shown))
        (downloads(&visit, &link, &shown))
        (deposit::answers(&visit, &shown.verdict))
    };
    Ok(quiet(draw(&visit, Frame::new(&title, Nav::None), body)))
}

/// The claims that the link discloses; of what it withholds, that it does.
fn disclosed(visit: &Visit, shown: &Linked) -> Markup {
    let text = |name: &str| shown.claims.get(name).and_then(Value::as_str);
    let rows = RIGHTS.iter().chain(deposit::CAPTURED).filter(|name| shown.claims.contains_key(**name));
    let withheld = |what: &str| !shown.shows.iter().any(|s| s == what);
    html! {
        section.sec aria-labelledby="claims" {
            h2 id="claims" { (visit.t("claims-title")) }
            dl.facts {
                dt { (visit.t("claims-owner")) }
                @if let Some(name) = text("owner_name") {
                    dd {
                        (name)
                        @if let Some(code) = text("owner_code").or(text("owner_id_masked")) { "　" span.nb { (code) } }
                        (deposit::named_in(visit, Some(&shown.verdict)))
                    }
                } @else { dd.soft { (visit.t("share-withheld")) } }
                @for name in rows {
                    dt { (visit.t(&format!("claim-{name}"))) }
                    @match text(name) {
                        Some(value) => dd.wrap { (deposit::claimed(visit, name, value)) },
                        None => dd.soft { (visit.t("claims-undeclared")) },
                    }
                }
                @if withheld("claims") { dt { (visit.t("share-claims")) } dd.soft { (visit.t("share-withheld")) } }
                @if let Some(statement) = &shown.verdict.facts.statement {
                    dt { (visit.t("home-ledger")) }
                    dd { (visit.runs) span.soft.mono { (statement.ledger) } }
                }
            }
        }
    }
}

fn downloads(visit: &Visit, link: &str, shown: &Linked) -> Markup {
    let has = |what: &str| shown.shows.iter().any(|s| s == what);
    let lang = visit.pick("zh", "en");
    let all = [
        ("certificate", format!("certificate.pdf?lang={lang}"), "downloads-certificate", "downloads-certificate-note"),
        ("package", format!("package.zip?lang={lang}"), "downloads-package", "share-package-note"),
        ("original", "original".to_owned(), "downloads-original", "downloads-original-note"),
    ];
    let rows: Vec<_> = all.into_iter().filter(|(what, ..)| has(what)).collect();
    html! {
        @if !rows.is_empty() {
            section.sec aria-labelledby="downloads" {
                h2 id="downloads" { (visit.t("downloads-title")) }
                ul.rows {
                    @for (_, part, title, note) in rows {
                        @let href = format!("/s/{link}/{part}");
                        li { div { a.t href=(href) { (visit.t(title)) } span.m { (visit.t(note)) } } a.btn.slim href=(href) { (visit.t("deposit-download")) } }
                    }
                }
            }
        }
    }
}

pub(crate) async fn picture(State(app): State<App>, Path(link): Path<String>, visit: Visit) -> Shown {
    allowed(&app, &visit).map_err(IntoAnswer::into_answer)?;
    let jpeg = app.work(move |folder| folder.shared_picture(&link)).await.map_err(IntoAnswer::into_answer)?;
    let Some(jpeg) = jpeg else { return Err(super::nothing().await) };
    Ok(quiet(([(header::CONTENT_TYPE, "image/jpeg")], jpeg).into_response()))
}

pub(crate) async fn certificate(
    State(app): State<App>,
    Path(link): Path<String>,
    Query(query): Query,
    visit: Visit,
) -> Shown {
    let english = deposit::english(&query, &visit);
    let made = given(&app, &visit, move |folder| folder.shared_certificate(&link, english)).await;
    let made = made.map_err(IntoAnswer::into_answer)?;
    Ok(quiet(deposit::file("application/pdf", &format!("{}.pdf", made.0), made.1.into())))
}

pub(crate) async fn package(
    State(app): State<App>,
    Path(link): Path<String>,
    Query(query): Query,
    visit: Visit,
) -> Shown {
    let english = deposit::english(&query, &visit);
    let made = given(&app, &visit, move |folder| folder.shared_package(&link, english)).await;
    let made = made.map_err(IntoAnswer::into_answer)?;
    Ok(quiet(deposit::file("application/zip", &format!("{}.zip", made.0), made.1.into())))
}

pub(crate) async fn original(State(app): State<App>, Path(link): Path<String>, visit: Visit) -> Shown {
    let kept = given(&app, &visit, move |folder| folder.shared_original(&link)).await;
    let kept = kept.map_err(IntoAnswer::into_answer)?;
    let mut response = deposit::file("application/octet-stream", &kept.name, crate::stream::body(kept.file));
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(kept.size));
    Ok(quiet(response))
}

async fn given<T: Send + 'static>(
    app: &App,
    visit: &Visit,
    run: impl FnOnce(&std::sync::Arc<service::Folder>) -> Answer<T> + Send + 'static,
) -> Answer<T> {
    allowed(app, visit)?;
    app.work(run).await
}

/// As seldom as a password may be tried.
pub(super) fn allowed(app: &App, visit: &Visit) -> Answer<()> {
    app.links().take(group(visit.address), Instant::now()).map_err(|seconds| {
        let error = Error::new(
            format!("打开得太频繁，请在 {seconds} 秒后再试"),
            format!("opened too often; try again in {seconds} seconds"),
        );
        Refusal { why: Why::Slow(seconds), error }
    })
}

/// Nothing that a link shows is indexed, or tells another site its address.
pub(super) fn quiet(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert("x-robots-tag", HeaderValue::from_static("noindex, nofollow, noarchive"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
