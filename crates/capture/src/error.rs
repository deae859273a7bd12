//! What can stop a capture before there is anything to record. What goes wrong on the page itself is
//! no error but an [`crate::Outcome`].

/// Why no recording was made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel, a container or a policy does not let this user make the namespaces.
    #[error("isolation: {step}: {found}. {advice}")]
    Isolation {
        /// What was tried, for example `unshare`.
        step: String,
        /// What the system answered.
        found: String,
        /// What to enable.
        advice: &'static str,
    },
    /// Chromium is not where it was looked for.
    #[error("Chromium is not at {0}: install Debian's package `chromium`, or name another path")]
    NoChromium(String),
    /// The order's URL is not one that may be opened.
    #[error("{url}: {reason}")]
    Url {
        /// As it was given.
        url: String,
        /// Why it is refused.
        reason: String,
    },
    /// The browser ended, or broke its protocol.
    #[error("the browser: {0}")]
    Browser(String),
    /// A file or a descriptor of our own.
    #[error("{what}: {source}")]
    Io {
        /// What was done.
        what: &'static str,
        /// What the system answered.
        source: std::io::Error,
    },
}

/// This room's result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// For `map_err`.
    pub(crate) fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}
