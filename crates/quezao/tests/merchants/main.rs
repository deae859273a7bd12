//! Two merchants on one ledger, over real HTTP: what each records is its own, and nothing of one is told to the other.
#![allow(clippy::unwrap_used)]

mod custody;
#[path = "../house/mod.rs"]
mod house;
mod licences;
mod others;
mod refused;

use house::{Answer, Browser, House, PASSWORD, program, token};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, path::Path, process::Stdio};

/// A company whose code has another check character, as real ones do.
const HAITANG: [(&str, &str); 4] = [
    ("kind", "enterprise"),
    ("owner_name", "福州海棠文化有限公司"),
    ("number", "91350211M0000XUF46"),
    ("name", "陈岚"),
];
const ZHOU: [(&str, &str); 4] =
    [("kind", "individual"), ("owner_name", "周砚秋"), ("number", "11010519491231002X"), ("name", "小周")];

/// A merchant's person, signed in, and a program of hers with a token for everything.
struct Merchant {
    browser: Browser,
    bearer: String,
}

fn form<'a>(merchant: &[(&'a str, &'a str)], login: &'a str) -> Vec<(&'a str, &'a str)> {
    let rest = [("login", login), ("password", PASSWORD), ("password2", PASSWORD)];
    merchant.iter().copied().chain(rest).collect()
}

impl Merchant {
    fn sign_up(house: &House, merchant: &[(&str, &str)], login: &str) -> Self {
        let mut browser = house.browser();
        browser.get("/sign-up");
        let mut fields = form(merchant, login);
        fields.push(("confirmed", "yes"));
        let answer = browser.post("/sign-up", &fields);
        assert_eq!(answer.status, 303, "{}", answer.body);
        house::activate(house, &mut browser);
        let bearer = format!("Bearer {}", token(&mut browser, &["deposit", "read", "capture", "licences"]));
        Self { browser, bearer }
    }

    fn api(&mut self, method: &str, path: &str, heads: &[(&str, &str)], body: &[u8]) -> Answer {
        let bearer = self.bearer.clone();
        let heads: Vec<_> = heads.iter().copied().chain([("authorization", bearer.as_str())]).collect();
        self.browser.send(method, path, &heads, body)
    }

