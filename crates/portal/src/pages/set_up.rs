//! The first page of a machine: what it can do, who runs the ledger, who the owner is, who signs in.

use super::{
    Shown, append,
    layout::{Frame, Nav, draw, error, mark_only, state, token},
    see,
};
use crate::{app::App, cookies, enter::IntoAnswer, form::Form, problem, visit::Visit};
use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use maud::{Markup, html};
use service::{Answer, Finding, FirstSignIn, Folder, InitOptions, MIN_PASSWORD, Refusal, SignedIn, Warnings, Why};

pub(crate) async fn page(State(app): State<App>, Path(key): Path<String>, visit: Visit) -> Shown {
    guard(&app, &key).map_err(IntoAnswer::into_answer)?;
    show(&app, &visit, &key, &Form::empty(), None, &Vec::new()).await
}

pub(crate) async fn submit(State(app): State<App>, Path(key): Path<String>, visit: Visit, form: Form) -> Shown {
    guard(&app, &key).map_err(IntoAnswer::into_answer)?;
    let person = FirstSignIn {
        login: form.get("login").trim().to_owned(),
        name: form.get("name").to_owned(),
        password: form.get("password").to_owned(),
    };
    if form.get("password") != form.get("password2") {
        let again = Refusal::field("password2", "两次输入的密码不同", "the two passwords differ");
        return show(&app, &visit, &key, &form, Some(&again), &Vec::new()).await;
    }
    let new = app.folder().is_none();
    let options = options(&form);
    let confirmed = form.get("confirmed") == "yes";
    let (data, folder, agent) = (app.data().to_owned(), app.folder(), visit.agent.clone());
    let opening = app.clone();
    let token = key.clone();
    let place = app.hashing().await;
    let made = app.wait(move || {
        let _place = place;
        let _alone = opening.alone();
        guard(&opening, &token)?;
        if new {
            let odd = service::set_up_warnings(&options)?;
            if !odd.is_empty() && !confirmed {
                return Ok(Err(odd));
            }
            Folder::set_up(&data, &options, &person)?;
        } else if let Some(folder) = &folder {
            folder.add_first_sign_in(&person)?;
        }
        let (SignedIn::Opened(opened) | SignedIn::Code(opened)) =
            opening.was_set_up()?.sign_in(&person.login, &person.password, &agent)?;
        Ok(Ok(opened))
    });
    match made.await {
        Ok(Ok(opened)) => {
            let mut response = see("/");
            append(
                response.headers_mut(),
                cookies::set(cookies::SESSION, &opened.token, Some(opened.lasts), visit.secure),
            );
            Ok(response)
        }
        Err(refusal) if refusal.why == Why::NotFound => Err(refusal.into_answer()),
        Ok(Err(odd)) => show(&app, &visit, &key, &form, None, &odd).await,
        Err(refusal) => show(&app, &visit, &key, &form, Some(&refusal), &Vec::new()).await,
    }
}

/// A wrong or used token reads like any page that is not there.
fn guard(app: &App, key: &str) -> Answer<()> {
    if app.is_set_up(key) {
        return Ok(());
    }
    let (zh, en) = (
        "这个设置地址不能用；请看服务启动时的日志",
        "this set-up address is of no use; see the log of the server's start",
    );
    Err(Refusal::new(Why::NotFound, zh, en))
}

fn options(form: &Form) -> InitOptions {
    let numbers = |kind: &str, number: Option<String>| {
        if kind == "individual" { (None, number) } else { (number, None) }
    };
    let filings = form.get("filings").split(['、', ';', '；', '\n']).map(str::trim).filter(|f| !f.is_empty());
    let shared = InitOptions {
        origin: form.typed("origin"),
        operator_filings: filings.map(str::to_owned).collect(),
        ..InitOptions::default()
    };
    let name = |field: &str| form.typed(field).unwrap_or_default();
    if form.get("relation") == "other" {
        let (owner_code, owner_id) = numbers(form.get("owner_kind"), form.typed("owner_number"));
        return InitOptions {
            owner_kind: form.get("owner_kind").to_owned(),
            owner_name: name("owner_name"),
            owner_code,
            owner_id,
            operator_name: Some(name("operator_name")),
            operator_code: form.typed("operator_number"),
            ..shared
        };
    }
    let (owner_code, owner_id) = numbers(form.get("operator_kind"), form.typed("operator_number"));
    let (owner_kind, owner_name) = (form.get("operator_kind").to_owned(), name("operator_name"));
    InitOptions { owner_kind, owner_name, owner_code, owner_id, ..shared }
}

