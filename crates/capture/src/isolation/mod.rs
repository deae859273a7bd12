//! Chromium in user, network, PID, mount and IPC namespaces of its own, for root and for anyone.
//!
//! Three processes of one executable: this one stays outside, runs the guard and speaks CDP;
//! [`namespaces`] makes the namespaces; [`init`] is PID 1 inside. Rules:
//! - inside there is a loopback interface with the guard's listener and no other way out;
//! - of the file system only the system's programs are seen, read-only; all else is an empty tmpfs;
//! - whichever process is killed, whenever, nothing of the capture lives on: PID 1 ends with its parent,
//!   with our end of the control socket, and with Chromium, and the kernel ends the rest with PID 1.
//!
//! Control socket (SOCK_SEQPACKET, descriptor 0 of both): to us `L` with the listener, `R` when Chromium
//! runs, `E` + JSON when something is not permitted, `P` + JSON in answer to our `P`.

pub(crate) mod init;
pub(crate) mod namespaces;
pub(crate) mod plain;

use std::fs::File;
use std::io::{IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt, FdMapping};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, SocketFlags, SocketType,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::role::Role;

/// What to enable where the namespaces are refused.
pub(crate) const ADVICE: &str = "Capture needs user namespaces. Enable them: \
    sysctl user.max_user_namespaces=1024; on Debian also kernel.unprivileged_userns_clone=1; on Ubuntu \
    kernel.apparmor_restrict_unprivileged_userns=0 or a profile with `userns,`; in a container a seccomp profile \
    that allows unshare, and no masks over /proc (systempaths=unconfined); in a systemd unit none of \
    RestrictNamespaces, ProtectKernelTunables, ProtectProc, PrivateUsers. Or choose the weaker mode by name, \
    --isolation weaker-shared-network, which every record then states";

/// User and group for Chromium when we are root: numbers that no account has, so that nobody else's
/// processes share them. Chromium refuses to run its sandbox as root.
pub(crate) const UNUSED_USER: u32 = 64_807;

const STDERR_KEPT: usize = 64 << 10;
const MESSAGE_MAX: usize = 128 << 10;

/// What goes through the command line to the helpers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) chromium: PathBuf,
    pub(crate) arguments: Vec<String>,
    /// Further folders to lay an empty tmpfs over.
    pub(crate) hide: Vec<PathBuf>,
    pub(crate) locale: String,
    pub(crate) time_zone: String,
    /// The guard's port inside, known once the listener is bound.
    pub(crate) port: u16,
    /// For `/tmp` and `/dev/shm`, in bytes each.
    pub(crate) scratch_bytes: u64,
    /// Writable memory of each process inside, in bytes.
    pub(crate) memory_bytes: u64,
    /// The operator chose to do without namespaces.
    pub(crate) plain: bool,
}

/// A refusal on its way out.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) step: String,
    pub(crate) found: String,
}

/// A running Chromium. Dropping it ends everything inside.
pub(crate) struct Capsule {
    helper: Child,
    control: Option<OwnedFd>,
    /// The guard's listener, bound inside.
    pub(crate) listener: Option<TcpListener>,
    /// Commands to Chromium.
    pub(crate) commands: Option<File>,
    /// Events and answers from it.
    pub(crate) events: Option<File>,
    stderr: Arc<Mutex<Vec<u8>>>,
}

impl Capsule {
    /// `executable`: the program whose `main` asks [`crate::role`]; `None` is this one.
    pub(crate) fn launch(order: &Order, executable: Option<&Path>, user: Option<(u32, u32)>) -> Result<Self> {
        if !order.chromium.is_file() {
            return Err(Error::NoChromium(order.chromium.display().to_string()));
        }
        let (ours, theirs) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
                .map_err(|e| Error::io("control socket")(e.into()))?;
        let (down_read, down_write) = std::io::pipe().map_err(Error::io("pipe"))?;
        let (up_read, up_write) = std::io::pipe().map_err(Error::io("pipe"))?;
        // Opened by us and run through its descriptor: the other user may not be able to walk to its path.
        let file =
            File::open(executable.unwrap_or(Path::new("/proc/self/exe"))).map_err(Error::io("own executable"))?;
        let program = rustix::io::fcntl_dupfd_cloexec(&file, 16).map_err(|e| Error::io("own executable")(e.into()))?;
        let text = serde_json::to_string(order).map_err(|e| Error::Browser(e.to_string()))?;
        let mut command = Command::new(format!("/proc/self/fd/{}", program.as_raw_fd()));
        command
            .args([if order.plain { Role::Plain } else { Role::Namespaces }.argument(), &text])
            .current_dir("/")
            .stdin(theirs)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .fd_mappings(vec![
                FdMapping { parent_fd: down_read.into(), child_fd: 3 },
                FdMapping { parent_fd: up_write.into(), child_fd: 4 },
            ])
            .map_err(|e| Error::Browser(e.to_string()))?;
        if rustix::process::geteuid().is_root() {
            let (uid, gid) = user.unwrap_or((UNUSED_USER, UNUSED_USER));
            command.uid(uid).gid(gid); // std also empties the supplementary groups
        }
        let mut helper = command.spawn().map_err(Error::io("starting the helper"))?;
        drop(command); // it still holds our copies of the child's ends
        let stderr = Arc::new(Mutex::new(Vec::new()));
        if let Some(pipe) = helper.stderr.take() {
            keep_tail(pipe, Arc::clone(&stderr));
        }
        let mut capsule = Self {
            helper,
            control: Some(ours),
            listener: None,
            commands: Some(File::from(OwnedFd::from(down_write))),
            events: Some(File::from(OwnedFd::from(up_read))),
            stderr,
        };
        let deadline = Instant::now() + Duration::from_secs(20);
        while !capsule.hear(deadline)? {}
        Ok(capsule)
    }