    fn json(&mut self, path: &str) -> Value {
        let answer = self.api("GET", path, &[], &[]);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    /// Registers bytes: status and number.
    fn register(&mut self, name: &str, bytes: &[u8]) -> (u16, String) {
        let mut body = format!(
            "--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\ncontent-type: application/octet-stream\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(bytes);
        body.extend(b"\r\n--edge--\r\n");
        let key = house::coded(name);
        let kind = [("content-type", "multipart/form-data; boundary=edge"), ("idempotency-key", key.as_str())];
        let answer = self.api("POST", "/api/v1/deposits?wait=proof", &kind, &body);
        let line: Value = serde_json::from_str(&answer.body).unwrap();
        (answer.status, line["id"].as_str().unwrap_or_else(|| panic!("{}", answer.body)).to_owned())
    }
}

fn opened() -> House {
    House::set_up_with(&["--sign-up", "open"]).0
}

/// What stands behind this prefix in a page's addresses.
fn numbers(page: &str, prefix: &str) -> Vec<String> {
    let found = page.split(prefix).skip(1).map(|rest| rest.split(['/', '"', '?']).next().unwrap().to_owned());
    found.filter(|n| !n.is_empty()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Every file under a folder.
fn files(at: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(at).unwrap().map(|e| e.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn the_same_bytes_are_each_merchants_own_record() {
    let house = opened();
    let (mut one, mut two) = (Merchant::sign_up(&house, &HAITANG, "haitang"), Merchant::sign_up(&house, &ZHOU, "zhou"));
    let (first, second) = (one.register("海报.txt", b"the same bytes"), two.register("海报.txt", b"the same bytes"));
    assert_eq!((first.0, second.0), (201, 201), "across merchants nothing is known of another's bytes");
    assert_eq!(two.register("again.txt", b"the same bytes"), (200, second.1.clone()), "within one it is");
    let declared = json!({"sha256": "ab".repeat(32), "sm3": "cd".repeat(32), "size": 7, "media_type": "image/jpeg"});
    let kind = [("content-type", "application/json"), ("idempotency-key", "one")];
    for merchant in [&mut one, &mut two] {
        let answer = merchant.api("POST", "/api/v1/deposits", &kind, declared.to_string().as_bytes());
        assert_eq!(answer.status, 201, "{}", answer.body);
    }
    for (merchant, id, owner, code, masked) in [
        (&mut one, &first.1, HAITANG[1].1, json!(HAITANG[2].1), Value::Null),
        (&mut two, &second.1, ZHOU[1].1, Value::Null, json!("1****************X")),
    ] {
        let claims = merchant.json(&format!("/api/v1/deposits/{id}"))["claims"].clone();
        assert_eq!((&claims["owner_name"], &claims["identity_method"]), (&json!(owner), &json!("self-declared")));
        assert_eq!((&claims["owner_code"], &claims["owner_id_masked"]), (&code, &masked));
        let record = merchant.api("GET", &format!("/api/v1/deposits/{id}/record.json"), &[], &[]).body;
        assert!(record.contains("\"operator_relation\":\"independent-declared\""), "{record}");
        let package = merchant.api("GET", &format!("/api/v1/deposits/{id}/package.zip"), &[], &[]).bytes;
        fs::write(house.work.path().join("p.zip"), &package).unwrap();
        fs::write(house.work.path().join("original"), b"the same bytes").unwrap();
        let run =
            house.command().args(["verify", "--trust", "data/trust", "p.zip", "original", "--json"]).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
        assert!(merchant.browser.get("/").body.contains(owner));
        let library = merchant.browser.get("/library").body;
        assert_eq!(numbers(&library, "/deposits/").len(), 2, "{library}");
    }
    // What one erases, the other keeps.
    let erase = format!("/deposits/{}/erase", first.1);
    let plan = one.browser.get(&erase).body;
    assert!(plan.contains("另一个账户") && !plan.contains(&second.1), "{plan}");
    assert_eq!(one.browser.post(&erase, &[("password", PASSWORD), ("sure", "yes")]).status, 200);
    assert_eq!(one.browser.get(&format!("/deposits/{}", first.1)).status, 404);
    assert_eq!(two.browser.get(&format!("/deposits/{}/original", second.1)).bytes, b"the same bytes");

    // Without the master key nobody reads who they are: not in the database, its log, or any other file.
    let (work, code) = house.stop();
    assert_eq!(code, Some(0));
    let secrets = [HAITANG[1].1, HAITANG[2].1, ZHOU[1].1, ZHOU[2].1];
    for path in files(&work.path().join("data")) {
        let bytes = fs::read(&path).unwrap();
        for secret in secrets {
            assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()), "{secret} in {}", path.display());
        }
    }
    let (inside, outside) = (work.path().join("data/keys/master"), work.path().join("elsewhere"));
    fs::rename(&inside, &outside).unwrap();
    let mut command = program(&work);
    let refused = command.args(["list", "--data", "data"]).env("LC_ALL", "en_US.UTF-8").output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("no master key"));
    let mut command = program(&work);
    command.env("QUEZAO_MASTER_KEY_FILE", &outside).stderr(Stdio::null());
    let house = House::open_by(work, command, &[]);
    two.browser.address = house.address;
    assert_eq!(two.json(&format!("/api/v1/deposits/{}", second.1))["claims"]["owner_name"], ZHOU[1].1);
}

#[test]
fn signing_up_takes_what_can_be_somebody_and_names_the_field_of_what_cannot() {
    let (house, _) = House::set_up();
    let mut visitor = house.browser();
    let closed = visitor.get("/sign-up");
    assert!(closed.status == 404 && closed.body.contains("不开放注册"), "{}", closed.body);
    assert!(!visitor.get("/sign-in").body.contains("/sign-up"));
    assert_eq!(visitor.post("/sign-up", &form(&ZHOU, "zhou")).status, 404);
    drop(house);

    let house = opened();
    let mut visitor = house.browser();
    assert!(visitor.get("/sign-in").body.contains("href=\"/sign-up\""));
    visitor.get("/sign-up");
    let changed = |name: &str, value: &'static str| {
        let fields = form(&ZHOU, "zhou").into_iter();
        fields.map(|(n, v)| if n == name { (n, value) } else { (n, v) }).collect::<Vec<_>>()
    };
    for (name, value, zh) in [
        ("number", "110105194912310021", "校验码不符"),
        ("number", "", "请填写身份证号"),
        ("owner_name", "周\u{202e}砚秋", "不能登记的字符"),
        ("login", "linwan", "已有人使用"),
        ("login", "LinWan", "已有人使用"),
        ("login", "周砚秋", "登录名须为"),
        ("password", "short", "密码至少"),
    ] {
        let mut fields = changed(name, value);
        if name == "password" {
            fields.iter_mut().filter(|(n, _)| *n == "password2").for_each(|f| f.1 = value);
        }
        let answer = visitor.post("/sign-up", &fields);
        let beside = answer.body.split(&format!("id=\"e-{name}\"")).nth(1).unwrap_or_default();
        assert!(
            answer.status == 422 && beside.split("</span>").next().unwrap().contains(zh),
            "{name}: {}",
            answer.body
        );
    }
    assert_eq!(visitor.post("/sign-up", &changed("password2", "another one")).status, 422);
    visitor.heads.push(("accept-language".into(), "en".into()));
    let odd = visitor.post("/sign-up", &form(&HAITANG, "haitang"));
    assert!(odd.status == 422 && odd.body.contains("some real companies have such codes"), "{}", odd.body);
    assert!(odd.body.contains("name=\"confirmed\""));
    let mut sure = form(&HAITANG, "haitang");
    sure.push(("confirmed", "yes"));
    assert_eq!(visitor.post("/sign-up", &sure).status, 303);
    // Signed in already.
    assert_eq!(visitor.get("/sign-up").status, 303);
    // Strangers of one network do not fill the folder with accounts.
    let mut flood = house.browser();
    flood.get("/sign-up");
    let slow = (0..30).map(|_| flood.post("/sign-up", &changed("password2", "x"))).find(|a| a.status == 429).unwrap();
    assert!(slow.head("retry-after").is_some());
}

#[test]
fn a_closed_account_leaves_the_ledger_and_nothing_that_opens_it() {
    let (house, mut operator) = House::set_up_with(&["--sign-up", "open"]);
    let (mut one, mut two) =
        (Merchant::sign_up(&house, &HAITANG, "haitang-login"), Merchant::sign_up(&house, &ZHOU, "zhou"));
    let shared = one.register("海棠独有的文件名.txt", b"bytes of both merchants").1;
    let own = one.register("另一个.txt", b"bytes of the closed merchant alone").1;
    let kept = two.register("留下的.txt", b"bytes of both merchants").1;
    one.browser.get("/captures");
    one.browser.post("/captures", &[("urls", "https://haitang-shop.example/"), ("purpose", "own")]);
    one.browser.get("/account/hooks");
    one.browser.post("/account/hooks", &[("url", "https://haitang-hooks.example/"), ("deposit", "yes")]);
    let meta =
        [("tus-resumable", "1.0.0"), ("upload-length", "9"), ("upload-metadata", "filename aGFpdGFuZy11cGxvYWQudHh0")];
    assert_eq!(one.api("POST", "/api/v1/uploads", &meta, &[]).status, 201);
    let leaf = one.api("GET", &format!("/api/v1/deposits/{own}/record.json"), &[], &[]).body;

    // The operator's list, and a hold that keeps everything as it is.
    let list = operator.get("/operator/merchants").body;
    assert!(list.contains(HAITANG[1].1) && list.contains("1****************X") && !list.contains(ZHOU[2].1), "{list}");
    let page = numbers(&list, "/operator/merchants/");
    let page = format!(
        "/operator/merchants/{}",
        page.iter().find(|n| operator.get(&format!("/operator/merchants/{n}")).body.contains(HAITANG[1].1)).unwrap()
    );
    assert_eq!(operator.post(&format!("{page}/hold"), &[("hold", "yes"), ("reason", " ")]).status, 422);
    assert_eq!(operator.post(&format!("{page}/hold"), &[("hold", "yes"), ("reason", "法院通知 7 号")]).status, 303);
    assert!(one.browser.get("/account/close").body.contains("法定保全"));
    for path in ["/account/close".to_owned(), format!("/deposits/{own}/erase")] {
        assert_eq!(one.browser.post(&path, &[("password", PASSWORD)]).status, 409, "{path}");
    }
    operator.get(&page);
    assert_eq!(operator.post(&format!("{page}/hold"), &[("hold", "no"), ("reason", "法院解除")]).status, 303);

    // What is lost is said beforehand, and the password asked again.
    let plan = one.browser.get("/account/close");
    assert!(
        // The order of the page may stand on the ledger already.
        plan.status == 200
            && ["2 条记录", "3 条记录"].iter().any(|n| plan.body.contains(n))
            && plan.body.contains("包括运营者和法院"),
        "{}",
        plan.body
    );
    assert_eq!(one.browser.post("/account/close", &[("password", "wrong password")]).status, 422);
    // The page that nobody finds has its order on the ledger first.
    let ended = (0..600).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        one.browser.get("/captures").body.contains("没有取得")
    });
    assert!(ended, "the capture of a name that nobody has");
    let checkpoint = two.browser.get("/ledger/checkpoint").body;
    let done = one.browser.post("/account/close", &[("password", PASSWORD)]);
    assert!(done.status == 200 && done.body.contains("账户已经注销"), "{}", done.body);
    assert_eq!(one.browser.get("/account").status, 303, "every session has ended");
    assert_eq!(one.api("GET", "/api/v1/deposits", &[], &[]).status, 401);
    one.browser.get("/sign-in");
    assert_eq!(one.browser.post("/sign-in", &[("login", "haitang-login"), ("password", PASSWORD)]).status, 422);
    assert!(!operator.get("/operator/merchants").body.contains(HAITANG[1].1));
    assert_eq!(operator.get(&page).status, 404);
    // The owner of the folder has no such page.
    assert!(operator.get("/account/close").status == 409 && !operator.get("/account").body.contains("/account/close"));

