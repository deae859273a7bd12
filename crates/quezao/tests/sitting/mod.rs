//! A court's node and its desk: what the tests of both share.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

use crate::house::{Browser, House, program};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::{Child, Command, Output, Stdio},
    thread,
    time::Duration,
};

/// A node of its own.
pub struct Court {
    child: Child,
    pub browser: Browser,
}

impl Court {
    pub fn open(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let address = said.split("://").nth(1).unwrap_or_else(|| panic!("{said}")).trim().trim_end_matches('/');
        let address = address.parse().unwrap();
        let browser = Browser { address, cookies: BTreeMap::new(), csrf: String::new(), heads: Vec::new() };
        Self { child, browser }
    }

    /// Waits for it.
    pub fn get(&mut self, path: &str) -> String {
        for _ in 0..600 {
            let answer = self.browser.get(path);
            if answer.status == 200 {
                return answer.body;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("{path} never came");
    }

    pub fn stop(mut self) -> Option<i32> {
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

pub fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

pub fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", words(output)))
}

/// A command that must go well.
pub fn done(work: &tempfile::TempDir, args: &[&str]) -> Output {
    let done = program(work).args(args).output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", words(&done));
    done
}

/// A form as browsers send it.
pub fn form(parts: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (field, name, bytes) in parts {
        let head = format!("--edge\r\ncontent-disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\r\n");
        body.extend([head.as_bytes(), bytes, b"\r\n"].concat());
    }
    body.extend(b"--edge--\r\n");
    body
}

pub const FORM: (&str, &str) = ("content-type", "multipart/form-data; boundary=edge");

impl Court {
    /// One beside this portal, with its ledger's copy and the trust that the portal hands out.
    pub fn beside(house: &House) -> Self {
        let mut command = program(&house.work);
        command.args(["node", "--data", "court", "--ledger", &format!("http://{}/ledger", house.address)]);
        command.args(["--listen", "127.0.0.1:0", "--name", "court.example/node", "--log-key", "data/trust/policy"]);
        let mut court = Self::open(&mut command);
        court.get(&format!("/mirror/{}/checkpoint", hash(house)));
        let [theirs, own] = ["data/trust", "court/trust"].map(|path| house.work.path().join(path));
        assert!(Command::new("cp").arg("-r").args([&theirs, &own]).status().unwrap().success());
        court
    }

    /// Lays these on the desk; where the result is.
    pub fn lay(&mut self, parts: &[(&str, &str, &[u8])]) -> String {
        let told = self.browser.send("POST", "/examinations?lang=zh", &[FORM], &form(parts));
        assert_eq!(told.status, 303, "{}", told.body);
        told.head("location").unwrap().split('?').next().unwrap().to_owned()
    }

    /// The API's answer: status and JSON.
    pub fn ask(&mut self, parts: &[(&str, &str, &[u8])]) -> (u16, Value) {
        let answer = self.browser.send("POST", "/api/v1/verifications", &[FORM], &form(parts));
        (answer.status, serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{}", answer.body)))
    }
}

/// What a node calls this portal's ledger by.
pub fn hash(house: &House) -> String {
    let origin = house.browser().get("/ledger/checkpoint").body.lines().next().unwrap().to_owned();
    evidence::hex::encode(&evidence::digest::sha256(origin.as_bytes()))
}
