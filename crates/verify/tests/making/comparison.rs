//! `comparison`: a page's images against registered ones, two captures, and what may be wrong with either.
//!
//! The platform is dishonest and holds its own keys: the changed document is digested, recorded and signed again.

use super::{
    Book,
    world::{Build, OTHER, PICTURE, World, at, canonical},
};
use evidence::{
    digest::{self, FileDigests},
    hex,
    json::{Value, json},
    statement::Kind,
};

const ID: &str = "comparison";
const URL: &str = "https://shop.example/magpie";

/// A named record: received at this second, the n-th then.
fn record(ledger: &str, second: i64, n: u64) -> Value {
    let mut value = json!({
        "ledger": ledger, "leaf": hex::encode(&digest::sha256(&n.to_be_bytes())),
        "gen_time": at(second + 1).to_generalized(),
    });
    World::receive(&mut value, at(second), n);
    value
}

fn with(mut value: Value, more: Value) -> Value {
    let members = more.as_object().unwrap().clone();
    value.as_object_mut().unwrap().extend(members);
    value
}

fn captured(ledger: &str, second: i64, n: u64) -> Value {
    let wacz = hex::encode(&digest::sha256(format!("wacz {n}").as_bytes()));
    with(record(ledger, second, n), json!({"sha256": wacz, "url": URL}))
}

fn registered(ledger: &str, n: u64, bytes: &[u8]) -> Value {
    with(record(ledger, 5, n), json!({"kind": "image", "sha256": hex::encode(&digest::sha256(bytes))}))
}

fn image(name: &str, bytes: &[u8], result: &str) -> Value {
    json!({
        "url": format!("{URL}/{name}"), "sha256": hex::encode(&digest::sha256(bytes)), "size": bytes.len(),
        "media_type": "image/jpeg", "width": 640, "height": 427, "occurrences": 1, "result": result,
        "box": [120, -4, 640, 427],
    })
}

fn found(image: usize, record: Value, similarity: &str, found: Value) -> Value {
    json!({"image": image, "record": record, "similarity": similarity, "match": found})
}

fn near(page: &str, registered: &str, mirrored: bool, dct: u64, gradient: u64) -> Value {
    json!({
        "page_part": page, "registered_part": registered, "mirrored": mirrored, "dct": dct, "gradient": gradient,
    })
}

/// Three images, one of them the registered bytes, one a near copy, one too small.
fn document(ledger: &str) -> Value {
    json!({
        "schema": "quezao/comparison/v1", "compared_at": at(55).to_micros(),
        "capture": captured(ledger, 40, 4), "earlier": null, "differences": null,
        "algorithms": [
            {"name": "dct-256", "version": 1, "bits": 256},
            {"name": "gradient-512", "version": 1, "bits": 512},
        ],
        "thresholds": {
            "close": {"dct": 48, "gradient": 120},
            "possible": [{"dct": 60, "gradient": 512}, {"dct": 72, "gradient": 120}],
        },
        "images": [
            image("near.jpg", b"a copy, recompressed", "compared"),
            image("same.jpg", PICTURE, "compared"),
            image("dot.gif", b"GIF89a", "small"),
        ],
        "images_found": 3,
        "registered": {
            "records": 9, "compared": 6,
            "not_compared": {
                "not-image": 1, "not-held": 2, "damaged": 0, "format": 0, "broken": 0, "too-large": 0, "small": 0, "flat": 0,
            },
        },
        "pairs": [
            found(1, registered(ledger, 7, PICTURE), "identical", Value::Null),
            found(0, registered(ledger, 7, PICTURE), "close", near("whole", "inner-90", true, 12, 30)),
            found(0, registered(ledger, 8, OTHER), "possible", near("without-left", "without-left", false, 60, 400)),
        ],
        "pairs_found": 3,
        "notice": {
            "zh": "相似度由算法给出，不是侵权认定；未发现相似不等于不存在。",
            "en": "Similarity by algorithm, not a finding of infringement; no match does not mean absent.",
        },
    })
}

