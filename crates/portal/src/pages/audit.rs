//! The account's audit log: pages of it, and the whole as a table.

use super::{
    Shown,
    chosen::{cell, put},
    deposit::file,
    layout::{Frame, Nav, draw, state},
    words,
};
use crate::{
    app::App,
    enter::IntoAnswer,
    stream,
    visit::{Query, Visit},
};
use axum::{body::Bytes, extract::State, response::Response};
use evidence::time::Utc;
use maud::{Markup, html};
use service::{AUDIT_PAGE, Noted};
use tokio::sync::mpsc::Sender;

/// `before` is where an earlier page ended, `who` a person's number.
pub(crate) async fn page(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    let number = |name: &str| query.get(name).and_then(|n| n.parse::<i64>().ok());
    let (before, who) = (number("before").unwrap_or(i64::MAX), number("who"));
    let actor = visit.actor.clone();
    let noted = app.ask(move |folder| folder.audit(&actor, before, who)).await.map_err(IntoAnswer::into_answer)?;
    let title = visit.t("audit-title");
    let only = who.map_or_else(String::new, |who| format!("who={who}"));
    let body = html! {
        header.page-head {
            p.crumb { a href="/account/people" { (visit.t("people-title")) } }
            h1 { (title) }
            p.lead { (visit.t("audit-lead")) }
            div.acts { a.btn href=(format!("/account/audit.csv?{only}")) { (visit.t("audit-csv")) } }
        }
        @if noted.is_empty() { p.soft { (visit.t("audit-none")) } }
        ul.rows { @for line in &noted { (row(&visit, line)) } }
        @if noted.len() == AUDIT_PAGE as usize && let Some(last) = noted.last() {
            div.acts { a.btn href=(format!("/account/audit?before={}&{only}", last.seq)) { (visit.t("audit-older")) } }
        }
    };
    Ok(draw(&visit, Frame::new(&title, Nav::None), body))
}

fn row(visit: &Visit, line: &Noted) -> Markup {
    html! {
        li {
            div {
                span.t {
                    (what(visit, &line.act)) " "
                    // A record's number: nothing else is as long and has no space.
                    @if line.subject.len() == 36 && !line.subject.contains(' ') { a.mono.wrap href=(format!("/deposits/{}", line.subject)) { (line.subject) } }
                    @else { span.mono.wrap { (line.subject) } }
                }
                span.m { (line.who.as_deref().unwrap_or(&visit.t("audit-nobody"))) "　" span.mono { (line.via) } "　" (words::time(Utc(line.at))) }
            }
            @if ["refused", "rejected", "wrong-password", "wrong-code", "wrong-passkey"].contains(&line.act.as_str()) { (state("bad", "bad", &visit.t("audit-refused"))) }
        }
    }
}

/// An act in the reader's words; one that has none stands as it is noted.
fn what(visit: &Visit, act: &str) -> String {
    let words = format!("act-{act}");
    if locale::has(visit.locale, &words) { visit.t(&words) } else { act.to_owned() }
}

/// The whole log as CSV, piece by piece.
pub(crate) async fn csv(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    let who = query.get("who").and_then(|n| n.parse::<i64>().ok());
    let actor = visit.actor.clone();
    let asked = app.ask(move |folder| folder.audit_after(&actor, i64::MAX, who)).await;
    let first = asked.map_err(IntoAnswer::into_answer)?;
    let (send, body) = stream::channel(8);
    tokio::spawn(async move { table(&app, &visit, who, first, &send).await });
    Ok::<Response, Response>(file("text/csv; charset=utf-8", "quezao-audit.csv", body))
}

async fn table(app: &App, visit: &Visit, who: Option<i64>, first: Vec<Noted>, send: &Sender<std::io::Result<Bytes>>) {
    let names = ["time", "who", "via", "act", "subject"];
    let head: Vec<String> = names.iter().map(|name| cell(&visit.t(&format!("audit-{name}")))).collect();
    if put(send, format!("\u{feff}{}\r\n", head.join(",")).into_bytes()).await.is_none() {
        return;
    }
    let mut piece = first;
    while let Some(last) = piece.last().map(|line| line.seq) {
        let rows: String = piece.iter().map(|line| comma(visit, line)).collect();
        if put(send, rows.into_bytes()).await.is_none() || app.stopping() {
            return;
        }
        let actor = visit.actor.clone();
        piece = match app.ask(move |folder| folder.audit_after(&actor, last, who)).await {
            Ok(piece) => piece,
            // A list that is cut off must not look whole.
            Err(_) => {
                let _ = send.send(Err(std::io::Error::other("the list broke off"))).await;
                return;
            }
        };
    }
}

fn comma(visit: &Visit, line: &Noted) -> String {
    let who = line.who.clone().unwrap_or_else(|| visit.t("audit-nobody"));
    let cells = [Utc(line.at).to_micros(), who, line.via.clone(), line.act.clone(), line.subject.clone()];
    format!("{}\r\n", cells.iter().map(|c| cell(c)).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use locale::Locale;
    use std::{collections::BTreeSet, fs, path::Path};

    fn sources(at: &Path) -> Vec<String> {
        let mut all = Vec::new();
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                all.extend(sources(&path));
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
                let text = fs::read_to_string(&path).unwrap();
                all.push(text.split("#[cfg(test)]").next().unwrap_or_default().to_owned());
            }
        }
        all
    }

    /// Words like `end-token` that stand as literals on the rest of the line.
    fn words(rest: &str) -> Vec<String> {
        let literals = rest.lines().next().unwrap_or_default().split('"').skip(1).step_by(2).map(str::to_owned);
        literals.filter(|l| !l.is_empty() && l.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')).collect()
    }

    #[test]
    fn every_act_that_is_written_down_has_words_in_both_languages() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut acts: BTreeSet<String> = ["sign-up", "refused"].map(str::to_owned).into();
        for text in ["service", "store"].iter().flat_map(|name| sources(&crates.join(name).join("src"))) {
            for call in [
                ".act(person, ",
                ".act(&person, ",
                ".note(actor, person, ",
                ".note(&actor, &person, ",
                ".note(&Actor::visitor(), &person, ",
            ] {
                acts.extend(text.split(call).skip(1).flat_map(words));
            }
            // A line of the quota's own ledger is no act.
            let literal = |rest: &str| {
                rest.split_once('"').filter(|(_, rest)| !rest.starts_with(".into()")).map(|(word, _)| word.to_owned())
            };
            acts.extend(text.split("act: \"").skip(1).filter_map(literal));
        }
        assert!(acts.len() > 55 && acts.contains("end-grant") && acts.contains("decline-wish"), "{acts:?}");
        let dumb = |act: &&String| ![Locale::Zh, Locale::En].iter().all(|l| locale::has(*l, &format!("act-{act}")));
        let dumb: Vec<_> = acts.iter().filter(dumb).collect();
        assert!(dumb.is_empty(), "no act-… in locales/ for {dumb:?}");
    }
}
