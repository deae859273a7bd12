//! One's own account: where one is signed in, and how to end that.

use super::{
    Shown,
    layout::{Frame, Nav, draw, state, token},
    see, words,
};
use crate::{app::App, enter::IntoAnswer, form::Form, problem, visit::Visit};
use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use evidence::time::Utc;
use maud::{Markup, html};
use service::{ApiToken, MAX_TOKEN_DAYS, Refusal, SCOPES, Why};

pub(crate) async fn page(State(app): State<App>, visit: Visit) -> Shown {
    show(&app, &visit, None, None).await
}

async fn show(app: &App, visit: &Visit, made: Option<&str>, refusal: Option<&Refusal>) -> Shown {
    let actor = visit.actor.clone();
    let asked = app.ask(move |folder| Ok((folder.sessions(&actor)?, folder.tokens(&actor)?, folder.can_close(&actor))));
    let (sessions, tokens, closable) = asked.await.map_err(IntoAnswer::into_answer)?;
    let title = visit.t("account-title");
    let body = html! {
        header.page-head {
            h1 { (visit.actor.name().unwrap_or_default()) }
            div.acts {
                form method="post" action="/sign-out" { (token(visit)) button.btn type="submit" { (visit.t("account-sign-out")) } }
            }
        }
        section.sec aria-labelledby="sessions" {
            div.h { h2 id="sessions" { (visit.t("account-sessions")) } p { (visit.t("account-sessions-hint")) } }
            ul.rows {
                @for s in &sessions {
                    li {
                        div {
                            span.t { (browser(&s.agent, visit)) }
                            span.m { (visit.t("account-since")) " " (words::time(Utc(s.created_at))) "　" (visit.t("account-seen")) " " (words::minute(Utc(s.seen_at))) }
                        }
                        @if s.current {
                            (state("ok", "ok", &visit.t("account-this")))
                        } @else {
                            form method="post" action=(format!("/account/sessions/{}/end", s.id)) {
                                (token(visit))
                                button.btn.slim type="submit" { (visit.t("account-end")) }
                            }
                        }
                    }
                }
            }
        }
        section.sec aria-labelledby="edition" {
            div.h { h2 id="edition" { (visit.t("edition-title")) } p { (visit.t("edition-hint")) } }
            div.acts { a.btn href="/account/edition" { (visit.t("edition-open")) } }
        }
        section.sec aria-labelledby="secrets" {
            h2 id="secrets" { (visit.t("secrets-title")) }
            div.acts {
                a.btn href="/account/password" { (visit.t("password-title")) }
                a.btn href="/account/codes" { (visit.t("codes-title")) }
                a.btn href="/account/passkeys" { (visit.t("passkeys-title")) }
                @if app.openid().is_some() { a.btn href="/account/openid" { (visit.t("openid-title")) } }
            }
        }
        (programs(visit, &tokens, made, refusal))
        section.sec aria-labelledby="people" {
            div.h {
                h2 id="people" { (visit.t("people-title")) }
                p { @if visit.actor.is_sub() { (visit.t("people-you-are-sub")) } @else { (visit.t("people-hint")) } }
            }
            div.acts {
                a.btn href="/account/people" { (visit.t("people-title")) }
                a.btn href="/licences" { (visit.t("licences-heading")) }
                a.btn href="/account/shops" { (visit.t("shops-title")) }
                a.btn href="/account/audit" { (visit.t("audit-title")) }
            }
        }
        @if closable {
            section.sec aria-labelledby="identity" {
                div.h { h2 id="identity" { (visit.t("identity-title")) } p { (visit.t("identity-hint")) } }
                div.acts { a.btn href="/account/identity" { (visit.t("identity-title")) } }
            }
            section.sec aria-labelledby="export" {
                div.h { h2 id="export" { (visit.t("export-title")) } p { (visit.t("export-hint")) } }
                div.acts { a.btn href="/account/export" { (visit.t("export-title")) } }
            }
            section.sec aria-labelledby="close" {
                div.h { h2 id="close" { (visit.t("close-title")) } p { (visit.t("close-hint")) } }
                div.acts { a.btn href="/account/close" { (visit.t("close-title")) } }
            }
        }
        section.sec aria-labelledby="notices" {
            div.h { h2 id="notices" { (visit.t("notices-title")) } p { (visit.t("notices-hint")) } }
            div.acts { a.btn href="/account/notices" { (visit.t("notices-title")) } }
        }
        section.sec aria-labelledby="hooks" {
            div.h { h2 id="hooks" { (visit.t("hooks-title")) } p { (visit.t("hooks-hint")) } }
            div.acts { a.btn href="/account/hooks" { (visit.t("hooks-open")) } }
        }
    };
    let status = refusal.map_or(StatusCode::OK, problem::status);
    Ok(draw(visit, Frame { title: &title, nav: Nav::None, status }, body))
}

