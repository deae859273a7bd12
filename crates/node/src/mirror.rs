//! The mirror of one log: every tile and entry, each checked against a signed root before it is kept.
//!
//! Rules:
//! - From the root down: the right edge must make up the signed root, each tile the hash that stands for it above, each
//!   bundle the leaves of its tile. So a wrong byte is found in the file that has it, and nothing unproved is kept.
//! - A new checkpoint must extend the last one that was followed, and the last one that the witness cosigned.
//! - Full tiles are kept in the order of their leaves, synced by the batch; where it stopped it goes on. Only when all
//!   up to a checkpoint is durable does the mirror's own key sign it, and only then is it served.
//! - Memory is a few bundles, whatever the size of the log.

use crate::{
    Error, Event, Events, Result, Shared,
    alarms::{Alarm, Alarms, Kind as Seen},
    copy::Copy,
    folder,
    keys::Cosigners,
    logs::Log,
    source::Source,
    witness::{Held, Witness, fork, shown},
};
use evidence::{
    hex,
    merkle::{self, Hash},
    note::MAX_NOTE,
    time::Utc,
};
use ledger::{
    files::{Batch, Scratch},
    split_leaf,
    tiles::{self, Kind, Nodes, WIDTH},
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

/// Bundles that are fetched at once.
const AT_ONCE: usize = 4;
/// Bundles that are handed out together.
const HANDFUL: usize = 64;
/// Bundles that are synced together.
const SYNCED: usize = 256;

/// A checkpoint that is being followed, and how far its leaves are durable.
#[derive(Clone, Debug)]
struct Target {
    held: Held,
    next: u64,
}

/// The mirror of one log.
pub(crate) struct Mirror {
    log: Log,
    keys: Arc<Cosigners>,
    alarms: Arc<Alarms>,
    events: Events,
    source: Source,
    copy: Arc<Copy>,
    /// Where it stopped: `next N`, an empty line, the signed note.
    path: PathBuf,
    scratch: Scratch,
    target: Mutex<Option<Target>>,
    /// The log did not answer when it was last asked.
    away: AtomicBool,
    /// One follows at a time.
    turn: Mutex<()>,
    /// The node ends.
    halted: AtomicBool,
    /// Leaves of the largest checkpoint that the log showed.
    shown: AtomicU64,
    /// How often the log showed less than was cosigned, and no files of that.
    short: AtomicUsize,
    /// How often in a row it showed less than was followed, of the same history.
    stale: AtomicUsize,
}

/// What another node was shown, beside what this one holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// One history.
    Agrees,
    /// Two: an alarm was raised.
    Contradicts,
    /// Further than this node's copy; compared once that has come so far.
    Ahead,
}

/// Steps in which a log may show less than it had cosigned or shown: its checkpoint may come from a cache.
const PATIENCE: usize = 3;
/// Free space that the copy leaves, in bytes: what is cosigned must always find room.
const FREE: u64 = 128 << 20;

/// Why a step ended early.
enum Stop {
    /// Tried again later.
    Later(Error),
    /// The log's files do not make up what it signed: (zh, en).
    Wrong(String, String),
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(e: E) -> Self {
        Self::Later(e.into())
    }
}

type Stopped<T> = std::result::Result<T, Stop>;

impl Mirror {
    pub(crate) fn open(data: &Path, log: Log, source: Source, copy: Arc<Copy>, with: &Shared) -> Result<Self> {
        let folder = data.join("follow");
        let path = folder.join(log.hash());
        let scratch = Scratch::open(data.join("mirror").join(format!("{}.half", log.hash())))?;
        let mut target = stored(&path, &log)?.or_else(|| {
            let held = copy.held()?;
            Some(Target { next: held.checkpoint.size, held })
        });
        // What was durable then need not be there now: nothing is claimed of a file that nobody looked for.
        if let Some(target) = &mut target {
            let whole = if copy.is_discarded() { 0 } else { copy.whole(target.next) };
            if whole < target.next {
                let (shown, next) = (copy.tree().checkpoint_path(), target.next);
                let shown = shown.display();
                (with.events)(Event::Warning(
                    format!("{shown}：镜像缺文件，曾有 {next} 条，现只到 {whole} 条；从那里重新镜像"),
                    format!(
                        "{shown}: files of the mirror are gone: {next} entries were there, now {whole}; it goes on from there"
                    ),
                ));
                copy.disclaim();
                target.next = whole;
            }
        }
        let shown = target.as_ref().map_or(0, |target| target.held.checkpoint.size);
        Ok(Self {
            log,
            keys: with.keys.clone(),
            alarms: with.alarms.clone(),
            events: with.events.clone(),
            source,
            copy,
            path,
            scratch,
            target: Mutex::new(target),
            away: AtomicBool::new(false),
            turn: Mutex::new(()),
            halted: AtomicBool::new(false),
            shown: AtomicU64::new(shown),
            short: AtomicUsize::new(0),
            stale: AtomicUsize::new(0),
        })
    }

