//! DER written by hand, so that a vector can break any one rule: elements, keys, certificates.
//!
//! Everything is a function of its arguments: fixed keys, serials and times give the same bytes again.

use evidence::{digest, time::Utc};
use p256::ecdsa::{DerSignature, SigningKey, signature::Signer as _};
use rsa::{PrivateKey, pkcs1::EncodeRsaPublicKey, pkcs8::DecodePrivateKey, rand_core};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

pub const SHA256: &str = "2.16.840.1.101.3.4.2.1";
pub const SHA384: &str = "2.16.840.1.101.3.4.2.2";
pub const SHA512: &str = "2.16.840.1.101.3.4.2.3";
pub const SHA1: &str = "1.3.14.3.2.26";
pub const SM3: &str = "1.2.156.10197.1.401";
pub const TST_INFO: &str = "1.2.840.113549.1.9.16.1.4";
pub const DATA: &str = "1.2.840.113549.1.7.1";
pub const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";
pub const EMAIL: &str = "1.3.6.1.5.5.7.3.4";
pub const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";

/// One element: tag, shortest length, the parts one after the other.
pub fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let mut out = vec![tag];
    match body.len() {
        n @ 0..0x80 => out.push(n as u8),
        n @ 0x80..0x100 => out.extend([0x81, n as u8]),
        n => out.extend([0x82, (n >> 8) as u8, n as u8]),
    }
    out.extend(body);
    out
}

pub fn seq(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, parts)
}

