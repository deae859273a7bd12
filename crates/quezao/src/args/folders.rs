//! What can be typed about whole folders.

use super::Place;
use clap::Args;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Folders {
    #[arg(long, value_name = "PATTERN")]
    pub include: Vec<String>,
    #[arg(long, value_name = "PATTERN")]
    pub exclude: Vec<String>,
    #[arg(long)]
    pub rehash: bool,
    #[arg(long)]
    pub dry_run: bool,
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    #[arg(long, value_name = "REPORT", conflicts_with = "paths")]
    pub retry: Option<PathBuf>,
    #[arg(long, conflicts_with_all = ["again", "dry_run", "retry", "rehash"])]
    pub watch: bool,
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub settle: u64,
}

#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub place: Place,
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    #[arg(long = "name", value_name = "PATTERN")]
    pub named: Vec<String>,
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
}

/// Which records, where there are many.
#[derive(Args)]
pub(crate) struct Many {
    #[arg(long, conflicts_with_all = ["ids", "from"])]
    pub all: bool,
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
}
