//! Notices: whom they are for, on every page until they are put away, and never as markup.

use crate::{HAITANG, ZHOU, action, house::House, merchant};

#[test]
fn a_notice_stands_on_every_page_of_whom_it_is_for_until_each_puts_it_away() {
    let (house, mut operator) = House::set_up_with(&["--sign-up", "open"]);
    let (mut one, mut two) = (merchant(&house, HAITANG, "haitang"), merchant(&house, ZHOU, "zhou"));
    let room = "/operator/notices";
    operator.get(room);
    let far = "2027-06-01";
    for (fields, field) in [
        (vec![("zh", ""), ("until", far)], "zh"),
        (vec![("zh", "停机"), ("until", "")], "until"),
        (vec![("zh", "停机"), ("until", "2020-01-01")], "until"),
        (vec![("zh", "停机"), ("until", "2039-01-01")], "until"),
        (vec![("zh", "停机"), ("until", "next week")], "until"),
        (vec![("zh", "停机"), ("from", "2027-07-01"), ("until", far)], "until"),
        (vec![("zh", "停机"), ("account", "77"), ("until", far)], "account"),
        (vec![("zh", "停机"), ("account", "all"), ("until", far)], "account"),
        (vec![("en", "a\u{202e}b"), ("until", far)], "en"),
    ] {
        let answer = operator.post(room, &fields);
        assert!(
            answer.status == 422 && answer.body.contains(&format!("id=\"e-{field}\"")),
            "{fields:?}: {}",
            answer.body
        );
    }
    assert!(operator.get(room).body.contains("还没有发过通知"), "nothing of a refused one stays");
    let markup = "<b>周日</b> 停机\r\n\r\n请提前\"存证\"";
    assert_eq!(operator.post(room, &[("zh", markup), ("en", "down on <i>Sunday</i>"), ("until", far)]).status, 303);
    assert_eq!(operator.post(room, &[("en", "only for Haitang"), ("account", "2"), ("until", far)]).status, 303);
    assert_eq!(operator.post(room, &[("zh", "明年的事"), ("from", "2027-05-01"), ("until", far)]).status, 303);

    // On every page, its text and nothing else; in the language that there is.
    for path in ["/", "/library", "/account", "/account/edition", "/register", "/account/people"] {
        let page = one.get(path).body;
        assert!(
            page.contains("&lt;b&gt;周日&lt;/b&gt; 停机</p>") && page.contains("only for Haitang"),
            "{path}: {page}"
        );
        assert!(!page.contains("<b>周日") && !page.contains("明年的事"), "{path}");
    }
    let page = two.get("/").body;
    assert!(page.contains("停机") && !page.contains("only for Haitang"), "another account's");
    two.heads.push(("accept-language".into(), "en".into()));
    assert!(two.get("/").body.contains("down on &lt;i&gt;Sunday"));
    assert!(!house.browser().get("/sign-in").body.contains("停机"), "nobody who is not signed in");

    // Each puts it away for himself, and finds it in the list.
    let page = one.get("/library?q=1").body;
    let away = action(&page, "/dismiss");
    let back = one.post(&away, &[("back", "/library?q=1")]);
    assert_eq!((back.status, back.head("location")), (303, Some("/library?q=1")));
    let page = one.get("/").body;
    assert!(page.contains("停机") && !page.contains("only for Haitang"), "the newest was put away: {page}");
    assert_eq!(two.post(&away, &[]).status, 404, "another account's notice");
    assert_eq!(one.post(&away, &[("back", "https://evil.example/")]).head("location"), Some("/"));
    let list = one.get("/account/notices").body;
    assert!(list.contains("only for Haitang") && list.contains("停机") && !list.contains("明年的事"), "{list}");
    assert!(!two.get("/account/notices").body.contains("only for Haitang"));

    // Taken back it is nowhere; both acts stand in the operator's log.
    let page = operator.get(room).body;
    assert!(page.contains("显示中") && page.contains("还没到") && page.contains("账户 2"), "{page}");
    let ends: Vec<&str> =
        page.split("action=\"").map(|a| a.split('"').next().unwrap()).filter(|a| a.ends_with("/end")).collect();
    assert_eq!(ends.len(), 3);
    assert_eq!(operator.post(ends[2], &[]).status, 303);
    assert_eq!(operator.post(ends[2], &[]).status, 404, "once");
    assert!(!one.get("/").body.contains("停机") && !one.get("/account/notices").body.contains("停机"));
    let log = operator.get("/account/audit").body;
    assert!(log.contains("发出通知") && log.contains("撤下通知"), "{log}");
    assert!(one.get("/account/audit").body.contains("看过通知"));
}
