//! Chromium under our hand: calls, and what becomes of its events.
//!
//! Every target that appears (frames of other sites, workers, service workers, popups) is held until it is
//! listened to. Popups are closed, downloads denied, dialogs dismissed; each is noted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::cdp::{Received, Wire};
use crate::clock::Operations;
use crate::error::{Error, Result};
use crate::network::{Key, Network, text};
use crate::recording::{Fidelity, Limits, Spooled};
use crate::spool::Spool;

/// What an answer is for, when nobody waits for it.
enum Awaited {
    /// `Network.getResponseBody`.
    Body(Key),
    /// `Fetch.getResponseBody`: session, id of the pause, request.
    Held { session: String, pause: String, key: Key },
}

pub(crate) struct Browser {
    wire: Wire,
    limits: Limits,
    pub(crate) network: Network,
    pub(crate) spool: Spool,
    pub(crate) operations: Operations,
    pub(crate) deadline: Instant,
    awaited: BTreeMap<u64, Awaited>,
    /// Pauses at a response: when they began.
    held: BTreeMap<(String, String), Instant>,
    /// Session → type of its target.
    sessions: BTreeMap<String, String>,
    /// The page's own session and target, once known.
    pub(crate) page: String,
    pub(crate) target: String,
    pub(crate) loaded: bool,
    pub(crate) crashed: Option<String>,
    pub(crate) console: Vec<Value>,
    /// Dialogs, popups, downloads, sockets, skipped messages.
    pub(crate) incidents: Vec<Value>,
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
            sessions: BTreeMap::new(),
            page: String::new(),
            target: String::new(),
            loaded: false,
            crashed: None,
            console: Vec::new(),
            incidents: Vec::new(),
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
                Received::Message(mut message) if message["id"] == id => {
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
            Received::Message(message) => self.handle(message),
            Received::TooLong => self.incident("message-too-long", json!({})),
            Received::Nothing | Received::Closed => {}
        }
        self.release();
    }

    /// Responses that were held back too long go on to the page as they are.
    fn release(&mut self) {
        let late: Vec<(String, String)> = self
            .held
            .iter()
            .filter(|(_, since)| since.elapsed() > self.limits.held)
            .map(|(key, _)| key.clone())
            .collect();
        for (session, pause) in late {
            self.held.remove(&(session.clone(), pause.clone()));
            self.wire.send(&session, "Fetch.failRequest", json!({ "requestId": pause, "errorReason": "TimedOut" }));
            self.incident("body-without-end", json!({ "held": self.limits.held.as_millis() as u64 }));
        }
    }

    fn handle(&mut self, mut message: Value) {
        if let Some(id) = message["id"].as_u64() {
            if let Some(awaited) = self.awaited.remove(&id) {
                self.answered(awaited, message);
            }
            return;
        }
        let session = text(&message["sessionId"]);
        let method = text(&message["method"]);
        let p = message["params"].take();
        let key = (session.clone(), text(&p["requestId"]));
        match method.as_str() {
            "Target.attachedToTarget" => self.attached(&p),
            "Target.detachedFromTarget" => {
                let gone = text(&p["sessionId"]);
                self.sessions.remove(&gone);
                self.held.retain(|(session, _), _| *session != gone);
                self.awaited.retain(|_, awaited| match awaited {
                    Awaited::Body(key) | Awaited::Held { key, .. } => key.0 != gone,
                });
            }
            "Network.requestWillBeSent" => {
                let target = self.sessions.get(&session).cloned().unwrap_or_default();
                let main = !self.target.is_empty() && p["frameId"] == self.target && p["type"] == "Document";
                self.network.request(key, &target, main, &p, &mut self.spool);
            }
            "Network.requestWillBeSentExtraInfo" => self.network.sent(key, &p),
            "Network.responseReceivedExtraInfo" => self.network.received(key, &p),
            "Network.responseReceived" => self.network.response(&key, &p),
            "Network.loadingFinished" => {
                let long = p["encodedDataLength"].as_f64().unwrap_or(0.0) > self.limits.body as f64;
                if self.network.finished(&key) {
                    if long {
                        self.network.body(&key, Err(format!("longer than the limit of {} bytes", self.limits.body)));
                    } else {
                        self.want_body(key);
                    }
                }
            }
            "Network.loadingFailed" => {
                if self.network.failed(&key, &p) {
                    self.want_body(key);
                }
            }
            "Network.webSocketCreated" => self.incident("websocket", json!({ "url": p["url"] })),
            "Network.webTransportCreated" => self.incident("webtransport", json!({ "url": p["url"] })),
            "Fetch.requestPaused" => self.paused(&session, &p),
            "Page.loadEventFired" if session == self.page => self.loaded = true,
            "Page.javascriptDialogOpening" => {
                let accept = p["type"] == "beforeunload";
                self.wire.send(&session, "Page.handleJavaScriptDialog", json!({ "accept": accept }));
                self.incident("dialog", json!({ "type": p["type"], "message": cut(&p["message"]) }));
            }
            "Browser.downloadWillBegin" => {
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
        self.operations.note("attach", json!({ "type": kind, "url": cut(&info["url"]) }));
        if kind == "page" && !self.target.is_empty() && info["targetId"] != self.target {
            self.incident("popup", json!({ "url": cut(&info["url"]), "closed": true }));
            self.wire.send("", "Target.closeTarget", json!({ "targetId": info["targetId"] }));
            return;
        }
        if kind == "page" {
            self.page = session.clone();
            self.target = text(&info["targetId"]);
        }
        self.sessions.insert(session.clone(), kind.clone());
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

    fn paused(&mut self, session: &str, p: &Value) {
        let pause = text(&p["requestId"]);
        let status = p["responseStatusCode"].as_u64().unwrap_or(0);
        let header = |name: &str| {
            let all = p["responseHeaders"].as_array().into_iter().flatten();
            all.filter(|h| h["name"].as_str().is_some_and(|n| n.eq_ignore_ascii_case(name)))
                .map(|h| text(&h["value"]).to_ascii_lowercase())
                .next()
                .unwrap_or_default()
        };
        let kind = header("content-type");
        let textual = kind.is_empty()
            || ["text/", "json", "javascript", "ecmascript", "xml"].iter().any(|part| kind.contains(part));
        let stream = kind.contains("event-stream") || header("content-disposition").contains("attachment");
        let long = header("content-length").parse::<u64>().is_ok_and(|n| n > self.limits.body.min(32 << 20));
        let hold =
            textual && !stream && !long && status >= 200 && !(300..400).contains(&status) && p["networkId"].is_string();
        if hold {
            let id = self.wire.send(session, "Fetch.getResponseBody", json!({ "requestId": pause }));
            let key = (session.to_owned(), text(&p["networkId"]));
            self.awaited.insert(id, Awaited::Held { session: session.to_owned(), pause: pause.clone(), key });
            self.held.insert((session.to_owned(), pause), Instant::now());
        } else {
            self.wire.send(session, "Fetch.continueRequest", json!({ "requestId": pause }));
        }
    }

    fn want_body(&mut self, key: Key) {
        let id = self.wire.send(&key.0, "Network.getResponseBody", json!({ "requestId": key.1 }));
        self.awaited.insert(id, Awaited::Body(key));
    }

    fn answered(&mut self, awaited: Awaited, message: Value) {
        let (key, held) = match awaited {
            Awaited::Body(key) => (key, None),
            Awaited::Held { session, pause, key } => (key, Some((session, pause))),
        };
        let body = match message.get("error") {
            Some(error) => Err(text(&error["message"])),
            None => self.keep(&message["result"], held.is_some()),
        };
        match held {
            Some((session, pause)) => {
                if self.held.remove(&(session.clone(), pause.clone())).is_some() {
                    self.wire.send(&session, "Fetch.continueRequest", json!({ "requestId": pause }));
                }
                // Without it the network domain is asked when the loading ends.
                if body.is_ok() {
                    self.network.body(&key, body);
                }
            }
            None => self.network.body(&key, body),
        }
    }

    fn keep(&mut self, result: &Value, exact: bool) -> std::result::Result<(Spooled, Fidelity), String> {
        let body = result["body"].as_str().ok_or("the browser gave no body")?;
        let (bytes, fidelity) = if result["base64Encoded"] == true {
            (STANDARD.decode(body).map_err(|_| "the browser gave no base64")?, Fidelity::Exact)
        } else {
            (body.as_bytes().to_vec(), if exact { Fidelity::Exact } else { Fidelity::Text })
        };
        if bytes.len() as u64 > self.limits.body {
            return Err(format!("{} bytes: longer than the limit of {}", bytes.len(), self.limits.body));
        }
        let spooled = self.spool.put(&bytes).ok_or("the recording's limit of bytes is reached")?;
        Ok((spooled, fidelity))
    }

    pub(crate) fn incident(&mut self, what: &str, detail: Value) {
        self.operations.note(what, detail.clone());
        if self.incidents.len() < self.limits.messages {
            self.incidents.push(json!({ "what": what, "detail": detail }));
        }
    }

    fn console_line(&mut self, line: Value) {
        if self.console.len() < self.limits.messages {
            self.console.push(line);
        }
    }
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
