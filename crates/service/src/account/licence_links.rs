//! Links by which a licensee, without an account, sees a licence as it is recorded and confirms it.
//!
//! Rules:
//! - A link's token is 32 random bytes, told once; the folder knows only its SHA-256.
//! - What it proves is little and is said so: whoever had the link declared this, at that time. The name is not checked.
//! - A licence is confirmed once, whatever links there are; two who press the button at once make one record.
//! - A withdrawn or expired link says so (410); one that never was is not found. After the confirmation its page gives
//!   certificate and package until it ends.

use super::{Actor, Answer, Refusal, Why, library::day, record::later};
use crate::{Error, ExportRequest, Folder, LicenceLine, clock, keys, licence::text};
use evidence::{
    digest, disclosure, hex,
    json::Value,
    statement::Kind,
    time::{SECOND, Utc},
};
use std::collections::BTreeMap;
use store::{LicenceLink, NewLicenceLink, Record};

/// Longest that such a link may last, in days.
pub const MAX_LICENCE_LINK_DAYS: i64 = 90;
/// Most links of one licence that have not ended.
const MAX_LINKS: usize = 20;
/// Most characters of the name and of the code that a licensee gives.
const MAX_NAME: usize = 200;
const MAX_CODE: usize = 64;
const DAY: i64 = 24 * 3600 * SECOND;

/// A licence as whoever holds the link sees it.
#[derive(Clone, Debug)]
pub struct LinkedLicence {
    /// As it is recorded, and how it stands.
    pub line: LicenceLine,
    /// The licensor, as recorded.
    pub owner: String,
    /// The licensor's public code.
    pub owner_code: Option<String>,
    /// How that name was established, (zh, en); `None`: it is declared.
    pub named: Option<(String, String)>,
    /// What it names: number and title.
    pub pictures: Vec<super::LicensedPicture>,
    /// As of [`super::LicenceShown`].
    pub hosts: Vec<(String, String)>,
    /// The link ends by itself.
    pub until: Utc,
    /// Somebody confirmed by this very link.
    pub used: bool,
    /// A sealed checkpoint covers it.
    pub sealed: bool,
}

impl Folder {
    /// Makes a link that is good until the end of a day (`2026-12-24`, UTC+8): its token, told this once.
    pub fn link_licence(&self, actor: &Actor, id: &str, until: &str) -> Answer<String> {
        let (person, row) = self.own_licence(actor, id)?;
        let now = clock::now().0;
        let end = day(until.trim()).filter(|_| until.trim().len() == 10).map(|(_, end)| end);
        let end = end.filter(|end| *end > now && *end <= now + (MAX_LICENCE_LINK_DAYS + 1) * DAY).ok_or_else(|| {
            let shown = crate::show_path(std::path::Path::new(until));
            Refusal::field(
                "until",
                format!("“{shown}”不能作为截止日；请写作 2026-12-24，从今天起至多 {MAX_LICENCE_LINK_DAYS} 天"),
                format!(
                    "\"{shown}\" is no day to end on; write it as 2026-12-24, at most {MAX_LICENCE_LINK_DAYS} days from today"
                ),
            )
        })?;
        // A link shows what is on the ledger.
        self.reference(&row).map_err(later)?;
        open_to(&self.licence_line(&row)?)?;
        let open = self.store.licence_links(person.account, id)?;
        if open.iter().filter(|l| l.ended_at.is_none() && l.expires_at > now).count() >= MAX_LINKS {
            return Err(Refusal::field(
                "until",
                format!("这份许可已有 {MAX_LINKS} 个有效链接；请先收回不用的"),
                format!("this licence has {MAX_LINKS} open links; take some of them back first"),
            ));
        }
        let token = hex::encode(&keys::random::<32>()?);
        let digest = digest::sha256(token.as_bytes());
        let new =
            NewLicenceLink { digest, account: person.account, sign_in: person.id, record: id, at: now, until: end };
        self.store.add_licence_link(&new)?;
        self.note(actor, person, "link-licence", id)?;
        Ok(token)
    }

    /// The links of a licence of the actor's, the newest first.
    pub fn licence_links_of(&self, actor: &Actor, id: &str) -> Answer<Vec<LicenceLink>> {
        let (person, _) = self.own_licence(actor, id)?;
        Ok(self.store.licence_links(person.account, id)?)
    }

    /// Takes a link back.
    pub fn end_licence_link(&self, actor: &Actor, id: &str, number: i64) -> Answer<()> {
        let (person, _) = self.own_licence(actor, id)?;
        if !self.store.end_licence_link(person.account, id, number, clock::now().0)? {
            let (zh, en) = ("没有这个链接，或它已经收回", "there is no such link, or it was taken back");
            return Err(Refusal::new(Why::NotFound, zh, en));
        }
        Ok(self.note(actor, person, "end-licence-link", id)?)
    }

    /// What a link shows; the opening is counted.
    pub fn linked_licence(&self, token: &str) -> Answer<LinkedLicence> {
        let (link, row) = self.licence_link(token)?;
        self.store.opened_licence_link(link.id, clock::now().0)?;
        let line = self.licence_line(&row)?;
        let claims = disclosure::parse_set(&row.disclosures).map_err(Error::from)?;
        let claim = |name: &str| {
            let found = claims.iter().find(|d| d.name() == name)?;
            found.value().as_str().map(str::to_owned)
        };
        let pictures = line.pictures.iter().map(|id| self.picture_in(row.account, id)).collect::<crate::Result<_>>()?;
        Ok(LinkedLicence {
            owner: claim("owner_name").unwrap_or_default(),
            owner_code: claim("owner_code"),
            named: self.establishing(&row)?,
            hosts: crate::licence::hosts(&line.urls),
            pictures,
            until: Utc(link.expires_at),
            used: link.used_at.is_some(),
            sealed: self.reach()?.settled(row.index),
            line,
        })
    }

