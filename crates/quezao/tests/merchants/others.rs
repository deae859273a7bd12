//! Another merchant's numbers, wherever a number goes: each is tried on each route, in a request that lacks nothing. He is
//! told what he is told of a number that nobody ever had; and the owner does the very same afterwards, so the request was
//! whole and nothing of hers had ended.

use super::{custody::pictures, *};
use std::process::Command;

enum Body {
    /// Fields of a form.
    Form(Vec<(String, String)>),
    /// JSON, or a file's bytes.
    Bytes(Vec<u8>),
}

/// What its owner is answered to the same request.
#[derive(PartialEq, Eq)]
enum Owner {
    /// It is done.
    Does,
    /// Another reason: what is asked for needs a browser's capture.
    Hears,
    /// She is not asked.
    Rests,
}

/// One request.
struct Try {
    method: &'static str,
    route: &'static str,
    /// What stands for `{id}` and `{number}`, in order.
    ids: Vec<String>,
    /// What stands for `{name}`.
    name: &'static str,
    heads: Vec<(&'static str, &'static str)>,
    body: Body,
    owner: Owner,
}

fn page(method: &'static str, route: &'static str, ids: &[&str], fields: &[(&str, &str)]) -> Try {
    let fields = fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let ids = ids.iter().map(|id| (*id).to_owned()).collect();
    let name = "record.json";
    Try { method, route, ids, name, heads: Vec::new(), body: Body::Form(fields), owner: Owner::Does }
}

fn api(method: &'static str, route: &'static str, ids: &[&str], body: &Value) -> Try {
    let body = Body::Bytes(if body.is_null() { Vec::new() } else { body.to_string().into_bytes() });
    Try { body, heads: vec![("content-type", "application/json")], ..page(method, route, ids, &[]) }
}

/// A route of uploads, which are the same for pages and programs.
fn upload(
    method: &'static str,
    route: &'static str,
    id: &str,
    heads: &[(&'static str, &'static str)],
    body: &[u8],
) -> Try {
    let heads = heads.iter().copied().chain([("tus-resumable", "1.0.0")]).collect();
    Try { heads, body: Body::Bytes(body.to_vec()), ..page(method, route, &[id], &[]) }
}

impl Try {
    fn hears(self) -> Self {
        Self { owner: Owner::Hears, ..self }
    }

    fn rests(self) -> Self {
        Self { owner: Owner::Rests, ..self }
    }

