//! Who may use the desk: whoever shows the institution's token; without one whoever is on this machine.
//!
//! Rules: on an address that others reach, the desk stays shut until there is a token. On this machine alone it is open to
//! who names this machine (a page whose name was made to lead here, by DNS rebinding, names another), comes by no proxy that
//! says so, and by no page of another site. A proxy that says nothing looks like a person on this machine, and nginx says
//! nothing: where one passes the desk on, only a token keeps it shut. A token is compared by its digest; who signed in has
//! a random word in a cookie, which dies with the process. What the protocols publish needs no token.

use super::{Desk, pages, web::Reader};
use crate::{Config, Error, Result};
use axum::{
    body::Body,
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header, request::Parts, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};
use evidence::{digest, hex};
use http_body_util::{BodyExt, Limited};
use std::{
    collections::VecDeque,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Shortest token, in characters.
pub const MIN_TOKEN: usize = 20;
/// Longest one.
const MAX_TOKEN: usize = 200;
/// Signed in at once, and for how long.
const MAX_SIGNED_IN: usize = 64;
const SIGNED_IN: Duration = Duration::from_secs(12 * 3600);
const COOKIE: &str = "desk";
/// Longest form.
const MAX_FORM: usize = 4096;
const FORM: Duration = Duration::from_secs(10);

/// What opens the desk.
pub(super) struct Door {
    lock: Lock,
    signed_in: Mutex<VecDeque<(String, Instant)>>,
}

enum Lock {
    /// Nobody else reaches it.
    Open,
    /// SHA-256 of the token.
    Token([u8; 32]),
    /// Others reach it, and there is no token.
    Shut,
}

/// 20 to 200 printable ASCII characters without spaces.
pub fn check_token(token: &str) -> Result<()> {
    if (MIN_TOKEN..=MAX_TOKEN).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(());
    }
    let found = token.chars().count();
    Err(Error::new(
        format!(
            "口令有 {found} 个字符；应为 {MIN_TOKEN} 至 {MAX_TOKEN} 个可见的 ASCII 字符，不含空格，例如 openssl rand -hex 20 的输出"
        ),
        format!(
            "the token has {found} characters; it must be {MIN_TOKEN} to {MAX_TOKEN} printable ASCII characters without spaces, such as openssl rand -hex 20 prints"
        ),
    ))
}

impl Door {
    pub(super) fn new(config: &Config) -> Self {
        let lock = match &config.desk_token {
            Some(token) => Lock::Token(digest::sha256(token.as_bytes())),
            None if config.listen.ip().is_loopback() => Lock::Open,
            None => Lock::Shut,
        };
        Self { lock, signed_in: Mutex::default() }
    }

    /// Whether there is anything to sign out of.
    pub(super) fn has_token(&self) -> bool {
        matches!(self.lock, Lock::Token(_))
    }

    fn opens(&self, token: &str) -> bool {
        // Digests of what was typed: how long a comparison takes says nothing about the token.
        matches!(&self.lock, Lock::Token(known) if *known == digest::sha256(token.as_bytes()))
    }

    fn admits(&self, asked: &Parts) -> bool {
        if matches!(self.lock, Lock::Open) {
            return stranger(asked).is_none();
        }
        let heads = &asked.headers;
        let bearer = heads.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()?.strip_prefix("Bearer "));
        if bearer.is_some_and(|token| self.opens(token)) {
            return true;
        }
        let mut signed_in = self.signed_in.lock().unwrap_or_else(PoisonError::into_inner);
        signed_in.retain(|(_, since)| since.elapsed() < SIGNED_IN);
        cookie(heads).is_some_and(|word| signed_in.iter().any(|(known, _)| known == word))
    }

    /// A word for a cookie.
    fn enter(&self) -> Result<String> {
        let word = hex::encode(&crate::keys::random::<16>()?);
        let mut signed_in = self.signed_in.lock().unwrap_or_else(PoisonError::into_inner);
        if signed_in.len() == MAX_SIGNED_IN {
            signed_in.pop_front();
        }
        signed_in.push_back((word.clone(), Instant::now()));
        Ok(word)
    }

    fn leave(&self, heads: &HeaderMap) {
        let word = cookie(heads).unwrap_or_default();
        self.signed_in.lock().unwrap_or_else(PoisonError::into_inner).retain(|(known, _)| known != word);
    }
}

