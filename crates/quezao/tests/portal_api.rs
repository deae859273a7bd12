//! The API over real HTTP: tokens and their scopes, deposits by file and by digests, calls that are answered once.
#![allow(clippy::unwrap_used)]

mod house;

use house::{Answer, Browser, House, token};
use serde_json::{Value, json};
use std::fs;

struct Program {
    browser: Browser,
    token: String,
}

impl Program {
    fn new(house: &House, token: &str) -> Self {
        Self { browser: house.browser(), token: format!("Bearer {token}") }
    }

    fn get(&mut self, path: &str) -> Answer {
        self.browser.send("GET", path, &[("authorization", &self.token)], &[])
    }

    fn json(&mut self, key: Option<&str>, body: &str) -> (u16, Value) {
        let mut heads = vec![("authorization", self.token.as_str()), ("content-type", "application/json")];
        heads.extend(key.map(|k| ("idempotency-key", k)));
        let answer = self.browser.send("POST", "/api/v1/deposits?wait=proof", &heads, body.as_bytes());
        (
            answer.status,
            serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{}: {}", answer.status, answer.body)),
        )
    }

    fn file(&mut self, key: Option<&str>, name: &str, bytes: &[u8]) -> (u16, Value) {
        let mut body = format!(
            "--edge\r\ncontent-disposition: form-data; name=\"title\"\r\n\r\n海报\r\n--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(bytes);
        body.extend(b"\r\n--edge--\r\n");
        let mut heads =
            vec![("authorization", self.token.as_str()), ("content-type", "multipart/form-data; boundary=edge")];
        heads.extend(key.map(|k| ("idempotency-key", k)));
        let answer = self.browser.send("POST", "/api/v1/deposits", &heads, &body);
        (
            answer.status,
            serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{}: {}", answer.status, answer.body)),
        )
    }
}

fn digests(seed: u8) -> Value {
    json!({"sha256": format!("{seed:02x}").repeat(32), "sm3": format!("{:02x}", seed + 1).repeat(32), "size": 7, "media_type": "image/jpeg"})
}

#[test]
fn a_token_does_what_it_is_for_and_nothing_else() {
    let (house, mut owner) = House::set_up();
    let (read, deposit) = (token(&mut owner, &["read"]), token(&mut owner, &["deposit"]));
    let (mut reader, mut depositor) = (Program::new(&house, &read), Program::new(&house, &deposit));
    assert_eq!(depositor.json(None, &digests(1).to_string()).0, 201);
    assert_eq!(reader.get("/api/v1/deposits").status, 200);
    assert_eq!(reader.json(None, &digests(2).to_string()).0, 403);
    assert_eq!(depositor.get("/api/v1/deposits").status, 403);
    // A token is no session, a session is no token, and neither is a guess.
    let answer = reader.get("/account");
    assert_eq!(answer.status, 303);
    assert_eq!(owner.get("/api/v1/deposits").status, 401);
    for wrong in ["", "qz_", &format!("qz_{}", "0".repeat(64)), &read[..66], &read.to_uppercase()] {
        let answer = Program::new(&house, wrong).get("/api/v1/deposits");
        assert_eq!(answer.status, 401, "{wrong}");
        let problem: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(answer.head("content-type"), Some("application/problem+json"));
        assert!(problem["detail"].is_string() && problem["detail_zh"].is_string() && problem["status"] == 401);
    }
    // Ended by its owner it is worth nothing; the database does not hold it either.
    let page = owner.get("/account").body;
    assert!(!page.contains(&read), "shown once");
    let ids: Vec<&str> = page.split("/account/tokens/").skip(1).map(|p| p.split('/').next().unwrap()).collect();
    for id in ids {
        assert_eq!(owner.post(&format!("/account/tokens/{id}/end"), &[]).status, 303);
    }
    assert_eq!(reader.get("/api/v1/deposits").status, 401);
    let mut held = fs::read(house.data().join("quezao.db")).unwrap();
    held.extend(fs::read(house.data().join("quezao.db-wal")).unwrap_or_default());
    assert!(!held.windows(read.len()).any(|w| w == read.as_bytes()));
    // Without a use, a name or an end there is none.
    owner.get("/account");
    for fields in [
        vec![("name", "x"), ("days", "30")],
        vec![("name", ""), ("days", "30"), ("read", "yes")],
        vec![("name", "x"), ("days", "0"), ("read", "yes")],
        vec![("name", "x"), ("days", "9999"), ("read", "yes")],
    ] {
        assert_eq!(owner.post("/account/tokens", &fields).status, 422, "{fields:?}");
    }
}

#[test]
fn digests_alone_become_a_record_that_says_so() {
    let (house, mut owner) = House::set_up();
    let token = token(&mut owner, &["deposit", "read"]);
    let mut program = Program::new(&house, &token);
    let mut told = digests(5);
    told["file_name"] = "终稿.pdf".into();
    told["title"] = "春季画册".into();
    let (status, line) = program.json(None, &told.to_string());
    assert_eq!((status, line["status"].as_str()), (201, Some("new")), "{line}");
    let id = line["id"].as_str().unwrap();
    assert_eq!(program.json(None, &told.to_string()).1["id"], id, "the same again is the same record");
    let shown: Value = serde_json::from_str(&program.get(&format!("/api/v1/deposits/{id}")).body).unwrap();
    assert_eq!((shown["kind"].as_str(), shown["held"].as_bool()), (Some("digest"), Some(false)));
    assert_eq!(shown["claims"]["acting_account"], "林晚");
    // Nobody showed the file, so the verdict waits for it.
    assert_eq!(shown["verdict"]["result"], "incomplete");
    for (part, kind) in [
        ("certificate.pdf", "application/pdf"),
        ("package.zip", "application/zip"),
        ("record.json", "application/octet-stream"),
        ("timestamp-1.tsr", "application/octet-stream"),
        ("proof.tlog-proof", "application/octet-stream"),
    ] {
        let answer = program.get(&format!("/api/v1/deposits/{id}/{part}"));
        assert_eq!((answer.status, answer.head("content-type")), (200, Some(kind)), "{part}: {}", answer.body);
    }
    assert_eq!(program.get(&format!("/api/v1/deposits/{id}/original")).status, 404);
    fs::write(house.work.path().join("p.zip"), program.get(&format!("/api/v1/deposits/{id}/package.zip")).bytes)
        .unwrap();
    let verified = house.command().args(["verify", "--trust", "data/trust", "p.zip"]).output().unwrap();
    assert_eq!(verified.status.code(), Some(3));
    let listed: Value = serde_json::from_str(&program.get("/api/v1/deposits?q=%E6%98%A5%E5%AD%A3").body).unwrap();
    assert_eq!((listed["total"].as_u64(), listed["deposits"][0]["id"].as_str()), (Some(1), Some(id)));
}

#[test]
fn a_file_and_a_key_are_answered_once() {
    let (house, mut owner) = House::set_up();
    let token = token(&mut owner, &["deposit", "read"]);
    let mut program = Program::new(&house, &token);
    let (status, first) = program.file(Some("order-1"), "海报.txt", b"one");
    assert_eq!((status, first["file"].as_str(), first["index"].as_u64()), (201, Some("海报.txt"), Some(1)), "{first}");
    assert_eq!(program.file(Some("order-1"), "海报.txt", b"one"), (201, first.clone()), "the very answer again");
    assert_eq!(program.file(Some("order-1"), "海报.txt", b"two").0, 409);
    assert_eq!(program.json(Some("order-1"), &digests(9).to_string()).0, 409);
    assert_eq!(program.file(None, "海报.txt", b"one").1["status"], "existing");
    // A refused call leaves its key free.
    assert_eq!(program.file(Some("order-2"), "空.txt", b"").0, 422);
    assert_eq!(program.file(Some("order-2"), "满.txt", b"three").0, 201);
    for bad in ["", "a b", &"x".repeat(129), "键"] {
        assert_eq!(program.file(Some(bad), "x.txt", b"x").0, 422, "{bad}");
    }
    // Eight at once with one key make one record.
    let answers: Vec<(u16, Value)> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..8)
            .map(|_| {
                let mut program = Program::new(&house, &token);
                scope.spawn(move || program.file(Some("order-3"), "同.txt", b"same"))
            })
            .collect();
        calls.into_iter().map(|c| c.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|a| *a == answers[0] && a.0 == 201), "{answers:?}");
    let listed: Value = serde_json::from_str(&program.get("/api/v1/deposits?q=%E5%90%8C.txt").body).unwrap();
    assert_eq!(listed["total"], 1);
}

