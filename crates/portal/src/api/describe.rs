//! The description of the API: OpenAPI 3.1, made of the operations and shapes that the handlers use.

use super::{OPERATIONS, shape::Shape};
use crate::app::App;
use axum::{extract::State, http::StatusCode, response::Response};
use evidence::json::{Map, Value, json};

/// One method of one path.
pub(crate) struct Operation {
    /// As the table of routes has them.
    pub method: &'static str,
    pub path: &'static str,
    /// What a token must be for; `None`: everybody may.
    pub scope: Option<&'static str>,
    pub id: &'static str,
    pub zh: &'static str,
    pub en: &'static str,
    /// Query parameters.
    pub query: &'static [Parameter],
    /// Takes an `Idempotency-Key`.
    pub key: bool,
    /// What may be sent.
    pub bodies: &'static [Sent],
    /// What comes back: status and content.
    pub answers: &'static [(u16, &'static [Content])],
    /// Refusals beside 401, 403 and 429.
    pub refusals: &'static [u16],
    /// The rest of a command line behind `curl -H "Authorization: Bearer $TOKEN"` and before the address.
    pub curl: &'static str,
    /// The address of the example, behind the host; the path where it is the same.
    pub example: &'static str,
}

/// A query parameter.
pub(crate) struct Parameter {
    pub name: &'static str,
    pub kind: Values,
    pub zh: &'static str,
    pub en: &'static str,
}

/// What a parameter may be.
pub(crate) enum Values {
    Words(&'static [&'static str]),
    /// A whole number from 1.
    Number,
    Text,
}

/// A body that may be sent.
pub(crate) enum Sent {
    Json(&'static Shape),
    /// `multipart/form-data`: files by field, each with whether it must be there and whether it may stand more than
    /// once; beside them texts of this shape.
    Multipart(&'static [(&'static str, bool, bool)], Option<&'static Shape>),
}

/// What an answer holds.
pub(crate) enum Content {
    Json(&'static Shape),
    /// Bytes of this media type.
    File(&'static str),
    /// OpenAPI itself.
    Document,
}

/// The description itself.
pub(crate) const DESCRIBE: Operation = Operation {
    method: "get",
    path: "/api/v1/openapi.json",
    scope: None,
    id: "describe",
    zh: "本说明（OpenAPI 3.1）",
    en: "This description (OpenAPI 3.1)",
    query: &[],
    key: false,
    bodies: &[],
    answers: &[(200, &[Content::Document])],
    refusals: &[],
    curl: "",
    example: "",
};

/// `GET /api/v1/openapi.json`.
pub(crate) async fn serve(State(app): State<App>) -> Response {
    super::json(StatusCode::OK, openapi(app.calls()).to_string())
}

/// What a refusal means, by its status: Chinese, English.
pub(crate) fn refusal(status: u16) -> (&'static str, &'static str) {
    match status {
        401 => ("没有令牌，或令牌无效、已过期", "no token, or one that is wrong or has ended"),
        402 => ("账户剩余额度不足，或版本不包含此项", "too little is left, or the edition lacks it"),
        403 => ("令牌没有这一用途", "a token that is not for this"),
        404 => ("没有，或属于他人", "there is none, or it is somebody else's"),
        409 => {
            ("尚未就绪，或 Idempotency-Key 已用于另一请求", "not there yet, or an Idempotency-Key of another request")
        }
        413 => ("过长", "too long"),
        415 => ("格式不收", "of a form that is not taken"),
        422 => ("某一项不能用；field 写明是哪一项", "a value that cannot be used; `field` names it"),
        429 => ("请求过于频繁；Retry-After 写明几秒后再试", "too often; Retry-After says in how many seconds"),
        _ => ("服务器内部错误", "something here did not work"),
    }
}

/// The whole document; `calls`: how many a minute a token has, 0 for no bound.
pub(crate) fn openapi(calls: u32) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    let mut shapes: Map<String, Value> = Map::new();
    shapes.insert("Problem".into(), problem());
    for operation in OPERATIONS {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method] = described(operation, calls);
        let sent = operation.bodies.iter().filter_map(|sent| match sent {
            Sent::Json(shape) => Some(*shape),
            Sent::Multipart(..) => None,
        });
        let given = operation.answers.iter().flat_map(|(_, contents)| *contents).filter_map(|content| match content {
            Content::Json(shape) => Some(*shape),
            Content::File(_) | Content::Document => None,
        });
        for shape in sent.chain(given).flat_map(Shape::with_inner) {
            shapes.insert(shape.name.into(), shape.schema());
        }
    }
    let (_, version, _) = service::SOFTWARE;
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Quezao", "version": version,
            "description": "Registers images and files, captures web pages, verifies. Every record can be checked offline by a stranger.",
            "x-description-zh": "登记图片和文件，网页取证，核验。每条记录都可由他人离线核验。",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": shapes,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "Made on the account's page; `qz_` and 64 hex digits."}},
        },
    })
}

