//! An identity provider: a name that it establishes stands on certificates with its word; whatever else it does is said, and
//! stops nothing.

use crate::{
    HAITANG, ZHOU,
    house::{Browser, House, program, token},
    merchant, register, until,
};
use std::{fs, time::Duration};
use testkit::provider::{KEY, Provider, Reply};

/// A portal that asks this provider.
fn house(provider: &Provider) -> (House, Browser) {
    let work = tempfile::tempdir().unwrap();
    fs::write(work.path().join("provider.key"), format!("{KEY}\n")).unwrap();
    let mut command = program(&work);
    command
        .env("QUEZAO_IDENTITY_PROVIDER", &provider.url)
        .env("QUEZAO_IDENTITY_NAME", "示例核验有限公司")
        .env("QUEZAO_IDENTITY_KEY_FILE", work.path().join("provider.key"));
    House::set_up_by(work, command, &["--sign-up", "open"])
}

fn ask(merchant: &mut Browser) {
    merchant.get("/account/identity");
    let answer = merchant.post("/account/identity/provider", &[]);
    assert_eq!(answer.status, 303, "{}", answer.body);
}

/// The page of who one is, once it says this.
fn says(merchant: &mut Browser, words: &str) -> String {
    until(|| Some(merchant.get("/account/identity").body).filter(|page| page.contains(words)))
}

#[test]
fn a_name_that_a_provider_establishes_stands_on_certificates_as_its_word() {
    let provider = Provider::new(&[Reply::Say("pending"), Reply::Status(503), Reply::Say("verified")]);
    let (house, mut operator) = house(&provider);
    let mut one = merchant(&house, HAITANG, "haitang");
    register(&mut one, "before.txt", b"before");
    let page = one.get("/account/identity").body;
    assert!(page.contains("示例核验有限公司") && page.contains("不发送证照"), "{page}");
    ask(&mut one);
    says(&mut one, "对方正在核验");
    assert_eq!(one.post("/account/identity/provider", &[]).status, 422, "one question at a time");
    // Waiting blocks nothing.
    register(&mut one, "meanwhile.txt", b"meanwhile");
    // The rests between tries are a minute; a clock that has gone on makes it due.
    let due = || {
        let code = "import sqlite3; d = sqlite3.connect('data/quezao.db', timeout=30); d.execute('UPDATE identity_checks SET due_at = 0'); d.commit()";
        let run = std::process::Command::new("python3").current_dir(house.work.path()).args(["-c", code]).status();
        assert!(run.unwrap().success());
    };
    for tries in 2..=3 {
        due();
        until(|| (provider.heard().len() >= tries).then_some(()));
    }
    let page = says(&mut one, "企业登记信息比对");
    assert!(page.contains("已核实") && !page.contains("action=\"/account/identity/provider\""), "{page}");
    // The same question under the same name, with nothing more in it than is to be compared.
    let heard = provider.heard();
    assert!(heard.iter().all(|q| q.request == heard[0].request && q.body == heard[0].body), "{heard:?}");
    let sent: serde_json::Value = serde_json::from_str(&heard[0].body).unwrap();
    let keys: Vec<&String> = sent.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["kind", "name", "number", "request"]);
    assert_eq!((sent["name"].as_str(), sent["number"].as_str()), (Some(HAITANG[1]), Some(HAITANG[2])));
    assert_eq!(one.post("/account/identity/provider", &[]).status, 422, "established");

    // Earlier and later packages carry it; reader and certificate say whose word it is, and how.
    register(&mut one, "after.txt", b"after");
    let bearer = format!("Bearer {}", token(&mut one, &["read"]));
    let list = one.send("GET", "/api/v1/records", &[("authorization", &bearer)], &[]).body;
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    let records = list["records"].as_array().unwrap();
    for name in ["before.txt", "meanwhile.txt", "after.txt"] {
        let record =
            records.iter().find(|r| r["file"] == name || r["title"] == name).unwrap_or_else(|| panic!("{list}"));
        let id = record["id"].as_str().unwrap();
        let package = until(|| {
            let answer = one.get(&format!("/deposits/{id}/package.zip"));
            (answer.status == 200).then_some(answer.bytes)
        });
        fs::write(house.work.path().join("p.zip"), package).unwrap();
        fs::write(house.work.path().join(name), name.split('.').next().unwrap()).unwrap();
        let run = house
            .command()
            .args(["verify", "--trust", "data/trust", "p.zip", name])
            .env("LC_ALL", "zh_CN.UTF-8")
            .output();
        let said = String::from_utf8_lossy(&run.unwrap().stdout).into_owned();
        assert!(
            said.contains("通过“示例核验有限公司”核实了存证主体名称") && said.contains("企业登记信息比对"),
            "{name}: {said}"
        );
    }
    // The operator sees it, and nobody's log has the number.
    assert!(operator.get("/operator/merchants/2").body.contains("企业登记信息比对"));
    assert!(one.get("/account/audit").body.contains("核验方核实了名称"));
    assert!(!house.log().contains(HAITANG[2]), "{}", house.log());
}

