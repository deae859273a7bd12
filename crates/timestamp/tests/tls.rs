//! An authority that knows its clients by TLS certificate: rustls on loopback, with a certificate authority of its own.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use evidence::time::Utc;
use evidence::token::Root;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use testkit::tsa::Openssl;
use timestamp::{Remote, RemoteAuthority, Stamper};

fn now() -> Utc {
    Utc(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap())
}

/// A key and a certificate under the authority's own root.
fn certificate(openssl: &Openssl, name: &str, extension: &str) {
    fs::write(openssl.dir().join(format!("{name}.ext")), extension).unwrap();
    let key = "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj";
    openssl.run(&format!("{key} /CN={name} -keyout {name}.key -out {name}.csr"), &[]);
    let sign = "-CA root.pem -CAkey root.key -CAcreateserial -days 30 -extfile";
    openssl.run(&format!("x509 -req -in {name}.csr {sign} {name}.ext -out {name}.pem"), &[]);
}

/// Serves `openssl ts` over TLS to whoever shows a certificate of its own; gives the address.
fn serve(openssl: Arc<Openssl>) -> String {
    let certificates = |name: &str| {
        let all = CertificateDer::pem_file_iter(openssl.dir().join(name)).unwrap();
        all.map(Result::unwrap).collect::<Vec<_>>()
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut clients = RootCertStore::empty();
    clients.add(certificates("root.pem").remove(0)).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(clients), provider.clone()).build().unwrap();
    let key = PrivateKeyDer::from_pem_file(openssl.dir().join("web.key")).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates("web.pem"), key)
        .unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let address = format!("https://{}/tsa", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let tls = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream);
            // A client that is refused is none of the next one's business.
            let _ = answer(tls, &openssl);
        }
    });
    address
}

fn answer(tls: StreamOwned<ServerConnection, std::net::TcpStream>, openssl: &Openssl) -> std::io::Result<()> {
    let mut reader = BufReader::new(tls);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line)? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut query = vec![0; length];
    reader.read_exact(&mut query)?;
    let body = openssl.reply("good", &query);
    let mut tls = reader.into_inner();
    write!(
        tls,
        "HTTP/1.1 200 OK\r\nContent-Type: application/timestamp-reply\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )?;
    tls.write_all(&body)?;
    tls.conn.send_close_notify();
    tls.flush()
}

#[test]
fn an_authority_that_asks_for_a_client_certificate_gets_it() {
    let openssl = Arc::new(Openssl::new());
    certificate(&openssl, "web", "subjectAltName=IP:127.0.0.1\n");
    certificate(&openssl, "client", "extendedKeyUsage=clientAuth\n");
    let stranger = Openssl::new();
    certificate(&stranger, "client", "extendedKeyUsage=clientAuth\n");
    let url = serve(openssl.clone());
    let pair = |of: &Openssl| {
        let part = |name: &str| fs::read(of.dir().join(name)).unwrap();
        [part("client.pem"), part("client.key")].concat()
    };
    let ask = |client: Option<Vec<u8>>, web: &Openssl| {
        let remote = Remote {
            name: "second".into(),
            url: url.clone(),
            client,
            web_roots: fs::read(web.dir().join("root.pem")).unwrap(),
            roots: vec![Root::from_pem(&fs::read(openssl.dir().join("root.pem")).unwrap()).unwrap()],
            timeout: Duration::from_secs(10),
            ..Remote::default()
        };
        RemoteAuthority::new(remote, Box::new(now)).unwrap().stamp(b"checkpoint").map_err(|e| e.to_string())
    };
    ask(Some(pair(&openssl)), &openssl).unwrap();
    for (client, web, why) in [
        (None, &*openssl, "without a certificate"),
        (Some(pair(&stranger)), &*openssl, "with one of another authority"),
        (Some(pair(&openssl)), &stranger, "a host that nobody vouches for"),
    ] {
        let refused = ask(client, web).expect_err(why);
        assert!(refused.contains("gave no token"), "{why}: {refused}");
    }
}
