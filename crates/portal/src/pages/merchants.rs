//! The operator's merchants: who they are, as declared, and whether a legal hold stands on one.

use super::{
    Shown,
    identity::{checked, standing},
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
    http::{StatusCode, header},
    response::IntoResponse,
};
use maud::{Markup, html};
use service::{Identity, MERCHANTS_PAGE, MerchantShown, Refusal, Why};

pub(crate) async fn page(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    let below = query.get("below").and_then(|n| n.parse().ok()).unwrap_or(i64::MAX);
    let actor = visit.actor.clone();
    let asked = app.ask(move |folder| {
        let queue = if below == i64::MAX { folder.review_queue(&actor)? } else { Vec::new() };
        Ok((queue, folder.merchants(&actor, below)?))
    });
    let (queue, merchants) = asked.await.map_err(IntoAnswer::into_answer)?;
    let title = visit.t("merchants-title");
    let body = html! {
        header.page-head {
            p.crumb { a href="/operator" { (visit.t("portal-nav-operator")) } }
            h1 { (title) }
            p.lead { (visit.t("merchants-lead")) }
            div.acts { a.btn href="/operator/invitations" { (visit.t("invitations-title")) } }
        }
        @if !queue.is_empty() {
            section.sec aria-labelledby="queue" {
                div.h { h2 id="queue" { (visit.t("review-queue")) } p { (visit.t("review-queue-hint")) } }
                (rows(&visit, &queue))
            }
        }
        @if merchants.is_empty() {
            p { (visit.t("merchants-none")) }
        } @else {
            (rows(&visit, &merchants))
            @if merchants.len() == MERCHANTS_PAGE as usize {
                @if let Some(last) = merchants.last() {
                    div.acts { a.btn href=(format!("/operator/merchants?below={}", last.id)) { (visit.t("merchants-more")) } }
                }
            }
        }
    };
    Ok(draw(&visit, Frame::new(&title, Nav::Operator), body))
}

fn rows(visit: &Visit, merchants: &[MerchantShown]) -> Markup {
    html! {
        ul.rows {
            @for m in merchants {
                li {
                    div {
                        a.t href=(format!("/operator/merchants/{}", m.id)) { (m.name) }
                        span.m { (visit.t(&format!("set-up-{}", m.kind))) "　" span.mono { (m.number) } "　" (words::minute(m.created_at)) }
                    }
                    @if m.hold.is_some() { (state("wait", "wait", &visit.t("merchants-held"))) }
                }
            }
        }
    }
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

/// A document as it came: a picture to be looked at, a PDF to be kept and opened elsewhere.
pub(crate) async fn document(State(app): State<App>, Path((id, number)): Path<(i64, i64)>, visit: Visit) -> Shown {
    let actor = visit.actor.clone();
    let asked = app.ask(move |folder| folder.document_for_review(&actor, id, number));
    let (media_type, bytes) = asked.await.map_err(IntoAnswer::into_answer)?;
    let pdf = media_type == "application/pdf";
    let name = if pdf { format!("attachment; filename=\"{id}-{number}.pdf\"") } else { "inline".to_owned() };
    Ok(([(header::CONTENT_TYPE, media_type), (header::CONTENT_DISPOSITION, name)], bytes).into_response())
}

pub(crate) async fn review(State(app): State<App>, Path(id): Path<i64>, visit: Visit, form: Form) -> Shown {
    let (actor, approve, words) = (visit.actor.clone(), form.get("act") == "approve", form.get("words").to_owned());
    let review = form.get("review").parse().unwrap_or_default();
    match app.work(move |folder| folder.decide_review(&actor, id, review, approve, &words)).await {
        Ok(()) => Ok(see(&format!("/operator/merchants/{id}"))),
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => show(&app, &visit, id, Some(&refusal)).await,
        Err(refusal) => Err(refusal.into_answer()),
    }
}

/// What is to be compared, and the answer.
fn question(visit: &Visit, own: &Identity, wrong: Option<&str>) -> Markup {
    let (id, asked) = (own.merchant.id, own.review.as_ref().filter(|r| r.state == "asked"));
    html! {
        @if let Some(asked) = asked {
            section.sec aria-labelledby="review" {
                div.h { h2 id="review" { (visit.t("review-title")) } p { (visit.t("review-hint")) } }
                div.stack-l {
                    ul.rows {
                        @for d in &own.documents {
                            li { div {
                                a.t href=(format!("/operator/merchants/{id}/documents/{}", d.id)) { (d.name) }
                                span.m { (d.media_type) "　" (locale::grouped(d.size >> 10)) " KiB" }
                            } }
                        }
                    }
                    form.stack method="post" action=(format!("/operator/merchants/{id}/review")) {
                        (token(visit))
                        input type="hidden" name="review" value=(asked.id);
                        label { (visit.t("review-words")) span.hint { (visit.t("review-words-hint")) }
                            input type="text" name="words" maxlength="500" required autocomplete="off" aria-invalid=[wrong.map(|_| "true")] aria-describedby="e-words";
                            (error("e-words", wrong)) }
                        div.acts {
                            button.btn.main type="submit" name="act" value="approve" { (visit.t("review-approve")) }
                            button.btn type="submit" name="act" value="refuse" { (visit.t("review-refuse")) }
                        }
                    }
                }
            }
        }
    }
}

pub(super) async fn show(app: &App, visit: &Visit, id: i64, refusal: Option<&Refusal>) -> Shown {
    let actor = visit.actor.clone();
    let own = app.ask(move |folder| folder.identity_for_review(&actor, id)).await.map_err(IntoAnswer::into_answer)?;
    let m = &own.merchant;
    let wrong_of = |field: &'static str| refusal.filter(|r| r.why == Why::Field(field)).map(|r| visit.say(r));
    let wrong = wrong_of("reason");
    let body = html! {
        header.page-head {
            p.crumb { a href="/operator/merchants" { (visit.t("merchants-title")) } }
            h1 { (m.name) }
        }
        section.sec aria-labelledby="who" {
            h2 id="who" { (visit.t("merchants-who")) }
            dl.facts {
                dt { (visit.t("set-up-kind")) } dd { (visit.t(&format!("set-up-{}", m.kind))) }
                dt { (visit.t("set-up-number")) } dd.mono { (own.number.as_deref().unwrap_or(&m.number)) }
                dt { (visit.t("merchants-name")) } dd { (standing(visit, &own)) }
                @if let Some(check) = &own.check { dt { (visit.t("provider-title")) } dd { (checked(visit, check)) } }
                dt { (visit.t("sign-in-login")) } dd { (m.login) }
                dt { (visit.t("merchants-since")) } dd { (words::time(m.created_at)) }
                dt { (visit.t("merchants-records")) } dd { (locale::grouped(m.records)) }
                dt { (visit.t("merchants-account")) } dd { (m.id) }
            }
        }
        (question(visit, &own, wrong_of("words")))
        section.sec aria-labelledby="export" {
            div.h { h2 id="export" { (visit.t("export-title")) } p { (visit.t("export-operator-hint")) } }
            form.stack method="post" action=(format!("/operator/merchants/{id}/export")) {
                (token(visit))
                label { (visit.t("hold-reason")) input type="text" name="export" maxlength="500" required autocomplete="off" aria-invalid=[wrong_of("export").map(|_| "true")] aria-describedby="e-export";
                    (error("e-export", wrong_of("export"))) }
                label.pick { input type="checkbox" name="packages" value="yes"; (visit.t("export-packages")) span.hint { (visit.t("export-packages-hint")) } }
                div.acts { button.btn type="submit" { (visit.t("export-do")) } }
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
