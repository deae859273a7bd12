//! Deposits by digests over loopback HTTP, as fast as they are acknowledged: `load ADDRESS TOKEN CONNECTIONS SECONDS`.
//!
//! Every request tells digests that nobody told before, on a connection that stays open, and is counted when its answer is
//! 201. Prints one line of JSON: how many, in how long, and the latency's median and 99th percentile. Only the standard
//! library, so that the generator takes little of the machine that it measures.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod wire;

use std::{
    env,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let [address, token, connections, seconds] = args.as_slice() else {
        panic!("load ADDRESS TOKEN CONNECTIONS SECONDS");
    };
    let (connections, seconds): (usize, u64) = (connections.parse().unwrap(), seconds.parse().unwrap());
    let (run, next, begun) = (wire::run(), AtomicU64::new(0), Instant::now());
    let until = begun + Duration::from_secs(seconds);
    let mut took: Vec<Duration> = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..connections).map(|_| scope.spawn(|| deposits(address, token, run, &next, until))).collect();
        threads.into_iter().flat_map(|t| t.join().unwrap()).collect()
    });
    let whole = begun.elapsed().as_secs_f64();
    took.sort();
    let at = |share: usize| took.get(took.len() * share / 100).map_or(0.0, |d| d.as_secs_f64() * 1000.0);
    println!(
        "{{\"deposits\":{},\"seconds\":{whole:.2},\"per_second\":{:.0},\"median_ms\":{:.1},\"p99_ms\":{:.1}}}",
        took.len(),
        took.len() as f64 / whole,
        at(50),
        at(99)
    );
}

/// One connection's deposits: how long each took.
fn deposits(address: &str, token: &str, run: u128, next: &AtomicU64, until: Instant) -> Vec<Duration> {
    let (mut wire, mut took) = (wire::Wire::new(address, token), Vec::new());
    while Instant::now() < until {
        let n = next.fetch_add(1, Ordering::Relaxed);
        let sent = Instant::now();
        wire.deposit(run, n);
        took.push(sent.elapsed());
    }
    took
}
