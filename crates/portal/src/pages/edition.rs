//! An account's edition: what it includes and lacks, what is left, what expires when, every movement.

use super::{
    Shown,
    activate::contents,
    chosen::cell,
    deposit::file,
    layout::{Frame, Nav, draw, mark_only, state},
    words,
};
use crate::{
    app::App,
    enter::IntoAnswer,
    stream,
    visit::{Query, Visit},
};
use axum::{body::Bytes, extract::State, response::Response};
use evidence::time::{SECOND, Utc};
use maud::{Markup, html};
use service::{Feature, Held, Left, MOVES_PAGE, Move, QuotaGrant, Refusal, Standing, Unit, bytes_shown};

/// `?below=`: older movements.
pub(crate) async fn page(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    let actor = visit.actor.clone();
    let below = query.get("below").and_then(|n| n.parse().ok()).filter(|n| *n > 0).unwrap_or(i64::MAX);
    let asked = app.ask(move |folder| Ok((folder.standing(&actor)?, folder.moves(&actor, below)?)));
    let (standing, moves) = asked.await.map_err(IntoAnswer::into_answer)?;
    let title = visit.t("edition-title");
    let body = html! {
        header.page-head {
            h1 { (title) }
            p.lead { (lead(&visit, &standing)) }
            @if !standing.house {
                div.acts { a.btn.main href="/activate" { (visit.t(if standing.acknowledged.is_some() { "edition-add" } else { "activate-submit" })) } }
            }
        }
        @if !standing.house {
            (left(&visit, &standing))
            (first_used(&visit, &standing))
        }
        (includes(&visit, &standing))
        @if !standing.other.is_empty() { (others(&visit, &standing.other)) }
        (movements(&visit, &moves))
    };
    Ok(draw(&visit, Frame::new(&title, Nav::None), body))
}

fn lead(visit: &Visit, standing: &Standing) -> String {
    if standing.house {
        return visit.t("edition-house");
    }
    match standing.open.iter().find(|held| held.terms.monthly()) {
        Some(Held { terms, given }) => {
            let args = [
                ("name", visit.pick(&terms.zh, &terms.en).to_owned().into()),
                ("until", words::plain(Utc(given.expires_at)).into()),
            ];
            visit.tv("edition-lead", &args)
        }
        None => visit.t("edition-none"),
    }
}

/// Three amounts, each with how much of it is used.
pub(super) fn left(visit: &Visit, standing: &Standing) -> Markup {
    let total = |unit: Unit| -> u64 { standing.grants.iter().filter(|g| g.unit == unit).map(|g| g.amount).sum() };
    let held = |unit: Unit| -> u64 { standing.grants.iter().filter(|g| g.unit == unit).map(|g| g.held).sum() };
    let amount = |id: &str, unit: Unit, there: u64| {
        let (all, held) = (total(unit), held(unit));
        let args = [
            ("used", locale::grouped(all - there - held).into()),
            ("all", locale::grouped(all).into()),
            ("held", locale::grouped(held).into()),
        ];
        html! {
            div {
                dt { (visit.t(id)) }
                dd { (locale::grouped(there)) }
                dd.m { progress value=(there) max=(all.max(1)) aria-label=(visit.t(id)) {} (visit.tv(if held > 0 { "edition-used-held" } else { "edition-used" }, &args)) }
            }
        }
    };
    let (free, kept) = (standing.left.storage, standing.left.kept);
    html! {
        section.sec aria-labelledby="left" {
            div.h { h2 id="left" { (visit.t("edition-left")) } p { a href="/account/edition#moves" { (visit.t("edition-open")) } } }
            dl.left {
                (amount("edition-unit-deposit", Unit::Deposit, standing.left.deposits))
                (amount("edition-unit-capture", Unit::Capture, standing.left.captures))
                div {
                    dt { (visit.t("edition-storage")) }
                    dd { (bytes_shown(free)) }
                    dd.m { progress value=(free) max=((free + kept).max(1)) aria-label=(visit.t("edition-storage")) {} (visit.tv("edition-kept", &[("kept", bytes_shown(kept).into())])) }
                }
            }
        }
    }
}

/// What an act may still use, said beside its form, before any work is done.
pub(super) fn remaining(visit: &Visit, unit: Unit, there: &(Left, Option<Refusal>)) -> Markup {
    let (left, closed) = there;
    let n = there_of(unit, left);
    let over = closed.is_some().then(|| visit.t("remaining-over"));
    let args = [("n", locale::count(n)), ("storage", bytes_shown(left.storage).into())];
    let say = |end: &str| visit.tv(&format!("remaining-{}{end}", unit.as_str()), &args);
    html! {
        @match shut(unit, there) {
            Some(refusal) => p.err.warn #remaining { (visit.say(refusal)) },
            None if n == 0 => p.err.warn #remaining { (say("-none")) " " a href="/account/edition" { (visit.t("edition-open")) } },
            None => p.small.soft #remaining { (say("")) @if let Some(over) = over { " " (over) } },
        }
    }
}

