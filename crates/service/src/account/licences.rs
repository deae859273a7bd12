//! Licences as the people of an account make, see and end them.
//!
//! Rules:
//! - Whoever licenses needs the permission for that alone: no edition is asked, no unit is spent.
//! - A person names only records that he sees; a licence that a person limited to some shops makes is seen by those shops.
//! - More records than one licence can name are put into collections first, each a record of its own, at the moment when
//!   the licence is recorded and not before.
//! - What is shown before it is recorded is read as it will be read later: days filled in, hosts as a browser writes them.

use super::{Actor, Answer, MAX_BULK, Permission, Refusal, SHELF_PAGE, Why, record::later};
use crate::{
    CollectRequest, Error, Folder, Licence, LicenceLine, MAX_LICENSED, Pick, Result,
    deposit::SEAL_WAIT,
    licence::{LICENSABLE, today},
};
use evidence::{
    collection::{MAX_LINES, Manifest},
    hex,
};
use std::collections::{BTreeMap, BTreeSet};
use store::{Record, Shelved, SignIn, Wanted};

/// Most records that one licence covers, by collections of them.
pub const MAX_COVERED: usize = MAX_LICENSED * MAX_LINES;
/// Fields whose refusal stands beside them.
const FIELDS: [&str; 9] = ["title", "licensee", "code", "shop", "urls", "from", "until", "scope", "reason"];

/// A registered picture as a list of licensed ones shows it.
#[derive(Clone, Debug)]
pub struct LicensedPicture {
    /// Record number.
    pub id: String,
    /// Claimed title, else the file's name; `None`: it is not there any more.
    pub title: Option<String>,
    /// Statement's kind.
    pub kind: String,
    /// SHA-256 of its file, hex.
    pub sha256: Option<String>,
}

impl LicensedPicture {
    /// What is not in the library, or is not for the eyes of whoever asks.
    fn gone(id: &str) -> Self {
        Self { id: id.to_owned(), title: None, kind: "digest".to_owned(), sha256: None }
    }
}

/// A licence with what it names.
#[derive(Clone, Debug)]
pub struct LicenceShown {
    /// How it stands.
    pub line: LicenceLine,
    /// In its own order.
    pub pictures: Vec<LicensedPicture>,
    /// Hosts of its URL patterns, as they are compared, where a pattern is written otherwise.
    pub hosts: Vec<(String, String)>,
    /// A sealed checkpoint covers it: there is a certificate.
    pub sealed: bool,
}

/// What would be recorded.
#[derive(Clone, Debug)]
pub struct LicencePreview {
    /// With its days filled in.
    pub licence: Licence,
    /// What it names; of more than one licence can name, the first.
    pub pictures: Vec<LicensedPicture>,
    /// How many in all.
    pub all: usize,
    /// Collections that are made of them first.
    pub collections: usize,
    /// As of [`LicenceShown`].
    pub hosts: Vec<(String, String)>,
    /// What to look at again before it is recorded, (zh, en).
    pub remarks: Vec<(String, String)>,
}

impl Folder {
    /// The licences that the actor sees, the newest first.
    pub fn licences_of(&self, actor: &Actor) -> Answer<Vec<LicenceLine>> {
        let person = self.allow(actor, Permission::Licences)?;
        let mut seen = Vec::new();
        for line in self.licences(super::Account(person.account))? {
            if self.sees(person, line.id.as_deref().unwrap_or_default())? {
                seen.push(line);
            }
        }
        Ok(seen)
    }

    /// One of them, with what it names.
    pub fn licence_of(&self, actor: &Actor, id: &str) -> Answer<LicenceShown> {
        let (person, row) = self.own_licence(actor, id)?;
        let line = self.licence_line(&row)?;
        let pictures = line.pictures.iter().map(|id| self.licensed_picture(person, id)).collect::<Result<_>>()?;
        let sealed = self.reach()?.settled(row.index);
        Ok(LicenceShown { hosts: crate::licence::hosts(&line.urls), line, pictures, sealed })
    }

    /// The licences that name a record of the actor's, or a collection that lists it; none for who may not license.
    pub fn licences_naming(&self, actor: &Actor, id: &str) -> Answer<Vec<LicenceLine>> {
        let Ok(person) = self.decide(actor, Permission::Licences) else { return Ok(Vec::new()) };
        let (mut naming, mut lists) = (Vec::new(), BTreeMap::new());
        for line in self.licences(super::Account(person.account))? {
            if !self.sees(person, line.id.as_deref().unwrap_or_default())? {
                continue;
            }
            let mut names = line.pictures.iter().any(|p| p == id);
            for named in &line.pictures {
                names = names || self.lists(&mut lists, named, id)?;
            }
            naming.extend(Some(line).filter(|_| names));
        }
        Ok(naming)
    }

    /// Those of these records that the actor may license, as a list shows them; others are left out.
    pub fn licensed_pictures(&self, actor: &Actor, ids: &[String]) -> Answer<Vec<LicensedPicture>> {
        let person = self.allow(actor, Permission::Licences)?;
        let shown = ids.iter().take(MAX_BULK).map(|id| self.licensed_picture(person, id));
        let shown = shown.collect::<Result<Vec<_>>>()?;
        Ok(shown.into_iter().filter(|p| p.title.is_some()).collect())
    }

