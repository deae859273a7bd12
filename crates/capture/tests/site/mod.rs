//! A site on loopback: one thread a connection, every request logged, bodies known byte for byte.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

mod hostile;
mod pages;
mod shops;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, OnceLock};
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
    Brotli,
    Zstd,
    /// Zstd that unpacks to so many MiB of spaces.
    Bomb(u64),
    Chunked,
    /// Says more than it sends.
    Truncated,
    /// Goes on until the browser leaves.
    Endless,
    /// A WebSocket that says two things.
    Socket,
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
        self.capture_order(&self.order(path), limits)
    }

    pub fn capture_order(&self, order: &Request, limits: &Limits) -> Recording {
        let recording = capture::run(order, limits, &mut |_| {}).unwrap();
        self.compare(&recording);
        self.log.lock().unwrap().clear();
        recording
    }

    /// The law: what the site's log holds is in the WACZ, but for WebSockets, which are an artefact of their
    /// own; and what the WACZ holds with an answer, the site has seen.
    fn compare(&self, recording: &Recording) {
        let ours = |e: &&Exchange| e.peer.is_some_and(|peer| peer.port() == self.port);
        let (file, _) = recording.write_wacz(tempfile::tempfile().unwrap(), "quezao 0.1.0", vec![]).unwrap();
        let mut file = std::io::BufReader::new(file);
        let read = archive::wacz::read(&mut file).unwrap();
        let records = |kind: &str| {
            let mut urls: Vec<&str> =
                read.entries.iter().filter(|e| e.kind == kind).map(|e| e.target.as_str()).collect();
            urls.sort_unstable();
            urls
        };
        let line = |e: &Exchange| {
            let (host, path) = e.url.strip_prefix("http://").unwrap().split_once('/').unwrap();
            format!("{} {host} /{}", e.method, path.split('#').next().unwrap())
        };
        let plain = |e: &Exchange| e.url.split('#').next().unwrap().to_owned();
        let mut all: Vec<String> = recording.exchanges.iter().filter(|e| e.peer.is_some()).map(plain).collect();
        all.sort_unstable();
        assert_eq!(records("request"), all, "requests in the WACZ");
        let mut answered: Vec<String> =
            recording.exchanges.iter().filter(|e| e.peer.is_some() && e.response.is_some()).map(plain).collect();
        answered.sort_unstable();
        assert_eq!(records("response"), answered, "responses in the WACZ");

        let mut log = self.log();
        if let Some(sockets) = recording.resource("operations/websocket") {
            let lines = std::fs::read_to_string(&sockets.content.file).unwrap();
            for socket in lines.lines().filter(|line| line.contains("\"event\":\"created\"")) {
                let socket: serde_json::Value = serde_json::from_str(socket).unwrap();
                let url = socket["url"].as_str().unwrap().strip_prefix("ws://").unwrap();
                let (host, path) = url.split_once('/').unwrap();
                let at = log.iter().position(|line| *line == format!("GET {host} /{path}"));
                at.map(|at| log.remove(at));
            }
        }
        let mut unanswered: Vec<String> = Vec::new();
        for exchange in recording.exchanges.iter().filter(ours) {
            let line = line(exchange);
            match log.iter().position(|seen| *seen == line) {
                Some(at) => drop(log.remove(at)),
                None if exchange.response.is_none() && exchange.failure.is_some() => unanswered.push(line),
                None => panic!("recorded with an answer, never seen by the site: {line} {:?}", exchange.failure),
            }
        }
        assert_eq!(log, Vec::<String>::new(), "seen by the site, not recorded (cut off on the way: {unanswered:?})");
        for exchange in recording.exchanges.iter().filter(ours) {
            let Some(response) = &exchange.response else { continue };
            let Some(body) = &response.body else { continue };
            let path = exchange.url.splitn(4, '/').nth(3).unwrap();
            let sent = pages::answer(&format!("/{path}"), self.port);
            if matches!(sent.way, Way::Plain | Way::Gzip | Way::Brotli | Way::Zstd | Way::Chunked | Way::Late(_))
                && response.fidelity == capture::Fidelity::Exact
                && exchange.failure.is_none()
            {
                assert!(std::fs::read(&body.file).unwrap() == sent.body, "the body of {}", exchange.url);
            }
            match &response.head.raw {
                Some(raw) => assert_eq!(*raw, wire(&sent).0, "{}", exchange.url),
                // Of a service worker's own script the browser does not show it.
                None => assert_ne!(exchange.target, "page", "{}", exchange.url),
            }
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
    let answer = pages::answer(&path, port);
    if let (Way::Socket, Some(key)) = (&answer.way, field("sec-websocket-key")) {
        let _ = socket(&mut stream, &key);
        return;
    }
    let _ = send(&mut stream, &answer);
}

fn send(stream: &mut TcpStream, answer: &Answer) -> std::io::Result<()> {
    let (head, body) = wire(answer);
    if let Way::Late(wait) = answer.way {
        std::thread::sleep(wait);
    }
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)?;
    if let Way::Bomb(size) = answer.way {
        // Blocks of one repeated byte: four bytes become 128 KiB.
        stream.write_all(&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58])?;
        for n in 0..size * 8 {
            let header = (128u32 << 10) << 3 | 1 << 1 | u32::from(n + 1 == size * 8);
            stream.write_all(&header.to_le_bytes()[..3])?;
            stream.write_all(b" ")?;
        }
    }
    if matches!(answer.way, Way::Endless) {
        loop {
            stream.write_all(b"<p>and on it goes</p>\n")?;
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    Ok(())
}

/// Head and body as they go over the wire.
fn wire(answer: &Answer) -> (String, Vec<u8>) {
    let mut head =
        format!("HTTP/1.1 {} Said so\r\nConnection: close\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n", answer.status);
    for (name, value) in &answer.fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut body = answer.body.clone();
    match answer.way {
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
        Way::Brotli => {
            body = brotli(&body);
            head.push_str(&format!("Content-Encoding: br\r\nContent-Length: {}\r\n", body.len()));
        }
        Way::Zstd => {
            body = zstd(&body);
            head.push_str(&format!("Content-Encoding: zstd\r\nContent-Length: {}\r\n", body.len()));
        }
        Way::Bomb(_) => head.push_str("Content-Encoding: zstd\r\n"),
        Way::Truncated => head.push_str(&format!("Content-Length: {}\r\n", body.len() + 1000)),
        Way::Endless | Way::Socket => {}
        Way::Plain | Way::Late(_) => head.push_str(&format!("Content-Length: {}\r\n", body.len())),
    }
    head.push_str("\r\n");
    (head, body)
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

/// Uncompressed meta-blocks (RFC 7932, 9.2).
fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (n, block) in bytes.chunks(65_536).enumerate() {
        // The first one has the window's bit before it.
        let shift = u32::from(n == 0);
        let header = ((block.len() as u32 - 1) << 3 | 1 << 19) << shift;
        out.extend(&header.to_le_bytes()[..3]);
        out.extend(block);
    }
    out.push(3);
    out
}

/// Raw blocks (RFC 8878, 3.1.1).
fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    out.extend((bytes.len() as u32).to_le_bytes());
    let mut blocks = bytes.chunks(128 << 10).peekable();
    while let Some(block) = blocks.next() {
        let header = (block.len() as u32) << 3 | u32::from(blocks.peek().is_none());
        out.extend(&header.to_le_bytes()[..3]);
        out.extend(block);
    }
    out
}

