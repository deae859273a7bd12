//! Where times come from: the seam to time authorities, and the authority that is built in.
//!
//! The embedded authority is the operator's own: it orders events, it does not make them independent.
//! Whatever stamps, the bytes are checked by [`evidence::token`] before anyone keeps them.

mod authority;
mod certificates;
pub mod cms;
mod document;
mod ecdsa;
mod issue;
mod pkcs12;
mod remote;
mod revocation;

pub use authority::{Authority, Clock, Material};
pub use certificates::certificate_ends;
pub use document::DocumentSigner;
pub use pkcs12::{is_pkcs12, pkcs12_to_pem};
pub use remote::{Health, Remote, RemoteAuthority};
pub use revocation::{List, MAX_LIST, lists_about};

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
    /// A certificate that an outside authority signs with, or one above it, was revoked.
    #[error(
        "the certificate \"{certificate}\" (serial {serial}) was revoked on {at} ({reason}), says {url}; take the \
         authority's new address and root with quezao admin tsa add, or remove it with quezao admin tsa remove"
    )]
    Revoked {
        /// Common name of its subject.
        certificate: String,
        /// Hex.
        serial: String,
        /// As `received_at`.
        at: String,
        /// RFC 5280, 5.3.1.
        reason: String,
        /// Of the list.
        url: String,
    },
    /// A PKCS#12 file that is encrypted as it no longer should be.
    #[error("PKCS#12 file: its encryption ({found}) is not PBES2 with a MAC over SHA-2")]
    OldEncryption {
        /// Dotted.
        found: String,
    },
    /// A PKCS#12 file without all certificates up to the root.
    #[error("PKCS#12 file: it lacks the certificate of {issuer}")]
    NoIssuer {
        /// RFC 4514 text.
        issuer: String,
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
