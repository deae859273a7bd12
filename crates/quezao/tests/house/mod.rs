//! A portal on loopback and a browser of few words: what the tests of the portal share.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

pub const PASSWORD: &str = "correct horse battery";

/// What this machine cannot do is said past the test's captured output, and fails where all must run
/// (`QUEZAO_TEST_ALL=1`).
pub fn not_run(why: &str) {
    assert!(std::env::var_os("QUEZAO_TEST_ALL").is_none(), "not run: {why}");
    let _ = writeln!(std::io::stderr(), "not run: {why}");
}

pub struct House {
    pub work: tempfile::TempDir,
    pub address: SocketAddr,
    /// Path of the set-up page, where there was one.
    pub set_up: Option<String>,
    child: Child,
    log: Arc<Mutex<Vec<u8>>>,
}

impl House {
    /// A portal over `work/data`, whatever is there.
    pub fn open(work: tempfile::TempDir) -> Self {
        Self::open_with(work, &[])
    }

    /// The same with more arguments.
    pub fn open_with(work: tempfile::TempDir, more: &[&str]) -> Self {
        let command = program(&work);
        Self::open_by(work, command, more)
    }

    /// The same, by this command (the program, or what starts it) and with more arguments.
    pub fn open_by(work: tempfile::TempDir, mut command: Command, more: &[&str]) -> Self {
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(more);
        if !more.contains(&"--data") {
            command.args(["--data", "data"]);
        }
        Self::of(work, command.stdout(Stdio::piped()).stderr(Stdio::piped()))
    }

    /// The same by a command of the caller's, with both its outputs.
    pub fn of(work: tempfile::TempDir, command: &mut Command) -> Self {
        Self::at(work, command, None)
    }

    /// One that people open by another address than it listens on; it was set up before.
    pub fn behind(work: tempfile::TempDir, public: &str) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = program(&work);
        command.args(["serve", "--data", "data", "--listen", &free.to_string(), "--public-url", public]);
        Self::at(work, command.stdout(Stdio::piped()).stderr(Stdio::piped()), Some(free))
    }

    fn at(work: tempfile::TempDir, command: &mut Command, known: Option<SocketAddr>) -> Self {
        let mut child = command.spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let said_address = said.split("://").nth(1).unwrap_or_else(|| panic!("{said}")).trim().trim_end_matches('/');
        let address = known.unwrap_or_else(|| said_address.parse().unwrap());
        let mut house = Self { work, address, set_up: None, child, log: Arc::default() };
        // The set-up address is said before the portal is ready.
        let mut stderr = BufReader::new(house.child.stderr.take().unwrap());
        let log = house.log.clone();
        if said.contains("http://") && house.browser().get("/sign-in").body.contains("设置地址") {
            let mut line = String::new();
            while !line.contains("/set-up/") && stderr.read_line(&mut line).unwrap() > 0 {}
            log.lock().unwrap().extend_from_slice(before(&line).as_bytes());
            house.set_up = line.rsplit("http://").next().map(|l| {
                let path = l.trim().split_once('/').unwrap().1;
                format!("/{}", path.split('"').next().unwrap())
            });
        }
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(n @ 1..) = stderr.read(&mut piece) {
                log.lock().unwrap().extend_from_slice(&piece[..n]);
            }
        });
        house
    }

    /// A portal that was set up by Lin Wan, who is signed in.
    pub fn set_up() -> (Self, Browser) {
        Self::set_up_with(&[])
    }

    /// The same with more arguments.
    pub fn set_up_with(more: &[&str]) -> (Self, Browser) {
        let work = tempfile::tempdir().unwrap();
        let command = program(&work);
        Self::set_up_by(work, command, more)
    }

    /// The same as [`House::open_by`], set up.
    pub fn set_up_by(work: tempfile::TempDir, command: Command, more: &[&str]) -> (Self, Browser) {
        let house = Self::open_by(work, command, more);
        let browser = house.set_up_by_lin_wan();
        (house, browser)
    }

    pub fn set_up_by_lin_wan(&self) -> Browser {
        let mut browser = self.browser();
        let path = self.set_up.clone().unwrap();
        browser.get(&path);
        let answer = browser.post(&path, &lin_wan());
        assert_eq!(answer.status, 303, "{}", answer.body);
        browser
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a power cut would; the work folder stays.
    pub fn kill(mut self) -> tempfile::TempDir {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::mem::replace(&mut self.work, tempfile::tempdir().unwrap())
    }

    /// What it wrote to stderr after its set-up address.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&self.log.lock().unwrap()).into_owned()
    }

    /// Where its figures are, as it said before its set-up address.
    pub fn metrics(&self) -> String {
        let log = self.log();
        let at = log.split("/metrics").next().and_then(|l| l.rsplit("//").next());
        at.unwrap_or_else(|| panic!("{log}")).to_owned()
    }

    /// Sends it a signal by name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.unwrap().success(), "{name}");
    }

    pub fn browser(&self) -> Browser {
        Browser { address: self.address, cookies: BTreeMap::new(), csrf: String::new(), heads: Vec::new() }
    }

    pub fn data(&self) -> PathBuf {
        self.work.path().join("data")
    }

    /// Asks it to stop, and waits; the work folder stays.
    pub fn stop(mut self) -> (tempfile::TempDir, Option<i32>) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let code = self.child.wait().unwrap().code();
        (std::mem::replace(&mut self.work, tempfile::tempdir().unwrap()), code)
    }

    /// The program on the same work folder.
    pub fn command(&self) -> Command {
        program(&self.work)
    }
}

