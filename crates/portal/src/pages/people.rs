//! The people of an account: inviting, permitting, ending; what they asked for; and joining by an invite's address.

use super::{
    Shown,
    layout::{Frame, Nav, draw, error, state, token},
    secrets::{fresh, of, twice},
    see,
    sign_in::slow_down,
    words,
};
use crate::{app::App, enter::IntoAnswer, form::Form, problem, visit::Visit};
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use evidence::time::Utc;
use maud::{Markup, html};
use service::{Answer, MAX_INVITE_DAYS, MAX_WORDS, NotTaken, Permitted, Person, Post, Refusal, Role, Shop, Team, Why};

const HERE: &str = "/account/people";

pub(crate) async fn page(State(app): State<App>, visit: Visit) -> Shown {
    show(&app, &visit, None, None).await
}

/// A one-time address that was just made, and whether it went out as a letter.
pub(super) struct Made {
    address: String,
    /// To whom, and why not yet.
    sent: Option<Answer<(String, Option<NotTaken>)>>,
}

impl Made {
    /// Sends it where somebody typed where to: `what` it is, `invite` or `reset`, names its words.
    pub(super) async fn of(app: &App, visit: &Visit, address: String, to: Option<String>, what: &'static str) -> Self {
        let Some(to) = to.filter(|_| app.has_mail()) else { return Self { address, sent: None } };
        let args = [("address", address.as_str().into()), ("runs", visit.runs.as_str().into())];
        let (subject, text) =
            (visit.tv(&format!("mail-{what}-subject"), &args), visit.tv(&format!("mail-{what}"), &args));
        let token = address.rsplit('/').next().unwrap_or_default().to_owned();
        let post = Post { what, to: to.trim().to_owned(), subject, text };
        let sent = app.letter(visit, token, post).await;
        Self { address, sent: Some(sent.map(|late| (to, late))) }
    }

    /// `lead` says what to do with it.
    pub(super) fn note(&self, visit: &Visit, lead: &str) -> Markup {
        html! {
            div.note role="status" {
                @match &self.sent {
                    Some(Ok((to, None))) => p { (visit.tv("mail-sent", &[("to", to.as_str().into())])) },
                    Some(Ok((_, Some(late)))) => {
                        @let (zh, en) = late.words();
                        p.err { (visit.pick(&zh, &en)) (visit.t(if late.for_good { "mail-given-up" } else { "mail-kept" })) }
                    }
                    Some(Err(refusal)) => p.err { (visit.say(refusal)) },
                    None => {},
                }
                p { (lead) }
                p { code.mono.wrap { (self.address) } }
            }
        }
    }
}

/// Where to send it, where letters go out.
pub(super) fn to_field(app: &App, visit: &Visit) -> Markup {
    html! {
        @if app.has_mail() {
            label { (visit.t("mail-to")) span.hint { (visit.t("portal-optional")) }
                input type="email" name="to" maxlength="254" autocomplete="off"; }
        }
    }
}

