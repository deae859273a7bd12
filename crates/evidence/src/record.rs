//! `record.json` (schema `quezao/record/v1`), the ledger's leaf: a statement and the tokens that date it.

use crate::{Error, Result, digest, hex, json, json::Value, merkle, statement::Statement, time::Utc};

/// The `schema` of version 1.
pub const SCHEMA: &str = "quezao/record/v1";
/// Most bytes of a leaf: an entry bundle has room for a 16-bit length (C2SP tlog-tiles).
pub const MAX_BYTES: usize = 65_535;

/// One leaf.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// What is claimed.
    pub statement: Statement,
    /// 1 to 4 tokens, in the order of the files `timestamp-N.tsr`.
    pub timestamps: Vec<Timestamp>,
}

/// A token as a record names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// genTime, character for character.
    pub gen_time: String,
    /// SHA-256 of the DER TimeStampToken.
    pub token_sha256: [u8; 32],
}

impl Record {
    /// Reads the exact bytes of `record.json`.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        Self::from_value(&json::parse("record", bytes, MAX_BYTES)?)
    }

    fn from_value(value: &Value) -> Result<Self> {
        let schema = value.get("schema").and_then(Value::as_str).unwrap_or_default();
        if schema != SCHEMA {
            return Err(Error::Unknown { what: "record schema", found: schema.to_owned() });
        }
        let members = json::closed("record", value, &["schema", "statement", "timestamps"])?;
        let list = members["timestamps"]
            .as_array()
            .filter(|a| (1..=4).contains(&a.len()))
            .ok_or_else(|| Error::malformed("record timestamps", members["timestamps"].to_string(), "1 to 4 tokens"))?;
        Ok(Self {
            statement: Statement::from_value(&members["statement"])?,
            timestamps: list.iter().map(Timestamp::from_value).collect::<Result<_>>()?,
        })
    }

    /// The exact bytes of `record.json`. Fails where [`Record::parse`] would.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let timestamps: Vec<Value> = self
            .timestamps
            .iter()
            .map(|t| json::json!({"gen_time": t.gen_time, "token_sha256": hex::encode(&t.token_sha256)}))
            .collect();
        let value = json::json!({"schema": SCHEMA, "statement": self.statement.to_value(), "timestamps": timestamps});
        Self::from_value(&value)?;
        let bytes = json::to_bytes("record", &value)?;
        if bytes.len() > MAX_BYTES {
            return Err(Error::TooLarge { what: "record", found: bytes.len() as u64, limit: MAX_BYTES as u64 });
        }
        Ok(bytes)
    }
}

/// The *record digest*, wherever it is printed: SHA-256 of `record.json`.
pub fn record_digest(bytes: &[u8]) -> [u8; 32] {
    digest::sha256(bytes)
}

/// The RFC 6962 leaf hash of `record.json`.
pub fn leaf_hash(bytes: &[u8]) -> merkle::Hash {
    merkle::leaf_hash(bytes)
}

impl Timestamp {
    fn from_value(value: &Value) -> Result<Self> {
        let m = json::closed("record timestamps", value, &["gen_time", "token_sha256"])?;
        let gen_time = json::string("gen_time", &m["gen_time"])?.to_owned();
        Utc::parse_generalized(&gen_time)?;
        let digest = json::string("token_sha256", &m["token_sha256"])?;
        Ok(Self { gen_time, token_sha256: hex::decode("token_sha256", digest)? })
    }
}