    /// Ends a step at its next file.
    pub(crate) fn halt(&self) {
        self.halted.store(true, Ordering::Relaxed);
    }

    /// What the log shows under the node's own cosignature carries a state forward that does not know of it. Nothing is
    /// fetched but that.
    pub(crate) fn look_back(&self, witness: &Witness, now: Utc) -> Result<()> {
        let shown = self.source.checkpoint()?;
        // Where a Quezao ledger shows its last checkpoint with cosignatures; other logs may show them in the first.
        let cosigned = self.source.cosigned().ok().flatten();
        for note in std::iter::once(shown).chain(cosigned) {
            if let Ok(seen) = Held::parse(&note, &self.log) {
                witness.learn(&seen, &self.log.url, now)?;
            }
        }
        Ok(())
    }

    /// Looks at the log once and takes over what is new. `Err`: nothing is wrong with it, but it was not to be had.
    pub(crate) fn step(&self, witness: &Witness, now: Utc) -> Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let done = self.look(witness, now);
        self.away.store(done.is_err(), Ordering::Relaxed);
        if done.is_err() {
            // The copy may have gone on from a peer's.
            witness.suspects(now);
        }
        done
    }

    fn look(&self, witness: &Witness, now: Utc) -> Result<()> {
        let note = self.source.checkpoint()?;
        let new = Held::parse(&note, &self.log).map_err(|e| Error::from(e).about(&self.log.url))?;
        witness.learn(&new, &self.log.url, now)?;
        let done = self.beyond(&new, witness, now);
        self.look_into(witness, now);
        match done {
            Ok(()) => Ok(()),
            Err(Stop::Later(e)) => Err(e),
            Err(Stop::Wrong(zh, en)) => {
                let kind = Seen::Tiles;
                let (ours, theirs) = (self.copy.held().map(|held| held.note), Some(note));
                self.alarms.raise(&Alarm {
                    kind,
                    origin: self.log.origin().to_owned(),
                    at: now,
                    zh,
                    en,
                    ours,
                    theirs,
                    proof: None,
                });
                Ok(())
            }
        }
    }

    /// What another node was shown and holds, by its own tiles. It is believed in nothing else: tiles that do not make up
    /// what the log signed are that node's fault, and no alarm. Where the log is away, the copy goes on from there.
    pub(crate) fn hear(&self, theirs: &Source, new: &Held, witness: &Witness, now: Utc) -> Result<Relation> {
        let faulty = |stop| match stop {
            Stop::Later(e) => e,
            Stop::Wrong(zh, en) => Error::new(zh, en).about(theirs.base()),
        };
        let size = new.checkpoint.size;
        self.edge(theirs, new).map_err(faulty)?;
        let followed = self.target().map(|target| target.held);
        let behind = followed.as_ref().is_none_or(|held| held.checkpoint.size <= size);
        for old in followed.into_iter().chain(witness.held()).filter(|old| old.checkpoint.size <= size) {
            if !self.extends(theirs, &old, new, now).map_err(faulty)? {
                return Ok(Relation::Contradicts);
            }
        }
        if !behind {
            return Ok(Relation::Ahead);
        }
        if self.away.load(Ordering::Relaxed) {
            let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
            // It may have come back, or another one was heard, while this one waited.
            if self.target().is_none_or(|target| target.held.checkpoint.size <= size) {
                self.follow(theirs, new, &[], witness, now).map_err(faulty)?;
            }
        }
        Ok(Relation::Agrees)
    }

    /// Follows what is shown, or what was cosigned where that is more: the copy never goes another way than the witness.
    fn beyond(&self, new: &Held, witness: &Witness, now: Utc) -> Stopped<()> {
        let size = new.checkpoint.size;
        let shown = self.shown.fetch_max(size, Ordering::Relaxed);
        let Some(ahead) = witness.held().filter(|held| held.checkpoint.size > size) else {
            self.short.store(0, Ordering::Relaxed);
            return self.follow(&self.source, new, &[], witness, now);
        };
        if size < shown {
            return self.follow(&self.source, new, &[], witness, now);
        }
        let followed = self.follow(&self.source, &ahead, std::slice::from_ref(new), witness, now);
        if let Err(Stop::Later(_)) = &followed
            && self.short.fetch_add(1, Ordering::Relaxed) + 1 >= PATIENCE
        {
            let was = ahead.checkpoint.size;
            self.alarms.raise(&Alarm {
                kind: Seen::Rollback,
                origin: self.log.origin().to_owned(),
                at: now,
                zh: format!("本节点签署过 {was} 条的检查点，账本现在只出示 {size} 条，也不给出前者的文件；镜像停在原处"),
                en: format!("this node cosigned a checkpoint of {was} leaves; the ledger shows {size} and has no files of the former; the copy stays where it is"),
                ours: Some(ahead.note.clone()),
                theirs: Some(new.note.clone()),
                proof: None,
            });
        }
        followed
    }

    /// Signed checkpoints that somebody showed without a proof that holds: the log's own files say what they are.
    fn look_into(&self, witness: &Witness, now: Utc) {
        let held: Vec<Held> = witness.held().into_iter().chain(self.copy.held()).collect();
        for seen in witness.suspects(now) {
            let (below, above): (Vec<_>, Vec<_>) =
                held.iter().partition(|old| old.checkpoint.size <= seen.checkpoint.size);
            let judged = self
                .edge(&self.source, &seen)
                .and_then(|_| below.iter().try_for_each(|old| self.extends(&self.source, old, &seen, now).map(drop)));
            match judged {
                Ok(()) if above.is_empty() && !below.is_empty() => witness.settle(&seen, None, now),
                Err(Stop::Wrong(zh, en)) => witness.settle(&seen, Some(&Error::new(zh, en)), now),
                // Judged once the copy has come so far, whatever files the log shows of it meanwhile.
                Ok(()) | Err(Stop::Later(_)) => {}
            }
        }
    }

    /// `beside`: what it must extend too.
    fn follow(&self, source: &Source, new: &Held, beside: &[Held], witness: &Witness, now: Utc) -> Stopped<()> {
        let size = new.checkpoint.size;
        let before = self.target();
        if let Some(before) = &before {
            if size < before.held.checkpoint.size {
                self.smaller(new, &before.held, now);
                return Ok(());
            }
            self.stale.store(0, Ordering::Relaxed);
            let done = self.copy.held().is_some_and(|held| held.checkpoint == new.checkpoint);
            if done && beside.is_empty() {
                return Ok(());
            }
        }
        if size == 0 {
            return Ok(());
        }
        let edge = self.edge(source, new)?;
        let cosigned = witness.held().filter(|held| held.checkpoint.size <= size);
        for old in before.iter().map(|target| &target.held).chain(&cosigned).chain(beside) {
            if !self.extends(source, old, new, now)? {
                return Ok(());
            }
        }
        if self.copy.held().is_some_and(|held| held.checkpoint == new.checkpoint) {
            return Ok(());
        }
        self.room()?;
        // Taken now: long before all else is here the log may have replaced it by a wider one.
        let last = edge.get(&0).map(|hashes| self.bundle(source, size / WIDTH, hashes)).transpose()?;
        let next = before.map_or(0, |target| target.next);
        self.set_target(Target { held: new.clone(), next })?;
        self.full_tiles(source, &edge, size, next)?;

        let mut batch = self.scratch.batch()?;
        let tree = self.copy.tree();
        for (level, hashes) in &edge {
            let kind = Kind::Hashes(*level);
            batch.put(tree.path(kind, kind.count(size) / WIDTH, hashes.len() as u64), hashes.as_flattened())?;
        }
        if let Some(bytes) = &last {
            batch.put(tree.path(Kind::Entries, size / WIDTH, size % WIDTH), bytes)?;
        }
        batch.sync()?;
        batch.publish()?;
        self.set_target(Target { held: new.clone(), next: size })?;
        self.copy.commit(&self.log, &self.keys, new, now)?;
        (self.events)(Event::Mirrored { origin: self.log.origin().to_owned(), size });
        Ok(())
    }

    /// The copy stops before it takes the room that the witness needs.
    fn room(&self) -> Stopped<()> {
        let dir = self.copy.tree().checkpoint_path();
        let dir = self.path.parent().filter(|dir| dir.exists()).or(dir.parent()).unwrap_or(&self.path);
        // Where the system does not say, writing will.
        let free = ledger::files::free_space(dir).unwrap_or(u64::MAX);
        if free >= FREE {
            return Ok(());
        }
        let (free, least) = (free >> 20, FREE >> 20);
        Err(Stop::Later(Error::new(
            format!("磁盘只剩 {free} MiB，镜像在 {least} MiB 处停下，把空间留给见证；请腾出空间"),
            format!(
                "the disk has {free} MiB left; the copy stops at {least} MiB, so that the witness has room; free some space"
            ),
        )))
    }

    /// The unfinished tile of each level: together they are the signed root.
    fn edge(&self, source: &Source, new: &Held) -> Stopped<BTreeMap<u8, Vec<Hash>>> {
        let (size, mut edge) = (new.checkpoint.size, BTreeMap::new());
        let mut nodes = Nodes::new(size, |level, n, width| {
            let hashes = source.hashes(level, n, width)?;
            edge.insert(level, hashes.clone());
            Ok::<_, Error>(hashes)
        });
        let root = merkle::root(size, &mut |level, index| nodes.read(level, index))?;
        if root != new.checkpoint.root {
            let (found, expected) = (hex::encode(&root), hex::encode(&new.checkpoint.root));
            return Err(Stop::Wrong(
                format!("账本的哈希块在 {size} 条处合成 {found}，而它签署的是 {expected}"),
                format!("the ledger's tiles make up {found} at {size} leaves, but it signed {expected}"),
            ));
        }
        Ok(edge)
    }

    /// Whether `new` extends `old`; where it does not, an alarm was raised, with the proof where the log's tiles give one.
    fn extends(&self, source: &Source, old: &Held, new: &Held, now: Utc) -> Stopped<bool> {
        let [a, b] = [&old.checkpoint, &new.checkpoint];
        if a.size == 0 {
            return Ok(true);
        }
        let mut nodes = Nodes::new(b.size, |level, n, width| source.hashes(level, n, width));
        let mut read = |level, index| nodes.read::<Error>(level, index);
        let proof = merkle::consistency_proof(a.size, b.size, &mut read)?;
        if merkle::verify_consistency(a.size, &a.root, b.size, &b.root, &proof).is_ok() {
            return Ok(true);
        }
        // What the log's own tiles say about the old size: with it the fork can be shown to anybody.
        let root = merkle::root(a.size, &mut read)?;
        if merkle::verify_consistency(a.size, &root, b.size, &b.root, &proof).is_err() {
            let size = b.size;
            return Err(Stop::Wrong(
                format!("账本的哈希块不能证明 {size} 条的检查点延续 {} 条的检查点", a.size),
                format!(
                    "the ledger's tiles do not prove that the checkpoint of {size} leaves extends the one of {}",
                    a.size
                ),
            ));
        }
        let alarm = fork(&self.log, a.size, &hex::encode(&a.root), &hex::encode(&root), now);
        let proof = Some(shown(a.size, &root, &proof));
        self.alarms.raise(&Alarm { ours: Some(old.note.clone()), theirs: Some(new.note.clone()), proof, ..alarm });
        Ok(false)
    }

    /// A smaller tree than was followed: another one, or an old one.
    fn smaller(&self, new: &Held, before: &Held, now: Utc) {
        let (size, was) = (new.checkpoint.size, before.checkpoint.size);
        if let Some((root, ours, proof)) = self.copy.shows(size)
            && root != new.checkpoint.root
        {
            let alarm = fork(&self.log, size, &hex::encode(&root), &hex::encode(&new.checkpoint.root), now);
            self.alarms.raise(&Alarm { ours: Some(ours), theirs: Some(new.note.clone()), proof, ..alarm });
            return;
        }
        if self.stale.fetch_add(1, Ordering::Relaxed) + 1 < PATIENCE {
            return;
        }
        self.alarms.raise(&Alarm {
            kind: Seen::Rollback,
            origin: self.log.origin().to_owned(),
            at: now,
            zh: format!("账本倒退：此前已公布 {was} 条，现在只出示 {size} 条"),
            en: format!("the ledger went back: it had shown {was} leaves and now shows {size}"),
            ours: Some(before.note.clone()),
            theirs: Some(new.note.clone()),
            proof: None,
        });
    }

    /// Keeps what is full and not kept yet, in the order of the leaves.
    fn full_tiles(&self, source: &Source, edge: &BTreeMap<u8, Vec<Hash>>, size: u64, next: u64) -> Stopped<()> {
        let mut walk = Walk { mirror: self, source, next, jobs: Vec::new(), batch: self.scratch.batch()?, bundles: 0 };
        for (level, hashes) in edge.iter().rev().filter(|(level, _)| **level > 0) {
            walk.below(*level, Kind::Hashes(*level).count(size) / WIDTH * WIDTH, hashes)?;
        }
        walk.fetch()?;
        walk.sync()
    }

    /// A bundle whose entries are these leaves.
    fn bundle(&self, source: &Source, n: u64, leaves: &[Hash]) -> Stopped<Vec<u8>> {
        let bytes = source.bundle(n, leaves.len() as u64)?;
        let made = self.leaves(&bytes);
        if made == leaves {
            return Ok(bytes);
        }
        let at = made.iter().zip(leaves).position(|(a, b)| a != b).unwrap_or(leaves.len());
        let index = n * WIDTH + at as u64;
        Err(Stop::Wrong(
            format!("账本第 {index} 条的内容与它签署的哈希不符"),
            format!("entry {index} of the ledger is not the one that it signed for"),
        ))
    }

    fn leaves(&self, bundle: &[u8]) -> Vec<Hash> {
        let (mut rest, mut leaves) = (bundle, Vec::with_capacity(WIDTH as usize));
        while let Some((leaf, behind)) = split_leaf(rest) {
            leaves.push(merkle::leaf_hash(leaf));
            rest = behind;
        }
        leaves
    }

    fn target(&self) -> Option<Target> {
        self.target.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_target(&self, target: Target) -> Result<()> {
        let bytes = [format!("next {}\n\n", target.next).as_bytes(), &target.held.note].concat();
        folder::write(&self.path, &bytes)?;
        *self.target.lock().unwrap_or_else(PoisonError::into_inner) = Some(target);
        Ok(())
    }
}

