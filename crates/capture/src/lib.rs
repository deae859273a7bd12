//! Captures a page: Chromium in namespaces of its own, behind a guard that is its only way out.
//!
//! Rules of this room:
//! - it knows no database and signs nothing; it gives plain data, a [`Recording`];
//! - nothing of a page reaches a shell, a path or a command line;
//! - what goes wrong on the page is an [`Outcome`] with reasons; an [`Error`] means that nothing was opened;
//! - a limit that was reached is said, never silent.
//!
//! Read in this order: [`role`] and `isolation` → [`guard`] → `cdp`, `browser`, `network` → `page`, `artefacts`, `facts`,
//! `walls` → `environment`, `findings`, `cleanliness`. Beside it `contact` and `origins`: what sites signed over the
//! order.

mod artefacts;
mod banner;
mod bodies;
mod browser;
mod cdp;
mod cleanliness;
mod clock;
mod contact;
mod crop;
mod encode;
mod environment;
mod error;
mod facts;
mod film;
mod findings;
mod framed;
mod frames;
pub mod guard;
mod isolation;
mod judge;
mod layout;
mod network;
mod origins;
mod packages;
mod page;
mod recording;
mod role;
mod roots;
mod run;
mod sntp;
mod sockets;
mod spill;
mod spool;
#[cfg(test)]
#[path = "../tests/tls/mod.rs"]
mod tls;
mod wacz;
mod walls;
mod way;

pub use error::{Error, Result};
pub use recording::{
    By, Exchange, Fidelity, Folder, Head, Isolation, Limits, Machine, Outcome, Reason, Recording, Request, Resource,
    Response, Spooled, Stated, Step, Viewport,
};
pub use role::{Role, role, run_role};
pub use run::{check, probe, run, run_with};
pub use sntp::{Measured, ask_all as ask_time_servers};
