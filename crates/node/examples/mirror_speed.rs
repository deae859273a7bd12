//! How fast a node mirrors and checks a ledger on this machine: `mirror_speed [RECORDS [BYTES]]`, 1,000,000 of 200 each
//! where nothing is said. Prints records and MiB a second, the process's largest memory (the server of the files is in
//! it), and what else the machine was doing.
#![allow(clippy::unwrap_used, missing_docs)]

use evidence::{
    checkpoint::Checkpoint,
    merkle::{self, Hash},
    note::{Note, Signer},
};
use ledger::{
    files::Scratch,
    tiles::{Kind, Tree, WIDTH, fold},
};
use std::{
    convert::Infallible,
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).map(|word| word.parse().unwrap()).collect();
    let (records, bytes) = (numbers.first().copied().unwrap_or(1_000_000), numbers.get(1).copied().unwrap_or(200));
    let work = std::env::temp_dir().join(format!("mirror-speed-{}", std::process::id()));
    let (site, data) = (work.join("ledger"), work.join("node"));
    let signer = Signer::from_seed("ledger.example", &[1; 32]).unwrap();
    publish(&site, &work.join("half"), &signer, records, bytes);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let site = site.clone();
            thread::spawn(move || serve(&stream, &site));
        }
    });
    let config = node::Config {
        data,
        state: work.join("state"),
        ledgers: vec![format!("http://{address}")],
        peers: Vec::new(),
        log_keys: vec![signer.verifier_key()],
        name: None,
        ml_dsa: false,
        begin_anew: false,
        listen: address,
        every: Duration::from_secs(1),
        desk_token: None,
        tls: None,
    };
    let node = node::Node::open(&config, Arc::new(|event| eprintln!("{event:?}"))).unwrap();
    let begun = Instant::now();
    node.watched()[0].follow().unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    assert_eq!(node.watched()[0].mirrored().unwrap().checkpoint.size, records as u64);
    let load = fs::read_to_string("/proc/loadavg").unwrap();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    println!(
        "{records} records of {bytes} bytes: {seconds:.2} s, {:.0} records/s, {:.0} MiB/s; {}; load {}",
        records as f64 / seconds,
        (records * bytes) as f64 / seconds / f64::from(1 << 20),
        peak.split_whitespace().collect::<Vec<_>>().join(" "),
        load.trim()
    );
    fs::remove_dir_all(work).unwrap();
}

/// The static tree of so many entries, and its signed checkpoint.
fn publish(site: &Path, half: &Path, signer: &Signer, records: usize, bytes: usize) {
    let (tree, scratch) = (Tree::new(site), Scratch::open(half.to_owned()).unwrap());
    let mut leaves: Vec<Hash> = Vec::with_capacity(records);
    let entry = |n: usize| format!("{n:0bytes$}").into_bytes();
    for first in (0..records).step_by(256 * WIDTH as usize) {
        let mut batch = scratch.batch().unwrap();
        for start in (first..records.min(first + 256 * WIDTH as usize)).step_by(WIDTH as usize) {
            let end = records.min(start + WIDTH as usize);
            let mut bundle = Vec::new();
            for entry in (start..end).map(entry) {
                bundle.extend((entry.len() as u16).to_be_bytes());
                bundle.extend(&entry);
                leaves.push(merkle::leaf_hash(&entry));
            }
            batch.put(tree.path(Kind::Entries, start as u64 / WIDTH, (end - start) as u64), &bundle).unwrap();
        }
        batch.sync().unwrap();
        batch.publish().unwrap();
    }
    let size = records as u64;
    let subtree = |level: u8, index: u64| &leaves[(index << level) as usize..((index + 1) << level) as usize];
    let root = merkle::root(size, &mut |level, index| Ok::<_, Infallible>(fold(subtree(level, index)))).unwrap();
    let mut batch = scratch.batch().unwrap();
    let mut level = leaves.clone();
    for number in 0..8 {
        for (n, tile) in level.chunks(WIDTH as usize).enumerate() {
            batch.put(tree.path(Kind::Hashes(number), n as u64, tile.len() as u64), tile.as_flattened()).unwrap();
        }
        level = level.chunks_exact(WIDTH as usize).map(fold).collect();
    }
    let text = Checkpoint { origin: signer.verifier_key().name().to_owned(), size, root }.to_text();
    let note = Note { signatures: vec![signer.sign(&text)], text };
    batch.put(tree.checkpoint_path(), &note.to_bytes()).unwrap();
    batch.sync().unwrap();
    batch.publish().unwrap();
}

fn serve(stream: &TcpStream, site: &Path) {
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    let mut line = String::new();
    while {
        line.clear();
        reader.read_line(&mut line).unwrap_or(0) > 0
    } {
        let path = line.split(' ').nth(1).unwrap().trim_start_matches('/').to_owned();
        while {
            line.clear();
            reader.read_line(&mut line).unwrap_or(0) > 2
        } {}
        let (status, bytes) = match fs::read(site.join(path)) {
            Ok(bytes) => ("200 OK", bytes),
            Err(_) => ("404 Not Found", Vec::new()),
        };
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", bytes.len());
        if writer.write_all(&[head.as_bytes(), &bytes].concat()).is_err() {
            return;
        }
    }
}
