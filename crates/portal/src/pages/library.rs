//! The library: a grid of what there is, searched and filtered by plain links and a plain form, and chosen from.

use super::{
    Shown, edition,
    layout::{Frame, Nav, draw, state, token},
    words,
};
use crate::{
    app::App,
    enter::IntoAnswer,
    problem,
    visit::{Query, Visit},
};
use axum::{extract::State, http::StatusCode};
use maud::{Markup, html};
use service::{Item, MAX_BULK, Refusal, SHELF_KINDS, Search, Shelf, Why};
use std::collections::BTreeMap;

/// States that a search may ask for, and their words.
const STATES: [(&str, &str); 6] = [
    ("", "library-any"),
    ("sealed", "standing-sealed"),
    ("waiting", "standing-waiting"),
    ("complete", "outcome-complete"),
    ("partial", "outcome-partial"),
    ("blocked", "outcome-blocked"),
];

pub(crate) async fn page(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    show(&app, &visit, &query, None).await
}

/// What a page's query, or the hidden fields of its form, look for.
pub(crate) fn search(query: &BTreeMap<String, String>) -> Search {
    let get = |name: &str| query.get(name).cloned().unwrap_or_default();
    Search {
        text: get("q"),
        kind: get("kind"),
        state: get("state"),
        from: get("from"),
        until: get("until"),
        page: get("page").parse().unwrap_or(1),
    }
}

pub(crate) async fn show(
    app: &App,
    visit: &Visit,
    query: &BTreeMap<String, String>,
    refusal: Option<&Refusal>,
) -> Shown {
    let search = search(query);
    let (actor, wanted) = (visit.actor.clone(), search.clone());
    // A day that is none is said beside its field, over all that there is.
    let (shelf, wrong, makeable) = app
        .ask(move |folder| {
            let makeable = folder.makeable(&actor)?;
            match folder.library(&actor, &wanted) {
                Err(refusal) if matches!(refusal.why, Why::Field(_)) => {
                    let bare = Search { from: String::new(), until: String::new(), ..wanted };
                    Ok((folder.library(&actor, &bare)?, Some(refusal), makeable))
                }
                shelf => Ok((shelf?, None, makeable)),
            }
        })
        .await
        .map_err(IntoAnswer::into_answer)?;
    let refusal = refusal.or(wrong.as_ref());
    let title = visit.t("portal-nav-library");
    let body = html! {
        header.page-head {
            h1 { (title) }
            div.acts {
                a.btn.main href="/register" { (visit.t("register-title")) }
                a.btn href="/licences" { (visit.t("licences-heading")) }
            }
        }
        div.stack {
            (finder(visit, &search, refusal))
            (filters(visit, &search, &shelf))
            p.small.soft role="status" { (visit.tv("library-found", &[("n", locale::grouped(shelf.total).into())])) }
        }
        @if !shelf.unstamped.is_empty() { (unstamped(visit, &shelf)) }
        @if shelf.items.is_empty() {
            p.empty { (visit.t(if narrows(&search) { "library-none" } else { "library-empty" })) }
        } @else {
            form id="choose" method="post" action="/library/chosen" {
                (token(visit))
                @for (name, value) in fields(&search) { @if !value.is_empty() { input type="hidden" name=(name) value=(value); } }
                ul.shelf.ticks aria-label=(visit.t("library-records")) {
                    @for item in &shelf.items { (card(visit, item)) }
                }
                (pager(visit, &search, &shelf))
                (acts(visit, &search, &shelf, makeable.as_ref(), refusal))
            }
        }
    };
    let status = refusal.map_or(StatusCode::OK, problem::status);
    Ok(draw(visit, Frame { title: &title, nav: Nav::Library, status }, body))
}

