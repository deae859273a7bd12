//! `quezao deposit`: files and folders in, a line each out, a report of all of them.

use crate::{
    args,
    folder_cmd::print_line,
    out::Out,
    report::{self, Report, STATUSES},
    rights_cmd,
};
use crate::{args::Where, remote};
use service::{DepositLine, DepositRequest, Event, Filter, Folder, Mode, Planned, WatchEvent, show_path};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

/// Names left out that are said one by one; the report has them all.
const NAMED: u64 = 20;

pub(crate) fn deposit(out: &Out, a: args::Deposit) -> u8 {
    let json = a.place.json;
    let place = match a.place.find(out) {
        Ok(place) => place,
        Err(code) => return code,
    };
    let options = a.folders;
    if matches!(place, Where::Server(_)) {
        let not_there = [
            ("--again", a.again),
            ("--attach", !a.sidecar.attach.is_empty()),
            ("--rehash", options.rehash),
            ("--similar", a.near.similar),
            ("--wait", a.wait.is_some()),
            ("--watch", options.watch),
        ];
        if let Some((flag, _)) = not_there.into_iter().find(|(_, given)| *given) {
            return out.fail(&out.text("remote-no-flag", &[("flag", flag.into())]));
        }
    }
    let filter = match Filter::new(&options.include, &options.exclude) {
        Ok(filter) => filter,
        Err(e) => return out.refuse(&e),
    };
    let paths = match options.retry.as_deref().map(|path| report::to_retry(out, path)) {
        None => a.paths,
        Some(Err(sentence)) => return out.fail(&sentence),
        Some(Ok(paths)) if paths.is_empty() => {
            out.note(&out.text("retry-nothing", &[]));
            return 0;
        }
        Some(Ok(paths)) => paths,
    };
    let sidecar = match rights_cmd::sidecar(out, &a.sidecar, &paths) {
        Ok(sidecar) => sidecar,
        Err(e) => return out.refuse(&e),
    };
    if matches!(place, Where::Server(_)) && sidecar.as_ref().is_some_and(|sidecar| sidecar.attaches()) {
        return out.fail(&out.text("remote-no-attachments", &[]));
    }
    let report = match options.report.as_deref().map(|path| Report::begin(out, path)).transpose() {
        Ok(report) => report,
        Err(sentence) => return out.fail(&sentence),
    };
    let stop = match stop_on_signals() {
        Ok(stop) => stop,
        Err(e) => return out.fail(&e.to_string()),
    };
    let request = DepositRequest {
        paths,
        digest_only: a.digest_only,
        similar: a.near.similar,
        again: a.again,
        rights: rights_cmd::claims(a.rights),
        from_file: a.sidecar.from_file,
        sidecar,
        filter,
        rehash: options.rehash,
        dry_run: options.dry_run,
        wait: a.wait,
        stop: Some(stop),
        account: Default::default(),
        refs: Vec::new(),
        charge: None,
        unsealed: false,
        act: None,
    };
    let run = Run::new(out, json, request.dry_run, report);
    match place {
        Where::Folder(data) if options.watch => watch(run, &data, &request, options.settle),
        Where::Folder(data) => once(run, &data, &request),
        Where::Server(server) => through(run, server, &request),
    }
}

/// The same through a server.
fn through(mut run: Run<'_>, mut server: remote::Server, request: &DepositRequest) -> u8 {
    server.stop = request.stop.clone().unwrap_or_default();
    let together = if request.digest_only { remote::deposit::TOGETHER } else { 1 };
    let carry = |files: &[service::Outgoing], progress: &mut dyn FnMut(u64)| match request.digest_only {
        true => remote::deposit::digests(&server, files, progress),
        false => files.iter().map(|file| remote::deposit::file(&server, file, progress)).collect(),
    };
    match service::send(request, together, remote::deposit::AT_ONCE, &carry, &mut |event| run.hear(event)) {
        Err(e) => run.fail(&e),
        Ok(()) => run.end(false),
    }
}

fn once(mut run: Run<'_>, data: &Path, request: &DepositRequest) -> u8 {
    let out = run.out;
    let mode = if request.dry_run { Mode::Read } else { Mode::Write };
    let result = Folder::open(data, mode).and_then(|mut folder| {
        out.warn(&folder.warnings);
        run.external = folder.statements_external();
        folder.deposit(request, &mut |event| run.hear(event))?;
        folder.close()
    });
    match result {
        Err(e) => run.fail(&e),
        Ok(()) => run.end(false),
    }
}

fn watch(mut run: Run<'_>, data: &Path, request: &DepositRequest, settle: u64) -> u8 {
    let out = run.out;
    run.watching = true;
    out.note(&out.text("watch-begun", &[]));
    let missing = service::watch(data, request, Duration::from_secs(settle), &mut |event| match event {
        WatchEvent::Gone(path) => out.complain(&out.text("watch-gone", &[("path", show_path(&path).into())])),
        WatchEvent::Back(path) => out.note(&out.text("watch-back", &[("path", show_path(&path).into())])),
        WatchEvent::Busy(e) => out.complain(out.pick(&e.zh, &e.en)),
        WatchEvent::Run(event) => run.hear(event),
    });
    match missing {
        Err(e) => run.fail(&e),
        Ok(missing) => {
            let code = run.end(!missing.is_empty());
            out.note(&out.text("watch-ended", &[]));
            code
        }
    }
}

/// The first signal asks the run to end, the second ends the program.
pub(crate) fn stop_on_signals() -> std::io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_default(signal, stop.clone())?;
        flag::register(signal, stop.clone())?;
    }
    Ok(stop)
}

