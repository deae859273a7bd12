//! A folder under watch: what comes into it is registered once it is finished.
//!
//! Rules:
//! - It is looked through again and again: that also works where a file system tells nobody of changes, as network
//!   shares do. The pause is at least twenty times as long as the looking took.
//! - A file is finished when it has looked the same for the settling time, by this machine's own clock.
//! - The data folder is held only while something is recorded, so that other commands go on beside a watch.
//! - A folder that vanishes is waited for; what was registered from it stands.

use crate::{
    DepositRequest, Error, Event, Folder, Mode, Passed, Result,
    plan::{self, Due, Item},
};
use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::atomic::Ordering,
    time::{Duration, Instant},
};
use store::Stamp;

/// Shortest pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// How often a pause looks whether it is to end.
const TICK: Duration = Duration::from_millis(100);
/// Endings of files that some program is still writing, whatever they look like.
const UNFINISHED: [&str; 6] = [".part", ".partial", ".filepart", ".crdownload", ".download", ".tmp"];

/// What a watch tells.
#[derive(Clone, Debug)]
pub enum WatchEvent {
    /// A watched folder is not there; it is waited for.
    Gone(PathBuf),
    /// It is there again.
    Back(PathBuf),
    /// Another process holds the data folder; what is finished waits.
    Busy(Error),
    /// Of a run over what was finished.
    Run(Event),
}

/// Watches until the request's `stop` is set. Returns the folders that were missing then.
pub fn watch(
    dir: &Path,
    request: &DepositRequest,
    settle: Duration,
    events: &mut dyn FnMut(WatchEvent),
) -> Result<BTreeSet<PathBuf>> {
    for path in &request.paths {
        std::fs::metadata(path).map_err(|e| Error::io(path, &e))?;
    }
    let reader = Folder::open(dir, Mode::Read)?;
    let stopped = || request.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed));
    let mut watch = Watch::new(request, settle);
    while !stopped() {
        let begun = Instant::now();
        let ready = watch.look(&reader, events)?;
        let looked = begun.elapsed();
        if !ready.is_empty() {
            match Folder::open(dir, Mode::Write) {
                Ok(mut folder) => watch.record(&mut folder, ready, events).and_then(|()| folder.close())?,
                Err(e) if e.code == "busy" => events(WatchEvent::Busy(e)),
                Err(e) => return Err(e),
            }
        }
        let until = Instant::now() + PAUSE.max(looked * 20);
        while Instant::now() < until && !stopped() {
            std::thread::sleep(TICK);
        }
    }
    Ok(watch.gone)
}

struct Watch<'a> {
    request: &'a DepositRequest,
    settle: Duration,
    /// Files that are not finished yet: how they look, and since when.
    open: HashMap<PathBuf, (Stamp, Instant)>,
    /// What was come to, as it looked then: not tried again until it looks otherwise.
    handled: HashMap<PathBuf, Stamp>,
    /// What was said of names that are left out or cannot be reached.
    told: HashMap<PathBuf, &'static str>,
    gone: BTreeSet<PathBuf>,
}

impl<'a> Watch<'a> {
    fn new(request: &'a DepositRequest, settle: Duration) -> Self {
        let (open, handled, told, gone) = (HashMap::new(), HashMap::new(), HashMap::new(), BTreeSet::new());
        Self { request, settle, open, handled, told, gone }
    }

    /// What is finished and not registered.
    fn look(&mut self, folder: &Folder, events: &mut dyn FnMut(WatchEvent)) -> Result<Vec<Due>> {
        let (there, missing): (Vec<PathBuf>, Vec<PathBuf>) =
            self.request.paths.iter().cloned().partition(|path| std::fs::metadata(path).is_ok());
        for path in missing {
            if self.gone.insert(path.clone()) {
                events(WatchEvent::Gone(path));
            }
        }
        for path in &there {
            if self.gone.remove(path) {
                events(WatchEvent::Back(path.clone()));
            }
        }
        let request = DepositRequest { paths: there, ..self.request.clone() };
        let (mut ready, mut open, now) = (Vec::new(), HashMap::new(), Instant::now());
        plan::walk(Some(folder), &request, &mut |item| {
            match item {
                Item::Due(due) if unfinished(&due.path) => self.pass(due.path, Passed::Unfinished, events),
                Item::Due(due) if self.handled.get(&due.key) == Some(&due.stamp) => {}
                Item::Due(due) => match self.open.get(&due.key) {
                    Some((stamp, since)) if *stamp == due.stamp && now.duration_since(*since) >= self.settle => {
                        ready.push(due);
                    }
                    before => {
                        let since = before.filter(|(stamp, _)| *stamp == due.stamp).map_or(now, |(_, since)| *since);
                        open.insert(due.key, (due.stamp, since));
                    }
                },
                // Gone again between two calls.
                Item::Refused { error, .. } if error.code == "not-found" => {}
                Item::Refused { path, error } => {
                    if self.told.insert(path.clone(), error.code) != Some(error.code) {
                        events(WatchEvent::Run(Event::Done(Box::new(crate::lines::failed(&path, &error)))));
                    }
                }
                Item::Passed { path, why } => self.pass(path, why, events),
                Item::Known { .. } => {}
            }
            Ok(())
        })?;
        self.open = open;
        Ok(ready)
    }

    fn pass(&mut self, path: PathBuf, why: Passed, events: &mut dyn FnMut(WatchEvent)) {
        if self.told.insert(path.clone(), why.code()) != Some(why.code()) {
            events(WatchEvent::Run(crate::lines::passed(path, why)));
        }
    }

    fn record(&mut self, folder: &mut Folder, ready: Vec<Due>, events: &mut dyn FnMut(WatchEvent)) -> Result<()> {
        let stamps: HashMap<PathBuf, Stamp> = ready.iter().map(|due| (due.key.clone(), due.stamp)).collect();
        let handled = &mut self.handled;
        folder.deposit_these(self.request, ready, &mut |event| {
            if let Event::Done(line) = &event
                && let Some(stamp) = stamps.get(&line.path)
            {
                handled.insert(line.path.clone(), *stamp);
            }
            events(WatchEvent::Run(event));
        })
    }
}

fn unfinished(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    name.starts_with("~$") || UNFINISHED.iter().any(|ending| name.ends_with(ending))
}
