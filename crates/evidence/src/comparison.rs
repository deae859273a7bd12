//! `comparison.json` (schemas `quezao/comparison/v1` and `v2`): what an algorithm found when it held a capture's images against
//! registered ones, or one capture against an earlier one. spec/comparison.md.
//!
//! The form alone is here: how pictures become numbers is nobody's business in this room. Two things are fixed by the
//! form, so that no writer can say more: the algorithms with their thresholds, and the sentence about what a
//! similarity is not.

mod differences;
mod licence;
mod parts;
mod scan;

pub use differences::{Changes, Differences, Fact, MAX_CHANGES, MAX_FACTS};
pub use licence::{Ended, Licence, MAX_LICENCES, Place, State};
pub use parts::{Match, PARTS, Similarity, combines};
pub use scan::{IMAGE_RESULTS, Image, NOT_COMPARED, Pair, Registered, Scan};

use crate::{
    Error, Result, hex,
    json::{self, Value, json},
    statement::{Ref, check_id},
    time::Utc,
};

/// The `schema` of version 1.
pub const SCHEMA: &str = "quezao/comparison/v1";
/// The `schema` of version 2, which tells of licences.
pub const SCHEMA_2: &str = "quezao/comparison/v2";
/// Most bytes of a document.
pub const MAX_BYTES: usize = 8 << 20;
/// Most images that are listed.
pub const MAX_IMAGES: usize = 2_000;
/// Most pairs that are listed.
pub const MAX_PAIRS: usize = 1_000;
/// Most bytes of a text.
pub const MAX_TEXT: usize = 2_000;
/// Most refs of the record.
pub const MAX_REFS: usize = 16;
/// Distances up to which a match is close: `dct-256`, `gradient-512`.
pub const CLOSE: (u64, u64) = (48, 120);
/// Distances up to which a match is possible, one or the other.
pub const POSSIBLE: [(u64, u64); 2] = [(60, 512), (72, 120)];
/// The sentence about what a similarity is not, Chinese and English.
pub const NOTICE: (&str, &str) = (
    "相似度由算法给出，不是侵权认定；未发现相似不等于不存在。",
    "Similarity by algorithm, not a finding of infringement; no match does not mean absent.",
);
const WHAT: &str = "comparison";

/// A document that obeys every rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The platform's own clock.
    pub compared_at: Utc,
    /// The capture in question.
    pub capture: Captured,
    /// What it was held against.
    pub against: Against,
    /// Licences that speak of the page or of the pairs, in the order of their records; `None`: version 1, which does not
    /// tell.
    pub licences: Option<Licences>,
}

/// Licences that a document tells of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Licences {
    /// The first ones.
    pub listed: Vec<Licence>,
    /// How many there were.
    pub found: u64,
}

/// What a capture was held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Against {
    /// The owner's registered images.
    Registered(Scan),
    /// An earlier capture.
    Earlier(Box<Captured>, Differences),
}

/// A capture's record and file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// Its record.
    pub record: Ref,
    /// Of its statement.
    pub received_at: Utc,
    /// Of its first statement token, character for character.
    pub gen_time: String,
    /// SHA-256 of the WACZ.
    pub sha256: [u8; 32],
    /// Its main page; `None` if longer than a text.
    pub url: Option<String>,
}

