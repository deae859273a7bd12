//! What people see: two languages, marks that differ by form, digests in eights; and one JSON object a line.

use locale::{Locale, Value};
use std::io::{IsTerminal, Write};

/// Where and in which language to speak.
pub(crate) struct Out {
    pub locale: Locale,
    colour: bool,
}

impl Out {
    pub(crate) fn new(locale: Locale) -> Self {
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { locale, colour }
    }

    /// A message of `locales/`.
    pub(crate) fn text(&self, id: &str, args: &[(&str, Value<'_>)]) -> String {
        locale::text(self.locale, id, args)
    }

    /// The one of two sentences that the reader reads.
    pub(crate) fn pick<'s>(&self, zh: &'s str, en: &'s str) -> &'s str {
        if self.locale == Locale::Zh { zh } else { en }
    }

    /// A line on stdout, flushed: an acknowledgement. A closed pipe ends the process quietly.
    pub(crate) fn line(&self, text: &str) {
        let mut stdout = std::io::stdout().lock();
        if writeln!(stdout, "{text}").and_then(|()| stdout.flush()).is_err() {
            std::process::exit(2);
        }
    }

    /// One JSON object on stdout.
    pub(crate) fn json(&self, value: &impl serde::Serialize) {
        self.line(&serde_json::to_string(value).unwrap_or_default());
    }

    /// A remark on stderr.
    pub(crate) fn note(&self, text: &str) {
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// A failure on stderr; exit code 2.
    pub(crate) fn fail(&self, text: &str) -> u8 {
        self.note(&self.paint("31", text));
        2
    }

    /// A refusal of `service`.
    pub(crate) fn refuse(&self, error: &service::Error) -> u8 {
        self.fail(self.pick(&error.zh, &error.en));
        error.exit
    }

    pub(crate) fn warn(&self, warnings: &[(String, String)]) {
        for (zh, en) in warnings {
            self.note(&self.paint("33", self.pick(zh, en)));
        }
    }

    /// Colour where a terminal shows it; the words never depend on it.
    pub(crate) fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// `d530a1e2 2a4e529c …`
pub(crate) fn eights(hex: &str) -> String {
    let bytes: Vec<String> = hex.as_bytes().chunks(8).map(|c| String::from_utf8_lossy(c).into_owned()).collect();
    bytes.join(" ")
}

/// A bar with rate and remaining time; hidden where stderr is no terminal.
pub(crate) fn bar(bytes: u64) -> indicatif::ProgressBar {
    let style =
        indicatif::ProgressStyle::with_template("{bar:32} {bytes}/{total_bytes}  {bytes_per_sec}  {eta}  {msg}");
    let bar = indicatif::ProgressBar::new(bytes);
    bar.set_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar()));
    bar
}

#[cfg(test)]
mod tests {
    #[test]
    fn digests_stand_in_eights() {
        assert_eq!(super::eights("0011223344556677"), "00112233 44556677");
    }
}
