//! The portal over real HTTP: who may use what, set-up, signing in, and what strangers try.
#![allow(clippy::unwrap_used)]

mod house;

use house::{Browser, House, PASSWORD, lin_wan, program, read};
use std::{
    io::Write,
    net::TcpStream,
    process::Output,
    time::{Duration, Instant},
};

fn sign_in(house: &House, password: &str) -> (Browser, u16) {
    let mut browser = house.browser();
    browser.get("/sign-in");
    let status = browser.post("/sign-in", &[("login", "LinWan"), ("password", password), ("next", "/account")]).status;
    (browser, status)
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_first_visitor_with_the_address_sets_up_and_nobody_else() {
    let house = House::open(tempfile::tempdir().unwrap());
    let path = house.set_up.clone().expect("a set-up address in the log");
    let mut stranger = house.browser();
    assert_eq!(stranger.get(&format!("/set-up/{}", "0".repeat(64))).status, 404);
    assert_eq!(stranger.get("/readyz").status, 503);

    let mut browser = house.browser();
    let page = browser.get(&path);
    assert_eq!(page.status, 200);
    for looked_at in ["数据文件夹", "时钟", "字体", "隔离", "浏览器"] {
        assert!(page.body.contains(looked_at), "{looked_at}");
    }
    assert!(!house.data().exists(), "looking writes nothing");

    // What is wrong is said beside its field, and nothing is written.
    let with = |name: &'static str, value: &'static str| {
        lin_wan().into_iter().map(|(n, v)| if n == name { (n, value) } else { (n, v) }).collect::<Vec<_>>()
    };
    for (name, value, field) in [
        ("login", "x", "e-login"),
        ("password", "short", "e-password2"),
        ("operator_name", "林\u{202e}晚", "e-operator"),
        ("name", "", "e-name"),
    ] {
        let answer = browser.post(&path, &with(name, value));
        assert_eq!(answer.status, 422, "{name}");
        assert!(answer.body.contains(&format!("class=\"err\" id=\"{field}\"")), "{name}: {}", answer.body);
    }
    // A code with a wrong check character is asked about, not refused.
    let mut company = with("operator_kind", "enterprise");
    company.push(("operator_number", "91350211M0000XUF46"));
    let answer = browser.post(&path, &company);
    assert!(answer.status == 422 && answer.body.contains("name=\"confirmed\""), "{}", answer.body);
    assert!(!house.data().exists());

    assert_eq!(browser.post(&path, &lin_wan()).status, 303);
    let home = browser.get("/");
    assert!(home.status == 200 && home.body.contains("林晚") && home.body.contains("自行固定记录"), "{}", home.body);
    assert_eq!(browser.get(&path).status, 404, "the address is good once");
    assert_eq!(stranger.get("/readyz").status, 200);

    // The folder is a folder like any other, and this process is its writer.
    let (work, code) = house.stop();
    assert_eq!(code, Some(0));
    let checked = program(&work).args(["admin", "ledger-check", "--data", "data"]).output().unwrap();
    assert!(checked.status.success(), "{}", text(&checked));
    // Opened again there is somebody, so there is nothing to set up, and the session still holds.
    let house = House::open(work);
    assert!(house.set_up.is_none());
    browser.address = house.address;
    assert_eq!(browser.get("/account").status, 200);
}

#[test]
fn a_folder_of_the_command_line_asks_only_for_a_person() {
    let work = tempfile::tempdir().unwrap();
    let made = program(&work)
        .args(["init", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚"])
        .args(["--operator-name", "余杭鹊石数据服务有限公司"])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", text(&made));
    let house = House::open(work);
    let path = house.set_up.clone().unwrap();
    let mut browser = house.browser();
    let page = browser.get(&path).body;
    assert!(page.contains("name=\"login\"") && !page.contains("operator_name"), "{page}");
    let fields = [("name", "陈岚"), ("login", "chenlan"), ("password", PASSWORD), ("password2", PASSWORD)];
    assert_eq!(browser.post(&path, &fields).status, 303);
    let home = browser.get("/").body;
    assert!(home.contains("林晚") && home.contains("余杭鹊石数据服务有限公司") && home.contains("陈岚"), "{home}");
}

#[test]
fn every_route_is_open_to_whom_the_table_says() {
    let (house, mut owner) = House::set_up();
    for route in portal::ROUTES {
        let mut path = route.path.replace("{token}", &"0".repeat(64));
        for number in ["{id}", "{place}", "{number}"] {
            path = path.replace(number, "1");
        }
        let path = path.replace(['{', '}', '*'], "");
        let mut visitor = house.browser();
        visitor.get("/sign-in");
        let answer = match route.method {
            "get" => visitor.get(&path),
            "post" => visitor.post(&path, &[]),
            method => visitor.send(&method.to_uppercase(), &path, &[], &[]),
        };
        let to_sign_in = answer.status == 303 && answer.head("location").unwrap().starts_with("/sign-in");
        match route.who {
            portal::Who::SignedIn => {
                // What a script calls is answered, not led elsewhere.
                let shut = if path.starts_with("/uploads") { answer.status == 401 } else { to_sign_in };
                assert!(shut, "{} {path}: {} {}", route.method, answer.status, answer.body);
                // A session that nobody has is nobody's.
                visitor.cookies.insert("quezao-session".into(), "0".repeat(64));
                if route.method == "get" {
                    assert_eq!(visitor.get(&path).status, 303, "{path}");
                    assert_ne!(owner.get(&path).status, 303, "{path}");
                }
            }
            portal::Who::Token => {
                assert_eq!(answer.status, 401, "{path}");
                // A browser's session is no token.
                assert_eq!(owner.send(&route.method.to_uppercase(), &path, &[], &[]).status, 401, "{path}");
            }
            portal::Who::Operator => {
                assert!(to_sign_in, "{} {path}: {} {}", route.method, answer.status, answer.body);
                if route.method == "get" {
                    assert_ne!(owner.get(&path).status, 303, "{path}");
                }
            }
            portal::Who::SetUp => assert_eq!(answer.status, 404, "{path}"),
            portal::Who::Anyone => assert!(![401, 403, 500].contains(&answer.status), "{path}: {}", answer.status),
        }
        if !path.ends_with("healthz") && !path.ends_with("readyz") {
            let policy = answer.head("content-security-policy").unwrap_or_default();
            // The browser's verifier, where it was built, runs its module.
            let plain = policy.replace("'wasm-unsafe-eval'", "");
            assert!(policy.starts_with("default-src 'none'") && !plain.contains("unsafe"), "{path}: {policy}");
        }
        assert_eq!(answer.head("x-content-type-options"), Some("nosniff"), "{path}");
    }
    assert_eq!(owner.get("/nowhere").status, 404);
}

#[test]
fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
    let (_house, mut owner) = House::set_up();
    for path in ["/", "/account", "/sign-in", "/nowhere"] {
        let page = owner.get(path).body;
        for bad in [" style=", "<style", "onclick", "javascript:", "src=\"http", "href=\"http", "src=\"//"] {
            assert!(!page.contains(bad), "{path}: {bad}");
        }
        let scripts = page.matches("<script").count();
        assert_eq!(scripts, page.matches("<script src=\"/assets/").count(), "{path}");
    }
}

#[test]
fn sessions_are_new_at_every_sign_in_and_end_when_told() {
    let (house, mut owner) = House::set_up();
    let first = owner.cookies["quezao-session"].clone();

    // Fixation: a session that a stranger planted is worth nothing, and is not taken over.
    let mut fixed = house.browser();
    fixed.cookies.insert("quezao-session".into(), "a".repeat(64));
    fixed.get("/sign-in");
    assert_eq!(fixed.post("/sign-in", &[("login", "linwan"), ("password", PASSWORD)]).status, 303);
    let second = fixed.cookies["quezao-session"].clone();
    assert!(second != "a".repeat(64) && second != first);

    // Signing in again leaves no old session behind.
    owner.get("/account");
    assert_eq!(owner.post("/sign-in", &[("login", "linwan"), ("password", PASSWORD)]).status, 303);
    let mut old = house.browser();
    old.cookies.insert("quezao-session".into(), first);
    assert_eq!(old.get("/account").status, 303);

    // One session ends another of the same person, by number.
    let page = owner.get("/account").body;
    let id = page.split("/account/sessions/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    assert_eq!(owner.post(&format!("/account/sessions/{id}/end"), &[]).status, 303);
    assert_eq!(fixed.get("/account").status, 303);
    assert_eq!(owner.post("/account/sessions/999/end", &[]).status, 404);
    assert_eq!(owner.post("/sign-out", &[]).status, 303);
    assert!(!owner.cookies.contains_key("quezao-session"));
    assert_eq!(owner.get("/account").status, 303);
}

#[test]
fn a_form_of_another_site_or_of_another_page_is_refused() {
    let (house, mut owner) = House::set_up();
    owner.get("/account");
    let good = owner.csrf.clone();
    for bad in ["", "0", &"0".repeat(64)] {
        owner.csrf = bad.to_owned();
        assert_eq!(owner.post("/sign-out", &[]).status, 403, "{bad}");
    }
    // A visitor's token is of no use to who has signed in.
    let mut visitor = house.browser();
    visitor.get("/sign-in");
    owner.csrf = visitor.csrf.clone();
    assert_eq!(owner.post("/sign-out", &[]).status, 403);
    owner.csrf = good;
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        owner.heads = vec![(name.into(), value.into())];
        assert_eq!(owner.post("/sign-out", &[]).status, 403, "{name}: {value}");
    }
    owner.heads = vec![("origin".into(), format!("http://{}", house.address))];
    assert_eq!(owner.post("/sign-out", &[]).status, 303);
}

#[test]
fn wrong_passwords_close_the_door_for_a_while() {
    let (house, _owner) = House::set_up();
    assert_eq!(sign_in(&house, PASSWORD).1, 303);
    for _ in 0..5 {
        assert_eq!(sign_in(&house, "wrong horse battery").1, 422);
    }
    // Now even the right one is not looked at, and the page says for how long.
    let mut browser = house.browser();
    browser.get("/sign-in");
    let answer = browser.post("/sign-in", &[("login", "linwan"), ("password", PASSWORD)]);
    assert_eq!(answer.status, 429);
    let wait: u64 = answer.head("retry-after").unwrap().parse().unwrap();
    assert!((1..=31).contains(&wait), "{wait}");
    // A name that nobody has reads like a wrong password.
    let nobody = browser.post("/sign-in", &[("login", "nobody"), ("password", PASSWORD)]);
    assert!(nobody.status == 422 && nobody.body.contains("登录名或密码不对"), "{}", nobody.body);
}

#[test]
fn both_languages_and_both_lights_are_a_link_away() {
    let (house, _owner) = House::set_up();
    let mut browser = house.browser();
    browser.heads = vec![("accept-language".into(), "en-GB,en;q=0.9".into())];
    assert!(browser.get("/sign-in").body.contains("<html lang=\"en\">"));
    let answer = browser.get("/preferences?lang=zh&theme=dark&back=%2Fsign-in");
    assert_eq!((answer.status, answer.head("location")), (303, Some("/sign-in")));
    let page = browser.get("/sign-in").body;
    assert!(page.contains("<html lang=\"zh-CN\" data-theme=\"dark\">"), "{page}");
    let answer = browser.get("/preferences?lang=xx&back=%2F%2Fevil.example");
    assert_eq!(answer.head("location"), Some("/"));
    assert!(answer.head("set-cookie").is_none());
    // After signing in one is where one was going, and nowhere else.
    browser.get("/sign-in");
    let answer = browser.post("/sign-in", &[("login", "linwan"), ("password", PASSWORD), ("next", "//evil.example")]);
    assert_eq!((answer.status, answer.head("location")), (303, Some("/")));
}

#[test]
fn heads_and_bodies_are_bounded() {
    let (house, mut owner) = House::set_up();
    owner.get("/account");
    let huge = "x".repeat(70 << 10);
    assert!([413, 422, 0].contains(&owner.post("/sign-in", &[("login", &huge)]).status));
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let body = format!("csrf={}&login=a&login=b", owner.csrf);
    assert_eq!(owner.send("POST", "/sign-in", &kind, body.as_bytes()).status, 422, "a field twice");
    let body = format!("csrf={}&login=%00", owner.csrf);
    assert_eq!(owner.send("POST", "/sign-in", &kind, body.as_bytes()).status, 422, "a NUL");
    assert_eq!(owner.send("POST", "/sign-in", &[("content-type", "text/plain")], b"x").status, 422);
    // A head without end is cut off; so is one that comes a byte at a time.
    let mut stream = TcpStream::connect(house.address).unwrap();
    let _ = stream.write_all(format!("GET / HTTP/1.1\r\nx: {}\r\n", "y".repeat(200 << 10)).as_bytes());
    assert!([0, 431].contains(&read(stream).status));
    let mut stream = TcpStream::connect(house.address).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n").unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let begun = Instant::now();
    let status = read(stream).status;
    assert!([0, 408].contains(&status) && begun.elapsed() < Duration::from_secs(55), "{status}");
    assert_eq!(owner.get("/healthz").body, "ok\n");
}
