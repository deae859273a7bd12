//! The state of the machine, before and after: the system's own report about itself.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Mutex;
use std::time::SystemTime;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::recording::{Isolation, Machine};
use crate::roots::Roots;
use crate::spool::hex;

const TEXT_MAX: u64 = 256 << 10;
const PROXY_VARIABLES: &[&str] =
    &["http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];

/// Reads everything; what cannot be read is `null`.
pub(crate) fn read(machine: &Machine) -> Value {
    let name = rustix::system::uname();
    let string = |s: &std::ffi::CStr| s.to_string_lossy().into_owned();
    let hosts = text(&machine.hosts);
    let proxies: Map<String, Value> = PROXY_VARIABLES
        .iter()
        .filter_map(|name| std::env::var(name).ok().map(|value| ((*name).to_owned(), without_password(&value).into())))
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
            "hosts_file": machine.hosts.display().to_string(),
            "hosts_sha256": digest(&machine.hosts),
            "hosts": hosts.lines().map(|l| l.split('#').next().unwrap_or("").trim()).filter(|l| !l.is_empty()).collect::<Vec<_>>(),
            "resolv_conf": text("/etc/resolv.conf"),
            "resolvers": machine.resolvers.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "nsswitch": line(&text("/etc/nsswitch.conf"), "hosts:").map(|v| v.trim().to_owned()),
        },
        "network": {
            "interfaces": interfaces(),
            "routes": lines("/proc/net/route"),
            "routes_v6": lines("/proc/net/ipv6_route").len(),
            "proxy_variables": proxies,
            "public_address": machine.stated.public_address,
            "region": machine.stated.region,
            "network": machine.stated.network,
            "note": "public_address, region and network are stated by the operator, not measured; pages can differ by \
                region, account and device",
        },
        "trust": {
            "system_ca": Roots::read(&machine.roots).report(),
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
            "note": match machine.isolation {
                Isolation::Namespaces => "the host's policies and settings are hidden from the browser",
                Isolation::WeakerSharedNetwork => "the host's policies and settings apply to the browser",
            },
        },
        "recorder": {
            "sha256": digest(machine.executable.as_deref().unwrap_or(Path::new("/proc/self/exe"))),
            "version": env!("CARGO_PKG_VERSION"),
            "isolation": match machine.isolation {
                Isolation::Namespaces => "namespaces",
                Isolation::WeakerSharedNetwork => crate::isolation::plain::NAME,
            },
            "egress": match machine.isolation {
                Isolation::Namespaces => {
                    "one proxy of this program's own is the only way out; it never opens TLS; it is part of the trusted path"
                }
                Isolation::WeakerSharedNetwork => {
                    "one proxy of this program's own, which is asked for and not enforced; it never opens TLS; it is part of the trusted path"
                }
            },
        },
    })
}

/// A proxy's address may carry a password, which is nobody's business.
fn without_password(value: &str) -> String {
    match value.rsplit_once('@') {
        Some((before, host)) => {
            format!(
                "{}***@{host}",
                before.split_once("://").map_or(String::new(), |(scheme, _)| format!("{scheme}://"))
            )
        }
        None => value.to_owned(),
    }
}

fn text(path: impl AsRef<Path>) -> String {
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
    use crate::findings::differences;

    #[test]
    fn a_password_stays_here() {
        assert_eq!(without_password("http://me:se@cret@proxy.example:3128"), "http://***@proxy.example:3128");
        assert_eq!(without_password("me:secret@proxy.example"), "***@proxy.example");
        assert_eq!(without_password("http://proxy.example"), "http://proxy.example");
    }

    #[test]
    fn this_machine_can_be_read_twice_alike() {
        let machine = Machine { chromium: "/proc/self/exe".into(), ..Machine::default() };
        let (a, b) = (read(&machine), read(&machine));
        assert_eq!(differences(&a, &b), Vec::<String>::new());
        assert_eq!(a["recorder"]["sha256"].as_str().unwrap().len(), 64);
    }
}
