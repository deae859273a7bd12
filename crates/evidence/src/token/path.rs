//! The path from a signer to a root that the reader trusts, at an instant that a time-stamp tells.
//!
//! Path building is rustls-webpki's. It takes a root as a bare name and key and ignores key usage,
//! so both are checked here: a CA signs certificates, and the root is itself valid at genTime.

use super::{HashAlgorithm, Root, signature};
use crate::{Error, Result, time::Utc};
use der::{Decode, Encode, asn1::BitString};
use rustls_pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm, UnixTime, alg_id,
};
use spki::AlgorithmIdentifierOwned;
use std::time::Duration;
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage,
    OwnedCertRevocationList, RevocationOptionsBuilder, UnknownStatusPolicy, anchor_from_trusted_cert,
};
use x509_cert::{
    Certificate,
    certificate::Rfc5280,
    crl::CertificateList,
    ext::pkix::{AuthorityKeyIdentifier, BasicConstraints, KeyUsage as CertificateKeyUsage, SubjectKeyIdentifier},
};

const WHAT: &str = "path of the signing certificate";
/// DER contents of id-kp-timeStamping.
const TIME_STAMPING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];

/// What a path is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A token's signer. Intermediates may carry no EKU; the signer must, and that is checked with its signature.
    /// Revocation lists that are at hand are heeded.
    TimeStamping,
    /// A document's signer, of any EKU; whether it was revoked must be known, and no certificate may be idle.
    Document,
    /// A site's certificate, as sent in a handshake, which covers all of them: idle ones do no harm. No revocation.
    Web,
}

impl ExtendedKeyUsageValidator for Purpose {
    fn validate(&self, iter: KeyPurposeIdIter<'_, '_>) -> std::result::Result<(), webpki::Error> {
        match self {
            Self::TimeStamping => KeyUsage::required_if_present(TIME_STAMPING).validate(iter),
            Self::Document => Ok(()),
            Self::Web => KeyUsage::server_auth().validate(iter),
        }
    }
}

/// Who signed, when, and what lies beside.
pub(crate) struct Path<'a> {
    /// DER of the signer's certificate.
    pub(crate) signer: &'a [u8],
    /// DER of every certificate inside, the signer's included.
    pub(crate) certificates: &'a [Vec<u8>],
    pub(crate) purpose: Purpose,
    pub(crate) at: Utc,
    /// DER of certificate revocation lists.
    pub(crate) crls: &'a [Vec<u8>],
}

