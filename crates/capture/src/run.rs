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
use crate::error::{Error, Result};
use crate::guard::{self, Connect, Direct, Dns, Guard, Resolver, Rules, What};
use crate::isolation::{ADVICE, Capsule, Order};
use crate::origins::{self, Origin};
use crate::page::Page;
use crate::recording::{Isolation, Limits, Machine, Outcome, Reason, Recording, Request, Step};
use crate::spool::Spool;
use crate::walls::Facts;
use crate::{cleanliness, environment, findings, judge, packages, sntp, way};

/// How long the packages' verification may still take once the page is done.
const VERIFYING: Duration = Duration::from_secs(5);

/// Captures `order`'s page. `events` hears of each step as it begins.
pub fn run(order: &Request, limits: &Limits, events: &mut dyn FnMut(Step)) -> Result<Recording> {
    run_with(order, limits, Dns::of(&order.machine.resolvers), Box::new(Direct), events)
}

/// Whether this machine lets a browser run in namespaces of its own, in a few hundredths of a second: makes them, begins
/// Chromium and ends it before it speaks. For the answer before anything is promised; [`check`] hears Chromium too.
pub fn probe(machine: &Machine) -> Result<()> {
    // Chromium nests namespaces of its own inside ours.
    let most = std::fs::read_to_string("/proc/sys/user/max_user_namespaces").ok().and_then(|n| n.trim().parse().ok());
    if let Some(n @ ..4) = most.filter(|_| machine.isolation == Isolation::Namespaces) {
        let n: u32 = n;
        let (step, found) = ("user.max_user_namespaces".to_owned(), n.to_string());
        return Err(Error::Isolation { step, found, advice: ADVICE });
    }
    let order = capsule_order(machine, &Limits::default(), crate::recording::Viewport::DESKTOP);
    Capsule::launch(&order, machine.executable.as_deref(), machine.user).map(drop)
}

