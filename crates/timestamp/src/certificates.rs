//! Root, signer and CRL of what is made at first run: the embedded authority, and the signer of certificates.
//!
//! RFC 3161, 2.3: an authority's EKU is timeStamping alone and critical. A signer of documents has none, and a key
//! usage of digitalSignature and nonRepudiation (ETSI EN 319 412-2, 4.3.2).

use crate::{Error, Result};
use der::{
    Any, Decode, Encode, Tag,
    asn1::{GeneralizedTime, ObjectIdentifier, Uint, UtcTime},
};
use evidence::{
    time::{SECOND, Utc},
    token::asn1::oid,
};
use p256::ecdsa::{DerSignature, SigningKey};
use spki::{SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef};
use std::time::Duration;
use x509_cert::{
    Certificate, TbsCertificate,
    attr::AttributeTypeAndValue,
    builder::{self, Builder, CertificateBuilder, CrlBuilder, profile::BuilderProfile},
    crl::CertificateList,
    ext::{
        Extension, ToExtension,
        pkix::{
            AuthorityKeyIdentifier, BasicConstraints, CrlNumber, ExtendedKeyUsage, KeyUsage, KeyUsages,
            SubjectKeyIdentifier,
        },
    },
    name::{Name, RdnSequence, RelativeDistinguishedName},
    serial_number::SerialNumber,
    time::{Time, Validity},
};

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
/// RFC 5280, A.1: ub-common-name.
const MAX_COMMON_NAME: usize = 64;
const YEAR: i64 = 31_557_600 * SECOND;

/// When a certificate (DER) ends; `None`: it is none.
pub fn certificate_ends(der: &[u8]) -> Option<Utc> {
    let end = Certificate::from_der(der).ok()?.tbs_certificate().validity().not_after;
    let seconds = i64::try_from(end.to_unix_duration().as_secs()).ok()?;
    Some(Utc(seconds.saturating_mul(SECOND)))
}

pub(crate) struct Made {
    pub(crate) root: Certificate,
    pub(crate) signer: Certificate,
    pub(crate) crl: CertificateList,
}

/// What a signer signs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    TimeStamps,
    Documents,
}

impl Use {
    /// What the common names of root and signer begin with.
    fn titles(self) -> (&'static str, &'static str) {
        match self {
            Self::TimeStamps => ("Quezao embedded root 平台自签时间标记", "Quezao embedded authority 平台自签时间标记"),
            Self::Documents => ("Quezao certificate root 证书签章", "Quezao certificate signer 证书签章"),
        }
    }
}

/// A root, valid for 25 years, a signer for 20, a CRL for 10.
pub(crate) fn make(usage: Use, name: &str, now: Utc, root_key: &SigningKey, signer_key: &SigningKey) -> Result<Made> {
    let refuse = |e: builder::Error| Error::structure("certificate", e);
    let (root_title, signer_title) = usage.titles();
    let (root_name, signer_name) = (common_name(root_title, name)?, common_name(signer_title, name)?);
    // The first token may be stamped within the same second.
    let from = now.plus(-60 * SECOND);
    let build = |profile: Profile, years: i64, key: &SigningKey| -> Result<Certificate> {
        let validity = Validity::new(time(from)?, time(now.plus(years * YEAR))?);
        let serial = SerialNumber::new(&crate::positive::<16>()?)
            .map_err(|e| Error::structure("certificate serial number", e))?;
        let spki = SubjectPublicKeyInfoOwned::from_key(key.verifying_key());
        let spki = spki.map_err(|e| Error::structure("public key", e))?;
        let builder = CertificateBuilder::new(profile, serial, validity, spki).map_err(refuse)?;
        builder.build::<_, DerSignature>(root_key).map_err(refuse)
    };
    let root = build(Profile { issuer: root_name.clone(), subject: root_name.clone(), signs: None }, 25, root_key)?;
    let signer = build(Profile { issuer: root_name, subject: signer_name, signs: Some(usage) }, 20, signer_key)?;
    let number = CrlNumber(Uint::new(&[1]).map_err(|e| Error::structure("CRL number", e))?);
    let crl = CrlBuilder::new_with_this_update(&root, number, time(from)?)
        .map_err(|e| Error::structure("CRL", e))?
        .with_next_update(Some(time(now.plus(10 * YEAR))?))
        .build::<_, DerSignature>(root_key)
        .map_err(refuse)?;
    Ok(Made { root, signer, crl })
}

