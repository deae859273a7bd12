//! `capture` is killed in the middle, whichever of its processes: nothing runs on, nothing half-made stays, every order
//! is counted, and the next capture works.
//!
//! 10 kills in `make test`; `QUEZAO_KILLS=50` in `make torture`, where `QUEZAO_SEED` repeats a run.
#![allow(clippy::unwrap_used)]

mod desk;

use desk::{Desk, Process, page, possible, processes, shop};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime},
};
use testkit::random::Random;

/// A page that takes its time, so that a kill meets every step.
fn answers(path: &str) -> Vec<u8> {
    match path {
        "/item" => page("秋日·林荫", "<img src=/a.svg width=300 height=300><img src=/slow width=30 height=30>"),
        "/slow" => {
            std::thread::sleep(Duration::from_millis(400));
            shop("/a.svg")
        }
        other => shop(other),
    }
}

/// `root` and all that descends from it.
fn family(root: u32) -> BTreeMap<u32, Process> {
    let all = processes();
    let mut members = BTreeSet::from([root]);
    while let Some(next) = all.iter().find(|(pid, p)| members.contains(&p.parent) && !members.contains(pid)) {
        members.insert(*next.0);
    }
    all.into_iter().filter(|(pid, _)| members.contains(pid)).collect()
}

/// Processes that were told this desk's folder, and of a family that is known.
fn left(desk: &Path, known: &BTreeMap<u32, Process>) -> Vec<(u32, Process)> {
    let told = |pid: &u32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let place = desk.as_os_str().as_encoded_bytes();
        environment.windows(place.len()).any(|w| w == place)
    };
    let ours = |pid: &u32, p: &Process| known.get(pid).is_some_and(|k| k.begun == p.begun) || told(pid);
    processes().into_iter().filter(|(pid, p)| ours(pid, p)).collect()
}

