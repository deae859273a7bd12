//! `admin backup` and `admin restore`: a passphrase, a bar, a line.

use crate::{args, out::Out};
use indicatif::ProgressBar;
use service::{Progress, show_path};
use std::path::Path;

/// `keys`: the passphrase's file, and whether the keys are left out.
pub(crate) fn backup(out: &Out, a: &args::Data, output: &Path, originals: bool, keys: (Option<&Path>, bool)) -> u8 {
    let passphrase = match passphrase(keys.0) {
        Ok(found) => found.filter(|_| !keys.1),
        Err(e) => return out.refuse(&e),
    };
    if passphrase.is_none() && !keys.1 {
        return out.fail(&out.text("backup-keys-how", &[]));
    }
    let made = with_bar(out, "backup-under-way", |progress| {
        service::backup(&a.data, output, originals, passphrase.as_deref(), progress)
    });
    let made = match made {
        Ok(made) => made,
        Err(e) => return out.refuse(&e),
    };
    out.warn(&made.warnings);
    if a.json {
        out.json(&serde_json::json!({
            "backup": output, "files": made.files, "bytes": made.bytes, "size": made.size, "originals": originals,
            "keys": passphrase.is_some(), "mirror": made.mirror, "error": null,
        }));
    } else {
        let args = [
            ("path", show_path(output).into()),
            ("files", made.files.to_string().into()),
            ("bytes", made.bytes.to_string().into()),
            ("size", made.size.to_string().into()),
        ];
        out.line(&out.text("backup-done", &args));
    }
    if !originals {
        out.note(&out.text("backup-without", &[]));
    }
    if passphrase.is_none() {
        out.note(&out.text("backup-no-keys", &[]));
    }
    out.note(&out.text("backup-mirror", &[("path", show_path(&made.mirror).into())]));
    out.note(&out.text("backup-secret", &[]));
    0
}

pub(crate) fn restore(out: &Out, a: &args::Data, from: &Path, file: Option<&Path>) -> u8 {
    let restored = passphrase(file).and_then(|passphrase| {
        with_bar(out, "restore-under-way", |progress| service::restore(from, &a.data, passphrase.as_deref(), progress))
    });
    let r = match restored {
        Ok(restored) => restored,
        Err(e) => return out.refuse(&e),
    };
    if a.json {
        out.json(&serde_json::json!({
            "data": a.data, "files": r.files, "bytes": r.bytes, "size": r.size, "origin": r.origin,
            "made_at": r.made_at, "keys": r.keys, "old": r.old, "error": null,
        }));
    } else {
        let args = [
            ("path", show_path(&a.data).into()),
            ("files", r.files.to_string().into()),
            ("bytes", r.bytes.to_string().into()),
            ("size", r.size.to_string().into()),
            ("made", r.made_at.into()),
        ];
        out.line(&out.text("restore-done", &args));
    }
    match r.old {
        Some(true) => out.complain(&out.text("restore-old", &[])),
        Some(false) => out.warn(&r.warnings),
        None => out.complain(&out.text("restore-unknown", &[])),
    }
    if !r.keys {
        out.note(&out.text("restore-no-keys", &[("path", show_path(&a.data).into())]));
    }
    0
}

pub(crate) fn origin(out: &Out, a: &args::Data, new: &Path, reason: args::Reason, leave_merchants: bool) -> u8 {
    let reason = match reason {
        args::Reason::Restored => "restored",
        args::Reason::KeyLost => "key-lost",
        args::Reason::Ended => "ended",
    };
    let began = match service::begin_after(&a.data, new, reason, leave_merchants) {
        Ok(began) => began,
        Err(e) => return out.refuse(&e),
    };
    let made = began.made;
    out.warn(&made.warnings);
    if a.json {
        out.json(&serde_json::json!({
            "origin": made.origin, "ledger_key": made.ledger_key, "authority_root": made.authority_root,
            "signer_root": made.signer_root, "earlier_origin": began.earlier_origin,
            "earlier_size": began.earlier_size, "error": null,
            "stranded": began.stranded.iter().map(|(id, kind, file)| serde_json::json!({"id": id, "kind": kind, "file": file})).collect::<Vec<_>>(),
        }));
        return 0;
    }
    let args = [
        ("path", show_path(new).into()),
        ("origin", made.origin.into()),
        ("earlier", began.earlier_origin.into()),
        ("size", began.earlier_size.to_string().into()),
    ];
    out.line(&out.text("origin-done", &args));
    if !began.stranded.is_empty() {
        out.complain(&out.text("origin-stranded", &[("n", began.stranded.len().to_string().into())]));
        for (id, kind, file) in &began.stranded {
            out.complain(&format!("  {id}  {kind}  {}", show_path(Path::new(file))));
        }
    }
    out.note(&out.text("origin-next", &[("old", show_path(&a.data).into())]));
    0
}

fn with_bar<T>(out: &Out, message: &str, run: impl FnOnce(&mut dyn FnMut(Progress)) -> T) -> T {
    let mut bar = ProgressBar::hidden();
    let done = run(&mut |progress| match progress {
        Progress::Planned(bytes) => {
            bar = out.bar(bytes);
            bar.set_message(out.text(message, &[]));
        }
        Progress::Copied(bytes) => bar.inc(bytes),
    });
    bar.finish_and_clear();
    done
}

/// From the file, else from the environment; never from the command line, which others can see.
fn passphrase(file: Option<&Path>) -> service::Result<Option<String>> {
    match file {
        Some(file) => service::passphrase_of(file).map(Some),
        None => Ok(std::env::var("QUEZAO_PASSPHRASE").ok().filter(|p| !p.is_empty())),
    }
}
