//! Signing in by an identity provider's word (OpenID Connect): there, back, and linked on the account page.

use super::{
    Shown,
    layout::{Frame, Nav, draw, error, token},
    own_path,
    secrets::of,
    see,
    sign_in::{entered, slow_down},
};
use crate::{
    app::App,
    enter::IntoAnswer,
    form::Form,
    problem,
    visit::{Query, Visit},
};
use axum::{extract::State, http::StatusCode};
use maud::html;
use service::{Answer, Going, OpenId, Permission, Refusal, Why};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long somebody may take at the provider's.
const LIFE: Duration = Duration::from_secs(600);
/// Most who are there at once.
const MOST: usize = 1000;
/// Where they come back to.
const BACK: &str = "/sign-in/openid/back";

/// Who is at the provider's, by the state that comes back.
#[derive(Default)]
pub(crate) struct Away(Mutex<BTreeMap<String, Gone>>);

struct Gone {
    going: Going,
    /// Of the browser that left: no other one may come back for it.
    csrf: String,
    next: String,
    link: bool,
    since: Instant,
}

impl Away {
    fn put(&self, gone: Gone) -> Result<(), Refusal> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, g| g.since.elapsed() < LIFE);
        if all.len() >= MOST {
            let (zh, en) = ("正在登录的人太多，请稍后再试", "too many people are signing in; try again later");
            return Err(Refusal::new(Why::Slow(30), zh, en));
        }
        all.insert(gone.going.state.clone(), gone);
        Ok(())
    }

    fn take(&self, state: &str, csrf: &str) -> Result<Gone, Refusal> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.remove(state).filter(|g| g.since.elapsed() < LIFE && g.csrf == csrf);
        found.ok_or_else(|| {
            Refusal::new(
                Why::Forbidden,
                "这次登录已经过期，或是在另一个浏览器里开始的；请重新登录",
                "this has grown old, or began in another browser; sign in again",
            )
        })
    }
}

fn provider(app: &App) -> Result<Arc<OpenId>, Refusal> {
    let none = || Refusal::new(Why::NotFound, "没有这个页面；请检查网址", "there is no such page; check the address");
    app.openid().ok_or_else(none)
}

async fn leave(app: &App, visit: &Visit, next: &str, link: bool) -> Result<String, Refusal> {
    let (openid, redirect) = (provider(app)?, format!("{}{BACK}", visit.origin));
    let going = app.wait(move || Ok(openid.begin(&redirect)?)).await?;
    let address = going.address.clone();
    let (csrf, next) = (visit.csrf.clone(), next.to_owned());
    app.away().put(Gone { going, csrf, next, link, since: Instant::now() })?;
    Ok(address)
}

/// To the provider, to sign in.
pub(crate) async fn begin(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    slow_down(&app, &visit).map_err(IntoAnswer::into_answer)?;
    let next = query.get("next").map_or("/", |n| own_path(n)).to_owned();
    let address = leave(&app, &visit, &next, false).await.map_err(IntoAnswer::into_answer)?;
    Ok(see(&address))
}

/// Back from there.
pub(crate) async fn back(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    let get = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    let openid = provider(&app).map_err(IntoAnswer::into_answer)?;
    let gone = app.away().take(get("state"), &visit.csrf).map_err(IntoAnswer::into_answer)?;
    let code = get("code").to_owned();
    if code.is_empty() {
        let (zh, en) =
            ("身份提供方没有让您登录；请改用密码", "the identity provider did not let you in; sign in by password");
        return Err(Refusal::new(Why::Forbidden, zh, en).into_answer());
    }
    let redirect = format!("{}{BACK}", visit.origin);
    let asked = app.wait(move || Ok((openid.finish(&gone.going, &redirect, &code)?, gone.next, gone.link))).await;
    let (identity, next, link) = asked.map_err(IntoAnswer::into_answer)?;
    let (actor, agent) = (visit.actor.clone(), visit.agent.clone());
    if link {
        app.ask(move |folder| folder.link_identity(&actor, &identity)).await.map_err(IntoAnswer::into_answer)?;
        return Ok(see("/account/openid"));
    }
    let signed_in = app.ask(move |folder| folder.sign_in_by(&identity, &agent)).await;
    Ok(entered(&visit, &next, &signed_in.map_err(IntoAnswer::into_answer)?))
}

pub(crate) async fn page(State(app): State<App>, visit: Visit) -> Shown {
    show(&app, &visit, None, None).await
}

/// The provider, for who may look at his own ways in; others are asked to sign in, whether there is one or not.
async fn known(app: &App, visit: &Visit) -> Answer<Arc<OpenId>> {
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.may(&actor, Permission::Secrets)).await?;
    provider(app)
}

/// The account's own page about it; `address` leads to the provider once the password was given again.
async fn show(app: &App, visit: &Visit, address: Option<&str>, refusal: Option<&Refusal>) -> Shown {
    let openid = known(app, visit).await.map_err(IntoAnswer::into_answer)?;
    let (actor, asked) = (visit.actor.clone(), openid.clone());
    let linked =
        app.ask(move |folder| folder.is_linked(&actor, asked.issuer())).await.map_err(IntoAnswer::into_answer)?;
    let title = visit.t("openid-title");
    let wrong = of(visit, refusal, "password");
    let host = [("host", openid.shown().into())];
    let body = html! {
        header.page-head {
            p.crumb { a href="/account" { (visit.t("account-title")) } }
            h1 { (title) }
            p.lead { (visit.tv(if linked { "openid-linked" } else { "openid-lead" }, &host)) }
        }
        @if let Some(address) = address {
            div.acts { a.btn.main href=(address) { (visit.tv("openid-go", &host)) } }
        } @else {
            form.stack-l.narrow-form method="post" action=(if linked { "/account/openid/end" } else { "/account/openid" }) {
                (token(visit))
                @if !linked {
                    label { (visit.t("sign-in-password"))
                        input type="password" name="password" maxlength="1024" autocomplete="current-password" required aria-invalid=[wrong.map(|_| "true")] aria-describedby="e-password";
                        (error("e-password", wrong)) }
                }
                div.acts { button.btn.main type="submit" { (visit.t(if linked { "openid-end" } else { "openid-link" })) } a.btn href="/account" { (visit.t("account-back")) } }
            }
        }
    };
    let status = refusal.map_or(StatusCode::OK, problem::status);
    Ok(draw(visit, Frame { title: &title, nav: Nav::None, status }, body))
}

pub(crate) async fn link(State(app): State<App>, visit: Visit, form: Form) -> Shown {
    known(&app, &visit).await.map_err(IntoAnswer::into_answer)?;
    let (actor, password) = (visit.actor.clone(), form.get("password").to_owned());
    match app.ask_secret(move |folder| folder.may_link(&actor, &password)).await {
        Ok(()) => {
            let address = leave(&app, &visit, "/account/openid", true).await.map_err(IntoAnswer::into_answer)?;
            show(&app, &visit, Some(&address), None).await
        }
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => show(&app, &visit, None, Some(&refusal)).await,
        Err(refusal) => Err(refusal.into_answer()),
    }
}

pub(crate) async fn unlink(State(app): State<App>, visit: Visit, _form: Form) -> Shown {
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.unlink_identity(&actor)).await.map_err(IntoAnswer::into_answer)?;
    Ok(see("/account"))
}
