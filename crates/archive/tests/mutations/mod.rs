//! A WACZ taken apart, changed in one place, and put together again with all lists and digests made anew: what a
//! careful forger would do who has no key.
#![allow(clippy::unwrap_used, unreachable_pub, missing_docs)]

mod lists;
mod records;
mod zip;

use archive::wacz;
use evidence::json::{Value, json};
pub use testkit::random::Random;

pub type Entries = Vec<(String, Vec<u8>)>;

/// One change.
pub struct Changed {
    pub what: String,
    pub bytes: Vec<u8>,
    /// The file's form alone must refuse it, whatever a statement says of its digest.
    pub strict: bool,
}

/// A WACZ, taken apart.
pub struct Parts {
    /// The gzip members of the WARC.
    pub members: Vec<Vec<u8>>,
    /// A line of the index for each that has one.
    lines: Vec<Option<String>>,
    /// The five entries as they are.
    pub entries: Entries,
}

impl Parts {
    pub fn of(file: &[u8]) -> Self {
        let entries = zip::entries(file);
        let (read, warc) = (wacz::read(&mut wacz::in_memory(file)).unwrap(), &entries[0].1);
        let start = 30 + entries[0].0.len();
        let mut cuts: Vec<usize> = read.entries.iter().map(|e| e.offset as usize - start).collect();
        cuts.insert(0, 0);
        cuts.push(warc.len());
        let members: Vec<Vec<u8>> = cuts.windows(2).map(|w| warc[w[0]..w[1]].to_vec()).collect();
        let text = String::from_utf8(entries[1].1.clone()).unwrap();
        let line = |at: &usize| text.lines().find(|l| l.contains(&format!("\"offset\":\"{at}\""))).map(str::to_owned);
        let lines = cuts[..members.len()].iter().map(line).collect();
        let parts = Self { members, lines, entries };
        assert!(parts.with(parts.numbered()) == file, "put together again it is the same");
        parts
    }

    /// Each member with its number.
    pub fn numbered(&self) -> Vec<(Option<usize>, Vec<u8>)> {
        self.members.iter().cloned().enumerate().map(|(n, m)| (Some(n), m)).collect()
    }

    /// The file of other members; the index follows them by their first numbers.
    pub fn with(&self, members: Vec<(Option<usize>, Vec<u8>)>) -> Vec<u8> {
        let (mut warc, mut lines) = (Vec::new(), Vec::new());
        for (number, member) in members {
            if let Some(line) = number.and_then(|n| self.lines[n].as_ref()) {
                let (key, members) = line.split_at(line.find('{').unwrap());
                let mut value: Value = members.parse().unwrap();
                value["offset"] = json!(warc.len().to_string());
                value["length"] = json!(member.len().to_string());
                lines.push(format!("{key}{value}\n"));
            }
            warc.extend(member);
        }
        lines.sort_unstable();
        let mut entries = self.entries.clone();
        (entries[0].1, entries[1].1) = (warc, lines.concat().into_bytes());
        zip::file(&listed(entries), &zip::Form::default())
    }
}

/// `datapackage.json` and its digest, made again.
pub fn listed(mut entries: Entries) -> Entries {
    let place = |entries: &Entries, name: &str| entries.iter().position(|e| e.0 == name);
    let Some(package) = place(&entries, "datapackage.json") else { return entries };
    let mut value: Value = std::str::from_utf8(&entries[package].1).unwrap().parse().unwrap();
    for resource in value["resources"].as_array_mut().unwrap() {
        let Some(place) = entries.iter().position(|e| resource["path"] == e.0.as_str()) else { continue };
        resource["bytes"] = json!(entries[place].1.len());
        resource["hash"] = json!(hash(&entries[place].1));
    }
    entries[package].1 = value.to_string().into_bytes();
    digested(entries)
}

/// Its digest alone.
pub fn digested(mut entries: Entries) -> Entries {
    let of = |name: &str| entries.iter().position(|e| e.0 == name);
    if let (Some(package), Some(digest)) = (of("datapackage.json"), of("datapackage-digest.json")) {
        let value = json!({"hash": hash(&entries[package].1), "path": "datapackage.json"});
        entries[digest].1 = value.to_string().into_bytes();
    }
    entries
}

fn hash(bytes: &[u8]) -> String {
    format!("sha256:{}", evidence::hex::encode(&evidence::digest::sha256(bytes)))
}

/// The `n`th change: every kind in turn, its place by chance.
pub fn change(parts: &Parts, n: usize, random: &mut Random) -> Changed {
    type Kind = fn(&Parts, &mut Random) -> Changed;
    const KINDS: &[Kind] = &[
        zip::entries_moved,
        records::members_moved,
        lists::index,
        zip::fields,
        records::gzip,
        lists::pages,
        records::header,
        zip::between,
        records::joined,
        lists::package,
        records::header,
        lists::digest,
    ];
    KINDS[n % KINDS.len()](parts, random)
}
