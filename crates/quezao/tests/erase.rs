//! What is erased is in no file of the folder; the ledger, and what was taken out before, stay as they were.
#![allow(clippy::unwrap_used)]

mod house;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use house::House;
use serde_json::Value;
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};
use testkit::tsa::Second;

const NAME: &str = "海棠-nowhere-else.jpg";
const TITLE: &str = "海棠与猫 nowhere else";

/// A picture that can be told from others; another one for each seed.
fn photograph(seed: u8) -> Vec<u8> {
    let value = |x: u32, y: u32, n: u32| ((x / 40) * 97 + (y / 40) * 53 * n + u32::from(seed) * 131) as u8;
    let picture = image::RgbImage::from_fn(320, 240, |x, y| image::Rgb([1, 2, 3].map(|n| value(x, y, n))));
    let mut out = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut out, image::ImageFormat::Jpeg).unwrap();
    out.into_inner()
}

struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        desk.ok(&["init", "--json", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚"]);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quezao"));
        command.args(args).current_dir(self.0.path()).env("QUEZAO_STATE_DIR", self.path("state"));
        command.env("LC_ALL", "C.UTF-8").env_remove("QUEZAO_DATA").stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn typed(&self, args: &[&str], text: &str) -> Output {
        let mut command = self.command(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    fn ok(&self, args: &[&str]) -> Vec<Value> {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        lines(&output)
    }

    fn deposit(&self, name: &str, bytes: &[u8], more: &[&str]) -> Value {
        fs::write(self.path(name), bytes).unwrap();
        self.ok(&[&["deposit", "--json", "--data", "data"], more, &[name]].concat()).remove(0)
    }
}

fn lines(output: &Output) -> Vec<Value> {
    String::from_utf8_lossy(&output.stdout).lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Files under `dir` that hold these bytes.
fn holding(dir: &Path, needle: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(holding(&path, needle));
        } else if memmem(&fs::read(&path).unwrap(), needle) {
            found.push(path);
        }
    }
    found
}

fn memmem(hay: &[u8], needle: &[u8]) -> bool {
    let first = needle[0];
    let mut from = 0;
    while let Some(at) = hay[from..].iter().position(|b| *b == first) {
        if hay[from + at..].starts_with(needle) {
            return true;
        }
        from += at + 1;
    }
    false
}

/// What must be found nowhere: name, title, every disclosure (and so every salt) as it is kept, some of the bytes, and
/// the picture's hashes.
fn needles(desk: &Desk, id: &str, bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    desk.ok(&["export", "--json", "--data", "data", "--output", "court", "--disclose", "full", id]);
    let package = fs::read(desk.path(&format!("court/{id}.full.zip"))).unwrap();
    let entries = archive::package::read(&package).unwrap().entries;
    let set = entries.iter().find(|(name, _)| name == "disclosure.json").unwrap();
    let set: Vec<String> = serde_json::from_slice(&set.1).unwrap();
    let mut needles: Vec<(String, Vec<u8>)> = Vec::new();
    for disclosure in &set {
        let open: Vec<Value> = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(disclosure).unwrap()).unwrap();
        needles.push((format!("disclosure of {}", open[1]), disclosure.clone().into_bytes()));
        needles.push((format!("salt of {}", open[1]), text(&open[0]).into_bytes()));
    }
    assert!(needles.len() > 30, "every claim has one");
    needles.push(("name".into(), NAME.as_bytes().to_vec()));
    needles.push(("title".into(), TITLE.as_bytes().to_vec()));
    let middle = bytes.len() / 2;
    needles.push(("bytes".into(), bytes[middle..middle + 48].to_vec()));
    let prints = fs::read(desk.path("data/similar/prints-1")).unwrap();
    let key = evidence::digest::sha256(bytes);
    let at = prints.windows(32).position(|w| w == key).unwrap();
    needles.push(("hashes of the picture".into(), prints[at + 32..at + 32 + 48].to_vec()));
    needles
}

