//! A capture's verdict and file become a report: claims from the verdict, everything else from the file that it checked.
//!
//! Rules:
//! - The file is read only where `capture-resources` held; its artefacts are the recorder's own words and are printed
//!   as such. An artefact that is absent, too large or of another form leaves its lines out and breaks nothing.
//! - Every list is bounded here, and what is left out is counted.

use std::collections::BTreeSet;

use archive::wacz::{Source, Wacz};
use base64::Engine;
use evidence::{
    digest::sha256,
    hex,
    json::Value,
    time::{SECOND, Utc},
};
use verify::Facts;

use crate::fill::TITLE;
use crate::report::{Ended, Hop, Line, Listed, Peer, Pictures, Report, Screenshot, Shown, cut};
use crate::sheet::{Moment, Words};

/// Most bytes of an artefact that is summarised.
const MAX_ARTEFACT: u64 = 32 << 20;
/// Characters of a stranger's text in a line, and of a sentence that quotes some.
const LINE: usize = 240;
const SENTENCE: usize = 400;
/// Lines of each list.
const HOPS: usize = 10;
const PEERS: usize = 12;
const SHOWN: usize = 12;
const FILES: usize = 40;
const TOLD: usize = 16;

/// The report of a capture. `claim` gives an opened claim where `disclosures` holds.
pub(crate) fn report(
    facts: &Facts,
    wacz: &Wacz,
    source: &mut dyn Source,
    pictures: &Pictures,
    claim: &dyn Fn(&str) -> Option<Value>,
    ordered: Option<Moment>,
) -> Report {
    let text = |name: &str| claim(name).and_then(|v| v.as_str().map(str::to_owned));
    let mut artefacts = Artefacts { wacz, source };
    let result = facts.ended.as_ref();
    let told = |name: &str| {
        let list = result.and_then(|r| r[name].as_array()).into_iter().flatten();
        let word = |v: &Value, lang: &str| cut(v[lang].as_str().unwrap_or("—"), SENTENCE);
        list.take(TOLD).map(|v| Words::new(word(v, "zh"), word(v, "en"))).collect::<Vec<_>>()
    };
    let (reasons, remarks, flags) = (told("reasons"), told("remarks"), told("red_flags"));
    let (hops, more_hops) = hops(result, wacz);
    let (peers, more_peers) = peers(&artefacts.lines("guard"));
    let ended_at = text("final_url").or_else(|| text("url")).unwrap_or_default();
    let site = site(&artefacts.lines("chains"), &ended_at);
    let environment = environment(&artefacts.value("environment-before"), &artefacts.value("environment-after"));
    let (shown, more_shown) = shown(&artefacts.value("facts"));
    let named: Vec<Listed> = wacz
        .named()
        .map(|(name, e)| Listed { name: name.into(), size: e.payload_size, sha256: hex::encode(&e.payload_sha256) })
        .collect();
    let more_files = named.len().saturating_sub(FILES) as u64;
    let responses: Vec<_> = wacz.entries.iter().filter(|e| e.kind == "response").collect();
    let requests = wacz.entries.iter().filter(|e| e.kind == "request").count() as u64;
    let order = facts.order.as_deref();
    let counted = |name: &str| order.and_then(|o| o.claims.get(name)).and_then(Value::as_u64);
    let counted_at = order.and_then(|o| o.checkpoint.as_ref()).map(|c| c.1);
    Report {
        url: text("url").unwrap_or_else(|| "—".into()),
        title: text("page_title").filter(|t| cut(t, TITLE) != *t),
        final_url: text("final_url"),
        ended: match text("outcome").as_deref() {
            Some("complete") => Some(Ended::Complete),
            Some("partial") => Some(Ended::Partial),
            Some("blocked") => Some(Ended::Blocked),
            _ => None,
        },
        reasons,
        remarks,
        flags,
        told: result.is_some(),
        other: text("purpose").and_then(|p| match p.as_str() {
            "other" => Some(true),
            "own" => Some(false),
            _ => None,
        }),
        order: order.and_then(|o| o.statement.as_ref()).map(|s| s.id.clone()),
        attempt: counted("attempt").zip(counted("discarded_before")).zip(counted_at).map(|((n, d), at)| (n, d, at)),
        ordered,
        hops,
        peers,
        site,
        environment,
        shown,
        files: named.into_iter().take(FILES).collect(),
        exchanged: (requests, responses.len() as u64, responses.iter().map(|e| e.payload_size).sum()),
        left_out: [more_hops, more_peers, more_shown, more_files],
        screenshot: (!pictures.parts.is_empty()).then(|| Screenshot {
            width: pictures.width,
            height: pictures.height,
            parts: pictures.parts.iter().map(|(from, to, _)| (*from, *to)).collect(),
        }),
    }
}