    fn name(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    fn path(&self, ids: &[String]) -> String {
        let mut ids = ids.iter();
        let part = |part: &str| match part {
            "{id}" | "{number}" => ids.next().unwrap().clone(),
            "{name}" => self.name.to_owned(),
            "{place}" => "0".to_owned(),
            part => part.to_owned(),
        };
        self.route.split('/').map(part).collect::<Vec<_>>().join("/")
    }

    /// The same number as nobody has it; behind a record of his own, that one stays.
    fn nobodys(&self) -> Vec<String> {
        let nobodys = |id: &String| match id.len() {
            36 => "019abcde-0000-7000-8000-000000000000".to_owned(),
            len if len > 12 => "0".repeat(len),
            _ => "987654".to_owned(),
        };
        let own = usize::from(self.owner == Owner::Rests);
        self.ids[..own].iter().cloned().chain(self.ids[own..].iter().map(nobodys)).collect()
    }

    fn send(&self, who: &mut Merchant, ids: &[String]) -> Answer {
        let (path, csrf) = (self.path(ids), who.browser.csrf.clone());
        let (method, mut heads) = (self.method.to_uppercase(), self.heads.clone());
        let form = |fields: &Vec<(String, String)>| {
            let own = [("csrf".to_owned(), csrf.clone())];
            let coded = fields.iter().chain(&own).map(|(n, v)| format!("{n}={}", house::coded(v)));
            coded.collect::<Vec<_>>().join("&").into_bytes()
        };
        let body = match &self.body {
            Body::Bytes(bytes) => bytes.clone(),
            Body::Form(_) if self.method != "post" => Vec::new(),
            Body::Form(fields) => {
                heads.push(("content-type", "application/x-www-form-urlencoded"));
                form(fields)
            }
        };
        if self.route.starts_with("/api/") {
            return who.api(&method, &path, &heads, &body);
        }
        heads.push(("x-csrf", &csrf));
        let answer = who.browser.send(&method, &path, &heads, &body);
        who.browser.csrf = csrf;
        answer
    }
}

/// What an answer says, without the numbers that were asked for; a short one would be a part of others.
fn said(answer: &Answer, ids: &[String]) -> String {
    let main = answer.body.split("<main").nth(1).and_then(|main| main.split("</main>").next()).unwrap_or(&answer.body);
    ids.iter().filter(|id| id.len() > 12).fold(main.to_owned(), |said, id| said.replace(id.as_str(), "#"))
}

/// Numbers behind this prefix on a page, the greatest last.
fn counted(page: &str, prefix: &str) -> Vec<String> {
    let mut found: Vec<i64> = numbers(page, prefix).iter().filter_map(|n| n.parse().ok()).collect();
    found.sort_unstable();
    assert!(!found.is_empty(), "{prefix}: {page}");
    found.iter().map(i64::to_string).collect()
}

/// A few lines of Python in the work folder; what they print.
fn python(house: &House, code: &str) -> Vec<u8> {
    let run = Command::new("python3").current_dir(house.work.path()).args(["-c", code]).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    run.stdout
}

/// An upload of this many bytes that has begun.
fn begun(who: &mut Merchant, length: usize) -> String {
    let length = length.to_string();
    let heads = [("tus-resumable", "1.0.0"), ("upload-length", &length), ("upload-metadata", "filename YS50eHQ=")];
    let made = who.api("POST", "/api/v1/uploads", &heads, &[]);
    assert_eq!(made.status, 201, "{}", made.body);
    made.head("location").unwrap().rsplit('/').next().unwrap().to_owned()
}

/// The day on which links of this page may end.
fn until(page: &str) -> String {
    page.split("name=\"until\" value=\"").nth(1).unwrap_or_else(|| panic!("{page}"))[..10].to_owned()
}

/// Every route of uploads, under `/uploads` or the same for programs.
fn uploads(owner: &mut Merchant, routes: [&'static str; 3], zip: &[u8], bytes: &'static [u8]) -> Vec<Try> {
    const PIECE: [(&str, &str); 2] = [("content-type", "application/offset+octet-stream"), ("upload-offset", "0")];
    let [one, deposit, unpack] = routes;
    let (whole, dropped, ended, packed) =
        (begun(owner, bytes.len()), begun(owner, 4), begun(owner, 4), begun(owner, zip.len()));
    let put = owner.api(
        "PATCH",
        &format!("/api/v1/uploads/{packed}"),
        &[PIECE[0], PIECE[1], ("tus-resumable", "1.0.0")],
        zip,
    );
    assert_eq!(put.status, 204, "{}", put.body);
    let json = [("content-type", "application/json")];
    vec![
        upload("head", one, &whole, &[], &[]),
        upload("patch", one, &whole, &PIECE, bytes),
        upload("post", deposit, &whole, &json, b"{\"title\":\"x\"}"),
        upload("post", one, &dropped, &[("x-http-method-override", "DELETE")], &[]),
        upload("delete", one, &ended, &[], &[]),
        upload("post", unpack, &packed, &json, b"{}"),
    ]
}

#[test]
fn another_merchants_numbers_are_found_nowhere() {
    let (house, mut operator) = House::set_up_with(&["--sign-up", "open"]);
    let mut owner = Merchant::sign_up(&house, &HAITANG, "haitang");
    let mut other = Merchant::sign_up(&house, &ZHOU, "zhou");
    let id = owner.register("私密一.png", &pictures().0).1;
    let own = other.register("自己.txt", b"two").1;

    // One of everything that has a number.
    let browser = &mut owner.browser;
    browser.get("/captures");
    browser.post("/captures", &[("urls", "https://haitang-shop.example/"), ("purpose", "own")]);
    let capture = counted(&browser.get("/captures").body, "/captures/").pop().unwrap();
    browser.get("/account/hooks");
    assert!(browser.post("/account/hooks", &[("url", "https://hooks.example/"), ("deposit", "yes")]).status < 400);
    let hook = counted(&browser.get("/account/hooks").body, "/account/hooks/").pop().unwrap();
    let dead = format!(
        "import sqlite3; d = sqlite3.connect('data/quezao.db', timeout=30)\n\
         n = d.execute(\"INSERT INTO hook_messages(hook, name, event, subject, body, state, tries, due_at, created_at, zh, en) \
         VALUES ({hook}, 'm-dead', 'deposit.sealed', 'x', '{{}}', 'dead', 10, 1, 1, '不通', 'no answer')\").lastrowid\n\
         k = d.execute(\"INSERT INTO passkeys(credential, sign_in, key, uses, name, created_at) \
         SELECT x'01', id, x'02', 0, '私密钥匙', 1 FROM sign_ins WHERE login = 'haitang'\").lastrowid\n\
         d.commit(); print(n, k, end='')"
    );
    let made = String::from_utf8(python(&house, &dead)).unwrap();
    let (message, passkey) = made.split_once(' ').unwrap();
    let links = format!("/deposits/{id}/links");
    let day = until(&browser.get(&format!("/deposits/{id}")).body);
    assert!(browser.post(&links, &[("claims", "yes"), ("until", &day)]).status < 400);
    let link = counted(&browser.get(&format!("/deposits/{id}")).body, &format!("{links}/")).pop().unwrap();
    browser.get("/account/shops");
    let shop = [("platform", "淘宝"), ("shop", "私密店铺"), ("url", "https://haitang-shop.example/")];
    assert_eq!(browser.post("/account/shops", &shop).status, 303);
    let shop = counted(&browser.get("/account/shops").body, "/account/shops/").pop().unwrap();
    let mut again = house.browser();
    again.get("/sign-in");
    assert_eq!(again.post("/sign-in", &[("login", "haitang"), ("password", PASSWORD)]).status, 303);
    let session = counted(&browser.get("/account").body, "/account/sessions/").pop().unwrap();
    token(browser, &["read"]);
    let spare = counted(&browser.get("/account").body, "/account/tokens/").pop().unwrap();
    assert_eq!(owner.document("私密.pdf", b"%PDF-1.4 a licence").status, 303);
    let browser = &mut owner.browser;
    let document = counted(&browser.get("/account/identity").body, "/account/identity/documents/").pop().unwrap();
    operator.get("/operator/notices");
    let notice = [("zh", "只给海棠"), ("account", "2"), ("until", "2027-06-01")];
    assert_eq!(operator.post("/operator/notices", &notice).status, 303);
    let notice = counted(&browser.get("/account").body, "/account/notices/").pop().unwrap();

    // People: one who joined and wishes for more, and one who is invited.
    let invite = |browser: &mut Browser| {
        browser.get("/account/people");
        let page = browser.post("/account/people", &[("name", "私密员工"), ("days", "3"), ("register", "yes")]);
        page.body.split("/join/").nth(1).unwrap_or_else(|| panic!("{}", page.body))[..64].to_owned()
    };
    let (join, mut sub) = (format!("/join/{}", invite(browser)), house.browser());
    sub.get(&join);
    let fields = [("login", "haitang-sub"), ("password", PASSWORD), ("password2", PASSWORD)];
    assert_eq!(sub.post(&join, &fields).status, 303);
    sub.get("/sign-in");
    assert_eq!(sub.post("/sign-in", &[("login", "haitang-sub"), ("password", PASSWORD)]).status, 303);
    sub.get("/account");
    for permission in ["view", "download"] {
        assert_eq!(sub.post("/account/wishes", &[("permission", permission), ("place", "/")]).status, 200);
    }
    invite(browser);
    let people = browser.get("/account/people").body;
    let person = counted(&people, "/account/people/").pop().unwrap();
    let invited = counted(&people, "/account/people/invites/").pop().unwrap();
    let wishes = counted(&people, "/account/wishes/");
    let [granted, declined] = [&wishes[0], &wishes[1]];

    let mut license = |licensee: &str| {
        owner.browser.get("/licences/new");
        let fields = [("pictures", id.as_str()), ("licensee", licensee), ("act", "record")];
        let made = owner.browser.post("/licences/new", &fields);
        assert_eq!(made.status, 303, "{}", made.body);
        made.head("location").unwrap().rsplit('/').next().unwrap().to_owned()
    };
    let (licence, second) = (license("私密被许可方"), license("私密另一方"));
    let confirms = format!("/licences/{licence}/links");
    let term = until(&owner.browser.get(&format!("/licences/{licence}")).body);
    assert!(owner.browser.post(&confirms, &[("until", &term)]).status < 400);
    let confirm =
        counted(&owner.browser.get(&format!("/licences/{licence}")).body, &format!("{confirms}/")).pop().unwrap();

    let zip = python(
        &house,
        "import io, sys, zipfile; b = io.BytesIO(); z = zipfile.ZipFile(b, 'w'); z.writestr('a.txt', 'inside'); z.close(); \
         sys.stdout.buffer.write(b.getvalue())",
    );
    let mut tries =
        uploads(&mut owner, ["/uploads/{id}", "/uploads/{id}/deposit", "/uploads/{id}/unpack"], &zip, b"half");
    let programs = ["/api/v1/uploads/{id}", "/api/v1/uploads/{id}/deposit", "/api/v1/uploads/{id}/unpack"];
    tries.extend(uploads(&mut owner, programs, &zip, b"other half"));

    let (none, i): (&[(&str, &str)], [&str; 1]) = (&[], [id.as_str()]);
    let password = [("password", PASSWORD), ("sure", "yes")];
    tries.extend([
        page("get", "/captures/{id}", &[&capture], none),
        page("get", "/captures/{id}/events", &[&capture], none),
        page("post", "/account/passkeys/{id}/end", &[passkey], none),
        page("post", "/account/identity/documents/{id}/end", &[&document], none),
        page("post", "/account/tokens/{id}/end", &[&spare], none),
        page("post", "/account/sessions/{id}/end", &[&session], none),
        page("post", "/account/notices/{id}/dismiss", &[&notice], none),
        page("get", "/account/people/{id}", &[&person], none),
        page("post", "/account/people/{id}", &[&person], &[("capture", "yes")]),
        page("post", "/account/wishes/{id}/grant", &[granted], none),
        page("post", "/account/wishes/{id}/decline", &[declined], none),
        page("post", "/account/people/{id}/reset", &[&person], none),
        page("post", "/account/people/{id}/end", &[&person], none),
        page("post", "/account/people/invites/{id}/end", &[&invited], none),
        page("post", "/account/hooks/{id}/pause", &[&hook], none),
        page("post", "/account/hooks/{id}/resume", &[&hook], none),
        page("post", "/account/hooks/messages/{id}/again", &[message], none),
        page("post", "/account/hooks/{id}/end", &[&hook], none),
        api("get", "/api/v1/captures/{number}", &[&capture], &Value::Null),
        api("get", "/api/v1/captures/{number}/events", &[&capture], &Value::Null),
        api("get", "/api/v1/captures/{number}/{name}", &[&capture], &Value::Null).name("capture.wacz").hears(),
        api("get", "/api/v1/deposits/{id}", &i, &Value::Null),
        api("get", "/api/v1/deposits/{id}/{name}", &i, &Value::Null).name("certificate.pdf"),
        api("get", "/api/v1/records/{id}", &i, &Value::Null),
        api("get", "/api/v1/licences/{id}", &[&second], &Value::Null),
        api("get", "/api/v1/licences/{id}/{name}", &[&second], &Value::Null).name("certificate.pdf"),
        api("post", "/api/v1/licences/{id}/links", &[&second], &json!({"until": term})),
        api("post", "/api/v1/licences/{id}/revocation", &[&second], &json!({"reason": "x"})),
        page("get", "/licences/{id}", &[&licence], none),
        page("post", "/licences/{id}/links", &[&licence], &[("until", &term)]),
        page("post", "/licences/{id}/links/{number}/end", &[&licence, &confirm], none),
        page("post", "/licences/{id}/links/{number}/end", &[&own, &confirm], none).rests(),
        page("post", "/licences/{id}/end", &[&licence], &[("reason", "x"), ("sure", "yes")]),
        page("get", "/deposits/{id}", &i, none),
        page("get", "/deposits/{id}/picture.jpg", &i, none),
        page("get", "/deposits/{id}/certificate.pdf", &i, none),
        page("get", "/deposits/{id}/package.zip", &i, none),
        page("get", "/deposits/{id}/parts/{name}", &i, none),
        page("get", "/deposits/{id}/original", &i, none),
        page("get", "/deposits/{id}/capture", &i, none).hears(),
        page("get", "/deposits/{id}/capture/screenshot/{place}", &i, none).hears(),
        page("get", "/deposits/{id}/capture/file/{place}", &i, none).hears(),
        page("get", "/deposits/{id}/capture/snapshot", &i, none).hears(),
        page("post", "/deposits/{id}/compare", &i, &[("with", "")]).hears(),
        page("post", "/deposits/{id}/discard", &i, &password).hears(),
        page("post", "/deposits/{id}/links", &i, &[("claims", "yes"), ("until", &day)]),
        page("post", "/deposits/{id}/links/{number}/end", &[&id, &link], none),
        page("post", "/deposits/{id}/links/{number}/end", &[&own, &link], none).rests(),
        page("post", "/deposits/{id}/shops", &i, &[("shop", &shop)]),
        page("post", "/account/shops/{id}/end", &[&shop], none),
        page("get", "/deposits/{id}/erase", &i, none),
        page("post", "/deposits/{id}/erase", &i, &password),
    ]);
    let both = |route: &portal::Route| matches!(route.who, portal::Who::SignedIn | portal::Who::Token);
    for route in portal::ROUTES.iter().filter(|route| both(route) && route.path.contains('{')) {
        let tried = tries.iter().any(|t| (t.method, t.route) == (route.method, route.path));
        assert!(tried, "no number was tried on {} {}", route.method, route.path);
    }

    let secrets = ["私密", "haitang-shop.example", "hooks.example", HAITANG[1].1, HAITANG[2].1];
    other.browser.get("/account");
    let mut heard = Vec::new();
    for t in &tries {
        let (what, answer) = (format!("{} {}", t.method, t.path(&t.ids)), t.send(&mut other, &t.ids));
        assert_eq!(answer.status, 404, "{what}: {}", answer.body);
        let (hers, nobodys) = (said(&answer, &t.ids), t.nobodys());
        let never = t.send(&mut other, &nobodys);
        assert_eq!((never.status, said(&never, &nobodys)), (404, hers.clone()), "{what}: as one that never was");
        for secret in secrets {
            assert!(!answer.body.contains(secret), "{what}: {secret}");
        }
        heard.push(hers);
    }

    // Where a number goes that is no part of the address: refused by its field, or not there.
    let mut refused = |path: &str, fields: &[(&str, &str)], statuses: &[u16]| {
        let answer = other.browser.post(path, fields);
        assert!(statuses.contains(&answer.status), "{path} {fields:?}: {} {}", answer.status, answer.body);
        assert!(!secrets.iter().any(|secret| answer.body.contains(secret)), "{path}: {}", answer.body);
    };
    let (pick, ticked) = (format!("pick-{id}"), format!("shop-{shop}"));
    refused("/library/chosen", &[("act", "collection"), (&pick, "on")], &[404, 422]);
    refused("/library/chosen", &[("act", "certificates"), (&pick, "on")], &[404, 422]);
    refused(
        "/account/people",
        &[("name", "李"), ("days", "3"), ("view", "yes"), ("limited", "yes"), (&ticked, "yes")],
        &[422],
    );
    refused(&format!("/deposits/{own}/shops"), &[("shop", &shop)], &[422]);
    for act in ["preview", "record"] {
        refused("/licences/new", &[("pictures", &id), ("licensee", "丙"), ("act", act)], &[422]);
        refused("/licences/new", &[("whole-shop", &shop), ("licensee", "丙"), ("act", act)], &[422]);
    }
    let place = begun(&mut other, 4);
    let piece =
        [("content-type", "application/offset+octet-stream"), ("upload-offset", "0"), ("tus-resumable", "1.0.0")];
    assert_eq!(other.api("PATCH", &format!("/api/v1/uploads/{place}"), &piece, b"mine").status, 204);
    let attached = json!({"attachments": [id]}).to_string();
    let kind = [("content-type", "application/json"), ("tus-resumable", "1.0.0")];
    let answer = other.api("POST", &format!("/api/v1/uploads/{place}/deposit"), &kind, attached.as_bytes());
    assert!(answer.status == 422 && answer.body.contains("\"field\":\"attachments\""), "{}", answer.body);
    let after = other.api("GET", &format!("/api/v1/records?after={id}"), &[], &[]);
    assert!(after.status == 422 && !after.body.contains("私密"), "{}", after.body);
    for path in [
        "/library",
        "/library.csv",
        "/captures",
        "/account",
        "/account/hooks",
        "/",
        "/account/people",
        "/account/shops",
    ] {
        let page = other.browser.get(path).body;
        assert!(!secrets.iter().any(|secret| page.contains(secret)), "{path}: {page}");
    }
    let log = other.browser.get(&format!("/account/audit?who={person}")).body;
    assert!(!log.contains("私密"), "{log}");
    let pages = other.browser.clone();

    // All of it is there still, and as it was: its owner does what he tried.
    let ended = (0..600).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        owner.browser.get("/captures").body.contains("没有取得")
    });
    assert!(ended, "the capture of a name that nobody has");
    for (t, heard) in tries.iter().zip(&heard).filter(|(t, _)| t.owner != Owner::Rests) {
        let (what, answer) = (format!("{} {} by its owner", t.method, t.path(&t.ids)), t.send(&mut owner, &t.ids));
        match t.owner {
            Owner::Hears => {
                assert!([404, 409, 422].contains(&answer.status), "{what}: {} {}", answer.status, answer.body);
                assert_ne!(&said(&answer, &t.ids), heard, "{what}");
            }
            _ => assert!(answer.status < 400, "{what}: {} {}", answer.status, answer.body),
        }
    }
    other.browser = Browser { csrf: owner.browser.csrf.clone(), ..pages };
    assert_eq!(other.browser.post("/sign-out", &[]).status, 403, "a form of one session is of no use in another");
}
