//! Links: some of one record, shown to whoever has the address, until a day.
//!
//! Rules:
//! - A link's token is 32 random bytes, told once; the folder knows only its SHA-256.
//! - [`Folder::linked`] is the link's door, as [`Folder::allow`] is a person's: everything that is shown asks it first.
//! - A link withholds only what can be withheld ([`Open`]): what a certificate prints is disclosed by it, and what the
//!   ledger says in clear is anybody's. The verdict beside it is made from what the link discloses, and from no more.
//! - An ended link says so (410); one that never was is not found.

use super::{Actor, Answer, Kept, Permission, Refusal, Why, library::day, record::later};
use crate::{Error, ExportRequest, Folder, clock, keys};
use evidence::{
    digest, disclosure, hex,
    json::Value,
    statement::{Kind, OperatorRelation, RIGHTS},
    time::{SECOND, Utc},
};
use std::collections::{BTreeMap, BTreeSet};
use store::{NewShare, Record, Share};
use verify::Verdict;

/// Longest that a link may last, in days.
pub const MAX_SHARE_DAYS: i64 = 366;
/// Most links of one record that have not ended.
const MAX_LINKS: usize = 50;
const DAY: i64 = 24 * 3600 * SECOND;
/// What a link may show beyond number, kind, digests, times and verdict, in the order in which it is offered.
pub const SHOWS: [&str; 6] = ["picture", "owner", "claims", "certificate", "package", "original"];
/// Claims that name the owner.
const OWNER: [&str; 6] =
    ["owner_kind", "owner_name", "owner_code", "owner_id_masked", "identity_method", "acting_account"];
/// Claims about the work beyond [`RIGHTS`].
const WORK: [&str; 1] = ["file_name"];

/// What of a record is anybody's already, whatever a link withholds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// Owner and claims can be withheld.
    Nothing,
    /// The owner runs the ledger: leaf 0 names him.
    Owner,
    /// The record's own file names owner and page: a capture's order, a comparison's references, a collection's lines.
    Everything,
}

/// A link as its maker sees it.
#[derive(Clone, Debug)]
pub struct Link {
    /// Number: what ends it.
    pub id: i64,
    /// Words of [`SHOWS`].
    pub shows: Vec<String>,
    /// Ends by itself.
    pub until: Utc,
    /// Its page still opens.
    pub open: bool,
    /// Somebody ended it.
    pub ended: Option<Utc>,
    /// How often its page was opened.
    pub opened: u64,
    /// Last opened.
    pub opened_at: Option<Utc>,
}

/// A record as a link shows it.
#[derive(Clone, Debug)]
pub struct Linked {
    /// Record number.
    pub id: String,
    /// Statement's kind.
    pub kind: String,
    /// Words of [`SHOWS`].
    pub shows: Vec<String>,
    /// Ends by itself.
    pub until: Utc,
    /// Hex.
    pub sha256: Option<String>,
    /// Hex.
    pub sm3: Option<String>,
    /// The file's bytes.
    pub size: Option<u64>,
    /// Hex.
    pub record_sha256: String,
    /// The platform's own clock.
    pub received_at: Utc,
    /// Disclosed claims.
    pub claims: BTreeMap<String, Value>,
    /// Made just now from what is disclosed.
    pub verdict: Verdict,
}

impl Folder {
    /// What of this record a link cannot withhold.
    pub fn shareable(&self, actor: &Actor, id: &str) -> Answer<Open> {
        Ok(self.open_anyway(&self.owned(actor, id, Permission::View)?))
    }

