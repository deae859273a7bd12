//! DER written by hand, so that a vector can break any one rule: certificates, tokens, `.tsr`.
//!
//! Everything is a function of its arguments: fixed keys, serials and times give the same bytes again.

use evidence::{digest, time::Utc};
use p256::ecdsa::{DerSignature, SigningKey, signature::Signer as _};
use rsa::{
    PrivateKey, pkcs1::EncodeRsaPublicKey, pkcs8::DecodePrivateKey, rand_core, signature::RandomizedSigner,
    signature::SignatureEncoding,
};
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
const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";

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

fn null() -> Vec<u8> {
    vec![5, 0]
}

/// `CN=name`.
pub fn name(common: &str) -> Vec<u8> {
    seq(&[&set(&[seq(&[&oid("2.5.4.3"), &tlv(0x0c, &[common.as_bytes()])])])])
}

fn hash(algorithm: &str, bytes: &[u8]) -> Vec<u8> {
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

    fn id(&self) -> Vec<u8> {
        Sha1::digest(self.bits()).to_vec()
    }

    /// ECDSA with SHA-256.
    fn ecdsa(&self, message: &[u8]) -> Vec<u8> {
        let Self::P256(key) = self else { panic!("an ECDSA key") };
        let signature: DerSignature = key.sign(message);
        signature.as_bytes().to_vec()
    }
}

/// Bytes that are not random, for the salt of PSS.
struct Counter(u8);

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
        let extensions = tlv(0xa3, &[&seq(&[&extensions.concat()])]);
        let time = |at: Utc| {
            let text = at.to_generalized();
            if text.as_str() < "2050" { tlv(0x17, &[&text.as_bytes()[2..]]) } else { tlv(0x18, &[text.as_bytes()]) }
        };
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

/// PEM, LF, 64 columns.
pub fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|l| std::str::from_utf8(l).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

/// A time-stamping authority: its root, its signer, and what goes into its tokens.
#[derive(Clone)]
pub struct Authority {
    pub root: Cert,
    pub signer: Cert,
    /// DER of the signer's certificate.
    pub signer_der: Vec<u8>,
    /// Subject of the signer's issuer.
    pub issuer: String,
    /// DER of other certificates that its tokens carry.
    pub others: Vec<Vec<u8>>,
}

impl Authority {
    pub fn new(called: &str, seed: u8) -> Self {
        Self::with(called, seed, |_| ())
    }

    /// With another signer's certificate.
    pub fn with(called: &str, seed: u8, change: impl FnOnce(&mut Cert)) -> Self {
        let root = Cert::root(&format!("{called} root"), u64::from(seed) * 16 + 1, Key::p256(seed));
        let mut signer = Cert::signer(called, u64::from(seed) * 16 + 2, Key::p256(seed + 1));
        change(&mut signer);
        let signer_der = signer.signed_by(&root);
        Self { issuer: root.subject.clone(), root, signer, signer_der, others: Vec::new() }
    }

    /// With certificates between root and signer, the one below the root first.
    pub fn under(called: &str, seed: u8, root: impl FnOnce(&mut Cert), between: &[Cert]) -> Self {
        let mut this = Self::new(called, seed);
        root(&mut this.root);
        let mut issuer = this.root.clone();
        for ca in between {
            this.others.push(ca.signed_by(&issuer));
            issuer = ca.clone();
        }
        this.signer_der = this.signer.signed_by(&issuer);
        this.issuer = issuer.subject;
        this
    }

    pub fn root_der(&self) -> Vec<u8> {
        self.root.signed_by(&self.root)
    }

    pub fn root_pem(&self) -> String {
        pem(&self.root_der())
    }

    /// The `.tsr` over `data`.
    pub fn stamp(&self, data: &[u8], at: Utc) -> Vec<u8> {
        self.stamp_as(data, at, |_| ())
    }

