//! Capturing pages: the queue, the steps as they happen, and what came of it.

use super::{
    Shown, edition,
    layout::{Frame, Nav, draw, mark_only, state, token},
    see, words,
};
use crate::{
    app::{App, captures_at_once},
    enter::IntoAnswer,
    form::Form,
    problem, stream,
    visit::{Query, Visit},
};
use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use evidence::{json::json, time::Utc};
use maud::{Markup, html};
use service::{Feature, Queued, Refusal, Unit, Why};
use std::time::Duration;

/// The steps in the order in which a capture takes them.
const STEPS: [&str; 12] = [
    "order",
    "check-environment",
    "start",
    "contact",
    "open",
    "settle",
    "scroll",
    "screenshot",
    "snapshot",
    "check-environment-again",
    "write-wacz",
    "record",
];
/// How often a live page hears.
const BEAT: Duration = Duration::from_millis(400);

/// `?url=` fills the form in, and `whose=own` says whose page it is.
pub(crate) async fn page(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    let get = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    let url: String = get("url").chars().filter(|c| !c.is_control()).take(2000).collect();
    show(&app, &visit, &url, get("whose") == "own", None).await
}

pub(crate) async fn submit(State(app): State<App>, visit: Visit, form: Form) -> Shown {
    let text = form.get("urls").to_owned();
    let urls: Vec<String> = text.lines().map(str::trim).filter(|u| !u.is_empty()).map(str::to_owned).collect();
    let (other, phone) = (form.get("whose") != "own", form.get("window") == "phone");
    let (actor, settings) = (visit.actor.clone(), app.capturing().clone());
    match app.ask(move |folder| folder.order_captures(&actor, &urls, other, phone, &settings, None)).await {
        Ok(numbers) if numbers.len() == 1 => Ok(see(&format!("/captures/{}", numbers[0]))),
        Ok(_) => Ok(see("/captures")),
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => show(&app, &visit, &text, !other, Some(&refusal)).await,
        Err(refusal) => Err(refusal.into_answer()),
    }
}

async fn show(app: &App, visit: &Visit, typed: &str, own: bool, refusal: Option<&Refusal>) -> Shown {
    let actor = visit.actor.clone();
    let asked = app.ask(move |folder| {
        folder.begun(&actor)?;
        let has = |feature| folder.has(&actor, feature);
        Ok((folder.captures(&actor)?, has(Feature::Capture)?, has(Feature::Phone)?, folder.remaining(&actor)?))
    });
    let (list, capture, phone, left) = asked.await.map_err(IntoAnswer::into_answer)?;
    let title = visit.t("capture-title");
    let wrong = refusal.map(|r| visit.say(r));
    let body = html! {
        header.page-head {
            h1 { (title) }
            p.lead { (visit.t("capture-lead")) }
            @if !capture {
                p.err.warn { (visit.t("capture-lacks")) " " a href="/account/edition" { (visit.t("edition-open")) } }
            } @else if let Some(left) = &left {
                (edition::remaining(visit, Unit::Capture, left))
            }
        }
        section.sec aria-labelledby="ask" {
            div.h { h2 id="ask" { (visit.t("capture-ask")) } p { (visit.t("capture-ask-hint")) } }
            form.stack method="post" action="/captures" {
                (token(visit))
                label { (visit.t("claim-url")) span.hint { (visit.t("capture-lines")) }
                    textarea name="urls" rows="3" maxlength="20000" placeholder="https://" spellcheck="false" required aria-invalid=[wrong.map(|_| "true")] { (typed) } }
                @if let Some(wrong) = wrong { span.err role="alert" { (wrong) } }
                fieldset {
                    legend { (visit.t("claim-purpose")) }
                    label.pick { input type="radio" name="whose" value="other" checked[!own]; (visit.t("purpose-other")) }
                    label.pick { input type="radio" name="whose" value="own" checked[own]; (visit.t("purpose-own")) }
                }
                fieldset {
                    legend { (visit.t("capture-window")) }
                    label.pick { input type="radio" name="window" value="desktop" checked; (visit.t("capture-desktop")) }
                    label.pick { input type="radio" name="window" value="phone" disabled[!phone]; (visit.t("capture-phone")) @if !phone { span.hint { (visit.t("edition-lacks")) " " a href="/account/edition" { (visit.t("edition-open")) } } } }
                }
                div.acts { button.btn.main type="submit" disabled[!capture || left.is_some_and(|left| edition::used_up(Unit::Capture, &left))] { (visit.t("capture-submit")) } }
                p.small.soft { (visit.t("capture-order-note")) }
            }
        }
        section.sec aria-labelledby="queue" {
            div.h { h2 id="queue" { (visit.t("capture-queue")) } p { (visit.tv("capture-at-once", &[("n", captures_at_once().to_string().into())])) } }
            @if list.is_empty() { p.soft { (visit.t("capture-none")) } }
            ul.rows {
                @for q in &list {
                    li {
                        div {
                            a.t.wrap href=(format!("/captures/{}", q.id)) { (q.url) }
                            span.m { (words::minute(Utc(q.created_at))) }
                        }
                        (standing(visit, q))
                    }
                }
            }
        }
    };
    let status = refusal.map_or(StatusCode::OK, problem::status);
    Ok(draw(visit, Frame { title: &title, nav: Nav::Capture, status }, body))
}