/// The same of collections and comparisons, which a day has so many of; nothing where there is no bound.
pub(super) fn makeable(visit: &Visit, there: Option<&(u64, Option<Refusal>)>) -> Markup {
    let Some((n, closed)) = there else { return html! {} };
    let args = [("n", locale::grouped(*n).into())];
    html! {
        @match closed {
            Some(refusal) => p.err.warn #makeable { (visit.say(refusal)) },
            None if *n == 0 => p.err.warn #makeable { (visit.t("remaining-made-none")) },
            None => p.small.soft #makeable { (visit.tv("remaining-made", &args)) },
        }
    }
}

/// Whether nothing more can be had of it.
pub(super) fn used_up(unit: Unit, there: &(Left, Option<Refusal>)) -> bool {
    shut(unit, there).is_some() || there_of(unit, &there.0) == 0
}

/// Why there is nothing of it. What a pack gave is used to its own end, whatever edition is over.
fn shut(unit: Unit, (left, closed): &(Left, Option<Refusal>)) -> Option<&Refusal> {
    closed.as_ref().filter(|refusal| there_of(unit, left) == 0 || refusal.error.code == "not-activated")
}

fn there_of(unit: Unit, left: &Left) -> u64 {
    match unit {
        Unit::Capture => left.captures,
        Unit::Deposit => left.deposits,
    }
}

