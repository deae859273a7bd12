//! What the page shows beside a verdict. Never a claim by itself: each value holds as far as the checks beside it hold.

use evidence::{hex, json::Value, time::Utc};
use serde_json::{Map, json};
use verify::{Facts, Seal, Verdict};

/// `{"reserved","record","claims","operator","ledger","t1","t2","witnesses","quorum","guides","explained"}`.
pub(crate) fn of(verdict: &Verdict) -> Value {
    let facts = &verdict.facts;
    let guides = facts.guides.iter().map(|(name, sha256)| json!([name, hex::encode(sha256)]));
    let witnesses = facts.witnesses.iter().map(|w| &w.name);
    json!({
        "reserved": verdict.has_reservations(),
        "record": record(facts),
        "claims": facts.claims,
        "operator": facts.operator,
        "ledger": facts.checkpoint.as_ref().map(|(origin, size, root)| json!({
            "origin": origin, "size": size, "root": hex::encode(root), "index": facts.index, "name": facts.platform,
        })),
        "t1": facts.t1.as_ref().map(seal),
        "t2": facts.t2.as_ref().map(seal),
        "witnesses": witnesses.collect::<Vec<_>>(),
        "unknown_lines": facts.unknown_lines,
        "quorum": facts.quorum,
        "guides": guides.collect::<Vec<_>>(),
        "explained": explained(verdict),
    })
}

fn record(facts: &Facts) -> Option<Value> {
    let statement = facts.statement.as_ref()?;
    let file = statement.file.as_ref().map(|file| {
        json!({
            "size": file.digests.size, "sha256": hex::encode(&file.digests.sha256), "sm3": hex::encode(&file.digests.sm3),
            "media_type": file.media_type, "custody": file.custody.as_str(),
        })
    });
    Some(json!({
        "id": statement.id, "kind": statement.kind.as_str(), "file": file,
        "relation": statement.operator_relation.map(|r| r.as_str()),
        "sha256": facts.record_sha256.map(|d| hex::encode(&d)),
    }))
}

fn seal(seal: &Seal) -> Value {
    let (at, accuracy) = (instant(seal.at), seal.accuracy);
    json!({"at": at, "accuracy_us": accuracy, "authority": seal.authority, "independent": seal.independent})
}

/// Milliseconds since the epoch, up to the next full second, so that "no later than" stays true.
fn instant(at: Utc) -> i64 {
    let second = evidence::time::SECOND;
    at.0.saturating_add(second - 1).div_euclid(second) * 1000
}

/// By check id: what it proves, what it does not, what to do.
fn explained(verdict: &Verdict) -> Map<String, Value> {
    let found = verdict.checks.iter().filter_map(|check| {
        let e = verify::explain(&check.id)?;
        let lines = json!({
            "zh": [e.proves_zh, e.not_zh, e.todo_zh], "en": [e.proves_en, e.not_en, e.todo_en],
        });
        Some((check.id.clone(), lines))
    });
    found.collect()
}
