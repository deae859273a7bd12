//! Captures a page: Chromium in namespaces of its own, behind a guard that is its only way out.
//!
//! Rules of this room:
//! - it knows no database and signs nothing; it gives plain data, a [`Recording`];
//! - nothing of a page reaches a shell, a path or a command line;
//! - what goes wrong on the page is an [`Outcome`] with reasons; an [`Error`] means that nothing was opened;
//! - a limit that was reached is said, never silent.
//!
//! Read in this order: [`role`] and `isolation` → [`guard`] → `cdp`, `browser`, `network` → `page`, `artefacts`, `facts`,
//! `walls` → `environment`.

mod artefacts;
mod banner;
mod bodies;
mod browser;
mod cdp;
mod clock;
mod crop;
mod environment;
mod error;
mod facts;
mod film;
mod frames;
pub mod guard;
mod isolation;
mod layout;
mod network;
mod page;
mod recording;
mod role;
mod run;
mod sockets;
mod spill;
mod spool;
mod wacz;
mod walls;

pub use error::{Error, Result};
pub use recording::{
    Exchange, Fidelity, Folder, Head, Limits, Machine, Outcome, Reason, Recording, Request, Resource, Response,
    Spooled, Step, Viewport,
};
pub use role::{Role, role, run_role};
pub use run::{check, run, run_with};
