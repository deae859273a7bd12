//! Text and facts that frames in the page show, each by itself: nothing of it can pass for the page's own.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::facts::{self, Fact, Shown};
use crate::network::text;
use crate::page::{DOCUMENT, Page};

const FRAMES: usize = 50;
/// For one frame, and for all.
const ONE: Duration = Duration::from_millis(1500);
const ALL: Duration = Duration::from_secs(5);
/// Facts of one frame.
const FACTS: usize = 10;
const SCRIPT: &str = "(document.body ? document.body.innerText : '').slice(0, 1000000)";

impl Page<'_> {
    /// Reads them, those of other sites in sessions of their own.
    pub(crate) fn frame_texts(&mut self) -> Result<()> {
        let begun = Instant::now();
        let page = self.browser.page.clone();
        let mut frames = Vec::new();
        let sessions: Vec<(String, bool)> = std::iter::once((page.clone(), true))
            .chain(
                self.browser
                    .sessions
                    .iter()
                    .filter(|(_, one)| one.0 == "iframe")
                    .map(|(session, _)| (session.clone(), false)),
            )
            .take(FRAMES)
            .collect();
        for (session, own) in sessions {
            if begun.elapsed() > ALL {
                break;
            }
            let Ok(tree) = self.browser.call_in(&session, "Page.getFrameTree", json!({}), ONE) else { continue };
            collect(&tree["frameTree"], !own, &session, &mut frames);
        }
        for (session, id, url) in frames.into_iter().take(FRAMES) {
            let read = if begun.elapsed() < ALL {
                self.frame_text(&session, &id)
            } else {
                Err(Error::Browser("no time".into()))
            };
            let (words, facts) = read.unwrap_or_default();
            let mut listed = json!({ "url": url, "text": null, "facts": facts });
            if !words.trim().is_empty() {
                let name = format!("text/frame-{}", self.frames.len() + 1);
                self.keep(&name, "text/plain; charset=utf-8", words.as_bytes());
                listed["text"] = name.into();
            }
            self.frames.push(listed);
        }
        Ok(())
    }

    fn frame_text(&mut self, session: &str, frame: &str) -> Result<(String, Vec<Fact>)> {
        let ask = json!({ "frameId": frame, "worldName": "recorder" });
        let world = self.browser.call_in(session, "Page.createIsolatedWorld", ask, ONE)?;
        let mut read = |script: &str| -> Result<Value> {
            let ask = json!({
                "expression": format!("(document=>{script})({DOCUMENT})"), "contextId": world["executionContextId"],
                "returnByValue": true, "timeout": ONE.as_millis() as u64,
            });
            let mut answer = self.browser.call_in(session, "Runtime.evaluate", ask, ONE)?;
            Ok(answer["result"]["value"].take())
        };
        let words = text(&read(SCRIPT)?);
        // A frame that shows no words shows no facts.
        let facts = if words.trim().is_empty() { Value::Null } else { read(facts::SCRIPT).unwrap_or_default() };
        let shown: Shown = serde_json::from_value(facts).unwrap_or_default();
        Ok((words, shown.framed(FACTS)))
    }
}

/// Frames below, and the frame itself where `with` is set.
fn collect(tree: &Value, with: bool, session: &str, out: &mut Vec<(String, String, String)>) {
    if out.len() >= FRAMES {
        return;
    }
    if with {
        let url: String = text(&tree["frame"]["url"]).chars().take(2000).collect();
        out.push((session.to_owned(), text(&tree["frame"]["id"]), url));
    }
    for child in tree["childFrames"].as_array().into_iter().flatten() {
        collect(child, true, session, out);
    }
}
