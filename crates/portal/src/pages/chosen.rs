//! Many records at once: their certificates as one ZIP, a collection of them, the list as a table.
//!
//! What is long is sent as it is made: one certificate, or one piece of the list, lies in memory at a time.

use super::{
    Shown,
    deposit::{english, file},
    library, licence_form, see,
};
use crate::{
    app::App,
    enter::IntoAnswer,
    form::Form,
    stream,
    visit::{Query, Visit},
};
use axum::{body::Bytes, extract::State, response::Response};
use evidence::time::{SECOND, Utc};
use service::{Bundle, Chosen, Error, Item, Refusal, Search, Why, bundled_name};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc::Sender;

type Out = Sender<std::io::Result<Bytes>>;

/// The form under the grid: what is ticked, or all that was found, and what to do with it.
pub(crate) async fn submit(State(app): State<App>, visit: Visit, form: Form) -> Shown {
    let fields = form.fields();
    let chosen = if form.get("all") == "yes" {
        Chosen::Found(library::search(fields))
    } else {
        Chosen::Ids(fields.keys().filter_map(|name| name.strip_prefix("pick-")).map(str::to_owned).collect())
    };
    if form.get("act") == "license" {
        let actor = visit.actor.clone();
        return match app.ask(move |folder| folder.chosen_to_license(&actor, &chosen)).await {
            Ok(ids) => licence_form::begin(&app, &visit, &ids).await,
            Err(refusal) if matches!(refusal.why, Why::Field(_)) => {
                library::show(&app, &visit, fields, Some(&refusal)).await
            }
            Err(refusal) => Err(refusal.into_answer()),
        };
    }
    let (actor, done) = (
        visit.actor.clone(),
        match form.get("act") {
            "collection" => {
                let (actor, title) = (visit.actor.clone(), form.typed("title"));
                let account = visit.actor.account();
                let made = app.slow(account, move |folder| folder.collect_chosen(&actor, &chosen, title));
                made.await.map(Done::Collected)
            }
            _ => {
                let actor = visit.actor.clone();
                app.ask(move |folder| folder.chosen(&actor, &chosen)).await.map(Done::Chosen)
            }
        },
    );
    match done {
        Ok(Done::Collected(id)) => Ok(see(&format!("/deposits/{id}"))),
        Ok(Done::Chosen(records)) => {
            let english = english(fields, &visit);
            let (send, body) = stream::channel(8);
            tokio::spawn(async move { bundle(&app, &visit, actor, records, english, &send).await });
            Ok(file("application/zip", "quezao-certificates.zip", body))
        }
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => {
            library::show(&app, &visit, fields, Some(&refusal)).await
        }
        Err(refusal) => Err(refusal.into_answer()),
    }
}

enum Done {
    Collected(String),
    Chosen(Vec<(String, String)>),
}

/// Certificates one after another; what has none is named in a list at the end. Ends when the reader has gone.
async fn bundle(
    app: &App,
    visit: &Visit,
    actor: service::Actor,
    records: Vec<(String, String)>,
    english: bool,
    send: &Out,
) {
    let mut bundle = Bundle::new(now());
    let mut missing = String::new();
    for (id, title) in records {
        if app.stopping() || send.is_closed() {
            return;
        }
        let (actor, wanted) = (actor.clone(), id.clone());
        let drawn = app.work(move |folder| folder.certificate_of(&actor, &wanted, english)).await;
        let why = match drawn {
            Ok(pdf) => match bundle.entry(&bundled_name(&title, &id, "pdf"), &pdf) {
                Some(head) => {
                    if put(send, head).await.is_none() || put(send, pdf).await.is_none() {
                        return;
                    }
                    continue;
                }
                None => full(),
            },
            Err(refusal) => refusal,
        };
        missing.push_str(&format!("{id}\t{title}\t{}\r\n", visit.say(&why)));
    }
    if !missing.is_empty() {
        let text = format!("\u{feff}{}\r\n{missing}", visit.t("chosen-missing")).into_bytes();
        if let Some(head) = bundle.entry("missing.txt", &text)
            && (put(send, head).await.is_none() || put(send, text).await.is_none())
        {
            return;
        }
    }
    put(send, bundle.finish()).await;
}

