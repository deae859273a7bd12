//! `formats`: what a single parser takes, and what it refuses.

use super::{
    der::*,
    pretty,
    world::{Build, PICTURE, World, at, base64, base64url, canonical},
};
use crate::common::{proof, root};
use evidence::{
    hex,
    json::{Value, json},
    merkle,
    record::leaf_hash,
};
use std::collections::BTreeMap;

/// The files below `formats/`, and what each is.
#[derive(Default)]
pub(super) struct Shelf {
    files: BTreeMap<String, Vec<u8>>,
    index: Vec<Value>,
    counts: BTreeMap<String, usize>,
    /// The vkey that the next files are read with.
    pub(super) key: Option<String>,
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

    pub(super) fn good(&mut self, format: &str, slug: &str, rule: &str, bytes: impl AsRef<[u8]>) {
        self.put(format, "accept", slug, rule, bytes);
    }

    pub(super) fn bad(&mut self, format: &str, slug: &str, rule: &str, bytes: impl AsRef<[u8]>) {
        self.put(format, "refuse", slug, rule, bytes);
    }

    pub(super) fn unknown(&mut self, format: &str, slug: &str, rule: &str, bytes: impl AsRef<[u8]>) {
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
    super::formats_notes::put(&mut shelf);
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
        // One byte beyond a multiple of three leaves four bits, which are zero.
        let pad = (0..3).find(|n| (salt.len() + 15 + n) % 3 == 1).unwrap();
        let mut t = text(format!(r#"["{salt}","title","{}"]"#, "x".repeat(pad))).into_bytes();
        *t.last_mut().unwrap() += 1;
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

pub(super) fn leaves(n: u8) -> Vec<Vec<u8>> {
    (0..n).map(|n| vec![n; usize::from(n)]).collect()
}

/// Leaf in hex, size, index, hashes, root.
type Inclusion = (String, u8, usize, Vec<[u8; 32]>, [u8; 32]);

fn inclusion(s: &mut Shelf) {
    const F: &str = "inclusion";
    let make = |size: u8, index: usize| {
        let all = leaves(size);
        let note = World::new(1).note(&all, at(0));
        let hashes = evidence::proof::TlogProof::parse(&proof(&all, index, &note)).unwrap().hashes;
        (hex::encode(&all[index]), size, index, hashes, root(&all))
    };
    let text = |(leaf, size, index, hashes, root): Inclusion| {
        let hashes: Vec<String> = hashes.iter().map(|h| hex::encode(h)).collect();
        pretty(&json!({"leaf": leaf, "size": size, "index": index, "proof": hashes, "root": hex::encode(&root)}))
    };
    for (slug, size, index) in [("one", 1, 0), ("first-of-8", 8, 0), ("last-of-7", 7, 6), ("middle-of-13", 13, 8)] {
        s.good(F, slug, "RFC 6962, 2.1.1", text(make(size, index)));
    }
    let mut bad = |slug, rule, change: &dyn Fn(&mut Inclusion)| {
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
