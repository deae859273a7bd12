//! An outside time-stamp authority, asked over HTTP (RFC 3161, 3.4).
//!
//! Rules:
//! - What comes back is checked as a reader would: status, imprint, nonce, policy, form, signature, and a path to a
//!   root that was given for this authority and no other. Whoever made it, the same code looks at it.
//! - Nothing is followed: no redirect, no proxy of the environment, no certificate of a host that nobody vouches for.
//! - Nor was a certificate on that path revoked, as far as its issuer's list can be had: `revocation.rs`.
//! - One that fails rests, longer each time, and says so; nobody waits for it meanwhile.

use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use der::{Encode, asn1::Int};
use evidence::time::{SECOND, Utc};
use evidence::token::asn1::{PolicyId, TimeStampReq};
use evidence::token::{MAX_TSR, Root, Token, normalize_response};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use crate::authority::Clock;
use crate::issue::{Imprint, imprint};
use crate::revocation::{List, Look};
use crate::{Error, Result, Stamper, positive};

/// The first rest after a failure; doubled with each further one, up to [`REST_MAX`].
const REST: Duration = Duration::from_secs(5);
const REST_MAX: Duration = Duration::from_secs(600);
/// How far genTime may lie from this machine's clock, beside the accuracy, before the answer is an old or a false one.
const CLOCK_SLACK: i64 = 60 * SECOND;

/// How to reach an authority, and what to expect of it.
#[derive(Clone, Default)]
pub struct Remote {
    /// For people.
    pub name: String,
    /// `http` or `https`, without user and password.
    pub url: String,
    /// HTTP Basic.
    pub credentials: Option<(String, String)>,
    /// PEM: certificates, then the private key, for an authority that wants to know its client.
    pub client: Option<Vec<u8>>,
    /// PEM: whom to believe about the host's certificate; empty for `http`.
    pub web_roots: Vec<u8>,
    /// Asked for, and then expected; dotted.
    pub policy: Option<String>,
    /// Whom to believe about the token.
    pub roots: Vec<Root>,
    /// The least time between two requests.
    pub pace: Duration,
    /// For one request as a whole, and once more for revocation lists.
    pub timeout: Duration,
    /// The folder where revocation lists are held; `None`: none is looked at.
    pub lists: Option<PathBuf>,
}

/// How an authority fared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Tokens that passed.
    pub tokens: u64,
    /// Failures since the last token.
    pub failures: u32,
    /// The last failure's reason.
    pub reason: Option<String>,
}

/// An authority that is asked over HTTP.
pub struct RemoteAuthority {
    remote: Remote,
    policy: Option<PolicyId>,
    agent: ureq::Agent,
    /// Asks for revocation lists: without user, password and certificate.
    plain: ureq::Agent,
    /// One looks at a time: the next finds what was had.
    looking: Mutex<()>,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    health: Health,
    /// Asked last.
    asked: Option<Instant>,
    /// Not asked before.
    rests_until: Option<Instant>,
    /// Where the last token's certificates say that their issuers' lists are.
    lists: Option<Vec<String>>,
}

