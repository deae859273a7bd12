//! How long one sheet takes to draw, the first and the warm ones (`make bench`).
#![allow(clippy::unwrap_used, missing_docs)]

#[allow(dead_code)]
#[path = "../tests/sheets/mod.rs"]
mod sheets;

use certificate::{Fonts, Locale, render};
use std::time::Instant;

fn main() {
    let (fonts, picture) = (Fonts::embedded(), sheets::thumbnail(450, 282));
    let mut times = Vec::new();
    for i in 0..60u64 {
        let mut s = sheets::merchant();
        s.id = format!("019ab3c1-e6f0-7c4e-9f20-{i:012}");
        s.file.sha256 = format!("{i:064x}");
        let start = Instant::now();
        render(&s, Some(&picture), &sheets::attachments(), Locale::Zh, &fonts).unwrap();
        times.push(start.elapsed());
    }
    let first = times[0];
    times.sort();
    println!("one sheet: first {first:?}, median {:?}, slowest {:?}", times[times.len() / 2], times[times.len() - 1]);
}
