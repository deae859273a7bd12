//! `licence`: who may use which registered pictures.

use crate::{
    args::{LicenceCommand, Place, Where},
    export_cmd,
    out::Out,
    remote::{self, Server},
};
use serde_json::json;
use service::{Account, Folder, Licence, LicenceLine, Mode};

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
    "ended_by",
    "reason",
    "confirmed",
    "confirmed_by",
    "confirmation",
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
            let here = |folder: &Folder| folder.add_licence(account, &licence);
            written(out, a.place, here, |server| remote::licence::add(server, &licence))
        }
        LicenceCommand::End { id, place, ended_from, ended_reason } => {
            let (from, reason) = (ended_from.as_deref(), ended_reason.as_deref());
            let here = |folder: &Folder| folder.end_licence(account, &id, from, reason);
            written(out, place, here, |server| remote::licence::end(server, &id, from, reason))
        }
        LicenceCommand::List { place } => {
            let json = place.json;
            let lines = match place.find(out) {
                Ok(Where::Folder(data)) => Folder::open(&data, Mode::Read).and_then(|folder| {
                    out.warn(&folder.warnings);
                    folder.licences(account)
                }),
                Ok(Where::Server(server)) => remote::licence::list(&server),
                Err(code) => return code,
            };
            match lines {
                Ok(lines) => lines.iter().for_each(|line| show(out, line, json)),
                Err(e) => return out.refuse(&e),
            }
            0
        }
        LicenceCommand::Link { id, server, json, link_until } => {
            let server = match server.or_else(|| std::env::var("QUEZAO_SERVER").ok()).filter(|url| !url.is_empty()) {
                Some(url) => Server::new(&url),
                None => return out.fail(&out.text("licence-link-where", &[])),
            };
            match server.and_then(|server| remote::licence::link(&server, &id, &link_until)) {
                Ok(url) if json => out.json(&json!({"link": url, "until": link_until})),
                Ok(url) => out.line(&url),
                Err(e) => return out.refuse(&e),
            }
            0
        }
        LicenceCommand::Export(a) => export_cmd::export(out, *a),
    }
}

fn written(
    out: &Out,
    place: Place,
    here: impl FnOnce(&Folder) -> service::Result<LicenceLine>,
    there: impl FnOnce(&Server) -> service::Result<LicenceLine>,
) -> u8 {
    let json = place.json;
    let done = match place.find(out) {
        Ok(Where::Folder(data)) => Folder::open(&data, Mode::Write).and_then(|folder| {
            out.warn(&folder.warnings);
            let line = here(&folder)?;
            folder.close()?;
            Ok(line)
        }),
        Ok(Where::Server(server)) => there(&server),
        Err(code) => return code,
    };
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
        out.text("licence-pictures", &[("n", locale::count(line.pictures.len() as u64))])
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
