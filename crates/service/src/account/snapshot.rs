//! A captured page's structure, written anew: what a browser is shown of a stranger's markup.
//!
//! Rules:
//! - Nothing of the page's own markup is handed on. Elements come from a list of harmless ones, without attributes but
//!   a link's target as words; every text is escaped. So there is no script, style, address, form or frame in it,
//!   whatever the page held, and a browser that shows it has nothing to run and nobody to ask.
//! - Shown is what was drawn: a text without a place on the page is left out.
//! - Time and size are bounded; what is cut off is said.

use crate::{Error, Result};
use evidence::json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Longest structure that is read, and longest page that is written, in bytes.
pub(super) const MAX_SNAPSHOT: u64 = 48 << 20;
const MAX_PAGE: usize = 4 << 20;
/// Elements inside each other that are written; deeper ones hand their texts to the last.
const MAX_DEPTH: usize = 120;
/// Longest target of a link.
const MAX_TARGET: usize = 500;

/// What is written as it is called.
const PLAIN: [&str; 47] = [
    "article",
    "aside",
    "b",
    "blockquote",
    "caption",
    "code",
    "dd",
    "del",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "i",
    "ins",
    "li",
    "main",
    "mark",
    "nav",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "section",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "ul",
];
/// What is named and not shown.
const NAMED: [&str; 8] = ["img", "image", "svg", "canvas", "video", "audio", "object", "embed"];
/// Of what nothing is told.
const SILENT: [&str; 7] = ["script", "style", "noscript", "template", "head", "title", "datalist"];

/// Structure and texts of a `DOMSnapshot`, as the inside of a page, and whether it goes on.
pub(super) fn inert(snapshot: &[u8]) -> Result<(String, bool)> {
    let snapshot: Value = serde_json::from_slice(snapshot)
        .map_err(|e| Error::new(format!("快照不能读取（{e}）"), format!("the snapshot cannot be read ({e})")))?;
    let mut page = Page { snapshot: &snapshot, out: String::new(), full: false, written: BTreeSet::new() };
    page.document(0, 0);
    Ok((page.out, page.full))
}

struct Page<'a> {
    snapshot: &'a Value,
    out: String,
    full: bool,
    /// Documents; a frame that names one twice shows it once.
    written: BTreeSet<u64>,
}

/// What is still to be written of a document, the next last.
enum Step {
    Node(usize),
    End(&'static str),
    Target(String),
}

impl Page<'_> {
    fn string(&self, index: &Value) -> &str {
        let index = usize::try_from(index.as_i64().unwrap_or(-1)).unwrap_or(usize::MAX);
        self.snapshot["strings"].get(index).and_then(Value::as_str).unwrap_or_default()
    }

    fn document(&mut self, number: u64, depth: usize) {
        let snapshot = self.snapshot;
        let found = usize::try_from(number).ok().and_then(|n| snapshot["documents"].get(n));
        let Some(document) = found.filter(|_| self.written.insert(number)) else { return };
        let nodes = &document["nodes"];
        let list = |name: &str| nodes[name].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut children: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (node, parent) in list("parentIndex").iter().enumerate().rev() {
            // A parent stands before its children, so no walk goes round.
            if let Some(parent) = parent.as_u64().and_then(|p| usize::try_from(p).ok()).filter(|p| *p < node) {
                children.entry(parent).or_default().push(node);
            }
        }
        let boxes = document["layout"]["nodeIndex"].as_array().into_iter().flatten();
        let drawn: BTreeSet<u64> = boxes.filter_map(Value::as_u64).collect();
        let frames = rare(&nodes["contentDocumentIndex"]);
        let mut steps = vec![Step::Node(0)];
        let mut open = depth;
        while let Some(step) = steps.pop() {
            let node = match step {
                Step::End(name) => {
                    open -= 1;
                    self.end(name);
                    continue;
                }
                Step::Target(target) => {
                    self.out.push_str(" → <cite>");
                    self.text(&target);
                    self.out.push_str("</cite> ");
                    continue;
                }
                Step::Node(node) => node,
            };
            if self.out.len() >= MAX_PAGE {
                self.full = true;
                continue;
            }
            if list("nodeType").get(node) == Some(&Value::from(3)) {
                if drawn.contains(&(node as u64)) {
                    let text = list("nodeValue").get(node).map(|v| self.string(v).to_owned()).unwrap_or_default();
                    self.text(&text);
                }
                continue;
            }
            let name = list("nodeName").get(node).map(|n| self.string(n).to_ascii_lowercase()).unwrap_or_default();
            let attributes = list("attributes").get(node).and_then(Value::as_array).map(Vec::as_slice);
            let attribute = |wanted: &str| {
                let found = attributes.unwrap_or_default().chunks_exact(2).find(|pair| self.string(&pair[0]) == wanted);
                found.map(|pair| self.string(&pair[1]).chars().take(MAX_TARGET).collect::<String>())
            };
            if SILENT.contains(&name.as_str()) {
                continue;
            }
            if NAMED.contains(&name.as_str()) {
                if drawn.contains(&(node as u64)) {
                    let words = attribute("alt").or_else(|| attribute("aria-label")).unwrap_or_default();
                    self.named(&name, &words);
                }
                continue;
            }
            match name.as_str() {
                "br" => self.out.push_str("<br>"),
                "hr" => self.out.push_str("<hr>"),
                "input" | "textarea" | "select" if drawn.contains(&(node as u64)) => {
                    let secret = attribute("type").is_some_and(|kind| kind.eq_ignore_ascii_case("password"));
                    let words = attribute("value").filter(|_| !secret).or_else(|| attribute("placeholder"));
                    self.named(&name, &words.unwrap_or_default());
                }
                "a" => {
                    let target = attribute("href").filter(|target| !target.is_empty() && !target.starts_with('#'));
                    steps.extend(target.map(Step::Target));
                    steps.extend(children.get(&node).into_iter().flatten().map(|n| Step::Node(*n)));
                }
                _ => {
                    let plain = PLAIN.iter().find(|known| **known == name).filter(|_| open < MAX_DEPTH);
                    if let Some(plain) = plain {
                        self.out.push('<');
                        self.out.push_str(plain);
                        self.out.push('>');
                        steps.push(Step::End(plain));
                        open += 1;
                    }
                    steps.extend(children.get(&node).into_iter().flatten().map(|n| Step::Node(*n)));
                    if let Some(inner) = frames.get(&(node as u64)).filter(|_| open < MAX_DEPTH) {
                        self.out.push_str("<blockquote>");
                        self.document(*inner, open + 1);
                        self.end("blockquote");
                    }
                }
            }
        }
    }

