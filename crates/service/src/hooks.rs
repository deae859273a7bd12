//! Web hooks: who wants to is told, signed, that a deposit or capture has ended (Standard Webhooks 1.0.0).
//!
//! Rules:
//! - What is said follows from the records: a message is made of every record that has its seal, in one transaction with
//!   the mark that it was made. So a stopped server says it later, and nobody hears twice under two names.
//! - A message names numbers, kinds, digests and times; who the owner is, and what a file is called, is none of its words.
//! - A hook's host is resolved once for each try, and only globally routable addresses are contacted, beside what the
//!   operator allows by name; no redirect is followed, and of an answer only the status is looked at.

use crate::{Folder, Result, clock, keys};
use ::capture::guard::{self, Loopback};
use base64::{Engine, engine::general_purpose::STANDARD};
use evidence::{
    hex,
    json::{Value, json},
    time::{SECOND, Utc},
};
use hmac::{Hmac, KeyInit, Mac};
use std::{io::Read, time::Duration};
use store::{Happened, Hook, Message, NewMessage, Tried};
use ureq::{
    config::Config,
    http::Uri,
    tls::TlsConfig,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::{DefaultConnector, NextTimeout},
    },
};

/// For one try as a whole.
const PATIENCE: Duration = Duration::from_secs(15);
/// Rests between tries, in seconds; a fifth more by chance, so that many do not come back at once.
const RESTS: [i64; 9] = [2, 30, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000];
/// Tries side by side, each for another hook.
const AT_ONCE: u32 = 4;
/// How long what was delivered stays in the log.
const KEPT: i64 = 30 * 24 * 3600 * SECOND;

/// A message on its way. Nobody holds the data folder meanwhile, so that a slow host does not hold up a stop.
pub struct Letter {
    hook: Hook,
    message: Message,
    /// Status of the answer, or why there is none, (zh, en).
    answer: Option<std::result::Result<u16, (String, String)>>,
}

/// Sends what is due.
pub struct Postman {
    loopback: Vec<Loopback>,
    tls: Result<TlsConfig>,
}

impl Postman {
    /// `loopback`: hosts and ports of this machine that the operator allows.
    pub fn new(loopback: &[Loopback]) -> Self {
        Self { loopback: loopback.to_vec(), tls: crate::web::web_tls() }
    }

    /// One try of each, side by side.
    pub fn carry(&self, letters: &mut [Letter]) {
        std::thread::scope(|scope| {
            for letter in letters {
                scope.spawn(move || letter.answer = Some(self.post(&letter.hook, &letter.message, clock::now())));
            }
        });
    }

    /// One try: the status of the answer, or why there is none, (zh, en).
    fn post(&self, hook: &Hook, message: &Message, at: Utc) -> std::result::Result<u16, (String, String)> {
        let target = target(&hook.url, &self.loopback)?;
        let mut config = Config::builder()
            .max_redirects(0)
            .http_status_as_error(false)
            .proxy(None)
            .https_only(target.secure)
            .user_agent(concat!("quezao/", env!("CARGO_PKG_VERSION")))
            .max_response_header_size(16 << 10)
            .max_idle_connections(0)
            .timeout_global(Some(PATIENCE));
        if target.secure {
            config = config.tls_config(self.tls.clone().map_err(|e| (e.zh, e.en))?);
        }
        let agent = ureq::Agent::with_parts(config.build(), DefaultConnector::default(), Guarded { own: target.own });
        let seconds = at.unix_seconds();
        let post = agent
            .post(&hook.url)
            .header("Content-Type", "application/json")
            .header("webhook-id", &message.name)
            .header("webhook-timestamp", seconds.to_string())
            .header("webhook-signature", signature(&hook.secret, &message.name, seconds, &message.body));
        match post.send(message.body.as_str()) {
            Ok(answer) => {
                let status = answer.status().as_u16();
                // Some hosts only count as heard what was read.
                let _ = answer.into_body().into_reader().take(4096).read_to_end(&mut Vec::new());
                Ok(status)
            }
            Err(e) => {
                let why: String = e.to_string().chars().take(200).flat_map(char::escape_debug).collect();
                Err((format!("没有送达：{why}"), format!("not delivered: {why}")))
            }
        }
    }
}

