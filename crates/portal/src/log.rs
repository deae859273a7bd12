//! The log: one line an event on stderr, as text or as a JSON object.
//!
//! It holds no personal data: no names, no addresses of people or pages, no tokens. A request is its route as the table
//! has it, never its path. The one exception is the set-up address, which is printed to be used, once.

use evidence::{
    json::{Value, json},
    time::Utc,
};
use std::{
    fmt::Write as _,
    io::Write as _,
    time::{SystemTime, UNIX_EPOCH},
};

/// How lines are written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Log {
    /// One JSON object a line.
    pub json: bool,
}

impl Log {
    /// A line: level (`info`, `warn`, `error`), event, and what else there is to say.
    pub fn line(self, level: &str, event: &str, rest: &[(&str, Value)]) {
        let line = self.form(&now(), level, event, rest);
        // Nobody may read; that is no reason to stop serving.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }

    fn form(self, time: &str, level: &str, event: &str, rest: &[(&str, Value)]) -> String {
        if self.json {
            let mut object = json!({"time": time, "level": level, "event": event});
            rest.iter().for_each(|(name, value)| object[*name] = value.clone());
            return format!("{object}\n");
        }
        let mut line = format!("{time} {level} {event}");
        for (name, value) in rest {
            let plain = value.as_str().filter(|v| v.bytes().all(|b| b.is_ascii_graphic() && b != b'"'));
            let value = plain.map_or_else(|| value.to_string(), str::to_owned);
            let _ = write!(line, " {name}={value}");
        }
        line + "\n"
    }
}

fn now() -> String {
    let micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros());
    Utc(i64::try_from(micros).unwrap_or(i64::MAX)).to_micros()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_line_is_one_line() {
        let rest = [("route", json!("/library")), ("status", json!(200)), ("why", json!("a\nb \"c\""))];
        let text = Log { json: false }.form("T", "info", "request", &rest);
        assert_eq!(text, "T info request route=/library status=200 why=\"a\\nb \\\"c\\\"\"\n");
        let line = Log { json: true }.form("T", "info", "request", &rest);
        let back: Value = serde_json::from_str(&line).unwrap();
        assert!(back["why"] == "a\nb \"c\"" && back["time"] == "T" && line.matches('\n').count() == 1);
    }
}
