//! Renewals: due, refused where they gain nothing, carried in both packages, followed by both readers, good after the end.
#![allow(clippy::unwrap_used)]

use evidence::time::Utc;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use testkit::tsa::{Openssl, Server, reply};

const DAY: i64 = 86_400 * 1_000_000;

fn run(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quezao"));
    command.args(args).current_dir(dir).env("QUEZAO_STATE_DIR", dir.join("state")).env("LC_ALL", "C.UTF-8");
    command.env_remove("QUEZAO_DATA").output().unwrap()
}

/// Exit code and JSON lines.
fn json(dir: &Path, args: &[&str]) -> (i32, Vec<Value>) {
    let out = run(dir, &[args, &["--data", "data", "--json"]].concat());
    let lines = String::from_utf8_lossy(&out.stdout).lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
    (out.status.code().unwrap(), lines)
}

/// The outcome of a check `days` from now, and its sentence.
fn later(dir: &Path, package: &str, check: &str, days: i64) -> (i32, String, String) {
    let files = fs::read_dir(dir.join("data/trust")).unwrap().flatten();
    let files = files.map(|f| (f.file_name().into_string().unwrap(), fs::read(f.path()).unwrap()));
    let trust = verify::Trust::from_files(files).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
    let now = Utc(i64::try_from(now).unwrap() + days * DAY);
    let digests = evidence::digest::FileDigests::of(b"a");
    let original = verify::Original { name: "a.txt".into(), digests };
    let verdict = verify::check_package(&fs::read(dir.join(package)).unwrap(), &trust, &[original], now);
    let found = verdict.find(check).unwrap();
    (verdict.code().into(), format!("{:?}", found.result), found.en.clone())
}