/// SET OF, ascending.
pub fn set(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut sorted = parts.to_vec();
    sorted.sort();
    tlv(0x31, &sorted.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

pub fn oid(dotted: &str) -> Vec<u8> {
    let arcs: Vec<u64> = dotted.split('.').map(|a| a.parse().unwrap()).collect();
    let mut body = vec![(arcs[0] * 40 + arcs[1]) as u8];
    for arc in &arcs[2..] {
        let groups = (64 - arc.leading_zeros()).div_ceil(7).max(1);
        body.extend((0..groups).rev().map(|g| (arc >> (7 * g)) as u8 & 0x7f | if g > 0 { 0x80 } else { 0 }));
    }
    tlv(6, &[&body])
}

/// A non-negative INTEGER.
pub fn int(n: u64) -> Vec<u8> {
    let bytes = n.to_be_bytes();
    let skip = bytes.iter().take_while(|b| **b == 0).count().min(7);
    let lead: &[u8] = if bytes[skip] >= 0x80 { &[0] } else { &[] };
    tlv(2, &[lead, &bytes[skip..]])
}

pub fn octets(bytes: &[u8]) -> Vec<u8> {
    tlv(4, &[bytes])
}

pub(super) fn null() -> Vec<u8> {
    vec![5, 0]
}

/// `CN=name`.
pub fn name(common: &str) -> Vec<u8> {
    seq(&[&set(&[seq(&[&oid("2.5.4.3"), &tlv(0x0c, &[common.as_bytes()])])])])
}

pub(super) fn hash(algorithm: &str, bytes: &[u8]) -> Vec<u8> {
    match algorithm {
        SHA256 => Sha256::digest(bytes).to_vec(),
        SHA384 => Sha384::digest(bytes).to_vec(),
        SHA512 => Sha512::digest(bytes).to_vec(),
        SHA1 => Sha1::digest(bytes).to_vec(),
        SM3 => digest::sm3(bytes).to_vec(),
        other => panic!("digest {other}"),
    }
}

/// A signing key.
#[derive(Clone)]
pub enum Key {
    P256(Box<SigningKey>),
    Rsa(Box<PrivateKey>),
}

impl Key {
    pub fn p256(seed: u8) -> Self {
        Self::P256(Box::new(SigningKey::from_slice(&[seed; 32]).unwrap()))
    }

    /// The one RSA key of the vectors (a test key, for nothing else).
    pub fn rsa() -> Self {
        Self::Rsa(Box::new(PrivateKey::from_pkcs8_pem(include_str!("rsa-2048.pem")).unwrap()))
    }

    fn bits(&self) -> Vec<u8> {
        match self {
            Self::P256(key) => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            Self::Rsa(key) => key.to_public_key().to_pkcs1_der().unwrap().as_bytes().to_vec(),
        }
    }

    fn spki(&self) -> Vec<u8> {
        let algorithm = match self {
            Self::P256(_) => seq(&[&oid("1.2.840.10045.2.1"), &oid("1.2.840.10045.3.1.7")]),
            Self::Rsa(_) => seq(&[&oid("1.2.840.113549.1.1.1"), &null()]),
        };
        seq(&[&algorithm, &tlv(3, &[&[0], &self.bits()])])
    }

    pub(super) fn id(&self) -> Vec<u8> {
        Sha1::digest(self.bits()).to_vec()
    }

    /// ECDSA with SHA-256.
    pub(super) fn ecdsa(&self, message: &[u8]) -> Vec<u8> {
        let Self::P256(key) = self else { panic!("an ECDSA key") };
        let signature: DerSignature = key.sign(message);
        signature.as_bytes().to_vec()
    }
}

/// Bytes that are not random, for the salt of PSS.
pub(super) struct Counter(pub u8);

impl rand_core::TryRng for Counter {
    type Error = core::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.0 = self.0.wrapping_add(1);
        Ok(u32::from_le_bytes([self.0; 4]))
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.0 = self.0.wrapping_add(1);
        Ok(u64::from_le_bytes([self.0; 8]))
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        for byte in out {
            self.0 = self.0.wrapping_add(1);
            *byte = self.0;
        }
        Ok(())
    }
}
impl rand_core::TryCryptoRng for Counter {}

/// A certificate to be made.
#[derive(Clone)]
pub struct Cert {
    pub subject: String,
    pub serial: u64,
    pub key: Key,
    pub from: Utc,
    pub until: Utc,
    /// Basic constraints of a CA: its path length.
    pub ca: Option<Option<u8>>,
    /// First octet of KeyUsage.
    pub usage: Option<u8>,
    /// Purposes, and whether they are critical.
    pub purposes: Option<(bool, Vec<&'static str>)>,
    /// Instead of the key's own SubjectPublicKeyInfo.
    pub spki: Option<Vec<u8>>,
    /// The key that certificates issued by this one name, if not its own.
    pub named_key: Option<Key>,
    /// dNSNames of the subjectAltName.
    pub names: Vec<&'static str>,
}

pub const DIGITAL_SIGNATURE: u8 = 0x80;
pub const KEY_ENCIPHERMENT: u8 = 0x20;
pub const CERT_AND_CRL_SIGN: u8 = 0x06;
pub const CRL_SIGN: u8 = 0x02;

impl Cert {
    pub fn root(subject: &str, serial: u64, key: Key) -> Self {
        let (from, until) = (Utc(1_704_067_200_000_000), Utc(7_258_118_400_000_000)); // 2024 to 2200
        let usage = Some(CERT_AND_CRL_SIGN);
        Self {
            subject: subject.into(),
            serial,
            key,
            from,
            until,
            ca: Some(None),
            usage,
            purposes: None,
            spki: None,
            named_key: None,
            names: Vec::new(),
        }
    }

    pub fn signer(subject: &str, serial: u64, key: Key) -> Self {
        Self {
            ca: None,
            usage: Some(DIGITAL_SIGNATURE),
            purposes: Some((true, vec![TIME_STAMPING])),
            ..Self::root(subject, serial, key)
        }
    }

    /// DER, signed by `issuer`.
    pub fn signed_by(&self, issuer: &Self) -> Vec<u8> {
        let algorithm = seq(&[&oid(ECDSA_SHA256)]);
        let extension = |id: &str, critical: bool, value: &[u8]| {
            let critical: &[u8] = if critical { &[1, 1, 0xff] } else { &[] };
            seq(&[&oid(id), critical, &octets(value)])
        };
        let mut extensions = vec![extension("2.5.29.14", false, &octets(&self.key.id()))];
        if issuer.subject != self.subject {
            extensions.push(extension(
                "2.5.29.35",
                false,
                &seq(&[&tlv(0x80, &[&issuer.named_key.as_ref().unwrap_or(&issuer.key).id()])]),
            ));
        }
        if let Some(length) = self.ca {
            let length = length.map(|n| int(n.into())).unwrap_or_default();
            extensions.push(extension("2.5.29.19", true, &seq(&[&[1, 1, 0xff], &length])));
        }
        if let Some(usage) = self.usage {
            let unused = usage.trailing_zeros() as u8;
            extensions.push(extension("2.5.29.15", true, &tlv(3, &[&[unused, usage]])));
        }
        if let Some((critical, purposes)) = &self.purposes {
            let purposes: Vec<u8> = purposes.iter().flat_map(|p| oid(p)).collect();
            extensions.push(extension("2.5.29.37", *critical, &seq(&[&purposes])));
        }
        if !self.names.is_empty() {
            let names: Vec<u8> = self.names.iter().flat_map(|n| tlv(0x82, &[n.as_bytes()])).collect();
            extensions.push(extension("2.5.29.17", false, &seq(&[&names])));
        }
        let extensions = tlv(0xa3, &[&seq(&[&extensions.concat()])]);
        let tbs = seq(&[
            &tlv(0xa0, &[&int(2)]),
            &int(self.serial),
            &algorithm,
            &name(&issuer.subject),
            &seq(&[&time(self.from), &time(self.until)]),
            &name(&self.subject),
            &self.spki.clone().unwrap_or_else(|| self.key.spki()),
            &extensions,
        ]);
        let signature = issuer.key.ecdsa(&tbs);
        seq(&[&tbs, &algorithm, &tlv(3, &[&[0], &signature])])
    }
}

/// Time of certificates and revocation lists.
fn time(at: Utc) -> Vec<u8> {
    let text = at.to_generalized();
    if text.as_str() < "2050" { tlv(0x17, &[&text.as_bytes()[2..]]) } else { tlv(0x18, &[text.as_bytes()]) }
}

/// A revocation list of `issuer`, signed with `key`: serials, each revoked when the list begins.
pub fn crl(issuer: &Cert, key: &Key, from: Utc, until: Utc, revoked: &[u64]) -> Vec<u8> {
    let algorithm = seq(&[&oid(ECDSA_SHA256)]);
    let revoked: Vec<u8> = revoked.iter().flat_map(|serial| seq(&[&int(*serial), &time(from)])).collect();
    let revoked = if revoked.is_empty() { Vec::new() } else { seq(&[&revoked]) };
    let extension = |id: &str, value: &[u8]| seq(&[&oid(id), &octets(value)]);
    let extensions =
        seq(&[&extension("2.5.29.35", &seq(&[&tlv(0x80, &[&issuer.key.id()])])), &extension("2.5.29.20", &int(1))]);
    let tbs = seq(&[
        &int(1),
        &algorithm,
        &name(&issuer.subject),
        &time(from),
        &time(until),
        &revoked,
        &tlv(0xa0, &[&extensions]),
    ]);
    let signature = key.ecdsa(&tbs);
    seq(&[&tbs, &algorithm, &tlv(3, &[&[0], &signature])])
}

/// PEM, LF, 64 columns.
pub fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|l| std::str::from_utf8(l).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
