//! Chromium under our hand: calls, and what becomes of its events.
//!
//! Every target that appears (frames of other sites, workers, service workers, popups) is held until it is
//! listened to. Popups are closed, downloads denied, dialogs dismissed; each is noted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, Read};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::read::DecoderReader;
use serde_json::{Value, json};

use crate::bodies::spilled;
use crate::cdp::{Received, Wire};
use crate::clock::Operations;
use crate::error::{Error, Result};
use crate::film::Film;
use crate::network::{Key, Network, text};
use crate::recording::{Limits, Spooled};
use crate::sockets::Sockets;
use crate::spool::Spool;

/// What an answer is for, when nobody waits for it.
pub(crate) enum Awaited {
    /// `Network.getResponseBody`.
    Body { session: String, key: Key },
    /// `Fetch.getResponseBody`: session, id of the pause, request.
    Held { session: String, pause: String, key: Key },
}

/// Types of targets that are let go, and heard.
const HEARD: &[&str] = &["page", "iframe", "worker", "shared_worker", "service_worker"];

pub(crate) struct Browser {
    pub(crate) wire: Wire,
    pub(crate) limits: Limits,
    pub(crate) network: Network,
    pub(crate) spool: Spool,
    pub(crate) operations: Operations,
    pub(crate) deadline: Instant,
    pub(crate) awaited: BTreeMap<u64, Awaited>,
    /// Pauses at a response, by session and id: when they began, and the URL.
    pub(crate) held: BTreeMap<(String, String), (Instant, String)>,
    /// URLs whose body did not end: not held a second time.
    pub(crate) unending: BTreeSet<String>,
    /// Session → type of its target and its id, which is its frame's.
    pub(crate) sessions: BTreeMap<String, (String, String)>,
    /// The page's own session and target, once known.
    pub(crate) page: String,
    pub(crate) target: String,
    pub(crate) loaded: bool,
    pub(crate) crashed: Option<String>,
    pub(crate) console: Vec<Value>,
    /// The page's own certificate, as its security state last showed it.
    pub(crate) security: Value,
    /// Dialogs, popups, downloads, sockets, skipped messages.
    pub(crate) incidents: Vec<Value>,
    pub(crate) film: Film,
    pub(crate) sockets: Sockets,
    /// Set once no more requests are let go.
    stemmed: bool,
    /// What every session is told first: a phone's user agent.
    pub(crate) overrides: Vec<(&'static str, Value)>,
    /// Long strings of the last answer.
    files: Vec<File>,
}

impl Browser {
    pub(crate) fn new(wire: Wire, limits: &Limits, spool: Spool, operations: Operations) -> Self {
        Self {
            wire,
            network: Network::new(limits.requests),
            spool,
            deadline: operations.started + limits.total,
            operations,
            limits: limits.clone(),
            awaited: BTreeMap::new(),
            held: BTreeMap::new(),
            unending: BTreeSet::new(),
            sessions: BTreeMap::new(),
            page: String::new(),
            target: String::new(),
            loaded: false,
            crashed: None,
            console: Vec::new(),
            security: Value::Null,
            incidents: Vec::new(),
            film: Film::default(),
            sockets: Sockets::default(),
            stemmed: false,
            overrides: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Calls the browser itself.
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Result<Value> {
        self.call_in("", method, params, self.limits.answer)
    }

    /// Calls the page.
    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Result<Value> {
        let session = self.page.clone();
        self.call_in(&session, method, params, self.limits.answer)
    }

    /// Calls the page for something that takes as long as its images are large.
    pub(crate) fn ask_long(&mut self, method: &str, params: Value) -> Result<Value> {
        let session = self.page.clone();
        self.call_in(&session, method, params, 2 * self.limits.answer)
    }

    /// Calls, and handles what comes meanwhile.
    pub(crate) fn call_in(&mut self, session: &str, method: &str, params: Value, wait: Duration) -> Result<Value> {
        let id = self.wire.send(session, method, params);
        let end = (Instant::now() + wait).min(self.deadline);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::Browser(format!("{method}: no answer in time")));
            }
            match self.wire.receive(left.min(Duration::from_millis(200))) {
                Received::Message(mut message, files) if message["id"] == id => {
                    self.files = files;
                    if let Some(error) = message.get("error") {
                        return Err(Error::Browser(format!("{method}: {}", text(&error["message"]))));
                    }
                    return Ok(message["result"].take());
                }
                Received::Closed => return Err(Error::Browser(format!("{method}: Chromium has ended"))),
                other => self.take(other),
            }
            if let Some(crash) = self.crashed.as_ref().filter(|_| session == self.page && !session.is_empty()) {
                return Err(Error::Browser(crash.clone()));
            }
        }
    }

