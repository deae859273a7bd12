//! The desk's pages: no script, nothing from another host, fit to be printed.

use super::{
    Desk, Examined,
    find::{MAX_FOUND, Search},
    paper,
    web::{Reader, Refused},
};
use crate::Error;
use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use certificate::{Outcome, Seen, Verdict, Words};
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The house's own, which the portal wears too.
pub(super) const STYLE: &str =
    concat!(include_str!("../../../portal/assets/style.css"), include_str!("../../assets/desk.css"));
const MARKS: &str = include_str!("../../../portal/assets/marks.svg");
/// Nothing but this page's own style and forms.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(super) fn ask(desk: &Desk, reader: &Reader, refused: Option<&Refused>) -> Response {
    let (zh, en) = ("核验席", "Verification desk");
    let logs = desk.node.watched().iter().map(|w| (w.log().origin(), w.mirrored().map_or(0, |h| h.checkpoint.size)));
    let trusted = desk.trust();
    let alarms = desk.node.open_alarms();
    let body = html! {
        header.page-head {
            h1 { (reader.pick(zh, en)) }
            p.lead { (reader.pick(
                "用本机构自己的账本副本和信任配置核验证据。放上的文件只在内存中停留一刻钟，不写入磁盘，不告知任何人；只有其中的检查点表明账本分叉时，才留存该检查点并发出警报。",
                "Verifies evidence by this institution's own copy of the ledger and its own trust. What is laid here stays in memory for a quarter of an hour; nothing is written, nobody is told, but for a checkpoint that shows that the ledger forked: that is kept, as an alarm.")) }
        }
        @if let Some(Refused(_, e)) = refused { p.err role="alert" { (reader.pick(&e.zh, &e.en)) } }
        @if alarms > 0 {
            p.err.loud role="alert" {
                (reader.pick("本节点有未处理的警报：", "Alarms of this node that nobody dealt with: ")) (alarms) " "
                a href=(format!("/status?lang={}", reader.tag())) { (reader.pick("查看", "look")) }
            }
        }
        section.sec aria-labelledby="given" {
            div.h { h2 id="given" { (reader.pick("证据与原件", "Evidence and original")) } p { (reader.pick("证据不超过 64 MiB，合计不超过 160 MiB；更大的用 quezao verify 核验", "Evidence up to 64 MiB, 160 MiB together; larger things are for quezao verify")) } }
            form.stack method="post" action=(format!("/examinations?lang={}", reader.tag())) enctype="multipart/form-data" {
                label { (reader.pick("证书、核验报告（PDF）或证据包（ZIP）", "Certificate or verification report (PDF), or package (ZIP)"))
                    span.hint { (reader.pick("只有图片或其他文件的，也放在这里：按其摘要在本节点的副本中查找", "A picture or another file alone goes here too: it is looked up by its digest in this node's copy")) }
                    input.file type="file" name="evidence" required; }
                label { (reader.pick("原件", "Original")) span.hint { (reader.pick("没有原件，就不知道是不是同一份文件", "Without it nobody knows whether it is the same file")) }
                    input.file type="file" name="file" multiple; }
                div.acts { button.btn.main type="submit" { (reader.pick("核验", "Verify")) } }
            }
        }
        section.sec aria-labelledby="typed" {
            div.h { h2 id="typed" { (reader.pick("按编号或摘要", "By number or digest")) } p { (reader.pick("只有打印件或照片时", "Where there is only paper or a photograph")) } }
            form.stack method="get" action="/record" {
                label { (reader.pick("存证编号或摘要", "Record number or digest"))
                    input type="text" name="q" maxlength="120" autocapitalize="none" spellcheck="false" required; }
                input type="hidden" name="lang" value=(reader.tag());
                div.acts { button.btn type="submit" { (reader.pick("在本节点的副本中查找", "Look in this node's copy")) } }
            }
        }
        section.sec aria-labelledby="copies" {
            div.h { h2 id="copies" { (reader.pick("本节点的副本", "This node's copies")) } }
            ul.rows {
                @for (origin, size) in logs {
                    li { div { span.mono { (origin) } } span { (reader.pick("记录数 ", "Records: ")) (locale::grouped(size)) } }
                }
            }
        }
        section.sec aria-labelledby="trust" {
            div.h { h2 id="trust" { (reader.pick("相信谁", "Whom to trust")) } p { (reader.pick("证据自带的密钥不算数", "Keys that evidence brings along count for nothing")) } }
            @match trusted {
                Ok((_, 0, _)) => p { (reader.pick(
                    "节点文件夹中没有 trust/：只认所跟随账本的公钥，时间与签署者都无从确定。请放入 policy、roles.json、tsa-*.pem、signer-*.pem。",
                    "There is no trust/ in the node's folder: only the keys of the ledgers that it follows count, and neither times nor signers can be established. Put policy, roles.json, tsa-*.pem, signer-*.pem there.")) },
                Ok((_, n, _)) => p { (reader.pick("本机构的信任文件夹，文件数：", "This institution's trust folder; files: ")) (n) },
                Err(e) => p.err { (reader.pick(&e.zh, &e.en)) },
            }
        }
    };
    let status = refused.map_or(Ok(StatusCode::OK), |Refused(status, _)| StatusCode::from_u16(*status));
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    draw(desk, reader, status, reader.pick(zh, en), "/?", body)
}