/// The page; with a new invite's address, or with what was wrong about the form.
async fn show(app: &App, visit: &Visit, made: Option<&Made>, refused: Option<(&Refusal, &Form)>) -> Shown {
    let actor = visit.actor.clone();
    let asked = app.ask(move |folder| Ok((folder.team(&actor)?, folder.shops(&actor)?)));
    let (team, shops) = asked.await.map_err(IntoAnswer::into_answer)?;
    let title = visit.t("people-title");
    let empty = Form::empty();
    let form = refused.map_or(&empty, |(_, form)| form);
    let refusal = refused.map(|(refusal, _)| refusal);
    let body = html! {
        header.page-head {
            p.crumb { a href="/account" { (visit.t("account-title")) } }
            h1 { (title) }
            p.lead { (visit.t("people-lead")) }
        }
        @if let Some(made) = made { (made.note(visit, &visit.t("people-made"))) }
        (wishes(visit, &team))
        section.sec aria-labelledby="people" {
            div.h { h2 id="people" { (visit.t("people-here")) } p { a href="/account/audit" { (visit.t("audit-title")) } } }
            ul.rows { @for person in &team.people { (one_row(visit, person, &shops)) } }
        }
        @if !team.invites.is_empty() {
            section.sec aria-labelledby="invites" {
                h2 id="invites" { (visit.t("people-invited")) }
                ul.rows {
                    @for invite in &team.invites {
                        li {
                            div {
                                span.t { (invite.name) }
                                span.m {
                                    (permitted(visit, &invite.permissions, invite.shops.as_deref(), &shops)) "　"
                                    (visit.t("tokens-until")) " " (words::minute(Utc(invite.expires_at)))
                                }
                            }
                            (button(visit, &format!("{HERE}/invites/{}/end", invite.id), "people-take-back"))
                        }
                    }
                }
            }
        }
        section.sec aria-labelledby="invite" {
            div.h { h2 id="invite" { (visit.t("people-invite")) } p { (visit.t("people-invite-hint")) } }
            form.stack-l method="post" action=(HERE) {
                (token(visit))
                div.grid2 {
                    label { (visit.t("people-name")) span.hint { (visit.t("set-up-person-hint")) }
                        input type="text" name="name" maxlength="60" required autocomplete="off" value=(form.get("name")) aria-invalid=[of(visit, refusal, "name").map(|_| "true")] aria-describedby="e-name";
                        (error("e-name", of(visit, refusal, "name"))) }
                    label { (visit.t("people-days"))
                        input type="number" name="days" min="1" max=(MAX_INVITE_DAYS) value=(form.typed("days").unwrap_or_else(|| "7".into())) required aria-describedby="e-days";
                        (error("e-days", of(visit, refusal, "days"))) }
                }
                (to_field(app, visit))
                (boxes(visit, &team.grants, &shops, &|name| form.get(name) == "yes", refusal))
                div.acts { button.btn.main type="submit" { (visit.t("people-invite-do")) } }
            }
        }
    };
    let status = refusal.map_or(StatusCode::OK, problem::status);
    Ok(draw(visit, Frame { title: &title, nav: Nav::None, status }, body))
}

fn wishes(visit: &Visit, team: &Team) -> Markup {
    html! {
        @if !team.wishes.is_empty() {
            section.sec aria-labelledby="wishes" {
                div.h { h2 id="wishes" { (visit.t("wishes-title")) } p { (visit.t("wishes-hint")) } }
                ul.rows {
                    @for wish in &team.wishes {
                        li {
                            div {
                                span.t { (wish.who) ": " (visit.t(&format!("permission-{}", wish.permission))) }
                                @if !wish.words.is_empty() { span.m { (wish.words) } }
                                span.m { span.mono.wrap { (wish.place) } "　" (words::minute(Utc(wish.created_at))) }
                            }
                            @match wish.state.as_str() {
                                "open" => div.acts {
                                    (button(visit, &format!("/account/wishes/{}/grant", wish.id), "wishes-grant"))
                                    (button(visit, &format!("/account/wishes/{}/decline", wish.id), "wishes-decline"))
                                },
                                "granted" => (state("ok", "ok", &visit.t("wishes-granted"))),
                                _ => (state("wait", "todo", &visit.t("wishes-declined"))),
                            }
                        }
                    }
                }
            }
        }
    }
}

fn one_row(visit: &Visit, person: &Person, shops: &[Shop]) -> Markup {
    html! {
        li {
            div {
                @if person.role == Role::Sub { a.t href=(format!("{HERE}/{}", person.id)) { (person.name) } } @else { span.t { (person.name) } }
                span.m {
                    span.mono { (person.login) } "　"
                    @if person.role == Role::Main { (visit.t("people-main")) }
                    @else { (permitted(visit, &person.permissions, person.shops.as_deref(), shops)) }
                    @if let Some(seen) = person.seen_at { "　" (visit.t("account-seen")) " " (words::minute(Utc(seen))) }
                }
            }
            @if person.role == Role::Sub { a.btn.slim href=(format!("{HERE}/{}", person.id)) { (visit.t("people-change")) } }
        }
    }
}

