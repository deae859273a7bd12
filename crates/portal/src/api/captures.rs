//! Captures: pages put into the queue, their steps, and what came of them.

use super::{
    answer,
    describe::{Content, Operation, Parameter, Sent, Values},
    json_body, key, may, no_json, number, once,
    shape::{Kind, Need, Shape, member},
    word, written,
};
use crate::{
    app::App,
    enter::IntoAnswer,
    flat,
    pages::{self, Shown, deposit},
    visit::{Query, Visit},
};
use axum::{
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use evidence::{
    digest,
    json::{Value, json},
    time::Utc,
};
use service::{Answer, CaptureShown, MAX_PAGES, Permission, Refusal, Why};
use std::collections::BTreeMap;

/// Longest JSON body, in bytes.
const MAX_JSON: usize = 128 << 10;

/// What is asked for.
const ASKED: Shape = Shape {
    name: "NewCaptures",
    members: &[&[
        member("urls", Kind::Texts(1, MAX_PAGES), Need::Always, "网址", "addresses"),
        member(
            "purpose",
            Kind::Word(&["own", "other"]),
            Need::Maybe,
            "自己的网页，还是他人的（默认）",
            "one's own pages, or another's (the default)",
        ),
        member(
            "window",
            Kind::Word(&["desktop", "phone"]),
            Need::Maybe,
            "窗口：桌面（默认）或手机",
            "a desktop's window (the default) or a phone's",
        ),
    ]],
};
/// A page of the queue, with the keys of `quezao capture --json`.
const CAPTURE: Shape = Shape {
    name: "Capture",
    members: &[&[
        member(
            "number",
            Kind::Whole(1, i64::MAX.unsigned_abs()),
            Need::Always,
            "队列中的编号",
            "its number in the queue",
        ),
        member("state", Kind::Word(&["waiting", "running", "done", "failed"]), Need::Always, "进度", "how far it is"),
        member(
            "place",
            Kind::Whole(0, u64::MAX),
            Need::OrNull,
            "前面还有几个；已结束则无",
            "how many stand before it; none where it has ended",
        ),
        member("steps", Kind::Texts(0, 64), Need::Always, "已开始的步骤", "steps begun so far"),
        member("id", Kind::Text(64), Need::OrNull, "取证记录的编号", "record number of the capture"),
        member("order", Kind::Text(64), Need::OrNull, "取证指令的记录编号", "record number of the order"),
        member("url", Kind::Text(4096), Need::Always, "所取网址", "as asked"),
        member(
            "status",
            Kind::Word(&["complete", "partial", "blocked", "failed"]),
            Need::OrNull,
            "结果",
            "how the page was obtained",
        ),
        member("sha256", Kind::Digest, Need::OrNull, "WACZ 的 SHA-256", "SHA-256 of the WACZ"),
        member(
            "error",
            Kind::Text(4096),
            Need::OrNull,
            "未取得的原因，中文 / 英文",
            "why it failed, Chinese / English",
        ),
        member(
            "purpose",
            Kind::Word(&["own", "other"]),
            Need::Always,
            "自己的网页，还是他人的",
            "one's own page, or another's",
        ),
        member("window", Kind::Word(&["desktop", "phone"]), Need::Always, "窗口", "the window"),
        member("created_at", Kind::Time, Need::OrNull, "提交时间", "when it was asked for"),
    ]],
};
const CAPTURES: Shape = Shape {
    name: "Captures",
    members: &[&[member(
        "captures",
        Kind::List(&CAPTURE, 30),
        Need::Always,
        "取证，新的在前",
        "captures, newest first",
    )]],
};

pub(crate) const CREATE: Operation = Operation {
    method: "post",
    path: "/api/v1/captures",
    scope: Some("capture"),
    id: "createCaptures",
    zh: "提交网页取证；排队逐个进行。Location 指向第一个",
    en: "Has pages captured, one at a time, in the order of asking; Location is that of the first",
    query: &[],
    key: true,
    bodies: &[Sent::Json(&ASKED)],
    answers: &[(202, &[Content::Json(&CAPTURES)])],
    refusals: &[409, 413, 415, 422],
    curl: "-H \"Content-Type: application/json\" -d '{\"urls\":[\"https://example.com/\"],\"purpose\":\"other\"}'",
    example: "",
};
pub(crate) const LIST: Operation = Operation {
    method: "get",
    path: "/api/v1/captures",
    scope: Some("read"),
    id: "listCaptures",
    zh: "最近的 30 个取证",
    en: "The newest 30 captures",
    query: &[Parameter {
        name: "below",
        kind: Values::Number,
        zh: "只要编号小于此数的",
        en: "only those whose number is below this one",
    }],
    key: false,
    bodies: &[],
    answers: &[(200, &[Content::Json(&CAPTURES)])],
    refusals: &[422],
    curl: "",
    example: "",
};
pub(crate) const SHOW: Operation = Operation {
    method: "get",
    path: "/api/v1/captures/{number}",
    scope: Some("read"),
    id: "showCapture",
    zh: "一个取证",
    en: "One capture",
    query: &[],
    key: false,
    bodies: &[],
    answers: &[(200, &[Content::Json(&CAPTURE)])],
    refusals: &[404],
    curl: "",
    example: "/api/v1/captures/1",
};
pub(crate) const EVENTS: Operation = Operation {
    method: "get",
    path: "/api/v1/captures/{number}/events",
    scope: Some("read"),
    id: "hearCapture",
    zh: "逐步进展（server-sent events）：step 带有至今的步骤，end 表示结束",
    en: "Its steps as they happen (server-sent events): `step` with all so far, `end` when there is nothing more to hear",
    query: &[],
    key: false,
    bodies: &[],
    answers: &[(200, &[Content::File("text/event-stream")])],
    refusals: &[404],
    curl: "-N",
    example: "/api/v1/captures/1/events",
};
pub(crate) const PART: Operation = Operation {
    method: "get",
    path: "/api/v1/captures/{number}/{name}",
    scope: Some("read"),
    id: "downloadCapture",
    zh: "capture.wacz 网页存档，certificate.pdf 报告，package.zip 证据包",
    en: "capture.wacz, certificate.pdf, package.zip",
    query: &[Parameter {
        name: "lang",
        kind: Values::Words(&["zh", "en"]),
        zh: "报告的语言",
        en: "language of the report",
    }],
    key: false,
    bodies: &[],
    answers: &[(
        200,
        &[Content::File("application/pdf"), Content::File("application/zip"), Content::File("application/wacz")],
    )],
    refusals: &[404, 409, 422],
    curl: "-O",
    example: "/api/v1/captures/1/capture.wacz",
};

/// [`CREATE`].
pub(crate) async fn create(State(app): State<App>, visit: Visit, headers: HeaderMap, request: Request) -> Shown {
    created(&app, &visit, &headers, request).await.map_err(IntoAnswer::into_answer)
}

async fn created(app: &App, visit: &Visit, headers: &HeaderMap, request: Request) -> Answer<Response> {
    may(app, visit, Permission::Capture).await?;
    let body = json_body(request, MAX_JSON).await?;
    let flat = flat::parse(&body).map_err(|e| no_json(&e))?;
    let read = ASKED.read(&flat)?;
    let (urls, purpose, window) = (read.texts("urls"), read.text("purpose"), read.text("window"));
    let (other, phone) = (purpose.as_deref() != Some("own"), window.as_deref() == Some("phone"));
    let (key, caller, settings) = (key(headers), visit.clone(), app.capturing().clone());
    let asked = digest::sha256(json!(["captures", urls, other, phone]).to_string().as_bytes());
    let run = move |folder: &std::sync::Arc<service::Folder>| {
        once(folder, &caller, Permission::Capture, key.as_deref(), &asked, || {
            let told = |numbers: &[i64]| {
                let captures = urls.iter().zip(numbers).map(|(url, number)| {
                    json!({
                        "number": number, "state": "waiting", "place": null, "steps": [], "id": null, "order": null,
                        "url": url, "status": null, "sha256": null, "error": null, "purpose": purpose_word(other),
                        "window": window_word(phone), "created_at": null,
                    })
                });
                json!({"captures": captures.collect::<Vec<Value>>()}).to_string()
            };
            let kept = key.as_deref().map(|key| (key, &told as &dyn Fn(&[i64]) -> String));
            Ok(told(&folder.order_captures(&caller.actor, &urls, other, phone, &settings, kept)?))
        })
    };
    let answered = app.ask(run).await?;
    let first = serde_json::from_str::<Value>(&answered).unwrap_or_default()["captures"][0]["number"].as_i64();
    let mut response = written(StatusCode::ACCEPTED, &CAPTURES, answered);
    if let Ok(to) = HeaderValue::from_str(&format!("/api/v1/captures/{}", first.unwrap_or_default())) {
        response.headers_mut().insert(header::LOCATION, to);
    }
    Ok(response)
}

fn purpose_word(other: bool) -> &'static str {
    if other { "other" } else { "own" }
}