/// Whether a capture could run here: starts an empty browser, hears its first answer, ends it. Gives the version.
pub fn check(machine: &Machine) -> Result<String> {
    let limits = Limits { total: Duration::from_secs(30), ..Limits::default() };
    let order = capsule_order(machine, &limits, crate::recording::Viewport::DESKTOP);
    let mut capsule = Capsule::launch(&order, machine.executable.as_deref(), machine.user)?;
    let spool = Spool::new(machine.spool.as_deref(), 0).map_err(Error::io("private folder"))?;
    let mut browser = Browser::new(wire(&mut capsule, &spool)?, &limits, spool, Operations::new());
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
    let verifying = packages::Verifying::begin();
    let servers = order.machine.time_servers.clone();
    let measuring = std::thread::spawn(move || sntp::measure(&servers));
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
    let mut browser = Browser::new(wire(&mut capsule, &spool)?, limits, spool, operations);
    let first = order.contact.zip(Origin::of(&url)).filter(|_| limits.contacts > 0);
    if first.is_some() {
        step(&mut browser.operations, Step::Contact);
    }
    let contacting = first.map(|(random, origin)| {
        let (guard, wait) = (Arc::clone(&guard), limits.contact);
        std::thread::spawn(move || origins::ask(&guard, vec![origin], random, origins::BEFORE, wait))
    });
    let version = start(&mut browser, &capsule)?;
    let spawn = browser.operations.started.elapsed();
    let mut before = reading.join().map_err(|_| Error::Browser("reading the environment failed".to_owned()))?;
    let agent = version["userAgent"].as_str().unwrap_or_default().to_owned();
    before["browser"] = version;
    before["browser"]["viewport"] = json!(order.viewport);
    before["browser"]["arguments"] = json!(arguments(order.viewport, &order.machine));
    before["inside"] = capsule.inside();
    // Nothing is opened before the site has answered, or did not within its time.
    let mut asked = origins::joined(contacting);
    browser
        .operations
        .note("contact", json!({ "asked": asked.len(), "proofs": asked.iter().filter(|a| a.answer.is_ok()).count() }));

    let mut page = Page::new(&mut browser, limits, order.viewport);
    let mut facts = None;
    let opened = walk(&mut page, url.as_str(), &agent, &mut facts, &mut |operations, next| step(operations, next));
    let died = opened.as_ref().is_ok_and(Option::is_none) && page.browser.crashed.is_some();
    let tunnels = guard.tunnels().into_iter();
    let origins: BTreeSet<Origin> =
        tunnels.map(|(host, port)| Origin { host: host.to_ascii_lowercase(), port }).collect();
    let mut chains = page.chains(&origins.iter().map(ToString::to_string).collect());
    let left = limits.contacts.saturating_sub(asked.len());
    let known: Vec<Origin> = asked.iter().map(|asked| asked.origin.clone()).collect();
    let further: Vec<Origin> = origins.into_iter().filter(|origin| !known.contains(origin)).collect();
    if order.contact.is_some() && further.len() > left {
        let n = further.len() - left;
        page.remark(Reason::new(
            "contact-limit",
            format!("接触证明达到上限，另有 {n} 个网站未请求"),
            format!("the limit of contact proofs is reached; {n} further sites were not asked"),
        ));
    }
    // Beside the printing.
    let contacting = order.contact.filter(|_| !further.is_empty() && left > 0).map(|random| {
        let (guard, wait) = (Arc::clone(&guard), limits.contact);
        let further = further.into_iter().take(left).collect();
        std::thread::spawn(move || origins::ask(&guard, further, random, origins::AFTER, wait))
    });
    if let Some(facts) = &facts {
        let facts: &Facts = facts;
        page.keep("text", "text/plain; charset=utf-8", facts.text.as_bytes());
    }
    if limits.pdf && matches!(opened, Ok(None)) && !died {
        page.attempt("pdf", Page::pdf);
    }
    asked.extend(origins::joined(contacting));
    let tunnels = !guard.tunnels().is_empty();
    let stopped = page.stop(|| guard.stop());
    step(&mut page.browser.operations, Step::CheckEnvironmentAgain);
    let mut after = environment::read(&order.machine);
    after["inside"] = capsule.inside();
    page.drain(stopped, tunnels);
    let differences = findings::differences(&before, &after);
    let (clock, servers) = measuring.join().unwrap_or_default();
    before["time"]["servers"] = json!(servers);
    let verified = verifying.end(if matches!(opened, Ok(None)) && !died { VERIFYING } else { Duration::ZERO });
    before["chromium"]["verified"] = verified.clone();
    after["chromium"]["verified"] = verified;

    let (log, counted) = guard.events();
    let mut names = BTreeSet::from([url.host_str().unwrap_or_default().to_owned()]);
    let mut peers: BTreeMap<String, SocketAddr> = BTreeMap::new();
    for event in &log {
        match &event.what {
            What::Connected { method, host, port, peer, .. } if method != "contact" => {
                peers.insert(format!("{host}:{port}"), *peer);
                names.insert(host.clone());
            }
            What::Resolved { name, .. } | What::Unanswered { name, .. } => {
                names.insert(name.clone());
            }
            _ => {}
        }
    }
    let names: Vec<String> = names.into_iter().collect();
    let mut red_flags = findings::red_flags(&findings::Seen {
        before: &before,
        differences: &differences,
        names: &names,
        log: &log,
        drift: page.browser.operations.drift(),
        packages: &before["chromium"]["verified"],
    });
    red_flags.extend(findings::chosen(&order.machine, &before["inside"]));
    red_flags.extend(origins::keep(&mut page, &mut chains, &asked, &order.machine));
    page.keep("chains", "application/x-ndjson", &json_lines(&chains));
    findings::unanswered(&log).into_iter().for_each(|silent| page.remark(silent));
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
    judge::incidents(&mut page);

    let network = std::mem::replace(&mut page.browser.network, crate::network::Network::new(0));
    if network.over() {
        let (most, dropped) = (limits.requests, network.dropped);
        page.reason(Reason::new(
            "requests",
            format!("请求达到 {most} 个，此后不再放行；有 {dropped} 个未记录"),
            format!("{most} requests were made, no more were let go; {dropped} were not recorded"),
        ));
    }
    let within = network.within.clone();
    let exchanges = network.exchanges(&mark, &peers);
    let hops = way::hops(&exchanges, &within, facts.as_ref().map_or("", |facts| &facts.url));
    page.keep_facts(&exchanges);
    judge::worker_answers(&mut page, &exchanges);
    page.keep_film();
    page.keep_sockets();
    let status =
        exchanges.iter().rev().filter(|e| e.main && !e.printing).find_map(|e| Some(e.response.as_ref()?.status));
    let (outcome, reason) = judge::judge(&url, opened, died, status, facts.as_ref(), &exchanges, &log, page.browser);
    let outcome = match reason {
        Some(reason) => {
            page.reasons.insert(0, reason);
            outcome
        }
        None => {
            judge::lacks(&mut page, &exchanges, facts.as_ref(), status);
            if page.reasons.is_empty() { Outcome::Complete } else { Outcome::Partial }
        }
    };
    page.keep("environment-before", "application/json", before.to_string().as_bytes());
    page.keep("environment-after", "application/json", after.to_string().as_bytes());
    let ended = wall();
    let times = (page.browser.operations.wall, ended);
    let report = cleanliness::page(&before, &after, &differences, &red_flags, &page.remarks, times);
    page.keep("environment-after/page", "text/html; charset=utf-8", report.as_bytes());
    page.keep("guard", "application/x-ndjson", &json_lines(&log));
    let console = json_lines(&page.browser.console);
    page.keep("console", "application/x-ndjson", &console);
    let heads: Vec<_> = exchanges.iter().map(|e| json!({
        "url": e.url, "request": e.head, "response": e.response.as_ref().map(|r| &r.head), "printing": e.printing, "failure": e.failure,
        "fidelity": e.response.as_ref().map(|r| r.fidelity), "note": e.response.as_ref().and_then(|r| r.note.as_ref()),
    })).collect();
    page.keep("heads", "application/x-ndjson", &json_lines(&heads));
    let said = json!({
        "outcome": outcome, "reasons": page.reasons, "remarks": page.remarks, "red_flags": red_flags,
        "differences": differences, "hops": hops,
    });
    page.browser.operations.end("result", said);
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
        clock,
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
    agent: &str,
    facts: &mut Option<Facts>,
    step: &mut dyn FnMut(&mut Operations, Step),
) -> Result<Option<String>> {
    step(&mut page.browser.operations, Step::Open);
    page.prepare(agent)?;
    if let Some(why) = page.open(url)? {
        page.cut_film();
        return Ok(Some(why));
    }
    step(&mut page.browser.operations, Step::Settle);
    page.attempt("settle", Page::settle_first);
    page.try_to("banner", Page::refuse_banner);
    step(&mut page.browser.operations, Step::Scroll);
    // A page that does not answer here will not answer later: one wait, not six.
    if !page.attempt("scroll", Page::scroll) && page.facts().is_err() {
        return Ok(None);
    }
    page.attempt("facts", |page| page.facts().map(|found| *facts = Some(found)));
    step(&mut page.browser.operations, Step::Screenshot);
    page.cut_film();
    page.try_to("read facts", Page::read_shown);
    page.attempt("screenshot", Page::screenshots);
    page.try_to("cut facts", Page::cut_shown);
    step(&mut page.browser.operations, Step::Snapshot);
    page.attempt("snapshot", Page::snapshots);
    page.try_to("frames", Page::frame_texts);
    if let Some(facts) = facts {
        facts.add_layout(&page.layout);
    }
    Ok(None)
}

