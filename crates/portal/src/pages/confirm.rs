//! Confirming a licence by a link: what whoever holds the link sees, says and is given; and the licensor's list of links.
//!
//! The page knows only what `service` hands out for the link. It is not indexed, sends no address on, and is asked for as
//! seldom as a password may be tried.

use super::{
    Shown,
    deposit::{self, english},
    layout::{Frame, Nav, draw, error, state, token},
    library,
    licence_form::facts,
    licences,
    secrets::of,
    see,
    share::{allowed, day, quiet},
    words,
};
use crate::{
    app::App,
    enter::IntoAnswer,
    form::Form,
    problem,
    visit::{Query, Visit},
};
use axum::{
    extract::{Path, State},
    http::{StatusCode, header},
    response::IntoResponse,
};
use evidence::time::Utc;
use maud::{Markup, html};
use service::{LicenceLink, LinkedLicence, MAX_LICENCE_LINK_DAYS, Refusal, Why};

/// Days that a link lasts unless another is chosen.
const DAYS: i64 = 14;

/// The licensor's part of a licence's page. `made`: the new link's token, told this once, or why there is none.
pub(super) fn section(
    visit: &Visit,
    id: &str,
    open: bool,
    links: &[LicenceLink],
    made: Option<Result<&str, &Refusal>>,
) -> Markup {
    // Nothing to confirm, and nothing that was sent.
    if !open && links.is_empty() && made.is_none() {
        return html! {};
    }
    let now = super::chosen::now().0;
    let wrong = of(visit, made.and_then(Result::err), "until");
    html! {
        section.sec id="confirm" aria-labelledby="confirm-h" {
            div.h {
                h2 id="confirm-h" { (visit.t(if open { "confirm-title" } else { "confirm-links" })) }
                @if open { p { (visit.t("confirm-hint")) } }
            }
            div.stack-l {
                @if let Some(Ok(token)) = made {
                    div.note role="status" {
                        p { (visit.t("confirm-made")) }
                        p.copyable {
                            a.mono.wrap href=(format!("/confirm/{token}")) { (visit.home) "/confirm/" (token) }
                            button.icon-btn type="button" data-copy=(format!("{}/confirm/{token}", visit.home)) aria-label=(visit.t("portal-copy")) hidden {
                                svg aria-hidden="true" { use href="#i-copy" {} }
                            }
                        }
                    }
                }
                @if !links.is_empty() {
                    ul.rows {
                        @for link in links {
                            li {
                                div {
                                    span.t { (visit.t("tokens-until")) " " (words::minute(Utc(link.expires_at))) }
                                    span.m {
                                        (visit.tv("share-opened", &[("n", locale::grouped(link.opened).into())]))
                                        @if let Some(at) = link.opened_at { "　" (visit.t("account-seen")) " " (words::minute(Utc(at))) }
                                        @if let Some(at) = link.used_at { "　" (visit.t("licences-confirmed")) " " (words::minute(Utc(at))) }
                                    }
                                }
                                @if link.ended_at.is_some() { (state("low", "no", &visit.t("confirm-withdrawn"))) }
                                @else if link.expires_at <= now { (state("low", "no", &visit.t("share-expired"))) }
                                @else {
                                    form method="post" action=(format!("/licences/{id}/links/{}/end", link.id)) {
                                        (token(visit)) button.btn.slim type="submit" { (visit.t("confirm-withdraw")) }
                                    }
                                }
                            }
                        }
                    }
                }
                @if open {
                    form.stack method="post" action=(format!("/licences/{id}/links")) {
                        (token(visit))
                        div.code-in.measure {
                            label { (visit.tv("share-until", &[("days", MAX_LICENCE_LINK_DAYS.to_string().into())]))
                                input type="date" name="until" value=(day(DAYS)) min=(day(0)) max=(day(MAX_LICENCE_LINK_DAYS)) required aria-describedby="e-until"; }
                            button.btn type="submit" { (visit.t("confirm-make")) }
                        }
                        (error("e-until", wrong))
                    }
                }
            }
        }
    }
}

