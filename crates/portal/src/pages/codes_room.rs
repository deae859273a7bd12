//! The operator's codes, grants and orders.

use super::{
    Shown,
    chosen::cell,
    deposit::file,
    layout::{Frame, Nav, draw, error, state, token},
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
    body::Body,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use evidence::time::Utc;
use maud::{Markup, html};
use service::{
    CODES_PAGE, Code, Editions, MAX_CODE_DAYS, MAX_CODES, MAX_MONTHS, NewCodes, Order, Refusal, Standing, Terms, Why,
};

const CODES: &str = "/operator/codes";
const GRANTS: &str = "/operator/grants";

pub(crate) async fn codes(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    let below = query.get("below").and_then(|n| n.parse().ok()).filter(|n| *n > 0).unwrap_or(i64::MAX);
    show_codes(&app, &visit, below, &[], None).await
}

async fn show_codes(app: &App, visit: &Visit, below: i64, made: &[String], refusal: Option<&Refusal>) -> Shown {
    let actor = visit.actor.clone();
    let asked = app.ask(move |folder| Ok((folder.editions(&actor)?, folder.activation_codes(&actor, below)?)));
    let (editions, codes) = asked.await.map_err(IntoAnswer::into_answer)?;
    let title = visit.t("codes-room");
    let field = |name: &'static str, value: &str, most: &str, words: &str| {
        let wrong = of(visit, refusal, name);
        html! {
            label { (visit.t(words)) @if name == "uses" { span.hint { (visit.t("codes-uses-hint")) } }
                input type="number" name=(name) min="1" max=[Some(most).filter(|most| !most.is_empty())] value=(value) required aria-invalid=[wrong.map(|_| "true")] aria-describedby=(format!("e-{name}"));
                (error(&format!("e-{name}"), wrong)) }
        }
    };
    let body = html! {
        header.page-head { h1 { (title) } p.lead { (visit.t("codes-room-lead")) } }
        @if !made.is_empty() {
            div.note role="status" { p { (visit.t("codes-room-made")) } @for code in made { p { code.mono { (code) } } } }
        }
        section.sec aria-labelledby="new" {
            div.h { h2 id="new" { (visit.t("codes-new")) } p { (visit.t("codes-new-hint")) } }
            form.stack-l method="post" action=(CODES) {
                (token(visit))
                div.grid2 {
                    (choose(visit, &editions, refusal))
                    (months(visit, refusal))
                    (field("count", "1", &MAX_CODES.to_string(), "codes-count"))
                    (field("days", "90", &MAX_CODE_DAYS.to_string(), "codes-days"))
                    (field("uses", "1", "", "codes-uses"))
                    label { (visit.t("codes-note")) input type="text" name="note" maxlength="200" autocomplete="off" aria-invalid=[of(visit, refusal, "note").map(|_| "true")] aria-describedby="e-note";
                        (error("e-note", of(visit, refusal, "note"))) }
                }
                label.pick { input type="checkbox" name="gift" value="yes"; (visit.t("grants-gift")) }
                div.acts {
                    button.btn.main type="submit" name="as" value="page" { (visit.t("codes-make")) }
                    button.btn type="submit" name="as" value="csv" { (visit.t("codes-make-csv")) }
                }
            }
        }
        section.sec aria-labelledby="all" {
            h2 id="all" { (visit.t("codes-all")) }
            @if codes.is_empty() { p.soft { (visit.t("codes-none")) } }
            ul.rows { @for (code, terms) in &codes { (one_code(visit, code, terms)) } }
            @if let (true, Some((last, _))) = (codes.len() == CODES_PAGE as usize, codes.last()) {
                p.small { a href=(format!("{CODES}?below={}", last.id)) { (visit.t("moves-older")) } }
            }
        }
    };
    let status = refusal.map_or(StatusCode::OK, problem::status);
    Ok(draw(visit, Frame { title: &title, nav: Nav::Operator, status }, body))
}

fn choose(visit: &Visit, editions: &Editions, refusal: Option<&Refusal>) -> Markup {
    let wrong = of(visit, refusal, "edition");
    html! {
        label { (visit.t("grants-edition"))
            select name="edition" required aria-invalid=[wrong.map(|_| "true")] aria-describedby="e-edition" { @for t in &editions.all { option value=(t.name) { (visit.pick(&t.zh, &t.en)) } } }
            (error("e-edition", wrong)) }
    }
}