fn finder(visit: &Visit, search: &Search, refusal: Option<&Refusal>) -> Markup {
    let wrong = |field: &str| refusal.filter(|r| r.why == Why::Field(if field == "from" { "from" } else { "until" }));
    let date = |name: &'static str, value: &str| {
        html! {
            label { (visit.t(&format!("library-{name}")))
                input type="date" name=(name) value=(value) aria-invalid=[wrong(name).map(|_| "true")];
                @if let Some(refusal) = wrong(name) { span.err role="alert" { (visit.say(refusal)) } } }
        }
    };
    html! {
        form.stack role="search" action="/library" {
            div.find {
                label.sr for="q" { (visit.t("library-search")) }
                input id="q" name="q" type="search" maxlength="200" placeholder=(visit.t("library-search-hint")) value=(search.text);
                button.btn type="submit" { (visit.t("library-find")) }
            }
            @if !search.kind.is_empty() { input type="hidden" name="kind" value=(search.kind); }
            details.more open[!search.state.is_empty() || !search.from.is_empty() || !search.until.is_empty()] {
                summary { (visit.t("library-narrow")) }
                div.narrow {
                    label { (visit.t("library-state"))
                        select name="state" {
                            @for (value, id) in STATES { option value=(value) selected[value == search.state] { (visit.t(id)) } }
                        }
                    }
                    (date("from", &search.from))
                    (date("until", &search.until))
                }
            }
        }
        details.more id="by-picture" open[refusal.is_some_and(|r| r.why == Why::Field("picture"))] {
            summary { (visit.t("library-by-picture")) }
            form.drop.slim method="post" action="/library/find" enctype="multipart/form-data" data-drop="picture" {
                (token(visit))
                svg aria-hidden="true" { use href="#i-sheet" {} }
                p { span.t { (visit.t("library-drop")) } span.m { (visit.t("library-drop-hint")) } }
                label.sr for="picture" { (visit.t("library-by-picture")) }
                input.file id="picture" type="file" name="picture" required;
                button.btn.slim type="submit" { (visit.t("library-look")) }
            }
            @if let Some(refusal) = refusal.filter(|r| r.why == Why::Field("picture")) { p.err role="alert" { (visit.say(refusal)) } }
        }
    }
}

fn filters(visit: &Visit, search: &Search, shelf: &Shelf) -> Markup {
    let count = |kind: &str| shelf.counts.get(kind).copied().unwrap_or(0);
    let all = SHELF_KINDS.iter().map(|k| count(k)).sum::<u64>();
    let mut entries = vec![("", "library-all", all)];
    entries.extend(SHELF_KINDS.iter().filter(|k| count(k) > 0 || **k == search.kind).map(|k| (*k, *k, count(k))));
    if shelf.waiting > 0 || search.kind == "waiting" {
        entries.push(("waiting", "library-waiting", shelf.waiting));
    }
    html! {
        nav.filters aria-label=(visit.t("library-kinds")) {
            @for (kind, id, n) in entries {
                a href=(link("/library", search, kind, 1)) aria-current=[(kind == search.kind).then_some("true")] {
                    (if id == kind { visit.t(&format!("kind-{id}")) } else { visit.t(id) })
                    b { (locale::grouped(n)) }
                }
            }
            @if shelf.total > 0 { a.end href=(link("/library.csv", search, &search.kind, 1)) { (visit.t("library-csv")) } }
        }
    }
}

/// Statements that wait for a token from outside: no records yet, so in no list of them.
fn unstamped(visit: &Visit, shelf: &Shelf) -> Markup {
    html! {
        section.sec aria-labelledby="unstamped" {
            div.h {
                h2 id="unstamped" { (visit.t("library-unstamped")) }
                p { (visit.tv("library-unstamped-hint", &[("n", locale::grouped(shelf.unstamped_total).into())])) }
            }
            ul.rows {
                @for (id, name) in &shelf.unstamped {
                    li { div { a.t href=(format!("/deposits/{id}")) { (name) } span.m.mono { (id) } } (state("wait", "wait", &visit.t("standing-unstamped"))) }
                }
            }
        }
    }
}

/// A record in the grid, to be chosen by its tick.
fn card(visit: &Visit, item: &Item) -> Markup {
    let choose = visit.tv("library-choose", &[("title", item.title.as_str().into())]);
    html! {
        li {
            label.tick { input type="checkbox" name=(format!("pick-{}", item.id)) value="on"; span.sr { (choose) } }
            @if item.kind == "image" {
                span.pic { img src=(format!("/deposits/{}/picture.jpg", item.id)) alt="" width="216" height="162" loading="lazy"; }
            } @else {
                span.pic.none { svg aria-hidden="true" { use href=(icon(&item.kind)) {} } }
            }
            a.t href=(format!("/deposits/{}", item.id)) { (item.title) }
            p.m { (words::minute(item.received_at)) "　" (visit.t(&format!("kind-{}", item.kind))) }
            (standing(visit, item))
        }
    }
}

