//! RFC 8785 canonical JSON, read back strictly.
//!
//! Reading means: parse, write canonically again, compare. So member order, white space, escapes,
//! duplicate members and every second spelling of a number fail at one place. Numbers are integers
//! within ±(2⁵³ − 1); strings are NFC without control, bidi-control or other default-ignorable characters.

use crate::{Error, Result};
pub use serde_json::{Map, Value, json};
use unicode_normalization::UnicodeNormalization;

/// Largest integer that RFC 8785 can write exactly: 2⁵³ − 1.
pub const MAX_INTEGER: i64 = (1 << 53) - 1;

/// The value of `bytes`, at most `limit` bytes of canonical JSON. `what` names the artefact in errors.
pub fn parse(what: &'static str, bytes: &[u8], limit: usize) -> Result<Value> {
    if bytes.len() > limit {
        return Err(Error::TooLarge { what, found: bytes.len() as u64, limit: limit as u64 });
    }
    let value: Value =
        serde_json::from_slice(bytes).map_err(|e| Error::malformed(what, e.to_string(), "JSON (RFC 8259) in UTF-8"))?;
    check(what, &value)?;
    let canonical = encode(what, &value)?;
    if canonical != bytes {
        let at = canonical.iter().zip(bytes).take_while(|(a, b)| a == b).count();
        let around = String::from_utf8_lossy(&bytes[at.min(bytes.len())..bytes.len().min(at + 24)]).into_owned();
        return Err(Error::malformed(what, format!("{around} at byte {at}"), "canonical JSON (RFC 8785)"));
    }
    Ok(value)
}

/// RFC 8785 encoding of a value that [`check`]s.
pub fn to_bytes(what: &'static str, value: &Value) -> Result<Vec<u8>> {
    check(what, value)?;
    encode(what, value)
}

/// RFC 8785 encoding of a checked value. Integers and text without control characters have one spelling, and names in
/// ASCII the same order by bytes as by UTF-16 units: so `serde_json` writes them as they have to be, many times as fast.
fn encode(what: &'static str, value: &Value) -> Result<Vec<u8>> {
    if !names_are_ascii(value) {
        return to_bytes_free(what, value);
    }
    serde_json::to_vec(value).map_err(|e| Error::malformed(what, e.to_string(), "canonical JSON"))
}

