//! Checkpoints that the log signed and that nothing here can be held against yet: kept, also over a restart, until the
//! copy or the log's own files say what they are.
//!
//! Rules: only what the log's own key signed, each once, so many at most; one file each, with the log's line alone. One is
//! forgotten only after it was judged.

use crate::{Error, Event, Events, folder, logs::Log, witness::Held};
use evidence::{
    checkpoint::Checkpoint,
    digest, hex,
    note::{MAX_NOTE, Note},
};
use std::{
    fs,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Most of them of one log; further ones are refused or compared all the same.
const SUSPECTS: usize = 16;

/// Those of one log.
pub(crate) struct Suspects {
    dir: PathBuf,
    events: Events,
    list: Mutex<Vec<Suspect>>,
}

struct Suspect {
    held: Held,
    told: bool,
}

impl Suspects {
    /// Those that an earlier process kept. A file that the log did not sign says nothing.
    pub(crate) fn open(dir: PathBuf, log: &Log, events: &Events) -> Self {
        let read = |entry: fs::DirEntry| {
            let note = folder::read(&entry.path(), MAX_NOTE as u64).ok().flatten()?;
            Some(Suspect { held: Held::parse(&note, log).ok()?, told: false })
        };
        let files = fs::read_dir(&dir).into_iter().flatten().flatten();
        let list = files.filter_map(read).take(SUSPECTS).collect();
        Self { dir, events: events.clone(), list: Mutex::new(list) }
    }

    /// Keeps one; whether it is to be told, which it is once.
    pub(crate) fn add(&self, log: &Log, checkpoint: &Checkpoint, note: &Note, tell: bool) -> bool {
        let mut list = self.lock();
        if let Some(known) = list.iter_mut().find(|known| known.held.checkpoint == *checkpoint) {
            let news = tell && !known.told;
            known.told |= tell;
            return news;
        }
        if list.len() >= SUSPECTS {
            return false;
        }
        let signatures = note.line_of(&log.key).into_iter().cloned().collect();
        let note = Note { text: note.text.clone(), signatures }.to_bytes();
        // What the disk does not take is remembered all the same.
        if let Err(e) = folder::make(&self.dir).and_then(|()| folder::write(&self.path(checkpoint), &note)) {
            (self.events)(Event::Warning(e.zh, e.en));
        }
        list.push(Suspect { held: Held { checkpoint: checkpoint.clone(), note }, told: tell });
        tell
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Held> {
        self.lock().iter().map(|suspect| suspect.held.clone()).collect()
    }

    /// It was judged.
    pub(crate) fn forget(&self, checkpoint: &Checkpoint) {
        let mut list = self.lock();
        let before = list.len();
        list.retain(|suspect| suspect.held.checkpoint != *checkpoint);
        if list.len() == before {
            return;
        }
        let path = self.path(checkpoint);
        if let Err(e) = fs::remove_file(&path)
            && e.kind() != std::io::ErrorKind::NotFound
        {
            let e = Error::io(&path, &e);
            (self.events)(Event::Warning(e.zh, e.en));
        }
    }

    fn path(&self, checkpoint: &Checkpoint) -> PathBuf {
        let name = hex::encode(&digest::sha256(checkpoint.to_text().as_bytes())[..16]);
        self.dir.join(name)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Suspect>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
