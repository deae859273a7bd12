//! `form`: one canonical container, and every entry in its one form.

use super::{
    Book,
    world::{Build, Entries, World, at, canonical, raw_zip, replace, zip},
};
use crate::common::proof;
use evidence::{
    digest, hex,
    json::{Value, json},
};

/// The same packing with another value in the bytes that follow a mark, in every place or only the first.
fn patch(zip: Vec<u8>, mark: &[u8], offset: usize, value: u8) -> Vec<u8> {
    let mut out = zip;
    let place = out.windows(mark.len()).position(|w| w == mark).unwrap();
    out[place + offset] = value;
    out
}

fn without_listing(zip: &[u8]) -> Entries {
    let read = archive::package::read(zip).unwrap();
    read.entries.into_iter().skip(1).collect()
}

fn entry<'e>(entries: &'e Entries, name: &str) -> &'e [u8] {
    &entries.iter().find(|e| e.0 == name).unwrap().1
}

pub fn cases(book: &mut Book) {
    const ID: &str = "form";
    book.good(ID, "package", "an ordinary package", |_| ());
    book.good(ID, "reserved", "reserved entries are left alone", |b| {
        b.entries = Box::new(|_, e| {
            e.push(("anchor-ots.bin".into(), b"?".to_vec()));
            e.push(("items.zip".into(), b"?".to_vec()));
        });
    });
    book.good(ID, "crl", "a CRL and a signer's root travel along", |b| {
        b.entries = Box::new(|world, e| {
            let pem = world.tsa.root_pem();
            let root = &hex::encode(&digest::sha256(&world.tsa.root_der()))[..16];
            let place = e.iter().position(|e| e.0 == "VERIFY.txt").unwrap();
            let crl = b"0 stands for a CRL".to_vec();
            let name = format!("trust-revocation-{}.crl", &hex::encode(&digest::sha256(&crl))[..16]);
            e.insert(place, (name, crl));
            e.insert(place, (format!("trust-signer-{root}.pem"), pem.into_bytes()));
        });
    });

    container(book);
    entries(book);
    inside(book);
}

/// The bytes of the ZIP.
fn container(book: &mut Book) {
    const ID: &str = "form";
    let mut bad = |slug, what, change: fn(Vec<u8>) -> Vec<u8>| {
        book.bad(ID, slug, what, |b| b.zip = Some(Box::new(change)));
    };
    bad("trailing", "a byte after the end record", |mut z| {
        z.push(0);
        z
    });
    bad("leading", "a byte before the first header", |z| [&[0], &z[..]].concat());
    bad("cut", "the last byte is missing", |mut z| {
        z.pop();
        z
    });
    bad("comment", "an archive comment", |mut z| {
        let n = z.len();
        z[n - 2] = 1;
        z.push(b'x');
        z
    });
    bad("date", "a date in one header", |z| patch(z, b"PK\x03\x04", 12, 0x22));
    bad("flags", "the UTF-8 flag in one header", |z| patch(z, b"PK\x03\x04", 7, 8));
    bad("made-by", "made by Unix, in the directory", |z| patch(z, b"PK\x01\x02", 5, 3));
    bad("attributes", "external attributes, in the directory", |z| patch(z, b"PK\x01\x02", 38, 1));
    bad("crc", "a checksum that is wrong in header and directory", |z| {
        let z = patch(z, b"PK\x03\x04", 14, 0);
        patch(z, b"PK\x01\x02", 16, 0)
    });
    bad("listing-digest", "package.json gives another digest for statement.json", |z| {
        let rest = without_listing(&z);
        let listing = String::from_utf8(archive::package::manifest(&rest).unwrap()).unwrap();
        let digest = hex::encode(&digest::sha256(entry(&rest, "statement.json")));
        listed(listing.replace(&digest, &"0".repeat(64)), rest)
    });
    bad("listing-size", "package.json gives another size", |z| {
        let rest = without_listing(&z);
        let listing = String::from_utf8(archive::package::manifest(&rest).unwrap()).unwrap();
        listed(listing.replacen("\"size\":", "\"size\":1", 1), rest)
    });
    bad("listing-spaces", "package.json is not canonical", |z| {
        let rest = without_listing(&z);
        let listing = String::from_utf8(archive::package::manifest(&rest).unwrap()).unwrap();
        listed(listing.replacen(':', ": ", 1), rest)
    });
    bad("listing-short", "package.json does not list verify.py", |z| {
        let rest = without_listing(&z);
        let short = archive::package::manifest(&rest[..rest.len() - 1]).unwrap();
        listed(String::from_utf8(short).unwrap(), rest)
    });
    bad("listing-member", "package.json with a member defined elsewhere", |z| {
        let rest = without_listing(&z);
        let listing = String::from_utf8(archive::package::manifest(&rest).unwrap()).unwrap();
        listed(listing.replacen("\"schema\":", "\"id\":\"x\",\"schema\":", 1), rest)
    });
    bad("no-listing", "no package.json", |z| raw_zip(&without_listing(&z)));
    bad("twice", "record.json stands twice", |z| {
        let mut rest = without_listing(&z);
        let place = rest.iter().position(|e| e.0 == "record.json").unwrap();
        rest.insert(place, rest[place].clone());
        zip(&rest)
    });
    book.open(ID, "listing-schema", "package.json of a later schema", |b| {
        b.zip = Some(Box::new(|z| {
            let rest = without_listing(&z);
            let listing = String::from_utf8(archive::package::manifest(&rest).unwrap()).unwrap();
            listed(listing.replace("package/v1", "package/v2"), rest)
        }));
    });
}

