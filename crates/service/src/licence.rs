//! Licences: who may use which registered pictures, on which pages, from when until when (spec/licence.md).
//!
//! Rules:
//! - A licence is a record and never changes: what ends or confirms it is another record, found by the licence's number.
//! - How it stands follows from its days and from those records, on the day it is looked at; nothing keeps a state.
//! - What waits for a token from outside counts as what is recorded: it is durable, and nothing is said twice meanwhile.
//! - Of an account one is recorded at a time, until it is durable; tokens and seals are awaited after that.
//! - Registering never hinders licensing: nothing here asks what an edition includes, or how much of it is left.

mod found;
mod named;
mod pattern;
mod told;

use found::{add, with};
use pattern::Pattern;

use crate::{
    Account, Error, Folder, Result, clock, deposit::SEAL_WAIT, folder::ledger_error, letters, register::Draft,
    show_path,
};
use evidence::{
    disclosure,
    json::Value,
    merkle,
    statement::{Kind, Provenance, Ref, parse_refs},
    time::{SECOND, Utc},
};
use std::{collections::BTreeMap, path::Path};
use store::Record;

/// Most pictures, or collections of them, that one licence names.
pub const MAX_LICENSED: usize = 16;
/// Most URL patterns of a licence.
pub const MAX_URLS: usize = 64;
/// Kinds of records that can be licensed.
pub(crate) const LICENSABLE: [Kind; 4] = [Kind::Image, Kind::File, Kind::Digest, Kind::Collection];

/// A licence that is about to be recorded. Days are `2026-12-24`, UTC+8, both inclusive.
#[derive(Clone, Debug, Default)]
pub struct Licence {
    /// What the parties call it.
    pub title: Option<String>,
    /// Who may use the pictures.
    pub licensee: String,
    /// The licensee's 统一社会信用代码.
    pub code: Option<String>,
    /// The licensee's shop, in words.
    pub shop: Option<String>,
    /// Pages, as URL patterns.
    pub urls: Vec<String>,
    /// First day; `None`: today.
    pub from: Option<String>,
    /// Last day; `None`: no end is stated.
    pub until: Option<String>,
    /// What use, in words.
    pub scope: Option<String>,
    /// Record numbers: pictures, files, digests, collections.
    pub pictures: Vec<String>,
}

/// A licence as it stands today; also the keys of `--json`.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct LicenceLine {
    /// Record number.
    pub id: Option<String>,
    /// What the parties call it.
    pub title: Option<String>,
    /// Who may use the pictures.
    pub licensee: Option<String>,
    /// The licensee's code.
    pub code: Option<String>,
    /// The licensee's shop.
    pub shop: Option<String>,
    /// URL patterns.
    pub urls: Vec<String>,
    /// First day.
    pub from: Option<String>,
    /// Last day.
    pub until: Option<String>,
    /// What use.
    pub scope: Option<String>,
    /// Record numbers.
    pub pictures: Vec<String>,
    /// `coming`, `valid`, `over` (its last day has passed), `ended` (by its licensor); `failed`.
    pub state: String,
    /// First day on which it holds no more, by its licensor's word.
    pub ended: Option<String>,
    /// Number of the record that says so.
    pub ended_by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// When the licensee confirmed, by the platform's own clock.
    pub confirmed: Option<String>,
    /// The name that the licensee gave.
    pub confirmed_by: Option<String>,
    /// Number of the record of the confirmation.
    pub confirmation: Option<String>,
    /// `new`, `existing`, `pending`.
    pub status: String,
    /// Leaf index.
    pub index: Option<u64>,
    /// Record digest, hex.
    pub record_sha256: Option<String>,
    /// Why it failed.
    pub error: Option<Error>,
}

