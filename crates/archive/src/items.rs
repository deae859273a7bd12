//! `items.zip`: the evidence of each record that a collection names, in the package's ZIP encoding (spec/collection.md).
//!
//! Names follow from what is inside, so [`read`] takes the entries in the order in which [`write()`] puts them and no
//! other. Whether the items are those of the list is the reader's to compare.

use crate::zip;
use evidence::{Error, Result};

/// Most bytes of `items.zip`.
pub const MAX_BYTES: u64 = 32 << 20;
/// Most tokens over one statement.
const MAX_TOKENS: usize = 4;
const WHAT: &str = "items.zip";

/// One record's evidence; its checkpoint is the collection's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Record number.
    pub id: String,
    /// `ID.record.json`.
    pub record: Vec<u8>,
    /// `ID.timestamp-1.tsr` …, 1 to 4.
    pub tokens: Vec<Vec<u8>>,
    /// `ID.proof.tlog-proof`.
    pub proof: Vec<u8>,
    /// `ID.disclosure.json`.
    pub disclosure: Vec<u8>,
}

/// The ZIP of these items, in their order.
///
/// # Errors
/// A record number of another form, no token or too many, more than [`MAX_BYTES`].
pub fn write(items: &[Item]) -> Result<Vec<u8>> {
    let mut entries = Vec::new();
    for item in items {
        if !is_id(&item.id) {
            return Err(Error::malformed(WHAT, &item.id, "a record number"));
        }
        if !(1..=MAX_TOKENS).contains(&item.tokens.len()) {
            return Err(Error::malformed(WHAT, format!("{} tokens", item.tokens.len()), "1 to 4"));
        }
        let mut put = |part: &str, bytes: &[u8]| entries.push((format!("{}.{part}", item.id), bytes.to_vec()));
        put("record.json", &item.record);
        for (n, token) in (1..).zip(&item.tokens) {
            put(&format!("timestamp-{n}.tsr"), token);
        }
        put("proof.tlog-proof", &item.proof);
        put("disclosure.json", &item.disclosure);
    }
    let bytes = zip::encode(&entries)?;
    bounded(bytes.len() as u64)?;
    Ok(bytes)
}

/// The items of exactly such a ZIP.
///
/// # Errors
/// Anything that [`write()`] would not have written.
pub fn read(bytes: &[u8]) -> Result<Vec<Item>> {
    bounded(bytes.len() as u64)?;
    let most = evidence::collection::MAX_LINES * (MAX_TOKENS + 3);
    let mut count = 0;
    let entries = zip::decode(bytes, |_, _| {
        count += 1;
        if count > most {
            return Err(Error::TooLarge { what: WHAT, found: count as u64, limit: most as u64 });
        }
        Ok(())
    })?;
    let mut rest = entries.into_iter().peekable();
    let mut items = Vec::new();
    while let Some((name, record)) = rest.next() {
        let id = name.strip_suffix(".record.json").filter(|id| is_id(id));
        let id = id.ok_or_else(|| Error::malformed(WHAT, name, "ID.record.json at this place"))?;
        let mut next = |part: &str| rest.next_if(|(name, _)| *name == format!("{id}.{part}")).map(|e| e.1.to_vec());
        let absent = |part: &str| Error::malformed(WHAT, format!("no {id}.{part}"), "every entry, in order");
        let tokens: Vec<_> = (1..=MAX_TOKENS).map_while(|n| next(&format!("timestamp-{n}.tsr"))).collect();
        if tokens.is_empty() {
            return Err(absent("timestamp-1.tsr"));
        }
        items.push(Item {
            id: id.to_owned(),
            record: record.to_vec(),
            tokens,
            proof: next("proof.tlog-proof").ok_or_else(|| absent("proof.tlog-proof"))?,
            disclosure: next("disclosure.json").ok_or_else(|| absent("disclosure.json"))?,
        });
    }
    Ok(items)
}

fn bounded(found: u64) -> Result<()> {
    if found <= MAX_BYTES { Ok(()) } else { Err(Error::TooLarge { what: WHAT, found, limit: MAX_BYTES }) }
}

/// 36 of lower-case hexadecimal digits and hyphens; that it is a record's is compared with the list.
fn is_id(id: &str) -> bool {
    id.len() == 36 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn item(n: u64, tokens: usize) -> Item {
        Item {
            id: format!("019b8f3c-0000-7000-8000-{n:012x}"),
            record: format!("record {n}").into(),
            tokens: (0..tokens).map(|t| vec![t as u8; 3]).collect(),
            proof: b"proof".to_vec(),
            disclosure: b"[]".to_vec(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let items = [item(1, 1), item(2, 4), item(3, 2)];
        assert_eq!(read(&write(&items).unwrap()).unwrap(), items);
        assert_eq!(read(&write(&[]).unwrap()).unwrap(), []);
        assert!(write(&[item(1, 0)]).is_err() && write(&[item(1, 5)]).is_err());
        assert!(write(&[Item { id: "../../etc/passwd".into(), ..item(1, 1) }]).is_err());
    }

    #[test]
    fn another_order_a_missing_or_an_added_entry_are_refused() {
        let parts = ["record.json", "timestamp-1.tsr", "proof.tlog-proof", "disclosure.json"];
        let id = item(1, 1).id;
        let of = |parts: &[&str]| {
            let entries: Vec<_> = parts.iter().map(|p| (format!("{id}.{p}"), b"x".to_vec())).collect();
            read(&zip::encode(&entries).unwrap())
        };
        assert!(of(&parts).is_ok());
        for n in 0..parts.len() {
            let mut fewer = parts.to_vec();
            fewer.remove(n);
            assert!(of(&fewer).is_err(), "{fewer:?}");
        }
        for n in 1..parts.len() {
            let mut swapped = parts.to_vec();
            swapped.swap(n - 1, n);
            assert!(of(&swapped).is_err(), "{swapped:?}");
        }
        for more in ["timestamp-3.tsr", "statement.json", "timestamp-01.tsr"] {
            let mut added = parts.to_vec();
            added.insert(2, more);
            assert!(of(&added).is_err(), "{added:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_read_is_what_would_be_written(n in 0usize..400, to: u8) {
            let mut bytes = write(&[item(1, 1)]).unwrap();
            let n = n % bytes.len();
            bytes[n] = to;
            if let Ok(items) = read(&bytes) {
                assert_eq!(write(&items).unwrap(), bytes);
            }
        }
    }
}
