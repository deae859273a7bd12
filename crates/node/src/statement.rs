//! What an institution says about its node's keys, signed with a certificate of its own (CMS, RFC 5652).
//!
//! Anybody checks it with `openssl cms -verify -inform DER -CAfile ROOT -purpose any`, which prints the text.

use crate::{Error, Result, keys::Published};
use evidence::{time::Utc, token::asn1::oid};
use timestamp::{DocumentSigner, cms};

/// The text that is signed.
pub fn text(keys: &Published, now: Utc) -> String {
    let lines = |keys: &[evidence::note::VerifierKey]| keys.iter().map(|key| format!("{key}\n")).collect::<String>();
    let reports = keys.reports.as_ref().map_or_else(|| "-".to_owned(), Clone::clone);
    format!(
        "节点公钥声明 Statement of a node's keys\n{}\n\n见证 Witness: cosigns that the ledger only grew, and nothing else\n{}\n镜像 Mirror: cosigns that a complete copy is kept\n{}\n核验报告 Reports: signed with the certificate of this SHA-256\n{reports}\n",
        now.to_micros(),
        lines(&keys.witness),
        lines(&keys.mirror)
    )
}

/// DER of the signed text. `pem`: private key, certificate, its issuers up to the root.
pub fn sign(keys: &Published, pem: &[u8], now: Utc) -> Result<Vec<u8>> {
    let wrong = |e: timestamp::Error| Error::new(format!("签署者：{e}"), format!("the signer: {e}"));
    let signer = DocumentSigner::from_pem(pem).map_err(wrong)?;
    let text = text(keys, now);
    let request = cms::Request {
        content_type: oid::DATA,
        content: text.as_bytes(),
        detached: false,
        attributes: Vec::new(),
        certificates: signer.chain(),
    };
    cms::sign(&request, &signer).map_err(wrong)
}
