//! `statement`, `disclosures`, `file`: what is claimed, what of it is opened, and the bytes it is about.

use super::{
    Book,
    world::{Build, OTHER, PICTURE, at, base64url, canonical},
};
use evidence::{
    digest,
    json::{Value, json},
    statement::Kind,
};

pub fn cases(book: &mut Book) {
    statements(book);
    disclosures(book);
    files(book);
}

/// The disclosed text of a claim.
fn raw(salt: &[u8], name: &str, value: &Value) -> String {
    String::from_utf8(canonical(&json!([base64url(salt), name, value]))).unwrap()
}

fn statements(book: &mut Book) {
    const ID: &str = "statement";
    book.good(ID, "image", "an image, its file held", |_| ());
    book.good(ID, "file", "any other file, read and not kept", |b| {
        b.kind(Kind::File, &[("owner_kind", json!("enterprise")), ("file_name", json!("计划.pdf"))]);
        b.statement["file"]["custody"] = json!("read");
        b.statement["file"]["media_type"] = json!("application/pdf");
    });
    book.good(ID, "digest", "only a digest, declared", |b| b.kind(Kind::Digest, &[]));
    book.good(ID, "order", "an order to open a page, without a file; same person", |b| {
        b.kind(
            Kind::Order,
            &[("url", json!("https://shop.example/1")), ("attempt", json!(1)), ("purpose", json!("other"))],
        );
        b.statement["provenance"] = json!("applicant-operated");
        b.statement["operator_relation"] = json!("same-person");
        b.originals.clear();
    })
    .and("file", "not_checked");

    let mut bad = |slug, what, change: &dyn Fn(&mut Value)| {
        book.bad(ID, slug, what, |b| change(&mut b.statement)).statement_stops();
    };
    bad("provenance", "an image that says that the platform captured it", &|s| {
        s["provenance"] = json!("platform-captured")
    });
    bad("custody", "an image of which only the digest was told", &|s| s["file"]["custody"] = json!("declared"));
    bad("id-time", "the milliseconds in the id are not those of received_at", &|s| {
        s["id"] = json!("019b8bd0-0000-7000-8000-000000000002");
    });
    bad("id-version", "a UUID of version 4", &|s| {
        let id = s["id"].as_str().unwrap().replacen("-7000-", "-4000-", 1);
        s["id"] = json!(id);
    });
    bad("second-60", "received_at in a leap second", &|s| s["received_at"] = json!("2026-01-05T01:00:60.000000Z"));
    bad("hour-24", "received_at at 24 o'clock", &|s| s["received_at"] = json!("2026-01-04T24:00:00.000000Z"));
    bad("slot-missing", "a claim of the kind has no slot", &|s| {
        s["claims"].as_object_mut().unwrap().remove("title");
    });
    bad("two-digests", "a slot with two digests, so that it opens as two values", &|s| {
        let digest = s["claims"]["author"]["_sd"][0].clone();
        s["claims"]["owner_name"]["_sd"].as_array_mut().unwrap().push(digest);
    });
    bad("slot-extra", "a slot with a member besides _sd", &|s| s["claims"]["title"]["name"] = json!("x"));
    bad("defined-name", "a member that version 1 defines elsewhere (leaf)", &|s| s["leaf"] = json!("x"));
    bad("slot-of-another-kind", "a claim of another kind (page_title)", &|s| {
        s["claims"]["page_title"] = s["claims"]["title"].clone();
    });
    bad("empty-file", "a file of no bytes", &|s| s["file"]["size"] = json!(0));
    bad("upper-case", "a digest in upper case", &|s| {
        s["file"]["sha256"] = json!(s["file"]["sha256"].as_str().unwrap().to_uppercase());
    });
    bad("relation", "a relation that is not in the list", &|s| s["operator_relation"] = json!("independent"));
    bad("clock", "a clock that was not compared, and yet an offset", &|s| {
        s["clock"] = json!({"checked": false, "offset_us": 0});
    });
    bad("no-file", "an image without a file", &|s| {
        s.as_object_mut().unwrap().remove("file");
    });
    book.bad(ID, "order-relation", "an order by the applicant, who is not the operator", |b| {
        b.kind(Kind::Order, &[("url", json!("https://shop.example/1"))]);
        b.statement["provenance"] = json!("applicant-operated");
        b.originals.clear();
    })
    .statement_stops();
    book.bad(ID, "leaf-0", "a package of an operator record, which is leaf 0 and nothing else", |b| {
        let claims = [("operator_name", json!("Example"))];
        (b.statement, b.opened) = b.world.statement(Kind::Operator, 2, at(60), &claims);
        b.originals.clear();
    })
    .statement_stops();
    book.bad(ID, "not-the-record-s", "statement.json differs from the statement in the record", |b| {
        let mut other = b.statement.clone();
        other["software"]["version"] = json!("0.1.1");
        b.statement_bytes = Some(canonical(&other));
    })
    .statement_stops();

    let mut open = |slug, what, change: &dyn Fn(&mut Value)| {
        book.open(ID, slug, what, |b| change(&mut b.statement)).statement_stops();
    };
    open("schema", "a later schema", &|s| s["schema"] = json!("quezao/statement/v2"));
    open("no-schema", "no schema", &|s| {
        s.as_object_mut().unwrap().remove("schema");
    });
    open("kind", "a reserved kind", &|s| s["kind"] = json!("observation"));
    open("member", "a member that version 1 defines nowhere", &|s| s["colour"] = json!("red"));
    open("reserved", "a reserved provenance", &|s| s["provenance"] = json!("node-captured"));
    open("sd-alg", "another digest for disclosures", &|s| s["_sd_alg"] = json!("sha-512"));
}

