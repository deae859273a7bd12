//! The API, version 1: deposits by file or by digests, and everything that a record gives. Bearer tokens alone; no cookies.

use super::{Shown, deposit, register};
use crate::{
    app::App,
    enter::IntoAnswer,
    flat::{self, Scalar},
    form,
    visit::{Query, Visit},
};
use axum::{
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use evidence::statement::RIGHTS;
use evidence::{
    digest::{self, FileDigests},
    hex,
    json::{self, Value, json},
};
use service::{Answer, Declared, DepositLine, Permission, Refusal, Rights, Search, Staged};
use std::collections::BTreeMap;

/// Longest JSON body, in bytes.
const MAX_JSON: usize = 64 << 10;

/// `POST /api/v1/deposits`: `multipart/form-data` with one `file`, or JSON `sha256`, `sm3`, `size`, `media_type`.
pub(crate) async fn create(State(app): State<App>, visit: Visit, headers: HeaderMap, request: Request) -> Shown {
    created(&app, &visit, &headers, request).await.map_err(IntoAnswer::into_answer)
}

async fn created(app: &App, visit: &Visit, headers: &HeaderMap, request: Request) -> Answer<Response> {
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.may(&actor, Permission::Deposit)).await?;
    let key = headers.get("idempotency-key").map(|value| value.to_str().unwrap_or("\u{7f}").to_owned());
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_owned();
    let wish = match kind.as_str() {
        "multipart/form-data" => {
            let upload = register::multipart(request).await?;
            let (mut files, rights) = register::read(app, visit, true, upload).await?;
            let Some((_, file)) = files.pop().filter(|_| files.is_empty()) else {
                return Err(Refusal::field("file", "一次请求登记一个文件", "one file a request"));
            };
            Wish::File(file?, rights)
        }
        "application/json" => {
            let (told, rights) = declared(&form::read(request.into_body(), MAX_JSON).await?)?;
            Wish::Digests(told, rights)
        }
        _ => {
            let (zh, en) =
                ("请用 multipart/form-data 或 application/json", "send multipart/form-data or application/json");
            return Err(Refusal::field("content-type", zh, en));
        }
    };
    let actor = visit.actor.clone();
    let line = app.work(move |folder| {
        let request = wish.digest();
        let run = || -> Answer<String> {
            let line = match wish {
                Wish::File(file, rights) => folder.register(&actor, file, &rights)?,
                Wish::Digests(told, rights) => folder.declare(&actor, &told, &rights)?,
            };
            Ok(line_json(&line).to_string())
        };
        match key {
            Some(key) => folder.once(&actor, &key, &request, run),
            None => run(),
        }
    });
    let line = line.await?;
    let status = if line.contains("\"status\":\"existing\"") { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, [(header::CONTENT_TYPE, "application/json")], line).into_response())
}

enum Wish {
    File(Staged, Rights),
    Digests(Declared, Rights),
}

impl Wish {
    /// What makes two requests the same.
    fn digest(&self) -> [u8; 32] {
        let said = match self {
            Self::File(file, rights) => json!(["file", file.name(), hex::encode(&file.sha256()), rights.claims]),
            Self::Digests(t, rights) => json!([
                "digests",
                t.file_name,
                t.media_type,
                hex::encode(&t.digests.sha256),
                hex::encode(&t.digests.sm3),
                t.digests.size,
                rights.claims
            ]),
        };
        digest::sha256(said.to_string().as_bytes())
    }
}

/// The keys of the command line's `deposit --json`.
fn line_json(line: &DepositLine) -> Value {
    json!({
        "id": line.id, "file": line.file, "sha256": line.sha256, "sm3": line.sm3, "status": line.status,
        "index": line.index, "record_sha256": line.record_sha256, "error": null,
    })
}

