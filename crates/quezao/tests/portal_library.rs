//! The library, links and looking up: many records at once, a picture that is only a copy, what a stranger is shown.
#![allow(clippy::unwrap_used)]

mod house;

use house::{Answer, Browser, House};
use serde_json::Value;
use std::{fs, process::Command};

const KIND: (&str, &str) = ("content-type", "multipart/form-data; boundary=edge");

/// Blocks of any colour: nobody's picture, and none like another.
fn picture(seed: u32) -> image::DynamicImage {
    let colour = |n: u32| (n.wrapping_mul(2_654_435_761).wrapping_add(seed.wrapping_mul(40_503)) >> 9) as u8;
    let block = |x: u32, y: u32| (x / 75) + 31 * (y / 60);
    let pixel = |x: u32, y: u32| image::Rgb([block(x, y), block(x, y) + 977, block(x + 20, y)].map(colour));
    image::RgbImage::from_fn(900, 600, pixel).into()
}

fn jpeg(picture: &image::DynamicImage, quality: u8) -> Vec<u8> {
    let mut out = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, quality).encode_image(picture).unwrap();
    out
}

/// Fields, then one file under `name`.
fn multipart(fields: &[(&str, &str)], file: Option<(&str, &str, &[u8])>) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend(format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
    }
    if let Some((field, name, bytes)) = file {
        let head = format!("--edge\r\ncontent-disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\r\n");
        body.extend(head.bytes());
        body.extend_from_slice(bytes);
        body.extend(b"\r\n");
    }
    body.extend(b"--edge--\r\n");
    body
}

fn register(browser: &mut Browser, title: &str, name: &str, bytes: &[u8]) -> String {
    browser.get("/register");
    let csrf = browser.csrf.clone();
    let heads = [KIND, ("accept", "application/json"), ("x-csrf", csrf.as_str())];
    let body = multipart(&[("title", title)], Some(("files", name, bytes)));
    let answer = browser.send("POST", "/register", &heads, &body);
    let lines: Value = serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{}", answer.body));
    lines[0]["id"].as_str().unwrap_or_else(|| panic!("{lines}")).to_owned()
}

fn upload(browser: &mut Browser, page: &str, to: &str, fields: &[(&str, &str)], file: (&str, &str, &[u8])) -> Answer {
    browser.get(page);
    let csrf = browser.csrf.clone();
    let all: Vec<(&str, &str)> = [("csrf", csrf.as_str())].into_iter().chain(fields.iter().copied()).collect();
    let file = Some(file).filter(|(_, name, _)| !name.is_empty());
    browser.send("POST", to, &[KIND], &multipart(&all, file))
}

/// Names and first bytes in a ZIP, read by somebody else.
fn unzip(house: &House, bytes: &[u8]) -> Vec<(String, String)> {
    let path = house.work.path().join("out.zip");
    fs::write(&path, bytes).unwrap();
    let script = "import sys,json,zipfile\nz=zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\n\
                  print(json.dumps([[n,z.read(n)[:400].decode('utf-8','replace')] for n in z.namelist()]))";
    let read = Command::new("python3").args(["-c", script]).arg(&path).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    serde_json::from_slice(&read.stdout).unwrap()
}

fn status(house: &House, args: &[&str]) -> i32 {
    house.command().args(args).output().unwrap().status.code().unwrap()
}

