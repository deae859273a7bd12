//! The wire to Chromium: NUL-terminated JSON over two pipes (`--remote-debugging-pipe`).
//!
//! Values stay `serde_json::Value`: of the events that Chromium sends, published type definitions fail on
//! some in every release.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::time::Duration;

use serde_json::{Value, json};

/// One message may be so long; longer ones are skipped and counted (a body in base64 and its envelope).
const MESSAGE_MAX: u64 = 256 << 20;

/// What came.
pub(crate) enum Received {
    Message(Value),
    /// A message over the cap was skipped.
    TooLong,
    /// Nothing within the time.
    Nothing,
    /// Chromium is gone.
    Closed,
}

/// The two pipes, each on a thread of its own, so that neither side can block us.
pub(crate) struct Wire {
    commands: Sender<Vec<u8>>,
    events: Receiver<Option<Value>>,
    next: u64,
}

impl Wire {
    pub(crate) fn new(mut commands: File, events: File) -> std::io::Result<Self> {
        let (command_tx, command_rx) = channel::<Vec<u8>>();
        std::thread::Builder::new().name("cdp-out".to_owned()).spawn(move || {
            while let Ok(bytes) = command_rx.recv() {
                if commands.write_all(&bytes).is_err() {
                    return;
                }
            }
        })?;
        // Bounded: a flood of events waits in the pipe, not in memory.
        let (event_tx, event_rx) = sync_channel(256);
        std::thread::Builder::new().name("cdp-in".to_owned()).spawn(move || {
            let mut events = BufReader::with_capacity(1 << 20, events);
            let mut bytes = Vec::new();
            loop {
                bytes.clear();
                match events.by_ref().take(MESSAGE_MAX).read_until(0, &mut bytes) {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {}
                }
                let message = if bytes.pop() == Some(0) {
                    serde_json::from_slice(&bytes).ok()
                } else {
                    bytes = Vec::new();
                    if !skip(&mut events) {
                        return;
                    }
                    None
                };
                if bytes.capacity() > 8 << 20 {
                    bytes = Vec::new();
                }
                if event_tx.send(message).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { commands: command_tx, events: event_rx, next: 0 })
    }

    /// Sends a command and gives its number; that Chromium is gone shows in [`Wire::receive`].
    pub(crate) fn send(&mut self, session: &str, method: &str, params: Value) -> u64 {
        self.next += 1;
        let mut message = json!({ "id": self.next, "method": method, "params": params });
        if !session.is_empty() {
            message["sessionId"] = session.into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        let _ = self.commands.send(bytes);
        self.next
    }

    pub(crate) fn receive(&self, wait: Duration) -> Received {
        match self.events.recv_timeout(wait) {
            Ok(Some(message)) => Received::Message(message),
            Ok(None) => Received::TooLong,
            Err(RecvTimeoutError::Timeout) => Received::Nothing,
            Err(RecvTimeoutError::Disconnected) => Received::Closed,
        }
    }
}

/// Reads to the next zero byte; false at the end.
fn skip(events: &mut impl BufRead) -> bool {
    loop {
        let Ok(block) = events.fill_buf() else { return false };
        if block.is_empty() {
            return false;
        }
        let (used, done) = match block.iter().position(|b| *b == 0) {
            Some(at) => (at + 1, true),
            None => (block.len(), false),
        };
        events.consume(used);
        if done {
            return true;
        }
    }
}
