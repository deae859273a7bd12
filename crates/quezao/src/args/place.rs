//! Where a command works: on a data folder here, or through a server.

use crate::{out::Out, remote::Server};
use clap::Args;
use std::{ffi::OsString, path::PathBuf};

#[derive(Args)]
pub(crate) struct Place {
    // Not `env`: a variable that happens to be set must not contradict what was typed.
    #[arg(long, value_name = "DIR", conflicts_with = "server")]
    data: Option<PathBuf>,
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    #[arg(long)]
    pub json: bool,
}

pub(crate) enum Where {
    Folder(PathBuf),
    Server(Server),
}

impl Place {
    /// What was typed, else QUEZAO_DATA or QUEZAO_SERVER; the exit code, where that is nothing, or both.
    pub(crate) fn find(self, out: &Out) -> Result<Where, u8> {
        let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty());
        let of_server = |url: &str| Server::new(url).map(Where::Server).map_err(|e| out.refuse(&e));
        match (self.data, self.server) {
            (Some(folder), _) => Ok(Where::Folder(folder)),
            (None, Some(url)) => of_server(&url),
            (None, None) => match (set("QUEZAO_DATA"), set("QUEZAO_SERVER").map(OsString::into_string)) {
                (Some(folder), None) => Ok(Where::Folder(folder.into())),
                (None, Some(Ok(url))) => of_server(&url),
                (Some(_), Some(_)) => Err(out.fail(&out.text("place-both", &[]))),
                (None, Some(Err(_))) => Err(out.fail(&out.text("usage-utf8", &[]))),
                (None, None) => Err(out.fail(&out.text("place-none", &[]))),
            },
        }
    }
}
