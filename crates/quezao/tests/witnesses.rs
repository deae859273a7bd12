//! A ledger and its witnesses: policies that are refused, answers that are refused, and a network of three courts, one
//! notary office and one time authority, each at its own loopback address, that is cut, forked and restored.
#![allow(clippy::unwrap_used)]

mod court;
mod house;

use court::{Court, Mode};
use house::House;
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};
use testkit::tsa::Second;

fn run(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quezao"));
    command.args(args).current_dir(dir).env("QUEZAO_STATE_DIR", dir.join("state")).env("LC_ALL", "zh_CN.UTF-8");
    command.env_remove("QUEZAO_DATA").output().unwrap()
}

/// Exit code and JSON lines.
fn json(dir: &Path, args: &[&str]) -> (i32, Vec<Value>) {
    let out = run(dir, &[args, &["--json"]].concat());
    let lines = String::from_utf8_lossy(&out.stdout).lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
    (out.status.code().unwrap(), lines)
}

fn ok(dir: &Path, args: &[&str]) -> Vec<Value> {
    let (code, lines) = json(dir, args);
    assert_eq!(code, 0, "{args:?}: {lines:?}");
    lines
}

/// What is said to a person.
fn said(dir: &Path, args: &[&str]) -> String {
    let out = run(dir, args);
    String::from_utf8([out.stdout, out.stderr].concat()).unwrap()
}

/// Three courts and a notary, a ledger that asks two of three and the notary.
struct Network {
    work: tempfile::TempDir,
    courts: Vec<Court>,
}

const NAMES: [(&str, &str, &str); 4] = [
    ("beijing", "北京法院", "court"),
    ("hangzhou", "杭州法院", "court"),
    ("guangzhou", "广州法院", "court"),
    ("notary", "某公证处", "notary"),
];

