//! Rights: claims by option, by sidecar, and what else is done with them.

use super::{Data, Lang};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Claims {
    #[arg(long, value_name = "T")]
    pub title: Option<String>,
    #[arg(long, value_name = "A")]
    pub author: Option<String>,
    #[arg(long, value_name = "ORIGIN")]
    pub work_origin: Option<String>,
    #[arg(long, value_name = "TEXT")]
    pub basis: Option<String>,
    #[arg(long, value_name = "DATE")]
    pub completed_at: Option<String>,
    #[arg(long, value_name = "PLACE")]
    pub completed_place: Option<String>,
    #[arg(long, value_name = "DATE")]
    pub published_at: Option<String>,
    #[arg(long, value_name = "PLACE")]
    pub published_place: Option<String>,
    #[arg(long, value_name = "URL")]
    pub published_url: Option<String>,
}

#[derive(Args)]
pub(crate) struct Sidecar {
    #[arg(long = "rights", value_name = "FILE")]
    pub sidecar: Option<PathBuf>,
    #[arg(long, value_enum)]
    pub encoding: Option<Encoding>,
    #[arg(long, value_name = "FILE")]
    pub attach: Vec<PathBuf>,
    #[arg(long)]
    pub from_file: bool,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Encoding {
    #[value(name = "utf-8")]
    Utf8,
    Gbk,
}

impl From<Encoding> for service::Encoding {
    fn from(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Utf8 => Self::Utf8,
            Encoding::Gbk => Self::Gbk,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    Toml,
    Csv,
    Xlsx,
}

/// A later claim.
#[derive(Args)]
pub(crate) struct Add {
    pub id: String,
    #[command(flatten)]
    pub data: Data,
    #[command(flatten)]
    pub claims: Claims,
    #[arg(long, value_name = "SECONDS")]
    pub wait: Option<u64>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Template {
        #[arg(long, value_enum, default_value_t = Format::Csv)]
        format: Format,
        #[arg(long, value_enum)]
        lang: Option<Lang>,
        #[arg(long = "to", value_name = "FILE")]
        to: Option<PathBuf>,
    },
    Add(Box<Add>),
    #[command(name = "check")]
    Check {
        #[arg(value_name = "FILE")]
        table: PathBuf,
        #[arg(required = true, value_name = "FOLDER")]
        folders: Vec<PathBuf>,
        #[arg(long, value_enum)]
        encoding: Option<Encoding>,
        #[arg(long)]
        json: bool,
    },
}