pub(super) async fn put(send: &Out, bytes: Vec<u8>) -> Option<()> {
    send.send(Ok(bytes.into())).await.ok()
}

fn full() -> Refusal {
    Error::new("压缩包已满 4 GB；请分批下载", "the ZIP has reached 4 GB; download the rest apart").into()
}

/// The list that a search finds, as CSV (RFC 4180, UTF-8 with a mark, so that spreadsheets read it as what it is).
pub(crate) async fn csv(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    let search = library::search(&query);
    let (actor, wanted) = (visit.actor.clone(), search.clone());
    let first = app.ask(move |folder| folder.library_after(&actor, &wanted, None)).await;
    let first = first.map_err(IntoAnswer::into_answer)?;
    let (send, body) = stream::channel(8);
    tokio::spawn(async move { table(&app, &visit, &search, first, &send).await });
    Ok::<Response, Response>(file("text/csv; charset=utf-8", "quezao-library.csv", body))
}

async fn table(app: &App, visit: &Visit, search: &Search, first: Vec<Item>, send: &Out) {
    let names = ["id", "kind", "title", "file", "received", "size", "sha256", "sm3", "index", "state", "record"];
    let head: Vec<String> = names.iter().map(|name| cell(&visit.t(&format!("csv-{name}")))).collect();
    if put(send, format!("\u{feff}{}\r\n", head.join(",")).into_bytes()).await.is_none() {
        return;
    }
    let mut piece = first;
    while let Some(last) = piece.last().map(|item| item.place) {
        let rows: String = piece.iter().map(|item| row(visit, item)).collect();
        if put(send, rows.into_bytes()).await.is_none() || app.stopping() {
            return;
        }
        let (actor, wanted) = (visit.actor.clone(), search.clone());
        piece = match app.ask(move |folder| folder.library_after(&actor, &wanted, Some(last))).await {
            Ok(piece) => piece,
            // A list that is cut off must not look whole.
            Err(_) => {
                let _ = send.send(Err(std::io::Error::other("the list broke off"))).await;
                return;
            }
        };
    }
}

fn row(visit: &Visit, item: &Item) -> String {
    let received: String = item.received_at.plus(8 * 3600 * SECOND).to_micros().chars().take(19).collect();
    let state = match (item.sealed, item.outcome.as_deref()) {
        (false, _) if item.unwitnessed => visit.t("standing-witnesses"),
        (false, _) => visit.t("standing-waiting"),
        (true, Some(outcome @ ("partial" | "blocked"))) => visit.t(&format!("outcome-{outcome}")),
        (true, _) => visit.t("standing-sealed"),
    };
    let number = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
    let cells = [
        item.id.clone(),
        visit.t(&format!("kind-{}", item.kind)),
        item.title.clone(),
        item.file_name.clone(),
        format!("{}+08:00", received),
        number(item.size),
        item.sha256.clone().unwrap_or_default(),
        item.sm3.clone().unwrap_or_default(),
        number(item.index),
        state,
        item.record_sha256.clone(),
    ];
    format!("{}\r\n", cells.iter().map(|c| cell(c)).collect::<Vec<_>>().join(","))
}

/// A cell that no spreadsheet takes for a formula: an apostrophe stands before what begins like one.
pub(super) fn cell(text: &str) -> String {
    let first = text.trim_start_matches([' ', '\u{3000}', '\u{a0}']).chars().next();
    let formula = first.is_some_and(|c| "=+-@\t\r\n＝＋－＠|".contains(c));
    format!("\"{}{}\"", if formula { "'" } else { "" }, text.replace('"', "\"\""))
}

pub(crate) fn now() -> Utc {
    let micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros());
    Utc(i64::try_from(micros).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(cell("朱红漆碗"), "\"朱红漆碗\"");
        assert_eq!(cell("a\"b,c"), "\"a\"\"b,c\"");
        for formula in ["=HYPERLINK(\"x\")", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "＝1"] {
            assert!(cell(formula).starts_with("\"'"), "{formula}");
        }
    }
}
