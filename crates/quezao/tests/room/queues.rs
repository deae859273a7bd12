//! What the operator sees across accounts: numbers and counts, and what is needed to mend it.

use crate::{
    HAITANG, ZHOU, action,
    house::{House, PASSWORD},
    merchant, register, until,
};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicU16, AtomicUsize, Ordering},
    },
};
use testkit::market::Market;

/// Answers every request so; how many came.
fn receiver(status: &Arc<AtomicU16>) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, status) = (listener.local_addr().unwrap().port(), status.clone());
    let came = Arc::new(AtomicUsize::new(0));
    let count = came.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut piece = [0; 8192];
            let _ = stream.read(&mut piece);
            count.fetch_add(1, Ordering::SeqCst);
            let status = status.load(Ordering::SeqCst);
            let _ = write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    (port, came)
}

#[test]
fn letters_that_were_given_up_are_tried_again_or_dropped_by_the_operator() {
    let status = Arc::new(AtomicU16::new(410));
    let (port, came) = receiver(&status);
    let allowed = format!("hook.test:{port}");
    let (house, mut operator) = House::set_up_with(&["--sign-up", "open", "--allow-loopback", &allowed]);
    let mut one = merchant(&house, HAITANG, "haitang");
    assert!(operator.get("/operator/letters").body.contains("没有放弃投递的消息"));
    one.get("/account/hooks");
    let url = format!("http://{allowed}/a-secret-of-the-merchants");
    assert_eq!(one.post("/account/hooks", &[("url", &url), ("deposit", "yes")]).status, 200);
    register(&mut one, "私密.txt", b"one");
    let page = until(|| Some(operator.get("/operator/letters").body).filter(|page| page.contains("hook.test")));
    assert!(page.contains("账户 2") && page.contains("HTTP 410"), "{page}");
    for secret in ["a-secret-of", "私密", HAITANG[1]] {
        assert!(!page.contains(secret), "{secret}: {page}");
    }
    assert!(operator.get("/operator").body.contains("1 条未送达"));
    // The hook is paused by the 410; its owner lets it go on, and the operator tries again.
    let hooks = one.get("/account/hooks").body;
    status.store(204, Ordering::SeqCst);
    assert_eq!(one.post(&action(&hooks, "/resume"), &[]).status, 303);
    let (again, drop) = (action(&page, "/again"), action(&page, "/drop"));
    let (all, again) = if again == "/operator/letters/again" {
        (
            again,
            page.split("action=\"")
                .map(|a| a.split('"').next().unwrap())
                .filter(|a| a.ends_with("/again"))
                .last()
                .unwrap()
                .to_owned(),
        )
    } else {
        ("/operator/letters/again".to_owned(), again)
    };
    let before = came.load(Ordering::SeqCst);
    assert_eq!(operator.post(&again, &[]).status, 303);
    until(|| (came.load(Ordering::SeqCst) > before).then_some(()));
    until(|| one.get("/account/hooks").body.contains("已送达").then_some(()));
    assert_eq!(operator.post(&again, &[]).status, 404, "it was delivered");
    assert_eq!(operator.post(&drop, &[]).status, 404);

    // Another one is dropped; the merchant's log says who did.
    status.store(410, Ordering::SeqCst);
    register(&mut one, "two.txt", b"two");
    let page = until(|| Some(operator.get("/operator/letters").body).filter(|page| page.contains("hook.test")));
    assert_eq!(operator.post(&action(&page, "/drop"), &[]).status, 303);
    assert!(operator.get("/operator/letters").body.contains("没有放弃投递的消息"));
    assert_eq!(operator.post(&all, &[]).status, 303, "of none");
    let (log, own) = (one.get("/account/audit").body, operator.get("/account/audit").body);
    assert!(log.contains("重新投递消息") && log.contains("丢弃未送达的消息") && log.contains("operator"), "{log}");
    assert!(own.contains("丢弃未送达的消息"), "{own}");
}

