//! TLS sites on loopback with certificates of an authority of the test's own, made by `openssl`.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use sha2::{Digest, Sha256};

/// An authority in a folder of its own.
pub struct Ca {
    folder: tempfile::TempDir,
}

/// A site's key and certificate.
pub struct Leaf {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Valid now, and long gone.
pub const NOW: (&str, &str) = ("20260101000000Z", "20361231000000Z");
pub const GONE: (&str, &str) = ("20200101000000Z", "20200201000000Z");

impl Ca {
    /// `None` where there is no `openssl`, or a clock that stands before the certificates.
    pub fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let ca = Self { folder };
        for (file, text) in [
            ("index.txt", ""),
            ("serial", "1000\n"),
            (
                "ca.cnf",
                "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nnew_certs_dir=.\nserial=serial\ndefault_md=sha256\npolicy=p\n\
                 certificate=ca.pem\nprivate_key=ca.key\ncopy_extensions=copy\nunique_subject=no\n[p]\ncommonName=supplied\n",
            ),
        ] {
            fs::write(ca.path(file), text).unwrap();
        }
        let ok = ca.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "3650",
            "-subj",
            "/CN=Quezao Test Root",
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
        ]);
        if !ok {
            println!("not run: openssl is absent");
        }
        ok.then_some(ca)
    }

    /// For `name`, an ECDSA key.
    pub fn leaf(&self, name: &str, dates: (&str, &str)) -> Leaf {
        let file = |kind: &str| format!("{name}-{}.{kind}", dates.0);
        let (key, csr, certificate) = (file("key"), file("csr"), file("pem"));
        let (subject, alternative) = (format!("/CN={name}"), format!("subjectAltName=DNS:{name}"));
        assert!(self.openssl(&[
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            &subject,
            "-addext",
            &alternative,
            "-addext",
            "extendedKeyUsage=serverAuth",
            "-keyout",
            &key,
            "-out",
            &csr,
        ]));
        assert!(self.openssl(&[
            "ca",
            "-batch",
            "-config",
            "ca.cnf",
            "-in",
            &csr,
            "-out",
            &certificate,
            "-startdate",
            dates.0,
            "-enddate",
            dates.1,
            "-notext",
        ]));
        Leaf { certificate: self.path(&certificate), key: self.path(&key) }
    }

    /// Its own certificate, PEM.
    pub fn root(&self) -> PathBuf {
        self.path("ca.pem")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn openssl(&self, args: &[&str]) -> bool {
        let mut command = Command::new("openssl");
        command.args(args).current_dir(self.folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}

impl Leaf {
    /// SHA-256 of the public key, as Chromium names keys.
    pub fn key_pin(&self) -> String {
        let out = Command::new("openssl")
            .args(["pkey", "-pubout", "-outform", "DER", "-in"])
            .arg(&self.key)
            .output()
            .unwrap();
        STANDARD.encode(Sha256::digest(&out.stdout))
    }

    pub fn der(&self) -> Vec<u8> {
        certificates(&self.certificate)[0].to_vec()
    }
}

fn certificates(path: &Path) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(path).unwrap().map(Result::unwrap).collect()
}

/// A page over TLS 1.3; gives the port. `retry`: the server's only group is one that no client sends first.
pub fn serve(leaf: &Leaf, retry: bool, body: String) -> u16 {
    let mut provider = ring::default_provider();
    if retry {
        provider = CryptoProvider { kx_groups: vec![ring::kx_group::SECP384R1], ..provider };
    }
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates(&leaf.certificate), PrivateKeyDer::from_pem_file(&leaf.key).unwrap())
        .unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let (config, body) = (Arc::clone(&config), body.clone());
            std::thread::spawn(move || {
                let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), socket);
                let (mut head, mut block) = (Vec::new(), [0; 4096]);
                while !head.windows(4).any(|four| four == b"\r\n\r\n") {
                    match stream.read(&mut block) {
                        Ok(n @ 1..) => head.extend_from_slice(&block[..n]),
                        _ => return,
                    }
                }
                let length = body.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {length}\r\n\
                     Connection: close\r\n\r\n{body}"
                );
                stream.conn.send_close_notify();
                let _ = stream.flush();
            });
        }
    });
    port
}

/// `openssl s_server` with further arguments; ends when dropped.
pub struct Server(Child, pub u16);

impl Server {
    pub fn start(leaf: &Leaf, more: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("openssl");
        command.args(["s_server", "-www", "-quiet", "-accept", &format!("127.0.0.1:{port}")]);
        command.arg("-key").arg(&leaf.key).arg("-cert").arg(&leaf.certificate).args(more);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        for _ in 0..100 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        Self(child, port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