impl Folder {
    /// Records a licence, and waits a moment for the seal. The same one again, while it stands, is the same record.
    ///
    /// # Errors
    /// Names what cannot be recorded, and the way out.
    pub fn add_licence(&self, Account(account): Account, licence: &Licence) -> Result<LicenceLine> {
        let (row, new) = self.record_licence(account, licence, None)?;
        let row = self.awaited(row, None)?;
        let mut line = self.licence_line(&row)?;
        if new {
            line.status = self.sealed_word(&row, "new")?;
        }
        Ok(line)
    }

    /// The record of a licence, without an index where it waits for a token from outside, and whether it is a new one.
    /// `acting`: whose act it is, where somebody signed in.
    pub(crate) fn record_licence(
        &self,
        account: i64,
        licence: &Licence,
        acting: Option<&str>,
    ) -> Result<(Record, bool)> {
        self.writer()?;
        let mut claims = licence.claims()?;
        let named = ["title", "licensee_name"].iter().find_map(|name| claims.get(name)?.as_str());
        let name = named.unwrap_or_default().to_owned();
        let _turn = self.licensing.alone(account);
        // Nobody erases what it is about meanwhile.
        let _keeping = self.keeping(account);
        claims.insert("refs", Value::Array(self.licensed(account, &licence.pictures)?));
        let waits = self.licences_waiting(account)?;
        // The same one is called the same.
        for row in with(&waits, self.store.by_name(account, Kind::Licence.as_str(), &name)?, Kind::Licence, &name) {
            if same(&row, &claims)? && self.line_of_licence(&row, &waits)?.state != "ended" {
                return Ok((row, false));
            }
        }
        Ok((self.about(account, Kind::Licence, claims, &name, acting)?, true))
    }

    /// An account's licences, the newest first.
    pub fn licences(&self, Account(account): Account) -> Result<Vec<LicenceLine>> {
        let waits = self.licences_waiting(account)?;
        let mut rows = self.store.records_of(account, Kind::Licence.as_str())?;
        add(&mut rows, waits.iter().filter(|row| row.kind == Kind::Licence.as_str()));
        rows.iter().rev().map(|row| self.line_of_licence(row, &waits)).collect()
    }

    /// One of an account's licences.
    pub fn licence(&self, Account(account): Account, id: &str) -> Result<LicenceLine> {
        self.licence_line(&self.known_licence(account, id)?)
    }

    /// Ends a licence from a day on (`None`: today).
    pub fn end_licence(
        &self,
        Account(account): Account,
        id: &str,
        from: Option<&str>,
        reason: Option<&str>,
    ) -> Result<LicenceLine> {
        let row = self.known_licence(account, id)?;
        let ended = self.record_end(&row, from, reason, None)?;
        let ended = self.awaited(ended, None)?;
        let mut line = self.licence_line(&row)?;
        line.status = self.sealed_word(&ended, "new")?;
        Ok(line)
    }

    /// The record that ends a licence, without an index where it waits for a token from outside.
    pub(crate) fn record_end(
        &self,
        licence: &Record,
        from: Option<&str>,
        reason: Option<&str>,
        acting: Option<&str>,
    ) -> Result<Record> {
        self.writer()?;
        let mut claims = BTreeMap::from([("revoked_at", Value::from(day("from", from)?.unwrap_or_else(today)))]);
        claims.insert("revoked_reason", text("reason", reason)?);
        let _turn = self.licensing.alone(licence.account);
        let _keeping = self.keeping(licence.account);
        let id = licence.id.as_str();
        // Again, now that nobody else is at it: erased, on the ledger or ended in the meantime.
        let licence = &self.known_licence(licence.account, id)?;
        let line = self.licence_line(licence)?;
        if let Some(day) = &line.ended {
            return Err(Error::new(
                format!("{id}：许可已自 {day} 起终止"),
                format!("{id}: the licence has ended already, on {day}"),
            )
            .code("ended"));
        }
        claims.insert("refs", Value::Array(vec![self.reference(licence)?]));
        self.about(licence.account, Kind::Revocation, claims, id, acting)
    }

    /// A licence as it stands today.
    pub(crate) fn licence_line(&self, row: &Record) -> Result<LicenceLine> {
        self.line_of_licence(row, &self.licences_waiting(row.account)?)
    }

