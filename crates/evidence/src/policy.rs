//! C2SP tlog-policy: whose signatures make a checkpoint valid, by the reader's own word.
//!
//! Rules: a line that is not understood fails the whole file; logs are of type 01, witnesses of type
//! 04 or 06; one public key stands on one line, whatever names, ids and types are given to it, so
//! that nobody counts twice; each name is a member of at most one group. Names are octets.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Error, Result, cosignature,
    error::printable,
    note::{KeyType, Note, VerifierKey},
};

/// Most logs, witnesses and groups, each.
pub const MAX_ITEMS: usize = 64;
/// Longest policy in bytes.
pub const MAX_POLICY: usize = 64 * 1024;

const WHAT: &str = "policy";

/// A parsed policy.
#[derive(Clone, Debug)]
pub struct Policy {
    logs: Vec<VerifierKey>,
    witnesses: Vec<(String, VerifierKey)>,
    groups: Vec<Group>,
    /// `None` is the line `quorum none`.
    quorum: Option<Member>,
}

/// What a policy found under one checkpoint.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The log key of the checkpoint's origin, if the policy lists one.
    pub log: Option<VerifierKey>,
    /// Witnesses of the policy whose cosignatures verified, with their policy name and time in seconds.
    pub cosigned: Vec<(String, VerifierKey, u64)>,
    /// Witnesses of the policy whose line is there but does not verify: a contradiction.
    pub bad: Vec<(String, VerifierKey)>,
    /// Whether the quorum is met.
    pub met: bool,
    /// Signature lines that no key of the policy explains.
    pub unknown_lines: usize,
    /// The quorum in words, for example `2 of 3 (courts)` or `none`.
    pub quorum: String,
}

impl Policy {
    /// Strict: a line that is not understood fails, and so does a public key on two lines.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MAX_POLICY {
            return Err(Error::TooLarge { what: WHAT, found: bytes.len() as u64, limit: MAX_POLICY as u64 });
        }
        let Some(body) = bytes.strip_suffix(b"\n") else {
            return Err(Error::malformed(WHAT, "no newline at the end", "lines ending in a newline, a quorum line"));
        };
        let mut reader = Reader::default();
        for (n, line) in body.split(|b| *b == b'\n').enumerate() {
            reader.line(Place { number: n + 1, line })?;
        }
        let quorum =
            reader.quorum.ok_or_else(|| Error::malformed(WHAT, "no quorum line", "exactly one quorum line"))?;
        Ok(Self { logs: reader.logs, witnesses: reader.witnesses, groups: reader.groups, quorum })
    }

    /// Log keys, in order.
    pub fn logs(&self) -> &[VerifierKey] {
        &self.logs
    }

    /// Witnesses: policy name and key, in order. A name that is not UTF-8 is shown with U+FFFD.
    pub fn witnesses(&self) -> &[(String, VerifierKey)] {
        &self.witnesses
    }

    /// Evaluates the policy on a note whose origin is `origin`. The log's own signature is `Note::verify_log`'s to check.
    pub fn evaluate(&self, note: &Note, origin: &str) -> Evaluation {
        // Of two keys under one origin the one that left a line is meant; only one can be bound to it.
        let of_origin = || self.logs.iter().filter(|key| key.name() == origin);
        let log = of_origin().find(|key| note.line_of(key).is_some()).or_else(|| of_origin().next());
        let (mut cosigned, mut bad) = (Vec::new(), Vec::new());
        let mut stands = vec![false; self.witnesses.len()];
        for ((name, key), stands) in self.witnesses.iter().zip(&mut stands) {
            match cosignature::verify(note, key) {
                Ok(Some(word)) => {
                    *stands = true;
                    cosigned.push((name.clone(), key.clone(), word.unix_seconds));
                }
                Ok(None) => {}
                Err(_) => bad.push((name.clone(), key.clone())),
            }
        }
        let explained = |line| self.witnesses.iter().map(|w| &w.1).chain(log).any(|key| key.owns(line));
        Evaluation {
            log: log.cloned(),
            met: self.is_met(&stands),
            unknown_lines: note.signatures.iter().filter(|line| !explained(line)).count(),
            quorum: self.quorum.map_or_else(|| "none".to_owned(), |member| self.in_words(member)),
            cosigned,
            bad,
        }
    }

    /// Whether the witnesses of these keys would meet the quorum.
    pub fn is_met_by(&self, stands: impl Fn(&VerifierKey) -> bool) -> bool {
        self.is_met(&self.witnesses.iter().map(|(_, key)| stands(key)).collect::<Vec<_>>())
    }

    /// `stands` says for each witness whether it cosigned.
    fn is_met(&self, stands: &[bool]) -> bool {
        // Groups name only earlier groups, so one pass in order settles all of them.
        let mut groups: Vec<bool> = Vec::with_capacity(self.groups.len());
        let holds = |member: Member, groups: &[bool]| match member {
            Member::Witness(n) => stands[n],
            Member::Group(n) => groups[n],
        };
        for group in &self.groups {
            let count = group.members.iter().filter(|m| holds(**m, &groups)).count();
            groups.push(count >= group.threshold);
        }
        self.quorum.is_none_or(|member| holds(member, &groups))
    }

    /// `1 of 1 (name)` for a witness, `k of n (name)` for a group; groups inside follow a colon.
    fn in_words(&self, member: Member) -> String {
        let group = match member {
            Member::Witness(n) => return format!("1 of 1 ({})", printable(&self.witnesses[n].0)),
            Member::Group(n) => &self.groups[n],
        };
        let inside: Vec<String> =
            group.members.iter().filter(|m| matches!(m, Member::Group(_))).map(|m| self.in_words(*m)).collect();
        let colon = if inside.is_empty() { "" } else { ": " };
        let (k, n, name) = (group.threshold, group.members.len(), printable(&group.name));
        format!("{k} of {n} ({name}{colon}{})", inside.join(", "))
    }
}

