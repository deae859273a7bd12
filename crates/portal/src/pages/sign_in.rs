//! In and out; and the code between, where one is asked for.

use super::{
    Shown, append,
    layout::{Frame, Nav, draw, error, token},
    own_path, passkeys, see,
};
use crate::{
    app::App,
    cookies,
    enter::IntoAnswer,
    form::Form,
    problem,
    throttle::{self, Throttle},
    visit::{Query, Visit},
};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode},
    response::Response,
};
use maud::html;
use service::{Answer, Opened, Refusal, SignUps, SignedIn, Why};
use std::{net::IpAddr, time::Instant};

pub(crate) async fn page(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    let next = query.get("next").map_or("/", |n| own_path(n));
    if visit.actor.name().is_some() {
        return Ok(see(next));
    }
    Ok(show(&app, &visit, next, "", None))
}

pub(crate) async fn submit(State(app): State<App>, visit: Visit, form: Form) -> Shown {
    let (login, next) = (form.get("login").trim().to_owned(), own_path(form.get("next")).to_owned());
    if let Err(refusal) = slow_down(&app, &visit) {
        return Ok(show(&app, &visit, &next, &login, Some(&refusal)));
    }
    let (name, password, agent) = (login.clone(), form.get("password").to_owned(), visit.agent.clone());
    // A browser that changes its person leaves the earlier session behind: it ends, its token is worth nothing.
    let (actor, old) = (visit.actor.clone(), visit.actor.session());
    let opened = app.ask_secret(move |folder| {
        let opened = folder.sign_in(&name, &password, &agent)?;
        if let Some(old) = old {
            folder.end_session(&actor, old)?;
        }
        Ok(opened)
    });
    match opened.await {
        Ok(opened) => Ok(entered(&visit, &next, &opened)),
        Err(refusal) => Ok(show(&app, &visit, &next, &login, Some(&refusal))),
    }
}

/// One try of this address, or how long to wait.
pub(super) fn slow_down(app: &App, visit: &Visit) -> Answer<()> {
    take(app.throttle(), visit)
}

/// The same of other tries than a password's.
pub(super) fn take(tries: &Throttle<IpAddr>, visit: &Visit) -> Answer<()> {
    tries.take(throttle::group(visit.address), Instant::now()).map_err(|seconds| {
        Refusal::new(
            Why::Slow(seconds),
            format!("尝试得太频繁，请在 {seconds} 秒后再试"),
            format!("too many tries; try again in {seconds} seconds"),
        )
    })
}

/// In, or on to the page for a code.
pub(super) fn entered(visit: &Visit, next: &str, signed_in: &SignedIn) -> Response {
    match signed_in {
        SignedIn::Opened(opened) => inside(visit, next, opened),
        SignedIn::Code(half) => inside(visit, &code_page(next), half),
    }
}

/// On to a page, with a session's token.
pub(super) fn inside(visit: &Visit, next: &str, opened: &Opened) -> Response {
    let mut response = see(next);
    append(response.headers_mut(), cookies::set(cookies::SESSION, &opened.token, Some(opened.lasts), visit.secure));
    response
}

fn code_page(next: &str) -> String {
    let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
    format!("/sign-in/code?next={next}")
}

pub(crate) async fn code(State(app): State<App>, Query(query): Query, headers: HeaderMap, visit: Visit) -> Shown {
    let next = query.get("next").map_or("/", |n| own_path(n)).to_owned();
    let half = half(&headers);
    if !app.ask(move |folder| Ok(folder.waits_for_code(&half)?)).await.map_err(IntoAnswer::into_answer)? {
        return Ok(see("/sign-in"));
    }
    Ok(ask_code(&visit, &next, None))
}

