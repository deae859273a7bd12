//! How long a run will take: from what this machine needed last time, else from a few of the very files.

use crate::{DepositRequest, Folder, Result, deposit::threads, intake, plan::Due};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// From so many files or bytes on a run says beforehand what it will take.
const LARGE_FILES: u64 = 100;
const LARGE_BYTES: u64 = 1_000_000_000;
/// A run of fewer files says little about the next one.
const TELLING_FILES: u64 = 50;
/// Most that is read to get to know the machine.
const SAMPLE_FILES: usize = 8;
const SAMPLE_TIME: Duration = Duration::from_millis(700);
const SAMPLE_BYTES: u64 = 64 << 20;

/// What the reading threads needed, all together.
#[derive(Default)]
pub(crate) struct Workers {
    reading: AtomicU64,
    making: AtomicU64,
    files: AtomicU64,
    bytes: AtomicU64,
}

impl Workers {
    /// Measures the reading of a file.
    pub(crate) fn read<T>(&self, work: impl FnOnce() -> T) -> T {
        timed(&self.reading, work)
    }

    /// Measures the making of the record of a file of so many bytes.
    pub(crate) fn make<T>(&self, bytes: u64, work: impl FnOnce() -> T) -> T {
        self.files.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        timed(&self.making, work)
    }

    /// Nanoseconds of reading and of making, files, bytes.
    pub(crate) fn totals(&self) -> [u64; 4] {
        [&self.reading, &self.making, &self.files, &self.bytes].map(|n| n.load(Ordering::Relaxed))
    }
}

fn timed<T>(total: &AtomicU64, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let made = work();
    total.fetch_add(u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    made
}

/// Nanoseconds of a whole run, all cores working.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Pace {
    per_byte: f64,
    per_file: f64,
}

impl Pace {
    /// From the workers' times and the whole run's.
    fn of(workers: &Workers, wall: Duration) -> Option<Self> {
        let [reading, making, files, bytes] = workers.totals().map(|n| n as f64);
        if bytes < 1.0 || files < 1.0 {
            return None;
        }
        // What the run waited for beside its workers is spread over both.
        let share = 1e9 * wall.as_secs_f64() / (reading + making).max(1.0);
        Some(Self { per_byte: reading * share / bytes, per_file: making * share / files })
    }

    fn time(self, files: u64, bytes: u64) -> Duration {
        let nanos = self.per_byte * bytes as f64 + self.per_file * files as f64;
        Duration::try_from_secs_f64(nanos / 1e9).unwrap_or(Duration::MAX)
    }
}

fn name(digest_only: bool) -> &'static str {
    if digest_only { "pace-read" } else { "pace-held" }
}

impl Folder {
    /// How long a large run will take; `None` for a small one, and for a dry one on a machine not known yet.
    pub(crate) fn estimate(&self, request: &DepositRequest, due: &[(usize, Due)]) -> Result<Option<Duration>> {
        let (files, bytes) = (due.len() as u64, due.iter().map(|(_, d)| d.stamp.size).sum());
        if files < LARGE_FILES && bytes < LARGE_BYTES {
            return Ok(None);
        }
        let known = self.store.meta(name(request.digest_only))?;
        let pace = match known.and_then(|text| serde_json::from_str::<Pace>(&text).ok()) {
            Some(pace) => Some(pace),
            None if request.dry_run => None,
            None => self.sample(request, due),
        };
        Ok(pace.map(|pace| pace.time(files, bytes)))
    }

    /// Remembers how long this run took, where it says something about the next.
    pub(crate) fn note_pace(&self, digest_only: bool, workers: &Workers, wall: Duration) -> Result<()> {
        let [_, _, files, _] = workers.totals();
        if let Some(pace) = Pace::of(workers, wall).filter(|_| files >= TELLING_FILES) {
            self.store.set_meta(name(digest_only), &serde_json::to_string(&pace).unwrap_or_default())?;
        }
        Ok(())
    }

    /// Reads some of the files as the run will, makes their records, and drops both.
    fn sample(&self, request: &DepositRequest, due: &[(usize, Due)]) -> Option<Pace> {
        let aside = self.dir.join("originals/incoming/measure");
        let keep = (!request.digest_only).then_some(aside.as_path());
        let (workers, begun, mut bytes) = (Workers::default(), Instant::now(), 0);
        let step = (due.len() / SAMPLE_FILES).max(1);
        for (_, due) in due.iter().step_by(step).take(SAMPLE_FILES) {
            if begun.elapsed() > SAMPLE_TIME || bytes + due.stamp.size > SAMPLE_BYTES {
                continue;
            }
            bytes += due.stamp.size;
            let taken = workers.read(|| intake::take(due, keep, request.similar, &AtomicBool::new(false), &mut |_| ()));
            if let Ok(taken) = taken {
                let _ = workers.make(taken.digests.size, || self.record_of(&due.path, &taken, request));
            }
        }
        let _ = fs::remove_dir_all(&aside);
        // One thread did this; the run has one a core.
        Pace::of(&workers, begun.elapsed() / u32::try_from(threads()).unwrap_or(1))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_run_like_the_last_one_takes_as_long() {
        let workers = Workers::default();
        for _ in 0..60 {
            workers.read(|| std::thread::sleep(Duration::from_micros(300)));
            workers.make(5_000_000, || std::thread::sleep(Duration::from_micros(100)));
        }
        let pace = Pace::of(&workers, Duration::from_secs(9)).unwrap();
        assert!((pace.time(60, 300_000_000).as_secs_f64() - 9.0).abs() < 0.01);
        assert!(pace.time(60, 0) < pace.time(60, 1) && pace.time(0, 1) < pace.time(1, 1));
        assert!(Pace::of(&Workers::default(), Duration::from_secs(1)).is_none());
    }
}