#[test]
fn orders_say_what_they_gave_and_what_was_refused_and_why() {
    let (house, mut operator) = House::set_up_with(&["--sign-up", "open"]);
    merchant(&house, HAITANG, "haitang");
    let made = house.command().args(["admin", "market-secret", "--data", "data", "--json"]).output().unwrap();
    let line: Value = serde_json::from_slice(&made.stdout).unwrap();
    let market = Market { portal: house.address, secret: line["secret"].as_str().unwrap().to_owned() };
    let order = |event: &str, number: &str, more: Value| {
        let mut body = json!({"event": event, "type": "order.paid", "order": number, "account": 2, "item": "professional",
            "begins_at": "2026-12-01T00:00:00.000000Z"});
        more.as_object().unwrap().iter().for_each(|(name, value)| body[name] = value.clone());
        body.to_string()
    };
    assert_eq!(market.send(&order("e1", "FW-1", json!({}))).0, 200);
    let undone =
        json!({"type": "order.refunded", "ends_at": "2026-01-01T00:00:00.000000Z", "item": null, "begins_at": null});
    assert_eq!(market.send(&order("e2", "FW-2", undone)).0, 200, "an end before its period");
    assert_eq!(market.send(&order("e3", "FW-2", json!({}))).0, 200);
    // Signed, and refused: kept with its reason, once for the same one.
    for (number, more) in [
        ("FW-3", json!({"item": "no-such"})),
        ("FW-4", json!({"account": 77})),
        ("FW-5", json!({"months": 900})),
        ("FW-6", json!({"odd": 1})),
    ] {
        for _ in 0..2 {
            assert_eq!(market.send(&order("x", number, more.clone())).0, 422, "{number}");
        }
    }
    assert_eq!(market.send(&order("e1", "FW-1", json!({"months": 2}))).0, 409, "another message under its name");
    assert_eq!(market.send("<script>alert(1)</script>").0, 422);
    assert_eq!(market.send_as(1, "v1=00", &order("e9", "FW-forged", json!({}))).0, 401);
    let page = operator.get("/operator/orders").body;
    let (received, refused) = page.split_once("id=\"refused\"").unwrap();
    assert!(
        received.contains("FW-1") && received.contains("专业版") && received.contains("2026-12-01 08:00"),
        "{page}"
    );
    assert!(received.contains("FW-2") && received.contains("已撤销"), "{page}");
    for (number, zh) in
        [("FW-3", "没有“no-such”"), ("FW-4", "没有账户 77"), ("FW-5", "月数须为"), ("FW-6", "不符合约定")]
    {
        let line = refused.split("<li>").find(|l| l.contains(number)).unwrap_or_else(|| panic!("{number}: {refused}"));
        assert!(line.contains(zh) && line.contains("收到 2 次"), "{line}");
    }
    assert!(refused.contains("另一条消息") && !page.contains("FW-forged"), "what nobody signed is not kept");
    assert!(!page.contains("<script>alert"), "{page}");
    operator.heads.push(("accept-language".into(), "en".into()));
    let english = operator.get("/operator/orders").body;
    assert!(english.contains("there is no account 77") && english.contains("Professional"), "{english}");
}

#[test]
fn bytes_and_health_are_said_in_words() {
    let (house, mut operator) = House::set_up_with(&["--sign-up", "open"]);
    let mut one = merchant(&house, HAITANG, "haitang");
    merchant(&house, ZHOU, "zhou");
    register(&mut one, "a.bin", &vec![7; 300 << 10]);
    let page = operator.get("/operator/storage").body;
    let each = page.split("id=\"each\"").nth(1).unwrap();
    assert!(each.contains("账户 2") && each.contains("300 KiB") && !each.contains("账户 3"), "{page}");
    let page = operator.get("/operator/health").body;
    for words in ["/readyz: ready", "数据库有应答", "磁盘还有", "没有配置发信服务器", "没有设置外部时间机构"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert_eq!(operator.get("/readyz").body, "ready\n");
    let page = operator.get("/operator/queue").body;
    assert!(page.contains("没有在排队或进行中的取证"), "{page}");
    for path in ["/operator", "/operator/merchants", "/operator/storage"] {
        assert!(!operator.get(path).body.contains(ZHOU[2]), "{path}: a whole identity number");
    }
    let mut stranger = house.browser();
    stranger.get("/sign-in");
    assert_eq!(stranger.post("/sign-in", &[("login", "zhou"), ("password", PASSWORD)]).status, 303);
    for path in ["/operator/queue", "/operator/letters", "/operator/orders", "/operator/storage", "/operator/health"] {
        assert_eq!(stranger.get(path).status, 404, "{path}");
    }
}
