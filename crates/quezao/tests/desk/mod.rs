//! A data folder, a site on loopback, and the program: what the tests of whole captures share.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};
use verify::Trust;

pub struct Desk {
    pub work: tempfile::TempDir,
    pub site: u16,
}

impl Desk {
    /// `answers`: everything that the site sends for a path, head included.
    pub fn new(answers: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let desk = Self { work: tempfile::tempdir().unwrap(), site: site(answers) };
        fs::create_dir(desk.path("tmp")).unwrap();
        desk.done(&["init", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚"]);
        desk
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.site)
    }

    /// The program, with nothing of its surroundings but this desk.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quezao"));
        command.args(args).current_dir(self.work.path()).env("QUEZAO_STATE_DIR", self.path("state"));
        command.env("TMPDIR", self.path("tmp")).env("LC_ALL", "C.UTF-8").env_remove("QUEZAO_DATA");
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// A command that must go well.
    pub fn done(&self, args: &[&str]) -> Output {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", said(&output));
        output
    }

    pub fn lines(&self, args: &[&str]) -> Vec<Value> {
        json_lines(&self.done(args))
    }

    /// The one line of a command, whatever its exit code, and that.
    pub fn json(&self, args: &[&str]) -> (Value, i32) {
        let output = self.run(args);
        let line = serde_json::from_slice(&output.stdout);
        (line.unwrap_or_else(|_| panic!("{args:?}: {}", said(&output))), output.status.code().unwrap())
    }

    /// What `capture` says of each path, and its exit code.
    pub fn capture(&self, paths: &[&str]) -> (Vec<Value>, i32) {
        let open = format!("127.0.0.1:{}", self.site);
        let urls: Vec<String> = paths.iter().map(|path| self.url(path)).collect();
        let mut args = vec!["capture", "--data", "data", "--allow-loopback", &open, "--json"];
        args.extend(urls.iter().map(String::as_str));
        let output = self.run(&args);
        (json_lines(&output), output.status.code().unwrap())
    }

    /// A record's package.
    pub fn package(&self, id: &str) -> Vec<u8> {
        self.lines(&["export", "--data", "data", "--output", "out", "--json", id]);
        fs::read(self.path(&format!("out/{id}.zip"))).unwrap()
    }

    pub fn trust(&self) -> Trust {
        trust(&self.path("data/trust"))
    }
}

pub fn trust(folder: &Path) -> Trust {
    let files = fs::read_dir(folder).unwrap().map(|e| e.unwrap());
    Trust::from_files(files.map(|e| (e.file_name().into_string().unwrap(), fs::read(e.path()).unwrap()))).unwrap()
}

/// What a verdict says of one check.
pub fn result<'v>(verdict: &'v Value, id: &str) -> Option<&'v str> {
    verdict["checks"].as_array()?.iter().find(|c| c["id"] == id)?["result"].as_str()
}

pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn json_lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|_| panic!("{l}"))).collect()
}

/// Whether this machine lets a browser run in namespaces of its own.
pub fn possible() -> bool {
    let can = capture::check(&capture::Machine {
        executable: Some(env!("CARGO_BIN_EXE_quezao").into()),
        ..Default::default()
    });
    if let Err(e) = &can {
        eprintln!("not run: {e}");
    }
    can.is_ok()
}

/// An honest answer.
pub fn answer(kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// A page with something to read on it.
pub fn page(title: &str, body: &str) -> Vec<u8> {
    let words = "棉麻连衣裙，三色，均码，现货，满九十九元包邮。A linen dress in three colours, in stock. ";
    let html = format!("<!doctype html><title>{title}</title><h1>{title}</h1><p>{words}</p>{body}");
    answer("text/html; charset=utf-8", html.as_bytes())
}

/// A shop's page with a picture, and what it says at any other address.
pub fn shop(path: &str) -> Vec<u8> {
    match path {
        "/a.svg" => answer(
            "image/svg+xml",
            b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><rect width='9' height='9' fill='teal'/></svg>",
        ),
        _ => page("秋日·林荫", "<p>价格 ¥199，月销 1,024 件。</p><img src=/a.svg width=300 height=300>"),
    }
}

pub fn site(answers: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> u16 {
    let answers = Arc::new(answers);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answers = answers.clone();
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let first = lines.next().unwrap_or_default();
                while lines.next().is_some_and(|l| !l.is_empty()) {}
                let mut stream = stream;
                let _ = stream.write_all(&answers(first.split(' ').nth(1).unwrap_or_default()));
            });
        }
    });
    port
}

/// A process: its parent, when it began, its command line.
#[derive(Clone, Debug)]
pub struct Process {
    pub parent: u32,
    pub begun: String,
    pub line: String,
}

/// Every process that is not a zombie.
pub fn processes() -> BTreeMap<u32, Process> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if fields[0] != "Z" {
            found.insert(pid, Process { parent: fields[1].parse().unwrap(), begun: fields[19].to_owned(), line });
        }
    }
    found
}
