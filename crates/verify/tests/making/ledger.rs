//! `ledger-binding`, `inclusion`, `operator`: which ledger, where in it, and who runs it.

use super::{
    Book,
    world::{Build, World, at, canonical, replace},
};
use crate::common::proof;
use evidence::{
    digest,
    disclosure::Disclosure,
    hex,
    json::{Value, json},
    note::Signer,
    proof::TlogProof,
    statement::Kind,
};

pub fn cases(book: &mut Book) {
    binding(book);
    inclusion(book);
    operator(book);
}

fn binding(book: &mut Book) {
    const ID: &str = "ledger-binding";
    book.good(ID, "derived", "the origin ends in the digits of its key's digest", |_| ());
    book.good(ID, "two-logs", "the reader knows two ledgers", |b| {
        let other = World::new(2).log.verifier_key();
        b.trust =
            ("two-logs", b.world.trust_with(&format!("log {other}\n{}", b.world.policy("quorum court\n")), |_| ()));
    });
    book.bad(ID, "replayed", "a record of one ledger, with its token, in the tree of another", |b| {
        let first = World::new(1);
        let (statement, opened) = first.image();
        *b = Build::new(World { tsa: first.tsa, ..World::new(2) });
        b.trust.0 = "second-ledger";
        (b.statement, b.opened) = (statement, opened);
    });
    let mut named = |slug, what, change: &dyn Fn(&str) -> String| {
        book.bad(ID, slug, what, |b| b.statement["ledger"] = json!(change(&b.world.origin)));
    };
    named("name", "the statement names another ledger under the same key", &|o| o.replace("ledger", "leger"));
    named("upper-case", "the statement's origin in upper case", &|o| {
        let (name, digits) = o.split_once('/').unwrap();
        format!("{name}/{}", digits.to_uppercase())
    });
    named("name-alone", "the statement names the ledger without its digits", &|o| o.split('/').next().unwrap().into());
    named("slash", "the statement's origin with a slash at its end", &|o| format!("{o}/"));
    named("longer", "the statement's origin with two more digits of the digest", &|o| format!("{o}00"));

    // The reader knows this key under this origin, but the origin is not derived from it.
    let key = Signer::from_seed("x", &[1; 32]).unwrap().verifier_key();
    let digits = |bytes: &[u8]| hex::encode(&digest::sha256(bytes));
    let good = digits(key.public_key());
    let typed = digits(&[&[1], key.public_key()].concat());
    let other = digits(World::new(2).log.verifier_key().public_key());
    let mut underived = |slug, what, origin: String| {
        book.bad(ID, slug, what, |b| {
            let trust: &'static str = Box::leak(format!("origin-{slug}").into_boxed_str());
            *b = Build::new(World::of(1, &origin, "Example Time Authority", "court.example/w1"));
            b.trust.0 = trust;
        });
    };
    underived("of-another-key", "the origin ends in another key's digits", format!("ledger.example/{}", &other[..32]));
    underived("of-type-and-key", "the digest is over type byte and key", format!("ledger.example/{}", &typed[..32]));
    underived("31-digits", "one digit too few", format!("ledger.example/{}", &good[..31]));
    underived("33-digits", "one digit too many", format!("ledger.example/{}", &good[..33]));
    underived("upper-digits", "digits in upper case", format!("ledger.example/{}", good[..32].to_uppercase()));
    underived("no-digits", "a name without digits", "ledger.example/photographs".into());
    book.open(ID, "unknown-key", "the reader knows another ledger only", |b| {
        let other = World::new(2).log.verifier_key();
        b.trust = ("other-ledger", b.world.trust_with(&format!("log {other}\nquorum none\n"), |_| ()));
    })
    .no_log_key();
}

/// Changes the proof, leaving the note in it.
fn change(bytes: Vec<u8>, edit: impl Fn(&mut TlogProof)) -> Vec<u8> {
    let mut proof = TlogProof::parse(&bytes).unwrap();
    edit(&mut proof);
    proof.to_bytes()
}

