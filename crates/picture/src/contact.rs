//! A contact sheet: up to a hundred small pictures in a grid, one JPEG, with room under each for its number.
//!
//! The same pictures in the same places give the same bytes. Each sheet carries its own number in a comment, so that no
//! two sheets of one document are the same bytes, and that they can be told apart in it.

use crate::{
    Error, Limits,
    decode::{dimensions, pixels, within},
    format_of, media_type,
    thumbnail::{encode, on_white},
};
use image::{Rgb, RgbImage, imageops};
use std::io::Cursor;

/// Pictures in a row, and rows.
pub const SHEET_COLUMNS: usize = 10;
/// Side of the square that a picture stands in, in pixels.
pub const SHEET_CELL: u32 = 128;
/// Rows of white under it, where its number is printed.
pub const SHEET_STRIP: u32 = 28;

/// Around a picture in its square.
const GAP: u32 = 4;
const HAIR: Rgb<u8> = Rgb([205, 199, 188]);
const QUALITIES: [u8; 4] = [82, 70, 55, 40];
/// The bytes that a sheet is brought under, if lower quality can.
const SHEET_BYTES: usize = 768 << 10;

/// Takes pictures by their places, gives a JPEG.
#[derive(Debug)]
pub struct ContactSheet {
    number: usize,
    canvas: RgbImage,
}

impl ContactSheet {
    /// The n-th sheet (from 1) of a document, with this many places, 1 to 100; every one is empty: a frame.
    pub fn new(number: usize, places: usize) -> Self {
        let places = places.clamp(1, SHEET_COLUMNS * SHEET_COLUMNS);
        let rows = u32::try_from(places.div_ceil(SHEET_COLUMNS)).unwrap_or(1);
        let (width, height) = (SHEET_CELL * SHEET_COLUMNS as u32, rows * (SHEET_CELL + SHEET_STRIP));
        let mut canvas = RgbImage::from_pixel(width, height, Rgb([255; 3]));
        for place in 0..places {
            let (left, top) = corner(place);
            let (near, far) = (GAP, SHEET_CELL - GAP - 1);
            for n in near..=far {
                for (x, y) in [(n, near), (n, far), (near, n), (far, n)] {
                    canvas.put_pixel(left + x, top + y, HAIR);
                }
            }
        }
        Self { number, canvas }
    }

    /// Puts a picture into a place, upright, on white, as large as fits.
    ///
    /// # Errors
    /// Any [`Error`]: the place stays empty.
    pub fn put(&mut self, place: usize, bytes: Vec<u8>, limits: &Limits) -> Result<(), Error> {
        let format = format_of(media_type(bytes.get(..64).unwrap_or(&bytes)))?;
        if bytes.len() as u64 > limits.bytes {
            return Err(Error::Bytes(limits.bytes));
        }
        let (left, top) = corner(place);
        if top + SHEET_CELL > self.canvas.height() {
            return Err(Error::Decoder(format!("place {place} is on no sheet")));
        }
        let work = move |source: &mut _, limits: &Limits| {
            dimensions(source, format, limits)?;
            let (picture, orientation) = pixels(source, format, limits)?;
            let side = SHEET_CELL - 2 * GAP;
            let (w, h) = (picture.width().max(1), picture.height().max(1));
            let longest = w.max(h);
            let fit =
                |n: u32| u32::try_from(u64::from(n) * u64::from(side) / u64::from(longest)).unwrap_or(side).max(1);
            let small = if longest > side { picture.thumbnail_exact(fit(w), fit(h)) } else { picture };
            let mut small = on_white(small);
            small.apply_orientation(orientation);
            Ok(small.into_rgb8())
        };
        let small = within(limits, work, Cursor::new(bytes))?;
        for y in 0..SHEET_CELL {
            for x in 0..SHEET_CELL {
                self.canvas.put_pixel(left + x, top + y, Rgb([255; 3]));
            }
        }
        let middle = |n: u32| i64::from((SHEET_CELL - n.min(SHEET_CELL)) / 2);
        let (x, y) = (i64::from(left) + middle(small.width()), i64::from(top) + middle(small.height()));
        imageops::replace(&mut self.canvas, &small, x, y);
        Ok(())
    }

    /// A baseline JPEG.
    ///
    /// # Errors
    /// [`Error::Decoder`] where it could not be written.
    pub fn finish(self) -> Result<Vec<u8>, Error> {
        let mut jpeg = encode(&self.canvas, &QUALITIES, SHEET_BYTES)?;
        // ITU-T T.81, B.2.4.5: COM, after SOI and the JFIF segment (which has a fixed length without a thumbnail).
        let comment = format!("{COMMENT}{}", self.number);
        let length = u16::try_from(comment.len() + 2).unwrap_or(2);
        let at = if jpeg.get(2..4) == Some(&[0xff, 0xe0]) { 20 } else { 2 };
        let segment: Vec<u8> = [&[0xff, 0xfe], &length.to_be_bytes()[..], comment.as_bytes()].concat();
        jpeg.splice(at..at, segment);
        Ok(jpeg)
    }
}

const COMMENT: &str = "contact sheet ";

/// The number that a sheet's JPEG carries.
pub fn sheet_number(jpeg: &[u8]) -> Option<usize> {
    let at = if jpeg.get(2..4) == Some(&[0xff, 0xe0]) { 20 } else { 2 };
    let segment = jpeg.get(at..)?.strip_prefix(&[0xff, 0xfe])?;
    let length = usize::from(u16::from_be_bytes([*segment.first()?, *segment.get(1)?]));
    std::str::from_utf8(segment.get(2..length)?).ok()?.strip_prefix(COMMENT)?.parse().ok()
}

