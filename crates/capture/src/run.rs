//! One capture from the order to the recording.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use url::Url;

use crate::browser::Browser;
use crate::cdp::Wire;
use crate::clock::{Operations, json_lines, wall};
use crate::environment;
use crate::error::{Error, Result};
use crate::guard::{self, Connect, Direct, Dns, Guard, Resolver, Rules, What};
use crate::isolation::{ADVICE, Capsule, Order};
use crate::page::Page;
use crate::recording::{Exchange, Limits, Machine, Outcome, Reason, Recording, Request, Step};
use crate::spool::Spool;
use crate::walls::{self, Facts};

/// Captures `order`'s page. `events` hears of each step as it begins.
pub fn run(order: &Request, limits: &Limits, events: &mut dyn FnMut(Step)) -> Result<Recording> {
    run_with(order, limits, Box::new(Dns::system()), Box::new(Direct), events)
}

/// Whether a capture could run here: starts an empty browser, hears its first answer, ends it. Gives the version.
pub fn check(machine: &Machine) -> Result<String> {
    let limits = Limits { total: Duration::from_secs(30), ..Limits::default() };
    let order = capsule_order(machine, &limits, crate::recording::Viewport::DESKTOP);
    let mut capsule = Capsule::launch(&order, machine.executable.as_deref(), machine.user)?;
    let spool = Spool::new(machine.spool.as_deref(), 0).map_err(Error::io("private folder"))?;
    let mut browser = Browser::new(wire(&mut capsule)?, &limits, spool, Operations::new());
    let version = start(&mut browser, &capsule)?;
    Ok(version["product"].as_str().unwrap_or_default().to_owned())
}

