//! Licences by a program: made, read, confirmed by a link, ended; and what another merchant's program finds of them.

use crate::{HAITANG, Merchant, ZHOU, house, opened};
use house::{House, token};
use serde_json::{Value, json};
use std::fs;

const JSON: (&str, &str) = ("content-type", "application/json");

fn post(merchant: &mut Merchant, key: Option<&str>, path: &str, body: &Value) -> (u16, Value) {
    let heads: Vec<_> = [JSON].into_iter().chain(key.map(|key| ("idempotency-key", key))).collect();
    let answer = merchant.api("POST", path, &heads, body.to_string().as_bytes());
    (answer.status, serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{}: {}", answer.status, answer.body)))
}

fn verified(house: &House, file: &str, originals: &[&str]) -> (Value, i32) {
    let run =
        house.command().args(["verify", "--trust", "data/trust", "--json", file]).args(originals).output().unwrap();
    (serde_json::from_slice(&run.stdout).unwrap(), run.status.code().unwrap())
}

#[test]
fn a_program_licenses_what_its_merchant_registered() {
    let house = opened();
    let mut owner = Merchant::sign_up(&house, &HAITANG, "haitang");
    let (bowl, plate) = (owner.register("碗.txt", b"a bowl").1, owner.register("盘.txt", b"a plate").1);
    let left = owner.browser.get("/account/edition").body;
    let asked = json!({
        "licensee": "丙店", "pictures": [bowl, plate], "urls": ["https://shop.example/c/*"], "until": "2099-12-31",
        "scope": "商品详情页",
    });
    let (status, made) = post(&mut owner, Some("l1"), "/api/v1/licences", &asked);
    assert_eq!((status, &made["status"], &made["state"]), (201, &json!("new"), &json!("valid")), "{made}");
    assert!(made["index"].is_u64() && made["record_sha256"].is_string(), "{made}");
    let id = made["id"].as_str().unwrap().to_owned();
    let (status, again) = post(&mut owner, Some("l1"), "/api/v1/licences", &asked);
    assert_eq!((status, &again["id"]), (201, &made["id"]), "the very answer again");
    let (status, same) = post(&mut owner, None, "/api/v1/licences", &asked);
    assert_eq!((status, &same["id"], &same["status"]), (200, &made["id"], &json!("existing")), "it stands already");
    let mut other = asked.clone();
    other["scope"] = "海报".into();
    assert_eq!(post(&mut owner, Some("l1"), "/api/v1/licences", &other).0, 409, "the key of another request");
    assert_eq!(owner.browser.get("/account/edition").body, left, "nothing of the quota is spent");

    // As the pages show it.
    assert!(owner.browser.get(&format!("/licences/{id}")).body.contains("商品详情页"));
    let shown = owner.json(&format!("/api/v1/licences/{id}"));
    assert_eq!((&shown["pictures"], &shown["ended"]), (&json!([bowl, plate]), &Value::Null), "{shown}");
    for (state, n) in [("", 1), ("?state=valid", 1), ("?state=ended", 0), ("?page=7", 1)] {
        let list = owner.json(&format!("/api/v1/licences{state}"));
        assert_eq!(list["licences"].as_array().unwrap().len(), n, "{state}: {list}");
    }
    for (name, kind) in [("certificate.pdf", "application/pdf"), ("package.zip", "application/zip")] {
        let paper = owner.api("GET", &format!("/api/v1/licences/{id}/{name}"), &[], &[]);
        assert_eq!((paper.status, paper.head("content-type")), (200, Some(kind)), "{}", paper.body);
        fs::write(house.work.path().join(name), &paper.bytes).unwrap();
        fs::write(house.work.path().join("plate.txt"), b"a plate").unwrap();
        fs::write(house.work.path().join("cup.txt"), b"a cup").unwrap();
        let (verdict, code) = verified(&house, name, &["plate.txt"]);
        assert!(code == 0 && verdict["shows"].to_string().contains("1 of the given files"), "{verdict}");
        assert_eq!(verified(&house, name, &["plate.txt", "cup.txt"]).1, 1);
    }
    assert_eq!(owner.api("GET", &format!("/api/v1/licences/{bowl}/package.zip"), &[], &[]).status, 404, "no licence");
    assert_eq!(owner.api("GET", &format!("/api/v1/licences/{id}/record.json"), &[], &[]).status, 404);

    // Confirmed by a link that the program made.
    let links = format!("/api/v1/licences/{id}/links");
    for until in ["", "soon", "2020-01-01", "2999-01-01"] {
        let (status, refused) = post(&mut owner, None, &links, &json!({"until": until}));
        assert_eq!((status, &refused["field"]), (422, &json!("until")), "{until}: {refused}");
    }
    let page = owner.browser.get(&format!("/licences/{id}")).body;
    let until = &page.split("name=\"until\" value=\"").nth(1).unwrap()[..10];
    let (status, link) = post(&mut owner, None, &links, &json!({"until": until}));
    assert_eq!((status, link["until"].as_str()), (201, Some(until)), "{link}");
    let path = link["url"].as_str().unwrap().split_once("/confirm/").unwrap().1;
    let mut licensee = house.browser();
    assert!(licensee.get(&format!("/confirm/{path}")).body.contains("商品详情页"));
    assert_eq!(licensee.post(&format!("/confirm/{path}"), &[("name", "丙"), ("read", "yes")]).status, 303);
    let shown = owner.json(&format!("/api/v1/licences/{id}"));
    assert_eq!(shown["confirmed_by"], "丙", "{shown}");
    assert_eq!(post(&mut owner, None, &links, &json!({"until": until})).0, 409, "it is confirmed");

    // Ended once; what ended it has a certificate of its own.
    let end = format!("/api/v1/licences/{id}/revocation");
    let (status, refused) = post(&mut owner, None, &end, &json!({"from": "soon"}));
    assert_eq!((status, &refused["field"]), (422, &json!("from")), "{refused}");
    let (status, ended) = post(&mut owner, Some("e1"), &end, &json!({"reason": "合同解除"}));
    assert_eq!((status, &ended["state"], &ended["reason"]), (201, &json!("ended"), &json!("合同解除")), "{ended}");
    let (status, same) = post(&mut owner, Some("e1"), &end, &json!({"reason": "合同解除"}));
    assert_eq!((status, &same["ended_by"]), (201, &ended["ended_by"]));
    assert_eq!(post(&mut owner, Some("e2"), &end, &json!({})).0, 409, "it has ended");
    assert_eq!(post(&mut owner, None, &links, &json!({"until": until})).0, 409);
    for record in ["ended_by", "confirmation"] {
        let record = owner.json(&format!("/api/v1/licences/{id}"))[record].as_str().unwrap().to_owned();
        let paper = owner.api("GET", &format!("/api/v1/deposits/{record}/certificate.pdf"), &[], &[]);
        assert_eq!(paper.status, 200, "{}", paper.body);
    }
    let (status, new) = post(&mut owner, Some("l2"), "/api/v1/licences", &asked);
    assert!(status == 201 && new["id"] != made["id"], "what ended is ended: {new}");
    let log = owner.browser.get("/account/audit").body;
    assert!(log.contains(&id) && !log.contains(path), "the log has the licence and no link");
}

#[test]
fn what_a_program_cannot_license_is_named_by_its_field() {
    let house = opened();
    let mut owner = Merchant::sign_up(&house, &HAITANG, "haitang");
    let bowl = owner.register("碗.txt", b"a bowl").1;
    let asked = json!({"licensee": "丙店", "pictures": [bowl]});
    let with = |name: &str, value: Value| {
        let mut asked = asked.clone();
        asked[name] = value;
        asked
    };
    let stray = "019abcde-0000-7000-8000-000000000000";
    for (body, field) in [
        (with("licensee", json!(" ")), "licensee"),
        (with("licensee", Value::Null), "licensee"),
        (with("licensee", json!("丙\u{202e}乙")), "licensee"),
        (with("pictures", json!([])), "pictures"),
        (with("pictures", json!([stray])), "pictures"),
        (with("pictures", json!(vec!["x"; 1001])), "pictures"),
        (with("pictures", json!(bowl)), "pictures"),
        (with("urls", json!(["*.com.cn"])), "urls"),
        (with("urls", json!(vec!["shop.example"; 65])), "urls"),
        (with("from", json!("2026-02-30")), "from"),
        (with("until", json!("2020-01-01")), "until"),
        (with("whole-shop", json!(1)), "body"),
        (json!([]), "body"),
    ] {
        let (status, refused) = post(&mut owner, None, "/api/v1/licences", &body);
        assert_eq!((status, refused["field"].as_str()), (422, Some(field)), "{body:.80}: {refused}");
    }
    assert_eq!(owner.json("/api/v1/licences")["total"], 0, "nothing was recorded");
    for scopes in [vec!["deposit", "read", "capture"], vec!["read"]] {
        let bearer = format!("Bearer {}", token(&mut owner.browser, &scopes));
        let made = owner.browser.send("POST", "/api/v1/licences", &[JSON, ("authorization", &bearer)], b"{}");
        assert_eq!(made.status, 403, "{scopes:?}: {}", made.body);
    }
}

#[test]
fn another_merchants_licences_are_not_there() {
    let house = opened();
    let mut owner = Merchant::sign_up(&house, &HAITANG, "haitang");
    let bowl = owner.register("私密.txt", b"a bowl").1;
    let asked = json!({"licensee": "私密店", "pictures": [bowl], "scope": "私密用途"});
    let id = post(&mut owner, None, "/api/v1/licences", &asked).1["id"].as_str().unwrap().to_owned();
    let mut other = Merchant::sign_up(&house, &ZHOU, "zhou");
    let own = other.register("自己.txt", b"mine").1;
    let (status, mine) = post(&mut other, None, "/api/v1/licences", &json!({"licensee": "丁店", "pictures": [own]}));
    assert_eq!(status, 201, "{mine}");
    let told = |answer: &str| ["私密", HAITANG[1].1].iter().any(|secret| answer.contains(secret));
    for path in ["", "/certificate.pdf", "/package.zip", "/package.zip?lang=en"] {
        let answer = other.api("GET", &format!("/api/v1/licences/{id}{path}"), &[], &[]);
        assert!(answer.status == 404 && !told(&answer.body), "{path}: {} {}", answer.status, answer.body);
    }
    for (path, body) in [("revocation", json!({})), ("links", json!({"until": "2099-01-01"}))] {
        let (status, refused) = post(&mut other, Some(path), &format!("/api/v1/licences/{id}/{path}"), &body);
        assert!(status == 404 && !told(&refused.to_string()), "{path}: {refused}");
    }
    for pictures in [json!([bowl]), json!([own, bowl]), json!([id])] {
        let asked = json!({"licensee": "丁店", "pictures": pictures});
        let (status, refused) = post(&mut other, None, "/api/v1/licences", &asked);
        assert_eq!((status, refused["field"].as_str()), (422, Some("pictures")), "{refused}");
        assert!(refused["detail"].as_str().unwrap().contains("there is no record"), "as one that never was: {refused}");
    }
    let list = other.json("/api/v1/licences");
    assert!(list["total"] == 1 && !told(&list.to_string()), "{list}");
    assert_eq!(owner.json(&format!("/api/v1/licences/{id}"))["state"], "valid", "nothing of the owner's changed");
}