    /// Makes a link that shows this until the end of a day (`2026-12-24`, UTC+8): its token, told this once.
    pub fn share(&self, actor: &Actor, id: &str, shows: &[&str], until: &str) -> Answer<String> {
        let person = self.allow(actor, Permission::Share)?;
        let record = self.owned(actor, id, Permission::Share)?;
        let now = clock::now().0;
        let end = day(until.trim()).filter(|_| until.trim().len() == 10).map(|(_, end)| end);
        let end = end.filter(|end| *end > now && *end <= now + (MAX_SHARE_DAYS + 1) * DAY).ok_or_else(|| {
            let shown = crate::show_path(std::path::Path::new(until));
            Refusal::field(
                "until",
                format!("“{shown}”不能作为截止日；请写作 2026-12-24，从今天起至多 {MAX_SHARE_DAYS} 天"),
                format!(
                    "\"{shown}\" is no day to end on; write it as 2026-12-24, at most {MAX_SHARE_DAYS} days from today"
                ),
            )
        })?;
        if let Some(other) = shows.iter().find(|s| !SHOWS.contains(s)) {
            let (zh, en) = (format!("没有“{other}”这一项"), format!("a link cannot show {other}"));
            return Err(Refusal::field("shows", zh, en));
        }
        let open = self.store.shares(person.account, id)?.iter().filter(|s| is_open(s, now)).count();
        if open >= MAX_LINKS {
            return Err(Refusal::field(
                "shows",
                format!("这条记录已有 {open} 个有效链接；请先结束不用的"),
                format!("this record has {open} open links; end some of them first"),
            ));
        }
        let shows = implied(shows, self.open_anyway(&record)).join(" ");
        let token = hex::encode(&keys::random::<32>()?);
        let new = NewShare {
            digest: digest::sha256(token.as_bytes()),
            account: person.account,
            sign_in: person.id,
            record: id,
            shows: &shows,
            at: now,
            until: end,
        };
        self.store.add_share(&new)?;
        self.note(actor, person, "share", id)?;
        Ok(token)
    }

    /// The links of a record, the newest first.
    pub fn links(&self, actor: &Actor, id: &str) -> Answer<Vec<Link>> {
        let person = self.allow(actor, Permission::Share)?;
        self.owned(actor, id, Permission::Share)?;
        let now = clock::now().0;
        let link = |s: Share| Link {
            open: is_open(&s, now),
            shows: words(&s.shows),
            until: Utc(s.expires_at),
            ended: s.ended_at.map(Utc),
            opened: s.opened,
            opened_at: s.opened_at.map(Utc),
            id: s.id,
        };
        Ok(self.store.shares(person.account, id)?.into_iter().map(link).collect())
    }

    /// Ends a link of this record.
    pub fn end_share(&self, actor: &Actor, id: &str, number: i64) -> Answer<()> {
        let person = self.allow(actor, Permission::Share)?;
        self.owned(actor, id, Permission::Share)?;
        if !self.store.end_share(person.account, id, number, clock::now().0)? {
            return Err(Refusal::new(
                Why::NotFound,
                "没有这个链接，或它已经结束",
                "there is no such link, or it has ended",
            ));
        }
        Ok(self.note(actor, person, "end-share", id)?)
    }

    /// What a link shows; the opening is counted.
    pub fn shared(&self, token: &str) -> Answer<Linked> {
        let (share, record) = self.linked(token, None)?;
        let shows = words(&share.shows);
        let request = ExportRequest { pending: true, disclose: disclosed(&shows), ..ExportRequest::default() };
        let (verdict, _) = self.verdict(&record, &request).map_err(later)?;
        let claims = match &request.disclose {
            Some(_) => verdict.facts.claims.clone(),
            None => {
                let all = disclosure::parse_set(&record.disclosures).map_err(Error::from)?;
                let named = all.iter().map(|d| (d.name().to_owned(), d.value().clone()));
                named.filter(|(name, _)| !crate::prove::COURT_ONLY.contains(&name.as_str())).collect()
            }
        };
        self.store.opened_share(share.id, clock::now().0)?;
        Ok(Linked {
            until: Utc(share.expires_at),
            received_at: Utc(record.received_at),
            sha256: record.sha256.map(|d| hex::encode(&d)),
            sm3: record.sm3.map(|d| hex::encode(&d)),
            record_sha256: hex::encode(&record.record_digest),
            size: record.size,
            kind: record.kind,
            id: record.id,
            shows,
            claims,
            verdict,
        })
    }

    /// A small picture, where the link shows it.
    pub fn shared_picture(&self, token: &str) -> Answer<Option<Vec<u8>>> {
        let (_, record) = self.linked(token, Some("picture"))?;
        Ok(self.small_picture(&record)?)
    }

    /// The certificate (PDF), where the link shows it: its record's number, and its bytes.
    pub fn shared_certificate(&self, token: &str, english: bool) -> Answer<(String, Vec<u8>)> {
        let (_, record) = self.linked(token, Some("certificate"))?;
        Ok((record.id.clone(), self.drawn(&record, english)?))
    }

    /// The package (ZIP), where the link shows it, disclosing what the link does.
    pub fn shared_package(&self, token: &str, english: bool) -> Answer<(String, Vec<u8>)> {
        let (share, record) = self.linked(token, Some("package"))?;
        let disclose = disclosed(&words(&share.shows));
        let request = ExportRequest { english, pending: true, disclose, ..ExportRequest::default() };
        Ok((record.id.clone(), self.made(&record, &request).map_err(later)?.package))
    }

