//! From evidence to a verdict.
//!
//! - [`check`], [`check_package`] and [`check_certificate`] take the entries of a package, the reader's [`Trust`], the digests
//!   of the originals and the reader's clock; nothing else is known to them.
//! - What an artefact carries never makes it verified: keys, roots, roles and quorum are the reader's.
//! - A contradiction fails; what is missing or unknown is not checked; a required check that was not
//!   made is never a pass.
//! - Sentences, Chinese and English, stand beside the checks. [`explain`] says what each proves.

mod check;
mod explain;
mod facts;
mod given;
mod times;
mod trust;
mod verdict;
mod words;

pub use check::{
    Container, attested, check, check_beside, check_certificate, check_certificate_beside, check_package,
    check_package_beside, licence_words, reported,
};
pub use explain::{Explanation, explain};
pub use facts::{Collected, Collection, Facts, Named, Related, Reported, Seal, Witness};
pub use given::{
    Artefact, MAX_ARTEFACT, MAX_FILES, MAX_TRUST, check_given, is_certificate, is_entry, is_trust, own_file,
};
pub use trust::{Role, RoleLine, Trust, TrustError};
pub use verdict::{Check, Distances, Original, Outcome, Overall, Page, Sentence, Verdict};
