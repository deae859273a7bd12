//! The steps on the page: open, settle, scroll, pictures, snapshots.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::encode::Encoding;
use crate::error::{Error, Result};
use crate::facts::Shown;
use crate::film::Film;
use crate::layout::Layout;
use crate::network::text;
use crate::recording::{Limits, Reason, Resource, Spooled, Viewport};
use crate::walls::{Facts, SCRIPT};

/// What may go on for ever without the page being unfinished.
const POLLS: &[&str] = &["XHR", "Fetch", "EventSource", "WebSocket", "Ping", "Preflight", "Media"];

/// How often a page that grows while it settles is scrolled on.
const ROUNDS: u32 = 3;

/// A document's own properties, whatever elements are called.
pub(crate) const DOCUMENT: &str = "(d=>{const D=Document.prototype,o={};\
    for(const n of ['body','title','images','documentElement','characterSet'])\
    Object.defineProperty(o,n,{get:()=>Object.getOwnPropertyDescriptor(D,n).get.call(d)});\
    for(const n of ['querySelector','querySelectorAll','createRange','elementFromPoint'])o[n]=(...a)=>D[n].apply(d,a);\
    return o})(document)";

pub(crate) struct Page<'a> {
    pub(crate) browser: &'a mut Browser,
    pub(crate) limits: &'a Limits,
    pub(crate) viewport: Viewport,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) remarks: Vec<Reason>,
    pub(crate) resources: Vec<Resource>,
    /// What is laid out, shadow trees and frames of the same process included.
    pub(crate) layout: Layout,
    /// What was read before the screenshot.
    pub(crate) shown: Option<Shown>,
    /// The film's encoder, at work.
    pub(crate) encoding: Option<Encoding>,
    /// The frames' own texts, as facts list them.
    pub(crate) frames: Vec<Value>,
    world: Option<u64>,
}

impl<'a> Page<'a> {
    pub(crate) fn new(browser: &'a mut Browser, limits: &'a Limits, viewport: Viewport) -> Self {
        Self {
            browser,
            limits,
            viewport,
            reasons: Vec::new(),
            remarks: Vec::new(),
            resources: Vec::new(),
            layout: Layout::default(),
            shown: None,
            encoding: None,
            frames: Vec::new(),
            world: None,
        }
    }

