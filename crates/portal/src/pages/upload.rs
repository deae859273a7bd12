//! Uploads that can be resumed, by tus 1.0.0 (<https://tus.io/protocols/resumable-upload>): core, creation, expiration,
//! checksum, termination. One set of handlers for a signed-in page (`/uploads`, with the page's token in `X-Csrf`) and
//! for programs (`/api/v1/uploads`, with a bearer token).

use crate::{
    api::{
        deposits::{ATTACHING, CLAIMS},
        shape::Shape,
    },
    app::App,
    flat, form, problem, stream,
    visit::Visit,
};
use axum::{
    body::{Body, Bytes},
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use evidence::{
    json::{Value, json},
    statement::RIGHTS,
    time::Utc,
};
use hyper::body::Body as _;
use service::{Answer, Checksum, DepositLine, MAX_UPLOAD, Permission, Refusal, Rights, Upload, Why};
use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

const VERSION: &str = "1.0.0";
/// The next bytes must be here within.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest body that says what is claimed.
const MAX_CLAIMS: usize = 64 << 10;

/// `OPTIONS`: what this server speaks.
pub(crate) async fn options() -> Response {
    let heads = [
        ("tus-version", VERSION.to_owned()),
        ("tus-max-size", MAX_UPLOAD.to_string()),
        ("tus-extension", "creation,expiration,checksum,termination".to_owned()),
        ("tus-checksum-algorithm", "sha1,sha256".to_owned()),
    ];
    answer(StatusCode::NO_CONTENT, &heads)
}

/// `POST` on the collection: creation.
pub(crate) async fn create(State(app): State<App>, visit: Visit, headers: HeaderMap) -> Response {
    told(created(&app, &visit, &headers).await)
}

async fn created(app: &App, visit: &Visit, headers: &HeaderMap) -> Answer<Response> {
    admitted(app, visit, headers, true).await?;
    let length = number(headers, "upload-length")?;
    let metadata = text(headers, "upload-metadata").unwrap_or_default().to_owned();
    let name = file_name(&metadata)?;
    let actor = visit.actor.clone();
    let upload = app.ask(move |folder| folder.begin_upload(&actor, &name, length, &metadata)).await?;
    let here = visit.here.split('?').next().unwrap_or_default();
    let place = format!("{here}/{}", upload.id);
    Ok(answer(StatusCode::CREATED, &[("location", place), ("upload-offset", "0".into()), expires(&upload)]))
}

/// `HEAD`: how far it is.
pub(crate) async fn head(State(app): State<App>, Path(id): Path<String>, visit: Visit, headers: HeaderMap) -> Response {
    told(standing(&app, id, &visit, &headers).await)
}

async fn standing(app: &App, id: String, visit: &Visit, headers: &HeaderMap) -> Answer<Response> {
    admitted(app, visit, headers, false).await?;
    let actor = visit.actor.clone();
    let upload = app.ask(move |folder| folder.upload(&actor, &id)).await?;
    let mut heads = vec![
        ("upload-offset", upload.received.to_string()),
        ("upload-length", upload.length.to_string()),
        expires(&upload),
    ];
    if !upload.metadata.is_empty() {
        heads.push(("upload-metadata", upload.metadata));
    }
    Ok(answer(StatusCode::OK, &heads))
}

/// `PATCH`: the next piece.
pub(crate) async fn patch(State(app): State<App>, Path(id): Path<String>, visit: Visit, request: Request) -> Response {
    told(written(&app, id, &visit, request).await)
}

async fn written(app: &App, id: String, visit: &Visit, request: Request) -> Answer<Response> {
    let (parts, mut body) = request.into_parts();
    admitted(app, visit, &parts.headers, true).await?;
    if text(&parts.headers, "content-type") != Some("application/offset+octet-stream") {
        let (zh, en) = ("PATCH 须为 application/offset+octet-stream", "a PATCH is application/offset+octet-stream");
        return Err(Refusal::new(Why::MediaType, zh, en));
    }
    let offset = number(&parts.headers, "upload-offset")?;
    let checksum = checksum(&parts.headers)?;
    let actor = visit.actor.clone();
    let mut piece = app.ask(move |folder| folder.write_upload(&actor, &id, offset, checksum)).await?;
    // What came before the connection broke is kept when `piece` is dropped.
    while let Some(bytes) = next(&mut body).await? {
        tokio::task::block_in_place(|| piece.write(&bytes))?;
    }
    let upload = app.wait(move || piece.end()).await?;
    Ok(answer(StatusCode::NO_CONTENT, &[("upload-offset", upload.received.to_string()), expires(&upload)]))
}

/// `DELETE`: termination.
pub(crate) async fn end(State(app): State<App>, Path(id): Path<String>, visit: Visit, headers: HeaderMap) -> Response {
    told(ended(&app, id, &visit, &headers).await)
}

async fn ended(app: &App, id: String, visit: &Visit, headers: &HeaderMap) -> Answer<Response> {
    admitted(app, visit, headers, true).await?;
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.drop_upload(&actor, &id)).await?;
    Ok(answer(StatusCode::NO_CONTENT, &[]))
}

