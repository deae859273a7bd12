//! How long a query takes in a folder with so many fingerprints: `cargo run --release -p service --example near`, which
//! writes up to 2.6 GB into the temporary folder. The rows stand in docs/benchmarks.md.
#![allow(clippy::unwrap_used)]

use picture::PRINT_BYTES;
use service::{Folder, InitOptions, Mode};
use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
    time::Instant,
};

fn main() {
    let work = tempfile::tempdir().unwrap();
    let data = work.path().join("data");
    let options =
        InitOptions { owner_kind: "individual".into(), owner_name: "林晚".into(), ..InitOptions::default() };
    Folder::init(&data, &options).unwrap();
    Folder::open(&data, Mode::Write).unwrap().close().unwrap();
    let mut none = (0.0, 0.0);
    for pictures in [0, 20_000, 1_000_000] {
        fill(&data, pictures);
        // The writer derives what queries read.
        Folder::open(&data, Mode::Write).unwrap().close().unwrap();
        let folder = Folder::open(&data, Mode::Read).unwrap();
        let begun = spent();
        let mut times: Vec<f64> = (0..15).map(|seed| query(&folder, seed)).collect();
        let mean = (spent() - begun) / 15.0;
        times.sort_by(f64::total_cmp);
        let median = times[times.len() / 2];
        if pictures == 0 {
            none = (median, mean);
        } else {
            let (median, mean) = (median - none.0, mean - none.1);
            println!("| query over {pictures} pictures | {median:.1} ms median, {mean:.1} ms of all cores together |");
        }
    }
    println!("| peak memory | {} MB |", peak() / 1024);
}

/// Entries of random prints (docs/near.md): as far from each other as different pictures.
fn fill(data: &Path, pictures: u64) {
    let path = data.join("similar/prints-1");
    let header = fs::read(&path).unwrap()[..64].to_vec();
    let mut out = BufWriter::new(File::create(&path).unwrap());
    out.write_all(&header).unwrap();
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    for _ in 0..pictures {
        let mut entry: Vec<u8> = (0..4).flat_map(|_| random()).collect();
        entry.extend([0, 4, 0, 0, 0, 3, 0, 0, 0xff, 3, 0, 0, 0, 0, 0, 0]);
        entry.extend((16..PRINT_BYTES).step_by(8).flat_map(|_| random()));
        let digest = evidence::digest::sha256(&entry);
        out.write_all(&[&entry[..], &digest].concat()).unwrap();
    }
    out.flush().unwrap();
}

/// Milliseconds of one query, fingerprint of a small picture included.
fn query(folder: &Folder, seed: u32) -> f64 {
    let colour = |n: u32| (n.wrapping_mul(2_654_435_761).wrapping_add(seed.wrapping_mul(40_503)) >> 9) as u8;
    let picture = image::RgbImage::from_fn(64, 48, |x, y| image::Rgb([x / 8, y / 8 + 77, x / 4 + y].map(colour)));
    let mut png = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
    let bytes = png.into_inner();
    let begun = Instant::now();
    let found = folder.find_bytes(service::Account::default(), bytes, 20).unwrap();
    assert!(found.near.is_empty());
    begun.elapsed().as_secs_f64() * 1000.0
}

/// Milliseconds of all processors that this process had, in steps of ten: the machine may have other work.
fn spent() -> f64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit(") ").next().unwrap().split(' ').collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) * 10.0
}

/// Kilobytes of memory that this process had at most.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
