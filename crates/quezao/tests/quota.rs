//! Editions and quota over real HTTP: activation by code, grant and order, deposits until nothing is left, and a market that
//! is believed only by its signature.
#![allow(clippy::unwrap_used)]

mod house;

use house::{Answer, Browser, House, PASSWORD};
use serde_json::{Value, json};
use std::{fs, sync::Barrier};
use testkit::market::Market;

const EDITIONS: &str = "[order]\nzh = \"请致电 0571-1\"\nen = \"Call 0571-1\"\n\
[edition.small]\nzh = \"小店版\"\nen = \"Small shop\"\nmonths = 2\ndeposits = 2\ncaptures = 0\nstorage = \"1 MiB\"\nseats = 1\nfeatures = []\n\
[edition.full]\nzh = \"完整版\"\nen = \"Full\"\nmonths = 12\ndeposits = 100\ncaptures = 5\nstorage = \"1 GiB\"\nseats = 5\nfeatures = [\"capture\", \"api\", \"comparison\", \"phone\"]\n\
[pack.more]\nzh = \"加量包\"\nen = \"More\"\nmonths = 12\ndeposits = 3\n";

/// A portal that offers these, and a merchant's account beside its operator's.
fn market_house() -> (House, Browser) {
    let (house, operator) = House::set_up_with(&["--sign-up", "open"]);
    fs::write(house.data().join("editions.toml"), EDITIONS).unwrap();
    merchant(
        &house,
        &[("kind", "enterprise"), ("owner_name", "福州海棠文化有限公司"), ("number", "91350211M0000XUF46")],
        "huamei",
    );
    merchant(&house, &[("kind", "individual"), ("owner_name", "周砚秋"), ("number", "11010519491231002X")], "shimu");
    (house, operator)
}

/// Accounts 2 and 3, in this order.
fn merchant(house: &House, fields: &[(&str, &str)], login: &str) {
    let mut browser = house.browser();
    browser.get("/sign-up");
    let rest =
        [("name", "陈岚"), ("login", login), ("password", PASSWORD), ("password2", PASSWORD), ("confirmed", "yes")];
    let all: Vec<_> = fields.iter().copied().chain(rest).collect();
    let answer = browser.post("/sign-up", &all);
    assert_eq!(answer.status, 303, "{}", answer.body);
}

fn signed_in(house: &House, login: &str) -> Browser {
    let mut browser = house.browser();
    browser.get("/sign-in");
    let answer = browser.post("/sign-in", &[("login", login), ("password", PASSWORD)]);
    assert_eq!(answer.status, 303, "{}", answer.body);
    browser
}