    // The other merchant has everything; the ledger is as it was, and goes on.
    assert_eq!(two.browser.get(&format!("/deposits/{kept}/original")).bytes, b"bytes of both merchants");
    assert_eq!(two.browser.get("/ledger/checkpoint").body.lines().nth(1), checkpoint.lines().nth(1));
    two.register("以后.txt", b"later");
    let (work, code) = house.stop();
    assert_eq!(code, Some(0));
    let mut command = program(&work);
    assert!(command.args(["admin", "ledger-check", "--data", "data"]).output().unwrap().status.success());
    // Whoever writes next ends what the server had put off.
    assert!(program(&work).args(["stamp", "--data", "data"]).output().unwrap().status.success());
    let data = work.path().join("data");
    let all: Vec<(std::path::PathBuf, Vec<u8>)> =
        files(&data).into_iter().map(|p| (p.clone(), fs::read(p).unwrap())).collect();
    let holds = |text: &str| {
        let found = all.iter().find(|(_, bytes)| bytes.windows(text.len()).any(|w| w == text.as_bytes()));
        found.map(|(path, _)| path.display().to_string())
    };
    for secret in [
        HAITANG[1].1,
        HAITANG[2].1,
        HAITANG[3].1,
        "haitang-login",
        "海棠独有的文件名",
        "haitang-shop.example",
        "haitang-hooks.example",
        "haitang-upload.txt",
        "bytes of the closed merchant alone",
    ] {
        assert_eq!(holds(secret), None, "{secret}");
    }
    // Its leaf is there, word for word, and so are its number in the audit log and the line that it was erased.
    assert!(holds(&leaf).is_some_and(|at| at.contains("ledger")), "{leaf}");
    let database = fs::read(data.join("quezao.db")).unwrap();
    assert!([&shared, &own].iter().all(|id| database.windows(id.len()).any(|w| w == id.as_bytes())));
}

