//! A run over files of which another machine makes the records: looked through as for a data folder, then sent.
//!
//! Rules:
//! - What is said of a run is what is said on a folder: every name gives one [`Event`].
//! - Every file is read twice, first for its digests: what was sent is held against them, and of two files with the
//!   same bytes the second waits for the first, so that it becomes no second record.
//! - A file that changes while it is sent is not sent to its end, so that nothing is recorded of it.

use crate::{
    DepositLine, DepositRequest, Error, Event, Planned, Result, Warnings,
    error::show_path,
    intake::{self, INTERRUPTED, Taken},
    lines::{dry, failed, nothing, passed},
    plan::{self, Due, Item},
    rights::own_words,
};
use evidence::digest::FileDigests;
use std::{
    collections::{BTreeMap, HashSet},
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
};

/// A file on its way to another machine.
pub struct Outgoing {
    /// As given, or below what was given.
    pub path: PathBuf,
    /// The name that is claimed.
    pub file_name: String,
    /// Both digests and the size.
    pub digests: FileDigests,
    /// From the leading bytes.
    pub media_type: &'static str,
    /// Claim name → value.
    pub claims: BTreeMap<String, String>,
    due: Due,
}

/// What became of a file.
pub enum Sent {
    /// Its record.
    Line(Box<DepositLine>),
    /// This one was refused.
    Refused(Error),
    /// Nothing more can be sent.
    Ended(Error),
}

/// A file's bytes as they are sent: the same as were digested, or an error before the last of them is out.
pub struct Body<'a> {
    file: File,
    path: PathBuf,
    due: &'a Due,
    left: u64,
}

impl Outgoing {
    fn read(due: Due, request: &DepositRequest, stop: &AtomicBool) -> Result<(Self, Warnings)> {
        let Taken { file_name, digests, media_type, mut warnings, .. } =
            intake::take(&due, None, false, stop, &mut |_| ())?;
        let mut claims = request.claims_of(&due.path).into_owned();
        if request.from_file {
            warnings.extend(own_words::fill(&due.path, media_type, &mut claims));
        }
        Ok((Self { path: due.path.clone(), file_name, digests, media_type, claims, due }, warnings))
    }

    /// Opens it for sending.
    pub fn body(&self) -> Result<Body<'_>> {
        let file = File::open(&self.path).map_err(|e| Error::io(&self.path, &e))?;
        Ok(Body { file, path: self.path.clone(), due: &self.due, left: self.digests.size })
    }
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Ok(0);
        }
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let n = self.file.read(&mut buffer[..most])?;
        self.left -= n as u64;
        let changed = || io::Error::new(io::ErrorKind::InvalidData, format!("{} changed", show_path(&self.path)));
        if n == 0 && !buffer.is_empty() {
            return Err(changed());
        }
        // The last piece is held back until nobody can have written.
        if self.left == 0 && !intake::same_bytes(&self.due.stamp, &plan::stamp(&std::fs::metadata(&self.path)?)) {
            return Err(changed());
        }
        Ok(n)
    }
}

/// What carries files: what became of each, in order. Its second argument is told how many bytes more are there.
pub type Carrier<'a> = &'a (dyn Fn(&[Outgoing], &mut dyn FnMut(u64)) -> Vec<Sent> + Sync);

/// Looks through the request's paths and hands the files to `carry`, `together` in one call, `at_once` calls side by side.
pub fn send(
    request: &DepositRequest,
    together: usize,
    at_once: usize,
    carry: Carrier<'_>,
    events: &mut dyn FnMut(Event),
) -> Result<()> {
    crate::register::check_rights(&request.rights.claims)?;
    let due = look(request, events)?;
    if request.dry_run {
        return Ok(());
    }
    let never = AtomicBool::new(false);
    let stop = request.stop.as_deref().unwrap_or(&never);
    let groups: Vec<(usize, &[Due])> = due.chunks(together).enumerate().map(|(n, g)| (n * together, g)).collect();
    let (next, ended, busy) = (AtomicUsize::new(0), AtomicBool::new(false), Busy::default());
    let (mut done, mut why) = (vec![false; due.len()], None);
    std::thread::scope(|scope| {
        let (tell, steps) = mpsc::sync_channel(64);
        for _ in 0..at_once.min(groups.len()) {
            let (tell, next, ended, busy, groups) = (tell.clone(), &next, &ended, &busy, &groups);
            scope.spawn(move || {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let go_on = !stop.load(Ordering::Relaxed) && !ended.load(Ordering::Relaxed);
                    let Some((first, group)) = groups.get(n).filter(|_| go_on) else { return };
                    for step in carried(*first, group, request, stop, busy, carry, &tell) {
                        let over = matches!(&step, Step::Done(_, sent, _) if matches!(**sent, Sent::Ended(_)));
                        ended.fetch_or(over, Ordering::Relaxed);
                        let _ = tell.send(step);
                    }
                }
            });
        }
        drop(tell);
        for step in steps {
            let (n, line) = match step {
                Step::Read(bytes) => {
                    events(Event::Read { bytes });
                    continue;
                }
                Step::Done(n, sent, warnings) => match *sent {
                    Sent::Line(line) => (n, DepositLine { warnings, ..*line }),
                    Sent::Refused(error) if error.code == INTERRUPTED => continue,
                    Sent::Refused(error) => (n, failed(&due[n].path, &error)),
                    Sent::Ended(error) => {
                        why.get_or_insert(error);
                        continue;
                    }
                },
            };
            done[n] = true;
            events(Event::Done(Box::new(complete(line, &due[n]))));
        }
    });
    for (due, _) in due.iter().zip(done).filter(|(_, done)| !done) {
        let error = why.clone().unwrap_or_else(|| intake::interrupted(&due.path));
        let line = DepositLine { status: INTERRUPTED.into(), ..failed(&due.path, &error) };
        events(Event::Left(Box::new(complete(line, due))));
    }
    why.map_or(Ok(()), Err)
}

