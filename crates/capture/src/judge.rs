//! How a capture ended, and what is to be said of it.

use url::Url;

use crate::browser::Browser;
use crate::error::Result;
use crate::guard::{self, What};
use crate::network::{ENDED, RULES, WORKER};
use crate::page::Page;
use crate::recording::{Exchange, Outcome, Reason};
use crate::walls::{self, Facts};

#[allow(clippy::too_many_arguments)]
pub(crate) fn judge(
    url: &Url,
    opened: Result<Option<String>>,
    died: bool,
    status: Option<u16>,
    facts: Option<&Facts>,
    exchanges: &[Exchange],
    log: &[guard::Event],
    browser: &Browser,
) -> (Outcome, Option<Reason>) {
    let refused = exchanges
        .iter()
        .rev()
        .find(|e| e.main)
        .is_some_and(|e| e.response.is_none() && e.failure.as_deref().is_some_and(|f| f != ENDED));
    let why = match opened {
        Err(e) => Some(e.to_string()),
        Ok(Some(why)) => Some(why),
        Ok(None) if died => browser.crashed.clone(),
        Ok(None) if refused => Some("refused".to_owned()),
        Ok(None) => None,
    };
    if let (Some(why), Some(status @ (401 | 407))) = (&why, status)
        && why.contains("AUTH")
    {
        let zh = format!("服务器要求身份验证（HTTP {status}），未取得其内容");
        let en = format!("the server asked for a name and a password (HTTP {status}); its content was not obtained");
        return (Outcome::Blocked, Some(Reason::new("refused", zh, en)));
    }
    let Some(mut why) = why else {
        return match facts.and_then(|facts| walls::wall(url, status, facts)) {
            Some(reason) => (Outcome::Blocked, Some(reason)),
            None => (Outcome::Complete, None),
        };
    };
    // Where the redirects ended.
    let last = exchanges.iter().rev().find(|e| e.main).and_then(|e| Url::parse(&e.url).ok());
    let last = last.as_ref().unwrap_or(url);
    if browser.incidents.iter().any(|incident| incident["what"] == "download") {
        why = "the address is a download, not a page".to_owned();
    } else if let Some(reason) = log.iter().rev().find_map(|event| match &event.what {
        What::Refused { target, reason } | What::Failed { target, reason }
            if last.host_str().is_some_and(|h| target.contains(h)) =>
        {
            Some(reason.clone())
        }
        _ => None,
    }) {
        why = format!("{why}: {reason}");
    }
    (Outcome::Failed, Some(Reason::new("failed", format!("页面打不开：{why}"), format!("there is no page: {why}"))))
}

/// What a page that was reached lacks.
pub(crate) fn lacks(page: &mut Page<'_>, exchanges: &[Exchange], facts: Option<&Facts>, status: Option<u16>) {
    if let Some(status @ 400..) = status {
        page.reason(Reason::new(
            "status",
            format!("服务器答复 HTTP {status}"),
            format!("the server answered HTTP {status}"),
        ));
    }
    let n = facts.map_or(0, |facts| facts.missing_images);
    if n > 0 {
        page.reason(Reason::new("images", format!("有 {n} 幅图片未能显示"), format!("{n} images did not appear")));
    }
    // A truncated body, an address that the guard refused; what the page itself cancelled is no lack.
    let failed: Vec<&str> = exchanges
        .iter()
        .filter(|e| !e.printing && e.failure.as_deref().is_some_and(lost))
        .map(|e| e.url.as_str())
        .collect();
    if !failed.is_empty() {
        let (n, list) = (failed.len(), failed.iter().take(5).copied().collect::<Vec<_>>().join(" "));
        page.reason(Reason::new(
            "failures",
            format!("有 {n} 个请求未成功：{list}"),
            format!("{n} requests failed: {list}"),
        ));
    }
    let bodies = exchanges.iter().filter(|e| {
        !e.printing
            && e.redirect.is_none()
            && e.failure.is_none()
            && e.response
                .as_ref()
                .is_some_and(|r| r.body.is_none() && !matches!(r.status, 101 | 204 | 205 | 304) && e.method != "HEAD")
    });
    let n = bodies
        .filter(|e| e.peer.is_some() && !matches!(e.kind.as_str(), "Preflight" | "Prefetch" | "Ping" | "EventSource"))
        .count();
    if n > 0 {
        page.reason(Reason::new(
            "bodies",
            format!("有 {n} 个响应缺少正文"),
            format!("{n} responses are without their body"),
        ));
    }
}

/// Answers that a page's service worker gave in the site's place are no records of the site's.
pub(crate) fn worker_answers(page: &mut Page<'_>, exchanges: &[Exchange]) {
    let workers = exchanges
        .iter()
        .filter(|e| !e.printing && e.response.as_ref().is_some_and(|r| r.note.as_deref() == Some(WORKER)));
    let n = workers.count();
    if n > 0 {
        page.remark(Reason::new(
            "service-worker",
            format!("有 {n} 个答复由页面自己的 Service Worker 给出，并非来自网站，不作为网站的响应记录"),
            format!("{n} answers were given by the page's own service worker, not by the site; they are not recorded as the site's"),
        ));
    }
}

/// Not what the page itself cancelled or forbade, nor what the recording's end cut off.
fn lost(failure: &str) -> bool {
    failure != ENDED && !failure.contains("ERR_ABORTED") && !failure.contains(RULES)
}

/// Dialogs, popups and the like are said.
pub(crate) fn incidents(page: &mut Page<'_>) {
    for (what, zh, en) in [
        ("dialog", "页面弹出对话框，已取消", "the page opened a dialog, which was dismissed"),
        ("popup", "页面打开了新窗口，已关闭", "the page opened a window, which was closed"),
        ("download", "页面发起下载，已拒绝", "the page began a download, which was denied"),
        ("webtransport", "页面使用 WebTransport，未放行", "the page tried WebTransport, which has no way out"),
    ] {
        if page.browser.incidents.iter().any(|incident| incident["what"] == what) {
            page.remark(Reason::new(what, zh, en));
        }
    }
    for (what, zh, en) in [
        ("body-without-end", "有文本响应没有结束，已中断", "a text response did not end and was cut"),
        ("message-too-long", "浏览器的一条消息过长，已略过", "a message of the browser's was too long and was skipped"),
    ] {
        if page.browser.incidents.iter().any(|incident| incident["what"] == what) {
            page.reason(Reason::new(what, zh, en));
        }
    }
}
