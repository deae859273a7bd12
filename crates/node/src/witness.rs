//! The witness of one log (C2SP tlog-witness): it cosigns that a checkpoint extends the one before, and nothing else.
//!
//! Rules:
//! - One request at a time; what is cosigned is durable before anybody sees the signature.
//! - It only goes forward from the largest checkpoint that bears its own cosignature, wherever that is found: in the
//!   folder, in the copy outside it, under what the log shows; and it signs nothing that does not extend the node's own
//!   copy of the log as it is at that moment. So neither an old copy of the folder nor whoever asks it makes it sign what
//!   this node knows to be another history.
//! - Where keys are there and what they cosigned is not, it cosigns nothing until the institution says so: nobody else can
//!   know. `begun` says of a log that nothing was cosigned yet.
//! - What its own key and the log's say stands; a checkpoint that cannot stand beside it is refused, and both are kept.

use crate::{
    Error, Event, Events, Result,
    alarms::{Alarm, Alarms, Kind},
    copy::Copy,
    folder,
    keys::Cosigners,
    logs::Log,
    request::{self, Request},
    suspects::Suspects,
};
use evidence::{
    checkpoint::Checkpoint,
    cosignature, hex,
    merkle::{self, Hash},
    note::{MAX_NOTE, Note, VerifierKey},
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
    /// What the copy held at the opening, where that is more than was cosigned.
    floor: Option<Held>,
    /// What was cosigned is not known.
    lost: bool,
    /// Signed checkpoints that were not shown to extend what is held.
    suspects: Suspects,
}

/// So many seconds a cosignature is given again to whoever posts the same checkpoint again: nobody makes a node sign and
/// write without end, and the line is young enough for a ledger, which takes one of half a minute.
const FRESH: u64 = 10;

/// Notes of which logs nothing was cosigned yet: of all, where the keys are new; of those that are added to a node that
/// knows what it cosigned of its other logs; of those whose loss an earlier start told, where the institution says so.
/// Whether it said so of any.
pub(crate) fn begin(data: &Path, logs: &[Log], before: &[String], new_keys: bool, anew: bool) -> Result<bool> {
    let place = |hash: &str| data.join("witness").join(hash);
    let known = |hash: &str| place(hash).join("checkpoint").exists() || place(hash).join(BEGUN).exists();
    let whole = !before.is_empty() && before.iter().all(|hash| known(hash));
    let mut begun_anew = false;
    for hash in logs.iter().map(Log::hash) {
        let (lost, added) = (place(&hash).join(LOST), !before.contains(&hash) && whole);
        let anew = anew && lost.exists();
        if (new_keys || anew || added) && !known(&hash) {
            folder::make(&place(&hash))?;
            folder::write(&place(&hash).join(BEGUN), b"")?;
        }
        if anew {
            fs::remove_file(&lost).map_err(|e| Error::io(&lost, &e))?;
            begun_anew = true;
        }
    }
    Ok(begun_anew)
}

const BEGUN: &str = "begun";
/// A folder.
const SUSPECTS: &str = "suspects";
/// Stays until the institution says that cosigning may begin anew: what a log shows of the past is not all of it.
const LOST: &str = "lost";

impl Witness {
    /// Goes on from what it cosigned last; an older folder than the copy outside raises an alarm and is carried forward.
    pub(crate) fn open(data: &Path, state: &Path, log: Log, copy: Arc<Copy>, with: &crate::Shared) -> Result<Self> {
        let (hash, keys) = (log.hash(), with.keys.clone());
        let id = hex::encode(&keys.witness.verifier_keys()[0].id());
        let path = data.join("witness").join(&hash).join("checkpoint");
        let outside = state.join("node").join(format!("{id}-{hash}"));
        let (alarms, events) = (with.alarms.clone(), with.events.clone());
        let begun = path.with_file_name(BEGUN).exists();
        let suspects = Suspects::open(path.with_file_name(SUSPECTS), &log, &events);
        let (held, floor) = (Mutex::default(), None);
        let mut witness = Self { log, keys, alarms, events, path, outside, copy, held, floor, lost: false, suspects };
        let inside = witness.stored(&witness.path)?;
        *witness.lock() = inside.clone();
        match witness.stored(&witness.outside) {
            Ok(Some(seen)) => witness.learn(&seen, "copy", with.now())?,
            Ok(None) if inside.is_some() => witness.copy_outside(&inside.map_or_else(Vec::new, |held| held.note)),
            Ok(None) => {}
            Err(e) => (witness.events)(Event::Warning(e.zh, e.en)),
        }
        let size = witness.held().map_or(0, |held| held.checkpoint.size);
        witness.floor = witness.copy.held().filter(|held| held.checkpoint.size > size);
        let marker = witness.path.with_file_name(LOST);
        witness.lost = marker.exists() || (!begun && witness.held().is_none());
        if witness.lost {
            folder::make(marker.parent().unwrap_or(&marker))?;
            folder::write(&marker, b"")?;
            witness.alarms.raise(&witness.lost_state(with.now()));
        }
        Ok(witness)
    }

