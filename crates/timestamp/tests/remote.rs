//! A second authority, `openssl ts -reply` behind a loopback server, and what it may do wrong.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use evidence::time::Utc;
use evidence::token::{Root, Token};
use timestamp::{Error, Remote, RemoteAuthority, Stamper};

const CONFIG: &str = "
[tsa]
default_tsa = own
[own]
serial = DIR/serial
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1
other_policies = 1.3.6.1.4.1.99999.2
digests = sha256, sha384, sha512
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
";

/// Root, and signers under it: `good`, `mail` (another usage), `past` (ended).
struct Openssl(tempfile::TempDir);

impl Openssl {
    fn new() -> Self {
        let own = Self(tempfile::tempdir().unwrap());
        own.write("ts.cnf", &CONFIG.replace("DIR", own.dir().to_str().unwrap()));
        own.write("serial", "01\n");
        own.write("root.ext", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n");
        own.write("good.ext", "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n");
        own.write("mail.ext", "extendedKeyUsage=critical,emailProtection\nkeyUsage=critical,digitalSignature\n");
        own.run("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=Second-Root -keyout root.key -out root.csr", &[]);
        own.run("x509 -req -in root.csr -signkey root.key -days 3650 -extfile root.ext -out root.pem", &[]);
        for (name, ext, dates) in [("good", "good.ext", "-days 365"), ("mail", "mail.ext", "-days 365")] {
            own.run(
                &format!("req -new -newkey rsa:2048 -nodes -subj /CN=Second-{name} -keyout {name}.key -out {name}.csr"),
                &[],
            );
            own.run(&format!("x509 -req -in {name}.csr -CA root.pem -CAkey root.key -CAcreateserial {dates} -extfile {ext} -out {name}.pem"), &[]);
        }
        own
    }

    fn dir(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.dir().join(name), text).unwrap();
    }

    fn run(&self, arguments: &str, input: &[u8]) -> Vec<u8> {
        let mut child = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(self.dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let out = child.wait_with_output().unwrap();
        assert!(out.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&out.stderr));
        out.stdout
    }

    fn reply(&self, signer: &str, query: &[u8]) -> Vec<u8> {
        fs::write(self.dir().join("query"), query).unwrap();
        self.run(&format!("ts -reply -config ts.cnf -section own -queryfile query -signer {signer}.pem -inkey {signer}.key -out reply"), &[]);
        fs::read(self.dir().join("reply")).unwrap()
    }

    fn root(&self) -> Root {
        Root::from_pem(&fs::read(self.dir().join("root.pem")).unwrap()).unwrap()
    }
}

/// What the server does with a request's body.
type Answer = dyn Fn(&[u8], &mut TcpStream) + Send + Sync;

struct Server {
    url: String,
    requests: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    port: u16,
}