/// Open amounts in the order in which they are used.
fn first_used(visit: &Visit, standing: &Standing) -> Markup {
    let name = |g: &QuotaGrant| {
        let held = standing.open.iter().find(|held| held.given.id == g.entitlement);
        held.map(|held| (visit.pick(&held.terms.zh, &held.terms.en).to_owned(), source(visit, held)))
    };
    let (until, of, there) = (visit.t("edition-until"), visit.t("edition-of"), visit.t("edition-there"));
    html! {
        @if !standing.grants.is_empty() {
            section.sec aria-labelledby="first" {
                div.h { h2 id="first" { (visit.t("edition-first")) } p { (visit.t("edition-first-hint")) } }
                table {
                    thead { tr {
                        th scope="col" { (visit.t("edition-from")) } th scope="col" { (of) }
                        th scope="col" { (until) " (UTC+8)" } th.num scope="col" { (there) }
                    } }
                    tbody {
                        @for g in &standing.grants {
                            tr {
                                td { @if let Some((name, from)) = name(g) { (name) span.m { (from) } } }
                                td data-l=(of) { (visit.t(&format!("edition-unit-{}", g.unit.as_str()))) }
                                td data-l=(until) { (words::minute(Utc(g.expires_at))) }
                                td.num data-l=(there) { (locale::grouped(g.amount - g.spent - g.held)) " / " (locale::grouped(g.amount)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// `Order FW-1`, `a gift of …`.
fn source(visit: &Visit, held: &Held) -> String {
    let given = &held.given;
    let args = [("reference", given.reference.clone().into()), ("giver", given.giver.clone().into())];
    let gift = if given.gift { format!("{} ", visit.t("activate-gift")) } else { String::new() };
    format!("{gift}{}", visit.tv(&format!("edition-source-{}", given.source), &args))
}

/// What it has, and what it lacks, which is shown as lacking.
fn includes(visit: &Visit, standing: &Standing) -> Markup {
    html! {
        section.sec aria-labelledby="in" {
            h2 id="in" { (visit.t("edition-includes")) }
            div.stack {
            ul.rows.mark {
                @if standing.seats > 0 {
                    li { (mark_only("ok", "ok")) div { (visit.tv("edition-seats", &[("n", locale::count(standing.seats))])) } (state("ok", "ok", &visit.t("edition-has"))) }
                }
                @for feature in Feature::ALL {
                    @let (zh, en) = feature.words();
                    li {
                        @if standing.has(feature) {
                            (mark_only("ok", "ok")) div { (visit.pick(zh, en)) } (state("ok", "ok", &visit.t("edition-has")))
                        } @else {
                            (mark_only("no", "no")) div { (visit.pick(zh, en)) span.m { (visit.t("edition-lacks-hint")) } } (state("no", "no", &visit.t("edition-lacks")))
                        }
                    }
                }
            }
            @for held in &standing.open { p.small.soft { (contents(visit, &held.terms)) "　" (source(visit, held)) } }
            }
        }
    }
}

/// What begins later or has ended.
fn others(visit: &Visit, others: &[Held]) -> Markup {
    html! {
        section.sec aria-labelledby="other" {
            h2 id="other" { (visit.t("edition-other")) }
            ul.rows {
                @for held in others {
                    li { div {
                        span.t { (visit.pick(&held.terms.zh, &held.terms.en)) }
                        span.m { (words::minute(Utc(held.given.begins_at))) " – " (words::minute(Utc(held.given.expires_at))) "　" (source(visit, held))
                            @if held.given.ended_at.is_some() { "　" (visit.t("edition-ended")) } }
                    } }
                }
            }
        }
    }
}

fn movements(visit: &Visit, moves: &[Move]) -> Markup {
    let heads = ["at", "what", "who", "deposits", "captures", "bytes"].map(|h| visit.t(&format!("moves-{h}")));
    let [_, what, who, deposits, captures, bytes] = &heads;
    html! {
        section.sec aria-labelledby="moves" {
            div.h { h2 id="moves" { (visit.t("moves-title")) } p { a href="/account/edition.csv" { (visit.t("moves-csv")) } } }
            @if moves.is_empty() { p.soft { (visit.t("moves-none")) } } @else {
                div.stack {
                    table {
                        thead { tr { @for (n, head) in heads.iter().enumerate() { th scope="col" class=[(n > 2).then_some("num")] { (head) } } } }
                        tbody {
                            @for m in moves {
                                tr {
                                    td { (words::minute(Utc(m.at))) }
                                    td data-l=(what) { span { (visit.t(&format!("moves-{}", kind(m)))) span.m { (subject(visit, m)) } } }
                                    td data-l=(who) { (m.who.as_deref().unwrap_or("–")) }
                                    td.num data-l=(deposits) { (units(m, "deposit")) }
                                    td.num data-l=(captures) { (units(m, "capture")) }
                                    td.num data-l=(bytes) { (stored(m)) }
                                }
                            }
                        }
                    }
                    @if let (true, Some(last)) = (moves.len() == MOVES_PAGE as usize, moves.last()) {
                        p.small { a href=(format!("/account/edition?below={}#moves", last.seq)) { (visit.t("moves-older")) } }
                    }
                }
            }
        }
    }
}

/// Which message names it.
fn kind(m: &Move) -> String {
    match (m.act.as_str(), m.unit.as_deref()) {
        ("spent" | "refused", Some(unit)) => format!("{}-{unit}", m.act),
        (act, _) => act.to_owned(),
    }
}

fn subject(visit: &Visit, m: &Move) -> Markup {
    html! {
        @match (m.act.as_str(), m.unit.as_deref()) {
            ("spent", _) => { a.mono href=(format!("/deposits/{}", m.subject)) { (m.subject) } }
            ("refused", Some("capture")) => { a href=(format!("/captures/{}", m.subject)) { "#" (m.subject) } }
            ("granted" | "ended", _) => { "#" (m.subject) }
            _ => { (m.subject) }
        }
        @if let Some((zh, en)) = &m.why { " " (visit.pick(zh, en)) }
    }
}

fn units(m: &Move, unit: &str) -> String {
    let used = m.act == "spent" && m.unit.as_deref() == Some(unit);
    if used { format!("−{}", m.amount) } else { "0".to_owned() }
}

/// Bytes that are free for it, more or less.
fn stored(m: &Move) -> String {
    match m.act.as_str() {
        _ if m.bytes == 0 => "0".to_owned(),
        "spent" => format!("−{}", bytes_shown(m.bytes)),
        _ => format!("+{}", bytes_shown(m.bytes)),
    }
}

/// Every movement, as a table.
pub(crate) async fn csv(State(app): State<App>, visit: Visit) -> Shown {
    let actor = visit.actor.clone();
    let first = app.ask(move |folder| folder.moves(&actor, i64::MAX)).await.map_err(IntoAnswer::into_answer)?;
    let (send, body) = stream::channel(8);
    tokio::spawn(async move {
        let heads = ["at", "what", "subject", "why", "who", "deposits", "captures", "bytes"];
        let heads: Vec<String> = heads.iter().map(|h| cell(&visit.t(&format!("moves-{h}")))).collect();
        if send.send(Ok(Bytes::from(format!("\u{feff}{}\r\n", heads.join(","))))).await.is_err() {
            return;
        }
        let mut piece = first;
        while let Some(last) = piece.last().map(|m| m.seq) {
            let rows: String = piece.iter().map(|m| row(&visit, m)).collect();
            if send.send(Ok(Bytes::from(rows))).await.is_err() || app.stopping() {
                return;
            }
            let actor = visit.actor.clone();
            piece = match app.ask(move |folder| folder.moves(&actor, last)).await {
                Ok(piece) => piece,
                // A list that is cut off must not look whole.
                Err(_) => {
                    let _ = send.send(Err(std::io::Error::other("the list broke off"))).await;
                    return;
                }
            };
        }
    });
    Ok::<Response, Response>(file("text/csv; charset=utf-8", "quezao-movements.csv", body))
}

fn row(visit: &Visit, m: &Move) -> String {
    let at: String = Utc(m.at).plus(8 * 3600 * SECOND).to_micros().chars().take(19).collect();
    let why = m.why.as_ref().map_or("", |(zh, en)| visit.pick(zh, en));
    let number = |unit: &str| if m.act == "spent" && m.unit.as_deref() == Some(unit) { m.amount } else { 0 };
    let bytes = if m.act == "spent" { -i128::from(m.bytes) } else { i128::from(m.bytes) };
    let what = visit.t(&format!("moves-{}", kind(m)));
    let texts = [at.as_str(), what.as_str(), m.subject.as_str(), why, m.who.as_deref().unwrap_or_default()].map(cell);
    format!("{},{},{},{bytes}\r\n", texts.join(","), -i128::from(number("deposit")), -i128::from(number("capture")))
}
