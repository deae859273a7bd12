//! Whatever is killed, whenever: no process of a capture lives on.
#![allow(clippy::unwrap_used)]

mod site;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use site::{Site, absent};

/// pid → (parent, start time, command line)
fn processes() -> BTreeMap<u32, (u32, String, String)> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if fields[0] != "Z" {
            found.insert(pid, (fields[1].parse().unwrap(), fields[19].to_owned(), line));
        }
    }
    found
}

/// All that descends from `root`, with start times, so that a number given again is not mistaken.
fn descendants(root: u32) -> Vec<(u32, String, String)> {
    let all = processes();
    let mut family = BTreeSet::from([root]);
    loop {
        let more: Vec<u32> =
            all.iter().filter(|(pid, p)| family.contains(&p.0) && !family.contains(pid)).map(|(pid, _)| *pid).collect();
        if more.is_empty() {
            break;
        }
        family.extend(more);
    }
    family.remove(&root);
    family.into_iter().map(|pid| (pid, all[&pid].1.clone(), all[&pid].2.clone())).collect()
}

fn probe(site: &Site, spool: &std::path::Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_capture-probe"))
        .args(["--allow-loopback", &format!("127.0.0.1:{}", site.port), &site.url("/polling")])
        .env("TMPDIR", spool)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn begin(site: &Site, spool: &std::path::Path, until: &str) -> Child {
    let mut child = probe(site, spool);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let reached = lines.any(|line| line.unwrap().contains(&format!("\"{until}\"")));
    assert!(reached, "{until}");
    std::thread::spawn(move || lines.for_each(drop));
    child
}

fn kill(pid: u32) {
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}

fn gone(family: &[(u32, String, String)]) -> Duration {
    let begun = Instant::now();
    loop {
        let now = processes();
        let left: Vec<_> =
            family.iter().filter(|(pid, start, _)| now.get(pid).is_some_and(|p| p.1 == *start)).collect();
        if left.is_empty() {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "still there: {left:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_tab_that_crashes_is_said() {
    if absent() {
        return;
    }
    let (site, spool) = (Site::start(), tempfile::tempdir().unwrap());
    let mut child = probe(&site, spool.path());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("\"settle\"")));
    for (pid, _, line) in descendants(child.id()) {
        if line.contains("--type=renderer") {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
    }
    let last: serde_json::Value = serde_json::from_str(&lines.map(Result::unwrap).last().unwrap()).unwrap();
    child.wait().unwrap();
    assert_eq!(last["outcome"], "failed");
    assert!(last["reasons"][0]["en"].as_str().unwrap().contains("crashed"), "{}", last["reasons"]);
    let names: Vec<_> = last["resources"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"operations") && names.contains(&"guard"), "{names:?}");
}

#[test]
fn killing_any_part_at_any_step_leaves_nothing() {
    if absent() {
        return;
    }
    let site = Site::start();
    let spool = tempfile::tempdir().unwrap();
    for (victim, step) in [
        ("itself", "start"),
        ("itself", "settle"),
        ("helper", "settle"),
        ("init", "settle"),
        ("browser", "settle"),
        ("renderers", "settle"),
        ("helper", "open"),
        ("itself", "open"),
    ] {
        let mut child = begin(&site, spool.path(), step);
        if step == "start" {
            std::thread::sleep(Duration::from_millis(60)); // somewhere between fork and the browser's first word
        }
        let family = descendants(child.id());
        let find = |part: &str, not: &str| {
            family.iter().find(|(_, _, line)| line.contains(part) && !line.contains(not)).map(|(pid, ..)| *pid)
        };
        let pid = match victim {
            "itself" => Some(child.id()),
            "helper" => find("__capture-namespaces", "\u{0}"),
            "init" => find("__capture-init", "\u{0}"),
            _ => find("/usr/lib/chromium/chromium --headless", "--type="),
        };
        if victim == "renderers" {
            // The browser lives on; the capture ends by itself, and all with it.
            family.iter().filter(|(_, _, line)| line.contains("--type=renderer")).for_each(|(pid, ..)| kill(*pid));
            child.wait().unwrap();
        } else {
            kill(pid.unwrap_or_else(|| panic!("no {victim} among {family:?}")));
        }
        let took = gone(&family);
        let begun = Instant::now();
        while child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(20), "the capture does not end after {victim} was killed");
            std::thread::sleep(Duration::from_millis(20));
        }
        println!("killed {victim} at {step}: {} processes gone after {took:?}", family.len());
        if victim != "itself" {
            assert_eq!(std::fs::read_dir(spool.path()).unwrap().count(), 0, "files are left");
        } else {
            // Killed itself it cannot tidy up: the next capture in the same place does.
            std::fs::remove_dir_all(spool.path()).unwrap();
            std::fs::create_dir(spool.path()).unwrap();
        }
    }
}
