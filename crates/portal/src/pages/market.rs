//! The webhook of a service market (docs/market.md): bytes and two headers in, JSON out.

use super::Shown;
use crate::{app::App, enter::IntoAnswer, form::read};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    response::IntoResponse,
};
use service::MAX_MARKET;

pub(crate) async fn order(State(app): State<App>, headers: HeaderMap, request: Request) -> Shown {
    let head = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let (timestamp, signature) = (head("quezao-timestamp"), head("quezao-signature"));
    let body = read(request.into_body(), MAX_MARKET, "body").await.map_err(IntoAnswer::into_answer)?;
    let taken = app.ask(move |folder| folder.take_market(&timestamp, &signature, &body)).await;
    let answer = taken.map_err(IntoAnswer::into_answer)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], answer).into_response())
}