/// A capture's own artefacts as data.
struct Artefacts<'a> {
    wacz: &'a Wacz,
    source: &'a mut dyn Source,
}

impl Artefacts<'_> {
    fn bytes(&mut self, name: &str) -> Option<Vec<u8>> {
        let entry = self.wacz.find(name)?;
        self.wacz.payload(self.source, entry, MAX_ARTEFACT).ok()
    }

    fn value(&mut self, name: &str) -> Value {
        self.bytes(name).and_then(|b| serde_json::from_slice(&b).ok()).unwrap_or(Value::Null)
    }

    /// One JSON value a line; others are passed over.
    fn lines(&mut self, name: &str) -> Vec<Value> {
        let bytes = self.bytes(name).unwrap_or_default();
        bytes.split(|b| *b == b'\n').filter_map(|l| serde_json::from_slice(l).ok()).collect()
    }
}

/// The way to the page. A status stands only where the file holds that answer.
fn hops(result: Option<&Value>, wacz: &Wacz) -> (Vec<Hop>, u64) {
    let answered = |url: &str, status: u16| {
        wacz.entries.iter().any(|e| e.kind == "response" && e.target == url && e.status == Some(status))
    };
    let all: Vec<&Value> = result.and_then(|r| r["hops"].as_array()).into_iter().flatten().collect();
    let hop = |v: &&Value| {
        let url = v["url"].as_str()?.split('#').next()?;
        let status = v["status"].as_u64().and_then(|s| u16::try_from(s).ok()).filter(|s| answered(url, *s));
        Some(Hop { status, url: cut(url, SENTENCE) })
    };
    let more = all.len().saturating_sub(HOPS) as u64;
    (all.iter().take(HOPS).filter_map(hop).collect(), more)
}

/// Whither the guard connected, each once, in the order of the first connection.
fn peers(guard: &[Value]) -> (Vec<Peer>, u64) {
    let (mut seen, mut peers, mut more) = (BTreeSet::new(), Vec::new(), 0);
    for event in guard.iter().filter(|e| e["event"] == "connected") {
        let (Some(host), Some(address)) = (event["host"].as_str(), event["peer"].as_str()) else { continue };
        let tls = matches!(event["method"].as_str(), Some("connect" | "contact"));
        if !seen.insert((host, address, tls)) {
            continue;
        }
        if peers.len() == PEERS {
            more += 1;
            continue;
        }
        peers.push(Peer { host: cut(host, LINE), address: cut(address, LINE), tls });
    }
    (peers, more)
}

