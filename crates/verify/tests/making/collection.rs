//! `collection-*`: a list of three registered pictures, and what may be wrong with it, its items, or what is given along.
//!
//! The platform is dishonest and holds its own keys: the changed list is digested, recorded and signed again.

use super::{
    Book,
    later::{put_renewal, unknown, until},
    world::{Build, Entries, OTHER, PICTURE, World, at, base64url, canonical, raw_zip, record},
};
use crate::common::proof;
use evidence::{
    digest::{self, FileDigests},
    hex,
    json::{Value, json},
    statement::Kind,
};

const LIST: &str = "collection-manifest";
const ITEMS: &str = "collection-items";
const FILE: &str = "collection-file-N";
pub(super) const THIRD: &[u8] = b"\xff\xd8\xff\xe0 not quite a picture of a wren, either\n";
const SAME: [(&str, &[u8]); 3] = [("magpie.jpg", PICTURE), ("heron.jpg", OTHER), ("wren.jpg", THIRD)];

/// A registered picture, before it is put on the ledger.
#[derive(Clone)]
struct Listed {
    statement: Value,
    opened: Vec<String>,
    tokens: Vec<Vec<u8>>,
    /// When its statement was stamped.
    stamped: i64,
}

impl Listed {
    fn of(world: &World, owner: &str, n: u64, second: i64, bytes: &[u8]) -> Self {
        let (mut statement, opened) = match owner {
            "" => world.statement(Kind::Image, n, at(second), &[("owner_kind", json!("individual"))]),
            name => world.image_of(name, n, at(second)),
        };
        put_file(&mut statement, bytes);
        Self { statement, opened, tokens: Vec::new(), stamped: second + 1 }
    }

    fn record(&self) -> Vec<u8> {
        record(&self.statement, &self.tokens)
    }

    fn drop_claim(&mut self, name: &str) {
        let mut names = Kind::Image.claims();
        names.sort_unstable();
        self.opened.remove(names.iter().position(|n| *n == name).unwrap());
    }
}

pub(super) fn put_file(statement: &mut Value, bytes: &[u8]) {
    let FileDigests { sha256, sm3, size } = FileDigests::of(bytes);
    let member = &mut statement["file"];
    (member["sha256"], member["sm3"], member["size"]) =
        (json!(hex::encode(&sha256)), json!(hex::encode(&sm3)), json!(size));
}

/// What a case may change, each in its turn; all that follows from it is made honestly.
struct Plan<'a> {
    items: &'a dyn Fn(&World, &mut Vec<Listed>),
    /// The lines of the list.
    lines: &'a dyn Fn(&mut Vec<Value>),
    /// The exact bytes of the list.
    text: &'a dyn Fn(Vec<u8>) -> Vec<u8>,
    /// The entries of `items.zip`.
    entries: &'a dyn Fn(&mut Entries),
    owner: &'a str,
}

fn honest<'a>() -> Plan<'a> {
    Plan { items: &|_, _| (), lines: &|_| (), text: &|bytes| bytes, entries: &|_| (), owner: "甲" }
}

fn collect(b: &mut Build, plan: &Plan<'_>) {
    let name = if plan.owner.is_empty() { Value::Null } else { json!(plan.owner) };
    let claims = [("owner_kind", json!("individual")), ("owner_name", name), ("title", json!("秋季图样"))];
    b.kind(Kind::Collection, &claims);
    let mut items: Vec<Listed> = (10..)
        .zip(SAME)
        .map(|(n, (_, bytes))| Listed::of(&b.world, plan.owner, n, 10 * (n as i64 - 9), bytes))
        .collect();
    (plan.items)(&b.world, &mut items);
    for item in &mut items {
        if item.tokens.is_empty() {
            item.tokens = vec![b.world.tsa.stamp(&canonical(&item.statement), at(item.stamped))];
        }
    }
    b.before = items.iter().map(Listed::record).collect();
    let mut lines: Vec<Value> = (1..).zip(&items).map(|(index, item)| line(index, item)).collect();
    (plan.lines)(&mut lines);
    let text: Vec<u8> = lines.iter().flat_map(|l| [canonical(l), b"\n".to_vec()].concat()).collect();
    let text = (plan.text)(text);
    put_file(&mut b.statement, &text);
    let leaves = b.leaf_list().0;
    let note = b.world.note(&leaves, at(121));
    let mut entries = Vec::new();
    for (index, item) in (1..).zip(&items) {
        let id = item.statement["id"].as_str().unwrap();
        let mut put = |part: &str, bytes: Vec<u8>| entries.push((format!("{id}.{part}"), bytes));
        put("record.json", item.record());
        for (n, token) in (1..).zip(&item.tokens) {
            put(&format!("timestamp-{n}.tsr"), token.clone());
        }
        put("proof.tlog-proof", proof(&leaves, index, &note));
        put("disclosure.json", canonical(&json!(item.opened)));
    }
    (plan.entries)(&mut entries);
    b.entries = Box::new(move |_, out| {
        out.push(("manifest.jsonl".into(), text.clone()));
        out.push(("items.zip".into(), raw_zip(&entries)));
    });
    b.originals.clear();
}

