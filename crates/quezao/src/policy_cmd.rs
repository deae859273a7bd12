//! `admin policy`: whose signatures make proofs final, and what each of them could do alone.

use crate::{args::PolicyCommand, out::Out};
use service::{Folder, Mode, PolicyReport, QuorumState, WitnessState, show_path};
use std::path::Path;

pub(crate) fn policy(out: &Out, command: &PolicyCommand) -> u8 {
    let (data, mode) = match command {
        PolicyCommand::Set { data, .. } => (data, Mode::Write),
        PolicyCommand::Show(data) | PolicyCommand::Status(data) | PolicyCommand::Check { data, .. } => {
            (data, Mode::Read)
        }
    };
    let folder = match Folder::open(&data.data, mode) {
        Ok(folder) => folder,
        Err(e) => return out.refuse(&e),
    };
    out.warn(&folder.warnings);
    let (report, done) = match command {
        PolicyCommand::Set { file, .. } => (folder.set_policy(file), Some("policy-set")),
        PolicyCommand::Check { file, .. } => (folder.check_policy(file), Some("policy-passes")),
        PolicyCommand::Show(_) => (folder.show_policy(), None),
        PolicyCommand::Status(_) => {
            return match folder.quorum_state() {
                Ok(state) => status(out, &state, data.json),
                Err(e) => out.refuse(&e),
            };
        }
    };
    let report = match report {
        Ok(report) => report,
        Err(e) => return out.refuse(&e),
    };
    if data.json {
        let mut line = serde_json::json!(report);
        line["error"] = serde_json::Value::Null;
        out.json(&line);
    } else {
        print(out, &report);
        done.into_iter().for_each(|id| out.line(&out.text(id, &[])));
    }
    0
}

/// All sign, or nobody is asked: 0; somebody does not: 3.
fn status(out: &Out, state: &QuorumState, json: bool) -> u8 {
    if json {
        let mut line = serde_json::json!(state);
        line["error"] = serde_json::Value::Null;
        out.json(&line);
    } else {
        let shown = |text: &str| show_path(Path::new(text));
        let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let reach = [
            ("quorum", shown(&state.quorum).into()),
            ("size", count(state.size).into()),
            ("final", count(state.final_size).into()),
        ];
        out.line(&out.text("policy-reach", &reach));
        for witness in &state.witnesses {
            let args = [
                ("name", shown(&witness.name).into()),
                ("institution", shown(&witness.institution).into()),
                ("role", out.text(&format!("role-{}", witness.role), &[]).into()),
                ("leaves", count(witness.size.unwrap_or(0)).into()),
                ("at", witness.cosigned_at.clone().unwrap_or_else(|| "-".to_owned()).into()),
                ("lag", count(witness.lag).into()),
                ("failures", witness.failures.into()),
            ];
            out.line(&out.text(&format!("witness-{}", witness.state), &args));
            for why in witness.disagrees.iter().chain(&witness.reason) {
                out.line(&format!("    {}", shown(why)));
            }
        }
    }
    let signs = |w: &WitnessState| matches!(w.state, "cosigning" | "unused");
    if state.witnesses.iter().all(signs) { 0 } else { 3 }
}

fn print(out: &Out, report: &PolicyReport) {
    if report.quorum == "none" {
        out.line(&out.text("policy-none", &[]));
    } else {
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        out.line(&out.text(
            "policy-quorum",
            &[
                ("quorum", show_path(Path::new(&report.quorum)).into()),
                ("institutions", count(report.institutions).into()),
                ("miss", count(report.may_miss).into()),
                ("liars", count(report.liars).into()),
            ],
        ));
    }
    for cosigner in &report.cosigners {
        let shown = |text: &str| show_path(Path::new(text));
        let role = out.text(&format!("role-{}", cosigner.role), &[]);
        let (name, institution, url) = (&cosigner.name, shown(&cosigner.institution), shown(&cosigner.url));
        out.line(&format!("{name}  {institution} ({role})  {}  {url}", cosigner.key_type));
        let id = match (cosigner.own, cosigner.counts, cosigner.needed, cosigner.forks) {
            (true, ..) => "policy-own",
            (_, false, ..) => "policy-apart",
            (_, _, true, true) => "policy-needed-forks",
            (_, _, true, false) => "policy-needed",
            (_, _, false, true) => "policy-forks",
            (_, _, false, false) => "policy-neither",
        };
        out.line(&format!("  {}", out.text(id, &[])));
    }
}