    /// The same, where it is known what waits.
    pub(crate) fn line_of_licence(&self, row: &Record, waits: &[Record]) -> Result<LicenceLine> {
        let claims = opened(row)?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        let urls = claims.get("licensee_urls").and_then(Value::as_array).into_iter().flatten();
        let pictures = claims.get("refs").map(parse_refs).transpose()?.unwrap_or_default();
        let mut line = LicenceLine {
            id: Some(row.id.clone()),
            title: text("title"),
            licensee: text("licensee_name"),
            code: text("licensee_code"),
            shop: text("licensee_shop"),
            urls: urls.filter_map(|u| u.as_str().map(str::to_owned)).collect(),
            from: text("licence_from"),
            until: text("licence_until"),
            scope: text("licence_scope"),
            pictures: pictures.into_iter().map(|r| r.id).collect(),
            status: if row.index.is_some() { "existing" } else { "pending" }.into(),
            index: row.index,
            record_sha256: row.digest_hex(),
            ..LicenceLine::default()
        };
        for later in self.about_licence(row, waits)? {
            let claims = opened(&later)?;
            let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
            if later.kind == Kind::Revocation.as_str() {
                (line.ended, line.reason) = (text("revoked_at"), text("revoked_reason"));
                line.ended_by = Some(later.id);
            } else if line.confirmed.is_none() {
                line.confirmed = Some(Utc(later.received_at).to_micros());
                line.confirmed_by = text("confirmed_by");
                line.confirmation = Some(later.id);
            }
        }
        line.state = state(&line, &today()).to_owned();
        Ok(line)
    }

    /// References of the pictures, each once, all of them the account's and on the ledger.
    fn licensed(&self, account: i64, ids: &[String]) -> Result<Vec<Value>> {
        let mut refs = Vec::new();
        for (n, id) in ids.iter().enumerate() {
            if ids[..n].contains(id) {
                continue;
            }
            let shown = show_path(Path::new(id));
            let row = self.store.record(id)?.filter(|row| row.account == account).ok_or_else(|| {
                Error::new(
                    format!("没有存证 {shown}；用 quezao list 查看编号"),
                    format!("there is no record {shown}; quezao list shows their numbers"),
                )
                .code("unknown")
            })?;
            if !LICENSABLE.iter().any(|kind| kind.as_str() == row.kind) {
                return Err(Error::new(
                    format!("{shown} 的种类是 {}；许可只写图片、文件、摘要和合集", row.kind),
                    format!(
                        "{shown} is of kind {}; a licence names pictures, files, digests and collections",
                        row.kind
                    ),
                ));
            }
            refs.push(self.reference(&row)?);
        }
        if refs.is_empty() {
            return Err(Error::new(
                "没有写明许可哪些图片；请给出存证编号",
                "no picture is named; give their record numbers",
            ));
        }
        if refs.len() > MAX_LICENSED {
            let n = refs.len();
            return Err(Error::new(
                format!(
                    "写明了 {n} 项，一份许可最多 {MAX_LICENSED} 项；请先把图片做成合集（quezao collect），再许可合集"
                ),
                format!(
                    "{n} are named, a licence has at most {MAX_LICENSED}; make a collection of them first (quezao collect) and license that"
                ),
            ));
        }
        Ok(refs)
    }

    pub(crate) fn reference(&self, row: &Record) -> Result<Value> {
        if row.index.is_none() {
            return Err(Error::incomplete(
                format!("{}：尚未写入账本；请稍后重试", row.id),
                format!("{}: not on the ledger yet; try again later", row.id),
            ));
        }
        let leaf = merkle::leaf_hash(&row.record);
        Ok(Ref { ledger: self.origin.clone(), id: row.id.clone(), leaf }.to_value())
    }

