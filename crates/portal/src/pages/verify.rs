//! Verifying, for everybody: a certificate or package and its original, under the operator's own roots, and said so.

use super::{
    Shown, browser, deposit,
    layout::{Frame, Nav, draw, token},
    lookup,
    register::{multipart, patiently, text},
    words,
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
    http::StatusCode,
    response::Response,
};
use evidence::time::Utc;
use maud::{Markup, html};
use service::{Alike, Answer, Digester, MAX_LOOKED, Original, Outcome, Refusal, Verdict};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longest certificate or package that is read into memory here; larger ones are for the command line.
const MAX_EVIDENCE: usize = 64 << 20;
/// All originals of one request, in bytes: they are only read.
const MAX_ORIGINALS: u64 = 2 << 30;
/// Longest that one request may take to come.
pub(crate) const READING: Duration = Duration::from_secs(600);
/// Most originals.
const MAX_FILES: usize = 16;

pub(crate) async fn page(visit: Visit) -> Shown {
    Ok(ask(&visit, None))
}

/// What was given: evidence and its name, and digests of originals.
struct Given {
    name: String,
    evidence: Vec<u8>,
    originals: Vec<Taken>,
}

/// An original as it came by: its digests, and, for whoever may look for near copies, its bytes if they are few.
pub(crate) struct Taken {
    pub original: Original,
    pub bytes: Option<Vec<u8>>,
}

/// Reads a file field; `read` counts the bytes of one request. `None`: no file was chosen.
pub(crate) async fn take(
    field: &mut Field<'_>,
    keep: bool,
    read: &mut u64,
    name: &'static str,
) -> Answer<Option<Taken>> {
    let file = field.file_name().unwrap_or_default().to_owned();
    let (mut digester, mut bytes) = (Digester::default(), keep.then(Vec::new));
    while let Some(more) = patiently(field.chunk()).await? {
        *read += more.len() as u64;
        if *read > MAX_ORIGINALS {
            let (zh, en) = ("原件过大；请在自己的电脑上核验", "too large an original; verify it on your own machine");
            return Err(Refusal::field(name, zh, en));
        }
        bytes = bytes.filter(|kept| kept.len() + more.len() <= MAX_LOOKED);
        if let Some(kept) = &mut bytes {
            kept.extend_from_slice(&more);
        }
        tokio::task::block_in_place(|| digester.update(&more));
    }
    Ok((!file.is_empty()).then(|| Taken { original: digester.finish(&file), bytes }))
}

pub(crate) async fn submit(State(app): State<App>, visit: Visit, request: Request) -> Shown {
    let upload = multipart(request).await.map_err(IntoAnswer::into_answer)?;
    // A place first: what is read is held in memory, and nobody keeps one by sending slowly.
    let place = app.reading(&visit).await;
    let given = tokio::time::timeout(READING, read(&visit, upload)).await;
    let slow = || {
        Refusal::field(
            "form",
            "传得太慢，已中断；请在自己的电脑上核验",
            "too slow, so it was ended; verify on your own machine",
        )
    };
    let given = match given.unwrap_or_else(|_| Err(slow())) {
        Ok(given) => given,
        Err(refusal) if matches!(refusal.why, service::Why::Field(_)) => return Ok(ask(&visit, Some(&refusal))),
        Err(refusal) => return Err(refusal.into_answer()),
    };
    let Given { name, evidence, originals } = given;
    let (originals, mut kept): (Vec<Original>, Vec<Option<Vec<u8>>>) =
        originals.into_iter().map(|o| (o.original, o.bytes)).unzip();
    let names: Vec<String> = originals.iter().map(|o| o.name.clone()).collect();
    let actor = visit.actor.clone();
    let verdict = app
        .work(move |folder| {
            let verdict = folder.verify_given(&evidence, &originals)?;
            // A picture that is not the original, or none of those licensed, may be a copy: its owner is told which.
            let fails = |id: &str| verdict.find(id).is_some_and(|c| c.result == Outcome::Fail);
            let other = |n: usize| fails("file") || fails(&format!("named-file-{n}"));
            let bytes = (1..).zip(&mut kept).find_map(|(n, bytes)| bytes.take().filter(|_| other(n)));
            let alike = bytes.map(|bytes| folder.alike(&actor, bytes)).transpose()?.unwrap_or_default().0;
            Ok((verdict, alike))
        })
        .await;
    drop(place);
    match verdict {
        Ok((verdict, alike)) => Ok(result(&visit, &name, &names, &verdict, &alike)),
        Err(refusal) => Ok(ask(&visit, Some(&refusal))),
    }
}

async fn read(visit: &Visit, mut upload: Parts) -> Answer<Given> {
    let mut given = Given { name: String::new(), evidence: Vec::new(), originals: Vec::new() };
    let (mut trusted, mut read) = (false, 0u64);
    while let Some(mut field) = upload.next().await? {
        let file = field.file_name().unwrap_or_default().to_owned();
        match field.name().unwrap_or_default().to_owned().as_str() {
            form::TOKEN => trusted = text(&mut field).await? == visit.csrf,
            _ if !trusted => return Err(stale()),
            "evidence" => {
                while let Some(bytes) = patiently(field.chunk()).await? {
                    if given.evidence.len() + bytes.len() > MAX_EVIDENCE {
                        return Err(Refusal::field(
                            "evidence",
                            "证书或证据包超过 64 MiB；请在自己的电脑上核验",
                            "longer than 64 MiB; verify it on your own machine",
                        ));
                    }
                    given.evidence.extend_from_slice(&bytes);
                }
                given.name = service::show_path(std::path::Path::new(&file));
            }
            "originals" => {
                if given.originals.len() >= MAX_FILES {
                    return Err(Refusal::field(
                        "originals",
                        "原件过多；请在自己的电脑上核验",
                        "too many originals; verify on your own machine",
                    ));
                }
                let keep = visit.actor.name().is_some() && given.originals.is_empty();
                given.originals.extend(take(&mut field, keep, &mut read, "originals").await?);
            }
            _ => return Err(Refusal::field("form", "表单中有不认识的内容", "the form has a field that nobody knows")),
        }
    }
    if !trusted {
        return Err(stale());
    }
    if given.evidence.is_empty() {
        let (zh, en) = ("请选择证书（PDF）或证据包（ZIP）", "choose a certificate (PDF) or a package (ZIP)");
        return Err(Refusal::field("evidence", zh, en));
    }
    Ok(given)
}