/// As [`run`], with a resolver and a way to connect of the caller's.
pub fn run_with(
    order: &Request,
    limits: &Limits,
    resolver: Box<dyn Resolver>,
    connect: Box<dyn Connect>,
    events: &mut dyn FnMut(Step),
) -> Result<Recording> {
    let mut operations = Operations::new();
    let mut step = |operations: &mut Operations, step: Step| {
        operations.note("step", json!(step));
        events(step);
    };
    let url = acceptable(order)?;
    let spool = Spool::new(order.machine.spool.as_deref(), limits.spool).map_err(Error::io("private folder"))?;
    step(&mut operations, Step::CheckEnvironment);
    // Beside the browser's start: hashing Chromium for the first time takes as long.
    let machine = order.machine.clone();
    let reading = std::thread::spawn(move || environment::read(&machine));
    step(&mut operations, Step::Start);
    let mark = mark().map_err(Error::io("random numbers"))?;
    let rules = Rules { loopback: order.loopback.clone(), bytes: limits.traffic, ..Rules::default() };
    let guard = Arc::new(Guard::new(rules, resolver, connect, operations.started, mark.clone()));
    let mut capsule = Capsule::launch(
        &capsule_order(&order.machine, limits, order.viewport),
        order.machine.executable.as_deref(),
        order.machine.user,
    )?;
    let listener = capsule.listener.take().ok_or_else(missing)?;
    guard.serve(listener).map_err(Error::io("guard"))?;
    let _stop = Stop(Arc::clone(&guard));
    let mut browser = Browser::new(wire(&mut capsule)?, limits, spool, operations);
    let version = start(&mut browser, &capsule)?;
    let spawn = browser.operations.started.elapsed();
    let mut before = reading.join().map_err(|_| Error::Browser("reading the environment failed".to_owned()))?;
    before["browser"] = version;
    before["browser"]["arguments"] = json!(arguments(order.viewport, &order.machine.locale));
    before["inside"] = capsule.inside();

    let mut page = Page::new(&mut browser, limits, order.viewport);
    let mut facts = None;
    let opened = walk(&mut page, url.as_str(), &mut facts, &mut |operations, next| step(operations, next));
    let died = opened.as_ref().is_ok_and(Option::is_none) && page.browser.crashed.is_some();
    let mut origins = BTreeSet::new();
    for event in guard.events().0 {
        if let What::Connected { method, host, port, .. } = event.what
            && method == "connect"
        {
            origins.insert(if port == 443 { format!("https://{host}") } else { format!("https://{host}:{port}") });
        }
    }
    page.chains(&origins);
    if let Some(text) = facts.as_ref().map(|facts: &Facts| facts.text.clone()) {
        page.keep("text", "text/plain; charset=utf-8", text.as_bytes());
    }
    if limits.pdf && matches!(opened, Ok(None)) && !died {
        page.attempt("pdf", Page::pdf);
    }
    step(&mut page.browser.operations, Step::CheckEnvironmentAgain);
    let mut after = environment::read(&order.machine);
    after["inside"] = capsule.inside();
    let differences = environment::differences(&before, &after);

    let (log, counted) = guard.events();
    let mut names = BTreeSet::from([url.host_str().unwrap_or_default().to_owned()]);
    let mut peers: BTreeMap<String, SocketAddr> = BTreeMap::new();
    for event in &log {
        match &event.what {
            What::Connected { host, port, peer, .. } => {
                peers.insert(format!("{host}:{port}"), *peer);
            }
            What::Resolved { name, .. } => {
                names.insert(name.clone());
            }
            _ => {}
        }
    }
    let names: Vec<String> = names.into_iter().collect();
    let red_flags = environment::red_flags(&before, &differences, &names, page.browser.operations.drift());
    if counted > 0 {
        page.remark(Reason::new(
            "guard-log",
            "守卫日志过长，其余只计数",
            "the guard's log was too long; the rest was only counted",
        ));
    }
    if let Some(limit) = guard.limit() {
        page.reason(Reason::new(
            "traffic",
            format!("达到上限：{limit}"),
            format!("a limit of the guard's was reached: {limit}"),
        ));
    }
    incidents(&mut page);

    let network = std::mem::replace(&mut page.browser.network, crate::network::Network::new(0));
    if network.dropped > 0 {
        page.reason(Reason::new(
            "requests",
            format!("请求超过 {} 个，其余未记录", limits.requests),
            format!("more than {} requests; {} were not recorded", limits.requests, network.dropped),
        ));
    }
    let exchanges = network.exchanges(&mark, &peers);
    let status =
        exchanges.iter().rev().filter(|e| e.main && !e.printing).find_map(|e| Some(e.response.as_ref()?.status));
    let (outcome, reason) = judge(&url, opened, died, status, facts.as_ref(), &exchanges, &log, page.browser);
    let outcome = match reason {
        Some(reason) => {
            page.reasons.insert(0, reason);
            outcome
        }
        None => {
            lacks(&mut page, &exchanges, facts.as_ref(), status);
            if page.reasons.is_empty() { Outcome::Complete } else { Outcome::Partial }
        }
    };
    page.keep("environment-before", "application/json", before.to_string().as_bytes());
    page.keep("environment-after", "application/json", after.to_string().as_bytes());
    page.keep("guard", "application/x-ndjson", &json_lines(&log));
    let console = json_lines(&page.browser.console);
    page.keep("console", "application/x-ndjson", &console);
    let heads: Vec<_> = exchanges.iter().map(|e| json!({
        "url": e.url, "request": e.head, "response": e.response.as_ref().map(|r| &r.head), "printing": e.printing, "failure": e.failure,
        "fidelity": e.response.as_ref().map(|r| r.fidelity), "note": e.response.as_ref().and_then(|r| r.note.as_ref()),
    })).collect();
    page.keep("heads", "application/x-ndjson", &json_lines(&heads));
    let ended = wall();
    let lines = page.browser.operations.lines();
    page.keep("operations", "application/x-ndjson", &lines);
    let Page { reasons, remarks, mut resources, .. } = page;
    resources.sort_by(|a, b| a.name.cmp(&b.name));
    capsule.close();
    let facts = facts.unwrap_or_else(|| Facts { url: url.to_string(), ..Facts::default() });
    Ok(Recording {
        url: order.url.clone(),
        final_url: facts.url,
        title: facts.title,
        outcome,
        reasons,
        remarks,
        status,
        started: browser.operations.wall,
        ended,
        exchanges,
        resources,
        guard: log,
        before,
        after,
        differences,
        red_flags,
        spawn,
        folder: browser.spool.folder,
    })
}

