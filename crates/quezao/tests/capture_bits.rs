//! A capture's package and its WACZ, changed in one bit or in one part: never verified, and the check is named.
//!
//! The capture is a real one where a browser can run, else that of the vectors. 1,000 changes of each kind in
//! `make test`, `QUEZAO_BITS=10000` in `make torture`; `QUEZAO_SEED` repeats a run.
#![allow(clippy::unwrap_used)]

mod desk;
#[path = "../../archive/tests/mutations/mod.rs"]
mod mutations;

use desk::{Desk, possible, shop};
use evidence::time::Utc;
use mutations::{Parts, Random, change};
use std::{
    collections::BTreeMap,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};
use verify::{Outcome, Trust, Verdict};

struct Base {
    package: Vec<u8>,
    trust: Trust,
    now: Utc,
}

impl Base {
    fn new() -> Self {
        if possible() {
            let desk = Desk::new(shop);
            let (lines, code) = desk.capture(&["/item"]);
            assert_eq!(code, 0, "{lines:?}");
            let package = desk.package(lines[0]["id"].as_str().unwrap());
            return Self { package, trust: desk.trust(), now: Utc(i64::try_from(micros()).unwrap()) };
        }
        let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors");
        let case = vectors.join("capture-contact/good-01-answered");
        let text: serde_json::Value = serde_json::from_slice(&std::fs::read(case.join("case.json")).unwrap()).unwrap();
        Self {
            package: std::fs::read(case.join("package.zip")).unwrap(),
            trust: desk::trust(&vectors.join(text["trust"].as_str().unwrap())),
            now: Utc::parse_micros(text["now"].as_str().unwrap()).unwrap(),
        }
    }

    fn check(&self, package: &[u8]) -> Verdict {
        verify::check_package(package, &self.trust, &[], self.now)
    }
}

fn micros() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

/// The checks that keep it from being verified; none: it is verified.
fn named(verdict: &Verdict) -> Vec<String> {
    let worst = if verdict.code() == 1 { Outcome::Fail } else { Outcome::NotChecked };
    let found: Vec<String> =
        verdict.checks.iter().filter(|c| c.result == worst && c.required).map(|c| c.id.clone()).collect();
    // An optional check that contradicts refuses as well.
    let optional = verdict.checks.iter().filter(|c| c.result == Outcome::Fail).map(|c| c.id.clone());
    if verdict.code() == 0 { Vec::new() } else { found.into_iter().chain(optional).collect() }
}

#[test]
fn nothing_in_a_capture_can_be_changed() {
    let wanted: usize = std::env::var("QUEZAO_BITS").map_or(1000, |n| n.parse().unwrap());
    let seed: u64 = std::env::var("QUEZAO_SEED").map_or_else(|_| micros(), |n| n.parse().unwrap());
    println!("QUEZAO_SEED={seed}");
    let mut random = Random(seed);
    let base = Base::new();
    let whole = base.check(&base.package);
    assert_eq!(whole.code(), 0, "{}", whole.to_json());

    // The package as it lies there.
    let bits = places(base.package.len(), wanted, &mut random);
    let found = each(&bits, |bit| {
        let mut changed = base.package.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        base.check(&changed)
    });
    report("single bits of the package", seed, &bits, &found);

    // Its WACZ, in a package that lists it as it should.
    let entries = archive::package::read(&base.package).unwrap().entries;
    let entries: Vec<_> =
        entries.into_iter().filter(|e| !matches!(e.0.as_str(), "package.json" | "certificate.pdf")).collect();
    let place = entries.iter().position(|e| e.0 == "capture.wacz").unwrap();
    let with = |wacz: Vec<u8>| {
        let mut entries = entries.clone();
        entries[place].1 = wacz;
        base.check(&archive::package::write(&entries).unwrap())
    };
    let wacz = &entries[place].1;
    assert_eq!(with(wacz.clone()).code(), 0);
    let both = |what: &str, verdict: &Verdict| {
        for id in ["file", "capture-resources"] {
            assert_eq!(verdict.find(id).unwrap().result, Outcome::Fail, "{what}: {id} (QUEZAO_SEED={seed})");
        }
    };
    let bits = places(wacz.len(), wanted, &mut random);
    let found = each(&bits, |bit| {
        let mut changed = wacz.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        with(changed)
    });
    bits.iter().zip(&found).for_each(|(bit, verdict)| both(&format!("bit {bit}"), verdict));
    report("single bits of the WACZ", seed, &bits, &found);

    // Its parts, by a forger who makes all lists and digests of the file again.
    let parts = Parts::of(wacz);
    let changes: Vec<usize> = (0..wanted).map(|_| random.index(usize::MAX >> 8)).collect();
    let found = each(&changes, |choice| {
        let changed = change(&parts, choice, &mut Random(choice as u64));
        let read = archive::wacz::read(&mut archive::wacz::in_memory(&changed.bytes));
        assert!(read.is_err() || !changed.strict, "{}: read (QUEZAO_SEED={seed})", changed.what);
        let verdict = with(changed.bytes);
        both(&changed.what, &verdict);
        verdict
    });
    report("changed parts of the WACZ", seed, &changes, &found);
}

/// Bits of a file, half of them spread evenly.
fn places(length: usize, wanted: usize, random: &mut Random) -> Vec<usize> {
    let bits = length * 8;
    let even = (0..wanted / 2).map(|n| n * (bits / (wanted / 2)));
    let mut all: Vec<usize> = even.collect();
    all.extend((all.len()..wanted).map(|_| random.index(bits)));
    all
}

/// The verdict on each; both cores.
fn each(all: &[usize], verdict: impl Fn(usize) -> Verdict + Sync) -> Vec<Verdict> {
    let verdict = &verdict;
    std::thread::scope(|scope| {
        let running: Vec<_> = all
            .chunks(all.len().div_ceil(2).max(1))
            .map(|half| scope.spawn(move || half.iter().map(|n| verdict(*n)).collect::<Vec<_>>()))
            .collect();
        running.into_iter().flat_map(|r| r.join().unwrap()).collect()
    })
}

fn report(what: &str, seed: u64, places: &[usize], verdicts: &[Verdict]) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (place, verdict) in places.iter().zip(verdicts) {
        let names = named(verdict);
        assert!(!names.is_empty(), "{what}, {place}: exit {} (QUEZAO_SEED={seed})", verdict.code());
        *counts.entry(names[0].clone()).or_default() += 1;
    }
    println!("{what}: {} changes, refused by {counts:?}", places.len());
}