impl Merchant {
    /// Shows the operator a document.
    fn document(&mut self, name: &str, bytes: &[u8]) -> Answer {
        self.browser.get("/account/identity");
        let csrf = self.browser.csrf.clone();
        let mut body = format!(
            "--edge\r\ncontent-disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--edge\r\ncontent-disposition: form-data; name=\"document\"; filename=\"{name}\"\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(bytes);
        body.extend(b"\r\n--edge--\r\n");
        let kind = [("content-type", "multipart/form-data; boundary=edge")];
        self.browser.send("POST", "/account/identity/documents", &kind, &body)
    }
}

#[test]
fn a_name_that_the_operator_looked_at_is_established_for_earlier_and_later_evidence() {
    let (house, mut operator) = House::set_up_with(&["--sign-up", "open"]);
    let (mut one, mut two) = (Merchant::sign_up(&house, &HAITANG, "haitang"), Merchant::sign_up(&house, &ZHOU, "zhou"));
    let before = one.register("before.txt", b"before").1;
    one.register("before too.txt", b"before too");
    let others = two.register("other.txt", b"other").1;

    // What is no document is refused by name, and nothing of it stays.
    one.browser.get("/account/identity");
    assert_eq!(one.browser.post("/account/identity/ask", &[]).status, 422, "nothing to look at");
    let bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\xff\xff\xff\0\xff\xff\xff\x08\x06\0\0\0\0\0\0\0";
    for (name, bytes) in [("a.exe", &b"MZ"[..]), ("bomb.png", bomb), ("empty.pdf", b""), ("page.html", b"<html>")] {
        let answer = one.document(name, bytes);
        assert!(answer.status == 422 && answer.body.contains("id=\"e-document\""), "{name}: {}", answer.body);
    }
    assert_eq!(one.document("large.pdf", &[b"%PDF-".as_slice(), &vec![b'x'; 9 << 20]].concat()).status, 422);
    let licence = b"%PDF-1.4 the business licence of Haitang";
    assert_eq!(one.document("../../营业执照.pdf", licence).status, 303);
    let page = one.browser.get("/account/identity").body;
    assert!(page.contains("营业执照.pdf") && !page.contains("../"), "{page}");
    assert_eq!(one.browser.post("/account/identity/ask", &[]).status, 303);
    assert_eq!(one.browser.post("/account/identity/ask", &[]).status, 422, "asked already");
    assert_eq!(one.document("more.pdf", licence).status, 422, "while it is being looked at");

    // The operator's queue: the whole number beside the document, which lies sealed.
    two.browser.get("/account/identity");
    assert_eq!(two.document("card.pdf", b"%PDF-1.4 the card of Zhou").status, 303);
    assert_eq!(two.browser.post("/account/identity/ask", &[]).status, 303);
    let queue = operator.get("/operator/merchants").body;
    let queue = queue.split("id=\"queue\"").nth(1).unwrap().to_owned();
    let numbers = numbers(&queue, "/operator/merchants/");
    let pages: Vec<String> = numbers.iter().map(|n| format!("/operator/merchants/{n}")).collect();
    let first = operator.get(&pages[0]).body;
    assert!(first.contains(HAITANG[1].1) && operator.get(&pages[1]).body.contains(ZHOU[2].1));
    let document =
        first.split(&format!("{}/documents/", pages[0])).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let document = format!("{}/documents/{document}", pages[0]);
    assert_eq!(operator.get(&document).bytes, licence);
    assert_eq!(operator.get(&document.replace(&pages[0], &pages[1])).status, 404, "another's document");
    assert_eq!(one.browser.get(&document).status, 404);
    let review =
        |page: &str| page.split("name=\"review\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let asked = review(&first);
    let mut held = fs::read(house.data().join("quezao.db")).unwrap();
    held.extend(fs::read(house.data().join("quezao.db-wal")).unwrap_or_default());
    assert!(!held.windows(20).any(|w| w == b"the business licence"), "sealed");
    let answer = |act| [("act", act), ("review", asked.as_str()), ("words", "营业执照副本与法定代表人身份证")];
    operator.get(&pages[0]);
    assert_eq!(operator.post(&format!("{}/review", pages[0]), &[("act", "approve"), ("review", &asked)]).status, 422);
    assert_eq!(operator.post(&format!("{}/review", pages[0]), &answer("approve")).status, 303);
    operator.get(&pages[0]);
    assert_eq!(operator.post(&format!("{}/review", pages[0]), &answer("refuse")).status, 409, "decided once");
    assert_eq!(operator.get(&document).status, 404, "documents are gone");
    let page = one.browser.get("/account/identity").body;
    assert!(page.contains("已核实") && page.contains("营业执照副本"), "{page}");

    // Earlier and later evidence carries the record, and a stranger checks both.
    let after = one.register("after.txt", b"after").1;
    let method = one.json(&format!("/api/v1/deposits/{after}"))["claims"]["identity_method"].clone();
    let attestation = method.as_str().unwrap().strip_prefix("attestation ").unwrap().to_owned();
    assert!(page.contains(&attestation));
    let verified = |merchant: &mut Merchant, id: &str, original: &[u8]| {
        let package = merchant.api("GET", &format!("/api/v1/deposits/{id}/package.zip"), &[], &[]).bytes;
        fs::write(house.work.path().join("p.zip"), &package).unwrap();
        fs::write(house.work.path().join("original"), original).unwrap();
        let run =
            house.command().args(["verify", "--trust", "data/trust", "p.zip", "original", "--json"]).output().unwrap();
        let said = String::from_utf8_lossy(&run.stdout).into_owned();
        assert!(run.status.success(), "{said}");
        serde_json::from_str::<Value>(&said).unwrap()
    };
    for (id, original) in [(&before, &b"before"[..]), (&after, b"after")] {
        let verdict = verified(&mut one, id, original).to_string();
        assert!(verdict.contains("related-1") && verdict.contains(&attestation), "{id}: {verdict}");
    }
    assert!(!verified(&mut two, &others, b"other").to_string().contains("related-1"), "it establishes nobody else");

    // Pages say it in the same words: the record's, and a licence's by its link, to whoever has that.
    let established = "审核文件，核实了存证主体名称“福州海棠文化有限公司”（营业执照副本";
    for id in [&before, &after] {
        let page = one.browser.get(&format!("/deposits/{id}")).body;
        assert!(page.contains(established) && !page.contains("名称由其自行填写"), "{page}");
    }
    let page = two.browser.get(&format!("/deposits/{others}")).body;
    assert!(page.contains("名称由其自行填写") && !page.contains("核实了"), "{page}");
    let confirming = |merchant: &mut Merchant, id: &str| {
        merchant.browser.get("/licences/new");
        let pick = format!("pick-{id}");
        let fields = [("act", "record"), (pick.as_str(), "on"), ("licensee", "丙店")];
        let made = merchant.browser.post("/licences/new", &fields);
        let licence = made.head("location").unwrap_or_else(|| panic!("{}", made.body)).to_owned();
        let page = merchant.browser.get(&licence).body;
        let until = page.split("name=\"until\" value=\"").nth(1).unwrap()[..10].to_owned();
        let made = merchant.browser.post(&format!("{licence}/links"), &[("until", &until)]).body;
        house.browser().get(&format!("/confirm/{}", &made.split("/confirm/").nth(1).unwrap()[..64])).body
    };
    let page = confirming(&mut one, &after);
    assert!(page.contains(established) && !page.contains("名称由其自行填写"), "{page}");
    let page = confirming(&mut two, &others);
    assert!(page.contains("名称由其自行填写") && !page.contains("核实了"), "{page}");
    assert_eq!(one.browser.post(&format!("/deposits/{attestation}/erase"), &[("password", PASSWORD)]).status, 409);

    // A refusal says why, and leaves the name as it is.
    let asked = review(&operator.get(&pages[1]).body);
    let refuse = [("act", "refuse"), ("review", asked.as_str()), ("words", "照片看不清")];
    assert_eq!(operator.post(&format!("{}/review", pages[1]), &refuse).status, 303);
    assert!(two.browser.get("/account/identity").body.contains("照片看不清"));
    assert!(!operator.get(&pages[1]).body.contains(ZHOU[2].1), "masked again");
    let later = two.register("later.txt", b"later").1;
    assert_eq!(two.json(&format!("/api/v1/deposits/{later}"))["claims"]["identity_method"], "self-declared");
}

#[test]
fn an_invitation_is_good_once() {
    let (house, mut operator) = House::set_up_with(&["--sign-up", "invitation"]);
    let mut visitor = house.browser();
    assert!(!visitor.get("/sign-in").body.contains("/sign-up"));
    for path in ["/sign-up".to_owned(), format!("/sign-up?invitation={}", "0".repeat(64))] {
        let answer = visitor.get(&path);
        assert!(answer.status == 404 && answer.body.contains("需要运营者的邀请"), "{}", answer.body);
    }
    operator.get("/operator/invitations");
    for fields in
        [[("name", ""), ("days", "7")], [("name", "海棠"), ("days", "0")], [("name", "海棠"), ("days", "900")]]
    {
        assert_eq!(operator.post("/operator/invitations", &fields).status, 422);
    }
    let mut invite = |name: &str| {
        operator.get("/operator/invitations");
        let page = operator.post("/operator/invitations", &[("name", name), ("days", "7")]).body;
        page.split("invitation=").nth(1).unwrap()[..64].to_owned()
    };
    let (one, two) = (invite("海棠"), invite("小周"));
    let sign_up = |key: &str, login: &str| {
        let mut browser = house.browser();
        let page = browser.get(&format!("/sign-up?invitation={key}"));
        if page.status != 200 {
            return page.status;
        }
        let mut fields = form(&ZHOU, login);
        fields.push(("invitation", key));
        browser.post("/sign-up", &fields).status
    };
    // A refused form uses nothing up.
    assert_eq!((sign_up(&one, "linwan"), sign_up(&one, "zhou"), sign_up(&one, "again")), (422, 303, 404));
    let page = operator.get("/operator/invitations").body;
    assert!(page.contains("小周") && !page.contains("海棠") && !page.contains(&two), "{page}");
    let end = numbers(&page, "/operator/invitations/");
    assert_eq!(operator.post(&format!("/operator/invitations/{}/end", end[0]), &[]).status, 303);
    assert_eq!(sign_up(&two, "late"), 404);
    let held = fs::read(house.data().join("quezao.db")).unwrap();
    assert!(!held.windows(64).any(|w| w == two.as_bytes()), "only its digest is kept");
}
