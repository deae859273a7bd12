//! The way to the page: the documents that were asked for and the addresses that the page set by itself.

use serde_json::{Value, json};

use crate::recording::{By, Exchange};

/// As `hops` of the result. `exchanges` are all that there were, in their order; `within` are addresses that were set
/// without a request, each after so many requests; `shown` is where it ended.
pub(crate) fn hops(exchanges: &[Exchange], within: &[(u64, String)], shown: &str) -> Vec<Value> {
    let documents = (1u64..).zip(exchanges).filter(|(_, e)| e.main && !e.printing);
    let documents = documents.map(|(n, e)| (n, hop(&e.url, e.response.as_ref().map(|r| r.status), e.by)));
    let within = within.iter().map(|(n, url)| (*n, hop(url, None, By::Script)));
    let mut hops: Vec<(u64, Value)> = documents.chain(within).collect();
    hops.sort_by_key(|(n, _)| *n);
    let mut hops: Vec<Value> = hops.into_iter().map(|(_, hop)| hop).collect();
    let web = shown.starts_with("http://") || shown.starts_with("https://");
    if web && !hops.iter().any(|hop| hop["url"] == shown) {
        hops.push(hop(shown, None, By::Read));
    }
    hops
}

fn hop(url: &str, status: Option<u16>, by: By) -> Value {
    json!({ "url": url, "status": status, "by": by })
}
