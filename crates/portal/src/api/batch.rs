//! Many deposits by their digests in one call. Each is read, and answered, on its own.

use super::{
    answer, broken,
    deposits::{LINE, NEW_DIGESTS, WAIT, declared, line_json, sealed},
    describe::{Content, Operation, Sent},
    json_body, key, may, no_json, once,
    shape::{Kind, Need, Shape, member},
    word,
};
use crate::{
    app::App,
    enter::IntoAnswer,
    flat::Flat,
    pages::Shown,
    visit::{Query, Visit},
};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use evidence::{
    digest, hex,
    json::{Value, json},
};
use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use service::{Answer, Declared, DepositLine, MAX_DECLARED, Permission, Refusal, Rights, Why};
use std::{collections::BTreeMap, fmt};

/// Longest JSON body, in bytes.
const MAX_JSON: usize = 8 << 20;

/// What is told of many files.
const NEW_BATCH: Shape = Shape {
    name: "NewBatch",
    members: &[&[member(
        "deposits",
        Kind::List(&NEW_DIGESTS, MAX_DECLARED),
        Need::Always,
        "各文件的摘要",
        "digests of files",
    )]],
};
/// A deposit's line, with the field that was wrong.
const BATCHED: Shape = Shape {
    name: "BatchedDeposit",
    members: &[
        LINE,
        &[member("field", Kind::Text(64), Need::OrNull, "不能用的那一项", "the value that cannot be used")],
    ],
};
const BATCH_ANSWER: Shape = Shape {
    name: "Batch",
    members: &[&[member(
        "deposits",
        Kind::List(&BATCHED, MAX_DECLARED),
        Need::Always,
        "逐项答复，次序不变",
        "an answer to each, in order",
    )]],
};
pub(crate) const CREATE: Operation = Operation {
    method: "post",
    path: "/api/v1/deposits:batch",
    scope: Some("deposit"),
    id: "createDeposits",
    zh: "登记多个文件的摘要，最多 10,000 个；逐项答复，次序不变，一项出错不影响其余",
    en: "Registers digests of up to 10,000 files; each is answered on its own, in order, and one that is wrong spoils no other",
    query: &[WAIT],
    key: true,
    bodies: &[Sent::Json(&NEW_BATCH)],
    answers: &[(200, &[Content::Json(&BATCH_ANSWER)])],
    refusals: &[409, 413, 415, 422],
    curl: "-H \"Content-Type: application/json\" -d @digests.json",
    example: "",
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
    // What is read is held in memory.
    let place = app.reading(visit).await;
    let body = json_body(request, MAX_JSON).await?;
    let (key, caller) = (key(headers), visit.clone());
    let lines = app.work(move |folder| {
        let asked = digest::sha256(&body);
        let lines = once(folder, &caller, Permission::Deposit, key.as_deref(), &asked, || {
            let told = told(&body)?;
            let items: Vec<(String, Option<[u8; 64]>)> = told.iter().map(what).collect();
            let lines = folder.declare_all(&caller.actor, told)?;
            let lines: Vec<Value> = items.into_iter().zip(lines).map(|(item, line)| batch_line(item, line)).collect();
            Ok(Value::Array(lines).to_string())
        })?;
        serde_json::from_str::<Vec<Value>>(&lines).map_err(|_| broken())
    });
    let mut lines = lines.await?;
    drop(place);
    if wait {
        lines = sealed(app, lines).await?;
    }
    Ok(answer(StatusCode::OK, &BATCH_ANSWER, &json!({"deposits": lines})))
}

/// Name and digests, for the line of what is refused.
fn what(told: &Answer<(Declared, Rights)>) -> (String, Option<[u8; 64]>) {
    let Ok((told, _)) = told else { return (String::new(), None) };
    let mut both = [0; 64];
    both[..32].copy_from_slice(&told.digests.sha256);
    both[32..].copy_from_slice(&told.digests.sm3);
    (told.file_name.clone().unwrap_or_default(), Some(both))
}

