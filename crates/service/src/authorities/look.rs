//! How authorities fare: as commands found them, and asked by hand.

use super::{lists_dir, load, no_such, root, trust};
use crate::{
    Error, Folder, Result, clock,
    config::{self, Entry},
    issuers::Remembered,
};
use evidence::{hex, time::Utc, token::Token};
use serde::Serialize;
use std::time::Instant;
use timestamp::List;

/// An authority as it is set up, and how it fared when commands asked it.
#[derive(Clone, Debug, Serialize)]
pub struct AuthorityState {
    /// Its name.
    pub name: String,
    /// Where it is asked.
    pub url: String,
    /// By the operator's trust folder, for all of its roots.
    pub independent: bool,
    /// HTTP Basic.
    pub user: Option<String>,
    /// Asked for, dotted.
    pub policy: Option<String>,
    /// Seconds between two requests at least.
    pub pace: u64,
    /// Seconds for one request.
    pub timeout: u64,
    /// `unused`, `answering`, `failing` (its rest is over, it is asked again) or `resting`.
    pub state: &'static str,
    /// Tokens that passed.
    pub tokens: u64,
    /// Since the last token.
    pub failures: u32,
    /// The last failure's.
    pub reason: Option<String>,
    /// When the last token came.
    pub token_at: Option<String>,
    /// Not asked before.
    pub rests_until: Option<String>,
    /// Of the last token's certificates.
    pub revocation: Vec<RevocationList>,
    /// Always null: what cannot be listed fails as a whole.
    pub error: Option<Error>,
}

/// A revocation list that an authority's certificates name, as it is held.
#[derive(Clone, Debug, Serialize)]
pub struct RevocationList {
    /// Where it is asked for.
    pub url: String,
    /// Until when it needs no newer one; none is held where it is null.
    pub until: Option<String>,
    /// When it was asked for last.
    pub asked_at: Option<String>,
    /// Why that gave nothing current.
    pub reason: Option<String>,
}

impl From<List> for RevocationList {
    fn from(list: List) -> Self {
        Self {
            until: list.until().map(Utc::to_micros),
            asked_at: list.asked_at.map(Utc::to_micros),
            url: list.url,
            reason: list.reason,
        }
    }
}

/// What an authority answered when it was asked by hand.
#[derive(Clone, Debug, Serialize)]
pub struct AuthorityCheck {
    /// Its name.
    pub name: String,
    /// Where it was asked.
    pub url: String,
    /// By the operator's trust folder.
    pub independent: bool,
    /// genTime as signed.
    pub gen_time: Option<String>,
    /// Microseconds.
    pub accuracy_us: Option<i64>,
    /// Dotted.
    pub policy: Option<String>,
    /// Common name of the signer.
    pub signer: Option<String>,
    /// SHA-256 of the root that its token leads to, hex.
    pub root_sha256: Option<String>,
    /// How long the answer took.
    pub millis: u64,
    /// Before this: failures since the last token, when commands asked it.
    pub failures: u32,
    /// Until then commands do not ask it.
    pub rests_until: Option<String>,
    /// Of its certificates.
    pub revocation: Vec<RevocationList>,
    /// Why there is no token.
    pub error: Option<Error>,
}

impl Folder {
    /// Asks each authority, or the one named, for a token over a few random bytes. Nothing is kept but revocation lists.
    pub fn check_authorities(&self, only: Option<&str>) -> Result<Vec<AuthorityCheck>> {
        let config = config::read(&self.dir)?;
        let chosen = |entry: &&Entry| only.is_none_or(|name| entry.name == name);
        let entries: Vec<&Entry> = config.timestamp.authority.iter().filter(chosen).collect();
        match only {
            Some(name) if entries.is_empty() => Err(no_such(name, &config)),
            _ => entries.into_iter().map(|entry| self.check_authority(entry)).collect(),
        }
    }

