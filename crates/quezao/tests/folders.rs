//! A whole shop: only what is new is read, patterns, dry runs, reports and what failed tried again, ends in the middle.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        fs::create_dir(desk.path("shop")).unwrap();
        let output = desk.run(&["init", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚"]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quezao"));
        command.args(args).current_dir(self.0.path()).env("QUEZAO_STATE_DIR", self.path("state"));
        command.env("LC_ALL", "C.UTF-8").env_remove("QUEZAO_DATA");
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn deposit(&self, args: &[&str]) -> (Option<i32>, Vec<Value>, String) {
        let output = self.run(&[&["deposit", "--json", "--data", "data"], args].concat());
        (output.status.code(), lines(&output.stdout), said(&output))
    }

    /// Every leaf is a record, and leaf 0.
    fn whole(&self, records: u64) {
        let check = self.run(&["admin", "ledger-check", "--json", "--data", "data"]);
        assert_eq!(lines(&check.stdout)[0]["size"], records + 1, "{}", said(&check));
    }

    /// Rows of a report in JSON.
    fn report(&self, name: &str) -> Vec<Value> {
        let whole: Value = serde_json::from_slice(&fs::read(self.path(name)).unwrap()).unwrap();
        whole["files"].as_array().unwrap().clone()
    }
}

fn lines(bytes: &[u8]) -> Vec<Value> {
    String::from_utf8_lossy(bytes).lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn of<'v>(rows: &'v [Value], name: &str) -> &'v Value {
    let ends = |r: &&Value| Path::new(r["file"].as_str().unwrap()).ends_with(name);
    rows.iter().find(ends).unwrap_or_else(|| panic!("{name}: {rows:?}"))
}

/// Until a change of a file can be told from the one before.
fn rest() {
    std::thread::sleep(Duration::from_millis(250));
}

#[test]
fn a_second_run_reads_only_what_is_new_or_changed() {
    let desk = Desk::new();
    for n in 0..5 {
        desk.write(&format!("shop/deep/{n}.bin"), format!("file {n}"));
    }
    desk.write("shop/deep.bin", "sorted between folder and file");
    rest();
    let (code, first, _) = desk.deposit(&["shop"]);
    assert_eq!((code, first.len()), (Some(0), 6));
    desk.write("shop/deep/1.bin", "another");
    desk.write("shop/new.bin", "new");
    let (code, second, said) = desk.deposit(&["--report", "report.json", "shop/../shop/"]);
    assert_eq!(code, Some(0), "{said}");
    let rows = desk.report("report.json");
    for (name, status, why) in [
        ("deep/0.bin", "existing", "unchanged"),
        ("deep.bin", "existing", "unchanged"),
        ("deep/1.bin", "new", ""),
        ("new.bin", "new", ""),
    ] {
        let row = of(&rows, name);
        assert!(row["status"] == status || (status, row["status"].as_str()) == ("new", Some("pending")), "{row}");
        assert_eq!(row["code"], why, "{row}");
    }
    // A line of what was not read again is the line of its record.
    let [a, b] = [&first, &second].map(|lines| of(lines, "deep/0.bin").clone());
    for key in ["id", "sha256", "sm3", "index", "record_sha256"] {
        assert_eq!(a[key], b[key], "{key}");
    }
    assert!(said.contains("5 unchanged"), "{said}");
    desk.whole(8);

    // To a person unchanged files are a number.
    rest();
    let output = desk.run(&["deposit", "--data", "data", "shop"]);
    let output = if output.stdout.is_empty() { output } else { desk.run(&["deposit", "--data", "data", "shop"]) };
    assert!(output.stdout.is_empty() && said_contains(&output, "7 unchanged"), "{output:?}");
    // Read again where that is asked for, and by name.
    let (_, all, said) = desk.deposit(&["--rehash", "shop"]);
    assert!(all.iter().all(|l| l["status"] == "existing") && said.contains("7 existing"), "{said}");
    let (_, one, _) = desk.deposit(&["--report", "one.json", "shop/new.bin"]);
    assert_eq!(
        (one[0]["status"].as_str(), desk.report("one.json")[0]["code"].as_str()),
        (Some("existing"), Some("unchanged"))
    );
    desk.whole(8);
}

