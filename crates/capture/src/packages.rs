//! Whether the programs and roots that a capture rests on are still what the distribution installed, by the machine's
//! own package database. Whoever can change both changes both: this finds accidents and careless hands, and says so.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use evidence::time::Utc;
use serde_json::{Value, json};

use crate::clock::wall;

const DPKG: &str = "/usr/bin/dpkg";
const PACKAGES: &[&str] = &["chromium", "chromium-common", "ca-certificates"];
/// It reads some 300 MB.
const WAIT: Duration = Duration::from_secs(20);
/// A run of many captures does not read them for each.
const KEPT: Duration = Duration::from_secs(300);
const OUTPUT_MAX: u64 = 256 << 10;
const LINES_MAX: usize = 200;

/// A verification that goes on beside the capture, at the lowest priority. Dropped, it ends.
pub(crate) struct Verifying {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Value>>,
}

impl Verifying {
    /// Begins `dpkg --verify`. An earlier result stands for some minutes, and its time is in it.
    pub(crate) fn begin() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        Self { stop, thread: Some(std::thread::spawn(move || verify(&stopped))) }
    }

    /// What was found; what is not done within `wait` is left, and said.
    pub(crate) fn end(mut self, wait: Duration) -> Value {
        let Some(thread) = self.thread.take() else { return Value::Null };
        let end = Instant::now() + wait;
        while !thread.is_finished() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(10));
        }
        self.stop.store(true, Ordering::SeqCst);
        thread.join().unwrap_or_default()
    }
}

impl Drop for Verifying {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

fn verify(stop: &AtomicBool) -> Value {
    static LAST: Mutex<Option<(Instant, Value)>> = Mutex::new(None);
    if let Ok(last) = LAST.lock()
        && let Some((_, value)) = last.as_ref().filter(|(at, _)| at.elapsed() < KEPT)
    {
        return value.clone();
    }
    let value = run(Path::new(DPKG), WAIT, stop);
    if value.get("not_checked").is_none()
        && let Ok(mut last) = LAST.lock()
    {
        *last = Some((Instant::now(), value.clone()));
    }
    value
}

fn run(dpkg: &Path, wait: Duration, stop: &AtomicBool) -> Value {
    let at = Utc(wall()).to_micros();
    let none = |reason: String| json!({ "at": at, "packages": PACKAGES, "not_checked": reason });
    if !dpkg.is_file() {
        return none(format!("{} is not here", dpkg.display()));
    }
    // Ends with the thread that waits for it, whatever ends that.
    let mut command = Command::new("/usr/bin/setpriv");
    command
        .args(["--pdeathsig", "KILL", "/usr/bin/nice", "-n", "19"])
        .arg(dpkg)
        .arg("--verify")
        .args(PACKAGES)
        .env_clear()
        .env("PATH", "/usr/bin:/bin");
    command.env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(e) => return none(e.to_string()),
    };
    let reading = child.stdout.take().map(|pipe| {
        std::thread::spawn(move || {
            let mut out = Vec::new();
            let _ = pipe.take(OUTPUT_MAX).read_to_end(&mut out);
            out
        })
    });
    let end = Instant::now() + wait;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < end && !stop.load(Ordering::SeqCst) => {
                std::thread::sleep(Duration::from_millis(20))
            }
            other => {
                let _ = child.kill();
                let _ = child.wait();
                return none(match other {
                    Err(e) => e.to_string(),
                    _ if stop.load(Ordering::SeqCst) => "not done when the capture ended".to_owned(),
                    _ => format!("not done within {} s", wait.as_secs()),
                });
            }
        }
    };
    let out = reading.and_then(|reading| reading.join().ok()).unwrap_or_default();
    let out = String::from_utf8_lossy(&out);
    let lines: Vec<&str> = out.lines().take(LINES_MAX).collect();
    if status.code().is_none_or(|code| code > 1) || (!status.success() && lines.is_empty()) {
        return none(format!("dpkg ended with {status}"));
    }
    let changed: Vec<&str> = lines.iter().copied().filter(|line| matters(line)).collect();
    json!({ "at": at, "packages": PACKAGES, "changed": changed, "lines": lines })
}

/// Settings and documentation may be changed or left out by an operator; programs, libraries and roots may not.
fn matters(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let (first, rest) = (words.next().unwrap_or_default(), words.collect::<Vec<_>>());
    let setting = rest.len() > 1 && rest[0] == "c";
    let path = rest.last().copied().unwrap_or_default();
    let left_out = first == "missing"
        && ["/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/", "/usr/share/lintian/"]
            .iter()
            .any(|start| path.starts_with(start));
    !setting && !left_out && !path.is_empty()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A program in `dpkg`'s place.
    fn fake(script: &str, wait: Duration) -> Value {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dpkg");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        run(&path, wait, &AtomicBool::new(false))
    }

    #[test]
    fn a_changed_program_matters_and_left_out_manuals_do_not() {
        let script = "echo '??5??????   /usr/lib/chromium/chromium'
            echo '??5?????? c /etc/chromium.d/default-flags'
            echo 'missing     /usr/share/doc/chromium/NEWS.gz'
            echo 'missing     /usr/share/ca-certificates/mozilla/ISRG_Root_X1.crt'; exit 1";
        let value = fake(script, WAIT);
        let changed = value["changed"].as_array().unwrap();
        assert_eq!((changed.len(), value["lines"].as_array().unwrap().len()), (2, 4), "{value}");
        assert!(changed[0].as_str().unwrap().ends_with("/usr/lib/chromium/chromium"));
        assert_eq!(fake("exit 0", WAIT)["changed"], json!([]));
    }

    #[test]
    fn what_could_not_be_checked_is_said() {
        assert!(fake("sleep 30", Duration::from_millis(100))["not_checked"].as_str().unwrap().contains("within"));
        assert!(fake("exit 2", WAIT)["not_checked"].is_string());
        assert!(run(Path::new("/nowhere"), WAIT, &AtomicBool::new(false))["not_checked"].is_string());
    }
}