#[test]
fn evidence_outlives_the_certificate_that_sealed_it() {
    let work = tempfile::tempdir().unwrap();
    let dir = work.path();
    let openssl = Arc::new(Openssl::new());
    // The same authority with a certificate that lasts longer.
    fs::copy(openssl.dir().join("good.key"), openssl.dir().join("long.key")).unwrap();
    let sign = "x509 -req -in good.csr -CA root.pem -CAkey root.key -CAcreateserial -days 2000 -extfile good.ext -out";
    openssl.run(&format!("{sign} long.pem"), &[]);
    let (own, newer) = (openssl.clone(), Arc::new(AtomicBool::new(false)));
    let turned = newer.clone();
    let server = Server::new(Box::new(move |query, stream| {
        reply(stream, &own.reply(if turned.load(Ordering::Relaxed) { "long" } else { "good" }, query));
    }));
    let owner = ["init", "--owner-kind", "individual", "--owner-name", "林晚", "--owner-id", "11010519491231002X"];
    assert_eq!(json(dir, &owner).0, 0);
    let root = openssl.dir().join("root.pem");
    let add = ["admin", "tsa", "add", "second", "--url", &server.url, "--root", root.to_str().unwrap(), "--pace", "0"];
    assert_eq!(json(dir, &add).0, 0);
    fs::write(dir.join("a.txt"), "a").unwrap();
    let (_, lines) = json(dir, &["deposit", "a.txt"]);
    let id = lines[0]["id"].as_str().unwrap();
    assert_eq!(json(dir, &["stamp"]).0, 0);
    assert_eq!(json(dir, &["export", "--output", "before", id]).0, 0);

    let (code, lines) = json(dir, &["admin", "renew", "--check"]);
    assert_eq!((code, lines.len(), &lines[0]["status"]), (0, 1, &"kept".into()), "{lines:?}");
    assert_eq!((&lines[0]["authority"], &lines[0]["renewals"]), (&"Second-good".into(), &0.into()));
    let (code, lines) = json(dir, &["admin", "renew", "--check", "--before", "2099-01-01"]);
    assert_eq!((code, &lines[0]["status"]), (3, &"due".into()), "{lines:?}");
    assert_eq!(json(dir, &["admin", "renew", "--before", "next year"]).0, 2);
    assert_eq!(json(dir, &["admin", "renew", "nothing"]).0, 2);
    // The same certificate again would gain nothing.
    let (code, lines) = json(dir, &["admin", "renew", id]);
    assert_eq!((code, &lines[0]["status"]), (2, &"failed".into()), "{lines:?}");
    assert!(lines[0]["error"].as_str().unwrap().contains("gains nothing"), "{lines:?}");

    newer.store(true, Ordering::Relaxed);
    let (code, lines) = json(dir, &["admin", "renew", "--before", "2099-01-01"]);
    assert_eq!((code, &lines[0]["status"], &lines[0]["renewals"]), (0, &"renewed".into(), &1.into()), "{lines:?}");
    assert_eq!(json(dir, &["admin", "renew", "--check", "--before", "2028-01-01"]).0, 0);

    for (disclose, name) in [("printed", format!("{id}.zip")), ("full", format!("{id}.full.zip"))] {
        let to = format!("after-{disclose}");
        let (code, lines) = json(dir, &["export", "--output", &to, "--disclose", disclose, id]);
        assert_eq!(code, 0, "{lines:?}");
        let package = format!("{to}/{name}");
        let (code, verdict) = json(dir, &["verify", &package, "a.txt"]);
        let check =
            |id: &str| verdict[0]["checks"].as_array().unwrap().iter().find(|c| c["id"] == id).cloned().unwrap();
        assert_eq!((code, &check("renewal-1")["result"]), (0, &"pass".into()), "{disclose}: {verdict:?}");
        // The certificate attaches the renewal too.
        let (code, verdict) = json(dir, &["verify", &package.replace(".zip", ".pdf"), "a.txt"]);
        let renewed = verdict[0]["checks"].as_array().unwrap().iter().any(|c| c["id"] == "renewal-1");
        assert_eq!((code, renewed), (0, true), "{disclose}: {verdict:?}");
        // A stranger: openssl and sha512sum as VERIFY.txt says, and verify.py.
        let unpacked = dir.join(format!("unpacked-{disclose}"));
        let mut unzip = Command::new("python3");
        unzip.args(["-m", "zipfile", "-e", &package]).arg(&unpacked).current_dir(dir);
        assert!(unzip.status().unwrap().success());
        let text = fs::read_to_string(unpacked.join("VERIFY.txt")).unwrap();
        let commands: Vec<&str> = text.lines().map(str::trim).filter(|l| l.contains("renewal-01")).collect();
        assert_eq!(commands.len(), 4, "{text}");
        for command in commands {
            let done = Command::new("sh").args(["-c", command]).current_dir(&unpacked).output().unwrap();
            assert!(done.status.success(), "{command}: {}", String::from_utf8_lossy(&done.stderr));
        }
        let python = Command::new("python3")
            .args(["verify.py", "--trust", "../data/trust", ".", "../a.txt"])
            .current_dir(&unpacked)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&python.stdout);
        assert_eq!(python.status.code(), Some(0), "{said}");
        assert!(said.contains("renewal-1"), "{said}");
    }

    // 500 days on the sealing certificate has ended. What was renewed in time stands; the old copy has a reservation.
    let new = format!("after-printed/{id}.zip");
    let (code, result, said) = later(dir, &new, "sealing-token-1", 500);
    assert_eq!((code, result.as_str()), (0, "Pass"), "{said}");
    assert!(said.contains("ended at") && said.contains("renewed before"), "{said}");
    let (code, result, said) = later(dir, &format!("before/{id}.zip"), "sealing-token-1", 500);
    assert_eq!((code, result.as_str()), (0, "Limited"), "{said}");
    assert!(said.contains("not renewed before"), "{said}");
    // Once the renewal's own has ended, so has what it kept.
    let (code, result, _) = later(dir, &new, "renewal-1", 3000);
    assert_eq!((code, result.as_str()), (0, "Limited"));
}
