//! The table of kinds: which members and which claims each has, and what a claim may say.

use crate::{Error, Result, hex, json, json::Value, time::Utc};

/// What a statement records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Leaf 0: who runs the ledger.
    Operator,
    /// A picture that decoded.
    Image,
    /// Any other file.
    File,
    /// Digests that were only told.
    Digest,
    /// What a capture was asked to do, before it did it.
    Order,
    /// A captured page.
    Capture,
    /// A capture held against registered images, or against another capture.
    Comparison,
    /// A list of registered pictures.
    Collection,
    /// What the owner of an earlier record claims of it later.
    Rights,
    /// Which ledger this one goes on after.
    Origin,
    /// Who established an owner's name, how and when.
    Attestation,
    /// Who may use which pictures, from when, until when.
    Licence,
    /// That a licence ended.
    Revocation,
    /// That the licensee was shown the licence and agreed, as the platform recorded it.
    Confirmation,
}

const KINDS: &[Kind] = &[
    Kind::Operator,
    Kind::Image,
    Kind::File,
    Kind::Digest,
    Kind::Order,
    Kind::Capture,
    Kind::Comparison,
    Kind::Collection,
    Kind::Rights,
    Kind::Origin,
    Kind::Attestation,
    Kind::Licence,
    Kind::Revocation,
    Kind::Confirmation,
];
const RESERVED_KINDS: &[&str] = &["observation", "key"];
const OWNER: &[&str] =
    &["owner_kind", "owner_name", "owner_code", "owner_id", "owner_id_masked", "identity_method", "acting_account"];
/// Claims about a work and who may use it, in the order in which they are shown (spec/statement.md).
pub const RIGHTS: &[&str] = &[
    "title",
    "author",
    "work_origin",
    "basis",
    "completed_at",
    "completed_place",
    "published_at",
    "published_place",
    "published_url",
];
const OPERATOR: &[&str] = &[
    "operator_kind",
    "operator_name",
    "operator_code",
    "operator_id",
    "operator_id_masked",
    "operator_filings",
    "operator_contact",
];
const ORDER: &[&str] = &["url", "purpose", "attempt", "discarded_before", "beacon", "refs"];
const CAPTURE: &[&str] = &["url", "final_url", "page_title", "purpose", "outcome", "refs"];
const COMPARISON: &[&str] = &["url", "refs"];
const COLLECTION: &[&str] = &["title", "refs"];
const ORIGIN: &[&str] = &["earlier_checkpoint", "earlier_key", "earlier_origin", "earlier_reason"];
const ATTESTATION: &[&str] = &["attested_at", "attested_by", "attested_how", "attested_note", "covered_root"];
/// Claims of a licence, in the order in which they are shown.
pub const LICENCE: &[&str] = &[
    "title",
    "licensee_name",
    "licensee_code",
    "licensee_shop",
    "licensee_urls",
    "licence_from",
    "licence_until",
    "licence_scope",
];
const REVOCATION: &[&str] = &["revoked_at", "revoked_reason", "refs"];
const CONFIRMATION: &[&str] = &["confirmed_by", "confirmed_how", "refs"];

impl Kind {
    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Image => "image",
            Self::File => "file",
            Self::Digest => "digest",
            Self::Order => "order",
            Self::Capture => "capture",
            Self::Comparison => "comparison",
            Self::Collection => "collection",
            Self::Rights => "rights",
            Self::Origin => "origin",
            Self::Attestation => "attestation",
            Self::Licence => "licence",
            Self::Revocation => "revocation",
            Self::Confirmation => "confirmation",
        }
    }

    /// Reads the word; reserved and unknown kinds need a newer reader.
    pub fn parse(text: &str) -> Result<Self> {
        KINDS.iter().find(|k| k.as_str() == text).copied().ok_or_else(|| {
            let reserved = if RESERVED_KINDS.contains(&text) { " (reserved)" } else { "" };
            Error::Unknown { what: "statement kind", found: format!("{text}{reserved}") }
        })
    }

    /// Every claim name of this kind.
    pub fn claims(self) -> Vec<&'static str> {
        let groups: &[&[&'static str]] = match self {
            Self::Operator => &[OPERATOR],
            Self::Image | Self::File | Self::Digest => &[OWNER, &["file_name"], RIGHTS, &["refs"]],
            Self::Order => &[OWNER, ORDER],
            Self::Capture => &[OWNER, CAPTURE],
            Self::Comparison => &[OWNER, COMPARISON],
            Self::Collection => &[OWNER, COLLECTION],
            Self::Rights => &[OWNER, RIGHTS, &["refs"]],
            Self::Origin => &[ORIGIN],
            Self::Attestation => &[OWNER, ATTESTATION],
            Self::Licence => &[OWNER, LICENCE, &["refs"]],
            Self::Revocation => &[OWNER, REVOCATION],
            Self::Confirmation => &[OWNER, CONFIRMATION],
        };
        groups.concat()
    }

    /// Whether its statements have a `file`.
    pub fn has_file(self) -> bool {
        use Kind::{Capture, Collection, Comparison, Digest, File, Image};
        matches!(self, Image | File | Digest | Capture | Comparison | Collection)
    }

    /// Whether it is about somebody's own; else it is the operator's word about himself.
    pub fn has_owner(self) -> bool {
        !matches!(self, Self::Operator | Self::Origin)
    }

    /// Whether its statements say where they came from: those that the platform itself says do not.
    pub fn has_provenance(self) -> bool {
        self.has_owner() && !matches!(self, Self::Attestation | Self::Confirmation)
    }

    /// The statement's members.
    pub(super) fn members(self) -> Vec<&'static str> {
        let always = ["schema", "kind", "id", "ledger", "received_at", "clock", "software", "_sd_alg", "claims"];
        let mut members = always.to_vec();
        let some =
            [("provenance", self.has_provenance()), ("operator_relation", self.has_owner()), ("file", self.has_file())];
        members.extend(some.iter().filter(|(_, has)| *has).map(|(name, _)| name));
        members
    }
}

