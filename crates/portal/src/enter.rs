//! What every request passes: who it is, whether another site sent it, the heads of every answer, and the log's line.

use crate::{
    app::App,
    cookies,
    problem::{self, Reason},
    proxy::{self, Client},
    routes::{ROUTES, Route},
    server::Peer,
    visit::{Visit, csrf, locale_of},
};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use evidence::{hex, json::json};
use service::{Actor, Refusal, Why};
use std::{
    net::{IpAddr, Ipv4Addr},
    time::Instant,
};

/// No inline script or style, nothing from elsewhere, no frame around us. `blob:` shows pictures that are still on the
/// visitor's own machine.
pub(crate) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Names a request in the log and in its answer.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Browsers come back encrypted for a year.
const ENCRYPTED_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000");

pub(crate) async fn enter(State(app): State<App>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = number();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let peer = request.extensions().get::<Peer>().cloned();
    let busy = peer.as_ref().map(|p| p.busy.begin());
    let refused = |status: StatusCode, refusal: &Refusal| {
        let mut response = problem::plain(refusal);
        *response.status_mut() = status;
        heads(response, true)
    };
    let mut response = match (odd(&request), elsewhere(&app, &request)) {
        (None, None) => answer(&app, request, next, peer).await,
        (Some((zh, en)), _) => refused(StatusCode::BAD_REQUEST, &Refusal::field("request", zh, en)),
        (None, Some(refusal)) => refused(StatusCode::MISDIRECTED_REQUEST, &refusal),
    };
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    if app.encrypts() {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, ENCRYPTED_ONLY);
    }
    note(&app, &id, &method, &route, &mut response, begun);
    match busy {
        Some(busy) => response.map(|body| busy.until_sent(body)),
        None => response,
    }
}

/// What no browser sends, and what two programs in a row could read in two ways.
fn odd(request: &Request) -> Option<(&'static str, &'static str)> {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
        return Some(("请求须有且只有一个 Host", "a request has one Host, and only one"));
    }
    let host = request.headers().get(header::HOST).map(HeaderValue::as_bytes);
    if request.uri().authority().is_some_and(|a| host.is_some_and(|h| !h.eq_ignore_ascii_case(a.as_str().as_bytes()))) {
        return Some(("请求行里的主机与 Host 不同", "the request line names another host than Host"));
    }
    None
}

/// A page under another host than the operator says: nothing that is shown or sent could be trusted to lead back here.
/// What programs ask, by whatever address they reach this one, hands on no addresses.
fn elsewhere(app: &App, request: &Request) -> Option<Refusal> {
    let public = app.public().filter(|_| !problem::is_machine(request.uri().path()))?;
    let host = request.headers().get(header::HOST)?.to_str().unwrap_or_default();
    if is_own(host, public) {
        return None;
    }
    let shown: String = host.chars().take(100).collect();
    Some(Refusal::field(
        "host",
        format!("“{shown}”不是本站的网址；请打开 {public}"),
        format!("\"{shown}\" is not this site's address; open {public}"),
    ))
}

/// Whether a `Host` is that of this address, or of the machine itself: who administers it there opens it so.
fn is_own(host: &str, public: &str) -> bool {
    let (scheme, authority) = public.split_once("://").unwrap_or(("https", public));
    let port = if scheme.eq_ignore_ascii_case("http") { ":80" } else { ":443" };
    let bare = |authority: &str| authority.strip_suffix(port).unwrap_or(authority).to_ascii_lowercase();
    let name =
        host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or(host, |(n, _)| n);
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    bare(host) == bare(authority) || name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|a| a.is_loopback())
}

async fn answer(app: &App, mut request: Request, next: Next, peer: Option<Peer>) -> Response {
    let api = problem::is_machine(request.uri().path());
    let unknown = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let (address, encrypted) = peer.map_or((unknown, false), |p| (p.address.ip(), p.encrypted));
    let mut client = proxy::client(address, encrypted, request.headers(), app.trusted());
    client.encrypted |= app.secure();
    let mut fresh = None;
    let visit = match visit(app, request.headers().clone(), request.uri().clone(), client, &mut fresh).await {
        Ok(visit) => visit,
        Err(refusal) => {
            // Without its surroundings a page cannot be drawn in anybody's language.
            return heads(problem::plain(&refusal), api);
        }
    };
    let barred = barred(app, &visit, &request);
    let asked = (request.method().clone(), request.extensions().get::<MatchedPath>().cloned());
    request.extensions_mut().insert(visit.clone());
    let answered = problem::heard(async {
        match barred {
            Some(refusal) => refusal.into_answer(),
            None => crate::app::CALLER.scope(visit.actor.account(), next.run(request)).await,
        }
    });
    let (mut response, reason) = answered.await;
    if let Some(refused) = response.extensions_mut().remove::<problem::Refused>() {
        response = if api { problem::plain(&refused.0) } else { crate::pages::refused(&visit, &refused.0) };
    } else if api {
        response = problem::worded(response);
    }
    if response.status().is_client_error()
        && let (method, Some(path)) = asked
        && let Some(route) = table_line(&method, path.as_str())
    {
        tell(app, &visit.actor, route, response.status(), reason).await;
    }
    if let Some(reason) = reason.filter(|_| !response.status().is_success()) {
        response.extensions_mut().insert(reason);
    }
    if let Some(cookie) = fresh.and_then(|v: String| cookies::set(cookies::VISIT, &v, None, visit.secure)) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    heads(response, api)
}

