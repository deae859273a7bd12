//! What a person at a terminal meets: both languages, one sentence for each mistake, closed pipes, real pictures,
//! two processes at once.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

const ZH: &str = "zh_CN.UTF-8";
const EN: &str = "C.UTF-8";

struct Desk {
    work: tempfile::TempDir,
}

impl Desk {
    /// A desk without a data folder.
    fn bare() -> Self {
        Self { work: tempfile::tempdir().unwrap() }
    }

    fn new() -> Self {
        let desk = Self::bare();
        let args = ["init", "--json", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚"];
        assert_eq!(code(&desk.run(EN, &args)), 0);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    fn command(&self, locale: &str, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quezao"));
        command.args(args).current_dir(self.work.path()).env("QUEZAO_STATE_DIR", self.path("state"));
        command.env("LC_ALL", locale).env_remove("QUEZAO_DATA");
        command
    }

    fn run(&self, locale: &str, args: &[&str]) -> Output {
        self.command(locale, args).output().unwrap()
    }

    fn deposit(&self, args: &[&str]) -> (i32, Vec<Value>) {
        let output = self.run(EN, &[&["deposit", "--data", "data", "--json"], args].concat());
        (code(&output), stdout(&output).lines().map(|l| serde_json::from_str(l).unwrap()).collect())
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn has_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

/// A picture of `n`'s own, in the format that the name's ending says.
fn picture(path: &Path, n: u8) {
    image::RgbImage::from_fn(64, 48, |x, y| image::Rgb([x as u8 ^ n, y as u8, n])).save(path).unwrap();
}

#[test]
fn each_usage_error_is_one_sentence_in_the_reader_s_language() {
    let desk = Desk::bare();
    let cases: &[(&[&str], &str, &str)] = &[
        (&["frobnicate"], "没有这个命令：frobnicate", "no such command: frobnicate"),
        (&["list", "--jsn"], "没有这个选项或参数：--jsn", "no such option or argument: --jsn"),
        (&["deposit", "--data", "d"], "缺少：<PATHS>", "Missing: <PATHS>"),
        (
            &["init", "--data", "d", "--owner-kind", "cat", "--owner-name", "x"],
            "可选：individual",
            "individual, enterprise",
        ),
        (&["export", "--data", "d", "--output", "o", "--wait", "soon", "x"], "“soon”不可用", "\"soon\" cannot be used"),
        (&["verify", "--trust", "t", "--data", "d", "p"], "不能同时使用", "exclude each other"),
        (&["deposit", "--data", "d", "--title"], "需要一个值", "needs a value"),
        (&["list", "--data", "d", "--data", "e"], "只能给出一次", "once only"),
        (&["list", "--\u{202e}x"], "\\u{202e}", "\\u{202e}"),
    ];
    for (args, zh, en) in cases {
        for (locale, part) in [(ZH, zh), (EN, en)] {
            let output = desk.run(locale, args);
            let said = stderr(&output);
            assert_eq!((code(&output), stdout(&output).as_str()), (2, ""), "{args:?}");
            assert!(said.contains(part), "{args:?} in {locale}: {said}");
            assert_eq!(has_chinese(&said), locale == ZH, "{args:?}: {said}");
            assert!(!said.contains('\u{202e}') && !said.contains("error:"), "{said}");
        }
    }
    assert!(stderr(&desk.run(EN, &["list", "--jsn"])).contains("--json"), "a near miss is named");
    assert_eq!(code(&desk.run(EN, &[])), 2);
}

#[test]
fn help_version_completions_and_man_pages_come_from_one_definition() {
    let desk = Desk::bare();
    let commands =
        ["init", "deposit", "list", "show", "export", "find", "verify", "explain", "doctor", "completions", "man"];
    for command in commands {
        let zh = desk.run(ZH, &[command, "--help"]);
        let en = desk.run(EN, &[command, "--help"]);
        assert_eq!((code(&zh), code(&en)), (0, 0));
        let (zh, en) = (stdout(&zh), stdout(&en));
        assert!(zh.contains("用法：") && zh.contains("选项:"), "{zh}");
        for raw in ["Usage:", "Options:", "Arguments:", "Print help", "possible values", "default:"] {
            assert!(!zh.contains(raw), "{command}: {raw} in {zh}");
        }
        assert!(!has_chinese(&en) && en.contains("Usage: quezao"), "{en}");
        assert!(!zh.contains("help-") && !en.contains("help-"), "{command}: a message is missing");
        assert_eq!(stdout(&desk.run(EN, &["help", command])), en);
    }
    let version = stdout(&desk.run(ZH, &["--version"]));
    let rest = version.strip_prefix(concat!("quezao ", env!("CARGO_PKG_VERSION"), " (")).unwrap();
    let commit = rest.strip_suffix(")\n").unwrap();
    assert!(commit == "unknown" || commit.bytes().all(|b| b.is_ascii_hexdigit()), "{version}");

    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = stdout(&desk.run(EN, &["completions", shell]));
        assert!(script.contains("deposit") && script.contains("digest-only"), "{shell}");
        assert!(["bash", "zsh", "fish"].iter().all(|s| *s != shell) || script.contains("individual"), "{shell}");
    }
    assert!(stdout(&desk.run(ZH, &["completions", "zsh"])).contains("登记文件"));
    assert!(stdout(&desk.run(EN, &["man"])).contains(".TH quezao 1"));
    assert_eq!(code(&desk.run(EN, &["man", "--output", "pages"])), 0);
    let page = fs::read_to_string(desk.path("pages/quezao-deposit.1")).unwrap();
    assert!(page.contains("Deposit files"), "{page}");
}

#[test]
fn no_error_of_the_system_reaches_a_person_raw() {
    let desk = Desk::new();
    fs::write(desk.path("full"), "x").unwrap();
    let cases: &[&[&str]] = &[
        &["verify", "--data", "data", "absent.zip"],
        &["verify", "--trust", "absent", "full"],
        &["find", "--data", "data", "absent.jpg"],
        &["deposit", "--data", "data", "absent.jpg"],
        &["list", "--data", "absent"],
        &["show", "--data", "data", "no-such-id"],
        &["init", "--data", "d", "--owner-kind", "individual", "--owner-name", "x", "--owner-id-file", "absent"],
        &["init", "--data", "d", "--owner-kind", "individual", "--owner-name", "x", "--tsa", "https://time.example"],
        &["man", "--output", "full/pages"],
        &["explain", "no-such-check"],
    ];
    for args in cases {
        for locale in [ZH, EN] {
            let output = desk.run(locale, args);
            let said = stderr(&output);
            assert_eq!(code(&output), 2, "{args:?}: {said}");
            assert!(!said.is_empty() && !said.contains("os error"), "{args:?}: {said}");
            assert_eq!(has_chinese(&said), locale == ZH, "one language at a time, {args:?}: {said}");
        }
    }
    assert!(!desk.path("d").exists(), "a refused init makes nothing");
    fs::create_dir(desk.path("trust")).unwrap();
    fs::write(desk.path("trust/policy"), "quorum what").unwrap();
    let output = desk.run(ZH, &["verify", "--trust", "trust", "full"]);
    assert!(code(&output) == 2 && stderr(&output).contains("trust/policy"), "{}", stderr(&output));
    fs::write(desk.path("trust/policy"), "quorum none\n").unwrap();
    fs::write(desk.path("trust/holiday.mov"), vec![0; 2 << 20]).unwrap();
    assert_eq!(code(&desk.run(EN, &["verify", "--trust", "trust", "full"])), 1, "other files there are ignored");
}

#[test]
fn under_json_a_command_that_fails_whole_says_so_on_stdout_too() {
    const RECORD: &[&str] = &["id", "file", "sha256", "sm3", "status", "index", "record_sha256"];
    #[rustfmt::skip]
    const FIND: &[&str] = &[
        "query", "id", "file", "sha256", "sm3", "status", "index", "record_sha256", "similarity", "size", "dct",
        "gradient", "mirrored", "part", "registered_part",
    ];
    let desk = Desk::bare();
    fs::write(desk.path("file"), "x").unwrap();
    fs::create_dir(desk.path("trust")).unwrap();
    fs::write(desk.path("trust/policy"), "quorum what").unwrap();
    let verdict: &[&str] = &["result", "checks", "shows", "does_not_show"];
    let init = ["init", "--json", "--data", "file", "--owner-kind", "individual", "--owner-name", "x"];
    let cases: &[(&[&str], &[&str])] = &[
        (&init, &["origin", "ledger_key", "authority_root", "signer_root"]),
        (&["deposit", "--json", "--data", "absent", "file"], RECORD),
        (&["list", "--json", "--data", "absent"], RECORD),
        (&["show", "--json", "--data", "absent", "id"], RECORD),
        (&["find", "--json", "--data", "absent", "file"], FIND),
        (&["export", "--json", "--data", "absent", "--output", "out", "id"], &["id", "file"]),
        (&["verify", "--json", "absent.zip"], verdict),
        (&["verify", "--json", "--trust", "trust", "file"], verdict),
        (&["explain", "--json", "no-such-check"], &["id", "proves", "does_not_prove", "to_do"]),
        (&["demo", "--json", "file"], &["name", "zh", "en", "exit", "check", "result", "package", "picture", "trust"]),
        (
            &["admin", "keys", "--json", "--data", "absent"],
            &["origin", "ledger_key", "authority_root_sha256", "signer_root_sha256"],
        ),
        (&["admin", "trust-export", "--json", "--data", "absent", "--output", "out"], &["file"]),
        (&["admin", "ledger-check", "--json", "--data", "absent"], &["size", "root", "unplaced"]),
        (
            &["admin", "backup", "--json", "--no-keys", "--data", "absent", "--output", "out"],
            &["backup", "files", "bytes", "size", "originals", "keys", "mirror"],
        ),
        (
            &["admin", "restore", "absent", "--json", "--data", "out"],
            &["data", "files", "bytes", "size", "origin", "made_at", "keys", "old"],
        ),
        (&["erase", "--json", "--yes", "--data", "absent", "id"], &["id", "status", "records", "lost", "stays"]),
        // What cannot be understood is a failure like any other.
        (&["deposit", "--json"], RECORD),
        (&["list", "--json", "--jsn"], RECORD),
    ];
    for (args, keys) in cases {
        for locale in [ZH, EN] {
            let output = desk.run(locale, args);
            assert_eq!(code(&output), 2, "{args:?}");
            assert!(!stderr(&output).is_empty(), "{args:?}");
            let text = stdout(&output);
            assert_eq!(text.lines().count(), 1, "{args:?}: {text}");
            let Value::Object(line) = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
            let mut found: Vec<&str> = line.keys().map(String::as_str).collect();
            let mut wanted = [keys, &["error"][..]].concat();
            found.sort_unstable();
            wanted.sort_unstable();
            assert_eq!(found, wanted, "{args:?}");
            assert!(line.iter().all(|(k, v)| v.is_null() != (k == "error")), "{args:?}: {text}");
        }
    }
    assert_eq!(stdout(&desk.run(EN, &["list", "--data", "absent"])), "", "and only there");
    assert!(!desk.path("out").exists());
}

#[test]
fn a_closed_pipe_is_quiet_and_a_full_disk_is_not() {
    let desk = Desk::new();
    picture(&desk.path("a.png"), 1);
    desk.deposit(&["a.png"]);
    for args in [&["list", "--data", "data"][..], &["man"], &["completions", "bash"], &["--help"], &["--version"]] {
        let mut child = desk.command(EN, args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        child.wait().unwrap();
        assert_eq!(said, "", "{args:?}");
        if let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") {
            let output = desk.command(EN, args).stdout(full).output().unwrap();
            assert_eq!(code(&output), 2, "{args:?}");
            assert!(stderr(&output).contains("the disk is full"), "{args:?}");
        }
    }
}

#[test]
fn pictures_of_a_folder_go_in_and_each_is_verified_by_both_readers() {
    let desk = Desk::new();
    fs::create_dir(desk.path("shop")).unwrap();
    for (n, name) in ["a.jpg", "b.png", "c.webp", "d.bmp", "e.tiff"].into_iter().enumerate() {
        picture(&desk.path("shop").join(name), n as u8);
    }
    fs::copy(desk.path("shop/b.png"), desk.path("shop/lying.jpg")).unwrap();
    fs::write(desk.path("shop/empty.jpg"), "").unwrap();
    fs::write(desk.path("shop/\u{202e}gpj.exe"), "turned").unwrap();
    let rights = ["--title", "杯", "--author", "林晚", "--work-origin", "self", "--completed-at", "2026-01-31"];
    let (exit, lines) = desk.deposit(&[&rights[..], &["shop"]].concat());
    assert_eq!((exit, lines.len()), (2, 8), "{lines:?}");
    let count = |status: &str| lines.iter().filter(|l| l["status"] == status).count();
    assert_eq!((count("failed"), count("new") + count("pending"), count("existing")), (2, 5, 1), "{lines:?}");

    let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join("../archive/assets/verify.py");
    for line in lines.iter().filter(|l| l["id"].is_string()) {
        let (id, file) = (line["id"].as_str().unwrap(), line["file"].as_str().unwrap());
        assert_eq!(code(&desk.run(EN, &["export", "--data", "data", "--output", "out", id])), 0);
        let package = format!("out/{id}.zip");
        let bytes = fs::read(desk.path(file)).unwrap();
        fs::write(desk.path("changed"), [&bytes[..bytes.len() - 1], &[!bytes[bytes.len() - 1]]].concat()).unwrap();
        for (original, expected) in [(file, 0), ("changed", 1)] {
            let ours = desk.run(EN, &["verify", "--data", "data", &package, original]);
            let mut python = Command::new("python3");
            python.arg(&reader).arg("--trust").arg("data/trust").args([&package, original]);
            let theirs = python.current_dir(desk.work.path()).output().unwrap();
            assert_eq!((code(&ours), code(&theirs)), (expected, expected), "{file}: {}", stdout(&ours));
        }
    }
    let other = desk.run(EN, &["deposit", "--data", "data", "--title", "another", "shop/a.jpg"]);
    assert!(stderr(&other).contains("--again"), "other claims on the same bytes are warned about");
}

#[test]
fn a_verdict_begins_with_its_phrase_and_ends_with_whose_trust_it_used() {
    let desk = Desk::new();
    picture(&desk.path("a.png"), 1);
    picture(&desk.path("b.png"), 2);
    let (_, lines) = desk.deposit(&["a.png"]);
    let id = lines[0]["id"].as_str().unwrap();
    assert_eq!(code(&desk.run(EN, &["export", "--data", "data", "--output", "out", id])), 0);
    let package = format!("out/{id}.zip");

    let first = |o: &Output| stdout(o).lines().next().unwrap().to_owned();
    let last = |o: &Output| stdout(o).lines().last().unwrap().to_owned();
    let good = desk.run(ZH, &["verify", "--trust", "data/trust", &package, "a.png"]);
    assert_eq!((first(&good).as_str(), last(&good).as_str()), ("◪ 核验一致，有保留", "所用信任根：data/trust"));
    assert!(!stdout(&good).contains('\u{1b}'), "no colour outside a terminal");
    let bad = desk.run(EN, &["verify", "--trust", "data/trust", &package, "b.png"]);
    assert_eq!((code(&bad), first(&bad).as_str()), (1, "✗ Not consistent"));
    assert!(stdout(&bad).contains("expected") && stdout(&bad).contains("found"), "both values: {}", stdout(&bad));
    let none = desk.run(EN, &["verify", &package, "a.png"]);
    assert_eq!(
        (code(&none), first(&none).as_str(), last(&none).as_str()),
        (3, "☐ Incomplete", "Trust roots used: none")
    );
    assert!(stderr(&none).contains("--trust") && stderr(&none).contains("--data"));

    // A variable that is set gives the trust, and gives way to --trust.
    let with = |args: &[&str]| desk.command(EN, args).env("QUEZAO_DATA", "data").output().unwrap();
    assert_eq!(code(&with(&["verify", &package, "a.png"])), 0);
    assert_eq!(code(&with(&["verify", "--trust", "data/trust", &package, "a.png"])), 0);

    // Extracted, with the file beside the entries as VERIFY.txt asks, larger than any entry may be.
    let mut unzip = Command::new("python3");
    unzip.args(["-m", "zipfile", "-e"]).arg(desk.path(&package)).arg(desk.path("open"));
    assert!(unzip.status().unwrap().success());
    fs::File::create(desk.path("open/ORIGINAL")).unwrap().set_len(300 << 20).unwrap();
    assert_eq!(code(&desk.run(EN, &["verify", "--trust", "data/trust", "open", "a.png"])), 0);
    fs::write(desk.path("c.pdf"), "%PDF-1.7").unwrap();
    let pdf = desk.run(EN, &["verify", "--trust", "data/trust", "c.pdf"]);
    assert_eq!(code(&pdf), 1, "no certificate of ours: {}", stdout(&pdf));
}

#[test]
fn lists_stand_in_columns_and_times_name_their_zone() {
    let desk = Desk::new();
    for n in 0..3 {
        picture(&desk.path(&format!("{n}.png")), n);
    }
    let (_, lines) = desk.deposit(&["0.png", "1.png", "2.png"]);
    let list = stdout(&desk.run(EN, &["list", "--data", "data"]));
    let rows: Vec<&str> = list.lines().filter(|l| !l.starts_with(' ')).collect();
    assert_eq!(rows.len(), 3, "{list}");
    let place = |row: &str| (row.find("(UTC+8)").unwrap(), row.find(".png").unwrap());
    assert!(rows.iter().all(|r| place(r) == place(rows[0])), "{list}");
    let id = lines[0]["id"].as_str().unwrap();
    let show = stdout(&desk.run(ZH, &["show", "--data", "data", id]));
    assert!(show.contains("(UTC+8), ") && show.contains(" UTC\n") && show.contains("SM3"), "{show}");
    let jsons = stdout(&desk.run(EN, &["list", "--data", "data", "--json"]));
    assert!(jsons.lines().all(|l| l.starts_with("{\"id\":") && !l.contains("reason")), "{jsons}");
    let export = desk.run(EN, &["export", "--data", "data", "--output", "out", "--json", id, "no-such-id"]);
    let exported: Vec<Value> = stdout(&export).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(code(&export), 2);
    for line in &exported {
        assert_eq!(line.as_object().unwrap().keys().collect::<Vec<_>>(), ["error", "file", "id"]);
    }
    let file = |n: usize| exported[n]["file"].as_str().unwrap_or_default().to_owned();
    assert_eq!((exported.len(), file(0), file(1)), (3, format!("out/{id}.pdf"), format!("out/{id}.zip")));
    assert!(exported[0]["error"].is_null() && exported[2]["file"].is_null() && exported[2]["error"].is_string());
    let spoken = desk.run(EN, &["export", "--data", "data", "--output", "out", "--lang", "zh", "no-such-id"]);
    assert!(has_chinese(&stderr(&spoken)));
}

#[test]
fn the_identity_number_is_read_from_the_first_line_of_a_file_or_of_standard_input() {
    for (name, from, content) in
        [("f", "id.txt", "\u{feff}11010519491231002X\r\nmore\n"), ("s", "-", "11010519491231002X\n")]
    {
        let desk = Desk::bare();
        fs::write(desk.path("id.txt"), content).unwrap();
        let args =
            ["init", "--data", name, "--owner-kind", "individual", "--owner-name", "林晚", "--owner-id-file", from];
        let stdin = fs::File::open(desk.path("id.txt")).unwrap();
        let output = desk.command(EN, &args).stdin(stdin).output().unwrap();
        assert_eq!(code(&output), 0, "{}", stderr(&output));
    }
    let desk = Desk::bare();
    let args =
        ["init", "--data", "d", "--owner-kind", "individual", "--owner-name", "x", "--owner-id-file", "/dev/zero"];
    assert_eq!(code(&desk.run(EN, &args)), 2, "an endless file ends");
}

#[test]
fn two_deposits_at_once_take_turns_and_reading_goes_on_beside_them() {
    let desk = Desk::new();
    for folder in ["one", "two"] {
        fs::create_dir(desk.path(folder)).unwrap();
        for n in 0..40 {
            fs::write(desk.path(folder).join(format!("{n}.bin")), format!("{folder} {n}")).unwrap();
        }
    }
    let start = |folder: &str| {
        let args = ["deposit", "--data", "data", "--json", folder];
        desk.command(EN, &args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let (one, two) = (start("one"), start("two"));
    assert_eq!(code(&desk.run(EN, &["list", "--data", "data"])), 0);
    for child in [one, two] {
        let output = child.wait_with_output().unwrap();
        assert_eq!((code(&output), stdout(&output).lines().count()), (0, 40), "{}", stderr(&output));
    }
    let check = stdout(&desk.run(EN, &["admin", "ledger-check", "--data", "data", "--json"]));
    assert_eq!(serde_json::from_str::<Value>(&check).unwrap()["size"], 81, "{check}");
}