/// `POST` on an upload: another method, for clients whose way here knows `GET` and `POST` alone.
pub(crate) async fn other(app: State<App>, id: Path<String>, visit: Visit, request: Request) -> Response {
    match text(request.headers(), "x-http-method-override") {
        Some("PATCH") => patch(app, id, visit, request).await,
        Some("DELETE") => end(app, id, visit, request.headers().clone()).await,
        Some("HEAD") => head(app, id, visit, request.headers().clone()).await,
        _ => told(admitted(&app, &visit, request.headers(), true).await.and_then(|()| {
            let (zh, en) = ("请用 PATCH、HEAD 或 DELETE", "use PATCH, HEAD or DELETE");
            Err(Refusal::field("x-http-method-override", zh, en))
        })),
    }
}

/// `POST …/deposit`: registers what was uploaded. The body: a JSON object of claims by their names, all optional. With
/// `Repr-Digest` (RFC 9530, `sha-256`) only where it is that file; so has `unpack`.
pub(crate) async fn deposit(
    State(app): State<App>,
    Path(id): Path<String>,
    visit: Visit,
    request: Request,
) -> Response {
    told(deposited(&app, id, &visit, request).await)
}

async fn deposited(app: &App, id: String, visit: &Visit, request: Request) -> Answer<Response> {
    let (rights, attachments) = claimed(app, visit, &id, request, &ATTACHING).await?;
    let actor = visit.actor.clone();
    let line = app.work(move |folder| folder.register_upload(&actor, &id, &rights, &attachments)).await?;
    let line = app.soon_sealed(line).await?;
    let status = if line.status == "existing" { StatusCode::OK } else { StatusCode::CREATED };
    let kind = [(header::CONTENT_TYPE, "application/json")];
    Ok((status, kind, line_json(visit, &line).to_string()).into_response())
}

/// What is claimed of an upload, and its attachments' records, by who may deposit; the upload is the file that the
/// caller means.
async fn claimed(app: &App, visit: &Visit, id: &str, request: Request, shape: &Shape) -> Answer<(Rights, Vec<String>)> {
    let (parts, body) = request.into_parts();
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.may(&actor, Permission::Deposit)).await?;
    own(visit, &parts.headers)?;
    let claims = claims(&form::read(body, MAX_CLAIMS, "body").await?, shape)?;
    if let Some(sha256) = whole(&parts.headers)? {
        let (actor, id) = (visit.actor.clone(), id.to_owned());
        app.work(move |folder| folder.hold_upload_to(&actor, &id, &sha256)).await?;
    }
    Ok(claims)
}

/// `POST …/unpack`: registers every file of an uploaded ZIP. The answer is a line of JSON for each as soon as it is
/// acknowledged (`application/x-ndjson`); the first says how many there will be. The upload stays.
pub(crate) async fn unpack(State(app): State<App>, Path(id): Path<String>, visit: Visit, request: Request) -> Response {
    told(unpacked(&app, id, &visit, request).await)
}

async fn unpacked(app: &App, id: String, visit: &Visit, request: Request) -> Answer<Response> {
    let (rights, _) = claimed(app, visit, &id, request, &CLAIMS).await?;
    let actor = visit.actor.clone();
    let packed = app.ask(move |folder| folder.look_into_zip(&actor, &id)).await?;
    let (files, passed) = packed.counts();
    // Room for every file's line, the first and the last: who reads slowly holds up no deposit.
    let (send, body) = stream::channel(files + 2);
    let (app, visit) = (app.clone(), visit.clone());
    tokio::spawn(async move {
        let ended = send.clone();
        let problem = visit.clone();
        let run = app.long(visit.actor.account(), move |folder| {
            let stop = Arc::new(AtomicBool::new(false));
            let say = |value: Value| {
                let told = send.blocking_send(Ok(Bytes::from(format!("{value}\n"))));
                // Who asked is gone: what is acknowledged stays, the rest waits for the next time.
                stop.store(told.is_err() || stop.load(Ordering::Relaxed), Ordering::Relaxed);
            };
            say(json!({"files": files, "passed": passed}));
            let (actor, mut each) = (&visit.actor, |line: DepositLine| say(line_json(&visit, &line)));
            folder.register_zip(actor, &packed, &rights, stop.clone(), &mut each)
        });
        if let Err(refusal) = run.await {
            let line = json!({"error": problem.say(&refusal)});
            let _ = ended.send(Ok(Bytes::from(format!("{line}\n")))).await;
        }
    });
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    Ok(response)
}

