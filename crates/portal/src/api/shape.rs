//! The shapes of the API's JSON.
//!
//! One table of members reads what programs send and describes it (OpenAPI); in debug builds every answer is held
//! against its own. So the description cannot say something else than the code does.

use crate::flat::{Flat, Scalar};
use evidence::{
    hex,
    json::{self, Map, Value, json},
    time::Utc,
};
use service::{Answer, Refusal};

/// A closed object, under the name that it has among the description's components.
pub(crate) struct Shape {
    pub name: &'static str,
    /// Groups of members, in the order in which they are shown.
    pub members: &'static [&'static [Member]],
}

/// A member, and what it says in both languages.
pub(crate) struct Member {
    pub name: &'static str,
    pub kind: Kind,
    pub need: Need,
    pub zh: &'static str,
    pub en: &'static str,
}

/// Whether a member must be there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// There, with a value.
    Always,
    /// There, but it may be `null`.
    OrNull,
    /// Absent, or `null`, or a value.
    Maybe,
}

/// What a member holds.
pub(crate) enum Kind {
    /// 64 lower-case hex digits.
    Digest,
    /// A whole number, from and up to.
    Whole(u64, u64),
    /// Text without control and invisible characters, NFC, up to so many bytes.
    Text(usize),
    /// One of these words.
    Word(&'static [&'static str]),
    /// UTC with microseconds, `2026-11-24T03:05:00.000000Z`.
    Time,
    /// Yes or no.
    Flag,
    /// Texts: from and up to so many, each up to 4,096 bytes.
    Texts(usize, usize),
    /// Another object.
    Object(&'static Shape),
    /// Objects, at most so many.
    List(&'static Shape, usize),
    /// An object whose names vary.
    Free,
}

/// The table's line.
pub(crate) const fn member(name: &'static str, kind: Kind, need: Need, zh: &'static str, en: &'static str) -> Member {
    Member { name, kind, need, zh, en }
}

/// Members that were held against their shape.
#[derive(Debug)]
pub(crate) struct Read<'f>(&'f Flat);

impl Read<'_> {
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.0.members.get(name) {
            Some(Scalar::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        match self.0.members.get(name) {
            Some(Scalar::Texts(texts)) => texts.clone(),
            _ => Vec::new(),
        }
    }

    pub(crate) fn whole(&self, name: &str) -> u64 {
        match self.0.members.get(name) {
            Some(Scalar::Number(number)) => *number,
            _ => 0,
        }
    }

    pub(crate) fn digest(&self, name: &'static str) -> [u8; 32] {
        self.text(name).and_then(|text| hex::decode(name, &text).ok()).unwrap_or_default()
    }
}

impl Shape {
    pub(crate) fn all(&self) -> impl Iterator<Item = &'static Member> {
        self.members.iter().copied().flatten()
    }

    /// Reads an object that somebody sent; the first thing that is wrong, by its field.
    pub(crate) fn read<'f>(&self, flat: &'f Flat) -> Answer<Read<'f>> {
        if !flat.is_object {
            return Err(Refusal::field("body", "应为一个 JSON 对象", "it must be a JSON object"));
        }
        if let Some(name) = &flat.twice {
            let name = plain(name);
            return Err(Refusal::field(
                "body",
                format!("字段“{name}”出现两次"),
                format!("the field {name} stands twice"),
            ));
        }
        if let Some(name) = flat.members.keys().find(|name| self.all().all(|m| m.name != *name)) {
            let name = plain(name);
            return Err(Refusal::field("body", format!("没有“{name}”这个字段"), format!("there is no field {name}")));
        }
        for member in self.all() {
            match (flat.members.get(member.name), member.need) {
                (None | Some(Scalar::Null), Need::Maybe) => {}
                (None | Some(Scalar::Null), _) => {
                    let name = member.name;
                    return Err(Refusal::field(name, format!("请给出 {name}"), format!("give {name}")));
                }
                (Some(value), _) => member.check(value)?,
            }
        }
        Ok(Read(flat))
    }

    /// JSON Schema (2020-12).
    pub(crate) fn schema(&self) -> Value {
        let mut properties = Map::new();
        for member in self.all() {
            properties.insert(member.name.into(), member.schema());
        }
        let required: Vec<&str> = self.all().filter(|m| m.need != Need::Maybe).map(|m| m.name).collect();
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
    }

    /// Shapes that members of this one hold, itself first.
    pub(crate) fn with_inner(&'static self) -> Vec<&'static Shape> {
        let inner = self.all().filter_map(|m| match m.kind {
            Kind::Object(shape) | Kind::List(shape, _) => Some(shape.with_inner()),
            _ => None,
        });
        let mut all: Vec<&Shape> = vec![self];
        for shape in inner.flatten() {
            if all.iter().all(|known| known.name != shape.name) {
                all.push(shape);
            }
        }
        all
    }

    /// What of an answer the description does not say.
    pub(crate) fn misfit(&self, value: &Value) -> Option<String> {
        let Some(object) = value.as_object() else { return Some(format!("{} is no object", self.name)) };
        let unknown = object.keys().find(|name| self.all().all(|m| m.name != *name));
        let wrong = || self.all().find(|m| !m.fits(object.get(m.name))).map(|m| m.name.to_owned());
        unknown.cloned().or_else(wrong).map(|name| format!("{}.{name}: {:?}", self.name, object.get(&name)))
    }
}

