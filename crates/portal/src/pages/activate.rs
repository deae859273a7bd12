//! Activation: what the service is and does not do, what was given, a code, how to order; one tick, and it is open.

use super::{
    Shown,
    layout::{Frame, Nav, draw, error, token},
    secrets::of,
    see, words,
};
use crate::{app::App, enter::IntoAnswer, form::Form, problem, visit::Visit};
use axum::{extract::State, http::StatusCode};
use evidence::time::Utc;
use maud::{Markup, html};
use service::{Held, Promise, Refusal, Terms, Waits, Why, bytes_shown};

pub(crate) async fn page(State(app): State<App>, visit: Visit) -> Shown {
    show(&app, &visit, "", None, None).await
}

/// First what a code gives is shown; with the tick it is used.
pub(crate) async fn submit(State(app): State<App>, visit: Visit, form: Form) -> Shown {
    let code: String = form.get("code").trim().chars().take(40).collect();
    let (actor, typed, ticked) = (visit.actor.clone(), code.clone(), form.get("acknowledged") == "yes");
    let done = app.ask(move |folder| {
        if ticked || typed.is_empty() {
            return folder.activate(&actor, &typed, ticked).map(|()| None);
        }
        folder.look_at_code(&actor, &typed).map(Some)
    });
    match done.await {
        Ok(None) => Ok(see("/account/edition")),
        Ok(Some(promise)) => show(&app, &visit, &code, Some(&promise), None).await,
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => show(&app, &visit, &code, None, Some(&refusal)).await,
        Err(refusal) => Err(refusal.into_answer()),
    }
}

async fn show(app: &App, visit: &Visit, typed: &str, promise: Option<&Promise>, refusal: Option<&Refusal>) -> Shown {
    let actor = visit.actor.clone();
    let waits = app.ask(move |folder| folder.waits(&actor)).await.map_err(IntoAnswer::into_answer)?;
    let title = visit.t(if waits.acknowledged { "activate-add" } else { "activate-title" });
    let lead = match (waits.house, waits.acknowledged) {
        (true, _) => "edition-house",
        (_, true) => "activate-add-lead",
        _ => "activate-lead",
    };
    let body = html! {
        header.page-head { h1 { (title) } p.lead { (visit.t(lead)) } }
        (does(visit))
        @if !waits.house {
            @if !waits.acknowledged && promise.is_none() && !waits.given.is_empty() { (given(visit, &waits, of(visit, refusal, "acknowledged"))) }
            (by_code(visit, typed, promise, refusal, !waits.acknowledged && !waits.given.is_empty()))
        }
        section.sec aria-labelledby="order" {
            h2 id="order" { (visit.t("activate-order")) }
            div.stack {
                @if let Some((zh, en)) = &waits.order { p.measure { (visit.pick(zh, en)) } }
                @if !waits.house { p.small.soft { (visit.tv("activate-number", &[("n", waits.account.to_string().into())])) } }
            }
        }
    };
    let status = refusal.map_or(StatusCode::OK, problem::status);
    Ok(draw(visit, Frame { title: &title, nav: Nav::None, status }, body))
}

fn does(visit: &Visit) -> Markup {
    let list = |head: &str, ids: [&str; 3]| {
        html! { div { h3 { (visit.t(head)) } ul.plain { @for id in ids { li { (visit.t(id)) } } } } }
    };
    html! {
        section.sec aria-labelledby="is" {
            h2 id="is" { (visit.t("activate-is")) }
            div.shows {
                (list("activate-does", ["activate-does-1", "activate-does-2", "activate-does-3"]))
                (list("activate-does-not", ["activate-does-not-1", "activate-does-not-2", "activate-does-not-3"]))
            }
        }
    }
}