#[test]
fn many_are_taken_away_at_once() {
    let (house, mut owner) = House::set_up();
    let ids = [1, 2].map(|n| register(&mut owner, &format!("漆碗/{n}"), &format!("{n}.jpg"), &jpeg(&picture(n), 90)));
    register(&mut owner, "=1+1", "词.txt", b"words");
    let page = owner.get("/library").body;
    assert!(page.contains(&format!("name=\"pick-{}\"", ids[0])) && page.contains("3 件，新的在前"));

    // Ticked ones, in the language asked for.
    let picks: Vec<String> = ids.iter().map(|id| format!("pick-{id}")).collect();
    let zip =
        owner.post("/library/chosen", &[("act", "certificates"), ("lang", "en"), (&picks[0], "on"), (&picks[1], "on")]);
    assert_eq!((zip.status, zip.head("content-type")), (200, Some("application/zip")));
    let inside = unzip(&house, &zip.bytes);
    let mut names: Vec<String> = inside.iter().map(|(name, _)| name.clone()).collect();
    names.sort();
    assert_eq!(names, [format!("漆碗_1 {}.pdf", ids[0]), format!("漆碗_2 {}.pdf", ids[1])]);
    assert!(inside.iter().all(|(_, bytes)| bytes.starts_with("%PDF-")));
    // All that a search finds, without ticking.
    owner.get("/library?q=%E6%BC%86");
    let zip = owner.post("/library/chosen", &[("act", "certificates"), ("all", "yes"), ("q", "漆")]);
    assert_eq!(unzip(&house, &zip.bytes).len(), 2);
    // Nothing, and what is nobody's.
    assert_eq!(owner.post("/library/chosen", &[("act", "certificates")]).status, 422);
    let stray = "pick-019abcde-0000-7000-8000-000000000000";
    assert_eq!(owner.post("/library/chosen", &[("act", "certificates"), (stray, "on")]).status, 404);

    // One record for both, verified like any other.
    let made = owner
        .post("/library/chosen", &[("act", "collection"), ("title", "秋季"), (&picks[0], "on"), (&picks[1], "on")]);
    assert_eq!(made.status, 303, "{}", made.body);
    let at = made.head("location").unwrap().to_owned();
    let shown = owner.get(&at).body;
    assert!(shown.contains("秋季") && shown.contains("合集"), "{shown}");
    fs::write(house.work.path().join("c.pdf"), owner.get(&format!("{at}/certificate.pdf")).bytes).unwrap();
    assert_eq!(status(&house, &["verify", "--trust", "data/trust", "c.pdf"]), 0);

    // The list: for spreadsheets, and nothing in it is a formula.
    let csv = owner.get("/library.csv");
    assert!(csv.bytes.starts_with(b"\xef\xbb\xbf") && csv.head("content-type").unwrap().starts_with("text/csv"));
    let lines: Vec<&str> = csv.body.lines().collect();
    assert_eq!(lines.len(), 5, "{}", csv.body);
    assert!(csv.body.contains("\"'=1+1\"") && !csv.body.contains("\"=1+1\""));
    assert_eq!(owner.get("/library.csv?kind=image").body.lines().count(), 3);
    assert_eq!(owner.get("/library?state=sealed&from=2026-13-01").status, 422);
    assert!(owner.get("/library?state=sealed&from=2020-01-01&until=2020-01-02").body.contains("没有符合的证据"));
}

#[test]
fn a_copy_leads_to_the_picture_that_was_registered() {
    let (_house, mut owner) = House::set_up();
    let bytes = jpeg(&picture(1), 92);
    let id = register(&mut owner, "朱红漆碗", "IMG_1.JPG", &bytes);
    register(&mut owner, "别的", "IMG_2.JPG", &jpeg(&picture(2), 92));
    let mut find =
        |name: &str, bytes: &[u8]| upload(&mut owner, "/library", "/library/find", &[], ("picture", name, bytes));
    let same = find("a.jpg", &bytes);
    assert!(same.body.contains("逐字节相同") && same.body.contains(&id), "{}", same.body);
    let copy = jpeg(&picture(1).thumbnail(300, 300), 60);
    let near = find("small.jpg", &copy).body;
    assert!(near.contains("相近") && near.contains("朱红漆碗") && !near.contains("别的"), "{near}");
    assert!(find("other.jpg", &jpeg(&picture(9), 80)).body.contains("没有这张图片"));
    assert!(find("words.txt", b"words").body.contains("只查找了完全相同的文件"));
    assert_eq!(find("", b"").status, 422);

    // Verifying with the copy fails, and its owner, nobody else, is told which picture it is a copy of.
    let pdf = owner.get(&format!("/deposits/{id}/certificate.pdf")).bytes;
    let mut stranger = owner.clone();
    stranger.cookies.clear();
    for (browser, told) in [(&mut owner, true), (&mut stranger, false)] {
        browser.get("/verify");
        let csrf = browser.csrf.clone();
        let mut body = multipart(&[("csrf", csrf.as_str())], Some(("evidence", "c.pdf", &pdf)));
        body.truncate(body.len() - "--edge--\r\n".len());
        body.extend(multipart(&[], Some(("originals", "small.jpg", &copy))));
        let page = browser.send("POST", "/verify", &[KIND], &body).body;
        assert!(page.contains("核验不一致"), "{page}");
        assert_eq!(page.contains("像是您的一张图片") && page.contains("IMG_1.JPG"), told, "{page}");
    }
}

