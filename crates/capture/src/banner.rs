//! Cookie banners: photographed, closed by their refusing button only, photographed again; else left.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::error::Result;
use crate::page::Page;
use crate::recording::Reason;

/// Evaluated in an isolated world; gives manager, text and button, or null.
const SCRIPT: &str = include_str!("scripts/banner.js");

impl Page<'_> {
    /// Looks for a banner and closes it if it can be refused.
    pub(crate) fn refuse_banner(&mut self) -> Result<()> {
        let found = self.evaluate(SCRIPT)?;
        if !found.is_object() {
            return Ok(());
        }
        self.browser.operations.note("banner", found.clone());
        let button = &found["button"];
        let (Some(x), Some(y)) = (button["x"].as_f64(), button["y"].as_f64()) else {
            self.left();
            return Ok(());
        };
        self.photograph("screenshot-viewport/before-banner")?;
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let held = i32::from(kind == "mousePressed");
            self.browser.ask(
                "Input.dispatchMouseEvent",
                json!({ "type": kind, "x": x, "y": y, "button": if kind == "mouseMoved" { "none" } else { "left" }, "buttons": held, "clickCount": i32::from(kind != "mouseMoved") }),
            )?;
        }
        let begun = Instant::now();
        let mut gone = false;
        while !gone && begun.elapsed() < Duration::from_secs(3) {
            self.browser.pump(Duration::from_millis(60));
            gone = self.evaluate(SCRIPT)?.is_null();
        }
        self.browser.operations.note("banner-clicked", json!({ "button": button["says"], "gone": gone }));
        self.photograph("screenshot-viewport/after-banner")?;
        let says = button["says"].as_str().unwrap_or_default().to_owned();
        if gone {
            self.remark(Reason::new(
                "banner-refused",
                format!("页面的 Cookie 提示已按其拒绝按钮“{says}”关闭，前后各有截图"),
                format!(
                    "a cookie banner was closed by its refusing button \"{says}\"; it is photographed before and after"
                ),
            ));
        } else {
            self.left();
        }
        if self.browser.network.open().next().is_some() {
            self.settle()?;
        }
        Ok(())
    }

    fn left(&mut self) {
        self.remark(Reason::new(
            "banner-left",
            "页面的 Cookie 提示没有能识别的拒绝按钮，或按后没有关闭，已留在画面中",
            "a cookie banner has no refusing button that was recognised, or did not close; it was left on the page",
        ));
    }

    fn photograph(&mut self, name: &str) -> Result<()> {
        let shot: Value =
            self.browser.ask("Page.captureScreenshot", json!({ "format": "png", "optimizeForSpeed": true }))?;
        let png = self.browser.decode(&shot["data"])?;
        self.keep(name, "image/png", &png);
        Ok(())
    }
}