    /// The same, with something changed before it is signed.
    pub fn stamp_as(&self, data: &[u8], at: Utc, change: impl FnOnce(&mut Stamp)) -> Vec<u8> {
        let mut stamp = Stamp {
            gen_time: at.to_generalized(),
            accuracy: Some(seq(&[&int(1)])),
            imprint: SHA256,
            hashed: None,
            digest: SHA256,
            outer_digests: None,
            scheme: if matches!(self.signer.key, Key::Rsa(_)) { Scheme::Pkcs1 } else { Scheme::Ecdsa },
            key: self.signer.key.clone(),
            binding: Binding::V2,
            bound: self.signer_der.clone(),
            certificates: [vec![self.signer_der.clone()], self.others.clone()].concat(),
            issuer: self.issuer.clone(),
            serial: self.signer.serial,
            signed_version: 3,
            tst_version: 1,
            signer_version: 1,
            content_type: TST_INFO,
            message_digest: None,
            ordering: None,
            extensions: Vec::new(),
            unsigned: Vec::new(),
            algorithm: None,
            signers: 1,
            bound_serial: self.signer.serial,
            shuffled: false,
            unsorted: false,
            attributes: Vec::new(),
        };
        change(&mut stamp);
        stamp.tsr(data)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Ecdsa,
    Pkcs1,
    Pss,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    V2,
    /// With DER's default digest spelled out.
    V2Spelled,
    /// Over SHA-1.
    V1,
    Both,
    /// The older one names nothing that there is.
    BothButOne,
    None,
}

/// A token to be made.
pub struct Stamp {
    pub gen_time: String,
    /// DER of Accuracy.
    pub accuracy: Option<Vec<u8>>,
    pub imprint: &'static str,
    /// Instead of the digest of the data.
    pub hashed: Option<Vec<u8>>,
    pub digest: &'static str,
    pub outer_digests: Option<Vec<&'static str>>,
    pub scheme: Scheme,
    pub key: Key,
    pub binding: Binding,
    /// The certificate that the binding attribute names.
    pub bound: Vec<u8>,
    pub certificates: Vec<Vec<u8>>,
    pub issuer: String,
    pub serial: u64,
    pub signed_version: u64,
    pub tst_version: u64,
    pub signer_version: u64,
    pub content_type: &'static str,
    pub message_digest: Option<Vec<u8>>,
    pub ordering: Option<u8>,
    /// DER of TSTInfo's extensions.
    pub extensions: Vec<u8>,
    /// DER of unsigned attributes.
    pub unsigned: Vec<u8>,
    /// Instead of the scheme's own signature algorithm.
    pub algorithm: Option<Vec<u8>>,
    pub signers: usize,
    /// Serial number in the binding attribute.
    pub bound_serial: u64,
    /// Signed attributes in another order than they are signed in.
    pub shuffled: bool,
    /// Certificates in the order given.
    pub unsorted: bool,
    /// DER of more signed attributes.
    pub attributes: Vec<Vec<u8>>,
}

impl Stamp {
    fn tsr(&self, data: &[u8]) -> Vec<u8> {
        seq(&[&seq(&[&int(0)]), &self.token(data)])
    }

    fn token(&self, data: &[u8]) -> Vec<u8> {
        let hashed = self.hashed.clone().unwrap_or_else(|| hash(self.imprint, data));
        // Unlike any other token's, and the same again.
        let serial = digest::sha256(&[data, self.gen_time.as_bytes(), self.imprint.as_bytes()].concat());
        let serial = int(u64::from_be_bytes(serial[..8].try_into().unwrap()) >> 1);
        let extensions = if self.extensions.is_empty() { Vec::new() } else { tlv(0xa1, &[&self.extensions]) };
        let info = seq(&[
            &int(self.tst_version),
            &oid("2.25.1"),
            &seq(&[&seq(&[&oid(self.imprint)]), &octets(&hashed)]),
            &serial,
            &tlv(0x18, &[self.gen_time.as_bytes()]),
            self.accuracy.as_deref().unwrap_or_default(),
            &self.ordering.map(|o| vec![1, 1, o]).unwrap_or_default(),
            &extensions,
        ]);
        let digests: Vec<Vec<u8>> = match &self.outer_digests {
            Some(given) => given.iter().map(|d| seq(&[&oid(d)])).collect(),
            None => vec![seq(&[&oid(self.digest)])],
        };
        let signer = self.signer_info(&info);
        let mut certificates = self.certificates.clone();
        if !self.unsorted {
            certificates.sort();
        }
        let signed = seq(&[
            &int(self.signed_version),
            &set(&digests),
            &seq(&[&oid(self.content_type), &tlv(0xa0, &[&octets(&info)])]),
            &tlv(0xa0, &certificates.iter().map(Vec::as_slice).collect::<Vec<_>>()),
            &tlv(0x31, &vec![signer.as_slice(); self.signers]),
        ]);
        seq(&[&oid("1.2.840.113549.1.7.2"), &tlv(0xa0, &[&signed])])
    }

