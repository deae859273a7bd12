//! Licences of the owner's that speak of the page or of the pictures that were found, as a document tells of them.
//!
//! How each stood on the day of the capture follows from its days, so a document cannot say otherwise. That there are no
//! others is the platform's word.

use super::{Captured, named, optional, record_of, text};
use crate::{
    Error, Result,
    json::{self, Value, json},
    statement::Ref,
    time::{SECOND, Utc},
};

/// Most licences that are listed.
pub const MAX_LICENCES: usize = 64;
const WHAT: &str = "comparison licences";

/// One licence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Licence {
    /// Its record.
    pub record: Ref,
    /// Of its statement.
    pub received_at: Utc,
    /// Of its first statement token, character for character.
    pub gen_time: String,
    /// Who may use the pictures, as recorded.
    pub licensee: String,
    /// First day, `2026-01-31`, UTC+8.
    pub from: String,
    /// Last day; `None`: none is stated.
    pub until: Option<String>,
    /// Whether its URL patterns fit the page.
    pub place: Place,
    /// Places in the document's pairs whose registered picture it names, itself or by a collection; ascending.
    pub pairs: Vec<usize>,
    /// What ended it, where something had when the page was compared.
    pub ended: Option<Ended>,
}

/// Where a licence holds, seen from the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// This pattern of its fits the page's URL.
    Page(String),
    /// It states no pattern.
    Any,
    /// It states patterns, and none fits; or the page's URL is not known.
    Elsewhere,
}

/// The record that ended a licence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its record.
    pub record: Ref,
    /// Of its statement.
    pub received_at: Utc,
    /// Of its first statement token.
    pub gen_time: String,
    /// First day on which the licence holds no more.
    pub from: String,
}

/// How a licence stood on the day of the capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its first day had not come.
    Coming,
    /// It held.
    Valid,
    /// Its last day had passed.
    Over,
    /// It had been ended.
    Ended,
}

impl State {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Coming => "coming",
            Self::Valid => "valid",
            Self::Over => "over",
            Self::Ended => "ended",
        }
    }
}

impl Licence {
    /// How it stood on the day (UTC+8) on which the capture was received.
    pub fn state(&self, capture: &Captured) -> State {
        let day = day_of(capture.received_at);
        let reached = |day_of_it: &str| day_of_it <= day.as_str();
        if self.ended.as_ref().is_some_and(|e| reached(&e.from)) {
            State::Ended
        } else if self.until.as_deref().is_some_and(|until| until < day.as_str()) {
            State::Over
        } else if reached(&self.from) {
            State::Valid
        } else {
            State::Coming
        }
    }

    pub(super) fn from_value(value: &Value) -> Result<(Self, String)> {
        let names = [
            "ledger",
            "id",
            "leaf",
            "received_at",
            "gen_time",
            "licensee",
            "from",
            "until",
            "state",
            "place",
            "pattern",
            "pairs",
            "ended",
        ];
        let m = json::closed(WHAT, value, &names)?;
        let (record, received_at, gen_time) = record_of(m)?;
        let pattern = optional("pattern", &m["pattern"])?;
        let place = match (json::string("place", &m["place"])?, pattern) {
            ("page", Some(pattern)) => Place::Page(pattern),
            ("any", None) => Place::Any,
            ("elsewhere", None) => Place::Elsewhere,
            (place, pattern) => {
                let expected = "page with the pattern that fits, any, or elsewhere";
                return Err(Error::malformed("place of a licence", format!("{place} {pattern:?}"), expected));
            }
        };
        let ended = match &m["ended"] {
            Value::Null => None,
            value => {
                let m = json::closed(WHAT, value, &["ledger", "id", "leaf", "received_at", "gen_time", "from"])?;
                let (record, received_at, gen_time) = record_of(m)?;
                Some(Ended { record, received_at, gen_time, from: day("from", &m["from"])? })
            }
        };
        let until = if m["until"].is_null() { None } else { Some(day("until", &m["until"])?) };
        let number = |v: &Value| v.as_u64().and_then(|n| usize::try_from(n).ok());
        let pairs: Option<Vec<usize>> = m["pairs"].as_array().and_then(|list| list.iter().map(number).collect());
        let pairs = pairs.ok_or_else(|| Error::malformed("pairs of a licence", m["pairs"].to_string(), "places"))?;
        let licence = Self {
            record,
            received_at,
            gen_time,
            licensee: text("licensee", &m["licensee"])?,
            from: day("from", &m["from"])?,
            until,
            place,
            pairs,
            ended,
        };
        Ok((licence, text("state", &m["state"])?))
    }

    pub(super) fn to_value(&self, capture: &Captured) -> Value {
        let mut value = named(&self.record, self.received_at, &self.gen_time);
        let (place, pattern) = match &self.place {
            Place::Page(pattern) => ("page", Some(pattern)),
            Place::Any => ("any", None),
            Place::Elsewhere => ("elsewhere", None),
        };
        value["licensee"] = self.licensee.clone().into();
        value["from"] = self.from.clone().into();
        value["until"] = json!(self.until);
        value["state"] = self.state(capture).as_str().into();
        value["place"] = place.into();
        value["pattern"] = json!(pattern);
        value["pairs"] = json!(self.pairs);
        value["ended"] = self.ended.as_ref().map_or(Value::Null, |e| {
            let mut value = named(&e.record, e.received_at, &e.gen_time);
            value["from"] = e.from.clone().into();
            value
        });
        value
    }

    /// What its own members say about one another and about the pairs.
    pub(super) fn check(&self, pairs: usize) -> Result<()> {
        let ascending = self.pairs.windows(2).all(|w| w[0] < w[1]);
        if !ascending || self.pairs.last().is_some_and(|last| *last >= pairs) {
            let expected = format!("places under {pairs}, ascending");
            return Err(Error::malformed("pairs of a licence", format!("{:?}", self.pairs), expected));
        }
        if self.pairs.is_empty() && !matches!(self.place, Place::Page(_)) {
            return Err(Error::malformed(WHAT, &self.record.id, "one that speaks of the page or of a pair"));
        }
        if self.until.as_deref().is_some_and(|until| until < self.from.as_str()) {
            return Err(Error::mismatch("until of a licence", self.until.clone().unwrap_or_default(), &self.from));
        }
        let early = self.ended.as_ref().filter(|e| e.received_at < self.received_at || e.record == self.record);
        match early {
            Some(ended) => {
                Err(Error::malformed("end of a licence", &ended.record.id, "a later record than the licence"))
            }
            None => Ok(()),
        }
    }

    /// Its order in a document.
    pub(super) fn rank(&self) -> (Utc, &str) {
        (self.received_at, &self.record.id)
    }
}

/// The day of an instant, UTC+8.
fn day_of(at: Utc) -> String {
    let mut text = at.plus(8 * 3600 * SECOND).to_micros();
    text.truncate(10);
    text
}

/// `2026-12-24`, a day that exists.
fn day(what: &'static str, value: &Value) -> Result<String> {
    let text = json::string(what, value)?;
    if text.len() == 10 {
        Utc::parse_micros(&format!("{text}T00:00:00.000000Z"))?;
        return Ok(text.to_owned());
    }
    Err(Error::malformed(what, text, "a day such as 2026-12-24"))
}