/// What somebody may do, in words.
pub(super) fn permitted(visit: &Visit, permissions: &str, own: Option<&[i64]>, shops: &[Shop]) -> Markup {
    html! {
        @if permissions.is_empty() { (visit.t("people-nothing")) }
        @for (n, word) in permissions.split_whitespace().enumerate() {
            @if n > 0 { ", " }
            (visit.t(&format!("permission-{word}")))
        }
        @if let Some(own) = own {
            "　" (visit.t("people-only-shops")) " "
            @for (n, shop) in shops.iter().filter(|s| own.contains(&s.id)).enumerate() {
                @if n > 0 { ", " }
                (shop.platform) " " (shop.name)
            }
        }
    }
}

/// Permissions and shops to tick.
fn boxes(
    visit: &Visit,
    grants: &[&str],
    shops: &[Shop],
    ticked: &dyn Fn(&str) -> bool,
    refusal: Option<&Refusal>,
) -> Markup {
    html! {
        fieldset {
            legend { (visit.t("people-may")) }
            @for word in grants {
                label.pick { input type="checkbox" name=(word) value="yes" checked[ticked(word)]; (visit.t(&format!("permission-{word}")))
                    span.hint { (visit.t(&format!("permission-{word}-hint"))) } }
            }
            (error("e-permissions", of(visit, refusal, "permissions")))
        }
        @if shops.iter().any(|s| s.ended_at.is_none()) {
            fieldset {
                legend { (visit.t("people-shops")) }
                label.pick { input type="checkbox" name="limited" value="yes" checked[ticked("limited")]; (visit.t("people-limited"))
                    span.hint { (visit.t("people-limited-hint")) } }
                @for shop in shops.iter().filter(|s| s.ended_at.is_none()) {
                    @let name = format!("shop-{}", shop.id);
                    label.pick { input type="checkbox" name=(name) value="yes" checked[ticked(&name)]; (shop.platform) " " (shop.name) }
                }
                (error("e-shops", of(visit, refusal, "shops")))
            }
        }
    }
}

/// What was ticked.
fn ticked(form: &Form) -> Permitted {
    let permissions =
        service::PERMISSIONS.into_iter().filter(|word| form.get(word) == "yes").map(str::to_owned).collect();
    let shop = |(name, value): (&String, &String)| name.strip_prefix("shop-").filter(|_| value == "yes")?.parse().ok();
    let shops = (form.get("limited") == "yes").then(|| form.fields().iter().filter_map(shop).collect());
    Permitted { permissions, shops }
}

pub(crate) async fn invite(State(app): State<App>, visit: Visit, form: Form) -> Shown {
    let (actor, name, permitted) = (visit.actor.clone(), form.get("name").to_owned(), ticked(&form));
    let days = form.get("days").parse().unwrap_or(0);
    match app.ask(move |folder| folder.invite(&actor, &name, &permitted, days)).await {
        Ok(made) => {
            let address = format!("{}/join/{made}", visit.home);
            let made = Made::of(&app, &visit, address, form.typed("to"), "invite").await;
            show(&app, &visit, Some(&made), None).await
        }
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => show(&app, &visit, None, Some((&refusal, &form))).await,
        Err(refusal) => Err(refusal.into_answer()),
    }
}

pub(crate) async fn end_invite(State(app): State<App>, Path(id): Path<i64>, visit: Visit, _form: Form) -> Shown {
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.end_invite(&actor, id)).await.map_err(IntoAnswer::into_answer)?;
    Ok(see(HERE))
}

pub(crate) async fn one(State(app): State<App>, Path(id): Path<i64>, visit: Visit) -> Shown {
    show_one(&app, &visit, id, None, None).await
}

/// A way back in for who lost the password, shown this once.
pub(crate) async fn reset(State(app): State<App>, Path(id): Path<i64>, visit: Visit, form: Form) -> Shown {
    let actor = visit.actor.clone();
    let made = app.ask(move |folder| folder.reset_of(&actor, id)).await.map_err(IntoAnswer::into_answer)?;
    let address = format!("{}/reset/{made}", visit.home);
    let made = Made::of(&app, &visit, address, form.typed("to"), "reset").await;
    show_one(&app, &visit, id, Some(&made), None).await
}

