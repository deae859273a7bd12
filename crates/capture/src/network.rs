//! From the browser's network events to [`Exchange`]s.
//!
//! A request's hops (redirects share one id) are kept in order; the heads as sent and received come in
//! events of their own, in the same order, for those hops that say so. Bodies are spooled when they come.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::recording::{By, Exchange, Fidelity, Head, Response, Spooled};
use crate::spool::Spool;

/// In the failure of a request that never went out, by the page's own rules or the browser's (or ours:
/// `inspector`).
pub(crate) const RULES: &str = "blocked by rule: ";
/// Answers that are not the site's: a service worker can say what it likes.
pub(crate) const WORKER: &str = "answered by the page's service worker, not by the site";
const CACHE: &str = "answered from what was received before";
/// The failure of what was under way when the recording ended.
pub(crate) const ENDED: &str = "the recording ended";

/// Most addresses that a page's own scripts set, of which the way to the page tells.
const WITHIN: usize = 1000;

/// Request id: unique in the browser. A frame's navigation begins in its parent's session and ends in its
/// own, so the session is no part of it.
pub(crate) type Key = String;

#[derive(Debug, Default)]
struct Hop {
    sequence: u64,
    url: String,
    method: String,
    kind: String,
    target: String,
    started: i64,
    sent: Value,
    post: Option<Spooled>,
    response: Option<Value>,
    extra: bool,
    body: Option<(Spooled, Fidelity)>,
    note: Option<String>,
    failure: Option<String>,
    redirect: Option<String>,
    printing: bool,
    main: bool,
    by: By,
    /// Who answered in the site's place.
    local: Option<&'static str>,
}

/// All requests of a capture.
#[derive(Default)]
pub(crate) struct Network {
    hops: BTreeMap<Key, Vec<Hop>>,
    sent: BTreeMap<Key, Vec<Value>>,
    received: BTreeMap<Key, Vec<Value>>,
    /// URL, kind and loader of what is still awaited.
    open: BTreeMap<Key, (String, String, String)>,
    count: u64,
    cap: usize,
    /// Set when the recording ends: what fails from now on, we ended.
    pub(crate) ending: bool,
    /// Requests over twice the cap.
    pub(crate) dropped: u64,
    /// When the network last stirred.
    pub(crate) stirred: Option<Instant>,
    /// Set while the PDF is printed.
    pub(crate) printing: bool,
    /// Set when the recorder itself opens the page: the next document is the one it asked for.
    pub(crate) opening: bool,
    /// Addresses that the page set without a request, and after how many requests.
    pub(crate) within: Vec<(u64, String)>,
}

impl Network {
    pub(crate) fn new(cap: usize) -> Self {
        Self { cap, ..Self::default() }
    }

    /// URL, kind and loader of what is still awaited.
    pub(crate) fn open(&self) -> impl Iterator<Item = &(String, String, String)> {
        self.open.values()
    }

    /// Requests so far.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The cap is reached.
    pub(crate) fn over(&self) -> bool {
        self.count >= self.cap as u64
    }

    /// `Network.requestWillBeSent`.
    pub(crate) fn request(&mut self, key: Key, target: &str, main: bool, p: &Value, spool: &mut Spool) {
        let url = text(&p["request"]["url"]);
        if !(url.starts_with("http://") || url.starts_with("https://")) {
            return;
        }
        self.stirred = Some(Instant::now());
        let redirected = p["redirectResponse"].is_object();
        if !redirected && self.last(&key).is_some_and(|hop| hop.url == url) {
            return; // told by a second session
        }
        if let Some(redirect) = p.get("redirectResponse").filter(|r| r.is_object())
            && let Some(hop) = self.last(&key)
        {
            hop.response = Some(redirect.clone());
            hop.extra = p["redirectHasExtraInfo"].as_bool().unwrap_or(false);
            hop.redirect = Some(url.clone());
            hop.note = Some("a redirect: the browser shows no body".to_owned());
        }
        // Some come after the cap before the browser has heard that there shall be no more.
        if self.count >= 2 * self.cap as u64 {
            self.dropped += 1;
            self.open.remove(&key);
            return;
        }
        self.count += 1;
        let kind = text(&p["type"]);
        let by = match (redirected, main && std::mem::take(&mut self.opening)) {
            (true, _) => By::Redirect,
            (false, true) => By::Order,
            (false, false) => By::Page,
        };
        let post = match p["request"]["postDataEntries"].as_array() {
            Some(entries) => {
                let mut bytes = Vec::new();
                for entry in entries {
                    bytes.extend(STANDARD.decode(text(&entry["bytes"])).unwrap_or_default());
                }
                spool.put(&bytes)
            }
            None => None,
        };
        self.open.insert(key.clone(), (url.clone(), kind.clone(), text(&p["loaderId"])));
        let hop = Hop {
            sequence: self.count,
            url,
            kind,
            post,
            method: text(&p["request"]["method"]),
            target: target.to_owned(),
            started: (p["wallTime"].as_f64().unwrap_or(0.0) * 1e6) as i64,
            sent: p["request"]["headers"].clone(),
            printing: self.printing,
            main,
            by,
            ..Hop::default()
        };
        self.hops.entry(key).or_default().push(hop);
    }