    fn signer_info(&self, info: &[u8]) -> Vec<u8> {
        let attribute = |id: &str, value: &[u8]| seq(&[&oid(id), &tlv(0x31, &[value])]);
        let digest = self.message_digest.clone().unwrap_or_else(|| hash(self.digest, info));
        let issuer_serial = seq(&[&seq(&[&tlv(0xa4, &[&name(&self.issuer)])]), &int(self.bound_serial)]);
        let mut attributes = vec![
            attribute("1.2.840.113549.1.9.3", &oid(self.content_type)),
            attribute("1.2.840.113549.1.9.4", &octets(&digest)),
        ];
        let ess = |hash: &[u8]| seq(&[&seq(&[&seq(&[&octets(hash), &issuer_serial])])]);
        let (v2, v1) = (ess(&hash(SHA256, &self.bound)), ess(&hash(SHA1, &self.bound)));
        let spelled = seq(&[&oid(SHA256)]);
        let spelled = seq(&[&seq(&[&seq(&[&spelled, &octets(&hash(SHA256, &self.bound)), &issuer_serial])])]);
        let v2 = if self.binding == Binding::V2Spelled { spelled } else { v2 };
        let v1 = if self.binding == Binding::BothButOne { ess(&[7; 20]) } else { v1 };
        if !matches!(self.binding, Binding::V1 | Binding::None) {
            attributes.push(attribute("1.2.840.113549.1.9.16.2.47", &v2));
        }
        if !matches!(self.binding, Binding::V2 | Binding::V2Spelled | Binding::None) {
            attributes.push(attribute("1.2.840.113549.1.9.16.2.12", &v1));
        }
        attributes.extend(self.attributes.iter().cloned());
        let list = attributes;
        let attributes = set(&list);
        let (own, signature) = self.sign(&attributes);
        let mut inside = attributes;
        if self.shuffled {
            let mut each = list.clone();
            each.sort();
            each.reverse();
            inside = tlv(0x31, &each.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
        inside[0] = 0xa0;
        let unsigned = if self.unsigned.is_empty() { Vec::new() } else { tlv(0xa1, &[&self.unsigned]) };
        seq(&[
            &int(self.signer_version),
            &seq(&[&name(&self.issuer), &int(self.serial)]),
            &seq(&[&oid(self.digest)]),
            &inside,
            &self.algorithm.clone().unwrap_or(own),
            &octets(&signature),
            &unsigned,
        ])
    }

    /// The algorithm identifier and the signature.
    fn sign(&self, message: &[u8]) -> (Vec<u8>, Vec<u8>) {
        match (&self.key, self.scheme) {
            (Key::P256(_), _) => (seq(&[&oid(ECDSA_SHA256)]), self.key.ecdsa(message)),
            (Key::Rsa(key), Scheme::Pss) => {
                let signing = rsa::pss::SigningKey::<Sha256>::new_with_salt_len(key.as_ref().clone(), 32);
                let signature = signing.sign_with_rng(&mut Counter(0), message).to_vec();
                let sha = seq(&[&oid(SHA256)]);
                let mask = seq(&[&oid("1.2.840.113549.1.1.8"), &sha]);
                let parameters = seq(&[&tlv(0xa0, &[&sha]), &tlv(0xa1, &[&mask]), &tlv(0xa2, &[&int(32)])]);
                (seq(&[&oid("1.2.840.113549.1.1.10"), &parameters]), signature)
            }
            (Key::Rsa(key), _) => {
                let signing = rsa::pkcs1v15::SigningKey::<Sha256>::new(key.as_ref().clone());
                let signature = rsa::signature::Signer::sign(&signing, message).to_vec();
                (seq(&[&oid("1.2.840.113549.1.1.11"), &null()]), signature)
            }
        }
    }
}