/// `CN=prefix name` in UTF-8, the name cut to what a common name may hold.
fn common_name(prefix: &str, name: &str) -> Result<Name> {
    let text: String = format!("{prefix} {name}").chars().filter(|c| !c.is_control()).take(MAX_COMMON_NAME).collect();
    let refuse = |e| Error::structure("subject", e);
    let value = Any::new(Tag::Utf8String, text.trim_end().as_bytes()).map_err(refuse)?;
    let part = AttributeTypeAndValue { oid: COMMON_NAME, value };
    let part = RelativeDistinguishedName::try_from(vec![part]).map_err(refuse)?;
    RdnSequence::from(vec![part]).to_der().and_then(|der| Name::from_der(&der)).map_err(refuse)
}

/// RFC 5280, 4.1.2.5: UTCTime through 2049, GeneralizedTime after.
fn time(at: Utc) -> Result<Time> {
    let refuse = |e| Error::structure("certificate validity", e);
    let seconds = u64::try_from(at.unix_seconds()).map_err(|e| Error::structure("certificate validity", e))?;
    let date = der::DateTime::from_unix_duration(Duration::from_secs(seconds)).map_err(refuse)?;
    Ok(if date.year() < 2050 {
        Time::UtcTime(UtcTime::from_date_time(date).map_err(refuse)?)
    } else {
        Time::GeneralTime(GeneralizedTime::from_date_time(date))
    })
}

struct Profile {
    issuer: Name,
    subject: Name,
    /// `None`: certificates.
    signs: Option<Use>,
}

impl BuilderProfile for Profile {
    fn get_issuer(&self, _subject: &Name) -> Name {
        self.issuer.clone()
    }
    fn get_subject(&self) -> Name {
        self.subject.clone()
    }
    fn build_extensions(
        &self,
        key: SubjectPublicKeyInfoRef<'_>,
        issuer_key: SubjectPublicKeyInfoRef<'_>,
        _tbs: &TbsCertificate,
    ) -> builder::Result<Vec<Extension>> {
        let id = SubjectKeyIdentifier::try_from(key)?;
        let mut out = vec![(false, &id).to_extension(&self.subject, &[])?];
        let Some(signs) = self.signs else {
            let constraints = BasicConstraints { ca: true, path_len_constraint: Some(0) };
            out.push((true, &constraints).to_extension(&self.subject, &[])?);
            let usage = KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign);
            out.push((true, &usage).to_extension(&self.subject, &[])?);
            return Ok(out);
        };
        let issuer = SubjectKeyIdentifier::try_from(issuer_key)?;
        let issuer = AuthorityKeyIdentifier { key_identifier: Some(issuer.0), ..Default::default() };
        out.push((false, &issuer).to_extension(&self.subject, &[])?);
        let usage = match signs {
            Use::TimeStamps => KeyUsage(KeyUsages::DigitalSignature.into()),
            Use::Documents => KeyUsage(KeyUsages::DigitalSignature | KeyUsages::NonRepudiation),
        };
        out.push((true, &usage).to_extension(&self.subject, &[])?);
        if signs == Use::TimeStamps {
            let purposes = ExtendedKeyUsage(vec![oid::KP_TIME_STAMPING]);
            out.push((true, &purposes).to_extension(&self.subject, &[])?);
        }
        Ok(out)
    }
}
