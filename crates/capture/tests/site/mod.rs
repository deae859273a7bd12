//! A site on loopback: one thread a connection, every request logged, bodies known byte for byte.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

mod pages;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use capture::{Exchange, Limits, Recording, Request};

/// An answer as the site sends it.
pub struct Answer {
    pub status: u16,
    pub fields: Vec<(&'static str, String)>,
    /// What the browser should have in the end.
    pub body: Vec<u8>,
    pub way: Way,
}

/// How the body goes over the wire.
pub enum Way {
    Plain,
    Gzip,
    Chunked,
    /// Says more than it sends.
    Truncated,
    /// Goes on until the browser leaves.
    Endless,
    /// Nothing for so long.
    Late(Duration),
}

pub struct Site {
    pub port: u16,
    log: Arc<Mutex<Vec<String>>>,
}

impl Site {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let log = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let log = Arc::clone(&kept);
                std::thread::spawn(move || serve(stream, port, &log));
            }
        });
        Self { port, log }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// `METHOD HOST PATH` of each request, sorted.
    pub fn log(&self) -> Vec<String> {
        let mut log = self.log.lock().unwrap().clone();
        log.sort();
        log
    }

    /// An order with this site's two names open.
    pub fn order(&self, path: &str) -> Request {
        let mut order = Request::new(self.url(path));
        order.machine.executable = Some(env!("CARGO_BIN_EXE_capture-probe").into());
        for host in ["127.0.0.1", "localhost"] {
            order.loopback.push(format!("{host}:{}", self.port).parse().unwrap());
        }
        order
    }

    /// Captures, and holds the recording against the site's own log.
    pub fn capture(&self, path: &str) -> Recording {
        self.capture_within(path, &Limits::default())
    }

    pub fn capture_within(&self, path: &str, limits: &Limits) -> Recording {
        let recording = capture::run(&self.order(path), limits, &mut |_| {}).unwrap();
        self.compare(&recording);
        recording
    }

    fn compare(&self, recording: &Recording) {
        let ours = |e: &&Exchange| e.peer.is_some_and(|peer| peer.port() == self.port) && !e.url.contains("/poll");
        let mut seen: Vec<String> = recording
            .exchanges
            .iter()
            .filter(ours)
            .map(|e| {
                let (host, path) = e.url.strip_prefix("http://").unwrap().split_once('/').unwrap();
                format!("{} {host} /{path}", e.method)
            })
            .collect();
        seen.sort();
        let log: Vec<String> = self.log().into_iter().filter(|line| !line.contains("/poll")).collect();
        assert_eq!(seen, log, "the site's log and the recorded exchanges");
        for exchange in recording.exchanges.iter().filter(ours) {
            let Some(response) = &exchange.response else { continue };
            let Some(body) = &response.body else { continue };
            let path = exchange.url.splitn(4, '/').nth(3).unwrap();
            let sent = pages::answer(&format!("/{path}"), self.port);
            if matches!(sent.way, Way::Plain | Way::Gzip | Way::Chunked)
                && response.fidelity == capture::Fidelity::Exact
            {
                assert_eq!(std::fs::read(&body.file).unwrap(), sent.body, "{}", exchange.url);
            }
            let raw = response.head.raw.as_ref().expect("HTTP/1.1 shows the head's bytes");
            assert!(raw.starts_with(&format!("HTTP/1.1 {}", sent.status)), "{raw}");
        }
    }
}

fn serve(mut stream: TcpStream, port: u16, log: &Mutex<Vec<String>>) {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut head = Vec::new();
    let mut byte = [0; 1];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    let text = String::from_utf8(head).unwrap();
    let mut words = text.split_whitespace();
    let (method, path) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
    let field = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.to_owned())
    };
    let host = field("host").unwrap();
    let mut posted = vec![0; field("content-length").map_or(0, |n| n.parse().unwrap())];
    stream.read_exact(&mut posted).unwrap();
    log.lock().unwrap().push(format!("{method} {host} {path}"));
    let _ = send(&mut stream, &pages::answer(&path, port));
}

fn send(stream: &mut TcpStream, answer: &Answer) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {} Said\r\nConnection: close\r\n", answer.status);
    for (name, value) in &answer.fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut body = answer.body.clone();
    match answer.way {
        Way::Plain => head.push_str(&format!("Content-Length: {}\r\n", body.len())),
        Way::Gzip => {
            body = gzip(&body);
            head.push_str(&format!("Content-Encoding: gzip\r\nContent-Length: {}\r\n", body.len()));
        }
        Way::Chunked => {
            head.push_str("Transfer-Encoding: chunked\r\n");
            let mut chunks = Vec::new();
            for chunk in body.chunks(7) {
                chunks.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
                chunks.extend(chunk);
                chunks.extend(b"\r\n");
            }
            chunks.extend(b"0\r\n\r\n");
            body = chunks;
        }
        Way::Truncated => head.push_str(&format!("Content-Length: {}\r\n", body.len() + 1000)),
        Way::Endless => {}
        Way::Late(wait) => {
            std::thread::sleep(wait);
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
    }
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\r\n")?;
    stream.write_all(&body)?;
    while matches!(answer.way, Way::Endless) {
        stream.write_all(b"<p>and on it goes</p>\n")?;
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Stored blocks only: a valid gzip member without a compressor.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut blocks = bytes.chunks(65_535).peekable();
    while let Some(block) = blocks.next() {
        out.push(u8::from(blocks.peek().is_none()));
        let length = block.len() as u16;
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    out.extend(crc32(bytes).to_le_bytes());
    out.extend((bytes.len() as u32).to_le_bytes());
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| if c & 1 == 1 { (c >> 1) ^ 0xedb8_8320 } else { c >> 1 })
    })
}

/// A one-coloured picture of 120 × 120 pixels (BMP, which needs no compressor).
pub fn picture(colour: u8) -> Vec<u8> {
    let (side, size) = (120u32, 54 + 120 * 120 * 3);
    let mut out = b"BM".to_vec();
    for word in [size, 0, 54, 40, side, side] {
        out.extend(word.to_le_bytes());
    }
    out.extend([1, 0, 24, 0]);
    out.extend([0; 24]);
    out.extend((0..120 * 120).flat_map(|_| [colour, 255 - colour, 90]));
    out
}

/// Why captures cannot run here, if so: said, and the test passes.
pub fn absent() -> bool {
    let machine = capture::Machine {
        executable: Some(env!("CARGO_BIN_EXE_capture-probe").into()),
        ..capture::Machine::default()
    };
    match capture::check(&machine) {
        Ok(()) => false,
        Err(why @ (capture::Error::NoChromium(_) | capture::Error::Isolation { .. })) => {
            println!("not run: {why}");
            true
        }
        Err(why) => panic!("{why}"),
    }
}
