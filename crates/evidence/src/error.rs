//! The one error of this crate: what was looked at, and the two values that disagree.

/// Why bytes were not accepted. [`Error::Unknown`] is the only one that a newer reader may accept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not of the promised form.
    #[error("{what}: malformed: found {found}; expected {expected}")]
    Malformed {
        /// The thing looked at, in the field's standard term.
        what: &'static str,
        /// What stands there (cut to a printable length).
        found: String,
        /// What the format asks for.
        expected: String,
    },
    /// Well formed, but two values that must agree do not.
    #[error("{what}: found {found}, expected {expected}")]
    Mismatch {
        /// The thing looked at.
        what: &'static str,
        /// What stands there.
        found: String,
        /// What must stand there.
        expected: String,
    },
    /// A signature by a known key does not verify.
    #[error("{what}: the signature by {key} does not verify")]
    Signature {
        /// The thing signed.
        what: &'static str,
        /// The key that should have signed it.
        key: String,
    },
    /// An identifier that version 1 does not define: a newer reader may know it (exit 3).
    #[error("{what}: {found} is unknown to this version; a newer reader may know it")]
    Unknown {
        /// The thing looked at.
        what: &'static str,
        /// The identifier.
        found: String,
    },
    /// Something needed is absent: nothing contradicts, but nothing can be concluded (exit 3).
    #[error("{what}: {missing} is missing")]
    Missing {
        /// The thing looked at.
        what: &'static str,
        /// What is missing.
        missing: String,
    },
    /// Over a limit that bounds memory and time.
    #[error("{what}: {found} is over the limit of {limit}")]
    TooLarge {
        /// The thing looked at.
        what: &'static str,
        /// Its size or count.
        found: u64,
        /// The limit.
        limit: u64,
    },
}

/// Shorthand used throughout the crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// [`Error::Malformed`], with `found` cut to 80 characters and control characters escaped.
    pub fn malformed(what: &'static str, found: impl AsRef<str>, expected: impl Into<String>) -> Self {
        Self::Malformed { what, found: printable(found.as_ref()), expected: expected.into() }
    }

    /// [`Error::Mismatch`] of two printable values.
    pub fn mismatch(what: &'static str, found: impl ToString, expected: impl ToString) -> Self {
        Self::Mismatch { what, found: printable(&found.to_string()), expected: printable(&expected.to_string()) }
    }

    /// The sentence in Chinese; terms and values stand as they are.
    pub fn zh(&self) -> String {
        match self {
            Self::Malformed { what, found, expected } => format!("{what} 格式不对：实为 {found}，应为 {expected}"),
            Self::Mismatch { what, found, expected } => format!("{what} 不一致：实为 {found}，应为 {expected}"),
            Self::Signature { what, key } => format!("{what}：{key} 的签名不成立"),
            Self::Unknown { what, found } => format!("{what}：本版本不识别 {found}，较新的版本也许识别"),
            Self::Missing { what, missing } => format!("{what}：缺少 {missing}"),
            Self::TooLarge { what, found, limit } => format!("{what}：{found} 超过上限 {limit}"),
        }
    }

    /// Whether nothing contradicts: unknown or missing, never forged.
    pub fn is_incomplete(&self) -> bool {
        matches!(self, Self::Unknown { .. } | Self::Missing { .. })
    }
}

/// At most 80 characters, escaped, so that no hostile string reaches a terminal raw.
pub(crate) fn printable(s: &str) -> String {
    let mut out: String = s.chars().take(80).flat_map(char::escape_debug).collect();
    if s.chars().nth(80).is_some() {
        out.push('…');
    }
    out
}
