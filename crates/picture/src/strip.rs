//! A tall picture that comes in tiles, top to bottom, becomes parts as high as a page, JPEG each.
//!
//! Rules:
//! - Tiles lie side on side: all of one width. What is kept is one part's rows, whatever the picture's height.
//! - A part ends at a row of one colour where there is one near its end, so that no line of text is cut through.
//! - Past [`Bounds`] nothing more is drawn; the height is still counted, so that what is left out can be said.

use crate::{
    Depth, Error, Limits,
    decode::{decode, dimensions, pixels, within},
    format_of, media_type,
};
use image::{RgbImage, imageops};
use std::io::Cursor;

/// Tried in turn until a part is small enough; the last stands in any case.
const QUALITIES: [u8; 4] = [82, 70, 55, 40];
/// The bytes that one part is brought under, if lower quality can.
const PART_BYTES: usize = 1 << 20;

/// How much is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Height of a part in rows, given the width; at least 1.
    pub rows: fn(u32) -> u32,
    /// Wider parts are made this wide.
    pub width: u32,
    /// Most parts.
    pub parts: usize,
    /// Most bytes of all parts: reached by the last one, not passed by another.
    pub bytes: usize,
}

/// Some rows of the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// First row.
    pub from: u32,
    /// Row after the last one.
    pub to: u32,
    /// A baseline JPEG of them.
    pub jpeg: Vec<u8>,
}

/// A picture in parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strip {
    /// In pixels.
    pub width: u32,
    /// Of all of it, drawn or not.
    pub height: u32,
    /// From the top, without a gap.
    pub parts: Vec<Slice>,
}

/// Takes tiles, gives parts.
#[derive(Debug)]
pub struct Cutter {
    bounds: Bounds,
    strip: Strip,
    /// RGB rows that are not yet in a part.
    rows: Vec<u8>,
    bytes: usize,
    full: bool,
}

