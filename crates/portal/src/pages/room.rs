//! The operator's pages across accounts: the queue of captures, letters that were given up, orders, bytes, health.

use super::{
    Shown,
    layout::{Frame, Nav, draw, state, token},
    operator::row as witness,
    see, words,
};
use crate::{
    app::App,
    enter::IntoAnswer,
    form::Form,
    visit::{Query, Visit},
};
use axum::extract::{Path, State};
use evidence::time::Utc;
use maud::{Markup, html};
use service::{
    AuthorityState, DeadShown, Finding, GivenShown, MailShown, MarketRefusal, Order, ROOM_PAGE, bytes_shown,
};

/// The head of a page of the room.
fn head(visit: &Visit, title: &str, lead: &str) -> Markup {
    html! {
        header.page-head {
            p.crumb { a href="/operator" { (visit.t("portal-nav-operator")) } }
            h1 { (title) }
            p.lead { (visit.t(lead)) }
        }
    }
}

fn account(visit: &Visit, number: i64) -> Markup {
    let words = visit.tv("room-account", &[("n", number.to_string().into())]);
    html! { @if number > 1 { a.t href=(format!("/operator/merchants/{number}")) { (words) } } @else { span.t { (visit.t("room-house")) } } }
}

pub(crate) async fn queue(State(app): State<App>, visit: Visit) -> Shown {
    let actor = visit.actor.clone();
    let shown = app.ask(move |folder| folder.queue_shown(&actor)).await.map_err(IntoAnswer::into_answer)?;
    let title = visit.t("room-queue");
    let at_once = crate::app::captures_at_once().to_string();
    let body = html! {
        (head(&visit, &title, "room-queue-lead"))
        section.sec aria-labelledby="now" {
            div.h { h2 id="now" { (visit.t("room-queue-now")) } p { (visit.tv("room-queue-at-once", &[("n", at_once.into())])) } }
            @if shown.accounts.is_empty() { p.soft { (visit.t("room-queue-none")) } }
            @else {
                ul.rows {
                    @for of in &shown.accounts {
                        @let args = [("waiting", locale::grouped(of.waiting).into()), ("running", locale::grouped(of.running).into())];
                        li {
                            div { (account(&visit, of.account)) span.m { (visit.tv("room-queue-of", &args)) } }
                            span.small.soft { (visit.t("room-queue-oldest")) " " (words::minute(Utc(of.oldest))) }
                        }
                    }
                }
            }
        }
        section.sec.last aria-labelledby="ever" {
            h2 id="ever" { (visit.t("room-queue-ever")) }
            dl.facts {
                @for name in ["waiting", "running", "done", "failed"] {
                    @let n = shown.states.iter().find(|(state, _)| state == name).map_or(0, |(_, n)| *n);
                    dt { (visit.t(&format!("room-queue-{name}"))) } dd { (locale::grouped(n)) }
                }
            }
        }
    };
    Ok(draw(&visit, Frame::new(&title, Nav::Operator), body))
}

pub(crate) async fn letters(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    let below = query.get("below").and_then(|n| n.parse().ok()).unwrap_or(i64::MAX);
    let actor = visit.actor.clone();
    let asked = app.ask(move |folder| Ok((folder.dead_letters(&actor, below)?, folder.kept_mail(&actor)?)));
    let (dead, mail) = asked.await.map_err(IntoAnswer::into_answer)?;
    let title = visit.t("room-letters");
    let body = html! {
        (head(&visit, &title, "room-letters-lead"))
        @if dead.is_empty() { p.soft { (visit.t("room-letters-none")) } }
        @else {
            div.stack-l { div.acts { form method="post" action="/operator/letters/again" { (token(&visit)) button.btn type="submit" { (visit.t("room-letters-all")) } } }
            ul.rows { @for one in &dead { (letter(&visit, one)) } }
            @if dead.len() == ROOM_PAGE as usize && let Some(last) = dead.last() {
                div.acts { a.btn href=(format!("/operator/letters?below={}", last.id)) { (visit.t("merchants-more")) } }
            } }
        }
        section.sec.last id="mail" aria-labelledby="mail-h" {
            div.h { h2 id="mail-h" { (visit.t("room-mail")) } p { (visit.t("room-mail-lead")) } }
            div.stack {
                @if !app.has_mail() { p.soft { (visit.t("room-health-no-mail")) } }
                @if mail.is_empty() { p.soft { (visit.t("room-mail-none")) } }
                @else { ul.rows { @for one in &mail { (mailed(&visit, one)) } } }
            }
        }
    };
    Ok(draw(&visit, Frame::new(&title, Nav::Operator), body))
}

