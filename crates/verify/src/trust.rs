//! The reader's trust folder: `policy`, `roles.json`, roots. Nothing in it comes from the artefact.
//!
//! A malformed file is an error of the reader's (exit 2); an absent policy is [`None`] (exit 3 later),
//! absent roles are no roles. Other files are ignored.

use evidence::{Error, hex, note::VerifierKey, policy::Policy, time::Utc, token::Root};
use serde::{Deserialize, Deserializer};

/// Whom the reader trusts, and for what.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Absent: log signature and quorum cannot be checked.
    pub policy: Option<Policy>,
    /// Lines of `roles.json`.
    pub roles: Vec<RoleLine>,
    /// Roots of time authorities.
    pub tsa: Vec<Root>,
    /// Roots of certificate signers.
    pub signers: Vec<Root>,
    /// Roots for contact proofs.
    pub web: Vec<Root>,
}

/// Most bytes of `roles.json`.
const MAX_ROLES: usize = 1 << 20;

/// A trust folder that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("trust folder: {file}: {reason}")]
pub struct TrustError {
    /// Which file.
    pub file: String,
    /// What is wrong with it.
    pub reason: Error,
}

/// What a key's holder is, by the reader's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Role {
    Platform,
    Owner,
    Court,
    Notary,
    TimeAuthority,
    Other,
}

/// One line of `roles.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleLine {
    key: KeyRef,
    /// What its holder is.
    pub role: Role,
    /// Its holder's name.
    pub name: String,
    /// Whether the reader holds it to be independent of the operator.
    pub independent: bool,
    from: Option<Utc>,
    until: Option<Utc>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum KeyRef {
    Note(VerifierKey),
    Certificate([u8; 32]),
}

impl Trust {
    /// Reads a trust folder, given as file names and contents.
    pub fn from_files(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Result<Self, TrustError> {
        let mut trust = Self::default();
        for (file, bytes) in files {
            let refuse = |reason: Error| TrustError { file: file.clone(), reason };
            let root = || Root::from_pem(&bytes).map_err(refuse);
            match file.as_str() {
                "policy" => trust.policy = Some(Policy::parse(&bytes).map_err(refuse)?),
                "roles.json" => trust.roles = roles(&file, &bytes)?,
                name if name.ends_with(".pem") && name.starts_with("tsa-") => trust.tsa.push(root()?),
                name if name.ends_with(".pem") && name.starts_with("signer-") => trust.signers.push(root()?),
                name if name.ends_with(".pem") && name.starts_with("web-") => trust.web.push(root()?),
                _ => {}
            }
        }
        Ok(trust)
    }

    /// The role of a log or witness key at an instant: the first of its lines that is in force.
    pub fn role_of_key(&self, key: &VerifierKey, at: Utc) -> Option<&RoleLine> {
        self.line(|k| matches!(k, KeyRef::Note(k) if k == key), at)
    }

    /// The role of an authority at genTime: the signing certificate's line wins over the root's.
    pub fn role_of_authority(&self, signer: &[u8], root: &Root, at: Utc) -> Option<&RoleLine> {
        let signer = evidence::digest::sha256(signer);
        let is = |digest: [u8; 32]| move |k: &KeyRef| *k == KeyRef::Certificate(digest);
        // A signer's line out of its time is still the one that speaks: it says "no role".
        if self.roles.iter().any(|l| is(signer)(&l.key)) {
            return self.line(is(signer), at);
        }
        self.line(is(root.fingerprint()), at)
    }

    fn line(&self, is: impl Fn(&KeyRef) -> bool, at: Utc) -> Option<&RoleLine> {
        self.roles.iter().find(|l| is(&l.key) && l.from.is_none_or(|f| f <= at) && l.until.is_none_or(|u| at <= u))
    }
}

/// Members that must stand there even where they are `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: String,
    role: Role,
    name: String,
    independent: bool,
    #[serde(deserialize_with = "present")]
    from: Option<String>,
    #[serde(deserialize_with = "present")]
    until: Option<String>,
}

fn roles(file: &str, bytes: &[u8]) -> Result<Vec<RoleLine>, TrustError> {
    let refuse = |reason: Error| TrustError { file: file.to_owned(), reason };
    if bytes.len() > MAX_ROLES {
        let (found, limit) = (bytes.len() as u64, MAX_ROLES as u64);
        return Err(refuse(Error::TooLarge { what: "roles.json", found, limit }));
    }
    let lines: Vec<Line> = serde_json::from_slice(bytes).map_err(|e| {
        refuse(Error::malformed(
            "roles.json",
            format!("{}:{}: {e}", e.line(), e.column()),
            "an array of lines as specified",
        ))
    })?;
    let mut roles: Vec<RoleLine> = Vec::with_capacity(lines.len());
    for line in lines {
        let key = match line.key.strip_prefix("sha256:") {
            Some(digest) => hex::decode("roles.json key", digest).map(KeyRef::Certificate),
            None => VerifierKey::parse(&line.key).map(KeyRef::Note),
        }
        .map_err(refuse)?;
        let time = |t: Option<String>| t.as_deref().map(Utc::parse_micros).transpose().map_err(refuse);
        let (from, until) = (time(line.from)?, time(line.until)?);
        evidence::json::check_string("roles.json name", &line.name).map_err(refuse)?;
        roles.push(RoleLine { key, role: line.role, name: line.name, independent: line.independent, from, until });
    }
    Ok(roles)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn trust(file: &str, text: &str) -> Result<Trust, TrustError> {
        Trust::from_files([(file.to_owned(), text.as_bytes().to_vec())])
    }

    fn line(change: (&str, &str)) -> String {
        let good = format!(
            r#"[{{"key":"sha256:{}","role":"court","name":"A","independent":true,"from":null,"until":null}}]"#,
            "0".repeat(64)
        );
        assert!(good.contains(change.0));
        good.replacen(change.0, change.1, 1)
    }

    #[test]
    fn a_malformed_folder_is_the_reader_s_error() {
        assert!(trust("roles.json", &line(("A", "B"))).is_ok());
        for change in [
            ("court", "judge"),
            ("true", "1"),
            (",\"until\":null", ""),
            ("\"until\":null", "\"until\":\"2026-01-01\""),
            ("\"name\":", "\"name\":\"B\",\"name\":"),
            ("\"name\":", "\"note\":1,\"name\":"),
            ("sha256:0", "sha256:"),
            ("[", ""),
        ] {
            assert!(trust("roles.json", &line(change)).is_err(), "{change:?}");
        }
        assert!(trust("policy", "quorum").is_err());
        assert!(trust("tsa-a.pem", "no").is_err());
        assert!(trust("README", "no").unwrap().policy.is_none());
    }
}
