//! What people see: two languages, marks that differ by form, digests in eights; and one JSON object a line.

use evidence::time::{SECOND, Utc};
use locale::{Locale, Value};
use std::{
    io::{self, IsTerminal, Write},
    time::{SystemTime, UNIX_EPOCH},
};

/// Where and in which language to speak.
pub(crate) struct Out {
    pub locale: Locale,
    /// Colour on stdout, and on stderr.
    colour: (bool, bool),
    /// Under `--json`: the keys that a line of this command has.
    keys: Option<&'static [&'static str]>,
}

impl Out {
    pub(crate) fn new(locale: Locale) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let colour = (!plain && io::stdout().is_terminal(), !plain && io::stderr().is_terminal());
        Self { locale, colour, keys: None }
    }

    /// From here on a command that fails as a whole also says so in one JSON line: these keys `null`, and `error`.
    pub(crate) fn promise(self, keys: Option<&'static [&'static str]>) -> Self {
        Self { keys, ..self }
    }

    /// The same in another language.
    pub(crate) fn in_language(&self, locale: Locale) -> Self {
        Self { locale, ..*self }
    }

    /// A message of `locales/`.
    pub(crate) fn text(&self, id: &str, args: &[(&str, Value<'_>)]) -> String {
        locale::text(self.locale, id, args)
    }

    /// The one of two sentences that the reader reads.
    pub(crate) fn pick<'s>(&self, zh: &'s str, en: &'s str) -> &'s str {
        if self.locale == Locale::Zh { zh } else { en }
    }

    /// A line on stdout, flushed: an acknowledgement.
    pub(crate) fn line(&self, text: &str) {
        self.bytes(format!("{text}\n").as_bytes());
    }

    /// Bytes on stdout, flushed. Nobody reads on: the process ends, quietly where the reader only closed the pipe.
    pub(crate) fn bytes(&self, bytes: &[u8]) {
        let mut stdout = io::stdout().lock();
        if let Err(e) = stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            if e.kind() != io::ErrorKind::BrokenPipe {
                self.complain(&self.text("cannot-write", &[("reason", self.reason(&e).into())]));
            }
            std::process::exit(2);
        }
    }

    /// What the system said about a file, in the reader's words.
    pub(crate) fn reason(&self, error: &io::Error) -> String {
        use io::ErrorKind as K;
        let id = match error.kind() {
            K::NotFound => "reason-not-found",
            K::AlreadyExists => "reason-exists",
            K::PermissionDenied => "reason-permission",
            K::IsADirectory => "reason-directory",
            K::NotADirectory => "reason-not-a-directory",
            K::StorageFull | K::QuotaExceeded => "reason-full",
            K::ReadOnlyFilesystem => "reason-read-only",
            K::InvalidData => "reason-not-text",
            _ => return error.to_string(),
        };
        self.text(id, &[])
    }

    /// One JSON object on stdout.
    pub(crate) fn json(&self, value: &impl serde::Serialize) {
        self.line(&serde_json::to_string(value).unwrap_or_default());
    }

    /// A remark on stderr.
    pub(crate) fn note(&self, text: &str) {
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// A failure of the whole command: on stderr, under `--json` also on stdout; exit code 2.
    pub(crate) fn fail(&self, text: &str) -> u8 {
        self.complain(text);
        self.failed(&text);
        2
    }

    /// A refusal of `service`, of the whole command.
    pub(crate) fn refuse(&self, error: &service::Error) -> u8 {
        self.complain(self.pick(&error.zh, &error.en));
        self.failed(error);
        error.exit
    }

    /// Something that went wrong, on stderr.
    pub(crate) fn complain(&self, text: &str) {
        self.note(&paint(self.colour.1, "31", text));
    }

    fn failed(&self, error: &impl serde::Serialize) {
        if let Some(keys) = self.keys {
            let mut line: serde_json::Map<String, serde_json::Value> =
                keys.iter().map(|k| ((*k).to_owned(), serde_json::Value::Null)).collect();
            line.insert("error".into(), serde_json::json!(error));
            self.json(&line);
        }
    }

    pub(crate) fn warn(&self, warnings: &[(String, String)]) {
        for (zh, en) in warnings {
            self.note(&paint(self.colour.1, "33", self.pick(zh, en)));
        }
    }

    /// Colour on stdout where a terminal shows it; the words never depend on it.
    pub(crate) fn paint(&self, code: &str, text: &str) -> String {
        paint(self.colour.0, code, text)
    }

    /// A bar with rate and remaining time; hidden where stderr is no terminal.
    pub(crate) fn bar(&self, bytes: u64) -> indicatif::ProgressBar {
        let left = self.text("bar-left", &[]);
        let template = format!("{{bar:28}} {{bytes}}/{{total_bytes}}  {{bytes_per_sec}}  {left} {{eta}}  {{msg}}");
        let bar = indicatif::ProgressBar::new(bytes);
        if let Ok(style) = indicatif::ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        bar
    }
}

fn paint(colour: bool, code: &str, text: &str) -> String {
    if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// Now, by this machine's clock.
pub(crate) fn now() -> Utc {
    let micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros());
    Utc(i64::try_from(micros).unwrap_or(i64::MAX))
}

/// `2026-11-24 11:05:00 (UTC+8)`, rounded down to the second.
pub(crate) fn local_time(at: Utc) -> String {
    format!("{} (UTC+8)", clock(at.plus(8 * 3600 * SECOND)))
}

/// The same with UTC beside it, as on evidence.
pub(crate) fn both_times(at: Utc) -> String {
    format!("{}, {} UTC", local_time(at), clock(at))
}

fn clock(at: Utc) -> String {
    at.to_micros().replacen('T', " ", 1).chars().take(19).collect()
}

/// When the platform received a record: the milliseconds in its number (UUIDv7).
pub(crate) fn received(id: &str) -> Option<Utc> {
    let hex: String = id.chars().filter(|c| *c != '-').collect();
    let millis = i64::from_str_radix(hex.get(..12)?, 16).ok()?;
    (hex.len() == 32 && hex.get(12..13) == Some("7")).then(|| Utc(millis * 1000))
}

/// `d530a1e2 2a4e529c …`
pub(crate) fn eights(hex: &str) -> String {
    let bytes: Vec<String> = hex.as_bytes().chunks(8).map(|c| String::from_utf8_lossy(c).into_owned()).collect();
    bytes.join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn digests_stand_in_eights() {
        assert_eq!(eights("0011223344556677"), "00112233 44556677");
    }

    #[test]
    fn times_name_their_zone() {
        let at = received("01a20d51-07a2-7ef7-9aa6-6128256c1eaf").unwrap();
        assert_eq!(at, Utc(0x01a2_0d51_07a2 * 1000));
        let at = Utc::parse_micros("2026-11-24T23:05:00.999999Z").unwrap();
        assert_eq!(both_times(at), "2026-11-25 07:05:00 (UTC+8), 2026-11-24 23:05:00 UTC");
        for no in ["", "-", "01a20d51-07a2-4ef7-9aa6-6128256c1eaf", "é1a20d51-07a2-7ef7-9aa6-6128256c1eaf"] {
            assert_eq!(received(no), None, "{no}");
        }
    }
}
