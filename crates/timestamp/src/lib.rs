//! Where times come from: the seam to time authorities, and the authority that is built in.
//!
//! The embedded authority is the operator's own: it orders events, it does not make them independent.
//! Whatever stamps, the bytes are checked by [`evidence::token`] before anyone keeps them.

mod authority;
mod certificates;
pub mod cms;
mod document;
mod issue;
mod remote;

pub use authority::{Authority, Clock, Material};
pub use document::DocumentSigner;
pub use remote::{Health, Remote, RemoteAuthority};

use evidence::time::Utc;

/// A time authority.
pub trait Stamper: Send + Sync {
    /// The bytes of a `.tsr` over `data`, already checked against it.
    fn stamp(&self, data: &[u8]) -> Result<Vec<u8>>;
    /// For people.
    fn name(&self) -> String;
    /// Whether it may be asked at `now`: some authorities ask for a pause between two requests.
    fn due(&self, now: Utc) -> bool;
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was made or answered does not pass the checks of a token.
    #[error(transparent)]
    Evidence(#[from] evidence::Error),
    /// A structure that does not encode or decode.
    #[error("{what}: {reason}")]
    Structure {
        /// The thing looked at.
        what: &'static str,
        /// Why not.
        reason: String,
    },
    /// The key and the certificate beside it are not a pair.
    #[error("the signing key does not belong to the certificate of {certificate}; restore both from one backup")]
    KeyMismatch {
        /// Subject of the certificate.
        certificate: String,
    },
    /// An outside authority that gave no answer.
    #[error("{name} ({url}) gave no token: {reason}")]
    Unreachable {
        /// The authority's name in the configuration.
        name: String,
        /// Where it was asked, without user and password.
        url: String,
        /// Why.
        reason: String,
    },
    /// An outside authority is not asked for a while, because it failed.
    #[error("{name} is not asked again for {seconds} s: it failed {failures} times, the last time because: {reason}")]
    Resting {
        /// The authority's name in the configuration.
        name: String,
        /// Until then.
        seconds: u64,
        /// In a row.
        failures: u32,
        /// The last reason.
        reason: String,
    },
    /// The system gives no random bytes.
    #[error("the system's random number source failed: {0}")]
    Random(getrandom::Error),
}

/// Shorthand used throughout the crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn structure(what: &'static str, reason: impl ToString) -> Self {
        Self::Structure { what, reason: reason.to_string() }
    }
}

/// `N` bytes from the system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(Error::Random)?;
    Ok(bytes)
}

/// Random bytes as a positive INTEGER without a leading zero: a nonce, or, of 16, a number unique without a counter.
pub(crate) fn positive<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = random::<N>()?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(bytes)
}
