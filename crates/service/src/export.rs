//! Many certificates and packages at once.
//!
//! Rules:
//! - Each record's files are whole or absent, and each is synced before its line is handed out; so there are more threads
//!   than cores, some of them waiting for the disk. Lines come in the order of the ids.
//! - As many draw at once as there are cores, whoever asks: a picture that is decoded needs memory.

use crate::{Error, ExportLine, ExportRequest, Folder, Result, deposit::threads};
use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
};

/// Threads a core: drawing keeps one of them busy, the others sync what they wrote.
const A_CORE: usize = 3;

impl Folder {
    /// Writes packages, and originals where asked. A record without a seal is waited for. `done` hears each line as
    /// soon as it and all before it are there.
    pub fn export(&mut self, request: &ExportRequest, done: &mut dyn FnMut(&ExportLine)) -> Result<Vec<ExportLine>> {
        fs::create_dir_all(&request.output).map_err(|e| Error::io(&request.output, &e))?;
        let ids = &request.ids;
        let (next, never) = (AtomicUsize::new(0), AtomicBool::new(false));
        let stop = request.stop.as_deref().unwrap_or(&never);
        let folder = &*self;
        let mut lines = Vec::new();
        std::thread::scope(|scope| {
            let (send, made) = mpsc::sync_channel(16);
            for _ in 0..ids.len().min(A_CORE * threads()) {
                let (send, next) = (send.clone(), &next);
                scope.spawn(move || {
                    loop {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        let Some(id) = ids.get(n).filter(|_| !stop.load(Ordering::Relaxed)) else { return };
                        if send.send((n, folder.export_one(id, request))).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(send);
            let (mut waiting, mut due) = (BTreeMap::new(), 0);
            for (n, files) in made {
                waiting.insert(n, files);
                while let Some(files) = waiting.remove(&due) {
                    for line in lines_of(&ids[due], files) {
                        done(&line);
                        lines.push(line);
                    }
                    due += 1;
                }
            }
        });
        Ok(lines)
    }
}

/// Sheets that are drawn right now.
static DRAWING: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

/// A turn at drawing; given back when it is dropped.
pub(crate) struct Turn(());

/// Waits until fewer sheets are drawn than there are cores.
pub(crate) fn turn() -> Turn {
    let (drawing, free) = &DRAWING;
    let most = threads();
    let drawn = drawing.lock().unwrap_or_else(PoisonError::into_inner);
    let mut drawn = free.wait_while(drawn, |drawn| *drawn >= most).unwrap_or_else(PoisonError::into_inner);
    *drawn += 1;
    Turn(())
}

impl Drop for Turn {
    fn drop(&mut self) {
        *DRAWING.0.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        DRAWING.1.notify_one();
    }
}

fn lines_of(id: &str, files: Result<Vec<PathBuf>>) -> Vec<ExportLine> {
    let line = |file, error| ExportLine { id: id.to_owned(), file, error };
    match files {
        Ok(files) => files.into_iter().map(|file| line(Some(file), None)).collect(),
        Err(e) => vec![line(None, Some(e))],
    }
}