fn names_are_ascii(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(names_are_ascii),
        Value::Object(members) => members.iter().all(|(name, value)| name.is_ascii() && names_are_ascii(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// [`parse`] for text that others wrote (a page's title): canonical, but any string and number is allowed.
pub fn parse_free(what: &'static str, bytes: &[u8], limit: usize) -> Result<Value> {
    if bytes.len() > limit {
        return Err(Error::TooLarge { what, found: bytes.len() as u64, limit: limit as u64 });
    }
    let value: Value =
        serde_json::from_slice(bytes).map_err(|e| Error::malformed(what, e.to_string(), "JSON (RFC 8259) in UTF-8"))?;
    if to_bytes_free(what, &value)? != bytes {
        return Err(Error::malformed(what, String::from_utf8_lossy(bytes), "canonical JSON (RFC 8785)"));
    }
    Ok(value)
}

/// RFC 8785 encoding of any value.
pub fn to_bytes_free(what: &'static str, value: &Value) -> Result<Vec<u8>> {
    serde_json_canonicalizer::to_vec(value).map_err(|e| Error::malformed(what, e.to_string(), "canonical JSON"))
}

/// Integers and strings within the rules, everywhere in `value`.
pub fn check(what: &'static str, value: &Value) -> Result<()> {
    match value {
        Value::Null | Value::Bool(_) => Ok(()),
        Value::Number(n) => match n.as_i64() {
            Some(i) if i.abs() <= MAX_INTEGER && !n.is_f64() => Ok(()),
            _ => Err(Error::malformed(what, n.to_string(), "an integer up to 2^53-1")),
        },
        Value::String(s) => check_string(what, s),
        Value::Array(items) => items.iter().try_for_each(|v| check(what, v)),
        Value::Object(members) => members.iter().try_for_each(|(k, v)| {
            check_string(what, k)?;
            check(what, v)
        }),
    }
}

/// NFC; no control character; of default-ignorable ones only U+180B–U+180F, U+200C, U+200D and U+FE00–U+FE0F.
pub fn check_string(what: &'static str, text: &str) -> Result<()> {
    // Names, digests and times: what is ASCII is normal as it stands.
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Ok(());
    }
    if let Some(c) = text.chars().find(|c| is_forbidden(*c)) {
        return Err(Error::malformed(
            what,
            format!("U+{:04X}", u32::from(c)),
            "text without control, bidi-control or invisible characters",
        ));
    }
    if !text.nfc().eq(text.chars()) {
        return Err(Error::malformed(what, text, "text in Unicode normalisation form C"));
    }
    Ok(())
}

/// The members of an object that is closed: exactly the `required` ones.
pub fn closed<'v>(what: &'static str, value: &'v Value, required: &[&str]) -> Result<&'v Map<String, Value>> {
    let members = object(what, value)?;
    for name in required {
        if !members.contains_key(*name) {
            return Err(Error::malformed(what, format!("no member \"{name}\""), format!("members {required:?}")));
        }
    }
    match members.keys().find(|k| !required.contains(&k.as_str())) {
        Some(extra) => Err(misplaced(what, extra)),
        None => Ok(members),
    }
}

/// `value` as an object.
pub fn object<'v>(what: &'static str, value: &'v Value) -> Result<&'v Map<String, Value>> {
    value.as_object().ok_or_else(|| Error::malformed(what, value.to_string(), "an object"))
}

/// `value` as a string.
pub fn string<'v>(what: &'static str, value: &'v Value) -> Result<&'v str> {
    value.as_str().ok_or_else(|| Error::malformed(what, value.to_string(), "a string"))
}

/// A member that is not allowed where it stands: unknown to version 1 (exit 3), or known and misplaced (exit 1).
fn misplaced(what: &'static str, name: &str) -> Error {
    if KNOWN_MEMBERS.contains(&name) || crate::statement::is_claim_name(name) {
        Error::malformed(what, format!("member \"{name}\""), "that member elsewhere")
    } else {
        Error::Unknown { what, found: format!("member \"{name}\"") }
    }
}

/// Every member name that version 1 defines anywhere, claims apart.
const KNOWN_MEMBERS: &[&str] = &[
    "path",
    "place",
    "salt",
    "schema",
    "kind",
    "id",
    "ledger",
    "received_at",
    "clock",
    "checked",
    "source",
    "offset_us",
    "at",
    "provenance",
    "operator_relation",
    "software",
    "name",
    "version",
    "commit",
    "file",
    "sha256",
    "sm3",
    "size",
    "media_type",
    "custody",
    "_sd_alg",
    "_sd",
    "claims",
    "statement",
    "timestamps",
    "gen_time",
    "token_sha256",
    "leaf",
    "files",
];

/// Control characters (Cc), and default-ignorable ones (Unicode 17, DerivedCoreProperties) but those that scripts need.
fn is_forbidden(c: char) -> bool {
    if c.is_control() {
        return true;
    }
    let code = u32::from(c);
    match code {
        0x180B..=0x180F | 0x200C | 0x200D | 0xFE00..=0xFE0F => false,
        0x00AD | 0x034F | 0x061C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x200B..=0x200F | 0x202A..=0x202E => true,
        0x2060..=0x206F | 0x3164 | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFF8 | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A => true,
        0xE0000..=0xE0FFF => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::strategy::Strategy;

    fn refused(text: &str) -> bool {
        parse("test", text.as_bytes(), 4096).is_err()
    }

    #[test]
    fn only_canonical_text_is_read() {
        assert!(parse("test", "{\"a\":1,\"b\":[true,null,\"é\"]}".as_bytes(), 99).is_ok());
        for bad in [
            "{\"b\":1,\"a\":1}",
            "{\"a\":1,\"a\":1}",
            "{ \"a\":1}",
            "{\"a\":1}\n",
            "1.0",
            "1e2",
            "-0",
            "1e400",
            "9007199254740992",
            "18446744073709551615",
            "\"\\u0041\"",
            "\"\\/\"",
            "\"\\ud800\"",
            "[1,]",
            "",
        ] {
            assert!(refused(bad), "{bad}");
        }
        assert!(!refused("9007199254740991") && !refused("-9007199254740991"));
        assert!(refused(&format!("{}{}", "[".repeat(500), "]".repeat(500))));
    }

    #[test]
    fn invisible_and_unnormalised_text_is_refused() {
        for bad in ["\u{202e}gpj", "a\u{200b}b", "e\u{301}", "a\u{7f}", "\u{feff}a", "\u{2066}a", "a\u{ad}b"] {
            assert!(check_string("test", bad).is_err(), "{bad:?}");
        }
        for good in ["é", "喆珺镕燊", "𠮷", "क\u{200d}ष", "㐱"] {
            assert!(check_string("test", good).is_ok(), "{good:?}");
        }
    }

    fn checked() -> impl Strategy<Value = Value> {
        let text = || "[ -~é喆\u{e000}\u{ff01}𠮷]{0,5}";
        let leaf = proptest::prop_oneof![
            proptest::bool::ANY.prop_map(Value::from),
            (-MAX_INTEGER..=MAX_INTEGER).prop_map(Value::from),
            text().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 5, move |inner| {
            let list = proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from);
            let members = proptest::collection::btree_map(text(), inner, 0..5);
            proptest::prop_oneof![list, members.prop_map(|m| m.into_iter().collect::<Map<_, _>>().into())]
        })
    }

    proptest::proptest! {
        #[test]
        fn both_ways_of_writing_are_one(value in checked()) {
            assert_eq!(to_bytes("test", &value).unwrap(), to_bytes_free("test", &value).unwrap());
        }

        #[test]
        fn what_is_read_is_what_would_be_written(bytes: Vec<u8>) {
            if let Ok(value) = parse("test", &bytes, 4096) {
                assert_eq!(to_bytes("test", &value).unwrap(), bytes);
            }
        }
    }
}
