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
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Window {
    /// As it is.
    Same,
    /// It was made as high as the page: to be made small again.
    Tall,
    /// As it is; these places on the page stay empty.
    Lacking(Vec<[i64; 4]>),
}

impl Page<'_> {
    /// Prepares the window for a picture of `height` rows.
    pub(crate) fn window_for(&mut self, height: u32) -> Result<Window> {
        let found = self.evaluate(FRAMES)?;
        let frames: Vec<[i64; 4]> = serde_json::from_value(found).unwrap_or_default();
        let window = i64::from(self.viewport.height);
        let outside: Vec<[i64; 4]> = frames.into_iter().filter(|f| f[3] > window && f[1] < i64::from(height)).collect();
        if outside.is_empty() {
            return Ok(Window::Same);
        }
        if height <= TALL {
            let before = self.evaluate(LAYOUT)?;
            self.resize(height)?;
            if self.evaluate(LAYOUT)? == before {
                self.browser.operations.note("window", json!({ "height": height, "frames": outside.len() }));
                return Ok(Window::Tall);
            }
            self.resize(self.viewport.height)?;
        }
        Ok(Window::Lacking(outside))
    }

    /// The window as it was; frames that the picture lacks, each by itself.
    pub(crate) fn window_after(&mut self, window: Window) -> Result<()> {
        let lacking = match window {
            Window::Same => return Ok(()),
            Window::Tall => return self.resize(self.viewport.height),
            Window::Lacking(lacking) => lacking,
        };
        let (begun, mut taken) = (Instant::now(), 0);
        for frame in lacking.iter().take(PHOTOGRAPHS) {
            if begun.elapsed() > ALL {
                break;
            }
            self.scroll_to(frame[1].saturating_sub(40).max(0))?;
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
        self.remark(Reason::new(
            "frames-apart",
            format!("有 {n} 个他站框架在整页截图中为空白：浏览器不绘制窗口之外的他站框架；其中 {taken} 个另有窗口截图"),
            format!(
                "{n} frames of other sites are empty on the full screenshot, as the browser draws none outside its window; \
                 {taken} of them are on pictures of the window by themselves"
            ),
        ));
        Ok(())
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
