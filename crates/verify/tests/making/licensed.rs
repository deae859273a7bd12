//! `named-file-N`, and lists of collections in `named`: which given file is one of those that a licence names.

use super::{
    Book,
    collection::{THIRD, put_file},
    licence::licence,
    related::reference,
    world::{Build, OTHER, PICTURE, World, at, canonical},
};
use evidence::{
    digest::{self, FileDigests},
    hex,
    json::{Value, json},
    statement::Kind,
};

const ID: &str = "named-file-N";
const NAMED: &str = "named";

/// A registered file as a licence's package carries it.
struct Named {
    statement: Value,
    opened: Vec<String>,
    list: Option<Vec<u8>>,
    carried: bool,
}

fn named(world: &World, kind: Kind, n: u64, bytes: &[u8]) -> Named {
    let claims = [("owner_kind", json!("individual")), ("owner_name", json!("甲")), ("title", json!("喜鹊"))];
    let (mut statement, opened) = world.statement(kind, n, at(50), &claims);
    put_file(&mut statement, bytes);
    let mut names = kind.claims();
    names.sort_unstable();
    let shown = names.iter().zip(opened).filter(|(name, _)| ["title", "file_name"].contains(name));
    Named { statement, opened: shown.map(|(_, encoded)| encoded).collect(), list: None, carried: true }
}

/// The first named picture is what is given in every case, unless one says otherwise.
fn picture(world: &World) -> Named {
    named(world, Kind::Image, 5, PICTURE)
}

/// A collection of these files, with its list.
fn collection(world: &World, n: u64, files: &[&[u8]]) -> Named {
    let line = |(index, bytes): (u64, &&[u8])| {
        let FileDigests { sha256, sm3, size } = FileDigests::of(bytes);
        let id = world.image_of("甲", 20 + index, at(index as i64)).0["id"].clone();
        let line = json!({
            "id": id, "index": index, "record_sha256": hex::encode(&digest::sha256(bytes)), "sha256": hex::encode(&sha256),
            "size": size, "sm3": hex::encode(&sm3),
        });
        [canonical(&line), b"\n".to_vec()].concat()
    };
    let list: Vec<u8> = (1..).zip(files).flat_map(line).collect();
    Named { list: Some(list.clone()), ..named(world, Kind::Collection, n, &list) }
}

/// A licence of these, and the files given along.
fn of(b: &mut Build, all: Vec<Named>, given: &[(&'static str, &'static [u8])]) {
    let records: Vec<Vec<u8>> = all.iter().map(|n| b.world.record(&n.statement, at(51))).collect();
    let refs: Vec<Value> = all.iter().zip(&records).map(|(n, record)| reference(&n.statement, record)).collect();
    licence(b, &[("refs", json!(refs))]);
    b.originals = given.to_vec();
    b.entries = Box::new(move |_, out| {
        for (place, (one, record)) in (1..).zip(all.iter().zip(&records)).filter(|(_, (one, _))| one.carried) {
            let mut put = |part: &str, bytes: Vec<u8>| out.push((format!("related-named-{place:02}-{part}"), bytes));
            put("disclosure.json", canonical(&json!(one.opened)));
            one.list.iter().for_each(|list| put("manifest.jsonl", list.clone()));
            put("record.json", record.clone());
        }
    });
}

