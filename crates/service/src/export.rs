//! Many certificates and packages at once.
//!
//! Rules: each record's files are whole or absent, and each is synced before its line is handed out; so there are more
//! threads than cores, some of them waiting for the disk. Lines come in the order of the ids.

use crate::{Error, ExportLine, ExportRequest, Folder, Result, deposit::threads};
use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{
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

fn lines_of(id: &str, files: Result<Vec<PathBuf>>) -> Vec<ExportLine> {
    let line = |file, error| ExportLine { id: id.to_owned(), file, error };
    match files {
        Ok(files) => files.into_iter().map(|file| line(Some(file), None)).collect(),
        Err(e) => vec![line(None, Some(e))],
    }
}
