//! What the operator tells merchants: written once, shown on every page of theirs until each person puts it away.
//!
//! Rules:
//! - A notice is plain text in one language or both, to everybody or to one account, from one day to another (UTC+8).
//! - Who puts one away does so for himself; it stays in his account's list. One that is taken back is shown no more.
//! - Which notices are open is held in memory, since every page asks: only the one writer of the folder changes them.

use super::{Actor, Answer, Permission, Refusal, Why, library::day};
use crate::{Folder, Result, clock};
use evidence::time::{SECOND, Utc};
use std::sync::{Arc, PoisonError, RwLock};
use store::Notice;

/// Longest notice of a language, in characters.
pub const MAX_NOTICE: usize = 2000;
/// Longest that one is shown, in days.
pub const MAX_NOTICE_DAYS: i64 = 366;
/// Most that are open at once: each is on every page.
const MAX_OPEN: usize = 20;
/// Of a list.
const PAGE: u32 = 50;
const DAY: i64 = 24 * 3600 * SECOND;

/// Notices that are open, once somebody has asked.
#[derive(Default)]
pub(crate) struct Cached(RwLock<Option<Arc<Vec<Notice>>>>);

/// A notice that is to be written.
#[derive(Clone, Debug, Default)]
pub struct NewNotice {
    /// Number of the account that it is for; empty: everybody.
    pub account: String,
    /// In Chinese; may be empty where the other is not.
    pub zh: String,
    /// In English.
    pub en: String,
    /// First day, `2026-12-01`; empty: from now on.
    pub from: String,
    /// Last day.
    pub until: String,
}

/// A notice on a page.
#[derive(Clone, Debug)]
pub struct NoticeShown {
    /// Number.
    pub id: i64,
    /// Where it was written in one language, that one in both.
    pub zh: String,
    /// The same.
    pub en: String,
    /// Shown from.
    pub begins_at: Utc,
    /// Shown until.
    pub ends_at: Utc,
}

/// A notice in the operator's list.
#[derive(Clone, Debug)]
pub struct NoticeTold {
    /// What it says.
    pub shown: NoticeShown,
    /// Whom it is for; `None`: everybody.
    pub account: Option<i64>,
    /// `later`, `open`, `past`, `ended`.
    pub state: &'static str,
}

impl Folder {
    /// Writes a notice.
    pub fn add_notice(&self, actor: &Actor, new: &NewNotice) -> Answer<()> {
        let person = self.allow(actor, Permission::Operate)?;
        let now = clock::now();
        let account = match new.account.trim() {
            "" => None,
            text => Some(text.parse().map_err(|_| no_account(text))?),
        };
        let (zh, en) = (words("zh", &new.zh)?, words("en", &new.en)?);
        if zh.is_empty() && en.is_empty() {
            return Err(Refusal::field("zh", "请至少用一种语言填写", "write it in one language at least"));
        }
        let begins_at = match new.from.trim() {
            "" => now.0,
            text => of_day("from", text)?.0.max(now.0),
        };
        let ends_at = of_day("until", new.until.trim())?.1;
        if ends_at <= begins_at || ends_at > begins_at + (MAX_NOTICE_DAYS + 1) * DAY {
            return Err(Refusal::field(
                "until",
                format!("结束日期须在开始之后，且不超过 {MAX_NOTICE_DAYS} 天"),
                format!("the last day must lie after the first, and by at most {MAX_NOTICE_DAYS} days"),
            ));
        }
        if self.open_notices()?.iter().filter(|n| n.account == account).count() >= MAX_OPEN {
            return Err(Refusal::field(
                "zh",
                format!("同时有效的通知至多 {MAX_OPEN} 条；请先撤下一条"),
                format!("at most {MAX_OPEN} notices at once; take one back first"),
            ));
        }
        let notice = Notice { account, zh, en, begins_at, ends_at, created_at: now.0, ..Notice::default() };
        let added = self.store.add_notice(&notice, &actor.act(person, "notice", ""))?;
        self.forget_notices();
        added.map(|_| ()).ok_or_else(|| no_account(new.account.trim()))
    }

    /// Takes one back.
    pub fn end_notice(&self, actor: &Actor, id: i64) -> Answer<()> {
        let person = self.allow(actor, Permission::Operate)?;
        let ended = self.store.end_notice(id, &actor.act(person, "end-notice", ""))?;
        self.forget_notices();
        if ended { Ok(()) } else { Err(none()) }
    }