/// Whether `Host` is `localhost` or a loopback address, whatever the port.
fn names_this_machine(heads: &HeaderMap) -> bool {
    let host = heads.get(header::HOST).and_then(|v| v.to_str().ok()?.parse::<Authority>().ok());
    // `Host` names no user (RFC 9112, section 3.2).
    host.filter(|authority| !authority.as_str().contains('@')).is_some_and(|authority| {
        let name = authority.host();
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|a| a.is_loopback())
    })
}

/// Why an open desk stays shut to this request.
fn stranger(asked: &Parts) -> Option<Error> {
    if !names_this_machine(&asked.headers) {
        return Some(elsewhere(&asked.headers));
    }
    if let Some(by) = proxied(asked) {
        return Some(passed_on(by));
    }
    foreign(asked).then(another_site)
}

/// By what a request shows that a proxy passed it on. Browsers and programs of today speak HTTP/1.1; nginx before 1.29.7
/// speaks 1.0 to whom it passes requests on, unless it is told otherwise.
fn proxied(asked: &Parts) -> Option<&str> {
    let says = |name: &&str| name.starts_with("x-forwarded") || ["forwarded", "via", "x-real-ip"].contains(name);
    let named = asked.headers.keys().map(header::HeaderName::as_str).find(says);
    named.or_else(|| (asked.version < Version::HTTP_11).then_some("HTTP/1.0"))
}

/// Whether a page of another site, or of another port, sent it (Fetch Metadata; `Origin` where a browser has none). A link
/// leads to the first page alone, which does no work.
fn foreign(asked: &Parts) -> bool {
    let head = |name: &str| asked.headers.get(name).map(|v| v.to_str().unwrap_or_default());
    match (head("sec-fetch-site"), head("origin")) {
        (Some("same-origin" | "none"), _) | (None, None) => false,
        (Some(_), _) => {
            let first = asked.method == Method::GET && asked.uri.path() == "/";
            !(first && head("sec-fetch-mode") == Some("navigate"))
        }
        (None, Some(origin)) => {
            let own = head("host").unwrap_or_default();
            origin.strip_prefix("http://").is_none_or(|host| !host.eq_ignore_ascii_case(own))
        }
    }
}

fn cookie(heads: &HeaderMap) -> Option<&str> {
    let all = heads.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(';'));
    all.filter_map(|pair| pair.trim().split_once('=')).find_map(|(name, value)| (name == COOKIE).then_some(value))
}

