//! PID 1 inside: hides the file system, drops every right, runs Chromium, reaps, and answers `P`.
//!
//! Ends, and with it all that is inside, when Chromium ends, when the helper dies, and when the control
//! socket hangs up.

use std::collections::BTreeSet;
use std::io::Stdin;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::StatVfsMountFlags;
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change, mount_remount};
use rustix::net::{RecvFlags, SendFlags, recv, send};
use rustix::process::{self, DumpableBehavior, PidfdFlags, Resource, Rlimit, Signal, WaitOptions};
use rustix::thread::{self, CapabilitySet};
use serde_json::{Value, json};

use super::Order;
use super::namespaces::{Step, order, set_capabilities, step, told};

/// Of `/`, what Chromium needs; every other folder is hidden.
const KEPT: &[&str] = &["bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "sys", "usr", "var"];
/// Of `/var`: font caches.
const KEPT_VAR: &[&str] = &["cache"];
/// Settings that could steer Chromium from the host.
const HIDDEN: &[&str] = &["/etc/chromium", "/etc/chromium.d", "/etc/opt/chrome", "/etc/quezao", "/usr/local"];
const COMMAND_LINE_MAX: usize = 300;

pub(crate) fn run() -> i32 {
    told(work)
}

fn work(control: &Stdin) -> Step<i32> {
    let order = order()?;
    // Follows the parent's thread; the helper has one only.
    step("death signal", process::set_parent_process_death_signal(Some(Signal::KILL)))?;
    hide(&order)?;
    // Where memory runs out, the kernel ends the capture first. Not permitted is no harm.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    drop_rights(order.memory_bytes)?;
    let mut command = browser(&order, &order.arguments, order.port, Path::new("/tmp"));
    let chromium = step("starting Chromium", command.spawn())?;
    attend(control, &chromium, inside)
}

/// Chromium with its one way out, which stands behind all other arguments, and with nothing of its surroundings.
pub(super) fn browser<'a>(
    order: &Order,
    arguments: impl IntoIterator<Item = &'a String>,
    port: u16,
    home: &Path,
) -> Command {
    let mut command = Command::new(&order.chromium);
    command
        .args(arguments)
        .arg(format!("--proxy-server=http://127.0.0.1:{port}"))
        .current_dir(home)
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/bin:/bin")
        .env("LANG", &order.locale)
        .env("TZ", &order.time_zone)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

/// Says that Chromium runs, reaps, answers `P`, until Chromium ends or the process outside does.
pub(crate) fn attend(control: &Stdin, chromium: &Child, inside: impl Fn() -> Value) -> Step<i32> {
    let pid = process::Pid::from_child(chromium);
    let pidfd = step("watching Chromium", process::pidfd_open(pid, PidfdFlags::empty()))?;
    step("telling", send(control, b"R", SendFlags::NOSIGNAL))?;
    loop {
        let second = Timespec { tv_sec: 1, tv_nsec: 0 };
        let mut fds = [PollFd::new(control, PollFlags::IN), PollFd::new(&pidfd, PollFlags::IN)];
        match poll(&mut fds, Some(&second)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return step("poll", Err(e)),
        }
        let asked = fds[0].revents();
        while let Ok(Some((who, how))) = process::wait(WaitOptions::NOHANG) {
            if who == pid {
                return Ok(how.exit_status().or(how.terminating_signal().map(|signal| 128 + signal)).unwrap_or(73));
            }
        }
        if !asked.is_empty() {
            let mut byte = [0; 1];
            match recv(control, &mut byte, RecvFlags::DONTWAIT) {
                Ok((1, _)) if byte == *b"P" => {
                    let mut answer = b"P".to_vec();
                    answer.extend(inside().to_string().into_bytes());
                    let _ = send(control, &answer, SendFlags::NOSIGNAL);
                }
                Err(rustix::io::Errno::AGAIN) => {}
                _ => return Ok(72), // the process outside closed its end, or died
            }
        }
    }
}

/// After this nothing of the host is seen but its programs, and nothing of it can be written.
fn hide(order: &Order) -> Step<()> {
    let no = MountFlags::NOSUID | MountFlags::NODEV;
    step("private mounts", mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC))?;
    step("mount /proc", mount("proc", "/proc", "proc", no | MountFlags::NOEXEC, None))?;
    let mut flags = MountFlags::BIND | MountFlags::RDONLY;
    // A user namespace may add to the mount's flags, never take away.
    let now = step("statvfs /", rustix::fs::statvfs("/"))?.f_flag;
    for (has, keep) in [
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
        (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    ] {
        if now.contains(has) {
            flags |= keep;
        }
    }
    step("read-only /", mount_remount("/", flags, ""))?;
    let scratch = format!("mode=0700,size={}", order.scratch_bytes);
    let scratch = step("scratch size", std::ffi::CString::new(scratch))?;
    let mut empty: BTreeSet<String> = HIDDEN.iter().map(|path| (*path).to_owned()).collect();
    empty.extend(others("/", KEPT)?);
    empty.extend(others("/var", KEPT_VAR)?);
    for path in &empty {
        if path == "/tmp" || !real_folder(Path::new(path)) {
            continue;
        }
        step(path, mount("tmpfs", path, "tmpfs", no | MountFlags::RDONLY, Some(c"mode=0500,size=4k")))?;
    }
    for path in &order.hide {
        if real_folder(path) {
            step(
                "hiding a data folder",
                mount("tmpfs", path, "tmpfs", no | MountFlags::RDONLY, Some(c"mode=0500,size=4k")),
            )?;
        }
    }
    for path in ["/tmp", "/dev/shm"] {
        step(path, mount("tmpfs", path, "tmpfs", no, Some(scratch.as_c_str())))?;
    }
    step("chdir", process::chdir("/tmp"))
}

pub(crate) fn drop_rights(memory: u64) -> Step<()> {
    step("capabilities", thread::clear_ambient_capability_set())?;
    step("capabilities", set_capabilities(CapabilitySet::empty()))?;
    step("no_new_privs", thread::set_no_new_privs(true))?;
    // Nothing inside may ptrace PID 1.
    step("not dumpable", process::set_dumpable_behavior(DumpableBehavior::NotDumpable))?;
    // Writable memory of each process; what is only reserved does not count.
    let limit = Rlimit { current: Some(memory), maximum: Some(memory) };
    step("memory limit", process::setrlimit(Resource::Data, limit))?;
    step("no core files", process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }))
}

