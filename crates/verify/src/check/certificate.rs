//! The certificate's own signature (PAdES B-LTA, closed profile): the signer under a root of the reader's, not
//! revoked, and a document time-stamp over everything.
//!
//! What is attached is verified apart from this, by the other checks.

use super::{Entries, Walk};
use crate::{Check, Outcome, words};
use archive::pdf::{CertificatePdf, Signed, Validation};
use evidence::{
    Error, Result, digest,
    document::DocumentSignature,
    hex,
    time::{SECOND, Utc},
    token::{Binding, Root, Token, wrap_tsr},
};

const FILE: &str = "certificate.pdf";

/// What was signed: the check that says so, and what it is called.
pub(super) struct Paper {
    pub id: &'static str,
    pub zh: &'static str,
    pub en: &'static str,
}

const CERTIFICATE: Paper = Paper { id: "certificate-signature", zh: "证书", en: "certificate" };

impl Walk<'_> {
    /// The certificate inside a package: the same, and its attached files are the package's.
    pub(super) fn carried_certificate(&self, bytes: &[u8]) -> Check {
        let read = match archive::pdf::read(bytes) {
            Ok(read) => read,
            Err(e) => return Check::error(CERTIFICATE.id, &e),
        };
        match copies(&read, self.entries) {
            Ok(()) => self.certificate(bytes, &read),
            Err(e) => Check::error(CERTIFICATE.id, &e),
        }
    }

    /// The signature of `bytes`.
    pub(super) fn certificate(&self, bytes: &[u8], read: &CertificatePdf) -> Check {
        self.paper(bytes, read, &CERTIFICATE)
    }

    /// The same of another paper of this profile.
    pub(super) fn paper(&self, bytes: &[u8], read: &CertificatePdf, paper: &Paper) -> Check {
        let Paper { id, zh, en } = *paper;
        let Some(signed) = &read.signature else {
            return Check::new(
                id,
                Outcome::NotChecked,
                format!("{zh}没有签名：所附文件照常核验，但页面本身无人负责。"),
                format!(
                    "The {en} is not signed: what it attaches is verified as always, but nobody stands for the page."
                ),
            );
        };
        self.signature(bytes, read, signed, paper).unwrap_or_else(|e| Check::error(id, &e))
    }

    fn signature(&self, bytes: &[u8], read: &CertificatePdf, signed: &Signed, paper: &Paper) -> Result<Check> {
        let id = paper.id;
        let signature = DocumentSignature::parse(&signed.der)?;
        let mut bindings = vec![signature.check(&signed.covered(bytes))?];
        let document = match &read.timestamp {
            Some(stamp) => {
                let token = Token::parse_tsr(&wrap_tsr(&stamp.der))?;
                token.check_imprint(&stamp.covered(bytes))?;
                bindings.push(token.check_signature()?);
                Some(token)
            }
            None => None,
        };
        self.certificate_times(signed, &signature.timestamp, document.as_ref())?;

        let Some((validation, document)) = read.validation.as_ref().zip(document).filter(|_| read.foreign.is_none())
        else {
            let at = read.foreign.unwrap_or(bytes.len());
            return Ok(Check::new(
                id,
                Outcome::NotChecked,
                format!(
                    "只有签名的那一版：前 {} 字节由自称“{}”的证书签署（未查是谁）；其后不是本格式应有的内容（第 {at} 字节起），或缺少末尾的文件时间戳。",
                    signed.end,
                    signature.signer_name()
                ),
                format!(
                    "Signed revision only: a certificate that calls itself \"{}\" (not checked whose it is) signed the first {} bytes; what follows (from byte {at}) is not of this format, or the document time-stamp at the end is missing.",
                    signature.signer_name(),
                    signed.end
                ),
            ));
        };
        // A report's reader has not met its node: by this digest he finds the key that it published.
        let key = hex::encode(&digest::sha256(&signature.signer));
        let (key_zh, key_en) = match paper.id == CERTIFICATE.id {
            true => (String::new(), String::new()),
            false => (format!("（证书的 SHA-256：{key}）"), format!(" (SHA-256 of the certificate: {key})")),
        };
        let missing = |who: &str, list_zh: &str, list_en: &str| {
            Check::new(
                id,
                Outcome::NotChecked,
                format!("签名与文件相符，但“{who}”不在您信任的{list_zh}之下{key_zh}。"),
                format!(
                    "The signature is one with the file, but \"{who}\" is under none of the {list_en} that you trust{key_en}."
                ),
            )
        };
        let root = match signature.check_path(&self.trust.signers, &validation.crls) {
            Ok(root) => root,
            Err(Error::Missing { what, .. }) if what != "revocation" => {
                return Ok(missing(&signature.signer_name(), "签署人", "signers"));
            }
            Err(e) => return Err(e),
        };
        for token in [&signature.timestamp, &document] {
            match token.check_path_with(&self.trust.tsa, &validation.crls) {
                Ok(_) => {}
                Err(Error::Missing { what, .. }) if what != "revocation" => {
                    return Ok(missing(&token.signer_name(), "时间戳机构", "time authorities"));
                }
                Err(e) => return Err(e),
            }
        }
        self.nothing_idle(validation, &signature, &document)?;

        let at = signature.timestamp.gen_time;
        let role = self.trust.role_of_authority(&signature.signer, root, at);
        let name = role.map_or_else(|| signature.signer_name(), |r| r.name.clone());
        let date = words::date(at);
        let stamped = document.signer_name();
        let (zh, en) = (
            format!(
                "“{name}”不晚于 {date} 签署了此{}，其后未被改动（末尾的文件时间戳由“{stamped}”加盖）{key_zh}",
                paper.zh
            ),
            format!(
                "\"{name}\" signed this {} no later than {date}, and it was not changed since (document time-stamp by \"{stamped}\"){key_en}",
                paper.en
            ),
        );
        if bindings.contains(&Binding::V1Sha1) {
            return Ok(Check::new(
                id,
                Outcome::Limited,
                format!("{zh}；其中一个时间戳以 SHA-1 绑定证书（旧式 ESSCertID）。"),
                format!("{en}; one of its time-stamps binds its certificate by SHA-1 (the older ESSCertID)."),
            ));
        }
        Ok(match role {
            Some(_) => Check::new(id, Outcome::Pass, format!("{zh}。"), format!("{en}.")),
            None => Check::new(
                id,
                Outcome::Limited,
                format!("{zh}；您的信任设置没有说明签署人是谁。"),
                format!("{en}; your trust does not say who the signer is."),
            ),
        })
    }

    /// The claimed date and the tokens, in order; nothing that is attached is later than the signature over it.
    fn certificate_times(&self, signed: &Signed, signature: &Token, document: Option<&Token>) -> Result<()> {
        let claimed = Utc::parse_generalized(&format!("{}Z", signed.date))?;
        let not_after = |what, early: Utc, late: &Token, slack: i64| {
            let latest = late.gen_time.plus(late.accuracy + slack);
            if early <= latest {
                return Ok(());
            }
            Err(Error::mismatch(what, words::date(early), format!("<= {}", words::date(latest))))
        };
        not_after("claimed date of the signature", claimed, signature, 2 * SECOND)?;
        if let Some(document) = document {
            let early = signature.gen_time.plus(-signature.accuracy);
            not_after("genTime of the signature", early, document, 0)?;
        }
        for token in [Some(signature), document].into_iter().flatten() {
            let latest = self.now.plus(token.accuracy + 60 * SECOND);
            if token.gen_time > latest {
                let expected = format!("<= {}", words::date(latest));
                return Err(Error::mismatch("genTime and the reader's clock", words::date(token.gen_time), expected));
            }
        }
        let attached = self.entries.iter().filter(|(name, _)| name.ends_with(".tsr"));
        for token in attached.filter_map(|(_, tsr)| Token::parse_tsr(tsr).ok()) {
            not_after("genTime of an attached token", token.gen_time.plus(-token.accuracy), signature, 0)?;
        }
        Ok(())
    }

    /// Every certificate of the security store is on a path of this file. A path may end in more than one of the
    /// reader's roots, where they have one key.
    fn nothing_idle(&self, stored: &Validation, signature: &DocumentSignature, document: &Token) -> Result<()> {
        let crls = &stored.crls;
        let inside = [&signature.certificates[..], signature.timestamp.certificates(), document.certificates()];
        let ends_in = |root: &Root| {
            let root = std::slice::from_ref(root);
            let stamped = |token: &Token| token.check_path_with(root, crls).is_ok();
            signature.check_path(root, crls).is_ok() || stamped(&signature.timestamp) || stamped(document)
        };
        let known = |der: &Vec<u8>| {
            let mut roots = self.trust.signers.iter().chain(&self.trust.tsa).filter(|root| root.der == *der);
            inside.iter().any(|set| set.contains(der)) || roots.any(ends_in)
        };
        match stored.certificates.iter().find(|der| !known(der)) {
            Some(der) => {
                let found = hex::encode(&digest::sha256(der));
                Err(Error::malformed("DSS", format!("certificate {found}"), "no certificate outside the paths"))
            }
            None => Ok(()),
        }
    }
}

/// The files that the certificate attaches are the package's entries, byte for byte, and all of them.
fn copies(read: &CertificatePdf, entries: &Entries) -> Result<()> {
    for (name, bytes) in &read.attachments {
        if !archive::is_attached(name) {
            return Err(Error::malformed(FILE, format!("{name} attached"), "entries of groups 2 to 7"));
        }
        let own =
            entries.get(name).ok_or_else(|| Error::malformed(FILE, format!("{name} attached"), "entries only"))?;
        if own != bytes {
            let sha256 = |b: &[u8]| hex::encode(&digest::sha256(b));
            return Err(Error::mismatch("copy attached to the certificate", sha256(bytes), sha256(own)));
        }
    }
    let absent = entries
        .keys()
        .filter(|name| archive::is_attached(name))
        .find(|name| !read.attachments.iter().any(|(n, _)| n == *name));
    match absent {
        Some(name) => Err(Error::malformed(FILE, format!("{name} not attached"), "every entry of groups 2 to 7")),
        None => Ok(()),
    }
}