/// The same, once a server has come to it.
fn soon_nowhere(dir: &Path, needle: &[u8]) {
    for _ in 0..300 {
        if holding(dir, needle).is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(holding(dir, needle), Vec::<PathBuf>::new());
}

fn nowhere(desk: &Desk, needles: &[(String, Vec<u8>)]) {
    for (what, needle) in needles {
        assert_eq!(holding(&desk.path("data"), needle), Vec::<PathBuf>::new(), "{what}");
    }
}

#[test]
fn nothing_that_opens_an_erased_record_is_left_in_the_folder() {
    let desk = Desk::new();
    let bytes = photograph(1);
    let first = desk.deposit(NAME, &bytes, &["--title", TITLE]);
    let id = text(&first["id"]);
    let other = text(&desk.deposit("other.jpg", &photograph(2), &["--title", "stays"])["id"]);
    let later = text(&desk.ok(&["rights", "add", "--json", "--data", "data", "--author", "林晚", &id])[0]["id"]);
    let collection = text(&desk.ok(&["collect", "--json", "--data", "data", &id, &other])[0]["id"]);
    desk.ok(&["export", "--json", "--data", "data", "--output", "out", "--originals", &id, &collection]);
    let needles = needles(&desk, &id, &bytes);
    fs::copy(desk.path("data/quezao.db"), desk.path("data/quezao.db.layout-6")).unwrap();
    let kept = needles.iter().filter(|(what, needle)| {
        let found = !holding(&desk.path("data"), needle).is_empty();
        assert!(found || what.starts_with("salt") || what == "title", "{what} is in the folder before");
        found
    });
    assert!(kept.count() > 20);
    let ledger = desk.ok(&["admin", "ledger-check", "--json", "--data", "data"]);

    // Said beforehand, from what is there; nothing is written.
    let plan = desk.ok(&["erase", "--json", "--dry-run", "--data", "data", &id]).remove(0);
    assert_eq!(plan["status"], "planned");
    assert_eq!((&plan["records"][1]["id"], &plan["records"][1]["along"]), (&Value::from(later.clone()), &true.into()));
    let lost = plan["lost"].to_string();
    for what in ["owner_name", "title", "tokens are destroyed", &later, &collection, &format!("{} bytes", bytes.len())]
    {
        assert!(lost.contains(what), "{what}: {lost}");
    }
    assert!(plan["stays"].to_string().contains("record.json at index 1"), "{plan}");
    for wrong in ["", &other, "yes\n"] {
        let refused = desk.typed(&["erase", "--data", "data", &id], wrong);
        assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    }
    assert_eq!(desk.ok(&["show", "--json", "--data", "data", &id])[0]["id"], *id);

    let done = desk.typed(&["erase", "--data", "data", &id], &format!("{id}\n"));
    assert!(done.status.success(), "{}", said(&done));
    nowhere(&desk, &needles);

    for args in [
        vec!["show", "--json", "--data", "data", &id],
        vec!["export", "--json", "--data", "data", "--output", "out", &id],
        vec!["erase", "--json", "--yes", "--data", "data", &id],
        vec!["show", "--json", "--data", "data", &later],
        vec!["export", "--json", "--data", "data", "--output", "out", &collection],
    ] {
        let refused = desk.run(&args);
        assert_eq!(refused.status.code(), Some(2), "{args:?}: {}", said(&refused));
        assert!(lines(&refused)[0]["error"].as_str().unwrap().contains("erased on"), "{}", said(&refused));
    }
    let listed = desk.ok(&["list", "--json", "--data", "data"]);
    let line = listed.iter().find(|l| l["id"] == *id).unwrap();
    assert_eq!((&line["status"], &line["index"], &line["sha256"]), (&"erased".into(), &1.into(), &Value::Null));
    assert_eq!(line["record_sha256"], first["record_sha256"]);
    let all = lines(&desk.run(&["export", "--json", "--data", "data", "--output", "all", "--all"]));
    let of = |id: &str| all.iter().filter(|l| l["id"] == *id).map(|l| l["error"].is_null()).collect::<Vec<_>>();
    assert_eq!((of(&id), of(&other), of(&collection)), (vec![], vec![true, true], vec![false]), "{all:?}");

    // The ledger is what it was, and so is what was exported.
    assert_eq!(desk.ok(&["admin", "ledger-check", "--json", "--data", "data"]), ledger);
    for package in [&id, &collection] {
        let package = format!("out/{package}.zip");
        desk.ok(&["verify", "--json", "--data", "data", &package, NAME]);
    }
    assert!(desk.ok(&["export", "--json", "--data", "data", "--output", "out", &other])[0]["error"].is_null());
    let again = desk.deposit(NAME, &bytes, &[]);
    assert_eq!(again["status"], "new");
    assert!(again["id"] != first["id"] && again["index"].as_u64() > first["index"].as_u64());
}

#[test]
fn bytes_that_another_record_is_of_stay_and_the_rest_goes() {
    let desk = Desk::new();
    let bytes = photograph(3);
    let one = text(&desk.deposit(NAME, &bytes, &["--title", TITLE])["id"]);
    let two = text(&desk.deposit("b.jpg", &bytes, &["--again"])["id"]);
    let plan = desk.ok(&["erase", "--json", "--yes", "--data", "data", &one]).remove(0);
    assert!(plan["stays"].to_string().contains(&two), "{plan}");
    desk.ok(&["export", "--json", "--data", "data", "--output", "out", "--originals", &two]);
    assert_eq!(fs::read(desk.path(&format!("out/{two}-b.jpg"))).unwrap(), bytes);
    assert_eq!(desk.ok(&["find", "--json", "--data", "data", "b.jpg"])[0]["id"], *two);
    assert_eq!(holding(&desk.path("data"), NAME.as_bytes()), Vec::<PathBuf>::new());
    // Leaf 0 is everybody's.
    let none = desk.run(&["erase", "--json", "--yes", "--data", "data", "019ab3c1-e6f0-7c4e-9f20-5d1e8a6b4c37"]);
    assert_eq!(none.status.code(), Some(2));
}

#[test]
fn a_file_that_was_only_read_is_recorded_anew_when_it_is_kept() {
    let desk = Desk::new();
    let bytes = photograph(10);
    let read = desk.deposit("a.jpg", &bytes, &["--digest-only"]);
    let kept = desk.deposit("a.jpg", &bytes, &[]);
    assert_eq!((&read["status"], &kept["status"]), (&"new".into(), &"new".into()));
    assert_ne!(read["id"], kept["id"]);
    assert_eq!(desk.deposit("b.jpg", &bytes, &[])["id"], kept["id"], "known by the one that keeps it");
    assert_eq!(desk.deposit("c.jpg", &bytes, &["--digest-only"])["status"], "existing");
    let (read, kept) = (text(&read["id"]), text(&kept["id"]));
    let out = ["export", "--json", "--data", "data", "--output", "out", "--originals"];
    let refused = desk.run(&[&out[..], &[&read]].concat());
    assert!(said(&refused).contains("was not kept"), "{}", said(&refused));
    desk.ok(&[&out[..], &[&kept]].concat());
    // What only read the file keeps it from nothing.
    desk.ok(&["erase", "--json", "--yes", "--data", "data", &kept]);
    let middle = bytes.len() / 2;
    assert_eq!(holding(&desk.path("data"), &bytes[middle..middle + 48]), Vec::<PathBuf>::new());
}

#[test]
fn an_erasing_that_is_killed_goes_on_at_the_next_opening() {
    let desk = Desk::new();
    let bytes = photograph(4);
    let id = text(&desk.deposit(NAME, &bytes, &["--title", TITLE])["id"]);
    let needles = needles(&desk, &id, &bytes);
    let copy = |from: &str, to: &str| {
        let _ = fs::remove_dir_all(desk.path(to));
        assert!(Command::new("cp").arg("-a").arg(desk.path(from)).arg(desk.path(to)).status().unwrap().success());
    };
    copy("data", "before");
    let mut begun = 0;
    for round in 0..14u64 {
        copy("before", "data");
        let mut child = desk.command(&["erase", "--yes", "--json", "--data", "data", &id]);
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(1500 + round * 9_973));
        let _ = child.kill();
        child.wait().unwrap();
        // Any writing command opens the folder as its writer.
        desk.ok(&["stamp", "--json", "--data", "data"]);
        let shown = desk.run(&["show", "--json", "--data", "data", &id]);
        if shown.status.success() {
            desk.ok(&["export", "--json", "--data", "data", "--output", "out", "--originals", &id]);
        } else {
            assert!(said(&shown).contains("erased on"), "{}", said(&shown));
            nowhere(&desk, &needles);
            begun += 1;
        }
    }
    println!("{begun} of 14 had begun");
}

