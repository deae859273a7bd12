//! Witnesses that were not written along with the ledger's client: each behind an address of its own on loopback, with
//! its state in memory, honest until it is told to lie.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use base64::{Engine, engine::general_purpose::STANDARD};
use evidence::{
    checkpoint::Checkpoint,
    cosignature::Cosigner,
    hex,
    merkle::{Hash, verify_consistency},
    note::{Note, VerifierKey},
};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// What it does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Honest,
    /// Nobody answers.
    Away,
    /// Honest, and shows its checkpoint to nobody.
    Mute,
    /// Takes the request, and says nothing for longer than a seal waits.
    Slow,
    /// Somebody else's signature.
    Foreign,
    /// Its own name and key id over a signature of another text.
    Wrong,
    /// A time so many seconds from now.
    Off(i64),
    /// An answer without end, as far as anybody reads.
    Long,
    /// Signs nothing and says that it holds so many leaves.
    Holds(u64),
    /// Two good signatures of one key, of two times.
    Twice,
    /// An answer that is no signature line.
    Noise,
}

struct State {
    mode: Mode,
    size: u64,
    root: Hash,
    note: Option<Vec<u8>>,
    /// Signed checkpoints that did not extend its own.
    refused: Vec<Vec<u8>>,
}

/// A witness at `http://ADDRESS:PORT`.
pub struct Court {
    pub url: String,
    pub key: VerifierKey,
    state: Arc<Mutex<State>>,
}

impl Court {
    /// One of this name, at this address of the loopback network.
    pub fn new(name: &str, address: &str, seed: u8) -> Self {
        let cosigner = Arc::new(Cosigner::from_seed(name, &[seed; 32]).unwrap());
        let listener = TcpListener::bind((address, 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state =
            Arc::new(Mutex::new(State { mode: Mode::Honest, size: 0, root: [0; 32], note: None, refused: Vec::new() }));
        let (held, key) = (state.clone(), cosigner.verifier_key());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (held, cosigner) = (held.clone(), cosigner.clone());
                std::thread::spawn(move || answer(stream, &held, &cosigner));
            }
        });
        Self { url, key, state }
    }

    pub fn mode(&self, mode: Mode) {
        self.state.lock().unwrap().mode = mode;
    }

    /// Leaves that it last cosigned.
    pub fn size(&self) -> u64 {
        self.state.lock().unwrap().size
    }

    /// Checkpoints, signed by the log, that it was shown and that do not extend its own.
    pub fn refused(&self) -> usize {
        self.state.lock().unwrap().refused.len()
    }
}

fn answer(mut stream: TcpStream, state: &Mutex<State>, cosigner: &Cosigner) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let (mut first, mut line, mut length) = (String::new(), String::new(), 0);
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        while reader.read_line(&mut line).unwrap_or(0) > 2 {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let mode = state.lock().unwrap().mode;
        let (status, said) = match mode {
            Mode::Away => return,
            Mode::Mute if first.starts_with("GET") => (404, Vec::new()),
            _ if first.starts_with("GET") => shown(state),
            Mode::Slow => {
                std::thread::sleep(Duration::from_secs(3));
                return;
            }
            Mode::Holds(size) => (409, format!("{size}\n").into_bytes()),
            Mode::Long => (200, vec![b'a'; 1 << 20]),
            Mode::Noise => (200, b"<html>\n".to_vec()),
            _ => added(state, cosigner, &String::from_utf8(body).unwrap()),
        };
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", said.len());
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&said)).is_err() {
            return;
        }
    }
}

fn shown(state: &Mutex<State>) -> (u16, Vec<u8>) {
    state.lock().unwrap().note.clone().map_or((404, Vec::new()), |note| (200, note))
}

/// `add-checkpoint`, as C2SP tlog-witness has it. The log's own signature is not checked: no test needs that.
fn added(state: &Mutex<State>, cosigner: &Cosigner, body: &str) -> (u16, Vec<u8>) {
    let mut state = state.lock().unwrap();
    let (head, note) = body.split_once("\n\n").unwrap();
    let mut lines = head.lines();
    let old: u64 = lines.next().unwrap().strip_prefix("old ").unwrap().parse().unwrap();
    let proof: Vec<Hash> = lines.map(|line| STANDARD.decode(line).unwrap().try_into().unwrap()).collect();
    let mut note = Note::parse(note.as_bytes()).unwrap();
    let checkpoint = Checkpoint::parse(&note.text).unwrap();
    if old != state.size {
        return (409, format!("{}\n", state.size).into_bytes());
    }
    let extends = match old {
        0 => proof.is_empty(),
        _ => verify_consistency(old, &state.root, checkpoint.size, &checkpoint.root, &proof).is_ok(),
    };
    if !extends {
        state.refused.push(note.to_bytes());
        return (422, Vec::new());
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let line = match state.mode {
        Mode::Foreign => Cosigner::from_seed("court.else", &[99; 32]).unwrap().cosign(&note.text, now),
        Mode::Wrong => cosigner.cosign("another text\n", now),
        Mode::Off(seconds) => cosigner.cosign(&note.text, now.saturating_add_signed(seconds)),
        _ => cosigner.cosign(&note.text, now),
    };
    (state.size, state.root) = (checkpoint.size, checkpoint.root);
    note.signatures.truncate(1);
    note.signatures.push(line.clone());
    state.note = Some(note.to_bytes());
    let again = match state.mode {
        Mode::Twice => format!("{}\n", cosigner.cosign(&note.text, now + 1)),
        _ => String::new(),
    };
    (200, format!("{line}\n{again}").into_bytes())
}

/// Where a witness shows its checkpoint of this log.
pub fn shown_at(origin: &str) -> String {
    format!("/{}/checkpoint", hex::encode(&evidence::digest::sha256(origin.as_bytes())))
}