fn ask(visit: &Visit, refusal: Option<&Refusal>) -> Response {
    let title = visit.t("verify-title");
    let roots = [("name", visit.runs.as_str().into())];
    let here = browser::sha256();
    let lead = if here.is_some() { "verify-lead-here" } else { "verify-lead" };
    let body = html! {
        header.page-head { h1 { (title) } p.lead { (visit.t(lead)) } }
        @if let Some(sha256) = &here { (in_this_browser(visit, sha256)) }
        form method="post" action="/verify" enctype="multipart/form-data" {
            (token(visit))
            section.sec aria-labelledby="given" {
                div.h { h2 id="given" { (visit.t(if here.is_some() { "verify-server" } else { "verify-files" })) } p { (visit.t("verify-files-hint")) } }
                div.stack {
                    label { (visit.t("verify-evidence")) span.hint { (visit.t("verify-evidence-hint")) }
                        input.file type="file" name="evidence" accept=".pdf,.zip" required; }
                    label { (visit.t("verify-originals")) span.hint { (visit.t("verify-originals-hint")) }
                        input.file type="file" name="originals" multiple; }
                    @if let Some(refusal) = refusal { p.err role="alert" { (visit.say(refusal)) } }
                    div.acts { button.btn.main[here.is_none()] type="submit" { (visit.t("verify-submit")) } }
                    p.small.soft { (visit.t("verify-not-kept")) }
                }
            }
        }
        (lookup::ask(visit, "", None))
        section.sec aria-labelledby="trust" {
            div.h { h2 id="trust" { (visit.t("verify-trust")) } p { (visit.t("verify-trust-hint")) } }
            div.stack {
                p { (visit.tv("verify-roots", &roots)) }
                div.acts { a.btn.slim href="/trust.zip" { (visit.t("verify-trust-download")) } }
            }
        }
        section.sec aria-labelledby="off" {
            div.h { h2 id="off" { (visit.t("verify-off")) } p { (visit.t("verify-off-hint")) } }
            div.stack {
                p.mono.cmd { "quezao verify --trust DIR certificate.pdf original.jpg" }
                p.mono.cmd { "python3 verify.py --trust DIR package.zip original.jpg" }
                p.soft.small { (visit.t("verify-independent")) }
            }
        }
    };
    let status = refusal.map_or(StatusCode::OK, problem::status);
    draw(visit, Frame { title: &title, nav: Nav::Verify, status }, body)
}

/// The browser's verifier: whose roots count is the reader's choice there, and nothing is sent.
fn in_this_browser(visit: &Visit, sha256: &str) -> Markup {
    let copy = visit.t("portal-copy");
    html! {
        section.sec aria-labelledby="here" {
            div.h { h2 id="here" { (visit.t("verify-here")) } p { (visit.t("verify-here-hint")) } }
            div.stack {
                p { (visit.t("verify-here-what")) }
                div.acts {
                    a.btn.main href=(format!("/verify/browser#{}", visit.pick("zh", "en"))) { (visit.t("verify-here-open")) }
                    a.btn href="/verify/browser.html" { (visit.t("verify-here-keep")) }
                }
                p.small.soft { (visit.t("verify-here-digest")) }
                p { (words::digest(sha256, &copy)) }
            }
        }
    }
}

fn result(visit: &Visit, name: &str, originals: &[String], verdict: &Verdict, alike: &[Alike]) -> Response {
    let title = visit.t("verify-title");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros());
    let now = Utc(i64::try_from(now).unwrap_or(i64::MAX));
    let facts = &verdict.facts;
    let owner = facts.claims.get("owner_name").and_then(|v| v.as_str());
    let roots = [("name", visit.runs.as_str().into())];
    let body = html! {
        // The phrase says it to the eye; who hears the page needs its heading.
        h1.sr { (title) }
        (deposit::seal(visit, verdict))
        p.roots.soft.small { (visit.tv("verify-by-roots", &roots)) " " (words::time(now)) }
        section.sec aria-labelledby="what" {
            h2 id="what" { (visit.t("verify-what")) }
            dl.facts {
                dt { (visit.t("verify-evidence")) } dd { (name) }
                dt { (visit.t("verify-originals")) }
                dd {
                    @if originals.is_empty() { span.soft { (visit.t("verify-no-original")) } }
                    @for o in originals { span.block { (o) } }
                }
                @if let Some(statement) = &facts.statement { dt { (visit.t("deposit-id")) } dd.mono { (statement.id) } }
                @if let Some(owner) = owner {
                    dt { (visit.t("claims-owner")) }
                    dd { (owner) (deposit::named_in(visit, Some(verdict))) }
                }
            }
        }
        @if !alike.is_empty() {
            section.sec aria-labelledby="near" { h2 id="near" { (visit.t("lookup-near-title")) } (lookup::near(visit, alike)) }
        }
        (deposit::answers(visit, verdict))
        div.acts { a.btn href="/verify" { (visit.t("verify-another")) } }
    };
    draw(visit, Frame::new(&title, Nav::Verify), body)
}
