//! A log's files over HTTP, and nodes that look at them when they are told to.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

use super::{Desk, ORIGIN, Said};
use evidence::{
    checkpoint::Checkpoint,
    merkle,
    note::{Note, Signer},
};
use ledger::tiles::{Kind, Tree, WIDTH, fold};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// A log's files in a folder, served, and what was asked for.
pub struct Site {
    pub dir: tempfile::TempDir,
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    /// Nothing is to be had.
    gone: Arc<AtomicBool>,
}

impl Site {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<String>>>::default());
        let gone = Arc::<AtomicBool>::default();
        let away = gone.clone();
        let (root, heard) = (dir.path().to_owned(), asked.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (root, heard, away) = (root.clone(), heard.clone(), away.clone());
                thread::spawn(move || serve(stream, &root, &heard, &away));
            }
        });
        Self { dir, address, asked, gone }
    }

    pub fn write(&self, path: PathBuf, bytes: &[u8]) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// The tree of these entries, and its signed checkpoint.
    pub fn publish(&self, signer: &Signer, entries: &[Vec<u8>]) -> Note {
        self.publish_as(ORIGIN, signer, entries)
    }

    pub fn publish_as(&self, origin: &str, signer: &Signer, entries: &[Vec<u8>]) -> Note {
        let (tree, size) = (Tree::new(self.dir.path()), entries.len() as u64);
        let mut level: Vec<_> = entries.iter().map(|entry| merkle::leaf_hash(entry)).collect();
        let root = merkle::root(size, &mut |l, i| {
            Ok::<_, std::convert::Infallible>(fold(&level[(i << l) as usize..((i + 1) << l) as usize]))
        })
        .unwrap();
        for (n, bundle) in entries.chunks(WIDTH as usize).enumerate() {
            let bytes: Vec<u8> =
                bundle.iter().flat_map(|e| [&(e.len() as u16).to_be_bytes()[..], e].concat()).collect();
            self.write(tree.path(Kind::Entries, n as u64, bundle.len() as u64), &bytes);
        }
        for number in 0..8 {
            for (n, tile) in level.chunks(WIDTH as usize).enumerate() {
                self.write(tree.path(Kind::Hashes(number), n as u64, tile.len() as u64), tile.as_flattened());
            }
            level = level.chunks_exact(WIDTH as usize).map(fold).collect();
        }
        let text = Checkpoint { origin: origin.to_owned(), size, root }.to_text();
        let note = Note { signatures: vec![signer.sign(&text)], text };
        self.write(tree.checkpoint_path(), &note.to_bytes());
        note
    }

    /// From here on it answers nobody; or it is back.
    pub fn gone(&self, gone: bool) {
        self.gone.store(gone, Ordering::Relaxed);
    }

    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn serve(stream: std::net::TcpStream, root: &Path, heard: &Mutex<Vec<String>>, gone: &AtomicBool) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        let mut line = String::new();
        while reader.read_line(&mut line).unwrap_or(0) > 2 {
            line.clear();
        }
        if gone.load(Ordering::Relaxed) {
            return;
        }
        let path = first.split(' ').nth(1).unwrap().trim_start_matches('/').to_owned();
        let answer = match fs::read(root.join(&path)) {
            Ok(bytes) => {
                [format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", bytes.len()).as_bytes(), &bytes].concat()
            }
            Err(_) => b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec(),
        };
        heard.lock().unwrap().push(path);
        if stream.write_all(&answer).is_err() {
            return;
        }
    }
}

/// A node over this site that looks only when it is told to.
pub struct Watcher {
    pub node: node::Node,
    pub said: Said,
}

impl Watcher {
    pub fn open(desk: &Desk, site: &Site, signer: &Signer) -> Self {
        Self::beside(desk, site, signer, &[])
    }

    /// The same, with other nodes to ask.
    pub fn beside(desk: &Desk, site: &Site, signer: &Signer, peers: &[String]) -> Self {
        let said = Said::default();
        let heard = said.0.clone();
        let ledgers = vec![format!("http://{}", site.address)];
        let config = node::Config { ledgers, peers: peers.to_vec(), ..desk.config(&signer.verifier_key()) };
        let node = node::Node::open(&config, Arc::new(move |event| heard.lock().unwrap().push(event))).unwrap();
        Self { node, said }
    }

    pub fn follow(&self) -> node::Result<()> {
        self.node.watched()[0].follow()
    }

    pub fn size(&self) -> Option<u64> {
        self.node.watched()[0].mirrored().map(|held| held.checkpoint.size)
    }
}

pub fn entries(range: std::ops::Range<usize>) -> Vec<Vec<u8>> {
    range.map(|n| format!("entry {n}").into_bytes()).collect()
}

pub fn signer() -> Signer {
    Signer::from_seed(ORIGIN, &[1; 32]).unwrap()
}

/// Every file of the tree of `size`, equal in both folders.
pub fn same_tree(a: &Path, b: &Path, size: u64) {
    let (a, b) = (Tree::new(a), Tree::new(b));
    for kind in Kind::all(size) {
        let count = kind.count(size);
        for n in 0..count.div_ceil(WIDTH) {
            let width = WIDTH.min(count - n * WIDTH);
            let [x, y] = [&a, &b].map(|tree| fs::read(tree.path(kind, n, width)).unwrap());
            assert!(x == y, "{kind:?} {n} {width}");
        }
    }
}

pub fn mirror_of(desk: &Desk) -> PathBuf {
    desk.data().join("mirror").join(evidence::hex::encode(&evidence::digest::sha256(ORIGIN.as_bytes())))
}
