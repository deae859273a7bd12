//! An identity provider over HTTP: it is asked whether a merchant's name and number belong together, and its signed answer
//! becomes a record (docs/identity-provider.md).
//!
//! Rules:
//! - Asked is what has to be compared and nothing more: kind, name, number. The number stands in no log, no error, no list.
//! - An answer counts with its signature over the question's own name and a time close to now; whatever else comes is
//!   *no answer*, and the question is asked again under the same name.
//! - Only a whole and fitting `verified` establishes a name. What contradicts itself or the question is *unclear*.
//! - Waiting blocks nothing: the merchant may show documents to the operator meanwhile.

use crate::{Error, Folder, Result, Settings, clock, error::read_file, identity::Party, show_path, web::web_tls};
use evidence::{
    hex,
    json::{Value, json},
    time::{SECOND, Utc},
};
use hmac::{Hmac, KeyInit, Mac};
use std::{io::Read, path::Path, time::Duration};
use store::{Act, CheckTried, IdentityCheck};

/// For one try as a whole.
const PATIENCE: Duration = Duration::from_secs(15);
/// Longest answer, in bytes.
const LIMIT: u64 = 16 << 10;
/// How far an answer's time may lie from now, in seconds.
const AROUND: i64 = 300;
/// Rests between tries that brought no answer, in seconds; after the last the question has failed.
const RESTS: [i64; 7] = [2, 30, 300, 1800, 7200, 21_600, 43_200];
/// Rests while the provider is at it; the last one again and again, for so long as [`AT_IT`].
const PENDING: [i64; 5] = [2, 60, 600, 3600, 21_600];
const AT_IT: i64 = 14 * 24 * 3600 * SECOND;
/// Questions of one round.
const AT_ONCE: u32 = 4;
/// Longest words of the provider's, in characters.
const MAX_WORDS: usize = 200;

/// The provider.
#[derive(Clone)]
pub struct IdentityProvider {
    url: String,
    key: Vec<u8>,
    name: String,
    agent: ureq::Agent,
}

/// A question on its way. Nobody holds the data folder meanwhile.
pub struct IdentityQuestion {
    check: IdentityCheck,
    party: Party,
    answer: Option<std::result::Result<Said, Wrong>>,
}

/// What a provider said.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    Pending,
    Verified { method: String, day: Utc },
    Refused { method: String, reason: String },
    Unclear { reason: (String, String) },
}

/// Why there is no answer, (zh, en), and whether asking again may help.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wrong {
    said: (String, String),
    again: bool,
}

impl std::fmt::Debug for IdentityProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdentityProvider").field("url", &self.url).field("name", &self.name).finish_non_exhaustive()
    }
}

impl IdentityProvider {
    /// As `[identity]` has it; `None` where no provider is named.
    pub fn of(settings: &Settings) -> Result<Option<Self>> {
        let Some(url) = settings.one("identity.provider") else { return Ok(None) };
        let own = url.strip_prefix("http://").is_some_and(|rest| rest.starts_with("127.0.0.1:"));
        let plain = url.parse::<ureq::http::Uri>().is_ok() && !url.contains(['@', '#']);
        if !plain || !url.starts_with("https://") && !own {
            let shown = show_path(Path::new(url));
            return Err(Error::new(
                format!("identity.provider“{shown}”须为 https:// 开头的网址，不含用户名"),
                format!("identity.provider \"{shown}\" must be an address that begins with https://, without a user"),
            ));
        }
        let (Some(name), Some(path)) = (settings.one("identity.name"), settings.file("identity.key_file")) else {
            return Err(Error::new(
                "identity.provider 须与 identity.name、identity.key_file 同时给出",
                "identity.provider needs identity.name and identity.key_file beside it",
            ));
        };
        if name.chars().count() > 100 {
            let (zh, en) = ("identity.name 至多 100 个字", "identity.name has at most 100 characters");
            return Err(Error::new(zh, en));
        }
        crate::letters::check(name, "identity.name ", "identity.name")?;
        let key = read_file(&path)?.trim_ascii().to_vec();
        if key.len() < 32 {
            let shown = show_path(&path);
            return Err(Error::new(
                format!("{shown} 中的密钥不足 32 个字符；请与核验方约定更长的密钥"),
                format!("the key in {shown} has fewer than 32 characters; agree on a longer one with the provider"),
            ));
        }
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .max_redirects(0)
            .http_status_as_error(false)
            .max_response_header_size(16 << 10)
            .max_idle_connections(0)
            .proxy(None)
            .user_agent(concat!("quezao/", env!("CARGO_PKG_VERSION")))
            .tls_config(if own { ureq::tls::TlsConfig::default() } else { web_tls()? })
            .build()
            .new_agent();
        Ok(Some(Self { url: url.to_owned(), key, name: name.to_owned(), agent }))
    }

