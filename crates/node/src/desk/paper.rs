//! The verification report (核验报告): drawn from what was examined, signed by the node, carrying what it speaks of.
//!
//! ```text
//! desk/signer.pem      key, certificate, issuers up to the root; the institution's own, or made here
//! desk/*.crl           revocation lists of its issuers, DER
//! desk/authority-*.pem a time-stamp authority of the node's own, for the signature's moment
//! ```

use super::{Desk, Examined};
use crate::{Error, Result, folder};
use certificate::{
    Examination, Locale, Words, render_examination,
    seal::{Seal, seal},
};
use evidence::{digest, hex, time::Utc};
use std::{fs, path::Path, sync::PoisonError};
use timestamp::{Authority, DocumentSigner, Material};

/// Longest key or certificate file.
const MAX_KEY: u64 = 1 << 20;
/// Evidence beyond this stands in the report by its digests alone.
const MAX_CARRIED: usize = 48 << 20;

impl Desk {
    /// The report of what was examined, signed.
    pub(super) fn report(&self, examined: &Examined, locale: Locale) -> Result<Vec<u8>> {
        let (own, keys) = (self.institution(), self.node.keys());
        let mut checks = examined.seen.clone();
        checks.retain(|s| s.result.is_some());
        let report = Examination {
            id: examined.id.clone(),
            checked: whole_seconds(examined.at),
            institution: own.clone(),
            key: keys.witness.verifier_keys().first().map(ToString::to_string),
            files: examined.files.clone(),
            verdict: examined.word,
            reserved: examined.reserved(),
            roots: examined.roots.clone(),
            record: examined.verdict.facts.statement.as_ref().map(|s| s.id.clone()),
            blocks: examined.blocks.clone(),
            articles: examined.articles.clone(),
            checks,
            nots: examined.verdict.does_not_show.iter().map(|s| Words::new(s.zh.clone(), s.en.clone())).collect(),
            software: software(),
        };
        let attachments = attached(examined);
        let refuse = |e: &dyn std::fmt::Display| {
            Error::new(format!("核验报告无法制作（{e}）"), format!("the report could not be made ({e})"))
        };
        let pdf = render_examination(&report, &attachments, locale, self.fonts()).map_err(|e| refuse(&e))?;
        let Signing { signer, crls, authority } = self.signing(&own)?;
        let roots = [authority.root().clone()];
        let with = Seal { signer: &signer, crls: &crls, stamper: &authority, roots: &roots, at: crate::now() };
        seal(&pdf, &with).map_err(|e| refuse(&e))
    }

    /// SHA-256 of the certificate that signs reports, hex.
    pub(crate) fn signer(&self) -> Result<String> {
        let Signing { signer, .. } = self.signing(&self.institution())?;
        Ok(fingerprint(&signer))
    }

    /// Who signs the report; made where there is nobody yet.
    fn signing(&self, name: &str) -> Result<Signing> {
        let _making = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = self.data.join("desk");
        folder::make_private(&dir)?;
        let (signer, key) = (dir.join("signer.pem"), dir.join("authority-key.pem"));
        let made = |what: timestamp::Result<Material>| what.map_err(unusable);
        if !signer.is_file() {
            let m = made(DocumentSigner::create(name, crate::now()))?;
            folder::write(&dir.join("signer.crl"), &m.crl_der)?;
            let chain = format!("{}{}{}", m.signer_key_pem, m.signer_cert_pem, m.root_cert_pem);
            folder::write(&signer, chain.as_bytes())?;
        }
        if !key.is_file() {
            let m = made(Authority::create(name, crate::now()))?;
            folder::write(&dir.join("authority-signer.pem"), m.signer_cert_pem.as_bytes())?;
            folder::write(&dir.join("authority-root.pem"), m.root_cert_pem.as_bytes())?;
            folder::write(&dir.join("authority.crl"), &m.crl_der)?;
            folder::write(&key, m.signer_key_pem.as_bytes())?;
        }
        let text = |name: &str| -> Result<String> {
            let path = dir.join(name);
            let bytes = folder::read(&path, MAX_KEY)?.ok_or_else(|| missing(&path))?;
            String::from_utf8(bytes).map_err(|_| missing(&path))
        };
        let material = Material {
            root_cert_pem: text("authority-root.pem")?,
            signer_cert_pem: text("authority-signer.pem")?,
            root_key_pem: String::new(),
            signer_key_pem: text("authority-key.pem")?,
            crl_der: Vec::new(),
        };
        let listed = fs::read_dir(&dir).map_err(|e| Error::io(&dir, &e))?.flatten().map(|e| e.path());
        let mut lists: Vec<_> = listed.filter(|p| p.extension().is_some_and(|e| e == "crl")).collect();
        lists.sort();
        let crls = lists.iter().filter_map(|p| folder::read(p, MAX_KEY).transpose()).collect::<Result<_>>()?;
        Ok(Signing {
            signer: DocumentSigner::from_pem(text("signer.pem")?.as_bytes()).map_err(unusable)?,
            crls,
            authority: Authority::load(&material, Box::new(crate::now)).map_err(unusable)?,
        })
    }
}

