#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const NOTE: &str = "This is an example message.\n\n— example.com/foo \
    Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

/// L, the order of the base point, little-endian.
const L: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn signed(text: &str, names: &[&str]) -> Note {
    let sign = |name: &&str| Signer::from_seed(name, &[9; 32]).unwrap().sign(text);
    Note { text: text.to_owned(), signatures: names.iter().map(sign).collect() }
}

#[test]
fn the_specification_s_example_verifies() {
    let key = VerifierKey::parse(VKEY).unwrap();
    assert_eq!(key.to_string(), VKEY);
    let note = Note::parse(NOTE.as_bytes()).unwrap();
    assert_eq!(note.text, "This is an example message.\n");
    assert_eq!(note.to_bytes(), NOTE.as_bytes());
    note.verify_log(&key).unwrap();
}

#[test]
fn the_text_ends_at_the_last_empty_line() {
    let note = signed("one\n\n\ntwo\n\n", &["a"]);
    let read = Note::parse(&note.to_bytes()).unwrap();
    assert_eq!(read, note);
    read.verify_log(&Signer::from_seed("a", &[9; 32]).unwrap().verifier_key()).unwrap();
}

#[test]
fn a_note_without_the_known_key_is_incomplete_and_a_bad_signature_is_forged() {
    let key = VerifierKey::parse(VKEY).unwrap();
    let stranger = signed("text\n", &["example.com/foo"]);
    assert!(matches!(stranger.verify_log(&key), Err(Error::Missing { .. })));
    let mut forged = Note::parse(NOTE.as_bytes()).unwrap();
    forged.text = "This is another message.\n".into();
    assert!(matches!(forged.verify_log(&key), Err(Error::Signature { .. })));
    let mut cut = Note::parse(NOTE.as_bytes()).unwrap();
    cut.signatures[0].signature.pop();
    assert!(matches!(cut.verify_log(&key), Err(Error::Signature { .. })));
    let cosigner = VerifierKey::new("a", KeyType::Cosignature, key.public_key()).unwrap();
    assert!(cosigner.id() != key.id() && !signed("text\n", &["a"]).verify_log(&cosigner).unwrap_err().is_incomplete());
}

#[test]
fn other_spellings_are_refused() {
    for (from, to) in [
        ("message.\n\n", "message.\n"),
        ("message.\n\n", "message.\r\n\n"),
        ("message", "mess\tage"),
        ("message", "mess\0age"),
        ("— ", "- "),
        ("— ", "—  "),
        ("— ", "—\u{a0}"),
        ("example.com/foo", "example.com+foo"),
        ("example.com/foo", "example.com/\u{2003}foo"),
        ("example.com/foo ", " "),
        ("yaQM=\n", "yaQN=\n"),
        ("yaQM=\n", "yaQM\n"),
        ("yaQM=\n", "yaQM==\n"),
        ("yaQM=\n", "yaQM= \n"),
        ("yaQM=\n", "yaQM="),
        ("yaQM=\n", "yaQM=\n\n"),
        ("yaQM=\n", "yaQM=\nx\n"),
    ] {
        assert!(NOTE.contains(from));
        let bad = NOTE.replacen(from, to, 1);
        assert!(matches!(Note::parse(bad.as_bytes()), Err(Error::Malformed { .. })), "{bad:?}");
    }
    for bad in [&b""[..], b"\n", b"\n\n", b"text\n\n", b"text\n\n\n", b"text\n\n\xff\n"] {
        assert!(Note::parse(bad).is_err());
    }
    let id_only = "text\n\n— a AAAAAA==\n";
    assert!(Note::parse(id_only.as_bytes()).is_err(), "a key id without a signature");
}

