//! In and out.

use super::{
    Shown, append,
    layout::{Frame, Nav, draw, error, token},
    own_path, see,
};
use crate::{
    app::App,
    cookies,
    enter::IntoAnswer,
    form::Form,
    problem, throttle,
    visit::{Query, Visit},
};
use axum::{
    extract::State,
    http::{HeaderValue, StatusCode},
    response::Response,
};
use maud::html;
use service::{Refusal, Why};
use std::time::Instant;

pub(crate) async fn page(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    let next = query.get("next").map_or("/", |n| own_path(n));
    if visit.actor.name().is_some() {
        return Ok(see(next));
    }
    Ok(show(&app, &visit, next, "", None))
}

pub(crate) async fn submit(State(app): State<App>, visit: Visit, form: Form) -> Shown {
    let (login, next) = (form.get("login").trim().to_owned(), own_path(form.get("next")).to_owned());
    if let Err(seconds) = app.throttle().take(throttle::group(visit.address), Instant::now()) {
        let refusal = Refusal::new(
            Why::Slow(seconds),
            format!("尝试得太频繁，请在 {seconds} 秒后再试"),
            format!("too many tries; try again in {seconds} seconds"),
        );
        return Ok(show(&app, &visit, &next, &login, Some(&refusal)));
    }
    let (name, password, agent) = (login.clone(), form.get("password").to_owned(), visit.agent.clone());
    // A browser that changes its person leaves the earlier session behind: it ends, its token is worth nothing.
    let (actor, old) = (visit.actor.clone(), visit.actor.session());
    let opened = app.ask(move |folder| {
        let opened = folder.sign_in(&name, &password, &agent)?;
        if let Some(old) = old {
            folder.end_session(&actor, old)?;
        }
        Ok(opened)
    });
    match opened.await {
        Ok(opened) => {
            let mut response = see(&next);
            append(
                response.headers_mut(),
                cookies::set(cookies::SESSION, &opened.token, Some(opened.lasts), app.secure()),
            );
            Ok(response)
        }
        Err(refusal) => Ok(show(&app, &visit, &next, &login, Some(&refusal))),
    }
}

pub(crate) async fn out(State(app): State<App>, visit: Visit, _form: Form) -> Shown {
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.end_session(&actor, actor.session().unwrap_or_default()))
        .await
        .map_err(IntoAnswer::into_answer)?;
    let mut response = see("/sign-in");
    append(response.headers_mut(), cookies::set(cookies::SESSION, "", Some(0), app.secure()));
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
            div.acts { button.btn.main type="submit" { (visit.t("portal-sign-in")) } }
        }
    };
    let status = refusal.map_or(StatusCode::OK, problem::status);
    let mut response = draw(visit, Frame { title: &title, nav: Nav::None, status }, body);
    if let Some(refusal) = refusal {
        problem::retry(refusal, &mut response);
    }
    response
}
