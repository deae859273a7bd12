//! Letters over TLS, by a mail server that is Python's own: encrypted from the first byte, or before anything is said.

use crate::house::{Browser, House, program};
use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

/// SMTP with a certificate: `tls` from the first byte, `start` after STARTTLS, `none` offers none. A letter is believed to
/// have come over TLS only where the socket says so; each is a line of its own on stdout. As many recipients as the second
/// argument says are refused, with the code that the third one is.
const SERVER: &str = r#"
import socket, ssl, sys
way, refusals, code = sys.argv[1], int(sys.argv[2]), sys.argv[3]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("mail.pem", "mail.key")
listener = socket.create_server(("127.0.0.2", 0))
print(listener.getsockname()[1], flush=True)
while True:
    s, _ = listener.accept()
    try:
        if way == "tls":
            s = context.wrap_socket(s, server_side=True)
        f = s.makefile("rwb", buffering=0)
        f.write(b"220 here\r\n")
        while True:
            line = f.readline().decode().strip()
            word = line[:4].upper()
            if not line:
                break
            if word == "EHLO":
                extra = b"250-STARTTLS\r\n" if way == "start" and not isinstance(s, ssl.SSLSocket) else b""
                f.write(b"250-here\r\n" + extra + b"250 AUTH PLAIN LOGIN\r\n")
            elif word == "STAR":
                f.write(b"220 go on\r\n")
                s = context.wrap_socket(s, server_side=True)
                f = s.makefile("rwb", buffering=0)
            elif word == "DATA":
                f.write(b"354 go on\r\n")
                while f.readline() not in (b".\r\n", b""):
                    pass
                f.write(b"250 taken\r\n")
                print("letter", isinstance(s, ssl.SSLSocket) and s.version(), flush=True)
            elif word == "RCPT" and refusals > 0:
                refusals -= 1
                f.write(code.encode() + b" not now\r\n")
                print("refused", flush=True)
            elif word == "QUIT":
                f.write(b"221 bye\r\n")
                break
            elif word == "AUTH":
                print("auth", isinstance(s, ssl.SSLSocket) and s.version(), flush=True)
                f.write(b"235 yes\r\n")
            else:
                f.write(b"250 yes\r\n")
        s.close()
    except Exception as e:
        print("broke", type(e).__name__, flush=True)
"#;

struct Server(Child, BufReader<std::process::ChildStdout>);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.1.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}

/// A server of this kind, with a certificate for this address; the port.
fn server(at: &Path, way: &str, address: &str, refuses: (&str, &str)) -> (Server, String) {
    let mut openssl = Command::new("openssl");
    openssl.current_dir(at).args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
    openssl.args(["-keyout", "mail.key", "-out", "mail.pem", "-days", "9", "-subj", "/CN=quezao test"]);
    openssl.args(["-addext", &format!("subjectAltName=IP:{address}"), "-addext", "basicConstraints=critical,CA:FALSE"]);
    assert!(openssl.output().unwrap().status.success());
    let mut python = Command::new("python3");
    let mut child =
        python.current_dir(at).args(["-c", SERVER, way, refuses.0, refuses.1]).stdout(Stdio::piped()).spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let mut server = Server(child, out);
    let port = server.line();
    (server, port)
}

/// What the operator's page says of a letter that was sent by these settings.
fn sent(way: &str, scheme: &str, address: &str) -> (String, Server) {
    let (_house, _operator, page, server) = written(way, scheme, address, ("0", "-"));
    (page, server)
}

/// The same, and whoever it was sent by. `refuses`: how many, with which code.
fn written(way: &str, scheme: &str, address: &str, refuses: (&str, &str)) -> (House, Browser, String, Server) {
    let work = tempfile::tempdir().unwrap();
    let (server, port) = server(work.path(), way, address, refuses);
    fs::write(work.path().join("mail.password"), "secret\n").unwrap();
    let mut command = program(&work);
    command
        .env("SSL_CERT_FILE", work.path().join("mail.pem"))
        .env("QUEZAO_MAIL_SERVER", format!("{scheme}://127.0.0.2:{port}"))
        .env("QUEZAO_MAIL_FROM", "quezao@example.cn")
        .env("QUEZAO_MAIL_USER", "quezao")
        .env("QUEZAO_MAIL_PASSWORD_FILE", work.path().join("mail.password"));
    let (house, mut operator) = House::set_up_by(work, command, &[]);
    operator.get("/operator");
    let page = operator.post("/operator/reset", &[("login", "linwan"), ("to", "lin@example.cn")]);
    assert_eq!(page.status, 200, "{}", page.body);
    (house, operator, page.body, server)
}

