//! The wire to Chromium: NUL-terminated JSON over two pipes (`--remote-debugging-pipe`).
//!
//! Values stay `serde_json::Value`: of the events that Chromium sends, published type definitions fail on
//! some in every release.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::spill;

/// One message may be so long; longer ones are skipped and counted (a body in base64 and its envelope).
const MESSAGE_MAX: u64 = 512 << 20;
/// Of longer messages the long strings go to files.
const INLINE: u64 = 4 << 20;

/// What came.
pub(crate) enum Received {
    /// A message, and what its long strings say: in their place stands `{"spilled":N}`.
    Message(Value, Vec<File>),
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
    events: Receiver<Option<(Value, Vec<File>)>>,
    next: u64,
}

impl Wire {
    /// `folder`: where long strings lie, in files without a name.
    pub(crate) fn new(mut commands: File, events: File, folder: &Path) -> std::io::Result<Self> {
        let (command_tx, command_rx) = channel::<Vec<u8>>();
        std::thread::Builder::new().name("cdp-out".to_owned()).spawn(move || {
            while let Ok(bytes) = command_rx.recv() {
                if commands.write_all(&bytes).is_err() {
                    return;
                }
            }
        })?;
        let folder = folder.to_path_buf();
        // Bounded: a flood of events waits in the pipe, not in memory.
        let (event_tx, event_rx) = sync_channel(256);
        std::thread::Builder::new().name("cdp-in".to_owned()).spawn(move || {
            let mut events = BufReader::with_capacity(1 << 20, events);
            let mut bytes = Vec::new();
            loop {
                bytes.clear();
                match events.by_ref().take(INLINE).read_until(0, &mut bytes) {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {}
                }
                let message = if bytes.last() == Some(&0) {
                    bytes.pop();
                    value(&mut bytes).map(|value| (value, Vec::new()))
                } else {
                    let mut ended = false;
                    let Ok(long) = spill::read(&bytes, &mut events, &folder, MESSAGE_MAX, &mut ended) else { return };
                    if !ended && !skip(&mut events) {
                        return;
                    }
                    bytes = Vec::new();
                    long.and_then(|mut long| Some((value(&mut long.json)?, long.files)))
                };
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
            Ok(Some((message, files))) => Received::Message(message, files),
            Ok(None) => Received::TooLong,
            Err(RecvTimeoutError::Timeout) => Received::Nothing,
            Err(RecvTimeoutError::Disconnected) => Received::Closed,
        }
    }
}

/// A page may hold half a surrogate pair, which JSON's escapes can say and UTF-8 cannot: U+FFFD in its place.
fn value(json: &mut [u8]) -> Option<Value> {
    if let Ok(value) = serde_json::from_slice(json) {
        return Some(value);
    }
    let unit = |at: usize, json: &[u8]| {
        let digits = json.get(at..at + 6).filter(|six| six.starts_with(b"\\u"))?;
        u16::from_str_radix(std::str::from_utf8(&digits[2..]).ok()?, 16).ok()
    };
    let mut at = 0;
    while at < json.len() {
        if json[at] != b'\\' {
            at += 1;
            continue;
        }
        match (unit(at, json), unit(at + 6, json)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => at += 12,
            (Some(0xd800..0xe000), _) => {
                json[at + 2..at + 6].copy_from_slice(b"fffd");
                at += 6;
            }
            _ => at += 2,
        }
    }
    serde_json::from_slice(json).ok()
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn half_a_pair_does_not_hide_a_message() {
        let mut json = br#"{"a":"x\\ud800 \ud83d\ude00 \ud800\ud83d\ude00 \udc00\\","b":1}"#.to_vec();
        let value = value(&mut json).unwrap();
        assert_eq!(value, json!({ "a": "x\\ud800 \u{1f600} \u{fffd}\u{1f600} \u{fffd}\\", "b": 1 }));
        assert!(super::value(&mut b"{\"a\":".to_vec()).is_none());
    }
}
