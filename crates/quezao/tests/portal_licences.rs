//! Licences on the portal's pages: chosen, previewed, recorded, shown, ended; and what is refused.
#![allow(clippy::unwrap_used)]

mod desk;
mod house;

use house::{Browser, House};
use serde_json::Value;
use std::fs;
use testkit::tsa::Second;

const KIND: (&str, &str) = ("content-type", "multipart/form-data; boundary=edge");

/// Blocks of any colour, as a JPEG: each shade another picture.
fn picture(shade: u8) -> Vec<u8> {
    let colour = |n: u32| (n.wrapping_mul(2_654_435_761).wrapping_add(u32::from(shade) * 40_503) >> 9) as u8;
    let block = |x: u32, y: u32| (x / 25) + 31 * (y / 20);
    let pixel = |x: u32, y: u32| image::Rgb([block(x, y), block(x, y) + 977, block(x + 7, y)].map(colour));
    let mut jpeg = Vec::new();
    let picture: image::DynamicImage = image::RgbImage::from_fn(300, 200, pixel).into();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 90).encode_image(&picture).unwrap();
    jpeg
}

/// A registered picture: its number.
fn register(browser: &mut Browser, title: &str, shade: u8) -> String {
    let jpeg = picture(shade);
    let mut body =
        format!("--edge\r\ncontent-disposition: form-data; name=\"title\"\r\n\r\n{title}\r\n--edge\r\n").into_bytes();
    body.extend(b"content-disposition: form-data; name=\"files\"; filename=\"a.jpg\"\r\n\r\n");
    body.extend(jpeg);
    body.extend(b"\r\n--edge--\r\n");
    browser.get("/register");
    let csrf = browser.csrf.clone();
    let heads = [KIND, ("accept", "application/json"), ("x-csrf", csrf.as_str())];
    let answer = browser.send("POST", "/register", &heads, &body);
    let lines: Value = serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{}", answer.body));
    lines[0]["id"].as_str().unwrap_or_else(|| panic!("{lines}")).to_owned()
}

/// Fields of a form, with these pictures ticked.
fn fields<'a>(picks: &'a [String], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let picks = picks.iter().map(|pick| (pick.as_str(), "on"));
    picks.chain(more.iter().copied()).collect()
}

fn license(browser: &mut Browser, picks: &[String], more: &[(&str, &str)]) -> String {
    browser.get("/licences/new");
    let mut form = fields(picks, more);
    form.push(("act", "record"));
    let made = browser.post("/licences/new", &form);
    assert_eq!(made.status, 303, "{}", made.body);
    made.head("location").unwrap().rsplit('/').next().unwrap().to_owned()
}

