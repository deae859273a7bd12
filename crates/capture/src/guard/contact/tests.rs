//! Handshakes over loopback, judged by the authority of the test's own as if it were the system's.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::{Connect, Direct, Loopback, Rules, System};
use super::*;
use crate::origins::{self, Asked, Origin};
use crate::roots::Roots;
use crate::tls::{Ca, GONE, NOW, Server, serve};

const RANDOM: [u8; 32] = [7; 32];
const WAIT: Duration = Duration::from_secs(5);

/// Notes what leaves.
struct Hook(Arc<Mutex<Vec<SocketAddr>>>);

impl Connect for Hook {
    fn connect(&self, to: SocketAddr, wait: Duration) -> io::Result<TcpStream> {
        self.0.lock().unwrap().push(to);
        Direct.connect(to, wait)
    }
}

fn guard(names: &[(&str, u16)]) -> (Guard, Arc<Mutex<Vec<SocketAddr>>>) {
    let loopback = names.iter().map(|(host, port)| Loopback { host: (*host).to_owned(), port: *port }).collect();
    let (rules, left) = (Rules { loopback, ..Rules::default() }, Arc::default());
    let hook = Box::new(Hook(Arc::clone(&left)));
    (Guard::new(rules, Box::new(System), hook, Instant::now(), "mark".to_owned()), left)
}

fn one(host: &str, port: u16) -> Asked {
    let (guard, _) = guard(&[(host, port)]);
    let origin = Origin { host: host.to_owned(), port };
    origins::ask(&guard, vec![origin], RANDOM, origins::BEFORE, WAIT).remove(0)
}

/// What `chains` says, and the codes of the flags. `browser`: the certificate that the browser saw.
fn judged(asked: &Asked, ca: &Ca, browser: Option<&[u8]>) -> (Value, Vec<&'static str>) {
    let mut chains = match browser {
        Some(der) => vec![json!({ "origin": asked.origin.to_string(), "der_base64": [STANDARD.encode(der)] })],
        None => vec![],
    };
    let asked = std::slice::from_ref(asked);
    let labels = [Some("contact/0001".to_owned())];
    let flags = origins::complete(&mut chains, asked, &labels, &Roots::read(&ca.root()));
    (chains[0]["contact"].take(), flags.iter().map(|flag| flag.code).collect())
}

#[test]
fn a_site_signs_over_the_order_with_and_without_a_retry() {
    let Some(ca) = Ca::new() else { return };
    let leaf = ca.leaf("shop.test", NOW);
    for retry in [false, true] {
        let asked = one("shop.test", serve(&leaf, retry, String::new()));
        let answered = asked.answer.as_ref().unwrap();
        let seen = Contact::parse(&answered.proof).unwrap();
        assert_eq!((seen.random, seen.retried, seen.server_name.as_deref()), (RANDOM, retry, Some("shop.test")));
        let (contact, flags) = judged(&asked, &ca, Some(&leaf.der()));
        assert_eq!(flags, [""; 0], "{contact}");
        assert_eq!((&contact["name_matches"], &contact["chain"]["root"]), (&json!(true), &json!("Quezao Test Root")));
        assert_eq!((&contact["browser"]["same"], &contact["artefact"]), (&json!(true), &json!("contact/0001")));
        assert_eq!(contact["roots_sha256"].as_str().unwrap().len(), 64);
    }
}

#[test]
fn a_wrong_name_a_past_date_and_another_certificate_are_flags() {
    let Some(ca) = Ca::new() else { return };
    let (other, gone) = (ca.leaf("other.test", NOW), ca.leaf("shop.test", GONE));
    let (contact, flags) = judged(&one("shop.test", serve(&other, false, String::new())), &ca, None);
    assert_eq!((flags, &contact["name_matches"]), (vec!["contact-untrusted"], &json!(false)));
    assert_eq!(contact["chain"]["trusted"], true);
    let asked = one("shop.test", serve(&gone, false, String::new()));
    let (contact, flags) = judged(&asked, &ca, None);
    assert_eq!((flags, &contact["chain"]["trusted"]), (vec!["contact-untrusted"], &json!(false)), "{contact}");
    let (contact, flags) = judged(&asked, &ca, Some(&other.der()));
    assert_eq!(flags, ["contact-chain", "contact-untrusted"]);
    assert_eq!(contact["browser"]["same"], false);
    // Roots that do not know the authority: the signature holds, the chain is of nobody.
    let stranger = Ca::new().unwrap();
    let (contact, flags) = judged(&one("shop.test", serve(&other, false, String::new())), &stranger, None);
    assert_eq!((flags, &contact["chain"]["trusted"]), (vec!["contact-untrusted"], &json!(false)));
}