fn window_word(phone: bool) -> &'static str {
    if phone { "phone" } else { "desktop" }
}

/// [`LIST`].
pub(crate) async fn list(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    listed(&app, &query, &visit).await.map_err(IntoAnswer::into_answer)
}

async fn listed(app: &App, query: &BTreeMap<String, String>, visit: &Visit) -> Answer<Response> {
    may(app, visit, Permission::Queue).await?;
    let below = number(query, "below")?.map_or(i64::MAX, |n| i64::try_from(n).unwrap_or(i64::MAX));
    let actor = visit.actor.clone();
    let shown = app.ask(move |folder| {
        let pages = folder.captures_below(&actor, below)?;
        pages.into_iter().map(|page| folder.capture_shown(&actor, page)).collect::<Answer<Vec<_>>>()
    });
    let captures: Vec<Value> = shown.await?.iter().map(|shown| capture_json(app, shown)).collect();
    Ok(answer(StatusCode::OK, &CAPTURES, &json!({"captures": captures})))
}

/// [`SHOW`].
pub(crate) async fn show(State(app): State<App>, Path(number): Path<String>, visit: Visit) -> Shown {
    let shown = find(&app, &visit, &number).await.map_err(IntoAnswer::into_answer)?;
    Ok(answer(StatusCode::OK, &CAPTURE, &capture_json(&app, &shown)))
}

