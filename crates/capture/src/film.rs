//! The session as a film strip: screencast frames, each acknowledged only after a while, so that there are
//! few of them; they end before the full screenshot, which sizes the window.

use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::clock::wall;
use crate::recording::{Limits, Resource, Spooled};
use crate::spool::Spool;

/// Between two frames.
const PACE: Duration = Duration::from_millis(200);

#[derive(Default)]
pub(crate) struct Film {
    frames: Vec<(Value, Spooled)>,
    bytes: u64,
    left_out: u64,
    /// Chromium's number of the frame, and when it is told to go on.
    due: Option<(u64, Instant)>,
    pub(crate) rolling: bool,
}

impl Film {
    /// `Page.startScreencast`'s parameters.
    pub(crate) fn ask() -> Value {
        json!({ "format": "jpeg", "quality": 60, "maxWidth": 800, "maxHeight": 800, "everyNthFrame": 1 })
    }

    /// `Page.screencastFrame`; `monotonic`: microseconds since the capture began.
    pub(crate) fn frame(&mut self, p: &Value, monotonic: u64, limits: &Limits, spool: &mut Spool) {
        self.due = p["sessionId"].as_u64().map(|number| (number, Instant::now() + PACE));
        let bytes = STANDARD.decode(p["data"].as_str().unwrap_or_default()).unwrap_or_default();
        if !self.rolling || !bytes.starts_with(&[0xff, 0xd8]) {
            return;
        }
        if self.frames.len() >= limits.film_frames || self.bytes + bytes.len() as u64 > limits.film_bytes {
            self.left_out += 1;
            return;
        }
        let at = p["metadata"]["timestamp"].as_f64().map_or_else(wall, |s| (s * 1e6) as i64);
        let Some(content) = spool.put(&bytes) else { return };
        // The same picture again says nothing.
        if self.frames.last().is_some_and(|(_, last)| last.sha256 == content.sha256) {
            return spool.forget(&content);
        }
        self.bytes += content.size;
        let name = format!("film/{:04}", self.frames.len() + 1);
        let line = json!({ "name": name, "at": evidence::time::Utc(at).to_micros(), "monotonic_us": monotonic,
            "sha256": content.sha256, "size": content.size });
        self.frames.push((line, content));
    }

    /// The frames' files, and when each was seen.
    pub(crate) fn files(&self) -> Vec<(&Path, u64)> {
        let at = |line: &Value| line["monotonic_us"].as_u64().unwrap_or(0);
        self.frames.iter().map(|(line, content)| (content.file.as_path(), at(line))).collect()
    }

    /// The frame that is to be acknowledged now.
    pub(crate) fn acknowledge(&mut self) -> Option<u64> {
        let (number, at) = self.due?;
        if Instant::now() < at {
            return None;
        }
        self.due = None;
        Some(number)
    }

    /// The frames, and the list of them.
    pub(crate) fn finish(self) -> Option<(Vec<Resource>, Value)> {
        let list: Vec<Value> = self.frames.iter().map(|(line, _)| line.clone()).collect();
        if list.is_empty() {
            return None;
        }
        let resources = self
            .frames
            .into_iter()
            .map(|(line, content)| Resource {
                name: line["name"].as_str().unwrap_or_default().to_owned(),
                media_type: "image/jpeg",
                content,
            })
            .collect();
        Some((resources, json!({ "schema": "quezao/film/v1", "frames": list, "left_out": self.left_out })))
    }
}