    fn end(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// `[img: words]`.
    fn named(&mut self, name: &str, words: &str) {
        self.out.push_str("<kbd>");
        self.text(name);
        if !words.is_empty() {
            self.text(": ");
            self.text(words);
        }
        self.out.push_str("</kbd> ");
    }

    fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '"' => self.out.push_str("&quot;"),
                c if c.is_control() && !c.is_whitespace() => self.out.push('\u{fffd}'),
                // What would turn the words around it.
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
                c => self.out.push(c),
            }
        }
    }
}

/// `{index: […], value: […]}`.
fn rare(list: &Value) -> BTreeMap<u64, u64> {
    let numbers =
        |name: &str| list[name].as_array().into_iter().flatten().filter_map(Value::as_u64).collect::<Vec<_>>();
    numbers("index").into_iter().zip(numbers("value")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use evidence::json::json;

    #[test]
    fn nothing_of_the_pages_own_markup_is_handed_on() {
        let strings = [
            "#document",
            "HTML",
            "BODY",
            "SCRIPT",
            "alert(1)",
            "#text",
            "<img src=x onerror=alert(2)>",
            "IMG",
            "alt",
            "\"><script>3",
            "A",
            "href",
            "javascript:alert(4)",
            "词",
            "DIV",
            "onclick",
            "alert(5)",
            "IFRAME",
            "hidden",
            "STYLE",
            "X-EVIL><SCRIPT>",
        ];
        // document, html, body, script > text, div[onclick] > text, img, a > text, text that is not drawn, iframe, x-evil.
        let first = json!({"nodes": {
            "parentIndex": [-1, 0, 1, 2, 3, 2, 5, 2, 2, 8, 2, 2, 2],
            "nodeType": [9, 1, 1, 1, 3, 1, 3, 1, 1, 3, 3, 1, 1],
            "nodeName": [0, 1, 2, 3, 5, 14, 5, 7, 10, 5, 5, 17, 20],
            "nodeValue": [-1, -1, -1, -1, 4, -1, 6, -1, -1, 13, 18, -1, -1],
            "attributes": [[], [], [], [], [], [15, 16], [], [8, 9], [11, 12], [], [], [], [15, 16]],
            "contentDocumentIndex": {"index": [11], "value": [1]},
        }, "layout": {"nodeIndex": [1, 2, 4, 5, 6, 7, 8, 9, 11]}});
        // A frame that says it holds the page that holds it.
        let second = json!({"nodes": {
            "parentIndex": [-1, 0, 0], "nodeType": [9, 1, 3], "nodeName": [0, 17, 5], "nodeValue": [-1, -1, 13],
            "attributes": [[], [], []], "contentDocumentIndex": {"index": [1], "value": [0]},
        }, "layout": {"nodeIndex": [2]}});
        let snapshot = json!({"strings": strings, "documents": [first, second]}).to_string();
        let (page, more) = inert(snapshot.as_bytes()).unwrap();
        assert_eq!(
            page,
            "<div>&lt;img src=x onerror=alert(2)&gt;</div><kbd>img: &quot;&gt;&lt;script&gt;3</kbd> 词 → \
             <cite>javascript:alert(4)</cite> <blockquote><blockquote></blockquote>词</blockquote>"
        );
        assert!(!more);
    }

    #[test]
    fn what_is_deep_long_or_no_snapshot_is_bounded() {
        let count = 100_000;
        let parents: Vec<i64> = (-1..count - 1).collect();
        let all = |n: i64| vec![n; usize::try_from(count).unwrap()];
        let nodes = json!({"parentIndex": parents, "nodeType": all(1), "nodeName": all(0), "nodeValue": all(-1), "attributes": []});
        let deep = json!({"strings": ["DIV"], "documents": [{"nodes": nodes, "layout": {"nodeIndex": []}}]});
        let (page, _) = inert(deep.to_string().as_bytes()).unwrap();
        assert_eq!(page.matches("<div>").count(), MAX_DEPTH);
        assert_eq!(page.matches("</div>").count(), MAX_DEPTH);
        let long = json!({"strings": ["#text", "长".repeat(1 << 20)], "documents": [{
            "nodes": {"parentIndex": [-1, 0, 0, 0, 0], "nodeType": [9, 3, 3, 3, 3], "nodeName": all(0), "nodeValue": [-1, 1, 1, 1, 1]},
            "layout": {"nodeIndex": [1, 2, 3, 4]},
        }]});
        let (page, more) = inert(long.to_string().as_bytes()).unwrap();
        assert!(more && page.len() <= 2 * MAX_PAGE, "{}", page.len());
        for odd in ["{}", "[]", "{\"documents\":[{}]}", "{\"documents\":[{\"nodes\":{\"parentIndex\":[0,0,9]}}]}"] {
            inert(odd.as_bytes()).unwrap();
        }
        assert!(inert(b"<html>").is_err());
    }
}
