//! RFC 3161 time-stamp tokens: read, and checked against what they should cover and whom the reader trusts.
//!
//! - Form first: [`Token::parse_tsr`] takes only DER of the promised shape, so that no bit is free.
//! - Then three separate questions: over these bytes ([`Token::check_imprint`]), signed by the
//!   certificate inside ([`Token::check_signature`]), and that certificate trusted at genTime
//!   ([`Token::check_path`]). A token counts only if all three pass.
//! - What the format forbids contradicts; an identifier that it does not name is [`Error::Unknown`].

pub mod asn1;
mod ber;
pub(crate) mod form;
pub(crate) mod path;
pub(crate) mod signature;
#[cfg(test)]
mod tests;

pub use path::signed_by;

use crate::{Error, Result, digest::sha256, time::Utc};
use asn1::{ContentInfo, StatusOnly, TimeStampResp, Tsr, oid};
use cms::signed_data::SignerInfo;
use der::{Any, Decode, Encode, Tag, Tagged};
use sha2::Digest;
use spki::AlgorithmIdentifierOwned;
use x509_cert::{Certificate, name::Name};

/// Most bytes of a `.tsr` or of an authority's answer.
pub const MAX_TSR: usize = 64 * 1024;
/// Most certificates inside a token.
pub const MAX_CERTIFICATES: usize = 16;

/// A token that has the promised form. Nothing is verified yet.
#[derive(Clone, Debug)]
pub struct Token {
    /// genTime exactly as written.
    pub gen_time_text: String,
    /// genTime as an instant.
    pub gen_time: Utc,
    /// Accuracy in microseconds; absent is 0.
    pub accuracy: i64,
    /// SHA-256 of the DER TimeStampToken.
    pub token_sha256: [u8; 32],
    /// TSA policy OID, dotted.
    pub policy: String,
    /// Serial number, hex.
    pub serial: String,
    /// Nonce as signed (content octets of the INTEGER), where the request had one.
    pub nonce: Option<Vec<u8>>,
    /// DER of the signer's certificate, which the token carries.
    pub signer: Vec<u8>,
    imprint: HashAlgorithm,
    hashed_message: Vec<u8>,
    content: Vec<u8>,
    signer_info: SignerInfo,
    signer_certificate: Certificate,
    /// DER of every certificate inside, the signer's included.
    certificates: Vec<Vec<u8>>,
}

/// How the signing certificate was bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// ESSCertIDv2 (RFC 5816).
    V2,
    /// ESSCertID over SHA-1 (RFC 2634): *limited*.
    V1Sha1,
}

/// ECDSA over P-256 and SHA-256: the key, a point as SEC 1 writes it; the message; the signature in DER.
pub type OwnP256<'a> = &'a dyn Fn(&[u8], &[u8], &[u8]) -> bool;

/// A root certificate that the reader trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// DER.
    pub der: Vec<u8>,
}

impl Root {
    /// From one PEM certificate.
    pub fn from_pem(pem: &[u8]) -> Result<Self> {
        const WHAT: &str = "root certificate";
        if pem.len() > MAX_TSR {
            return Err(Error::TooLarge { what: WHAT, found: pem.len() as u64, limit: MAX_TSR as u64 });
        }
        let (label, der) = der::pem::decode_vec(pem).map_err(|e| malformed(WHAT, e, "one PEM certificate"))?;
        if label != "CERTIFICATE" {
            return Err(Error::malformed(WHAT, label, "the PEM label CERTIFICATE"));
        }
        Certificate::from_der(&der).map_err(|e| malformed(WHAT, e, "an X.509 certificate"))?;
        Ok(Self { der })
    }

    /// Every certificate of a PEM text, and how many blocks are none.
    pub fn all_in(text: &str) -> (Vec<Self>, usize) {
        const END: &str = "-----END CERTIFICATE-----";
        const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
        let (mut roots, mut unreadable) = (Vec::new(), 0);
        for block in text.split(BEGIN).skip(1) {
            let pem = block.split_once(END).map(|(inside, _)| format!("{BEGIN}{inside}{END}\n"));
            match pem.and_then(|pem| Self::from_pem(pem.as_bytes()).ok()) {
                Some(root) => roots.push(root),
                None => unreadable += 1,
            }
        }
        (roots, unreadable)
    }

    /// As PEM: LF, 64 columns.
    pub fn to_pem(&self) -> Result<String> {
        der::pem::encode_string("CERTIFICATE", der::pem::LineEnding::LF, &self.der)
            .map_err(|e| malformed("root certificate", e, "an X.509 certificate"))
    }