    /// The end of what helpers and Chromium wrote to standard error.
    pub(crate) fn stderr(&self) -> String {
        let kept = self.stderr.lock().map(|kept| kept.clone()).unwrap_or_default();
        String::from_utf8_lossy(&kept).into_owned()
    }

    /// Processes, interfaces, routes and mounts as PID 1 sees them.
    pub(crate) fn inside(&self) -> Value {
        let asked = self.control.as_ref().is_some_and(|fd| rustix::net::send(fd, b"P", SendFlags::NOSIGNAL).is_ok());
        let answer = if asked { self.receive(Instant::now() + Duration::from_secs(2)).ok() } else { None };
        answer
            .and_then(|(message, _)| message.strip_prefix(b"P").and_then(|json| serde_json::from_slice(json).ok()))
            .unwrap_or(Value::Null)
    }

    /// One message; true when Chromium runs.
    fn hear(&mut self, deadline: Instant) -> Result<bool> {
        let (message, fd) = self.receive(deadline)?;
        match (message.split_first(), fd) {
            (Some((b'L', _)), Some(fd)) => self.listener = Some(TcpListener::from(fd)),
            (Some((b'R', _)), _) => return Ok(self.listener.is_some()),
            (Some((b'E', json)), _) => {
                let refusal = serde_json::from_slice(json).unwrap_or(Refusal {
                    step: "helper".to_owned(),
                    found: String::from_utf8_lossy(json).into_owned(),
                });
                return Err(Error::Isolation { step: refusal.step, found: refusal.found, advice: ADVICE });
            }
            (None, _) => {
                std::thread::sleep(Duration::from_millis(20)); // let its last words arrive
                let found = format!("the helper ended without a word: {}", self.stderr().trim_end());
                return Err(Error::Isolation { step: "helper".to_owned(), found, advice: ADVICE });
            }
            _ => return Err(Error::Browser("a message that no helper sends".to_owned())),
        }
        Ok(false)
    }

    fn receive(&self, deadline: Instant) -> Result<(Vec<u8>, Option<OwnedFd>)> {
        let Some(control) = &self.control else { return Err(Error::Browser("already closed".to_owned())) };
        let left = deadline.saturating_duration_since(Instant::now());
        let wait =
            Timespec { tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() };
        let mut fds = [PollFd::new(control, PollFlags::IN)];
        let ready = poll(&mut fds, Some(&wait)).map_err(|e| Error::io("control socket")(e.into()))?;
        if ready == 0 {
            let found = format!("no answer in time: {}", self.stderr().trim_end());
            return Err(Error::Isolation { step: "helper".to_owned(), found, advice: ADVICE });
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut bytes = vec![0; MESSAGE_MAX];
        let received =
            rustix::net::recvmsg(control, &mut [IoSliceMut::new(&mut bytes)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)
                .map_err(|e| Error::io("control socket")(e.into()))?;
        bytes.truncate(received.bytes);
        let fd = ancillary.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        Ok((bytes, fd))
    }

    /// Ends everything inside and waits until the kernel has done so.
    pub(crate) fn close(&mut self) {
        self.control = None;
        self.commands = None;
        let end = Instant::now() + Duration::from_secs(5);
        while matches!(self.helper.try_wait(), Ok(None)) {
            if Instant::now() > end {
                let _ = self.helper.kill(); // PID 1 dies with it
                let _ = self.helper.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Capsule {
    fn drop(&mut self) {
        self.close();
    }
}

fn keep_tail(mut pipe: impl Read + Send + 'static, kept: Arc<Mutex<Vec<u8>>>) {
    std::thread::spawn(move || {
        let mut block = [0; 4096];
        while let Ok(n @ 1..) = pipe.read(&mut block) {
            let Ok(mut kept) = kept.lock() else { return };
            kept.extend_from_slice(&block[..n]);
            let over = kept.len().saturating_sub(STDERR_KEPT);
            kept.drain(..over);
        }
    });
}
