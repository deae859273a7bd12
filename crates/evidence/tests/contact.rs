//! Contact proofs from real handshakes: rustls on both sides, its transcript copied by a hash of our own.
//!
//! `contact/NAME.der` and `contact/NAME.pk8` are leaf certificates for shop.example and *.shop.example and their keys,
//! `contact/ca.pem` is their issuer (its key was thrown away). They secure nothing.
#![allow(clippy::unwrap_used)]

use evidence::{
    Error,
    contact::{Contact, SCHEMES, random},
    time::Utc,
    token::Root,
};
use rustls::{
    CipherSuiteCommon, ClientConfig, ClientConnection, DigitallySignedStruct, ServerConfig, ServerConnection,
    SignatureScheme, SupportedCipherSuite, Tls13CipherSuite,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{
        CryptoProvider, GetRandomFailed, SecureRandom,
        hash::{Context, Hash, HashAlgorithm, Output},
        ring,
    },
    pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime},
    version::TLS13,
};
use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

thread_local! {
    /// The digest, and how many 32-byte values were drawn: session id first, then random.
    static CHOSEN: Cell<([u8; 32], u8)> = const { Cell::new(([0; 32], 9)) };
    static HASHED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static PROOF: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

#[derive(Debug)]
struct Chosen;
impl SecureRandom for Chosen {
    fn fill(&self, out: &mut [u8]) -> Result<(), GetRandomFailed> {
        ring::default_provider().secure_random.fill(out)?;
        if out.len() == 32 {
            let (digest, drawn) = CHOSEN.get();
            CHOSEN.set((digest, drawn.saturating_add(1)));
            if drawn == 1 {
                out.copy_from_slice(&digest);
            }
        }
        Ok(())
    }
}

struct Copied(&'static dyn Hash);
impl Hash for Copied {
    fn start(&self) -> Box<dyn Context> {
        Box::new(Copying(self.0.start(), Vec::new()))
    }
    fn hash(&self, data: &[u8]) -> Output {
        self.0.hash(data)
    }
    fn output_len(&self) -> usize {
        self.0.output_len()
    }
    fn algorithm(&self) -> HashAlgorithm {
        self.0.algorithm()
    }
}

struct Copying(Box<dyn Context>, Vec<u8>);
impl Context for Copying {
    fn fork_finish(&self) -> Output {
        HASHED.set(self.1.clone());
        self.0.fork_finish()
    }
    fn fork(&self) -> Box<dyn Context> {
        Box::new(Copying(self.0.fork(), self.1.clone()))
    }
    fn finish(self: Box<Self>) -> Output {
        self.0.finish()
    }
    fn update(&mut self, data: &[u8]) {
        self.1.extend_from_slice(data);
        self.0.update(data);
    }
}

#[derive(Debug)]
struct Recorder;
impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2".into()))
    }
    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let (mut proof, signature) = (HASHED.take(), signed.signature());
        proof.extend_from_slice(&[15, 0]);
        proof.extend_from_slice(&(signature.len() as u16 + 4).to_be_bytes());
        proof.extend_from_slice(&u16::from(signed.scheme).to_be_bytes());
        proof.extend_from_slice(&(signature.len() as u16).to_be_bytes());
        proof.extend_from_slice(signature);
        PROOF.set(proof);
        Ok(HandshakeSignatureValid::assertion())
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES.iter().map(|s| SignatureScheme::from(*s)).collect()
    }
}

fn client(suite: u16) -> ClientConfig {
    let base = ring::default_provider();
    let suites = base.cipher_suites.iter().filter_map(|s| s.tls13()).filter(|s| u16::from(s.common.suite) == suite);
    let suites = suites.map(|s| {
        let hash_provider: &'static dyn Hash = Box::leak(Box::new(Copied(s.common.hash_provider)));
        let common = CipherSuiteCommon { hash_provider, ..s.common };
        SupportedCipherSuite::Tls13(Box::leak(Box::new(Tls13CipherSuite { common, ..*s })))
    });
    let cipher_suites = suites.collect();
    let provider = CryptoProvider { cipher_suites, secure_random: &Chosen, ..base };
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Recorder))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    config
}

/// A proof over `digest`, from a handshake in memory; `retry`: the server wants another group than the first offered.
fn handshake((certificate, key): (&[u8], &[u8]), suite: u16, digest: [u8; 32], retry: bool) -> Vec<u8> {
    CHOSEN.set((digest, 0));
    let mut provider = ring::default_provider();
    if retry {
        provider.kx_groups = vec![ring::kx_group::SECP384R1];
    }
    let mut server = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.to_vec().into()], PrivatePkcs8KeyDer::from(key.to_vec()).into())
        .unwrap();
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    let mut server = ServerConnection::new(Arc::new(server)).unwrap();
    let name = ServerName::try_from("www.shop.example").unwrap();
    let mut client = ClientConnection::new(Arc::new(client(suite)), name).unwrap();
    while client.is_handshaking() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut wire.as_slice()).unwrap();
        server.process_new_packets().unwrap();
        wire.clear();
        server.write_tls(&mut wire).unwrap();
        client.read_tls(&mut wire.as_slice()).unwrap();
        client.process_new_packets().unwrap();
    }
    PROOF.take()
}

