//! `stamp`, `admin tsa`, `admin clock`, `admin policy`.

use super::Data;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Stamp {
    #[command(flatten)]
    pub data: Data,
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub wait: u64,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Statements {
    Embedded,
    External,
}

#[derive(Args)]
pub(crate) struct TsaAdd {
    #[arg(value_name = "NAME")]
    pub name: String,
    #[command(flatten)]
    pub data: Data,
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub root: Vec<PathBuf>,
    #[arg(long, value_name = "NAME", requires = "password_file")]
    pub user: Option<String>,
    #[arg(long, value_name = "FILE", requires = "user")]
    pub password_file: Option<PathBuf>,
    #[arg(long, value_name = "FILE")]
    pub client: Option<PathBuf>,
    #[arg(long, value_name = "OID")]
    pub policy: Option<String>,
    #[arg(long, value_name = "SECONDS")]
    pub pace: Option<u64>,
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u64>,
    #[arg(long)]
    pub own: bool,
}

#[derive(Subcommand)]
pub(crate) enum TsaCommand {
    Add(TsaAdd),
    Remove {
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        data: Data,
    },
    List(Data),
    Check {
        #[arg(value_name = "NAME")]
        name: Option<String>,
        #[command(flatten)]
        data: Data,
    },
    Statements {
        #[arg(value_enum)]
        by: Statements,
        #[command(flatten)]
        data: Data,
    },
    Fallback {
        #[arg(value_enum)]
        allowed: Switch,
        #[command(flatten)]
        data: Data,
    },
}

#[derive(Subcommand)]
pub(crate) enum PolicyCommand {
    Set {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        data: Data,
    },
    Show(Data),
    Status(Data),
    Check {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        data: Data,
    },
}

#[derive(Args)]
pub(crate) struct Renew {
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    #[command(flatten)]
    pub data: Data,
    #[arg(long, value_name = "DATE", conflicts_with = "ids")]
    pub before: Option<String>,
    #[arg(long = "check")]
    pub only_say: bool,
}

#[derive(Args)]
pub(crate) struct Clock {
    #[command(flatten)]
    pub data: Data,
    // Another server than that of `--server URL`: its help is another message.
    #[arg(id = "sntp", long = "server", value_name = "HOST")]
    pub server: Vec<String>,
    #[arg(long, value_name = "N")]
    pub limit_ms: Option<u64>,
    #[arg(long, value_name = "N")]
    pub every_minutes: Option<u64>,
    #[arg(long, conflicts_with = "sntp")]
    pub off: bool,
}
