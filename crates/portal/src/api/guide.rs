//! The API's page for people: drawn from the same operations and shapes as its description.

use super::{
    OPERATIONS,
    describe::{DESCRIBE, Operation, Sent, Values, refusal},
    shape::{Kind, Member, Need, Shape},
};
use crate::{
    app::App,
    pages::{
        Shown,
        layout::{Frame, Nav, draw},
    },
    visit::Visit,
};
use axum::extract::State;
use maud::{Markup, html};

pub(crate) async fn page(State(app): State<App>, visit: Visit) -> Shown {
    let title = visit.t("api-title");
    let calls = app.calls();
    let body = html! {
        header.page-head {
            h1 { (title) } p.lead { (visit.t("api-lead")) }
            div.acts { a.btn href=(DESCRIBE.path) { (visit.t("api-description")) } }
        }
        section.sec aria-labelledby="rules" {
            h2 id="rules" { (visit.t("api-rules")) }
            ul.plain.measure {
                li { (visit.t("api-token")) " " a href="/account" { (visit.t("account-title")) } }
                @if calls > 0 { li { (visit.tv("api-calls", &[("n", locale::grouped(u64::from(calls)).into())])) } }
                li { (visit.t("api-once")) }
                li { (visit.t("api-refusals")) }
                li { (visit.t("api-strict")) }
            }
        }
        section.sec aria-labelledby="list" {
            h2 id="list" { (visit.t("api-list")) }
            ul.plain { @for o in OPERATIONS { li { a.mono href=(format!("#{}", o.id)) { (o.method.to_uppercase()) " " (o.path) } } } }
        }
        @for o in OPERATIONS { (operation(&visit, o)) }
    };
    Ok(draw(&visit, Frame::new(&title, Nav::None), body))
}

fn operation(visit: &Visit, o: &Operation) -> Markup {
    let scope = o.scope.map_or_else(|| visit.t("api-anyone"), |scope| visit.t(&format!("scope-{scope}")));
    html! {
        section.sec aria-labelledby=(o.id) {
            div.h { h2 id=(o.id) { span.mono.block { (o.method.to_uppercase()) " " (o.path) } } p { (visit.t("tokens-for")) " " (scope) } }
            div.stack {
                p.measure { (visit.pick(o.zh, o.en)) }
                p.mono.cmd { (example(o)) }
                @if o.key || !o.query.is_empty() {
                    dl.facts {
                        @for p in o.query {
                            dt.mono { "?" (p.name) }
                            dd { (visit.pick(p.zh, p.en)) @if let Values::Words(words) = &p.kind { span.soft.mono { (words.join(" | ")) } } }
                        }
                        @if o.key { dt.mono { "Idempotency-Key" } dd { (visit.t("api-key")) } }
                    }
                }
                @for sent in o.bodies { (body(visit, sent)) }
                @for (status, contents) in o.answers {
                    @for content in *contents {
                        @match content {
                            super::describe::Content::Json(shape) => (members(visit, &format!("{status} {}", content.media_type()), &[*shape])),
                            _ => p.small { span.mono { (status) " " (content.media_type()) } },
                        }
                    }
                }
                @if !o.refusals.is_empty() {
                    details.parts {
                        summary { (visit.t("api-refused")) }
                        dl.facts { @for status in o.refusals { @let (zh, en) = refusal(*status); dt { (status) } dd { (visit.pick(zh, en)) } } }
                    }
                }
            }
        }
    }
}

/// A command line that can be tried.
fn example(o: &Operation) -> String {
    let address = if o.example.is_empty() { o.path } else { o.example };
    let token = if o.scope.is_some() { " -H \"Authorization: Bearer $TOKEN\"" } else { "" };
    let rest = if o.curl.is_empty() { String::new() } else { format!(" {}", o.curl) };
    format!("curl{token}{rest} \"$HOST{address}\"")
}

fn body(visit: &Visit, sent: &Sent) -> Markup {
    match sent {
        Sent::Json(shape) => members(visit, "application/json", &[*shape]),
        Sent::Multipart(files, texts) => html! {
            p.small { span.mono { "multipart/form-data: " @for (name, _, many) in *files { (name) @if *many { "*" } " " } } }
            @if let Some(texts) = texts { (members(visit, &visit.t("api-beside"), &[*texts])) }
        },
    }
}

/// The members of shapes, folded away.
fn members(visit: &Visit, title: &str, shapes: &[&'static Shape]) -> Markup {
    html! {
        @for shape in shapes.iter().flat_map(|shape| shape.with_inner()) {
            details.parts {
                summary { (title) " " span.mono { (shape.name) } }
                dl.facts { @for m in shape.all() { dt.mono { (m.name) @if m.need == Need::Maybe { "?" } } dd { (visit.pick(m.zh, m.en)) span.soft { (kind(visit, m)) } } } }
            }
        }
    }
}

fn kind(visit: &Visit, member: &Member) -> String {
    let null = if member.need == Need::OrNull { " | null" } else { "" };
    let kind = match &member.kind {
        Kind::Digest => visit.t("api-digest"),
        Kind::Whole(..) => visit.t("api-whole"),
        Kind::Text(most) => visit.tv("api-text", &[("n", locale::grouped(*most as u64).into())]),
        Kind::Word(words) => words.join(" | "),
        Kind::Time => "2026-11-24T03:05:00.000000Z".into(),
        Kind::Flag => "true | false".into(),
        Kind::Texts(..) => visit.t("api-texts"),
        Kind::Object(shape) => shape.name.into(),
        Kind::List(shape, most) => format!("[{}], ≤ {}", shape.name, locale::grouped(*most as u64)),
        Kind::Free => visit.t("api-free"),
    };
    format!("{kind}{null}")
}
