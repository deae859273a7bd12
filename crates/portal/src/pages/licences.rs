//! Licences: the list, and one of them with how it stands, what it names, and the form that ends it.

use super::{
    Shown, confirm,
    layout::{Frame, Nav, draw, error, state, token},
    licence_form::{facts, picture},
    secrets::of,
    see, words,
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
    http::StatusCode,
};
use evidence::time::Utc;
use maud::{Markup, html};
use service::{LicenceLine, LicenceShown, Permission, Refusal, Why};

/// Licences of one page.
const PAGE: usize = 50;
/// What a list may be narrowed to, and its words.
const STATES: [(&str, &str); 6] = [
    ("", "library-all"),
    ("valid", "licence-valid"),
    ("coming", "licence-coming"),
    ("unconfirmed", "licences-unconfirmed"),
    ("over", "licence-over"),
    ("ended", "licence-ended"),
];

pub(crate) async fn page(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    let actor = visit.actor.clone();
    let lines = app.ask(move |folder| folder.licences_of(&actor)).await.map_err(IntoAnswer::into_answer)?;
    let wanted = query.get("state").map_or("", String::as_str);
    let title = visit.t("licences-heading");
    let found: Vec<&LicenceLine> = lines.iter().filter(|line| is(line, wanted)).collect();
    let pages = found.len().div_ceil(PAGE).max(1);
    let at = query.get("page").and_then(|p| p.parse().ok()).unwrap_or(1usize).clamp(1, pages);
    let here = |page: usize| format!("/licences?state={wanted}&page={page}");
    let body = html! {
        header.page-head {
            h1 { (title) }
            p.lead { (visit.t("licences-lead")) }
            div.acts { a.btn.main href="/licences/new" { (visit.t("licences-new")) } }
        }
        @if lines.is_empty() { p.empty { (visit.t("licences-none")) } }
        @else {
            nav.filters aria-label=(visit.t("licences-states")) {
                @for (value, id) in STATES {
                    @let n = lines.iter().filter(|line| is(line, value)).count();
                    @if n > 0 || value.is_empty() || value == wanted {
                        a href=(format!("/licences?state={value}")) aria-current=[(value == wanted).then_some("true")] { (visit.t(id)) b { (locale::grouped(n as u64)) } }
                    }
                }
            }
            ul.rows { @for line in found.iter().skip((at - 1) * PAGE).take(PAGE) { (row(&visit, line)) } }
            @if found.is_empty() { p.empty { (visit.t("library-none")) } }
            @if pages > 1 {
                nav.pager aria-label=(visit.t("library-pages")) {
                    @if at > 1 { a href=(here(at - 1)) rel="prev" { (visit.t("library-newer")) } }
                    span { (visit.tv("library-page", &[("page", at.to_string().into()), ("pages", pages.to_string().into())])) }
                    @if at < pages { a href=(here(at + 1)) rel="next" { (visit.t("library-older")) } }
                }
            }
        }
    };
    Ok(draw(&visit, Frame::new(&title, Nav::Library), body))
}

fn is(line: &LicenceLine, wanted: &str) -> bool {
    let open = matches!(line.state.as_str(), "valid" | "coming");
    match wanted {
        "" => true,
        "unconfirmed" => open && line.confirmed.is_none(),
        state => line.state == state,
    }
}

/// A licence in a list.
fn row(visit: &Visit, line: &LicenceLine) -> Markup {
    let id = line.id.as_deref().unwrap_or_default();
    let n = [("n", locale::count(line.pictures.len() as u64))];
    html! {
        li {
            div {
                a.t href=(format!("/licences/{id}")) { (line.licensee.as_deref().unwrap_or_default()) @if let Some(title) = &line.title { " · " (title) } }
                span.m {
                    (days(visit, line)) "　" (visit.tv("licence-pictures", &n)) "　"
                    (visit.t(if line.confirmed.is_some() { "licences-confirmed" } else { "licences-unconfirmed" }))
                }
            }
            (standing(visit, line))
        }
    }
}

/// First and last day in words.
pub(super) fn days(visit: &Visit, line: &LicenceLine) -> String {
    let day = |d: &Option<String>| d.clone().unwrap_or_default();
    let args = [("from", day(&line.from).into()), ("until", day(&line.until).into())];
    visit.tv(if line.until.is_some() { "licence-days" } else { "licence-open" }, &args)
}

