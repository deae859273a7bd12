//! The outer helper: one thread, makes the namespaces, hands the listener out, waits for PID 1.

use std::fmt::Display;
use std::io::{Error, IoSlice, Stdin};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::process::Command;

use nix::sched::{CloneFlags, unshare};
use rustix::net::{self, AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType};
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::{Order, Refusal};
use crate::role::Role;

/// A step that was refused, as it is told.
pub(crate) type Step<T> = Result<T, Refusal>;

pub(crate) fn run() -> i32 {
    told(work)
}

/// Plays a part of a capture; what stops it is told outside.
pub(crate) fn told(work: impl FnOnce(&Stdin) -> Step<i32>) -> i32 {
    let control = std::io::stdin();
    match work(&control) {
        Ok(code) => code,
        Err(refusal) => {
            report(&control, &refusal);
            70
        }
    }
}

/// Gives the refusal its step's name.
pub(crate) fn step<T, E: Display>(name: &str, result: Result<T, E>) -> Step<T> {
    result.map_err(|e| Refusal { step: name.to_owned(), found: e.to_string() })
}

/// Tells the process outside.
fn report(control: &Stdin, refusal: &Refusal) {
    let mut message = b"E".to_vec();
    message.extend(serde_json::to_vec(refusal).unwrap_or_default());
    let _ = net::send(control, &message, SendFlags::NOSIGNAL);
}

/// The order, which is the second argument.
pub(crate) fn order() -> Step<Order> {
    let text = std::env::args().nth(2).unwrap_or_default();
    step("order", serde_json::from_str(&text))
}

/// Sets effective, permitted and inheritable capabilities alike.
pub(crate) fn set_capabilities(set: CapabilitySet) -> rustix::io::Result<()> {
    rustix::thread::set_capabilities(None, CapabilitySets { effective: set, permitted: set, inheritable: set })
}

fn work(control: &Stdin) -> Step<i32> {
    let mut order = order()?;
    let (uid, gid) = (rustix::process::getuid(), rustix::process::getgid());
    let all = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWIPC;
    step("unshare(user, net, pid, mount, ipc)", unshare(all))?;
    // The same number inside as outside: Chromium refuses to run its sandbox as user 0.
    step("setgroups", std::fs::write("/proc/self/setgroups", "deny"))?;
    step("uid_map", std::fs::write("/proc/self/uid_map", format!("{uid} {uid} 1")))?;
    step("gid_map", std::fs::write("/proc/self/gid_map", format!("{gid} {gid} 1")))?;
    step("loopback interface", loopback_up())?;
    let listener = step("listener", TcpListener::bind("127.0.0.1:0"))?;
    order.port = step("listener", listener.local_addr())?.port();
    step("handing the listener out", send_descriptor(control, &listener))?;
    drop(listener);
    // Another user than 0 loses its capabilities at exec: the one that mounting needs goes as ambient.
    step("capabilities", set_capabilities(CapabilitySet::SYS_ADMIN))?;
    step("capabilities", rustix::thread::configure_capability_in_ambient_set(CapabilitySet::SYS_ADMIN, true))?;
    let text = step("order", serde_json::to_string(&order))?;
    let init = Command::new("/proc/self/exe").args([Role::Init.argument(), &text]).spawn();
    let mut init = step("PID 1", init)?;
    step("capabilities", set_capabilities(CapabilitySet::empty()))?;
    // Returns only when the whole PID namespace is empty.
    Ok(step("PID 1", init.wait())?.code().unwrap_or(71))
}

/// RTM_NEWLINK with IFF_UP for interface 1, by netlink (an ioctl would need unsafe code).
fn loopback_up() -> Result<(), Error> {
    let socket = net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    let mut message = Vec::new();
    // nlmsghdr: length 32, type 16, REQUEST | ACK, sequence 1, port 0; ifinfomsg: index 1, flags and change UP.
    for half in [32u16, 0, 16, 1 | 4, 1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0] {
        message.extend(half.to_ne_bytes());
    }
    net::send(&socket, &message, SendFlags::empty())?;
    let mut answer = [0u8; 64];
    net::recv(&socket, &mut answer, net::RecvFlags::empty())?;
    let mut code = [0; 4];
    code.copy_from_slice(&answer[16..20]);
    match i32::from_ne_bytes(code) {
        0 => Ok(()),
        error => Err(Error::from_raw_os_error(error.wrapping_neg())),
    }
}

pub(crate) fn send_descriptor(to: &impl AsFd, descriptor: &impl AsFd) -> rustix::io::Result<()> {
    let descriptors = [descriptor.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
    net::sendmsg(to, &[IoSlice::new(b"L")], &mut ancillary, SendFlags::NOSIGNAL).map(drop)
}