#[test]
fn what_waits_for_a_token_goes_along_and_keeps_its_ledger_from_ending() {
    let desk = Desk::new();
    let id = text(&desk.deposit(NAME, &photograph(6), &[])["id"]);
    let other = text(&desk.deposit("other.jpg", &photograph(7), &[])["id"]);
    let second = Second::new();
    let add = ["--url", &second.server.url, "--root", &second.root(), "--pace", "0"];
    desk.ok(&[&["admin", "tsa", "add", "second", "--json", "--data", "data"], &add[..]].concat());
    desk.ok(&["admin", "tsa", "statements", "external", "--json", "--data", "data"]);
    second.away(true);
    let waits = desk.run(&["rights", "add", "--json", "--data", "data", "--title", TITLE, "--wait", "0", &id]);
    assert_eq!(waits.status.code(), Some(3), "{}", said(&waits));
    let later = text(&lines(&waits)[0]["id"]);

    // Once ended, the ledger would never have it.
    let end = ["admin", "origin", "--json", "--data", "data", "--new", "new", "--reason", "ended"];
    let refused = desk.run(&end);
    assert!(refused.status.code() == Some(2) && said(&refused).contains("still wait"), "{}", said(&refused));
    assert!(!desk.path("new").exists());

    let plan = desk.ok(&["erase", "--json", "--yes", "--data", "data", &id]).remove(0);
    let along = &plan["records"][1];
    assert_eq!((&along["id"], &along["index"], &along["along"]), (&later.clone().into(), &Value::Null, &true.into()));
    let lost = plan["lost"].to_string();
    assert!(lost.contains(&format!("{later} (waiting for a time-stamp)")), "{lost}");
    assert_eq!(holding(&desk.path("data"), TITLE.as_bytes()), Vec::<PathBuf>::new());
    let shown = desk.run(&["show", "--json", "--data", "data", &later]);
    assert!(said(&shown).contains("never was on the ledger"), "{}", said(&shown));

    // Ended, it takes nothing new, and what is in it can still be erased.
    assert_eq!(desk.ok(&end)[0]["earlier_size"], 3);
    let refused = desk.run(&["deposit", "--json", "--data", "data", "other.jpg"]);
    assert!(refused.status.code() == Some(2) && said(&refused).contains("has ended"), "{}", said(&refused));
    desk.ok(&["erase", "--json", "--yes", "--data", "data", &other]);
    assert_eq!(holding(&desk.path("data"), b"other.jpg"), Vec::<PathBuf>::new());
    assert_eq!(desk.ok(&["admin", "ledger-check", "--json", "--data", "data"])[0]["size"], 3);
}

