//! The operator's room: the folder at a glance, and the ways to its other pages.

use super::{
    Shown,
    layout::{Frame, Nav, draw},
};
use crate::{app::App, enter::IntoAnswer, visit::Visit};
use axum::extract::State;
use maud::html;

/// Pages of the room: address, and the message that names it.
const ROOMS: &[(&str, &str)] = &[("/verify/record", "lookup-title")];

pub(crate) async fn page(State(app): State<App>, visit: Visit) -> Shown {
    let actor = visit.actor.clone();
    let house = app.ask(move |folder| folder.house(&actor)).await.map_err(IntoAnswer::into_answer)?;
    let title = visit.t("portal-nav-operator");
    let body = html! {
        header.page-head { h1 { (title) } p.lead { (visit.t("operator-lead")) } }
        section.sec aria-labelledby="rooms" {
            h2 id="rooms" { (visit.t("operator-rooms")) }
            div.acts { @for (path, id) in ROOMS { a.btn href=(path) { (visit.t(id)) } } }
        }
        section.sec aria-labelledby="house" {
            h2 id="house" { (visit.t("operator-house")) }
            dl.facts {
                dt { (visit.t("operator-accounts")) } dd { (locale::grouped(house.accounts)) }
                dt { (visit.t("operator-people")) } dd { (locale::grouped(house.people)) }
                dt { (visit.t("home-origin")) } dd.mono { (house.origin) }
                dt { (visit.t("home-size")) } dd { (locale::grouped(house.size)) }
                dt { (visit.t("operator-waiting")) } dd { (locale::grouped(house.waiting)) }
                dt { (visit.t("operator-free")) } dd { (locale::grouped(house.free >> 20)) " MiB" }
            }
        }
    };
    Ok(draw(&visit, Frame::new(&title, Nav::Operator), body))
}