impl Path<'_> {
    /// The root that the signer's certificate leads to.
    pub(crate) fn check<'r>(&self, roots: &'r [Root]) -> Result<&'r Root> {
        self.follow(roots).map(|(root, _)| root)
    }

    /// That root, and DER of the certificates between, from the signer's issuer on.
    pub(crate) fn follow<'r>(&self, roots: &'r [Root]) -> Result<(&'r Root, Vec<Vec<u8>>)> {
        let signer = CertificateDer::from(self.signer);
        let signer = EndEntityCert::try_from(&signer).map_err(|e| self.explain(e, roots))?;
        let inside: Vec<_> = self.certificates.iter().map(|c| CertificateDer::from(c.as_slice())).collect();
        let seconds = u64::try_from(self.at.unix_seconds()).unwrap_or(0);
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let crls = self.revocation_lists()?;
        let crls: Vec<&CertRevocationList<'_>> = crls.iter().collect();
        let policy = match self.purpose {
            Purpose::TimeStamping | Purpose::Web => UnknownStatusPolicy::Allow,
            Purpose::Document => UnknownStatusPolicy::Deny,
        };
        let revocation = match RevocationOptionsBuilder::new(&crls) {
            Ok(builder) => {
                Some(builder.with_status_policy(policy).with_expiration_policy(ExpirationPolicy::Enforce).build())
            }
            Err(_) if self.purpose == Purpose::Document => return Err(no_revocation(self.purpose)),
            Err(_) => None,
        };

        // One root at a time, so that it is known which one it was. The most telling refusal is kept.
        let mut refusal = None;
        for root in roots {
            let der = CertificateDer::from(root.der.as_slice());
            let Ok(anchor) = anchor_from_trusted_cert(&der) else { continue };
            let anchors = [anchor];
            let tried = signer.verify_for_usage(ALGORITHMS, &anchors, &inside, time, self.purpose, revocation, None);
            let tried = tried.map_err(|e| self.explain(e, std::slice::from_ref(root))).and_then(|path| {
                let intermediates: Vec<_> = path.intermediate_certificates().map(|c| c.der().to_vec()).collect();
                self.authorities(root, &intermediates)?;
                self.leftovers(root, roots, &intermediates)?;
                Ok(intermediates)
            });
            match tried {
                Ok(intermediates) => return Ok((root, intermediates)),
                Err(e) if refusal.is_none() || matches!(refusal, Some(Error::Missing { .. })) => refusal = Some(e),
                Err(_) => {}
            }
        }
        Err(refusal.unwrap_or_else(missing))
    }

    /// The newest first, for a document those that are current at `at`: webpki asks the first of an issuer alone, and
    /// does not look when it begins.
    fn revocation_lists(&self) -> Result<Vec<CertRevocationList<'static>>> {
        const WHAT: &str = "certificate revocation list";
        let mut lists = Vec::new();
        for der in self.crls {
            let refuse = |e: &dyn std::fmt::Display| super::malformed(WHAT, e, "a CRL in DER (RFC 5280, 5)");
            let list = OwnedCertRevocationList::from_der(der).map_err(|e| refuse(&e))?;
            let parsed = CertificateList::<Rfc5280>::from_der(der).map_err(|e| refuse(&e))?;
            let begins = seconds(parsed.tbs_cert_list.this_update);
            if self.purpose == Purpose::TimeStamping || begins <= self.at.unix_seconds() {
                lists.push((begins, parsed.tbs_cert_list.next_update.map(seconds), list));
            }
        }
        if self.purpose == Purpose::Document {
            lists.retain(|(_, ends, _)| ends.is_none_or(|ends| self.at.unix_seconds() < ends));
        }
        lists.sort_by_key(|(begins, ..)| std::cmp::Reverse(*begins));
        Ok(lists.into_iter().map(|(_, _, list)| CertRevocationList::Owned(list)).collect())
    }

    /// What webpki leaves out: key usage of each CA, and the root's own validity and path length.
    fn authorities(&self, root: &Root, intermediates: &[Vec<u8>]) -> Result<()> {
        let parse = |der: &[u8]| Certificate::from_der(der).map_err(|e| super::malformed(WHAT, e, "certificates"));
        let certificate = parse(&root.der)?;
        let validity = certificate.tbs_certificate().validity();
        let at = self.at.unix_seconds();
        if !(seconds(validity.not_before)..=seconds(validity.not_after)).contains(&at) {
            let expected = format!("{} to {}", validity.not_before, validity.not_after);
            return Err(Error::mismatch("genTime against the root's validity", self.at.to_generalized(), expected));
        }
        let constraints = certificate.tbs_certificate().get_extension::<BasicConstraints>();
        match constraints.map_err(|e| super::malformed(WHAT, e, "basic constraints"))? {
            Some((_, c)) if !c.ca => return Err(Error::mismatch(WHAT, "a root that is no CA", "a CA")),
            Some((_, BasicConstraints { path_len_constraint: Some(n), .. }))
                if usize::from(n) < intermediates.len() =>
            {
                return Err(Error::mismatch("path length", intermediates.len(), format!("at most {n}")));
            }
            _ => {}
        }
        for ca in std::iter::once(Ok(certificate)).chain(intermediates.iter().map(|der| parse(der))) {
            let ca = ca?;
            let usage = ca.tbs_certificate().get_extension::<CertificateKeyUsage>();
            if let Some((_, usage)) = usage.map_err(|e| super::malformed(WHAT, e, "key usage"))?
                && !usage.key_cert_sign()
            {
                let name = super::display_name(ca.tbs_certificate().subject());
                return Err(Error::mismatch("key usage of an issuer", name, "keyCertSign"));
            }
        }
        Ok(())
    }

    /// No signature of the token covers the other certificates inside, so each must be signed by one inside or
    /// by a root given; otherwise its bits would be free. Issuer not here: nothing contradicts, but it is missing.
    fn leftovers(&self, root: &Root, roots: &[Root], intermediates: &[Vec<u8>]) -> Result<()> {
        if self.purpose == Purpose::Web {
            return Ok(());
        }
        let parse = |der: &[u8]| Certificate::from_der(der).map_err(|e| super::malformed(WHAT, e, "certificates"));
        let used = |c: &[u8]| c == self.signer || c == root.der || intermediates.iter().any(|i| i == c);
        // A copy of a root is that root; a root given that does not parse cannot sign anything.
        let given: Vec<_> = roots.iter().filter_map(|r| parse(&r.der).ok()).collect();
        let inside = self.certificates.iter().map(|der| parse(der)).collect::<Result<Vec<_>>>()?;
        for (der, certificate) in self.certificates.iter().zip(&inside) {
            if used(der) || roots.iter().any(|r| r.der == *der) {
                continue;
            }
            if self.purpose == Purpose::Document {
                let name = super::display_name(certificate.tbs_certificate().subject());
                return Err(Error::malformed("certificates of the signature", name, "no certificate outside the path"));
            }
            let issuer = certificate.tbs_certificate().issuer();
            let mut issuers =
                given.iter().chain(&inside).filter(|c| c.tbs_certificate().subject() == issuer).peekable();
            let name = super::display_name(issuer);
            if issuers.peek().is_none() {
                let missing = format!("{name}, which issued another certificate inside");
                return Err(Error::Missing { what: "certificate in a token", missing });
            }
            if !issuers.any(|i| issued_by(certificate, i)) {
                return Err(Error::Signature { what: "certificate in a token", key: name });
            }
        }
        Ok(())
    }

    /// webpki's reasons in our terms: no path, a broken path, or something unknown.
    fn explain(&self, error: webpki::Error, roots: &[Root]) -> Error {
        use webpki::Error as E;
        match error {
            E::UnknownIssuer => missing(),
            // Another key under the same name is another root, unless the certificates say it is this one.
            E::InvalidSignatureForPublicKey if !self.names_key(roots) => missing(),
            E::InvalidSignatureForPublicKey => Error::Signature { what: WHAT, key: self.name() },
            E::UnsupportedSignatureAlgorithmContext(_)
            | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_)
            | E::UnsupportedCriticalExtension => Error::Unknown { what: WHAT, found: format!("{error}") },
            E::CertExpired { .. } | E::CertNotValidYet { .. } => Error::mismatch(
                "genTime against the certificates' validity",
                self.at.to_generalized(),
                format!("{error}"),
            ),
            E::CertRevoked => {
                Error::mismatch("revocation", "revoked", "a certificate that was not revoked when it signed")
            }
            E::UnknownRevocationStatus | E::CrlExpired { .. } => no_revocation(self.purpose),
            E::BadDer | E::BadDerTime | E::TrailingData(_) | E::MalformedExtensions | E::InvalidSerialNumber => {
                super::malformed(WHAT, error, "certificates in DER")
            }
            other => Error::mismatch(WHAT, other, "a valid path at genTime"),
        }
    }

    /// Whether a certificate inside names the key of one of `roots` as its issuer's.
    fn names_key(&self, roots: &[Root]) -> bool {
        let parse = |der: &Vec<u8>| Certificate::from_der(der).ok();
        let keys: Vec<_> = roots
            .iter()
            .filter_map(|r| parse(&r.der)?.tbs_certificate().get_extension::<SubjectKeyIdentifier>().ok()?)
            .map(|(_, id)| id.0)
            .collect();
        let issuer = |c: &Vec<u8>| parse(c)?.tbs_certificate().get_extension::<AuthorityKeyIdentifier>().ok()?;
        let issuers = self.certificates.iter().filter_map(issuer).filter_map(|(_, id)| id.key_identifier);
        issuers.into_iter().any(|id| keys.contains(&id))
    }

    fn name(&self) -> String {
        Certificate::from_der(self.signer)
            .map(|c| super::display_name(c.tbs_certificate().subject()))
            .unwrap_or_default()
    }
}

