//! Letters by SMTP (RFC 5321), where the operator has named a server: invitations and ways back in.
//!
//! Rules:
//! - Encrypted, by a certificate that is verified: from the first byte (`smtps://`), or before anything of the letter is
//!   said (`smtp://`, STARTTLS). In clear to this machine alone.
//! - A letter is plain text to one address. It is sent while its sender waits; what the server did not take is said to
//!   him, who may hand the link over himself, and is tried again (`outbox`).
//! - Nothing that somebody typed can end a line: addresses are plain ASCII, everything else travels as base64.

use crate::{Error, Result, Settings, clock, error::read_file, keys, show_path, web::web_roots};
use base64::{Engine, engine::general_purpose::STANDARD};
use evidence::{hex, time::SECOND};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, pki_types::ServerName};
use std::{
    io::{Read, Write},
    net::{TcpStream, ToSocketAddrs},
    path::Path,
    sync::Arc,
    time::Duration,
};

/// Each word of the server must be here within.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest answer, in bytes.
const LIMIT: usize = 8 << 10;

/// Where letters go out.
#[derive(Clone, Debug)]
pub struct Mail {
    host: String,
    port: u16,
    way: Way,
    /// User, and the file of the password.
    login: Option<(String, std::path::PathBuf)>,
    /// Name and address.
    from: (String, String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Clear,
    StartTls,
    Tls,
}

/// A letter.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Post {
    /// What its link is for: `invite`, `reset`.
    #[serde(skip)]
    pub what: &'static str,
    /// `local@domain`.
    pub to: String,
    /// In one line.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

/// Why a letter was not taken.
#[derive(Clone, Debug)]
pub struct NotTaken {
    /// The server's own word, or the network's.
    pub why: String,
    /// Said of the letter itself, and for good.
    pub for_good: bool,
}

impl NotTaken {
    /// In both languages, short enough to be kept.
    pub fn words(&self) -> (String, String) {
        let why: String = self.why.trim().chars().take(200).collect();
        let why = show_path(Path::new(&why));
        (format!("邮件没有发出（{why}）"), format!("the letter was not sent ({why})"))
    }
}

impl Post {
    /// Refuses an address that nothing can be sent to.
    pub fn check(&self) -> Result<()> {
        if plain_address(&self.to) {
            return Ok(());
        }
        let shown = show_path(Path::new(&self.to.chars().take(80).collect::<String>()));
        Err(Error::new(
            format!("“{shown}”不是能用的邮箱地址；请检查，或把网址当面交给对方"),
            format!("\"{shown}\" is no address that can be written to; check it, or hand the link over yourself"),
        ))
    }

