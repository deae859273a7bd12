//! What one signs in with: another password, codes of an authenticator, and the way back in for who lost either.

use super::{
    Shown,
    layout::{Frame, Nav, draw, error, token},
    sign_in::{inside, slow_down},
};
use crate::{app::App, enter::IntoAnswer, form::Form, problem, visit::Visit};
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use maud::{Markup, html};
use qrcode::{Color, QrCode};
use service::{MIN_PASSWORD, Offer, Permission, Refusal, Why};

pub(crate) async fn password(State(app): State<App>, visit: Visit) -> Shown {
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.may(&actor, Permission::Secrets)).await.map_err(IntoAnswer::into_answer)?;
    Ok(show_password(&visit, None))
}

pub(crate) async fn submit_password(State(app): State<App>, visit: Visit, form: Form) -> Shown {
    let (actor, old, new) = (visit.actor.clone(), form.get("old").to_owned(), form.get("password").to_owned());
    if let Err(refusal) = twice(&form) {
        return Ok(show_password(&visit, Some(&refusal)));
    }
    match app.ask_secret(move |folder| folder.change_password(&actor, &old, &new)).await {
        Ok(opened) => Ok(inside(&visit, "/account", &opened)),
        Err(refusal) if beside(&refusal) => Ok(show_password(&visit, Some(&refusal))),
        Err(refusal) => Err(refusal.into_answer()),
    }
}

fn show_password(visit: &Visit, refusal: Option<&Refusal>) -> Response {
    let body = html! {
        form.stack-l.narrow-form method="post" action="/account/password" {
            (token(visit))
            (secret(visit, "old", "password-old", "current-password", refusal))
            (fresh(visit, refusal))
            (rest(visit, refusal, &["old", "password", "password2"]))
            p.small.soft { (visit.t("password-hint")) }
            div.acts { button.btn.main type="submit" { (visit.t("password-save")) } a.btn href="/account" { (visit.t("account-back")) } }
        }
    };
    page(visit, "password-title", refusal, body)
}

pub(crate) async fn codes(State(app): State<App>, visit: Visit) -> Shown {
    show_codes(&app, &visit, None).await
}

pub(crate) async fn begin_codes(State(app): State<App>, visit: Visit, form: Form) -> Shown {
    let (actor, password, code) = (visit.actor.clone(), form.get("password").to_owned(), form.get("code").to_owned());
    match app.ask_secret(move |folder| folder.begin_codes(&actor, &password, &code)).await {
        Ok(recovery) => Ok(show_recovery(&visit, &recovery)),
        Err(refusal) if beside(&refusal) => show_codes(&app, &visit, Some(&refusal)).await,
        Err(refusal) => Err(refusal.into_answer()),
    }
}

pub(crate) async fn end_codes(State(app): State<App>, visit: Visit, form: Form) -> Shown {
    let (actor, password, code) = (visit.actor.clone(), form.get("password").to_owned(), form.get("code").to_owned());
    match app.ask_secret(move |folder| folder.end_codes(&actor, &password, &code)).await {
        Ok(()) => Ok(super::see("/account/codes")),
        Err(refusal) if beside(&refusal) => show_codes(&app, &visit, Some(&refusal)).await,
        Err(refusal) => Err(refusal.into_answer()),
    }
}

async fn show_codes(app: &App, visit: &Visit, refusal: Option<&Refusal>) -> Shown {
    let actor = visit.actor.clone();
    let asked = app.ask(move |folder| {
        let left = folder.codes(&actor)?;
        Ok((left, if left.is_none() { Some(folder.offer_codes(&actor)?) } else { None }))
    });
    let (left, offer) = asked.await.map_err(IntoAnswer::into_answer)?;
    let code = |hint: &str| {
        let wrong = of(visit, refusal, "code");
        html! {
            label { (visit.t("code-code")) span.hint { (visit.t(hint)) }
                input type="text" name="code" maxlength="40" autocomplete="one-time-code" autocapitalize="none" spellcheck="false" required aria-invalid=[wrong.map(|_| "true")] aria-describedby="e-code";
                (error("e-code", wrong)) }
        }
    };
    let body = html! {
        @if let Some(Offer { typed, address }) = &offer {
            section.sec aria-labelledby="offer" {
                h2 id="offer" { (visit.t("codes-offer")) }
                div.stack {
                    p { (visit.t("codes-offer-hint")) }
                    (picture(visit, address))
                    p { (visit.t("codes-typed")) " " code.mono { (typed) } }
                }
            }
        }
        form.stack-l.narrow-form method="post" action=(if offer.is_some() { "/account/codes" } else { "/account/codes/end" }) {
            (token(visit))
            @if let Some(left) = left { p { (visit.tv("codes-on", &[("n", left.to_string().into())])) } }
            (secret(visit, "password", "sign-in-password", "current-password", refusal))
            (code(if offer.is_some() { "codes-first" } else { "code-or-recovery" }))
            (rest(visit, refusal, &["password", "code"]))
            div.acts {
                button.btn.main type="submit" { (visit.t(if offer.is_some() { "codes-begin" } else { "codes-end" })) }
                a.btn href="/account" { (visit.t("account-back")) }
            }
        }
    };
    Ok(page(visit, "codes-title", refusal, body))
}