    /// What would be recorded, looked at as recording it would; nothing is written.
    pub fn preview_licence(&self, actor: &Actor, licence: &Licence, whole_shop: Option<i64>) -> Answer<LicencePreview> {
        let person = self.allow(actor, Permission::Licences)?;
        let mut licence = licence.clone();
        licence.claims().map_err(field)?;
        licence.from.get_or_insert_with(today);
        let ids = self.to_license(person, &licence.pictures, whole_shop)?;
        let shown = ids.iter().take(SHELF_PAGE as usize);
        let pictures = shown.map(|id| self.licensed_picture(person, id)).collect::<Result<Vec<_>>>()?;
        let collections = if ids.len() > MAX_LICENSED { ids.len().div_ceil(MAX_LINES) } else { 0 };
        let remarks = crate::letters::look_alike(&licence.licensee).into_iter().collect();
        let hosts = crate::licence::hosts(&licence.urls);
        Ok(LicencePreview { licence, pictures, all: ids.len(), collections, hosts, remarks })
    }

    /// Records a licence: its number, and whether it is a new one.
    pub fn license(&self, actor: &Actor, licence: &Licence, whole_shop: Option<i64>) -> Answer<(String, bool)> {
        let person = self.allow(actor, Permission::Licences)?;
        let mut licence = licence.clone();
        // Before anything is recorded.
        licence.claims().map_err(field)?;
        let ids = self.to_license(person, &licence.pictures, whole_shop)?;
        licence.pictures = match ids.len() > MAX_LICENSED {
            false => ids,
            true => {
                let title = licence.title.clone().unwrap_or_else(|| licence.licensee.clone());
                let request = CollectRequest { pick: Pick::Ids(ids), title: Some(title), split: true };
                let made =
                    self.collect_beside(&request).map_err(|error| Refusal { why: Why::Field("pictures"), error })?;
                let made: Vec<String> = made.into_iter().filter_map(|line| line.id).collect();
                for id in &made {
                    self.made_by(person, id)?;
                    self.note(actor, person, "collect", id)?;
                }
                made
            }
        };
        let (row, new) = self.record_licence(person.account, &licence, Some(&person.name)).map_err(field)?;
        self.made_by(person, &row.id)?;
        self.note(actor, person, "license", &row.id)?;
        Ok((row.id, new))
    }

    /// Ends a licence of the actor's from a day on.
    pub fn end_licence_of(&self, actor: &Actor, id: &str, from: Option<&str>, reason: Option<&str>) -> Answer<()> {
        let (person, row) = self.own_licence(actor, id)?;
        let ended = self.record_end(&row, from, reason, Some(&person.name));
        // What is not on the ledger yet is the licence itself, which no field names.
        let ended = ended.map_err(|error| if error.exit == 3 { later(error) } else { field(error) })?;
        self.made_by(person, &ended.id)?;
        Ok(self.note(actor, person, "end-licence", &row.id)?)
    }

    /// A licence of the actor's, after a moment in which it, or what ended it, may get its seal: then its status is
    /// `sealed`, else `pending`.
    pub fn licence_soon(&self, actor: &Actor, id: &str, sealed: &str) -> Answer<LicenceLine> {
        let (_, row) = self.own_licence(actor, id)?;
        let ended = self.licence_line(&row)?.ended_by;
        let last = match ended {
            Some(id) => self.store.waiting_one(&id)?.map(|waiting| waiting.row).or(self.store.record(&id)?),
            None => None,
        };
        let last = self.awaited(last.unwrap_or(row), Some(SEAL_WAIT.as_secs()))?;
        // By now it may have the token that it waited for.
        let (_, row) = self.own_licence(actor, id)?;
        let mut line = self.licence_line(&row)?;
        line.status = self.sealed_word(&last, sealed)?;
        Ok(line)
    }

    /// Whether there is a licence of this number that the actor may download.
    pub fn licence_to_download(&self, actor: &Actor, id: &str) -> Answer<()> {
        match self.owned(actor, id, Permission::Download)?.kind.as_str() {
            "licence" => Ok(()),
            _ => Err(none()),
        }
    }