impl Folder {
    /// Puts into the outbox what has ended. Gives what is due, and whether more has ended. Only the one writer calls this.
    pub fn letters(&self) -> Result<(Vec<Letter>, bool)> {
        if self.store.all_hooks()?.is_empty() {
            return Ok((Vec::new(), false));
        }
        self.shelve()?;
        let sealed = self.reach()?.last;
        let now = clock::now();
        let more = self.store.fill_outbox(sealed, now.0, &mut |hook, happened| {
            let (event, data) = said(hook, happened)?;
            let name =
                format!("msg_{}", &hex::encode(&mac(&hook.secret, &format!("{event} {}", happened.subject)))[..32]);
            let body = json!({"type": event, "timestamp": now.to_micros(), "data": data}).to_string();
            Some(NewMessage { name, event: event.to_owned(), subject: happened.subject.clone(), body })
        })?;
        let due = self.store.due_messages(clock::now().0, AT_ONCE)?;
        let letters = due.into_iter().map(|(hook, message)| Letter { hook, message, answer: None });
        Ok((letters.collect(), more))
    }

    /// Notes what came of tries.
    pub fn note_letters(&self, letters: &[Letter]) -> Result<()> {
        for Letter { hook, message, answer } in letters {
            let Some(answer) = answer else { continue };
            let now = clock::now().0;
            let gone = matches!(answer, Ok(410));
            let status = answer.as_ref().ok().copied();
            let mut tried = Tried { state: "delivered", due_at: now, status, error: None };
            if !matches!(answer, Ok(200..=299)) {
                tried.error = Some(answer.clone().err().unwrap_or_else(|| unwanted(status.unwrap_or_default())));
                tried.state = "dead";
                if let Some(rest) = RESTS.get(message.tries as usize).filter(|_| !gone) {
                    let chance =
                        i64::from(u16::from_le_bytes(keys::random()?)) * rest * SECOND / 5 / i64::from(u16::MAX);
                    (tried.state, tried.due_at) = ("waiting", now + rest * SECOND + chance);
                }
            }
            self.store.tried(message.id, &tried, now)?;
            if gone {
                // The specification's word for "never again"; its owner can let it go on.
                self.store.pause_hook(hook.account, hook.id, true)?;
            }
        }
        Ok(self.store.sweep_messages(clock::now().0 - KEPT)?)
    }
}

/// What a hook is told of what happened: the type, and the data.
fn said(hook: &Hook, happened: &Happened) -> Option<(&'static str, Value)> {
    let event = match (happened.kind.as_str(), happened.failed) {
        ("image" | "file" | "digest", false) => "deposit.sealed",
        ("capture", false) => "capture.sealed",
        ("capture", true) => "capture.failed",
        _ => return None,
    };
    let wanted = event.split('.').next()?;
    if !hook.events.split(' ').any(|w| w == wanted) {
        return None;
    }
    let received_at = Utc(happened.received_at).to_micros();
    let mut data = match happened.failed {
        true => json!({"capture": happened.subject, "status": "failed", "received_at": received_at}),
        false => json!({
            "id": happened.subject, "kind": happened.kind, "status": "sealed", "index": happened.index,
            "record_sha256": happened.record_digest.map(|d| hex::encode(&d)), "received_at": received_at,
        }),
    };
    if let Some(outcome) = happened.outcome.as_ref().filter(|_| wanted == "capture") {
        data["outcome"] = outcome.as_str().into();
    }
    Some((event, data))
}

/// `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`.
fn signature(secret: &[u8], name: &str, seconds: i64, body: &str) -> String {
    format!("v1,{}", STANDARD.encode(mac(secret, &format!("{name}.{seconds}.{body}"))))
}

/// HMAC-SHA256.
fn mac(secret: &[u8], text: &str) -> [u8; 32] {
    // A key of any length is taken (RFC 2104, 2).
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret).unwrap_or_else(|_| unreachable!());
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

fn unwanted(status: u16) -> (String, String) {
    match status {
        300..=399 => (
            format!("对方回答 HTTP {status}（转到别处），不予跟随；请直接填写最终网址"),
            format!("HTTP {status}, which points elsewhere and is not followed; give the final address itself"),
        ),
        410 => (
            "对方回答 HTTP 410（不再接收），已暂停".to_owned(),
            "HTTP 410: nothing more is wanted there, so the hook is paused".to_owned(),
        ),
        _ => (format!("对方回答 HTTP {status}"), format!("it answered HTTP {status}")),
    }
}

/// The host that an address leads to, and nothing more of it.
pub(crate) fn host_of(url: &str) -> String {
    url.parse::<Uri>().ok().and_then(|uri| Some(uri.authority()?.host().to_owned())).unwrap_or_default()
}

/// Where a hook's address leads.
#[derive(Debug)]
pub(crate) struct Target {
    secure: bool,
    /// A port of this machine that the operator allows under this name.
    own: Option<u16>,
}

