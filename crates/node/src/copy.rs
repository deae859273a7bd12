//! The node's own copy of a log, complete and durable up to one signed checkpoint: what it shows, and what it serves.

use crate::{
    Error, Event, Events, Result, folder,
    keys::Cosigners,
    logs::Log,
    witness::{Held, shown},
};
use evidence::{
    merkle::Hash,
    note::{MAX_NOTE, Note},
    time::Utc,
};
use ledger::tiles::{self, Kind, Tree, WIDTH};
use std::{
    fs,
    path::Path,
    sync::{Mutex, PoisonError},
};

/// A static tree (C2SP tlog-tiles) under `mirror/`.
pub(crate) struct Copy {
    tree: Tree,
    held: Mutex<Option<Held>>,
    /// Its checkpoint was there, and its files were not.
    discarded: bool,
}

impl Copy {
    /// The copy of this log, which may hold nothing yet. One whose right edge is not there claims nothing.
    pub(crate) fn open(data: &Path, log: &Log, events: &Events) -> Result<Self> {
        let tree = Tree::new(&data.join("mirror").join(log.hash()));
        let path = tree.checkpoint_path();
        let about = |e: evidence::Error| Error::from(e).about(&path.display().to_string());
        let note = folder::read(&path, MAX_NOTE as u64)?;
        let mut held = note.map(|note| Held::parse(&note, log).map_err(about)).transpose()?;
        if let Some(found) = &held
            && tree.root_at(found.checkpoint.size).ok() != Some(found.checkpoint.root)
        {
            let shown = path.display();
            events(Event::Warning(
                format!("{shown}：镜像不完整，不再声称持有；将从头镜像"),
                format!("{shown}: the mirror is not complete and claims nothing; it is made anew"),
            ));
            held = None;
            return Ok(Self { tree, held: Mutex::new(held), discarded: true });
        }
        Ok(Self { tree, held: Mutex::new(held), discarded: false })
    }

    /// Whether it claims nothing because its files do not make up its checkpoint.
    pub(crate) fn is_discarded(&self) -> bool {
        self.discarded
    }

    /// Of the first `next` leaves, a whole number of bundles, those before the first file that is not there.
    pub(crate) fn whole(&self, next: u64) -> u64 {
        let there = |kind, n| fs::metadata(self.tree.path(kind, n, WIDTH)).is_ok_and(|file| file.len() > 0);
        let mut whole = next;
        for kind in Kind::all(next) {
            let leaves = match kind {
                Kind::Hashes(level) => 1u64.checked_shl(8 * (u32::from(level) + 1)).unwrap_or(u64::MAX),
                Kind::Entries => WIDTH,
            };
            // Above the last full tile there is only the edge, which is written at the end.
            if let Some(n) = (0..whole / leaves).find(|n| !there(kind, *n)) {
                whole = n * leaves;
            }
        }
        whole
    }

    /// Claims nothing any more, until it is complete again.
    pub(crate) fn disclaim(&self) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The checkpoint up to which it is complete.
    pub(crate) fn held(&self) -> Option<Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// All up to this checkpoint is durable: the mirror's key says so, and it is served.
    pub(crate) fn commit(&self, log: &Log, keys: &Cosigners, new: &Held, now: Utc) -> Result<()> {
        let size = new.checkpoint.size;
        let root = self.tree.root_at(size)?;
        if root != new.checkpoint.root {
            let (found, expected) = (evidence::hex::encode(&root), evidence::hex::encode(&new.checkpoint.root));
            return Err(evidence::Error::mismatch("root of the mirror's own files", found, expected).into());
        }
        let note = Note::parse(&new.note)?;
        let of_log = note.line_of(&log.key).into_iter().cloned();
        let signatures = of_log.chain(keys.mirror.cosign(&new.checkpoint, now)?).collect();
        let bytes = Note { text: note.text, signatures }.to_bytes();
        folder::write(&self.tree.checkpoint_path(), &bytes)?;
        let held = Held { checkpoint: new.checkpoint.clone(), note: bytes };
        let before = self.held.lock().unwrap_or_else(PoisonError::into_inner).replace(held);
        if let Some(before) = before {
            self.remove_partial(before.checkpoint.size, size);
        }
        Ok(())
    }

    /// The partial tiles of an older tree are beginnings of what is there now. What cannot be removed does no harm.
    fn remove_partial(&self, old: u64, new: u64) {
        for kind in Kind::all(old) {
            if let Some((n, width)) = kind.partial(old)
                && kind.partial(new) != Some((n, width))
            {
                let path = self.tree.path(kind, n, width);
                let _ = fs::remove_file(&path);
                let _ = path.parent().map(fs::remove_dir);
            }
        }
    }

    /// A file below `tile/`, of the tree that the mirror's checkpoint names.
    pub(crate) fn file(&self, path: &str) -> Option<Vec<u8>> {
        let (kind, n, width) = tiles::place(&format!("tile/{path}"))?;
        let size = self.held()?.checkpoint.size;
        if n.checked_mul(WIDTH)?.checked_add(width)? > kind.count(size) {
            return None;
        }
        self.tree.read(kind, n, width).ok()
    }

    /// The root of the first `size` leaves, the signed note that it follows from, and how.
    pub(crate) fn shows(&self, size: u64) -> Option<(Hash, Vec<u8>, Option<String>)> {
        let held = self.held()?;
        let whole = held.checkpoint.size;
        if size == 0 || size > whole {
            return None;
        }
        let root = self.tree.root_at(size).ok()?;
        let proof = self.tree.consistency_proof(size, whole, whole).ok()?;
        Some((root, held.note, Some(shown(size, &root, &proof))))
    }
}
