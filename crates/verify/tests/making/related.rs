//! `related-N`: later claims about the record, and what may be wrong with them.

use super::{
    Book,
    later::{unknown, until},
    stamp::Authority,
    world::{Build, Entries, World, at, canonical, entry, record},
};
use crate::common::proof;
use evidence::{
    hex,
    json::{Value, json},
    note::Note,
    record::leaf_hash,
    statement::Kind,
};

const ID: &str = "related-N";

/// A later record, to be spoiled. Times in seconds from the start.
pub struct Later {
    pub kind: Kind,
    pub owner: Option<&'static str>,
    /// What it claims beside owner and refs.
    pub claims: Vec<(&'static str, Value)>,
    /// Instead of the one ref of the first record.
    pub refs: Option<Value>,
    pub received: i64,
    pub stamped: i64,
    pub sealed: i64,
    /// Its leaf's index; the leaves of the first record stand before.
    pub index: usize,
    pub undisclosed: &'static [&'static str],
    /// Its statement, before it is stamped.
    pub statement: fn(&mut Value),
    /// `covered.json` beside it.
    pub covered: Option<Vec<u8>>,
    /// Bytes that its token and its seal cover instead.
    pub token_over: Option<&'static [u8]>,
    pub seal_over: Option<&'static [u8]>,
    pub note: fn(&World, Vec<u8>) -> Vec<u8>,
    pub authority: Option<&'static str>,
    /// A token for a newer reader stands beside its own.
    pub beside: bool,
    /// When its authority's certificate ends.
    pub until: Option<i64>,
}

impl Default for Later {
    fn default() -> Self {
        Self {
            kind: Kind::Rights,
            owner: Some("甲"),
            claims: vec![("author", json!("林晚")), ("completed_at", json!("2025-12-20"))],
            refs: None,
            received: 500,
            stamped: 501,
            sealed: 560,
            index: 3,
            undisclosed: &[],
            statement: |_| (),
            covered: None,
            token_over: None,
            seal_over: None,
            note: |_, note| note,
            authority: None,
            beside: false,
            until: None,
        }
    }
}

pub fn reference(first: &Value, leaf: &[u8]) -> Value {
    json!({"ledger": first["ledger"], "id": first["id"], "leaf": hex::encode(&leaf_hash(leaf))})
}

impl Later {
    pub fn put(&self, world: &World, entries: &mut Entries, n: u8) {
        let first = entry(entries, "record.json").to_vec();
        let operator = entry(entries, "operator-record.json").to_vec();
        let stated: Value = serde_json::from_slice(entry(entries, "statement.json")).unwrap();
        let refs = self.refs.clone().unwrap_or_else(|| json!([reference(&stated, &first)]));
        let mut claims = vec![("owner_kind", json!("individual")), ("owner_name", json!(self.owner)), ("refs", refs)];
        claims.extend(self.claims.iter().cloned());
        let (mut statement, opened) = world.statement(self.kind, 30 + u64::from(n), at(self.received), &claims);
        (self.statement)(&mut statement);
        let mut names = self.kind.claims();
        names.sort_unstable();
        let shown = names.iter().zip(opened).filter(|(name, _)| !self.undisclosed.contains(name));
        let shown: Vec<String> = shown.map(|(_, encoded)| encoded).collect();
        let another = self.authority.map(|name| Authority::new(name, 150)).or_else(|| self.until.map(until));
        let tsa = another.as_ref().unwrap_or(&world.tsa);
        let data = canonical(&statement);
        let mut tokens = vec![tsa.stamp(self.token_over.unwrap_or(&data), at(self.stamped))];
        if self.beside {
            tokens.insert(0, unknown(tsa, &data, at(self.stamped)));
        }
        let later = record(&statement, &tokens);
        let (other, _) = world.image_of("乙", 3, at(70));
        let mut leaves = vec![operator, first, world.record(&other, at(71))];
        if self.index < leaves.len() {
            leaves[self.index] = later.clone();
            leaves.push(entry(entries, "operator-record.json").to_vec());
        } else {
            leaves.push(later.clone());
        }
        let note = (self.note)(world, world.note(&leaves, at(self.sealed - 1)));
        let mut put = |part: &str, bytes: Vec<u8>| entries.push((format!("related-{n:02}-{part}"), bytes));
        put("checkpoint.tsr", tsa.stamp(self.seal_over.unwrap_or(&note), at(self.sealed)));
        put("checkpoint.txt", note.clone());
        if let Some(covered) = &self.covered {
            put("covered.json", covered.clone());
        }
        put("disclosure.json", canonical(&json!(shown)));
        put("proof.tlog-proof", proof(&leaves, self.index, &note));
        put("record.json", later);
        for (n, token) in (1..).zip(tokens) {
            put(&format!("timestamp-{n}.tsr"), token);
        }
    }
}

