//! RFC 3161 time-stamp tokens: read, and checked against what they should cover and whom the reader trusts.
use crate::{Result, time::Utc};
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
    /// DER of the signer's certificate, which the token carries.
    pub signer: Vec<u8>,
    // private: parsed CMS parts
}
/// How the signing certificate was bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// ESSCertIDv2 (RFC 5816).
    V2,
    /// ESSCertID over SHA-1 (RFC 2634): *limited*.
    V1Sha1,
}
/// A root certificate that the reader trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// DER.
    pub der: Vec<u8>,
}
impl Root {
    /// From one PEM certificate.
    pub fn from_pem(pem: &[u8]) -> Result<Self> {
        let _ = pem;
        todo!()
    }
    /// SHA-256 of the DER.
    pub fn fingerprint(&self) -> [u8; 32] {
        todo!()
    }
    /// Subject, RFC 4514 text; for display only.
    pub fn subject(&self) -> String {
        todo!()
    }
}
impl Token {
    /// Parses a `.tsr`: exactly `SEQUENCE{SEQUENCE{INTEGER 0}, token}` in DER, and the form that FORMATS asks of the token.
    pub fn parse_tsr(bytes: &[u8]) -> Result<Self> {
        let _ = bytes;
        todo!()
    }
    /// The imprint is the digest of `data` under the imprint's own algorithm.
    pub fn check_imprint(&self, data: &[u8]) -> Result<()> {
        let _ = data;
        todo!()
    }
    /// Name of the imprint's algorithm: `SHA-256`, `SHA-384`, `SHA-512` or `SM3`.
    pub fn imprint_algorithm(&self) -> &'static str {
        todo!()
    }
    /// messageDigest, contentType, signature, signing-certificate binding, EKU and key usage of the signer.
    pub fn check_signature(&self) -> Result<Binding> {
        todo!()
    }
    /// A path from the signer to one of `roots`, valid at genTime; returns the root. None of them fits: [`crate::Error::Missing`].
    pub fn check_path<'r>(&self, roots: &'r [Root]) -> Result<&'r Root> {
        let _ = roots;
        todo!()
    }
    /// Common name of the signer's subject, else the whole subject; for display only.
    pub fn signer_name(&self) -> String {
        todo!()
    }
}
/// Wraps a DER TimeStampToken as the bytes of a `.tsr`.
pub fn wrap_tsr(token: &[u8]) -> Vec<u8> {
    let _ = token;
    todo!()
}
/// What intake keeps of an authority's TimeStampResp: status granted checked, token re-encoded as DER,
/// unsigned attributes dropped, wrapped as `.tsr`. What then no longer parses is refused.
pub fn normalize_response(response: &[u8]) -> Result<Vec<u8>> {
    let _ = response;
    todo!()
}
