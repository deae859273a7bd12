//! Opening a ledger: reads like the story of a crash, from the last signed tree forward.
//!
//! Rules: the head row says what was signed; everything else must agree with it or be behind it, and is
//! then brought up to it. Nothing is signed before all of that was looked at.

use std::{fs, path::Path, sync::Arc};

use evidence::{
    checkpoint::{self, Checkpoint},
    note::{Note, VerifierKey},
};

use crate::{
    Config, Error, Event, Head, Opened, Result, Stage, council,
    edge::Edge,
    files::{self, Scratch},
    reader::{self, parse_checkpoint, read_checkpoint, same_root},
    sealed::Folder,
    segment::{Cursor, Segment},
    tiles::{Kind, Tree, WIDTH},
};

/// What does not change while a ledger is open.
pub(crate) struct World {
    pub(crate) config: Arc<Config>,
    pub(crate) tree: Tree,
    pub(crate) scratch: Scratch,
    pub(crate) segment: Segment,
    pub(crate) sealed: Folder,
}

/// The signed tree, and how it moves forward.
pub(crate) struct Log {
    world: Arc<World>,
    edge: Edge,
    head: Option<Head>,
    /// Sizes of published trees whose partial tiles still stand: a reader may be on the one before the last.
    kept: Vec<u64>,
}

/// Opens the folder; everything durable in it is signed and published when this returns.
pub(crate) fn open(config: Arc<Config>) -> Result<(Log, Cursor, Opened)> {
    let dir = config.dir.clone();
    let key = config.signer.verifier_key();
    check_key(&config, &key)?;
    fs::create_dir_all(&dir).map_err(|e| Error::io("create", &dir, e))?;
    let segment = Segment::open(&dir.join("segment"))?;
    let scratch = Scratch::open(dir.join("unpublished"))?;
    let (tree, sealed) = (reader::tree(&dir), Folder::open(dir.join("sealed"))?);

    let head = config.head.load()?;
    let edge = match &head {
        Some(head) => signed_edge(head, &key, &tree)?,
        None => Edge::empty(),
    };
    let size = edge.size();
    let mirrored = reader::check_mirror(&tree, size, &config.mirror, &key)?;
    check_published(&tree, size, &key)?;
    if let Some(ahead) = sealed.last().filter(|sealed| sealed.size > size) {
        return Err(Error::Rollback { folder_size: size, mirror_size: ahead.size, mirror: sealed.note_path(ahead) });
    }
    let judge = |name: &str, note: &[u8]| council::judge(&tree, size, &key, &config.events, name, note);
    let silent = council::look(&config.witnesses, &config.timing, size, &judge, &config.events)?;
    // A folder put back on a fresh machine: who alone could know of a newer one must be heard.
    if let Some(policy) = config.policy.as_ref().filter(|_| !mirrored && size > 0 && !silent.is_empty()) {
        let heard = |key: &VerifierKey| {
            config.witnesses.iter().any(|w| w.owns(key) && !silent.iter().any(|name| name == w.name()))
        };
        if !policy.is_met_by(heard) {
            let (mirror, checkpoint) = (config.mirror.clone(), tree.checkpoint_path());
            return Err(Error::Unwitnessed { mirror, checkpoint, silent: silent.join(", ") });
        }
    }

    let asked = config.policy.is_some() && !config.witnesses.is_empty();
    if asked != sealed.asks_quorum() {
        sealed.ask_quorum(asked)?;
    }

    let from = head.as_ref().map_or(Cursor::START, |head| Cursor { size, position: head.segment_position });
    let (end, torn_bytes) = segment.scan(from)?;
    segment.cut(end)?;
    sealed.clean()?;

    let opened = Opened { signed_size: size, recovered: end.size - size, torn_bytes, mirror_absent: !mirrored };
    let world = Arc::new(World { config, tree, scratch, segment, sealed });
    let mut log = Log { world, edge, kept: Vec::new(), head };
    log.catch_up()?;
    if end.size > size {
        log.advance(end)?;
    }
    Ok((log, end, opened))
}

impl Log {
    pub(crate) fn world(&self) -> &Arc<World> {
        &self.world
    }

    pub(crate) fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// Signs and publishes the tree of all groups up to `to`, which are durable.
    pub(crate) fn advance(&mut self, to: Cursor) -> Result<Head> {
        let world = self.world.clone();
        let World { config, tree, segment, .. } = &*world;
        let before = self.edge.size();
        config.fault(Stage::TilesWrite)?;
        let mut batch = world.scratch.batch()?;
        let mut at = self.cursor();
        while at.size < to.size {
            let Some(group) = segment.read_group(at)? else {
                let (path, what) = (config.dir.join("segment"), "synced group");
                let (found, expected) = (format!("damage at byte {}", at.position), format!("entry {}", at.size));
                return Err(Error::Segment { path, what, found, expected });
            };
            for leaf in group.leaves() {
                self.edge.push(tree, leaf, &mut batch)?;
            }
            at = group.end;
        }
        self.edge.put_partial(tree, before, &mut batch)?;
        config.fault(Stage::TilesSync)?;
        batch.sync()?;
        batch.publish()?;

        let head = self.sign(at)?;
        config.fault(Stage::HeadSwap)?;
        config.head.swap(self.head.as_ref(), &head)?;
        self.head = Some(head.clone());
        // Before anything leaves the house: a published tree that the mirror does not know could be forgotten.
        config.fault(Stage::Mirror)?;
        files::replace(&config.mirror, &head.checkpoint)?;
        config.fault(Stage::Publish)?;
        self.publish(&head)?;
        Ok(head)
    }