    /// `Network.requestWillBeSentExtraInfo`.
    pub(crate) fn sent(&mut self, key: Key, p: &Value) {
        let list = self.sent.entry(key).or_default();
        if list.len() < 64 {
            list.push(p["headers"].clone());
        }
    }

    /// `Network.responseReceivedExtraInfo`.
    pub(crate) fn received(&mut self, key: Key, p: &Value) {
        let list = self.received.entry(key).or_default();
        if list.len() < 64 {
            list.push(p.clone());
        }
    }

    /// `Network.responseReceived`.
    pub(crate) fn response(&mut self, key: &Key, p: &Value) {
        self.stirred = Some(Instant::now());
        if let Some(hop) = self.last(key) {
            let response = &p["response"];
            if response["fromServiceWorker"] == true {
                hop.local = Some(WORKER);
            } else if response["fromDiskCache"] == true
                || response["fromPrefetchCache"] == true && hop.kind != "Prefetch"
            {
                hop.local = Some(CACHE);
            }
            hop.response = Some(response.clone());
            hop.extra = p["hasExtraInfo"].as_bool().unwrap_or(false);
        }
    }

    /// `Network.requestServedFromCache`.
    pub(crate) fn cached(&mut self, key: &Key) {
        if let Some(hop) = self.last(key) {
            hop.local = Some(CACHE);
        }
    }

    /// `Network.loadingFinished`; true when the body is still to be asked for.
    pub(crate) fn finished(&mut self, key: &Key) -> bool {
        self.stirred = Some(Instant::now());
        self.open.remove(key);
        self.last(key).is_some_and(|hop| hop.body.is_none())
    }

    /// `Network.loadingFailed`; true when part of a body may be there.
    pub(crate) fn failed(&mut self, key: &Key, p: &Value) -> bool {
        self.stirred = Some(Instant::now());
        self.open.remove(key);
        let why = match p["blockedReason"].as_str() {
            _ if self.ending => ENDED.to_owned(),
            Some(blocked) => format!("{} ({RULES}{blocked})", text(&p["errorText"])),
            None => text(&p["errorText"]),
        };
        self.last(key).is_some_and(|hop| {
            hop.failure = Some(why);
            hop.response.is_some() && hop.body.is_none()
        })
    }

    /// The page went on to another document: what the one before asked for is not awaited any more.
    pub(crate) fn went_on(&mut self, loader: &str) {
        let gone: Vec<Key> = self
            .open
            .iter()
            .filter(|(_, open)| !open.2.is_empty() && open.2 != loader)
            .map(|(key, _)| key.clone())
            .collect();
        for key in gone {
            self.open.remove(&key);
            if let Some(hop) = self.last(&key) {
                hop.failure = Some("net::ERR_ABORTED (the page went on)".to_owned());
            }
        }
    }

    /// `Page.navigatedWithinDocument`: the page set its address without a request.
    pub(crate) fn within(&mut self, url: &str) {
        if self.within.len() < WITHIN && self.within.last().is_none_or(|(_, last)| last != url) {
            self.within.push((self.count, url.to_owned()));
        }
    }

    /// What has no end yet has none.
    pub(crate) fn end(&mut self) {
        for (key, _) in std::mem::take(&mut self.open) {
            if let Some(hop) = self.last(&key).filter(|hop| hop.failure.is_none()) {
                hop.failure = Some(ENDED.to_owned());
            }
        }
    }