/// What is said of a run.
struct Run<'a> {
    out: &'a Out,
    json: bool,
    dry: bool,
    watching: bool,
    /// Statements are stamped from outside: what is pending is not done.
    external: bool,
    report: Option<Report>,
    progress: Option<indicatif::ProgressBar>,
    /// Status → files; `unchanged` are those that were not read again.
    counts: BTreeMap<String, u64>,
    /// Why → names.
    passed: BTreeMap<&'static str, u64>,
    all: u64,
    done: u64,
}

impl<'a> Run<'a> {
    fn new(out: &'a Out, json: bool, dry: bool, report: Option<Report>) -> Self {
        let (counts, passed) = (BTreeMap::new(), BTreeMap::new());
        Self {
            out,
            json,
            dry,
            watching: false,
            external: false,
            report,
            progress: None,
            counts,
            passed,
            all: 0,
            done: 0,
        }
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Passed { path, absolute, why } => {
                let count = self.passed.entry(why.code()).or_default();
                *count += 1;
                // Hidden names and patterns are what was asked for; of the others one may have been meant.
                if !matches!(why.code(), "hidden" | "excluded") && *count <= NAMED {
                    let (zh, en) = why.sentence();
                    self.out.note(&format!(
                        "{}{}{}",
                        show_path(&path),
                        self.out.pick("：", ": "),
                        self.out.pick(zh, en)
                    ));
                }
                if let Some(report) = &mut self.report {
                    report.passed(&absolute, why);
                }
            }
            Event::Planned(planned) => {
                self.all = planned.files;
                self.preflight(&planned);
                if !self.dry && !self.watching {
                    self.progress = Some(self.out.bar(planned.bytes));
                }
            }
            Event::Read { bytes } => self.progress.iter().for_each(|p| p.inc(bytes)),
            Event::Done(line) => self.line(&line),
            Event::Left(line) => self.count(&line),
        }
    }

    fn line(&mut self, line: &DepositLine) {
        self.count(line);
        self.done += u64::from(!line.unread);
        // To a person a thousand files that are as they were are one number.
        let print = || {
            if self.json || !line.unread || !line.warnings.is_empty() {
                print_line(self.out, line, self.json);
            }
        };
        match &self.progress {
            Some(p) => {
                p.suspend(print);
                p.set_message(format!("{}/{}", self.done, self.all));
            }
            None => print(),
        }
    }

    fn count(&mut self, line: &DepositLine) {
        let status = if line.unread { "unchanged" } else { line.status.as_str() };
        *self.counts.entry(status.to_owned()).or_default() += 1;
        if let Some(report) = &mut self.report {
            report.line(line);
        }
    }

    /// What a large run will read, and how long that will take.
    fn preflight(&self, planned: &Planned) {
        let out = self.out;
        let number = |n: u64| n.to_string().into();
        let args = [
            ("files", number(planned.files)),
            ("bytes", bytes(planned.bytes).into()),
            ("known", number(planned.known)),
            ("changed", number(planned.changed)),
        ];
        if planned.estimate.is_none() && !self.dry {
            return;
        }
        let mut said = out.text("preflight", &args);
        if let Some(time) = planned.estimate {
            said += &match time.as_secs() {
                0..60 => out.text("preflight-soon", &[]),
                seconds => out.text("preflight-minutes", &[("minutes", seconds.div_ceil(60).to_string().into())]),
            };
        }
        out.note(&said);
    }

    /// The whole run failed; what it did before stands in its report.
    fn fail(mut self, error: &service::Error) -> u8 {
        let out = self.out;
        if self.counts.is_empty() && self.passed.is_empty() {
            self.report.take().into_iter().for_each(Report::discard);
        }
        self.end(true);
        out.refuse(error)
    }

    /// The last words; returns the exit code. `undone`: something was not come to, whatever became of the files.
    fn end(self, undone: bool) -> u8 {
        let out = self.out;
        if let Some(p) = &self.progress {
            p.finish_and_clear();
        }
        let count = |status: &str| self.counts.get(status).copied().unwrap_or(0);
        let total: u64 = self.counts.values().sum::<u64>() + self.passed.values().sum::<u64>();
        if total > 1 {
            let files = STATUSES.iter().filter(|s| count(s) > 0).map(|s| (format!("count-{s}"), count(s)));
            let names = self.passed.iter().map(|(why, n)| (format!("count-{why}"), *n));
            let parts: Vec<String> =
                files.chain(names).map(|(id, n)| out.text(&id, &[("n", n.to_string().into())])).collect();
            out.note(&parts.join(out.pick("，", ", ")));
        }
        let left = count("interrupted");
        if left > 0 {
            out.note(&out.text("run-interrupted", &[("left", left.to_string().into())]));
        }
        let waits = self.external && count("pending") > 0;
        if waits {
            out.note(&out.text("deposit-waits", &[]));
        }
        let mut code = if left > 0 || undone {
            3
        } else if count("failed") > 0 {
            2
        } else if waits {
            3
        } else {
            0
        };
        if let Some(report) = self.report {
            let counts = serde_json::json!({"files": self.counts, "skipped": self.passed});
            match report.end(out, &counts, left > 0 || undone) {
                Ok(path) => out.note(&out.text("report-written", &[("path", show_path(&path).into())])),
                Err(sentence) => {
                    out.complain(&sentence);
                    code = 2;
                }
            }
        }
        code
    }
}

/// `1.2 GB`, in powers of ten, as file managers count.
fn bytes(n: u64) -> String {
    let mut value = n as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 999.5 {
            return if unit == "B" { format!("{n} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}
