//! What the page leaves: pictures, facts, snapshots, chains.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::crop::Tiles;
use crate::encode::Encoding;
use crate::error::{Error, Result};
use crate::facts::{Bodies, SCRIPT, Shown};
use crate::layout::Layout;
use crate::page::Page;
use crate::recording::{Exchange, Reason};

/// Height of one tile of the full-page screenshot, pixels: taller shots cost more time and memory.
const TILE: u32 = 4096;

/// How long the film's encoder may still take once the page is done.
const ENCODING: Duration = Duration::from_secs(5);

impl Page<'_> {
    /// The window, then the whole page in tiles.
    pub(crate) fn screenshots(&mut self) -> Result<()> {
        self.try_to("frames", Self::frames_in_window);
        let shot = self.browser.ask("Page.captureScreenshot", json!({ "format": "png", "optimizeForSpeed": true }))?;
        let shot = self.browser.decode(&shot["data"])?;
        self.keep("screenshot-viewport", "image/png", &shot);
        let metrics = self.browser.ask("Page.getLayoutMetrics", json!({}))?;
        let size = |name: &str| metrics["cssContentSize"][name].as_f64().unwrap_or(0.0).ceil().max(1.0) as u64;
        let width = size("width").min(self.limits.width.into()) as u32;
        let height = size("height").min(self.limits.height.into()) as u32;
        if size("height") > u64::from(height) || size("width") > u64::from(width) {
            self.reason(Reason::new(
                "height",
                format!("页面大小为 {}×{}，截图止于 {width}×{height}", size("width"), size("height")),
                format!(
                    "the page measures {}×{} px, the screenshot ends at {width}×{height}",
                    size("width"),
                    size("height")
                ),
            ));
        }
        let window = self.window_for(height)?;
        let tiles = height.div_ceil(TILE);
        for tile in 0..tiles {
            let y = tile * TILE;
            let clip = json!({ "x": 0, "y": y, "width": width, "height": TILE.min(height - y), "scale": 1 });
            let ask = json!({ "format": "png", "optimizeForSpeed": true, "captureBeyondViewport": true, "clip": clip });
            // One after another: two that are asked for at once give wrong pictures.
            let shot = self.browser.ask("Page.captureScreenshot", ask)?;
            let name =
                if tiles == 1 { "screenshot-full".to_owned() } else { format!("screenshot-full/{:04}", tile + 1) };
            let shot = self.browser.decode(&shot["data"])?;
            self.keep(&name, "image/png", &shot);
        }
        self.window_after(window)
    }

    /// What can be read plainly, before the screenshot.
    pub(crate) fn read_shown(&mut self) -> Result<()> {
        self.shown = Some(self.shown_now()?);
        Ok(())
    }

    /// Looks again, and cuts from the screenshot what stood still.
    pub(crate) fn cut_shown(&mut self) -> Result<()> {
        let Some(mut shown) = self.shown.take() else { return Ok(()) };
        let later = self.shown_now();
        shown.steady(later.as_ref().unwrap_or(&Shown::default()));
        let full =
            self.resources.iter().filter(|r| r.name == "screenshot-full" || r.name.starts_with("screenshot-full/"));
        let files = full.enumerate().map(|(n, r)| (n as i64 * i64::from(TILE), r.content.file.clone())).collect();
        let mut tiles = Tiles::new(files);
        let mut counts = BTreeMap::<String, u32>::new();
        for fact in &mut shown.facts {
            let Some(png) = fact.area.and_then(|area| tiles.cut(area)) else { continue };
            let count = counts.entry(fact.name.clone()).or_default();
            *count += 1;
            let name = match *count {
                1 => format!("facts/{}", fact.name),
                n => format!("facts/{}-{n}", fact.name),
            };
            self.keep(&name, "image/png", &png);
            fact.crop = Some(name);
        }
        self.shown = Some(shown);
        later.map(|_| ())
    }

    fn shown_now(&mut self) -> Result<Shown> {
        let value = self.evaluate(SCRIPT)?;
        serde_json::from_value(value).map_err(|e| Error::Browser(format!("facts: {e}")))
    }

    /// The facts, once it is known which bodies were recorded; what is said of media.
    pub(crate) fn keep_facts(&mut self, exchanges: &[Exchange]) {
        let Some(shown) = self.shown.take() else { return };
        let bodies = Bodies::new(exchanges);
        if let Some(missing) = shown.missing_media(&bodies) {
            let list = missing.iter().take(5).cloned().collect::<Vec<_>>().join(" ");
            match missing.len() {
                0 => self.remark(Reason::new(
                    "media",
                    "页面含音视频，记录了浏览器所加载的内容",
                    "the page has video or audio; what the browser loaded of it is recorded",
                )),
                n => self.remark(Reason::new(
                    "media",
                    format!("有 {n} 个音视频没有完整记录：{list}"),
                    format!("{n} videos or sounds are not recorded whole: {list}"),
                )),
            }
        }
        let document = shown.document(&self.layout, &self.frames, &bodies);
        if let Ok(bytes) = evidence::json::to_bytes_free("facts", &document) {
            self.keep("facts", "application/json", &bytes);
        }
    }

    /// The film ends: from here on the window is sized for pictures.
    pub(crate) fn cut_film(&mut self) {
        if std::mem::take(&mut self.browser.film.rolling) {
            let _ = self.browser.ask("Page.stopScreencast", json!({}));
            self.encoding = Encoding::begin(self.browser.spool.folder.path(), &self.browser.film.files());
        }
    }

    /// Frames and their list; the same as a WebM, if that could be made.
    pub(crate) fn keep_film(&mut self) {
        if let Some(encoding) = self.encoding.take() {
            match encoding.end(ENCODING, self.limits.film_bytes) {
                Ok(film) => {
                    let content = self.browser.spool.put_from(film);
                    self.keep_spooled("film/webm", "video/webm", content);
                }
                Err(why) => self.browser.operations.note("no-webm", json!({ "why": why })),
            }
        }
        let Some((frames, list)) = std::mem::take(&mut self.browser.film).finish() else { return };
        self.resources.extend(frames);
        if let Ok(bytes) = evidence::json::to_bytes_free("film", &list) {
            self.keep("film", "application/json", &bytes);
        }
    }

    /// WebSockets, if there were any.
    pub(crate) fn keep_sockets(&mut self) {
        let sockets = std::mem::take(&mut self.browser.sockets);
        if sockets.lines.is_empty() {
            return;
        }
        self.keep("operations/websocket", "application/x-ndjson", &crate::clock::json_lines(&sockets.lines));
        let (more, cut) = (sockets.left_out, sockets.cut);
        self.remark(match more + cut {
            0 => Reason::new(
                "websocket",
                "页面使用 WebSocket，其消息另有记录",
                "the page used a WebSocket; its messages are recorded apart",
            ),
            _ => Reason::new(
                "websocket",
                format!("页面使用 WebSocket；其消息有 {cut} 条被截短，{more} 条未记录"),
                format!("the page used a WebSocket; {cut} of its messages were cut and {more} not recorded"),
            ),
        });
    }

    /// DOM and MHTML.
    pub(crate) fn snapshots(&mut self) -> Result<()> {
        let dom = self.browser.ask("DOMSnapshot.captureSnapshot", Layout::ask())?;
        self.layout = Layout::of(&dom);
        self.keep("dom", "application/json", dom.to_string().as_bytes());
        let mhtml = self.browser.ask_long("Page.captureSnapshot", json!({ "format": "mhtml" }))?;
        let mhtml = self.browser.spool_text(&mhtml["data"]);
        self.keep_spooled("mhtml", "multipart/related", mhtml);
        Ok(())
    }

    /// Fetches again what it prints: last, its requests marked.
    pub(crate) fn pdf(&mut self) -> Result<()> {
        self.browser.network.printing = true;
        let pdf = self.browser.ask_long("Page.printToPDF", json!({ "printBackground": true }));
        let waited = Instant::now();
        while (self.browser.busy()
            || self.browser.network.stirred.is_some_and(|at| at.elapsed() < Duration::from_millis(60)))
            && waited.elapsed() < Duration::from_secs(2)
        {
            self.browser.pump(Duration::from_millis(20));
        }
        let pdf = self.browser.decode(&pdf?["data"])?;
        self.keep("pdf", "application/pdf", &pdf);
        Ok(())
    }

    /// Per https origin, the chain as Chromium saw it.
    pub(crate) fn chains(&mut self, origins: &BTreeSet<String>) -> Vec<Value> {
        let mut chains = Vec::new();
        for origin in origins.iter().take(200) {
            let chain = match self.browser.ask("Network.getCertificate", json!({ "origin": origin })) {
                Ok(answer) => json!({ "origin": origin, "der_base64": answer["tableNames"] }),
                Err(e) => json!({ "origin": origin, "error": e.to_string() }),
            };
            chains.push(chain);
        }
        if self.browser.security.is_object() {
            chains.push(json!({ "page": self.browser.security }));
        }
        chains
    }
}
