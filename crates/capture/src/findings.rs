//! What a reader must be told about the machine: differences between two readings, and red flags. Each is one sentence
//! that says what was seen, and nothing that follows from it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::guard::{Event, What};
use crate::recording::{Isolation, Machine, Reason};

/// What may differ between two readings without meaning anything.
const VOLATILE: &[&str] = &["time", "inside", "browser"];
/// A clock may be off by so much, microseconds.
const CLOCK_MAX: i64 = 1_000_000;

/// Paths at which two readings differ.
pub(crate) fn differences(before: &Value, after: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", before, after, &mut found);
    found
}

fn compare(path: &str, before: &Value, after: &Value, found: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(a), Value::Object(b)) => {
            for name in a.keys().chain(b.keys().filter(|name| !a.contains_key(*name))) {
                if path.is_empty() && VOLATILE.contains(&name.as_str()) {
                    continue;
                }
                compare(&format!("{path}/{name}"), &before[name], &after[name], found);
            }
        }
        (a, b) if a != b => found.push(path.to_owned()),
        _ => {}
    }
}

/// What was seen of the machine.
pub(crate) struct Seen<'a> {
    /// The first reading.
    pub(crate) before: &'a Value,
    /// Where the second differs.
    pub(crate) differences: &'a [String],
    /// Hosts that were contacted or asked for.
    pub(crate) names: &'a [String],
    /// The guard's log.
    pub(crate) log: &'a [Event],
    /// How far the wall clock moved against the monotonic one, microseconds.
    pub(crate) drift: i64,
    /// Of [`crate::packages::verify`].
    pub(crate) packages: &'a Value,
}

/// What a reader must be told.
pub(crate) fn red_flags(seen: &Seen<'_>) -> Vec<Reason> {
    let before = seen.before;
    let mut flags = Vec::new();
    for entry in strings(&before["names"]["hosts"]) {
        let mut words = entry.split_whitespace();
        let address = words.next().unwrap_or_default();
        // Every machine has these.
        let usual = |word: &str| word == "localhost" && matches!(address, "127.0.0.1" | "::1");
        for word in words.filter(|word| !usual(word)) {
            if seen.names.iter().any(|name| name.eq_ignore_ascii_case(word.trim_end_matches('.'))) {
                flags.push(Reason::new(
                    "hosts-entry",
                    format!("hosts 文件把 {word} 指向 {address}"),
                    format!("the hosts file points {word} to {address}"),
                ));
            }
        }
    }
    roots(before, &mut flags);
    if before["network"]["proxy_variables"].as_object().is_some_and(|map| !map.is_empty()) {
        flags.push(Reason::new(
            "proxy-variables",
            "设置了代理环境变量（未被使用）",
            "proxy variables are set (they were not used)",
        ));
    }
    clock(seen, &mut flags);
    let changed: Vec<&str> = strings(&seen.packages["changed"]).collect();
    if !changed.is_empty() {
        let (n, list) = (changed.len(), changed.iter().take(5).copied().collect::<Vec<_>>().join("; "));
        flags.push(Reason::new(
            "packages",
            format!("有 {n} 个文件与发行版软件包的校验值不符：{list}"),
            format!("{n} files differ from the distribution's packages: {list}"),
        ));
    }
    if let Some(why) = seen.packages["not_checked"].as_str() {
        flags.push(Reason::new(
            "packages-not-checked",
            format!("浏览器与根证书的软件包没有校验：{why}"),
            format!("the packages of browser and roots were not verified: {why}"),
        ));
    }
    resolvers(seen.log, &mut flags);
    for path in seen.differences {
        flags.push(Reason::new(
            "difference",
            format!("取证前后不一致：{path}"),
            format!("differs between before and after: {path}"),
        ));
    }
    flags
}

