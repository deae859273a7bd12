//! Commands on a data folder: they translate between what was typed, `service`, and what is printed.

use crate::{
    args::{self, AdminCommand, OwnerKind, Where},
    out::{self, Out, eights},
    remote::records::{self, Shown},
};
use service::{DepositLine, Folder, InitOptions, Mode, show_path};
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// Longest file that an identity number is read from.
const MAX_ID_FILE: u64 = 4096;

pub(crate) fn init(out: &Out, a: args::Init) -> u8 {
    let owner_id = match (a.owner_id, a.owner_id_file) {
        (None, Some(path)) => match first_line(&path) {
            Ok(id) => Some(id),
            Err(e) => {
                let args = [("path", show_path(&path).into()), ("reason", out.reason(&e).into())];
                return out.fail(&out.text("cannot-read", &args));
            }
        },
        (id, _) => id,
    };
    let options = InitOptions {
        owner_kind: match a.owner_kind {
            OwnerKind::Individual => "individual".into(),
            OwnerKind::Enterprise => "enterprise".into(),
        },
        owner_name: a.owner_name,
        owner_code: a.owner_code,
        owner_id,
        operator_name: a.operator_name,
        operator_code: a.operator_code,
        operator_filings: Vec::new(),
        origin: a.origin,
        tsa: a.tsa,
        signer: a.signer.map(|file| service::OwnSigner { file, password_file: a.signer_password_file, crls: a.crl }),
        after: None,
    };
    let made = match Folder::init(&a.data.data, &options) {
        Ok(made) => made,
        Err(e) => return out.refuse(&e),
    };
    out.warn(&made.warnings);
    if a.data.json {
        out.json(&serde_json::json!({
            "origin": made.origin, "ledger_key": made.ledger_key, "authority_root": made.authority_root,
            "signer_root": made.signer_root, "error": null,
        }));
        return 0;
    }
    out.line(&out.text("init-done", &[("path", show_path(&a.data.data).into())]));
    out.line(&out.text("init-origin", &[("origin", made.origin.into())]));
    out.line(&out.text("init-key", &[("key", made.ledger_key.into())]));
    out.line(&out.text("init-root", &[("root", eights(&made.authority_root).into())]));
    out.line(&out.text("init-signer", &[("root", eights(&made.signer_root).into())]));
    out.line(&out.text("init-publish", &[]));
    0
}

pub(crate) fn show(out: &Out, a: args::Show) -> u8 {
    let json = a.place.json;
    match a.place.find(out) {
        Ok(Where::Folder(data)) => read(out, &data, |folder| {
            let (line, claims) = folder.show(&a.id)?;
            let (exif, later) =
                if json { Default::default() } else { (folder.exif(&a.id)?, folder.later_rights(&a.id)?) };
            print_record(out, &Shown { kind: String::new(), line, claims, exif, later }, json);
            Ok(0)
        }),
        Ok(Where::Server(server)) => match records::show(&server, &a.id) {
            Ok(shown) => {
                print_record(out, &shown, json);
                0
            }
            Err(e) => out.refuse(&e),
        },
        Err(code) => code,
    }
}