/// The keys of `quezao deposit --json`, and warnings in the reader's language.
pub(crate) fn line_json(visit: &Visit, line: &DepositLine) -> Value {
    let warnings: Vec<&str> = line.warnings.iter().map(|(zh, en)| visit.pick(zh, en)).collect();
    json!({
        "id": line.id, "file": line.file, "sha256": line.sha256, "sm3": line.sm3, "status": line.status,
        "index": line.index, "record_sha256": line.record_sha256,
        "error": line.error.as_ref().map(|e| visit.pick(&e.zh, &e.en)), "warnings": warnings,
    })
}

/// `{"title": "…"}`: each name a claim, each value a text; what is empty is not declared. And `attachments`.
fn claims(body: &[u8], shape: &Shape) -> Answer<(Rights, Vec<String>)> {
    if body.is_empty() {
        return Ok((Rights::default(), Vec::new()));
    }
    let flat = flat::parse(body)
        .map_err(|e| Refusal::field("body", format!("JSON 不能用（{e}）"), format!("the JSON is of no use ({e})")))?;
    let read = shape.read(&flat)?;
    let claims = RIGHTS.iter().filter_map(|name| Some(((*name).to_owned(), read.text(name)?)));
    Ok((Rights { claims: claims.collect() }, read.texts("attachments")))
}

/// Who calls, from which page, in which version of the protocol: before anything is read.
async fn admitted(app: &App, visit: &Visit, headers: &HeaderMap, changes: bool) -> Answer<()> {
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.may(&actor, Permission::Deposit)).await?;
    if changes {
        own(visit, headers)?;
    }
    if text(headers, "tus-resumable") != Some(VERSION) {
        return Err(Refusal::field("tus-resumable", "须为 Tus-Resumable: 1.0.0", "send Tus-Resumable: 1.0.0"));
    }
    Ok(())
}

/// A browser shows the token of a page of ours; a program has no cookies, and needs none.
fn own(visit: &Visit, headers: &HeaderMap) -> Answer<()> {
    let given = text(headers, "x-csrf");
    if problem::is_machine(&visit.here) || given == Some(visit.csrf.as_str()) { Ok(()) } else { Err(form::stale()) }
}

async fn next(body: &mut Body) -> Answer<Option<Bytes>> {
    loop {
        let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context));
        let cut = |zh: &str, en: &str| Refusal::field("body", zh, en);
        match tokio::time::timeout(PATIENCE, frame).await {
            Ok(None) => return Ok(None),
            Ok(Some(Ok(frame))) => {
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
            Ok(Some(Err(_))) => return Err(cut("没有传完；请继续上传", "it was cut off; go on from where it is")),
            Err(_) => {
                return Err(cut("传得太慢，已中断；请继续上传", "too slow, so it was ended; go on from where it is"));
            }
        }
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|v| v.to_str().ok())
}

fn number(headers: &HeaderMap, name: &'static str) -> Answer<u64> {
    let given = text(headers, name).filter(|t| t.len() <= 16 && t.bytes().all(|b| b.is_ascii_digit()));
    given
        .and_then(|t| t.parse().ok())
        .ok_or_else(|| Refusal::field(name, format!("{name} 须为字节数"), format!("{name} must be a number of bytes")))
}

/// `filename` of `Upload-Metadata`: pairs apart by commas, each a name and its value in Base64.
fn file_name(metadata: &str) -> Answer<String> {
    let mut pairs = metadata.split(',').map(|pair| pair.trim().split_once(' ').unwrap_or((pair.trim(), "")));
    let coded = pairs.find(|(name, _)| *name == "filename").map(|(_, value)| value.trim());
    let name = coded.and_then(|c| BASE64_STANDARD.decode(c).ok()).and_then(|bytes| String::from_utf8(bytes).ok());
    name.ok_or_else(|| {
        let (zh, en) = ("Upload-Metadata 须有 filename", "Upload-Metadata must have a filename");
        Refusal::field("upload-metadata", zh, en)
    })
}

