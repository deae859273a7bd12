//! `formats`: what a single parser takes, and what it refuses.

use super::{
    der::*,
    pretty,
    world::{Build, PICTURE, World, at, base64, base64url, canonical},
};
use crate::common::{proof, root};
use evidence::{
    cosignature::Cosigner,
    digest, hex,
    json::{Value, json},
    merkle,
    note::{KeyType, Note, SignatureLine, Signer, VerifierKey},
    record::leaf_hash,
};
use ml_dsa::{MlDsa44, signature::Keypair as _};
use std::collections::BTreeMap;

/// The files below `formats/`, and what each is.
#[derive(Default)]
struct Shelf {
    files: BTreeMap<String, Vec<u8>>,
    index: Vec<Value>,
    counts: BTreeMap<String, usize>,
    key: Option<String>,
}

impl Shelf {
    fn put(&mut self, format: &str, result: &str, slug: &str, rule: &str, bytes: impl AsRef<[u8]>) {
        let kind = if result == "accept" { "good" } else { "bad" };
        let count = self.counts.entry(format!("{format}/{kind}")).or_default();
        *count += 1;
        let ending = match format {
            "token" => "tsr",
            "package" => "zip",
            "json" | "statement" | "record" | "inclusion" | "consistency" => "json",
            _ => "txt",
        };
        let file = format!("{format}/{kind}-{count:02}-{slug}.{ending}");
        let mut line = json!({"format": format, "file": file, "result": result, "rule": rule});
        if let Some(key) = &self.key {
            line["key"] = json!(key);
        }
        self.index.push(line);
        assert!(self.files.insert(file, bytes.as_ref().to_vec()).is_none());
    }

    fn good(&mut self, format: &str, slug: &str, rule: &str, bytes: impl AsRef<[u8]>) {
        self.put(format, "accept", slug, rule, bytes);
    }

    fn bad(&mut self, format: &str, slug: &str, rule: &str, bytes: impl AsRef<[u8]>) {
        self.put(format, "refuse", slug, rule, bytes);
    }

    fn unknown(&mut self, format: &str, slug: &str, rule: &str, bytes: impl AsRef<[u8]>) {
        self.put(format, "unknown", slug, rule, bytes);
    }
}

pub fn files() -> BTreeMap<String, Vec<u8>> {
    let mut shelf = Shelf::default();
    json_texts(&mut shelf);
    disclosures(&mut shelf);
    statements(&mut shelf);
    records(&mut shelf);
    inclusion(&mut shelf);
    consistency(&mut shelf);
    checkpoints(&mut shelf);
    notes(&mut shelf);
    cosignatures(&mut shelf);
    ml_dsa(&mut shelf);
    policies(&mut shelf);
    proofs(&mut shelf);
    tokens(&mut shelf);
    packages(&mut shelf);
    let index = pretty(&Value::Array(shelf.index));
    shelf.files.insert("index.json".into(), index);
    shelf.files
}

