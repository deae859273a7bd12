//! JSON as programs send it: an object of texts, whole numbers, lists of these and `null`.
//!
//! What stands twice, or is something else, is kept in mind with its name instead of ending the reading: so a refusal
//! names the field, and one bad object of many does not spoil the rest. Only what is no JSON at all ends it.

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::{collections::BTreeMap, fmt};

/// Most elements of a list that are kept.
const LIST: usize = 1000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    Null,
    Text(String),
    Number(u64),
    /// Texts alone, in order.
    Texts(Vec<String>),
    /// Anything else: true, 1.5, -1, an object, a list of lists.
    Other,
}

/// Members by name, and a name that stands twice; no members and no name where it is no object.
#[derive(Debug, Default)]
pub(crate) struct Flat {
    pub members: BTreeMap<String, Scalar>,
    pub twice: Option<String>,
    pub is_object: bool,
}

/// The object, or why it is no JSON.
pub(crate) fn parse(bytes: &[u8]) -> Result<Flat, String> {
    serde_json::from_slice(bytes).map_err(|e| e.to_string())
}

impl<'de> Deserialize<'de> for Flat {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Whole)
    }
}

struct Whole;

impl<'de> Visitor<'de> for Whole {
    type Value = Flat;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Flat, A::Error> {
        let mut flat = Flat { is_object: true, ..Flat::default() };
        while let Some((name, value)) = from.next_entry::<String, Scalar>()? {
            if flat.members.insert(name.clone(), value).is_some() {
                flat.twice = Some(name);
            }
        }
        Ok(flat)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Flat, A::Error> {
        while from.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Flat::default())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Flat, E> {
        Ok(Flat::default())
    }
    fn visit_u64<E: Error>(self, _: u64) -> Result<Flat, E> {
        Ok(Flat::default())
    }
    fn visit_i64<E: Error>(self, _: i64) -> Result<Flat, E> {
        Ok(Flat::default())
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<Flat, E> {
        Ok(Flat::default())
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<Flat, E> {
        Ok(Flat::default())
    }
    fn visit_unit<E: Error>(self) -> Result<Flat, E> {
        Ok(Flat::default())
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(One)
    }
}

struct One;

impl<'de> Visitor<'de> for One {
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
    fn visit_i64<E: Error>(self, _: i64) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Scalar, A::Error> {
        let mut texts = Some(Vec::new());
        while let Some(one) = from.next_element::<Scalar>()? {
            match (one, &mut texts) {
                (Scalar::Text(text), Some(texts)) if texts.len() < LIST => texts.push(text),
                _ => texts = None,
            }
        }
        Ok(texts.map_or(Scalar::Other, Scalar::Texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Scalar, A::Error> {
        while from.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_json_but_not_flat_and_single_is_kept_in_mind_with_its_name() {
        let good = parse(br#" {"a": "x", "n": 7, "z": null, "l": ["p", "q"]} "#).unwrap();
        assert!(good.is_object && good.twice.is_none() && good.members["n"] == Scalar::Number(7));
        assert_eq!(good.members["l"], Scalar::Texts(vec!["p".into(), "q".into()]));
        for other in ["1.5", "-1", "true", "{\"b\":{}}", "[[\"p\"]]", "[1]"] {
            assert_eq!(parse(format!("{{\"a\":{other}}}").as_bytes()).unwrap().members["a"], Scalar::Other, "{other}");
        }
        assert_eq!(parse(br#"{"a":1,"a":2}"#).unwrap().twice.as_deref(), Some("a"));
        for other in ["[]", "7", "-7", "1.5", "true", "null", "\"x\""] {
            assert!(!parse(other.as_bytes()).unwrap().is_object, "{other}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        let nested = format!("{{\"a\":{deep}}}");
        for bad in [r#"{"a":1e400}"#, r#"{"a":"\ud800"}"#, "", "{", nested.as_str(), r#"{"a":01}"#, "{} {}"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad:.40}");
        }
    }
}
