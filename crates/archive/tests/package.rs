//! The package as others see it: other tools read it, and nothing but the canonical bytes is accepted.
#![allow(clippy::unwrap_used)]

use archive::{folder, package};
use proptest::prelude::*;
use std::collections::BTreeMap;

type Entries = Vec<(String, Vec<u8>)>;

fn entries() -> Entries {
    let names = [
        "statement.json",
        "timestamp-1.tsr",
        "record.json",
        "proof.tlog-proof",
        "checkpoint.txt",
        "checkpoint.tsr",
        "disclosure.json",
        "operator-record.json",
        "operator-disclosure.json",
        "operator-proof.tlog-proof",
        "trust-policy",
        "trust-roles.json",
        "VERIFY.txt",
        "verify.py",
    ];
    names.iter().map(|n| ((*n).to_owned(), format!("bytes of {n}\n").into_bytes())).collect()
}

fn with(name: &str, after: &str) -> Entries {
    let mut all = entries();
    let at = all.iter().position(|e| e.0 == after).unwrap();
    all.insert(at + 1, (name.to_owned(), b"x".to_vec()));
    all
}

fn without(name: &str) -> Entries {
    entries().into_iter().filter(|e| e.0 != name).collect()
}

#[test]
fn what_is_written_is_read() {
    let bytes = package::write(&entries()).unwrap();
    let read = package::read(&bytes).unwrap();
    assert_eq!(read.entries[0].0, "package.json");
    assert_eq!(read.entries[1..], entries());
    let map: BTreeMap<_, _> = read.entries.into_iter().collect();
    assert_eq!(folder::check(&map), Ok(folder::Listing::Agrees));
}

#[test]
fn other_tools_read_what_we_write() {
    let bytes = package::write(&entries()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("package.zip");
    std::fs::write(&path, &bytes).unwrap();
    let python = |args: &[&str]| {
        let out = std::process::Command::new("python3").args(["-m", "zipfile"]).args(args).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    };
    let at = path.to_str().unwrap();
    assert!(python(&["-t", at]).contains("Done testing"));
    assert_eq!(python(&["-l", at]).lines().count(), entries().len() + 2, "a heading and package.json");
    python(&["-e", at, folder.path().to_str().unwrap()]);
    for (name, expected) in entries() {
        assert_eq!(std::fs::read(folder.path().join(&name)).unwrap(), expected, "{name}");
    }
}

#[test]
fn every_single_bit_and_every_cut_is_noticed() {
    let good = package::write(&entries()).unwrap();
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            assert!(package::read(&bad).is_err(), "bit {bit} of byte {at}");
        }
        assert!(package::read(&good[..at]).is_err());
    }
    for bad in [[&good[..], b"\0"].concat(), [b"\0", &good[..]].concat(), [&good[..], &good[..]].concat()] {
        assert!(package::read(&bad).is_err());
    }
}

#[test]
fn names_and_their_order_are_closed() {
    for (name, after) in [
        ("../statement.json", "statement.json"),
        ("statement.json", "statement.json"),
        ("a/b.txt", "verify.py"),
        ("extra.txt", "verify.py"),
        ("timestamp-3.tsr", "timestamp-1.tsr"),
        ("timestamp-5.tsr", "timestamp-1.tsr"),
        ("checkpoint-3.tsr", "checkpoint.tsr"),
        ("checkpoint-2.tsr", "verify.py"),
        ("later-01-proof.tlog-proof", "operator-proof.tlog-proof"),
        ("renewal-01.txt", "operator-proof.tlog-proof"),
        ("trust-tsa-0123456789abcdef.pem", "trust-roles.json"),
        ("certificate.pdf", "record.json"),
        ("anchor-B", "verify.py"),
        ("package.json", "verify.py"),
    ] {
        assert!(package::write(&with(name, after)).is_err(), "{name} after {after}");
    }
    for (name, after) in [
        ("timestamp-2.tsr", "timestamp-1.tsr"),
        ("checkpoint-2.tsr", "checkpoint.tsr"),
        ("capture.wacz", "verify.py"),
        ("anchor-x.1", "verify.py"),
        ("items.zip", "verify.py"),
        ("certificate.pdf", "verify.py"),
    ] {
        let bytes = package::write(&with(name, after)).unwrap();
        assert!(package::read(&bytes).is_ok(), "{name} after {after}");
    }
    for name in ["statement.json", "timestamp-1.tsr", "verify.py", "operator-disclosure.json", "trust-policy"] {
        assert!(package::write(&without(name)).is_err(), "without {name}");
    }
    let no_operator: Entries = entries().into_iter().filter(|e| !e.0.starts_with("operator-")).collect();
    assert!(package::write(&no_operator).is_ok());
    assert!(package::write(&without("checkpoint.tsr")).is_ok());
}

