//! What a licence's package carries of the records that it names (spec/package.md, "Named records").

use super::opened;
use crate::{Folder, Result};
use evidence::{
    collection::Manifest,
    digest::FileDigests,
    disclosure,
    statement::{Kind, parse_refs},
};
use store::Record;

impl Folder {
    /// The records that a licence names, as its package carries them: with what opens title and file name, and no more.
    /// What was erased is absent.
    pub(crate) fn named_by(&self, licence: &Record) -> Result<Vec<(String, Vec<u8>)>> {
        const SHOWN: [&str; 2] = ["title", "file_name"];
        let claims = opened(licence)?;
        let refs = claims.get("refs").map(parse_refs).transpose()?.unwrap_or_default();
        let mut entries = Vec::new();
        for (place, named) in (1..).zip(refs) {
            let Some(row) = self.store.record(&named.id)?.filter(|row| row.account == licence.account) else {
                continue;
            };
            let all = disclosure::parse_set(&row.disclosures)?.into_iter();
            let shown: Vec<_> = all.filter(|d| SHOWN.contains(&d.name()) && !d.value().is_null()).collect();
            let mut put = |part: &str, bytes| entries.push((format!("related-named-{place:02}-{part}"), bytes));
            put("disclosure.json", disclosure::set_to_bytes(&shown)?);
            if row.kind == Kind::Collection.as_str()
                && let Some(list) = self.whole_list(&row)?
            {
                put("manifest.jsonl", list);
            }
            put("record.json", row.record);
        }
        Ok(entries)
    }

    /// A collection's list where it is kept and nothing on it was erased: what it was of is told to nobody any more.
    fn whole_list(&self, collection: &Record) -> Result<Option<Vec<u8>>> {
        let Some(bytes) = self.document(collection) else { return Ok(None) };
        let digests = FileDigests::of(&bytes);
        let own = (collection.sha256, collection.sm3, collection.size)
            == (Some(digests.sha256), Some(digests.sm3), Some(digests.size));
        let Some(list) = own.then(|| Manifest::parse(&bytes)).transpose()? else { return Ok(None) };
        for line in list.lines() {
            if self.store.record(&line.id)?.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(bytes))
    }
}
