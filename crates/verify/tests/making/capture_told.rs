//! `capture-path`, `capture-environment`: what a capture's file tells of the way to its page and of the machine that made it.

use super::{
    Book,
    capture::{CONTACT, PATH, Plan, RESOURCES, URL, capture, plan, resource, set},
    world::{Build, at},
};
use archive::wacz::{Body, Exchange, Message};
use evidence::json::{Value, json};

const ENVIRONMENT: &str = "capture-environment";
const SHORT: &str = "https://shop.example/s/8Kd2Qx";

/// Ordered at `url`, which is asked for and answered; `fields` are those of the answer.
pub(super) fn ordered_at(p: &mut Plan, url: &'static str, start: &'static str, fields: &'static [(&str, &str)]) {
    set(&mut p.order_claims, "url", json!(url));
    set(&mut p.claims, "url", json!(url));
    let (before, dated) = (std::mem::replace(&mut p.add, Box::new(|_, _| ())), p.dated);
    p.add = Box::new(move |w, order| {
        before(w, order);
        let target = url.splitn(4, '/').nth(3).unwrap_or_default();
        let request = Message::reported(&format!("GET /{target} HTTP/1.1"), [("Host", "shop.example")], Body::empty());
        let response = Some(Message::reported(start, fields.iter().copied(), Body::empty()));
        let (ip_address, protocols, cipher) = (Some([203, 0, 113, 7].into()), vec!["h2".into()], None);
        let (url, at) = (url.into(), at(dated));
        w.exchange(Exchange { url, at, request, response, ip_address, protocols, cipher }).unwrap();
    });
}

/// The operation log with its last line.
pub(super) fn log(p: &mut Plan, result: Value) {
    let line = json!({"operation": "result", "detail": result}).to_string() + "\n";
    let before = std::mem::replace(&mut p.add, Box::new(|_, _| ()));
    p.add = Box::new(move |w, order| {
        before(w, order);
        w.resource(resource("operations", "application/x-ndjson", line.clone().into_bytes())).unwrap();
    });
}

/// A result of which nothing but the way to the page is told.
pub(super) fn hops(urls: &[&str]) -> Value {
    let hops: Vec<Value> = urls.iter().map(|url| json!({"url": url, "status": 200, "by": "page"})).collect();
    json!({"outcome": "complete", "hops": hops})
}

pub fn cases(book: &mut Book) {
    path(book);
    environment(book);
}

fn path(book: &mut Book) {
    let mut good = |slug: &str, what: &str, result: &'static str, change: &dyn Fn(&mut Plan)| {
        let case = book.good(PATH, slug, what, |b| capture(b, &plan(|p| change(p)))).and(CONTACT, "not_checked");
        if result != "pass" {
            case.and(PATH, result);
        }
    };
    good("redirects", "two recorded redirects, one with a relative address", "pass", &|p| {
        ordered_at(p, SHORT, "HTTP/1.1 302 Found", &[("location", "../item/7?from=s")]);
        let again = std::mem::take(&mut p.claims);
        let orders = p.order_claims.clone();
        let fields = &[("Location", "//shop.example/magpie#price")];
        ordered_at(p, "https://shop.example/item/7?from=s", "HTTP/1.1 301 Moved Permanently", fields);
        (p.claims, p.order_claims) = (again, orders);
    });
    good("by-the-page", "a page that went on by itself, which only the operation log tells of", "limited", &|p| {
        ordered_at(p, SHORT, "HTTP/1.1 200 OK", &[]);
        log(p, hops(&[SHORT, URL]));
    });
    book.good(PATH, "not-compared", "a name in Chinese; the operation log tells the browser's form of it", |b| {
        capture(b, &plan(named));
    })
    .all(&[RESOURCES, PATH], "limited")
    .and(CONTACT, "not_checked");
    let mut bad = |slug: &str, what: &str, change: &dyn Fn(&mut Plan)| {
        book.bad(PATH, slug, what, |b| capture(b, &plan(|p| change(p)))).and(CONTACT, "not_checked");
    };
    bad("another-page", "the ordered page answered, and another one is shown", &|p| {
        ordered_at(p, SHORT, "HTTP/1.1 200 OK", &[("Location", "/magpie")]);
    });
    bad("elsewhere", "the ordered address redirects to another page than the one that is shown", &|p| {
        ordered_at(p, SHORT, "HTTP/1.1 302 Found", &[("Location", "/heron")]);
    });
    bad("log-of-another", "an operation log that does not begin at the ordered address", &|p| {
        ordered_at(p, SHORT, "HTTP/1.1 200 OK", &[]);
        log(p, hops(&["https://shop.example/heron", URL]));
    });
    bad("a-pictures-redirect", "a redirect to the page that the ordered page does not lead to", &|p| {
        ordered_at(p, "https://shop.example/p.gif", "HTTP/1.1 302 Found", &[("Location", "/magpie")]);
        ordered_at(p, SHORT, "HTTP/1.1 200 OK", &[]);
    });
    book.open(PATH, "untold", "an address that was not compared, and no log", |b| {
        capture(
            b,
            &plan(|p| {
                set(&mut p.order_claims, "url", json!("https://喜鹊.example/"));
                set(&mut p.claims, "url", json!("https://喜鹊.example/"));
            }),
        );
    })
    .and(RESOURCES, "limited")
    .and(CONTACT, "not_checked");
}

/// A name that is not compared, whose form in the browser redirects to the page.
fn named(p: &mut Plan) {
    ordered_at(p, SHORT, "HTTP/1.1 302 Found", &[("location", "/magpie")]);
    [&mut p.order_claims, &mut p.claims].into_iter().for_each(|c| set(c, "url", json!("https://喜鹊.example/")));
    log(p, hops(&[SHORT, URL]));
}

fn environment(book: &mut Book) {
    let flags = |n: usize| {
        let flag = json!({"code": "hosts-entry", "zh": "hosts 文件把 shop.example 指向 10.0.0.1",
            "en": "the hosts file points shop.example to 10.0.0.1"});
        json!({"outcome": "complete", "red_flags": vec![flag; n]})
    };
    let mut good = |slug: &str, what: &str, result: Value, outcome: &'static str| {
        let made = |b: &mut Build| capture(b, &plan(|p| log(p, result)));
        let case = book.good(ENVIRONMENT, slug, what, made).and(CONTACT, "not_checked");
        if outcome != "pass" {
            case.and(ENVIRONMENT, outcome);
        }
    };
    good("no-flag", "the machine reports no red flag", flags(0), "pass");
    good("a-flag", "the machine reports a hosts entry for the captured name", flags(1), "limited");
    good("many-flags", "more red flags than are told one by one", flags(30), "limited");
    good("unsaid", "the log does not say whether there were any", json!({"outcome": "complete"}), "pass");
    good("no-sentence", "a red flag without a sentence", json!({"red_flags": [null, {}]}), "limited");
}