impl Network {
    fn new() -> Self {
        let work = tempfile::tempdir().unwrap();
        ok(work.path(), &["init", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚"]);
        Self::over(work)
    }

    /// The same over a ledger that is there.
    fn over(work: tempfile::TempDir) -> Self {
        let courts = (0u8..)
            .zip(NAMES)
            .map(|(n, (name, ..))| Court::new(&format!("{name}.example"), &format!("127.0.0.{}", 11 + n), 50 + n));
        let network = Self { work, courts: courts.collect() };
        let dir = network.dir();
        network.write(&network.policy(), &network.roles());
        let report = ok(dir, &["admin", "policy", "set", "policy", "--data", "data"]);
        assert_eq!((&report[0]["may_miss"], &report[0]["liars"]), (&json!(0), &json!(2)), "{report:?}");
        network
    }

    fn dir(&self) -> &Path {
        self.work.path()
    }

    fn policy(&self) -> String {
        let keys = ok(self.dir(), &["admin", "keys", "--data", "data"]);
        let mut text = format!("log {}\n", keys[0]["ledger_key"].as_str().unwrap());
        for (court, (name, ..)) in self.courts.iter().zip(NAMES) {
            text += &format!("witness {name} {} {}/\n", court.key, court.url);
        }
        text + "group courts 2 beijing hangzhou guangzhou\ngroup both all courts notary\nquorum both\n"
    }

    fn roles(&self) -> Value {
        let lines = self.courts.iter().zip(NAMES).map(|(court, (_, name, role))| {
            json!({"key": court.key.to_string(), "role": role, "name": name, "independent": true, "from": null, "until": null})
        });
        lines.collect()
    }

    fn write(&self, policy: &str, roles: &Value) {
        fs::write(self.dir().join("policy"), policy).unwrap();
        fs::write(self.dir().join("roles.json"), roles.to_string()).unwrap();
    }

    fn deposit(&self, data: &str, name: &str) -> Value {
        fs::write(self.dir().join(name), name).unwrap();
        let (code, lines) = json(self.dir(), &["deposit", "--data", data, name]);
        assert_eq!(code, 0, "{lines:?}");
        lines[0].clone()
    }

    fn witness(&self, data: &str, name: &str) -> Value {
        let state = json(self.dir(), &["admin", "policy", "status", "--data", data]).1.remove(0);
        state["witnesses"].as_array().unwrap().iter().find(|w| w["name"] == name).unwrap().clone()
    }

    /// The exported package's verdict by the folder's trust: exit code, the check `policy`, what it shows, and the package.
    fn verified(&self, id: &str, file: &str) -> (i32, Value, String, String) {
        let dir = self.dir();
        ok(dir, &["export", "--data", "data", "--output", "out", id]);
        let package = format!("out/{id}.zip");
        let (code, verdict) = json(dir, &["verify", "--data", "data", &package, file]);
        let check = verdict[0]["checks"].as_array().unwrap().iter().find(|c| c["id"] == "policy").unwrap().clone();
        let zip = fs::read(dir.join(package)).unwrap();
        (code, check, verdict[0]["shows"].to_string(), String::from_utf8_lossy(&zip).into_owned())
    }
}

#[test]
fn quorum_cut_off_recovery() {
    let network = Network::new();
    let (dir, courts) = (network.dir(), &network.courts);

    // All sign, and the verdict and the certificate name them by the reader's trust.
    let first = network.deposit("data", "first.txt");
    assert_eq!(first["status"], "new");
    let first = first["id"].as_str().unwrap();
    let (code, check, shows, zip) = network.verified(first, "first.txt");
    assert_eq!((code, &check["result"]), (0, &json!("pass")), "{check}");
    assert!(check["zh"].as_str().unwrap().contains("已获 4 个见证密钥签署"), "{check}");
    for (_, name, _) in NAMES {
        assert!(shows.contains(name), "{shows}");
    }
    assert!(!zip.contains("later-01-"));
    cosigned_by(dir, 2, &courts.iter().map(|court| court.key.to_string()).collect::<Vec<_>>());

    // One court cut off: still final, and the missing one is named.
    courts[0].mode(Mode::Away);
    assert_eq!(network.deposit("data", "second.txt")["status"], "new");
    assert_eq!(network.witness("data", "beijing")["state"], "missing");
    assert!(said(dir, &["admin", "policy", "status", "--data", "data"]).contains("没有签署"));

    // Two cut off: sealed all the same, not final, nothing lost.
    courts[1].mode(Mode::Away);
    let third = network.deposit("data", "third.txt");
    assert_eq!(third["status"], "pending");
    assert!(third["index"].is_u64());
    let third = third["id"].as_str().unwrap();
    assert!(said(dir, &["list", "--data", "data"]).contains("已写入账本，等待见证"));
    assert!(said(dir, &["show", "--data", "data", third]).contains("已写入账本，等待见证"));
    let (code, lines) = json(dir, &["export", "--data", "data", "--output", "out", "--wait", "1", third]);
    assert_eq!(code, 3, "{lines:?}");
    assert!(lines[0]["error"].as_str().unwrap().contains("等待见证"));
    ok(dir, &["export", "--data", "data", "--output", "early", "--pending", third]);
    let (code, verdict) = json(dir, &["verify", "--data", "data", &format!("early/{third}.zip"), "third.txt"]);
    assert_eq!((code, &verdict[0]["result"]), (3, &json!("incomplete")));
    assert!(!dir.join(format!("early/{third}.pdf")).exists(), "no certificate without the quorum");
    let state = json(dir, &["admin", "policy", "status", "--data", "data"]);
    assert_eq!((state.0, &state.1[0]["size"], &state.1[0]["final_size"]), (3, &json!(4), &json!(3)));

    // They come back: the next command makes up for it without a new record, and the quorum travels beside the first seal.
    courts[0].mode(Mode::Honest);
    courts[1].mode(Mode::Honest);
    ok(dir, &["stamp", "--data", "data"]);
    let (code, check, shows, zip) = network.verified(third, "third.txt");
    assert_eq!((code, &check["result"]), (0, &json!("pass")), "{check}");
    assert!(zip.contains("later-01-checkpoint.tsr") && zip.contains("later-01-proof.tlog-proof"));
    assert!(shows.contains("4 个见证密钥") && shows.contains("某公证处"), "{shows}");
    assert!(said(dir, &["verify", "--data", "data", &format!("out/{third}.pdf"), "third.txt"]).contains("北京法院"));
    assert_eq!(json(dir, &["admin", "policy", "status", "--data", "data"]).0, 0);
    // The same by the independent reader.
    let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join("../archive/assets/verify.py");
    for (id, file) in [(first, "first.txt"), (third, "third.txt")] {
        let mut command = Command::new("python3");
        command.arg(&reader).args(["--trust", "data/trust", &format!("out/{id}.zip"), file]).current_dir(dir);
        let out = command.output().unwrap();
        assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stdout));
    }
}

