//! Who one's account is for: what was declared, what the operator is shown, and what he made of it.

use super::{
    Shown,
    layout::{Frame, Nav, draw, error, state, token},
    register::{multipart, patiently, text},
    secrets::of,
    see, words,
};
use crate::{
    app::App,
    enter::IntoAnswer,
    form::{self, Form, stale},
    parts::Parts,
    problem,
    visit::Visit,
};
use axum::{
    extract::{Path, Request, State},
    http::StatusCode,
};
use evidence::time::Utc;
use maud::{Markup, html};
use service::{Answer, Identity, IdentityCheck, MAX_DOCUMENT, MAX_DOCUMENTS, Permission, Refusal, Why};
use std::time::Duration;

/// Longest that a document may take to come.
const READING: Duration = Duration::from_secs(120);

pub(crate) async fn page(State(app): State<App>, visit: Visit) -> Shown {
    show(&app, &visit, None).await
}

pub(crate) async fn add(State(app): State<App>, visit: Visit, request: Request) -> Shown {
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.may(&actor, Permission::Account)).await.map_err(IntoAnswer::into_answer)?;
    let upload = multipart(request).await.map_err(IntoAnswer::into_answer)?;
    let place = app.reading(&visit).await;
    let slow = Refusal::field("document", "传得太慢，已中断；请重试", "too slow, so it was ended; try again");
    let given = tokio::time::timeout(READING, read(&visit, upload)).await.unwrap_or(Err(slow));
    let kept = match given {
        Ok((name, bytes)) => {
            let actor = visit.actor.clone();
            app.work(move |folder| folder.add_document(&actor, &name, &bytes)).await
        }
        Err(refusal) => Err(refusal),
    };
    drop(place);
    back(&app, &visit, kept).await
}

pub(crate) async fn end(State(app): State<App>, Path(id): Path<i64>, visit: Visit, _form: Form) -> Shown {
    let actor = visit.actor.clone();
    let ended = app.ask(move |folder| folder.drop_document(&actor, id)).await;
    back(&app, &visit, ended).await
}

pub(crate) async fn ask(State(app): State<App>, visit: Visit, _form: Form) -> Shown {
    let actor = visit.actor.clone();
    let asked = app.ask(move |folder| folder.ask_review(&actor)).await;
    back(&app, &visit, asked).await
}

pub(crate) async fn ask_provider(State(app): State<App>, visit: Visit, _form: Form) -> Shown {
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.may(&actor, Permission::Account)).await.map_err(IntoAnswer::into_answer)?;
    let Some(provider) = app.identity_provider() else {
        let (zh, en) = (
            "这里没有接入核验方；请上传证照请运营者核对",
            "no provider is connected here; show the operator documents",
        );
        return Err(Refusal::new(Why::NotFound, zh, en).into_answer());
    };
    let actor = visit.actor.clone();
    let asked = app.ask(move |folder| folder.ask_provider(&actor, provider.name())).await;
    back(&app, &visit, asked).await
}

async fn back(app: &App, visit: &Visit, done: Answer<()>) -> Shown {
    match done {
        Ok(()) => Ok(see("/account/identity")),
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => show(app, visit, Some(&refusal)).await,
        Err(refusal) => Err(refusal.into_answer()),
    }
}

async fn read(visit: &Visit, mut upload: Parts) -> Answer<(String, Vec<u8>)> {
    let (mut trusted, mut name, mut bytes) = (false, String::new(), Vec::new());
    while let Some(mut field) = upload.next().await? {
        match field.name().unwrap_or_default().to_owned().as_str() {
            form::TOKEN => trusted = text(&mut field).await? == visit.csrf,
            _ if !trusted => return Err(stale()),
            "document" if bytes.is_empty() => {
                name = field.file_name().unwrap_or_default().to_owned();
                while let Some(more) = patiently(field.chunk()).await? {
                    if bytes.len() + more.len() > MAX_DOCUMENT {
                        let most = MAX_DOCUMENT >> 20;
                        return Err(Refusal::field(
                            "document",
                            format!("文件超过 {most} MiB；请缩小后重试"),
                            format!("the file is longer than {most} MiB; make it smaller and try again"),
                        ));
                    }
                    bytes.extend_from_slice(&more);
                }
            }
            _ => return Err(Refusal::field("document", "一次上传一个文件", "one file at a time")),
        }
    }
    if bytes.is_empty() {
        return Err(Refusal::field("document", "请选择文件", "choose a file"));
    }
    Ok((name, bytes))
}

