//! A number or digest retyped from paper, and an original dropped beside it: what this ledger says in clear, for everybody.
//!
//! Nobody's name stands in a leaf, so none is told here; and an answer of this site's is no verification.

use super::{
    Shown, find,
    layout::{Frame, Nav, draw, state, token},
    register::{multipart, text},
    verify::{READING, Taken, take},
    words,
};
use crate::{
    app::App,
    enter::IntoAnswer,
    form::{self, stale},
    parts::Parts,
    problem,
    visit::{Query, Visit},
};
use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use evidence::{hex, time::Utc};
use maud::{Markup, html};
use service::{Alike, Answer, Leaf, Refusal, Why};

/// What was asked.
#[derive(Default)]
struct Asked {
    typed: String,
    original: Option<Taken>,
}

/// The form, or, with `?typed=`, the answer without an original: where a certificate's code may lead.
pub(crate) async fn page(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    match query.get("typed").filter(|t| !t.trim().is_empty()) {
        Some(typed) => answer(&app, &visit, Asked { typed: typed.chars().take(200).collect(), original: None }).await,
        None => Ok(draw_page(&visit, &Asked::default(), None, None)),
    }
}

pub(crate) async fn submit(State(app): State<App>, visit: Visit, request: Request) -> Shown {
    let upload = multipart(request).await.map_err(IntoAnswer::into_answer)?;
    let place = app.reading(&visit).await;
    let slow = Refusal::field("original", "传得太慢，已中断；请重试", "too slow, so it was ended; try again");
    let asked = tokio::time::timeout(READING, read(&visit, upload)).await.unwrap_or(Err(slow));
    let answered = match asked {
        Ok(asked) => answer(&app, &visit, asked).await,
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => {
            Ok(draw_page(&visit, &Asked::default(), Some(&refusal), None))
        }
        Err(refusal) => Err(refusal.into_answer()),
    };
    drop(place);
    answered
}

async fn read(visit: &Visit, mut upload: Parts) -> Answer<Asked> {
    let (mut asked, mut trusted, mut count) = (Asked::default(), false, 0);
    while let Some(mut field) = upload.next().await? {
        match field.name().unwrap_or_default().to_owned().as_str() {
            form::TOKEN => trusted = text(&mut field).await? == visit.csrf,
            _ if !trusted => return Err(stale()),
            "typed" => asked.typed = text(&mut field).await?,
            "original" if asked.original.is_none() => {
                asked.original = take(&mut field, visit.actor.name().is_some(), &mut count, "original").await?;
            }
            _ => return Err(Refusal::field("original", "一次核对一份原件", "one original at a time")),
        }
    }
    if !trusted {
        return Err(stale());
    }
    if asked.typed.trim().is_empty() && asked.original.is_none() {
        return Err(Refusal::field(
            "typed",
            "请填写存证编号或摘要，或者放入原件",
            "type a record number or a digest, or give the original",
        ));
    }
    Ok(asked)
}

/// Leaves of what was typed and of the file that was given; for an owner also what the file only looks like.
#[derive(Default)]
struct Found {
    leaves: Vec<Leaf>,
    /// Of the given file, where something else was typed.
    of_file: Vec<Leaf>,
    alike: Vec<Alike>,
}

async fn answer(app: &App, visit: &Visit, mut asked: Asked) -> Shown {
    let bytes = asked.original.as_mut().and_then(|o| o.bytes.take());
    let sha256 = asked.original.as_ref().map(|o| hex::encode(&o.original.digests.sha256));
    let (typed, actor) = (asked.typed.clone(), visit.actor.clone());
    let looked = app.work(move |folder| {
        let mut found = Found::default();
        let of_file = sha256.map(|sha256| folder.leaves(&sha256)).transpose()?.unwrap_or_default();
        if typed.trim().is_empty() {
            found.leaves = of_file;
        } else {
            found.leaves = folder.leaves(&typed)?;
            found.of_file = of_file;
            found.of_file.retain(|f| found.leaves.iter().all(|l| l.id != f.id));
        }
        let same = |l: &Leaf, sha256: &[u8; 32]| l.file.is_some_and(|f| f.sha256 == *sha256);
        if let Some(bytes) = bytes {
            let digest = evidence::digest::sha256(&bytes);
            if !found.leaves.iter().chain(&found.of_file).any(|l| same(l, &digest)) {
                found.alike = folder.alike(&actor, bytes)?.0;
            }
        }
        Ok(found)
    });
    match looked.await {
        Ok(found) => Ok(draw_page(visit, &asked, None, Some(&found))),
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => Ok(draw_page(visit, &asked, Some(&refusal), None)),
        Err(refusal) => Err(refusal.into_answer()),
    }
}

