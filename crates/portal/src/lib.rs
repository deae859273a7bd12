//! The portal: pages over one data folder, in one process that is the folder's writer.
//!
//! Rules of this room:
//! - it only translates: what may be done, and what it means, is `service`'s; a handler asks it and shows the answer;
//! - every route stands in one table ([`ROUTES`]) with who may use it;
//! - nothing comes from another host, nothing is inline: the Content-Security-Policy allows the portal's own files alone;
//! - what waits (database, disk, passwords) runs on threads that may wait, and every body, head and connection is bounded.

mod api;
mod app;
mod assets;
mod cookies;
mod enter;
mod flat;
mod form;
mod log;
mod metrics;
mod pages;
mod parts;
mod places;
mod problem;
mod proxy;
mod routes;
mod server;
mod stream;
mod throttle;
mod tls;
mod visit;

pub use log::Log;
pub use routes::{ROUTES, Route, Who};
pub use server::{Config, Event, serve};
pub use tls::check_pair;