    /// Sizes the window and starts the film. A phone's window takes touches and is called Mobile; the rest of
    /// the user agent stays what it is.
    pub(crate) fn prepare(&mut self, agent: &str) -> Result<()> {
        let Viewport { width, height, phone } = self.viewport;
        self.browser.ask(
            "Emulation.setDeviceMetricsOverride",
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone }),
        )?;
        if phone {
            self.browser.ask("Emulation.setTouchEmulationEnabled", json!({ "enabled": true, "maxTouchPoints": 5 }))?;
            let agent = phone_agent(agent);
            self.browser.ask("Emulation.setUserAgentOverride", agent.clone())?;
            self.browser.overrides.push(("Emulation.setUserAgentOverride", agent.clone()));
            self.browser.operations.note("override", json!({ "viewport": self.viewport, "user_agent": agent }));
            self.remark(Reason::new(
                "phone",
                format!("以手机窗口打开（{width}×{height}，触屏），用户代理中加了 Mobile 一词"),
                format!(
                    "opened in a phone's window ({width}×{height}, touch); the word Mobile was added to the user agent"
                ),
            ));
        }
        if self.limits.film {
            self.browser.film.rolling = true;
            self.browser.ask("Page.startScreencast", Film::ask())?;
        }
        Ok(())
    }

    /// Opens `url`; `Some` is why there is no page (Chromium's own name for it).
    pub(crate) fn open(&mut self, url: &str) -> Result<Option<String>> {
        let mut why = self.navigate(url)?;
        // A document without end is opened once more and taken as far as it comes.
        if why.is_some() && !self.browser.unending.is_empty() {
            why = self.navigate(url)?;
        }
        if why.is_some() {
            return Ok(why);
        }
        let end = (Instant::now() + self.limits.load).min(self.browser.deadline);
        while !self.browser.loaded && self.browser.crashed.is_none() {
            // A download that took the page's place: no load event comes.
            let downloads = self.browser.incidents.iter().any(|incident| incident["what"] == "download");
            if downloads && self.browser.network.stirred.is_none_or(|at| at.elapsed() > Duration::from_secs(2)) {
                break;
            }
            if Instant::now() >= end {
                self.reasons.push(Reason::new(
                    "load",
                    format!("{} 秒内页面未加载完毕", self.limits.load.as_secs()),
                    format!("the page did not finish loading within {} s", self.limits.load.as_secs()),
                ));
                break;
            }
            if !self.browser.pump(Duration::from_millis(50)) {
                return Err(Error::Browser("Chromium has ended".to_owned()));
            }
        }
        Ok(None)
    }

    fn navigate(&mut self, url: &str) -> Result<Option<String>> {
        self.browser.operations.note("navigate", json!({ "url": url }));
        let session = self.browser.page.clone();
        self.browser.network.opening = true;
        let answer = self.browser.call_in(&session, "Page.navigate", json!({ "url": url }), self.limits.load)?;
        self.browser.operations.note("navigated", answer.clone());
        if answer["isDownload"] == true {
            self.browser.incident("download", json!({ "url": url }));
        }
        Ok(answer["errorText"].as_str().filter(|error| !error.is_empty()).map(str::to_owned))
    }

    /// Waits until the network is quiet; reaching the cap is said.
    pub(crate) fn settle(&mut self) -> Result<()> {
        self.rest(self.limits.quiet)
    }

    /// The first rest is short: scrolling ends with a whole one, and looks again.
    pub(crate) fn settle_first(&mut self) -> Result<()> {
        self.rest(self.limits.quiet / 3)
    }

    fn rest(&mut self, quiet: Duration) -> Result<()> {
        let begun = Instant::now();
        loop {
            if !self.browser.pump(Duration::from_millis(20)) {
                return Err(Error::Browser("Chromium has ended".to_owned()));
            }
            let network = &self.browser.network;
            let silent = network.stirred.is_none_or(|at| at.elapsed() >= quiet);
            if silent && network.open().next().is_none() && !self.browser.busy() {
                self.browser.operations.note("quiet", json!({ "after_ms": begun.elapsed().as_millis() as u64 }));
                return Ok(());
            }
            if begun.elapsed() >= self.limits.settle
                || Instant::now() >= self.browser.deadline
                || self.browser.crashed.is_some()
            {
                break;
            }
        }
        let open: Vec<(String, String, String)> = self.browser.network.open().cloned().collect();
        self.browser.operations.note("not-quiet", json!({ "open": open }));
        let rest: Vec<&str> =
            open.iter().filter(|(_, kind, _)| !POLLS.contains(&kind.as_str())).map(|(url, ..)| url.as_str()).collect();
        let seconds = self.limits.settle.as_secs();
        if rest.is_empty() {
            self.remark(Reason::new(
                "never-idle",
                format!("页面在 {seconds} 秒内网络未静止"),
                format!("the page's network did not come to rest within {seconds} s"),
            ));
        } else {
            let list = rest.iter().take(5).copied().collect::<Vec<_>>().join(" ");
            self.reason(Reason::new(
                "unfinished",
                format!("{seconds} 秒后仍未加载完：{list}"),
                format!("still loading after {seconds} s: {list}"),
            ));
        }
        Ok(())
    }

    /// Scrolls down so that lazy images load, and back. What comes while the page settles may make it longer: that is
    /// scrolled too.
    pub(crate) fn scroll(&mut self) -> Result<()> {
        let (begun, window) = (Instant::now(), u64::from(self.viewport.height));
        let (mut y, before) = (0, self.browser.network.count());
        for _ in 0..ROUNDS {
            let whole = self.scroll_on(&mut y, begun)?;
            // What was open before and still is was waited for once, and said.
            let network = &self.browser.network;
            if network.count() != before || network.open().next().is_none() {
                self.settle()?;
            }
            if !whole || y + window >= self.height()? {
                break;
            }
        }
        self.evaluate(
            "(window.scrollTo({top:0,behavior:'instant'}),Promise.race([Promise.all([...document.images]\
             .filter(i=>i.currentSrc).map(i=>i.decode().catch(()=>0))),new Promise(r=>setTimeout(r,3000))]).then(()=>1))",
        )?;
        Ok(())
    }

    /// From `y` to the end; false where a limit came first, which is said.
    fn scroll_on(&mut self, y: &mut u64, begun: Instant) -> Result<bool> {
        let (window, step) = (u64::from(self.viewport.height), u64::from(self.viewport.height) * 4 / 5);
        loop {
            *y += step;
            // A frame, so that observers fire, and what they then do; a timer in case no frame is drawn.
            let script = format!(
                "(window.scrollTo({{top:{y},behavior:'instant'}}),new Promise(r=>{{setTimeout(r,100);\
                 requestAnimationFrame(()=>setTimeout(r))}}).then(()=>\
                 Math.max(document.documentElement.scrollHeight,document.body?document.body.scrollHeight:0)))"
            );
            let mut height = self.evaluate(&script)?.as_f64().unwrap_or(0.0) as u64;
            self.browser.operations.note("scroll", json!({ "to": *y, "height": height }));
            if *y + window >= height {
                // At the end: what is under way may make the page longer.
                let waited = Instant::now();
                while self.browser.network.open().next().is_some() && waited.elapsed() < Duration::from_millis(700) {
                    self.browser.pump(Duration::from_millis(20));
                }
                height = self.height()?;
                if *y + window >= height {
                    return Ok(true);
                }
            }
            if *y >= u64::from(self.limits.height) {
                self.reason(Reason::new(
                    "height",
                    format!("页面超过 {} 像素，其余部分未滚动", self.limits.height),
                    format!("the page goes on past {} px; it was not scrolled further", self.limits.height),
                ));
                return Ok(false);
            }
            if begun.elapsed() >= self.limits.scroll || Instant::now() >= self.browser.deadline {
                self.reason(Reason::new(
                    "scroll",
                    format!("滚动到 {y} 像素时用尽 {} 秒", self.limits.scroll.as_secs()),
                    format!("scrolling stopped at {y} px after {} s", self.limits.scroll.as_secs()),
                ));
                return Ok(false);
            }
        }
    }

    fn height(&mut self) -> Result<u64> {
        Ok(self.evaluate("document.documentElement.scrollHeight")?.as_f64().unwrap_or(0.0) as u64)
    }

    /// What the page shows.
    pub(crate) fn facts(&mut self) -> Result<Facts> {
        let value = self.evaluate(SCRIPT)?;
        serde_json::from_value(value).map_err(|e| Error::Browser(format!("facts: {e}")))
    }

    /// Writes an artefact; that it did not fit is a reason.
    pub(crate) fn keep(&mut self, name: &str, media_type: &'static str, bytes: &[u8]) {
        let content = self.browser.spool.put(bytes);
        self.keep_spooled(name, media_type, content);
    }

    /// As [`Page::keep`], of what was written already.
    pub(crate) fn keep_spooled(&mut self, name: &str, media_type: &'static str, content: Option<Spooled>) {
        match content {
            Some(content) => {
                self.browser
                    .operations
                    .note("keep", json!({ "name": name, "bytes": content.size, "sha256": content.sha256 }));
                self.resources.push(Resource { name: name.to_owned(), media_type, content });
            }
            None => self.reason(Reason::new(
                "spool",
                format!("达到存储上限，缺少 {name}"),
                format!("the recording's limit of bytes is reached; {name} is missing"),
            )),
        }
    }

    /// Closes the way out; when it was.
    pub(crate) fn stop(&mut self, stop: impl FnOnce()) -> Instant {
        let open = self.browser.network.open().count();
        stop();
        self.browser.network.ending = true;
        self.browser.operations.note("stop", json!({ "open": open }));
        Instant::now()
    }

    /// Hears what is still told of the requests before: until it is quiet, and where tunnels were open until they
    /// are closed.
    pub(crate) fn drain(&mut self, stopped: Instant, tunnels: bool) {
        let least = Duration::from_millis(if tunnels { 300 } else { 30 });
        let mut silent = Instant::now();
        while stopped.elapsed() < Duration::from_millis(600)
            && (stopped.elapsed() < least || silent.elapsed() < Duration::from_millis(40))
        {
            let before = self.browser.network.stirred;
            if !self.browser.pump(Duration::from_millis(10)) {
                break;
            }
            if self.browser.network.stirred != before {
                silent = Instant::now();
            }
        }
        self.browser.network.end();
    }

    /// Tries what a page may do without: a failure is noted.
    pub(crate) fn try_to(&mut self, what: &str, step: impl FnOnce(&mut Self) -> Result<()>) {
        if let Err(e) = step(self) {
            self.browser.operations.note("step-failed", json!({ "step": what, "error": e.to_string() }));
        }
    }

    /// Runs a step; its failure is a reason, not the end.
    pub(crate) fn attempt(&mut self, what: &str, step: impl FnOnce(&mut Self) -> Result<()>) -> bool {
        let Err(e) = step(self) else { return true };
        self.browser.operations.note("step-failed", json!({ "step": what, "error": e.to_string() }));
        self.reason(Reason::new("step", format!("{what} 未能完成：{e}"), format!("{what} could not be done: {e}")));
        false
    }

    pub(crate) fn reason(&mut self, reason: Reason) {
        if !self.reasons.iter().any(|known| known.code == reason.code && known.en == reason.en) {
            self.reasons.push(reason);
        }
    }

    pub(crate) fn remark(&mut self, remark: Reason) {
        if !self.remarks.iter().any(|known| known.code == remark.code) {
            self.remarks.push(remark);
        }
    }

    /// Evaluates an expression in a world of our own, which the page's scripts cannot reach. But elements' names
    /// stand in the place of a document's properties there too, so `document` is one that has the real ones.
    pub(crate) fn evaluate(&mut self, script: &str) -> Result<Value> {
        for again in [false, true] {
            let world = if again { self.new_world()? } else { self.world()? };
            let ask = json!({
                "expression": format!("(document=>{script})({DOCUMENT})"), "contextId": world, "returnByValue": true, "awaitPromise": true,
                "timeout": self.limits.answer.as_millis() as u64,
            });
            match self.browser.ask("Runtime.evaluate", ask) {
                // The page has gone on to another one: its world went with it.
                Err(Error::Browser(e)) if !again && (e.contains("context") || e.contains("navigated")) => {
                    self.world = None
                }
                Err(e) => return Err(e),
                Ok(answer) if answer["exceptionDetails"].is_object() => {
                    return Err(Error::Browser(format!(
                        "evaluate: {}",
                        text(&answer["exceptionDetails"]["exception"]["description"])
                    )));
                }
                Ok(mut answer) => return Ok(answer["result"]["value"].take()),
            }
        }
        Err(Error::Browser("the page goes on from one address to the next".to_owned()))
    }

    /// The world's number; a page that goes on takes it along.
    pub(crate) fn world(&mut self) -> Result<u64> {
        self.world.map_or_else(|| self.new_world(), Ok)
    }

    fn new_world(&mut self) -> Result<u64> {
        let frame = self.browser.target.clone();
        let answer =
            self.browser.ask("Page.createIsolatedWorld", json!({ "frameId": frame, "worldName": "recorder" }))?;
        let world = answer["executionContextId"].as_u64().ok_or_else(|| Error::Browser("no world".to_owned()))?;
        self.world = Some(world);
        Ok(world)
    }
}

/// The browser's own words with `Mobile` among them, and client hints that say the same.
fn phone_agent(agent: &str) -> Value {
    let version = |name: &str| {
        let rest = agent.split(name).nth(1).unwrap_or_default();
        rest.split([' ', ';']).next().unwrap_or_default().to_owned()
    };
    let full = version("Chrome/");
    let major = full.split('.').next().unwrap_or_default().to_owned();
    let brand = if agent.contains("HeadlessChrome/") { "HeadlessChrome" } else { "Chromium" };
    json!({
        "userAgent": agent.replace(" Safari/", " Mobile Safari/"),
        "userAgentMetadata": {
            "brands": [{ "brand": "Chromium", "version": major }, { "brand": brand, "version": major }],
            "fullVersion": full, "platform": "Linux", "platformVersion": "", "architecture": "", "model": "", "mobile": true,
        },
    })
}
