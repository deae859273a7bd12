//! Commands on a data folder: they translate between what was typed, `service`, and what is printed.

use crate::{
    args::{self, AdminCommand, Disclose, OwnerKind},
    out::{Out, bar, eights},
};
use service::{DepositLine, DepositRequest, Event, ExportRequest, Folder, InitOptions, Mode, Rights};
use std::{collections::BTreeMap, path::Path};

pub(crate) fn init(out: &Out, a: args::Init) -> u8 {
    let owner_id = match (a.owner_id, a.owner_id_file) {
        (None, Some(path)) => match first_line(&path) {
            Ok(id) => Some(id),
            Err(e) => {
                let args = [("path", path.display().to_string().into()), ("reason", e.to_string().into())];
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
        origin: a.origin,
    };
    let made = match Folder::init(&a.data.data, &options) {
        Ok(made) => made,
        Err(e) => return out.refuse(&e),
    };
    out.warn(&made.warnings);
    if a.data.json {
        out.json(&serde_json::json!({
            "origin": made.origin, "ledger_key": made.ledger_key, "authority_root": made.authority_root, "error": null,
        }));
        return 0;
    }
    out.line(&out.text("init-done", &[("path", a.data.data.display().to_string().into())]));
    out.line(&out.text("init-origin", &[("origin", made.origin.into())]));
    out.line(&out.text("init-key", &[("key", made.ledger_key.into())]));
    out.line(&out.text("init-root", &[("root", eights(&made.authority_root).into())]));
    out.line(&out.text("init-publish", &[]));
    0
}

pub(crate) fn deposit(out: &Out, a: args::Deposit) -> u8 {
    let mut folder = match Folder::open(&a.data.data, Mode::Write) {
        Ok(folder) => folder,
        Err(e) => return out.refuse(&e),
    };
    out.warn(&folder.warnings);
    let request =
        DepositRequest { paths: a.paths, digest_only: a.digest_only, again: a.again, rights: rights(a.rights) };
    let mut progress = None;
    let mut failed = 0u64;
    let result = folder.deposit(&request, &mut |event| match event {
        Event::Planned { bytes, .. } => progress = Some(bar(bytes)),
        Event::Read { bytes } => {
            if let Some(p) = &progress {
                p.inc(bytes);
            }
        }
        Event::Done(line) => {
            failed += u64::from(line.status == "failed");
            let print = || print_line(out, &line, a.data.json);
            match &progress {
                Some(p) => p.suspend(print),
                None => print(),
            }
        }
    });
    if let Some(p) = progress {
        p.finish_and_clear();
    }
    match result.and_then(|_| folder.close()) {
        Err(e) => out.refuse(&e),
        Ok(()) if failed > 0 => 2,
        Ok(()) => 0,
    }
}

pub(crate) fn list(out: &Out, a: &args::Data) -> u8 {
    read(out, &a.data, |folder| {
        folder.list()?.iter().for_each(|line| print_line(out, line, a.json));
        Ok(0)
    })
}

pub(crate) fn find(out: &Out, a: &args::Find) -> u8 {
    read(out, &a.data.data, |folder| {
        let lines = folder.find(&a.file)?;
        lines.iter().for_each(|line| print_line(out, line, a.data.json));
        if lines.is_empty() {
            out.note(&out.text("find-none", &[]));
        }
        Ok(0)
    })
}

pub(crate) fn show(out: &Out, a: &args::Show) -> u8 {
    read(out, &a.data.data, |folder| {
        let (line, claims) = folder.show(&a.id)?;
        print_line(out, &line, a.data.json);
        if !a.data.json {
            for (name, value) in claims.iter().filter(|(_, v)| !v.is_null()) {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                out.line(&format!("  {name:<18} {value}"));
            }
        }
        Ok(0)
    })
}

pub(crate) fn export(out: &Out, a: args::Export) -> u8 {
    // Waiting for a seal needs the writer, who seals; a record that has its seal is only read.
    let sealed =
        |folder: &Folder| a.ids.iter().all(|id| folder.show(id).map_or(true, |(line, _)| line.status != "pending"));
    let folder = match Folder::open(&a.data.data, Mode::Read) {
        Ok(folder) if sealed(&folder) || a.pending => Ok(folder),
        Ok(_) => Folder::open(&a.data.data, Mode::Write),
        Err(e) => Err(e),
    };
    let mut folder = match folder {
        Ok(folder) => folder,
        Err(e) => return out.refuse(&e),
    };
    out.warn(&folder.warnings);
    let request = ExportRequest {
        ids: a.ids,
        output: a.output,
        full: a.disclose == Disclose::Full,
        originals: a.originals,
        pending: a.pending,
        wait: a.wait,
    };
    let lines = match folder.export(&request, &mut |_| ()) {
        Ok(lines) => lines,
        Err(e) => return out.refuse(&e),
    };
    for line in &lines {
        match (&line.file, &line.error) {
            _ if a.data.json => out.json(line),
            (Some(file), _) => out.line(&file.display().to_string()),
            (None, error) => drop(out.fail(error.as_deref().unwrap_or_default())),
        }
    }
    if lines.iter().any(|l| l.error.is_some() && !l.waiting) {
        2
    } else if lines.iter().any(|l| l.waiting) {
        3
    } else {
        0
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
        AdminCommand::Keys(d) => read(out, &d.data, |folder| {
            let keys = folder.keys()?;
            for (name, value) in &keys {
                if !d.json {
                    out.line(&format!("{name}  {value}"));
                }
            }
            if d.json {
                out.json(&keys);
            }
            Ok(0)
        }),
        AdminCommand::TrustExport { data, output } => read(out, &data.data, |folder| {
            for file in folder.export_trust(output)? {
                if data.json {
                    out.json(&serde_json::json!({"file": file, "error": null}));
                } else {
                    out.line(&file.display().to_string());
                }
            }
            Ok(0)
        }),
    }
}

fn read(out: &Out, dir: &Path, run: impl FnOnce(&Folder) -> service::Result<u8>) -> u8 {
    let folder = match Folder::open(dir, Mode::Read) {
        Ok(folder) => folder,
        Err(e) => return out.refuse(&e),
    };
    out.warn(&folder.warnings);
    run(&folder).unwrap_or_else(|e| out.refuse(&e))
}

fn print_line(out: &Out, line: &DepositLine, json: bool) {
    out.warn(&line.warnings);
    if json {
        out.json(line);
        return;
    }
    if let Some(error) = &line.error {
        out.fail(error);
        return;
    }
    let status = out.text(&format!("status-{}", line.status), &[]);
    let index = line.index.map_or_else(|| "-".to_owned(), |i| i.to_string());
    let id = line.id.as_deref().unwrap_or("-");
    out.line(&format!("{id}  {index:>6}  {status}  {}", service::show_path(Path::new(&line.file))));
    if let Some(sha256) = &line.sha256 {
        out.line(&format!("    SHA-256  {}", eights(sha256)));
    }
}

fn rights(a: args::Rights) -> Rights {
    let given = [
        ("title", a.title),
        ("author", a.author),
        ("work_origin", a.work_origin),
        ("basis", a.basis),
        ("completed_at", a.completed_at),
        ("completed_place", a.completed_place),
        ("published_at", a.published_at),
        ("published_place", a.published_place),
        ("published_url", a.published_url),
    ];
    let claims: BTreeMap<String, String> =
        given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    Rights { claims }
}

fn first_line(path: &Path) -> std::io::Result<String> {
    let text = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin())?
    } else {
        std::fs::read_to_string(path)?
    };
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}