fn letter(visit: &Visit, dead: &DeadShown) -> Markup {
    let act = |what: &str, word: &str| button(visit, &format!("/operator/letters/{}/{what}", dead.id), word);
    html! {
        li {
            div {
                (account(visit, dead.account))
                span.m {
                    (visit.t(&format!("hooks-{}", dead.event.replace('.', "-")))) " → " span.mono { (dead.host) } "　"
                    (visit.tv("hooks-tries", &[("n", dead.tries.to_string().into())]))
                    @if let Some(at) = dead.tried_at { "　" (words::minute(at)) }
                }
                @if let Some((zh, en)) = &dead.error { span.err.warn { (visit.pick(zh, en)) } }
            }
            div.acts { (act("again", "hooks-again")) (act("drop", "room-letters-drop")) }
        }
    }
}

fn button(visit: &Visit, path: &str, word: &str) -> Markup {
    html! {
        form method="post" action=(path) { (token(visit)) button.btn.slim type="submit" { (visit.t(word)) } }
    }
}

fn mailed(visit: &Visit, mail: &MailShown) -> Markup {
    let act = |what: &str, word: &str| button(visit, &format!("/operator/mail/{}/{what}", mail.id), word);
    let (zh, en) = &mail.error;
    html! {
        li {
            div {
                (account(visit, mail.account))
                span.m {
                    (visit.t(&format!("room-mail-{}", mail.what))) " → " span.mono { (mail.host) } "　"
                    (visit.tv("hooks-tries", &[("n", mail.tries.to_string().into())])) "　" (words::minute(mail.tried_at))
                    @if !mail.given_up { "　" (visit.t("room-mail-waits")) }
                }
                span.err.warn { (visit.pick(zh, en)) }
            }
            div.acts {
                @if mail.given_up && !mail.ended { (act("again", "hooks-again")) }
                (act("drop", "room-letters-drop"))
            }
        }
    }
}

pub(crate) async fn mail_again(State(app): State<App>, Path(id): Path<i64>, visit: Visit, _form: Form) -> Shown {
    settle_mail(&app, visit, id, true).await
}

pub(crate) async fn mail_drop(State(app): State<App>, Path(id): Path<i64>, visit: Visit, _form: Form) -> Shown {
    settle_mail(&app, visit, id, false).await
}

async fn settle_mail(app: &App, visit: Visit, id: i64, again: bool) -> Shown {
    let actor = visit.actor;
    app.ask(move |folder| folder.settle_mail(&actor, id, again)).await.map_err(IntoAnswer::into_answer)?;
    Ok(see("/operator/letters#mail"))
}

pub(crate) async fn letter_again(State(app): State<App>, Path(id): Path<i64>, visit: Visit, _form: Form) -> Shown {
    settle(&app, visit, id, true).await
}

pub(crate) async fn letter_drop(State(app): State<App>, Path(id): Path<i64>, visit: Visit, _form: Form) -> Shown {
    settle(&app, visit, id, false).await
}

async fn settle(app: &App, visit: Visit, id: i64, again: bool) -> Shown {
    let actor = visit.actor;
    app.ask(move |folder| folder.settle_letter(&actor, id, again)).await.map_err(IntoAnswer::into_answer)?;
    Ok(see("/operator/letters"))
}

pub(crate) async fn letters_again(State(app): State<App>, visit: Visit, _form: Form) -> Shown {
    let actor = visit.actor;
    app.ask(move |folder| folder.settle_letters(&actor)).await.map_err(IntoAnswer::into_answer)?;
    Ok(see("/operator/letters"))
}

