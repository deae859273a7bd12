//! The form that a token must have before anything in it is believed.

use super::{
    HashAlgorithm, MAX_CERTIFICATES, MAX_TSR, Token,
    asn1::{Accuracy, Tsr, TstInfo, oid},
    malformed, no_parameters,
};
use crate::{Error, Result, digest::sha256, hex, time::Utc};
use cms::{content_info::CmsVersion, signed_data::SignerIdentifier};
use der::{Any, Decode, Encode, Tag, Tagged};
use x509_cert::{Certificate, ext::pkix::SubjectKeyIdentifier};

const WHAT: &str = "time-stamp token";
/// An authority that knows its time no better than this is refused.
const MAX_ACCURACY: i64 = 60 * crate::time::SECOND;

/// `bytes` as a token of the promised form, or why not.
pub(super) fn parse(bytes: &[u8]) -> Result<Token> {
    if bytes.len() > MAX_TSR {
        return Err(Error::TooLarge { what: WHAT, found: bytes.len() as u64, limit: MAX_TSR as u64 });
    }
    let tsr = Tsr::from_der(bytes).map_err(|e| malformed(WHAT, e, "SEQUENCE{SEQUENCE{INTEGER 0}, token} in DER"))?;
    same_encoding(&tsr, bytes)?;
    expect("PKIStatus", tsr.status.status, 0)?;
    expect("contentType of the token", tsr.token.content_type, oid::SIGNED_DATA)?;
    let token = tsr.token.to_der().map_err(|e| malformed(WHAT, e, "DER"))?;
    let data = tsr.token.content;

    expect("SignedData version", data.version, 3)?;
    expect("eContentType", data.encap_content_info.content_type, oid::TST_INFO)?;
    let content = data.encap_content_info.content.ok_or_else(|| Error::malformed(WHAT, "no eContent", "TSTInfo"))?;
    if data.crls.is_some() {
        return Err(Error::malformed(WHAT, "CRLs inside", "no unsigned parts but certificates"));
    }
    let signers = data.signer_infos.as_slice();
    let [signer_info] = signers else {
        return Err(Error::malformed("SignerInfos", signers.len().to_string(), "exactly one"));
    };
    if signer_info.version != CmsVersion::V1 {
        return Err(Error::malformed("SignerInfo version", format!("{:?}", signer_info.version), "1"));
    }
    if signer_info.unsigned_attrs.is_some() {
        return Err(Error::malformed("SignerInfo", "unsigned attributes", "none"));
    }
    let algorithms = data.digest_algorithms.as_slice();
    let [algorithm] = algorithms else {
        return Err(Error::malformed("digestAlgorithms", algorithms.len().to_string(), "the signer's alone"));
    };
    expect("digestAlgorithms", algorithm.oid, signer_info.digest_alg.oid)?;
    no_parameters("digestAlgorithms", algorithm)?;

    let certificates = certificates(data.certificates.as_ref().map_or(&[], |c| c.as_slice()))?;
    let (signer, signer_certificate) = find_signer(&signer_info.sid, &certificates)?;

    let info = TstInfo::from_der(content.as_bytes()).map_err(|e| malformed("TSTInfo", e, "TSTInfo in DER"))?;
    same_encoding(&info, content.as_bytes())?;
    expect("TSTInfo version", info.version, 1)?;
    if let Some(critical) = info.extensions.iter().flatten().find(|e| e.critical) {
        return Err(Error::Unknown { what: "critical TSTInfo extension", found: critical.extn_id.to_string() });
    }
    let imprint = HashAlgorithm::from_identifier("imprint algorithm", &info.message_imprint.hash_algorithm)?;
    let hashed_message = info.message_imprint.hashed_message.as_bytes().to_vec();
    expect("imprint length", hashed_message.len(), imprint.len())?;
    let (gen_time_text, gen_time) = gen_time(&info.gen_time)?;

    Ok(Token {
        gen_time_text,
        gen_time,
        accuracy: accuracy(info.accuracy.as_ref())?,
        token_sha256: sha256(&token),
        policy: info.policy.dotted().ok_or_else(|| Error::malformed("TSA policy", "no OID", "an OID in DER"))?,
        serial: hex::encode(info.serial_number.as_bytes()),
        nonce: info.nonce.as_ref().map(|n| n.as_bytes().to_vec()),
        signer,
        imprint,
        hashed_message,
        content: content.into_bytes().into(),
        signer_info: signer_info.clone(),
        signer_certificate,
        certificates,
    })
}

