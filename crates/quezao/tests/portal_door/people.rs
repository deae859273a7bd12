//! What people of an account cannot do with what they may: take others over, come back, see other shops, go on with what
//! was taken away.

use crate::{
    house::{self, Answer, Browser, House, PASSWORD, activate, token},
    roles::{invited, permit},
    watched::register,
};
use std::{io::Write, net::TcpStream};

/// Permits a sub-account this much, for some shops.
fn limit(owner: &mut Browser, id: &str, permissions: &[&str], shops: &[&str]) {
    owner.get(&format!("/account/people/{id}"));
    let shops = shops.iter().map(|s| (*s, "yes")).chain([("limited", "yes")]);
    let fields: Vec<_> = permissions.iter().map(|p| (*p, "yes")).chain(shops).collect();
    assert_eq!(owner.post(&format!("/account/people/{id}"), &fields).status, 303);
}

fn two_shops(owner: &mut Browser) {
    owner.get("/account/shops");
    for shop in ["林晚旗舰店", "林晚二店"] {
        let fields = [("platform", "淘宝"), ("shop", shop), ("url", "")];
        assert_eq!(owner.post("/account/shops", &fields).status, 303);
    }
}

/// The key of the address that a page shows once: `…/join/KEY`.
fn key(page: &Answer, of: &str) -> String {
    let key = page.body.split(of).nth(1).map(|p| p.chars().take(64).collect::<String>());
    key.filter(|k| k.len() == 64 && k.bytes().all(|b| b.is_ascii_hexdigit())).unwrap_or_else(|| panic!("{}", page.body))
}

/// Where the page of people grants the open wish.
fn wish(page: &str) -> String {
    let path = page.split("action=\"").find(|p| p.starts_with("/account/wishes/") && p.contains("/grant\""));
    path.unwrap_or_else(|| panic!("{page}")).split("/grant").next().unwrap().to_owned()
}

#[test]
fn who_is_limited_to_a_shop_takes_over_nobody_who_sees_more() {
    let (house, mut owner) = House::set_up();
    two_shops(&mut owner);
    let (mut manager, own) = invited(&house, &mut owner, "manager", &["people", "view", "download"]);
    limit(&mut owner, &own, &["people", "view", "download"], &["shop-1"]);
    let (mut wide, above) = invited(&house, &mut owner, "unlimited", &["view", "download"]);
    let (_, beside) = invited(&house, &mut owner, "other-shop", &["view"]);
    limit(&mut owner, &beside, &["view"], &["shop-2"]);
    let (_, under) = invited(&house, &mut owner, "same-shop", &["view"]);
    limit(&mut owner, &under, &["view"], &["shop-1"]);

    manager.get("/account/people");
    let narrow = [("view", "yes"), ("limited", "yes"), ("shop-1", "yes")];
    for id in [&above, &beside] {
        for (path, fields) in [("/reset", &[][..]), ("", &narrow[..]), ("/end", &[])] {
            let answer = manager.post(&format!("/account/people/{id}{path}"), fields);
            assert!(answer.status == 403 && !answer.body.contains("/reset/"), "{id}{path}: {}", answer.body);
        }
    }
    // Nor does he answer what such a one wishes for.
    wide.get("/account");
    assert_eq!(wide.post("/account/wishes", &[("permission", "people"), ("place", "/")]).status, 200);
    let wish = wish(&manager.get("/account/people").body);
    for answer in ["grant", "decline"] {
        assert_eq!(manager.post(&format!("{wish}/{answer}"), &[]).status, 403, "{answer}");
    }
    assert_eq!(wide.get("/account/people").status, 403);
    assert_eq!(owner.post(&format!("{wish}/decline"), &[]).status, 303);
    // Who sees no more than he does is his to help.
    let page = manager.post(&format!("/account/people/{under}/reset"), &[]);
    key(&page, "/reset/");
}

