//! API tokens: made and ended by a person, each for some scopes and some days; and calls that are answered once.

use super::{Actor, Answer, Permission, Refusal, Why};
use crate::{Error, Feature, Folder, Result, clock, keys};
use evidence::{digest, hex, time::SECOND};
use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};
use store::{ApiToken, Once};

/// What a token may be for.
pub const SCOPES: [&str; 4] = ["deposit", "capture", "read", "licences"];
/// Longest life of a token, in days.
pub const MAX_TOKEN_DAYS: u32 = 366;
/// How often a token's use is written down.
const NOTED: i64 = 60 * SECOND;
/// How long a call waits for the same call that came before it.
const UNDER_WAY: Duration = Duration::from_secs(60);
/// How long answers are kept.
const KEPT: i64 = 7 * 24 * 3600 * SECOND;
/// How often old ones are looked for: all keys are read for it.
const SWEEP: i64 = 3600 * SECOND;

impl Folder {
    /// A new token, shown this once.
    pub fn add_token(&self, actor: &Actor, name: &str, scopes: &[&str], days: u32) -> Answer<String> {
        let person = self.allow(actor, Permission::Tokens)?;
        self.require(person.account, Feature::Api)?;
        let name = name.trim();
        if name.is_empty() || name.chars().count() > 60 || evidence::json::check_string("name", name).is_err() {
            let (zh, en) = ("请给令牌一个名称，不超过 60 个字", "give the token a name of at most 60 characters");
            return Err(Refusal::field("token-name", zh, en));
        }
        if scopes.is_empty() || scopes.iter().any(|s| !SCOPES.contains(s)) {
            return Err(Refusal::field("scopes", "请至少选择一项用途", "choose at least one use"));
        }
        if !(1..=MAX_TOKEN_DAYS).contains(&days) {
            return Err(Refusal::field(
                "days",
                format!("有效期须为 1 至 {MAX_TOKEN_DAYS} 天"),
                format!("a token lasts from 1 to {MAX_TOKEN_DAYS} days"),
            ));
        }
        let (token, now) = (format!("qz_{}", hex::encode(&keys::random::<32>()?)), clock::now().0);
        let until = now + i64::from(days) * 24 * 3600 * SECOND;
        let digest = digest::sha256(token.as_bytes());
        let id = self.store.add_token(&digest, person.id, name, &scopes.join(" "), now, until)?;
        // By number: the log outlives the name.
        self.note(actor, person, "add-token", &id.to_string())?;
        Ok(token)
    }

    /// The actor's tokens, the newest first.
    pub fn tokens(&self, actor: &Actor) -> Answer<Vec<ApiToken>> {
        let person = self.allow(actor, Permission::Tokens)?;
        Ok(self.store.api_tokens(person.id)?)
    }

    /// Ends one of the actor's tokens.
    pub fn end_token(&self, actor: &Actor, id: i64) -> Answer<()> {
        let person = self.allow(actor, Permission::Tokens)?;
        if !self.store.end_token(person.id, id)? {
            return Err(Refusal::new(Why::NotFound, "没有这个令牌", "there is no such token"));
        }
        Ok(self.note(actor, person, "end-token", &id.to_string())?)
    }

    /// Who calls with this token, a visitor where it is nobody's; refused where the account has no access by programs. And whether [`Folder::note_use`] is due. Reads a row or
    /// two and waits for nobody, so also a thread may ask that must not wait.
    pub fn actor_of_token(&self, token: &str) -> Answer<(Actor, bool)> {
        let now = clock::now().0;
        let Some(found) = self.store.token(&digest::sha256(token.as_bytes()), now)? else {
            return Ok((Actor::visitor(), false));
        };
        self.require(found.person.account, Feature::Api)?;
        let due = found.used_at.is_none_or(|used| (now - used).abs() > NOTED);
        Ok((Actor::of_token(found.person, found.id, &found.scopes), due))
    }

    /// Notes that this token was used.
    pub fn note_use(&self, actor: &Actor) -> Result<()> {
        actor.token().map_or(Ok(()), |token| Ok(self.store.note_token_use(token, clock::now().0)?))
    }

    /// Runs a creating call once for its key: the same request gets the same answer, another one is refused.
    pub fn once(
        &self,
        actor: &Actor,
        permission: Permission,
        key: &str,
        request: &[u8; 32],
        run: impl FnOnce() -> Answer<String>,
    ) -> Answer<String> {
        let person = self.allow(actor, permission)?;
        if !(1..=128).contains(&key.len()) || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Refusal::field(
                "idempotency-key",
                "Idempotency-Key 须为 1 至 128 个可见的 ASCII 字符",
                "an Idempotency-Key has 1 to 128 visible ASCII characters",
            ));
        }
        self.forget_answers()?;
        // Keys are the account's; an answer is for whom it was made, who may see more than another.
        let request = &digest::sha256(&[&person.id.to_be_bytes()[..], request].concat());
        let begun = Instant::now();
        loop {
            match self.store.begin_once(person.account, key, request, clock::now().0)? {
                Once::New => break,
                Once::Answered(answer) => return Ok(answer),
                Once::UnderWay if begun.elapsed() < UNDER_WAY => std::thread::sleep(Duration::from_millis(50)),
                Once::UnderWay => {
                    let (zh, en) =
                        ("同一请求仍在进行，请稍后再试", "the same call is still under way; try again later");
                    return Err(Refusal::new(Why::Slow(5), zh, en));
                }
                Once::Other => {
                    return Err(Refusal::new(
                        Why::Conflict,
                        "这个 Idempotency-Key 已用于另一个请求；请换一个",
                        "this Idempotency-Key was used for another request; choose another",
                    ));
                }
            }
        }
        let answer = run();
        self.store.end_once(person.account, key, answer.as_deref().ok())?;
        answer
    }

    /// Frees what a stopped process left. Only the one writer calls this.
    pub fn free_once(&self) -> Result<()> {
        self.store.free_once().map_err(Error::from)
    }

    /// Sweeps old answers where that was not done within the hour.
    fn forget_answers(&self) -> Result<()> {
        let now = clock::now().0;
        if now - self.swept.load(Ordering::Relaxed) < SWEEP {
            return Ok(());
        }
        self.swept.store(now, Ordering::Relaxed);
        self.store.sweep_once(now - KEPT).map_err(Error::from)
    }
}
