//! Parts cut from the full screenshot: the very pixels, across its tiles.

use std::io::Cursor;

use image::{ImageFormat, ImageReader, Limits, RgbaImage};

use crate::layout::Rect;

/// Around what is cut, pixels.
const MARGIN: i64 = 8;
/// A larger part is not cut.
const SIDE: i64 = 4096;

/// Tiles from top to bottom, each decoded once.
pub(crate) struct Tiles {
    /// Where each begins, and its file.
    files: Vec<(i64, std::path::PathBuf)>,
    decoded: Option<(usize, RgbaImage)>,
}

impl Tiles {
    pub(crate) fn new(files: Vec<(i64, std::path::PathBuf)>) -> Self {
        Self { files, decoded: None }
    }

    /// The part and a margin as PNG; `None` where it is not on the screenshot.
    pub(crate) fn cut(&mut self, area: Rect) -> Option<Vec<u8>> {
        let (left, top) = ((area[0] - MARGIN).max(0), (area[1] - MARGIN).max(0));
        let (right, bottom) = (area[0] + area[2] + MARGIN, area[1] + area[3] + MARGIN);
        if area[2] > SIDE || area[3] > SIDE {
            return None;
        }
        let mut out: Option<RgbaImage> = None;
        for n in 0..self.files.len() {
            let from = self.files[n].0;
            if from >= bottom || self.files.get(n + 1).is_some_and(|next| next.0 <= top) {
                continue;
            }
            let tile = self.decode(n)?;
            let width = i64::from(tile.width()).min(right) - left;
            let last = from + i64::from(tile.height());
            if width <= 0 || last <= top {
                continue;
            }
            let canvas = out.get_or_insert_with(|| RgbaImage::new(width as u32, (bottom - top) as u32));
            let (y0, y1) = (top.max(from), bottom.min(last));
            let part = image::imageops::crop_imm(tile, left as u32, (y0 - from) as u32, width as u32, (y1 - y0) as u32);
            image::imageops::replace(canvas, &part.to_image(), 0, y0 - top);
            // The page's end.
            if n + 1 == self.files.len() && y1 < bottom {
                let whole = image::imageops::crop_imm(canvas, 0, 0, width as u32, (y1 - top) as u32).to_image();
                out = Some(whole);
            }
        }
        let mut png = Cursor::new(Vec::new());
        out?.write_to(&mut png, ImageFormat::Png).ok()?;
        Some(png.into_inner())
    }

    fn decode(&mut self, n: usize) -> Option<&RgbaImage> {
        if self.decoded.as_ref().is_none_or(|(which, _)| *which != n) {
            let bytes = std::fs::read(&self.files[n].1).ok()?;
            let mut reader = ImageReader::with_format(Cursor::new(bytes), ImageFormat::Png);
            let mut limits = Limits::default();
            limits.max_alloc = Some(256 << 20);
            reader.limits(limits);
            self.decoded = Some((n, reader.decode().ok()?.into_rgba8()));
        }
        self.decoded.as_ref().map(|(_, tile)| tile)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_very_pixels_are_cut_across_tiles_and_at_the_edges() {
        let folder = tempfile::tempdir().unwrap();
        let pixel = |x: u32, y: u32| image::Rgba([x as u8, y as u8, (x ^ y) as u8, 255]);
        let mut files = Vec::new();
        for (n, height) in [100, 100, 50].into_iter().enumerate() {
            let path = folder.path().join(n.to_string());
            let tile = RgbaImage::from_fn(120, height, |x, y| pixel(x, y + 100 * n as u32));
            tile.save_with_format(&path, ImageFormat::Png).unwrap();
            files.push((100 * n as i64, path));
        }
        let mut tiles = Tiles::new(files);
        for (area, left, top, width, height) in [
            ([20, 30, 10, 10], 12, 22, 26, 26),
            ([0, 0, 5, 5], 0, 0, 13, 13),
            ([60, 90, 40, 120], 52, 82, 56, 136),
            ([100, 230, 90, 90], 92, 222, 28, 28),
        ] {
            let png = tiles.cut(area).unwrap();
            let part = image::load_from_memory(&png).unwrap().into_rgba8();
            assert_eq!(part.dimensions(), (width, height), "{area:?}");
            assert!(part.enumerate_pixels().all(|(x, y, p)| *p == pixel(x + left, y + top)), "{area:?}");
        }
        assert!(tiles.cut([500, 0, 10, 10]).is_none() && tiles.cut([0, 900, 10, 10]).is_none());
    }
}
