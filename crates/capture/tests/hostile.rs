//! Pages that attack the recorder or the machine, and pages that are hard to record. For each, beside what
//! is asserted here: what the site's log holds is in the WACZ (see `site`).
#![allow(clippy::unwrap_used)]

mod site;

use std::time::Duration;

use capture::guard::What;
use capture::{Fidelity, Limits, Outcome, Recording};
use site::{captured, captured_within, codes, complete, fetched, remarks, text};

/// Only what the operator opened was contacted.
#[track_caller]
fn nothing_left(recording: &Recording) {
    for event in &recording.guard {
        match &event.what {
            What::Connected { loopback, .. } => assert!(loopback, "{:?}", event.what),
            What::Resolved { name, .. } => panic!("{name} was asked for"),
            _ => {}
        }
    }
}

fn took(recording: &Recording) -> Duration {
    Duration::from_micros((recording.ended - recording.started) as u64)
}

#[test]
fn local_files_and_the_browsers_own_pages_are_out_of_reach() {
    let Some(r) = captured("/local-files") else { return };
    nothing_left(&r);
    assert!(r.final_url.ends_with("/local-files"), "{}", r.final_url);
    for artefact in ["text", "dom", "mhtml"] {
        let all = text(&r, artefact);
        assert!(!all.contains("root:x:") && !all.contains("PATH="), "{artefact}");
    }
    assert!(r.exchanges.iter().all(|e| e.url.starts_with("http://")));
}

#[test]
fn no_packet_leaves_by_webrtc_webtransport_or_dns() {
    for path in ["/rtc", "/webtransport", "/ahead"] {
        let Some(r) = captured(path) else { return };
        nothing_left(&r);
        complete(&r);
        assert!(!r.title.contains("srflx") && !r.title.contains("relay"), "{}", r.title);
        // The namespace has the loopback interface and no route.
        assert_eq!(r.after["inside"]["interfaces"], serde_json::json!(["lo"]));
    }
}

#[test]
fn dialogs_without_end_end() {
    let limits = Limits { answer: Duration::from_secs(3), load: Duration::from_secs(4), ..site::limits() };
    let Some(r) = captured_within("/alerts", &limits) else { return };
    assert!(remarks(&r).contains(&"dialog"));
    assert_ne!(r.outcome, Outcome::Complete);
    assert!(took(&r) < Duration::from_secs(60), "{:?}", took(&r));
}

#[test]
fn frames_in_frames_end_at_the_cap_of_requests_and_no_more_go_out() {
    let Some(r) = captured_within("/nested", &Limits { requests: 30, ..site::limits() }) else { return };
    assert!(codes(&r).contains(&"requests"), "{:?}", r.reasons);
    assert_eq!(r.outcome, Outcome::Partial);
    assert!(r.exchanges.len() <= 60, "{}", r.exchanges.len());
}

#[test]
fn loops_of_addresses_end() {
    let Some(r) = captured("/redirect-loop") else { return };
    assert_eq!(r.outcome, Outcome::Failed);
    assert!(r.reasons[0].en.contains("ERR_TOO_MANY_REDIRECTS"), "{:?}", r.reasons);
    let Some(r) = captured_within("/refresh-loop", &Limits { settle: Duration::from_secs(2), ..site::limits() }) else {
        return;
    };
    assert!(took(&r) < Duration::from_secs(60), "{:?}", took(&r));
    let Some(r) = captured("/history") else { return };
    assert_ne!(r.outcome, Outcome::Failed, "{:?}", r.reasons);
}

#[test]
fn windows_and_prerendered_pages_are_closed_and_what_they_fetched_is_recorded() {
    let Some(r) = captured("/popups") else { return };
    assert_ne!(r.outcome, Outcome::Failed);
    assert!(remarks(&r).contains(&"popup"), "{:?}", r.remarks);
    let Some(r) = captured("/prerender") else { return };
    complete(&r);
    assert_eq!((r.title.as_str(), fetched(&r, "/prerendered")), ("Prerender", 1));
}

#[test]
fn what_a_page_says_when_it_ends_is_recorded_or_never_said() {
    let Some(r) = captured("/beacon") else { return };
    complete(&r);
    assert_eq!(fetched(&r, "/hello"), 1);
}

