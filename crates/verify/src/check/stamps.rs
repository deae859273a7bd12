//! Tokens: over these bytes, signed by the certificate inside, and that certificate under a root of the reader's.
//!
//! One verified token of a group suffices; the others are then not required. A contradiction in any fails.

use crate::{Check, Outcome, Seal, Trust, words};
use evidence::{
    Error, Result, hex,
    record::Timestamp,
    time::Utc,
    token::{Binding, Token},
};

/// A token and what came of it.
pub(crate) struct Stamp {
    pub(crate) check: Check,
    /// It has its form, covers the data and is signed; whether it is trusted is another question.
    pub(crate) token: Option<Token>,
    /// Trusted too.
    pub(crate) verified: Option<Seal>,
}

/// What a token covers, in both languages.
pub(crate) struct Covered {
    zh: &'static str,
    en: &'static str,
}

pub(crate) const STATEMENT: Covered = Covered { zh: "这份声明", en: "the statement" };
pub(crate) const CHECKPOINT: Covered = Covered { zh: "账本的这个检查点", en: "this checkpoint of the ledger" };
pub(crate) const LATER: Covered = Covered { zh: "后来的检查点", en: "the later checkpoint" };
pub(crate) const RELATED: Covered = Covered { zh: "后来的声明", en: "the later record's statement" };
pub(crate) const RENEWAL: Covered = Covered { zh: "这次续期的清单", en: "the list of this renewal" };

impl Stamp {
    pub(crate) fn absent(check: Check) -> Self {
        Self { check, token: None, verified: None }
    }

    /// [`age`] of a token outside of group 5.
    pub(crate) fn age(&mut self, after: &[Renewed], now: Utc) {
        if let (Some(token), Some(_)) = (&self.token, &self.verified) {
            age(&mut self.check, None, token.signer_ends(), after, now);
        }
    }
}

/// Checks one token over `data`; `named` is what the record says about it.
pub(crate) fn check(
    trust: &Trust,
    id: String,
    tsr: &[u8],
    data: &[u8],
    named: Option<&Timestamp>,
    covered: &Covered,
) -> Stamp {
    let (token, binding) = match signed(tsr, data, named) {
        Ok(read) => read,
        Err(e) => return Stamp::absent(Check::error(id, &e)),
    };
    let root = match token.check_path(&trust.tsa) {
        Ok(root) => root,
        Err(e) => {
            let name = token.signer_name();
            let check = match &e {
                Error::Missing { .. } => Check::new(
                    id,
                    Outcome::NotChecked,
                    format!("签发时间戳的“{name}”不在您信任的时间戳机构之下。"),
                    format!("\"{name}\", who stamped it, is under none of the time authorities that you trust."),
                ),
                _ => Check::error(id, &e),
            };
            // A signature that nobody vouches for still has a time, which may contradict.
            let token = (check.result != Outcome::Fail).then_some(token);
            return Stamp { check, token, verified: None };
        }
    };
    let role = trust.role_of_authority(&token.signer, root, token.gen_time);
    let seal = Seal {
        at: token.gen_time,
        accuracy: token.accuracy,
        authority: role.map_or_else(|| token.signer_name(), |r| r.name.clone()),
        independent: role.is_some_and(|r| r.independent),
    };
    let (name, date) = (&seal.authority, words::date(seal.at));
    let (zh, en) = (
        format!("“{name}”于 {date} 为{}加盖了时间戳", covered.zh),
        format!("\"{name}\" stamped {} at {date}", covered.en),
    );
    let check = if !seal.independent {
        Check::new(
            id,
            Outcome::Limited,
            format!("{zh}；您的信任设置没有把它标为独立机构，按运营者自己的时间标记看待。"),
            format!("{en}; your trust does not mark it independent, so it counts as the operator's own."),
        )
    } else if binding == Binding::V1Sha1 {
        Check::new(
            id,
            Outcome::Limited,
            format!("{zh}；证书以 SHA-1 绑定（旧式 ESSCertID）。"),
            format!("{en}; its certificate is bound by SHA-1 (the older ESSCertID)."),
        )
    } else {
        Check::new(id, Outcome::Pass, format!("{zh}。"), format!("{en}."))
    };
    Stamp { check, token: Some(token), verified: Some(seal) }
}