/// Before every page of the desk, and before its API.
pub(super) async fn guard(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    if desk.door.admits(&parts) {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let api = parts.uri.path().starts_with("/api/");
    let Ok(reader) = Reader::from_request_parts(&mut parts, &()).await;
    let shut = match desk.door.lock {
        Lock::Token(_) => None,
        Lock::Shut => Some(closed()),
        Lock::Open => stranger(&parts),
    };
    match (api, shut) {
        (true, Some(why)) => super::web::problem(403, &why),
        (true, None) => {
            let mut answer = super::web::problem(401, &unknown());
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            answer
        }
        (false, Some(why)) => pages::plain(&desk, &reader, StatusCode::FORBIDDEN, &why),
        (false, None) => pages::sign_in(&desk, &reader, None),
    }
}

/// Takes the token of a form.
pub(super) async fn enter(State(desk): State<Arc<Desk>>, reader: Reader, request: Request) -> Response {
    if matches!(desk.door.lock, Lock::Shut) {
        return pages::plain(&desk, &reader, StatusCode::FORBIDDEN, &closed());
    }
    let secure = request.headers().get("x-forwarded-proto").is_some_and(|v| v == "https");
    let body = Limited::new(request.into_body(), MAX_FORM);
    let Ok(Ok(body)) = tokio::time::timeout(FORM, body.collect()).await else {
        return pages::sign_in(&desk, &reader, Some(&unknown()));
    };
    let body = body.to_bytes();
    let typed = url::form_urlencoded::parse(&body).find(|(name, _)| name == "token");
    let typed = typed.map(|(_, value)| value.trim().to_owned()).unwrap_or_default();
    if !desk.door.opens(&typed) {
        return pages::sign_in(&desk, &reader, Some(&unknown()));
    }
    match desk.door.enter() {
        Ok(word) => {
            let secure = if secure { "; Secure" } else { "" };
            let life = SIGNED_IN.as_secs();
            home(&reader, &format!("{COOKIE}={word}; Path=/; HttpOnly; SameSite=Strict; Max-Age={life}{secure}"))
        }
        Err(e) => pages::sign_in(&desk, &reader, Some(&e)),
    }
}

pub(super) async fn leave(State(desk): State<Arc<Desk>>, reader: Reader, request: Request<Body>) -> Response {
    desk.door.leave(request.headers());
    home(&reader, &format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"))
}

fn home(reader: &Reader, cookie: &str) -> Response {
    let value = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("/"));
    let heads = [
        (header::LOCATION, value(&format!("/?lang={}", reader.tag()))),
        (header::SET_COOKIE, value(cookie)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (StatusCode::SEE_OTHER, heads).into_response()
}

fn unknown() -> Error {
    Error::new(
        "口令不对。请使用节点启动时 --desk-token-file 所指文件中的口令；程序以 Authorization: Bearer 传递",
        "that is not the token. It is in the file that --desk-token-file named when the node was started; programs send it as Authorization: Bearer",
    )
}

fn closed() -> Error {
    Error::new(
        "本节点监听的地址不限于本机，核验席因此关闭。请以 --desk-token-file FILE 给出口令，或只在 127.0.0.1 监听",
        "this node listens where other machines reach it, so its desk is shut. Give it a token with --desk-token-file FILE, or let it listen on 127.0.0.1 alone",
    )
}

fn elsewhere(heads: &HeaderMap) -> Error {
    let host = heads.get(header::HOST).map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned());
    let host: String = host.unwrap_or_default().escape_debug().take(100).collect();
    Error::new(
        format!(
            "请求所称的主机“{host}”不是本机。核验席没有口令，只在 127.0.0.1 或 localhost 这样的网址上打开；经由代理或别的名称访问，请以 --desk-token-file FILE 给出口令"
        ),
        format!(
            "the request named the host \"{host}\", which is not this machine. Without a token this desk opens at 127.0.0.1 or localhost alone; to reach it through a proxy or by another name, give it a token with --desk-token-file FILE"
        ),
    )
}

fn passed_on(by: &str) -> Error {
    Error::new(
        format!(
            "请求经由代理而来（{by}）。核验席没有口令，只对本机人员打开；要经由代理使用，请以 --desk-token-file FILE 给出口令"
        ),
        format!(
            "a proxy passed this request on ({by}). Without a token this desk opens to people on this machine alone; to use it through a proxy, give it a token with --desk-token-file FILE"
        ),
    )
}

fn another_site() -> Error {
    Error::new(
        "这个请求由另一个网站的页面发出。核验席没有口令，只接受自己页面的请求；请直接打开核验席的网址",
        "a page of another site sent this request. Without a token this desk takes requests of its own pages alone; open its address yourself",
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn asked(method: &str, path: &str, heads: &[(&str, &str)]) -> Parts {
        let request = Request::builder().method(method).uri(path);
        let request = heads.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn tokens_that_could_be_guessed_or_mistyped_are_refused() {
        for bad in
            ["", "short", &"a".repeat(201), "with a space in the middle", "口令口令口令口令口令口令口令口令口令口令"]
        {
            assert!(check_token(bad).unwrap_err().zh.contains("openssl rand"), "{bad}");
        }
        check_token("0123456789abcdef0123").unwrap();
    }

    #[test]
    fn where_others_reach_it_the_desk_is_shut_without_a_token() {
        let config = |listen: &str, token: Option<&str>| Config {
            data: "d".into(),
            state: "s".into(),
            ledgers: Vec::new(),
            log_keys: Vec::new(),
            peers: Vec::new(),
            name: None,
            ml_dsa: false,
            begin_anew: false,
            listen: listen.parse().unwrap(),
            every: Duration::from_secs(1),
            desk_token: token.map(str::to_owned),
            tls: None,
        };
        let nobody = asked("GET", "/", &[("host", "127.0.0.9:1")]);
        assert!(
            Door::new(&config("127.0.0.9:1", None)).admits(&nobody)
                && Door::new(&config("[::1]:1", None)).admits(&nobody)
        );
        for listen in ["0.0.0.0:1", "192.0.2.1:1", "[::]:1"] {
            assert!(!Door::new(&config(listen, None)).admits(&nobody), "{listen}");
            let token = "0123456789abcdef0123";
            let door = Door::new(&config(listen, Some(token)));
            assert!(!door.admits(&asked("GET", "/", &[])));
            let bearer = ("authorization", "Bearer 0123456789abcdef0123");
            assert!(door.admits(&asked("GET", "/", &[bearer])), "{listen}");
            let proxied = [bearer, ("host", "court.example"), ("x-forwarded-for", "192.0.2.1")];
            assert!(door.admits(&asked("POST", "/examinations", &proxied)), "{listen}");
        }
        // Whatever is sent opens nothing where there is no token.
        assert!(!Door::new(&config("0.0.0.0:1", None)).admits(&asked("GET", "/", &[("authorization", "Bearer ")])));
    }

    #[test]
    fn a_desk_without_a_token_is_shut_to_proxies_and_to_other_sites() {
        let own = ("host", "127.0.0.1:8090");
        let opens = |method: &str, path: &str, more: &[(&str, &str)]| {
            stranger(&asked(method, path, &[&[own], more].concat())).is_none()
        };
        // Programs, and browsers old and new on the desk's own pages.
        for more in [
            &[][..],
            &[("sec-fetch-site", "same-origin"), ("origin", "null")],
            &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")],
            &[("origin", "http://127.0.0.1:8090")],
        ] {
            assert!(opens("POST", "/examinations", more), "{more:?}");
        }
        for name in ["Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "x-forwarded-proto", "X-Real-IP"] {
            let parts = asked("GET", "/", &[own, (name, "192.0.2.1")]);
            let told = stranger(&parts).unwrap();
            assert!(told.en.contains("--desk-token-file") && told.zh.contains(&name.to_lowercase()), "{told:?}");
        }
        let mut nginx = asked("GET", "/", &[own, ("connection", "close")]);
        nginx.version = Version::HTTP_10;
        assert!(stranger(&nginx).is_some());
        for more in [
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("origin", "https://evil.example")][..],
            &[("sec-fetch-site", "same-site"), ("origin", "http://127.0.0.1:3000")],
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")],
            &[("origin", "http://127.0.0.1:3000")],
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
        ] {
            for path in ["/examinations", "/api/v1/verifications"] {
                assert!(!opens("POST", path, more), "{more:?}");
            }
            assert!(!opens("GET", "/record?q=00", more), "{more:?}");
        }
        // A link of the court's own intranet.
        let link = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
        assert!(opens("GET", "/?lang=zh", &link) && !opens("POST", "/", &link));
    }

    #[test]
    fn a_desk_without_a_token_opens_to_who_names_this_machine() {
        let named = |host: &[u8]| {
            names_this_machine(&HeaderMap::from_iter([(header::HOST, HeaderValue::from_bytes(host).unwrap())]))
        };
        for own in ["localhost", "LocalHost:8080", "127.0.0.1", "127.9.8.7:1", "[::1]:8080"] {
            assert!(named(own.as_bytes()), "{own}");
        }
        for other in [
            "",
            "court.example",
            "127.0.0.1.rebound.example:8080",
            "localhost.example",
            "192.0.2.1",
            "[2001:db8::1]:80",
            "a@b@127.0.0.1",
            "127.0.0.1 ",
            "::1",
        ] {
            assert!(!named(other.as_bytes()), "{other}");
        }
        assert!(!named(b"\xff") && !names_this_machine(&HeaderMap::new()));
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut heads = HeaderMap::new();
        assert_eq!(cookie(&heads), None);
        heads.append(header::COOKIE, HeaderValue::from_static("a=1; desk=0123; b=2"));
        assert_eq!(cookie(&heads), Some("0123"));
    }
}
