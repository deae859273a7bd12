//! The readings as one page for people, in both languages. It carries no script and loads nothing; every value is text.
//!
//! It is the capturing system's own report about itself, and says so first.

use std::fmt::Write;

use serde_json::Value;

use crate::recording::Reason;

const LIST_MAX: usize = 60;

/// Chinese, English, and where it stands in a reading.
type Row = (&'static str, &'static str, &'static str);

/// What is shown: Chinese, English, rows.
const SECTIONS: &[(&str, &str, &[Row])] = &[
    (
        "系统",
        "System",
        &[
            ("操作系统", "Operating system", "/system/os"),
            ("内核", "Kernel", "/system/kernel"),
            ("主机名", "Host name", "/system/host"),
            ("本次启动编号", "Boot id", "/system/boot_id"),
            ("时钟来源", "Clock source", "/system/clock_source"),
            ("语言区域", "Locale", "/locale/lang"),
            ("时区", "Time zone", "/locale/time_zone"),
            ("字体文件", "Font files", "/fonts"),
        ],
    ),
    (
        "时钟",
        "Clock",
        &[(
            "与时间服务器的比对（本机减服务器，微秒；答复未经认证）",
            "Compared with time servers (this machine minus server, µs; answers are not authenticated)",
            "/time/servers",
        )],
    ),
    (
        "名称与网络",
        "Names and network",
        &[
            ("hosts 文件", "Hosts file", "/names/hosts"),
            ("系统解析设置", "System's resolver settings", "/names/resolv_conf"),
            ("指定的解析服务器", "Resolvers named by the operator", "/names/resolvers"),
            ("网络接口", "Interfaces", "/network/interfaces"),
            ("路由", "Routes", "/network/routes"),
            ("代理变量", "Proxy variables", "/network/proxy_variables"),
        ],
    ),
    (
        "运营方所述（未测量；网页可能因地区、账号、设备而不同）",
        "Stated by the operator (not measured; pages can differ by region, account and device)",
        &[
            ("公网地址", "Public address", "/network/public_address"),
            ("地区", "Region", "/network/region"),
            ("网络", "Network", "/network/network"),
        ],
    ),
    (
        "根证书",
        "Root certificates",
        &[
            ("系统根证书", "System's roots", "/trust/system_ca"),
            ("另装的 CA 文件", "CA files that were added", "/trust/added_ca_files"),
        ],
    ),
    (
        "浏览器",
        "Browser",
        &[
            ("程序", "Program", "/chromium/path"),
            ("程序 SHA-256", "Program's SHA-256", "/chromium/sha256"),
            ("软件包", "Package", "/chromium/package"),
            (
                "软件包校验（按本机的软件包数据库）",
                "Package verification (by this machine's own database)",
                "/chromium/verified",
            ),
            ("版本", "Version", "/browser/product"),
            ("用户代理", "User agent", "/browser/userAgent"),
            ("启动参数", "Arguments", "/browser/arguments"),
            (
                "主机上的策略（对浏览器隐藏）",
                "Policies on the host (hidden from the browser)",
                "/chromium/host_policies",
            ),
        ],
    ),
    (
        "浏览器所在的命名空间",
        "The browser's namespaces",
        &[
            ("网络接口", "Interfaces", "/inside/interfaces"),
            ("路由", "Routes", "/inside/routes"),
            ("计数器", "Counters", "/inside/counters"),
            ("可见的根目录", "Root folder as seen", "/inside/root"),
            ("进程", "Processes", "/inside/processes"),
        ],
    ),
    (
        "取证程序",
        "Recorder",
        &[("版本", "Version", "/recorder/version"), ("程序 SHA-256", "Program's SHA-256", "/recorder/sha256")],
    ),
];

/// The page. `remarks` are what else is to be said.
pub(crate) fn page(
    before: &Value,
    after: &Value,
    differences: &[String],
    flags: &[Reason],
    remarks: &[Reason],
    times: (i64, i64),
) -> String {
    let mut out = String::from(HEAD);
    let at = |us: i64| evidence::time::Utc(us).to_micros();
    let _ = write!(
        out,
        "<p class=label lang=zh-CN>取证系统关于自身的报告：由取证程序读取，未经他人核实。</p>\
         <p class=label lang=en>The capturing system's own report about itself: read by the capturing program, verified by nobody else.</p>\
         <p>{} – {}</p>",
        escape(&at(times.0)),
        escape(&at(times.1))
    );
    let plain = before["recorder"]["isolation"] == crate::isolation::plain::NAME;
    out.push_str(if plain { GUARD_ASKED } else { GUARD });
    list(&mut out, "危险信号", "Red flags", flags, ("无", "none"));
    let _ = write!(out, "<h2>前后差异 <span lang=en>Differences between before and after</span></h2>");
    if differences.is_empty() {
        out.push_str("<p>无 <span lang=en>none</span></p>");
    } else {
        out.push_str("<ul>");
        for path in differences.iter().take(LIST_MAX) {
            let _ = write!(out, "<li><code>{}</code></li>", escape(path));
        }
        out.push_str("</ul>");
    }
    list(&mut out, "说明", "Remarks", remarks, ("无", "none"));
    for (zh, en, rows) in SECTIONS {
        let _ = write!(out, "<h2>{zh} <span lang=en>{en}</span></h2><table>");
        for (zh, en, pointer) in *rows {
            let (a, b) = (before.pointer(pointer), after.pointer(pointer));
            let a_shown = match pointer.rsplit('/').next() {
                Some("public_address" | "region" | "network") if a.is_none_or(Value::is_null) => NOT_STATED.to_owned(),
                Some("servers") if a.is_none_or(|a| a.as_array().is_none_or(Vec::is_empty)) => NOT_COMPARED.to_owned(),
                _ => show(a),
            };
            let _ = write!(out, "<tr><th>{zh}<br><span lang=en>{en}</span></th><td>{a_shown}");
            if b.is_some() && a != b {
                let _ = write!(out, "<p class=after>之后 <span lang=en>after</span></p>{}", show(b));
            }
            out.push_str("</td></tr>");
        }
        out.push_str("</table>");
    }
    out.push_str("</main></html>\n");
    out
}

fn list(out: &mut String, zh: &str, en: &str, reasons: &[Reason], none: (&str, &str)) {
    let _ = write!(out, "<h2>{zh} <span lang=en>{en}</span></h2>");
    if reasons.is_empty() {
        let _ = write!(out, "<p>{} <span lang=en>{}</span></p>", none.0, none.1);
        return;
    }
    out.push_str("<ul>");
    for reason in reasons.iter().take(LIST_MAX) {
        let _ = write!(out, "<li>{}<br><span lang=en>{}</span></li>", escape(&reason.zh), escape(&reason.en));
    }
    out.push_str("</ul>");
}

/// One value; a missing one is said to be unknown.
fn show(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "<span class=none>未知 <span lang=en>unknown</span></span>".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "–".to_owned(),
        Some(Value::String(text)) => format!("<code>{}</code>", escape(text)),
        Some(Value::Array(all)) if all.is_empty() => "无 <span lang=en>none</span>".to_owned(),
        Some(Value::Object(all)) if all.is_empty() => "无 <span lang=en>none</span>".to_owned(),
        Some(Value::Array(all)) => {
            let shown = all.iter().take(LIST_MAX).map(|one| format!("<li><code>{}</code></li>", escape(&plain(one))));
            let more = all.len().saturating_sub(LIST_MAX);
            let more = if more > 0 { format!("<li>… +{more}</li>") } else { String::new() };
            format!("<ul>{}{more}</ul>", shown.collect::<String>())
        }
        Some(Value::Object(all)) => {
            let shown = all
                .iter()
                .take(LIST_MAX)
                .map(|(name, one)| format!("<li>{} <code>{}</code></li>", escape(name), escape(&plain(one))));
            format!("<ul>{}</ul>", shown.collect::<String>())
        }
        Some(other) => format!("<code>{}</code>", escape(&other.to_string())),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Text as it may stand in the page; what steers a reader's eye is shown by its number.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control()
                || matches!(u32::from(c), 0x061C | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF) =>
            {
                let _ = write!(out, "[U+{:04X}]", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

const HEAD: &str = "<!doctype html><html lang=zh-CN><meta charset=utf-8>\
<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">\
<title>环境清洁度报告 / Cleanliness report</title><style>\
body{background:#FBFAF7;color:#1C1B1A;font:14px/1.7 system-ui,sans-serif;margin:0}\
main{max-width:960px;margin:48px auto;padding:0 24px}h1{font-size:28px}h2{font-size:18px;border-top:1px solid #d8d4cb;\
padding-top:16px;margin-top:32px}table{border-collapse:collapse;width:100%}th{text-align:left;font-weight:400;width:32%;\
vertical-align:top;padding:4px 16px 4px 0}td{vertical-align:top;padding:4px 0}span[lang=en]{color:#5a5751}\
code{font-family:ui-monospace,monospace;font-size:12px;overflow-wrap:anywhere;white-space:pre-wrap}\
ul{margin:0;padding-left:18px}.label{font-weight:600;margin:0}.after{color:#9E2B25;margin:4px 0 0}.none{color:#5a5751}\
</style><main><h1>环境清洁度报告 <span lang=en>Cleanliness report</span></h1>";

const NOT_STATED: &str = "<span class=none>未陈述 <span lang=en>not stated</span></span>";
const NOT_COMPARED: &str = "<span class=none>没有比对 <span lang=en>not compared</span></span>";

const GUARD: &str = "<p>本程序的出口守卫是浏览器唯一的出路，属于被信任的一环：它解析名称、只连公网地址、转发字节、\
从不打开 TLS。<br><span lang=en>This program's egress guard is the browser's only way out and part of the trusted path: it \
resolves names, connects to public addresses only, passes bytes on, and never opens TLS.</span></p>";

const GUARD_ASKED: &str = "<p>本程序的出口守卫是浏览器的代理，属于被信任的一环；在此较弱模式下，没有命名空间强制浏览器只走它。\
<br><span lang=en>This program's egress guard was the browser's proxy and is part of the trusted path; in this weaker mode no \
namespace forces the browser to use it.</span></p>";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_text_and_differences_show_both_sides() {
        let before =
            json!({ "system": { "host": "<script>x</script>\u{202e}" }, "names": { "hosts": ["127.0.0.1 a"] } });
        let after =
            json!({ "system": { "host": "<script>x</script>\u{202e}" }, "names": { "hosts": ["10.0.0.1 a&b"] } });
        let flag = Reason::new("hosts-entry", "hosts 文件把 a 指向 <b>", "the hosts file points a to <b>");
        let page = page(&before, &after, &["/names/hosts".to_owned()], &[flag], &[], (0, 1_000_000));
        assert!(
            !page.contains("<script")
                && !page.contains('\u{202e}')
                && page.contains("&lt;script&gt;x&lt;/script&gt;[U+202E]")
        );
        assert!(page.contains("127.0.0.1 a") && page.contains("10.0.0.1 a&amp;b") && page.contains("to &lt;b&gt;"));
        assert!(page.contains("<code>/names/hosts</code>") && page.contains("1970-01-01T00:00:01"));
        for said in ["取证系统关于自身的报告", "The capturing system's own report", "egress guard", "出口守卫"]
        {
            assert!(page.contains(said), "{said}");
        }
    }

    #[test]
    fn a_reading_of_nothing_is_a_page_of_unknowns() {
        let page = page(&Value::Null, &Value::Null, &[], &[], &[], (0, 0));
        assert!(page.matches("未知").count() > 20 && page.ends_with("</main></html>\n"));
    }
}