    /// Handles what comes within `wait`; false when Chromium is gone.
    pub(crate) fn pump(&mut self, wait: Duration) -> bool {
        match self.wire.receive(wait) {
            Received::Closed => return false,
            other => self.take(other),
        }
        true
    }

    /// Bodies are still on their way.
    pub(crate) fn busy(&self) -> bool {
        !self.awaited.is_empty() || !self.held.is_empty()
    }

    fn take(&mut self, received: Received) {
        match received {
            Received::Message(message, files) => self.handle(message, files),
            Received::TooLong => self.incident("message-too-long", json!({})),
            Received::Nothing | Received::Closed => {}
        }
        if let Some(number) = self.film.acknowledge() {
            let page = self.page.clone();
            self.wire.send(&page, "Page.screencastFrameAck", json!({ "sessionId": number }));
        }
        self.release();
    }

    /// Past the cap of requests nothing more may go out: what is not recorded should not happen.
    fn stem(&mut self) {
        if self.stemmed || !self.network.over() {
            return;
        }
        self.stemmed = true;
        self.incident("no-more-requests", json!({ "after": self.network.count() }));
        let sessions: Vec<String> = self.sessions.keys().cloned().collect();
        for session in sessions {
            for (method, params) in no_more() {
                self.wire.send(&session, method, params);
            }
        }
    }

    /// The answer's bytes in base64, wherever they lie.
    pub(crate) fn decode(&mut self, value: &Value) -> Result<Vec<u8>> {
        let bytes = match spilled(value, &mut self.files) {
            Some(file) => {
                let mut bytes = Vec::new();
                let read = DecoderReader::new(BufReader::new(file), &STANDARD).read_to_end(&mut bytes);
                read.map_err(Error::io("an answer"))?;
                bytes
            }
            None => STANDARD.decode(value.as_str().unwrap_or_default()).unwrap_or_default(),
        };
        if bytes.is_empty() { Err(Error::Browser("an empty answer".to_owned())) } else { Ok(bytes) }
    }

    /// The answer's text to the spool, wherever it lies.
    pub(crate) fn spool_text(&mut self, value: &Value) -> Option<Spooled> {
        match spilled(value, &mut self.files) {
            Some(file) => self.spool.put_from(file),
            None => self.spool.put(value.as_str().unwrap_or_default().as_bytes()),
        }
    }

    /// A response that was held back too long fails: while its body is asked for, it cannot go on.
    fn release(&mut self) {
        let over = self.limits.held;
        let late: Vec<_> =
            self.held.iter().filter(|(_, (since, _))| since.elapsed() > over).map(|(key, _)| key.clone()).collect();
        for key in late {
            let Some((_, url)) = self.held.remove(&key) else { continue };
            self.wire.send(&key.0, "Fetch.failRequest", json!({ "requestId": key.1, "errorReason": "TimedOut" }));
            self.incident("body-without-end", json!({ "url": url, "held_ms": over.as_millis() as u64 }));
            self.unending.insert(url);
        }
    }