/// The page's certificate, as the browser's security state last showed it, and what the site signed over the order, as
/// the capturing machine judged it.
fn site(chains: &[Value], ended_at: &str) -> Vec<Line> {
    let null = Value::Null;
    let page = chains.iter().map(|c| &c["page"]).rfind(|p| p.is_object()).unwrap_or(&null);
    let text = |name: &str| page[name].as_str().filter(|t| !t.is_empty()).map(|t| cut(t, LINE));
    let day = |name: &str| {
        let seconds = page[name].as_f64().filter(|s| (0.0..253_402_300_800.0).contains(s))?;
        Utc(seconds as i64 * SECOND).to_micros().get(..10).map(str::to_owned)
    };
    let mut lines = Vec::new();
    let mut add = |zh: &str, en: &str, value: Option<String>| {
        lines.extend(value.map(|v| Line { label: Words::new(zh, en), value: Words::same(v) }));
    };
    add("名称", "Name", text("subjectName"));
    add("颁发者", "Issuer", text("issuer"));
    add("有效期", "Valid", day("validFrom").zip(day("validTo")).map(|(from, to)| format!("{from} – {to}")));
    add(
        "协议",
        "Protocol",
        text("protocol").map(|p| [Some(p), text("cipher")].into_iter().flatten().collect::<Vec<_>>().join(", ")),
    );
    let chain: Vec<&str> = page["certificate"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let leaf = chain.first().and_then(|c| base64::engine::general_purpose::STANDARD.decode(c).ok());
    add("证书链", "Chain", (!chain.is_empty()).then(|| chain.len().to_string()));
    add("SHA-256", "SHA-256", leaf.map(|der| short(&hex::encode(&sha256(&der)))));
    let of_page = |c: &&Value| c["origin"].as_str().is_some_and(|o| is_origin(o, ended_at)) && c["contact"].is_object();
    if let Some(contact) = chains.iter().find(of_page).map(|c| &c["contact"]) {
        lines.push(Line { label: Words::new("接触证明", "Contact"), value: contacted(contact) });
    }
    lines
}

/// Whether `url` is of this origin.
fn is_origin(origin: &str, url: &str) -> bool {
    let rest =
        url.get(origin.len()..).filter(|_| url.get(..origin.len()).is_some_and(|o| o.eq_ignore_ascii_case(origin)));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
}

/// What a proof shows, by the capturing machine's roots; the verdict's own line is by the trust used.
fn contacted(contact: &Value) -> Words {
    let text = |v: &Value| cut(v.as_str().unwrap_or("—"), LINE);
    if !contact["artefact"].is_string() {
        let why = &contact["unavailable"];
        return Words::new(format!("没有：{}", text(&why["zh"])), format!("none: {}", text(&why["en"])));
    }
    let root = text(&contact["chain"]["root"]);
    match (contact["chain"]["trusted"] == true, contact["name_matches"] == true) {
        (true, true) => Words::new(
            format!("其密钥在指令封存后签署；按采集机的根证书链至 {root}"),
            format!("its key signed after the order was sealed; leads to {root} by the machine’s roots"),
        ),
        (true, false) => {
            Words::new("有签署，但证书不是为该网站签发的", "signed, but the certificate is not for this site")
        }
        _ => {
            Words::new("有签署，但证书链不到采集机的根证书", "signed, but the chain leads to no root of the machine’s")
        }
    }
}

/// The capturing system's own report, and what of it changed.
fn environment(before: &Value, after: &Value) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut add = |zh: &str, en: &str, value: Option<Words>| {
        lines.extend(value.map(|value| Line { label: Words::new(zh, en), value }));
    };
    let text =
        |path: &str| before.pointer(path).and_then(Value::as_str).filter(|t| !t.is_empty()).map(|t| cut(t, LINE));
    let same = |parts: Vec<Option<String>>| {
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| Words::same(parts.join(", ")))
    };
    let kernel = text("/system/kernel").map(|k| k.split(' ').take(2).collect::<Vec<_>>().join(" "));
    add("系统", "System", same(vec![text("/system/os"), kernel]));
    let arguments = before.pointer("/browser/arguments").and_then(Value::as_array);
    let window = arguments.into_iter().flatten().filter_map(Value::as_str);
    let window = window.filter_map(|a| a.strip_prefix("--window-size=")).next_back();
    let window = window.map(|w| cut(&w.replace(',', " × "), LINE));
    add("浏览器", "Browser", same(vec![text("/browser/product"), window]));
    add("浏览器包", "Package", same(vec![text("/chromium/package/version")]));
    let digest = |path: &str| text(path).map(|d| format!("SHA-256 {}", short(&d)));
    add("浏览器文件", "Binary", same(vec![digest("/chromium/sha256")]));
    add("取证程序", "Recorder", same(vec![text("/recorder/version"), digest("/recorder/sha256")]));
    add("语言与时区", "Locale", same(vec![text("/locale/lang"), text("/locale/time_zone")]));
    add(
        "隔离",
        "Isolation",
        text("/recorder/isolation").map(|name| match name.as_str() {
            "namespaces" => {
                Words::new("独立命名空间，只经出口守卫联网", "namespaces of its own, the guard the only way out")
            }
            _ => Words::new(
                format!("较弱的模式（{name}），出口守卫未强制"),
                format!("a weaker mode ({name}), the guard not enforced"),
            ),
        }),
    );
    add("时钟比对", "Clock", clock(&before["time"]["servers"]));
    let place: Vec<String> =
        ["/network/public_address", "/network/region", "/network/network"].into_iter().filter_map(text).collect();
    let stated = (!place.is_empty()).then(|| place.join(", "));
    add(
        "网络出口",
        "Exit",
        stated.map(|p| {
            Words::new(format!("{p}（运营者陈述，未测量）"), format!("{p} (stated by the operator, not measured)"))
        }),
    );
    let changed = changed(before, after);
    add(
        "前后比对",
        "Before, after",
        match (before, after, changed) {
            (Value::Null, ..) | (_, Value::Null, _) => None,
            (.., 0) => Some(Words::new("采集前后各项读数一致", "readings before and after agree")),
            (.., n) => Some(Words::new(format!("{n} 项读数不同"), format!("{n} readings differ"))),
        },
    );
    lines
}

