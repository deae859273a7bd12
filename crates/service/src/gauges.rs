//! How a folder stands, in numbers, for a monitor.

use crate::{
    Folder, Result, clock,
    folder::ledger_error,
    witness::{Reach, WitnessState},
};
use evidence::time::{SECOND, Utc};
use std::{
    fs,
    path::Path,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Originals are counted anew at most so often, and at most a hundredth of the time.
const COUNTED: Duration = Duration::from_secs(60);

/// Numbers of one moment.
#[derive(Clone, Debug)]
pub struct Gauges {
    /// Records of every kind.
    pub records: u64,
    /// Pages that were asked for, by state.
    pub captures: Vec<(String, u64)>,
    /// Statements without a token, and records that the ledger has not answered for.
    pub pending: u64,
    /// Leaves.
    pub ledger_size: u64,
    /// Leaves under a sealed checkpoint.
    pub sealed_size: u64,
    /// Leaves under a seal that meets the witness policy's quorum; where it asks for none, as many as are sealed.
    pub final_size: u64,
    /// Witnesses: name, state, published leaves not cosigned, and when it last cosigned, Unix seconds, 0 for never.
    pub witnesses: Vec<(String, &'static str, u64, i64)>,
    /// Seconds since the oldest leaf that is not sealed was received; 0 where all are.
    pub sealing_lag: u64,
    /// Outside authorities: name and state.
    pub authorities: Vec<(String, &'static str)>,
    /// Database and write-ahead log, bytes.
    pub store_bytes: u64,
    /// Kept originals, bytes.
    pub original_bytes: u64,
    /// Free where the folder lies, bytes.
    pub free_bytes: u64,
}

/// When originals were last counted, how long that took, and their bytes.
#[derive(Default)]
pub(crate) struct Counted(Mutex<Option<(Instant, Duration, u64)>>);

impl Folder {
    /// How it stands now.
    pub fn gauges(&self) -> Result<Gauges> {
        let counts = self.store.counts()?;
        let size = match self.writer() {
            Ok(writer) => writer.ledger.size(),
            Err(_) => self.reader.size().map_err(|e| ledger_error(&e))?,
        };
        let Reach { sealed: sealed_size, last: final_size } = self.reach()?;
        let seconds = |w: &WitnessState| {
            let at = w.cosigned_at.as_deref().and_then(|at| Utc::parse_micros(at).ok());
            at.map_or(0, Utc::unix_seconds)
        };
        let witnesses = self.quorum_state()?.witnesses;
        let oldest = if sealed_size < size { self.store.at_index(sealed_size)? } else { None };
        let lag = oldest.map_or(0, |record| (clock::now().0 - record.received_at).max(0) / SECOND);
        let bytes = |name: &str| fs::metadata(self.dir.join(name)).map_or(0, |m| m.len());
        Ok(Gauges {
            records: counts.records,
            captures: counts.captures,
            pending: counts.pending,
            ledger_size: size,
            sealed_size,
            final_size,
            witnesses: witnesses.into_iter().map(|w| (w.name.clone(), w.state, w.lag, seconds(&w))).collect(),
            sealing_lag: u64::try_from(lag).unwrap_or(0),
            authorities: self.list_authorities()?.into_iter().map(|a| (a.name, a.state)).collect(),
            store_bytes: bytes("quezao.db") + bytes("quezao.db-wal"),
            original_bytes: self.counted.bytes(&self.dir.join("originals")),
            free_bytes: rustix::fs::statvfs(&self.dir).map_or(0, |s| s.f_bavail.saturating_mul(s.f_frsize)),
        })
    }
}

impl Counted {
    fn bytes(&self, dir: &Path) -> u64 {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, took, bytes)) = *last
            && at.elapsed() < COUNTED.max(took * 100)
        {
            return bytes;
        }
        let begun = Instant::now();
        let files = walkdir::WalkDir::new(dir).into_iter().flatten().filter_map(|e| e.metadata().ok());
        let bytes = files.filter(fs::Metadata::is_file).map(|m| m.len()).sum();
        *last = Some((begun, begun.elapsed(), bytes));
        bytes
    }
}
