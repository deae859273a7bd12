//! Which entries a package may hold, in which order, and which may not be absent.
//!
//! Names are flat and closed: any name that is neither known nor reserved is refused.

use evidence::{Error, Result};
use std::collections::BTreeSet;

/// Most entries, `package.json` among them.
pub const MAX_ENTRIES: usize = 256;
/// Most later records in a package.
pub const MAX_RELATED: usize = 24;
/// Most entries of a later record.
pub const RELATED_ENTRIES: usize = 9;
/// The part of an attestation that binds it to an earlier record.
const COVERED: &str = "covered.json";
/// A collection's list.
const LIST: &str = "manifest.jsonl";
/// Most bytes of a collection's list.
const MAX_LIST: u64 = 512_000;
/// Most bytes of a reserved entry and of a revocation list.
const MAX_ENTRY: u64 = 16 << 20;
/// Most characters of a reserved name.
const MAX_NAME: usize = 128;

const WHAT: &str = "package entries";
const REQUIRED: [&str; 9] = [
    "statement.json",
    "record.json",
    "proof.tlog-proof",
    "checkpoint.txt",
    "disclosure.json",
    "trust-policy",
    "trust-roles.json",
    "VERIFY.txt",
    "verify.py",
];
const OPERATOR: [&str; 3] = ["operator-record.json", "operator-disclosure.json", "operator-proof.tlog-proof"];
/// Place of group 5, whose order is that in which it was added.
const LATER: u16 = 50;
/// Place of the reserved names, whose order is not defined yet.
const RESERVED: u16 = 85;
/// Place of later records, ascending by name.
const RELATED: u16 = 86;
/// Parts of a later record that are always there.
const RELATED_PARTS: [&str; 6] =
    ["checkpoint.tsr", "checkpoint.txt", "disclosure.json", "proof.tlog-proof", "record.json", "timestamp-1.tsr"];

/// Whether an entry may have this name.
pub fn is_known(name: &str) -> bool {
    place(name).is_some()
}

/// Whether a certificate attaches an entry of this name: evidence, not its own container, nor the file in question.
pub fn is_attached(name: &str) -> bool {
    !matches!(name, "package.json" | "capture.wacz" | "comparison.json" | "certificate.pdf" | crate::folder::ORIGINAL)
}

/// Refuses unknown names, and sizes over the limit (spec/package.md, "Bounds").
pub(crate) fn admit(name: &str, size: u64) -> Result<()> {
    if !is_known(name) {
        return Err(Error::malformed(WHAT, name, "only known entry names"));
    }
    match limit(name) {
        Some(limit) if size > limit => Err(Error::TooLarge { what: "package entry", found: size, limit }),
        _ => Ok(()),
    }
}

/// Most bytes of a known entry; `None`: as many as the package may have.
fn limit(name: &str) -> Option<u64> {
    match named_part(name) {
        Some((_, "record.json")) => return Some(evidence::record::MAX_BYTES as u64),
        Some((_, LIST)) => return Some(MAX_LIST),
        Some(_) => return Some(1 << 20),
        None => {}
    }
    // Parts of a later record and of the operator's are bounded as the record's own.
    let part = related_part(name).map(|(_, part)| part).or_else(|| name.strip_prefix("operator-")).unwrap_or(name);
    let group = place(name).map(|p| p.0)?;
    Some(match (group, part) {
        (_, "capture.wacz" | "certificate.pdf") => return None,
        (_, "items.zip") => crate::items::MAX_BYTES,
        (RESERVED, _) => MAX_ENTRY,
        (_, "statement.json") => evidence::statement::MAX_BYTES as u64,
        (_, "record.json") => evidence::record::MAX_BYTES as u64,
        (_, "comparison.json") => 8 << 20,
        (_, LIST) => MAX_LIST,
        (_, COVERED) => evidence::attestation::MAX_BYTES as u64,
        (_, "trust-policy") => 64 << 10,
        (_, "package.json" | "disclosure.json" | "trust-roles.json" | "VERIFY.txt" | "verify.py") => 1 << 20,
        (_, part) if part.ends_with("proof.tlog-proof") => 128 << 10,
        (_, part) if part.ends_with("checkpoint.txt") => 96 << 10,
        (_, part) if part.ends_with(".txt") => 256 << 10,
        (_, part) if part.ends_with(".tsr") || part.ends_with(".pem") => 64 << 10,
        _ => MAX_ENTRY,
    })
}

