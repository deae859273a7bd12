//! Registering pictures by one form with many files, as a browser without scripts sends it, or a program that wants
//! its lines as JSON. The page's script sends each file by itself (`upload`), or its digests alone (`batch`).

use super::{
    Shown,
    layout::{Frame, Nav, draw, mark_only},
    register_form,
};
use crate::{
    app::App,
    enter::IntoAnswer,
    form::{self, stale},
    parts::Parts,
    problem,
    visit::Visit,
};
use axum::{
    extract::{Request, State, multipart::Field},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use evidence::json::{Value, json};
use evidence::statement::RIGHTS;
use maud::{Markup, html};
use service::{Answer, DepositLine, Permission, Refusal, Rights, Staged};
use std::time::Duration;

/// A piece of an upload must be here within.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest field that is no file, in bytes.
const MAX_TEXT: usize = 4096;
/// Most files of one request.
const MAX_FILES: usize = 200;

pub(crate) async fn page(State(app): State<App>, visit: Visit) -> Shown {
    let actor = visit.actor.clone();
    let asked = app.ask(move |folder| {
        folder.may(&actor, Permission::Deposit)?;
        folder.begun(&actor)?;
        folder.remaining(&actor)
    });
    let left = asked.await.map_err(IntoAnswer::into_answer)?;
    let form = register_form::draw(&visit, left.as_ref());
    Ok(draw(&visit, Frame::new(&visit.t("register-title"), Nav::Register), form))
}

/// What became of one file.
struct Outcome {
    name: String,
    line: Answer<DepositLine>,
}

pub(crate) async fn submit(State(app): State<App>, visit: Visit, headers: HeaderMap, request: Request) -> Shown {
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.may(&actor, Permission::Deposit)).await.map_err(IntoAnswer::into_answer)?;
    let given = headers.get("x-csrf").and_then(|v| v.to_str().ok());
    let upload = multipart(request).await.map_err(IntoAnswer::into_answer)?;
    let outcomes = take(&app, &visit, given == Some(visit.csrf.as_str()), upload).await;
    let outcomes = outcomes.map_err(IntoAnswer::into_answer)?;
    let accepts = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if accepts.starts_with("application/json") {
        let lines: Vec<Value> = outcomes.iter().map(|o| line(&visit, o)).collect();
        let kind = [(header::CONTENT_TYPE, "application/json")];
        return Ok((kind, Value::Array(lines).to_string()).into_response());
    }
    Ok(results(&visit, &outcomes))
}

pub(crate) async fn multipart(request: Request) -> Answer<Parts> {
    Parts::of(request)
        .await
        .ok_or_else(|| Refusal::field("content-type", "multipart 没有 boundary", "the multipart body has no boundary"))
}

/// The whole form is read before anything is registered: a browser may send the claims after the files.
async fn take(app: &App, visit: &Visit, trusted: bool, upload: Parts) -> Answer<Vec<Outcome>> {
    let (staged, rights) = read(app, visit, trusted, upload).await?;
    let mut outcomes = Vec::new();
    for (name, file) in staged {
        let line = match file {
            Ok(file) => register(app, visit, file, rights.clone()).await,
            Err(refusal) => Err(refusal),
        };
        outcomes.push(Outcome { name, line });
    }
    // One wait for all of them.
    let open: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.line.as_ref().ok().cloned()).collect();
    let sealed = app.ask(move |folder| folder.soon_sealed(open)).await?;
    for (outcome, line) in outcomes.iter_mut().filter(|outcome| outcome.line.is_ok()).zip(sealed) {
        outcome.line = Ok(line);
    }
    Ok(outcomes)
}

/// Files by their names, staged or refused, and what is claimed of all of them.
pub(crate) async fn read(
    app: &App,
    visit: &Visit,
    trusted: bool,
    mut upload: Parts,
) -> Answer<(Vec<(String, Answer<Staged>)>, Rights)> {
    let mut trusted = trusted;
    let mut rights = Rights::default();
    let mut staged: Vec<(String, Answer<Staged>)> = Vec::new();
    while let Some(mut field) = upload.next().await? {
        match field.name().unwrap_or_default().to_owned().as_str() {
            form::TOKEN => trusted = text(&mut field).await? == visit.csrf,
            // The API's clients call it as curl's examples do.
            "files" | "file" => {
                let name = field.file_name().unwrap_or_default().to_owned();
                if !trusted {
                    return Err(stale());
                }
                if name.is_empty() {
                    continue;
                }
                if staged.len() >= MAX_FILES {
                    let (zh, en) = ("一次最多 200 个文件", "at most 200 files at once");
                    return Err(Refusal::field("files", zh, en));
                }
                let file = stage(app, visit, &name, &mut field).await;
                // What was refused is read to its end, so that the next part is found.
                while patiently(field.chunk()).await?.is_some() {}
                staged.push((name, file));
            }
            claim if RIGHTS.contains(&claim) => {
                let value = text(&mut field).await?;
                let value = value.trim();
                if !value.is_empty() {
                    rights.claims.insert(claim.to_owned(), value.to_owned());
                }
            }
            _ => return Err(Refusal::field("form", "表单中有不认识的内容", "the form has a field that nobody knows")),
        }
    }
    if !trusted {
        return Err(stale());
    }
    if staged.is_empty() {
        let (zh, en) = ("没有选择文件；请选择文件后重试", "no file was chosen; choose one and try again");
        return Err(Refusal::field("files", zh, en));
    }
    Ok((staged, rights))
}

