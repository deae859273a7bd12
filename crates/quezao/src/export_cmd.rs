//! `quezao export`: certificates and packages, of one record or of all.

use crate::{
    args::{self, Disclose, Lang, Where},
    deposit_cmd::stop_on_signals,
    list_cmd,
    out::Out,
    remote,
};
use locale::Locale;
use service::{DepositLine, ExportLine, ExportRequest, Folder, Mode, show_path};
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    sync::atomic::Ordering,
    time::Duration,
};

/// Longest list of record numbers that is read.
const MAX_LIST: u64 = 1 << 30;

pub(crate) fn export(out: &Out, a: args::Export) -> u8 {
    let spoken = a.lang.map(|lang| if lang == Lang::Zh { Locale::Zh } else { Locale::En });
    let out = &out.in_language(spoken.unwrap_or(out.locale));
    let mut ids = a.ids;
    if let Some(path) = &a.many.from {
        match read_list(path) {
            Ok(text) => ids.extend(list_cmd::ids(&text)),
            Err(e) => {
                let args = [("path", show_path(path).into()), ("reason", out.reason(&e).into())];
                return out.fail(&out.text("cannot-read", &args));
            }
        }
        if ids.is_empty() {
            return out.fail(&out.text("ids-none", &[("path", show_path(path).into())]));
        }
    }
    let json = a.place.json;
    let source = a.place.find(out).and_then(|place| {
        let opened = match place {
            Where::Folder(data) => of_folder(&data, a.many.all, a.pending, &mut ids),
            Where::Server(server) => of_server(server, a.many.all, &mut ids),
        };
        opened.map_err(|e| out.refuse(&e))
    });
    let mut source = match source {
        Ok(source) => source,
        Err(code) => return code,
    };
    if let Source::Folder(folder) = &source {
        out.warn(&folder.warnings);
    }
    let stop = match stop_on_signals() {
        Ok(stop) => stop,
        Err(e) => return out.fail(&e.to_string()),
    };
    let request = ExportRequest {
        ids,
        output: a.output,
        disclose: None,
        full: a.disclose == Disclose::Full,
        english: out.locale == Locale::En,
        originals: a.originals,
        pending: a.pending,
        wait: a.wait,
        stop: Some(stop.clone()),
    };
    let all = request.ids.len();
    let spinner = indicatif::ProgressBar::new_spinner();
    spinner.enable_steady_tick(Duration::from_millis(200));
    let number = |n: usize| locale::count(n as u64);
    let say = |done: usize| {
        spinner.set_message(match request.ids.as_slice() {
            [id] => out.text("export-under-way", &[("id", show_path(Path::new(id)).into())]),
            _ => out.text("export-progress", &[("done", number(done)), ("all", number(all))]),
        });
    };
    say(0);
    let (mut exit, mut good, mut bad, mut last) = (None::<u8>, 0, 0, None);
    let mut hear = |line: &ExportLine| {
        spinner.suspend(|| match (&line.file, &line.error) {
            _ if json => out.json(line),
            (Some(file), _) => out.line(&show_path(file)),
            (None, Some(error)) => drop(out.refuse(error)),
            (None, None) => {}
        });
        match &line.error {
            // What failed (2) outranks what is only waited for (3).
            Some(e) => {
                exit = Some(exit.map_or(e.exit, |code| code.min(e.exit)));
                bad += 1;
            }
            None => {
                good += usize::from(last.as_ref() != Some(&line.id));
                last = Some(line.id.clone());
            }
        }
        say(good + bad);
    };
    let result = match &mut source {
        Source::Folder(folder) => folder.export(&request, &mut hear).map(|_| ()),
        Source::Server(server) => {
            server.stop = stop.clone();
            remote::export::export(server, &request, &mut hear)
        }
    };
    spinner.finish_and_clear();
    if let Err(e) = result {
        return out.refuse(&e);
    }
    if all > 1 {
        out.note(&out.text("export-ended", &[("done", number(good)), ("failed", number(all - good))]));
    }
    let left = stop.load(Ordering::Relaxed) && good + bad < all;
    exit.unwrap_or(if left { 3 } else { 0 })
}

enum Source {
    Folder(Box<Folder>),
    Server(Box<remote::Server>),
}

/// Waiting for a seal needs the writer, who seals; a record that has its seal is only read.
fn of_folder(data: &Path, all: bool, pending: bool, ids: &mut Vec<String>) -> service::Result<Source> {
    let reader = Folder::open(data, Mode::Read)?;
    if all {
        *ids = of_all(reader.list()?);
    }
    let sealed = |id: &String| reader.show(id).map_or(true, |(line, _)| line.status != "pending");
    let read = pending || ids.iter().all(sealed);
    Ok(Source::Folder(Box::new(if read { reader } else { Folder::open(data, Mode::Write)? })))
}

/// Numbers of what can be taken out.
fn of_all(lines: Vec<DepositLine>) -> Vec<String> {
    lines.into_iter().filter(|line| line.erased_at.is_none()).filter_map(|line| line.id).collect()
}

fn of_server(server: remote::Server, all: bool, ids: &mut Vec<String>) -> service::Result<Source> {
    if all {
        ids.clear();
        remote::records::list(&server, &mut |lines| ids.extend(of_all(lines)))?;
    }
    Ok(Source::Server(Box::new(server)))
}

fn read_list(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    if path == Path::new("-") {
        io::stdin().take(MAX_LIST).read_to_string(&mut text)?;
    } else {
        File::open(path)?.take(MAX_LIST).read_to_string(&mut text)?;
    }
    Ok(text)
}
