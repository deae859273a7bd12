//! What a capture over TLS says of itself: contact proofs, and a machine that was tampered with.
#![allow(clippy::unwrap_used)]

mod site;
mod tls;

use std::fs;

use capture::{Limits, Outcome, Recording, Request};
use evidence::contact::Contact;
use serde_json::Value;
use tls::{Ca, Leaf, NOW};

const RANDOM: [u8; 32] = [9; 32];

fn order(port: u16) -> Request {
    let mut order = Request::new(format!("https://shop.test:{port}/"));
    order.machine.executable = Some(env!("CARGO_BIN_EXE_capture-probe").into());
    order.loopback = vec![format!("shop.test:{port}").parse().unwrap()];
    order.contact = Some(RANDOM);
    order
}

fn captured(order: &Request) -> Recording {
    capture::run(order, &Limits { pdf: false, ..Limits::default() }, &mut |_| {}).unwrap()
}

fn read(r: &Recording, name: &str) -> Vec<u8> {
    fs::read(&r.resource(name).unwrap_or_else(|| panic!("{name}")).content.file).unwrap()
}

fn lines(r: &Recording, name: &str) -> Vec<Value> {
    String::from_utf8(read(r, name)).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn flags(r: &Recording) -> Vec<&str> {
    r.red_flags.iter().map(|flag| flag.code).collect()
}

fn shop(ca: &Ca) -> (Leaf, u16) {
    let leaf = ca.leaf("shop.test", NOW);
    let body = "<!doctype html><title>秋日</title><h1>连衣裙</h1><p>棉麻，三色，均码。价格 ¥199，月销 1,024 件。</p>";
    let port = tls::serve(&leaf, false, body.into());
    (leaf, port)
}

#[test]
fn a_site_over_tls_signs_before_it_is_opened_and_its_chain_is_the_browsers() {
    if site::absent() {
        return;
    }
    let Some(ca) = Ca::new() else { return };
    let (leaf, port) = shop(&ca);
    let mut order = order(port);
    order.machine.own_keys = vec![leaf.key_pin()];
    let r = captured(&order);
    assert_eq!(r.outcome, Outcome::Complete, "{:?}", r.reasons);
    assert_eq!(Contact::parse(&read(&r, "contact/0001")).unwrap().random, RANDOM);
    let chains = lines(&r, "chains");
    let contact = &chains.iter().find(|line| line["origin"] == format!("https://shop.test:{port}")).unwrap()["contact"];
    assert_eq!((&contact["when"], &contact["browser"]["same"]), (&"before-opening".into(), &true.into()), "{contact}");
    // Not a root of this system: said. So is the key that the operator had the browser take.
    assert_eq!(contact["chain"]["trusted"], false);
    assert!(flags(&r).contains(&"contact-untrusted") && flags(&r).contains(&"own-keys"), "{:?}", r.red_flags);
    // The proof was there before the page's own connection was.
    let events = lines(&r, "guard");
    let at = |method: &str| events.iter().position(|event| event["method"] == method).unwrap();
    assert!(at("contact") < at("connect"), "{events:?}");
    let operations = lines(&r, "operations");
    let at =
        |step: &str| operations.iter().position(|line| line["detail"] == step || line["operation"] == step).unwrap();
    assert!(at("contact") < at("open"));
    // The report, for people and for programs, in the recording.
    let page = String::from_utf8(read(&r, "environment-after/page")).unwrap();
    assert!(
        page.contains("shop.test") && page.contains("The capturing system's own report") && page.contains("出口守卫")
    );
    let result = operations.last().unwrap();
    assert_eq!(result["operation"], "result");
    assert_eq!(result["detail"]["red_flags"].as_array().unwrap().len(), r.red_flags.len());
    assert_eq!(result["detail"]["hops"][0]["status"], 200);
    // Switched off, or limited to none.
    order.contact = None;
    assert!(captured(&order).resource("contact/0001").is_none());
}

#[test]
fn a_poisoned_hosts_file_and_an_extra_root_are_caught_and_named() {
    if site::absent() {
        return;
    }
    let Some(ca) = Ca::new() else { return };
    let (_, port) = shop(&ca);
    let folder = tempfile::tempdir().unwrap();
    let mut order = order(port);
    // The forger's machine: a hosts file that leads the shop's name to the forger, and the forger's root among the system's.
    order.machine.hosts = folder.path().join("hosts");
    fs::write(&order.machine.hosts, "127.0.0.1 localhost\n127.0.0.1 shop.test www.shop.test # the forger's\n").unwrap();
    order.machine.roots = folder.path().join("roots.pem");
    let system = fs::read_to_string("/etc/ssl/certs/ca-certificates.crt").unwrap_or_default();
    fs::write(&order.machine.roots, system + &fs::read_to_string(ca.root()).unwrap()).unwrap();
    let r = captured(&order);
    // The browser has roots of its own, and does not take the forger's page.
    assert_eq!(r.outcome, Outcome::Failed);
    assert!(r.reasons[0].en.contains("ERR_CERT_AUTHORITY_INVALID"), "{:?}", r.reasons);
    // The system would have taken it: both tools of the forgery are named, on the page too.
    let chains = lines(&r, "chains");
    let contact = chains.iter().find(|line| line["contact"].is_object()).unwrap();
    assert_eq!(contact["contact"]["chain"]["root"], "Quezao Test Root", "{contact}");
    let hosts = r.red_flags.iter().find(|flag| flag.code == "hosts-entry").unwrap();
    assert_eq!(hosts.en, "the hosts file points shop.test to 127.0.0.1");
    if std::path::Path::new("/var/lib/dpkg/info/ca-certificates.list").exists() {
        let root = r.red_flags.iter().find(|flag| flag.code == "extra-ca").unwrap();
        assert!(root.en.contains("Quezao Test Root"), "{root:?}");
    }
    let page = String::from_utf8(read(&r, "environment-after/page")).unwrap();
    assert!(page.contains("the hosts file points shop.test to 127.0.0.1"));

    // A fake page over plain HTTP, which the same hosts file would have led a browser to: named as well.
    let site = site::Site::start();
    let mut order = site.order("/plain");
    order.machine.hosts = folder.path().join("hosts");
    order.url = format!("http://shop.test:{}/plain", site.port);
    order.loopback = vec![format!("shop.test:{}", site.port).parse().unwrap()];
    let r = captured(&order);
    assert_ne!(r.outcome, Outcome::Failed);
    assert!(flags(&r).contains(&"hosts-entry"), "{:?}", r.red_flags);
}

#[test]
fn a_clock_that_is_off_is_named_and_what_the_operator_states_stands_as_stated() {
    if site::absent() {
        return;
    }
    // A server of 1970 + 60 s: far off.
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = socket.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut question = [0; 48];
        while let Ok((_, who)) = socket.recv_from(&mut question) {
            let mut answer = [0; 48];
            (answer[0], answer[1]) = (0x24, 1);
            answer[24..32].copy_from_slice(&question[40..]);
            for at in [32, 40] {
                answer[at..at + 4].copy_from_slice(&2_208_988_860_u32.to_be_bytes());
            }
            let _ = socket.send_to(&answer, who);
        }
    });
    let mut order = site::Site::start().order("/plain");
    order.machine.time_servers = vec![server.clone()];
    order.machine.stated.region = Some("广东".into());
    let r = captured(&order);
    let clock = r.clock.as_ref().unwrap();
    assert!(clock.source == server && clock.offset_us > 1_000_000_000_000_000, "{clock:?}");
    assert!(flags(&r).contains(&"clock-offset"), "{:?}", r.red_flags);
    assert_eq!(r.before["network"]["region"], "广东");
    assert_eq!(r.before["time"]["servers"][0]["server"], server);
    assert!(String::from_utf8(read(&r, "environment-after/page")).unwrap().contains("广东"));
}

