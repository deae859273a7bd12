//! Refusals as answers: a status for each kind; for programs, problem details (RFC 9457) in both languages.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use service::{Refusal, Why};

/// In an answer's extensions until `enter` has put it into words.
#[derive(Clone)]
pub(crate) struct Refused(pub Refusal);

/// Paths that programs speak: no cookies, no pages.
pub(crate) fn is_machine(path: &str) -> bool {
    ["/healthz", "/readyz", "/tsa"].contains(&path) || path.starts_with("/ledger/") || path.starts_with("/api/")
}

pub(crate) fn status(refusal: &Refusal) -> StatusCode {
    match refusal.why {
        Why::SignIn => StatusCode::UNAUTHORIZED,
        Why::Forbidden => StatusCode::FORBIDDEN,
        Why::NotFound => StatusCode::NOT_FOUND,
        Why::Field(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Why::Conflict => StatusCode::CONFLICT,
        Why::Slow(_) => StatusCode::TOO_MANY_REQUESTS,
        Why::Failed => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// `Retry-After`, where waiting helps.
pub(crate) fn retry(refusal: &Refusal, response: &mut Response) {
    if let Why::Slow(seconds) = refusal.why {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
}

/// `application/problem+json`.
pub(crate) fn plain(refusal: &Refusal) -> Response {
    let status = status(refusal);
    let field = match refusal.why {
        Why::Field(name) => evidence::json::json!(name),
        _ => evidence::json::Value::Null,
    };
    let body = evidence::json::json!({
        "type": "about:blank", "title": status.canonical_reason().unwrap_or_default(), "status": status.as_u16(),
        "field": field, "detail": refusal.error.en, "detail_zh": refusal.error.zh,
    });
    let kind = [(header::CONTENT_TYPE, "application/problem+json")];
    let mut response = (status, kind, body.to_string()).into_response();
    retry(refusal, &mut response);
    response
}