#[test]
fn what_was_added_later_keeps_its_order_and_counters() {
    let later = |n: u8| ["proof.tlog-proof", "checkpoint.txt", "checkpoint.tsr"].map(|p| format!("later-{n:02}-{p}"));
    let renewal = |n: u8| ["txt", "tsr"].map(|p| format!("renewal-{n:02}.{p}"));
    let build = |group: Vec<String>| {
        let mut all = entries();
        let at = all.iter().position(|e| e.0 == "trust-policy").unwrap();
        all.splice(at..at, group.into_iter().map(|n| (n, b"x".to_vec())));
        package::write(&all)
    };
    assert!(build([&later(1)[..], &renewal(1), &later(2)].concat()).is_ok());
    assert!(build([&renewal(1)[..], &renewal(2), &later(1)].concat()).is_ok());
    assert!(build(later(2).to_vec()).is_err());
    assert!(build([&later(2)[..], &later(1)].concat()).is_err());
    assert!(build(later(1)[..2].to_vec()).is_err());
    assert!(build([&later(1)[..1], &renewal(1), &later(1)[1..]].concat()).is_err());
}

#[test]
fn a_trust_certificate_is_named_by_its_digest() {
    let der = [0x30, 0x03, 0x02, 0x01, 0x07];
    let pem = "-----BEGIN CERTIFICATE-----\nMAMCAQc=\n-----END CERTIFICATE-----\n";
    let name = format!("trust-tsa-{}.pem", &evidence::hex::encode(&evidence::digest::sha256(&der))[..16]);
    let build = |name: &str, pem: &str| {
        let mut all = with(name, "trust-roles.json");
        all.iter_mut().find(|e| e.0 == name).unwrap().1 = pem.into();
        package::write(&all)
    };
    assert!(build(&name, pem).is_ok());
    assert!(build("trust-tsa-0123456789abcdef.pem", pem).is_err());
    assert!(build(&name, &pem.replace('\n', "\r\n")).is_err());
    assert!(build(&name, &format!("{pem}{pem}")).is_err());
    assert!(build(&name, &pem.replace("Qc=", "Qd=")).is_err());
}

#[test]
fn a_folder_is_checked_without_its_order() {
    let bytes = package::write(&entries()).unwrap();
    let whole: BTreeMap<_, _> = package::read(&bytes).unwrap().entries.into_iter().collect();
    let mut folder = whole.clone();
    folder.remove("package.json");
    assert_eq!(folder::check(&folder), Ok(folder::Listing::Absent));
    folder.insert("ORIGINAL".into(), vec![1]);
    assert_eq!(folder::check(&folder), Ok(folder::Listing::Absent));
    folder.insert("notes.doc".into(), vec![1]);
    assert!(folder::check(&folder).is_err());
    for change in ["checkpoint.tsr", "disclosure.json"] {
        let mut folder = whole.clone();
        folder.remove(change);
        assert!(folder::check(&folder).is_err(), "without {change}");
        folder.insert(change.into(), b"other".to_vec());
        assert!(folder::check(&folder).is_err(), "other {change}");
    }
    let mut folder = whole;
    folder.insert("anchor-1".into(), vec![1]);
    assert!(folder::check(&folder).is_err());
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes: Vec<u8>, at: prop::sample::Index, junk: Vec<u8>) {
        prop_assert!(package::read(&bytes).is_err());
        let mut good = package::write(&entries()).unwrap();
        let at = at.index(good.len());
        let end = good.len().min(at + junk.len());
        good[at..end].copy_from_slice(&junk[..end - at]);
        if let Ok(read) = package::read(&good) {
            prop_assert_eq!(package::write(&read.entries[1..]).unwrap(), good);
        }
    }
}
