//! The operator's room: the folder at a glance, and the ways to its other pages.

use super::{
    Shown,
    layout::{Frame, Nav, draw, error, state, token},
    people::{Made, reset_lead, to_field},
    secrets::of,
};
use crate::{app::App, enter::IntoAnswer, form::Form, problem, visit::Visit};
use axum::{extract::State, http::StatusCode};
use maud::{Markup, html};
use service::{House, Refusal, Why, WitnessState, bytes_shown};

/// Pages of the room: address, the message that names it, and the one that says what is there.
const ROOMS: &[(&str, &str, &str)] = &[
    ("/operator/merchants", "merchants-title", "room-merchants-about"),
    ("/operator/codes", "codes-room", "room-codes-about"),
    ("/operator/grants", "grants-room", "room-grants-about"),
    ("/operator/orders", "room-orders", "room-orders-about"),
    ("/operator/queue", "room-queue", "room-queue-about"),
    ("/operator/letters", "room-letters", "room-letters-about"),
    ("/operator/notices", "notices-room", "room-notices-about"),
    ("/operator/storage", "room-storage", "room-storage-about"),
    ("/operator/health", "room-health", "room-health-about"),
    ("/verify/record", "lookup-title", "room-lookup-about"),
];

pub(crate) async fn page(State(app): State<App>, visit: Visit) -> Shown {
    show(&app, &visit, None, None).await
}

/// A way back in for whoever signs in by this name, shown this once.
pub(crate) async fn reset(State(app): State<App>, visit: Visit, form: Form) -> Shown {
    let (actor, login) = (visit.actor.clone(), form.get("login").to_owned());
    match app.ask(move |folder| folder.reset_by_operator(&actor, &login)).await {
        Ok(made) => {
            let address = format!("{}/reset/{made}", visit.home);
            let made = Made::of(&app, &visit, address, form.typed("to"), "reset").await;
            show(&app, &visit, Some(&made), None).await
        }
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => show(&app, &visit, None, Some(&refusal)).await,
        Err(refusal) => Err(refusal.into_answer()),
    }
}

async fn show(app: &App, visit: &Visit, made: Option<&Made>, refusal: Option<&Refusal>) -> Shown {
    let wrong = of(visit, refusal, "login");
    let actor = visit.actor.clone();
    let house = app.ask(move |folder| folder.house(&actor)).await.map_err(IntoAnswer::into_answer)?;
    let title = visit.t("portal-nav-operator");
    let body = html! {
        header.page-head { h1 { (title) } p.lead { (visit.t("operator-lead")) } }
        @if let Some((zh, en)) = app.certificate_ending() { p.note role="status" { (visit.pick(&zh, &en)) } }
        section.sec aria-labelledby="rooms" {
            h2 id="rooms" { (visit.t("operator-rooms")) }
            ul.rows {
                @for (path, id, about) in ROOMS {
                    li {
                        div { a.t href=(path) { (visit.t(id)) } span.m { (visit.t(about)) } }
                        @if let Some((class, words)) = waits(visit, path, &house) { (state(class, class, &words)) }
                    }
                }
            }
        }
        section.sec aria-labelledby="house" {
            h2 id="house" { (visit.t("operator-house")) }
            dl.facts {
                dt { (visit.t("operator-accounts")) } dd { (locale::grouped(house.accounts)) }
                dt { (visit.t("operator-people")) } dd { (locale::grouped(house.people)) }
                dt { (visit.t("home-origin")) } dd.mono { (house.origin) }
                dt { (visit.t("home-size")) } dd { (locale::grouped(house.quorum.size)) }
                dt { (visit.t("operator-waiting")) } dd { (locale::grouped(house.waiting)) }
                dt { (visit.t("operator-free")) } dd { (bytes_shown(house.free)) }
            }
        }
        @if !house.quorum.witnesses.is_empty() {
            section.sec aria-labelledby="witnesses" {
                h2 id="witnesses" { (visit.t("operator-witnesses")) }
                p.mono { (house.quorum.quorum) }
                dl.facts { @for witness in &house.quorum.witnesses { (row(visit, witness)) } }
            }
        }
        section.sec aria-labelledby="reset" {
            div.h { h2 id="reset" { (visit.t("reset-lost")) } p { (visit.t("reset-lost-hint")) } }
            div.stack {
                @if let Some(made) = made { (made.note(visit, &reset_lead(visit))) }
                form.stack.narrow-form method="post" action="/operator/reset" {
                    (token(visit))
                    label { (visit.t("sign-in-login"))
                        input type="text" name="login" maxlength="64" autocomplete="off" autocapitalize="none" spellcheck="false" required aria-invalid=[wrong.map(|_| "true")] aria-describedby="e-login";
                        (error("e-login", wrong)) }
                    (to_field(app, visit))
                    div.acts { button.btn type="submit" { (visit.t("reset-make")) } }
                }
            }
        }
    };
    let status = refusal.map_or(StatusCode::OK, problem::status);
    Ok(draw(visit, Frame { title: &title, nav: Nav::Operator, status }, body))
}

/// What a room's line says beside its name: something in it waits for somebody.
fn waits(visit: &Visit, path: &str, house: &House) -> Option<(&'static str, String)> {
    let (n, class, id) = match path {
        "/operator/merchants" => (house.asked, "wait", "room-n-asked"),
        "/operator/queue" => (house.queued, "wait", "room-n-queued"),
        "/operator/letters" => (house.dead, "bad", "room-n-dead"),
        _ => return None,
    };
    (n > 0).then(|| (class, visit.tv(id, &[("n", locale::grouped(n).into())])))
}

/// A witness: whose it is, how it fares, how far behind, and why.
pub(super) fn row(visit: &Visit, witness: &WitnessState) -> Markup {
    let class = match witness.state {
        "cosigning" => "ok",
        "unused" => "wait",
        _ => "bad",
    };
    html! {
        dt { (witness.institution) "（" (visit.t(&format!("role-{}", witness.role))) "）" }
        dd {
            (state(class, class, &visit.t(&format!("operator-witness-{}", witness.state))))
            " " (visit.t("operator-witness-last")) " " span.mono { (witness.cosigned_at.as_deref().unwrap_or("—")) }
            " " (visit.t("operator-witness-lag")) " " (locale::grouped(witness.lag))
            @for why in witness.disagrees.iter().chain(&witness.reason) { span.err { (why) } }
        }
    }
}
