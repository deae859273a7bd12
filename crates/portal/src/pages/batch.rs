//! What the register page's script asks beside uploads: digests that were taken in the browser, and a table of rights
//! held against names.

use super::{Shown, register, upload::line_json};
use crate::{
    app::App,
    enter::IntoAnswer,
    form::{self, Form, stale},
    parts::Parts,
    problem,
    visit::Visit,
};
use axum::{
    extract::{Request, State, multipart::Field},
    http::header,
    response::{IntoResponse, Response},
};
use evidence::{
    digest::FileDigests,
    hex,
    json::{self, Value, json},
    statement::RIGHTS,
};
use service::{Answer, Declared, Permission, Refusal, Rights};

/// Longest table and longest list of names, in bytes; a table of this size names every file of the longest list.
const MAX_TABLE: usize = 16 << 20;
const MAX_NAMES: usize = 4 << 20;

/// One file's digests, with its owner's word that he keeps it.
pub(crate) async fn digests(State(app): State<App>, visit: Visit, form: Form) -> Shown {
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.may(&actor, Permission::Deposit)).await.map_err(IntoAnswer::into_answer)?;
    Ok(told(declared(&app, &visit, &form).await))
}

async fn declared(app: &App, visit: &Visit, form: &Form) -> Answer<Value> {
    if form.get("kept") != "yes" {
        return Err(Refusal::field(
            "kept",
            "请先确认：原件由您保管，原件丢失就无法核验",
            "confirm first that you keep the original; if it is lost, nothing can be verified",
        ));
    }
    let digest = |name: &'static str| {
        hex::decode::<32>(name, form.get(name)).map_err(|_| {
            let (zh, en) = ("须为 64 位小写十六进制", "must be 64 lower-case hex digits");
            Refusal::field(name, format!("{name} {zh}"), format!("{name} {en}"))
        })
    };
    let (sha256, sm3) = (digest("sha256")?, digest("sm3")?);
    let size = form.get("size").parse().ok().filter(|size| *size <= json::MAX_INTEGER.unsigned_abs());
    let size = size.ok_or_else(|| Refusal::field("size", "size 须为字节数", "size must be a number of bytes"))?;
    let mut rights = Rights::default();
    for name in RIGHTS {
        if let Some(value) = form.typed(name) {
            rights.claims.insert((*name).to_owned(), value);
        }
    }
    let digests = FileDigests { sha256, sm3, size };
    let media_type = form.get("media_type").to_owned();
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.+".contains(&b));
    if media_type.len() > 100 || !media_type.split_once('/').is_some_and(|(kind, sub)| plain(kind) && plain(sub)) {
        let (zh, en) = ("media_type 须如 image/jpeg", "media_type must be like image/jpeg");
        return Err(Refusal::field("media_type", zh, en));
    }
    let file_name = form.typed("file_name");
    let attachments = form.get("attachments").split_whitespace().map(str::to_owned).collect();
    let (actor, told) = (visit.actor.clone(), Declared { digests, media_type, file_name, attachments });
    let line = app.work(move |folder| folder.declare(&actor, &told, &rights)).await?;
    let line = app.soon_sealed(line).await?;
    Ok(line_json(visit, &line))
}

/// A table, and the names that it is held against: what it says of each, or every place that cannot be used.
pub(crate) async fn table(State(app): State<App>, visit: Visit, request: Request) -> Shown {
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.may(&actor, Permission::Deposit)).await.map_err(IntoAnswer::into_answer)?;
    let upload = register::multipart(request).await.map_err(IntoAnswer::into_answer)?;
    Ok(told(held(&app, &visit, upload).await))
}

async fn held(app: &App, visit: &Visit, mut upload: Parts) -> Answer<Value> {
    let (mut trusted, mut names, mut table) = (false, Vec::new(), None);
    while let Some(mut field) = upload.next().await? {
        match field.name().unwrap_or_default() {
            form::TOKEN => trusted = register::text(&mut field).await? == visit.csrf,
            _ if !trusted => return Err(stale()),
            "names" => names = name_list(&bytes(&mut field, MAX_NAMES).await?)?,
            "table" => {
                let name = field.file_name().unwrap_or_default().to_owned();
                table = Some((name, bytes(&mut field, MAX_TABLE).await?));
            }
            _ => return Err(Refusal::field("form", "表单中有不认识的内容", "the form has a field that nobody knows")),
        }
    }
    let Some((name, table)) = table else {
        return Err(Refusal::field("table", "没有给出表", "there is no table"));
    };
    let actor = visit.actor.clone();
    let told = app.work(move |folder| folder.told_rights(&actor, &name, &table, &names)).await?;
    Ok(match told {
        Ok(told) => json!({
            "rows": told.rows, "silent": told.silent, "claims": told.claims, "attachments": told.attachments, "wrong": [],
        }),
        Err(refused) => {
            let wrong: Vec<Value> = refused
                .by_place()
                .into_iter()
                .map(|(row, column, e)| json!({"row": row, "column": column, "text": visit.pick(&e.zh, &e.en)}))
                .collect();
            json!({"rows": null, "silent": null, "claims": [], "attachments": [], "wrong": wrong})
        }
    })
}

/// One name a line.
fn name_list(bytes: &[u8]) -> Answer<Vec<String>> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Refusal::field("names", "文件名不是 UTF-8", "the file names are not UTF-8"))?;
    Ok(text.lines().map(str::to_owned).collect())
}

async fn bytes(field: &mut Field<'_>, most: usize) -> Answer<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(more) = register::patiently(field.chunk()).await? {
        bytes.extend_from_slice(&more);
        if bytes.len() > most {
            return Err(Refusal::new(
                service::Why::TooLarge("table"),
                format!("超过 {} MB；请分批登记", most >> 20),
                format!("it is longer than {} MB; deposit in parts", most >> 20),
            ));
        }
    }
    Ok(bytes)
}

fn told(answer: Answer<Value>) -> Response {
    match answer {
        Ok(value) => ([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response(),
        Err(refusal) => problem::plain(&refusal),
    }
}