#[test]
fn what_is_malformed_is_refused_with_its_field() {
    let (house, mut owner) = House::set_up();
    let token = token(&mut owner, &["deposit", "read"]);
    let mut program = Program::new(&house, &token);
    let with = |name: &str, value: Value| {
        let mut told = digests(3);
        told[name] = value;
        told.to_string()
    };
    let twice = digests(3).to_string().replacen('{', "{\"size\":7,", 1);
    for (body, field) in [
        (with("sha256", json!("AB".repeat(32))), "sha256"),
        (with("sha256", json!("ab".repeat(31))), "sha256"),
        (with("sm3", json!(7)), "sm3"),
        (with("size", json!(0)), "size"),
        (with("size", json!("7")), "size"),
        (with("size", json!(u64::MAX)), "size"),
        (with("size", json!(-7)), "size"),
        (with("size", json!(7.5)), "size"),
        (with("size", json!({"n": 7})), "size"),
        (with("media_type", json!("a\u{0}b")), "media_type"),
        (with("title", json!(["a"])), "title"),
        (with("work_origin", json!("stolen")), "work_origin"),
        (with("media_type", Value::Null), "media_type"),
        (with("owner_name", json!("张三")), "body"),
        (with("file_name", json!("a\u{202e}b")), "file_name"),
        (with("published_at", json!("2026-11-31")), "published_at"),
        (with("title", json!("林\u{202e}晚")), "title"),
        (digests(3).to_string().replace("image/jpeg", "\\ud800"), "body"),
        (twice, "body"),
        (digests(3).to_string().replace("\"size\":7", "\"size\":1e400"), "body"),
        (format!("{{\"sha256\":{}1{}}}", "[".repeat(9000), "]".repeat(9000)), "body"),
        ("[]".into(), "body"),
        (String::new(), "body"),
    ] {
        let (status, problem) = program.json(None, &body);
        assert_eq!((status, problem["field"].as_str()), (422, Some(field)), "{body:.80}: {problem}");
    }
    let listed: Value = serde_json::from_str(&program.get("/api/v1/deposits").body).unwrap();
    assert_eq!(listed["total"], 0, "nothing of it was recorded");
    for path in ["/api/v1/deposits/x", "/api/v1/deposits/x/record.json", "/api/v2/deposits", "/api/v1/x"] {
        let answer = program.get(path);
        assert_eq!((answer.status, answer.head("content-type")), (404, Some("application/problem+json")), "{path}");
    }
}