/// A DNS server that knows one IPv4 address for every name.
fn dns(address: [u8; 4]) -> std::net::SocketAddr {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut question = [0; 512];
        while let Ok((n, who)) = socket.recv_from(&mut question) {
            let mut answer = question[..n].to_vec();
            answer[2] = 0x81;
            if answer[n - 4..n - 2] == [0, 1] {
                answer[7] = 1;
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4]);
                answer.extend(address);
            }
            let _ = socket.send_to(&answer, who);
        }
    });
    at
}

/// Every public address is the site.
struct There(u16);

impl capture::guard::Connect for There {
    fn connect(&self, _: std::net::SocketAddr, _: std::time::Duration) -> std::io::Result<std::net::TcpStream> {
        std::net::TcpStream::connect(("127.0.0.1", self.0))
    }
}

#[test]
fn resolvers_that_disagree_are_named_and_one_that_points_inward_refuses() {
    if site::absent() {
        return;
    }
    let site = site::Site::start();
    let mut order = site.order("/plain");
    order.url = "http://shop.example/plain".into();
    let limits = Limits { pdf: false, ..Limits::default() };
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for (second, agree) in [([8, 8, 8, 8], true), ([1, 1, 1, 1], false)] {
        let servers = [dns([8, 8, 8, 8]), dns(second), silent.local_addr().unwrap()];
        let resolver = capture::guard::Dns::of(&servers);
        let r = capture::run_with(&order, &limits, resolver, Box::new(There(site.port)), &mut |_| {}).unwrap();
        assert_ne!(r.outcome, Outcome::Failed, "{:?}", r.reasons);
        assert_eq!(!flags(&r).contains(&"resolvers-disagree"), agree, "{:?}", r.red_flags);
        assert!(r.remarks.iter().any(|remark| remark.code == "resolver-silent"), "{:?}", r.remarks);
        // As received, from each that answered.
        let events = lines(&r, "guard");
        let kept = events.iter().filter(|e| e["event"] == "resolved" && e["name"] == "shop.example");
        assert!(kept.clone().count() == 2 && kept.clone().all(|e| e["raw"].as_array().unwrap().len() == 2));
    }
    let resolver = capture::guard::Dns::of(&[dns([8, 8, 8, 8]), dns([10, 0, 0, 1])]);
    let r = capture::run_with(&order, &limits, resolver, Box::new(There(site.port)), &mut |_| {}).unwrap();
    assert_eq!(r.outcome, Outcome::Failed);
    assert!(r.reasons[0].en.contains("10.0.0.1: private"), "{:?}", r.reasons);
}