fn line(index: u64, item: &Listed) -> Value {
    let file = &item.statement["file"];
    json!({
        "id": item.statement["id"], "index": index, "record_sha256": hex::encode(&digest::sha256(&item.record())),
        "sha256": file["sha256"], "size": file["size"], "sm3": file["sm3"],
    })
}

/// Without these entries of the package.
fn without(b: &mut Build, names: &'static [&'static str]) {
    let entries = std::mem::replace(&mut b.entries, Box::new(|_, _| ()));
    b.entries = Box::new(move |world, out| {
        entries(world, out);
        out.retain(|e| !names.contains(&e.0.as_str()));
    });
}

fn replaced(text: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains(from), "{from} in {text}");
    text.replacen(from, to, 1).into_bytes()
}

pub fn cases(book: &mut Book) {
    lists(book);
    items(book);
    owners_and_times(book);
    ended(book);
    beside(book);
    files(book);
    forged(book);
}

fn lists(book: &mut Book) {
    book.good(LIST, "three", "three pictures", |b| collect(b, &honest()));
    let mut bad = |slug: &str, what: &str, plan: Plan<'_>| {
        book.bad(LIST, slug, what, |b| collect(b, &plan)).and(ITEMS, "not_checked");
    };
    let by_text = |text| Plan { text, ..honest() };
    let by_lines = |lines| Plan { lines, ..honest() };
    bad("order", "the second line before the first", by_lines(&|lines| lines.swap(0, 1)));
    bad("twice", "a line twice", by_lines(&|lines| lines.push(lines[2].clone())));
    bad("record-twice", "one record on two lines", by_lines(&|lines| lines[1]["id"] = lines[0]["id"].clone()));
    bad("leaf-0", "the operator's own record", by_lines(&|lines| lines[0]["index"] = json!(0)));
    bad("later-record", "a record that came after the collection", by_lines(&|lines| lines[2]["index"] = json!(5)));
    bad("itself", "the collection's own index", by_lines(&|lines| lines[2]["index"] = json!(4)));
    bad("no-size", "a file of no bytes", by_lines(&|lines| lines[0]["size"] = json!(0)));
    bad("no-member", "a line without `sm3`", by_lines(&|lines| drop(lines[0].as_object_mut().unwrap().remove("sm3"))));
    bad(
        "no-line-end",
        "no LF after the last line",
        by_text(&|mut text| {
            text.pop();
            text
        }),
    );
    bad("empty-line", "an empty line at the end", by_text(&|text| [text, b"\n".to_vec()].concat()));
    bad("crlf", "lines that end with CR LF", by_text(&|text| replaced(text, "\n", "\r\n")));
    bad("spaces", "a space that canonical JSON does not have", by_text(&|text| replaced(text, ",", ", ")));
    bad("array", "an array instead of lines", by_text(&|_| b"[]\n".to_vec()));
    bad("one-line-feed", "no line at all", by_text(&|_| b"\n".to_vec()));
    let newer = Plan { lines: &|lines| lines[1]["colour"] = json!("black"), ..honest() };
    book.open(LIST, "member", "a member that version 1 does not know", |b| collect(b, &newer))
        .and(ITEMS, "not_checked");
    book.open(LIST, "not-given", "the list is not in the package", |b| {
        collect(b, &honest());
        without(b, &["manifest.jsonl"]);
    })
    .and(ITEMS, "not_checked")
    .and("file", "not_checked");
    book.bad("file", "another-list", "another list than the statement's in the package", |b| {
        collect(b, &honest());
        let entries = std::mem::replace(&mut b.entries, Box::new(|_, _| ()));
        b.entries = Box::new(move |world, out| {
            entries(world, out);
            let list = entry(out, "manifest.jsonl");
            let second = list.split_inclusive(|b| *b == b'\n').take(2).map(<[u8]>::len).sum();
            list.truncate(second);
        });
    })
    .and(ITEMS, "fail");
}