fn months(visit: &Visit, refusal: Option<&Refusal>) -> Markup {
    let wrong = of(visit, refusal, "months");
    html! {
        label { (visit.t("grants-months")) span.hint { (visit.t("grants-months-hint")) }
            input type="number" name="months" min="1" max=(MAX_MONTHS) aria-invalid=[wrong.map(|_| "true")] aria-describedby="e-months";
            (error("e-months", wrong)) }
    }
}

fn one_code(visit: &Visit, code: &Code, terms: &Terms) -> Markup {
    let args = [("used", locale::grouped(code.used).into()), ("uses", locale::grouped(code.uses).into())];
    let open = code.ended_at.is_none() && code.used < code.uses;
    html! {
        li {
            div {
                span.t { span.mono { (code.hint) "-…" } " " (visit.pick(&terms.zh, &terms.en)) @if code.gift { " " (visit.t("activate-gift")) } }
                span.m { (visit.tv("codes-used", &args)) "　" (visit.t("edition-until")) " " (words::minute(Utc(code.expires_at)))
                    @if !code.note.is_empty() { "　" (code.note) } }
            }
            @if open {
                form method="post" action=(format!("{CODES}/{}/end", code.id)) { (token(visit)) button.btn.slim type="submit" { (visit.t("account-end")) } }
            } @else if code.ended_at.is_some() {
                (state("no", "no", &visit.t("edition-ended")))
            } @else {
                (state("ok", "ok", &visit.t("codes-used-up")))
            }
        }
    }
}

pub(crate) async fn make(State(app): State<App>, visit: Visit, form: Form) -> Shown {
    let number = |name: &str| form.get(name).trim().parse::<u32>().unwrap_or_default();
    let new = NewCodes {
        name: form.get("edition").to_owned(),
        months: form.typed("months").map(|n| n.parse().unwrap_or_default()),
        count: number("count"),
        uses: number("uses").into(),
        days: number("days"),
        gift: form.get("gift") == "yes",
        note: form.get("note").to_owned(),
    };
    let actor = visit.actor.clone();
    match app.ask(move |folder| folder.make_codes(&actor, &new)).await {
        Ok(made) if form.get("as") == "csv" => {
            let rows: String = made.iter().map(|code| format!("{}\r\n", cell(code))).collect();
            let table = format!("\u{feff}{}\r\n{rows}", cell(&visit.t("activate-code")));
            Ok::<Response, Response>(file("text/csv; charset=utf-8", "quezao-codes.csv", Body::from(table)))
        }
        Ok(made) => show_codes(&app, &visit, i64::MAX, &made, None).await,
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => {
            show_codes(&app, &visit, i64::MAX, &[], Some(&refusal)).await
        }
        Err(refusal) => Err(refusal.into_answer()),
    }
}

pub(crate) async fn end_code(State(app): State<App>, Path(id): Path<i64>, visit: Visit, _form: Form) -> Shown {
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.end_code(&actor, id)).await.map_err(IntoAnswer::into_answer)?;
    Ok(see(CODES))
}

/// `?account=`: what one account has.
pub(crate) async fn grants(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    let account = query.get("account").and_then(|n| n.parse().ok());
    show_grants(&app, &visit, account, None).await
}

