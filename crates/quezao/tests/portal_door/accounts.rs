//! Another account's numbers, everywhere a number goes; and tokens that are old, or for something else.

use crate::{
    house::{Browser, House, PASSWORD, program, token},
    python,
    watched::register,
};
use std::collections::BTreeSet;

/// A second account with a person `other` in it, whose password is the first one's.
pub(crate) const SECOND: &str = "import sqlite3\n\
    c=sqlite3.connect('data/quezao.db',timeout=30)\n\
    c.execute(\"INSERT INTO accounts(id,state,created_at) VALUES (2,'open',0)\")\n\
    c.execute(\"INSERT INTO sign_ins(account,login,name,role,password,created_at) SELECT 2,'other','陈岚','main',password,0 FROM sign_ins WHERE login='linwan'\")\n\
    c.commit()";

fn bearer(browser: &mut Browser, scopes: &[&str]) -> String {
    format!("Bearer {}", token(browser, scopes))
}

/// What stands behind this prefix in a page's addresses.
fn numbers(page: &str, prefix: &str) -> Vec<String> {
    let found = page.split(prefix).skip(1).map(|rest| rest.split(['/', '"', '?']).next().unwrap().to_owned());
    found.filter(|n| !n.is_empty()).collect::<BTreeSet<_>>().into_iter().collect()
}

#[test]
fn another_accounts_numbers_are_found_nowhere() {
    let (house, mut owner) = House::set_up();
    assert!(register(&mut owner, "一.txt", b"one") < 400);
    let owners = bearer(&mut owner, &["deposit", "read"]);
    owner.get("/captures");
    owner.post("/captures", &[("urls", "https://shop.example/"), ("purpose", "own")]);
    let (library, captures, account) =
        (owner.get("/library").body, owner.get("/captures").body, owner.get("/account").body);
    let (mut extra, login) = (house.browser(), [("login", "linwan"), ("password", PASSWORD)]);
    extra.get("/sign-in");
    assert_eq!(extra.post("/sign-in", &login).status, 303);
    let sessions = numbers(&owner.get("/account").body, "/account/sessions/");
    let ids = [
        numbers(&library, "/deposits/"),
        numbers(&captures, "/captures/"),
        numbers(&account, "/account/tokens/"),
        sessions.clone(),
    ];
    assert!(ids.iter().all(|ids| !ids.is_empty()), "{ids:?}");

    python(house.work.path(), SECOND, &[]);
    let mut other = house.browser();
    other.get("/sign-in");
    assert_eq!(other.post("/sign-in", &[("login", "other"), ("password", PASSWORD)]).status, 303);
    let others = bearer(&mut other, &["deposit", "read"]);
    // Numbers of his own are his to use.
    let own = numbers(&other.get("/account").body, "/account/tokens/");

    for route in portal::ROUTES.iter().filter(|r| r.path.contains("{id}") && r.who != portal::Who::Anyone) {
        for id in ids.iter().flatten().filter(|id| !route.path.contains("/tokens/") || !own.contains(*id)) {
            for name in ["record.json", "certificate.pdf"] {
                let path = route.path.replace("{id}", id).replace("{name}", name);
                let heads: &[(&str, &str)] = match route.who {
                    portal::Who::Token => &[("authorization", &others), ("idempotency-key", "a")],
                    _ => &[("x-csrf", &other.csrf.clone()), ("content-type", "application/x-www-form-urlencoded")],
                };
                let body = format!("csrf={}", other.csrf);
                let body = if route.method == "get" { "" } else { &body };
                let answer = other.send(&route.method.to_uppercase(), &path, heads, body.as_bytes());
                // What the request lacks may be said before the number is looked at; what is there, never.
                let refused = [400, 403, 404, 405, 409, 410, 412, 415, 422].contains(&answer.status);
                assert!(refused, "{} {path}: {} {}", route.method, answer.status, answer.body);
                assert!(!answer.body.contains("一.txt"), "{path}");
                if route.method == "get" {
                    assert!([400, 404].contains(&answer.status), "{path}: {}", answer.status);
                }
            }
        }
    }
    // Nothing of the owner's has ended or changed meanwhile, and he finds all of it.
    assert_eq!(owner.get("/account").status, 200);
    assert_eq!(extra.get("/account").status, 200);
    assert_eq!(owner.send("GET", "/api/v1/deposits", &[("authorization", &owners)], &[]).status, 200);
    for id in &ids[0] {
        assert_eq!(owner.get(&format!("/deposits/{id}")).status, 200);
        let path = format!("/api/v1/deposits/{id}");
        assert_eq!(owner.send("GET", &path, &[("authorization", &owners)], &[]).status, 200);
    }
    let listed = other.send("GET", "/api/v1/deposits", &[("authorization", &others)], &[]).body;
    assert!(!listed.contains("一.txt"), "{listed}");
    assert!(!other.get("/library").body.contains("一.txt"));
    // A form of one session is of no use in another.
    other.csrf = owner.csrf.clone();
    assert_eq!(other.post("/sign-out", &[]).status, 403);
}

