//! The signer's signature over a token or a document, and what its certificate must say.
//!
//! The signature covers the signed attributes; the attributes name the content by messageDigest and
//! the certificate by its hash. Take one of these away and a certificate can be exchanged.

use super::{
    Binding, HashAlgorithm, Token,
    asn1::{EssCertIdV2, IssuerSerial, PssParams, SigningCertificate, SigningCertificateV2, oid},
    form::same_encoding,
    malformed, no_parameters,
};
use crate::{Error, Result, hex};
use cms::signed_data::SignerInfo;
use der::{Any, Decode, DecodeValue, Encode, asn1::ObjectIdentifier};
use rsa::{PublicKey, pkcs1::DecodeRsaPublicKey, traits::PublicKeyParts};
use sha1::Digest;
use signature::hazmat::PrehashVerifier;
use x509_cert::{
    Certificate,
    attr::Attributes,
    ext::pkix::{ExtendedKeyUsage, KeyUsage, name::GeneralName},
};

const WHAT: &str = "CMS signature";

/// A SignerInfo, the certificate that it names, and what it signs.
pub(crate) struct Signed<'a> {
    pub(crate) info: &'a SignerInfo,
    /// DER.
    pub(crate) signer: &'a [u8],
    pub(crate) certificate: &'a Certificate,
    pub(crate) content_type: ObjectIdentifier,
    pub(crate) content: &'a [u8],
}

/// ECDSA over P-256: key, digest, message, signature in DER.
type P256<'a> = &'a dyn Fn(&[u8], HashAlgorithm, &[u8], &[u8]) -> bool;

/// Everything about a token's signature that needs no trust.
pub(super) fn check(token: &Token, p256: P256<'_>) -> Result<Binding> {
    let signed = Signed {
        info: &token.signer_info,
        signer: &token.signer,
        certificate: &token.signer_certificate,
        content_type: oid::TST_INFO,
        content: &token.content,
    };
    time_stamping(signed.certificate)?;
    signed.check_with(p256)
}

