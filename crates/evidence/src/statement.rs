//! `statement.json` (schema `quezao/statement/v1`): what is claimed, canonical, with every claim salted.
//!
//! One slot for **every** claim name of the kind, each committing to exactly one disclosure; a claim that
//! is not made commits to `null`. So one record cannot be opened as two owners, and nothing can be counted.

mod claims;
mod told;

pub use claims::{
    ClaimType, Kind, LICENCE, MAX_TEXT, RIGHTS, Ref, check_value as check_claim, is_claim_name, parse_refs,
};

use crate::{Error, Result, disclosure::Disclosure, hex, json, json::Value, time::Utc};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::collections::BTreeMap;

/// The `schema` of version 1.
pub const SCHEMA: &str = "quezao/statement/v1";
/// Most bytes of a statement: it stands inside a record, whose limit is the ledger's.
pub const MAX_BYTES: usize = 60_000;

/// A statement that obeys every rule of its kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// What was recorded.
    pub kind: Kind,
    /// UUIDv7, the record number.
    pub id: String,
    /// Origin of the ledger that this statement is for.
    pub ledger: String,
    /// The platform's own clock.
    pub received_at: Utc,
    /// Whether that clock was compared with another.
    pub clock: Clock,
    /// Where the file came from; absent where the platform itself speaks.
    pub provenance: Option<Provenance>,
    /// The platform's word about itself and the owner; absent for `operator` and `origin`.
    pub operator_relation: Option<OperatorRelation>,
    /// What wrote the statement.
    pub software: Software,
    /// The file, for the kinds that have one.
    pub file: Option<File>,
    /// Claim name → digest of its disclosure (unpadded base64url), all names of the kind.
    pub claims: BTreeMap<String, String>,
}

/// Comparison of the platform's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Nobody looked.
    Unchecked,
    /// Compared with `source` at `at`; the platform's clock was `offset_us` ahead (negative: behind).
    Checked {
        /// Name of the time source.
        source: String,
        /// Microseconds.
        offset_us: i64,
        /// When.
        at: Utc,
    },
}

/// What wrote a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Software {
    /// Product name.
    pub name: String,
    /// Release.
    pub version: String,
    /// Source revision.
    pub commit: String,
}

/// A file as the statement names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// SHA-256, SM3 and size.
    pub digests: crate::digest::FileDigests,
    /// From the leading bytes.
    pub media_type: String,
    /// Who has the bytes.
    pub custody: Custody,
}

/// An enumeration with one spelling a variant; others are reserved (exit 3) or wrong (exit 1).
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal, reserved $reserved:expr, { $($(#[$vdoc:meta])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$vdoc])* $variant),* }
        impl $name {
            /// As written.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
            /// Reads the word.
            pub fn parse(text: &str) -> Result<Self> {
                let reserved: &[&str] = $reserved;
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ if reserved.contains(&text) => Err(Error::Unknown { what: $what, found: text.to_owned() }),
                    _ => Err(Error::malformed($what, text, [$($text),*].join(", "))),
                }
            }
        }
    };
}

words! {
    /// Where the bytes came from.
    Provenance, "provenance", reserved &["applicant-driven-on-platform", "node-captured"], {
        /// The owner handed them in.
        UserSupplied = "user-supplied",
        /// The platform's machine captured them.
        PlatformCaptured = "platform-captured",
        /// The owner captured them with this software.
        ApplicantOperated = "applicant-operated",
    }
}
words! {
    /// The platform's word about itself and the owner.
    OperatorRelation, "operator_relation", reserved &[], {
        /// It declares itself independent.
        IndependentDeclared = "independent-declared",
        /// Operator and owner are one person.
        SamePerson = "same-person",
        /// It says nothing.
        Unknown = "unknown",
    }
}
words! {
    /// Who has the bytes.
    Custody, "file.custody", reserved &[], {
        /// The platform keeps them.
        Held = "held",
        /// It read them and kept nothing.
        Read = "read",
        /// It was told the digests.
        Declared = "declared",
    }
}