/// What can be done with those that are ticked, or with all that was found.
fn acts(
    visit: &Visit,
    search: &Search,
    shelf: &Shelf,
    makeable: Option<&(u64, Option<Refusal>)>,
    refusal: Option<&Refusal>,
) -> Markup {
    let n = [("n", locale::grouped(shelf.total).into()), ("most", locale::grouped(MAX_BULK as u64).into())];
    let refusal = refusal.filter(|r| matches!(r.why, Why::Field("chosen" | "collection")));
    let english = visit.locale == locale::Locale::En;
    html! {
        section.sec id="acts" aria-labelledby="chosen" {
            div.h { h2 id="chosen" { (visit.t("chosen-title")) } p id="count" data-words=(visit.t("chosen-count")) { (visit.tv("chosen-hint", &n)) } }
            div.stack-l {
                @if let Some(refusal) = refusal { p.err role="alert" { (visit.say(refusal)) } }
                div.acts { button.btn.slim id="toggle" type="button" hidden { (visit.t("library-toggle")) } }
                @if shelf.pages > 1 || narrows(search) {
                    label.pick { input type="checkbox" name="all" value="yes"; span { (visit.tv("chosen-all", &n)) } }
                }
                div.code-in {
                    label { (visit.t("chosen-language"))
                        select name="lang" {
                            option value="zh" selected[!english] lang="zh-CN" { "中文" }
                            option value="en" selected[english] lang="en" { "English" }
                        }
                    }
                    button.btn type="submit" name="act" value="certificates" { (visit.t("chosen-certificates")) }
                }
                div {
                    div.code-in {
                        label { (visit.t("chosen-collection")) input type="text" name="title" maxlength="200" placeholder=(visit.t("chosen-collection-title")) autocomplete="off"; }
                        button.btn type="submit" name="act" value="collection" { (visit.t("chosen-collect")) }
                    }
                    p.small.soft { (visit.t("chosen-collection-hint")) }
                    (edition::makeable(visit, makeable))
                }
                div.acts { button.btn type="submit" name="act" value="license" { (visit.t("chosen-license")) } }
            }
        }
    }
}

/// How far a record is: never more than what stands.
pub(crate) fn standing(visit: &Visit, item: &Item) -> Markup {
    match (item.sealed, item.outcome.as_deref()) {
        (false, _) if item.unwitnessed => state("wait", "wait", &visit.t("standing-witnesses")),
        (false, _) => state("wait", "wait", &visit.t("standing-waiting")),
        (true, Some(outcome @ ("partial" | "blocked"))) => state("res", "res", &visit.t(&format!("outcome-{outcome}"))),
        (true, _) => state("ok", "ok", &visit.t("standing-sealed")),
    }
}

/// A picture in a list, or a sign of what else the record is.
pub(crate) fn small(item: &Item) -> Markup {
    html! {
        @if item.kind == "image" {
            img src=(format!("/deposits/{}/picture.jpg", item.id)) alt="" width="72" height="54" loading="lazy";
        } @else {
            span.pageicon { svg aria-hidden="true" { use href=(icon(&item.kind)) {} } }
        }
    }
}

pub(crate) fn icon(kind: &str) -> &'static str {
    match kind {
        "capture" | "comparison" => "#i-page",
        _ => "#i-hash",
    }
}

fn pager(visit: &Visit, search: &Search, shelf: &Shelf) -> Markup {
    if shelf.pages <= 1 {
        return html! {};
    }
    let of = [("page", shelf.page.to_string().into()), ("pages", locale::grouped(shelf.pages).into())];
    let to = |page: u64| link("/library", search, &search.kind, page);
    html! {
        nav.pager aria-label=(visit.t("library-pages")) {
            @if shelf.page > 1 { a href=(to(shelf.page - 1)) rel="prev" { (visit.t("library-newer")) } }
            span { (visit.tv("library-page", &of)) }
            @if shelf.page < shelf.pages { a href=(to(shelf.page + 1)) rel="next" { (visit.t("library-older")) } }
        }
    }
}

fn narrows(search: &Search) -> bool {
    fields(search).iter().any(|(_, value)| !value.is_empty())
}

/// A search without its page, as a query and a form name it.
fn fields(search: &Search) -> [(&'static str, &str); 5] {
    [
        ("q", search.text.as_str()),
        ("kind", search.kind.as_str()),
        ("state", search.state.as_str()),
        ("from", search.from.as_str()),
        ("until", search.until.as_str()),
    ]
}

fn link(path: &str, search: &Search, kind: &str, page: u64) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields(search) {
        let value = if name == "kind" { kind } else { value };
        if !value.is_empty() {
            query.append_pair(name, value);
        }
    }
    if page > 1 {
        query.append_pair("page", &page.to_string());
    }
    let query = query.finish();
    if query.is_empty() { path.into() } else { format!("{path}?{query}") }
}
