//! What can be typed. Help, completions and man pages all come from these definitions; their words in
//! Chinese and English come from `locales/` (`help-COMMAND`, `help-arg-NAME`).

mod collect;
pub(crate) mod folders;
mod licence;
pub(crate) mod near;
mod outside;
mod place;
pub(crate) mod quota;
mod rights;

pub(crate) use collect::Collect;
pub(crate) use licence::Command as LicenceCommand;
pub(crate) use outside::{Clock, PolicyCommand, Renew, Stamp, Statements, Switch, TsaAdd, TsaCommand};
pub(crate) use place::{Place, Where};
pub(crate) use rights::{Add as AddRights, Claims, Command as RightsCommand, Format, Sidecar};

use crate::out::Out;
use clap::{Arg, ArgAction, Args, CommandFactory, Parser, Subcommand, ValueEnum};
use locale::Locale;
use std::path::{Path, PathBuf};

#[derive(Parser)]
#[command(name = "quezao", arg_required_else_help = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Init(Init),
    Deposit(Box<Deposit>),
    Capture(Capture),
    Compare(Compare),
    Collect(Collect),
    Discard(Discard),
    Erase(Erase),
    List(folders::List),
    Show(Show),
    Export(Export),
    Find(near::Find),
    Verify(Verify),
    Explain(Explain),
    Doctor(Doctor),
    Demo(Demo),
    Admin(Admin),
    Serve(crate::serve_cmd::Serve),
    Node(Box<crate::node_cmd::Node>),
    Stamp(Stamp),
    #[command(subcommand)]
    Rights(RightsCommand),
    #[command(subcommand)]
    Licence(LicenceCommand),
    Completions {
        shell: clap_complete::Shell,
    },
    Man {
        #[arg(long, value_name = "DIR")]
        output: Option<PathBuf>,
    },
    Help {
        #[arg(value_name = "COMMAND")]
        command: Vec<String>,
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
    #[arg(long, value_name = "FILE", requires = "crl")]
    pub signer: Option<PathBuf>,
    #[arg(long, value_name = "FILE", requires = "signer")]
    pub signer_password_file: Option<PathBuf>,
    #[arg(long, value_name = "FILE", requires = "signer")]
    pub crl: Vec<PathBuf>,
    #[arg(long, value_name = "PRESET")]
    pub tsa: Vec<String>,
}

#[derive(Args)]
pub(crate) struct Deposit {
    #[arg(required_unless_present = "retry", value_name = "PATHS")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub folders: folders::Folders,
    #[arg(long)]
    pub digest_only: bool,
    #[arg(long)]
    pub again: bool,
    #[arg(long, value_name = "SECONDS")]
    pub wait: Option<u64>,
    #[command(flatten)]
    pub near: near::Keep,
    #[command(flatten)]
    pub rights: Claims,
    #[command(flatten)]
    pub sidecar: Sidecar,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Purpose {
    Own,
    Other,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Viewport {
    Desktop,
    Phone,
}

#[derive(Args)]
pub(crate) struct Capture {
    #[arg(value_name = "URL")]
    pub urls: Vec<String>,
    #[command(flatten)]
    pub place: Place,
    #[arg(long, value_enum, default_value_t = Purpose::Other)]
    pub purpose: Purpose,
    #[arg(long, value_name = "HOST:PORT")]
    pub allow_loopback: Vec<String>,
    #[arg(long, value_enum, default_value_t = Viewport::Desktop)]
    pub viewport: Viewport,
    #[arg(long)]
    pub no_film: bool,
    #[arg(long, value_name = "FILE")]
    pub list: Option<PathBuf>,
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    pub resolver: Vec<String>,
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub time_server: Vec<String>,
    #[arg(long, value_name = "ADDRESS")]
    pub public_address: Option<String>,
    #[arg(long, value_name = "TEXT")]
    pub region: Option<String>,
    #[arg(long, value_name = "TEXT")]
    pub network: Option<String>,
    #[arg(long, value_enum, default_value_t = Isolation::Namespaces)]
    pub isolation: Isolation,
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=256))]
    pub contacts: Option<u16>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Isolation {
    Namespaces,
    WeakerSharedNetwork,
}

#[derive(Args)]
pub(crate) struct Compare {
    #[arg(value_name = "ID")]
    pub id: String,
    #[arg(value_name = "ID2")]
    pub with: Option<String>,
    #[command(flatten)]
    pub data: Data,
}

