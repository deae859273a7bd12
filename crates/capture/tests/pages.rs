//! Captures of a site on loopback: each page's outcome, and every request of the site's log in the recording.
#![allow(clippy::unwrap_used)]

mod site;

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use capture::guard::What;
use capture::{By, Limits, Outcome};
use site::{Site, absent, captured, captured_within, codes, complete, fetched, remarks, text};

#[test]
fn a_plain_page_is_complete_with_every_artefact() {
    let Some(r) = captured_within("/plain", &Limits::default()) else { return };
    complete(&r);
    assert_eq!((r.title.as_str(), r.status), ("Plain", Some(200)));
    let names: Vec<&str> = r.resources.iter().map(|resource| resource.name.as_str()).collect();
    let all = "chains console dom environment-after environment-after/page environment-before facts film guard heads mhtml operations pdf screenshot-full screenshot-viewport text";
    let (film, names): (Vec<&str>, Vec<&str>) = names.into_iter().partition(|name| name.starts_with("film/"));
    assert_eq!(names, all.split(' ').collect::<Vec<_>>());
    assert!(film.first() == Some(&"film/0001"));
    assert!(text(&r, "text").contains("手工陶瓷马克杯"));
    for (name, magic) in [("screenshot-full", "\u{fffd}PNG"), ("pdf", "%PDF-"), ("mhtml", "From: ")] {
        assert!(text(&r, name).starts_with(magic), "{name}");
    }
    // Nothing of the host is seen, and nothing but the loopback interface.
    let inside = &r.before["inside"];
    assert_eq!(inside["interfaces"], serde_json::json!(["lo"]));
    assert_eq!(inside["routes"], serde_json::json!([]));
    let processes = inside["processes"].as_array().unwrap();
    assert!(processes.iter().all(|p| p["no_new_privs"] == true));
    let renderers: Vec<_> =
        processes.iter().filter(|p| p["command"].as_str().unwrap().contains("--type=renderer")).collect();
    assert!(!renderers.is_empty() && renderers.iter().all(|p| p["seccomp"] == 2), "the sandbox is on: {renderers:?}");
    assert!(r.differences.is_empty(), "{:?}", r.differences);
}

#[test]
fn lazy_images_are_scrolled_to() {
    let Some(r) = captured("/lazy") else { return };
    complete(&r);
    assert_eq!(fetched(&r, "/image/"), 15);
    assert!(r.resource("screenshot-full/0004").is_some(), "13,500 px are four tiles");
}

#[test]
fn infinite_scroll_ends_at_the_limit_and_says_so() {
    let Some(r) = captured_within("/infinite", &Limits { height: 12_000, ..site::limits() }) else { return };
    assert_eq!(r.outcome, Outcome::Partial);
    assert!(codes(&r).contains(&"height"), "{:?}", r.reasons);
    assert!(r.resource("screenshot-full/0003").is_some() && r.resource("screenshot-full/0004").is_none());
}

#[test]
fn redirects_are_kept_hop_by_hop() {
    let Some(r) = captured("/redirect") else { return };
    complete(&r);
    let chain: Vec<_> = r.exchanges.iter().filter(|e| e.main && !e.printing).collect();
    let statuses: Vec<_> = chain.iter().map(|e| e.response.as_ref().unwrap().status).collect();
    assert_eq!(statuses, [302, 302, 200]);
    assert!(chain[0].response.as_ref().unwrap().head.raw.as_ref().unwrap().contains("Location: /redirect2\r\n"));
    assert!(r.final_url.ends_with("/plain"));
    assert_eq!(chain.iter().map(|e| e.by).collect::<Vec<_>>(), [By::Order, By::Redirect, By::Redirect]);
}

#[test]
fn bytes_are_kept_as_they_came_in_any_charset_and_coding() {
    for path in ["/gbk", "/gzip", "/chunked"] {
        let Some(r) = captured(path) else { return };
        complete(&r);
        let all = r.exchanges.iter().filter_map(|e| e.response.as_ref()).filter(|r| r.body.is_some());
        assert!(all.clone().count() >= 1 && all.clone().all(|r| r.fidelity == capture::Fidelity::Exact));
    }
}

