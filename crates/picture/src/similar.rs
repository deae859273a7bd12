//! Whether two pictures may show the same: parts of the one against parts of the other, every combination that the
//! specification lists, with two hashes each. Nothing is left out and nothing is indexed, so nothing is missed that
//! these numbers can tell (spec/comparison.md).

use crate::{
    Error, Limits,
    decode::{dimensions, ends_like_jpeg, pixels, within},
    format_of,
    hash::{FLAT, Hashes, Rectangle, detail},
    plane::{Plane, SIDE, SMALLEST},
};
use image::ImageFormat;
use std::io::{Read, Seek};

/// Distances up to which two pictures are close: `dct-256`, `gradient-512`.
pub const CLOSE: (u32, u32) = (48, 120);
/// Distances up to which it is possible, one or the other.
pub const POSSIBLE: [(u32, u32); 2] = [(60, 512), (72, 120)];

/// How far values of a uniform border may lie apart.
const UNIFORM: u16 = 1_024;
/// Most rows or columns that are trimmed at a side.
const TRIMMED: usize = 96;
/// What is cut off where one side is left out.
const STRIP: usize = 32;

/// A part of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// All of it.
    Whole,
    /// Without uniform borders.
    Trimmed,
    /// The inner 95 %.
    Inner95,
    /// The inner 90 %.
    Inner90,
    /// The inner 80 %.
    Inner80,
    /// The middle square.
    Square,
    /// Without the eighth at the top.
    WithoutTop,
    /// Without the eighth at the bottom.
    WithoutBottom,
    /// Without the eighth at the left.
    WithoutLeft,
    /// Without the eighth at the right.
    WithoutRight,
}

impl Part {
    /// In the order in which combinations are tried.
    pub const ALL: [Self; 10] = [
        Self::Whole,
        Self::Trimmed,
        Self::Inner95,
        Self::Inner90,
        Self::Inner80,
        Self::Square,
        Self::WithoutTop,
        Self::WithoutBottom,
        Self::WithoutLeft,
        Self::WithoutRight,
    ];

    /// As a comparison writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Trimmed => "trimmed",
            Self::Inner95 => "inner-95",
            Self::Inner90 => "inner-90",
            Self::Inner80 => "inner-80",
            Self::Square => "square",
            Self::WithoutTop => "without-top",
            Self::WithoutBottom => "without-bottom",
            Self::WithoutLeft => "without-left",
            Self::WithoutRight => "without-right",
        }
    }

    /// Where it lies; `None`: this picture has no such part.
    fn of(self, plane: &Plane) -> Option<Rectangle> {
        let inner = |by: usize| Rectangle { x: (by, SIDE - by), y: (by, SIDE - by) };
        let whole = Rectangle::WHOLE;
        Some(match self {
            Self::Whole => whole,
            Self::Trimmed => return Some(trimmed(plane)).filter(|part| *part != whole),
            Self::Inner95 => inner(6),
            Self::Inner90 => inner(13),
            Self::Inner80 => inner(26),
            Self::Square => return square(plane),
            Self::WithoutTop => Rectangle { y: (STRIP, SIDE), ..whole },
            Self::WithoutBottom => Rectangle { y: (0, SIDE - STRIP), ..whole },
            Self::WithoutLeft => Rectangle { x: (STRIP, SIDE), ..whole },
            Self::WithoutRight => Rectangle { x: (0, SIDE - STRIP), ..whole },
        })
    }

    /// The parts of a registered picture that this part of a page's image is held against.
    pub fn partners(self, mirrored: bool) -> &'static [Self] {
        match (self, mirrored) {
            (Self::Whole | Self::Trimmed, _) => &Self::ALL,
            (Self::WithoutTop, _) => &[Self::WithoutTop],
            (Self::WithoutBottom, _) => &[Self::WithoutBottom],
            (Self::WithoutLeft, false) | (Self::WithoutRight, true) => &[Self::WithoutLeft],
            (Self::WithoutRight, false) | (Self::WithoutLeft, true) => &[Self::WithoutRight],
            _ => &[],
        }
    }
}

/// The hashes of a picture's parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prints {
    /// Pixels of the upright picture.
    pub width: u32,
    /// Pixels of the upright picture.
    pub height: u32,
    /// Part, its hashes, and those of the part mirrored.
    parts: Vec<(Part, Hashes, Hashes)>,
}

/// Two parts that are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Likeness {
    /// Of the page's image.
    pub page: Part,
    /// Of the registered one.
    pub registered: Part,
    /// The registered one is turned left to right.
    pub mirrored: bool,
    /// Bits of `dct-256` that differ.
    pub dct: u32,
    /// Bits of `gradient-512` that differ.
    pub gradient: u32,
}

impl Likeness {
    /// Within [`CLOSE`].
    pub fn is_close(&self) -> bool {
        self.is_within(CLOSE)
    }

    /// Within one of [`POSSIBLE`].
    pub fn is_possible(&self) -> bool {
        POSSIBLE.iter().any(|limit| self.is_within(*limit))
    }

    fn is_within(&self, (dct, gradient): (u32, u32)) -> bool {
        self.dct <= dct && self.gradient <= gradient
    }
}

/// Decodes a picture within limits, and hashes its parts.
///
/// # Errors
/// Any [`Error`]: [`Error::Small`] and [`Error::Flat`] where it is a picture that cannot be told from others.
pub fn prints(bytes: Vec<u8>, limits: &Limits) -> Result<Prints, Error> {
    Prints::of(&Plane::of(bytes, limits)?)
}

