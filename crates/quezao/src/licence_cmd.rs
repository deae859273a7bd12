//! `licence`: who may use which registered pictures.

use crate::{args::LicenceCommand, export_cmd, out::Out};
use service::{Account, Folder, Licence, LicenceLine, Mode};
use std::path::Path;

/// Keys of `--json`.
pub(crate) const KEYS: &[&str] = &[
    "id",
    "title",
    "licensee",
    "code",
    "shop",
    "urls",
    "from",
    "until",
    "scope",
    "pictures",
    "state",
    "ended",
    "reason",
    "confirmed",
    "confirmed_by",
    "status",
    "index",
    "record_sha256",
];

pub(crate) fn licence(out: &Out, command: LicenceCommand) -> u8 {
    let account = Account::default();
    match command {
        LicenceCommand::Add(a) => {
            let licence = Licence {
                title: a.licence_title,
                licensee: a.licensee,
                code: a.licensee_code,
                shop: a.shop,
                urls: a.licence_url,
                from: a.licence_from,
                until: a.licence_until,
                scope: a.licence_scope,
                pictures: a.licensed,
            };
            let data = a.data;
            written(out, &data.data, data.json, |folder| folder.add_licence(account, &licence))
        }
        LicenceCommand::End { id, data, ended_from, ended_reason } => written(out, &data.data, data.json, |folder| {
            folder.end_licence(account, &id, ended_from.as_deref(), ended_reason.as_deref())
        }),
        LicenceCommand::List { data } => {
            let lines = Folder::open(&data.data, Mode::Read).and_then(|folder| {
                out.warn(&folder.warnings);
                folder.licences(account)
            });
            match lines {
                Ok(lines) => lines.iter().for_each(|line| show(out, line, data.json)),
                Err(e) => return out.refuse(&e),
            }
            0
        }
        LicenceCommand::Export(a) => export_cmd::export(out, *a),
    }
}

fn written(out: &Out, data: &Path, json: bool, act: impl FnOnce(&Folder) -> service::Result<LicenceLine>) -> u8 {
    let done = Folder::open(data, Mode::Write).and_then(|folder| {
        out.warn(&folder.warnings);
        let line = act(&folder)?;
        folder.close()?;
        Ok(line)
    });
    match done {
        Ok(line) => {
            show(out, &line, json);
            if line.index.is_some() { 0 } else { 3 }
        }
        Err(e) => out.refuse(&e),
    }
}

fn show(out: &Out, line: &LicenceLine, json: bool) {
    if json {
        return out.json(line);
    }
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let state = out.text(&format!("licence-{}", line.state), &[]);
    out.line(&format!("{}  {state:<8}  {}", text(&line.id), text(&line.licensee)));
    let args = [("from", text(&line.from).into()), ("until", text(&line.until).into())];
    let days = match line.until {
        Some(_) => out.text("licence-days", &args),
        None => out.text("licence-open", &args),
    };
    out.line(&format!(
        "    {days}  {}",
        out.text("licence-pictures", &[("n", line.pictures.len().to_string().into())])
    ));
    for url in &line.urls {
        out.line(&format!("    {url}"));
    }
    if let Some(day) = &line.ended {
        let args = [("day", day.clone().into()), ("reason", text(&line.reason).into())];
        out.line(&format!("    {}", out.text("licence-ended-on", &args)));
    }
    if let Some(by) = line.confirmed.as_ref().map(|_| text(&line.confirmed_by)) {
        out.line(&format!("    {}", out.text("licence-confirmed", &[("by", by.into())])));
    }
}