/// What is refused before anything is looked at: a token that calls too often, another site's form.
fn barred(app: &App, visit: &Visit, request: &Request) -> Option<Refusal> {
    if let Some(Err(seconds)) = visit.actor.token().map(|token| app.called(token)) {
        let (zh, en) = ("请求过于频繁，请稍后再试", "too many calls; try again later");
        return Some(Refusal::new(Why::Slow(seconds), zh, en));
    }
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    let foreign = changes && !problem::is_machine(request.uri().path()) && from_elsewhere(request.headers());
    let (zh, en) = ("这个请求来自另一个网站", "this request came from another site");
    foreign.then(|| Refusal::new(Why::Forbidden, zh, en))
}

/// The place in the table of the route that was asked for.
fn table_line(method: &Method, path: &str) -> Option<usize> {
    let head = method == Method::HEAD;
    let takes = |route: &Route| route.method.eq_ignore_ascii_case(method.as_str()) || (head && route.method == "get");
    ROUTES.iter().position(|route| route.path == path && takes(route))
}

/// Routes at which also a stranger's refusal is noted, for who runs the folder.
const STRANGERS: [(&str, &str); 2] = [("post", "/market/orders"), ("post", "/sign-up")];

/// Puts a refusal into the audit log, once a minute for each person, route and status: who, where, and the field or word.
/// What was sent, and whose it would have been, is not in it.
async fn tell(app: &App, actor: &Actor, line: usize, status: StatusCode, reason: Option<Reason>) {
    let Some(route) = ROUTES.get(line) else { return };
    let stranger = actor.person_number().is_none();
    let heard =
        if stranger { STRANGERS.contains(&(route.method, route.path)) } else { !route.path.starts_with("/assets/") };
    if !heard
        || reason.is_some_and(|reason| reason.noted)
        || !app.refused((actor.person_number(), line, status.as_u16()))
    {
        return;
    }
    let word = reason.map(|reason| reason.word).filter(|word| *word != "refused").unwrap_or_default();
    let how = format!("{} {} {} {word}", route.method.to_uppercase(), route.path, status.as_u16());
    let actor = actor.clone();
    // A log that cannot be written to does not turn a refusal into something else.
    let _ = app.ask(move |folder| Ok(folder.note_rejected(&actor, how.trim_end())?)).await;
}

/// The log's line and the monitor's count.
fn note(app: &App, id: &str, method: &Method, route: &str, response: &mut Response, begun: Instant) {
    let (status, took) = (response.status().as_u16(), begun.elapsed());
    app.metrics().note(method.as_str(), route, status, took);
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].contains(&method.as_str());
    let method = if known { method.as_str() } else { "other" };
    let mut rest = vec![
        ("id", json!(id)),
        ("method", json!(method)),
        ("route", json!(route)),
        ("status", json!(status)),
        ("ms", json!(millis)),
    ];
    if let Some(Reason { word, .. }) = response.extensions_mut().remove::<Reason>() {
        rest.push(("why", json!(word)));
    }
    app.log().line(if status < 500 { "info" } else { "error" }, "request", &rest);
}

fn number() -> String {
    let mut bytes = [0; 8];
    // Only a name: without random bytes all requests are called alike.
    let _ = getrandom::fill(&mut bytes);
    hex::encode(&bytes)
}

/// A refusal on its way out, put into words by `enter`.
pub(crate) trait IntoAnswer {
    fn into_answer(self) -> Response;
}

impl IntoAnswer for Refusal {
    fn into_answer(self) -> Response {
        let mut response = problem::status(&self).into_response();
        response.extensions_mut().insert(problem::Refused(self));
        response
    }
}

