//! RFC 9901 (SD-JWT) disclosures: `base64url(["salt","name",value])`, committed to by SHA-256 of that text.
//!
//! The salt is at least 16 bytes, so a digest of a name or an id number cannot be searched for.

use crate::{Error, Result, digest, json, json::Value};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Most bytes that a set of disclosures may have.
pub const MAX_SET: usize = 1 << 20;

/// One opened claim.
#[derive(Clone, Debug, PartialEq)]
pub struct Disclosure {
    encoded: String,
    name: String,
    value: Value,
}

impl Disclosure {
    /// Makes a disclosure from a fresh random `salt`.
    pub fn new(salt: &[u8; 16], name: &str, value: Value) -> Result<Self> {
        let array = json::json!([URL_SAFE_NO_PAD.encode(salt), name, value]);
        let encoded = URL_SAFE_NO_PAD.encode(json::to_bytes("disclosure", &array)?);
        Ok(Self { encoded, name: name.to_owned(), value })
    }

    /// Reads one disclosure: strict unpadded base64url of canonical JSON, salt of 16 to 64 bytes.
    pub fn parse(encoded: &str) -> Result<Self> {
        let refuse = |expected: &str| Error::malformed("disclosure", encoded, expected);
        let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| refuse("unpadded base64url"))?;
        let array = json::parse("disclosure", &bytes, 1 << 16)?;
        let Some([Value::String(salt), Value::String(name), value]) = array.as_array().map(Vec::as_slice) else {
            return Err(refuse("[salt, name, value]"));
        };
        let salt = URL_SAFE_NO_PAD.decode(salt).map_err(|_| refuse("a salt in unpadded base64url"))?;
        if !(16..=64).contains(&salt.len()) {
            return Err(Error::malformed("disclosure salt", format!("{} bytes", salt.len()), "16 to 64 bytes"));
        }
        Ok(Self { encoded: encoded.to_owned(), name: name.clone(), value: value.clone() })
    }

    /// Claim name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Claim value; `null` where the claim was not made.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The text that is disclosed.
    pub fn encoded(&self) -> &str {
        &self.encoded
    }

    /// What the statement commits to: unpadded base64url of SHA-256 of the disclosure's text.
    pub fn digest(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest::sha256(self.encoded.as_bytes()))
    }
}

/// Reads `disclosure.json`: a canonical array of disclosures, ascending by claim name, no repeats.
pub fn parse_set(bytes: &[u8]) -> Result<Vec<Disclosure>> {
    let value = json::parse("disclosure.json", bytes, MAX_SET)?;
    let items = value
        .as_array()
        .ok_or_else(|| Error::malformed("disclosure.json", value.to_string(), "an array of disclosures"))?;
    let set = items
        .iter()
        .map(|item| Disclosure::parse(json::string("disclosure.json", item)?))
        .collect::<Result<Vec<_>>>()?;
    if let Some(pair) = set.windows(2).find(|p| !before(&p[0].name, &p[1].name)) {
        return Err(Error::malformed(
            "disclosure.json",
            format!("\"{}\" after \"{}\"", pair[1].name, pair[0].name),
            "each claim once, ascending by name",
        ));
    }
    Ok(set)
}

/// Writes `disclosure.json` in its one order.
pub fn set_to_bytes(set: &[Disclosure]) -> Result<Vec<u8>> {
    let mut sorted: Vec<&Disclosure> = set.iter().collect();
    sorted.sort_by(|a, b| a.name.encode_utf16().cmp(b.name.encode_utf16()));
    let array = Value::Array(sorted.iter().map(|d| Value::String(d.encoded.clone())).collect());
    json::to_bytes("disclosure.json", &array)
}

/// RFC 8785 orders names by UTF-16 code units.
fn before(a: &str, b: &str) -> bool {
    a.encode_utf16().lt(b.encode_utf16())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_set_reads_back_and_refuses_repeats() {
        let a = Disclosure::new(&[7; 16], "title", json::json!("秋")).unwrap();
        let b = Disclosure::new(&[8; 16], "author", Value::Null).unwrap();
        let bytes = set_to_bytes(&[a.clone(), b.clone()]).unwrap();
        assert_eq!(parse_set(&bytes).unwrap(), vec![b, a.clone()]);
        let twice = json::to_bytes("t", &json::json!([a.encoded(), a.encoded()])).unwrap();
        assert!(parse_set(&twice).is_err());
    }

    #[test]
    fn short_salts_and_loose_base64_are_refused() {
        let loose = |array: Value| Disclosure::parse(&URL_SAFE_NO_PAD.encode(serde_json::to_vec(&array).unwrap()));
        assert!(loose(json::json!([URL_SAFE_NO_PAD.encode([0; 15]), "title", "x"])).is_err());
        assert!(loose(json::json!([URL_SAFE_NO_PAD.encode([0; 16]), "title", "x", 1])).is_err());
        assert!(loose(json::json!([URL_SAFE_NO_PAD.encode([0; 16]), "title", "x"])).is_ok());
        assert!(Disclosure::parse("WyJ4Il0=").is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text: String) {
            let _ = Disclosure::parse(&text);
            let _ = parse_set(text.as_bytes());
        }
    }
}