    /// The original, where the link shows it; its name only where that is disclosed.
    pub fn shared_original(&self, token: &str) -> Answer<Kept> {
        let (share, record) = self.linked(token, Some("original"))?;
        let mut kept = self.kept(&record)?;
        if disclosed(&words(&share.shows)).is_some_and(|claims| !claims.contains("file_name")) {
            kept.name = nameless(&record)?;
        }
        Ok(kept)
    }

    /// The link's door: the link of this token and its record, where it is open and shows `what`.
    fn linked(&self, token: &str, what: Option<&str>) -> Answer<(Share, Record)> {
        let none =
            || Refusal::new(Why::NotFound, "没有这个链接；请核对网址", "there is no such link; check the address");
        // Anything else is no token, and no reason to ask the database.
        let _: [u8; 32] = hex::decode("token", token).map_err(|_| none())?;
        let share = self.store.share(&digest::sha256(token.as_bytes()))?.ok_or_else(none)?;
        if !is_open(&share, clock::now().0) {
            return Err(Refusal::new(
                Why::Gone,
                "这个链接已经结束；请向给您链接的人索取新的。记录本身不受影响",
                "this link has ended; ask whoever gave it to you for a new one. The record itself is unaffected",
            ));
        }
        if what.is_some_and(|what| !words(&share.shows).iter().any(|s| s == what)) {
            return Err(none());
        }
        let record = self.store.record(&share.record)?.ok_or_else(none)?;
        Ok((share, record))
    }

    fn open_anyway(&self, record: &Record) -> Open {
        let plain = [Kind::Image, Kind::File, Kind::Digest].iter().any(|k| record.kind == k.as_str());
        match (plain, self.relation(record.account) == OperatorRelation::SamePerson) {
            (false, _) => Open::Everything,
            (true, true) => Open::Owner,
            (true, false) => Open::Nothing,
        }
    }
}

/// What to call a file whose name is withheld: its record's number, and a picture's kind, which the ledger says.
fn nameless(record: &Record) -> Result<String, Error> {
    let file = evidence::record::Record::parse(&record.record)?.statement.file;
    let kind = file.as_ref().and_then(|file| file.media_type.strip_prefix("image/"));
    let kind = kind.filter(|kind| kind.bytes().all(|b| b.is_ascii_alphanumeric()));
    Ok(kind.map_or_else(|| record.id.clone(), |kind| format!("{}.{kind}", record.id)))
}

fn is_open(share: &Share, now: i64) -> bool {
    share.ended_at.is_none() && share.expires_at > now
}

fn words(shows: &str) -> Vec<String> {
    shows.split(' ').filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

/// With what is shown by it in any case: a certificate prints owner and claims.
fn implied(shows: &[&str], open: Open) -> Vec<&'static str> {
    let asked = |what: &str| shows.contains(&what);
    let all = open == Open::Everything || asked("certificate");
    let implied = |what: &str| match what {
        "owner" => all || open == Open::Owner,
        "claims" => all,
        _ => false,
    };
    SHOWS.into_iter().filter(|what| asked(what) || implied(what)).collect()
}

/// The claims that a link discloses; `None`: whatever an ordinary package does.
fn disclosed(shows: &[String]) -> Option<BTreeSet<String>> {
    let has = |what: &str| shows.iter().any(|s| s == what);
    if has("owner") && has("claims") {
        return None;
    }
    let owner = OWNER.iter().filter(|_| has("owner"));
    let work = RIGHTS.iter().chain(&WORK).filter(|_| has("claims"));
    Some(owner.chain(work).map(|name| (*name).to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_shows_no_less_than_what_it_gives_away_anyway() {
        assert_eq!(implied(&["picture"], Open::Nothing), ["picture"]);
        assert_eq!(implied(&["picture"], Open::Owner), ["picture", "owner"]);
        assert_eq!(implied(&["certificate"], Open::Nothing), ["owner", "claims", "certificate"]);
        assert_eq!(implied(&[], Open::Everything), ["owner", "claims"]);
        let shows = |words: &[&str]| disclosed(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
        assert_eq!(shows(&["owner", "claims"]), None);
        assert_eq!(shows(&["package"]), Some(BTreeSet::new()));
        assert!(shows(&["owner"]).is_some_and(|c| c.contains("owner_name") && !c.contains("title")));
        assert!(shows(&["claims"]).is_some_and(|c| c.contains("title") && !c.contains("owner_name")));
    }
}
