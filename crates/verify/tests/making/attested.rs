//! `related-N` of kind `attestation`: whose name it establishes, and what keeps it from being anybody else's.

use super::{
    Book,
    related::{Later, added},
    world::{Build, Entries, World, at, canonical, entry, record},
};
use crate::common::proof;
use evidence::{
    attestation::{Covered, Tree, salted},
    json::{Value, json},
    record::leaf_hash,
    statement::Kind,
};

const ID: &str = "related-N";
const SALT: [u8; 32] = [0x5a; 32];

fn documents() -> Vec<(&'static str, Value)> {
    vec![
        ("attested_at", json!("2026-01-04")),
        ("attested_how", json!("documents")),
        ("attested_note", json!("营业执照")),
    ]
}

/// `covered_root` and `covered.json` for the record of this package at this place among `size`.
fn covering(leaf: &[u8], place: usize, size: usize) -> (Value, Covered) {
    let mut leaves: Vec<_> = (0..size).map(|n| salted(&[n as u8; 32], &[0x77; 32])).collect();
    leaves[place] = salted(&SALT, &leaf_hash(leaf));
    let tree = Tree::new(leaves).unwrap();
    let path = tree.path(place as u64).unwrap();
    (json!(tree.root()), Covered { salt: SALT, place: place as u64, path })
}

/// An attestation of an earlier record.
fn covers(b: &mut Build, place: usize, size: usize, change: impl Fn(&mut Later, &mut Covered) + 'static) {
    b.entries = Box::new(move |world, entries| {
        let (root, mut covered) = covering(entry(entries, "record.json"), place, size);
        let mut later = Later { kind: Kind::Attestation, claims: documents(), ..Later::default() };
        later.claims.push(("covered_root", root));
        change(&mut later, &mut covered);
        later.covered.get_or_insert_with(|| covered.to_bytes().unwrap());
        later.put(world, entries, 1);
    });
}

/// An attestation of a record that names it: leaf 1, this record leaf 2. Times in seconds from the start.
struct Named {
    received: i64,
    stamped: i64,
    /// What the record says instead.
    method: Option<Value>,
    covered: bool,
    undisclosed: bool,
    /// It stands in the ledger, but behind the record.
    behind: bool,
}

const NAMED: Named =
    Named { received: 30, stamped: 31, method: None, covered: false, undisclosed: false, behind: false };

fn named(b: &mut Build, named: Named) {
    let mut claims = documents();
    claims.extend([("owner_kind", json!("individual")), ("owner_name", json!("甲"))]);
    let (statement, opened) = b.world.statement(Kind::Attestation, 40, at(named.received), &claims);
    let token = b.world.tsa.stamp(&canonical(&statement), at(named.stamped));
    let attestation = record(&statement, std::slice::from_ref(&token));
    let method = format!("attestation {}", statement["id"].as_str().unwrap());
    let own = [
        ("owner_kind", json!("individual")),
        ("owner_name", json!("甲")),
        ("title", json!("喜鹊")),
        ("identity_method", named.method.unwrap_or_else(|| method.into())),
    ];
    b.kind(Kind::Image, &own);
    if named.undisclosed {
        let mut names = Kind::Image.claims();
        names.sort_unstable();
        b.opened.remove(names.iter().position(|n| *n == "identity_method").unwrap());
    }
    if !named.behind {
        b.before = vec![attestation.clone()];
    }
    b.entries = Box::new(move |world: &World, entries: &mut Entries| {
        let (operator, first) = (entry(entries, "operator-record.json"), entry(entries, "record.json").to_vec());
        let (other, _) = world.image_of("乙", 3, at(70));
        let mut leaves = vec![operator.to_vec(), first.clone(), world.record(&other, at(71))];
        let index = if named.behind { leaves.len() } else { 1 };
        leaves.insert(index, attestation.clone());
        let note = world.note(&leaves, at(121));
        let mut put = |part: &str, bytes: Vec<u8>| entries.push((format!("related-01-{part}"), bytes));
        put("checkpoint.tsr", world.tsa.stamp(&note, at(122)));
        put("checkpoint.txt", note.clone());
        if named.covered {
            put("covered.json", covering(&first, 0, 1).1.to_bytes().unwrap());
        }
        put("disclosure.json", canonical(&json!(opened)));
        put("proof.tlog-proof", proof(&leaves, index, &note));
        put("record.json", attestation.clone());
        put("timestamp-1.tsr", token.clone());
    });
}

