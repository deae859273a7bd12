//! Frames of other origins on the full screenshot. Chromium draws nothing of such a frame while it lies outside the window,
//! so a picture that goes beyond the window shows it empty. Where a window as high as the page changes nothing on the
//! page, the pictures are taken through one; else each such frame is photographed by itself, and the page's picture is said
//! to lack it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::error::Result;
use crate::page::Page;
use crate::recording::Reason;

/// Taller windows take too much memory.
const TALL: u32 = 20_000;
/// Frames that are photographed by themselves.
const PHOTOGRAPHS: usize = 10;
/// For all of that.
const ALL: Duration = Duration::from_secs(8);
/// Frames that are asked whether they draw; for all of them, and for each that comes after that time.
const FRAMES_ASKED: usize = 30;
const DRAWN: Duration = Duration::from_secs(4);
const DRAWN_LEAST: Duration = Duration::from_millis(100);
/// Left, top, right, bottom on the page of a frame's element, if any of it is to be seen: neither hidden nor cut away.
const PLACE: &str = "function(){const r=this.getBoundingClientRect(),\
    place=[r.left+scrollX,r.top+scrollY,r.right+scrollX,r.bottom+scrollY].map(Math.round);return new Promise(done=>{\
    if(!this.checkVisibility({opacityProperty:true,visibilityProperty:true}))return done(null);\
    setTimeout(done,1000,place);const watch=new IntersectionObserver(seen=>{watch.disconnect();\
    const i=seen[0].intersectionRect;done(i.width>1&&i.height>1?place:null)});watch.observe(this)})}";
/// Left, top, right, bottom on the page of every frame whose document the page itself may not read.
const FRAMES: &str = "[...document.querySelectorAll('iframe,frame')].filter(f=>{try{return !f.contentDocument}catch{return true}})\
    .map(f=>f.getBoundingClientRect()).filter(r=>r.width>1&&r.height>1).slice(0,200)\
    .map(r=>[r.left+scrollX,r.top+scrollY,r.right+scrollX,r.bottom+scrollY].map(Math.round))";
/// Where everything stands, but for the root and the body, which may be as high as the window.
const LAYOUT: &str = "(()=>{const all=document.querySelectorAll('body *'),n=Math.min(all.length,20000);let h=0;\
    for(let i=0;i<n;i++){const r=all[i].getBoundingClientRect();\
    for(const v of [r.left+scrollX,r.top+scrollY,r.width,r.height])h=(Math.imul(h,31)+Math.round(v*4))|0}\
    return all.length+' '+h+' '+document.documentElement.scrollHeight})()";

/// How the full screenshot is to be taken.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Window {
    /// It was made as high as the page: to be made small again.
    tall: bool,
    /// Places on the page that stay empty.
    lacking: Vec<[i64; 4]>,
}

