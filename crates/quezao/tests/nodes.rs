//! `quezao node` beside a portal: two processes that share nothing but HTTP.
#![allow(clippy::unwrap_used)]

mod house;

use house::{Browser, House, program};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Output, Stdio},
    thread,
    time::Duration,
};

/// A node of its own.
struct Court {
    child: Child,
    browser: Browser,
}

impl Court {
    fn open(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let address = said.split("://").nth(1).unwrap_or_else(|| panic!("{said}")).trim().trim_end_matches('/');
        let address = address.parse().unwrap();
        let browser = Browser { address, cookies: BTreeMap::new(), csrf: String::new(), heads: Vec::new() };
        Self { child, browser }
    }

    /// Waits for it.
    fn get(&mut self, path: &str) -> String {
        for _ in 0..600 {
            let answer = self.browser.get(path);
            if answer.status == 200 {
                return answer.body;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("{path} never came");
    }

    fn stop(mut self) -> Option<i32> {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Court {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", words(output)))
}

/// The institution's own certificate signs the keys, and OpenSSL reads that.
fn signed_statement(work: &tempfile::TempDir, key: &str) {
    let shell = |script: &str| {
        let output = Command::new("sh").args(["-ec", script]).current_dir(work.path()).output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
        words(&output)
    };
    shell(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout root.key -out root.pem -days 30 -subj /CN=Root
         openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout court.key -out court.csr -subj /CN=Court
         openssl x509 -req -in court.csr -CA root.pem -CAkey root.key -CAcreateserial -days 30 -out court.pem
         cat court.key court.pem root.pem > signer.pem",
    );
    let made = program(work)
        .args(["node", "key", "--data", "court", "--signer", "signer.pem", "--statement", "keys.p7m"])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", words(&made));
    let read = shell("openssl cms -verify -inform DER -in keys.p7m -CAfile root.pem -purpose any");
    assert!(read.contains(key) && read.contains("见证"), "{read}");
}

#[test]
fn a_court_witnesses_and_mirrors_the_portal_s_ledger() {
    let work = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| program(&work).args(args).output().unwrap();
    let made = run(&["init", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚"]);
    assert!(made.status.success(), "{}", words(&made));
    for n in 0..3 {
        fs::write(work.path().join(format!("{n}.txt")), format!("file {n}")).unwrap();
    }
    assert!(run(&["deposit", "--data", "data", "0.txt", "1.txt", "2.txt"]).status.success());
    let key = json(&run(&["admin", "keys", "--data", "data", "--json"]))["ledger_key"].as_str().unwrap().to_owned();

    let house = House::open(work);
    let work = &house.work;
    let ledger = format!("http://{}/ledger", house.address);
    let node = |more: &[&str]| {
        let mut command = program(work);
        command.args(["node", "--data", "court", "--ledger", &ledger, "--listen", "127.0.0.1:0"]).args(more);
        command
    };
    for (more, why) in [
        (vec![], "--log-key"),
        (vec!["--log-key", "data/trust/roles.json"], "policy"),
        (vec!["--log-key", &key, "--name", "cоurt.example"], "court.example/node"),
        (vec!["--log-key", &key, "--data", "data"], "--data"),
    ] {
        let refused = node(&more).output().unwrap();
        assert!(refused.status.code() == Some(2) && words(&refused).contains(why), "{}", words(&refused));
    }
    let inside =
        program(work).args(["node", "--data", "data", "--ledger", &ledger, "--log-key", &key]).output().unwrap();
    assert!(inside.status.code() == Some(2) && words(&inside).contains("data"), "{}", words(&inside));

    // The key stands in the trust folder that the portal hands out.
    let mut court = Court::open(&mut node(&["--log-key", "data/trust/policy", "--name", "court.example/node"]));
    let checkpoint = house.browser().get("/ledger/checkpoint").body;
    let hash = evidence::hex::encode(&evidence::digest::sha256(checkpoint.lines().next().unwrap().as_bytes()));
    let copied = court.get(&format!("/mirror/{hash}/checkpoint"));
    assert!(copied.starts_with(&checkpoint) && copied.contains("\n— court.example/node/mirror "), "{copied}");
    let bundle = court.browser.get(&format!("/mirror/{hash}/tile/entries/000.p/4")).bytes;
    assert_eq!(bundle, house.browser().get("/ledger/tile/entries/000.p/4").bytes);

    let answer = court.browser.send("POST", "/add-checkpoint", &[], format!("old 0\n\n{checkpoint}").as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
    let published = json(&program(work).args(["node", "key", "--data", "court", "--json"]).output().unwrap());
    // A reader who trusts the court counts it.
    let policy =
        format!("log {key}\n{}\nquorum court.example/node/witness\n", published["policy"][0].as_str().unwrap());
    let policy = evidence::policy::Policy::parse(policy.as_bytes()).unwrap();
    let note = evidence::note::Note::parse(format!("{checkpoint}{}", answer.body).as_bytes()).unwrap();
    assert!(policy.evaluate(&note, checkpoint.lines().next().unwrap()).met);
    assert_eq!(published["roles"][0]["role"], "court");
    signed_statement(work, published["witness"][0].as_str().unwrap());

    let status = program(work).args(["node", "status", "--data", "court", "--json"]).output().unwrap();
    let line = json(&status);
    assert_eq!((status.status.code(), &line["cosigned"], &line["mirrored"]), (Some(0), &4.into(), &4.into()));
    let mut looked = line["examined"].as_u64();
    while looked != Some(4) {
        thread::sleep(Duration::from_millis(50));
        looked =
            json(&program(work).args(["node", "status", "--data", "court", "--json"]).output().unwrap())["examined"]
                .as_u64();
    }
    assert_eq!(court.stop(), Some(0));

    // It knows its ledger and its name; an alarm is an exit code too.
    let court = Court::open(program(work).args(["node", "--data", "court", "--listen", "127.0.0.1:0"]));
    assert_eq!(court.stop(), Some(0));
    let kept = work.path().join("court/alarms/fork-00");
    fs::create_dir(&kept).unwrap();
    fs::write(kept.join("alarm.json"), "torn").unwrap();
    let status = program(work).args(["node", "status", "--data", "court"]).output().unwrap();
    assert!(status.status.code() == Some(1) && words(&status).contains("fork-00"), "{}", words(&status));
}
