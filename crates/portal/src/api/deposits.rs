//! Deposits: by file or by digests, one or many, and everything that a record gives.

use super::{
    answer, broken,
    describe::{Content, Operation, Parameter, Sent, Values},
    json_body, key, may, media_type, no_json, number, once, other_type,
    shape::{Kind, Member, Need, Read, Shape, member},
    upload, word,
};
use crate::{
    app::App,
    enter::IntoAnswer,
    flat::{self, Flat},
    pages::{Shown, deposit},
    visit::{Query, Visit},
};
use axum::{
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use evidence::{
    digest::{self, FileDigests},
    hex,
    json::{MAX_INTEGER, Value, json},
    statement::RIGHTS,
};
use service::{Answer, Declared, DepositLine, Permission, Rights, SHELF_PAGE, Search, Staged};
use std::{collections::BTreeMap, time::Duration};

/// Longest JSON body of one deposit, in bytes.
const MAX_JSON: usize = 64 << 10;
/// How long `?wait=proof` waits.
const PROOF: Duration = Duration::from_secs(30);
const MAX_TEXT: usize = evidence::statement::MAX_TEXT;
const KINDS: &[&str] = &["image", "file", "digest", "capture", "comparison", "waiting"];

const CLAIMED: &[Member] = &[
    member("title", Kind::Text(MAX_TEXT), Need::Maybe, "作品名称", "title of the work"),
    member("author", Kind::Text(MAX_TEXT), Need::Maybe, "作者", "author"),
    member(
        "work_origin",
        Kind::Word(&["self", "employee", "commissioned", "assigned", "supplier", "buyer", "generated"]),
        Need::Maybe,
        "作品来源",
        "how the owner came by the work",
    ),
    member("basis", Kind::Text(MAX_TEXT), Need::Maybe, "权利依据", "basis of the right"),
    member("completed_at", Kind::Text(40), Need::Maybe, "完成日期，2026-11-24", "date of completion, 2026-11-24"),
    member("completed_place", Kind::Text(MAX_TEXT), Need::Maybe, "完成地点", "place of completion"),
    member("published_at", Kind::Text(40), Need::Maybe, "首次发表日期", "date of first publication"),
    member("published_place", Kind::Text(MAX_TEXT), Need::Maybe, "首次发表地点", "place of first publication"),
    member("published_url", Kind::Text(MAX_TEXT), Need::Maybe, "首次发表网址", "address of first publication"),
];
const TOLD: &[Member] = &[
    member("sha256", Kind::Digest, Need::Always, "文件的 SHA-256", "SHA-256 of the file"),
    member("sm3", Kind::Digest, Need::Always, "文件的 SM3", "SM3 of the file"),
    member("size", Kind::Whole(1, MAX_INTEGER.unsigned_abs()), Need::Always, "文件的字节数", "bytes of the file"),
    member("media_type", Kind::Text(100), Need::Always, "媒体类型，image/jpeg", "its media type, image/jpeg"),
    member("file_name", Kind::Text(1000), Need::Maybe, "文件名", "its name"),
];
pub(super) const LINE: &[Member] = &[
    member("id", Kind::Text(64), Need::OrNull, "记录编号", "record number"),
    member("file", Kind::Text(MAX_TEXT), Need::Always, "文件名", "name of the file"),
    member("sha256", Kind::Digest, Need::OrNull, "文件的 SHA-256", "SHA-256 of the file"),
    member("sm3", Kind::Digest, Need::OrNull, "文件的 SM3", "SM3 of the file"),
    member(
        "status",
        Kind::Word(&["new", "existing", "pending", "failed", "erased"]),
        Need::Always,
        "new 新登记并已封存，existing 此前已登记，pending 已登记、等待封存，failed 未登记，erased 已删除（只见于 /records）",
        "new and sealed, existing before, pending: recorded and not sealed yet, failed: not recorded; erased (of /records alone)",
    ),
    member("index", Kind::Whole(0, MAX_INTEGER.unsigned_abs()), Need::OrNull, "账本中的序号", "leaf index"),
    member("record_sha256", Kind::Digest, Need::OrNull, "record.json 的 SHA-256", "SHA-256 of record.json"),
    member("error", Kind::Text(MAX_TEXT), Need::OrNull, "未登记的原因，中文 / 英文", "why not, Chinese / English"),
];
const KIND: Member = member(
    "kind",
    Kind::Word(&[
        "image",
        "file",
        "digest",
        "capture",
        "comparison",
        "collection",
        "rights",
        "order",
        "attestation",
        "licence",
        "revocation",
        "confirmation",
    ]),
    Need::Always,
    "记录的种类",
    "kind of the record",
);
const RECEIVED: Member =
    member("received_at", Kind::Time, Need::Always, "平台收到的时间", "when the platform received it");

/// What is told of a file that stays where it is.
pub(super) const NEW_DIGESTS: Shape = Shape { name: "NewDigests", members: &[TOLD, CLAIMED] };
/// Claims beside a file.
pub(crate) const CLAIMS: Shape = Shape { name: "Claims", members: &[CLAIMED] };
/// The same of an upload, with the records that it names as attachments.
pub(crate) const ATTACHING: Shape = Shape { name: "AttachingClaims", members: &[CLAIMED, ATTACHED] };
const ATTACHED: &[Member] =
    &[member("attachments", Kind::Texts(0, 10), Need::Maybe, "附件的记录编号", "numbers of its attachments' records")];
/// A deposit's line: the keys of `quezao deposit --json`.
const DEPOSIT: Shape = Shape { name: "Deposit", members: &[LINE] };
const LISTED: Shape = Shape {
    name: "ListedDeposit",
    members: &[
        LINE,
        &[KIND, member("title", Kind::Text(MAX_TEXT), Need::Always, "名称", "title, else name"), RECEIVED],
    ],
};
const LIST_ANSWER: Shape = Shape {
    name: "Deposits",
    members: &[&[
        member(
            "deposits",
            Kind::List(&LISTED, SHELF_PAGE as usize),
            Need::Always,
            "一页记录，新的在前",
            "a page, newest first",
        ),
        member("total", Kind::Whole(0, u64::MAX), Need::Always, "总数", "how many in all"),
        member("page", Kind::Whole(1, u64::MAX), Need::Always, "第几页", "which page"),
        member("pages", Kind::Whole(1, u64::MAX), Need::Always, "共几页", "how many pages"),
    ]],
};
const SHOW_ANSWER: Shape = Shape {
    name: "ShownDeposit",
    members: &[
        LINE,
        &[
            KIND,
            RECEIVED,
            member(
                "size",
                Kind::Whole(0, MAX_INTEGER.unsigned_abs()),
                Need::OrNull,
                "文件的字节数",
                "bytes of the file",
            ),
            member("held", Kind::Flag, Need::Always, "原件是否保存在此", "whether the file is kept here"),
            member("claims", Kind::Free, Need::Always, "全部声明", "every claim"),
            member(
                "verdict",
                Kind::Object(&super::verifications::VERDICT),
                Need::OrNull,
                "刚刚作出的核验",
                "a verdict made just now",
            ),
        ],
    ],
};

pub(super) const WAIT: Parameter = Parameter {
    name: "wait",
    kind: Values::Words(&["proof"]),
    zh: "proof：等到封存再答复，最多 30 秒；到时未封存则为 pending",
    en: "proof: answers when the record is sealed, after 30 s at most; then it is pending",
};

pub(crate) const CREATE: Operation = Operation {
    method: "post",
    path: "/api/v1/deposits",
    scope: Some("deposit"),
    id: "createDeposit",
    zh: "登记一个文件，或只登记它的摘要。201 新登记，200 此前已登记。答复时已确认；证书要等封存",
    en: "Registers a file, or its digests alone. 201: new; 200: registered before. Acknowledged when answered; the certificate comes with the seal",
    query: &[WAIT],
    key: true,
    bodies: &[Sent::Json(&NEW_DIGESTS), Sent::Multipart(&[("file", true, false)], Some(&CLAIMS))],
    answers: &[(201, &[Content::Json(&DEPOSIT)]), (200, &[Content::Json(&DEPOSIT)])],
    refusals: &[409, 413, 415, 422],
    curl: "-H \"Idempotency-Key: order-1\" -F title=海报 -F file=@poster.jpg",
    example: "/api/v1/deposits?wait=proof",
};

pub(crate) const LIST: Operation = Operation {
    method: "get",
    path: "/api/v1/deposits",
    scope: Some("read"),
    id: "listDeposits",
    zh: "资料库的一页",
    en: "A page of the library",
    query: &[
        Parameter {
            name: "q", kind: Values::Text, zh: "名称、编号、摘要或日期", en: "title, number, digest or day"
        },
        Parameter {
            name: "kind",
            kind: Values::Words(KINDS),
            zh: "种类；waiting 为尚未封存",
            en: "kind; waiting is what no seal covers yet",
        },
        Parameter { name: "page", kind: Values::Number, zh: "第几页", en: "which page" },
    ],
    key: false,
    bodies: &[],
    answers: &[(200, &[Content::Json(&LIST_ANSWER)])],
    refusals: &[422],
    curl: "",
    example: "/api/v1/deposits?kind=image&page=1",
};

pub(crate) const SHOW: Operation = Operation {
    method: "get",
    path: "/api/v1/deposits/{id}",
    scope: Some("read"),
    id: "showDeposit",
    zh: "一条记录：声明，以及刚刚作出的核验",
    en: "One record: its claims, and a verdict made just now",
    query: &[],
    key: false,
    bodies: &[],
    answers: &[(200, &[Content::Json(&SHOW_ANSWER)])],
    refusals: &[404, 409],
    curl: "",
    example: "/api/v1/deposits/$ID",
};

pub(crate) const PART: Operation = Operation {
    method: "get",
    path: "/api/v1/deposits/{id}/{name}",
    scope: Some("read"),
    id: "downloadDeposit",
    zh: "certificate.pdf 证书，package.zip 证据包，original 原件，以及证据包中的各个文件：record.json、timestamp-1.tsr、proof.tlog-proof、checkpoint.tsr 等",
    en: "certificate.pdf, package.zip, original, and the package's files by their names: record.json, timestamp-1.tsr, proof.tlog-proof, checkpoint.tsr and so on",
    query: &[
        Parameter {
            name: "lang",
            kind: Values::Words(&["zh", "en"]),
            zh: "证书的语言",
            en: "language of the certificate",
        },
        Parameter {
            name: "disclose",
            kind: Values::Words(&["printed", "full"]),
            zh: "full：package.zip 为法院副本",
            en: "full: package.zip is the court's copy",
        },
    ],
    key: false,
    bodies: &[],
    answers: &[(
        200,
        &[
            Content::File("application/pdf"),
            Content::File("application/zip"),
            Content::File("application/octet-stream"),
        ],
    )],
    refusals: &[404, 409, 422],
    curl: "-o certificate.pdf",
    example: "/api/v1/deposits/$ID/certificate.pdf?lang=zh",
};

/// [`CREATE`].
pub(crate) async fn create(
    State(app): State<App>,
    Query(query): Query,
    visit: Visit,
    headers: HeaderMap,
    request: Request,
) -> Shown {
    created(&app, &query, &visit, &headers, request).await.map_err(IntoAnswer::into_answer)
}

async fn created(
    app: &App,
    query: &BTreeMap<String, String>,
    visit: &Visit,
    headers: &HeaderMap,
    request: Request,
) -> Answer<Response> {
    may(app, visit, Permission::Deposit).await?;
    let wait = word(query, "wait", &["proof"])?.is_some();
    let wish = match media_type(headers) {
        "multipart/form-data" => {
            let (file, rights) = upload::deposit(app, visit, request, &CLAIMS).await?;
            Wish::File(file, rights)
        }
        "application/json" => {
            let body = json_body(request, MAX_JSON).await?;
            let (told, rights) = declared(&flat::parse(&body).map_err(|e| no_json(&e))?)?;
            Wish::Digests(told, rights)
        }
        _ => return Err(other_type("multipart/form-data, application/json")),
    };
    let (key, caller) = (key(headers), visit.clone());
    // Digests are light: as many at once as come, so that they share their writes.
    let light = matches!(wish, Wish::Digests(..));
    let run = move |folder: &std::sync::Arc<service::Folder>| {
        let request = wish.digest();
        let line = once(folder, &caller, Permission::Deposit, key.as_deref(), &request, || {
            let line = match wish {
                Wish::File(file, rights) => folder.register(&caller.actor, file, &rights)?,
                Wish::Digests(told, rights) => {
                    let line = folder.declare_all(&caller.actor, vec![Ok((told, rights))])?.pop();
                    line.ok_or_else(|| no_json("empty"))??
                }
            };
            Ok(line_json(&line).to_string())
        })?;
        serde_json::from_str::<Value>(&line).map_err(|_| broken())
    };
    let mut line = if light { app.ask(run).await? } else { app.work(run).await? };
    if !light && !wait {
        line = with(line.clone(), &app.soon_sealed(line_of(&line)).await?);
    }
    let status = if line["status"] == "existing" { StatusCode::OK } else { StatusCode::CREATED };
    if wait {
        line = sealed(app, vec![line]).await?.pop().unwrap_or_default();
    }
    Ok(answer(status, &DEPOSIT, &line))
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

/// Waits for the seal over all of these, and says how they stand then; where too many wait, how they stand now.
pub(super) async fn sealed(app: &App, lines: Vec<Value>) -> Answer<Vec<Value>> {
    let place = app.waiting();
    app.ask(move |folder| {
        let wait = if place.is_some() { PROOF } else { Duration::ZERO };
        let mut lines = lines;
        let known: Vec<(usize, DepositLine)> = lines
            .iter()
            .enumerate()
            .filter(|(_, line)| line["status"] != "failed")
            .map(|(n, line)| (n, line_of(line)))
            .collect();
        let (places, known): (Vec<usize>, Vec<DepositLine>) = known.into_iter().unzip();
        for (n, line) in places.into_iter().zip(folder.until_sealed(known, wait)?) {
            lines[n] = with(lines[n].take(), &line);
        }
        Ok(lines)
    })
    .await
}

/// The keys of the command line's `deposit --json`.
pub(super) fn line_json(line: &DepositLine) -> Value {
    serde_json::to_value(line).unwrap_or_default()
}

/// What was said of a line, as it stands now.
fn with(mut said: Value, line: &DepositLine) -> Value {
    for (name, value) in line_json(line).as_object().into_iter().flatten() {
        said[name] = value.clone();
    }
    said
}

/// As much of a line as waiting for its seal needs.
fn line_of(value: &Value) -> DepositLine {
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    DepositLine {
        id: text("id"),
        file: text("file").unwrap_or_default(),
        sha256: text("sha256"),
        sm3: text("sm3"),
        status: text("status").unwrap_or_default(),
        index: value["index"].as_u64(),
        record_sha256: text("record_sha256"),
        ..DepositLine::default()
    }
}

/// One object of told digests.
pub(super) fn declared(object: &Flat) -> Answer<(Declared, Rights)> {
    let read = NEW_DIGESTS.read(object)?;
    let digests = FileDigests { sha256: read.digest("sha256"), sm3: read.digest("sm3"), size: read.whole("size") };
    let media_type = read.text("media_type").unwrap_or_default();
    let file_name = read.text("file_name");
    Ok((Declared { digests, media_type, file_name, attachments: Vec::new() }, rights(&read)))
}

fn rights(read: &Read<'_>) -> Rights {
    let claims = RIGHTS.iter().filter_map(|name| Some(((*name).to_owned(), read.text(name)?)));
    Rights { claims: claims.collect() }
}

/// [`LIST`].
pub(crate) async fn list(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    listed(&app, &query, visit).await.map_err(IntoAnswer::into_answer)
}

async fn listed(app: &App, query: &BTreeMap<String, String>, visit: Visit) -> Answer<Response> {
    may(app, &visit, Permission::View).await?;
    let kind = word(query, "kind", KINDS)?.unwrap_or_default().to_owned();
    let page = number(query, "page")?.unwrap_or(1);
    let text = query.get("q").cloned().unwrap_or_default();
    let search = Search { text, kind, page, ..Search::default() };
    let (shelf, lines) = app.ask(move |folder| folder.library_lines(&visit.actor, &search)).await?;
    let items = shelf.items.iter().zip(&lines).map(|(item, line)| {
        let mut value = line_json(line);
        value["kind"] = json!(item.kind);
        value["title"] = json!(item.title);
        value["received_at"] = json!(item.received_at.to_micros());
        value
    });
    let items: Vec<Value> = items.collect();
    let value = json!({"deposits": items, "total": shelf.total, "page": shelf.page, "pages": shelf.pages});
    Ok(answer(StatusCode::OK, &LIST_ANSWER, &value))
}

/// [`SHOW`].
pub(crate) async fn show(State(app): State<App>, Path(id): Path<String>, visit: Visit) -> Shown {
    let record = app.work(move |folder| folder.shown(&visit.actor, &id)).await.map_err(IntoAnswer::into_answer)?;
    let sealed = record.verdict.as_ref().is_some_and(|v| v.facts.t2.is_some());
    let value = json!({
        "id": record.id, "kind": record.kind, "file": record.file_name, "received_at": record.received_at.to_micros(),
        "size": record.size, "sha256": record.sha256, "sm3": record.sm3, "index": record.index,
        "record_sha256": record.record_sha256, "status": if sealed { "existing" } else { "pending" },
        "held": record.held, "claims": record.claims, "verdict": record.verdict, "error": null,
    });
    Ok(answer(StatusCode::OK, &SHOW_ANSWER, &value))
}

/// [`PART`].
pub(crate) async fn part(
    state: State<App>,
    Path((id, name)): Path<(String, String)>,
    Query(query): Query,
    visit: Visit,
) -> Shown {
    let words = word(&query, "lang", &["zh", "en"]).and_then(|_| word(&query, "disclose", &["printed", "full"]));
    words.map_err(IntoAnswer::into_answer)?;
    let query = Query(query);
    match name.as_str() {
        "certificate.pdf" => deposit::certificate(state, Path(id), query, visit).await,
        "package.zip" => deposit::package(state, Path(id), query, visit).await,
        "original" => deposit::original(state, Path(id), visit).await,
        _ => deposit::part(state, Path((id, name)), visit).await,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use evidence::statement::ClaimType;

    #[test]
    fn claims_are_those_of_a_statement() {
        let names: Vec<&str> = CLAIMED.iter().map(|m| m.name).collect();
        assert_eq!(names, RIGHTS);
        for claim in CLAIMED {
            match (&claim.kind, ClaimType::of(claim.name)) {
                (Kind::Word(words), ClaimType::Word(known)) => assert_eq!(*words, known, "{}", claim.name),
                (Kind::Text(most), ClaimType::Text) => assert_eq!(*most, MAX_TEXT, "{}", claim.name),
                (Kind::Text(_), ClaimType::Date) => {}
                _ => panic!("{}", claim.name),
            }
        }
    }
}
