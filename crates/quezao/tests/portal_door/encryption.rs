//! Encryption by the portal itself, and proxies that the operator named.

use crate::{
    house::{House, PASSWORD, program, read},
    text,
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::Command,
    sync::Arc,
    time::Duration,
};

/// A certificate for 127.0.0.1 and its key, `NAME.pem` and `NAME.key`.
fn make(work: &Path, name: &str) {
    made(work, name, "30");
}

/// The same for so many days.
fn made(work: &Path, name: &str, days: &str) {
    let mut openssl = Command::new("openssl");
    openssl.current_dir(work).args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
    openssl.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem"), "-days", days]);
    openssl.args(["-subj", "/CN=quezao test", "-addext", "subjectAltName=IP:127.0.0.1"]);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    let made = openssl.output().unwrap();
    assert!(made.status.success(), "{}", text(&made));
}

/// The answer to a GET and the certificate that was shown; `None` where that certificate is not trusted.
fn get(at: SocketAddr, trusted: &Path, versions: &[&'static SupportedProtocolVersion]) -> Option<(String, Vec<u8>)> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&fs::read(trusted).unwrap()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = rustls::pki_types::ServerName::from(at.ip());
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(at).unwrap());
    stream.sock.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(format!("GET /sign-in HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n\r\n").as_bytes()).ok()?;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let shown = stream.conn.peer_certificates()?.first()?.to_vec();
    Some((String::from_utf8_lossy(&answer).into_owned(), shown))
}

#[test]
fn the_portal_encrypts_and_takes_a_renewed_certificate() {
    let work = tempfile::tempdir().unwrap();
    make(work.path(), "one");
    make(work.path(), "two");
    fs::copy(work.path().join("one.pem"), work.path().join("used.pem")).unwrap();
    fs::copy(work.path().join("one.key"), work.path().join("used.key")).unwrap();
    let command = program(&work);
    let house = House::open_by(work, command, &["--tls-certificate", "used.pem", "--tls-key-file", "used.key"]);
    let file = |name: &str| house.work.path().join(name);
    for versions in [&[&rustls::version::TLS13], &[&rustls::version::TLS12]] {
        let (answer, _) = get(house.address, &file("one.pem"), versions).expect("a trusted certificate");
        let low = answer.to_ascii_lowercase();
        assert!(low.starts_with("http/1.1 200"), "{answer}");
        assert!(low.contains("strict-transport-security: max-age=31536000"), "{answer}");
        assert!(low.contains("; secure"), "cookies are bound to encryption: {answer}");
    }
    assert!(get(house.address, &file("two.pem"), &[&rustls::version::TLS13]).is_none());
    // Without encryption there is no answer.
    let mut plain = TcpStream::connect(house.address).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert_eq!(read(plain).status, 0);

    // A pair that does not fit is named, and the one before goes on; then a new pair is taken.
    fs::copy(file("two.pem"), file("used.pem")).unwrap();
    house.signal("HUP");
    let until = |what: &str| {
        for _ in 0..600 {
            if house.log().contains(what) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{what}: {}", house.log());
    };
    until("used.key");
    assert!(get(house.address, &file("one.pem"), &[&rustls::version::TLS13]).is_some());
    fs::copy(file("two.key"), file("used.key")).unwrap();
    house.signal("HUP");
    until("were read again");
    assert!(get(house.address, &file("two.pem"), &[&rustls::version::TLS13]).is_some());
    assert!(get(house.address, &file("one.pem"), &[&rustls::version::TLS13]).is_none());
}

#[test]
fn a_certificate_that_ends_soon_is_said_to() {
    let work = tempfile::tempdir().unwrap();
    made(work.path(), "soon", "3");
    make(work.path(), "later");
    let check = |name: &str| {
        let (certificate, key) = (format!("{name}.pem"), format!("{name}.key"));
        let mut command = program(&work);
        command.args(["admin", "config", "check", "--data", "data", "--tls-certificate", &certificate]);
        command.args(["--tls-key-file", &key]).output().unwrap()
    };
    let said = check("soon");
    assert!(said.status.success() && text(&said).contains("ends in"), "{}", text(&said));
    assert!(!text(&check("later")).contains("ends in"));
    let command = program(&work);
    let house = House::open_by(work, command, &["--tls-certificate", "soon.pem", "--tls-key-file", "soon.key"]);
    let told = |what: &str| {
        (0..600).any(|_| {
            std::thread::sleep(Duration::from_millis(50));
            house.log().contains(what)
        })
    };
    assert!(told("ends in"), "{}", house.log());
}

#[test]
fn a_pair_that_does_not_fit_is_named() {
    let work = tempfile::tempdir().unwrap();
    make(work.path(), "one");
    make(work.path(), "two");
    fs::write(work.path().join("empty.pem"), "").unwrap();
    for (certificate, key, named) in [
        ("one.pem", "two.key", "is not that of"),
        ("one.key", "one.key", "no certificate"),
        ("one.pem", "one.pem", "no private key"),
        ("empty.pem", "one.key", "no certificate"),
        ("absent.pem", "one.key", "absent.pem"),
    ] {
        let pair = ["--tls-certificate", certificate, "--tls-key-file", key];
        for arguments in [&["serve", "--data", "data"][..], &["admin", "config", "check", "--data", "data"]] {
            let run = program(&work).args(arguments).args(pair).output().unwrap();
            assert!(run.status.code() == Some(2) && text(&run).contains(named), "{pair:?}: {}", text(&run));
        }
    }
    assert!(!work.path().join("data").exists(), "nothing was written");
}

/// Wrong passwords from these addresses, as the proxy says; the last answer's status.
fn tries(house: &House, heads: &dyn Fn(usize) -> Vec<(String, String)>, count: usize) -> u16 {
    let mut status = 0;
    for n in 0..count {
        let mut browser = house.browser();
        browser.heads = heads(n);
        browser.get("/sign-in");
        // Names that nobody has: only the address is counted.
        status = browser.post("/sign-in", &[("login", &format!("nobody{n}")), ("password", PASSWORD)]).status;
    }
    status
}

#[test]
fn a_named_proxy_says_who_asks_and_nobody_else_does() {
    let work = tempfile::tempdir().unwrap();
    let command = program(&work);
    let (house, _) = House::set_up_by(work, command, &["--trusted-proxy", "127.0.0.1"]);
    let said = |name: &str, value: String| vec![(name.to_owned(), value)];
    // One client behind the proxy, whatever it writes in front, runs out of tries; another has its own.
    assert_eq!(tries(&house, &|n| said("x-forwarded-for", format!("1.2.3.{n}, 198.51.100.7")), 24), 429);
    assert_eq!(tries(&house, &|_| said("x-forwarded-for", "198.51.100.8".into()), 1), 422);
    // So does one network of IPv6 customers.
    assert_eq!(tries(&house, &|n| said("forwarded", format!("for=\"[2001:db8:0:1::{n:x}]\"")), 24), 429);
    // Encryption is the proxy's word too.
    let mut browser = house.browser();
    browser.heads = said("x-forwarded-proto", "https".into());
    let cookie = browser.get("/sign-in").head("set-cookie").unwrap().to_owned();
    assert!(cookie.contains("; Secure"), "{cookie}");

    // Without being named, a client that says such things is believed nothing.
    let (house, _) = House::set_up();
    assert_eq!(tries(&house, &|n| said("x-forwarded-for", format!("198.51.100.{n}")), 24), 429);
    let mut browser = house.browser();
    browser.heads = said("x-forwarded-proto", "https".into());
    assert!(!browser.get("/sign-in").head("set-cookie").unwrap().contains("; Secure"));
}
