//! Signatures over documents: CAdES as PAdES asks for it (ETSI EN 319 142-1, 6.3; RFC 5652), closed.
//!
//! One signer; signed attributes contentType, messageDigest and ESSCertIDv2 alone; one unsigned attribute, the
//! signature's time-stamp; no certificate outside the path. When it was signed is what that time-stamp says.

use crate::{
    Error, Result,
    time::Utc,
    token::{
        Binding, Root, Token,
        asn1::{ContentInfo, oid},
        display_name,
        form::{certificates, expect, find_signer, same_encoding},
        malformed, no_parameters,
        path::{Path, Purpose},
        signature::Signed,
        wrap_tsr,
    },
};
use cms::{
    content_info::CmsVersion,
    signed_data::{SignerIdentifier, SignerInfo},
};
use der::{Decode, Encode};
use x509_cert::{
    Certificate,
    ext::pkix::{BasicConstraints, ExtendedKeyUsage},
};

const WHAT: &str = "document signature";
/// Longest signature.
const MAX_SIGNATURE: usize = 64 << 10;

/// A detached signature with its time-stamp.
#[derive(Clone, Debug)]
pub struct DocumentSignature {
    /// DER of the signer's certificate.
    pub signer: Vec<u8>,
    /// Over the signature value: when it was there.
    pub timestamp: Token,
    /// DER of every certificate inside, the signer's included.
    pub certificates: Vec<Vec<u8>>,
    signer_certificate: Certificate,
    signer_info: SignerInfo,
}

impl DocumentSignature {
    /// Parses a ContentInfo in DER of the closed form.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MAX_SIGNATURE {
            return Err(Error::TooLarge { what: WHAT, found: bytes.len() as u64, limit: MAX_SIGNATURE as u64 });
        }
        let info = ContentInfo::from_der(bytes).map_err(|e| malformed(WHAT, e, "a ContentInfo in DER"))?;
        same_encoding(&info, bytes)?;
        expect("contentType of the signature", info.content_type, oid::SIGNED_DATA)?;
        let data = info.content;
        expect("SignedData version", data.version, 1)?;
        expect("eContentType", data.encap_content_info.content_type, oid::DATA)?;
        if data.encap_content_info.content.is_some() || data.crls.is_some() {
            return Err(Error::malformed(WHAT, "content or CRLs inside", "a detached signature"));
        }
        let [signer_info] = data.signer_infos.as_slice() else {
            return Err(Error::malformed("SignerInfos", data.signer_infos.len().to_string(), "exactly one"));
        };
        if signer_info.version != CmsVersion::V1 {
            return Err(Error::malformed("SignerInfo version", format!("{:?}", signer_info.version), "1"));
        }
        let [algorithm] = data.digest_algorithms.as_slice() else {
            return Err(Error::malformed("digestAlgorithms", data.digest_algorithms.len().to_string(), "one"));
        };
        expect("digestAlgorithms", algorithm.oid, signer_info.digest_alg.oid)?;
        no_parameters("digestAlgorithms", algorithm)?;
        let allowed = [oid::CONTENT_TYPE, oid::MESSAGE_DIGEST, oid::SIGNING_CERTIFICATE_V2];
        if let Some(other) = signer_info.signed_attrs.iter().flat_map(|a| a.iter()).find(|a| !allowed.contains(&a.oid))
        {
            return Err(Error::malformed("signed attributes", other.oid.to_string(), "the three of the profile"));
        }
        if !matches!(signer_info.sid, SignerIdentifier::IssuerAndSerialNumber(_)) {
            // RFC 5652, 5.3: with a key identifier it is version 3.
            return Err(Error::malformed("signer identifier", "subjectKeyIdentifier", "issuer and serial number"));
        }
        let certificates = certificates(data.certificates.as_ref().map_or(&[], |c| c.as_slice()))?;
        let (signer, signer_certificate) = find_signer(&signer_info.sid, &certificates)?;
        signs_documents(&signer_certificate)?;
        Ok(Self {
            signer,
            timestamp: timestamp(signer_info)?,
            certificates,
            signer_certificate,
            signer_info: signer_info.clone(),
        })
    }

    /// The signature over `content`, the signer's binding, and the time-stamp over the signature: all that needs no
    /// trust. Returns how the time-stamp's own signer is bound.
    pub fn check(&self, content: &[u8]) -> Result<Binding> {
        let signed = Signed {
            info: &self.signer_info,
            signer: &self.signer,
            certificate: &self.signer_certificate,
            content_type: oid::DATA,
            content,
        };
        if signed.check()? != Binding::V2 {
            return Err(Error::malformed(WHAT, "ESSCertID", "ESSCertIDv2"));
        }
        self.timestamp.check_imprint(self.signer_info.signature.as_bytes())?;
        self.timestamp.check_signature()
    }

    /// The root that the signer's certificate leads to, valid and not revoked at the time-stamp's genTime.
    pub fn check_path<'r>(&self, roots: &'r [Root], crls: &[Vec<u8>]) -> Result<&'r Root> {
        let at: Utc = self.timestamp.gen_time;
        let purpose = Purpose::Document;
        Path { signer: &self.signer, certificates: &self.certificates, purpose, at, crls }.check(roots)
    }

    /// Common name of the signer's subject, else the whole subject; for display only.
    pub fn signer_name(&self) -> String {
        display_name(self.signer_certificate.tbs_certificate().subject())
    }
}

