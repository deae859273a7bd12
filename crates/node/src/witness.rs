//! The witness of one log (C2SP tlog-witness): it cosigns that a checkpoint extends the one before, and nothing else.
//!
//! Rules:
//! - One request at a time; what is cosigned is durable before anybody sees the signature.
//! - It only goes forward from the largest checkpoint that bears its own cosignature, wherever that is found: in the
//!   folder, in the copy outside it, under what the log shows. So an old copy of the folder cannot make it sign twice.
//! - What its own key and the log's say stands; a checkpoint that cannot stand beside it is refused, and both are kept.

use crate::{
    Error, Event, Events, Result,
    alarms::{Alarm, Alarms, Kind},
    copy::Copy,
    folder,
    keys::Cosigners,
    logs::Log,
    request::{self, Request},
};
use evidence::{
    checkpoint::Checkpoint,
    cosignature, hex,
    merkle::{self, Hash},
    note::{MAX_NOTE, Note},
    time::Utc,
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 200: signature lines, each with its newline.
    Cosigned(String),
    /// 409: leaves of the checkpoint that was cosigned last.
    Size(u64),
    /// Any other status, and why.
    Refused(u16, Error),
}

/// A signed checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What it says.
    pub checkpoint: Checkpoint,
    /// The note, with the log's line and the node's own.
    pub note: Vec<u8>,
}

impl Held {
    /// A note with the log's signature.
    pub(crate) fn parse(note: &[u8], log: &Log) -> evidence::Result<Self> {
        let parsed = Note::parse(note)?;
        parsed.verify_log(&log.key)?;
        let checkpoint = Checkpoint::parse(&parsed.text)?;
        if checkpoint.origin != log.origin() {
            return Err(evidence::Error::mismatch("origin of the checkpoint", &checkpoint.origin, log.origin()));
        }
        Ok(Self { checkpoint, note: note.to_vec() })
    }
}

/// The witness of one log.
pub struct Witness {
    log: Log,
    keys: Arc<Cosigners>,
    alarms: Arc<Alarms>,
    events: Events,
    /// The note that is held, durable.
    path: PathBuf,
    /// The same outside the data folder.
    outside: PathBuf,
    copy: Arc<Copy>,
    held: Mutex<Option<Held>>,
}

impl Witness {
    /// Goes on from what it cosigned last; an older folder than the copy outside raises an alarm and is carried forward.
    pub(crate) fn open(data: &Path, state: &Path, log: Log, copy: Arc<Copy>, with: &crate::Shared) -> Result<Self> {
        let (hash, keys) = (log.hash(), with.keys.clone());
        let id = hex::encode(&keys.witness.verifier_keys()[0].id());
        let path = data.join("witness").join(&hash).join("checkpoint");
        let outside = state.join("node").join(format!("{id}-{hash}"));
        let (alarms, events) = (with.alarms.clone(), with.events.clone());
        let witness = Self { log, keys, alarms, events, path, outside, copy, held: Mutex::default() };
        let inside = witness.stored(&witness.path)?;
        *witness.lock() = inside.clone();
        match witness.stored(&witness.outside) {
            Ok(Some(seen)) => witness.learn(&seen, "copy", with.now())?,
            Ok(None) if inside.is_some() => witness.copy_outside(&inside.map_or_else(Vec::new, |held| held.note)),
            Ok(None) => {}
            Err(e) => (witness.events)(Event::Warning(e.zh, e.en)),
        }
        Ok(witness)
    }

    /// The log that is witnessed.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// What it cosigned last.
    pub fn held(&self) -> Option<Held> {
        self.lock().clone()
    }

