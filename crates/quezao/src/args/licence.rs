//! Licences: make, list, end and export them.

use super::{Export, Place};
use clap::{Args, Subcommand};

#[derive(Args)]
pub(crate) struct Add {
    #[arg(required = true, value_name = "ID")]
    pub licensed: Vec<String>,
    #[command(flatten)]
    pub place: Place,
    #[arg(long, value_name = "NAME")]
    pub licensee: String,
    #[arg(long, value_name = "CODE")]
    pub licensee_code: Option<String>,
    #[arg(long, value_name = "TEXT")]
    pub shop: Option<String>,
    #[arg(long = "url", value_name = "PATTERN")]
    pub licence_url: Vec<String>,
    #[arg(long = "from", value_name = "DATE")]
    pub licence_from: Option<String>,
    #[arg(long = "until", value_name = "DATE")]
    pub licence_until: Option<String>,
    #[arg(long = "scope", value_name = "TEXT")]
    pub licence_scope: Option<String>,
    #[arg(long = "title", value_name = "T")]
    pub licence_title: Option<String>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Add(Box<Add>),
    List {
        #[command(flatten)]
        place: Place,
    },
    End {
        id: String,
        #[command(flatten)]
        place: Place,
        #[arg(long = "from", value_name = "DATE")]
        ended_from: Option<String>,
        #[arg(long = "reason", value_name = "TEXT")]
        ended_reason: Option<String>,
    },
    /// Of a portal alone: it is what the link opens.
    Link {
        id: String,
        #[arg(long, value_name = "URL")]
        server: Option<String>,
        #[arg(long)]
        json: bool,
        #[arg(long = "until", value_name = "DATE")]
        link_until: String,
    },
    Export(Box<Export>),
}
