//! One bit is changed, anywhere in what `export` wrote or in the picture: never exit 0.
//!
//! 1,000 changes a file in `make test`, `QUEZAO_BITS=10000` in `make torture`. Half of the places are spread
//! evenly, so that no region is missed, half are random; `QUEZAO_SEED` repeats a run.
#![allow(clippy::unwrap_used)]

use evidence::{digest::FileDigests, time::Utc};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};
use testkit::random::Random;
use verify::{Original, Trust};

fn quezao(work: &Path, args: &[&str]) -> Vec<serde_json::Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quezao"));
    command.args(args).current_dir(work).env("QUEZAO_STATE_DIR", work.join("state")).env("LC_ALL", "C.UTF-8");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

/// Exit code for an artefact of this name.
fn code(name: &str, bytes: &[u8], picture: FileDigests, trust: &Trust, at: Utc) -> u8 {
    let originals = [Original { name: "picture".into(), digests: picture }];
    match name.rsplit('.').next() {
        Some("zip") => verify::check_package(bytes, trust, &originals, at).code(),
        Some("pdf") => verify::check_certificate(bytes, trust, &originals, at).code(),
        _ => panic!("{name}: what export writes needs its reader here"),
    }
}

/// Bits of a file of `length` bytes, each once.
fn places(length: usize, wanted: u64, random: &mut Random) -> Vec<u64> {
    let bits = length as u64 * 8;
    if bits <= wanted {
        return (0..bits).collect();
    }
    let mut chosen: BTreeSet<u64> = (0..wanted / 2).map(|n| n * bits / (wanted / 2)).collect();
    while (chosen.len() as u64) < wanted {
        chosen.insert(random.below(bits));
    }
    chosen.into_iter().collect()
}

#[test]
fn no_single_bit_can_be_changed() {
    let wanted: u64 = std::env::var("QUEZAO_BITS").map_or(1000, |n| n.parse().unwrap());
    let seed: u64 = std::env::var("QUEZAO_SEED").map_or_else(|_| now(), |n| n.parse().unwrap());
    println!("QUEZAO_SEED={seed}");
    let mut random = Random(seed);
    let work = tempfile::tempdir().unwrap();
    let work = work.path();
    image::RgbImage::from_fn(96, 96, |x, y| image::Rgb([(x * y) as u8, (x ^ y) as u8, (x * 7 + y * 13) as u8]))
        .save(work.join("magpie.png"))
        .unwrap();
    quezao(work, &["init", "--json", "--data", "data", "--owner-kind", "individual", "--owner-name", "林晚"]);
    let deposited = quezao(work, &["deposit", "--json", "--data", "data", "magpie.png"]);
    let id = deposited[0]["id"].as_str().unwrap();
    let written = quezao(work, &["export", "--json", "--data", "data", "--output", "out", id]);
    let trust = fs::read_dir(work.join("data/trust")).unwrap().map(|e| e.unwrap());
    let trust = trust.map(|e| (e.file_name().into_string().unwrap(), fs::read(e.path()).unwrap()));
    let trust = Trust::from_files(trust).unwrap();

    let picture = fs::read(work.join("magpie.png")).unwrap();
    let right = FileDigests::of(&picture);
    let files: BTreeMap<String, Vec<u8>> = written
        .iter()
        .map(|l| l["file"].as_str().unwrap().to_owned())
        .map(|name| (name.clone(), fs::read(work.join(name)).unwrap()))
        .collect();
    let at = Utc(i64::try_from(now()).unwrap());
    for (name, bytes) in &files {
        assert_eq!(code(name, bytes, right, &trust, at), 0, "{name}: unchanged");
        let places = places(bytes.len(), wanted, &mut random);
        let codes = each(&places, |bit| {
            let mut changed = bytes.clone();
            changed[(bit / 8) as usize] ^= 1 << (bit % 8);
            code(name, &changed, right, &trust, at)
        });
        report(name, bytes.len(), seed, &codes);
    }
    // The picture, against every file that speaks for it.
    for (name, bytes) in &files {
        let places = places(picture.len(), wanted, &mut random);
        let codes = each(&places, |bit| {
            let mut changed = picture.clone();
            changed[(bit / 8) as usize] ^= 1 << (bit % 8);
            code(name, bytes, FileDigests::of(&changed), &trust, at)
        });
        report("magpie.png", picture.len(), seed, &codes);
    }
}

/// The code of each place; both cores.
fn each(places: &[u64], code: impl Fn(u64) -> u8 + Sync) -> Vec<(u64, u8)> {
    let code = &code;
    std::thread::scope(|scope| {
        let halves = places.chunks(places.len().div_ceil(2).max(1));
        let running: Vec<_> = halves
            .map(|half| scope.spawn(move || half.iter().map(|bit| (*bit, code(*bit))).collect::<Vec<_>>()))
            .collect();
        running.into_iter().flat_map(|r| r.join().unwrap()).collect()
    })
}

fn report(name: &str, length: usize, seed: u64, codes: &[(u64, u8)]) {
    let verified: Vec<u64> = codes.iter().filter(|c| c.1 == 0).map(|c| c.0).collect();
    assert!(verified.is_empty(), "{name}: still verified with these bits changed (QUEZAO_SEED={seed}): {verified:?}");
    let mut counts: BTreeMap<u8, usize> = BTreeMap::new();
    codes.iter().for_each(|c| *counts.entry(c.1).or_default() += 1);
    let ending = name.rsplit('.').next().unwrap_or(name);
    println!("{ending}: {} single-bit changes in {length} bytes, exit codes {counts:?}", codes.len());
}