    /// All of them below this number, for the operator.
    pub fn all_notices(&self, actor: &Actor, below: i64) -> Answer<Vec<NoticeTold>> {
        self.allow(actor, Permission::Operate)?;
        let now = clock::now().0;
        let told = |n: Notice| {
            let state = match &n {
                n if n.ended_at.is_some() => "ended",
                n if n.ends_at <= now => "past",
                n if n.begins_at > now => "later",
                _ => "open",
            };
            NoticeTold { account: n.account, state, shown: shown(&n) }
        };
        Ok(self.store.notices(below, PAGE)?.into_iter().map(told).collect())
    }

    /// What somebody's page has to show now, the newest first; nothing for who is not signed in.
    pub fn notices_due(&self, actor: &Actor) -> Result<Vec<NoticeShown>> {
        let (Some(person), Some(_)) = (actor.person(), actor.session()) else { return Ok(Vec::new()) };
        let (open, now) = (self.open_notices()?, clock::now().0);
        let due = |n: &&Notice| n.account.is_none_or(|a| a == person.account) && n.begins_at <= now && n.ends_at > now;
        let due: Vec<&Notice> = open.iter().filter(due).collect();
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let away = self.store.dismissed(person.id)?;
        Ok(due.into_iter().filter(|n| !away.contains(&n.id)).map(shown).collect())
    }

    /// What the actor's account was told, below this number.
    pub fn notices_told(&self, actor: &Actor, below: i64) -> Answer<Vec<NoticeShown>> {
        let person = self.allow(actor, Permission::Sessions)?;
        let told = self.store.told_notices(person.account, clock::now().0, below, PAGE)?;
        Ok(told.iter().map(shown).collect())
    }

    /// The actor has read one, and wants it on his pages no more.
    pub fn dismiss_notice(&self, actor: &Actor, id: i64) -> Answer<()> {
        let person = self.allow(actor, Permission::Sessions)?;
        if !self.store.dismiss(person.account, person.id, id, clock::now().0)? {
            return Err(none());
        }
        Ok(self.note(actor, person, "dismiss-notice", &id.to_string())?)
    }

    fn open_notices(&self) -> Result<Arc<Vec<Notice>>> {
        if let Some(open) = &*self.notices.0.read().unwrap_or_else(PoisonError::into_inner) {
            return Ok(open.clone());
        }
        let mut held = self.notices.0.write().unwrap_or_else(PoisonError::into_inner);
        let open = Arc::new(self.store.open_notices(clock::now().0)?);
        *held = Some(open.clone());
        Ok(open)
    }

    pub(super) fn forget_notices(&self) {
        *self.notices.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Lines of visible characters; `name` is the field.
fn words(name: &'static str, text: &str) -> Answer<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let whole = lines.join("\n");
    if whole.chars().count() > MAX_NOTICE || lines.iter().any(|line| evidence::json::check_string(name, line).is_err())
    {
        return Err(Refusal::field(
            name,
            format!("通知须为不超过 {MAX_NOTICE} 个可见的字"),
            format!("a notice has at most {MAX_NOTICE} visible characters"),
        ));
    }
    Ok(whole)
}

fn of_day(name: &'static str, text: &str) -> Answer<(i64, i64)> {
    day(text).filter(|_| text.len() == 10).ok_or_else(|| {
        let shown = crate::show_path(std::path::Path::new(text));
        Refusal::field(
            name,
            format!("“{shown}”不是日期；请写作 2026-12-24"),
            format!("\"{shown}\" is no day; write it as 2026-12-24"),
        )
    })
}

fn shown(notice: &Notice) -> NoticeShown {
    let (zh, en) = match (notice.zh.is_empty(), notice.en.is_empty()) {
        (true, _) => (&notice.en, &notice.en),
        (_, true) => (&notice.zh, &notice.zh),
        _ => (&notice.zh, &notice.en),
    };
    let (begins_at, ends_at) = (Utc(notice.begins_at), Utc(notice.ends_at));
    NoticeShown { id: notice.id, zh: zh.clone(), en: en.clone(), begins_at, ends_at }
}

fn no_account(text: &str) -> Refusal {
    let shown = crate::show_path(std::path::Path::new(text));
    Refusal::field(
        "account",
        format!("没有账户“{shown}”，或它已注销；留空则发给所有账户"),
        format!("there is no account \"{shown}\", or it is closed; leave it empty for all of them"),
    )
}

fn none() -> Refusal {
    Refusal::new(Why::NotFound, "没有这条通知，或它已经结束", "there is no such notice, or it is over")
}