/// Reads the files of one call and has them carried.
fn carried(
    first: usize,
    group: &[Due],
    request: &DepositRequest,
    stop: &AtomicBool,
    busy: &Busy,
    carry: Carrier<'_>,
    tell: &mpsc::SyncSender<Step>,
) -> Vec<Step> {
    let (mut steps, mut places, mut files) = (Vec::new(), Vec::new(), Vec::new());
    for (n, file) in (first..).zip(group) {
        match Outgoing::read(file.clone(), request, stop) {
            Ok((file, warnings)) => {
                places.push((n, warnings));
                files.push(file);
            }
            Err(error) => steps.push(Step::Done(n, Box::new(Sent::Refused(error)), Warnings::new())),
        }
    }
    if !files.is_empty() {
        let _turn = busy.turn(files.iter().map(|file| file.digests.sha256).collect());
        let sent = carry(&files, &mut |bytes| drop(tell.send(Step::Read(bytes))));
        steps.extend(places.into_iter().zip(sent).map(|((n, warnings), sent)| Step::Done(n, Box::new(sent), warnings)));
    }
    steps
}

enum Step {
    Read(u64),
    Done(usize, Box<Sent>, Warnings),
}

/// What there is to send; what cannot be is handed out at once.
fn look(request: &DepositRequest, events: &mut dyn FnMut(Event)) -> Result<Vec<Due>> {
    let (mut planned, mut all) = (Planned::default(), Vec::new());
    plan::walk(None, request, &mut |item| {
        match item {
            Item::Due(due) => {
                planned.count(&due);
                if request.dry_run {
                    events(Event::Done(Box::new(dry(&due))));
                }
                all.push(due);
            }
            Item::Refused { path, error } => {
                planned.refused += 1;
                events(Event::Done(Box::new(failed(&path, &error))));
            }
            Item::Passed { path, why } => {
                *planned.passed.entry(why.code()).or_default() += 1;
                events(passed(path, why));
            }
            // Nothing is known without a data folder.
            Item::Known { .. } => {}
        }
        Ok(())
    })?;
    if planned.files + planned.refused == 0 {
        return Err(nothing(request, &planned));
    }
    events(Event::Planned(planned));
    Ok(all)
}

fn complete(line: DepositLine, due: &Due) -> DepositLine {
    DepositLine { file: shown(&due.path), path: due.key.clone(), size: Some(due.stamp.size), ..line }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// SHA-256 of the files that are on their way.
#[derive(Default)]
struct Busy {
    held: Mutex<HashSet<[u8; 32]>>,
    free: Condvar,
}

struct Turn<'a> {
    busy: &'a Busy,
    held: HashSet<[u8; 32]>,
}

impl Busy {
    /// Waits until no file with any of these bytes is on its way.
    fn turn(&self, wanted: HashSet<[u8; 32]>) -> Turn<'_> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = |held: &mut HashSet<[u8; 32]>| !held.is_disjoint(&wanted);
        let mut held = self.free.wait_while(held, taken).unwrap_or_else(PoisonError::into_inner);
        held.extend(&wanted);
        Turn { busy: self, held: wanted }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.busy.held.lock().unwrap_or_else(PoisonError::into_inner).retain(|sha256| !self.held.contains(sha256));
        self.busy.free.notify_all();
    }
}