#[test]
fn whatever_else_a_provider_answers_is_said_and_stops_nothing() {
    let provider = Provider::new(&[Reply::Status(400)]);
    let (house, mut operator) = house(&provider);
    let mut one = merchant(&house, HAITANG, "haitang");
    ask(&mut one);
    says(&mut one, "核验方回答 HTTP 400");
    says(&mut one, "查询失败");
    // Refused, and unclear: ended, and the operator can still be asked.
    provider.becomes(&[Reply::Say("refused")]);
    ask(&mut one);
    let page = says(&mut one, "名称与号码不一致");
    assert!(page.contains("action=\"/account/identity/documents\""), "{page}");
    provider.becomes(&[Reply::Other("福州海堂文化有限公司")]);
    ask(&mut one);
    says(&mut one, "答复说的是另一个名称");
    provider.becomes(&[Reply::Say("unclear")]);
    ask(&mut one);
    until(|| (one.get("/account/identity").body.contains("没有明确结果") && provider.heard().len() == 4).then_some(()));
    ask(&mut one);
    until(|| (provider.heard().len() == 5).then_some(()));
    until(|| (one.post("/account/identity/provider", &[]).body.contains("24 小时内已核验过 5 次")).then_some(()));
    assert!(operator.get("/operator/merchants/2").body.contains("没有明确结果"));

    // What cannot be believed is no answer: nothing is established, it waits, and is asked again.
    let mut two = merchant(&house, ZHOU, "zhou");
    for (reply, words) in [
        (Reply::Forged, "签名不对"),
        (Reply::Replayed, "答的是另一个问题"),
        (Reply::Huge, "过长"),
        (Reply::Garbage, "不是 JSON"),
        (Reply::Say("perhaps"), "不在约定之中"),
        (Reply::Slow(Duration::from_millis(200)), "没有应答"),
    ] {
        provider.becomes(std::slice::from_ref(&reply));
        let heard = provider.heard().len();
        if words == "签名不对" {
            ask(&mut two);
        }
        let code = "import sqlite3; d = sqlite3.connect('data/quezao.db', timeout=30); d.execute(\"UPDATE identity_checks SET due_at = 0, tries = 1 WHERE state = 'waiting'\"); d.commit()";
        let run = std::process::Command::new("python3").current_dir(house.work.path()).args(["-c", code]).status();
        assert!(run.unwrap().success());
        until(|| (provider.heard().len() > heard).then_some(()));
        let page = says(&mut two, words);
        assert!(page.contains("等待查询") && page.contains("自行申报"), "{reply:?}: {page}");
    }
    register(&mut two, "a.txt", b"a");
    assert!(!house.log().contains(ZHOU[2]) && !operator.get("/operator/merchants/3").body.contains(ZHOU[2]));

    // No provider any more: what waits has failed, and says so.
    let (work, _) = house.stop();
    let house = House::open_with(work, &["--sign-up", "open"]);
    two.address = house.address;
    says(&mut two, "已不再接入核验方");
    two.get("/account/identity");
    assert_eq!(two.post("/account/identity/provider", &[]).status, 404);
}
