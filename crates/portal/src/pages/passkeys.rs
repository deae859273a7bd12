//! Passkeys: one's own on the account page, and the button on the page where one signs in. A script asks the browser.

use super::{
    Shown,
    layout::{Frame, Nav, draw, error, token},
    own_path,
    secrets::of,
    see,
    sign_in::{inside, slow_down},
    words,
};
use crate::{app::App, assets, enter::IntoAnswer, form::Form, problem, visit::Visit};
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use evidence::time::Utc;
use maud::{Markup, html};
use service::{Asked, Brought, Refusal, Why};

const HERE: &str = "/account/passkeys";

fn asked(visit: &Visit) -> Asked<'_> {
    Asked { origin: &visit.origin, word: &visit.csrf }
}

fn brought(form: &Form) -> Brought {
    let [client, device, key, credential, signature] =
        ["client", "device", "key", "credential", "signature"].map(|name| form.get(name).to_owned());
    Brought { client, device, key, credential, signature }
}

/// A form that a script fills in from a device; hidden until it runs.
fn asking(visit: &Visit, path: &str, user: &str, name: &str, fields: &[&str], inner: Markup) -> Markup {
    let asked = asked(visit);
    html! {
        form.stack.narrow-form method="post" action=(path) hidden data-passkey data-challenge=(asked.challenge())
            data-host=(asked.host()) data-user=(user) data-name=(name) {
            (token(visit))
            @for field in fields { input type="hidden" name=(field); }
            (inner)
            p.small.err role="alert" data-words=(visit.t("passkeys-failed")) {}
        }
        script src=(assets::address("passkey.js")) type="module" {}
    }
}

/// On the page where one signs in.
pub(super) fn sign_in_form(visit: &Visit, next: &str) -> Markup {
    let inner = html! {
        input type="hidden" name="next" value=(next);
        div.acts { button.btn type="submit" { (visit.t("passkeys-sign-in")) } }
    };
    asking(visit, "/sign-in/passkey", "", "", &["client", "device", "credential", "signature"], inner)
}

pub(crate) async fn sign_in(State(app): State<App>, visit: Visit, form: Form) -> Shown {
    slow_down(&app, &visit).map_err(IntoAnswer::into_answer)?;
    let (brought, next) = (brought(&form), own_path(form.get("next")).to_owned());
    let (origin, word, agent) = (visit.origin.clone(), visit.csrf.clone(), visit.agent.clone());
    let (actor, old) = (visit.actor.clone(), visit.actor.session());
    let opened = app.ask(move |folder| {
        let opened = folder.sign_in_by_passkey(Asked { origin: &origin, word: &word }, &brought, &agent)?;
        if let Some(old) = old {
            folder.end_session(&actor, old)?;
        }
        Ok(opened)
    });
    Ok(inside(&visit, &next, &opened.await.map_err(IntoAnswer::into_answer)?))
}

pub(crate) async fn page(State(app): State<App>, visit: Visit) -> Shown {
    show(&app, &visit, None).await
}

async fn show(app: &App, visit: &Visit, refusal: Option<&Refusal>) -> Shown {
    let actor = visit.actor.clone();
    let all = app.ask(move |folder| folder.passkeys(&actor)).await.map_err(IntoAnswer::into_answer)?;
    let body = html! {
        @if all.is_empty() { p.soft { (visit.t("passkeys-none")) } }
        ul.rows {
            @for key in &all {
                li {
                    div {
                        span.t { (key.name) }
                        span.m {
                            (visit.t("account-since")) " " (words::minute(Utc(key.created_at)))
                            @if let Some(used) = key.used_at { "　" (visit.t("account-seen")) " " (words::minute(Utc(used))) }
                        }
                    }
                    form method="post" action=(format!("{HERE}/{}/end", key.id)) {
                        (token(visit)) button.btn.slim type="submit" { (visit.t("account-end")) }
                    }
                }
            }
        }
        form.stack.narrow-form method="post" action=(HERE) {
            (token(visit))
            label { (visit.t("sign-in-password"))
                input type="password" name="password" maxlength="1024" autocomplete="current-password" required aria-invalid=[of(visit, refusal, "password").map(|_| "true")] aria-describedby="e-password";
                (error("e-password", of(visit, refusal, "password"))) }
            div.acts { button.btn.main type="submit" { (visit.t("passkeys-add")) } a.btn href="/account" { (visit.t("account-back")) } }
        }
    };
    Ok(frame(visit, refusal, body))
}

/// The password was right: the page on which the browser asks the device.
pub(crate) async fn begin(State(app): State<App>, visit: Visit, form: Form) -> Shown {
    let (actor, password) = (visit.actor.clone(), form.get("password").to_owned());
    match app.ask_secret(move |folder| folder.may_add_passkey(&actor, &password)).await {
        Ok(()) => Ok(adding(&visit, "", None)),
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => show(&app, &visit, Some(&refusal)).await,
        Err(refusal) => Err(refusal.into_answer()),
    }
}

fn adding(visit: &Visit, name: &str, refusal: Option<&Refusal>) -> Response {
    let wrong = of(visit, refusal, "passkey-name").or(of(visit, refusal, "passkey"));
    let inner = html! {
        label { (visit.t("passkeys-name")) span.hint { (visit.t("passkeys-name-hint")) }
            input type="text" name="name" maxlength="60" required autocomplete="off" value=(name) aria-invalid=[wrong.map(|_| "true")] aria-describedby="e-name";
            (error("e-name", wrong)) }
        div.acts { button.btn.main type="submit" { (visit.t("passkeys-ask")) } a.btn href=(HERE) { (visit.t("account-back")) } }
    };
    let user = visit.actor.person_number().map(|n| n.to_string()).unwrap_or_default();
    let body = html! {
        noscript { p { (visit.t("passkeys-script")) } }
        (asking(visit, "/account/passkeys/add", &user, visit.actor.name().unwrap_or_default(), &["client", "device", "key"], inner))
    };
    frame(visit, refusal, body)
}

pub(crate) async fn add(State(app): State<App>, visit: Visit, form: Form) -> Shown {
    let (actor, name, brought) = (visit.actor.clone(), form.get("name").to_owned(), brought(&form));
    let (origin, word) = (visit.origin.clone(), visit.csrf.clone());
    let done =
        app.ask(move |folder| folder.add_passkey(&actor, &name, Asked { origin: &origin, word: &word }, &brought));
    match done.await {
        Ok(()) => Ok(see(HERE)),
        Err(refusal) if refusal.why == Why::Field("password") => show(&app, &visit, Some(&refusal)).await,
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => Ok(adding(&visit, form.get("name"), Some(&refusal))),
        Err(refusal) => Err(refusal.into_answer()),
    }
}

pub(crate) async fn end(State(app): State<App>, Path(id): Path<i64>, visit: Visit, _form: Form) -> Shown {
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.end_passkey(&actor, id)).await.map_err(IntoAnswer::into_answer)?;
    Ok(see(HERE))
}

fn frame(visit: &Visit, refusal: Option<&Refusal>, body: Markup) -> Response {
    let title = visit.t("passkeys-title");
    let body = html! {
        header.page-head {
            p.crumb { a href="/account" { (visit.t("account-title")) } }
            h1 { (title) }
            p.lead { (visit.t("passkeys-lead")) }
        }
        (body)
    };
    let status = refusal.map_or(StatusCode::OK, problem::status);
    draw(visit, Frame { title: &title, nav: Nav::None, status }, body)
}