pub fn added(b: &mut Build, later: Later) {
    b.entries = Box::new(move |world, entries| later.put(world, entries, 1));
}

pub fn cases(book: &mut Book) {
    good(book);
    bad(book);
    form(book);
}

fn good(book: &mut Book) {
    book.good(ID, "added", "the owner names the author later", |b| added(b, Later::default()));
    book.good(ID, "two", "two later claims", |b| {
        b.entries = Box::new(|world, entries| {
            Later::default().put(world, entries, 1);
            Later { received: 600, stamped: 601, sealed: 660, ..Later::default() }.put(world, entries, 2);
        });
    });
    book.good(ID, "same-second", "received in the same microsecond, stamped after", |b| {
        added(b, Later { received: 60, stamped: 62, ..Later::default() });
    });
    book.good(ID, "reserved", "a name that begins with related- and has another form", |b| {
        b.entries = Box::new(|_, entries| entries.push(("related-note.txt".into(), b"later".to_vec())));
    });
    let mut open = |slug, what, later: Later| {
        book.good(ID, slug, what, |b| added(b, later)).and("related-1", "not_checked");
    };
    open(
        "unknown-root",
        "its authority is not in the reader's trust: not checked, not required",
        Later { authority: Some("Another Authority"), ..Later::default() },
    );
    open("no-owner", "its owner is not disclosed", Later { undisclosed: &["owner_name"], ..Later::default() });
    open("no-refs", "its refs are not disclosed", Later { undisclosed: &["refs"], ..Later::default() });
    open(
        "no-line",
        "the log's line is absent under its checkpoint",
        Later {
            note: |_, note| {
                let mut note = Note::parse(&note).unwrap();
                note.signatures.remove(0);
                note.to_bytes()
            },
            ..Later::default()
        },
    );
    open(
        "no-number",
        "a namesake: it does not disclose the owner's number",
        Later { undisclosed: &["owner_id_masked"], ..Later::default() },
    );
    book.good(ID, "stripped", "this record's disclosures leave out the owner's code", |b| {
        let mut names = Kind::Image.claims().to_vec();
        names.sort_unstable();
        b.opened.remove(names.iter().position(|n| *n == "owner_code").unwrap());
        added(b, Later::default());
    })
    .and("related-1", "not_checked");
    book.good(ID, "nobody", "neither names an owner", |b| {
        b.kind(Kind::Image, &[("owner_kind", json!("individual")), ("title", json!("喜鹊"))]);
        added(b, Later { owner: None, ..Later::default() });
    })
    .and("related-1", "not_checked");
    book.good(ID, "ended", "the certificate of its tokens has ended", |b| {
        added(b, Later { until: Some(2000), ..Later::default() });
    })
    .and("related-1", "limited");
    book.good(ID, "unknown-beside", "a token of an algorithm that version 1 does not name, beside a good one", |b| {
        added(b, Later { beside: true, ..Later::default() });
    });
    book.good(ID, "no-quorum", "no witness cosigned its checkpoint", |b| {
        added(
            b,
            Later {
                note: |_, note| {
                    let mut note = Note::parse(&note).unwrap();
                    note.signatures.truncate(1);
                    note.to_bytes()
                },
                ..Later::default()
            },
        );
    })
    .and("related-1", "not_checked");
}