/// Says `price 99`, waits for an answer, says the bytes 1 to 5, and goes.
fn socket(stream: &mut TcpStream, key: &str) -> std::io::Result<()> {
    use sha1::Digest;
    let accept = sha1::Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
    let accept = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, accept);
    let head = format!(
        "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\x81\x08price 99")?;
    let mut answer = [0; 64];
    let _ = stream.read(&mut answer)?;
    stream.write_all(&[0x82, 5, 1, 2, 3, 4, 5])?;
    std::thread::sleep(Duration::from_millis(300));
    stream.write_all(&[0x88, 0])
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

/// Captures cannot run here: said, and the test passes.
pub fn absent() -> bool {
    static ABSENT: OnceLock<bool> = OnceLock::new();
    *ABSENT.get_or_init(|| {
        let machine = capture::Machine {
            executable: Some(env!("CARGO_BIN_EXE_capture-probe").into()),
            ..capture::Machine::default()
        };
        match capture::check(&machine) {
            Ok(_) => false,
            Err(why @ (capture::Error::NoChromium(_) | capture::Error::Isolation { .. })) => {
                println!("not run: {why}");
                true
            }
            Err(why) => panic!("{why}"),
        }
    })
}

/// For most pages: no PDF and no film, which have tests of their own.
pub fn limits() -> Limits {
    Limits { settle: Duration::from_secs(3), pdf: false, film: false, ..Limits::default() }
}

/// A site and a capture of one of its pages; nothing where captures cannot run.
pub fn captured(path: &str) -> Option<Recording> {
    captured_within(path, &limits())
}

pub fn captured_within(path: &str, limits: &Limits) -> Option<Recording> {
    if absent() {
        return None;
    }
    let recording = Site::start().capture_within(path, limits);
    let took = (recording.ended - recording.started) / 1000;
    println!("{path}: {took} ms {:?} {:?} {:?}", recording.outcome, recording.reasons, recording.remarks);
    Some(recording)
}

pub fn codes(recording: &Recording) -> Vec<&str> {
    recording.reasons.iter().map(|reason| reason.code).collect()
}

pub fn remarks(recording: &Recording) -> Vec<&str> {
    recording.remarks.iter().map(|remark| remark.code).collect()
}

pub fn fetched(recording: &Recording, part: &str) -> usize {
    recording.exchanges.iter().filter(|e| e.url.contains(part) && !e.printing && e.response.is_some()).count()
}

pub fn bytes(recording: &Recording, name: &str) -> Vec<u8> {
    std::fs::read(&recording.resource(name).unwrap_or_else(|| panic!("no {name}")).content.file).unwrap()
}

pub fn text(recording: &Recording, name: &str) -> String {
    String::from_utf8_lossy(&bytes(recording, name)).into_owned()
}

pub fn json(recording: &Recording, name: &str) -> serde_json::Value {
    serde_json::from_slice(&bytes(recording, name)).unwrap()
}

#[track_caller]
pub fn complete(recording: &Recording) {
    assert_eq!((recording.outcome, codes(recording)), (capture::Outcome::Complete, vec![]));
}