/// Given by the operator or bought in a market: it only waits for the tick.
fn given(visit: &Visit, waits: &Waits, wrong: Option<&str>) -> Markup {
    html! {
        section.sec aria-labelledby="given" {
            div.h { h2 id="given" { (visit.t("activate-given")) } }
            form.stack-l method="post" action="/activate" {
                (token(visit))
                @for held in &waits.given { (facts(visit, held)) }
                (tick(visit))
                (error("e-acknowledged", wrong))
                div.acts { button.btn.main type="submit" { (visit.t("activate-submit")) } }
            }
        }
    }
}

fn facts(visit: &Visit, Held { terms, given }: &Held) -> Markup {
    html! {
        dl.facts {
            dt { (visit.t("activate-giver")) } dd { (given.giver) @if given.gift { span.soft { (visit.t("activate-gift")) } } }
            dt { (visit.t("activate-contains")) } dd { (contents(visit, terms)) }
            dt { (visit.t("activate-until")) } dd { (words::time(Utc(given.expires_at))) }
        }
    }
}

fn by_code(visit: &Visit, typed: &str, promise: Option<&Promise>, refusal: Option<&Refusal>, other: bool) -> Markup {
    let wrong = of(visit, refusal, "code");
    html! {
        section.sec aria-labelledby="code" {
            div.h { h2 id="code" { (visit.t(if other { "activate-other-code" } else { "activate-code" })) } p { (visit.t("activate-code-hint")) } }
            form.stack-l method="post" action="/activate" {
                (token(visit))
                @if let Some(promise) = promise {
                    input type="hidden" name="code" value=(typed);
                    div role="status" {
                    dl.facts {
                        dt { (visit.t("activate-giver")) } dd { (promise.giver) @if promise.gift { span.soft { (visit.t("activate-gift")) } } }
                        dt { (visit.t("activate-contains")) } dd { (contents(visit, &promise.terms)) }
                        dt { (visit.t("activate-lasts")) } dd { (visit.tv("activate-months", &[("n", locale::count(promise.terms.months.into()))])) }
                        dt { (visit.t("activate-code-until")) } dd { (words::time(promise.until)) }
                        dt { (visit.t("activate-code")) } dd.mono { (typed) }
                    }
                    }
                    (tick(visit))
                } @else {
                    label.measure { (visit.t("activate-code-label")) span.hint { (visit.t("activate-code-form")) }
                        input.code type="text" name="code" value=(typed) maxlength="40" autocomplete="off" spellcheck="false" required aria-invalid=[wrong.map(|_| "true")] aria-describedby="e-code"; }
                    (error("e-code", wrong))
                }
                div.acts {
                    button.btn.main type="submit" { (visit.t(if promise.is_some() { "activate-submit" } else { "activate-look" })) }
                    @if promise.is_some() { a.btn href="/activate" { (visit.t("activate-back")) } }
                }
            }
        }
    }
}

fn tick(visit: &Visit) -> Markup {
    html! {
        label.pick { input type="checkbox" name="acknowledged" value="yes" required; (visit.t("activate-tick")) }
    }
}

/// An edition or pack in one line.
pub(super) fn contents(visit: &Visit, terms: &Terms) -> String {
    let mut parts = Vec::new();
    let monthly = terms.monthly();
    if terms.deposits > 0 {
        let n = locale::count(terms.deposits);
        parts.push(visit.tv(if monthly { "edition-deposits-monthly" } else { "edition-deposits" }, &[("n", n)]));
    }
    if terms.captures > 0 {
        let n = locale::count(terms.captures);
        parts.push(visit.tv(if monthly { "edition-captures-monthly" } else { "edition-captures" }, &[("n", n)]));
    }
    if terms.storage > 0 {
        parts.push(bytes_shown(terms.storage));
    }
    if terms.seats > 0 {
        parts.push(visit.tv("edition-seats", &[("n", locale::count(terms.seats))]));
    }
    for feature in &terms.features {
        let (zh, en) = feature.words();
        parts.push(visit.pick(zh, en).to_owned());
    }
    let comma = visit.pick("，", ", ");
    format!("{}{}{}", visit.pick(&terms.zh, &terms.en), visit.pick("：", ": "), parts.join(comma))
}