/// Every bit that decoding ignored shows here.
pub(crate) fn same_encoding(value: &impl Encode, bytes: &[u8]) -> Result<()> {
    match value.to_der() {
        Ok(again) if again == bytes => Ok(()),
        _ => Err(Error::malformed(WHAT, "another encoding", "DER")),
    }
}

pub(crate) fn expect<T: PartialEq + ToString>(what: &'static str, found: T, expected: T) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::malformed(what, found.to_string(), expected.to_string()))
}

pub(crate) fn certificates(inside: &[Any]) -> Result<Vec<Vec<u8>>> {
    if inside.len() > MAX_CERTIFICATES {
        let (found, limit) = (inside.len() as u64, MAX_CERTIFICATES as u64);
        return Err(Error::TooLarge { what: "certificates in a token", found, limit });
    }
    let each = |c: &Any| match c.tag() {
        Tag::Sequence => c.to_der().map_err(|e| malformed(WHAT, e, "certificates")),
        tag => Err(Error::malformed("CertificateSet", tag.to_string(), "X.509 certificates only")),
    };
    inside.iter().map(each).collect()
}

/// The one certificate inside that the signer identifier names.
pub(crate) fn find_signer(sid: &SignerIdentifier, certificates: &[Vec<u8>]) -> Result<(Vec<u8>, Certificate)> {
    let mut found = None;
    for der in certificates {
        let certificate =
            Certificate::from_der(der).map_err(|e| malformed("certificate in a token", e, "an X.509 certificate"))?;
        let tbs = certificate.tbs_certificate();
        let fits = match sid {
            SignerIdentifier::IssuerAndSerialNumber(id) => {
                *tbs.issuer() == id.issuer && *tbs.serial_number() == id.serial_number
            }
            SignerIdentifier::SubjectKeyIdentifier(id) => {
                matches!(tbs.get_extension::<SubjectKeyIdentifier>(), Ok(Some((_, own))) if own == *id)
            }
        };
        if fits && found.replace((der.clone(), certificate)).is_some() {
            return Err(Error::malformed(WHAT, "two certificates of the signer", "one"));
        }
    }
    found.ok_or_else(|| Error::malformed(WHAT, "no certificate of the signer", "the signer's certificate inside"))
}

fn gen_time(value: &Any) -> Result<(String, Utc)> {
    let text = std::str::from_utf8(value.value()).map_err(|e| malformed("genTime", e, "GeneralizedTime"))?;
    if value.tag() != Tag::GeneralizedTime {
        return Err(Error::malformed("genTime", value.tag().to_string(), "GeneralizedTime"));
    }
    let instant = Utc::parse_generalized(text)?;
    if instant < Utc(0) {
        return Err(Error::malformed("genTime", text, "a time since 1970"));
    }
    Ok((text.to_owned(), instant))
}

/// Microseconds.
fn accuracy(accuracy: Option<&Accuracy>) -> Result<i64> {
    let Some(a) = accuracy else { return Ok(0) };
    if [a.millis, a.micros].into_iter().flatten().any(|part| !(1..=999).contains(&part)) {
        return Err(Error::malformed("accuracy", format!("{:?} ms {:?} µs", a.millis, a.micros), "1 to 999 each"));
    }
    let part = |p: Option<u16>| i64::from(p.unwrap_or(0));
    let total = i64::from(a.seconds.unwrap_or(0)) * 1_000_000 + part(a.millis) * 1_000 + part(a.micros);
    if total > MAX_ACCURACY {
        return Err(Error::malformed("accuracy", format!("{total} µs"), format!("at most {MAX_ACCURACY} µs")));
    }
    Ok(total)
}