#[test]
fn the_portal_erases_what_waits_and_stamps_the_rest_by_itself() {
    let (house, _) = House::set_up();
    let (work, _) = house.stop();
    let second = Second::new();
    let add = ["--url", &second.server.url, "--root", &second.root(), "--pace", "0"];
    for args in [&[&["tsa", "add", "second"], &add[..]].concat()[..], &["tsa", "statements", "external"]] {
        let done = house::program(&work).arg("admin").args(args).args(["--data", "data"]).output().unwrap();
        assert!(done.status.success(), "{}", said(&done));
    }
    second.away(true);
    let house = House::open(work);
    let mut owner = house.browser();
    owner.get("/sign-in");
    owner.post("/sign-in", &[("login", "linwan"), ("password", house::PASSWORD)]);
    let mut register = |name: &str, bytes: &[u8]| {
        owner.get("/register");
        let csrf = owner.csrf.clone();
        let mut body = format!("--edge\r\ncontent-disposition: form-data; name=\"files\"; filename=\"{name}\"\r\n\r\n")
            .into_bytes();
        body.extend_from_slice(bytes);
        body.extend(b"\r\n--edge--\r\n");
        let kind = ("content-type", "multipart/form-data; boundary=edge");
        let heads = [kind, ("accept", "application/json"), ("x-csrf", &csrf)];
        let lines: Vec<Value> = serde_json::from_str(&owner.send("POST", "/register", &heads, &body).body).unwrap();
        assert_eq!((&lines[0]["status"], &lines[0]["index"]), (&"pending".into(), &Value::Null), "{lines:?}");
        text(&lines[0]["id"])
    };
    let (bytes, kept) = (photograph(8), photograph(9));
    let (id, other) = (register(NAME, &bytes), register("other.jpg", &kept));

    let library = owner.get("/library").body;
    assert!(library.contains("尚无时间戳") && library.contains(&format!("/deposits/{id}")), "{library}");
    let shown = owner.get(&format!("/deposits/{id}"));
    assert_eq!(shown.status, 200, "{}", shown.body);
    assert!(shown.body.contains("还没有外部时间机构") && !shown.body.contains("certificate.pdf"), "{}", shown.body);
    let path = format!("/deposits/{id}/erase");
    let page = owner.get(&path).body;
    assert!(page.contains("此后不会进入账本"), "{page}");
    assert_eq!(owner.post(&path, &[("password", house::PASSWORD)]).status, 200);
    assert_eq!(owner.get(&format!("/deposits/{id}")).status, 404);
    soon_nowhere(&house.data(), NAME.as_bytes());

    // The authority is back: nobody has to ask.
    second.away(false);
    let stamped = (0..300).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(200));
        owner.get(&format!("/deposits/{other}")).body.contains("certificate.pdf")
    });
    assert!(stamped, "{}", house.log());
}