fn print_record(out: &Out, shown: &Shown, json: bool) {
    let line = &shown.line;
    print_line(out, line, json);
    if json {
        return;
    }
    // A server's words are looked at by nobody else.
    let detail = |name: &str, value: &str| out.line(&format!("  {name:<18} {}", show_path(Path::new(value))));
    for (name, value) in [("SM3", &line.sm3), ("record_sha256", &line.record_sha256)] {
        if let Some(value) = value {
            detail(name, &eights(value));
        }
    }
    if let Some(at) = line.id.as_deref().and_then(out::received) {
        detail("received_at", &out::both_times(at));
    }
    for (name, value) in shown.claims.iter().filter(|(_, v)| !v.is_null()) {
        let name = show_path(Path::new(name));
        detail(&name, &value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    for (name, value) in &shown.exif {
        detail("EXIF", &format!("{name}: {value}"));
    }
    for later in &shown.later {
        print_line(out, later, false);
    }
}

pub(crate) fn doctor(out: &Out, a: &args::Doctor) -> u8 {
    let findings = service::doctor(a.data.as_deref());
    for f in &findings {
        if a.json {
            out.json(f);
            continue;
        }
        let (mark, colour) = match f.level {
            "ok" => ("✓", "32"),
            "warning" => ("◪", "33"),
            _ => ("✗", "31"),
        };
        out.line(&format!("{} {:<8} {}", out.paint(colour, mark), f.subject, out.pick(&f.zh, &f.en)));
    }
    if findings.iter().any(|f| f.level == "problem") { 2 } else { 0 }
}

pub(crate) fn admin(out: &Out, a: &args::Admin) -> u8 {
    match &a.command {
        AdminCommand::LedgerCheck(d) => read(out, &d.data, |folder| {
            let (size, root, unplaced) = folder.check_ledger()?;
            if d.json {
                out.json(&serde_json::json!({"size": size, "root": root, "unplaced": unplaced, "error": null}));
            } else {
                out.line(
                    &out.text("ledger-whole", &[("size", size.to_string().into()), ("root", eights(&root).into())]),
                );
            }
            Ok(0)
        }),
        AdminCommand::Config(args::ConfigCommand::Check(a)) => crate::serve_cmd::check(out, a),
        AdminCommand::SignIn(args::SignInCommand::Reset(a)) => crate::serve_cmd::reset(out, a),
        AdminCommand::Edition(command) => crate::quota_cmd::edition(out, command),
        AdminCommand::Code(args::quota::CodeCommand::Make(a)) => crate::quota_cmd::code(out, a),
        AdminCommand::Grant(a) => crate::quota_cmd::grant(out, a),
        AdminCommand::MarketSecret(data) => crate::quota_cmd::market_secret(out, data),
        AdminCommand::Similar(command) => crate::near_cmd::similar(out, command),
        AdminCommand::Tsa(command) => crate::tsa_cmd::tsa(out, command),
        AdminCommand::Policy(command) => crate::policy_cmd::policy(out, command),
        AdminCommand::Clock(a) => crate::clock_cmd::clock(out, a),
        AdminCommand::Renew(a) => crate::renew_cmd::renew(out, a),
        AdminCommand::Backup { data, output, without_originals, passphrase_file, no_keys } => {
            let keys = (passphrase_file.as_deref(), *no_keys);
            crate::backup_cmd::backup(out, data, output, !without_originals, keys)
        }
        AdminCommand::Restore { backup, data, passphrase_file } => {
            crate::backup_cmd::restore(out, data, backup, passphrase_file.as_deref())
        }
        AdminCommand::Origin { data, new, reason, leave_merchants } => {
            crate::backup_cmd::origin(out, data, new, *reason, *leave_merchants)
        }
        AdminCommand::Signer { data, signer, signer_password_file, crl } => {
            open(out, &data.data, Mode::Write, |folder| {
                let root = folder.set_signer(signer.as_deref(), signer_password_file.as_deref(), crl)?;
                if data.json {
                    out.json(&serde_json::json!({"signer_root_sha256": root, "error": null}));
                } else {
                    out.line(&out.text("signer-set", &[("root", eights(&root).into())]));
                }
                Ok(0)
            })
        }
        AdminCommand::Keys(d) => read(out, &d.data, |folder| {
            let keys = folder.keys()?;
            for (name, value) in &keys {
                if !d.json {
                    out.line(&format!("{name}  {value}"));
                }
            }
            if d.json {
                let mut line = serde_json::json!(keys);
                line["error"] = serde_json::Value::Null;
                out.json(&line);
            }
            Ok(0)
        }),
        AdminCommand::TrustExport { data, output } => read(out, &data.data, |folder| {
            for file in folder.export_trust(output)? {
                if data.json {
                    out.json(&serde_json::json!({"file": file, "error": null}));
                } else {
                    out.line(&show_path(&file));
                }
            }
            Ok(0)
        }),
    }
}

pub(crate) fn read(out: &Out, dir: &Path, run: impl FnOnce(&Folder) -> service::Result<u8>) -> u8 {
    open(out, dir, Mode::Read, run)
}

fn open(out: &Out, dir: &Path, mode: Mode, run: impl FnOnce(&Folder) -> service::Result<u8>) -> u8 {
    let folder = match Folder::open(dir, mode) {
        Ok(folder) => folder,
        Err(e) => return out.refuse(&e),
    };
    out.warn(&folder.warnings);
    run(&folder).unwrap_or_else(|e| out.refuse(&e))
}

pub(crate) fn print_line(out: &Out, line: &DepositLine, json: bool) {
    out.warn(&line.warnings);
    if json {
        out.json(line);
        return;
    }
    if let Some(error) = &line.error {
        out.refuse(error);
        return;
    }
    let standing = if line.unwitnessed { "witnesses" } else { line.status.as_str() };
    let status = out.text(&format!("status-{standing}"), &[]);
    let index = line.index.map_or_else(|| "-".to_owned(), |i| i.to_string());
    let id = line.id.as_deref().unwrap_or("-");
    // The status words of one language are as long as each other, or padded.
    let at = out::received(id).map_or_else(|| "-".to_owned(), out::local_time);
    let file = match line.erased_at {
        Some(at) => out.text("erased-on", &[("at", out::local_time(at).into())]),
        None => show_path(Path::new(&line.file)),
    };
    out.line(&format!("{id}  {index:>6}  {at:<27}  {status:<8}  {file}"));
    if let Some(sha256) = &line.sha256 {
        out.line(&format!("    SHA-256  {}", eights(sha256)));
    }
}

fn first_line(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    if path == Path::new("-") {
        io::stdin().take(MAX_ID_FILE).read_to_string(&mut text)?;
    } else {
        File::open(path)?.take(MAX_ID_FILE).read_to_string(&mut text)?;
    }
    let text = text.trim_start_matches('\u{feff}');
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}
