//! Bad input that no other test holds: each gets a clear answer with its exit code, nothing acknowledged is lost,
//! nothing half-written stays. What needs a small disk of its own asks the kernel for one (`unshare`), as the demo does.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::{
    fs::{self, File},
    io::Write,
    path::PathBuf,
    process::{Command, Output},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        let output = desk.run(&["init", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚"]);
        assert_eq!(output.status.code(), Some(0));
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.0.path()).env("QUEZAO_STATE_DIR", self.path("state"));
        command.env("LC_ALL", "C.UTF-8").env_remove("QUEZAO_DATA");
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(env!("CARGO_BIN_EXE_quezao")).args(args).output().unwrap()
    }

    fn deposit(&self, args: &[&str]) -> (Option<i32>, Vec<Value>, String) {
        let output = self.run(&[&["deposit", "--json", "--data", "data"], args].concat());
        (output.status.code(), lines(&output.stdout), said(&output))
    }

    /// Every leaf is a record, and leaf 0; nothing half-copied stays.
    fn whole(&self, records: u64) {
        let check = self.run(&["admin", "ledger-check", "--json", "--data", "data"]);
        assert_eq!(lines(&check.stdout)[0]["size"], records + 1, "{}", said(&check));
        assert_eq!(fs::read_dir(self.path("data/originals/incoming")).map_or(0, Iterator::count), 0);
    }

    fn python(&self, program: &str) {
        let output = self.command("python3").args(["-c", program]).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }
}

fn lines(bytes: &[u8]) -> Vec<Value> {
    String::from_utf8_lossy(bytes).lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn error(line: &Value) -> &str {
    line["error"].as_str().unwrap_or_default()
}

#[test]
fn a_file_that_changes_while_it_is_read_is_refused() {
    let desk = Desk::new();
    let path = desk.path("growing.bin");
    File::create(&path).unwrap().set_len(200 << 20).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = File::options().append(true).open(&path).unwrap();
            while !done.load(Ordering::Relaxed) {
                file.write_all(b"x").unwrap();
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        let (code, lines, _) = desk.deposit(&["growing.bin"]);
        done.store(true, Ordering::Relaxed);
        assert_eq!((code, lines[0]["status"].as_str()), (Some(2), Some("failed")));
        assert!(error(&lines[0]).contains("changed") && error(&lines[0]).contains("growing.bin"));
    });
    desk.whole(0);
}