async fn show(app: &App, visit: &Visit, key: &str, form: &Form, refusal: Option<&Refusal>, odd: &Warnings) -> Shown {
    let new = app.folder().is_none();
    let data = app.data().to_owned();
    let findings = if new { app.wait(move || Ok(service::set_up_findings(&data))).await } else { Ok(Vec::new()) };
    let findings = findings.map_err(IntoAnswer::into_answer)?;
    let title = visit.t("set-up-title");
    let body = html! {
        header.page-head {
            h1 { (title) }
            p.lead { (visit.t(if new { "set-up-lead" } else { "set-up-lead-person" })) }
        }
        @if new { (machine(visit, key, &findings)) }
        form method="post" action=(format!("/set-up/{key}")) novalidate {
            (token(visit))
            @if new {
                (operator(visit, form, refusal))
                (owner(visit, form, refusal))
            }
            (person(visit, form, refusal))
            section.sec {
                h2 { (visit.t("set-up-write")) }
                div.stack {
                    @for (zh, en) in odd { p.err.warn { (visit.pick(zh, en)) } }
                    @if !odd.is_empty() {
                        label.pick { input type="checkbox" name="confirmed" value="yes"; (visit.t("set-up-confirm")) }
                    }
                    @if let Some(refusal) = refusal.filter(|r| !beside(r)) { p.err role="alert" { (visit.say(refusal)) } }
                    div.acts { button.btn.main type="submit" { (visit.t("set-up-submit")) } }
                    p.small.soft { (visit.t(if new { "set-up-all-or-nothing" } else { "set-up-once" })) }
                }
            }
        }
    };
    let refused = refusal.map(problem::status).or((!odd.is_empty()).then_some(StatusCode::UNPROCESSABLE_ENTITY));
    let frame = Frame { title: &title, nav: Nav::None, status: refused.unwrap_or(StatusCode::OK) };
    Ok(draw(visit, frame, body))
}

/// Whether a refusal stands beside its field.
fn beside(refusal: &Refusal) -> bool {
    let fields = ["operator", "owner", "origin", "filings", "login", "name", "password", "password2"];
    matches!(refusal.why, Why::Field(name) if fields.contains(&name))
}

pub(super) fn of<'r>(visit: &'r Visit, refusal: Option<&'r Refusal>, field: &'static str) -> Option<&'r str> {
    refusal.filter(|r| r.why == Why::Field(field)).map(|r| visit.say(r))
}

fn machine(visit: &Visit, key: &str, findings: &[Finding]) -> Markup {
    html! {
        section.sec aria-labelledby="machine" {
            div.h {
                h2 id="machine" { (visit.t("set-up-machine")) }
                p { a href=(format!("/set-up/{key}")) { (visit.t("set-up-look-again")) } }
            }
            ul.rows.mark {
                @for f in findings {
                    @let (class, mark, word) = match f.level {
                        "ok" => ("ok", "ok", "set-up-usable"),
                        "warning" => ("wait", "wait", "set-up-note"),
                        _ => ("bad", "bad", "set-up-unusable"),
                    };
                    li {
                        (mark_only(class, mark))
                        div { (visit.t(&format!("set-up-{}", f.subject))) span.m { (visit.pick(&f.zh, &f.en)) } }
                        (state(class, mark, &visit.t(word)))
                    }
                }
            }
        }
    }
}

/// Radio buttons of one name.
pub(super) fn choice(form: &Form, name: &str, picks: &[(&str, String, String)]) -> Markup {
    let chosen = picks.iter().position(|p| p.0 == form.get(name)).unwrap_or(0);
    html! {
        @for (place, (value, label, hint)) in picks.iter().enumerate() {
            label.pick {
                input type="radio" name=(name) value=(value) checked[place == chosen];
                (label)
                @if !hint.is_empty() { span.hint { (hint) } }
            }
        }
    }
}

