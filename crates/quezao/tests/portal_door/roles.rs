//! Who may do what: every route in every role; and a sub-account from its invitation to its end.

use crate::{
    accounts::SECOND,
    house::{Answer, Browser, House, PASSWORD, activate, token},
    python,
    watched::register,
};
use service::Permission as P;

/// Words that permit it to a sub-account; `None`: only a main account may. Said here a second time, so that the door and
/// this have to agree.
fn permitted_by(asks: P) -> Option<&'static [&'static str]> {
    match asks {
        P::Sessions | P::Tokens | P::Secrets => {
            Some(&["register", "capture", "view", "download", "licences", "people", ""])
        }
        P::View => Some(&["view"]),
        P::Deposit => Some(&["register"]),
        P::Capture => Some(&["capture"]),
        P::Queue => Some(&["capture", "view"]),
        P::Download | P::Share => Some(&["download"]),
        P::Licences => Some(&["licences"]),
        P::People => Some(&["people"]),
        P::Discard | P::Erase | P::Hooks | P::Account | P::Operate => None,
    }
}

/// Routes that ask for a second permission, so that none is enough alone.
const BOTH: [&str; 2] = ["/deposits/{id}/compare", "/library/chosen"];

/// Whether the door refused it for want of a permission.
fn asked_for_more(answer: &Answer) -> bool {
    answer.status == 403 && ["请向主账户申请", "只有主账户可以"].iter().any(|words| answer.body.contains(words))
}

fn call(browser: &mut Browser, route: &portal::Route, bearer: &str) -> Answer {
    let path =
        ["{id}", "{number}", "{place}", "{name}"].iter().fold(route.path.to_owned(), |p, n| p.replace(n, "999999"));
    let method = route.method.to_uppercase();
    match (route.who, route.method) {
        (portal::Who::Token, _) => {
            let heads = [("authorization", bearer), ("content-type", "application/json")];
            browser.send(&method, &path, &heads, b"{}")
        }
        (_, "post") => browser.post(&path, &[]),
        _ => browser.send(&method, &path, &[], &[]),
    }
}

/// A sub-account that was invited, joined and signed in, with its number.
pub(crate) fn invited(house: &House, owner: &mut Browser, login: &str, permissions: &[&str]) -> (Browser, String) {
    owner.get("/account/people");
    let mut fields = vec![("name", "陈岚"), ("days", "3")];
    fields.extend(permissions.iter().map(|p| (*p, "yes")));
    let page = owner.post("/account/people", &fields);
    assert_eq!(page.status, 200, "{}", page.body);
    let key = &page.body.split("/join/").nth(1).expect("an address, shown once")[..64];
    let mut sub = house.browser();
    sub.get(&format!("/join/{key}"));
    let fields = [("login", login), ("password", PASSWORD), ("password2", PASSWORD)];
    let answer = sub.post(&format!("/join/{key}"), &fields);
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_eq!(house.browser().get(&format!("/join/{key}")).status, 404, "good once");
    sub.get("/sign-in");
    assert_eq!(sub.post("/sign-in", &[("login", login), ("password", PASSWORD)]).status, 303);
    let page = owner.get("/account/people").body;
    // The newest has the highest number.
    let numbers = page.split("/account/people/").filter_map(|p| p.split('"').next()?.parse::<i64>().ok());
    (sub, numbers.max().unwrap().to_string())
}

pub(crate) fn permit(owner: &mut Browser, id: &str, permissions: &[&str]) {
    owner.get(&format!("/account/people/{id}"));
    let fields: Vec<_> = permissions.iter().map(|p| (*p, "yes")).collect();
    assert_eq!(owner.post(&format!("/account/people/{id}"), &fields).status, 303);
}

#[test]
fn every_route_in_every_role() {
    let (house, mut owner) = House::set_up();
    let (mut sub, id) = invited(&house, &mut owner, "chenlan", &[]);
    python(house.work.path(), SECOND, &[]);
    let mut other = house.browser();
    other.get("/sign-in");
    assert_eq!(other.post("/sign-in", &[("login", "other"), ("password", PASSWORD)]).status, 303);
    activate(&house, &mut other);
    let scopes = ["deposit", "capture", "read", "licences"];
    let [subs, owners, others] = [&mut sub, &mut owner, &mut other].map(|b| format!("Bearer {}", token(b, &scopes)));

    let routes: Vec<_> = portal::ROUTES.iter().filter_map(|route| Some((route, route.asks?))).collect();
    let mut odd = Vec::new();
    for word in service::PERMISSIONS.into_iter().chain([""]) {
        permit(&mut owner, &id, &[word]);
        sub.get("/account");
        for (route, asks) in &routes {
            let answer = call(&mut sub, route, &subs);
            let right = match route.who {
                portal::Who::Operator => answer.status == 404,
                _ => {
                    let alone = permitted_by(*asks).is_some_and(|words| words.contains(&word));
                    // An answer to HEAD has no words.
                    let refused = asked_for_more(&answer) || (route.method == "head" && answer.status == 403);
                    refused != (alone && !BOTH.contains(&route.path))
                }
            };
            if !right || answer.status == 401 || answer.status == 500 {
                odd.push(format!("{} {} with \"{word}\": {}", route.method, route.path, answer.status));
            }
        }
    }
    assert!(odd.is_empty(), "a sub-account: {odd:#?}");
    for (mut main, bearer, runs) in [(owner, owners, true), (other, others, false)] {
        main.get("/account");
        for (route, _) in &routes {
            let answer = call(&mut main, route, &bearer);
            let what = format!("{} {} by a main account: {}", route.method, route.path, answer.status);
            assert!(!asked_for_more(&answer) && answer.status != 401 && answer.status != 500, "{what}");
            if route.who == portal::Who::Operator && !runs {
                assert_eq!(answer.status, 404, "{what}");
            }
        }
    }
}