#[test]
fn lines_are_bounded_and_belong_to_different_keys() {
    let names: Vec<String> = (0..17).map(|n| format!("key{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Note::parse(&signed("text\n", &names[..16]).to_bytes()).unwrap();
    let refused = |note: &Note| matches!(Note::parse(&note.to_bytes()), Err(Error::Malformed { .. }));
    assert!(refused(&signed("text\n", &names)));
    assert!(refused(&signed("text\n", &["a", "b", "a"])));

    let mut other_id = signed("text\n", &["a", "a"]);
    other_id.signatures[1].id = [0; 4];
    Note::parse(&other_id.to_bytes()).unwrap();

    let mut long = signed("text\n", &["a"]);
    long.signatures[0].signature = vec![0; 4 + 3 * 1_245];
    assert!(long.signatures[0].to_string().len() < MAX_LINE);
    Note::parse(&long.to_bytes()).unwrap();
    long.signatures[0].signature = vec![0; 3_750];
    assert!(refused(&long));
    assert!(refused(&signed(&format!("{}\n", "x".repeat(MAX_LINE + 1)), &["a"])));
    let huge = signed(&"line\n".repeat(MAX_NOTE / 5), &["a"]);
    assert!(matches!(Note::parse(&huge.to_bytes()), Err(Error::TooLarge { .. })));
}

#[test]
fn vkeys_have_one_spelling_and_their_own_id() {
    for (from, to) in [
        ("530d903a", "530d903b"),
        ("530d903a", "530D903A"),
        ("530d903a", "530d903"),
        ("example.com/foo", ""),
        ("example.com/foo", "example.com/fo o"),
        ("example.com/foo", "example.com/foo\n"),
        ("U2k", "U2k="),
        ("U2k", "U2"),
        ("+Ae", "+"),
        ("+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "+"),
        ("+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", ""),
    ] {
        assert!(VKEY.contains(from));
        let bad = VKEY.replacen(from, to, 1);
        assert!(VerifierKey::parse(&bad).is_err(), "{bad}");
    }
    assert!(matches!(VerifierKey::parse(&"a".repeat(6_000)), Err(Error::TooLarge { .. })));
    let sm2 = VerifierKey::parse("name+01020304+/3F1ZXphbw==").unwrap();
    assert_eq!((sm2.key_type(), sm2.to_string().as_str()), (KeyType::Other(0xff), "name+01020304+/3F1ZXphbw=="));
}

#[test]
fn weak_and_non_canonical_keys_are_refused() {
    let p = {
        let mut p = [0xff; 32];
        (p[0], p[31]) = (0xed, 0x7f);
        p
    };
    let plus = |base: [u8; 32], n: u8| {
        let mut out = base;
        out[0] = out[0].wrapping_add(n);
        out
    };
    let signed_x = |base: [u8; 32]| {
        let mut out = base;
        out[31] |= 0x80;
        out
    };
    let one = plus([0; 32], 1);
    // Zero, one, minus one, and the same beyond p, with either sign: small order or a second encoding.
    // p + 3 and p + 4 to p + 18 decode to points under the laxer rule where they are on the curve.
    let mut bad = vec![[0; 32], signed_x([0; 32]), one, signed_x(one), plus(p, 0xff), signed_x(plus(p, 0xff))];
    bad.extend((0..=18).flat_map(|n| [plus(p, n), signed_x(plus(p, n))]));
    let order_8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05";
    bad.push(hex::decode("point", order_8).unwrap());
    bad.push(hex::decode("point", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a").unwrap());
    for key in bad {
        assert!(VerifierKey::new("a", KeyType::Ed25519, &key).is_err(), "{}", hex::encode(&key));
    }
    let twos = plus([0; 32], 2);
    assert!(VerifyingKey::from_bytes(&twos).is_err(), "2 is the y of no point");
    assert!(VerifierKey::new("a", KeyType::Ed25519, &[1; 31]).is_err());
    assert!(VerifierKey::new("a", KeyType::MlDsa44, &[1; 1311]).is_err());
}

#[test]
fn s_is_below_l() {
    let signer = Signer::from_seed("a", &[9; 32]).unwrap();
    let mut note = signed("text\n", &["a"]);
    note.verify_log(&signer.verifier_key()).unwrap();
    let mut carry = 0;
    for (s, l) in note.signatures[0].signature[32..].iter_mut().zip(L) {
        let sum = u16::from(*s) + u16::from(l) + carry;
        (*s, carry) = (sum as u8, sum >> 8);
    }
    assert!(matches!(note.verify_log(&signer.verifier_key()), Err(Error::Signature { .. })));
}

#[test]
fn r_is_judged_as_openssl_judges_it() {
    // R is the neutral element and S = k a: a true signature of the key's owner, which OpenSSL 3 accepts.
    let small = "0100000000000000000000000000000000000000000000000000000000000000\
         bb1126970a21c57f415c71ac4f65d85138a89ece510d0245d5b791431cdf5e05";
    // The same R encoded as y = p + 1, which OpenSSL 3 refuses.
    let beyond = "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f\
         f34edff3adf8b3c652524b2a04f697ddb1e020feeaccb49d3b27b7e320ecf207";
    let key = Signer::from_seed("a", &[9; 32]).unwrap().verifier_key();
    key.verify_ed25519("test", b"text\n", &hex::decode::<64>("signature", small).unwrap()).unwrap();
    assert!(key.verify_ed25519("test", b"text\n", &hex::decode::<64>("signature", beyond).unwrap()).is_err());
}

#[test]
fn rfc_8032_test_1() {
    let seed = hex::decode("seed", "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
    let signer = Signer::from_seed("a", &seed).unwrap();
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    assert_eq!(hex::encode(signer.verifier_key().public_key()), public);
    let expected = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
    assert_eq!(hex::encode(&signer.raw(b"")), expected);
}

proptest! {
    #[test]
    fn never_panics(bytes: Vec<u8>, text: String) {
        let _ = Note::parse(&bytes);
        let _ = SignatureLine::parse(&text);
        let _ = VerifierKey::parse(&text);
    }

    #[test]
    fn a_changed_note_is_refused_or_written_back(at: prop::sample::Index, byte: u8) {
        let mut bytes = NOTE.as_bytes().to_vec();
        let at = at.index(bytes.len());
        let same = bytes[at] == byte;
        bytes[at] = byte;
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert_eq!(note.to_bytes(), &bytes[..]);
            prop_assert!(same || note.verify_log(&VerifierKey::parse(VKEY).unwrap()).is_err());
        }
    }

    #[test]
    fn note_like_texts_are_refused_or_written_back(text in "([a\n]{0,4}\n){1,3}\n(— [ab+ ]{1,2} [A-D]{8}\n?){0,3}") {
        if let Ok(note) = Note::parse(text.as_bytes()) {
            prop_assert_eq!(note.to_bytes(), text.as_bytes());
        }
    }

    #[test]
    fn vkeys_are_refused_or_written_back(text in "[a+]{1,2}\\+[0-9a-fA]{8}\\+[A-Za-z0-9+/]{4,8}={0,2}") {
        if let Ok(key) = VerifierKey::parse(&text) {
            prop_assert_eq!(key.to_string(), text);
        }
    }
}