impl Member {
    fn check(&self, value: &Scalar) -> Answer<()> {
        let name = self.name;
        let wrong = |zh: String, en: String| Err(Refusal::field(name, format!("{name} {zh}"), format!("{name} {en}")));
        let text = |text: &str, most: usize| match json::check_string(name, text) {
            Err(e) => wrong(format!("不能使用（{}）", e.zh()), format!("cannot be used ({e})")),
            Ok(()) if text.len() > most => wrong(format!("超过 {most} 字节"), format!("is longer than {most} bytes")),
            Ok(()) => Ok(()),
        };
        match (&self.kind, value) {
            (Kind::Digest, Scalar::Text(t)) if hex::decode::<32>(name, t).is_ok() => Ok(()),
            (Kind::Digest, _) => wrong("须为 64 位小写十六进制".into(), "must be 64 lower-case hex digits".into()),
            (Kind::Whole(least, most), Scalar::Number(n)) if (least..=most).contains(&n) => Ok(()),
            (Kind::Whole(least, most), _) => wrong(
                format!("须为 {least} 至 {most} 的整数"),
                format!("must be a whole number from {least} to {most}"),
            ),
            (Kind::Text(most), Scalar::Text(t)) => text(t, *most),
            (Kind::Word(words), Scalar::Text(t)) if words.contains(&t.as_str()) => Ok(()),
            (Kind::Word(words), _) => {
                let words = words.join(", ");
                wrong(format!("须为 {words} 之一"), format!("must be one of {words}"))
            }
            (Kind::Texts(least, most), Scalar::Texts(texts)) if (*least..=*most).contains(&texts.len()) => {
                texts.iter().try_for_each(|t| text(t, 4096))
            }
            (Kind::Texts(least, most), _) => wrong(
                format!("须为 {least} 至 {most} 个文字的列表"),
                format!("must be a list of {least} to {most} strings"),
            ),
            _ => wrong("须为文字".into(), "must be a string".into()),
        }
    }

