//! What a DOM snapshot lays out: it sees closed shadow trees and frames of the same process, which a script
//! in the page's own document does not.

use std::collections::BTreeMap;

use serde_json::Value;

/// As drawn: x, y, width, height in CSS pixels of the whole page, outward.
pub(crate) type Rect = [i64; 4];

/// An image that is laid out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Drawn {
    pub(crate) url: String,
    /// `img`, `background`, `poster`.
    pub(crate) used: &'static str,
    pub(crate) alt: String,
    pub(crate) area: Option<Rect>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    pub(crate) text: String,
    /// Images larger than an icon.
    pub(crate) large_images: u32,
    /// From top to bottom.
    pub(crate) drawn: Vec<Drawn>,
    /// Past the bound, only counted.
    pub(crate) more: u64,
}

/// So many images are listed.
const IMAGES: usize = 2000;
const TEXT: usize = 8_000_000;
const URL: usize = 64 << 10;

impl Layout {
    /// `DOMSnapshot.captureSnapshot`'s parameters.
    pub(crate) fn ask() -> Value {
        serde_json::json!({ "computedStyles": ["background-image"], "includeDOMRects": true, "includePaintOrder": false })
    }

    /// From its answer.
    pub(crate) fn of(snapshot: &Value) -> Self {
        let strings = &snapshot["strings"];
        let string = |index: &Value| {
            let index = usize::try_from(index.as_i64().unwrap_or(-1)).unwrap_or(usize::MAX);
            strings.get(index).and_then(Value::as_str).unwrap_or_default()
        };
        let mut layout = Self::default();
        let documents = snapshot["documents"].as_array().map(Vec::as_slice).unwrap_or_default();
        let origins = origins(documents);
        for (number, document) in documents.iter().enumerate() {
            let (boxes, nodes) = (&document["layout"], &document["nodes"]);
            let sources = rare(&nodes["currentSourceURL"]);
            for (n, index) in boxes["nodeIndex"].as_array().into_iter().flatten().enumerate() {
                let text = string(&boxes["text"][n]).trim();
                if !text.is_empty() && layout.text.len() < TEXT {
                    layout.text.push_str(text);
                    layout.text.push('\n');
                }
                let node = usize::try_from(index.as_u64().unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
                let side = |side: usize| boxes["bounds"][n][side].as_f64().unwrap_or(0.0);
                let name = nodes["nodeName"].get(node).map(string).unwrap_or_default();
                let image = ["img", "image"].iter().any(|one| name.eq_ignore_ascii_case(one));
                if image && side(2) >= 48.0 && side(3) >= 48.0 {
                    layout.large_images += 1;
                }
                let area = origins.get(&number).and_then(|(dx, dy)| rect(side(0) + dx, side(1) + dy, side(2), side(3)));
                let attribute = |wanted: &str| {
                    let pairs =
                        nodes["attributes"].get(node).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                    pairs.chunks_exact(2).find(|pair| string(&pair[0]) == wanted).map(|pair| string(&pair[1]))
                };
                let mut add = |url: &str, used| {
                    if url.is_empty() || url.len() > URL && !url.starts_with("data:") {
                        return;
                    }
                    if layout.drawn.len() >= IMAGES {
                        layout.more += 1;
                        return;
                    }
                    let alt = attribute("alt").unwrap_or_default().chars().take(300).collect();
                    layout.drawn.push(Drawn { url: url.to_owned(), used, alt, area });
                };
                if image || name.eq_ignore_ascii_case("input") {
                    add(sources.get(&node).map(|index| string(index)).unwrap_or_default(), "img");
                }
                if name.eq_ignore_ascii_case("video")
                    && let Some(poster) = attribute("poster")
                    && let Some(url) =
                        url::Url::parse(string(&document["baseURL"])).ok().and_then(|base| base.join(poster).ok())
                {
                    add(url.as_str(), "poster");
                }
                for url in backgrounds(string(&boxes["styles"][n][0])) {
                    add(url, "background");
                }
            }
        }
        layout.drawn.sort_by_key(|one| one.area.map_or((i64::MAX, 0), |[x, y, ..]| (y, x)));
        layout
    }
}

/// Where each document's upper left corner stands on the page; a frame that was not found has none.
fn origins(documents: &[Value]) -> BTreeMap<usize, (f64, f64)> {
    let mut origins = BTreeMap::from([(0, (0.0, 0.0))]);
    // A document stands behind the one that embeds it.
    for (number, document) in documents.iter().enumerate() {
        let Some((dx, dy)) = origins.get(&number).copied() else { continue };
        let boxes = &document["layout"];
        let embedded = rare(&document["nodes"]["contentDocumentIndex"]);
        if embedded.is_empty() {
            continue;
        }
        for (n, node) in boxes["nodeIndex"].as_array().into_iter().flatten().enumerate() {
            let node = usize::try_from(node.as_u64().unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
            let Some(inner) = embedded.get(&node).and_then(|v| usize::try_from(v.as_u64()?).ok()) else { continue };
            let at = |list: &str, side: usize| boxes[list][n][side].as_f64().unwrap_or(0.0);
            let scrolled = |axis: &str| documents.get(inner).and_then(|d| d[axis].as_f64()).unwrap_or(0.0);
            let x = dx + at("bounds", 0) + at("clientRects", 0) - scrolled("scrollOffsetX");
            let y = dy + at("bounds", 1) + at("clientRects", 1) - scrolled("scrollOffsetY");
            if inner > number {
                origins.entry(inner).or_insert((x, y));
            }
        }
    }
    origins
}

/// `{"index":[…],"value":[…]}` by index.
fn rare(list: &Value) -> BTreeMap<usize, &Value> {
    let indices = list["index"].as_array().into_iter().flatten();
    let values = list["value"].as_array().into_iter().flatten();
    indices.zip(values).filter_map(|(index, value)| Some((usize::try_from(index.as_u64()?).ok()?, value))).collect()
}

/// Outward, `None` where nothing of it can be seen on the page.
fn rect(x: f64, y: f64, width: f64, height: f64) -> Option<Rect> {
    let all = [x, y, x + width, y + height];
    if width <= 0.0 || height <= 0.0 || x < 0.0 || y < 0.0 || all.iter().any(|v| !v.is_finite() || v.abs() > 1e7) {
        return None;
    }
    let (left, top) = (all[0].floor() as i64, all[1].floor() as i64);
    Some([left, top, all[2].ceil() as i64 - left, all[3].ceil() as i64 - top])
}

/// The addresses in a computed `background-image`: `url("…")`, several with commas, gradients between.
fn backgrounds(style: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = style;
    while let Some(at) = rest.find("url(\"") {
        rest = &rest[at + 5..];
        let Some(end) = rest.find("\")") else { break };
        found.push(&rest[..end]);
        rest = &rest[end..];
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn images_of_a_frame_stand_where_the_frame_stands() {
        let snapshot = serde_json::json!({
            "strings": ["IMG", "http://a/1", "IFRAME", "alt", "A cup", "url(\"http://a/2\"), linear-gradient(red, blue)", ""],
            "documents": [
                { "nodes": { "nodeName": [0, 2], "attributes": [[3, 4], []], "currentSourceURL": { "index": [0], "value": [1] },
                             "contentDocumentIndex": { "index": [1], "value": [1] } },
                  "layout": { "nodeIndex": [0, 1], "text": [-1, -1], "styles": [[6], [5]],
                              "bounds": [[8.5, 300.2, 120, 120], [10, 20, 100, 100]], "clientRects": [[], [2, 2, 96, 96]] } },
                { "nodes": { "nodeName": [0], "attributes": [[]], "currentSourceURL": { "index": [0], "value": [1] } },
                  "scrollOffsetY": 5, "layout": { "nodeIndex": [0], "text": [-1], "styles": [[]], "bounds": [[1, 9, 30, 30]] } },
            ],
        });
        let layout = Layout::of(&snapshot);
        let seen: Vec<_> = layout.drawn.iter().map(|d| (d.url.as_str(), d.used, d.alt.as_str(), d.area)).collect();
        assert_eq!(
            seen,
            [
                ("http://a/2", "background", "", Some([10, 20, 100, 100])),
                ("http://a/1", "img", "", Some([13, 26, 30, 30])),
                ("http://a/1", "img", "A cup", Some([8, 300, 121, 121])),
            ]
        );
        assert_eq!(layout.large_images, 1);
    }
}