#[test]
fn a_picture_that_unpacks_to_gigabytes_is_a_file() {
    let desk = Desk::new();
    desk.python(
        r#"
import struct, zlib
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
side = 60000
row = b"\0" + bytes(side // 8)
packer = zlib.compressobj(9)
data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
open("bomb.png", "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b""))
"#,
    );
    let start = Instant::now();
    for more in [&[][..], &["--digest-only", "--again"]] {
        let (code, lines, said) = desk.deposit(&[more, &["bomb.png"]].concat());
        assert_eq!(code, Some(0), "{lines:?}");
        assert!(said.contains("recorded as a file"), "{said}");
    }
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    desk.whole(2);
}

#[test]
fn a_cut_jpeg_is_a_file_whether_it_is_kept_or_only_read() {
    let desk = Desk::new();
    image::RgbImage::from_fn(900, 700, |x, y| image::Rgb([(x * y) as u8, (x ^ y) as u8, (x * 7 + y * 13) as u8]))
        .save(desk.path("whole.jpg"))
        .unwrap();
    let whole = fs::read(desk.path("whole.jpg")).unwrap();
    assert!(whole.len() > 200_000, "longer than what is looked at for the end marker");
    for (n, length) in [whole.len() / 2, whole.len() - 2, 300].into_iter().enumerate() {
        let name = format!("cut-{n}.jpg");
        fs::write(desk.path(&name), &whole[..length]).unwrap();
        for more in [&[][..], &["--digest-only", "--again"]] {
            let (code, lines, said) = desk.deposit(&[more, &[name.as_str()]].concat());
            assert_eq!(code, Some(0), "{lines:?}");
            assert!(said.contains("recorded as a file"), "{name} {more:?}: {said}");
        }
    }
    let (code, _, said) = desk.deposit(&["whole.jpg"]);
    assert!(code == Some(0) && !said.contains("recorded as a file"), "{said}");
    desk.whole(7);
}

#[test]
fn a_file_that_is_two_things_keeps_its_bytes_and_a_package_is_only_one_thing() {
    let desk = Desk::new();
    image::RgbImage::from_pixel(20, 20, image::Rgb([1, 2, 3])).save(desk.path("plain.jpg")).unwrap();
    fs::write(desk.path("letter"), "hello").unwrap();
    // A JPEG that is also a ZIP.
    desk.python(
        r#"
import shutil, zipfile
shutil.copy("plain.jpg", "both.jpg")
with zipfile.ZipFile("both.jpg", "a") as z: z.write("letter")
"#,
    );
    let (code, lines, said) = desk.deposit(&["both.jpg"]);
    assert_eq!(code, Some(0), "{said}");
    let id = lines[0]["id"].as_str().unwrap();
    let export = desk.run(&["export", "--data", "data", "--output", "out", "--originals", id]);
    assert_eq!(export.status.code(), Some(0));
    let package = format!("out/{id}.zip");
    assert_eq!(fs::read(desk.path(&format!("out/{id}-both.jpg"))).unwrap(), fs::read(desk.path("both.jpg")).unwrap());
    let verify = |package: &str| desk.run(&["verify", "--data", "data", package, "both.jpg"]).status.code();
    assert_eq!(verify(&package), Some(0));
    // The package as another ZIP reader would also accept it: something before, compressed, with a comment.
    desk.python(&format!(
        r##"
import zipfile
whole = open("{package}", "rb").read()
open("before.zip", "wb").write(b"#!/bin/sh\n" + whole)
open("comment.zip", "wb").write(whole[:-2] + b"\x02\0hi")
source = zipfile.ZipFile("{package}")
with zipfile.ZipFile("small.zip", "w", zipfile.ZIP_DEFLATED) as z:
    for name in source.namelist(): z.writestr(name, source.read(name))
with zipfile.ZipFile("bomb.zip", "w", zipfile.ZIP_DEFLATED) as z:
    for name in source.namelist():
        z.writestr(name, bytes(200 << 20) if name == "record.json" else source.read(name))
"##
    ));
    for bad in ["before.zip", "comment.zip", "small.zip", "bomb.zip"] {
        let start = Instant::now();
        assert_eq!(verify(bad), Some(1), "{bad}");
        assert!(start.elapsed() < Duration::from_secs(5), "{bad}");
    }
}

#[test]
fn links_that_go_round_are_named_and_a_folder_of_thousands_goes_in() {
    let desk = Desk::new();
    std::os::unix::fs::symlink("b", desk.path("a")).unwrap();
    std::os::unix::fs::symlink("a", desk.path("b")).unwrap();
    fs::create_dir(desk.path("many")).unwrap();
    std::os::unix::fs::symlink("..", desk.path("many/up")).unwrap();
    for n in 0..3000 {
        fs::write(desk.path(&format!("many/{n}.bin")), format!("file {n}")).unwrap();
    }
    let (code, lines, _) = desk.deposit(&["--digest-only", "a", "many"]);
    assert_eq!((code, lines.len()), (Some(2), 3001));
    let failed: Vec<&Value> = lines.iter().filter(|l| l["status"] == "failed").collect();
    assert_eq!((failed.len(), failed[0]["file"].as_str()), (1, Some("a")));
    assert!(!error(failed[0]).contains("os error") && error(failed[0]).contains("loop"), "{}", error(failed[0]));
    desk.whole(3000);
}

#[test]
fn names_of_every_kind_are_registered_or_refused_by_name() {
    use std::os::unix::ffi::OsStringExt;
    let desk = Desk::new();
    fs::create_dir_all(desk.path("shop/deep")).unwrap();
    for name in ["..x", "$(touch pwned)", "-rf", "a\nb.bin", "\u{2066}x.bin", "杯 ☕.bin", "x\u{200b}y"] {
        fs::write(desk.path("shop").join(name), name).unwrap();
    }
    fs::write(desk.path("shop").join(std::ffi::OsString::from_vec(vec![b'z', 0xff])), "latin").unwrap();
    let (code, lines, _) = desk.deposit(&["shop/deep/../"]);
    assert_eq!(code, Some(2), "{lines:?}");
    let status = |part: &str| {
        let line = lines.iter().find(|l| l["file"].as_str().unwrap().contains(part)).unwrap();
        (line["status"] != "failed", error(line).to_owned())
    };
    for good in ["$(touch pwned)", "-rf", "杯 ☕.bin"] {
        assert!(status(good).0, "{good}: {}", status(good).1);
    }
    for bad in ["a\nb", "\u{2066}", "\u{200b}", "z\u{fffd}"] {
        let (registered, error) = status(bad);
        assert!(!registered && error.contains("rename"), "{bad:?}: {error}");
        assert!(!error.contains(bad) || bad.starts_with('z'), "{error}");
    }
    assert!(!desk.path("pwned").exists());
    let registered = lines.iter().filter(|l| l["status"] != "failed").count() as u64;
    desk.whole(registered);
}

#[test]
fn a_folder_of_a_newer_release_is_refused_and_not_touched() {
    let desk = Desk::new();
    desk.python(
        "import sqlite3; c = sqlite3.connect('data/quezao.db'); c.execute('PRAGMA user_version = 99'); c.close()",
    );
    let before = fs::read(desk.path("data/ledger/checkpoint")).unwrap();
    fs::write(desk.path("x"), "x").unwrap();
    let commands: [&[&str]; 5] = [
        &["list", "--data", "data"],
        &["deposit", "--data", "data", "x"],
        &["export", "--data", "data", "--output", "out", "id"],
        &["admin", "ledger-check", "--data", "data"],
        &["admin", "backup", "--no-keys", "--data", "data", "--output", "copy"],
    ];
    for args in commands {
        let output = desk.run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(said(&output).contains("newer"), "{args:?}: {}", said(&output));
    }
    assert_eq!(fs::read(desk.path("data/ledger/checkpoint")).unwrap(), before);
    assert!(!desk.path("copy").exists());
}

/// Runs a script with a file system of its own under `small`; `None` where the kernel does not allow that.
fn on_a_small_disk(desk: &Desk, size: &str, script: &str) -> Option<Output> {
    fs::create_dir_all(desk.path("small")).unwrap();
    let mount = format!("mount -t tmpfs -o size={size} none small");
    let tried = desk.command("unshare").args(["-rm", "sh", "-c", &mount]).output().ok()?;
    if !tried.status.success() {
        println!("not run: no file system of its own here ({})", said(&tried).trim());
        return None;
    }
    let script = format!("set -e\n{mount}\nQ={}\n{script}", env!("CARGO_BIN_EXE_quezao"));
    Some(desk.command("unshare").args(["-rm", "sh", "-c", &script]).output().unwrap())
}

#[test]
fn a_full_disk_loses_nothing_acknowledged_and_work_goes_on_after_it() {
    let desk = Desk::new();
    fs::create_dir(desk.path("shop")).unwrap();
    for n in 0..40u8 {
        fs::write(desk.path(&format!("shop/{n:02}.bin")), vec![n; 300_000]).unwrap();
    }
    let script = r#"
cp -r data small/data
head -c 2000000 /dev/zero > small/filler
set +e
"$Q" deposit --json --data small/data shop > first; echo $? > first.code
"$Q" list --json --data small/data > listed
rm small/filler
set -e
"$Q" deposit --json --data small/data shop/00.bin shop/39.bin --digest-only > second
"$Q" list --json --data small/data > listed-again
"$Q" admin ledger-check --json --data small/data > check
ls small/data/originals/incoming 2>/dev/null | wc -l > half
"#;
    let Some(output) = on_a_small_disk(&desk, "8m", script) else { return };
    assert!(output.status.success(), "{}", said(&output));
    let read = |name: &str| fs::read(desk.path(name)).unwrap();
    let text = |name: &str| String::from_utf8(read(name)).unwrap().trim().to_owned();
    assert_eq!(text("first.code"), "2");
    assert!(said(&output).contains("is full"), "{}", said(&output));
    let acknowledged: Vec<Value> = lines(&read("first")).into_iter().filter(|l| l["index"].is_u64()).collect();
    assert!(acknowledged.len() < 40, "the disk was not full");
    for listed in ["listed", "listed-again"] {
        let listed = lines(&read(listed));
        for line in &acknowledged {
            assert!(listed.iter().any(|l| l["id"] == line["id"] && l["index"] == line["index"]), "{line}");
        }
    }
    assert!(lines(&read("second")).iter().all(|l| l["status"] != "failed"));
    assert_eq!(lines(&read("check"))[0]["size"], lines(&read("listed-again")).len() as u64 + 1);
    assert_eq!(text("half"), "0");
}

#[test]
fn a_folder_that_may_only_be_read_is_read() {
    let desk = Desk::new();
    fs::write(desk.path("x"), "x").unwrap();
    desk.deposit(&["x"]);
    fs::write(desk.path("y"), "y").unwrap();
    let script = r#"
cp -r data small/data
mount -o remount,ro none small
set +e
"$Q" deposit --json --data small/data y > deposit; echo $? > deposit.code
"$Q" list --json --data small/data > list; echo $? > list.code
"$Q" admin ledger-check --json --data small/data > check; echo $? > check.code
"$Q" init --data small/new --owner-kind individual --owner-name x; echo $? > init.code
"$Q" verify --data small/data x; echo $? > verify.code
true
"#;
    let Some(output) = on_a_small_disk(&desk, "20m", script) else { return };
    let text = |name: &str| fs::read_to_string(desk.path(name)).unwrap().trim().to_owned();
    assert!(said(&output).contains("read-only") && !said(&output).contains("os error"), "{}", said(&output));
    assert_eq!((text("deposit.code"), text("init.code")), ("2".into(), "2".into()), "{}", said(&output));
    assert_eq!((text("list.code"), text("check.code")), ("0".into(), "0".into()), "{}", said(&output));
    assert_eq!(text("verify.code"), "1");
}

/// Over 4 GiB: no length is kept in 32 bits, and memory does not grow. Only in `make torture`: SM3 takes its time.
#[test]
fn a_file_over_four_gigabytes_is_registered_and_verified() {
    if std::env::var("QUEZAO_TORTURE").map_or(true, |v| v != "full") {
        return;
    }
    let desk = Desk::new();
    let size = (4u64 << 30) + 5;
    File::create(desk.path("film.bin")).unwrap().set_len(size).unwrap();
    let (code, lines, said) = desk.deposit(&["--digest-only", "film.bin"]);
    assert_eq!(code, Some(0), "{said}");
    let id = lines[0]["id"].as_str().unwrap();
    assert_eq!(desk.run(&["export", "--data", "data", "--output", "out", id]).status.code(), Some(0));
    let verify = |file: &str| desk.run(&["verify", "--data", "data", &format!("out/{id}.zip"), file]).status.code();
    assert_eq!(verify("film.bin"), Some(0));
    File::options().write(true).open(desk.path("film.bin")).unwrap().set_len(5).unwrap();
    assert_eq!(verify("film.bin"), Some(1), "the same size in 32 bits");
}
