//! What the guard did, as structured data.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Instant;

use serde::Serialize;

/// One line of the guard's log.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// Microseconds since the capture began.
    pub at: u64,
    /// Connection from the browser, counted from 1; a relay's receipt can name it.
    pub stream: u64,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What can happen.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum What {
    /// A name was asked for, once.
    Resolved {
        /// The name.
        name: String,
        /// Which resolver.
        resolver: String,
        /// All answers.
        answers: Vec<String>,
        /// The messages as received, base64.
        raw: Vec<String>,
        /// Why there is no address, where the messages say so.
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// A resolver that was asked did not answer.
    Unanswered {
        /// The name.
        name: String,
        /// Which resolver.
        resolver: String,
        /// What the system said.
        reason: String,
    },
    /// A connection was made.
    Connected {
        /// `connect` for a tunnel, `contact` for the guard's own handshake, otherwise the HTTP method.
        method: String,
        /// Host as asked.
        host: String,
        /// Port as asked.
        port: u16,
        /// Whither.
        peer: SocketAddr,
        /// By an exception of the operator's.
        loopback: bool,
    },
    /// A request was refused; nothing was sent.
    Refused {
        /// The request's target, as received, cut at 500 characters.
        target: String,
        /// Why.
        reason: String,
    },
    /// A permitted connection could not be made.
    Failed {
        /// Host and port.
        target: String,
        /// What the system answered.
        reason: String,
    },
    /// A connection ended.
    Closed {
        /// Bytes from the browser.
        sent: u64,
        /// Bytes to the browser.
        received: u64,
        /// Set when a limit ended it.
        #[serde(skip_serializing_if = "Option::is_none")]
        limit: Option<&'static str>,
    },
}

/// Collects [`Event`]s from all threads; past the cap they are only counted.
#[derive(Debug)]
pub(crate) struct Log {
    started: Instant,
    events: Mutex<(Vec<Event>, u64)>,
}

const EVENTS_MAX: usize = 100_000;

impl Log {
    pub(crate) fn new(started: Instant) -> Self {
        Self { started, events: Mutex::default() }
    }

    pub(crate) fn push(&self, stream: u64, what: What) {
        let at = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let Ok(mut events) = self.events.lock() else { return };
        if events.0.len() < EVENTS_MAX { events.0.push(Event { at, stream, what }) } else { events.1 += 1 }
    }

    /// Hosts and ports of the tunnels so far.
    pub(crate) fn tunnels(&self) -> Vec<(String, u16)> {
        let Ok(events) = self.events.lock() else { return Vec::new() };
        let tunnel = |event: &Event| match &event.what {
            What::Connected { method, host, port, .. } if method == "connect" => Some((host.clone(), *port)),
            _ => None,
        };
        events.0.iter().filter_map(tunnel).collect()
    }

    /// The events, and how many were only counted.
    pub(crate) fn take(&self) -> (Vec<Event>, u64) {
        self.events.lock().map(|events| events.clone()).unwrap_or_default()
    }
}
