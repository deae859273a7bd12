//! One request's surroundings: who asks, in which language, and the token that its forms carry.

use crate::cookies;
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use evidence::{digest, hex};
use locale::{Locale, Value};
use service::{Actor, NoticeShown, Refusal};
use std::{collections::BTreeMap, net::IpAddr};

/// Made by `enter`, before any handler.
#[derive(Clone)]
pub(crate) struct Visit {
    pub actor: Actor,
    pub locale: Locale,
    /// `light`, `dark`; empty where the system decides.
    pub theme: &'static str,
    /// What a form of this page must send back.
    pub csrf: String,
    /// Path and query.
    pub here: String,
    pub address: IpAddr,
    /// The browser's own connection is encrypted, so cookies may be bound to that.
    pub secure: bool,
    pub agent: String,
    /// The address that the visitor opened: `https://HOST`.
    pub origin: String,
    /// What addresses that are handed on begin with: where the operator says it, his word, and never the visitor's.
    pub home: String,
    /// Who runs the ledger; empty before there is one.
    pub runs: String,
    /// What the operator tells the visitor, and he has not put away.
    pub notices: Vec<NoticeShown>,
}

impl Visit {
    /// A message of `locales/`.
    pub(crate) fn t(&self, id: &str) -> String {
        locale::text(self.locale, id, &[])
    }

    /// The same with variables.
    pub(crate) fn tv(&self, id: &str, args: &[(&str, Value<'_>)]) -> String {
        locale::text(self.locale, id, args)
    }

    /// The one of two sentences that the reader reads.
    pub(crate) fn pick<'s>(&self, zh: &'s str, en: &'s str) -> &'s str {
        if self.locale == Locale::Zh { zh } else { en }
    }

    /// A refusal's sentence.
    pub(crate) fn say<'s>(&self, refusal: &'s Refusal) -> &'s str {
        self.pick(&refusal.error.zh, &refusal.error.en)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = axum::http::StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        parts.extensions.get::<Self>().cloned().ok_or(axum::http::StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// What stands behind the question mark, each name once: of two the first.
pub(crate) struct Query(pub BTreeMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let mut found = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).take(32) {
            found.entry(name.into_owned()).or_insert_with(|| value.into_owned());
        }
        Ok(Self(found))
    }
}

/// What a form carries: made of the browser's secret, so that another site can neither know nor set it.
pub(crate) fn csrf(secret: &str) -> String {
    hex::encode(&digest::sha256(format!("quezao/csrf\n{secret}").as_bytes()))
}

/// By the cookie, else the first language of `Accept-Language` that is spoken here, else Chinese.
pub(crate) fn locale_of(headers: &HeaderMap) -> Locale {
    let asked = headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let cookie = cookies::get(headers, cookies::LANGUAGE).and_then(Locale::parse);
    cookie.or_else(|| preferred(asked)).unwrap_or(Locale::Zh)
}

/// RFC 9110, 12.5.4: the highest weight wins, of equal ones the first.
fn preferred(header: &str) -> Option<Locale> {
    let mut best: Option<(u32, Locale)> = None;
    for range in header.split(',').take(32) {
        let mut parts = range.split(';').map(str::trim);
        let Some(locale) = parts.next().and_then(Locale::parse) else { continue };
        let weight = parts.find_map(|p| p.strip_prefix("q=")).map_or(Some(1000), thousandths);
        let Some(weight) = weight.filter(|w| *w > 0) else { continue };
        if best.is_none_or(|(w, _)| weight > w) {
            best = Some((weight, locale));
        }
    }
    best.map(|(_, locale)| locale)
}

fn thousandths(q: &str) -> Option<u32> {
    let (whole, fraction) = q.split_once('.').unwrap_or((q, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|b| b.is_ascii_digit());
    let fraction: u32 = if digits { format!("{fraction:0<3}").parse().ok()? } else { return None };
    match whole {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_one_that_is_wanted_most() {
        assert_eq!(preferred("zh-CN,zh;q=0.9,en;q=0.8"), Some(Locale::Zh));
        assert_eq!(preferred("de, en-GB;q=0.7, zh;q=0.3"), Some(Locale::En));
        assert_eq!(preferred("en;q=0.2, zh-Hans;q=0.25"), Some(Locale::Zh));
        assert_eq!(preferred("en;q=0, zh;q=7"), None);
        assert_eq!(preferred("fr"), None);
    }
}
