//! The pages. Each module is one page: what it asks of `service`, and how the answer is drawn.

pub(crate) mod account;
pub(crate) mod activate;
pub(crate) mod audit;
pub(crate) mod batch;
pub(crate) mod browser;
pub(crate) mod capture;
pub(crate) mod captured;
pub(crate) mod chosen;
pub(crate) mod closing;
pub(crate) mod codes_room;
pub(crate) mod compared;
pub(crate) mod confirm;
pub(crate) mod deposit;
pub(crate) mod edition;
pub(crate) mod erase;
pub(crate) mod export;
pub(crate) mod find;
pub(crate) mod home;
pub(crate) mod hooks;
pub(crate) mod identity;
pub(crate) mod invitations;
pub(crate) mod layout;
pub(crate) mod library;
pub(crate) mod licence_form;
pub(crate) mod licences;
pub(crate) mod lookup;
pub(crate) mod market;
pub(crate) mod merchants;
pub(crate) mod notices;
pub(crate) mod open;
pub(crate) mod openid;
pub(crate) mod operator;
pub(crate) mod passkeys;
pub(crate) mod people;
pub(crate) mod register;
mod register_form;
pub(crate) mod room;
pub(crate) mod secrets;
pub(crate) mod set_up;
pub(crate) mod share;
pub(crate) mod shops;
pub(crate) mod sign_in;
pub(crate) mod sign_up;
pub(crate) mod upload;
pub(crate) mod verify;
mod words;

use crate::{
    app::App,
    cookies,
    enter::IntoAnswer,
    problem,
    visit::{Query, Visit},
};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use layout::{Frame, Nav, draw};
use maud::html;
use service::{Refusal, Why};

/// What handlers give: a page, or a refusal that `enter` puts into words.
pub(crate) type Shown = Result<Response, Response>;

/// `303 See Other`.
pub(crate) fn see(path: &str) -> Response {
    match HeaderValue::from_str(path) {
        Ok(to) => (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A path of our own, and nothing that a browser takes for another host.
pub(crate) fn own_path(path: &str) -> &str {
    let plain = path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if plain && path.starts_with('/') && !path.starts_with("//") { path } else { "/" }
}

/// A refusal as a page; who only has to sign in is led there.
pub(crate) fn refused(visit: &Visit, refusal: &Refusal) -> Response {
    if refusal.why == Why::SignIn {
        let next: String = url::form_urlencoded::byte_serialize(own_path(&visit.here).as_bytes()).collect();
        return see(&format!("/sign-in?next={next}"));
    }
    if refusal.error.code == "not-activated" {
        return see("/activate");
    }
    let title = match refusal.why {
        Why::NotFound => visit.t("portal-refused-not-found"),
        Why::Gone => visit.t("portal-refused-gone"),
        Why::Quota(_) => visit.t("edition-short"),
        Why::Failed => visit.t("portal-refused-failed"),
        _ => visit.t("portal-refused-title"),
    };
    let body = html! {
        header.page-head { h1 { (title) } p.lead { (visit.say(refusal)) } }
        @if let Why::Ask(permission) = refusal.why {
            (people::ask_form(visit, permission))
        } @else {
            div.acts {
                @if matches!(refusal.why, Why::Quota(_)) { a.btn.main href="/account/edition" { (visit.t("edition-open")) } }
                a.btn href="/" { (visit.t("portal-to-home")) }
            }
        }
    };
    let frame = Frame { title: &title, nav: Nav::None, status: problem::status(refusal) };
    let mut response = draw(visit, frame, body);
    problem::retry(refusal, &mut response);
    response
}

pub(crate) async fn nothing() -> Response {
    Refusal::new(Why::NotFound, "没有这个页面；请检查网址", "there is no such page; check the address").into_answer()
}

/// The process answers.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// The folder is open, and the database answers; *degraded* where a witness does not sign: records wait, and nothing else
/// does.
pub(crate) async fn readyz(State(app): State<App>) -> Shown {
    let missing = app.ask(|folder| Ok(folder.has_sign_in().and_then(|_| folder.missing_witnesses())?)).await;
    let missing = missing.map_err(|refusal| {
        let mut response = problem::plain(&refusal);
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response
    })?;
    Ok(match missing[..] {
        [] => "ready\n".into_response(),
        _ => format!("degraded: {}\n", missing.join(" ")).into_response(),
    })
}

/// Language and light, kept in cookies of a year.
pub(crate) async fn preferences(visit: Visit, Query(wanted): Query) -> Response {
    let get = |name: &str| wanted.get(name).map(String::as_str);
    let mut response = see(own_path(get("back").unwrap_or("/")));
    let allowed = [(cookies::LANGUAGE, get("lang"), ["zh", "en"]), (cookies::THEME, get("theme"), ["light", "dark"])];
    for (cookie, value, values) in allowed {
        let Some(value) = value.filter(|v| values.contains(v)) else { continue };
        if let Some(line) = cookies::set(cookie, value, Some(365 * 24 * 3600), visit.secure) {
            response.headers_mut().append(header::SET_COOKIE, line);
        }
    }
    response
}

/// A cookie more, where there is one.
pub(crate) fn append(headers: &mut HeaderMap, cookie: Option<HeaderValue>) {
    if let Some(cookie) = cookie {
        headers.append(header::SET_COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn nobody_is_sent_elsewhere() {
        assert_eq!(own_path("/library?q=1"), "/library?q=1");
        for bad in ["//evil.example", "https://evil.example", "/\\evil.example", "", "/a b", "/a\r\nb"] {
            assert_eq!(own_path(bad), "/", "{bad:?}");
        }
    }
}
