//! A backup is whole; put back it works; an old one put back is recognised.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Output},
};

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

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quezao"));
        command.args(args).current_dir(self.0.path()).env("QUEZAO_STATE_DIR", self.path("state"));
        command.env("LC_ALL", "C.UTF-8").env_remove("QUEZAO_DATA").output().unwrap()
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
        self.ok(&[&["admin", "backup", "--json", "--data", "data", "--output", to], more].concat()).remove(0)
    }

    fn put_back(&self, from: &str) {
        fs::remove_dir_all(self.path("data")).unwrap();
        fs::rename(self.path(from), self.path("data")).unwrap();
    }
}

#[test]
fn a_backup_put_back_is_the_folder_again() {
    let desk = Desk::new();
    let first = desk.deposit("one");
    let made = desk.backup("copy", &[]);
    assert_eq!(
        (made["size"].as_u64(), made["originals"].as_bool(), &made["error"]),
        (Some(2), Some(true), &Value::Null)
    );
    assert_eq!(fs::metadata(desk.path("copy")).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(desk.path("copy/keys/ledger.pem")).unwrap().permissions().mode() & 0o777, 0o600);
    let names = ["authority", "keys", "ledger", "originals", "quezao.db", "trust"];
    let mut found: Vec<String> =
        fs::read_dir(desk.path("copy")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    found.sort();
    found.retain(|n| names.contains(&n.as_str()) || n.starts_with("quezao.db") || n == "lock" || n.starts_with('.'));
    assert_eq!(found, names, "and neither lock nor half-written files");

    desk.put_back("copy");
    assert_eq!(desk.ok(&["admin", "ledger-check", "--json", "--data", "data"])[0]["size"], 2);
    desk.deposit("two");
    assert_eq!(desk.ok(&["admin", "ledger-check", "--json", "--data", "data"])[0]["size"], 3);
    desk.ok(&["export", "--json", "--data", "data", "--output", "out", "--originals", &first]);
    fs::write(desk.path("file"), "one").unwrap();
    desk.ok(&["verify", "--json", "--data", "data", &format!("out/{first}.zip"), "file"]);
}

#[test]
fn an_old_copy_put_back_is_read_with_a_warning_and_not_written() {
    let desk = Desk::new();
    let first = desk.deposit("one");
    desk.backup("old", &[]);
    let lost = desk.deposit("two");
    desk.put_back("old");
    let said = |o: &Output| String::from_utf8_lossy(&o.stderr).into_owned();
    let listed = desk.run(&["list", "--json", "--data", "data"]);
    assert_eq!(listed.status.code(), Some(0));
    let text = String::from_utf8_lossy(&listed.stdout);
    assert!(text.contains(&first) && !text.contains(&lost), "{text}");
    assert!(!said(&listed).is_empty(), "a warning");
    fs::write(desk.path("file"), "three").unwrap();
    let refused = desk.run(&["deposit", "--json", "--data", "data", "file"]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    let line: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert!(line["id"].is_null() && line["error"].is_string(), "{line}");
    // Without its mirror the old copy cannot be told from the newest one; it says so and goes on.
    fs::remove_dir_all(desk.path("state")).unwrap();
    let warned = desk.run(&["deposit", "--json", "--data", "data", "file"]);
    assert_eq!(warned.status.code(), Some(0), "{}", said(&warned));
    assert!(said(&warned).contains("old copy"), "{}", said(&warned));
}

#[test]
fn a_backup_overwrites_nothing_and_stays_outside() {
    let desk = Desk::new();
    desk.deposit("one");
    fs::create_dir(desk.path("there")).unwrap();
    for to in ["there", "data/inside", "data"] {
        let output = desk.run(&["admin", "backup", "--json", "--data", "data", "--output", to]);
        assert_eq!(output.status.code(), Some(2), "{to}");
        let line: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(line["files"].is_null() && line["error"].is_string(), "{line}");
    }
    assert_eq!(fs::read_dir(desk.path("there")).unwrap().count(), 0);
    assert!(!desk.path("data/inside").exists());
    let bare = desk.backup("bare", &["--without-originals"]);
    assert_eq!(bare["originals"], false);
    assert_eq!(fs::read_dir(desk.path("bare/originals")).unwrap().count(), 0);
    assert!(fs::read_dir(desk.path("data/originals")).unwrap().count() > 0);
    let half: Vec<_> = fs::read_dir(desk.0.path())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|n| n.contains("making"))
        .collect();
    assert!(half.is_empty(), "{half:?}");
}