pub(super) fn result(desk: &Desk, reader: &Reader, name: &str, examined: &Examined) -> Response {
    let title = reader.pick("核验结果", "Verification");
    let here = format!("/examinations/{name}");
    let with_lang = |end: &str| format!("{here}/{end}?lang={}", reader.tag());
    let (class, seal, zh, en) = match examined.word {
        Verdict::Verified if examined.reserved() => {
            ("res", "seal-res", "核验一致，有保留", "Consistent, with reservations")
        }
        Verdict::Verified => ("ok", "seal-ok", "核验一致", "Consistent"),
        Verdict::NotVerified => ("bad", "seal-bad", "核验不一致", "Not consistent"),
        Verdict::Incomplete => ("wait", "seal-wait", "尚不完整", "Incomplete"),
    };
    let body = html! {
        h1.sr { (title) }
        div.(format!("verdict {class}")) {
            svg aria-hidden="true" { use href=(format!("#i-{seal}")) {} }
            div {
                p.phrase { (reader.pick(zh, en)) }
                p.object { (say(reader, &object(examined))) }
                p.roots { (say(reader, &examined.roots)) " · " (local(examined.at)) }
            }
        }
        div.acts.no-print {
            a.btn.main href=(with_lang("report.pdf")) { (reader.pick("核验报告（PDF）", "Report (PDF)")) }
            a.btn href=(with_lang("materials.zip")) { (reader.pick("鉴定材料（ZIP，不含结论）", "For an appraiser (ZIP, no conclusions)")) }
            a.btn href=(format!("/?lang={}", reader.tag())) { (reader.pick("核验另一份", "Verify another")) }
        }
        section.sec aria-labelledby="files" {
            h2 id="files" { (reader.pick("核验对象", "What was examined")) }
            dl.facts {
                @for f in &examined.files {
                    dt { (f.name) } dd { (locale::grouped(f.size)) " " (reader.pick("字节", "bytes")) span.mono.block { "SHA-256 " (digest(&f.sha256)) } span.mono.block { "SM3 " (digest(&f.sm3)) } }
                }
            }
        }
        @for (i, block) in examined.blocks.iter().enumerate() {
            section.sec aria-labelledby=(format!("d{i}")) {
                h2 id=(format!("d{i}")) { (say(reader, &block.title)) }
                ul.answers { @for s in &block.seen { (line(reader, s)) } @for b in &block.beyond { (beyond(reader, b)) } }
            }
        }
        h2.rules-head { (reader.pick("按规则逐条回答", "Under the rules that ask")) }
        p.soft.small { (reader.pick("问题以本程序自己的话概括，以规则原文为准。", "The questions are put in this program's own words; the rules' own text decides.")) }
        @for (i, article) in examined.articles.iter().enumerate() {
            section.sec aria-labelledby=(format!("a{i}")) {
                div.h { h2 id=(format!("a{i}")) { (say(reader, &article.rule)) } p { (say(reader, &article.source)) } }
                ol.asked {
                    @for asked in &article.asked {
                        li {
                            p.question { (item(reader, &asked.item)) " " (say(reader, &asked.question)) }
                            ul.answers { @for s in &asked.seen { (line(reader, s)) } @if let Some(b) = &asked.beyond { (beyond(reader, b)) } }
                        }
                    }
                }
            }
        }
        section.sec aria-labelledby="nots" {
            h2 id="nots" { (reader.pick("本结果不能证明什么", "What this does not prove")) }
            ul.plain { @for s in &examined.verdict.does_not_show { li { (reader.pick(&s.zh, &s.en)) } } }
        }
    };
    draw(desk, reader, StatusCode::OK, title, &format!("{here}?"), body)
}

