//! What every package of a kind discloses, and what of it must fit together (spec/statement.md).

use super::{Kind, Statement};
use crate::{Error, Result, earlier, json::Value, time::SECOND};
use std::collections::BTreeMap;

/// Claims that every package of this kind discloses, none `null`; and what the first of `refs` is, where that is one.
fn always(kind: Kind) -> (&'static [&'static str], &'static str) {
    match kind {
        Kind::Origin => (&earlier::CLAIMS, "the earlier ledger"),
        Kind::Capture => (&["refs"], "the capture's order in refs"),
        Kind::Comparison => (&["refs"], "the capture in refs"),
        Kind::Rights => (&["refs"], "the first record in refs"),
        Kind::Attestation => (&["attested_at", "attested_how", "owner_kind", "owner_name"], "whose name, how and when"),
        Kind::Licence => (&["licence_from", "licensee_name", "refs"], "licensee, beginning, and the pictures in refs"),
        Kind::Revocation => (&["refs", "revoked_at"], "since when, and the licence in refs"),
        Kind::Confirmation => (&["confirmed_how", "refs"], "how, and the licence in refs"),
        _ => (&[], ""),
    }
}

impl Statement {
    /// Holds what [`Statement::open`] gave against the rules of the kind.
    pub fn check_told(&self, opened: &BTreeMap<String, Value>) -> Result<()> {
        let (names, what) = always(self.kind);
        let told = |name: &str| match opened.get(name) {
            Some(Value::Array(items)) => !items.is_empty(),
            value => value.is_some_and(|v| !v.is_null()),
        };
        if let Some(name) = names.iter().find(|name| !told(name)) {
            let found =
                if *name == "refs" { "refs not disclosed or empty".into() } else { format!("{name} not disclosed") };
            return Err(Error::malformed("disclosure", found, what));
        }
        // Dates and instants are compared by their days.
        let day = |name: &str| opened.get(name).and_then(Value::as_str).and_then(|v| v.get(..10));
        if let (Some(from), Some(until)) = (day("licence_from"), day("licence_until"))
            && until < from
        {
            return Err(Error::mismatch("licence_until", until, format!(">= {from} (licence_from)")));
        }
        if self.kind != Kind::Attestation {
            return Ok(());
        }
        // A day ahead, since dates are local.
        let latest = self.received_at.plus(24 * 3600 * SECOND).to_micros();
        if let Some(at) = day("attested_at").filter(|at| *at > &latest[..10]) {
            return Err(Error::mismatch("attested_at", at, format!("<= {} (received_at and a day)", &latest[..10])));
        }
        if opened.get("attested_how").and_then(Value::as_str) == Some("provider") && !told("attested_by") {
            return Err(Error::malformed("disclosure", "attested_by not disclosed", "the provider's name"));
        }
        Ok(())
    }
}