/// Which of these places show another picture in one sheet than in the other. An empty frame in `page` is no picture:
/// whoever drew it had none.
///
/// # Errors
/// Any [`Error`] of decoding either; [`Error::Decoder`] where they are of two sizes.
pub fn unlike(page: Vec<u8>, again: Vec<u8>, places: &[usize], limits: &Limits) -> Result<Vec<usize>, Error> {
    let read = |jpeg: Vec<u8>| {
        let format = format_of(media_type(jpeg.get(..64).unwrap_or(&jpeg)))?;
        let work = move |source: &mut _, limits: &Limits| {
            dimensions(source, format, limits)?;
            pixels(source, format, limits).map(|(picture, _)| picture.into_rgb8())
        };
        within(limits, work, Cursor::new(jpeg))
    };
    let (page, again) = (read(page)?, read(again)?);
    let whole = places.iter().all(|p| corner(*p).1 + SHEET_CELL <= again.height()) && again.width() == page.width();
    if page.dimensions() != again.dimensions() || !whole || again.width() != SHEET_CELL * SHEET_COLUMNS as u32 {
        return Err(Error::Decoder("contact sheets of two sizes".into()));
    }
    let empty = ContactSheet::new(0, SHEET_COLUMNS).canvas;
    // Mean difference of a channel in one square.
    let apart = |a: &RgbImage, (ax, ay): (u32, u32), b: &RgbImage, (bx, by): (u32, u32)| {
        let mut sum = 0u64;
        for y in 0..SHEET_CELL {
            for x in 0..SHEET_CELL {
                let (p, q) = (a.get_pixel(ax + x, ay + y).0, b.get_pixel(bx + x, by + y).0);
                sum += p.iter().zip(q).map(|(p, q)| u64::from(p.abs_diff(q))).sum::<u64>();
            }
        }
        sum / u64::from(3 * SHEET_CELL * SHEET_CELL)
    };
    let differs = |place: &&usize| {
        let at = corner(**place);
        apart(&page, at, &again, at) > UNLIKE && apart(&page, at, &empty, (0, 0)) > EMPTY
    };
    Ok(places.iter().filter(differs).copied().collect())
}

/// Two JPEGs of one picture differ by less, of two pictures by more, in the mean of a channel.
const UNLIKE: u64 = 8;
/// A frame that went through a JPEG differs from a frame by no more.
const EMPTY: u64 = 3;

fn corner(place: usize) -> (u32, u32) {
    let (row, column) = (place / SHEET_COLUMNS, place % SHEET_COLUMNS);
    (column as u32 * SHEET_CELL, row as u32 * (SHEET_CELL + SHEET_STRIP))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn png(width: u32, height: u32, colour: [u8; 3]) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        RgbImage::from_pixel(width, height, Rgb(colour)).write_to(&mut out, image::ImageFormat::Png).unwrap();
        out.into_inner()
    }

    fn near(a: &Rgb<u8>, b: [u8; 3]) -> bool {
        a.0.iter().zip(b).all(|(a, b)| a.abs_diff(b) < 24)
    }

    #[test]
    fn another_picture_in_a_place_is_seen_and_an_empty_frame_is_none() {
        let sheet = |first: Option<[u8; 3]>, second: [u8; 3]| {
            let mut sheet = ContactSheet::new(1, 12);
            for (place, colour) in [(0, first), (11, Some(second))] {
                colour.into_iter().for_each(|c| sheet.put(place, png(90, 60, c), &Limits::default()).unwrap());
            }
            sheet.finish().unwrap()
        };
        let (red, blue) = ([200, 0, 0], [0, 0, 200]);
        let found = |page: Vec<u8>| unlike(page, sheet(Some(red), blue), &[0, 11], &Limits::default()).unwrap();
        assert!(found(sheet(Some(red), blue)).is_empty() && found(sheet(None, blue)).is_empty());
        assert_eq!(found(sheet(Some(blue), red)), [0, 11]);
        assert_eq!(found(sheet(Some(red), red)), [11]);
        let small = ContactSheet::new(1, 5).finish().unwrap();
        assert!(unlike(small, sheet(None, red), &[0], &Limits::default()).is_err());
    }

    #[test]
    fn pictures_stand_in_their_places_and_the_rest_is_empty() {
        let made = || {
            let mut sheet = ContactSheet::new(3, 12);
            sheet.put(0, png(400, 100, [200, 0, 0]), &Limits::default()).unwrap();
            sheet.put(11, png(20, 40, [0, 0, 200]), &Limits::default()).unwrap();
            assert!(sheet.put(1, b"\xff\xd8\xff nothing".to_vec(), &Limits::default()).is_err());
            assert!(sheet.put(20, png(4, 4, [0; 3]), &Limits::default()).is_err());
            sheet.finish().unwrap()
        };
        let jpeg = made();
        assert_eq!((sheet_number(&jpeg), jpeg.clone()), (Some(3), made()));
        let read = image::load_from_memory(&jpeg).unwrap().into_rgb8();
        assert_eq!(read.dimensions(), (1280, 2 * 156));
        assert!(near(read.get_pixel(64, 64), [200, 0, 0]) && near(read.get_pixel(64, 20), [255; 3]));
        assert!(near(read.get_pixel(128 + 64, 156 + 64), [0, 0, 200]));
        assert!(near(read.get_pixel(128 + 64, 64), [255; 3]));
        assert_ne!(ContactSheet::new(1, 5).finish().unwrap(), ContactSheet::new(2, 5).finish().unwrap());
        assert_eq!(sheet_number(b"\xff\xd8\xff\xfe"), None);
    }
}