pub(crate) async fn add(State(app): State<App>, Path(id): Path<String>, visit: Visit, form: Form) -> Shown {
    let (actor, wanted, until) = (visit.actor.clone(), id.clone(), form.get("until").to_owned());
    match app.ask(move |folder| folder.link_licence(&actor, &wanted, &until)).await {
        Ok(made) => licences::show(&app, &visit, &id, None, Some(Ok(&made))).await,
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => {
            licences::show(&app, &visit, &id, None, Some(Err(&refusal))).await
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
    let done = app.ask(move |folder| folder.end_licence_link(&actor, &wanted, number));
    done.await.map_err(IntoAnswer::into_answer)?;
    Ok(see(&format!("/licences/{id}#confirm")))
}

pub(crate) async fn page(State(app): State<App>, Path(link): Path<String>, visit: Visit) -> Shown {
    allowed(&app, &visit).map_err(IntoAnswer::into_answer)?;
    show(&app, &visit, &link, None).await
}

async fn show(app: &App, visit: &Visit, link: &str, refused: Option<(&Refusal, &Form)>) -> Shown {
    let wanted = link.to_owned();
    let shown = match app.work(move |folder| folder.linked_licence(&wanted)).await {
        Ok(shown) => shown,
        Err(refusal) => return Ok(quiet(super::refused(visit, &refusal))),
    };
    let line = &shown.line;
    let open = line.confirmed.is_none() && matches!(line.state.as_str(), "valid" | "coming");
    let title = visit.t("confirm-page");
    let body = html! {
        header.page-head {
            p.crumb { (visit.tv("share-by", &[("name", visit.runs.as_str().into())])) }
            h1 { (title) }
            p.lead { (visit.tv("confirm-lead", &[("owner", shown.owner.as_str().into()), ("licensee", line.licensee.clone().unwrap_or_default().into())])) }
            p { (licences::standing(visit, line)) "　" span.nb { (visit.t("deposit-id")) } " " span.mono { (line.id.as_deref().unwrap_or_default()) } }
        }
        section.sec aria-labelledby="terms" {
            div.h { h2 id="terms" { (visit.t("licences-terms")) } p { (visit.t("confirm-terms-hint")) } }
            dl.facts {
                dt { (visit.t("confirm-owner")) }
                dd { (shown.owner) @if let Some(code) = &shown.owner_code { "　" span.mono { (code) } } (deposit::named(visit, shown.named.as_ref())) }
                (facts(visit, &licences::terms(line), &shown.hosts))
                @if let Some(day) = &line.ended { dt { (visit.t("licence-ended")) } dd { (visit.tv("licences-ended-from", &[("day", day.as_str().into())])) } }
            }
        }
        section.sec aria-labelledby="pictures" {
            div.h { h2 id="pictures" { (visit.t("licences-pictures")) } p { (visit.tv("licence-pictures", &[("n", locale::count(line.pictures.len() as u64))])) } }
            ul.rows.pic {
                @for (n, p) in (1..).zip(&shown.pictures) {
                    li {
                        @if p.kind == "image" && p.title.is_some() { img src=(format!("/confirm/{link}/picture/{n}.jpg")) alt="" width="72" height="54" loading="lazy"; }
                        @else { span.pageicon { svg aria-hidden="true" { use href=(library::icon(&p.kind)) {} } } }
                        div {
                            span.t { (p.title.clone().unwrap_or_else(|| visit.t("licences-gone"))) }
                            span.m { (visit.t(&format!("kind-{}", p.kind))) " " span.mono { (p.id) } }
                            @if let Some(sha256) = &p.sha256 { span.m.mono.wrap { "SHA-256 " (sha256) } }
                        }
                    }
                }
            }
        }
        @if open { (form_of(visit, link, refused)) } @else { (done(visit, link, &shown)) }
        p.small.soft { (visit.t("share-open-until")) " " (words::time(shown.until)) }
    };
    let status = refused.map_or(StatusCode::OK, |(refusal, _)| problem::status(refusal));
    Ok(quiet(draw(visit, Frame { title: &title, nav: Nav::None, status }, body)))
}

fn form_of(visit: &Visit, link: &str, refused: Option<(&Refusal, &Form)>) -> Markup {
    let empty = Form::empty();
    let (refusal, form) = refused.map_or((None, &empty), |(refusal, form)| (Some(refusal), form));
    let wrong = |name: &'static str| of(visit, refusal, name);
    html! {
        section.sec aria-labelledby="do" {
            div.h { h2 id="do" { (visit.t("confirm-do-title")) } p { (visit.t("confirm-proves")) } }
            form.stack.narrow-form method="post" action=(format!("/confirm/{link}")) {
                (token(visit))
                label { (visit.t("confirm-name")) span.hint { (visit.t("confirm-name-hint")) }
                    input type="text" name="name" maxlength="200" required autocomplete="organization" value=(form.get("name")) aria-invalid=[wrong("name").map(|_| "true")] aria-describedby="e-name";
                    (error("e-name", wrong("name"))) }
                label { (visit.t("licences-code")) span.hint { (visit.t("portal-optional")) }
                    input type="text" name="code" maxlength="64" autocomplete="off" value=(form.get("code")) aria-invalid=[wrong("code").map(|_| "true")] aria-describedby="e-code";
                    (error("e-code", wrong("code"))) }
                label.pick { input type="checkbox" name="read" value="yes" required; (visit.t("confirm-read")) }
                (error("e-read", wrong("read")))
                div.acts { button.btn.main type="submit" { (visit.t("confirm-do")) } }
            }
        }
    }
}

/// What stands where there is nothing to confirm any more.
fn done(visit: &Visit, link: &str, shown: &LinkedLicence) -> Markup {
    let lang = visit.pick("zh", "en");
    let row = |part: &str, title: &str| {
        let href = format!("/confirm/{link}/{part}?lang={lang}");
        html! { li { div { a.t href=(href) { (visit.t(title)) } } a.btn.slim href=(href) { (visit.t("deposit-download")) } } }
    };
    html! {
        section.sec aria-labelledby="done" {
            div.h {
                h2 id="done" { (visit.t("licences-confirmation")) }
                @if shown.line.confirmed.is_some() { p { (visit.t("licences-confirmation-note")) } }
            }
            div.stack {
                @match &shown.line.confirmed {
                    Some(_) => p role="status" { (visit.tv("licence-confirmed", &[("by", shown.line.confirmed_by.clone().unwrap_or_else(|| "—".into()).into())])) },
                    None => p { (visit.t("confirm-closed")) },
                }
                @if shown.used {
                    @if shown.sealed { ul.rows { (row("certificate.pdf", "licences-certificate")) (row("package.zip", "downloads-package")) } }
                    @else { p { (visit.t("deposit-not-yet")) } }
                }
            }
        }
    }
}

pub(crate) async fn submit(State(app): State<App>, Path(link): Path<String>, visit: Visit, form: Form) -> Shown {
    allowed(&app, &visit).map_err(IntoAnswer::into_answer)?;
    let (wanted, name, code) = (link.clone(), form.get("name").to_owned(), form.typed("code"));
    let read = form.get("read") == "yes";
    match app.work(move |folder| folder.confirm_licence(&wanted, &name, code.as_deref(), read)).await {
        Ok(_) => Ok(quiet(see(&format!("/confirm/{link}")))),
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => {
            show(&app, &visit, &link, Some((&refusal, &form))).await
        }
        Err(refusal) => Ok(quiet(super::refused(&visit, &refusal))),
    }
}

pub(crate) async fn picture(State(app): State<App>, Path((link, name)): Path<(String, String)>) -> Shown {
    // Sixteen to a page: only the page itself is counted.
    let place = name.strip_suffix(".jpg").and_then(|n| n.parse().ok()).unwrap_or(0);
    let found = app.work(move |folder| folder.linked_licence_picture(&link, place)).await;
    let Some(jpeg) = found.map_err(IntoAnswer::into_answer)? else { return Err(super::nothing().await) };
    Ok(quiet(([(header::CONTENT_TYPE, "image/jpeg")], jpeg).into_response()))
}

pub(crate) async fn certificate(
    State(app): State<App>,
    Path(link): Path<String>,
    Query(query): Query,
    visit: Visit,
) -> Shown {
    allowed(&app, &visit).map_err(IntoAnswer::into_answer)?;
    let english = english(&query, &visit);
    let made = app.work(move |folder| folder.linked_licence_certificate(&link, english)).await;
    let (id, pdf) = made.map_err(IntoAnswer::into_answer)?;
    Ok(quiet(deposit::file("application/pdf", &format!("{id}.pdf"), pdf.into())))
}

pub(crate) async fn package(
    State(app): State<App>,
    Path(link): Path<String>,
    Query(query): Query,
    visit: Visit,
) -> Shown {
    allowed(&app, &visit).map_err(IntoAnswer::into_answer)?;
    let english = english(&query, &visit);
    let made = app.work(move |folder| folder.linked_licence_package(&link, english)).await;
    let (id, zip) = made.map_err(IntoAnswer::into_answer)?;
    Ok(quiet(deposit::file("application/zip", &format!("{id}.zip"), zip.into())))
}