impl Server {
    fn new(answer: Box<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (requests, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (counted, stopped) = (requests.clone(), stop.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let mut stream = stream.unwrap();
                counted.fetch_add(1, Ordering::Relaxed);
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let (mut line, mut length) = (String::new(), 0);
                while reader.read_line(&mut line).unwrap_or(0) > 2 {
                    if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    line.clear();
                }
                let mut body = vec![0; length];
                if reader.read_exact(&mut body).is_ok() {
                    answer(&body, &mut stream);
                }
            }
        });
        Self { url: format!("http://127.0.0.1:{port}/tsa"), requests, stop, port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn send(stream: &mut TcpStream, media: &str, body: &[u8]) {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {media}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}

fn reply(stream: &mut TcpStream, body: &[u8]) {
    send(stream, "application/timestamp-reply", body);
}

fn now() -> Utc {
    Utc(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap())
}

fn remote(server: &Server, openssl: &Openssl) -> Remote {
    Remote {
        name: "second".into(),
        url: server.url.clone(),
        roots: vec![openssl.root()],
        timeout: Duration::from_secs(5),
        ..Remote::default()
    }
}

fn authority(remote: Remote) -> RemoteAuthority {
    RemoteAuthority::new(remote, Box::new(now)).unwrap()
}

/// The reason why the answer of such a server is refused.
fn refused(openssl: &Openssl, answer: Box<Answer>, change: impl FnOnce(&mut Remote)) -> String {
    let server = Server::new(answer);
    let mut remote = remote(&server, openssl);
    change(&mut remote);
    let authority = authority(remote);
    let error = authority.stamp(b"checkpoint").unwrap_err();
    assert_eq!(authority.health().failures, 1, "{error}");
    error.to_string()
}

#[test]
fn a_token_of_a_real_second_authority_passes_and_its_lies_do_not() {
    let openssl = Arc::new(Openssl::new());
    let good = openssl.clone();
    let server = Server::new(Box::new(move |query, stream| reply(stream, &good.reply("good", query))));
    let second = authority(remote(&server, &openssl));
    let tsr = second.stamp(b"checkpoint").unwrap();
    let token = Token::parse_tsr(&tsr).unwrap();
    token.check_imprint(b"checkpoint").unwrap();
    assert_eq!(token.policy, "1.3.6.1.4.1.99999.1");
    assert_eq!(second.health().tokens, 1);
    // What was kept is what openssl itself accepts.
    fs::write(openssl.dir().join("kept.tsr"), &tsr).unwrap();
    fs::write(openssl.dir().join("data"), b"checkpoint").unwrap();
    openssl.run("ts -verify -in kept.tsr -data data -CAfile root.pem", &[]);
    // A policy that it has, and one that it has not.
    let other = authority(Remote { policy: Some("1.3.6.1.4.1.99999.2".into()), ..remote(&server, &openssl) });
    assert_eq!(Token::parse_tsr(&other.stamp(b"x").unwrap()).unwrap().policy, "1.3.6.1.4.1.99999.2");
    let none = authority(Remote { policy: Some("1.2.3.4".into()), ..remote(&server, &openssl) });
    assert!(none.stamp(b"x").unwrap_err().to_string().contains("time-stamp status"), "refused by status");

    let own = openssl.clone();
    let old = openssl.reply(
        "good",
        &openssl.run(
            "ts -query -digest 0000000000000000000000000000000000000000000000000000000000000000 -sha256 -cert",
            &[],
        ),
    );
    let replayed = refused(&openssl, Box::new(move |_, s| reply(s, &old)), |_| ());
    assert!(replayed.contains("imprint"), "{replayed}");
    // The same imprint, another nonce: an old answer to the same question.
    let digest = evidence::hex::encode(&evidence::digest::sha256(b"checkpoint"));
    let old = openssl.reply("good", &openssl.run(&format!("ts -query -digest {digest} -sha256 -cert"), &[]));
    let reused = refused(&openssl, Box::new(move |_, s| reply(s, &old)), |_| ());
    assert!(reused.contains("nonce"), "{reused}");
    let usage = refused(&openssl, Box::new(move |q, s| reply(s, &forged(&own, q))), |_| ());
    assert!(usage.contains("status") || usage.contains("usage") || usage.contains("timeStamping"), "{usage}");
    let own = openssl.clone();
    let stranger = Openssl::new();
    let unknown =
        refused(&openssl, Box::new(move |q, s| reply(s, &own.reply("good", q))), |r| r.roots = vec![stranger.root()]);
    assert!(unknown.contains("root") || unknown.contains("path"), "{unknown}");
    let own = openssl.clone();
    let server = Server::new(Box::new(move |q, s| reply(s, &own.reply("good", q))));
    let ahead = RemoteAuthority::new(remote(&server, &openssl), Box::new(|| now().plus(600_000_000))).unwrap();
    let apart = ahead.stamp(b"checkpoint").unwrap_err().to_string();
    assert!(apart.contains("genTime"), "{apart}");
}

/// A signer of another usage: openssl refuses to sign for it, so its certificate is put where the right one was.
fn forged(openssl: &Openssl, query: &[u8]) -> Vec<u8> {
    fs::write(openssl.dir().join("mail-query"), query).unwrap();
    let command =
        "ts -reply -config ts.cnf -section own -queryfile mail-query -signer mail.pem -inkey mail.key -out mail-reply";
    let done = Command::new("openssl").args(command.split(' ')).current_dir(openssl.dir()).output().unwrap();
    if done.status.success() {
        fs::read(openssl.dir().join("mail-reply")).unwrap()
    } else {
        vec![0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02]
    }
}

#[test]
fn a_server_that_misbehaves_is_bounded_and_named() {
    let openssl = Openssl::new();
    let endless = refused(
        &openssl,
        Box::new(|_, s| {
            let _ = s.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/timestamp-reply\r\n\r\n");
            while s.write_all(&[0; 65536]).is_ok() {}
        }),
        |_| (),
    );
    assert!(endless.contains("longer than"), "{endless}");
    let elsewhere = refused(
        &openssl,
        Box::new(|_, s| {
            drop(s.write_all(b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n"))
        }),
        |_| (),
    );
    assert!(elsewhere.contains("redirect") || elsewhere.contains("302"), "{elsewhere}");
    let page = refused(&openssl, Box::new(|_, s| send(s, "text/html", b"<html>")), |_| ());
    assert!(page.contains("text/html"), "{page}");
    let broken =
        refused(&openssl, Box::new(|_, s| drop(s.write_all(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"))), |_| ());
    assert!(broken.contains("500"), "{broken}");
    refused(&openssl, Box::new(|_, s| reply(s, b"\x30\x80\x00\x00")), |_| ());
    refused(&openssl, Box::new(|_, s| drop(s.shutdown(std::net::Shutdown::Both))), |_| ());
    let slow = refused(&openssl, Box::new(|_, _| std::thread::sleep(Duration::from_secs(3))), |r| {
        r.timeout = Duration::from_millis(300)
    });
    assert!(slow.contains("timeout"), "{slow}");
}

#[test]
fn one_that_failed_rests_and_one_with_a_pace_is_not_due() {
    let openssl = Arc::new(Openssl::new());
    let server = Server::new(Box::new(|_, s| send(s, "text/html", b"down")));
    let down = authority(remote(&server, &openssl));
    assert!(down.due(now()) && down.stamp(b"x").is_err());
    assert!(!down.due(now()));
    assert!(matches!(down.stamp(b"x"), Err(Error::Resting { failures: 1, .. })));
    assert_eq!(server.requests.load(Ordering::Relaxed), 1, "a resting authority is not asked");
    let own = openssl.clone();
    let server = Server::new(Box::new(move |q, s| reply(s, &own.reply("good", q))));
    let paced = authority(Remote { pace: Duration::from_secs(3600), ..remote(&server, &openssl) });
    paced.stamp(b"x").unwrap();
    assert!(!paced.due(now()));
}

#[test]
fn what_cannot_be_used_is_refused_before_anyone_is_asked() {
    let openssl = Openssl::new();
    let usable = |change: &dyn Fn(&mut Remote)| {
        let mut remote = Remote {
            name: "x".into(),
            url: "http://127.0.0.1:9/".into(),
            roots: vec![openssl.root()],
            ..Remote::default()
        };
        change(&mut remote);
        RemoteAuthority::new(remote, Box::new(now)).is_ok()
    };
    assert!(usable(&|_| ()));
    for url in ["ftp://a/", "a", "http://", "http://user:password@a/", "http:// a/", "file:///etc/passwd"] {
        assert!(!usable(&|r| r.url = url.into()), "{url}");
    }
    assert!(!usable(&|r| r.roots.clear()));
    assert!(!usable(&|r| r.policy = Some("1.2.x".into())));
    assert!(!usable(&|r| r.credentials = Some(("a".into(), "b".into()))), "a password in clear");
    assert!(!usable(&|r| r.url = "https://127.0.0.1:9/".into()), "https without roots");
    let pem = |path: PathBuf| fs::read(path).unwrap();
    let web = pem(openssl.dir().join("root.pem"));
    assert!(usable(&|r| (r.url, r.web_roots) = ("https://127.0.0.1:9/".into(), web.clone())));
    assert!(!usable(
        &|r| (r.url, r.web_roots, r.client) = ("https://127.0.0.1:9/".into(), web.clone(), Some(b"no".to_vec()))
    ));
}
