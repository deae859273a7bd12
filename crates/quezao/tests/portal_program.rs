//! What a program does through the API beside single deposits: many at once, captures, verifications; and what the
//! description, the bounds and two who do the same thing at once come to.
#![allow(clippy::unwrap_used)]

mod desk;
mod house;

use desk::{Desk, possible};
use house::{Answer, Browser, House, token};
use serde_json::{Value, json};
use std::{fs, thread};

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

    fn json(&mut self, path: &str, body: &str) -> Answer {
        self.keyed(path, None, body)
    }

    fn keyed(&mut self, path: &str, key: Option<&str>, body: &str) -> Answer {
        let mut heads = vec![("authorization", self.token.as_str()), ("content-type", "application/json")];
        heads.extend(key.map(|k| ("idempotency-key", k)));
        self.browser.send("POST", path, &heads, body.as_bytes())
    }
}

fn value(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{}: {}", answer.status, answer.body))
}

fn digests(seed: u32) -> Value {
    json!({"sha256": format!("{seed:064x}"), "sm3": format!("{:064x}", seed + 1), "size": 7, "media_type": "image/jpeg"})
}

/// A multipart body and its type.
fn form(parts: &[(&str, &str, &[u8])]) -> (Vec<u8>, (&'static str, &'static str)) {
    let mut body = Vec::new();
    for (name, file, bytes) in parts {
        let head = format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\n\r\n");
        body.extend(head.bytes());
        body.extend_from_slice(bytes);
        body.extend(b"\r\n");
    }
    body.extend(b"--edge--\r\n");
    (body, ("content-type", "multipart/form-data; boundary=edge"))
}