fn items(book: &mut Book) {
    book.good(ITEMS, "two-tokens", "a picture with two tokens over its statement", |b| {
        let two = |world: &World, items: &mut Vec<Listed>| {
            let data = canonical(&items[1].statement);
            items[1].tokens = [21, 22].map(|second| world.tsa.stamp(&data, at(second))).to_vec();
        };
        collect(b, &Plan { items: &two, ..honest() });
    });
    book.good(ITEMS, "one", "a list of one", |b| {
        collect(b, &Plan { items: &|_, items| items.truncate(1), ..honest() })
    });
    book.good(ITEMS, "digest", "one of them is a digest that was only told", |b| {
        let told = |world: &World, items: &mut Vec<Listed>| {
            let claims = [("owner_kind", json!("individual")), ("owner_name", json!("甲"))];
            let (statement, opened) = world.statement(Kind::Digest, 30, at(32), &claims);
            items[2] = Listed { statement, opened, tokens: Vec::new(), stamped: 33 };
        };
        collect(b, &Plan { items: &told, ..honest() });
    });
    let mut bad = |slug: &str, what: &str, plan: Plan<'_>| {
        book.bad(ITEMS, slug, what, |b| collect(b, &plan));
    };
    let by_entries = |entries| Plan { entries, ..honest() };
    let by_lines = |lines| Plan { lines, ..honest() };
    bad("swapped", "the items of two lines change places", by_entries(&|entries| entries.rotate_left(4)));
    bad("entry-missing", "a disclosure is missing", by_entries(&|entries| drop(entries.remove(3))));
    bad(
        "entry-added",
        "an entry more",
        by_entries(&|entries| {
            let more = (entries[0].0.replace("record", "statement"), b"{}".to_vec());
            entries.insert(1, more);
        }),
    );
    bad("entry-order", "a proof before its token", by_entries(&|entries| entries.swap(1, 2)));
    bad("item-missing", "a line without its item", by_entries(&|entries| entries.truncate(8)));
    bad("item-added", "an item without its line", by_lines(&|lines| drop(lines.pop())));
    bad("another-record", "the record of another line", by_entries(&|entries| entries[0].1 = entries[4].1.clone()));
    bad("another-proof", "the proof of another line", by_entries(&|entries| entries[2].1 = entries[6].1.clone()));
    bad("another-token", "the token of another line", by_entries(&|entries| entries[1].1 = entries[5].1.clone()));
    bad("another-disclosure", "what opens another record", by_entries(&|entries| entries[3].1 = entries[7].1.clone()));
    bad(
        "record-digest",
        "a record digest of something else",
        by_lines(&|lines| {
            lines[0]["record_sha256"] = json!(hex::encode(&digest::sha256(b"something else")));
        }),
    );
    bad(
        "another-file",
        "the list names another file than the record",
        by_lines(&|lines| {
            lines[0]["sha256"] = json!(hex::encode(&digest::sha256(b"something else")));
        }),
    );
    bad("another-size", "the list names another size than the record", by_lines(&|lines| lines[0]["size"] = json!(9)));
    bad(
        "another-id",
        "the list names another record number",
        by_lines(&|lines| {
            lines[0]["id"] = json!("019b8f3c-0000-7000-8000-000000000001");
        }),
    );
    bad(
        "another-index",
        "the list names another leaf",
        Plan {
            items: &|_, items| items.swap(1, 2),
            lines: &|lines| {
                lines.remove(1);
                lines[1]["index"] = json!(2);
            },
            entries: &|entries| drop(entries.drain(4..8)),
            ..honest()
        },
    );
    book.open(ITEMS, "not-given", "items.zip is not in the package", |b| {
        collect(b, &honest());
        without(b, &["items.zip"]);
    });
    book.bad(ITEMS, "not-on-the-ledger", "a record that is no leaf, with the proof of the one in its place", |b| {
        collect(b, &honest());
        let other = b.before[0].clone();
        b.leaves = Some(Box::new(move |mut leaves| {
            leaves[2] = other.clone();
            leaves
        }));
        let leaves = b.leaf_list().0;
        let note = b.world.note(&leaves, at(121));
        proofs(b, leaves, note);
    });
    book.bad(ITEMS, "another-checkpoint", "proofs under an older checkpoint of the same ledger", |b| {
        collect(b, &honest());
        let leaves = b.leaf_list().0[..4].to_vec();
        let note = b.world.note(&leaves, at(45));
        proofs(b, leaves, note);
    });
}

