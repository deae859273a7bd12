//! One token: what was asked, what is answered, or why it is refused (RFC 3161, 2.4).

use crate::{
    Error, Result,
    authority::POLICY,
    cms::{self, Signer},
};
use der::{
    Any, Encode, Tag,
    asn1::{BitString, Int, OctetString},
};
use evidence::{
    digest::sha256,
    time::Utc,
    token::asn1::{Accuracy, MessageImprint, PkiStatusInfo, PolicyId, TimeStampReq, TimeStampResp, TstInfo, oid},
};
use sha2::{Digest, Sha512};
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::pkix::name::GeneralName;

/// What is to be stamped.
pub(crate) struct Wish {
    imprint: MessageImprint,
    nonce: Option<Int>,
    with_certificate: bool,
}

impl Wish {
    /// An imprint of `data`, certificate inside.
    pub(crate) fn over(data: &[u8], with: Imprint) -> Result<Self> {
        Ok(Self { imprint: imprint(data, with)?, nonce: None, with_certificate: true })
    }

    /// What a client asked, if this authority can answer it.
    pub(crate) fn from_request(request: &TimeStampReq) -> std::result::Result<Self, Refusal> {
        let imprint = &request.message_imprint;
        let length = match imprint.hash_algorithm.oid {
            oid::SHA256 | oid::SM3 => 32,
            oid::SHA384 => 48,
            oid::SHA512 => 64,
            _ => return Err(Refusal::BAD_ALG),
        };
        let parameters = imprint.hash_algorithm.parameters.as_ref();
        if parameters.is_some_and(|p| !p.is_null()) {
            return Err(Refusal::BAD_ALG);
        }
        if request.version != 1 {
            return Err(Refusal::BAD_REQUEST);
        }
        if imprint.hashed_message.as_bytes().len() != length {
            return Err(Refusal::BAD_DATA_FORMAT);
        }
        if request.policy.as_ref().is_some_and(|p| p.0 != POLICY) {
            return Err(Refusal::UNACCEPTED_POLICY);
        }
        if request.extensions.is_some() {
            return Err(Refusal::UNACCEPTED_EXTENSION);
        }
        Ok(Self { imprint: imprint.clone(), nonce: request.nonce.clone(), with_certificate: request.cert_req })
    }
}

/// What an imprint is made with: SHA-256, but SHA-512 for a renewal, which has to outlast it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Imprint {
    Sha256,
    Sha512,
}

impl Imprint {
    /// As [`Token::imprint_algorithm`](evidence::token::Token::imprint_algorithm) calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Sha512 => "SHA-512",
        }
    }
}

/// A digest of `data`, as requests and tokens write it.
pub(crate) fn imprint(data: &[u8], with: Imprint) -> Result<MessageImprint> {
    let (oid, digest) = match with {
        Imprint::Sha256 => (oid::SHA256, sha256(data).to_vec()),
        Imprint::Sha512 => (oid::SHA512, Sha512::digest(data).to_vec()),
    };
    Ok(MessageImprint {
        hash_algorithm: AlgorithmIdentifierOwned { oid, parameters: None },
        hashed_message: OctetString::new(digest).map_err(|e| Error::structure("imprint", e))?,
    })
}

/// A bit of PKIFailureInfo and what to tell a person.
pub(crate) struct Refusal(u8, &'static str);

impl Refusal {
    const BAD_ALG: Self = Self(0, "imprint algorithm: SHA-256, SHA-384, SHA-512 or SM3, without parameters");
    const BAD_REQUEST: Self = Self(2, "TimeStampReq version: 1");
    pub(crate) const BAD_DATA_FORMAT: Self = Self(5, "a TimeStampReq in DER with an imprint of the right length");
    const UNACCEPTED_POLICY: Self = Self(15, "this authority has one policy only");
    const UNACCEPTED_EXTENSION: Self = Self(16, "no extensions");

    /// TimeStampResp with status rejection and no token.
    pub(crate) fn to_der(&self) -> Result<Vec<u8>> {
        let refuse = |e| Error::structure("time-stamp rejection", e);
        // DER of a named bit list: up to the last bit that is set.
        let mut bits = vec![0_u8; usize::from(self.0 / 8) + 1];
        if let Some(last) = bits.last_mut() {
            *last = 0x80 >> (self.0 % 8);
        }
        let text = Any::new(Tag::Utf8String, format!("expected: {}", self.1).into_bytes()).map_err(refuse)?;
        let failure = BitString::new(7 - self.0 % 8, bits).map_err(refuse)?;
        let status = PkiStatusInfo { status: 2, text: Some(vec![text]), failure: Some(failure) };
        TimeStampResp { status, token: None }.to_der().map_err(refuse)
    }
}

/// DER TimeStampToken over `wish` at `now`, which is cut to milliseconds and known to a second.
pub(crate) fn token(wish: &Wish, now: Utc, signer: &dyn Signer, certificate: &[u8]) -> Result<Vec<u8>> {
    let info = tst_info(wish, now, signer).map_err(|e| Error::structure("TSTInfo", e))?;
    let certificates = [certificate.to_vec()];
    let request = cms::Request {
        content_type: oid::TST_INFO,
        content: &info,
        detached: false,
        attributes: Vec::new(),
        certificates: if wish.with_certificate { &certificates } else { &[] },
    };
    cms::sign(&request, signer)
}

fn tst_info(wish: &Wish, now: Utc, signer: &dyn Signer) -> std::result::Result<Vec<u8>, String> {
    let text = |e: der::Error| e.to_string();
    let gen_time = Utc(now.0.div_euclid(1_000) * 1_000).to_generalized();
    let serial = crate::positive::<16>().map_err(|e| e.to_string())?;
    let subject = signer.certificate().tbs_certificate().subject().clone();
    let info = TstInfo {
        version: 1,
        policy: PolicyId(POLICY.to_vec()),
        message_imprint: wish.imprint.clone(),
        serial_number: Int::new(&serial).map_err(text)?,
        gen_time: Any::new(Tag::GeneralizedTime, gen_time.into_bytes()).map_err(text)?,
        accuracy: Some(Accuracy { seconds: Some(1), millis: None, micros: None }),
        ordering: false,
        nonce: wish.nonce.clone(),
        tsa: Some(Any::encode_from(&GeneralName::DirectoryName(subject)).map_err(text)?),
        extensions: None,
    };
    info.to_der().map_err(text)
}
