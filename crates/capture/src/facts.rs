//! What can be read plainly from the page: facts as shown, images, media; see spec/wacz.md.
//!
//! Nothing is guessed and nothing is chosen: a value stands with the place that it was read from.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Digest;

use crate::layout::{Drawn, Layout, Rect};
use crate::network::ENDED;
use crate::recording::{Exchange, Fidelity};
use crate::spool::hex;

/// Evaluated in an isolated world; gives [`Shown`].
pub(crate) const SCRIPT: &str = include_str!("scripts/facts.js");

/// What the script reads.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Shown {
    pub(crate) page: Value,
    pub(crate) facts: Vec<Fact>,
    images: Vec<Natural>,
    media: Vec<Medium>,
}

/// One fact, as the specification lists it.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
pub(crate) struct Fact {
    pub(crate) name: String,
    value: String,
    source: String,
    #[serde(rename = "where")]
    place: String,
    #[serde(rename = "box")]
    pub(crate) area: Option<Rect>,
    /// The artefact with the part of the screenshot.
    #[serde(default)]
    pub(crate) crop: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct Natural {
    url: String,
    natural: Option<[u64; 2]>,
}

#[derive(Clone, Debug, Deserialize)]
struct Medium {
    url: String,
    element: String,
    seconds: Option<u64>,
    #[serde(rename = "box")]
    area: Option<Rect>,
}

impl Shown {
    /// A frame's, up to `most`: its document's own title is nothing that it shows, and where the rest stands on the
    /// screenshot is not known, as a frame scrolls and is cut by itself.
    pub(crate) fn framed(self, most: usize) -> Vec<Fact> {
        let facts = self.facts.into_iter().filter(|fact| fact.source != "document-title").take(most);
        facts.map(|fact| Fact { area: None, ..fact }).collect()
    }

    /// Keeps only the boxes that stand at the same place in `later`.
    pub(crate) fn steady(&mut self, later: &Self) {
        for fact in &mut self.facts {
            let same = |other: &&Fact| {
                (&other.name, &other.value, &other.source, &other.place)
                    == (&fact.name, &fact.value, &fact.source, &fact.place)
            };
            if !later.facts.iter().filter(same).any(|other| other.area == fact.area) {
                fact.area = None;
            }
        }
    }

    /// Video and audio of which nothing, or not all, was recorded: their addresses, `None` if there are none at all.
    pub(crate) fn missing_media(&self, bodies: &Bodies<'_>) -> Option<Vec<String>> {
        if self.media.is_empty() {
            return None;
        }
        let missing = self.media.iter().filter(|m| !matches!(bodies.of_medium(&m.url), "whole" | "segments"));
        Some(missing.map(|m| m.url.chars().take(200).collect()).collect())
    }

    /// The artefact.
    pub(crate) fn document(&self, layout: &Layout, frames: &[Value], bodies: &Bodies<'_>) -> Value {
        let natural: BTreeMap<&str, [u64; 2]> =
            self.images.iter().filter_map(|image| Some((image.url.as_str(), image.natural?))).collect();
        // Read once, however often the page draws it.
        let mut known: BTreeMap<&str, Option<Body>> = BTreeMap::new();
        let mut images: Vec<Value> = Vec::with_capacity(layout.drawn.len());
        for drawn in &layout.drawn {
            let url = drawn.url.as_str();
            let body = known.entry(url).or_insert_with(|| bodies.of(url)).as_ref();
            images.push(image(drawn, natural.get(url), body));
        }
        let media: Vec<Value> = self
            .media
            .iter()
            .map(|m| {
                json!({ "url": short(&m.url), "element": m.element, "box": m.area, "seconds": m.seconds,
                    "recorded": bodies.of_medium(&m.url) })
            })
            .collect();
        json!({
            "schema": "quezao/facts/v1", "status": "as shown, not verified", "page": self.page, "facts": self.facts,
            "images": images, "images_more": layout.more, "media": media, "frames": frames,
        })
    }
}

fn image(drawn: &Drawn, natural: Option<&[u64; 2]>, body: Option<&Body>) -> Value {
    json!({
        "url": short(&drawn.url), "use": drawn.used, "alt": drawn.alt, "box": drawn.area, "natural": natural,
        "sha256": body.map(|b| &b.sha256), "sm3": body.map(|b| &b.sm3),
        "size": body.map(|b| b.size), "media_type": body.map(|b| &b.media_type),
    })
}

/// `data:` and `blob:` are cut.
fn short(url: &str) -> String {
    if url.starts_with("data:") || url.starts_with("blob:") { url.chars().take(64).collect() } else { url.to_owned() }
}

/// Digests of the bodies that were recorded.
pub(crate) struct Bodies<'e> {
    by_url: BTreeMap<&'e str, Vec<&'e Exchange>>,
}

