//! Signatures over documents (CMS with a time-stamp) written by hand, so that a vector can break any one rule.

use super::{
    der::*,
    stamp::{Authority, Scheme, signed},
};
use evidence::{time::Utc, token::unwrap_tsr};

const TIME_STAMP_TOKEN: &str = "1.2.840.113549.1.9.16.2.14";
/// Seed of the signer that the reader trusts.
const SIGNER: u8 = 70;
const CALLED: &str = "Example Signer";

/// A signer of documents: the same shape as an authority, with another key usage and no purpose.
pub fn signer() -> Authority {
    signer_with(|_| ())
}

/// The same root, and another certificate below it.
pub fn signer_with(change: impl FnOnce(&mut Cert)) -> Authority {
    made(CALLED, SIGNER, change)
}

/// Somebody of whom the reader knows nothing.
pub fn stranger() -> Authority {
    made("Another Signer", SIGNER + 4, |_| ())
}

fn made(called: &str, seed: u8, change: impl FnOnce(&mut Cert)) -> Authority {
    Authority::with(called, seed, |cert| {
        cert.usage = Some(0xc0);
        cert.purposes = None;
        change(cert);
    })
}

/// The same root, an authority between, and its certificate.
pub fn signer_below() -> (Authority, Cert) {
    let mut this = signer();
    let between = Cert::root("Between", u64::from(SIGNER) * 16 + 8, Key::p256(SIGNER + 8));
    this.others = vec![between.signed_by(&this.root)];
    this.signer_der = this.signer.signed_by(&between);
    this.issuer = between.subject.clone();
    (this, between)
}

/// A signature to be made.
pub struct Cms {
    pub key: Key,
    pub issuer: String,
    pub serial: u64,
    pub certificates: Vec<Vec<u8>>,
    /// The certificate that ESSCertIDv2 names.
    pub bound: Vec<u8>,
    /// ESSCertID, over SHA-1, instead.
    pub sha1: bool,
    /// Instead of the digest of the content.
    pub message_digest: Option<Vec<u8>>,
    /// DER of more signed attributes.
    pub attributes: Vec<Vec<u8>>,
    /// DER of more unsigned attributes.
    pub unsigned: Vec<Vec<u8>>,
    /// With its time-stamp, over the signature or over this.
    pub stamped: bool,
    pub stamped_bytes: Option<Vec<u8>>,
    /// The signer is named by its key.
    pub by_key: bool,
    /// A second SignerInfo, without a time-stamp.
    pub twice: bool,
}

pub fn attribute(id: &str, value: &[u8]) -> Vec<u8> {
    seq(&[&oid(id), &tlv(0x31, &[value])])
}

impl Cms {
    pub fn by(who: &Authority) -> Self {
        Self {
            key: who.signer.key.clone(),
            issuer: who.issuer.clone(),
            serial: who.signer.serial,
            certificates: [vec![who.signer_der.clone()], who.others.clone()].concat(),
            bound: who.signer_der.clone(),
            sha1: false,
            message_digest: None,
            attributes: Vec::new(),
            unsigned: Vec::new(),
            stamped: true,
            stamped_bytes: None,
            by_key: false,
            twice: false,
        }
    }

    /// ContentInfo over `content`, stamped by `tsa`.
    pub fn der(&self, content: &[u8], tsa: &Authority, at: Utc) -> Vec<u8> {
        let issuer_serial = seq(&[&seq(&[&tlv(0xa4, &[&name(&self.issuer)])]), &int(self.serial)]);
        let ess = |hash: &[u8]| seq(&[&seq(&[&seq(&[&octets(hash), &issuer_serial])])]);
        let digest = self.message_digest.clone().unwrap_or_else(|| hash(SHA256, content));
        let mut attributes = vec![
            attribute("1.2.840.113549.1.9.3", &oid(DATA)),
            attribute("1.2.840.113549.1.9.4", &octets(&digest)),
            match self.sha1 {
                true => attribute("1.2.840.113549.1.9.16.2.12", &ess(&hash(SHA1, &self.bound))),
                false => attribute("1.2.840.113549.1.9.16.2.47", &ess(&hash(SHA256, &self.bound))),
            },
        ];
        attributes.extend(self.attributes.iter().cloned());
        let attributes = set(&attributes);
        let (algorithm, signature) = signed(&self.key, Scheme::Pkcs1, &attributes);
        let mut inside = attributes;
        inside[0] = 0xa0;
        let info = |unsigned: &[Vec<u8>]| {
            let mut unsigned = if unsigned.is_empty() { Vec::new() } else { set(unsigned) };
            unsigned.iter_mut().take(1).for_each(|tag| *tag = 0xa1);
            let sid = match self.by_key {
                true => tlv(0x80, &[&self.key.id()]),
                false => seq(&[&name(&self.issuer), &int(self.serial)]),
            };
            let digest = seq(&[&oid(SHA256)]);
            seq(&[&int(1), &sid, &digest, &inside, &algorithm, &octets(&signature), &unsigned])
        };
        let mut unsigned = self.unsigned.clone();
        if self.stamped {
            let over = self.stamped_bytes.as_ref().unwrap_or(&signature);
            unsigned.push(attribute(TIME_STAMP_TOKEN, &unwrap_tsr(&tsa.stamp(over, at)).unwrap()));
        }
        let mut infos = vec![info(&unsigned)];
        if self.twice {
            infos.push(info(&[]));
        }
        let mut certificates = self.certificates.clone();
        certificates.sort();
        let data = seq(&[
            &int(1),
            &set(&[seq(&[&oid(SHA256)])]),
            &seq(&[&oid(DATA)]),
            &tlv(0xa0, &certificates.iter().map(Vec::as_slice).collect::<Vec<_>>()),
            &set(&infos),
        ]);
        seq(&[&oid("1.2.840.113549.1.7.2"), &tlv(0xa0, &[&data])])
    }
}