async fn show_one(app: &App, visit: &Visit, id: i64, made: Option<&Made>, refused: Option<(&Refusal, &Form)>) -> Shown {
    let actor = visit.actor.clone();
    let asked = app.ask(move |folder| {
        let (team, shops) = (folder.team(&actor)?, folder.shops(&actor)?);
        let none = || Refusal::new(Why::NotFound, "没有这个子账户", "there is no such sub-account");
        let person = team.people.iter().find(|p| p.id == id && p.role == Role::Sub).cloned().ok_or_else(none)?;
        Ok((team, shops, person))
    });
    let (team, shops, person) = asked.await.map_err(IntoAnswer::into_answer)?;
    let refusal = refused.map(|(refusal, _)| refusal);
    let has = |name: &str| match (refused, name.strip_prefix("shop-")) {
        (Some((_, form)), _) => form.get(name) == "yes",
        (None, Some(shop)) => person.shops.iter().flatten().any(|id| id.to_string() == shop),
        (None, None) if name == "limited" => person.shops.is_some(),
        (None, None) => person.permissions.split(' ').any(|word| word == name),
    };
    let body = html! {
        header.page-head {
            p.crumb { a href=(HERE) { (visit.t("people-title")) } }
            h1 { (person.name) }
            p.lead { span.mono { (person.login) } }
        }
        @if let Some(made) = made { (made.note(visit, &reset_lead(visit))) }
        form.stack-l method="post" action=(format!("{HERE}/{id}")) {
            (token(visit))
            (boxes(visit, &team.grants, &shops, &has, refusal))
            p.small.soft { (visit.t("people-next-act")) }
            div.acts { button.btn.main type="submit" { (visit.t("people-save")) } a.btn href=(HERE) { (visit.t("account-back")) } }
        }
        section.sec aria-labelledby="reset" {
            div.h { h2 id="reset" { (visit.t("reset-lost")) } p { (visit.t("reset-lost-hint")) } }
            form.stack.narrow-form method="post" action=(format!("{HERE}/{id}/reset")) {
                (token(visit))
                (to_field(app, visit))
                div.acts { button.btn type="submit" { (visit.t("reset-make")) } }
            }
        }
        section.sec aria-labelledby="end" {
            div.h { h2 id="end" { (visit.t("people-end")) } p { (visit.t("people-end-hint")) } }
            (button(visit, &format!("{HERE}/{id}/end"), "people-end-do"))
        }
        p.small { a href=(format!("/account/audit?who={id}")) { (visit.t("people-acts")) } }
    };
    let status = refusal.map_or(StatusCode::OK, problem::status);
    Ok(draw(visit, Frame { title: &person.name, nav: Nav::None, status }, body))
}

pub(crate) async fn permit(State(app): State<App>, Path(id): Path<i64>, visit: Visit, form: Form) -> Shown {
    let (actor, permitted) = (visit.actor.clone(), ticked(&form));
    match app.ask(move |folder| folder.permit(&actor, id, &permitted)).await {
        Ok(()) => Ok(see(HERE)),
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => {
            show_one(&app, &visit, id, None, Some((&refusal, &form))).await
        }
        Err(refusal) => Err(refusal.into_answer()),
    }
}

pub(crate) async fn end(State(app): State<App>, Path(id): Path<i64>, visit: Visit, _form: Form) -> Shown {
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.end_person(&actor, id)).await.map_err(IntoAnswer::into_answer)?;
    Ok(see(HERE))
}

/// Under a refusal: a button that tells the main account what was wanted.
pub(super) fn ask_form(visit: &Visit, permission: &str) -> Markup {
    html! {
        form.stack.narrow-form method="post" action="/account/wishes" {
            (token(visit))
            input type="hidden" name="permission" value=(permission);
            input type="hidden" name="place" value=(super::own_path(&visit.here));
            label { (visit.t("wish-words")) span.hint { (visit.t("portal-optional")) }
                input type="text" name="words" maxlength=(MAX_WORDS) autocomplete="off"; }
            div.acts { button.btn.main type="submit" { (visit.t("wish-send")) } a.btn href="/" { (visit.t("portal-to-home")) } }
        }
    }
}