/// Proofs of the items by these leaves, under this note.
fn proofs(b: &mut Build, leaves: Vec<Vec<u8>>, note: Vec<u8>) {
    let entries = std::mem::replace(&mut b.entries, Box::new(|_, _| ()));
    b.entries = Box::new(move |world, out| {
        entries(world, out);
        let zip = entry(out, "items.zip");
        let mut inner = unzip(zip);
        for (index, place) in [(1, 2), (2, 6), (3, 10)] {
            inner[place].1 = proof(&leaves, index, &note);
        }
        *zip = raw_zip(&inner);
    });
}

/// Entries of a ZIP that [`raw_zip`] wrote.
fn unzip(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut out = Vec::new();
    for item in archive::items::read(bytes).unwrap() {
        let mut put = |part: &str, bytes: Vec<u8>| out.push((format!("{}.{part}", item.id), bytes));
        put("record.json", item.record);
        for (n, token) in (1..).zip(item.tokens) {
            put(&format!("timestamp-{n}.tsr"), token);
        }
        put("proof.tlog-proof", item.proof);
        put("disclosure.json", item.disclosure);
    }
    out
}

fn owners_and_times(book: &mut Book) {
    let mut bad = |slug: &str, what: &str, items: &dyn Fn(&World, &mut Vec<Listed>)| {
        book.bad(ITEMS, slug, what, |b| collect(b, &Plan { items, ..honest() }));
    };
    bad("another-owner", "a record of somebody else's", &|world, items| {
        items[1] = Listed::of(world, "乙", 11, 20, OTHER);
    });
    bad("another-number", "a namesake with another number", &|world, items| {
        let claims = [
            ("owner_kind", json!("individual")),
            ("owner_name", json!("甲")),
            ("owner_id_masked", json!("1101**********0015")),
        ];
        let (statement, opened) = world.statement(Kind::Image, 30, at(20), &claims);
        items[0] = Listed { statement, opened, tokens: Vec::new(), stamped: 21 };
    });
    bad("another-ledger", "a record that is for another ledger", &|_, items| {
        items[0].statement["ledger"] = json!(World::new(2).origin);
    });
    bad("order", "an order, which is no picture", &|world, items| {
        let claims = [("owner_kind", json!("individual")), ("owner_name", json!("甲"))];
        let (statement, opened) = world.statement(Kind::Order, 30, at(20), &claims);
        let file = items[0].statement["file"].clone();
        items[0] = Listed { statement, opened, tokens: Vec::new(), stamped: 21 };
        items[0].statement["file"] = file;
    });
    bad("stamped-later", "stamped after the collection was", &|_, items| items[2].stamped = 70);
    bad("received-later", "received after it was stamped", &|_, items| items[2].stamped = 20);
    bad("other-bytes", "a token over another statement", &|world, items| {
        items[0].tokens = vec![world.tsa.stamp(b"another statement", at(11))];
    });
    bad("claim", "a claim of another type", &|_, items| {
        let encoded = base64url(b"[\"AAAAAAAAAAAAAAAAAAAAAA\",\"owner_kind\",\"fleet\"]");
        items[0].statement["claims"]["owner_kind"] = json!({"_sd": [base64url(&digest::sha256(encoded.as_bytes()))]});
        let mut names = Kind::Image.claims();
        names.sort_unstable();
        items[0].opened[names.iter().position(|n| *n == "owner_kind").unwrap()] = encoded;
    });
    let mut open = |slug: &str, what: &str, plan: Plan<'_>| {
        book.open(ITEMS, slug, what, |b| collect(b, &plan));
    };
    let by_items = |items| Plan { items, ..honest() };
    open(
        "undisclosed",
        "a record that does not disclose whose it is",
        by_items(&|_, items| {
            items[1].drop_claim("owner_name");
        }),
    );
    open("nobody", "no owner is named, by any of them", Plan { owner: "", ..honest() });
    open(
        "kind",
        "a record of a kind that a newer reader may know",
        by_items(&|_, items| {
            items[1].statement["kind"] = json!("observation");
        }),
    );
    open(
        "authority",
        "a token of an authority that the reader does not know",
        by_items(&|_, items| {
            let other = super::stamp::Authority::new("Another Authority", 77);
            items[1].tokens = vec![other.stamp(&canonical(&items[1].statement), at(21))];
        }),
    );
}

