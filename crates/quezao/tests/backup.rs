//! A backup is whole; put back it works; an old one put back is recognised.
#![allow(clippy::unwrap_used)]

mod house;

use house::House;
use serde_json::Value;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

const PHRASE: &str = "correct horse battery";

struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        desk.ok(&["init", "--json", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚"]);
        fs::write(desk.path("phrase"), PHRASE).unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quezao"));
        command.args(args).current_dir(self.0.path()).env("QUEZAO_STATE_DIR", self.path("state"));
        command.env("LC_ALL", "C.UTF-8").env_remove("QUEZAO_DATA").env_remove("QUEZAO_PASSPHRASE").output().unwrap()
    }

    fn ok(&self, args: &[&str]) -> Vec<Value> {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    }

    /// Records a file of this content; its record number.
    fn deposit(&self, content: &str) -> String {
        fs::write(self.path("file"), content).unwrap();
        self.ok(&["deposit", "--json", "--data", "data", "file"])[0]["id"].as_str().unwrap().to_owned()
    }

    fn backup(&self, to: &str, more: &[&str]) -> Value {
        let args = ["admin", "backup", "--json", "--data", "data", "--output", to, "--passphrase-file", "phrase"];
        self.ok(&[&args, more].concat()).remove(0)
    }

    fn restore(&self, from: &str, to: &str) -> Output {
        self.run(&["admin", "restore", from, "--json", "--data", to, "--passphrase-file", "phrase"])
    }

    fn put_back(&self, from: &str) -> Value {
        fs::remove_dir_all(self.path("data")).unwrap();
        let output = self.restore(from, "data");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Names beside the desk's own, made and left behind.
    fn half_made(&self) -> Vec<String> {
        let names = fs::read_dir(self.0.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        names.filter(|n| n.contains("making")).collect()
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        if entry.path().is_dir() { found.extend(files(&entry.path())) } else { found.push(entry.path()) }
    }
    found.sort();
    found
}

#[test]
fn a_backup_put_back_is_the_folder_again() {
    let desk = Desk::new();
    let first = desk.deposit("one");
    let made = desk.backup("copy", &[]);
    assert_eq!(
        (made["size"].as_u64(), &made["originals"], &made["keys"], &made["error"]),
        (Some(2), &true.into(), &true.into(), &Value::Null)
    );
    assert_eq!(fs::metadata(desk.path("copy")).unwrap().permissions().mode() & 0o777, 0o700);
    for file in files(&desk.path("copy")) {
        let bytes = fs::read(&file).unwrap();
        assert!(!bytes.windows(11).any(|w| w == b"PRIVATE KEY"), "{}", file.display());
    }
    let restored = desk.put_back("copy");
    assert_eq!((restored["old"].as_bool(), restored["keys"].as_bool()), (Some(false), Some(true)), "{restored}");
    assert_eq!(fs::metadata(desk.path("data/keys/ledger.pem")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(desk.ok(&["admin", "ledger-check", "--json", "--data", "data"])[0]["size"], 2);
    desk.deposit("two");
    assert_eq!(desk.ok(&["admin", "ledger-check", "--json", "--data", "data"])[0]["size"], 3);
    desk.ok(&["export", "--json", "--data", "data", "--output", "out", "--originals", &first]);
    fs::write(desk.path("file"), "one").unwrap();
    desk.ok(&["verify", "--json", "--data", "data", &format!("out/{first}.zip"), "file"]);
}

#[test]
fn a_backup_is_whole_while_the_portal_works() {
    let (house, mut owner) = House::set_up();
    let phrase = house.work.path().join("phrase");
    fs::write(&phrase, PHRASE).unwrap();
    // A second sign-in after another keeps the database busy; deposits keep the ledger busy.
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let busy = {
        let stop = stop.clone();
        std::thread::spawn(move || {
            let mut n = 0u32;
            owner.get("/register");
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                n += 1;
                let csrf = owner.csrf.clone();
                let heads = [
                    ("content-type", "multipart/form-data; boundary=edge"),
                    ("accept", "application/json"),
                    ("x-csrf", &csrf),
                ];
                let body = format!(
                    "--edge\r\ncontent-disposition: form-data; name=\"files\"; filename=\"{n}.txt\"\r\n\r\nfile {n}\r\n--edge--\r\n"
                );
                let answer = owner.send("POST", "/register", &heads, body.as_bytes());
                assert_eq!(answer.status, 200, "{}", answer.body);
            }
            n
        })
    };
    let mut sizes = Vec::new();
    for round in 0..4 {
        let to = format!("copy-{round}");
        let args = ["admin", "backup", "--json", "--data", "data", "--output", &to, "--passphrase-file", "phrase"];
        let made = house.command().args(args).output().unwrap();
        assert!(made.status.success(), "{}", said(&made));
        // Elsewhere there is no mirror.
        let elsewhere = |args: &[&str]| {
            house
                .command()
                .env("QUEZAO_STATE_DIR", house.work.path().join(&to).join("state"))
                .args(args)
                .stdin(fs::File::open(&phrase).unwrap())
                .output()
                .unwrap()
        };
        let at = format!("back-{round}");
        let restored = elsewhere(&["admin", "restore", &to, "--data", &at, "--passphrase-file", "-"]);
        assert!(restored.status.success(), "{}", said(&restored));
        // As the writer too: every record that the database has is in the ledger, or is put there.
        fs::write(house.work.path().join("last"), format!("last {round}")).unwrap();
        let last = elsewhere(&["deposit", "--json", "--data", &at, "last"]);
        assert!(last.status.success(), "{}", said(&last));
        let checked = elsewhere(&["admin", "ledger-check", "--json", "--data", &at]);
        let line: Value = serde_json::from_slice(&checked.stdout).unwrap();
        assert_eq!(line["unplaced"], 0, "{line}");
        let listed = elsewhere(&["list", "--json", "--data", &at]);
        let listed: Vec<Value> =
            String::from_utf8(listed.stdout).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        let indices: Vec<u64> = listed.iter().map(|l| l["index"].as_u64().unwrap()).collect();
        assert_eq!(indices, (1..=indices.len() as u64).collect::<Vec<_>>());
        assert_eq!(line["size"].as_u64().unwrap(), indices.len() as u64 + 1);
        sizes.push(indices.len());
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(busy.join().unwrap() > 0 && sizes.is_sorted(), "{sizes:?}");
}

#[test]
fn what_is_no_whole_backup_restores_nothing() {
    let desk = Desk::new();
    desk.deposit("one");
    desk.backup("copy", &[]);
    let refused = |desk: &Desk, what: &str, words: &str| {
        let output = desk.restore("copy", "back");
        assert_eq!(output.status.code(), Some(2), "{what}");
        assert!(said(&output).contains(words), "{what}: {}", said(&output));
        assert!(!desk.path("back").exists() && desk.half_made().is_empty(), "{what}");
    };
    fs::write(desk.path("phrase"), "another passphrase").unwrap();
    refused(&desk, "passphrase", "passphrase is wrong");
    fs::write(desk.path("phrase"), "short").unwrap();
    refused(&desk, "passphrase", "at least 12");
    fs::remove_file(desk.path("phrase")).unwrap();
    let without = desk.run(&["admin", "restore", "copy", "--data", "back"]);
    assert!(without.status.code() == Some(2) && said(&without).contains("QUEZAO_PASSPHRASE"), "{}", said(&without));
    fs::write(desk.path("phrase"), PHRASE).unwrap();

    // Every single file, changed, shortened or gone.
    let list = desk.path("copy/backup.jsonl");
    for file in files(&desk.path("copy")).into_iter().filter(|f| *f != list) {
        let whole = fs::read(&file).unwrap();
        let shown = file.display().to_string();
        if !whole.is_empty() {
            let mut changed = whole.clone();
            changed[whole.len() / 2] ^= 1;
            fs::write(&file, &changed).unwrap();
            assert_eq!(desk.restore("copy", "back").status.code(), Some(2), "{shown}");
            fs::write(&file, &whole[..whole.len() - 1]).unwrap();
            assert_eq!(desk.restore("copy", "back").status.code(), Some(2), "{shown}");
        }
        fs::remove_file(&file).unwrap();
        assert_eq!(desk.restore("copy", "back").status.code(), Some(2), "{shown}");
        assert!(!desk.path("back").exists() && desk.half_made().is_empty(), "{shown}");
        fs::write(&file, whole).unwrap();
    }
    let whole = fs::read_to_string(&list).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let without_last = lines[..lines.len() - 1].join("\n") + "\n";
    let without_one = [&lines[..2], &lines[3..]].concat().join("\n") + "\n";
    let outside = whole.replace("ledger/checkpoint", "../checkpoint");
    let newer = whole.replace("quezao/backup/v1", "quezao/backup/v2");
    let newer_layout = whole.replace("\"layout\":", "\"layout\":9");
    for (text, words) in [
        (&whole[..whole.len() - 9], "not whole"),
        (&without_last, "not whole"),
        (&without_one, "not whole"),
        (&outside, "out of the folder"),
        (&newer, "newer release"),
        (&newer_layout, "newer release"),
        ("", "not whole"),
    ] {
        fs::write(&list, text).unwrap();
        refused(&desk, words, words);
    }
    fs::write(&list, &whole).unwrap();
    fs::create_dir(desk.path("back")).unwrap();
    fs::write(desk.path("back/there"), "").unwrap();
    let taken = desk.restore("copy", "back");
    assert!(taken.status.code() == Some(2) && said(&taken).contains("not empty"), "{}", said(&taken));
    fs::remove_file(desk.path("back/there")).unwrap();
    assert!(desk.restore("copy", "back").status.success());
}

#[test]
fn an_old_copy_put_back_is_read_with_a_warning_and_not_written() {
    let desk = Desk::new();
    let first = desk.deposit("one");
    desk.backup("old", &[]);
    let lost = desk.deposit("two");
    assert_eq!(desk.put_back("old")["old"], true);
    let listed = desk.run(&["list", "--json", "--data", "data"]);
    assert_eq!(listed.status.code(), Some(0));
    let text = String::from_utf8_lossy(&listed.stdout);
    assert!(text.contains(&first) && !text.contains(&lost), "{text}");
    assert!(!said(&listed).is_empty(), "a warning");
    desk.ok(&["export", "--json", "--data", "data", "--output", "out", &first]);
    fs::write(desk.path("file"), "three").unwrap();
    for args in [
        vec!["deposit", "--json", "--data", "data", "file"],
        vec!["erase", "--json", "--yes", "--data", "data", &first],
        vec!["serve", "--data", "data", "--listen", "127.0.0.1:0"],
    ] {
        let refused = desk.run(&args);
        assert_eq!(refused.status.code(), Some(2), "{args:?}: {}", said(&refused));
    }
    // Without its mirror the old copy cannot be told from the newest one; it says so and goes on.
    fs::remove_dir_all(desk.path("state")).unwrap();
    let warned = desk.run(&["deposit", "--json", "--data", "data", "file"]);
    assert_eq!(warned.status.code(), Some(0), "{}", said(&warned));
    assert!(said(&warned).contains("old copy"), "{}", said(&warned));
}

#[test]
fn without_a_mirror_nobody_says_that_a_copy_is_the_newest() {
    let desk = Desk::new();
    desk.deposit("one");
    desk.backup("copy", &[]);
    fs::remove_dir_all(desk.path("state")).unwrap();
    fs::rename(desk.path("data"), desk.path("lost")).unwrap();
    let output = desk.restore("copy", "data");
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success() && line["old"].is_null() && line["error"].is_null(), "{line}");
    assert!(said(&output).contains("no readable mirror"), "{}", said(&output));
    // It may be old, so a ledger may go on after it; nothing more is signed with the old key.
    let began = desk.ok(&["admin", "origin", "--json", "--data", "data", "--new", "new"]).remove(0);
    assert_eq!(began["earlier_size"], 2, "{began}");
    assert_eq!(began["stranded"], serde_json::json!([]));
    let heads: Vec<_> = fs::read_dir(desk.path("state")).unwrap().collect();
    assert_eq!(heads.len(), 1, "the new one's: {heads:?}");
}

#[test]
fn a_kept_file_that_is_gone_is_named() {
    let desk = Desk::new();
    desk.deposit("one");
    let kept = files(&desk.path("data/originals")).into_iter().find(|f| fs::read(f).unwrap() == b"one").unwrap();
    fs::remove_file(&kept).unwrap();
    let output = desk.run(&["admin", "backup", "--json", "--no-keys", "--data", "data", "--output", "copy"]);
    assert!(output.status.success() && said(&output).contains("is gone"), "{}", said(&output));
    assert!(said(&output).contains(kept.file_name().unwrap().to_str().unwrap()), "{}", said(&output));
}

#[test]
fn a_new_ledger_goes_on_after_an_old_copy_and_names_what_was_signed() {
    let desk = Desk::new();
    let first = desk.deposit("one");
    let ended = desk.ok(&["admin", "keys", "--json", "--data", "data"])[0]["origin"].clone();
    let whole = desk.run(&["admin", "origin", "--json", "--data", "data", "--new", "new"]);
    assert!(whole.status.code() == Some(2) && said(&whole).contains("newest state"), "{}", said(&whole));
    desk.backup("old", &[]);
    let lost = desk.deposit("two");
    desk.ok(&["export", "--json", "--data", "data", "--output", "out", &lost]);
    desk.put_back("old");
    fs::write(desk.path("file"), "three").unwrap();
    let refused = desk.run(&["deposit", "--data", "data", "file"]);
    assert!(refused.status.code() == Some(2) && said(&refused).contains("quezao admin origin"), "{}", said(&refused));

    let began = desk.ok(&["admin", "origin", "--json", "--data", "data", "--new", "new"]).remove(0);
    // The mirror knew of the lost record: three leaves, not two.
    assert_eq!((&began["earlier_origin"], &began["earlier_size"]), (&ended, &3.into()), "{began}");
    assert!(began["origin"] != ended);
    let listed = desk.ok(&["list", "--json", "--data", "new"]);
    assert_eq!((listed.len(), &listed[0]["index"], &listed[0]["file"]), (1, &1.into(), &ended));
    let id = listed[0]["id"].as_str().unwrap();
    desk.ok(&["export", "--json", "--data", "new", "--output", "out", id]);
    let package = format!("out/{id}.zip");
    let verdict = desk.ok(&["verify", "--json", "--data", "new", &package]).remove(0);
    let named = verdict["checks"].as_array().unwrap().iter().find(|c| c["id"] == "earlier-ledger").unwrap();
    assert_eq!(named["result"], "pass");
    assert!(verdict["shows"].to_string().contains(ended.as_str().unwrap()), "{verdict}");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../archive/assets/verify.py");
    let mut python = Command::new("python3");
    python.args([script, "--trust", "new/trust", &package]).current_dir(desk.0.path());
    let read = python.output().unwrap();
    assert_eq!(read.status.code(), Some(0), "{}", String::from_utf8_lossy(&read.stdout));

    // New records go to the new ledger; the old one is read, and what it gave out holds.
    let args = ["deposit", "--json", "--data", "new", "file"];
    assert_eq!(desk.ok(&args)[0]["status"], "new");
    let refused = desk.run(&["deposit", "--data", "data", "file"]);
    assert!(refused.status.code() == Some(2) && said(&refused).contains("has ended"), "{}", said(&refused));
    let read = desk.run(&["export", "--json", "--data", "data", "--output", "out", &first]);
    assert!(read.status.success() && said(&read).contains("has ended"), "{}", said(&read));
    for (id, text) in [(first, "one"), (lost, "two")] {
        fs::write(desk.path("file"), text).unwrap();
        desk.ok(&["verify", "--json", "--data", "data", &format!("out/{id}.zip"), "file"]);
    }
    let twice = desk.run(&["admin", "origin", "--data", "data", "--new", "newer"]);
    assert!(twice.status.code() == Some(2) && !desk.path("newer").exists(), "{}", said(&twice));
}

#[test]
fn a_backup_overwrites_nothing_and_stays_outside() {
    let desk = Desk::new();
    desk.deposit("one");
    fs::create_dir(desk.path("there")).unwrap();
    for to in ["there", "data/inside", "data"] {
        let output = desk.run(&["admin", "backup", "--json", "--no-keys", "--data", "data", "--output", to]);
        assert_eq!(output.status.code(), Some(2), "{to}");
        let line: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(line["files"].is_null() && line["error"].is_string(), "{line}");
    }
    let unsaid = desk.run(&["admin", "backup", "--data", "data", "--output", "bare"]);
    assert!(unsaid.status.code() == Some(2) && said(&unsaid).contains("--no-keys"), "{}", said(&unsaid));
    assert_eq!(fs::read_dir(desk.path("there")).unwrap().count(), 0);
    assert!(!desk.path("data/inside").exists() && !desk.path("bare").exists());
    let args = ["admin", "backup", "--json", "--no-keys", "--without-originals", "--data", "data", "--output", "bare"];
    let bare = desk.ok(&args).remove(0);
    assert_eq!((&bare["originals"], &bare["keys"]), (&false.into(), &false.into()));
    assert!(!desk.path("bare/originals").exists() && !desk.path("bare/keys.sealed").exists());
    assert!(desk.half_made().is_empty());
    // Without keys it is read, and written once they are back.
    fs::rename(desk.path("data"), desk.path("moved")).unwrap();
    desk.ok(&["admin", "restore", "bare", "--json", "--data", "data"]);
    assert_eq!(desk.ok(&["list", "--json", "--data", "data"]).len(), 1);
    fs::write(desk.path("file"), "two").unwrap();
    assert_eq!(desk.run(&["deposit", "--data", "data", "file"]).status.code(), Some(2));
    fs::remove_dir(desk.path("data/keys")).unwrap();
    fs::rename(desk.path("moved/keys"), desk.path("data/keys")).unwrap();
    desk.deposit("two");
}
