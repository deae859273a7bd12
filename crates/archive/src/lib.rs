//! Containers: the package ZIP and the text that travels in it.
//!
//! - [`package`]: the one canonical ZIP, its names and their order, `package.json`.
//! - [`folder`]: the same entries, extracted.
//! - [`items`]: the evidence of each record that a collection names.
//! - [`pdf`]: the certificate file, which attaches the same entries.
//! - [`wacz`]: what a capture keeps.
//! - [`verify_txt`]: `VERIFY.txt`, how to check a package with tools that this project did not write.

pub mod bundle;
pub mod folder;
mod guide;
pub mod items;
mod names;
pub mod package;
pub mod pdf;
pub mod wacz;
mod zip;

pub use guide::{VerifyTxt, verify_txt};
pub use names::{MAX_ENTRIES, MAX_RELATED, RELATED_ENTRIES, is_attached, is_known, named_part, related_part};

/// The independent reader that every package carries; its digest is published with each release.
pub const VERIFY_PY: &[u8] = include_bytes!("../assets/verify.py");