impl Page<'_> {
    /// Before the picture of the window: what is in it has been drawn, or it is said.
    pub(crate) fn frames_in_window(&mut self) -> Result<()> {
        let n = self.undrawn()?.len();
        if n > 0 {
            self.remark(Reason::new(
                "frames-undrawn",
                format!("窗口截图时，有 {n} 个他站框架没有及时绘出，在图上可能为空白"),
                format!(
                    "{n} frames of other sites had not drawn in time for the window's picture and may be empty on it"
                ),
            ));
        }
        Ok(())
    }

    /// Prepares the window for a picture of `height` rows.
    pub(crate) fn window_for(&mut self, height: u32) -> Result<Window> {
        let found = self.evaluate(FRAMES)?;
        let frames: Vec<[i64; 4]> = serde_json::from_value(found).unwrap_or_default();
        let window = i64::from(self.viewport.height);
        let outside: Vec<[i64; 4]> = frames.into_iter().filter(|f| f[3] > window && f[1] < i64::from(height)).collect();
        if outside.is_empty() {
            return Ok(Window::default());
        }
        if height <= TALL {
            let before = self.evaluate(LAYOUT)?;
            self.resize(height)?;
            if self.evaluate(LAYOUT)? == before {
                self.browser.operations.note("window", json!({ "height": height, "frames": outside.len() }));
                // A frame's own process draws it, and may be slower than the page's.
                let lacking = self.undrawn()?;
                self.frames_drawn("0")?;
                return Ok(Window { tall: true, lacking });
            }
            self.resize(self.viewport.height)?;
        }
        Ok(Window { tall: false, lacking: outside })
    }

    /// The window as it was; frames that the picture lacks, each by itself.
    pub(crate) fn window_after(&mut self, window: Window) -> Result<()> {
        let Window { tall, lacking } = window;
        if tall {
            self.resize(self.viewport.height)?;
        }
        if lacking.is_empty() {
            return Ok(());
        }
        let (begun, mut taken) = (Instant::now(), 0);
        for frame in lacking.iter().take(PHOTOGRAPHS) {
            if begun.elapsed() > ALL {
                break;
            }
            self.scroll_to(frame[1].saturating_sub(40).max(0))?;
            if self.undrawn()?.contains(frame) {
                self.browser.operations.note("frame-undrawn", json!({ "box": frame }));
                continue;
            }
            let shot =
                self.browser.ask("Page.captureScreenshot", json!({ "format": "png", "optimizeForSpeed": true }))?;
            let shot = self.browser.decode(&shot["data"])?;
            taken += 1;
            let name = format!("screenshot-viewport/frame-{taken}");
            self.keep(&name, "image/png", &shot);
            self.browser.operations.note("frame", json!({ "name": name, "box": frame }));
        }
        self.scroll_to(0)?;
        let n = lacking.len();
        self.remark(match tall {
            false => Reason::new(
                "frames-apart",
                format!(
                    "有 {n} 个他站框架在整页截图中为空白：浏览器不绘制窗口之外的他站框架；其中 {taken} 个另有窗口截图"
                ),
                format!(
                    "{n} frames of other sites are empty on the full screenshot, as the browser draws none outside its \
                     window; {taken} of them are on pictures of the window by themselves"
                ),
            ),
            true => Reason::new(
                "frames-apart",
                format!("整页截图时，有 {n} 个他站框架没有及时绘出，在图上可能为空白；其中 {taken} 个另有窗口截图"),
                format!(
                    "{n} frames of other sites had not drawn in time for the full screenshot and may be empty on it; \
                     {taken} of them are on pictures of the window by themselves"
                ),
            ),
        });
        Ok(())
    }

    /// Where in the window other sites' frames stand that do not draw: each is asked in its own process for two frames
    /// of animation, which the browser grants only to what it draws.
    fn undrawn(&mut self) -> Result<Vec<[i64; 4]>> {
        let sessions = self.browser.sessions.iter().filter(|(_, one)| one.0 == "iframe");
        let sessions: Vec<_> =
            sessions.map(|(session, one)| (session.clone(), one.1.clone())).take(FRAMES_ASKED).collect();
        if sessions.is_empty() {
            return Ok(Vec::new());
        }
        let (end, mut undrawn) = (Instant::now() + DRAWN, Vec::new());
        for (session, frame) in sessions {
            // Not the page's own element (a frame inside another site's), or gone: nothing to be seen of it here.
            let Some(place) = self.place_of(&frame)? else { continue };
            let left = end.saturating_duration_since(Instant::now()).max(DRAWN_LEAST);
            if let Err(e) = self.draws(&session, &frame, left) {
                self.browser.operations.note("frame-undrawn", json!({ "box": place, "error": e.to_string() }));
                undrawn.push(place);
            }
        }
        Ok(undrawn)
    }

    /// Where on the page a frame's element stands, if any of it is to be seen in the window.
    fn place_of(&mut self, frame: &str) -> Result<Option<[i64; 4]>> {
        let world = self.world()?;
        let Ok(owner) = self.browser.ask("DOM.getFrameOwner", json!({ "frameId": frame })) else { return Ok(None) };
        let ask = json!({ "backendNodeId": owner["backendNodeId"], "executionContextId": world });
        let Ok(element) = self.browser.ask("DOM.resolveNode", ask) else { return Ok(None) };
        let ask = json!({
            "objectId": element["object"]["objectId"], "functionDeclaration": PLACE, "returnByValue": true, "awaitPromise": true,
        });
        let Ok(found) = self.browser.ask("Runtime.callFunctionOn", ask) else { return Ok(None) };
        Ok(serde_json::from_value(found["result"]["value"].clone()).ok())
    }

    fn draws(&mut self, session: &str, frame: &str, wait: Duration) -> Result<()> {
        let ask = json!({ "frameId": frame, "worldName": "recorder" });
        let world = self.browser.call_in(session, "Page.createIsolatedWorld", ask, wait)?;
        let ask = json!({
            "expression": "new Promise(r=>requestAnimationFrame(()=>requestAnimationFrame(()=>r(1))))",
            "contextId": world["executionContextId"], "returnByValue": true, "awaitPromise": true,
        });
        self.browser.call_in(session, "Runtime.evaluate", ask, wait).map(|_| ())
    }

    fn scroll_to(&mut self, y: i64) -> Result<()> {
        self.frames_drawn(&format!("window.scrollTo({{top:{y},behavior:'instant'}})"))
    }

    fn resize(&mut self, height: u32) -> Result<()> {
        let ask = json!({
            "width": self.viewport.width, "height": height, "deviceScaleFactor": 1, "mobile": self.viewport.phone,
        });
        self.browser.ask("Emulation.setDeviceMetricsOverride", ask)?;
        self.frames_drawn("0")
    }

    /// After `first`, until what is new in the window was drawn, other processes' frames included.
    fn frames_drawn(&mut self, first: &str) -> Result<()> {
        let drawn = format!(
            "({first},new Promise(r=>{{setTimeout(r,1000);requestAnimationFrame(()=>requestAnimationFrame(()=>\
             setTimeout(r,250)))}}).then(()=>1))"
        );
        self.evaluate(&drawn).map(|_: Value| ())
    }
}