fn begin(desk: &Desk) -> Child {
    let (open, url) = (format!("127.0.0.1:{}", desk.site), desk.url("/item"));
    let args = ["capture", "--data", "data", "--allow-loopback", &open, "--json", &url];
    desk.command(&args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// In words, so that a run's log says what was killed.
fn part(pid: u32, root: u32, process: &Process) -> &'static str {
    let kinds = [
        ("__capture-namespaces", "helper"),
        ("__capture-init", "init"),
        ("--type=renderer", "renderer"),
        ("--type=gpu-process", "gpu"),
        ("--type=utility", "utility"),
        ("--type=zygote", "zygote"),
        ("crashpad", "crashpad"),
        ("/chromium", "browser"),
    ];
    let kind = kinds.iter().find(|(word, _)| process.line.contains(word)).map_or("other", |k| k.1);
    if pid == root { "main" } else { kind }
}

#[test]
fn a_killed_capture_leaves_nothing_but_its_order() {
    let kills: usize = std::env::var("QUEZAO_KILLS").map_or(10, |k| k.parse().unwrap());
    let micros = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros() as u64;
    let seed: u64 = std::env::var("QUEZAO_SEED").map_or(micros, |n| n.parse().unwrap());
    println!("QUEZAO_SEED={seed}");
    if !possible() {
        return;
    }
    let mut random = Random(seed);
    let desk = Desk::new(answers);
    // The first one takes longer: Chromium is read and hashed.
    let (mut acknowledged, mut whole) = (BTreeSet::new(), 0);
    for _ in 0..2 {
        let begun = Instant::now();
        let (lines, code) = desk.capture(&["/item"]);
        assert_eq!(code, 0, "{lines:?}");
        whole = begun.elapsed().as_millis() as u64;
        acknowledged.insert(lines[0]["id"].as_str().unwrap().to_owned());
    }
    let (mut victims, mut ends, mut in_flight) = (BTreeMap::<&str, usize>::new(), BTreeMap::<String, usize>::new(), 0);
    for round in 0..kills {
        let mut child = begin(&desk);
        let stdout = child.stdout.take().unwrap();
        let reader =
            std::thread::spawn(move || BufReader::new(stdout).lines().map_while(Result::ok).collect::<Vec<String>>());
        std::thread::sleep(Duration::from_millis(20 + random.below(whole * 2 / 3)));
        let known = family(child.id());
        // Every second time the program itself, else any process of the capture's. A browser without its zygotes begins
        // no renderer, and is waited for as long as a page may take: those are for `make torture`.
        let patient = |pid: &u32, p: &Process| kills > 10 || part(*pid, child.id(), p) != "zygote";
        let all: Vec<(&u32, &Process)> = known.iter().filter(|(pid, p)| patient(pid, p)).collect();
        let victim = match (round % 2, all.len()) {
            (0, _) | (_, 0) => child.id(),
            (_, n) => *all[random.below(n as u64) as usize].0,
        };
        let name = known.get(&victim).map_or("main", |p| part(victim, child.id(), p));
        // It may have ended by itself in between.
        let _ = Command::new("kill").args(["-9", &victim.to_string()]).stderr(Stdio::null()).status().unwrap();
        *victims.entry(name).or_default() += 1;
        let killed = Instant::now();
        let status = ended(&mut child, name);
        println!("{round}: {name} killed, the end {:.1} s later, {status}", killed.elapsed().as_secs_f32());
        in_flight += usize::from(!status.success());
        gone(desk.work.path(), &known, name);
        for line in reader.join().unwrap() {
            let Ok(line) = serde_json::from_str::<Value>(&line) else { continue };
            *ends.entry(line["status"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
            acknowledged.extend(line["id"].as_str().map(str::to_owned));
        }
        // Readable at once, without any repair.
        desk.lines(&["list", "--data", "data", "--json"]);
    }
    println!("{kills} kills ({in_flight} in flight) of {victims:?}; lines that still came: {ends:?}");
    assert!(in_flight * 5 > kills, "only {in_flight} of {kills} were killed in flight");

    let before = desk.lines(&["list", "--data", "data", "--json"]);
    let (lines, code) = desk.capture(&["/item"]);
    assert_eq!((code, &lines[0]["status"]), (0, &"complete".into()), "the next capture works: {lines:?}");
    acknowledged.insert(lines[0]["id"].as_str().unwrap().to_owned());
    let listed = desk.lines(&["list", "--data", "data", "--json"]);
    assert_eq!(listed.len(), before.len() + 2, "an order and a capture");
    let (captures, orders): (Vec<&Value>, Vec<&Value>) = listed.iter().partition(|l| l["sha256"].is_string());
    let ids = |lines: &[&Value]| lines.iter().map(|l| l["id"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>();
    assert!(ids(&captures).is_superset(&acknowledged), "acknowledged ones stay");
    assert!(captures.len() <= orders.len());
    let check = desk.lines(&["admin", "ledger-check", "--json", "--data", "data"]);
    assert_eq!(check[0]["size"].as_u64(), Some(listed.len() as u64 + 1), "every leaf is a record, and leaf 0");

    // Every order was counted, those of killed captures too.
    let order = lines[0]["order"].as_str().unwrap();
    let entries = archive::package::read(&desk.package(order)).unwrap().entries;
    let disclosed = &entries.iter().find(|e| e.0 == "disclosure.json").unwrap().1;
    let claims = evidence::disclosure::parse_set(disclosed).unwrap();
    let attempt = claims.iter().find(|d| d.name() == "attempt").unwrap().value();
    assert_eq!(attempt.as_u64(), Some(orders.len() as u64));

    // No half record: each is exported and verified; no file that no record names, nothing half-copied.
    let trust = desk.trust();
    for capture in &captures {
        let package = desk.package(capture["id"].as_str().unwrap());
        let at = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros() as i64;
        let verdict = verify::check_package(&package, &trust, &[], evidence::time::Utc(at));
        assert_eq!(verdict.code(), 0, "{capture}: {}", verdict.to_json());
    }
    let files = |dir: &Path| -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut folders = vec![dir.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.insert(entry.file_name().into_string().unwrap());
                }
            }
        }
        found
    };
    let kept: BTreeSet<String> = captures.iter().map(|c| c["sha256"].as_str().unwrap().to_owned()).collect();
    assert_eq!(files(&desk.path("data/originals")), kept);
    assert_eq!(files(&desk.path("tmp")), BTreeSet::new());
    println!("{} orders, {} captures, all verified; no process and no file is left", orders.len(), captures.len());
}

/// It ends by itself, whatever of it was killed: at the latest when its time is over.
fn ended(child: &mut Child, victim: &str) -> std::process::ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(begun.elapsed() < Duration::from_secs(240), "no end after {victim} was killed");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn gone(desk: &Path, known: &BTreeMap<u32, Process>, victim: &str) {
    let begun = Instant::now();
    loop {
        let left = left(desk, known);
        if left.is_empty() {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{victim} was killed; still there: {left:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