    /// Answers a request about this log, whose note was read.
    pub fn add(&self, request: &Request, now: Utc) -> Answer {
        let refused = |status, e: evidence::Error| Answer::Refused(status, e.into());
        if let Err(e) = request.note.verify_log(&self.log.key) {
            return refused(403, e);
        }
        let checkpoint = match Checkpoint::parse(&request.note.text) {
            Ok(checkpoint) => checkpoint,
            Err(e @ evidence::Error::Mismatch { .. }) => return refused(422, e),
            Err(e) => return refused(400, e),
        };
        if request.old > checkpoint.size {
            let expected = format!("at most the checkpoint's {}", checkpoint.size);
            return refused(400, evidence::Error::mismatch("old size", request.old, expected));
        }
        let mut held = self.lock();
        let last = held.clone();
        let (size, root) = match &last {
            Some(held) => (held.checkpoint.size, held.checkpoint.root),
            None => (0, merkle::empty_root()),
        };
        // Whatever is answered: a signed checkpoint that cannot stand beside what is held must not be lost.
        let apart = self.contradiction(&checkpoint, &request.note, last.as_ref(), now);
        if request.old != size {
            return Answer::Size(size);
        }
        if let Some(e) = apart {
            return Answer::Refused(422, e);
        }
        if let Err(e) = merkle::verify_consistency(size, &root, checkpoint.size, &checkpoint.root, &request.proof) {
            let e = Error::from(e);
            if size > 0 && checkpoint.size > size {
                self.not_extending(&checkpoint, &request.note, last.as_ref(), &e, now);
            }
            return Answer::Refused(422, e);
        }
        match self.cosign(&request.note, checkpoint, now) {
            Ok((lines, new)) => {
                (self.events)(Event::Cosigned { origin: self.log.origin().to_owned(), size: new.checkpoint.size });
                *held = Some(new);
                Answer::Cosigned(lines)
            }
            Err(e) => {
                (self.events)(Event::Warning(e.zh.clone(), e.en.clone()));
                Answer::Refused(503, e)
            }
        }
    }

    /// A checkpoint that bears this witness's own cosignature and is ahead of the state: the state is an old one.
    pub(crate) fn learn(&self, seen: &Held, from: &str, now: Utc) -> Result<()> {
        let note = Note::parse(&seen.note)?;
        let own = self.keys.witness.verifier_keys();
        if !own.iter().any(|key| matches!(cosignature::verify(&note, key), Ok(Some(_)))) {
            return Ok(());
        }
        let mut held = self.lock();
        let last = held.clone();
        self.contradiction(&seen.checkpoint, &note, last.as_ref(), now);
        let size = last.as_ref().map_or(0, |held| held.checkpoint.size);
        if seen.checkpoint.size <= size {
            return Ok(());
        }
        let (found, origin) = (seen.checkpoint.size, self.log.origin());
        self.alarms.raise(&Alarm {
            kind: Kind::OldState,
            origin: origin.to_owned(),
            at: now,
            zh: format!("本节点的状态停在 {size}，而带有本节点有效签署的检查点（{from}）已到 {found}：状态丢失或是旧备份。已前移到 {found}，此前的不再签署"),
            en: format!("this node's state stands at {size}, but a checkpoint with its own valid cosignature ({from}) stands at {found}: the state was lost or is an old copy. It was carried forward to {found}; nothing below is cosigned"),
            ours: last.map(|held| held.note),
            theirs: Some(seen.note.clone()),
            proof: None,
        });
        folder::write(&self.path, &seen.note)?;
        self.copy_outside(&seen.note);
        *held = Some(seen.clone());
        Ok(())
    }

    /// What another was shown, beside what is held of the same size; `None`: nothing of that size is.
    pub(crate) fn compare(&self, seen: &Held, now: Utc) -> Result<Option<bool>> {
        let (last, new) = (self.held(), &seen.checkpoint);
        if new.size == 0 || self.known(new.size, last.as_ref()).is_none() {
            return Ok((new.size == 0).then_some(true));
        }
        let note = Note::parse(&seen.note)?;
        Ok(Some(self.contradiction(new, &note, last.as_ref(), now).is_none()))
    }

    /// The root at this size, the signed note that it follows from, and how.
    fn known(&self, size: u64, last: Option<&Held>) -> Option<(Hash, Vec<u8>, Option<String>)> {
        match last.filter(|held| held.checkpoint.size == size) {
            Some(held) => Some((held.checkpoint.root, held.note.clone(), None)),
            None => self.copy.shows(size),
        }
    }

