//! What `collect` takes: exactly one way to say which records.

use super::Data;
use clap::{ArgGroup, Args};

#[derive(Args)]
#[command(group = ArgGroup::new("which").required(true).args(["ids", "since", "last", "all"]))]
pub(crate) struct Collect {
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    #[command(flatten)]
    pub data: Data,
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub last: Option<u64>,
    #[arg(long)]
    pub all: bool,
    #[arg(long)]
    pub split: bool,
    #[arg(long = "title", value_name = "T")]
    pub collection_title: Option<String>,
}
