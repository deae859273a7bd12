//! The API, version 1. Bearer tokens alone; no cookies.
//!
//! Rules:
//! - each operation stands beside its handler as an [`Operation`]; the description and the guide are made of these, and a
//!   test holds them against the one table of routes, both ways;
//! - what is read and answered has a [`Shape`](shape::Shape), which does the reading and the describing;
//! - a creating call may carry an `Idempotency-Key`; who calls, and whether he may, is asked before anything is read.

pub(crate) mod batch;
pub(crate) mod captures;
pub(crate) mod deposits;
pub(crate) mod describe;
pub(crate) mod guide;
pub(crate) mod licences;
pub(crate) mod records;
pub(crate) mod shape;
mod upload;
pub(crate) mod verifications;

use crate::{app::App, form, visit::Visit};
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use describe::Operation;
use evidence::json::Value;
use service::{Answer, Folder, Permission, Refusal, Why};
use shape::Shape;
use std::collections::BTreeMap;

/// Every operation, in the order in which it is told.
pub(crate) const OPERATIONS: &[&Operation] = &[
    &deposits::CREATE,
    &batch::CREATE,
    &deposits::LIST,
    &deposits::SHOW,
    &deposits::PART,
    &records::LIST,
    &records::SHOW,
    &captures::CREATE,
    &captures::LIST,
    &captures::SHOW,
    &captures::EVENTS,
    &captures::PART,
    &licences::LIST,
    &licences::CREATE,
    &licences::SHOW,
    &licences::PART,
    &licences::END,
    &licences::LINK,
    &verifications::CREATE,
    &describe::DESCRIBE,
];

/// The media type of a body, without its parameters.
fn media_type(headers: &HeaderMap) -> &str {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim()
}

/// A body of another kind than these.
fn other_type(taken: &str) -> Refusal {
    Refusal::new(Why::MediaType, format!("请用 {taken}"), format!("send {taken}"))
}

/// A whole JSON body.
async fn json_body(request: Request, limit: usize) -> Answer<Vec<u8>> {
    if media_type(request.headers()) != "application/json" {
        return Err(other_type("application/json"));
    }
    form::read(request.into_body(), limit, "body").await
}

/// Bytes that are no JSON.
fn no_json(why: &str) -> Refusal {
    Refusal::field("body", format!("不是可用的 JSON（{why}）"), format!("this is no JSON that can be used ({why})"))
}

/// The call's own key, where it has one; what cannot be one is refused by `service`.
fn key(headers: &HeaderMap) -> Option<String> {
    headers.get("idempotency-key").map(|value| value.to_str().unwrap_or("\u{7f}").to_owned())
}

/// Runs a creating call, once for its key.
fn once(
    folder: &Folder,
    visit: &Visit,
    permission: Permission,
    key: Option<&str>,
    request: &[u8; 32],
    run: impl FnOnce() -> Answer<String>,
) -> Answer<String> {
    match key {
        Some(key) => folder.once(&visit.actor, permission, key, request, run),
        None => run(),
    }
}

/// What was kept of an earlier answer cannot be read.
fn broken() -> Refusal {
    Refusal::new(Why::Failed, "此前的答复已损坏", "the earlier answer is damaged")
}

/// Whether this caller may, before anything is read.
async fn may(app: &App, visit: &Visit, permission: Permission) -> Answer<()> {
    if app.opened()?.can(&visit.actor, permission) {
        return Ok(());
    }
    // What is refused is written down, which may wait.
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.may(&actor, permission)).await
}

/// A parameter that must be one of these words, where it stands.
fn word<'q>(query: &'q BTreeMap<String, String>, name: &'static str, words: &[&str]) -> Answer<Option<&'q str>> {
    match query.get(name).map(String::as_str) {
        Some(word) if !words.contains(&word) => {
            let words = words.join(", ");
            Err(Refusal::field(name, format!("{name} 须为 {words} 之一"), format!("{name} must be one of {words}")))
        }
        found => Ok(found),
    }
}

/// A parameter that must be a whole number from 1, where it stands.
fn number(query: &BTreeMap<String, String>, name: &'static str) -> Answer<Option<u64>> {
    let Some(text) = query.get(name) else { return Ok(None) };
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<u64>() {
        Ok(number) if digits && (1..=i64::MAX.unsigned_abs()).contains(&number) => Ok(Some(number)),
        _ => Err(Refusal::field(name, format!("{name} 须为正整数"), format!("{name} must be a whole number from 1"))),
    }
}

/// An answer of this shape.
fn answer(status: StatusCode, shape: &Shape, value: &Value) -> Response {
    debug_assert_eq!(shape.misfit(value), None, "an answer that the description does not say");
    json(status, value.to_string())
}

/// The same, written before.
fn written(status: StatusCode, shape: &Shape, text: String) -> Response {
    debug_assert_eq!(serde_json::from_str(&text).ok().and_then(|value| shape.misfit(&value)), None);
    json(status, text)
}

fn json(status: StatusCode, json: String) -> Response {
    let mut response = Response::new(Body::from(json));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::{ROUTES, Who};
    use std::collections::BTreeSet;

    #[test]
    fn every_route_of_the_api_is_described_and_nothing_else_is() {
        // Resumable uploads are tus's to describe.
        let of_api = |path: &str| path.starts_with("/api/v1/") && !path.starts_with("/api/v1/uploads");
        let routes: BTreeSet<_> =
            ROUTES.iter().filter(|r| of_api(r.path)).map(|r| (r.method, r.path, r.who == Who::Token)).collect();
        let described: BTreeSet<_> = OPERATIONS.iter().map(|o| (o.method, o.path, o.scope.is_some())).collect();
        assert_eq!(routes, described);
        assert_eq!(described.len(), OPERATIONS.len(), "each once");
    }

    #[test]
    fn scopes_are_those_that_a_token_can_have() {
        let scopes: BTreeSet<_> = OPERATIONS.iter().filter_map(|o| o.scope).collect();
        assert_eq!(scopes, service::SCOPES.into_iter().collect());
    }
}