fn listed(listing: String, rest: Entries) -> Vec<u8> {
    let mut all = vec![("package.json".to_owned(), listing.into_bytes())];
    all.extend(rest);
    raw_zip(&all)
}

/// Which entries, and where.
fn entries(book: &mut Book) {
    const ID: &str = "form";
    let mut bad = |slug, what, change: fn(&World, &mut Entries)| {
        book.bad(ID, slug, what, |b| b.entries = Box::new(change));
    };
    bad("order", "two entries exchanged", |_, e| e.swap(2, 3));
    bad("unknown-name", "an entry of no known name", |_, e| e.push(("readme.txt".into(), Vec::new())));
    bad("path", "a name that climbs out of the folder", |_, e| e.push(("../certificate.pdf".into(), Vec::new())));
    bad("folder", "a name in a folder", |_, e| e.push(("anchor-x/y".into(), Vec::new())));
    bad("case", "RECORD.json beside record.json", |_, e| e.insert(2, ("RECORD.json".into(), Vec::new())));
    for name in ["statement.json", "timestamp-1.tsr", "record.json", "proof.tlog-proof", "checkpoint.txt"]
        .into_iter()
        .chain(["disclosure.json", "trust-policy", "trust-roles.json", "VERIFY.txt", "verify.py"])
    {
        let slug: &'static str =
            Box::leak(format!("without-{}", name.replace('.', "-").to_lowercase()).into_boxed_str());
        book.bad(ID, slug, &format!("{name} is absent"), |b| {
            b.entries = Box::new(move |_, e| e.retain(|e| e.0 != name));
        });
    }
    let mut bad = |slug, what, change: fn(&World, &mut Entries)| {
        book.bad(ID, slug, what, |b| b.entries = Box::new(change));
    };
    bad("some-operator", "only two of the three operator- entries", |_, e| {
        e.retain(|e| e.0 != "operator-disclosure.json");
    });
    bad("timestamp-gap", "timestamp-3.tsr without timestamp-2.tsr", |_, e| {
        e.insert(2, ("timestamp-3.tsr".into(), e[1].1.clone()));
    });
    bad("timestamp-extra", "a second token, which the record does not name", |_, e| {
        e.insert(2, ("timestamp-2.tsr".into(), e[1].1.clone()));
    });
    bad("seal-gap", "checkpoint-3.tsr without checkpoint-2.tsr", |_, e| {
        let place = e.iter().position(|e| e.0 == "checkpoint.tsr").unwrap();
        e.insert(place + 1, ("checkpoint-3.tsr".into(), e[place].1.clone()));
    });
    bad("seal-without-first", "checkpoint-2.tsr without checkpoint.tsr", |_, e| {
        let place = e.iter().position(|e| e.0 == "checkpoint.tsr").unwrap();
        e[place].0 = "checkpoint-2.tsr".into();
    });
    bad("later-gap", "later-02 without later-01", |_, e| add_later(e, "later-02", 3));
    bad("later-part", "two of the three files of a later-", |_, e| add_later(e, "later-01", 2));
    bad("renewal-gap", "renewal-02 without renewal-01", |world, e| add_renewal(world, e, "renewal-02", true));
    bad("renewal-part", "a renewal without its token", |world, e| add_renewal(world, e, "renewal-01", false));
}

