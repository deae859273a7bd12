//! Many records at once: which they are, and one record for all of them.

use super::{Actor, Answer, Permission, Refusal, Search, Why};
use crate::{CollectRequest, Folder, Pick};

/// Most records of one request.
pub const MAX_BULK: usize = 1000;

/// Which records.
#[derive(Clone, Debug)]
pub enum Chosen {
    /// These, by number.
    Ids(Vec<String>),
    /// All that are found.
    Found(Search),
}

impl Folder {
    /// Numbers and titles of what was chosen, newest first, where all of it is the actor's.
    pub fn chosen(&self, actor: &Actor, chosen: &Chosen) -> Answer<Vec<(String, String)>> {
        self.chosen_for(actor, chosen, Permission::Download)
    }

    /// Numbers of what was chosen to be licensed.
    pub fn chosen_to_license(&self, actor: &Actor, chosen: &Chosen) -> Answer<Vec<String>> {
        let found = self.chosen_for(actor, chosen, Permission::Licences)?;
        Ok(found.into_iter().map(|(id, _)| id).collect())
    }

    fn chosen_for(&self, actor: &Actor, chosen: &Chosen, permission: Permission) -> Answer<Vec<(String, String)>> {
        let person = self.allow(actor, permission)?;
        let mut out = Vec::new();
        match chosen {
            Chosen::Ids(ids) => {
                bounded(ids.len() as u64)?;
                for id in ids {
                    let none = || Refusal::new(Why::NotFound, "没有这条记录", "there is no such record");
                    let item = self.shelved(person, id)?.ok_or_else(none)?;
                    out.push((item.id, item.title));
                }
            }
            Chosen::Found(search) => {
                bounded(self.library(actor, search)?.total)?;
                let mut last = None;
                loop {
                    let piece = self.library_after(actor, search, last)?;
                    let Some(end) = piece.last() else { break };
                    last = Some(end.place);
                    out.extend(piece.into_iter().map(|i| (i.id, i.title)));
                    // More may have come since they were counted.
                    out.truncate(MAX_BULK);
                }
            }
        }
        Ok(out)
    }

    /// A collection of them: its record's number.
    pub fn collect_chosen(&self, actor: &Actor, chosen: &Chosen, title: Option<String>) -> Answer<String> {
        let person = self.allow(actor, Permission::Deposit)?;
        self.may_make(person)?;
        let ids = self.chosen(actor, chosen)?.into_iter().map(|(id, _)| id).collect();
        let request = CollectRequest { pick: Pick::Ids(ids), title, split: false };
        let mut lines =
            self.collect_beside(&request).map_err(|error| Refusal { why: Why::Field("collection"), error })?;
        let id = lines.pop().and_then(|line| line.id).unwrap_or_default();
        self.made_by(person, &id)?;
        self.note(actor, person, "collect", &id)?;
        Ok(id)
    }
}

fn bounded(n: u64) -> Answer<()> {
    if n == 0 {
        return Err(Refusal::field("chosen", "没有选中任何记录；请先勾选", "nothing is chosen; tick something first"));
    }
    if n > MAX_BULK as u64 {
        return Err(Refusal::field(
            "chosen",
            format!("选中 {n} 条，一次最多 {MAX_BULK} 条；请缩小范围，或用命令行 quezao export"),
            format!("{n} are chosen, at most {MAX_BULK} at once; narrow it down, or use quezao export"),
        ));
    }
    Ok(())
}
