//! Distances of copies and of different pictures, for the thresholds in spec/comparison.md:
//! `cargo run -p picture --example distances`, on Debian's wallpapers and drawn products.
#![allow(clippy::unwrap_used)]

#[path = "../tests/variants/mod.rs"]
mod variants;

use image::DynamicImage;
use picture::{Error, Limits, Prints, prints};

/// Both distances in every combination of two pictures.
type Distances = Vec<(u32, u32)>;

fn main() {
    let mut pictures = variants::wallpapers();
    let photographs = pictures.len();
    pictures.extend((0..30).map(|n| (format!("product {n}"), variants::product(n))));
    let registered: Vec<(String, DynamicImage, Prints)> = pictures
        .into_iter()
        .filter_map(|(name, picture)| match looked(&variants::png(&picture)) {
            Ok(prints) => Some((name, picture, prints)),
            Err(why) => {
                println!("left out: {name}: {why}");
                None
            }
        })
        .collect();
    println!("{} pictures, {photographs} of them wallpapers\n", registered.len());

    let mut rows: Vec<(&str, Vec<Distances>)> = Vec::new();
    for (_, picture, prints) in &registered {
        for (n, (name, bytes)) in variants::copies(picture).into_iter().enumerate() {
            if rows.len() <= n {
                rows.push((name, Vec::new()));
            }
            rows[n].1.push(looked(&bytes).map(|copy| distances(&copy, prints)).unwrap_or_default());
        }
    }
    let limits = [(40, 80), (50, 100), (60, 120), (70, 120), (70, 140), (80, 140)];
    println!("copies: median and 90th percentile of the nearest combination; both | either within (dct, gradient)");
    for (name, found) in &rows {
        let sorted = |f: fn(&(u32, u32)) -> u32| {
            let mut all: Vec<u32> =
                found.iter().map(|d| d.iter().min_by_key(|d| 2 * d.0 + d.1).map_or(999, f)).collect();
            all.sort_unstable();
            (all[all.len() / 2], all[all.len() * 9 / 10])
        };
        print!("{name:<38} dct {:?} gradient {:?}", sorted(|d| d.0), sorted(|d| d.1));
        for limit in limits {
            print!("  {limit:?} {}", shares(found, limit));
        }
        println!();
    }

    // Quarters of one picture are different pictures that look alike.
    let mut others: Vec<(usize, Prints)> = Vec::new();
    for (n, (_, picture, prints)) in registered.iter().enumerate() {
        others.push((n, prints.clone()));
        let (w, h) = (picture.width() / 2, picture.height() / 2);
        for (x, y) in [(0, 0), (w, 0), (0, h), (w, h)] {
            others.extend(looked(&variants::png(&picture.crop_imm(x, y, w, h))).ok().map(|p| (n, p)));
        }
    }
    let mut found = Vec::new();
    for (a, (family, one)) in others.iter().enumerate() {
        for (relative, other) in others.iter().skip(a + 1) {
            found.push((family == relative, distances(one, other)));
        }
    }
    for (title, kin) in [("different pictures", false), ("quarters of one picture", true)] {
        let these: Vec<&Distances> = found.iter().filter(|f| f.0 == kin).map(|f| &f.1).collect();
        println!("\n{title}: {} pairs", these.len());
        for limit in limits {
            println!("  {limit:?}: {} both | either", counted(&these, limit));
        }
        let least = |f: fn(&(u32, u32)) -> u32| {
            let mut all: Vec<u32> = these.iter().filter_map(|d| d.iter().map(f).min()).collect();
            all.sort_unstable();
            all.into_iter().take(12).collect::<Vec<_>>()
        };
        println!("  least dct {:?}, least gradient {:?}", least(|d| d.0), least(|d| d.1));
    }
}

fn looked(bytes: &[u8]) -> Result<Prints, Error> {
    prints(bytes.to_vec(), &Limits::default())
}

fn distances(page: &Prints, registered: &Prints) -> Distances {
    page.combinations(registered).map(|l| (l.dct, l.gradient)).collect()
}

/// Both within, and one within, in some combination.
fn within(distances: &[(u32, u32)], (dct, gradient): (u32, u32)) -> (bool, bool) {
    let near = |d: &(u32, u32)| (d.0 <= dct, d.1 <= gradient);
    (distances.iter().any(|d| near(d) == (true, true)), distances.iter().any(|d| near(d) != (false, false)))
}

fn counted(found: &[&Distances], limit: (u32, u32)) -> String {
    let count = |f: fn((bool, bool)) -> bool| found.iter().filter(|d| f(within(d, limit))).count();
    format!("{} | {}", count(|w| w.0), count(|w| w.1))
}

fn shares(found: &[Distances], limit: (u32, u32)) -> String {
    let part =
        |f: fn((bool, bool)) -> bool| 100 * found.iter().filter(|d| f(within(d, limit))).count() / found.len().max(1);
    format!("{}|{}", part(|w| w.0), part(|w| w.1))
}