    /// Every authority, and how it fared when commands asked it.
    pub fn list_authorities(&self) -> Result<Vec<AuthorityState>> {
        let (config, trust, now) = (config::read(&self.dir)?, trust(&self.dir)?, clock::now());
        let state = |entry: &Entry| -> Result<AuthorityState> {
            let was = Remembered::of(&self.store, &entry.name)?;
            let rests = !was.rest(now).is_zero();
            let time = |at: Option<i64>| at.map(|at| Utc(at).to_micros());
            let mut independent = true;
            for short in &entry.roots {
                let root = root(&self.dir.join(format!("trust/tsa-{short}.pem")))?;
                independent &= trust.role_of_authority(&root.der, &root, now).is_some_and(|r| r.independent);
            }
            Ok(AuthorityState {
                name: entry.name.clone(),
                url: entry.url.clone(),
                independent,
                user: entry.user.clone(),
                policy: entry.policy.clone(),
                pace: entry.pace,
                timeout: entry.timeout,
                state: match (rests, was.asked_at) {
                    (true, _) => "resting",
                    (false, None) => "unused",
                    (false, Some(_)) if was.failures > 0 => "failing",
                    (false, Some(_)) => "answering",
                },
                tokens: was.tokens,
                failures: was.failures,
                reason: was.reason,
                token_at: time(was.token_at),
                rests_until: if rests { time(was.rests_until) } else { None },
                revocation: was.lists.iter().map(|url| List::held(&lists_dir(&self.dir), url).into()).collect(),
                error: None,
            })
        };
        config.timestamp.authority.iter().map(state).collect()
    }

    fn check_authority(&self, entry: &Entry) -> Result<AuthorityCheck> {
        let (dir, start) = (&self.dir, Instant::now());
        let was = Remembered::of(&self.store, &entry.name)?;
        let rests = !was.rest(clock::now()).is_zero();
        let mut line = AuthorityCheck {
            name: entry.name.clone(),
            url: entry.url.clone(),
            independent: false,
            gen_time: None,
            accuracy_us: None,
            policy: None,
            signer: None,
            root_sha256: None,
            millis: 0,
            failures: was.failures,
            rests_until: was.rests_until.filter(|_| rests).map(|until| Utc(until).to_micros()),
            revocation: Vec::new(),
            error: None,
        };
        let authority = load(dir, entry)?;
        let data = crate::keys::random::<32>()?;
        match authority.ask(&data) {
            Ok(tsr) => {
                let token = Token::parse_tsr(&tsr)?;
                let root = token.check_path(&authority.remote().roots)?;
                line.independent =
                    trust(dir)?.role_of_authority(&token.signer, root, token.gen_time).is_some_and(|r| r.independent);
                line.gen_time = Some(token.gen_time_text.clone());
                line.accuracy_us = Some(token.accuracy);
                line.policy = Some(token.policy.clone());
                line.signer = Some(token.signer_name());
                line.root_sha256 = Some(hex::encode(&root.fingerprint()));
            }
            Err(e) => line.error = Some(refused(&entry.name, &e)),
        }
        line.revocation = authority.lists().into_iter().map(RevocationList::from).collect();
        line.millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(line)
    }
}

fn refused(name: &str, e: &timestamp::Error) -> Error {
    use timestamp::Error as E;
    let zh = match e {
        E::Evidence(e) => format!("{name} 的时间戳不可用：{}", e.zh()),
        E::Unreachable { url, reason, .. } => format!("{name}（{url}）没有给出时间戳：{reason}"),
        E::Resting { seconds, failures, reason, .. } => {
            format!("{name} 连续失败 {failures} 次，{seconds} 秒内不再询问；上次原因：{reason}")
        }
        E::Revoked { certificate, serial, at, reason, url } => format!(
            "{name} 的证书“{certificate}”（序列号 {serial}）已于 {at} 吊销（{reason}），依据 {url}；请向该机构取得新的地址与根证书，再用 quezao admin tsa add 增加，或用 quezao admin tsa remove 移除"
        ),
        e => format!("{name}：{e}"),
    };
    Error::new(zh, e.to_string())
}