/// Looks at a hook's address; why it is none, (zh, en).
pub(crate) fn target(url: &str, loopback: &[Loopback]) -> std::result::Result<Target, (String, String)> {
    let refuse = |zh: &str, en: &str| Err((zh.to_owned(), en.to_owned()));
    let plain =
        url.len() <= 500 && url.bytes().all(|b| b.is_ascii_graphic()) && !url.contains(['#', '\\', '"', '<', '>']);
    let uri = url.parse::<Uri>().ok().filter(|_| plain);
    let parts = uri.as_ref().and_then(|u| Some((u.scheme_str()?, u.authority()?)));
    let Some((scheme @ ("https" | "http"), authority)) = parts else {
        return refuse(
            "应为 https:// 开头的网址，不超过 500 个字符",
            "an address that begins with https://, of at most 500 characters",
        );
    };
    if authority.as_str().contains('@') {
        return refuse("网址中不能有用户名或密码", "no user or password in the address");
    }
    let (host, secure) = (authority.host().to_ascii_lowercase(), scheme == "https");
    let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
    if loopback.iter().any(|own| own.host == host && own.port == port) {
        return Ok(Target { secure, own: Some(port) });
    }
    if !secure {
        return refuse("应以 https:// 开头：内容不能不加密地发送", "https:// is needed: nothing is sent in clear");
    }
    let address = host.trim_start_matches('[').trim_end_matches(']').parse();
    match address.ok().and_then(guard::refusal) {
        Some(why) => Err((format!("不能发往这个地址：{why}"), format!("this address is not contacted: {why}"))),
        None => Ok(Target { secure, own: None }),
    }
}

/// Resolves once; whoever has one address that is not to be contacted is not contacted.
#[derive(Debug)]
struct Guarded {
    own: Option<u16>,
}

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> std::result::Result<ResolvedSocketAddrs, ureq::Error> {
        if let Some(port) = self.own {
            let mut found = self.empty();
            found.push((std::net::Ipv4Addr::LOCALHOST, port).into());
            return Ok(found);
        }
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        match found.iter().find_map(|address| Some((address.ip(), guard::refusal(address.ip())?))) {
            Some((ip, why)) => Err(std::io::Error::other(format!("{ip} is not contacted: {why}")).into()),
            None => Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_specification() {
        // Standard Webhooks' own example.
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = r#"{"test": 2432232314}"#;
        let signed = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn nothing_inward_is_a_hooks_address() {
        let own: Vec<Loopback> = vec!["shop.test:8443".parse().unwrap()];
        for good in ["https://shop.example/hooks?a=b", "https://1.1.1.1/", "https://shop.example:8443/"] {
            assert!(target(good, &own).is_ok_and(|t| t.own.is_none()), "{good}");
        }
        assert_eq!(target("http://shop.test:8443/x", &own).unwrap().own, Some(8443));
        for bad in [
            "",
            "shop.example",
            "ftp://shop.example",
            "http://shop.example/",
            "http://shop.test/",
            "https://shop.example/\r\nx: y",
            "https://user:secret@shop.example/",
            "https://127.0.0.1/",
            "https://10.1.2.3:443/",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[fd00::1]/",
        ] {
            assert!(target(bad, &own).is_err(), "{bad}");
        }
        let resolve = |url: &str| {
            let timeout = NextTimeout::default();
            Guarded { own: None }.resolve(&url.parse().unwrap(), &Config::default(), timeout).map(|a| a.len())
        };
        assert!(resolve("https://localhost/").unwrap_err().to_string().contains("not contacted"));
        assert_eq!(resolve("https://1.1.1.1/").unwrap(), 1);
    }

    #[test]
    fn a_message_says_nothing_personal() {
        let hook = |events: &str| Hook {
            id: 1,
            account: 1,
            url: "https://a.example".into(),
            events: events.into(),
            secret: vec![],
            paused: false,
            created_at: 0,
        };
        let happened = |kind: &str, failed| Happened {
            subject: "7".into(),
            kind: kind.into(),
            outcome: Some("complete".into()),
            record_digest: Some([1; 32]),
            index: Some(3),
            received_at: 0,
            failed,
        };
        let (event, data) = said(&hook("deposit capture"), &happened("image", false)).unwrap();
        assert_eq!(event, "deposit.sealed");
        let keys: Vec<&String> = data.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["id", "index", "kind", "received_at", "record_sha256", "status"]);
        assert_eq!(said(&hook("deposit capture"), &happened("capture", true)).unwrap().0, "capture.failed");
        assert_eq!(said(&hook("capture"), &happened("capture", false)).unwrap().1["outcome"], "complete");
        assert!(said(&hook("capture"), &happened("image", false)).is_none());
        assert!(said(&hook("deposit capture"), &happened("order", false)).is_none());
    }
}
