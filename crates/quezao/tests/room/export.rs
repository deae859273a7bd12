//! One merchant's data as a whole: all of it, and not a byte of another's.

use crate::{
    HAITANG, ZHOU,
    house::{Browser, House, PASSWORD},
    merchant, register,
};
use std::{collections::BTreeMap, fs, process::Command};

/// Every file of a ZIP by name, as Python reads it.
fn unzipped(house: &House, bytes: &[u8]) -> BTreeMap<String, String> {
    let path = house.work.path().join("export.zip");
    fs::write(&path, bytes).unwrap();
    let code = "import sys,zipfile,json,base64\nz=zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\n\
                print(json.dumps({n: base64.b64encode(z.read(n)).decode() for n in z.namelist()}))";
    let run = Command::new("python3").args(["-c", code]).arg(&path).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let all: BTreeMap<String, String> = serde_json::from_slice(&run.stdout).unwrap();
    use base64::{Engine, engine::general_purpose::STANDARD};
    all.into_iter().map(|(n, b)| (n, String::from_utf8_lossy(&STANDARD.decode(b).unwrap()).into_owned())).collect()
}

fn export(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let answer = browser.post(path, fields);
    assert_eq!((answer.status, answer.head("content-type")), (200, Some("application/zip")), "{}", answer.body);
    answer.bytes
}

#[test]
fn an_export_has_all_of_one_account_and_nothing_of_another() {
    let (house, mut operator) = House::set_up_with(&["--sign-up", "open"]);
    let (mut one, mut two) = (merchant(&house, HAITANG, "haitang-login"), merchant(&house, ZHOU, "zhou-login"));
    for (browser, who) in [(&mut one, "haitang"), (&mut two, "zhou")] {
        for n in 0..3 {
            let name = format!("{who}-file-{n}.txt");
            register(browser, &name, name.as_bytes());
        }
        browser.get("/captures");
        browser.post("/captures", &[("urls", &format!("https://{who}-page.example/")), ("purpose", "own")]);
        browser.get("/account/shops");
        let shop = format!("https://{who}-shop.example/");
        browser.post("/account/shops", &[("platform", "淘宝"), ("shop", who), ("url", &shop)]);
        browser.get("/account/hooks");
        let hook = format!("https://{who}-hook.example/");
        browser.post("/account/hooks", &[("url", &hook), ("deposit", "yes")]);
    }
    one.get("/account/export");
    assert_eq!(one.post("/account/export", &[("password", "wrong password")]).status, 422);
    let files = unzipped(&house, &export(&mut one, "/account/export", &[("password", PASSWORD), ("packages", "yes")]));
    let all: String = files.iter().map(|(name, text)| format!("{name}\n{text}\n")).collect();
    for own in [
        "haitang-file-0.txt",
        "haitang-page.example",
        "haitang-shop.example",
        "haitang-hook.example",
        "haitang-login",
        HAITANG[1],
        HAITANG[2],
    ] {
        assert!(all.contains(own), "{own}: {:?}", files.keys());
    }
    for other in ["zhou", ZHOU[1], ZHOU[2], "whsec_", "argon2"] {
        assert!(!all.contains(other), "{other}");
    }
    for name in
        ["account.json", "people.jsonl", "editions.jsonl", "records-0001.jsonl", "quota-0001.jsonl", "audit-0001.jsonl"]
    {
        assert!(files.contains_key(name), "{name}: {:?}", files.keys());
    }
    // Each line is JSON, and a record opens by itself: its disclosures are those that its statement commits to.
    let records: Vec<serde_json::Value> =
        files["records-0001.jsonl"].lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let record = records.iter().find(|r| r["file"] == "haitang-file-0.txt").unwrap();
    assert!(record["claims"]["owner_name"] == HAITANG[1] && record["disclosures"].is_array(), "{record}");
    let id = record["id"].as_str().unwrap();
    assert!(files.contains_key(&format!("packages/{id}.zip")), "{:?}", files.keys());
    let code = "import zipfile; open('one.zip','wb').write(zipfile.ZipFile('export.zip').read('packages/ID.zip'))"
        .replace("ID", id);
    assert!(Command::new("python3").current_dir(house.work.path()).args(["-c", &code]).status().unwrap().success());
    fs::write(house.work.path().join("original"), "haitang-file-0.txt").unwrap();
    let run = house.command().args(["verify", "--trust", "data/trust", "one.zip", "original"]).output().unwrap();
    assert!(matches!(run.status.code(), Some(0 | 3)), "{}", String::from_utf8_lossy(&run.stdout));

    // The operator, for a reason, which both logs have; nobody else.
    operator.get("/operator/merchants/3");
    assert_eq!(operator.post("/operator/merchants/3/export", &[("export", " ")]).status, 422);
    assert_eq!(operator.post("/operator/merchants/99/export", &[("export", "法院调取")]).status, 404);
    let files =
        unzipped(&house, &export(&mut operator, "/operator/merchants/3/export", &[("export", "法院调取 7 号")]));
    let all: String = files.values().cloned().collect();
    assert!(
        all.contains("zhou-file-1.txt")
            && all.contains(ZHOU[2])
            && !all.contains("haitang")
            && !all.contains(HAITANG[1])
    );
    assert!(!files.keys().any(|name| name.starts_with("packages/")), "{:?}", files.keys());
    let log = two.get("/account/audit").body;
    assert!(log.contains("导出账户数据") && log.contains("法院调取 7 号"), "{log}");
    assert!(operator.get("/account/audit").body.contains("3 法院调取 7 号"));
    two.get("/account");
    assert_eq!(two.post("/operator/merchants/2/export", &[("export", "x")]).status, 404);

    // Closed, there is nothing left that could be exported.
    two.get("/account/close");
    assert_eq!(two.post("/account/close", &[("password", PASSWORD)]).status, 200);
    operator.get("/operator/merchants");
    assert_eq!(operator.post("/operator/merchants/3/export", &[("export", "太晚了")]).status, 404);
}
