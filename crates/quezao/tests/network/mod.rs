//! A ledger, its witnesses and its judicial nodes: what the tests of a network share.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

use crate::{court::Court, house};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex, OnceLock},
};

pub fn run(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quezao"));
    command.args(args).current_dir(dir).env("QUEZAO_STATE_DIR", dir.join("state")).env("LC_ALL", "zh_CN.UTF-8");
    command.env_remove("QUEZAO_DATA").output().unwrap()
}

/// Exit code and JSON lines.
pub fn json(dir: &Path, args: &[&str]) -> (i32, Vec<Value>) {
    let out = run(dir, &[args, &["--json"]].concat());
    let lines = String::from_utf8_lossy(&out.stdout).lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
    (out.status.code().unwrap(), lines)
}

pub fn ok(dir: &Path, args: &[&str]) -> Vec<Value> {
    let (code, lines) = json(dir, args);
    assert_eq!(code, 0, "{args:?}: {lines:?}");
    lines
}

/// What is said to a person.
pub fn said(dir: &Path, args: &[&str]) -> String {
    let out = run(dir, args);
    String::from_utf8([out.stdout, out.stderr].concat()).unwrap()
}

/// Three courts and a notary, a ledger that asks two of three and the notary.
pub struct Network {
    pub work: tempfile::TempDir,
    pub courts: Vec<Court>,
}

pub const NAMES: [(&str, &str, &str); 4] = [
    ("beijing", "北京法院", "court"),
    ("hangzhou", "杭州法院", "court"),
    ("guangzhou", "广州法院", "court"),
    ("notary", "某公证处", "notary"),
];

impl Network {
    pub fn new() -> Self {
        let work = tempfile::tempdir().unwrap();
        ok(work.path(), &["init", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚"]);
        Self::over(work)
    }

    /// The same over a ledger that is there.
    pub fn over(work: tempfile::TempDir) -> Self {
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

    pub fn dir(&self) -> &Path {
        self.work.path()
    }

    pub fn policy(&self) -> String {
        let keys = ok(self.dir(), &["admin", "keys", "--data", "data"]);
        let mut text = format!("log {}\n", keys[0]["ledger_key"].as_str().unwrap());
        for (court, (name, ..)) in self.courts.iter().zip(NAMES) {
            text += &format!("witness {name} {} {}/\n", court.key, court.url);
        }
        text + "group courts 2 beijing hangzhou guangzhou\ngroup both all courts notary\nquorum both\n"
    }

    pub fn roles(&self) -> Value {
        let lines = self.courts.iter().zip(NAMES).map(|(court, (_, name, role))| {
            json!({"key": court.key.to_string(), "role": role, "name": name, "independent": true, "from": null, "until": null})
        });
        lines.collect()
    }

    pub fn write(&self, policy: &str, roles: &Value) {
        fs::write(self.dir().join("policy"), policy).unwrap();
        fs::write(self.dir().join("roles.json"), roles.to_string()).unwrap();
    }

    pub fn deposit(&self, data: &str, name: &str) -> Value {
        fs::write(self.dir().join(name), name).unwrap();
        let (code, lines) = json(self.dir(), &["deposit", "--data", data, name]);
        assert_eq!(code, 0, "{lines:?}");
        lines[0].clone()
    }

    pub fn witness(&self, data: &str, name: &str) -> Value {
        let state = json(self.dir(), &["admin", "policy", "status", "--data", data]).1.remove(0);
        state["witnesses"].as_array().unwrap().iter().find(|w| w["name"] == name).unwrap().clone()
    }

    /// The exported package's verdict by the folder's trust: exit code, the check `policy`, what it shows, and the package.
    pub fn verified(&self, id: &str, file: &str) -> (i32, Value, String, String) {
        let dir = self.dir();
        ok(dir, &["export", "--data", "data", "--output", "out", id]);
        let package = format!("out/{id}.zip");
        let (code, verdict) = json(dir, &["verify", "--data", "data", &package, file]);
        let check = verdict[0]["checks"].as_array().unwrap().iter().find(|c| c["id"] == "policy").unwrap().clone();
        let zip = fs::read(dir.join(package)).unwrap();
        (code, check, verdict[0]["shows"].to_string(), String::from_utf8_lossy(&zip).into_owned())
    }
}

/// Programs that this project did not write, and one that checks cosignatures with Go's own Ed25519: built once.
pub fn foreign() -> &'static Path {
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

/// How many of these keys cosigned this note, by Go's `crypto/ed25519`; no line of one of them may be wrong.
pub fn cosigners(dir: &Path, note: &str, keys: &[String]) -> usize {
    let out = Command::new(foreign().join("foreign")).arg(note).args(keys).current_dir(dir).output().unwrap();
    let found = String::from_utf8_lossy(&out.stdout).trim().parse();
    found.unwrap_or_else(|_| panic!("{note}: {}", String::from_utf8_lossy(&out.stderr)))
}

/// Each of these keys cosigned the first seal of this size.
pub fn cosigned_by(dir: &Path, size: u64, keys: &[String]) {
    assert_eq!(cosigners(dir, &format!("data/sealed/{size}.txt"), keys), keys.len());
}

/// This ML-DSA-44 key cosigned this note, by a library that we did not write; Go has none of its own yet.
pub fn ml_dsa_cosigned(dir: &Path, note: &str, key: &str) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/court/ml_dsa.py");
    let out = Command::new("python3").args([script, note, key]).current_dir(dir).output().unwrap();
    let why = String::from_utf8_lossy(&out.stderr);
    match out.status.code() {
        Some(3) => house::not_run(&why),
        code => assert_eq!(code, Some(0), "{why}"),
    }
}

/// Ends with the test.
pub struct Ends(pub Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A judicial node, as its institution runs it; killed where it is cut off.
pub struct Node {
    pub name: &'static str,
    pub listen: String,
    process: Ends,
    log: Arc<Mutex<String>>,
}

impl Node {
    pub fn start(dir: &Path, name: &'static str, listen: &str, ledger: &str, key: &str) -> Self {
        Self::with(dir, name, listen, &["--ledger", ledger, "--log-key", key])
    }

    /// By these arguments; what it knows already need not be said again.
    pub fn with(dir: &Path, name: &'static str, listen: &str, more: &[&str]) -> Self {
        Self::by(Command::new(env!("CARGO_BIN_EXE_quezao")), dir, name, listen, more)
    }

    /// The same by this command: the program, or what starts it.
    pub fn by(mut command: Command, dir: &Path, name: &'static str, listen: &str, more: &[&str]) -> Self {
        command
            .args(["node", "--data", name, "--listen", listen, "--name", &format!("{name}.example/node")])
            .args(more);
        command.current_dir(dir).env("LC_ALL", "C.UTF-8").env("QUEZAO_STATE_DIR", dir.join("of-nodes"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let log = Arc::<Mutex<String>>::default();
        let (mut stderr, heard) = (child.stderr.take().unwrap(), log.clone());
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(n @ 1..) = stderr.read(&mut piece) {
                heard.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..n]));
            }
        });
        let listen = said.split("://").nth(1).unwrap_or_else(|| panic!("{said}{}", log.lock().unwrap()));
        Self { name, listen: listen.trim().trim_end_matches('/').to_owned(), process: Ends(child), log }
    }

