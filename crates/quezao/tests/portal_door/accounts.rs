//! Tokens that are old, or for something else; sessions and the clock.

use crate::{
    house::{Browser, House, PASSWORD, program, token},
    python,
};

/// A second account with a person `other` in it, whose password is the first one's.
pub(crate) const SECOND: &str = "import sqlite3\n\
    c=sqlite3.connect('data/quezao.db',timeout=30)\n\
    c.execute(\"INSERT INTO accounts(id,state,created_at) VALUES (2,'open',0)\")\n\
    c.execute(\"INSERT INTO sign_ins(account,login,name,role,password,created_at) SELECT 2,'other','陈岚','main',password,0 FROM sign_ins WHERE login='linwan'\")\n\
    c.commit()";

fn bearer(browser: &mut Browser, scopes: &[&str]) -> String {
    format!("Bearer {}", token(browser, scopes))
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
