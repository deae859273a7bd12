//! A shop to measure with: COUNT pictures of about BYTES each, cut from the given photographs and encoded anew, no two
//! alike: `shop OUT COUNT BYTES PHOTOGRAPHS…`. Called by scripts/bench.sh.
#![allow(clippy::unwrap_used)]

use image::{DynamicImage, codecs::jpeg::JpegEncoder};
use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (out, count, bytes) = (PathBuf::from(&args[0]), args[1].parse().unwrap(), args[2].parse().unwrap());
    fs::create_dir_all(&out).unwrap();
    let photographs: Vec<DynamicImage> = args[3..].iter().map(|path| image::open(path).unwrap()).collect();
    let tuned: Vec<(f64, u8)> = photographs.iter().map(|photograph| tune(photograph, bytes)).collect();
    let (next, threads) = (AtomicUsize::new(0), std::thread::available_parallelism().unwrap().get());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= count {
                        return;
                    }
                    let k = n % photographs.len();
                    let (scale, quality) = tuned[k];
                    let picture = encoded(&photographs[k], n / photographs.len(), scale, quality);
                    fs::write(out.join(format!("{n:05}.jpg")), picture).unwrap();
                }
            });
        }
    });
}

/// Scale and quality at which a cut has about so many bytes.
fn tune(photograph: &DynamicImage, bytes: usize) -> (f64, u8) {
    let mut best = (1.0, 92);
    for quality in [92, 96, 99] {
        let size = encoded(photograph, 0, 1.0, quality).len();
        // Bytes go with the area.
        best = ((bytes as f64 / size as f64).sqrt(), quality);
        if size >= bytes {
            break;
        }
    }
    (best.0.clamp(0.25, 4.0), best.1)
}

/// The `n`th cut: a border of up to a tenth is missing on each side, another one each time.
fn encoded(photograph: &DynamicImage, n: usize, scale: f64, quality: u8) -> Vec<u8> {
    let (width, height) = (photograph.width(), photograph.height());
    let border = |side: u32, n: usize| (side / 10) * (n % 61) as u32 / 60;
    let (x, y) = (border(width, n), border(height, n / 61));
    let cut = photograph.crop_imm(x, y, width - width / 10 - x, height - height / 10 - y);
    let to = |side: u32| ((f64::from(side) * scale) as u32).max(16);
    let cut = cut.resize_exact(to(cut.width()), to(cut.height()), image::imageops::FilterType::Triangle).to_rgb8();
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, quality).encode_image(&cut).unwrap();
    jpeg
}