    fn schema(&self) -> Value {
        let list = |items: Value, least: usize, most: usize| json!({"type": "array", "items": items, "minItems": least, "maxItems": most});
        let reference = |shape: &Shape| json!({"$ref": format!("#/components/schemas/{}", shape.name)});
        let mut schema = match &self.kind {
            Kind::Digest => json!({"type": "string", "pattern": "^[0-9a-f]{64}$"}),
            Kind::Whole(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
            Kind::Text(most) => json!({"type": "string", "maxLength": most}),
            Kind::Word(words) => json!({"type": "string", "enum": words}),
            Kind::Time => json!({"type": "string", "format": "date-time"}),
            Kind::Flag => json!({"type": "boolean"}),
            Kind::Texts(least, most) => list(json!({"type": "string", "maxLength": 4096}), *least, *most),
            Kind::Object(shape) => reference(shape),
            Kind::List(shape, most) => list(reference(shape), 0, *most),
            Kind::Free => json!({"type": "object"}),
        };
        if self.need != Need::Always {
            schema = match (&self.kind, schema["type"].as_str().map(str::to_owned)) {
                (Kind::Word(words), _) => {
                    let words: Vec<Value> = words.iter().map(|w| json!(w)).chain([Value::Null]).collect();
                    json!({"type": ["string", "null"], "enum": words})
                }
                (_, Some(one)) => {
                    schema["type"] = json!([one, "null"]);
                    schema
                }
                (_, None) => json!({"oneOf": [schema, {"type": "null"}]}),
            };
        }
        schema["description"] = json!(self.en);
        schema["x-description-zh"] = json!(self.zh);
        schema
    }

    fn fits(&self, value: Option<&Value>) -> bool {
        let Some(value) = value else { return self.need == Need::Maybe };
        let text = value.as_str();
        match &self.kind {
            _ if value.is_null() => self.need != Need::Always,
            Kind::Digest => text.is_some_and(|t| hex::decode::<32>("digest", t).is_ok()),
            Kind::Whole(least, most) => value.as_u64().is_some_and(|n| (least..=most).contains(&&n)),
            Kind::Text(_) => text.is_some(),
            Kind::Word(words) => text.is_some_and(|t| words.contains(&t)),
            Kind::Time => text.is_some_and(|t| Utc::parse_micros(t).is_ok()),
            Kind::Flag => value.is_boolean(),
            Kind::Texts(..) => value.as_array().is_some_and(|a| a.iter().all(Value::is_string)),
            Kind::Object(shape) => shape.misfit(value).is_none(),
            Kind::List(shape, _) => value.as_array().is_some_and(|a| a.iter().all(|v| shape.misfit(v).is_none())),
            Kind::Free => value.is_object(),
        }
    }
}

/// A name that somebody sent, as it may be said back.
fn plain(name: &str) -> String {
    service::show_path(std::path::Path::new(name)).chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::flat;
    use service::Why;

    const SHAPE: Shape = Shape {
        name: "Test",
        members: &[
            &[
                member("sha256", Kind::Digest, Need::Always, "", ""),
                member("n", Kind::Whole(1, 9), Need::OrNull, "", ""),
            ],
            &[
                member("title", Kind::Text(8), Need::Maybe, "", ""),
                member("purpose", Kind::Word(&["own", "other"]), Need::Maybe, "", ""),
                member("urls", Kind::Texts(1, 2), Need::Maybe, "", ""),
            ],
        ],
    };

    #[test]
    fn the_first_thing_that_is_wrong_is_named_by_its_field() {
        let read = |body: &str| SHAPE.read(&flat::parse(body.as_bytes()).unwrap()).map(|_| ()).map_err(|r| r.why);
        let digest = "ab".repeat(32);
        let with = |rest: &str| read(&format!("{{\"sha256\":\"{digest}\",\"n\":1{rest}}}"));
        assert_eq!(with(""), Ok(()));
        assert_eq!(with(",\"title\":null,\"urls\":[\"a\"],\"purpose\":\"own\""), Ok(()));
        for (rest, field) in [
            (",\"n\":2", "body"),
            (",\"other\":2", "body"),
            (",\"title\":7", "title"),
            (",\"title\":\"123456789\"", "title"),
            (",\"title\":\"a\\u202eb\"", "title"),
            (",\"title\":\"a\\u0000b\"", "title"),
            (",\"title\":[\"a\"]", "title"),
            (",\"purpose\":\"mine\"", "purpose"),
            (",\"urls\":[]", "urls"),
            (",\"urls\":[\"a\",\"b\",\"c\"]", "urls"),
            (",\"urls\":\"a\"", "urls"),
        ] {
            assert_eq!(with(rest), Err(Why::Field(field)), "{rest}");
        }
        assert_eq!(read(&format!("{{\"sha256\":\"{}\",\"n\":1}}", digest.to_uppercase())), Err(Why::Field("sha256")));
        assert_eq!(read(&format!("{{\"sha256\":\"{digest}\",\"n\":0}}")), Err(Why::Field("n")));
        assert_eq!(read(&format!("{{\"sha256\":\"{digest}\",\"n\":1.5}}")), Err(Why::Field("n")));
        assert_eq!(read("[1]"), Err(Why::Field("body")));
    }

    #[test]
    fn an_answer_that_is_not_as_described_is_noticed() {
        let digest = "ab".repeat(32);
        assert_eq!(SHAPE.misfit(&json!({"sha256": digest, "n": null})), None);
        for bad in
            [json!({"sha256": digest}), json!({"sha256": null, "n": 1}), json!({"sha256": digest, "n": 1, "x": 1})]
        {
            assert!(SHAPE.misfit(&bad).is_some(), "{bad}");
        }
    }
}
