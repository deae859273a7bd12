//! Contact proofs: a site's TLS 1.3 signature over a handshake whose `ClientHello.random` is a digest of the order.
//!
//! A proof is what the signature covers (RFC 8446, 4.4.1 and 4.4.3), and the message that holds it:
//! [message_hash, HelloRetryRequest,] ClientHello, ServerHello, EncryptedExtensions, [CertificateRequest,] Certificate,
//! CertificateVerify; each with its own four-byte header, nothing before, between or after; no secret.
//!
//! It shows that the certificate's key signed after that digest could be known. It binds no page, no address and no
//! connection of a browser. Refused: other versions than TLS 1.3, resumption, compressed certificates, delegated
//! credentials, and schemes that [`SCHEMES`] does not list.

use crate::{
    Error, Result, digest,
    time::Utc,
    token::{
        self, HashAlgorithm, Root,
        asn1::oid,
        path::{Path, Purpose},
        signature,
    },
};
use der::{Decode, asn1::ObjectIdentifier};
use rustls_pki_types::{CertificateDer, ServerName};
use x509_cert::Certificate;

/// ECDSA P-256 and P-384, RSA-PSS by an rsaEncryption key of 2048 to 8192 bits (SHA-256, 384, 512), Ed25519.
pub const SCHEMES: [u16; 6] = [0x0403, 0x0503, 0x0804, 0x0805, 0x0806, 0x0807];
/// Most bytes of a proof.
pub const MAX_BYTES: usize = 256 << 10;

const WHAT: &str = "contact proof";
const MAX_CERTIFICATES: usize = 16;

/// What `ClientHello.random` must be: of the order's `record.json` and its `checkpoint.tsr`, as they lie in its package.
pub fn random(record: &[u8], seal: &[u8]) -> [u8; 32] {
    let parts = [b"quezao/contact/v1\n".as_slice(), &digest::sha256(record), &digest::sha256(seal)];
    digest::sha256(&parts.concat())
}

/// A proof whose signature holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// `ClientHello.random`; to be compared with [`random`].
    pub random: [u8; 32],
    /// The name that was asked for (SNI), lower case; an address has none.
    pub server_name: Option<String>,
    /// The application protocol that the site chose (ALPN).
    pub protocol: Option<Vec<u8>>,
    /// DER, the site's own first, as sent.
    pub chain: Vec<Vec<u8>>,
    /// One of [`SCHEMES`].
    pub scheme: u16,
    /// There was a HelloRetryRequest.
    pub retried: bool,
}

impl Contact {
    /// Reads a proof and verifies the site's signature.
    pub fn parse(proof: &[u8]) -> Result<Self> {
        if proof.len() > MAX_BYTES {
            return Err(Error::TooLarge { what: WHAT, found: proof.len() as u64, limit: MAX_BYTES as u64 });
        }
        let mut messages = Bytes(proof);
        let (mut kind, mut message) = messages.message()?;

        // After a HelloRetryRequest the first ClientHello stands as its hash only.
        let mut retry = None;
        if kind == MESSAGE_HASH {
            let length = message.0.len();
            (kind, message) = messages.message()?;
            let (random, suite) = server_hello(message)?;
            let expected = if suite == AES_256 { 48 } else { 32 };
            if kind != SERVER_HELLO || !is_retry(random) || length != expected {
                return Err(refuse("a message_hash", "its HelloRetryRequest after it"));
            }
            retry = Some(suite);
            (kind, message) = messages.message()?;
        }

        if kind != CLIENT_HELLO {
            return Err(refuse(&format!("message {kind}"), "ClientHello"));
        }
        let (random, server_name) = client_hello(message)?;

        let (kind, message) = messages.message()?;
        if kind != SERVER_HELLO {
            return Err(refuse(&format!("message {kind}"), "ServerHello"));
        }
        let (server_random, suite) = server_hello(message)?;
        if is_retry(server_random) || retry.is_some_and(|s| s != suite) {
            return Err(refuse("a HelloRetryRequest", "ServerHello of the one suite"));
        }

        let (kind, mut message) = messages.message()?;
        if kind != ENCRYPTED_EXTENSIONS {
            return Err(refuse(&format!("message {kind}"), "EncryptedExtensions"));
        }
        let protocol = get(&message.extensions()?, ALPN).map(|body| {
            let mut body = Bytes(body);
            let mut list = body.vec(2)?;
            let name = list.vec(1)?.0.to_vec();
            list.end()?;
            body.end().map(|()| name)
        });
        let protocol = protocol.transpose()?;

        let (mut kind, mut message) = messages.message()?;
        if kind == CERTIFICATE_REQUEST {
            message.vec(1)?.end()?;
            message.extensions()?;
            (kind, message) = messages.message()?;
        }
        let chain = match kind {
            CERTIFICATE => certificates(message)?,
            COMPRESSED_CERTIFICATE => return Err(refuse("a compressed certificate", "Certificate")),
            other => return Err(refuse(&format!("message {other}"), "Certificate")),
        };

        let transcript = &proof[..proof.len() - messages.0.len()];
        let (kind, mut message) = messages.message()?;
        if kind != CERTIFICATE_VERIFY {
            return Err(refuse(&format!("message {kind}"), "CertificateVerify"));
        }
        let scheme = message.uint(2)? as u16;
        let signature = message.vec(2)?.0;
        message.end()?;
        messages.end()?;

        let mut signed = vec![b' '; 64];
        signed.extend_from_slice(b"TLS 1.3, server CertificateVerify\0");
        let hash = if suite == AES_256 { HashAlgorithm::Sha384 } else { HashAlgorithm::Sha256 };
        signed.extend(hash.digest(transcript));
        check_signature(scheme, &chain[0], &signed, signature)?;
        Ok(Self { random, server_name, protocol, chain, scheme, retried: retry.is_some() })
    }

