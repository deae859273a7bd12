//! The one executable: parse → run → exit code.
//!
//! Results go to stdout, the rest to stderr; a line on stdout is an acknowledgement. Exit codes are a
//! promise to scripts: 0 done or verified, 1 not verified, 2 usage or failure, 3 incomplete.

mod args;
mod folder_cmd;
mod out;
mod verify_cmd;

use clap::FromArgMatches;
use std::process::ExitCode;

fn main() -> ExitCode {
    let locale = locale::Locale::detect(|name| std::env::var(name).ok());
    let matches = args::command(locale).get_matches();
    let parsed = match args::Cli::from_arg_matches(&matches) {
        Ok(parsed) => parsed,
        Err(e) => e.exit(),
    };
    let out = out::Out::new(locale);
    ExitCode::from(match parsed.command {
        args::Command::Init(a) => folder_cmd::init(&out, a),
        args::Command::Deposit(a) => folder_cmd::deposit(&out, a),
        args::Command::List(a) => folder_cmd::list(&out, &a),
        args::Command::Show(a) => folder_cmd::show(&out, &a),
        args::Command::Export(a) => folder_cmd::export(&out, a),
        args::Command::Find(a) => folder_cmd::find(&out, &a),
        args::Command::Verify(a) => verify_cmd::verify(&out, &a),
        args::Command::Explain(a) => verify_cmd::explain(&out, &a),
        args::Command::Doctor(a) => folder_cmd::doctor(&out, &a),
        args::Command::Admin(a) => folder_cmd::admin(&out, &a),
        args::Command::Completions { shell } => args::completions(shell),
        args::Command::Man { output } => args::man(&out, output.as_deref()),
    })
}