impl Comparison {
    /// Reads the exact bytes of `comparison.json`.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let value = json::parse(WHAT, bytes, MAX_BYTES)?;
        let schema = value.get("schema").and_then(Value::as_str).unwrap_or_default();
        match schema {
            SCHEMA => Self::from_value(&value, false),
            SCHEMA_2 => Self::from_value(&value, true),
            _ => Err(Error::Unknown { what: "comparison schema", found: schema.to_owned() }),
        }
    }

    /// The exact bytes of `comparison.json`. Fails where [`Comparison::parse`] would.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let bytes = json::to_bytes(WHAT, &self.to_value())?;
        Self::parse(&bytes)?;
        Ok(bytes)
    }

    /// The `refs` of its record: the capture, the earlier one, the records of the pairs, each once, up to 16.
    pub fn refs(&self) -> Vec<Ref> {
        let mut refs = vec![self.capture.record.clone()];
        match &self.against {
            Against::Earlier(earlier, _) => refs.push(earlier.record.clone()),
            Against::Registered(scan) => {
                for pair in &scan.pairs {
                    if refs.len() < MAX_REFS && !refs.contains(&pair.record.record) {
                        refs.push(pair.record.record.clone());
                    }
                }
            }
        }
        refs
    }

    /// Every record that it names: where it is, and when it was received.
    pub fn named(&self) -> Vec<(&Ref, Utc)> {
        let mut named = vec![(&self.capture.record, self.capture.received_at)];
        for licence in self.licences.iter().flat_map(|l| &l.listed) {
            named.push((&licence.record, licence.received_at));
            named.extend(licence.ended.as_ref().map(|e| (&e.record, e.received_at)));
        }
        match &self.against {
            Against::Earlier(earlier, _) => named.push((&earlier.record, earlier.received_at)),
            Against::Registered(scan) => {
                named.extend(scan.pairs.iter().map(|p| (&p.record.record, p.record.received_at)));
            }
        }
        named
    }

    /// Every file that it names by SHA-256 and that a reader may have: captures and registered files.
    pub fn sources(&self) -> Vec<[u8; 32]> {
        let mut sources = vec![self.capture.sha256];
        match &self.against {
            Against::Earlier(earlier, _) => sources.push(earlier.sha256),
            Against::Registered(scan) => sources.extend(scan.pairs.iter().map(|p| p.record.sha256)),
        }
        sources
    }

    fn from_value(value: &Value, second: bool) -> Result<Self> {
        let licences: &[&str] = if second { &["licences", "licences_found"] } else { &[] };
        let m = json::closed(
            WHAT,
            value,
            &[
                &[
                    "schema",
                    "compared_at",
                    "capture",
                    "earlier",
                    "algorithms",
                    "thresholds",
                    "images",
                    "images_found",
                    "registered",
                    "pairs",
                    "pairs_found",
                    "differences",
                    "notice",
                ],
                licences,
            ]
            .concat(),
        )?;
        if m["thresholds"] != thresholds() {
            return Err(Error::Unknown { what: "comparison thresholds", found: m["thresholds"].to_string() });
        }
        if m["algorithms"] != algorithms() {
            return Err(Error::Unknown { what: "comparison algorithms", found: m["algorithms"].to_string() });
        }
        if m["notice"] != notice() {
            return Err(Error::malformed("comparison notice", m["notice"].to_string(), notice().to_string()));
        }
        let scan = Scan {
            images: list("comparison images", &m["images"], MAX_IMAGES, Image::from_value)?,
            images_found: count("images_found", &m["images_found"])?,
            pairs: list("comparison pairs", &m["pairs"], MAX_PAIRS, Pair::from_value)?,
            pairs_found: count("pairs_found", &m["pairs_found"])?,
            ..Scan::default()
        };
        let against = match [&m["registered"], &m["earlier"], &m["differences"]] {
            [registered, Value::Null, Value::Null] => Against::Registered(scan.of(registered)?),
            [Value::Null, earlier, differences] if scan == Scan::default() => {
                let earlier = Captured::from_value(earlier)?;
                Against::Earlier(Box::new(earlier), Differences::from_value(differences)?)
            }
            _ => {
                let expected = "either registered images, or an earlier capture and no images";
                return Err(Error::malformed(WHAT, "both, or images of neither", expected));
            }
        };
        let mut document = Self {
            licences: None,
            compared_at: Utc::parse_micros(json::string("compared_at", &m["compared_at"])?)?,
            capture: Captured::from_value(&m["capture"])?,
            against,
        };
        if second {
            let read = list("comparison licences", &m["licences"], MAX_LICENCES, Licence::from_value)?;
            let found = count("licences_found", &m["licences_found"])?;
            if let Some((licence, said)) = read.iter().find(|(l, said)| l.state(&document.capture).as_str() != said) {
                return Err(Error::mismatch("state of a licence", said, licence.state(&document.capture).as_str()));
            }
            document.licences = Some(Licences { listed: read.into_iter().map(|(l, _)| l).collect(), found });
        }
        document.check()?;
        Ok(document)
    }

    fn to_value(&self) -> Value {
        let none = Scan::default();
        let (scan, earlier, differences) = match &self.against {
            Against::Registered(scan) => (scan, Value::Null, Value::Null),
            Against::Earlier(earlier, differences) => (&none, earlier.to_value(), differences.to_value()),
        };
        let mut value = json!({
            "schema": if self.licences.is_some() { SCHEMA_2 } else { SCHEMA },
            "compared_at": self.compared_at.to_micros(),
            "capture": self.capture.to_value(),
            "earlier": earlier,
            "algorithms": algorithms(),
            "thresholds": thresholds(),
            "images": scan.images.iter().map(Image::to_value).collect::<Vec<_>>(),
            "images_found": scan.images_found,
            "registered": if differences.is_null() { scan.registered() } else { Value::Null },
            "pairs": scan.pairs.iter().map(Pair::to_value).collect::<Vec<_>>(),
            "pairs_found": scan.pairs_found,
            "differences": differences,
            "notice": notice(),
        });
        if let Some(licences) = &self.licences {
            value["licences"] = licences.listed.iter().map(|l| l.to_value(&self.capture)).collect::<Vec<_>>().into();
            value["licences_found"] = licences.found.into();
        }
        value
    }

    /// What one member says about another.
    fn check(&self) -> Result<()> {
        let later = self.named().into_iter().find(|(_, at)| *at > self.compared_at);
        if let Some((record, at)) = later {
            let expected = format!("at or after {} of {}", at.to_micros(), record.id);
            return Err(Error::mismatch("compared_at", self.compared_at.to_micros(), expected));
        }
        let pairs = match &self.against {
            Against::Registered(scan) => scan.pairs.len(),
            Against::Earlier(..) => 0,
        };
        if let Some(Licences { listed: licences, found }) = &self.licences {
            listed("licences_found", licences.len(), MAX_LICENCES, *found)?;
            licences.iter().try_for_each(|l| l.check(pairs))?;
            if let Some(pair) = licences.windows(2).find(|w| w[0].rank() >= w[1].rank()) {
                let expected = "in the order of their records, each once";
                return Err(Error::malformed("comparison licences", &pair[1].record.id, expected));
            }
        }
        match &self.against {
            Against::Registered(scan) => scan.check(),
            Against::Earlier(earlier, _) if earlier.record == self.capture.record => {
                Err(Error::malformed("comparison earlier", &earlier.record.id, "another capture"))
            }
            Against::Earlier(earlier, _) if earlier.received_at > self.capture.received_at => Err(Error::mismatch(
                "received_at of the earlier capture",
                earlier.received_at.to_micros(),
                format!("at or before {}", self.capture.received_at.to_micros()),
            )),
            Against::Earlier(..) => Ok(()),
        }
    }
}

