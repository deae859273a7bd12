//! Tokens written by hand, so that a vector can break any one rule of them.

use super::der::*;
use evidence::{digest, time::Utc};
use rsa::signature::{RandomizedSigner, SignatureEncoding};
use sha2::Sha256;

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

    fn sign(&self, message: &[u8]) -> (Vec<u8>, Vec<u8>) {
        signed(&self.key, self.scheme, message)
    }
}

/// The algorithm identifier and the signature.
pub(super) fn signed(key: &Key, scheme: Scheme, message: &[u8]) -> (Vec<u8>, Vec<u8>) {
    match (key, scheme) {
        (Key::P256(_), _) => (seq(&[&oid(ECDSA_SHA256)]), key.ecdsa(message)),
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