#[derive(Clone, Debug)]
struct Body {
    sha256: String,
    sm3: String,
    size: u64,
    media_type: String,
}

impl<'e> Bodies<'e> {
    pub(crate) fn new(exchanges: &'e [Exchange]) -> Self {
        let mut by_url: BTreeMap<&str, Vec<&Exchange>> = BTreeMap::new();
        for exchange in exchanges.iter().filter(|e| e.method == "GET" && !e.printing && e.peer.is_some()) {
            by_url.entry(exchange.url.split('#').next().unwrap_or_default()).or_default().push(exchange);
        }
        Self { by_url }
    }

    /// The body behind a URL, if there is one, whole, and always the same.
    fn of(&self, url: &str) -> Option<Body> {
        if let Some(data) = url.strip_prefix("data:") {
            let (head, data) = data.split_once(',')?;
            let bytes = STANDARD.decode(data.trim()).ok().filter(|_| head.ends_with(";base64"))?;
            return Some(Body {
                sha256: hex(&evidence::digest::sha256(&bytes)),
                sm3: hex(&evidence::digest::sm3(&bytes)),
                size: bytes.len() as u64,
                media_type: head.split(';').next().unwrap_or_default().to_ascii_lowercase(),
            });
        }
        let mut url = url.split('#').next().unwrap_or_default();
        for _ in 0..20 {
            let all = self.by_url.get(url)?;
            if let Some(next) = all.iter().find_map(|e| e.redirect.as_deref()) {
                url = next.split('#').next().unwrap_or_default();
                continue;
            }
            let mut answers = all.iter().filter(|e| e.response.is_some());
            let first = answers.next()?;
            let response = first.response.as_ref()?;
            let body = response.body.as_ref()?;
            let whole = first.failure.is_none() && response.fidelity == Fidelity::Exact && response.status == 200;
            let same = answers.all(|e| {
                let other = e.response.as_ref().and_then(|r| r.body.as_ref());
                other.is_some_and(|other| other.sha256 == body.sha256)
            });
            if !whole || !same {
                return None;
            }
            let kind = response.head.field("content-type");
            let kind = kind.map(|value| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
            return Some(Body {
                sha256: body.sha256.clone(),
                sm3: sm3(&body.file)?,
                size: body.size,
                media_type: kind.unwrap_or_default(),
            });
        }
        None
    }

    fn of_medium(&self, url: &str) -> &'static str {
        if url.starts_with("blob:") {
            return "segments";
        }
        if url.starts_with("data:") {
            return "whole";
        }
        let Some(all) = self.by_url.get(url.split('#').next().unwrap_or_default()) else { return "none" };
        let mut best = "none";
        for exchange in all {
            let Some(response) = exchange.response.as_ref().filter(|r| matches!(r.status, 200 | 206)) else { continue };
            let Some(body) = response.body.as_ref().filter(|body| body.size > 0) else { continue };
            let field = |name: &str| response.head.field(name);
            let total = match response.status {
                206 => field("content-range").and_then(|range| range.rsplit_once('/')?.1.trim().parse::<u64>().ok()),
                _ => field("content-length").and_then(|length| length.trim().parse().ok()),
            };
            let ended = exchange.failure.as_deref().is_some_and(|f| f == ENDED || f.contains("ERR_ABORTED"));
            if total == Some(body.size) || (total.is_none() && !ended && exchange.failure.is_none()) {
                return "whole";
            }
            best = "part";
        }
        best
    }
}

fn sm3(path: &std::path::Path) -> Option<String> {
    let (mut file, mut digest, mut block) = (File::open(path).ok()?, sm3::Sm3::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut block).ok()? {
            0 => return Some(hex(&digest.finalize())),
            n => digest.update(&block[..n]),
        }
    }
}
