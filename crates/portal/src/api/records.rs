//! Records as the command line lists and shows them: `quezao list` and `show` through a server.

use super::{
    answer,
    deposits::LINE,
    describe::{Content, Operation, Parameter, Values},
    number,
    shape::{Kind, Member, Need, Shape, member},
};
use crate::{
    app::App,
    enter::IntoAnswer,
    pages::Shown,
    visit::{Query, Visit},
};
use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use evidence::json::{MAX_INTEGER, Value, json};
use service::{DepositLine, MAX_LISTED};

const SIZE: Member =
    member("size", Kind::Whole(0, MAX_INTEGER.unsigned_abs()), Need::OrNull, "文件的字节数", "bytes of the file");
const ERASED: Member = member("erased_at", Kind::Time, Need::OrNull, "何时删除", "when it was erased");
const RECORD: Shape = Shape { name: "Record", members: &[LINE, &[SIZE, ERASED]] };
const RECORDS: Shape = Shape {
    name: "Records",
    members: &[&[
        member("records", Kind::List(&RECORD, usize::MAX), Need::Always, "记录，旧的在前", "records, oldest first"),
        member("next", Kind::Text(64), Need::OrNull, "下一个 after", "the next `after`; null after the last"),
    ]],
};
const TOLD: Shape = Shape {
    name: "ToldRecord",
    members: &[
        LINE,
        &[
            SIZE,
            ERASED,
            member("kind", Kind::Text(40), Need::Always, "记录的种类", "kind of the record"),
            member("claims", Kind::Free, Need::Always, "全部声明", "every claim"),
            member("exif", Kind::List(&FIELD, usize::MAX), Need::Always, "图片自带的 EXIF", "the picture's EXIF"),
            member("later", Kind::List(&RECORD, usize::MAX), Need::Always, "此后的补充声明", "later claims about it"),
        ],
    ],
};
const FIELD: Shape = Shape {
    name: "Field",
    members: &[&[
        member("name", Kind::Text(200), Need::Always, "名称", "its name"),
        member("value", Kind::Text(4096), Need::Always, "值", "its value"),
    ]],
};

pub(crate) const LIST: Operation = Operation {
    method: "get",
    path: "/api/v1/records",
    scope: Some("read"),
    id: "listRecords",
    zh: "全部记录，旧的在前，一次最多 1,000 条：命令行 list 的内容",
    en: "Every record, oldest first, at most 1,000 at a time: what the command line's `list` prints",
    query: &[
        Parameter {
            name: "after", kind: Values::Text, zh: "从这个编号之后开始", en: "begins behind this number"
        },
        Parameter { name: "limit", kind: Values::Number, zh: "最多几条", en: "at most so many" },
    ],
    key: false,
    bodies: &[],
    answers: &[(200, &[Content::Json(&RECORDS)])],
    refusals: &[422],
    curl: "",
    example: "/api/v1/records?limit=100",
};

pub(crate) const SHOW: Operation = Operation {
    method: "get",
    path: "/api/v1/records/{id}",
    scope: Some("read"),
    id: "tellRecord",
    zh: "一条记录，不作核验：命令行 show 的内容",
    en: "One record, without a verdict: what the command line's `show` prints",
    query: &[],
    key: false,
    bodies: &[],
    answers: &[(200, &[Content::Json(&TOLD)])],
    refusals: &[404],
    curl: "",
    example: "/api/v1/records/$ID",
};

/// [`LIST`].
pub(crate) async fn list(State(app): State<App>, Query(query): Query, visit: Visit) -> Shown {
    let limit = number(&query, "limit").map_err(IntoAnswer::into_answer)?.unwrap_or(u64::MAX);
    let (after, limit) = (query.get("after").cloned().unwrap_or_default(), u32::try_from(limit).unwrap_or(MAX_LISTED));
    let listed = app.ask(move |folder| folder.records_of(&visit.actor, &after, limit)).await;
    let listed = listed.map_err(IntoAnswer::into_answer)?;
    let records: Vec<Value> = listed.lines.iter().map(line).collect();
    Ok(answer(StatusCode::OK, &RECORDS, &json!({"records": records, "next": listed.next})))
}

/// [`SHOW`].
pub(crate) async fn show(State(app): State<App>, Path(id): Path<String>, visit: Visit) -> Shown {
    let told = app.ask(move |folder| folder.told(&visit.actor, &id)).await.map_err(IntoAnswer::into_answer)?;
    let mut shown = line(&told.line);
    shown["kind"] = told.kind.into();
    shown["claims"] = json!(told.claims);
    shown["exif"] = told.exif.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    shown["later"] = told.later.iter().map(line).collect();
    Ok(answer(StatusCode::OK, &TOLD, &shown))
}

/// The keys of `quezao list --json`, the size, and when it was erased.
fn line(line: &DepositLine) -> Value {
    json!({
        "id": line.id, "file": line.file, "sha256": line.sha256, "sm3": line.sm3, "status": line.status,
        "index": line.index, "record_sha256": line.record_sha256, "size": line.size,
        "erased_at": line.erased_at.map(|at| at.to_micros()), "error": null,
    })
}
