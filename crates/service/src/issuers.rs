//! Outside authorities at work, for whoever asks them: the sealer, statements, renewals.
//!
//! Rules:
//! - Each is paced and asked on its own; nobody waits for one that rests after failures.
//! - How it fared is kept in the database, so that the next command neither asks sooner nor hides it.

use crate::{Error, Result, clock};
use evidence::time::Utc;
use serde::{Deserialize, Serialize};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use timestamp::{Authority, Health, RemoteAuthority, Stamper};

/// Longest sleep between two looks at who may be asked.
pub(crate) const LOOK: Duration = Duration::from_millis(200);

/// Who stamps what is no checkpoint.
pub(crate) struct Issuers {
    pub(crate) outside: Vec<Arc<Outside>>,
    /// The embedded authority, where it may stamp renewals.
    pub(crate) embedded: Option<Arc<Authority>>,
    /// Statements wait for a token from outside.
    pub(crate) external: bool,
}

/// An outside authority, and where it is remembered how it fared.
pub(crate) struct Outside {
    pub(crate) remote: RemoteAuthority,
    store: store::Store,
}

/// How an authority fared, as the database keeps it. Times are microseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Remembered {
    pub(crate) tokens: u64,
    pub(crate) failures: u32,
    pub(crate) reason: Option<String>,
    pub(crate) token_at: Option<i64>,
    pub(crate) asked_at: Option<i64>,
    pub(crate) rests_until: Option<i64>,
    /// Addresses of the revocation lists of the last token's certificates.
    pub(crate) lists: Vec<String>,
}

impl Remembered {
    /// As the last command left it; what cannot be read is as good as nothing.
    pub(crate) fn of(store: &store::Store, name: &str) -> Result<Self> {
        let json = store.meta(&key(name))?;
        Ok(json.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default())
    }

    /// What is left of its rest, as far as the clock can be believed.
    pub(crate) fn rest(&self, now: Utc) -> Duration {
        let left = self.rests_until.map_or(0, |until| until.saturating_sub(now.0));
        Duration::from_micros(u64::try_from(left).unwrap_or_default())
    }
}

pub(crate) fn forget(store: &store::Store, name: &str) -> Result<()> {
    Ok(store.set_meta(&key(name), "")?)
}

fn key(name: &str) -> String {
    format!("tsa-{name}")
}

impl Outside {
    /// Goes on where the last command ended.
    pub(crate) fn new(remote: RemoteAuthority, store: store::Store) -> Result<Self> {
        let was = Remembered::of(&store, &remote.remote().name)?;
        let health = Health { tokens: was.tokens, failures: was.failures, reason: was.reason.clone() };
        remote.resume(health, was.rest(clock::now()));
        Ok(Self { remote, store })
    }

    pub(crate) fn name(&self) -> &str {
        &self.remote.remote().name
    }

    /// A token over a statement or a checkpoint.
    pub(crate) fn stamp(&self, data: &[u8]) -> timestamp::Result<Vec<u8>> {
        self.remember(self.remote.stamp(data))
    }

    /// A token over a renewal's list.
    fn stamp_sha512(&self, data: &[u8]) -> timestamp::Result<Vec<u8>> {
        self.remember(self.remote.stamp_sha512(data))
    }

    /// One that rests was not asked, and there is nothing new to remember.
    fn remember(&self, answer: timestamp::Result<Vec<u8>>) -> timestamp::Result<Vec<u8>> {
        if matches!(answer, Err(timestamp::Error::Resting { .. })) {
            return answer;
        }
        let (health, now) = (self.remote.health(), clock::now());
        let rest = i64::try_from(self.remote.rest().as_micros()).unwrap_or(i64::MAX);
        let name = self.name();
        let was = Remembered::of(&self.store, name).unwrap_or_default();
        let is = Remembered {
            tokens: health.tokens,
            failures: health.failures,
            reason: health.reason,
            token_at: if answer.is_ok() { Some(now.0) } else { was.token_at },
            asked_at: Some(now.0),
            rests_until: (rest > 0).then(|| now.0.saturating_add(rest)),
            lists: self.remote.list_urls().unwrap_or(was.lists),
        };
        // A token is worth more than the note about it.
        let _ = self.store.set_meta(&key(name), &serde_json::to_string(&is).unwrap_or_default());
        answer
    }
}

/// An outside authority as the ledger's stamper.
pub(crate) struct Sealer(pub(crate) Arc<Outside>);

impl ledger::Stamper for Sealer {
    fn stamp(&self, checkpoint: &[u8]) -> std::result::Result<Vec<u8>, String> {
        // A statement may just have had its turn.
        let pace = self.0.remote.wait().saturating_sub(self.0.remote.rest());
        std::thread::sleep(pace.min(self.0.remote.remote().pace));
        self.0.stamp(checkpoint).map_err(|e| e.to_string())
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn pace(&self) -> Duration {
        self.0.remote.remote().pace
    }
}

impl Issuers {
    /// A token for a renewal, of the first authority that gives one; the embedded one only where no other is set up, or
    /// where it may stand in.
    pub(crate) fn stamp_sha512(&self, data: &[u8], wait: Duration) -> Result<Vec<u8>> {
        let deadline = Instant::now() + wait;
        let mut reasons = Vec::new();
        loop {
            for outside in self.outside.iter().filter(|o| o.remote.wait().is_zero()) {
                match outside.stamp_sha512(data) {
                    Ok(tsr) => return Ok(tsr),
                    Err(e) => reasons.push(e.to_string()),
                }
            }
            let paced = self.outside.iter().filter(|o| o.remote.rest().is_zero()).map(|o| o.remote.wait()).min();
            match paced {
                Some(soonest) if Instant::now() < deadline => std::thread::sleep(soonest.min(LOOK)),
                _ => break,
            }
        }
        if let Some(embedded) = &self.embedded {
            return embedded.stamp_sha512(data).map_err(|e| {
                Error::new(
                    format!("内置时间机构未能续期（{e}）"),
                    format!("the embedded authority did not renew ({e})"),
                )
            });
        }
        let why = reasons.pop().unwrap_or_else(|| "-".to_owned());
        Err(Error::incomplete(
            format!("没有时间机构给出时间戳（{why}）；请用 quezao admin tsa list 查看原因，稍后重试"),
            format!("no authority gave a token ({why}); quezao admin tsa list shows why; try again later"),
        ))
    }
}