/// A file by the form of a browser without scripts.
fn register(browser: &mut Browser, name: &str, bytes: &[u8]) -> Answer {
    browser.get("/account");
    let csrf = browser.csrf.clone();
    let mut body = format!(
        "--edge\r\ncontent-disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(bytes);
    body.extend(b"\r\n--edge--\r\n");
    browser.send("POST", "/register", &[("content-type", "multipart/form-data; boundary=edge")], &body)
}

/// A code that the operator makes.
fn code(operator: &mut Browser, fields: &[(&str, &str)]) -> String {
    operator.get("/operator/codes");
    let mut all = vec![("count", "1"), ("uses", "1"), ("days", "9")];
    all.retain(|(name, _)| fields.iter().all(|(n, _)| n != name));
    all.extend_from_slice(fields);
    let page = operator.post("/operator/codes", &all);
    assert_eq!(page.status, 200, "{}", page.body);
    let note = page.body.split("<code class=\"mono\">").nth(1).unwrap_or_else(|| panic!("{}", page.body));
    note.split('<').next().unwrap().to_owned()
}

fn left(browser: &mut Browser) -> String {
    let page = browser.get("/account/edition").body;
    let dl = page.split("<dl class=\"left\">").nth(1).unwrap_or_else(|| panic!("{page}"));
    dl.split("<dd>").nth(1).unwrap().split('<').next().unwrap().to_owned()
}

fn market(house: &House) -> Market {
    let made = house.command().args(["admin", "market-secret", "--data", "data", "--json"]).output().unwrap();
    let line: Value = serde_json::from_slice(&made.stdout).unwrap();
    Market { portal: house.address, secret: line["secret"].as_str().unwrap().to_owned() }
}

fn order(event: &str, number: &str, kind: &str, more: &Value) -> String {
    let mut body = json!({"event": event, "type": kind, "order": number, "account": 2});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body.to_string()
}

#[test]
fn a_shop_is_activated_by_code_registers_until_nothing_is_left_and_buys_more() {
    let (house, mut operator) = market_house();
    let mut shop = signed_in(&house, "huamei");
    for page in ["/", "/register", "/captures"] {
        let answer = shop.get(page);
        assert_eq!((answer.status, answer.head("location")), (303, Some("/activate")), "{page}");
    }
    let page = shop.get("/activate").body;
    for said in ["不搜索侵权", "不限制您把图片授权给别人", "请致电 0571-1", "账户编号"] {
        assert!(page.contains(said), "{said}");
    }
    let refused = register(&mut shop, "a.bin", b"one");
    assert!(refused.body.contains("尚未激活"), "{}", refused.body);
    assert_eq!(shop.get("/operator/codes").status, 404, "who does not run the folder is not told");

    let made = code(&mut operator, &[("edition", "small"), ("gift", "yes")]);
    shop.get("/activate");
    let wrong = shop.post("/activate", &[("code", "0000-0000-0000-0000")]);
    assert!(wrong.status == 422 && wrong.body.contains("没有这个激活码"), "{}", wrong.body);
    let promise = shop.post("/activate", &[("code", &made.to_lowercase())]);
    for said in ["林晚", "赠送", "小店版：每月存证 2 次，1 MiB，1 人", "2 个月", "不限制授权"] {
        assert!(promise.body.contains(said), "{said}: {}", promise.body);
    }
    assert_eq!(left_of_code(&mut operator), "已用 0，共 1", "looking costs nothing");
    let done = shop.post("/activate", &[("code", &made), ("acknowledged", "yes")]);
    assert_eq!((done.status, done.head("location")), (303, Some("/account/edition")), "{}", done.body);
    shop.get("/activate");
    let again = shop.post("/activate", &[("code", &made), ("acknowledged", "yes")]);
    assert!(again.status == 422 && again.body.contains("本账户已经用过"), "{}", again.body);

    assert_eq!(left(&mut shop), "2");
    let empty = register(&mut shop, "empty.bin", b"");
    assert!(empty.body.contains("空文件"), "{}", empty.body);
    assert_eq!(left(&mut shop), "2", "a refused file costs nothing");
    register(&mut shop, "a.bin", b"one");
    register(&mut shop, "a.bin", b"one");
    assert_eq!(left(&mut shop), "1", "the same bytes cost nothing");
    let large = register(&mut shop, "big.bin", &vec![7; 2 << 20]);
    assert!(large.body.contains("存储空间不足：需要 2 MiB"), "{}", large.body);
    register(&mut shop, "b.bin", b"two");
    let third = register(&mut shop, "c.bin", b"three");
    assert!(third.body.contains("存证次数不足：需要 1 次，剩余 0 次"), "{}", third.body);
    assert_eq!(left(&mut shop), "0");
    let log = shop.get("/account/audit.csv").body;
    for line in ["POST /activate 422 code", "POST /register 402 not-activated"] {
        assert_eq!(log.matches(&format!("\"rejected\",\"{line}\"")).count(), 1, "{line}: {log}");
    }

    shop.get("/account");
    let token = shop.post("/account/tokens", &[("name", "x"), ("days", "3"), ("read", "yes")]);
    assert!(token.status == 402 && token.body.contains("小店版不包含程序接口"), "{}", token.body);
    shop.get("/captures");
    let capture = shop.post("/captures", &[("urls", "https://example.cn/")]);
    assert!(capture.status == 402 && capture.body.contains("不包含网页取证"), "{}", capture.body);

    let edition = shop.get("/account/edition").body;
    for said in ["小店版，至", "不包含", "未登记，未扣次数", "空文件", "激活码 1"] {
        assert!(edition.contains(said), "{said}: {edition}");
    }
    let csv = shop.get("/account/edition.csv");
    assert!(csv.body.lines().filter(|l| l.contains("\"存证\"") && l.contains(",-1,0,-3")).count() == 2, "{}", csv.body);

    let market = market(&house);
    let begins = json!({"item": "more", "begins_at": "2026-01-01T00:00:00.000000Z"});
    assert_eq!(market.send(&order("e1", "FW-1", "order.paid", &begins)).0, 200);
    assert_eq!(left(&mut shop), "3");
    let orders = operator.get("/operator/grants?account=2").body;
    assert!(orders.contains("FW-1") && orders.contains("加量包"), "{orders}");

    // A power cut takes nothing and gives nothing.
    register(&mut shop, "d.bin", b"four");
    let house = House::open(house.kill());
    let mut shop = signed_in(&house, "huamei");
    assert_eq!(left(&mut shop), "2");
    shop.heads.push(("accept-language".into(), "en".into()));
    let english = shop.get("/account/edition").body;
    assert!(english.contains("Small shop, until") && english.contains("Not included"), "{english}");
}

#[test]
fn how_many_collections_may_still_be_made_is_said_before_one_is() {
    let (house, mut operator) = market_house();
    let mut shop = signed_in(&house, "huamei");
    let made = code(&mut operator, &[("edition", "small")]);
    shop.get("/activate");
    assert_eq!(shop.post("/activate", &[("code", &made), ("acknowledged", "yes")]).status, 303);
    register(&mut shop, "a.bin", b"one");
    let page = shop.get("/library").body;
    assert!(page.contains("还可以做 100 次合集或比对"), "{page}");
    let pick = page.split("name=\"pick-").nth(1).unwrap_or_else(|| panic!("{page}"))[..36].to_owned();
    let fields = [("act", "collection"), (&format!("pick-{pick}") as &str, "on"), ("title", "秋季")];
    let done = shop.post("/library/chosen", &fields);
    assert_eq!(done.status, 303, "{}", done.body);
    assert!(shop.get("/library").body.contains("还可以做 99 次合集或比对"));
    assert_eq!(left(&mut shop), "1", "and it takes no deposit");
    shop.heads.push(("accept-language".into(), "en".into()));
    let page = shop.get("/library").body;
    assert!(page.contains("can still be made within 24 hours: 99"), "{page}");
    assert!(!operator.get("/library").body.contains("合集或比对"), "the house has no bound");
}

#[test]
fn what_a_pack_gave_is_used_when_the_edition_is_over() {
    let (house, mut operator) = market_house();
    let pack = "[pack.room]\nzh = \"加量包\"\nen = \"Room\"\nmonths = 12\ndeposits = 2\nstorage = \"1 MiB\"\n";
    fs::write(house.data().join("editions.toml"), format!("{EDITIONS}{pack}")).unwrap();
    for name in ["small", "room"] {
        operator.get("/operator/grants");
        assert_eq!(operator.post("/operator/grants", &[("account", "2"), ("edition", name)]).status, 303);
    }
    let mut shop = signed_in(&house, "huamei");
    shop.get("/activate");
    assert_eq!(shop.post("/activate", &[("acknowledged", "yes")]).status, 303);
    assert_eq!(left(&mut shop), "4");
    let page = operator.get("/operator/grants?account=2").body;
    let ends = page.split("action=\"/operator/grants/").skip(1).filter_map(|end| end.split('"').next());
    let first = ends.into_iter().find(|end| end.split('/').next() == Some("1")).unwrap_or_else(|| panic!("{page}"));
    assert_eq!(operator.post(&format!("/operator/grants/{first}"), &[]).status, 303);

    let page = shop.get("/register").body;
    assert!(page.contains("还可以存证 2 次") && page.contains("加量包的次数在它到期之前照常使用"), "{page}");
    for (name, bytes) in [("a.bin", b"one"), ("b.bin", b"two")] {
        let done = register(&mut shop, name, bytes);
        assert!(done.status == 200 && !done.body.contains("版本已到期"), "{}", done.body);
    }
    assert_eq!(left(&mut shop), "0");
    let refused = register(&mut shop, "c.bin", b"three");
    assert!(refused.body.contains("版本已到期"), "{}", refused.body);
    let page = shop.get("/register").body;
    assert!(page.contains("版本已到期，已有的证据仍可查看和下载") && !page.contains("照常使用"), "{page}");
}

fn left_of_code(operator: &mut Browser) -> String {
    let page = operator.get("/operator/codes").body;
    page.split("已用 ").nth(1).map(|l| format!("已用 {}", l.split('　').next().unwrap())).unwrap_or_default()
}

#[test]
fn of_two_shops_that_use_a_code_at_once_one_has_it() {
    let (house, mut operator) = market_house();
    let made = code(&mut operator, &[("edition", "full")]);
    let (start, mut shops) = (Barrier::new(2), ["huamei", "shimu"].map(|login| signed_in(&house, login)));
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = shops
            .iter_mut()
            .map(|shop| {
                let (start, made) = (&start, made.as_str());
                scope.spawn(move || {
                    shop.get("/activate");
                    start.wait();
                    shop.post("/activate", &[("code", made), ("acknowledged", "yes")]).status
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut sorted = statuses.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [303, 422], "{statuses:?}");
}

#[test]
fn of_two_browsers_of_a_shop_that_want_its_last_deposit_one_has_it() {
    let (house, mut operator) = market_house();
    let made = code(&mut operator, &[("edition", "small")]);
    let mut shops = [signed_in(&house, "huamei"), signed_in(&house, "huamei")];
    shops[0].get("/activate");
    assert_eq!(shops[0].post("/activate", &[("code", &made), ("acknowledged", "yes")]).status, 303);
    register(&mut shops[0], "a.bin", b"one");
    assert_eq!(left(&mut shops[1]), "1");
    let start = Barrier::new(2);
    let said: Vec<String> = std::thread::scope(|scope| {
        let racers = shops.iter_mut().zip(["b", "c"]).map(|(shop, name)| {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                register(shop, &format!("{name}.bin"), name.as_bytes()).body
            })
        });
        racers.collect::<Vec<_>>().into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    assert_eq!(said.iter().filter(|body| body.contains("存证次数不足：需要 1 次，剩余 0 次")).count(), 1, "{said:?}");
    assert_eq!(left(&mut shops[0]), "0");
    let csv = shops[0].get("/account/edition.csv").body;
    assert_eq!(csv.lines().filter(|line| line.contains(",-1,0,")).count(), 2, "{csv}");
    let library = shops[0].get("/library").body;
    assert!(library.contains("b.bin") != library.contains("c.bin"), "{library}");
}

#[test]
fn what_the_operator_gives_waits_for_the_tick_and_ends_when_he_says() {
    let (house, mut operator) = market_house();
    let give = |operator: &mut Browser, account: &str, edition: &str| {
        operator.get("/operator/grants");
        operator.post("/operator/grants", &[("account", account), ("edition", edition), ("gift", "yes")])
    };
    assert_eq!(give(&mut operator, "2", "full").status, 303);
    for (account, edition, said) in [("1", "full", "账户 1"), ("9", "full", "账户 9"), ("2", "none", "没有“none”")]
    {
        let refused = give(&mut operator, account, edition);
        assert!(refused.status == 422 && refused.body.contains(said), "{}", refused.body);
    }
    let mut shop = signed_in(&house, "huamei");
    assert_eq!(shop.get("/").head("location"), Some("/activate"));
    assert!(shop.get("/activate").body.contains("完整版：每月存证 100 次"));
    assert_eq!(shop.post("/activate", &[("code", "")]).status, 422, "without the tick");
    let refused = register(&mut shop, "a.bin", b"one");
    assert!(refused.body.contains("尚未激活"), "{}", refused.body);
    assert_eq!(shop.post("/activate", &[("acknowledged", "yes")]).status, 303);
    assert_eq!((shop.get("/").status, left(&mut shop)), (200, "100".into()));
    let token = house::token(&mut shop, &["deposit", "read"]);
    let auth = format!("Bearer {token}");
    let mut program = house.browser();
    let get = |program: &mut Browser| program.send("GET", "/api/v1/deposits", &[("authorization", &auth)], &[]);
    assert_eq!(get(&mut program).status, 200);
    let digests: Vec<Value> = (0..101u8)
        .map(|n| json!({"sha256": format!("{n:02x}").repeat(32), "sm3": format!("{n:02x}").repeat(32), "size": 7, "media_type": "image/jpeg"}))
        .collect();
    let heads = [("authorization", auth.as_str()), ("content-type", "application/json")];
    let mut batch = |n: usize| {
        let body = json!({"deposits": digests[..n]}).to_string();
        program.send("POST", "/api/v1/deposits:batch", &heads, body.as_bytes())
    };
    let refused = batch(101);
    let problem: Value = serde_json::from_str(&refused.body).unwrap();
    assert_eq!((refused.status, &problem["left"]["deposits"]), (402, &json!(100)), "{}", refused.body);
    assert_eq!(left(&mut shop), "100", "said before any work is done");
    assert_eq!(batch(40).status, 200);
    assert_eq!(batch(40).status, 200, "known ones cost nothing");
    assert_eq!(left(&mut shop), "60");

    let page = operator.get("/operator/grants?account=2").body;
    let end = page.split("action=\"/operator/grants/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(operator.post(&format!("/operator/grants/{end}"), &[]).status, 303);
    let refused = get(&mut program);
    assert!(refused.status == 402 && refused.body.contains("expired"), "{}", refused.body);
    let page = shop.get("/account/edition").body;
    assert!(page.contains("目前没有有效的版本") && page.contains("提前结束"), "{page}");
}

#[test]
fn a_market_is_believed_only_by_its_signature_and_each_message_counts_once() {
    let (house, mut operator) = market_house();
    let period = json!({"item": "full", "months": 1, "begins_at": "2026-01-01T00:00:00.000000Z"});
    let paid = order("e1", "FW-1", "order.paid", &period);
    let stranger = Market { portal: house.address, secret: "0".repeat(64) };
    assert_eq!(stranger.send(&paid).0, 404, "no market is connected");
    let market = market(&house);
    let now = Market::now();
    assert_eq!(stranger.send(&paid).0, 401);
    assert_eq!(market.send_as(now - 301, &market.sign(now - 301, &paid), &paid).0, 401, "late");
    assert_eq!(market.send_as(now, &market.sign(now - 1, &paid), &paid).0, 401, "another time");
    assert_eq!(market.send_as(now, &market.sign(now, &paid), &paid.replace("FW-1", "FW-2")).0, 401, "another body");
    assert_eq!(market.send_as(now, "", &paid).0, 401);
    let long = market.send_long(now, "v1=00", "{", 1 << 30);
    assert!(long.0 == 413 && long.1.contains("detail_zh"), "{long:?}");

    let first = market.send(&paid);
    assert_eq!(first.0, 200, "{}", first.1);
    let answer: Value = serde_json::from_str(&first.1).unwrap();
    assert_eq!(
        answer,
        json!({"order": "FW-1", "state": "active", "periods": 1, "until": "2026-02-01T00:00:00.000000Z"})
    );
    assert_eq!(market.send(&paid), first, "the same again has the same answer");
    assert_eq!(market.send_as(now, &market.sign(now, &paid), &paid), first, "replayed, it counts once");
    let offered = house.data().join("editions.toml");
    fs::write(&offered, EDITIONS.replace("edition.full", "edition.whole")).unwrap();
    assert_eq!(market.send(&paid), first, "and when it is called otherwise by now");
    fs::write(&offered, EDITIONS).unwrap();
    assert_eq!(market.send(&paid.replace("\"months\":1", "\"months\":9")).0, 409, "another message of that name");
    let other = paid.replace("e1", "e2").replace("\"account\":2", "\"account\":3");
    assert_eq!(market.send(&other).0, 409, "another account's order");

    for (event, kind, more, field) in [
        ("w1", "order.paid", json!({"item": "none", "begins_at": "2026-01-01T00:00:00.000000Z"}), "edition"),
        ("w2", "order.paid", json!({"item": "full", "begins_at": "2026-01-01"}), "begins_at"),
        (
            "w3",
            "order.paid",
            json!({"item": "full", "months": 0, "begins_at": "2026-01-01T00:00:00.000000Z"}),
            "months",
        ),
        ("w4", "order.lost", json!({}), "type"),
        ("w5", "order.refunded", json!({}), "ends_at"),
        ("w6", "order.paid", json!({"item": "full", "colour": "red"}), "body"),
        (
            "w7",
            "order.paid",
            json!({"item": "full", "account": 1, "begins_at": "2026-01-01T00:00:00.000000Z"}),
            "account",
        ),
        (
            "w8",
            "order.paid",
            json!({"item": "full", "account": 77, "begins_at": "2026-01-01T00:00:00.000000Z"}),
            "account",
        ),
        ("", "order.paid", json!({}), "event"),
    ] {
        let refused = market.send(&order(event, "FW-9", kind, &more));
        let problem: Value = serde_json::from_str(&refused.1).unwrap();
        assert_eq!((refused.0, problem["field"].as_str()), (422, Some(field)), "{}", refused.1);
    }

    // The refund arrives before the renewal that it undoes.
    let refund = order("e4", "FW-5", "order.refunded", &json!({"ends_at": "2026-11-01T00:00:00.000000Z"}));
    let late: Value = serde_json::from_str(&market.send(&refund).1).unwrap();
    assert_eq!((&late["state"], &late["periods"]), (&json!("refunded"), &json!(0)));
    let renewal = json!({"item": "full", "months": 12, "begins_at": "2026-10-01T00:00:00.000000Z"});
    let renewed: Value = serde_json::from_str(&market.send(&order("e3", "FW-5", "order.renewed", &renewal)).1).unwrap();
    assert_eq!((&renewed["state"], &renewed["until"]), (&json!("refunded"), &json!("2026-11-01T00:00:00.000000Z")));
    // Who runs the folder finds each kind of refusal in his log, once in this minute, and no merchant in hers.
    let log = operator.get("/account/audit.csv").body;
    for (status, word) in [(404, ""), (401, ""), (413, " body"), (409, ""), (422, " edition")] {
        let line = format!("\"visitor\",\"rejected\",\"POST /market/orders {status}{word}\"");
        assert!(log.contains(&line), "{line}: {log}");
    }
    assert!(log.matches("POST /market/orders").count() < 9, "{log}");
    assert!(!signed_in(&house, "huamei").get("/account/audit.csv").body.contains("/market/orders"));
}

#[test]
fn the_command_line_makes_codes_and_names_the_line_that_is_wrong() {
    let (house, _) = market_house();
    let run =
        |args: &[&str]| house.command().args(["admin"]).args(args).args(["--data", "data", "--json"]).output().unwrap();
    let codes = run(&["code", "make", "--edition", "small", "--count", "3", "--uses", "5", "--gift"]);
    let lines = String::from_utf8(codes.stdout).unwrap();
    assert_eq!(lines.lines().count(), 3, "{lines}");
    let made: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    for login in ["huamei", "shimu"] {
        let mut shop = signed_in(&house, login);
        shop.get("/activate");
        let fields = [("code", made["code"].as_str().unwrap()), ("acknowledged", "yes")];
        assert_eq!(shop.post("/activate", &fields).status, 303, "a promotion serves several");
    }
    let grant = run(&["grant", "--account", "2", "--edition", "more"]);
    assert!(grant.status.success(), "{}", String::from_utf8_lossy(&grant.stderr));
    assert_eq!(left(&mut signed_in(&house, "huamei")), "5");
    assert_eq!(run(&["edition", "list"]).stdout.iter().filter(|b| **b == b'\n').count(), 3);
    fs::write(house.data().join("editions.toml"), EDITIONS.replace("deposits = 2", "deposits = -2")).unwrap();
    let check = run(&["config", "check"]);
    let said = String::from_utf8_lossy(&check.stderr).into_owned();
    assert!(
        check.status.code() == Some(2) && said.contains("line 8: edition.small.deposits cannot be \"-2\""),
        "{said}"
    );
}
