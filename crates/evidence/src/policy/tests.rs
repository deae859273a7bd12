#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::{checkpoint::Checkpoint, cosignature::Cosigner, note::Signer};

const ORIGIN: &str = "example.com/log";

fn log() -> Signer {
    Signer::from_seed(ORIGIN, &[200; 32]).unwrap()
}

fn cosigner(n: u8) -> Cosigner {
    Cosigner::from_seed(&format!("w{n}.example"), &[n; 32]).unwrap()
}

fn vkey(n: u8) -> String {
    cosigner(n).verifier_key().to_string()
}

/// The log, witnesses `w1` to `w6`, then `rest`.
fn policy(rest: &str) -> String {
    let witnesses: String = (1..=6).map(|n| format!("witness w{n} {}\n", vkey(n))).collect();
    format!("log {} https://example.com/\n\n# witnesses\n{witnesses}{rest}", log().verifier_key())
}

fn cosigned(by: &[u8]) -> Note {
    let text = Checkpoint { origin: ORIGIN.into(), size: 9, root: [1; 32] }.to_text();
    let words = by.iter().map(|n| cosigner(*n).cosign(&text, 1_700_000_000 + u64::from(*n)));
    let signatures = std::iter::once(log().sign(&text)).chain(words).collect();
    Note { text, signatures }
}

fn met(rest: &str, by: &[u8]) -> bool {
    Policy::parse(policy(rest).as_bytes()).unwrap().evaluate(&cosigned(by), ORIGIN).met
}

const NESTED: &str = "group X-witnesses 2 w1 w2 w3\ngroup Y-witnesses any w4 w5 w6\n\
                      group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n";

#[test]
fn the_specification_s_example() {
    for (by, expected) in [
        (&[][..], false),
        (&[1, 2, 3], false),
        (&[4, 5, 6], false),
        (&[1, 4], false),
        (&[1, 4, 5, 6], false),
        (&[1, 2, 4], true),
        (&[2, 3, 6], true),
        (&[1, 2, 3, 4, 5, 6], true),
    ] {
        assert_eq!(met(NESTED, by), expected, "{by:?}");
    }
}

#[test]
fn a_foreign_note_meets_its_policy() {
    let policy = Policy::parse(include_bytes!("../../tests/foreign/policy")).unwrap();
    let bytes = include_bytes!("../../tests/foreign/checkpoint.txt");
    let note = Note::parse(bytes).unwrap();
    assert_eq!(note.to_bytes(), bytes);
    let found = policy.evaluate(&note, &Checkpoint::parse(&note.text).unwrap().origin);
    note.verify_log(&found.log.unwrap()).unwrap();
    let times: Vec<u64> = found.cosigned.iter().map(|c| c.2).collect();
    assert_eq!((times, found.met, found.unknown_lines), (vec![1_679_315_147, 1_679_315_148], true, 0));
}

#[test]
fn witnesses_thresholds_and_none() {
    assert!(met("quorum none\n", &[]));
    assert!(met("quorum w2\n", &[2]) && !met("quorum w2\n", &[1, 3]));
    assert!(met("group g any w1 w2\nquorum g\n", &[2]) && !met("group g any w1 w2\nquorum g\n", &[3]));
    assert!(met("group g all w1 w2\nquorum g\n", &[1, 2]) && !met("group g all w1 w2\nquorum g\n", &[1]));
    assert!(met("group g 1 w1\nquorum g\n", &[1]));
    assert!(met("group g any w1 w2\nquorum w1\n", &[1]), "a member may be the quorum");
}

#[test]
fn what_was_found_is_told() {
    let policy = Policy::parse(policy(NESTED).as_bytes()).unwrap();
    assert_eq!((policy.logs().len(), policy.witnesses().len()), (1, 6));
    let mut note = cosigned(&[1, 4, 9]);
    note.signatures[2].signature[20] ^= 1;
    let found = policy.evaluate(&note, ORIGIN);
    assert_eq!(found.log, Some(log().verifier_key()));
    assert_eq!(found.cosigned, [("w1".to_owned(), cosigner(1).verifier_key(), 1_700_000_001)]);
    assert_eq!(found.bad, [("w4".to_owned(), cosigner(4).verifier_key())]);
    assert_eq!((found.unknown_lines, found.met), (1, false));
    assert_eq!(found.quorum, "2 of 2 (X-and-Y: 2 of 3 (X-witnesses), 1 of 3 (Y-witnesses))");

    let elsewhere = policy.evaluate(&cosigned(&[]), "example.com/other");
    assert_eq!((elsewhere.log, elsewhere.unknown_lines), (None, 1));
}

#[test]
fn the_quorum_in_words() {
    let words = |rest: &str| Policy::parse(policy(rest).as_bytes()).unwrap().evaluate(&cosigned(&[]), ORIGIN).quorum;
    assert_eq!(words("quorum none\n"), "none");
    assert_eq!(words("quorum w1\n"), "1 of 1 (w1)");
    assert_eq!(words("group courts 2 w1 w2 w3\nquorum courts\n"), "2 of 3 (courts)");
}

#[test]
fn one_key_counts_once_under_whatever_name() {
    let raw = cosigner(1).verifier_key();
    let as_log = VerifierKey::new("other.example", KeyType::Ed25519, raw.public_key()).unwrap();
    let renamed = VerifierKey::new("sock.puppet", KeyType::Cosignature, raw.public_key()).unwrap();
    let log_as_witness = VerifierKey::new("w", KeyType::Cosignature, log().verifier_key().public_key()).unwrap();
    for line in [
        format!("witness again {raw}"),
        format!("witness again {renamed}"),
        format!("log {as_log}"),
        format!("witness w {log_as_witness}"),
        format!("log {}", log().verifier_key()),
    ] {
        let text = policy(&format!("{line}\nquorum none\n"));
        assert!(matches!(Policy::parse(text.as_bytes()), Err(Error::Malformed { .. })), "{line}");
    }
}

