//! The seal: a PAdES B-LTA signature over a drawn certificate (ETSI EN 319 142-1, 6).
//!
//! Signature with its own time-stamp, validation material, then a document time-stamp over all of it; each is an
//! incremental update, so the drawn pages stay byte for byte what they were. The signer's path, as a reader would
//! follow it, is checked before anything leaves: what would not verify is not handed out.

use archive::pdf::{self, Prepared, Validation};
use der::{Any, Decode, Encode, asn1::SetOfVec};
use evidence::{
    document::DocumentSignature,
    time::Utc,
    token::{
        Root, Token,
        asn1::{ContentInfo, oid},
        unwrap_tsr,
    },
};
use timestamp::{DocumentSigner, Stamper, cms};

/// Who seals, and who says when.
pub struct Seal<'a> {
    /// The key and its path to a root.
    pub signer: &'a DocumentSigner,
    /// DER of revocation lists: the signer's issuer's, and where there are some the authorities'.
    pub crls: &'a [Vec<u8>],
    /// Stamps signature and document.
    pub stamper: &'a dyn Stamper,
    /// Roots of time authorities, the stamper's among them.
    pub roots: &'a [Root],
    /// The machine's clock, claimed in the signature dictionary.
    pub at: Utc,
}

/// Why a certificate was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The PDF is not one that [`crate::render`] made, or what was made does not verify.
    #[error(transparent)]
    Evidence(#[from] evidence::Error),
    /// Signer or authority failed.
    #[error(transparent)]
    Timestamp(#[from] timestamp::Error),
    /// A structure that does not encode.
    #[error("signature: {0}")]
    Encoding(#[from] der::Error),
}

/// Signs `pdf`, which [`crate::render`] made.
pub fn seal(pdf: &[u8], with: &Seal<'_>) -> Result<Vec<u8>, SealError> {
    let date = with.at.to_generalized();
    let date = date.get(..14).unwrap_or_default();
    let signed = fill(|room| pdf::prepare_signature(pdf, date, room), |content| signature(content, with))?;

    // As the file will be read: its signature leads to its root, and was not revoked.
    let read = pdf::read(&signed)?.signature.ok_or_else(unread)?;
    let signature = DocumentSignature::parse(&read.der)?;
    signature.check(&read.covered(&signed))?;
    signature.check_path(&[with.signer.root()], with.crls)?;
    let authority = signature.timestamp.check_path_with(with.roots, with.crls)?;

    let mut certificates = with.signer.chain().to_vec();
    certificates.extend(signature.timestamp.certificates().iter().cloned());
    certificates.push(authority.der.clone());
    let mut seen = std::collections::BTreeSet::new();
    certificates.retain(|der| seen.insert(der.clone()));
    let validation = Validation { certificates, crls: with.crls.to_vec() };
    fill(
        |room| pdf::prepare_timestamp(&signed, &validation, room),
        |content| {
            let tsr = with.stamper.stamp(content)?;
            Token::parse_tsr(&tsr)?.check_path_with(with.roots, with.crls)?;
            Ok(unwrap_tsr(&tsr)?)
        },
    )
}

/// Tries rooms from the smallest, as what is signed depends on the room.
fn fill(
    prepare: impl Fn(usize) -> evidence::Result<Prepared>,
    make: impl Fn(&[u8]) -> Result<Vec<u8>, SealError>,
) -> Result<Vec<u8>, SealError> {
    let mut room = pdf::room_for(0)?;
    loop {
        let prepared = prepare(room)?;
        let der = make(&prepared.signed())?;
        let needed = pdf::room_for(der.len())?;
        if needed == room {
            return Ok(prepared.fill(&der)?);
        }
        room = needed;
    }
}

/// CAdES over `content`, detached, with the signature's time-stamp.
fn signature(content: &[u8], with: &Seal<'_>) -> Result<Vec<u8>, SealError> {
    let chain = with.signer.chain();
    // The root is the reader's to bring; it lies in the validation material too.
    let path = &chain[..chain.len().saturating_sub(1)];
    let request =
        cms::Request { content_type: oid::DATA, content, detached: true, attributes: Vec::new(), certificates: path };
    let mut info = ContentInfo::from_der(&cms::sign(&request, with.signer)?)?;
    let mut signers: Vec<_> = info.content.signer_infos.iter().cloned().collect();
    for signer in &mut signers {
        let token = unwrap_tsr(&with.stamper.stamp(signer.signature.as_bytes())?)?;
        let attribute = cms::attribute(oid::SIGNATURE_TIME_STAMP, Any::from_der(&token)?)?;
        signer.unsigned_attrs = Some(SetOfVec::try_from(vec![attribute])?);
    }
    info.content.signer_infos = SetOfVec::try_from(signers)?;
    Ok(info.to_der()?)
}

fn unread() -> SealError {
    evidence::Error::Missing { what: "certificate PDF", missing: "the signature just written".into() }.into()
}
