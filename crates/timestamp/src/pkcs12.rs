//! A signer out of a PKCS#12 file (RFC 7292), as `openssl pkcs12 -export` of OpenSSL 3 and today's Windows write it.
//!
//! Rules:
//! - Encrypted by PBES2 (RFC 8018), with a MAC over SHA-2. The older ways (RC2, 3DES, SHA-1) protect little and are
//!   refused; openssl turns them into these.
//! - One private key, its certificate, and the issuers up to the root, in whatever order they lie there.
//! - What a file asks for is bounded: [`MAX_FILE`], and [`MAX_ITERATIONS`] for all its parts together.

use der::{
    Any, Decode, Encode, Sequence,
    asn1::{ObjectIdentifier, OctetString},
};
use hmac::{Hmac, KeyInit, Mac};
use pkcs5::pbes2::{self, Kdf};
use sha2::{Digest, Sha256, Sha384, Sha512};
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;

use crate::{Error, Result, document::public_key};

const WHAT: &str = "PKCS#12 file";
/// Most bytes.
const MAX_FILE: usize = 1 << 20;
/// OpenSSL takes 2,048, careful people 600,000 for each of three parts.
const MAX_ITERATIONS: u32 = 2_000_000;

const fn oid(dotted: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(dotted)
}
const DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.1");
const ENCRYPTED_DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.6");
const KEY_BAG: ObjectIdentifier = oid("1.2.840.113549.1.12.10.1.1");
const SHROUDED_KEY_BAG: ObjectIdentifier = oid("1.2.840.113549.1.12.10.1.2");
const CERTIFICATE_BAG: ObjectIdentifier = oid("1.2.840.113549.1.12.10.1.3");
const SHA256: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.3");

#[derive(Sequence)]
struct Pfx {
    version: u8,
    content: cms::content_info::ContentInfo,
    mac: Option<MacData>,
}

#[derive(Sequence)]
struct MacData {
    digest: DigestInfo,
    salt: OctetString,
    #[asn1(default = "once")]
    iterations: u32,
}

#[derive(Sequence)]
struct DigestInfo {
    algorithm: AlgorithmIdentifierOwned,
    digest: OctetString,
}

#[derive(Sequence)]
struct EncryptedData {
    version: u8,
    content: EncryptedContent,
}

#[derive(Sequence)]
struct EncryptedContent {
    content_type: ObjectIdentifier,
    algorithm: AlgorithmIdentifierOwned,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    data: OctetString,
}

#[derive(Sequence)]
struct Bag {
    id: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    value: Any,
    /// Friendly name and key number: nothing is decided by them.
    attributes: Option<Any>,
}

#[derive(Sequence)]
struct ShroudedKey {
    algorithm: AlgorithmIdentifierOwned,
    data: OctetString,
}

#[derive(Sequence)]
struct CertificateBag {
    id: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    certificate: OctetString,
}

fn once() -> u32 {
    1
}

/// Whether these bytes begin as such a file does: a PFX, version 3.
pub fn is_pkcs12(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(12)];
    head.first() == Some(&0x30) && head.windows(3).any(|version| version == [2, 1, 3])
}

/// The PEM file that [`crate::DocumentSigner::from_pem`] reads: key, certificate, issuers up to the root.
///
/// # Errors
/// [`Error::OldEncryption`] and [`Error::NoIssuer`], which openssl can mend; [`Error::Structure`] for another password,
/// a damaged file, no key, several keys, no certificate of the key.
pub fn pkcs12_to_pem(bytes: &[u8], password: &str) -> Result<String> {
    if bytes.len() > MAX_FILE {
        return Err(refuse(format!("{} bytes, more than {MAX_FILE}", bytes.len())));
    }
    let pfx = Pfx::from_der(bytes).map_err(|e| refuse(format!("not a whole file in DER ({e})")))?;
    if pfx.version != 3 || pfx.content.content_type != DATA {
        return Err(refuse("not of version 3, protected by a password"));
    }
    let content: OctetString = decoded(&pfx.content.content)?;
    let mut safe = Safe { password, left: MAX_ITERATIONS, keys: Vec::new(), certificates: Vec::new() };
    safe.check_mac(pfx.mac.as_ref(), content.as_bytes())?;
    let parts = Vec::<cms::content_info::ContentInfo>::from_der(content.as_bytes()).map_err(refuse)?;
    for part in parts {
        match part.content_type {
            DATA => safe.take(decoded::<OctetString>(&part.content)?.as_bytes())?,
            ENCRYPTED_DATA => {
                let data: EncryptedData = decoded(&part.content)?;
                let plain = safe.decrypt(&data.content.algorithm, data.content.data.as_bytes())?;
                safe.take(&plain)?;
            }
            other => return Err(refuse(format!("a part of type {other}"))),
        }
    }
    safe.pem()
}