#[test]
fn a_page_that_never_rests_is_complete_and_says_so() {
    let Some(r) = captured("/polling") else { return };
    complete(&r);
    assert_eq!(remarks(&r), ["never-idle"]);
}

#[test]
fn walls_are_blocked() {
    for (path, code) in [("/item", "sign-in"), ("/slider", "challenge"), ("/shell", "empty-shell"), ("/403", "refused")]
    {
        let Some(r) = captured(path) else { return };
        assert_eq!((r.outcome, codes(&r)), (Outcome::Blocked, vec![code]), "{path}");
        assert!(r.resource("screenshot-full").is_some(), "the wall itself is evidence");
    }
}

#[test]
fn dialogs_popups_and_downloads_are_dismissed_and_said() {
    for (path, remark) in [("/dialogs", "dialog"), ("/popup", "popup"), ("/starts-download", "download")] {
        let Some(r) = captured(path) else { return };
        assert!(remarks(&r).contains(&remark), "{path}: {:?}", r.remarks);
        assert_ne!(r.outcome, Outcome::Failed, "{path}");
        assert_eq!(fetched(&r, "/popped"), 0);
    }
}

#[test]
fn a_download_is_no_page() {
    let Some(r) = captured("/download") else { return };
    assert_eq!(r.outcome, Outcome::Failed);
    assert!(r.reasons[0].en.contains("download"), "{:?}", r.reasons);
}

#[test]
fn a_tall_page_is_taken_in_tiles() {
    let Some(r) = captured("/tall") else { return };
    complete(&r);
    let tiles = r.resources.iter().filter(|resource| resource.name.starts_with("screenshot-full/")).count();
    assert_eq!(tiles, 5);
}

#[test]
fn an_error_page_is_partial() {
    let Some(r) = captured("/404") else { return };
    assert_eq!((r.outcome, codes(&r)), (Outcome::Partial, vec!["status"]));
}

#[test]
fn a_script_that_spins_does_not_hold_the_capture() {
    let limits = Limits { answer: Duration::from_secs(3), settle: Duration::from_secs(2), ..site::limits() };
    let Some(r) = captured_within("/spin", &limits) else { return };
    assert_eq!(r.outcome, Outcome::Partial);
    assert!(r.ended - r.started < 40_000_000, "{} µs", r.ended - r.started);
}

#[test]
fn a_page_that_eats_memory_is_ended_and_said() {
    let limits =
        Limits { memory: 1 << 30, answer: Duration::from_secs(5), settle: Duration::from_secs(3), ..site::limits() };
    let Some(r) = captured_within("/hungry", &limits) else { return };
    // Either the script is refused more memory and the page lives on, or its process ends.
    let refused = r.resource("console").is_some() && text(&r, "console").contains("allocation failed");
    assert!(refused || r.outcome == Outcome::Failed, "{:?}", r.reasons);
}

#[test]
fn a_body_without_end_is_cut_and_said() {
    let limits = Limits {
        held: Duration::from_secs(2),
        load: Duration::from_secs(6),
        settle: Duration::from_secs(2),
        ..site::limits()
    };
    let Some(r) = captured_within("/endless", &limits) else { return };
    assert!(matches!(r.outcome, Outcome::Partial | Outcome::Failed), "{:?}", r.outcome);
    assert!(codes(&r).iter().any(|code| ["body-without-end", "load", "failed"].contains(code)), "{:?}", r.reasons);
}

#[test]
fn a_truncated_image_is_partial() {
    let Some(r) = captured("/truncated") else { return };
    assert_eq!(r.outcome, Outcome::Partial);
    assert!(codes(&r).contains(&"failures"), "{:?}", r.reasons);
}

