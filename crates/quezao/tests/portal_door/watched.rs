//! What the operator sees: the log, which tells of nobody, and the figures.

use crate::house::{Browser, House, PASSWORD, coded, program};
use std::{collections::BTreeSet, net::SocketAddr};

const KIND: (&str, &str) = ("content-type", "multipart/form-data; boundary=edge");

/// Registers a file as a browser without scripts does.
pub(crate) fn register(browser: &mut Browser, name: &str, bytes: &[u8]) -> u16 {
    browser.get("/register");
    let mut body = format!(
        "--edge\r\ncontent-disposition: form-data; name=\"csrf\"\r\n\r\n{}\r\n--edge\r\ncontent-disposition: form-data; name=\"title\"\r\n\r\n私密 {name}\r\n--edge\r\ncontent-disposition: form-data; name=\"files\"; filename=\"{name}\"\r\n\r\n",
        browser.csrf
    )
    .into_bytes();
    body.extend_from_slice(bytes);
    body.extend(b"\r\n--edge--\r\n");
    let csrf = browser.csrf.clone();
    browser.send("POST", "/register", &[KIND, ("x-csrf", csrf.as_str())], &body).status
}

/// An identity number that can be one (GB 11643).
const NUMBER: &str = "11010519491231002X";

fn walk(form: &str) -> (House, Vec<String>) {
    let work = tempfile::tempdir().unwrap();
    let command = program(&work);
    let (house, mut owner) =
        House::set_up_by(work, command, &["--log", form, "--metrics", "127.0.0.1:0", "--sign-up", "open"]);
    let session = owner.cookies["quezao-session"].clone();
    assert!(register(&mut owner, "私密文件.txt", b"secret contents") < 400);
    owner.heads = vec![("user-agent".into(), "PrivateBrowser/7".into())];
    for path in ["/library?q=%E7%A7%81%E5%AF%86", "/nowhere/private-path", "/account", "/verify"] {
        owner.get(path);
    }
    owner.get("/account");
    let made = owner.post("/account/tokens", &[("name", "private-token"), ("days", "3"), ("read", "yes")]);
    let token = made.body.split(">qz_").nth(1).unwrap()[..64].to_owned();
    let bearer = format!("Bearer qz_{token}");
    owner.send("GET", "/api/v1/deposits?q=private-query", &[("authorization", &bearer)], &[]);
    let mut other = house.browser();
    other.get("/sign-in");
    other.post("/sign-in", &[("login", "private-login"), ("password", "private-password")]);
    other.post("/sign-in", &[("login", "linwan"), ("password", PASSWORD), ("next", "/account?private-next")]);
    other.get(&format!("/set-up/{}", "a".repeat(64)));
    // Who a merchant is, as declared: a number that cannot be, and one that can.
    let mut merchant = house.browser();
    merchant.get("/sign-up");
    for (number, status) in [("110105194912310021", 422), (NUMBER, 303)] {
        let fields = [
            ("kind", "individual"),
            ("owner_name", "周砚秋"),
            ("number", number),
            ("name", "砚秋本人"),
            ("login", "private-merchant"),
            ("password", PASSWORD),
            ("password2", PASSWORD),
        ];
        assert_eq!(merchant.post("/sign-up", &fields).status, status, "{number}");
    }
    assert_eq!(merchant.get("/account/identity").status, 200);
    let secrets = [
        "周砚秋".into(),
        "砚秋本人".into(),
        coded("周砚秋"),
        NUMBER.into(),
        "110105194912310021".into(),
        session,
        token,
        "a".repeat(64),
        "林晚".into(),
        "linwan".into(),
        "私密".into(),
        coded("私密"),
        "private".into(),
        "Private".into(),
        "127.0.0.1".into(),
        PASSWORD.into(),
    ];
    (house, secrets.into())
}

#[test]
fn the_log_says_what_happened_and_to_nobody() {
    for form in ["text", "json"] {
        let (house, secrets) = walk(form);
        house.signal("TERM");
        let mut log = house.log();
        for _ in 0..600 {
            if log.contains(if form == "json" { "stopping" } else { "Stopping" }) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
            log = house.log();
        }
        let mut ids = BTreeSet::new();
        let requests: Vec<&str> =
            log.lines().filter(|l| l.contains(" request ") || l.contains("\"event\":\"request\"")).collect();
        assert!(requests.len() > 12, "{log}");
        for line in &requests {
            if form == "json" {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                assert!(ids.insert(line["id"].as_str().unwrap().to_owned()), "{line}");
                assert!(line["ms"].is_u64() && line["status"].is_u64() && line["time"].is_string(), "{line}");
            } else {
                ids.insert(line.split("id=").nth(1).unwrap().split(' ').next().unwrap().to_owned());
            }
            for secret in &secrets {
                assert!(!line.contains(secret.as_str()), "{secret}: {line}");
            }
        }
        assert_eq!(ids.len(), requests.len(), "each request has a name of its own");
        for secret in &secrets[..5] {
            assert!(!log.contains(secret.as_str()), "in no line at all: {secret}");
        }
        for route in ["/library", "/api/v1/deposits", "/set-up/{token}", "/sign-in"] {
            assert!(requests.iter().any(|l| l.contains(route)), "{route}: {log}");
        }
        if form == "json" {
            log.lines().for_each(|l| drop(serde_json::from_str::<serde_json::Value>(l).expect(l)));
        }
    }
}

#[test]
fn figures_are_on_a_listener_of_their_own() {
    let work = tempfile::tempdir().unwrap();
    let command = program(&work);
    let (house, mut owner) = House::set_up_by(work, command, &["--metrics", "127.0.0.1:0"]);
    assert!(register(&mut owner, "一.txt", b"one") < 400);
    assert_eq!(owner.get("/metrics").status, 404, "not where people are");
    let at: SocketAddr = house.metrics().parse().unwrap();
    let mut monitor = Browser { address: at, ..house.browser() };
    let page = monitor.get("/metrics");
    assert_eq!(page.status, 200);
    let figure = |name: &str| {
        let line = page.body.lines().find(|l| l.strip_prefix(name).is_some_and(|r| r.starts_with(' ')));
        line.unwrap_or_else(|| panic!("{name}\n{}", page.body)).rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    // Who runs the ledger is a record too.
    assert_eq!((figure("quezao_records"), figure("quezao_ledger_size")), (2.0, 2.0));
    assert_eq!((figure("quezao_pending"), figure("quezao_sealing_lag_seconds")), (0.0, 0.0));
    assert!(figure("quezao_store_bytes") > 0.0 && figure("quezao_originals_bytes") >= 3.0);
    assert_eq!(figure("quezao_requests_total{method=\"POST\",route=\"/set-up/{token}\",status=\"303\"}"), 1.0);
    assert!(figure("quezao_request_seconds_count") >= 4.0 && figure("quezao_connections") >= 0.0);
    assert!(!page.body.contains("linwan") && !page.body.contains("一.txt"));
    // Every line is a comment, or a name with labels and a number.
    for line in page.body.lines().filter(|l| !l.starts_with('#')) {
        assert!(line.rsplit(' ').next().unwrap().parse::<f64>().is_ok(), "{line}");
    }
    assert_eq!(monitor.get("/library").status, 404);
}