fn disclosures(book: &mut Book) {
    const ID: &str = "disclosures";
    let find = |b: &Build, name: &str| {
        let kind = Kind::parse(b.statement["kind"].as_str().unwrap()).unwrap();
        let mut names = kind.claims();
        names.sort_unstable();
        names.iter().position(|n| *n == name).unwrap()
    };
    book.good(ID, "all", "every claim, those that are null too", |_| ());
    book.good(ID, "none", "no claim is disclosed", |b| b.opened.clear());
    book.good(ID, "some", "an ordinary package: without owner_id", move |b| {
        let at = find(b, "owner_id");
        b.opened.remove(at);
    });
    book.good(ID, "long-salt", "a salt of 64 bytes", |b| b.commit("title", &raw(&[7; 64], "title", &json!("x"))));
    book.good(ID, "refs", "references to earlier records", |b| {
        let leaf = "ab".repeat(32);
        let id = b.statement["id"].clone();
        b.commit("refs", &raw(&[7; 16], "refs", &json!([{"ledger": b.world.origin, "id": id, "leaf": leaf}])));
    });
    book.good(ID, "capture", "a capture, which discloses its order", |b| {
        b.kind(Kind::Capture, &[]);
        let id = b.statement["id"].clone();
        b.commit(
            "refs",
            &raw(&[7; 16], "refs", &json!([{"ledger": b.world.origin, "id": id, "leaf": "ab".repeat(32)}])),
        );
    })
    .all(&["capture-resources", "capture-path", "capture-order", "capture-contact"], "not_checked")
    .exit = 3;

    book.bad(ID, "another-owner", "owner_name opened as another's", move |b| {
        let at = find(b, "owner_name");
        b.opened[at] = base64url(raw(&[7; 16], "owner_name", &json!("乙")).as_bytes());
    });
    book.bad(ID, "two-for-one-slot", "owner_name opened twice, once right and once as another's", move |b| {
        let at = find(b, "owner_name");
        b.opened.insert(at + 1, base64url(raw(&[7; 16], "owner_name", &json!("乙")).as_bytes()));
    });
    book.bad(ID, "twice", "the same disclosure twice", move |b| {
        let again = b.opened[find(b, "title")].clone();
        b.opened.insert(find(b, "title"), again);
    });
    book.bad(ID, "order", "two disclosures in the wrong order", |b| b.opened.swap(3, 4));
    book.bad(ID, "another-name", "the slot of title opened under the name author", |b| {
        let text = raw(&[7; 16], "author", &json!("x"));
        b.statement["claims"]["title"] =
            json!({"_sd": [base64url(&digest::sha256(base64url(text.as_bytes()).as_bytes()))]});
        let mut names = Kind::Image.claims();
        names.sort_unstable();
        b.opened.remove(names.iter().position(|n| *n == "title").unwrap());
        b.opened[names.iter().position(|n| *n == "author").unwrap()] = base64url(text.as_bytes());
    });
    book.bad(ID, "spaces", "a disclosure that is not canonical JSON, and is committed to", |b| {
        b.commit("title", &raw(&[7; 16], "title", &json!("x")).replace(',', ", "));
    });
    book.bad(ID, "short-salt", "a salt of 15 bytes, and committed to", |b| {
        b.commit("title", &raw(&[7; 15], "title", &json!("x")));
    });
    book.bad(ID, "padding", "base64url with padding", move |b| {
        let place = find(b, "title");
        let text = raw(&[7; 16], "title", &json!("xx"));
        b.commit("title", &text);
        let padded = format!("{}=", b.opened[place]);
        b.statement["claims"]["title"] = json!({"_sd": [base64url(&digest::sha256(padded.as_bytes()))]});
        b.opened[place] = padded;
    });
    book.bad(ID, "type", "a title that is a number", |b| b.commit("title", &raw(&[7; 16], "title", &json!(7))));
    book.bad(ID, "word", "an owner_kind that is not in the list", |b| {
        b.commit("owner_kind", &raw(&[7; 16], "owner_kind", &json!("state")));
    });
    book.bad(ID, "date", "a completed_at that is no date", |b| {
        b.commit("completed_at", &raw(&[7; 16], "completed_at", &json!("2025-02-29")));
    });
    book.bad(ID, "long", "a title of 4,097 bytes", |b| {
        b.commit("title", &raw(&[7; 16], "title", &json!("x".repeat(4097))));
    });
    book.bad(ID, "refs-17", "seventeen references", |b| {
        let one = json!({"ledger": b.world.origin, "id": b.statement["id"], "leaf": "ab".repeat(32)});
        b.commit("refs", &raw(&[7; 16], "refs", &json!(vec![one; 17])));
    });
    book.bad(ID, "of-another-kind", "a disclosure of a claim that only captures have", |b| {
        let text = base64url(raw(&[7; 16], "page_title", &json!("x")).as_bytes());
        b.opened.clear();
        b.opened.push(text);
    });
    book.bad(ID, "four-members", "a disclosure of four members", |b| {
        b.commit("title", r#"["BwcHBwcHBwcHBwcHBwcHBw","title","x","y"]"#);
    });
    book.bad(ID, "no-array", "an object instead of an array", |b| b.disclosure = Some(b"{}".to_vec()));
    book.bad(ID, "capture-without-order", "a capture whose refs are null", |b| b.kind(Kind::Capture, &[]))
        .all(&["capture-resources", "capture-path", "capture-order", "capture-contact"], "not_checked");
    book.open(ID, "unknown-claim", "a disclosure of a claim that version 1 defines nowhere", |b| {
        b.opened = vec![base64url(raw(&[7; 16], "mood", &json!("x")).as_bytes())];
    });
    book.open(ID, "beacon", "an order with a beacon, which version 1 reserves", |b| {
        b.kind(Kind::Order, &[]);
        b.commit("beacon", &raw(&[7; 16], "beacon", &json!("x")));
        b.originals.clear();
    })
    .and("file", "not_checked");
}

fn files(book: &mut Book) {
    const ID: &str = "file";
    book.good(ID, "one", "the original", |_| ());
    book.good(ID, "twice", "the original, given twice", |b| {
        b.originals = vec![("magpie.jpg", PICTURE), ("copy.jpg", PICTURE)]
    });
    book.good(ID, "none-needed", "a record without a file, and none given", |b| {
        b.kind(Kind::Order, &[]);
        b.originals.clear();
    })
    .and("file", "not_checked");

    book.bad(ID, "another", "another file of the same size", |b| b.originals = vec![("heron.jpg", OTHER)]);
    book.bad(ID, "one-of-two", "the original, and another file", |b| {
        b.originals.push(("heron.jpg", OTHER));
    });
    let mut claimed = |slug, what, change: &dyn Fn(&mut Value)| {
        book.bad(ID, slug, what, |b| change(&mut b.statement["file"]));
    };
    claimed("size", "right digests, another size", &|f| f["size"] = json!(f["size"].as_u64().unwrap() + 1));
    claimed("sm3", "right SHA-256, another SM3", &|f| f["sm3"] = json!("0".repeat(64)));
    claimed("sha256", "right SM3, another SHA-256", &|f| f["sha256"] = json!("0".repeat(64)));
    claimed("swapped", "SHA-256 and SM3 exchanged", &|f| {
        let (sha, sm) = (f["sha256"].clone(), f["sm3"].clone());
        (f["sha256"], f["sm3"]) = (sm, sha);
    });
    book.bad(ID, "longer", "the original and one more byte", |b| {
        b.originals = vec![("longer.jpg", b"\xff\xd8\xff\xe0 not quite a picture of a magpie\n\n")];
    });
    book.bad(ID, "not-asked", "a file for a record that has none", |b| b.kind(Kind::Order, &[]));
    book.open(ID, "not-given", "no file for a record that has one", |b| b.originals.clear());
}
