//! The browser's verifier: `verify` behind a door of numbers and bytes, and the page in `page/`.
//!
//! - [`request::Request`] is what the page hands in: one block of bytes, with a header that says what lies where. The clock
//!   stands in it; nothing here has one.
//! - [`answer`] gives the verdict's one line of JSON, byte for byte as `quezao verify --json` prints it, and beside it what
//!   the page shows ([`shown`]).
//! - Built for WebAssembly, `door` exports this without a bindings generator. Files that may be large are never handed in:
//!   they are read in pieces through [`Reader`].
//! - `scripts/verifier.py` puts module, page and texts into one file (`make verifier`).

#[cfg(target_family = "wasm")]
mod door;
mod reader;
pub mod request;
mod shown;

pub use reader::{ReadAt, Reader};

use archive::wacz::Source;
use evidence::{hex, time::Utc};
use request::{Invalid, Request};
use serde_json::json;
use verify::{Artefact, Trust};

/// What the page gets back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The verdict's line of JSON; empty where there is no verdict.
    pub verdict: String,
    /// JSON: what is shown beside it, or `{"trust_error"}`, `{"invalid"}` where there is none.
    pub shown: String,
}

/// Verifies what a request holds. `open` gives the file of that place among the originals, should it be the record's own.
pub fn answer<S: Source>(request: &[u8], open: impl FnOnce(usize, u64) -> S) -> Answer {
    let failed = |shown: serde_json::Value| Answer { verdict: String::new(), shown: shown.to_string() };
    let request = match Request::parse(request) {
        Ok(request) => request,
        Err(Invalid(what)) => return failed(json!({ "invalid": what })),
    };
    let trust = match Trust::from_files(request.trust.iter().map(|(name, bytes)| (name.clone(), bytes.to_vec()))) {
        Ok(trust) => trust,
        Err(e) => {
            let (zh, en) = (e.reason.zh(), e.reason.to_string());
            return failed(json!({"trust_error": {"file": e.file, "zh": zh, "en": en}}));
        }
    };
    let own = verify::own_file(&request.heads.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let mut beside = own.map(|place| open(place, request.originals[place].digests.size));
    let beside = beside.as_mut().map(|source| source as &mut dyn Source);
    let artefact = match &request.artefact {
        request::Artefact::File(bytes) => Artefact::File(bytes),
        request::Artefact::Folder(entries) => Artefact::Folder(entries),
    };
    let verdict = verify::check_given(artefact, &trust, &request.originals, beside, Utc(request.now));
    Answer { verdict: verdict.to_json(), shown: shown::of(&verdict).to_string() }
}

/// Digests as the page hands them back in a request: `{"sha256","sm3","size"}`.
pub fn digests_json(digests: &evidence::digest::FileDigests) -> String {
    let (sha256, sm3) = (hex::encode(&digests.sha256), hex::encode(&digests.sm3));
    json!({"sha256": sha256, "sm3": sm3, "size": digests.size}).to_string()
}

/// Whether this is a certificate of this house by its form: evidence is attached to it, under known names.
pub fn is_certificate(pdf: &[u8]) -> bool {
    archive::pdf::read(pdf).is_ok_and(|read| read.attachments.iter().any(|(name, _)| name == "record.json"))
}
