//! `capture` through a server: ordered there, looked after until the last page has its end.

use super::{
    Call, Server,
    line::{is_digest, is_id},
    not_understood, printable,
};
use serde::Deserialize;
use serde_json::{Value, json};
use service::{CaptureEvent, CaptureLine, Error, MAX_PAGES};
use std::{io::Cursor, time::Duration};

/// How often a page that is under way is asked for.
const EVERY: Duration = Duration::from_millis(700);

#[derive(Deserialize)]
struct Told {
    number: u64,
    state: String,
    place: Option<u64>,
    steps: Vec<String>,
    id: Option<String>,
    order: Option<String>,
    url: String,
    status: Option<String>,
    sha256: Option<String>,
    error: Option<String>,
}

/// Orders these pages and waits for each; `events` hears every step and end, as on a folder. A step `queue-N` is a place
/// in the server's queue.
pub(crate) fn capture(
    server: &Server,
    urls: &[String],
    other: bool,
    phone: bool,
    events: &mut dyn FnMut(CaptureEvent),
) -> service::Result<Vec<CaptureLine>> {
    let mut lines = Vec::new();
    for some in urls.chunks(MAX_PAGES) {
        let ordered = order(server, some, other, phone)?;
        for (url, number) in some.iter().zip(ordered) {
            let line = wait(server, url, number, events)?;
            events(CaptureEvent::Done(Box::new(line.clone())));
            lines.push(line);
        }
    }
    Ok(lines)
}

/// The numbers of these pages in the server's queue, in order.
fn order(server: &Server, urls: &[String], other: bool, phone: bool) -> service::Result<Vec<u64>> {
    let (purpose, window) = (if other { "other" } else { "own" }, if phone { "phone" } else { "desktop" });
    let asked = json!({"urls": urls, "purpose": purpose, "window": window}).to_string().into_bytes();
    let answer = server.post(&mut Call {
        path: "/api/v1/captures",
        key: &service::random_word()?,
        media_type: "application/json",
        length: asked.len() as u64,
        body: &mut || Ok(Box::new(Cursor::new(asked.clone()))),
    })?;
    let told: Vec<Told> = serde_json::from_value(answer["captures"].clone()).map_err(|_| not_understood())?;
    if told.len() != urls.len() || told.iter().zip(urls).any(|(t, url)| t.url != *url) {
        return Err(not_understood());
    }
    Ok(told.iter().map(|t| t.number).collect())
}

fn wait(server: &Server, url: &str, number: u64, events: &mut dyn FnMut(CaptureEvent)) -> service::Result<CaptureLine> {
    let mut said = String::new();
    loop {
        let told = one(&server.json(&format!("/api/v1/captures/{number}"))?, number)?;
        if !["waiting", "running"].contains(&told.state.as_str()) {
            return line(url, told);
        }
        let plain = |step: &&String| step.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        let step = match (told.steps.last().filter(plain), told.place) {
            (Some(step), _) => step.clone(),
            (None, place) => format!("queue-{}", place.unwrap_or_default()),
        };
        if step != said {
            said.clone_from(&step);
            events(CaptureEvent::Step { url: url.to_owned(), step });
        }
        std::thread::sleep(EVERY);
    }
}

fn one(value: &Value, number: u64) -> service::Result<Told> {
    let told = Told::deserialize(value).map_err(|_| not_understood())?;
    if told.number == number { Ok(told) } else { Err(not_understood()) }
}

fn line(url: &str, told: Told) -> service::Result<CaptureLine> {
    let ids = [&told.id, &told.order].into_iter().flatten().all(|id| is_id(id));
    let status = told.status.unwrap_or_else(|| "failed".to_owned());
    let known = ["complete", "partial", "blocked", "failed"].contains(&status.as_str());
    if !ids || !known || told.sha256.as_deref().is_some_and(|d| !is_digest(d)) {
        return Err(not_understood());
    }
    // Both languages come in one sentence.
    let error = told.error.map(|said| {
        let (zh, en) = said.split_once(" / ").unwrap_or((&said, &said));
        Error::new(printable(zh), printable(en))
    });
    let (id, order, sha256) = (told.id, told.order, told.sha256);
    Ok(CaptureLine { id, order, url: url.to_owned(), status, sha256, error, ..CaptureLine::default() })
}