fn described(o: &Operation, calls: u32) -> Value {
    let mut answers: Map<String, Value> = Map::new();
    for (status, contents) in o.answers {
        let content: Map<String, Value> = contents.iter().map(|c| (c.media_type().into(), c.content())).collect();
        let mut answer = json!({"description": "What was asked for", "content": content});
        if *status == 202 {
            answer["headers"] = json!({"Location": {"schema": {"type": "string"}, "description": "Of the first"}});
        }
        answers.insert(status.to_string(), answer);
    }
    let always: &[u16] = if o.scope.is_some() { &[401, 402, 403, 429, 500] } else { &[500] };
    for status in always.iter().chain(o.refusals) {
        let (zh, en) = refusal(*status);
        let content = json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}});
        let mut answer = json!({"description": en, "x-description-zh": zh, "content": content});
        if *status == 429 {
            answer["headers"] = json!({"Retry-After": {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds", "required": true}});
            answer["x-calls-per-minute"] = json!(calls);
        }
        answers.insert(status.to_string(), answer);
    }
    let mut parameters: Vec<Value> = Vec::new();
    for name in o.path.split('{').skip(1).filter_map(|p| p.split_once('}')).map(|(name, _)| name) {
        parameters.push(json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}));
    }
    for p in o.query {
        let schema = match &p.kind {
            Values::Words(words) => json!({"type": "string", "enum": words}),
            Values::Number => json!({"type": "integer", "minimum": 1, "maximum": i64::MAX}),
            Values::Text => json!({"type": "string"}),
        };
        let (zh, en) = (p.zh, p.en);
        parameters
            .push(json!({"name": p.name, "in": "query", "description": en, "x-description-zh": zh, "schema": schema}));
    }
    if o.key {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header",
            "description": "Makes the call repeatable for seven days: the same request gets the same answer, another one 409.",
            "x-description-zh": "七天内重复同一请求得到同一答复；换了内容则为 409。",
            "schema": {"type": "string", "pattern": "^[!-~]{1,128}$"},
        }));
    }
    let mut all = json!({
        "operationId": o.id, "summary": o.en, "x-summary-zh": o.zh, "parameters": parameters, "responses": answers,
    });
    if !o.bodies.is_empty() {
        let content: Map<String, Value> = o.bodies.iter().map(Sent::described).collect();
        all["requestBody"] = json!({"required": true, "content": content});
    }
    if let Some(scope) = o.scope {
        all["security"] = json!([{"token": []}]);
        all["x-scope"] = json!(scope);
    }
    all
}

impl Sent {
    /// Media type and content.
    fn described(&self) -> (String, Value) {
        match self {
            Self::Json(shape) => {
                let schema = json!({"$ref": format!("#/components/schemas/{}", shape.name)});
                ("application/json".into(), json!({"schema": schema}))
            }
            Self::Multipart(files, texts) => {
                let mut schema = texts.map_or_else(
                    || json!({"type": "object", "properties": {}, "additionalProperties": false}),
                    Shape::schema,
                );
                let mut required = Vec::new();
                for (name, must, many) in *files {
                    let file =
                        json!({"type": "string", "contentMediaType": "application/octet-stream", "format": "binary"});
                    schema["properties"][name] = if *many { json!({"type": "array", "items": file}) } else { file };
                    if *must {
                        required.push(*name);
                    }
                }
                schema["required"] = json!(required);
                ("multipart/form-data".into(), json!({"schema": schema}))
            }
        }
    }
}

impl Content {
    pub(crate) fn media_type(&self) -> &'static str {
        match self {
            Self::Json(_) | Self::Document => "application/json",
            Self::File(kind) => kind,
        }
    }

    fn content(&self) -> Value {
        match self {
            Self::Json(shape) => json!({"schema": {"$ref": format!("#/components/schemas/{}", shape.name)}}),
            Self::Document => json!({"schema": {"type": "object"}}),
            Self::File("text/event-stream") => json!({"schema": {"type": "string"}}),
            Self::File(kind) => json!({"schema": {"type": "string", "format": "binary", "contentMediaType": kind}}),
        }
    }
}

/// RFC 9457, in both languages.
fn problem() -> Value {
    json!({
        "type": "object", "additionalProperties": false,
        "required": ["type", "title", "status", "field", "detail", "detail_zh"],
        "properties": {
            "type": {"type": "string"}, "title": {"type": "string"},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "field": {"type": ["string", "null"], "description": "The value that cannot be used", "x-description-zh": "不能用的那一项"},
            "detail": {"type": "string"}, "detail_zh": {"type": "string"},
            "left": {
                "type": "object", "additionalProperties": false, "required": ["deposits", "captures", "storage"],
                "description": "With 402: what the account has left; storage in bytes", "x-description-zh": "402 时：账户的剩余额度；storage 为字节",
                "properties": {
                    "deposits": {"type": "integer", "minimum": 0}, "captures": {"type": "integer", "minimum": 0},
                    "storage": {"type": "integer", "minimum": 0},
                },
            },
        },
    })
}
