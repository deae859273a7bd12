//! Refusals as answers: a status for each kind; for programs, problem details (RFC 9457) in both languages.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use service::{Left, Refusal, Why};
use std::cell::Cell;

/// In an answer's extensions until `enter` has put it into words.
#[derive(Clone)]
pub(crate) struct Refused(pub Refusal);

/// Why an answer is a refusal, in a word that tells nothing of anybody; `noted`: the audit log told of it when it was made.
#[derive(Clone, Copy)]
pub(crate) struct Reason {
    pub word: &'static str,
    pub noted: bool,
}

tokio::task_local! {
    static REASON: Cell<Option<Reason>>;
}

/// Runs what makes an answer. Also gives why it is a refusal, where one was given a status: a form that is shown again says
/// so in no other way.
pub(crate) async fn heard<T>(run: impl Future<Output = T>) -> (T, Option<Reason>) {
    REASON
        .scope(Cell::new(None), async {
            let answer = run.await;
            (answer, REASON.with(Cell::take))
        })
        .await
}

/// Paths that programs speak: no cookies, no pages.
pub(crate) fn is_machine(path: &str) -> bool {
    ["/healthz", "/readyz", "/tsa", "/market/orders"].contains(&path)
        || path.starts_with("/ledger/")
        || path.starts_with("/api/")
}

pub(crate) fn status(refusal: &Refusal) -> StatusCode {
    let word = match refusal.why {
        Why::Field(name) | Why::TooLarge(name) => name,
        _ => refusal.error.code,
    };
    // Nobody listens where none is answered.
    let _ = REASON.try_with(|reason| reason.set(Some(Reason { word, noted: refusal.is_noted() })));
    match refusal.why {
        Why::SignIn => StatusCode::UNAUTHORIZED,
        Why::Forbidden | Why::Ask(_) => StatusCode::FORBIDDEN,
        Why::NotFound => StatusCode::NOT_FOUND,
        Why::Gone => StatusCode::GONE,
        Why::Field(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Why::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Why::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Why::Conflict => StatusCode::CONFLICT,
        Why::Slow(_) => StatusCode::TOO_MANY_REQUESTS,
        Why::Busy => StatusCode::LOCKED,
        // The tus protocol's own.
        Why::Checksum => StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST),
        Why::Quota(_) => StatusCode::PAYMENT_REQUIRED,
        Why::Full => StatusCode::INSUFFICIENT_STORAGE,
        Why::Failed if refusal.error.code == "disk-full" => StatusCode::INSUFFICIENT_STORAGE,
        Why::Failed => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// `Retry-After`, where waiting helps.
pub(crate) fn retry(refusal: &Refusal, response: &mut Response) {
    if let Why::Slow(seconds) = refusal.why {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
}

/// What the router says without a word, as a problem: a method that an address does not know (`Allow` stays), an address
/// that is no text.
pub(crate) fn worded(response: Response) -> Response {
    let problem = match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => {
            plain_as(StatusCode::METHOD_NOT_ALLOWED, "这个网址不支持这种方法", "this address does not know that method")
        }
        StatusCode::BAD_REQUEST if !is_problem(&response) => {
            plain_as(StatusCode::NOT_FOUND, "没有这个网址", "there is no such address")
        }
        _ => return response,
    };
    let (mut parts, body) = problem.into_parts();
    if let Some(allowed) = response.headers().get(header::ALLOW) {
        parts.headers.insert(header::ALLOW, allowed.clone());
    }
    Response::from_parts(parts, body)
}

fn is_problem(response: &Response) -> bool {
    response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == PROBLEM)
}

const PROBLEM: &str = "application/problem+json";

/// `application/problem+json`.
pub(crate) fn plain(refusal: &Refusal) -> Response {
    let field = match refusal.why {
        Why::Field(name) | Why::TooLarge(name) => evidence::json::json!(name),
        _ => evidence::json::Value::Null,
    };
    let left = match refusal.why {
        Why::Quota(left) => Some(left),
        _ => None,
    };
    let mut response = said(status(refusal), &field, left, &refusal.error.zh, &refusal.error.en);
    retry(refusal, &mut response);
    response
}

fn plain_as(status: StatusCode, zh: &str, en: &str) -> Response {
    said(status, &evidence::json::Value::Null, None, zh, en)
}

fn said(status: StatusCode, field: &evidence::json::Value, left: Option<Left>, zh: &str, en: &str) -> Response {
    let mut body = evidence::json::json!({
        "type": "about:blank", "title": status.canonical_reason().unwrap_or_default(), "status": status.as_u16(),
        "field": field, "detail": en, "detail_zh": zh,
    });
    if let Some(Left { deposits, captures, storage, .. }) = left {
        body["left"] = evidence::json::json!({"deposits": deposits, "captures": captures, "storage": storage});
    }
    (status, [(header::CONTENT_TYPE, PROBLEM)], body.to_string()).into_response()
}
