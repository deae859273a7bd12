//! `rights`, and what other commands take of it.

use crate::{
    args::{self, Format, Lang, RightsCommand},
    folder_cmd,
    out::Out,
};
use locale::Locale;
use service::{Folder, Mode, Rights, RightsLine, Sidecar, TemplateFormat, show_path};
use std::{
    collections::BTreeMap,
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

pub(crate) fn rights(out: &Out, command: RightsCommand) -> u8 {
    match command {
        RightsCommand::Template { format, lang, to } => template(out, format, lang, to.as_deref()),
        RightsCommand::Add(a) => add(out, *a),
        RightsCommand::Check { table, folders, encoding, json } => {
            check(out, &table, encoding.map(Into::into), &folders, json)
        }
    }
}

/// Claims by option.
pub(crate) fn claims(a: args::Claims) -> Rights {
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

/// The table and the attachments that `deposit` was given, held against its paths before anything else is done.
pub(crate) fn sidecar(out: &Out, a: &args::Sidecar, paths: &[PathBuf]) -> service::Result<Option<Arc<Sidecar>>> {
    let sidecar = match &a.sidecar {
        None if a.attach.is_empty() => return Ok(None),
        None => Sidecar::of_attachments(&a.attach, paths)?,
        Some(table) => {
            let read = Sidecar::read(table, a.encoding.map(Into::into), &a.attach, paths);
            let sidecar = read.map_err(|refused| refused.error)?;
            remark(out, &sidecar);
            sidecar
        }
    };
    Ok(Some(Arc::new(sidecar)))
}

/// A later claim about a record; one that no outside authority has stamped yet: 3.
fn add(out: &Out, a: args::AddRights) -> u8 {
    let added = Folder::open(&a.data.data, Mode::Write).and_then(|mut folder| {
        out.warn(&folder.warnings);
        let line = folder.add_rights(&a.id, &claims(a.claims).claims, a.wait)?;
        folder.close()?;
        Ok(line)
    });
    match added {
        Ok(line) => {
            folder_cmd::print_line(out, &line, a.data.json);
            if line.index.is_some() {
                return 0;
            }
            out.note(&out.text("deposit-waits", &[]));
            3
        }
        Err(e) => out.refuse(&e),
    }
}

fn check(out: &Out, table: &Path, encoding: Option<service::Encoding>, folders: &[PathBuf], json: bool) -> u8 {
    match Sidecar::read(table, encoding, &[], folders) {
        Ok(sidecar) => {
            remark(out, &sidecar);
            for line in sidecar.lines() {
                if json { out.json(&line) } else { print(out, &line) }
            }
            0
        }
        Err(refused) if json && !refused.lines.is_empty() => {
            refused.lines.iter().for_each(|line| out.json(line));
            2
        }
        Err(refused) => out.refuse(&refused.error),
    }
}

fn print(out: &Out, line: &RightsLine) {
    let args = [
        ("row", line.row.unwrap_or_default().to_string().into()),
        ("target", show_path(Path::new(line.target.as_deref().unwrap_or_default())).into()),
        ("files", line.files.unwrap_or_default().to_string().into()),
    ];
    out.line(&out.text("rights-row", &args));
    for (name, value) in line.claims.iter().flatten() {
        out.line(&format!("    {name:<16} {value}"));
    }
}

/// How the table was read, and about what it says nothing.
fn remark(out: &Out, sidecar: &Sidecar) {
    if sidecar.encoding == Some(service::Encoding::Gbk) {
        out.note(&out.text("rights-gbk", &[]));
    }
    if sidecar.silent > 0 {
        out.note(&out.text("rights-silent", &[("files", sidecar.silent.to_string().into())]));
    }
}

fn template(out: &Out, format: Format, lang: Option<Lang>, to: Option<&Path>) -> u8 {
    let chinese = lang.map_or(out.locale == Locale::Zh, |lang| lang == Lang::Zh);
    let format = match format {
        Format::Toml => TemplateFormat::Toml,
        Format::Csv => TemplateFormat::Csv,
        Format::Xlsx => TemplateFormat::Xlsx,
    };
    let cannot = |e: &std::io::Error| out.fail(&out.text("cannot-write", &[("reason", out.reason(e).into())]));
    let bytes = match service::rights_template(format, chinese) {
        Ok(bytes) => bytes,
        Err(e) => return cannot(&e),
    };
    match to {
        // Somebody may have filled it in already.
        Some(path) => match std::fs::File::create_new(path).and_then(|mut file| file.write_all(&bytes)) {
            Ok(()) => out.line(&show_path(path)),
            Err(e) => return cannot(&e),
        },
        None if format == TemplateFormat::Xlsx && std::io::stdout().is_terminal() => {
            return out.fail(&out.text("rights-binary", &[]));
        }
        None => out.bytes(&bytes),
    }
    0
}