    fn lost_state(&self, at: Utc) -> Alarm {
        let Error { zh, en } = self.unknown_past();
        let (kind, origin) = (Kind::OldState, self.log.origin().to_owned());
        let ours = self.floor.as_ref().map(|held| held.note.clone());
        Alarm { kind, origin, at, zh, en, ours, theirs: None, proof: None }
    }

    fn unknown_past(&self) -> Error {
        let origin = self.log.origin();
        Error::new(
            format!(
                "{origin}：密钥在，而此前签署过什么已无从得知（witness/ 丢失），因此不签署任何检查点，否则可能签署第二份历史。请从备份恢复 witness/；若确已丢失，先向账本的其他见证者核对最新检查点，再用 --begin-anew 启动"
            ),
            format!(
                "{origin}: the keys are there and what they cosigned is not known any more (witness/ is lost), so nothing is cosigned: it could be a second history. Restore witness/ from a backup; if it is lost, compare the newest checkpoint with the ledger's other witnesses first, then start with --begin-anew"
            ),
        )
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
        let (size, root) = match self.base(checkpoint.size, last.as_ref()) {
            Some(held) => (held.checkpoint.size, held.checkpoint.root),
            None => (0, merkle::empty_root()),
        };
        // Whatever is answered: a signed checkpoint that cannot stand beside what is held must not be lost.
        let apart = self.contradiction(&checkpoint, &request.note, last.as_ref(), now);
        let cosigned = last.as_ref().map_or(0, |held| held.checkpoint.size);
        if let Some(last) = last.as_ref().filter(|_| size > cosigned)
            && let Some(e) = self.beside_the_copy(last, now)
        {
            return Answer::Refused(422, e);
        }
        if request.old != size {
            if apart.is_none() && checkpoint.size > size {
                self.suspects.add(&self.log, &checkpoint, &request.note, false);
            }
            return Answer::Size(size);
        }
        if let Some(e) = apart {
            return Answer::Refused(422, e);
        }
        if let Err(e) = merkle::verify_consistency(size, &root, checkpoint.size, &checkpoint.root, &request.proof) {
            let e = Error::from(e);
            if size > 0 && checkpoint.size > size {
                let ours = last.map(|held| held.note);
                // The log signed it; the proof is whoever posted it's, who may be anybody.
                if self.suspects.add(&self.log, &checkpoint, &request.note, true) {
                    self.alarms.tell(&self.not_extending(checkpoint.size, (size, ours), &e, None, now));
                }
            }
            return Answer::Refused(422, e);
        }
        if self.lost {
            return Answer::Refused(503, self.unknown_past());
        }
        if let Some(e) = self.unread(checkpoint.size, cosigned) {
            return Answer::Refused(503, e);
        }
        let again = last.as_ref().filter(|last| last.checkpoint == checkpoint);
        if let Some(lines) = again.and_then(|last| self.fresh(last, now)) {
            return Answer::Cosigned(lines);
        }
        match self.cosign(&request.note, checkpoint, now) {
            Ok((lines, new)) => {
                if again.is_none() {
                    (self.events)(Event::Cosigned { origin: self.log.origin().to_owned(), size: new.checkpoint.size });
                }
                self.suspects.forget(&new.checkpoint);
                *held = Some(new);
                Answer::Cosigned(lines)
            }
            Err(e) => {
                (self.events)(Event::Warning(e.zh.clone(), e.en.clone()));
                Answer::Refused(503, e)
            }
        }
    }

    /// What a checkpoint of this size must extend: what was cosigned last; where the node's own copy is further, the copy,
    /// as it is now. A tree that lies within the copy is judged by the copy itself.
    fn base(&self, size: u64, last: Option<&Held>) -> Option<Held> {
        let cosigned = last.map_or(0, |held| held.checkpoint.size);
        let copy = self.copy.held().filter(|held| held.checkpoint.size < size);
        let further = copy.into_iter().chain(self.floor.clone()).filter(|held| held.checkpoint.size > cosigned);
        further.max_by_key(|held| held.checkpoint.size).or_else(|| last.cloned())
    }

