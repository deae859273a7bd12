//! A small picture of an SVG that has only shapes: no file, font, address or script is ever looked up.
//!
//! Rules:
//! - What would be drawn wrong is not drawn: text (there are no fonts here), pictures inside, foreign markup, scripts.
//! - What can be made to cost without bound is not drawn either: filters, markers, masks, patterns, clips within clips,
//!   references within references.
//! - Nodes are counted as often as drawing would visit them, clips included, before anything is drawn; the drawing is
//!   small, so each visit is.

use crate::{Error, THUMBNAIL_SIDE};
use image::RgbImage;
use resvg::{
    tiny_skia::{Color, Pixmap, Transform},
    usvg::{self, Group, Node, Tree, roxmltree},
};
use std::collections::BTreeSet;

/// Longest file.
const BYTES: usize = 4 << 20;
/// Most nodes of the file, deepest nesting of elements, most references, most visits of a drawing.
const NODES: u32 = 40_000;
const DEPTH: usize = 64;
const REFERENCES: usize = 2_000;
const VISITS: u32 = 20_000;

/// Longest style sheet: each of its rules is tried on each node.
const STYLE: usize = 64 << 10;

/// Elements that are not drawn.
const REFUSED: [&str; 10] =
    ["text", "image", "foreignObject", "script", "filter", "marker", "mask", "pattern", "switch", "a"];

/// Whether these leading bytes are an SVG's.
pub(crate) fn begins(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let xml = [&b"<?xml"[..], b"<!--", b"<!DOCTYPE svg", b"<svg"].iter().any(|start| head.starts_with(start));
    let root = |w: &[u8]| w.starts_with(b"<svg") && w.get(4).is_some_and(|b| b.is_ascii_whitespace() || *b == b'>');
    xml && head.windows(5).any(root)
}

/// As large as a thumbnail, on white.
pub(crate) fn drawn(bytes: &[u8]) -> Result<RgbImage, Error> {
    if bytes.len() > BYTES {
        return Err(Error::Bytes(BYTES as u64));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| refused("it is not UTF-8"))?;
    let options = roxmltree::ParsingOptions { allow_dtd: false, nodes_limit: NODES, ..Default::default() };
    let document = roxmltree::Document::parse_with_options(text, options).map_err(|e| refused(&e.to_string()))?;
    only_shapes(&document)?;
    let nothing = usvg::Options {
        image_href_resolver: usvg::ImageHrefResolver {
            resolve_data: Box::new(|_, _, _| None),
            resolve_string: Box::new(|_, _| None),
        },
        ..usvg::Options::default()
    };
    let tree = Tree::from_xmltree(&document, &nothing).map_err(|e| refused(&e.to_string()))?;
    let mut left = VISITS;
    visit(tree.root(), &mut left).ok_or_else(|| refused("drawing it would take too long"))?;

    let (w, h) = (tree.size().width(), tree.size().height());
    let scale = THUMBNAIL_SIDE as f32 / w.max(h);
    let side = |n: f32| ((n * scale).round() as u32).clamp(1, THUMBNAIL_SIDE);
    let mut canvas = Pixmap::new(side(w), side(h)).ok_or_else(|| refused("it has no size"))?;
    canvas.fill(Color::WHITE);
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut canvas.as_mut());
    // On white nothing is transparent any more.
    let pixels = canvas.data().chunks_exact(4).flat_map(|p| p.iter().take(3).copied()).collect();
    RgbImage::from_raw(canvas.width(), canvas.height(), pixels).ok_or_else(|| refused("it has no size"))
}

fn refused(why: &str) -> Error {
    Error::Decoder(why.to_owned())
}

fn only_shapes(document: &roxmltree::Document<'_>) -> Result<(), Error> {
    let mut references = Vec::new();
    let mut around = BTreeSet::new();
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        let name = node.tag_name().name();
        if REFUSED.contains(&name) {
            return Err(refused(&format!("it has <{name}> inside, which is not drawn here")));
        }
        if name == "style" && node.text().is_some_and(|style| style.len() > STYLE) {
            return Err(refused("its style sheet is too long"));
        }
        let clips = |n: &roxmltree::Node<'_, '_>| n.tag_name().name() == "clipPath";
        let styled = ["clip-path", "style", "class"].iter().any(|name| node.attribute(*name).is_some());
        if styled && node.ancestors().any(|above| clips(&above)) {
            return Err(refused("it has clips within clips"));
        }
        let mut depth = 0;
        for above in node.ancestors() {
            depth += 1;
            if name == "use" {
                around.extend(above.attribute("id"));
            }
            if depth > DEPTH {
                return Err(refused("its elements are nested too deep"));
            }
        }
        if name == "use" {
            let target = node.attributes().find(|a| a.name() == "href").map(|a| a.value().trim_start_matches('#'));
            references.extend(target);
        }
    }
    if references.len() > REFERENCES || references.iter().any(|target| around.contains(target)) {
        return Err(refused("it has references within references"));
    }
    Ok(())
}

/// Counts what a drawing would visit; `None` beyond the bound.
fn visit(group: &Group, left: &mut u32) -> Option<()> {
    *left = left.checked_sub(1)?;
    let mut clip = group.clip_path();
    while let Some(path) = clip {
        visit(path.root(), left)?;
        clip = path.clip_path();
    }
    for node in group.children() {
        match node {
            Node::Group(inner) => visit(inner, left)?,
            Node::Path(_) => *left = left.checked_sub(1)?,
            Node::Image(_) | Node::Text(_) => return None,
        }
    }
    Some(())
}
