//! The operator's merchants: who they are, as declared, and whether a legal hold stands on one.

use super::{
    Shown,
    layout::{Frame, Nav, draw, error, state, token},
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
use maud::html;
use service::{MERCHANTS_PAGE, Refusal, Why};

pub(crate) async fn page(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    let below = query.get("below").and_then(|n| n.parse().ok()).unwrap_or(i64::MAX);
    let actor = visit.actor.clone();
    let merchants = app.ask(move |folder| folder.merchants(&actor, below)).await.map_err(IntoAnswer::into_answer)?;
    let title = visit.t("merchants-title");
    let body = html! {
        header.page-head {
            p.crumb { a href="/operator" { (visit.t("portal-nav-operator")) } }
            h1 { (title) }
            p.lead { (visit.t("merchants-lead")) }
        }
        @if merchants.is_empty() {
            p { (visit.t("merchants-none")) }
        } @else {
            ul.rows {
                @for m in &merchants {
                    li {
                        div {
                            a.t href=(format!("/operator/merchants/{}", m.id)) { (m.name) }
                            span.m { (visit.t(&format!("set-up-{}", m.kind))) "　" span.mono { (m.number) } "　" (words::minute(m.created_at)) }
                        }
                        @if m.hold.is_some() { (state("wait", "wait", &visit.t("merchants-held"))) }
                    }
                }
            }
            @if merchants.len() == MERCHANTS_PAGE as usize {
                @if let Some(last) = merchants.last() {
                    div.acts { a.btn href=(format!("/operator/merchants?below={}", last.id)) { (visit.t("merchants-more")) } }
                }
            }
        }
    };
    Ok(draw(&visit, Frame::new(&title, Nav::Operator), body))
}

pub(crate) async fn one(State(app): State<App>, Path(id): Path<i64>, visit: Visit) -> Shown {
    show(&app, &visit, id, None).await
}

pub(crate) async fn hold(State(app): State<App>, Path(id): Path<i64>, visit: Visit, form: Form) -> Shown {
    let (actor, on, reason) = (visit.actor.clone(), form.get("hold") == "yes", form.get("reason").to_owned());
    match app.ask(move |folder| folder.set_hold(&actor, id, on, &reason)).await {
        Ok(()) => Ok(see(&format!("/operator/merchants/{id}"))),
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => show(&app, &visit, id, Some(&refusal)).await,
        Err(refusal) => Err(refusal.into_answer()),
    }
}

async fn show(app: &App, visit: &Visit, id: i64, refusal: Option<&Refusal>) -> Shown {
    let actor = visit.actor.clone();
    let m = app.ask(move |folder| folder.merchant(&actor, id)).await.map_err(IntoAnswer::into_answer)?;
    let wrong = refusal.map(|r| visit.say(r));
    let body = html! {
        header.page-head {
            p.crumb { a href="/operator/merchants" { (visit.t("merchants-title")) } }
            h1 { (m.name) }
        }
        section.sec aria-labelledby="who" {
            h2 id="who" { (visit.t("merchants-who")) }
            dl.facts {
                dt { (visit.t("set-up-kind")) } dd { (visit.t(&format!("set-up-{}", m.kind))) }
                dt { (visit.t("set-up-number")) } dd.mono { (m.number) }
                dt { (visit.t("merchants-name")) } dd { (visit.t("merchants-declared")) }
                dt { (visit.t("sign-in-login")) } dd { (m.login) }
                dt { (visit.t("merchants-since")) } dd { (words::time(m.created_at)) }
                dt { (visit.t("merchants-records")) } dd { (locale::grouped(m.records)) }
                dt { (visit.t("merchants-account")) } dd { (m.id) }
            }
        }
        section.sec.last aria-labelledby="hold" {
            div.h { h2 id="hold" { (visit.t("hold-title")) } p { (visit.t("hold-hint")) } }
            form.stack method="post" action=(format!("/operator/merchants/{id}/hold")) {
                (token(visit))
                @if let Some(reason) = &m.hold { p { (state("wait", "wait", &visit.t("merchants-held"))) "　" (reason) } }
                input type="hidden" name="hold" value=(if m.hold.is_some() { "no" } else { "yes" });
                label { (visit.t("hold-reason")) input type="text" name="reason" maxlength="500" required autocomplete="off" aria-invalid=[wrong.map(|_| "true")] aria-describedby="e-reason";
                    (error("e-reason", wrong)) }
                div.acts { button.btn type="submit" { (visit.t(if m.hold.is_some() { "hold-lift" } else { "hold-set" })) } }
            }
        }
    };
    let status = refusal.map_or(StatusCode::OK, problem::status);
    Ok(draw(visit, Frame { title: &m.name, nav: Nav::Operator, status }, body))
}
