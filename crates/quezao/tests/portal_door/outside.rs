//! Letters, signing in by another's word, and by a device: a mail server, an identity provider and a passkey of the test's.

use crate::house::{Browser, House, PASSWORD, program};
use testkit::{openid, passkey::Device, smtp};

fn house(settings: &str) -> (House, Browser) {
    let work = tempfile::tempdir().unwrap();
    std::fs::write(work.path().join("secret"), format!("{}\n", openid::CLIENT.1)).unwrap();
    std::fs::write(work.path().join("settings.toml"), settings).unwrap();
    let command = program(&work);
    House::set_up_by(work, command, &["--config", "settings.toml"])
}

#[test]
fn an_invitation_and_a_way_back_in_go_out_as_letters() {
    let server = smtp::Server::new("nobody");
    let (house, mut owner) =
        house(&format!("[mail]\nserver = \"smtp://{}\"\nfrom = \"鹊凿 <quezao@example.cn>\"\n", server.at));
    owner.get("/account/people");
    let fields = |to| [("name", "陈岚"), ("days", "3"), ("view", "yes"), ("to", to)];
    let page = owner.post("/account/people", &fields("chenlan@example.cn"));
    assert!(page.status == 200 && page.body.contains("已发给 chenlan@example.cn"), "{}", page.body);
    let letter = server.letters().pop().unwrap();
    // Chinese is sent as base64.
    let body: String = letter.split("\r\n\r\n").nth(1).unwrap().split_whitespace().collect();
    let text = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, body).unwrap();
    let text = String::from_utf8(text).unwrap();
    let key = &text.split("/join/").nth(1).expect(&text)[..64];
    assert_eq!(house.browser().get(&format!("/join/{key}")).status, 200, "what was sent opens");
    // What the server does not take is said, and the address is there to be handed over.
    for bad in ["nobody@example.cn", "not an address", "a@b\r\nBcc: c@d"] {
        let page = owner.post("/account/people", &fields(bad));
        assert!(page.status == 200 && page.body.contains("class=\"err\"") && page.body.contains("/join/"), "{bad}");
    }
    owner.get("/operator");
    assert!(owner.post("/operator/reset", &[("login", "linwan"), ("to", "lin@example.cn")]).body.contains("已发给"));
    assert_eq!(server.letters().len(), 2);
}

#[test]
fn who_is_linked_signs_in_by_the_providers_word_and_nobody_else() {
    linked(&openid::Provider::new("lin-1"));
}

/// As most providers sign.
#[test]
fn the_same_by_rs256() {
    linked(&openid::Provider::rs256("lin-1"));
}

fn linked(provider: &openid::Provider) {
    let (house, mut owner) = house(&format!(
        "[openid]\nissuer = \"{}\"\nclient = \"{}\"\nsecret_file = \"secret\"\n",
        provider.issuer,
        openid::CLIENT.0
    ));
    // There, and back with a code: a path of ours.
    let away = |address: &str| {
        let mut there = Browser { address: provider.issuer[7..].parse().unwrap(), ..house.browser() };
        let answer = there.get(&address.replace(&provider.issuer, ""));
        let back = answer.head("location").unwrap().to_owned();
        back.split_once(&house.address.to_string()).unwrap().1.to_owned()
    };
    let sign_in = |browser: &mut Browser| {
        let to = browser.get("/sign-in/openid?next=%2Flibrary").head("location").unwrap().to_owned();
        let back = away(&to);
        (browser.get(&back), back)
    };
    let mut stranger = house.browser();
    assert!(stranger.get("/sign-in").body.contains("/sign-in/openid"));
    let (answer, _) = sign_in(&mut stranger);
    assert!(answer.status == 403 && answer.body.contains("还没有与登录名相连"), "{}", answer.body);

    owner.get("/account/openid");
    assert_eq!(owner.post("/account/openid", &[("password", "wrong horse battery")]).status, 422);
    let page = owner.post("/account/openid", &[("password", PASSWORD)]).body;
    let address = page.split("href=\"").find(|p| p.starts_with(&provider.issuer)).unwrap().split('"').next().unwrap();
    let back = away(&address.replace("&amp;", "&"));
    // Only the browser that left may come back for it, and only once.
    assert_eq!(house.browser().get(&back).status, 403);
    let back = {
        let page = owner.post("/account/openid", &[("password", PASSWORD)]).body;
        let address = page
            .split("href=\"")
            .find(|p| p.starts_with(&provider.issuer))
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned();
        away(&address.replace("&amp;", "&"))
    };
    assert_eq!(owner.get(&back).status, 303);
    assert_eq!(owner.get(&back).status, 403);

    let (answer, _) = sign_in(&mut stranger);
    assert_eq!((answer.status, answer.head("location")), (303, Some("/library")));
    assert!(stranger.get("/account").body.contains("林晚"));
    // Another subject of the same provider is somebody else; so is whoever changes the state.
    provider.becomes("mallory");
    assert_eq!(sign_in(&mut house.browser()).0.status, 403);
    assert_eq!(house.browser().get("/sign-in/openid/back?code=code-1&state=0").status, 403);
    provider.becomes("lin-1");
    owner.get("/account/openid");
    assert_eq!(owner.post("/account/openid/end", &[]).status, 303);
    assert_eq!(sign_in(&mut house.browser()).0.status, 403, "the link was ended");
}

