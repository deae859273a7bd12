//! The desk over HTTP: pages without scripts, and the same answer as JSON for a court's own system.
//!
//! Rules: a body is read only by who has a place for that, within [`super::PATIENCE`] and [`MAX_BODY`]; whoever verifies, draws or
//! searches has another, which goes with the work and not with who asked; nothing that was sent is echoed but names, as
//! text.

use super::{Desk, Examined, Given, access, appraiser, health, pages};
use crate::{Error, now};
use axum::{
    Router,
    body::Body,
    extract::{FromRequest, FromRequestParts, Multipart, Path, Request, State},
    http::{HeaderValue, StatusCode, header, request},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use certificate::Locale;
use evidence::digest::FileDigests;
use std::{convert::Infallible, sync::Arc};
use verify::Original;

/// Longest certificate or package; larger ones are for the command line.
const MAX_EVIDENCE: usize = 64 << 20;
/// Evidence and originals together.
const MAX_BODY: usize = 160 << 20;
/// Most originals.
const MAX_ORIGINALS: usize = 16;

pub(crate) fn routes(desk: Arc<Desk>) -> Router {
    let open = Router::new()
        .route("/desk.css", get(style))
        .route("/sign-in", post(access::enter))
        .route("/sign-out", post(access::leave));
    let guarded = Router::new()
        .route("/", get(page))
        .route("/status", get(state))
        .route("/examinations", post(examine))
        .route("/examinations/{name}", get(result))
        .route("/examinations/{name}/report.pdf", get(report))
        .route("/examinations/{name}/materials.zip", get(materials))
        .route("/record", get(record))
        .route("/api/v1/verifications", post(answer).fallback(no_such_call))
        .route("/api/{*rest}", axum::routing::any(no_such_call))
        .layer(axum::extract::DefaultBodyLimit::disable())
        .layer(axum::middleware::from_fn_with_state(desk.clone(), access::guard));
    open.merge(guarded).with_state(desk)
}

/// Who reads: in which language, and what was typed.
pub(super) struct Reader {
    pub locale: Locale,
    typed: String,
    /// What was typed is the digest of a file that was laid down.
    laid: bool,
}

impl<S: Sync> FromRequestParts<S> for Reader {
    type Rejection = Infallible;

    /// The language is asked for in the address, else as the browser prefers.
    async fn from_request_parts(parts: &mut request::Parts, _: &S) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        let of = |name: &str| {
            let found = url::form_urlencoded::parse(query.as_bytes()).find(|(n, _)| n == name);
            found.map(|(_, value)| value.into_owned())
        };
        let prefers = parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let chinese = match of("lang").as_deref() {
            Some("zh") => true,
            Some("en") => false,
            _ => prefers.is_empty() || prefers.trim_start().to_ascii_lowercase().starts_with("zh"),
        };
        let locale = if chinese { Locale::Zh } else { Locale::En };
        Ok(Self { locale, typed: of("q").unwrap_or_default(), laid: of("laid").is_some() })
    }
}

impl Reader {
    /// What is said in this language.
    pub(super) fn pick<'a>(&self, zh: &'a str, en: &'a str) -> &'a str {
        match self.locale {
            Locale::Zh => zh,
            Locale::En => en,
        }
    }

    pub(super) fn tag(&self) -> &'static str {
        self.pick("zh", "en")
    }
}

async fn page(State(desk): State<Arc<Desk>>, reader: Reader) -> Response {
    pages::ask(&desk, &reader, None)
}

async fn examine(State(desk): State<Arc<Desk>>, reader: Reader, request: Request) -> Response {
    match looked(&desk, request).await {
        // Of a picture alone nothing can be said to hold or not to hold: whether it is registered can.
        Ok(examined) if !is_evidence(&examined.evidence) => {
            let sha256 = examined.files.first().map(|f| f.sha256.as_str()).unwrap_or_default();
            see(&format!("/record?q={sha256}&laid=1&lang={}", reader.tag()))
        }
        Ok(examined) => match desk.keep(Arc::new(examined), now()) {
            Ok(name) => see(&format!("/examinations/{name}?lang={}", reader.tag())),
            Err(e) => pages::ask(&desk, &reader, Some(&Refused(500, e))),
        },
        Err(refused) => pages::ask(&desk, &reader, Some(&refused)),
    }
}