struct Safe<'a> {
    password: &'a str,
    /// Iterations.
    left: u32,
    /// As they lie there, encrypted or not.
    keys: Vec<Bag>,
    certificates: Vec<Certificate>,
}

impl Safe<'_> {
    fn take(&mut self, contents: &[u8]) -> Result<()> {
        for bag in Vec::<Bag>::from_der(contents).map_err(refuse)? {
            match bag.id {
                KEY_BAG | SHROUDED_KEY_BAG => self.keys.push(bag),
                CERTIFICATE_BAG => {
                    let inside: CertificateBag = decoded(&bag.value)?;
                    let certificate = Certificate::from_der(inside.certificate.as_bytes()).map_err(refuse)?;
                    if !self.certificates.contains(&certificate) {
                        self.certificates.push(certificate);
                    }
                }
                // Revocation lists, secrets: not a signer's.
                _ => {}
            }
        }
        Ok(())
    }

    /// RFC 7292, 5.1: the whole is the password holder's.
    fn check_mac(&mut self, mac: Option<&MacData>, content: &[u8]) -> Result<()> {
        let mac = mac.ok_or_else(|| refuse("no MAC: nobody vouches for it"))?;
        // The block lengths of the digests.
        let right = match mac.digest.algorithm.oid {
            SHA256 => self.mac::<Hmac<Sha256>, Sha256>(mac, 64, content)?,
            SHA384 => self.mac::<Hmac<Sha384>, Sha384>(mac, 128, content)?,
            SHA512 => self.mac::<Hmac<Sha512>, Sha512>(mac, 128, content)?,
            other => return Err(Error::OldEncryption { found: format!("MAC {other}") }),
        };
        if right { Ok(()) } else { Err(refuse("the password does not open it, or the file is damaged")) }
    }

    fn mac<M: Mac + KeyInit, H: Digest>(&mut self, mac: &MacData, block: usize, content: &[u8]) -> Result<bool> {
        self.spend(mac.iterations)?;
        // RFC 7292, B.2, for a key as long as the digest: one round. The password is BMP with a zero at the end.
        let password: Vec<u8> = self.password.encode_utf16().chain([0]).flat_map(u16::to_be_bytes).collect();
        let filled = |part: &[u8]| -> Vec<u8> {
            part.iter().copied().cycle().take(part.len().div_ceil(block) * block).collect()
        };
        let begun = [vec![3; block], filled(mac.salt.as_bytes()), filled(&password)].concat();
        let mut key = H::digest(begun);
        for _ in 1..mac.iterations {
            key = H::digest(key);
        }
        let mut made = <M as KeyInit>::new_from_slice(&key).map_err(refuse)?;
        made.update(content);
        Ok(made.verify_slice(mac.digest.digest.as_bytes()).is_ok())
    }

    fn decrypt(&mut self, algorithm: &AlgorithmIdentifierOwned, data: &[u8]) -> Result<Vec<u8>> {
        if algorithm.oid != pbes2::PBES2_OID {
            return Err(Error::OldEncryption { found: algorithm.oid.to_string() });
        }
        let scheme = algorithm.to_der().and_then(|der| pkcs5::EncryptionScheme::from_der(&der)).map_err(refuse)?;
        match scheme.pbes2().map(|parameters| &parameters.kdf) {
            Some(Kdf::Pbkdf2(kdf)) => self.spend(kdf.iteration_count)?,
            _ => return Err(refuse("a key derivation that is not PBKDF2")),
        }
        scheme.decrypt(self.password, data).map_err(|e| match e {
            pkcs5::Error::UnsupportedAlgorithm { oid } => Error::OldEncryption { found: oid.to_string() },
            e => refuse(e),
        })
    }

    fn spend(&mut self, iterations: u32) -> Result<()> {
        let refusal = || refuse(format!("{iterations} iterations; all its parts may take {MAX_ITERATIONS}"));
        self.left = self.left.checked_sub(iterations).ok_or_else(refusal)?;
        Ok(())
    }

    /// The one key, its certificate, and each issuer.
    fn pem(mut self) -> Result<String> {
        let key = match std::mem::take(&mut self.keys).as_slice() {
            [] => return Err(refuse("no private key")),
            [bag] if bag.id == KEY_BAG => bag.value.to_der().map_err(refuse)?,
            [bag] => {
                let shrouded: ShroudedKey = decoded(&bag.value)?;
                self.decrypt(&shrouded.algorithm, shrouded.data.as_bytes())?
            }
            keys => return Err(refuse(format!("{} private keys; export one alone", keys.len()))),
        };
        let public = public_key(&key)?;
        let of_key =
            |c: &&Certificate| c.tbs_certificate().subject_public_key_info().to_der().is_ok_and(|der| der == public);
        let own: Vec<_> = self.certificates.iter().filter(of_key).collect();
        let [own] = own.as_slice() else {
            return Err(refuse(format!("{} certificates of the private key, instead of one", own.len())));
        };
        let mut chain = vec![*own];
        while let Some(last) = chain.last().map(|c| c.tbs_certificate()).filter(|c| c.issuer() != c.subject()) {
            let issuer = last.issuer();
            let next = self.certificates.iter().find(|c| c.tbs_certificate().subject() == issuer && !chain.contains(c));
            chain.push(next.ok_or_else(|| Error::NoIssuer { issuer: issuer.to_string() })?);
        }
        let mut pem = encode("PRIVATE KEY", &key)?;
        for certificate in chain {
            pem += &encode("CERTIFICATE", &certificate.to_der().map_err(refuse)?)?;
        }
        Ok(pem)
    }
}