fn draw_page(visit: &Visit, asked: &Asked, refusal: Option<&Refusal>, found: Option<&Found>) -> Response {
    let title = visit.t("lookup-title");
    let body = html! {
        header.page-head {
            p.crumb { a href="/verify" { (visit.t("portal-nav-verify")) } }
            h1 { (title) }
            p.lead { (visit.t("lookup-lead")) }
        }
        @if let Some(found) = found { (answers(visit, asked, found)) }
        (ask(visit, &asked.typed, refusal))
        section.sec aria-labelledby="limits" {
            h2 id="limits" { (visit.t("does-not-title")) }
            ul.plain.measure { @for id in ["lookup-limit-site", "lookup-limit-owner", "lookup-limit-paper"] { li { (visit.t(id)) } } }
        }
    };
    let status = refusal.map_or(StatusCode::OK, problem::status);
    draw(visit, Frame { title: &title, nav: Nav::Verify, status }, body)
}

/// The form: also a part of the page of verifying.
pub(crate) fn ask(visit: &Visit, typed: &str, refusal: Option<&Refusal>) -> Markup {
    html! {
        section.sec aria-labelledby="lookup" {
            div.h { h2 id="lookup" { (visit.t("lookup-ask")) } p { (visit.t("lookup-hint")) } }
            form.stack method="post" action="/verify/record" enctype="multipart/form-data" {
                (token(visit))
                label { (visit.t("lookup-typed")) span.hint { (visit.t("lookup-typed-hint")) }
                    input.code type="text" name="typed" maxlength="200" value=(typed) autocomplete="off" spellcheck="false" autocapitalize="none"; }
                label { (visit.t("verify-originals")) span.hint { (visit.t("lookup-original-hint")) }
                    input.file type="file" name="original"; }
                @if let Some(refusal) = refusal { p.err role="alert" { (visit.say(refusal)) } }
                div.acts { button.btn type="submit" { (visit.t("lookup-submit")) } }
            }
        }
    }
}

fn answers(visit: &Visit, asked: &Asked, found: &Found) -> Markup {
    let original = asked.original.as_ref().map(|o| &o.original);
    let n = [("n", found.leaves.len().to_string().into())];
    let named = [("name", original.map(|o| o.name.clone()).unwrap_or_default().into())];
    html! {
        section.sec aria-labelledby="found" {
            h2 id="found" { (visit.t("lookup-found")) }
            div.stack-l role="status" {
                @if found.leaves.is_empty() { p { (state("wait", "wait", &visit.t("lookup-none"))) } p.soft { (visit.t("lookup-none-hint")) } }
                @else { p { (visit.tv("lookup-count", &n)) } }
                @for leaf in &found.leaves { (facts(visit, leaf, asked)) }
                @if !found.of_file.is_empty() {
                    div { p { (visit.tv("lookup-of-file", &named)) } }
                    @for leaf in &found.of_file { (facts(visit, leaf, asked)) }
                }
                @if !found.alike.is_empty() { (near(visit, &found.alike)) }
            }
        }
    }
}

/// What an owner is told of a file that is none of his, but looks like one.
pub(crate) fn near(visit: &Visit, alike: &[Alike]) -> Markup {
    html! {
        div {
            p { (visit.t("lookup-near")) }
            ul.rows.pic { @for one in alike.iter().take(4) { (find::row(visit, one)) } }
        }
    }
}

fn facts(visit: &Visit, leaf: &Leaf, asked: &Asked) -> Markup {
    let copy = visit.t("portal-copy");
    html! {
        dl.facts {
            dt { (visit.t("deposit-id")) } dd.mono { (leaf.id) }
            dt { (visit.t("lookup-kind")) } dd { (visit.t(&format!("kind-{}", leaf.kind))) @if let Some(kind) = &leaf.media_type { "　" span.mono { (kind) } } }
            @if let Some(index) = leaf.index {
                dt { (visit.t("lookup-index")) }
                dd { (locale::grouped(index)) "　" @if leaf.sealed { (state("ok", "ok", &visit.t("standing-sealed"))) } @else { (state("wait", "wait", &visit.t(if leaf.unwitnessed { "standing-witnesses" } else { "standing-waiting" }))) } }
            }
            dt { (visit.t("line-received")) } dd { (words::time(leaf.received_at)) span.soft { (visit.t("line-received-note")) } }
            @for at in &leaf.stamped {
                dt { (visit.t("lookup-token")) }
                dd { @match Utc::parse_generalized(at) { Ok(at) => (words::time(at)), Err(_) => (at) } }
            }
            @if let Some(file) = &leaf.file {
                dt { "SHA-256" } dd { (words::digest(&hex::encode(&file.sha256), &copy)) }
                dt { "SM3" } dd { (words::digest(&hex::encode(&file.sm3), &copy)) }
                @if let Some(given) = asked.original.as_ref().map(|o| &o.original) {
                    dt { (given.name) }
                    dd {
                        @if given.digests == *file { (state("ok", "ok", &visit.t("lookup-same"))) }
                        @else { (state("bad", "bad", &visit.t("lookup-other"))) span.soft { (visit.t("lookup-other-hint")) } }
                    }
                }
            }
            dt { (visit.t("digests-record")) } dd { (words::digest(&leaf.record_sha256, &copy)) span.soft { (visit.t("digests-record-note")) } }
        }
    }
}