fn checksum(headers: &HeaderMap) -> Answer<Option<Checksum>> {
    let Some(given) = text(headers, "upload-checksum") else { return Ok(None) };
    let known = given.split_once(' ').and_then(|(algorithm, sum)| {
        let sum = BASE64_STANDARD.decode(sum.trim()).ok()?;
        Checksum::new(algorithm, sum)
    });
    let (zh, en) =
        ("Upload-Checksum 须为 sha1 或 sha256 及其 Base64", "Upload-Checksum is sha1 or sha256 and its Base64");
    known.map(Some).ok_or_else(|| Refusal::field("upload-checksum", zh, en))
}

/// `sha-256` of `Repr-Digest`, a dictionary of names and Base64 between colons; others are not looked at.
fn whole(headers: &HeaderMap) -> Answer<Option<[u8; 32]>> {
    let Some(given) = text(headers, "repr-digest") else { return Ok(None) };
    let sum = given.split(',').find_map(|member| member.trim().strip_prefix("sha-256="));
    let sum = sum.and_then(|coded| coded.strip_prefix(':')?.strip_suffix(':'));
    let sum = sum.and_then(|coded| BASE64_STANDARD.decode(coded).ok()?.try_into().ok());
    let (zh, en) = ("Repr-Digest 须有 sha-256=:Base64:", "Repr-Digest must have sha-256=:Base64:");
    sum.map(Some).ok_or_else(|| Refusal::field("repr-digest", zh, en))
}

/// When it is swept, as HTTP has dates.
fn expires(upload: &Upload) -> (&'static str, String) {
    ("upload-expires", http_date(upload.expires_at))
}

/// `Wed, 25 Jun 2014 16:00:00 GMT` (RFC 9110, 5.6.7).
fn http_date(at: Utc) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    // 1970-01-01 was a Thursday.
    let day = DAYS[usize::try_from(at.unix_seconds().div_euclid(86_400).rem_euclid(7)).unwrap_or_default()];
    let text = at.to_micros();
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let month = part(5, 7).parse::<usize>().ok().and_then(|m| MONTHS.get(m.wrapping_sub(1))).unwrap_or(&"");
    format!("{day}, {} {month} {} {} GMT", part(8, 10), part(0, 4), part(11, 19))
}

fn answer(status: StatusCode, heads: &[(&'static str, String)]) -> Response {
    let mut response = status.into_response();
    for (name, value) in heads {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// Refusals are problem details for pages too: a script reads them.
fn told(answer: Answer<Response>) -> Response {
    let mut response = answer.unwrap_or_else(|refusal| {
        let mut response = problem::plain(&refusal);
        match refusal.why {
            Why::Field("tus-resumable") => {
                *response.status_mut() = StatusCode::PRECONDITION_FAILED;
                response.headers_mut().insert("tus-version", HeaderValue::from_static(VERSION));
            }
            Why::Field("upload-length" | "upload-offset" | "upload-metadata" | "upload-checksum") => {
                *response.status_mut() = StatusCode::BAD_REQUEST;
            }
            _ => {}
        }
        response
    });
    response.headers_mut().insert("tus-resumable", HeaderValue::from_static(VERSION));
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn dates_are_as_http_has_them() {
        assert_eq!(
            http_date(Utc::parse_micros("2014-06-25T16:00:00.000000Z").unwrap()),
            "Wed, 25 Jun 2014 16:00:00 GMT"
        );
        assert_eq!(http_date(Utc(0)), "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn the_files_digest_is_found_among_others() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("repr-digest", HeaderValue::from_str(text).unwrap());
            whole(&headers)
        };
        let coded = BASE64_STANDARD.encode([7; 32]);
        assert_eq!(read(&format!("sha-512=:AA==:, sha-256=:{coded}:")).unwrap(), Some([7; 32]));
        assert!(read("sha-256=:AA==:").is_err() && read("sha-512=:AA==:").is_err() && read(&coded).is_err());
        assert_eq!(whole(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn a_name_comes_coded_among_others() {
        assert_eq!(file_name("filetype aW1hZ2UvanBlZw==, filename 5p6XLmpwZw==").unwrap(), "林.jpg");
        assert!(file_name("is_confidential").is_err() && file_name("filename /w==").is_err() && file_name("").is_err());
    }
}
