//! Licences as a comparison's document tells of them (spec/comparison.md).

use super::Pattern;
use crate::{Error, Folder, Result};
use evidence::{
    comparison::{Ended, Licence as Told, Licences, MAX_LICENCES, MAX_TEXT, Place},
    statement::Kind,
};
use std::collections::BTreeMap;

impl Folder {
    /// The account's licences that speak of a page or of one of these pairs, as a comparison's document tells of them.
    /// `pairs` are the record numbers of the registered pictures, in the document's order.
    pub(crate) fn told_licences(&self, account: i64, page: Option<&str>, pairs: &[&str]) -> Result<Licences> {
        let page = page.and_then(|url| url::Url::parse(url).ok());
        let (mut listed, mut lists) = (Vec::new(), BTreeMap::new());
        for row in self.store.records_of(account, Kind::Licence.as_str())?.into_iter().filter(|r| r.index.is_some()) {
            let line = self.line_of_licence(&row, &[])?;
            // A pattern was read before it was recorded.
            let fits = |text: &&String| {
                page.as_ref().is_some_and(|url| Pattern::parse(text).is_ok_and(|pattern| pattern.is_about(url)))
            };
            let place = match line.urls.iter().find(fits) {
                Some(pattern) => Place::Page(pattern.clone()),
                None if line.urls.is_empty() => Place::Any,
                None => Place::Elsewhere,
            };
            let mut named = Vec::new();
            for (n, id) in pairs.iter().enumerate() {
                let mut names = line.pictures.iter().any(|p| p == id);
                for picture in &line.pictures {
                    names = names || self.lists(&mut lists, picture, id)?;
                }
                named.extend(Some(n).filter(|_| names));
            }
            if named.is_empty() && !matches!(place, Place::Page(_)) {
                continue;
            }
            let ended = self.about_licence(&row, &[])?.into_iter().find(|r| r.kind == Kind::Revocation.as_str());
            let ended = ended.filter(|r| r.index.is_some()).zip(line.ended.clone());
            let ended = ended.map(|(row, from)| {
                let (record, statement, gen_time) = self.named(&row)?;
                Ok::<_, Error>(Ended { record, received_at: statement.statement.received_at, gen_time, from })
            });
            let (record, statement, gen_time) = self.named(&row)?;
            listed.push(Told {
                record,
                received_at: statement.statement.received_at,
                gen_time,
                licensee: short(line.licensee.as_deref().unwrap_or("—")),
                from: line.from.clone().unwrap_or_default(),
                until: line.until.clone(),
                place,
                pairs: named,
                ended: ended.transpose()?,
            });
        }
        listed.sort_by(|a, b| (a.received_at, &a.record.id).cmp(&(b.received_at, &b.record.id)));
        let found = listed.len() as u64;
        listed.truncate(MAX_LICENCES);
        Ok(Licences { listed, found })
    }
}

/// As much of a text as a document holds, cut after a whole character.
fn short(text: &str) -> String {
    let end = (0..=MAX_TEXT.min(text.len())).rev().find(|n| text.is_char_boundary(*n)).unwrap_or(0);
    text[..end].to_owned()
}