    /// One that was kept; `None`: it is none.
    pub(crate) fn kept(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Where it goes, without whom.
    pub(crate) fn host(&self) -> &str {
        self.to.rsplit('@').next().unwrap_or_default()
    }
}

impl Mail {
    /// As `[mail]` has it; `None` where no server is named.
    pub fn of(settings: &Settings) -> Result<Option<Self>> {
        let Some(server) = settings.one("mail.server") else { return Ok(None) };
        let refuse = |key: &str, word: &str, zh: &str, en: &str| {
            let word = show_path(Path::new(word));
            Error::new(format!("{key}“{word}”：应写成 {zh}"), format!("{key} \"{word}\": write it as {en}"))
        };
        let shape = "smtps://mail.example.cn:465";
        let (tls, rest) = match (server.strip_prefix("smtps://"), server.strip_prefix("smtp://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            _ => return Err(refuse("mail.server", server, shape, shape)),
        };
        let (host, port) = rest.rsplit_once(':').unwrap_or((rest, if tls { "465" } else { "587" }));
        let port = port.parse().map_err(|_| refuse("mail.server", server, shape, shape))?;
        let way = match (tls, host) {
            (true, _) => Way::Tls,
            (false, "127.0.0.1" | "localhost") => Way::Clear,
            (false, _) => Way::StartTls,
        };
        let given = settings.one("mail.from").unwrap_or_default();
        let (name, address) = given.trim_end_matches('>').rsplit_once('<').unwrap_or(("", given));
        if !plain_address(address) {
            let shape = "Quezao <quezao@example.cn>";
            return Err(refuse("mail.from", given, shape, shape));
        }
        let login = settings.one("mail.user").map(str::to_owned).zip(settings.file("mail.password_file"));
        let from = (name.trim().to_owned(), address.to_owned());
        Ok(Some(Self { host: host.to_owned(), port, way, login, from }))
    }

    /// Sends one letter, to an address that was looked at.
    pub fn post(&self, post: &Post) -> std::result::Result<(), NotTaken> {
        let later = |why: String| NotTaken { why, for_good: false };
        let letter = self.letter(&post.to, &post.subject, &post.text).map_err(|e| later(e.en))?;
        let mut wire = self.greeted().map_err(later)?;
        let commands = [
            (format!("MAIL FROM:<{}>\r\n", self.from.1), "2"),
            (format!("RCPT TO:<{}>\r\n", post.to), "2"),
            ("DATA\r\n".to_owned(), "3"),
            (letter, "2"),
        ];
        for (command, wanted) in commands {
            // From here on it speaks of this letter (RFC 5321, 4.2.1).
            ask(&mut *wire, &command, wanted).map_err(|why| NotTaken { for_good: why.starts_with('5'), why })?;
        }
        // It is taken; how the server says good-bye is no matter.
        let _ = wire.write_all(b"QUIT\r\n");
        Ok(())
    }

    /// RFC 5322, its texts as base64 (RFC 2045, RFC 2047).
    fn letter(&self, to: &str, subject: &str, text: &str) -> Result<String> {
        let (name, from) = &self.from;
        let domain = from.split('@').nth(1).unwrap_or_default();
        let (id, date) = (hex::encode(&keys::random::<16>()?), date(clock::now().0 / SECOND));
        let body = STANDARD.encode(text.replace('\n', "\r\n"));
        let body: Vec<&str> = body.as_bytes().chunks(76).filter_map(|line| std::str::from_utf8(line).ok()).collect();
        Ok(format!(
            "From: {} <{from}>\r\nTo: <{to}>\r\nSubject: {}\r\nDate: {date}\r\nMessage-ID: <{id}@{domain}>\r\n\
             MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\
             Auto-Submitted: auto-generated\r\n\r\n{}\r\n.\r\n",
            words(name),
            words(subject),
            body.join("\r\n")
        ))
    }

    /// A connection on which the server has greeted, encrypted, and knows who sends; an error is its own word, or the
    /// network's.
    fn greeted(&self) -> std::result::Result<Box<dyn Wire>, String> {
        let said = |e: std::io::Error| e.to_string();
        let mut addresses = (self.host.as_str(), self.port).to_socket_addrs().map_err(said)?;
        let address = addresses.next().ok_or("no address")?;
        let stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(said)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(said)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(said)?;
        let mut wire: Box<dyn Wire> = if self.way == Way::Tls { self.encrypted(stream)? } else { Box::new(stream) };
        expect(&mut *wire, "2")?;
        let own = self.from.1.split('@').nth(1).unwrap_or("localhost");
        let hello = format!("EHLO {own}\r\n");
        let mut offers = ask(&mut *wire, &hello, "2")?;
        if self.way == Way::StartTls {
            if !offers.to_ascii_uppercase().contains("STARTTLS") {
                return Err("STARTTLS is not offered".into());
            }
            ask(&mut *wire, "STARTTLS\r\n", "2")?;
            wire = self.encrypted(wire.plain().ok_or("STARTTLS")?)?;
            offers = ask(&mut *wire, &hello, "2")?;
        }
        if let Some((user, file)) = &self.login {
            if !offers.to_ascii_uppercase().contains("AUTH") {
                return Err("AUTH is not offered".into());
            }
            let bytes = read_file(file).map_err(|e| e.en)?;
            let password = String::from_utf8_lossy(&bytes).lines().next().unwrap_or_default().to_owned();
            ask(&mut *wire, &format!("AUTH PLAIN {}\r\n", STANDARD.encode(format!("\0{user}\0{password}"))), "2")?;
        }
        Ok(wire)
    }

    fn encrypted(&self, stream: TcpStream) -> std::result::Result<Box<dyn Wire>, String> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(web_roots().map_err(|e| e.en)?.iter().map(|c| c.der().to_vec().into()));
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().map_err(|e| e.to_string())?;
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from(self.host.clone()).map_err(|e| e.to_string())?;
        let connection = ClientConnection::new(Arc::new(config), name).map_err(|e| e.to_string())?;
        Ok(Box::new(StreamOwned::new(connection, stream)))
    }
}

/// A connection, in clear or not.
trait Wire: Read + Write {
    /// The bare stream, where it is one.
    fn plain(&self) -> Option<TcpStream> {
        None
    }
}

impl Wire for TcpStream {
    fn plain(&self) -> Option<TcpStream> {
        self.try_clone().ok()
    }
}

impl Wire for StreamOwned<ClientConnection, TcpStream> {}

fn ask(wire: &mut dyn Wire, words: &str, wanted: &str) -> std::result::Result<String, String> {
    wire.write_all(words.as_bytes()).and_then(|()| wire.flush()).map_err(|e| e.to_string())?;
    expect(wire, wanted)
}

/// An answer of as many lines as it has. Byte by byte: nothing that comes before encryption may count after it.
fn expect(wire: &mut dyn Wire, wanted: &str) -> std::result::Result<String, String> {
    let (mut all, mut begun, mut byte) = (Vec::new(), 0, [0]);
    while all.len() < LIMIT {
        wire.read_exact(&mut byte).map_err(|e| e.to_string())?;
        all.push(byte[0]);
        if byte[0] == b'\n' {
            if all.get(begun + 3) != Some(&b'-') {
                let text = String::from_utf8_lossy(&all).into_owned();
                return if text.starts_with(wanted) { Ok(text) } else { Err(text) };
            }
            begun = all.len();
        }
    }
    Err("too long an answer".into())
}

/// `local@domain` in plain ASCII: nothing that needs quoting, and nothing that ends a line.
fn plain_address(address: &str) -> bool {
    let Some((local, domain)) = address.split_once('@') else { return false };
    let mailbox = |c: u8| c.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&c);
    let host = |c: u8| c.is_ascii_alphanumeric() || b".-".contains(&c);
    (1..=64).contains(&local.len())
        && (1..=189).contains(&domain.len())
        && local.bytes().all(mailbox)
        && domain.bytes().all(host)
}

/// Encoded words (RFC 2047) of at most 75 characters, folded.
fn words(text: &str) -> String {
    let mut pieces = vec![String::new()];
    for c in text.chars().filter(|c| !c.is_control()) {
        let full = pieces.last().is_some_and(|piece| piece.len() + c.len_utf8() > 42);
        if full {
            pieces.push(String::new());
        }
        if let Some(last) = pieces.last_mut() {
            last.push(c);
        }
    }
    let encoded = pieces.iter().map(|piece| format!("=?UTF-8?B?{}?=", STANDARD.encode(piece)));
    encoded.collect::<Vec<_>>().join("\r\n ")
}

/// `Mon, 30 Nov 2026 14:06:05 +0000`.
fn date(seconds: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = evidence::time::Utc(seconds.saturating_mul(SECOND)).to_micros();
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let named = |names: &[&'static str], n: usize| names.get(n).copied().unwrap_or_default();
    let day = usize::try_from(seconds.div_euclid(86_400).rem_euclid(7)).unwrap_or_default();
    let month = part(5, 7).parse::<usize>().unwrap_or(1) - 1;
    format!("{}, {} {} {} {} +0000", named(&DAYS, day), part(8, 10), named(&MONTHS, month), part(0, 4), part(11, 19))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_typed_ends_a_line() {
        for good in ["chenlan@example.cn", "a.b+c@mail.example.cn"] {
            assert!(plain_address(good), "{good}");
        }
        for bad in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\r\nRCPT TO:<c@d>", "<a>@b", "陈@example.cn", "a\"@b"] {
            assert!(!plain_address(bad), "{bad}");
        }
        assert!(!words("a\r\nBcc: b").contains("Bcc") && !words("邀请\n").trim_start().contains("\n\n"));
        assert!(words(&"邀请".repeat(40)).split("\r\n ").all(|word| word.len() <= 75));
    }

    #[test]
    fn a_date_is_as_letters_have_it() {
        assert_eq!(date(0), "Thu, 01 Jan 1970 00:00:00 +0000");
        assert_eq!(date(1_796_076_365), "Mon, 30 Nov 2026 22:06:05 +0000");
    }
}
