//! The frame around every page: head, navigation, foot, and the marks.

use crate::{assets, visit::Visit};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use locale::Locale;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// Which entry of the navigation a page belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nav {
    None,
    Home,
    Register,
    Capture,
    Library,
    Verify,
    Operator,
}

/// A page's own words and place.
pub(crate) struct Frame<'a> {
    pub title: &'a str,
    pub nav: Nav,
    pub status: StatusCode,
}

impl<'a> Frame<'a> {
    pub(crate) fn new(title: &'a str, nav: Nav) -> Self {
        Self { title, nav, status: StatusCode::OK }
    }
}

pub(crate) fn draw(visit: &Visit, frame: Frame<'_>, body: Markup) -> Response {
    let (_, version, commit) = service::SOFTWARE;
    let here: String = url::form_urlencoded::byte_serialize(super::own_path(&visit.here).as_bytes()).collect();
    let (other, tag, language) = match visit.locale {
        Locale::Zh => ("English", "en", "en"),
        Locale::En => ("中文", "zh-CN", "zh"),
    };
    let page = html! {
        (DOCTYPE)
        html lang=(visit.locale.tag()) data-theme=[Some(visit.theme).filter(|t| !t.is_empty())] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover";
                meta name="color-scheme" content="light dark";
                title { (frame.title) " · " (visit.t("product")) }
                link rel="stylesheet" href=(assets::address("style.css"));
                link rel="icon" href=(assets::address("icon.svg")) type="image/svg+xml";
                script src=(assets::address("portal.js")) defer {}
                @if frame.nav == Nav::Library { script src=(assets::address("library.js")) defer {} }
                @if frame.nav == Nav::Register { script src=(assets::address("register.js")) type="module" {} }
            }
            body {
                a.skip href="#main" { (visit.t("portal-skip")) }
                header.top {
                    a.brand href="/" { svg aria-hidden="true" { use href="#i-brand" {} } (visit.t("product")) }
                    @if visit.actor.name().is_some() { (navigation(visit, frame.nav)) }
                    div.top-end {
                        a href=(format!("/preferences?lang={language}&back={here}")) lang=(tag) { (other) }
                        @if let Some(name) = visit.actor.name() {
                            a href="/account" { (name) }
                        } @else if !visit.runs.is_empty() {
                            a href="/verify" { (visit.t("portal-nav-verify")) }
                            a href="/sign-in" { (visit.t("portal-sign-in")) }
                        }
                    }
                }
                main id="main" { (super::notices::due(visit)) (body) }
                footer.foot {
                    @if !visit.runs.is_empty() {
                        p { (visit.tv("portal-foot-runs", &[("name", visit.runs.as_str().into())])) }
                    }
                    p { (version) " (" (commit) ")" }
                    p {
                        @for (theme, id) in [("light", "portal-theme-light"), ("dark", "portal-theme-dark")] {
                            a href=(format!("/preferences?theme={theme}&back={here}")) rel="nofollow" { (visit.t(id)) } " "
                        }
                    }
                }
                (PreEscaped(MARKS))
            }
        }
    };
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    (frame.status, [(header::CONTENT_TYPE, kind)], page.into_string()).into_response()
}

fn navigation(visit: &Visit, current: Nav) -> Markup {
    html! {
        nav.nav aria-label=(visit.t("portal-nav")) {
            @for (nav, path, id) in [
                (Nav::Home, "/", "portal-nav-home"),
                (Nav::Register, "/register", "portal-nav-register"),
                (Nav::Capture, "/captures", "portal-nav-capture"),
                (Nav::Library, "/library", "portal-nav-library"),
                (Nav::Verify, "/verify", "portal-nav-verify"),
            ] {
                a href=(path) aria-current=[(nav == current).then_some("page")] { (visit.t(id)) }
            }
            @if visit.actor.operates() {
                a href="/operator" aria-current=[(current == Nav::Operator).then_some("page")] { (visit.t("portal-nav-operator")) }
            }
        }
    }
}

/// A square mark with its word: never alone, never colour alone.
pub(crate) fn state(class: &str, mark: &str, word: &str) -> Markup {
    html! { span class=(format!("state {class}")) { (mark_only(class, mark)) (word) } }
}

/// The mark, where its word stands beside it already.
pub(crate) fn mark_only(class: &str, mark: &str) -> Markup {
    html! { svg class=(format!("mk {class}")) aria-hidden="true" { use href=(format!("#i-{mark}")) {} } }
}

/// An error beside its field.
pub(crate) fn error(id: &str, text: Option<&str>) -> Markup {
    html! { @if let Some(text) = text { span.err id=(id) { (text) } } }
}

/// The hidden field that says which page a form was on.
pub(crate) fn token(visit: &Visit) -> Markup {
    html! { input type="hidden" name=(crate::form::TOKEN) value=(visit.csrf); }
}

const MARKS: &str = include_str!("../../assets/marks.svg");