struct Signing {
    signer: DocumentSigner,
    crls: Vec<Vec<u8>>,
    authority: Authority,
}

/// What travels in the report, so that anybody can look again.
fn attached(examined: &Examined) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    if examined.evidence.len() <= MAX_CARRIED {
        files.push((evidence_name(examined).to_owned(), examined.evidence.clone()));
    }
    files.push(("verification.json".into(), examined.to_json().to_string().into_bytes()));
    files.extend(examined.trust.iter().map(|(name, bytes)| (format!("trust-{name}"), bytes.clone())));
    files.extend(examined.held.iter().map(|note| ("node-checkpoint.txt".into(), note.clone())));
    // Names that a PDF's reader saves as files.
    files.retain(|(name, _)| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)));
    files
}

/// SHA-256 of a signer's certificate, hex.
fn fingerprint(signer: &DocumentSigner) -> String {
    signer.chain().first().map(|der| hex::encode(&digest::sha256(der))).unwrap_or_default()
}

/// The same of the signer in this folder, where there is one.
pub(crate) fn published(data: &Path) -> Result<Option<String>> {
    let Some(pem) = folder::read(&data.join("desk/signer.pem"), MAX_KEY)? else { return Ok(None) };
    DocumentSigner::from_pem(&pem).map(|signer| Some(fingerprint(&signer))).map_err(unusable)
}

/// Roots by which the reports in this folder are checked, PEM: the signer's, and that of the authority that dates the
/// signature. `None`: no report was signed here yet.
pub(crate) fn roots(data: &Path) -> Result<Option<[String; 2]>> {
    let dir = data.join("desk");
    let (signer, authority) = (dir.join("signer.pem"), dir.join("authority-root.pem"));
    let (Some(pem), Some(authority)) = (folder::read(&signer, MAX_KEY)?, folder::read(&authority, MAX_KEY)?) else {
        return Ok(None);
    };
    let root = DocumentSigner::from_pem(&pem).map_err(unusable)?.root().to_pem();
    Ok(Some([root.map_err(|_| missing(&signer))?, String::from_utf8_lossy(&authority).into_owned()]))
}

/// As the evidence is called in report and export.
pub(super) fn evidence_name(examined: &Examined) -> &'static str {
    if verify::is_certificate(&examined.evidence) { "evidence.pdf" } else { "evidence.zip" }
}

pub(super) fn software() -> Words {
    let version = env!("CARGO_PKG_VERSION");
    Words::new(format!("鹊凿节点 {version}"), format!("Quezao node {version}"))
}

/// `2026-11-24T03:05:00Z`.
fn whole_seconds(at: Utc) -> String {
    format!("{}Z", at.to_micros().get(..19).unwrap_or_default())
}

fn missing(path: &Path) -> Error {
    let shown = path.display();
    Error::new(
        format!("{shown}：缺失或不是文本；请从备份恢复"),
        format!("{shown}: missing, or no text; restore it from a backup"),
    )
}

fn unusable(e: timestamp::Error) -> Error {
    Error::new(
        format!("报告的签署密钥不能用（{e}）；请检查节点文件夹的 desk/"),
        format!("the key that signs reports is of no use ({e}); look at desk/ in the node's folder"),
    )
}
