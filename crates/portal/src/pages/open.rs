//! What programs of strangers ask for: the ledger's tiles (C2SP tlog-tiles), and time-stamps over HTTP (RFC 3161, 3.4).

use super::Shown;
use crate::{app::App, enter::IntoAnswer, form};
use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use service::{MAX_STAMP_REQUEST, Refusal, Why};

pub(crate) async fn checkpoint(State(app): State<App>) -> Shown {
    ledger(&app, "checkpoint".into(), "text/plain; charset=utf-8", "no-cache").await
}

/// The newest sealed checkpoint, with its cosignatures.
pub(crate) async fn cosigned(State(app): State<App>) -> Shown {
    let bytes = app.ask(|folder| folder.cosigned_checkpoint()).await.map_err(IntoAnswer::into_answer)?;
    Ok(served(bytes, "text/plain; charset=utf-8", "no-cache"))
}

/// A tile never changes, and a partial one is only followed by a wider one of another address.
pub(crate) async fn tile(State(app): State<App>, Path(path): Path<String>) -> Shown {
    ledger(&app, format!("tile/{path}"), "application/octet-stream", "public, max-age=31536000, immutable").await
}

async fn ledger(app: &App, path: String, kind: &'static str, cache: &'static str) -> Shown {
    let bytes = app.ask(move |folder| folder.ledger_file(&path)).await.map_err(IntoAnswer::into_answer)?;
    Ok(served(bytes, kind, cache))
}

fn served(bytes: Vec<u8>, kind: &'static str, cache: &'static str) -> Response {
    let mut response = Response::new(Body::from(bytes));
    for (name, value) in [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cache)] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

pub(crate) async fn stamp(State(app): State<App>, headers: HeaderMap, body: Body) -> Shown {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    if kind != Some("application/timestamp-query") {
        let (zh, en) =
            ("请求的类型须为 application/timestamp-query", "the request must be of type application/timestamp-query");
        return Err(Refusal::new(Why::MediaType, zh, en).into_answer());
    }
    let request = form::read(body, MAX_STAMP_REQUEST, "request").await.map_err(IntoAnswer::into_answer)?;
    let answer = app.work(move |folder| folder.stamp_request(&request)).await.map_err(IntoAnswer::into_answer)?;
    Ok(([(header::CONTENT_TYPE, "application/timestamp-reply")], answer).into_response())
}