impl Statement {
    /// Reads the exact bytes of `statement.json`.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        Self::from_value(&json::parse("statement", bytes, MAX_BYTES)?)
    }

    /// The exact bytes of `statement.json`. Fails where [`Statement::parse`] would.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let value = self.to_value();
        Self::from_value(&value)?;
        let bytes = json::to_bytes("statement", &value)?;
        if bytes.len() > MAX_BYTES {
            return Err(Error::TooLarge { what: "statement", found: bytes.len() as u64, limit: MAX_BYTES as u64 });
        }
        Ok(bytes)
    }

    /// Holds each disclosure against its slot; returns the disclosed claims by name.
    pub fn open(&self, disclosures: &[Disclosure]) -> Result<BTreeMap<String, Value>> {
        let mut opened = BTreeMap::new();
        for disclosure in disclosures {
            let name = disclosure.name();
            let slot = self.claims.get(name).ok_or_else(|| {
                if is_claim_name(name) {
                    Error::malformed("disclosure", name, format!("a claim of kind {}", self.kind.as_str()))
                } else {
                    Error::Unknown { what: "claim", found: name.to_owned() }
                }
            })?;
            if *slot != disclosure.digest() {
                return Err(Error::mismatch("disclosure", format!("{name} → {}", disclosure.digest()), slot));
            }
            check_claim(name, disclosure.value())?;
            if opened.insert(name.to_owned(), disclosure.value().clone()).is_some() {
                return Err(Error::malformed("disclosure", name, "each claim once"));
            }
        }
        Ok(opened)
    }

    /// From the object inside a record.
    pub(crate) fn from_value(value: &Value) -> Result<Self> {
        let members = json::object("statement", value)?;
        let schema = members.get("schema").and_then(Value::as_str).unwrap_or_default();
        if schema != SCHEMA {
            return Err(Error::Unknown { what: "statement schema", found: schema.to_owned() });
        }
        let kind = Kind::parse(json::string("statement kind", members.get("kind").unwrap_or(&Value::Null))?)?;
        json::closed("statement", value, &kind.members())?;
        let text = |name: &'static str| json::string(name, &members[name]);
        let received_at = Utc::parse_micros(text("received_at")?)?;
        let id = text("id")?.to_owned();
        check_id(&id, received_at)?;
        if text("_sd_alg")? != "sha-256" {
            return Err(Error::Unknown { what: "_sd_alg", found: text("_sd_alg")?.to_owned() });
        }
        let word = |name: &'static str| members.get(name).map(|v| json::string(name, v)).transpose();
        let statement = Self {
            kind,
            id,
            ledger: text("ledger")?.to_owned(),
            received_at,
            clock: Clock::from_value(&members["clock"])?,
            provenance: word("provenance")?.map(Provenance::parse).transpose()?,
            operator_relation: word("operator_relation")?.map(OperatorRelation::parse).transpose()?,
            software: Software::from_value(&members["software"])?,
            file: members.get("file").map(File::from_value).transpose()?,
            claims: slots(kind, &members["claims"])?,
        };
        statement.check_kind()?;
        Ok(statement)
    }

    pub(crate) fn to_value(&self) -> Value {
        let mut value = json::json!({
            "schema": SCHEMA,
            "kind": self.kind.as_str(),
            "id": self.id,
            "ledger": self.ledger,
            "received_at": self.received_at.to_micros(),
            "clock": self.clock.to_value(),
            "software": {"name": self.software.name, "version": self.software.version, "commit": self.software.commit},
            "_sd_alg": "sha-256",
            "claims": self.claims.iter()
                .map(|(name, digest)| (name.clone(), json::json!({"_sd": [digest]})))
                .collect::<json::Map<_, _>>(),
        });
        if let Some(p) = self.provenance {
            value["provenance"] = p.as_str().into();
        }
        if let Some(r) = self.operator_relation {
            value["operator_relation"] = r.as_str().into();
        }
        if let Some(f) = &self.file {
            value["file"] = json::json!({
                "sha256": hex::encode(&f.digests.sha256), "sm3": hex::encode(&f.digests.sm3), "size": f.digests.size,
                "media_type": f.media_type, "custody": f.custody.as_str(),
            });
        }
        value
    }

    /// The table of kinds: custody and provenance.
    fn check_kind(&self) -> Result<()> {
        let custody = self.file.as_ref().map(|f| f.custody);
        let custody_fits = match self.kind {
            Kind::Image | Kind::File => matches!(custody, Some(Custody::Held | Custody::Read)),
            Kind::Digest => custody == Some(Custody::Declared),
            Kind::Capture | Kind::Comparison | Kind::Collection => custody == Some(Custody::Held),
            _ => custody.is_none(),
        };
        if !custody_fits {
            let found = custody.map_or("none", Custody::as_str);
            return Err(Error::malformed("file.custody", found, format!("one of kind {}", self.kind.as_str())));
        }
        let made = matches!(self.kind, Kind::Order | Kind::Capture | Kind::Comparison | Kind::Collection);
        let applicant = self.provenance == Some(Provenance::ApplicantOperated);
        let same = self.operator_relation == Some(OperatorRelation::SamePerson);
        let fits = match self.kind {
            kind if !kind.has_provenance() => self.provenance.is_none(),
            _ if made => self.provenance != Some(Provenance::UserSupplied) && applicant == same,
            _ => self.provenance == Some(Provenance::UserSupplied),
        };
        if !fits {
            let found = self.provenance.map_or("none", Provenance::as_str);
            return Err(Error::malformed("provenance", found, format!("one of kind {}", self.kind.as_str())));
        }
        if self.kind == Kind::Attestation && same {
            return Err(Error::malformed("operator_relation", "same-person", "an operator who is not the owner"));
        }
        let made = match self.kind {
            Kind::Capture => "application/wacz",
            Kind::Comparison => "application/json",
            Kind::Collection => "application/jsonl",
            _ => return Ok(()),
        };
        match &self.file {
            Some(f) if f.media_type != made => Err(Error::mismatch("file.media_type", &f.media_type, made)),
            _ => Ok(()),
        }
    }
}