#[test]
fn a_link_shows_what_its_owner_chose_until_it_ends() {
    let house = House::open(tempfile::tempdir().unwrap());
    let mut owner = house.browser();
    let path = house.set_up.clone().unwrap();
    owner.get(&path);
    let mut fields = house::lin_wan();
    fields.retain(|(name, _)| !["relation", "operator_name"].contains(name));
    fields.extend([
        ("operator_name", "钱塘公证处"),
        ("relation", "other"),
        ("owner_kind", "individual"),
        ("owner_name", "顾三娘"),
    ]);
    assert_eq!(owner.post(&path, &fields).status, 303);
    let bytes = jpeg(&picture(1), 92);
    let id = register(&mut owner, "朱红漆碗", "IMG_1.JPG", &bytes);
    let until = "2099-01-01";
    let page = format!("/deposits/{id}");
    owner.get(&page);
    assert_eq!(
        owner.post(&format!("{page}/links"), &[("picture", "yes"), ("until", until)]).status,
        422,
        "too far off"
    );
    let until = tomorrow();
    let mut link = |shows: &[&str]| {
        owner.get(&page);
        let mut fields: Vec<(&str, &str)> = shows.iter().map(|what| (*what, "yes")).collect();
        fields.push(("until", until.as_str()));
        let made = owner.post(&format!("{page}/links"), &fields);
        assert_eq!(made.status, 200, "{}", made.body);
        format!("/s/{}", &made.body.split("/s/").nth(1).unwrap()[..64])
    };
    let (nameless, bare, named) = (link(&["original"]), link(&["picture", "package"]), link(&["certificate"]));
    let stored = fs::read(house.data().join("quezao.db")).unwrap();
    let token = bare.trim_start_matches("/s/").as_bytes();
    assert!(!stored.windows(64).any(|w| w == token), "only the token's digest is kept");

    let mut stranger = house.browser();
    let shown = stranger.get(&bare);
    assert_eq!(shown.status, 200);
    assert!(shown.head("x-robots-tag").unwrap().contains("noindex"));
    assert_eq!(shown.head("referrer-policy"), Some("no-referrer"));
    assert!(shown.body.contains(&id) && shown.body.contains("核验一致") && shown.body.contains("分享者没有披露"));
    for secret in ["顾三娘", "朱红漆碗", "IMG_1", "林晚"] {
        assert!(!shown.body.contains(secret), "{secret}: {}", shown.body);
    }
    assert!(stranger.get(&format!("{bare}/picture.jpg")).bytes.starts_with(&[0xff, 0xd8]));
    for withheld in ["certificate.pdf", "original"] {
        assert_eq!(stranger.get(&format!("{bare}/{withheld}")).status, 404, "{withheld}");
    }
    // What is withheld is not in the package, and the package holds.
    let package = stranger.get(&format!("{bare}/package.zip")).bytes;
    let inside = unzip(&house, &package);
    assert!(inside.iter().all(|(name, _)| name != "certificate.pdf"));
    let (_, disclosure) = inside.iter().find(|(name, _)| name == "disclosure.json").unwrap();
    assert_eq!(disclosure, "[]");
    fs::write(house.work.path().join("p.zip"), &package).unwrap();
    fs::write(house.work.path().join("original.jpg"), &bytes).unwrap();
    assert_eq!(status(&house, &["verify", "--trust", "data/trust", "p.zip", "original.jpg"]), 0);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../archive/assets/verify.py");
    let mut python = Command::new("python3");
    python.arg(script).args(["--trust", "data/trust", "p.zip", "original.jpg"]).current_dir(house.work.path());
    assert_eq!(python.output().unwrap().status.code(), Some(0));
    // Nor does the original's own name come with it.
    let original = stranger.get(&format!("{nameless}/original"));
    let called = original.head("content-disposition").unwrap();
    assert!(original.bytes == bytes && called.contains(&format!("{id}.jpeg")) && !called.contains("IMG_1"), "{called}");
    // A certificate prints them, so its link says them.
    let shown = stranger.get(&named).body;
    assert!(shown.contains("顾三娘") && shown.contains("朱红漆碗"), "{shown}");
    assert!(stranger.get(&format!("{named}/certificate.pdf")).bytes.starts_with(b"%PDF-"));

    // Ended by its owner, ended by its day, never made.
    let list = owner.get(&page).body;
    assert!(list.contains("打开过 1 次"), "{list}");
    let number = list.split(&format!("{page}/links/")).nth(1).unwrap().split('/').next().unwrap().to_owned();
    assert_eq!(owner.post(&format!("{page}/links/{number}/end"), &[]).status, 303);
    assert_eq!(owner.post(&format!("{page}/links/{number}/end"), &[]).status, 404);
    let gone = stranger.get(&named);
    assert!(gone.status == 410 && gone.body.contains("链接已经结束"), "{}", gone.body);
    let sql = "import sqlite3,sys\nd=sqlite3.connect(sys.argv[1],timeout=20)\n\
               d.execute('UPDATE shares SET expires_at=1')\nd.commit()\n\
               print([a for (a,) in d.execute(\"SELECT act FROM acts WHERE act LIKE '%share%' ORDER BY seq\")])";
    let aged = Command::new("python3").args(["-c", sql]).arg(house.data().join("quezao.db")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&aged.stdout).trim(), "['share', 'share', 'share', 'end-share']");
    let mut other = house.browser();
    for (path, status) in
        [(bare.clone(), 410), (format!("{bare}/package.zip"), 410), (format!("/s/{}", "0".repeat(64)), 404)]
    {
        assert_eq!(other.get(&path).status, status, "{path}");
    }
    // As seldom as a password may be tried.
    let tries: Vec<u16> = (0..25).map(|n| other.get(&format!("/s/{n:064}")).status).collect();
    assert!(tries.contains(&429), "{tries:?}");
}