fn add_later(e: &mut Entries, name: &str, parts: usize) {
    let files = ["proof.tlog-proof", "checkpoint.txt", "checkpoint.tsr"];
    for part in &files[..parts] {
        let bytes = entry(e, part).to_vec();
        let place = e.iter().position(|e| e.0 == "trust-policy").unwrap();
        e.insert(place, (format!("{name}-{part}"), bytes));
    }
}

fn add_renewal(world: &World, e: &mut Entries, name: &str, token: bool) {
    let place = e.iter().position(|e| e.0 == "trust-policy").unwrap();
    let text = super::later::listing(&e[..place]);
    let tsr = world.tsa.stamp_as(&text, at(1000), |s| s.imprint = super::der::SHA512);
    if token {
        e.insert(place, (format!("{name}.tsr"), tsr));
    }
    e.insert(place, (format!("{name}.txt"), text));
}

/// What stands in the entries.
fn inside(book: &mut Book) {
    const ID: &str = "form";
    let mut record = |slug, what, change: fn(&mut Value)| {
        book.bad(ID, slug, what, |b| {
            b.record = Some(Box::new(move |bytes| {
                let mut value: Value = serde_json::from_slice(&bytes).unwrap();
                change(&mut value);
                canonical(&value)
            }));
        });
    };
    record("record-member", "a record with a member that is defined elsewhere", |r| r["kind"] = json!("image"));
    record("record-five", "a record that names five tokens", |r| {
        r["timestamps"] = json!(vec![r["timestamps"][0].clone(); 5])
    });
    record("record-time", "a genTime with a fraction of zero", |r| {
        let time = r["timestamps"][0]["gen_time"].as_str().unwrap().replace('Z', ".0Z");
        r["timestamps"][0]["gen_time"] = json!(time);
    });
    record("record-none", "a record that names no token", |r| r["timestamps"] = json!([]));
    record("record-two", "a record that names two tokens, of which one is there", |r| {
        r["timestamps"] = json!(vec![r["timestamps"][0].clone(); 2]);
    });
    record("record-upper", "a token's digest in upper case", |r| {
        let digest = r["timestamps"][0]["token_sha256"].as_str().unwrap().to_uppercase();
        r["timestamps"][0]["token_sha256"] = json!(digest);
    });
    book.bad(ID, "record-spaces", "a record that is not canonical, and whose leaf is these bytes", |b| {
        b.record = Some(Box::new(|bytes| [&bytes[..1], b" ", &bytes[1..]].concat()));
    });
    book.bad(ID, "record-twice", "a record with a member twice", |b| {
        b.record = Some(Box::new(|bytes| [b"{\"schema\":\"quezao/record/v1\",", &bytes[1..]].concat()));
    });
    book.bad(ID, "statement-bidi", "a string with a bidi control", |b| {
        b.statement["software"]["name"] = json!("que\u{202e}zao")
    });
    book.bad(ID, "statement-nfd", "a string that is not NFC", |b| b.statement["software"]["name"] = json!("e\u{301}"));
    book.bad(ID, "statement-float", "a number that is no integer", |b| {
        b.statement["clock"]["offset_us"] = serde_json::from_str("-180.5").unwrap();
    });
    book.bad(ID, "statement-large", "a number of 2^53", |b| b.statement["clock"]["offset_us"] = json!(1u64 << 53));
    book.open(ID, "record-schema", "a record of a later schema", |b| {
        b.record = Some(Box::new(|bytes| {
            let mut value: Value = serde_json::from_slice(&bytes).unwrap();
            value["schema"] = json!("quezao/record/v2");
            canonical(&value)
        }));
    });
    let mut bad = |slug, what, change: fn(&World, &mut Entries)| {
        book.bad(ID, slug, what, |b| b.entries = Box::new(change));
    };
    bad("other-note", "checkpoint.txt is another checkpoint than the one in the proof", |world, e| {
        let leaves = Build::new(World::new(1)).leaf_list().0;
        replace(e, "checkpoint.txt", world.note(&leaves, at(120)));
    });
    bad("other-proof", "the proof is under another checkpoint than checkpoint.txt", |world, e| {
        let leaves = Build::new(World::new(1)).leaf_list().0;
        replace(e, "proof.tlog-proof", proof(&leaves, 1, &world.note(&leaves, at(120))));
    });
    bad("proof-crlf", "the proof with CRLF", |_, e| {
        let text = String::from_utf8(entry(e, "proof.tlog-proof").to_vec()).unwrap();
        replace(e, "proof.tlog-proof", text.replacen('\n', "\r\n", 1).into_bytes());
    });
    bad("proof-extra", "the proof with an extra line", |_, e| {
        let text = String::from_utf8(entry(e, "proof.tlog-proof").to_vec()).unwrap();
        replace(e, "proof.tlog-proof", text.replacen("\nindex", "\nextra eA==\nindex", 1).into_bytes());
    });
    bad("carried-policy", "the policy that travels along cannot be read", |_, e| {
        replace(e, "trust-policy", b"quorum\n".to_vec())
    });
    bad("carried-roles", "the roles that travel along have a member too many", |_, e| {
        let text = String::from_utf8(entry(e, "trust-roles.json").to_vec()).unwrap();
        replace(e, "trust-roles.json", text.replacen("{\"from\"", "{\"also\":1,\"from\"", 1).into_bytes());
    });
    bad("pem-crlf", "a certificate that travels along, with CRLF", |_, e| {
        let at = e.iter().position(|e| e.0.starts_with("trust-tsa-")).unwrap();
        e[at].1 = String::from_utf8(e[at].1.clone()).unwrap().replace('\n', "\r\n").into_bytes();
    });
    bad("pem-name", "a certificate that travels along under another's name", |_, e| {
        let at = e.iter().position(|e| e.0.starts_with("trust-tsa-")).unwrap();
        e[at].0 = "trust-tsa-0123456789abcdef.pem".into();
    });
    bad("crl-name", "a CRL under another's name", |_, e| {
        let at = e.iter().position(|e| e.0 == "VERIFY.txt").unwrap();
        e.insert(at, ("trust-revocation-0123456789abcdef.crl".into(), b"0".to_vec()));
    });
    bad("two-log-lines", "two lines of one name and id in the note", |world, e| {
        let leaves = Build::new(World::new(1)).leaf_list().0;
        let mut note = evidence::note::Note::parse(&world.note(&leaves, at(121))).unwrap();
        note.signatures.push(note.signatures[0].clone());
        let note = note.to_bytes();
        for (name, index) in [("proof.tlog-proof", 1), ("operator-proof.tlog-proof", 0)] {
            replace(e, name, proof(&leaves, index, &note));
        }
        replace(e, "checkpoint.tsr", world.tsa.stamp(&note, at(122)));
        replace(e, "checkpoint.txt", note);
    });
    bad("seventeen-lines", "a note with seventeen lines", |world, e| {
        let leaves = Build::new(World::new(1)).leaf_list().0;
        let mut note = evidence::note::Note::parse(&world.note(&leaves, at(121))).unwrap();
        for n in note.signatures.len()..17 {
            let mut line = note.signatures[1].clone();
            line.name = format!("w{n}.example");
            note.signatures.push(line);
        }
        let note = note.to_bytes();
        for (name, index) in [("proof.tlog-proof", 1), ("operator-proof.tlog-proof", 0)] {
            replace(e, name, proof(&leaves, index, &note));
        }
        replace(e, "checkpoint.tsr", world.tsa.stamp(&note, at(122)));
        replace(e, "checkpoint.txt", note);
    });
}