fn missing() -> Error {
    Error::Browser("a descriptor is missing".to_owned())
}

fn wire(capsule: &mut Capsule, spool: &Spool) -> Result<Wire> {
    let (commands, events) = (capsule.commands.take().ok_or_else(missing)?, capsule.events.take().ok_or_else(missing)?);
    Wire::new(commands, events, spool.folder.path()).map_err(Error::io("CDP"))
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
        arguments: arguments(viewport, machine),
        hide: machine.hide.clone(),
        locale: machine.locale.clone(),
        time_zone: machine.time_zone.clone(),
        port: 0,
        scratch_bytes: limits.scratch,
        memory_bytes: limits.memory,
        plain: machine.isolation == Isolation::WeakerSharedNetwork,
    }
}

/// Chromium's arguments; the proxy is added inside.
fn arguments(viewport: crate::recording::Viewport, machine: &Machine) -> Vec<String> {
    let language = machine.locale.split('.').next().unwrap_or("zh_CN").replace('_', "-");
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
        // Whom it asks who is signed in: nobody.
        "--gaia-url=https://gaia.invalid/",
        // The network process under seccomp too.
        "--enable-features=NetworkServiceSandbox",
        "--disable-features=MediaRouter,OptimizationHints,Translate,DialMediaRouteProvider,AutofillServerCommunication,\
         CertificateTransparencyComponentUpdater",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain(
        (!machine.own_keys.is_empty())
            .then(|| format!("--ignore-certificate-errors-spki-list={}", machine.own_keys.join(","))),
    )
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
