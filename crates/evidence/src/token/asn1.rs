//! The ASN.1 of RFC 3161, RFC 5652 and RFC 5035, as far as a token needs it.
//!
//! Certificates and CRLs inside SignedData stay opaque: they are signed by others, byte for byte.
//! genTime stays opaque because `der`'s GeneralizedTime refuses the fraction that RFC 3161 allows.

use cms::signed_data::SignerInfo;
use der::{
    Any, DecodeValue, EncodeValue, FixedTag, Header, Length, Reader, Sequence, Tag, Writer,
    asn1::{Int, ObjectIdentifier, OctetString, SetOfVec},
};
use spki::AlgorithmIdentifierOwned;
use x509_cert::{
    ext::{Extensions, pkix::name::GeneralName},
    serial_number::SerialNumber,
};

/// The object identifiers that a token may name.
pub mod oid {
    use der::asn1::ObjectIdentifier;
    const fn oid(dotted: &str) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(dotted)
    }
    /// id-aa-timeStampToken (RFC 3161, appendix A).
    pub const SIGNATURE_TIME_STAMP: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.14");
    /// id-data
    pub const DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.1");
    /// id-signedData
    pub const SIGNED_DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.2");
    /// id-ct-TSTInfo
    pub const TST_INFO: ObjectIdentifier = oid("1.2.840.113549.1.9.16.1.4");
    /// id-contentType
    pub const CONTENT_TYPE: ObjectIdentifier = oid("1.2.840.113549.1.9.3");
    /// id-messageDigest
    pub const MESSAGE_DIGEST: ObjectIdentifier = oid("1.2.840.113549.1.9.4");
    /// id-aa-signingCertificate (RFC 2634)
    pub const SIGNING_CERTIFICATE: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.12");
    /// id-aa-signingCertificateV2 (RFC 5035)
    pub const SIGNING_CERTIFICATE_V2: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.47");
    /// id-kp-timeStamping
    pub const KP_TIME_STAMPING: ObjectIdentifier = oid("1.3.6.1.5.5.7.3.8");
    /// id-sha256
    pub const SHA256: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.1");
    /// id-sha384
    pub const SHA384: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.2");
    /// id-sha512
    pub const SHA512: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.3");
    /// SM3 (GM/T 0006)
    pub const SM3: ObjectIdentifier = oid("1.2.156.10197.1.401");
    /// ecdsa-with-SHA256
    pub const ECDSA_SHA256: ObjectIdentifier = oid("1.2.840.10045.4.3.2");
    /// ecdsa-with-SHA384
    pub const ECDSA_SHA384: ObjectIdentifier = oid("1.2.840.10045.4.3.3");
    /// ecdsa-with-SHA512
    pub const ECDSA_SHA512: ObjectIdentifier = oid("1.2.840.10045.4.3.4");
    /// id-ecPublicKey
    pub const EC_PUBLIC_KEY: ObjectIdentifier = oid("1.2.840.10045.2.1");
    /// NIST P-256
    pub const P256: ObjectIdentifier = oid("1.2.840.10045.3.1.7");
    /// NIST P-384
    pub const P384: ObjectIdentifier = oid("1.3.132.0.34");
    /// rsaEncryption
    pub const RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.1");
    /// sha256WithRSAEncryption
    pub const RSA_SHA256: ObjectIdentifier = oid("1.2.840.113549.1.1.11");
    /// sha384WithRSAEncryption
    pub const RSA_SHA384: ObjectIdentifier = oid("1.2.840.113549.1.1.12");
    /// sha512WithRSAEncryption
    pub const RSA_SHA512: ObjectIdentifier = oid("1.2.840.113549.1.1.13");
    /// id-RSASSA-PSS
    pub const RSA_PSS: ObjectIdentifier = oid("1.2.840.113549.1.1.10");
    /// id-mgf1
    pub const MGF1: ObjectIdentifier = oid("1.2.840.113549.1.1.8");
}