/// Tokens for programs; a new one is shown this once.
fn programs(visit: &Visit, tokens: &[ApiToken], made: Option<&str>, refusal: Option<&Refusal>) -> Markup {
    html! {
        section.sec aria-labelledby="tokens" {
            div.h { h2 id="tokens" { (visit.t("tokens-title")) } p { (visit.t("tokens-hint")) " " a href="/api" { (visit.t("account-api")) } } }
            div.stack-l {
                @if let Some(made) = made {
                    div.note role="status" { p { (visit.t("tokens-made")) } p { code.mono { (made) } } }
                }
                @if !tokens.is_empty() {
                    ul.rows {
                        @for t in tokens {
                            li {
                                div {
                                    span.t { (t.name) }
                                    span.m {
                                        @for scope in t.scopes.split(' ') { (visit.t(&format!("scope-{scope}"))) "　" }
                                        (visit.t("tokens-until")) " " (words::minute(Utc(t.expires_at)))
                                        @if let Some(used) = t.used_at { "　" (visit.t("account-seen")) " " (words::minute(Utc(used))) }
                                    }
                                }
                                form method="post" action=(format!("/account/tokens/{}/end", t.id)) {
                                    (token(visit))
                                    button.btn.slim type="submit" { (visit.t("account-end")) }
                                }
                            }
                        }
                    }
                }
                form.stack method="post" action="/account/tokens" {
                    (token(visit))
                    div.grid2 {
                        label { (visit.t("tokens-name")) input type="text" name="name" maxlength="60" required autocomplete="off"; }
                        label { (visit.t("tokens-days")) input type="number" name="days" min="1" max=(MAX_TOKEN_DAYS) value="90" required; }
                    }
                    fieldset {
                        legend { (visit.t("tokens-for")) }
                        @for scope in SCOPES {
                            label.pick { input type="checkbox" name=(scope) value="yes"; (visit.t(&format!("scope-{scope}"))) }
                        }
                    }
                    @if let Some(refusal) = refusal { p.err role="alert" { (visit.say(refusal)) } }
                    div.acts { button.btn type="submit" { (visit.t("tokens-add")) } }
                }
            }
        }
    }
}

pub(crate) async fn add_token(State(app): State<App>, visit: Visit, form: Form) -> Shown {
    let (actor, name) = (visit.actor.clone(), form.get("name").to_owned());
    let days = form.get("days").parse().unwrap_or(0);
    let scopes: Vec<&str> = SCOPES.into_iter().filter(|s| form.get(s) == "yes").collect();
    match app.ask(move |folder| folder.add_token(&actor, &name, &scopes, days)).await {
        Ok(made) => show(&app, &visit, Some(&made), None).await,
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => show(&app, &visit, None, Some(&refusal)).await,
        Err(refusal) => Err(refusal.into_answer()),
    }
}

pub(crate) async fn end_token(State(app): State<App>, Path(id): Path<i64>, visit: Visit, _form: Form) -> Shown {
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.end_token(&actor, id)).await.map_err(IntoAnswer::into_answer)?;
    Ok(see("/account"))
}

pub(crate) async fn end_session(State(app): State<App>, Path(id): Path<i64>, visit: Visit, _form: Form) -> Shown {
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.end_session(&actor, id)).await.map_err(IntoAnswer::into_answer)?;
    Ok(see("/account"))
}

/// Browser and system as far as a browser says them; its whole words otherwise.
fn browser(agent: &str, visit: &Visit) -> String {
    const BROWSERS: [(&str, &str); 6] = [
        ("Edg/", "Edge"),
        ("MicroMessenger", "微信"),
        ("QQBrowser", "QQ"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 5] = [
        ("Windows", "Windows"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |all: &[(&str, &'static str)]| all.iter().find(|(sign, _)| agent.contains(sign)).map(|(_, name)| *name);
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser}, {system}"),
        _ if agent.is_empty() => visit.t("account-unknown"),
        _ => agent.to_owned(),
    }
}