pub(super) fn kinds(visit: &Visit) -> [(&'static str, String, String); 2] {
    [
        ("enterprise", visit.t("set-up-enterprise"), String::new()),
        ("individual", visit.t("set-up-individual"), String::new()),
    ]
}

fn operator(visit: &Visit, form: &Form, refusal: Option<&Refusal>) -> Markup {
    let wrong =
        of(visit, refusal, "operator").or(of(visit, refusal, "owner").filter(|_| form.get("relation") != "other"));
    html! {
        section.sec aria-labelledby="operator" {
            div.h { h2 id="operator" { (visit.t("set-up-operator")) } p { (visit.t("set-up-operator-hint")) } }
            div.stack-l {
                fieldset { legend.sr { (visit.t("set-up-kind")) } (choice(form, "operator_kind", &kinds(visit))) }
                div.grid2 {
                    label { (visit.t("set-up-name")) input type="text" name="operator_name" maxlength="100" autocomplete="organization" value=(form.get("operator_name")) required aria-invalid=[wrong.map(|_| "true")] aria-describedby="e-operator";
                        (error("e-operator", wrong)) }
                    label { (visit.t("set-up-number")) span.opt { (visit.t("portal-optional")) }
                        input type="text" name="operator_number" maxlength="18" autocomplete="off" value=(form.get("operator_number")); }
                    label { (visit.t("set-up-filings")) span.opt { (visit.t("portal-optional")) }
                        input type="text" name="filings" maxlength="400" placeholder=(visit.t("set-up-not-provided")) value=(form.get("filings"));
                        (error("e-filings", of(visit, refusal, "filings"))) }
                    label { (visit.t("set-up-origin")) span.opt { (visit.t("portal-optional")) }
                        input type="text" name="origin" maxlength="100" spellcheck="false" placeholder="quezao.local" value=(form.get("origin"));
                        (error("e-origin", of(visit, refusal, "origin"))) }
                }
            }
        }
    }
}

fn owner(visit: &Visit, form: &Form, refusal: Option<&Refusal>) -> Markup {
    let picks = [
        ("same", visit.t("set-up-same"), visit.t("set-up-same-hint")),
        ("other", visit.t("set-up-other"), visit.t("set-up-other-hint")),
    ];
    let wrong = of(visit, refusal, "owner").filter(|_| form.get("relation") == "other");
    html! {
        section.sec aria-labelledby="owner" {
            h2 id="owner" { (visit.t("set-up-owner")) }
            div.stack-l {
                fieldset { legend.sr { (visit.t("set-up-relation")) } (choice(form, "relation", &picks)) }
                div.stack-l data-shown-by="relation=other" {
                    fieldset { legend { (visit.t("set-up-if-other")) } (choice(form, "owner_kind", &kinds(visit))) }
                    div.grid2 {
                        label { (visit.t("set-up-name")) input type="text" name="owner_name" maxlength="100" value=(form.get("owner_name")) aria-invalid=[wrong.map(|_| "true")] aria-describedby="e-owner";
                            (error("e-owner", wrong)) }
                        label { (visit.t("set-up-number")) span.opt { (visit.t("portal-optional")) }
                            input type="text" name="owner_number" maxlength="18" autocomplete="off" value=(form.get("owner_number")); }
                    }
                }
            }
        }
    }
}

pub(super) fn person(visit: &Visit, form: &Form, refusal: Option<&Refusal>) -> Markup {
    let hint = visit.tv("set-up-password-hint", &[("n", MIN_PASSWORD.to_string().into())]);
    let wrong = |field: &'static str| of(visit, refusal, field);
    html! {
        section.sec aria-labelledby="person" {
            h2 id="person" { (visit.t("set-up-person")) }
            div.grid2 {
                label { (visit.t("set-up-person-name")) span.hint { (visit.t("set-up-person-hint")) }
                    input type="text" name="name" maxlength="60" autocomplete="name" value=(form.get("name")) required aria-invalid=[wrong("name").map(|_| "true")] aria-describedby="e-name";
                    (error("e-name", wrong("name"))) }
                label { (visit.t("sign-in-login")) span.hint { (visit.t("set-up-login-hint")) }
                    input type="text" name="login" maxlength="64" autocomplete="username" autocapitalize="none" spellcheck="false" value=(form.get("login")) required aria-invalid=[wrong("login").map(|_| "true")] aria-describedby="e-login";
                    (error("e-login", wrong("login"))) }
                label { (visit.t("sign-in-password")) span.hint { (hint) }
                    input type="password" name="password" maxlength="1024" autocomplete="new-password" required aria-invalid=[wrong("password").map(|_| "true")] aria-describedby="e-password";
                    (error("e-password", wrong("password"))) }
                label { (visit.t("set-up-password-again")) span.hint { (visit.t("set-up-password-same")) }
                    input type="password" name="password2" maxlength="1024" autocomplete="new-password" required aria-invalid=[wrong("password2").map(|_| "true")] aria-describedby="e-password2";
                    (error("e-password2", wrong("password2"))) }
            }
        }
    }
}