#[test]
fn a_sub_account_does_what_it_is_permitted_and_asks_for_the_rest() {
    let (house, mut owner) = House::set_up();
    let (mut sub, id) = invited(&house, &mut owner, "chenlan", &["register"]);
    assert!(register(&mut sub, "一.txt", b"one") < 400);
    assert!(sub.get("/").body.contains("存证"), "what it may do instead of looking");
    let refused = sub.get("/library");
    assert!(asked_for_more(&refused) && refused.body.contains("action=\"/account/wishes\""), "{}", refused.body);
    let wish = [("permission", "view"), ("place", "/library"), ("words", "核对登记")];
    assert_eq!(sub.post("/account/wishes", &wish).status, 200);
    assert_eq!(sub.post("/account/wishes", &[("permission", "everything")]).status, 422);
    assert!(owner.get("/").body.contains("1 个申请"));
    let page = owner.get("/account/people").body;
    assert!(page.contains("核对登记") && page.contains("/library"), "{page}");
    let grant = page.split("action=\"").find(|p| p.contains("/grant\"")).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(owner.post(&grant, &[]).status, 303);
    assert_eq!(owner.post(&grant, &[]).status, 404, "answered before");

    // The record names who acted, and so does the log.
    let library = sub.get("/library");
    assert_eq!(library.status, 200);
    let record = library.body.split("/deposits/").nth(1).unwrap()[..36].to_owned();
    let shown = sub.get(&format!("/deposits/{record}"));
    assert!(shown.status == 200 && shown.body.contains("陈岚"), "{}", shown.body);
    assert!(asked_for_more(&sub.get(&format!("/deposits/{record}/original"))));
    let audit = owner.get("/account/audit").body;
    for line in ["没有权限", "申请权限", "同意申请", "加入", "邀请", &record] {
        assert!(audit.contains(line), "{line}: {audit}");
    }
    let table = owner.get("/account/audit.csv");
    assert!(table.status == 200 && table.body.contains("\"陈岚\",") && table.body.contains(&record));

    // A token is never more than its person, whatever it is for; and what is taken away is refused at the next act.
    let bearer = format!("Bearer {}", token(&mut sub, &["deposit", "read"]));
    let read = |browser: &mut Browser, path: &str| browser.send("GET", path, &[("authorization", &bearer)], &[]).status;
    assert_eq!(read(&mut sub, &format!("/api/v1/deposits/{record}")), 200);
    assert_eq!(read(&mut sub, &format!("/api/v1/deposits/{record}/original")), 403);
    permit(&mut owner, &id, &["capture"]);
    assert_eq!(read(&mut sub, &format!("/api/v1/deposits/{record}")), 403);
    assert!(asked_for_more(&sub.get("/library")) && asked_for_more(&sub.get("/register")));
    assert_eq!(sub.get("/captures").status, 200);

    // A lost password: the main account makes a way back in, and so does the operator, by name.
    owner.get(&format!("/account/people/{id}"));
    let page = owner.post(&format!("/account/people/{id}/reset"), &[]).body;
    let key =
        page.split("/reset/").nth(1).map(|p| p[..64].to_owned()).filter(|k| k.bytes().all(|b| b.is_ascii_hexdigit()));
    let mut lost = house.browser();
    let path = format!("/reset/{}", key.unwrap_or_else(|| panic!("{page}")));
    lost.get(&path);
    let another = "another horse battery";
    assert_eq!(lost.post(&path, &[("password", another), ("password2", another)]).status, 303);
    assert_eq!(sub.get("/account").status, 303, "sessions end with it");
    sub.get("/sign-in");
    assert_eq!(sub.post("/sign-in", &[("login", "chenlan"), ("password", another)]).status, 303);
    owner.get("/operator");
    assert_eq!(owner.post("/operator/reset", &[("login", "nobody")]).status, 422);
    assert!(owner.post("/operator/reset", &[("login", "chenlan")]).body.contains("/reset/"));

    // Ended, it is nobody: sessions and tokens go, and its name to sign in with stays taken.
    owner.get("/account/people");
    assert_eq!(owner.post(&format!("/account/people/{id}/end"), &[]).status, 303);
    assert_eq!(sub.get("/account").status, 303);
    assert_eq!(read(&mut sub, &format!("/api/v1/deposits/{record}")), 401);
    sub.get("/sign-in");
    assert_eq!(sub.post("/sign-in", &[("login", "chenlan"), ("password", PASSWORD)]).status, 422);
    assert!(owner.get(&format!("/deposits/{record}")).body.contains("陈岚"));
}