    /// A record without a file, of the account's owner; without an index where it waits for a token from outside.
    pub(crate) fn about(
        &self,
        account: i64,
        kind: Kind,
        own: BTreeMap<&str, Value>,
        name: &str,
        acting: Option<&str>,
    ) -> Result<Record> {
        let mut claims: BTreeMap<&str, Value> = self.claims_of(account)?;
        claims.insert("acting_account", acting.map_or(Value::Null, Value::from));
        claims.extend(own);
        let draft = Draft {
            account,
            kind,
            ledger: &self.origin,
            file: None,
            relation: Some(self.relation(account)),
            provenance: kind.has_provenance().then_some(Provenance::UserSupplied),
            claims,
            clock: self.compared_clock()?,
        };
        self.put_soon(draft, name)
    }

    /// `sealed` once there is a seal over it, within a moment; else `pending`.
    pub(crate) fn sealed_word(&self, row: &Record, sealed: &str) -> Result<String> {
        let ledger = &self.writer()?.ledger;
        ledger.hurry();
        let seal = match row.index {
            Some(index) => ledger.wait_sealed(index, SEAL_WAIT).map_err(|e| ledger_error(&e))?,
            None => None,
        };
        Ok(if seal.is_some() { sealed.to_owned() } else { "pending".to_owned() })
    }
}

impl Licence {
    /// What it claims, without owner and pictures.
    pub(crate) fn claims(&self) -> Result<BTreeMap<&'static str, Value>> {
        let licensee = text("licensee", Some(&self.licensee))?;
        if licensee.is_null() {
            return Err(Error::new(
                "没有写明被许可方；请写明其名称",
                "no licensee is named; say who may use the pictures",
            )
            .code("licensee"));
        }
        let (from, until) =
            (day("from", self.from.as_deref())?.unwrap_or_else(today), day("until", self.until.as_deref())?);
        if let Some(until) = until.as_deref().filter(|until| *until < from.as_str()) {
            return Err(Error::new(
                format!("最后一天 {until} 早于第一天 {from}"),
                format!("the last day {until} is before the first, {from}"),
            )
            .code("until"));
        }
        let urls: Vec<&str> = self.urls.iter().map(|u| u.trim()).filter(|u| !u.is_empty()).collect();
        if urls.len() > MAX_URLS {
            return Err(Error::new(
                format!("网址范围有 {} 个，最多 {MAX_URLS} 个", urls.len()),
                format!("there are {} URL patterns, at most {MAX_URLS} are taken", urls.len()),
            )
            .code("urls"));
        }
        for url in &urls {
            Pattern::parse(url).map_err(|e| e.code("urls"))?;
            text("urls", Some(url))?;
        }
        let urls = if urls.is_empty() { Value::Null } else { urls.into() };
        Ok(BTreeMap::from([
            ("licensee_name", licensee),
            ("title", text("title", self.title.as_deref())?),
            ("licensee_code", text("code", self.code.as_deref())?),
            ("licensee_shop", text("shop", self.shop.as_deref())?),
            ("licensee_urls", urls),
            ("licence_from", from.into()),
            ("licence_until", until.map_or(Value::Null, Value::from)),
            ("licence_scope", text("scope", self.scope.as_deref())?),
        ]))
    }
}

/// URL patterns whose host is compared as other letters than it is written with: pattern, host as a browser writes it.
pub(crate) fn hosts(urls: &[String]) -> Vec<(String, String)> {
    let other = |text: &String| {
        let host = Pattern::parse(text.trim()).ok()?.host_text();
        (!text.to_ascii_lowercase().contains(&host)).then(|| (text.trim().to_owned(), host))
    };
    urls.iter().filter_map(other).collect()
}

/// How a licence stands on a day.
fn state(line: &LicenceLine, on: &str) -> &'static str {
    let reached = |day: &Option<String>| day.as_deref().is_some_and(|day| day <= on);
    if reached(&line.ended) {
        "ended"
    } else if line.until.as_deref().is_some_and(|until| until < on) {
        "over"
    } else if reached(&line.from) {
        "valid"
    } else {
        "coming"
    }
}