    /// Why the copy, which is further than what was cosigned, is of another history: it came to be while that was signed.
    fn beside_the_copy(&self, last: &Held, now: Utc) -> Option<Error> {
        let note = Note::parse(&last.note).ok()?;
        self.contradiction(&last.checkpoint, &note, None, now)
    }

    /// Why a tree that lies within the copy cannot be held against it.
    fn unread(&self, size: u64, cosigned: u64) -> Option<Error> {
        let copy = self.copy.held()?.checkpoint.size;
        if size <= cosigned || size > copy || self.copy.shows(size).is_some() {
            return None;
        }
        Some(Error::new(
            format!("本节点的副本有 {copy} 条，却读不出 {size} 条的树，无法核对，因此不签署；请检查磁盘并重新启动节点"),
            format!(
                "this node's copy has {copy} leaves and does not show the tree of {size}, so nothing is cosigned that cannot be held against it; check the disk and start the node again"
            ),
        ))
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

    /// An alarm about this log.
    pub(crate) fn raise(&self, alarm: &Alarm) {
        self.alarms.raise(alarm);
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

    /// What the log signed and somebody showed, with nothing that it could be held against now: judged once it can be.
    pub(crate) fn remember(&self, seen: &Held) -> Result<()> {
        self.suspects.add(&self.log, &seen.checkpoint, &Note::parse(&seen.note)?, false);
        Ok(())
    }

    fn not_extending(
        &self,
        to: u64,
        (from, ours): (u64, Option<Vec<u8>>),
        why: &Error,
        theirs: Option<&Held>,
        now: Utc,
    ) -> Alarm {
        Alarm {
            kind: Kind::NotExtending,
            origin: self.log.origin().to_owned(),
            at: now,
            zh: format!("账本签署的检查点（{to}）没有被证明延续本节点所持的检查点（{from}）：{}", why.zh),
            en: format!(
                "a checkpoint that the ledger signed ({to}) was not shown to extend the one held here ({from}): {}",
                why.en
            ),
            ours,
            theirs: theirs.map(|held| held.note.clone()),
            proof: None,
        }
    }

    /// What was not shown to extend what is held; those that the copy can judge by now are judged and gone.
    pub(crate) fn suspects(&self, now: Utc) -> Vec<Held> {
        let judged = |seen: &Held| matches!(self.compare(seen, now), Ok(Some(_)));
        let (known, rest): (Vec<_>, Vec<_>) = self.suspects.all().into_iter().partition(judged);
        known.iter().for_each(|seen| self.suspects.forget(&seen.checkpoint));
        rest
    }

    /// The log's files say what one of them is: `wrong`, that they do not make it up.
    pub(crate) fn settle(&self, seen: &Held, wrong: Option<&Error>, now: Utc) {
        if let Some(why) = wrong {
            let ours = self.held().map_or((0, None), |held| (held.checkpoint.size, Some(held.note)));
            self.alarms.raise(&self.not_extending(seen.checkpoint.size, ours, why, Some(seen), now));
        }
        self.suspects.forget(&seen.checkpoint);
    }

    /// Its own lines under what it cosigned last, where each is that young.
    fn fresh(&self, last: &Held, now: Utc) -> Option<String> {
        let (note, now) = (Note::parse(&last.note).ok()?, u64::try_from(now.unix_seconds()).ok()?);
        let line = |key: VerifierKey| {
            let word = cosignature::verify(&note, &key).ok()??;
            let young = now.checked_sub(word.unix_seconds)? < FRESH;
            note.line_of(&key).filter(|_| young).map(|line| format!("{line}\n"))
        };
        self.keys.witness.verifier_keys().into_iter().map(line).collect()
    }

    fn cosign(&self, note: &Note, checkpoint: Checkpoint, now: Utc) -> Result<(String, Held)> {
        let lines = self.keys.witness.cosign(&checkpoint, now)?;
        let of_log = note.line_of(&self.log.key).into_iter().cloned();
        let signatures = of_log.chain(lines.iter().cloned()).collect();
        let bytes = Note { text: note.text.clone(), signatures }.to_bytes();
        folder::write(&self.path, &bytes)?;
        let _ = fs::remove_file(self.path.with_file_name(BEGUN));
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
