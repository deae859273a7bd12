//! The form of the whole: names, listing, what parses, and the trust that travels along.

use super::{Container, Walk};
use crate::{Check, Outcome, Trust};
use evidence::{
    Error, Result, digest, hex,
    json::{self, Value},
    proof::TlogProof,
    record::{self, MAX_BYTES, Record},
    statement::Kind,
};

impl Walk<'_> {
    pub(super) fn form(&mut self, container: Container, record: Option<&Record>) -> Check {
        let listing = match archive::folder::check(self.entries) {
            Ok(listing) => listing,
            Err(e) => return Check::error("form", &e),
        };
        if let Err(e) = self.inner_form() {
            return Check::error("form", &e);
        }
        for name in ["VERIFY.txt", "verify.py"] {
            if let Ok(bytes) = self.entry(name) {
                let digest = digest::sha256(bytes);
                self.facts.guides.push((name.to_owned(), digest));
            }
        }
        let is = |kind: Kind| self.facts.statement.as_ref().is_some_and(|s| s.kind == kind);
        let (compared, collected, licence) = (is(Kind::Comparison), is(Kind::Collection), is(Kind::Licence));
        let unchecked = |name: &&String| {
            ["anchor-", "attestation-"].iter().any(|p| name.starts_with(p))
                || name.starts_with("related-")
                    && archive::related_part(name).is_none()
                    && !(licence && archive::named_part(name).is_some())
                || matches!(name.as_str(), "items.zip" | "manifest.jsonl") && !collected
                || *name == "comparison.json" && !compared
        };
        self.facts.unchecked_entries = self.entries.keys().filter(unchecked).cloned().collect();
        let tokens = self.entries.keys().filter(|n| n.starts_with("timestamp-")).count();
        if let Some(record) = record.filter(|r| r.timestamps.len() != tokens) {
            let e = Error::mismatch("timestamp-N.tsr", tokens, record.timestamps.len());
            return Check::error("form", &e);
        }
        let kind = self.facts.statement.as_ref().map(|s| s.kind);
        if self.entries.contains_key("capture.wacz") && kind.is_some_and(|k| k != Kind::Capture) {
            let found = kind.map_or("", Kind::as_str);
            return Check::error("form", &Error::mismatch("kind of a record with capture.wacz", found, "capture"));
        }
        match (container, listing) {
            (Container::Package, archive::folder::Listing::Absent) => {
                Check::error("form", &Error::malformed("package", "package.json is absent", "package.json present"))
            }
            (Container::Folder, archive::folder::Listing::Absent) => Check::new(
                "form",
                Outcome::Limited,
                "各项内容齐全、格式正确；没有 package.json，因此看不出是否有可选内容被取走。",
                "All entries have their form; without package.json it cannot be told whether an optional one was removed.",
            ),
            (Container::Certificate, _) => Check::new(
                "form",
                Outcome::Pass,
                "证书文件的格式正确，所附的各项内容齐全、格式正确。",
                "The certificate file has its form, and what it attaches is complete and has its form.",
            ),
            _ => Check::new(
                "form",
                Outcome::Pass,
                "证据包的格式正确，各项内容与清单一致。",
                "The package has the one form it may have, and its entries are those it lists.",
            ),
        }
    }

    /// The checkpoint stands twice with the same bytes; the trust that travels along can be read, though it never counts.
    fn inner_form(&self) -> Result<()> {
        json::parse("statement.json", self.entry("statement.json")?, MAX_BYTES)?;
        self.record_form()?;
        let proof = TlogProof::parse(self.entry("proof.tlog-proof")?)?;
        let (found, inside) = (self.entry("checkpoint.txt")?, &proof.checkpoint);
        if found != inside {
            let text = |b: &[u8]| hex::encode(&digest::sha256(b));
            return Err(Error::mismatch("checkpoint.txt and the note in the proof", text(found), text(inside)));
        }
        let carried = [("policy", "trust-policy"), ("roles.json", "trust-roles.json")];
        let carried =
            carried.map(|(file, entry)| (file.to_owned(), self.entries.get(entry).cloned().unwrap_or_default()));
        match Trust::from_files(carried) {
            Ok(_) => Ok(()),
            Err(e) => {
                Err(Error::malformed("trust that travels along", e.to_string(), "a policy and roles that can be read"))
            }
        }
    }

    /// The record's own members; what its statement says is `statement`'s to judge.
    fn record_form(&self) -> Result<()> {
        let mut value = json::parse("record", self.entry("record.json")?, MAX_BYTES)?;
        match value.get("schema").and_then(Value::as_str) {
            Some(record::SCHEMA) => json::closed("record", &value, &["schema", "statement", "timestamps"])?,
            other => return Err(Error::Unknown { what: "record schema", found: other.unwrap_or_default().to_owned() }),
        };
        if let Some(statement) = &self.facts.statement {
            value["statement"] = json::parse("statement.json", &statement.to_bytes()?, MAX_BYTES)?;
            Record::parse(&json::to_bytes("record", &value)?)?;
        }
        Ok(())
    }
}