/// Down from the edge to the leaves.
struct Walk<'a> {
    mirror: &'a Mirror,
    source: &'a Source,
    /// Leaves that are durable.
    next: u64,
    /// Bundles to fetch: number, and the hash that stands for each.
    jobs: Vec<(u64, Hash)>,
    batch: Batch<'a>,
    bundles: usize,
}

impl Walk<'_> {
    /// The tiles that the hashes of a tile at `level` stand for; `first` is the number of the first one.
    fn below(&mut self, level: u8, first: u64, hashes: &[Hash]) -> Stopped<()> {
        for (n, hash) in (first..).zip(hashes) {
            let end = u128::from(n + 1) << (8 * u32::from(level));
            if end <= u128::from(self.next) {
                continue;
            }
            if level == 1 {
                self.jobs.push((n, *hash));
                if self.jobs.len() == HANDFUL {
                    self.fetch()?;
                }
                continue;
            }
            let tile = self.source.hashes(level - 1, n, WIDTH)?;
            let found = tiles::fold(&tile);
            if found != *hash {
                return Err(wrong_tile(level - 1, n, &found, hash));
            }
            self.batch.put(self.mirror.copy.tree().path(Kind::Hashes(level - 1), n, WIDTH), tile.as_flattened())?;
            self.below(level - 1, n * WIDTH, &tile)?;
        }
        Ok(())
    }

    /// Fetches what is due, some at once, each written as soon as it was checked.
    fn fetch(&mut self) -> Stopped<()> {
        let (mirror, source, jobs) = (self.mirror, self.source, std::mem::take(&mut self.jobs));
        let (turn, batch) = (AtomicUsize::new(0), Mutex::new(&mut self.batch));
        let failed = Mutex::new(None);
        let work = || {
            while let Some((n, hash)) = jobs.get(turn.fetch_add(1, Ordering::Relaxed)) {
                if mirror.halted.load(Ordering::Relaxed) {
                    turn.store(jobs.len(), Ordering::Relaxed);
                    let stop = Stop::Later(Error::new(
                        "节点正在停止；下次启动继续",
                        "the node ends; it goes on at the next start",
                    ));
                    *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(stop);
                    return;
                }
                if let Err(stop) = fetch_one(mirror, source, *n, hash, &batch) {
                    turn.store(jobs.len(), Ordering::Relaxed);
                    *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(stop);
                }
            }
        };
        thread::scope(|scope| (0..AT_ONCE.min(jobs.len())).for_each(|_| drop(scope.spawn(work))));
        if let Some(stop) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(stop);
        }
        self.bundles += jobs.len();
        if let Some((n, _)) = jobs.last() {
            self.next = (n + 1) * WIDTH;
        }
        if self.bundles >= SYNCED { self.sync() } else { Ok(()) }
    }

    fn sync(&mut self) -> Stopped<()> {
        self.mirror.room()?;
        let mut batch = std::mem::replace(&mut self.batch, self.mirror.scratch.batch()?);
        batch.sync()?;
        batch.publish()?;
        self.bundles = 0;
        if let Some(target) = self.mirror.target() {
            self.mirror.set_target(Target { next: self.next, ..target })?;
        }
        Ok(())
    }
}