    /// A small picture of what a licence names at this place, from 1; `None` where there is none to be shown.
    pub fn linked_licence_picture(&self, token: &str, place: usize) -> Answer<Option<Vec<u8>>> {
        let (_, row) = self.licence_link(token)?;
        let line = self.licence_line(&row)?;
        let Some(id) = place.checked_sub(1).and_then(|n| line.pictures.get(n)) else { return Ok(None) };
        let named = self.store.record(id)?.filter(|named| named.account == row.account);
        Ok(named.map(|named| self.small_picture(&named)).transpose()?.flatten())
    }

    /// Confirms the licence by a link, under a name that nobody checks: the record's number.
    pub fn confirm_licence(&self, token: &str, name: &str, code: Option<&str>, read: bool) -> Answer<String> {
        let account = self.licence_link(token)?.1.account;
        let name = text("name", Some(name)).map_err(|error| Refusal { why: Why::Field("name"), error })?;
        let code = text("code", code).map_err(|error| Refusal { why: Why::Field("code"), error })?;
        let Some(name) = name.as_str() else {
            return Err(Refusal::field("name", "请填写你的名称", "say who you are"));
        };
        if !read {
            return Err(Refusal::field(
                "read",
                "请勾选：已看过条款并确认",
                "tick that you read the terms and confirm them",
            ));
        }
        for (field, text, most) in [("name", Some(name), MAX_NAME), ("code", code.as_str(), MAX_CODE)] {
            if text.is_some_and(|t| t.chars().count() > most) {
                let (zh, en) = (format!("不超过 {most} 个字"), format!("at most {most} characters"));
                return Err(Refusal::field(field, zh, en));
            }
        }
        let by = match code.as_str() {
            Some(code) => format!("{name}（{code}）"),
            None => name.to_owned(),
        };
        let _turn = self.licensing.alone(account);
        let _keeping = self.keeping(account);
        // Again, now that nobody else is at it: withdrawn, ended or confirmed in the meantime.
        let (link, row) = self.licence_link(token)?;
        open_to(&self.licence_line(&row)?)?;
        let claims = BTreeMap::from([
            ("confirmed_by", Value::from(by)),
            ("confirmed_how", Value::from("link")),
            ("refs", Value::Array(vec![self.reference(&row)?])),
        ]);
        let made = self.about(row.account, Kind::Confirmation, claims, &row.id, None).map_err(later)?;
        let at = clock::now().0;
        self.store.used_licence_link(link.id, at)?;
        let act = store::Act {
            at,
            account: row.account,
            sign_in: None,
            via: format!("licence link {}", link.id),
            act: "confirm-licence",
            subject: row.id,
        };
        self.store.note_act(&act)?;
        Ok(made.id)
    }

    /// The licence's certificate (PDF) for whoever confirmed it: its number, and its bytes.
    pub fn linked_licence_certificate(&self, token: &str, english: bool) -> Answer<(String, Vec<u8>)> {
        let row = self.confirmed_by_link(token)?;
        Ok((row.id.clone(), self.drawn(&row, english)?))
    }

    /// The licence's package (ZIP), likewise.
    pub fn linked_licence_package(&self, token: &str, english: bool) -> Answer<(String, Vec<u8>)> {
        let row = self.confirmed_by_link(token)?;
        let request = ExportRequest { english, pending: true, ..ExportRequest::default() };
        Ok((row.id.clone(), self.made(&row, &request).map_err(later)?.package))
    }

    fn confirmed_by_link(&self, token: &str) -> Answer<Record> {
        let (link, row) = self.licence_link(token)?;
        match link.used_at {
            Some(_) => Ok(row),
            None => Err(Refusal::new(Why::NotFound, "确认之后才能下载", "it is given after the confirmation")),
        }
    }

    /// The door of a link.
    fn licence_link(&self, token: &str) -> Answer<(LicenceLink, Record)> {
        let none =
            || Refusal::new(Why::NotFound, "没有这个链接；请核对网址", "there is no such link; check the address");
        let link = self.store.licence_link(&digest::sha256(token.as_bytes()))?.ok_or_else(none)?;
        if link.ended_at.is_some() || link.expires_at <= clock::now().0 {
            return Err(Refusal::new(
                Why::Gone,
                "这个链接已经收回或过期；请向许可方再要一个",
                "this link was taken back or has ended; ask the licensor for another",
            ));
        }
        let row = self.store.record(&link.record)?.filter(|row| row.account == link.account);
        Ok((link, row.ok_or_else(none)?))
    }
}

/// Refuses where there is nothing to confirm any more.
fn open_to(line: &LicenceLine) -> Answer<()> {
    if line.confirmed.is_some() {
        return Err(Refusal::new(Why::Conflict, "这份许可已经确认过", "this licence is confirmed already"));
    }
    match line.state.as_str() {
        "ended" => Err(Refusal::new(
            Why::Conflict,
            "这份许可已经终止，不能再确认",
            "this licence has ended and cannot be confirmed",
        )),
        "over" => Err(Refusal::new(
            Why::Conflict,
            "这份许可已经到期，不能再确认",
            "this licence is over and cannot be confirmed",
        )),
        _ => Ok(()),
    }
}
