//! Why no certificate was drawn. Closed; each carries the values that a person needs.

/// Why no certificate was drawn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A field is not of the form that the sheet promises.
    #[error("{what}: malformed: found {found}; expected {expected}")]
    Malformed {
        /// The field, or the thing given.
        what: &'static str,
        /// What stands there, cut to a printable length.
        found: String,
        /// What must stand there.
        expected: String,
    },
    /// Two parts of the sheet contradict each other.
    #[error("{what}: found {found}, expected {expected}")]
    Mismatch {
        /// The claim.
        what: &'static str,
        /// What the sheet says.
        found: String,
        /// What its other part allows.
        expected: String,
    },
    /// More than a certificate holds.
    #[error("{what}: {found} is more than {limit}")]
    TooLarge {
        /// The field, or the thing given.
        what: &'static str,
        /// Its size, in the field's own unit.
        found: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// No font has these characters, or they may not stand on a page.
    #[error("no font here has a glyph for {}: install a font that has it, such as Noto Sans CJK", shown(missing))]
    Glyph {
        /// Each character once, in the order of the text.
        missing: Vec<char>,
    },
    /// The layout failed: a fault of this program, or a picture that does not decode.
    #[error("the certificate could not be typeset: {why}")]
    Typeset {
        /// The typesetter's own words.
        why: String,
    },
}

/// At most forty characters, control characters escaped.
pub(crate) fn printable(text: &str) -> String {
    let mut out: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() {
        out.push('…');
    }
    out
}

fn shown(missing: &[char]) -> String {
    missing.iter().map(|c| format!("{} (U+{:04X})", c.escape_debug(), *c as u32)).collect::<Vec<_>>().join(", ")
}