/// Whether a stored licence claims exactly this.
fn same(row: &Record, claims: &BTreeMap<&'static str, Value>) -> Result<bool> {
    let stored = opened(row)?;
    Ok(claims.iter().all(|(name, value)| stored.get(*name) == Some(value)))
}

fn opened(row: &Record) -> Result<BTreeMap<String, Value>> {
    let set = disclosure::parse_set(&row.disclosures)?;
    Ok(set.iter().map(|d| (d.name().to_owned(), d.value().clone())).collect())
}

/// Today where the product is used, UTC+8.
pub(crate) fn today() -> String {
    local_day(clock::now())
}

/// The day of an instant, UTC+8.
fn local_day(at: Utc) -> String {
    let mut text = at.plus(8 * 3600 * SECOND).to_micros();
    text.truncate(10);
    text
}

/// A text as it is claimed: nothing where it is empty. `what` is the field's name, the error's code.
pub(crate) fn text(what: &'static str, value: Option<&str>) -> Result<Value> {
    let Some(value) = value.map(str::trim).filter(|v| !v.is_empty()) else { return Ok(Value::Null) };
    let (zh, en) = LABELS.iter().find(|l| l.0 == what).map_or((what, what), |l| (l.1, l.2));
    let most = evidence::statement::MAX_TEXT;
    if value.len() > most {
        let n = value.len();
        return Err(Error::new(
            format!("{zh}有 {n} 字节，超过 {most}"),
            format!("{en} has {n} bytes, more than {most}"),
        )
        .code(what));
    }
    evidence::json::check_string("claim", value).map_err(|e| {
        Error::new(format!("{zh}中有不能登记的字符（{}）", e.zh()), format!("{en} cannot be recorded ({e})")).code(what)
    })?;
    letters::check(value, zh, en).map_err(|e| e.code(what))?;
    Ok(value.into())
}

/// What fields are called where they are refused.
const LABELS: [(&str, &str, &str); 8] = [
    ("name", "名称", "the name"),
    ("title", "许可名称", "the licence's name"),
    ("licensee", "被许可方名称", "the licensee's name"),
    ("code", "被许可方代码", "the licensee's code"),
    ("shop", "店铺", "the shop"),
    ("urls", "网址范围", "the URL pattern"),
    ("scope", "许可范围", "the scope"),
    ("reason", "原因", "the reason"),
];

/// `2026-12-24`, a day that exists; `None` where nothing was said.
fn day(what: &'static str, value: Option<&str>) -> Result<Option<String>> {
    let Some(value) = value.map(str::trim).filter(|v| !v.is_empty()) else { return Ok(None) };
    if value.len() == 10 && Utc::parse_micros(&format!("{value}T00:00:00.000000Z")).is_ok() {
        return Ok(Some(value.to_owned()));
    }
    let shown = show_path(Path::new(value));
    Err(Error::new(
        format!("“{shown}”不是日期；请写作 2026-12-24"),
        format!("\"{shown}\" is no day; write it as 2026-12-24"),
    )
    .code(what))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn how_a_licence_stands_follows_from_its_days() {
        let line = |from: &str, until: Option<&str>, ended: Option<&str>| {
            let own = |day: Option<&str>| day.map(str::to_owned);
            LicenceLine { from: own(Some(from)), until: own(until), ended: own(ended), ..LicenceLine::default() }
        };
        let on = "2026-06-15";
        for (line, is) in [
            (line("2026-06-15", Some("2026-06-15"), None), "valid"),
            (line("2026-06-16", None, None), "coming"),
            (line("2026-01-01", Some("2026-06-14"), None), "over"),
            (line("2026-01-01", None, Some("2026-06-15")), "ended"),
            (line("2026-01-01", None, Some("2026-06-16")), "valid"),
            (line("2026-01-01", Some("2026-06-14"), Some("2026-06-01")), "ended"),
        ] {
            assert_eq!(state(&line, on), is, "{line:?}");
        }
    }
}