/// How the machine's clock stood against the time servers that the operator named.
fn clock(servers: &Value) -> Option<Words> {
    let servers = servers.as_array()?;
    // An offset is known to half the way there and back.
    let most = |s: &Value| {
        Some(s["offset_us"].as_i64()?.unsigned_abs() + s["round_trip_us"].as_u64().unwrap_or(0).div_ceil(2))
    };
    let offsets: Vec<u64> = servers.iter().filter_map(most).collect();
    Some(match (offsets.iter().max(), servers.len()) {
        (_, 0) => Words::new("未与时间服务器比对", "not compared with a time server"),
        (None, n) => Words::new(format!("{n} 个时间服务器均未应答"), format!("none of {n} time servers answered")),
        (Some(most), n) => {
            let (k, ms) = (offsets.len(), most.div_ceil(1000));
            Words::new(
                format!("与 {n} 个时间服务器中的 {k} 个比对，相差不超过 {ms} 毫秒（应答未经认证）"),
                format!("compared with {k} of {n} time servers, at most {ms} ms off (answers not authenticated)"),
            )
        }
    })
}

/// Values that differ between the two reports; the clock's reading and the browser's processes always do.
fn changed(before: &Value, after: &Value) -> usize {
    const VOLATILE: [&str; 3] = ["time", "inside", "browser"];
    fn count(a: &Value, b: &Value) -> usize {
        match (a, b) {
            (Value::Object(a), Value::Object(b)) => {
                let null = &Value::Null;
                let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
                names.into_iter().map(|n| count(a.get(n).unwrap_or(null), b.get(n).unwrap_or(null))).sum()
            }
            (a, b) => usize::from(a != b),
        }
    }
    let strip = |v: &Value| {
        let mut v = v.clone();
        if let Some(members) = v.as_object_mut() {
            VOLATILE.iter().for_each(|name| drop(members.remove(*name)));
        }
        v
    };
    count(&strip(before), &strip(after))
}

