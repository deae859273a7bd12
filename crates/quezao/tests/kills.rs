//! `deposit` is killed at random moments: nothing acknowledged is lost, nothing is recorded twice, the ledger stays whole.
//!
//! 25 kills in `make test`; `QUEZAO_KILLS=500` in `make torture`. What is left is then read by the foreign clients
//! of `crates/ledger/tests/foreign` (Go is needed; without it this fails).
#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

const FILES: usize = 400;

fn quezao(work: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quezao"));
    command.args(args).env("QUEZAO_STATE_DIR", work.join("state")).env("LC_ALL", "C.UTF-8");
    command
}

fn run(work: &Path, args: &[&str]) -> Vec<serde_json::Value> {
    let output = quezao(work, args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

/// Small files that differ; small, so that a kill meets every stage and not only hashing.
fn pictures(folder: &Path, round: usize) -> PathBuf {
    let folder = folder.join(format!("round-{round}"));
    fs::create_dir_all(&folder).unwrap();
    for n in 0..FILES {
        fs::write(folder.join(format!("{n:04}.bin")), format!("{round} {n} {}", "x".repeat(n * 37 % 5000))).unwrap();
    }
    folder
}

#[test]
fn nothing_acknowledged_is_lost_when_deposit_is_killed() {
    let kills: usize = std::env::var("QUEZAO_KILLS").map_or(25, |k| k.parse().unwrap());
    let work = tempfile::tempdir().unwrap();
    let data = work.path().join("data");
    let data = data.to_str().unwrap();
    run(work.path(), &["init", "--json", "--data", data, "--owner-kind", "individual", "--owner-name", "Lin Wan"]);

    let mut acknowledged: BTreeMap<String, (String, u64)> = BTreeMap::new();
    let mut killed_in_flight = 0;
    for round in 0..kills {
        let folder = pictures(work.path(), round);
        let args = ["deposit", "--json", "--data", data, folder.to_str().unwrap()];
        let mut child = quezao(work.path(), &args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let reader =
            std::thread::spawn(move || BufReader::new(stdout).lines().map_while(Result::ok).collect::<Vec<String>>());
        // A fixed spread of moments, from before the folder is open to after most is written.
        std::thread::sleep(Duration::from_micros(5_000 + (round as u64 * 7_919_333) % 700_000));
        child.kill().unwrap();
        killed_in_flight += usize::from(!child.wait().unwrap().success());
        for line in reader.join().unwrap() {
            let Ok(line) = serde_json::from_str::<serde_json::Value>(&line) else { continue };
            let text = |k: &str| line[k].as_str().unwrap_or_default().to_owned();
            if let Some(index) = line["index"].as_u64() {
                acknowledged.insert(text("id"), (text("sha256"), index));
            }
        }
        fs::remove_dir_all(folder).unwrap();
    }
    assert!(killed_in_flight * 5 > kills, "only {killed_in_flight} of {kills} were killed in flight");

    // Any writing command completes what was interrupted.
    let last = work.path().join("last.bin");
    fs::write(&last, "last").unwrap();
    run(work.path(), &["deposit", "--json", "--data", data, last.to_str().unwrap()]);
    let listed = run(work.path(), &["list", "--json", "--data", data]);
    let by_id: BTreeMap<&str, &serde_json::Value> = listed.iter().map(|l| (l["id"].as_str().unwrap(), l)).collect();
    for (id, (sha256, index)) in &acknowledged {
        let line = by_id.get(id.as_str()).unwrap_or_else(|| panic!("acknowledged record {id} is lost"));
        assert_eq!((line["sha256"].as_str(), line["index"].as_u64()), (Some(sha256.as_str()), Some(*index)));
    }
    let indices: BTreeSet<u64> = listed.iter().map(|l| l["index"].as_u64().unwrap()).collect();
    assert_eq!(indices.len(), listed.len(), "no two records share a leaf");
    let check = run(work.path(), &["admin", "ledger-check", "--json", "--data", data]);
    assert_eq!(check[0]["size"].as_u64(), Some(listed.len() as u64 + 1), "every leaf is a record, and leaf 0");
    let incoming = Path::new(data).join("originals/incoming");
    assert_eq!(fs::read_dir(incoming).map_or(0, Iterator::count), 0, "nothing half-copied stays");
    let proofs = foreign(work.path(), data, &listed);
    println!(
        "{} acknowledged, {} recorded, {killed_in_flight} of {kills} killed in flight, all entries and {proofs} exported proofs accepted by two foreign clients",
        acknowledged.len(),
        listed.len()
    );
}

/// Checkpoint, every entry, every sealed checkpoint, and the proofs in some exported packages, read by two clients
/// that this project did not write. How many proofs those were.
fn foreign(work: &Path, data: &str, listed: &[serde_json::Value]) -> usize {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ledger/tests/foreign");
    let program = work.join("foreign");
    let built = Command::new("go").args(["build", "-o"]).arg(&program).arg(".").current_dir(source).output();
    let built = built.expect("go is needed for this test: see scripts/setup.sh");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));

    let ids: Vec<&str> = listed.iter().step_by(listed.len().div_ceil(40)).map(|l| l["id"].as_str().unwrap()).collect();
    let output = work.join("out");
    let export = ["export", "--json", "--data", data, "--output", output.to_str().unwrap()];
    let mut lines = String::new();
    for line in run(work, &[&export[..], &ids].concat()) {
        let file = line["file"].as_str().unwrap();
        let Some(package) = file.ends_with(".zip").then(|| fs::read(file).unwrap()) else { continue };
        let package = archive::package::read(&package).unwrap();
        for name in ["proof.tlog-proof", "operator-proof.tlog-proof"] {
            let entry = package.entries.iter().find(|e| e.0 == name).unwrap();
            let proof = evidence::proof::TlogProof::parse(&entry.1).unwrap();
            let note = evidence::note::Note::parse(&proof.checkpoint).unwrap();
            let size = evidence::checkpoint::Checkpoint::parse(&note.text).unwrap().size;
            let hashes: String = proof.hashes.iter().map(|h| format!(" {}", evidence::hex::encode(h))).collect();
            lines += &format!("inclusion {} {size}{hashes}\n", proof.index);
        }
    }
    let proofs = work.join("proofs");
    fs::write(&proofs, &lines).unwrap();
    let key = run(work, &["admin", "keys", "--json", "--data", data]).remove(0);
    let at = |name: &str| Path::new(data).join(name);
    let mut reader = Command::new(program);
    reader.arg("-vkey").arg(key["ledger_key"].as_str().unwrap()).arg("-ledger").arg(at("ledger"));
    let read = reader.arg("-sealed").arg(at("sealed")).arg("-proofs").arg(&proofs).output().unwrap();
    let said = String::from_utf8_lossy(&read.stdout);
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let size = listed.len() + 1;
    assert!(said.starts_with(&format!("size {size} ")) && said.contains(&format!(" entries {size} ")), "{said}");
    lines.lines().count()
}
