//! Holds the arrows between the rooms (ARCHITECTURE.md, "The rooms"): which crate may use which.
//!
//! A room that is not in the table fails, and so does an arrow that is not; change the table and
//! ARCHITECTURE.md together, and say there why.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Room → what its code may use. `quezao`, the executable, may use any room.
const ROOMS: &[(&str, &[&str])] = &[
    ("evidence", &[]),
    ("archive", &["evidence"]),
    ("verify", &["evidence", "archive"]),
    ("verifier", &["evidence", "archive", "verify"]),
    ("digester", &["evidence"]),
    ("timestamp", &["evidence"]),
    ("ledger", &["evidence"]),
    ("locale", &[]),
    ("certificate", &["evidence", "archive", "verify", "timestamp", "locale"]),
    ("picture", &[]),
    ("sidecar", &["evidence"]),
    ("testkit", &[]),
    ("capture", &["evidence", "archive"]),
    ("store", &["evidence", "ledger"]),
    (
        "service",
        &[
            "evidence",
            "archive",
            "verify",
            "timestamp",
            "ledger",
            "locale",
            "store",
            "certificate",
            "picture",
            "capture",
            "sidecar",
        ],
    ),
    ("portal", &["evidence", "locale", "service"]),
    ("node", &["evidence", "archive", "ledger", "store", "verify", "verifier", "certificate", "timestamp", "locale"]),
    (
        "quezao",
        &[
            "portal",
            "node",
            "capture",
            "evidence",
            "archive",
            "verify",
            "timestamp",
            "ledger",
            "locale",
            "store",
            "certificate",
            "picture",
            "service",
            "sidecar",
        ],
    ),
];

/// Rooms whose findings must not depend on where and when they are computed.
const PURE: &[&str] = &["evidence", "verify", "verifier", "digester"];

/// What never stands in a pure room's dependencies or source.
const IMPURE_CRATES: &[&str] = &["getrandom", "rand", "rusqlite", "tempfile", "tokio", "reqwest", "chrono", "rustix"];
const IMPURE_PATHS: &[&str] = &["std::fs", "std::net", "std::process", "std::env", "SystemTime::now", "Instant::now"];

#[test]
fn every_room_uses_only_what_it_may() {
    let table: BTreeMap<&str, BTreeSet<&str>> =
        ROOMS.iter().map(|(room, uses)| (*room, uses.iter().copied().collect())).collect();
    let packages = packages();
    let rooms: BTreeSet<&str> = packages.iter().map(name).collect();
    for package in &packages {
        let room = name(package);
        let may = table.get(room).unwrap_or_else(|| panic!("the room {room} is not in the table"));
        for (kind, used) in dependencies(package).filter(|(_, used)| rooms.contains(used)) {
            // Tests may look into any room; but evidence stands alone even there.
            let allowed = if kind == "dev" { room != "evidence" } else { may.contains(used) };
            assert!(allowed, "{room} must not use {used} ({kind} dependency)");
        }
    }
}

#[test]
fn evidence_uses_no_room() {
    let packages = packages();
    let rooms: BTreeSet<&str> = packages.iter().map(name).collect();
    let evidence = packages.iter().find(|package| name(package) == "evidence").unwrap();
    assert_eq!(dependencies(evidence).filter(|(_, used)| rooms.contains(used)).count(), 0);
}

#[test]
fn the_pure_rooms_ask_nobody() {
    for package in packages().iter().filter(|package| PURE.contains(&name(package))) {
        let room = name(package);
        for (kind, used) in dependencies(package) {
            assert!(kind == "dev" || !IMPURE_CRATES.contains(&used), "{room} must not use {used}");
        }
        let folder = Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap().join("src");
        for (file, source) in sources(&folder) {
            // Clippy forbids the calls; this also sees `use std::fs` under another name. Tests stand last.
            let code = source.split("#[cfg(test)]").next().unwrap();
            let lines = code.lines().map(|line| line.split("//").next().unwrap());
            for (number, line) in lines.enumerate() {
                for path in IMPURE_PATHS {
                    assert!(!line.contains(path), "{file}:{}: {path} in the pure room {room}", number + 1);
                }
            }
        }
    }
}

#[test]
fn the_table_has_no_circle() {
    let mut left: BTreeMap<&str, &[&str]> = ROOMS.iter().copied().collect();
    while !left.is_empty() {
        let ready: Vec<&str> = left
            .iter()
            .filter(|(_, uses)| uses.iter().all(|used| !left.contains_key(used)))
            .map(|(room, _)| *room)
            .collect();
        assert!(!ready.is_empty(), "these rooms use each other in a circle: {:?}", left.keys());
        for room in ready {
            left.remove(room);
        }
    }
}

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn name(package: &Value) -> &str {
    package["name"].as_str().unwrap()
}

/// (`normal`, `build` or `dev`; name as published) of each dependency, for whatever target.
fn dependencies(package: &Value) -> impl Iterator<Item = (&str, &str)> {
    package["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|dependency| (dependency["kind"].as_str().unwrap_or("normal"), dependency["name"].as_str().unwrap()))
}

fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
        }
    }
    found
}
