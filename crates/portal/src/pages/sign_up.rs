//! Signing up: who the merchant is, as declared, and who signs in for it.

use super::{
    Shown,
    layout::{Frame, Nav, draw, error, token},
    see, set_up,
    sign_in::{inside, take},
};
use crate::{
    app::App,
    enter::IntoAnswer,
    form::Form,
    problem,
    visit::{Query, Visit},
};
use axum::{extract::State, http::StatusCode, response::Response};
use maud::html;
use service::{FirstSignIn, NewMerchant, Refusal, SignedIn, SignedUp, Warnings, Why};

pub(crate) async fn page(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    let (who, key) = (app.sign_up(), query.get("invitation").cloned().unwrap_or_default());
    let form = Form::of("invitation", &key);
    app.ask(move |folder| folder.takes_sign_ups(who, &key)).await.map_err(IntoAnswer::into_answer)?;
    if visit.actor.name().is_some() {
        return Ok(see("/"));
    }
    Ok(show(&visit, &form, None, &Vec::new()))
}

pub(crate) async fn submit(State(app): State<App>, visit: Visit, form: Form) -> Shown {
    let who = app.sign_up();
    let person = FirstSignIn {
        login: form.get("login").trim().to_owned(),
        name: form.get("name").to_owned(),
        password: form.get("password").to_owned(),
    };
    let new = NewMerchant {
        kind: form.get("kind").to_owned(),
        name: form.get("owner_name").to_owned(),
        number: form.get("number").to_owned(),
        person,
        invitation: form.get("invitation").to_owned(),
        confirmed: form.get("confirmed") == "yes",
    };
    let (same, agent) = (form.get("password") == form.get("password2"), visit.agent.clone());
    let tried = take(app.signing_up(), &visit);
    let made = app.ask_secret(move |folder| {
        folder.takes_sign_ups(who, &new.invitation)?;
        tried?;
        if !same {
            return Err(Refusal::field("password2", "两次输入的密码不同", "the two passwords differ"));
        }
        match folder.sign_up(who, &new)? {
            SignedUp::Odd(odd) => Ok(Err(odd)),
            SignedUp::Opened => Ok(Ok(folder.sign_in(&new.person.login, &new.person.password, &agent)?)),
        }
    });
    match made.await {
        Ok(Ok(SignedIn::Opened(opened) | SignedIn::Code(opened))) => Ok(inside(&visit, "/", &opened)),
        Ok(Err(odd)) => Ok(show(&visit, &form, None, &odd)),
        Err(refusal) if matches!(refusal.why, Why::Field(_) | Why::Slow(_)) => {
            Ok(show(&visit, &form, Some(&refusal), &Vec::new()))
        }
        Err(refusal) => Err(refusal.into_answer()),
    }
}

fn show(visit: &Visit, form: &Form, refusal: Option<&Refusal>, odd: &Warnings) -> Response {
    let title = visit.t("sign-up-title");
    let wrong = |field: &'static str| set_up::of(visit, refusal, field);
    let body = html! {
        header.page-head { h1 { (title) } p.lead { (visit.t("sign-up-lead")) } }
        form method="post" action="/sign-up" novalidate {
            (token(visit))
            input type="hidden" name="invitation" value=(form.get("invitation"));
            section.sec aria-labelledby="owner" {
                h2 id="owner" { (visit.t("sign-up-owner")) }
                div.stack-l {
                    fieldset { legend.sr { (visit.t("set-up-kind")) } (set_up::choice(form, "kind", &set_up::kinds(visit))) (error("e-kind", wrong("kind"))) }
                    div.grid2 {
                        label { (visit.t("set-up-name")) span.hint { (visit.t("sign-up-name-hint")) }
                            input type="text" name="owner_name" maxlength="100" autocomplete="organization" value=(form.get("owner_name")) required aria-invalid=[wrong("owner_name").map(|_| "true")] aria-describedby="e-owner_name";
                            (error("e-owner_name", wrong("owner_name"))) }
                        label { (visit.t("set-up-number")) span.hint { (visit.t("sign-up-number-hint")) }
                            input type="text" name="number" maxlength="18" autocomplete="off" autocapitalize="characters" spellcheck="false" value=(form.get("number")) required aria-invalid=[wrong("number").map(|_| "true")] aria-describedby="e-number";
                            (error("e-number", wrong("number"))) }
                    }
                }
            }
            (set_up::person(visit, form, refusal))
            section.sec {
                h2 { (visit.t("sign-up-write")) }
                div.stack {
                    p.measure { (visit.t("sign-up-declared")) }
                    @for (zh, en) in odd { p.err.warn { (visit.pick(zh, en)) } }
                    @if !odd.is_empty() {
                        label.pick { input type="checkbox" name="confirmed" value="yes"; (visit.t("set-up-confirm")) }
                    }
                    @if let Some(refusal) = refusal.filter(|r| matches!(r.why, Why::Slow(_))) { p.err role="alert" { (visit.say(refusal)) } }
                    div.acts { button.btn.main type="submit" { (visit.t("sign-up-title")) } a.btn href="/sign-in" { (visit.t("sign-up-known")) } }
                }
            }
        }
    };
    let refused = refusal.map(problem::status).or((!odd.is_empty()).then_some(StatusCode::UNPROCESSABLE_ENTITY));
    let frame = Frame { title: &title, nav: Nav::None, status: refused.unwrap_or(StatusCode::OK) };
    let mut response = draw(visit, frame, body);
    if let Some(refusal) = refusal {
        problem::retry(refusal, &mut response);
    }
    response
}