impl Signed<'_> {
    /// contentType, messageDigest, signing-certificate binding, key usage, signature.
    pub(crate) fn check(&self) -> Result<Binding> {
        self.check_with(&ecdsa_p256)
    }

    fn check_with(&self, p256: P256<'_>) -> Result<Binding> {
        let info = self.info;
        let digest = HashAlgorithm::from_identifier("signer's digest algorithm", &info.digest_alg)?;
        let attributes =
            info.signed_attrs.as_ref().ok_or_else(|| Error::malformed("SignerInfo", "no signed attributes", "some"))?;

        let mut seen = std::collections::BTreeSet::new();
        if let Some(again) = attributes.iter().find(|a| !seen.insert(a.oid) || a.values.len() != 1) {
            return Err(Error::malformed("signed attribute", again.oid.to_string(), "each once, with one value"));
        }
        let content_type = required(attributes, oid::CONTENT_TYPE, "contentType attribute")?;
        if content_type.decode_as::<ObjectIdentifier>() != Ok(self.content_type) {
            return Err(Error::malformed("contentType attribute", "another type", self.content_type.to_string()));
        }
        let written = required(attributes, oid::MESSAGE_DIGEST, "messageDigest attribute")?;
        let written = written
            .decode_as::<der::asn1::OctetString>()
            .map_err(|e| malformed("messageDigest attribute", e, "OCTET STRING"))?;
        let computed = digest.digest(self.content);
        if written.as_bytes() != computed {
            return Err(Error::mismatch("messageDigest", hex::encode(written.as_bytes()), hex::encode(&computed)));
        }
        let binding = self.binding(attributes)?;
        key_usage(self.certificate)?;

        // RFC 5652, 5.4: signed is the SET OF encoding, not the [0] that stands in the SignerInfo.
        let signed = attributes.to_der().map_err(|e| malformed(WHAT, e, "attributes in DER"))?;
        self.verify(digest, &signed, p256)?;
        Ok(binding)
    }

    /// Both attributes are checked where both stand; version 2 decides what the binding is worth.
    fn binding(&self, attributes: &Attributes) -> Result<Binding> {
        let v2 = optional(attributes, oid::SIGNING_CERTIFICATE_V2, "ESSCertIDv2")?;
        let v1 = optional(attributes, oid::SIGNING_CERTIFICATE, "ESSCertID")?;
        if let Some(value) = v2 {
            let list: SigningCertificateV2 = decode(value, "ESSCertIDv2")?;
            let first = list.certs.first().ok_or_else(|| Error::malformed("ESSCertIDv2", "empty", "the signer's"))?;
            let expected = ess_hash(first)?.digest(self.signer);
            self.bound("ESSCertIDv2", first.cert_hash.as_bytes(), &expected, first.issuer_serial.as_ref())?;
        }
        if let Some(value) = v1 {
            let list: SigningCertificate = decode(value, "ESSCertID")?;
            let first = list.certs.first().ok_or_else(|| Error::malformed("ESSCertID", "empty", "the signer's"))?;
            let expected = sha1::Sha1::digest(self.signer);
            self.bound("ESSCertID", first.cert_hash.as_bytes(), &expected, first.issuer_serial.as_ref())?;
        }
        match (v2, v1) {
            (Some(_), _) => Ok(Binding::V2),
            (None, Some(_)) => Ok(Binding::V1Sha1),
            (None, None) => Err(Error::malformed("signing-certificate attribute", "none", "ESSCertIDv2 or ESSCertID")),
        }
    }

    fn bound(&self, what: &'static str, found: &[u8], expected: &[u8], issuer: Option<&IssuerSerial>) -> Result<()> {
        if found != expected {
            return Err(Error::mismatch(what, hex::encode(found), hex::encode(expected)));
        }
        let Some(named) = issuer else { return Ok(()) };
        let tbs = self.certificate.tbs_certificate();
        let same_issuer = matches!(named.issuer.as_slice(), [GeneralName::DirectoryName(n)] if n == tbs.issuer());
        if same_issuer && named.serial_number == *tbs.serial_number() {
            return Ok(());
        }
        Err(Error::mismatch(what, format!("serial {}", named.serial_number), format!("serial {}", tbs.serial_number())))
    }

    fn verify(&self, digest: HashAlgorithm, signed: &[u8], p256: P256<'_>) -> Result<()> {
        let info = self.info;
        let algorithm = &info.signature_algorithm;
        let signature = info.signature.as_bytes();
        let spki = self.certificate.tbs_certificate().subject_public_key_info();
        let key =
            spki.subject_public_key.as_bytes().ok_or_else(|| Error::malformed("public key", "odd bits", "octets"))?;
        let unknown = |id: ObjectIdentifier| Error::Unknown { what: "signature algorithm", found: id.to_string() };
        let scheme = match algorithm.oid {
            oid::ECDSA_SHA256 => Scheme::Ecdsa(HashAlgorithm::Sha256),
            oid::ECDSA_SHA384 => Scheme::Ecdsa(HashAlgorithm::Sha384),
            oid::ECDSA_SHA512 => Scheme::Ecdsa(HashAlgorithm::Sha512),
            oid::RSA => Scheme::Pkcs1(digest),
            oid::RSA_SHA256 => Scheme::Pkcs1(HashAlgorithm::Sha256),
            oid::RSA_SHA384 => Scheme::Pkcs1(HashAlgorithm::Sha384),
            oid::RSA_SHA512 => Scheme::Pkcs1(HashAlgorithm::Sha512),
            oid::RSA_PSS => pss(algorithm.parameters.as_ref())?,
            other => return Err(unknown(other)),
        };
        let (Scheme::Ecdsa(own) | Scheme::Pkcs1(own) | Scheme::Pss(own, _)) = scheme;
        if own != digest {
            return Err(Error::mismatch("digest of the signature", own.name(), digest.name()));
        }
        if digest == HashAlgorithm::Sm3 {
            return Err(Error::Unknown { what: "signer's digest algorithm", found: "SM3".into() });
        }
        let valid = match (spki.algorithm.oid, scheme) {
            (oid::EC_PUBLIC_KEY, Scheme::Ecdsa(_)) => {
                if algorithm.parameters.is_some() {
                    return Err(Error::malformed("signature algorithm", "parameters", "none with ECDSA"));
                }
                let curve = spki.algorithm.parameters.as_ref().and_then(|p| p.decode_as::<ObjectIdentifier>().ok());
                match curve {
                    Some(oid::P256) => p256(key, digest, signed, signature),
                    Some(oid::P384) => ecdsa_p384(key, digest, signed, signature),
                    Some(curve) => return Err(Error::Unknown { what: "curve", found: curve.to_string() }),
                    None => return Err(Error::malformed("public key", "no named curve", "P-256 or P-384")),
                }
            }
            (oid::RSA, Scheme::Pkcs1(_) | Scheme::Pss(..)) => {
                let key = rsa_key(key)?;
                if let Scheme::Pss(_, salt) = scheme {
                    rsa_pss(&key, digest, salt, signed, signature)
                } else {
                    no_parameters("signature algorithm", algorithm)?;
                    rsa_pkcs1(&key, digest, signed, signature)
                }
            }
            (oid::EC_PUBLIC_KEY | oid::RSA, _) => {
                return Err(Error::mismatch("signature algorithm", algorithm.oid, "one for the signer's key"));
            }
            (other, _) => return Err(Error::Unknown { what: "public key algorithm", found: other.to_string() }),
        };
        if valid {
            Ok(())
        } else {
            Err(Error::Signature { what: WHAT, key: super::display_name(self.certificate.tbs_certificate().subject()) })
        }
    }
}