    fn handle(&mut self, mut message: Value, mut files: Vec<File>) {
        if let Some(id) = message["id"].as_u64() {
            if let Some(awaited) = self.awaited.remove(&id) {
                self.answered(awaited, &message, &mut files);
            }
            return;
        }
        let session = text(&message["sessionId"]);
        let method = text(&message["method"]);
        let p = message["params"].take();
        let key = text(&p["requestId"]);
        match method.as_str() {
            "Target.attachedToTarget" => self.attached(&p),
            "Target.detachedFromTarget" => {
                let gone = text(&p["sessionId"]);
                self.sessions.remove(&gone);
                self.held.retain(|(session, _), _| *session != gone);
                self.awaited.retain(|_, awaited| match awaited {
                    Awaited::Body { session, .. } | Awaited::Held { session, .. } => *session != gone,
                });
            }
            "Network.requestWillBeSent" => {
                let target = self.sessions.get(&session).map(|one| one.0.clone()).unwrap_or_default();
                let main = !self.target.is_empty() && p["frameId"] == self.target && p["type"] == "Document";
                self.network.request(key, &target, main, &p, &mut self.spool);
                self.stem();
            }
            "Network.requestWillBeSentExtraInfo" => self.network.sent(key, &p),
            "Network.responseReceivedExtraInfo" => self.network.received(key, &p),
            "Network.responseReceived" => self.network.response(&key, &p),
            "Network.requestServedFromCache" => self.network.cached(&key),
            "Network.loadingFinished" => {
                let long = p["encodedDataLength"].as_f64().unwrap_or(0.0) > self.limits.body as f64;
                if self.network.finished(&key) {
                    if long {
                        self.network.body(&key, Err(format!("longer than the limit of {} bytes", self.limits.body)));
                    } else {
                        self.want_body(&session, key);
                    }
                }
            }
            "Network.loadingFailed" if self.network.failed(&key, &p) => self.want_body(&session, key),
            // Of a page that TLS refused, the network domain keeps no chain.
            "Security.visibleSecurityStateChanged" if session == self.page => {
                let state = &p["visibleSecurityState"]["certificateSecurityState"];
                if state["certificate"].as_array().is_some_and(|chain| !chain.is_empty()) {
                    self.security = state.clone();
                }
            }
            "Page.screencastFrame" => {
                let at = self.operations.at();
                self.film.frame(&p, at, &self.limits, &mut self.spool);
            }
            socket if socket.starts_with("Network.webSocket") => {
                if socket == "Network.webSocketCreated" {
                    self.incident("websocket", json!({ "url": cut(&p["url"]) }));
                }
                let at = self.operations.at();
                self.sockets.event(socket, at, &p);
            }
            "Network.webTransportCreated" => self.incident("webtransport", json!({ "url": p["url"] })),
            "Fetch.requestPaused" => self.paused(&session, &p),
            "Page.loadEventFired" if session == self.page => self.loaded = true,
            "Page.javascriptDialogOpening" => {
                let accept = p["type"] == "beforeunload";
                self.wire.send(&session, "Page.handleJavaScriptDialog", json!({ "accept": accept }));
                self.incident("dialog", json!({ "type": p["type"], "message": cut(&p["message"]) }));
            }
            "Page.frameNavigated" if session == self.page && p["frame"]["parentId"].is_null() => {
                self.network.went_on(&text(&p["frame"]["loaderId"]));
            }
            "Page.navigatedWithinDocument" if session == self.page && p["frameId"] == self.target => {
                self.network.within(&text(&p["url"]));
            }
            "Page.windowOpen" => self.incident("popup", json!({ "url": cut(&p["url"]) })),
            "Browser.downloadWillBegin" | "Page.downloadWillBegin" => {
                self.incident("download", json!({ "url": p["url"], "name": cut(&p["suggestedFilename"]) }));
            }
            "Inspector.targetCrashed" | "Target.targetCrashed"
                if session == self.page || p["targetId"] == self.target =>
            {
                self.crashed = Some("the page's process crashed".to_owned());
            }
            "Runtime.consoleAPICalled" => {
                let words: Vec<Value> = p["args"].as_array().into_iter().flatten().take(20).map(console_word).collect();
                self.console_line(
                    json!({ "source": "console", "level": p["type"], "at": p["timestamp"], "words": words }),
                );
            }
            "Runtime.exceptionThrown" => {
                let d = &p["exceptionDetails"];
                let what =
                    if d["exception"]["description"].is_string() { &d["exception"]["description"] } else { &d["text"] };
                self.console_line(
                    json!({ "source": "exception", "at": p["timestamp"], "url": d["url"], "text": cut(what) }),
                );
            }
            "Log.entryAdded" => {
                let e = &p["entry"];
                self.console_line(json!({
                    "source": e["source"], "level": e["level"], "at": e["timestamp"], "url": e["url"], "text": cut(&e["text"]),
                }));
            }
            _ => {}
        }
    }

