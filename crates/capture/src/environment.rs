//! The state of the machine, before and after: the system's own report about itself.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Mutex;
use std::time::SystemTime;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::recording::{Machine, Reason};
use crate::spool::hex;

const TEXT_MAX: u64 = 256 << 10;
const PROXY_VARIABLES: &[&str] =
    &["http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];

/// What may differ between two readings without meaning anything.
const VOLATILE: &[&str] = &["time", "inside", "browser"];

/// Reads everything; what cannot be read is `null`.
pub(crate) fn read(machine: &Machine) -> Value {
    let name = rustix::system::uname();
    let string = |s: &std::ffi::CStr| s.to_string_lossy().into_owned();
    let hosts = text("/etc/hosts");
    let proxies: Map<String, Value> = PROXY_VARIABLES
        .iter()
        .filter_map(|name| std::env::var(name).ok().map(|value| ((*name).to_owned(), value.into())))
        .collect();
    json!({
        "label": "the capturing system's own report",
        "time": { "wall_us": crate::clock::wall() },
        "system": {
            "os": line(&text("/etc/os-release"), "PRETTY_NAME=").map(|v| v.trim_matches('"').to_owned()),
            "kernel": format!("{} {} {} {}", string(name.sysname()), string(name.release()), string(name.version()), string(name.machine())),
            "host": string(name.nodename()),
            "boot_id": text("/proc/sys/kernel/random/boot_id").trim(),
            "clock_source": text("/sys/devices/system/clocksource/clocksource0/current_clocksource").trim(),
        },
        "names": {
            "hosts_sha256": digest(Path::new("/etc/hosts")),
            "hosts": hosts.lines().map(|l| l.split('#').next().unwrap_or("").trim()).filter(|l| !l.is_empty()).collect::<Vec<_>>(),
            "resolv_conf": text("/etc/resolv.conf"),
            "nsswitch": line(&text("/etc/nsswitch.conf"), "hosts:").map(|v| v.trim().to_owned()),
        },
        "network": {
            "interfaces": interfaces(),
            "routes": lines("/proc/net/route"),
            "routes_v6": lines("/proc/net/ipv6_route").len(),
            "proxy_variables": proxies,
        },
        "trust": {
            "system_ca_sha256": digest(Path::new("/etc/ssl/certs/ca-certificates.crt")),
            "added_ca_files": names("/usr/local/share/ca-certificates"),
            "note": "Chromium uses its own root store; the profile's own store is empty",
        },
        "locale": { "lang": machine.locale, "time_zone": machine.time_zone },
        "fonts": fonts(),
        "chromium": {
            "path": machine.chromium.display().to_string(),
            "sha256": digest(&machine.chromium),
            "package": package(),
            "host_policies": [names("/etc/chromium/policies/managed"), names("/etc/chromium/policies/recommended")],
            "note": "the host's policies and settings are hidden from the browser",
        },
        "recorder": {
            "sha256": digest(machine.executable.as_deref().unwrap_or(Path::new("/proc/self/exe"))),
            "version": env!("CARGO_PKG_VERSION"),
            "egress": "one proxy of this program's own is the only way out; it never opens TLS; it is part of the trusted path",
        },
    })
}

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

/// What a reader must be told: `names` are the hosts that were contacted.
pub(crate) fn red_flags(before: &Value, differences: &[String], names: &[String], drift: i64) -> Vec<Reason> {
    let mut flags = Vec::new();
    for entry in before["names"]["hosts"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let mut words = entry.split_whitespace();
        let address = words.next().unwrap_or_default();
        for word in words {
            if names.iter().any(|name| name.eq_ignore_ascii_case(word.trim_end_matches('.'))) {
                flags.push(Reason::new(
                    "hosts-entry",
                    format!("hosts 文件把 {word} 指向 {address}"),
                    format!("the hosts file points {word} to {address}"),
                ));
            }
        }
    }
    if before["trust"]["added_ca_files"].as_array().is_some_and(|files| !files.is_empty()) {
        flags.push(Reason::new("extra-ca", "系统中另装有 CA 证书", "CA certificates were added to the system"));
    }
    if before["network"]["proxy_variables"].as_object().is_some_and(|map| !map.is_empty()) {
        flags.push(Reason::new(
            "proxy-variables",
            "设置了代理环境变量（未被使用）",
            "proxy variables are set (they were not used)",
        ));
    }
    if drift.abs() > 1_000_000 {
        flags.push(Reason::new(
            "clock-step",
            format!("取证期间系统时钟跳动了 {drift} 微秒"),
            format!("the system's clock moved by {drift} µs during the capture"),
        ));
    }
    for path in differences {
        flags.push(Reason::new(
            "difference",
            format!("取证前后不一致：{path}"),
            format!("differs between before and after: {path}"),
        ));
    }
    flags
}

fn text(path: &str) -> String {
    let mut out = Vec::new();
    if let Ok(file) = fs::File::open(path) {
        let _ = file.take(TEXT_MAX).read_to_end(&mut out);
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn lines(path: &str) -> Vec<String> {
    text(path).lines().skip(1).map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn line(text: &str, start: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix(start)).map(str::to_owned)
}

fn names(folder: &str) -> Vec<String> {
    let mut found: Vec<String> = fs::read_dir(folder)
        .map(|entries| entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect())
        .unwrap_or_default();
    found.sort();
    found
}

fn interfaces() -> Vec<String> {
    text("/proc/net/dev").lines().skip(2).filter_map(|l| l.split_once(':').map(|(n, _)| n.trim().to_owned())).collect()
}

/// Digest over names and sizes: the contents would be hundreds of megabytes.
fn fonts() -> Value {
    let (mut all, mut folders) = (Vec::new(), vec![Path::new("/usr/share/fonts").to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && folders.len() < 10_000 => folders.push(path),
                Ok(kind) if kind.is_file() => {
                    let size = entry.metadata().map(|m| m.len()).unwrap_or(0);
                    all.push(format!("{} {size}\n", path.display()));
                }
                _ => {}
            }
        }
    }
    all.sort();
    json!({ "files": all.len(), "names_and_sizes_sha256": hex(&Sha256::digest(all.concat())) })
}

/// Debian's version of the package, from dpkg's own record.
fn package() -> Value {
    let Ok(file) = fs::File::open("/var/lib/dpkg/status") else { return Value::Null };
    let mut status = Vec::new();
    let _ = file.take(64 << 20).read_to_end(&mut status);
    let status = String::from_utf8_lossy(&status);
    let paragraph = status.split("\n\n").find(|p| p.lines().any(|l| l == "Package: chromium"));
    paragraph
        .and_then(|p| line(p, "Version: "))
        .map_or(Value::Null, |version| json!({ "name": "chromium", "version": version }))
}

/// Device, inode, size and change time: while they stand, the digest does.
type Identity = (u64, u64, u64, Option<SystemTime>, i64);

/// SHA-256 in hex; a big file is read once a process as long as nothing touched it.
fn digest(path: &Path) -> Value {
    use std::os::unix::fs::MetadataExt;
    static KNOWN: Mutex<Vec<(Identity, String)>> = Mutex::new(Vec::new());
    let Ok(mut file) = fs::File::open(path) else { return Value::Null };
    let Ok(meta) = file.metadata() else { return Value::Null };
    let identity = (meta.dev(), meta.ino(), meta.len(), meta.modified().ok(), meta.ctime_nsec() ^ meta.ctime());
    let known = || KNOWN.lock().ok().and_then(|all| all.iter().find(|one| one.0 == identity).map(|one| one.1.clone()));
    if let Some(known) = known() {
        return known.into();
    }
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 20];
    loop {
        match file.read(&mut block) {
            Ok(0) => break,
            Ok(n) => hash.update(&block[..n]),
            Err(_) => return Value::Null,
        }
    }
    let sum = hex(&hash.finalize());
    if let Ok(mut all) = KNOWN.lock() {
        if all.len() >= 64 {
            all.clear();
        }
        all.push((identity, sum.clone()));
    }
    sum.into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_hosts_entry_for_a_captured_name_is_named() {
        let before = json!({ "names": { "hosts": ["127.0.0.1 localhost", "10.1.1.1 other.example Shop.example"] } });
        let flags = red_flags(&before, &[], &["shop.example".to_owned()], 0);
        assert_eq!(flags.len(), 1);
        assert_eq!(flags[0].en, "the hosts file points Shop.example to 10.1.1.1");
        assert!(red_flags(&before, &[], &["else.example".to_owned()], 999_999).is_empty());
    }

    #[test]
    fn proxies_extra_roots_clock_and_differences_are_flags() {
        let before = json!({
            "trust": { "added_ca_files": ["evil.crt"] },
            "network": { "proxy_variables": { "http_proxy": "http://x" } },
        });
        let codes: Vec<_> =
            red_flags(&before, &["/names/hosts_sha256".to_owned()], &[], -2_000_000).iter().map(|f| f.code).collect();
        assert_eq!(codes, ["extra-ca", "proxy-variables", "clock-step", "difference"]);
    }

    #[test]
    fn volatile_fields_are_no_differences() {
        let a = json!({ "time": 1, "names": { "a": 1, "b": [1] } });
        let b = json!({ "time": 2, "names": { "a": 1, "b": [2], "c": 3 } });
        assert_eq!(differences(&a, &b), ["/names/b", "/names/c"]);
    }

    #[test]
    fn this_machine_can_be_read_twice_alike() {
        let machine = Machine { chromium: "/proc/self/exe".into(), ..Machine::default() };
        let (a, b) = (read(&machine), read(&machine));
        assert_eq!(differences(&a, &b), Vec::<String>::new());
        assert_eq!(a["recorder"]["sha256"].as_str().unwrap().len(), 64);
    }
}
