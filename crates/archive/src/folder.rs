//! A package that was extracted into a folder: the same entries, in no order, perhaps without `package.json`.
//!
//! The caller reads the files. A file called `ORIGINAL` is what `VERIFY.txt` calls the file in
//! question, so it may lie beside the entries and is none of them.

use crate::{
    names,
    package::{self, MANIFEST},
};
use evidence::{Error, Result, json};
use std::collections::BTreeMap;

/// The name that `VERIFY.txt` gives to the file in question.
pub const ORIGINAL: &str = "ORIGINAL";

/// Whether the folder still has the list of its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// `package.json` is there and agrees.
    Agrees,
    /// There is none: whether an entry was removed cannot be told (*limited*).
    Absent,
}

/// Holds the entries of a folder against the rules of a package.
pub fn check(entries: &BTreeMap<String, Vec<u8>>) -> Result<Listing> {
    let listed: Vec<&str> = entries.keys().map(String::as_str).filter(|n| *n != ORIGINAL).collect();
    entries.iter().filter(|e| e.0 != ORIGINAL).try_for_each(|(name, b)| names::admit(name, b.len() as u64))?;
    let listing = match entries.get(MANIFEST) {
        Some(bytes) => {
            package::check_schema(bytes)?;
            check_listing(bytes, entries)?;
            Listing::Agrees
        }
        None => Listing::Absent,
    };
    names::check(&listed, false)?;
    package::check_certificates(entries.iter().map(|(n, b)| (n.as_str(), b.as_slice())))?;
    Ok(listing)
}

/// Takes the names from `package.json`, and writes it again from the files of those names.
fn check_listing(listing: &[u8], entries: &BTreeMap<String, Vec<u8>>) -> Result<()> {
    let value = json::parse(MANIFEST, listing, 1 << 20)?;
    let files = value["files"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names: Vec<&str> = files.iter().map(|f| f["name"].as_str().unwrap_or_default()).collect();
    let file = |name: &&str| -> Result<(String, &[u8])> {
        let bytes = entries.get(*name).filter(|_| *name != MANIFEST);
        let bytes =
            bytes.ok_or_else(|| Error::malformed("folder", format!("{name} is absent"), "every listed entry"))?;
        Ok(((*name).to_owned(), bytes))
    };
    if let Some(extra) = entries.keys().find(|n| !names.contains(&n.as_str()) && *n != MANIFEST && *n != ORIGINAL) {
        return Err(Error::malformed("folder", extra, "only entries that package.json lists"));
    }
    let expected = package::manifest(&names.iter().map(file).collect::<Result<Vec<_>>>()?)?;
    if listing != expected {
        return Err(package::differs(listing, &expected));
    }
    let all: Vec<&str> = std::iter::once(MANIFEST).chain(names).collect();
    names::check(&all, true)
}