macro_rules! site {
    ($name:literal) => {
        (
            include_bytes!(concat!("contact/", $name, ".der")).as_slice(),
            include_bytes!(concat!("contact/", $name, ".pk8")).as_slice(),
        )
    };
}

const SITES: [(&str, (&[u8], &[u8])); 4] =
    [("p256", site!("p256")), ("p384", site!("p384")), ("ed25519", site!("ed25519")), ("rsa", site!("rsa"))];
const AT: Utc = Utc(1_800_000_000_000_000);

fn root() -> Root {
    Root::from_pem(include_bytes!("contact/ca.pem")).unwrap()
}

#[test]
fn real_handshakes_verify_and_name_their_site() {
    let digest = random(b"record", b"seal");
    for (name, site) in SITES {
        for (suite, retry) in [(0x1301, false), (0x1302, true), (0x1303, false), (0x1301, true)] {
            let proof = handshake(site, suite, digest, retry);
            let contact = Contact::parse(&proof).unwrap_or_else(|e| panic!("{name} {suite:x}: {e}"));
            assert_eq!((contact.random, contact.retried), (digest, retry), "{name}");
            assert_eq!(contact.server_name.as_deref(), Some("www.shop.example"));
            assert_eq!(contact.protocol.as_deref(), Some(b"http/1.1".as_slice()));
            assert_eq!(contact.chain, [site.0]);
            assert!(contact.is_for_name());
            assert_eq!(contact.check_path(&[root()], AT), Ok(&root()));
            assert!(matches!(contact.check_path(&[], AT), Err(Error::Missing { .. })));
            assert!(contact.check_path(&[root()], Utc(0)).is_err(), "before its validity");
            let other = Contact { server_name: Some("a.b.shop.example".into()), ..contact.clone() };
            assert!(!other.is_for_name());
            assert!(!Contact { server_name: None, ..contact }.is_for_name());
        }
    }
}

#[test]
fn no_bit_of_a_proof_is_free() {
    for (name, site) in SITES {
        for retry in [false, true] {
            let good = handshake(site, 0x1302, random(b"record", b"seal"), retry);
            assert!(Contact::parse(&good).is_ok());
            for at in 0..good.len() {
                let mut bad = good.clone();
                bad[at] ^= 1 << (at % 8);
                assert!(Contact::parse(&bad).is_err(), "{name}, byte {at}");
                assert!(Contact::parse(&good[..at]).is_err(), "{name}, cut at {at}");
            }
            assert!(Contact::parse(&[good.as_slice(), b"\0"].concat()).is_err());
            assert!(Contact::parse(&[good.as_slice(), &good].concat()).is_err());
        }
    }
}

#[test]
fn the_digest_binds_record_and_seal() {
    assert_ne!(random(b"a", b"b"), random(b"b", b"a"));
    assert_ne!(random(b"a", b"b"), random(b"a", b"c"));
    assert_ne!(random(b"ab", b""), random(b"a", b"b"));
}

/// The messages of a proof: type and whole bytes.
fn messages(proof: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let (mut at, mut out) = (0, Vec::new());
    while at < proof.len() {
        let length = proof[at + 1..at + 4].iter().fold(0usize, |n, b| n << 8 | usize::from(*b));
        out.push((proof[at], proof[at..at + 4 + length].to_vec()));
        at += 4 + length;
    }
    out
}

#[test]
fn parts_of_two_handshakes_do_not_fit() {
    let (a, b) = (random(b"a", b"s"), random(b"b", b"s"));
    let (one, two) =
        (messages(&handshake(SITES[0].1, 0x1301, a, false)), messages(&handshake(SITES[0].1, 0x1301, b, false)));
    let join = |m: &[(u8, Vec<u8>)]| m.iter().flat_map(|(_, b)| b.clone()).collect::<Vec<u8>>();
    assert_eq!(one.iter().map(|m| m.0).collect::<Vec<_>>(), [1, 2, 8, 11, 15]);
    assert!(Contact::parse(&join(&one)).is_ok());
    for n in 0..one.len() {
        let (mut mixed, mut without, mut twice) = (one.clone(), one.clone(), one.clone());
        mixed[n] = two[n].clone();
        assert_eq!(Contact::parse(&join(&mixed)).is_err(), mixed != one, "message {n} of another handshake");
        without.remove(n);
        twice.insert(n, one[n].clone());
        assert!(Contact::parse(&join(&without)).is_err() && Contact::parse(&join(&twice)).is_err());
    }
    for kind in [0, 4, 12, 13, 20, 25, 254] {
        let mut other = one.clone();
        other[3].1[0] = kind;
        assert!(Contact::parse(&join(&other)).is_err(), "message {kind} for Certificate");
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(bytes: Vec<u8>, at in 0usize..700) {
        let _ = Contact::parse(&bytes);
        let mut near = handshake(SITES[0].1, 0x1301, [7; 32], false);
        let at = at.min(near.len());
        near.splice(at..at, bytes);
        let _ = Contact::parse(&near);
    }
}