impl Cutter {
    /// Nothing yet.
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, strip: Strip::default(), rows: Vec::new(), bytes: 0, full: false }
    }

    /// The next tile down: PNG, JPEG or another format that is decoded. Transparency is dropped.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::Decoder`] also for a tile of another width, or a picture of more than 2³¹ rows.
    pub fn push(&mut self, bytes: Vec<u8>, limits: &Limits) -> Result<(), Error> {
        let kind = media_type(bytes.get(..crate::HEAD).unwrap_or(&bytes));
        let format = format_of(kind)?;
        let (width, height, tile) = if self.full {
            let (width, height) = decode(Cursor::new(bytes), kind, Depth::Header, limits)?;
            (width, height, None)
        } else {
            let work = move |source: &mut _, limits: &Limits| {
                dimensions(source, format, limits)?;
                pixels(source, format, limits).map(|(picture, _)| picture.into_rgb8())
            };
            let tile = within(limits, work, Cursor::new(bytes))?;
            (tile.width(), tile.height(), Some(tile))
        };
        if self.strip.width == 0 {
            self.strip.width = width;
        }
        let total = self.strip.height.checked_add(height).filter(|total| *total < 1 << 31);
        let (Some(total), true) = (total, self.strip.width == width) else {
            let found = format!("a tile of {width} × {height} under {} × {}", self.strip.width, self.strip.height);
            return Err(Error::Decoder(found));
        };
        self.strip.height = total;
        if let Some(tile) = tile {
            self.rows.extend_from_slice(tile.as_raw());
            let most = (self.bounds.rows)(width).max(1);
            while !self.full && self.waiting() >= most {
                let rows = self.calm(most);
                self.part(rows)?;
            }
        }
        Ok(())
    }

    /// What came, in parts.
    ///
    /// # Errors
    /// [`Error::Decoder`] where the last part could not be written.
    pub fn finish(mut self) -> Result<Strip, Error> {
        let rows = self.waiting();
        if rows > 0 && !self.full {
            self.part(rows)?;
        }
        Ok(self.strip)
    }

    fn stride(&self) -> usize {
        self.strip.width as usize * 3
    }

    fn waiting(&self) -> u32 {
        u32::try_from(self.rows.len() / self.stride().max(1)).unwrap_or(u32::MAX)
    }

    /// The most rows up to `most` of which the last one is of one colour; `most` where none of the last tenth is.
    fn calm(&self, most: u32) -> u32 {
        let stride = self.stride();
        let even = |row: u32| {
            let from = row as usize * stride;
            let row = self.rows.get(from..from + stride).unwrap_or_default();
            row.chunks_exact(3).all(|p| Some(p) == row.get(..3))
        };
        (most - most / 10..most).rev().find(|row| even(*row)).map_or(most, |row| row + 1)
    }

    fn part(&mut self, rows: u32) -> Result<(), Error> {
        let length = rows as usize * self.stride();
        let rest = self.rows.split_off(length.min(self.rows.len()));
        let raw = std::mem::replace(&mut self.rows, rest);
        let width = self.strip.width;
        let unsound = || Error::Decoder("a part's rows are not whole".into());
        let mut picture = RgbImage::from_raw(width, rows, raw).ok_or_else(unsound)?;
        if width > self.bounds.width {
            let height = u64::from(rows) * u64::from(self.bounds.width) / u64::from(width);
            let height = u32::try_from(height).unwrap_or(rows).max(1);
            picture = imageops::resize(&picture, self.bounds.width, height, imageops::FilterType::Triangle);
        }
        let jpeg = crate::thumbnail::encode(&picture, &QUALITIES, PART_BYTES)?;
        let from = self.strip.parts.last().map_or(0, |p| p.to);
        self.bytes += jpeg.len();
        self.strip.parts.push(Slice { from, to: from + rows, jpeg });
        self.full = self.strip.parts.len() >= self.bounds.parts || self.bytes >= self.bounds.bytes;
        if self.full {
            self.rows = Vec::new();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const BOUNDS: Bounds = Bounds { rows: |width| width * 3 / 2, width: 200, parts: 4, bytes: 1 << 20 };

    /// Noise but for rows 90 to 95, which are white.
    fn tile(width: u32, height: u32) -> Vec<u8> {
        let picture = RgbImage::from_fn(width, height, |x, y| match y {
            90..=95 => image::Rgb([255; 3]),
            _ => image::Rgb([(x * 7 + y * 13) as u8, (x * y) as u8, x as u8]),
        });
        let mut out = Cursor::new(Vec::new());
        picture.write_to(&mut out, image::ImageFormat::Png).unwrap();
        out.into_inner()
    }

    fn cut(width: u32, heights: &[u32]) -> Result<Strip, Error> {
        let mut cutter = Cutter::new(BOUNDS);
        for height in heights {
            cutter.push(tile(width, *height), &Limits::default())?;
        }
        cutter.finish()
    }

    #[test]
    fn parts_lie_without_a_gap_and_end_at_calm_rows() {
        let strip = cut(64, &[100, 30, 20]).unwrap();
        assert_eq!((strip.width, strip.height), (64, 150));
        let ends: Vec<_> = strip.parts.iter().map(|p| (p.from, p.to)).collect();
        assert_eq!(ends, [(0, 96), (96, 150)]);
        assert!(strip.parts.iter().all(|p| p.jpeg.starts_with(&[0xff, 0xd8, 0xff])));
        assert_eq!(strip, cut(64, &[100, 30, 20]).unwrap(), "the same tiles, the same parts");
    }

    #[test]
    fn past_the_bounds_rows_are_counted_and_not_drawn() {
        let strip = cut(20, &[300, 300, 7]).unwrap();
        assert_eq!(strip.height, 607);
        assert_eq!((strip.parts.len(), strip.parts.last().unwrap().to), (4, 120));
    }

    #[test]
    fn wide_pictures_are_made_narrower_and_other_widths_refused() {
        let wide = cut(400, &[50]).unwrap();
        let size = decode(Cursor::new(wide.parts[0].jpeg.clone()), "image/jpeg", Depth::Whole, &Limits::default());
        assert_eq!(size, Ok((200, 25)));
        let mut cutter = Cutter::new(BOUNDS);
        cutter.push(tile(30, 10), &Limits::default()).unwrap();
        assert!(cutter.push(tile(31, 10), &Limits::default()).is_err());
        assert!(cutter.push(b"GIF89a, or not".to_vec(), &Limits::default()).is_err());
        assert_eq!(Cutter::new(BOUNDS).finish(), Ok(Strip::default()));
    }
}