/// A full bundle and the tile of its leaves, which follows from it.
fn fetch_one(mirror: &Mirror, source: &Source, n: u64, hash: &Hash, batch: &Mutex<&mut Batch<'_>>) -> Stopped<()> {
    let bytes = source.bundle(n, WIDTH)?;
    let leaves = mirror.leaves(&bytes);
    let found = tiles::fold(&leaves);
    if found != *hash {
        return Err(wrong_tile(0, n, &found, hash));
    }
    let tree = mirror.copy.tree();
    let mut batch = batch.lock().unwrap_or_else(PoisonError::into_inner);
    batch.put(tree.path(Kind::Entries, n, WIDTH), &bytes)?;
    batch.put(tree.path(Kind::Hashes(0), n, WIDTH), leaves.as_flattened())?;
    Ok(())
}

fn wrong_tile(level: u8, n: u64, found: &Hash, expected: &Hash) -> Stop {
    let (found, expected) = (hex::encode(found), hex::encode(expected));
    Stop::Wrong(
        format!("账本第 {level} 层第 {n} 块合成 {found}，而签署的树要求 {expected}"),
        format!("the ledger's tile {n} at level {level} makes up {found}, but the signed tree asks for {expected}"),
    )
}

fn stored(path: &Path, log: &Log) -> Result<Option<Target>> {
    let Some(bytes) = folder::read(path, MAX_NOTE as u64 + 32)? else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes);
    let parts = text.split_once("\n\n").and_then(|(head, note)| {
        Some((crate::request::decimal(head.strip_prefix("next ")?)?, note.as_bytes().to_vec()))
    });
    let (next, note) = parts.ok_or_else(|| {
        let shown = path.display();
        Error::new(
            format!("{shown}：不是节点写下的内容；删除它后从头镜像"),
            format!("{shown}: not what a node writes; delete it to mirror from the beginning"),
        )
    })?;
    Ok(Some(Target { held: Held::parse(&note, log)?, next }))
}
