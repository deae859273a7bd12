//! Closing one's account: what is lost and what stays, then the password again.

use super::{
    Shown, append, erase,
    layout::{Frame, Nav, draw, error, token},
    sign_in::slow_down,
};
use crate::{app::App, cookies, enter::IntoAnswer, form::Form, problem, visit::Visit};
use axum::{extract::State, http::StatusCode, response::Response};
use maud::html;
use service::{ClosePlan, Refusal, Why};

pub(crate) async fn page(State(app): State<App>, visit: Visit) -> Shown {
    show(&app, &visit, None).await
}

pub(crate) async fn submit(State(app): State<App>, visit: Visit, form: Form) -> Shown {
    if let Err(refusal) = slow_down(&app, &visit) {
        return show(&app, &visit, Some(refusal)).await;
    }
    let (actor, password) = (visit.actor.clone(), form.get("password").to_owned());
    match app.work(move |folder| folder.close_account(&actor, &password)).await {
        Ok(plan) => Ok(done(&visit, &plan)),
        Err(refusal) if matches!(refusal.why, Why::Field(_) | Why::Slow(_)) => show(&app, &visit, Some(refusal)).await,
        Err(refusal) => Err(refusal.into_answer()),
    }
}

async fn show(app: &App, visit: &Visit, refusal: Option<Refusal>) -> Shown {
    let actor = visit.actor.clone();
    let plan = app.work(move |folder| folder.close_plan(&actor)).await.map_err(IntoAnswer::into_answer)?;
    let title = visit.t("close-title");
    let wrong = refusal.as_ref().map(|r| visit.say(r));
    let records = plan.records.to_string();
    let body = html! {
        header.page-head {
            p.crumb { a href="/account" { (visit.t("account-back")) } }
            h1 { (title) }
            p.lead { (visit.tv("close-lead", &[("n", records.into())])) }
        }
        (erase::list(visit, "erase-lost", &plan.lost))
        (erase::list(visit, "erase-stays", &plan.stays))
        section.sec.last aria-labelledby="confirm" {
            h2 id="confirm" { (visit.t("close-confirm")) }
            @if plan.held {
                p.measure { (visit.t("close-held")) }
            } @else {
                form.stack method="post" action="/account/close" {
                    (token(visit))
                    label { (visit.t("erasing-password")) input type="password" name="password" required autocomplete="current-password" aria-invalid=[wrong.map(|_| "true")] aria-describedby="e-password"; }
                    (error("e-password", wrong))
                    div.acts {
                        button.btn type="submit" { (visit.t("close-do")) }
                        a.btn href="/account" { (visit.t("close-keep")) }
                    }
                }
            }
        }
    };
    let status = refusal.as_ref().map_or(StatusCode::OK, problem::status);
    Ok(draw(visit, Frame { title: &title, nav: Nav::None, status }, body))
}

/// The last page of the account, to somebody who is a visitor again.
fn done(visit: &Visit, plan: &ClosePlan) -> Response {
    let visit = Visit { actor: service::Actor::visitor(), notices: Vec::new(), ..visit.clone() };
    let title = visit.t("close-done");
    let body = html! {
        header.page-head { h1 { (title) } }
        (erase::list(&visit, "erase-stays", &plan.stays))
    };
    let mut response = draw(&visit, Frame::new(&title, Nav::None), body);
    append(response.headers_mut(), cookies::set(cookies::SESSION, "", Some(0), visit.secure));
    response
}
