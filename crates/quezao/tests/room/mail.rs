//! Letters over TLS, by a mail server that is Python's own: encrypted from the first byte, or before anything is said.

use crate::house::{House, program};
use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

/// SMTP with a certificate: `tls` from the first byte, `start` after STARTTLS, `none` offers none. A letter is believed to
/// have come over TLS only where the socket says so; each is a line of its own on stdout.
const SERVER: &str = r#"
import socket, ssl, sys
way = sys.argv[1]
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
fn server(at: &Path, way: &str, address: &str) -> (Server, String) {
    let mut openssl = Command::new("openssl");
    openssl.current_dir(at).args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
    openssl.args(["-keyout", "mail.key", "-out", "mail.pem", "-days", "9", "-subj", "/CN=quezao test"]);
    openssl.args(["-addext", &format!("subjectAltName=IP:{address}"), "-addext", "basicConstraints=critical,CA:FALSE"]);
    assert!(openssl.output().unwrap().status.success());
    let mut python = Command::new("python3");
    let mut child = python.current_dir(at).args(["-c", SERVER, way]).stdout(Stdio::piped()).spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let mut server = Server(child, out);
    let port = server.line();
    (server, port)
}

/// What the operator's page says of a letter that was sent by these settings.
fn sent(way: &str, scheme: &str, address: &str) -> (String, Server) {
    let work = tempfile::tempdir().unwrap();
    let (server, port) = server(work.path(), way, address);
    fs::write(work.path().join("mail.password"), "secret\n").unwrap();
    let mut command = program(&work);
    command
        .env("SSL_CERT_FILE", work.path().join("mail.pem"))
        .env("QUEZAO_MAIL_SERVER", format!("{scheme}://127.0.0.2:{port}"))
        .env("QUEZAO_MAIL_FROM", "quezao@example.cn")
        .env("QUEZAO_MAIL_USER", "quezao")
        .env("QUEZAO_MAIL_PASSWORD_FILE", work.path().join("mail.password"));
    let (_house, mut operator) = House::set_up_by(work, command, &[]);
    operator.get("/operator");
    let page = operator.post("/operator/reset", &[("login", "linwan"), ("to", "lin@example.cn")]);
    assert_eq!(page.status, 200, "{}", page.body);
    (page.body, server)
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
