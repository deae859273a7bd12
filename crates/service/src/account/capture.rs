//! Pages to capture: asked for, queued, taken one at a time by the one writer, taken up again after a stop.

use super::{Account, Actor, Answer, Permission, Refusal, Why};
use crate::{CaptureEvent, CaptureRequest, Feature, Folder, Result, capture::check_url, clock};
use evidence::hex;
use store::{Answering, Ended, OWNER_ACCOUNT, Queued, Role, SignIn};

/// Most pages of one request.
pub const MAX_PAGES: usize = 20;
/// Entries of the list of captures.
const LISTED: u32 = 30;

/// A page that was asked for, and what came of it so far.
#[derive(Clone, Debug)]
pub struct CaptureShown {
    /// As it stands in the queue.
    pub page: Queued,
    /// How many stand before it; none where it has ended.
    pub before: u64,
    /// SHA-256 of its file, hex, where there is one.
    pub sha256: Option<String>,
}

impl Folder {
    /// Puts pages into the queue, together with the answer to a call that has a key. Their numbers there, in order.
    pub fn order_captures(
        &self,
        actor: &Actor,
        urls: &[String],
        other: bool,
        phone: bool,
        settings: &CaptureRequest,
        answer: Option<Answering<'_>>,
    ) -> Answer<Vec<i64>> {
        let person = self.allow(actor, Permission::Capture)?;
        if urls.is_empty() || urls.len() > MAX_PAGES {
            return Err(Refusal::field(
                "urls",
                format!("请填写 1 至 {MAX_PAGES} 个网址，一行一个"),
                format!("give 1 to {MAX_PAGES} addresses, one a line"),
            ));
        }
        for url in urls {
            check_url(url, &settings.loopback).map_err(|error| Refusal { why: Why::Field("urls"), error })?;
        }
        self.require(person.account, Feature::Capture)?;
        if phone {
            self.require(person.account, Feature::Phone)?;
        }
        let charged = person.account != OWNER_ACCOUNT;
        match self.store.queue_captures(&actor.act(person, "capture", ""), urls, other, phone, charged, answer)? {
            Ok(numbers) => Ok(numbers),
            Err(left) => Err(self.short_of_captures(person.account, urls.len() as u64, left)?),
        }
    }

    /// The account's newest.
    pub fn captures(&self, actor: &Actor) -> Answer<Vec<Queued>> {
        self.captures_below(actor, i64::MAX)
    }

    /// The newest of those whose number is below this one.
    pub fn captures_below(&self, actor: &Actor, number: i64) -> Answer<Vec<Queued>> {
        let person = self.allow(actor, Permission::Queue)?;
        let own = self.only_own(actor, person).then_some(person.id);
        Ok(self.store.queued_captures(person.account, own, number, LISTED)?)
    }

    /// Whether a person sees only what he ordered himself.
    fn only_own(&self, actor: &Actor, person: &SignIn) -> bool {
        person.shops.is_some() || !self.can(actor, Permission::View)
    }

    /// A page as a list has it, with its place and its file's digest.
    pub fn capture_shown(&self, actor: &Actor, page: Queued) -> Answer<CaptureShown> {
        self.allow(actor, Permission::Queue)?;
        let open = ["waiting", "running"].contains(&page.state.as_str());
        let before = if open { self.store.captures_before(page.id)? } else { 0 };
        let record = page.record.as_deref().map(|id| self.store.record(id)).transpose()?.flatten();
        Ok(CaptureShown { page, before, sha256: record.and_then(|r| r.sha256).map(|d| hex::encode(&d)) })
    }

    /// One of the account's, and how many stand before it in the queue.
    pub fn queued_capture(&self, actor: &Actor, id: i64) -> Answer<(Queued, u64)> {
        let person = self.allow(actor, Permission::Queue)?;
        let found = self.store.queued_capture(person.account, id)?;
        let found = found.filter(|page| page.sign_in == person.id || !self.only_own(actor, person));
        let found = found.ok_or_else(|| Refusal::new(Why::NotFound, "没有这次取证", "there is no such capture"))?;
        Ok((found, self.store.captures_before(id)?))
    }

    /// What a stopped process left under way waits again, once. Only the one writer calls this.
    pub fn take_up_captures(&self) -> Result<()> {
        let (zh, en) =
            ("服务两次在取证中途停止；请重新提交", "the server stopped twice in the middle of it; ask for it again");
        Ok(self.store.take_up_captures(zh, en, clock::now().0)?)
    }

    /// Takes the first page of the queue, to its end; `events` hears its number and each step. `false`: none waits.
    pub fn run_next_capture(&self, settings: &CaptureRequest, events: &mut dyn FnMut(i64, &str)) -> Result<bool> {
        let Some(next) = self.store.next_capture()? else { return Ok(false) };
        // What was permitted when it was asked for may have been taken away while it waited.
        let person = self.store.standing(next.sign_in)?;
        let may = |p: &SignIn| p.role == Role::Main || p.permissions.split(' ').any(|word| word == "capture");
        if person.as_ref().is_none_or(|person| !may(person)) {
            let (zh, en) =
                ("提交者已不能取证，没有打开页面", "who asked for it may not capture any more; no page was opened");
            let ended = Ended { outcome: "failed".into(), error: Some((zh.to_owned(), en.to_owned())) };
            let (at, via, subject) = (clock::now().0, "queue".to_owned(), "capture".to_owned());
            let (account, sign_in) = (next.account, Some(next.sign_in));
            self.store.note_act(&store::Act { at, account, sign_in, via, act: "refused", subject })?;
            self.store.end_capture(next.id, &ended, at)?;
            return Ok(true);
        }
        let request = CaptureRequest {
            urls: vec![next.url.clone()],
            other: next.other,
            phone: next.phone,
            acting_account: self.store.name_of(next.sign_in)?,
            account: Account(next.account),
            page: Some(next.id),
            ..settings.clone()
        };
        let lines = self.capture_beside(&request, &mut |event| {
            if let CaptureEvent::Step { step, .. } = event {
                events(next.id, &step);
            }
        });
        let ended = match lines {
            Ok(mut lines) => {
                let line = lines.pop().unwrap_or_default();
                let error = line.error.map(|e| (e.zh, e.en));
                Ended { outcome: line.status, error }
            }
            Err(e) => Ended { outcome: "failed".into(), error: Some((e.zh, e.en)) },
        };
        self.store.end_capture(next.id, &ended, clock::now().0)?;
        Ok(true)
    }
}