/// What the word is about, which no word says for itself.
fn object(examined: &Examined) -> Words {
    let told = examined.verdict.facts.statement.as_ref().is_some_and(|s| s.file.is_none());
    match examined.word {
        Verdict::Verified if told => Words::new("记录与账本一致", "Record and ledger agree"),
        Verdict::Verified => Words::new("文件与账本记录一致", "File and ledger record agree"),
        Verdict::NotVerified => Words::new("至少一项相互矛盾，见下", "Something contradicts: see below"),
        Verdict::Incomplete => Words::new(
            "没有矛盾，但有必需的一项未能检查，见下",
            "Nothing contradicts, but something required could not be checked: see below",
        ),
    }
}

/// `laid`: it was not typed, but is the digest of a file that is no evidence.
pub(super) fn found(desk: &Desk, reader: &Reader, typed: &str, laid: bool, search: &Search) -> Response {
    let title = reader.pick("本节点副本中的记录", "Records in this node's copy");
    let body = html! {
        header.page-head {
            h1 { (title) }
            p.lead.mono { (typed) }
        }
        @if laid { p { (reader.pick(
            "所给的文件不是证书，也不是证据包：没有可核验的证据，只按它的 SHA-256 查找。",
            "The file given is neither certificate nor package: there is no evidence to verify, so it was looked up by its SHA-256.")) } }
        @for origin in &search.absent { p.err {
            (reader.pick("本节点的副本目前没有内容，未能查找：", "This node's copy is empty just now, so nothing was looked up in: ")) (origin)
        } }
        @if search.found.is_empty() { p { @if search.cut || !search.absent.is_empty() {
            (reader.pick("看过的记录中没有。", "Not among the records that were looked at."))
        } @else { (reader.pick("没有这样的记录。", "There is no such record.")) } } }
        @for f in &search.found {
            section.sec {
                div.h { h2 { (reader.pick("第 ", "Leaf ")) (f.index) (reader.pick(" 条", "")) } p { (f.kind) } }
                dl.facts {
                    dt { (reader.pick("存证编号", "Record number")) } dd.mono { (f.id) }
                    dt { (reader.pick("账本", "Ledger")) } dd.mono { (f.origin) }
                    dt { (reader.pick("平台收到", "Received")) } dd { (both(f.received_at)) span.soft { (reader.pick("平台自己的时钟", "the platform's own clock")) } }
                    @if let Some((sha256, sm3)) = &f.digests { dt { "SHA-256" } dd.mono { (digest(sha256)) } dt { "SM3" } dd.mono { (digest(sm3)) } }
                    dt { (reader.pick("记录摘要", "Record digest")) } dd.mono { (digest(&f.record_sha256)) }
                }
            }
        }
        p.soft.small {
            (reader.pick("看过的记录：", "Records looked at: ")) (locale::grouped(search.looked))
            @if search.cut { (reader.pick("；没有看完", "; not all of them")) " (" (MAX_FOUND) ")" }
        }
        p.soft.small { (reader.pick(
            "存证主体不在账本中，只有加盐的摘要；须由证书或证据包说明。",
            "The owner is not in the ledger, only salted digests; a certificate or package names him.")) }
        div.acts { a.btn href=(format!("/?lang={}", reader.tag())) { (reader.pick("返回", "Back")) } }
    };
    let here: String = typed.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    draw(desk, reader, StatusCode::OK, title, &format!("/record?q={here}{}&", if laid { "&laid=1" } else { "" }), body)
}