fn batch_line((file, digests): (String, Option<[u8; 64]>), line: Answer<DepositLine>) -> Value {
    let (mut value, field) = match line {
        Ok(line) => (line_json(&line), Value::Null),
        Err(refusal) => {
            let field = match refusal.why {
                Why::Field(name) | Why::TooLarge(name) => json!(name),
                _ => Value::Null,
            };
            let (sha256, sm3) = (digests.map(|d| hex::encode(&d[..32])), digests.map(|d| hex::encode(&d[32..])));
            let error = Some(refusal.error);
            let line = DepositLine { file, sha256, sm3, status: "failed".into(), error, ..DepositLine::default() };
            (line_json(&line), field)
        }
    };
    value["field"] = field;
    value
}

/// The objects of a batch, each read or refused on its own.
fn told(body: &[u8]) -> Answer<Vec<Answer<(Declared, Rights)>>> {
    let batch: Told = serde_json::from_slice(body).map_err(|e| no_json(&e.to_string()))?;
    match batch.0 {
        told if told.is_empty() || told.len() > MAX_DECLARED => Err(Refusal::field(
            "deposits",
            format!("请给出 1 至 {MAX_DECLARED} 项"),
            format!("give 1 to {MAX_DECLARED} of them"),
        )),
        told => Ok(told),
    }
}

/// `{"deposits": […]}`, and nothing else.
struct Told(Vec<Answer<(Declared, Rights)>>);

impl<'de> Deserialize<'de> for Told {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Whole;
        impl<'de> Visitor<'de> for Whole {
            type Value = Told;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with the one member \"deposits\"")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Told, A::Error> {
                let mut told = None;
                while let Some(name) = from.next_key::<String>()? {
                    if name != "deposits" || told.is_some() {
                        return Err(A::Error::custom("its one member is \"deposits\""));
                    }
                    told = Some(from.next_value::<Items>()?.0);
                }
                told.map(Told).ok_or_else(|| A::Error::missing_field("deposits"))
            }
        }
        from.deserialize_map(Whole)
    }
}

/// Objects as they come; those beyond the bound are only counted.
struct Items(Vec<Answer<(Declared, Rights)>>);

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Items;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of objects")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Items, A::Error> {
                let mut items = Vec::new();
                while items.len() <= MAX_DECLARED {
                    let Some(object) = from.next_element::<Flat>()? else { return Ok(Items(items)) };
                    items.push(declared(&object));
                }
                while from.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Items(items))
            }
        }
        from.deserialize_seq(All)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn of_a_batch_each_object_is_read_on_its_own() {
        let good =
            format!("{{\"sha256\":\"{0}\",\"sm3\":\"{0}\",\"size\":7,\"media_type\":\"image/jpeg\"}}", "ab".repeat(32));
        let twice = good.replacen('{', "{\"size\":7,", 1);
        let body =
            format!("{{\"deposits\":[{good},7,[],{twice},{},{good}]}}", good.replace("image/jpeg", "a\u{202e}b"));
        let read: Vec<_> =
            told(body.as_bytes()).unwrap().into_iter().map(|r| r.map(|_| ()).map_err(|r| r.why)).collect();
        let wrong = |field| Err(Why::Field(field));
        assert_eq!(read, [Ok(()), wrong("body"), wrong("body"), wrong("body"), wrong("media_type"), Ok(())]);
        let whole = |body: &str| told(body.as_bytes()).map(|_| ()).map_err(|r| r.why);
        for bad in
            ["[]", "{}", "{\"deposits\":7}", "{\"deposits\":[],\"x\":1}", "{\"deposits\":[1e400]}", "{\"deposits\":["]
        {
            assert_eq!(whole(bad), wrong("body"), "{bad}");
        }
        assert_eq!(whole("{\"deposits\":[]}"), wrong("deposits"));
        let many = |n: usize| format!("{{\"deposits\":[{}]}}", vec!["1"; n].join(","));
        assert_eq!(whole(&many(MAX_DECLARED)), Ok(()));
        assert_eq!(whole(&many(MAX_DECLARED + 5)), wrong("deposits"));
    }
}
