//! A consistent forger's changes of a WACZ: every list and digest made again, and refused by its form alone.
//!
//! 1,000 in `make test`, `QUEZAO_BITS=10000` in `make torture`; `QUEZAO_SEED` repeats a run.
#![allow(clippy::unwrap_used)]

mod mutations;

use archive::wacz;
use mutations::{Parts, Random, change};
use std::{path::Path, time::SystemTime};

#[test]
fn no_part_of_a_wacz_can_be_moved_doubled_or_spelled_otherwise() {
    let wanted: usize = std::env::var("QUEZAO_BITS").map_or(1000, |n| n.parse().unwrap());
    let micros = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros() as u64;
    let seed: u64 = std::env::var("QUEZAO_SEED").map_or(micros, |n| n.parse().unwrap());
    println!("QUEZAO_SEED={seed}");
    let mut random = Random(seed);
    let package =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/capture-contact/good-01-answered/package.zip");
    let entries = archive::package::read(&std::fs::read(package).unwrap()).unwrap().entries;
    let file = &entries.iter().find(|e| e.0 == "capture.wacz").unwrap().1;
    let parts = Parts::of(file);
    let (mut refused, mut other) = (0, 0);
    for n in 0..wanted {
        let changed = change(&parts, n, &mut random);
        assert!(changed.bytes != *file, "{}: nothing changed", changed.what);
        match wacz::read(&mut wacz::in_memory(&changed.bytes)) {
            Err(_) => refused += 1,
            Ok(_) => {
                assert!(!changed.strict, "{}: read (QUEZAO_SEED={seed}, {n})", changed.what);
                other += 1;
            }
        }
    }
    println!("{refused} changes refused; {other} are another whole WACZ, which only a digest tells from this one");
}