#[test]
fn a_number_from_paper_is_answered_without_names() {
    let (house, mut owner) = House::set_up();
    let bytes = jpeg(&picture(1), 92);
    let id = register(&mut owner, "朱红漆碗", "IMG_1.JPG", &bytes);
    let record: Value = serde_json::from_slice(&owner.get(&format!("/deposits/{id}/parts/record.json")).bytes).unwrap();
    let file = &record["statement"]["file"];
    let [sha256, sm3] = ["sha256", "sm3"].map(|name| file[name].as_str().unwrap().to_owned());
    let grouped: Vec<String> =
        sha256.to_uppercase().as_bytes().chunks(8).map(|c| String::from_utf8_lossy(c).into()).collect();
    let mut stranger = house.browser();
    let mut ask = |typed: &str, name: &str, bytes: &[u8]| {
        upload(&mut stranger, "/verify", "/verify/record", &[("typed", typed)], ("original", name, bytes))
    };
    for typed in [id.as_str(), &grouped.join(" "), &sm3] {
        let said = ask(typed, "a.jpg", &bytes);
        assert!(said.status == 200 && said.body.contains("与放入的文件一致"), "{typed}: {}", said.body);
        assert!(!said.body.contains("朱红漆碗") && !said.body.contains("IMG_1"), "{}", said.body);
    }
    // By the file alone; another file; a number that nobody has; what is neither.
    assert!(ask("", "a.jpg", &bytes).body.contains(&id));
    assert!(ask(&id, "b.jpg", &jpeg(&picture(1), 50)).body.contains("与放入的文件不同"));
    assert!(ask("019abcde-0000-7000-8000-000000000000", "", b"").body.contains("没有这样的记录"));
    assert!(ask(&"0".repeat(64), "", b"").body.contains("没有这样的记录"));
    let wrong = ask("d9f2babb 1673", "", b"");
    assert!(wrong.status == 422 && wrong.body.contains("d9f2babb 1673"), "{}", wrong.body);
    assert_eq!(ask("", "", b"").status, 422);
    assert!(house.browser().get(&format!("/verify/record?typed={id}")).body.contains(&sha256[..8]));
}

/// The same picture with EXIF in which a camera says when (TIFF 6.0, Exif 2.32: DateTimeOriginal in the Exif IFD).
fn taken(jpeg: &[u8], when: &str) -> Vec<u8> {
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let one = |entry: Vec<u8>| [&1u16.to_le_bytes()[..], &entry, &0u32.to_le_bytes()].concat();
    let tiff = [b"II*\0\x08\0\0\0".to_vec(), one(entry(0x8769, 4, 1, 26)), one(entry(0x9003, 2, 20, 44))].concat();
    let data = [b"Exif\0\0", &tiff[..], when.as_bytes(), b"\0"].concat();
    let length = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &data, &jpeg[2..]].concat()
}

#[test]
fn what_a_camera_says_is_for_the_owners_eyes() {
    let (house, mut owner) = House::set_up();
    let id = register(&mut owner, "枫叶", "leaf.jpg", &taken(&jpeg(&picture(3), 90), "2025:10:18 14:22:10"));
    let page = format!("/deposits/{id}");
    let shown = owner.get(&page).body;
    assert!(shown.contains("2025-10-18 14:22:10") && shown.contains("EXIF DateTimeOriginal"), "{shown}");
    let until = tomorrow();
    let made = owner.post(&format!("{page}/links"), &[("picture", "yes"), ("claims", "yes"), ("until", &until)]);
    let link = format!("/s/{}", &made.body.split("/s/").nth(1).unwrap()[..64]);
    let shown = house.browser().get(&link).body;
    assert!(shown.contains("枫叶") && !shown.contains("2025-10-18"), "{shown}");
}

/// A day from today on, as the people here count days.
fn tomorrow() -> String {
    let at = Command::new("date").env("TZ", "Asia/Shanghai").args(["-d", "+1 day", "+%F"]).output().unwrap();
    String::from_utf8(at.stdout).unwrap().trim().to_owned()
}