/// TSAPolicyId. Arcs under 2.25 are UUIDs, larger than `der`'s object identifiers hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyId(pub Vec<u8>);

impl PolicyId {
    /// Dotted decimals; `None` if the contents are no OID in DER or an arc is over 128 bits.
    pub fn dotted(&self) -> Option<String> {
        let (mut arcs, mut arc, mut open) = (Vec::new(), 0_u128, false);
        for byte in &self.0 {
            if !open && *byte == 0x80 || arc > u128::MAX >> 7 {
                return None;
            }
            arc = arc << 7 | u128::from(byte & 0x7f);
            open = byte & 0x80 != 0;
            if !open {
                if arcs.is_empty() {
                    let root = (arc / 40).min(2);
                    arcs.push(root.to_string());
                    arc -= 40 * root;
                }
                arcs.push(arc.to_string());
                arc = 0;
            }
        }
        (!open && !arcs.is_empty()).then(|| arcs.join("."))
    }
}

impl FixedTag for PolicyId {
    const TAG: Tag = Tag::ObjectIdentifier;
}

impl<'a> DecodeValue<'a> for PolicyId {
    type Error = der::Error;
    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        Ok(Self(reader.read_vec(header.length())?))
    }
}

impl EncodeValue for PolicyId {
    fn value_len(&self) -> der::Result<Length> {
        Length::try_from(self.0.len())
    }
    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        writer.write(&self.0)
    }
}

/// A `.tsr`: TimeStampResp whose PKIStatusInfo is the status alone.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct Tsr {
    /// PKIStatusInfo.
    pub status: StatusOnly,
    /// TimeStampToken.
    pub token: ContentInfo,
}

/// PKIStatusInfo without text and failure bits.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct StatusOnly {
    /// 0 is granted.
    pub status: u8,
}

/// TimeStampResp as authorities answer it.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct TimeStampResp {
    /// PKIStatusInfo.
    pub status: PkiStatusInfo,
    /// TimeStampToken.
    #[asn1(optional = "true")]
    pub token: Option<Any>,
}

/// PKIStatusInfo (RFC 3161, 2.4.2).
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct PkiStatusInfo {
    /// 0 granted, 1 grantedWithMods, 2 and above refused.
    pub status: u8,
    /// PKIFreeText.
    #[asn1(optional = "true")]
    pub text: Option<Vec<Any>>,
    /// PKIFailureInfo.
    #[asn1(optional = "true")]
    pub failure: Option<der::asn1::BitString>,
}

/// TimeStampReq (RFC 3161, 2.4.1).
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct TimeStampReq {
    /// 1.
    pub version: u8,
    /// What is to be stamped.
    pub message_imprint: MessageImprint,
    /// TSAPolicyId.
    #[asn1(optional = "true")]
    pub policy: Option<PolicyId>,
    /// Returned in the token.
    #[asn1(optional = "true")]
    pub nonce: Option<Int>,
    /// Whether the signer's certificate goes into the token.
    #[asn1(default = "Default::default")]
    pub cert_req: bool,
    /// Extensions.
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub extensions: Option<Extensions>,
}

/// ContentInfo that holds SignedData.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct ContentInfo {
    /// id-signedData.
    pub content_type: ObjectIdentifier,
    /// SignedData.
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    pub content: SignedData,
}

/// SignedData (RFC 5652, 5.1).
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct SignedData {
    /// CMSVersion.
    pub version: u8,
    /// DigestAlgorithmIdentifiers.
    pub digest_algorithms: SetOfVec<AlgorithmIdentifierOwned>,
    /// What is signed.
    pub encap_content_info: EncapsulatedContentInfo,
    /// CertificateSet, each left as its own bytes.
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    pub certificates: Option<SetOfVec<Any>>,
    /// RevocationInfoChoices.
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    pub crls: Option<SetOfVec<Any>>,
    /// SignerInfos.
    pub signer_infos: SetOfVec<SignerInfo>,
}

