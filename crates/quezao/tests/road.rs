//! The command line as scripts rely on it: flags, JSON keys, exit codes, both languages, both readers.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

struct Shop {
    work: tempfile::TempDir,
}

impl Shop {
    fn new() -> Self {
        let shop = Self { work: tempfile::tempdir().unwrap() };
        shop.ok(&[
            "init",
            "--data",
            "data",
            "--owner-kind",
            "individual",
            "--owner-name",
            "林晚",
            "--owner-id",
            "11010519491231002X",
        ]);
        shop
    }

    fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quezao"));
        command.args(args).current_dir(self.work.path()).env("QUEZAO_STATE_DIR", self.path("state"));
        command.env("LC_ALL", "C.UTF-8").env_remove("QUEZAO_DATA").output().unwrap()
    }

    fn ok(&self, args: &[&str]) -> Vec<Value> {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        json(&output)
    }

    /// Deposits one file and exports its package: record number, package path.
    fn evidence(&self, name: &str, bytes: &[u8]) -> (String, String) {
        fs::write(self.path(name), bytes).unwrap();
        let id = self.ok(&["deposit", "--data", "data", "--json", name])[0]["id"].as_str().unwrap().to_owned();
        self.ok(&["export", "--data", "data", "--output", "out", "--json", &id]);
        let package = format!("out/{id}.zip");
        (id, package)
    }
}

fn json(output: &Output) -> Vec<Value> {
    String::from_utf8_lossy(&output.stdout).lines().filter_map(|l| serde_json::from_str(l).ok()).collect()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

#[test]
fn a_stranger_verifies_what_the_owner_exported() {
    let shop = Shop::new();
    let (_, package) = shop.evidence("a.bin", b"one picture");
    fs::write(shop.path("b.bin"), b"one picturE").unwrap();
    let trust = ["verify", "--trust", "data/trust", "--json", &package];
    assert_eq!(code(&shop.run(&[&trust[..], &["a.bin"]].concat())), 0);
    assert_eq!(code(&shop.run(&[&trust[..], &["b.bin"]].concat())), 1, "another file");
    assert_eq!(code(&shop.run(&[&trust[..], &["a.bin", "b.bin"]].concat())), 1, "every given file must match");
    assert_eq!(code(&shop.run(&trust)), 3, "no file");
    assert_eq!(code(&shop.run(&["verify", "--json", &package, "a.bin"])), 3, "no trust of the reader's own");
    assert_eq!(code(&shop.run(&["verify", "--json", "absent.zip"])), 2);

    let other = Shop::new();
    let foreign = other.path("data/trust");
    let verdict = shop.run(&["verify", "--json", "--trust", foreign.to_str().unwrap(), &package, "a.bin"]);
    assert_eq!(code(&verdict), 3, "another ledger's trust");

    let verdict = &json(&shop.run(&[&trust[..], &["a.bin"]].concat()))[0];
    let keys: Vec<&String> = verdict.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["checks", "does_not_show", "result", "shows"]);
    assert_eq!(verdict["result"], "verified");
}

#[test]
fn the_commands_of_verify_txt_work_as_pasted() {
    let shop = Shop::new();
    let (_, package) = shop.evidence("a.bin", b"one picture");
    let folder = shop.path("opened");
    let unzip = Command::new("python3").args(["-m", "zipfile", "-e"]).arg(shop.path(&package)).arg(&folder).status();
    assert!(unzip.unwrap().success());
    fs::copy(shop.path("a.bin"), folder.join("ORIGINAL")).unwrap();
    let text = fs::read_to_string(folder.join("VERIFY.txt")).unwrap();
    let commands: Vec<&str> = text.lines().map(str::trim).filter(|l| l.starts_with("openssl ts -verify")).collect();
    assert!(commands.len() >= 2, "{text}");
    for command in commands {
        let output = Command::new("sh").args(["-c", command]).current_dir(&folder).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("Verification: OK"), "{command}\n{said}");
    }
    let mut python = Command::new("python3");
    python.arg(folder.join("verify.py")).arg("--trust").arg(shop.path("data/trust"));
    let status = python.arg(shop.path(&package)).arg(shop.path("a.bin")).status().unwrap();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn deposit_lines_have_the_promised_keys_and_the_same_bytes_stay_one_record() {
    let shop = Shop::new();
    let (id, _) = shop.evidence("a.bin", b"one picture");
    let line = &shop.ok(&["deposit", "--data", "data", "--json", "a.bin"])[0];
    let mut keys: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["error", "file", "id", "index", "record_sha256", "sha256", "sm3", "status"]);
    assert_eq!((line["status"].as_str(), line["id"].as_str()), (Some("existing"), Some(id.as_str())));
    let again = &shop.ok(&["deposit", "--data", "data", "--json", "--again", "a.bin"])[0];
    assert_eq!((again["status"].as_str(), again["index"].as_u64()), (Some("new"), Some(2)));
    let failed = shop.run(&["deposit", "--data", "data", "--json", "a.bin", "absent.jpg"]);
    assert_eq!(code(&failed), 2);
    assert!(json(&failed).iter().any(|l| l["status"] == "failed" && l["error"].is_string()));
}