    /// Why this checkpoint cannot stand beside what is held, as an alarm and as a refusal.
    fn contradiction(&self, new: &Checkpoint, note: &Note, last: Option<&Held>, now: Utc) -> Option<Error> {
        let (root, ours, proof) = self.known(new.size, last)?;
        if root == new.root {
            return None;
        }
        let (found, expected) = (hex::encode(&new.root), hex::encode(&root));
        let alarm = fork(&self.log, new.size, &expected, &found, now);
        self.alarms.raise(&Alarm { ours: Some(ours), theirs: Some(note.to_bytes()), proof, ..alarm });
        Some(evidence::Error::mismatch("root of the tree of this size", found, expected).into())
    }

    fn not_extending(&self, new: &Checkpoint, note: &Note, last: Option<&Held>, why: &Error, now: Utc) {
        let (from, to) = (last.map_or(0, |held| held.checkpoint.size), new.size);
        self.alarms.raise(&Alarm {
            kind: Kind::NotExtending,
            origin: self.log.origin().to_owned(),
            at: now,
            zh: format!("账本签署的检查点（{to}）没有被证明延续本节点所持的检查点（{from}）：{}", why.zh),
            en: format!(
                "a checkpoint that the ledger signed ({to}) was not shown to extend the one held here ({from}): {}",
                why.en
            ),
            ours: last.map(|held| held.note.clone()),
            theirs: Some(note.to_bytes()),
            proof: None,
        });
    }

    fn cosign(&self, note: &Note, checkpoint: Checkpoint, now: Utc) -> Result<(String, Held)> {
        let lines = self.keys.witness.cosign(&checkpoint, now)?;
        let of_log = note.line_of(&self.log.key).into_iter().cloned();
        let signatures = of_log.chain(lines.iter().cloned()).collect();
        let bytes = Note { text: note.text.clone(), signatures }.to_bytes();
        folder::write(&self.path, &bytes)?;
        self.copy_outside(&bytes);
        let lines = lines.iter().map(|line| format!("{line}\n")).collect();
        Ok((lines, Held { checkpoint, note: bytes }))
    }

    /// Not synced: it is there for the day when the folder is an old one, not for a power cut.
    fn copy_outside(&self, note: &[u8]) {
        let path = &self.outside;
        let half = path.with_extension("half");
        let dir = path.parent().unwrap_or(path);
        let written =
            fs::create_dir_all(dir).and_then(|()| fs::write(&half, note)).and_then(|()| fs::rename(&half, path));
        if let Err(e) = written {
            let e = Error::io(path, &e);
            (self.events)(Event::Warning(e.zh, e.en));
        }
    }

    /// A note of this witness's own; what the log or this key did not sign is refused.
    fn stored(&self, path: &Path) -> Result<Option<Held>> {
        let Some(bytes) = folder::read(path, MAX_NOTE as u64)? else { return Ok(None) };
        let read = || {
            let held = Held::parse(&bytes, &self.log)?;
            let note = Note::parse(&bytes)?;
            for key in self.keys.witness.verifier_keys() {
                if cosignature::verify(&note, &key)?.is_some() {
                    return Ok(held);
                }
            }
            Err(evidence::Error::Missing { what: "cosigned checkpoint", missing: "this node's own line".to_owned() })
        };
        read().map(Some).map_err(|e| Error::from(e).about(&path.display().to_string()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An alarm about two roots of one size, both hex; its files are still to be filled in.
pub(crate) fn fork(log: &Log, size: u64, ours: &str, theirs: &str, now: Utc) -> Alarm {
    Alarm {
        kind: Kind::Fork,
        origin: log.origin().to_owned(),
        at: now,
        zh: format!("账本分叉：{size} 条的树，本节点所持为 {ours}，账本另签了 {theirs}；两份签名均已留存"),
        en: format!(
            "the ledger forked: for the tree of {size} leaves this node holds {ours}, and the ledger signed {theirs} too; both are kept"
        ),
        ours: None,
        theirs: None,
        proof: None,
    }
}

/// What shows that the tree of a larger checkpoint has this root at a smaller size.
pub(crate) fn shown(size: u64, root: &Hash, proof: &[Hash]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    format!(
        "RFC 6962 consistency proof from the tree below to ours.txt or theirs.txt, whichever is larger\nold {size}\nroot {}\n{}",
        STANDARD.encode(root),
        request::lines(proof)
    )
}