async fn show(app: &App, visit: &Visit, refusal: Option<&Refusal>) -> Shown {
    let actor = visit.actor.clone();
    let own = app.ask(move |folder| folder.identity(&actor)).await.map_err(IntoAnswer::into_answer)?;
    let waits = own.review.as_ref().is_some_and(|r| r.state == "asked");
    let title = visit.t("identity-title");
    let wrong = of(visit, refusal, "document");
    let body = html! {
        header.page-head {
            p.crumb { a href="/account" { (visit.t("account-back")) } }
            h1 { (title) }
            p.lead { (visit.t("identity-lead")) }
        }
        section.sec aria-labelledby="who" {
            h2 id="who" { (visit.t("sign-up-owner")) }
            dl.facts {
                dt { (visit.t("set-up-name")) } dd { (own.merchant.name) }
                dt { (visit.t("set-up-number")) } dd.mono { (own.merchant.number) }
                dt { (visit.t("merchants-name")) } dd { (standing(visit, &own)) }
            }
        }
        @if app.identity_provider().is_some() || own.check.is_some() {
            section.sec aria-labelledby="provider" {
                div.h { h2 id="provider" { (visit.t("provider-title")) } p { (visit.t("provider-hint")) } }
                div.stack {
                    @if let Some(check) = &own.check { (checked(visit, check)) }
                    @if let Some(provider) = app.identity_provider().filter(|_| may_ask(&own)) {
                        p { (visit.tv("provider-what", &[("name", provider.name().into())])) }
                        (error("e-provider", of(visit, refusal, "provider")))
                        form method="post" action="/account/identity/provider" { (token(visit)) button.btn type="submit" { (visit.t("provider-ask")) } }
                    }
                }
            }
        }
        section.sec.last aria-labelledby="documents" {
            div.h { h2 id="documents" { (visit.t("identity-documents")) } p { (visit.tv("identity-documents-hint", &[("n", MAX_DOCUMENTS.to_string().into()), ("most", (MAX_DOCUMENT >> 20).to_string().into())])) } }
            div.stack-l {
                @if !own.documents.is_empty() {
                    ul.rows {
                        @for d in &own.documents {
                            li {
                                div { span.t { (d.name) } span.m { (d.media_type) "　" (locale::grouped(d.size >> 10)) " KiB" } }
                                @if !waits {
                                    form method="post" action=(format!("/account/identity/documents/{}/end", d.id)) {
                                        (token(visit))
                                        button.btn.slim type="submit" { (visit.t("identity-take-back")) }
                                    }
                                }
                            }
                        }
                    }
                }
                @if waits { (error("e-document", wrong)) }
                @if !waits {
                    form.stack method="post" action="/account/identity/documents" enctype="multipart/form-data" {
                        (token(visit))
                        label { (visit.t("identity-file")) input.file type="file" name="document" accept="image/jpeg,image/png,application/pdf" required aria-invalid=[wrong.map(|_| "true")] aria-describedby="e-document"; }
                        (error("e-document", wrong))
                        div.acts { button.btn type="submit" { (visit.t("identity-upload")) } }
                    }
                    @if !own.documents.is_empty() {
                        form method="post" action="/account/identity/ask" { (token(visit)) button.btn.main type="submit" { (visit.t("identity-ask")) } }
                    }
                }
            }
        }
    };
    let status = refusal.map_or(StatusCode::OK, problem::status);
    Ok(draw(visit, Frame { title: &title, nav: Nav::None, status }, body))
}

/// Neither established nor being looked at by the provider.
fn may_ask(own: &Identity) -> bool {
    let open = own.check.as_ref().is_some_and(|c| matches!(c.state.as_str(), "waiting" | "pending"));
    !open && own.review.as_ref().is_none_or(|r| r.state != "approved")
}

/// How a question to the provider stands.
pub(super) fn checked(visit: &Visit, check: &IdentityCheck) -> Markup {
    let class = match check.state.as_str() {
        "verified" => "ok",
        "waiting" | "pending" => "wait",
        _ => "bad",
    };
    html! {
        div {
            (state(class, class, &visit.t(&format!("provider-state-{}", check.state)))) "　" (check.provider)
            @if !check.method.is_empty() { "（" (check.method) "）" }
            "　" (words::minute(Utc(check.answered_at.unwrap_or(check.asked_at))))
            @if let Some((zh, en)) = check.said.as_ref().filter(|(zh, _)| !zh.is_empty()) { span.m { (visit.pick(zh, en)) } }
            @if check.state == "waiting" && check.tries > 0 { span.m { (visit.t("provider-again")) " " (words::minute(Utc(check.due_at))) } }
        }
    }
}

/// How far a name is established, in a sentence.
pub(super) fn standing(visit: &Visit, own: &Identity) -> Markup {
    html! {
        @match &own.review {
            None => (visit.t("merchants-declared")),
            Some(r) if r.state == "approved" => {
                (state("ok", "ok", &visit.t("identity-approved"))) "　" (words::minute(r.at)) "　" (r.reason)
                @if let Some(id) = &r.attestation { br; span.mono { (id) } }
            }
            Some(r) if r.state == "refused" => { (state("bad", "bad", &visit.t("identity-refused"))) "　" (words::minute(r.at)) "　" (r.reason) }
            Some(r) => { (state("wait", "wait", &visit.t("identity-asked"))) "　" (words::minute(r.at)) }
        }
    }
}
