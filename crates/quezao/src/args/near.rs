//! What can be typed about near copies.

use super::Data;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Keep {
    #[arg(long, requires = "digest_only")]
    pub similar: bool,
}

#[derive(Args)]
pub(crate) struct Find {
    #[arg(required = true, value_name = "FILE")]
    pub pictures: Vec<PathBuf>,
    #[command(flatten)]
    pub data: Data,
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
}

#[derive(Subcommand)]
pub(crate) enum Similar {
    Rebuild(Data),
}