/// The token of one item is by a certificate that has ended by the reader's clock.
fn ended(book: &mut Book) {
    let plan = Plan {
        items: &|_, items| {
            items[1].tokens = vec![until(2000).stamp(&canonical(&items[1].statement), at(21))];
        },
        ..honest()
    };
    book.good(ITEMS, "ended", "the certificate of one record's token has ended, and nothing was renewed", |b| {
        collect(b, &plan);
    })
    .and(ITEMS, "limited");
    book.good(ITEMS, "ended-renewed", "the same, and a renewal was made before", |b| {
        collect(b, &plan);
        b.later = Box::new(|w, _, e| put_renewal(w, e, 1, 1000, |t| t));
    });
}

/// One token of an item is for a newer reader, the other is not.
fn beside(book: &mut Book) {
    book.good(
        ITEMS,
        "unknown-beside",
        "a token of an algorithm that version 1 does not name, beside a good one",
        |b| {
            let items = &|world: &World, items: &mut Vec<Listed>| {
                let data = canonical(&items[1].statement);
                items[1].tokens = vec![unknown(&world.tsa, &data, at(21)), world.tsa.stamp(&data, at(21))];
            };
            collect(b, &Plan { items, ..honest() });
        },
    );
}

fn files(book: &mut Book) {
    book.good(FILE, "all", "all three pictures, and the list itself, are given along", |b| {
        collect(b, &honest());
        b.originals = SAME.to_vec();
    });
    book.good(FILE, "some", "one of the three is given", |b| {
        collect(b, &honest());
        b.originals = vec![SAME[1]];
    })
    .all(&["collection-file-1", "collection-file-3"], "not_checked");
    let mut bad = |slug: &str, what: &str, given: &[(&'static str, &'static [u8])], open: &[&str], plan: Plan<'_>| {
        book.bad(FILE, slug, what, |b| {
            collect(b, &plan);
            b.originals = given.to_vec();
        })
        .instead("collection-file-1", "collection-file-4")
        .all(open, "not_checked");
    };
    let (one, two, three) = ("collection-file-1", "collection-file-2", "collection-file-3");
    const STRANGER: (&str, &[u8]) = ("stranger.jpg", b"\xff\xd8\xff\xe0 on no list\n");
    const LONGER: (&str, &[u8]) = ("longer.jpg", b"\xff\xd8\xff\xe0 not quite a picture of a magpie\n\n");
    const CHANGED: (&str, &[u8]) = ("changed.jpg", b"\xff\xd8\xff\xe0 not quite a picture of a mag-ie\n");
    bad("stranger", "a file that is on no line", &[STRANGER], &[one, two, three], honest());
    bad("among-others", "such a file among those of the list", &[SAME[0], STRANGER, SAME[2]], &[two], honest());
    bad("longer", "a byte more", &[LONGER], &[one, two, three], honest());
    bad("changed", "a byte changed", &[CHANGED, SAME[1]], &[one, three], honest());
    let sm3 = |_: &World, items: &mut Vec<Listed>| {
        items[0].statement["file"]["sm3"] = json!(hex::encode(&digest::sm3(OTHER)));
    };
    bad("sm3", "the same SHA-256, another SM3", &[SAME[0]], &[one, two, three], Plan { items: &sm3, ..honest() });
    let size = |_: &World, items: &mut Vec<Listed>| items[0].statement["file"]["size"] = json!(7);
    bad("size", "the same digests, another size", &[SAME[0]], &[one, two, three], Plan { items: &size, ..honest() });
    book.open(FILE, "no-list", "there is no list to look it up in", |b| {
        collect(b, &honest());
        without(b, &["manifest.jsonl"]);
        b.originals = vec![SAME[0]];
    })
    .all(&[LIST, ITEMS, "file"], "not_checked");
}