#[derive(Clone, Debug)]
struct Group {
    name: String,
    threshold: usize,
    members: Vec<Member>,
}

/// An index into the policy's witnesses or groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Member {
    Witness(usize),
    Group(usize),
}

/// A policy while it is read.
#[derive(Default)]
struct Reader<'a> {
    logs: Vec<VerifierKey>,
    witnesses: Vec<(String, VerifierKey)>,
    groups: Vec<Group>,
    names: BTreeMap<&'a [u8], Member>,
    members: BTreeSet<Member>,
    quorum: Option<Option<Member>>,
}

impl<'a> Reader<'a> {
    fn line(&mut self, place: Place<'a>) -> Result<()> {
        if place.line.iter().any(|b| matches!(b, 0..=8 | 10..=31 | 127)) {
            return Err(place.refuse("no control characters but tab and newline"));
        }
        let items: Vec<&[u8]> =
            place.line.split(|b| matches!(b, b' ' | b'\t')).filter(|item| !item.is_empty()).collect();
        match items[..] {
            [] => Ok(()),
            [first, ..] if first.starts_with(b"#") => Ok(()),
            [b"log", vkey] | [b"log", vkey, _] => self.log(place, vkey),
            [b"witness", name, vkey] | [b"witness", name, vkey, _] => self.witness(place, name, vkey),
            [b"group", name, threshold, ref members @ ..] => self.group(place, name, threshold, members),
            [b"quorum", name] => self.quorum(place, name),
            _ => Err(place.refuse(
                "log VKEY [URL], witness NAME VKEY [URL], group NAME all|any|K NAME..., quorum NAME, or a comment",
            )),
        }
    }

    fn log(&mut self, place: Place<'a>, vkey: &[u8]) -> Result<()> {
        let key = self.key(place, vkey)?;
        if key.key_type() != KeyType::Ed25519 {
            return Err(place.refuse("a log key of type 0x01 (Ed25519)"));
        }
        bound("logs in a policy", self.logs.len())?;
        self.logs.push(key);
        Ok(())
    }