/// With a licence that stood, one that had ended, and one for other pages.
fn licensed(ledger: &str) -> Value {
    let licence = |n: u64, second: i64, more: Value| {
        let common = json!({
            "licensee": "丙店", "from": "2026-01-01", "until": null, "state": "valid", "place": "page", "pattern": "shop.example",
            "pairs": [0, 1], "ended": null,
        });
        with(with(record(ledger, second, n), common), more)
    };
    let ended = with(record(ledger, 30, 13), json!({"from": "2026-01-04"}));
    with(
        document(ledger),
        json!({
            "schema": "quezao/comparison/v2", "licences_found": 3,
            "licences": [
                licence(10, 10, json!({"until": "2027-01-01"})),
                licence(11, 11, json!({"state": "ended", "ended": ended, "pairs": []})),
                licence(12, 12, json!({"place": "elsewhere", "pattern": null, "pairs": [2]})),
            ],
        }),
    )
}

/// The same page, later.
fn two(ledger: &str) -> Value {
    let changes = |added: Value, removed: Value| {
        let count = |v: &Value| v.as_array().unwrap().len();
        json!({
            "added_found": count(&added), "removed_found": count(&removed), "unchanged": 12, "added": added,
            "removed": removed,
        })
    };
    let digest = hex::encode(&digest::sha256(b"another"));
    with(
        document(ledger),
        json!({
            "earlier": captured(ledger, 20, 3), "registered": null, "images": [], "images_found": 0, "pairs": [],
            "pairs_found": 0,
            "differences": {
                "text": changes(json!(["¥199", "包邮"]), json!(["¥299"])),
                "images": changes(json!([digest]), json!([])),
                "facts": [{"name": "price", "earlier": "¥299", "later": "¥199"}],
            },
        }),
    )
}

/// What the specification says about the refs of this document.
fn refs(document: &Value) -> Value {
    let pick = |r: &Value| json!({"ledger": r["ledger"], "id": r["id"], "leaf": r["leaf"]});
    let mut refs = vec![pick(&document["capture"])];
    refs.extend(Some(&document["earlier"]).filter(|e| !e.is_null()).map(pick));
    for pair in document["pairs"].as_array().unwrap() {
        let one = pick(&pair["record"]);
        if refs.len() < 16 && !refs.contains(&one) {
            refs.push(one);
        }
    }
    json!(refs)
}

/// A comparison's package of this document, with these refs.
fn comparison(b: &mut Build, document: &Value, refs: Value, url: Value) {
    let claims = [("owner_kind", json!("enterprise")), ("owner_name", json!("甲")), ("url", url), ("refs", refs)];
    b.kind(Kind::Comparison, &claims);
    put(b, canonical(document));
    b.originals.clear();
}

/// Its file, recorded and in the package.
fn put(b: &mut Build, bytes: Vec<u8>) {
    let FileDigests { sha256, sm3, size } = FileDigests::of(&bytes);
    let member = &mut b.statement["file"];
    (member["sha256"], member["sm3"], member["size"]) =
        (json!(hex::encode(&sha256)), json!(hex::encode(&sm3)), json!(size));
    b.entries = Box::new(move |_, entries| entries.push(("comparison.json".into(), bytes.clone())));
}

fn honest(b: &mut Build, document: &Value) {
    comparison(b, document, refs(document), json!(URL));
}

