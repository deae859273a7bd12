//! The roles of the executable.
//!
//! A namespace of one's own can only be made by a process with one thread, so the executable runs itself
//! again, and the role is decided in plain `main`, before any thread, runtime or logger:
//!
//! ```no_run
//! if let Some(role) = capture::role() {
//!     std::process::exit(capture::run_role(role));
//! }
//! ```

use crate::isolation;

/// Which part of a capture this process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Makes the namespaces and hands the listener out; outside the new PID namespace.
    Namespaces,
    /// PID 1 inside: mounts, drops everything, runs Chromium, reaps.
    Init,
    /// Runs Chromium without namespaces, where the operator chose so by name.
    Plain,
    /// Tries whether a user namespace can be made.
    Try,
}

impl Role {
    pub(crate) const fn argument(self) -> &'static str {
        match self {
            Self::Namespaces => "__capture-namespaces",
            Self::Init => "__capture-init",
            Self::Plain => "__capture-plain",
            Self::Try => "__capture-try",
        }
    }
}

/// The role that the command line names, if this process was started by a capture.
pub fn role() -> Option<Role> {
    let first = std::env::args_os().nth(1)?;
    [Role::Namespaces, Role::Init, Role::Plain, Role::Try].into_iter().find(|role| first == role.argument())
}

/// Plays the role and gives the exit code. Call it before any thread exists.
pub fn run_role(role: Role) -> i32 {
    match role {
        Role::Namespaces => isolation::namespaces::run(),
        Role::Init => isolation::init::run(),
        Role::Plain => isolation::plain::run(),
        Role::Try => isolation::plain::try_namespace(),
    }
}