#[test]
fn older_tls_and_what_is_no_tls_have_no_proof_and_the_reason_is_said() {
    let Some(ca) = Ca::new() else { return };
    let leaf = ca.leaf("shop.test", NOW);
    let older = Server::start(&leaf, &["-tls1_2"]);
    let asked = one("shop.test", older.1);
    assert_eq!(asked.answer.as_ref().unwrap_err().code, "contact-no-tls13");
    let (contact, flags) = judged(&asked, &ca, None);
    assert!(flags.is_empty() && contact["unavailable"]["en"].as_str().unwrap().contains("TLS 1.3"), "{contact}");

    for (bytes, code) in [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "contact-none"),
        (Vec::new(), "contact-none"),
        ([&[22, 3, 3, 0x40, 0][..], &vec![0; 1 << 20]].concat(), "contact-none"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for mut socket in listener.incoming().flatten() {
                let _ = socket.write_all(&bytes);
            }
        });
        assert_eq!(one("shop.test", port).answer.unwrap_err().code, code);
    }
}

#[test]
fn a_handshake_is_bounded_in_time_and_bytes() {
    // One that says nothing, and one that drips a record of the greatest length.
    for drip in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for mut socket in listener.incoming().flatten() {
                let _ = socket.write_all(if drip { &[22, 3, 3, 0x3f, 0xff] } else { &[] });
                while drip && socket.write_all(&[0]).is_ok() {
                    std::thread::sleep(Duration::from_millis(10));
                }
                std::thread::sleep(Duration::from_secs(20));
            }
        });
        let (guard, _) = guard(&[("shop.test", port)]);
        let began = Instant::now();
        let reason = guard.contact("shop.test", port, RANDOM, Duration::from_millis(300)).unwrap_err();
        assert_eq!((reason.code, began.elapsed() < Duration::from_secs(3)), ("contact-limit", true), "{reason:?}");
    }
    let Some(ca) = Ca::new() else { return };
    let port = serve(&ca.leaf("shop.test", NOW), false, String::new());
    let rules = Rules { loopback: vec![Loopback { host: "shop.test".into(), port }], bytes: 300, ..Rules::default() };
    let guard = Guard::new(rules, Box::new(System), Box::new(Direct), Instant::now(), String::new());
    assert_eq!(guard.contact("shop.test", port, RANDOM, WAIT).unwrap_err().code, "contact-limit");
    assert_eq!(guard.limit(), Some("bytes"));
}

#[test]
fn the_guards_own_rules_hold_for_its_own_handshakes() {
    let (guard, left) = guard(&[]);
    for (host, port) in [
        ("10.0.0.1", 443),
        ("169.254.169.254", 443),
        ("[::1]", 443),
        ("localhost", 443),
        ("shop.test", 443),
        ("8.8.8.8", 8443),
        ("[64:ff9b::a00:1]", 443),
    ] {
        let reason = guard.contact(host, port, RANDOM, WAIT).unwrap_err();
        assert_eq!(reason.code, "contact-refused", "{host}:{port}");
    }
    assert!(left.lock().unwrap().is_empty());
    let refused = guard.events().0.iter().filter(|e| matches!(e.what, What::Refused { .. })).count();
    assert_eq!(refused, 7);
}

#[test]
fn many_are_asked_at_once_and_stay_in_order() {
    let Some(ca) = Ca::new() else { return };
    let leaf = ca.leaf("shop.test", NOW);
    let port = serve(&leaf, false, String::new());
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (guard, left) = guard(&[("shop.test", port), ("shop.test", closed)]);
    let origin = |port| Origin { host: "shop.test".to_owned(), port };
    let many = [port; 20].into_iter().chain([closed]).map(origin).collect();
    let asked = origins::ask(&guard, many, RANDOM, origins::AFTER, WAIT);
    assert_eq!((asked.len(), left.lock().unwrap().len()), (21, 21));
    assert!(asked[..20].iter().all(|asked| asked.answer.is_ok()));
    assert_eq!(asked[20].answer.as_ref().unwrap_err().code, "contact-unreachable");
}