    fn witness(&mut self, place: Place<'a>, name: &'a [u8], vkey: &[u8]) -> Result<()> {
        let key = self.key(place, vkey)?;
        if !matches!(key.key_type(), KeyType::Cosignature | KeyType::MlDsa44) {
            return Err(place.refuse("a witness key of type 0x04 or 0x06 (cosignature)"));
        }
        bound("witnesses in a policy", self.witnesses.len())?;
        self.define(place, name, Member::Witness(self.witnesses.len()))?;
        self.witnesses.push((text(name), key));
        Ok(())
    }

    fn group(&mut self, place: Place<'a>, name: &'a [u8], threshold: &[u8], names: &[&[u8]]) -> Result<()> {
        bound("groups in a policy", self.groups.len())?;
        let mut members = Vec::with_capacity(names.len());
        for name in names {
            let member = self.named(place, name)?;
            if !self.members.insert(member) {
                return Err(place.refuse("names that are members of no other group and stand once"));
            }
            members.push(member);
        }
        let threshold = match threshold {
            b"all" => members.len(),
            b"any" => 1,
            digits => number(digits).ok_or_else(|| place.refuse("a threshold: all, any or a decimal number"))?,
        };
        if threshold < 1 || threshold > members.len() {
            return Err(place.refuse("at least one member, and a threshold from 1 to the number of members"));
        }
        self.define(place, name, Member::Group(self.groups.len()))?;
        self.groups.push(Group { name: text(name), threshold, members });
        Ok(())
    }

    fn quorum(&mut self, place: Place<'a>, name: &[u8]) -> Result<()> {
        let quorum = if name == b"none" { None } else { Some(self.named(place, name)?) };
        match self.quorum.replace(quorum) {
            None => Ok(()),
            Some(_) => Err(place.refuse("exactly one quorum line")),
        }
    }

    /// A key that stands on no line before: neither its public key nor its name and id.
    fn key(&self, place: Place<'a>, vkey: &[u8]) -> Result<VerifierKey> {
        let vkey = std::str::from_utf8(vkey).map_err(|_| place.refuse("a vkey in UTF-8"))?;
        let key = VerifierKey::parse(vkey)?;
        for other in self.logs.iter().chain(self.witnesses.iter().map(|w| &w.1)) {
            if other.public_key() == key.public_key() {
                return Err(place.refuse("a public key that stands on no other line, under whatever name"));
            }
            if other.name() == key.name() && other.id() == key.id() {
                return Err(place.refuse("a key name and id that stand on no other line"));
            }
        }
        Ok(key)
    }

    fn define(&mut self, place: Place<'a>, name: &'a [u8], member: Member) -> Result<()> {
        if name == b"none" || self.names.insert(name, member).is_some() {
            return Err(place.refuse("a new name, not `none`"));
        }
        Ok(())
    }

    fn named(&self, place: Place<'a>, name: &[u8]) -> Result<Member> {
        self.names.get(name).copied().ok_or_else(|| place.refuse("names defined on lines before"))
    }
}

/// Where the reader is, for its errors.
#[derive(Clone, Copy)]
struct Place<'a> {
    number: usize,
    line: &'a [u8],
}

impl Place<'_> {
    fn refuse(self, expected: &str) -> Error {
        Error::malformed(WHAT, format!("line {}: {}", self.number, text(self.line)), expected)
    }
}

fn bound(what: &'static str, count: usize) -> Result<()> {
    if count < MAX_ITEMS {
        return Ok(());
    }
    Err(Error::TooLarge { what, found: count as u64 + 1, limit: MAX_ITEMS as u64 })
}

/// A decimal number without sign or leading zeroes.
fn number(digits: &[u8]) -> Option<usize> {
    let plain = digits.iter().all(u8::is_ascii_digit) && !digits.starts_with(b"0");
    std::str::from_utf8(digits).ok().filter(|_| plain)?.parse().ok()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

#[cfg(test)]
mod tests;
