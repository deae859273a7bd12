//! Wall and monotonic time of a capture, and its operation log.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// Microseconds since 1970, UTC.
pub(crate) fn wall() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|d| i64::try_from(d.as_micros()).ok()).unwrap_or(0)
}

/// What was done, when.
#[derive(Debug)]
pub(crate) struct Operations {
    pub(crate) started: Instant,
    pub(crate) wall: i64,
    lines: Vec<Value>,
}

impl Operations {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), wall: wall(), lines: Vec::new() }
    }

    /// Microseconds since the beginning, monotonic.
    pub(crate) fn at(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    pub(crate) fn note(&mut self, what: &str, detail: Value) {
        if self.lines.len() < 20_000 {
            self.lines
                .push(json!({ "monotonic_us": self.at(), "wall_us": wall(), "operation": what, "detail": detail }));
        }
    }

    /// The last line, which no limit keeps out.
    pub(crate) fn end(&mut self, what: &str, detail: Value) {
        self.lines.truncate(20_000);
        self.lines.push(json!({ "monotonic_us": self.at(), "wall_us": wall(), "operation": what, "detail": detail }));
    }

    /// How far the wall clock moved against the monotonic one, microseconds.
    pub(crate) fn drift(&self) -> i64 {
        (wall() - self.wall) - i64::try_from(self.at()).unwrap_or(i64::MAX)
    }

    /// One JSON object a line.
    pub(crate) fn lines(&self) -> Vec<u8> {
        json_lines(&self.lines)
    }
}

/// One value a line.
pub(crate) fn json_lines<T: serde::Serialize>(values: &[T]) -> Vec<u8> {
    let mut out = Vec::new();
    for value in values {
        if serde_json::to_writer(&mut out, value).is_ok() {
            out.push(b'\n');
        }
    }
    out
}
