//! Whom the node watches: `DIR/logs`, lines of a C2SP tlog-policy, `log VKEY URL`.
//!
//! Rules: a log's key comes from the node's operator, once, and never from the log; one origin has one key and one
//! address.

use crate::{Error, Result, folder};
use evidence::{
    digest, hex,
    note::{KeyType, VerifierKey},
};
use std::path::Path;

/// Most logs of one node.
pub const MAX_LOGS: usize = 64;

/// A log that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Its key (type 01); the key's name is the origin.
    pub key: VerifierKey,
    /// Where its checkpoint and tiles are, without a slash at the end.
    pub url: String,
}

impl Log {
    /// The origin.
    pub fn origin(&self) -> &str {
        self.key.name()
    }

    /// How folders and addresses name it: SHA-256 of the origin, hex.
    pub fn hash(&self) -> String {
        hex::encode(&digest::sha256(self.origin().as_bytes()))
    }
}

/// The logs that are known, with these added: their addresses, and the keys of those that are new.
pub(crate) fn open(dir: &Path, urls: &[String], keys: &[VerifierKey]) -> Result<Vec<Log>> {
    let path = dir.join("logs");
    let mut logs = known(dir)?;
    let before = logs.len();
    let mut fresh = keys.iter().filter(|key| !logs.iter().any(|log| log.key == **key)).cloned().collect::<Vec<_>>();
    for url in urls {
        let url = address("--ledger", url)?;
        if logs.iter().any(|log| log.url == url) {
            continue;
        }
        if fresh.is_empty() {
            return Err(Error::new(
                format!(
                    "{url}：还不知道这个账本的公钥；请用 --log-key 给出（运营者以 quezao admin keys 公布，先与其核对）"
                ),
                format!(
                    "{url}: this ledger's public key is not known yet; give it with --log-key (its operator publishes it, as quezao admin keys shows it: compare first)"
                ),
            ));
        }
        let key = fresh.remove(0);
        if key.key_type() != KeyType::Ed25519 {
            return Err(Error::new(
                format!("--log-key {}：应为 Ed25519 账本公钥（类型 01）", key.name()),
                format!("--log-key {}: it must be an Ed25519 log key (type 01)", key.name()),
            ));
        }
        if let Some(other) = logs.iter().find(|log| log.origin() == key.name()) {
            return Err(Error::new(
                format!(
                    "{} 已以另一把公钥或地址（{}）登记；一个来源只有一把公钥，请另建文件夹",
                    other.origin(),
                    other.url
                ),
                format!(
                    "{} is known with another key or address ({}): one origin has one key; use another folder",
                    other.origin(),
                    other.url
                ),
            ));
        }
        logs.push(Log { key, url });
    }
    if let Some(unused) = fresh.first() {
        return Err(Error::new(
            format!("--log-key {}：没有给出它的账本地址（--ledger）", unused.name()),
            format!("--log-key {}: no address of its ledger was given (--ledger)", unused.name()),
        ));
    }
    if logs.is_empty() {
        return Err(Error::new(
            "没有账本可见证；请用 --ledger 与 --log-key 给出",
            "there is no ledger to witness; give one with --ledger and --log-key",
        ));
    }
    if logs.len() > MAX_LOGS {
        let n = logs.len();
        return Err(Error::new(
            format!("{n} 个账本，至多 {MAX_LOGS} 个"),
            format!("{n} ledgers; at most {MAX_LOGS} are possible"),
        ));
    }
    if logs.len() > before {
        let text: String = logs.iter().map(|log| format!("log {} {}\n", log.key, log.url)).collect();
        folder::write(&path, text.as_bytes())?;
    }
    Ok(logs)
}

/// The logs that are known.
pub(crate) fn known(dir: &Path) -> Result<Vec<Log>> {
    let text = folder::read_text(&dir.join("logs"))?.unwrap_or_default();
    text.lines().map(line).collect::<Result<_>>().map_err(|e| e.about("logs"))
}

fn line(line: &str) -> Result<Log> {
    let words: Vec<&str> = line.split(' ').collect();
    let ["log", vkey, url] = words[..] else {
        return Err(evidence::Error::malformed("line", line, "log VKEY URL").into());
    };
    Ok(Log { key: VerifierKey::parse(vkey)?, url: address("logs", url)? })
}

/// `http` or `https`, host and path alone.
pub(crate) fn address(of: &str, url: &str) -> Result<String> {
    let whole = url.trim_end_matches('/');
    let rest = whole.strip_prefix("https://").or_else(|| whole.strip_prefix("http://"));
    let fits = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && !whole.contains(['@', '?', '#', ' '])
        && ureq::http::Uri::try_from(whole).is_ok();
    if fits {
        return Ok(whole.to_owned());
    }
    let shown = url.escape_debug();
    Err(Error::new(
        format!("{of} {shown}：应为 http:// 或 https:// 网址，不带用户名、密码与参数"),
        format!("{of} {shown}: give an address with http:// or https://, without user, password or query"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence::note::Signer;

    fn key(name: &str, seed: u8) -> VerifierKey {
        Signer::from_seed(name, &[seed; 32]).unwrap().verifier_key()
    }

    #[test]
    fn a_log_is_known_once_with_its_key() {
        let dir = tempfile::tempdir().unwrap();
        let open = |urls: &[&str], keys: &[VerifierKey]| {
            open(dir.path(), &urls.iter().map(|u| (*u).to_owned()).collect::<Vec<_>>(), keys)
        };
        assert!(open(&[], &[]).unwrap_err().en.contains("--ledger"));
        assert!(open(&["http://a.example/ledger"], &[]).unwrap_err().en.contains("--log-key"));
        let made = open(&["http://a.example/ledger/"], &[key("a.example", 1)]).unwrap();
        assert_eq!((made[0].origin(), made[0].url.as_str()), ("a.example", "http://a.example/ledger"));
        assert_eq!(open(&[], &[]).unwrap(), made);
        assert_eq!(open(&["http://a.example/ledger"], &[key("a.example", 1)]).unwrap(), made);
        assert!(open(&["http://b.example"], &[key("a.example", 2)]).unwrap_err().en.contains("one origin has one key"));
        assert!(open(&[], &[key("b.example", 2)]).unwrap_err().en.contains("--ledger"));
        assert_eq!(open(&["https://b.example"], &[key("b.example", 2)]).unwrap().len(), 2);
    }

    #[test]
    fn addresses_hold_no_secrets() {
        for bad in ["", "a.example", "ftp://a", "http://", "http:///x", "https://u:p@a", "https://a?x=1", "https://a b"]
        {
            assert!(address("--ledger", bad).is_err(), "{bad}");
        }
    }
}
