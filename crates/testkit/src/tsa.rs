//! A second authority: `openssl ts -reply` behind a loopback server. It lies when told to.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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

const LISTS: &str = "
[ca]
default_ca = own
[own]
database = DIR/index
crlnumber = DIR/crlnumber
default_md = sha256
default_crl_days = 30
";

/// A root and two signers under it, `good` and `mail` (made for another usage), in a folder of their own.
pub struct Openssl(tempfile::TempDir);

impl Openssl {
    /// Makes keys and certificates.
    pub fn new() -> Self {
        Self::make("")
    }

    /// The signers' certificates say that the root's revocation list is at this address.
    pub fn listed(url: &str) -> Self {
        Self::make(&format!("crlDistributionPoints=URI:{url}\n"))
    }

    fn make(list: &str) -> Self {
        let own = Self(tempfile::tempdir().unwrap());
        own.write("ts.cnf", &CONFIG.replace("DIR", own.dir().to_str().unwrap()));
        own.write("ca.cnf", &LISTS.replace("DIR", own.dir().to_str().unwrap()));
        own.write("index", "");
        own.write("crlnumber", "01\n");
        own.write("serial", "01\n");
        own.write("root.ext", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n");
        for (name, usage) in [("good", "timeStamping"), ("mail", "emailProtection")] {
            let lines = format!("extendedKeyUsage=critical,{usage}\nkeyUsage=critical,digitalSignature\n{list}");
            own.write(&format!("{name}.ext"), &lines);
        }
        own.run("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=Second-Root -keyout root.key -out root.csr", &[]);
        own.run("x509 -req -in root.csr -signkey root.key -days 3650 -extfile root.ext -out root.pem", &[]);
        for name in ["good", "mail"] {
            own.run(
                &format!("req -new -newkey rsa:2048 -nodes -subj /CN=Second-{name} -keyout {name}.key -out {name}.csr"),
                &[],
            );
            own.run(&format!("x509 -req -in {name}.csr -CA root.pem -CAkey root.key -CAcreateserial -days 365 -extfile {name}.ext -out {name}.pem"), &[]);
        }
        own
    }

    /// Its folder: `root.pem`, `good.pem`, `mail.pem`, their keys, `ts.cnf`.
    pub fn dir(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.dir().join(name), text).unwrap();
    }

    /// Runs openssl in that folder; panics where it fails. Gives stdout.
    pub fn run(&self, arguments: &str, input: &[u8]) -> Vec<u8> {
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

    /// Names a signer as revoked in the lists that follow.
    pub fn revoke(&self, signer: &str) {
        let own = "ca -config ca.cnf -cert root.pem -keyfile root.key";
        self.run(&format!("{own} -revoke {signer}.pem -crl_reason keyCompromise"), &[]);
    }

    /// The root's revocation list, DER: as of now for 30 days, or between two moments `YYYYMMDDHHMMSSZ`.
    pub fn list(&self, between: Option<(&str, &str)>) -> Vec<u8> {
        let between = between.map(|(from, to)| format!(" -crl_lastupdate {from} -crl_nextupdate {to}"));
        let own = "ca -config ca.cnf -cert root.pem -keyfile root.key -gencrl -out list.pem";
        self.run(&format!("{own}{}", between.unwrap_or_default()), &[]);
        self.run("crl -in list.pem -outform DER", &[])
    }

    /// A TimeStampResp to a TimeStampReq, by one of the signers.
    pub fn reply(&self, signer: &str, query: &[u8]) -> Vec<u8> {
        fs::write(self.dir().join("query"), query).unwrap();
        self.run(&format!("ts -reply -config ts.cnf -section own -queryfile query -signer {signer}.pem -inkey {signer}.key -out reply"), &[]);
        fs::read(self.dir().join("reply")).unwrap()
    }
}

/// What the server does with a request's body.
pub type Answer = dyn Fn(&[u8], &mut TcpStream) + Send + Sync;

/// A loopback server, one request a connection; ends when it is dropped.
pub struct Server {
    /// `http://127.0.0.1:PORT/tsa`.
    pub url: String,
    /// Connections so far.
    pub requests: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    port: u16,
}

impl Server {
    /// Listens on a free port.
    pub fn new(answer: Box<Answer>) -> Self {
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

/// The good signer of an [`Openssl`] behind a [`Server`]; while it is away, a page says so.
pub struct Second {
    /// Its keys and certificates.
    pub openssl: Arc<Openssl>,
    /// Where it is asked.
    pub server: Server,
    away: Arc<AtomicBool>,
}

impl Second {
    /// Starts one.
    pub fn new() -> Self {
        Self::of(Openssl::new())
    }

    /// Starts one with these keys.
    pub fn of(openssl: Openssl) -> Self {
        let (openssl, away) = (Arc::new(openssl), Arc::new(AtomicBool::new(false)));
        let (own, gone) = (openssl.clone(), away.clone());
        let server = Server::new(Box::new(move |query, stream| match gone.load(Ordering::Relaxed) {
            true => send(stream, "text/html", b"back soon"),
            false => reply(stream, &own.reply("good", query)),
        }));
        Self { openssl, server, away }
    }

    /// From now on it gives tokens, or a page.
    pub fn away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }

    /// Path of its root, for `--root`.
    pub fn root(&self) -> String {
        self.openssl.dir().join("root.pem").to_str().unwrap().to_owned()
    }
}

/// Answers with a body of this media type.
pub fn send(stream: &mut TcpStream, media: &str, body: &[u8]) {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {media}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}

/// Answers as an authority does.
pub fn reply(stream: &mut TcpStream, body: &[u8]) {
    send(stream, "application/timestamp-reply", body);
}