/// How it stands today.
pub(super) fn standing(visit: &Visit, line: &LicenceLine) -> Markup {
    let (class, mark) = match line.state.as_str() {
        "valid" => ("ok", "ok"),
        "coming" => ("wait", "wait"),
        _ => ("low", "no"),
    };
    state(class, mark, &visit.t(&format!("licence-{}", line.state)))
}

pub(crate) async fn one(State(app): State<App>, Path(id): Path<String>, visit: Visit) -> Shown {
    show(&app, &visit, &id, None, None).await
}

/// One licence; with what was wrong about the form that ends it, or what became of the one that makes a link.
pub(super) async fn show(
    app: &App,
    visit: &Visit,
    id: &str,
    refused: Option<(&Refusal, &Form)>,
    made: Option<Result<&str, &Refusal>>,
) -> Shown {
    let (actor, wanted) = (visit.actor.clone(), id.to_owned());
    let asked = app.ask(move |folder| {
        let may = [Permission::Download, Permission::View].map(|p| folder.can(&actor, p));
        Ok((folder.licence_of(&actor, &wanted)?, may, folder.licence_links_of(&actor, &wanted)?))
    });
    let (shown, [download, view], links) = asked.await.map_err(IntoAnswer::into_answer)?;
    let line = &shown.line;
    // What is confirmed or ended is on the ledger.
    let placed = line.index.is_some();
    let title = line.title.clone().or_else(|| line.licensee.clone()).unwrap_or_default();
    let body = html! {
        header.page-head {
            p.crumb { a href="/licences" { (visit.t("licences-heading")) } }
            h1 { (title) }
            p.lead { span.nb { (visit.t("deposit-id")) } " " span.mono { (id) } }
            p { (standing(visit, line)) @if !shown.sealed { "　" (state("wait", "wait", &visit.t("standing-waiting"))) } }
        }
        section.sec aria-labelledby="terms" {
            div.h { h2 id="terms" { (visit.t("licences-terms")) } p { (visit.t("licences-terms-hint")) } }
            dl.facts {
                (facts(visit, &terms(line), &shown.hosts))
                dt { (visit.t("licences-confirmation")) }
                @match &line.confirmed {
                    Some(at) => dd { (visit.tv("licence-confirmed", &[("by", line.confirmed_by.clone().unwrap_or_else(|| "—".into()).into())])) span.soft { @match Utc::parse_micros(at) { Ok(at) => (words::time(at)), Err(_) => (at) } } },
                    None => dd { (visit.t("licences-unconfirmed")) span.soft { (visit.t("licences-unconfirmed-hint")) } },
                }
                @if let Some(day) = &line.ended {
                    dt { (visit.t("licence-ended")) }
                    dd { (visit.tv("licences-ended-from", &[("day", day.as_str().into())])) span.soft { (line.reason.as_deref().unwrap_or("—")) } }
                }
            }
        }
        section.sec aria-labelledby="pictures" {
            div.h { h2 id="pictures" { (visit.t("licences-pictures")) } p { (visit.tv("licence-pictures", &[("n", locale::count(line.pictures.len() as u64))])) } }
            ul.rows.pic { @for p in &shown.pictures { (picture(visit, p, view)) } }
        }
        (confirm::section(visit, id, placed && line.confirmed.is_none() && matches!(line.state.as_str(), "valid" | "coming"), &links, made))
        (papers(visit, &shown, id, download, view))
        @if placed && line.ended.is_none() { (end_form(visit, id, refused)) }
        p.small.soft { (visit.t("licences-not")) }
    };
    let refusal = refused.map(|(refusal, _)| refusal).or(made.and_then(Result::err));
    let status = refusal.map_or(StatusCode::OK, problem::status);
    Ok(draw(visit, Frame { title: &title, nav: Nav::Library, status }, body))
}

/// What a recorded licence says, as the form has it.
pub(super) fn terms(line: &LicenceLine) -> service::Licence {
    service::Licence {
        title: line.title.clone(),
        licensee: line.licensee.clone().unwrap_or_default(),
        code: line.code.clone(),
        shop: line.shop.clone(),
        urls: line.urls.clone(),
        from: line.from.clone(),
        until: line.until.clone(),
        scope: line.scope.clone(),
        pictures: Vec::new(),
    }
}

