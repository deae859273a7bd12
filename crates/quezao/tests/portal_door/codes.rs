//! Codes beside the password, another password, and the operator's way back in.

use crate::{
    house::{Answer, Browser, House, PASSWORD},
    python, text,
};

/// RFC 6238 by Python's own HMAC: the code of a step of time.
fn code(house: &House, secret: &str, step: i64) -> String {
    let program = "import base64,hashlib,hmac,struct,sys\n\
        d=hmac.new(base64.b32decode(sys.argv[1]),struct.pack('>q',int(sys.argv[2])),hashlib.sha1).digest()\n\
        o=d[19]&15\n\
        print('%06d'%((struct.unpack('>I',d[o:o+4])[0]&0x7fffffff)%1000000))";
    python(house.work.path(), program, &[secret, &step.to_string()])
}

fn step() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs() / 30).unwrap()
}

fn sign_in(house: &House, password: &str) -> (Browser, Answer) {
    let mut browser = house.browser();
    browser.get("/sign-in");
    let fields = [("login", "linwan"), ("password", password), ("next", "/account")];
    let answer = browser.post("/sign-in", &fields);
    (browser, answer)
}

/// Has codes asked for; the secret, the step of the code that showed it, and the recovery codes.
fn enrol(house: &House, owner: &mut Browser) -> (String, i64, Vec<String>) {
    let page = owner.get("/account/codes").body;
    assert!(page.contains("<svg") && page.contains("viewBox"), "{page}");
    let typed = page.split("class=\"mono\">").nth(1).unwrap().split('<').next().unwrap();
    let secret: String = typed.chars().filter(|c| *c != ' ').collect();
    assert_eq!(secret.len(), 32, "{typed}");
    let again = owner.get("/account/codes").body;
    assert!(again.contains(typed), "the page loaded again shows the same secret");
    let with = |password, code| [("password", password), ("code", code)];
    // Neither a wrong code nor a wrong password switches anything on.
    let wrong = owner.post("/account/codes", &with(PASSWORD, "000000"));
    assert!(wrong.status == 422 && wrong.body.contains("id=\"e-code\""), "{}", wrong.body);
    let right = code(house, &secret, step());
    let wrong = owner.post("/account/codes", &with("wrong horse battery", right.as_str()));
    assert!(wrong.status == 422 && wrong.body.contains("id=\"e-password\""), "{}", wrong.body);
    let now = step();
    let made = owner.post("/account/codes", &with(PASSWORD, &code(house, &secret, now)));
    assert_eq!(made.status, 200, "{}", made.body);
    let recovery: Vec<String> =
        made.body.split("class=\"mono\">").skip(1).map(|c| c.split('<').next().unwrap().to_owned()).collect();
    assert!(recovery.len() == 10 && recovery.iter().all(|c| c.len() == 19), "{recovery:?}");
    (secret, now, recovery)
}

#[test]
fn a_code_is_asked_for_and_taken_once() {
    let (house, mut owner) = House::set_up();
    let (secret, first, recovery) = enrol(&house, &mut owner);

    // The password alone opens the page for the code, and nothing else.
    let (mut browser, answer) = sign_in(&house, PASSWORD);
    assert_eq!(answer.head("location"), Some("/sign-in/code?next=%2Faccount"));
    let half = browser.cookies["quezao-session"].clone();
    for closed in ["/account", "/library", "/captures"] {
        assert_eq!(browser.get(closed).status, 303, "{closed}");
    }
    browser.get("/sign-in/code?next=%2Faccount");
    // The code that switched it on was taken, and so was any before it.
    for used in [first, first - 1] {
        let answer = browser.post("/sign-in/code", &[("code", &code(&house, &secret, used)), ("next", "/account")]);
        assert!(answer.status == 422 && answer.body.contains("id=\"e-code\""), "{used}: {}", answer.body);
    }
    let next = code(&house, &secret, first + 1);
    let answer = browser.post("/sign-in/code", &[("code", &next), ("next", "/account")]);
    assert_eq!((answer.status, answer.head("location")), (303, Some("/account")), "{}", answer.body);
    assert_ne!(browser.cookies["quezao-session"], half, "the session is a new one");
    assert_eq!(browser.get("/account").status, 200);
    // Half a session is good once.
    let mut old = house.browser();
    old.get("/sign-in");
    old.cookies.insert("quezao-session".into(), half);
    assert_eq!(old.get("/sign-in/code").head("location"), Some("/sign-in"));
    let answer = old.post("/sign-in/code", &[("code", recovery[9].as_str())]);
    assert_eq!((answer.status, answer.head("location")), (303, Some("/sign-in")));

    // A recovery code stands for a code, once, typed as people type.
    let (mut browser, _) = sign_in(&house, PASSWORD);
    browser.get("/sign-in/code");
    assert_eq!(browser.post("/sign-in/code", &[("code", &next)]).status, 422, "used by another session");
    let typed = recovery[0].to_uppercase().replace('-', " ");
    assert_eq!(browser.post("/sign-in/code", &[("code", &typed)]).status, 303);
    let (mut browser, _) = sign_in(&house, PASSWORD);
    browser.get("/sign-in/code");
    assert_eq!(browser.post("/sign-in/code", &[("code", &recovery[0])]).status, 422, "used");
    assert_eq!(browser.post("/sign-in/code", &[("code", &recovery[1])]).status, 303);

    // Off again, by password and code.
    browser.get("/account/codes");
    assert_eq!(browser.post("/account/codes/end", &[("password", PASSWORD), ("code", "123456")]).status, 422);
    let fields = [("password", PASSWORD), ("code", recovery[2].as_str())];
    assert_eq!(browser.post("/account/codes/end", &fields).status, 303);
    assert_eq!(sign_in(&house, PASSWORD).1.head("location"), Some("/account"));
    // A thief of the database reads no recovery code.
    let database = std::fs::read(house.data().join("quezao.db")).unwrap();
    let log = std::fs::read(house.data().join("quezao.db-wal")).unwrap_or_default();
    let plain = recovery[5].replace('-', "");
    for secret in [plain.clone(), plain.to_uppercase(), recovery[5].clone()] {
        assert!([&database, &log].iter().all(|f| !f.windows(secret.len()).any(|w| w == secret.as_bytes())));
    }
}

