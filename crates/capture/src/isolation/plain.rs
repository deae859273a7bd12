//! The named weaker mode, `weaker-shared-network`: for machines that permit no namespaces, and only where the operator
//! chose it by name. The browser then shares network, processes and files with its user; the guard is its proxy, which
//! is asked for, not enforced. Whether its own sandbox can run is tried, and told.
//!
//! Ends Chromium and whatever it left behind when Chromium ends and when the control socket hangs up. Without a PID
//! namespace nothing can promise more: what is stopped or detaches itself may survive.

use std::collections::BTreeMap;
use std::fs;
use std::io::Stdin;
use std::net::TcpListener;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sched::{CloneFlags, unshare};
use rustix::process::{self, Pid, Signal};
use serde_json::{Value, json};

use super::init::{attend, browser, drop_rights, process};
use super::namespaces::{Step, order, send_descriptor, step, told};
use crate::role::Role;

/// The mode's name, as the operator types it and the record says it.
pub(crate) const NAME: &str = "weaker-shared-network";
/// Rounds of ending what is left.
const ROUNDS: usize = 50;

pub(crate) fn run() -> i32 {
    told(work)
}

/// Whether a process may make a user namespace; plays a role of its own, as it cannot be undone.
pub(crate) fn try_namespace() -> i32 {
    i32::from(unshare(CloneFlags::CLONE_NEWUSER).is_err())
}

fn work(control: &Stdin) -> Step<i32> {
    let order = order()?;
    // Orphans come to us, so that they can be ended.
    step("subreaper", process::set_child_subreaper(Pid::from_raw(1)))?;
    let listener = step("listener", TcpListener::bind("127.0.0.1:0"))?;
    let port = step("listener", listener.local_addr())?.port();
    step("handing the listener out", send_descriptor(control, &listener))?;
    drop(listener);
    let sandbox =
        Command::new("/proc/self/exe").arg(Role::Try.argument()).status().is_ok_and(|status| status.success());
    let folder = step("profile", Folder::new())?;
    drop_rights(order.memory_bytes)?;
    let kept = order.arguments.iter().filter(|argument| !argument.starts_with("--user-data-dir="));
    let mut command = browser(&order, kept, port, &folder.0);
    command
        .arg(format!("--user-data-dir={}", folder.0.join("profile").display()))
        .args((!sandbox).then_some("--no-sandbox"))
        .env("TMPDIR", &folder.0);
    let chromium = step("starting Chromium", command.spawn())?;
    let ended = attend(
        control,
        &chromium,
        || json!({ "isolation": NAME, "sandbox": sandbox, "processes": family().iter().map(|pid| process(*pid)).collect::<Vec<Value>>() }),
    );
    for _ in 0..ROUNDS {
        let left = family();
        if left.is_empty() {
            break;
        }
        for pid in left.into_iter().filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?)) {
            let _ = process::kill_process(pid, Signal::KILL);
        }
        while let Ok(Some(_)) = process::wait(process::WaitOptions::NOHANG) {}
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    ended
}

/// All that descends from this process.
fn family() -> Vec<u32> {
    let mut parents = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
        parents.extend(parent.map(|parent| (pid, parent)));
    }
    let own = std::process::id();
    let ours = |mut pid: u32| {
        for _ in 0..64 {
            match parents.get(&pid) {
                Some(parent) if *parent == own => return true,
                Some(parent) => pid = *parent,
                None => return false,
            }
        }
        false
    };
    parents.keys().copied().filter(|pid| ours(*pid)).collect()
}

/// Mode 0700, removed at the end. One that a kill left behind is swept with the recordings' folders.
struct Folder(PathBuf, #[allow(dead_code, reason = "held while this process lives")] fs::File);

impl Folder {
    fn new() -> std::io::Result<Self> {
        let name = format!("{}plain-{}", crate::spool::PREFIX, std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        let lock = crate::spool::lock(&path)?;
        Ok(Self(path, lock))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

/// Chromium's last writes may come between.
fn remove(path: &Path) {
    for _ in 0..10 {
        if fs::remove_dir_all(path).is_ok() || !path.exists() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