/// Programs that this project did not write, and one that checks cosignatures with Go's own Ed25519: built once.
fn foreign() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/court/foreign");
        let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join("witnesses");
        fs::create_dir_all(&to).unwrap();
        let out = Command::new("go").arg("build").arg("-o").arg(&to).args([".", "tool"]).current_dir(source).output();
        let out = out.expect("go is needed for this test: see scripts/setup.sh");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        to
    })
}

/// Each of these keys cosigned what the newest seal is over, by Go's `crypto/ed25519`.
fn cosigned_by(dir: &Path, size: u64, keys: &[String]) {
    let note = format!("data/sealed/{size}.txt");
    let out = Command::new(foreign().join("foreign")).arg(note).args(keys).current_dir(dir).output().unwrap();
    let found = String::from_utf8_lossy(&out.stdout).trim().to_owned();
    assert_eq!(found, keys.len().to_string(), "{}", String::from_utf8_lossy(&out.stderr));
}

/// Ends with the test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_witness_that_we_did_not_write_cosigns() {
    let work = tempfile::tempdir().unwrap();
    let dir = work.path();
    ok(dir, &["init", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚"]);
    let keys = ok(dir, &["admin", "keys", "--data", "data"]);
    let (origin, log) = (keys[0]["origin"].as_str().unwrap(), keys[0]["ledger_key"].as_str().unwrap());
    let done = |program: &Path, args: &[&str]| {
        let mut command = Command::new(program);
        let out = command.args(args).current_dir(dir).env("SSH_AUTH_SOCK", "agent.sock").output().unwrap();
        assert!(out.status.success(), "{program:?} {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    };
    // Torchwood's litewitness has its key from an SSH agent.
    let agent =
        Command::new("ssh-agent").args(["-D", "-a", "agent.sock"]).current_dir(dir).stdout(Stdio::null()).spawn();
    let _agent = Ends(agent.expect("openssh-client is needed for this test: see scripts/setup.sh"));
    let deadline = Instant::now() + Duration::from_secs(30);
    while !dir.join("agent.sock").exists() {
        assert!(Instant::now() < deadline, "no agent");
        std::thread::sleep(Duration::from_millis(20));
    }
    done("ssh-keygen".as_ref(), &["-q", "-t", "ed25519", "-N", "", "-f", "key"]);
    done("ssh-add".as_ref(), &["-q", "key"]);
    let fingerprint = done("ssh-keygen".as_ref(), &["-lf", "key.pub"]);
    let fingerprint = fingerprint.split(' ').nth(1).unwrap();
    let control = foreign().join("witnessctl");
    done(&control, &["add-log", "-db", "lite.db", "-origin", origin]);
    done(&control, &["add-key", "-db", "lite.db", "-origin", origin, "-key", log]);
    let free = std::net::TcpListener::bind("127.0.0.21:0").unwrap().local_addr().unwrap().to_string();
    let lite = Command::new(foreign().join("litewitness"))
        .args([
            "-name",
            "lite.example",
            "-db",
            "lite.db",
            "-ssh-agent",
            "agent.sock",
            "-listen",
            &free,
            "-key",
            fingerprint,
        ])
        .current_dir(dir)
        .stderr(Stdio::piped())
        .spawn();
    let mut lite = Ends(lite.unwrap());
    let mut said = BufReader::new(lite.0.stderr.take().unwrap()).lines().map_while(Result::ok);
    let key = said.find_map(|line| Some(line.split("vkey=").nth(1)?.trim_matches('"').to_owned())).unwrap();
    assert!(said.any(|line| line.contains("listening")));
    std::thread::spawn(move || said.for_each(drop));

    let policy = format!("log {log}\nwitness lite {key} http://{free}\nquorum lite\n");
    let role =
        json!([{"key": key, "role": "other", "name": "Torchwood", "independent": true, "from": null, "until": null}]);
    fs::write(dir.join("policy"), policy).unwrap();
    fs::write(dir.join("roles.json"), role.to_string()).unwrap();
    ok(dir, &["admin", "policy", "set", "policy", "--data", "data"]);
    // From the empty tree, then by a proof, each in a process of its own.
    for n in 1..4 {
        fs::write(dir.join("a.txt"), n.to_string()).unwrap();
        let line = ok(dir, &["deposit", "--data", "data", "a.txt"]).remove(0);
        let state = json(dir, &["admin", "policy", "status", "--data", "data"]);
        assert_eq!((line["status"].as_str(), state.0), (Some("new"), 0), "{state:?}");
        cosigned_by(dir, n + 1, std::slice::from_ref(&key));
    }
}

#[test]
fn a_witness_that_lies_is_refused_and_named() {
    let network = Network::new();
    let lies = [
        (Mode::Foreign, "no signature by hangzhou.example"),
        (Mode::Wrong, "does not verify"),
        (Mode::Off(-3600), "clock"),
        (Mode::Off(3600), "clock"),
        (Mode::Long, "longer than"),
        (Mode::Noise, "signature line"),
        (Mode::Holds(0), "says that it holds 0"),
        (Mode::Slow, "no answer in"),
    ];
    for (n, (mode, expected)) in lies.into_iter().enumerate() {
        network.courts[1].mode(mode);
        assert_eq!(network.deposit("data", &format!("{n}.txt"))["status"], "new", "{mode:?}: two other courts sign");
        let state = network.witness("data", "hangzhou");
        assert!(state["reason"].as_str().unwrap().contains(expected), "{mode:?}: {state}");
        assert_eq!(state["state"], "missing", "{mode:?}");
        // A rest after failures would hide the next lie.
        network.courts[1].mode(Mode::Honest);
        assert_eq!(network.deposit("data", &format!("{n}-after.txt"))["status"], "new");
        assert_eq!(network.witness("data", "hangzhou")["state"], "cosigning", "{mode:?}");
    }
    // A bare number is an alarm, and stops nothing.
    network.courts[1].mode(Mode::Holds(1 << 40));
    assert_eq!(network.deposit("data", "number.txt")["status"], "new");
    let state = network.witness("data", "hangzhou");
    assert_eq!(state["state"], "disagrees", "{state}");
    assert!(state["disagrees"].as_str().unwrap().contains("1099511627776"), "{state}");
}

#[test]
fn an_old_disk_and_a_fork() {
    let network = Network::new();
    let (dir, courts) = (network.dir(), &network.courts);
    network.deposit("data", "a.txt");
    let copy = |to: &str| {
        assert!(Command::new("cp").args(["-a", "data", to]).current_dir(dir).status().unwrap().success());
    };
    copy("old");
    network.deposit("data", "b.txt");

    // The disk of last week, on a machine that has no mirror: only the witnesses know better.
    fs::remove_dir_all(dir.join("state")).unwrap();
    fs::write(dir.join("c.txt"), "c").unwrap();
    let out = run(dir, &["deposit", "--data", "old", "c.txt"]);
    let words = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(2), "{words}");
    assert!(words.contains("旧副本") && words.contains("witness"), "{words}");

    // Two faces, while no witness shows what it cosigned: the other side is refused by each that is asked.
    courts.iter().for_each(|court| court.mode(Mode::Mute));
    let side = network.deposit("old", "c.txt");
    assert_eq!(side["status"], "pending", "the second history has no quorum");
    let state = json(dir, &["admin", "policy", "status", "--data", "old"]).1.remove(0);
    assert!(state["final_size"].as_u64().unwrap() <= 2, "{state}");
    assert!(state["witnesses"].as_array().unwrap().iter().all(|w| w["state"] == "disagrees"), "{state}");
    assert!(courts.iter().all(|court| court.size() == 3));
    // Each that was shown both sides can show both.
    courts.iter().for_each(|court| court.mode(Mode::Honest));
    let (code, lines) = json(dir, &["deposit", "--data", "old", "c.txt"]);
    assert_eq!(code, 2, "signs no more once its own signature is shown: {lines:?}");
}

#[test]
fn policies_that_protect_nobody_are_refused_with_line_and_value() {
    let network = Network::new();
    let (dir, good) = (network.dir(), network.policy());
    let check = |policy: &str, roles: &Value| {
        network.write(policy, roles);
        let (code, lines) = json(dir, &["admin", "policy", "check", "policy", "--data", "data"]);
        (code, lines[0].clone())
    };
    let (code, report) = check(&good, &network.roles());
    assert_eq!((code, report["quorum"].as_str()), (0, Some("2 of 2 (both: 2 of 3 (courts))")), "{report}");
    let cosigner = |n: usize| report["cosigners"][n].clone();
    assert_eq!((&cosigner(0)["needed"], &cosigner(3)["needed"]), (&json!(false), &json!(true)));
    assert_eq!(cosigner(0)["forks"], false);

    let refused = |policy: &str, roles: &Value, expected: &[&str]| {
        let (code, line) = check(policy, roles);
        let error = line["error"].as_str().unwrap_or_else(|| panic!("passed: {policy}"));
        assert_eq!(code, 2, "{error}");
        expected.iter().for_each(|word| assert!(error.contains(word), "{word}: {error}"));
    };
    let changed = |from: &str, to: &str| good.replacen(from, to, 1);
    let with = |n: usize, name: &str, value: Value| {
        let mut roles = network.roles();
        roles[n][name] = value;
        roles
    };
    let roles = &network.roles();
    // Two quorums without a common institution; one institution twice; the operator's own keys.
    refused(
        &changed("group both all courts notary\nquorum both", "quorum courts").replace("courts 2", "courts any"),
        roles,
        &["北京法院", "杭州法院", "share no institution"],
    );
    refused(&good, &with(1, "name", "北京法院".into()), &["北京法院", "line 3", "any"]);
    refused(&changed("quorum both", "quorum courts"), &with(1, "independent", false.into()), &["share no institution"]);
    refused(&changed("quorum both", "quorum courts"), &with(1, "role", "platform".into()), &["share no institution"]);
    refused(&changed("quorum both", "quorum courts"), &with(1, "name", "林晚".into()), &["share no institution"]);
    // Names that look alike, among keys, witnesses and institutions.
    refused(&good.replace(" hangzhou ", " bеijing "), roles, &["line 3", "alike"]);
    refused(&good, &with(1, "name", "北京 法院".into()), &["line 3", "alike"]);
    // One key twice, a key that is none, no address, an address with a secret, no role, another ledger.
    refused(
        &changed("witness hangzhou", &format!("witness twin {}\nwitness hangzhou", network.courts[0].key)),
        roles,
        &["line 3", "no other line"],
    );
    refused(&changed("+", "+0"), roles, &["line 1"]);
    refused(&changed(&format!(" {}/", network.courts[2].url), ""), roles, &["line 4", "no address"]);
    refused(&changed("http://127", "http://bob:S3CRET@127"), roles, &["line 2", "no user, password"]);
    let (_, line) = check(&changed("http://127", "http://bob:S3CRET@127"), roles);
    assert!(!line.to_string().contains("S3CRET"), "{line}");
    refused(&good, &json!([]), &["line 2", "roles.json"]);
    refused(&good.replace("log ", "# log "), roles, &["does not list this ledger"]);
    refused(&changed("quorum both\n", "quorum both\nquorum both\n"), roles, &["line 9"]);
    refused(&changed("quorum both\n", "quorum both\nextension x\n"), roles, &["line 9", "extension x"]);
    refused(&good, &json!([{"key": 1}]), &["roles.json"]);
    let (code, lines) = json(dir, &["admin", "policy", "check", "absent", "--data", "data"]);
    assert_eq!(code, 2, "{lines:?}");
    // Nobody is asked any more, and what waits waits no longer.
    network.courts.iter().for_each(|court| court.mode(Mode::Away));
    assert_eq!(network.deposit("data", "waits.txt")["status"], "pending");
    network.write(&format!("{}quorum none\n", good.split_inclusive('\n').next().unwrap()), &json!([]));
    ok(dir, &["admin", "policy", "set", "policy", "--data", "data"]);
    assert_eq!(ok(dir, &["list", "--data", "data"])[0]["status"], "existing");
}

/// A portal goes on without its witnesses, says so to monitors and to its operator, and recovers by itself.
#[test]
fn the_portal_is_degraded_not_down() {
    let (house, mut owner) = House::set_up_with(&["--metrics", "127.0.0.1:0"]);
    let network = Network::over(house.stop().0);
    let cut = |mode| network.courts[..2].iter().for_each(|court| court.mode(mode));
    cut(Mode::Away);
    assert_eq!(network.deposit("data", "waits.txt")["status"], "pending");
    let Network { work, courts } = network;
    let cut = |mode| courts[..2].iter().for_each(|court| court.mode(mode));
    let house = House::open_with(work, &["--metrics", "127.0.0.1:0"]);
    owner.address = house.address;
    let ready = owner.get("/readyz");
    assert_eq!((ready.status, ready.body.trim()), (200, "degraded: beijing hangzhou"));
    let figures = |house: &House| {
        let metrics =
            house::Browser { address: house.metrics().parse().unwrap(), ..house.browser() }.get("/metrics").body;
        metrics.lines().filter(|line| line.starts_with("quezao_witness")).collect::<Vec<_>>().join("\n")
    };
    let said = figures(&house);
    assert!(said.contains("quezao_witness{name=\"beijing\",state=\"missing\"} 1"), "{said}");
    assert!(said.contains("quezao_witness_lag{name=\"guangzhou\"} 0"), "{said}");
    assert!(owner.get("/library").body.contains("已写入账本，等待见证"));
    let room = owner.get("/operator").body;
    assert!(room.contains("北京法院") && room.contains("没有签署"), "{room}");

    cut(Mode::Honest);
    let deadline = Instant::now() + Duration::from_secs(90);
    while owner.get("/readyz").body.trim() != "ready" {
        assert!(Instant::now() < deadline, "{}", figures(&house));
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(figures(&house).contains("quezao_witness{name=\"beijing\",state=\"cosigning\"} 1"));
    assert!(!owner.get("/library").body.contains("等待见证"));
    assert!(house.log().contains("witness beijing cosigns again"), "{}", house.log());
}

/// A judicial node, as its institution runs it; killed where it is cut off.
struct Node {
    name: &'static str,
    listen: String,
    process: Ends,
}

impl Node {
    fn start(dir: &Path, name: &'static str, listen: &str, ledger: &str, key: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quezao"));
        command.args(["node", "--data", name, "--ledger", ledger, "--log-key", key, "--listen", listen]);
        command.args(["--name", &format!("{name}.example/node")]).current_dir(dir).env("LC_ALL", "C.UTF-8");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let listen =
            said.split("://").nth(1).unwrap_or_else(|| panic!("{said}")).trim().trim_end_matches('/').to_owned();
        Self { name, listen, process: Ends(child) }
    }

    /// Its published key of a witness.
    fn key(&self, dir: &Path) -> String {
        let line = ok(dir, &["node", "key", "--data", self.name]).remove(0);
        line["witness"][0].as_str().unwrap().to_owned()
    }

    /// HTTP status of a checkpoint that it is shown.
    fn shown(&self, old: u64, checkpoint: &str) -> u16 {
        let (address, cookies) = (self.listen.parse().unwrap(), Default::default());
        let mut post = house::Browser { address, cookies, csrf: String::new(), heads: Vec::new() };
        post.send("POST", "/add-checkpoint", &[], format!("old {old}\n\n{checkpoint}").as_bytes()).status
    }
}

/// One ledger, three courts, one notary office and one time authority, each a process or server of its own at an address
/// of its own: cut off, restored from an old disk, forked.
#[test]
fn a_network_of_nodes() {
    let network = Network { work: tempfile::tempdir().unwrap(), courts: Vec::new() };
    let dir = network.dir();
    ok(dir, &["init", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚"]);
    let authority = Second::new();
    let (url, root) = (authority.server.url.as_str(), authority.root());
    ok(dir, &["admin", "tsa", "add", "second", "--data", "data", "--url", url, "--root", &root, "--pace", "0"]);
    let keys = ok(dir, &["admin", "keys", "--data", "data"]);
    let log = keys[0]["ledger_key"].as_str().unwrap();
    // What they would mirror is not served here; they cosign all the same.
    let start = |name, listen: &str| Node::start(dir, name, listen, "http://127.0.0.30:9/ledger", log);
    let mut nodes: Vec<Node> =
        (31..).zip(NAMES).map(|(n, (name, ..))| start(name, &format!("127.0.0.{n}:0"))).collect();
    let keys: Vec<String> = nodes.iter().map(|node| node.key(dir)).collect();
    let (mut policy, mut roles) = (format!("log {log}\n"), Vec::new());
    for ((node, key), (name, institution, role)) in nodes.iter().zip(&keys).zip(NAMES) {
        policy += &format!("witness {name} {key} http://{}\n", node.listen);
        roles.push(
            json!({"key": key, "role": role, "name": institution, "independent": true, "from": null, "until": null}),
        );
    }
    policy += "group courts 2 beijing hangzhou guangzhou\ngroup both all courts notary\nquorum both\n";
    fs::write(dir.join("policy"), policy).unwrap();
    fs::write(dir.join("roles.json"), Value::from(roles).to_string()).unwrap();
    ok(dir, &["admin", "policy", "set", "policy", "--data", "data"]);

    assert_eq!(network.deposit("data", "first.txt")["status"], "new");
    cosigned_by(dir, 2, &keys);
    assert!(Command::new("cp").args(["-a", "data", "old"]).current_dir(dir).status().unwrap().success());

    // One court cut off, then two.
    nodes[0].process = Ends(Command::new("true").spawn().unwrap());
    assert_eq!(network.deposit("data", "second.txt")["status"], "new");
    cosigned_by(dir, 3, &keys[1..]);
    nodes[1].process = Ends(Command::new("true").spawn().unwrap());
    let third = network.deposit("data", "third.txt");
    assert_eq!(
        (&third["status"], network.witness("data", "hangzhou")["state"].as_str()),
        (&json!("pending"), Some("missing"))
    );
    // Back with the state that they had: what waits becomes final by itself.
    for n in [0, 1] {
        let (name, listen) = (nodes[n].name, nodes[n].listen.clone());
        nodes[n] = start(name, &listen);
    }
    ok(dir, &["stamp", "--data", "data"]);
    let (code, check, shows, zip) = network.verified(third["id"].as_str().unwrap(), "third.txt");
    assert_eq!((code, &check["result"]), (0, &json!("pass")), "{check}");
    assert!(
        shows.contains("北京法院") && shows.contains("某公证处") && zip.contains("later-01-checkpoint.txt"),
        "{shows}"
    );

    // The disk of last week refuses to sign, though nothing on its own machine knows better.
    fs::remove_dir_all(dir.join("state")).unwrap();
    fs::write(dir.join("other.txt"), "other").unwrap();
    let (code, lines) = json(dir, &["deposit", "--data", "old", "other.txt"]);
    assert!(code == 2 && lines[0]["error"].as_str().unwrap().contains("witness"), "{lines:?}");
    // An operator who signs a second history with it all the same meets every node: none signs, each keeps both sides.
    fs::write(dir.join("old/trust/policy"), format!("log {log}\nquorum none\n")).unwrap();
    fs::write(dir.join("another.txt"), "another").unwrap();
    let (code, lines) = json(dir, &["deposit", "--data", "old", "other.txt", "another.txt"]);
    assert_eq!(code, 0, "{lines:?}");
    let forked = fs::read_to_string(dir.join("old/ledger/checkpoint")).unwrap();
    assert_eq!(forked.lines().nth(1), Some("4"));
    for node in &nodes {
        assert_eq!(node.shown(4, &forked), 422, "{}", node.name);
        assert_eq!(json(dir, &["node", "status", "--data", node.name]).0, 1, "an alarm");
        let alarms = fs::read_dir(dir.join(node.name).join("alarms")).unwrap().flatten();
        let fork =
            alarms.map(|e| e.path()).find(|p| p.file_name().unwrap().to_string_lossy().starts_with("fork-")).unwrap();
        let [ours, theirs] = ["ours.txt", "theirs.txt"].map(|side| fs::read_to_string(fork.join(side)).unwrap());
        assert!(ours != theirs && [&ours, &theirs].iter().any(|side| side.starts_with(&forked)), "{ours}{theirs}");
    }
}
