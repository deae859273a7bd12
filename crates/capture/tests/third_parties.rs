//! Real captures of many kinds of pages, held against other people's readers: py-wacz and warcio take the files, pywb
//! serves pages and pictures byte for byte, ReplayWeb.page shows them.
#![allow(clippy::unwrap_used)]

mod site;

use capture::{Fidelity, Limits, Recording};
use site::{Site, absent};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

/// Lazy pictures, codings, charsets, frames, workers, redirects, other methods, bodies cut short.
const PAGES: [&str; 9] =
    ["/lazy", "/gzip", "/chunked", "/gbk", "/redirect", "/frames", "/service", "/post", "/truncated"];

fn script(name: &str) -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts").join(name))
}

fn said(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

/// False: it could not be asked here.
fn holds(out: &Output, what: &str) -> bool {
    if out.status.code() == Some(2) {
        println!("not run: {}", said(out));
        return false;
    }
    assert!(out.status.success(), "{what}: {}", said(out));
    true
}

fn written(recording: &Recording, folder: &Path) -> PathBuf {
    let path = folder.join("capture.wacz");
    recording.write_wacz(File::create(&path).unwrap(), "quezao 0.1.0", vec![]).unwrap();
    path
}

/// What was fetched whole, once, and answered with 200: address and body.
fn bodies(recording: &Recording) -> BTreeMap<String, Vec<u8>> {
    let mut found: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for exchange in recording.exchanges.iter().filter(|e| e.method == "GET" && e.failure.is_none()) {
        let Some(response) = exchange.response.as_ref().filter(|r| r.status == 200) else { continue };
        let Some(body) = response.body.as_ref().filter(|_| response.fidelity == Fidelity::Exact) else { continue };
        let address = exchange.url.split('#').next().unwrap().to_owned();
        found.entry(address).or_default().push(fs::read(&body.file).unwrap());
    }
    // Printing fetches again; the same bytes are the same answer.
    let same = |all: &Vec<Vec<u8>>| all.iter().all(|body| *body == all[0] && !body.is_empty());
    found.into_iter().filter(|(_, all)| same(all)).map(|(url, mut all)| (url, all.remove(0))).collect()
}

#[test]
fn py_wacz_warcio_and_pywb_read_what_was_captured() {
    if absent() {
        return;
    }
    let (site, mut served) = (Site::start(), 0);
    for page in PAGES {
        let limits = Limits { settle: Duration::from_secs(3), ..Limits::default() };
        let recording = capture::run(&site.order(page), &limits, &mut |_| {}).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = written(&recording, folder.path());
        archive::wacz::read(&mut File::open(&file).unwrap()).unwrap();
        if !holds(&script("wacz.sh").arg(&file).output().unwrap(), page) {
            return;
        }
        // pywb takes a few seconds to start.
        if !["/lazy", "/gzip", "/gbk", "/frames"].contains(&page) {
            continue;
        }
        let bodies = bodies(&recording);
        assert!(bodies.keys().any(|url| url.contains(page)), "{page}: {:?}", bodies.keys());
        let mut pywb = script("pywb.sh");
        pywb.arg(&file);
        let place = |n: usize| folder.path().join(n.to_string());
        for (n, url) in bodies.keys().enumerate() {
            pywb.arg(url).arg(place(n));
        }
        if !holds(&pywb.output().unwrap(), page) {
            return;
        }
        for (n, (url, body)) in bodies.iter().enumerate() {
            assert!(fs::read(place(n)).unwrap() == *body, "{page}: {url}");
        }
        let pictures = bodies.keys().filter(|url| url.contains("/image/")).count();
        assert!(page != "/lazy" || pictures == 15, "{pictures} pictures");
        served += bodies.len();
    }
    println!("{} captures read by py-wacz and warcio; pywb served {served} bodies byte for byte", PAGES.len());
}

#[test]
fn replayweb_page_shows_what_was_captured() {
    if absent() {
        return;
    }
    let (site, limits) = (Site::start(), Limits { settle: Duration::from_secs(3), ..Limits::default() });
    // Pages in several codings, with pictures, redirected, with a frame.
    for (page, images) in [("/lazy", 1), ("/gbk", 0), ("/redirect", 0), ("/frames", 0)] {
        let recording = capture::run(&site.order(page), &limits, &mut |_| {}).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = written(&recording, folder.path());
        let text = fs::read_to_string(&recording.resource("text").unwrap().content.file).unwrap();
        let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap();
        let url = recording.final_url.split('#').next().unwrap();
        let mut player = script("replayweb.py");
        if !holds(&player.arg(&file).args([url, line, &images.to_string()]).output().unwrap(), page) {
            return;
        }
        if images == 0 {
            continue;
        }
        // It looks, and does not only run.
        let mut player = script("replayweb.py");
        player.arg(&file).args([url, line, "9999"]).env("REPLAY_SECONDS", "3");
        assert_eq!(player.output().unwrap().status.code(), Some(1), "{page}");
    }
}