pub(super) fn seconds(time: x509_cert::time::Time) -> i64 {
    i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
}

fn no_revocation(purpose: Purpose) -> Error {
    let whose = match purpose {
        Purpose::Document => "the signer's issuer",
        Purpose::TimeStamping => "the time authority's issuer",
        Purpose::Web => "the site's issuer",
    };
    Error::Missing { what: "revocation", missing: format!("a current revocation list (CRL) of {whose}") }
}

fn missing() -> Error {
    Error::Missing { what: WHAT, missing: "a trusted root that it leads to".into() }
}

fn issued_by(certificate: &Certificate, issuer: &Certificate) -> bool {
    let (tbs, algorithm) = (certificate.tbs_certificate(), certificate.signature_algorithm());
    algorithm == tbs.signature()
        && tbs.to_der().is_ok_and(|tbs| signed_by(&tbs, algorithm, certificate.signature(), issuer))
}

/// Whether the issuer's key signed this DER, of a certificate or a revocation list, with an algorithm of a path.
pub fn signed_by(
    content: &[u8],
    algorithm: &AlgorithmIdentifierOwned,
    signature: &BitString,
    issuer: &Certificate,
) -> bool {
    let spki = issuer.tbs_certificate().subject_public_key_info();
    let (Some(algorithm), Some(key_algorithm)) = (contents(algorithm), contents(&spki.algorithm)) else { return false };
    let (Some(key), Some(signature)) = (spki.subject_public_key.as_bytes(), signature.as_bytes()) else { return false };
    ALGORITHMS.iter().any(|a| {
        a.signature_alg_id().as_ref() == algorithm
            && a.public_key_alg_id().as_ref() == key_algorithm
            && a.verify_signature(key, content, signature).is_ok()
    })
}