#[test]
fn frames_and_workers_are_heard() {
    for (path, part) in [("/frames", "/image/77"), ("/worker", "/from-worker"), ("/service", "/from-sw")] {
        let Some(r) = captured(path) else { return };
        complete(&r);
        assert_eq!(fetched(&r, part), 1, "{path}");
    }
}

#[test]
fn a_refresh_is_followed_and_a_post_is_kept() {
    let Some(r) = captured("/refresh") else { return };
    complete(&r);
    assert!(r.final_url.ends_with("/plain"), "{}", r.final_url);
    let by: Vec<_> = r.exchanges.iter().filter(|e| e.main && !e.printing).map(|e| e.by).collect();
    assert_eq!(by, [By::Order, By::Page]);
    let Some(r) = captured("/post") else { return };
    complete(&r);
    let post = r.exchanges.iter().find(|e| e.url.ends_with("/posted")).unwrap();
    assert_eq!(std::fs::read(&post.post.as_ref().unwrap().file).unwrap(), "a=1&b=二".as_bytes());
}

#[test]
fn shadow_trees_blobs_and_backgrounds_are_there() {
    for (path, part, times) in [("/shadow", "/image/5", 1), ("/blob", "/image/9", 1), ("/css", "/image/4", 2)] {
        let Some(r) = captured(path) else { return };
        complete(&r);
        assert_eq!(fetched(&r, part), times, "{path}");
    }
    let Some(r) = captured("/shadow") else { return };
    assert!(text(&r, "dom").contains("closed shadow tree"));
}

#[test]
fn nothing_goes_inward() {
    let Some(r) = captured("/inward") else { return };
    assert_eq!(r.outcome, Outcome::Partial);
    let connected: Vec<_> = r.guard.iter().filter(|e| matches!(&e.what, What::Connected { .. })).collect();
    assert!(connected.iter().all(|e| matches!(&e.what, What::Connected { loopback: true, .. })), "{connected:?}");
    for target in [
        "10.0.0.1",
        "169.254.169.254",
        "[::1]:8080",
        "localhost:8099",
        "192.168.1.1",
        "intranet",
        "100.64.0.1",
        "127.0.0.1:8097",
    ] {
        let refused = r.guard.iter().any(|e| matches!(&e.what, What::Refused { target: t, .. } if t.contains(target)));
        assert!(refused, "{target}");
    }
    let Some(r) = captured("/inward-redirect") else { return };
    assert_eq!(r.outcome, Outcome::Failed);
    assert!(r.reasons[0].en.contains("169.254.169.254: link-local"), "{:?}", r.reasons);
}

#[test]
fn a_certificate_that_nobody_vouches_for_ends_as_failed_with_its_chain() {
    if absent() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (key, certificate) = (folder.path().join("key.pem"), folder.path().join("certificate.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3", "-subj", "/CN=shop.test"])
        .args(["-addext", "subjectAltName=DNS:shop.test", "-keyout"])
        .args([key.as_os_str(), "-out".as_ref(), certificate.as_os_str()])
        .stderr(Stdio::null())
        .status();
    if !made.is_ok_and(|status| status.success()) {
        println!("not run: openssl is absent");
        return;
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = Command::new("openssl")
        .args(["s_server", "-www", "-quiet", "-accept", &format!("127.0.0.1:{port}"), "-key"])
        .args([key.as_os_str(), "-cert".as_ref(), certificate.as_os_str()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut order = Site::start().order("/");
    order.url = format!("https://shop.test:{port}/");
    order.loopback = vec![format!("shop.test:{port}").parse().unwrap()];
    let r = capture::run(&order, &Limits::default(), &mut |_| {});
    server.kill().unwrap();
    server.wait().unwrap();
    let r = r.unwrap();
    assert_eq!(r.outcome, Outcome::Failed);
    assert!(r.reasons[0].en.contains("ERR_CERT_AUTHORITY_INVALID"), "{:?}", r.reasons);
    let pem = std::fs::read_to_string(certificate).unwrap();
    let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    assert!(text(&r, "chains").contains(&der), "the chain is recorded");
}