pub(crate) async fn wish(State(app): State<App>, visit: Visit, form: Form) -> Shown {
    let (actor, place) = (visit.actor.clone(), super::own_path(form.get("place")).to_owned());
    let (permission, words) = (form.get("permission").to_owned(), form.get("words").to_owned());
    app.ask(move |folder| folder.wish(&actor, &permission, &place, &words)).await.map_err(IntoAnswer::into_answer)?;
    let title = visit.t("wish-sent");
    let body = html! {
        header.page-head { h1 { (title) } p.lead { (visit.t("wish-sent-hint")) } }
        div.acts { a.btn.main href="/" { (visit.t("portal-to-home")) } }
    };
    Ok(draw(&visit, Frame::new(&title, Nav::None), body))
}

pub(crate) async fn grant(State(app): State<App>, Path(id): Path<i64>, visit: Visit, _form: Form) -> Shown {
    answer(&app, &visit, id, true).await
}

pub(crate) async fn decline(State(app): State<App>, Path(id): Path<i64>, visit: Visit, _form: Form) -> Shown {
    answer(&app, &visit, id, false).await
}

async fn answer(app: &App, visit: &Visit, id: i64, granted: bool) -> Shown {
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.answer_wish(&actor, id, granted)).await.map_err(IntoAnswer::into_answer)?;
    Ok(see(HERE))
}

pub(crate) async fn join(State(app): State<App>, Path(key): Path<String>, visit: Visit) -> Shown {
    show_join(&app, &visit, &key, "", None).await
}

pub(crate) async fn submit_join(State(app): State<App>, Path(key): Path<String>, visit: Visit, form: Form) -> Shown {
    slow_down(&app, &visit).map_err(IntoAnswer::into_answer)?;
    let (asked, login, password) = (key.clone(), form.get("login").trim().to_owned(), form.get("password").to_owned());
    let same = twice(&form);
    let done = app.ask_secret(move |folder| {
        folder.invited(&asked)?;
        same?;
        folder.join(&asked, &login, &password)
    });
    match done.await {
        Ok(()) => Ok(see("/sign-in")),
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => {
            show_join(&app, &visit, &key, form.get("login"), Some(&refusal)).await
        }
        Err(refusal) => Err(refusal.into_answer()),
    }
}

async fn show_join(
    app: &App,
    visit: &Visit,
    key: &str,
    login: &str,
    refusal: Option<&Refusal>,
) -> Result<Response, Response> {
    let asked = key.to_owned();
    let invite = app.ask(move |folder| folder.invited(&asked)).await.map_err(IntoAnswer::into_answer)?;
    let title = visit.t("join-title");
    let wrong = of(visit, refusal, "login");
    let body = html! {
        header.page-head { h1 { (title) } p.lead { (visit.tv("join-lead", &[("name", invite.name.as_str().into()), ("runs", visit.runs.as_str().into())])) } }
        form.stack-l.narrow-form method="post" action=(format!("/join/{key}")) {
            (token(visit))
            p { (visit.t("people-may")) ": " (permitted(visit, &invite.permissions, None, &[])) }
            label { (visit.t("sign-in-login")) span.hint { (visit.t("set-up-login-hint")) }
                input type="text" name="login" maxlength="64" autocomplete="username" autocapitalize="none" spellcheck="false" required value=(login) aria-invalid=[wrong.map(|_| "true")] aria-describedby="e-login";
                (error("e-login", wrong)) }
            (fresh(visit, refusal))
            div.acts { button.btn.main type="submit" { (visit.t("join-do")) } }
        }
    };
    let status = refusal.map_or(StatusCode::OK, problem::status);
    Ok(draw(visit, Frame { title: &title, nav: Nav::None, status }, body))
}

/// What to do with a way back in.
pub(super) fn reset_lead(visit: &Visit) -> String {
    visit.tv("reset-hand-over", &[("n", service::RESET_MINUTES.to_string().into())])
}

fn button(visit: &Visit, path: &str, word: &str) -> Markup {
    html! {
        form method="post" action=(path) { (token(visit)) button.btn.slim type="submit" { (visit.t(word)) } }
    }
}