fn decoded<T: for<'a> Decode<'a, Error = der::Error>>(value: &Any) -> Result<T> {
    value.to_der().and_then(|der| T::from_der(&der)).map_err(refuse)
}

fn encode(label: &'static str, der: &[u8]) -> Result<String> {
    der::pem::encode_string(label, der::pem::LineEnding::LF, der).map_err(refuse)
}

fn refuse(reason: impl ToString) -> Error {
    Error::structure(WHAT, reason)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_with_two_keys_is_nobody_s() {
        let openssl = testkit::tsa::Openssl::new();
        let how =
            "pkcs12 -export -in good.pem -inkey good.key -keypbe NONE -certpbe NONE -nomac -passout pass: -out a.p12";
        openssl.run(how, &[]);
        let pfx = Pfx::from_der(&std::fs::read(openssl.dir().join("a.p12")).unwrap()).unwrap();
        let content: OctetString = decoded(&pfx.content.content).unwrap();
        let parts = Vec::<cms::content_info::ContentInfo>::from_der(content.as_bytes()).unwrap();
        let mut safe = Safe { password: "", left: MAX_ITERATIONS, keys: Vec::new(), certificates: Vec::new() };
        // No tool at hand makes one: the same parts are taken twice.
        for part in parts.iter().chain(&parts) {
            safe.take(decoded::<OctetString>(&part.content).unwrap().as_bytes()).unwrap();
        }
        assert_eq!(safe.certificates.len(), 1);
        assert!(safe.pem().unwrap_err().to_string().contains("2 private keys"));
    }
}
