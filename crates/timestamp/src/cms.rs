//! CMS signatures with ESSCertIDv2: for tokens now, for PDF signatures too.
//!
//! Signed is the SET OF encoding of the attributes (RFC 5652, 5.4); ESSCertIDv2 leaves SHA-256 out,
//! because it is DER's default (RFC 5035, 4).

use crate::{Error, Result};
use cms::{
    cert::IssuerAndSerialNumber,
    content_info::CmsVersion,
    signed_data::{SignerIdentifier, SignerInfo},
};
use der::{
    Any, Decode, Encode, Tag,
    asn1::{ObjectIdentifier, OctetString, SetOfVec},
};
use evidence::token::asn1::{
    ContentInfo, EncapsulatedContentInfo, EssCertIdV2, IssuerSerial, SignedData, SigningCertificateV2, oid,
};
use sha2::{Digest, Sha256};
use spki::AlgorithmIdentifierOwned;
use x509_cert::{Certificate, attr::Attribute, ext::pkix::name::GeneralName};

/// Whoever signs over SHA-256: a key in memory, or one in a device that never leaves it.
pub trait Signer: Send + Sync {
    /// The signer's certificate.
    fn certificate(&self) -> &Certificate;
    /// The signature algorithm, with SHA-256.
    fn algorithm(&self) -> AlgorithmIdentifierOwned;
    /// The signature over `message`, as CMS carries it.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>>;
}

/// What to sign and what to put beside it.
pub struct Request<'a> {
    /// Its type: [`oid::TST_INFO`] or [`oid::DATA`].
    pub content_type: ObjectIdentifier,
    /// The bytes that are signed.
    pub content: &'a [u8],
    /// Whether the content stays outside.
    pub detached: bool,
    /// Signed attributes besides contentType, messageDigest and ESSCertIDv2.
    pub attributes: Vec<Attribute>,
    /// DER of the certificates to carry.
    pub certificates: &'a [Vec<u8>],
}

/// DER of a ContentInfo with one SignerInfo of `signer`.
pub fn sign(request: &Request<'_>, signer: &dyn Signer) -> Result<Vec<u8>> {
    build(request, signer).and_then(|info| info.to_der().map_err(Failure::Der)).map_err(|failure| match failure {
        Failure::Der(e) => Error::structure("CMS signature", e),
        Failure::Other(e) => e,
    })
}

enum Failure {
    Der(der::Error),
    Other(Error),
}

impl From<der::Error> for Failure {
    fn from(e: der::Error) -> Self {
        Self::Der(e)
    }
}

fn build(request: &Request<'_>, signer: &dyn Signer) -> std::result::Result<ContentInfo, Failure> {
    let sha256 = AlgorithmIdentifierOwned { oid: oid::SHA256, parameters: None };
    let certificate = signer.certificate();
    let tbs = certificate.tbs_certificate();
    let binding = SigningCertificateV2 {
        certs: vec![EssCertIdV2 {
            hash_algorithm: None,
            cert_hash: OctetString::new(Sha256::digest(certificate.to_der()?).to_vec())?,
            issuer_serial: Some(IssuerSerial {
                issuer: vec![GeneralName::DirectoryName(tbs.issuer().clone())],
                serial_number: tbs.serial_number().clone(),
            }),
        }],
        policies: None,
    };
    let mut attributes = vec![
        attribute(oid::CONTENT_TYPE, Any::encode_from(&request.content_type)?)?,
        attribute(oid::MESSAGE_DIGEST, Any::new(Tag::OctetString, Sha256::digest(request.content).to_vec())?)?,
        attribute(oid::SIGNING_CERTIFICATE_V2, Any::encode_from(&binding)?)?,
    ];
    attributes.extend(request.attributes.iter().cloned());
    let attributes = SetOfVec::try_from(attributes)?;
    let signature = signer.sign(&attributes.to_der()?).map_err(Failure::Other)?;
    let signer_info = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: tbs.issuer().clone(),
            serial_number: tbs.serial_number().clone(),
        }),
        digest_alg: sha256.clone(),
        signed_attrs: Some(attributes),
        signature_algorithm: signer.algorithm(),
        signature: OctetString::new(signature)?,
        unsigned_attrs: None,
    };
    let certificates = request.certificates.iter().map(|c| Any::from_der(c)).collect::<der::Result<Vec<_>>>()?;
    let content = if request.detached { None } else { Some(OctetString::new(request.content)?) };
    Ok(ContentInfo {
        content_type: oid::SIGNED_DATA,
        content: SignedData {
            // RFC 5652, 5.1: 1 only where plain data is signed.
            version: if request.content_type == oid::DATA { 1 } else { 3 },
            digest_algorithms: SetOfVec::try_from(vec![sha256])?,
            encap_content_info: EncapsulatedContentInfo { content_type: request.content_type, content },
            certificates: if certificates.is_empty() { None } else { Some(SetOfVec::try_from(certificates)?) },
            crls: None,
            signer_infos: SetOfVec::try_from(vec![signer_info])?,
        },
    })
}

/// An attribute with one value.
pub fn attribute(id: ObjectIdentifier, value: Any) -> der::Result<Attribute> {
    Ok(Attribute { oid: id, values: SetOfVec::try_from(vec![value])? })
}
