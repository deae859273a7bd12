//! `admin tsa` and `stamp`: outside time authorities, asked by hand and waited for.

use crate::{
    args::{self, TsaCommand},
    out::{Out, eights},
};
use service::{AddAuthority, AuthorityCheck, AuthorityState, Folder, Mode, RevocationList, show_path};
use std::{path::Path, time::Duration};

pub(crate) fn tsa(out: &Out, command: &TsaCommand) -> u8 {
    let (data, mode) = match command {
        TsaCommand::Add(a) => (&a.data, Mode::Write),
        TsaCommand::Remove { data, .. } | TsaCommand::Fallback { data, .. } | TsaCommand::Statements { data, .. } => {
            (data, Mode::Write)
        }
        TsaCommand::Check { data, .. } | TsaCommand::List(data) => (data, Mode::Read),
    };
    let folder = match Folder::open(&data.data, mode) {
        Ok(folder) => folder,
        Err(e) => return out.refuse(&e),
    };
    out.warn(&folder.warnings);
    let done = match command {
        TsaCommand::Add(a) => folder.add_authority(&wanted(a)).map(|()| a.name.as_str()),
        TsaCommand::Remove { name, .. } => folder.remove_authority(name).map(|()| name.as_str()),
        TsaCommand::Fallback { allowed, .. } => {
            let on = matches!(allowed, args::Switch::On);
            folder.set_fallback(on).map(|()| if on { "on" } else { "off" })
        }
        TsaCommand::Statements { by, .. } => {
            let external = *by == args::Statements::External;
            folder.set_statements(external).map(|()| if external { "external" } else { "embedded" })
        }
        TsaCommand::List(_) => match folder.list_authorities() {
            Ok(lines) => return listed(out, &lines, data.json),
            Err(e) => Err(e),
        },
        TsaCommand::Check { name, .. } => match folder.check_authorities(name.as_deref()) {
            Ok(lines) => return checked(out, &lines, data.json),
            Err(e) => Err(e),
        },
    };
    match done {
        Ok(name) if data.json => out.json(&serde_json::json!({"name": name, "error": null})),
        Ok(name) => out.line(&out.text("tsa-done", &[("name", name.into())])),
        Err(e) => return out.refuse(&e),
    }
    0
}

fn wanted(a: &args::TsaAdd) -> AddAuthority {
    AddAuthority {
        name: a.name.clone(),
        url: a.url.clone(),
        roots: a.root.clone(),
        user: a.user.clone().zip(a.password_file.clone()),
        client: a.client.clone(),
        policy: a.policy.clone(),
        pace: a.pace,
        timeout: a.timeout,
        own: a.own,
    }
}

fn listed(out: &Out, lines: &[AuthorityState], json: bool) -> u8 {
    if lines.is_empty() && !json {
        out.line(&out.text("tsa-none", &[]));
    }
    for line in lines {
        if json {
            out.json(line);
            continue;
        }
        out.line(&format!("{}  {}", line.name, show_path(Path::new(&line.url))));
        let never = || "-".to_owned();
        let whose = if line.independent { "tsa-independent" } else { "tsa-own" };
        out.line(&out.text(
            &format!("tsa-{}", line.state),
            &[
                ("tokens", i64::try_from(line.tokens).unwrap_or(i64::MAX).into()),
                ("failures", line.failures.into()),
                ("last", line.token_at.clone().unwrap_or_else(never).into()),
                ("until", line.rests_until.clone().unwrap_or_else(never).into()),
                ("pace", i64::try_from(line.pace).unwrap_or(i64::MAX).into()),
                ("whose", out.text(whose, &[]).into()),
            ],
        ));
        if let Some(reason) = &line.reason {
            out.line(&format!("  {}", show_path(Path::new(reason))));
        }
        revocation(out, &line.revocation);
    }
    0
}

/// A line for each list.
fn revocation(out: &Out, lists: &[RevocationList]) {
    for list in lists {
        let shown = |text: &str| show_path(Path::new(text));
        let until = list.until.as_deref().unwrap_or("-");
        let id = if list.reason.is_some() { "tsa-list-without" } else { "tsa-list" };
        let reason = shown(list.reason.as_deref().unwrap_or_default());
        let args = [("url", shown(&list.url).into()), ("until", until.to_owned().into()), ("reason", reason.into())];
        out.line(&out.text(id, &args));
    }
}

/// One that gave no token: 2. None at all: said, 0.
fn checked(out: &Out, lines: &[AuthorityCheck], json: bool) -> u8 {
    if lines.is_empty() && !json {
        out.line(&out.text("tsa-none", &[]));
    }
    for line in lines {
        if json {
            out.json(line);
            continue;
        }
        if let Some(error) = &line.error {
            out.refuse(error);
            if let Some(until) = &line.rests_until {
                let failures = line.failures.into();
                out.note(&out.text("tsa-rests", &[("until", until.clone().into()), ("failures", failures)]));
            }
            continue;
        }
        let name = line.signer.as_deref().unwrap_or_default();
        out.line(&format!("✓ {}  {}", line.name, show_path(Path::new(&line.url))));
        let whose = if line.independent { "tsa-independent" } else { "tsa-own" };
        out.line(&out.text(
            "tsa-token",
            &[
                ("time", line.gen_time.clone().unwrap_or_default().into()),
                ("accuracy", (line.accuracy_us.unwrap_or_default() / 1000).into()),
                ("signer", show_path(Path::new(name)).into()),
                ("policy", line.policy.clone().unwrap_or_default().into()),
                ("millis", i64::try_from(line.millis).unwrap_or(i64::MAX).into()),
                ("whose", out.text(whose, &[]).into()),
            ],
        ));
        out.line(&out.text("tsa-root", &[("root", eights(line.root_sha256.as_deref().unwrap_or_default()).into())]));
        match line.revocation.is_empty() {
            true => out.line(&out.text("tsa-list-none", &[])),
            false => revocation(out, &line.revocation),
        }
    }
    if lines.iter().any(|line| line.error.is_some()) { 2 } else { 0 }
}

/// All stamped and sealed: 0; some still wait: 3.
pub(crate) fn stamp(out: &Out, a: &args::Stamp) -> u8 {
    let folder = match Folder::open(&a.data.data, Mode::Write) {
        Ok(folder) => folder,
        Err(e) => return out.refuse(&e),
    };
    out.warn(&folder.warnings);
    let bar = indicatif::ProgressBar::new(1);
    let done = folder.stamp(Duration::from_secs(a.wait), &mut |sealed, size| {
        bar.set_length(size);
        bar.set_position(sealed);
    });
    bar.finish_and_clear();
    let service::Stamped { sealed, size, waiting, unwitnessed } =
        match done.and_then(|done| folder.close().map(|()| done)) {
            Ok(done) => done,
            Err(e) => return out.refuse(&e),
        };
    if a.data.json {
        out.json(&serde_json::json!({"sealed": sealed, "size": size, "waiting": waiting, "error": null}));
    } else {
        let id = match sealed < size {
            true if unwitnessed > 0 => "stamp-witnesses",
            true => "stamp-waiting",
            false => "stamp-done",
        };
        let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        out.line(&out.text(id, &[("sealed", count(sealed).into()), ("size", count(size).into())]));
        if waiting > 0 {
            out.line(&out.text("stamp-unstamped", &[("waiting", count(waiting).into())]));
        }
    }
    if sealed < size || waiting > 0 { 3 } else { 0 }
}