fn others(folder: &str, kept: &[&str]) -> Step<Vec<String>> {
    let mut found = Vec::new();
    for entry in step(folder, std::fs::read_dir(folder))?.flatten() {
        if let Ok(name) = entry.file_name().into_string()
            && !kept.contains(&name.as_str())
        {
            found.push(format!("{}/{name}", folder.trim_end_matches('/')));
        }
    }
    Ok(found)
}

fn real_folder(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir())
}

/// What PID 1 sees: processes, interfaces, routes, mounts.
fn inside() -> Value {
    let mut pids: Vec<u32> = std::fs::read_dir("/proc")
        .map(|entries| entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
        .unwrap_or_default();
    pids.sort_unstable();
    let processes: Vec<Value> = pids.into_iter().take(200).map(self::process).collect();
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let interfaces: Vec<String> = read("/proc/net/dev")
        .lines()
        .skip(2)
        .filter_map(|line| line.split_once(':').map(|(name, _)| name.trim().to_owned()))
        .collect();
    let routes: Vec<String> = read("/proc/net/route").lines().skip(1).map(str::to_owned).collect();
    let mut folders: Vec<String> = std::fs::read_dir("/")
        .map(|entries| entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect())
        .unwrap_or_default();
    folders.sort();
    json!({
        "processes": processes, "interfaces": interfaces, "routes": routes, "root": folders,
        "counters": counters(&read("/proc/net/dev"), &read("/proc/net/snmp")),
    })
}

/// One process, as `/proc` shows it.
pub(crate) fn process(pid: u32) -> Value {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).unwrap_or("");
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let line = String::from_utf8_lossy(&line).replace('\0', " ");
    json!({
        "pid": pid,
        "name": field("Name:"),
        "parent": field("PPid:").parse::<u32>().ok(),
        "no_new_privs": field("NoNewPrivs:") == "1",
        "seccomp": field("Seccomp:").parse::<u32>().ok(),
        "capabilities": field("CapEff:"),
        "command": line.chars().take(COMMAND_LINE_MAX).collect::<String>().trim_end(),
    })
}

/// Packets of each interface (received, sent), and the kernel's own counts for this network namespace.
fn counters(dev: &str, snmp: &str) -> Value {
    let mut all = serde_json::Map::new();
    for (name, rest) in dev.lines().skip(2).filter_map(|line| line.split_once(':')) {
        let fields: Vec<u64> = rest.split_whitespace().filter_map(|field| field.parse().ok()).collect();
        all.insert(name.trim().to_owned(), json!([fields.get(1), fields.get(9)]));
    }
    let lines: Vec<&str> = snmp.lines().collect();
    for pair in lines.chunks(2).filter(|pair| pair.len() == 2) {
        let values = pair[1].split_whitespace();
        for (name, value) in pair[0].split_whitespace().zip(values).skip(1) {
            let kind = pair[0].split(':').next().unwrap_or_default();
            if matches!((kind, name), ("Ip", "OutRequests" | "OutNoRoutes") | ("Udp", "OutDatagrams")) {
                all.insert(format!("{kind}{name}"), json!(value.parse::<u64>().ok()));
            }
        }
    }
    Value::Object(all)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn counters_are_read() {
        let dev = "Inter-|   Receive\n face |bytes\n    lo:  840  10 0 0 0 0 0 0  840  10 0 0 0 0 0 0\n";
        let snmp = "Ip: Forwarding OutRequests OutNoRoutes\nIp: 1 12 3\nUdp: InDatagrams OutDatagrams\nUdp: 1 2\n";
        let expected = json!({ "lo": [10, 10], "IpOutRequests": 12, "IpOutNoRoutes": 3, "UdpOutDatagrams": 2 });
        assert_eq!(counters(dev, snmp), expected);
        assert_eq!(counters("", ""), json!({}));
    }
}