/// Roots of the system that its distribution did not bring.
fn roots(before: &Value, flags: &mut Vec<Reason>) {
    let foreign: Vec<&str> = before["trust"]["system_ca"]["not_from_package"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|root| root["name"].as_str())
        .collect();
    // Blocks that are no certificate to this reader may be one to another.
    if before["trust"]["system_ca"]["unreadable"].as_u64().is_some_and(|n| n > 0) {
        flags.push(Reason::new(
            "unreadable-ca",
            "系统根证书文件中有读不出的证书",
            "the system's bundle of roots holds certificates that could not be read",
        ));
    }
    if !foreign.is_empty() {
        let (n, list) = (foreign.len(), foreign.iter().take(5).copied().collect::<Vec<_>>().join("; "));
        flags.push(Reason::new(
            "extra-ca",
            format!("系统根证书中有 {n} 个不是发行版软件包带来的：{list}"),
            format!("{n} of the system's root certificates did not come with the distribution's package: {list}"),
        ));
    } else if strings(&before["trust"]["added_ca_files"]).next().is_some() {
        flags.push(Reason::new("extra-ca", "系统中另装有 CA 证书", "CA certificates were added to the system"));
    }
}

fn clock(seen: &Seen<'_>, flags: &mut Vec<Reason>) {
    let drift = seen.drift;
    if drift.abs() > CLOCK_MAX {
        flags.push(Reason::new(
            "clock-step",
            format!("取证期间系统时钟跳动了 {drift} 微秒"),
            format!("the system's clock moved by {drift} µs during the capture"),
        ));
    }
    // Any server that says so, not only the nearest: one that lies must not hush the others.
    let before = seen.before["time"]["servers"].as_array();
    let off = |line: &&Value| line["offset_us"].as_i64().is_some_and(|offset| offset.abs() > CLOCK_MAX);
    for line in before.into_iter().flatten().filter(off).take(8) {
        let (source, offset_us) = (line["server"].as_str().unwrap_or("?"), &line["offset_us"]);
        flags.push(Reason::new(
            "clock-offset",
            format!("系统时钟与时间服务器 {source} 相差 {offset_us} 微秒，超过一秒"),
            format!("the system's clock is {offset_us} µs off the time server {source}, more than a second"),
        ));
    }
}

/// Resolvers whose addresses for one name differ. Large sites answer differently by place, so both sides are shown.
fn resolvers(log: &[Event], flags: &mut Vec<Reason>) {
    let mut by_name: BTreeMap<&str, Vec<(&str, BTreeSet<&str>)>> = BTreeMap::new();
    for event in log {
        if let What::Resolved { name, resolver, answers, .. } = &event.what {
            let addresses = answers.iter().map(String::as_str).collect();
            by_name.entry(name).or_default().push((resolver, addresses));
        }
    }
    let disagreeing = by_name.iter().filter(|(_, said)| said.iter().any(|(_, addresses)| *addresses != said[0].1));
    for (name, said) in disagreeing.take(50) {
        let common =
            said.iter().skip(1).fold(said[0].1.clone(), |all, (_, one)| all.intersection(one).copied().collect());
        let shown = |(resolver, addresses): &(&str, BTreeSet<&str>)| {
            let addresses: Vec<&str> = addresses.iter().take(8).copied().collect();
            format!("{resolver}: {}", if addresses.is_empty() { "-".to_owned() } else { addresses.join(" ") })
        };
        let list = said.iter().map(shown).collect::<Vec<_>>().join("; ");
        let (zh, en) = if common.is_empty() {
            ("没有共同的地址", "have no address in common")
        } else {
            ("只有部分相同", "differ in part")
        };
        flags.push(Reason::new(
            "resolvers-disagree",
            format!("各解析服务器对 {name} 的答复{zh}：{list}"),
            format!("the resolvers' answers for {name} {en}: {list}"),
        ));
    }
}