#[test]
fn a_broken_picture_is_a_file_and_a_whole_one_an_image() {
    let shop = Shop::new();
    // The smallest PNG: one grey pixel; then the same cut short.
    let png = [
        0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 1, 0, 0, 0, 1,
        8, 0, 0, 0, 0, 0x3a, 0x7e, 0x9b, 0x55, 0, 0, 0, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0x60, 0, 0, 0,
        2, 0, 1, 0x48, 0xaf, 0xa4, 0x71, 0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
    ];
    let kind = |name: &str, bytes: &[u8]| {
        let (_, package) = shop.evidence(name, bytes);
        let package = fs::read(shop.path(&package)).unwrap();
        let find = |text: &str| package.windows(text.len()).any(|w| w == text.as_bytes());
        (find("\"kind\":\"image\""), find("\"kind\":\"file\""), find("\"media_type\":\"image/png\""))
    };
    assert_eq!(kind("whole.png", &png), (true, false, true));
    assert_eq!(kind("cut.png", &png[..45]), (false, true, true));
}

#[test]
fn an_old_copy_of_the_folder_is_not_written_to() {
    let shop = Shop::new();
    shop.evidence("a.bin", b"one");
    let copy = |from: &str, to: &str| {
        assert!(Command::new("cp").arg("-a").arg(shop.path(from)).arg(shop.path(to)).status().unwrap().success());
    };
    copy("data", "old");
    shop.evidence("b.bin", b"two");
    fs::write(shop.path("c.bin"), b"three").unwrap();
    let refused = shop.run(&["deposit", "--data", "old", "--json", "c.bin"]);
    assert_eq!(code(&refused), 2);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("old copy"), "{said}");
    assert_eq!(code(&shop.run(&["list", "--data", "old"])), 0, "reading goes on, with a warning");
}

#[test]
fn reading_needs_no_place_for_the_mirror() {
    let shop = Shop::new();
    shop.evidence("a.bin", b"one");
    let mut command = Command::new(env!("CARGO_BIN_EXE_quezao"));
    command.args(["list", "--data", "data", "--json"]).current_dir(shop.work.path());
    let output = command.env("QUEZAO_STATE_DIR", shop.path("never-made")).output().unwrap();
    assert_eq!((code(&output), json(&output).len()), (0, 1), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!shop.path("never-made").exists(), "a reading command makes nothing");
}

#[test]
fn usage_errors_are_exit_2_and_help_speaks_both_languages() {
    let shop = Shop::new();
    assert_eq!(code(&shop.run(&["deposit"])), 2);
    assert_eq!(code(&shop.run(&["list", "--data", "nowhere"])), 2);
    assert_eq!(code(&shop.run(&["show", "--data", "data", "no-such-id"])), 2);
    assert_eq!(code(&shop.run(&["init", "--data", "data", "--owner-kind", "individual", "--owner-name", "x"])), 2);
    let help = |locale: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quezao"));
        String::from_utf8(command.arg("--help").env("LC_ALL", locale).output().unwrap().stdout).unwrap()
    };
    assert!(help("zh_CN.UTF-8").contains("登记文件") && help("en_GB.UTF-8").contains("Deposit files"));
    assert!(Path::new(&shop.path("data/ledger/checkpoint")).is_file());
}