async fn show_grants(app: &App, visit: &Visit, account: Option<i64>, refusal: Option<&Refusal>) -> Shown {
    let actor = visit.actor.clone();
    let asked = app.ask(move |folder| {
        let standing = account.map(|n| folder.standing_for(&actor, n));
        Ok((folder.editions(&actor)?, folder.orders(&actor)?, standing))
    });
    let (editions, orders, standing) = asked.await.map_err(IntoAnswer::into_answer)?;
    let (standing, unknown) = match standing {
        Some(Ok(standing)) => (Some(standing), None),
        Some(Err(refusal)) => (None, Some(refusal)),
        None => (None, None),
    };
    let title = visit.t("grants-room");
    let number = account.map(|n| n.to_string());
    let body = html! {
        header.page-head { h1 { (title) } p.lead { (visit.t("grants-lead")) } }
        section.sec aria-labelledby="give" {
            h2 id="give" { (visit.t("grants-give")) }
            form.stack-l method="post" action=(GRANTS) {
                (token(visit))
                div.grid2 {
                    label { (visit.t("grants-account"))
                        input type="number" name="account" min="2" required value=[number.as_ref()] aria-invalid=[of(visit, refusal, "account").map(|_| "true")] aria-describedby="e-account";
                        (error("e-account", of(visit, refusal, "account"))) }
                    (choose(visit, &editions, refusal))
                    (months(visit, refusal))
                }
                label.pick { input type="checkbox" name="gift" value="yes"; (visit.t("grants-gift")) }
                div.acts { button.btn.main type="submit" { (visit.t("grants-submit")) } }
            }
        }
        section.sec aria-labelledby="has" {
            h2 id="has" { (visit.t("grants-has")) }
            div.stack {
                form.code-in method="get" action=(GRANTS) {
                    label { (visit.t("grants-account")) input type="number" name="account" min="2" required value=[number.as_ref()] aria-invalid=[unknown.as_ref().map(|_| "true")] aria-describedby="e-look"; }
                    button.btn type="submit" { (visit.t("grants-look")) }
                }
                (error("e-look", unknown.as_ref().map(|r| visit.say(r))))
                @if let Some(standing) = &standing { (has(visit, standing)) }
            }
        }
        section.sec aria-labelledby="orders" {
            h2 id="orders" { (visit.t("grants-orders")) }
            @if orders.is_empty() { p.soft { (visit.t("grants-no-orders")) } }
            ul.rows { @for order in &orders { (one_order(visit, order)) } }
        }
    };
    let status = refusal.or(unknown.as_ref()).map_or(StatusCode::OK, problem::status);
    Ok(draw(visit, Frame { title: &title, nav: Nav::Operator, status }, body))
}

fn has(visit: &Visit, standing: &Standing) -> Markup {
    html! {
        @if standing.open.is_empty() && standing.other.is_empty() { p.soft { (visit.t("grants-nothing")) } }
        ul.rows {
            @for (held, open) in standing.open.iter().map(|h| (h, true)).chain(standing.other.iter().map(|h| (h, false))) {
                li {
                    div {
                        span.t { (visit.pick(&held.terms.zh, &held.terms.en)) }
                        span.m { (words::minute(Utc(held.given.begins_at))) " – " (words::minute(Utc(held.given.expires_at)))
                            @if held.given.gift { "　" (visit.t("activate-gift")) } }
                    }
                    @if open {
                        form method="post" action=(format!("{GRANTS}/{}/end", held.given.id)) { (token(visit)) button.btn.slim type="submit" { (visit.t("account-end")) } }
                    } @else { (state("no", "no", &visit.t("grants-not-open"))) }
                }
            }
        }
    }
}

fn one_order(visit: &Visit, order: &Order) -> Markup {
    let args = [("account", order.account.to_string().into()), ("n", locale::grouped(order.periods).into())];
    html! {
        li {
            div {
                span.t.mono { (order.number) }
                span.m { (visit.tv("grants-order", &args)) "　" (words::minute(Utc(order.created_at))) }
            }
            (order_state(visit, order))
        }
    }
}

/// How an order stands.
pub(super) fn order_state(visit: &Visit, order: &Order) -> Markup {
    match (order.refunded_at, order.cancelled_at) {
        (Some(_), _) => state("no", "no", &visit.t("grants-refunded")),
        (_, Some(_)) => state("no", "no", &visit.t("grants-cancelled")),
        _ => state("ok", "ok", &visit.t("grants-paid")),
    }
}

pub(crate) async fn give(State(app): State<App>, visit: Visit, form: Form) -> Shown {
    let account: i64 = form.get("account").trim().parse().unwrap_or_default();
    let (actor, name, gift) = (visit.actor.clone(), form.get("edition").to_owned(), form.get("gift") == "yes");
    let months = form.typed("months").map(|n| n.parse().unwrap_or_default());
    match app.ask(move |folder| folder.grant(&actor, account, &name, months, gift)).await {
        Ok(_) => Ok(see(&format!("{GRANTS}?account={account}"))),
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => show_grants(&app, &visit, None, Some(&refusal)).await,
        Err(refusal) => Err(refusal.into_answer()),
    }
}

pub(crate) async fn end_grant(State(app): State<App>, Path(id): Path<i64>, visit: Visit, _form: Form) -> Shown {
    let actor = visit.actor.clone();
    let account = app.ask(move |folder| folder.end_grant(&actor, id)).await.map_err(IntoAnswer::into_answer)?;
    Ok(see(&format!("{GRANTS}?account={account}")))
}
