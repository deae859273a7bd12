//! The first page: for who has signed in, what there is; for everybody else, what this is.

use super::{
    Shown, edition,
    layout::{Frame, Nav, draw, mark_only},
    library, people, see, words,
};
use crate::{app::App, enter::IntoAnswer, visit::Visit};
use axum::{extract::State, response::Response};
use maud::{Markup, html};
use service::{Item, Permission, Search};

/// Records that the first page shows.
const RECENT: usize = 5;

pub(crate) async fn page(State(app): State<App>, visit: Visit) -> Shown {
    if visit.actor.name().is_none() {
        return Ok(see("/sign-in"));
    }
    let actor = visit.actor.clone();
    let asked = app.ask(move |folder| {
        folder.begun(&actor)?;
        let wishes = folder.open_wishes(&actor)?;
        if !folder.can(&actor, Permission::View) {
            return Ok((wishes, None));
        }
        let standing = folder.standing(&actor)?;
        Ok((wishes, Some((folder.overview(&actor)?, folder.library(&actor, &Search::default())?, standing))))
    });
    let (wishes, seen) = asked.await.map_err(IntoAnswer::into_answer)?;
    let Some((house, shelf, standing)) = seen else { return Ok(without_view(&visit)) };
    let body = html! {
        header.page-head {
            h1 { (house.owner) }
            p.lead { (visit.t("home-lead")) }
            div.acts { a.btn.main href="/register" { (visit.t("register-title")) } }
        }
        @if wishes > 0 {
            p.note { a href="/account/people" { (visit.tv("home-wishes", &[("n", wishes.to_string().into())])) } }
        }
        @if !standing.house { (edition::left(&visit, &standing)) }
        section.sec aria-labelledby="recent" {
            div.h {
                h2 id="recent" { (visit.t("home-recent")) }
                @if shelf.total > 0 { p { a href="/library" { (visit.tv("home-all", &[("n", locale::grouped(shelf.total).into())])) } } }
            }
            div.stack {
                @if shelf.waiting > 0 {
                    p { (mark_only("wait", "wait")) " " a href="/library?kind=waiting" { (visit.tv("home-waiting", &[("n", locale::grouped(shelf.waiting).into())])) } }
                }
                @if shelf.items.is_empty() { p.soft { (visit.t("home-none")) } }
                ul.rows.pic { @for item in shelf.items.iter().take(RECENT) { (recent(&visit, item)) } }
            }
        }
        section.sec aria-labelledby="ledger" {
            h2 id="ledger" { (visit.t("home-ledger")) }
            dl.facts {
                dt { (visit.t("home-runs")) } dd { (visit.runs) span.soft { (visit.t(if house.same { "home-same" } else { "home-independent" })) } }
                dt { (visit.t("home-origin")) } dd.mono { (house.origin) }
                dt { (visit.t("home-size")) } dd { (locale::grouped(house.size)) }
                dt { (visit.t("home-root")) } dd { (words::digest(&house.root, &visit.t("portal-copy"))) }
            }
        }
    };
    Ok(draw(&visit, Frame::new(&visit.t("portal-nav-home"), Nav::Home), body))
}

/// For a sub-account that may not look: what it may do instead.
fn without_view(visit: &Visit) -> Response {
    let may = visit.actor.permissions();
    let body = html! {
        header.page-head {
            h1 { (visit.actor.name().unwrap_or_default()) }
            p.lead { (visit.t("people-you-are-sub")) }
            p { (visit.t("people-may")) ": " (people::permitted(visit, &may, None, &[])) }
            div.acts {
                @for (word, path, id) in [("register", "/register", "register-title"), ("capture", "/captures", "capture-title"), ("licences", "/licences", "licences-heading"), ("people", "/account/people", "people-title")] {
                    @if may.split(' ').any(|w| w == word) { a.btn.main href=(path) { (visit.t(id)) } }
                }
                a.btn href="/library" { (visit.t("portal-nav-library")) }
            }
        }
    };
    draw(visit, Frame::new(&visit.t("portal-nav-home"), Nav::Home), body)
}

fn recent(visit: &Visit, item: &Item) -> Markup {
    html! {
        li {
            (library::small(item))
            div {
                a.t href=(format!("/deposits/{}", item.id)) { (item.title) }
                span.m { (words::minute(item.received_at)) "　" (visit.t(&format!("kind-{}", item.kind))) }
            }
            (library::standing(visit, item))
        }
    }
}