#[test]
fn a_large_body_is_kept_byte_for_byte_and_a_bomb_is_not() {
    let Some(r) = captured("/forty") else { return };
    complete(&r);
    let large = r.exchanges.iter().find(|e| e.url.ends_with("/forty.bin")).unwrap().response.as_ref().unwrap();
    assert_eq!((large.body.as_ref().unwrap().size, large.fidelity), (40 << 20, Fidelity::Exact));
    let Some(r) = captured_within("/bomb", &Limits { body: 8 << 20, ..site::limits() }) else { return };
    assert!(matches!(r.outcome, Outcome::Partial), "{:?}", r.reasons);
    let bomb = r.exchanges.iter().find(|e| e.url.ends_with("/bomb.txt")).unwrap().response.as_ref().unwrap();
    assert!(bomb.body.is_none() && bomb.note.as_ref().unwrap().contains("limit"), "{:?}", bomb.note);
}

#[test]
fn sixty_thousand_pixels_are_fifteen_tiles() {
    let Some(r) = captured("/sixty") else { return };
    complete(&r);
    let tiles = r.resources.iter().filter(|resource| resource.name.starts_with("screenshot-full/")).count();
    assert_eq!(tiles, 15);
}

#[test]
fn codings_are_taken_off_and_bytes_kept() {
    for path in ["/brotli", "/zstd"] {
        let Some(r) = captured(path) else { return };
        complete(&r);
        let page = r.exchanges[0].response.as_ref().unwrap();
        assert_eq!(page.fidelity, Fidelity::Exact);
        assert!(page.body.as_ref().unwrap().size > 65_536, "more than one block");
    }
}

#[test]
fn more_walls_are_blocked() {
    for (path, code) in [("/robot", "challenge"), ("/region", "region"), ("/captcha", "challenge")] {
        let Some(r) = captured(path) else { return };
        assert_eq!((r.outcome, codes(&r)), (Outcome::Blocked, vec![code]), "{path}");
        assert!(r.resource("screenshot-full").is_some(), "the wall itself is evidence");
    }
    // Chromium shows no page then.
    let Some(r) = captured("/basic") else { return };
    assert_eq!((r.outcome, codes(&r)), (Outcome::Blocked, vec!["refused"]));
}

#[test]
fn a_strict_policy_does_not_hinder_the_recorder() {
    let Some(r) = captured("/strict") else { return };
    assert_eq!(r.title, "Strict", "no script ran");
    assert_eq!(fetched(&r, "/image/63"), 1);
    assert!(text(&r, "text").contains("手工陶瓷马克杯"));
    nothing_left(&r);
}

#[test]
fn an_address_that_is_no_html_is_captured_too() {
    for (path, part) in [("/text.txt", "手工陶瓷"), ("/data.json", "99.00"), ("/image/7", "")] {
        let Some(r) = captured(path) else { return };
        complete(&r);
        assert!(text(&r, "text").contains(part), "{path}");
        let main = r.exchanges.iter().find(|e| e.main).unwrap().response.as_ref().unwrap();
        assert_eq!(main.fidelity, Fidelity::Exact, "{path}");
    }
}

#[test]
fn pages_that_never_rest_are_complete_and_say_so() {
    for (path, code) in [("/events", "never-idle"), ("/print", "")] {
        let Some(r) = captured(path) else { return };
        complete(&r);
        assert!(code.is_empty() || remarks(&r).contains(&code), "{path}: {:?}", r.remarks);
    }
}

#[test]
fn an_image_that_does_not_come_is_named() {
    let Some(r) = captured_within("/late-image", &Limits { load: Duration::from_secs(4), ..site::limits() }) else {
        return;
    };
    assert_eq!(r.outcome, Outcome::Partial);
    assert!(
        r.reasons.iter().any(|reason| reason.code == "unfinished" && reason.en.contains("/late")),
        "{:?}",
        r.reasons
    );
}

#[test]
fn a_shared_worker_is_heard() {
    let Some(r) = captured("/shared") else { return };
    assert_eq!((fetched(&r, "/from-shared"), r.title.as_str()), (1, "Shared said by a shared worker"));
}

#[test]
fn what_a_service_worker_makes_up_is_not_the_sites() {
    let Some(r) = captured("/claimed") else { return };
    assert_eq!(r.title, "Claimed price 1");
    assert_eq!(remarks(&r), ["service-worker"]);
    let made_up = r.exchanges.iter().find(|e| e.url.ends_with("/never-asked")).unwrap();
    assert!(made_up.peer.is_none(), "no record of the WACZ: {made_up:?}");
}

#[test]
fn strange_words_stay_words() {
    let Some(r) = captured("/surrogate") else { return };
    complete(&r);
    assert_eq!(r.title, "Half \u{fffd} pair");
    assert!(text(&r, "text").contains("half a pair"));
    let Some(r) = captured("/strange-words") else { return };
    complete(&r);
    assert!(r.title.contains("$(reboot) `id`"), "{:?}", r.title);
}