fn said_contains(output: &Output, part: &str) -> bool {
    said(output).contains(part)
}

#[test]
fn other_claims_and_keeping_make_a_file_due_again() {
    let desk = Desk::new();
    desk.write("shop/a.bin", "a");
    rest();
    desk.deposit(&["--digest-only", "shop"]);
    let (_, lines, said) = desk.deposit(&["--title", "杯", "shop"]);
    assert_eq!(lines[0]["status"], "new", "with its bytes it is a record of its own: {said}");
    let kept = fs::read_dir(desk.path("data/originals")).unwrap().count();
    assert!(kept > 0, "the bytes are kept now");
    let titled = ["--title", "碗", "shop"];
    let (_, lines, said) = desk.deposit(&titled);
    assert!(lines[0]["status"] == "existing" && said.contains("--again"), "{said}");
    let (_, _, said) = desk.deposit(&[&["--report", "r.json"][..], &titled].concat());
    assert!(said.contains("--again") && desk.report("r.json")[0]["code"] == "unchanged", "{said}");
    let (_, lines, _) = desk.deposit(&[&["--again"][..], &titled].concat());
    assert_ne!(lines[0]["status"], "existing");
    desk.whole(3);
}

#[test]
fn patterns_choose_and_a_dry_run_only_tells() {
    let desk = Desk::new();
    for name in ["a.jpg", "B.JPG", "raw/c.nef", "old/d.jpg", "deep/old/e.jpg", "f.txt", ".hidden.jpg", "empty.jpg"] {
        desk.write(&format!("shop/{name}"), if name == "empty.jpg" { "" } else { name });
    }
    let (code, lines, said) = desk.deposit(&[
        "--dry-run",
        "--report",
        "dry.json",
        "--include",
        "*.jpg",
        "--include",
        "raw/**",
        "--exclude",
        "old",
        "shop",
    ]);
    assert_eq!(code, Some(2), "the empty one: {said}");
    assert_eq!(lines.iter().filter(|l| l["status"] == "planned").count(), 3, "{lines:?}");
    let rows = desk.report("dry.json");
    for (name, why) in [("old", "excluded"), ("deep/old", "excluded"), ("f.txt", "excluded"), (".hidden.jpg", "hidden")]
    {
        assert_eq!((&of(&rows, name)["code"], &of(&rows, name)["status"]), (&why.into(), &"skipped".into()));
    }
    assert!(said.contains("To read: 4 files") && said.contains("3 excluded"), "{said}");
    desk.whole(0);
    let (code, lines, _) = desk.deposit(&["--exclude", "old/", "--exclude", "*.txt", "--exclude", "empty.*", "shop"]);
    assert_eq!((code, lines.len()), (Some(0), 3));
    desk.whole(3);
    let (code, _, said) = desk.deposit(&["--include", "*.tiff", "shop"]);
    assert!(code == Some(2) && said.contains("left out"), "{said}");
    let (code, _, said) = desk.deposit(&["--include", "[a", "shop"]);
    assert!(code == Some(2) && said.contains("\"[a\""), "{said}");
}