/// A closed object: names once, nothing unknown, whole numbers.
fn declared(body: &[u8]) -> Answer<(Declared, Rights)> {
    let object = &flat::parse(body)
        .map_err(|e| Refusal::field("body", format!("JSON 不能用（{e}）"), format!("the JSON is of no use ({e})")))?;
    let object = &object.0;
    let known = ["sha256", "sm3", "size", "media_type", "file_name"];
    if let Some(name) = object.keys().find(|n| !known.contains(&n.as_str()) && !RIGHTS.contains(&n.as_str())) {
        let name: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
        return Err(Refusal::field("body", format!("没有“{name}”这个字段"), format!("there is no field {name}")));
    }
    let digest = |name: &'static str| {
        let text = text(object, name)?.unwrap_or_default();
        hex::decode::<32>(name, &text).map_err(|_| {
            Refusal::field(
                name,
                format!("{name} 须为 64 位小写十六进制"),
                format!("{name} must be 64 lower-case hex digits"),
            )
        })
    };
    let (sha256, sm3) = (digest("sha256")?, digest("sm3")?);
    let size = match object.get("size") {
        Some(Scalar::Number(n)) if *n <= json::MAX_INTEGER.unsigned_abs() => Some(*n),
        _ => None,
    };
    let size = size.ok_or_else(|| Refusal::field("size", "size 须为字节数", "size must be a number of bytes"))?;
    let media_type = text(object, "media_type")?.filter(|t| t.len() <= 100);
    let media_type =
        media_type.ok_or_else(|| Refusal::field("media_type", "请给出 media_type", "give a media_type"))?;
    let mut rights = Rights::default();
    for name in RIGHTS {
        if let Some(value) = text(object, name)? {
            rights.claims.insert((*name).to_owned(), value);
        }
    }
    let file_name = text(object, "file_name")?;
    Ok((Declared { digests: FileDigests { sha256, sm3, size }, media_type, file_name }, rights))
}

fn text(object: &BTreeMap<String, Scalar>, name: &'static str) -> Answer<Option<String>> {
    match object.get(name) {
        None | Some(Scalar::Null) => Ok(None),
        Some(Scalar::Text(text)) => Ok(Some(text.clone())),
        Some(Scalar::Number(_)) => {
            Err(Refusal::field(name, format!("{name} 须为文字"), format!("{name} must be a string")))
        }
    }
}

/// `GET /api/v1/deposits`: a page of the library; `q`, `kind`, `page` as there.
pub(crate) async fn list(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    let get = |name: &str| query.get(name).cloned().unwrap_or_default();
    let search = Search { text: get("q"), kind: get("kind"), page: get("page").parse().unwrap_or(1) };
    let shelf = app.ask(move |folder| folder.library(&visit.actor, &search)).await.map_err(IntoAnswer::into_answer)?;
    let items: Vec<Value> = shelf
        .items
        .iter()
        .map(|i| {
            let status = if i.sealed { "existing" } else { "pending" };
            json!({"id": i.id, "kind": i.kind, "title": i.title, "received_at": i.received_at.to_micros(), "status": status})
        })
        .collect();
    Ok(answer(&json!({"deposits": items, "total": shelf.total, "page": shelf.page, "pages": shelf.pages})))
}

/// `GET /api/v1/deposits/{id}`: the record, its claims, and its verdict made just now.
pub(crate) async fn show(State(app): State<App>, Path(id): Path<String>, visit: Visit) -> Shown {
    let record = app.work(move |folder| folder.shown(&visit.actor, &id)).await.map_err(IntoAnswer::into_answer)?;
    let sealed = record.verdict.as_ref().is_some_and(|v| v.facts.t2.is_some());
    let verdict = record.verdict.as_ref().map(|v| {
        let checks: Vec<Value> = v
            .checks
            .iter()
            .map(|c| {
                json!({"id": c.id, "result": c.result, "required": c.required, "expected": c.expected, "found": c.found, "zh": c.zh, "en": c.en})
            })
            .collect();
        json!({"result": v.result, "checks": checks})
    });
    Ok(answer(&json!({
        "id": record.id, "kind": record.kind, "file": record.file_name, "received_at": record.received_at.to_micros(),
        "size": record.size, "sha256": record.sha256, "sm3": record.sm3, "index": record.index,
        "record_sha256": record.record_sha256, "status": if sealed { "existing" } else { "pending" },
        "held": record.held, "claims": record.claims, "verdict": verdict, "error": null,
    })))
}

/// `certificate.pdf`, `package.zip`, `original`, and the package's entries by their names.
pub(crate) async fn part(
    state: State<App>,
    Path((id, name)): Path<(String, String)>,
    query: Query,
    visit: Visit,
) -> Shown {
    match name.as_str() {
        "certificate.pdf" => deposit::certificate(state, Path(id), query, visit).await,
        "package.zip" => deposit::package(state, Path(id), query, visit).await,
        "original" => deposit::original(state, Path(id), visit).await,
        _ => deposit::part(state, Path((id, name)), visit).await,
    }
}

fn answer(value: &Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
