//! The embedded RFC 3161 authority: its own root, one signing certificate, one long-lived CRL.
//!
//! It answers at once, without a network. It is the operator's own clock and the verdict says so.

use crate::{
    Error, Result, Stamper,
    certificates::{self, Use},
    cms::Signer,
    ecdsa::{self, P256},
    issue::{self, Imprint, Refusal, Wish},
};
use der::{Decode, DecodePem, Encode, EncodePem, pem::LineEnding};
use evidence::{
    time::Utc,
    token::{Root, Token, asn1::TimeStampReq},
};
use p256::{
    ecdsa::SigningKey,
    pkcs8::{DecodePrivateKey, EncodePrivateKey},
};
use spki::{AlgorithmIdentifierOwned, EncodePublicKey};
use std::sync::atomic::{AtomicI64, Ordering};
use x509_cert::Certificate;

/// Policy of the embedded authority: 2.25.168877469733270756012270663630425108229, as contents of the OID.
pub(crate) const POLICY: &[u8] = &[
    0x69, 0x81, 0xfe, 0x8c, 0xcf, 0x86, 0xca, 0xad, 0xa2, 0xae, 0x9d, 0x9a, 0x9b, 0xf1, 0xda, 0x9e, 0xc2, 0xac, 0xde,
    0x05,
];

/// Where an authority's time comes from.
pub type Clock = Box<dyn Fn() -> Utc + Send + Sync>;

/// A root and a signer under it, to be kept. The root's key is needed again only for a new CRL or signer.
pub struct Material {
    /// PEM.
    pub root_cert_pem: String,
    /// PEM.
    pub signer_cert_pem: String,
    /// PKCS#8 PEM, secret.
    pub root_key_pem: String,
    /// PKCS#8 PEM, secret.
    pub signer_key_pem: String,
    /// CRL of the root, valid for ten years.
    pub crl_der: Vec<u8>,
}

impl Material {
    pub(crate) fn create(usage: Use, name: &str, now: Utc) -> Result<Self> {
        let (root_key, signer_key) = (new_key()?, new_key()?);
        let made = certificates::make(usage, name, now, &root_key, &signer_key)?;
        let pem = |c: &Certificate| c.to_pem(LineEnding::LF).map_err(|e| Error::structure("certificate", e));
        let key = |k: &SigningKey| {
            let pem = k.to_pkcs8_pem(LineEnding::LF).map_err(|e| Error::structure("private key", e))?;
            Ok::<_, Error>(pem.to_string())
        };
        Ok(Self {
            root_cert_pem: pem(&made.root)?,
            signer_cert_pem: pem(&made.signer)?,
            root_key_pem: key(&root_key)?,
            signer_key_pem: key(&signer_key)?,
            crl_der: made.crl.to_der().map_err(|e| Error::structure("CRL", e))?,
        })
    }
}

/// An authority that stamps.
pub struct Authority {
    root: Root,
    key: Key,
    certificate_der: Vec<u8>,
    name: String,
    clock: Clock,
    /// When the signer's path to the root was last found good, microseconds.
    path_found: AtomicI64,
}

/// How long that serves: every token has the same certificate.
const PATH_SERVES: i64 = 60_000_000;

impl Authority {
    /// Makes a root, valid for 25 years, and a signer for 20. `name` goes into both subjects.
    pub fn create(name: &str, now: Utc) -> Result<Material> {
        Material::create(Use::TimeStamps, name, now)
    }

    /// An authority from what [`Authority::create`] made. The root's key is not read.
    pub fn load(material: &Material, clock: Clock) -> Result<Self> {
        let certificate = Certificate::from_pem(&material.signer_cert_pem)
            .map_err(|e| Error::structure("certificate of the embedded authority", e))?;
        let key = SigningKey::from_pkcs8_pem(&material.signer_key_pem)
            .map_err(|e| Error::structure("key of the embedded authority", e))?;
        let own = key.verifying_key().to_public_key_der().map_err(|e| Error::structure("public key", e))?;
        let spki = certificate.tbs_certificate().subject_public_key_info();
        let named = spki.to_der().map_err(|e| Error::structure("public key", e))?;
        if own.as_bytes() != named {
            return Err(Error::KeyMismatch { certificate: certificate.tbs_certificate().subject().to_string() });
        }
        Ok(Self {
            root: Root::from_pem(material.root_cert_pem.as_bytes())?,
            certificate_der: certificate.to_der().map_err(|e| Error::structure("certificate", e))?,
            name: certificate.tbs_certificate().subject().to_string(),
            key: Key { key: P256::new(&key)?, certificate },
            clock,
            path_found: AtomicI64::new(i64::MIN),
        })
    }

