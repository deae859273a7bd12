//! What a capture's sheet says beyond every other one: the page, how it was obtained, its screenshot.
//!
//! Rules:
//! - A page's own words (title, addresses, facts) are a stranger's: they are cut to a length that is said, a character
//!   without a glyph stands as [`MARK`], and none of them ever refuses a sheet.
//! - What the page is said to show is "as shown, not verified"; how a capture ended is no verdict.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::sheet::{Moment, Words};

/// Stands for a character of a page that no font has, or that prints as nothing.
pub const MARK: char = '□';
/// Parts of a screenshot that are printed at most.
pub const MAX_PARTS: usize = 40;
/// Pixels of a printed part's width at most: about 215 a printed inch.
pub const MAX_WIDTH: u32 = 1280;
/// Bytes of all parts, past which no further one is printed.
pub const MAX_PICTURES: usize = 24 << 20;
/// Lines of one list of a report.
pub(crate) const MAX_LINES: usize = 48;

/// Body of the page less the scale at its left, and less heading and caption, in points.
const WIDTH: f64 = 429.28;
const HEIGHT: f64 = 668.0;

/// How a capture ended, as recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ended {
    /// Everything was obtained.
    Complete,
    /// Something is missing.
    Partial,
    /// A wall stood there.
    Blocked,
}

/// One address of the way to the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// Status of its answer, where the file holds that answer.
    pub status: Option<u16>,
    /// As requested.
    pub url: String,
}

/// Whither the guard connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// As asked for.
    pub host: String,
    /// Address and port.
    pub address: String,
    /// Through TLS, else in the clear.
    pub tls: bool,
}

/// Label and value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What it is.
    pub label: Words,
    /// Its value.
    pub value: Words,
}

/// Something that stood on the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// What it seems to be.
    pub label: Words,
    /// As shown.
    pub value: String,
    /// Its place on the full screenshot: left, top, width, height in pixels.
    pub place: Option<[u32; 4]>,
}

/// One of the capture's own artefacts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// After `urn:quezao:`.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// The full screenshot; its parts' JPEGs travel apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Screenshot {
    /// In pixels.
    pub width: u32,
    /// Of all of it, printed or not.
    pub height: u32,
    /// First row and row after the last one of each printed part, from the top without a gap.
    pub parts: Vec<(u32, u32)>,
}

/// The parts of a screenshot, as the caller cut them: [`part_rows`] high, [`MAX_PARTS`] and [`MAX_PICTURES`] at most.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pictures {
    /// In pixels.
    pub width: u32,
    /// Of all of it, printed or not.
    pub height: u32,
    /// First row, row after the last one, and a JPEG of the rows.
    pub parts: Vec<(u32, u32, Vec<u8>)>,
}

/// Everything that a capture's sheet says beyond every other one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Asked for.
    pub url: String,
    /// Where it ended.
    pub final_url: Option<String>,
    /// The page's title, where it is too long to stand beside the pictures.
    pub title: Option<String>,
    /// How it ended.
    pub ended: Option<Ended>,
    /// Why it is not complete.
    pub reasons: Vec<Words>,
    /// What else is to be said of it.
    pub remarks: Vec<Words>,
    /// What is to be known about the machine.
    pub flags: Vec<Words>,
    /// Whether the file says what the three lists above hold: an older one may not.
    pub told: bool,
    /// Somebody else's page.
    pub other: Option<bool>,
    /// The order's record number.
    pub order: Option<String>,
    /// Attempt, attempts that were discarded, and the ledger's size at which the operator counted them.
    pub attempt: Option<(u64, u64, u64)>,
    /// The seal over the order: the capture's record is later.
    pub ordered: Option<Moment>,
    /// The way to the page.
    pub hops: Vec<Hop>,
    /// Whither the guard connected.
    pub peers: Vec<Peer>,
    /// The site's certificate, as the browser saw it.
    pub site: Vec<Line>,
    /// The capturing system's own report.
    pub environment: Vec<Line>,
    /// What stood on the page.
    pub shown: Vec<Shown>,
    /// The capture's own artefacts.
    pub files: Vec<Listed>,
    /// Requests and responses that were kept, and the responses' bytes.
    pub exchanged: (u64, u64, u64),
    /// Entries of these lists that are not printed: hops, peers, shown, files.
    pub left_out: [u64; 4],
    /// The screenshot.
    pub screenshot: Option<Screenshot>,
}

/// Points of a printed pixel: as wide as the page's body, never larger than half a point.
pub(crate) fn scale(width: u32) -> f64 {
    (WIDTH / f64::from(width.max(1))).min(0.5)
}