    /// A licence of the actor's account that he sees, also while it waits for a token from outside. Another account's is not there.
    pub(super) fn own_licence<'a>(&self, actor: &'a Actor, id: &str) -> Answer<(&'a SignIn, Record)> {
        let person = self.allow(actor, Permission::Licences)?;
        let row = self.licence_row(person.account, id)?.filter(|_| self.sees(person, id).unwrap_or(false));
        Ok((person, row.ok_or_else(none)?))
    }

    /// The records that are to be licensed, each once, all of them the person's to see.
    fn to_license(&self, person: &SignIn, given: &[String], whole_shop: Option<i64>) -> Answer<Vec<String>> {
        let (mut ids, mut once): (Vec<String>, BTreeSet<String>) = (Vec::new(), BTreeSet::new());
        for id in given.iter().filter(|id| once.insert((*id).clone())) {
            let row = self.store.record(id)?.filter(|row| row.account == person.account);
            let shown = crate::show_path(std::path::Path::new(id));
            let none = || {
                let (zh, en) =
                    (format!("没有存证 {shown}；请核对编号"), format!("there is no record {shown}; check its number"));
                Refusal::field("pictures", zh, en)
            };
            let row = row.filter(|_| self.sees(person, id).unwrap_or(false)).ok_or_else(none)?;
            if !LICENSABLE.iter().any(|kind| kind.as_str() == row.kind) {
                return Err(Refusal::field(
                    "pictures",
                    format!("{shown} 不是图片、文件、摘要或合集，不能许可"),
                    format!("{shown} is no picture, file, digest or collection and cannot be licensed"),
                ));
            }
            ids.push(row.id);
        }
        if let Some(shop) = whole_shop {
            let own = self.store.shops(person.account)?;
            let sees = person.shops.as_ref().is_none_or(|shops| shops.contains(&shop));
            if !sees || !own.iter().any(|s| s.id == shop) {
                return Err(Refusal::field("whole-shop", "没有这家店铺", "there is no such shop"));
            }
            ids.extend(
                self.made_for_shop(person.account, shop)?
                    .into_iter()
                    .map(|s| s.id)
                    .filter(|id| once.insert(id.clone())),
            );
        }
        if ids.is_empty() {
            return Err(Refusal::field(
                "pictures",
                "没有写明许可哪些图片；请勾选，或填写存证编号",
                "no picture is named; tick some, or write their record numbers",
            ));
        }
        if ids.len() > MAX_COVERED {
            let n = ids.len();
            return Err(Refusal::field(
                "pictures",
                format!("选中 {n} 项，一份许可最多 {MAX_COVERED} 项；请分成几份"),
                format!("{n} are chosen, a licence covers at most {MAX_COVERED}; make several"),
            ));
        }
        let collections = |id: &String| self.store.record(id).is_ok_and(|r| r.is_some_and(|r| r.kind == "collection"));
        if ids.len() > MAX_LICENSED && ids.iter().any(collections) {
            return Err(Refusal::field(
                "pictures",
                format!("超过 {MAX_LICENSED} 项时须都是图片或文件，合集不能再放进合集；请把合集另作一份许可"),
                format!("of more than {MAX_LICENSED} none may be a collection; license the collection by itself"),
            ));
        }
        Ok(ids)
    }

    /// Pictures and files that were made for a shop, the newest first.
    fn made_for_shop(&self, account: i64, shop: i64) -> Result<Vec<Shelved>> {
        self.shelve()?;
        let kinds = ["image", "file", "digest"].map(str::to_owned).to_vec();
        // One more than is taken: then it is refused.
        let limit = u32::try_from(MAX_COVERED + 1).unwrap_or(u32::MAX);
        let wanted = Wanted { account, shops: Some(vec![shop]), kinds, limit, ..Wanted::default() };
        Ok(self.store.shelf(&wanted)?.0)
    }

    /// Whether `named` is a collection that lists `id`; each list is read once.
    pub(crate) fn lists(&self, read: &mut BTreeMap<String, bool>, named: &str, id: &str) -> Result<bool> {
        if let Some(lists) = read.get(named) {
            return Ok(*lists);
        }
        let row = self.store.record(named)?.filter(|row| row.kind == "collection");
        let manifest = row.and_then(|row| Manifest::parse(&self.document(&row)?).ok());
        let lists = manifest.is_some_and(|m| m.lines().iter().any(|line| line.id == id));
        read.insert(named.to_owned(), lists);
        Ok(lists)
    }

    fn licensed_picture(&self, person: &SignIn, id: &str) -> Result<LicensedPicture> {
        if self.sees(person, id)? { self.picture_in(person.account, id) } else { Ok(LicensedPicture::gone(id)) }
    }

    /// A record of this account as a list of licensed ones shows it.
    pub(super) fn picture_in(&self, account: i64, id: &str) -> Result<LicensedPicture> {
        self.shelve()?;
        let item = self.store.shelved(account, id)?;
        Ok(match item {
            Some(item) => {
                let sha256 = item.sha256.map(|d| hex::encode(&d));
                LicensedPicture { id: item.id, title: Some(item.title), kind: item.kind, sha256 }
            }
            None => LicensedPicture::gone(id),
        })
    }
}

fn none() -> Refusal {
    Refusal::new(Why::NotFound, "没有这份许可", "there is no such licence")
}

/// A refusal that names its field, or what is only not there yet.
fn field(error: Error) -> Refusal {
    match FIELDS.iter().find(|name| **name == error.code) {
        Some(name) => Refusal { why: Why::Field(name), error },
        None if error.code == "no-licence" => none(),
        None if error.code == "ended" => Refusal { why: Why::Conflict, error },
        None if error.exit == 3 => Refusal { why: Why::Field("pictures"), error },
        None => later(error),
    }
}
