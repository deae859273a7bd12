//! Registering through the portal: what comes in is on the ledger, found again, and verified by the program itself.
#![allow(clippy::unwrap_used)]

mod house;

use house::{Browser, House};
use serde_json::Value;
use std::{fs, io::Write, net::TcpStream, path::Path};

/// A small picture, another one for each seed.
fn photograph(seed: u8) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(64, 48, |x, y| image::Rgb([seed, (x * 3) as u8, (y * 5) as u8]));
    let mut out = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut out, image::ImageFormat::Jpeg).unwrap();
    out.into_inner()
}

fn multipart(fields: &[(&str, &str)], files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend(format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
    }
    for (name, bytes) in files {
        let head = format!("--edge\r\ncontent-disposition: form-data; name=\"files\"; filename=\"{name}\"\r\n\r\n");
        body.extend(head.bytes());
        body.extend_from_slice(bytes);
        body.extend(b"\r\n");
    }
    body.extend(b"--edge--\r\n");
    body
}

const KIND: (&str, &str) = ("content-type", "multipart/form-data; boundary=edge");

/// As the page's script sends it: one line for each file.
fn register(browser: &mut Browser, fields: &[(&str, &str)], files: &[(&str, &[u8])]) -> Vec<Value> {
    browser.get("/register");
    let csrf = browser.csrf.clone();
    let heads = [KIND, ("accept", "application/json"), ("x-csrf", csrf.as_str())];
    let answer = browser.send("POST", "/register", &heads, &multipart(fields, files));
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

fn incoming(house: &House) -> usize {
    let names = fs::read_dir(house.data().join("originals/incoming")).map(|d| d.flatten().collect::<Vec<_>>());
    names.unwrap_or_default().iter().filter(|e| e.file_name().to_string_lossy().starts_with("upload-")).count()
}

#[test]
fn a_picture_goes_in_and_its_evidence_comes_out() {
    let (house, mut owner) = House::set_up();
    let bytes = photograph(1);
    let rights = [("title", "林荫道 <b>"), ("author", "林晚"), ("work_origin", "self")];
    let lines = register(&mut owner, &rights, &[("秋.jpg", &bytes)]);
    assert_eq!((lines[0]["status"].as_str(), lines[0]["file"].as_str()), (Some("new"), Some("秋.jpg")));
    let id = lines[0]["id"].as_str().unwrap().to_owned();

    let page = owner.get(&format!("/deposits/{id}")).body;
    for said in ["林荫道 &lt;b&gt;", "核验一致，有保留", "自行创作", "办理人", "时间线", &id] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(!page.contains("<b>"), "what was typed is text");
    let picture = owner.get(&format!("/deposits/{id}/picture.jpg"));
    assert!(picture.status == 200 && picture.bytes.starts_with(&[0xff, 0xd8]));

    // What a stranger would check, with the program and the folder's trust.
    let work = house.work.path();
    fs::write(work.join("original.jpg"), &bytes).unwrap();
    for (part, name) in
        [("certificate.pdf?lang=zh", "c.pdf"), ("certificate.pdf?lang=en", "e.pdf"), ("package.zip", "p.zip")]
    {
        let answer = owner.get(&format!("/deposits/{id}/{part}"));
        assert_eq!(answer.status, 200, "{part}: {}", answer.body);
        assert!(answer.head("content-disposition").unwrap().starts_with("attachment"));
        fs::write(work.join(name), &answer.bytes).unwrap();
        let verified =
            house.command().args(["verify", "--trust", "data/trust", name, "original.jpg"]).output().unwrap();
        assert!(verified.status.success(), "{part}: {}", String::from_utf8_lossy(&verified.stdout));
    }
    let record = owner.get(&format!("/deposits/{id}/parts/record.json"));
    let record: Value = serde_json::from_slice(&record.bytes).unwrap();
    assert_eq!(record["statement"]["id"], id.as_str());
    assert_eq!(owner.get(&format!("/deposits/{id}/parts/keys.pem")).status, 404);
    assert_eq!(owner.get(&format!("/deposits/{id}/original")).bytes, bytes);
    assert_eq!(incoming(&house), 0);

    // The same again is the same record.
    let again = register(&mut owner, &rights, &[("秋.jpg", &bytes)]);
    assert_eq!((again[0]["status"].as_str(), again[0]["id"].as_str()), (Some("existing"), Some(id.as_str())));
}

#[test]
fn errors_stand_beside_the_file_they_belong_to() {
    let (house, mut owner) = House::set_up();
    let lines =
        register(&mut owner, &[], &[("空.jpg", b""), ("好.jpg", &photograph(2)), ("../../etc/passwd", b"root")]);
    assert_eq!(lines[0]["status"], "failed");
    let said = lines[0]["error"].as_str().unwrap();
    assert!(said.contains("空.jpg：空文件不能存证") && !said.contains("incoming"), "{said}");
    assert_eq!(lines[1]["status"], "new");
    // A path is a name here, never a place.
    assert_eq!(lines[2]["status"], "new");
    let long = "长".repeat(100) + ".jpg";
    let lines = register(&mut owner, &[], &[(&long, b"x")]);
    assert_eq!(lines[0]["status"], "failed");
    let lines = register(&mut owner, &[("published_at", "2026-11-31")], &[("a.jpg", &photograph(3))]);
    assert!(lines[0]["error"].as_str().unwrap().contains("2026-11-31"));
    let lines = register(&mut owner, &[("title", "林\u{202e}晚")], &[("a.jpg", &photograph(3))]);
    assert_eq!(lines[0]["status"], "failed");
    assert_eq!(incoming(&house), 0);
}

#[test]
fn a_plain_form_takes_many_files_without_a_script() {
    let (_house, mut owner) = House::set_up();
    owner.get("/register");
    let csrf = owner.csrf.clone();
    let (one, two) = (photograph(4), photograph(5));
    // Claims may come after the files.
    let mut body = multipart(&[("csrf", csrf.as_str())], &[("一.jpg", &one), ("二.jpg", &two), ("空.jpg", b"")]);
    body.truncate(body.len() - "--edge--\r\n".len());
    body.extend(multipart(&[("author", "林晚")], &[]));
    let page = owner.send("POST", "/register", &[KIND], &body);
    assert!(page.status == 200 && page.body.contains("2 个已存证，1 个没有成功"), "{}", page.body);
    let library = owner.get("/library").body;
    assert!(library.contains("一.jpg") && library.contains("二.jpg"));
    let home = owner.get("/").body;
    assert!(home.contains("二.jpg") && home.contains("全部 2 件"), "{home}");
}

#[test]
fn the_library_finds_by_title_number_digest_day_and_kind() {
    let (house, mut owner) = House::set_up();
    let bytes = photograph(6);
    let lines = register(&mut owner, &[("title", "红色漆碗")], &[("bowl.jpg", &bytes)]);
    let id = lines[0]["id"].as_str().unwrap().to_owned();
    register(&mut owner, &[("title", "灰色挂钟")], &[("clock.txt", b"tick")]);
    fs::write(house.work.path().join("b.jpg"), &bytes).unwrap();
    let sha256 = service::digests(Path::new(&house.work.path().join("b.jpg")), &mut |_| ()).unwrap().sha256;
    let hex: String = sha256.iter().map(|b| format!("{b:02x}")).collect();
    let day = &hex[..12];
    for (query, bowl, clock) in [
        ("", true, true),
        ("q=%E6%BC%86%E7%A2%97", true, false),
        (&format!("q={}", &id[..18]), true, true),
        (&format!("q={id}"), true, false),
        (&format!("q={day}"), true, false),
        ("q=1999-01-01", false, false),
        ("kind=image", true, false),
        ("kind=file", false, true),
        ("q=%25", false, false),
        ("page=999999999999", false, false),
        ("page=-1&kind=nothing", true, true),
    ] {
        let page = owner.get(&format!("/library?{query}"));
        assert_eq!(page.status, 200, "{query}");
        assert_eq!(page.body.contains("红色漆碗"), bowl, "{query}");
        // Two numbers of one millisecond may begin alike.
        assert!(page.body.contains("灰色挂钟") == clock || query.len() == 20, "{query}");
    }
    let long = "q=".to_owned() + &"x".repeat(5000);
    assert_eq!(owner.get(&format!("/library?{long}")).status, 200);
}

#[test]
fn what_is_cut_off_or_forged_leaves_nothing() {
    let (house, mut owner) = House::set_up();
    owner.get("/register");
    let bytes = photograph(7);
    // Without the page's token, before it, or with another's: refused, and nothing kept.
    for fields in [vec![], vec![("csrf", "0")]] {
        let answer = owner.send("POST", "/register", &[KIND], &multipart(&fields, &[("a.jpg", &bytes)]));
        assert_eq!(answer.status, 403, "{}", answer.body);
    }
    let csrf = owner.csrf.clone();
    let heads = [KIND, ("x-csrf", csrf.as_str())];
    assert_eq!(owner.send("POST", "/register", &heads, &multipart(&[], &[])).status, 422);
    assert_eq!(owner.send("POST", "/register", &heads, &multipart(&[("owner_name", "张三")], &[])).status, 422);
    assert_eq!(owner.send("POST", "/register", &heads, b"--edge\r\nnonsense").status, 422);
    // The connection breaks in the middle of a file.
    let body = multipart(&[("csrf", csrf.as_str())], &[("a.jpg", &[7; 100_000])]);
    let cookies: Vec<String> = owner.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
    let mut stream = TcpStream::connect(house.address).unwrap();
    let head = format!(
        "POST /register HTTP/1.1\r\nhost: {}\r\n{}: {}\r\ncookie: {}\r\ncontent-length: {}\r\n\r\n",
        house.address,
        KIND.0,
        KIND.1,
        cookies.join("; "),
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body[..60_000]).unwrap();
    drop(stream);
    for _ in 0..100 {
        if incoming(&house) == 0 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(incoming(&house), 0, "nothing is left of it");
    assert!(owner.get("/library").body.contains("证据库是空的"));
    for path in ["/deposits/x", "/deposits/019abcde-0000-7000-8000-000000000000", "/deposits/%00"] {
        assert_eq!(owner.get(path).status, 404, "{path}");
    }
}

#[test]
fn strangers_programs_read_the_ledger_and_ask_for_time() {
    let (house, mut owner) = House::set_up();
    register(&mut owner, &[], &[("a.jpg", &photograph(8))]);
    let mut stranger = house.browser();
    let checkpoint = stranger.get("/ledger/checkpoint");
    let published = fs::read(house.data().join("ledger/checkpoint")).unwrap();
    assert!(checkpoint.status == 200 && checkpoint.bytes == published && !published.is_empty());
    let tile = stranger.get("/ledger/tile/0/000.p/2");
    assert_eq!((tile.status, tile.bytes.len()), (200, 64), "two leaves: the operator, the picture");
    assert!(tile.head("cache-control").unwrap().contains("immutable"));
    for bad in ["/ledger/tile/../checkpoint", "/ledger/tile/0/%2e%2e/%2e%2e/%2e%2e/keys/ledger.pem", "/ledger/keys"] {
        assert_eq!(stranger.get(bad).status, 404, "{bad}");
    }
    // openssl asks, openssl checks.
    let work = house.work.path();
    fs::write(work.join("data.txt"), "anything").unwrap();
    let openssl = |args: &[&str]| {
        let output = std::process::Command::new("openssl").args(args).current_dir(work).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    openssl(&["ts", "-query", "-data", "data.txt", "-sha256", "-cert", "-out", "q.tsq"]);
    let query = fs::read(work.join("q.tsq")).unwrap();
    let kind = [("content-type", "application/timestamp-query")];
    let answer = stranger.send("POST", "/tsa", &kind, &query);
    assert_eq!((answer.status, answer.head("content-type")), (200, Some("application/timestamp-reply")));
    fs::write(work.join("a.tsr"), &answer.bytes).unwrap();
    openssl(&["ts", "-verify", "-queryfile", "q.tsq", "-in", "a.tsr", "-CAfile", "data/authority/root.pem"]);
    assert_eq!(stranger.send("POST", "/tsa", &[("content-type", "text/plain")], &query).status, 415);
    assert_eq!(stranger.send("POST", "/tsa", &kind, &[0; 20 << 10]).status, 413);
    // What is no request gets an answer that says so.
    let answer = stranger.send("POST", "/tsa", &kind, b"nonsense");
    assert!([200, 422].contains(&answer.status) && answer.status != 500);
}

#[test]
fn anybody_verifies_and_is_told_whose_roots_were_used() {
    let (house, mut owner) = House::set_up();
    let bytes = photograph(9);
    let lines = register(&mut owner, &[], &[("a.jpg", &bytes)]);
    let id = lines[0]["id"].as_str().unwrap().to_owned();
    let pdf = owner.get(&format!("/deposits/{id}/certificate.pdf")).bytes;
    let zip = owner.get(&format!("/deposits/{id}/package.zip")).bytes;
    let mut other = bytes.clone();
    other[20] ^= 1;
    let mut broken = zip.clone();
    broken[900] ^= 1;
    let mut stranger = house.browser();
    stranger.get("/verify");
    let mut verify = |evidence: &[u8], original: Option<&[u8]>| {
        let mut body = multipart(&[("csrf", stranger.csrf.as_str())], &[]);
        body.truncate(body.len() - "--edge--\r\n".len());
        for (name, bytes) in [("evidence", Some(evidence)), ("originals", original)] {
            let Some(bytes) = bytes else { continue };
            let head = format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"f\"\r\n\r\n");
            body.extend(head.bytes());
            body.extend_from_slice(bytes);
            body.extend(b"\r\n");
        }
        body.extend(b"--edge--\r\n");
        stranger.send("POST", "/verify", &[KIND], &body)
    };
    for (evidence, original, phrase) in [
        (&pdf, Some(&bytes), "核验一致，有保留"),
        (&zip, Some(&bytes), "核验一致，有保留"),
        (&zip, None, "尚不完整"),
        (&pdf, Some(&other), "核验不一致"),
        (&broken, Some(&bytes), "核验不一致"),
    ] {
        let page = verify(evidence, original.map(Vec::as_slice));
        assert!(
            page.status == 200 && page.body.contains(&format!("<p class=\"phrase\">{phrase}</p>")),
            "{phrase}: {}",
            page.body
        );
        assert!(page.body.contains("运营者 林晚 给出的信任根") && page.body.contains("不能证明什么"));
    }
    assert_eq!(verify(b"neither", None).status, 422);
    assert_eq!(verify(b"", None).status, 422);
    assert_eq!(house.browser().send("POST", "/verify", &[KIND], &multipart(&[], &[])).status, 403);
}