/// The value of an attribute that may stand at most once, with one value.
fn optional<'a>(attributes: &'a Attributes, id: ObjectIdentifier, what: &'static str) -> Result<Option<&'a Any>> {
    let mut with_id = attributes.iter().filter(|a| a.oid == id);
    let (first, second) = (with_id.next(), with_id.next());
    match (first.map(|a| a.values.as_slice()), second) {
        (None, _) => Ok(None),
        (Some([value]), None) => Ok(Some(value)),
        _ => Err(Error::malformed(what, "more than one, or not one value", "exactly one")),
    }
}

fn required<'a>(attributes: &'a Attributes, id: ObjectIdentifier, what: &'static str) -> Result<&'a Any> {
    optional(attributes, id, what)?.ok_or_else(|| Error::malformed(what, "none", "exactly one"))
}

fn decode<T>(value: &Any, what: &'static str) -> Result<T>
where
    T: for<'a> Decode<'a, Error = der::Error> + for<'a> DecodeValue<'a> + Encode,
{
    let bytes = value.to_der().map_err(|e| malformed(what, e, "DER"))?;
    let decoded = T::from_der(&bytes).map_err(|e| malformed(what, e, "DER"))?;
    same_encoding(&decoded, &bytes)?;
    Ok(decoded)
}

fn ess_hash(id: &EssCertIdV2) -> Result<HashAlgorithm> {
    match &id.hash_algorithm {
        None => Ok(HashAlgorithm::Sha256),
        Some(a) if a.oid == oid::SHA256 && a.parameters.is_none() => {
            Err(Error::malformed("ESSCertIDv2", "the default SHA-256 spelled out", "DER, which leaves it out"))
        }
        Some(a) => HashAlgorithm::from_identifier("ESSCertIDv2 digest algorithm", a),
    }
}

/// EKU timeStamping critical and alone.
fn time_stamping(certificate: &Certificate) -> Result<()> {
    let tbs = certificate.tbs_certificate();
    let eku = tbs
        .get_extension::<ExtendedKeyUsage>()
        .map_err(|e| malformed("extended key usage", e, "timeStamping, critical and alone"))?;
    match eku {
        Some((true, ExtendedKeyUsage(purposes))) if purposes == [oid::KP_TIME_STAMPING] => {}
        Some((critical, ExtendedKeyUsage(purposes))) => {
            let purposes: Vec<_> = purposes.iter().map(ToString::to_string).collect();
            let found = format!("{} (critical: {critical})", purposes.join(", "));
            return Err(Error::malformed("extended key usage", found, "timeStamping, critical and alone"));
        }
        None => return Err(Error::malformed("extended key usage", "none", "timeStamping, critical and alone")),
    }
    Ok(())
}

/// A key usage that, if present, allows signatures; no more is asked.
fn key_usage(certificate: &Certificate) -> Result<()> {
    let tbs = certificate.tbs_certificate();
    let key_usage =
        tbs.get_extension::<KeyUsage>().map_err(|e| malformed("key usage", e, "digitalSignature or nonRepudiation"))?;
    match key_usage {
        Some((_, usage)) if !usage.digital_signature() && !usage.non_repudiation() => {
            Err(Error::malformed("key usage", "no signatures", "digitalSignature or nonRepudiation"))
        }
        _ => Ok(()),
    }
}

#[derive(Clone, Copy)]
enum Scheme {
    Ecdsa(HashAlgorithm),
    Pkcs1(HashAlgorithm),
    /// With the length of the salt.
    Pss(HashAlgorithm, usize),
}

fn pss(parameters: Option<&Any>) -> Result<Scheme> {
    const WHAT: &str = "RSASSA-PSS parameters";
    let absent = || Error::malformed(WHAT, "the SHA-1 defaults", "the signer's digest, MGF1 with it");
    let parameters: PssParams = decode(parameters.ok_or_else(absent)?, WHAT)?;
    let hash = HashAlgorithm::from_identifier(WHAT, parameters.hash.as_ref().ok_or_else(absent)?)?;
    let mask = parameters.mask_gen.as_ref().ok_or_else(absent)?;
    if mask.oid != oid::MGF1 {
        return Err(Error::Unknown { what: "mask generation function", found: mask.oid.to_string() });
    }
    let mask_hash = decode(mask.parameters.as_ref().ok_or_else(absent)?, WHAT)?;
    let mask_hash = HashAlgorithm::from_identifier(WHAT, &mask_hash)?;
    if mask_hash != hash {
        return Err(Error::mismatch(WHAT, mask_hash.name(), hash.name()));
    }
    if parameters.trailer.is_some_and(|t| t != 1) {
        return Err(Error::malformed(WHAT, "another trailer", "1"));
    }
    Ok(Scheme::Pss(hash, usize::from(parameters.salt_length.unwrap_or(20))))
}

fn rsa_key(der: &[u8]) -> Result<PublicKey> {
    let key = PublicKey::from_pkcs1_der(der).map_err(|e| malformed("RSA key", e, "2048 to 8192 bits"))?;
    let bits = key.n().bit_width();
    if (2048..=8192).contains(&bits) { Ok(key) } else { Err(malformed("RSA key", bits, "2048 to 8192 bits")) }
}

/// ECDSA over P-256; `signature` in DER.
pub(crate) fn ecdsa_p256(key: &[u8], digest: HashAlgorithm, message: &[u8], signature: &[u8]) -> bool {
    let Ok(key) = p256::ecdsa::VerifyingKey::from_sec1_bytes(key) else { return false };
    let Ok(signature) = p256::ecdsa::Signature::from_der(signature) else { return false };
    key.verify_prehash(&digest.digest(message), &signature).is_ok()
}

/// ECDSA over P-384; `signature` in DER.
pub(crate) fn ecdsa_p384(key: &[u8], digest: HashAlgorithm, message: &[u8], signature: &[u8]) -> bool {
    let Ok(key) = p384::ecdsa::VerifyingKey::from_sec1_bytes(key) else { return false };
    let Ok(signature) = p384::ecdsa::Signature::from_der(signature) else { return false };
    key.verify_prehash(&digest.digest(message), &signature).is_ok()
}

/// RSA PKCS#1 v1.5.
fn rsa_pkcs1(key: &PublicKey, digest: HashAlgorithm, message: &[u8], signature: &[u8]) -> bool {
    let scheme = match digest {
        HashAlgorithm::Sha256 => rsa::Pkcs1v15Sign::new::<sha2::Sha256>(),
        HashAlgorithm::Sha384 => rsa::Pkcs1v15Sign::new::<sha2::Sha384>(),
        HashAlgorithm::Sha512 => rsa::Pkcs1v15Sign::new::<sha2::Sha512>(),
        HashAlgorithm::Sm3 => return false,
    };
    signature.len() == key.size() && key.verify(scheme, &digest.digest(message), signature).is_ok()
}

/// RSA PSS, MGF1 over the same digest.
fn rsa_pss(key: &PublicKey, digest: HashAlgorithm, salt: usize, message: &[u8], signature: &[u8]) -> bool {
    if signature.len() != key.size() || salt > key.size() {
        return false;
    }
    let hash = digest.digest(message);
    match digest {
        HashAlgorithm::Sha256 => key.verify(rsa::Pss::<sha2::Sha256>::new_with_salt(salt), &hash, signature),
        HashAlgorithm::Sha384 => key.verify(rsa::Pss::<sha2::Sha384>::new_with_salt(salt), &hash, signature),
        HashAlgorithm::Sha512 => key.verify(rsa::Pss::<sha2::Sha512>::new_with_salt(salt), &hash, signature),
        HashAlgorithm::Sm3 => return false,
    }
    .is_ok()
}

/// RSA from the PKCS#1 key; PSS with a salt as long as the digest, as certificates use it.
pub(crate) fn rsa(key: &[u8], digest: HashAlgorithm, pss: bool, message: &[u8], signature: &[u8]) -> bool {
    let Ok(key) = rsa_key(key) else { return false };
    if pss {
        rsa_pss(&key, digest, digest.len(), message, signature)
    } else {
        rsa_pkcs1(&key, digest, message, signature)
    }
}