fn json_texts(s: &mut Shelf) {
    const F: &str = "json";
    s.good(
        F,
        "all",
        "every type, members by UTF-16 code units",
        "{\"\":1,\"a\":[true,null,-5],\"😀\":\"x\",\"ﬁ\":\"中\"}",
    );
    s.good(F, "largest", "2^53 - 1", "[9007199254740991,-9007199254740991,0]");
    s.good(F, "mongolian", "the default-ignorable code points that are allowed", "[\"\u{180b}\u{200d}\u{fe0f}\"]");
    s.good(F, "escapes", "the two escapes that canonical text can hold", r#"["\"\\"]"#);
    s.bad(F, "member-twice", "each member once", r#"{"a":1,"a":1}"#);
    s.bad(F, "order", "members in order", r#"{"b":1,"a":1}"#);
    s.bad(F, "utf16-order", "the order is of UTF-16 code units, not of code points", "{\"ﬁ\":1,\"😀\":1}");
    s.bad(F, "space", "no white space", r#"{"a": 1}"#);
    s.bad(F, "newline", "nothing after the value", "[1]\n");
    s.bad(F, "float", "integers only", "[1.0]");
    s.bad(F, "exponent", "integers only", "[1e2]");
    s.bad(F, "minus-zero", "no minus zero", "[-0]");
    s.bad(F, "large", "within 2^53 - 1", "[9007199254740992]");
    s.bad(F, "leading-zero", "numbers in JSON's form", "[01]");
    s.bad(F, "nan", "numbers in JSON's form", "[NaN]");
    s.bad(F, "escape", "no escape that is not needed", r#"["\u0041"]"#);
    s.bad(F, "slash", "no escape that is not needed", r#"["\/"]"#);
    s.bad(F, "control", "no control characters", r#"["\n"]"#);
    s.bad(F, "bidi", "no bidi controls", "[\"\u{202e}\"]");
    s.bad(F, "invisible", "no other default-ignorable code points", "[\"a\u{200b}\"]");
    s.bad(F, "tag", "no tag characters", "[\"a\u{e0041}\"]");
    s.bad(F, "nfd", "NFC", "[\"e\u{301}\"]");
    s.bad(F, "surrogate", "no surrogates", r#"["\ud800"]"#);
    s.bad(F, "bom", "no byte order mark", "\u{feff}[]");
    s.bad(F, "utf-8", "UTF-8", b"[\"\xff\"]");
    s.bad(F, "deep", "bounded nesting", "[".repeat(5000));
    s.bad(F, "empty", "one value", "");
}

fn disclosures(s: &mut Shelf) {
    const F: &str = "disclosure";
    let salt = base64url(&[7; 16]);
    let text = |t: String| base64url(t.as_bytes());
    s.good(F, "text", "salt, name, value", text(format!(r#"["{salt}","title","喜鹊"]"#)));
    s.good(F, "null", "a claim that is not made", text(format!(r#"["{salt}","title",null]"#)));
    s.good(F, "salt-64", "a salt of 64 bytes", text(format!(r#"["{}","title","x"]"#, base64url(&[7; 64]))));
    s.bad(F, "salt-15", "a salt of at least 16 bytes", text(format!(r#"["{}","title","x"]"#, base64url(&[7; 15]))));
    s.bad(F, "salt-65", "a salt of at most 64 bytes", text(format!(r#"["{}","title","x"]"#, base64url(&[7; 65]))));
    s.bad(F, "salt-padding", "a salt without padding", text(format!(r#"["{salt}==","title","x"]"#)));
    s.bad(F, "space", "canonical JSON", text(format!(r#"["{salt}", "title","x"]"#)));
    s.bad(F, "padding", "no padding", text(format!(r#"["{salt}","title","x"]"#)) + "=");
    s.bad(
        F,
        "standard-base64",
        "base64url",
        base64(format!(r#"["{salt}","title","???>>>"]"#).as_bytes()).trim_end_matches('='),
    );
    s.bad(F, "stray-bits", "one spelling of base64url", {
        let mut t = text(format!(r#"["{salt}","title","xy"]"#)).into_bytes();
        let last = t.last_mut().unwrap();
        *last += 1;
        t
    });
    s.bad(F, "two", "three members", text(format!(r#"["{salt}","title"]"#)));
    s.bad(F, "four", "three members", text(format!(r#"["{salt}","title","x","y"]"#)));
    s.bad(F, "name", "a name that is a string", text(format!(r#"["{salt}",1,"x"]"#)));
    s.bad(F, "object", "an array", text(r#"{"a":1}"#.into()));
}

fn statements(s: &mut Shelf) {
    const F: &str = "statement";
    let world = World::new(1);
    let honest = world.image().0;
    let with = |change: &dyn Fn(&mut Value)| {
        let mut value = honest.clone();
        change(&mut value);
        canonical(&value)
    };
    s.good(F, "image", "an image", canonical(&honest));
    s.good(F, "operator", "leaf 0's statement", canonical(&world.operator().0));
    s.bad(F, "spaces", "canonical", [b" ", &canonical(&honest)[..]].concat());
    s.bad(F, "wrong-place", "a member that is defined elsewhere", with(&|v| v["leaf"] = json!("x")));
    s.bad(F, "missing", "every member of the kind", with(&|v| drop(v.as_object_mut().unwrap().remove("software"))));
    s.bad(F, "microseconds", "six fraction digits", with(&|v| v["received_at"] = json!("2026-01-05T01:01:00Z")));
    s.bad(F, "zone", "Z", with(&|v| v["received_at"] = json!("2026-01-05T01:01:00.000000+00:00")));
    s.bad(F, "february-30", "days that exist", with(&|v| v["received_at"] = json!("2026-02-30T01:01:00.000000Z")));
    s.bad(
        F,
        "uuid-upper",
        "a UUID in lower case",
        with(&|v| {
            v["id"] = json!(v["id"].as_str().unwrap().to_uppercase());
        }),
    );
    s.bad(
        F,
        "slot-padding",
        "a digest without padding",
        with(&|v| {
            let digest = format!("{}=", v["claims"]["title"]["_sd"][0].as_str().unwrap());
            v["claims"]["title"]["_sd"][0] = json!(digest);
        }),
    );
    s.bad(F, "size-text", "a size that is a number", with(&|v| v["file"]["size"] = json!("7")));
    s.unknown(F, "schema", "another schema", with(&|v| v["schema"] = json!("quezao/statement/v2")));
    s.unknown(F, "kind", "a kind that version 1 does not know", with(&|v| v["kind"] = json!("poem")));
    s.unknown(F, "member", "a member that version 1 defines nowhere", with(&|v| v["colour"] = json!("red")));
}

fn records(s: &mut Shelf) {
    const F: &str = "record";
    let world = World::new(1);
    let bytes = world.record(&world.image().0, at(61));
    let honest: Value = serde_json::from_slice(&bytes).unwrap();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut value = honest.clone();
        change(&mut value);
        canonical(&value)
    };
    s.good(F, "one", "one token", &bytes);
    s.good(F, "four", "four tokens", with(&|v| v["timestamps"] = json!(vec![v["timestamps"][0].clone(); 4])));
    s.bad(F, "none", "at least one token", with(&|v| v["timestamps"] = json!([])));
    s.bad(F, "five", "at most four tokens", with(&|v| v["timestamps"] = json!(vec![v["timestamps"][0].clone(); 5])));
    s.bad(F, "gen-time", "genTime in DER", with(&|v| v["timestamps"][0]["gen_time"] = json!("20260105010101.10Z")));
    s.bad(
        F,
        "digest",
        "a digest in lower-case hex",
        with(&|v| v["timestamps"][0]["token_sha256"] = json!("AB".repeat(32))),
    );
    s.bad(F, "member", "closed", with(&|v| v["kind"] = json!("image")));
    s.bad(F, "newline", "canonical", [&bytes[..], b"\n"].concat());
    s.bad(
        F,
        "large",
        "at most 65,535 bytes",
        with(&|v| v["statement"]["software"]["name"] = json!("x".repeat(65_536))),
    );
    s.unknown(F, "schema", "another schema", with(&|v| v["schema"] = json!("quezao/record/v2")));
}

fn leaves(n: u8) -> Vec<Vec<u8>> {
    (0..n).map(|n| vec![n; usize::from(n)]).collect()
}

fn inclusion(s: &mut Shelf) {
    const F: &str = "inclusion";
    let make = |size: u8, index: usize| {
        let all = leaves(size);
        let note = World::new(1).note(&all, at(0));
        let hashes = evidence::proof::TlogProof::parse(&proof(&all, index, &note)).unwrap().hashes;
        (hex::encode(&all[index]), size, index, hashes, root(&all))
    };
    let text = |(leaf, size, index, hashes, root): (String, u8, usize, Vec<[u8; 32]>, [u8; 32])| {
        let hashes: Vec<String> = hashes.iter().map(|h| hex::encode(h)).collect();
        pretty(&json!({"leaf": leaf, "size": size, "index": index, "proof": hashes, "root": hex::encode(&root)}))
    };
    for (slug, size, index) in [("one", 1, 0), ("first-of-8", 8, 0), ("last-of-7", 7, 6), ("middle-of-13", 13, 8)] {
        s.good(F, slug, "RFC 6962, 2.1.1", text(make(size, index)));
    }
    let mut bad = |slug, rule, change: &dyn Fn(&mut (String, u8, usize, Vec<[u8; 32]>, [u8; 32]))| {
        let mut one = make(13, 8);
        change(&mut one);
        s.bad(F, slug, rule, text(one));
    };
    bad("index", "another index", &|p| p.2 = 9);
    bad("size", "another size", &|p| p.1 = 12);
    bad("index-is-size", "an index below the size", &|p| p.2 = 13);
    bad("empty-tree", "no leaf in a tree of size 0", &|p| (p.1, p.2) = (0, 0));
    bad("short", "as many hashes as index and size ask for", &|p| p.3.truncate(2));
    bad("long", "as many hashes as index and size ask for", &|p| p.3.push([0; 32]));
    bad("swapped", "from the leaf up", &|p| p.3.swap(0, 1));
    bad("leaf", "the leaf's bytes", &|p| p.0.push_str("00"));
    bad("root", "the root", &|p| p.4[0] ^= 1);
    // Node hashes without their prefix would let an inner node pass for a leaf.
    let all = leaves(4);
    let pair = |a: &[u8], b: &[u8]| [leaf_hash(a), leaf_hash(b)].concat();
    let node = hex::encode(&pair(&all[0], &all[1]));
    let right = merkle::node_hash(&leaf_hash(&all[2]), &leaf_hash(&all[3]));
    s.bad(F, "inner-node", "leaves and nodes have different prefixes", text((node, 2, 0, vec![right], root(&all))));
}

fn consistency(s: &mut Shelf) {
    const F: &str = "consistency";
    /// RFC 6962, 2.1.2.
    fn sub(m: usize, all: &[Vec<u8>], whole: bool) -> Vec<[u8; 32]> {
        if m == all.len() {
            return if whole { Vec::new() } else { vec![root(all)] };
        }
        let k = all.len().next_power_of_two() / 2;
        if m <= k {
            [sub(m, &all[..k], whole), vec![root(&all[k..])]].concat()
        } else {
            [sub(m - k, &all[k..], false), vec![root(&all[..k])]].concat()
        }
    }
    type Proof = (u8, u8, Vec<[u8; 32]>, [u8; 32], [u8; 32]);
    let make = |old: u8, new: u8| -> Proof {
        let all = leaves(new);
        let hashes = if old == 0 { Vec::new() } else { sub(old.into(), &all, true) };
        (old, new, hashes, root(&all[..old.into()]), root(&all))
    };
    let text = |(old, new, hashes, first, second): Proof| {
        let hashes: Vec<String> = hashes.iter().map(|h| hex::encode(h)).collect();
        let (first, second) = (hex::encode(&first), hex::encode(&second));
        pretty(&json!({"old_size": old, "old_root": first, "new_size": new, "new_root": second, "proof": hashes}))
    };
    for (slug, old, new) in [("3-to-7", 3, 7), ("4-to-7", 4, 7), ("6-to-8", 6, 8), ("7-to-7", 7, 7), ("0-to-5", 0, 5)] {
        s.good(F, slug, "RFC 6962, 2.1.2", text(make(old, new)));
    }
    let mut bad = |slug, rule, change: &dyn Fn(&mut Proof)| {
        let mut one = make(6, 13);
        change(&mut one);
        s.bad(F, slug, rule, text(one));
    };
    bad("smaller", "no smaller tree", &|p| (p.0, p.1) = (p.1, p.0));
    bad("old-root", "the old root", &|p| p.3[0] ^= 1);
    bad("new-root", "the new root", &|p| p.4[0] ^= 1);
    bad("short", "as many hashes as the sizes ask for", &|p| p.2.truncate(2));
    bad("long", "as many hashes as the sizes ask for", &|p| p.2.push([0; 32]));
    bad("old-size", "another old size", &|p| p.0 = 5);
    bad("bit", "every hash counts", &|p| p.2[1][5] ^= 1);
    s.bad(F, "same-size-other-root", "equal sizes, equal roots", text((7, 7, Vec::new(), [1; 32], root(&leaves(7)))));
    s.bad(
        F,
        "same-size-with-proof",
        "equal sizes, no proof",
        text((7, 7, vec![[1; 32]], root(&leaves(7)), root(&leaves(7)))),
    );
}

fn checkpoints(s: &mut Shelf) {
    const F: &str = "checkpoint";
    let world = World::new(1);
    let text = world.text(&leaves(3));
    s.good(F, "three-lines", "origin, size, root", &text);
    s.good(F, "empty", "the empty tree", format!("{}\n0\n{}\n", world.origin, base64(&merkle::empty_root())));
    s.bad(F, "extension", "no extension line", format!("{text}more\n"));
    s.bad(F, "no-newline", "a newline at the end", text.trim_end());
    s.bad(F, "crlf", "LF", text.replace('\n', "\r\n"));
    s.bad(F, "leading-zero", "a size without leading zeros", text.replacen("\n3\n", "\n03\n", 1));
    s.bad(F, "sign", "a size of digits", text.replacen("\n3\n", "\n+3\n", 1));
    s.bad(F, "2-63", "a size below 2^63", text.replacen("\n3\n", "\n9223372036854775808\n", 1));
    s.bad(F, "space", "no space in an origin", text.replacen("ledger", "led ger", 1));
    s.bad(F, "plus", "no plus in an origin", text.replacen("ledger", "led+ger", 1));
    s.bad(F, "short-root", "a root of 32 bytes", format!("{}\n3\n{}\n", world.origin, base64(&[7; 31])));
    s.bad(F, "no-padding", "base64 with padding", text.replace('=', ""));
}

fn notes(s: &mut Shelf) {
    const F: &str = "signed-note";
    let world = World::new(1);
    s.key = Some(world.log.verifier_key().to_string());
    let text = world.text(&leaves(3));
    let sign = |note: &str| world.log.sign(note);
    let note = |signatures: Vec<SignatureLine>| Note { text: text.clone(), signatures };
    let honest = note(vec![sign(&text)]).to_bytes();
    let as_text = String::from_utf8(honest.clone()).unwrap();
    s.good(F, "one-line", "signed by the known key", &honest);
    let stranger = Signer::from_seed("stranger", &[5; 32]).unwrap().sign(&text);
    s.good(F, "stranger", "lines of unknown keys are ignored", note(vec![stranger.clone(), sign(&text)]).to_bytes());
    s.bad(F, "bit", "a signature that verifies", {
        let mut line = sign(&text);
        line.signature[0] ^= 1;
        note(vec![line]).to_bytes()
    });
    s.bad(F, "no-blank", "a blank line before the signatures", as_text.replacen("\n\n", "\n", 1));
    s.bad(F, "hyphen", "an em dash", as_text.replace('—', "-"));
    s.bad(F, "two-spaces", "single spaces", as_text.replacen("— ", "—  ", 1));
    s.bad(F, "no-newline", "a newline at the end", as_text.trim_end());
    s.bad(F, "crlf", "LF", as_text.replace('\n', "\r\n"));
    s.bad(F, "two-of-a-key", "no two lines of one name and id", note(vec![sign(&text), sign(&text)]).to_bytes());
    s.bad(F, "no-line", "at least one line", format!("{text}\n"));
    s.bad(F, "seventeen", "at most 16 lines", {
        let mut lines = vec![sign(&text)];
        lines.extend((0..16).map(|n| SignatureLine { name: format!("w{n}"), ..stranger.clone() }));
        note(lines).to_bytes()
    });
    s.bad(F, "long-line", "no line over 5,000 bytes", {
        note(vec![sign(&text), SignatureLine { signature: vec![0; 5000], ..stranger.clone() }]).to_bytes()
    });
    s.bad(F, "padding", "base64 with padding", as_text.trim_end().trim_end_matches('=').to_owned() + "\n");
    s.bad(F, "nul", "no control characters", as_text.replacen("ledger", "led\0ger", 1));
    s.unknown(F, "not-there", "a note without a line of the known key", note(vec![stranger]).to_bytes());
    s.key = None;
}

fn cosignatures(s: &mut Shelf) {
    const F: &str = "cosignature-04";
    let witness = Cosigner::from_seed("court.example/w1", &[101; 32]).unwrap();
    s.key = Some(witness.verifier_key().to_string());
    let text = World::new(1).text(&leaves(3));
    let note = |line: SignatureLine| Note { text: text.clone(), signatures: vec![line] }.to_bytes();
    let signed = |time: u64, message: String| {
        let signature = Signer::from_seed("x", &[101; 32]).unwrap().sign(&message).signature;
        let mut line = witness.cosign(&text, 1);
        line.signature = [&time.to_be_bytes()[..], &signature].concat();
        line
    };
    let change = |edit: &dyn Fn(&mut SignatureLine)| {
        let mut line = witness.cosign(&text, 1_767_574_921);
        edit(&mut line);
        note(line)
    };
    s.good(F, "plain", "time and signature", change(&|_| ()));
    s.good(F, "latest", "time 2^63 - 1", note(witness.cosign(&text, i64::MAX as u64)));
    s.bad(F, "time", "the time is signed", change(&|l| l.signature[7] ^= 1));
    s.bad(F, "bit", "a signature that verifies", change(&|l| l.signature[40] ^= 1));
    s.bad(F, "short", "72 bytes", change(&|l| l.signature.truncate(71)));
    s.bad(F, "long", "72 bytes", change(&|l| l.signature.push(0)));
    s.bad(F, "no-time", "72 bytes", change(&|l| drop(l.signature.drain(..8))));
    s.bad(F, "time-0", "time from 1", note(signed(0, format!("cosignature/v1\ntime 0\n{text}"))));
    s.bad(
        F,
        "time-2-63",
        "time below 2^63",
        note(signed(1 << 63, format!("cosignature/v1\ntime {}\n{text}", 1u64 << 63))),
    );
    s.bad(F, "as-log", "the message begins with cosignature/v1", note(signed(1, text.clone())));
    s.bad(
        F,
        "leading-zero",
        "the time in decimal without leading zeros",
        note(signed(1, format!("cosignature/v1\ntime 01\n{text}"))),
    );
    s.bad(F, "another-text", "over this note's text", note(witness.cosign(&World::new(1).text(&leaves(4)), 1)));
    s.key = None;
}

fn ml_dsa(s: &mut Shelf) {
    const F: &str = "cosignature-06";
    let secret = ml_dsa::SigningKey::<MlDsa44>::from_seed(&[6; 32].into());
    let name = "later.example/w6";
    let key = VerifierKey::new(name, KeyType::MlDsa44, &secret.verifying_key().encode()).unwrap();
    s.key = Some(key.to_string());
    let world = World::new(1);
    let text = world.text(&leaves(3));
    let note = |signature: Vec<u8>| {
        let line = SignatureLine { name: name.into(), id: key.id(), signature };
        Note { text: text.clone(), signatures: vec![line] }.to_bytes()
    };
    let message = |name: &str, time: u64, start: u64, size: u64, root: [u8; 32]| {
        let text = |t: &str| [&[t.len() as u8], t.as_bytes()].concat();
        [
            &b"subtree/v1\n\0"[..],
            &text(name),
            &time.to_be_bytes(),
            &text(&world.origin),
            &start.to_be_bytes(),
            &size.to_be_bytes(),
            &root,
        ]
        .concat()
    };
    let sign = |time: u64, message: &[u8], context: &[u8]| {
        let signature = secret.expanded_key().sign_deterministic(message, context).unwrap().encode();
        [&time.to_be_bytes()[..], &signature].concat()
    };
    let (time, tree) = (1_767_574_921, root(&leaves(3)));
    s.good(
        F,
        "plain",
        "time and signature over the subtree structure",
        note(sign(time, &message(name, time, 0, 3, tree), b"")),
    );
    s.good(F, "time-1", "time from 1", note(sign(1, &message(name, 1, 0, 3, tree), b"")));
    s.bad(F, "time", "the time is signed", note(sign(time + 1, &message(name, time, 0, 3, tree), b"")));
    s.bad(F, "name", "the cosigner's name is signed", note(sign(time, &message("other", time, 0, 3, tree), b"")));
    s.bad(F, "size", "the size is signed", note(sign(time, &message(name, time, 0, 4, tree), b"")));
    s.bad(F, "start", "from the first leaf", note(sign(time, &message(name, time, 1, 3, tree), b"")));
    s.bad(F, "root", "the root is signed", note(sign(time, &message(name, time, 0, 3, [7; 32]), b"")));
    s.bad(F, "context", "an empty context", note(sign(time, &message(name, time, 0, 3, tree), b"cosignature")));
    s.bad(F, "short", "the whole signature", {
        let mut signature = sign(time, &message(name, time, 0, 3, tree), b"");
        signature.pop();
        note(signature)
    });
    s.key = None;
}

fn policies(s: &mut Shelf) {
    const F: &str = "policy";
    let world = World::new(1);
    let honest = world.policy("group g 1 court notary\nquorum g\n");
    let log = world.log.verifier_key();
    let court = world.witnesses[0].verifier_key();
    s.good(F, "group", "a log, two witnesses, a group", &honest);
    s.good(F, "none", "no witness asked for", format!("log {log}\nquorum none\n"));
    s.good(
        F,
        "comment",
        "comments, blank lines, tabs and a URL",
        format!("# mine\n\nlog\t{log} https://ledger.example/\nquorum none\n"),
    );
    s.bad(F, "no-quorum", "one quorum line", format!("log {log}\n"));
    s.bad(F, "two-quorums", "one quorum line", format!("log {log}\nquorum none\nquorum none\n"));
    s.bad(F, "no-newline", "a newline at the end", format!("log {log}\nquorum none"));
    s.bad(F, "unknown-line", "no line that is not understood", format!("log {log}\nmirror {log}\nquorum none\n"));
    s.bad(F, "undefined", "names that were defined before", format!("log {log}\nquorum court\n"));
    s.bad(
        F,
        "later-name",
        "names that were defined before",
        format!("log {log}\ngroup g any court\nwitness court {court}\nquorum g\n"),
    );
    s.bad(
        F,
        "name-twice",
        "each name once",
        format!("witness a {court}\nwitness a {}\nquorum a\n", world.witnesses[1].verifier_key()),
    );
    s.bad(
        F,
        "key-twice",
        "each key once",
        format!("witness a {court}\nwitness b {court}\ngroup g all a b\nquorum g\n"),
    );
    let puppet = Cosigner::from_seed("other.example", &[101; 32]).unwrap().verifier_key();
    s.bad(
        F,
        "key-two-names",
        "each public key once, whatever its name",
        format!("witness a {court}\nwitness b {puppet}\ngroup g all a b\nquorum g\n"),
    );
    let own = Cosigner::from_seed(&world.origin, &[1; 32]).unwrap().verifier_key();
    s.bad(F, "log-as-witness", "a log's key is no witness", format!("log {log}\nwitness w {own}\nquorum w\n"));
    s.bad(F, "log-type", "a log's key is of type 01", format!("log {court}\nquorum none\n"));
    s.bad(F, "witness-type", "a witness' key is of type 04 or 06", format!("witness w {log}\nquorum w\n"));
    s.bad(F, "threshold-0", "a threshold from 1", honest.replace("g 1 ", "g 0 "));
    s.bad(F, "threshold-3", "a threshold up to the number of members", honest.replace("g 1 ", "g 3 "));
    s.bad(F, "member-twice", "each member once", honest.replace("1 court notary", "1 court court"));
    s.bad(F, "none-defined", "none is no name", format!("witness none {court}\nquorum none\n"));
    s.bad(F, "key-id", "a key id that is its key's", honest.replacen(&hex::encode(&log.id()), "00000000", 1));
    s.bad(F, "small-order", "no key of small order", {
        let mut weak = [0u8; 32];
        weak[0] = 1;
        let id = &digest::sha256(&[b"weak\n\x01", &weak[..]].concat())[..4];
        format!("log weak+{}+{}\nquorum none\n", hex::encode(id), base64(&[&[1], &weak[..]].concat()))
    });
    s.bad(
        F,
        "unknown-type",
        "no key of an unknown type",
        format!("log x+00000000+{}\nquorum none\n", base64(&[&[0x77], &[7; 32][..]].concat())),
    );
    s.bad(F, "crlf", "LF", honest.replace('\n', "\r\n"));
}

fn proofs(s: &mut Shelf) {
    const F: &str = "tlog-proof";
    let all = leaves(7);
    let note = World::new(1).note(&all, at(0));
    let honest = String::from_utf8(proof(&all, 1, &note)).unwrap();
    s.good(F, "plain", "header, index, hashes, checkpoint", &honest);
    s.good(F, "no-hashes", "a tree of one leaf", {
        let one = leaves(1);
        proof(&one, 0, &World::new(1).note(&one, at(0)))
    });
    s.bad(F, "header", "c2sp.org/tlog-proof@v1", honest.replacen("@v1", "@v2", 1));
    s.bad(F, "extra", "no extra line", honest.replacen("\nindex", "\nextra eA==\nindex", 1));
    s.bad(F, "no-index", "an index line", honest.replacen("index 1\n", "", 1));
    s.bad(F, "leading-zero", "an index without leading zeros", honest.replacen("index 1", "index 01", 1));
    s.bad(F, "2-63", "an index below 2^63", honest.replacen("index 1", "index 9223372036854775808", 1));
    s.bad(
        F,
        "short-hash",
        "hashes of 32 bytes",
        honest.replacen("index 1\n", &format!("index 1\n{}\n", base64(&[7; 31])), 1),
    );
    s.bad(
        F,
        "64-hashes",
        "at most 63 hashes",
        honest.replacen("index 1\n", &format!("index 1\n{}", (base64(&[7; 32]) + "\n").repeat(61)), 1),
    );
    s.bad(F, "no-blank", "a blank line before the checkpoint", honest.replacen("\n\n", "\n", 1));
    s.bad(F, "no-checkpoint", "a checkpoint", honest.split_once("\n\n").unwrap().0.to_owned() + "\n\n");
    s.bad(F, "crlf", "LF", honest.replacen('\n', "\r\n", 1));
    s.bad(F, "cut", "a whole checkpoint", honest.trim_end());
}

fn tokens(s: &mut Shelf) {
    const F: &str = "token";
    let tsa = Authority::new("Example Time Authority", 41);
    let stamp = |change: &dyn Fn(&mut Stamp)| tsa.stamp_as(PICTURE, at(61), change);
    let honest = stamp(&|_| ());
    s.good(F, "sha-256", "an ordinary token", &honest);
    s.good(
        F,
        "sm3",
        "an imprint of SM3: its form holds, whether it may stand alone is the series' question",
        stamp(&|t| t.imprint = SM3),
    );
    let mut rsa = Authority::with("Example Time Authority", 41, |c| c.key = Key::rsa());
    s.good(F, "pss", "RSA-PSS", rsa.stamp_as(PICTURE, at(61), |t| t.scheme = Scheme::Pss));
    rsa.others.push(tsa.root_der());
    s.good(F, "root-inside", "the root travels along", rsa.stamp(PICTURE, at(61)));
    s.bad(F, "empty", "a response", "");
    s.bad(F, "bare", "SEQUENCE{SEQUENCE{INTEGER 0}, token}", &honest[9..]);
    s.bad(F, "status-2", "status 0", {
        let mut bytes = honest.clone();
        bytes[8] = 2;
        bytes
    });
    s.bad(F, "trailing", "nothing after it", [&honest[..], &[0]].concat());
    s.bad(F, "cut", "all of it", &honest[..honest.len() - 1]);
    s.bad(F, "indefinite", "definite lengths", [&[0x30, 0x80], &honest[4..], &[0, 0]].concat());
    s.bad(F, "long-length", "shortest lengths", [&[0x30, 0x83, 0, honest[2], honest[3]], &honest[4..]].concat());
    s.bad(F, "version", "SignedData version 3", stamp(&|t| t.signed_version = 1));
    s.bad(F, "signature", "a signature by the certificate inside", stamp(&|t| t.key = Key::p256(33)));
    s.bad(F, "message-digest", "messageDigest of TSTInfo", stamp(&|t| t.message_digest = Some(vec![7; 32])));
    s.bad(F, "unbound", "ESSCertIDv2 or ESSCertID", stamp(&|t| t.binding = Binding::None));
    s.bad(
        F,
        "unsigned",
        "no unsigned attributes",
        stamp(&|t| t.unsigned = seq(&[&oid("1.2.3"), &tlv(0x31, &[&seq(&[])])])),
    );
    s.bad(F, "accuracy", "accuracy of at most 60 s", stamp(&|t| t.accuracy = Some(seq(&[&int(61)]))));
    s.bad(F, "eku", "extended key usage critical and alone", {
        Authority::with("Example Time Authority", 41, |c| c.purposes = Some((false, vec![TIME_STAMPING])))
            .stamp(PICTURE, at(61))
    });
    s.bad(F, "gen-time", "genTime without trailing zero", stamp(&|t| t.gen_time = t.gen_time.replace('Z', ".0Z")));
    s.unknown(F, "imprint", "an imprint algorithm that version 1 does not name", stamp(&|t| t.imprint = SHA1));
    s.unknown(
        F,
        "algorithm",
        "a signature algorithm that version 1 does not name",
        stamp(&|t| t.algorithm = Some(seq(&[&oid("1.3.101.112")]))),
    );
    s.unknown(
        F,
        "critical",
        "a critical extension",
        stamp(&|t| t.extensions = seq(&[&oid("1.2.3.4"), &[1, 1, 0xff], &octets(b"x")])),
    );
}

fn packages(s: &mut Shelf) {
    const F: &str = "package";
    let honest = Build::new(World::new(1)).package();
    let patch = |mark: &[u8], offset: usize, value: u8| {
        let mut out = honest.clone();
        let place = out.windows(mark.len()).position(|w| w == mark).unwrap();
        out[place + offset] = value;
        out
    };
    s.good(F, "plain", "a package", &honest);
    s.bad(F, "trailing", "nothing after the end record", [&honest[..], &[0]].concat());
    s.bad(F, "cut", "all of it", &honest[..honest.len() - 1]);
    s.bad(F, "time", "time 0", patch(b"PK\x03\x04", 10, 1));
    s.bad(F, "method", "stored", patch(b"PK\x03\x04", 8, 8));
    s.bad(F, "crc", "the checksum", patch(b"PK\x03\x04", 14, 0));
    s.bad(F, "count", "the number of entries", patch(b"PK\x05\x06", 8, 1));
    s.bad(F, "disk", "disk 0", patch(b"PK\x05\x06", 4, 1));
    s.bad(F, "empty", "package.json first", b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
}
