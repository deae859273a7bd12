//! The signer of documents: a key made at first run, or the operator's own PEM.
//!
//! Signed is over SHA-256, with P-256, P-384 or RSA.

use crate::{Error, Material, Result, certificates::Use, cms::Signer, ecdsa::P256};
use der::{Decode, Encode};
use evidence::{
    time::Utc,
    token::{Root, asn1::oid},
};
use p256::pkcs8::DecodePrivateKey;
use sha2::{Digest, Sha256};
use signature::hazmat::PrehashSigner;
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;

const WHAT: &str = "signer's PEM";
/// Longest PEM file that is read.
const MAX_PEM: usize = 1 << 20;

/// A private key with the certificates that lead from it to a root.
pub struct DocumentSigner {
    key: Key,
    certificate: Certificate,
    /// DER: the signer's, intermediates, the root.
    chain: Vec<Vec<u8>>,
}

enum Key {
    P256 { signing: P256, public: p256::ecdsa::VerifyingKey },
    P384(p384::ecdsa::SigningKey),
    Rsa(Box<rsa::PrivateKey>),
}

impl DocumentSigner {
    /// Makes a root and a signer under it, both P-256. `name` goes into both subjects.
    pub fn create(name: &str, now: Utc) -> Result<Material> {
        Material::create(Use::Documents, name, now)
    }

    /// From one PEM file: a PKCS#8 private key without a password, its certificate, then each issuer up to the root.
    ///
    /// # Errors
    /// No or several keys, a key of another kind or of another certificate, certificates out of order, no root at
    /// the end.
    pub fn from_pem(pem: &[u8]) -> Result<Self> {
        let (key, chain) = blocks(pem)?;
        let certificates = chain.iter().map(|der| parse(der)).collect::<Result<Vec<_>>>()?;
        let (Some(certificate), Some(root)) = (certificates.first(), certificates.last()) else {
            return Err(Error::structure(WHAT, "no certificate; put the signer's after the key, then its issuers"));
        };
        for pair in certificates.windows(2) {
            if pair[0].tbs_certificate().issuer() != pair[1].tbs_certificate().subject() {
                let name = pair[1].tbs_certificate().subject();
                return Err(Error::structure(WHAT, format!("{name} did not issue the certificate before it")));
            }
        }
        if certificates.len() < 2 || root.tbs_certificate().issuer() != root.tbs_certificate().subject() {
            return Err(Error::structure(WHAT, "the last certificate must be the root, which issued itself"));
        }
        let public = certificate.tbs_certificate().subject_public_key_info();
        let key = Key::new(&key)?;
        let own = key.public().ok_or_else(|| Error::structure(WHAT, "a key without a public half"))?;
        if public.to_der().ok().as_deref() != Some(&own) {
            return Err(Error::KeyMismatch { certificate: certificate.tbs_certificate().subject().to_string() });
        }
        Ok(Self { key, certificate: certificate.clone(), chain })
    }

    /// DER: the signer's certificate, intermediates, the root.
    pub fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    /// The root that a reader would have to trust.
    pub fn root(&self) -> Root {
        Root { der: self.chain.last().cloned().unwrap_or_default() }
    }
}

impl Signer for DocumentSigner {
    fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    fn algorithm(&self) -> AlgorithmIdentifierOwned {
        match self.key {
            Key::P256 { .. } | Key::P384(_) => AlgorithmIdentifierOwned { oid: oid::ECDSA_SHA256, parameters: None },
            Key::Rsa(_) => AlgorithmIdentifierOwned { oid: oid::RSA_SHA256, parameters: Some(der::asn1::Null.into()) },
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let digest = Sha256::digest(message);
        let refuse = |e: signature::Error| Error::structure("signature", e);
        match &self.key {
            Key::P256 { signing, .. } => signing.sign(message),
            Key::P384(key) => {
                let signature: p384::ecdsa::DerSignature = key.sign_prehash(&digest).map_err(refuse)?;
                Ok(signature.as_bytes().to_vec())
            }
            Key::Rsa(key) => {
                let scheme = rsa::Pkcs1v15Sign::new::<Sha256>();
                key.sign(scheme, &digest).map_err(|e| Error::structure("RSA signature", e))
            }
        }
    }
}

impl Key {
    fn new(der: &[u8]) -> Result<Self> {
        if let Ok(key) = p256::ecdsa::SigningKey::from_pkcs8_der(der) {
            return Ok(Self::P256 { signing: P256::new(&key)?, public: *key.verifying_key() });
        }
        if let Ok(key) = p384::ecdsa::SigningKey::from_pkcs8_der(der) {
            return Ok(Self::P384(key));
        }
        if let Ok(key) = rsa::PrivateKey::from_pkcs8_der(der) {
            return Ok(Self::Rsa(Box::new(key)));
        }
        Err(Error::structure(WHAT, "a private key of another kind; P-256, P-384 and RSA can sign"))
    }

    /// DER of the SubjectPublicKeyInfo.
    fn public(&self) -> Option<Vec<u8>> {
        use spki::EncodePublicKey;
        let document = match self {
            Self::P256 { public, .. } => public.to_public_key_der(),
            Self::P384(key) => key.verifying_key().to_public_key_der(),
            Self::Rsa(key) => key.to_public_key().to_public_key_der(),
        };
        Some(document.ok()?.as_bytes().to_vec())
    }
}

/// DER of the SubjectPublicKeyInfo of a private key (DER, PKCS#8).
pub(crate) fn public_key(der: &[u8]) -> Result<Vec<u8>> {
    Key::new(der)?.public().ok_or_else(|| Error::structure(WHAT, "a key without a public half"))
}

fn parse(der: &[u8]) -> Result<Certificate> {
    Certificate::from_der(der).map_err(|e| Error::structure(WHAT, e))
}

/// The one private key, and the certificates in their order.
fn blocks(pem: &[u8]) -> Result<(Vec<u8>, Vec<Vec<u8>>)> {
    if pem.len() > MAX_PEM {
        return Err(Error::structure(WHAT, format!("{} bytes, more than 1 MiB", pem.len())));
    }
    let text = std::str::from_utf8(pem).map_err(|e| Error::structure(WHAT, e))?;
    let (mut key, mut chain) = (None, Vec::new());
    let mut rest = text;
    while let Some(start) = rest.find("-----BEGIN ") {
        let block = &rest[start..];
        let end = block.find("-----END ").map(|end| end + block[end..].find('\n').unwrap_or(block.len() - end));
        let end = end.ok_or_else(|| Error::structure(WHAT, "a block without its END line"))?;
        let (label, der) = der::pem::decode_vec(block[..end].trim_end().as_bytes()).map_err(|e| {
            Error::structure(WHAT, format!("{e}; a private key with a password must be decrypted first"))
        })?;
        match label {
            "CERTIFICATE" => chain.push(der),
            "PRIVATE KEY" if key.is_none() => key = Some(der),
            "PRIVATE KEY" => return Err(Error::structure(WHAT, "two private keys")),
            "EC PARAMETERS" => {}
            other => {
                let how = "convert the key with: openssl pkcs8 -topk8 -nodes";
                return Err(Error::structure(WHAT, format!("a block {other}; {how}")));
            }
        }
        rest = &block[end..];
    }
    Ok((key.ok_or_else(|| Error::structure(WHAT, "no private key (PKCS#8, BEGIN PRIVATE KEY)"))?, chain))
}
