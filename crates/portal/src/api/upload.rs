//! Multipart bodies as programs send them: each field once, unless it may stand several times; nothing unknown.

use super::{other_type, shape::Shape};
use crate::{
    app::App,
    flat::{Flat, Scalar},
    pages::register::{patiently, stage, text},
    parts::Parts,
    visit::Visit,
};
use axum::extract::{Request, multipart::Field};
use evidence::statement::RIGHTS;
use service::{Answer, Digester, Original, Refusal, Rights, Staged, Why, own_file};
use std::time::Duration;

/// Longest certificate or package, and the record's own file beside it, in bytes together: they are held in memory.
const MAX_EVIDENCE: usize = 64 << 20;
/// All files of one verification, in bytes: they are only read.
const MAX_FILES_BYTES: u64 = 2 << 30;
/// Most files of one verification.
pub(super) const MAX_FILES: usize = 16;
/// Longest that one request may take to come.
const READING: Duration = Duration::from_secs(600);

pub(super) async fn multipart(request: Request) -> Answer<Parts> {
    Parts::of(request).await.ok_or_else(|| other_type("multipart/form-data; boundary=…"))
}

/// One file and what is claimed of it.
pub(super) async fn deposit(app: &App, visit: &Visit, request: Request, claims: &Shape) -> Answer<(Staged, Rights)> {
    let mut upload = multipart(request).await?;
    let (mut file, mut flat) = (None, Flat { is_object: true, ..Flat::default() });
    while let Some(mut field) = upload.next().await? {
        let name = field.name().unwrap_or_default().to_owned();
        if name == "file" {
            if file.is_some() {
                return Err(Refusal::field("file", "一次请求登记一个文件", "one file a request"));
            }
            let named = field.file_name().unwrap_or_default().to_owned();
            file = Some(stage(app, visit, &named, &mut field).await?);
            continue;
        }
        // An empty field of a form says nothing.
        let value = text(&mut field).await?.trim().to_owned();
        let value = if value.is_empty() { Scalar::Null } else { Scalar::Text(value) };
        if flat.members.insert(name.clone(), value).is_some() {
            flat.twice = Some(name);
        }
    }
    let read = claims.read(&flat)?;
    let claims = RIGHTS.iter().filter_map(|name| Some(((*name).to_owned(), read.text(name)?)));
    let rights = Rights { claims: claims.collect() };
    let file = file.ok_or_else(|| Refusal::field("file", "请给出文件（file）", "give a file (file)"))?;
    Ok((file, rights))
}

/// What is to be verified.
pub(super) struct Given {
    pub evidence: Vec<u8>,
    pub originals: Vec<Original>,
    /// The record's own file, where it was given.
    pub own: Option<Vec<u8>>,
}

/// Evidence and files; nobody keeps a place by sending slowly.
pub(super) async fn verification(upload: Parts) -> Answer<Given> {
    let slow = || {
        Refusal::field(
            "body",
            "传得太慢，已中断；请在自己的电脑上核验",
            "too slow, so it was ended; verify on your own machine",
        )
    };
    tokio::time::timeout(READING, given(upload)).await.unwrap_or_else(|_| Err(slow()))
}

async fn given(mut upload: Parts) -> Answer<Given> {
    let (mut evidence, mut originals) = (Vec::new(), Vec::new());
    let mut held: Vec<Option<Vec<u8>>> = Vec::new();
    let (mut read, mut memory) = (0, 0);
    while let Some(mut field) = upload.next().await? {
        let name = field.name().unwrap_or_default().to_owned();
        match name.as_str() {
            "evidence" if evidence.is_empty() => {
                while let Some(bytes) = patiently(field.chunk()).await? {
                    memory += bytes.len();
                    if memory > MAX_EVIDENCE {
                        return Err(Refusal::new(
                            Why::TooLarge("evidence"),
                            "证书或证据包超过 64 MiB；请在自己的电脑上核验",
                            "longer than 64 MiB; verify it on your own machine",
                        ));
                    }
                    evidence.extend_from_slice(&bytes);
                }
            }
            "file" if originals.len() < MAX_FILES => {
                let (original, bytes) = original(&mut field, &mut read, &mut memory).await?;
                originals.push(original);
                held.push(bytes);
            }
            "evidence" | "file" => {
                let field = if name == "file" { "file" } else { "evidence" };
                return Err(Refusal::field(field, format!("{field} 过多"), format!("too many of {field}")));
            }
            _ => {
                let name = service::show_path(std::path::Path::new(&name)).chars().take(60).collect::<String>();
                let (zh, en) = (format!("没有“{name}”这个字段"), format!("there is no field {name}"));
                return Err(Refusal::field("body", zh, en));
            }
        }
    }
    if evidence.is_empty() {
        let (zh, en) = ("请给出证书（PDF）或证据包（ZIP）", "give a certificate (PDF) or a package (ZIP)");
        return Err(Refusal::field("evidence", zh, en));
    }
    let heads: Vec<&[u8]> = held.iter().map(|bytes| bytes.as_deref().unwrap_or_default()).collect();
    let own = own_file(&heads).and_then(|place| held[place].take());
    Ok(Given { evidence, originals, own })
}

/// A file's digests; its bytes too, where it may be a record's own file and there is room.
async fn original(field: &mut Field<'_>, read: &mut u64, memory: &mut usize) -> Answer<(Original, Option<Vec<u8>>)> {
    let name = field.file_name().unwrap_or("file").to_owned();
    let (mut digester, mut kept) = (Digester::default(), Some(Vec::new()));
    while let Some(bytes) = patiently(field.chunk()).await? {
        *read += bytes.len() as u64;
        if *read > MAX_FILES_BYTES {
            return Err(Refusal::new(
                Why::TooLarge("file"),
                "文件过大；请在自己的电脑上核验",
                "the files are too large; verify on your own machine",
            ));
        }
        tokio::task::block_in_place(|| digester.update(&bytes));
        if let Some(held) = &mut kept {
            held.extend_from_slice(&bytes);
            *memory += bytes.len();
            let may_be = held.len() < 4 || own_file(&[held.as_slice()]).is_some();
            if !may_be || *memory > MAX_EVIDENCE {
                *memory -= held.len();
                kept = None;
            }
        }
    }
    Ok((digester.finish(&name), kept))
}
