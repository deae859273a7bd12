//! What everybody may have: the ledger's own files, and time-stamps of the embedded authority.

use super::{Answer, Refusal, Why};
use crate::{Error, Folder, clock, folder::ledger_error};
use evidence::digest::FileDigests;
use ledger::tiles;
use sha2::Digest;
use std::{fs, path::Path};
use verify::{Artefact, Original, Verdict};

/// Longest RFC 3161 request that is read, in bytes.
pub const MAX_STAMP_REQUEST: usize = 16 << 10;

impl Folder {
    /// A file of the static tlog-tiles tree (C2SP tlog-tiles), by its path there: `checkpoint`, `tile/0/000` ….
    pub fn ledger_file(&self, path: &str) -> Answer<Vec<u8>> {
        let none = || Refusal::new(Why::NotFound, "账本没有这个文件", "the ledger has no such file");
        if !is_ledger_path(path) {
            return Err(none());
        }
        let file = self.dir.join("ledger").join(path);
        match fs::read(&file) {
            Ok(bytes) => Ok(bytes),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                // A partial tile of an earlier checkpoint begins the wider one that took its place (tlog-tiles).
                let place = tiles::place(path).filter(|(_, _, width)| *width < tiles::WIDTH);
                let tree = tiles::Tree::new(&self.dir.join("ledger"));
                place.and_then(|(kind, n, width)| tree.read(kind, n, width).ok()).ok_or_else(none)
            }
            Err(e) => Err(Error::io(&file, &e).into()),
        }
    }

    /// The newest sealed checkpoint with its cosignatures, so that a witness which lost its state finds its own. Lines
    /// were verified before they were sealed; a note without any is not shown.
    pub fn cosigned_checkpoint(&self) -> Answer<Vec<u8>> {
        let none = || Refusal::new(Why::NotFound, "还没有带见证签名的检查点", "no checkpoint is cosigned yet");
        let sealed = self.reader.last_sealed().map_err(|e| ledger_error(&e))?.ok_or_else(none)?;
        let note = evidence::note::Note::parse(&sealed.note).map_err(Error::from)?;
        if note.signatures.len() > 1 { Ok(sealed.note) } else { Err(none()) }
    }

    /// The embedded authority's answer (RFC 3161, 2.4.2) to a request; a refusal is an answer too.
    pub fn stamp_request(&self, request: &[u8]) -> Answer<Vec<u8>> {
        self.writer()?.authority.respond(request).map_err(|e| {
            let (zh, en) = (format!("时间戳请求无法处理（{e}）"), format!("the request cannot be answered ({e})"));
            Refusal::field("request", zh, en)
        })
    }
}

/// Takes the digests of an original as it comes by; the bytes are not kept.
#[derive(Default)]
pub struct Digester {
    sha256: sha2::Sha256,
    sm3: sm3::Sm3,
    size: u64,
}

impl Digester {
    /// The next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.sm3.update(bytes);
        self.size += bytes.len() as u64;
    }

    /// Under this name, for display.
    pub fn finish(self, name: &str) -> Original {
        let (sha256, sm3) = (self.sha256.finalize().into(), self.sm3.finalize().into());
        Original { name: crate::show_path(Path::new(name)), digests: FileDigests { sha256, sm3, size: self.size } }
    }
}

impl Folder {
    /// Verifies a certificate (PDF) or package (ZIP) of anybody's under this folder's own trust. Nothing is kept.
    pub fn verify_given(&self, evidence: &[u8], originals: &[Original]) -> Answer<Verdict> {
        self.verify_beside(evidence, originals, None)
    }

    /// The same, with the record's own file ([`own_file`]) beside it where it was given; its digests stand in `originals`
    /// too.
    pub fn verify_beside(&self, evidence: &[u8], originals: &[Original], own: Option<&[u8]>) -> Answer<Verdict> {
        if !evidence.starts_with(b"%PDF-") && !evidence.starts_with(b"PK\x03\x04") {
            return Err(Refusal::field(
                "evidence",
                "这不是证书（PDF）或证据包（ZIP）",
                "this is neither a certificate (PDF) nor a package (ZIP)",
            ));
        }
        let mut own = own.map(archive::wacz::in_memory);
        let own = own.as_mut().map(|own| own as &mut dyn archive::wacz::Source);
        Ok(verify::check_given(Artefact::File(evidence), &self.own_trust()?, originals, own, clock::now()))
    }
}

/// `checkpoint`, or `tile/L/N` and `tile/entries/N`, with `.p/W` behind a partial one; N as `x001/x234/067`.
fn is_ledger_path(path: &str) -> bool {
    let Some(rest) = path.strip_prefix("tile/") else { return path == "checkpoint" };
    let Some((level, number)) = rest.split_once('/') else { return false };
    let digits = |s: &str, most: usize| (1..=most).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit());
    let (number, width) = number.split_once(".p/").map_or((number, "1"), |(n, w)| (n, w));
    let mut parts = number.split('/').rev();
    let last = parts.next().is_some_and(|p| p.len() == 3 && digits(p, 3));
    let others = parts.all(|p| p.len() == 4 && p.strip_prefix('x').is_some_and(|p| digits(p, 3)));
    (level == "entries" || digits(level, 2)) && last && others && number.len() < 64 && digits(width, 3)
}

#[cfg(test)]
mod tests {
    use super::is_ledger_path;

    #[test]
    fn only_files_of_the_tree_are_the_ledgers() {
        for good in ["checkpoint", "tile/0/000", "tile/entries/x001/x234/067", "tile/1/000.p/7"] {
            assert!(is_ledger_path(good), "{good}");
        }
        for bad in [
            "",
            "../keys/ledger.pem",
            "tile/0/../../checkpoint",
            "tile/0/x00/000",
            "tile/0/000.p/",
            "tile//000",
            "tile/0/0000",
            "entries",
        ] {
            assert!(!is_ledger_path(bad), "{bad}");
        }
    }
}