/// Whether version 1 defines a claim of this name anywhere.
pub fn is_claim_name(name: &str) -> bool {
    let groups = [OWNER, RIGHTS, OPERATOR, ORDER, CAPTURE, ORIGIN, &["file_name"]];
    let later = [ATTESTATION, LICENCE, REVOCATION, CONFIRMATION];
    groups.iter().chain(&later).any(|group| group.contains(&name))
}

/// Most bytes of a text claim.
pub const MAX_TEXT: usize = 4096;

/// What the value of a claim may be, besides `null`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimType {
    /// A string of at most 4,096 bytes.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// An RFC 3339 date, or an instant as `received_at`.
    Date,
    /// An integer, 0 or more.
    Count,
    /// An array of strings.
    List,
    /// [`Ref`]s.
    Refs,
    /// Nothing yet.
    Null,
}

impl ClaimType {
    /// The type of the claim `name`.
    pub fn of(name: &str) -> Self {
        match name {
            "owner_kind" | "operator_kind" => Self::Word(&["individual", "enterprise"]),
            "purpose" => Self::Word(&["own", "other"]),
            "outcome" => Self::Word(&["complete", "partial", "blocked"]),
            "work_origin" => {
                Self::Word(&["self", "employee", "commissioned", "assigned", "supplier", "buyer", "generated"])
            }
            "earlier_reason" => Self::Word(&["restored", "key-lost", "ended"]),
            "attested_how" => Self::Word(&["documents", "provider"]),
            "confirmed_how" => Self::Word(&["link"]),
            "completed_at" | "published_at" | "attested_at" | "revoked_at" | "licence_from" | "licence_until" => {
                Self::Date
            }
            "attempt" | "discarded_before" => Self::Count,
            "operator_filings" | "licensee_urls" => Self::List,
            "refs" => Self::Refs,
            "beacon" => Self::Null,
            _ => Self::Text,
        }
    }
}

/// A record that another record points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ref {
    /// Origin of its ledger.
    pub ledger: String,
    /// Its record number.
    pub id: String,
    /// Its RFC 6962 leaf hash.
    pub leaf: [u8; 32],
}

impl Ref {
    /// An element of a `refs` claim.
    pub fn to_value(&self) -> Value {
        json::json!({"ledger": self.ledger, "id": self.id, "leaf": hex::encode(&self.leaf)})
    }
}

/// Reads a `refs` claim: up to 16 of `{"ledger","id","leaf"}`.
pub fn parse_refs(value: &Value) -> Result<Vec<Ref>> {
    let items = value.as_array().filter(|a| a.len() <= 16);
    let items = items.ok_or_else(|| Error::malformed("refs", value.to_string(), "an array of up to 16 refs"))?;
    items
        .iter()
        .map(|item| {
            let m = json::closed("refs", item, &["ledger", "id", "leaf"])?;
            let text = |name: &str| json::string("refs", &m[name]);
            Ok(Ref {
                ledger: text("ledger")?.to_owned(),
                id: text("id")?.to_owned(),
                leaf: hex::decode("refs.leaf", text("leaf")?)?,
            })
        })
        .collect()
}

/// Holds a disclosed value against the claim's type.
pub fn check_value(name: &str, value: &Value) -> Result<()> {
    let wrong = |expected: &str| Error::malformed("claim", format!("{name} = {value}"), expected);
    let fits = match (ClaimType::of(name), value) {
        (ClaimType::Null, Value::Null) => true,
        (ClaimType::Null, _) => return Err(Error::Unknown { what: "claim", found: format!("a value of {name}") }),
        (_, Value::Null) => true,
        (ClaimType::Text, Value::String(s)) => s.len() <= MAX_TEXT,
        (ClaimType::Word(words), Value::String(s)) => {
            return if words.contains(&s.as_str()) { Ok(()) } else { Err(wrong(&words.join(", "))) };
        }
        (ClaimType::Date, Value::String(s)) => {
            Utc::parse_micros(s).is_ok()
                || (s.len() == 10 && Utc::parse_micros(&format!("{s}T00:00:00.000000Z")).is_ok())
        }
        (ClaimType::Count, v) => v.as_u64().is_some(),
        (ClaimType::List, Value::Array(items)) => items.len() <= 64 && items.iter().all(Value::is_string),
        (ClaimType::Refs, v) => return parse_refs(v).map(|_| ()),
        _ => false,
    };
    if fits { Ok(()) } else { Err(wrong("null or a value of the claim's type")) }
}