pub(crate) async fn orders(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    let before = query.get("before").and_then(|n| n.parse().ok()).unwrap_or(i64::MAX);
    let actor = visit.actor.clone();
    let shown = app.ask(move |folder| folder.orders_shown(&actor, before)).await.map_err(IntoAnswer::into_answer)?;
    let title = visit.t("room-orders");
    let body = html! {
        (head(&visit, &title, "room-orders-lead"))
        section.sec aria-labelledby="received" {
            h2 id="received" { (visit.t("room-orders-received")) }
            div.stack {
                @if shown.orders.is_empty() { p.soft { (visit.t("grants-no-orders")) } }
                ul.rows { @for (order, given) in &shown.orders { (one_order(&visit, order, given)) } }
                @if shown.orders.len() == ROOM_PAGE as usize && let Some((last, _)) = shown.orders.last() {
                    div.acts { a.btn href=(format!("/operator/orders?before={}", last.created_at)) { (visit.t("merchants-more")) } }
                }
            }
        }
        section.sec.last aria-labelledby="refused" {
            div.h { h2 id="refused" { (visit.t("room-orders-refused")) } p { (visit.t("room-orders-refused-hint")) } }
            div.stack {
                @if shown.refused.is_empty() { p.soft { (visit.t("room-orders-none-refused")) } }
                ul.rows { @for refused in &shown.refused { (one_refused(&visit, refused)) } }
            }
        }
    };
    Ok(draw(&visit, Frame::new(&title, Nav::Operator), body))
}

fn one_order(visit: &Visit, order: &Order, given: &[GivenShown]) -> Markup {
    html! {
        li {
            div {
                span.t.mono { (order.number) }
                span.m { (account(visit, order.account)) "　" (words::minute(Utc(order.created_at))) }
                @for one in given {
                    span.m {
                        (visit.pick(&one.terms.zh, &one.terms.en)) "　"
                        @if one.expires_at.0 > one.begins_at.0 { (words::minute(one.begins_at)) " – " (words::minute(one.expires_at)) }
                        @else { (visit.t("room-orders-undone")) }
                    }
                }
            }
            (super::codes_room::order_state(visit, order))
        }
    }
}

fn one_refused(visit: &Visit, refused: &MarketRefusal) -> Markup {
    let or = |text: &str| if text.is_empty() { "—".to_owned() } else { text.to_owned() };
    let args = [("n", refused.account.to_string().into()), ("times", locale::grouped(refused.times).into())];
    html! {
        li {
            div {
                span.t.mono { (or(&refused.number)) }
                span.m { span.mono { (or(&refused.word)) " " (or(&refused.event)) } "　" (visit.tv("room-orders-told", &args)) "　" (words::minute(Utc(refused.at))) }
                span.err.warn { (visit.pick(&refused.why.0, &refused.why.1)) }
            }
            (state("bad", "bad", &visit.t("room-orders-was-refused")))
        }
    }
}

pub(crate) async fn storage(State(app): State<App>, visit: Visit) -> Shown {
    let actor = visit.actor.clone();
    let held = app.ask(move |folder| folder.bytes_held(&actor)).await.map_err(IntoAnswer::into_answer)?;
    let title = visit.t("room-storage");
    let body = html! {
        (head(&visit, &title, "room-storage-lead"))
        section.sec aria-labelledby="all" {
            h2 id="all" { (visit.t("room-storage-all")) }
            dl.facts {
                dt { (visit.t("room-storage-originals")) } dd { (bytes_shown(held.originals)) }
                dt { (visit.t("room-storage-database")) } dd { (bytes_shown(held.database)) }
                dt { (visit.t("operator-free")) } dd { (bytes_shown(held.free)) }
            }
        }
        section.sec.last aria-labelledby="each" {
            div.h { h2 id="each" { (visit.t("room-storage-each")) } p { (visit.t("room-storage-each-hint")) } }
            div.stack {
                @if held.accounts.is_empty() { p.soft { (visit.t("room-storage-none")) } }
                ul.rows {
                    @for of in &held.accounts {
                        @let args = [("kept", bytes_shown(of.kept).into()), ("allowed", bytes_shown(of.allowed).into())];
                        li {
                            div { (account(&visit, of.account)) span.m { (visit.tv("room-storage-of", &args)) } }
                            @if of.kept >= of.allowed { (state("wait", "wait", &visit.t("room-storage-full"))) }
                        }
                    }
                }
            }
        }
    };
    Ok(draw(&visit, Frame::new(&title, Nav::Operator), body))
}