pub fn cases(book: &mut Book) {
    let limited = ("related-1", "limited");
    book.good(ID, "attested-earlier", "the owner's name was established after the record, one of eight covered", |b| {
        covers(b, 5, 8, |_, _| ());
    })
    .and(limited.0, limited.1);
    book.good(ID, "attested-alone", "the only record that the attestation covers", |b| covers(b, 0, 1, |_, _| ()))
        .and(limited.0, limited.1);
    book.good(ID, "attested-before", "the record names the attestation, which is the earlier one", |b| named(b, NAMED))
        .and(limited.0, limited.1);
    book.good(ID, "attested-independent", "by a provider, on a ledger that the reader holds to be independent", |b| {
        let policy = b.world.policy("group witnesses all court notary\nquorum witnesses\n");
        b.trust = ("independent-ledger", b.world.trust_with(&policy, |roles| roles[0]["independent"] = json!(true)));
        covers(b, 1, 2, |later, _| {
            later.claims.retain(|(name, _)| *name != "attested_how");
            later.claims.extend([("attested_how", json!("provider")), ("attested_by", json!("Example Registry"))]);
        });
    });
    book.good(ID, "attested-unbound", "neither covered.json nor identity_method is there", |b| {
        named(b, Named { undisclosed: true, ..NAMED });
    })
    .and(limited.0, "not_checked");
    bad(book);
    forms(book);
}

fn bad(book: &mut Book) {
    let mut about = |slug, what, method: Named| {
        book.bad(ID, slug, what, |b| named(b, method));
    };
    let declared = Some(json!("self-declared"));
    about(
        "attested-namesake",
        "another account declared the same name: its record names no attestation",
        Named { method: declared, ..NAMED },
    );
    about("attested-twice", "named, and covered.json beside it", Named { covered: true, ..NAMED });
    about(
        "attested-named-later",
        "the record names an attestation that is not before it",
        Named { behind: true, ..NAMED },
    );
    about("attested-received", "named, but received after the record", Named { received: 61, stamped: 61, ..NAMED });
    about("attested-stamped", "named, but stamped after the record", Named { stamped: 70, ..NAMED });

    let mut bad = |slug, what, place, change: fn(&mut Later, &mut Covered)| {
        book.bad(ID, slug, what, |b| covers(b, place, 8, change));
    };
    bad("attested-place", "its path is from another place", 5, |_, covered| covered.place = 4);
    bad("attested-salt", "its salt is another record's", 5, |_, covered| covered.salt[0] ^= 1);
    bad("attested-path", "one bit of its path", 5, |_, covered| covered.path[2][7] ^= 1);
    bad("attested-short", "its path ends below the root", 1, |_, covered| covered.path.truncate(2));
    bad("attested-owner", "another owner's name was established", 5, |later, _| later.owner = Some("乙"));
    bad("attested-index", "it covers a record that is not before it", 5, |later, _| later.index = 0);
    bad("attested-ahead", "established two days after it was recorded", 5, |later, _| {
        later.claims.retain(|(name, _)| *name != "attested_at");
        later.claims.push(("attested_at", json!("2026-01-07")));
    });
    bad("attested-untold", "it does not disclose how", 5, |later, _| later.undisclosed = &["attested_how"]);
    bad("attested-nobody", "by a provider that it does not name", 5, |later, _| {
        later.claims.retain(|(name, _)| *name != "attested_how");
        later.claims.push(("attested_how", json!("provider")));
    });
    bad("attested-himself", "operator and owner are the same person", 5, |later, _| {
        later.statement = |s| s["operator_relation"] = json!("same-person");
    });
    bad("attested-provenance", "its statement has a provenance", 5, |later, _| {
        later.statement = |s| s["provenance"] = json!("user-supplied");
    });
    bad("attested-place-beyond", "its place is not in the tree", 5, |later, covered| {
        let bytes = String::from_utf8(covered.to_bytes().unwrap()).unwrap();
        later.covered = Some(bytes.replace("\"place\":5", "\"place\":8").into_bytes());
    });
    book.bad(ID, "covered-claims", "covered.json beside later claims of the owner", |b| {
        added(b, Later { covered: Some(covering(b"x", 0, 1).1.to_bytes().unwrap()), ..Later::default() });
    });
}

/// As records of their own, and the entries as such.
fn forms(book: &mut Book) {
    let attested = |b: &mut Build| {
        let mut claims = documents();
        claims.extend([
            ("owner_kind", json!("individual")),
            ("owner_name", json!("甲")),
            ("covered_root", json!("00")),
        ]);
        b.kind(Kind::Attestation, &claims);
        b.originals.clear();
    };
    book.good("statement", "attestation", "who established a name, as a record of its own", attested)
        .and("file", "not_checked");
    book.bad("statement", "attestation-himself", "an operator attests his own name", move |b| {
        attested(b);
        b.statement["operator_relation"] = json!("same-person");
    })
    .statement_stops();
    book.bad("disclosures", "attestation-undated", "an attestation that does not disclose when", move |b| {
        attested(b);
        b.opened.remove(1);
    })
    .and("file", "not_checked");
    book.bad("form", "covered-alone", "covered.json without its attestation", |b| {
        b.entries = Box::new(|_, entries| entries.push(("related-01-covered.json".into(), b"{}".to_vec())));
    });
    book.bad("form", "covered-bytes", "covered.json of 4,097 bytes", |b| {
        covers(b, 0, 1, |later, _| later.covered = Some(vec![b' '; 4097]));
    });
}
