//! Contact proofs, on the side that makes them: one TLS 1.3 handshake whose `ClientHello.random` is the order's digest.
//!
//! rustls lets a provider bring its own transcript hash; ours copies what it hashes. So the plain handshake messages
//! are read where they are hashed anyway: there is no key log, no secret is kept, and no record is decrypted by us.
//! Whatever comes out is read again by `evidence`, as any reader will; what that refuses is not kept.

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::sync::{Arc, LazyLock};

use evidence::contact::{Contact, MAX_BYTES, SCHEMES};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConfig, ClientConnection, Resumption};
use rustls::crypto::hash::{Context, Hash, HashAlgorithm, Output};
use rustls::crypto::{CryptoProvider, GetRandomFailed, SecureRandom, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::TLS13;
use rustls::{
    AlertDescription, CipherSuiteCommon, DigitallySignedStruct, Error, PeerIncompatible, SignatureScheme,
    SupportedCipherSuite, Tls13CipherSuite,
};

use crate::recording::Reason;

/// Handshakes on a connected socket with bounds of its own, closes, gives the proof and what it shows.
/// `host` as in a URL. The reason says why there is none.
pub(crate) fn handshake(
    socket: &mut (impl Read + Write),
    host: &str,
    random: [u8; 32],
) -> Result<(Vec<u8>, Contact), Reason> {
    CHOSEN.set((random, 0));
    HASHED.set(Vec::new());
    PROOF.set(None);
    let config = CONFIG.as_ref().map_err(|e| none(e))?;
    let plain = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let name = ServerName::try_from(plain).map_err(|e| none(&e.to_string()))?;
    let mut tls = ClientConnection::new(Arc::clone(config), name).map_err(|e| none(&e.to_string()))?;
    let mut ended = Ok(());
    while ended.is_ok() && tls.is_handshaking() {
        ended = tls.complete_io(socket).map(drop);
    }
    tls.send_close_notify();
    let _ = tls.write_tls(socket); // a courtesy: the proof is complete before this
    let Some(proof) = PROOF.take() else {
        return Err(ended.map_or_else(why, |()| none("no CertificateVerify")));
    };
    match Contact::parse(&proof) {
        Ok(contact) if contact.random == random => Ok((proof, contact)),
        Ok(_) => Err(none("the TLS library drew its random in another order")),
        Err(e) => Err(none(&e.to_string())),
    }
}

/// A site that does not speak TLS 1.3, or anything else that went wrong.
fn why(error: std::io::Error) -> Reason {
    let inner = error.get_ref().and_then(|e| e.downcast_ref::<Error>());
    let older = matches!(
        inner,
        Some(
            Error::AlertReceived(AlertDescription::ProtocolVersion)
                | Error::PeerIncompatible(
                    PeerIncompatible::ServerDoesNotSupportTls12Or13
                        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                        | PeerIncompatible::SupportedVersionsExtensionRequired
                )
        )
    );
    if older {
        return Reason::new(
            "contact-no-tls13",
            "网站不支持 TLS 1.3，而更早的版本不能给出接触证明",
            "the site does not speak TLS 1.3, and older versions give no such proof",
        );
    }
    none(&error.to_string())
}

fn none(found: &str) -> Reason {
    Reason::new("contact-none", format!("TLS 1.3 握手未成（{found}）"), format!("no TLS 1.3 handshake ({found})"))
}

thread_local! {
    /// The chosen random, and how many values of 32 bytes rustls has drawn: session id first, then random.
    /// Should a later rustls draw otherwise, the proof is not kept.
    static CHOSEN: Cell<([u8; 32], u8)> = const { Cell::new(([0; 32], 9)) };
    /// What had been hashed when a hash was last taken without ending it.
    static HASHED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// That, and CertificateVerify.
    static PROOF: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Random numbers of ring, but for `ClientHello.random`; keys do not come through here.
#[derive(Debug)]
struct Chosen;

impl SecureRandom for Chosen {
    fn fill(&self, out: &mut [u8]) -> Result<(), GetRandomFailed> {
        ring::default_provider().secure_random.fill(out)?;
        if out.len() == 32 {
            let (random, drawn) = CHOSEN.get();
            CHOSEN.set((random, drawn.saturating_add(1)));
            if drawn == 1 {
                out.copy_from_slice(&random);
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
        Box::new(Self(self.0.fork(), self.1.clone()))
    }
    fn finish(self: Box<Self>) -> Output {
        self.0.finish()
    }
    fn update(&mut self, data: &[u8]) {
        // One byte past the bound, and the proof is refused.
        let room = (MAX_BYTES + 1).saturating_sub(self.1.len()).min(data.len());
        self.1.extend_from_slice(&data[..room]);
        self.0.update(data);
    }
}

/// Records instead of judging: nothing is sent over this connection, and chain and name are judged afterwards.
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
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2".into()))
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let (mut proof, signature) = (HASHED.take(), signed.signature());
        let length = u16::try_from(signature.len() + 4).map_err(|_| Error::General("a signature too long".into()))?;
        proof.extend_from_slice(&[15, 0]);
        proof.extend_from_slice(&length.to_be_bytes());
        proof.extend_from_slice(&u16::from(signed.scheme).to_be_bytes());
        proof.extend_from_slice(&(length - 4).to_be_bytes());
        proof.extend_from_slice(signature);
        PROOF.set(Some(proof));
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES.iter().map(|scheme| SignatureScheme::from(*scheme)).collect()
    }
}

/// Made once. The few bytes that are leaked make the `'static` that rustls asks for.
static CONFIG: LazyLock<Result<Arc<ClientConfig>, String>> = LazyLock::new(|| {
    let base = ring::default_provider();
    let suites = base.cipher_suites.iter().filter_map(SupportedCipherSuite::tls13).map(|suite| {
        let hash_provider: &'static dyn Hash = Box::leak(Box::new(Copied(suite.common.hash_provider)));
        let common = CipherSuiteCommon { hash_provider, ..suite.common };
        SupportedCipherSuite::Tls13(Box::leak(Box::new(Tls13CipherSuite { common, ..*suite })))
    });
    let cipher_suites = suites.collect();
    let provider = CryptoProvider { cipher_suites, secure_random: &Chosen, ..base };
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS13])
        .map_err(|e| e.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Recorder))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    config.cert_decompressors = Vec::new();
    Ok(Arc::new(config))
});