    /// Whether the site's certificate is for the name that was asked for.
    pub fn is_for_name(&self) -> bool {
        let der = CertificateDer::from(self.chain[0].as_slice());
        let name = self.server_name.as_deref().and_then(|n| ServerName::try_from(n).ok());
        let leaf = webpki::EndEntityCert::try_from(&der).ok();
        name.zip(leaf).is_some_and(|(name, leaf)| leaf.verify_is_valid_for_subject_name(&name).is_ok())
    }

    /// The root that the chain leads to, for a web server, at an instant. [`Error::Missing`]: none of `roots`.
    pub fn check_path<'r>(&self, roots: &'r [Root], at: Utc) -> Result<&'r Root> {
        let (signer, certificates) = (self.chain[0].as_slice(), self.chain.as_slice());
        Path { signer, certificates, purpose: Purpose::Web, at, crls: &[] }.check(roots)
    }
}

const CLIENT_HELLO: usize = 1;
const SERVER_HELLO: usize = 2;
const ENCRYPTED_EXTENSIONS: usize = 8;
const CERTIFICATE: usize = 11;
const CERTIFICATE_REQUEST: usize = 13;
const CERTIFICATE_VERIFY: usize = 15;
const COMPRESSED_CERTIFICATE: usize = 25;
const MESSAGE_HASH: usize = 254;

const SERVER_NAME: usize = 0;
const ALPN: usize = 16;
const DELEGATED_CREDENTIAL: usize = 34;
const PRE_SHARED_KEY: usize = 41;
const EARLY_DATA: usize = 42;
const SUPPORTED_VERSIONS: usize = 43;

/// TLS_AES_256_GCM_SHA384; the other suites hash with SHA-256.
const AES_256: usize = 0x1302;
const SUITES: [usize; 3] = [0x1301, AES_256, 0x1303];

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n).ok_or_else(|| refuse("its end", "whole messages"))?;
        self.0 = rest;
        Ok(head)
    }

    fn uint(&mut self, bytes: usize) -> Result<usize> {
        Ok(self.take(bytes)?.iter().fold(0, |n, b| n << 8 | usize::from(*b)))
    }

    /// A vector with its length before it.
    fn vec(&mut self, length_bytes: usize) -> Result<Bytes<'a>> {
        let n = self.uint(length_bytes)?;
        Ok(Bytes(self.take(n)?))
    }

    fn end(&self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(refuse("bytes left over", "nothing after what is counted")) }
    }

    /// The next handshake message: its type and body.
    fn message(&mut self) -> Result<(usize, Bytes<'a>)> {
        Ok((self.uint(1)?, self.vec(3)?))
    }

    /// Extensions, each once, and nothing after them.
    fn extensions(&mut self) -> Result<Vec<(usize, &'a [u8])>> {
        let (mut list, mut out) = (self.vec(2)?, Vec::new());
        while !list.0.is_empty() {
            let (kind, body) = (list.uint(2)?, list.vec(2)?.0);
            if get(&out, kind).is_some() || out.len() == 64 {
                return Err(refuse("an extension twice, or more than 64", "each once"));
            }
            out.push((kind, body));
        }
        self.end()?;
        Ok(out)
    }
}

fn get<'a>(extensions: &[(usize, &'a [u8])], kind: usize) -> Option<&'a [u8]> {
    extensions.iter().find(|(k, _)| *k == kind).map(|(_, body)| *body)
}

fn refuse(found: &str, expected: &str) -> Error {
    Error::malformed(WHAT, found, expected)
}

/// SHA-256 of "HelloRetryRequest" (RFC 8446, 4.1.3).
fn is_retry(random: &[u8]) -> bool {
    random == digest::sha256(b"HelloRetryRequest")
}