#[derive(Args)]
pub(crate) struct Discard {
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub data: Data,
    #[arg(long)]
    pub yes: bool,
}

#[derive(Args)]
pub(crate) struct Erase {
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub data: Data,
    #[arg(long)]
    pub yes: bool,
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Args)]
pub(crate) struct Show {
    pub id: String,
    #[command(flatten)]
    pub place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Disclose {
    Printed,
    Full,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    Zh,
    En,
}

#[derive(Args)]
pub(crate) struct Export {
    #[arg(required_unless_present_any = ["all", "from"], value_name = "ID")]
    pub ids: Vec<String>,
    #[command(flatten)]
    pub many: folders::Many,
    #[command(flatten)]
    pub place: Place,
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    #[arg(long, value_enum)]
    pub lang: Option<Lang>,
    #[arg(long, value_enum, default_value = "printed")]
    pub disclose: Disclose,
    #[arg(long)]
    pub originals: bool,
    #[arg(long)]
    pub pending: bool,
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub wait: u64,
}

#[derive(Args)]
pub(crate) struct Verify {
    #[arg(value_name = "PACKAGE")]
    pub package: PathBuf,
    #[arg(value_name = "FILES")]
    pub files: Vec<PathBuf>,
    #[arg(long, value_name = "DIR", conflicts_with = "data")]
    pub trust: Option<PathBuf>,
    // Not `env`: a variable that happens to be set must not exclude --trust.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Promised, not there yet: refused with a sentence.
    #[arg(long, hide = true)]
    pub render: bool,
    #[arg(long)]
    pub json: bool,
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
pub(crate) struct Demo {
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,
    #[arg(long)]
    pub forge: bool,
    #[arg(long, value_name = "FILE")]
    pub picture: Vec<PathBuf>,
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
    #[command(subcommand)]
    Tsa(TsaCommand),
    #[command(subcommand)]
    Policy(PolicyCommand),
    Clock(Clock),
    Renew(Renew),
    Keys(Data),
    TrustExport {
        #[command(flatten)]
        data: Data,
        #[arg(long, value_name = "DIR")]
        output: PathBuf,
    },
    Backup {
        #[command(flatten)]
        data: Data,
        #[arg(long, value_name = "DIR")]
        output: PathBuf,
        #[arg(long)]
        without_originals: bool,
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
        #[arg(long, conflicts_with = "passphrase_file")]
        no_keys: bool,
    },
    Restore {
        #[arg(value_name = "BACKUP")]
        backup: PathBuf,
        #[command(flatten)]
        data: Data,
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
    Origin {
        #[command(flatten)]
        data: Data,
        #[arg(long, value_name = "DIR")]
        new: PathBuf,
        #[arg(long, value_enum, default_value_t = Reason::Restored)]
        reason: Reason,
        #[arg(long)]
        leave_merchants: bool,
    },
    LedgerCheck(Data),
    #[command(subcommand)]
    Config(ConfigCommand),
    #[command(subcommand)]
    SignIn(SignInCommand),
    #[command(subcommand)]
    Edition(quota::EditionCommand),
    #[command(subcommand)]
    Code(quota::CodeCommand),
    Grant(quota::Grant),
    MarketSecret(Data),
    #[command(subcommand)]
    Similar(near::Similar),
    Signer {
        #[command(flatten)]
        data: Data,
        #[arg(long, value_name = "FILE")]
        signer: Option<PathBuf>,
        #[arg(long, value_name = "FILE", requires = "signer")]
        signer_password_file: Option<PathBuf>,
        #[arg(long, value_name = "FILE", required = true)]
        crl: Vec<PathBuf>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Reason {
    Restored,
    KeyLost,
    Ended,
}

#[derive(Subcommand)]
pub(crate) enum ConfigCommand {
    Check(crate::serve_cmd::ConfigCheck),
}

#[derive(Subcommand)]
pub(crate) enum SignInCommand {
    Reset(crate::serve_cmd::Reset),
}

/// The whole definition, in the reader's language.
pub(crate) fn command(locale: Locale) -> clap::Command {
    let (_, version, commit) = service::SOFTWARE;
    let command = Cli::command().disable_version_flag(true).version(format!("{version} ({commit})"));
    let command = command.arg(Arg::new("version").short('V').long("version").action(ArgAction::Version));
    localize(command, locale, "help-quezao")
}

/// The message about a subcommand: `help-PARENT-NAME` where two commands share a name, else `help-NAME`.
fn help_id(parent: &str, name: &str) -> String {
    let own = format!("{parent}-{name}");
    if locale::has(Locale::En, &own) { own } else { format!("help-{name}") }
}

fn localize(command: clap::Command, locale: Locale, id: &str) -> clap::Command {
    let say = |id: &str| locale::text(locale, id, &[]);
    let usage = format!("{{about-with-newline}}\n{}{{usage}}\n\n{{all-args}}{{after-help}}", say("help-heading-usage"));
    let mut command = command
        .about(say(id))
        .help_template(usage)
        .subcommand_help_heading(say("help-heading-commands"))
        .disable_help_flag(true)
        .arg(Arg::new("help").short('h').long("help").action(ArgAction::Help));
    let args: Vec<String> = command.get_arguments().map(|a| a.get_id().to_string()).collect();
    for arg in args {
        let words = say(&format!("help-arg-{}", arg.replace('_', "-")));
        command = command.mut_arg(arg, |a| explain(a, locale, words));
    }
    let subcommands: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    for sub in subcommands {
        command = command.mut_subcommand(&sub, |c| localize(c, locale, &help_id(id, &sub)));
    }
    command
}

/// An argument's words; what the parser would add in English is added here in the reader's language.
fn explain(arg: Arg, locale: Locale, mut words: String) -> Arg {
    let heading = if arg.is_positional() { "help-heading-arguments" } else { "help-heading-options" };
    let arg = arg.help_heading(locale::text(locale, heading, &[]));
    if !arg.get_action().takes_values() {
        return arg.help(words);
    }
    let values: Vec<String> = arg.get_possible_values().iter().map(|v| v.get_name().to_owned()).collect();
    if !values.is_empty() {
        words += &locale::text(locale, "help-values", &[("values", values.join(", ").into())]);
    }
    let default: Vec<String> = arg.get_default_values().iter().map(|v| v.to_string_lossy().into_owned()).collect();
    if !default.is_empty() {
        words += &locale::text(locale, "help-default", &[("value", default.join(", ").into())]);
    }
    arg.help(words).hide_possible_values(true).hide_default_value(true).hide_env(true)
}

/// `help COMMAND…`, the same page as `COMMAND… --help`.
pub(crate) fn help(out: &Out, names: &[String]) -> u8 {
    let args = std::iter::once("quezao").chain(names.iter().map(String::as_str)).chain(std::iter::once("--help"));
    match command(out.locale).try_get_matches_from(args) {
        Ok(_) => 0,
        Err(e) => crate::usage::answer(out, &e),
    }
}

/// Prints a completion script.
pub(crate) fn completions(out: &Out, shell: clap_complete::Shell) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(out.locale), "quezao", &mut script);
    out.bytes(&script);
    0
}

/// Prints the man page, or writes one for each command into `output`.
pub(crate) fn man(out: &Out, output: Option<&Path>) -> u8 {
    let command = command(out.locale);
    let Some(folder) = output else {
        let mut page = Vec::new();
        return match clap_mangen::Man::new(command).render(&mut page) {
            Ok(()) => {
                out.bytes(&page);
                0
            }
            Err(e) => out.fail(&out.text("cannot-write", &[("reason", out.reason(&e).into())])),
        };
    };
    match std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(command, folder)) {
        Ok(()) => 0,
        Err(e) => {
            let reason = format!("{}: {}", service::show_path(folder), out.reason(&e));
            out.fail(&out.text("cannot-write", &[("reason", reason.into())]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_and_option_is_explained_in_both_languages() {
        fn walk(command: &clap::Command, id: &str, missing: &mut Vec<String>) {
            let mut wanted = vec![id.to_owned()];
            wanted
                .extend(command.get_arguments().map(|a| format!("help-arg-{}", a.get_id().as_str().replace('_', "-"))));
            for id in wanted {
                if !locale::has(Locale::Zh, &id) || !locale::has(Locale::En, &id) {
                    missing.push(id);
                }
            }
            command.get_subcommands().for_each(|c| walk(c, &help_id(id, c.get_name()), missing));
        }
        let mut missing = Vec::new();
        walk(&super::command(Locale::En), "help-quezao", &mut missing);
        missing.sort();
        missing.dedup();
        assert!(missing.is_empty(), "{missing:?}");
        for locale in [Locale::Zh, Locale::En] {
            super::command(locale).debug_assert();
        }
    }
}