pub(super) fn gone(desk: &Desk, reader: &Reader) -> Response {
    let title = reader.pick("结果已不在", "No longer here");
    let body = html! {
        header.page-head { h1 { (title) } p.lead { (reader.pick("结果只保留一刻钟；请重新放上文件。", "A result is kept for a quarter of an hour; lay the files down again.")) } }
        div.acts { a.btn href=(format!("/?lang={}", reader.tag())) { (reader.pick("返回", "Back")) } }
    };
    draw(desk, reader, StatusCode::NOT_FOUND, title, "/?", body)
}

/// A refusal instead of a page.
pub(super) fn plain(desk: &Desk, reader: &Reader, status: StatusCode, e: &Error) -> Response {
    let title = reader.pick("核验席", "Verification desk");
    let body = html! { header.page-head { h1 { (title) } p.lead { (reader.pick(&e.zh, &e.en)) } } };
    draw(desk, reader, status, title, "/?", body)
}

pub(super) fn sign_in(desk: &Desk, reader: &Reader, refused: Option<&Error>) -> Response {
    let title = reader.pick("进入核验席", "Open the desk");
    let body = html! {
        header.page-head { h1 { (title) } p.lead { (reader.pick("请输入本机构为核验席设定的口令。", "Type the token that this institution set for the desk.")) } }
        form.narrow-form.stack method="post" action=(format!("/sign-in?lang={}", reader.tag())) {
            label { (reader.pick("口令", "Token"))
                input type="password" name="token" maxlength="200" autocomplete="current-password" required autofocus
                    aria-invalid=[refused.map(|_| "true")] aria-describedby=[refused.map(|_| "why")]; }
            @if let Some(e) = refused { p.err id="why" role="alert" { (reader.pick(&e.zh, &e.en)) } }
            div.acts { button.btn.main type="submit" { (reader.pick("进入", "Open")) } }
        }
    };
    draw(desk, reader, StatusCode::UNAUTHORIZED, title, "/?", body)
}

/// `here` ends so that a parameter may follow.
pub(super) fn draw(
    desk: &Desk,
    reader: &Reader,
    status: StatusCode,
    title: &str,
    here: &str,
    body: Markup,
) -> Response {
    let other = reader.pick("en", "zh");
    let page = html! {
        (DOCTYPE)
        html lang=(reader.pick("zh-CN", "en-GB")) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · " (desk.institution()) }
                link rel="stylesheet" href="/desk.css";
            }
            body {
                header.top {
                    a.brand href=(format!("/?lang={}", reader.tag())) { svg aria-hidden="true" { use href="#i-brand" {} } (reader.pick("鹊凿节点", "Quezao node")) }
                    div.top-end {
                        a href=(format!("/status?lang={}", reader.tag())) { (reader.pick("节点状态", "Status")) }
                        a href=(format!("{here}lang={other}")) lang=(reader.pick("en", "zh-CN")) { (reader.pick("English", "中文")) }
                        @if desk.has_token() { form method="post" action=(format!("/sign-out?lang={}", reader.tag())) { button.link type="submit" { (reader.pick("退出", "Sign out")) } } }
                    }
                }
                main id="main" { (body) }
                footer.foot { p { (desk.institution()) } p { (say(reader, &paper::software())) } }
                (PreEscaped(MARKS))
            }
        }
    };
    let heads = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Nothing goes to another site; under `no-referrer` the desk's own forms would say `Origin: null`.
        (header::REFERRER_POLICY, "same-origin"),
    ];
    (status, heads, page.into_string()).into_response()
}