/// A picture that was decoded whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// Pixels, as the header says.
    pub width: u32,
    /// Pixels, as the header says.
    pub height: u32,
    /// [`Error::Small`] or [`Error::Flat`] where it cannot be told from others.
    pub prints: Result<Prints, Error>,
}

/// Decodes a picture of this media type once, for both questions: whether it is one, and its prints.
///
/// # Errors
/// Any [`Error`]: the file is then no picture here.
pub fn look(source: impl Read + Seek + Send + 'static, media_type: &str, limits: &Limits) -> Result<Looked, Error> {
    let format = format_of(media_type)?;
    let work = move |source: &mut _, limits: &Limits| {
        let (width, height) = dimensions(source, format, limits)?;
        if format == ImageFormat::Jpeg {
            ends_like_jpeg(source)?;
        }
        let (picture, orientation) = pixels(source, format, limits)?;
        let prints = if width.min(height) < SMALLEST {
            Err(Error::Small { width, height })
        } else {
            Prints::of(&Plane::new(&picture).upright(orientation))
        };
        Ok(Looked { width, height, prints })
    };
    within(limits, work, source)
}

impl Prints {
    pub(crate) fn of(plane: &Plane) -> Result<Self, Error> {
        if detail(plane) < FLAT {
            return Err(Error::Flat { width: plane.width, height: plane.height });
        }
        let parts = Part::ALL.into_iter().filter_map(|part| {
            let place = part.of(plane)?;
            let [plain, turned] = Hashes::of(plane, place);
            Some((part, plain, turned))
        });
        Ok(Self { width: plane.width, height: plane.height, parts: parts.collect() })
    }

    pub(crate) fn from_parts(width: u32, height: u32, parts: Vec<(Part, Hashes, Hashes)>) -> Self {
        Self { width, height, parts }
    }

    /// The hashes of a part and of the part mirrored, where this picture has it.
    pub(crate) fn of_part(&self, part: Part) -> Option<[Hashes; 2]> {
        self.parts.iter().find(|(p, ..)| *p == part).map(|(_, plain, turned)| [*plain, *turned])
    }

    /// Every combination of this page's image with a registered one, in the order of the specification.
    pub fn combinations<'a>(&'a self, registered: &'a Self) -> impl Iterator<Item = Likeness> + 'a {
        let pages = self.parts.iter().filter(|(part, ..)| !part.partners(false).is_empty());
        pages.flat_map(move |(page, hashes, _)| {
            // Each partner plain, then mirrored. The mirrored partners of a side are those of the other side.
            let partners = page.partners(false).iter().zip(page.partners(true));
            partners.flat_map(|(plain, turned)| [(*plain, false), (*turned, true)]).filter_map(
                move |(part, mirrored)| {
                    let (_, plain, turned) = registered.parts.iter().find(|(p, ..)| *p == part)?;
                    let (dct, gradient) = hashes.distances(if mirrored { turned } else { plain });
                    Some(Likeness { page: *page, registered: part, mirrored, dct, gradient })
                },
            )
        })
    }

    /// The nearest combination, where one is close or possible: close ones first, then 2 · dct + gradient.
    pub fn like(&self, registered: &Self) -> Option<Likeness> {
        let near = self.combinations(registered).filter(|l| l.is_close() || l.is_possible());
        near.min_by_key(|l| (!l.is_close(), 2 * l.dct + l.gradient))
    }
}

fn square(plane: &Plane) -> Option<Rectangle> {
    let (shorter, longer) = (plane.width.min(plane.height), plane.width.max(plane.height));
    let side = SIDE * shorter as usize / longer.max(1) as usize;
    if !(32..=242).contains(&side) {
        return None;
    }
    let from = (SIDE - side) / 2;
    let (middle, whole) = ((from, from + side), (0, SIDE));
    Some(if plane.width > plane.height { Rectangle { x: middle, y: whole } } else { Rectangle { x: whole, y: middle } })
}

/// Top, bottom, left, right, once each: as long as a row or column is uniform, and like the first of its side.
fn trimmed(plane: &Plane) -> Rectangle {
    let mut part = Rectangle::WHOLE;
    let row = |y: usize, part: &Rectangle| plane.row(y, part.x.0, part.x.1).to_vec();
    let column = |x: usize, part: &Rectangle| (part.y.0..part.y.1).map(|y| plane.at(x, y)).collect::<Vec<_>>();
    part.y.0 = uniform(|n| row(n, &part));
    part.y.1 = SIDE - uniform(|n| row(SIDE - 1 - n, &part));
    part.x.0 = uniform(|n| column(n, &part));
    part.x.1 = SIDE - uniform(|n| column(SIDE - 1 - n, &part));
    part
}

/// How many lines, from the edge inwards.
fn uniform(line: impl Fn(usize) -> Vec<u16>) -> usize {
    let first = line(0).first().copied().unwrap_or_default();
    let fits = |n: &usize| {
        let values = line(*n);
        let (low, high) = (values.iter().min().copied(), values.iter().max().copied());
        let (low, high) = (low.unwrap_or_default(), high.unwrap_or_default());
        high - low <= UNIFORM && high.abs_diff(first) <= UNIFORM && low.abs_diff(first) <= UNIFORM
    };
    (0..TRIMMED).take_while(fits).count()
}