/// Seven leaves, so that a proof has three hashes.
fn seven(mut leaves: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let world = World::new(1);
    for n in 4..8 {
        let (other, _) = world.image_of("丙", n, at(70));
        leaves.push(world.record(&other, at(71)));
    }
    leaves
}

fn inclusion(book: &mut Book) {
    const ID: &str = "inclusion";
    book.good(ID, "three-leaves", "index 1 of 3", |_| ());
    book.good(ID, "seven-leaves", "index 1 of 7", |b| b.leaves = Some(Box::new(seven)));
    book.good(ID, "two-leaves", "index 1 of 2", |b| {
        b.leaves = Some(Box::new(|mut leaves| {
            leaves.truncate(2);
            leaves
        }));
    });
    let mut bad = |slug, what, edit: fn(&mut TlogProof)| {
        book.bad(ID, slug, what, |b| {
            b.leaves = Some(Box::new(seven));
            b.proof = Some(Box::new(move |bytes| change(bytes, edit)));
        });
    };
    bad("index-2", "the proof of index 1 under index 2", |p| p.index = 2);
    bad("index-0", "the proof of index 1 under index 0", |p| p.index = 0);
    bad("index-is-size", "an index that is the tree's size", |p| p.index = 7);
    bad("index-beyond", "an index far beyond the tree", |p| p.index = (1 << 62) + 1);
    bad("hash-missing", "the last hash is missing", |p| p.hashes.truncate(2));
    bad("hash-extra", "one hash too many", |p| p.hashes.push([0; 32]));
    bad("no-hashes", "no hash at all", |p| p.hashes.clear());
    bad("hashes-swapped", "two hashes exchanged", |p| p.hashes.swap(0, 1));
    bad("bit", "one bit of a hash", |p| p.hashes[2][31] ^= 1);
    book.bad(ID, "other-tree", "a proof of the same index in a tree with another third leaf", |b| {
        let leaves = b.leaf_list().0;
        b.proof = Some(Box::new(move |bytes| {
            let note = TlogProof::parse(&bytes).unwrap().checkpoint;
            proof(&[leaves[0].clone(), leaves[1].clone(), leaves[0].clone()], 1, &note)
        }));
    });
    book.bad(ID, "not-there", "the tree holds another record at that index", |b| {
        b.leaves = Some(Box::new(|mut leaves| {
            leaves.remove(1);
            leaves
        }));
    });
    book.bad(ID, "leaf-0", "the record is leaf 0 itself", |b| {
        b.leaves = Some(Box::new(|mut leaves| {
            leaves.swap(0, 1);
            leaves
        }));
        b.entries = Box::new(|_, entries| {
            let leaves = Build::new(World::new(1)).leaf_list().0;
            let leaves = [leaves[1].clone(), leaves[0].clone(), leaves[2].clone()];
            let note = entries.iter().find(|e| e.0 == "checkpoint.txt").unwrap().1.clone();
            replace(entries, "proof.tlog-proof", proof(&leaves, 0, &note));
            replace(entries, "operator-proof.tlog-proof", proof(&leaves, 1, &note));
        });
    })
    .and("operator", "fail");
}

