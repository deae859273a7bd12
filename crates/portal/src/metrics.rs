//! Figures for a monitor, in Prometheus' text format (0.0.4), on a listener of their own: who sees the portal need not
//! see them.
//!
//! Labels come from tables of ours (routes, methods, states), never from what somebody sent, so there are only so many.

use crate::app::App;
use axum::{Router, extract::State, http::header, response::IntoResponse, routing};
use service::Gauges;
use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Upper bounds of the histogram, in microseconds.
const BOUNDS: [u64; 11] =
    [5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000];
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// What was counted since the start.
#[derive(Default)]
pub(crate) struct Metrics {
    /// By method, route and status.
    requests: Mutex<BTreeMap<(&'static str, String, u16), u64>>,
    /// Not cumulative; the last is for what lies beyond all bounds.
    seconds: [AtomicU64; BOUNDS.len() + 1],
    micros: AtomicU64,
}

impl Metrics {
    /// A request whose answer began after `took`. `route` is a line of the table.
    pub(crate) fn note(&self, method: &str, route: &str, status: u16, took: Duration) {
        let method = METHODS.into_iter().find(|m| *m == method).unwrap_or("other");
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().position(|bound| micros <= *bound).unwrap_or(BOUNDS.len());
        self.seconds[bucket].fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((method, route.to_owned(), status)).or_insert(0) += 1;
    }

    fn text(&self, connections: usize, gauges: Option<&Gauges>) -> String {
        let mut out = String::new();
        let head = |name: &str, kind: &str, help: &str| format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
        out += &head("quezao_requests_total", "counter", "Requests by method, route and status.");
        for ((method, route, status), n) in self.requests.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let _ =
                writeln!(out, "quezao_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}} {n}");
        }
        out += &head("quezao_request_seconds", "histogram", "Time until an answer began.");
        let mut sum = 0;
        for (bucket, bound) in self.seconds.iter().zip(BOUNDS.iter().map(Some).chain([None])) {
            sum += bucket.load(Ordering::Relaxed);
            let le = bound.map_or_else(|| "+Inf".to_owned(), |b| seconds(*b));
            let _ = writeln!(out, "quezao_request_seconds_bucket{{le=\"{le}\"}} {sum}");
        }
        let total = seconds(self.micros.load(Ordering::Relaxed));
        let _ = writeln!(out, "quezao_request_seconds_sum {total}\nquezao_request_seconds_count {sum}");
        let mut gauge = |name: &str, help: &str, values: &[(String, String)]| {
            out += &head(name, "gauge", help);
            values.iter().for_each(|(labels, value)| {
                let _ = writeln!(out, "{name}{labels} {value}");
            });
        };
        let one = |value: u64| vec![(String::new(), value.to_string())];
        gauge("quezao_connections", "Open connections.", &one(connections as u64));
        let Some(g) = gauges else { return out };
        let captures: Vec<_> = g.captures.iter().map(|(s, n)| (format!("{{state=\"{s}\"}}"), n.to_string())).collect();
        let state =
            |(name, state): &(String, &'static str)| (format!("{{name=\"{name}\",state=\"{state}\"}}"), "1".to_owned());
        gauge("quezao_records", "Records of every kind: deposits, captures and what belongs to them.", &one(g.records));
        gauge("quezao_captures", "Pages that were asked for, by state; waiting is the queue.", &captures);
        gauge("quezao_pending", "Statements without a token, and records outside the ledger.", &one(g.pending));
        gauge("quezao_ledger_size", "Leaves of the ledger.", &one(g.ledger_size));
        gauge("quezao_ledger_sealed", "Leaves under a sealed checkpoint.", &one(g.sealed_size));
        gauge("quezao_ledger_final", "Leaves under a seal that meets the witness policy's quorum.", &one(g.final_size));
        // Names are the operator's own words.
        let label = |name: &str| name.replace('\\', "\\\\").replace('"', "\\\"");
        let named = |name: &str| format!("{{name=\"{}\"}}", label(name));
        let witnesses = g.witnesses.iter();
        let fares: Vec<_> = witnesses
            .clone()
            .map(|(name, state, ..)| (format!("{{name=\"{}\",state=\"{state}\"}}", label(name)), "1".to_owned()))
            .collect();
        let lags: Vec<_> = witnesses.clone().map(|(name, _, lag, _)| (named(name), lag.to_string())).collect();
        let last: Vec<_> = witnesses.map(|(name, .., at)| (named(name), at.to_string())).collect();
        gauge("quezao_witness", "Witnesses of the policy and how each fares.", &fares);
        gauge("quezao_witness_lag", "Published leaves that a witness has not cosigned.", &lags);
        gauge("quezao_witness_cosigned_seconds", "When a witness last cosigned, in Unix time; 0 for never.", &last);
        gauge("quezao_sealing_lag_seconds", "Age of the oldest leaf that is not sealed.", &one(g.sealing_lag));
        let authorities: Vec<_> = g.authorities.iter().map(state).collect();
        gauge("quezao_authority", "Outside time authorities and how each fares.", &authorities);
        gauge("quezao_store_bytes", "The database and its log.", &one(g.store_bytes));
        gauge("quezao_originals_bytes", "Kept originals, as last counted.", &one(g.original_bytes));
        gauge("quezao_free_bytes", "Free space where the folder lies.", &one(g.free_bytes));
        out
    }
}

fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// The listener's only page.
pub(crate) fn router(app: App) -> Router {
    Router::new().route("/metrics", routing::get(page)).with_state(app)
}

async fn page(State(app): State<App>) -> impl IntoResponse {
    let gauges = app.ask(|folder| Ok(folder.gauges()?)).await.ok();
    let text = app.metrics().text(app.places().count(), gauges.as_ref());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_ours_and_buckets_add_up() {
        let metrics = Metrics::default();
        metrics.note("GET", "/library", 200, Duration::from_millis(7));
        metrics.note("GET", "/library", 200, Duration::from_secs(11));
        metrics.note("BREW", "none", 405, Duration::ZERO);
        let text = metrics.text(3, None);
        for line in [
            "quezao_requests_total{method=\"GET\",route=\"/library\",status=\"200\"} 2",
            "quezao_requests_total{method=\"other\",route=\"none\",status=\"405\"} 1",
            "quezao_request_seconds_bucket{le=\"0.005000\"} 1",
            "quezao_request_seconds_bucket{le=\"0.010000\"} 2",
            "quezao_request_seconds_bucket{le=\"+Inf\"} 3",
            "quezao_request_seconds_sum 11.007000",
            "quezao_request_seconds_count 3",
            "quezao_connections 3",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
    }
}