    /// As certificates name it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks each, one after the other.
    pub fn ask(&self, questions: &mut [IdentityQuestion]) {
        for question in questions {
            question.answer = Some(self.ask_one(&question.check.request, &question.party));
        }
    }

    fn ask_one(&self, request: &str, party: &Party) -> std::result::Result<Said, Wrong> {
        let number = party.id.as_ref().or(party.code.as_ref());
        let body = json!({"request": request, "kind": party.kind, "name": party.name, "number": number}).to_string();
        let seconds = clock::now().unix_seconds();
        let post = self
            .agent
            .post(&self.url)
            .header("Content-Type", "application/json")
            .header("Quezao-Request", request)
            .header("Quezao-Timestamp", seconds.to_string())
            .header(
                "Quezao-Signature",
                format!("v1={}", hex::encode(&mac(&self.key, "request", seconds, body.as_bytes()))),
            );
        let mut answer = post.send(&body).map_err(|e| unreached(&e.to_string()))?;
        let status = answer.status().as_u16();
        if status != 200 {
            let again = matches!(status, 408 | 409 | 425 | 429 | 500..);
            return Err(Wrong {
                said: (format!("核验方回答 HTTP {status}"), format!("the provider answered HTTP {status}")),
                again,
            });
        }
        let head = |name: &str| answer.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        let (timestamp, signature) = (head("quezao-timestamp"), head("quezao-signature"));
        let mut bytes = Vec::new();
        answer.body_mut().as_reader().take(LIMIT + 1).read_to_end(&mut bytes).map_err(|e| unreached(&e.to_string()))?;
        if bytes.len() as u64 > LIMIT {
            return Err(no_answer("过长", "it is too long"));
        }
        self.read(request, party, &timestamp, &signature, &bytes)
    }

    /// Reads an answer: nothing of it counts before its signature fits.
    fn read(
        &self,
        request: &str,
        party: &Party,
        timestamp: &str,
        signature: &str,
        body: &[u8],
    ) -> std::result::Result<Said, Wrong> {
        let forged = || no_answer("签名不对，或时间相差超过五分钟", "its signature or its time does not fit");
        let now = clock::now();
        let digits = (1..=12).contains(&timestamp.len()) && timestamp.bytes().all(|b| b.is_ascii_digit());
        let at: i64 = timestamp.parse().ok().filter(|_| digits).ok_or_else(forged)?;
        let told: [u8; 32] =
            signature.strip_prefix("v1=").and_then(|hex| hex::decode("signature", hex).ok()).ok_or_else(forged)?;
        let mut own = Hmac::<sha2::Sha256>::new_from_slice(&self.key).map_err(|_| forged())?;
        own.update(format!("answer.{at}.").as_bytes());
        own.update(body);
        own.verify_slice(&told).map_err(|_| forged())?;
        if (at - now.unix_seconds()).abs() > AROUND {
            return Err(forged());
        }
        let said: Value = serde_json::from_slice(body).map_err(|_| no_answer("不是 JSON", "it is no JSON"))?;
        if said["request"] != request {
            return Err(no_answer("答的是另一个问题", "it answers another question"));
        }
        let words = |name: &'static str| -> std::result::Result<String, Wrong> {
            let text = said[name].as_str().unwrap_or_default().trim().to_owned();
            let fits = text.chars().count() <= MAX_WORDS && evidence::json::check_string(name, &text).is_ok();
            if fits {
                Ok(text)
            } else {
                Err(no_answer(&format!("“{name}”不能用"), &format!("its \"{name}\" is of no use")))
            }
        };
        let (method, reason) = (words("method")?, words("reason")?);
        let unclear = |zh: &str, en: &str| Ok(Said::Unclear { reason: (zh.to_owned(), en.to_owned()) });
        match said["state"].as_str() {
            Some("pending") => Ok(Said::Pending),
            Some("refused") => Ok(Said::Refused { method, reason }),
            Some("unclear") => unclear(&reason, &reason),
            Some("verified") => {
                if method.is_empty() || crate::letters::check(&method, "", "").is_err() {
                    return Err(no_answer("没有说明核验方法", "it does not say how"));
                }
                // It repeats what it looked at; that is what its word is about.
                if said["name"] != party.name.as_str() || said["kind"] != party.kind.as_str() {
                    return unclear("答复说的是另一个名称", "the answer is about another name");
                }
                let day = said["established_at"].as_str().and_then(|at| Utc::parse_micros(at).ok());
                let Some(day) = day.filter(|day| day.0 <= now.0 + AROUND * SECOND && day.0 > now.0 - AT_IT) else {
                    return unclear("核验时间不在最近 14 天之内", "it was not established within the last 14 days");
                };
                Ok(Said::Verified { method, day })
            }
            _ => Err(no_answer("state 不在约定之中", "its state is none that was agreed")),
        }
    }
}

