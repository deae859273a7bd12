//! Licences: made, listed, shown, ended, and links by which a licensee confirms. The rules are those of the pages, which ask the same
//! of `service`.

use super::{
    answer, broken,
    describe::{Content, Operation, Parameter, Sent, Values},
    json_body, key, may, no_json, number, once,
    shape::{Kind, Member, Need, Read, Shape, member},
    word,
};
use crate::{
    app::App,
    enter::IntoAnswer,
    flat,
    pages::{Shown, deposit, licence_form::record},
    visit::{Query, Visit},
};
use axum::{
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use evidence::{
    digest,
    json::{MAX_INTEGER, Value, json},
};
use service::{Answer, Folder, Licence, LicenceLine, MAX_LICENSED, MAX_URLS, Permission, Refusal, Why};
use std::{collections::BTreeMap, sync::Arc};

/// Longest JSON body, in bytes.
const MAX_JSON: usize = 256 << 10;
/// Licences of one page of the list.
const PAGE: usize = 50;
/// Most records that one call names; more than [`MAX_LICENSED`] become a collection.
const MAX_PICTURES: usize = 1000;
const MAX_TEXT: usize = evidence::statement::MAX_TEXT;
const STATES: &[&str] = &["coming", "valid", "over", "ended"];

const TERMS: &[Member] = &[
    member("title", Kind::Text(MAX_TEXT), Need::Maybe, "许可的名称", "what the parties call it"),
    member("code", Kind::Text(MAX_TEXT), Need::Maybe, "被许可方的统一社会信用代码", "the licensee's code"),
    member("shop", Kind::Text(MAX_TEXT), Need::Maybe, "被许可方的店铺", "the licensee's shop, in words"),
    member(
        "urls",
        Kind::Texts(0, MAX_URLS),
        Need::Maybe,
        "网址范围，如 https://shop.example/c/*",
        "URL patterns, such as https://shop.example/c/*",
    ),
    member(
        "until",
        Kind::Text(40),
        Need::Maybe,
        "最后一天（UTC+8），2026-12-31；不填为未写明",
        "last day (UTC+8), 2026-12-31; none where no end is stated",
    ),
    member("scope", Kind::Text(MAX_TEXT), Need::Maybe, "许可的用途", "what use, in words"),
];
const ASKED: Shape = Shape {
    name: "NewLicence",
    members: &[
        &[
            member("licensee", Kind::Text(MAX_TEXT), Need::Always, "被许可方", "who may use the pictures"),
            member(
                "pictures",
                Kind::Texts(1, MAX_PICTURES),
                Need::Always,
                "图片、文件、摘要或合集的记录编号；超过 16 个先做成合集",
                "record numbers of pictures, files, digests or collections; more than 16 are put into a collection first",
            ),
            member(
                "from",
                Kind::Text(40),
                Need::Maybe,
                "第一天（UTC+8）；不填为今天",
                "first day (UTC+8); today where none is given",
            ),
        ],
        TERMS,
    ],
};
const LICENCE: Shape = Shape {
    name: "Licence",
    members: &[&[
        member("id", Kind::Text(64), Need::Always, "记录编号", "record number"),
        member("title", Kind::Text(MAX_TEXT), Need::OrNull, "许可的名称", "what the parties call it"),
        member("licensee", Kind::Text(MAX_TEXT), Need::OrNull, "被许可方", "who may use the pictures"),
        member("code", Kind::Text(MAX_TEXT), Need::OrNull, "被许可方的代码", "the licensee's code"),
        member("shop", Kind::Text(MAX_TEXT), Need::OrNull, "被许可方的店铺", "the licensee's shop"),
        member("urls", Kind::Texts(0, MAX_URLS), Need::Always, "网址范围", "URL patterns"),
        member("from", Kind::Text(40), Need::OrNull, "第一天（UTC+8）", "first day (UTC+8)"),
        member(
            "until",
            Kind::Text(40),
            Need::OrNull,
            "最后一天（UTC+8）；未写明则无",
            "last day (UTC+8); none where no end is stated",
        ),
        member("scope", Kind::Text(MAX_TEXT), Need::OrNull, "许可的用途", "what use"),
        member(
            "pictures",
            Kind::Texts(0, MAX_LICENSED),
            Need::Always,
            "所许可的记录编号",
            "record numbers of what is licensed",
        ),
        member(
            "state",
            Kind::Word(STATES),
            Need::Always,
            "今天如何：尚未开始、有效、已过最后一天、已终止",
            "how it stands today: not yet, valid, past its last day, ended by its licensor",
        ),
        member("ended", Kind::Text(40), Need::OrNull, "自哪一天起不再有效", "first day on which it holds no more"),
        member("ended_by", Kind::Text(64), Need::OrNull, "终止记录的编号", "number of the record that ended it"),
        member("reason", Kind::Text(MAX_TEXT), Need::OrNull, "终止的原因", "why it ended"),
        member(
            "confirmed",
            Kind::Time,
            Need::OrNull,
            "何时确认，按平台时钟",
            "when it was confirmed, by the platform's clock",
        ),
        member(
            "confirmed_by",
            Kind::Text(MAX_TEXT),
            Need::OrNull,
            "确认人自填的名称，未经核对",
            "the name that was typed in and not checked",
        ),
        member(
            "confirmation",
            Kind::Text(64),
            Need::OrNull,
            "确认记录的编号",
            "number of the record of the confirmation",
        ),
        member(
            "status",
            Kind::Word(&["new", "existing", "pending"]),
            Need::Always,
            "new 新记录并已封存，existing 此前已有，pending 已记录、等待封存",
            "new and sealed, existing before, pending: recorded and not sealed yet",
        ),
        member("index", Kind::Whole(0, MAX_INTEGER.unsigned_abs()), Need::OrNull, "账本中的序号", "leaf index"),
        member("record_sha256", Kind::Digest, Need::OrNull, "record.json 的 SHA-256", "SHA-256 of record.json"),
    ]],
};
const LICENCES: Shape = Shape {
    name: "Licences",
    members: &[&[
        member("licences", Kind::List(&LICENCE, PAGE), Need::Always, "一页许可，新的在前", "a page, newest first"),
        member("total", Kind::Whole(0, u64::MAX), Need::Always, "总数", "how many in all"),
        member("page", Kind::Whole(1, u64::MAX), Need::Always, "第几页", "which page"),
        member("pages", Kind::Whole(1, u64::MAX), Need::Always, "共几页", "how many pages"),
    ]],
};
const ENDING: Shape = Shape {
    name: "NewRevocation",
    members: &[&[
        member(
            "from",
            Kind::Text(40),
            Need::Maybe,
            "自哪一天起不再有效（UTC+8）；不填为今天",
            "first day on which it holds no more (UTC+8); today where none is given",
        ),
        member("reason", Kind::Text(MAX_TEXT), Need::Maybe, "原因", "why"),
    ]],
};
const LINKING: Shape = Shape {
    name: "NewLicenceLink",
    members: &[&[member(
        "until",
        Kind::Text(40),
        Need::Always,
        "链接有效到哪一天结束（UTC+8），至多 90 天",
        "the link is good until the end of this day (UTC+8), 90 days at most",
    )]],
};
const LINKED: Shape = Shape {
    name: "LicenceLink",
    members: &[&[
        member(
            "url",
            Kind::Text(4096),
            Need::Always,
            "发给被许可方的网址，只在此给出一次",
            "the address to send to the licensee, told this once",
        ),
        member("until", Kind::Text(40), Need::Always, "有效到这一天结束", "good until the end of this day"),
    ]],
};

pub(crate) const LIST: Operation = Operation {
    method: "get",
    path: "/api/v1/licences",
    scope: Some("licences"),
    id: "listLicences",
    zh: "许可，新的在前，一页 50 份",
    en: "Licences, newest first, 50 to a page",
    query: &[
        Parameter {
            name: "state",
            kind: Values::Words(STATES),
            zh: "只要今天如此的",
            en: "only those that stand so today",
        },
        Parameter { name: "page", kind: Values::Number, zh: "第几页", en: "which page" },
    ],
    key: false,
    bodies: &[],
    answers: &[(200, &[Content::Json(&LICENCES)])],
    refusals: &[422],
    curl: "",
    example: "/api/v1/licences?state=valid",
};
pub(crate) const CREATE: Operation = Operation {
    method: "post",
    path: "/api/v1/licences",
    scope: Some("licences"),
    id: "createLicence",
    zh: "记录一份许可；不计额度，不要求版本有效。201 新记录；200 同样的许可已在生效或尚未开始",
    en: "Records a licence; it costs nothing from the quota. 201: new; 200: the same one stands already",
    query: &[],
    key: true,
    bodies: &[Sent::Json(&ASKED)],
    answers: &[(201, &[Content::Json(&LICENCE)]), (200, &[Content::Json(&LICENCE)])],
    refusals: &[409, 413, 415, 422],
    curl: "-H \"Content-Type: application/json\" -d '{\"licensee\":\"丙店\",\"pictures\":[\"'$ID'\"],\"urls\":[\"https://shop.example/c/*\"],\"until\":\"2026-12-31\"}'",
    example: "",
};
pub(crate) const SHOW: Operation = Operation {
    method: "get",
    path: "/api/v1/licences/{id}",
    scope: Some("licences"),
    id: "showLicence",
    zh: "一份许可，以及今天如何",
    en: "One licence, as it stands today",
    query: &[],
    key: false,
    bodies: &[],
    answers: &[(200, &[Content::Json(&LICENCE)])],
    refusals: &[404],
    curl: "",
    example: "/api/v1/licences/$LICENCE",
};
pub(crate) const PART: Operation = Operation {
    method: "get",
    path: "/api/v1/licences/{id}/{name}",
    scope: Some("read"),
    id: "downloadLicence",
    zh: "certificate.pdf 许可证书，package.zip 证据包，内有所许可登记的记录。终止和确认各有证书，按其编号从 /api/v1/deposits/{id} 下载",
    en: "certificate.pdf, package.zip: with the records of what is licensed. An end and a confirmation have certificates of their own, under /api/v1/deposits/{id} by their numbers",
    query: &[Parameter {
        name: "lang",
        kind: Values::Words(&["zh", "en"]),
        zh: "证书的语言",
        en: "language of the certificate",
    }],
    key: false,
    bodies: &[],
    answers: &[(200, &[Content::File("application/pdf"), Content::File("application/zip")])],
    refusals: &[404, 409, 422],
    curl: "-o licence.pdf",
    example: "/api/v1/licences/$LICENCE/certificate.pdf?lang=zh",
};
pub(crate) const END: Operation = Operation {
    method: "post",
    path: "/api/v1/licences/{id}/revocation",
    scope: Some("licences"),
    id: "endLicence",
    zh: "终止一份许可：另一条记录，不能收回；许可本身的记录不变。被许可方不会自动得知",
    en: "Ends a licence: another record, which cannot be taken back; the licence's own stays as it is. The licensee is not notified",
    query: &[],
    key: true,
    bodies: &[Sent::Json(&ENDING)],
    answers: &[(201, &[Content::Json(&LICENCE)])],
    refusals: &[404, 409, 413, 415, 422],
    curl: "-H \"Content-Type: application/json\" -d '{\"reason\":\"合同解除\"}'",
    example: "/api/v1/licences/$LICENCE/revocation",
};
pub(crate) const LINK: Operation = Operation {
    method: "post",
    path: "/api/v1/licences/{id}/links",
    scope: Some("licences"),
    id: "linkLicence",
    zh: "做一个链接，被许可方凭它查看条款并确认，无需账户。此处不收 Idempotency-Key：链接不留存，再次请求就是另一个链接",
    en: "Makes a link by which a licensee sees the terms and confirms them, without an account. No Idempotency-Key is taken here: the link is kept nowhere, and a second call makes another",
    query: &[],
    key: false,
    bodies: &[Sent::Json(&LINKING)],
    answers: &[(201, &[Content::Json(&LINKED)])],
    refusals: &[404, 409, 413, 415, 422],
    curl: "-H \"Content-Type: application/json\" -d '{\"until\":\"2026-12-31\"}'",
    example: "/api/v1/licences/$LICENCE/links",
};

/// [`LIST`].
pub(crate) async fn list(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    listed(&app, &query, &visit).await.map_err(IntoAnswer::into_answer)
}

async fn listed(app: &App, query: &BTreeMap<String, String>, visit: &Visit) -> Answer<Response> {
    may(app, visit, Permission::Licences).await?;
    let state = word(query, "state", STATES)?;
    let page = number(query, "page")?.unwrap_or(1);
    let actor = visit.actor.clone();
    let mut lines = app.ask(move |folder| folder.licences_of(&actor)).await?;
    lines.retain(|line| state.is_none_or(|state| line.state == state));
    let pages = lines.len().div_ceil(PAGE).max(1);
    let at = usize::try_from(page).unwrap_or(usize::MAX).min(pages);
    let licences: Vec<Value> = lines.iter().skip((at - 1) * PAGE).take(PAGE).map(line_json).collect();
    Ok(answer(
        StatusCode::OK,
        &LICENCES,
        &json!({"licences": licences, "total": lines.len(), "page": at, "pages": pages}),
    ))
}

/// [`CREATE`].
pub(crate) async fn create(State(app): State<App>, visit: Visit, headers: HeaderMap, request: Request) -> Shown {
    created(&app, &visit, &headers, request).await.map_err(IntoAnswer::into_answer)
}

async fn created(app: &App, visit: &Visit, headers: &HeaderMap, request: Request) -> Answer<Response> {
    may(app, visit, Permission::Licences).await?;
    let body = json_body(request, MAX_JSON).await?;
    let flat = flat::parse(&body).map_err(|e| no_json(&e))?;
    let licence = terms(&ASKED.read(&flat)?);
    let (key, caller) = (key(headers), visit.clone());
    let asked = digest::sha256(format!("licence {licence:?}").as_bytes());
    let run = move |folder: &Arc<Folder>, licence: &Licence| {
        once(folder, &caller, Permission::Licences, key.as_deref(), &asked, || {
            let (id, new) = folder.license(&caller.actor, licence, None)?;
            let line = folder.licence_of(&caller.actor, &id)?.line;
            Ok(told(&line, if new { "new" } else { "existing" }).to_string())
        })
    };
    let said = record(app, visit, licence, None, run).await?;
    let (said, value) = soon(app, visit, said).await?;
    // Also where its seal is still to come.
    let status = if said == "existing" { StatusCode::OK } else { StatusCode::CREATED };
    Ok(answer(status, &LICENCE, &value))
}

fn terms(read: &Read<'_>) -> Licence {
    Licence {
        title: read.text("title"),
        licensee: read.text("licensee").unwrap_or_default(),
        code: read.text("code"),
        shop: read.text("shop"),
        urls: read.texts("urls"),
        from: read.text("from"),
        until: read.text("until"),
        scope: read.text("scope"),
        pictures: read.texts("pictures"),
    }
}

/// [`SHOW`].
pub(crate) async fn show(State(app): State<App>, Path(id): Path<String>, visit: Visit) -> Shown {
    let shown = app.ask(move |folder| folder.licence_of(&visit.actor, &id)).await.map_err(IntoAnswer::into_answer)?;
    let status = if shown.sealed { "existing" } else { "pending" };
    Ok(answer(StatusCode::OK, &LICENCE, &told(&shown.line, status)))
}

/// [`PART`].
pub(crate) async fn part(
    state: State<App>,
    Path((id, name)): Path<(String, String)>,
    Query(query): Query,
    visit: Visit,
) -> Shown {
    let (actor, wanted) = (visit.actor.clone(), id.clone());
    let found = state.ask(move |folder| folder.licence_to_download(&actor, &wanted)).await;
    let words = found.and_then(|()| word(&query, "lang", &["zh", "en"]));
    words.map_err(IntoAnswer::into_answer)?;
    // The court's copy is for whoever may download at all: it is under `deposits`.
    let query = query.iter().filter(|(name, _)| *name == "lang").map(|(n, v)| (n.clone(), v.clone()));
    let query = Query(query.collect());
    match name.as_str() {
        "certificate.pdf" => deposit::certificate(state, Path(id), query, visit).await,
        "package.zip" => deposit::package(state, Path(id), query, visit).await,
        _ => Err(Refusal::new(Why::NotFound, "没有这个文件", "there is no such file").into_answer()),
    }
}

/// [`END`].
pub(crate) async fn end(
    State(app): State<App>,
    Path(id): Path<String>,
    visit: Visit,
    headers: HeaderMap,
    request: Request,
) -> Shown {
    ended(&app, id, &visit, &headers, request).await.map_err(IntoAnswer::into_answer)
}

async fn ended(app: &App, id: String, visit: &Visit, headers: &HeaderMap, request: Request) -> Answer<Response> {
    may(app, visit, Permission::Licences).await?;
    let body = json_body(request, MAX_JSON).await?;
    let flat = flat::parse(&body).map_err(|e| no_json(&e))?;
    let read = ENDING.read(&flat)?;
    let (from, reason) = (read.text("from"), read.text("reason"));
    let (key, caller) = (key(headers), visit.clone());
    let asked = digest::sha256(json!(["revocation", id, from, reason]).to_string().as_bytes());
    let run = move |folder: &Arc<Folder>| {
        once(folder, &caller, Permission::Licences, key.as_deref(), &asked, || {
            folder.end_licence_of(&caller.actor, &id, from.as_deref(), reason.as_deref())?;
            Ok(told(&folder.licence_of(&caller.actor, &id)?.line, "new").to_string())
        })
    };
    let (_, value) = soon(app, visit, app.ask(run).await?).await?;
    Ok(answer(StatusCode::CREATED, &LICENCE, &value))
}

/// [`LINK`].
pub(crate) async fn link(State(app): State<App>, Path(id): Path<String>, visit: Visit, request: Request) -> Shown {
    linked(&app, id, &visit, request).await.map_err(IntoAnswer::into_answer)
}

async fn linked(app: &App, id: String, visit: &Visit, request: Request) -> Answer<Response> {
    may(app, visit, Permission::Licences).await?;
    let body = json_body(request, MAX_JSON).await?;
    let flat = flat::parse(&body).map_err(|e| no_json(&e))?;
    let until = LINKING.read(&flat)?.text("until").unwrap_or_default();
    let (actor, day) = (visit.actor.clone(), until.clone());
    let token = app.ask(move |folder| folder.link_licence(&actor, &id, &day)).await?;
    let url = format!("{}/confirm/{token}", visit.home);
    Ok(answer(StatusCode::CREATED, &LINKED, &json!({"url": url, "until": until.trim()})))
}

/// The keys of the command line's `licence --json`.
fn line_json(line: &LicenceLine) -> Value {
    let mut value = serde_json::to_value(line).unwrap_or_default();
    // A failure is an answer of its own here.
    if let Some(object) = value.as_object_mut() {
        object.remove("error");
    }
    value
}

fn told(line: &LicenceLine, status: &str) -> Value {
    let mut value = line_json(line);
    value["status"] = status.into();
    value
}

/// What was recorded, `new` or `existing`, and how it is after a moment in which it may get its seal. Asked again it is
/// the same answer, whatever became of the licence meanwhile.
async fn soon(app: &App, visit: &Visit, said: String) -> Answer<(String, Value)> {
    let mut value: Value = serde_json::from_str(&said).map_err(|_| broken())?;
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let (actor, id, said) = (visit.actor.clone(), text("id"), text("status"));
    let sealed = said.clone();
    let line = app.ask(move |folder| folder.licence_soon(&actor, &id, &sealed)).await?;
    value["status"] = line.status.into();
    (value["index"], value["record_sha256"]) = (json!(line.index), json!(line.record_sha256));
    Ok((said, value))
}