    /// SHA-256 of the DER.
    pub fn fingerprint(&self) -> [u8; 32] {
        sha256(&self.der)
    }

    /// Subject, RFC 4514 text; for display only.
    pub fn subject(&self) -> String {
        Certificate::from_der(&self.der).map(|c| c.tbs_certificate().subject().to_string()).unwrap_or_default()
    }

    /// Common name of the subject, else the whole subject; for display only.
    pub fn name(&self) -> String {
        Certificate::from_der(&self.der).map(|c| display_name(c.tbs_certificate().subject())).unwrap_or_default()
    }
}

impl Token {
    /// Parses a `.tsr`: exactly `SEQUENCE{SEQUENCE{INTEGER 0}, token}` in DER, and the form that FORMATS asks of the token.
    pub fn parse_tsr(bytes: &[u8]) -> Result<Self> {
        form::parse(bytes)
    }

    /// The imprint is the digest of `data` under the imprint's own algorithm.
    pub fn check_imprint(&self, data: &[u8]) -> Result<()> {
        let expected = self.imprint.digest(data);
        if self.hashed_message == expected {
            return Ok(());
        }
        let text = |digest: &[u8]| format!("{} {}", self.imprint.name(), crate::hex::encode(digest));
        Err(Error::mismatch("time-stamp imprint", text(&self.hashed_message), text(&expected)))
    }

    /// Name of the imprint's algorithm: `SHA-256`, `SHA-384`, `SHA-512` or `SM3`.
    pub fn imprint_algorithm(&self) -> &'static str {
        self.imprint.name()
    }

    /// messageDigest, contentType, signature, signing-certificate binding, EKU and key usage of the signer.
    pub fn check_signature(&self) -> Result<Binding> {
        signature::check(self, &signature::ecdsa_p256)
    }

    /// [`Token::check_signature`] of a token that the caller made just now, with the caller's own ECDSA. What a reader
    /// is told rests on [`Token::check_signature`] alone.
    pub fn check_own_signature(&self, p256: OwnP256<'_>) -> Result<Binding> {
        let own = |key: &[u8], digest: HashAlgorithm, message: &[u8], signature: &[u8]| {
            digest == HashAlgorithm::Sha256 && p256(key, message, signature)
        };
        signature::check(self, &own)
    }

    /// A path from the signer to one of `roots`, valid at genTime; returns the root. None of them fits: [`crate::Error::Missing`].
    pub fn check_path<'r>(&self, roots: &'r [Root]) -> Result<&'r Root> {
        self.check_path_with(roots, &[])
    }

    /// [`Token::check_path`], heeding revocation lists (DER) where they say something about its certificates.
    pub fn check_path_with<'r>(&self, roots: &'r [Root], crls: &[Vec<u8>]) -> Result<&'r Root> {
        self.path(crls).check(roots)
    }

    /// The path that [`Token::check_path`] finds: DER of its certificates, the signer's first, the root's own last.
    pub fn certification_path(&self, roots: &[Root]) -> Result<Vec<Vec<u8>>> {
        let (root, between) = self.path(&[]).follow(roots)?;
        Ok([vec![self.signer.clone()], between, vec![root.der.clone()]].concat())
    }

    fn path<'a>(&'a self, crls: &'a [Vec<u8>]) -> path::Path<'a> {
        let purpose = path::Purpose::TimeStamping;
        path::Path { signer: &self.signer, certificates: &self.certificates, purpose, at: self.gen_time, crls }
    }

    /// DER of every certificate inside, the signer's included.
    pub fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }

    /// notAfter of the signer's certificate: from then on nobody answers for its key.
    pub fn signer_ends(&self) -> Utc {
        Utc(path::seconds(self.signer_certificate.tbs_certificate().validity().not_after).saturating_mul(1_000_000))
    }

    /// Common name of the signer's subject, else the whole subject; for display only.
    pub fn signer_name(&self) -> String {
        display_name(self.signer_certificate.tbs_certificate().subject())
    }
}

/// Wraps a DER TimeStampToken as the bytes of a `.tsr`.
pub fn wrap_tsr(token: &[u8]) -> Vec<u8> {
    // SEQUENCE { SEQUENCE { INTEGER 0 }, token }
    let mut body = vec![0x30, 0x03, 0x02, 0x01, 0x00];
    body.extend_from_slice(token);
    let mut out = Vec::with_capacity(body.len() + 6);
    ber::emit(0x30, &body, &mut out);
    out
}

