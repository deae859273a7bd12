//! How the node fares, on a page: ledgers, other nodes, and every alarm, those first that nobody dealt with.

use super::{
    Desk,
    pages::{draw, local},
    web::Reader,
};
use crate::{Relation, State, alarms::Stored};
use axum::{http::StatusCode, response::Response};
use evidence::time::{SECOND, Utc};
use maud::{Markup, html};

/// Alarms on the page; the command lists all.
const SHOWN: usize = 100;

pub(super) fn page(desk: &Desk, reader: &Reader, state: &State) -> Response {
    let title = reader.pick("节点状态", "The node's status");
    let (open, done): (Vec<_>, Vec<_>) = state.alarms.iter().rev().partition(|alarm| alarm.acknowledged.is_none());
    let size = |n: Option<u64>| n.map_or_else(|| "–".to_owned(), locale::grouped);
    let body = html! {
        header.page-head { h1 { (title) } }
        section.sec aria-labelledby="alarms" {
            div.h { h2 id="alarms" { (reader.pick("警报", "Alarms")) }
                @if !open.is_empty() { p { (reader.pick("用 quezao node alarm ack 记下已处理", "quezao node alarm ack notes that one was dealt with")) } } }
            @if open.is_empty() { p { (reader.pick("没有未处理的警报。", "No alarm waits for anybody.")) } }
            @else { ul.answers { @for alarm in open.iter().take(SHOWN) { (line(reader, alarm)) } } }
        }
        @if !done.is_empty() {
            section.sec aria-labelledby="done" {
                h2 id="done" { (reader.pick("已处理的警报", "Alarms dealt with")) }
                ul.answers { @for alarm in done.iter().take(SHOWN) { (line(reader, alarm)) } }
            }
        }
        @for log in &state.logs {
            section.sec {
                div.h { h2 { (reader.pick("账本", "Ledger")) } p.wrap { (log.origin) } }
                dl.facts {
                    dt { (reader.pick("网址", "Address")) } dd.mono { (log.url) }
                    dt { (reader.pick("应答", "Answers")) } dd { @match &log.looked.error {
                        Some(e) => span.err { (reader.pick(&e.zh, &e.en)) },
                        None => (log.looked.answered.map_or_else(|| reader.pick("尚未问到", "not asked yet").to_owned(), local)),
                    } }
                    dt { (reader.pick("已签署", "Cosigned")) } dd { (size(log.cosigned.map(|(size, _)| size)))
                        @if let Some((_, at)) = log.cosigned { span.soft { (local(Utc(i64::try_from(at).unwrap_or(0).saturating_mul(SECOND)))) } } }
                    dt { (reader.pick("已镜像", "Mirrored")) } dd { (size(log.mirrored)) }
                    @if let Some(n) = log.examined { dt { (reader.pick("已查看", "Looked at")) } dd { (locale::grouped(n)) } }
                }
            }
        }
        section.sec aria-labelledby="peers" {
            div.h { h2 id="peers" { (reader.pick("其他节点", "Other nodes")) } p { (reader.pick("比对各自所见，发现两副面孔的账本", "What each was shown is compared: so a ledger with two faces is found")) } }
            @if state.peers.is_empty() { p { (reader.pick("没有；用 --peer 网址 加入。", "None; add them with --peer URL.")) } }
            ul.rows {
                @for peer in &state.peers {
                    li {
                        div { span.mono { (peer.url) }
                            @if let Some(e) = &peer.error { p.err { (reader.pick(&e.zh, &e.en)) } }
                            @for (origin, (size, relation)) in &peer.logs { span.m.wrap { (origin) " · " (locale::grouped(*size)) " · " (relation_word(reader, *relation)) } }
                        }
                        span { (peer.answered.map_or_else(|| "–".to_owned(), local)) }
                    }
                }
            }
        }
    };
    draw(desk, reader, StatusCode::OK, title, "/status?", body)
}

fn relation_word<'a>(reader: &Reader, relation: Relation) -> &'a str {
    match relation {
        Relation::Agrees => reader.pick("一致", "agrees"),
        Relation::Contradicts => reader.pick("不能并存，已有警报", "contradicts: an alarm was raised"),
        Relation::Ahead => reader.pick("比本节点的副本新，稍后比对", "ahead of this copy, compared later"),
    }
}

fn line(reader: &Reader, alarm: &Stored) -> Markup {
    let (class, mark) = if alarm.acknowledged.is_some() { ("go", "todo") } else { ("bad", "bad") };
    let at = |text: &str| Utc::parse_micros(text).map_or_else(|_| text.to_owned(), local);
    html! {
        li {
            svg class=(format!("mk {class}")) aria-hidden="true" { use href=(format!("#i-{mark}")) {} }
            div {
                (reader.pick(alarm.text("zh"), alarm.text("en")))
                span.m { (at(alarm.text("at"))) " · " span.mono { (alarm.id) } }
                @if let Some(done) = &alarm.acknowledged {
                    span.m { (reader.pick("已处理：", "Dealt with: ")) (at(done["at"].as_str().unwrap_or_default())) " " (done["note"].as_str().unwrap_or_default()) }
                }
            }
            span.w { (kind(reader, alarm.text("kind"))) }
        }
    }
}

fn kind<'a>(reader: &Reader, kind: &'a str) -> &'a str {
    let (zh, en) = match kind {
        "fork" => ("分叉", "fork"),
        "rollback" => ("倒退", "went back"),
        "not-extending" => ("未延续", "not extending"),
        "old-state" => ("状态旧", "old state"),
        "tiles" => ("文件不符", "wrong files"),
        "record" => ("记录不合规则", "entry breaks a rule"),
        _ => return kind,
    };
    reader.pick(zh, en)
}