/// How far it is. A mark of its own kind: a page that was obtained is not a verification.
fn standing(visit: &Visit, q: &Queued) -> Markup {
    match (q.state.as_str(), q.outcome.as_deref()) {
        ("waiting", _) => state("go", "todo", &visit.t("capture-waiting")),
        ("running", _) => state("go", "go", &visit.t("capture-running")),
        ("done", Some(outcome @ ("partial" | "blocked"))) => {
            state("res", "res", &visit.t(&format!("outcome-{outcome}")))
        }
        ("done", _) => state("done", "page", &visit.t("outcome-complete")),
        _ => state("bad", "bad", &visit.t("capture-failed")),
    }
}

pub(crate) async fn one(State(app): State<App>, Path(id): Path<i64>, visit: Visit) -> Shown {
    let actor = visit.actor.clone();
    let asked = app.ask(move |folder| folder.queued_capture(&actor, id)).await;
    let (q, before) = asked.map_err(IntoAnswer::into_answer)?;
    let open = ["waiting", "running"].contains(&q.state.as_str());
    let steps = app.steps(id);
    let title = visit.t(if open { "capture-under-way" } else { "capture-ended" });
    let body = html! {
        header.page-head {
            p.crumb { a href="/captures" { (visit.t("capture-title")) } }
            h1 { (title) }
            p.lead.mono.wrap { (q.url) }
        }
        div.stack-l {
            p { (standing(&visit, &q)) }
            @if let Some((zh, en)) = &q.error { p.err { (visit.pick(zh, en)) } }
            @if let Some(record) = &q.record {
                div.acts { a.btn.main href=(format!("/deposits/{record}/capture")) { (visit.t("capture-see")) } a.btn href="/captures" { (visit.t("capture-another")) } }
            }
            @if open {
                @if q.state == "waiting" {
                    p id="place" { (visit.tv("capture-place", &[("n", (before + 1).to_string().into())])) }
                }
                ol.steps aria-live="polite" data-live=(format!("/captures/{id}/events")) {
                    @for step in STEPS {
                        @let (class, mark) = match steps.iter().position(|s| s == step) {
                            Some(place) if place + 1 == steps.len() => ("now", "go"),
                            Some(_) => ("done", "ok"),
                            None => ("", "todo"),
                        };
                        li.(class) data-step=(step) { (mark_only(class, mark)) span.t { (visit.t(&format!("step-{step}"))) } }
                    }
                }
                p.small.soft { (visit.t("capture-leave")) " " a href=(format!("/captures/{id}")) { (visit.t("capture-reload")) } }
            } @else if q.record.is_none() {
                p.small.soft { (visit.t("capture-failed-note")) }
            }
        }
    };
    Ok(draw(&visit, Frame::new(&title, Nav::Capture), body))
}

/// Server-sent events: `step` with all steps so far, `end` when there is nothing more to hear.
pub(crate) async fn events(State(app): State<App>, Path(id): Path<i64>, visit: Visit) -> Shown {
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.queued_capture(&actor, id)).await.map_err(IntoAnswer::into_answer)?;
    let (send, body) = stream::channel(8);
    tokio::spawn(async move {
        let mut told = None;
        loop {
            let actor = visit.actor.clone();
            let asked = app.ask(move |folder| folder.queued_capture(&actor, id)).await;
            let open = asked.as_ref().is_ok_and(|(q, _)| ["waiting", "running"].contains(&q.state.as_str()));
            let steps = app.steps(id);
            let text = if !open || app.stopping() {
                "event: end\ndata: {}\n\n".to_owned()
            } else if told.as_ref() == Some(&steps) {
                // A comment: a reader that has gone is noticed.
                ":\n\n".to_owned()
            } else {
                format!("event: step\ndata: {}\n\n", json!({"steps": steps}))
            };
            told = Some(steps);
            if send.send(Ok(Bytes::from(text))).await.is_err() || !open || app.stopping() {
                return;
            }
            tokio::time::sleep(BEAT).await;
        }
    });
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    Ok(response)
}
