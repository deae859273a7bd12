//! Erasing a record: what is lost and what stays, then the password again.

use super::{
    Shown,
    layout::{Frame, Nav, draw, error, token},
    sign_in::slow_down,
};
use crate::{app::App, enter::IntoAnswer, form::Form, problem, visit::Visit};
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use maud::{Markup, html};
use service::{ErasePlan, Refusal, Sentence, Why};

pub(crate) async fn page(State(app): State<App>, Path(id): Path<String>, visit: Visit) -> Shown {
    show(&app, &visit, id, None).await
}

pub(crate) async fn submit(State(app): State<App>, Path(id): Path<String>, visit: Visit, form: Form) -> Shown {
    if let Err(refusal) = slow_down(&app, &visit) {
        return show(&app, &visit, id, Some(refusal)).await;
    }
    let (actor, wanted, password) = (visit.actor.clone(), id.clone(), form.get("password").to_owned());
    match app.work(move |folder| folder.erase_of(&actor, &wanted, &password)).await {
        Ok(plan) => Ok(done(&visit, &id, &plan)),
        Err(refusal) if matches!(refusal.why, Why::Field(_) | Why::Slow(_)) => {
            show(&app, &visit, id, Some(refusal)).await
        }
        Err(refusal) => Err(refusal.into_answer()),
    }
}

async fn show(app: &App, visit: &Visit, id: String, refusal: Option<Refusal>) -> Shown {
    let (actor, wanted) = (visit.actor.clone(), id.clone());
    let plan = app.work(move |folder| folder.erase_plan_of(&actor, &wanted)).await.map_err(IntoAnswer::into_answer)?;
    let title = visit.t("erasing-title");
    let wrong = refusal.as_ref().map(|r| visit.say(r));
    let body = html! {
        header.page-head {
            p.crumb { a href=(format!("/deposits/{id}")) { (visit.t("erasing-back")) } }
            h1 { (title) }
            p.lead { (visit.t("erasing-lead")) }
        }
        section.sec aria-labelledby="records" {
            h2 id="records" { (visit.t("erase-records")) }
            ul.rows {
                @for r in &plan.records {
                    li { div { span.t { @if r.along { (visit.t(&format!("erasing-{}", r.kind))) } @else { (r.file) } } span.m.mono { (r.id) } } }
                }
            }
        }
        (list(visit, "erase-lost", &plan.lost))
        (list(visit, "erase-stays", &plan.stays))
        section.sec.last aria-labelledby="confirm" {
            h2 id="confirm" { (visit.t("erasing-confirm")) }
            form.stack method="post" action=(format!("/deposits/{id}/erase")) {
                (token(visit))
                label { (visit.t("erasing-password")) input type="password" name="password" required autocomplete="current-password"; }
                (error("wrong", wrong))
                div.acts {
                    button.btn type="submit" { (visit.t("erasing-do")) }
                    a.btn href=(format!("/deposits/{id}")) { (visit.t("erasing-keep")) }
                }
            }
        }
    };
    let status = refusal.as_ref().map_or(StatusCode::OK, problem::status);
    Ok(draw(visit, Frame { title: &title, nav: Nav::Library, status }, body))
}

fn done(visit: &Visit, id: &str, plan: &ErasePlan) -> Response {
    let title = visit.t("erasing-done");
    let body = html! {
        header.page-head { h1 { (title) } p.lead { span.mono { (id) } } }
        (list(visit, "erase-stays", &plan.stays))
        div.acts { a.btn href="/library" { (visit.t("portal-nav-library")) } }
    };
    draw(visit, Frame::new(&title, Nav::Library), body)
}

pub(super) fn list(visit: &Visit, title: &str, sentences: &[Sentence]) -> Markup {
    html! {
        section.sec aria-labelledby=(title) {
            h2 id=(title) { (visit.t(title)) }
            ul.plain.measure { @for s in sentences { li { (visit.pick(&s.zh, &s.en)) } } }
        }
    }
}