/// What holds for a group: SM3 stands only beside another digest; where one token is verified, those that
/// could not be checked are not required.
pub(crate) fn settle(stamps: &mut [Stamp]) {
    let sm3 = |s: &Stamp| s.token.as_ref().map(|t| t.imprint_algorithm() == "SM3");
    if !stamps.iter().any(|s| sm3(s) == Some(false)) {
        for stamp in stamps.iter_mut().filter(|s| sm3(s) == Some(true)) {
            let e = Error::malformed("imprint", "SM3 alone", "SM3 only beside SHA-256, SHA-384 or SHA-512");
            *stamp = Stamp::absent(Check::error(stamp.check.id.clone(), &e));
        }
    }
    if stamps.iter().any(|s| s.verified.is_some()) {
        stamps.iter_mut().filter(|s| s.verified.is_none()).for_each(|s| s.check.required = false);
    }
}

/// A verified renewal: it dates everything that it lists.
pub(crate) struct Renewed {
    /// `renewal-01` …
    pub(crate) unit: String,
    /// Units of group 5 that it lists; everything of the groups before is on every list.
    pub(crate) lists: Vec<String>,
    /// genTime + accuracy: by then.
    pub(crate) by: Utc,
    /// When its own signing certificate ends.
    pub(crate) ends: Utc,
}

/// A token whose signing certificate has ended by the reader's clock, and that no renewal of the time before keeps, is
/// limited: a key that got lost later can make such a token. `after` are the renewals after it, in their order; `own`
/// is its unit, where it stands in group 5.
pub(crate) fn age(check: &mut Check, own: Option<&str>, ends: Utc, after: &[Renewed], now: Utc) {
    if ends >= now || !check.holds() {
        return;
    }
    let mut chained: Vec<&Renewed> = Vec::new();
    for renewal in after {
        let lists = |unit: &str| renewal.lists.iter().any(|listed| listed == unit);
        let direct = own.is_none_or(lists) && renewal.by <= ends;
        if direct || chained.iter().any(|one| lists(&one.unit) && renewal.by <= one.ends) {
            chained.push(renewal);
        }
    }
    let until = chained.iter().map(|one| one.ends).fold(ends, Utc::max);
    let date = words::date(ends);
    let (zh, en) = if until >= now {
        ("；到期之前已经续期", ", and was renewed before")
    } else {
        check.result = Outcome::Limited;
        (
            "，到期之前没有续期：此后若有人取得其密钥，可以伪造这样的时间戳",
            ", and was not renewed before: whoever gets hold of its key after that can make such a token",
        )
    };
    check.zh = format!("{}签名证书已于 {date} 到期{zh}。", check.zh);
    check.en = format!("{} Its signing certificate ended at {date}{en}.", check.en);
}

/// The earliest verified token of an independent authority, else the earliest.
pub(crate) fn earliest(stamps: &[Stamp]) -> Option<Seal> {
    stamps.iter().filter_map(|s| s.verified.clone()).min_by_key(|s| (!s.independent, s.at))
}

fn signed(tsr: &[u8], data: &[u8], named: Option<&Timestamp>) -> Result<(Token, Binding)> {
    let token = Token::parse_tsr(tsr)?;
    if let Some(named) = named {
        if token.gen_time_text != named.gen_time {
            return Err(Error::mismatch("genTime in the record", &token.gen_time_text, &named.gen_time));
        }
        if token.token_sha256 != named.token_sha256 {
            let (found, expected) = (hex::encode(&token.token_sha256), hex::encode(&named.token_sha256));
            return Err(Error::mismatch("token digest in the record", found, expected));
        }
    }
    token.check_imprint(data)?;
    let binding = token.check_signature()?;
    Ok((token, binding))
}