#[test]
fn an_old_token_opens_nothing_and_each_is_for_its_uses_alone() {
    let work = tempfile::tempdir().unwrap();
    let command = program(&work);
    let (house, mut owner) = House::set_up_by(work, command, &[]);
    let reads = bearer(&mut owner, &["read"]);
    let deposits = bearer(&mut owner, &["deposit"]);
    let digests = serde_json::json!({
        "sha256": "ab".repeat(32), "sm3": "cd".repeat(32), "size": 7, "media_type": "image/jpeg"
    });
    let body = digests.to_string();
    let json = ("content-type", "application/json");
    let mut send = |method: &str, bearer: &str| {
        let heads = [("authorization", bearer), json];
        let body = if method == "GET" { &[][..] } else { body.as_bytes() };
        owner.send(method, "/api/v1/deposits", &heads, body).status
    };
    assert_eq!((send("GET", &reads), send("POST", &reads)), (200, 403));
    assert_eq!((send("GET", &deposits), send("POST", &deposits)), (403, 201));
    for bad in ["", "Bearer", "Bearer qz_", "Basic YTpi", &deposits[..deposits.len() - 1], &format!("{deposits}0")] {
        assert_eq!(send("GET", bad), 401, "{bad}");
    }
    // Time passes: what stood in the database as good until then is good no longer.
    let program = "import sqlite3\nc=sqlite3.connect('data/quezao.db',timeout=30)\nc.execute('UPDATE api_tokens SET expires_at=1')\nc.commit()";
    python(house.work.path(), program, &[]);
    assert_eq!((send("GET", &reads), send("POST", &deposits)), (401, 401));
}

#[test]
fn sessions_end_by_themselves_and_a_clock_set_back_does_not_lengthen_them() {
    let (house, mut owner) = House::set_up();
    let set = |sql: &str| {
        let program = "import sqlite3,sys,time\nc=sqlite3.connect('data/quezao.db',timeout=30)\nc.execute(sys.argv[1].replace('NOW',str(int(time.time()*1000000))).replace('DAY','86400000000'))\nc.commit()";
        python(house.work.path(), program, &[sql]);
    };
    assert_eq!(owner.get("/account").status, 200);
    set("UPDATE sessions SET seen_at = NOW - 2 * DAY");
    assert_eq!(owner.get("/account").status, 200, "rested for two days");
    set("UPDATE sessions SET seen_at = NOW - 4 * DAY");
    assert_eq!(owner.get("/account").status, 303, "rested for four");
    let sign_in = |owner: &mut Browser| {
        owner.get("/sign-in");
        owner.post("/sign-in", &[("login", "linwan"), ("password", PASSWORD)]).status
    };
    assert_eq!(sign_in(&mut owner), 303);
    set("UPDATE sessions SET expires_at = NOW - 1");
    assert_eq!(owner.get("/account").status, 303, "its time is over");
    assert_eq!(sign_in(&mut owner), 303);
    // As after a clock that was a year ahead has been put right.
    set("UPDATE sessions SET created_at = NOW + 365 * DAY, seen_at = NOW + 365 * DAY, expires_at = NOW + 379 * DAY");
    assert_eq!(owner.get("/account").status, 303, "it would last for a year");
    set("UPDATE sign_ins SET failed = 9, locked_until = NOW + 365 * DAY");
    assert_eq!(sign_in(&mut owner), 303, "nobody is shut out for a year");
}

#[test]
fn the_operators_room_is_there_for_nobody_else() {
    let (house, mut owner) = House::set_up();
    python(house.work.path(), SECOND, &[]);
    let mut other = house.browser();
    other.get("/sign-in");
    assert_eq!(other.post("/sign-in", &[("login", "other"), ("password", PASSWORD)]).status, 303);
    for route in portal::ROUTES.iter().filter(|r| r.who == portal::Who::Operator) {
        assert_eq!(route.asks, Some(service::Permission::Operate), "{}", route.path);
        let path = route.path.replace("{id}", "1").replace("{number}", "1");
        other.get("/account");
        let answer = if route.method == "get" { other.get(&path) } else { other.post(&path, &[]) };
        assert_eq!(answer.status, 404, "{} {path}: {}", route.method, answer.body);
    }
    assert!(owner.get("/").body.contains("href=\"/operator\"") && !other.get("/").body.contains("href=\"/operator\""));
    assert!(owner.get("/operator").body.contains("磁盘剩余"));
}