impl RemoteAuthority {
    /// # Errors
    /// [`Error::Structure`] where URL, policy, roots, client certificate or web roots cannot be used.
    pub fn new(remote: Remote, clock: Clock) -> Result<Self> {
        let refuse = |reason: String| Error::Structure { what: "outside authority", reason };
        // Whatever is wrong with it, the address is not repeated: it may hold a password.
        let secure = match remote.url.split_once("://") {
            Some(("https", _)) => true,
            Some(("http", _)) => false,
            _ => return Err(refuse("expected an address with http:// or https://".to_owned())),
        };
        let host = remote.url.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default());
        if host.is_none_or(str::is_empty)
            || remote.url.contains(['@', '?', '#'])
            || ureq::http::Uri::try_from(&remote.url).is_err()
        {
            return Err(refuse(
                "expected an address with host and path alone: no user, password or query, which are secrets"
                    .to_owned(),
            ));
        }
        if !secure && (remote.credentials.is_some() || remote.client.is_some()) {
            return Err(refuse(format!("{}: a password is sent over https only", printable(&remote.url))));
        }
        if remote.roots.is_empty() {
            return Err(refuse(format!("{}: no root to check its tokens with", printable(&remote.name))));
        }
        let policy = remote.policy.as_deref().map(policy_id).transpose()?;
        let config = || {
            ureq::Agent::config_builder()
                .max_redirects(0)
                .http_status_as_error(false)
                .proxy(None)
                .user_agent(concat!("quezao/", env!("CARGO_PKG_VERSION")))
                .max_response_header_size(16 << 10)
                .max_idle_connections(0)
                .timeout_global(Some(remote.timeout))
        };
        let asking = match secure {
            true => config().https_only(true).tls_config(tls(&remote)?),
            false => config(),
        };
        Ok(Self {
            policy,
            agent: asking.build().new_agent(),
            plain: config().build().new_agent(),
            looking: Mutex::default(),
            clock,
            state: Mutex::default(),
            remote,
        })
    }

    /// How it fared so far.
    pub fn health(&self) -> Health {
        self.lock().health.clone()
    }

    /// Where the last token's certificates say that their issuers' revocation lists are; `None` before one was looked at.
    pub fn list_urls(&self) -> Option<Vec<String>> {
        self.lock().lists.clone()
    }

    /// Those lists, as they are held.
    pub fn lists(&self) -> Vec<List> {
        let (urls, dir) = (self.list_urls().unwrap_or_default(), self.remote.lists.as_deref());
        dir.map_or_else(Vec::new, |dir| urls.iter().map(|url| List::held(dir, url)).collect())
    }

    /// The configuration.
    pub fn remote(&self) -> &Remote {
        &self.remote
    }

    /// Goes on from what an earlier process saw: a restart is no reason to ask sooner.
    pub fn resume(&self, health: Health, rest: Duration) {
        let mut state = self.lock();
        state.health = health;
        state.rests_until = Instant::now().checked_add(rest.min(REST_MAX));
    }

    /// Asks now, whatever its pace and rest: for a check by hand.
    pub fn ask(&self, data: &[u8]) -> Result<Vec<u8>> {
        self.ask_with(data, Imprint::Sha256, true)
    }

    /// [`Stamper::stamp`] with an imprint of SHA-512, as renewals have.
    pub fn stamp_sha512(&self, data: &[u8]) -> Result<Vec<u8>> {
        self.rested()?;
        self.ask_with(data, Imprint::Sha512, false)
    }

    /// How long it is not asked yet, by its pace and its rest.
    pub fn wait(&self) -> Duration {
        let (state, now) = (self.lock(), Instant::now());
        let paced = state.asked.map(|asked| (asked + self.remote.pace).saturating_duration_since(now));
        let rests = state.rests_until.map(|until| until.saturating_duration_since(now));
        paced.max(rests).unwrap_or_default()
    }

    /// How long it rests after failures.
    pub fn rest(&self) -> Duration {
        let until = self.lock().rests_until;
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }

    fn rested(&self) -> Result<()> {
        let rest = self.rest();
        if rest.is_zero() {
            return Ok(());
        }
        let health = self.health();
        Err(Error::Resting {
            name: self.remote.name.clone(),
            seconds: rest.as_secs() + 1,
            failures: health.failures,
            reason: health.reason.unwrap_or_default(),
        })
    }

    fn ask_with(&self, data: &[u8], with: Imprint, by_hand: bool) -> Result<Vec<u8>> {
        self.lock().asked = Some(Instant::now());
        let answer = self.token(data, with, by_hand);
        let mut state = self.lock();
        match &answer {
            Ok(_) => {
                state.health = Health { tokens: state.health.tokens + 1, ..Health::default() };
                state.rests_until = None;
            }
            Err(why) => {
                state.health.failures += 1;
                state.health.reason = Some(why.to_string());
                let doubled = REST.saturating_mul(1 << (state.health.failures - 1).min(16));
                state.rests_until = Some(Instant::now() + doubled.min(REST_MAX));
            }
        }
        answer
    }

    fn token(&self, data: &[u8], with: Imprint, by_hand: bool) -> Result<Vec<u8>> {
        let nonce = positive::<8>()?;
        let request = self.request(data, &nonce, with)?;
        let response = self.post(&request)?;
        let tsr = normalize_response(&response)?;
        let token = Token::parse_tsr(&tsr)?;
        token.check_imprint(data)?;
        if token.imprint_algorithm() != with.name() {
            return Err(evidence::Error::mismatch("imprint", token.imprint_algorithm(), with.name()).into());
        }
        if token.nonce.as_deref() != Some(&nonce) {
            let found = token.nonce.as_deref().map_or_else(|| "none".to_owned(), evidence::hex::encode);
            return Err(evidence::Error::mismatch("nonce of the token", found, evidence::hex::encode(&nonce)).into());
        }
        if let Some(asked) = self.remote.policy.as_ref().filter(|asked| **asked != token.policy) {
            return Err(evidence::Error::mismatch("policy of the token", &token.policy, asked).into());
        }
        token.check_signature()?;
        let path = token.certification_path(&self.remote.roots)?;
        let now = (self.clock)();
        let apart = (token.gen_time.0 - now.0).abs();
        if apart > token.accuracy.saturating_add(CLOCK_SLACK) {
            let expected = format!("this machine's clock, {}", now.to_micros());
            return Err(evidence::Error::mismatch("genTime", &token.gen_time_text, expected).into());
        }
        self.revocation(&path, by_hand)?;
        Ok(tsr)
    }

    fn revocation(&self, path: &[Vec<u8>], again: bool) -> Result<()> {
        let Some(dir) = &self.remote.lists else { return Ok(()) };
        let _one = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let deadline = Instant::now() + self.remote.timeout;
        let look = Look { dir, agent: &self.plain, now: (self.clock)(), deadline, again };
        let mut urls = Vec::new();
        let looked = look.check(path, &mut urls);
        self.lock().lists = Some(urls);
        looked
    }

    fn request(&self, data: &[u8], nonce: &[u8], with: Imprint) -> Result<Vec<u8>> {
        let refuse = |e| Error::structure("time-stamp request", e);
        let request = TimeStampReq {
            version: 1,
            message_imprint: imprint(data, with)?,
            policy: self.policy.clone(),
            nonce: Some(Int::new(nonce).map_err(refuse)?),
            cert_req: true,
            extensions: None,
        };
        request.to_der().map_err(refuse)
    }

    fn post(&self, request: &[u8]) -> Result<Vec<u8>> {
        let failed = |reason: String| Error::Unreachable {
            name: self.remote.name.clone(),
            url: self.remote.url.clone(),
            reason: printable(&reason),
        };
        let mut post = self
            .agent
            .post(&self.remote.url)
            .header("Content-Type", "application/timestamp-query")
            .header("Accept", "application/timestamp-reply");
        if let Some((user, password)) = &self.remote.credentials {
            post = post.header("Authorization", format!("Basic {}", base64(format!("{user}:{password}").as_bytes())));
        }
        let answer = post.send(request).map_err(|e| failed(e.to_string()))?;
        if answer.status() != 200 {
            return Err(failed(format!("it answered HTTP {}", answer.status())));
        }
        let media = answer.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default();
        // What follows a semicolon says nothing about DER.
        let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if media != "application/timestamp-reply" {
            return Err(failed(format!("its answer is \"{media}\", not application/timestamp-reply")));
        }
        let mut body = Vec::new();
        let mut reader = answer.into_body().into_reader().take(MAX_TSR as u64 + 1);
        reader.read_to_end(&mut body).map_err(|e| failed(e.to_string()))?;
        if body.len() > MAX_TSR {
            return Err(failed(format!("its answer is longer than {MAX_TSR} bytes")));
        }
        Ok(body)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stamper for RemoteAuthority {
    fn stamp(&self, data: &[u8]) -> Result<Vec<u8>> {
        self.rested()?;
        self.ask_with(data, Imprint::Sha256, false)
    }

    fn name(&self) -> String {
        self.remote.name.clone()
    }

    fn due(&self, _now: Utc) -> bool {
        self.wait().is_zero()
    }
}

fn policy_id(dotted: &str) -> Result<PolicyId> {
    let refuse = |e: String| Error::Structure { what: "policy of an outside authority", reason: e };
    let id = der::asn1::ObjectIdentifier::new(dotted).map_err(|e| refuse(format!("{}: {e}", printable(dotted))))?;
    Ok(PolicyId(id.as_bytes().to_vec()))
}

fn tls(remote: &Remote) -> Result<TlsConfig> {
    const WHAT: &str = "TLS of an outside authority";
    let refuse = |reason: String| Error::Structure { what: WHAT, reason };
    let roots = ureq::tls::parse_pem(&remote.web_roots).filter_map(|item| match item {
        Ok(ureq::tls::PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let roots: Vec<Certificate<'static>> = roots.collect();
    if roots.is_empty() {
        return Err(refuse(format!("{}: no roots of the web are known here; install ca-certificates", remote.name)));
    }
    let client = remote.client.as_deref().map(client_certificate).transpose()?;
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::from(roots))
        .client_cert(client)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build())
}

fn client_certificate(pem: &[u8]) -> Result<ClientCert> {
    let refuse = |reason: &str| Error::Structure { what: "client certificate", reason: reason.to_owned() };
    let (mut chain, mut key) = (Vec::new(), None::<PrivateKey<'static>>);
    for item in ureq::tls::parse_pem(pem) {
        match item.map_err(|_| refuse("expected PEM: certificates, then a private key"))? {
            ureq::tls::PemItem::Certificate(certificate) => chain.push(certificate),
            ureq::tls::PemItem::PrivateKey(private) if key.is_none() => key = Some(private),
            _ => return Err(refuse("expected one private key")),
        }
    }
    match key {
        Some(key) if !chain.is_empty() => Ok(ClientCert::new_with_certs(&chain, key)),
        _ => Err(refuse("expected certificates and a private key")),
    }
}

fn base64(bytes: &[u8]) -> String {
    use ::base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(bytes)
}

/// At most 200 characters, escaped: an answer may be hostile.
pub(crate) fn printable(text: &str) -> String {
    text.chars().take(200).flat_map(char::escape_debug).collect()
}