/// In eights, one string all the same.
fn digest(hex: &str) -> Markup {
    let eights: Vec<&str> = (0..hex.len()).step_by(8).filter_map(|n| hex.get(n..hex.len().min(n + 8))).collect();
    html! { span.digest { @for (n, eight) in eights.iter().enumerate() { @if n > 0 { wbr; } span { (eight) } } } }
}

fn say<'a>(reader: &Reader, words: &'a Words) -> &'a str {
    reader.pick(&words.zh, &words.en)
}

/// `2026-11-24 11:05:00 (UTC+8), 03:05:00 UTC`, or `2026-11-24 21:05:00 UTC` where that is another day.
pub(super) fn both(at: evidence::time::Utc) -> String {
    let (east, utc) = (local(at), at.to_micros());
    let (day, hour) = (utc.get(..10).unwrap_or_default(), utc.get(11..19).unwrap_or_default());
    let other = if east.starts_with(day) { String::new() } else { format!("{day} ") };
    format!("{east}, {other}{hour} UTC")
}

/// `2026-11-24 11:05:00 (UTC+8)`.
pub(super) fn local(at: evidence::time::Utc) -> String {
    let east = at.plus(8 * 3600 * evidence::time::SECOND).to_micros();
    format!("{} (UTC+8)", east.replacen('T', " ", 1).get(..19).unwrap_or_default())
}

fn line(reader: &Reader, seen: &Seen) -> Markup {
    let (mark, word) = match seen.result {
        Some(Outcome::Pass) => (Some("ok"), reader.pick("成立", "Holds")),
        Some(Outcome::Limited) => (Some("res"), reader.pick("有保留", "Limited")),
        Some(Outcome::Fail) => (Some("bad"), reader.pick("不成立", "Fails")),
        Some(Outcome::NotChecked) => (Some("wait"), reader.pick("未检查", "Not checked")),
        None => (None, reader.pick("所载", "As stated")),
    };
    // What does not hold has a value that must be there; elsewhere both are what was asked for and what was seen.
    let (must, is) = match seen.result {
        Some(Outcome::Fail) => (reader.pick("应为：", "must be: "), reader.pick("实为：", "is: ")),
        _ => (reader.pick("要求：", "asked for: "), reader.pick("所见：", "seen: ")),
    };
    html! {
        li {
            @match mark {
                Some(mark) => svg class=(format!("mk {mark}")) aria-hidden="true" { use href=(format!("#i-{mark}")) {} },
                // What is only stated looks like no check, open or not.
                None => span.said aria-hidden="true" {},
            }
            div {
                (say(reader, &seen.text))
                @if let Some((expected, found)) = &seen.values {
                    span.m {
                        @if expected == found { (reader.pick("两值相同：", "both values: ")) code.mono { (found) } }
                        @else {
                            (must) code.mono { (expected) } br;
                            (is) code.mono { (found) }
                        }
                    }
                }
            }
            span.w { (word) }
        }
    }
}

/// As the rule numbers it; in English with figures.
fn item<'a>(reader: &Reader, item: &'a str) -> &'a str {
    match (reader.tag(), certificate::ITEMS.iter().find(|(zh, _)| *zh == item)) {
        ("en", Some((_, en))) => en,
        _ => item,
    }
}

fn beyond(reader: &Reader, words: &Words) -> Markup {
    html! {
        li.beyond {
            svg.mk.go aria-hidden="true" { use href="#i-wait" {} }
            div { (say(reader, words)) }
            span.w { (reader.pick("软件不能回答", "Beyond software")) }
        }
    }
}