impl Captured {
    fn from_value(value: &Value) -> Result<Self> {
        let names = ["ledger", "id", "leaf", "received_at", "gen_time", "sha256", "url"];
        let m = json::closed("comparison capture", value, &names)?;
        let (record, received_at, gen_time) = record_of(m)?;
        Ok(Self { record, received_at, gen_time, sha256: digest(&m["sha256"])?, url: optional("url", &m["url"])? })
    }

    fn to_value(&self) -> Value {
        let mut value = named(&self.record, self.received_at, &self.gen_time);
        value["sha256"] = hex::encode(&self.sha256).into();
        value["url"] = json!(self.url);
        value
    }
}

fn algorithms() -> Value {
    json!([
        {"name": "dct-256", "version": 1, "bits": 256},
        {"name": "gradient-512", "version": 1, "bits": 512},
    ])
}

fn thresholds() -> Value {
    let pair = |(dct, gradient): (u64, u64)| json!({"dct": dct, "gradient": gradient});
    json!({"close": pair(CLOSE), "possible": POSSIBLE.map(pair)})
}

fn notice() -> Value {
    json!({"zh": NOTICE.0, "en": NOTICE.1})
}

/// The five members that every named record has.
fn record_of(m: &json::Map<String, Value>) -> Result<(Ref, Utc, String)> {
    let record = Ref {
        ledger: text("ledger", &m["ledger"])?,
        id: text("id", &m["id"])?,
        leaf: hex::decode("leaf", json::string("leaf", &m["leaf"])?)?,
    };
    let received_at = Utc::parse_micros(json::string("received_at", &m["received_at"])?)?;
    check_id(&record.id, received_at)?;
    let gen_time = text("gen_time", &m["gen_time"])?;
    Utc::parse_generalized(&gen_time)?;
    Ok((record, received_at, gen_time))
}

fn named(record: &Ref, received_at: Utc, gen_time: &str) -> Value {
    json!({
        "ledger": record.ledger, "id": record.id, "leaf": hex::encode(&record.leaf),
        "received_at": received_at.to_micros(), "gen_time": gen_time,
    })
}

/// What is listed is all that was found, or the most that may be listed.
pub(crate) fn listed(what: &'static str, length: usize, most: usize, found: u64) -> Result<()> {
    let length = length as u64;
    if found == length || length == most as u64 && found > length {
        return Ok(());
    }
    Err(Error::malformed(what, found.to_string(), format!("{length}, as many as are listed")))
}

pub(crate) fn list<T>(
    what: &'static str,
    value: &Value,
    most: usize,
    read: impl Fn(&Value) -> Result<T>,
) -> Result<Vec<T>> {
    let items = value.as_array().ok_or_else(|| Error::malformed(what, value.to_string(), "an array"))?;
    if items.len() > most {
        return Err(Error::TooLarge { what, found: items.len() as u64, limit: most as u64 });
    }
    items.iter().map(read).collect()
}

pub(crate) fn count(what: &'static str, value: &Value) -> Result<u64> {
    value.as_u64().ok_or_else(|| Error::malformed(what, value.to_string(), "an integer from 0"))
}

pub(crate) fn text(what: &'static str, value: &Value) -> Result<String> {
    let text = json::string(what, value)?;
    if text.len() > MAX_TEXT {
        return Err(Error::TooLarge { what, found: text.len() as u64, limit: MAX_TEXT as u64 });
    }
    Ok(text.to_owned())
}

pub(crate) fn optional(what: &'static str, value: &Value) -> Result<Option<String>> {
    if value.is_null() { Ok(None) } else { text(what, value).map(Some) }
}

pub(crate) fn digest(value: &Value) -> Result<[u8; 32]> {
    hex::decode("sha256", json::string("sha256", value)?)
}

#[cfg(test)]
mod tests;
