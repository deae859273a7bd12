//! Which record a picture is, or looks like: the owner drops one, and nothing of it is kept.

use super::{
    Shown,
    layout::{Frame, Nav, draw},
    library,
    register::{multipart, patiently, text},
};
use crate::{
    app::App,
    enter::IntoAnswer,
    form::{self, stale},
    parts::Parts,
    visit::Visit,
};
use axum::{
    extract::{Request, State},
    response::Response,
};
use maud::{Markup, html};
use service::{Alike, Answer, MAX_LOOKED, Permission, Refusal, Why};
use std::{collections::BTreeMap, time::Duration};

/// Longest that a picture may take to come.
const READING: Duration = Duration::from_secs(300);

pub(crate) async fn submit(State(app): State<App>, visit: Visit, request: Request) -> Shown {
    let actor = visit.actor.clone();
    app.ask(move |folder| folder.may(&actor, Permission::View)).await.map_err(IntoAnswer::into_answer)?;
    let upload = multipart(request).await.map_err(IntoAnswer::into_answer)?;
    let place = app.reading(&visit).await;
    let slow = Refusal::field("picture", "传得太慢，已中断；请重试", "too slow, so it was ended; try again");
    let given = tokio::time::timeout(READING, read(&visit, upload)).await.unwrap_or(Err(slow));
    let looked = match given {
        Ok((name, bytes)) => {
            let actor = visit.actor.clone();
            app.work(move |folder| folder.alike(&actor, bytes)).await.map(|found| (name, found))
        }
        Err(refusal) => Err(refusal),
    };
    drop(place);
    match looked {
        Ok((name, (alike, warnings))) => Ok(result(&visit, &name, &alike, &warnings)),
        Err(refusal) if matches!(refusal.why, Why::Field(_)) => {
            library::show(&app, &visit, &BTreeMap::new(), Some(&refusal)).await
        }
        Err(refusal) => Err(refusal.into_answer()),
    }
}

async fn read(visit: &Visit, mut upload: Parts) -> Answer<(String, Vec<u8>)> {
    let (mut trusted, mut name, mut bytes) = (false, String::new(), Vec::new());
    while let Some(mut field) = upload.next().await? {
        match field.name().unwrap_or_default().to_owned().as_str() {
            form::TOKEN => trusted = text(&mut field).await? == visit.csrf,
            _ if !trusted => return Err(stale()),
            "picture" if bytes.is_empty() => {
                name = service::show_path(std::path::Path::new(field.file_name().unwrap_or_default()));
                while let Some(more) = patiently(field.chunk()).await? {
                    if bytes.len() + more.len() > MAX_LOOKED {
                        return Err(Refusal::field(
                            "picture",
                            "图片超过 64 MiB；请用命令行 quezao find 查找",
                            "the picture is longer than 64 MiB; look for it with quezao find",
                        ));
                    }
                    bytes.extend_from_slice(&more);
                }
            }
            _ => return Err(Refusal::field("picture", "一次查找一张图片", "one picture at a time")),
        }
    }
    if !trusted {
        return Err(stale());
    }
    if bytes.is_empty() {
        let (zh, en) = ("没有选择图片；请选择一张后重试", "no picture was chosen; choose one and try again");
        return Err(Refusal::field("picture", zh, en));
    }
    Ok((name, bytes))
}

fn result(visit: &Visit, name: &str, alike: &[Alike], warnings: &[(String, String)]) -> Response {
    let title = visit.t("found-title");
    let n = [("n", alike.len().to_string().into()), ("name", name.into())];
    let body = html! {
        header.page-head {
            p.crumb { a href="/library" { (visit.t("portal-nav-library")) } }
            h1 { (title) }
            p.lead.wrap { (visit.tv(if alike.is_empty() { "found-none" } else { "found-some" }, &n)) }
        }
        div.stack {
            @for (zh, en) in warnings { p.note { (visit.pick(zh, en)) } }
            @if !alike.is_empty() { ul.rows.pic { @for one in alike { (row(visit, one)) } } }
            p.small.soft { (visit.t("found-note")) }
            div.acts { a.btn href="/library#by-picture" { (visit.t("found-another")) } }
        }
    };
    draw(visit, Frame::new(&title, Nav::Library), body)
}

/// A record, how alike it is, and the two distances by which that was said.
pub(crate) fn row(visit: &Visit, one: &Alike) -> Markup {
    let (item, near) = (&one.item, &one.near);
    let mut said = vec![visit.t(&format!("alike-{}", near.similarity))];
    if let (Some(dct), Some(gradient)) = (near.dct, near.gradient) {
        let distance = [("dct", dct.to_string().into()), ("gradient", gradient.to_string().into())];
        said.push(visit.tv("alike-distance", &distance));
    }
    if near.mirrored == Some(true) {
        said.push(visit.t("alike-mirrored"));
    }
    html! {
        li {
            (library::small(item))
            div {
                a.t href=(format!("/deposits/{}", item.id)) { (item.title) }
                span.m { (said.join(visit.pick("，", ", "))) }
                span.m.wrap { (item.file_name) }
            }
            (library::standing(visit, item))
        }
    }
}
