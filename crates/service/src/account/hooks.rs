//! An account's web hooks: made, paused and ended by a person; what could not be delivered, and once more.

use super::{Actor, Answer, Permission, Refusal, Why};
use crate::{Folder, clock, hooks::target, keys};
use ::capture::guard::Loopback;
use base64::{Engine, engine::general_purpose::STANDARD};
use evidence::time::Utc;

/// What a hook can hear of.
pub const HOOK_EVENTS: [&str; 2] = ["deposit", "capture"];
/// Most hooks of one account.
const MAX_HOOKS: usize = 8;
/// Messages of a hook that are shown.
const SHOWN: u32 = 20;

/// A hook as its owner sees it; its secret was shown once.
#[derive(Clone, Debug)]
pub struct HookShown {
    /// Number.
    pub id: i64,
    /// Where.
    pub url: String,
    /// Of [`HOOK_EVENTS`].
    pub events: Vec<String>,
    /// Nothing is sent meanwhile.
    pub paused: bool,
    /// Made.
    pub created_at: Utc,
    /// The newest; those that were given up first.
    pub messages: Vec<store::Message>,
}

impl Folder {
    /// A new hook. Gives its secret, shown this once.
    pub fn add_hook(&self, actor: &Actor, url: &str, events: &[&str], loopback: &[Loopback]) -> Answer<String> {
        let person = self.allow(actor, Permission::Hooks)?;
        let url = url.trim();
        target(url, loopback).map_err(|(zh, en)| Refusal::field("url", zh, en))?;
        if events.is_empty() || events.iter().any(|e| !HOOK_EVENTS.contains(e)) {
            return Err(Refusal::field("events", "请至少选择一类事件", "choose at least one kind of event"));
        }
        if self.store.hooks(person.account)?.len() >= MAX_HOOKS {
            return Err(Refusal::field(
                "url",
                format!("最多 {MAX_HOOKS} 个回调；请先终止一个"),
                format!("at most {MAX_HOOKS} hooks; end one first"),
            ));
        }
        let secret = keys::random::<32>()?;
        let id = self.store.add_hook(person.account, url, &events.join(" "), &secret, clock::now().0)?;
        self.note(actor, person, "add-hook", &id.to_string())?;
        Ok(format!("whsec_{}", STANDARD.encode(secret)))
    }

    /// The account's hooks, the newest first.
    pub fn hooks(&self, actor: &Actor) -> Answer<Vec<HookShown>> {
        let person = self.allow(actor, Permission::Hooks)?;
        let shown = |hook: store::Hook| {
            Ok(HookShown {
                messages: self.store.messages(hook.id, SHOWN)?,
                id: hook.id,
                url: hook.url,
                events: hook.events.split(' ').map(str::to_owned).collect(),
                paused: hook.paused,
                created_at: Utc(hook.created_at),
            })
        };
        self.store.hooks(person.account)?.into_iter().map(shown).collect()
    }

    /// Pauses a hook, or lets it go on.
    pub fn pause_hook(&self, actor: &Actor, id: i64, paused: bool) -> Answer<()> {
        let person = self.allow(actor, Permission::Hooks)?;
        found(self.store.pause_hook(person.account, id, paused)?)?;
        Ok(self.note(actor, person, if paused { "pause-hook" } else { "resume-hook" }, &id.to_string())?)
    }

    /// Ends a hook; what was not delivered yet is not.
    pub fn end_hook(&self, actor: &Actor, id: i64) -> Answer<()> {
        let person = self.allow(actor, Permission::Hooks)?;
        found(self.store.end_hook(person.account, id)?)?;
        Ok(self.note(actor, person, "end-hook", &id.to_string())?)
    }

    /// Tries a message anew that was given up.
    pub fn send_again(&self, actor: &Actor, message: i64) -> Answer<()> {
        let person = self.allow(actor, Permission::Hooks)?;
        found(self.store.requeue(person.account, message, clock::now().0)?)?;
        Ok(self.note(actor, person, "send-again", &message.to_string())?)
    }
}

fn found(found: bool) -> Answer<()> {
    if found { Ok(()) } else { Err(Refusal::new(Why::NotFound, "没有这个回调", "there is no such hook")) }
}