#[test]
fn the_portal_asks_for_the_password_again() {
    let (house, mut owner) = House::set_up();
    owner.get("/register");
    let csrf = owner.csrf.clone();
    let bytes = photograph(5);
    let mut body = format!("--edge\r\ncontent-disposition: form-data; name=\"title\"\r\n\r\n{TITLE}\r\n--edge\r\ncontent-disposition: form-data; name=\"files\"; filename=\"{NAME}\"\r\n\r\n").into_bytes();
    body.extend(&bytes);
    body.extend(b"\r\n--edge--\r\n");
    let heads =
        [("content-type", "multipart/form-data; boundary=edge"), ("accept", "application/json"), ("x-csrf", &csrf)];
    let registered = owner.send("POST", "/register", &heads, &body);
    let registered: Vec<Value> = serde_json::from_str(&registered.body).unwrap();
    let id = text(&registered[0]["id"]);
    assert!(owner.get("/library").body.contains(TITLE));
    let path = format!("/deposits/{id}/erase");
    assert!(owner.get(&format!("/deposits/{id}")).body.contains(&path));
    let page = owner.get(&path).body;
    assert!(page.contains("owner_name") && page.contains("record.json"), "{page}");
    assert!(!holding(&house.data(), NAME.as_bytes()).is_empty());
    assert_eq!(owner.post(&path, &[("password", "wrong horse battery")]).status, 422);
    assert_eq!(owner.get(&format!("/deposits/{id}")).status, 200);
    let mut visitor = house.browser();
    assert_eq!(visitor.get(&path).status, 303);

    owner.get(&path);
    let done = owner.post(&path, &[("password", house::PASSWORD)]);
    assert_eq!(done.status, 200, "{}", done.body);
    let gone = owner.get(&format!("/deposits/{id}"));
    assert!(gone.status == 404 && gone.body.contains("删除"), "{}", gone.body);
    assert!(!owner.get("/library").body.contains(TITLE));
    let middle = bytes.len() / 2;
    let originals = house.data().join("originals");
    assert_eq!(holding(&originals, &bytes[middle..middle + 48]), Vec::<PathBuf>::new(), "its bytes go at once");
    for needle in [NAME.as_bytes(), TITLE.as_bytes(), &bytes[middle..middle + 48]] {
        soon_nowhere(&house.data(), needle);
    }
}
