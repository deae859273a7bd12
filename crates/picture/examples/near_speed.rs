//! How long a query over a shop's column takes, and fingerprinting beside decoding:
//! `cargo run --release -p picture --example near_speed`. Processor time; the rows stand in docs/benchmarks.md.
#![allow(clippy::unwrap_used)]

#[path = "../tests/variants/mod.rs"]
mod variants;

use picture::{Depth, Limits, Sieve, WAVE_BYTES, decode, look, prints};
use std::io::Cursor;

/// Milliseconds of a processor that this thread had: the machine may have other work.
fn here() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e6
}

/// The same of the whole process, in steps of ten.
fn everywhere() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit(") ").next().unwrap().split(' ').collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) * 10.0
}

fn main() {
    let seeds: Vec<_> =
        (0..64).map(|n| prints(variants::png(&variants::product(n)), &Limits::default()).unwrap()).collect();
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for pictures in [20_000, 1_000_000] {
        // Random hashes: as far from each other as pictures of different things, so nothing is cheaper than in a shop.
        let column: Vec<u8> = (0..pictures * WAVE_BYTES / 8)
            .flat_map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_le_bytes()
            })
            .collect();
        let mut times: Vec<f64> = seeds
            .iter()
            .take(if pictures > 100_000 { 5 } else { 50 })
            .map(|one| {
                let sieve = Sieve::new(one.clone());
                let begun = here();
                assert!(sieve.pass(&column).len() < 100);
                here() - begun
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!("| sieve, one core, {pictures} pictures in memory | {:.1} ms median |", times[times.len() / 2]);
    }
    for (name, path) in variants::photographs().into_iter().take(3) {
        let bytes = std::fs::read(path).unwrap();
        let limits = Limits::default();
        let mean = |work: &dyn Fn()| {
            let begun = everywhere();
            (0..20).for_each(|_| work());
            (everywhere() - begun) / 20.0
        };
        let (w, h) = decode(Cursor::new(bytes.clone()), "image/jpeg", Depth::Header, &limits).unwrap();
        let decoded =
            mean(&|| assert!(decode(Cursor::new(bytes.clone()), "image/jpeg", Depth::Whole, &limits).is_ok()));
        let both = mean(&|| drop(look(Cursor::new(bytes.clone()), "image/jpeg", &limits).unwrap()));
        let megapixels = f64::from(w) * f64::from(h) / 1e6;
        println!(
            "| fingerprint of {name}, {megapixels:.1} megapixels | {:.1} ms a megapixel beside {:.1} ms of decoding |",
            (both - decoded) / megapixels,
            decoded / megapixels
        );
    }
}