#[test]
fn a_report_says_why_and_only_what_failed_is_tried_again() {
    use std::os::unix::ffi::OsStringExt;
    let desk = Desk::new();
    desk.write("shop/good.bin", "good");
    desk.write("shop/=1+1.bin", "");
    desk.write("shop/\u{202e}gpj.exe", "turned");
    let latin = desk.path("shop").join(std::ffi::OsString::from_vec(b"caf\xe9".to_vec()));
    fs::create_dir(&latin).unwrap();
    fs::write(latin.join("menu.bin"), "").unwrap();
    std::os::unix::fs::symlink("good.bin", desk.path("shop/link")).unwrap();
    assert!(Command::new("mkfifo").arg(desk.path("shop/pipe")).status().unwrap().success());
    for name in ["report.csv", "report.json"] {
        let (code, _, said) = desk.deposit(&["--report", name, "shop"]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("link: a symbolic link") && said.contains("pipe: a pipe"), "{said}");
        assert!(!said.contains('\u{202e}'));
    }
    let rows = desk.report("report.json");
    let codes: Vec<&str> = rows.iter().map(|r| r["code"].as_str().unwrap()).collect();
    for code in ["empty", "name", "link", "special"] {
        assert!(codes.contains(&code), "{codes:?}");
    }
    let failed = rows.iter().find(|r| r["code"] == "empty").unwrap();
    assert!(
        failed["reason_zh"].as_str().unwrap().contains("空文件")
            && failed["reason_en"].as_str().unwrap().contains("empty")
    );
    let csv = fs::read_to_string(desk.path("report.csv")).unwrap();
    assert!(csv.contains("/shop/=1+1.bin\"") && !csv.contains("\"=") && !csv.contains('\u{202e}'), "{csv}");

    // Two are put right; only those that failed are looked at.
    desk.write("shop/=1+1.bin", "full now");
    fs::write(latin.join("menu.bin"), "full too").unwrap();
    desk.write("shop/later.bin", "not in the report");
    let (code, lines, said) = desk.deposit(&["--retry", "report.csv", "--report", "second.json"]);
    assert_eq!((code, lines.len()), (Some(2), 3), "{said}");
    assert_eq!(lines.iter().filter(|l| l["status"] == "failed").count(), 1, "{lines:?}");
    let (code, lines, _) = desk.deposit(&["--retry", "second.json"]);
    assert_eq!((code, lines.len()), (Some(2), 1));
    desk.whole(3);
    fs::remove_file(desk.path("shop/\u{202e}gpj.exe")).unwrap();
    let (code, _, _) = desk.deposit(&["--report", "third.csv", "shop"]);
    let (again, lines, _) = desk.deposit(&["--retry", "third.csv"]);
    assert_eq!((code, again, lines.len()), (Some(0), Some(0), 0));
    assert_eq!(desk.deposit(&["--report", "report.txt", "shop"]).0, Some(2));
    assert_eq!(desk.deposit(&["shop/pipe"]).0, Some(2), "a pipe that was named is refused, not waited for");
}