/// Known names, each once; nothing that is always present absent; counters without a gap.
/// With `ordered`, they also stand in their one order.
pub(crate) fn check(names: &[&str], ordered: bool) -> Result<()> {
    if names.len() > MAX_ENTRIES {
        return Err(Error::TooLarge { what: WHAT, found: names.len() as u64, limit: MAX_ENTRIES as u64 });
    }
    let set: BTreeSet<&str> = names.iter().copied().collect();
    for (n, name) in names.iter().enumerate() {
        if !is_known(name) {
            return Err(Error::malformed(WHAT, name, "only known entry names"));
        }
        if names[..n].contains(name) {
            return Err(Error::malformed(WHAT, format!("{name} twice"), "each entry once"));
        }
    }
    for name in REQUIRED.into_iter().chain(["timestamp-1.tsr"]) {
        present(&set, name)?;
    }
    if OPERATOR.iter().any(|name| set.contains(name)) {
        OPERATOR.iter().try_for_each(|name| present(&set, name))?;
    }
    let numbered = |from: usize, count: usize, name: &dyn Fn(usize) -> String| {
        (from..from + count).try_for_each(|n| present(&set, &name(n)))
    };
    let count = |prefix: &str, suffix: &str| names.iter().filter(|n| wedge(n, prefix, suffix).is_some()).count();
    numbered(1, count("timestamp-", ".tsr"), &|n| format!("timestamp-{n}.tsr"))?;
    numbered(2, count("checkpoint-", ".tsr"), &|n| format!("checkpoint-{n}.tsr"))?;
    if set.contains("checkpoint-2.tsr") {
        present(&set, "checkpoint.tsr")?;
    }
    let parts = ["-proof.tlog-proof", "-checkpoint.txt", "-checkpoint.tsr"];
    let later = parts.iter().map(|p| count("later-", p)).max().unwrap_or(0);
    parts.iter().try_for_each(|p| numbered(1, later, &|n| format!("later-{n:02}{p}")))?;
    let renewals = count("renewal-", ".txt").max(count("renewal-", ".tsr"));
    [".txt", ".tsr"].iter().try_for_each(|p| numbered(1, renewals, &|n| format!("renewal-{n:02}{p}")))?;
    related(names, &set)?;
    if ordered { in_order(names) } else { Ok(()) }
}

/// Each later record is there with all its parts; neither they nor their tokens are counted with a gap.
fn related(names: &[&str], set: &BTreeSet<&str>) -> Result<()> {
    let numbers: BTreeSet<&str> = names.iter().filter_map(|name| related_part(name)).map(|(n, _)| n).collect();
    if numbers.len() > MAX_RELATED {
        let (found, limit) = (numbers.len() as u64, MAX_RELATED as u64);
        return Err(Error::TooLarge { what: "later records in a package", found, limit });
    }
    for (n, found) in (1..).zip(&numbers) {
        let unit = format!("{n:02}");
        if *found != unit {
            return Err(Error::malformed(WHAT, format!("related-{found}"), format!("related-{unit} before it")));
        }
        for part in RELATED_PARTS {
            present(set, &format!("related-{unit}-{part}"))?;
        }
        let tokens = (1..=4).filter(|t| set.contains(format!("related-{unit}-timestamp-{t}.tsr").as_str())).count();
        for t in 1..=tokens {
            present(set, &format!("related-{unit}-timestamp-{t}.tsr"))?;
        }
    }
    Ok(())
}

/// Number and part of an entry of a later record; other names that begin with `related-` are reserved.
pub fn related_part(name: &str) -> Option<(&str, &str)> {
    let (n, part) = name.strip_prefix("related-")?.split_once('-')?;
    let token = wedge(part, "timestamp-", ".tsr").is_some_and(|t| ["1", "2", "3", "4"].contains(&t));
    (two_digits(n) && (token || part == COVERED || RELATED_PARTS.contains(&part))).then_some((n, part))
}

/// Number and part of an entry of a record that a licence names: its place among the `refs`, and which of its files.
pub fn named_part(name: &str) -> Option<(&str, &str)> {
    let (n, part) = name.strip_prefix("related-named-")?.split_once('-')?;
    (two_digits(n) && matches!(part, "record.json" | "disclosure.json" | LIST)).then_some((n, part))
}

fn two_digits(n: &str) -> bool {
    n.len() == 2 && n != "00" && n.bytes().all(|c| c.is_ascii_digit())
}

