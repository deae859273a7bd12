//! Looks at machine and folder without changing anything.

use crate::{Finding, Folder, Mode, clock};
use std::{path::Path, process::Command};

/// Findings about tools, clock, disk and, where one is given, the folder.
pub fn doctor(dir: Option<&Path>) -> Vec<Finding> {
    let mut findings =
        vec![tool("openssl", &["version"]), tool("python3", &["--version"]), fonts(), clock_year(), browser()];
    if let Some(dir) = dir {
        findings.push(space(dir));
        findings.extend(folder(dir));
    }
    findings
}

fn tool(name: &'static str, args: &[&str]) -> Finding {
    let version = Command::new(name).args(args).output().ok().filter(|o| o.status.success());
    match version.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned()) {
        Some(version) => Finding { level: "ok", subject: name, zh: version.clone(), en: version },
        None => Finding {
            level: "warning",
            subject: name,
            zh: format!("没有找到 {name}；用独立工具核验时需要它（apt-get install {name}）"),
            en: format!("{name} was not found; checking with independent tools needs it (apt-get install {name})"),
        },
    }
}

/// The program's own fonts cover everyday names; whether the system has more is seen by one rare character of names.
pub(crate) fn fonts() -> Finding {
    // Looked at and not kept: a portal that waits to be set up holds no fonts of the system's.
    let full = certificate::Fonts::with_system().missing("𠮷").is_empty();
    let (level, zh, en) = if full {
        ("ok", "内置字体之外，还有系统的 Noto CJK 字体", "the program's own, and the system's Noto CJK behind them")
    } else {
        (
            "warning",
            "只有内置字体：含生僻字的名称不能登记；需要时请安装（apt-get install fonts-noto-cjk）",
            "the program's own alone: a name with rare characters cannot be recorded; install more if you need them (apt-get install fonts-noto-cjk)",
        )
    };
    Finding { level, subject: "fonts", zh: zh.into(), en: en.into() }
}

/// Starts and ends an empty browser in namespaces of its own.
fn browser() -> Finding {
    let (level, zh, en) = match capture::check(&capture::Machine::default()) {
        Ok(version) => {
            let shown = version.trim().to_owned();
            ("ok", format!("{shown}，可在独立的命名空间中运行"), format!("{shown}, runs in namespaces of its own"))
        }
        Err(e) => ("warning", format!("不能网页取证（{e}）"), format!("pages cannot be captured ({e})")),
    };
    Finding { level, subject: "capture", zh, en }
}

pub(crate) fn clock_year() -> Finding {
    let now = clock::now().to_micros();
    if now.as_str() < "2026" {
        return Finding {
            level: "problem",
            subject: "clock",
            zh: format!("系统时钟为 {now}，明显偏早；请校准后再登记"),
            en: format!("the system clock says {now}, which is too early; set it before you deposit"),
        };
    }
    Finding {
        level: "warning",
        subject: "clock",
        zh: format!("{now}；尚未与时间服务器比对，记录会注明“时钟未检查”"),
        en: format!("{now}; not compared with a time server, and records say so"),
    }
}

/// The same in two lines: a machine without Chromium may let one run, and one with it may not.
pub(crate) fn isolation_and_browser() -> [Finding; 2] {
    let finding = |subject, level, zh: String, en: String| Finding { level, subject, zh, en };
    let shown = |version: &str| version.trim().to_owned();
    match capture::check(&capture::Machine::default()) {
        Ok(version) => [
            finding("isolation", "ok", "允许独立的命名空间".into(), "namespaces of its own are allowed".into()),
            finding("browser", "ok", shown(&version), shown(&version)),
        ],
        Err(e @ capture::Error::Isolation { .. }) => [
            finding("isolation", "warning", format!("网页取证暂不可用（{e}）"), format!("no captures yet ({e})")),
            finding("browser", "warning", "隔离不可用，没有检查".into(), "not looked at without isolation".into()),
        ],
        Err(e) => [
            finding("isolation", "warning", "没有浏览器，没有检查".into(), "not looked at without a browser".into()),
            finding(
                "browser",
                "warning",
                format!("网页取证暂不可用，其余照常（{e}）"),
                format!("no captures yet, all else works ({e})"),
            ),
        ],
    }
}

fn space(dir: &Path) -> Finding {
    let (level, zh, en) = match rustix::fs::statvfs(dir) {
        Ok(s) => {
            let free = s.f_bavail.saturating_mul(s.f_frsize) / (1 << 20);
            let level = if free < 512 { "warning" } else { "ok" };
            (level, format!("剩余 {free} MiB"), format!("{free} MiB free"))
        }
        Err(e) => ("problem", format!("无法读取（{e}）"), format!("cannot be read ({e})")),
    };
    Finding { level, subject: "disk", zh, en }
}

fn folder(dir: &Path) -> Vec<Finding> {
    let folder = match Folder::open(dir, Mode::Read) {
        Ok(folder) => folder,
        Err(e) => return vec![Finding { level: "problem", subject: "folder", zh: e.zh, en: e.en }],
    };
    vec![ledger(&folder), fingerprints(&folder)]
}

fn fingerprints(folder: &Folder) -> Finding {
    let finding = |level, zh, en| Finding { level, subject: "similar", zh, en };
    match folder.check_similar() {
        Ok((count, 0, true)) => {
            finding("ok", format!("{count} 个图片指纹"), format!("{count} fingerprints of pictures"))
        }
        Ok((count, damaged, _)) => finding(
            "warning",
            format!("{count} 个图片指纹，{damaged} 个损坏，或缺较早的图片；请运行 quezao admin similar rebuild"),
            format!(
                "{count} fingerprints of pictures, {damaged} damaged, or earlier pictures lack; run quezao admin similar rebuild"
            ),
        ),
        Err(e) => finding("warning", e.zh, e.en),
    }
}

fn ledger(folder: &Folder) -> Finding {
    match folder.check_ledger() {
        Ok((size, root, 0)) => Finding {
            level: "ok",
            subject: "ledger",
            zh: format!("{size} 条记录，根 {root}"),
            en: format!("{size} records, root {root}"),
        },
        Ok((size, _, waiting)) => Finding {
            level: "warning",
            subject: "ledger",
            zh: format!("{size} 条记录，另有 {waiting} 条待写入；下一条写入命令会补上"),
            en: format!("{size} records, {waiting} more wait; the next writing command submits them"),
        },
        Err(e) => Finding { level: "problem", subject: "ledger", zh: e.zh, en: e.en },
    }
}
