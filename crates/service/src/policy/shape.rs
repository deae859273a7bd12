//! What `evidence::policy` accepts, read once more for what it does not keep: lines, addresses, and who is in which group.

use super::{Place, quorum::Seat};
use crate::{Error, Result};
use evidence::{
    note::{KeyType, VerifierKey},
    policy::Policy,
};
use std::collections::BTreeMap;

/// A line `witness`.
pub(super) struct Witness {
    pub(super) place: Place,
    pub(super) name: String,
    pub(super) key: VerifierKey,
    pub(super) url: Option<String>,
}

/// A policy, and its shape.
pub(super) struct Shape {
    pub(super) policy: Policy,
    pub(super) witnesses: Vec<Witness>,
    /// Name and line of every group.
    pub(super) groups: Vec<(String, Place)>,
    /// `None`: the line `quorum none`.
    pub(super) quorum: Option<Node>,
}

/// Members by their line in `witnesses`.
#[derive(Clone)]
pub(super) enum Node {
    Witness(usize),
    Group(usize, Vec<Node>),
}

impl Shape {
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(bytes).map_err(|e| {
            let line = bytes[..e.valid_up_to()].split(|b| *b == b'\n').count();
            Error::new(
                format!("policy 第 {line} 行不是 UTF-8；名称要能显示给人看，请改用 UTF-8"),
                format!("policy, line {line}: not UTF-8; names are shown to people, so write it in UTF-8"),
            )
        })?;
        let lines: Vec<(Place, Vec<&str>)> = (1..)
            .zip(text.split('\n'))
            .map(|(number, line)| {
                let place = Place { number, line: line.trim().to_owned() };
                (place, line.split([' ', '\t']).filter(|item| !item.is_empty()).collect())
            })
            .collect();
        for (place, items) in &lines {
            let vkey = match items[..] {
                ["log", vkey, ..] | ["witness", _, vkey, ..] => vkey,
                _ => continue,
            };
            VerifierKey::parse(vkey).map_err(|e| {
                place.refuse(&format!("不是公钥 vkey（{}）", e.zh()), &format!("no public key (vkey): {e}"))
            })?;
        }
        let policy = Policy::parse(bytes).map_err(|e| {
            Error::new(format!("policy 不可用（{}）", e.zh()), format!("the policy cannot be used: {e}"))
        })?;
        let (mut witnesses, mut groups) = (Vec::new(), Vec::new());
        let mut named: BTreeMap<&str, Node> = BTreeMap::new();
        let mut quorum = None;
        for (place, items) in &lines {
            match items[..] {
                ["witness", name, vkey, ref url @ ..] => {
                    named.insert(name, Node::Witness(witnesses.len()));
                    witnesses.push(Witness {
                        place: place.clone(),
                        name: name.to_owned(),
                        key: VerifierKey::parse(vkey)?,
                        url: url.first().map(|url| (*url).to_owned()),
                    });
                }
                ["group", name, threshold, ref members @ ..] => {
                    // Each was defined before, and is a member once: `Policy::parse` saw to that.
                    let members: Vec<Node> = members.iter().filter_map(|member| named.get(member).cloned()).collect();
                    let threshold = match threshold {
                        "all" => members.len(),
                        "any" => 1,
                        number => number.parse().unwrap_or(members.len()),
                    };
                    groups.push((name.to_owned(), place.clone()));
                    named.insert(name, Node::Group(threshold, members));
                }
                ["quorum", name] => quorum = named.get(name).cloned(),
                _ => {}
            }
        }
        Ok(Self { policy, witnesses, groups, quorum })
    }
}

impl Node {
    /// The same of institutions; `whose` gives a witness's, `None` for one of the operator's own. Several keys of one
    /// institution are one place only as a group of their own of which any will do.
    pub(super) fn seat(&self, whose: &[Option<usize>]) -> Seat {
        match self {
            Self::Witness(n) => whose[*n].map_or(Seat::Own, Seat::Institution),
            Self::Group(threshold, members) => {
                let seats: Vec<Seat> = members.iter().map(|member| member.seat(whose)).collect();
                match seats[..] {
                    [Seat::Institution(first), ..]
                        if *threshold == 1
                            && seats.iter().all(|seat| matches!(seat, Seat::Institution(n) if *n == first)) =>
                    {
                        Seat::Institution(first)
                    }
                    _ => Seat::Group(*threshold, seats),
                }
            }
        }
    }

    /// Every witness under it.
    pub(super) fn witnesses(&self) -> Vec<usize> {
        match self {
            Self::Witness(n) => vec![*n],
            Self::Group(_, members) => members.iter().flat_map(Self::witnesses).collect(),
        }
    }
}

/// A witness key's type, for people.
pub(super) fn kind(key: &VerifierKey) -> &'static str {
    match key.key_type() {
        KeyType::MlDsa44 => "ML-DSA-44",
        _ => "Ed25519",
    }
}