/// Starts a run over `shop` and waits for its first line.
fn begun(desk: &Desk, more: &[&str]) -> (std::process::Child, BufReader<std::process::ChildStdout>) {
    let mut command =
        desk.command(&[&["deposit", "--json", "--data", "data", "--digest-only"], more, &["shop"]].concat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    lines.read_line(&mut String::new()).unwrap();
    (child, lines)
}

#[test]
fn an_interrupted_run_reports_and_the_next_one_goes_on() {
    const FILES: usize = 4000;
    let desk = Desk::new();
    for n in 0..FILES {
        desk.write(&format!("shop/{n:04}.bin"), format!("file {n}"));
    }
    rest();
    let (mut child, lines) = begun(&desk, &["--report", "report.json"]);
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let acknowledged = 1 + lines.lines().count();
    assert_eq!(child.wait().unwrap().code(), Some(3));
    let rows = desk.report("report.json");
    let left = rows.iter().filter(|r| r["status"] == "interrupted").count();
    assert_eq!((rows.len(), acknowledged + left), (FILES, FILES));
    assert!(left > 0, "the signal came before the end");
    desk.whole(acknowledged as u64);
    let (code, lines, said) = desk.deposit(&["--digest-only", "shop"]);
    assert_eq!((code, lines.len()), (Some(0), FILES), "{said}");
    assert!(said.contains(&format!("{acknowledged} unchanged")), "{said}");
    desk.whole(FILES as u64);
}

#[test]
fn a_picture_replaced_before_it_was_read_is_noticed() {
    const FILES: usize = 4000;
    let desk = Desk::new();
    for n in 0..FILES {
        desk.write(&format!("shop/{n:04}.bin"), format!("file {n}"));
    }
    let (mut child, lines) = begun(&desk, &["--report", "report.json"]);
    desk.write("other", "another picture");
    fs::rename(desk.path("other"), desk.path("shop/3999.bin")).unwrap();
    assert_eq!(1 + lines.lines().count(), FILES);
    assert_eq!(child.wait().unwrap().code(), Some(2));
    let rows = desk.report("report.json");
    let row = of(&rows, "3999.bin");
    assert_eq!((&row["status"], &row["code"]), (&"failed".into(), &"replaced".into()), "{row}");
    assert!(row["reason_en"].as_str().unwrap().contains("15 bytes now"), "{row}");
    desk.whole(FILES as u64 - 1);
}

/// The next line of a watch that names this file, and its status.
fn heard(lines: &mut impl Iterator<Item = std::io::Result<String>>, name: &str) -> String {
    loop {
        let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        if line["file"].as_str().unwrap().ends_with(name) {
            return line["status"].as_str().unwrap().to_owned();
        }
    }
}

#[test]
fn a_watch_registers_what_is_finished_and_waits_for_a_folder_that_vanished() {
    let desk = Desk::new();
    desk.write("shop/first.bin", "first");
    let args = ["deposit", "--json", "--data", "data", "--watch", "--settle", "3", "--report", "report.json", "shop"];
    let mut child = desk.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut words = BufReader::new(child.stderr.take().unwrap()).lines();
    assert_ne!(heard(&mut lines, "first.bin"), "failed");

    // Somebody writes for longer than it takes to settle; what is registered is the whole.
    desk.write("shop/broken.jpg.part", "never ends");
    let mut growing = fs::File::create(desk.path("shop/growing.bin")).unwrap();
    for n in 0..40 {
        use std::io::Write;
        writeln!(growing, "line {n}").unwrap();
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_ne!(heard(&mut lines, "growing.bin"), "failed");
    let (_, again, _) = desk.deposit(&["shop/growing.bin"]);
    assert_eq!(again[0]["status"], "existing", "another command has its turn, and the whole file is on record");

    let mut hear = |part: &str| while !words.next().unwrap().unwrap().contains(part) {};
    fs::rename(desk.path("shop"), desk.path("away")).unwrap();
    hear("shop is gone");
    fs::rename(desk.path("away"), desk.path("shop")).unwrap();
    hear("shop is there again");
    desk.write("shop/last.bin", "last");
    assert_ne!(heard(&mut lines, "last.bin"), "failed");
    fs::rename(desk.path("shop"), desk.path("away")).unwrap();
    hear("shop is gone");
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    hear("The watch has ended");
    assert_eq!(child.wait().unwrap().code(), Some(3), "it ended while the folder was missing");
    let rows = desk.report("report.json");
    assert_eq!(of(&rows, "broken.jpg.part")["code"], "unfinished");
    assert_eq!(rows.len(), 4, "{rows:?}");
    desk.whole(3);
    let (code, _, said) = desk.deposit(&["--watch", "shop"]);
    assert!(code == Some(2) && said.contains("no such file or folder"), "{said}");
}

#[test]
fn lists_are_narrowed_and_many_certificates_are_made_at_once() {
    let desk = Desk::new();
    for name in ["cup red.jpg", "Cup blue.JPG", "=plate.jpg", "letter.txt", "bowl.bin"] {
        desk.write(&format!("shop/{name}"), name);
    }
    let deposited = desk.run(&["deposit", "--json", "--data", "data", "shop"]);
    assert_eq!(deposited.status.code(), Some(0), "{}", said(&deposited));
    let list = |args: &[&str]| {
        let output = desk.run(&[&["list", "--data", "data"], args].concat());
        (output.status.code(), String::from_utf8(output.stdout.clone()).unwrap(), said(&output))
    };
    let count = |args: &[&str]| list(&[&["--json"], args].concat()).1.lines().count();
    assert_eq!((count(&[]), count(&["--name", "cup"]), count(&["--name", "*.jpg"])), (5, 2, 3));
    assert_eq!(count(&["--name", "cup", "--name", "*.txt"]), 3);
    assert_eq!((count(&["--since", "2020-01-01"]), count(&["--since", "2999-12-31 23:59Z"])), (5, 0));
    let (code, _, said_of) = list(&["--since", "yesterday"]);
    assert!(code == Some(2) && said_of.contains("yesterday: write the time"), "{said_of}");
    let (_, table, _) = list(&["--csv", "--name", "*.jpg"]);
    assert!(
        table.starts_with('\u{feff}') && table.contains("\"'=plate.jpg\"") && table.lines().count() == 4,
        "{table}"
    );

    // All of them, and each verifies; then those of a table, of lines in JSON, and of a list with one that is not there.
    let export = |args: &[&str]| {
        let output = desk.run(&[&["export", "--json", "--data", "data", "--output", "out"], args].concat());
        (output.status.code(), lines(&output.stdout), said(&output))
    };
    let (code, all, said_of) = export(&["--all"]);
    assert_eq!((code, all.len()), (Some(0), 10), "{said_of}");
    let order: Vec<&Value> = all.iter().step_by(2).map(|l| &l["id"]).collect();
    let listed = lines(list(&["--json"]).1.as_bytes());
    assert_eq!(order, listed.iter().map(|l| &l["id"]).collect::<Vec<_>>(), "in the order of the list");
    for line in &listed {
        let pdf = format!("out/{}.pdf", line["id"].as_str().unwrap());
        let file = format!("shop/{}", line["file"].as_str().unwrap());
        let verified = desk.run(&["verify", "--data", "data", &pdf, &file]);
        assert_eq!(verified.status.code(), Some(0), "{}", String::from_utf8_lossy(&verified.stdout));
    }
    desk.write("table.csv", &table);
    desk.write("lines.json", &deposited.stdout);
    desk.write("ids.txt", format!("{}\nno-such-record\n", listed[0]["id"].as_str().unwrap()));
    desk.write("none.txt", "\n");
    for (from, code, files) in [("table.csv", 0, 6), ("lines.json", 0, 10), ("ids.txt", 2, 3), ("none.txt", 2, 1)] {
        let (exit, lines, said_of) = export(&["--from", from]);
        assert_eq!((exit, lines.len()), (Some(code), files), "{from}: {said_of}");
    }
}

#[test]
fn an_export_that_ends_early_leaves_whole_files_and_the_next_one_completes() {
    const RECORDS: usize = 48;
    let desk = Desk::new();
    for n in 0..RECORDS {
        desk.write(&format!("shop/{n:02}.bin"), format!("file {n}"));
    }
    let (code, registered, said_of) = desk.deposit(&["--digest-only", "shop"]);
    assert_eq!((code, registered.len()), (Some(0), RECORDS), "{said_of}");
    // Of each run: its exit code, and the names that it had printed.
    let export = |to: &str, signal: Option<&str>| {
        let mut command = desk.command(&["export", "--json", "--data", "data", "--output", to, "--all"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut printed = vec![lines.next().unwrap().unwrap()];
        if let Some(signal) = signal {
            assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        }
        printed.extend(lines.map_while(Result::ok));
        let name = |line: &String| {
            let line: Value = serde_json::from_str(line).unwrap();
            line["file"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
        };
        (child.wait().unwrap().code(), printed.iter().map(name).collect::<std::collections::BTreeSet<_>>())
    };
    let names = |folder: &str| -> std::collections::BTreeSet<String> {
        fs::read_dir(desk.path(folder)).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    };
    let verified = |folder: &str, name: &str| {
        let of = |line: &&Value| name.starts_with(line["id"].as_str().unwrap());
        let file = registered.iter().find(of).unwrap()["file"].as_str().unwrap().to_owned();
        let output = desk.run(&["verify", "--data", "data", &format!("{folder}/{name}"), &file]);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", String::from_utf8_lossy(&output.stdout));
    };

    // Ctrl-C: what was begun is finished and said, nothing else lies there.
    let (code, printed) = export("asked", Some("-INT"));
    assert_eq!((code, &names("asked")), (Some(3), &printed));
    assert!(printed.len() < 2 * RECORDS, "the signal came before the end");
    // Killed: what has a record's name is whole.
    let (code, _) = export("killed", Some("-KILL"));
    assert_eq!(code, None);
    let found = names("killed");
    let (parts, whole): (Vec<&String>, Vec<&String>) = found.iter().partition(|name| name.ends_with(".part"));
    assert!(!whole.is_empty() && parts.len() + whole.len() < 2 * RECORDS, "{found:?}");
    whole.iter().for_each(|name| verified("killed", name));
    // The same again does all of it, and clears away what was half-written.
    for folder in ["asked", "killed"] {
        let (code, printed) = export(folder, None);
        assert_eq!((code, printed.len(), &names(folder)), (Some(0), 2 * RECORDS, &printed));
    }
    printed.iter().chain(whole).for_each(|name| verified("killed", name));
}
