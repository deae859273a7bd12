//! What happens to a picture on its way into another's shop, and pictures to try it on.
#![allow(clippy::unwrap_used, unreachable_pub, dead_code, missing_docs)]

use image::{DynamicImage, GenericImage, ImageFormat, Rgb, RgbImage, codecs::jpeg::JpegEncoder, imageops::FilterType};
use std::{io::Cursor, path::PathBuf, process::Command};

/// Longest side of the pictures that are tried: decoding is not what is measured.
const SIDE: u32 = 1_200;

pub fn jpeg(picture: &DynamicImage, quality: u8) -> Vec<u8> {
    let mut out = Vec::new();
    JpegEncoder::new_with_quality(&mut out, quality).encode_image(&picture.to_rgb8()).unwrap();
    out
}

pub fn png(picture: &DynamicImage) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    picture.write_to(&mut out, ImageFormat::Png).unwrap();
    out.into_inner()
}

/// Name, and the bytes of the copy.
pub fn copies(original: &DynamicImage) -> Vec<(&'static str, Vec<u8>)> {
    let (w, h) = (original.width(), original.height());
    let scaled = |to: u32| original.resize(to, to, FilterType::Lanczos3);
    // Cut off in per mille: left, top, right, bottom.
    let cut = |l: u32, t: u32, r: u32, b: u32| {
        let part = |n: u32, side: u32| side * n / 1000;
        let (x, y) = (part(l, w), part(t, h));
        original.crop_imm(x, y, w - x - part(r, w), h - y - part(b, h))
    };
    let square = w.min(h);
    vec![
        ("recompressed, quality 60", jpeg(original, 60)),
        ("recompressed, quality 25", jpeg(original, 25)),
        ("as PNG", png(original)),
        ("resized to 640", jpeg(&scaled(640), 75)),
        ("resized to 200", jpeg(&scaled(200), 75)),
        ("stretched by 1.3", jpeg(&original.resize_exact(w * 13 / 10, h, FilterType::Triangle), 75)),
        ("blurred", jpeg(&original.blur(2.5), 75)),
        ("brighter by 25", jpeg(&original.brighten(25), 75)),
        ("darker by 25", jpeg(&original.brighten(-25), 75)),
        ("more contrast", jpeg(&original.adjust_contrast(20.0), 75)),
        ("grey", jpeg(&DynamicImage::ImageRgb8(original.grayscale().to_rgb8()), 75)),
        ("hue turned by 15°", jpeg(&original.huerotate(15), 75)),
        ("mirrored", jpeg(&original.fliph(), 75)),
        ("cut 2 % at each side", jpeg(&cut(20, 20, 20, 20), 75)),
        ("cut 3.5 % at each side", jpeg(&cut(35, 35, 35, 35), 75)),
        ("cut 5 % at each side", jpeg(&cut(50, 50, 50, 50), 75)),
        ("cut 8 % at each side", jpeg(&cut(80, 80, 80, 80), 75)),
        ("cut 10 % at each side", jpeg(&cut(100, 100, 100, 100), 75)),
        ("cut 15 % at each side", jpeg(&cut(150, 150, 150, 150), 75)),
        ("cut 5 % at left and top", jpeg(&cut(50, 50, 0, 0), 75)),
        ("cut 5 % at the bottom", jpeg(&cut(0, 0, 0, 50), 75)),
        ("cut 10 % at the bottom", jpeg(&cut(0, 0, 0, 100), 75)),
        ("cut 15 % at the bottom", jpeg(&cut(0, 0, 0, 150), 75)),
        ("cut 12 % at the right", jpeg(&cut(0, 0, 120, 0), 75)),
        ("middle square", jpeg(&original.crop_imm((w - square) / 2, (h - square) / 2, square, square), 75)),
        (
            "mirrored, cut 5 % at each side, 640",
            jpeg(&cut(50, 50, 50, 50).fliph().resize(640, 640, FilterType::Triangle), 60),
        ),
        ("white border of 8 %", jpeg(&bordered(original, 80), 75)),
        ("white border of 20 %", jpeg(&bordered(original, 200), 75)),
        ("square on white", jpeg(&on_square(original), 75)),
        ("strip of 6 % over the bottom", jpeg(&striped(original, 60, true), 75)),
        ("strip of 12 % over the bottom", jpeg(&striped(original, 120, true), 75)),
        ("strip of 12 % over the top", jpeg(&striped(original, 120, false), 75)),
        ("strip of 20 % over the bottom", jpeg(&striped(original, 200, true), 75)),
        ("badge of 3 % in a corner", jpeg(&badged(original, 30), 75)),
        ("badge of 10 % in a corner", jpeg(&badged(original, 100), 75)),
        ("lettered all over", jpeg(&lettered(original), 75)),
    ]
}

