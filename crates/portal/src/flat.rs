//! A flat JSON object as programs send it: each name once; texts, whole numbers and `null`, nothing nested.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use std::{collections::BTreeMap, fmt};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    Null,
    Text(String),
    Number(u64),
}

/// Members by name.
#[derive(Debug)]
pub(crate) struct Flat(pub BTreeMap<String, Scalar>);

/// The object, or what is wrong with it.
pub(crate) fn parse(bytes: &[u8]) -> Result<Flat, String> {
    serde_json::from_slice(bytes).map_err(|e| e.to_string())
}

impl<'de> Deserialize<'de> for Flat {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Flat;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Flat, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = from.next_entry::<String, Scalar>()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("a name stands twice"));
                    }
                }
                Ok(Flat(members))
            }
        }
        from.deserialize_map(Members)
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct One;
        impl Visitor<'_> for One {
            type Value = Scalar;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, a whole number or null")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar::Text(text.to_owned()))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Scalar, E> {
                Ok(Scalar::Number(number))
            }
            fn visit_unit<E: Error>(self) -> Result<Scalar, E> {
                Ok(Scalar::Null)
            }
        }
        from.deserialize_any(One)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_not_flat_and_single_is_refused() {
        let good = parse(br#" {"a": "x", "n": 7, "z": null} "#).unwrap().0;
        assert_eq!(good["n"], Scalar::Number(7));
        let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        let nested = format!("{{\"a\":{deep}}}");
        for bad in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":1e400}"#,
            r#"{"a":1.5}"#,
            r#"{"a":-1}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":{}}"#,
            "[]",
            "",
            "{",
            nested.as_str(),
            deep.as_str(),
            r#"{"a":true}"#,
            r#"{} {}"#,
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad:.40}");
        }
    }
}