/// Random and name.
fn client_hello(mut message: Bytes<'_>) -> Result<([u8; 32], Option<String>)> {
    if message.uint(2)? != 0x0303 {
        return Err(refuse("another legacy_version", "0x0303"));
    }
    let mut random = [0; 32];
    random.copy_from_slice(message.take(32)?);
    // legacy_session_id, cipher_suites, legacy_compression_methods
    message.vec(1)?;
    message.vec(2)?;
    if message.vec(1)?.0 != [0] {
        return Err(refuse("a compression method", "none"));
    }
    let extensions = message.extensions()?;
    if get(&extensions, PRE_SHARED_KEY).or(get(&extensions, EARLY_DATA)).is_some() {
        return Err(refuse("an offer to resume", "a handshake of its own"));
    }
    let Some(body) = get(&extensions, SERVER_NAME) else { return Ok((random, None)) };
    let mut body = Bytes(body);
    let mut list = body.vec(2)?;
    let (kind, name) = (list.uint(1)?, list.vec(2)?.0);
    list.end()?;
    body.end()?;
    let fits = |c: &u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'.' | b'-' | b'_');
    if kind != 0 || !(1..=255).contains(&name.len()) || !name.iter().all(fits) {
        return Err(refuse(&String::from_utf8_lossy(name), "one host name in lower case"));
    }
    Ok((random, Some(String::from_utf8_lossy(name).into_owned())))
}

/// ServerHello or HelloRetryRequest: random and suite; TLS 1.3, nothing resumed.
fn server_hello(mut message: Bytes<'_>) -> Result<(&[u8], usize)> {
    let (version, random) = (message.uint(2)?, message.take(32)?);
    message.vec(1)?; // legacy_session_id_echo
    let (suite, compression) = (message.uint(2)?, message.uint(1)?);
    let extensions = message.extensions()?;
    if version != 0x0303 || compression != 0 || get(&extensions, SUPPORTED_VERSIONS) != Some(&[3, 4]) {
        return Err(refuse("another version", "TLS 1.3"));
    }
    if get(&extensions, PRE_SHARED_KEY).is_some() {
        return Err(refuse("a resumed session, which no certificate signs", "a handshake of its own"));
    }
    if !SUITES.contains(&suite) {
        return Err(Error::Unknown { what: "TLS cipher suite", found: format!("{suite:#06x}") });
    }
    Ok((random, suite))
}

fn certificates(mut message: Bytes<'_>) -> Result<Vec<Vec<u8>>> {
    message.vec(1)?.end()?; // certificate_request_context
    let (mut list, mut chain) = (message.vec(3)?, Vec::new());
    message.end()?;
    while !list.0.is_empty() {
        chain.push(list.vec(3)?.0.to_vec());
        let before = list.0;
        let length = list.vec(2)?.0.len();
        if get(&Bytes(&before[..2 + length]).extensions()?, DELEGATED_CREDENTIAL).is_some() {
            return Err(refuse("a delegated credential", "a signature by the certificate's own key"));
        }
    }
    if !(1..=MAX_CERTIFICATES).contains(&chain.len()) {
        return Err(refuse(&format!("{} certificates", chain.len()), "1 to 16"));
    }
    Ok(chain)
}

fn check_signature(scheme: u16, leaf: &[u8], signed: &[u8], signature: &[u8]) -> Result<()> {
    let certificate = Certificate::from_der(leaf).map_err(|e| token::malformed(WHAT, e, "a certificate in DER"))?;
    let spki = certificate.tbs_certificate().subject_public_key_info();
    let key = spki.subject_public_key.as_bytes().ok_or_else(|| refuse("odd bits", "a public key in octets"))?;
    let curve = spki.algorithm.parameters.as_ref().and_then(|p| p.decode_as::<ObjectIdentifier>().ok());
    const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
    let fits = match scheme {
        0x0403 => spki.algorithm.oid == oid::EC_PUBLIC_KEY && curve == Some(oid::P256),
        0x0503 => spki.algorithm.oid == oid::EC_PUBLIC_KEY && curve == Some(oid::P384),
        0x0804..=0x0806 => spki.algorithm.oid == oid::RSA,
        0x0807 => spki.algorithm.oid == ED25519 && spki.algorithm.parameters.is_none(),
        other => return Err(refuse(&format!("signature scheme {other:#06x}"), "one that TLS 1.3 signs with")),
    };
    if !fits {
        return Err(Error::mismatch("signature scheme", format!("{scheme:#06x}"), "one for the certificate's key"));
    }
    let holds = match scheme {
        0x0403 => signature::ecdsa_p256(key, HashAlgorithm::Sha256, signed, signature),
        0x0503 => signature::ecdsa_p384(key, HashAlgorithm::Sha384, signed, signature),
        0x0804 => signature::rsa(key, HashAlgorithm::Sha256, true, signed, signature),
        0x0805 => signature::rsa(key, HashAlgorithm::Sha384, true, signed, signature),
        0x0806 => signature::rsa(key, HashAlgorithm::Sha512, true, signed, signature),
        _ => ed25519(key, signed, signature),
    };
    if holds {
        return Ok(());
    }
    let key = token::display_name(certificate.tbs_certificate().subject());
    Err(Error::Signature { what: "handshake (CertificateVerify)", key })
}

fn ed25519(key: &[u8], signed: &[u8], signature: &[u8]) -> bool {
    let key = key.try_into().ok().and_then(|k| ed25519_dalek::VerifyingKey::from_bytes(k).ok());
    let signature = ed25519_dalek::Signature::from_slice(signature).ok();
    key.zip(signature).is_some_and(|(key, signature)| key.verify_strict(signed, &signature).is_ok())
}
