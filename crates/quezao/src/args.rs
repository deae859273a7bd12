//! What can be typed. Help, completions and man pages all come from these definitions; their words in
//! Chinese and English come from `locales/` (`help-COMMAND`, `help-arg-NAME`).

use crate::out::Out;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use locale::Locale;
use std::{
    io::Write,
    path::{Path, PathBuf},
};

#[derive(Parser)]
#[command(name = "quezao", version = concat!(env!("CARGO_PKG_VERSION")), arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Init(Init),
    Deposit(Deposit),
    List(Data),
    Show(Show),
    Export(Export),
    Find(Find),
    Verify(Verify),
    Explain(Explain),
    Doctor(Doctor),
    Admin(Admin),
    Completions {
        shell: clap_complete::Shell,
    },
    Man {
        #[arg(long, value_name = "DIR")]
        output: Option<PathBuf>,
    },
}

#[derive(Args)]
pub(crate) struct Data {
    #[arg(long, env = "QUEZAO_DATA", value_name = "DIR")]
    pub data: PathBuf,
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum OwnerKind {
    Individual,
    Enterprise,
}

#[derive(Args)]
pub(crate) struct Init {
    #[command(flatten)]
    pub data: Data,
    #[arg(long, value_enum)]
    pub owner_kind: OwnerKind,
    #[arg(long, value_name = "NAME")]
    pub owner_name: String,
    #[arg(long, value_name = "CODE")]
    pub owner_code: Option<String>,
    #[arg(long, value_name = "NUMBER", conflicts_with = "owner_code")]
    pub owner_id: Option<String>,
    #[arg(long, value_name = "F", conflicts_with_all = ["owner_id", "owner_code"])]
    pub owner_id_file: Option<PathBuf>,
    #[arg(long, value_name = "NAME")]
    pub operator_name: Option<String>,
    #[arg(long, value_name = "CODE", requires = "operator_name")]
    pub operator_code: Option<String>,
    #[arg(long, value_name = "NAME")]
    pub origin: Option<String>,
}

#[derive(Args)]
pub(crate) struct Deposit {
    #[command(flatten)]
    pub data: Data,
    #[arg(long)]
    pub digest_only: bool,
    #[arg(long)]
    pub again: bool,
    #[command(flatten)]
    pub rights: Rights,
    #[arg(required = true, value_name = "PATHS")]
    pub paths: Vec<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Rights {
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
pub(crate) struct Show {
    #[command(flatten)]
    pub data: Data,
    pub id: String,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Disclose {
    Printed,
    Full,
}

#[derive(Args)]
pub(crate) struct Export {
    #[command(flatten)]
    pub data: Data,
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    #[arg(long, value_enum, default_value = "printed")]
    pub disclose: Disclose,
    #[arg(long)]
    pub originals: bool,
    #[arg(long)]
    pub pending: bool,
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub wait: u64,
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<String>,
}

#[derive(Args)]
pub(crate) struct Find {
    #[command(flatten)]
    pub data: Data,
    pub file: PathBuf,
}

#[derive(Args)]
pub(crate) struct Verify {
    #[arg(long, value_name = "DIR", conflicts_with = "data")]
    pub trust: Option<PathBuf>,
    #[arg(long, env = "QUEZAO_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    #[arg(long)]
    pub json: bool,
    #[arg(value_name = "PACKAGE")]
    pub package: PathBuf,
    #[arg(value_name = "FILES")]
    pub files: Vec<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Explain {
    #[arg(value_name = "CHECK")]
    pub check: String,
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub(crate) struct Doctor {
    #[arg(long, env = "QUEZAO_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub(crate) struct Admin {
    #[command(subcommand)]
    pub command: AdminCommand,
}

#[derive(Subcommand)]
pub(crate) enum AdminCommand {
    Keys(Data),
    TrustExport {
        #[command(flatten)]
        data: Data,
        #[arg(long, value_name = "DIR")]
        output: PathBuf,
    },
    LedgerCheck(Data),
}

/// The whole definition, in the reader's language.
pub(crate) fn command(locale: Locale) -> clap::Command {
    localize(Cli::command(), locale, "quezao")
}

fn localize(mut command: clap::Command, locale: Locale, name: &str) -> clap::Command {
    command = command.about(locale::text(locale, &format!("help-{name}"), &[]));
    let args: Vec<String> = command.get_arguments().map(|a| a.get_id().to_string()).collect();
    for arg in args {
        let words = locale::text(locale, &format!("help-arg-{}", arg.replace('_', "-")), &[]);
        command = command.mut_arg(arg, |a| a.help(words));
    }
    let subcommands: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    for sub in subcommands {
        command = command.mut_subcommand(&sub, |c| localize(c, locale, &sub));
    }
    command
}

/// Prints a completion script.
pub(crate) fn completions(shell: clap_complete::Shell) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "quezao", &mut script);
    u8::from(std::io::stdout().write_all(&script).is_err()) * 2
}

/// Prints the man page, or writes one for each command into `output`.
pub(crate) fn man(out: &Out, output: Option<&Path>) -> u8 {
    let command = command(out.locale);
    let result = match output {
        Some(folder) => std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(command, folder)),
        None => clap_mangen::Man::new(command).render(&mut std::io::stdout()),
    };
    match result {
        Ok(()) => 0,
        Err(e) => out.fail(&out.text("cannot-write", &[("reason", e.to_string().into())])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_and_option_is_explained_in_both_languages() {
        fn walk(command: &clap::Command, name: &str, missing: &mut Vec<String>) {
            let mut wanted = vec![format!("help-{name}")];
            wanted
                .extend(command.get_arguments().map(|a| format!("help-arg-{}", a.get_id().as_str().replace('_', "-"))));
            for id in wanted {
                if !locale::has(Locale::Zh, &id) || !locale::has(Locale::En, &id) {
                    missing.push(id);
                }
            }
            command.get_subcommands().for_each(|c| walk(c, c.get_name(), missing));
        }
        let mut missing = Vec::new();
        walk(&Cli::command(), "quezao", &mut missing);
        missing.sort();
        missing.dedup();
        assert!(missing.is_empty(), "{missing:?}");
        Cli::command().debug_assert();
    }
}