pub fn cases(book: &mut Book) {
    const OPEN: &str = "comparison-distances";
    let mut good = |slug: &str, what: &str, change: &dyn Fn(&mut Build)| {
        book.good(ID, slug, what, |b| change(b)).and(OPEN, "not_checked");
    };
    good("pairs", "the same bytes, a near copy, a possible one", &|b| {
        let document = document(&b.world.origin);
        honest(b, &document);
    });
    good("nothing", "nothing alike was found, and the URL is not claimed", &|b| {
        let document = with(document(&b.world.origin), json!({"pairs": [], "pairs_found": 0}));
        comparison(b, &document, refs(&document), Value::Null);
    });
    good("two-captures", "one capture against an earlier one", &|b| {
        let document = two(&b.world.origin);
        honest(b, &document);
    });
    good("many-pairs", "more records than refs have room for", &|b| {
        let origin = b.world.origin.clone();
        let pairs: Vec<Value> = (20..60)
            .map(|n| found(0, registered(&origin, n, &[n as u8]), "close", near("trimmed", "square", false, 12, n)))
            .collect();
        honest(b, &with(document(&origin), json!({"pairs": pairs, "pairs_found": 40})));
    });
    good("source-given", "a registered original is given along: it is a source, not the record's file", &|b| {
        let document = document(&b.world.origin);
        honest(b, &document);
        b.originals = vec![("magpie.jpg", PICTURE)];
    });

    let mut bad = |slug: &str, what: &str, change: &dyn Fn(&mut Value)| {
        book.bad(ID, slug, what, |b| {
            let mut document = document(&b.world.origin);
            change(&mut document);
            honest(b, &document);
        })
        .and(OPEN, "not_checked");
    };
    bad("notice", "the sentence says what no algorithm can say", &|d| {
        d["notice"]["zh"] = json!("经比对，构成侵权。");
    });
    bad("beyond-thresholds", "a pair that is within no thresholds", &|d| {
        d["pairs"][2]["match"] = near("whole", "whole", false, 61, 121);
    });
    bad("stronger-word", "`close` where the distances are only possible", &|d| {
        d["pairs"][2]["similarity"] = json!("close");
    });
    bad("identical", "`identical` with another digest", &|d| {
        d["pairs"][1] = with(d["pairs"][1].clone(), json!({"similarity": "identical", "match": null}));
    });
    bad("distance-of-the-same", "a distance between the same bytes", &|d| {
        d["pairs"][0] =
            with(d["pairs"][0].clone(), json!({"similarity": "close", "match": near("whole", "whole", false, 0, 0)}));
    });
    bad("order-of-pairs", "a weaker pair before a stronger one", &|d| d["pairs"].as_array_mut().unwrap().swap(1, 2));
    bad("pair-twice", "an image and a record twice", &|d| {
        let again = d["pairs"][2].clone();
        d["pairs"].as_array_mut().unwrap().push(with(again, json!({"match": near("whole", "whole", false, 60, 401)})));
        d["pairs_found"] = json!(4);
    });
    bad("no-such-image", "a pair of an image that is not listed", &|d| d["pairs"][2]["image"] = json!(3));
    bad("uncompared-image", "a distance of an image that was not compared", &|d| d["pairs"][2]["image"] = json!(2));
    bad("image-twice", "one digest twice among the images", &|d| {
        d["images"][2]["sha256"] = d["images"][0]["sha256"].clone();
    });
    bad("left-out", "fewer images listed than were found, though there was room", &|d| d["images_found"] = json!(5));
    bad("unaccounted", "registered records that nobody accounts for", &|d| d["registered"]["records"] = json!(10));
    bad("mirrored-side", "a mirrored side held against the same side", &|d| {
        d["pairs"][2]["match"]["mirrored"] = json!(true);
    });
    bad("later-record", "a record that was received after the comparison", &|d| {
        let later = record(d["capture"]["ledger"].as_str().unwrap(), 56, 8);
        let r = d["pairs"][2]["record"].clone();
        d["pairs"][2]["record"] = with(r, later);
    });
    bad("compared-later", "compared after its own record was received", &|d| {
        d["compared_at"] = json!(at(61).to_micros());
    });
    bad("another-ledger", "a registered record of another ledger", &|d| {
        d["pairs"][2]["record"]["ledger"] = json!(format!("other.example/{}", "0".repeat(32)));
    });
    bad("without-match", "a member left out", &|d| drop(d["pairs"][2].as_object_mut().unwrap().remove("match")));
    bad("both", "registered images and an earlier capture in one", &|d| {
        let ledger = d["capture"]["ledger"].as_str().unwrap().to_owned();
        d["earlier"] = captured(&ledger, 20, 3);
        d["differences"] = two(&ledger)["differences"].clone();
    });
    bad("not-an-integer", "a distance that is no integer", &|d| d["pairs"][1]["match"]["dct"] = json!("12"));

    let mut stated = |slug: &str, what: &str, change: &dyn Fn(&mut Build, &Value)| {
        book.bad(ID, slug, what, |b| {
            let document = document(&b.world.origin);
            change(b, &document);
        })
        .and(OPEN, "not_checked");
    };
    stated("refs-without-a-record", "a record of the pairs is not among the refs", &|b, document| {
        let mut refs = refs(document);
        refs.as_array_mut().unwrap().pop();
        comparison(b, document, refs, json!(URL));
    });
    stated("refs-capture-last", "the capture is not the first of the refs", &|b, document| {
        let mut refs = refs(document);
        refs.as_array_mut().unwrap().rotate_left(1);
        comparison(b, document, refs, json!(URL));
    });
    stated("url", "the record claims another page", &|b, document| {
        comparison(b, document, refs(document), json!("https://shop.example/heron"));
    });
    stated("not-canonical", "a line end after the document", &|b, document| {
        honest(b, document);
        put(b, [canonical(document), b"\n".to_vec()].concat());
    });

    let mut open = |slug: &str, what: &str, change: &dyn Fn(&mut Value)| {
        book.open(ID, slug, what, |b| {
            let mut document = document(&b.world.origin);
            change(&mut document);
            honest(b, &document);
        })
        .and(OPEN, "not_checked");
    };
    open("threshold", "other thresholds, for a newer reader", &|d| d["thresholds"]["close"]["dct"] = json!(49));
    open("schema", "a newer document", &|d| d["schema"] = json!("quezao/comparison/v3"));
    open("member", "a member that version 1 does not know", &|d| d["images"][0]["colour"] = json!("black"));
    book.open(ID, "not-given", "the document is not in the package", |b| {
        let document = document(&b.world.origin);
        honest(b, &document);
        b.entries = Box::new(|_, _| ());
    })
    .and(OPEN, "not_checked")
    .and("file", "not_checked");
    book.bad("disclosures", "comparison-without-capture", "a comparison whose refs are not disclosed", |b| {
        let document = document(&b.world.origin);
        honest(b, &document);
        let mut names = Kind::Comparison.claims();
        names.sort_unstable();
        b.opened.remove(names.iter().position(|n| *n == "refs").unwrap());
    })
    .and(ID, "not_checked")
    .and(OPEN, "not_checked");
    book.bad("file", "another-comparison", "another document than the statement's in the package", |b| {
        let document = document(&b.world.origin);
        honest(b, &document);
        let other = with(document, json!({"compared_at": at(54).to_micros()}));
        let bytes = canonical(&other);
        b.entries = Box::new(move |_, entries| entries.push(("comparison.json".into(), bytes.clone())));
    })
    .and(OPEN, "not_checked");

    book.good(ID, "licences", "it tells of licences: one that stood, one that had ended, one for other pages", |b| {
        let document = licensed(&b.world.origin);
        honest(b, &document);
    })
    .and(OPEN, "not_checked");
    book.good(ID, "no-licences", "version 2, and no licence to tell of", |b| {
        let document = with(licensed(&b.world.origin), json!({"licences": [], "licences_found": 0}));
        honest(b, &document);
    })
    .and(OPEN, "not_checked");
    let mut told = |slug: &str, what: &str, change: &dyn Fn(&mut Value)| {
        book.bad(ID, slug, what, |b| {
            let mut document = licensed(&b.world.origin);
            change(&mut document);
            honest(b, &document);
        })
        .and(OPEN, "not_checked");
    };
    told("licence-state", "a licence is called ended on a day on which it stood", &|d| {
        d["licences"][0]["state"] = json!("ended");
    });
    told("licence-ended-unsaid", "an ended one is called valid", &|d| d["licences"][1]["state"] = json!("valid"));
    told("licence-pair", "a licence names a pair that is not there", &|d| d["licences"][0]["pairs"] = json!([0, 3]));
    told("licence-order", "licences out of the order of their records", &|d| {
        d["licences"].as_array_mut().unwrap().swap(0, 1);
    });
    told("licence-pattern", "a pattern that fits, of a licence for other pages", &|d| {
        d["licences"][2]["pattern"] = json!("shop.example");
    });
    told("licence-stray", "a licence that speaks neither of the page nor of a pair", &|d| {
        d["licences"][2]["pairs"] = json!([]);
    });
    told("licence-backwards", "a licence that ends before it begins", &|d| {
        d["licences"][0]["until"] = json!("2025-12-31");
    });
    told("licence-later", "a licence that was recorded after the comparison", &|d| {
        let ledger = d["capture"]["ledger"].as_str().unwrap().to_owned();
        d["licences"][2] = with(d["licences"][2].take(), record(&ledger, 56, 12));
    });
    told("licence-end-before", "an end that was recorded before its licence", &|d| {
        let ledger = d["capture"]["ledger"].as_str().unwrap().to_owned();
        d["licences"][1]["ended"] = with(record(&ledger, 5, 13), json!({"from": "2026-01-04"}));
    });
    told("licence-count", "more licences are said than are listed", &|d| d["licences_found"] = json!(4));
    told("licence-ledger", "a licence of another ledger", &|d| {
        d["licences"][0]["ledger"] = json!("other.example/00000000000000000000000000000000");
    });
}