pub(crate) async fn submit_code(State(app): State<App>, headers: HeaderMap, visit: Visit, form: Form) -> Shown {
    let (next, typed) = (own_path(form.get("next")).to_owned(), form.get("code").to_owned());
    if let Err(refusal) = slow_down(&app, &visit) {
        return Ok(ask_code(&visit, &next, Some(&refusal)));
    }
    let (half, agent) = (half(&headers), visit.agent.clone());
    match app.ask(move |folder| folder.sign_in_code(&half, &typed, &agent)).await {
        Ok(opened) => Ok(inside(&visit, &next, &opened)),
        Err(refusal) if refusal.why == Why::SignIn => Ok(see("/sign-in")),
        Err(refusal) => Ok(ask_code(&visit, &next, Some(&refusal))),
    }
}

fn half(headers: &HeaderMap) -> String {
    cookies::get(headers, cookies::SESSION).unwrap_or_default().to_owned()
}

fn ask_code(visit: &Visit, next: &str, refusal: Option<&Refusal>) -> Response {
    let (title, wrong) = (visit.t("code-title"), refusal.map(|r| visit.say(r)));
    let body = html! {
        header.page-head { h1 { (title) } p.lead { (visit.t("code-lead")) } }
        form.stack-l.narrow-form method="post" action="/sign-in/code" {
            (token(visit))
            input type="hidden" name="next" value=(next);
            label { (visit.t("code-code")) span.hint { (visit.t("code-or-recovery")) }
                input type="text" name="code" maxlength="40" autocomplete="one-time-code" autocapitalize="none" spellcheck="false" required aria-invalid=[wrong.map(|_| "true")] aria-describedby="e-code";
                (error("e-code", wrong)) }
            div.acts { button.btn.main type="submit" { (visit.t("portal-sign-in")) } a.btn href="/sign-in" { (visit.t("code-back")) } }
        }
    };
    let status = refusal.map_or(StatusCode::OK, problem::status);
    let mut response = draw(visit, Frame { title: &title, nav: Nav::None, status }, body);
    if let Some(refusal) = refusal {
        problem::retry(refusal, &mut response);
    }
    response
}

pub(crate) async fn out(State(app): State<App>, visit: Visit, _form: Form) -> Shown {
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.end_session(&actor, actor.session().unwrap_or_default()))
        .await
        .map_err(IntoAnswer::into_answer)?;
    let mut response = see("/sign-in");
    append(response.headers_mut(), cookies::set(cookies::SESSION, "", Some(0), visit.secure));
    // The next person at this browser sees no picture of the last one.
    response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\""));
    Ok(response)
}

fn show(app: &App, visit: &Visit, next: &str, login: &str, refusal: Option<&Refusal>) -> Response {
    let title = visit.t("sign-in-title");
    let wrong = refusal.map(|r| visit.say(r));
    let body = html! {
        header.page-head {
            h1 { (title) }
            @if app.waits_for_set_up() { p.lead { (visit.t("sign-in-not-set-up")) } }
        }
        form.stack-l.narrow-form method="post" action="/sign-in" {
            (token(visit))
            input type="hidden" name="next" value=(next);
            label { (visit.t("sign-in-login"))
                input type="text" name="login" maxlength="64" autocomplete="username" autocapitalize="none" spellcheck="false" required value=(login); }
            label { (visit.t("sign-in-password"))
                input type="password" name="password" maxlength="1024" autocomplete="current-password" required aria-invalid=[wrong.map(|_| "true")] aria-describedby="e-password";
                (error("e-password", wrong)) }
            div.acts {
                button.btn.main type="submit" { (visit.t("portal-sign-in")) }
                @if app.sign_up() == SignUps::Open && !app.waits_for_set_up() { a.btn href="/sign-up" { (visit.t("sign-up-title")) } }
                @if let Some(openid) = app.openid() {
                    @let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
                    a.btn href=(format!("/sign-in/openid?next={next}")) { (visit.tv("openid-sign-in", &[("host", openid.shown().into())])) }
                }
            }
        }
        (passkeys::sign_in_form(visit, next))
    };
    let status = refusal.map_or(StatusCode::OK, problem::status);
    let mut response = draw(visit, Frame { title: &title, nav: Nav::None, status }, body);
    if let Some(refusal) = refusal {
        problem::retry(refusal, &mut response);
    }
    response
}