#[test]
fn wrong_codes_close_the_name_as_wrong_passwords_do() {
    let (house, mut owner) = House::set_up();
    let (_, _, recovery) = enrol(&house, &mut owner);
    let (mut browser, _) = sign_in(&house, PASSWORD);
    browser.get("/sign-in/code");
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(browser.post("/sign-in/code", &[("code", "000000")]).status);
    }
    assert!(statuses.starts_with(&[422]) && statuses.ends_with(&[429]), "{statuses:?}");
    // Neither the right password nor a right recovery code is looked at now.
    assert_eq!(sign_in(&house, PASSWORD).1.status, 429);
    assert_eq!(browser.post("/sign-in/code", &[("code", &recovery[0])]).status, 429);
}

#[test]
fn another_password_ends_the_other_sessions() {
    let (house, mut owner) = House::set_up();
    let (mut other, _) = sign_in(&house, PASSWORD);
    assert_eq!(other.get("/account").status, 200);
    let before = owner.cookies["quezao-session"].clone();
    owner.get("/account/password");
    let fields = |old, new, again| [("old", old), ("password", new), ("password2", again)];
    const NEW: &str = "staple battery horse";
    for (old, new, again, field) in [
        ("wrong horse battery", NEW, NEW, "e-old"),
        (PASSWORD, "short", "short", "e-password"),
        (PASSWORD, NEW, PASSWORD, "e-password2"),
    ] {
        let answer = owner.post("/account/password", &fields(old, new, again));
        assert!(answer.status == 422 && answer.body.contains(&format!("id=\"{field}\"")), "{field}: {}", answer.body);
    }
    assert_eq!(owner.post("/account/password", &fields(PASSWORD, NEW, NEW)).status, 303);
    assert_ne!(owner.cookies["quezao-session"], before, "this session has another token");
    assert_eq!(owner.get("/account").status, 200);
    assert_eq!(other.get("/account").status, 303, "the other session has ended");
    assert_eq!((sign_in(&house, PASSWORD).1.status, sign_in(&house, NEW).1.status), (422, 303));
}

#[test]
fn the_operator_lets_somebody_in_again() {
    let (house, mut owner) = House::set_up();
    enrol(&house, &mut owner);
    let nobody = house.command().args(["admin", "sign-in", "reset", "nobody", "--data", "data"]).output().unwrap();
    assert_eq!(nobody.status.code(), Some(2), "{}", text(&nobody));
    // Beside the running portal.
    let mut command = house.command();
    let made = command.args(["admin", "sign-in", "reset", "LinWan", "--data", "data", "--json"]).output().unwrap();
    let line: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap_or_else(|_| panic!("{}", text(&made)));
    let address = line["address"].as_str().unwrap();
    let path = &address[address.find("/reset/").unwrap()..];
    let mut browser = house.browser();
    assert_eq!(browser.get(&format!("/reset/{}", "0".repeat(64))).status, 404);
    assert_eq!(browser.get(path).status, 200);
    const NEW: &str = "staple battery horse";
    assert_eq!(browser.post(path, &[("password", "short"), ("password2", "short")]).status, 422);
    assert_eq!(browser.post(path, &[("password", NEW), ("password2", "other")]).status, 422);
    assert_eq!(browser.post(path, &[("password", NEW), ("password2", NEW)]).status, 303);
    assert_eq!(browser.post(path, &[("password", NEW), ("password2", NEW)]).status, 404, "good once");
    assert_eq!(owner.get("/account").status, 303, "sessions have ended");
    assert_eq!(sign_in(&house, NEW).1.head("location"), Some("/account"), "no code is asked for");
}