    /// The bytes of a `.tsr` over `data`: SHA-256 imprint, the signer's certificate inside, checked as a reader would.
    pub fn stamp(&self, data: &[u8]) -> Result<Vec<u8>> {
        self.stamp_read(data).map(|(tsr, _)| tsr)
    }

    /// [`Authority::stamp`] with an imprint of SHA-512, as renewals have.
    pub fn stamp_sha512(&self, data: &[u8]) -> Result<Vec<u8>> {
        self.stamp_with(data, Imprint::Sha512).map(|(tsr, _)| tsr)
    }

    /// [`Authority::stamp`], and what its bytes say.
    pub fn stamp_read(&self, data: &[u8]) -> Result<(Vec<u8>, Token)> {
        self.stamp_with(data, Imprint::Sha256)
    }

    fn stamp_with(&self, data: &[u8], with: Imprint) -> Result<(Vec<u8>, Token)> {
        let token = self.issue(&Wish::over(data, with)?)?;
        let tsr = evidence::token::wrap_tsr(&token);
        let token = Token::parse_tsr(&tsr)?;
        token.check_imprint(data)?;
        token.check_own_signature(&ecdsa::verifies)?;
        let (at, found) = (token.gen_time.0, self.path_found.load(Ordering::Relaxed));
        if !(found..found.saturating_add(PATH_SERVES)).contains(&at) || at >= token.signer_ends().0 {
            token.check_path(std::slice::from_ref(&self.root))?;
            self.path_found.store(at, Ordering::Relaxed);
        }
        Ok((tsr, token))
    }

    /// DER TimeStampResp to a DER TimeStampReq (RFC 3161, 2.4); what cannot be stamped is answered as a rejection.
    pub fn respond(&self, request: &[u8]) -> Result<Vec<u8>> {
        let answer = TimeStampReq::from_der(request)
            .map_err(|_| Refusal::BAD_DATA_FORMAT)
            .and_then(|request| Wish::from_request(&request))
            .map(|wish| self.issue(&wish));
        match answer {
            Ok(token) => Ok(evidence::token::wrap_tsr(&token?)),
            Err(refusal) => refusal.to_der(),
        }
    }

    /// The root that a reader would have to trust.
    pub fn root(&self) -> &Root {
        &self.root
    }

    fn issue(&self, wish: &Wish) -> Result<Vec<u8>> {
        issue::token(wish, (self.clock)(), &self.key, &self.certificate_der)
    }
}

impl Stamper for Authority {
    fn stamp(&self, data: &[u8]) -> Result<Vec<u8>> {
        Authority::stamp(self, data)
    }
    fn name(&self) -> String {
        self.name.clone()
    }
    fn due(&self, _now: Utc) -> bool {
        true
    }
}

/// A P-256 key in memory and its certificate.
struct Key {
    key: P256,
    certificate: Certificate,
}

impl Signer for Key {
    fn certificate(&self) -> &Certificate {
        &self.certificate
    }
    fn algorithm(&self) -> AlgorithmIdentifierOwned {
        AlgorithmIdentifierOwned { oid: evidence::token::asn1::oid::ECDSA_SHA256, parameters: None }
    }
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        self.key.sign(message)
    }
}

/// A new P-256 key.
fn new_key() -> Result<SigningKey> {
    // A random scalar is out of range once in 2^32 draws.
    for _ in 0..8 {
        if let Ok(key) = SigningKey::from_slice(&crate::random::<32>()?) {
            return Ok(key);
        }
    }
    Err(Error::structure("ECDSA", "no key in eight draws"))
}
