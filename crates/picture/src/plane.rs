//! A picture as 256 × 256 values of brightness, whatever its size: the ground that hashes are made on. Whole numbers
//! only, so that everybody who decodes the same pixels has the same plane (spec/comparison.md).

use crate::{
    Error, Limits,
    decode::{dimensions, ends_like_jpeg, pixels, within},
    format_of, media_type,
};
use image::{DynamicImage, ImageFormat, metadata::Orientation};
use std::io::Cursor;

/// Values a side.
pub(crate) const SIDE: usize = 256;
/// Shortest side of a picture that can be told from others, in pixels.
pub(crate) const SMALLEST: u32 = 32;

/// The plane of an upright picture.
pub(crate) struct Plane {
    /// Pixels of the upright picture.
    pub(crate) width: u32,
    /// Pixels of the upright picture.
    pub(crate) height: u32,
    /// Row by row; 0 to 65,280.
    values: Vec<u16>,
}

impl Plane {
    /// Decodes a picture within limits.
    pub(crate) fn of(bytes: Vec<u8>, limits: &Limits) -> Result<Self, Error> {
        let format = format_of(media_type(bytes.get(..crate::HEAD).unwrap_or(&bytes)))?;
        if bytes.len() as u64 > limits.bytes {
            return Err(Error::Bytes(limits.bytes));
        }
        let work = move |source: &mut _, limits: &Limits| {
            let (width, height) = dimensions(source, format, limits)?;
            if width < SMALLEST || height < SMALLEST {
                return Err(Error::Small { width, height });
            }
            if format == ImageFormat::Jpeg {
                ends_like_jpeg(source)?;
            }
            let (picture, orientation) = pixels(source, format, limits)?;
            Ok(Self::new(&picture).upright(orientation))
        };
        within(limits, work, Cursor::new(bytes))
    }

    pub(crate) fn new(picture: &DynamicImage) -> Self {
        let (width, height) = (picture.width(), picture.height());
        let values = match picture {
            DynamicImage::ImageLuma8(p) => shrunk(width, height, p.as_raw(), |[y]: [u8; 1]| brightness([y; 3])),
            DynamicImage::ImageLumaA8(p) => {
                shrunk(width, height, p.as_raw(), |[y, a]: [u8; 2]| brightness([y; 3].map(|c| on_white(c, a))))
            }
            DynamicImage::ImageRgb8(p) => shrunk(width, height, p.as_raw(), brightness),
            DynamicImage::ImageRgba8(p) => shrunk(width, height, p.as_raw(), transparent),
            other => shrunk(width, height, other.to_rgba8().as_raw(), transparent),
        };
        Self { width, height, values }
    }

    /// Column `x` of row `y`.
    pub(crate) fn at(&self, x: usize, y: usize) -> u16 {
        self.values.get(y * SIDE + x).copied().unwrap_or_default()
    }

    /// Columns `from..to` of row `y`.
    pub(crate) fn row(&self, y: usize, from: usize, to: usize) -> &[u16] {
        self.values.get(y * SIDE + from..y * SIDE + to).unwrap_or_default()
    }

    /// Turned as the camera said. A mean does not depend on the order of its pixels, so this is the same as turning
    /// the picture first.
    pub(crate) fn upright(self, orientation: Orientation) -> Self {
        use Orientation as O;
        const LAST: usize = SIDE - 1;
        let from = |x: usize, y: usize| match orientation {
            O::NoTransforms => (x, y),
            O::FlipHorizontal => (LAST - x, y),
            O::FlipVertical => (x, LAST - y),
            O::Rotate180 => (LAST - x, LAST - y),
            O::Rotate90 => (y, LAST - x),
            O::Rotate270 => (LAST - y, x),
            O::Rotate90FlipH => (y, x),
            O::Rotate270FlipH => (LAST - y, LAST - x),
        };
        let turned = matches!(orientation, O::Rotate90 | O::Rotate270 | O::Rotate90FlipH | O::Rotate270FlipH);
        let places = (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (x, y)));
        let values = places.map(|(x, y)| from(x, y)).map(|(x, y)| self.at(x, y)).collect();
        let (width, height) = if turned { (self.height, self.width) } else { (self.width, self.height) };
        Self { width, height, values }
    }
}

fn brightness([r, g, b]: [u8; 3]) -> u16 {
    77 * u16::from(r) + 150 * u16::from(g) + 29 * u16::from(b)
}

fn on_white(c: u8, a: u8) -> u8 {
    let mixed = (u32::from(c) * u32::from(a) + 255 * (255 - u32::from(a)) + 127) / 255;
    u8::try_from(mixed).unwrap_or(255)
}

fn transparent([r, g, b, a]: [u8; 4]) -> u16 {
    brightness([r, g, b].map(|c| on_white(c, a)))
}