#[test]
fn nobody_comes_back_by_what_he_made_before() {
    let (house, mut owner) = House::set_up();
    let (mut manager, id) = invited(&house, &mut owner, "manager", &["people", "view", "download"]);
    manager.get("/account/people");
    let mut invite = |word: &str| {
        let page = manager.post("/account/people", &[("name", "李"), ("days", "3"), (word, "yes")]);
        format!("/join/{}", key(&page, "/join/"))
    };
    let (download, people) = (invite("download"), invite("people"));
    let opens = |path: &str| {
        let mut browser = house.browser();
        let status = browser.get(path).status;
        let fields = [("login", "backagain"), ("password", PASSWORD), ("password2", PASSWORD)];
        browser.get("/sign-in");
        (status, if status == 200 { 200 } else { browser.post(path, &fields).status })
    };
    assert_eq!((opens(&download), opens(&people)), ((200, 200), (200, 200)));
    permit(&mut owner, &id, &["people", "view"]);
    assert_eq!(opens(&download), (404, 404), "its maker may not download any more");
    assert_eq!(opens(&people), (200, 200));
    assert_eq!(owner.post(&format!("/account/people/{id}/end"), &[]).status, 303);
    assert_eq!(opens(&people), (404, 404), "its maker was ended");

    // A new password ends what programs got in by, and the page says so.
    let (mut sub, id) = invited(&house, &mut owner, "chenlan", &["view"]);
    let bearer = format!("Bearer {}", token(&mut sub, &["read"]));
    let reads = || house.browser().send("GET", "/api/v1/records", &[("authorization", &bearer)], &[]).status;
    assert_eq!(reads(), 200);
    owner.get(&format!("/account/people/{id}"));
    let page = owner.post(&format!("/account/people/{id}/reset"), &[]);
    let path = format!("/reset/{}", key(&page, "/reset/"));
    let mut lost = house.browser();
    assert!(lost.get(&path).body.contains("API 令牌"));
    assert_eq!(reads(), 200, "made, and not used yet");
    let another = "another horse battery";
    assert_eq!(lost.post(&path, &[("password", another), ("password2", another)]).status, 303);
    assert_eq!(reads(), 401);
}