/// UUIDv7 (RFC 9562, 5.7) whose milliseconds are those of `received_at`.
pub(crate) fn check_id(id: &str, received_at: Utc) -> Result<()> {
    if id_millis(id)? == received_at.0.div_euclid(1000) {
        return Ok(());
    }
    Err(Error::malformed("id", id, format!("the milliseconds of received_at {}", received_at.to_micros())))
}

/// Milliseconds since 1970 of a UUIDv7 in lower case.
pub(crate) fn id_millis(id: &str) -> Result<i64> {
    let refuse = |expected: &str| Error::malformed("id", id, expected);
    let groups: Vec<&str> = id.split('-').collect();
    let plain: String = groups.concat();
    let lengths: Vec<usize> = groups.iter().map(|g| g.len()).collect();
    if lengths != [8, 4, 4, 4, 12] {
        return Err(refuse("a UUIDv7 in lower case"));
    }
    let bytes: [u8; 16] = hex::decode("id", &plain)?;
    if bytes[6] >> 4 != 7 || bytes[8] >> 6 != 0b10 {
        return Err(refuse("UUID version 7, variant 10"));
    }
    Ok(bytes[..6].iter().fold(0i64, |acc, b| acc << 8 | i64::from(*b)))
}

/// Every claim name of the kind, each `{"_sd":[digest]}`.
fn slots(kind: Kind, value: &Value) -> Result<BTreeMap<String, String>> {
    let members = json::closed("claims", value, &kind.claims())?;
    let slot = |value: &Value| -> Result<String> {
        let list = &json::closed("claims", value, &["_sd"])?["_sd"];
        match list.as_array().map(Vec::as_slice) {
            Some([Value::String(digest)]) if URL_SAFE_NO_PAD.decode(digest).is_ok_and(|d| d.len() == 32) => {
                Ok(digest.clone())
            }
            _ => Err(Error::malformed("claims", list.to_string(), "one SHA-256 in unpadded base64url")),
        }
    };
    members.iter().map(|(name, v)| Ok((name.clone(), slot(v)?))).collect()
}

impl Clock {
    fn from_value(value: &Value) -> Result<Self> {
        match value.get("checked") {
            Some(Value::Bool(false)) => json::closed("clock", value, &["checked"]).map(|_| Self::Unchecked),
            Some(Value::Bool(true)) => {
                let m = json::closed("clock", value, &["checked", "source", "offset_us", "at"])?;
                let offset_us = m["offset_us"]
                    .as_i64()
                    .ok_or_else(|| Error::malformed("clock.offset_us", m["offset_us"].to_string(), "an integer"))?;
                let source = json::string("clock.source", &m["source"])?.to_owned();
                Ok(Self::Checked { source, offset_us, at: Utc::parse_micros(json::string("clock.at", &m["at"])?)? })
            }
            _ => Err(Error::malformed("clock", value.to_string(), "an object with \"checked\": true or false")),
        }
    }

    fn to_value(&self) -> Value {
        match self {
            Self::Unchecked => json::json!({"checked": false}),
            Self::Checked { source, offset_us, at } => {
                json::json!({"checked": true, "source": source, "offset_us": offset_us, "at": at.to_micros()})
            }
        }
    }
}

impl Software {
    fn from_value(value: &Value) -> Result<Self> {
        let m = json::closed("software", value, &["name", "version", "commit"])?;
        let text = |name: &str| json::string("software", &m[name]).map(str::to_owned);
        Ok(Self { name: text("name")?, version: text("version")?, commit: text("commit")? })
    }
}

impl File {
    fn from_value(value: &Value) -> Result<Self> {
        let m = json::closed("file", value, &["sha256", "sm3", "size", "media_type", "custody"])?;
        let text = |name: &str| json::string("file", &m[name]);
        let size = m["size"].as_u64().filter(|s| *s > 0);
        Ok(Self {
            digests: crate::digest::FileDigests {
                sha256: hex::decode("file.sha256", text("sha256")?)?,
                sm3: hex::decode("file.sm3", text("sm3")?)?,
                size: size.ok_or_else(|| Error::malformed("file.size", m["size"].to_string(), "1 or more bytes"))?,
            },
            media_type: text("media_type")?.to_owned(),
            custody: Custody::parse(text("custody")?)?,
        })
    }
}

#[cfg(test)]
mod tests;