#[test]
fn many_digests_are_answered_one_by_one_and_in_order() {
    let (house, mut owner) = House::set_up();
    let mut program = Program::new(&house, &token(&mut owner, &["deposit", "read"]));
    let mut told: Vec<Value> = (0..300).map(|n| digests(n * 2 + 1)).collect();
    told[7]["file_name"] = json!("终稿.jpg");
    told[70]["sha256"] = json!("AB".repeat(32));
    told[71]["owner_name"] = json!("张三");
    told[72] = json!([1, 2, 3]);
    told[73]["title"] = json!("a\u{202e}b");
    told[299] = told[7].clone();
    let body = json!({"deposits": told}).to_string();
    let answer = program.keyed("/api/v1/deposits:batch?wait=proof", Some("batch-1"), &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let lines = value(&answer)["deposits"].as_array().unwrap().clone();
    assert_eq!(lines.len(), 300);
    for (n, line) in lines.iter().enumerate() {
        let wrong = match n {
            70 => "sha256",
            71 | 72 => "body",
            73 => "title",
            299 => {
                assert_eq!((&line["status"], &line["id"]), (&json!("existing"), &lines[7]["id"]));
                continue;
            }
            _ => {
                assert_eq!((&line["status"], &line["sha256"]), (&json!("new"), &told[n]["sha256"]), "{line}");
                assert_eq!((&line["error"], &line["field"]), (&Value::Null, &Value::Null));
                continue;
            }
        };
        assert_eq!((&line["status"], line["field"].as_str()), (&json!("failed"), Some(wrong)), "{line}");
        assert!(line["id"].is_null() && line["error"].as_str().unwrap().contains(" / "), "{line}");
    }
    assert_eq!(lines[7]["file"], "终稿.jpg");
    // The same call again is the same answer; its key is good for no other.
    assert_eq!(program.keyed("/api/v1/deposits:batch?wait=proof", Some("batch-1"), &body).body, answer.body);
    let other = json!({"deposits": [digests(1)]}).to_string();
    assert_eq!(program.keyed("/api/v1/deposits:batch", Some("batch-1"), &other).status, 409);
    let again = value(&program.json("/api/v1/deposits:batch", &other));
    assert_eq!((&again["deposits"][0]["status"], &again["deposits"][0]["id"]), (&json!("existing"), &lines[0]["id"]));
    assert_eq!(value(&program.get("/api/v1/deposits?kind=digest"))["total"], 295);
    for bad in ["", "[]", "{}", "{\"deposits\":[]}", "{\"deposits\":[],\"deposits\":[]}", "{\"deposits\":[1e400]}"] {
        let refused = program.json("/api/v1/deposits:batch", bad);
        assert_eq!(refused.status, 422, "{bad}");
        assert!(value(&refused)["field"].is_string() && value(&refused)["detail_zh"].is_string(), "{bad}");
    }
    assert_eq!(program.json("/api/v1/deposits:batch?wait=long", &other).status, 422);
}

#[test]
fn the_same_bytes_at_once_make_one_record() {
    let (house, mut owner) = House::set_up();
    let token = token(&mut owner, &["deposit", "read"]);
    let picture = {
        let picture = image::RgbImage::from_fn(320, 240, |x, y| image::Rgb([7, x as u8, y as u8]));
        let mut out = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut out, image::ImageFormat::Jpeg).unwrap();
        out.into_inner()
    };
    let (file, kind) = form(&[("file", "同.jpg", &picture)]);
    let both = json!({"deposits": [digests(5), digests(9), digests(5)]}).to_string();
    let ids: Vec<(usize, Vec<String>)> = thread::scope(|scope| {
        let calls: Vec<_> = (0..24)
            .map(|n| {
                let (mut program, file, both) = (Program::new(&house, &token), &file, &both);
                scope.spawn(move || {
                    let answer = match n % 3 {
                        0 => {
                            let heads = [("authorization", program.token.as_str()), kind];
                            program.browser.send("POST", "/api/v1/deposits", &heads, file)
                        }
                        1 => program.json("/api/v1/deposits", &digests(5).to_string()),
                        _ => program.json("/api/v1/deposits:batch", both),
                    };
                    let value = value(&answer);
                    let id = |line: &Value| line["id"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned();
                    let lines = value["deposits"].as_array();
                    (n % 3, lines.map_or_else(|| vec![id(&value)], |lines| lines.iter().map(id).collect()))
                })
            })
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    let of = |kind: usize| ids.iter().filter(move |(n, _)| *n == kind).map(|(_, ids)| ids).collect::<Vec<_>>();
    assert!(of(0).iter().all(|ids| *ids == of(0)[0]), "{ids:?}");
    assert!(of(1).iter().all(|ids| *ids == of(1)[0]), "{ids:?}");
    assert!(of(2).iter().all(|ids| *ids == of(2)[0] && ids[0] == ids[2] && ids[0] == of(1)[0][0]), "{ids:?}");
    let listed = value(&Program::new(&house, &token).get("/api/v1/deposits"));
    assert_eq!(listed["total"], 3, "{listed}");
    // Each leaf is there once, too.
    let checked = house.command().args(["admin", "ledger-check", "--data", "data", "--json"]).output().unwrap();
    let checked: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!((&checked["size"], &checked["unplaced"]), (&json!(4), &json!(0)));
}

#[test]
fn what_is_no_call_is_a_problem_with_its_status() {
    let (house, mut owner) = House::set_up();
    let token = token(&mut owner, &["deposit", "capture", "read"]);
    let mut program = Program::new(&house, &token);
    let bearer = program.token.clone();
    let mut send = |method: &str, path: &str, kind: &str, body: &[u8]| {
        program.browser.send(method, path, &[("authorization", &bearer), ("content-type", kind)], body)
    };
    let json = "application/json";
    for (method, path, kind, body, status, field) in [
        ("DELETE", "/api/v1/deposits", json, vec![], 405, None),
        ("PUT", "/api/v1/captures/1", json, vec![], 405, None),
        ("POST", "/api/v1/openapi.json", json, vec![], 405, None),
        ("GET", "/api/v1/nothing", json, vec![], 404, None),
        ("POST", "/api/v2/deposits", json, vec![], 404, None),
        ("GET", "/api/v1/deposits/%ff", json, vec![], 404, None),
        ("GET", "/api/v1/captures/x", json, vec![], 404, None),
        ("GET", "/api/v1/captures/9223372036854775807/events", json, vec![], 404, None),
        ("GET", "/api/v1/captures/1/capture.wacz", json, vec![], 404, None),
        ("POST", "/api/v1/deposits", "text/plain", b"{}".to_vec(), 415, None),
        ("POST", "/api/v1/deposits", "multipart/form-data", b"--".to_vec(), 415, None),
        ("POST", "/api/v1/deposits:batch", "application/x-www-form-urlencoded", b"a=b".to_vec(), 415, None),
        ("POST", "/api/v1/captures", "", b"{}".to_vec(), 415, None),
        ("POST", "/api/v1/verifications", json, b"{}".to_vec(), 415, None),
        ("POST", "/api/v1/deposits", json, vec![b' '; 70 << 10], 413, Some("body")),
        ("POST", "/api/v1/captures", json, b"{\"urls\":[]}".to_vec(), 422, Some("urls")),
        ("POST", "/api/v1/captures", json, b"{\"urls\":[\"ftp://a.example\"]}".to_vec(), 422, Some("urls")),
        ("POST", "/api/v1/captures", json, b"{\"urls\":[\"http://10.0.0.1/\"]}".to_vec(), 422, Some("urls")),
        (
            "POST",
            "/api/v1/captures",
            json,
            b"{\"urls\":[\"https://a.example\"],\"purpose\":1}".to_vec(),
            422,
            Some("purpose"),
        ),
        ("POST", "/api/v1/captures", json, b"{\"url\":\"https://a.example\"}".to_vec(), 422, Some("body")),
        ("GET", "/api/v1/deposits?page=-1", json, vec![], 422, Some("page")),
        ("GET", "/api/v1/deposits?kind=nothing", json, vec![], 422, Some("kind")),
        ("GET", "/api/v1/captures?below=x", json, vec![], 422, Some("below")),
    ] {
        let answer = send(method, path, kind, &body);
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        assert_eq!(answer.head("content-type"), Some("application/problem+json"), "{method} {path}");
        let problem = value(&answer);
        assert_eq!((problem["status"].as_u64(), problem["field"].as_str()), (Some(status.into()), field), "{path}");
        assert!(problem["detail"].is_string() && problem["detail_zh"].is_string(), "{problem}");
        assert_eq!(answer.head("allow").is_some(), status == 405, "{method} {path}");
    }
    // A body that is too long is refused by what it says of itself, too.
    let (body, kind) = form(&[("file", "a.txt", b"a"), ("file", "b.txt", b"b")]);
    assert_eq!(send("POST", "/api/v1/deposits", kind.1, &body).status, 422);
    let (body, kind) = form(&[("file", "a.txt", b"a"), ("owner_name", "", "张三".as_bytes())]);
    assert_eq!(send("POST", "/api/v1/deposits", kind.1, &body).status, 422);
    let (body, kind) = form(&[("file", "a.txt", b"a"), ("title", "", b"one"), ("title", "", b"two")]);
    assert_eq!(send("POST", "/api/v1/deposits", kind.1, &body).status, 422);
    assert_eq!(value(&send("GET", "/api/v1/deposits", json, &[]))["total"], 0, "nothing of it was recorded");
}

#[test]
fn a_token_calls_so_often_a_minute_and_the_description_says_how_often() {
    let (house, mut owner) = House::set_up_with(&["--api-calls", "6"]);
    let (one, other) = (token(&mut owner, &["read"]), token(&mut owner, &["read"]));
    let (mut one, mut other) = (Program::new(&house, &one), Program::new(&house, &other));
    let answers: Vec<Answer> = (0..8).map(|_| one.get("/api/v1/deposits")).collect();
    assert!(answers[..6].iter().all(|a| a.status == 200));
    assert_eq!(answers[7].status, 429);
    let wait: u64 = answers[7].head("retry-after").unwrap().parse().unwrap();
    assert!((1..=10).contains(&wait) && value(&answers[7])["status"] == 429);
    assert_eq!(other.get("/api/v1/deposits").status, 200, "another token's calls are its own");
    let described = value(&house.browser().get("/api/v1/openapi.json"));
    assert_eq!(described["openapi"], "3.1.0");
    let refusal = &described["paths"]["/api/v1/deposits"]["get"]["responses"]["429"];
    assert_eq!(refusal["x-calls-per-minute"], 6);
    // The page for people says the same, in both languages, with every operation.
    let mut visitor = house.browser();
    let page = visitor.get("/api").body;
    assert!(page.contains("每分钟最多 6 次请求"), "{page}");
    for path in described["paths"].as_object().unwrap().keys() {
        assert!(page.contains(path.as_str()), "{path}");
    }
    visitor.get("/preferences?lang=en&back=/");
    assert!(visitor.get("/api").body.contains("6 times a minute"));
    assert!(owner.get("/account").body.contains("href=\"/api\""));
}

#[test]
fn a_verification_is_that_of_the_command_line() {
    let (house, mut owner) = House::set_up();
    let mut program = Program::new(&house, &token(&mut owner, &["deposit", "read"]));
    let (body, kind) = form(&[("file", "一.txt", b"one")]);
    let heads = [("authorization", program.token.as_str()), kind];
    let made = program.browser.send("POST", "/api/v1/deposits?wait=proof", &heads, &body);
    let id = value(&made)["id"].as_str().unwrap_or_else(|| panic!("{}", made.body)).to_owned();
    let work = house.work.path();
    for (part, name) in [("certificate.pdf", "c.pdf"), ("package.zip", "p.zip")] {
        fs::write(work.join(name), program.get(&format!("/api/v1/deposits/{id}/{part}")).bytes).unwrap();
    }
    fs::write(work.join("one.txt"), b"one").unwrap();
    fs::write(work.join("two.txt"), b"two").unwrap();
    for files in [&["c.pdf", "one.txt"][..], &["p.zip", "one.txt"], &["p.zip"], &["c.pdf", "two.txt"]] {
        let said = house.command().args(["verify", "--json", "--trust", "data/trust"]).args(files).output().unwrap();
        let read: Vec<Vec<u8>> = files.iter().map(|f| fs::read(work.join(f)).unwrap()).collect();
        let mut parts = vec![("evidence", files[0], read[0].as_slice())];
        parts.extend(files[1..].iter().zip(&read[1..]).map(|(f, bytes)| ("file", *f, bytes.as_slice())));
        let (body, kind) = form(&parts);
        // A stranger, without a token.
        let answer = house.browser().send("POST", "/api/v1/verifications", &[kind], &body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.body, String::from_utf8(said.stdout).unwrap().trim_end(), "{files:?}");
    }
    for parts in [
        &[("file", "a", &b"a"[..])][..],
        &[("evidence", "a", b"neither")],
        &[("evidence", "", b"")],
        &[("other", "a", b"a")],
    ] {
        let (body, kind) = form(parts);
        assert_eq!(house.browser().send("POST", "/api/v1/verifications", &[kind], &body).status, 422, "{parts:?}");
    }
}

#[test]
fn a_program_has_a_page_captured_and_takes_the_evidence_away() {
    if !possible() {
        return;
    }
    let desk = Desk::new(desk::shop);
    let open = format!("127.0.0.1:{}", desk.site);
    let (house, mut owner) = House::set_up_with(&["--allow-loopback", &open]);
    let (all, only) = (token(&mut owner, &["capture", "read"]), token(&mut owner, &["deposit", "read"]));
    let mut program = Program::new(&house, &all);
    let body = json!({"urls": [desk.url("/")], "purpose": "own", "window": "phone"}).to_string();
    assert_eq!(Program::new(&house, &only).json("/api/v1/captures", &body).status, 403);
    let asked = program.keyed("/api/v1/captures", Some("once"), &body);
    assert_eq!((asked.status, asked.head("location")), (202, Some("/api/v1/captures/1")), "{}", asked.body);
    assert_eq!(program.keyed("/api/v1/captures", Some("once"), &body).body, asked.body, "one order for one key");
    // The stream ends when the capture has.
    let events = program.get("/api/v1/captures/1/events");
    assert_eq!(events.head("content-type"), Some("text/event-stream"));
    assert!(
        events.body.contains("event: step") && events.body.trim_end().ends_with("event: end\ndata: {}"),
        "{}",
        events.body
    );
    let shown = value(&program.get("/api/v1/captures/1"));
    assert_eq!(
        (&shown["state"], &shown["place"], &shown["window"]),
        (&json!("done"), &Value::Null, &json!("phone")),
        "{shown}"
    );
    assert!(
        ["complete", "partial"].contains(&shown["status"].as_str().unwrap()) && shown["error"].is_null(),
        "{shown}"
    );
    assert_eq!(value(&program.get("/api/v1/captures"))["captures"], json!([shown]));
    let wacz = program.get("/api/v1/captures/1/capture.wacz");
    assert_eq!((wacz.status, wacz.head("content-type")), (200, Some("application/wacz")));
    fs::write(house.work.path().join("c.wacz"), &wacz.bytes).unwrap();
    let sha256 = service::digests(&house.work.path().join("c.wacz"), &mut |_| ()).unwrap().sha256;
    assert_eq!(shown["sha256"], hex(&sha256));
    for (part, kind) in [("certificate.pdf?lang=en", "application/pdf"), ("package.zip", "application/zip")] {
        let answer = program.get(&format!("/api/v1/captures/1/{part}"));
        assert_eq!((answer.status, answer.head("content-type")), (200, Some(kind)), "{part}: {}", answer.body);
    }
    // Order and capture name who acted.
    for record in ["id", "order"] {
        let record = shown[record].as_str().unwrap();
        let claims = value(&program.get(&format!("/api/v1/deposits/{record}")))["claims"].clone();
        assert_eq!((&claims["acting_account"], &claims["purpose"]), (&json!("林晚"), &json!("own")), "{claims}");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
