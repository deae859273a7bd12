//! `admin edition`, `admin code`, `admin grant`.

use super::Data;
use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub(crate) enum EditionCommand {
    List(Data),
}

#[derive(Subcommand)]
pub(crate) enum CodeCommand {
    Make(CodeMake),
}

#[derive(Args)]
pub(crate) struct CodeMake {
    #[command(flatten)]
    pub data: Data,
    #[arg(long, value_name = "NAME")]
    pub edition: String,
    #[arg(long, value_name = "N")]
    pub months: Option<u32>,
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub count: u32,
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub uses: u64,
    #[arg(long, value_name = "N", default_value_t = 90)]
    pub days: u32,
    #[arg(long)]
    pub gift: bool,
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub note: String,
}

#[derive(Args)]
pub(crate) struct Grant {
    #[command(flatten)]
    pub data: Data,
    #[arg(long, value_name = "N")]
    pub account: i64,
    #[arg(long, value_name = "NAME")]
    pub edition: String,
    #[arg(long, value_name = "N")]
    pub months: Option<u32>,
    #[arg(long)]
    pub gift: bool,
}