async fn visit(
    app: &App,
    headers: HeaderMap,
    uri: Uri,
    client: Client,
    fresh: &mut Option<String>,
) -> service::Answer<Visit> {
    let program = uri.path().starts_with("/api/");
    // A program has no cookies here, and a browser's cookie is no token.
    let session = cookies::get(&headers, cookies::SESSION).filter(|_| !program).map(str::to_owned);
    let bearer = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()?.strip_prefix("Bearer "));
    let bearer = bearer.filter(|t| program && t.len() <= 128).map(str::to_owned);
    let (mut actor, mut runs, mut notices) = (Actor::visitor(), String::new(), Vec::new());
    if let Some(folder) = app.folder() {
        runs = folder.runs().to_owned();
        if let Some(token) = session.clone() {
            let page = !uri.path().starts_with("/assets/");
            let asked = app.wait(move || {
                let actor = folder.actor(&token)?;
                let due = if page { folder.notices_due(&actor)? } else { Vec::new() };
                Ok((actor, due))
            });
            (actor, notices) = asked.await?;
        } else if let Some(token) = bearer {
            let (caller, due) = folder.actor_of_token(&token)?;
            actor = caller.clone();
            if due {
                app.wait(move || Ok(folder.note_use(&caller)?)).await?;
            }
        }
    }
    let secret = match (actor.session(), session, cookies::get(&headers, cookies::VISIT)) {
        (Some(_), Some(token), _) => token,
        (_, _, Some(visit)) => visit.to_owned(),
        _ if problem::is_machine(uri.path()) => String::new(),
        _ => fresh.insert(crate::app::random()?).clone(),
    };
    let theme = match cookies::get(&headers, cookies::THEME) {
        Some("light") => "light",
        Some("dark") => "dark",
        _ => "",
    };
    let agent = headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let here = uri.path_and_query().map_or("/", |p| p.as_str()).to_owned();
    let (address, secure) = (client.address, client.encrypted);
    let host = headers.get(header::HOST).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let origin = format!("{}://{host}", if secure { "https" } else { "http" });
    let (locale, csrf) = (locale_of(&headers), csrf(&secret));
    let home = app.public().map_or_else(|| origin.clone(), str::to_owned);
    Ok(Visit { actor, origin, home, locale, theme, csrf, here, address, secure, agent, runs, notices })
}

/// What browsers say about where a request began. A program that says nothing has no cookies of anybody's.
fn from_elsewhere(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|v| v.to_str().ok());
    if let Some(site) = text(HeaderName::from_static("sec-fetch-site")) {
        return !matches!(site, "same-origin" | "none");
    }
    match (text(header::ORIGIN), text(header::HOST)) {
        (Some(origin), Some(host)) => origin.split_once("://").is_none_or(|(_, from)| from != host),
        (Some(_), None) => true,
        (None, _) => false,
    }
}

fn heads(mut response: Response, api: bool) -> Response {
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "same-origin");
    set(header::CACHE_CONTROL, "no-store");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    if !api {
        set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
        set(HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=(), payment=()");
    }
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_page_is_opened_by_the_operators_address_or_at_the_machine() {
        let public = "https://Quezao.example";
        for own in ["quezao.example", "QUEZAO.example:443", "localhost:8080", "127.0.0.1:9", "[::1]:8080", "[::1]"] {
            assert!(is_own(own, public), "{own}");
        }
        for other in ["", "evil.example", "quezao.example.evil", "quezao.example:80", "127.0.0.1.evil", "10.0.0.7:80"] {
            assert!(!is_own(other, public), "{other}");
        }
        assert!(is_own("a.example:8443", "https://a.example:8443") && !is_own("a.example", "https://a.example:8443"));
        assert!(is_own("a.example", "http://a.example:80"));
    }

    #[test]
    fn another_sites_form_is_known_by_what_the_browser_says() {
        let sent = |pairs: &[(&'static str, &str)]| {
            let headers: HeaderMap =
                pairs.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_str(v).unwrap())).collect();
            from_elsewhere(&headers)
        };
        assert!(!sent(&[("sec-fetch-site", "same-origin")]));
        assert!(sent(&[("sec-fetch-site", "cross-site")]) && sent(&[("sec-fetch-site", "same-site")]));
        assert!(!sent(&[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")]));
        assert!(sent(&[("origin", "http://evil.example"), ("host", "127.0.0.1:8080")]));
        assert!(sent(&[("origin", "null"), ("host", "127.0.0.1:8080")]));
        assert!(!sent(&[("host", "127.0.0.1:8080")]));
    }
}