fn papers(visit: &Visit, shown: &LicenceShown, id: &str, download: bool, view: bool) -> Markup {
    let row = |href: String, title: &str, note: &str| {
        html! { li { div { a.t href=(href) { (visit.t(title)) } span.m { (visit.t(note)) } } a.btn.slim href=(href) { (visit.t("deposit-download")) } } }
    };
    let lang = visit.pick("zh", "en");
    html! {
        section.sec aria-labelledby="papers" {
            div.h { h2 id="papers" { (visit.t("downloads-title")) } p { (visit.t("licences-papers-hint")) } }
            div.stack {
                @if !shown.sealed { p { (visit.t("deposit-not-yet")) } }
                @else if !download { p.soft { (visit.t("licences-no-download")) } }
                @else {
                    ul.rows {
                        (row(format!("/deposits/{id}/certificate.pdf?lang={lang}"), "licences-certificate", "licences-certificate-note"))
                        (row(format!("/deposits/{id}/package.zip?lang={lang}"), "downloads-package", "downloads-package-note"))
                        @if let Some(ended) = &shown.line.ended_by { (row(format!("/deposits/{ended}/certificate.pdf?lang={lang}"), "licences-end-certificate", "licences-end-certificate-note")) }
                        @if let Some(made) = &shown.line.confirmation { (row(format!("/deposits/{made}/certificate.pdf?lang={lang}"), "licences-confirmation-certificate", "licences-confirmation-note")) }
                    }
                }
                @if view { p.small { a href=(format!("/deposits/{id}")) { (visit.t("licences-verify")) } } }
            }
        }
    }
}

fn end_form(visit: &Visit, id: &str, refused: Option<(&Refusal, &Form)>) -> Markup {
    let empty = Form::empty();
    let (refusal, form) = refused.map_or((None, &empty), |(refusal, form)| (Some(refusal), form));
    html! {
        section.sec id="end" aria-labelledby="end-h" {
            div.h { h2 id="end-h" { (visit.t("licences-end")) } p { (visit.t("licences-end-hint")) } }
            form.stack.narrow-form method="post" action=(format!("/licences/{id}/end")) {
                (token(visit))
                label { (visit.t("licences-end-from")) span.hint { (visit.t("licences-end-from-hint")) }
                    input type="date" name="from" value=(form.get("from")) aria-invalid=[of(visit, refusal, "from").map(|_| "true")] aria-describedby="e-from";
                    (error("e-from", of(visit, refusal, "from"))) }
                label { (visit.t("licences-reason")) span.hint { (visit.t("portal-optional")) }
                    input type="text" name="reason" maxlength="500" autocomplete="off" value=(form.get("reason")) aria-describedby="e-reason";
                    (error("e-reason", of(visit, refusal, "reason"))) }
                label.pick { input type="checkbox" name="sure" value="yes" required; (visit.t("licences-end-sure")) }
                @if refusal.is_some_and(|r| r.why == Why::Field("sure")) { p.err role="alert" { (refusal.map_or("", |r| visit.say(r))) } }
                div.acts { button.btn type="submit" { (visit.t("licences-end-do")) } }
            }
        }
    }
}

pub(crate) async fn end(State(app): State<App>, Path(id): Path<String>, visit: Visit, form: Form) -> Shown {
    let (actor, wanted) = (visit.actor.clone(), id.clone());
    let (from, reason, sure) = (form.typed("from"), form.typed("reason"), form.get("sure") == "yes");
    let done = app.ask(move |folder| {
        folder.licence_of(&actor, &wanted)?;
        if !sure {
            return Err(Refusal::field("sure", "请勾选确认", "tick that you are sure"));
        }
        folder.end_licence_of(&actor, &wanted, from.as_deref(), reason.as_deref())
    });
    match done.await {
        Ok(()) => Ok(see(&format!("/licences/{id}"))),
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => {
            show(&app, &visit, &id, Some((&refusal, &form)), None).await
        }
        Err(refusal) => Err(refusal.into_answer()),
    }
}

/// On a record's page: the licences that name it.
pub(super) fn section(visit: &Visit, id: &str, licences: &[LicenceLine]) -> Markup {
    html! {
        section.sec aria-labelledby="licences" {
            div.h { h2 id="licences" { (visit.t("licences-heading")) } p { (visit.t("licences-section-hint")) } }
            div.stack {
                @if licences.is_empty() { p.soft { (visit.t("licences-none-of-this")) } }
                @else { ul.rows { @for line in licences { (row(visit, line)) } } }
                div.acts { a.btn.slim href=(format!("/licences/new?p={id}")) { (visit.t("licences-this")) } }
            }
        }
    }
}