#[test]
fn who_manages_people_hands_on_no_more_than_he_has() {
    let (house, mut owner) = House::set_up();
    let (mut sub, id) = invited(&house, &mut owner, "chenlan", &["people", "view"]);
    let (_, above) = invited(&house, &mut owner, "zhaohe", &["download"]);
    sub.get("/account/people");
    let invite = |sub: &mut Browser, permission| {
        sub.post("/account/people", &[("name", "李"), ("days", "1"), (permission, "yes")]).status
    };
    assert_eq!(invite(&mut sub, "download"), 403);
    assert_eq!(invite(&mut sub, "view"), 200);
    assert_eq!(sub.post(&format!("/account/people/{above}"), &[("view", "yes")]).status, 403, "who may do more");
    assert_eq!(sub.post(&format!("/account/people/{id}"), &[("view", "yes")]).status, 403, "himself");
    assert_eq!(sub.post("/account/people/1", &[]).status, 404, "a main account is nobody's to change");
    for (fields, status) in [
        (&[("name", ""), ("days", "1")][..], 422),
        (&[("name", "林\u{202e}晚"), ("days", "1")], 422),
        (&[("name", "李"), ("days", "0")], 422),
        (&[("name", "李"), ("days", "31")], 422),
        (&[("name", "李"), ("days", "1"), ("limited", "yes")], 422),
    ] {
        assert_eq!(owner.post("/account/people", fields).status, status, "{fields:?}");
    }
}

#[test]
fn a_limited_sub_account_sees_its_shops_and_no_more() {
    let (house, mut owner) = House::set_up();
    assert!(register(&mut owner, "别的.txt", b"another") < 400);
    owner.get("/account/shops");
    for shop in ["林晚旗舰店", "林晚二店"] {
        assert_eq!(
            owner
                .post("/account/shops", &[("platform", "淘宝"), ("shop", shop), ("url", "https://shop.example/")])
                .status,
            303
        );
    }
    assert_eq!(owner.post("/account/shops", &[("platform", "淘宝"), ("shop", "x"), ("url", "ftp://x")]).status, 422);
    let all = ["register", "view", "download", "capture"];
    let (mut sub, id) = invited(&house, &mut owner, "chenlan", &all);
    owner.get(&format!("/account/people/{id}"));
    let mut fields: Vec<_> = all.iter().map(|p| (*p, "yes")).collect();
    fields.extend([("limited", "yes"), ("shop-1", "yes")]);
    assert_eq!(owner.post(&format!("/account/people/{id}"), &fields).status, 303);

    assert!(register(&mut sub, "自己的.txt", b"own") < 400);
    let (own, all) = (sub.get("/library").body, owner.get("/library").body);
    assert!(own.contains("自己的.txt") && !own.contains("别的.txt"), "{own}");
    assert!(all.contains("自己的.txt") && all.contains("别的.txt"));
    let hidden = all.split("/deposits/").skip(1).map(|p| p[..36].to_owned()).find(|n| !own.contains(n)).unwrap();
    for path in ["", "/original", "/certificate.pdf", "/package.zip", "/picture.jpg"] {
        assert_eq!(sub.get(&format!("/deposits/{hidden}{path}")).status, 404, "{path}");
    }
    let bearer = format!("Bearer {}", token(&mut sub, &["read"]));
    let listed = sub.send("GET", "/api/v1/records", &[("authorization", &bearer)], &[]).body;
    assert!(listed.contains("自己的.txt") && !listed.contains(&hidden), "{listed}");
    assert!(!sub.get("/library.csv").body.contains(&hidden));
    // To tell a digest is not to have the file.
    let digests = house.command().args(["show", &hidden, "--data", "data", "--json"]).output().unwrap();
    let line: serde_json::Value = serde_json::from_slice(&digests.stdout).unwrap();
    let told =
        format!("{{\"sha256\":{},\"sm3\":{},\"size\":7,\"media_type\":\"text/plain\"}}", line["sha256"], line["sm3"]);
    let writes = format!("Bearer {}", token(&mut sub, &["deposit"]));
    let heads = [("authorization", writes.as_str()), ("content-type", "application/json")];
    assert_eq!(sub.send("POST", "/api/v1/deposits", &heads, told.as_bytes()).status, 200, "recorded before");
    assert_eq!(sub.get(&format!("/deposits/{hidden}")).status, 404);
    // The main account says that it was made for the shop; now it is seen.
    owner.get(&format!("/deposits/{hidden}"));
    assert_eq!(owner.post(&format!("/deposits/{hidden}/shops"), &[("shop", "99")]).status, 422);
    assert_eq!(owner.post(&format!("/deposits/{hidden}/shops"), &[("shop", "1")]).status, 303);
    assert_eq!(sub.get(&format!("/deposits/{hidden}")).status, 200);
}
