//! Notices: written by the operator, on every page of whom they are for, and in a list of the account's.

use super::{
    Shown,
    layout::{Frame, Nav, draw, error, state, token},
    own_path,
    secrets::of,
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
    http::StatusCode,
};
use maud::{Markup, html};
use service::{MAX_NOTICE, NewNotice, NoticeShown, NoticeTold, Refusal, Why};

const ROOM: &str = "/operator/notices";

/// A notice's text, its lines apart.
fn text(visit: &Visit, notice: &NoticeShown) -> Markup {
    html! { @for line in visit.pick(&notice.zh, &notice.en).lines() { p { (line) } } }
}

/// From when, and the last minute of its last day.
fn span(notice: &NoticeShown) -> Markup {
    html! { (words::minute(notice.begins_at)) " – " (words::minute(notice.ends_at.plus(-1))) }
}

/// What a page shows of those that the visitor has not put away.
pub(super) fn due(visit: &Visit) -> Markup {
    html! {
        @if !visit.notices.is_empty() {
            aside.notices aria-label=(visit.t("notices-title")) {
                @for notice in &visit.notices {
                    div.notice {
                        div { (text(visit, notice)) }
                        form method="post" action=(format!("/account/notices/{}/dismiss", notice.id)) {
                            (token(visit))
                            input type="hidden" name="back" value=(visit.here);
                            button.btn.slim type="submit" { (visit.t("notices-dismiss")) }
                        }
                    }
                }
            }
        }
    }
}

/// What the account was told.
pub(crate) async fn told(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    let below = query.get("below").and_then(|n| n.parse().ok()).unwrap_or(i64::MAX);
    let actor = visit.actor.clone();
    let told = app.ask(move |folder| folder.notices_told(&actor, below)).await.map_err(IntoAnswer::into_answer)?;
    let title = visit.t("notices-title");
    let body = html! {
        header.page-head {
            p.crumb { a href="/account" { (visit.t("account-back")) } }
            h1 { (title) }
            p.lead { (visit.t("notices-lead")) }
        }
        @if told.is_empty() { p.soft { (visit.t("notices-none")) } }
        ul.rows {
            @for notice in &told {
                li { div { (text(&visit, notice)) span.m { (span(notice)) } } }
            }
        }
        @if told.len() == 50 && let Some(last) = told.last() {
            div.acts { a.btn href=(format!("/account/notices?below={}", last.id)) { (visit.t("merchants-more")) } }
        }
    };
    Ok(draw(&visit, Frame::new(&title, Nav::None), body))
}

pub(crate) async fn dismiss(State(app): State<App>, Path(id): Path<i64>, visit: Visit, form: Form) -> Shown {
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.dismiss_notice(&actor, id)).await.map_err(IntoAnswer::into_answer)?;
    let back = Some(form.get("back")).filter(|back| !back.is_empty()).unwrap_or("/account/notices");
    Ok(see(own_path(back)))
}

pub(crate) async fn page(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    let below = query.get("below").and_then(|n| n.parse().ok()).unwrap_or(i64::MAX);
    show(&app, &visit, below, &Form::empty(), None).await
}

pub(crate) async fn add(State(app): State<App>, visit: Visit, form: Form) -> Shown {
    let text = |name: &str| form.get(name).to_owned();
    let new = NewNotice {
        account: text("account"),
        zh: text("zh"),
        en: text("en"),
        from: text("from"),
        until: text("until"),
    };
    let actor = visit.actor.clone();
    match app.ask(move |folder| folder.add_notice(&actor, &new)).await {
        Ok(()) => Ok(see(ROOM)),
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => {
            show(&app, &visit, i64::MAX, &form, Some(&refusal)).await
        }
        Err(refusal) => Err(refusal.into_answer()),
    }
}

pub(crate) async fn end(State(app): State<App>, Path(id): Path<i64>, visit: Visit, _form: Form) -> Shown {
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.end_notice(&actor, id)).await.map_err(IntoAnswer::into_answer)?;
    Ok(see(ROOM))
}

async fn show(app: &App, visit: &Visit, below: i64, form: &Form, refusal: Option<&Refusal>) -> Shown {
    let actor = visit.actor.clone();
    let all = app.ask(move |folder| folder.all_notices(&actor, below)).await.map_err(IntoAnswer::into_answer)?;
    let title = visit.t("notices-room");
    let wrong = |name: &'static str| of(visit, refusal, name);
    let field = |name: &'static str| {
        let (wrong, id) = (wrong(name), format!("e-{name}"));
        html! {
            label { (visit.t(&format!("notices-{name}")))
                textarea name=(name) maxlength=(MAX_NOTICE) rows="4" lang=(if name == "zh" { "zh-CN" } else { "en" }) aria-invalid=[wrong.map(|_| "true")] aria-describedby=(id) { (form.get(name)) }
                (error(&id, wrong)) }
        }
    };
    let body = html! {
        header.page-head {
            p.crumb { a href="/operator" { (visit.t("portal-nav-operator")) } }
            h1 { (title) }
            p.lead { (visit.t("notices-room-lead")) }
        }
        section.sec aria-labelledby="new" {
            div.h { h2 id="new" { (visit.t("notices-new")) } p { (visit.t("notices-new-hint")) } }
            form.stack-l method="post" action=(ROOM) {
                (token(visit))
                div.grid2 { (field("zh")) (field("en")) }
                div.grid2 {
                    @for (name, kind) in [("account", "text"), ("from", "date"), ("until", "date")] {
                        @let id = format!("e-{name}");
                        @let wrong = wrong(name);
                        label { (visit.t(&format!("notices-{name}"))) span.hint { (visit.t(&format!("notices-{name}-hint"))) }
                            input type=(kind) name=(name) value=(form.get(name)) inputmode=[(name == "account").then_some("numeric")] autocomplete="off" required[name == "until"] aria-invalid=[wrong.map(|_| "true")] aria-describedby=(id);
                            (error(&id, wrong)) }
                    }
                }
                div.acts { button.btn.main type="submit" { (visit.t("notices-add")) } }
            }
        }
        section.sec.last aria-labelledby="all" {
            h2 id="all" { (visit.t("notices-all")) }
            div.stack {
                @if all.is_empty() { p.soft { (visit.t("notices-none-yet")) } }
                ul.rows { @for one in &all { (row(visit, one)) } }
                @if all.len() == 50 && let Some(last) = all.last() {
                    div.acts { a.btn href=(format!("{ROOM}?below={}", last.shown.id)) { (visit.t("merchants-more")) } }
                }
            }
        }
    };
    let status = refusal.map_or(StatusCode::OK, problem::status);
    Ok(draw(visit, Frame { title: &title, nav: Nav::Operator, status }, body))
}

fn row(visit: &Visit, one: &NoticeTold) -> Markup {
    let class = if one.state == "open" { "ok" } else { "wait" };
    html! {
        li {
            div {
                (text(visit, &one.shown))
                span.m {
                    @if let Some(account) = one.account { (visit.tv("room-account", &[("n", account.to_string().into())])) } @else { (visit.t("notices-to-all")) }
                    "　" (span(&one.shown))
                }
            }
            div.acts {
                (state(class, class, &visit.t(&format!("notices-state-{}", one.state))))
                @if matches!(one.state, "open" | "later") {
                    form method="post" action=(format!("{ROOM}/{}/end", one.shown.id)) { (token(visit)) button.btn.slim type="submit" { (visit.t("notices-end")) } }
                }
            }
        }
    }
}
