//! Which copies of real photographs a folder finds again, and which different ones it takes for copies: the table in
//! docs/near.md. `cargo run --release -p picture --example near_recall`, on Debian's wallpapers.
#![allow(clippy::unwrap_used)]

#[path = "../tests/variants/mod.rs"]
mod variants;

use image::{DynamicImage, GenericImageView, Rgb, RgbImage, imageops::FilterType};
use picture::{Limits, Prints, Sieve, prints};
use variants::{bordered, jpeg, lettered, striped};

/// What a picture looks like afterwards.
type Work = Box<dyn Fn(&DynamicImage) -> Vec<u8>>;
/// What happens to a picture, and its name.
type Change = (String, Work);

fn main() {
    let photographs = variants::wallpapers();
    let looked = |bytes: Vec<u8>| prints(bytes, &Limits::default());
    let registered: Vec<(DynamicImage, Prints)> = photographs
        .into_iter()
        .filter_map(|(name, picture)| match looked(jpeg(&picture, 92)) {
            Ok(prints) => Some((picture, prints)),
            Err(why) => {
                println!("left out: {name}: {why}");
                None
            }
        })
        .collect();
    let column: Vec<u8> = registered.iter().flat_map(|(_, prints)| prints.waves()).collect();
    println!("{} photographs\n\n| copy | close | found | other photographs: close | possible |", registered.len());
    println!("| --- | --- | --- | --- | --- |");
    let mut totals = [0usize; 3];
    for (name, change) in changes() {
        let (mut close, mut found, mut wrong, mut possible) = (0, 0, 0, 0);
        for (own, (picture, _)) in registered.iter().enumerate() {
            let Ok(copy) = looked(change(picture)) else { continue };
            let sieve = Sieve::new(copy);
            for place in sieve.pass(&column) {
                let Some(like) = sieve.like(&registered[place].1) else { continue };
                match (place == own, like.is_close()) {
                    (true, near) => {
                        found += 1;
                        close += usize::from(near);
                    }
                    (false, true) => wrong += 1,
                    (false, false) => possible += 1,
                }
            }
        }
        let share = |n: usize| format!("{:.0} %", 100.0 * n as f64 / registered.len() as f64);
        println!("| {name} | {} | {} | {wrong} | {possible} |", share(close), share(found));
        totals = [totals[0] + registered.len() * (registered.len() - 1), totals[1] + wrong, totals[2] + possible];
    }
    println!("\nfalse: {} close, {} possible of {} pairs", totals[1], totals[2], totals[0]);
}

fn changes() -> Vec<Change> {
    let mut all: Vec<Change> = Vec::new();
    let mut add = |name: String, change: Work| all.push((name, change));
    for quality in [30, 50, 70, 90] {
        add(format!("JPEG again, quality {quality}"), Box::new(move |p| jpeg(p, quality)));
    }
    for percent in [25, 50, 75, 150, 200] {
        let scaled = move |p: &DynamicImage| {
            let side = |n: u32| n * percent / 100;
            jpeg(&p.resize_exact(side(p.width()), side(p.height()), FilterType::CatmullRom), 80)
        };
        add(format!("resized to {percent} %"), Box::new(scaled));
    }
    for per_mille in [20, 50, 100, 200] {
        let by = per_mille / 10;
        add(format!("white border of {by} % at each side"), Box::new(move |p| jpeg(&bordered(p, per_mille), 80)));
    }
    add("black border of 5 % at each side".into(), Box::new(|p| jpeg(&framed(p), 80)));
    add("mirrored".into(), Box::new(|p| jpeg(&p.fliph(), 80)));
    add("mirrored, resized to 50 %, quality 50".into(), Box::new(|p| jpeg(&half(&p.fliph()), 50)));
    add("upside down (not looked for)".into(), Box::new(|p| jpeg(&p.flipv(), 80)));
    for percent in [5, 10, 15, 20] {
        add(format!("cropped by {percent} %, around the middle"), Box::new(move |p| jpeg(&cropped(p, percent, 2), 80)));
        add(
            format!("cropped by {percent} %, at right and bottom"),
            Box::new(move |p| jpeg(&cropped(p, percent, 0), 80)),
        );
    }
    add("strip with text over the lowest 12 %".into(), Box::new(|p| jpeg(&striped(p, 120, true), 80)));
    add("text in slanting rows all over".into(), Box::new(|p| jpeg(&lettered(p), 80)));
    add(
        "cropped by 5 %, bordered, resized to 50 %, quality 50".into(),
        Box::new(|p| jpeg(&half(&bordered(&cropped(p, 5, 2), 50)), 50)),
    );
    all
}

fn half(picture: &DynamicImage) -> DynamicImage {
    picture.resize(picture.width() / 2, picture.height() / 2, FilterType::Triangle)
}

/// Width and height less `percent`; `1/from` of what is cut off lies at left and top.
fn cropped(picture: &DynamicImage, percent: u32, from: u32) -> DynamicImage {
    let (w, h) = picture.dimensions();
    let (x, y) = (w * percent / 100, h * percent / 100);
    let before = |n: u32| n.checked_div(from).unwrap_or_default();
    picture.crop_imm(before(x), before(y), w - x, h - y)
}

fn framed(picture: &DynamicImage) -> DynamicImage {
    let (x, y) = (picture.width() / 20, picture.height() / 20);
    let mut out = RgbImage::from_pixel(picture.width() + 2 * x, picture.height() + 2 * y, Rgb([0; 3]));
    image::imageops::overlay(&mut out, &picture.to_rgb8(), x.into(), y.into());
    out.into()
}