    /// A body, or why there is none.
    pub(crate) fn body(&mut self, key: &Key, body: Result<(Spooled, Fidelity), String>) {
        let Some(hop) = self.last(key) else { return };
        match body {
            Ok(body) if hop.body.is_none() || body.1 == Fidelity::Exact => hop.body = Some(body),
            Err(note) if hop.body.is_none() => hop.note = Some(note),
            _ => {}
        }
    }

    fn last(&mut self, key: &Key) -> Option<&mut Hop> {
        self.hops.get_mut(key).and_then(|hops| hops.last_mut())
    }

    /// Everything, in the order of its beginning. `mark`: the guard's own refusals carry it.
    pub(crate) fn exchanges(mut self, mark: &str, peers: &BTreeMap<String, SocketAddr>) -> Vec<Exchange> {
        let mut out: Vec<(u64, Exchange)> = Vec::new();
        for (key, hops) in std::mem::take(&mut self.hops) {
            let mut sent = self.sent.remove(&key).unwrap_or_default().into_iter();
            let mut received = self.received.remove(&key).unwrap_or_default().into_iter();
            for hop in hops {
                // A request that had no answer may still have its head as sent.
                let sent = if hop.extra || hop.response.is_none() { sent.next() } else { None };
                let received = if hop.extra { received.next() } else { None };
                out.push((hop.sequence, exchange(hop, sent, received.as_ref(), mark, peers)));
            }
        }
        out.sort_by_key(|(sequence, _)| *sequence);
        out.into_iter().map(|(_, exchange)| exchange).collect()
    }
}

fn exchange(
    hop: Hop,
    sent: Option<Value>,
    received: Option<&Value>,
    mark: &str,
    peers: &BTreeMap<String, SocketAddr>,
) -> Exchange {
    let response = hop.response.as_ref().map(|r| Response {
        status: received
            .and_then(|x| x["statusCode"].as_u64())
            .or_else(|| r["status"].as_u64())
            .and_then(|s| u16::try_from(s).ok())
            .unwrap_or(0),
        status_text: text(&r["statusText"]),
        protocol: text(&r["protocol"]),
        head: Head {
            fields: fields(received.map_or(&r["headers"], |x| &x["headers"])),
            raw: received.and_then(|x| x["headersText"].as_str()).map(str::to_owned),
        },
        security: r.get("securityDetails").cloned().unwrap_or(Value::Null),
        fidelity: hop.body.as_ref().map_or(Fidelity::Exact, |body| body.1),
        body: hop.body.clone().map(|body| body.0),
        note: hop.local.map(str::to_owned).or_else(|| hop.note.clone()),
    });
    // What the guard itself answered is no answer of the site's.
    let refused = response
        .as_ref()
        .is_some_and(|r| r.head.fields.iter().any(|(n, v)| n.eq_ignore_ascii_case("x-guard") && v == mark));
    let failure = if refused { Some("refused or not reached by the egress guard".to_owned()) } else { hop.failure };
    let kept_in = failure.as_ref().is_some_and(|failure| failure.contains(RULES));
    let peer = url::Url::parse(&hop.url)
        .ok()
        .filter(|_| hop.local.is_none() && (!kept_in || response.is_some()))
        .and_then(|url| {
            let host = format!("{}:{}", url.host_str()?, url.port_or_known_default()?);
            peers.get(&host).copied()
        });
    Exchange {
        method: hop.method,
        kind: hop.kind,
        target: hop.target,
        started: hop.started,
        head: Head { fields: fields(&sent.unwrap_or(hop.sent)), raw: None },
        post: hop.post,
        response: response.filter(|_| !refused),
        redirect: hop.redirect,
        failure,
        peer,
        printing: hop.printing,
        main: hop.main,
        by: hop.by,
        url: hop.url,
    }
}

/// Fields that stand several times (Set-Cookie) come as one value with line feeds.
fn fields(headers: &Value) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for (name, value) in headers.as_object().into_iter().flatten() {
        for line in text(value).split('\n') {
            out.push((name.clone(), line.trim_end_matches('\r').to_owned()));
        }
    }
    out
}

/// A string, or nothing.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