    pub fn pid(&self) -> u32 {
        self.process.0.id()
    }

    /// What it said so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// It is gone; its folder stays.
    pub fn cut(&mut self) {
        let _ = self.process.0.kill();
        let _ = self.process.0.wait();
    }

    pub fn browser(&self) -> house::Browser {
        let (address, cookies) = (self.listen.parse().unwrap(), Default::default());
        house::Browser { address, cookies, csrf: String::new(), heads: Vec::new() }
    }

    /// Its published key of a witness.
    pub fn key(&self, dir: &Path) -> String {
        self.keys(dir, "witness").remove(0)
    }

    /// Its published keys of a `witness` or a `mirror`: Ed25519, then ML-DSA-44 where it has one.
    pub fn keys(&self, dir: &Path, of: &str) -> Vec<String> {
        let line = ok(dir, &["node", "key", "--data", self.name]).remove(0);
        line[of].as_array().unwrap().iter().map(|key| key.as_str().unwrap().to_owned()).collect()
    }

    /// HTTP status of a checkpoint that it is shown.
    pub fn shown(&self, old: u64, checkpoint: &str) -> u16 {
        let body = format!("old {old}\n\n{checkpoint}");
        self.browser().send("POST", "/add-checkpoint", &[], body.as_bytes()).status
    }
}

/// The files of this folder over HTTP, as a ledger's static tree is served; its address, at one of the loopback network's.
pub fn serve(dir: PathBuf, address: &str) -> String {
    let listener = TcpListener::bind((address, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let dir = dir.clone();
            std::thread::spawn(move || {
                let (mut reader, mut stream) = (BufReader::new(stream.try_clone().unwrap()), stream);
                loop {
                    let (mut first, mut line) = (String::new(), String::new());
                    if reader.read_line(&mut first).unwrap_or(0) == 0 {
                        return;
                    }
                    while reader.read_line(&mut line).unwrap_or(0) > 2 {
                        line.clear();
                    }
                    let found = fs::read(dir.join(first.split(' ').nth(1).unwrap().trim_start_matches('/')));
                    let (status, body) = found.map_or((404, Vec::new()), |bytes| (200, bytes));
                    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len());
                    if stream.write_all(&[head.as_bytes(), &body].concat()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    url
}

/// Waits for it, and says what never came.
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..1200 {
        if done() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("{what} never came");
}

/// Both signed sides of the fork that this node keeps.
pub fn fork(dir: &Path, name: &str) -> Option<[String; 2]> {
    let alarms = fs::read_dir(dir.join(name).join("alarms")).ok()?.flatten().map(|e| e.path());
    let fork = alarms.into_iter().find(|p| p.file_name().unwrap().to_string_lossy().starts_with("fork-"))?;
    Some(["ours.txt", "theirs.txt"].map(|side| fs::read_to_string(fork.join(side)).unwrap()))
}
