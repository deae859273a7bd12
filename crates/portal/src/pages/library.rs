//! The library: a grid of what there is, searched and filtered by plain links and a plain form.

use super::{
    Shown,
    layout::{Frame, Nav, draw, state},
    words,
};
use crate::{
    app::App,
    enter::IntoAnswer,
    visit::{Query, Visit},
};
use axum::extract::State;
use maud::{Markup, html};
use service::{Item, Search, Shelf};

pub(crate) async fn page(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    let get = |name: &str| query.get(name).cloned().unwrap_or_default();
    let search = Search { text: get("q"), kind: get("kind"), page: get("page").parse().unwrap_or(1) };
    let (actor, wanted) = (visit.actor.clone(), search.clone());
    let shelf = app.ask(move |folder| folder.library(&actor, &wanted)).await.map_err(IntoAnswer::into_answer)?;
    let title = visit.t("portal-nav-library");
    let body = html! {
        header.page-head {
            h1 { (title) }
            div.acts { a.btn.main href="/register" { (visit.t("register-title")) } }
        }
        div.stack {
            form.find role="search" action="/library" {
                label.sr for="q" { (visit.t("library-search")) }
                input id="q" name="q" type="search" maxlength="200" placeholder=(visit.t("library-search-hint")) value=(search.text);
                @if !search.kind.is_empty() { input type="hidden" name="kind" value=(search.kind); }
                button.btn type="submit" { (visit.t("library-find")) }
            }
            (filters(&visit, &search, &shelf))
            p.small.soft role="status" { (visit.tv("library-found", &[("n", locale::grouped(shelf.total).into())])) }
        }
        @if shelf.items.is_empty() {
            p.empty { (visit.t(if search.text.is_empty() && search.kind.is_empty() { "library-empty" } else { "library-none" })) }
        } @else {
            ul.shelf aria-label=(visit.t("library-records")) {
                @for item in &shelf.items { (card(&visit, item)) }
            }
        }
        (pager(&visit, &search, &shelf))
    };
    Ok(draw(&visit, Frame::new(&title, Nav::Library), body))
}

fn filters(visit: &Visit, search: &Search, shelf: &Shelf) -> Markup {
    let count = |kind: &str| shelf.counts.get(kind).copied().unwrap_or(0);
    let kinds = ["image", "file", "digest", "capture", "comparison"];
    let all = kinds.iter().map(|k| count(k)).sum::<u64>();
    let mut entries = vec![("", "library-all", all)];
    entries.extend(kinds.iter().filter(|k| count(k) > 0 || **k == search.kind).map(|k| (*k, *k, count(k))));
    if shelf.waiting > 0 || search.kind == "waiting" {
        entries.push(("waiting", "library-waiting", shelf.waiting));
    }
    html! {
        nav.filters aria-label=(visit.t("library-kinds")) {
            @for (kind, id, n) in entries {
                a href=(link(search, kind, 1)) aria-current=[(kind == search.kind).then_some("true")] {
                    (if id == kind { visit.t(&format!("kind-{id}")) } else { visit.t(id) })
                    b { (locale::grouped(n)) }
                }
            }
        }
    }
}

pub(crate) fn card(visit: &Visit, item: &Item) -> Markup {
    html! {
        li {
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

/// How far a record is: never more than what stands.
pub(crate) fn standing(visit: &Visit, item: &Item) -> Markup {
    match (item.sealed, item.outcome.as_deref()) {
        (false, _) => state("wait", "wait", &visit.t("standing-waiting")),
        (true, Some(outcome @ ("partial" | "blocked"))) => state("res", "res", &visit.t(&format!("outcome-{outcome}"))),
        (true, _) => state("ok", "ok", &visit.t("standing-sealed")),
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
    html! {
        nav.pager aria-label=(visit.t("library-pages")) {
            @if shelf.page > 1 { a href=(link(search, &search.kind, shelf.page - 1)) rel="prev" { (visit.t("library-newer")) } }
            span { (visit.tv("library-page", &of)) }
            @if shelf.page < shelf.pages { a href=(link(search, &search.kind, shelf.page + 1)) rel="next" { (visit.t("library-older")) } }
        }
    }
}

fn link(search: &Search, kind: &str, page: u64) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in [("q", search.text.as_str()), ("kind", kind)] {
        if !value.is_empty() {
            query.append_pair(name, value);
        }
    }
    if page > 1 {
        query.append_pair("page", &page.to_string());
    }
    let query = query.finish();
    if query.is_empty() { "/library".into() } else { format!("/library?{query}") }
}
