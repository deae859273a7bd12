//! Letters by SMTP (RFC 5321), where the operator has named a server: invitations and ways back in.
//!
//! Rules:
//! - Encrypted, by a certificate that is verified: from the first byte (`smtps://`), or before anything of the letter is
//!   said (`smtp://`, STARTTLS). In clear to this machine alone.
//! - A letter is plain text to one address. It is sent while its sender waits, and what the server did not take is said
//!   to him, who then hands the link over himself: nothing is queued, and no address is kept.
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

    /// Sends one letter.
    pub fn send(&self, to: &str, subject: &str, text: &str) -> Result<()> {
        let to = to.trim();
        if !plain_address(to) {
            let shown = show_path(Path::new(&to.chars().take(80).collect::<String>()));
            return Err(Error::new(
                format!("“{shown}”不是能用的邮箱地址；请检查，或把网址当面交给对方"),
                format!("\"{shown}\" is no address that can be written to; check it, or hand the link over yourself"),
            ));
        }
        self.talk(to, &self.letter(to, subject, text)?).map_err(|why| {
            let why = show_path(Path::new(why.trim()));
            Error::new(
                format!("邮件没有发出（{why}）；请把网址当面交给对方"),
                format!("the letter was not sent ({why}); hand the link over yourself"),
            )
        })
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

    /// The whole conversation; an error is the server's own word, or the network's.
    fn talk(&self, to: &str, letter: &str) -> std::result::Result<(), String> {
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
        ask(&mut *wire, &format!("MAIL FROM:<{}>\r\n", self.from.1), "2")?;
        ask(&mut *wire, &format!("RCPT TO:<{to}>\r\n"), "2")?;
        ask(&mut *wire, "DATA\r\n", "3")?;
        ask(&mut *wire, letter, "2")?;
        // It is taken; how the server says good-bye is no matter.
        let _ = wire.write_all(b"QUIT\r\n");
        Ok(())
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