pub fn cases(book: &mut Book) {
    let file = ("file", "not_checked");
    let (magpie, heron, wren) = (("magpie.jpg", PICTURE), ("heron.jpg", OTHER), ("wren.jpg", THIRD));
    let two = |w: &World| vec![picture(w), named(w, Kind::Image, 6, OTHER)];
    let listed = |w: &World| vec![picture(w), collection(w, 7, &[OTHER, THIRD])];

    book.good(ID, "one", "the picture that a licence names", |b| of(b, vec![picture(&b.world)], &[magpie]))
        .and(file.0, file.1);
    book.good(ID, "both", "two pictures of a licence, the second first, and one of them twice", |b| {
        of(b, two(&b.world), &[heron, magpie, ("copy.jpg", PICTURE)]);
    })
    .and(file.0, file.1);
    book.good(ID, "listed", "a picture on the list of a collection that a licence names", |b| {
        of(b, listed(&b.world), &[wren]);
    })
    .and(file.0, file.1);
    book.good(ID, "part", "not all of it is carried along, but the given picture is", |b| {
        let mut all = two(&b.world);
        all[1].carried = false;
        of(b, all, &[magpie]);
    })
    .and(file.0, file.1);

    let mut bad = |slug, what, change: &dyn Fn(&mut Build)| {
        book.bad(ID, slug, what, change).and(file.0, file.1);
    };
    bad("another", "a picture that the licence does not name", &|b| of(b, two(&b.world), &[wren]));
    bad("unlisted", "a picture on no list of those named", &|b| {
        of(b, listed(&b.world), &[("stranger.jpg", b"\xff\xd8\xff\xe0 on no list\n")]);
    });
    let claimed = |change: &'static dyn Fn(&mut Value)| {
        move |b: &mut Build| {
            let mut one = picture(&b.world);
            change(&mut one.statement["file"]);
            of(b, vec![one], &[magpie]);
        }
    };
    bad("size", "right digests, another size", &claimed(&|f| f["size"] = json!(f["size"].as_u64().unwrap() + 1)));
    bad("sm3", "right SHA-256, another SM3", &claimed(&|f| f["sm3"] = json!("0".repeat(64))));
    bad("sha256", "right SM3, another SHA-256", &claimed(&|f| f["sha256"] = json!("0".repeat(64))));
    book.bad(ID, "one-of-two", "a named picture, and another", |b| of(b, two(&b.world), &[magpie, wren]))
        .instead("named-file-1", "named-file-2")
        .and(file.0, file.1);

    let mut open = |slug, what, change: &dyn Fn(&mut Build)| {
        book.open(ID, slug, what, change).and(file.0, file.1);
    };
    open("not-carried", "no record that the licence names is carried along", &|b| {
        let mut all = two(&b.world);
        all.iter_mut().for_each(|n| n.carried = false);
        of(b, all, &[magpie]);
    });
    open("perhaps", "the given picture may be the one that is not carried along", &|b| {
        let mut all = two(&b.world);
        all[1].carried = false;
        of(b, all, &[wren]);
    });
    open("no-list", "the given picture may be on a list that is not carried along", &|b| {
        let mut all = listed(&b.world);
        all[1].list = None;
        of(b, all, &[wren]);
    });

    let spoiled = |b: &mut Build, change: &dyn Fn(&mut Vec<Named>)| {
        let mut all = listed(&b.world);
        change(&mut all);
        of(b, all, &[]);
    };
    book.good(NAMED, "list", "the list of a collection that a licence names", |b| spoiled(b, &|_| ()))
        .and(file.0, file.1);
    let mut bad = |slug, what, change: &dyn Fn(&mut Vec<Named>)| {
        book.bad(NAMED, slug, what, |b| spoiled(b, change)).and(file.0, file.1);
    };
    bad("another-list", "a list of which a line was taken out", &|all| {
        let list = all[1].list.as_mut().unwrap();
        list.truncate(list.iter().position(|byte| *byte == b'\n').unwrap() + 1);
    });
    bad("list-of-picture", "a list beside a picture's record", &|all| all[0].list = all[1].list.clone());
    book.bad(NAMED, "list-form", "a list with its lines out of order, which its record is of", |b| {
        let mut all = listed(&b.world);
        let lines = all[1].list.take().unwrap();
        let turned: Vec<u8> = lines.split_inclusive(|byte| *byte == b'\n').rev().flatten().copied().collect();
        all[1] = Named { list: Some(turned.clone()), ..named(&b.world, Kind::Collection, 7, &turned) };
        of(b, all, &[]);
    })
    .and(file.0, file.1);
}