pub(crate) async fn health(State(app): State<App>, visit: Visit) -> Shown {
    let actor = visit.actor.clone();
    let asked = app.ask(move |folder| Ok((folder.health(&actor)?, folder.house(&actor)?)));
    let (health, house) = asked.await.map_err(IntoAnswer::into_answer)?;
    let (title, numbers) = (visit.t("room-health"), &health.gauges);
    let word =
        if health.missing.is_empty() { "ready".to_owned() } else { format!("degraded: {}", health.missing.join(" ")) };
    let body = html! {
        (head(&visit, &title, "room-health-lead"))
        section.sec aria-labelledby="words" {
            div.h { h2 id="words" { (visit.t("room-health-words")) } p { code.mono { "/readyz: " (word) } } }
            ul.rows.mark {
                @for finding in &health.findings { (one_finding(&visit, finding)) }
                @if let Some((zh, en)) = app.certificate_ending() {
                    (one_finding(&visit, &Finding { level: "warning", subject: "certificate", zh, en }))
                }
                @let mail = if app.has_mail() { "room-health-mail" } else { "room-health-no-mail" };
                (one_finding(&visit, &Finding { level: "ok", subject: "mail", zh: visit.t(mail), en: visit.t(mail) }))
            }
        }
        section.sec aria-labelledby="ledger" {
            h2 id="ledger" { (visit.t("room-ledger")) }
            dl.facts {
                dt { (visit.t("home-origin")) } dd.mono { (house.origin) }
                dt { (visit.t("room-ledger-records")) } dd { (locale::grouped(numbers.records)) }
                dt { (visit.t("room-ledger-size")) } dd { (locale::grouped(numbers.ledger_size)) }
                dt { (visit.t("room-ledger-sealed")) } dd { (locale::grouped(numbers.sealed_size)) }
                dt { (visit.t("room-ledger-final")) } dd { (locale::grouped(numbers.final_size)) }
                dt { (visit.t("room-ledger-pending")) } dd { (locale::grouped(numbers.pending)) }
            }
        }
        section.sec aria-labelledby="authorities" {
            div.h { h2 id="authorities" { (visit.t("room-authorities")) } p { (visit.t("room-authorities-hint")) } }
            @if health.authorities.is_empty() { p.soft { (visit.t("room-authorities-none")) } }
            ul.rows { @for one in &health.authorities { (authority(&visit, one)) } }
        }
        section.sec.last aria-labelledby="witnesses" {
            h2 id="witnesses" { (visit.t("operator-witnesses")) }
            @if house.quorum.witnesses.is_empty() { p.soft { (visit.t("policy-none")) } }
            dl.facts { @for one in &house.quorum.witnesses { (witness(&visit, one)) } }
        }
    };
    Ok(draw(&visit, Frame::new(&title, Nav::Operator), body))
}

fn one_finding(visit: &Visit, finding: &Finding) -> Markup {
    let class = match finding.level {
        "ok" => "ok",
        "warning" => "wait",
        _ => "bad",
    };
    html! {
        li { (super::layout::mark_only(class, class)) div { (visit.pick(&finding.zh, &finding.en)) } span.small.soft { (visit.t(&format!("room-level-{class}"))) } }
    }
}

/// How an authority fared, and, where it gave nothing, why.
fn authority(visit: &Visit, one: &AuthorityState) -> Markup {
    let class = match one.state {
        "answering" => "ok",
        "unused" => "wait",
        _ => "bad",
    };
    let when = |at: &Option<String>| at.as_deref().and_then(|at| Utc::parse_micros(at).ok()).map(words::time);
    html! {
        li {
            div {
                span.t { (one.name) } @if !one.independent { span.small.soft { "（" (visit.t("tsa-own")) "）" } }
                span.m { span.mono { (one.url) } }
                span.m {
                    (visit.tv("room-authority-tokens", &[("n", locale::grouped(one.tokens).into())])) "　"
                    (visit.t("room-authority-last")) " " @if let Some(at) = when(&one.token_at) { (at) } @else { "—" }
                    @if let Some(until) = when(&one.rests_until) { "　" (visit.t("room-authority-rests")) " " (until) }
                }
                @if one.failures > 0 && let Some(reason) = &one.reason { span.err.warn { (reason) } }
            }
            (state(class, class, &visit.t(&format!("room-authority-{}", one.state))))
        }
    }
}