fn operator(book: &mut Book) {
    const ID: &str = "operator";
    book.good(ID, "leaf-0", "leaf 0 under the same checkpoint, all disclosed", |_| ());
    book.good(ID, "undisclosed", "nothing of it disclosed", |b| b.operator_opened.clear());
    book.bad(ID, "kind", "leaf 0 is an image", |b| {
        (b.operator, b.operator_opened) = b.world.image_of("甲", 1, at(0));
    });
    book.bad(ID, "ledger", "leaf 0 names another ledger", |b| b.operator["ledger"] = json!(World::new(2).origin));
    book.bad(ID, "rules", "leaf 0 says how it stands to the owner, which only others do", |b| {
        b.operator["operator_relation"] = json!("unknown");
    });
    book.bad(ID, "slot", "leaf 0 has no slot for operator_contact", |b| {
        b.operator["claims"].as_object_mut().unwrap().remove("operator_contact");
        b.operator_opened.clear();
    });
    let other = || Disclosure::new(&[7; 16], "operator_name", json!("Another")).unwrap().encoded().to_owned();
    let place = {
        let mut names = Kind::Operator.claims();
        names.sort_unstable();
        names.iter().position(|n| *n == "operator_name").unwrap()
    };
    book.bad(ID, "another-name", "operator_name opened as another's", |b| b.operator_opened[place] = other());
    book.bad(ID, "two-for-one-slot", "operator_name opened twice", |b| b.operator_opened.insert(place + 1, other()));
    book.bad(ID, "not-leaf-0", "the operator's record is leaf 2, and proved there", |b| {
        b.leaves = Some(Box::new(|mut leaves| {
            leaves.swap(0, 2);
            leaves
        }));
        b.entries = Box::new(|_, entries| {
            let leaves = Build::new(World::new(1)).leaf_list().0;
            let leaves = [leaves[2].clone(), leaves[1].clone(), leaves[0].clone()];
            let note = entries.iter().find(|e| e.0 == "checkpoint.txt").unwrap().1.clone();
            replace(entries, "operator-proof.tlog-proof", proof(&leaves, 2, &note));
        });
    });
    book.bad(ID, "not-there", "another operator's record, which is not in the tree", |b| {
        b.operator_record = Some(Box::new(|bytes| {
            // Stands in the package; the tree gets what `leaves` says.
            let mut value: Value = serde_json::from_slice(&bytes).unwrap();
            value["statement"]["software"]["version"] = json!("0.1.1");
            canonical(&value)
        }));
        let honest = Build::new(World::new(1)).leaf_list().0[0].clone();
        b.leaves = Some(Box::new(move |mut leaves| {
            leaves[0] = honest.clone();
            leaves
        }));
    });
    book.bad(ID, "spaces", "leaf 0 is not canonical JSON", |b| {
        b.operator_record = Some(Box::new(|bytes| [&bytes[..1], b" ", &bytes[1..]].concat()));
    });
    book.bad(ID, "five-timestamps", "leaf 0 names five tokens", |b| {
        b.operator_record = Some(Box::new(|bytes| {
            let mut value: Value = serde_json::from_slice(&bytes).unwrap();
            value["timestamps"] = json!(vec![value["timestamps"][0].clone(); 5]);
            canonical(&value)
        }));
    });
    book.bad(ID, "other-checkpoint", "leaf 0 proved under an earlier checkpoint of the same ledger", |b| {
        b.operator_proof = Some(Box::new(|_| {
            let build = Build::new(World::new(1));
            let leaves = build.leaf_list().0[..2].to_vec();
            proof(&leaves, 0, &build.world.note(&leaves, at(100)))
        }));
    });
    book.bad(ID, "other-ledger", "leaf 0 of another ledger, with its proof there", |b| {
        b.entries = Box::new(|_, entries| {
            let other = Build::new(World::new(2)).make();
            for name in ["operator-record.json", "operator-disclosure.json", "operator-proof.tlog-proof"] {
                let bytes = other.iter().find(|e| e.0 == name).unwrap().1.clone();
                replace(entries, name, bytes);
            }
        });
    });
    book.bad(ID, "proof", "one bit of a hash in its proof", |b| {
        b.operator_proof = Some(Box::new(|bytes| change(bytes, |p| p.hashes[0][0] ^= 1)));
    });
    book.open(ID, "absent", "the three operator- entries are absent", |b| {
        b.entries = Box::new(|_, entries| entries.retain(|e| !e.0.starts_with("operator-")));
    });
    book.open(ID, "record-schema", "leaf 0 is a record of a later schema", |b| {
        b.operator_record = Some(Box::new(|bytes| {
            let mut value: Value = serde_json::from_slice(&bytes).unwrap();
            value["schema"] = json!("quezao/record/v2");
            canonical(&value)
        }));
    });
    book.open(ID, "statement-schema", "leaf 0's statement is of a later schema", |b| {
        b.operator["schema"] = json!("quezao/statement/v2");
    });
    book.open(ID, "member", "leaf 0 has a member that version 1 defines nowhere", |b| {
        b.operator["colour"] = json!("red")
    });
}