    fn attached(&mut self, p: &Value) {
        let session = text(&p["sessionId"]);
        let info = &p["targetInfo"];
        let kind = text(&info["type"]);
        if self.sessions.len() < self.limits.messages {
            self.operations.note("attach", json!({ "type": kind, "url": cut(&info["url"]) }));
        }
        if kind == "page" && !self.target.is_empty() && info["targetId"] != self.target {
            self.incident("popup", json!({ "url": cut(&info["url"]), "closed": true }));
            self.wire.send("", "Target.closeTarget", json!({ "targetId": info["targetId"] }));
            return;
        }
        if kind == "page" {
            self.page = session.clone();
            self.target = text(&info["targetId"]);
        }
        // Chromium's own surfaces, which nobody sees, and what cannot be listened to: they stay held.
        if !HEARD.contains(&kind.as_str()) {
            return;
        }
        self.sessions.insert(session.clone(), (kind.clone(), text(&info["targetId"])));
        let overrides = self.overrides.clone();
        let stemmed = self.stemmed;
        let mut send = |method: &str, params: Value| self.wire.send(&session, method, params);
        let document = matches!(kind.as_str(), "page" | "iframe");
        let buffer = 256u64 << 20;
        send(
            "Network.enable",
            json!({ "maxTotalBufferSize": 2 * buffer, "maxResourceBufferSize": buffer, "maxPostDataSize": 16 << 20 }),
        );
        send("Network.setCacheDisabled", json!({ "cacheDisabled": true }));
        send("Runtime.enable", json!({}));
        if document {
            send("Page.enable", json!({}));
            send("Log.enable", json!({}));
            send("Security.enable", json!({}));
        }
        for (method, params) in overrides {
            send(method, params);
        }
        if stemmed {
            for (method, params) in no_more() {
                send(method, params);
            }
        }
        // Where a text may stand, the response is held until its bytes are known: the network domain
        // would give them decoded.
        let patterns: Vec<Value> = ["Document", "Stylesheet", "Script", "XHR", "Fetch", "Other"]
            .iter()
            .map(|kind| json!({ "urlPattern": "*", "resourceType": kind, "requestStage": "Response" }))
            .collect();
        send("Fetch.enable", json!({ "patterns": patterns }));
        send("Target.setAutoAttach", json!({ "autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true }));
        send("Runtime.runIfWaitingForDebugger", json!({}));
    }

    pub(crate) fn incident(&mut self, what: &str, detail: Value) {
        // A page can make as many as it likes; the log is for what we do.
        if self.incidents.len() < self.limits.messages {
            self.operations.note(what, detail.clone());
            self.incidents.push(json!({ "what": what, "detail": detail }));
        }
    }

    fn console_line(&mut self, line: Value) {
        if self.console.len() < self.limits.messages {
            self.console.push(line);
        }
    }
}

/// Stops a session's requests.
fn no_more() -> [(&'static str, Value); 2] {
    [
        ("Network.setBlockedURLs", json!({ "urls": ["*"] })),
        (
            "Network.emulateNetworkConditions",
            json!({ "offline": true, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 }),
        ),
    ]
}

fn console_word(argument: &Value) -> Value {
    match &argument["value"] {
        Value::Null => cut(&argument["description"]),
        value @ Value::String(_) => cut(value),
        value => cut(&Value::String(value.to_string())),
    }
}

/// A page's string, cut at 1,000 characters.
fn cut(value: &Value) -> Value {
    match value.as_str() {
        Some(long) => long.chars().take(1000).collect::<String>().into(),
        None => Value::Null,
    }
}