impl Folder {
    /// Questions that are due, for the provider to be asked.
    pub fn identity_questions(&self) -> Result<Vec<IdentityQuestion>> {
        let mut questions = Vec::new();
        for check in self.store.due_checks(clock::now().0, AT_ONCE)? {
            // Closed since: its rows go with it.
            let Some(party) = self.store.party(check.account)? else { continue };
            let party: Party = serde_json::from_slice(&party).map_err(|_| store::Error::Sealed)?;
            questions.push(IdentityQuestion { check, party, answer: None });
        }
        Ok(questions)
    }

    /// There is no provider any more: what was to be asked has failed, and says so.
    pub fn no_identity_provider(&self) -> Result<()> {
        let now = clock::now().0;
        for check in self.store.due_checks(i64::MAX, 1000)? {
            let said = Some(("运营者已不再接入核验方".to_owned(), "no provider is connected any more".to_owned()));
            self.store.tried_check(
                &CheckTried { id: check.id, state: "failed", due_at: now, method: "", said },
                None,
                now,
            )?;
        }
        Ok(())
    }

    /// Writes what came of asking; a name that was established becomes a record.
    pub fn note_identity(&self, questions: &[IdentityQuestion]) -> Result<()> {
        for IdentityQuestion { check, answer, .. } in questions {
            let Some(answer) = answer else { continue };
            let now = clock::now();
            let act = |act| Act {
                at: now.0,
                account: check.account,
                sign_in: None,
                via: "provider".to_owned(),
                act,
                subject: String::new(),
            };
            let tried = |state, rest: i64, method, said| CheckTried {
                id: check.id,
                state,
                due_at: now.0 + rest * SECOND,
                method,
                said,
            };
            let nth = |rests: &[i64]| rests.get(check.tries as usize).copied();
            match answer {
                Ok(Said::Verified { method, day }) => {
                    if let Err(e) = self.established_by(check, method, *day, &act("provider-verified")) {
                        // The record could not be made now: the provider will say the same again.
                        let said = Some((e.zh, e.en));
                        self.store.tried_check(&tried(&check.state, 3600, "", said), None, now.0)?;
                    }
                }
                Ok(Said::Pending) if now.0 - check.asked_at > AT_IT => {
                    let said =
                        Some(("核验方 14 天没有结果".to_owned(), "the provider had no result in 14 days".to_owned()));
                    self.store.tried_check(&tried("unclear", 0, "", said), Some(&act("provider-unclear")), now.0)?;
                }
                Ok(Said::Pending) => {
                    let rest = nth(&PENDING).unwrap_or(PENDING[PENDING.len() - 1]);
                    self.store.tried_check(&tried("pending", rest, "", None), None, now.0)?;
                }
                Ok(Said::Refused { method, reason }) => {
                    let said = Some((reason.clone(), reason.clone()));
                    self.store.tried_check(
                        &tried("refused", 0, method, said),
                        Some(&act("provider-refused")),
                        now.0,
                    )?;
                }
                Ok(Said::Unclear { reason }) => {
                    let said = Some(reason.clone());
                    self.store.tried_check(&tried("unclear", 0, "", said), Some(&act("provider-unclear")), now.0)?;
                }
                Err(Wrong { said, again }) => {
                    let rest = nth(&RESTS).filter(|_| *again);
                    let state = if rest.is_some() { check.state.as_str() } else { "failed" };
                    let failed = rest.is_none().then(|| act("provider-failed"));
                    let tried = tried(state, rest.unwrap_or(0), "", Some(said.clone()));
                    self.store.tried_check(&tried, failed.as_ref(), now.0)?;
                }
            }
        }
        Ok(())
    }