/// The DER TimeStampToken inside the bytes of a `.tsr`.
pub fn unwrap_tsr(tsr: &[u8]) -> Result<Vec<u8>> {
    let tsr = Tsr::from_der(tsr).map_err(|e| malformed("time-stamp token", e, "a .tsr in DER"))?;
    tsr.token.to_der().map_err(|e| malformed("time-stamp token", e, "DER"))
}

/// What intake keeps of an authority's TimeStampResp: status granted checked, token re-encoded as DER,
/// unsigned attributes (and CRLs, unsigned likewise) dropped, wrapped as `.tsr`. What then no longer
/// parses or is not signed by the certificate inside is refused.
pub fn normalize_response(response: &[u8]) -> Result<Vec<u8>> {
    const WHAT: &str = "time-stamp response";
    if response.len() > MAX_TSR {
        return Err(Error::TooLarge { what: WHAT, found: response.len() as u64, limit: MAX_TSR as u64 });
    }
    let der = ber::to_der(response)?;
    let answer = TimeStampResp::from_der(&der).map_err(|e| malformed(WHAT, e, "a TimeStampResp"))?;
    if answer.status.status > 1 {
        let text: Vec<_> = answer.status.text.iter().flatten().map(|t| String::from_utf8_lossy(t.value())).collect();
        let found = format!("{} {}", answer.status.status, text.join("; "));
        return Err(Error::mismatch("time-stamp status", found, "0 (granted)"));
    }
    let token = answer.token.ok_or_else(|| Error::malformed(WHAT, "no token", "a token"))?;
    let refuse = |e| malformed(WHAT, e, "SignedData");
    let mut token: ContentInfo = token.to_der().and_then(|t| ContentInfo::from_der(&t)).map_err(refuse)?;
    token.content.crls = None;
    let signers = token.content.signer_infos.iter().cloned();
    let signers: Vec<_> = signers.map(|s| SignerInfo { unsigned_attrs: None, ..s }).collect();
    token.content.signer_infos = signers.try_into().map_err(refuse)?;
    let tsr = Tsr { status: StatusOnly { status: 0 }, token }.to_der().map_err(refuse)?;
    Token::parse_tsr(&tsr)?.check_signature()?;
    Ok(tsr)
}

/// The digests that a token may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HashAlgorithm {
    Sha256,
    Sha384,
    Sha512,
    Sm3,
}

impl HashAlgorithm {
    fn from_identifier(what: &'static str, id: &AlgorithmIdentifierOwned) -> Result<Self> {
        let algorithm = match id.oid {
            oid::SHA256 => Self::Sha256,
            oid::SHA384 => Self::Sha384,
            oid::SHA512 => Self::Sha512,
            oid::SM3 => Self::Sm3,
            other => return Err(Error::Unknown { what, found: other.to_string() }),
        };
        no_parameters(what, id)?;
        Ok(algorithm)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
            Self::Sm3 => "SM3",
        }
    }

    pub(crate) fn digest(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => sha2::Sha256::digest(data).to_vec(),
            Self::Sha384 => sha2::Sha384::digest(data).to_vec(),
            Self::Sha512 => sha2::Sha512::digest(data).to_vec(),
            Self::Sm3 => sm3::Sm3::digest(data).to_vec(),
        }
    }

    fn len(self) -> usize {
        match self {
            Self::Sha256 | Self::Sm3 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// Parameters absent or NULL: both are written for digests and for RSA.
pub(crate) fn no_parameters(what: &'static str, id: &AlgorithmIdentifierOwned) -> Result<()> {
    match &id.parameters {
        None => Ok(()),
        Some(p) if p.tag() == Tag::Null && p.value().is_empty() => Ok(()),
        Some(_) => Err(Error::malformed(what, "algorithm parameters", "absent or NULL")),
    }
}

pub(crate) fn malformed(what: &'static str, found: impl ToString, expected: &str) -> Error {
    Error::malformed(what, found.to_string(), expected)
}

/// The last common name (2.5.4.3), else the whole name; control characters escaped.
pub(crate) fn display_name(name: &Name) -> String {
    let common = name.iter().filter(|a| a.oid.to_string() == "2.5.4.3").last();
    let text = common.and_then(|a| text(&a.value)).unwrap_or_else(|| name.to_string());
    crate::error::printable(&text)
}

fn text(value: &Any) -> Option<String> {
    match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String => String::from_utf8(value.value().to_vec()).ok(),
        Tag::BmpString => {
            let units = value.value().chunks_exact(2).map(|c| u16::from_be_bytes([c[0], c[1]]));
            char::decode_utf16(units).collect::<std::result::Result<_, _>>().ok()
        }
        _ => None,
    }
}