/// Whether a signer would verify if it signed at `at`: `chain` is DER of its certificate, intermediates and root,
/// `crls` DER of its issuers' revocation lists.
pub fn check_signer(chain: &[Vec<u8>], crls: &[Vec<u8>], at: Utc) -> Result<()> {
    let (Some(signer), Some(root)) = (chain.first(), chain.last()) else {
        return Err(Error::Missing { what: WHAT, missing: "the signer's certificate".into() });
    };
    let certificates = &chain[..chain.len() - 1];
    signs_documents(&Certificate::from_der(signer).map_err(|e| malformed(WHAT, e, "an X.509 certificate"))?)?;
    let roots = [Root { der: root.clone() }];
    Path { signer, certificates, purpose: Purpose::Document, at, crls }.check(&roots).map(drop)
}

/// DER of a revocation list that is given in DER or PEM.
pub fn crl_to_der(bytes: &[u8]) -> Result<Vec<u8>> {
    const WHAT: &str = "certificate revocation list";
    let der = match der::pem::decode_vec(bytes) {
        Ok(("X509 CRL", der)) => der,
        Ok((label, _)) => return Err(Error::malformed(WHAT, label, "the PEM label X509 CRL")),
        Err(_) => bytes.to_vec(),
    };
    x509_cert::crl::CertificateList::<x509_cert::certificate::Rfc5280>::from_der(&der)
        .map_err(|e| malformed(WHAT, e, "a CRL (RFC 5280, 5)"))?;
    Ok(der)
}

/// No CA; where there is an extended key usage, one for documents or mail, so that no TLS or time-stamp certificate
/// can sign a page (RFC 9336; Adobe's and Microsoft's own; RFC 5280, 4.2.1.12).
fn signs_documents(certificate: &Certificate) -> Result<()> {
    const PURPOSES: [&str; 5] =
        ["1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.36", "1.2.840.113583.1.1.5", "1.3.6.1.4.1.311.10.3.12", "2.5.29.37.0"];
    let tbs = certificate.tbs_certificate();
    let refuse = |e| malformed(WHAT, e, "extensions in DER");
    if tbs.get_extension::<BasicConstraints>().map_err(refuse)?.is_some_and(|(_, c)| c.ca) {
        return Err(Error::malformed("signer's certificate", "a CA", "a signer's own"));
    }
    let purposes = tbs.get_extension::<ExtendedKeyUsage>().map_err(refuse)?.map(|(_, usage)| usage.0);
    let Some(purposes) = purposes else { return Ok(()) };
    let purposes: Vec<String> = purposes.iter().map(ToString::to_string).collect();
    if purposes.iter().any(|p| PURPOSES.contains(&p.as_str())) {
        return Ok(());
    }
    Err(Error::malformed("extended key usage of the signer", purposes.join(", "), "one for documents or mail, or none"))
}

/// The one unsigned attribute (RFC 3161, appendix A).
fn timestamp(info: &SignerInfo) -> Result<Token> {
    let refuse = |found: &str| Error::malformed("unsigned attributes", found, "the signature's time-stamp alone");
    let attributes = info.unsigned_attrs.as_ref().ok_or_else(|| refuse("none"))?;
    let [attribute] = attributes.as_slice() else { return Err(refuse(&format!("{} attributes", attributes.len()))) };
    match attribute.values.as_slice() {
        [token] if attribute.oid == oid::SIGNATURE_TIME_STAMP => {
            Token::parse_tsr(&wrap_tsr(&token.to_der().map_err(|e| malformed(WHAT, e, "DER"))?))
        }
        _ => Err(refuse(&attribute.oid.to_string())),
    }
}