/// Whether any file of the data folder holds these bytes.
fn holds(house: &House, needle: &str) -> bool {
    let mut folders = vec![house.data()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else if fs::read(entry.path()).unwrap().windows(needle.len()).any(|w| w == needle.as_bytes()) {
                return true;
            }
        }
    }
    false
}

/// The link in a page's words.
fn link(page: &str) -> String {
    page.split("/reset/").nth(1).unwrap_or_else(|| panic!("{page}"))[..64].to_owned()
}

#[test]
fn a_letter_that_is_not_taken_waits_sealed_and_goes_out_later() {
    let (house, mut operator, page, mut server) = written("tls", "smtps", "127.0.0.2", ("2", "451"));
    assert!(page.contains("邮件没有发出（451 not now）；会自动再试"), "{page}");
    let link = link(&page);
    assert!(!holds(&house, &link) && !holds(&house, "lin@example.cn"), "neither the link nor whom it is for");
    let said = |server: &mut Server| loop {
        // Each connection signs in first.
        let line = server.line();
        if !line.starts_with("auth") {
            return line;
        }
    };
    assert_eq!([said(&mut server), said(&mut server)], ["refused", "refused"], "tried again by itself");
    let room = operator.get("/operator/letters").body;
    assert!(room.contains("会自动再试") && room.contains("example.cn") && !room.contains("lin@"), "{room}");
    // A restart forgets nothing; another try is not due for a minute, so it is only looked at.
    assert_eq!(operator.get(&format!("/reset/{link}")).status, 200, "and the link stays good");
}

#[test]
fn what_the_server_refuses_for_good_waits_for_the_operator() {
    let (_house, mut operator, page, mut server) = written("tls", "smtps", "127.0.0.2", ("1", "550"));
    assert!(page.contains("邮件没有发出（550 not now）；邮件服务器不收"), "{page}");
    let room = operator.get("/operator/letters").body;
    assert!(room.contains("/operator/mail/1/again") && room.contains("550 not now"), "{room}");
    assert!(operator.get("/operator/health").body.contains("1 封邮件未能发出"));
    assert_eq!(operator.post("/operator/mail/7/again", &[]).status, 404);
    assert_eq!(operator.post("/operator/mail/1/again", &[]).status, 303);
    let said: Vec<String> = (0..4).map(|_| server.line()).collect();
    assert_eq!(said, ["auth TLSv1.3", "refused", "auth TLSv1.3", "letter TLSv1.3"]);
    let gone = (0..600).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        operator.get("/operator/letters").body.contains("没有未发出的邮件")
    });
    assert!(gone, "{}", operator.get("/operator/letters").body);
    assert!(operator.get("/account/audit").body.contains("重新投递"));

    // What is dropped stays away, and a link that was used takes its letter along.
    let (_house, mut operator, page, _server) = written("tls", "smtps", "127.0.0.2", ("9", "550"));
    assert_eq!(operator.post("/operator/mail/1/drop", &[]).status, 303);
    assert!(operator.get("/operator/letters").body.contains("没有未发出的邮件"));
    assert_eq!(operator.post("/operator/mail/1/again", &[]).status, 404);
    assert!(page.contains("/reset/"));
}

#[test]
fn letters_and_passwords_travel_encrypted_or_not_at_all() {
    for (way, scheme) in [("tls", "smtps"), ("start", "smtp")] {
        let (page, mut server) = sent(way, scheme, "127.0.0.2");
        assert!(page.contains("已发给 lin@example.cn"), "{way}: {page}");
        assert_eq!([server.line(), server.line()], ["auth TLSv1.3", "letter TLSv1.3"], "{way}");
    }
    // Without STARTTLS, or with another's certificate, nothing is said: neither letter nor password.
    for (way, scheme, address) in
        [("none", "smtp", "127.0.0.2"), ("start", "smtp", "127.0.0.9"), ("tls", "smtps", "127.0.0.9")]
    {
        let (page, server) = sent(way, scheme, address);
        assert!(page.contains("邮件没有发出") && page.contains("/reset/"), "{way} {address}: {page}");
        let mut rest = server;
        let _ = rest.0.kill();
        let mut said = String::new();
        std::io::Read::read_to_string(&mut rest.1, &mut said).unwrap();
        assert!(!said.contains("letter") && !said.contains("auth"), "{way} {address}: {said}");
    }
}