#[test]
fn what_is_not_understood_fails() {
    let pq = VerifierKey::new("w7", KeyType::MlDsa44, &[7; 1312]).unwrap();
    let good = policy(&format!("\t witness\tw7  {pq} https://w7.example/ \n \t\n  # 说明\nquorum none\n"));
    Policy::parse(good.as_bytes()).unwrap();
    let cosign_log = vkey(8);
    let plain = Signer::from_seed("plain", &[8; 32]).unwrap().verifier_key();
    let wrong_id = vkey(8).replacen("w8", "w9", 1);
    for line in [
        "qourum none".to_owned(),
        "Quorum none".into(),
        "extra".into(),
        "log".into(),
        "witness w7".into(),
        format!("witness {}", vkey(8)),
        format!("witness w7 {} https://a/ more", vkey(8)),
        format!("witness w7 {plain}"),
        format!("witness w7 {wrong_id}"),
        format!("log {cosign_log}"),
        "log name+01020304+/3F1ZXphbw==".into(),
        "witness w7 name+01020304+/3F1ZXphbw==".into(),
        format!("witness none {}", vkey(8)),
        format!("witness w1 {}", vkey(8)),
        "group w1 any w2".into(),
        "group none any w2".into(),
        "group g".into(),
        "group g any".into(),
        "group g all".into(),
        "group g w1 w2".into(),
        "group g 0 w1".into(),
        "group g 01 w1".into(),
        "group g +1 w1".into(),
        "group g 3 w1 w2".into(),
        "group g 99999999999999999999999 w1".into(),
        "group g any none".into(),
        "group g any g".into(),
        "group g any w9".into(),
        "group g any w1 w1".into(),
        "group g any w1\ngroup h any w1".into(),
        "group g any h\ngroup h any w1".into(),
        "quorum w1".into(),
        "# bell \u{7}".into(),
        "# del \u{7f}".into(),
        "# carriage return\r".into(),
    ] {
        let text = policy(&format!("{line}\nquorum none\n"));
        let error = Policy::parse(text.as_bytes()).unwrap_err();
        assert!(!error.is_incomplete(), "{line}: {error}");
    }
    for text in
        ["", "\n", "quorum none", "# nothing\n", "quorum a\n", "quorum\n", "quorum none x\n", "\u{feff}quorum none\n"]
    {
        assert!(Policy::parse(text.as_bytes()).is_err(), "{text:?}");
    }
    Policy::parse(b"quorum none\n").unwrap();
}

#[test]
fn names_are_octets() {
    let line = |name: &[u8], n| [b"witness ", name, b" ", vkey(n).as_bytes(), b"\n"].concat();
    let both = [line(b"K", 1), line(&[0xe2, 0x84, 0xaa], 2), line(&[0xff], 3), line(&[0xfe], 4)].concat();
    let text = [&both[..], b"quorum \xfe\n"].concat();
    let policy = Policy::parse(&text).unwrap();
    assert!(policy.evaluate(&cosigned(&[4]), ORIGIN).met && !policy.evaluate(&cosigned(&[3]), ORIGIN).met);
}

#[test]
fn policies_are_bounded() {
    let logs = |count: u8| -> String {
        let key = |n| Signer::from_seed("l", &[n; 32]).unwrap().verifier_key();
        (1..=count).map(|n| format!("log {}\n", key(n))).chain(["quorum none\n".into()]).collect()
    };
    let witnesses = |count: u8| -> String {
        (1..=count).map(|n| format!("witness w{n} {}\n", vkey(n))).chain(["quorum none\n".into()]).collect()
    };
    let groups = |count: u8| -> String {
        let first = format!("witness g0 {}\n", vkey(1));
        let nested = (1..=count).map(|n| format!("group g{n} any g{}\n", n - 1));
        std::iter::once(first).chain(nested).chain([format!("quorum g{count}\n")]).collect()
    };
    for make in [&logs as &dyn Fn(u8) -> String, &witnesses, &groups] {
        Policy::parse(make(64).as_bytes()).unwrap();
        assert!(matches!(Policy::parse(make(65).as_bytes()), Err(Error::TooLarge { found: 65, .. })));
    }
    let deepest = Policy::parse(groups(64).as_bytes()).unwrap();
    assert!(deepest.evaluate(&cosigned(&[1]), ORIGIN).met);
    let huge = format!("{}quorum none\n", "#\n".repeat(MAX_POLICY / 2));
    assert!(matches!(Policy::parse(huge.as_bytes()), Err(Error::TooLarge { .. })));
}

proptest! {
    #[test]
    fn never_panics(bytes: Vec<u8>) {
        let _ = Policy::parse(&bytes);
    }

    #[test]
    fn what_is_read_can_be_evaluated(lines in prop::collection::vec("(group|quorum|#) ?[abw][1-3]? ?(any|all|[0-3])?( [abw][1-3]?){0,3}", 0..6), by in prop::collection::vec(1u8..=6, 0..3)) {
        let text = policy(&format!("{}\n", lines.join("\n")));
        if let Ok(policy) = Policy::parse(text.as_bytes()) {
            policy.evaluate(&cosigned(&by), ORIGIN);
        }
    }

    /// Against the plain meaning: the number of cosigning members decides.
    #[test]
    fn thresholds_count(k in 1usize..=6, by in prop::collection::btree_set(1u8..=6, 0..=6)) {
        let by: Vec<u8> = by.into_iter().collect();
        prop_assert_eq!(met(&format!("group g {k} w1 w2 w3 w4 w5 w6\nquorum g\n"), &by), by.len() >= k);
    }
}
