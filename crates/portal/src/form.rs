//! Forms as browsers send them: small, each name once, and carrying the page's own token.

use crate::{enter::IntoAnswer, visit::Visit};
use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::header,
    response::Response,
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as _;
use service::{Refusal, Why};
use std::{collections::BTreeMap, time::Duration};

/// Longest form, in bytes.
const LIMIT: usize = 64 << 10;
/// A form must be here within.
const PATIENCE: Duration = Duration::from_secs(20);
/// The field of the page's token.
pub(crate) const TOKEN: &str = "csrf";

/// The fields of a form that carried the token of the page that it was on.
pub(crate) struct Form(BTreeMap<String, String>);

impl Form {
    /// A form that nobody has filled in.
    pub(crate) fn empty() -> Self {
        Self(BTreeMap::new())
    }

    /// A form of which one field is filled in.
    pub(crate) fn of(name: &str, value: &str) -> Self {
        Self(BTreeMap::from([(name.to_owned(), value.to_owned())]))
    }

    /// All fields.
    pub(crate) fn fields(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// A field's text; empty where it was not sent.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// A field's text without the spaces around it; `None` where nothing was typed.
    pub(crate) fn typed(&self, name: &str) -> Option<String> {
        Some(self.get(name).trim().to_owned()).filter(|t| !t.is_empty())
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let wanted = parts.extensions.get::<Visit>().map(|v| v.csrf.clone());
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if kind.split(';').next().map(str::trim) != Some("application/x-www-form-urlencoded") {
            return Err(refuse("表单格式不对", "this is no form").into_answer());
        }
        let fields = parse(&read(body, LIMIT, "form").await.map_err(IntoAnswer::into_answer)?)
            .map_err(IntoAnswer::into_answer)?;
        if wanted.is_none() || fields.get(TOKEN) != wanted.as_ref() {
            return Err(stale().into_answer());
        }
        Ok(Self(fields))
    }
}

/// The token of another page, another visit, or none.
pub(crate) fn stale() -> Refusal {
    Refusal::new(
        Why::Forbidden,
        "这一页已经过期；请返回上一页，刷新后重试",
        "this page has grown old; go back, load it again and try once more",
    )
}

/// A whole body within its bounds of bytes and time.
pub(crate) async fn read(body: Body, limit: usize, field: &'static str) -> Result<Vec<u8>, Refusal> {
    let long = || {
        let (zh, en) = (format!("内容超过 {limit} 字节"), format!("it is longer than {limit} bytes"));
        Refusal::new(Why::TooLarge(field), zh, en)
    };
    if body.size_hint().lower() > limit as u64 {
        return Err(long());
    }
    match tokio::time::timeout(PATIENCE, Limited::new(body, limit).collect()).await {
        Ok(Ok(bytes)) => Ok(bytes.to_bytes().into()),
        Ok(Err(e)) if e.is::<LengthLimitError>() => Err(long()),
        Ok(Err(_)) => Err(Refusal::field(field, "没有传完", "it was cut off")),
        Err(_) => Err(Refusal::field(field, "传得太慢", "it came too slowly")),
    }
}

fn parse(body: &[u8]) -> Result<BTreeMap<String, String>, Refusal> {
    let mut fields = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(body) {
        if value.contains('\0') || fields.insert(name.into_owned(), value.into_owned()).is_some() {
            return Err(refuse(
                "表单中有重复或不能使用的内容",
                "the form repeats a field, or holds what none may hold",
            ));
        }
    }
    Ok(fields)
}

fn refuse(zh: &str, en: &str) -> Refusal {
    Refusal::field("form", zh, en)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_field_stands_once_and_holds_no_nul() {
        assert_eq!(parse(b"a=1&b=%E6%9E%97").unwrap()["b"], "林");
        assert!(parse(b"a=1&a=2").is_err());
        assert!(parse(b"a=%00").is_err());
    }
}
