//! The shops of an account, and which records were made for them.

use super::{
    Shown,
    layout::{Frame, Nav, draw, error, state, token},
    secrets::of,
    see,
};
use crate::{app::App, enter::IntoAnswer, form::Form, problem, visit::Visit};
use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use maud::{Markup, html};
use service::{Permission, Refusal, Shop, Why};

const HERE: &str = "/account/shops";

pub(crate) async fn page(State(app): State<App>, visit: Visit) -> Shown {
    show(&app, &visit, None).await
}

async fn show(app: &App, visit: &Visit, refused: Option<(&Refusal, &Form)>) -> Shown {
    let actor = visit.actor.clone();
    let asked = app.ask(move |folder| Ok((folder.shops(&actor)?, folder.can(&actor, Permission::Account))));
    let (shops, main) = asked.await.map_err(IntoAnswer::into_answer)?;
    let title = visit.t("shops-title");
    let empty = Form::empty();
    let (refusal, form) = refused.map_or((None, &empty), |(refusal, form)| (Some(refusal), form));
    let field = |name: &'static str, kind: &str, most: &str, required: bool| {
        let wrong = of(visit, refusal, name);
        html! {
            label { (visit.t(&format!("shops-{name}")))
                @if !required { span.hint { (visit.t("portal-optional")) } }
                input type=(kind) name=(name) maxlength=(most) required[required] autocomplete="off" value=(form.get(name)) aria-invalid=[wrong.map(|_| "true")] aria-describedby=(format!("e-{name}"));
                (error(&format!("e-{name}"), wrong)) }
        }
    };
    let body = html! {
        header.page-head {
            p.crumb { a href="/account" { (visit.t("account-title")) } }
            h1 { (title) }
            p.lead { (visit.t("shops-lead")) }
        }
        @if shops.is_empty() { p.soft { (visit.t("shops-none")) } }
        ul.rows {
            @for shop in &shops {
                li {
                    div {
                        span.t { (shop.platform) " " (shop.name) }
                        @if !shop.url.is_empty() { span.m.mono.wrap { (shop.url) } }
                    }
                    @if shop.ended_at.is_some() { (state("wait", "todo", &visit.t("shops-ended"))) }
                    @else if main {
                        form method="post" action=(format!("{HERE}/{}/end", shop.id)) {
                            (token(visit)) button.btn.slim type="submit" { (visit.t("account-end")) }
                        }
                    }
                }
            }
        }
        @if main {
            section.sec aria-labelledby="add" {
                div.h { h2 id="add" { (visit.t("shops-add")) } p { (visit.t("shops-limit")) } }
                form.stack method="post" action=(HERE) {
                    (token(visit))
                    div.grid2 {
                        (field("platform", "text", "60", true))
                        (field("shop", "text", "60", true))
                        (field("url", "url", "500", false))
                    }
                    div.acts { button.btn type="submit" { (visit.t("shops-add")) } }
                }
            }
        }
    };
    let status = refusal.map_or(StatusCode::OK, problem::status);
    Ok(draw(visit, Frame { title: &title, nav: Nav::None, status }, body))
}

pub(crate) async fn add(State(app): State<App>, visit: Visit, form: Form) -> Shown {
    let actor = visit.actor.clone();
    let [platform, shop, url] = ["platform", "shop", "url"].map(|name| form.get(name).to_owned());
    match app.ask(move |folder| folder.add_shop(&actor, &platform, &shop, &url)).await {
        Ok(()) => Ok(see(HERE)),
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => show(&app, &visit, Some((&refusal, &form))).await,
        Err(refusal) => Err(refusal.into_answer()),
    }
}

pub(crate) async fn end(State(app): State<App>, Path(id): Path<i64>, visit: Visit, _form: Form) -> Shown {
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.end_shop(&actor, id)).await.map_err(IntoAnswer::into_answer)?;
    Ok(see(HERE))
}

/// On a record's page: which shops it was made for, and a form to say so.
pub(super) fn section(visit: &Visit, id: &str, made_for: &[String], shops: &[Shop]) -> Markup {
    let open: Vec<&Shop> = shops.iter().filter(|s| s.ended_at.is_none()).collect();
    html! {
        @if !made_for.is_empty() || !open.is_empty() {
            section.sec aria-labelledby="shops" {
                div.h { h2 id="shops" { (visit.t("shops-title")) } p { (visit.t("shops-for-hint")) } }
                div.stack {
                    @if !made_for.is_empty() { p { (visit.t("shops-for")) " " (made_for.join(", ")) } }
                    @if !open.is_empty() {
                        form.stack.narrow-form method="post" action=(format!("/deposits/{id}/shops")) {
                            (token(visit))
                            label { (visit.t("shops-shop"))
                                select name="shop" { @for shop in &open { option value=(shop.id) { (shop.platform) " " (shop.name) } } } }
                            div.acts { button.btn type="submit" { (visit.t("shops-assign")) } }
                        }
                    }
                }
            }
        }
    }
}

pub(crate) async fn assign(State(app): State<App>, Path(id): Path<String>, visit: Visit, form: Form) -> Shown {
    let (actor, asked) = (visit.actor.clone(), id.clone());
    let shop = form.get("shop").parse().unwrap_or(0);
    app.ask(move |folder| folder.assign(&actor, &asked, shop)).await.map_err(IntoAnswer::into_answer)?;
    Ok(see(&format!("/deposits/{id}#shops")))
}