#[test]
fn what_is_handed_on_leads_to_the_operators_address_whatever_host_was_asked() {
    let (house, _) = House::set_up();
    let (work, _) = house.stop();
    let house = House::behind(work, "https://quezao.example");
    let ask = |path: &str, host: &str| {
        let mut stream = TcpStream::connect(house.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
        house::read(stream)
    };
    for host in ["evil.example", "quezao.example.evil.example", "quezao.example:8443", "evil.example:443"] {
        let answer = ask("/sign-in", host);
        assert_eq!(answer.status, 421, "{host}");
        let said = [host, "https://quezao.example", "不是本站的网址", "not this site"];
        assert!(said.iter().all(|s| answer.body.contains(s)), "{}", answer.body);
    }
    for host in ["quezao.example", "Quezao.Example:443", "localhost:8080", "127.0.0.1"] {
        assert_eq!(ask("/sign-in", host).status, 200, "{host}");
    }
    // What asks whether it is well, and what programs ask, comes by whatever address.
    for path in ["/healthz", "/readyz", "/ledger/checkpoint"] {
        assert_eq!(ask(path, "10.0.0.7:8080").status, 200, "{path}");
    }
    let mut owner = house.browser();
    owner.get("/sign-in");
    assert_eq!(owner.post("/sign-in", &[("login", "linwan"), ("password", PASSWORD)]).status, 303);
    owner.get("/account/people");
    let page = owner.post("/account/people", &[("name", "李"), ("days", "3"), ("view", "yes")]);
    assert!(page.body.contains("https://quezao.example/join/"), "{}", page.body);
    assert!(!page.body.contains(&format!("{}/join/", house.address)));
    owner.get("/operator");
    assert!(owner.post("/operator/reset", &[("login", "linwan")]).body.contains("https://quezao.example/reset/"));
}

/// Who signs up.
pub(crate) const ZHOU: [(&str, &str); 7] = [
    ("kind", "individual"),
    ("owner_name", "周砚秋"),
    ("number", "11010519491231002X"),
    ("name", "周砚秋"),
    ("login", "zhou"),
    ("password", PASSWORD),
    ("password2", PASSWORD),
];

/// A merchant who is signed in and activated, in a house that lets everybody sign up.
fn merchant(house: &House) -> Browser {
    let mut main = house.browser();
    main.get("/sign-up");
    let answer = main.post("/sign-up", &ZHOU);
    assert_eq!(answer.status, 303, "{}", answer.body);
    activate(house, &mut main);
    main
}

#[test]
fn who_is_limited_to_a_shop_is_told_nothing_of_the_others() {
    let house = House::set_up_with(&["--sign-up", "open"]).0;
    let mut main = merchant(&house);
    two_shops(&mut main);
    assert!(register(&mut main, "别的.txt", b"of another shop") < 400);
    register(&mut main, "空的.txt", b"");
    let may = ["register", "view", "download"];
    let (mut sub, id) = invited(&house, &mut main, "chenlan", &may);
    limit(&mut main, &id, &may, &["shop-1"]);
    assert!(register(&mut sub, "自己的.txt", b"own") < 400);
    assert!(register(&mut main, "更多.txt", b"more of another shop") < 400);
    let numbers =
        |page: &str| -> Vec<String> { page.split("/deposits/").skip(1).map(|p| p[..36].to_owned()).collect() };
    let own = numbers(&sub.get("/library").body).first().unwrap().clone();
    let hidden: Vec<String> = numbers(&main.get("/library").body).into_iter().filter(|n| *n != own).collect();
    assert!(hidden.len() >= 2);

    // Movements: the account's own page has all of them, his has his.
    for path in ["/account/edition", "/account/edition.csv"] {
        let (all, his) = (main.get(path).body, sub.get(path).body);
        assert!(all.contains("空的.txt") && hidden.iter().all(|n| all.contains(n)) && all.contains(&own), "{all}");
        assert!(!his.contains("空的.txt") && !hidden.iter().any(|n| his.contains(n)) && his.contains(&own), "{his}");
    }
    // The list goes on behind his own records, and behind no other.
    let bearer = format!("Bearer {}", token(&mut sub, &["read"]));
    let mut list = |path: &str| sub.send("GET", path, &[("authorization", &bearer)], &[]);
    let page = list("/api/v1/records?limit=1");
    assert!(page.body.contains(&own) && !hidden.iter().any(|n| page.body.contains(n)), "{}", page.body);
    let rest: serde_json::Value = serde_json::from_str(&list(&format!("/api/v1/records?after={own}")).body).unwrap();
    assert!(rest["records"].as_array().unwrap().is_empty() && rest["next"].is_null(), "{rest}");
    assert_eq!(list(&format!("/api/v1/records?after={}", hidden[0])).status, 422);
    // A digest that is told proves nothing: he hears that it is there, and no number or name.
    let deposits = format!("Bearer {}", token(&mut sub, &["deposit"]));
    let bearer = format!("Bearer {}", token(&mut main, &["read"]));
    let shown = main.send("GET", &format!("/api/v1/deposits/{}", hidden[0]), &[("authorization", &bearer)], &[]).body;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let told = serde_json::json!({
        "sha256": shown["sha256"], "sm3": shown["sm3"], "size": shown["size"], "media_type": "text/plain",
        "file_name": "猜的.txt",
    });
    let heads = [("authorization", deposits.as_str()), ("content-type", "application/json")];
    for wait in ["", "?wait=proof"] {
        let answer = sub.send("POST", &format!("/api/v1/deposits{wait}"), &heads, told.to_string().as_bytes());
        let line: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(
            (answer.status, &line["status"], &line["file"]),
            (200, &"existing".into(), &"猜的.txt".into()),
            "{line}"
        );
        assert!(line["id"].is_null() && line["index"].is_null() && line["record_sha256"].is_null(), "{line}");
    }
    // Nor does another's key give what another was answered.
    let whole = format!("Bearer {}", token(&mut main, &["deposit"]));
    let told = told.to_string().replace(shown["sha256"].as_str().unwrap(), &"ab".repeat(32));
    let send = |browser: &mut Browser, bearer: &str| {
        let heads = [("authorization", bearer), heads[1], ("idempotency-key", "order-1")];
        browser.send("POST", "/api/v1/deposits", &heads, told.as_bytes())
    };
    let made = send(&mut main, &whole);
    assert_eq!((made.status, send(&mut main, &whole).body), (201, made.body.clone()), "{}", made.body);
    let line: serde_json::Value = serde_json::from_str(&made.body).unwrap();
    let refused = send(&mut sub, &deposits);
    assert!(refused.status == 409 && !refused.body.contains(line["id"].as_str().unwrap()), "{}", refused.body);
    // Of a link to what he does not see he ends none.
    let page = main.get(&format!("/deposits/{}", hidden[0])).body;
    let until = page.split("name=\"until\" value=\"").nth(1).unwrap()[..10].to_owned();
    let links = format!("/deposits/{}/links", hidden[0]);
    assert!(main.post(&links, &[("claims", "yes"), ("until", &until)]).status < 400);
    let page = main.get(&format!("/deposits/{}", hidden[0])).body;
    let link = page.split(&format!("{links}/")).nth(1).unwrap().split('/').next().unwrap().to_owned();
    sub.get("/account");
    assert_eq!(sub.post(&format!("{links}/{link}/end"), &[]).status, 404);
    main.get("/account");
    assert_eq!(main.post(&format!("{links}/{link}/end"), &[]).status, 303, "it was open still");

    // The name of who was ended stays taken, and that is said by its field.
    assert_eq!(main.post(&format!("/account/people/{id}/end"), &[]).status, 303);
    let mut other = house.browser();
    other.get("/sign-up");
    let fields = [
        ("kind", "enterprise"),
        ("owner_name", "福州海棠文化有限公司"),
        ("number", "91350211M0000XUF46"),
        ("name", "陈岚"),
        ("login", "ChenLan"),
        ("password", PASSWORD),
        ("password2", PASSWORD),
        ("confirmed", "yes"),
    ];
    let answer = other.post("/sign-up", &fields);
    assert!(answer.status == 422 && answer.body.contains("已有人使用"), "{}", answer.body);
    // A name that may look like another is asked about before anything is written.
    let odd = fields.map(|(n, v)| match n {
        "owner_name" => (n, "福州海棠⽂化有限公司"),
        "login" => (n, "haitang"),
        "confirmed" => (n, ""),
        _ => (n, v),
    });
    let answer = other.post("/sign-up", &odd);
    assert!(answer.body.contains("U+2F42") && answer.status != 303, "{} {}", answer.status, answer.body);
}

#[test]
fn what_was_begun_ends_with_the_permission() {
    let (house, mut owner) = House::set_up();
    let (mut sub, id) = invited(&house, &mut owner, "chenlan", &["register"]);
    let bearer = format!("Bearer {}", token(&mut sub, &["deposit", "read"]));
    let api = |method: &str, path: &str, heads: &[(&str, &str)], body: &[u8]| {
        let own = [("authorization", bearer.as_str()), ("tus-resumable", "1.0.0")];
        house.browser().send(method, path, &[&own, heads].concat(), body)
    };
    let begun = |name: &str| {
        let metadata = format!("filename {}", base64::Engine::encode(&base64::engine::general_purpose::STANDARD, name));
        let heads = [("upload-length", "4"), ("upload-metadata", metadata.as_str())];
        let answer = api("POST", "/api/v1/uploads", &heads, &[]);
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.head("location").unwrap().to_owned()
    };
    let piece = |place: &str| {
        let heads = [("content-type", "application/offset+octet-stream"), ("upload-offset", "0")];
        api("PATCH", place, &heads, b"half").status
    };
    let (whole, open) = (begun("一.txt"), begun("二.txt"));
    assert_eq!(piece(&whole), 204);
    permit(&mut owner, &id, &["view"]);
    assert_eq!(piece(&open), 403, "the next piece");
    let answer = api("POST", &format!("{whole}/deposit"), &[("content-type", "application/json")], b"{}");
    assert_eq!(answer.status, 403, "{}", answer.body);
    let digests = format!(
        "{{\"sha256\":\"{}\",\"sm3\":\"{}\",\"size\":7,\"media_type\":\"image/jpeg\"}}",
        "ab".repeat(32),
        "cd".repeat(32)
    );
    let json = [("content-type", "application/json")];
    assert_eq!(api("POST", "/api/v1/deposits", &json, digests.as_bytes()).status, 403, "a token of his");
    assert!(!owner.get("/library").body.contains("/deposits/"), "nothing was recorded");
    // Given back, it goes on where it was.
    permit(&mut owner, &id, &["register"]);
    let answer = api("POST", &format!("{whole}/deposit"), &json, b"{}");
    assert!([200, 201].contains(&answer.status), "{}", answer.body);
    // Words that steer what is shown are no words of a wish.
    sub.get("/account");
    let wish = |sub: &mut Browser, words: &str| {
        sub.post("/account/wishes", &[("permission", "view"), ("place", "/"), ("words", words)]).status
    };
    assert_eq!(
        (wish(&mut sub, "看\u{202e}证据"), wish(&mut sub, "看\u{200b}证据"), wish(&mut sub, "看证据")),
        (422, 422, 200)
    );
}
