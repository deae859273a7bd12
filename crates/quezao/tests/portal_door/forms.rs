//! A merchant's and the operator's forms, filled in wrongly: each is refused beside the field that is wrong, in the reader's
//! language.

use crate::{
    house::{Browser, House, activate},
    people::ZHOU,
    watched::register,
};

type Fields<'f> = &'f [(&'f str, &'f str)];

/// The sentence beside this field.
fn beside(page: &str, field: &str) -> String {
    let after = page.split(&format!("id=\"e-{field}\"")).nth(1).unwrap_or_else(|| panic!("e-{field}: {page}"));
    after.split('>').nth(1).unwrap().split('<').next().unwrap().to_owned()
}

fn chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

/// Sends `fields` with some other values; each time the refusal stands beside the field that was wrong.
fn refused(browser: &mut Browser, page: &str, path: &str, fields: Fields<'_>, wrong: &[(&str, &str, &str)]) {
    for (name, value, field) in wrong {
        let mut with: Vec<_> = fields.iter().copied().filter(|(n, _)| n != name).collect();
        with.push((name, value));
        for language in ["zh", "en"] {
            browser.heads = vec![("accept-language".into(), language.into())];
            browser.get(page);
            let answer = browser.post(path, &with);
            let what = format!("{path} {name} = {value:?}");
            assert_eq!(answer.status, 422, "{what}: {}", answer.body);
            let said = beside(&answer.body, field);
            assert!(!said.is_empty() && chinese(&said) == (language == "zh"), "{what} ({language}): {said}");
        }
    }
    browser.heads.clear();
}

#[test]
fn what_is_wrong_is_said_beside_its_field_in_both_languages() {
    let (house, mut operator) = House::set_up_with(&["--sign-up", "open"]);
    let mut main = house.browser();
    let wrong = [
        ("kind", "robot", "kind"),
        ("owner_name", "周\u{202e}砚秋", "owner_name"),
        ("number", "110105194912310021", "number"),
        ("name", "", "name"),
        ("login", "周砚秋", "login"),
        ("password2", "another password", "password2"),
    ];
    refused(&mut main, "/sign-up", "/sign-up", &ZHOU, &wrong);
    main.get("/sign-up");
    assert_eq!(main.post("/sign-up", &ZHOU).status, 303);

    let code = [("code", "", "code"), ("code", "0000-0000-0000-0000", "code"), ("code", "！", "code")];
    refused(&mut main, "/activate", "/activate", &[], &code);
    let given = [("account", "2"), ("edition", "flagship"), ("months", "1")];
    let wrong = [
        ("account", "77", "account"),
        ("account", "1", "account"),
        ("account", "", "account"),
        ("edition", "none", "edition"),
        ("months", "0", "months"),
    ];
    refused(&mut operator, "/operator/grants", "/operator/grants", &given, &wrong);
    operator.get("/operator/grants");
    assert_eq!(operator.post("/operator/grants", &given).status, 303);
    refused(
        &mut main,
        "/activate",
        "/activate",
        &[],
        &[("acknowledged", "", "acknowledged"), ("code", "0000", "code")],
    );
    activate(&house, &mut main);
    refused(&mut main, "/activate", "/activate", &[], &[("acknowledged", "", "code")]);
    assert!(!beside(&operator.get("/operator/grants?account=77").body, "look").is_empty());

    let new = [("edition", "trial"), ("count", "1"), ("uses", "1"), ("days", "9"), ("months", "1"), ("note", "")];
    let wrong = [
        ("edition", "none", "edition"),
        ("count", "0", "count"),
        ("count", "many", "count"),
        ("uses", "0", "uses"),
        ("days", "99999", "days"),
        ("months", "999", "months"),
        ("note", "\u{202e}", "note"),
    ];
    refused(&mut operator, "/operator/codes", "/operator/codes", &new, &wrong);
    let notice = [("zh", "停机"), ("until", "2027-06-01")];
    let wrong = [("zh", "", "zh"), ("until", "soon", "until"), ("account", "77", "account")];
    refused(&mut operator, "/operator/notices", "/operator/notices", &notice, &wrong);
    let invited = [("name", "海棠"), ("days", "7")];
    let wrong = [("name", "", "name"), ("days", "0", "days")];
    refused(&mut operator, "/operator/invitations", "/operator/invitations", &invited, &wrong);
    let one = "/operator/merchants/2";
    refused(&mut operator, one, &format!("{one}/hold"), &[("hold", "yes")], &[("reason", " ", "reason")]);
    refused(&mut operator, one, &format!("{one}/export"), &[], &[("export", " ", "export")]);

    let shop = [("platform", "淘宝"), ("shop", "一店"), ("url", "https://shop.example/")];
    let wrong = [("platform", "", "platform"), ("shop", "\u{202e}", "shop"), ("url", "ftp://x", "url")];
    refused(&mut main, "/account/shops", "/account/shops", &shop, &wrong);
    main.get("/account/shops");
    assert_eq!(main.post("/account/shops", &shop).status, 303);
    let sub = [("name", "陈岚"), ("days", "3"), ("view", "yes")];
    let wrong = [("name", "", "name"), ("days", "31", "days"), ("days", "many", "days"), ("limited", "yes", "shops")];
    refused(&mut main, "/account/people", "/account/people", &sub, &wrong);
    let hook = [("url", "https://hooks.example/"), ("deposit", "yes")];
    refused(
        &mut main,
        "/account/hooks",
        "/account/hooks",
        &hook,
        &[("url", "http://x", "url"), ("deposit", "", "events")],
    );
    refused(&mut main, "/account/close", "/account/close", &[], &[("password", "another password", "password")]);

    assert!(register(&mut main, "碗.txt", b"a bowl") < 400);
    let id = main.get("/library").body.split("/deposits/").nth(1).unwrap()[..36].to_owned();
    let licence = [("pictures", id.as_str()), ("licensee", "丙店"), ("act", "record")];
    let wrong = [
        ("pictures", "", "pictures"),
        ("pictures", "019abcde-0000-7000-8000-000000000000", "pictures"),
        ("licensee", "", "licensee"),
        ("licensee", "丙\u{202e}乙", "licensee"),
        ("urls", "*.com.cn", "urls"),
        ("from", "soon", "from"),
        ("until", "2020-01-01", "until"),
    ];
    refused(&mut main, "/licences/new", "/licences/new", &licence, &wrong);

    // What is no document, and any while others are being looked at.
    let document = |main: &mut Browser, bytes: &[u8]| {
        main.get("/account/identity");
        let head = |name: &str| format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"");
        let mut body =
            format!("{}\r\n\r\n{}\r\n{}; filename=\"a.pdf\"\r\n\r\n", head("csrf"), main.csrf, head("document"));
        body.push_str(&String::from_utf8_lossy(bytes));
        body.push_str("\r\n--edge--\r\n");
        let kind = [("content-type", "multipart/form-data; boundary=edge")];
        main.send("POST", "/account/identity/documents", &kind, body.as_bytes())
    };
    for bytes in [&b"MZ"[..], b"%PDF-1.4", b"<html>"] {
        if bytes.starts_with(b"%PDF") {
            assert_eq!(document(&mut main, bytes).status, 303);
            assert_eq!(main.post("/account/identity/ask", &[]).status, 303);
        }
        for language in ["zh", "en"] {
            main.heads = vec![("accept-language".into(), language.into())];
            let answer = document(&mut main, bytes);
            assert_eq!(answer.status, 422, "{}", answer.body);
            assert_eq!(chinese(&beside(&answer.body, "document")), language == "zh", "{}", answer.body);
        }
        main.heads.clear();
    }
}
