//! A capture is paid for in the transaction of its record: the server is killed in the middle of one, and right behind its
//! record, and each time exactly one unit is spent for exactly one record.
#![allow(clippy::unwrap_used)]

mod desk;
mod house;

use desk::{Desk, page, possible, shop};
use house::{Browser, House, PASSWORD, activate, token};
use serde_json::Value;
use std::time::Duration;

/// A page that takes its time, so that a kill meets it in the middle.
fn answers(path: &str) -> Vec<u8> {
    match path {
        "/item" => page("秋日·林荫", "<img src=/a.svg width=300 height=300><img src=/slow width=30 height=30>"),
        "/slow" => {
            std::thread::sleep(Duration::from_millis(1500));
            shop("/a.svg")
        }
        other => shop(other),
    }
}

/// A merchant's browser, and its token.
struct Merchant {
    browser: Browser,
    bearer: String,
}

impl Merchant {
    fn json(&mut self, path: &str) -> Value {
        let answer = self.browser.send("GET", path, &[("authorization", self.bearer.as_str())], &[]);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    fn order(&mut self, url: &str) {
        self.browser.get("/captures");
        assert_eq!(self.browser.post("/captures", &[("urls", url), ("purpose", "own")]).status, 303);
    }

    /// Numbers of its captures' records, which have a file, or of its orders', which have none.
    fn records(&mut self, kind: &str) -> Vec<String> {
        let all = self.json("/api/v1/records");
        let of_kind = |r: &&Value| r["sha256"].is_string() == (kind == "capture");
        let of_kind = all["records"].as_array().unwrap().iter().filter(of_kind);
        of_kind.map(|r| r["id"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits for this to come true.
    fn until(&mut self, what: &str, mut there: impl FnMut(&mut Self) -> bool) {
        for _ in 0..12_000 {
            if there(self) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("never: {what}");
    }

    /// Captures that were paid for, by record, as the account's own ledger tells.
    fn spent(&mut self) -> Vec<String> {
        let csv = self.browser.get("/account/edition.csv").body;
        let paid = csv.lines().filter(|line| line.contains("\"取证\"") && line.contains(",-1,"));
        let record =
            |line: &str| line.split('"').find(|cell| cell.len() == 36 && cell.contains('-')).map(str::to_owned);
        paid.map(|line| record(line).unwrap_or_else(|| panic!("{line}"))).collect()
    }

    fn left(&mut self) -> u64 {
        let page = self.browser.get("/captures").body;
        let said = page.split("还可以取证 ").nth(1).unwrap_or_else(|| panic!("{page}"));
        said.split(' ').next().unwrap().replace(',', "").parse().unwrap()
    }
}

fn sign_in(house: &House, bearer: &str) -> Merchant {
    let mut browser = house.browser();
    browser.get("/sign-in");
    assert_eq!(browser.post("/sign-in", &[("login", "huamei"), ("password", PASSWORD)]).status, 303);
    Merchant { browser, bearer: bearer.to_owned() }
}

#[test]
fn a_killed_server_spends_one_unit_for_one_record() {
    if !possible() {
        return;
    }
    let desk = Desk::new(answers);
    let (url, open) = (desk.url("/item"), format!("127.0.0.1:{}", desk.site));
    let flags = ["--sign-up", "open", "--api-calls", "0", "--allow-loopback", open.as_str()];
    let (house, _operator) = House::set_up_with(&flags);
    let mut browser = house.browser();
    browser.get("/sign-up");
    let company = [("kind", "enterprise"), ("owner_name", "福州海棠文化有限公司"), ("number", "91350211M0000XUF46")];
    let person = [("login", "huamei"), ("password", PASSWORD), ("password2", PASSWORD), ("confirmed", "yes")];
    let fields: Vec<_> = company.into_iter().chain([("name", "陈岚")]).chain(person).collect();
    assert_eq!(browser.post("/sign-up", &fields).status, 303);
    activate(&house, &mut browser);
    let bearer = format!("Bearer {}", token(&mut browser, &["capture", "read"]));
    let mut merchant = Merchant { browser, bearer: bearer.clone() };
    let all = merchant.left();

    // In the middle: the order stands, the capture does not. It is taken up once, and paid for once.
    merchant.order(&url);
    merchant.until("an order", |m| !m.records("order").is_empty());
    let house = House::open_with(house.kill(), &flags);
    let mut merchant = sign_in(&house, &bearer);
    assert!(merchant.spent().is_empty() || !merchant.records("capture").is_empty());
    merchant.until("the end", |m| m.json("/api/v1/captures/1")["state"] == "done");
    assert_eq!(merchant.spent(), merchant.records("capture"));
    assert_eq!((merchant.spent().len(), merchant.left()), (1, all - 1));

    // Right behind the record, before anybody was told: it is paid for, done, and not captured again.
    merchant.order(&url);
    merchant.until("a second record", |m| m.records("capture").len() == 2);
    let house = House::open_with(house.kill(), &flags);
    let mut merchant = sign_in(&house, &bearer);
    let second = merchant.json("/api/v1/captures/2");
    assert_eq!(second["state"], "done", "{second}");
    let records = merchant.records("capture");
    assert!(records.len() == 2 && records.iter().any(|id| second["id"] == **id), "{second} {records:?}");
    let mut spent = merchant.spent();
    spent.sort_unstable();
    assert_eq!((&spent, merchant.left()), (&records, all - 2));
    assert_eq!(merchant.records("order").len(), 3, "one for each time that a page was opened");

    // What nobody can capture again is not thrown away without the password.
    let (at, discard) = (format!("/deposits/{}/capture", records[0]), format!("/deposits/{}/discard", records[0]));
    for (field, value) in [("sure", "yes"), ("password", "wrong horse battery")] {
        merchant.browser.get(&at);
        let refused = merchant.browser.post(&discard, &[(field, value)]);
        assert!(refused.status == 422 && refused.body.contains("id=\"e-password\""), "{}", refused.body);
    }
    assert!(!merchant.browser.get(&at).body.contains("内容已放弃"));
    assert_eq!(merchant.browser.post(&discard, &[("password", PASSWORD)]).status, 303);
    assert!(merchant.browser.get(&at).body.contains("内容已放弃"));
    assert_eq!(merchant.left(), all - 2, "and gives no capture back");
}