    /// Leaves the static tree with the partial tiles of its last checkpoint only.
    pub(crate) fn settle(&mut self) {
        self.forget(1);
    }

    fn cursor(&self) -> Cursor {
        match &self.head {
            Some(head) => Cursor { size: head.size, position: head.segment_position },
            None => Cursor::START,
        }
    }

    fn sign(&self, at: Cursor) -> Result<Head> {
        let config = &self.world.config;
        let root = self.edge.root()?;
        let text = Checkpoint { origin: config.origin.clone(), size: at.size, root }.to_text();
        let signatures = vec![config.signer.sign(&text)];
        let checkpoint = Note { text, signatures }.to_bytes();
        Ok(Head { size: at.size, root, checkpoint, segment_position: at.position })
    }

    /// Finishes what the last process began: mirror and published checkpoint follow the head row.
    fn catch_up(&mut self) -> Result<()> {
        let Some(head) = self.head.clone() else { return Ok(()) };
        let world = self.world.clone();
        // Both were read and checked before, so a longer one is just another checkpoint.
        let stands = |path: &Path| {
            let found = files::read(path, head.checkpoint.len() as u64);
            matches!(found, Ok(Some(bytes)) if bytes == head.checkpoint)
        };
        if !stands(&world.config.mirror) {
            files::replace(&world.config.mirror, &head.checkpoint)?;
        }
        if !stands(&world.tree.checkpoint_path()) {
            self.publish(&head)?;
        }
        self.kept = vec![head.size];
        self.sweep(head.size);
        Ok(())
    }

    fn publish(&mut self, head: &Head) -> Result<()> {
        let mut batch = self.world.scratch.batch()?;
        batch.put(self.world.tree.checkpoint_path(), &head.checkpoint)?;
        batch.sync()?;
        batch.publish()?;
        self.kept.push(head.size);
        self.forget(2);
        (self.world.config.events)(Event::Published { size: head.size });
        Ok(())
    }

    /// Keeps the partial tiles of the last `count` published trees.
    fn forget(&mut self, count: usize) {
        while self.kept.len() > count {
            let old = self.kept.remove(0);
            self.remove_partial(old);
        }
    }

    /// Removes an old tree's partial tiles that no kept tree uses. What cannot be removed does no harm.
    fn remove_partial(&self, old: u64) {
        for kind in Kind::all(old) {
            let Some((n, width)) = kind.partial(old) else { continue };
            if self.kept.iter().all(|size| kind.partial(*size) != Some((n, width))) {
                let path = self.world.tree.path(kind, n, width);
                let _ = fs::remove_file(&path);
                // Succeeds once the last one is gone.
                let _ = path.parent().map(fs::remove_dir);
            }
        }
    }

    /// Removes what a crash left beside the partial tiles of `size`: those of trees before, or never published.
    fn sweep(&self, size: u64) {
        for kind in Kind::all(size) {
            let (edge, width) = (kind.count(size) / WIDTH, kind.count(size) % WIDTH);
            for n in edge.saturating_sub(1)..=edge {
                let path = self.world.tree.path(kind, n, 1);
                let Some(dir) = path.parent() else { continue };
                for found in fs::read_dir(dir).into_iter().flatten().flatten() {
                    if n != edge || found.file_name().to_str() != Some(&width.to_string()) {
                        let _ = fs::remove_file(found.path());
                    }
                }
                // Succeeds where nothing is left.
                let _ = fs::remove_dir(dir);
            }
        }
    }
}

/// One origin, one key: the origin is the key's name and commits to it.
fn check_key(config: &Config, key: &VerifierKey) -> Result<()> {
    let named = match key.name() == config.origin {
        true => checkpoint::check_origin(&config.origin, key.public_key()),
        false => Err(evidence::Error::mismatch("name of the log key", key.name(), &config.origin)),
    };
    named.map_err(|e| Error::evidence(&config.dir, e))
}

/// The edge of the tree that the head row names, if row, signature and tiles agree.
fn signed_edge(head: &Head, key: &VerifierKey, tree: &Tree) -> Result<Edge> {
    let signed = parse_checkpoint(&head.checkpoint, key).map_err(|e| Error::evidence(Path::new("head row"), e))?;
    if signed.size != head.size {
        let (found, expected) = (head.size.to_string(), signed.size.to_string());
        return Err(Error::HeadRow { what: "size", found, expected });
    }
    if signed.root != head.root {
        let (found, expected) = (evidence::hex::encode(&head.root), evidence::hex::encode(&signed.root));
        return Err(Error::HeadRow { what: "root", found, expected });
    }
    let edge = Edge::load(tree, head.size)?;
    same_root("the folder's tiles", head.size, &edge.root()?, &head.root)?;
    Ok(edge)
}

/// The published checkpoint may be behind the head row, never ahead of it.
fn check_published(tree: &Tree, size: u64, key: &VerifierKey) -> Result<()> {
    let path = tree.checkpoint_path();
    match read_checkpoint(&path, key)? {
        Some((seen, _)) => reader::check_known(tree, size, &seen, "the folder's tree", path),
        None => Ok(()),
    }
}