/// A licence's page, once there is a seal over it and over what was recorded about it.
fn sealed(browser: &mut Browser, id: &str) -> String {
    for _ in 0..600 {
        let page = browser.get(&format!("/licences/{id}")).body;
        let waits = page.contains("等待封存") || browser.get("/library?state=waiting").body.contains("pick-");
        if !waits {
            return page;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("no seal over {id}");
}

#[test]
fn a_licence_is_chosen_looked_at_recorded_and_ended() {
    let (house, mut owner) = House::set_up();
    let ids = [register(&mut owner, "漆碗", 20), register(&mut owner, "漆盘", 90)];
    let picks: Vec<String> = ids.iter().map(|id| format!("pick-{id}")).collect();
    // From the library's ticks to the form.
    owner.get("/library");
    let form = owner.post("/library/chosen", &[("act", "license"), (&picks[0], "on"), (&picks[1], "on")]);
    assert!(
        form.status == 200 && form.body.contains("漆碗") && form.body.contains("name=\"licensee\""),
        "{}",
        form.body
    );
    assert_eq!(form.body.matches(" checked").count(), 2, "what was ticked is ticked");
    // Found by a search, without a script.
    let found = owner.post("/licences/new", &[("act", "find"), ("q", "漆盘"), ("licensee", "丙店")]);
    assert!(found.body.contains(&picks[1]) && found.body.contains("value=\"丙店\""), "{}", found.body);

    let terms = [
        ("licensee", "苏州漆里家居有限公司"),
        ("shop", "天猫 漆里旗舰店"),
        ("urls", "https://shop.example/c/*\r\nbücher.example"),
        ("until", "2099-12-31"),
        ("scope", "商品详情页"),
    ];
    let preview = owner.post("/licences/new", &fields(&picks, &terms));
    assert_eq!(preview.status, 200, "{}", preview.body);
    for part in ["还没有记录任何东西", "漆碗", "商品详情页", "实际比较的主机名：xn--bcher-kva.example", "2099-12-31"]
    {
        assert!(preview.body.contains(part), "{part} in {}", preview.body);
    }
    assert!(owner.get("/licences").body.contains("还没有许可"), "a preview records nothing");
    let id = license(&mut owner, &picks, &terms);
    let again = license(&mut owner, &picks, &terms);
    assert_eq!(id, again, "a second press of the button is the same licence");

    let page = sealed(&mut owner, &id);
    for part in ["苏州漆里家居有限公司", "有效", "对方未确认", "漆盘", "https://shop.example/c/*", "许可证书"]
    {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(owner.get("/licences").body.contains("苏州漆里家居有限公司"));
    let picture = owner.get(&format!("/deposits/{}", ids[0])).body;
    assert!(picture.contains(&format!("/licences/{id}")), "a picture's page names its licences");
    // The certificate holds by itself, drawn again too.
    let pdf = owner.get(&format!("/deposits/{id}/certificate.pdf?lang=zh"));
    assert_eq!(pdf.status, 200, "{}", pdf.body);
    fs::write(house.work.path().join("l.pdf"), &pdf.bytes).unwrap();
    let verified =
        house.command().args(["verify", "--render", "--trust", "data/trust", "--json", "l.pdf"]).output().unwrap();
    let verdict: Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!(verified.status.code(), Some(0), "{verdict}");
    let of = |id: &str| verdict["checks"].as_array().unwrap().iter().find(|c| c["id"] == id).unwrap()["result"].clone();
    assert_eq!(
        (of("named"), of("certificate-signature"), of("printed-page")),
        ("pass".into(), "pass".into(), "limited".into())
    );

    // Ended, once.
    let end = format!("/licences/{id}/end");
    assert_eq!(owner.post(&end, &[("reason", "合同解除")]).status, 422, "not without the tick");
    assert_eq!(owner.post(&end, &[("from", "soon"), ("sure", "yes")]).status, 422);
    assert_eq!(owner.post(&end, &[("reason", "合同解除"), ("sure", "yes")]).status, 303);
    assert_eq!(owner.post(&end, &[("sure", "yes")]).status, 409, "it has ended");
    let page = sealed(&mut owner, &id);
    assert!(page.contains("已终止") && page.contains("合同解除") && page.contains("终止证书"), "{page}");
    assert!(!page.contains("name=\"sure\""), "nothing more to end");
    let ended = page
        .split("/deposits/")
        .filter_map(|p| p.split('/').next())
        .find(|other| other.len() == 36 && **other != id && !ids.iter().any(|i| i == other));
    let ended = ended.unwrap().to_owned();
    let pdf = owner.get(&format!("/deposits/{ended}/certificate.pdf?lang=en"));
    fs::write(house.work.path().join("e.pdf"), &pdf.bytes).unwrap();
    let verified = house.command().args(["verify", "--trust", "data/trust", "e.pdf"]).output().unwrap();
    assert_eq!(verified.status.code(), Some(0), "{}", String::from_utf8_lossy(&verified.stdout));
    let log = owner.get("/account/audit").body;
    assert!(log.contains(&id), "{log}");
}

#[test]
fn what_cannot_be_licensed_is_refused_beside_its_field() {
    let (house, mut owner) = House::set_up();
    let pick = format!("pick-{}", register(&mut owner, "漆碗", 20));
    owner.get("/licences/new");
    let stray = "019abcde-0000-7000-8000-000000000000";
    for (more, says) in [
        (vec![("licensee", "")], "没有写明被许可方"),
        (vec![("licensee", "丙"), ("from", "2026-03-02"), ("until", "2026-03-01")], "早于第一天"),
        (vec![("licensee", "丙"), ("urls", "*")], "主机名"),
        (vec![("licensee", "丙"), ("urls", "*.com.cn")], "公共后缀"),
        (vec![("licensee", "丙"), ("urls", "https://a@b.example/")], "空白、? # @"),
        (vec![("licensee", "丙"), ("pictures", stray)], stray),
        (vec![("licensee", "丙"), ("whole-shop", "77")], "没有这家店铺"),
        (vec![("licensee", "丙\u{202e}乙")], "被许可方名称"),
    ] {
        for act in ["preview", "record"] {
            let mut form = vec![(pick.as_str(), "on"), ("act", act)];
            form.extend(more.iter().copied());
            let answer = owner.post("/licences/new", &form);
            assert!(answer.status == 422 && answer.body.contains(says), "{says}: {} {}", answer.status, answer.body);
            assert!(answer.body.contains(&pick), "what was chosen is still chosen");
        }
    }
    let nothing = owner.post("/licences/new", &[("licensee", "丙"), ("act", "record")]);
    assert!(nothing.status == 422 && nothing.body.contains("没有写明许可哪些图片"), "{}", nothing.body);
    assert!(owner.get("/licences").body.contains("还没有许可"), "nothing was recorded");
    // Letters that look like others are told before it is recorded, not refused.
    let odd = owner.post("/licences/new", &[(pick.as_str(), "on"), ("licensee", "Аcme")]);
    assert!(odd.status == 200 && odd.body.contains("U+0410"), "{}", odd.body);
    drop(house);
}

#[test]
fn more_than_one_licence_can_name_become_a_collection_first() {
    let (_house, mut owner) = House::set_up();
    owner.get("/account/shops");
    let shop = [("platform", "天猫"), ("shop", "漆里"), ("url", "https://shop.example/")];
    assert!(owner.post("/account/shops", &shop).status < 400);
    let page = owner.get("/account/shops").body;
    let number = page.split("/account/shops/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let ids: Vec<String> = (0..18).map(|n| register(&mut owner, &format!("图{n}"), 10 + n * 13)).collect();
    for id in &ids {
        owner.get(&format!("/deposits/{id}"));
        assert!(owner.post(&format!("/deposits/{id}/shops"), &[("shop", &number)]).status < 400);
    }
    owner.get("/licences/new");
    let form = [("whole-shop", number.as_str()), ("licensee", "丙店")];
    let preview = owner.post("/licences/new", &form).body;
    assert!(preview.contains("共 18 项") && preview.contains("1 份合集"), "{preview}");
    let id = license(&mut owner, &[], &form);
    let page = owner.get(&format!("/licences/{id}")).body;
    assert!(page.contains("合集") && page.contains("1 项登记"), "{page}");
    // A picture in the collection is told of the licence too.
    assert!(owner.get(&format!("/deposits/{}", ids[7])).body.contains(&format!("/licences/{id}")));
    assert_eq!(license(&mut owner, &[], &form), id, "the same list and terms again are the same licence");
}

/// The day until which a licence's page offers a link.
fn last_day(browser: &mut Browser, id: &str) -> String {
    let page = browser.get(&format!("/licences/{id}")).body;
    page.split("name=\"until\" value=\"").nth(1).unwrap_or_else(|| panic!("{page}"))[..10].to_owned()
}

/// Makes a link on a licence's page: its token.
fn link(browser: &mut Browser, id: &str) -> String {
    let until = last_day(browser, id);
    let made = browser.post(&format!("/licences/{id}/links"), &[("until", &until)]);
    assert_eq!(made.status, 200, "{}", made.body);
    made.body.split("/confirm/").nth(1).unwrap()[..64].to_owned()
}

#[test]
fn a_licensee_confirms_by_a_link_once() {
    let (house, mut owner) = House::set_up();
    let pick = [format!("pick-{}", register(&mut owner, "漆碗", 20))];
    let terms = [("licensee", "丙店"), ("urls", "https://shop.example/c/*"), ("scope", "商品详情页")];
    let id = license(&mut owner, &pick, &terms);
    for until in ["", "2020-01-01", "2099-01-01", "soon"] {
        assert_eq!(owner.post(&format!("/licences/{id}/links"), &[("until", until)]).status, 422, "{until}");
    }
    let (first, second) = (link(&mut owner, &id), link(&mut owner, &id));
    // Nobody who signs in is needed, and what is shown is what is recorded.
    let mut licensee = house.browser();
    let page = licensee.get(&format!("/confirm/{first}"));
    assert_eq!((page.status, page.head("x-robots-tag").is_some()), (200, true));
    for part in ["丙店", "商品详情页", "https://shop.example/c/*", "漆碗", "林晚", "不经核对"] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    assert_eq!(licensee.get(&format!("/confirm/{first}/picture/1.jpg")).head("content-type"), Some("image/jpeg"));
    assert_eq!(licensee.get(&format!("/confirm/{first}/picture/2.jpg")).status, 404);
    assert_eq!(licensee.get(&format!("/confirm/{first}/package.zip")).status, 404, "not before the confirmation");
    let (at, long) = (format!("/confirm/{first}"), "丙".repeat(201));
    for (fields, says) in [
        (vec![("name", ""), ("read", "yes")], "请填写你的名称"),
        (vec![("name", "丙")], "请勾选"),
        (vec![("name", "丙\u{202e}"), ("read", "yes")], "名称"),
        (vec![("name", &long), ("read", "yes")], "不超过 200 个字"),
    ] {
        let answer = licensee.post(&at, &fields);
        assert!(answer.status == 422 && answer.body.contains(says), "{says}: {}", answer.body);
    }
    let strange = "ab".repeat(32);
    assert_eq!(licensee.post(&format!("/confirm/{strange}"), &[("name", "丙"), ("read", "yes")]).status, 404);

    // Two at once, by both links: one record.
    let fields = [("name", "丙店有限公司"), ("code", "91320508MA1EXMPL3K"), ("read", "yes")];
    let answers = race(&[&first, &second, &first], |token| {
        let mut racer = house.browser();
        racer.get(&format!("/confirm/{token}"));
        racer.post(&format!("/confirm/{token}"), &fields).status
    });
    assert_eq!(answers, [303, 409, 409]);
    let page = sealed(&mut owner, &id);
    assert!(page.contains("丙店有限公司") && page.contains("确认证书"), "{page}");
    assert!(!page.contains(&format!("action=\"/licences/{id}/links\"")), "nothing more to confirm");
    let used: Vec<u16> =
        [&first, &second].map(|token| licensee.get(&format!("/confirm/{token}/package.zip")).status).into();
    assert_eq!(used.iter().filter(|s| **s == 200).count(), 1, "the link that was used gives the papers: {used:?}");
    let (mut won, mut lost) = (&first, &second);
    if used[0] != 200 {
        std::mem::swap(&mut won, &mut lost);
    }
    let pdf = licensee.get(&format!("/confirm/{won}/certificate.pdf?lang=zh"));
    fs::write(house.work.path().join("c.pdf"), &pdf.bytes).unwrap();
    let verified = house.command().args(["verify", "--trust", "data/trust", "--json", "c.pdf"]).output().unwrap();
    let verdict: Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!(verified.status.code(), Some(0), "{verdict}");
    assert!(verdict["shows"].to_string().contains("丙店有限公司（91320508MA1EXMPL3K）"), "{verdict}");
    let log = owner.get("/account/audit").body;
    assert!(log.contains(&id) && !log.contains(won.as_str()), "the log has the licence and no token");

    // Taken back: 410, also for the papers; one that never was is not found.
    let page = owner.get(&format!("/licences/{id}")).body;
    for end in page.split("action=\"").filter_map(|p| p.split('"').next()).filter(|p| p.contains("/links/")) {
        assert_eq!(owner.post(end, &[]).status, 303);
    }
    // Pages are opened as seldom as a password may be tried, so not every part of both.
    for part in ["", "/package.zip", "/picture/1.jpg"] {
        assert_eq!(licensee.get(&format!("/confirm/{won}{part}")).status, 410, "{part}");
    }
    assert_eq!(licensee.get(&format!("/confirm/{strange}/picture/1.jpg")).status, 404);
    // Nothing in the folder opens the link again.
    let database = fs::read(house.data().join("quezao.db")).unwrap();
    assert!(!database.windows(64).any(|w| w == won.as_bytes() || w == lost.as_bytes()), "tokens are not kept");
}

#[test]
fn what_has_ended_cannot_be_confirmed() {
    let (house, mut owner) = House::set_up();
    let pick = [format!("pick-{}", register(&mut owner, "漆碗", 20))];
    let id = license(&mut owner, &pick, &[("licensee", "丙店")]);
    let token = link(&mut owner, &id);
    let until = last_day(&mut owner, &id);
    let mut licensee = house.browser();
    licensee.get(&format!("/confirm/{token}"));
    owner.get(&format!("/licences/{id}"));
    assert_eq!(owner.post(&format!("/licences/{id}/end"), &[("sure", "yes")]).status, 303);
    let page = licensee.get(&format!("/confirm/{token}")).body;
    assert!(page.contains("已终止") && !page.contains("name=\"read\""), "{page}");
    assert_eq!(licensee.post(&format!("/confirm/{token}"), &[("name", "丙"), ("read", "yes")]).status, 409);
    owner.get(&format!("/licences/{id}"));
    assert_eq!(owner.post(&format!("/licences/{id}/links"), &[("until", &until)]).status, 409);
}

/// Runs `quezao admin tsa` on a folder that no server has open.
fn tsa(work: &tempfile::TempDir, args: &[&str]) {
    let done = house::program(work).args(["admin", "tsa"]).args(args).args(["--data", "data"]).output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// The portal over that folder, and its owner, signed in.
fn opened_again(work: tempfile::TempDir) -> (House, Browser) {
    let house = House::open(work);
    let mut owner = house.browser();
    owner.get("/sign-in");
    assert_eq!(owner.post("/sign-in", &[("login", "linwan"), ("password", house::PASSWORD)]).status, 303);
    (house, owner)
}

#[test]
fn while_no_authority_stamps_a_licence_is_recorded_confirmed_and_ended_once() {
    let (house, mut owner) = House::set_up();
    let pick = [format!("pick-{}", register(&mut owner, "漆碗", 20))];
    let id = license(&mut owner, &pick, &[("licensee", "丙店")]);
    let tokens = [link(&mut owner, &id), link(&mut owner, &id)];
    let (work, _) = house.stop();
    let second = Second::new();
    second.away(true);
    tsa(&work, &["add", "second", "--url", &second.server.url, "--root", &second.root(), "--pace", "0"]);
    tsa(&work, &["statements", "external"]);
    let (house, mut owner) = opened_again(work);

    // Recorded: it has its page, stands in the list, and the same again is the same one.
    let terms = [("licensee", "丁店"), ("scope", "海报")];
    let waits = license(&mut owner, &pick, &terms);
    assert_eq!(license(&mut owner, &pick, &terms), waits, "the same list and terms again are the same licence");
    let other = license(&mut owner, &pick, &[("licensee", "丁店"), ("scope", "画册")]);
    assert_ne!(other, waits, "other terms of the same licensee are another one");
    let page = owner.get(&format!("/licences/{waits}"));
    assert!(page.status == 200 && page.body.contains("海报") && page.body.contains("等待封存"), "{}", page.body);
    assert!(!page.body.contains("name=\"sure\"") && !page.body.contains("name=\"until\""), "{}", page.body);
    let list = owner.get("/licences").body;
    assert!(list.matches(&waits).count() == 1 && list.contains(&id), "{list}");
    let (end, links) = (format!("/licences/{waits}/end"), format!("/licences/{waits}/links"));
    let refused = owner.post(&end, &[("sure", "yes")]);
    assert!(refused.status == 409 && refused.body.contains("尚未写入账本"), "{}", refused.body);
    let until = last_day(&mut owner, &id);
    assert_eq!(owner.post(&links, &[("until", &until)]).status, 409, "a link shows what is on the ledger");

    // Confirmed by two links at once, ended by two browsers at once: one record of each.
    let confirmed = race(&[&tokens[0], &tokens[1], &tokens[0]], |token| {
        let mut racer = house.browser();
        racer.get(&format!("/confirm/{token}"));
        racer.post(&format!("/confirm/{token}"), &[("name", "丙店"), ("read", "yes")]).status
    });
    assert_eq!(confirmed, [303, 409, 409]);
    let page = owner.get(&format!("/licences/{id}")).body;
    assert!(page.contains("丙店") && !page.contains(&format!("action=\"/licences/{id}/links\"")), "{page}");
    let ended = race(&[&owner, &owner], |browser| {
        let mut browser = (*browser).clone();
        browser.post(&format!("/licences/{id}/end"), &[("sure", "yes"), ("reason", "合同解除")]).status
    });
    assert_eq!(ended, [303, 409]);
    let page = owner.get(&format!("/licences/{id}")).body;
    assert!(page.contains("已终止") && page.contains("合同解除"), "{page}");
    let refused = owner.get(&format!("/deposits/{id}/certificate.pdf"));
    assert_eq!(refused.status, 409, "no certificate is silent about an end that was given");

    // Stamped after all, and nothing twice.
    let (work, _) = house.stop();
    tsa(&work, &["statements", "embedded"]);
    tsa(&work, &["remove", "second"]);
    let (house, mut owner) = opened_again(work);
    for id in [&waits, &other, &id] {
        sealed(&mut owner, id);
    }
    let lines = house.command().args(["list", "--data", "data", "--json"]).output().unwrap();
    let lines: Vec<Value> =
        String::from_utf8(lines.stdout).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let about = lines.iter().filter(|l| l["file"] == id.as_str()).count();
    assert_eq!((about, lines.len()), (2, 6), "a picture, three licences, a confirmation, an end: {lines:?}");
    owner.get(&format!("/licences/{waits}"));
    assert_eq!(owner.post(&end, &[("sure", "yes")]).status, 303, "what waited can be ended now");
}

/// What came of acts that begin together, in order.
fn race<T: Sync>(racers: &[T], run: impl Fn(&T) -> u16 + Sync) -> Vec<u16> {
    let start = std::sync::Barrier::new(racers.len());
    let mut statuses: Vec<u16> = std::thread::scope(|scope| {
        let racers: Vec<_> = racers
            .iter()
            .map(|racer| {
                let (start, run) = (&start, &run);
                scope.spawn(move || {
                    start.wait();
                    run(racer)
                })
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    statuses.sort_unstable();
    statuses
}

/// A captured page: the number of its record.
fn captured(browser: &mut Browser, url: &str) -> String {
    browser.get("/captures");
    let asked = browser.post("/captures", &[("urls", url), ("purpose", "other")]);
    assert!(asked.status < 400, "{}", asked.body);
    for _ in 0..1200 {
        let page = browser.get("/captures").body;
        let newest =
            page.split("/captures/").filter_map(|p| p.split(['"', '#', '/']).next()?.parse::<u64>().ok()).max();
        let page = browser.get(&format!("/captures/{}", newest.unwrap())).body;
        if let Some(id) = page.split("/deposits/").nth(1).map(|p| &p[..36]) {
            return id.to_owned();
        }
        assert!(!page.contains("未取得页面"), "{page}");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("no capture of {url}");
}

/// Text of a comparison's certificate, its spaces left out, and hyphens, which stand at ends of lines too.
fn printed(house: &House, browser: &mut Browser, id: &str, lang: &str) -> String {
    let mut pdf = browser.get(&format!("/deposits/{id}/certificate.pdf?lang={lang}"));
    for _ in 0..300 {
        if pdf.status != 409 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
        pdf = browser.get(&format!("/deposits/{id}/certificate.pdf?lang={lang}"));
    }
    assert_eq!(pdf.status, 200, "{}", pdf.body);
    let path = house.work.path().join(format!("{id}.pdf"));
    fs::write(&path, &pdf.bytes).unwrap();
    let text = std::process::Command::new("pdftotext").arg(&path).arg("-").output().unwrap();
    String::from_utf8(text.stdout).unwrap().split(|c: char| c.is_whitespace() || c == '-').collect()
}

#[test]
fn a_real_capture_of_a_licensees_page_says_until_when_it_is_licensed() {
    if !desk::possible() {
        return;
    }
    let jpeg = picture(20);
    let shown = jpeg.clone();
    let page = "<!doctype html><title>shop</title><h1>A bowl for the table</h1><p>Price 199, sold 1,024, \
                sent anywhere.</p><img src=/bowl.jpg width=300 height=200>";
    let site = desk::site(move |path| match path {
        "/bowl.jpg" => desk::answer("image/jpeg", &shown),
        _ => desk::answer("text/html", page.as_bytes()),
    });
    let shop = format!("127.0.0.1:{site}");
    let (house, mut owner) = House::set_up_with(&["--allow-loopback", &shop]);
    let pick = [format!("pick-{}", register(&mut owner, "漆碗", 20))];
    let pattern = format!("http://{shop}/c/*");
    let terms = [("licensee", "丙店"), ("urls", pattern.as_str()), ("until", "2099-12-31")];
    let id = license(&mut owner, &pick, &terms);
    sealed(&mut owner, &id);
    let compared = |owner: &mut Browser, path: &str| {
        let capture = captured(owner, &format!("http://{shop}{path}"));
        owner.get(&format!("/deposits/{capture}/capture"));
        let made = owner.post(&format!("/deposits/{capture}/compare"), &[]);
        let to = made.head("location").unwrap_or_else(|| panic!("{}", made.body)).to_owned();
        to.trim_start_matches("/deposits/").to_owned()
    };
    let (theirs, elsewhere) = (compared(&mut owner, "/c/bowl"), compared(&mut owner, "/d/bowl"));
    for (comparison, says, prints) in [
        (
            &theirs,
            format!("已许可“丙店”使用至 2099-12-31；网址相符（{pattern}）；涉及第 1 对（许可 {id}）"),
            "Licensedto\"丙店\"until20991231;itspattern",
        ),
        (
            &elsewhere,
            format!("已许可“丙店”使用至 2099-12-31；所写网址不含本页；涉及第 1 对（许可 {id}）"),
            "itsaddressesdonotcoverthispage",
        ),
    ] {
        let page = owner.get(&format!("/deposits/{comparison}")).body;
        assert!(page.contains(&says) && page.contains(&format!("/licences/{id}")), "{says} in {page}");
        assert!(page.contains("不是侵权认定"), "{page}");
        let (zh, en) = (printed(&house, &mut owner, comparison, "zh"), printed(&house, &mut owner, comparison, "en"));
        let squeezed: String = says.split([' ', '-']).collect();
        assert!(zh.contains(&squeezed), "{squeezed} in {zh}");
        assert!(en.replace(['“', '”', '‘', '’'], "\"").contains(prints), "{prints} in {en}");
    }
    // A stranger reads the same of it.
    let package = owner.get(&format!("/deposits/{theirs}/package.zip"));
    fs::write(house.work.path().join("t.zip"), &package.bytes).unwrap();
    let verified = house.command().args(["verify", "--trust", "data/trust", "--json", "t.zip"]).output().unwrap();
    let verdict: Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!(verified.status.code(), Some(0), "{verdict}");
    let told = "1 licences that speak of the page or of these pictures, 1 of which stood on the day of the capture";
    assert!(verdict.to_string().contains(told), "{verdict}");

    // Ended: what is captured after that says so, what was compared before stays as it was.
    owner.get(&format!("/licences/{id}"));
    assert_eq!(owner.post(&format!("/licences/{id}/end"), &[("sure", "yes"), ("reason", "合同解除")]).status, 303);
    sealed(&mut owner, &id);
    let after = compared(&mut owner, "/c/bowl");
    let page = owner.get(&format!("/deposits/{after}")).body;
    assert!(page.contains("对“丙店”的许可已自") && !page.contains("已许可“丙店”"), "{page}");
    assert!(owner.get(&format!("/deposits/{theirs}")).body.contains("已许可“丙店”使用至 2099-12-31"));
}
