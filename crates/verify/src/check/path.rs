//! How the page that the file shows was reached from the URL that was ordered: by recorded HTTP redirects, or by steps
//! that only the operation log tells of (a page that goes on by itself, an address that a script sets).

use super::address::{as_asked, led_to, plain};
use crate::{Check, Outcome, verdict::clean};
use archive::wacz::Wacz;
use evidence::{Error, json::Value};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const ID: &str = "capture-path";
/// Steps that are told; the rest is counted.
const TOLD: usize = 4;
/// Characters of a URL in a sentence.
const LINE: usize = 200;

/// One step: from, to, and whether only the log tells of it.
type Step<'a> = (&'a str, &'a str, bool);

/// `ordered` is the order's URL, `result` the file's own word about its end.
pub(super) fn check(ordered: Option<&str>, read: &Wacz, result: Option<&Value>) -> Check {
    let Some(page) = read.pages.first().map(|p| plain(&p.url)) else {
        return Check::error(ID, &Error::Missing { what: "WACZ", missing: "a page".into() });
    };
    let Some(ordered) = ordered else {
        return Check::error(ID, &Error::Missing { what: "disclosed by the capture", missing: "url".into() });
    };
    let hops: Vec<&str> = result.and_then(|r| r["hops"].as_array()).into_iter().flatten().filter_map(hop).collect();
    let asked = as_asked(ordered);
    // What the browser made of a URL that is not compared, the log says.
    let Some(start) = asked.as_deref().or_else(|| hops.first().copied()) else {
        return Check::new(
            ID,
            Outcome::NotChecked,
            "指令网址的写法特殊，操作日志也没有载明经过，无法与最终网页相连。",
            "The order's URL is written in a way that was not compared, and the operation log does not tell how the page was reached.",
        );
    };
    let redirects: Vec<(&str, String)> = read
        .entries
        .iter()
        .filter_map(|e| Some((e.target.as_str(), led_to(&e.target, e.location.as_deref()?)?)))
        .collect();
    let requested: BTreeSet<&str> =
        read.entries.iter().filter(|e| e.kind == "request").map(|e| e.target.as_str()).collect();
    let mut steps: BTreeMap<&str, Vec<(&str, bool)>> = BTreeMap::new();
    for (from, to) in &redirects {
        steps.entry(from).or_default().push((to, false));
    }
    let secure: Vec<(String, &str)> =
        requested.iter().filter_map(|to| Some((format!("http://{}", to.strip_prefix("https://")?), *to))).collect();
    for (from, to) in &secure {
        steps.entry(from).or_default().push((to, false));
    }
    let recorded = way(start, page, &steps);
    let answered = read.entries.iter().any(|e| e.kind == "response" && e.target == page);
    if let Some(steps) = recorded.as_ref().filter(|_| answered && asked.is_some()) {
        return match steps.len() {
            0 => Check::new(
                ID,
                Outcome::Pass,
                "最终网页的地址就是指令网址。",
                "The page's address is the one that was ordered.",
            ),
            n => {
                let redirected = |s: &&Step<'_>| redirects.iter().any(|(from, to)| (*from, to.as_str()) == (s.0, s.1));
                let (mut zh, mut en) = (
                    format!("从指令网址到最终网页的 {n} 步都是有记录的 HTTP 跳转"),
                    format!("From the ordered URL to the page: {n} steps, each a recorded HTTP redirect"),
                );
                let upgraded = n - steps.iter().filter(redirected).count();
                if upgraded > 0 {
                    zh.push_str(&format!("，但有 {upgraded} 步只是同一地址由 http 改用 https，没有跳转记录"));
                    en.push_str(&format!(
                        ", but for {upgraded} from http to https at the same address, of which no redirect is recorded"
                    ));
                }
                Check::new(ID, Outcome::Pass, format!("{zh}。"), format!("{en}."))
            }
        };
    }
    for pair in hops.windows(2) {
        steps.entry(pair[0]).or_default().push((pair[1], true));
    }
    let Some(found) = recorded.or_else(|| way(start, page, &steps)) else {
        return unreached(start, page, &steps);
    };
    let (zh, en) = told(&found);
    let (mut zhs, mut ens) = (Vec::new(), Vec::new());
    if !en.is_empty() {
        zhs.push(format!("只有取证系统的操作日志记载的步骤：{zh}"));
        ens.push(format!("steps that only the capturing system's log tells of: {en}"));
    }
    if asked.is_none() {
        zhs.push("指令网址的写法特殊，浏览器如何理解它只有日志记载".into());
        ens.push("how the browser understood the order's URL, which is written in a way that was not compared, only the log tells".into());
    }
    if !answered {
        zhs.push("文件中没有该地址的应答".into());
        ens.push("the file holds no answer for this address".into());
    }
    Check::new(
        ID,
        Outcome::Limited,
        format!("最终网页由指令网址到达；有保留：{}。", zhs.join("；")),
        format!("The page was reached from the ordered URL; with reservations: {}.", ens.join("; ")),
    )
}

/// Not by any step that the file holds.
fn unreached(start: &str, page: &str, steps: &BTreeMap<&str, Vec<(&str, bool)>>) -> Check {
    let reached = reach(start, steps);
    let list = reached.keys().take(TOLD).map(|to| short(to)).collect::<Vec<_>>().join(", ");
    let more = reached.len().saturating_sub(TOLD);
    let expected = if more > 0 { format!("{list} … +{more}") } else { list };
    Check {
        found: Some(clean(short(page))),
        expected: Some(clean(expected)),
        ..Check::new(
            ID,
            Outcome::Fail,
            "从指令网址到最终网页没有有记录的跳转，操作日志也没有记载：这不是所指令的网页。",
            "No recorded redirect and no step of the operation log leads from the ordered URL to the page: it is not the page that was ordered.",
        )
    }
}

