//! `capture` and `discard`: pages, each with its steps shown as they begin.

use crate::{
    args::{self, Where},
    erase_cmd::confirmed,
    out::Out,
    remote,
    serve_cmd::variable,
};
use service::{CaptureEvent, CaptureLine, CaptureRequest, Folder, Mode, Settings, show_path};
use std::{fs, path::Path, time::Duration};

/// Longest list of URLs.
const MAX_LIST: u64 = 1 << 20;

pub(crate) fn capture(out: &Out, a: args::Capture) -> u8 {
    let mut urls = a.urls;
    if let Some(list) = &a.list {
        match listed(list) {
            Ok(more) => urls.extend(more),
            Err(e) => {
                let args = [("path", show_path(list).into()), ("reason", out.reason(&e).into())];
                return out.fail(&out.text("cannot-read", &args));
            }
        }
    }
    if urls.is_empty() {
        return out.fail(&out.text("capture-nothing", &[]));
    }
    let (json, other) = (a.place.json, matches!(a.purpose, args::Purpose::Other));
    let phone = matches!(a.viewport, args::Viewport::Phone);
    let data = match a.place.find(out) {
        Ok(Where::Folder(data)) => data,
        Ok(Where::Server(server)) => {
            // From where and with what a page is seen is the server's.
            let not_there = [
                ("--allow-loopback", !a.allow_loopback.is_empty()),
                ("--no-film", a.no_film),
                ("--isolation", matches!(a.isolation, args::Isolation::WeakerSharedNetwork)),
                ("--contacts", a.contacts.is_some()),
                ("--resolver", !a.resolver.is_empty()),
                ("--time-server", !a.time_server.is_empty()),
                ("--public-address", a.public_address.is_some()),
                ("--region", a.region.is_some()),
                ("--network", a.network.is_some()),
            ];
            if let Some((flag, _)) = not_there.into_iter().find(|(_, given)| *given) {
                return out.fail(&out.text("remote-no-flag", &[("flag", flag.into())]));
            }
            return shown(out, json, |events| remote::capture::capture(&server, &urls, other, phone, events));
        }
        Err(code) => return code,
    };
    let mut loopback = Vec::new();
    for exception in &a.allow_loopback {
        match exception.parse() {
            Ok(parsed) => loopback.push(parsed),
            Err(_) => return out.fail(&out.text("loopback-form", &[("value", exception.clone().into())])),
        }
    }
    let one = |key, word: Option<String>| (key, word.into_iter().collect());
    let flags = vec![
        ("capture.resolvers", a.resolver),
        ("capture.time_servers", a.time_server),
        one("capture.public_address", a.public_address),
        one("capture.region", a.region),
        one("capture.network", a.network),
    ];
    let (settings, wrong) = Settings::read(Some(&data), None, &flags, &variable);
    if let Some(error) = wrong.first() {
        return out.refuse(error);
    }
    let mut machine = settings.machine();
    if matches!(a.isolation, args::Isolation::WeakerSharedNetwork) {
        machine.isolation = ::capture::Isolation::WeakerSharedNetwork;
    }
    let mut folder = match Folder::open(&data, Mode::Write) {
        Ok(folder) => folder,
        Err(e) => return out.refuse(&e),
    };
    out.warn(&folder.warnings);
    let mut request = CaptureRequest { urls, other, loopback, machine, ..Default::default() };
    request.phone = phone;
    request.limits.film = !a.no_film;
    if let Some(contacts) = a.contacts {
        request.limits.contacts = contacts.into();
    }
    shown(out, json, |events| {
        let lines = folder.capture(&request, events)?;
        folder.close()?;
        Ok(lines)
    })
}

/// Runs, with each step shown as it begins and each line as it ends; the exit code.
fn shown(
    out: &Out,
    json: bool,
    run: impl FnOnce(&mut dyn FnMut(CaptureEvent)) -> service::Result<Vec<CaptureLine>>,
) -> u8 {
    let spinner = indicatif::ProgressBar::new_spinner();
    spinner.enable_steady_tick(Duration::from_millis(200));
    let lines = run(&mut |event| match event {
        CaptureEvent::Step { url, step } => {
            let step = match step.strip_prefix("queue-") {
                Some(place) => out.text("step-queue", &[("place", place.to_owned().into())]),
                None => out.text(&format!("step-{step}"), &[]),
            };
            spinner.set_message(format!("{step}  {}", show_path(Path::new(&url))));
        }
        CaptureEvent::Done(line) => spinner.suspend(|| print(out, &line, json)),
    });
    spinner.finish_and_clear();
    let lines = match lines {
        Ok(lines) => lines,
        Err(e) => return out.refuse(&e),
    };
    let any = |wanted: &[&str]| lines.iter().any(|l| wanted.contains(&l.status.as_str()));
    if any(&["failed"]) {
        2
    } else if any(&["partial", "blocked"]) {
        3
    } else {
        0
    }
}

pub(crate) fn discard(out: &Out, a: &args::Discard) -> u8 {
    let mut folder = match Folder::open(&a.data.data, Mode::Write) {
        Ok(folder) => folder,
        Err(e) => return out.refuse(&e),
    };
    // What is no capture is said before anybody is asked.
    if let Err(e) = folder.discardable(&a.id) {
        return out.refuse(&e);
    }
    if !a.yes && !confirmed(out, &a.id) {
        return out.fail(&out.text("discard-not-confirmed", &[("id", a.id.clone().into())]));
    }
    let done = folder.discard(&a.id).and_then(|()| folder.close());
    match done {
        Ok(()) if a.data.json => out.json(&serde_json::json!({"id": a.id, "error": null})),
        Ok(()) => out.line(&out.text("discarded", &[("id", a.id.clone().into())])),
        Err(e) => return out.refuse(&e),
    }
    0
}

/// One URL a line; empty lines and lines that begin with `#` are passed over.
fn listed(path: &Path) -> std::io::Result<Vec<String>> {
    if fs::metadata(path)?.len() > MAX_LIST {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    let text = fs::read_to_string(path)?;
    Ok(text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')).map(str::to_owned).collect())
}

fn print(out: &Out, line: &CaptureLine, json: bool) {
    out.warn(&line.warnings);
    if json {
        return out.json(line);
    }
    if let Some(error) = &line.error {
        out.refuse(error);
        return;
    }
    let status = out.text(&format!("capture-{}", line.status), &[]);
    let id = line.id.as_deref().unwrap_or("-");
    out.line(&format!("{id}  {status}  {}", show_path(Path::new(&line.url))));
    if let Some(sha256) = &line.sha256 {
        out.line(&format!("    WACZ SHA-256 {}", crate::out::eights(sha256)));
    }
}