/// The plane of pixels that lie row by row, `N` bytes each.
fn shrunk<const N: usize>(width: u32, height: u32, raw: &[u8], value: impl Fn([u8; N]) -> u16) -> Vec<u16> {
    let (width, height) = (width as usize, height as usize);
    let (pixels, _) = raw.as_chunks::<N>();
    let mut line = vec![0u16; width];
    means(width, height, SIDE, |y, sums| {
        for (to, from) in line.iter_mut().zip(pixels.get(y * width..(y + 1) * width).unwrap_or_default()) {
            *to = value(*from);
        }
        across(line.iter().copied(), width, sums);
    })
}

/// Means over an `n` × `n` grid laid over `width` × `height` values, rounded down: what lies in two cells counts in
/// each by its share. `row` adds its values to the columns' sums, as [`across`] does.
pub(crate) fn means(width: usize, height: usize, n: usize, mut row: impl FnMut(usize, &mut [u64])) -> Vec<u16> {
    let mut sums = vec![0u64; n * n];
    let mut columns = vec![0u64; n];
    let (mut at, mut cell) = (0, 0);
    for y in 0..height {
        columns.fill(0);
        row(y, &mut columns);
        // Row y covers n units, a cell `height` of them.
        let end = at + n;
        while at < end {
            let edge = (cell + 1) * height;
            let share = (end.min(edge) - at) as u64;
            let row = sums.get_mut(cell * n..(cell + 1) * n).unwrap_or_default();
            row.iter_mut().zip(&columns).for_each(|(to, from)| *to += from * share);
            at += share as usize;
            cell += usize::from(at == edge);
        }
    }
    let area = (width * height).max(1) as u64;
    sums.into_iter().map(|sum| u16::try_from(sum / area).unwrap_or(u16::MAX)).collect()
}

/// Adds one row of `width` values to the sums of its columns.
pub(crate) fn across(line: impl Iterator<Item = u16>, width: usize, sums: &mut [u64]) {
    let n = sums.len();
    let (mut at, mut cell, mut edge) = (0, 0, width);
    for value in line {
        let end = at + n;
        while at < end {
            let share = end.min(edge) - at;
            if let Some(sum) = sums.get_mut(cell) {
                *sum += u64::from(value) * share as u64;
            }
            at += share;
            if at == edge {
                cell += 1;
                edge += width;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use image::{Rgb, RgbImage};
    use proptest::prelude::*;

    fn noise(width: u32, height: u32, seed: u32) -> DynamicImage {
        let value = |x: u32, y: u32, n: u32| (x * 7 + y * 13 + seed * 31 + n * (x ^ y)) as u8;
        DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, |x, y| {
            Rgb([value(x, y, 1), value(x, y, 2), value(x, y, 3)])
        }))
    }

    /// By the definition: every pixel's share of every cell.
    fn slowly(picture: &DynamicImage) -> Vec<u16> {
        let (w, h) = (picture.width() as u64, picture.height() as u64);
        let rgb = picture.to_rgb8();
        let share = |p: u64, cell: u64, side: u64| {
            let (from, to) = ((p * 256).max(cell * side), ((p + 1) * 256).min((cell + 1) * side));
            to.saturating_sub(from)
        };
        let mut out = Vec::new();
        for j in 0..256 {
            for i in 0..256 {
                let mut sum = 0;
                for y in 0..h {
                    for x in 0..w {
                        let value = brightness(rgb.get_pixel(x as u32, y as u32).0);
                        sum += u64::from(value) * share(x, i, w) * share(y, j, h);
                    }
                }
                out.push((sum / (w * h)) as u16);
            }
        }
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(6))]
        #[test]
        fn the_plane_is_the_mean_by_definition(width in 1u32..40, height in 1u32..40, seed in 0u32..99) {
            let picture = noise(width, height, seed);
            prop_assert_eq!(Plane::new(&picture).values, slowly(&picture));
        }

        #[test]
        fn turning_the_plane_is_turning_the_picture(width in 1u32..300, height in 1u32..300, exif in 1u8..9) {
            let orientation = Orientation::from_exif(exif).unwrap();
            let picture = noise(width, height, 5);
            let turned = Plane::new(&picture).upright(orientation);
            let mut upright = picture;
            upright.apply_orientation(orientation);
            let plane = Plane::new(&upright);
            prop_assert_eq!((turned.width, turned.height), (plane.width, plane.height));
            prop_assert!(turned.values == plane.values);
        }
    }

    #[test]
    fn transparency_is_white_and_depths_agree() {
        let clear = DynamicImage::ImageRgba8(image::RgbaImage::new(40, 40));
        assert!(Plane::new(&clear).values.iter().all(|v| *v == 65_280));
        let picture = noise(77, 50, 1);
        let rgba = DynamicImage::ImageRgba8(picture.to_rgba8());
        let deep = DynamicImage::ImageRgb16(picture.to_rgb16());
        let plane = Plane::new(&picture).values;
        assert!(plane == Plane::new(&rgba).values && plane == Plane::new(&deep).values);
        let grey = picture.to_luma8();
        let colours = DynamicImage::ImageRgb8(DynamicImage::ImageLuma8(grey.clone()).to_rgb8());
        assert!(Plane::new(&DynamicImage::ImageLuma8(grey)).values == Plane::new(&colours).values);
    }
}
