//! Letting chosen people sign up: addresses that the operator hands out, each good once.

use super::{
    Shown,
    layout::{Frame, Nav, draw, error, token},
    see, words,
};
use crate::{app::App, enter::IntoAnswer, form::Form, problem, visit::Visit};
use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use maud::html;
use service::{MAX_INVITATION_DAYS, Refusal, SignUps, Why};

pub(crate) async fn page(State(app): State<App>, visit: Visit) -> Shown {
    show(&app, &visit, None, None).await
}

pub(crate) async fn add(State(app): State<App>, visit: Visit, form: Form) -> Shown {
    let (actor, name) = (visit.actor.clone(), form.get("name").to_owned());
    let days = form.get("days").parse().unwrap_or_default();
    match app.ask(move |folder| folder.invite_merchant(&actor, &name, days)).await {
        Ok(key) => show(&app, &visit, Some(&format!("{}/sign-up?invitation={key}", visit.home)), None).await,
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => show(&app, &visit, None, Some(&refusal)).await,
        Err(refusal) => Err(refusal.into_answer()),
    }
}

pub(crate) async fn end(State(app): State<App>, Path(id): Path<i64>, visit: Visit, _form: Form) -> Shown {
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.end_invitation(&actor, id)).await.map_err(IntoAnswer::into_answer)?;
    Ok(see("/operator/invitations"))
}

async fn show(app: &App, visit: &Visit, made: Option<&str>, refusal: Option<&Refusal>) -> Shown {
    let actor = visit.actor.clone();
    let open = app.ask(move |folder| folder.invitations(&actor)).await.map_err(IntoAnswer::into_answer)?;
    let title = visit.t("invitations-title");
    let wrong = |field: &'static str| refusal.filter(|r| r.why == Why::Field(field)).map(|r| visit.say(r));
    let body = html! {
        header.page-head {
            p.crumb { a href="/operator/merchants" { (visit.t("merchants-title")) } }
            h1 { (title) }
            p.lead { (visit.t("invitations-lead")) }
        }
        section.sec.last aria-labelledby="invitations" {
            h2 id="invitations" { (visit.t("invitations-open")) }
            div.stack-l {
                @if app.sign_up() == SignUps::Closed { p.measure { (visit.t("invitations-closed")) } }
                @if let Some(made) = made {
                    div.note role="status" { p { (visit.t("invitations-made")) } p { code.mono { (made) } } }
                }
                @if !open.is_empty() {
                    ul.rows {
                        @for i in &open {
                            li {
                                div { span.t { (i.name) } span.m { (visit.t("tokens-until")) " " (words::minute(i.until)) } }
                                form method="post" action=(format!("/operator/invitations/{}/end", i.id)) {
                                    (token(visit))
                                    button.btn.slim type="submit" { (visit.t("account-end")) }
                                }
                            }
                        }
                    }
                }
                form.stack method="post" action="/operator/invitations" {
                    (token(visit))
                    div.grid2 {
                        label { (visit.t("invitations-name")) input type="text" name="name" maxlength="60" required autocomplete="off" aria-invalid=[wrong("name").map(|_| "true")] aria-describedby="e-name";
                            (error("e-name", wrong("name"))) }
                        label { (visit.t("tokens-days")) input type="number" name="days" min="1" max=(MAX_INVITATION_DAYS) value="7" required aria-invalid=[wrong("days").map(|_| "true")] aria-describedby="e-days";
                            (error("e-days", wrong("days"))) }
                    }
                    div.acts { button.btn type="submit" { (visit.t("invitations-add")) } }
                }
            }
        }
    };
    let status = refusal.map_or(StatusCode::OK, problem::status);
    Ok(draw(visit, Frame { title: &title, nav: Nav::Operator, status }, body))
}
