//! The portal's door over real sockets: settings, encryption and proxies, codes and passwords, the log and the figures,
//! and what hostile clients try.
#![allow(clippy::unwrap_used)]

mod accounts;
mod codes;
mod encryption;
mod forms;
mod hostile;
#[path = "../house/mod.rs"]
mod house;
mod outside;
mod people;
mod roles;
mod settings;
mod stop;
mod watched;

use std::{path::Path, process::Output};

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A few lines of Python, with arguments: what another program makes of the same things.
fn python(at: &Path, code: &str, args: &[&str]) -> String {
    let run = std::process::Command::new("python3").current_dir(at).arg("-c").arg(code).args(args).output().unwrap();
    assert!(run.status.success(), "{}", text(&run));
    String::from_utf8_lossy(&run.stdout).trim().to_owned()
}