fn show_recovery(visit: &Visit, recovery: &[String]) -> Response {
    let body = html! {
        div.note role="status" { p { (visit.t("codes-made")) } }
        ul.rows { @for code in recovery { li { code.mono { (code) } } } }
        div.acts { a.btn.main href="/account" { (visit.t("codes-kept")) } }
    };
    page(visit, "codes-recovery", None, body)
}

pub(crate) async fn reset(State(app): State<App>, Path(key): Path<String>, visit: Visit) -> Shown {
    let asked = key.clone();
    app.ask(move |folder| folder.is_reset(&asked)).await.map_err(IntoAnswer::into_answer)?;
    Ok(show_reset(&visit, &key, None))
}

pub(crate) async fn submit_reset(State(app): State<App>, Path(key): Path<String>, visit: Visit, form: Form) -> Shown {
    slow_down(&app, &visit).map_err(IntoAnswer::into_answer)?;
    let (asked, new, same) = (key.clone(), form.get("password").to_owned(), twice(&form));
    let done = app.ask_secret(move |folder| {
        folder.is_reset(&asked)?;
        same?;
        folder.reset_password(&asked, &new)
    });
    match done.await {
        Ok(()) => Ok(super::see("/sign-in")),
        Err(refusal) if beside(&refusal) => Ok(show_reset(&visit, &key, Some(&refusal))),
        Err(refusal) => Err(refusal.into_answer()),
    }
}

fn show_reset(visit: &Visit, key: &str, refusal: Option<&Refusal>) -> Response {
    let body = html! {
        form.stack-l.narrow-form method="post" action=(format!("/reset/{key}")) {
            (token(visit))
            p { (visit.t("reset-hint")) }
            (fresh(visit, refusal))
            (rest(visit, refusal, &["password", "password2"]))
            div.acts { button.btn.main type="submit" { (visit.t("password-save")) } }
        }
    };
    page(visit, "reset-title", refusal, body)
}

/// The same password twice, so that nobody is locked out by a slip.
pub(super) fn twice(form: &Form) -> service::Answer<()> {
    if form.get("password") == form.get("password2") {
        return Ok(());
    }
    Err(Refusal::field("password2", "两次输入的密码不同", "the two passwords differ"))
}

/// Refusals that belong on the form: a field's, and having to wait.
fn beside(refusal: &Refusal) -> bool {
    matches!(refusal.why, Why::Field(_) | Why::Slow(_))
}

pub(super) fn of<'r>(visit: &'r Visit, refusal: Option<&'r Refusal>, field: &'static str) -> Option<&'r str> {
    refusal.filter(|r| r.why == Why::Field(field)).map(|r| visit.say(r))
}

fn secret(visit: &Visit, name: &'static str, label: &str, kind: &str, refusal: Option<&Refusal>) -> Markup {
    let (wrong, id) = (of(visit, refusal, name), format!("e-{name}"));
    html! {
        label { (visit.t(label))
            input type="password" name=(name) maxlength="1024" autocomplete=(kind) required aria-invalid=[wrong.map(|_| "true")] aria-describedby=(id);
            (error(&id, wrong)) }
    }
}

/// A new password, twice.
pub(super) fn fresh(visit: &Visit, refusal: Option<&Refusal>) -> Markup {
    html! {
        p.small.soft { (visit.tv("set-up-password-hint", &[("n", MIN_PASSWORD.to_string().into())])) }
        (secret(visit, "password", "password-new", "new-password", refusal))
        (secret(visit, "password2", "set-up-password-again", "new-password", refusal))
    }
}

/// A refusal that stands beside none of these fields.
fn rest(visit: &Visit, refusal: Option<&Refusal>, fields: &[&str]) -> Markup {
    let other = refusal.filter(|r| !matches!(r.why, Why::Field(name) if fields.contains(&name)));
    html! { @if let Some(refusal) = other { p.err role="alert" { (visit.say(refusal)) } } }
}

fn page(visit: &Visit, title: &str, refusal: Option<&Refusal>, body: Markup) -> Response {
    let title = visit.t(title);
    let body = html! { header.page-head { h1 { (title) } } (body) };
    let status = refusal.map_or(StatusCode::OK, problem::status);
    let mut response = draw(visit, Frame { title: &title, nav: Nav::None, status }, body);
    if let Some(refusal) = refusal {
        problem::retry(refusal, &mut response);
    }
    response
}

/// Dark squares on light ones in both lights: cameras read no others.
fn picture(visit: &Visit, address: &str) -> Markup {
    let Ok(code) = QrCode::new(address.as_bytes()) else { return html! {} };
    let (width, quiet) = (code.width(), 4);
    let dark = code.to_colors().into_iter().enumerate().filter(|(_, color)| *color == Color::Dark);
    let squares: String =
        dark.map(|(at, _)| format!("M{} {}h1v1h-1z", at % width + quiet, at / width + quiet)).collect();
    let side = width + 2 * quiet;
    html! {
        svg role="img" aria-label=(visit.t("codes-picture")) width="220" height="220" viewBox=(format!("0 0 {side} {side}")) shape-rendering="crispEdges" {
            rect width=(side) height=(side) fill="#fff" {}
            path d=(squares) fill="#000" {}
        }
    }
}