/// Registers one staged file; decoding is bounded over all requests.
async fn register(app: &App, visit: &Visit, file: Staged, rights: Rights) -> Answer<DepositLine> {
    let actor = visit.actor.clone();
    app.work(move |folder| folder.register(&actor, file, &rights)).await
}

/// Writes a file to disk as it comes. One that is cut off leaves nothing behind.
pub(crate) async fn stage(app: &App, visit: &Visit, name: &str, field: &mut Field<'_>) -> Answer<Staged> {
    let (actor, named) = (visit.actor.clone(), name.to_owned());
    let mut file = app.ask(move |folder| folder.stage(&actor, &named)).await?;
    while let Some(bytes) = patiently(field.chunk()).await? {
        tokio::task::block_in_place(|| file.write(&bytes))?;
    }
    Ok(file)
}

pub(crate) async fn text(field: &mut Field<'_>) -> Answer<String> {
    let mut bytes = Vec::new();
    while let Some(more) = patiently(field.chunk()).await? {
        bytes.extend_from_slice(&more);
        if bytes.len() > MAX_TEXT {
            return Err(Refusal::field("form", "填写的内容过长", "what was typed is too long"));
        }
    }
    String::from_utf8(bytes).map_err(|_| Refusal::field("form", "填写的内容不是 UTF-8", "what was typed is not UTF-8"))
}

pub(crate) async fn patiently<T>(
    part: impl Future<Output = Result<T, axum::extract::multipart::MultipartError>>,
) -> Answer<T> {
    match tokio::time::timeout(PATIENCE, part).await {
        Ok(Ok(part)) => Ok(part),
        Ok(Err(_)) => Err(Refusal::field("form", "没有传完，或格式不对；请重试", "cut off, or malformed; try again")),
        Err(_) => Err(Refusal::field("form", "传得太慢，已中断；请重试", "too slow, so it was ended; try again")),
    }
}

fn line(visit: &Visit, outcome: &Outcome) -> Value {
    match &outcome.line {
        Ok(line) => {
            let warnings: Vec<&str> = line.warnings.iter().map(|(zh, en)| visit.pick(zh, en)).collect();
            json!({"file": outcome.name, "id": line.id, "status": line.status, "error": null, "warnings": warnings})
        }
        Err(refusal) => {
            let error = visit.say(refusal);
            json!({"file": outcome.name, "id": null, "status": "failed", "error": error, "warnings": []})
        }
    }
}

fn results(visit: &Visit, outcomes: &[Outcome]) -> Response {
    let failed = outcomes.iter().filter(|o| o.line.is_err()).count();
    let counts = [("done", (outcomes.len() - failed).to_string().into()), ("failed", failed.to_string().into())];
    let title = visit.t("register-title");
    let body = html! {
        header.page-head { h1 { (visit.t("register-done")) } p.lead { (visit.tv("register-counts", &counts)) } }
        ul.rows.mark {
            @for o in outcomes {
                li { (result(visit, o)) }
            }
        }
        div.acts {
            a.btn.main href="/library" { (visit.t("portal-nav-library")) }
            a.btn href="/register" { (visit.t("register-more")) }
        }
    };
    // One file that failed is that file's answer; of several each has its own.
    let refused = outcomes.iter().find_map(|o| o.line.as_ref().err()).filter(|_| outcomes.len() == failed);
    let status = refused.map_or(axum::http::StatusCode::OK, problem::status);
    draw(visit, Frame { title: &title, nav: Nav::Register, status }, body)
}

fn result(visit: &Visit, outcome: &Outcome) -> Markup {
    match &outcome.line {
        Ok(line) => {
            let (class, mark) = if line.status == "pending" { ("wait", "wait") } else { ("ok", "ok") };
            let standing = match line.unwitnessed {
                true => "standing-witnesses".to_owned(),
                false => format!("register-{}", line.status),
            };
            html! {
                (mark_only(class, mark))
                div {
                    a.t href=(format!("/deposits/{}", line.id.as_deref().unwrap_or_default())) { (outcome.name) }
                    @for (zh, en) in &line.warnings { span.err.warn { (visit.pick(zh, en)) } }
                }
                span.(format!("state {class}")) { (visit.t(&standing)) }
            }
        }
        Err(refusal) => html! {
            (mark_only("bad", "bad"))
            div { (outcome.name) span.err { (visit.say(refusal)) } }
            span.state.bad { (visit.t("register-failed")) }
        },
    }
}