async fn find(app: &App, visit: &Visit, number: &str) -> Answer<CaptureShown> {
    let (actor, id) = (visit.actor.clone(), id(number));
    app.ask(move |folder| {
        let (page, _) = folder.queued_capture(&actor, id)?;
        folder.capture_shown(&actor, page)
    })
    .await
}

/// Its number; what is none is nobody's.
fn id(number: &str) -> i64 {
    let plain = number.bytes().all(|b| b.is_ascii_digit());
    number.parse().ok().filter(|_| plain).unwrap_or_default()
}

fn capture_json(app: &App, shown: &CaptureShown) -> Value {
    let page = &shown.page;
    let open = ["waiting", "running"].contains(&page.state.as_str());
    json!({
        "number": page.id, "state": page.state, "place": open.then_some(shown.before), "steps": app.steps(page.id),
        "id": page.record, "order": page.ordered, "url": page.url, "status": page.outcome.as_ref().filter(|_| !open),
        "sha256": shown.sha256, "error": page.error.as_ref().map(|(zh, en)| format!("{zh} / {en}")),
        "purpose": purpose_word(page.other), "window": window_word(page.phone),
        "created_at": Utc(page.created_at).to_micros(),
    })
}

/// [`EVENTS`].
pub(crate) async fn events(state: State<App>, Path(number): Path<String>, visit: Visit) -> Shown {
    pages::capture::events(state, Path(id(&number)), visit).await
}

/// [`PART`].
pub(crate) async fn part(
    state: State<App>,
    Path((number, name)): Path<(String, String)>,
    Query(query): Query,
    visit: Visit,
) -> Shown {
    let found = find(&state, &visit, &number).await.and_then(|shown| {
        word(&query, "lang", &["zh", "en"])?;
        shown.page.record.ok_or_else(|| match shown.page.state.as_str() {
            "failed" => Refusal::new(Why::NotFound, "这次取证没有记录", "this capture has no record"),
            _ => Refusal::new(Why::Conflict, "取证还没有结束", "the capture has not ended yet"),
        })
    });
    let record = Path(found.map_err(IntoAnswer::into_answer)?);
    match name.as_str() {
        "certificate.pdf" => deposit::certificate(state, record, Query(query), visit).await,
        "package.zip" => deposit::package(state, record, Query(query), visit).await,
        "capture.wacz" => {
            let mut response = deposit::original(state, record, visit).await?;
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/wacz"));
            Ok(response)
        }
        _ => Err(Refusal::new(Why::NotFound, "没有这个文件", "there is no such file").into_answer()),
    }
}
