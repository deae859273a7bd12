//! Cookies: what a browser sent, and what it is given. Names say nothing that a page's script could read.

use axum::http::{HeaderMap, HeaderValue, header};

/// The session's token.
pub(crate) const SESSION: &str = "quezao-session";
/// A random word that forms are bound to before anybody has signed in.
pub(crate) const VISIT: &str = "quezao-visit";
/// `zh` or `en`.
pub(crate) const LANGUAGE: &str = "quezao-lang";
/// `light` or `dark`.
pub(crate) const THEME: &str = "quezao-theme";

/// The value of a cookie; of two with one name the first, and none that is not plain.
pub(crate) fn get<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    let mut pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(n, _)| *n == name)
        .map(|(_, value)| value)
        .filter(|v| v.len() <= 128 && v.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// `Set-Cookie`; without `seconds` it lasts as long as the browser is open.
pub(crate) fn set(name: &str, value: &str, seconds: Option<i64>, secure: bool) -> Option<HeaderValue> {
    let age = seconds.map_or_else(String::new, |s| format!("; Max-Age={s}"));
    let secure = if secure { "; Secure" } else { "" };
    HeaderValue::from_str(&format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{age}{secure}")).ok()
}