/// An algorithm identifier as webpki compares it: without the SEQUENCE's tag and length.
fn contents(id: &AlgorithmIdentifierOwned) -> Option<Vec<u8>> {
    let any = der::Any::encode_from(id).ok()?;
    Some(any.value().to_vec())
}

#[derive(Debug)]
struct Algorithm {
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
    digest: HashAlgorithm,
    scheme: Scheme,
}

#[derive(Debug)]
enum Scheme {
    P256,
    P384,
    Pkcs1,
    Pss,
}

impl SignatureVerificationAlgorithm for Algorithm {
    fn verify_signature(
        &self,
        key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> std::result::Result<(), InvalidSignature> {
        let valid = match self.scheme {
            Scheme::P256 => signature::ecdsa_p256(key, self.digest, message, signature),
            Scheme::P384 => signature::ecdsa_p384(key, self.digest, message, signature),
            Scheme::Pkcs1 => signature::rsa(key, self.digest, false, message, signature),
            Scheme::Pss => signature::rsa(key, self.digest, true, message, signature),
        };
        if valid { Ok(()) } else { Err(InvalidSignature) }
    }
    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }
    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

const fn algorithm(
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
    digest: HashAlgorithm,
    scheme: Scheme,
) -> Algorithm {
    Algorithm { key, signature, digest, scheme }
}

/// What certificates may be signed with.
static ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = {
    use HashAlgorithm::{Sha256, Sha384, Sha512};
    use alg_id as id;
    &[
        &algorithm(id::ECDSA_P256, id::ECDSA_SHA256, Sha256, Scheme::P256),
        &algorithm(id::ECDSA_P256, id::ECDSA_SHA384, Sha384, Scheme::P256),
        &algorithm(id::ECDSA_P256, id::ECDSA_SHA512, Sha512, Scheme::P256),
        &algorithm(id::ECDSA_P384, id::ECDSA_SHA256, Sha256, Scheme::P384),
        &algorithm(id::ECDSA_P384, id::ECDSA_SHA384, Sha384, Scheme::P384),
        &algorithm(id::ECDSA_P384, id::ECDSA_SHA512, Sha512, Scheme::P384),
        &algorithm(id::RSA_ENCRYPTION, id::RSA_PKCS1_SHA256, Sha256, Scheme::Pkcs1),
        &algorithm(id::RSA_ENCRYPTION, id::RSA_PKCS1_SHA384, Sha384, Scheme::Pkcs1),
        &algorithm(id::RSA_ENCRYPTION, id::RSA_PKCS1_SHA512, Sha512, Scheme::Pkcs1),
        &algorithm(id::RSA_ENCRYPTION, id::RSA_PSS_SHA256, Sha256, Scheme::Pss),
        &algorithm(id::RSA_ENCRYPTION, id::RSA_PSS_SHA384, Sha384, Scheme::Pss),
        &algorithm(id::RSA_ENCRYPTION, id::RSA_PSS_SHA512, Sha512, Scheme::Pss),
    ]
};