/// EncapsulatedContentInfo (RFC 5652, 5.2).
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct EncapsulatedContentInfo {
    /// id-ct-TSTInfo in a token.
    pub content_type: ObjectIdentifier,
    /// Absent in a detached signature.
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub content: Option<OctetString>,
}

/// MessageImprint (RFC 3161, 2.4.1).
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct MessageImprint {
    /// Digest algorithm.
    pub hash_algorithm: AlgorithmIdentifierOwned,
    /// Digest.
    pub hashed_message: OctetString,
}

/// TSTInfo (RFC 3161, 2.4.2).
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct TstInfo {
    /// 1.
    pub version: u8,
    /// TSAPolicyId.
    pub policy: PolicyId,
    /// What is stamped.
    pub message_imprint: MessageImprint,
    /// Unique in the authority.
    pub serial_number: Int,
    /// GeneralizedTime.
    pub gen_time: Any,
    /// Absent is 0.
    #[asn1(optional = "true")]
    pub accuracy: Option<Accuracy>,
    /// Whether tokens are ordered whatever the accuracy.
    #[asn1(default = "Default::default")]
    pub ordering: bool,
    /// From the request.
    #[asn1(optional = "true")]
    pub nonce: Option<Int>,
    /// GeneralName of the authority, a hint.
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub tsa: Option<Any>,
    /// Extensions.
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub extensions: Option<Extensions>,
}

/// Accuracy (RFC 3161, 2.4.2).
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct Accuracy {
    /// Seconds.
    #[asn1(optional = "true")]
    pub seconds: Option<u32>,
    /// 1 to 999.
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub millis: Option<u16>,
    /// 1 to 999.
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub micros: Option<u16>,
}

/// SigningCertificateV2 (RFC 5035, 3).
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct SigningCertificateV2 {
    /// The signer's first.
    pub certs: Vec<EssCertIdV2>,
    /// PolicyInformation.
    #[asn1(optional = "true")]
    pub policies: Option<Any>,
}

/// ESSCertIDv2 (RFC 5035, 4). DER leaves the default SHA-256 out.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct EssCertIdV2 {
    /// Absent is SHA-256.
    #[asn1(optional = "true")]
    pub hash_algorithm: Option<AlgorithmIdentifierOwned>,
    /// Over the whole certificate.
    pub cert_hash: OctetString,
    /// Issuer and serial number.
    #[asn1(optional = "true")]
    pub issuer_serial: Option<IssuerSerial>,
}

/// SigningCertificate (RFC 2634, 5.4).
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct SigningCertificate {
    /// The signer's first.
    pub certs: Vec<EssCertId>,
    /// PolicyInformation.
    #[asn1(optional = "true")]
    pub policies: Option<Any>,
}

/// ESSCertID (RFC 2634, 5.4.1).
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct EssCertId {
    /// SHA-1 over the whole certificate.
    pub cert_hash: OctetString,
    /// Issuer and serial number.
    #[asn1(optional = "true")]
    pub issuer_serial: Option<IssuerSerial>,
}

/// IssuerSerial (RFC 5035, 5).
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct IssuerSerial {
    /// GeneralNames, one directoryName.
    pub issuer: Vec<GeneralName>,
    /// CertificateSerialNumber.
    pub serial_number: SerialNumber,
}

/// RSASSA-PSS-params (RFC 8017, A.2.3). The defaults are SHA-1 and are never accepted.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct PssParams {
    /// hashAlgorithm.
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub hash: Option<AlgorithmIdentifierOwned>,
    /// maskGenAlgorithm.
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    pub mask_gen: Option<AlgorithmIdentifierOwned>,
    /// saltLength, 20 if absent.
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    pub salt_length: Option<u16>,
    /// trailerField, 1 if absent.
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    pub trailer: Option<u8>,
}