fn present(set: &BTreeSet<&str>, name: &str) -> Result<()> {
    if set.contains(name) {
        return Ok(());
    }
    Err(Error::malformed(WHAT, format!("{name} is absent"), format!("{name} present")))
}

fn in_order(names: &[&str]) -> Result<()> {
    for pair in names.windows(2) {
        let places = (place(pair[0]), place(pair[1]));
        let free = |p: &Option<(u16, &str)>| p.is_some_and(|p| p.0 == LATER || p.0 == RESERVED);
        let fits = if free(&places.0) && free(&places.1) { places.0 <= places.1 } else { places.0 < places.1 };
        if !fits {
            return Err(Error::malformed(WHAT, format!("{} after {}", pair[1], pair[0]), "entries in their order"));
        }
    }
    let group: Vec<&str> = names.iter().copied().filter(|n| place(n).is_some_and(|p| p.0 == LATER)).collect();
    let (mut rest, mut later, mut renewal) = (&group[..], 1, 1);
    while let Some(first) = rest.first() {
        let expected: Vec<String> = if first.starts_with("later-") {
            later += 1;
            let n = later - 1;
            ["proof.tlog-proof", "checkpoint.txt", "checkpoint.tsr"]
                .iter()
                .map(|p| format!("later-{n:02}-{p}"))
                .collect()
        } else {
            renewal += 1;
            let n = renewal - 1;
            ["txt", "tsr"].iter().map(|p| format!("renewal-{n:02}.{p}")).collect()
        };
        for (n, name) in expected.iter().enumerate() {
            if rest.get(n) != Some(&name.as_str()) {
                let found = rest.get(n).copied().unwrap_or("the end of the group");
                return Err(Error::malformed(WHAT, found, format!("{name} at this place")));
            }
        }
        rest = &rest[expected.len()..];
    }
    Ok(())
}

/// Where an entry stands: group, then what orders it inside. `None`: no such entry.
fn place(name: &str) -> Option<(u16, &str)> {
    let fixed = match name {
        "package.json" => 0,
        "statement.json" => 10,
        "record.json" => 20,
        "proof.tlog-proof" => 21,
        "checkpoint.txt" => 22,
        "checkpoint.tsr" => 23,
        "disclosure.json" => 30,
        "operator-record.json" => 40,
        "operator-disclosure.json" => 41,
        "operator-proof.tlog-proof" => 42,
        "trust-policy" => 60,
        "trust-roles.json" => 61,
        "VERIFY.txt" => 70,
        "verify.py" => 71,
        "capture.wacz" => 80,
        "comparison.json" => 81,
        LIST => 82,
        "items.zip" => RESERVED,
        "certificate.pdf" => 90,
        _ => return numbered_place(name),
    };
    Some((fixed, ""))
}

fn numbered_place(name: &str) -> Option<(u16, &str)> {
    let hex16 = |n: &str| n.len() == 16 && n.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c));
    if let Some(n) = wedge(name, "timestamp-", ".tsr") {
        return ["1", "2", "3", "4"].contains(&n).then_some((11, n));
    }
    if let Some(n) = wedge(name, "checkpoint-", ".tsr") {
        return (n.len() == 1 && ("2"..="9").contains(&n)).then_some((24, n));
    }
    if let Some((n, part)) = name.strip_prefix("later-").and_then(|r| r.split_once('-')) {
        let known = matches!(part, "proof.tlog-proof" | "checkpoint.txt" | "checkpoint.tsr");
        return (two_digits(n) && known).then_some((LATER, ""));
    }
    if let Some((n, part)) = name.strip_prefix("renewal-").and_then(|r| r.split_once('.')) {
        return (two_digits(n) && matches!(part, "txt" | "tsr")).then_some((LATER, ""));
    }
    for (prefix, suffix, group) in
        [("trust-tsa-", ".pem", 62), ("trust-signer-", ".pem", 63), ("trust-revocation-", ".crl", 64)]
    {
        if let Some(n) = wedge(name, prefix, suffix) {
            return hex16(n).then_some((group, n));
        }
    }
    if related_part(name).is_some() {
        return Some((RELATED, name));
    }
    let plain = name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'.' || c == b'-');
    let reserved = ["anchor-", "attestation-", "related-"].iter().any(|p| name.len() > p.len() && name.starts_with(p));
    (plain && reserved && name.len() <= MAX_NAME).then_some((RESERVED, ""))
}

fn wedge<'n>(name: &'n str, prefix: &str, suffix: &str) -> Option<&'n str> {
    name.strip_prefix(prefix)?.strip_suffix(suffix)
}