    fn established_by(&self, check: &IdentityCheck, method: &str, day: Utc, act: &Act) -> Result<()> {
        let how = crate::attest::How::Provider { name: &check.provider, method, day };
        let made = self.attest(check.account, &how)?;
        let words = format!("{}：{method}", check.provider);
        let tried = CheckTried { id: check.id, state: "verified", due_at: act.at, method, said: None };
        self.store.establish_check(check.account, &tried, &words, &made.record, &made.covered, act)?;
        Ok(())
    }
}

fn mac(key: &[u8], what: &str, seconds: i64, body: &[u8]) -> [u8; 32] {
    // A key of any length is taken (RFC 2104, 2).
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!());
    mac.update(format!("{what}.{seconds}.").as_bytes());
    mac.update(body);
    mac.finalize().into_bytes().into()
}

fn unreached(why: &str) -> Wrong {
    let why: String = why.chars().take(160).flat_map(char::escape_debug).collect();
    Wrong {
        said: (format!("核验方没有应答（{why}）"), format!("the provider did not answer ({why})")), again: true
    }
}

fn no_answer(zh: &str, en: &str) -> Wrong {
    Wrong {
        said: (format!("核验方的答复不能用（{zh}）"), format!("the provider's answer is of no use ({en})")),
        again: true,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn provider() -> IdentityProvider {
        IdentityProvider {
            url: "https://id.example/".into(),
            key: vec![b'k'; 40],
            name: "示例核验".into(),
            agent: ureq::Agent::new_with_defaults(),
        }
    }

    #[test]
    fn an_answer_counts_only_whole_signed_fresh_and_about_the_question() {
        let (provider, now) = (provider(), clock::now());
        let party = Party { kind: "individual".into(), name: "周砚秋".into(), code: None, id: Some("x".into()) };
        let good = json!({"request": "q", "state": "verified", "kind": "individual", "name": "周砚秋",
            "method": "人口信息比对", "established_at": now.to_micros()});
        let read = |answer: &Value, at: i64, what: &str| {
            let body = answer.to_string();
            let signature = format!("v1={}", hex::encode(&mac(&provider.key, what, at, body.as_bytes())));
            provider.read("q", &party, &at.to_string(), &signature, body.as_bytes())
        };
        let at = now.unix_seconds();
        assert!(matches!(read(&good, at, "answer"), Ok(Said::Verified { .. })));
        assert!(read(&good, at, "request").is_err(), "our own signature sent back");
        assert!(read(&good, at - 301, "answer").is_err() && read(&good, at + 302, "answer").is_err(), "late or early");
        let with = |name: &str, value: Value| {
            let mut answer = good.clone();
            answer[name] = value;
            read(&answer, at, "answer")
        };
        for (name, value) in [
            ("request", json!("another")),
            ("state", json!("fine")),
            ("state", json!(null)),
            ("method", json!("")),
            ("method", json!("x".repeat(201))),
            ("method", json!("a\u{202e}b")),
            ("reason", json!("a\nb")),
        ] {
            assert!(with(name, value.clone()).is_err(), "{name} {value}");
        }
        for (name, value) in [
            ("name", json!("周观秋")),
            ("name", json!(null)),
            ("kind", json!("enterprise")),
            ("established_at", json!("2001-01-01T00:00:00.000000Z")),
            ("established_at", json!(now.plus(3600 * SECOND).to_micros())),
            ("established_at", json!("yesterday")),
        ] {
            assert!(matches!(with(name, value.clone()), Ok(Said::Unclear { .. })), "{name} {value}");
        }
        for state in ["pending", "refused", "unclear"] {
            assert!(with("state", json!(state)).is_ok(), "{state}");
        }
        let body = good.to_string();
        for bad in ["", "v1=", "v1=00", "v2=00"] {
            assert!(provider.read("q", &party, &at.to_string(), bad, body.as_bytes()).is_err(), "{bad}");
        }
        let shown = format!("{provider:?}");
        assert!(!shown.contains("kkk"), "{shown}");
    }
}