pub fn bordered(picture: &DynamicImage, per_mille: u32) -> DynamicImage {
    let (w, h) = (picture.width(), picture.height());
    let (x, y) = (w * per_mille / 1000, h * per_mille / 1000);
    let mut out = RgbImage::from_pixel(w + 2 * x, h + 2 * y, Rgb([255; 3]));
    out.copy_from(&picture.to_rgb8(), x, y).unwrap();
    out.into()
}

fn on_square(picture: &DynamicImage) -> DynamicImage {
    let side = picture.width().max(picture.height());
    let mut out = RgbImage::from_pixel(side, side, Rgb([255; 3]));
    out.copy_from(&picture.to_rgb8(), (side - picture.width()) / 2, (side - picture.height()) / 2).unwrap();
    out.into()
}

/// A strip of one colour with writing on it, as shops put over pictures.
pub fn striped(picture: &DynamicImage, per_mille: u32, bottom: bool) -> DynamicImage {
    let mut out = picture.to_rgb8();
    let (w, h) = out.dimensions();
    let thick = h * per_mille / 1000;
    let from = if bottom { h - thick } else { 0 };
    for y in from..from + thick {
        for x in 0..w {
            let letter = (x / 14) % 3 != 0 && (y - from) > thick / 4 && (y - from) < thick * 3 / 4;
            out.put_pixel(x, y, if letter { Rgb([250, 240, 220]) } else { Rgb([190, 30, 40]) });
        }
    }
    out.into()
}

/// A round badge at the upper left, of so many per mille of the area.
fn badged(picture: &DynamicImage, per_mille: u32) -> DynamicImage {
    let mut out = picture.to_rgb8();
    let (w, h) = out.dimensions();
    let radius = (f64::from(w) * f64::from(h) * f64::from(per_mille) / 1000.0 / std::f64::consts::PI).sqrt() as u32;
    for y in 0..(2 * radius).min(h) {
        for x in 0..(2 * radius).min(w) {
            if x.abs_diff(radius).pow(2) + y.abs_diff(radius).pow(2) < radius * radius {
                out.put_pixel(x, y, Rgb([230, 60, 20]));
            }
        }
    }
    out.into()
}

/// Half-clear letters in slanting rows.
pub fn lettered(picture: &DynamicImage) -> DynamicImage {
    let mut out = picture.to_rgb8();
    for (x, y, pixel) in out.enumerate_pixels_mut() {
        if ((x + 2 * y) / 24).is_multiple_of(8) && (x / 10) % 4 != 0 {
            pixel.0 = pixel.0.map(|c| (u16::from(c) / 2 + 110) as u8);
        }
    }
    out.into()
}

/// Debian's wallpapers, where they are installed: name and path, one of each.
pub fn photographs() -> Vec<(String, String)> {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scripts/photographs.sh");
    let Ok(listed) = Command::new("bash").arg(script).arg("60").output() else { return Vec::new() };
    let listed = String::from_utf8(listed.stdout).unwrap();
    listed.lines().filter_map(|line| line.split_once('\t')).map(|(n, path)| (n.to_owned(), path.to_owned())).collect()
}

/// The same as pictures, made small.
pub fn wallpapers() -> Vec<(String, DynamicImage)> {
    photographs().into_iter().map(|(name, path)| (name, small(path))).collect()
}

pub fn small(path: impl AsRef<std::path::Path>) -> DynamicImage {
    image::ImageReader::open(path).unwrap().with_guessed_format().unwrap().decode().unwrap().thumbnail(SIDE, SIDE)
}

/// A thing on white, as shops show their goods: nobody's, and no two alike.
pub fn product(seed: u32) -> DynamicImage {
    let mut state = u64::from(seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut random = move |below: u32| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as u32 % below
    };
    let mut out = RgbImage::from_pixel(800, 800, Rgb([255; 3]));
    for _ in 0..4 + random(6) {
        let (cx, cy) = (200 + random(400), 200 + random(400));
        let (rx, ry) = (30 + random(170), 30 + random(170));
        let colour = [random(230) as u8, random(230) as u8, random(230) as u8];
        let (round, shade) = (random(2) == 0, random(3));
        for y in cy.saturating_sub(ry)..(cy + ry).min(800) {
            for x in cx.saturating_sub(rx)..(cx + rx).min(800) {
                let far = (x.abs_diff(cx) * 1000 / rx).pow(2) + (y.abs_diff(cy) * 1000 / ry).pow(2);
                if !round || far < 1_000_000 {
                    let darker = ((x + y) * shade / 24) as u8 % 60;
                    out.put_pixel(x, y, Rgb(colour.map(|c| c.saturating_sub(darker))));
                }
            }
        }
    }
    out.into()
}