#[test]
fn a_passkey_signs_in_where_its_owner_was_verified() {
    let (house, mut owner) = House::set_up();
    let (origin, host) = (format!("http://{}", house.address), "127.0.0.1");
    let challenge = |page: &str| page.split("data-challenge=\"").nth(1).expect(page)[..43].to_owned();
    let fields = |brought: &[(&'static str, String)]| brought.to_vec();
    let post = |browser: &mut Browser, path: &str, brought: &[(&'static str, String)]| {
        let all: Vec<(&str, &str)> =
            brought.iter().map(|(n, v)| (*n, v.as_str())).chain([("name", "手机"), ("next", "/library")]).collect();
        browser.post(path, &all)
    };
    let mut device = Device::new(7);
    owner.get("/account/passkeys");
    assert_eq!(owner.post("/account/passkeys", &[("password", "wrong horse battery")]).status, 422);
    let asked = challenge(&owner.post("/account/passkeys", &[("password", PASSWORD)]).body);
    // Of another page, another kind, another place, or without verifying its owner, a device's word is none.
    for (challenge, origin, host) in [
        ("A".repeat(43).as_str(), origin.as_str(), host),
        (&asked, "https://evil.example", host),
        (&asked, &origin, "evil.example"),
    ] {
        assert_eq!(post(&mut owner, "/account/passkeys/add", &device.made(challenge, origin, host)).status, 422);
    }
    device.flags = 0x01;
    assert_eq!(post(&mut owner, "/account/passkeys/add", &device.made(&asked, &origin, host)).status, 422);
    device.flags = 0x05;
    let made = device.made(&asked, &origin, host);
    assert_eq!(post(&mut owner, "/account/passkeys/add", &made).status, 303);
    // The password was good for that one: who finds the page open adds no device of his own.
    let mut mallory = Device::new(9);
    let refused = post(&mut owner, "/account/passkeys/add", &mallory.made(&asked, &origin, host));
    assert!(refused.status == 422 && refused.body.contains("请先输入密码"), "{}", refused.body);
    owner.get("/account/passkeys");
    owner.post("/account/passkeys", &[("password", PASSWORD)]);
    assert_eq!(post(&mut owner, "/account/passkeys/add", &made).status, 422, "added before");
    let mut elsewhere = house.browser();
    elsewhere.get("/sign-in");
    assert_eq!(elsewhere.post("/sign-in", &[("login", "linwan"), ("password", PASSWORD)]).status, 303);
    elsewhere.get("/account/passkeys");
    let refused = post(&mut elsewhere, "/account/passkeys/add", &mallory.made(&asked, &origin, host));
    assert!(refused.body.contains("请先输入密码"), "given in another session");
    let page = owner.get("/account/passkeys").body;
    assert!(page.contains("手机") && page.matches("/end\"").count() == 1, "{page}");
    let audit = owner.get("/account/audit").body;
    assert!(audit.contains("添加通行密钥") && !audit.contains("手机"), "the log has numbers alone");

    let mut browser = house.browser();
    let asked = challenge(&browser.get("/sign-in").body);
    let good = device.used(&asked, &origin, host);
    for (n, bad) in [("client", 0), ("device", 1), ("credential", 2), ("signature", 3)].map(|(n, at)| (at, n)) {
        let mut odd = fields(&good);
        odd[n].1 = Device::new(8).used(&"A".repeat(43), &origin, host)[n].1.clone();
        assert_eq!(post(&mut browser, "/sign-in/passkey", &odd).status, 422, "{bad}");
    }
    let answer = post(&mut browser, "/sign-in/passkey", &good);
    assert_eq!((answer.status, answer.head("location")), (303, Some("/library")));
    assert!(browser.get("/account").body.contains("林晚"));
    // The same signature again, and a copy of the device whose count did not go up.
    let mut again = house.browser();
    again.get("/sign-in");
    assert_eq!(post(&mut again, "/sign-in/passkey", &good).status, 422, "another browser's challenge");
    let asked = challenge(&again.get("/sign-in").body);
    device.uses = 1;
    assert_eq!(post(&mut again, "/sign-in/passkey", &device.used(&asked, &origin, host)).status, 422);
    // Ended, it opens nothing.
    let page = owner.get("/account/passkeys").body;
    let end = page.split("action=\"").find(|p| p.starts_with("/account/passkeys/") && p.contains("/end")).unwrap();
    assert_eq!(owner.post(end.split('"').next().unwrap(), &[]).status, 303);
    device.uses = 50;
    assert_eq!(post(&mut again, "/sign-in/passkey", &device.used(&asked, &origin, host)).status, 422);
}
