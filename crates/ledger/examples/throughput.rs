//! How fast: 1 KiB leaves in batches, beside a bare program that appends the same bytes, syncs at the same
//! cadence and hashes the leaves; then a lone entry's time to its seal under load. Prints one line each.
#![allow(clippy::unwrap_used)]

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use evidence::{merkle, note::Signer};
use ledger::{Config, Head, HeadRow, Ledger, Result, Stamper};

const BATCHES: usize = 100;
const BATCH: usize = 1000;
const LEAF: usize = 1024;
/// Runs of either.
const TURNS: usize = 3;
/// Lone entries that are timed.
const LONE: usize = 200;

struct Memory(Mutex<Option<Head>>);

impl HeadRow for Memory {
    fn load(&self) -> Result<Option<Head>> {
        Ok(self.0.lock().unwrap().clone())
    }
    fn swap(&self, _: Option<&Head>, new: &Head) -> Result<()> {
        *self.0.lock().unwrap() = Some(new.clone());
        Ok(())
    }
}

struct Immediate;

impl Stamper for Immediate {
    fn stamp(&self, note: &[u8]) -> std::result::Result<Vec<u8>, String> {
        Ok(note.to_vec())
    }
    fn name(&self) -> &str {
        "immediate"
    }
}

fn open(dir: &Path) -> Ledger {
    let seed = [1; 32];
    let key = Signer::from_seed("any", &seed).unwrap().verifier_key();
    let origin = evidence::checkpoint::origin("bench.local", key.public_key().try_into().unwrap()).unwrap();
    let signer = Signer::from_seed(&origin, &seed).unwrap();
    let head = Box::new(Memory(Mutex::new(None)));
    let config = Config::new(&dir.join("data"), &dir.join("mirror"), signer, &origin, head);
    Ledger::open(Config { stampers: vec![Arc::new(Immediate)], ..config }).unwrap().0
}

fn batch(n: usize) -> Vec<Vec<u8>> {
    (0..BATCH).map(|i| (n * BATCH + i).to_be_bytes().repeat(LEAF / 8)).collect()
}

/// Appends, syncs, hashes: the least that a ledger has to do.
fn bare(path: &Path) -> Duration {
    let start = Instant::now();
    let mut file = File::create(path).unwrap();
    for n in 0..BATCHES {
        let leaves = batch(n);
        file.write_all(&leaves.concat()).unwrap();
        file.sync_data().unwrap();
        std::hint::black_box(leaves.iter().map(|leaf| merkle::leaf_hash(leaf)).collect::<Vec<_>>());
    }
    start.elapsed()
}

/// Until all are published, and until all are acknowledged.
fn through(dir: &Path, n: usize) -> (Duration, Duration) {
    let ledger = open(&dir.join(format!("batches-{n}")));
    let start = Instant::now();
    for n in 0..BATCHES {
        ledger.append_batch(&batch(n)).unwrap();
    }
    let acknowledged = start.elapsed();
    ledger.hurry();
    ledger.wait_published((BATCHES * BATCH - 1) as u64).unwrap();
    (start.elapsed(), acknowledged)
}

fn main() {
    let base: PathBuf = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = tempfile::tempdir_in(base).unwrap();
    let rate = |taken: Duration| (BATCHES * BATCH) as f64 / taken.as_secs_f64();

    // In turns, the best of each: what else the machine and its disk do meets both.
    let runs: Vec<_> =
        (0..TURNS).map(|n| (bare(&dir.path().join(format!("bare-{n}"))), through(dir.path(), n))).collect();
    let bare = runs.iter().map(|run| run.0).min().unwrap();
    let (published, acknowledged) = runs.iter().map(|run| run.1).min().unwrap();
    println!("bare      {:8.0} leaves/s", rate(bare));
    println!("ledger    {:8.0} leaves/s acknowledged, {:.0} published", rate(acknowledged), rate(published));
    println!(
        "ratio     {:8.2} x the bare program's time, published (target 2)",
        published.as_secs_f64() / bare.as_secs_f64()
    );

    let ledger = open(&dir.path().join("lone"));
    let done = AtomicBool::new(false);
    let mut times: Vec<Duration> = std::thread::scope(|scope| {
        // 5,000 leaves a second beside it.
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let next = Instant::now() + Duration::from_millis(20);
                ledger.append_batch(&batch(0)[..100]).unwrap();
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
            }
        });
        let times = (0..LONE).map(|n| {
            let start = Instant::now();
            let index = ledger.append(&n.to_be_bytes()).unwrap();
            ledger.wait_sealed(index, Duration::from_secs(10)).unwrap().unwrap();
            start.elapsed()
        });
        let times = times.collect();
        done.store(true, Ordering::Relaxed);
        times
    });
    times.sort();
    println!(
        "lone seal {:8} ms median, {} ms at the 99th percentile",
        times[LONE / 2].as_millis(),
        times[LONE * 99 / 100 - 1].as_millis()
    );
}