/// Stops the guard whichever way the capture ends.
struct Stop(Arc<Guard>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// The steps on the page; `Some` is why there is none.
fn walk(
    page: &mut Page<'_>,
    url: &str,
    facts: &mut Option<Facts>,
    step: &mut dyn FnMut(&mut Operations, Step),
) -> Result<Option<String>> {
    step(&mut page.browser.operations, Step::Open);
    page.prepare()?;
    if let Some(why) = page.open(url)? {
        return Ok(Some(why));
    }
    step(&mut page.browser.operations, Step::Settle);
    page.attempt("settle", Page::settle);
    step(&mut page.browser.operations, Step::Scroll);
    // A page that does not answer here will not answer later: one wait, not six.
    if !page.attempt("scroll", Page::scroll) && page.facts().is_err() {
        return Ok(None);
    }
    page.attempt("facts", |page| page.facts().map(|found| *facts = Some(found)));
    step(&mut page.browser.operations, Step::Screenshot);
    page.attempt("screenshot", Page::screenshots);
    step(&mut page.browser.operations, Step::Snapshot);
    page.attempt("snapshot", Page::snapshots);
    if let Some(facts) = facts {
        facts.add_layout(&page.layout);
    }
    Ok(None)
}

#[allow(clippy::too_many_arguments)]
fn judge(
    url: &Url,
    opened: Result<Option<String>>,
    died: bool,
    status: Option<u16>,
    facts: Option<&Facts>,
    exchanges: &[Exchange],
    log: &[guard::Event],
    browser: &Browser,
) -> (Outcome, Option<Reason>) {
    let refused = exchanges.iter().rev().find(|e| e.main).is_some_and(|e| e.response.is_none() && e.failure.is_some());
    let why = match opened {
        Err(e) => Some(e.to_string()),
        Ok(Some(why)) => Some(why),
        Ok(None) if died => browser.crashed.clone(),
        Ok(None) if refused => Some("refused".to_owned()),
        Ok(None) => None,
    };
    let Some(mut why) = why else {
        return match facts.and_then(|facts| walls::wall(url, status, facts)) {
            Some(reason) => (Outcome::Blocked, Some(reason)),
            None => (Outcome::Complete, None),
        };
    };
    // Where the redirects ended.
    let last = exchanges.iter().rev().find(|e| e.main).and_then(|e| Url::parse(&e.url).ok());
    let last = last.as_ref().unwrap_or(url);
    if browser.incidents.iter().any(|incident| incident["what"] == "download") {
        why = "the address is a download, not a page".to_owned();
    } else if let Some(reason) = log.iter().rev().find_map(|event| match &event.what {
        What::Refused { target, reason } | What::Failed { target, reason }
            if last.host_str().is_some_and(|h| target.contains(h)) =>
        {
            Some(reason.clone())
        }
        _ => None,
    }) {
        why = format!("{why}: {reason}");
    }
    (Outcome::Failed, Some(Reason::new("failed", format!("页面打不开：{why}"), format!("there is no page: {why}"))))
}

/// What a page that was reached lacks.
fn lacks(page: &mut Page<'_>, exchanges: &[Exchange], facts: Option<&Facts>, status: Option<u16>) {
    if let Some(status @ 400..) = status {
        page.reason(Reason::new(
            "status",
            format!("服务器答复 HTTP {status}"),
            format!("the server answered HTTP {status}"),
        ));
    }
    let n = facts.map_or(0, |facts| facts.missing_images);
    if n > 0 {
        page.reason(Reason::new("images", format!("有 {n} 幅图片未能显示"), format!("{n} images did not appear")));
    }
    // A truncated body, an address that the guard refused; what the page itself cancelled is no lack.
    let failed: Vec<&str> = exchanges
        .iter()
        .filter(|e| !e.printing && e.failure.as_deref().is_some_and(|f| !f.contains("ERR_ABORTED")))
        .map(|e| e.url.as_str())
        .collect();
    if !failed.is_empty() {
        let (n, list) = (failed.len(), failed.iter().take(5).copied().collect::<Vec<_>>().join(" "));
        page.reason(Reason::new(
            "failures",
            format!("有 {n} 个请求未成功：{list}"),
            format!("{n} requests failed: {list}"),
        ));
    }
    let bodies = exchanges.iter().filter(|e| {
        !e.printing
            && e.redirect.is_none()
            && e.failure.is_none()
            && e.response
                .as_ref()
                .is_some_and(|r| r.body.is_none() && !matches!(r.status, 101 | 204 | 205 | 304) && e.method != "HEAD")
    });
    let n = bodies.filter(|e| !matches!(e.kind.as_str(), "Preflight" | "Ping" | "EventSource")).count();
    if n > 0 {
        page.reason(Reason::new(
            "bodies",
            format!("有 {n} 个响应缺少正文"),
            format!("{n} responses are without their body"),
        ));
    }
}

/// Dialogs, popups and the like are said.
fn incidents(page: &mut Page<'_>) {
    for (what, zh, en) in [
        ("dialog", "页面弹出对话框，已取消", "the page opened a dialog, which was dismissed"),
        ("popup", "页面打开了新窗口，已关闭", "the page opened a window, which was closed"),
        ("download", "页面发起下载，已拒绝", "the page began a download, which was denied"),
        ("websocket", "页面使用 WebSocket，其内容未记录", "the page used a WebSocket, whose messages are not recorded"),
        ("webtransport", "页面使用 WebTransport，未放行", "the page tried WebTransport, which has no way out"),
    ] {
        if page.browser.incidents.iter().any(|incident| incident["what"] == what) {
            page.remark(Reason::new(what, zh, en));
        }
    }
    for (what, zh, en) in [
        ("body-without-end", "有文本响应没有结束，已中断", "a text response did not end and was cut"),
        ("message-too-long", "浏览器的一条消息过长，已略过", "a message of the browser's was too long and was skipped"),
    ] {
        if page.browser.incidents.iter().any(|incident| incident["what"] == what) {
            page.reason(Reason::new(what, zh, en));
        }
    }
}

fn missing() -> Error {
    Error::Browser("a descriptor is missing".to_owned())
}

fn wire(capsule: &mut Capsule) -> Result<Wire> {
    let (commands, events) = (capsule.commands.take().ok_or_else(missing)?, capsule.events.take().ok_or_else(missing)?);
    Wire::new(commands, events).map_err(Error::io("CDP"))
}

/// The browser's first words, and its page; its version.
fn start(browser: &mut Browser, capsule: &Capsule) -> Result<serde_json::Value> {
    first_words(browser).map_err(|e| {
        let said = capsule.stderr();
        let said = said.trim_end();
        if ["sandbox", "namespace"].iter().any(|word| said.contains(word)) {
            let step = "Chromium's own sandbox".to_owned();
            return Error::Isolation { step, found: said.to_owned(), advice: ADVICE };
        }
        Error::Browser(format!("{e}; {said}"))
    })
}

fn first_words(browser: &mut Browser) -> Result<serde_json::Value> {
    let version = browser.call("Browser.getVersion", json!({}))?;
    browser.call("Browser.setDownloadBehavior", json!({ "behavior": "deny", "eventsEnabled": true }))?;
    browser
        .call("Target.setAutoAttach", json!({ "autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true }))?;
    let end = Instant::now() + Duration::from_secs(10);
    while browser.page.is_empty() {
        if Instant::now() > end || !browser.pump(Duration::from_millis(20)) {
            return Err(Error::Browser("no page appeared".to_owned()));
        }
    }
    browser.operations.note("browser", version.clone());
    Ok(version)
}

/// The order's URL in its normal form, if it may be opened at all.
fn acceptable(order: &Request) -> Result<Url> {
    let refuse = |reason: &str| Error::Url { url: order.url.clone(), reason: reason.to_owned() };
    if order.url.len() > 8192 {
        return Err(refuse("longer than 8,192 bytes"));
    }
    let url = Url::parse(&order.url).map_err(|e| refuse(&e.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse("only http and https are captured"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("it carries credentials"));
    }
    let host = url.host_str().ok_or_else(|| refuse("no host"))?;
    let port = url.port_or_known_default().unwrap_or(0);
    if order.loopback.iter().any(|one| one.port == port && one.host.eq_ignore_ascii_case(host)) {
        return Ok(url);
    }
    if !matches!(port, 80 | 443) {
        return Err(refuse("only ports 80 and 443 are contacted"));
    }
    match guard::host(host) {
        Ok(guard::Host::Address(address)) => guard::refusal(address).map_or(Ok(url.clone()), |why| Err(refuse(why))),
        Ok(guard::Host::Name(_)) => Ok(url),
        Err(why) => Err(refuse(&why)),
    }
}

fn capsule_order(machine: &Machine, limits: &Limits, viewport: crate::recording::Viewport) -> Order {
    Order {
        chromium: machine.chromium.clone(),
        arguments: arguments(viewport, &machine.locale),
        hide: machine.hide.clone(),
        locale: machine.locale.clone(),
        time_zone: machine.time_zone.clone(),
        port: 0,
        scratch_bytes: limits.scratch,
        memory_bytes: limits.memory,
    }
}

/// Chromium's arguments; the proxy is added inside.
fn arguments(viewport: crate::recording::Viewport, locale: &str) -> Vec<String> {
    let language = locale.split('.').next().unwrap_or("zh_CN").replace('_', "-");
    [
        "--headless",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--no-default-browser-check",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-default-apps",
        "--disable-extensions",
        "--disable-domain-reliability",
        "--disable-breakpad",
        "--disable-client-side-phishing-detection",
        "--no-pings",
        "--mute-audio",
        "--hide-scrollbars",
        "--password-store=basic",
        "--remote-debugging-pipe",
        "--user-data-dir=/tmp/profile",
        "--proxy-bypass-list=<-loopback>",
        "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
        // The network process under seccomp too.
        "--enable-features=NetworkServiceSandbox",
        "--disable-features=MediaRouter,OptimizationHints,Translate,DialMediaRouteProvider,AutofillServerCommunication,\
         CertificateTransparencyComponentUpdater",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain([
        format!("--lang={language}"),
        format!("--accept-lang={language},{}", language.split('-').next().unwrap_or("zh")),
        format!("--window-size={},{}", viewport.width, viewport.height),
        "about:blank".to_owned(),
    ])
    .collect()
}

/// 16 random bytes in hex.
fn mark() -> std::io::Result<String> {
    use std::io::Read;
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(crate::spool::hex(&bytes))
}