/// Rows of a part of a screenshot of this width: as many as stand on a page.
pub fn part_rows(width: u32) -> u32 {
    // Never negative, and far below the limit of the type.
    (HEIGHT / scale(width)) as u32
}

impl Report {
    /// Refuses what the layout cannot set.
    pub(crate) fn check(&self) -> Result<(), Error> {
        for (what, found) in [
            ("reasons", self.reasons.len()),
            ("remarks", self.remarks.len()),
            ("flags", self.flags.len()),
            ("hops", self.hops.len()),
            ("peers", self.peers.len()),
            ("the site's certificate", self.site.len()),
            ("environment", self.environment.len()),
            ("shown", self.shown.len()),
            ("files", self.files.len()),
        ] {
            if found > MAX_LINES {
                return Err(Error::TooLarge { what, found, limit: MAX_LINES });
            }
        }
        let Some(shot) = &self.screenshot else { return Ok(()) };
        let ends = shot.parts.iter().map(|p| p.1);
        let begins = std::iter::once(0).chain(ends);
        let whole = shot.parts.iter().zip(begins).all(|(part, from)| part.0 == from && from < part.1);
        if !whole || shot.parts.is_empty() || shot.parts.len() > MAX_PARTS || shot.width == 0 {
            return Err(Error::Malformed {
                what: "screenshot",
                found: format!("{} parts", shot.parts.len()),
                expected: format!("1 to {MAX_PARTS}, one under another"),
            });
        }
        match shot.parts.iter().find(|(from, to)| to - from > part_rows(shot.width)) {
            Some((from, to)) => Err(Error::TooLarge {
                what: "rows of a part of the screenshot",
                found: (to - from) as usize,
                limit: part_rows(shot.width) as usize,
            }),
            None => Ok(()),
        }
    }

    /// Every text of a stranger's, each to be written anew by `write`.
    pub(crate) fn foreign(&mut self, write: &mut dyn FnMut(&mut String)) {
        write(&mut self.url);
        self.final_url.iter_mut().chain(&mut self.title).for_each(&mut *write);
        let told = self.reasons.iter_mut().chain(&mut self.remarks).chain(&mut self.flags);
        let lines = self.site.iter_mut().chain(&mut self.environment).map(|l| &mut l.value);
        told.chain(lines).for_each(|w| [&mut w.zh, &mut w.en].into_iter().for_each(&mut *write));
        self.hops.iter_mut().for_each(|h| write(&mut h.url));
        self.peers.iter_mut().for_each(|p| [&mut p.host, &mut p.address].into_iter().for_each(&mut *write));
        self.shown.iter_mut().for_each(|s| {
            [&mut s.label.zh, &mut s.label.en, &mut s.value].into_iter().for_each(&mut *write);
        });
        self.files.iter_mut().for_each(|f| write(&mut f.name));
    }

    /// Every text, for fonts and bounds.
    pub(crate) fn texts(&self) -> Vec<&str> {
        let mut out: Vec<&str> = vec![&self.url];
        out.extend(self.final_url.as_deref());
        out.extend(self.title.as_deref());
        out.extend(self.order.as_deref());
        let mut words: Vec<&Words> = self.reasons.iter().chain(&self.remarks).chain(&self.flags).collect();
        words.extend(self.site.iter().chain(&self.environment).flat_map(|l| [&l.label, &l.value]));
        words.extend(self.shown.iter().map(|s| &s.label));
        words.extend(self.ordered.iter().map(|m| &m.authority));
        out.extend(words.iter().flat_map(|w| [w.zh.as_str(), w.en.as_str()]));
        out.extend(self.hops.iter().map(|h| h.url.as_str()));
        out.extend(self.peers.iter().flat_map(|p| [p.host.as_str(), p.address.as_str()]));
        out.extend(self.shown.iter().map(|s| s.value.as_str()));
        out.extend(self.files.iter().map(|f| f.name.as_str()));
        out
    }
}

/// The first `most` characters of a stranger's text; that it goes on is said.
pub(crate) fn cut(text: &str, most: usize) -> String {
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let count = text.chars().count();
    if count <= most {
        return text;
    }
    let head: String = text.chars().take(most).collect();
    format!("{head}… [{count}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_fills_a_page_and_no_more() {
        for (width, rows) in [(1280, 1991), (390, 1336), (4096, 6373), (1, 1336), (0, 1336)] {
            assert_eq!(part_rows(width), rows, "{width}");
            assert!(f64::from(rows) * scale(width) <= HEIGHT);
        }
    }

    #[test]
    fn what_is_cut_says_how_long_it_was() {
        assert_eq!(cut("a \n b\tc", 5), "a b c");
        assert_eq!(cut(&"长".repeat(300), 3), "长长长… [300]");
    }
}
