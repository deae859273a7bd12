//! The one executable: parse → run → exit code.
//!
//! Results go to stdout, the rest to stderr; a line on stdout is an acknowledgement. Exit codes are a
//! promise to scripts: 0 done or verified, 1 not verified, 2 usage or failure, 3 incomplete.

mod args;
mod backup_cmd;
mod capture_cmd;
mod clock_cmd;
mod collect_cmd;
mod compare_cmd;
mod demo_cmd;
mod deposit_cmd;
mod erase_cmd;
mod export_cmd;
mod folder_cmd;
mod forge;
mod licence_cmd;
mod list_cmd;
mod near_cmd;
mod node_cmd;
mod out;
mod policy_cmd;
mod quota_cmd;
mod remote;
mod renew_cmd;
mod report;
mod rights_cmd;
mod serve_cmd;
mod sheets;
mod tsa_cmd;
mod usage;
mod verify_cmd;

use clap::FromArgMatches;
use std::process::ExitCode;

fn main() -> ExitCode {
    // A capture starts this program again in other roles, which must be alone in their process.
    if let Some(role) = capture::role() {
        std::process::exit(capture::run_role(role));
    }
    let words: Vec<String> = std::env::args().skip(1).collect();
    let out = out::Out::new(locale::Locale::detect(|name| std::env::var(name).ok())).promise(usage::json_keys(&words));
    let parsed = args::command(out.locale).try_get_matches().and_then(|m| args::Cli::from_arg_matches(&m));
    ExitCode::from(match parsed {
        Ok(cli) => run(&out, cli.command),
        Err(e) => usage::answer(&out, &e),
    })
}

fn run(out: &out::Out, command: args::Command) -> u8 {
    use args::Command as C;
    match command {
        C::Init(a) => folder_cmd::init(out, a),
        C::Deposit(a) => deposit_cmd::deposit(out, *a),
        C::Capture(a) => capture_cmd::capture(out, a),
        C::Compare(a) => compare_cmd::compare(out, a),
        C::Collect(a) => collect_cmd::collect(out, a),
        C::Discard(a) => capture_cmd::discard(out, &a),
        C::Erase(a) => erase_cmd::erase(out, &a),
        C::List(a) => list_cmd::list(out, a),
        C::Show(a) => folder_cmd::show(out, a),
        C::Export(a) => export_cmd::export(out, a),
        C::Find(a) => near_cmd::find(out, &a),
        C::Verify(a) => verify_cmd::verify(out, &a),
        C::Explain(a) => verify_cmd::explain(out, &a),
        C::Serve(a) => serve_cmd::serve(out, &a),
        C::Node(a) => node_cmd::node(out, *a),
        C::Stamp(a) => tsa_cmd::stamp(out, &a),
        C::Rights(a) => rights_cmd::rights(out, a),
        C::Licence(a) => licence_cmd::licence(out, a),
        C::Doctor(a) => folder_cmd::doctor(out, &a),
        C::Demo(a) => demo_cmd::demo(out, &a),
        C::Admin(a) => folder_cmd::admin(out, &a),
        C::Completions { shell } => args::completions(out, shell),
        C::Man { output } => args::man(out, output.as_deref()),
        C::Help { command } => args::help(out, &command),
    }
}