/// What the operator chose to weaken. `inside` is what the helper saw.
pub(crate) fn chosen(machine: &Machine, inside: &Value) -> Vec<Reason> {
    let mut flags = Vec::new();
    if machine.isolation == Isolation::WeakerSharedNetwork {
        let on = inside["sandbox"] == true;
        let (zh, en) = if on { ("仍开启", "on") } else { ("关闭", "off") };
        flags.push(Reason::new(
            "weaker-isolation",
            format!("按运营方的选择以较弱模式 weaker-shared-network 运行：浏览器没有自己的命名空间，守卫只是其代理，不能强制；浏览器自身的沙箱{zh}"),
            format!(
                "run in the weaker mode weaker-shared-network, as the operator chose: the browser had no namespaces of its \
                 own, the guard was its proxy and not enforced; the browser's own sandbox was {en}"
            ),
        ));
    }
    let n = machine.own_keys.len();
    if n > 0 {
        flags.push(Reason::new(
            "own-keys",
            format!("浏览器按运营方的要求接受了 {n} 个没有已知根证书的密钥"),
            format!("as the operator asked, the browser took {n} keys without a known root"),
        ));
    }
    flags
}

/// Resolvers that were asked and did not answer.
pub(crate) fn unanswered(log: &[Event]) -> Option<Reason> {
    let silent = log.iter().filter_map(|event| match &event.what {
        What::Unanswered { resolver, reason, .. } => Some(format!("{resolver} ({reason})")),
        _ => None,
    });
    let silent: BTreeSet<String> = silent.collect();
    let list = silent.iter().take(5).cloned().collect::<Vec<_>>().join("; ");
    (!silent.is_empty()).then(|| {
        Reason::new(
            "resolver-silent",
            format!("有解析服务器没有答复：{list}"),
            format!("a resolver did not answer: {list}"),
        )
    })
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn flags<'a>(before: &'a Value, change: impl FnOnce(&mut Seen<'a>)) -> Vec<Reason> {
        let names: &'static [String] = Box::leak(Box::new(["shop.example".to_owned()]));
        let mut seen = Seen { before, differences: &[], names, log: &[], drift: 0, packages: &Value::Null };
        change(&mut seen);
        red_flags(&seen)
    }

    fn codes(flags: &[Reason]) -> Vec<&str> {
        flags.iter().map(|flag| flag.code).collect()
    }

    #[test]
    fn a_hosts_entry_for_a_captured_name_is_named() {
        let before = json!({ "names": { "hosts": ["127.0.0.1 localhost", "10.1.1.1 other.example Shop.example"] } });
        let found = flags(&before, |_| {});
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].en, "the hosts file points Shop.example to 10.1.1.1");
        assert!(flags(&Value::Null, |seen| seen.drift = 999_999).is_empty());
        let names: &'static [String] = Box::leak(Box::new(["localhost".to_owned()]));
        assert!(flags(&before, |seen| seen.names = names).is_empty(), "as on every machine");
        let moved = json!({ "names": { "hosts": ["10.0.0.1 localhost"] } });
        assert_eq!(flags(&moved, |seen| seen.names = names).len(), 1);
    }

    #[test]
    fn proxies_extra_roots_clock_packages_and_differences_are_flags() {
        let before = json!({
            "trust": { "system_ca": { "not_from_package": [{ "name": "Evil Root" }] } },
            "network": { "proxy_variables": { "http_proxy": "http://x" } },
            // The nearest one says that all is well; the flag is the other's.
            "time": { "servers": [
                { "server": "lie.example", "offset_us": 10, "round_trip_us": 0 },
                { "server": "ntp.example", "offset_us": -1_500_000, "round_trip_us": 20_000 },
                { "server": "gone.example", "unanswered": "no answer in time" },
            ] },
        });
        let paths = ["/names/hosts_sha256".to_owned()];
        let packages = json!({ "changed": ["??5??????   /usr/lib/chromium/chromium"] });
        let found = flags(&before, |seen| {
            (seen.differences, seen.drift) = (&paths, -2_000_000);
            seen.packages = &packages;
        });
        let expected = ["extra-ca", "proxy-variables", "clock-step", "clock-offset", "packages", "difference"];
        assert_eq!(codes(&found), expected);
        assert!(found[0].en.contains("Evil Root") && found[3].en.contains("-1500000 µs"));
        let unread = json!({ "not_checked": "/usr/bin/dpkg is not here" });
        let found = flags(&Value::Null, |seen| seen.packages = &unread);
        assert_eq!((codes(&found), found[0].en.ends_with("dpkg is not here")), (vec!["packages-not-checked"], true));
        let near = json!({ "time": { "servers": [{ "server": "ntp.example", "offset_us": 1_000_000 }] } });
        assert!(flags(&near, |_| {}).is_empty(), "one second is no flag");
        let older = json!({ "trust": { "system_ca": { "not_from_package": null }, "added_ca_files": ["evil.crt"] } });
        assert_eq!(codes(&flags(&older, |_| {})), ["extra-ca"]);
    }

    #[test]
    fn resolvers_that_disagree_and_that_are_silent_are_said() {
        let event = |what| Event { at: 0, stream: 1, what };
        let said = |name: &str, resolver: &str, answers: &[&str]| {
            let (name, resolver) = (name.to_owned(), resolver.to_owned());
            let answers = answers.iter().map(ToString::to_string).collect();
            event(What::Resolved { name, resolver, answers, raw: vec![], note: None })
        };
        let log = [
            said("same.example", "one", &["8.8.8.8", "8.8.4.4"]),
            said("same.example", "two", &["8.8.4.4", "8.8.8.8"]),
            said("part.example", "one", &["8.8.8.8", "8.8.4.4"]),
            said("part.example", "two", &["8.8.4.4"]),
            said("other.example", "one", &["8.8.8.8"]),
            said("other.example", "two", &["1.1.1.1"]),
            said("none.example", "one", &["8.8.8.8"]),
            said("none.example", "two", &[]),
            event(What::Unanswered { name: "x".into(), resolver: "three".into(), reason: "timed out".into() }),
        ];
        let found = flags(&Value::Null, |seen| seen.log = &log);
        let words: Vec<&str> = found.iter().map(|flag| flag.en.as_str()).collect();
        assert_eq!(
            words,
            [
                "the resolvers' answers for none.example have no address in common: one: 8.8.8.8; two: -",
                "the resolvers' answers for other.example have no address in common: one: 8.8.8.8; two: 1.1.1.1",
                "the resolvers' answers for part.example differ in part: one: 8.8.4.4 8.8.8.8; two: 8.8.4.4",
            ]
        );
        assert_eq!(unanswered(&log).unwrap().en, "a resolver did not answer: three (timed out)");
        assert_eq!(unanswered(&log[..3]), None);
    }

    #[test]
    fn what_the_operator_weakened_is_said() {
        let machine = Machine { isolation: Isolation::WeakerSharedNetwork, ..Machine::default() };
        let flags = chosen(&machine, &json!({ "sandbox": false }));
        assert_eq!(codes(&flags), ["weaker-isolation"]);
        assert!(flags[0].en.ends_with("sandbox was off") && flags[0].zh.ends_with("沙箱关闭"));
        assert!(chosen(&Machine::default(), &Value::Null).is_empty());
        assert_eq!("weaker-shared-network".parse(), Ok(Isolation::WeakerSharedNetwork));
        assert!("none".parse::<Isolation>().is_err());
    }

    #[test]
    fn volatile_fields_are_no_differences() {
        let a = json!({ "time": 1, "names": { "a": 1, "b": [1] } });
        let b = json!({ "time": 2, "names": { "a": 1, "b": [2], "c": 3 } });
        assert_eq!(differences(&a, &b), ["/names/b", "/names/c"]);
    }
}