/// A token for these uses, as the account's page gives it.
pub fn token(owner: &mut Browser, scopes: &[&str]) -> String {
    owner.get("/account");
    let mut fields = vec![("name", "shop"), ("days", "30")];
    fields.extend(scopes.iter().map(|s| (*s, "yes")));
    let page = owner.post("/account/tokens", &fields);
    assert_eq!(page.status, 200, "{}", page.body);
    let at = page.body.find(">qz_").expect("a token, shown once") + 1;
    page.body[at..at + 67].to_owned()
}

/// Gives a merchant who is signed in the largest edition, and ticks that it was read what the service does.
pub fn activate(house: &House, merchant: &mut Browser) {
    let page = merchant.get("/activate").body;
    let number = page.split("账户编号").nth(1).unwrap_or_else(|| panic!("{page}"));
    let number: String = number.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    let grant = ["admin", "grant", "--data", "data", "--account", &number, "--edition", "flagship"];
    let given = house.command().args(grant).output().unwrap();
    assert!(given.status.success(), "{}", String::from_utf8_lossy(&given.stderr));
    merchant.get("/activate");
    assert_eq!(merchant.post("/activate", &[("acknowledged", "yes")]).status, 303);
}

/// The lines before the last one.
fn before(said: &str) -> &str {
    said.trim_end().rfind('\n').map_or("", |end| &said[..=end])
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn program(work: &tempfile::TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quezao"));
    command.current_dir(work.path()).env("QUEZAO_STATE_DIR", work.path().join("state")).env("LC_ALL", "C.UTF-8");
    command.env_remove("QUEZAO_DATA");
    command
}

/// What the set-up page is sent.
pub fn lin_wan() -> Vec<(&'static str, &'static str)> {
    vec![
        ("operator_kind", "individual"),
        ("operator_name", "林晚"),
        ("relation", "same"),
        ("name", "林晚"),
        ("login", "linwan"),
        ("password", PASSWORD),
        ("password2", PASSWORD),
    ]
}

/// Keeps cookies and the token of the last form, follows nothing.
#[derive(Clone)]
pub struct Browser {
    pub address: SocketAddr,
    pub cookies: BTreeMap<String, String>,
    pub csrf: String,
    /// Sent with every request.
    pub heads: Vec<(String, String)>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub heads: Vec<(String, String)>,
    pub body: String,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn head(&self, name: &str) -> Option<&str> {
        self.heads.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

impl Browser {
    pub fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], &[])
    }

    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf.clone();
        let all = fields.iter().copied().chain([("csrf", csrf.as_str())]);
        let body: Vec<String> = all.map(|(n, v)| format!("{n}={}", coded(v))).collect();
        self.send("POST", path, &[("content-type", "application/x-www-form-urlencoded")], body.join("&").as_bytes())
    }

    pub fn send(&mut self, method: &str, path: &str, heads: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        if !self.cookies.is_empty() {
            let cookies: Vec<String> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
            head += &format!("cookie: {}\r\n", cookies.join("; "));
        }
        let own = self.heads.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        for (name, value) in heads.iter().copied().chain(own) {
            head += &format!("{name}: {value}\r\n");
        }
        if method != "GET" {
            head += &format!("content-length: {}\r\n", body.len());
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        let _ = stream.write_all(body);
        let answer = read(stream);
        for (name, value) in &answer.heads {
            if name == "set-cookie" {
                let (name, rest) = value.split_once('=').unwrap();
                let value = rest.split(';').next().unwrap();
                if value.is_empty() {
                    self.cookies.remove(name);
                } else {
                    self.cookies.insert(name.into(), value.into());
                }
            }
        }
        if let Some(token) = answer.body.split("name=\"csrf\" value=\"").nth(1) {
            self.csrf = token[..64].to_owned();
        }
        answer
    }
}

pub fn read(mut stream: TcpStream) -> Answer {
    let mut raw = Vec::new();
    let _ = stream.read_to_end(&mut raw);
    let end = raw.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(raw.len());
    let text = String::from_utf8_lossy(&raw[..end]).into_owned();
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|l| l.split(' ').nth(1)).and_then(|s| s.parse().ok()).unwrap_or(0);
    let heads: Vec<(String, String)> = lines
        .filter_map(|l| l.split_once(':'))
        .map(|(n, v)| (n.trim().to_ascii_lowercase(), v.trim().to_owned()))
        .collect();
    let mut bytes = raw.get(end + 4..).unwrap_or_default().to_vec();
    if heads.iter().any(|(n, v)| n == "transfer-encoding" && v == "chunked") {
        bytes = unchunked(&bytes);
    }
    Answer { status, heads, body: String::from_utf8_lossy(&bytes).into_owned(), bytes }
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(end) = rest.windows(2).position(|w| w == b"\r\n") {
        let size = usize::from_str_radix(String::from_utf8_lossy(&rest[..end]).trim(), 16).unwrap_or(0);
        if size == 0 || rest.len() < end + 2 + size + 2 {
            break;
        }
        out.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 2 + size + 2..];
    }
    out
}

pub fn coded(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}
