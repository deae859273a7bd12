//! Web hooks: who is told what has ended, the secret shown once, and what became of every message.

use super::{
    Shown,
    layout::{Frame, Nav, draw, error, state, token},
    secrets::of,
    see, words,
};
use crate::{app::App, enter::IntoAnswer, form::Form, problem, visit::Visit};
use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use evidence::time::Utc;
use maud::{Markup, html};
use service::{Answer, Folder, HOOK_EVENTS, HookMessage, HookShown, Refusal, Why};

const HERE: &str = "/account/hooks";

pub(crate) async fn page(State(app): State<App>, visit: Visit) -> Shown {
    show(&app, &visit, None, None).await
}

async fn show(app: &App, visit: &Visit, made: Option<&str>, refused: Option<(&Refusal, &str)>) -> Shown {
    let actor = visit.actor.clone();
    let hooks = app.ask(move |folder| folder.hooks(&actor)).await.map_err(IntoAnswer::into_answer)?;
    let title = visit.t("hooks-title");
    let body = html! {
        header.page-head {
            h1 { (title) }
            p.lead { (visit.t("hooks-lead")) }
        }
        @if let Some(made) = made {
            div.note role="status" { p { (visit.t("hooks-made")) } p { code.mono { (made) } } }
        }
        @for hook in &hooks { (one(visit, hook)) }
        (form(visit, refused))
    };
    let status = refused.map_or(StatusCode::OK, |(refusal, _)| problem::status(refusal));
    Ok(draw(visit, Frame { title: &title, nav: Nav::None, status }, body))
}

fn one(visit: &Visit, hook: &HookShown) -> Markup {
    let act = |what: &str, word: &str| {
        html! {
            form method="post" action=(format!("{HERE}/{}/{what}", hook.id)) {
                (token(visit))
                button.btn.slim type="submit" { (visit.t(word)) }
            }
        }
    };
    let name = format!("hook-{}", hook.id);
    html! {
        section.sec aria-labelledby=(name) {
            div.h {
                h2.mono.wrap id=(name) { (hook.url) }
                p {
                    @for event in &hook.events { (visit.t(&format!("hooks-event-{event}"))) "　" }
                    (visit.t("hooks-since")) " " (words::minute(hook.created_at))
                }
            }
            div.stack {
                div.acts {
                    @if hook.paused {
                        (state("wait", "wait", &visit.t("hooks-paused")))
                        (act("resume", "hooks-resume"))
                    } @else {
                        (act("pause", "hooks-pause"))
                    }
                    (act("end", "account-end"))
                }
                @if hook.messages.is_empty() {
                    p.soft { (visit.t("hooks-nothing")) }
                } @else {
                    ul.rows { @for m in &hook.messages { li { (message(visit, m)) } } }
                }
            }
        }
    }
}

/// A message: what it was about, what came of it, and, where it was given up, the way to try anew.
fn message(visit: &Visit, m: &HookMessage) -> Markup {
    let (class, word) = match m.state.as_str() {
        "delivered" => ("ok", "hooks-delivered"),
        "dead" => ("bad", "hooks-dead"),
        _ => ("wait", "hooks-waiting"),
    };
    let about = match m.event.as_str() {
        "capture.failed" => format!("/captures/{}", m.subject),
        _ => format!("/deposits/{}", m.subject),
    };
    html! {
        div {
            a.t href=(about) { (visit.t(&format!("hooks-{}", m.event.replace('.', "-")))) }
            span.m {
                span.mono { (m.name) } "　"
                @if let Some(at) = m.tried_at { (words::time(Utc(at))) "　" }
                (visit.tv("hooks-tries", &[("n", m.tries.to_string().into())]))
                @if m.state == "waiting" && m.tries > 0 { "　" (visit.t("hooks-next")) " " (words::time(Utc(m.due_at))) }
            }
            @if let Some((zh, en)) = &m.error { span.err.warn { (visit.pick(zh, en)) } }
        }
        div.acts {
            (state(class, class, &visit.t(word)))
            @if m.state == "dead" {
                form method="post" action=(format!("{HERE}/messages/{}/again", m.id)) {
                    (token(visit))
                    button.btn.slim type="submit" { (visit.t("hooks-again")) }
                }
            }
        }
    }
}

fn form(visit: &Visit, refused: Option<(&Refusal, &str)>) -> Markup {
    let wrong = |name: &'static str| of(visit, refused.map(|(refusal, _)| refusal), name);
    html! {
        section.sec aria-labelledby="new" {
            div.h { h2 id="new" { (visit.t("hooks-new")) } p { (visit.t("hooks-new-hint")) } }
            form.stack method="post" action=(HERE) {
                (token(visit))
                label { (visit.t("hooks-url"))
                    input type="url" name="url" maxlength="500" required autocomplete="off" placeholder="https://"
                        value=(refused.map_or("", |(_, url)| url)) aria-invalid=[wrong("url").map(|_| "true")] aria-describedby="e-url";
                    (error("e-url", wrong("url"))) }
                fieldset {
                    legend { (visit.t("hooks-events")) }
                    @for event in HOOK_EVENTS {
                        label.pick { input type="checkbox" name=(event) value="yes" checked; (visit.t(&format!("hooks-event-{event}"))) }
                    }
                    (error("e-events", wrong("events")))
                }
                div.acts { button.btn type="submit" { (visit.t("hooks-add")) } }
            }
        }
    }
}

pub(crate) async fn add(State(app): State<App>, visit: Visit, form: Form) -> Shown {
    let (actor, given) = (visit.actor.clone(), form.get("url").to_owned());
    let events: Vec<&str> = HOOK_EVENTS.into_iter().filter(|e| form.get(e) == "yes").collect();
    let (url, loopback) = (given.clone(), app.capturing().loopback.clone());
    match app.ask(move |folder| folder.add_hook(&actor, &url, &events, &loopback)).await {
        Ok(secret) => show(&app, &visit, Some(&secret), None).await,
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => {
            show(&app, &visit, None, Some((&refusal, &given))).await
        }
        Err(refusal) => Err(refusal.into_answer()),
    }
}

pub(crate) async fn pause(State(app): State<App>, Path(id): Path<i64>, visit: Visit, _form: Form) -> Shown {
    done(&app, move |folder| folder.pause_hook(&visit.actor, id, true)).await
}

pub(crate) async fn resume(State(app): State<App>, Path(id): Path<i64>, visit: Visit, _form: Form) -> Shown {
    done(&app, move |folder| folder.pause_hook(&visit.actor, id, false)).await
}

pub(crate) async fn end(State(app): State<App>, Path(id): Path<i64>, visit: Visit, _form: Form) -> Shown {
    done(&app, move |folder| folder.end_hook(&visit.actor, id)).await
}

pub(crate) async fn again(State(app): State<App>, Path(id): Path<i64>, visit: Visit, _form: Form) -> Shown {
    done(&app, move |folder| folder.send_again(&visit.actor, id)).await
}

async fn done(app: &App, act: impl FnOnce(&Folder) -> Answer<()> + Send + 'static) -> Shown {
    app.ask(move |folder| act(folder)).await.map_err(IntoAnswer::into_answer)?;
    Ok(see(HERE))
}