fn bad(book: &mut Book) {
    let mut bad = |slug, what, later: Later| {
        book.bad(ID, slug, what, |b| added(b, later));
    };
    let world = World::new(1);
    let (other, _) = world.image_of("乙", 3, at(70));
    let another = reference(&other, &world.record(&other, at(71)));
    let (own, _) = world.image();
    let own = reference(&own, &world.record(&own, at(61)));
    let with = |name: &str, value: Value| {
        let mut changed = own.clone();
        changed[name] = value;
        Later { refs: Some(json!([changed])), ..Later::default() }
    };
    bad("another-record", "it refers to another's record", Later { refs: Some(json!([another])), ..Later::default() });
    bad(
        "second",
        "this record is the second of its refs",
        Later { refs: Some(json!([another, own])), ..Later::default() },
    );
    bad("no-ref", "it refers to nothing", Later { refs: Some(json!([])), ..Later::default() });
    bad("another-leaf", "this record's number, another's leaf", with("leaf", another["leaf"].clone()));
    bad("another-id", "this record's leaf, another's number", with("id", another["id"].clone()));
    bad("another-ledger", "the ledger of the ref is another", with("ledger", json!(World::new(2).origin)));
    bad("owner", "another owner", Later { owner: Some("乙"), ..Later::default() });
    bad("received-before", "received before this record", Later { received: 59, stamped: 61, ..Later::default() });
    bad(
        "stamped-before",
        "stamped before this record's statement",
        Later { received: 60, stamped: 58, ..Later::default() },
    );
    bad("received-after", "received after its own token", Later { stamped: 490, ..Later::default() });
    bad("sealed-before", "sealed before it was stamped", Later { sealed: 480, ..Later::default() });
    bad(
        "ahead",
        "stamped after the reader's clock",
        Later { received: 3_000_000, stamped: 3_000_001, sealed: 3_000_060, ..Later::default() },
    );
    bad("index", "its leaf comes before this record's", Later { index: 0, ..Later::default() });
    bad("kind", "it is no record of kind rights", Later { kind: Kind::Image, ..Later::default() });
    bad(
        "statement-ledger",
        "its statement is for another ledger",
        Later { statement: |s| s["ledger"] = json!(World::new(2).origin), ..Later::default() },
    );
    bad(
        "provenance",
        "its statement breaks the rules of its kind",
        Later { statement: |s| s["provenance"] = json!("platform-captured"), ..Later::default() },
    );
    bad("token", "its token is over another statement", Later { token_over: Some(b"another"), ..Later::default() });
    bad("seal", "its seal is over another checkpoint", Later { seal_over: Some(b"another"), ..Later::default() });
    bad(
        "log-bit",
        "one bit of the log's signature over its checkpoint",
        Later {
            note: |_, note| {
                let mut note = Note::parse(&note).unwrap();
                note.signatures[0].signature[3] ^= 1;
                note.to_bytes()
            },
            ..Later::default()
        },
    );
    bad(
        "cosignature-bit",
        "one bit of a witness's signature over its checkpoint",
        Later {
            note: |_, note| {
                let mut note = Note::parse(&note).unwrap();
                note.signatures[1].signature[20] ^= 1;
                note.to_bytes()
            },
            ..Later::default()
        },
    );
    let mut spoiled = |slug, what, spoil: fn(&mut Entries)| {
        book.bad(ID, slug, what, |b| {
            b.entries = Box::new(move |world, entries| {
                Later::default().put(world, entries, 1);
                spoil(entries);
            });
        });
    };
    spoiled("claim", "a disclosed claim is not the one it commits to", |entries| {
        let (other, opened) = World::new(3).statement(Kind::Rights, 31, at(500), &[("author", json!("陈清"))]);
        let _ = other;
        crate::common::replace(entries, "related-01-disclosure.json", canonical(&json!(opened)));
    });
    spoiled("other-note", "its checkpoint.txt is not the note in its proof", |entries| {
        let first = entry(entries, "checkpoint.txt").to_vec();
        crate::common::replace(entries, "related-01-checkpoint.txt", first);
    });
    spoiled("proof", "the proof of another leaf", |entries| {
        let note = entry(entries, "related-01-checkpoint.txt").to_vec();
        let other = evidence::proof::TlogProof {
            checkpoint: note,
            ..evidence::proof::TlogProof::parse(entry(entries, "related-01-proof.tlog-proof")).unwrap()
        };
        let wrong = evidence::proof::TlogProof { index: 2, ..other };
        crate::common::replace(entries, "related-01-proof.tlog-proof", wrong.to_bytes());
    });
}

