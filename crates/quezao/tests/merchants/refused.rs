//! What was refused stands in the audit log: who, where and why, and nothing of what was sent.

use super::*;

/// How often a line of this act and subject stands in somebody's log.
fn noted(browser: &mut Browser, act: &str, subject: &str) -> usize {
    let log = browser.get("/account/audit.csv");
    assert_eq!(log.status, 200, "{}", log.body);
    log.body.matches(&format!("\"{act}\",\"{subject}\"")).count()
}

#[test]
fn what_is_refused_stands_in_the_log_of_who_tried() {
    let (house, mut operator) = House::set_up_with(&["--sign-up", "open"]);
    let mut visitor = house.browser();
    visitor.get("/sign-up");
    let odd: Vec<_> = form(&ZHOU, "zhou")
        .into_iter()
        .map(|(n, v)| if n == "number" { (n, "110105194912310021") } else { (n, v) })
        .collect();
    for _ in 0..3 {
        assert_eq!(visitor.post("/sign-up", &odd).status, 422);
    }
    assert_eq!(
        noted(&mut operator, "rejected", "POST /sign-up 422 number"),
        1,
        "once a minute, for who runs the folder"
    );

    let (mut one, mut two) = (Merchant::sign_up(&house, &HAITANG, "haitang"), Merchant::sign_up(&house, &ZHOU, "zhou"));
    let (id, own) = (one.register("私密.txt", b"one").1, two.register("自己.txt", b"two").1);
    // Another's number, by pages and by programs.
    for _ in 0..2 {
        assert_eq!(two.browser.get(&format!("/deposits/{id}")).status, 404);
        assert_eq!(two.api("GET", &format!("/api/v1/deposits/{id}"), &[], &[]).status, 404);
    }
    two.browser.get("/account");
    assert_eq!(two.browser.post(&format!("/deposits/{id}/shops"), &[("shop", "1")]).status, 404);
    // A code that is none.
    two.browser.get("/activate");
    assert_eq!(two.browser.post("/activate", &[("code", "0000-0000-0000-0000")]).status, 422);
    // A picture that would be larger than it is, and a file that is too long.
    let bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\xff\xff\xff\0\xff\xff\xff\x08\x06\0\0\0\0\0\0\0";
    assert_eq!(two.document("bomb-of-zhou.png", bomb).status, 422);
    // Another site's form, and one of an earlier visit.
    let form_of = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "cross-site")];
    assert_eq!(two.browser.send("POST", "/account/hooks", &form_of, b"url=https://evil.example/").status, 403);
    // Wrong passwords, wherever the password is asked for again.
    for (page, path) in [("/account/close", "/account/close"), ("/account/export", "/account/export")] {
        two.browser.get(page);
        assert_eq!(two.browser.post(path, &[("password", "another password"), ("sure", "yes")]).status, 422, "{path}");
    }
    two.browser.get("/account/passkeys");
    assert!((400..500).contains(&two.browser.post("/account/passkeys", &[("password", "another password")]).status));

    for (act, subject, times) in [
        ("rejected", "GET /deposits/{id} 404", 1),
        ("rejected", "GET /api/v1/deposits/{id} 404", 1),
        ("rejected", "POST /deposits/{id}/shops 404", 1),
        ("rejected", "POST /activate 422 code", 1),
        ("rejected", "POST /account/identity/documents 422 document", 1),
        ("rejected", "POST /account/hooks 403", 1),
        ("wrong-password", "", 3),
        ("rejected", "POST /account/close 422 password", 0),
    ] {
        assert_eq!(noted(&mut two.browser, act, subject), times, "{act} {subject}");
    }
    let log = two.browser.get("/account/audit.csv").body;
    for secret in [id.as_str(), "私密", HAITANG[1].1, "0000-0000-0000", "bomb", "evil.example", "another password"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
    assert!(log.contains(&own));
    assert!(!one.browser.get("/account/audit.csv").body.contains("rejected"), "who was asked about learns nothing");
    for (language, words) in [("zh", "请求被拒绝"), ("en", "asked for what was refused")] {
        two.browser.heads = vec![("accept-language".into(), language.into())];
        let page = two.browser.get("/account/audit").body;
        assert!(page.contains(words) && page.contains("POST /activate 422 code"), "{page}");
    }
}

#[test]
fn what_is_taken_away_stands_in_the_log_once_a_minute() {
    let house = opened();
    let mut one = Merchant::sign_up(&house, &HAITANG, "haitang");
    let (id, other) = (one.register("海报.txt", b"one").1, one.register("另一张.txt", b"two").1);
    for name in ["certificate.pdf", "package.zip", "parts/record.json", "original", "original"] {
        assert_eq!(one.browser.get(&format!("/deposits/{id}/{name}")).status, 200, "{name}");
    }
    assert_eq!(noted(&mut one.browser, "download", &id), 1);
    assert_eq!(one.browser.get(&format!("/deposits/{other}/picture.jpg")).status, 404);
    assert_eq!(one.browser.get(&format!("/deposits/{other}/parts/none")).status, 404);
    assert_eq!(noted(&mut one.browser, "download", &other), 0, "looking takes nothing away");
    // A program is another hand than a browser.
    for _ in 0..2 {
        assert_eq!(one.api("GET", &format!("/api/v1/deposits/{id}/record.json"), &[], &[]).status, 200);
    }
    assert_eq!(noted(&mut one.browser, "download", &id), 2);
    let log = one.browser.get("/account/audit").body;
    assert!(log.contains("下载") && log.contains(&format!("href=\"/deposits/{id}\"")), "{log}");
}