/// What stood on the page: as shown, not verified.
fn shown(facts: &Value) -> (Vec<Shown>, u64) {
    let label = |name: &str| match name {
        "title" => Words::new("标题", "Title"),
        "shop" => Words::new("店铺", "Shop"),
        "item-number" => Words::new("商品编号", "Item number"),
        "price" => Words::new("价格", "Price"),
        "sales" => Words::new("销量", "Sales"),
        other => Words::same(cut(other, 40)),
    };
    let place = |v: &Value| {
        let side = |n: usize| v[n].as_i64().filter(|p| (-8..1 << 24).contains(p)).map(|p| p.max(0) as u32);
        let place = [side(0)?, side(1)?, side(2)?, side(3)?];
        (place[2] > 0 && place[3] > 0).then_some(place)
    };
    let list = |of: &'_ Value| of["facts"].as_array().cloned().unwrap_or_default();
    let own = list(facts).into_iter().map(|fact| (fact, None));
    let frames = facts["frames"].as_array().into_iter().flatten();
    // What a frame shows is another document's: its host stands beside.
    let framed = frames.flat_map(|frame| {
        let host = host_of(frame["url"].as_str().unwrap_or_default());
        list(frame).into_iter().map(move |fact| (fact, Some(host.clone())))
    });
    let all: Vec<(Value, Option<String>)> = own.chain(framed).collect();
    let one = |(v, frame): &(Value, Option<String>)| {
        let mut label = label(v["name"].as_str()?);
        if let Some(source) = v["source"].as_str().filter(|s| *s != "visible-text") {
            let source = match source {
                "microdata" => Words::new("微数据", "microdata"),
                "json-ld" => Words::same("JSON-LD"),
                "open-graph" => Words::same("Open Graph"),
                "document-title" => Words::new("文档标题", "document’s title"),
                "address" => Words::new("网址", "address"),
                other => Words::same(cut(other, 40)),
            };
            label = Words::new(format!("{}（{}）", label.zh, source.zh), format!("{} ({})", label.en, source.en));
        }
        if let Some(host) = frame {
            label = Words::new(format!("{}（框架 {host}）", label.zh), format!("{} (frame {host})", label.en));
        }
        Some(Shown { label, value: cut(v["value"].as_str()?, SENTENCE), place: place(&v["box"]) })
    };
    let more = all.len().saturating_sub(SHOWN) as u64;
    (all.iter().take(SHOWN).filter_map(one).collect(), more)
}

fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    cut(rest.split(['/', '?', '#']).next().unwrap_or_default(), 60)
}

/// The beginning of a digest: enough to find it again, the whole stands in the file.
fn short(digest: &str) -> String {
    let eights: Vec<String> =
        digest.chars().take(16).collect::<Vec<_>>().chunks(8).map(|c| c.iter().collect::<String>()).collect();
    format!("{} …", eights.join(" "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use evidence::json::json;

    #[test]
    fn an_origin_is_a_whole_one() {
        for (origin, url, is) in [
            ("https://shop.example", "https://SHOP.example/p", true),
            ("https://shop.example", "https://shop.example.evil/p", false),
            ("https://shop.example:8443", "https://shop.example/", false),
            ("https://shop.example", "https://shop.example?x", true),
            ("https://é", "https://", false),
        ] {
            assert_eq!(is_origin(origin, url), is, "{origin} {url}");
        }
    }

    #[test]
    fn what_was_not_measured_is_not_claimed() {
        let said = |servers| clock(&servers).map(|w| w.en);
        assert_eq!(said(Value::Null), None);
        assert_eq!(said(json!([])).unwrap(), "not compared with a time server");
        assert_eq!(said(json!([{"unanswered": "x"}])).unwrap(), "none of 1 time servers answered");
        assert_eq!(
            said(json!([{"offset_us": -11_200}, {}])).unwrap(),
            "compared with 1 of 2 time servers, at most 12 ms off (answers not authenticated)"
        );
        let untrusted = json!({"artefact": "contact/0001", "chain": {"trusted": false}, "name_matches": true});
        assert!(contacted(&untrusted).en.contains("no root"));
        assert!(
            contacted(&json!({"artefact": null, "unavailable": {"en": "TLS 1.2"}})).en.starts_with("none: TLS 1.2")
        );
    }

    #[test]
    fn only_what_may_differ_does_not_count() {
        let a = json!({"time": 1, "inside": [], "browser": 2, "names": {"hosts": "a", "x": 1}});
        let b = json!({"time": 2, "names": {"hosts": "b", "y": 1}});
        assert_eq!((changed(&a, &a), changed(&a, &b)), (0, 3));
    }
}