/// The entries as such.
fn form(book: &mut Book) {
    let mut spoiled = |slug, what, spoil: fn(&mut Entries)| {
        book.bad("form", slug, what, |b| {
            b.entries = Box::new(move |world, entries| {
                Later::default().put(world, entries, 1);
                spoil(entries);
            });
        });
    };
    spoiled("related-part", "a later record without its seal", |entries| {
        entries.retain(|(name, _)| name != "related-01-checkpoint.tsr");
    });
    spoiled("related-gap", "a second later record without a first", |entries| {
        for (name, _) in entries.iter_mut().filter(|(name, _)| name.starts_with("related-")) {
            *name = name.replace("01", "02");
        }
    });
    spoiled("related-order", "a later record's parts in another order", |entries| {
        let at = entries.len();
        entries.swap(at - 1, at - 2);
    });
    bounds(book);
}

/// As many entries, later records and bytes as there may be, and one more.
fn bounds(book: &mut Book) {
    let filled = |n: usize| {
        move |_: &World, entries: &mut Entries| {
            for i in 1.. {
                // `package.json` is made of the others and counts too.
                if entries.len() + 1 == n {
                    break;
                }
                entries.push((format!("anchor-{i:03}{}", "x".repeat(118)), b"?".to_vec()));
            }
        }
    };
    let later = |n: u8| {
        move |world: &World, entries: &mut Entries| {
            let mut one = entries.clone();
            Later::default().put(world, &mut one, 1);
            let parts = one.split_off(entries.len());
            for i in 1..=n {
                let number = |name: &str| name.replacen("01", &format!("{i:02}"), 1);
                entries.extend(parts.iter().map(|(name, bytes)| (number(name), bytes.clone())));
            }
        }
    };
    book.good("form", "most-entries", "256 entries, reserved ones with names of 128 characters", |b| {
        b.entries = Box::new(filled(256));
    });
    book.bad("form", "entries-257", "257 entries", |b| b.entries = Box::new(filled(257)));
    book.good(ID, "most", "24 later records", |b| b.entries = Box::new(later(24)));
    book.bad("form", "related-25", "25 later records", |b| b.entries = Box::new(later(25)));
    book.bad("form", "reserved-name-129", "a reserved entry whose name has 129 characters", |b| {
        b.entries = Box::new(|_, e| e.push((format!("anchor-{}", "x".repeat(122)), b"?".to_vec())));
    });
    book.bad("form", "token-bytes", "a token of 65,537 bytes", |b| {
        b.entries =
            Box::new(|_, e| e.iter_mut().filter(|e| e.0 == "timestamp-1.tsr").for_each(|e| e.1.resize(65_537, 0)));
    });
    book.bad("form", "guide-bytes", "a VERIFY.txt of a byte over 1 MiB", |b| {
        b.entries =
            Box::new(|_, e| e.iter_mut().filter(|e| e.0 == "VERIFY.txt").for_each(|e| e.1.resize((1 << 20) + 1, b' ')));
    });
}
