//! From sending a deposit to its final proof, at a steady rate over loopback HTTP: `quorum ADDRESS TOKEN SEALED RATE SECONDS`.
//!
//! Deposits by digests are due at fixed times, whatever became of those before them, and are counted from then, so that a
//! server that falls behind is seen to. A record is final when `SEALED`, the data folder's `sealed/`, has a seal over more
//! leaves than its index that met its quorum; the folder is looked at every two milliseconds. Prints one line of JSON.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod wire;

use std::{
    collections::BTreeSet,
    env,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Deposits on their way at once, at most.
const CONNECTIONS: usize = 64;
/// How long the last ones are waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A deposit: when it was due, how long until it was acknowledged, and its place.
struct Told {
    due: Instant,
    acknowledged: Duration,
    index: u64,
}

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let [address, token, sealed, rate, seconds] = args.as_slice() else {
        panic!("quorum ADDRESS TOKEN SEALED RATE SECONDS");
    };
    let (rate, seconds): (u64, u64) = (rate.parse().unwrap(), seconds.parse().unwrap());
    let (count, next, done) = (rate * seconds, AtomicU64::new(0), AtomicBool::new(false));
    let run = wire::run();
    let begun = Instant::now() + Duration::from_millis(200);
    let due = |n: u64| begun + Duration::from_secs_f64(n as f64 / rate as f64);
    let (told, seals) = thread::scope(|scope| {
        let watch = scope.spawn(|| seals(Path::new(sealed), &done));
        let senders: Vec<_> =
            (0..CONNECTIONS).map(|_| scope.spawn(|| deposits(address, token, run, &next, count, &due))).collect();
        let told: Vec<Told> = senders.into_iter().flat_map(|t| t.join().unwrap()).collect();
        let last = told.iter().map(|t| t.index).max().unwrap();
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until && newest(Path::new(sealed)) <= last {
            thread::sleep(Duration::from_millis(20));
        }
        done.store(true, Ordering::Relaxed);
        (told, watch.join().unwrap())
    });
    let sent = told.iter().map(|t| t.due + t.acknowledged).max().unwrap() - begun;
    // The first seal over more leaves than the index, in the order in which they came.
    let when =
        |t: &Told| seals.iter().find(|(size, _)| *size > t.index).map(|(_, at)| at.saturating_duration_since(t.due));
    let mut finals: Vec<Duration> = told.iter().filter_map(when).collect();
    let waiting = told.len() - finals.len();
    let mut acknowledged: Vec<Duration> = told.iter().map(|t| t.acknowledged).collect();
    finals.sort();
    acknowledged.sort();
    let at = |all: &[Duration], share: usize| {
        all.get((all.len() * share / 100).min(all.len().saturating_sub(1))).map_or(0.0, |d| d.as_secs_f64() * 1000.0)
    };
    println!(
        "{{\"records\":{},\"per_second\":{:.0},\"acknowledged_ms\":[{:.0},{:.0}],\"final_ms\":[{:.0},{:.0},{:.0}],\"seals\":{},\"waiting\":{waiting}}}",
        told.len(),
        told.len() as f64 / sent.as_secs_f64(),
        at(&acknowledged, 50),
        at(&acknowledged, 99),
        at(&finals, 50),
        at(&finals, 99),
        at(&finals, 100),
        seals.len(),
    );
}

/// One connection's deposits.
fn deposits(
    address: &str,
    token: &str,
    run: u128,
    next: &AtomicU64,
    count: u64,
    due: &(impl Fn(u64) -> Instant + Sync),
) -> Vec<Told> {
    let (mut wire, mut told) = (wire::Wire::new(address, token), Vec::new());
    loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        if n >= count {
            return told;
        }
        let due = due(n);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let answer = String::from_utf8_lossy(wire.deposit(run, n));
        let index = answer.split("\"index\":").nth(1).and_then(|rest| rest.split([',', '}']).next()?.parse().ok());
        let index = index.unwrap_or_else(|| panic!("without a place: {answer}"));
        told.push(Told { due, acknowledged: due.elapsed(), index });
    }
}

/// Leaves under the newest final seal.
fn newest(folder: &Path) -> u64 {
    finals(folder).last().copied().unwrap_or(0)
}

/// Sizes of the final seals.
fn finals(folder: &Path) -> BTreeSet<u64> {
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names: BTreeSet<String> = names.filter_map(|e| e.file_name().into_string().ok()).collect();
    let stems = names.iter().filter_map(|name| name.strip_suffix(".txt"));
    // Without its quorum a seal has a mark beside it, which was there before it.
    let met = stems.filter(|stem| !names.contains(&format!("{stem}.open")));
    met.filter_map(|stem| stem.split('-').next()?.parse().ok()).collect()
}

/// When each final seal was first seen.
fn seals(folder: &Path, done: &AtomicBool) -> Vec<(u64, Instant)> {
    let (mut known, mut seen) = (finals(folder), Vec::new());
    loop {
        // Looked at once more after the end.
        let last = done.load(Ordering::Relaxed);
        let (now, at) = (finals(folder), Instant::now());
        seen.extend(now.difference(&known).map(|size| (*size, at)));
        if last {
            return seen;
        }
        known = now;
        thread::sleep(Duration::from_millis(2));
    }
}