/// The entry of this name.
fn entry<'e>(out: &'e mut [(String, Vec<u8>)], name: &str) -> &'e mut Vec<u8> {
    &mut out.iter_mut().find(|e| e.0 == name).unwrap().1
}

/// Honest collections, spoiled by somebody who has no key of this ledger.
fn forged(book: &mut Book) {
    type Change = fn(&mut Entries);
    let mut forge = |slug: &str, what: &str, fails: &[&str], open: &[&str], change: Change| {
        let case = book.good("forged", slug, what, |b| {
            collect(b, &honest());
            let entries = std::mem::replace(&mut b.entries, Box::new(|_, _| ()));
            b.entries = Box::new(move |world, out| {
                entries(world, out);
                change(out);
            });
        });
        case.exit = 1;
        case.all(fails, "fail").all(open, "not_checked");
    };
    forge(
        "collection-line-added",
        "a line for a picture that was never registered",
        &["file", LIST],
        &[ITEMS],
        |out| {
            let list = entry(out, "manifest.jsonl");
            let text = String::from_utf8(list.clone()).unwrap();
            let last = text.lines().next_back().unwrap().replace("\"index\":3", "\"index\":4");
            *list = format!("{text}{}\n", last.replace("00000000000c", "00000000000d")).into_bytes();
        },
    );
    forge("collection-line-changed", "another picture in a line", &["file", ITEMS], &[], |out| {
        let digest = |bytes: &[u8]| hex::encode(&digest::sha256(bytes));
        let list = entry(out, "manifest.jsonl");
        *list = replaced(list.clone(), &digest(OTHER), &digest(b"a stolen picture"));
    });
    forge("collection-item-changed", "a record that the attacker wrote, in a line's place", &[ITEMS], &[], |out| {
        let theirs = super::forged::thief();
        let mut item = Listed::of(&theirs, "甲", 10, 10, PICTURE);
        item.tokens = vec![theirs.tsa.stamp(&canonical(&item.statement), at(11))];
        let zip = entry(out, "items.zip");
        let mut inner = unzip(zip);
        (inner[0].1, inner[1].1) = (item.record(), item.tokens[0].clone());
        inner[3].1 = canonical(&json!(item.opened));
        *zip = raw_zip(&inner);
    });
    forge("collection-owner", "the same list under another name", &["disclosures"], &[ITEMS], |out| {
        let theirs = Listed::of(&super::forged::thief(), "贼", 2, 60, PICTURE);
        *entry(out, "disclosure.json") = canonical(&json!(theirs.opened));
    });
    let case =
        book.good("forged", "collection-of-anothers", "another ledger's records, in the attacker's own list", |b| {
            super::forged::stolen(b, super::forged::thief());
            let theirs = |_: &World, items: &mut Vec<Listed>| {
                let world = World::new(1);
                *items =
                    (10..).zip(SAME).map(|(n, (_, p))| Listed::of(&world, "贼", n, 10 * (n as i64 - 9), p)).collect();
                for item in items {
                    item.tokens = vec![world.tsa.stamp(&canonical(&item.statement), at(item.stamped))];
                }
            };
            collect(b, &Plan { items: &theirs, owner: "贼", ..honest() });
        });
    case.exit = 1;
    case.no_log_key().all(&["statement-token-1", "sealing-token-1", "times"], "not_checked").and(ITEMS, "fail");
}
