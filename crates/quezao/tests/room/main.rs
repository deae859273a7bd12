//! The operator's room over real HTTP: letters that were given up, orders, bytes, health, and notices to merchants.
#![allow(clippy::unwrap_used)]

mod export;
mod holes;
#[path = "../house/mod.rs"]
mod house;
mod mail;
mod notices;
mod provider;
mod queues;

use house::{Browser, House, PASSWORD};
use std::time::Duration;

/// A company, whose code has another check character, as real ones do; and a person.
const HAITANG: [&str; 3] = ["enterprise", "福州海棠文化有限公司", "91350211M0000XUF46"];
const ZHOU: [&str; 3] = ["individual", "周砚秋", "11010519491231002X"];

/// A merchant's main account, signed in, with the largest edition.
fn merchant(house: &House, who: [&str; 3], login: &str) -> Browser {
    let mut browser = house.browser();
    browser.get("/sign-up");
    let fields = [
        ("kind", who[0]),
        ("owner_name", who[1]),
        ("number", who[2]),
        ("name", "陈岚"),
        ("login", login),
        ("password", PASSWORD),
        ("password2", PASSWORD),
        ("confirmed", "yes"),
    ];
    let answer = browser.post("/sign-up", &fields);
    assert_eq!(answer.status, 303, "{}", answer.body);
    house::activate(house, &mut browser);
    browser
}

/// A file by the form of a browser without scripts.
fn register(browser: &mut Browser, name: &str, bytes: &[u8]) {
    browser.get("/account");
    let csrf = browser.csrf.clone();
    let mut body = format!(
        "--edge\r\ncontent-disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(bytes);
    body.extend(b"\r\n--edge--\r\n");
    let kind = [("content-type", "multipart/form-data; boundary=edge")];
    let answer = browser.send("POST", "/register", &kind, &body);
    assert!(answer.status < 400, "{}", answer.body);
}

fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..1200 {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("it never came");
}

/// The first address of a form on a page that ends so.
fn action(page: &str, end: &str) -> String {
    let actions = page.split("action=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    actions.clone().find(|a| a.ends_with(end)).unwrap_or_else(|| panic!("{end}: {page}")).to_owned()
}