async fn result(State(desk): State<Arc<Desk>>, Path(name): Path<String>, reader: Reader) -> Response {
    match desk.kept(&name, now()) {
        Some(examined) => pages::result(&desk, &reader, &name, &examined),
        None => pages::gone(&desk, &reader),
    }
}

async fn report(State(desk): State<Arc<Desk>>, Path(name): Path<String>, reader: Reader) -> Response {
    let Some(examined) = desk.kept(&name, now()) else { return pages::gone(&desk, &reader) };
    let (drawing, locale) = (desk.clone(), reader.locale);
    let id = examined.id.clone();
    let Some(work) = placed(&desk, move || drawing.report(&examined, locale)).await else {
        return pages::ask(&desk, &reader, Some(&busy()));
    };
    match work {
        Ok(Ok(pdf)) => file(pdf, "application/pdf", &format!("{id}.pdf")),
        Ok(Err(e)) => pages::ask(&desk, &reader, Some(&Refused(500, e))),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn materials(State(desk): State<Arc<Desk>>, Path(name): Path<String>, reader: Reader) -> Response {
    let Some(examined) = desk.kept(&name, now()) else { return pages::gone(&desk, &reader) };
    let id = examined.id.clone();
    let Some(work) = placed(&desk, move || appraiser::materials(&examined)).await else {
        return pages::ask(&desk, &reader, Some(&busy()));
    };
    match work {
        Ok(zip) => file(zip, "application/zip", &format!("{id}.zip")),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn record(State(desk): State<Arc<Desk>>, reader: Reader) -> Response {
    let (looking, asked) = (desk.clone(), reader.typed.clone());
    let Some(found) = placed(&desk, move || looking.find(&asked)).await else {
        return pages::ask(&desk, &reader, Some(&busy()));
    };
    match found {
        Ok(Ok(search)) => pages::found(&desk, &reader, &reader.typed, reader.laid, &search),
        Ok(Err(e)) => pages::ask(&desk, &reader, Some(&Refused(422, e))),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The verdict, the node's own copy, and what the rules ask, as JSON. Nothing is kept.
async fn answer(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    match looked(&desk, request).await {
        Ok(examined) => ([(header::CONTENT_TYPE, "application/json")], examined.to_json().to_string()).into_response(),
        Err(Refused(status, e)) => problem(status, &e),
    }
}

/// A refusal of the API, in both languages (RFC 9457).
pub(super) fn problem(status: u16, e: &Error) -> Response {
    let problem = serde_json::json!({ "status": status, "title": "Refused", "detail": e.en, "detail_zh": e.zh });
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
    let heads = [(header::CONTENT_TYPE, "application/problem+json"), (header::CACHE_CONTROL, "no-store")];
    (status, heads, problem.to_string()).into_response()
}

async fn no_such_call(request: Request) -> Response {
    let asked = printable(&format!("{} {}", request.method(), request.uri().path()));
    let (status, known) = match request.uri().path() {
        "/api/v1/verifications" => (405, "POST"),
        _ => (404, "POST /api/v1/verifications"),
    };
    problem(
        status,
        &Error::new(
            format!("没有这个调用：{asked}；可用 {known}"),
            format!("there is no such call, {asked}; use {known}"),
        ),
    )
}

/// How the node fares.
async fn state(State(desk): State<Arc<Desk>>, reader: Reader) -> Response {
    let node = desk.node.clone();
    match tokio::task::spawn_blocking(move || node.state()).await {
        Ok(Ok(state)) => health::page(&desk, &reader, &state),
        Ok(Err(e)) => pages::plain(&desk, &reader, StatusCode::INTERNAL_SERVER_ERROR, &e),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Whether it could be a certificate, report or package, by its leading bytes.
fn is_evidence(bytes: &[u8]) -> bool {
    verify::is_certificate(bytes) || bytes.starts_with(b"PK")
}

/// HTTP status, and why.
pub(super) struct Refused(pub u16, pub Error);

/// Work that has a place, which it keeps until it is done, also where nobody waits for it any more. `None`: there was none.
async fn placed<T: Send + 'static>(
    desk: &Desk,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<Result<T, tokio::task::JoinError>> {
    let place = tokio::time::timeout(desk.patience.place, desk.places.clone().acquire_owned()).await.ok()?.ok()?;
    let body = move || {
        let done = work();
        drop(place);
        done
    };
    Some(tokio::task::spawn_blocking(body).await)
}

async fn looked(desk: &Arc<Desk>, request: Request) -> Result<Examined, Refused> {
    let Ok(Ok(reading)) = tokio::time::timeout(desk.patience.place, desk.bodies.acquire()).await else {
        return Err(busy());
    };
    let given = tokio::time::timeout(desk.patience.body, given(request))
        .await
        .map_err(|_| Refused(408, Error::new("传得太慢，已中断；请重试", "too slow, so it was ended; try again")))??;
    let desk_of = desk.clone();
    let examined = placed(desk, move || desk_of.examine(given, now())).await;
    // Until then its bytes are in memory.
    drop(reading);
    examined
        .ok_or_else(busy)?
        .map_err(|_| Refused(500, Error::new("核验中断；请重试", "the look was interrupted; try again")))?
        .map_err(|e| Refused(422, e))
}

async fn given(request: Request) -> Result<Given, Refused> {
    let limited = |body| Body::new(http_body_util::Limited::new(body, MAX_BODY));
    let mut parts = Multipart::from_request(request.map(limited), &()).await.map_err(|_| {
        Refused(415, Error::new("请求须为 multipart/form-data", "the request must be multipart/form-data"))
    })?;
    let cut = |_| {
        Refused(
            413,
            Error::new(
                "表单不完整，或证据与原件合计超过 160 MiB；请用命令行核验",
                "the form is not whole, or evidence and originals exceed 160 MiB together; verify on the command line",
            ),
        )
    };
    let mut given = Given { name: String::new(), evidence: Vec::new(), originals: Vec::new(), beside: None };
    while let Some(part) = parts.next_field().await.map_err(cut)? {
        let (field, name) =
            (part.name().unwrap_or_default().to_owned(), printable(part.file_name().unwrap_or_default()));
        let bytes = part.bytes().await.map_err(cut)?;
        if name.is_empty() {
            // As browsers send a field in which nothing was chosen.
            if bytes.is_empty() {
                continue;
            }
            let shown = printable(&field);
            return Err(Refused(
                422,
                Error::new(
                    format!("“{shown}”没有文件名（filename）；每个文件都须给出名称"),
                    format!("{shown:?} has no filename; give each file its name"),
                ),
            ));
        }
        match field.as_str() {
            "evidence" if !given.evidence.is_empty() => {
                return Err(Refused(
                    422,
                    Error::new("证据只能有一份（evidence）", "one piece of evidence at a time (evidence)"),
                ));
            }
            "evidence" if bytes.len() > MAX_EVIDENCE => {
                return Err(Refused(
                    413,
                    Error::new(
                        "证据超过 64 MiB；请用命令行核验",
                        "the evidence is longer than 64 MiB; verify it on the command line",
                    ),
                ));
            }
            "evidence" => (given.name, given.evidence) = (name, bytes.to_vec()),
            "file" if given.originals.len() >= MAX_ORIGINALS => {
                return Err(Refused(422, Error::new("原件最多 16 个", "at most 16 originals")));
            }
            "file" => {
                given.originals.push(Original { name, digests: FileDigests::of(&bytes) });
                if given.beside.is_none() && verify::own_file(&[&bytes]).is_some() {
                    given.beside = Some(bytes.to_vec());
                }
            }
            _ => {
                let shown = printable(&field);
                return Err(Refused(
                    422,
                    Error::new(
                        format!("表单中有不认识的内容“{shown}”"),
                        format!("the form has a field that nobody knows, {shown:?}"),
                    ),
                ));
            }
        }
    }
    if given.evidence.is_empty() {
        return Err(Refused(
            422,
            Error::new("请选择证书（PDF）或证据包（ZIP）", "choose a certificate (PDF) or a package (ZIP)"),
        ));
    }
    Ok(given)
}

/// A name that can be shown, of at most 200 characters.
fn printable(name: &str) -> String {
    let shown = |c: char| if evidence::json::check_string("name", &c.to_string()).is_ok() { c } else { '\u{fffd}' };
    name.chars().take(200).map(shown).collect()
}

fn busy() -> Refused {
    Refused(503, Error::new("节点正忙；请稍后再试", "the node is busy; try again later"))
}

async fn style() -> Response {
    let heads = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=3600")];
    (heads, pages::STYLE).into_response()
}

fn see(address: &str) -> Response {
    let place = HeaderValue::from_str(address).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response()
}

fn file(bytes: Vec<u8>, kind: &'static str, name: &str) -> Response {
    let heads = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    (heads, bytes).into_response()
}

#[cfg(test)]
mod tests;
