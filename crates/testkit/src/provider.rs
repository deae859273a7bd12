//! An identity provider on loopback, as docs/identity-provider.md has it, and every way in which one can go wrong.

use hmac::{Hmac, KeyInit, Mac};
use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The secret of both.
pub const KEY: &str = "a key of forty characters for both sides";

/// What it answers next.
#[derive(Clone, Debug)]
pub enum Reply {
    /// This state, signed; `verified` says the name that was asked about.
    Say(&'static str),
    /// Verified, but of this name.
    Other(&'static str),
    /// A status without an answer.
    Status(u16),
    /// Nothing, until the other side gives up or this time is over.
    Slow(Duration),
    /// Signed with another key.
    Forged,
    /// Signed for the answer to another question.
    Replayed,
    /// More bytes than anybody reads.
    Huge,
    /// No JSON, signed.
    Garbage,
}

/// A question that came: its name, and its body.
#[derive(Clone, Debug)]
pub struct Question {
    /// `Quezao-Request`.
    pub request: String,
    /// JSON.
    pub body: String,
}

/// Answers until the test ends: the replies in their order, the last one again and again.
pub struct Provider {
    /// `http://127.0.0.1:PORT/check`.
    pub url: String,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    heard: Arc<Mutex<Vec<Question>>>,
}

impl Provider {
    /// Begins with these.
    pub fn new(replies: &[Reply]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/check", listener.local_addr().unwrap());
        let replies = Arc::new(Mutex::new(replies.iter().cloned().collect::<VecDeque<_>>()));
        let own = Self { url, replies: replies.clone(), heard: Arc::default() };
        let heard = own.heard.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (replies, heard) = (replies.clone(), heard.clone());
                std::thread::spawn(move || drop(answer(stream, &replies, &heard)));
            }
        });
        own
    }

    /// From now on it answers so.
    pub fn becomes(&self, replies: &[Reply]) {
        *self.replies.lock().unwrap() = replies.iter().cloned().collect();
    }

    /// Questions so far that were signed as agreed.
    pub fn heard(&self) -> Vec<Question> {
        self.heard.lock().unwrap().clone()
    }
}

fn sign(key: &str, what: &str, at: u64, body: &str) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(format!("{what}.{at}.{body}").as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect();
    format!("v1={hex}")
}

fn answer(
    mut stream: TcpStream,
    replies: &Mutex<VecDeque<Reply>>,
    heard: &Mutex<Vec<Question>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut length, mut request, mut at, mut signature) = (0, String::new(), String::new(), String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let (name, value) = line.split_once(':').unwrap_or(("", ""));
        let value = value.trim().to_owned();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "quezao-request" => request = value,
            "quezao-timestamp" => at = value,
            "quezao-signature" => signature = value,
            _ => {}
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8(body).unwrap();
    let refuse = |stream: &mut TcpStream, status: u16| {
        write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    };
    if signature != sign(KEY, "request", at.parse().unwrap_or(0), &body) {
        return refuse(&mut stream, 401);
    }
    heard.lock().unwrap().push(Question { request: request.clone(), body: body.clone() });
    let reply = {
        let mut replies = replies.lock().unwrap();
        let last = replies.front().cloned().unwrap_or(Reply::Status(503));
        if replies.len() > 1 { replies.pop_front() } else { None }.unwrap_or(last)
    };
    // What was asked about stands in the question as `"name":"…"`.
    let word =
        |name: &str| body.split(&format!("\"{name}\":\"")).nth(1).and_then(|t| t.split('"').next()).unwrap_or_default();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let said = |request: &str, state: &str, name: &str| {
        format!(
            "{{\"request\":\"{request}\",\"state\":\"{state}\",\"kind\":\"{}\",\"name\":\"{name}\",\"method\":\"企业登记信息比对\",\
             \"reason\":\"{}\",\"established_at\":\"{}\"}}",
            word("kind"),
            if state == "refused" { "名称与号码不一致" } else { "" },
            day(now)
        )
    };
    let (key, text) = match reply {
        Reply::Say(state) => (KEY, said(&request, state, word("name"))),
        Reply::Other(name) => (KEY, said(&request, "verified", name)),
        Reply::Status(status) => return refuse(&mut stream, status),
        Reply::Slow(time) => {
            std::thread::sleep(time);
            return Ok(());
        }
        Reply::Forged => ("another key", said(&request, "verified", word("name"))),
        Reply::Replayed => (KEY, said(&"0".repeat(64), "verified", word("name"))),
        Reply::Huge => (KEY, format!("\"{}\"", "x".repeat(8 << 20))),
        Reply::Garbage => (KEY, "<html>".to_owned()),
    };
    let signature = sign(key, "answer", now, &text);
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nquezao-timestamp: {now}\r\nquezao-signature: {signature}"
    );
    write!(stream, "{head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}", text.len())
}

/// Unix seconds as UTC with six digits behind the second (days by Howard Hinnant's arithmetic).
fn day(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.000000Z", rest / 3600, rest / 60 % 60, rest % 60)
}