fn hop(hop: &Value) -> Option<&str> {
    hop["url"].as_str().map(plain)
}

/// The shortest way, its steps in order.
fn way<'a>(start: &'a str, end: &'a str, steps: &BTreeMap<&str, Vec<(&'a str, bool)>>) -> Option<Vec<Step<'a>>> {
    let from = reach(start, steps);
    let (mut at, mut back) = (end, Vec::new());
    while at != start {
        let (before, logged) = *from.get(at)?;
        back.push((before, at, logged));
        at = before;
    }
    back.reverse();
    Some(back)
}

/// Whatever can be reached, and whence.
fn reach<'a>(start: &'a str, steps: &BTreeMap<&str, Vec<(&'a str, bool)>>) -> BTreeMap<&'a str, (&'a str, bool)> {
    let mut from = BTreeMap::from([(start, (start, false))]);
    let mut next = vec![start];
    while !next.is_empty() {
        let mut further = Vec::new();
        for at in next {
            for (to, logged) in steps.get(at).into_iter().flatten() {
                if !from.contains_key(to) {
                    from.insert(to, (at, *logged));
                    further.push(*to);
                }
            }
        }
        next = further;
    }
    from
}

/// The steps that only the log tells of.
fn told(way: &[Step<'_>]) -> (String, String) {
    let logged: Vec<String> =
        way.iter().filter(|s| s.2).map(|(from, to, _)| format!("{} → {}", short(from), short(to))).collect();
    let more = logged.len().saturating_sub(TOLD);
    let list = |between: &str| {
        let some = logged.iter().take(TOLD).cloned().collect::<Vec<_>>().join(between);
        clean(if more > 0 { format!("{some} … +{more}") } else { some })
    };
    (list("；"), list("; "))
}

fn short(url: &str) -> String {
    let cut: String = url.chars().take(LINE).collect();
    if cut.len() < url.len() { format!("{cut}…") } else { cut }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use archive::wacz::{About, Entry, Page};
    use evidence::{json::json, time::Utc};

    fn entry(kind: &'static str, target: &str, location: Option<&str>) -> Entry {
        Entry {
            kind,
            target: target.into(),
            at: Utc(0),
            offset: 0,
            length: 0,
            payload_sha256: [0; 32],
            payload_size: 0,
            status: None,
            location: location.map(str::to_owned),
            content_type: None,
            indexed: false,
        }
    }

    fn found(ordered: &str, asked: &[(&str, Option<&str>)], page: &str, hops: &[&str]) -> Outcome {
        checked(ordered, asked, page, hops).result
    }

    /// Requests with the target of their redirect; all of them answered.
    fn checked(ordered: &str, asked: &[(&str, Option<&str>)], page: &str, hops: &[&str]) -> Check {
        let both = |(url, to): &(&str, Option<&str>)| [entry("request", url, None), entry("response", url, *to)];
        let read = Wacz {
            entries: asked.iter().flat_map(both).collect(),
            pages: vec![Page { url: page.into(), title: None, at: Utc(0), text: None }],
            about: About { software: "x".into(), created: Utc(0), title: None },
        };
        let hops: Vec<Value> = hops.iter().map(|url| json!({ "url": url })).collect();
        check(Some(ordered), &read, Some(&json!({ "hops": hops })))
    }

    #[test]
    fn a_step_to_https_is_no_recorded_redirect() {
        let asked = [("https://a.example/", Some("/x")), ("https://a.example/x", None)];
        let told = |ordered| checked(ordered, &asked, "https://a.example/x", &[]).en;
        assert_eq!(
            told("https://a.example/"),
            "From the ordered URL to the page: 1 steps, each a recorded HTTP redirect."
        );
        assert!(told("http://a.example/").starts_with("From the ordered URL to the page: 2 steps"));
        assert!(told("http://a.example/").contains("but for 1 from http to https"));
    }

    #[test]
    fn redirects_lead_to_the_page_or_the_log_says_how_or_it_is_another_page() {
        use Outcome::{Fail, Limited, NotChecked, Pass};
        let a = "https://a.example/";
        assert_eq!(found("https://A.example#x", &[(a, None)], a, &[]), Pass);
        let both = [(a, Some("//b.example/x")), ("https://b.example/x", Some("y")), ("https://b.example/y", None)];
        assert_eq!(found(a, &both, "https://b.example/y", &[]), Pass);
        assert_eq!(found("http://a.example", &both, "https://b.example/y", &[]), Pass, "taken over https at once");
        assert_eq!(found(a, &both[..1], "https://b.example/x", &[]), Limited, "no answer in the file");
        let alone = [(a, None), ("https://b.example/x", None)];
        assert_eq!(found(a, &alone, "https://b.example/x", &[a, "https://b.example/x#top"]), Limited);
        assert_eq!(found(a, &alone, "https://b.example/x", &[]), Fail);
        assert_eq!(found(a, &alone, "https://b.example/x", &["https://c.example/", "https://b.example/x"]), Fail);
        // A picture's redirect is none of the page's.
        let picture = [(a, None), ("https://a.example/p", Some("https://b.example/x")), ("https://b.example/x", None)];
        assert_eq!(found(a, &picture, "https://b.example/x", &[a]), Fail);
        let named = "https://商店.example/";
        assert_eq!(found(named, &alone, a, &[a]), Limited);
        assert_eq!(found(named, &alone, "https://b.example/x", &[a]), Fail);
        assert_eq!(found(named, &alone, a, &[]), NotChecked);
        // Redirects in a ring end.
        let ring = [(a, Some("https://b.example/x")), ("https://b.example/x", Some(a))];
        assert_eq!(found(a, &ring, "https://c.example/", &[]), Fail);
    }
}
