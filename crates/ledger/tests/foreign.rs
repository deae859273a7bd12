//! The static tree and our proofs, read by clients that this project did not write (see `tests/foreign`).
//!
//! Go is required: without it this fails, it does not skip.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use common::*;
use ledger::Ledger;

/// Builds the foreign reader once.
fn build(dir: &Path) -> PathBuf {
    let program = dir.join("foreign");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign");
    let built = Command::new("go").args(["build", "-o"]).arg(&program).arg(".").current_dir(source).output();
    let built = built.expect("go is needed for this test: see scripts/setup.sh");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    program
}

fn read(program: &Path, base: &Path) -> Output {
    Command::new(program)
        .arg("-vkey")
        .arg(key().to_string())
        .arg("-ledger")
        .arg(base.join("data/ledger"))
        .arg("-sealed")
        .arg(base.join("data/sealed"))
        .arg("-proofs")
        .arg(base.join("proofs"))
        .output()
        .unwrap()
}

fn words(hashes: &[[u8; 32]]) -> String {
    hashes.iter().map(|hash| format!(" {}", evidence::hex::encode(hash))).collect()
}

#[test]
fn two_foreign_clients_accept_the_tree_and_refuse_a_changed_one() {
    let base = tempfile::tempdir().unwrap();
    let base = base.path();
    let program = build(base);
    let (ledger, _) = Ledger::open(sealing(base)).unwrap();
    let mut size = 0;
    for count in [1, 1, 5, 120, 129, 1, 300, 40] {
        let last = ledger.append_batch(&(size..size + count).map(leaf).collect::<Vec<_>>()).unwrap().end - 1;
        size += count;
        ledger.wait_sealed(last, Duration::from_secs(5)).unwrap().unwrap();
    }
    let mut proofs = String::new();
    for new in [1, 2, 7, 127, 255, 256, 257, 512, 557, size] {
        for a in [0, 1, new / 3, new / 2, new - 1] {
            let index = a.min(new - 1);
            let proof = ledger.inclusion_proof(index, new).unwrap();
            writeln!(proofs, "inclusion {index} {new}{}", words(&proof)).unwrap();
            let old = a.clamp(1, new);
            let proof = ledger.consistency_proof(old, new).unwrap();
            writeln!(proofs, "consistency {old} {new}{}", words(&proof)).unwrap();
        }
    }
    fs::write(base.join("proofs"), proofs).unwrap();
    let root = evidence::hex::encode(&ledger.published().unwrap().root);
    ledger.flush_and_close().unwrap();

    let output = read(&program, base);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said, format!("size {size} root {root} entries {size} sealed 8 proofs 100\n"));

    let data = base.join("data");
    let names = ["ledger/checkpoint", "ledger/tile/entries/000", "ledger/tile/0/001", "ledger/tile/1/000.p/2"];
    for name in names.iter().chain(&["sealed/7.txt"]) {
        let path = data.join(name);
        let whole = fs::read(&path).unwrap();
        let mut bent = whole.clone();
        bent[whole.len() / 2] ^= 1;
        fs::write(&path, bent).unwrap();
        assert!(!read(&program, base).status.success(), "{name}");
        fs::write(&path, whole).unwrap();
    }
    let bent = fs::read_to_string(base.join("proofs")).unwrap().replacen("consistency 2 7", "consistency 3 7", 1);
    fs::write(base.join("proofs"), bent).unwrap();
    assert!(!read(&program, base).status.success(), "a proof for another tree");
}
